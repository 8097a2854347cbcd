"""COCO's JSON: results, a list of people, as AlphaPose and many more write it too; and annotations, with visibility.

Results hold x, y, confidence of each landmark. AlphaPose's differ in `image_id`, a file's name, and may have `idx`,
who it is; its layouts "open" and "cmu" are an object of OpenPose's frames by the names of their pictures. Annotations
hold x, y, v: v = 0 is not labelled, 1 labelled but hidden, 2 visible.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lifting.files import openpose
from lifting.files.detections import Detections, Hints, body_of, join, order_of, persons_of, place
from lifting.files.documents import LARGEST, common_size, stacked
from lifting.files.names import named_order
from lifting.skeleton import Skeleton
from lifting.support.arrays import fail

WHO = ("track_id", "idx")
"""Under which names files say who somebody is."""


def fits_results(document: Any) -> bool:
    """Whether this is a list of people, each with a picture and landmarks."""
    return isinstance(document, list) and bool(document) and _has(document[0], "keypoints", "image_id")


def fits_annotations(document: Any) -> bool:
    """Whether this is an object with annotations."""
    return _has(document, "annotations") and isinstance(document["annotations"], list)


def fits_frames(document: Any) -> bool:
    """Whether this is an object of OpenPose's frames by the names of their pictures, AlphaPose's "open" and "cmu"."""
    return isinstance(document, dict) and bool(document) and all(map(openpose.fits, document.values()))


def read_results(path: Path, document: Any, hints: Hints) -> Detections:
    """The people of a results file; see `Detections`.

    Raises:
        ValueError: an entry without landmarks or picture, or with another number of landmarks than the first.
    """
    frames = _frames(path, _column(document, "image_id"))
    values = _values(path, document, frames)
    order = order_of(place(path), values.shape[2], hints)
    alphapose = isinstance(document[0]["image_id"], str) or "idx" in document[0]
    title = f"{'AlphaPose' if alphapose else 'COCO'} results JSON, {values.shape[2]} landmarks ({order.name})"
    values = body_of(values, order)
    persons = persons_of(path, frames, document, WHO)
    return Detections(frames, values[:, :2], values[:, 2], order, title, persons, None, hints.size)


def read_annotations(path: Path, document: Any, hints: Hints) -> Detections:
    """The labelled people of an annotation file; see `Detections`.

    Raises:
        ValueError: an entry without landmarks or picture, one with another number of landmarks than the first, a
            visibility that is not 0, 1 or 2.
    """
    people = [entry for entry in document["annotations"] if _has(entry, "keypoints")]
    if not people:
        fail(place(path), "no annotation with keypoints", "one person at least")
    frames = _frames(path, _column(people, "image_id"))
    values = _values(path, people, frames)
    names = [entry["keypoints"] for entry in document.get("categories") or () if _has(entry, "keypoints")]
    told = hints.skeleton is not None or not names
    order = order_of(place(path), values.shape[2], hints) if told else _named(path, names[0], values)
    values = body_of(values, order)
    wrong = ~np.isin(values[:, 2], (0, 1, 2))
    if wrong.any():
        n = int(np.flatnonzero(wrong.any(axis=1))[0])
        person = int((frames[:n] == frames[n]).sum()) + 1
        fail(place(path, frames[n], person), f"visibility {values[n, 2][wrong[n]][0]:g}", "0, 1 or 2")
    title = f"COCO annotations JSON, {values.shape[2]} landmarks ({order.name})"
    sure, persons = (values[:, 2] > 0).astype(float), persons_of(path, frames, people, WHO)
    images = [image for image in document.get("images") or () if isinstance(image, dict)]
    size = hints.size or common_size((image.get("width"), image.get("height")) for image in images)
    return Detections(frames, values[:, :2], sure, order, title, persons, None, size)


def read_frames(path: Path, document: Any, hints: Hints) -> Detections:
    """The people of AlphaPose's layouts "open" and "cmu", all frames in one file; see `Detections`.

    Raises:
        ValueError: what `lifting.files.openpose` refuses.
    """
    frames = _frames(path, list(document))
    parts = [
        openpose.from_people(path, frame, one, hints)
        for frame, one in zip(frames.tolist(), document.values(), strict=True)
    ]
    found = openpose.settle(join(parts, [path] * len(parts)), hints)
    return dataclasses.replace(found, format=found.format.replace("OpenPose", "AlphaPose"))


def frame_numbers(names: Sequence[str]) -> dict[str, int]:
    """A number for each picture: the last in its name, or its place in the alphabet where these are not distinct."""
    distinct = list(dict.fromkeys(names))
    numbers = [openpose.frame_of(Path(name)) for name in distinct]
    if len(set(numbers)) < len(distinct):
        distinct, numbers = sorted(distinct), list(range(len(distinct)))
    return dict(zip(distinct, numbers, strict=True))


def _has(entry: Any, *keys: str) -> bool:
    return isinstance(entry, dict) and all(key in entry for key in keys)


def _column(people: Sequence[Any], key: str) -> list[Any]:
    """What each entry has as `key`; None where it has nothing."""
    try:
        return [entry[key] for entry in people]
    except (KeyError, TypeError, IndexError):
        return [entry.get(key) if isinstance(entry, dict) else None for entry in people]


def _frames(path: Path, ids: Sequence[Any]) -> np.ndarray:
    """The frame of each entry, from its picture's number or name."""
    if ids and all(isinstance(one, str) for one in ids):
        numbers = frame_numbers(ids)
        return np.array([numbers[one] for one in ids])
    if set(map(type, ids)) == {int} and max(map(abs, ids)) < LARGEST:
        return np.array(ids, int)
    for n, one in enumerate(ids, 1):
        if type(one) is not int or abs(one) >= LARGEST:
            fail(f"{path}, entry {n}", f"image_id {one!r}"[:60], "a whole number (or in all entries a file's name)")
    return np.zeros(0, int)


def _values(path: Path, people: Sequence[Any], frames: np.ndarray) -> np.ndarray:
    """x, y and the third number of each person's landmarks, (N, 3, L)."""
    rows = stacked(_column(people, "keypoints"), lambda n: f"{place(path, frames[n])}, entry {n + 1}")
    if rows.shape[1] % 3 or not rows.shape[1]:
        fail(place(path), f"{rows.shape[1]} numbers a person", "three numbers for each landmark")
    return rows.reshape(len(rows), -1, 3).swapaxes(1, 2)


def _named(path: Path, names: Any, values: np.ndarray) -> Skeleton:
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        fail(place(path), "keypoints of the category that are no names", "a list of names")
    if len(names) != values.shape[2]:
        fail(place(path), f"{values.shape[2]} landmarks a person", f"{len(names)}, as the category names")
    return named_order(place(path), names)
