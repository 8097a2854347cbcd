"""The embedded motion capture: what the file holds, and the reader on tiny wheels made here."""

import hashlib
import io
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifting.datasets.motion_capture import UPRIGHT_LEAN, load_motion_capture, trunk_lean
from lifting.makers import motion_capture as module
from lifting.makers import wheels
from lifting.makers.motion_capture import (
    CLIMBER_JOINTS,
    HOLOSOMA,
    HUMANOID_HEAD_TOP,
    HUMANOID_NOSE,
    HUMANOID_OFFSETS,
    HUMANOID_SCALE,
    NECK_PITCH,
    PYBULLET,
    THINNING,
    Wheel,
    climber_landmarks,
    convert,
    distance_but_for_heading,
    humanoid_landmarks,
    main,
    read_holosoma,
    read_pybullet,
    thin,
)
from lifting.skeleton import HUMAN36M
from lifting.support.files import data_path

ROUNDED = 5e-5
"""Lengths in the file are exact to this (metres): its coordinates are rounded to 0.01 mm."""


@pytest.fixture(scope="module")
def motion():
    return load_motion_capture()


def at(poses, name):
    return poses[..., HUMAN36M.landmarks.index(name)]


def bone(poses, start, end):
    return np.linalg.norm(at(poses, end) - at(poses, start), axis=-1)


def facing(poses):
    """Where the face looks: from the line neck - head top straight to the nose."""
    up = at(poses, "head_top") - at(poses, "neck")
    nose = at(poses, "nose") - at(poses, "neck")
    return nose - (nose * up).sum(-1, keepdims=True) / (up * up).sum(-1, keepdims=True) * up


def chest_forward(poses):
    left = at(poses, "left_shoulder") - at(poses, "right_shoulder")
    return np.cross(left, at(poses, "neck") - at(poses, "spine"))


# --- the embedded file -------------------------------------------------------------------------------------------


def page():
    return data_path("motion_capture.md").read_text()


def test_checksum_is_the_documented_one():
    assert hashlib.sha256(data_path("motion_capture.npz").read_bytes()).hexdigest() in page()
    assert PYBULLET.sha256 in page() and HOLOSOMA.sha256 in page()


def test_table_of_clips_agrees_with_the_file(motion):
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (\w+) \| ([\d.]+|-) \| (\d+) \| (\d+) \| (yes|no) \|", page(), re.M)
    got = [
        (name, source, body, "-" if np.isnan(fps) else f"{fps:g}", str(frames), str(len(motion.of_clip(name))),
         "yes" if upright else "no")
        for name, source, body, fps, frames, upright in zip(
            motion.clip_names, motion.clip_source, motion.clip_body, motion.clip_fps, motion.clip_frames,
            motion.clip_upright, strict=True,
        )
    ]  # fmt: skip
    assert got == rows


def test_licences_are_there():
    folder = data_path("licences")
    assert "provided 'as-is'" in (folder / "pybullet.txt").read_text()
    assert "Apache License, Version 2.0" in (folder / "holosoma-retargeting.txt").read_text()


def test_shapes_and_units(motion):
    count = len(motion.poses)
    assert motion.poses.shape == (count, 3, 17) and motion.poses.dtype == np.float64
    assert motion.clip.shape == motion.frame.shape == (count,)
    assert len(motion.clip_names) == len(set(motion.clip_names)) == 25
    assert abs(motion.poses.sum(-1)).max() < 1e-12
    extent = np.ptp(motion.poses, axis=-1).max(-1)
    assert extent.min() > 0.5 and extent.max() < 2.4


def test_frames_rise_within_their_clip(motion):
    for index, frames in enumerate(motion.clip_frames):
        frame = motion.frame[motion.clip == index]
        assert frame[0] == 0 and frame[-1] < frames and (np.diff(frame) > 0).all()


def test_humanoid_bones_are_constant(motion):
    poses = motion.poses[np.array(motion.clip_body)[motion.clip] == "humanoid3d"]
    assert len(poses) > 1000
    for start, end in HUMAN36M.bones:
        lengths = np.linalg.norm(poses[:, :, end] - poses[:, :, start], axis=-1)
        assert np.ptp(lengths) < ROUNDED, (start, end)


