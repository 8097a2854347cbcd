"""Every gradient of the supplement and of the layer with the routes to compare it with: the rows of the ledger.

A `Gradient` is a row. What it is computed for is in `lifting.checking.cases`, the routes in `lifting.checking.routes`.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from lifting.belief import belief_gradient, exact_belief_gradient, pull_back_maps
from lifting.camera import flip_y, project, tilted_camera
from lifting.checking import routes
from lifting.checking.cases import SIZE, Frame, Maps, Peak, frames, maps, peaks_of_frames, truncation
from lifting.checking.gradient_check import EPS, ROUNDING
from lifting.checking.routes import EXACT, Library, Map, Reference, Route, Solver, as_array, exactly, usual_routes
from lifting.front import landmark_jacobian
from lifting.landmark_gradient import (
    coefficients_to_landmarks,
    jacobian,
    landmark_model,
    landmarks_to_coefficients,
    pull_back,
    push_forward,
)
from lifting.layer import LiftingLayer
from lifting.solve import projected_model
from lifting.support.arrays import Array, like, namespace, to_numpy

Ours = Callable[[Any, Library], Array]
Products = Callable[[Any, Library], tuple[Callable, Callable, Callable, Array]]


@dataclass(frozen=True)
class Gradient:
    """A row of the ledger: the gradient under test, the cases that it is computed for, and the routes to compare."""

    name: str
    cases: Sequence[Any]
    ours: Ours
    routes: dict[str, Route]
    libraries: tuple[Library, ...] = ("numpy", "torch")
    products: Products | None = None
    """(f, push_forward, pull_back, x), for the two columns that never form the matrix."""
    note: str = ""


# --- eq. (3), (4), (7) -------------------------------------------------------------------------------------------


def coefficient_rows() -> list[Gradient]:
    """dY_hat/da, eq. (3) and (4), and da/d[y,0], eq. (7)."""

    def start(frame: Frame) -> np.ndarray:
        return np.asarray(frame.winner.a)

    def landmarks(frame: Frame, a: Array) -> Array:
        mu, e, _ = (like(value, a) for value in frame.gaussian)
        shape = mu + namespace(a).sum(a[..., None, None] * e, axis=-3)
        return project(shape, like(frame.theta, a), camera=frame.camera)

    def landmarks_plainly(frame: Frame, a: Array) -> Array:
        D = frame.plain().D
        return (a @ (torch.from_numpy(D) if torch.is_tensor(a) else D).T).reshape(len(a), 2, -1)

    def eq_3(frame: Frame, library: Library) -> Array:
        gaussian, theta, camera = frame.model(library)
        return to_numpy(coefficients_to_landmarks(gaussian.e, theta, camera=camera)).transpose(1, 2, 0)

    def eq_4(frame: Frame, library: Library) -> Array:
        gaussian, theta, camera = frame.model(library)
        return projected_model(gaussian.mu, gaussian.e, theta, camera=camera)[1]

    def by_hand(frame: Frame) -> np.ndarray:
        e, (c, s) = frame.gaussian.e, (np.cos(frame.theta), np.sin(frame.theta))
        J = np.empty((2, e.shape[-1], e.shape[0]))
        for j, landmark in np.ndindex(e.shape[0], e.shape[-1]):
            x, y, z = e[j, :, landmark]
            turned = c * x + s * z, y, c * z - s * x
            J[:, landmark, j] = [sum(frame.camera[row, i] * turned[i] for i in range(3)) for row in range(2)]
        return J

    def unwrapped(f: Map) -> Map:
        return lambda frame, a: f(frame, a).reshape(len(a), -1)

    tilted = [Frame(frame.Y, frame.prior, frame.weights, tilted_camera(0.2)) for frame in frames()]
    tensor = {"by hand": exactly(by_hand)} | usual_routes(start, landmarks, landmarks_plainly)
    matrix = {"by hand": exactly(lambda frame: by_hand(frame).reshape(-1, frame.prior.J))}
    matrix |= usual_routes(start, unwrapped(landmarks), unwrapped(landmarks_plainly))
    return [
        Gradient("dY_hat/da = Pi R e (3)", tilted, eq_3, tensor),
        Gradient("dy_hat/da = E (4)", tilted, eq_4, matrix),
        _pseudo_inverse_row(),
    ]


def _pseudo_inverse_row() -> Gradient:
    def ours(frame: Frame, library: Library) -> Array:
        E = projected_model(frame.gaussian.mu, frame.gaussian.e, frame.theta)[1]
        return landmarks_to_coefficients(as_array(library, E), as_array(library, frame.gaussian.sigma))

    def target(frame: Frame) -> np.ndarray:
        return np.concatenate([frame.Y.ravel(), np.zeros(frame.prior.J)])

    def plain(frame: Frame, t: Array, solver: Solver = "solve") -> Array:
        xp: Any = torch if torch.is_tensor(t) else np
        E_bar = xp.asarray(frame.plain().stacked)
        if solver == "pinv":
            return (xp.linalg.pinv(E_bar) @ t.T).T
        return xp.linalg.solve(E_bar.T @ E_bar, E_bar.T @ t.T).T

    def by_least_squares(frame: Frame, t: Array) -> Array:
        return like(np.linalg.lstsq(frame.plain().stacked, to_numpy(t).T, rcond=None)[0].T, t)

    compared = {"by hand": exactly(lambda frame: routes.svd_pseudo_inverse(frame.plain().stacked))}
    compared |= usual_routes(target, by_least_squares, plain, pinv=True)
    note = "The central difference is that of `np.linalg.lstsq`, which gives no derivative itself."
    return Gradient("da/d[y,0] = E_bar_dagger (7)", frames(), ours, compared, note=note)


# --- eq. (8) -----------------------------------------------------------------------------------------------------


def factors(frame: Frame, library: Library, rows: int = 2) -> tuple[Array, Array]:
    """E and E_bar_t of the winner, by the package; with `rows` 3, E has those of z below, which are not centred."""
    gaussian, theta, camera = frame.model(library)
    weights = as_array(library, frame.weights)
    E, E_bar_t = landmark_model(gaussian, theta, free_scale=frame.scale is None, weights=weights, camera=camera)
    if rows == 2:
        return E, E_bar_t
    mu, e, _ = frame.gaussian
    shapes = np.concatenate([mu[None], e]) if frame.scale is None else e
    depth = (frame.camera @ to_numpy(frame.winner.R) @ shapes)[:, 2].T
    return namespace(E).concat([E, as_array(library, depth)]), E_bar_t


def landmark_rows() -> list[Gradient]:
    """dY_hat/dY, eq. (8), in all ways of solving."""
    return [
        _landmark_row("dY_hat/dY = E E_bar_t (8)", frames("fixed")),
        _landmark_row("(8), scale free", frames("free")),
        _landmark_row("(8), landmarks missing", frames("missing")),
        _landmark_row("(8), landmarks weighted", frames("weighted")),
        _landmark_row("(8), missing, free, camera tilted", frames("all")),
        _landmark_row("(8), the same in image coordinates", frames("all"), image=True),
        _landmark_row("dpose/dY, 3D (8)", frames("free"), rows=3),
    ]


def _landmark_row(name: str, cases: list[Frame], rows: int = 2, image: bool = False) -> Gradient:
    def ours(frame: Frame, library: Library) -> Array:
        Y = as_array(library, frame.Y)
        if image:
            J = landmark_jacobian(frame.lift(Y), frame.prior, centred=False)
        elif rows == 2:
            J = jacobian(*factors(frame, library))
        else:
            J = push_forward(*factors(frame, library, rows), namespace(Y).eye(frame.Y.size, dtype=Y.dtype)).T
        return J.reshape((rows, -1, *frame.Y.shape))

    def f(frame: Frame, Y: Array) -> Array:
        return frame.lift_at_winner(Y).Y_hat if image else frame.pose(Y, rows)

    def plain(frame: Frame, Y: Array, solver: Solver = "solve") -> Array:
        pose = routes.lift_plainly(frame.plain(rows), Y.reshape(len(Y), -1), solver, image=image)
        return pose.reshape(len(Y), rows, -1)

    def closed(form: Callable[[routes.PlainModel], np.ndarray]) -> Route:
        def J(frame: Frame) -> np.ndarray:
            model = frame.plain(rows)
            return (form(model) + (model.mean if image else 0.0)).reshape(rows, -1, *frame.Y.shape)

        return exactly(J)

    def products(frame: Frame, library: Library) -> tuple[Callable, Callable, Callable, Array]:
        E, E_bar_t = factors(frame, library, rows)
        return (
            lambda Y: f(frame, Y),
            lambda v: push_forward(E, E_bar_t, v.reshape(-1)).reshape((rows, -1)),
            lambda g: pull_back(E, E_bar_t, g.reshape(-1)).reshape(frame.Y.shape),
            as_array(library, frame.Y),
        )

    compared = {"by hand": closed(routes.by_svd), "conditioning": closed(routes.by_conditioning)}
    compared |= usual_routes(lambda frame: frame.Y, f, plain, pinv=True)
    return Gradient(name, cases, ours, compared, products=None if image else products)


# --- eq. (9) -----------------------------------------------------------------------------------------------------


def one_pixel(f: Callable[[Array], Array], Y: Array) -> Reference:
    """The central difference of f with a step of one pixel: what (9) at 1 px is, and no approximation of it."""
    moves = like(np.reshape(np.eye(math.prod(Y.shape)), (-1, *Y.shape)), Y)
    J = np.moveaxis(to_numpy(f(Y + moves) - f(Y - moves)) / 2, 0, -1)
    return Reference(np.reshape(J, (*J.shape[:-1], *Y.shape)))


def belief_rows() -> list[Gradient]:
    """dB_hat/dY_hat, eq. (9): as printed, against the derivative that it approximates, and that derivative itself."""

    def shaped(G: Array) -> np.ndarray:
        return np.moveaxis(to_numpy(G)[0], 0, -1)[..., None]  # (1, 2, H, W) to (H, W, 2, 1)

    def printed(delta: float) -> Ours:
        return lambda peak, library: shaped(belief_gradient(as_array(library, peak.Y), *SIZE, peak.sigma, delta))

    def derivative(peak: Peak, library: Library) -> np.ndarray:
        return shaped(exact_belief_gradient(as_array(library, peak.Y), *SIZE, peak.sigma))

    def truncated(route: Route, delta: float) -> Route:
        def wider(peak: Peak, library: Library) -> Reference:
            J, bound = route(peak, library)
            rounding = ROUNDING * EPS / delta  # that of two maps, whose difference is divided by 2 delta
            return Reference(J, bound + rounding + truncation(delta, peak.sigma) / float(np.abs(J).max()))

        return wider

    def products(peak: Peak, library: Library) -> tuple[Callable, Callable, Callable, Array]:
        J, Y = derivative(peak, library)[..., 0], as_array(library, peak.Y)
        push = lambda v: J @ to_numpy(v)[:, 0]  # noqa: E731
        return peak.map, push, lambda g: pull_back_maps(g[None], Y, peak.sigma, None), Y

    cases = peaks_of_frames()
    exact = {"by hand": exactly(lambda peak: shaped(routes.gaussian_derivative(peak.Y.ravel(), *SIZE, peak.sigma)))}
    exact |= usual_routes(lambda peak: peak.Y, Peak.map, Peak.map_plainly)
    as_printed: dict[str, Route] = {
        "by hand": exactly(lambda peak: shaped(routes.gaussian_difference(peak.Y.ravel(), *SIZE, peak.sigma, 1.0))),
        "central difference": lambda peak, library: one_pixel(peak.map_plainly, as_array(library, peak.Y)),
    }
    rows = [Gradient("dB_hat/dY_hat (9), 1 px, as printed", cases, printed(1.0), as_printed,
                     note="(9) is itself a central difference, of step delta: here one of 1 px.")]  # fmt: skip
    for delta in (1.0, 1e-3):
        compared = {name: truncated(route, delta) for name, route in exact.items()}
        note = f"Taylor allows delta^2 max |b'''| / 6, which is {truncation(delta, 1.0):.2g} in maps of peak 1."
        rows.append(Gradient(f"(9), {delta:g} px, against the derivative", cases, printed(delta), compared, note=note))
    rows.append(Gradient("derivative of B_hat", cases, derivative, exact, products=products))
    return rows


# --- the chain ---------------------------------------------------------------------------------------------------


def chained(case: Maps, library: Library) -> Array:
    """dL/dY (2, L) by the package: (9) in the limit of small delta, then (8)."""
    Y_hat = flip_y(as_array(library, np.asarray(case.frame.winner.Y_hat)))
    g = flip_y(pull_back_maps(as_array(library, case.G), Y_hat, case.sigma, None))
    E, E_bar_t = factors(case.frame, library)
    back = pull_back(E, E_bar_t, g.reshape(-1)).reshape(case.Y.shape)
    return flip_y(back + g.mean(-1)[:, None])  # the mean of the landmarks passes straight through


def chained_by_hand(case: Maps) -> np.ndarray:
    """dL/dY (2, L) by the SVD of E_bar and the two-dimensional Gaussian."""
    model = case.frame.plain()
    sign = np.repeat([1.0, -1.0], case.Y.shape[-1])
    J = sign[:, None] * (routes.by_svd(model) + model.mean) * sign
    b = routes.gaussian_derivative(sign * np.asarray(case.frame.winner.Y_hat).ravel(), *case.size, case.sigma)
    return (np.einsum("lhw,lchw->cl", case.G, b).ravel() @ J).reshape(case.Y.shape)


def layer_gradient(case: Maps, B: torch.Tensor, **options: Any) -> tuple[torch.Tensor, Any]:
    """The gradient of L = <G, B_hat> by B (L, H, W) that the layer gives, and the layer's result."""
    layer = LiftingLayer(case.prior, sigma=case.sigma, **{"delta": None, **options})
    leaf = B[None].clone().requires_grad_()
    lifted = layer(leaf)
    (lifted.B_hat[0] * torch.from_numpy(case.G)).sum().backward()
    assert leaf.grad is not None
    return leaf.grad[0], lifted


