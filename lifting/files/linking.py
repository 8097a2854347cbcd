"""Who is who from frame to frame, where a file does not say: each person goes to the nearest in the frame before.

This is no part of the paper. Two steps, both by the same distance:

1. From each frame to the next, people are paired so that the sum of the distances is least (the Hungarian method),
and a pair farther apart than `FARTHEST` is none. 2. What that leaves are tracks. A track that ends is joined to one
that starts up to `LONGEST_GAP` frames later, nearest first, by the same limit; so somebody whom the detector missed
for a moment stays one person.

The distance of two people is the mean distance of the landmarks that both show, over the larger one's size: the
longer side of the box around the landmarks that are there.
"""

import numpy as np
from jaxtyping import Float, Int

FARTHEST = 0.5
"""The largest distance of one person in two frames, in sizes of that person."""

AT_ONCE = 100_000
"""Pairs of people whose distances are in memory at once."""

LONGEST_GAP = 10
"""Numbers of frames within which a track that ended can go on."""


def link(
    frames: Int[np.ndarray, " N"], points: Float[np.ndarray, "N 2 L"], visible: np.ndarray
) -> Int[np.ndarray, " N"]:
    """A number for the person of each detection, from 0 in the order in which people first appear.

    Args:
        frames: (N,) the frame of each detection, in any order.
        points: (N, 2, L) landmarks in any order of landmarks and any unit; not looked at where not visible.
        visible: (N, L) booleans.

    Returns:
        (N,) numbers; two detections of one frame never share one.
    """
    order = np.argsort(frames, kind="stable")
    sorted_frames, people = frames[order], _People(points[order], visible[order])
    _, starts, counts = np.unique(sorted_frames, return_index=True, return_counts=True)
    before = np.full(len(frames), -1)
    follow = np.flatnonzero(np.diff(sorted_frames[starts]) == 1)
    for old, new in {*zip(counts[follow].tolist(), counts[follow + 1].tolist(), strict=True)}:
        steps = follow[(counts[follow] == old) & (counts[follow + 1] == new)]
        for some in np.array_split(steps, 1 + len(steps) * old * new // AT_ONCE):
            _link_steps(before, people, starts[some, None] + np.arange(old), starts[some + 1, None] + np.arange(new))
    tracks = _join(_tracks(before), sorted_frames, people)
    numbers = np.empty(len(frames), int)
    numbers[order] = tracks
    return numbers


class _People:
    """People who can be compared: landmarks, which are there, and how large each person is."""

    def __init__(self, points: np.ndarray, visible: np.ndarray) -> None:
        self.points, self.visible = np.where(visible[:, None], points, 0.0), visible
        low = np.where(visible[:, None], points, np.inf).min(axis=2)
        high = np.where(visible[:, None], points, -np.inf).max(axis=2)
        self.size = np.where(visible.any(axis=1), (high - low).max(axis=1), 0.0)

    def distances(self, some: np.ndarray, others: np.ndarray) -> np.ndarray:
        """The distance of each of `some` (..., P) from each of `others` (..., Q), (..., P, Q).

        It is infinite where no landmark is common.
        """
        some, others = some[..., :, None], others[..., None, :]
        both = self.visible[some] & self.visible[others]
        apart = np.linalg.norm(self.points[some] - self.points[others], axis=-2)
        size, count = np.maximum(self.size[some], self.size[others]), both.sum(axis=-1)
        total = (apart * both).sum(axis=-1)
        return np.where((count > 0) & (size > 0), total / np.maximum(count, 1) / np.where(size > 0, size, 1), np.inf)


def _link_steps(before: np.ndarray, people: _People, old: np.ndarray, new: np.ndarray) -> None:
    """Steps from P people to Q at once, `old` (steps, P) and `new` (steps, Q); `before` gets who each of `new` was."""
    if old.shape[1] > new.shape[1]:
        apart = people.distances(new, old)
        nearest, least = apart.argmin(axis=2), apart.min(axis=2)
        ones, others = np.take_along_axis(old, nearest, axis=1), new
    else:
        apart = people.distances(old, new)
        nearest, least = apart.argmin(axis=2), apart.min(axis=2)
        ones, others = old, np.take_along_axis(new, nearest, axis=1)
    # where all nearest ones are different, no sum can be less
    different = np.count_nonzero(np.diff(np.sort(nearest, axis=1), axis=1) == 0, axis=1) == 0
    near = different[:, None] & (least <= FARTHEST)
    before[others[near]] = ones[near]
    for step in np.flatnonzero(~different):
        for one, other in _pairs(people.distances(old[step], new[step])):
            before[new[step, other]] = old[step, one]


def _pairs(distances: np.ndarray) -> list[tuple[int, int]]:
    """Pairs (row, column) with the least sum of distances, without those farther apart than `FARTHEST`."""
    from scipy.optimize import linear_sum_assignment  # takes as long to load as all else in this package

    rows, columns = linear_sum_assignment(np.minimum(distances, 2 * FARTHEST))
    near = distances[rows, columns] <= FARTHEST
    return list(zip(rows[near].tolist(), columns[near].tolist(), strict=True))


def _tracks(before: np.ndarray) -> np.ndarray:
    """The number of each detection's track, from the detection before it (-1: none)."""
    tracks = np.where(before < 0, np.cumsum(before < 0) - 1, -1)
    for i in np.flatnonzero(before >= 0):
        tracks[i] = tracks[before[i]]
    return tracks


def _join(tracks: np.ndarray, frames: np.ndarray, people: _People) -> np.ndarray:
    """Tracks joined over gaps, and numbered anew in the order in which they start."""
    first = np.unique(tracks, return_index=True)[1]
    last = len(tracks) - 1 - np.unique(tracks[::-1], return_index=True)[1]
    ends = np.argsort(frames[last], kind="stable")
    window = np.searchsorted(frames[last][ends], frames[first][:, None] - [LONGEST_GAP, 0])
    pairs = []
    for new in np.flatnonzero(window[:, 0] < window[:, 1]).tolist():
        old = ends[slice(*window[new])]
        near = people.distances(last[old], first[new : new + 1])[:, 0]
        pairs += [(distance, one, new) for distance, one in zip(near.tolist(), old.tolist(), strict=True)]
    goes_on, continued = np.arange(len(first)), set()
    for distance, old, new in sorted(pairs):
        if distance <= FARTHEST and old not in continued and goes_on[new] == new:
            goes_on[new] = old
            continued.add(old)
    for new in range(len(first)):  # what a track goes on from started before it
        goes_on[new] = goes_on[goes_on[new]]
    return np.unique(goes_on[tracks], return_inverse=True)[1]
