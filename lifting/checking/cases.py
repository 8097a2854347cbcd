"""What the ledger of gradients is made of: the frames, and for every gradient the routes to compare it with.

Three kinds of cases: a `Frame`, lifted, for eq. (3)-(8); a `Peak`, one landmark of a belief map, for eq. (9); `Maps`, a
frame in belief maps with a loss, for the chain of the layer. A `Gradient` is a row of the ledger. The routes
themselves are in `lifting.checking.routes`.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float

from lifting.belief import belief_gradient, belief_maps, exact_belief_gradient, pull_back_maps
from lifting.camera import project, tilted_camera
from lifting.checking.gradient_check import (
    EPS,
    ROUNDING,
    Difference,
    GradientError,
    bounded_difference,
    complex_step,
)
from lifting.checking.routes import (
    PlainModel,
    Solver,
    autograd,
    by_conditioning,
    by_svd,
    flip,
    gaussian_derivative,
    gaussian_difference,
    gaussians,
    lift_plainly,
    pixel_grid,
    plain_model,
    svd_pseudo_inverse,
)
from lifting.datasets.motion_capture import load_motion_capture
from lifting.front import Lifted, landmark_jacobian, lift
from lifting.landmark_gradient import (
    coefficients_to_landmarks,
    jacobian,
    landmark_model,
    landmarks_to_coefficients,
    pull_back,
    push_forward,
)
from lifting.layer import LiftingLayer
from lifting.pose_prior import Gaussian, PosePrior, load_prior, sample
from lifting.solve import projected_model
from lifting.support.arrays import Array, like, namespace, to_numpy

EXACT = 1e-10
"""The bound on routes that are exact but for rounding: four digits above what rounding leaves."""

Library = Literal["numpy", "torch"]
LIBRARIES: tuple[Library, ...] = ("numpy", "torch")


class Reference(NamedTuple):
    """What a route says, and how far off it may be, relative to its largest entry."""

    J: np.ndarray
    bound: float = EXACT


def from_difference(difference: Difference) -> Reference:
    """A central difference as a reference, its bound made relative."""
    return Reference(difference.J, difference.bound / float(np.abs(difference.J).max()))


Ours = Callable[[Any, Library], Array]
Route = Callable[[Any, Library], Reference]


@dataclass(frozen=True)
class Gradient:
    """A row of the ledger: the gradient under test, the cases that it is computed for, and the routes to compare."""

    name: str
    cases: Sequence[Any]
    ours: Ours
    routes: dict[str, Route]
    libraries: tuple[Library, ...] = LIBRARIES
    products: Callable[[Any, Library], tuple[Callable, Callable, Callable, Array]] | None = None
    """(f, push_forward, pull_back, x), for the two columns that never form the matrix."""
    note: str = ""


def _as(library: Library, value: np.ndarray) -> Array:
    return torch.tensor(value) if library == "torch" else np.array(value)


Map = Callable[[Any, Array], Array]
"""A function of a case and of points (n, ...), one value a point."""


def usual_routes(point: Callable[[Any], np.ndarray], f: Map, plain: Map, pinv: Map | None = None) -> dict[str, Route]:
    """The routes that any derivative at `point(case)` has.

    Args:
        point: where.
        f: the package's function, for the central difference.
        plain: the same written out in a way that takes NumPy (complex numbers too) and torch: for the other two.
        pinv: once more, with the pseudo-inverse, where there is a linear system to solve.
    """

    def by_autograd(plain: Map) -> Route:
        return lambda case, _: Reference(autograd(lambda x: plain(case, x), point(case)))

    routes = {"autograd": by_autograd(plain)} | ({"autograd, pinv": by_autograd(pinv)} if pinv else {})
    return routes | {
        "central difference": lambda case, library: from_difference(
            bounded_difference(lambda x: f(case, x), _as(library, point(case)))
        ),
        "complex step": lambda case, _: Reference(complex_step(lambda x: plain(case, x), point(case))),
    }


# ---- the frames ----


@dataclass(frozen=True)
class Frame:
    """One frame and how it is lifted."""

    Y: Float[np.ndarray, "2 L"]
    """Landmarks, y up."""
    prior: PosePrior
    visible: Bool[np.ndarray, " L"]
    camera: Float[np.ndarray, "3 3"] = field(default_factory=lambda: np.eye(3))
    scale: float | None = 1.0
    winner: Lifted = field(init=False)
    """What `lift` finds."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "winner", self.lift(self.Y))

    def lift(self, Y: Array) -> Lifted:
        """`lifting.lift` as this frame wants it."""
        return lift(Y, self.prior, scale=self.scale, visible=self._mask(Y), camera=self.camera)

    def lift_at_winner(self, Y: Array) -> Lifted:
        """The same, refused where another rotation or component wins than at the frame itself."""
        result = self.lift(Y)
        here = self.winner
        if bool((result.component != int(here.component)).any()) or bool((result.theta != float(here.theta)).any()):
            raise GradientError("lift: another rotation or component wins near by, where the mapping jumps")
        return result

    def _mask(self, Y: Array) -> Array:
        seen = np.broadcast_to(self.visible, (*Y.shape[:-2], Y.shape[-1]))
        return torch.tensor(seen) if torch.is_tensor(Y) else seen

    @property
    def component(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """mu, e and sigma of the winning component."""
        k = int(self.winner.component)
        return self.prior.mu[k], self.prior.e[k], self.prior.sigma[k]

    @property
    def theta(self) -> np.ndarray:
        """The winning angle."""
        return np.asarray(self.winner.theta)

    def model(self, library: Library) -> tuple[Array, Array]:
        """E and E_bar_t of the winner, by the package."""
        mu, e, sigma, theta = (_as(library, value) for value in (*self.component, self.theta))
        return landmark_model(Gaussian(mu, e, sigma), theta, free_scale=self.scale is None,
                              weights=_as(library, self.visible), camera=_as(library, self.camera))  # fmt: skip

    def pose_model(self, library: Library) -> tuple[Array, Array]:
        """The same with 3L rows: those of z are not centred again."""
        E, E_bar_t = self.model(library)
        mu, e, _ = self.component
        R = self.camera @ to_numpy(self.winner.R)
        shapes = np.concatenate([mu[None], e]) if self.scale is None else e
        depth = _as(library, (R @ shapes)[:, 2].T)
        return namespace(E).concat([E, depth]), E_bar_t

    def plain(self, rows: int = 2) -> PlainModel:
        """The winner's least squares, written out."""
        return plain_model(*self.component, float(self.theta), self.visible, self.camera, self.scale, rows)

    def centre(self, Y_hat: Array) -> Array:
        """Y_hat (n, 2, L), minus the mean of the visible landmarks."""
        middle = Y_hat @ like(self.visible / self.visible.sum(), Y_hat)
        return Y_hat - middle[..., None]

    def centred(self, Y: Array) -> Array:
        """The centred Y_hat of landmarks Y (n, 2, L)."""
        return self.centre(self.lift_at_winner(Y).Y_hat)


def frames(kind: Literal["fixed", "free", "missing", "all"] = "fixed") -> list[Frame]:
    """Three real frames with the embedded prior and one of a random prior, in one of the ways of solving.

    "fixed": a known scale. "free": the scale solved for, in pixels. "missing": two landmarks unseen. "all": unseen
    landmarks, a free scale and a camera that is not level.
    """
    rng = np.random.default_rng(3)
    prior = embedded_prior()
    motion = load_motion_capture().poses
    poses = motion[rng.choice(len(motion), 3, replace=False)].astype(np.float64)
    drawn = random_prior(rng)
    tilted, free = kind == "all", kind in ("free", "all")
    camera = tilted_camera(0.2) if tilted else np.eye(3)
    result = []
    for pose, its_prior in [*((pose, prior) for pose in poses), (sample(drawn, 1, rng).poses[0], drawn)]:
        Y = project(pose, np.asarray(rng.uniform(0, 2 * np.pi)), camera=camera)
        Y = Y + 0.005 * rng.normal(size=Y.shape)
        visible = np.ones(Y.shape[-1], dtype=bool)
        if kind in ("missing", "all"):
            visible[rng.choice(Y.shape[-1], 2, replace=False)] = False
        if free:
            Y = 40 * Y + np.array([[150.0], [-120.0]])
        result.append(Frame(Y, its_prior, visible, camera, None if free else 1.0))
    return result


@cache
def embedded_prior() -> PosePrior:
    """The embedded prior, one and the same: tables are kept for a prior that was seen before."""
    return load_prior()


def random_prior(rng: np.random.Generator, K: int = 2, J: int = 4, L: int = 8) -> PosePrior:
    """A prior of no particular shape, half a metre in size."""
    mu = 0.5 * rng.normal(size=(K, 3, L))
    mu[:, 1] += np.linspace(-1, 1, L)  # so that all components stand the same way up, as people do
    mu -= mu.mean(axis=-1, keepdims=True)
    e = rng.normal(size=(K, J, 3, L))
    e -= e.mean(axis=-1, keepdims=True)
    e = np.swapaxes(np.linalg.qr(np.swapaxes(e.reshape(K, J, 3 * L), 1, 2))[0], 1, 2).reshape(K, J, 3, L)
    return PosePrior(mu, e, rng.uniform(0.05, 0.5, (K, J)), np.full(K, 1e-3), np.full(K, 1 / K))


# ---- eq. (3), (4), (7) ----


def coefficient_rows() -> list[Gradient]:
    """dY_hat/da, eq. (3) and (4), and da/d[y,0], eq. (7)."""

    def start(frame: Frame) -> np.ndarray:
        return np.asarray(frame.winner.a)

    def landmarks(frame: Frame, a: Array) -> Array:
        mu, e, _ = (like(value, a) for value in frame.component)
        shape = mu + namespace(a).sum(a[..., None, None] * e, axis=-3)
        return project(shape, like(frame.theta, a), camera=frame.camera)

    def landmarks_plainly(frame: Frame, a: Array) -> Array:
        D = frame.plain().D
        y_hat = a @ (torch.from_numpy(D) if torch.is_tensor(a) else D).T
        return y_hat.reshape(len(a), 2, -1)

    def eq_3(frame: Frame, library: Library) -> Array:
        e, theta, camera = (_as(library, value) for value in (frame.component[1], frame.theta, frame.camera))
        return to_numpy(coefficients_to_landmarks(e, theta, camera=camera)).transpose(1, 2, 0)

    def eq_4(frame: Frame, library: Library) -> Array:
        mu, e, theta, camera = (_as(library, value) for value in (*frame.component[:2], frame.theta, frame.camera))
        return projected_model(mu, e, theta, camera=camera)[1]

    def by_hand(frame: Frame) -> np.ndarray:
        e, (c, s) = frame.component[1], (np.cos(frame.theta), np.sin(frame.theta))
        J = np.empty((2, e.shape[-1], e.shape[0]))
        for j, landmark in np.ndindex(e.shape[0], e.shape[-1]):
            x, y, z = e[j, :, landmark]
            turned = c * x + s * z, y, c * z - s * x
            J[:, landmark, j] = [sum(frame.camera[row, i] * turned[i] for i in range(3)) for row in range(2)]
        return J

    def unwrapped(f: Map) -> Map:
        return lambda frame, a: f(frame, a).reshape(len(a), -1)

    tilted = [Frame(frame.Y, frame.prior, frame.visible, tilted_camera(0.2)) for frame in frames()]
    tensor = {"by hand": lambda frame, _: Reference(by_hand(frame))}
    matrix = {"by hand": lambda frame, _: Reference(by_hand(frame).reshape(-1, frame.prior.J))}
    return [
        Gradient("dY_hat/da = Pi R e (3)", tilted, eq_3, tensor | usual_routes(start, landmarks, landmarks_plainly)),
        Gradient("dy_hat/da = E (4)", tilted, eq_4,
                 matrix | usual_routes(start, unwrapped(landmarks), unwrapped(landmarks_plainly))),
        _pseudo_inverse_row(),
    ]  # fmt: skip


def _pseudo_inverse_row() -> Gradient:
    def ours(frame: Frame, library: Library) -> Array:
        mu, e, sigma = frame.component
        E = projected_model(mu, e, frame.theta)[1]
        return landmarks_to_coefficients(_as(library, E), _as(library, sigma))

    def stacked(frame: Frame, t: Array) -> Array:
        E_bar = frame.plain().stacked
        return torch.from_numpy(E_bar) if torch.is_tensor(t) else E_bar

    def target(frame: Frame) -> np.ndarray:
        return np.concatenate([frame.Y.ravel(), np.zeros(frame.prior.J)])

    def by_normal_equations(frame: Frame, t: Array) -> Array:
        E_bar, linalg = stacked(frame, t), torch.linalg if torch.is_tensor(t) else np.linalg
        return linalg.solve(E_bar.T @ E_bar, E_bar.T @ t.T).T

    def by_least_squares(frame: Frame, t: Array) -> Array:
        return like(np.linalg.lstsq(frame.plain().stacked, to_numpy(t).T, rcond=None)[0].T, t)

    routes: dict[str, Route] = {"by hand": lambda frame, _: Reference(svd_pseudo_inverse(frame.plain().stacked))}
    routes |= usual_routes(target, by_least_squares, by_normal_equations,
                           lambda frame, t: (torch.linalg.pinv(stacked(frame, t)) @ t.T).T)  # fmt: skip
    note = "The central difference is that of `np.linalg.lstsq`, which gives no derivative itself."
    return Gradient("da/d[y,0] = E_bar_dagger (7)", frames(), ours, routes, note=note)


# ---- eq. (8) ----


def landmark_rows() -> list[Gradient]:
    """dY_hat/dY, eq. (8), in all ways of solving."""

    def ours(frame: Frame, library: Library) -> Array:
        J = jacobian(*frame.model(library))
        return J.reshape((*frame.Y.shape, *frame.Y.shape))

    def ours_front(frame: Frame, library: Library) -> Array:
        result = frame.lift(_as(library, frame.Y))
        return landmark_jacobian(result, frame.prior, centred=False).reshape((*frame.Y.shape, *frame.Y.shape))

    def ours_pose(frame: Frame, library: Library) -> Array:
        return jacobian(*frame.pose_model(library)).reshape((3, frame.Y.shape[-1], *frame.Y.shape))

    def row(name: str, cases: list[Frame], formula: Ours = ours, rows: int = 2, image: bool = False) -> Gradient:
        def f(frame: Frame, Y: Array) -> Array:
            result = frame.lift_at_winner(Y)
            if image:
                return result.Y_hat
            return namespace(Y).concat([frame.centre(result.Y_hat), result.pose[..., 2:rows, :]], axis=-2)

        def plain(frame: Frame, Y: Array, solver: Solver = "solve") -> Array:
            pose = lift_plainly(frame.plain(rows), Y.reshape(len(Y), -1), solver, image=image)
            return pose.reshape(len(Y), rows, -1)

        def by_hand(form: Callable[[PlainModel], np.ndarray]) -> Route:
            def J(frame: Frame, _: Library) -> Reference:
                model = frame.plain(rows)
                whole = form(model) + (model.mean if image else 0.0)
                return Reference(whole.reshape(rows, -1, *frame.Y.shape))

            return J

        def products(frame: Frame, library: Library) -> tuple[Callable, Callable, Callable, Array]:
            E, E_bar_t = frame.pose_model(library) if rows == 3 else frame.model(library)
            return (
                lambda Y: f(frame, Y),
                lambda v: push_forward(E, E_bar_t, v.reshape(-1)).reshape((rows, frame.Y.shape[-1])),
                lambda g: pull_back(E, E_bar_t, g.reshape(-1)).reshape(frame.Y.shape),
                _as(library, frame.Y),
            )

        routes = {"by hand": by_hand(by_svd), "conditioning": by_hand(by_conditioning)}
        routes |= usual_routes(lambda frame: frame.Y, f, plain, lambda frame, Y: plain(frame, Y, "pinv"))
        return Gradient(name, cases, formula, routes, products=None if image else products)

    return [
        row("dY_hat/dY = E E_bar_t (8)", frames("fixed")),
        row("(8), scale free", frames("free")),
        row("(8), landmarks missing", frames("missing")),
        row("(8), missing, free, camera tilted", frames("all")),
        row("(8), the same in image coordinates", frames("all"), ours_front, image=True),
        row("dpose/dY, 3D (8)", frames("free"), ours_pose, rows=3),
    ]


# ---- eq. (9) ----

SIZE = (14, 17)
"""Height and width of the maps on which eq. (9) is checked entry by entry."""


@dataclass(frozen=True)
class Peak:
    """One landmark, in pixels, and the width of its Gaussian."""

    Y: Float[np.ndarray, "2 1"]
    sigma: float

    def map(self, Y: Array) -> Array:
        """The package's maps (n, H, W) of landmarks (n, 2, 1)."""
        return belief_maps(Y, *SIZE, self.sigma)[:, 0]

    def plainly(self, Y: Array) -> Array:
        """The same, written out."""
        return gaussians(Y[..., 0], *SIZE, self.sigma)[:, 0]


def peaks_of_frames() -> list[Peak]:
    """Landmarks of a map's middle, edge and outside, at a fraction of a pixel and on a pixel."""
    places = [(8.3, 6.1), (0.2, 13.4), (-1.7, 5.5), (9.0, 4.0)]
    return [Peak(np.array(place)[:, None], sigma) for place, sigma in zip(places, (1.0, 1.0, 1.6, 1.0), strict=True)]


def truncation(delta: float, sigma: float) -> float:
    """By how much (9) may differ from the derivative b' for a Gaussian b: delta^2 max |b'''| / 6, by Taylor.

    With t = u / sigma, b''' = (3 t - t^3) exp(-t^2 / 2) / sigma^3. It is largest where t^4 - 6 t^2 + 3 = 0, which is
    at t^2 = 3 - sqrt 6: 1.3801 / sigma^3. The other axis multiplies by 1 at most.
    """
    t = np.sqrt(3 - np.sqrt(6))
    return float(delta**2 / 6 * (3 * t - t**3) * np.exp(-(t**2) / 2) / sigma**3)


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
        return lambda peak, library: shaped(belief_gradient(_as(library, peak.Y), *SIZE, peak.sigma, delta))

    def derivative(peak: Peak, library: Library) -> np.ndarray:
        return shaped(exact_belief_gradient(_as(library, peak.Y), *SIZE, peak.sigma))

    def by_hand(peak: Peak, _: Library) -> Reference:
        return Reference(shaped(gaussian_derivative(peak.Y.ravel(), *SIZE, peak.sigma)))

    exact = {"by hand": by_hand} | usual_routes(
        lambda peak: peak.Y, lambda peak, Y: peak.map(Y), lambda peak, Y: peak.plainly(Y)
    )

    def truncated(route: Route, delta: float) -> Route:
        def wider(peak: Peak, library: Library) -> Reference:
            J, bound = route(peak, library)
            rounding = ROUNDING * EPS / delta  # that of two maps, whose difference is divided by 2 delta
            return Reference(J, bound + rounding + truncation(delta, peak.sigma) / float(np.abs(J).max()))

        return wider

    def products(peak: Peak, library: Library) -> tuple[Callable, Callable, Callable, Array]:
        J = derivative(peak, library)[..., 0]
        Y = _as(library, peak.Y)
        push = lambda v: J @ to_numpy(v)[:, 0]  # noqa: E731
        return peak.map, push, lambda g: pull_back_maps(g[None], Y, peak.sigma, None), Y

    cases = peaks_of_frames()
    as_printed: dict[str, Route] = {
        "by hand": lambda peak, _: Reference(shaped(gaussian_difference(peak.Y.ravel(), *SIZE, peak.sigma, 1.0))),
        "central difference": lambda peak, library: one_pixel(peak.map, _as(library, peak.Y)),
    }

    rows = [Gradient("dB_hat/dY_hat (9), 1 px, as printed", cases, printed(1.0), as_printed,
                     note="(9) is itself a central difference, of step delta: here one of 1 px.")]  # fmt: skip
    for delta in (1.0, 1e-3):
        routes = {name: truncated(route, delta) for name, route in exact.items()}
        note = f"Taylor allows delta^2 max |b'''| / 6, which is {truncation(delta, 1.0):.2g} in maps of peak 1."
        rows.append(Gradient(f"(9), {delta:g} px, against the derivative", cases, printed(delta), routes, note=note))
    rows.append(Gradient("derivative of B_hat", cases, derivative, exact, products=products))
    return rows


# ---- the chain ----


UPRIGHT = np.array([[1.0], [-1.0]])
"""Times landmarks in pixels, rows downwards: landmarks with y up; and back."""


@dataclass(frozen=True)
class Maps:
    """A frame in pixels of belief maps (rows downwards), and a loss L = <G, B_hat>."""

    Y: Float[np.ndarray, "2 L"]
    prior: PosePrior
    G: Float[np.ndarray, "L H W"]
    sigma: float = 1.0
    frame: Frame = field(init=False)
    """The same with y up."""

    def __post_init__(self) -> None:
        seen = np.ones(self.Y.shape[-1], dtype=bool)
        object.__setattr__(self, "frame", Frame(self.Y * UPRIGHT, self.prior, seen, scale=None))

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the maps."""
        return self.G.shape[1], self.G.shape[2]

    def loss(self, Y: Array, same_winner: bool = True) -> Array:
        """L of landmarks (n, 2, L) through `lift` and `belief_maps`; with the winner shown to be the same."""
        xp, sign = namespace(Y), like(UPRIGHT, Y)
        lifted = self.frame.lift_at_winner(Y * sign) if same_winner else self.frame.lift(Y * sign)
        Y_hat = lifted.Y_hat * sign
        B_hat = belief_maps(Y_hat, *self.size, self.sigma)
        return xp.sum(B_hat * like(self.G, Y), axis=(-3, -2, -1))

    def loss_plainly(self, Y: Array, solver: Solver = "solve") -> Array:
        """The same, written out."""
        y = flip(Y.reshape(len(Y), -1))
        y_hat = flip(lift_plainly(self.frame.plain(), y, solver, image=True))
        G = torch.from_numpy(self.G) if torch.is_tensor(Y) else self.G
        return (gaussians(y_hat, *self.size, self.sigma) * G).sum((-3, -2, -1))

    def gradient(self, library: Library) -> Array:
        """dL/dY (2, L) by the package: (9) in the limit of small delta, then (8)."""
        sign = _as(library, UPRIGHT)
        Y_hat = _as(library, np.asarray(self.frame.winner.Y_hat)) * sign
        g = pull_back_maps(_as(library, self.G), Y_hat, self.sigma, None) * sign
        E, E_bar_t = self.frame.model(library)
        back = pull_back(E, E_bar_t, g.reshape(-1)).reshape(self.Y.shape)
        mean = g.mean(-1)[:, None]  # the mean of the landmarks passes straight through
        return (back + mean) * sign

    def gradient_by_hand(self) -> np.ndarray:
        """dL/dY (2, L) by the SVD of E_bar and the two-dimensional Gaussian."""
        model, half = self.frame.plain(), self.Y.shape[-1]
        turn = np.repeat([1.0, -1.0], half)
        J = turn[:, None] * (by_svd(model) + model.mean) * turn
        y_hat = turn * np.asarray(self.frame.winner.Y_hat).ravel()
        b = gaussian_derivative(y_hat, *self.size, self.sigma)
        return (np.einsum("lhw,lchw->cl", self.G, b).ravel() @ J).reshape(self.Y.shape)


def maps(count: int = 3, size: int = 40) -> list[Maps]:
    """Real frames in belief maps, landmarks on whole pixels, with a random G."""
    rng = np.random.default_rng(11)
    motion = load_motion_capture().poses
    found = []
    for pose in motion[rng.choice(len(motion), count, replace=False)].astype(np.float64):
        Y = project(pose, np.asarray(rng.uniform(0, 2 * np.pi)))
        Y = np.rint(size / 2 + size * 0.4 * Y * UPRIGHT)
        found.append(Maps(Y, embedded_prior(), rng.normal(size=(Y.shape[-1], size, size))))
    return found


def chain_rows() -> list[Gradient]:
    """From B_hat to Y and on to B, as the layer does it."""

    def pulled(case: Maps, library: Library, delta: float | None) -> Array:
        return pull_back_maps(_as(library, case.G), _as(library, case.Y + 0.3), case.sigma, delta)

    def pulled_by_hand(case: Maps, delta: float | None) -> np.ndarray:
        y = (case.Y + 0.3).ravel()
        b = (gaussian_derivative(y, *case.size, case.sigma) if delta is None
             else gaussian_difference(y, *case.size, case.sigma, delta))  # fmt: skip
        return np.einsum("lhw,lchw->cl", case.G, b)

    def inner(case: Maps, Y: Array) -> Array:
        maps_ = belief_maps(Y, *case.size, case.sigma)
        return namespace(Y).sum(maps_ * like(case.G, Y), axis=(-3, -2, -1))

    def inner_plainly(case: Maps, Y: Array) -> Array:
        G = torch.from_numpy(case.G) if torch.is_tensor(Y) else case.G
        return (gaussians(Y.reshape(len(Y), -1), *case.size, case.sigma) * G).sum((-3, -2, -1))

    def by_hand(case: Maps, _: Library) -> Reference:
        return Reference(case.gradient_by_hand())

    chain = {"by hand": by_hand} | usual_routes(
        lambda case: case.Y,
        lambda case, Y: case.loss(Y),
        lambda case, Y: case.loss_plainly(Y),
        lambda case, Y: case.loss_plainly(Y, "pinv"),
    )

    def lengths(route: Route) -> Route:
        def norms(case: Maps, library: Library) -> Reference:
            J, bound = route(case, library)
            length = np.linalg.norm(J, axis=0)
            # the length of a vector whose two entries are off by b at most is off by sqrt 2 b
            return Reference(length, bound if bound == EXACT else np.sqrt(2) * bound)

        return norms

    cases = maps()
    return [
        Gradient("maps pulled back (9), 1 px", cases, lambda case, library: pulled(case, library, 1.0),
                 {"by hand": lambda case, _: Reference(pulled_by_hand(case, 1.0)),
                  "central difference": lambda case, library: one_pixel(
                      lambda Y: inner(case, Y), _as(library, case.Y + 0.3))}),
        Gradient("maps pulled back, derivative", cases, lambda case, library: pulled(case, library, None), {
            "by hand": lambda case, _: Reference(pulled_by_hand(case, None)),
            **usual_routes(lambda case: case.Y + 0.3, inner, inner_plainly),
        }),
        Gradient("dL/dY, (9) then (8)", cases, lambda case, library: case.gradient(library), chain),
        Gradient("|dL/dY_p| that the layer hands on", cases, lambda case, _: handed_on(case),
                 {name: lengths(route) for name, route in chain.items()}, libraries=("torch",),
                 note="The layer's gradient in B tells |dL/dY_p| exactly: it is the value at the peak, over k."),
        _soft_row(cases[:2]),
    ]  # fmt: skip


def layer_gradient(case: Maps, B: torch.Tensor, **options: Any) -> tuple[torch.Tensor, Any]:
    """The gradient of L = <G, B_hat> by B (L, H, W) that the layer gives, and the layer's result."""
    layer = LiftingLayer(case.prior, sigma=case.sigma, **{"delta": None, **options})
    leaf = B[None].clone().requires_grad_()
    lifted = layer(leaf)
    (lifted.B_hat[0] * torch.from_numpy(case.G)).sum().backward()
    assert leaf.grad is not None
    return leaf.grad[0], lifted


def input_maps(case: Maps) -> torch.Tensor:
    """Belief maps that show the landmarks of `case`."""
    return torch.from_numpy(belief_maps(case.Y, *case.size, case.sigma))


def handed_on(case: Maps) -> np.ndarray:
    """|dL/dY_p| of every landmark, read off the layer's gradient in B at the peaks."""
    gradient, _ = layer_gradient(case, input_maps(case))
    x, y = case.Y.astype(int)
    return gradient.numpy()[np.arange(len(x)), y, x]


def _soft_row(cases: list[Maps]) -> Gradient:
    """dL/dB of the layer with "soft-argmax", which torch differentiates, against the chain written out."""
    sharpness = 10.0  # at the layer's 20 the softmax is so sharp that rounding at its peak takes four more digits

    def softly(case: Maps) -> tuple[np.ndarray, Maps]:
        """The weights of the softmax, and the same case at the mean locations under them."""
        B = to_numpy(input_maps(case))
        weight = np.exp(sharpness * B)
        weight /= weight.sum((1, 2), keepdims=True)
        columns, rows = pixel_grid(*B.shape[1:])
        Y = np.stack([(weight * columns).sum((1, 2)), (weight * rows).sum((1, 2))])
        return weight, Maps(Y, case.prior, case.G, case.sigma)

    def by_hand(case: Maps) -> np.ndarray:
        weight, at = softly(case)
        g = at.gradient_by_hand()[:, :, None, None]
        columns, rows = pixel_grid(*weight.shape[1:])
        away = np.stack([columns - at.Y[0, :, None, None], rows - at.Y[1, :, None, None]])
        return sharpness * weight * (g * away).sum(0)

    def plainly(case: Maps, solver: Solver) -> np.ndarray:
        _, at = softly(case)
        columns, rows = (torch.from_numpy(z) for z in pixel_grid(*case.G.shape[1:]))

        def loss(B: torch.Tensor) -> torch.Tensor:
            raised = torch.exp(sharpness * B)
            total = raised.sum((2, 3))
            Y = torch.stack([(raised * z).sum((2, 3)) / total for z in (columns, rows)], dim=1)
            return at.loss_plainly(Y, solver)

        return autograd(loss, to_numpy(input_maps(case)))

    def ours(case: Maps, library: Library) -> Array:
        return layer_gradient(case, input_maps(case), gradient="soft-argmax", sharpness=sharpness)[0]

    def products(case: Maps, library: Library) -> tuple[Callable, Callable, Callable, Array]:
        layer = LiftingLayer(case.prior, sigma=case.sigma, gradient="soft-argmax", sharpness=sharpness)
        G, gradient = torch.from_numpy(case.G), ours(case, library)
        return (
            lambda B: (layer(B).B_hat * G).sum((1, 2, 3)),
            lambda v: (gradient * v).sum(),
            lambda g: gradient * g,
            input_maps(case),
        )

    return Gradient(
        "dL/dB of the layer, soft-argmax",
        cases,
        ours,
        {
            "by hand": lambda case, _: Reference(by_hand(case)),
            "autograd": lambda case, _: Reference(plainly(case, "solve")),
            "autograd, pinv": lambda case, _: Reference(plainly(case, "pinv")),
        },
        libraries=("torch",),
        products=products,
    )
