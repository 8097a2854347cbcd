"""The prior: what it accepts, its density and posterior by independent routes, and its files."""

import dataclasses

import numpy as np
import pytest
import scipy.special
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lifting.camera import turn
from lifting.pose_prior import (
    PosePrior,
    face_viewer,
    facing,
    load_prior,
    log_density,
    log_likelihood,
    posterior,
    sample,
    save_prior,
)


def centred_axes(L):
    """Orthonormal columns (L, L - 1) orthogonal to (1, ..., 1), from an SVD: not the route that the package takes."""
    return np.linalg.svd(np.eye(L) - 1 / L)[0][:, : L - 1]


def some_prior(K=2, J=3, L=5, seed=0, landmarks=()):
    rng = np.random.default_rng(seed)
    axes = np.kron(np.eye(3), centred_axes(L))
    e = np.stack([(axes @ np.linalg.qr(rng.standard_normal((3 * L - 3, J)))[0]).T for _ in range(K)])
    mu = rng.standard_normal((K, 3, L))
    weights = rng.uniform(1, 2, K)
    return PosePrior(
        mu=mu - mu.mean(axis=-1, keepdims=True),
        e=e.reshape(K, J, 3, L),
        sigma=np.sort(rng.uniform(0.05, 0.5, (K, J))),
        noise_variance=rng.uniform(0.01, 0.02, K),
        weights=weights / weights.sum(),
        landmarks=landmarks,
    )


def reduced(prior, k):
    """Mean and covariance of component k in 3L - 3 orthonormal coordinates, and those coordinates' axes (3L, D)."""
    axes = np.kron(np.eye(3), centred_axes(prior.L))
    e = prior.e[k].reshape(prior.J, -1) @ axes
    C = e.T @ np.diag(prior.component_variance[k]) @ e + prior.noise_variance[k] * np.eye(axes.shape[1])
    return prior.mu[k].ravel() @ axes, C, axes


def test_prior_arrays_are_copies_and_read_only():
    weights = np.array([0.25, 0.75])
    prior = dataclasses.replace(some_prior(), weights=weights)
    weights[0] = 9
    assert prior.weights[0] == 0.25
    with pytest.raises(ValueError, match="read-only"):
        prior.mu[0] = 1


def test_prior_shapes_and_units():
    prior = some_prior(K=2, J=3, L=5)
    assert (prior.K, prior.J, prior.L) == (2, 3, 5)
    np.testing.assert_allclose(prior.sigma, np.sqrt(prior.noise_variance[:, None] / prior.component_variance))


@pytest.mark.parametrize(
    ("index", "batch"),
    [(1, ()), (np.int64(2), ()), (np.array([[2, 0], [1, 1]]), (2, 2)), (np.s_[:, None], (3, 1)), (np.s_[:2], (2,))],
)
def test_prior_gaussian(index, batch):
    prior = some_prior(K=3, J=2, L=5)
    mu, e, sigma = prior.gaussian(index)
    assert (mu.shape, e.shape, sigma.shape) == ((*batch, 3, 5), (*batch, 2, 3, 5), (*batch, 2))
    k = np.arange(3)[index]
    for part, whole in ((mu, prior.mu), (e, prior.e), (sigma, prior.sigma)):
        np.testing.assert_array_equal(part, whole[k])


def test_prior_gaussian_can_not_be_written_to_and_must_exist():
    prior = some_prior(K=2)
    with pytest.raises(ValueError, match="read-only"):
        prior.gaussian(0).mu[0] = 1
    with pytest.raises(IndexError):
        prior.gaussian(2)


def test_prior_is_a_key_of_caches_by_identity():
    prior = some_prior()
    twin = dataclasses.replace(prior)
    assert {prior: "one", twin: "other"}[prior] == "one" and prior != twin


@pytest.mark.parametrize(
    ("field", "change", "got", "expected"),
    [
        ("mu", lambda x: x[:, :2], "shape (2, 2, 5)", "shape (2, 3, 5)"),
        ("mu", lambda x: x + 1e-3, "mean is up to 0.001", "centred"),
        ("mu", lambda x: np.where(x == x[0, 0, 0], np.nan, x), "1 NaN", "finite"),
        ("mu", lambda x: x > 0, "bool", "real floating-point"),
        ("e", lambda x: x[0], "shape (3, 3, 5)", "shape (K, J, 3, L)"),
        ("e", lambda x: x * 1.01, "0.0201 off", "orthonormal"),
        ("e", lambda x: x + 1e-3, "mean is up to 0.001", "centred"),
        ("sigma", lambda x: x[:, :2], "shape (2, 2)", "shape (2, 3)"),
        ("sigma", lambda x: 0 * x, "0", "> 0"),
        ("noise_variance", lambda x: -x, "-0.0", "> 0"),
        ("noise_variance", lambda x: x[:1], "shape (1,)", "shape (2,)"),
        ("weights", lambda x: 2 * x, "a sum of 2", "a sum of 1"),
        ("weights", lambda x: x * 0 + [0, 1], "0", "> 0"),
        ("landmarks", lambda x: ("hip", "hip"), "hip", "5 different names"),
    ],
)
def test_prior_bad_input(field, change, got, expected):
    prior = some_prior()
    with pytest.raises(ValueError) as error:
        dataclasses.replace(prior, **{field: change(getattr(prior, field))})
    assert str(error.value).startswith(f"{field}: got ")
    assert got in str(error.value).split(", expected ")[0]
    assert expected in str(error.value).split(", expected ")[1]


