"""Equations (2) to (6) against other solvers: least squares, a general optimiser, autograd, Gaussian densities."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import null_space
from scipy.optimize import minimize
from scipy.stats import multivariate_normal

from lifting.camera import rotation_angles, tilted_camera
from lifting.pose_prior import Gaussian, PosePrior, sample
from lifting.solve import (
    centre,
    coefficients,
    cost,
    free_scale,
    log_determinant,
    mixture_score,
    projected_model,
    pseudo_inverse,
    search,
    solve_at,
    stack_ridge,
    truncated_pseudo_inverse,
    unwrap,
    weighted_mean,
    wrap,
)
from lifting.support.arrays import to_numpy, trusted
from tests.priors import random_masks, random_prior
from tests.refusals import refuses

BACKENDS = {"numpy": np.asarray, "torch": torch.tensor}
PI = np.array([[1.0, 0, 0], [0, 1, 0]])
CAMERA = tilted_camera(0.25)
pytestmark = pytest.mark.usefixtures("one_thread")
seeds = st.integers(0, 999)
few = settings(max_examples=25)


def frame(prior, seed=0, n=None):
    """Centred landmarks (2, L) of a random pose, or n of them."""
    Y = sample(prior, n or 1, np.random.default_rng(seed)).poses[:, :2]
    return Y if n else Y[0]


def written_out(prior, k, theta, camera=None):
    """Return p and E, one basis and one landmark at a time: all x, then all y."""
    C = np.eye(3) if camera is None else camera
    c, s = math.cos(theta), math.sin(theta)
    PiR = PI @ C @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    p, E = np.zeros(2 * prior.L), np.zeros((2 * prior.L, prior.J))
    for row in range(2):
        for i in range(prior.L):
            p[row * prior.L + i] = PiR[row] @ prior.mu[k, :, i]
            for j in range(prior.J):
                E[row * prior.L + i, j] = PiR[row] @ prior.e[k, j, :, i]
    return p, E


def parts(seed=0, **kwargs):
    """y, p, E, sigma of one frame at one angle."""
    prior = random_prior(seed, **kwargs)
    p, E = written_out(prior, 0, 0.1 * seed)
    return frame(prior, seed).ravel(), p, E, prior.sigma[0]


# Unwrapping and centring


@given(batch=st.sampled_from([(), (0,), (2,), (2, 3)]), L=st.integers(1, 4), backend=st.sampled_from(sorted(BACKENDS)))
def test_unwrap_is_all_x_then_all_y_and_wrap_undoes_it(batch, L, backend):
    Y = np.random.default_rng(0).normal(size=(*batch, 2, L))
    y = unwrap(BACKENDS[backend](Y))
    np.testing.assert_array_equal(to_numpy(y), np.concatenate([Y[..., 0, :], Y[..., 1, :]], axis=-1))
    np.testing.assert_array_equal(to_numpy(wrap(y)), Y)


@given(seed=seeds, backend=st.sampled_from(sorted(BACKENDS)), d=st.sampled_from([1, 2, 3]))
def test_centre_is_the_projector_onto_what_is_seen_and_centred(seed, backend, d):
    rng, as_given = np.random.default_rng(seed), BACKENDS[backend]
    Y, visible = rng.normal(size=(3, d, 6)), random_masks(rng, 3, 6, least=1)
    centred = to_numpy(centre(as_given(Y), as_given(visible)))
    for n, mask in enumerate(visible):
        ones = mask.astype(float)
        np.testing.assert_allclose(centred[n], Y[n] @ (np.diag(ones) - np.outer(ones, ones) / ones.sum()), atol=1e-14)
    np.testing.assert_allclose(to_numpy(centre(as_given(Y))), Y - Y.mean(axis=-1, keepdims=True), atol=1e-15)
    np.testing.assert_allclose(to_numpy(centre(as_given(centred), as_given(visible))), centred, atol=1e-15)


def test_centre_ignores_what_is_not_seen():
    Y, visible = np.array([[1.0, 3.0, np.nan], [0.0, 2.0, np.inf]]), [True, True, False]
    for result in (centre(Y, visible), centre(torch.tensor(Y), torch.tensor(visible)), centre(Y.tolist(), visible)):
        np.testing.assert_array_equal(to_numpy(result), [[-1, 1, 0], [-1, 1, 0]])


# The pieces of (4) to (6)


@few
@given(seed=seeds, theta=st.floats(-7, 7), tilted=st.booleans())
def test_p_and_E_written_out(seed, theta, tilted):
    prior, camera = random_prior(seed), CAMERA if tilted else None
    p, E = projected_model(prior.mu[0], prior.e[0], theta, camera=camera)
    p_loop, E_loop = written_out(prior, 0, theta, camera)
    np.testing.assert_allclose(p, p_loop, atol=1e-14)
    np.testing.assert_allclose(E, E_loop, atol=1e-14)


def test_p_and_E_of_what_is_seen_are_centred_over_it():
    prior, visible = random_prior(), np.array([True, False, True, True, True, False])
    p, E = projected_model(prior.mu[0], prior.e[0], 0.4, weights=visible)
    p_all, E_all = written_out(prior, 0, 0.4)
    np.testing.assert_allclose(wrap(p), centre(wrap(p_all), visible), atol=1e-15)
    np.testing.assert_allclose(wrap(E.T), centre(wrap(E_all.T), visible), atol=1e-15)


@few
@given(seed=seeds, backend=st.sampled_from(sorted(BACKENDS)))
def test_E_bar_and_its_pseudo_inverse(seed, backend):
    _, _, E, sigma = parts(seed)
    E_bar = stack_ridge(BACKENDS[backend](E), BACKENDS[backend](sigma))
    np.testing.assert_array_equal(to_numpy(E_bar), np.vstack([E, np.diag(sigma)]))
    dagger = to_numpy(pseudo_inverse(E_bar))
    E_bar = to_numpy(E_bar)
    np.testing.assert_allclose(dagger @ E_bar, np.eye(len(sigma)), atol=1e-12)  # full column rank: a left inverse
    np.testing.assert_allclose(E_bar @ dagger, (E_bar @ dagger).T, atol=1e-12)
    E_bar_t = to_numpy(truncated_pseudo_inverse(BACKENDS[backend](E), BACKENDS[backend](sigma)))
    np.testing.assert_allclose(E_bar_t, np.linalg.pinv(E_bar)[:, : len(E)], atol=1e-11)


def test_a_camera_that_sees_nothing_of_a_basis_still_has_a_solution():
    prior = random_prior(L=5, J=1)
    e = np.zeros((1, 3, 5))
    e[0, 2] = prior.mu[0, 2] / np.linalg.norm(prior.mu[0, 2])  # depth only: at theta = 0 its column of E is 0
    p, E = projected_model(prior.mu[0], e, 0.0)
    assert np.all(E == 0)
    a = coefficients(p + 0.1, p, pseudo_inverse(stack_ridge(E, np.array([0.3]))))
    np.testing.assert_allclose(a, [0], atol=1e-15)


@few
@given(seed=seeds)
def test_a_minimises_equation_5_by_three_other_routes(seed):
    y, p, E, sigma = parts(seed)
    a = coefficients(y, p, pseudo_inverse(stack_ridge(E, sigma)))
    stacked = np.linalg.lstsq(np.vstack([E, np.diag(sigma)]), np.concatenate([y - p, 0 * sigma]), rcond=None)[0]
    np.testing.assert_allclose(a, stacked, atol=1e-12)
    np.testing.assert_allclose(a, truncated_pseudo_inverse(E, sigma) @ (y - p), atol=1e-12)

    def equation_2(a):
        return sum((y - p - E @ a) ** 2) + sum((sigma * a) ** 2)

    found = minimize(equation_2, np.zeros_like(a), method="BFGS", options={"gtol": 1e-9})
    np.testing.assert_allclose(a, found.x, atol=1e-5)
    assert cost(y, p, E, sigma, a) <= found.fun + 1e-14
    assert math.isclose(cost(y, p, E, sigma, a), equation_2(a), rel_tol=1e-12)


# log det and the densities


@few
@given(seed=seeds, v=st.floats(1e-6, 1e3), backend=st.sampled_from(sorted(BACKENDS)))
def test_log_determinant_is_that_of_the_whole_covariance(seed, v, backend):
    y, p, E, sigma = parts(seed)
    covariance = E @ np.diag(v / sigma**2) @ E.T + v * np.eye(len(E))
    log_det = to_numpy(log_determinant(BACKENDS[backend](E), BACKENDS[backend](sigma), v, len(E) / 2))
    np.testing.assert_allclose(log_det, np.linalg.slogdet(covariance)[1], atol=1e-8)
    a = coefficients(y, p, pseudo_inverse(stack_ridge(E, sigma)))
    density = -0.5 * (cost(y, p, E, sigma, a) / v + log_det + len(y) * math.log(2 * math.pi))
    np.testing.assert_allclose(density, multivariate_normal(p, covariance).logpdf(y), rtol=1e-9)


@few
@given(seed=seeds, v=st.floats(1e-4, 1.0), s=st.floats(0.2, 300.0))
def test_the_score_has_the_place_put_in_at_its_best_and_not_averaged_out(seed, v, s):
    """Of landmarks anywhere in the image; averaged over places, two directions fewer: 2 n - 2 and 4 (n - 1) log s."""
    y, p, E, sigma = parts(seed)
    n = len(y) // 2
    places = np.kron(np.eye(2), np.ones((n, 1)))
    Y, covariance = s * y + places @ [30.0, -7.0], s**2 * (E @ np.diag(v / sigma**2) @ E.T + v * np.eye(2 * n))
    inverse = np.linalg.inv(covariance)
    best = np.linalg.solve(places.T @ inverse @ places, places.T @ inverse @ (Y - s * p))
    least = s**2 * cost(y, p, E, sigma, coefficients(y, p, pseudo_inverse(stack_ridge(E, sigma))))
    score = mixture_score(least, v, log_determinant(E, sigma, v, n), 0.3, s, n)
    at_best = -2 * (multivariate_normal(s * p + places @ best, covariance).logpdf(Y) + np.log(0.3))
    np.testing.assert_allclose(score + 2 * n * math.log(2 * math.pi), at_best, rtol=1e-8, atol=1e-6)
    rest = null_space(places.T)
    averaged = -2 * (multivariate_normal(s * rest.T @ p, rest.T @ covariance @ rest).logpdf(rest.T @ Y) + np.log(0.3))
    fewer = score - 2 * math.log(v) - 4 * math.log(s)
    np.testing.assert_allclose(fewer + (2 * n - 2) * math.log(2 * math.pi), averaged, rtol=1e-8, atol=1e-6)


# solve_at and its variants


@few
@given(seed=seeds, tilted=st.booleans(), masked=st.booleans(), scale=st.sampled_from([1.0, 0.1, 300.0]))
def test_fixed_scale_is_least_squares_on_the_visible_rows(seed, tilted, masked, scale):
    rng, prior = np.random.default_rng(seed), random_prior(seed)
    visible = random_masks(rng, 1, prior.L)[0] if masked else None
    camera, theta = CAMERA if tilted else None, rng.uniform(0, 6)
    seen = np.ones(prior.L, bool) if visible is None else visible
    rows = np.flatnonzero(np.tile(seen, 2))
    Y = centre(scale * frame(prior, seed), seen)
    p, E = written_out(prior, 0, theta, camera)
    p, E = centre(wrap(p), seen).ravel()[rows], centre(wrap(E.T), seen).reshape(prior.J, -1).T[rows]
    A = np.vstack([E, np.diag(prior.sigma[0])])
    want, *_ = np.linalg.lstsq(A, np.concatenate([Y.ravel()[rows] / scale - p, np.zeros(prior.J)]), rcond=None)
    solution = solve_at(Y, prior.gaussian(0), theta, scale=scale, weights=visible, camera=camera)
    np.testing.assert_allclose(solution.a, want, atol=1e-11)
    residual = Y.ravel()[rows] - scale * (p + E @ want)
    want_cost = sum(residual**2) + sum((scale * prior.sigma[0] * want) ** 2)
    np.testing.assert_allclose(solution.cost, want_cost, rtol=1e-9)
    assert solution.scale == scale


@few
@given(seed=seeds, free=st.booleans())
def test_weights_are_those_of_weighted_least_squares(seed, free):
    """...with the translation as two unknowns more, and nothing centred."""
    rng, prior = np.random.default_rng(seed), random_prior(seed)
    w, Y, theta = rng.uniform(0, 3, prior.L) * (rng.random(prior.L) < 0.9), frame(prior, seed) + 5.0, rng.uniform(0, 6)
    w[:4] += 0.5
    p, E = written_out(prior, 0, theta)
    shift, ridge = np.kron(np.eye(2), np.ones((prior.L, 1))), np.diag(prior.sigma[0])
    design = np.column_stack([p, E, shift]) if free else np.column_stack([E, shift])
    penalty = np.zeros((prior.J, design.shape[1]))
    penalty[:, free : prior.J + free] = ridge
    root = np.sqrt(np.tile(w, 2))
    y = Y.ravel() if free else Y.ravel() - p
    want, *_ = np.linalg.lstsq(np.vstack([root[:, None] * design, penalty]),
                               np.concatenate([root * y, np.zeros(prior.J)]), rcond=None)  # fmt: skip
    solution = solve_at(centre(Y, w), prior.gaussian(0), theta, scale=None if free else 1.0, weights=w)
    b = solution.scale * solution.a
    np.testing.assert_allclose(b, want[free : prior.J + free], rtol=1e-7, atol=1e-9)
    residual = root * (y - design @ want)
    np.testing.assert_allclose(solution.cost, sum(residual**2) + sum((prior.sigma[0] * b) ** 2), rtol=1e-8)


def test_free_scale_is_the_design_of_the_text():
    _, p, E, sigma = parts()
    D, ridge = free_scale(p, E, sigma)
    np.testing.assert_array_equal(D, np.column_stack([p, E]))
    np.testing.assert_array_equal(ridge, [0, *sigma])


def test_scales_per_frame():
    prior = random_prior()
    Y, scale = frame(prior, n=4), np.array([1.0, 2.0, 0.5, 30.0])
    together = solve_at(Y, prior.gaussian(0), 0.3, scale=scale)
    for n in range(4):
        alone = solve_at(Y[n], prior.gaussian(0), 0.3, scale=float(scale[n]))
        for got, want in zip(together, alone, strict=True):
            np.testing.assert_allclose(got[n], want, rtol=1e-12)


@settings(max_examples=15)
@given(backend=st.sampled_from(sorted(BACKENDS)), dtype=st.sampled_from([np.float32, np.float64]),
       batch=st.sampled_from([(), (0,), (3,), (2, 2)]), scale=st.sampled_from([1.0, 2.0, None]))  # fmt: skip
def test_solve_at_keeps_library_dtype_and_batch(backend, dtype, batch, scale):
    prior, as_given = random_prior(), BACKENDS[backend]
    model = Gaussian(*(as_given(value.astype(dtype)) for value in prior.gaussian(0)))
    Y = frame(prior, n=math.prod(batch) + 1)[1:].reshape(*batch, 2, prior.L)
    solution = solve_at(as_given(Y.astype(dtype)), model, 0.5, scale=scale)
    want = solve_at(Y, prior.gaussian(0), 0.5, scale=scale)
    for field, got, exact in zip(solution._fields, solution, want, strict=True):
        assert got.dtype == model[0].dtype, field
        assert tuple(got.shape) == (*batch, prior.J)[: len(batch) + (field == "a")]
        np.testing.assert_allclose(to_numpy(got), exact, rtol=2e-3 if dtype == np.float32 else 1e-10, atol=1e-4)


# search


def by_density(Y, prior, theta, scale=1.0, times=None, camera=None):
    """The winner of one frame by SciPy's densities: each component at its own angle of least cost, all written out.

    A landmark stands there as many times as `times` says, 0 where it is hidden.
    """
    index, best = np.repeat(np.arange(prior.L), 1 if times is None else times), []

    def there(points):
        points = points[..., index]
        return (points - points.mean(axis=-1, keepdims=True)).reshape(*points.shape[:-2], -1)

    y = there(Y)
    for k in range(prior.K):
        sigma, v, choices = prior.sigma[k], prior.noise_variance[k], []
        for t, angle in enumerate(theta):
            p, E = written_out(prior, k, angle, camera)
            p, E = there(p.reshape(2, -1)), there(E.T.reshape(prior.J, 2, -1)).T
            if scale is None:
                A = np.block([[p[:, None], E], [np.zeros((prior.J, 1)), np.diag(sigma)]])
                x, *_ = np.linalg.lstsq(A, np.concatenate([y, np.zeros(prior.J)]), rcond=None)
                s, b = x[0], x[1:]
            else:
                A = np.vstack([E, np.diag(sigma)])
                s = scale
                b, *_ = np.linalg.lstsq(A, np.concatenate([y - s * p, np.zeros(prior.J)]), rcond=None)
            if s > 0:
                choices.append((sum((y - s * p - E @ b) ** 2) + sum((sigma * b) ** 2), t, s, p, E))
        if not choices:
            continue
        least, t, s, p, E = min(choices, key=lambda choice: choice[:2])
        covariance = s**2 * (E @ np.diag(v / sigma**2) @ E.T + v * np.eye(len(y)))
        density = multivariate_normal(s * p, covariance).logpdf(y) + math.log(prior.weights[k])
        best.append((-density, k, t, least))
    return min(best)


@pytest.mark.parametrize("scale", [1.0, 40.0, None])
@pytest.mark.parametrize("counted", ["alike", "masked", "weighted"])
@pytest.mark.parametrize("camera", [None, CAMERA])
def test_the_winner_is_the_most_probable(scale, counted, camera):
    """...among densities of the landmarks, each as often as its weight says: a weight of 2 is a landmark seen twice."""
    prior, theta, rng = random_prior(3, K=3), rotation_angles(12), np.random.default_rng(1)
    Y = (scale or 7.0) * sample(prior, 12, rng).poses[:, :2] * [[[1.0]], [[3.0]]][0]
    Y += rng.normal(size=Y.shape) * 0.2 * (scale or 7.0)
    masks, often = random_masks(rng, 12, prior.L, least=5), rng.integers(1, 4, (12, prior.L))
    times = {"alike": None, "masked": masks, "weighted": often}[counted]
    for as_given in BACKENDS.values():
        weights = None if times is None else as_given(times if counted == "masked" else times.astype(float))
        winner = search(centre(as_given(Y), weights), prior, theta, scale=scale, camera=camera, weights=weights)
        component, angle, least, score = (to_numpy(field) for field in winner)
        for n in range(12):
            own = None if times is None else times[n].astype(int)
            negative, k, t, want = by_density(Y[n], prior, theta, scale, own, camera)
            assert (component[n], angle[n]) == (k, t)
            np.testing.assert_allclose(least[n], want, rtol=1e-8)
            count = 2 * (prior.L if own is None else own.sum())
            np.testing.assert_allclose(score[n], 2 * negative - count * math.log(2 * math.pi), rtol=1e-8)
    assert len(set(component.tolist())) > 1 and len(set(angle.tolist())) > 4


def test_ties_go_to_the_lowest_index():
    one = random_prior(0, K=1)
    twice = PosePrior(*(np.concatenate([value, value]) for value in (one.mu, one.e, one.sigma, one.noise_variance)),
                      np.array([0.5, 0.5]))  # fmt: skip
    winner = search(frame(one, n=20), twice, np.repeat(rotation_angles(8), 2))
    assert np.all(winner.component == 0) and np.all(winner.angle % 2 == 0)


def test_a_person_upside_down_is_refused():
    prior = random_prior(size=0.5, sigma=(50, 60))
    mu = prior.mu.copy()
    mu[:, 1] = np.linspace(-2, 2, prior.L)
    prior = PosePrior(mu, prior.e, prior.sigma, prior.noise_variance, prior.weights)
    search(mu[0, :2], prior, rotation_angles(8), scale=None)
    upright, upside_down = mu[0, :2], mu[0, :2] * [[1], [-1]]
    for wrong in (upside_down, np.stack([upright, upside_down])):
        with refuses("Y: got a frame that no rotation fits with a positive scale, expected a person who is not"):
            search(wrong, prior, rotation_angles(8), scale=None)


def test_single_precision_stays_single_where_landmarks_are_missing():
    prior = random_prior()
    Y, visible = frame(prior).astype(np.float32), np.arange(prior.L) != 2
    assert centre(Y, visible).dtype == np.float32
    found = search(Y, prior, np.float32(rotation_angles(8)), weights=visible)
    assert found.cost.dtype == found.score.dtype == np.float32


def test_coefficients_stay_on_their_device():
    y, E_bar_dagger = torch.zeros(12, device="meta"), torch.zeros(3, 15, device="meta")
    with trusted():
        assert coefficients(y, y, E_bar_dagger).device.type == "meta"


# Bad input

PRIOR = random_prior()
Y0, Y1, MU, BASES, SIGMA = frame(PRIOR), np.ones(12), PRIOR.mu[0], PRIOR.e[0], PRIOR.sigma[0]
E0, MODEL = np.ones((12, 3)), PRIOR.gaussian(0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: unwrap(np.ones((3, 6))), "Y: got shape (3, 6), expected shape (..., 2, L)"),
        (lambda: unwrap("Y"), "Y: got str of dtype <U1, expected"),
        (lambda: unwrap(Y0 * np.nan), "Y: got 12 NaN or infinite of 12 values, expected finite numbers"),
        (lambda: wrap(np.ones(5)), "y: got shape (5,), expected shape (..., 2*L)"),
        (lambda: wrap(1.0), "y: got shape (), expected shape (..., 2*L)"),
        (lambda: centre([1.0, 2.0]), "Y: got shape (2,), expected shape (..., d, L)"),
        (lambda: centre([1.0, 2.0], [True, True]), "Y: got shape (2,), expected shape (..., d, L)"),
        (lambda: centre("Y", np.ones(6, bool)), "Y: got str of dtype <U1, expected"),
        (lambda: centre(Y0, np.ones(5, bool)), "weights: got shape (5,), expected shape (..., 6)"),
        (lambda: centre(Y0, -np.ones(6)), "weights: got -1.0, expected numbers >= 0"),
        (lambda: centre(torch.tensor(Y0), torch.full((6,), math.nan)), "weights: got 6 NaN or infinite of 6 values"),
        (lambda: centre(Y0, ["yes"] * 6), "weights: got list of dtype <U3, expected"),
        (lambda: centre(Y0, np.zeros(6, bool)),
         "weights: got a frame that shows no landmark, expected a weight > 0, or a visible one, in every frame"),
        (lambda: weighted_mean(Y0, np.zeros(6)), "weights: got a frame that shows no landmark, expected"),
        (lambda: centre(Y0 * np.nan, np.ones(6, bool)), "Y: got 12 NaN or infinite of 12 values, expected finite"),
        (lambda: projected_model(Y0, BASES, 0.0), "mu: got shape (2, 6), expected shape (..., 3, 6)"),
        (lambda: projected_model(MU, BASES[..., :5], 0.0), "mu: got shape (3, 6), expected shape (..., 3, 5)"),
        (lambda: projected_model(MU, BASES, np.nan), "theta: got 1 NaN or infinite of 1 values, expected finite"),
        (lambda: projected_model(MU, BASES, "north"), "theta: got str of dtype <U5, expected"),
        (lambda: projected_model(MU, BASES, 0.0, camera=-np.eye(3)), "camera: got a matrix with |C C^T - I| up to 0"),
        (lambda: stack_ridge(np.ones(12), SIGMA), "E: got shape (12,), expected shape (..., 2*L, J)"),
        (lambda: stack_ridge(E0, np.ones(4)), "sigma: got shape (4,), expected shape (..., 3)"),
        (lambda: stack_ridge(E0, np.array([1, -0.5, 1])), "sigma: got -0.5, expected numbers >= 0"),
        (lambda: truncated_pseudo_inverse(E0, -SIGMA), f"sigma: got {-SIGMA.max()}, expected numbers >= 0"),
        (lambda: pseudo_inverse(np.ones(3)), "E_bar: got shape (3,), expected shape (..., 2*L+J, J)"),
        (lambda: pseudo_inverse(np.full((4, 2), np.inf)), "E_bar: got 8 NaN or infinite of 8 values, expected finite"),
        (lambda: coefficients(np.ones(11), Y1, np.ones((3, 15))), "y: got shape (11,), expected shape (..., 12)"),
        (lambda: coefficients(Y1, np.ones(11), np.ones((3, 15))), "p: got shape (11,), expected shape (..., 12)"),
        (lambda: coefficients(Y1, Y1, np.ones(15)), "E_bar_dagger: got shape (15,), expected shape (..., J, 2*L+J)"),
        (lambda: cost(np.ones(11), Y1, E0, SIGMA, SIGMA), "y: got shape (11,), expected shape (..., 12)"),
        (lambda: cost(Y1, np.ones(11), E0, SIGMA, SIGMA), "p: got shape (11,), expected shape (..., 12)"),
        (lambda: cost(Y1, Y1, E0[0], SIGMA, SIGMA), "E: got shape (3,), expected shape (..., 2*L, J)"),
        (lambda: cost(Y1, Y1, E0, SIGMA[:2], SIGMA), "sigma: got shape (2,), expected shape (..., 3)"),
        (lambda: cost(Y1, Y1, E0, SIGMA, SIGMA[:2]), "a: got shape (2,), expected shape (..., 3)"),
        (lambda: free_scale(Y1[:3], E0, SIGMA), "p: got shape (3,), expected shape (..., 12)"),
        (lambda: free_scale(Y1, Y1, SIGMA), "E: got shape (12,), expected shape (..., 2*L, J)"),
        (lambda: free_scale(Y1, E0, SIGMA[:1]), "sigma: got shape (1,), expected shape (..., 3)"),
        (lambda: log_determinant(E0, 0 * SIGMA, 1.0, 6.0), "sigma: got 0.0, expected numbers > 0"),
        (lambda: log_determinant(E0, SIGMA[:2], 1.0, 6.0), "sigma: got shape (2,), expected shape (..., 3)"),
        (lambda: log_determinant(E0, SIGMA, 0.0, 6.0), "noise_variance: got 0.0, expected numbers > 0"),
        (lambda: log_determinant(E0[0], SIGMA, 1.0, 6.0), "E: got shape (3,), expected shape (..., 2*L, J)"),
        (lambda: solve_at(Y0[:, :5], MODEL, 0.0), "Y: got shape (2, 5), expected shape (..., 2, 6)"),
        (lambda: solve_at(Y0, MODEL._replace(mu=MU[:2]), 0.0), "mu: got shape (2, 6), expected shape (..., 3, 6)"),
        (lambda: solve_at(Y0, tuple(MODEL)[:2], 0.0), "gaussian: got tuple, expected a tuple of mu, e, sigma"),
        (lambda: solve_at(Y0, MODEL._replace(sigma=SIGMA[:2]), 0.0), "sigma: got shape (2,), expected shape (..., 3)"),
        (lambda: solve_at(Y0, MODEL, 0.0, scale=-1.0), "scale: got -1.0, expected numbers > 0"),
        (lambda: solve_at(Y0, MODEL, 0.0, scale="big"), "scale: got str of dtype <U3, expected"),
        (lambda: solve_at(Y0, MODEL, np.inf), "theta: got 1 NaN or infinite of 1 values, expected finite"),
        (lambda: solve_at(Y0, MODEL._replace(sigma=-SIGMA), 0.0), f"sigma: got {-SIGMA.max()}, expected numbers >= 0"),
        (lambda: search(Y0[:, :5], PRIOR, [0.0]), "Y: got shape (2, 5), expected shape (..., 2, 6)"),
        (lambda: search(Y0, PRIOR, []), "theta: got shape (0,), expected shape (T,)"),
        (lambda: search(Y0, PRIOR, ["north"]), "theta: got list of dtype <U5, expected"),
        (lambda: search(Y0, PRIOR, [0.0], scale=0.0), "scale: got 0.0, expected a finite number > 0"),
        (lambda: search(Y0, MU, [0.0]), "prior: got ndarray, expected a PosePrior"),
        (lambda: search(Y0, PRIOR, [0.0], camera=np.ones((3, 3))), "camera: got a matrix with |C C^T - I| up to 3"),
    ],
)  # fmt: skip
def test_bad_input(call, message):
    with refuses(message):
        call()
