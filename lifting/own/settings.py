"""What may be said about lifting a file: the same from the command line and from Python."""

import math
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from lifting.support.arrays import fail

Orientation = Literal["upright", "free"]
DetectorName = Literal["blazepose", "network"]
OutFormat = Literal["npz", "csv", "json", "trc", "bvh", "png", "gif", "mp4", "html"]
FORMATS: tuple[OutFormat, ...] = ("npz", "csv", "json", "trc", "bvh", "png", "gif", "html")
"""What is written where nothing else is asked for."""


@dataclass(frozen=True)
class Settings:
    """How the people in a file are read and lifted.

    Raises:
        ValueError: a value that its field doesn't allow.
    """

    scale: float | None = None
    """What one metre measures in the file's unit (pixels); solved for where not given."""
    tilts: tuple[float, ...] = ()
    """Pitches of the camera to search, degrees, such as 0 10 20 30; one that looks down is positive."""
    orientation: Orientation = "upright"
    """Whether people may lie or stand on their hands: "free" searches turns about every axis."""
    sides: bool = False
    """Find frames in which the detector exchanged left and right, and change them back."""
    smooth: bool = False
    """Smooth the poses of a clip over time."""
    uncertainty: bool = False
    """Compute how sure each landmark is; where every frame has confidences of its own it takes some 10 ms each."""
    certain: float = 0.95
    """A landmark of a higher confidence counts wholly, one of a lower counts by it. The search is quicker for every one
    that counts wholly, and by far if all do (0)."""
    prior: Path | None = None
    """A prior that `save_prior` wrote; the embedded one where not given."""
    format: str | None = None
    """The format of the files, where it is not recognised: a name in `docs/files.md`."""
    skeleton: str | None = None
    """The order of the landmarks, where the file doesn't tell, such as coco."""
    detector: DetectorName = "blazepose"
    """What finds people in photos and videos; the project's own network is there to learn from, and no detector."""
    people: Literal["linked", "listed"] | None = None
    """Who is who where the file doesn't tell: linked from frame to frame, or the first, second, ... of each."""
    size: tuple[int, int] | None = None
    """Width and height of the picture that the landmarks are of, pixels, where the file doesn't tell."""
    fps: float | None = None
    """Frames a second, where the file has no times; 30 where neither says."""

    def __post_init__(self) -> None:
        for name in ("scale", "fps"):
            value = getattr(self, name)
            if value is not None and not (isinstance(value, (int, float, np.number)) and 0 < value < math.inf):
                fail(name, repr(value), "a number > 0")
        if not (isinstance(self.certain, (int, float, np.number)) and 0 <= self.certain < math.inf):
            fail("certain", repr(self.certain), "a number >= 0")
        for name, allowed in (("orientation", get_args(Orientation)), ("detector", get_args(DetectorName))):
            if getattr(self, name) not in allowed:
                fail(name, repr(getattr(self, name)), " or ".join(f'"{one}"' for one in allowed))
        if self.size is not None and (len(self.size) != 2 or min(self.size) < 1):
            fail("size", self.size, "width and height of the picture, pixels")
        if np.ndim(self.tilts) != 1 or not all(isinstance(one, Real) and math.isfinite(one) for one in self.tilts):
            fail("tilts", repr(self.tilts), "a list of degrees")
        object.__setattr__(self, "tilts", tuple(self.tilts))  # also of an array
        if self.tilts and self.orientation == "free":
            fail("tilts", self.tilts, 'none with orientation "free", which turns about every axis')


def check_formats(names: tuple[str, ...]) -> tuple[OutFormat, ...]:
    """The formats of those names.

    Raises:
        ValueError: one that is none, or none at all.
    """
    known: tuple[OutFormat, ...] = get_args(OutFormat)
    for name in names:
        if name not in known:
            fail("out_formats", repr(name), f"formats among {', '.join(known)}")
    if not names:
        fail("out_formats", "none", f"at least one of {', '.join(known)}")
    return tuple(known[known.index(name)] for name in names)
