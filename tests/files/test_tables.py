"""CSV, TRC, NPZ and NPY: made-up files of which the right values are known."""

import numpy as np
import pytest

from lifting import read
from lifting.files.recording import save_recording
from lifting.skeleton import BLAZEPOSE, COCO, HALPE26, HUMAN36M
from tests.files.made import SIZE, expected, people

HALPE = """
Nose LEye REye LEar REar LShoulder RShoulder LElbow RElbow LWrist RWrist LHip RHip LKnee RKnee LAnkle RAnkle
Head Neck Hip LBigToe RBigToe LSmallToe RSmallToe LHeel RHeel
"""
HALPE_NAMES = HALPE.split()


def save(path, rows):
    path.write_text("\n".join(",".join(map(str, row)) for row in rows) + "\n")
    return path


@pytest.mark.parametrize("individuals", [None, ("ann", "bob")])
def test_deeplabcut(tmp_path, individuals):
    each = [people(3, COCO, seed) for seed in range(len(individuals or "1"))]
    parts = [part for _ in each for part in COCO.landmarks for _ in range(3)]
    who = [name for name in individuals or [""] for _ in range(17 * 3)]
    rows = [
        ["scorer"] + ["net"] * len(parts),
        ["bodyparts", *parts],
        ["coords"] + ["x", "y", "likelihood"] * 17 * len(each),
    ]
    if individuals:
        rows.insert(1, ["individuals", *who])
    for n in range(3):
        cells = np.concatenate([np.concatenate([one[n], np.full((1, 17), 0.5)]).T.ravel() for one in each]).tolist()
        if n == 1:
            cells[:3] = ["", "", ""]  # no nose of the first
        rows.append([n, *cells])
    found = read(save(tmp_path / "a.csv", rows))
    assert [one.person for one in found] == list(individuals or "1") and found[0].format == "DeepLabCut CSV"
    there = np.ones((3, 17))
    there[1, 0] = 0
    np.testing.assert_allclose(found[0].Y, expected(each[0], COCO, there))
    for one, points in zip(found[1:], each[1:], strict=True):
        np.testing.assert_allclose(one.Y, expected(points, COCO))


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("{}_x {}_y {}_confidence", COCO.landmarks),
        ("{}.x {}.y {}.score", [name.upper() for name in COCO.landmarks]),
        ("{}X {}Y {}_c", COCO.landmarks),
        ("x_{} y_{} {}_v", HALPE_NAMES),
        ("{}(x) {}(y) {}(likelihood)", HALPE_NAMES),
    ],
)
def test_wide_tables(tmp_path, pattern, names):
    order = COCO if len(names) == 17 else HALPE26
    points = people(2, order)
    headers = ["frame", "time", "person"] + [
        word for name in names for word in pattern.format(name, name, name).split()
    ]
    rows = [
        [4 + n, n / 25, "eve", *np.concatenate([points[n], np.full((1, len(names)), 0.5)]).T.ravel()] for n in (0, 1)
    ]
    (found,) = read(save(tmp_path / "a.csv", [headers, *rows]))
    assert found.format == "CSV, a row a frame" and found.person == "eve"
    assert found.frames.tolist() == [4, 5] and found.times.tolist() == [0, 0.04]
    np.testing.assert_allclose(found.Y, expected(points, order))


@pytest.mark.parametrize("numbered", [False, True])
def test_long_tables(tmp_path, numbered):
    points = people(2, BLAZEPOSE)
    rows = [[n, i if numbered else name, *(points[n, :, i] / SIZE), 0.1, 0.5]
            for n in (0, 1) for i, name in enumerate(BLAZEPOSE.landmarks)]  # fmt: skip
    path = save(tmp_path / "a.csv", [["frame", "landmark", "x", "y", "z", "visibility"], *rows])
    (found,) = read(path, size=SIZE)
    assert found.format == "CSV, a row a landmark"
    np.testing.assert_allclose(found.Y, expected(points, BLAZEPOSE))


