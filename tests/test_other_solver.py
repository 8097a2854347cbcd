"""Eq. (2) at given R and its derivative, eq. (8), against a solver of other people: cvxpylayers.

CVXPY is given the minimisation as printed, and knows nothing of pseudo-inverses: a splitting method (SCS) over
second-order cones finds a, and diffcp differentiates the conditions of optimality implicitly. The people are real ones
(embedded motion capture, with 5 mm of noise), the prior is the embedded one, R and the component are those that `lift`
chooses.

SCS is told to stop where the residuals of the conditions of optimality are below EPS = 1e-10 (with 1e-12 it sometimes
gives up where landmarks are missing). The dual residual is the slope of (2), and (2) curves nowhere less than its
ridge, 2 min(sigma)^2 = 1.7e-3. So the coefficients may be wrong by about EPS over that, 6.0e-8: the tolerance here, for
costs and derivatives too. `mode="dense"` has diffcp solve for the derivative directly; it iterates otherwise.
"""

import os

import numpy as np
import pytest
import torch

from lifting import lift, load_prior
from lifting.camera import project, rotation
from lifting.datasets.motion_capture import load_motion_capture
from lifting.landmark_gradient import jacobian, landmark_model
from lifting.pose_prior import Gaussian
from lifting.solve import centre, solve_at
from tests.priors import random_masks

if os.environ.get("SOLVER_TESTS") != "required":
    pytest.importorskip("cvxpylayers", reason="the extra `solver` is not installed; there is none for this system")
import cvxpy as cp  # noqa: E402
from cvxpylayers.torch import CvxpyLayer  # noqa: E402

pytestmark = [
    pytest.mark.usefixtures("one_thread"),
    # cvxpylayers hands torch tensors to np.array, whose keyword `copy` torch does not take yet; the values are right.
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"),
]

FRAMES, L, J = 6, 17, 34
EPS = 1e-10
ACCURATE = {"eps": EPS, "max_iters": 100_000, "mode": "dense", "n_jobs_forward": 1, "n_jobs_backward": 1}


def argmin_layer(free_scale=False, moved=False):
    """Eq. (2) at given R in CVXPY's words: from y, p, E, sigma and the columns T to a, s and the translation t.

    With `moved`, the person stands anywhere in the image: T @ t is added to every landmark.
    """
    y, p, E, sigma = cp.Parameter(2 * L), cp.Parameter(2 * L), cp.Parameter((2 * L, J)), cp.Parameter(J, nonneg=True)
    T = cp.Parameter((2 * L, 2))
    a, s, t = cp.Variable(J), cp.Variable(), cp.Variable(2)
    y_hat = (s * p if free_scale else p) + E @ a + (T @ t if moved else 0)
    problem = cp.Problem(cp.Minimize(cp.sum_squares(y - y_hat) + cp.sum_squares(cp.multiply(sigma, a))))
    parameters, variables = [y, p, E, sigma], [a]
    if moved:
        parameters.append(T)
        variables.append(t)
    if free_scale:
        variables.append(s)
    return CvxpyLayer(problem, parameters=parameters, variables=variables, solver_args=ACCURATE)


@pytest.fixture(scope="module")
def prior():
    """Less the bases whose coefficients some component holds at 0: sigma = 1000 is hard on SCS, and changes nothing."""
    return load_prior().subset(bases=J)


@pytest.fixture(scope="module")
def Y():
    """Landmarks (FRAMES, 2, L), metres, of people from random sides."""
    rng = np.random.default_rng(0)
    poses = load_motion_capture().poses
    Y = project(poses[rng.integers(len(poses), size=FRAMES)], rng.uniform(0, 2 * np.pi, FRAMES))
    return Y + 0.005 * rng.normal(size=Y.shape)


def chosen(result, prior):
    """The mu, e, sigma of every frame's component, and theta."""
    k = result.component
    return prior.mu[k], prior.e[k], prior.sigma[k], result.theta


def plain_model(mu, e, sigma, theta):
    """The unwrapped Pi R mu and Pi R e as tensors, without the package's E, and sigma."""
    PiR = rotation(theta)[:, :2]
    p = np.einsum("nab,nbl->nal", PiR, mu).reshape(len(mu), 2 * L)
    E = np.einsum("nab,njbl->nalj", PiR, e).reshape(len(mu), 2 * L, J)
    return torch.tensor(p), torch.tensor(E), torch.tensor(sigma)


def rows_of_jacobian(y_hat, y):
    """The Jacobian (N, 2L, 2L), one backward pass a row."""
    rows = [torch.autograd.grad(y_hat[:, row].sum(), y, retain_graph=True)[0] for row in range(y_hat.shape[1])]
    return torch.stack(rows, dim=1)


@pytest.fixture
def tolerance(prior):
    return EPS / (2 * prior.sigma.min() ** 2)


