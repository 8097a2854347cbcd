"""Learning the prior: each step against an independent route, and the whole against a model that is known."""

import dataclasses

import numpy as np
import pytest
import scipy.linalg
import scipy.optimize
from hypothesis import given, settings
from hypothesis import strategies as st

from lifting.camera import turn
from lifting.fitting.alignment import align_about_vertical, align_to_prior, start_by_factorisation
from lifting.fitting.fit_prior import fit_prior, grow_basis
from lifting.fitting.ppca import fit_ppca
from lifting.pose_prior import PosePrior, facing, log_density, sample

FINE = np.linspace(0, 2 * np.pi, 3601)[:-1]


def centred_axes(L):
    """Orthonormal columns (3L, 3L - 3) of the space of centred poses, from an SVD."""
    return np.kron(np.eye(3), np.linalg.svd(np.eye(L) - 1 / L)[0][:, : L - 1])


def known_prior(K=1, J=3, L=8, seed=0, noise=0.01, apart=1.0):
    """A prior with spreads of 20 to 60 mm about means that are well apart, and noise of 10 mm.

    Its bases are orthogonal to the direction in which the mean moves when it turns. What a basis does along that
    can't be told from turning, and no fit could recover it.
    """
    rng = np.random.default_rng(seed)
    axes = centred_axes(L)
    mu = (axes @ rng.standard_normal((3 * L - 3, K))).T.reshape(K, 3, L) * 0.4 * apart
    e = []
    for k in range(K):
        along = np.stack([mu[k, 2], 0 * mu[k, 1], -mu[k, 0]]).ravel()
        free = axes @ scipy.linalg.null_space(along[None] @ axes)
        e.append(np.linalg.qr(free @ rng.standard_normal((3 * L - 4, J)))[0].T.reshape(J, 3, L))
    spread = np.linspace(0.06, 0.02, J)
    weights = np.arange(K, 0, -1) / np.arange(K, 0, -1).sum()
    return PosePrior(mu, e, np.tile(noise / spread, (K, 1)), np.full(K, noise**2), weights)


def angle_between(one, other):
    return np.abs((one - other + np.pi) % (2 * np.pi) - np.pi)


def subspace_angle(e, other):
    """The largest principal angle between the spans of two sets of bases, in radians."""
    return scipy.linalg.subspace_angles(e.reshape(len(e), -1).T, other.reshape(len(other), -1).T).max()


# --- headings ----------------------------------------------------------------------------------------------------


@settings(max_examples=20, deadline=None)
@given(L=st.integers(2, 9), N=st.integers(1, 4), seed=st.integers(0, 999))
def test_alignment_agrees_with_a_fine_grid(L, N, seed):
    rng = np.random.default_rng(seed)
    mean, poses = rng.standard_normal((3, L)), rng.standard_normal((N, 3, L))
    turned = turn(np.broadcast_to(mean, (len(FINE), 3, L)), FINE)
    distances = np.square(poses[:, None] - turned).sum(axis=(-2, -1))
    theta = align_about_vertical(poses, mean)
    assert (angle_between(theta, FINE[distances.argmin(axis=1)]) <= FINE[1]).all()
    ours = np.square(poses - turn(np.broadcast_to(mean, poses.shape), theta)).sum(axis=(-2, -1))
    assert (ours <= distances.min(axis=1) + 1e-12).all()


def test_alignment_undoes_a_turn():
    mean = np.random.default_rng(0).standard_normal((3, 5))
    theta = np.array([0.0, 1.0, -2.0, 3.1])
    poses = turn(np.broadcast_to(mean, (4, 3, 5)), theta)
    np.testing.assert_allclose(align_about_vertical(poses, mean), theta, atol=1e-12)


@pytest.mark.parametrize("K", [1, 3])
def test_alignment_to_a_prior_is_the_most_probable_heading(K):
    prior = known_prior(K, noise=0.03, apart=0.3)
    poses = sample(prior, 40, np.random.default_rng(1)).poses
    theta = align_to_prior(poses, prior)
    at_all = np.stack([log_density(prior, turn(poses, np.full(40, -angle))) for angle in FINE])
    for k in range(K):
        ours = log_density(prior, turn(poses, -theta[:, k]))[:, k]
        assert (ours >= at_all[:, :, k].max(axis=0) - 1e-9).all()


def test_alignment_to_a_prior_is_never_worse_than_its_start():
    prior = known_prior(noise=0.03, apart=0.1)
    poses = sample(prior, 200, np.random.default_rng(1)).poses
    start = np.random.default_rng(2).uniform(0, 2 * np.pi, (200, 1))
    density = [log_density(prior, turn(poses, -theta[:, 0])) for theta in (start, align_to_prior(poses, prior, start))]
    assert (density[1] >= density[0]).all()
    best = align_to_prior(poses, prior)
    np.testing.assert_allclose(align_to_prior(poses, prior, best), best, atol=1e-9)