def test_climber_limbs_are_constant_for_each_body(motion):
    limbs = [("left_hip", "left_knee"), ("right_knee", "right_ankle"), ("left_shoulder", "left_elbow")]
    limbs += [("right_elbow", "right_wrist"), ("right_hip", "left_hip")]
    lengths = {}
    for body in ("climber_1", "climber_2"):
        poses = motion.poses[np.array(motion.clip_body)[motion.clip] == body]
        for limb in limbs:
            assert np.ptp(bone(poses, *limb)) < ROUNDED, (body, limb)
        lengths[body] = bone(poses[0], "left_hip", "left_knee")
    assert abs(lengths["climber_1"] - lengths["climber_2"]) > 0.01


@pytest.mark.parametrize("start, end", [("pelvis", "spine"), ("spine", "neck"), ("neck", "nose"), ("nose", "head_top")])
def test_climber_trunk_and_head_hardly_stretch(motion, start, end):
    for name in (f"climb_{number}" for number in range(5)):
        assert bone(motion.of_clip(name), start, end).std() < 0.005


def test_every_face_looks_the_way_the_chest_does(motion):
    assert ((facing(motion.poses) * chest_forward(motion.poses)).sum(-1) > 0).all()


def test_bent_knees_point_forward(motion):
    """Independent of nose and shoulders: knees bend one way only, so that swapped hips would show."""
    poses = motion.poses[np.array(motion.clip_upright)[motion.clip]]
    forward = np.cross(at(poses, "left_hip") - at(poses, "right_hip"), at(poses, "neck") - at(poses, "pelvis"))
    forward /= np.linalg.norm(forward, axis=-1, keepdims=True)
    for side in ("left", "right"):
        bend = at(poses, f"{side}_knee") - (at(poses, f"{side}_hip") + at(poses, f"{side}_ankle")) / 2
        bent = np.linalg.norm(bend, axis=-1) > 0.05
        assert bent.sum() > 200
        assert ((bend * forward).sum(-1)[bent] > 0).mean() > 0.98


@pytest.mark.parametrize("name, sign", [("turn_left0", 1), ("turn_left1", 1), ("turn_right0", -1), ("turn_right1", -1)])
def test_turning_left_turns_left(motion, name, sign):
    """A mirrored world would turn the other way; heading theta takes the face from +z towards +x, its left."""
    poses = motion.of_clip(f"walker_{name}")
    left = at(poses, "left_hip") - at(poses, "right_hip")
    heading = np.degrees(np.unwrap(np.arctan2(-left[:, 2], left[:, 0])))
    assert abs(heading[0]) < 10
    assert 25 < sign * heading[-1] < 110


def test_walking_starts_with_left_at_positive_x_and_nose_at_positive_z(motion):
    pose = motion.of_clip("walk")[0]
    for joint in ("hip", "shoulder", "elbow"):
        assert at(pose, f"left_{joint}")[0] > 0.05 > -0.05 > at(pose, f"right_{joint}")[0]
    assert (at(pose, "nose") - at(pose, "neck"))[2] > 0.05


def test_upright_clips_stand(motion):
    upright = motion.poses[np.array(motion.clip_upright)[motion.clip]]
    assert trunk_lean(upright).max() <= UPRIGHT_LEAN
    for side in ("left", "right"):
        assert (at(upright, "head_top") - at(upright, f"{side}_hip"))[:, 1].min() > 0.4
    standing = motion.of_clip("walk")
    for side in ("left", "right"):
        assert (at(standing, "head_top") - at(standing, f"{side}_ankle"))[:, 1].min() > 1.2


def test_kept_frames_differ(motion):
    for name in motion.clip_names:
        poses = motion.of_clip(name)
        steps = [distance_but_for_heading(new, old) for old, new in zip(poses, poses[1:], strict=False)]
        assert min(steps) > THINNING - ROUNDED


def test_unknown_clip_lists_those_there_are(motion):
    with pytest.raises(ValueError, match="name: got 'moonwalk', expected one of backflip, .*climb_4"):
        motion.of_clip("moonwalk")


# --- geometry ----------------------------------------------------------------------------------------------------


def turn(theta):
    c, s = np.cos(theta), np.sin(theta)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def matrix(w, x, y, z):
    """The rotation matrix of a quaternion, written out."""
    w, x, y, z = np.array([w, x, y, z]) / np.linalg.norm([w, x, y, z])
    return np.array([
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ])  # fmt: skip


def about_z(angle):
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