def test_prior_too_many_bases():
    with pytest.raises(ValueError, match="e: got 6 bases, expected at most 3L - 4 = 5"):
        some_prior(K=1, J=6, L=3)


def test_prior_subset_of_components():
    prior = some_prior(K=3)
    part = prior.subset(components=[2, 0])
    np.testing.assert_array_equal(part.mu, prior.mu[[2, 0]])
    np.testing.assert_allclose(part.weights, prior.weights[[2, 0]] / prior.weights[[2, 0]].sum())


def test_prior_subset_of_bases_keeps_the_variance():
    prior = some_prior()
    part = prior.subset(bases=1)
    for k in range(prior.K):
        assert np.trace(reduced(part, k)[1]) == pytest.approx(np.trace(reduced(prior, k)[1]))
        along = [p.component_variance[k, 0] + p.noise_variance[k] for p in (part, prior)]
        assert along[0] == pytest.approx(along[1])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"bases": 4}, "bases: got 4, expected at most the prior's 3"),
        ({"bases": 0}, "bases: got 0, expected a whole number >= 1"),
        ({"components": [2]}, "components: got 2, expected an index from 0 to 1"),
        ({"components": []}, r"components: got \[\], expected at least one"),
        ({"components": [1, 1]}, r"components: got \[1, 1\], expected .* once"),
    ],
)
def test_prior_bad_subset(arguments, message):
    with pytest.raises(ValueError, match=message):
        some_prior().subset(**arguments)


def test_prior_subset_of_bases_out_of_order():
    prior = some_prior()
    back_to_front = dataclasses.replace(prior, sigma=np.tile([30.0, 20.0, 0.01], (2, 1)))
    with pytest.raises(ValueError, match="bases: got 1, expected bases in order of falling variance"):
        back_to_front.subset(bases=1)


@settings(max_examples=20, deadline=None)
@given(K=st.integers(1, 3), J=st.integers(1, 4), L=st.integers(3, 6), seed=st.integers(0, 99))
def test_density_against_scipy_on_the_centred_space(K, J, L, seed):
    prior = some_prior(K, J, L, seed)
    poses = sample(prior, 6, np.random.default_rng(seed)).poses
    expected = np.zeros((6, K))
    for k in range(K):
        mean, C, axes = reduced(prior, k)
        expected[:, k] = scipy.stats.multivariate_normal(mean, C).logpdf(poses.reshape(6, -1) @ axes)
    np.testing.assert_allclose(log_density(prior, poses), expected, rtol=1e-9)
    mixture = scipy.special.logsumexp(expected, b=prior.weights, axis=1)
    np.testing.assert_allclose(log_likelihood(prior, poses), mixture, rtol=1e-9)


def test_density_where_the_pose_is_does_not_matter():
    prior = some_prior()
    pose = sample(prior, 1, np.random.default_rng(0)).poses
    np.testing.assert_allclose(log_likelihood(prior, pose + [[[5.0], [-3.0], [1.0]]]), log_likelihood(prior, pose))


def test_density_far_away_does_not_underflow():
    prior = some_prior()
    value = log_likelihood(prior, 1e3 * prior.mu[0])
    assert np.isfinite(value) and value < -1e6


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_density_torch_agrees_and_differentiates(dtype):
    prior = some_prior()
    poses = sample(prior, 4, np.random.default_rng(1)).poses.reshape(2, 2, 3, 5)
    tensor = torch.tensor(poses, dtype=dtype, requires_grad=True)
    value = log_likelihood(prior, tensor)
    assert value.dtype == dtype and value.shape == (2, 2)
    np.testing.assert_allclose(value.detach(), log_likelihood(prior, poses), rtol=1e-3)
    value.sum().backward()
    step = 1e-6 * np.random.default_rng(2).standard_normal(poses.shape)
    rise = log_likelihood(prior, poses + step).sum() - log_likelihood(prior, poses - step).sum()
    np.testing.assert_allclose((tensor.grad.numpy() * 2 * step).sum(), rise, rtol=1e-3)


def test_density_bad_poses():
    with pytest.raises(ValueError, match=r"poses: got shape \(2, 5\), expected shape \(\.\.\., 3, 5\)"):
        log_likelihood(some_prior(), np.zeros((2, 5)))


