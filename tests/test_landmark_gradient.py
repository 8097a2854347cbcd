"""Equations (3), (4), (7) and (8) against autograd, differences, complex steps, and differences of `lift` itself.

The routes that (8) is held against know nothing of centring, of E_bar_t or of masks: `plainly` solves for the
translation as one more unknown, from the rows that are seen, in the coordinates of the image.
"""

import functools
import math
from typing import NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lifting import Lifted, PosePrior, landmark_jacobian, lift, load_prior
from lifting.camera import rotation, rotation_angles, tilted_camera
from lifting.datasets.motion_capture import load_motion_capture
from lifting.landmark_gradient import (
    centring,
    coefficients_to_landmarks,
    jacobian,
    landmark_model,
    landmarks_to_coefficients,
    pull_back,
    push_forward,
)
from lifting.pose_prior import Gaussian, sample
from lifting.solve import free_scale, projected_model, stack_ridge, truncated_pseudo_inverse, unwrap
from lifting.support.arrays import to_numpy, trusted
from tests import refusals
from tests.priors import random_masks, random_prior

BACKENDS = {"numpy": np.asarray, "torch": torch.tensor}
CAMERA = tilted_camera(0.25)
PRIOR = random_prior(1, K=2, J=3, L=6)
TIGHT = 1e-12
"""For derivatives that are exact but for rounding; their entries are of order one."""
ROUNDED = 1e-9
"""For differences of what is linear, which lose the digits that y and y +- h share."""

pytestmark = pytest.mark.usefixtures("one_thread")
backends = st.sampled_from(sorted(BACKENDS))
few = settings(max_examples=25)

refuses = functools.partial(refusals.refuses, whole=True)


def derivative(f, x):
    """Of f at the vector x, by autograd."""
    return torch.autograd.functional.jacobian(f, torch.tensor(x)).numpy()


def complex_step(f, x, h=1e-20):
    return np.stack([f(x + 1j * h * row).imag / h for row in np.eye(len(x))], axis=-1)


def central_difference(f, x, h=1e-3):
    """Where f is linear any h will do, and a large one rounds least."""
    return np.stack([(f(x + h * row) - f(x - h * row)) / (2 * h) for row in np.eye(len(x))], axis=-1)


# Plain formulas, one frame at a time


def turned(theta, camera):
    """Pi camera R(theta), (2, 3), entry by entry."""
    c, s = math.cos(theta), math.sin(theta)
    return (camera @ [[c, 0, s], [0, 1, 0], [-s, 0, c]])[:2]


class Frame(NamedTuple):
    """One frame that was lifted, in the coordinates of the image: all that a plain formula needs."""

    y: np.ndarray
    p: np.ndarray
    E: np.ndarray
    sigma: np.ndarray
    scale: float | None
    seen: np.ndarray

    @property
    def system(self):
        """The least squares over x = (s, b, t), or (b, t): A x = y - fixed in the rows that are seen, and a ridge."""
        L, J = len(self.y) // 2, len(self.sigma)
        columns = [self.E, np.kron(np.eye(2), np.ones((L, 1)))]
        ridge = np.hstack([np.diag(self.sigma), np.zeros((J, 2))])
        if self.scale is None:
            columns, ridge = [self.p[:, None], *columns], np.hstack([np.zeros((J, 1)), ridge])
        A = np.hstack(columns)
        fixed = np.zeros_like(self.p) if self.scale is None else self.scale * self.p
        return A, fixed, np.tile(self.seen, 2), np.vstack([A[np.tile(self.seen, 2)], ridge])


def plainly(frame, solver):
    """The map from y to y_hat at fixed R, through a solver that autograd (or complex numbers) can follow."""
    A, fixed, rows, stacked = frame.system
    zeros, rows = np.zeros(len(frame.sigma)), np.flatnonzero(rows)

    def in_torch(y):
        A_, fixed_, stacked_, zeros_ = (torch.tensor(value) for value in (A, fixed, stacked, zeros))
        target = torch.cat([(y - fixed_)[torch.tensor(rows)], zeros_])
        if solver == "pinv":
            return fixed_ + A_ @ (torch.linalg.pinv(stacked_) @ target)
        return fixed_ + A_ @ torch.linalg.lstsq(stacked_, target[:, None]).solution[:, 0]

    def in_numpy(y):
        target = np.concatenate([(y - fixed)[rows], zeros])
        return fixed + A @ np.linalg.solve(stacked.T @ stacked, stacked.T @ target)

    return in_numpy if solver == "normal equations" else in_torch


