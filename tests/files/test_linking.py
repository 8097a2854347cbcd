"""Who is who from frame to frame: by hand, and against the truth where people walk past each other."""

from itertools import permutations

import numpy as np

from lifting.files.linking import FARTHEST, LONGEST_GAP, link


def person(x, size=100.0, L=6):
    """A person of that size whose middle is at x."""
    return np.array([np.linspace(-0.2, 0.2, L) * size + x, np.linspace(-0.5, 0.5, L) * size])


def linked(*frames):
    """The numbers of people given as lists of their places, a list a frame."""
    numbers = np.repeat(np.arange(len(frames)), [len(one) for one in frames])
    points = np.array([person(x) for one in frames for x in one])
    return link(numbers, points, np.ones(points.shape[::2], bool)).tolist()


def test_nearest_people_are_one():
    assert linked([0, 300], [305, 4], [8, 310]) == [0, 1, 1, 0, 0, 1]


def test_the_sum_of_distances_is_least():
    """Greedily 40 would go to 30, its nearest, and leave 0 for 60, too far; together 0 -> 30 and 40 -> 60 cost less."""
    assert linked([0, 40], [30, 60]) == [0, 1, 0, 1]


def test_a_person_farther_than_half_a_size_is_another():
    assert linked([0], [FARTHEST * 100 - 1]) == [0, 0]
    assert linked([0], [FARTHEST * 100 + 1]) == [0, 1]


def test_gaps_up_to_the_longest_are_bridged():
    for gap, same in ((LONGEST_GAP, True), (LONGEST_GAP + 1, False)):
        numbers = link(np.array([3, 3 + gap]), np.array([person(0), person(10)]), np.ones((2, 6), bool))
        assert (numbers[0] == numbers[1]) == same


def test_only_common_landmarks_count():
    points = np.array([person(0), person(0)])
    points[0, :, 0], points[1, :, 5] = 1e6, -1e6
    visible = np.ones((2, 6), bool)
    visible[0, 0] = visible[1, 5] = False
    assert link(np.array([0, 1]), points, visible).tolist() == [0, 0]
    visible[0], visible[1] = [True, True, True, False, False, False], [False, False, False, True, True, True]
    assert link(np.array([0, 1]), points, visible).tolist() == [0, 1]


def test_order_of_detections_does_not_matter(rng):
    frames = np.repeat(np.arange(30), 3)
    truth = np.tile(np.arange(3), 30)
    x = 120 * truth + 2 * frames + rng.normal(0, 2, len(frames))
    points = np.array([person(one) for one in x])
    missed = rng.random(len(frames)) < 0.1
    shuffled = rng.permutation(np.flatnonzero(~missed))
    numbers = link(frames[shuffled], points[shuffled], np.ones((len(shuffled), 6), bool))
    pairs = set(zip(truth[shuffled].tolist(), numbers.tolist(), strict=True))
    assert len(pairs) == 3  # each person one number, and each number one person


def test_many_people_once_each_are_quick_and_apart():
    frames = np.arange(5000) * 100
    points = np.array([person(0)] * 5000)
    assert len(set(link(frames, points, np.ones((5000, 6), bool)).tolist())) == 5000


def test_pairs_have_the_least_sum_of_all(rng):
    """Against all ways to pair two frames of few people, tried one by one."""
    for _ in range(60):
        counts = rng.integers(1, 5, 2)
        places = [rng.uniform(0, 150, count) for count in counts]
        few, many = sorted(range(2), key=lambda i: counts[i])
        points = np.array([person(x) for one in places for x in one])
        numbers = link(np.repeat([0, 1], counts), points, np.ones(points.shape[::2], bool))
        found = {(i, j) for i in range(counts[0]) for j in range(counts[1]) if numbers[i] == numbers[counts[0] + j]}
        apart = np.minimum(np.abs(places[few][:, None] - places[many]) / 100, 2 * FARTHEST)
        best = min(
            sum(apart[i, j] for i, j in enumerate(way)) for way in permutations(range(counts[many]), int(counts[few]))
        )
        own = sum(apart[(i, j) if few == 0 else (j, i)] for i, j in found)
        assert own + (counts[few] - len(found)) * 2 * FARTHEST >= best - 1e-9
        assert own <= best + 1e-9
        assert all(apart[(i, j) if few == 0 else (j, i)] <= FARTHEST for i, j in found)
