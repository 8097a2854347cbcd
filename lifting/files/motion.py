"""Motion in 3D for `fit_prior`: BVH, C3D and TRC. Units and axes are as the file states, or recognised and said.

`read_motion` gives one `Motion`: the landmarks that are in the file, in metres with y up, under the names of
`lifting.skeleton` where the file's names are known, else under their own. `poses_of` puts recordings together for
`fit_prior`. What it does with gaps: a frame in which one of the landmarks is missing is left out, whole. Nothing is
filled in: a prior would learn the filling as motion. That costs frames, and biases the prior where what is hidden has
to do with the pose; how many were left out is said in `Poses.left_out`.
"""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Int

from lifting.files import bvh, c3d, trc
from lifting.files.documents import read_text
from lifting.files.names import distinct, landmark
from lifting.orders import SKELETONS
from lifting.skeleton import DERIVED
from lifting.support.arrays import check_positive, fail

Axis = Literal["y", "z"]

UNITS = {"m": 1.0, "cm": 0.01, "mm": 0.001, "in": 0.0254, "cmu": 0.0254 / 0.45}
"""Metres in a unit; "cmu" is that of the CMU motion capture, 1 / 0.45 inches."""

TALL = (1.0, 2.4)
"""Between how many metres a person's trunk and legs and head are long together, who stands."""


@dataclasses.dataclass(frozen=True, eq=False)
class Motion:
    """One person's motion in 3D.

    Attributes:
        poses: (T, 3, M) metres, y up, in the world; NaN where a landmark is missing.
        landmarks: the M names.
        frames: (T,) numbers of the frames, rising.
        fps: frames a second.
        source: the file.
        format: what it was read as, in words, with the unit and the axis that is up.
        notes: sentences to tell the user.
    """

    poses: Float[np.ndarray, "T 3 M"]
    landmarks: tuple[str, ...]
    frames: Int[np.ndarray, " T"]
    fps: float
    source: Path
    format: str
    notes: tuple[str, ...] = ()

    def of(self, landmarks: Sequence[str]) -> Float[np.ndarray, "T 3 L"]:
        """The poses of these landmarks; a pelvis or neck that is not there is the middle of the hips or the shoulders.

        Raises:
            ValueError: a landmark that is neither there nor such a middle.
        """
        columns = []
        for name in landmarks:
            parents = (name,) if name in self.landmarks else DERIVED.get(name, ())
            if not parents or not set(parents) <= set(self.landmarks):
                fail(f"{self.source}, landmarks", repr(name), f"some of {', '.join(self.landmarks)}")
            columns.append(np.mean([self.poses[..., self.landmarks.index(parent)] for parent in parents], axis=0))
        return np.stack(columns, axis=-1)


@dataclasses.dataclass(frozen=True, eq=False)
class Poses:
    """Poses for `fit_prior`: `fit_prior(found.poses, bases, landmarks=found.landmarks, left=..., right=...)`.

    Attributes:
        poses: (N, 3, L) metres, y up, each centred.
        landmarks: the L names.
        left: indices of landmarks on the left, and
        right: of their counterparts.
        motion: (N,) from which of the motions each comes.
        left_out: how many frames of each motion were left out for a gap.
    """

    poses: Float[np.ndarray, "N 3 L"]
    landmarks: tuple[str, ...]
    left: tuple[int, ...]
    right: tuple[int, ...]
    motion: Int[np.ndarray, " N"]
    left_out: tuple[int, ...]


def read_motion(
    path: str | os.PathLike[str],
    *,
    unit: str | float | None = None,
    up: Axis | None = None,
    names: Mapping[str, str] | None = None,
) -> Motion:
    """The motion in a BVH, C3D or TRC file.

    Args:
        path: the file.
        unit: what its numbers count, a key of `UNITS` or metres; None: what the file states, or the one in which the
            skeleton of a BVH is as tall as a person.
        up: the axis that points up, "y" or "z"; None: y in BVH and TRC, in C3D what the file states, else the axis
            along which the head is above the feet.
        names: our names of markers or joints, by those of the file, besides those that are known.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a file that is broken or of another kind; a unit or an axis that is neither stated nor recognised.
    """
    path = Path(path)
    readers = {".bvh": _from_bvh, ".c3d": _from_c3d, ".trc": _from_trc}
    if up not in (None, "y", "z"):
        fail("up", repr(up), "'y' or 'z'")
    if path.suffix.lower() not in readers:
        fail(str(path), f"a file that ends in {path.suffix or 'nothing'}", f"one of {', '.join(readers)}")
    raw = readers[path.suffix.lower()](path, names or {})
    metres, words = _metres(path, raw, unit)
    poses = raw.points * metres
    axis = up or raw.up or _upward(path, poses, raw.landmarks)
    if axis == "z":  # turned about x: z becomes y
        poses = np.stack([poses[:, 0], poses[:, 2], -poses[:, 1]], axis=1)
    if np.isnan(poses).any(axis=1).all():
        fail(str(path), "no landmark in any frame", "one at least")
    return Motion(poses, raw.landmarks, raw.frames, raw.fps, path, f"{raw.format}, {words}, {axis} up", raw.notes)


