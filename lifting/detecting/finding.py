"""From a photo or a video to one `Recording` a person: decoded, everybody found in each picture, followed over time.

A detector is anything that has `Detector`'s fields and methods. Two are there: BlazePose, the project's own network.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import NamedTuple, Protocol

import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray as Array

from lifting.detecting.blazepose import BlazePose
from lifting.detecting.people import People
from lifting.detecting.pictures import Picture, Pictures, pictures_of
from lifting.files import Recording
from lifting.files.detections import Detections, Hints, recordings
from lifting.files.linking import link
from lifting.skeleton import BLAZEPOSE, Skeleton
from lifting.support.arrays import fail

FLEETING = 5
"""Who is seen in fewer pictures of a video of at least twice as many is taken for nobody."""

Found = tuple[Float[Array, "N 2 L"], Float[Array, "N L"]]
"""N people: pixels (x, y), centres at whole numbers, y down; and confidences >= 0, 0 where a landmark is missing."""


class Detector(Protocol):
    """What finds people in pictures.

    Attributes:
        name: in words, for `Recording.format`.
        order: of its L landmarks.
        notes: sentences to tell the user.
    """

    name: str
    order: Skeleton
    notes: tuple[str, ...]

    def forget(self) -> None:
        """Another file begins."""

    def __call__(self, image: UInt8[Array, "H W 3"]) -> Found:
        """Everybody in a picture, which follows the one before it."""


class BlazePoseDetector:
    """BlazePose's 33 landmarks of everybody.

    A landmark's confidence is the network's "visibility", and 0 outside the picture, where nothing can be seen.
    """

    name = "BlazePose (MediaPipe 0.10.21, full)"
    order = BLAZEPOSE
    notes: tuple[str, ...] = ()

    def __init__(self, people: People | None = None) -> None:
        self._people = people or People(BlazePose())

    def forget(self) -> None:
        """Another file begins."""
        self._people.forget()

    def __call__(self, image: UInt8[Array, "H W 3"]) -> Found:
        """Everybody in a picture."""
        looks = self._people(image)
        points = np.array([look.pixels.T for look in looks]).reshape(-1, 2, 33)
        visibility = np.array([look.visibility for look in looks]).reshape(-1, 33)
        inside = (points >= -0.5) & (points <= np.array(image.shape[1::-1])[:, None] - 0.5)
        return points, np.where(inside.all(axis=1), visibility, 0.0)


class Seen(NamedTuple):
    """What a detector found in one picture: its number, its time, and N people's points and confidences."""

    frame: int
    time: float | None
    points: Float[Array, "N 2 L"]
    confidences: Float[Array, "N L"]


def make_detector(detector: str | Detector = "blazepose") -> Detector:
    """The detector of that name, "blazepose" or "network"; one that is given as an object comes back.

    Raises:
        ImportError: what it runs on isn't installed; the message names the command.
        ValueError: there is none of that name.
    """
    if not isinstance(detector, str):
        return detector
    if detector == "blazepose":
        return BlazePoseDetector()
    if detector == "network":
        from lifting.detecting.own_network import NetworkDetector  # and with it torch

        return NetworkDetector(People(BlazePose()))
    fail("detector", repr(detector), "'blazepose' or 'network'")


def detect(
    path: str | os.PathLike[str],
    *,
    detector: str | Detector = "blazepose",
    progress: Callable[[int, int], None] | None = None,
) -> list[Recording]:
    """Everybody in a photo, an animation or a video: one `Recording` a person.

    Args:
        path: the file; see `pictures_of`.
        detector: "blazepose"; "network", the project's own, which is no detector for photos in general; or one's own.
        progress: called after each picture with how many are done and how many the file says that it has (0: unknown).

    Raises:
        FileNotFoundError: there is no such file.
        ImportError: what reads videos or finds people isn't installed; the message names the command.
        ValueError: the file can't be read, or nobody is in it.
    """
    pictures, detector = pictures_of(path), make_detector(detector)
    seen = []
    for one in look_at(pictures, detector):
        seen.append(one)
        if progress:
            progress(len(seen), pictures.count)
    return follow(pictures, seen, detector)


def look_at(pictures: Pictures, detector: Detector) -> Iterator[Seen]:
    """What is in each picture, one after the other; the next is decoded meanwhile.

    An interrupted run goes on with `pictures_of(path, start=...)`, the first frame that is missing.
    """
    detector.forget()
    for frame, time, image in _ahead(pictures):
        yield Seen(frame, time, *detector(image))


def follow(pictures: Pictures, seen: Sequence[Seen], detector: Detector) -> list[Recording]:
    """The people in pictures that were looked at, each followed from frame to frame; see `lifting.files.linking`.

    Raises:
        ValueError: nobody is in any of them.
    """
    counts = [len(one.points) for one in seen]
    if not sum(counts):
        fail("path", f"{pictures.path}, in which {detector.name} finds nobody", "a person, seen nearly whole")
    times = [one.time for one in seen]
    rising = None not in times and all(np.diff(np.array(times, float)) > 0)
    frames = np.repeat([one.frame for one in seen], counts)
    points, confidences = (np.concatenate([one[field] for one in seen]) for field in (2, 3))
    found = Detections(
        frames,
        points,
        confidences,
        persons=link(frames, points, confidences > 0) + 1,
        order=detector.order,
        format=f"{pictures.kind}, {detector.name}",
        times=np.repeat(np.array(times, float), counts) if rising else None,
        size=pictures.size,
        notes=(*pictures.notes, *detector.notes),
    )
    return without_fleeting(recordings(found, pictures.path, Hints()), len(seen))


def without_fleeting(people: list[Recording], pictures: int) -> list[Recording]:
    """Without those who are there for a moment only, where the detector mostly saw what is no person; numbered anew."""
    staying = [one for one in people if len(one) >= FLEETING or pictures < 2 * FLEETING] or people
    return [replace(one, person=str(n)) for n, one in enumerate(staying, 1)]


def _ahead(pictures: Pictures) -> Iterator[Picture]:
    """The same pictures; each is decoded in another thread while the one before it is used."""
    decoded = iter(pictures)
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(next, decoded, None)
        while (picture := coming.result()) is not None:
            coming = thread.submit(next, decoded, None)
            yield picture
