"""Poses that nobody recorded, made of recorded ones: for learning a prior, and for rendering people.

Few clips hold few combinations of what legs, trunk and arms do, and few builds of body. Three ways to more, all about
the joints of `lifting.skeleton.HUMAN36M`, for one pose or many at once, metres, y up:

- `mix`: the legs of one pose under the trunk and arms of another.
- `perturb`: trunk, head and limbs turned about the joints that they hang on.
- `stretch`: bones longer or shorter, left and right alike.
"""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from numpy import ndarray as Array
from scipy.spatial.transform import Rotation

from lifting.camera import turn
from lifting.skeleton import HUMAN36M

ARM = ("shoulder", "elbow", "wrist")
LEG = ("hip", "knee", "ankle")

PERTURBED = {"pelvis": 12.0, "neck": 10.0, "shoulder": 25.0, "hip": 15.0, "bend": 20.0}
"""How far `perturb` turns what hangs on a joint, and bends an elbow or a knee: standard deviations, degrees."""

MOST_BENT = math.radians(150)
"""How far `perturb` bends an elbow or a knee at most."""


def _unit(vector: Array) -> Array:
    return vector / np.maximum(np.linalg.norm(vector, axis=-1, keepdims=True), 1e-12)


def heading(pose: Float[Array, "*batch 3 17"]) -> Float[Array, "*batch"]:
    """Which way hips and shoulders face: the angle theta that turns someone who faces +z this way, radians."""
    at = {name: pose[..., n] for n, name in enumerate(HUMAN36M.landmarks)}
    left = _unit(at["left_hip"] - at["right_hip"]) + _unit(at["left_shoulder"] - at["right_shoulder"])
    # R(theta) takes the left (1, 0, 0) to (cos theta, 0, -sin theta)
    return np.arctan2(-left[..., 2], left[..., 0])


def mix(legs: Float[Array, "*batch 3 17"], above: Float[Array, "*batch 3 17"]) -> Float[Array, "*batch 3 17"]:
    """The legs of one pose with the trunk, head and arms of another, which is turned to face the same way."""
    at = HUMAN36M.index("pelvis")
    turned = turn(above, heading(legs) - heading(above))
    moved = turned - turned[..., [at]] + legs[..., [at]]
    of_legs = [name == "pelvis" or name.endswith(LEG) for name in HUMAN36M.landmarks]
    return np.where(of_legs, legs, moved)


def perturb(
    pose: Float[Array, "*batch 3 17"], generator: np.random.Generator, strength: float = 1.0
) -> Float[Array, "*batch 3 17"]:
    """Poses that nobody recorded: trunk, head, arms and legs each turned a little about the joint they hang on.

    Elbows and knees are bent more or less in the plane of their limb, and never beyond straight. `strength` times
    `PERTURBED` is how far.
    """
    poses = pose.reshape(-1, 3, 17).copy()

    def any_way(joint: str) -> Rotation:
        degrees = strength * PERTURBED[joint]
        return Rotation.from_rotvec(np.radians(degrees) / math.sqrt(3) * generator.standard_normal((len(poses), 3)))

    head = ["nose", "head_top"]
    arms = [f"{side}_{joint}" for side in ("left", "right") for joint in ARM]
    _turn(poses, "pelvis", ["spine", "neck", *head, *arms], any_way("pelvis"))
    _turn(poses, "neck", head, any_way("neck"))
    for limb in (ARM, LEG):
        for side in ("left", "right"):
            upper, middle, end = (f"{side}_{joint}" for joint in limb)
            _turn(poses, upper, [middle, end], any_way(limb[0]))
            bones = np.diff(poses[..., [HUMAN36M.index(name) for name in (upper, middle, end)]])
            axis = np.cross(bones[..., 0], bones[..., 1])
            bend = np.arctan2(np.linalg.norm(axis, axis=-1), (bones[..., 0] * bones[..., 1]).sum(-1))
            bent = bend + np.radians(strength * PERTURBED["bend"]) * generator.standard_normal(len(poses))
            bent = np.clip(bent, 0.0, np.maximum(bend, MOST_BENT))
            _turn(poses, middle, [end], Rotation.from_rotvec((bent - bend)[:, None] * _unit(axis)))
    return poses.reshape(pose.shape)


def _turn(poses: Float[Array, "N 3 17"], joint: str, names: Sequence[str], by: Rotation) -> None:
    """Turn some landmarks of each pose about one of its joints, in place."""
    middle, moved = poses[..., [HUMAN36M.index(joint)]], [HUMAN36M.index(name) for name in names]
    poses[..., moved] = middle + by.as_matrix() @ (poses[..., moved] - middle)


def stretch(
    pose: Float[Array, "*batch 3 17"], generator: np.random.Generator, spread: float
) -> Float[Array, "*batch 3 17"]:
    """The same poses of other builds: each bone longer or shorter, the left one as the right one.

    The logarithm of a bone's factor is normal with standard deviation `spread`; directions stay as they are.
    """
    named = [tuple(HUMAN36M.landmarks[end].removeprefix("left_").removeprefix("right_") for end in bone)
             for bone in HUMAN36M.bones]  # fmt: skip
    kinds = list(dict.fromkeys(named))
    factors = np.exp(spread * generator.standard_normal((*pose.shape[:-2], len(kinds))))
    stretched = pose.copy()
    for (start, end), kind in zip(HUMAN36M.bones, named, strict=True):  # from the pelvis outwards
        bone = pose[..., end] - pose[..., start]
        stretched[..., end] = stretched[..., start] + factors[..., [kinds.index(kind)]] * bone
    return stretched
