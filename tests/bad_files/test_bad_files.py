"""Files that are broken, each refused in one line that names the file, and where there is one, frame and person.

The table has what is written, how it is read, and what is said; `good` makes the whole files that are broken here.
"""

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lifting.files import poses_of, read, read_motion
from lifting.skeleton import BLAZEPOSE, COCO, COCO18, HALPE26, OPENPOSE25
from tests.bad_files import good
from tests.files.made import SIZE, people
from tests.files.test_motion import BVH, MARKERS, standing, write_c3d
from tests.files.test_tables import HALPE_NAMES, trc

BODY, BODY18, PEOPLE, BLAZE = people(1, OPENPOSE25)[0], people(1, COCO18)[0], people(3, COCO), people(3, BLAZEPOSE)


@dataclass
class Bad:
    """A kind of broken file: the files by name, what is said after the file's path, and how they are read."""

    name: str
    files: dict[str, Any]
    said: str
    options: dict[str, Any] | None = None
    motion: bool = False


def change(document, *path, to):
    """A copy of `document` with another value at the end of `path`; without it where `to` is Ellipsis."""
    document = json.loads(json.dumps(document))
    inside = document
    for key in path[:-1]:
        inside = inside[key]
    if to is ...:
        del inside[path[-1]]
    else:
        inside[path[-1]] = to
    return document


def cells(text, row, column, to):
    """A table with another word in one cell."""
    rows = [line.split(",") for line in text.splitlines()]
    rows[row][column] = to
    return "\n".join(map(",".join, rows)) + "\n"


NUMBERS = ("people", 0, "pose_keypoints_2d")
OPENPOSE, RESULTS, ANNOTATIONS = good.openpose(BODY), good.results(PEOPLE), good.annotations(PEOPLE)
MMPOSE, MEDIAPIPE, YOLO = good.mmpose(PEOPLE), good.mediapipe(BLAZE), good.yolo(PEOPLE[0])
WIDE, LONG, DEEPLABCUT = good.wide(PEOPLE), good.long(PEOPLE), good.deeplabcut(PEOPLE)
LABEL = [0, 0.5, 0.5, 0.1, 0.1, *good.triples(PEOPLE[0] / np.array(SIZE)[:, None])]
KEYPOINTS = PEOPLE.swapaxes(1, 2)
WALK = BVH.replace("{frames}", "2") + 2 * (" ".join(["1"] * 30) + "\n")


def table(text):
    """The text as a file a.csv."""
    return {"a.csv": text}


def labels(*rows):
    """Lines of numbers as a file a_4.txt."""
    return {"a_4.txt": "\n".join(" ".join(map(str, row)) for row in rows)}


def markers(**changes):
    """A TRC file of Sports2D's, and words in it in the place of others."""

    def make(path):
        trc(path, people(3, HALPE26), HALPE_NAMES)
        text = path.read_text()
        for old, new in changes.values():
            assert old in text
            text = text.replace(old, new, 1)
        path.write_text(text)

    return {"a.trc": make}


def capture(unit="mm", screen=None, cut=None):
    """A C3D file that lies on its side, so that no axis is known to be up."""

    def make(path):
        write_c3d(path, standing(40, np.random.default_rng(0))[:, [1, 0, 2]] * 1000, unit, screen)
        path.write_bytes(path.read_bytes()[:cut])

    return {"a.c3d": make}


