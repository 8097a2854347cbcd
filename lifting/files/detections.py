"""People found in pictures, as files list them; and the way from there to one `Recording` a person.

A reader fills in `Detections`: in the file's own order of landmarks and its own coordinates. What all formats share
is done once, here: rows are flipped, orders of landmarks converted, people linked over the frames.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Int

from lifting.camera import flip_y
from lifting.files.documents import whole
from lifting.files.linking import LONGEST_GAP, link
from lifting.files.recording import Recording
from lifting.skeleton import (
    BLAZEPOSE,
    COCO,
    COCO18,
    HALPE26,
    HUMAN36M,
    OPENPOSE25,
    WHOLEBODY,
    Skeleton,
    conversion_table,
    convert,
    skeleton,
)
from lifting.support.arrays import check_positive, fail

People = Literal["linked", "listed"]
"""Who is who where the file does not say: linked from frame to frame, or the first, second, ... of each picture."""


@dataclasses.dataclass(frozen=True)
class Hints:
    """What may be told about files that do not say it themselves.

    Attributes:
        size: width and height of the picture in pixels.
        fps: frames a second.
        skeleton: the order of the landmarks, a Skeleton or the name of one.
        people: "linked" or "listed"; None: linked where the frames follow each other.
        y_up: whether y points up in the file; None: as the format has it.
    """

    size: tuple[float, float] | None = None
    fps: float | None = None
    skeleton: str | Skeleton | None = None
    people: People | None = None
    y_up: bool | None = None

    def __post_init__(self) -> None:
        if self.size is not None:
            if np.shape(self.size) != (2,):
                fail("size", repr(self.size), "a width and a height in pixels")
            for side in self.size:
                check_positive("size", side)
        if self.fps is not None:
            check_positive("fps", self.fps)
        if self.people not in (None, "linked", "listed"):
            fail("people", repr(self.people), "'linked' or 'listed'")


@dataclasses.dataclass(frozen=True, eq=False)
class Detections:
    """N people, each in one frame.

    Attributes:
        frames: (N,) whole numbers, in any order.
        points: (N, 2, L) x to the right, y down the picture unless `y_up`; ignored where the confidence is 0.
        confidences: (N, L) numbers >= 0, 0 where a landmark is missing.
        order: the order of the L landmarks.
        format: the format in words.
        persons: who each is, (N,) numbers or strings, or None where the file does not say.
        times: seconds of each, (N,), or None.
        size: width and height of the picture, or None.
        y_up: whether y points up already.
        notes: sentences to tell the user.
    """

    frames: Int[np.ndarray, " N"]
    points: Float[np.ndarray, "N 2 L"]
    confidences: Float[np.ndarray, "N L"]
    order: Skeleton
    format: str
    persons: np.ndarray | None = None
    times: Float[np.ndarray, " N"] | None = None
    size: tuple[float, float] | None = None
    y_up: bool = False
    notes: tuple[str, ...] = ()


FARTHEST_OUT = 1e7
"""The largest coordinate that is taken for one of a picture."""

EACH = ("frames", "points", "confidences", "persons", "times")
"""The fields of `Detections` with an entry for each person."""


def place(path: Path | str, frame: object = None, person: object = None) -> str:
    """Where in a file something is, for messages: "path, frame 3, person 2"."""
    words = [str(path)]
    words += [] if frame is None else [f"frame {frame}"]
    words += [] if person is None else [f"person {person}"]
    return ", ".join(words)


BY_COUNT = {17: COCO, 18: COCO18, 23: WHOLEBODY, 25: OPENPOSE25, 26: HALPE26, 33: BLAZEPOSE, 133: WHOLEBODY,
            136: HALPE26}  # fmt: skip
"""The order of a number of landmarks; of 133 and 136 the first are the body, and the rest, face and hands, is left."""


def order_of(where: str, count: int, hints: Hints) -> Skeleton:
    """The order of `count` landmarks: the one hinted at, or the one known by their number.

    Raises:
        ValueError: the hinted order has another number of landmarks, or no known order has so many.
    """
    if hints.skeleton is not None:
        order = skeleton(hints.skeleton)
        if len(order.landmarks) != count:
            fail(where, f"{count} landmarks", f"{len(order.landmarks)}, as {order.name} has")
        return order
    if count not in BY_COUNT:
        known = ", ".join(f"{size} ({order.name})" for size, order in BY_COUNT.items())
        fail(where, f"{count} landmarks", f"one of {known}; or say skeleton=...")
    return BY_COUNT[count]


def body_of(points: np.ndarray, order: Skeleton) -> np.ndarray:
    """`points` (..., landmarks) without the face and the hands that follow the body in orders of 133 and 136."""
    return points[..., : len(order.landmarks)]


def persons_of(path: Path, frames: Sequence[int] | np.ndarray, people: Sequence[Any], keys: tuple[str, ...]) -> Any:
    """Who each person is, by the first of `keys` that all of them have; None where they have none.

    Raises:
        ValueError: one that is no whole number.
    """
    key = next((key for key in keys if all(isinstance(one, dict) and one.get(key) is not None for one in people)), None)
    if key is None:
        return None
    return np.array([whole(place(path, frame), one[key], f"a whole number as {key}")
                     for frame, one in zip(frames, people, strict=True)])  # fmt: skip


def recordings(found: Detections, source: Path, hints: Hints) -> list[Recording]:
    """One recording a person, in the order in which they first appear; see `Recording` and `Hints`.

    Raises:
        ValueError: nobody in any frame, a landmark that is not finite, a negative confidence, a person twice in a
            frame, times that do not rise.
    """
    _check_numbers(found, source)
    found = _only(found, np.flatnonzero((found.confidences > 0).any(axis=1)))
    if not len(found.frames):
        fail(place(source), f"{found.format} with nobody in any frame", "one person at least")
    found = _only(found, np.argsort(found.frames, kind="stable"))
    Y, confidences = to_human36m(
        found.points, found.confidences, found.order, found.y_up if hints.y_up is None else hints.y_up
    )
    persons, who = _who(found, hints)
    names, first, numbers = np.unique(persons, return_index=True, return_inverse=True)
    rows = np.split(np.argsort(numbers, kind="stable"), np.cumsum(np.bincount(numbers))[:-1])
    times = found.frames / hints.fps if found.times is None and hints.fps is not None else found.times
    made = []
    for k in np.argsort(first):
        mine = rows[k]
        _check_rising(found, times, mine, place(source), names[k])
        if not (confidences[mine] > 0).any():
            continue
        made.append(Recording(
            Y[mine], confidences[mine], found.frames[mine], None if times is None else times[mine], str(names[k]),
            found.size or hints.size, source, found.format, (*found.notes, *who),
        ))  # fmt: skip
    if not made:
        lifted = f"one of {', '.join(HUMAN36M.landmarks)}"
        fail(place(source), f"{found.format} without a landmark that is lifted", lifted)
    return made


def to_human36m(
    points: Float[np.ndarray, "N 2 L"], confidences: Float[np.ndarray, "N L"], order: Skeleton, y_up: bool
) -> tuple[Float[np.ndarray, "N 2 17"], Float[np.ndarray, "N 17"]]:
    """Landmarks in Human3.6M's order, y up, NaN where missing; a midpoint is as sure as the less sure of the two."""
    Y, visible = convert(points, order, HUMAN36M, confidences > 0)
    Y = Y if y_up else flip_y(Y)
    parents = [[order.index(name) for name in names] for names in conversion_table(order, HUMAN36M).values()]
    columns = [confidences[:, own].min(axis=1) if own else np.zeros(len(points)) for own in parents]
    return np.where(visible[:, None], Y, np.nan), np.stack(columns, axis=1)


