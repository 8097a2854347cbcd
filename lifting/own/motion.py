"""Results as motion: markers in a TRC file, joint angles in a BVH file.

Both hold positions in metres, the pelvis moving as `Person.root` tells. A BVH has a skeleton of fixed lengths, the
person's median ones, and turns its bones: what it shows is off by as much as the lengths of lifted poses vary.
"""

import os
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from lifting.own.person import Person
from lifting.skeleton import HUMAN36M
from lifting.support.arrays import fail
from lifting.support.files import write_atomically

REST = {
    "hip": (1, 0, 0), "knee": (0, -1, 0), "ankle": (0, -1, 0), "spine": (0, 1, 0), "neck": (0, 1, 0),
    "nose": (0, 1, 0), "top": (0, 1, 0), "shoulder": (1, 0, 0), "elbow": (1, 0, 0), "wrist": (1, 0, 0),
}  # fmt: skip
"""Which way the bone to each landmark points in the rest pose, a T: y up, the face towards z, the left side at +x."""

TIP = 0.08
"""Metres from the last landmark of a limb to where its bone ends in the BVH: drawn, not lifted."""


def positions(person: Person) -> Float[np.ndarray, "T 3 17"]:
    """The landmarks in metres, moving with the pelvis; NaN where a frame could not be lifted."""
    return person.pose + person.root[..., None]


def write_trc(person: Person, path: str | os.PathLike[str]) -> None:
    """Write markers as OpenSim reads them: metres, X towards the camera, Y up, Z to the left of the picture.

    A frame that could not be lifted has empty fields. OpenSim's X is forward and its Z to the right: of a person who
    faces the camera.
    """
    x, y, z = positions(person).transpose(1, 2, 0)
    markers = np.stack([z, y, -x], axis=-1).transpose(1, 0, 2).reshape(len(person.usable), -1)
    names, count = HUMAN36M.landmarks, len(person.usable)
    frames = np.asarray(person.recording.frames)
    head = [
        ["PathFileType", "4", "(X/Y/Z)", os.path.basename(path)],
        ["DataRate", "CameraRate", "NumFrames", "NumMarkers", "Units", "OrigDataRate", "OrigDataStartFrame",
         "OrigNumFrames"],
        [*[f"{person.rate:.6g}"] * 2, str(count), str(len(names)), "m", f"{person.rate:.6g}", str(frames[0]),
         str(count)],
        ["Frame#", "Time", *(cell for name in names for cell in (name, "", ""))],
        ["", "", *(f"{axis}{n}" for n in range(1, len(names) + 1) for axis in "XYZ")],
        [],
    ]  # fmt: skip
    rows = [[str(frame), f"{time:.6f}", *("" if np.isnan(value) else f"{value:.5f}" for value in row)]
            for frame, time, row in zip(frames, person.times, markers, strict=True)]  # fmt: skip
    write_atomically(path, ("\n".join("\t".join(row) for row in head + rows) + "\n").encode())


class Joint(NamedTuple):
    """A joint of the BVH; its parent comes before it."""

    name: str
    parent: int
    offset: Float[np.ndarray, " 3"]
    """From its parent, in the rest pose, metres."""
    landmark: int
    """The landmark at its place."""
    towards: tuple[int, ...]
    """Landmarks at the ends of the bones that it turns; none at the end of a limb."""


def _rest(landmark: int) -> np.ndarray:
    name = HUMAN36M.landmarks[landmark]
    side = -1 if name.startswith("right") else 1
    return np.array(REST[name.split("_")[-1]], float) * [side, 1, 1]


def skeleton_of(points: Float[np.ndarray, "T 3 17"]) -> list[Joint]:
    """The joints of a person with the median lengths of the bones.

    Where bones part, at pelvis and neck, each has a joint of its own in the same place, as the bones of a lifted pose
    keep no fixed angles there. The root turns with all of its bones.
    """
    children = {parent: [child for one, child in HUMAN36M.bones if one == parent] for parent in range(points.shape[2])}
    joints: list[Joint] = []

    def add(landmark: int, parent: int, offset: np.ndarray) -> None:
        name, ends = HUMAN36M.landmarks[landmark], children[landmark]
        here = len(joints)
        joints.append(Joint(name, parent, offset, landmark, tuple(ends)))
        for end in ends:
            start = here
            if len(ends) > 1:
                start = len(joints)
                joints.append(Joint(f"{name}_to_{HUMAN36M.landmarks[end]}", here, np.zeros(3), landmark, (end,)))
            length = np.median(np.linalg.norm(points[:, :, end] - points[:, :, landmark], axis=1))
            add(end, start, length * _rest(end))

    add(0, -1, np.zeros(3))
    return joints


