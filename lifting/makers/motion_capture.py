"""The embedded motion capture: how it is made from two published wheels.

Two packages on the Python package index carry real human motion beside their code:

- `pybullet` 3.2.7 (zlib licence): 20 clips of its humanoid, stored as joint rotations. Forward kinematics turns
  them into landmarks.
- `holosoma-retargeting` 0.1.0 (Apache-2.0): 5 clips of people who climb boxes, stored as joint positions.

Both become 17 landmarks in Human3.6M's order, in metres, y up; at heading zero the person faces +z, so that the
left side has x > 0. Translation is dropped (each row of a pose sums to zero), the heading in the world is kept.
Neither source has a nose or a head top: these are placed at fixed offsets in a frame of the head, see
`HUMANOID_NOSE` and `CLIMBER_NOSE`. `data/motion_capture.md` lists every clip.

Make the file again, bit for bit:

    python -m lifting.makers.motion_capture --download --out data/motion_capture.npz
"""

import io
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray as Array
from scipy.spatial.transform import Rotation

from lifting.datasets.motion_capture import UPRIGHT_LEAN, MotionCapture, trunk_lean
from lifting.makers.wheels import Wheel, check_wheel, make_from, read_members
from lifting.skeleton import HUMAN36M
from lifting.support.arrays import check_array, check_positive, fail
from lifting.support.files import save_npz

PYBULLET = Wheel(
    requirement="pybullet==3.2.7",
    file="pybullet-3.2.7-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
    sha256="5d858abf7c12a21ef3ed351cf81dac1b5e486ec25c9ab59bfc84beb89034edff",
)
HOLOSOMA = Wheel(
    requirement="holosoma-retargeting==0.1.0",
    file="holosoma_retargeting-0.1.0-py3-none-any.whl",
    sha256="3dcdcc06c6705c091478808024298dfcc684d9eb49e890cc6b11fc03fa246cb4",
)

THINNING = 0.01
"""A frame is kept when its mean landmark distance to the last kept one, turned to fit it, exceeds this (metres)."""

ROUNDING = 5
"""Decimals of a metre in the file: 0.01 mm, so that no processor's last bit shows in its checksum."""

NECK_PITCH = 20.0
"""How far the neck slants forward of a head that is held level (degrees; our choice).

A head's frame is its neck's, pitched back by this much. Where people stand (trunk within 10 degrees of the
vertical) the median slant of the neck is 20 degrees over pybullet's clips (3 to 37 by clip), 17 to 24 in climb_0
to climb_3, and 4 in climb_4.
"""


@dataclass(frozen=True)
class Clip:
    """One whole recording: `poses` (T, 3, 17) in metres; `fps` is NaN where the source does not state it."""

    name: str
    source: str
    body: str
    fps: float
    poses: Float[Array, "T 3 17"]


# --- pybullet's humanoid -----------------------------------------------------------------------------------------

HUMANOID_SCALE = 0.25
HUMANOID_OFFSETS = {
    "chest": (0.0, 0.944604, 0.0),
    "neck": (0.0, 0.895576, 0.0),
    "hip": (0.0, 0.0, 0.339548),
    "knee": (0.0, -1.686184, 0.0),
    "ankle": (0.0, -1.63948, 0.0),
    "shoulder": (-0.0962, 0.974, 0.73244),
    "elbow": (0.0, -1.099152, 0.0),
    "wrist": (0.0, -1.035788, 0.0),
}
"""Each joint's place in its parent's frame (x forward, y up, z right), in the model's own units: four to a metre.

Facts of `pybullet_data/humanoid/humanoid.urdf`; the left side mirrors the right one in z.
"""

HUMANOID_NOSE = (0.14, 0.16, 0.0)
HUMANOID_HEAD_TOP = (0.05, 0.29, 0.0)
"""Our choice, in metres from the neck joint, in the head's frame (forward, up, right): see `NECK_PITCH`."""

