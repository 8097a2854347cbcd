"""Landmarks in CSV: DeepLabCut's and Sports2D's with their rows of headers, and plain tables, wide or long.

- DeepLabCut: rows "scorer", "individuals" (where there are several), "bodyparts", "coords" above the numbers; x, y
  and, where there is one, likelihood. An empty cell is missing. Sports2D wrote the same until it went over to TRC.
- Wide: a row a frame (and person), columns NAME_x, NAME_y and, where there is one, NAME_confidence.
- Long: a row a landmark, columns frame, landmark, x, y and, where there are such, confidence and person. Landmarks
  are names, or numbers in an order that is hinted at or known by how many there are.
"""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lifting.files.detections import Detections, Hints, order_of, place
from lifting.files.documents import LARGEST
from lifting.files.names import named_order, plain
from lifting.files.openpose import frame_of
from lifting.files.shares import to_pixels
from lifting.skeleton import BLAZEPOSE, Skeleton, skeleton
from lifting.support.arrays import fail

COORDINATES = {"x": "x", "y": "y", "z": "z"} | dict.fromkeys(
    ("confidence", "conf", "c", "score", "likelihood", "visibility", "vis", "v", "p", "prob", "probability"), "c"
)
"""What the column of a landmark is, by its name."""

HEADERS = (
    r"(?P<name>.+?)[ _.:/(\[-]+(?P<coordinate>[A-Za-z]+)[)\]]?",
    r"(?P<name>.*[a-z0-9])(?P<coordinate>[XYZ])",
    r"(?P<coordinate>[xyz])[ _]?(?P<name>\w+)",
)
"""How a column of a wide table is called: nose_x, noseX or x_nose."""

ROLES = {
    "frame": ("frame", "framenumber", "frameid", "frameindex", "frameno", "framenum", "imageid", "image", "framenr"),
    "time": ("time", "times", "timestamp", "timesec", "seconds", "sec", "t"),
    "milliseconds": ("timems", "timestampms", "milliseconds", "ms"),
    "person": ("person", "personid", "trackid", "track", "subject", "individual", "personindex", "individuals"),
    "landmark": ("landmark", "keypoint", "joint", "bodypart", "point", "name", "landmarkid", "keypointid",
                 "landmarkname", "keypointname", "marker", "part", "jointname", "landmarkindex"),
}  # fmt: skip
"""What other columns are, by their names without marks and case."""


@dataclass(frozen=True)
class Table:
    """A CSV file: its rows of words, all as long as the first, and the line in the file of each."""

    rows: list[list[str]]
    lines: list[int]


def read_table(path: Path, text: str) -> Table:
    """The rows of a CSV; what separates the cells (comma, semicolon or tab) is what the first line has most of.

    Raises:
        ValueError: no row, or a row of another length than the first.
    """
    first = text.split("\n", 1)[0]
    separator = max(",;\t", key=first.count)
    try:
        rows = [(n, row) for n, row in enumerate(csv.reader(text.splitlines(), delimiter=separator), 1) if any(row)]
    except csv.Error as error:
        fail(str(path), f"no table ({error})", "rows of cells")
    for n, row in rows:
        if len(row) != len(rows[0][1]):
            fail(f"{path}, line {n}", f"{len(row)} cells", f"{len(rows[0][1])}, as the first line has")
    if len(rows) < 2:
        fail(str(path), "a table without rows", "a line of headers and rows of landmarks")
    return Table([[cell.strip() for cell in row] for _, row in rows], [n for n, _ in rows])


def fits_deeplabcut(table: Any) -> bool:
    """Whether rows of headers as DeepLabCut's stand on top."""
    return {"bodyparts", "coords"} <= {row[0].lower() for row in table.rows[:5]}


def read_deeplabcut(path: Path, table: Table, hints: Hints) -> Detections:
    """The people of all frames; see `Detections`.

    Raises:
        ValueError: columns without x or y, a cell that is no number.
    """
    depth = next(i for i, row in enumerate(table.rows) if row[0].lower() == "coords") + 1
    headers = {row[0].lower(): row for row in table.rows[:depth]}
    coords = [word.lower() for word in headers["coords"]]
    width = next((i for i, word in enumerate(coords) if i and word), len(coords))
    parts, who = headers["bodyparts"], headers.get("individuals", ["1"] * len(coords))
    columns: dict[tuple[str, str], dict[str, int]] = {}
    for i in range(width, len(coords)):
        if coords[i] in COORDINATES:
            columns.setdefault((who[i], parts[i]), {})[COORDINATES[coords[i]]] = i
    rows = table.rows[depth:]
    if not rows:
        fail(str(path), "headers without rows", "a row for each frame")
    frames = _frame_numbers([row[width - 1] for row in rows])
    names = list(dict.fromkeys(part for _, part in columns))
    people = list(dict.fromkeys(person for person, _ in columns))
    values = np.stack([
        _landmarks(path, Table(rows, table.lines[depth:]), [columns.get((person, part), {}) for part in names], names)
        for person in people
    ])  # fmt: skip
    order = _order(place(path), names, hints)
    persons = np.repeat(people, len(rows))
    return _detections(path, np.tile(frames, len(people)), values.reshape(-1, *values.shape[2:]), order,
                       ("DeepLabCut CSV", persons, None), hints)  # fmt: skip