def test_posterior_against_bayes_with_full_matrices():
    prior = some_prior()
    pose = sample(prior, 1, np.random.default_rng(0)).poses[0]
    answer = posterior(prior, pose)
    for k in range(prior.K):
        e = prior.e[k].reshape(prior.J, -1)
        precision = e @ e.T / prior.noise_variance[k] + np.diag(1 / prior.component_variance[k])
        covariance = np.linalg.inv(precision)
        mean = covariance @ e @ (pose - prior.mu[k]).ravel() / prior.noise_variance[k]
        np.testing.assert_allclose(answer.mean[k], mean, rtol=1e-9)
        np.testing.assert_allclose(np.diag(answer.variance[k]), covariance, atol=1e-12)


def test_posterior_responsibilities_are_bayes_rule():
    prior = some_prior()
    poses = sample(prior, 5, np.random.default_rng(3)).poses
    density = log_density(prior, poses)
    joint = prior.weights * np.exp(density - density.max(axis=-1, keepdims=True))
    np.testing.assert_allclose(posterior(prior, poses).responsibilities, joint / joint.sum(-1, keepdims=True))


def test_posterior_torch_agrees():
    prior = some_prior()
    poses = sample(prior, 5, np.random.default_rng(3)).poses
    for ours, theirs in zip(posterior(prior, poses), posterior(prior, torch.tensor(poses)), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-12)


def test_sample_moments():
    prior = some_prior(K=1)
    poses = sample(prior, 200_000, np.random.default_rng(0), headings=[0.0]).poses
    mean, C, axes = reduced(prior, 0)
    flat = poses.reshape(len(poses), -1) @ axes
    np.testing.assert_allclose(flat.mean(axis=0), mean, atol=0.02)
    np.testing.assert_allclose(np.cov(flat.T), C, atol=0.02 * C.max())
    np.testing.assert_allclose(poses.mean(axis=-1), 0, atol=1e-12)


def test_sample_parts_make_the_poses():
    prior = some_prior()
    drawn = sample(prior, 50, np.random.default_rng(0), noise=False)
    for pose, k, a, theta in zip(*drawn, strict=True):
        np.testing.assert_allclose(pose, turn(prior.mu[k] + np.tensordot(a, prior.e[k], 1), theta), atol=1e-12)
    assert set(drawn.components) == {0, 1}


def test_sample_components_come_in_proportion():
    prior = some_prior()
    drawn = sample(prior, 20_000, np.random.default_rng(0))
    np.testing.assert_allclose(np.bincount(drawn.components) / 20_000, prior.weights, atol=0.02)
    assert drawn.theta.min() >= 0 and drawn.theta.max() < 2 * np.pi and np.std(drawn.theta) > 1.7


def test_sample_bad_input():
    with pytest.raises(ValueError, match="n: got 0, expected a whole number >= 1"):
        sample(some_prior(), 0, np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"headings: got shape \(0,\), expected"):
        sample(some_prior(), 1, np.random.default_rng(0), headings=[])


def test_facing_turned_mean_faces_the_viewer():
    prior = face_viewer(some_prior(K=3), left=[0, 1], right=[2, 3])
    line = prior.mu[:, :, [0, 1]].mean(-1) - prior.mu[:, :, [2, 3]].mean(-1)
    np.testing.assert_allclose(line[:, 2], 0, atol=1e-12)
    assert (line[:, 0] > 0).all()


def test_facing_any_pose_at_any_heading_is_as_likely_when_it_is_turned_along():
    prior = some_prior(K=1)
    theta = facing(prior.mu, [0], [1])
    pose = sample(prior, 3, np.random.default_rng(0)).poses
    turned = turn(pose, np.full(3, theta[0]))
    np.testing.assert_allclose(log_likelihood(face_viewer(prior, [0], [1]), turned), log_likelihood(prior, pose))


@pytest.mark.parametrize(
    ("left", "right", "message"),
    [
        ([], [1], r"left: got \[\], expected indices"),
        ([0], [9], r"right: got \[9\], expected indices of landmarks, from 0 to 4"),
        ([0], [0], "mu: got left and right landmarks above one another"),
    ],
)
def test_facing_bad_input(left, right, message):
    with pytest.raises(ValueError, match=message):
        facing(some_prior().mu, left, right)


@pytest.mark.parametrize("landmarks", [(), ("pelvis", "hip", "knee", "ankle", "toe")])
def test_files_round_trip(tmp_path, landmarks):
    prior = some_prior(landmarks=landmarks)
    save_prior(prior, tmp_path / "prior.npz")
    again = load_prior(tmp_path / "prior.npz")
    for field in dataclasses.fields(PosePrior):
        np.testing.assert_array_equal(getattr(again, field.name), getattr(prior, field.name))
    assert again.landmarks == landmarks


def test_files_a_file_that_holds_no_valid_prior(tmp_path):
    prior = some_prior()
    fields = {field.name: np.array(getattr(prior, field.name)) for field in dataclasses.fields(prior)}
    np.savez(tmp_path / "prior.npz", **{**fields, "sigma": -fields["sigma"]})
    with pytest.raises(ValueError, match="sigma: got .*expected numbers > 0"):
        load_prior(tmp_path / "prior.npz")
