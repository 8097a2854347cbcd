"""Poses along the bases of a prior, and poses rebuilt from a few of them."""

import numpy as np
import pytest

from lifting.metrics import mpjpe
from lifting.pose_prior import load_prior, move_along, posterior, rebuild, sample
from tests.priors import two_components


@pytest.fixture(scope="module")
def prior():
    return load_prior()


@pytest.fixture(scope="module")
def two():
    return two_components()


def test_moving_along_a_basis_moves_one_coefficient_by_its_standard_deviation(two):
    for k in range(two.K):
        b = two.e[k].reshape(6, -1) @ (move_along(two, 3, -1.5, k) - two.mu[k]).ravel()
        expected = np.zeros(6)
        expected[3] = -1.5 * np.sqrt(two.noise_variance[k]) / two.sigma[k, 3]
        np.testing.assert_allclose(b, expected, atol=1e-12)


def test_the_spread_of_samples_is_one_deviation(prior):
    one = prior.subset(components=[0])
    drawn = sample(one, 4000, np.random.default_rng(1), headings=[0.0], noise=False)
    a = (drawn.poses - one.mu[0]).reshape(4000, -1) @ one.e[0].reshape(one.J, -1).T
    step = [np.linalg.norm(move_along(one, j, 1.0) - one.mu[0]) for j in range(one.J)]
    np.testing.assert_allclose(a.std(axis=0), step, rtol=0.06)


def test_zero_deviations_are_the_mean(two):
    np.testing.assert_array_equal(move_along(two, 2, 0.0, 1), two.mu[1])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((6, 1.0), r"basis: got 6, expected an index from 0 to 5"),
        ((-1, 1.0), r"basis: got -1, expected a whole number >= 0"),
        ((0, 1.0, 2), r"component: got 2, expected an index from 0 to 1"),
        ((0, np.nan), r"deviations: got .*, expected "),
    ],
)
def test_there_is_nowhere_to_move(two, arguments, message):
    with pytest.raises(ValueError, match=message):
        move_along(two, *arguments)


def test_rebuilding_minimises_equation_2_with_all_coordinates_seen(two):
    pose = sample(two, 1, np.random.default_rng(2), headings=[0.0]).poses[0]
    few = two.subset(bases=4, components=[1])
    E_bar = np.concatenate([few.e[0].reshape(4, -1).T, np.diag(few.sigma[0])])
    a = np.linalg.lstsq(E_bar, np.concatenate([(pose - few.mu[0]).ravel(), np.zeros(4)]), rcond=None)[0]
    expected = few.mu[0] + np.tensordot(a, few.e[0], axes=1)
    np.testing.assert_allclose(rebuild(two, pose, 4, component=1), expected, atol=1e-10)


def test_more_bases_leave_less_out(prior):
    one = prior.subset(components=[0])
    drawn = sample(one, 50, np.random.default_rng(3), headings=[0.0]).poses
    errors = [np.mean([mpjpe(rebuild(one, pose, J), pose, root="centroid") for pose in drawn]) for J in (1, 10, one.J)]
    assert errors[0] > 1.5 * errors[1] > 2 * errors[2]


def test_rebuilding_with_all_bases_is_the_posterior_mean(two):
    pose = two.mu[0] + 0.1 * two.e[0, 2]
    a = posterior(two, pose).mean[0]
    np.testing.assert_allclose(rebuild(two, pose, 6), two.mu[0] + np.tensordot(a, two.e[0], axes=1), atol=1e-12)


@pytest.mark.parametrize(
    ("shape", "bases", "component", "message"),
    [
        ((2, 17), 3, 0, r"pose: got shape \(2, 17\), expected"),
        ((5, 3, 17), 3, 0, r"pose: got shape \(5, 3, 17\), expected shape \(3, 17\)"),
        ((3, 17), 7, 0, r"bases: got 7, expected at most the prior's 6"),
        ((3, 17), 3, 2, r"component: got 2, expected an index from 0 to 1"),
    ],
)
def test_there_is_nothing_to_rebuild(two, shape, bases, component, message):
    with pytest.raises(ValueError, match=message):
        rebuild(two, np.zeros(shape), bases, component)
