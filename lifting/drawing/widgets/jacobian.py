"""The widget of notebook 04: how the projected landmarks answer when one landmark is moved.

Supplement, eq. (2)-(8). The functions behind the picture, `turned_models` and `respond`, are plain and of use without
it.
"""

from typing import NamedTuple

import ipywidgets
import numpy as np
from jaxtyping import Float
from matplotlib.artist import Artist
from matplotlib.figure import Figure

from lifting.camera import rotation_angles
from lifting.drawing.plots import COLOURS, bone_paths
from lifting.drawing.widgets.base import LAYOUT, STYLE, Widget, new_figure
from lifting.landmark_gradient import jacobian
from lifting.pose_prior import PosePrior
from lifting.skeleton import HUMAN36M
from lifting.solve import (
    centre,
    free_scale,
    log_determinant,
    mixture_score,
    projected_model,
    truncated_pseudo_inverse,
    unwrap,
    wrap,
)
from lifting.support.arrays import check_array, check_count, check_positive, fail

ROTATIONS = (8, 10, 16, 20, 40, 80)
"""What the slider "rotations" offers: divisors of the last, whose angles make the curve."""

SCALES = {"fixed at 1": False, "free": True}
"""What the control "scale" offers."""

RIGHT, UP = "#009E73", "#CC79A7"
"""Colours of the answers to a move to the right, and to one upwards."""

ARROW = 0.25
"""Length in metres of an arrow that says 1."""


class TurnedModels(NamedTuple):
    """A prior turned to T angles: what neither landmarks nor sigma change. n = J, or J + 1 where the scale is free."""

    theta: Float[np.ndarray, " T"]
    p: Float[np.ndarray, "K T 2L"]
    """Pi R mu unwrapped; 0 where the scale is free."""
    D: Float[np.ndarray, "K T 2L n"]
    """E of eq. (4); [Pi R mu, E] where the scale is free."""
    gram: Float[np.ndarray, "K T n n"]
    """D^T D."""
    free_scale: bool
    """Whether the first unknown is the scale s."""


def turned_models(prior: PosePrior, rotations: int, *, free_scale_too: bool = False) -> TurnedModels:
    """The prior turned to `rotations` equally spaced angles, for a scale of 1 or for one that is solved for: eq. (4).

    Raises:
        ValueError: `rotations` is not a whole number above zero.
    """
    theta = rotation_angles(rotations)
    p, D = projected_model(prior.mu[:, None], prior.e[:, None], theta)
    if free_scale_too:
        D, _ = free_scale(p, D, prior.sigma[:, None])
        p = np.zeros_like(p)
    return TurnedModels(theta, p, D, D.swapaxes(-1, -2) @ D, free_scale_too)


class Response(NamedTuple):
    """The winner of eq. (2) for some landmarks, and how its Y_hat answers when they move."""

    component: int
    angle: int
    """Index into the models' angles."""
    cost: Float[np.ndarray, " T"]
    """The winning component's, at all angles; infinite where the scale is not positive."""
    Y_hat: Float[np.ndarray, "2 L"]
    """Centred, metres times the scale."""
    H: Float[np.ndarray, "2L 2L"]
    """Eq. (8): dY_hat/dY of centred landmarks."""


def respond(
    Y: Float[np.ndarray, "2 L"], prior: PosePrior, models: TurnedModels, rotations: int, factor: float = 1.0
) -> Response:
    """Solve eq. (2) among `rotations` of the models' angles, with factor * sigma in sigma's place; then eq. (1), (8).

    Args:
        Y: (2, L), y up.
        prior: the prior of which `models` were made.
        models: from `turned_models`.
        rotations: how many of the models' angles are searched, equally spaced.
        factor: 1 is the prior as it was learned.

    Raises:
        ValueError: a wrong shape, a value that is not finite, a factor that is not positive, `rotations` that don't
            divide the models' angles, or landmarks that no rotation fits with a scale > 0.
    """
    T = len(models.theta)
    if T % check_count("rotations", rotations):
        fail("rotations", rotations, f"a divisor of the models' {T} angles")
    step, sigma = T // rotations, check_positive("factor", factor) * prior.sigma
    y = unwrap(centre(check_array("Y", Y, 2, prior.L)))
    ridge = np.pad(sigma, ((0, 0), (int(models.free_scale), 0)))  # the scale has no ridge
    unknowns, costs = _least_costs(y, models, ridge)
    scale = unknowns[..., 0] if models.free_scale else np.ones_like(costs)
    costs, scale = np.where(scale > 0, costs, np.inf), np.where(scale > 0, scale, 1.0)
    best = np.arange(prior.K), costs[:, ::step].argmin(axis=1) * step
    if not np.isfinite(costs[best]).any():
        fail("Y", "landmarks that no rotation fits with a scale > 0", "a person who is not upside down (y is up)")
    # Within a component the least cost wins, among components the most probable.
    log_det = log_determinant(models.D[best][..., -prior.J :], sigma, prior.noise_variance, float(prior.L))
    score = mixture_score(costs[best], prior.noise_variance, log_det, prior.weights, scale[best], prior.L)
    k = int(score.argmin())
    t = int(best[1][k])
    D = models.D[k, t]
    # (1) unwrapped: y_hat = p + E a;   (8): dy_hat/dy = E E_bar_t
    Y_hat = wrap(models.p[k, t] + D @ unknowns[k, t])
    return Response(k, t, costs[k], Y_hat, jacobian(D, truncated_pseudo_inverse(D, ridge[k])))