def chain_rows() -> list[Gradient]:
    """From B_hat to Y and on to B, as the layer does it."""

    def beside(case: Maps) -> np.ndarray:
        return case.Y + 0.3

    def pulled(delta: float | None) -> Ours:
        return lambda case, library: pull_back_maps(
            as_array(library, case.G), as_array(library, beside(case)), case.sigma, delta
        )

    def pulled_by_hand(derivative: Callable, *delta: float) -> Route:
        def J(case: Maps) -> np.ndarray:
            return np.einsum("lhw,lchw->cl", case.G, derivative(beside(case).ravel(), *case.size, case.sigma, *delta))

        return exactly(J)

    def at_the_peaks(case: Maps, _: Library) -> np.ndarray:
        """|dL/dY_p| of every landmark, read off the layer's gradient in B."""
        gradient, _ = layer_gradient(case, case.B)
        x, y = case.Y.astype(int)
        return gradient.numpy()[np.arange(len(x)), y, x]

    def lengths(route: Route) -> Route:
        def norms(case: Maps, library: Library) -> Reference:
            J, bound = route(case, library)
            # the length of a vector whose two entries are off by b at most is off by sqrt 2 b
            return Reference(np.linalg.norm(J, axis=0), bound if bound == EXACT else np.sqrt(2) * bound)

        return norms

    cases = maps()
    at_one_pixel: dict[str, Route] = {
        "by hand": pulled_by_hand(routes.gaussian_difference, 1.0),
        "central difference": lambda case, library: one_pixel(case.inner, as_array(library, beside(case))),
    }
    exact = {"by hand": pulled_by_hand(routes.gaussian_derivative)} | usual_routes(
        beside, Maps.inner, Maps.inner_plainly
    )
    chain = {"by hand": exactly(chained_by_hand)}
    chain |= usual_routes(lambda case: case.Y, Maps.loss, Maps.loss_plainly, pinv=True)
    return [
        Gradient("maps pulled back (9), 1 px", cases, pulled(1.0), at_one_pixel),
        Gradient("maps pulled back, derivative", cases, pulled(None), exact),
        Gradient("dL/dY, (9) then (8)", cases, chained, chain),
        Gradient("|dL/dY_p| that the layer hands on", cases, at_the_peaks,
                 {name: lengths(route) for name, route in chain.items()}, ("torch",),
                 note="The layer's gradient in B tells |dL/dY_p| exactly: it is the value at the peak, over k."),
        _soft_row(cases[:2]),
    ]  # fmt: skip