def join(parts: Sequence[Detections], paths: Sequence[Path]) -> Detections:
    """The detections of several files, each of other frames, as one.

    Raises:
        ValueError: files of different formats, orders of landmarks or sizes, or a frame in two files.
    """
    some = [(part, path) for part, path in zip(parts, paths, strict=True) if len(part.frames)]
    first, first_path = some[0] if some else (parts[0], paths[0])
    owner: dict[int, Path] = {}
    for part, path in some:
        if (part.format, part.order.name, part.size) != (first.format, first.order.name, first.size):
            fail(place(path), f"{part.format} {part.size or ''}".strip(),
                 f"the same as in {first_path.name}, {first.format} {first.size or ''}".strip())  # fmt: skip
        for frame in np.unique(part.frames).tolist():
            if frame in owner:
                fail(place(path, frame), f"the same frame as in {owner[frame].name}", "each frame in one file")
            owner[frame] = path
    together: dict[str, Any] = {
        name: None if getattr(first, name) is None else np.concatenate([getattr(part, name) for part, _ in some])
        for name in EACH
        if some
    }
    together["notes"] = tuple(dict.fromkeys(note for part in parts for note in part.notes))
    return dataclasses.replace(first, **together)


def _check_rising(found: Detections, times: np.ndarray | None, mine: np.ndarray, source: str, name: object) -> None:
    """Refuse a person who is twice in a frame, or whose times don't rise with the frames."""
    again = np.flatnonzero(np.diff(found.frames[mine]) == 0)
    if len(again):
        fail(place(source, found.frames[mine[again[0]]], name), "this person twice in the frame", "once")
    if times is None:
        return
    late = np.flatnonzero(~(np.diff(times[mine]) > 0))
    if len(late):
        before, after = mine[late[0]], mine[late[0] + 1]
        got = f"time {times[after]:g} after {times[before]:g}"
        fail(place(source, found.frames[after], name), got, "times that rise")


