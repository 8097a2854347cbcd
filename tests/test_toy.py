"""The toy of the notebooks: every number redone by hand, as a reader would on paper."""

from fractions import Fraction

import numpy as np

from lifting import lift
from lifting.drawing import toy

HALF = Fraction(1, 2)
E_BY_HAND = {
    0: [HALF, 0, -HALF, HALF, 0, -HALF],
    1: [0, 0, 0, HALF, 0, -HALF],
    2: [-HALF, 0, HALF, HALF, 0, -HALF],
    3: [0, 0, 0, HALF, 0, -HALF],
}
P_BY_HAND = {0: [1, 0, -1, -1, 2, -1], 1: [0, 1, -1, -1, 2, -1], 2: [-1, 0, 1, -1, 2, -1], 3: [0, -1, 1, -1, 2, -1]}
SEEN = [2, 0, -2, 0, 1, -1]


def dot(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True))


def test_all_four_rotations_in_fractions():
    costs = []
    for turn, theta in enumerate(toy.ANGLES):
        p, E = P_BY_HAND[turn], E_BY_HAND[turn]
        r = [y - q for y, q in zip(SEEN, p, strict=True)]
        a = dot(E, r) / (dot(E, E) + Fraction(1, 4))
        costs.append(dot(r, r) - a * dot(E, r))
        found = toy.solved(theta)
        np.testing.assert_allclose(found.p, np.array(p, float), atol=1e-12)
        np.testing.assert_allclose(found.E[:, 0], np.array(E, float), atol=1e-12)
        np.testing.assert_allclose([found.a[0], found.cost], [float(a), float(costs[-1])], atol=1e-12)
    np.testing.assert_allclose(toy.costs(), np.array(costs, float))
    assert [float(cost) for cost in costs[::2]] == [2.2, 15.0]


def test_what_the_notebooks_print_of_rotation_0():
    found = toy.solved()
    np.testing.assert_allclose(found.E_bar[:, 0], [0.5, 0, -0.5, 0.5, 0, -0.5, 0.5], atol=1e-12)
    np.testing.assert_allclose(found.E_bar_dagger[0], [0.4, 0, -0.4, 0.4, 0, -0.4, 0.4], atol=1e-12)
    np.testing.assert_allclose(found.E_bar_t[0], found.E_bar_dagger[0, :6], atol=1e-12)
    np.testing.assert_allclose(found.H @ found.E, 0.8 * found.E, atol=1e-12)
    assert np.isclose(found.a[0], 1.2) and np.isclose(found.cost, 2.2)


def test_a_tilted_camera_sees_half_a_turn_differently():
    level, half = toy.solved(0.3), toy.solved(0.3 + np.pi)
    np.testing.assert_allclose(half.E[3:], level.E[3:], atol=1e-12)
    tilted, opposite, from_below = toy.solved(0.3, 0.5), toy.solved(0.3 + np.pi, 0.5), toy.solved(0.3, -0.5)
    assert not np.allclose(opposite.p[3:], tilted.p[3:])
    np.testing.assert_allclose(opposite.p[3:], from_below.p[3:], atol=1e-12)


def test_the_front_door_agrees():
    found = lift(toy.Y, toy.prior(), rotations=4)
    assert found.theta == 0 and np.isclose(found.cost, 2.2)
    np.testing.assert_allclose(found.Y_hat, [[1.6, 0, -1.6], [-0.4, 2, -1.6]])


def test_its_landmarks_are_the_peaks_of_its_maps():
    maps = toy.belief_maps()
    np.testing.assert_array_equal(toy.pixels(), [[4, 2, 0], [2, 1, 3]])
    for b, (column, row) in zip(maps, toy.pixels().T.astype(int), strict=True):
        assert np.unravel_index(b.argmax(), b.shape) == (row, column) and b.max() == 1
