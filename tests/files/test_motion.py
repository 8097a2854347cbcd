"""BVH, C3D and TRC as motion: positions by another route, units, axes, gaps, and a prior learned from it all."""

import math
import warnings

import c3d
import numpy as np
import pytest

from lifting.files import poses_of, read_motion
from lifting.files.names import CMU_JOINTS, joint
from lifting.fitting.fit_prior import fit_prior
from lifting.skeleton import CMU, HUMAN36M, conversion_table
from tests.files.test_tables import trc

BVH = """HIERARCHY
ROOT Hips
{
    OFFSET 1 2 3
    CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
    JOINT Spine
    {
        OFFSET 0 25 0
        CHANNELS 3 Zrotation Yrotation Xrotation
        JOINT Neck
        {
            OFFSET 0 25 0
            CHANNELS 3 Zrotation Xrotation Yrotation
            JOINT Head
            {
                OFFSET 0 12 3
                CHANNELS 3 Xrotation Yrotation Zrotation
                End Site
                {
                    OFFSET 0 18 0
                }
            }
        }
        JOINT RightArm
        {
            OFFSET -17 22 0
            End Site
            {
                OFFSET -30 0 0
            }
        }
        JOINT LeftShoulder
        {
            OFFSET 5 22 0
            CHANNELS 3 Zrotation Xrotation Yrotation
            JOINT LeftArm
            {
                OFFSET 12 0 0
                CHANNELS 3 Zrotation Xrotation Yrotation
                End Site
                {
                    OFFSET 30 0 0
                }
            }
        }
    }
    JOINT RightUpLeg
    {
        OFFSET -10 -5 0
        CHANNELS 0
        End Site
        {
            OFFSET 0 -45 0
        }
    }
    JOINT LeftUpLeg
    {
        OFFSET 10 -5 0
        CHANNELS 3 Zrotation Xrotation Yrotation
        JOINT LeftLeg
        {
            OFFSET 0 -45 0
            CHANNELS 3 Zrotation Xrotation Yrotation
            JOINT LeftFoot
            {
                OFFSET 0 -42 0
                CHANNELS 3 Zrotation Xrotation Yrotation
                End Site
                {
                    OFFSET 0 -5 15
                }
            }
        }
    }
}
MOTION
Frames: {frames}
Frame Time: 0.04
"""


def bvh(path, values, text=BVH):
    """A BVH file with the rows `values` (T, 30) of channels."""
    rows = "\n".join(" ".join(map(repr, row)) for row in np.asarray(values, float).tolist())
    path.write_text(text.replace("{frames}", str(len(values))) + rows + "\n")
    return path