TABLE = [
    # ---- any file ----
    Bad("empty", {"a.json": ""}, ": got an empty file, expected a file with landmarks"),
    Bad("spaces", {"a.csv": " \n\n"}, ": got an empty file"),
    Bad("cut JSON", {"a.json": json.dumps(RESULTS)[:-40]}, ", line 1: got no JSON"),
    Bad("binary junk", {"a.json": bytes(range(128, 256))}, ": got byte 0x80 at 0, expected text in UTF-8"),
    Bad("UTF-16", {"a.csv": WIDE.encode("utf-16")}, ": got byte 0xff at 0, expected text in UTF-8"),
    Bad("a web page", {"a.json": "<html><body>404</body></html>"}, ", line 1: got no JSON"),
    Bad("another JSON", {"a.json": {"a": 1}}, ": got JSON of no known format, expected one of alphapose, coco"),
    Bad("an empty list", {"a.json": []}, ": got JSON of no known format"),
    Bad("told a wrong format", {"a.json": {"a": 1}}, ": got JSON that is not openpose", {"format": "openpose"}),
    Bad("an ending nobody knows", {"a.xyz": "1 2 3"}, ": got a file that ends in .xyz, expected one of .csv, .json"),
    Bad("motion where landmarks are wanted", {"a.bvh": WALK}, ": got BVH, 3D motion, expected 2D landmarks"),
    Bad(
        "several formats in a folder",
        {"v_1.json": OPENPOSE, "v_2.json": YOLO},
        ": got files of several formats, openpose, yolo",
    ),
    # ---- OpenPose ----
    Bad(
        "24 landmarks",
        {"v_7.json": change(OPENPOSE, *NUMBERS, to=[1] * 72)},
        ", frame 7: got 24 landmarks, expected one of 17 (coco)",
    ),
    Bad(
        "74 numbers",
        {"v_7.json": change(OPENPOSE, *NUMBERS, to=[1] * 74)},
        ", frame 7, person 1: got 74 numbers, expected three numbers for each landmark",
    ),
    Bad(
        "a word among numbers",
        {"v_7.json": change(OPENPOSE, *NUMBERS, 3, to="x")},
        ", frame 7, person 1: got 'x' among the numbers",
    ),
    Bad(
        "no landmarks",
        {"v_7.json": change(OPENPOSE, *NUMBERS, to=...)},
        ", frame 7, person 1: got a person without 'pose_keypoints_2d'",
    ),
    Bad(
        "a negative confidence",
        {"v_7.json": change(OPENPOSE, *NUMBERS, 14, to=-0.5)},
        ", frame 7, person 1: got right_wrist -0.5, expected a confidence >= 0",
    ),
    Bad(
        "NaN",
        {"v_7.json": change(OPENPOSE, *NUMBERS, 0, to=float("nan"))},
        ", frame 7, person 1: got nose nan, 110.404",
    ),
    Bad("null", {"v_7.json": change(OPENPOSE, *NUMBERS, 1, to=None)}, ", frame 7, person 1: got nose 146.128, nan"),
    Bad(
        "infinite",
        {"v_7.json": change(OPENPOSE, *NUMBERS, 0, to=float("inf"))},
        ", frame 7, person 1: got nose inf, 110.404",
    ),
    Bad(
        "out of all pictures",
        {"v_7.json": change(OPENPOSE, *NUMBERS, 0, to=1e12)},
        ", frame 7, person 1: got nose 1e+12, 110.404",
    ),
    Bad("nobody", {"v_7.json": {"people": []}}, ": got OpenPose JSON, BODY_25 with nobody in any frame"),
    Bad(
        "other people's order",
        {"v_7.json": {"people": OPENPOSE["people"] + good.openpose(BODY18)["people"]}},
        ", frame 7, person 2: got 54 numbers, expected 75",
    ),
    Bad(
        "mixed skeletons in a folder",
        {"v_1.json": OPENPOSE, "v_2.json": good.openpose(BODY18)},
        "v_2.json: got OpenPose JSON, COCO 18, expected the same as in v_1.json, OpenPose JSON, BODY_25",
    ),
    Bad(
        "a frame twice in a folder",
        {"v_1.json": OPENPOSE, "v_01.json": OPENPOSE},
        "v_1.json, frame 1: got the same frame as in v_01.json",
    ),
    Bad(
        "a skeleton of another size",
        {"v_7.json": OPENPOSE},
        ", frame 7: got 25 landmarks, expected 17, as coco has",
        {"skeleton": "coco"},
    ),
    # ---- COCO and AlphaPose ----
    Bad(
        "another count",
        {"a.json": change(RESULTS, 1, "keypoints", to=[1] * 54)},
        ", frame 1, entry 2: got 54 numbers, expected 51, as the first has",
    ),
    Bad(
        "no picture",
        {"a.json": change(RESULTS, 1, "image_id", to=...)},
        ", entry 2: got image_id None, expected a whole number",
    ),
    Bad(
        "numbers and names of pictures",
        {"a.json": change(RESULTS, 1, "image_id", to="1.jpg")},
        ", entry 2: got image_id '1.jpg'",
    ),
    Bad(
        "a track twice",
        {"a.json": [entry | {"track_id": 4, "image_id": 9} for entry in RESULTS]},
        ", frame 9, person 4: got this person twice in the frame",
    ),
    Bad(
        "a track that is a word",
        {"a.json": [entry | {"track_id": "x"} for entry in RESULTS]},
        ", frame 0: got 'x', expected a whole number as track_id",
    ),
    Bad(
        "visibility 3",
        {"a.json": change(ANNOTATIONS, "annotations", 1, "keypoints", 2, to=3)},
        ", frame 1, person 1: got visibility 3, expected 0, 1 or 2",
    ),
    Bad(
        "no keypoints",
        {"a.json": change(ANNOTATIONS, "annotations", to=[{"image_id": 1, "bbox": [0, 0, 1, 1]}])},
        ": got no annotation with keypoints",
    ),
    Bad(
        "fewer names",
        {"a.json": change(ANNOTATIONS, "categories", 0, "keypoints", 3, to=...)},
        ": got 17 landmarks a person, expected 16, as the category names",
    ),
    Bad(
        "a name twice",
        {"a.json": change(ANNOTATIONS, "categories", 0, "keypoints", 1, to="Nose")},
        ": got 'nose' and 'Nose', which are one landmark",
    ),
    # ---- MMPose ----
    Bad(
        "3D in MMPose",
        {"a.json": change(MMPOSE, "instance_info", 1, "instances", 0, "keypoints", 2, to=[1, 2, 3])},
        ", frame 1, person 1: got a landmark of 3 coordinates, expected 2",
    ),
    Bad(
        "fewer scores",
        {"a.json": change(MMPOSE, "instance_info", 1, "instances", 0, "keypoint_scores", 2, to=...)},
        ", frame 1, person 1: got 16 scores of 17 landmarks",
    ),
    Bad(
        "a frame's number is a word",
        {"a.json": change(MMPOSE, "instance_info", 1, "frame_id", to="two")},
        ": got 'two', expected a whole number as frame_id",
    ),
    # ---- MediaPipe ----
    Bad(
        "32 landmarks",
        {"a.json": change(MEDIAPIPE, "frames", 1, "landmarks", 4, to=...)},
        ", frame 1, person 1: got 32 landmarks, expected 33",
    ),
    Bad(
        "shares without a size",
        {"a.json": change(MEDIAPIPE, "width", to=...)},
        ": got x and y as shares of a picture of unknown size, expected its size=",
    ),
    Bad(
        "a size of 0", {"a.json": change(MEDIAPIPE, "width", to=0)}, ": got 0 as width, expected a number of pixels > 0"
    ),
    Bad(
        "no y",
        {"a.json": change(MEDIAPIPE, "frames", 1, "landmarks", 4, "y", to=...)},
        ", frame 1, person 1, right_eye_inner: got an object of 2",
    ),
    # ---- YOLO ----
    Bad(
        "fewer y than x",
        {"a_4.json": change(YOLO, 0, "keypoints", "y", 3, to=...)},
        ", frame 4, person 1: got 17 x, 16 y, 17 visible",
    ),
    Bad("45 numbers", labels(LABEL[:45]), ", frame 4: got 45 numbers, expected 56"),
    Bad(
        "a cut line",
        labels(LABEL, LABEL[:-2]),
        ", frame 4, person 2: got 54 numbers, expected 56, as the first person has",
    ),
    Bad("a word in a line", labels(LABEL, [*LABEL[:9], "x", *LABEL[10:]]), ", frame 4, person 2: got '0 0.5"),
    Bad("labels without a size", labels(LABEL), ": got x and y as shares of a picture of unknown size", {"size": None}),
    # ---- CSV ----
    Bad("headers alone", table(WIDE.splitlines()[0]), ": got a table without rows"),
    Bad(
        "a cell too few",
        table(WIDE.replace("\n1,", "\n", 1)),
        ", line 3: got 34 cells, expected 35, as the first line has",
    ),
    Bad("x without y", table(WIDE.replace("left_knee_y", "left_knee_q")), ": got no y of left_knee"),
    Bad("a word in a cell", table(cells(WIDE, 2, 3, "wide")), ", line 3: got 'wide' for left_eye, expected a number"),
    Bad(
        "a decimal comma",
        table(cells(WIDE.replace(",", ";"), 0, 0, WIDE.splitlines()[0].replace(",", ";")).replace(".", ",")),
        ", line 2: got '",
    ),
    Bad(
        "time goes back in a table",
        table(cells(WIDE.replace("left_ear_x", "time").replace("left_ear_y", "other"), 3, 7, "-1")),
        ", frame 2, person 1: got time -1 after ",
    ),
    Bad("infinite in a cell", table(cells(WIDE, 2, 3, "inf")), ", line 3: got inf for left_eye"),
    Bad(
        "columns without landmarks",
        table("a,b\n1,2\n"),
        ": got CSV of no known format, expected one of csv, csv-long, deeplabcut",
    ),
    Bad("a frame twice", table(cells(WIDE, 2, 0, "0")), ", frame 0, person 1: got this person twice in the frame"),
    Bad("a landmark twice in a frame", table(cells(LONG, 2, 1, "nose")), ", frame 0, line 3: got 'nose' twice"),
    Bad(
        "3D in a table",
        table(WIDE.replace("right_ankle_x,right_ankle_y", "nose_z,else")),
        ": got columns of x, y and z, expected 2D",
    ),
    Bad(
        "two names of one landmark",
        table(WIDE.replace("left_eye", "Nose")),
        ": got 'nose' and 'Nose', which are one landmark",
    ),
    Bad("DeepLabCut without rows", table("\n".join(DEEPLABCUT.splitlines()[:3])), ": got headers without rows"),
    Bad(
        "a likelihood below 0",
        table(cells(DEEPLABCUT, 4, 3, "-0.1")),
        ", frame 1, person 1: got nose -0.1, expected a confidence >= 0",
    ),
    # ---- TRC ----
    Bad("no TRC", {"a.trc": "Frame\tTime\n1\t2\n"}, ": got 'Frame' at its start, expected a TRC file"),
    Bad(
        "a cut TRC",
        markers(cut=("\t3\t26\t", "\t9\t26\t")),
        ": got 3 as NumFrames in what follows, expected 9, as the header says",
    ),
    Bad("unknown units", markers(unit=("\tm\t", "\tfurlong\t")), ": got 'furlong' as Units, expected one of m,"),
    Bad("no rate", markers(rate=("\n30\t", "\n0\t")), ": got '0' as DataRate, expected frames a second"),
    Bad("time goes back", markers(time=("\n2\t", "\n2\t-")), ", line 8: got time -"),
    Bad("3D in a TRC", markers(depth=("\t0.0\n", "\t5.5\n")), ": got markers in 3D, expected 2D landmarks"),
    # ---- NPZ ----
    Bad(
        "Python objects",
        {"a.npz": good.npz(positions_2d=np.array({"S1": Path("x")}, dtype=object), metadata=np.zeros(1))},
        ", positions_2d: got objects with pathlib.PosixPath, which may run something, expected dictionaries",
    ),
    Bad("a cut NPZ", {"a.npz": good.npz(keypoints=KEYPOINTS)[:-60]}, ": got a file that can't be read"),
    Bad("no NPZ", {"a.npz": b"landmarks"}, ": got no file of arrays"),
    Bad("an NPZ without keypoints", {"a.npz": good.npz(images=KEYPOINTS)}, ": got NPZ of no known format"),
    Bad(
        "coordinates first",
        {"a.npz": good.npz(keypoints=PEOPLE)},
        ": got keypoints of shape (3, 2, 17), expected 2 or 3 numbers per landmark, last",
    ),
    Bad(
        "3D in an NPZ",
        {"a.npz": good.npz(keypoints=np.concatenate([KEYPOINTS, -KEYPOINTS[..., :1]], axis=2))},
        ": got a third number below 0",
    ),
    Bad("words in an NPZ", {"a.npz": good.npz(keypoints=KEYPOINTS.astype(str))}, ": got keypoints of <U"),
    Bad(
        "other confidences",
        {"a.npz": good.npz(keypoints=KEYPOINTS, confidences=np.ones(17))},
        ": got confidences of float64 and shape (17,)",
    ),
    Bad(
        "frames that are none",
        {"a.npz": good.npz(keypoints=KEYPOINTS, frames=np.ones(3))},
        ": got frames of shape (3,) and float64, expected 3 whole numbers",
    ),
    # ---- motion ----
    Bad(
        "landmarks where motion is wanted",
        {"a.json": OPENPOSE},
        ": got a file that ends in .json, expected one of .bvh",
        motion=True,
    ),
    Bad(
        "a cut BVH",
        {"a.bvh": WALK[:-8]},
        ": got 1 frames and 26 of 30 values, expected 2, as the file announces",
        motion=True,
    ),
    Bad("a BVH cut before its motion", {"a.bvh": WALK[:300]}, ", line 13: got the end of the file", motion=True),
    Bad("NaN in a BVH", {"a.bvh": WALK[:-2] + "nan"}, ": got nan, expected a finite number", motion=True),
    Bad(
        "a channel that is none",
        {"a.bvh": WALK.replace("Zrotation", "Wrotation", 1)},
        ", line 5: got channel 'Wrotation'",
        motion=True,
    ),
    Bad(
        "no offset", {"a.bvh": WALK.replace("        OFFSET 0 25 0\n", "", 1)}, ": got no OFFSET of Spine", motion=True
    ),
    Bad("a time of 0", {"a.bvh": WALK.replace("0.04", "0")}, ": got 0 s from a frame to the next", motion=True),
    Bad("a giant", {"a.bvh": WALK.replace("-45", "-45000")}, ": got a skeleton 4.5", motion=True),
    Bad("no C3D", {"a.c3d": b"P" * 600}, ": got C3D that can't be read", motion=True),
    Bad(
        "a cut C3D",
        capture(screen="+Y", cut=-1500),
        ": got 26 frames, expected 40, as the header announces",
        motion=True,
    ),
    Bad("C3D in feet", capture(unit="ft", screen="+Y"), ": got units of 'ft', expected one of m, cm, mm", motion=True),
    Bad("which axis is up", capture(), ": got neither head above feet nor an axis stated to be up", motion=True),
    Bad(
        "a plane where motion is wanted",
        markers(),
        ": got markers in a plane, z = 0, expected motion in 3D",
        motion=True,
    ),
]


