"""A made-up four-legged animal that walks: poses for a prior of something that is not a person.

**Synthetic.** No animal was measured: lengths, angles and gaits are numbers chosen here, and what is learned from them
holds for this puppet alone. Each walk draws a size, a gait, a stride and a manner, then moves on sines.

    walks = walk(60, 20, np.random.default_rng(0))      # (60, 20, 3, 15), metres, y up, facing +z
"""

import numpy as np
from jaxtyping import Float

from lifting.skeleton import Skeleton
from lifting.support.arrays import check_count, fail

_LEGS = tuple(f"{side}_{end}" for end in ("front", "hind") for side in ("left", "right"))

QUADRUPED = Skeleton(
    "quadruped",
    landmarks=("nose", "withers", "rump", *(f"{leg}_{joint}" for leg in _LEGS for joint in ("hip", "knee", "paw"))),
    bones=((0, 1), (1, 2), *((1 if leg < 2 else 2, 3 + 3 * leg) for leg in range(4)),
           *((3 + 3 * leg + j, 4 + 3 * leg + j) for leg in range(4) for j in range(2))),
    left=(3, 4, 5, 9, 10, 11),
    right=(6, 7, 8, 12, 13, 14),
)  # fmt: skip
"""Its 15 landmarks: nose, withers, rump, and hip, knee and paw of each leg; a front leg's hip is the shoulder."""

PHASES = {"walk": (0.0, 0.5, 0.75, 0.25), "trot": (0.0, 0.5, 0.5, 0.0)}
"""When each leg of `_LEGS` swings, in strides: one after the other, or diagonal legs together."""


def walk(walks: int, frames: int, rng: np.random.Generator) -> Float[np.ndarray, "walks frames 3 15"]:
    """Poses of so many walks of so many frames, in metres, y up, facing +z, each centred.

    Raises:
        ValueError: a count below 1, or no generator.
    """
    check_count("walks", walks)
    check_count("frames", frames)
    if not isinstance(rng, np.random.Generator):
        fail("rng", type(rng).__name__, "a generator, as from np.random.default_rng")
    return np.stack([_one_walk(frames, rng) for _ in range(walks)])


def _one_walk(frames: int, rng: np.random.Generator) -> np.ndarray:
    size, length, width = rng.uniform(0.8, 1.2), 0.62 * rng.uniform(0.9, 1.1), 0.11
    gait = PHASES[str(rng.choice(list(PHASES)))]
    stride, lift_of_paw, crouch = rng.uniform(0.2, 0.6), rng.uniform(0.5, 1.1), rng.uniform(0.1, 0.4)
    nod, gaze, bend = rng.uniform(-0.9, 0.7), rng.uniform(-0.7, 0.7), rng.uniform(-0.35, 0.35)
    t = 2 * np.pi * (rng.uniform(0, 1) + np.linspace(0, rng.uniform(1, 2), frames))
    pose = np.zeros((frames, 3, len(QUADRUPED.landmarks)))
    # the trunk bends sideways: a swing to and fro about the bend of the whole walk
    sway = bend + 0.1 * np.sin(t)
    pose[:, :, 1] = np.stack([length / 2 * np.sin(sway), 0.02 * np.sin(2 * t), length / 2 * np.cos(sway)], axis=1)
    pose[:, :, 2] = np.stack([length / 2 * np.sin(sway), 0.02 * np.cos(2 * t), -length / 2 * np.cos(sway)], axis=1)
    up, aside = nod + 0.08 * np.sin(2 * t), gaze + sway
    head = np.stack([np.cos(up) * np.sin(aside), np.sin(up), np.cos(up) * np.cos(aside)], axis=1)
    pose[:, :, 0] = pose[:, :, 1] + 0.38 * head
    for leg, phase in enumerate(gait):
        root, side = (1 if leg < 2 else 2), (1 if leg % 2 == 0 else -1)
        swing = t + 2 * np.pi * phase
        thigh = stride * np.sin(swing) + (crouch if leg < 2 else -crouch)
        bent = crouch + lift_of_paw * np.maximum(0, np.cos(swing))
        shin = thigh - bent if leg < 2 else thigh + bent
        hip = pose[:, :, root] + np.array([side * width, -0.06, 0.0])
        knee = hip + 0.25 * _down(thigh)
        pose[:, :, 3 + 3 * leg], pose[:, :, 4 + 3 * leg], pose[:, :, 5 + 3 * leg] = hip, knee, knee + 0.25 * _down(shin)
    pose *= size
    return pose - pose.mean(axis=2, keepdims=True)


def _down(angle: np.ndarray) -> np.ndarray:
    """The direction of a bone that hangs down, swung forwards by `angle`: (frames, 3)."""
    return np.stack([np.zeros_like(angle), -np.cos(angle), np.sin(angle)], axis=1)