def _soft_row(cases: list[Maps]) -> Gradient:
    """dL/dB of the layer with "soft-argmax", which torch differentiates, against the chain written out."""
    # at the layer's sharpness of 20 the softmax is so sharp that rounding at its peak takes four more digits
    soft: dict[str, Any] = {"gradient": "soft-argmax", "sharpness": 10.0}

    def softly(B: Array) -> tuple[Array, Array]:
        """The weights of the softmax (..., L, H, W), and the mean locations (..., 2, L) under them."""
        xp: Any = torch if torch.is_tensor(B) else np
        raised = xp.exp(soft["sharpness"] * B)
        weight = raised / raised.sum((-2, -1))[..., None, None]
        return weight, xp.stack([(weight * xp.asarray(z)).sum((-2, -1)) for z in routes.pixel_grid(*B.shape[-2:])], -2)

    def at_softmax(case: Maps) -> tuple[np.ndarray, Maps]:
        """The weights of the softmax, and the same case at the mean locations under them."""
        weight, Y = softly(to_numpy(case.B))
        return weight, Maps(Y, case.prior, case.G, case.sigma)

    def by_hand(case: Maps) -> np.ndarray:
        weight, at = at_softmax(case)
        away = np.stack(routes.pixel_grid(*case.size))[:, None] - at.Y[:, :, None, None]
        return soft["sharpness"] * weight * (chained_by_hand(at)[:, :, None, None] * away).sum(0)

    def by_autograd(solver: Solver) -> Route:
        def J(case: Maps) -> np.ndarray:
            _, at = at_softmax(case)
            return routes.autograd(lambda B: at.loss_plainly(softly(B)[1], solver), to_numpy(case.B))

        return exactly(J)

    def ours(case: Maps, library: Library) -> Array:
        return layer_gradient(case, case.B, **soft)[0]

    def products(case: Maps, library: Library) -> tuple[Callable, Callable, Callable, Array]:
        layer = LiftingLayer(case.prior, sigma=case.sigma, **soft)
        G, gradient = torch.from_numpy(case.G), ours(case, library)
        loss = lambda B: (layer(B).B_hat * G).sum((1, 2, 3))  # noqa: E731
        return loss, lambda v: (gradient * v).sum(), lambda g: gradient * g, case.B

    compared = {"by hand": exactly(by_hand), "autograd": by_autograd("solve"), "autograd, pinv": by_autograd("pinv")}
    return Gradient("dL/dB of the layer, soft-argmax", cases, ours, compared, ("torch",), products)
