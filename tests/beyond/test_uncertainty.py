"""The posterior of the pose, against routes that share nothing with it: dense Gaussians, Monte Carlo, autograd."""

import numpy as np
import pytest
import torch
from scipy.special import softmax
from scipy.stats import multivariate_normal

from lifting import lift, load_prior
from lifting.beyond import coefficient_covariance, posterior, readings
from lifting.camera import rotation, rotation_angles, tilted_camera, turn
from lifting.datasets.motion_capture import load_motion_capture
from lifting.pose_prior import PosePrior
from tests.priors import random_prior

pytestmark = [pytest.mark.usefixtures("one_thread"), pytest.mark.filterwarnings("ignore::lifting.PoorFit")]


def dense(Y, prior, weights, C, scale):
    """Every component and angle by conditioning the joint Gaussian of pose and landmarks on these."""
    L, v0 = prior.L, 1e4  # the translation is Gaussian and wide
    y, parts = Y.reshape(-1) / scale, []
    seen = np.tile(weights > 0, 2)
    for k in range(prior.K):
        for theta in rotation_angles(8):
            R = C @ rotation(np.array(theta))
            mean, e = (R @ prior.mu[k]).reshape(-1), (R @ prior.e[k]).reshape(prior.J, -1)
            v = prior.noise_variance[k]
            covariance = np.einsum("j,ja,jb->ab", prior.component_variance[k], e, e)
            place = np.kron(np.diag([1.0, 1.0, 0.0]), np.ones((L, L))) * v0
            picture = slice(0, 2 * L)
            S = (covariance + place)[picture, picture] + np.diag(np.tile(v / np.maximum(weights, 1e-300), 2))
            S, cross = S[np.ix_(seen, seen)], (covariance + place)[:, picture][:, seen]
            gain = np.linalg.solve(S, cross.T).T
            r = (y - mean[picture])[seen]
            parts.append((
                multivariate_normal(np.zeros(seen.sum()), S).logpdf(r) + np.log(prior.weights[k]),
                mean + gain @ r, covariance + place - gain @ cross.T + v * np.eye(3 * L),
            ))  # fmt: skip
    return parts


@pytest.mark.parametrize("seen", [np.ones(6), np.array([1.0, 0, 0.4, 1, 2, 1])], ids=["all", "weights"])
@pytest.mark.parametrize("scale", [1.0, 40.0])
def test_modes_are_what_conditioning_the_joint_gaussian_gives(rng, seen, scale):
    prior, C = random_prior(1, K=2, J=3, L=6, v=1e-2), tilted_camera(0.3)
    Y = scale * turn(prior.mu[:1] + 0.1 * rng.standard_normal((1, 3, 6)), np.array([1.0]), C)[:, :2]
    options = {"rotations": 8, "camera": C}
    lifted = lift(Y, prior, scale=scale, weights=seen, **options)
    found = posterior(Y, prior, lifted, temperature=1.0, **options)
    parts = dense(Y[0], prior, seen, C, scale)
    # the probability is a profile over the translation; its place is as probable in all modes of a component
    P = found.probability[0].reshape(-1)
    np.testing.assert_allclose(P.sum(), 1)
    log = np.array([part[0] for part in parts]).reshape(2, 8)
    log -= np.log(prior.noise_variance)[:, None]  # what the average over all places has beside the best place
    np.testing.assert_allclose(P, softmax(log.ravel()), rtol=1e-3, atol=1e-9)
    mean = sum(p * part[1] for p, part in zip(P, parts, strict=True))
    second = sum(p * (part[2] + np.outer(part[1], part[1])) for p, part in zip(P, parts, strict=True))
    covariance = second - np.outer(mean, mean)
    landmarks = np.arange(3)[:, None] * 6 + np.arange(6)
    expected = np.stack([covariance[np.ix_(own, own)] for own in landmarks.T])
    np.testing.assert_allclose(found.mean[0] / scale, mean.reshape(3, 6), atol=2e-4)
    np.testing.assert_allclose(found.covariance[0] / scale**2, expected, atol=2e-4)


