"""Wrong gradients, each of which the checker must refuse. The right ones, of the same cases, are in the ledger."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from lifting.belief import belief_gradient, exact_belief_gradient
from lifting.checking.cases import SIZE, Frame, frames, peaks_of_frames
from lifting.checking.gradient_check import GradientError, check_jacobian, check_products
from lifting.checking.gradients import factors
from lifting.landmark_gradient import jacobian, landmark_model, pull_back, push_forward
from lifting.pose_prior import Gaussian
from lifting.support.arrays import Array


@dataclass(frozen=True)
class Mistake:
    """A wrong gradient, what it was fed to, whether it was refused, and the relative error that was seen."""

    name: str
    checker: str
    refused: bool
    error: float


def mistakes() -> list[Mistake]:
    """All wrong gradients, and whether they are refused."""
    frame, peak = frames("missing")[0], peaks_of_frames()[2]
    shape = (*frame.Y.shape, *frame.Y.shape)
    jacobians = {name: (J.reshape(shape), frame.pose, frame.Y) for name, J in _wrong_jacobians(frame).items()}
    G = belief_gradient(peak.Y, *SIZE, peak.sigma, 1.0)
    J = np.moveaxis(exact_belief_gradient(peak.Y, *SIZE, peak.sigma)[0], 0, -1)[..., None]
    of_maps = {
        "derivative of B_hat with the other sign": -J,
        "derivative of B_hat, x and y swapped": J[:, :, ::-1],
        "derivative of B_hat, over sigma and not sigma^2": J * peak.sigma,
        "(9) at 1 px, taken for the derivative": np.moveaxis(G[0], 0, -1)[..., None],
    }
    products = {
        name: partial(check_products, frame.pose, *pair, frame.Y, np.random.default_rng(7))
        for name, pair in _wrong_products(frame).items()
    }
    return [
        *(_refused(name, "check_jacobian", partial(check_jacobian, *wrong)) for name, wrong in jacobians.items()),
        *(_refused(name, "check_products", check) for name, check in products.items()),
        *(
            _refused(name, "check_jacobian", partial(check_jacobian, wrong, peak.map, peak.Y))
            for name, wrong in of_maps.items()
        ),
    ]


def _refused(name: str, checker: str, check: Callable[[], float]) -> Mistake:
    try:
        return Mistake(name, checker, False, check())
    except GradientError as error:
        return Mistake(name, checker, True, error.error)


def _wrong_jacobians(frame: Frame) -> dict[str, Array]:
    J, L = jacobian(*factors(frame, "numpy")), frame.prior.L
    swapped = np.arange(2 * L)
    swapped[[1, 4, L + 1, L + 4]] = [4, 1, L + 4, L + 1]
    off = J.copy()
    off[np.unravel_index(np.argmax(np.abs(J)), J.shape)] *= 1.01
    mu, e, sigma = frame.gaussian
    return {
        "(8) times 1.001": 1.001 * J,
        "(8) transposed (two landmarks missing: with all seen it is symmetric)": J.T,
        "(8), two landmarks swapped": J[:, swapped],
        "(8), sigma inverted": jacobian(
            *landmark_model(Gaussian(mu, e, 1 / sigma), frame.theta, weights=frame.weights)
        ),
        "(8), its largest entry off by a hundredth": off,
        "(8), y counted downwards in Y alone": J * np.repeat([1.0, -1.0], L),
        "(8) in image coordinates, taken for centred ones": J + frame.plain().mean,
    }


def _wrong_products(frame: Frame) -> dict[str, tuple[Callable, Callable]]:
    E, E_bar_t = factors(frame, "numpy")

    def push(v: Array) -> Array:
        return push_forward(E, E_bar_t, v.reshape(-1)).reshape(frame.Y.shape)

    def pull(g: Array) -> Array:
        return pull_back(E, E_bar_t, g.reshape(-1)).reshape(frame.Y.shape)

    return {
        "J v of (8) times 1.001": (lambda v: 1.001 * push(v), pull),
        "J^T g of (8) times 1.001": (push, lambda g: 1.001 * pull(g)),
        "J g in the place of J^T g (two landmarks missing)": (push, push),
    }