def kinematics_by_hand(v):
    """One frame by plain matrices, each landmark written as its chain of parents."""
    offset = {name: HUMANOID_SCALE * np.array(value) for name, value in HUMANOID_OFFSETS.items()}
    root = matrix(*v[4:8])
    chest = root @ matrix(*v[8:12])
    head = chest @ matrix(*v[12:16]) @ about_z(np.radians(NECK_PITCH))
    spine = root @ offset["chest"]
    neck = spine + chest @ offset["neck"]
    place = {"pelvis": np.zeros(3), "spine": spine, "neck": neck}
    place |= {"nose": neck + head @ HUMANOID_NOSE, "head_top": neck + head @ HUMANOID_HEAD_TOP}
    for side, z, leg, arm in (("right", 1, 16, 25), ("left", -1, 30, 39)):
        thigh = root @ matrix(*v[leg : leg + 4])
        upper = chest @ matrix(*v[arm : arm + 4])
        place[f"{side}_hip"] = root @ (offset["hip"] * [1, 1, z])
        place[f"{side}_knee"] = place[f"{side}_hip"] + thigh @ offset["knee"]
        place[f"{side}_ankle"] = place[f"{side}_knee"] + thigh @ about_z(v[leg + 4]) @ offset["ankle"]
        place[f"{side}_shoulder"] = spine + chest @ (offset["shoulder"] * [1, 1, z])
        place[f"{side}_elbow"] = place[f"{side}_shoulder"] + upper @ offset["elbow"]
        place[f"{side}_wrist"] = place[f"{side}_elbow"] + upper @ about_z(v[arm + 4]) @ offset["wrist"]
    world = np.stack([place[name] for name in HUMAN36M.landmarks], axis=-1)
    ours = np.stack([-world[2], world[1], world[0]])
    return ours - ours.mean(-1, keepdims=True)


def humanoid_frames(count, seed=0):
    frames = np.random.default_rng(seed).normal(size=(count, 44))
    frames[:, 0] = 1 / 30
    return frames


def test_humanoid_agrees_with_plain_matrices():
    frames = humanoid_frames(20)
    expected = np.stack([kinematics_by_hand(frame) for frame in frames])
    np.testing.assert_allclose(humanoid_landmarks(frames), expected, atol=1e-12)


def test_humanoid_at_rest():
    frame = np.zeros((1, 44))
    frame[:, [4, 8, 12, 16, 21, 25, 30, 35, 39]] = 1
    pose = humanoid_landmarks(frame)[0]
    assert at(pose, "left_hip")[0] - at(pose, "right_hip")[0] == pytest.approx(2 * 0.339548 / 4)
    assert at(pose, "left_hip")[1] - at(pose, "left_ankle")[1] == pytest.approx((1.686184 + 1.63948) / 4)
    assert (at(pose, "nose") - at(pose, "neck"))[2] > 0.05


def test_humanoid_refuses_a_quaternion_of_length_zero():
    frames = humanoid_frames(2)
    frames[1, 16:20] = 0
    with pytest.raises(ValueError, match="frames: got a quaternion of length zero, expected rotations"):
        humanoid_landmarks(frames)


@pytest.mark.parametrize("shape", [(44,), (2, 43), (0, 44), (1, 2, 44)])
def test_humanoid_refuses_other_shapes(shape):
    with pytest.raises(ValueError, match=r"frames: got shape \(.*expected shape \(.*T, 44\)"):
        humanoid_landmarks(np.ones(shape))


def climber_joints(count, seed=0):
    """People who stand at x = 1, face -y (z up), and tremble."""
    joints = np.zeros((count, 53, 3))
    heights = {"pelvis": 1.0, "Spine": 1.1, "Spine1": 1.3, "neck": 1.5, "Head": 1.65, "hip": 1.0, "knee": 0.55,
               "ankle": 0.1, "shoulder": 1.45, "elbow": 1.15, "wrist": 0.9}  # fmt: skip
    for name, index in CLIMBER_JOINTS.items():
        side = {"left": 0.15, "right": -0.15}.get(name.split("_")[0], 0.0)
        joints[:, index] = 1 + side, 0, heights[name.split("_")[-1]]
    return joints + np.random.default_rng(seed).normal(scale=1e-3, size=joints.shape)