# Frames that were lifted, in every variant

VARIANTS = {
    "fixed": {},
    "in pixels": {"scale": 250.0},
    "free": {"scale": None},
    "fixed, missing": {"masked": True},
    "fixed, tilted": {"camera": CAMERA},
    "free, missing": {"scale": None, "masked": True},
    "free, missing, tilted": {"scale": None, "masked": True, "camera": CAMERA},
}
variants = pytest.mark.parametrize("variant", VARIANTS)
people = pytest.mark.parametrize("who", ["random", "real"])


class Case(NamedTuple):
    """What `lift` was given, and what it gave; `unit` is what one metre measures in Y."""

    Y: np.ndarray
    prior: PosePrior
    options: dict
    result: Lifted
    unit: float

    def frames(self):
        """One after another, for the plain formulas."""
        for n, (k, theta) in enumerate(zip(self.result.component, self.result.theta, strict=True)):
            PiR = turned(theta, self.options["camera"])
            p = (PiR @ self.prior.mu[k]).ravel()
            E = np.stack([(PiR @ basis).ravel() for basis in self.prior.e[k]], axis=1)
            scale, seen = self.options["scale"], self.options["visible"][n]
            yield Frame(self.Y[n].ravel(), p, E, self.prior.sigma[k], scale, seen)


@functools.cache
def case(who, variant, refine=False):
    rng, options = np.random.default_rng(5), {"scale": 1.0, "camera": np.eye(3)} | VARIANTS[variant]
    if who == "random":
        prior, poses = PRIOR, sample(PRIOR, 4, rng).poses
    else:
        prior, poses = load_prior(), load_motion_capture().poses[[100, 2000]]
    n, L = len(poses), prior.L
    poses = options["camera"] @ rotation(rng.uniform(0, 6, n)) @ poses
    unit = options["scale"] or 250.0
    Y = unit * (poses[:, :2] + rng.normal(size=(n, 2, 1)) + 0.01 * rng.normal(size=(n, 2, L)))
    everything = np.ones((n, L), dtype=bool)
    missing = np.arange(L) % 5 != np.arange(n)[:, None] % 2 + 1  # two different masks
    options |= {"visible": missing if options.pop("masked", False) else everything, "refine": refine}
    return Case(Y, prior, options, lift(Y, prior, **options), unit)


# (3) and (4)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("camera", [None, CAMERA], ids=["level", "tilted"])
@pytest.mark.parametrize("prior", [PRIOR, load_prior()], ids=["random", "real"])
def test_eq_3_is_the_derivative_of_eq_1(prior, camera, backend):
    as_given, rng = BACKENDS[backend], np.random.default_rng(0)
    for k, theta in enumerate(rng.uniform(-7, 7, prior.K)):
        mu, e, a = prior.mu[k], prior.e[k], rng.normal(size=prior.J)
        PiR = turned(theta, np.eye(3) if camera is None else camera)

        def y_hat(a, mu=mu, e=e, PiR=PiR):
            return (PiR @ (mu + np.einsum("j,jcl->cl", a, e))).ravel()

        def y_hat_torch(a, mu=mu, e=e, PiR=PiR):
            return (torch.tensor(PiR) @ (torch.tensor(mu) + torch.einsum("j,jcl->cl", a, torch.tensor(e)))).ravel()

        dY_hat = coefficients_to_landmarks(as_given(e), as_given(theta), camera=camera)
        assert type(dY_hat) is type(as_given(e)) and tuple(dY_hat.shape) == (prior.J, 2, prior.L)
        unwrapped = to_numpy(unwrap(dY_hat)).T
        np.testing.assert_allclose(unwrapped, derivative(y_hat_torch, a), atol=1e-14)
        np.testing.assert_allclose(unwrapped, complex_step(y_hat, a), atol=1e-14)
        np.testing.assert_allclose(unwrapped, central_difference(y_hat, a), atol=1e-11)
        # (4)  the same, unwrapped, is E
        np.testing.assert_allclose(unwrapped, projected_model(mu, e, theta, camera=camera)[1], atol=1e-15)


# (7)


