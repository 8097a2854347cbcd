"""MediaPipe's 33 landmarks as JSON. MediaPipe saves no files itself: these are the layouts that its results have.

- One frame is a list of landmarks, each an object with x, y and, where there is one, visibility. An object may hold
  them, or a list of such lists for several people, as `landmarks`, `landmark`, `pose_landmarks` or `poseLandmarks`.
- A file is one frame, or a list of frames, or an object that holds the list as `frames`. A frame that is an object
  may have its number (`frame`, `frame_id`, `index`) and its time (`timestamp_ms`, or `time` in seconds). null or []
  is nobody.
- MediaPipe gives x and y as shares of the picture's width and height. So do these files: the size of the picture is
  needed, from the file (`width`, `height`) or by `size=...`. Numbers beyond that are pixels. World landmarks are not
  read.
"""

from pathlib import Path
from typing import Any

import numpy as np

from lifting.files.detections import Detections, Hints, place
from lifting.files.documents import number, whole, word
from lifting.files.openpose import frame_of
from lifting.files.shares import to_pixels
from lifting.skeleton import BLAZEPOSE
from lifting.support.arrays import fail

KEYS = ("landmarks", "landmark", "pose_landmarks", "poseLandmarks")
NUMBERS = ("frame", "frame_id", "index")
L = len(BLAZEPOSE.landmarks)


def fits(document: Any) -> bool:
    """Whether a landmark is found at the bottom of lists and objects."""
    return _is_landmark(_first(document))


def is_frame(document: Any) -> bool:
    """Whether the document is one frame and not a list of them."""
    return len(_frames(document)) == 1


def read(path: Path, document: Any, hints: Hints) -> Detections:
    """The people of all frames; see `Detections`.

    Raises:
        ValueError: a person who has not 33 landmarks, a landmark without x or y, shares without a size.
    """
    size = hints.size
    if isinstance(document, dict) and "width" in document and "height" in document:
        width, height = (number(place(path), document[side], f"a {side} in pixels") for side in ("width", "height"))
        for side, pixels in {"width": width, "height": height}.items():
            if not 0 < pixels < np.inf:
                fail(place(path), f"{pixels:g} as {side}", "a number of pixels > 0")
        size = (width, height)
    frames: list[int] = []
    times: list[float | None] = []
    rows = []
    entries = _frames(document)
    for i, entry in enumerate(entries):
        frame, time, people = _frame(path, i if len(entries) > 1 else frame_of(path), entry)
        for n, person in enumerate(people, 1):
            rows.append(_person(place(path, frame, n), person))
            frames.append(frame)
            times.append(time)
    values = np.array(rows).reshape(-1, 3, L)
    points, size = to_pixels(path, values[:, :2], values[:, 2] > 0, size)
    seconds = None if not times or None in times else np.array(times, float)
    return Detections(
        np.array(frames, int), points, values[:, 2], BLAZEPOSE, "MediaPipe landmarks JSON", None, seconds, size
    )


def _is_landmark(value: Any) -> bool:
    return isinstance(value, dict) and "x" in value and "y" in value


def _first(document: Any) -> Any:
    """The first landmark, or what is there in its place."""
    while not _is_landmark(document):
        if isinstance(document, list):
            document = next((entry for entry in document if entry), None)
        elif isinstance(document, dict):
            document = next((document[key] for key in (*KEYS, "frames") if document.get(key)), None)
        else:
            return None
    return document


def _frames(document: Any) -> list[Any]:
    if isinstance(document, dict):
        return document["frames"] if isinstance(document.get("frames"), list) else [document]
    lists_deep = 0
    entry: Any = document
    while isinstance(entry, list):
        lists_deep, entry = lists_deep + 1, next((one for one in entry if one), None)
    # landmarks of one person; else frames
    return [document] if lists_deep == 1 and _is_landmark(entry) else document


def _frame(path: Path, i: int, entry: Any) -> tuple[int, float | None, list[Any]]:
    """The number, the time and the people of a frame."""
    frame, time = i, None
    if isinstance(entry, dict) and not _is_landmark(entry):
        key = next((key for key in NUMBERS if key in entry), None)
        frame = i if key is None else whole(f"{path}, entry {i + 1}", entry[key], f"a whole number as {key}")
        if "timestamp_ms" in entry or "time" in entry:
            unit, key = (1000, "timestamp_ms") if "timestamp_ms" in entry else (1, "time")
            time = number(place(path, frame), entry[key], f"a number as {key}") / unit
        inside = next((entry[key] for key in KEYS if key in entry), None)
        return frame, time, _frame(path, frame, inside)[2]
    if not entry:
        return frame, time, []
    if not isinstance(entry, list):
        fail(place(path, frame), word(entry), "a list of landmarks")
    return frame, time, [entry] if _is_landmark(entry[0]) else entry


def _person(where: str, person: Any) -> np.ndarray:
    """x, y, visibility of the 33 landmarks, (3, 33)."""
    if isinstance(person, dict):
        person = next((person[key] for key in KEYS if key in person), person)
    if not isinstance(person, list) or len(person) != L:
        fail(where, f"{len(person)} landmarks" if isinstance(person, list) else word(person), f"{L} landmarks")
    rows = []
    for name, one in zip(BLAZEPOSE.landmarks, person, strict=True):
        if not _is_landmark(one):
            fail(f"{where}, {name}", word(one), "a landmark with x and y")
        rows.append(
            [number(f"{where}, {name}", value, "a number") for value in (one["x"], one["y"], one.get("visibility", 1))]
        )
    return np.array(rows).T
