"""The landmarks of one person over time, as every reader hands them out."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from lifting.skeleton import HUMAN36M
from lifting.support.arrays import check_finite, fail
from lifting.support.files import save_npz

L = len(HUMAN36M.landmarks)


@dataclass(frozen=True, eq=False)
class Recording:
    """The landmarks of one person over time, in Human3.6M's order, ready for `lifting.lift`.

    Attributes:
        Y: (frames, 2, 17) float64, x to the right and y up (rows of an image are negated); pixels, or what the file
            counts in; NaN where a landmark is missing.
        confidences: (frames, 17) numbers >= 0: 0 where a landmark is missing, 1 where the file says no more than that
            it is there.
        frames: (frames,) the numbers of the frames in the source, rising; frames without this person are left out.
        times: (frames,) seconds, rising, or None where nothing says how they pass.
        person: what the source calls the person, or a number given here.
        size: width and height of the picture in the unit of Y, or None.
        source: the file or folder.
        format: what it was read as, in words.
        notes: sentences to tell the user.

    Raises:
        ValueError: a field of another shape, a landmark of confidence > 0 that is not finite or one of confidence 0
            that isn't NaN, a negative confidence, frames or times that do not rise, a size that is not positive.
    """

    Y: Float[np.ndarray, "frames 2 17"]
    confidences: Float[np.ndarray, "frames 17"]
    frames: Int[np.ndarray, " frames"]
    times: Float[np.ndarray, " frames"] | None = None
    person: str = "1"
    size: tuple[float, float] | None = None
    source: Path = Path()
    format: str = ""
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        count = len(self.frames)
        for name, shape in {"Y": (count, 2, L), "confidences": (count, L), "frames": (count,)}.items():
            if getattr(self, name).shape != shape or not count:
                fail(name, f"shape {getattr(self, name).shape}", f"shape {shape}, of at least one frame")
        check_finite("confidences", self.confidences)
        if (self.confidences < 0).any():
            fail("confidences", self.confidences.min(), "numbers >= 0")
        there = np.isfinite(self.Y).all(axis=1)
        if (there != self.visible).any() or np.isinf(self.Y).any():
            fail(
                "Y", "a landmark that is and isn't there", "NaN where the confidence is 0, and finite numbers elsewhere"
            )
        check_rising("frames", self.frames)
        if self.times is not None:
            if self.times.shape != (count,):
                fail("times", f"shape {self.times.shape}", f"shape {(count,)}")
            check_finite("times", self.times)
            check_rising("times", self.times)
        if self.size is not None and not all(np.isfinite(side) and side > 0 for side in self.size):
            fail("size", self.size, "a width and a height > 0")

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def visible(self) -> np.ndarray:
        """(frames, 17): which landmarks are there, for `lift(..., visible=...)`; `confidences` are its `weights`."""
        return self.confidences > 0


def save_recording(recording: Recording, path: str | os.PathLike[str]) -> None:
    """Write a recording to an NPZ file, which `lifting.read` reads again; see `support.files.save_npz`.

    Raises:
        FileNotFoundError: the folder of `path` does not exist.
    """
    arrays = {"Y": recording.Y, "confidences": recording.confidences, "frames": recording.frames}
    beside = {"times": recording.times, "size": recording.size, "person": recording.person}
    save_npz(path, arrays | {name: np.asarray(value) for name, value in beside.items() if value is not None})


def check_rising(argument: str, numbers: np.ndarray) -> None:
    """Refuse numbers of which one is not greater than the one before."""
    falls = np.flatnonzero(np.diff(numbers) <= 0)
    if len(falls):
        fail(argument, f"{numbers[falls[0] + 1]} after {numbers[falls[0]]}", "rising numbers")
