"""Eq. (2) at given R, forward and backward: by hand, by autograd and by a general solver, as ratios in one run.

    python benchmarks/other_solver.py            # half a minute: writes benchmarks/other_solver.json and .md
    python benchmarks/other_solver.py --quick    # a few seconds, prints only

Every way goes from landmarks Y (N, 2, L), centred, at given rotations and components to Y_hat, and from a gradient with
respect to Y_hat back to one with respect to Y; p and E are made anew in every call unless said otherwise, in float64.
The people are motion captured, from random sides, with 5 mm of noise; the prior is the older embedded one, R and the
component are those that `lift` chooses. The ways take turns, and the time of each is the least of its calls. torch has
one thread, which is faster for matrices this small; diffcp shares a batch among all cores, as it does unasked.

- by hand: E_bar_t by `landmark_model`, and back by eq. (8) with `pull_back`, the matrix never formed.
- by hand, trusted: the same under `arrays.trusted()`, without the checks that look at values.
- by hand, looked up: trusted, with p, E and E_bar_t made beforehand, as `LiftingLayer` does.
- autograd, ridge solve: torch differentiates (E^T E + diag(sigma^2)) a = E^T (y - p).
- autograd, pinv: torch differentiates eq. (6) as printed.
- cvxpylayers: CVXPY is given the minimisation as printed; SCS solves it, diffcp differentiates it. Once as it comes
  (SCS stops at 1e-4, LSQR for the derivative), once with 1e-10 and a direct solve for the derivative.

Lines of code are those of the functions that a way is made of, less blank lines, comments and docstrings. What all
share, the making of p and E, is not counted. Those by hand also check their arguments, solve for the scale and leave
landmarks out, which the others here don't.
"""

import ast
import inspect
import textwrap
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import cvxpy as cp
import numpy as np
import torch
import tyro
from cvxpylayers.torch import CvxpyLayer
from pages import machine, page_of, record

from lifting import lift, solve
from lifting.camera import project
from lifting.datasets.motion_capture import load_motion_capture
from lifting.landmark_gradient import landmark_model, pull_back, push_forward
from lifting.pose_prior import Gaussian, load_older_mixture
from lifting.solve import centre, projected_model, unwrap
from lifting.support.arrays import trusted

BATCHES = (1, 64)
HERE = Path(__file__).parent


class Problems(NamedTuple):
    """What a way is given: landmarks, the gradient with respect to Y_hat, and each frame's model."""

    y: torch.Tensor
    g: torch.Tensor
    gaussian: Gaussian
    theta: torch.Tensor


Gradient = tuple[torch.Tensor, torch.Tensor]
"""y_hat and the gradient with respect to y."""


def main(*, quick: bool = False) -> None:
    """Measure, print, and write.

    Args:
        quick: fewer repeats; write nothing.
    """
    # cvxpylayers hands torch tensors to np.array, whose keyword `copy` torch does not take yet.
    warnings.filterwarnings("ignore", "__array__ implementation doesn't accept a copy keyword", DeprecationWarning)
    torch.set_num_threads(1)
    report: dict = {"machine": {**machine(), "cvxpy": cp.__version__}, "lines": lines_of_ways()}
    report["ways"] = [row for N in BATCHES for row in compare(problems(N), 2 if quick else 15)]
    record(__file__, report, page_of(__file__, **report), quick)


def problems(N: int) -> Problems:
    """N people, from random sides, with the rotations and components that `lift` chooses."""
    rng = np.random.default_rng(0)
    prior, poses = load_older_mixture(), load_motion_capture().poses
    Y = project(poses[rng.integers(len(poses), size=N)], rng.uniform(0, 2 * np.pi, N))
    Y = centre(Y + 0.005 * rng.normal(size=Y.shape))
    result = lift(Y, prior)
    y, g, theta = (torch.tensor(array) for array in (unwrap(Y), rng.normal(size=(N, 2 * prior.L)), result.theta))
    return Problems(y, g, Gaussian(*map(torch.tensor, prior.gaussian(result.component))), theta)


# --- the ways ----------------------------------------------------------------------------------------------------


def by_hand(at: Problems) -> Gradient:
    """Eq. (6), and eq. (8) back."""
    p = unwrap(project(at.gaussian.mu, at.theta))
    E, E_bar_t = landmark_model(at.gaussian, at.theta)
    return p + push_forward(E, E_bar_t, at.y - p), pull_back(E, E_bar_t, at.g)


def by_hand_trusted(at: Problems) -> Gradient:
    """`by_hand`, without looking at the values first."""
    with trusted():
        return by_hand(at)


def by_hand_looked_up(at: Problems, p: torch.Tensor, E: torch.Tensor, E_bar_t: torch.Tensor) -> Gradient:
    """Eq. (6), and eq. (8) back, where E and E_bar_t are there already."""
    with trusted():
        return p + push_forward(E, E_bar_t, at.y - p), pull_back(E, E_bar_t, at.g)


def through_ridge_solve(at: Problems) -> Gradient:
    """Autograd through the normal equations."""
    y = at.y.clone().requires_grad_()
    p, E = projected_model(at.gaussian.mu, at.gaussian.e, at.theta)
    gram = E.mT @ E + torch.diag_embed(at.gaussian.sigma**2)
    a = torch.linalg.solve(gram, E.mT @ (y - p)[..., None])
    y_hat = p + (E @ a)[..., 0]
    return y_hat.detach(), torch.autograd.grad(y_hat, y, at.g)[0]


