"""Whole files of every format, to be broken: name, bytes, and the hints that reading them needs."""

import io
import json

import numpy as np

from lifting.skeleton import BLAZEPOSE, COCO, HALPE26, OPENPOSE25
from tests.files.made import SIZE, people
from tests.files.test_motion import BVH, MARKERS, standing, write_c3d
from tests.files.test_tables import HALPE_NAMES, trc


def triples(points, third=0.5):
    """x, y and a third number of each landmark in a row."""
    return np.concatenate([points, np.full((1, points.shape[1]), third)]).T.ravel().tolist()


def openpose(points):
    """OpenPose's object of a frame with one person."""
    return {"version": 1.3, "people": [{"person_id": [-1], "pose_keypoints_2d": triples(points)}]}


def results(points):
    """COCO's list of results, a frame a person."""
    return [{"image_id": n, "category_id": 1, "keypoints": triples(one), "score": 0.9} for n, one in enumerate(points)]


def annotations(points):
    """COCO's object of annotations."""
    return {
        "images": [{"id": n, "width": SIZE[0], "height": SIZE[1], "file_name": f"{n}.jpg"} for n in range(len(points))],
        "annotations": [{"id": n, "image_id": n, "keypoints": triples(one, 2)} for n, one in enumerate(points)],
        "categories": [{"id": 1, "name": "person", "keypoints": list(COCO.landmarks)}],
    }


def mmpose(points):
    """MMPose's object of a video."""
    frames = [[{"keypoints": one.T.tolist(), "keypoint_scores": [0.5] * one.shape[1]}] for one in points]
    return {"meta_info": {}, "instance_info": [{"frame_id": n, "instances": one} for n, one in enumerate(frames)]}


def mediapipe(points):
    """MediaPipe's frames with the size of the picture."""
    frames = [[{"x": x / SIZE[0], "y": y / SIZE[1], "visibility": 0.5} for x, y in one.T] for one in points]
    return {
        "width": SIZE[0],
        "height": SIZE[1],
        "frames": [{"frame": n, "landmarks": one} for n, one in enumerate(frames)],
    }


def yolo(points):
    """YOLO's list of one picture."""
    return [{"name": "person", "keypoints": {"x": points[0].tolist(), "y": points[1].tolist()}}]


def wide(points):
    """The text of a table with a row a frame."""
    rows = [["frame", *(f"{name}_{axis}" for name in COCO.landmarks for axis in "xy")]]
    rows += [[n, *one.T.ravel().tolist()] for n, one in enumerate(points)]
    return "\n".join(",".join(map(str, row)) for row in rows) + "\n"


def long(points):
    """The text of a table with a row a landmark."""
    rows = [["frame", "landmark", "x", "y", "confidence"]]
    rows += [[n, name, *one[:, i], 0.5] for n, one in enumerate(points) for i, name in enumerate(COCO.landmarks)]
    return "\n".join(",".join(map(str, row)) for row in rows) + "\n"


def deeplabcut(points):
    """The text of a table with DeepLabCut's headers."""
    rows = [
        ["scorer", *["net"] * 51],
        ["bodyparts", *np.repeat(COCO.landmarks, 3)],
        ["coords", *["x", "y", "likelihood"] * 17],
    ]
    rows += [[n, *triples(one)] for n, one in enumerate(points)]
    return "\n".join(",".join(map(str, row)) for row in rows) + "\n"


def npz(**arrays):
    """The bytes of an NPZ file."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def whole_files(folder):
    """The bytes of a whole file of each format, by its name."""
    coco, halpe = people(3, COCO), people(3, HALPE26)
    documents = {
        "a_openpose.json": openpose(people(1, OPENPOSE25)[0]), "a_results.json": results(coco),
        "a_annotations.json": annotations(coco), "a_mmpose.json": mmpose(coco), "a_yolo.json": yolo(coco[0]),
        "a_mediapipe.json": mediapipe(people(3, BLAZEPOSE)),
        "a_alphapose.json": {"0.jpg": openpose(people(1, OPENPOSE25)[0])},
    }  # fmt: skip
    files = {name: json.dumps(document).encode() for name, document in documents.items()}
    files |= {name: text.encode() for name, text in {
        "wide.csv": wide(coco), "long.csv": long(coco), "deeplabcut.csv": deeplabcut(coco),
        "labels.txt": " ".join(map(str, [0, 0.5, 0.5, 0.1, 0.1, *triples(coco[0] / np.array(SIZE)[:, None])])) + "\n",
    }.items()}  # fmt: skip
    files["flat.trc"] = trc(folder / "flat.trc", halpe, HALPE_NAMES).read_bytes()
    files["a.npz"] = npz(keypoints=coco.swapaxes(1, 2))
    return files


def whole_motions(folder):
    """The bytes of a whole file of each format of motion, by its name."""
    poses = standing(4, np.random.default_rng(0))
    rows = "\n".join(" ".join(["1"] * 30) for _ in range(4))
    return {
        "walk.bvh": (BVH.replace("{frames}", "4") + rows + "\n").encode(),
        "walk.c3d": write_c3d(folder / "walk.c3d", poses * 1000).read_bytes(),
        "walk.trc": trc(folder / "walk.trc", poses, list(MARKERS)).read_bytes(),
    }