def ridge_problem(seed=0, L=6, J=3):
    """E, sigma, y and p of no particular person."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(2 * L, J)), rng.uniform(0.05, 2, J), rng.normal(size=2 * L), rng.normal(size=2 * L)


@few
@given(seed=st.integers(0, 999), backend=backends, J=st.integers(1, 5))
def test_eq_7_is_the_derivative_of_eq_6(seed, backend, J):
    E, sigma, y, p = ridge_problem(seed, J=J)
    as_given = BACKENDS[backend]
    E_bar, E_ = np.vstack([E, np.diag(sigma)]), torch.tensor(E)
    augmented, shift = np.concatenate([y, np.zeros(J)]), np.concatenate([p, np.zeros(J)])
    ridge, p_ = torch.tensor(np.diag(sigma**2)), torch.tensor(p)
    got = to_numpy(landmarks_to_coefficients(as_given(E), as_given(sigma)))

    def by_normal_equations(y):
        return torch.linalg.solve(E_.T @ E_ + ridge, E_.T @ (y - p_))

    def by_pinv(y0):
        return torch.linalg.pinv(torch.tensor(E_bar)) @ (y0 - torch.tensor(shift))

    def by_least_squares(y0):
        return torch.linalg.lstsq(torch.tensor(E_bar), (y0 - torch.tensor(shift))[:, None]).solution[:, 0]

    def in_numpy(y0):
        return np.linalg.solve(E_bar.T @ E_bar, E_bar.T @ (y0 - shift))

    assert got.shape == (J, len(y) + J)
    np.testing.assert_allclose(got[:, : len(y)], derivative(by_normal_equations, y), atol=TIGHT)
    np.testing.assert_allclose(got, derivative(by_pinv, augmented), atol=TIGHT)
    np.testing.assert_allclose(got, derivative(by_least_squares, augmented), atol=TIGHT)
    np.testing.assert_allclose(got, complex_step(in_numpy, augmented), atol=TIGHT)
    np.testing.assert_allclose(got, central_difference(in_numpy, augmented), atol=ROUNDED)
    np.testing.assert_allclose(got, np.linalg.inv(E_bar.T @ E_bar) @ E_bar.T, atol=TIGHT)
    np.testing.assert_allclose(got[:, : len(y)], truncated_pseudo_inverse(E, sigma), atol=TIGHT)


def test_eq_7_is_the_pseudo_inverse_where_the_rank_falls():
    E, sigma, _, _ = ridge_problem()
    E, sigma = np.hstack([E, E[:, :1]]), np.zeros(4)
    E_bar, dagger = stack_ridge(E, sigma), landmarks_to_coefficients(E, sigma)
    for got, want in ((E_bar @ dagger @ E_bar, E_bar), (dagger @ E_bar @ dagger, dagger)):
        np.testing.assert_allclose(got, want, atol=1e-13)
    for product in (E_bar @ dagger, dagger @ E_bar):
        np.testing.assert_allclose(product, product.T, atol=1e-13)


# (8)


@variants
@people
@pytest.mark.parametrize("refine", [False, "parabola", "least squares"])
def test_eq_8_is_the_derivative_of_the_plain_formula(who, variant, refine):
    lifted = case(who, variant, refine)
    H, H_image = (landmark_jacobian(lifted.result, lifted.prior, centred=centred) for centred in (True, False))
    for n, frame in enumerate(lifted.frames()):
        y_hat = lifted.result.Y_hat[n].ravel()
        for solver in ("pinv", "lstsq"):
            plain, y = plainly(frame, solver), torch.tensor(frame.y)
            # it is the map that `lift` evaluates: else its derivative would prove nothing
            np.testing.assert_allclose(plain(y).numpy(), y_hat, atol=TIGHT * lifted.unit)
            np.testing.assert_allclose(H_image[n], derivative(plain, frame.y), atol=TIGHT)
        np.testing.assert_allclose(H[n], derivative(functools.partial(centred, frame, plain), frame.y), atol=TIGHT)
        plain = plainly(frame, "normal equations")
        np.testing.assert_allclose(H_image[n], complex_step(plain, frame.y), atol=TIGHT)
        np.testing.assert_allclose(H_image[n], central_difference(plain, frame.y, 1e-3 * lifted.unit), atol=ROUNDED)


def centred(frame, f, y):
    """`f`, from a frame counted from the mean of its visible landmarks to landmarks counted from theirs."""
    seen = torch.tensor(frame.seen)

    def from_mean(y):
        Y = y.reshape(2, -1)
        return (Y - Y[:, seen].mean(1, keepdim=True)).ravel()

    return from_mean(f(from_mean(y)))


@variants
@people
def test_eq_8_is_the_central_difference_of_lift_where_the_winner_stays(who, variant):
    lifted, h = case(who, variant), 1e-4
    Y, result = lifted.Y, lifted.result
    # (n, 2L, 2L): landmark by landmark, each coordinate of a visible one moved forth and back
    step = (h * lifted.unit * np.eye(Y[0].size)).reshape(-1, 1, *Y[0].shape)
    visible = np.broadcast_to(result.visible, (Y[0].size, *result.visible.shape))
    forth, back = (lift(moved, lifted.prior, **lifted.options | {"visible": visible}) for moved in (Y + step, Y - step))
    for side in (forth, back):
        np.testing.assert_array_equal(side.theta, np.broadcast_to(result.theta, side.theta.shape))
        np.testing.assert_array_equal(side.component, np.broadcast_to(result.component, side.component.shape))
    difference = (unwrap(forth.Y_hat) - unwrap(back.Y_hat)) / (2 * h * lifted.unit)
    H = landmark_jacobian(result, lifted.prior, centred=False)
    np.testing.assert_allclose(H, np.moveaxis(difference, 0, -1), atol=ROUNDED)


# The products with a vector


@settings(max_examples=60)
@given(
    seed=st.integers(0, 999), backend=backends, dtype=st.sampled_from([np.float32, np.float64]),
    batch=st.sampled_from([(), (0,), (1,), (3,), (2, 3)]), J=st.integers(1, 5), L=st.integers(3, 6),
    free=st.booleans(), masked=st.booleans(), tilted=st.booleans(), pose=st.booleans(),
)  # fmt: skip
def test_products_are_the_matrix_on_all_shapes(seed, backend, dtype, batch, J, L, free, masked, tilted, pose):
    prior, as_given, rng = random_prior(seed, K=1, J=J, L=L), BACKENDS[backend], np.random.default_rng(seed)
    theta = rng.uniform(-7, 7, batch).astype(dtype)
    visible = random_masks(rng, math.prod(batch), L, least=3).reshape(*batch, L)
    options = {"free_scale": free, "camera": CAMERA if tilted else None}
    options["weights"] = as_given(visible) if masked else None
    gaussian = Gaussian(*(as_given(value.astype(dtype)) for value in prior.gaussian(0)))
    E, E_bar_t = landmark_model(gaussian, as_given(theta), **options)
    assert type(E) is type(E_bar_t) is type(as_given(theta)) and E.dtype == E_bar_t.dtype == as_given(theta).dtype
    assert tuple(E.shape) == (*batch, 2 * L, J + free) and tuple(E_bar_t.shape) == (*batch, J + free, 2 * L)
    H = jacobian(E, E_bar_t)
    assert tuple(H.shape) == (*batch, 2 * L, 2 * L)
    if pose:  # a third row for every landmark: depth
        depth = rng.normal(size=(*batch, L, J + free)).astype(dtype)
        E = as_given(np.concatenate([to_numpy(E), depth], axis=-2))
    v, g = (rng.normal(size=(*batch, size)).astype(dtype) for size in (2 * L, E.shape[-2]))
    forth, back = push_forward(E, E_bar_t, as_given(v)), pull_back(E, E_bar_t, as_given(g))
    for value, like in ((forth, g), (back, v)):
        assert type(value) is type(as_given(like)) and value.dtype == as_given(like).dtype
        assert tuple(value.shape) == like.shape
    full = to_numpy(E).astype(np.float64) @ to_numpy(E_bar_t).astype(np.float64)
    loose = (1e-4 if dtype == np.float32 else 1e-11) * max(1, np.abs(full).max(initial=0))
    np.testing.assert_allclose(to_numpy(H), full[..., : 2 * L, :], atol=loose)
    np.testing.assert_allclose(to_numpy(forth), np.einsum("...ij,...j->...i", full, v), atol=10 * loose)
    np.testing.assert_allclose(to_numpy(back), np.einsum("...ij,...i->...j", full, g), atol=10 * loose)
    # <v, J^T g> = <J v, g>
    np.testing.assert_allclose((v * to_numpy(back)).sum(-1), (to_numpy(forth) * g).sum(-1), atol=50 * loose)
    # one by one it is the same
    for index in np.ndindex(batch):
        mask = visible[index] if masked else None
        alone = landmark_model(prior.gaussian(0), float(theta[index]), **options | {"weights": mask})
        np.testing.assert_allclose(to_numpy(H)[index], jacobian(*alone), atol=2e-3 if dtype == np.float32 else 1e-10)


def test_one_model_serves_many_vectors_and_one_vector_many_models():
    theta, rng = rotation_angles(5), np.random.default_rng(0)
    E, E_bar_t = landmark_model(PRIOR.gaussian(np.s_[:, None]), theta)
    H, v = jacobian(E, E_bar_t), rng.normal(size=(7, 1, 1, 12))
    assert H.shape == (2, 5, 12, 12)
    np.testing.assert_allclose(push_forward(E, E_bar_t, v), np.einsum("ktij,nj->nkti", H, v[:, 0, 0]), atol=1e-12)
    np.testing.assert_allclose(pull_back(E[0, 0], E_bar_t[0, 0], v), v @ H[0, 0], atol=1e-12)


@pytest.mark.parametrize("free", [False, True])
def test_without_a_mask_it_is_solve_and_a_mask_of_ones_changes_nothing(free):
    mu, e, sigma = PRIOR.mu[0], PRIOR.e[0], PRIOR.sigma[0]
    E, E_bar_t = landmark_model(Gaussian(mu, e, sigma), 0.7, free_scale=free, camera=CAMERA)
    p, D = projected_model(mu, e, 0.7, camera=CAMERA)
    D, ridge = free_scale(p, D, sigma) if free else (D, sigma)
    np.testing.assert_array_equal(E, D)
    np.testing.assert_array_equal(E_bar_t, truncated_pseudo_inverse(D, ridge))
    for ones in (np.ones(6, bool), [True] * 6):
        masked = landmark_model(Gaussian(mu, e, sigma), 0.7, free_scale=free, weights=ones, camera=CAMERA)
        np.testing.assert_allclose(masked[0], E, atol=1e-15)
        np.testing.assert_allclose(masked[1], E_bar_t, atol=1e-12)


@pytest.mark.parametrize("free", [False, True])
def test_pull_back_is_no_push_forward_where_landmarks_are_missing(free):
    seen = np.array([True, True, False, True, True, True])
    E, E_bar_t = landmark_model(PRIOR.gaussian(0), 0.7, free_scale=free, weights=seen)
    rows = np.tile(seen, 2)
    # nothing pulls on an unseen landmark, yet it follows the others
    np.testing.assert_array_equal(E_bar_t[:, ~rows], 0)
    H = jacobian(E, E_bar_t)
    assert np.all(np.abs(H[~rows][:, rows]).max(axis=1) > 0.01) and np.all(H[:, ~rows] == 0)
    # among the seen it is symmetric as ever, and what is seen has no say in where E is centred
    np.testing.assert_allclose(H[rows][:, rows], H[rows][:, rows].T, atol=1e-13)
    np.testing.assert_allclose(E.reshape(2, 6, -1)[:, seen].sum(axis=1), 0, atol=1e-14)
    v = np.random.default_rng(0).normal(size=12)
    forth, back = push_forward(E, E_bar_t, v), pull_back(E, E_bar_t, v)
    assert np.abs(forth - back).max() > 0.1
    np.testing.assert_array_equal(back[~rows], 0)
    assert np.all(forth[~rows] != 0)


@few
@given(seed=st.integers(0, 999), free=st.booleans(), tilted=st.booleans())
def test_with_weights_eq_8_is_the_derivative_of_weighted_least_squares(seed, free, tilted):
    """...whose solution is linear in y: a column for each coordinate, the translation solved for too."""
    prior, rng = random_prior(seed, K=1), np.random.default_rng(seed)
    w, theta, camera = rng.uniform(0, 3, 6) * (rng.random(6) < 0.8), rng.uniform(0, 6), CAMERA if tilted else None
    w[:4] += 0.5
    E, E_bar_t = landmark_model(prior.gaussian(0), theta, free_scale=free, weights=w, camera=camera)
    p, columns = projected_model(prior.mu[0], prior.e[0], theta, camera=camera)
    shift = np.kron(np.eye(2), np.ones((6, 1)))
    design = np.column_stack([p, columns, shift] if free else [columns, shift])
    ridge = np.diag(np.concatenate([[0.0] * free, prior.sigma[0], [0.0, 0.0]]))
    root = np.diag(np.sqrt(np.tile(w, 2)))
    solutions = np.linalg.lstsq(np.vstack([root @ design, ridge]), np.vstack([root, 0 * design.T]), rcond=None)[0]
    in_image = jacobian(E, E_bar_t) + np.eye(12) - centring(6, w)
    np.testing.assert_allclose(in_image, design @ solutions, atol=1e-8)
    # nothing pulls on what has no weight; W H is symmetric
    assert np.all(jacobian(E, E_bar_t)[:, np.tile(w == 0, 2)] == 0)
    WH = np.tile(w, 2)[:, None] * jacobian(E, E_bar_t)
    np.testing.assert_allclose(WH, WH.T, atol=1e-10)


# Gradients, devices, trust


@pytest.mark.parametrize("free", [False, True])
@pytest.mark.parametrize("masked", [False, True])
def test_gradients_flow_in_torch(free, masked):
    rng = np.random.default_rng(0)
    seen = torch.tensor([True, True, False, True, True, True]) if masked else None
    inputs = (PRIOR.mu[0], PRIOR.e[0], PRIOR.sigma[0], np.array(0.7), rng.normal(size=12), rng.normal(size=12))
    tensors = [torch.tensor(value, requires_grad=True) for value in inputs]

    def everything(mu, e, sigma, theta, v, g):
        E, E_bar_t = landmark_model(Gaussian(mu, e, sigma), theta, free_scale=free, weights=seen)
        return jacobian(E, E_bar_t).sum(), push_forward(E, E_bar_t, v), pull_back(E, E_bar_t, g)

    assert torch.autograd.gradcheck(everything, tensors)
    e, theta = tensors[1], tensors[3]
    assert torch.autograd.gradcheck(lambda e, theta: coefficients_to_landmarks(e, theta), (e, theta))
    E, sigma = (torch.tensor(value, requires_grad=True) for value in ridge_problem()[:2])
    assert torch.autograd.gradcheck(landmarks_to_coefficients, (E, sigma))


@pytest.mark.parametrize("batch", [(), (4,), (2, 3)])
def test_products_run_on_a_device_without_values(batch):
    shapes = {"E": (51, 4), "E_bar_t": (4, 34), "v": (34,), "g": (51,)}
    E, E_bar_t, v, g = (torch.empty((*batch, *shape), device="meta") for shape in shapes.values())
    with trusted():
        assert push_forward(E, E_bar_t, v).shape == (*batch, 51)
        assert pull_back(E, E_bar_t, g).shape == (*batch, 34)
        assert jacobian(E, E_bar_t).shape == (*batch, 51, 34)


@pytest.mark.parametrize("backend", BACKENDS)
def test_trusted_lets_nan_through_in_its_own_frame(backend):
    as_given = BACKENDS[backend]
    E, E_bar_t = (as_given(value) for value in landmark_model(PRIOR.gaussian(np.s_[:]), np.array([0.1, 0.2])))
    v = np.ones((2, 12))
    v[1, 3] = np.nan
    for product, argument in ((push_forward, "v"), (pull_back, "g")):
        with refuses(f"{argument}: got 1 NaN or infinite of 24 values, expected finite numbers"):
            product(E, E_bar_t, as_given(v))
        with refuses(f"{argument}: got shape (2, 11), expected shape (..., 12)"):
            product(E, E_bar_t, as_given(v[:, :11]))
        with trusted():
            result = to_numpy(product(E, E_bar_t, as_given(v)))
        assert np.isfinite(result[0]).all() and np.isnan(result[1]).all()


# The front door


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("batch", [(), (0,), (4,), (2, 2), (1, 4, 1)])
def test_front_door_keeps_library_dtype_and_batch(batch, dtype, backend):
    lifted, as_given = case("random", "free, missing, tilted"), BACKENDS[backend]
    Y = lifted.Y[: math.prod(batch)].reshape(*batch, 2, 6).astype(dtype)
    visible = lifted.options["visible"][: math.prod(batch)].reshape(*batch, 6)
    result = lift(as_given(Y), PRIOR, scale=None, visible=as_given(visible), camera=CAMERA)
    for in_middle in (True, False):
        H = landmark_jacobian(result, PRIOR, centred=in_middle)
        assert type(H) is type(as_given(Y)) and H.dtype == as_given(Y).dtype
        assert tuple(H.shape) == (*batch, 12, 12)
        want = landmark_jacobian(lifted.result, PRIOR, centred=in_middle)[: math.prod(batch)]
        loose = 1e-5 if dtype == np.float32 else 1e-12
        np.testing.assert_allclose(to_numpy(H).reshape(-1, 12, 12), want, atol=loose)


def test_front_door_takes_landmarks_that_carry_gradients():
    Y = torch.tensor(case("random", "fixed").Y, requires_grad=True)
    result = lift(Y, PRIOR)
    H = landmark_jacobian(result, PRIOR, centred=False)
    assert not H.requires_grad
    # autograd through lift itself, at the winner that its search (which has no gradient) found
    g = torch.ones_like(result.Y_hat)
    g[:, 0, 0] = 3
    (by_autograd,) = torch.autograd.grad(result.Y_hat, Y, g)
    want = np.einsum("nij,ni->nj", H.numpy(), unwrap(g).numpy())
    np.testing.assert_allclose(unwrap(by_autograd).numpy(), want, atol=TIGHT)


def test_front_door_changes_nothing_that_it_was_given():
    lifted = case("random", "free, missing")
    before = [np.array(value) for value in lifted.result]
    landmark_jacobian(lifted.result, PRIOR, centred=False)
    for value, was in zip(lifted.result, before, strict=True):
        np.testing.assert_array_equal(value, was)


# Centring


@few
@given(seed=st.integers(0, 999), backend=backends, batch=st.sampled_from([(), (3,), (2, 3)]), L=st.integers(1, 6))
def test_centring_counts_from_the_mean_of_what_is_seen(seed, backend, batch, L):
    rng, as_given = np.random.default_rng(seed), BACKENDS[backend]
    visible = random_masks(rng, math.prod(batch), L, least=1).reshape(*batch, L)
    Y = rng.normal(size=(*batch, 2, L))
    C = centring(L, as_given(visible))
    assert type(C) is type(as_given(Y)) and tuple(C.shape) == (*batch, 2 * L, 2 * L)
    want = Y - np.mean(Y, axis=-1, keepdims=True, where=visible[..., None, :])
    np.testing.assert_allclose((to_numpy(C) @ unwrap(Y)[..., None])[..., 0], unwrap(want), atol=1e-13)


def test_centring_of_everything_is_an_orthogonal_projector():
    C = centring(4)
    np.testing.assert_array_equal(C, centring(4, [True] * 4))
    np.testing.assert_allclose(C, C.T, atol=1e-16)
    np.testing.assert_allclose(np.linalg.eigvalsh(C), [0, 0, 1, 1, 1, 1, 1, 1], atol=1e-14)


# Bad input

E0, E_BAR_T0 = landmark_model(PRIOR.gaussian(0), 0.3)
MODEL = PRIOR.gaussian(0)
NAN = np.full(12, np.nan)
FLOATS = "a NumPy array or a torch tensor of real floating-point numbers"

BAD = {
    "e without bases": (lambda: coefficients_to_landmarks(PRIOR.mu[0, 0], 0.3),
        "e: got shape (6,), expected shape (..., J, 3, L)"),
    "e in the plane": (lambda: coefficients_to_landmarks(np.zeros((3, 2, 6)), 0.3),
        "e: got shape (3, 2, 6), expected shape (..., J, 3, L)"),
    "theta of (3)": (lambda: coefficients_to_landmarks(PRIOR.e[0], np.nan),
        "theta: got 1 NaN or infinite of 1 values, expected finite numbers"),
    "camera of (3)": (lambda: coefficients_to_landmarks(PRIOR.e[0], 0.3, camera=-np.eye(3)),
        "camera: got a matrix with |C C^T - I| up to 0 and determinant -1, expected a rotation"),
    "E of (7)": (lambda: landmarks_to_coefficients(np.ones(3), np.ones(3)),
        "E: got shape (3,), expected shape (..., 2*L, J)"),
    "sigma of (7)": (lambda: landmarks_to_coefficients(np.ones((12, 3)), np.ones(2)),
        "sigma: got shape (2,), expected shape (..., 3)"),
    "negative sigma": (lambda: landmarks_to_coefficients(np.ones((12, 3)), np.array([1.0, -2, 1])),
        "sigma: got -2.0, expected numbers >= 0"),
    "mu": (lambda: landmark_model(MODEL._replace(mu=np.ones((2, 6))), 0.3),
        "mu: got shape (2, 6), expected shape (..., 3, 6)"),
    "e of another size": (lambda: landmark_model(MODEL._replace(e=np.ones((3, 3, 5))), 0.3),
        "mu: got shape (3, 6), expected shape (..., 3, 5)"),
    "sigma": (lambda: landmark_model(MODEL._replace(sigma=np.ones(4)), 0.3),
        "sigma: got shape (4,), expected shape (..., 3)"),
    "sigma of words": (lambda: landmark_model(MODEL._replace(sigma=["a", "b", "c"]), 0.3),
        f"sigma: got list of dtype <U1, expected {FLOATS}"),
    "a negative weight": (lambda: landmark_model(MODEL, 0.3, weights=[1, 1, -2, 1, 1, 1]),
        "weights: got -2.0, expected numbers >= 0"),
    "a mask of another size": (lambda: landmark_model(MODEL, 0.3, weights=np.ones(5, bool)),
        "weights: got shape (5,), expected shape (..., 6)"),
    "a mask of nothing": (lambda: landmark_model(MODEL, 0.3, weights=np.zeros(6, bool)),
        "weights: got a frame that shows no landmark, expected a weight > 0, or a visible one, in every frame"),
    "camera": (lambda: landmark_model(MODEL, 0.3, camera=np.eye(2)),
        "camera: got shape (2, 2), expected shape (..., 3, 3)"),
    "E of (8)": (lambda: jacobian(E0[:, :2], E_BAR_T0), "E_bar_t: got shape (3, 12), expected shape (..., 2, 12)"),
    "E_bar_t of (8)": (lambda: jacobian(E0, E_BAR_T0[0]), "E_bar_t: got shape (12,), expected shape (..., 3, 12)"),
    "NaN in E_bar_t": (lambda: jacobian(E0, E_BAR_T0 * np.nan),
        "E_bar_t: got 36 NaN or infinite of 36 values, expected finite numbers"),
    "v of another size": (lambda: push_forward(E0, E_BAR_T0, np.ones(6)),
        "v: got shape (6,), expected shape (..., 12)"),
    "NaN in v": (lambda: push_forward(E0, E_BAR_T0, NAN),
        "v: got 12 NaN or infinite of 12 values, expected finite numbers"),
    "complex v": (lambda: push_forward(E0, E_BAR_T0, np.ones(12) + 1j),
        f"v: got ndarray of dtype complex128, expected {FLOATS}"),
    "g of another size": (lambda: pull_back(E0, E_BAR_T0, np.ones((3, 11))),
        "g: got shape (3, 11), expected shape (..., 12)"),
    "g of no size": (lambda: pull_back(E0, E_BAR_T0, 1.0), "g: got shape (), expected shape (..., 12)"),
    "no landmark": (lambda: centring(0), "L: got 0, expected a whole number >= 1"),
    "mask of another size": (lambda: centring(3, [True, False]), "weights: got shape (2,), expected shape (..., 3)"),
    "negative weight": (lambda: centring(2, [1, -1]), "weights: got -1.0, expected numbers >= 0"),
    "mask of nothing": (lambda: centring(2, [False, False]),
        "weights: got a frame that shows no landmark, expected a weight > 0, or a visible one, in every frame"),
    "no result of lift": (lambda: landmark_jacobian(tuple(case("random", "fixed").result), PRIOR),
        "result: got tuple, expected a Lifted, as from lifting.lift"),
    "no prior": (lambda: landmark_jacobian(case("random", "fixed").result, "default"),
        "prior: got str, expected a PosePrior, as from load_prior"),
    "prior of more landmarks": (lambda: landmark_jacobian(case("random", "fixed").result, random_prior(L=7)),
        "prior: got components, bases, landmarks = 2, 3, 7, expected the prior of the result: at least 2, 3, 6"),
    "prior of more bases": (lambda: landmark_jacobian(case("random", "fixed").result, random_prior(J=4, L=6)),
        "prior: got components, bases, landmarks = 2, 4, 6, expected the prior of the result: at least 2, 3, 6"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name):
    call, message = BAD[name]
    with refuses(message):
        call()


def test_a_prior_without_the_component_that_won():
    lifted = case("random", "fixed")
    won = lifted.result._replace(component=np.ones(4, dtype=np.int64))
    with refuses(
        "prior: got components, bases, landmarks = 1, 3, 6, expected the prior of the result: at least 2, 3, 6"
    ):
        landmark_jacobian(won, random_prior(K=1, J=3, L=6))


def test_the_jacobian_of_a_prior_of_one_component():
    """That it is component 0 of 1 is no reason to refuse it; it is component 0 of 5 as well."""
    prior = load_prior()
    one = prior.subset(components=[0])
    result = lift(prior.mu[1, :2], one, scale=None)
    np.testing.assert_array_equal(landmark_jacobian(result, one), landmark_jacobian(result, prior))
