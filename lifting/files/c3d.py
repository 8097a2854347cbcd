"""C3D, markers in 3D as motion capture systems save them, read by the package `c3d`.

The file states its unit (POINT:UNITS), its rate, and often which of its axes points up on the screen
(POINT:Y_SCREEN). A marker with a residual below 0 was not seen.
"""

import io
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Int

from lifting.files.documents import read_bytes
from lifting.support.arrays import fail

UNITS = {"m": 1.0, "cm": 0.01, "mm": 0.001, "in": 0.0254, "inch": 0.0254}
"""Metres in a unit."""


@dataclass(frozen=True, eq=False)
class C3d:
    """What is in a C3D file.

    Attributes:
        labels: the M markers.
        points: (T, 3, M) in the file's unit and axes, NaN where a marker was not seen.
        frames: (T,) their numbers.
        rate: frames a second.
        unit: metres in the unit, None where the file states none.
        up: the axis that points up on the screen, None where the file does not say or says x.
    """

    labels: tuple[str, ...]
    points: Float[np.ndarray, "T 3 M"]
    frames: Int[np.ndarray, " T"]
    rate: float
    unit: float | None
    up: Literal["y", "z"] | None


def read(path: Path) -> C3d:
    """What is in a C3D file.

    Raises:
        ValueError: it is none, or cut short; no markers, an unknown unit, a rate of 0, a marker twice.
    """
    data = read_bytes(path)
    if len(data) < 512 or data[1] != 0x50:
        fail(str(path), f"{len(data)} bytes that begin otherwise", "a C3D file, whose second byte is 0x50")
    reader, rows = _frames(path, data)
    labels = tuple(label.strip() for label in reader.point_labels[: reader.point_used]) if reader.point_used else ()
    if not labels:
        fail(str(path), "no markers", "one at least")
    announced = int(reader.frame_count)
    if len(rows) != announced:
        fail(str(path), f"{len(rows)} frames", f"{announced}, as the header announces")
    twice = next((label for label in labels if labels.count(label) > 1), None)
    if twice is not None:
        fail(str(path), f"marker {twice!r} twice", "each marker once")
    if not 0 < reader.point_rate < np.inf:
        fail(str(path), f"{reader.point_rate:g} frames a second", "a number above 0")
    values = np.array([points for _, points in rows], np.float64)
    points = np.where(values[..., 3:4] < 0, np.nan, values[..., :3]).swapaxes(1, 2)
    frames = np.array([number for number, _ in rows], int)
    return C3d(labels, points, frames, float(reader.point_rate), _unit(path, reader), _up(reader))


def _frames(path: Path, data: bytes) -> tuple[Any, list[tuple[int, np.ndarray]]]:
    """The reader, and number and points of each frame."""
    import c3d

    try:
        with warnings.catch_warnings(action="ignore"):  # such as of a file without analogue data
            reader = c3d.Reader(io.BytesIO(data))
            return reader, [(number, points[: len(reader.point_labels)]) for number, points, _ in reader.read_frames()]
    except Exception as error:  # the package raises errors of many kinds for a file that is cut or none
        fail(str(path), f"C3D that can't be read ({type(error).__name__})", "a C3D file that is whole")


def _unit(path: Path, reader: Any) -> float | None:
    stated = reader.get("POINT:UNITS")
    word = stated.string_value.strip().lower() if stated is not None else ""
    if word and word not in UNITS:
        fail(str(path), f"units of {word!r}", f"one of {', '.join(UNITS)}")
    return UNITS.get(word)


def _up(reader: Any) -> Literal["y", "z"] | None:
    stated = reader.get("POINT:Y_SCREEN")
    word = stated.string_value.strip().lower() if stated is not None else ""
    return "y" if word == "+y" else "z" if word == "+z" else None
