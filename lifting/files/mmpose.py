"""MMPose's JSON: what its demos save (`meta_info`, `instance_info`), and what its inferencer predicts, bare lists.

A person is an object with `keypoints`, pairs x, y, and `keypoint_scores`. Where the two are missing at once, MMPose
writes the place -1, -1 and a score of 0 or below: the landmark is missing. Frames count from 1 or 0, as `frame_id`
says.
"""

from pathlib import Path
from typing import Any

import numpy as np

from lifting.files.detections import Detections, Hints, body_of, order_of, persons_of, place
from lifting.files.documents import numbers, whole, word
from lifting.files.names import named_order
from lifting.files.openpose import frame_of
from lifting.support.arrays import fail


def fits(document: Any) -> bool:
    """Whether this is of MMPose's layouts."""
    entries = document.get("instance_info") if isinstance(document, dict) else document
    while isinstance(entries, list) and entries and isinstance(entries[0], list):
        entries = entries[0]
    if isinstance(document, dict) and isinstance(entries, list):
        return True
    return isinstance(entries, list) and bool(entries) and isinstance(entries[0], dict) and (
        "instances" in entries[0] or ("keypoints" in entries[0] and "keypoint_scores" in entries[0])
    )  # fmt: skip


def is_frame(document: Any) -> bool:
    """Whether the document is one picture and no video."""
    entries = document["instance_info"] if isinstance(document, dict) else document
    videos = isinstance(entries[0], dict) and "instances" in entries[0] if entries else False
    return not videos and not (len(entries) > 1 and isinstance(entries[0], list))


def read(path: Path, document: Any, hints: Hints) -> Detections:
    """The people in all frames of a video, or in one picture; see `Detections`.

    Raises:
        ValueError: a person without landmarks, landmarks that are no pairs, or as many scores as landmarks missing.
    """
    entries = document["instance_info"] if isinstance(document, dict) else document
    found = [(frame, n, person) for frame, people in _frames(path, entries) for n, person in enumerate(people, 1)]
    if not found:
        fail(place(path), "MMPose JSON with nobody in any frame", "one person at least")
    values = [_person(place(path, frame, n), person) for frame, n, person in found]
    for (frame, n, _), one in zip(found, values, strict=True):
        if one.shape != values[0].shape:
            fail(place(path, frame, n), f"{one.shape[1]} landmarks", f"{values[0].shape[1]}, as the first person has")
    stack = np.array(values)
    meta = document.get("meta_info") if isinstance(document, dict) else None
    names = meta.get("keypoint_id2name") if isinstance(meta, dict) else None
    if isinstance(names, dict) and hints.skeleton is None and stack.shape[2] not in (133, 136):
        order = named_order(place(path), _names(path, names, stack.shape[2]))
    else:
        order = order_of(place(path), stack.shape[2], hints)
    stack = body_of(stack, order)
    frames = np.array([frame for frame, _, _ in found])
    persons = persons_of(path, frames, [person for _, _, person in found], ("track_id",))
    title = f"MMPose JSON, {len(values[0][0])} landmarks ({order.name})"
    return Detections(frames, stack[:, :2], np.maximum(stack[:, 2], 0), order, title, persons, None, hints.size)


def _frames(path: Path, entries: Any) -> list[tuple[int, list[Any]]]:
    """The people of each frame, with its number."""
    if not isinstance(entries, list):
        fail(place(path), word(entries), "a list of frames or people")
    if entries and all(isinstance(entry, dict) and "instances" in entry for entry in entries):
        frames = [(whole(place(path), entry.get("frame_id", i), "a whole number as frame_id"), entry["instances"])
                  for i, entry in enumerate(entries)]  # fmt: skip
        for frame, people in frames:
            if not isinstance(people, list):
                fail(place(path, frame), word(people), "a list of people")
        return frames
    if entries and all(isinstance(entry, list) for entry in entries):
        return list(enumerate(entries)) if len(entries) > 1 else [(frame_of(path), entries[0])]
    return [(frame_of(path), entries)]


def _person(where: str, person: Any) -> np.ndarray:
    """x, y, score of each landmark, (3, L)."""
    expected = "a person with keypoints, pairs x, y, and keypoint_scores"
    if not isinstance(person, dict) or not isinstance(person.get("keypoints"), list) or "keypoint_scores" not in person:
        fail(where, word(person), expected)
    pairs = [numbers(where, pair, expected) for pair in person["keypoints"]]
    for pair in pairs:
        if len(pair) != 2:
            fail(where, f"a landmark of {len(pair)} coordinates", "2 (landmarks in the picture, not in 3D)")
    scores = numbers(where, person["keypoint_scores"], expected)
    if len(scores) != len(pairs):
        fail(where, f"{len(scores)} scores of {len(pairs)} landmarks", "as many")
    return np.concatenate([np.reshape(pairs, (-1, 2)).T, scores[None]])


def _names(path: Path, names: dict[str, Any], count: int) -> list[str]:
    found = [names.get(str(i)) for i in range(count)]
    for i, name in enumerate(found):
        if not isinstance(name, str):
            fail(place(path), f"no name of landmark {i} in keypoint_id2name", f"names of all {count}")
    return [str(name) for name in found]
