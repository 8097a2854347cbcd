"""OpenPose's JSON: a file a frame, everybody in it as x, y, confidence of each landmark; missing ones are 0, 0, 0.

BODY_25 and BODY_25B have 25 landmarks both, in different orders, and the file doesn't say which. In BODY_25 landmark
1 is the middle of landmarks 2 and 5, the shoulders; in BODY_25B these are the eyes and a shoulder. That tells them
apart. Pose2Sim writes such files with other orders, Halpe's 26 first of all; AlphaPose with `--format open`, and with
`--format cmu` under other names ("bodies", "joints").
"""

import dataclasses
import re
from pathlib import Path
from typing import Any

import numpy as np

from lifting.files.detections import Detections, Hints, body_of, order_of, place
from lifting.files.documents import numbers
from lifting.skeleton import BODY25B, OPENPOSE25, Skeleton
from lifting.support.arrays import fail

KEYS = {"people": ("pose_keypoints_2d", "pose_keypoints"), "bodies": ("joints",)}
"""Under which name people are listed, and a person's numbers."""

NAMES = {"openpose25": "BODY_25", "coco18": "COCO 18", "body25b": "BODY_25B"}
MIDDLE = 0.25
"""How far BODY_25's neck is from the middle of the shoulders at most, in widths of the shoulders."""


def fits(document: Any) -> bool:
    """Whether this is one frame of OpenPose's."""
    return isinstance(document, dict) and any(isinstance(document.get(name), list) for name in KEYS)


def read(path: Path, document: Any, hints: Hints) -> Detections:
    """The people of one frame, whose number is in the file's name, or 0; see `Detections`.

    Raises:
        ValueError: a person who is no list of numbers, or of a number of landmarks that no order has.
    """
    frame = frame_of(path)
    return from_people(path, frame, document, hints)


def from_people(path: Path, frame: int, document: dict[str, Any], hints: Hints) -> Detections:
    """The people of `document`, OpenPose's of one frame.

    Raises:
        ValueError: see `read`.
    """
    key = next(name for name in KEYS if isinstance(document.get(name), list))
    rows = [_person(place(path, frame, n), person, KEYS[key]) for n, person in enumerate(document[key], 1)]
    if not rows:
        return Detections(np.zeros(0, int), np.zeros((0, 2, 25)), np.zeros((0, 25)), OPENPOSE25, title(OPENPOSE25))
    for n, row in enumerate(rows, 1):
        if len(row) % 3 or len(row) != len(rows[0]):
            wanted = "three numbers for each landmark" if len(row) % 3 else f"{len(rows[0])}, as the first person has"
            fail(place(path, frame, n), f"{len(row)} numbers", wanted)
    order = order_of(place(path, frame), len(rows[0]) // 3, hints)
    values = body_of(np.array(rows).reshape(len(rows), -1, 3).swapaxes(1, 2), order)
    points, confidences = values[:, :2], values[:, 2]
    return Detections(np.full(len(rows), frame), points, confidences, order, title(order), size=hints.size)


def settle(found: Detections, hints: Hints) -> Detections:
    """The detections of all frames, in the order of BODY_25B where the landmarks show that it is this one."""
    if found.order is OPENPOSE25 and hints.skeleton is None and _is_body25b(found.points, found.confidences):
        return dataclasses.replace(found, order=BODY25B, format=title(BODY25B))
    return found


def title(order: Skeleton) -> str:
    """The format in words."""
    return f"OpenPose JSON, {NAMES.get(order.name, order.name)}"


def frame_of(path: Path) -> int:
    """The last number of at most 15 digits in a file's name; 0 where there is none."""
    found = re.findall(r"(?<!\d)0*(\d{1,15})(?!\d)", path.stem)
    return int(found[-1]) if found else 0


def _person(where: str, person: Any, keys: tuple[str, ...]) -> np.ndarray:
    key = next((key for key in keys if isinstance(person, dict) and key in person), None)
    if key is None:
        fail(where, f"a person without {keys[0]!r}", f"{keys[0]!r}: x, y, confidence of each landmark")
    return numbers(where, person[key], "a list of numbers: x, y, confidence of each landmark")


def _is_body25b(points: np.ndarray, confidences: np.ndarray) -> bool:
    """Whether most people have their first landmark elsewhere than in the middle of BODY_25's shoulders."""
    with np.errstate(all="ignore"):  # what is not finite is refused later
        middle = (points[..., 2] + points[..., 5]) / 2
        width = np.linalg.norm(points[..., 2] - points[..., 5], axis=1)
        trunk = np.linalg.norm(points[..., 1] - points[..., 8], axis=1)
        off = np.linalg.norm(points[..., 1] - middle, axis=1) / np.maximum(np.maximum(width, trunk / 2), 1e-9)
    sure = (confidences[:, [1, 2, 5, 8]] > 0).all(axis=1) & np.isfinite(off)
    return bool(sure.any() and np.median(off[sure]) > MIDDLE)
