"""The widget of notebook 03: the functions behind it against the readable reference, and that every slider counts."""

import dataclasses

import numpy as np
import pytest

from lifting import lift
from lifting.camera import rotation_angles
from lifting.datasets.motion_capture import load_motion_capture
from lifting.drawing.widgets.solving import (
    ROTATIONS,
    SolvingWidget,
    circle,
    other_valley,
    solve_over_circle,
    solve_pose,
)
from lifting.pose_prior import PosePrior, load_prior
from lifting.solve import search, solve_at


@pytest.fixture(scope="module")
def truth():
    return load_motion_capture().of_clip("kick")[20]


@pytest.fixture(scope="module")
def embedded():
    return load_prior().subset(bases=10)


def mixture_of(rng, K=2, J=4, L=17):
    """A prior of random numbers."""
    mu = rng.standard_normal((K, 3, L))
    raw = rng.standard_normal((K, 3 * L, J)).reshape(K, 3, L, J)
    raw -= raw.mean(axis=2, keepdims=True)
    e = np.linalg.qr(raw.reshape(K, 3 * L, J))[0].swapaxes(1, 2).reshape(K, J, 3, L)
    sigma, v = rng.uniform(0.1, 1, (K, J)), rng.uniform(0.01, 0.02, K)
    return PosePrior(mu - mu.mean(axis=-1, keepdims=True), e, sigma, v, np.full(K, 1 / K))


def test_costs_and_coefficients_are_those_of_the_reference(rng):
    prior, Y = mixture_of(rng), rng.standard_normal((2, 17))
    Y -= Y.mean(axis=1, keepdims=True)
    a, costs = solve_over_circle(Y, circle(prior, 12), prior.sigma)
    wanted = solve_at(Y, prior.gaussian(np.s_[:, None]), rotation_angles(12))
    np.testing.assert_allclose(a, wanted.a, atol=1e-10)
    np.testing.assert_allclose(costs, wanted.cost, rtol=1e-10)


@pytest.mark.parametrize("rotations", [6, 12, 24])
@pytest.mark.parametrize("factor", [0.1, 1.0, 10.0])
def test_the_winner_is_that_of_the_reference(rng, rotations, factor):
    prior = mixture_of(rng)
    changed = dataclasses.replace(prior, sigma=factor * prior.sigma)
    for Y in rng.standard_normal((5, 2, 17)):
        answer = solve_pose(Y, prior, circle(prior, 24), rotations, factor)
        Y_centred = Y - Y.mean(axis=1, keepdims=True)
        wanted = search(Y_centred, changed, rotation_angles(rotations))
        assert (answer.component, answer.angle) == (wanted.component, wanted.angle * (24 // rotations))
        np.testing.assert_allclose(answer.cost[answer.angle], wanted.cost)
        np.testing.assert_allclose(answer.pose, lift(Y_centred, changed, rotations=rotations).pose, atol=1e-9)


def test_the_other_valley():
    costs = np.array([3.0, 1.0, 2.0, 5.0, 1.5, 4.0, 1.2, 6.0])
    assert other_valley(costs) == 6
    assert other_valley(np.array([1.0, 2.0, 3.0, 2.0])) == -1
    assert other_valley(np.array([0.0, 3.0, 2.0, 3.0, 4.0])) == 2


def test_the_runner_up_is_an_angle_that_was_searched(truth, embedded):
    answer = solve_pose(truth[:2], embedded, circle(embedded, 240), 20)
    assert answer.second % 12 == 0 and answer.angle % 12 == 0
    assert answer.cost[answer.second] > answer.cost[answer.angle]


def test_sigma_trades_the_fit_for_the_prior(truth, embedded):
    widget = SolvingWidget(truth, embedded)
    misfits = []
    for factor in (0.01, 1.0, 100.0):
        widget["sigma"] = factor
        misfits.append(widget.errors[0])
    assert misfits[0] < misfits[1] < misfits[2]
    stiff = solve_pose(truth[:2], embedded, circle(embedded, 80), 80, 1e6)
    np.testing.assert_allclose(stiff.pose[1], embedded.mu[stiff.component, 1], atol=1e-6)  # the mean, turned


@pytest.mark.parametrize(("slider", "value"), [("sigma", 2.0), ("rotations", 8), ("heading", 120.0), ("view", -30.0)])
def test_every_slider_changes_the_picture_and_back(truth, embedded, slider, value):
    widget = SolvingWidget(truth, embedded)
    before, old = widget.png(), widget[slider]
    widget[slider] = value
    assert widget.png() != before
    widget[slider] = old
    assert widget.png() == before


def test_what_is_shown_is_what_was_solved(truth, embedded):
    widget = SolvingWidget(truth, embedded, heading=45.0)
    shown = np.array(widget._winner.get_data())[:, 0]
    lifted = lift(widget.landmarks, embedded, rotations=widget["rotations"])
    np.testing.assert_allclose(shown, [np.degrees(lifted.theta), lifted.cost])
    np.testing.assert_allclose(widget.pose, lifted.pose, atol=1e-9)
    assert widget["rotations"] in ROTATIONS and len(widget._dots.get_xdata()) == widget["rotations"]


def test_bad_input(truth, embedded):
    around = circle(embedded, 24)
    with pytest.raises(ValueError, match=r"rotations: got 7, expected a divisor of the circle's 24 angles"):
        solve_pose(truth[:2], embedded, around, 7)
    with pytest.raises(ValueError, match=r"factor: got 0.0, expected a finite number > 0"):
        solve_pose(truth[:2], embedded, around, 12, 0.0)
    with pytest.raises(ValueError, match=r"sigma: got 0.0, expected numbers > 0"):
        solve_over_circle(truth[:2], around, 0 * embedded.sigma)
    with pytest.raises(ValueError, match=r"Y: got shape \(3, 17\), expected shape \(..., 2, 17\)"):
        solve_over_circle(truth, around, embedded.sigma)
    with pytest.raises(ValueError, match=r"truth: got shape \(2, 17\), expected shape \(..., 3, 17\)"):
        SolvingWidget(truth[:2], embedded)
    with pytest.raises(ValueError, match=r"rotations: got 0, expected a whole number >= 1"):
        circle(embedded, 0)