def turned(point, axis, degrees):
    """A point turned about one axis, by the school's formulas."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    x, y, z = point
    turns = {
        "X": (x, c * y - s * z, s * y + c * z),
        "Y": (c * x + s * z, y, -s * x + c * z),
        "Z": (c * x - s * y, s * x + c * y, z),
    }
    return turns[axis]


def about(axes, degrees):
    """Rotations one after the other."""
    return list(zip(axes, degrees, strict=True))


def place(chain, offset):
    """Where `offset` is after the rotations of a chain of joints, from the innermost out: the other route."""
    point = np.array(offset, float)
    for own, rotations in reversed(chain):
        for axis, degrees in reversed(rotations):
            point = np.array(turned(point, axis, degrees))
        point = point + own
    return point


def test_joints_are_where_turning_point_by_point_puts_them(tmp_path, rng):
    values = rng.uniform(-70, 70, (4, 30))
    motion = read_motion(bvh(tmp_path / "a.bvh", values))
    assert motion.format == "BVH, cm by the height of the skeleton, y up" and math.isclose(motion.fps, 25)
    for n, row in enumerate(values):
        hips = (row[:3], about("ZXY", row[3:6]))
        spine = ([0, 25, 0], about("ZYX", row[6:9]))
        neck = ([0, 25, 0], about("ZXY", row[9:12]))
        head = ([0, 12, 3], about("XYZ", row[12:15]))
        leg = [([10, -5, 0], about("ZXY", row[21:24])), ([0, -45, 0], about("ZXY", row[24:27]))]
        wanted = {
            "root": row[:3],
            "head_top": place([hips, spine, neck, head], [0, 18, 0]),
            "nose": place([hips, spine, neck], [0, 12, 3]),
            "left_hip": place([hips], [10, -5, 0]),
            "left_ankle": place([hips, *leg], [0, -42, 0]),
        }
        for name, where in wanted.items():
            np.testing.assert_allclose(motion.poses[n, :, motion.landmarks.index(name)], where / 100, atol=1e-12)


@pytest.mark.parametrize(
    ("factor", "unit"), [(1, "cm"), (0.01, "m"), (10, "mm"), (1 / 2.54, "in"), (0.45 / 2.54, "cmu")]
)
def test_the_unit_of_bvh_is_the_one_in_which_the_skeleton_is_a_person(tmp_path, unit, factor):
    lines = []
    for line in BVH.splitlines():
        words = line.split()
        lines.append(
            "OFFSET " + " ".join(repr(float(w) * factor) for w in words[1:]) if words[:1] == ["OFFSET"] else line
        )
    values = np.zeros((2, 30))
    values[:, 1] = 95 * factor
    motion = read_motion(bvh(tmp_path / "a.bvh", values, "\n".join(lines) + "\n"))
    assert motion.format.startswith(f"BVH, {unit} by the height")
    np.testing.assert_allclose(motion.poses[0, 1, motion.landmarks.index("left_ankle")], 0.03)


def test_names_of_joints_are_those_of_the_body(tmp_path):
    motion = read_motion(bvh(tmp_path / "a.bvh", np.zeros((1, 30))))
    assert motion.landmarks == (
        "root", "spine", "neck", "nose", "head_top", "right_shoulder", "RightArm_End", "left_collar", "left_shoulder",
        "LeftArm_End", "right_hip", "RightUpLeg_End", "left_hip", "left_knee", "left_ankle", "LeftFoot_End",
    )  # fmt: skip
    named = read_motion(tmp_path / "a.bvh", names={"Head": "upper_neck", "Head_End": "head_top"})
    assert named.landmarks[3:5] == ("upper_neck", "head_top")


MARKERS = {
    "LSHO": "left_shoulder",
    "RSHO": "right_shoulder",
    "LANK": "left_ankle",
    "RANK": "right_ankle",
    "HEAD": "head_top",
}


def write_c3d(path, points, unit="mm", screen=None):
    """A C3D file with the points (T, 3, 5), NaN for a marker that was not seen."""
    writer = c3d.Writer(point_rate=100, point_scale=-1.0)
    writer.set_point_labels(list(MARKERS))
    writer.point_group.add_str("UNITS", "", unit, len(unit))
    if screen:
        writer.set_screen_axis("+X", screen)
    seen = ~np.isnan(points).any(axis=1)
    rows = np.zeros((*points.shape[::2], 5), np.float32)
    rows[..., :3] = np.nan_to_num(points).swapaxes(1, 2)
    rows[..., 3:] = np.where(seen, 0, -1)[..., None]
    writer.add_frames([(row, np.zeros((0, 0))) for row in rows])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the package: no analogue data
        with open(path, "wb") as file:
            writer.write(file)
    return path


def standing(frames, rng):
    """Poses of five markers in metres, y up: shoulders, ankles and the top of the head."""
    body = np.array([[0.2, -0.2, 0.1, -0.1, 0], [1.4, 1.4, 0.1, 0.1, 1.7], [0, 0, 0.05, 0, 0.1]])
    return body + rng.normal(0, 0.05, (frames, 3, 5))


@pytest.mark.parametrize(("unit", "per_metre"), [("mm", 1000), ("m", 1), ("cm", 100)])
@pytest.mark.parametrize("screen", ["+Y", "+Z", None])
def test_c3d(tmp_path, rng, unit, per_metre, screen):
    poses = standing(6, rng)
    raw = poses if screen == "+Y" else np.stack([poses[:, 0], -poses[:, 2], poses[:, 1]], axis=1)  # z up
    raw = raw * per_metre
    raw[2, :, 1] = np.nan
    motion = read_motion(write_c3d(tmp_path / "a.c3d", raw, unit, screen), names=MARKERS)
    assert motion.format == f"C3D, {unit} as stated, {'y' if screen == '+Y' else 'z'} up"
    assert motion.landmarks == tuple(MARKERS.values()) and motion.fps == 100
    assert np.isnan(motion.poses[2, :, 1]).all() and np.isnan(motion.poses).sum() == 3
    poses[2, :, 1] = np.nan
    np.testing.assert_allclose(motion.poses, poses, rtol=1e-6, atol=1e-6)


def test_trc_in_3d_is_motion(tmp_path, rng):
    poses = standing(5, rng)
    motion = read_motion(trc(tmp_path / "a.trc", poses * 1000, list(MARKERS), "mm"), names=MARKERS)
    assert motion.format == "TRC, mm as stated, y up"
    np.testing.assert_allclose(motion.poses, poses)


def test_frames_with_gaps_are_left_out_and_a_prior_is_learned(tmp_path, rng):
    poses = standing(40, rng)
    raw = poses * 1000
    raw[7, :, 0] = np.nan
    raw[9:12, :, 3] = np.nan
    one = read_motion(write_c3d(tmp_path / "a.c3d", raw, screen="+Y"), names=MARKERS)
    other = read_motion(trc(tmp_path / "b.trc", poses, list(MARKERS)), names=MARKERS)
    found = poses_of(one, other)
    assert found.left_out == (4, 0) and len(found.poses) == 76 and (found.motion == 0).sum() == 36
    assert set(found.landmarks) == set(MARKERS.values())
    assert {found.landmarks[i] for i in found.left} == {"left_shoulder", "left_ankle"}
    assert [found.landmarks[i].replace("left", "right") for i in found.left] == [
        found.landmarks[i] for i in found.right
    ]
    prior = fit_prior(found.poses, 3, landmarks=found.landmarks, left=found.left, right=found.right).prior
    assert prior.L == 5 and prior.landmarks == found.landmarks
    neck = poses_of(other, landmarks=("neck", "head_top", "left_ankle"))  # the middle of the shoulders
    middle = poses[..., :2].mean(axis=2) - poses[..., 2]
    np.testing.assert_allclose(neck.poses[..., 0] - neck.poses[..., 2], middle, atol=1e-9)


def test_the_joints_of_cmu_have_its_orders_names():
    assert tuple(joint(name, (*CMU_JOINTS, "Head_End")) for name in CMU_JOINTS) == CMU.landmarks
    assert joint("Neck", ("Neck", "Head")) == "neck" and CMU.landmarks[14] == "lower_neck"
    table = conversion_table(CMU, HUMAN36M)
    assert table["pelvis"] == ("left_hip", "right_hip") and table["neck"] == ("left_shoulder", "right_shoulder")
    assert [name for name, parents in table.items() if not parents] == ["head_top"]