def test_factorisation_recovers_the_mean_and_the_headings_of_a_rigid_body():
    rng = np.random.default_rng(0)
    mean = rng.standard_normal((3, 6))
    mean -= mean.mean(axis=-1, keepdims=True)
    true = rng.uniform(0, 2 * np.pi, 30)
    mu, theta = start_by_factorisation(turn(np.broadcast_to(mean, (30, 3, 6)), true))
    offset = theta - true
    np.testing.assert_allclose(angle_between(offset, offset[0]), 0, atol=1e-9)
    np.testing.assert_allclose(turn(mu, offset[0]), mean, atol=1e-9)


@pytest.mark.parametrize("seed", range(10))
def test_factorisation_never_makes_a_mirror_image(seed):
    prior = known_prior(seed=seed)
    poses = sample(prior, 100, np.random.default_rng(seed)).poses
    mu, _ = start_by_factorisation(poses)

    def distance(one, other):
        return np.linalg.norm(one - turn(other, align_about_vertical(one[None], other)[0]))

    assert distance(mu, prior.mu[0]) < 0.1 * np.linalg.norm(prior.mu)
    assert distance(mu * [[1], [1], [-1]], prior.mu[0]) > 0.3 * np.linalg.norm(prior.mu)


# --- one Gaussian ------------------------------------------------------------------------------------------------


def test_ppca_agrees_with_maximising_the_likelihood_numerically():
    L, J = 4, 2
    prior = known_prior(J=J, L=L, noise=0.3)
    poses = 10 * sample(prior, 60, np.random.default_rng(0), headings=[0.0]).poses
    axes = centred_axes(L)
    points = poses.reshape(60, -1) @ axes
    D, d = points.shape[1], points - points.mean(axis=0)

    def loss(x):
        W, v = x[:-1].reshape(D, J), np.exp(x[-1])
        C = W @ W.T + v * np.eye(D)
        return 0.5 * (np.linalg.slogdet(C)[1] + np.trace(np.linalg.solve(C, d.T @ d / 60)) + D * np.log(2 * np.pi))

    starts = np.random.default_rng(1).standard_normal((3, D * J + 1))
    best = min((scipy.optimize.minimize(loss, start) for start in starts), key=lambda found: found.fun)
    fitted = fit_ppca(poses, J, noise_floor=1e-6)
    assert log_density(fitted, poses).mean() == pytest.approx(-best.fun, abs=1e-7)
    assert fitted.noise_variance[0] == pytest.approx(np.exp(best.x[-1]), rel=1e-3)
    numeric = (axes @ best.x[:-1].reshape(D, J)).T
    assert subspace_angle(fitted.e[0], numeric) < 1e-2


def test_ppca_is_unbiased_about_the_noise_of_centred_poses():
    prior = known_prior(J=2, L=4)
    poses = sample(prior, 50_000, np.random.default_rng(0), headings=[0.0]).poses
    fitted = fit_ppca(poses, 2)
    assert fitted.noise_variance[0] == pytest.approx(prior.noise_variance[0], rel=0.01)  # 3L - J would give 0.7 of it
    np.testing.assert_allclose(fitted.component_variance, prior.component_variance, rtol=0.03)


def test_ppca_frame_weights_count_as_repetition():
    poses = sample(known_prior(), 20, np.random.default_rng(0), headings=[0.0]).poses
    weights = np.arange(20)
    one, other = fit_ppca(poses, 2, frame_weights=weights), fit_ppca(np.repeat(poses, weights, axis=0), 2)
    for field in ("mu", "e", "sigma", "noise_variance"):
        np.testing.assert_allclose(getattr(one, field), getattr(other, field), atol=1e-9)


def test_ppca_with_a_floor_is_the_best_above_the_floor():
    poses = sample(known_prior(), 100, np.random.default_rng(0), headings=[0.0]).poses
    fitted = fit_ppca(poses, 3, noise_floor=0.03)
    assert fitted.noise_variance[0] == pytest.approx(0.03**2)
    best = log_density(fitted, poses).mean()
    for factor in (0.9, 1.1):
        changed = dataclasses.replace(fitted, sigma=fitted.sigma * factor)
        assert log_density(changed, poses).mean() < best
    noisier = dataclasses.replace(fitted, noise_variance=1.1 * fitted.noise_variance)
    assert log_density(noisier, poses).mean() < best