def fits_wide(table: Any) -> bool:
    """Whether the first row names the x of a landmark."""
    return any(found[1] == "x" for found in map(_wide, table.rows[0]) if found)


def read_wide(path: Path, table: Table, hints: Hints) -> Detections:
    """The people of all frames; see `Detections`.

    Raises:
        ValueError: a landmark without x or y, a column that is there twice, a cell that is no number.
    """
    columns: dict[str, dict[str, int]] = {}
    for i, header in enumerate(table.rows[0]):
        found = _wide(header)
        if found and _role(header) is None:
            name, coordinate = found
            if coordinate in columns.setdefault(name, {}):
                fail(str(path), f"column {header!r} twice", "each column once")
            columns[name][coordinate] = i
    columns = {name: found for name, found in columns.items() if found.keys() & {"x", "y"}}
    rest = Table(table.rows[1:], table.lines[1:])
    values = _landmarks(path, rest, list(columns.values()), list(columns))
    order = _order(place(path), list(columns), hints)
    _refuse_depth(path, any("z" in found for found in columns.values()), order)
    frames, persons, times = _roles(path, table.rows[0], rest)
    return _detections(path, frames, values, order, ("CSV, a row a frame", persons, times), hints)


def fits_long(table: Any) -> bool:
    """Whether the first row names a landmark, x and y."""
    headers = [plain(one) for one in table.rows[0]]
    return {"x", "y"} <= set(headers) and any(_role(one) == "landmark" for one in headers)


def read_long(path: Path, table: Table, hints: Hints) -> Detections:
    """The people of all frames; see `Detections`.

    Raises:
        ValueError: a landmark twice in a frame, a cell that is no number.
    """
    headers = [plain(one) for one in table.rows[0]]
    rest = Table(table.rows[1:], table.lines[1:])
    where = {COORDINATES[one]: i for i, one in enumerate(headers) if one in COORDINATES}
    numbers = _landmarks(path, rest, [where], ["landmark"])[:, :, 0]
    frames, persons, times = _roles(path, table.rows[0], rest)
    column = next(i for i, one in enumerate(headers) if _role(one) == "landmark")
    words = [row[column] for row in rest.rows]
    if all(word.isdigit() for word in words):
        count = max(map(int, words)) + 1
        order, index = order_of(place(path), count, hints), [int(word) for word in words]
    else:
        names = list(dict.fromkeys(words))
        order, index = _order(place(path), names, hints), [names.index(word) for word in words]
    _refuse_depth(path, "z" in where, order)
    keys = list(zip(frames.tolist(), persons.tolist() if persons is not None else [None] * len(frames), strict=True))
    places = {key: n for n, key in enumerate(dict.fromkeys(keys))}
    values = np.full((len(places), 3, len(order.landmarks)), np.nan)
    values[:, 2] = 0
    seen = set()
    for row, (key, landmark) in enumerate(zip(keys, index, strict=True)):
        if (key, landmark) in seen:
            fail(f"{place(path, *key)}, line {rest.lines[row]}", f"{words[row]!r} twice", "each landmark once a frame")
        seen.add((key, landmark))
        values[places[key], :, landmark] = numbers[row]
    at = dict(zip(reversed(keys), range(len(keys) - 1, -1, -1), strict=True))
    first = [at[key] for key in places]
    who, when = (None if each is None else each[first] for each in (persons, times))
    return _detections(path, frames[first], values, order, ("CSV, a row a landmark", who, when), hints)


def _wide(header: str) -> tuple[str, str] | None:
    """The landmark and the coordinate that the header of a wide table names."""
    for pattern in HEADERS:
        found = re.fullmatch(pattern, header)
        coordinate = COORDINATES.get(found["coordinate"].lower()) if found else None
        if found and coordinate:
            return found["name"], coordinate
    return None


def _role(header: str) -> str | None:
    word = plain(header)
    return next((role for role, words in ROLES.items() if word in words), None)