def _least_costs(
    y: np.ndarray, models: TurnedModels, ridge: np.ndarray
) -> tuple[Float[np.ndarray, "K T n"], Float[np.ndarray, "K T"]]:
    """The unknowns and the least cost of eq. (2) at all angles."""
    r = (y - models.p)[..., None]
    Dr = models.D.swapaxes(-1, -2) @ r
    # (6)  (D^T D + diag(ridge^2)) b = D^T (y - p)
    b = np.linalg.solve(models.gram + ridge[:, None, :, None] ** 2 * np.eye(ridge.shape[1]), Dr)
    # (2) at its minimum: (y - p)^T (y - p - D b)
    return b[..., 0], (r * r).sum((-1, -2)) - (Dr * b).sum((-1, -2))


class JacobianWidget(Widget):
    """A person, the arrows of two columns of eq. (8), the whole matrix with its eigenvalues, and the cost over theta.

    Attributes:
        landmarks: (2, 17) what is solved for, metres.
        response: the answer, a `Response`.

    Controls: "landmark" (its name), "x" and "y" (by how much it is moved, metres), "sigma" (a factor on the prior's),
    "rotations", and "scale" (fixed at 1, or solved for).
    """

    def __init__(self, Y: Float[np.ndarray, "2 17"], prior: PosePrior, landmark: str = "right_wrist") -> None:
        """Start from landmarks Y (2, 17), metres, y up.

        Raises:
            ValueError: landmarks of another shape, a prior of other landmarks, or no such landmark.
        """
        names = HUMAN36M.landmarks
        L = len(names)
        self.start = centre(check_array("Y", Y, 2, L))
        if prior.L != L:
            fail("prior", f"{prior.L} landmarks", f"the {L} of {HUMAN36M.name}")
        if landmark not in names:
            fail("landmark", repr(landmark), f"one of {', '.join(names)}")
        self.prior = prior
        self.models = {free: turned_models(prior, ROTATIONS[-1], free_scale_too=free) for free in (False, True)}
        self.landmarks = self.start
        self.response = respond(self.start, prior, self.models[False], ROTATIONS[-1])
        figure = new_figure(11.6, 4.1, dpi=80)
        controls = [
            ipywidgets.Dropdown(options=names, value=landmark, description="landmark"),
            ipywidgets.Dropdown(options=list(SCALES), description="scale"),
            ipywidgets.FloatSlider(0, min=-0.5, max=0.5, step=0.01, description="x"),
            ipywidgets.FloatSlider(0, min=-0.5, max=0.5, step=0.01, description="y"),
            ipywidgets.FloatLogSlider(1, min=-2, max=2, step=0.1, description="sigma", readout_format=".2f"),
            ipywidgets.SelectionSlider(options=ROTATIONS, value=80, description="rotations"),
        ]
        for control in controls:
            control.layout, control.style = LAYOUT, STYLE
        moving = [*self._person_axes(figure), *self._matrix_axes(figure), *self._cost_axes(figure)]
        super().__init__(figure, controls, moving)

    def update(self) -> None:
        """Solve eq. (2) for the controls' values and set every artist."""
        chosen = HUMAN36M.index(self["landmark"])
        self.landmarks = self.start.copy()
        self.landmarks[:, chosen] += self["x"], self["y"]
        models = self.models[SCALES[self["scale"]]]
        self.response = respond(self.landmarks, self.prior, models, self["rotations"], self["sigma"])
        self._show_person(chosen)
        self._show_matrix(chosen)
        self._show_cost(models)

    def _show_person(self, chosen: int) -> None:
        # Y_hat is centred, and so is drawn beside the landmarks as they are centred now.
        Y, Y_hat = self.landmarks, self.response.Y_hat + self.landmarks.mean(axis=1, keepdims=True)
        for side in COLOURS:
            self._given[side].set_data(*bone_paths(Y)[side])
            self._answer[side].set_data(*bone_paths(Y_hat)[side])
        self._chosen.set_data(*Y[:, [chosen]])
        for arrows, column in zip(self._arrows, (chosen, len(Y[0]) + chosen), strict=True):
            arrows.set_offsets(Y_hat.T)
            arrows.set_UVC(*wrap(self.response.H[:, column]))

    def _show_matrix(self, chosen: int) -> None:
        H = self.response.H
        self._matrix.set_data(H)
        for line, column in zip(self._columns, (chosen, len(H) // 2 + chosen), strict=True):
            line.set_xdata([column, column])
        self._eigenvalues.set_ydata(np.linalg.eigvalsh(H)[::-1])
        self._trace.set_text(f"dY_hat/dY: trace {np.trace(H):.1f}")

    def _show_cost(self, models: TurnedModels) -> None:
        degrees, curve, winner = np.degrees(models.theta), self.response.cost, self.response.angle
        few = slice(None, None, len(degrees) // self["rotations"])
        self._curve.set_data(degrees, curve)
        self._dots.set_data(degrees[few], curve[few])
        self._winner.set_data([degrees[winner]], [curve[winner]])
        self._which.set_text(f"winner: {degrees[winner]:.1f} degrees, component {self.response.component}")

    def _person_axes(self, figure: Figure) -> list[Artist]:
        ax = figure.add_axes((0.065, 0.12, 0.265, 0.76))
        low, high = self.start.min(axis=1) - 0.3, self.start.max(axis=1) + 0.3
        middle, reach = (low + high) / 2, float((high - low).max()) / 2
        ax.set(xlim=(middle[0] - reach, middle[0] + reach), ylim=(middle[1] - reach, middle[1] + reach))
        ax.set(aspect="equal", xlabel="x (m)", ylabel="y, up (m)")
        ax.set_title("move the landmark: Y_hat answers", fontsize=10)
        self._given, self._answer = {}, {}
        for side, colour in COLOURS.items():
            (self._given[side],) = ax.plot([], [], ":", color="black", lw=1.2, marker="o", ms=2.5)
            (self._answer[side],) = ax.plot([], [], "-", color=colour, lw=2, marker="o", ms=2.5)
        self._given["middle"].set_label("Y")
        self._answer["left"].set_label("Y_hat, left")
        self._answer["right"].set_label("Y_hat, right")
        (self._chosen,) = ax.plot([], [], "o", ms=9, mfc="none", mec="black", mew=1.5, label="the landmark")
        zeros = np.zeros((2, len(self.start[0])))
        self._arrows = [
            ax.quiver(*self.start, *zeros, color=colour, scale_units="xy", scale=1 / ARROW, width=0.01, label=label)
            for colour, label in ((RIGHT, "if it goes right"), (UP, "if it goes up"))
        ]
        ax.legend(loc="upper left", fontsize=6)
        return [*self._given.values(), *self._answer.values(), self._chosen, *self._arrows]

    def _matrix_axes(self, figure: Figure) -> list[Artist]:
        ax = figure.add_axes((0.37, 0.12, 0.265, 0.76))
        size = 2 * len(self.start[0])
        self._matrix = ax.imshow(np.zeros((size, size)), cmap="PuOr", vmin=-1, vmax=1)
        ax.set_xticks([size / 4, 3 * size / 4], ["x of Y", "y of Y"])
        ax.set_yticks([size / 4, 3 * size / 4], ["x of Y_hat", "y of Y_hat"], rotation=90, va="center")
        self._columns = [ax.axvline(0, color=colour, lw=1.5) for colour in (RIGHT, UP)]
        halves = [line(size / 2 - 0.5, color="black", lw=0.5) for line in (ax.axhline, ax.axvline)]
        self._trace = figure.text(0.5025, 0.91, "", ha="center", fontsize=10)
        bar = figure.colorbar(self._matrix, cax=figure.add_axes((0.639, 0.12, 0.008, 0.76)))
        bar.ax.tick_params(labelsize=7)
        return [self._matrix, *halves, *self._columns, self._trace]

    def _cost_axes(self, figure: Figure) -> list[Artist]:
        ax = figure.add_axes((0.755, 0.6, 0.23, 0.28))
        size = 2 * len(self.start[0])
        ax.set(xlim=(0, size + 1), ylim=(-0.05, 1.05), ylabel="eigenvalue")
        ax.set_xlabel("number", labelpad=0)
        ax.set_title("eigenvalues of dY_hat/dY", fontsize=10)
        ax.axhline(1, color="0.7", lw=0.8)
        (self._eigenvalues,) = ax.plot(np.arange(1, size + 1), np.zeros(size), "o", color="black", ms=3)
        below = figure.add_axes((0.755, 0.12, 0.23, 0.28))
        curves = [
            respond(self.start, self.prior, self.models[False], ROTATIONS[-1], factor).cost for factor in (0.01, 100)
        ]
        below.set(xlim=(0, 360), ylim=(0.3 * np.min(curves), 3 * np.max(curves)), yscale="log")
        below.set(xlabel="theta (degrees)", ylabel="cost (m²)")
        below.set_xticks(range(0, 361, 90))
        (self._curve,) = below.plot([], [], color="0.5", lw=1)
        (self._dots,) = below.plot([], [], ".", color="black", ms=4)
        (self._winner,) = below.plot([], [], "o", color="#56B4E9", mec="black", ms=8)
        self._which = figure.text(0.87, 0.425, "", ha="center", fontsize=10)
        return [self._eigenvalues, self._curve, self._dots, self._winner, self._which]
