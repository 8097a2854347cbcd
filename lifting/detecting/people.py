"""Several people in one picture: BlazePose, which sees one, looks at each place where somebody may be.

None of it is in the paper. In a video a place is where the frame before says that its person will be; whoever enters is
found by the detector of people, which looks every few frames, and whenever somebody was lost.
"""

import math

import numpy as np
from jaxtyping import Bool, Float, UInt8
from numpy import ndarray as Array

from lifting.detecting.blazepose import DETECTION_SIDE, BlazePose, Look

Square = tuple[int, int, int]
"""Left, top and side of a part of a picture, in pixels."""

SURE = 0.5
"""The score from which a candidate, or what BlazePose saw, is a person."""

NEW = 0.97
"""What BlazePose's second look at somebody new must score."""

OVERLAP = 0.4
"""Of its side a square overlaps the next at least, where a long picture is looked at in squares too."""

SAME = 0.35
"""Two candidates are one if their hips and their tops are nearer than this times the distance of hips and top."""

ALIKE = 0.25
"""Two looks are at one body if their landmarks are nearer, on average, than this times the distance of hips and top."""

COVERED = 0.6
"""So are two whose bodies point against each other, where so much of one's box is in the other's: one sees it askew."""

EVERY = 8
"""The detector of people looks at each such frame."""


def distinct(places: Float[Array, "N 2 2"], scores: Float[Array, " N"]) -> Float[Array, "M 2 2"]:
    """One place (hips, top) for each person: of those of one person the mean, weighted by the scores; best first.

    A place with a score below `SURE` is nobody's.
    """
    places, scores = places[scores >= SURE], scores[scores >= SURE]
    found = []
    while len(places):
        mine = near(places, places[scores.argmax()])
        found.append(np.average(places[mine], axis=0, weights=scores[mine]))
        places, scores = places[~mine], scores[~mine]
    return np.array(found).reshape(-1, 2, 2)


def near(places: Float[Array, "N 2 2"], place: Float[Array, "2 2"]) -> Bool[Array, " N"]:
    """Which places (hips, top) are the one at `place`."""
    return (np.linalg.norm(places - place, axis=2) < SAME * np.linalg.norm(place[1] - place[0])).all(axis=1)


def one_body(a: Look, b: Look) -> bool:
    """Whether two looks are at the same person."""
    up, other = a.top - a.hips, b.top - b.hips
    if np.linalg.norm(a.pixels - b.pixels, axis=1).mean() <= ALIKE * np.linalg.norm(other):
        return True
    low, high = np.maximum(a.pixels.min(0), b.pixels.min(0)), np.minimum(a.pixels.max(0), b.pixels.max(0))
    smaller = min(np.ptp(look.pixels, axis=0).prod() for look in (a, b))
    return bool(up @ other < 0 and np.maximum(high - low, 0).prod() > COVERED * smaller)


def without_doubles(looks: list[Look]) -> list[Look]:
    """Of looks at one body only the surest, and of those as sure the most upright; in the order given."""
    kept: list[Look] = []
    for look in sorted(looks, key=_rank, reverse=True):
        if not any(one_body(look, other) for other in kept):
            kept.append(look)
    return [look for look in looks if any(look is one for one in kept)]


def _rank(look: Look) -> tuple[float, float]:
    x, y = look.top - look.hips
    return round(look.score, 2), float(-y / math.hypot(x, y))


def squares(width: int, height: int) -> list[Square]:
    """Squares (left, top, side) that cover a long picture, for whoever is small in it; none for one nearly square."""
    return _grid(width, height, min(width, height)) if max(width, height) >= 1.25 * min(width, height) else []


def small_squares(width: int, height: int) -> list[Square]:
    """Squares of half the picture's shorter side; none where they are smaller than what the detector sees."""
    side = min(width, height) // 2
    return _grid(width, height, side) if side >= DETECTION_SIDE else []


def _grid(width: int, height: int, side: int) -> list[Square]:
    lefts, tops = (
        np.linspace(0, long - side, math.ceil((long - side) / ((1 - OVERLAP) * side)) + 1).astype(int).tolist()
        for long in (width, height)
    )
    return [(left, top, side) for top in tops for left in lefts]


class People:
    """Finds everybody in pictures that follow each other; `forget` before a picture that does not follow.

    Args:
        networks: BlazePose's.
        most: at most so many people.
    """

    def __init__(self, networks: BlazePose, most: int = 10) -> None:
        self._networks, self._most = networks, most
        self.forget()

    def forget(self) -> None:
        """What comes next is another video, or another photo."""
        self._places: Array = np.zeros((0, 2, 2))
        self._since = EVERY

    def __call__(self, image: UInt8[Array, "H W 3"]) -> list[Look]:
        """A look at each person in the picture."""
        looks = [self._networks.look(image, *place) for place in self._places]
        looks = without_doubles([look for look in looks if look.score >= SURE])
        self._since += 1
        if self._since >= EVERY or len(looks) < len(self._places):
            self._since = 0
            height, width = image.shape[:2]
            whole = (0, 0, max(width, height))
            looks += self._newcomers(image, [whole, *squares(width, height)], looks)
            if not looks:  # each square costs time, and now and then shows somebody who isn't there
                looks += self._newcomers(image, small_squares(width, height), looks)
            looks = without_doubles(looks)[: self._most]
        self._places = np.array([[look.hips, look.top] for look in looks]).reshape(-1, 2, 2)
        return looks

    def _newcomers(self, image: Array, parts: list[Square], known: list[Look]) -> list[Look]:
        """Looks at those in parts of a picture who are in no look of `known`."""
        found = []
        for place in distinct(*self._candidates(image, parts)):
            if not any(near(place[None], np.stack([look.hips, look.top]))[0] for look in known):
                first = self._networks.look(image, *place)
                if first.score >= SURE:
                    second = self._networks.look(image, first.hips, first.top)
                    found += [second] if second.score >= NEW else []
        return found

    def _candidates(self, image: Array, parts: list[Square]) -> tuple[Array, Array]:
        """The detector's, from parts of the picture."""
        places, scores = [np.zeros((0, 2, 2))], [np.zeros(0)]
        for left, top, side in parts:
            part = image[top : top + side, left : left + side]
            found, sure = self._networks.candidates(part)
            places.append(found + [left, top])
            scores.append(sure)
        return np.concatenate(places), np.concatenate(scores)