def _roles(path: Path, headers: Sequence[str], table: Table) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
    """The frame of each row; its person and its time where there are such columns."""
    where = {_role(header): i for i, header in reversed(list(enumerate(headers)))}
    words = {role: [row[i] for row in table.rows] for role, i in where.items() if role}
    times = None
    if "time" in words or "milliseconds" in words:
        key = "time" if "time" in words else "milliseconds"
        times = np.array([_number(path, table.lines[n], key, word) for n, word in enumerate(words[key])])
        times = times / (1 if key == "time" else 1000)
        if np.isnan(times).any():
            fail(f"{path}, line {table.lines[int(np.isnan(times).argmax())]}", "no time", "a number of seconds")
    persons = np.array(words["person"]) if "person" in words else None
    if "frame" in words:
        frames = _frame_numbers(words["frame"])
    elif times is not None:
        frames = np.unique(times, return_inverse=True)[1]
    elif "landmark" in words:
        frames = np.zeros(len(table.rows), int)
    else:
        frames = np.arange(len(table.rows))
    return frames, persons, times


def _frame_numbers(words: Sequence[str]) -> np.ndarray:
    """Numbers of frames: the words, where they are whole numbers, else the numbers in the names of pictures."""
    try:
        numbers = np.array([float(word) for word in words])
        if np.isfinite(numbers).all() and (numbers % 1 == 0).all() and (np.abs(numbers) < LARGEST).all():
            return numbers.astype(int)
    except ValueError:
        pass
    distinct = list(dict.fromkeys(words))
    found = [frame_of(Path(word)) for word in distinct]
    if len(set(found)) < len(distinct):
        found = list(range(len(distinct)))
    return np.array([dict(zip(distinct, found, strict=True))[word] for word in words])


def _landmarks(path: Path, table: Table, columns: Sequence[dict[str, int]], names: Sequence[str]) -> np.ndarray:
    """x, y, confidence of each landmark in each row, (rows, 3, landmarks); NaN and 0 where a cell is empty."""
    values = np.full((len(table.rows), 3, len(columns)), np.nan)
    for landmark, (found, name) in enumerate(zip(columns, names, strict=True)):
        for i, coordinate in enumerate("xyc"):
            if coordinate in found:
                column = found[coordinate]
                values[:, i, landmark] = [
                    _number(path, line, name, row[column]) for line, row in zip(table.lines, table.rows, strict=True)
                ]
            elif coordinate == "c":
                values[:, i, landmark] = 1
            elif found:
                fail(str(path), f"no {coordinate} of {name}", "x and y of each landmark")
    missing = np.isnan(values).any(axis=1) | ((values[:, :2] == 0).all(axis=1) & (values[:, 2] == 0))
    values[:, 2] = np.where(missing, 0, values[:, 2])
    return values


def _number(path: Path, line: int, name: str, word: str) -> float:
    """The number in a cell; NaN where it is empty."""
    if word.lower() in ("", "nan", "na", "none", "null"):
        return float("nan")
    try:
        value = float(word)
    except ValueError:
        fail(f"{path}, line {line}", f"{word[:40]!r} for {name}", "a number, with a point, or an empty cell")
    if not np.isfinite(value):
        fail(f"{path}, line {line}", f"{word} for {name}", "a finite number or an empty cell")
    return value


def _order(where: str, names: Sequence[str], hints: Hints) -> Skeleton:
    """The order of the named landmarks; a hinted one gives its own names to as many columns."""
    if hints.skeleton is None:
        return named_order(where, names)
    order = skeleton(hints.skeleton)
    if len(order.landmarks) != len(names):
        fail(where, f"{len(names)} landmarks", f"{len(order.landmarks)}, as {order.name} has")
    return order


def _refuse_depth(path: Path, depth: bool, order: Skeleton) -> None:
    """Refuse columns of z, but for MediaPipe's, which are a guess beside landmarks in the picture."""
    if depth and set(order.landmarks) != set(BLAZEPOSE.landmarks):
        fail(str(path), "columns of x, y and z", "2D landmarks: x and y in a picture")


def _detections(
    path: Path, frames: np.ndarray, values: np.ndarray, order: Skeleton, rest: tuple[Any, Any, Any], hints: Hints
) -> Detections:
    title, persons, times = rest
    persons = np.full(len(frames), "1") if persons is None else persons
    points, size = values[:, :2], hints.size
    if not hints.y_up:
        points, size = to_pixels(path, points, values[:, 2] > 0, size)
    return Detections(frames, points, values[:, 2], order, title, persons, times, size)