def test_ppca_of_fewer_bases_is_the_subset():
    poses = sample(known_prior(), 100, np.random.default_rng(0), headings=[0.0]).poses
    small, part = fit_ppca(poses, 1, noise_floor=1e-6), fit_ppca(poses, 3, noise_floor=1e-6).subset(bases=1)
    for field in ("mu", "e", "sigma", "noise_variance"):
        np.testing.assert_allclose(getattr(part, field), getattr(small, field), rtol=1e-9)


# --- growing -----------------------------------------------------------------------------------------------------


def test_growing_recovers_a_known_model_from_its_own_samples_at_random_headings():
    prior = known_prior()
    drawn = sample(prior, 2000, np.random.default_rng(0))
    grown = grow_basis(drawn.poses, 3)
    offset = np.angle(np.exp(1j * (grown.theta - drawn.theta)).mean())
    mu, e = turn(grown.prior.mu[0], offset), turn(grown.prior.e[0], np.full(3, offset))
    np.testing.assert_allclose(mu, prior.mu[0], atol=0.005)
    assert subspace_angle(e, prior.e[0]) < 0.15
    np.testing.assert_allclose(grown.prior.component_variance, prior.component_variance, rtol=0.15)
    assert grown.prior.noise_variance[0] == pytest.approx(prior.noise_variance[0], rel=0.1)
    assert np.median(angle_between(grown.theta - offset, drawn.theta)) < 0.01


def test_growing_never_lowers_the_log_likelihood():
    poses = sample(known_prior(J=5, noise=0.03), 300, np.random.default_rng(0)).poses
    grown = grow_basis(poses, 5)
    assert (np.diff(grown.log_likelihood) > -1e-9).all()
    assert sorted(set(grown.bases)) == [1, 2, 3, 4, 5]
    assert grown.log_likelihood[-1] == pytest.approx(log_density(grown.prior, turn(poses, -grown.theta)).mean())


@pytest.mark.parametrize("seed", range(3))
def test_growing_is_no_worse_than_all_bases_at_once_after_one_alignment(seed):
    poses = sample(known_prior(J=4, noise=0.02, apart=0.4, seed=seed), 300, np.random.default_rng(seed)).poses
    _, theta = start_by_factorisation(poses)
    turned = turn(poses, -theta)
    fixed = log_density(fit_ppca(turned, 4), turned).mean()
    assert grow_basis(poses, 4).log_likelihood[-1] >= fixed


def test_known_headings_lead_to_the_model_that_growing_finds():
    poses = sample(known_prior(J=5, noise=0.03), 300, np.random.default_rng(0)).poses
    grown = fit_prior(poses, 5)
    near = grown.theta + 0.02 * np.random.default_rng(1).standard_normal(300)
    again = fit_prior(poses, 5, start=near)
    assert set(again.growth_bases) == {5} and (np.diff(again.growth) > -1e-9).all()
    assert again.growth[-1] == pytest.approx(grown.growth[-1], abs=1e-3)


# --- the mixture -------------------------------------------------------------------------------------------------


def test_mixture_recovers_two_components_that_are_apart():
    prior = known_prior(K=2, seed=3)
    drawn = sample(prior, 600, np.random.default_rng(0))
    fitted = fit_prior(drawn.poses, 3, 2, shrinkage=1e-3, rounds=15)
    np.testing.assert_array_equal(fitted.component, drawn.components)  # both in order of falling weight
    np.testing.assert_allclose(fitted.prior.weights, np.bincount(drawn.components) / 600, atol=1e-3)
    for k in range(2):
        by = align_about_vertical(fitted.prior.mu[[k]], prior.mu[k])[0]
        np.testing.assert_allclose(turn(fitted.prior.mu[k], -by), prior.mu[k], atol=0.01)
        assert fitted.prior.noise_variance[k] == pytest.approx(prior.noise_variance[k], rel=0.1)
        assert subspace_angle(turn(fitted.prior.e[k], np.full(3, -by)), prior.e[k]) < 0.3
        of_k = drawn.components == k
        assert np.median(angle_between(fitted.theta[of_k] + by, drawn.theta[of_k])) < 0.02


@settings(max_examples=8, deadline=None)
@given(K=st.integers(2, 4), J=st.integers(1, 4), shrinkage=st.sampled_from([0.1, 10.0, 300.0]), seed=st.integers(0, 99))
def test_em_never_lowers_its_objective(K, J, shrinkage, seed):
    rng = np.random.default_rng(seed)
    poses = sample(known_prior(K=2, J=2, L=5, seed=seed, noise=0.03, apart=0.3), 80, rng).poses
    weights = rng.uniform(0.1, 2, 80)
    fitted = fit_prior(poses, J, K, frame_weights=weights, shrinkage=shrinkage, seed=seed, rounds=25)
    assert len(fitted.em) > 1 and (np.diff(fitted.em) > -1e-9).all()


