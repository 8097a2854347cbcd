"""TRC, tables of markers: Sports2D's, in a plane, are 2D landmarks; others are 3D, for `lifting.files.motion`.

Five lines of headers: names of the file's columns in the second, their values in the third (the rate, numbers of
frames and markers, units), markers in the fourth. Sports2D says metres in files of pixels, too: numbers that no
person has in metres are pixels. In files of pixels y points down, in metres up.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from lifting.files.detections import Detections, Hints, place
from lifting.files.names import named_order
from lifting.support.arrays import fail

METRES = {"m": 1.0, "meters": 1.0, "metres": 1.0, "cm": 0.01, "mm": 0.001}
"""Metres in a unit."""

PIXELS = ("px", "pixel", "pixels")
TALLEST = 3.0
"""The largest person, in metres; what is larger is in pixels."""


@dataclass(frozen=True, eq=False)
class Trc:
    """What is in a TRC file.

    Attributes:
        names: the M markers.
        frames: (T,) their numbers.
        times: (T,) seconds.
        points: (T, 3, M), NaN where a cell is empty.
        unit: as the header says, in small letters.
        rate: frames a second.
    """

    names: tuple[str, ...]
    frames: Int[np.ndarray, " T"]
    times: Float[np.ndarray, " T"]
    points: Float[np.ndarray, "T 3 M"]
    unit: str
    rate: float


def read_trc(path: Path, text: str) -> Trc:
    """What is in a TRC file.

    Raises:
        ValueError: a header that is none or says other numbers than the rows have, a cell that is no number, times or
            frames that do not rise.
    """
    lines = [line.rstrip("\r").split("\t") for line in text.split("\n")]
    if len(lines) < 6 or not lines[0][0].startswith("PathFileType"):
        fail(str(path), f"{lines[0][0][:40]!r} at its start", "a TRC file: PathFileType, headers, rows")
    header = dict(zip((word.strip() for word in lines[1]), (word.strip() for word in lines[2]), strict=False))
    names = tuple(name.strip() for name in lines[3][2:] if name.strip())
    rows = [(n, line) for n, line in enumerate(lines[5:], 6) if any(cell.strip() for cell in line)]
    for key, count in {"NumMarkers": len(names), "NumFrames": len(rows)}.items():
        if header.get(key) != str(count):
            fail(str(path), f"{count} as {key} in what follows", f"{header.get(key, 'nothing')}, as the header says")
    if not rows or not names:
        fail(str(path), "no rows or no markers", "markers over time")
    table = np.array([_row(path, n, line, 2 + 3 * len(names)) for n, line in rows])
    frames, times = table[:, 0], table[:, 1]
    for what, values in {"frame": frames, "time": times}.items():
        falls = np.flatnonzero(~(np.diff(values) > 0))
        if len(falls):
            fail(f"{path}, line {rows[falls[0] + 1][0]}", f"{what} {values[falls[0] + 1]:g} after {values[falls[0]]:g}",
                 f"a {what} that rises")  # fmt: skip
    unit = header.get("Units", "").lower()
    if unit not in METRES and unit not in PIXELS:
        fail(str(path), f"{header.get('Units', 'nothing')!r} as Units", f"one of {', '.join((*METRES, *PIXELS))}")
    points = table[:, 2:].reshape(len(rows), len(names), 3).swapaxes(1, 2)
    return Trc(names, frames.astype(int), times, points, unit, _rate(path, header.get("DataRate", "")))


def is_flat(trc: Trc) -> bool:
    """Whether all markers lie in the plane of the picture, z = 0."""
    return bool((np.nan_to_num(trc.points[:, 2]) == 0).all())


def read(path: Path, text: str, hints: Hints) -> Detections:
    """The person of a file by Sports2D; see `Detections`.

    Raises:
        ValueError: markers in 3D, or what `read_trc` refuses.
    """
    trc = read_trc(path, text)
    if not is_flat(trc):
        fail(place(path), "markers in 3D", "2D landmarks: z = 0 (lifting.files.read_motion reads motion)")
    points = trc.points[:, :2]
    missing = np.isnan(points).any(axis=1) | (points == 0).all(axis=1)
    stated = METRES.get(trc.unit)
    pixels = stated is None or _extent(points, missing) * stated > TALLEST
    doubt = f"The header says {trc.unit}, but nobody is so large: read as pixels, y down."
    scale = 1.0 if pixels or stated is None else stated
    person = re.search(r"person_?(\d+)", path.stem)
    persons = np.full(len(points), person[1] if person else "1")
    return Detections(
        trc.frames, points * scale, (~missing).astype(float), named_order(place(path), trc.names),
        f"TRC, {'pixels' if pixels else 'metres'}", persons, trc.times, hints.size, not pixels,
        (doubt,) if pixels and stated else (),
    )  # fmt: skip


def _extent(points: np.ndarray, missing: np.ndarray) -> float:
    """The median over frames of a person's larger side."""
    there = ~missing.all(axis=1)
    if not there.any():
        return 0.0
    shown = np.where(missing[:, None], np.nan, points)[there]
    return float(np.median((np.nanmax(shown, axis=2) - np.nanmin(shown, axis=2)).max(axis=1)))


def _row(path: Path, n: int, line: list[str], width: int) -> list[float]:
    cells = line[: -1 if len(line) == width + 1 and not line[-1].strip() else None]  # a tab may end the line
    if len(cells) != width:
        fail(f"{path}, line {n}", f"{len(line)} cells", f"{width}: frame, time, and x, y, z of each marker")
    try:
        values = [float(cell) if cell.strip() else np.nan for cell in cells[:width]]
    except ValueError:
        wrong = next(cell for cell in cells[:width] if cell.strip() and not _is_number(cell))
        fail(f"{path}, line {n}", repr(wrong[:40]), "a number or an empty cell")
    if np.isinf(values).any() or np.isnan(values[:2]).any() or values[0] % 1:
        fail(f"{path}, line {n}", "an infinite number, or no frame or time", "a frame, a time and finite numbers")
    return values


def _rate(path: Path, word: str) -> float:
    if not _is_number(word) or not 0 < float(word) < np.inf:
        fail(str(path), f"{word!r} as DataRate", "frames a second, above 0")
    return float(word)


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
