"""Off the finite set: an angle of eq. (2) between two of those that were searched, wherever that lowers the cost.

The search has found the component and the nearest of the equally spaced angles; a parabola through three costs, or
SciPy's least squares over the angle and everything else at once, goes on from there.
"""

import math
from typing import Literal, NamedTuple

import numpy as np
import torch

from lifting.solve import centre, cost, free_scale, projected_model, unwrap
from lifting.support.arrays import to_numpy
from lifting.tables import precise, tensor
from lifting.turned import TurnedPrior

Refinement = Literal[False, True, "parabola", "least squares"]


class Solved(NamedTuple):
    """Frames that eq. (2) was solved for at the angles theta (N,): component (N,), scale and b = s a (N, 1 + J); and
    the camera, (3, 3) or of each frame (N, 3, 3).
    """

    component: torch.Tensor
    theta: torch.Tensor
    sb: torch.Tensor
    camera: torch.Tensor


class Problem(NamedTuple):
    """Frames as `solve.centre` gives them, each with its weights and the component that it is solved for."""

    turned: TurnedPrior
    Y: torch.Tensor  # (N, 2, L)
    weights: torch.Tensor | None  # (N, L)
    component: torch.Tensor  # (N,)
    camera: torch.Tensor  # (N, 3, 3)

    def tensor(self, array: np.ndarray) -> torch.Tensor:
        """A NumPy array as a tensor like Y."""
        return tensor(array, self.Y.dtype, self.Y.device)

    def at(self, theta: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Scale and coefficients (N, 1 + J), and the cost (N,) of eq. (2), of every frame at an angle of its own."""
        mu, e, sigma = (self.tensor(part)[self.component] for part in self.turned.prior.gaussian(np.s_[:]))
        p, E = projected_model(mu, e, theta, weights=self.weights, camera=self.camera)
        free = self.turned.free_scale
        y, D, ridge = (unwrap(self.Y), *free_scale(p, E, sigma)) if free else (unwrap(self.Y) - p, E, sigma)
        Dt = D.transpose(1, 2)
        # (6)  (D^T D + diag(ridge^2)) b = D^T y
        b = torch.linalg.solve(Dt @ D + torch.diag_embed(ridge**2), (Dt @ y[..., None])[..., 0])
        least = cost(y, torch.zeros_like(y), D, ridge, b)
        return b if free else torch.cat([torch.ones_like(b[:, :1]), b], 1), least


def refined(
    turned: TurnedPrior, Y: torch.Tensor, weights: torch.Tensor | None, found: Solved, method: Refinement
) -> tuple[torch.Tensor, torch.Tensor]:
    """Angles off the finite set, and scale and b there, for landmarks (N, 2, L) counted from their weighted mean.

    Autograd sees the solution at the angle, not how the angle came about.
    """
    dtype = precise(Y.device)
    w = None if weights is None else weights.to(dtype)
    camera = found.camera.to(dtype).expand(len(Y), 3, 3)
    problem = Problem(turned, centre(Y.to(dtype), w), w, found.component, camera)
    theta = found.theta.to(dtype)
    with torch.no_grad():
        still = problem._replace(Y=problem.Y.detach())
        start, before = still.at(theta)
        tried = _least_squares(still, theta, start) if method == "least squares" else _parabola(still, theta, before)
    sb, after = problem.at(tried)
    better = (after < before) & (sb[:, 0] > 0)
    theta = torch.where(better, tried % (2 * math.pi), theta)
    return theta.to(Y.dtype), torch.where(better[:, None], sb.to(Y.dtype), found.sb)


def _parabola(problem: Problem, theta: torch.Tensor, middle: torch.Tensor) -> torch.Tensor:
    """The vertex of the parabola through the costs at theta, which is `middle`, and at its neighbours."""
    step = 2 * math.pi / problem.turned.rotations
    left, right = (problem.at(theta + shift)[1] for shift in (-step, step))
    bend = left - 2 * middle + right
    return theta + step * torch.where(bend > 0, (left - right) / (2 * bend), 0.0).clamp(-0.5, 0.5)


def _least_squares(problem: Problem, theta: torch.Tensor, sb: torch.Tensor) -> torch.Tensor:
    """Theta by SciPy's trust-region least squares over (theta, b) jointly, or (theta, s, b): one frame at a time.

    It starts at theta, with the scale and coefficients sb.
    """
    from scipy.optimize import least_squares  # takes as long to load as all else in this package

    turned, free = problem.turned, problem.turned.free_scale
    ones = torch.ones_like(problem.Y[:, 0]) if problem.weights is None else problem.weights

    def refine_one(k: int, start: float, y: np.ndarray, w: np.ndarray, sb: np.ndarray, C: np.ndarray) -> float:
        mu, e, sigma = turned.prior.gaussian(k)

        def residual(x: np.ndarray) -> np.ndarray:
            p, E = projected_model(mu, e, x[0], weights=w, camera=C)
            s, b = (x[1], x[2:]) if free else (1.0, x[1:])
            return np.concatenate([y - s * p - E @ b, sigma * b])

        return least_squares(residual, [start, *(sb if free else sb[1:])], x_scale="jac").x[0]

    columns = problem.component, theta, unwrap(problem.Y), ones, sb, problem.camera
    rows = zip(*(to_numpy(value) for value in columns), strict=True)
    return problem.tensor(np.array([refine_one(*row) for row in rows]))