def test_a_component_does_not_collapse_onto_a_few_poses():
    poses = sample(known_prior(), 60, np.random.default_rng(0)).poses
    poses = np.concatenate([poses, np.repeat(3 * poses[:1], 5, axis=0)])
    fitted = fit_prior(poses, 3, 4, noise_floor=0.002)
    assert np.isfinite(fitted.em).all()
    assert fitted.prior.noise_variance.min() >= 0.002**2 - 1e-15
    assert fitted.prior.weights.min() >= 10 / (65 + 4 * 10) - 1e-12


def test_the_same_seed_gives_the_same_prior():
    poses = sample(known_prior(K=2), 100, np.random.default_rng(0)).poses
    one, other = (fit_prior(poses, 2, 2, seed=5, rounds=5).prior for _ in range(2))
    for field in ("mu", "e", "sigma", "noise_variance", "weights"):
        np.testing.assert_array_equal(getattr(one, field), getattr(other, field))


@pytest.mark.parametrize("K", [1, 2])
def test_the_means_face_the_viewer_on_request_and_nothing_else_changes(K):
    poses = sample(known_prior(K=2), 100, np.random.default_rng(0)).poses
    plain, faced = fit_prior(poses, 2, K, rounds=5), fit_prior(poses, 2, K, rounds=5, left=[0, 1], right=[2, 3])
    np.testing.assert_allclose(facing(faced.prior.mu, [0, 1], [2, 3]), 0, atol=1e-12)
    at = [
        log_density(fitted.prior, turn(poses, -fitted.theta))[np.arange(100), fitted.component]
        for fitted in (plain, faced)
    ]
    np.testing.assert_allclose(at[0], at[1], rtol=1e-9)


def test_names_of_landmarks_are_kept():
    poses = sample(known_prior(L=3, J=2), 20, np.random.default_rng(0)).poses
    assert fit_prior(poses, 2, 2, landmarks=("a", "b", "c")).prior.landmarks == ("a", "b", "c")


# --- bad input ---------------------------------------------------------------------------------------------------

POSES = sample(known_prior(L=4), 10, np.random.default_rng(0)).poses


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"poses": POSES[0]}, r"poses: got shape \(3, 4\), expected shape \(N, 3, L\)"),
        ({"poses": POSES[:, :2]}, r"poses: got shape \(10, 2, 4\), expected shape"),
        ({"poses": POSES[:1]}, r"poses: got shape \(1, 3, 4\), expected .*N >= 2"),
        ({"poses": POSES * np.where(np.arange(4), 1, np.nan)}, "poses: got 30 NaN.*expected finite"),
        ({"poses": POSES * [[0], [1], [0]]}, "poses: got landmarks on one line.*expected poses with width"),
        ({"bases": 0}, "bases: got 0, expected a whole number >= 1"),
        ({"bases": 9}, "bases: got 9, expected at most 3L - 4 = 8"),
        ({"components": 0}, "components: got 0, expected a whole number >= 1"),
        ({"components": 11}, "components: got 11, expected at most the 10 poses"),
        ({"poses": np.repeat(POSES[:2], 5, axis=0), "components": 3}, "components: got 3, expected at most .* 2"),
        ({"frame_weights": np.ones(9)}, r"frame_weights: got shape \(9,\), expected shape \(10,\)"),
        ({"frame_weights": -np.ones(10)}, "frame_weights: got weights from -1 to -1, expected weights >= 0"),
        ({"frame_weights": np.zeros(10)}, "frame_weights: got weights from 0 to 0, expected weights >= 0, not all 0"),
        ({"noise_floor": 0.0}, "noise_floor: got 0.0, expected a finite number > 0"),
        ({"shrinkage": -1.0}, "shrinkage: got -1.0, expected a finite number > 0"),
        ({"rounds": 0}, "rounds: got 0, expected a whole number >= 1"),
        ({"tolerance": 0.0}, "tolerance: got 0.0, expected a finite number > 0"),
        ({"left": [0], "right": [7]}, r"right: got \[7\], expected indices of landmarks"),
        ({"start": np.zeros(9)}, r"start: got shape \(9,\), expected shape \(10,\): a heading for each pose"),
        ({"landmarks": ("a",)}, "landmarks: got .*expected 4 different names"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        fit_prior(**{"poses": POSES, "bases": 2, **arguments})


def test_an_option_that_does_not_exist():
    with pytest.raises(TypeError, match="noise_flor"):
        fit_prior(POSES, 2, noise_flor=0.1)


def test_bad_mean():
    with pytest.raises(ValueError, match=r"mean: got shape \(3, 5\), expected shape \(3, 4\)"):
        align_about_vertical(POSES, np.zeros((3, 5)))