def published_joint_names():
    """The package's order: trunk, then each arm with its hand's five fingers, then each leg, then two extra points."""
    fingers = [
        f"Hand{finger}{joint}" for finger in ("Thumb", "Index", "Middle", "Ring", "Pinky") for joint in (1, 2, 3)
    ]
    arm, leg = ["Shoulder", "Arm", "ForeArm", "Hand", *fingers], ["UpLeg", "Leg", "Foot", "ToeBase"]
    limbs = [side + part for limb in (arm, leg) for side in ("Left", "Right") for part in limb]
    return ["Hips", "Spine", "Spine1", "Neck", "Head", *limbs, "LeftFootMod", "RightFootMod"]


def test_climber_joints_lie_where_the_package_puts_them():
    names = published_joint_names()
    assert len(names) == 53
    theirs = {"pelvis": "Hips", "neck": "Neck", "shoulder": "Arm", "elbow": "ForeArm", "wrist": "Hand",
              "hip": "UpLeg", "knee": "Leg", "ankle": "Foot"}  # fmt: skip
    for name, index in CLIMBER_JOINTS.items():
        side, _, part = name.rpartition("_")
        assert names[index] == side.capitalize() + theirs.get(part, part), name


def test_climber_stands_and_faces_the_viewer():
    pose = climber_landmarks(climber_joints(3))[0]
    assert at(pose, "left_shoulder")[0] == pytest.approx(at(pose, "right_shoulder")[0] + 0.3, abs=0.01)
    assert (at(pose, "nose") - at(pose, "neck"))[2] > 0.05
    assert (at(pose, "spine") - at(pose, "pelvis"))[1] == pytest.approx(0.25, abs=0.01)
    assert (at(pose, "neck") - at(pose, "pelvis"))[1] == pytest.approx(0.5, abs=0.01)


def test_climber_nose_is_at_its_stated_offset():
    """With the neck upright the head is pitched back by `NECK_PITCH`: the nose by trigonometry."""
    joints = climber_joints(1) * 0
    for name, index in CLIMBER_JOINTS.items():
        joints[:, index, 2] = {"neck": 1.5, "Head": 1.65, "Spine": 1.1, "Spine1": 1.3}.get(name, 0.0)
    joints[:, CLIMBER_JOINTS["left_shoulder"], 0] = 0.2
    pose = climber_landmarks(joints)[0]
    c, s = np.cos(np.radians(NECK_PITCH)), np.sin(np.radians(NECK_PITCH))
    expected = [0, 0.15 + 0.01 * c + 0.11 * s, 0.11 * c - 0.01 * s]
    np.testing.assert_allclose(at(pose, "nose") - at(pose, "neck"), expected, atol=1e-12)


def test_climber_refuses_joints_in_one_place():
    with pytest.raises(ValueError, match="joints: got two joints in one place, expected a head above its neck"):
        climber_landmarks(np.zeros((1, 53, 3)))


@given(st.floats(-10, 10), st.integers(0, 10**6))
def test_distance_ignores_heading_only(theta, seed):
    pose, other = np.random.default_rng(seed).normal(size=(2, 3, 17))
    pose, other = pose - pose.mean(-1, keepdims=True), other - other.mean(-1, keepdims=True)
    assert distance_but_for_heading(turn(theta) @ pose, pose) < 1e-12
    assert distance_but_for_heading(turn(theta) @ pose, other) == pytest.approx(distance_but_for_heading(pose, other))


def test_distance_is_taken_at_the_best_of_all_turns():
    pose, other = np.random.default_rng(1).normal(size=(2, 3, 17))
    turns = np.linspace(0, 2 * np.pi, 20001)
    best = min(turns, key=lambda theta: ((turn(theta) @ pose - other) ** 2).sum())
    by_search = np.linalg.norm(turn(best) @ pose - other, axis=0).mean()
    assert distance_but_for_heading(pose, other) == pytest.approx(by_search, abs=1e-3)


def test_thin_keeps_what_moved_and_drops_what_only_turned():
    pose = np.random.default_rng(2).normal(size=(3, 17))
    pose -= pose.mean(-1, keepdims=True)
    assert thin(np.stack([turn(theta) @ pose for theta in np.linspace(0, 3, 50)])).tolist() == [0]
    rising = np.stack([pose * [[1], [1 + 0.001 * step], [1]] for step in range(100)])
    step = np.abs(pose[1]).mean() * 0.001
    stride = int(np.floor(0.01 / step)) + 1
    assert thin(rising, 0.01).tolist() == list(range(0, 100, stride))