def test_with_the_scale_free_modes_move_as_the_unknowns_do(rng):
    """The covariance at one rotation is that of 20,000 solutions for landmarks and ridges with noise."""
    prior = random_prior(2, K=1, J=3, L=6, v=1e-3)
    Y = 50 * turn(prior.mu + 0.05 * rng.standard_normal((1, 3, 6)), np.array([0.0]))[:, :2] + 7
    lifted = lift(Y, prior, scale=None, rotations=1)
    found = posterior(Y, prior, lifted, rotations=1, temperature=1.0)
    np.testing.assert_allclose(found.mean, lifted.pose, rtol=1e-9)
    # y = s p + E b + noise: least squares with ridge by pinv, of landmarks with noise and ridges with noise
    p, E = prior.mu[0, :2].reshape(-1), prior.e[0, :, :2].reshape(3, -1).T
    A = np.block([[p[:, None], E], [np.zeros((3, 1)), np.diag(prior.sigma[0])]])
    noise = lifted.scale[0] * np.sqrt(prior.noise_variance[0])
    x = np.concatenate([[lifted.scale[0]], lifted.scale[0] * lifted.a[0]])
    draws = x + noise * rng.standard_normal((20000, len(A))) @ np.linalg.pinv(A).T
    poses = np.einsum("nj,jdl->ndl", draws, np.concatenate([prior.mu[:1, None], prior.e], 1)[0])
    poses += noise * rng.standard_normal(poses.shape)
    poses[:, :2] += noise * rng.standard_normal((len(poses), 2, 1)) / np.sqrt(6)
    expected = np.stack([np.cov(poses[..., landmark].T) for landmark in range(6)])
    np.testing.assert_allclose(found.covariance[0], expected, atol=0.05 * expected.max())


@pytest.mark.parametrize("scale", [1.0, None])
def test_samples_have_the_mean_and_the_covariance(rng, scale):
    prior = random_prior(1, K=2, J=3, L=6, v=1e-2)
    Y = (scale or 30.0) * turn(prior.mu + 0.1 * rng.standard_normal((2, 3, 6)), np.zeros(2))[:, :2] + 3
    lifted = lift(Y, prior, scale=scale, rotations=12)
    found = posterior(Y, prior, lifted, rotations=12, samples=5000)
    size = np.sqrt(found.covariance.max())
    np.testing.assert_allclose(found.samples.mean(1), found.mean, atol=0.06 * size)
    samples = np.moveaxis(found.samples - found.mean[:, None], -1, 1)
    own = np.einsum("nlsi,nlsj->nlij", samples, samples) / 5000
    np.testing.assert_allclose(own, found.covariance, atol=0.1 * size**2)
    again = posterior(Y, prior, lifted, rotations=12, samples=5000)
    np.testing.assert_array_equal(again.samples, found.samples)


@pytest.mark.parametrize("scale", [1.0, None])
def test_the_covariance_of_a_is_the_inverse_of_half_the_hessian(rng, scale):
    prior, C, weights = random_prior(4, K=2, J=3, L=6), tilted_camera(0.2), np.array([1.0, 0.5, 0, 2, 1, 1])
    Y = (scale or 20.0) * turn(prior.mu[:1] + 0.05 * rng.standard_normal((1, 3, 6)), np.array([0.7]), C)[0, :2]
    lifted = lift(Y, prior, scale=scale, weights=weights, camera=C, refine=True)
    k, y, w = int(lifted.component), torch.tensor(Y), torch.tensor(weights)
    body = torch.tensor(C @ lifted.R @ np.concatenate([prior.mu[k][None], prior.e[k]])[:, :, :])

    def energy(x):
        """-2 log of the joint density over scale (x[0]) and a (the rest), noise of s^2 v at the solution's s."""
        s, b = (x[0], x[0] * x[1:]) if scale is None else (torch.tensor(1.0), x[1:])
        residual = y - s * body[0, :2] - torch.einsum("j,jdl->dl", b, body[1:, :2])
        residual = residual - (w * residual).sum(-1, keepdim=True) / w.sum()
        ridge = torch.tensor(prior.sigma[k]) * b
        return ((w * residual**2).sum() + (ridge**2).sum()) / (lifted.scale**2 * prior.noise_variance[k])

    x = torch.tensor(np.concatenate([[lifted.scale], lifted.a]))
    H = torch.autograd.functional.hessian(energy, x).numpy()
    expected = np.linalg.inv(H / 2)[1:, 1:] if scale is None else np.linalg.inv(H[1:, 1:] / 2)
    np.testing.assert_allclose(coefficient_covariance(prior, lifted), expected, rtol=1e-6, atol=1e-12)


def test_frames_that_were_not_lifted_are_blank_and_libraries_stay(rng):
    prior = load_prior()
    poses = load_motion_capture().poses[::400]
    Y = torch.tensor(poses[:, :2], dtype=torch.float32)
    Y[2] = torch.nan
    lifted = lift(Y, prior, unusable="nan")
    found = posterior(Y, prior, lifted, samples=1, unusable="nan")
    for name, value in found._asdict().items():
        assert value.dtype == torch.float32 and bool(value[2].isnan().all()), name
        assert bool(value[[0, 1, 3]].isfinite().all()), name
    own = lift(Y[0].numpy(), prior)
    np.testing.assert_allclose(posterior(Y[0].numpy(), prior, own).mean, found.mean[0], atol=1e-5)
    both = readings(found, lifted.scale)
    assert bool(both.poses[2].isnan().all())
    np.testing.assert_allclose(both.probability[0].sum(), 1, rtol=1e-5)