@pytest.mark.parametrize("bad", TABLE, ids=[bad.name for bad in TABLE])
def test_a_broken_file_is_refused_in_one_line(bad, tmp_path):
    for name, content in bad.files.items():
        path = tmp_path / name
        if callable(content):
            content(path)
        elif isinstance(content, (dict, list)):
            path.write_text(json.dumps(content))
        else:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError) as raised:
        if bad.motion:
            read_motion(path, names=MARKERS)
        else:
            read(tmp_path if len(bad.files) > 1 else path, **(bad.options or {}))
    message = str(raised.value)
    assert "\n" not in message and ": got " in message and ", expected " in message
    assert message.startswith(str(tmp_path)) and bad.said in message.removeprefix(
        str(path if len(bad.files) == 1 else tmp_path)
    )


def test_the_table_has_more_than_forty_kinds():
    assert len({bad.name for bad in TABLE}) == len(TABLE) > 40


def test_files_that_are_not_there_and_folders_that_are_empty(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.json: there is no such file"):
        read(tmp_path / "none.json")
    with pytest.raises(ValueError, match="got an empty folder, expected a folder with files of landmarks"):
        read(tmp_path)
    with pytest.raises(ValueError, match="paths: got none"):
        read()


def test_a_gap_in_every_frame_leaves_no_poses(tmp_path):
    poses = standing(4, np.random.default_rng(0))
    poses[:, :, 1] = np.nan
    poses[0, :, 1] = 1
    poses[0, :, 0] = np.nan
    motion = read_motion(trc(tmp_path / "a.trc", poses, list(MARKERS)), names=MARKERS)
    with pytest.raises(ValueError, match=r"a\.trc, landmarks: got a gap in every frame"):
        poses_of(motion)


def damaged(data, rng):
    """The file cut somewhere, or with some bytes that are others."""
    if rng.random() < 0.5:
        return data[: rng.randrange(len(data))]
    changed = bytearray(data)
    for _ in range(rng.choice([1, 3, 10])):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def test_whatever_is_damaged_is_read_or_refused_in_one_line(tmp_path):
    rng = random.Random(0)
    for read_one, files in ((lambda path: read(path, size=SIZE), good.whole_files(tmp_path)),
                            (lambda path: read_motion(path, names=MARKERS), good.whole_motions(tmp_path))):  # fmt: skip
        for name, data in files.items():
            path = tmp_path / name
            path.write_bytes(data)
            read_one(path)
            refused = 0
            for _ in range(20):
                path.write_bytes(damaged(data, rng))
                try:
                    read_one(path)
                except ValueError as error:
                    assert "\n" not in str(error) and name in str(error)
                    refused += 1
            assert refused, name
