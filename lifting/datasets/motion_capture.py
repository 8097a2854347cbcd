"""The embedded motion capture: 3,258 poses of real people in 25 clips. `lifting.makers.motion_capture` made it.

Each pose is 17 landmarks in Human3.6M's order, in metres, y up; at heading zero the person faces +z, so that the left
side has x > 0. Translation is dropped (each row of a pose sums to zero), the heading in the world is kept.
`data/motion_capture.md` lists every clip and where it comes from.
"""

import os
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from lifting.skeleton import HUMAN36M
from lifting.support.arrays import check_array, fail
from lifting.support.files import data_path, load_npz

UPRIGHT_LEAN = 60.0
"""A clip is upright when its trunk (pelvis to neck) never leans further than this from the vertical (degrees)."""


@dataclass(frozen=True)
class MotionCapture:
    """Poses and where each comes from.

    Attributes:
        poses: (N, 3, 17) metres; y up; heading of the world; centred.
        clip: (N,) the index of each pose's clip into the tuples below.
        frame: (N,) its frame in the clip as published, from 0.
        clip_names: the names of the C clips.
        clip_source: the package each was read from, "pybullet" or "holosoma".
        clip_body: whose bones it has: "humanoid3d", "climber_1" or "climber_2".
        clip_fps: frames a second; NaN where the source does not say.
        clip_frames: frames of the clip as published, before thinning.
        clip_upright: whether the trunk never leans further than `UPRIGHT_LEAN` from the vertical.
    """

    poses: Float[np.ndarray, "N 3 17"]
    clip: Int[np.ndarray, " N"]
    frame: Int[np.ndarray, " N"]
    clip_names: tuple[str, ...]
    clip_source: tuple[str, ...]
    clip_body: tuple[str, ...]
    clip_fps: tuple[float, ...]
    clip_frames: tuple[int, ...]
    clip_upright: tuple[bool, ...]

    def of_clip(self, name: str) -> Float[np.ndarray, "T 3 17"]:
        """The poses of the clip `name`, in order.

        Raises:
            ValueError: there is no such clip; the message lists those there are.
        """
        if name not in self.clip_names:
            fail("name", repr(name), f"one of {', '.join(self.clip_names)}")
        return self.poses[self.clip == self.clip_names.index(name)]


def load_motion_capture(path: str | os.PathLike[str] | None = None) -> MotionCapture:
    """The embedded motion capture, or the file at `path` that `lifting.makers.motion_capture` made.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is of another kind or cut short.
    """
    keys = MotionCapture.__dataclass_fields__
    arrays = load_npz(data_path("motion_capture.npz") if path is None else path, keys)
    poses = check_array("poses", arrays.pop("poses"), 3, 17).astype(np.float64)
    poses -= poses.mean(axis=-1, keepdims=True)
    clip, frame = arrays.pop("clip"), arrays.pop("frame")
    return MotionCapture(poses, clip, frame, **{key: tuple(array.tolist()) for key, array in arrays.items()})


def trunk_lean(poses: Float[np.ndarray, "*batch 3 17"]) -> Float[np.ndarray, "*batch"]:
    """The angle between the trunk (pelvis to neck) and the vertical, in degrees."""
    pelvis, neck = HUMAN36M.landmarks.index("pelvis"), HUMAN36M.landmarks.index("neck")
    trunk = poses[..., neck] - poses[..., pelvis]
    return np.degrees(np.arccos(np.clip(trunk[..., 1] / np.linalg.norm(trunk, axis=-1), -1, 1)))