def poses_of(*motions: Motion, landmarks: Sequence[str] | None = None) -> Poses:
    """The complete frames of all motions, as `fit_prior` wants them.

    Args:
        motions: what `read_motion` gave.
        landmarks: those of the prior; None: all that every motion has under a name that is known here.

    Raises:
        ValueError: no motions, a landmark that one of them lacks, or no frame without a gap.
    """
    if not motions:
        fail("motions", "none", "one at least")
    known = dict.fromkeys(name for order in SKELETONS.values() for name in order.landmarks)
    common = [name for name in known if all(name in motion.landmarks for motion in motions)]
    chosen = tuple(common if landmarks is None else landmarks)
    if len(chosen) < 2:
        fail("landmarks", f"{len(chosen)} that all motions have", "2 at least")
    found = [motion.of(chosen) for motion in motions]
    whole = [np.isfinite(poses).all(axis=(1, 2)) for poses in found]
    for motion, complete in zip(motions, whole, strict=True):
        if not complete.any():
            fail(f"{motion.source}, landmarks", "a gap in every frame", "a frame with all; or fewer landmarks")
    poses = np.concatenate([one[complete] for one, complete in zip(found, whole, strict=True)])
    numbers = np.repeat(np.arange(len(motions)), [int(one.sum()) for one in whole])
    pairs = [(i, chosen.index(f"right{name[4:]}")) for i, name in enumerate(chosen)
             if name.startswith("left_") and f"right{name[4:]}" in chosen]  # fmt: skip
    return Poses(
        poses - poses.mean(axis=2, keepdims=True), chosen, tuple(i for i, _ in pairs), tuple(j for _, j in pairs),
        numbers, tuple(int((~one).sum()) for one in whole),
    )  # fmt: skip


@dataclasses.dataclass(frozen=True, eq=False)
class _Raw:
    """A motion as in the file: its own unit and axes."""

    points: np.ndarray
    landmarks: tuple[str, ...]
    frames: np.ndarray
    fps: float
    format: str
    unit: float | None = None
    up: Axis | None = None
    height: float = np.nan
    notes: tuple[str, ...] = ()


def _from_bvh(path: Path, names: Mapping[str, str]) -> _Raw:
    skeleton = bvh.read(path, read_text(path))
    found = bvh.landmarks(skeleton, names)
    height = bvh.height(skeleton, found)
    return _Raw(
        bvh.positions(skeleton), found, np.arange(skeleton.count), 1 / skeleton.seconds, "BVH", None, "y", height
    )


def _from_c3d(path: Path, names: Mapping[str, str]) -> _Raw:
    read = c3d.read(path)
    found = distinct([names.get(name) or landmark(name) for name in read.labels], read.labels)
    return _Raw(read.points, found, read.frames, read.rate, "C3D", read.unit, read.up)


def _from_trc(path: Path, names: Mapping[str, str]) -> _Raw:
    read = trc.read_trc(path, read_text(path))
    if trc.is_flat(read):
        fail(str(path), "markers in a plane, z = 0", "motion in 3D (lifting.read reads 2D landmarks)")
    if read.unit in trc.PIXELS:
        fail(str(path), "units of pixels", "m, cm or mm")
    found = distinct([names.get(name) or landmark(name) for name in read.names], read.names)
    return _Raw(read.points, found, read.frames, read.rate, "TRC", trc.METRES[read.unit], "y")


def _metres(path: Path, raw: _Raw, unit: str | float | None) -> tuple[float, str]:
    """Metres in the file's unit, and words for how that is known."""
    if isinstance(unit, str):
        if unit not in UNITS:
            fail("unit", repr(unit), f"a number of metres or one of {', '.join(UNITS)}")
        return UNITS[unit], unit
    if unit is not None:
        return check_positive("unit", unit), f"units of {unit:g} m"
    if raw.unit is not None:
        words: Any = next((name for name, metres in UNITS.items() if metres == raw.unit), f"{raw.unit:g} m")
        return raw.unit, f"{words} as stated"
    fitting = [name for name, metres in UNITS.items() if TALL[0] <= raw.height * metres <= TALL[1]]
    if len(fitting) != 1:
        fail(
            str(path),
            f"a skeleton {raw.height:.4g} high",
            f"one as high as a person; or unit=..., of {', '.join(UNITS)}",
        )
    return UNITS[fitting[0]], f"{fitting[0]} by the height of the skeleton"


def _upward(path: Path, poses: np.ndarray, names: tuple[str, ...]) -> Axis:
    """The axis, y or z, along which the head or the shoulders are most above the feet, over all frames."""
    high = [i for i, name in enumerate(names) if name in ("head_top", "nose", "neck") or name.endswith("_shoulder")]
    low = [i for i, name in enumerate(names) if name.endswith(("_ankle", "_heel", "_toe", "_foot_index", "_knee"))]
    if high and low:
        above = np.nanmean(poses[..., high], axis=(0, 2)) - np.nanmean(poses[..., low], axis=(0, 2))
        if np.nanmax(above[1:]) > 0.3:
            return "y" if above[1] > above[2] else "z"
    fail(str(path), "neither head above feet nor an axis stated to be up", "up='y' or up='z'")