HUMANOID_TO_OURS = np.array([[0.0, 0.0, -1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
"""(forward, up, right) -> (left, up, forward): a quarter turn about the vertical."""


def humanoid_landmarks(frames: Float[Array, "T 44"]) -> Float[Array, "T 3 17"]:
    """Landmarks of pybullet's humanoid by forward kinematics, centred, in metres, in our axes.

    A frame is: duration, root position (3), then quaternions (w, x, y, z) of root, chest and neck, and for the
    right leg, right arm, left leg, left arm in turn: a quaternion of hip or shoulder, one angle about z of knee
    or elbow, and on legs a quaternion of the ankle. Quaternions that are not of unit length are normalised.
    Spine is the chest joint, which is half-way up the trunk; pelvis is the root, mid-way between the hips.

    Raises:
        ValueError: `frames` is not of that shape, not finite, or a quaternion is zero.
    """
    frames = _exactly("frames", frames, "T", 44)
    offset = {name: HUMANOID_SCALE * np.array(values) for name, values in HUMANOID_OFFSETS.items()}
    root = _quaternion(frames[:, 4:8])
    chest = root * _quaternion(frames[:, 8:12])
    neck = chest * _quaternion(frames[:, 12:16])
    head = neck * _turn_about_z(np.full(len(frames), np.radians(NECK_PITCH)))

    place = {"pelvis": np.zeros((len(frames), 3))}
    place["spine"] = place["pelvis"] + root.apply(offset["chest"])
    place["neck"] = place["spine"] + chest.apply(offset["neck"])
    place["nose"] = place["neck"] + head.apply(HUMANOID_NOSE)
    place["head_top"] = place["neck"] + head.apply(HUMANOID_HEAD_TOP)
    for side, mirror, leg, arm in (("right", (1, 1, 1), 16, 25), ("left", (1, 1, -1), 30, 39)):
        hip = root * _quaternion(frames[:, leg : leg + 4])
        knee = hip * _turn_about_z(frames[:, leg + 4])
        place[f"{side}_hip"] = place["pelvis"] + root.apply(offset["hip"] * mirror)
        place[f"{side}_knee"] = place[f"{side}_hip"] + hip.apply(offset["knee"])
        place[f"{side}_ankle"] = place[f"{side}_knee"] + knee.apply(offset["ankle"])
        shoulder = chest * _quaternion(frames[:, arm : arm + 4])
        elbow = shoulder * _turn_about_z(frames[:, arm + 4])
        place[f"{side}_shoulder"] = place["spine"] + chest.apply(offset["shoulder"] * mirror)
        place[f"{side}_elbow"] = place[f"{side}_shoulder"] + shoulder.apply(offset["elbow"])
        place[f"{side}_wrist"] = place[f"{side}_elbow"] + elbow.apply(offset["wrist"])
    return _poses(place, HUMANOID_TO_OURS)


def _quaternion(wxyz: Float[Array, "T 4"]) -> Rotation:
    if (np.linalg.norm(wxyz, axis=-1) < 1e-6).any():
        fail("frames", "a quaternion of length zero", "rotations")
    return Rotation.from_quat(wxyz, scalar_first=True)


def _turn_about_z(angle: Float[Array, " T"]) -> Rotation:
    return Rotation.from_rotvec(angle[:, None] * (0.0, 0.0, 1.0))


def read_pybullet(wheel: str | os.PathLike[str]) -> list[Clip]:
    """The humanoid's clips in pybullet's wheel, whole, in the order of their names.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is no wheel of pybullet, is cut short, or holds something else under those names.
    """
    folder = "pybullet_data/data/motions/"
    clips = []
    for member, data in read_members(wheel, folder, ".txt", PYBULLET):
        stem = member.removeprefix(folder).removesuffix(".txt")
        if stem.startswith("humanoid3d_"):
            name = stem.removeprefix("humanoid3d_")
        elif stem.startswith("walker/"):
            name = "walker_" + stem.removeprefix("walker/").lstrip("0")
        else:
            continue
        frames = _frames(member, data)
        fps = 1 / check_positive(f"duration of a frame in {member}", float(np.median(frames[:, 0])))
        clips.append(Clip(name, "pybullet", "humanoid3d", round(fps, 2), humanoid_landmarks(frames)))
    if not clips:
        fail("wheel", f"{wheel}, without a humanoid3d_*.txt", PYBULLET.file)
    return sorted(clips, key=lambda clip: clip.name)


def _frames(member: str, data: bytes) -> Float[Array, "T 44"]:
    try:
        frames = np.array(json.loads(data)["Frames"], dtype=np.float64)
    except (KeyError, TypeError, ValueError) as error:
        fail(member, f"something else ({error})", 'a JSON object whose "Frames" is a list of rows of 44 numbers')
    return _exactly(member, frames, "T", 44)


# --- holosoma's climbers -----------------------------------------------------------------------------------------

CLIMBER_JOINTS = {
    "pelvis": 0, "Spine": 1, "Spine1": 2, "neck": 3, "Head": 4,
    "left_shoulder": 6, "left_elbow": 7, "left_wrist": 8, "right_shoulder": 25, "right_elbow": 26, "right_wrist": 27,
    "left_hip": 43, "left_knee": 44, "left_ankle": 45, "right_hip": 47, "right_knee": 48, "right_ankle": 49,
}  # fmt: skip
"""Where each joint that we use lies among the 53 of `MOCAP_DEMO_JOINTS` in `config_types/data_type.py`."""

CLIMBER_NOSE = (0.0, 0.01, 0.11)
CLIMBER_HEAD_TOP = (0.0, 0.16, 0.0)
"""Our choice, in metres from the Head joint (at the height of the ears), in the head's frame (left, up, forward)."""

CLIMBER_TO_OURS = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
"""z up -> y up: a quarter turn about x."""

CLIMBER_BODIES = {"0": "climber_1", "1": "climber_1", "2": "climber_1", "3": "climber_1", "4": "climber_2"}
"""Whose limbs each clip has: lengths of arms and legs are equal in clips 0 to 3 and differ in clip 4."""


def climber_landmarks(joints: Float[Array, "T 53 3"]) -> Float[Array, "T 3 17"]:
    """Landmarks from holosoma's 53 joint positions (metres, z up), centred, in our axes.

    Spine is the middle of the chain Hips-Spine-Spine1-Neck, which lies on the segment Spine-Spine1. The direction
    in which the head looks was not recorded: it is taken from the chest (left is from shoulder to shoulder) and the
    bone Neck-Head, pitched back by `NECK_PITCH`. So nose and head top follow nods but no turns of the head.

    Raises:
        ValueError: `joints` is not of that shape or not finite, or the head has no direction.
    """
    joints = _exactly("joints", joints, "T", 53, 3)
    place = {name: joints[:, index] for name, index in CLIMBER_JOINTS.items()}
    lower, middle = _length(place["Spine"] - place["pelvis"]), _length(place["Spine1"] - place["Spine"])
    upper = _length(place["neck"] - place["Spine1"])
    share = np.clip(((lower + middle + upper) / 2 - lower) / max(middle, 1e-9), 0, 1)
    place["spine"] = (1 - share) * place["Spine"] + share * place["Spine1"]

    neck = _unit(place["Head"] - place["neck"])
    across = place["left_shoulder"] - place["right_shoulder"]
    left = _unit(across - (across * neck).sum(-1, keepdims=True) * neck)
    pitch = Rotation.from_rotvec(np.radians(-NECK_PITCH) * left)
    up = pitch.apply(neck)
    head = np.stack([left, up, np.cross(left, up)], axis=-1)
    place["nose"] = place["Head"] + head @ CLIMBER_NOSE
    place["head_top"] = place["Head"] + head @ CLIMBER_HEAD_TOP
    return _poses(place, CLIMBER_TO_OURS)


def _length(bone: Float[Array, "T 3"]) -> float:
    return float(np.linalg.norm(bone, axis=-1).mean())


def _unit(vector: Float[Array, "T 3"]) -> Float[Array, "T 3"]:
    length = np.linalg.norm(vector, axis=-1, keepdims=True)
    if (length < 1e-6).any():
        fail("joints", "two joints in one place", "a head above its neck, and shoulders apart from each other")
    return vector / length


def read_holosoma(wheel: str | os.PathLike[str]) -> list[Clip]:
    """The climbing clips in holosoma-retargeting's wheel, whole, in the order of their names.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is no wheel of holosoma-retargeting, is cut short, or holds something else.
    """
    folder = "holosoma_retargeting/demo_data/climb/mocap_climb_seq_"
    clips = []
    for member, data in read_members(wheel, folder, ".npy", HOLOSOMA):
        number = member.removeprefix(folder).split("/")[0]
        body = CLIMBER_BODIES.get(number)
        if body is None:
            fail(member, f"clip {number}", f"one of the clips {', '.join(CLIMBER_BODIES)}")
        clips.append(Clip(f"climb_{number}", "holosoma", body, np.nan, climber_landmarks(_joints(member, data))))
    return sorted(clips, key=lambda clip: clip.name)


def _joints(member: str, data: bytes) -> Float[Array, "T 53 3"]:
    try:
        joints = np.load(io.BytesIO(data), allow_pickle=False)
    except (EOFError, OSError, ValueError) as error:
        fail(member, f"something else ({error})", "an .npy array of shape (T, 53, 3)")
    return _exactly(member, joints, "T", 53, 3).astype(np.float64)


# --- what both share ---------------------------------------------------------------------------------------------


def _exactly(argument: str, value: Array, *shape: int | str) -> Array:
    """`check_array` for an array that has no other dimensions than those of `shape`."""
    array = check_array(argument, value, *shape)
    if array.ndim != len(shape):
        fail(argument, f"shape {array.shape}", f"shape ({', '.join(map(str, shape))})")
    return array


def _poses(place: dict[str, Array], to_ours: Float[Array, "3 3"]) -> Float[Array, "T 3 17"]:
    world = np.stack([place[name] for name in HUMAN36M.landmarks], axis=-1)
    poses = np.einsum("ij,tjl->til", to_ours, world)
    return poses - poses.mean(axis=-1, keepdims=True)


def distance_but_for_heading(pose: Float[Array, "*batch 3 L"], other: Float[Array, "3 L"]) -> Float[Array, "*batch"]:
    """Mean distance of the landmarks of `pose` to those of `other`, after the turn about y that fits it best.

    The turn R(theta) of `pose` with the least squared error has a closed form: with
    c = sum(x x' + z z') and s = sum(z x' - x z'), theta = atan2(s, c).
    """
    x, y, z = pose[..., 0, :], pose[..., 1, :], pose[..., 2, :]
    cosine = (x * other[0] + z * other[2]).sum(-1)
    sine = (z * other[0] - x * other[2]).sum(-1)
    length = np.maximum(np.hypot(sine, cosine), np.finfo(float).tiny)
    c, s = (cosine / length)[..., None], (sine / length)[..., None]
    turned = np.stack([c * x + s * z, y, c * z - s * x], axis=-2)
    return np.linalg.norm(turned - other, axis=-2).mean(-1)


def thin(poses: Float[Array, "T 3 L"], distance: float = THINNING) -> Int[Array, " N"]:
    """Which frames say something new: each is further than `distance` (metres) from the last one kept.

    The first frame is always kept. Turning on the spot says nothing new: see `distance_but_for_heading`.
    """
    poses = _exactly("poses", poses, "T", 3, "L")
    check_positive("distance", distance)
    kept = [0]
    while True:
        new = distance_but_for_heading(poses[kept[-1] + 1 :], poses[kept[-1]]) > distance
        if not new.any():
            return np.array(kept)
        kept.append(kept[-1] + 1 + int(new.argmax()))


# --- the embedded file -------------------------------------------------------------------------------------------


def convert(
    pybullet: str | os.PathLike[str], holosoma: str | os.PathLike[str], out: str | os.PathLike[str]
) -> MotionCapture:
    """Make the `.npz` file `out` from the two wheels, whose checksums must be those of `PYBULLET` and `HOLOSOMA`.

    Raises:
        FileNotFoundError: a wheel, or the folder of `out`, does not exist.
        ValueError: a file is not the wheel it should be.
    """
    if not Path(out).absolute().parent.is_dir():
        raise FileNotFoundError(f"out: got {out}, expected a path in a folder that exists")
    for path, wheel in ((pybullet, PYBULLET), (holosoma, HOLOSOMA)):
        check_wheel(path, wheel)
    motion = collect(read_pybullet(pybullet) + read_holosoma(holosoma))
    arrays: dict[str, np.ndarray] = {
        "poses": np.round(motion.poses, ROUNDING).astype(np.float32),
        "clip": motion.clip.astype(np.int16),
        "frame": motion.frame.astype(np.int16),
        "clip_names": np.array(motion.clip_names),
        "clip_source": np.array(motion.clip_source),
        "clip_body": np.array(motion.clip_body),
        "clip_fps": np.array(motion.clip_fps),
        "clip_frames": np.array(motion.clip_frames, dtype=np.int32),
        "clip_upright": np.array(motion.clip_upright),
    }
    save_npz(out, arrays)
    return motion


def collect(clips: Sequence[Clip]) -> MotionCapture:
    """All `clips` as one `MotionCapture`, each thinned; a line on stderr for each."""
    kept = []
    for clip in clips:
        kept.append(thin(clip.poses))
        print(f"{clip.name}: kept {len(kept[-1])} of {len(clip.poses)} frames", file=sys.stderr)
    return MotionCapture(
        poses=np.concatenate([clip.poses[frames] for clip, frames in zip(clips, kept, strict=True)]),
        clip=np.repeat(np.arange(len(clips)), [len(frames) for frames in kept]),
        frame=np.concatenate(kept),
        clip_names=tuple(clip.name for clip in clips),
        clip_source=tuple(clip.source for clip in clips),
        clip_body=tuple(clip.body for clip in clips),
        clip_fps=tuple(clip.fps for clip in clips),
        clip_frames=tuple(len(clip.poses) for clip in clips),
        clip_upright=tuple(bool(trunk_lean(clip.poses).max() <= UPRIGHT_LEAN) for clip in clips),
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line: see the top of this module."""

    def make(pybullet: Path, holosoma: Path, out: Path) -> str:
        motion = convert(pybullet, holosoma, out)
        return f"{len(motion.poses)} poses of {len(motion.clip_names)} clips"

    make_from("lifting.makers.motion_capture", {"pybullet": PYBULLET, "holosoma": HOLOSOMA}, make, arguments)


if __name__ == "__main__":
    main()