@pytest.fixture
def assert_close(tolerance):
    def check(theirs, ours):
        np.testing.assert_allclose(theirs.detach().numpy(), ours, rtol=0, atol=tolerance)

    return check


def test_same_optimum_and_derivative_at_scale_1(Y, prior, assert_close):
    Y = centre(Y)
    mu, e, sigma, theta = chosen(lift(Y, prior), prior)
    p, E, ridge = plain_model(mu, e, sigma, theta)
    y = torch.tensor(Y.reshape(FRAMES, 2 * L), requires_grad=True)
    (a,) = argmin_layer()(y, p, E, ridge)
    y_hat = p + (E @ a[..., None])[..., 0]
    ours = solve_at(Y, Gaussian(mu, e, sigma), theta)
    assert_close(a, ours.a)
    assert_close(((y - y_hat) ** 2).sum(-1) + ((ridge * a) ** 2).sum(-1), ours.cost)
    assert_close(rows_of_jacobian(y_hat, y), jacobian(*landmark_model(Gaussian(mu, e, sigma), theta)))


def test_same_optimum_and_derivative_with_the_scale_solved_for(Y, prior, assert_close):
    Y = centre(Y) * np.linspace(0.5, 2, FRAMES)[:, None, None]
    mu, e, sigma, theta = chosen(lift(Y, prior, scale=None), prior)
    p, E, ridge = plain_model(mu, e, sigma, theta)
    y = torch.tensor(Y.reshape(FRAMES, 2 * L), requires_grad=True)
    b, s = argmin_layer(free_scale=True)(y, p, E, ridge)
    y_hat = s[..., None] * p + (E @ b[..., None])[..., 0]
    ours = solve_at(Y, Gaussian(mu, e, sigma), theta, scale=None)
    assert_close(s, ours.scale)
    assert_close(b / s[..., None], ours.a)
    assert_close(((y - y_hat) ** 2).sum(-1) + ((ridge * b) ** 2).sum(-1), ours.cost)
    assert_close(rows_of_jacobian(y_hat, y), jacobian(*landmark_model(Gaussian(mu, e, sigma), theta, free_scale=True)))


@pytest.mark.parametrize("free_scale", [False, True])
def test_same_derivative_where_landmarks_are_missing_and_the_person_stands_anywhere(
    Y, prior, free_scale, rng, assert_close
):
    Y = Y + rng.normal(size=(FRAMES, 2, 1))
    visible = random_masks(rng, FRAMES, L, least=10)
    result = lift(Y, prior, scale=None if free_scale else 1.0, visible=visible)
    mu, e, sigma, theta = chosen(result, prior)
    p, E, ridge = plain_model(mu, e, sigma, theta)
    seen = torch.tensor(np.tile(visible, 2).astype(float))
    T = torch.tensor(np.kron(np.eye(2), np.ones((L, 1))))
    y = torch.tensor(Y.reshape(FRAMES, 2 * L), requires_grad=True)
    layer = argmin_layer(free_scale, moved=True)
    # what isn't seen has rows of zeros, so that it adds nothing to (2)
    a, t, *s = layer(seen * y, seen * p, seen[..., None] * E, ridge, seen[..., None] * T)
    y_hat = (s[0][..., None] * p if free_scale else p) + (E @ a[..., None])[..., 0] + t @ T.T
    assert_close(y_hat, result.Y_hat.reshape(FRAMES, 2 * L))
    assert_close(((seen * (y - y_hat)) ** 2).sum(-1) + ((ridge * a) ** 2).sum(-1), result.cost)
    model = landmark_model(Gaussian(mu, e, sigma), theta, free_scale=free_scale, weights=visible)
    # the mean of what is seen passes straight through to every landmark
    mean = np.einsum("ab,nl->nabl", np.eye(2), visible / visible.sum(-1, keepdims=True))
    through = np.repeat(mean, L, axis=1).reshape(FRAMES, 2 * L, 2 * L)
    assert_close(rows_of_jacobian(y_hat, y), jacobian(*model) + through)


def test_the_tolerance_notices_a_wrong_penalty(Y, prior, tolerance):
    """A thousandth more sigma changes the optimum and the derivative by more than 100 times the tolerance."""
    Y = centre(Y)
    mu, e, sigma, theta = chosen(lift(Y, prior), prior)
    a, wrong_a = (solve_at(Y, Gaussian(mu, e, factor * sigma), theta).a for factor in (1, 1.001))
    H, wrong_H = (jacobian(*landmark_model(Gaussian(mu, e, factor * sigma), theta)) for factor in (1, 1.001))
    assert np.abs(a - wrong_a).max(axis=-1).min() > 100 * tolerance
    assert np.abs(H - wrong_H).max(axis=(-2, -1)).min() > 100 * tolerance