def through_pinv(at: Problems) -> Gradient:
    """Autograd through eq. (6)."""
    y = at.y.clone().requires_grad_()
    p, E = projected_model(at.gaussian.mu, at.gaussian.e, at.theta)
    E_bar = torch.cat([E, torch.diag_embed(at.gaussian.sigma)], dim=-2)
    residual = torch.cat([y - p, torch.zeros_like(at.gaussian.sigma)], dim=-1)
    a = torch.linalg.pinv(E_bar) @ residual[..., None]
    y_hat = p + (E @ a)[..., 0]
    return y_hat.detach(), torch.autograd.grad(y_hat, y, at.g)[0]


def argmin_layer(L: int, J: int) -> CvxpyLayer:
    """Eq. (2) at given R, in CVXPY's words."""
    y, p, E, sigma = cp.Parameter(2 * L), cp.Parameter(2 * L), cp.Parameter((2 * L, J)), cp.Parameter(J, nonneg=True)
    a = cp.Variable(J)
    cost = cp.sum_squares(y - p - E @ a) + cp.sum_squares(cp.multiply(sigma, a))
    return CvxpyLayer(cp.Problem(cp.Minimize(cost)), parameters=[y, p, E, sigma], variables=[a])


def through_cvxpylayers(at: Problems, layer: CvxpyLayer, **settings: object) -> Gradient:
    """Implicit differentiation by other people's solver; `layer` is made once, by `argmin_layer`."""
    y = at.y.clone().requires_grad_()
    p, E = projected_model(at.gaussian.mu, at.gaussian.e, at.theta)
    (a,) = layer(y, p, E, at.gaussian.sigma, solver_args=settings)
    y_hat = p + (E @ a[..., None])[..., 0]
    return y_hat.detach(), torch.autograd.grad(y_hat, y, at.g)[0]


def all_ways(at: Problems) -> dict[str, Callable[[], Gradient]]:
    """Every way, ready to be called."""
    table = unwrap(project(at.gaussian.mu, at.theta)), *landmark_model(at.gaussian, at.theta)
    layer = argmin_layer(*at.gaussian.mu.shape[-1:], *at.gaussian.sigma.shape[-1:])
    return {
        "by hand": lambda: by_hand(at),
        "by hand, trusted": lambda: by_hand_trusted(at),
        "by hand, looked up": lambda: by_hand_looked_up(at, *table),
        "autograd, ridge solve": lambda: through_ridge_solve(at),
        "autograd, pinv": lambda: through_pinv(at),
        "cvxpylayers, as it comes": lambda: through_cvxpylayers(at, layer),
        "cvxpylayers, 1e-10": lambda: through_cvxpylayers(at, layer, eps=1e-10, max_iters=100_000, mode="dense"),
    }


MADE_OF: dict[str, tuple[Callable, ...]] = {
    "by hand": (by_hand, landmark_model, push_forward, pull_back, solve.truncated_pseudo_inverse, solve.stack_ridge),
    "autograd, ridge solve": (through_ridge_solve,),
    "autograd, pinv": (through_pinv,),
    "cvxpylayers, as it comes": (argmin_layer, through_cvxpylayers),
}


# --- the measures ------------------------------------------------------------------------------------------------


def compare(at: Problems, repeats: int) -> list[dict[str, object]]:
    """Seconds a problem of every way, its ratio to that by hand, and how far its results are from those by pinv."""
    ways = all_ways(at)
    exact = through_pinv(at)
    results = {name: way() for name, way in ways.items()}
    least = dict.fromkeys(ways, np.inf)
    for _ in range(repeats):
        for name, way in ways.items():
            least[name] = min(least[name], seconds_of(way))
    return [
        {
            "batch": len(at.y),
            "way": name,
            "us a problem": 1e6 * least[name] / len(at.y),
            "ratio to by hand": least[name] / least["by hand"],
            "largest difference of y_hat, metres": float((results[name][0] - exact[0]).abs().max()),
            "largest difference of the gradient, relative": float(
                (results[name][1] - exact[1]).abs().max() / exact[1].abs().max()
            ),
        }
        for name in ways
    ]


def seconds_of(call: Callable[[], object], least: float = 0.01) -> float:
    """Seconds of one call; of so many in a row that they take `least` seconds."""
    count, start = 0, time.perf_counter()
    while True:
        call()
        count += 1
        passed = time.perf_counter() - start
        if passed >= least:
            return passed / count


def lines_of_code(function: Callable) -> int:
    """The lines of a function less blank lines, comments and the docstring."""
    source = textwrap.dedent(inspect.getsource(function))
    definition = ast.parse(source).body[0]
    assert isinstance(definition, ast.FunctionDef)
    lines = source.splitlines()
    if ast.get_docstring(definition):
        docstring = definition.body[0]
        del lines[docstring.lineno - 1 : docstring.end_lineno]
    return sum(bool(line.strip()) and not line.strip().startswith("#") for line in lines)


def lines_of_ways() -> dict[str, dict[str, int]]:
    """For every way, the lines of each function that it is made of."""
    return {way: {part.__name__: lines_of_code(part) for part in parts} for way, parts in MADE_OF.items()}


if __name__ == "__main__":
    tyro.cli(main)