@pytest.mark.parametrize("distance", [0, -1, np.nan, "far"])
def test_thin_refuses_a_distance_that_is_none(distance):
    with pytest.raises(ValueError, match="distance: got .*expected a"):
        thin(np.zeros((2, 3, 17)), distance)


# --- the readers -------------------------------------------------------------------------------------------------

WALK = "pybullet_data/data/motions/humanoid3d_walk.txt"
CLIMB = "holosoma_retargeting/demo_data/climb/mocap_climb_seq_{}/mocap_climb_seq_{}_joint_positions_f0-9.npy"


def make_wheel(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def motion_file(frames):
    return json.dumps({"Loop": "wrap", "Frames": frames.tolist()})


def array_file(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


@pytest.fixture
def pybullet(tmp_path):
    members = {
        WALK: motion_file(humanoid_frames(4)),
        "pybullet_data/data/motions/walker/0walk_forward.txt": motion_file(humanoid_frames(3, seed=1)),
        "pybullet_data/data/motions/laikago_walk.txt": "a dog's",
    }
    return make_wheel(tmp_path / "pybullet.whl", members)


@pytest.fixture
def holosoma(tmp_path):
    members = {CLIMB.format(n, n): array_file(climber_joints(5, seed=n).astype(np.float32)) for n in (4, 0)}
    return make_wheel(tmp_path / "holosoma.whl", members)


def test_read_pybullet(pybullet):
    walk, forward = read_pybullet(pybullet)
    assert (walk.name, walk.source, walk.body, walk.fps) == ("walk", "pybullet", "humanoid3d", 30.0)
    assert (forward.name, forward.poses.shape) == ("walker_walk_forward", (3, 3, 17))
    np.testing.assert_allclose(walk.poses, humanoid_landmarks(humanoid_frames(4)), atol=1e-12)


def test_read_holosoma(holosoma):
    first, last = read_holosoma(holosoma)
    assert (first.name, first.body, last.name, last.body) == ("climb_0", "climber_1", "climb_4", "climber_2")
    assert np.isnan(first.fps) and first.poses.shape == (5, 3, 17)


@pytest.mark.parametrize("read, wheel", [(read_pybullet, "pybullet"), (read_holosoma, "holosoma")])
@pytest.mark.parametrize("keep", [0, 100, -30])
def test_a_wheel_cut_short(read, wheel, keep, request):
    path = request.getfixturevalue(wheel)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(
        ValueError, match=rf"wheel: got .*{wheel}\.whl, which can't be read .*expected {wheel}.*, whole"
    ):
        read(path)


def test_each_others_wheels(pybullet, holosoma):
    with pytest.raises(ValueError, match="wheel: got .*holosoma.whl, without pybullet_data.*expected pybullet-3"):
        read_pybullet(holosoma)
    with pytest.raises(ValueError, match="wheel: got .*pybullet.whl, without holosoma.*expected holosoma_retarg"):
        read_holosoma(pybullet)


def test_a_wheel_with_only_the_dog(tmp_path):
    path = make_wheel(tmp_path / "p.whl", {"pybullet_data/data/motions/laikago_walk.txt": "{}"})
    with pytest.raises(ValueError, match="without a humanoid3d_"):
        read_pybullet(path)


@pytest.mark.parametrize(
    "data",
    ["", "{", "[]", '{"Frames": 3}', '{"Frames": []}', '{"Frames": [[1, 2], [3]]}', '{"Frames": [["a"]]}',
     motion_file(np.ones((2, 43))), motion_file(np.full((2, 44), np.nan))],
)  # fmt: skip
def test_a_motion_file_that_is_none(tmp_path, data):
    path = make_wheel(tmp_path / "p.whl", {WALK: data})
    with pytest.raises(ValueError, match="humanoid3d_walk.txt: got .*expected"):
        read_pybullet(path)


def test_frames_without_duration(tmp_path):
    path = make_wheel(tmp_path / "p.whl", {WALK: motion_file(humanoid_frames(3) * 0)})
    with pytest.raises(ValueError, match="duration of a frame in .*walk.txt: got 0.0, expected a finite number > 0"):
        read_pybullet(path)


@pytest.mark.parametrize(
    "data",
    [b"", b"junk", array_file(np.zeros((2, 52, 3))), array_file(np.zeros((53, 3))), array_file(np.zeros((0, 53, 3))),
     array_file(np.full((2, 53, 3), np.inf)), array_file(np.array([{}], dtype=object))],
)  # fmt: skip
def test_an_array_that_is_none(tmp_path, data):
    path = make_wheel(tmp_path / "h.whl", {CLIMB.format(0, 0): data})
    with pytest.raises(ValueError, match="joint_positions_f0-9.npy: got .*expected"):
        read_holosoma(path)


def test_a_climb_nobody_knows(tmp_path):
    path = make_wheel(tmp_path / "h.whl", {CLIMB.format(9, 9): array_file(climber_joints(2))})
    with pytest.raises(ValueError, match="got clip 9, expected one of the clips 0, 1, 2, 3, 4"):
        read_holosoma(path)


# --- making the file ---------------------------------------------------------------------------------------------


@pytest.fixture
def trusted(monkeypatch, pybullet, holosoma):
    """The two small wheels, whose checksums now count as the right ones."""
    for name, path in (("PYBULLET", pybullet), ("HOLOSOMA", holosoma)):
        checksum = hashlib.sha256(path.read_bytes()).hexdigest()
        monkeypatch.setattr(module, name, Wheel("small==1", path.name, checksum))
    return pybullet, holosoma


def test_convert_twice_makes_the_same_bytes(trusted, tmp_path, capsys):
    first, second = tmp_path / "first.npz", tmp_path / "second.npz"
    made = convert(*trusted, first)
    convert(*trusted, second)
    assert first.read_bytes() == second.read_bytes()
    loaded = load_motion_capture(first)
    np.testing.assert_allclose(loaded.poses, made.poses, atol=1e-5)
    assert loaded.clip_names == made.clip_names == ("walk", "walker_walk_forward", "climb_0", "climb_4")
    assert loaded.clip_frames == (4, 3, 5, 5)
    assert "walk: kept 4 of 4 frames" in capsys.readouterr().err


def test_convert_refuses_other_wheels_and_writes_nothing(pybullet, holosoma, tmp_path):
    out = tmp_path / "out.npz"
    with pytest.raises(ValueError, match=f"wheel: got .*pybullet.whl with SHA-256 .*expected .*{PYBULLET.sha256}"):
        convert(pybullet, holosoma, out)
    assert not out.exists()


def test_convert_needs_a_folder_to_write_to(trusted, tmp_path):
    with pytest.raises(FileNotFoundError, match="out: got .*nowhere.*expected a path in a folder that exists"):
        convert(*trusted, tmp_path / "nowhere" / "out.npz")


def test_command_line(trusted, tmp_path, capsys):
    pybullet, holosoma = map(str, trusted)
    out = tmp_path / "out.npz"
    main(["--pybullet", pybullet, "--holosoma", holosoma, "--out", str(out)])
    assert f"{out}: " in capsys.readouterr().err
    assert load_motion_capture(out).clip_source == ("pybullet", "pybullet", "holosoma", "holosoma")


def test_command_line_downloads(trusted, tmp_path, monkeypatch):
    """`pip` is replaced: the wheels appear in the folder that it was told, and the file is made of them."""
    asked = []

    def pip(command, check):
        assert check and command[1:4] == ["-m", "pip", "download"] and "--no-deps" in command
        for wheel in trusted:
            Path(command[command.index("--dest") + 1], wheel.name).write_bytes(wheel.read_bytes())
        asked.append(command[-1])

    monkeypatch.setattr(wheels.subprocess, "run", pip)
    main(["--download", "--out", str(tmp_path / "out.npz")])
    assert asked == ["small==1", "small==1"] and (tmp_path / "out.npz").exists()


@pytest.mark.parametrize("arguments", [[], ["--pybullet", "a"], ["--download", "--pybullet", "a", "--holosoma", "b"]])
def test_command_line_wants_one_of_two_ways(arguments, tmp_path, capsys):
    with pytest.raises(SystemExit):
        main([*arguments, "--out", str(tmp_path / "out.npz")])
    assert "either --download, or both --pybullet and --holosoma" in capsys.readouterr().err


@pytest.mark.parametrize("module", ["motion_capture", "real_frames", "rendered"])
def test_makers_run_as_commands(module):
    command = [sys.executable, "-m", f"lifting.makers.{module}", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert f"python -m lifting.makers.{module}" in done.stdout and "--out" in done.stdout