def joint_rotations(joints: list[Joint], points: Float[np.ndarray, "T 3 17"]) -> list[Rotation]:
    """How each joint is turned in the axes of its parent, T rotations each.

    A bone alone doesn't say how it is turned about itself: it takes the shortest way from how its parent is turned.
    """
    world: list[Rotation] = []
    local: list[Rotation] = []
    for joint in joints:
        above = world[joint.parent] if joint.parent >= 0 else Rotation.identity(len(points))
        turned = above
        if joint.towards:
            rest = np.stack([_rest(end) for end in joint.towards])
            bones = np.moveaxis(points[:, :, list(joint.towards)] - points[:, :, [joint.landmark]], 1, 2)
            if len(rest) > 1:
                turned = Rotation.concatenate([Rotation.align_vectors(bone, rest)[0] for bone in bones])
            else:
                turned = _shortest(above.apply(rest[0]), bones[:, 0]) * above
        world.append(turned)
        local.append(above.inv() * turned)
    return local


def _shortest(start: Float[np.ndarray, "T 3"], end: Float[np.ndarray, "T 3"]) -> Rotation:
    """The smallest rotations that turn `start` towards `end`."""
    axis, cosine = np.cross(start, end), (start * end).sum(1)
    sine = np.linalg.norm(axis, axis=1)
    # opposite ways: any axis that is at right angles will do
    along_x = np.abs(start[:, :1]) > 0.9 * np.linalg.norm(start, axis=1, keepdims=True)
    any_axis = np.where(along_x, [0.0, 1.0, 0.0], [1.0, 0.0, 0.0])
    back = (sine < 1e-9 * np.abs(cosine)) & (cosine < 0)
    axis = np.where(back[:, None], np.cross(start, any_axis), axis)
    unit = axis / np.maximum(np.linalg.norm(axis, axis=1, keepdims=True), 1e-300)
    return Rotation.from_rotvec(np.arctan2(sine, cosine)[:, None] * unit)


def write_bvh(person: Person, path: str | os.PathLike[str]) -> None:
    """Write the motion of a skeleton: metres, y up, z towards the camera, angles in degrees in the order Z, X, Y.

    Frames that could not be lifted are filled in between their neighbours, and all are spaced equally in time: the
    format knows neither gaps nor times. The frames of the file go from the first to the last that was lifted.

    Raises:
        ValueError: no frame could be lifted.
    """
    times, points = evenly(person)
    joints = skeleton_of(points)
    turns = [rotation.as_euler("ZXY", degrees=True) for rotation in joint_rotations(joints, points)]
    motion = np.concatenate([points[:, :, 0], *turns], axis=1)
    lines = ["HIERARCHY", *_hierarchy(joints), "MOTION", f"Frames: {len(motion)}", f"Frame Time: {times:.8f}"]
    lines += [" ".join(f"{value:.6f}" for value in row) for row in motion]
    write_atomically(path, ("\n".join(lines) + "\n").encode())


def evenly(person: Person) -> tuple[float, Float[np.ndarray, "N 3 17"]]:
    """The landmarks at equal steps of time, and the step in seconds.

    Raises:
        ValueError: no frame could be lifted.
    """
    usable = np.flatnonzero(person.usable)
    if not len(usable):
        fail("person", f"{person.recording.person}, of whom no frame could be lifted", "one to write a motion of")
    given, points = person.times[usable], positions(person)[usable]
    step = 1 / person.rate
    times = given[0] + step * np.arange(round((given[-1] - given[0]) / step) + 1)
    flat = points.reshape(len(points), -1)
    return step, np.stack([np.interp(times, given, one) for one in flat.T], axis=1).reshape(-1, *points.shape[1:])


def _hierarchy(joints: list[Joint], index: int = 0, depth: int = 0) -> Iterator[str]:
    """The lines of a joint and of all below it."""
    joint, tab = joints[index], "\t" * depth
    yield f"{tab}{'JOINT' if depth else 'ROOT'} {joint.name}"
    yield f"{tab}{{"
    yield f"{tab}\tOFFSET {_three(joint.offset)}"
    place = "" if depth else "Xposition Yposition Zposition "
    yield f"{tab}\tCHANNELS {3 if depth else 6} {place}Zrotation Xrotation Yrotation"
    for child, other in enumerate(joints):
        if other.parent == index:
            yield from _hierarchy(joints, child, depth + 1)
    if not joint.towards:
        yield from (f"{tab}\tEnd Site", f"{tab}\t{{", f"{tab}\t\tOFFSET {_three(TIP * _rest(joint.landmark))}",
                    f"{tab}\t}}")  # fmt: skip
    yield f"{tab}}}"


def _three(vector: np.ndarray) -> str:
    return " ".join(f"{value:.6f}" for value in vector)
