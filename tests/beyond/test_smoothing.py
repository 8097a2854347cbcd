"""Smoothing inside the least squares: against one dense system, by hand-made motion, and with gaps."""

import itertools

import numpy as np
import pytest
import torch

from lifting import lift, load_prior
from lifting.beyond import Motion, smooth
from lifting.beyond.paths import least_path
from lifting.camera import turn
from lifting.datasets.motion_capture import load_motion_capture
from tests.priors import random_prior

pytestmark = [pytest.mark.usefixtures("one_thread"), pytest.mark.filterwarnings("ignore::lifting.PoorFit")]


def test_the_least_path_is_the_least_of_all_paths(rng):
    costs, steps = rng.random((5, 3)), rng.random((5, 3, 3))
    every = list(itertools.product(range(3), repeat=5))
    total = [sum(costs[f, s] for f, s in enumerate(path)) + sum(steps[f, path[f - 1], path[f]] for f in range(1, 5))
             for path in every]  # fmt: skip
    np.testing.assert_array_equal(least_path(costs, lambda f: steps[f]), every[int(np.argmin(total))])


def energy(a, Y, prior, smoothed, weights, times, motion):
    """What is minimised, written down frame by frame."""
    total, poses = torch.tensor(0.0, dtype=torch.float64), []
    for f in range(len(Y)):
        k = int(smoothed.component[f])
        camera = smoothed.camera if smoothed.camera.ndim == 2 else smoothed.camera[f]
        pose = torch.tensor(camera @ smoothed.R[f]) @ (
            torch.tensor(prior.mu[k]) + torch.einsum("j,jdl->dl", a[f], torch.tensor(prior.e[k]))
        )
        poses.append(pose)
        if weights[f].any():
            w = torch.tensor(weights[f])
            residual = torch.tensor(Y[f] / smoothed.scale[f]) - pose[:2]
            residual = residual - (w * residual).sum(-1, keepdim=True) / w.sum()
            total = total + (w * residual**2).sum() / prior.noise_variance[k]
        total = total + (torch.tensor(prior.sigma[k]) * a[f]).square().sum() / prior.noise_variance[k]
    h = np.diff(times)
    first = [(poses[f + 1] - poses[f]) / h[f] for f in range(len(h))]
    if motion.order == 1:
        return total + sum((step**2).sum() * h[f] / motion.q for f, step in enumerate(first))
    return total + sum(
        ((first[f + 1] - first[f]) ** 2).sum() / (motion.q * (h[f] + h[f + 1]) / 2) for f in range(len(h) - 1)
    )


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("scale", [1.0, 25.0])
def test_the_coefficients_are_where_the_gradient_vanishes(rng, order, scale):
    prior, F = random_prior(3, K=2, J=3, L=6), 7
    times = np.cumsum(rng.uniform(0.02, 0.1, F))
    Y = scale * (prior.mu[0, :2] + 0.1 * rng.standard_normal((F, 2, 6)))
    weights = rng.uniform(0, 2, (F, 6)) * (rng.random((F, 6)) < 0.8) + 0.01
    weights[3] = 0
    motion = Motion(order=order, q=0.3)
    options = {"rotations": 8, "tilts": np.array([0.0, 0.4])}
    lifted = lift(Y, prior, scale=scale, weights=weights, unusable="nan", **options)
    assert not lifted.usable[3]
    smoothed = smooth(Y, prior, lifted, times=times, motion=motion, **options)
    a = torch.tensor(smoothed.a, requires_grad=True)
    (gradient,) = torch.autograd.grad(energy(a, Y, prior, smoothed, weights, times, motion), a)
    start = torch.zeros_like(a, requires_grad=True)
    (before,) = torch.autograd.grad(energy(start, Y, prior, smoothed, weights, times, motion), start)
    assert gradient.abs().max() < 1e-9 * before.abs().max()
    # and the pose is that of eq. (1), its cost that of eq. (2)
    k = smoothed.component
    body = prior.mu[k] + np.einsum("fj,fjdl->fdl", smoothed.a, prior.e[k])
    pose = scale * smoothed.camera @ smoothed.R @ body
    np.testing.assert_allclose(smoothed.pose[:, 2], pose[:, 2], atol=1e-9 * scale)
    error = (weights[:, None] * (Y - smoothed.Y_hat) ** 2).sum((1, 2)) + (
        scale * prior.sigma[k] * smoothed.a
    ) ** 2 @ np.ones(3)
    np.testing.assert_allclose(smoothed.cost[lifted.usable], error[lifted.usable], rtol=1e-9)
    assert np.isnan(smoothed.cost[3])