def _who(found: Detections, hints: Hints) -> tuple[np.ndarray, tuple[str, ...]]:
    """The person of each detection, and how that was found out."""
    if found.persons is not None:
        return found.persons, ()
    _, starts, counts = np.unique(found.frames, return_index=True, return_counts=True)
    if counts.max() == 1 and hints.people is None:
        steps = np.diff(found.frames[starts])
        if not len(steps) or steps.max() <= LONGEST_GAP:
            return np.full(len(found.frames), 1), ()
    if (hints.people or ("linked" if _is_sequence(found.frames[starts]) else "listed")) == "listed":
        listed = np.arange(len(found.frames)) - np.repeat(starts, counts) + 1
        return listed, ("The file does not say who is who: people are numbered as each picture lists them.",)
    linked = link(found.frames, found.points, found.confidences > 0) + 1
    return linked, ("The file does not say who is who: people are linked from frame to frame by their landmarks.",)


def _is_sequence(frames: np.ndarray) -> bool:
    """Whether frames with somebody in them follow each other, as in a video, and not as in a collection of pictures."""
    return len(frames) > 1 and bool(np.median(np.diff(frames)) <= LONGEST_GAP)


def _only(found: Detections, rows: np.ndarray) -> Detections:
    kept: dict[str, Any] = {n: None if getattr(found, n) is None else getattr(found, n)[rows] for n in EACH}
    return dataclasses.replace(found, **kept)


def _check_numbers(found: Detections, source: Path) -> None:
    """Refuse the first person whose confidences are no numbers >= 0, or with a landmark that is not finite."""

    def refuse(wrong: np.ndarray, values: np.ndarray, expected: str) -> None:
        if wrong.any():
            n, landmark = (int(index[0]) for index in np.nonzero(wrong))
            listed = int((found.frames[:n] == found.frames[n]).sum()) + 1
            person = listed if found.persons is None else found.persons[n]
            words = ", ".join(f"{value:g}" for value in np.atleast_1d(values[n, ..., landmark]))
            fail(place(source, found.frames[n], person), f"{found.order.landmarks[landmark]} {words}", expected)

    refuse(~np.isfinite(found.confidences), found.confidences, "a confidence that is a finite number")
    refuse(found.confidences < 0, found.confidences, "a confidence >= 0")
    there = found.confidences > 0
    infinite = there & ~np.isfinite(found.points).all(axis=1)
    refuse(infinite, found.points, "finite coordinates where the confidence is > 0")
    far = there & (np.abs(found.points) > FARTHEST_OUT).any(axis=1)
    refuse(far, found.points, f"coordinates within {FARTHEST_OUT:g}")
