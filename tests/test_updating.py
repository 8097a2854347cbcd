"""From a loss to an update of B in plain NumPy, against the layer and against differences."""

import dataclasses

import numpy as np
import pytest
import torch

from lifting import load_prior
from lifting.belief import belief_maps, belief_update, peaks
from lifting.datasets.real_frames import belief_human36m, load_real_frames
from lifting.layer import LiftingLayer
from lifting.skeleton import HUMAN36M
from lifting.updating import ProjectedLoss, correct, from_loss_to_peaks, step_length

ANKLE = HUMAN36M.index("right_ankle")


@pytest.fixture(scope="module")
def prior():
    return load_prior()


@pytest.fixture(scope="module")
def frame():
    return load_real_frames(["cam01_004"])[0]


@pytest.fixture
def case(frame, prior):
    """A wrong map of the right ankle: the maps, the targets, and what `from_loss_to_peaks` wants to know."""
    belief, present = belief_human36m(frame)
    visible = present & frame.visible
    wrong = belief.copy()
    wrong[ANKLE] = np.roll(belief[ANKLE], (3, -5), axis=(0, 1))
    target = belief_maps(peaks(belief), 64, 64, 2.0)
    return wrong, target, visible.astype(float), {"sigma": 2.0, "visible": visible, "camera": frame.map_camera}


def test_D_is_what_the_layer_hands_to_updating_B(case, prior):
    B, target, weight, options = case
    way = from_loss_to_peaks(B, ProjectedLoss(target, weight, prior, **options))
    layer = LiftingLayer(prior, **options)
    B_torch = torch.tensor(B[None], requires_grad=True)
    out = layer(B_torch)
    loss = (((out.B_hat - torch.tensor(target)) ** 2).sum((2, 3)) @ torch.tensor(weight)).sum()
    loss.backward()
    np.testing.assert_allclose(way.loss, loss.item())
    np.testing.assert_allclose(way.Y_hat, out.Y_hat[0].detach(), atol=1e-8)
    np.testing.assert_allclose(-belief_update(way.Y, way.D, 64, 64, 1.0, 2.0), B_torch.grad[0], atol=1e-9)


@pytest.mark.parametrize("sigma", [0.8, 1.0, 2.0])
def test_a_step_of_this_length_commands_the_direction(sigma, rng):
    """Whatever hill the peak stands on, it moves into the quadrant; a step of a tenth need not get it there."""
    astray = 0
    for _ in range(20):
        b = rng.uniform(0, 1, (1, 9, 9))
        b[0, 4, 4] = 1.0
        D = rng.standard_normal((2, 1))
        D /= np.hypot(*D)
        Y = peaks(b)
        long, short = (
            peaks(b + belief_update(Y, D, 9, 9, factor * step_length(sigma), sigma)) - Y for factor in (1.001, 0.1)
        )
        assert np.any(long) and np.all(long * D >= 0)
        astray += not np.all(short * D >= 0)
    assert astray > 0


def test_a_wrong_peak_comes_home_and_the_loss_falls_at_every_step(case, prior):
    B, target, weight, options = case
    before = B.copy()
    result = correct(B[None], np.array([ANKLE]), ProjectedLoss(target, weight[None], prior, **options))
    np.testing.assert_array_equal(B, before)
    taken = result.steps[0]
    assert np.all(np.diff(result.loss[: taken + 1, 0]) < 0)
    np.testing.assert_array_equal(result.path[-1, 0], [29, 49])
    np.testing.assert_array_equal(result.path[0, 0], [24, 52])
    for t, map_ in enumerate(result.maps[: taken + 1, 0]):
        np.testing.assert_array_equal(peaks(map_[None])[:, 0], result.path[t, 0])


def test_without_its_label_the_other_landmarks_bring_the_ankle_back(case, prior):
    B, target, weight, options = case
    weight[ANKLE] = 0
    stiff = dataclasses.replace(prior, sigma=3 * prior.sigma)
    blind = target.copy()
    blind[ANKLE] = 0.123  # never looked at
    result = correct(B[None], np.array([ANKLE]), ProjectedLoss(blind, weight[None], stiff, **options))
    assert np.all(np.diff(result.loss[: result.steps[0] + 1, 0]) < 0)
    assert np.linalg.norm(result.path[-1, 0] - [29, 49]) < 2


def test_cases_do_not_disturb_each_other(case, prior):
    B, target, weight, options = case
    knee = HUMAN36M.index("left_knee")
    other = B.copy()
    other[ANKLE], other[knee] = np.roll(B[ANKLE], (-3, 5), (0, 1)), np.roll(B[knee], (4, 4), (0, 1))
    wrong, weights = np.array([ANKLE, knee]), np.stack([weight, weight])
    both = correct(np.stack([B, other]), wrong, ProjectedLoss(target, weights, prior, **options), steps=4)
    for n, (maps, p) in enumerate(((B, ANKLE), (other, knee))):
        alone = correct(maps[None], np.array([p]), ProjectedLoss(target, weight[None], prior, **options), steps=4)
        np.testing.assert_array_equal(both.path[:, n], alone.path[:, 0])
        np.testing.assert_allclose(both.maps[:, n], alone.maps[:, 0], atol=1e-9)


def test_with_a_k_every_step_is_taken(case, prior):
    B, target, weight, options = case
    result = correct(B[None], np.array([ANKLE]), ProjectedLoss(target, weight[None], prior, **options), k=0.5, steps=3)
    way = from_loss_to_peaks(B, ProjectedLoss(target, weight, prior, **options))
    wanted = B[ANKLE] + belief_update(way.Y, way.D, 64, 64, 0.5, 2.0)[ANKLE]
    np.testing.assert_allclose(result.maps[1, 0], wanted)
    assert result.steps[0] == 3 and len(result.path) == 4


@pytest.mark.parametrize("sigma", [0.7, 1.0, 2.5])
def test_a_step_raises_the_next_pixel_by_a_whole_belief(sigma):
    density = np.exp(-1 / (2 * sigma**2)) / (2 * np.pi * sigma**2)
    assert np.isclose(step_length(sigma) * density, 1)


def test_bad_input(case, prior):
    B, target, weight, options = case
    with pytest.raises(ValueError, match=r"target: got shape \(17, 64, 63\), expected shape \(..., 17, 64, 64\)"):
        from_loss_to_peaks(B, ProjectedLoss(target[..., :63], weight, prior, **options))
    with pytest.raises(ValueError, match=r"^B: got shape \(64, 64\), expected shape \(..., L, H, W\)$"):
        from_loss_to_peaks(B[0], ProjectedLoss(target, weight, prior, **options))
    with pytest.raises(ValueError, match=r"weight: got shape \(16,\), expected shape \(..., 17\)"):
        from_loss_to_peaks(B, ProjectedLoss(target, weight[:16], prior, **options))
    with pytest.raises(ValueError, match=r"steps: got 0, expected a whole number >= 1"):
        correct(B[None], np.array([ANKLE]), ProjectedLoss(target, weight[None], prior, **options), steps=0)
    with pytest.raises(ValueError, match=r"k: got -1.0, expected a finite number >= 0"):
        correct(B[None], np.array([ANKLE]), ProjectedLoss(target, weight[None], prior, **options), k=-1.0)
    with pytest.raises(ValueError, match=r"sigma: got 0.0, expected a finite number > 0"):
        step_length(0.0)