def test_without_a_prior_of_motion_it_is_lift(rng):
    prior, Y = load_prior(), load_motion_capture().poses[:12, :2]
    lifted = lift(Y, prior)
    loose = smooth(Y, prior, lifted, motion=Motion(q=1e9, turn=1e6))
    np.testing.assert_array_equal(loose.theta, lifted.theta)
    np.testing.assert_allclose(loose.pose, lifted.pose, atol=1e-6)
    np.testing.assert_allclose(loose.misfit, lifted.misfit, rtol=1e-5)


def test_gaps_are_filled_and_libraries_stay():
    motion = load_motion_capture()
    poses = turn(motion.of_clip("walk"), np.full(35, 0.8))
    Y = torch.tensor(300 * poses[:, :2] + 500, dtype=torch.float32)
    Y[10:13] = torch.nan
    lifted = lift(Y, load_prior(), scale=None, unusable="nan")
    smoothed = smooth(Y, load_prior(), lifted)
    assert smoothed.pose.dtype == torch.float32 and bool(smoothed.pose.isfinite().all())
    error = np.linalg.norm((smoothed.pose[:, :2] - 500).numpy() / 300 - poses[:, :2], axis=1)
    assert error[10:13].mean() < 0.1
    assert bool(smoothed.usable.logical_not()[10:13].all())


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_few_frames_are_smoothed_too(frames):
    prior, Y = load_prior(), load_motion_capture().poses[:frames, :2]
    lifted = lift(Y, prior)
    smoothed = smooth(Y, prior, lifted)
    if frames < 3:  # no velocity changes
        np.testing.assert_allclose(smoothed.pose, lifted.pose, atol=1e-9)
    assert np.isfinite(smoothed.pose).all()


@pytest.mark.parametrize(
    ("motion", "message"),
    [
        (Motion(order=3), "motion.order: got 3, expected 1 or 2"),
        (Motion(q=0.0), "motion.q: got 0"),
        (Motion(turn=-1.0), "motion.turn: got -1"),
        (Motion(share=float("nan")), "motion.share: got nan"),
    ],
)
def test_a_motion_that_is_none_is_refused(motion, message):
    prior, Y = random_prior(), np.random.default_rng(0).standard_normal((3, 2, 6))
    with pytest.raises(ValueError, match=message):
        smooth(Y, prior, lift(Y, prior, rotations=4), motion=motion, rotations=4)


def test_times_must_rise_and_frames_be_in_a_row():
    prior, Y = random_prior(), np.random.default_rng(0).standard_normal((3, 2, 6))
    lifted = lift(Y, prior, rotations=4)
    with pytest.raises(ValueError, match=r"times: got 0.1 s in frame 2 after 0.2 s"):
        smooth(Y, prior, lifted, times=np.array([0, 0.2, 0.1]), rotations=4)
    with pytest.raises(ValueError, match=r"times: got shape \(2,\), expected shape \(3,\)"):
        smooth(Y, prior, lifted, times=np.array([0, 0.2]), rotations=4)
    with pytest.raises(ValueError, match="Y: got shape"):
        smooth(Y[0], prior, lift(Y[0], prior, rotations=4), rotations=4)
    nobody = lift(np.full((2, 2, 6), np.nan), prior, unusable="nan")
    with pytest.raises(ValueError, match="no frame that was lifted"):
        smooth(np.zeros((2, 2, 6)), prior, nobody)
