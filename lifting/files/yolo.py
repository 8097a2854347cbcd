"""YOLO's poses: what Ultralytics' `result.to_json()` gives, and its label files, a picture a file. COCO's 17 landmarks.

A line of a label file is a class, the box, and x, y, v of each landmark as shares of the picture (or x, y alone);
`save_conf` adds the box's confidence, tracking a whole number, who it is. A landmark at 0, 0 is missing.
"""

from pathlib import Path
from typing import Any

import numpy as np

from lifting.files.detections import Detections, Hints, order_of, persons_of, place
from lifting.files.documents import numbers, word
from lifting.files.openpose import frame_of
from lifting.files.shares import to_pixels
from lifting.support.arrays import fail

BOX = 5
"""Numbers before the landmarks of a line: class, and the box's middle, width and height."""


def fits_json(document: Any) -> bool:
    """Whether this is a list of objects with landmarks as lists of x and of y."""
    first = document[0] if isinstance(document, list) and document else None
    keypoints = first.get("keypoints") if isinstance(first, dict) else None
    return isinstance(keypoints, dict) and "x" in keypoints and "y" in keypoints


def read_json(path: Path, document: Any, hints: Hints) -> Detections:
    """The people in one picture; see `Detections`.

    Raises:
        ValueError: lists of different lengths, shares without a size.
    """
    frame = frame_of(path)
    rows: list[np.ndarray] = []
    for n, person in enumerate(document, 1):
        where, keypoints = place(path, frame, n), person.get("keypoints") if isinstance(person, dict) else None
        if not isinstance(keypoints, dict) or not {"x", "y"} <= set(keypoints):
            fail(where, word(keypoints), "keypoints with x and y")
        x, y = (numbers(where, keypoints[key], f"a list of numbers as {key}") for key in "xy")
        sure = numbers(where, keypoints.get("visible", [1] * len(x)), "a list of numbers as visible")
        if not len(x) == len(y) == len(sure) or (rows and len(x) != rows[0].shape[1]):
            fail(where, f"{len(x)} x, {len(y)} y, {len(sure)} visible", "as many of each, in all people")
        rows.append(np.array([x, y, sure]))
    who = persons_of(path, [frame] * len(rows), document, ("track_id",))
    return _detections(path, np.array(rows), who, "JSON", hints)


def fits_labels(lines: list[str]) -> bool:
    """Whether the first line holds as many numbers as a label with landmarks."""
    try:
        count = len([float(one) for one in lines[0].split()])
    except ValueError:
        return False
    return count > BOX + 2 and lines[0].split()[0].isdigit()


def read_labels(path: Path, lines: list[str], hints: Hints) -> Detections:
    """The people in one picture; see `Detections`.

    Raises:
        ValueError: a line with something that is no number, or of a number of landmarks that no order has.
    """
    frame = frame_of(path)
    rows: list[np.ndarray] = []
    for n, line in enumerate(lines, 1):
        try:
            values = np.array([float(one) for one in line.split()])
        except ValueError:
            fail(place(path, frame, n), f"{line[:40]!r}", "numbers: class, box, and x, y, v of each landmark")
        if rows and len(values) != len(rows[0]):
            fail(place(path, frame, n), f"{len(values)} numbers", f"{len(rows[0])}, as the first person has")
        rows.append(values)
    count, columns, extra = _layout(place(path, frame), len(rows[0]), hints)
    table = np.array(rows)
    values = table[:, BOX : BOX + count * columns].reshape(len(rows), count, columns).swapaxes(1, 2)
    if columns == 2:
        values = np.concatenate([values, np.ones_like(values[:, :1])], axis=1)
    who = None
    if extra and (table[:, -1] % 1 == 0).all() and (extra == 2 or (table[:, -1] > 1).any()):
        who = table[:, -1].astype(int)
    return _detections(path, values, who, "labels", hints)


def _layout(where: str, length: int, hints: Hints) -> tuple[int, int, int]:
    """How many landmarks, how many numbers each, and how many numbers follow them."""
    for columns, extra in ((3, 0), (3, 1), (3, 2), (2, 0), (2, 1)):
        count, rest = divmod(length - BOX - extra, columns)
        if not rest and count in (17, 26, 133):
            return count, columns, extra
    if hints.skeleton is None or (length - BOX) % 3:
        fail(where, f"{length} numbers", "56 (class, box, x, y, v of 17 landmarks), and up to two more")
    return (length - BOX) // 3, 3, 0


def _detections(path: Path, values: np.ndarray, who: np.ndarray | None, kind: str, hints: Hints) -> Detections:
    order = order_of(place(path), values.shape[2], hints)
    values = values[..., : len(order.landmarks)]
    sure = np.where((values[:, :2] == 0).all(axis=1), 0.0, values[:, 2])
    points, size = to_pixels(path, values[:, :2], sure > 0, hints.size)
    frames = np.full(len(values), frame_of(path))
    return Detections(frames, points, sure, order, f"YOLO {kind}, {order.name}", who, None, size)