def test_two_depths_that_show_the_same_are_two_readings():
    """A flat prior that doesn't know front from back: both are half as probable, apart by twice the depth."""
    mu = np.array([[[0.5, -0.5, 0.3, -0.3], [0.6, 0.4, -0.5, -0.5], [0.0, 0, 0, 0]]])
    e = np.zeros((1, 1, 3, 4))
    e[0, 0, 2] = 0.5 * np.array([1, 1, -1, -1])
    prior = PosePrior(mu, e, np.array([[0.1]]), np.array([1e-4]), np.ones(1))
    Y = turn(mu, np.array([0.6]))[0, :2]
    lifted = lift(Y, prior)
    both = readings(posterior(Y, prior, lifted), lifted.scale)
    np.testing.assert_allclose(both.probability, [0.5, 0.5], atol=0.02)
    np.testing.assert_allclose(both.poses[0, 2], -both.poses[1, 2], atol=0.02)


def test_bad_input_is_named(rng):
    prior = random_prior()
    Y = rng.standard_normal((3, 2, 6))
    lifted = lift(Y, prior, rotations=4)
    for message, change in {
        "lifted: got the result": {"Y": Y[:2]}, "temperature: got -1": {"temperature": -1.0},
        "samples: got -1": {"samples": -1},
    }.items():  # fmt: skip
        with pytest.raises(ValueError, match=message):
            posterior(**{"Y": Y, "prior": prior, "lifted": lifted, "rotations": 4, **change})
    found = posterior(Y, prior, lifted, rotations=4)
    with pytest.raises(ValueError, match="apart"):
        readings(found, lifted.scale, apart=0)
    with pytest.raises(ValueError, match=r"scale: got shape \(2,\)"):
        readings(found, lifted.scale[:2])


# the finite set over SO(3)


@pytest.mark.parametrize("scale", [1.0, None])
def test_people_on_their_hands_and_lying_are_lifted_as_those_who_stand(scale):
    prior, poses = load_prior(), load_motion_capture().poses[::300]
    standing = lift(poses[:, :2], prior, orientation="free", rotations=40, scale=scale)
    half = np.diag([-1.0, -1.0, 1.0])
    on_hands = lift((half @ poses)[:, :2], prior, orientation="free", rotations=40, scale=scale)
    assert standing.fit.all() and on_hands.fit.all()
    error, turned = (np.linalg.norm(r.pose - truth, axis=1).mean()
                     for r, truth in ((standing, poses), (on_hands, half @ poses)))  # fmt: skip
    assert error < 0.2 and turned < 0.2
    np.testing.assert_allclose(on_hands.camera @ on_hands.R @ np.swapaxes(on_hands.camera @ on_hands.R, 1, 2),
                               np.broadcast_to(np.eye(3), (len(poses), 3, 3)), atol=1e-12)  # fmt: skip
    np.testing.assert_allclose(np.sin(on_hands.tilt), on_hands.up[:, 2], atol=1e-9)
    assert (on_hands.up[:, 1] < 0).mean() > 0.8


def test_an_orientation_is_free_or_upright(rng):
    prior, Y = random_prior(), rng.standard_normal((2, 2, 6))
    with pytest.raises(ValueError, match="orientation: got 'lying', expected 'upright' or 'free'"):
        lift(Y, prior, orientation="lying")
    with pytest.raises(ValueError, match="tilts: got tilts beside orientation='free'"):
        lift(Y, prior, orientation="free", tilts=np.zeros(2))


def test_what_fits_is_said_of_every_frame_and_where_its_vertical_points():
    prior, Y = load_prior(), load_motion_capture().poses[::500, :2]
    both = np.stack([Y, Y[..., ::-1]])
    both[0, 0] = np.nan
    lifted = lift(both, prior, unusable="nan")
    assert lifted.fit.shape == lifted.misfit.shape == (2, len(Y))
    assert not lifted.fit[0, 0] and lifted.fit[0, 1:].all() and not lifted.fit[1].any()
    np.testing.assert_array_equal(lifted.up, [0, 1, 0])
    tilted = lift(torch.tensor(Y), prior, tilts=np.radians([0.0, 30.0]))
    np.testing.assert_allclose(tilted.up[:, 2], torch.sin(tilted.tilt), atol=1e-12)
    assert tilted.fit.dtype == torch.bool