def trc(path, points, names, unit="m", rate=30):
    """A TRC file as Sports2D writes it: points (T, 2 or 3, M)."""
    T, d, M = points.shape
    lines = [f"PathFileType\t4\t(X/Y/Z)\t{path.name}",
             "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames",
             f"{rate}\t{rate}\t{T}\t{M}\t{unit}\t{rate}\t0\t{T}",
             "Frame#\tTime\t" + "\t\t\t".join(names) + "\t\t\t",
             "\t\t" + "\t".join(f"X{i + 1}\tY{i + 1}\tZ{i + 1}" for i in range(M))]  # fmt: skip
    for n, one in enumerate(points):
        xyz = np.concatenate([one, np.zeros((3 - d, M))]).T.ravel()
        lines.append("\t".join([str(n), f"{n / rate}", *("" if np.isnan(x) else repr(float(x)) for x in xyz)]))
    path.write_text("\n".join(lines) + "\n")
    return path


def test_trc_of_sports2d_in_pixels_says_metres_and_is_told_apart(tmp_path):
    points = people(3, HALPE26)
    points[1, :, 10] = np.nan
    path = trc(tmp_path / "video_px_person01.trc", points, HALPE_NAMES)
    (found,) = read(path)
    assert found.format == "TRC, pixels" and found.person == "01" and "nobody is so large" in found.notes[0]
    there = np.ones((3, 26))
    there[1, 10] = 0
    np.testing.assert_allclose(found.Y, expected(points, HALPE26, there))
    np.testing.assert_allclose(found.times, [0, 1 / 30, 2 / 30])


@pytest.mark.parametrize(("unit", "per_metre"), [("m", 1), ("mm", 1000)])
def test_trc_in_metres_has_y_up(tmp_path, unit, per_metre):
    points = people(3, HALPE26) / 200
    (found,) = read(trc(tmp_path / "a.trc", points * per_metre, HALPE_NAMES, unit))
    assert found.format == "TRC, metres" and found.notes == ()
    np.testing.assert_allclose(found.Y, expected(points, HALPE26) * [[1], [-1]])


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("last", [2, 3])
def test_npz_and_npy(tmp_path, several, last):
    points = people(4, COCO)
    keypoints = np.concatenate([points, np.full((4, 1, 17), 0.5)], axis=1).swapaxes(1, 2)[..., :last]
    keypoints = keypoints[:, None] if several else keypoints
    np.savez(tmp_path / "a.npz", keypoints=keypoints, frames=np.arange(4) + 3, size=np.array(SIZE))
    np.save(tmp_path / "a.npy", keypoints)
    (found,), (bare,) = read(tmp_path / "a.npz"), read(tmp_path / "a.npy")
    np.testing.assert_allclose(found.Y, expected(points, COCO))
    np.testing.assert_array_equal(bare.Y, found.Y)
    assert found.frames.tolist() == [3, 4, 5, 6] and found.size == SIZE and bare.frames.tolist() == [0, 1, 2, 3]


def test_npz_may_say_its_skeleton_and_that_y_points_up(tmp_path):
    points = people(2, HUMAN36M)
    np.savez(tmp_path / "a.npz", keypoints=points.swapaxes(1, 2), skeleton="human36m", y_up=True)
    (found,) = read(tmp_path / "a.npz")
    np.testing.assert_array_equal(found.Y, points)


def test_a_recording_saved_is_read_again(tmp_path):
    points = people(3, HALPE26)
    points[1, :, 10] = np.nan
    (first,) = read(trc(tmp_path / "video_px_person01.trc", points, HALPE_NAMES))
    save_recording(first, tmp_path / "again.npz")
    (again,) = read(tmp_path / "again.npz")
    for name in ("Y", "confidences", "frames", "times", "person", "size"):
        np.testing.assert_array_equal(getattr(again, name), getattr(first, name))
