"""The widget of notebook 03: what sigma and the number of rotations do to the cost, the fit and the 3D pose.

Supplement, eq. (2)-(6). The functions behind the picture, `solve_over_circle` and `solve_pose`, are plain and of use
without it.
"""

from typing import Any, NamedTuple

import ipywidgets
import numpy as np
from jaxtyping import Float
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lifting.camera import rotation_angles, turn
from lifting.drawing.plots import COLOURS, bone_paths, frame_3d, look_from, to_plot_axes
from lifting.drawing.widgets.base import LAYOUT, STYLE, Widget, new_figure
from lifting.fitting.alignment import align_to_prior
from lifting.metrics import mpjpe
from lifting.pose_prior import PosePrior
from lifting.skeleton import HUMAN36M
from lifting.solve import centre, log_determinant, mixture_score, projected_model, unwrap
from lifting.support.arrays import check_array, check_count, check_positive, fail

ROTATIONS = (8, 12, 20, 40, 80, 240)
"""What the slider "rotations" offers: divisors of the last, whose angles make the curve."""


class Circle(NamedTuple):
    """A prior turned to T angles: what no landmarks and no sigma can change, computed once."""

    theta: Float[np.ndarray, " T"]
    p: Float[np.ndarray, "K T 2L"]
    E: Float[np.ndarray, "K T 2L J"]
    gram: Float[np.ndarray, "K T J J"]
    """E^T E."""


def circle(prior: PosePrior, rotations: int) -> Circle:
    """The prior turned to `rotations` equally spaced angles: p and E of eq. (4), and E^T E.

    Raises:
        ValueError: `rotations` is not a whole number above zero.
    """
    theta = rotation_angles(rotations)
    p, E = projected_model(prior.mu[:, None], prior.e[:, None], theta)
    return Circle(theta, p, E, E.swapaxes(-1, -2) @ E)


def solve_over_circle(
    Y: Float[np.ndarray, "2 L"], around: Circle, sigma: Float[np.ndarray, "K J"]
) -> tuple[Float[np.ndarray, "K T J"], Float[np.ndarray, "K T"]]:
    """The best a and the least cost of eq. (2) at all angles: eq. (6) by its normal equations.

    Args:
        Y: (2, L), metres, y up.
        around: from `circle`.
        sigma: (K, J), the weights of the penalty.

    Raises:
        ValueError: a wrong shape, a value that is not finite, a sigma that is not positive.
    """
    K, _, two_L, J = around.E.shape
    y = unwrap(centre(check_array("Y", Y, 2, two_L // 2)))
    sigma = check_array("sigma", sigma, K, J)
    if (sigma <= 0).any():
        fail("sigma", float(sigma.min()), "numbers > 0")
    residual = (y - around.p)[..., None]
    Er = around.E.swapaxes(-1, -2) @ residual
    # (6)  (E^T E + diag(sigma^2)) a = E^T (y - p)
    a = np.linalg.solve(around.gram + sigma[:, None, :, None] ** 2 * np.eye(J), Er)
    # (2) at its minimum: (y - p)^T (y - p - E a)
    least = (residual * residual).sum((-1, -2)) - (Er * a).sum((-1, -2))
    return a[..., 0], least


class Answer(NamedTuple):
    """The winner among some rotations, and what it says."""

    component: int
    angle: int
    """Index into the circle."""
    second: int
    """Index of the best angle in any other valley of the cost; -1 where there is only one valley."""
    cost: Float[np.ndarray, " T"]
    """The winning component's, all around the circle."""
    pose: Float[np.ndarray, "3 L"]
    """Camera frame, metres, centred."""


def solve_pose(
    Y: Float[np.ndarray, "2 L"], prior: PosePrior, around: Circle, rotations: int, factor: float = 1.0
) -> Answer:
    """The pose that wins eq. (2) among `rotations` of the circle's angles, with factor * sigma in sigma's place.

    Args:
        Y: (2, L), metres, y up.
        prior: the prior of which `around` was made.
        around: from `circle`.
        rotations: how many of the circle's angles are searched, equally spaced.
        factor: 1 is the prior as it was learned.

    Raises:
        ValueError: a wrong shape, a value that is not finite, a factor that is not positive, or `rotations` that
            don't divide the circle's angles.
    """
    T = len(around.theta)
    if T % check_count("rotations", rotations):
        fail("rotations", rotations, f"a divisor of the circle's {T} angles")
    step, sigma = T // rotations, check_positive("factor", factor) * prior.sigma
    a, costs = solve_over_circle(Y, around, sigma)
    angles = costs[:, ::step].argmin(axis=1) * step
    best = (np.arange(prior.K), angles)
    v = prior.noise_variance
    # Within a component the least cost wins, among components the most probable.
    log_det = log_determinant(around.E[best], sigma, v, float(prior.L))
    score = mixture_score(costs[best], v, log_det, prior.weights, np.ones(prior.K), prior.L)
    k = int(score.argmin())
    t = int(angles[k])
    # (1)  the pose before projection: R (mu + a.e)
    body = prior.mu[k] + np.einsum("j,jcl->cl", a[k, t], prior.e[k])
    second = other_valley(costs[k, ::step])
    second = second * step if second >= 0 else -1
    return Answer(k, t, second, costs[k], turn(body, around.theta[t]))


def other_valley(costs: Float[np.ndarray, " T"]) -> int:
    """The index of the lowest local minimum of a cost over the circle, eq. (2), but the global one; -1 without one.

    Raises:
        ValueError: a wrong shape or a value that is not finite.
    """
    costs = check_array("costs", costs, "T")
    valleys = (costs < np.roll(costs, 1)) & (costs <= np.roll(costs, -1))
    valleys[costs.argmin()] = False
    return int(np.where(valleys, costs, np.inf).argmin()) if valleys.any() else -1


class SolvingWidget(Widget):
    """Cost over theta, landmarks with their reprojection, and the 3D pose, for a real pose seen from any heading.

    Attributes:
        landmarks: (2, 17) what is solved for, metres.
        pose: (3, 17) the answer, metres, camera frame.
        errors: its 2D misfit (root mean square over the landmarks) and its 3D error (mean), mm.

    Sliders: "sigma" (a factor on the prior's sigma), "rotations", "heading" (by how much the person is turned,
    degrees) and "view" (from where the 3D poses are seen, degrees).
    """

    def __init__(self, truth: Float[np.ndarray, "3 17"], prior: PosePrior, heading: float = 30.0) -> None:
        """Solve for the pose `truth` (3, 17), metres, y up, from its own exact projection at `heading` (degrees).

        Raises:
            ValueError: a pose of another shape, or a prior of other landmarks.
        """
        L = len(HUMAN36M.landmarks)
        self.truth = centre(check_array("truth", truth, 3, L))
        if prior.L != L:
            fail("prior", f"{prior.L} landmarks", f"the {L} of {HUMAN36M.name}")
        self.prior, self.around = prior, circle(prior, ROTATIONS[-1])
        self._facing = float(np.degrees(align_to_prior(np.stack([self.truth] * 2), prior)[0, 0]))
        self.pose, self.landmarks, self.errors = self.truth, self.truth[:2], (0.0, 0.0)
        self._looked_from: float | None = None
        figure = new_figure(11, 3.9, dpi=80)
        sliders = [
            ipywidgets.FloatLogSlider(1, min=-2, max=2, step=0.1, description="sigma", readout_format=".2f"),
            ipywidgets.SelectionSlider(options=ROTATIONS, value=80, description="rotations"),
            ipywidgets.FloatSlider(heading, min=0, max=360, step=5, description="heading"),
            ipywidgets.FloatSlider(60, min=-180, max=180, step=10, description="view"),
        ]
        for slider in sliders:
            slider.layout, slider.style = LAYOUT, STYLE
        moving = [*self._cost_axes(figure), *self._landmark_axes(figure), *self._pose_axes(figure)]
        super().__init__(figure, sliders, moving)

    def update(self) -> None:
        """Solve eq. (2) for the sliders' values and set every artist."""
        truth = turn(self.truth, np.radians(self["heading"]))
        answer = solve_pose(truth[:2], self.prior, self.around, self["rotations"], self["sigma"])
        self.pose, self.landmarks = answer.pose, truth[:2]
        self._show_cost(answer)
        _set_bones(self._landmarks, truth[:2])
        _set_bones(self._reprojection, self.pose[:2])
        _set_bones(self._true_pose, to_plot_axes(truth))
        _set_bones(self._lifted_pose, to_plot_axes(self.pose))
        misfit = 1000 * float(np.sqrt(np.mean(np.sum((self.pose[:2] - truth[:2]) ** 2, axis=0))))
        error = 1000 * float(mpjpe(self.pose, truth, root="centroid"))
        self.errors = misfit, error
        self._misfit.set_text(f"in the image: misfit {misfit:.0f} mm")
        self._error.set_text(f"in 3D: error {error:.0f} mm")

    def _show_cost(self, answer: Answer) -> None:
        degrees, curve = np.degrees(self.around.theta), answer.cost
        few = slice(None, None, len(degrees) // self["rotations"])
        self._curve.set_data(degrees, curve)
        self._dots.set_data(degrees[few], curve[few])
        self._winner.set_data([degrees[answer.angle]], [curve[answer.angle]])
        second = [answer.second] if answer.second >= 0 else []
        self._second.set_data(degrees[second], curve[second])
        self._heading.set_xdata([(self._facing + self["heading"]) % 360] * 2)
        if self._looked_from != self["view"]:
            self._looked_from = self["view"]
            look_from(self._ax3, azim=self._looked_from, elev=10)
            self.redraw_axes()

    def _cost_axes(self, figure: Figure) -> list[Artist]:
        ax = figure.add_axes((0.07, 0.14, 0.3, 0.74))
        extremes = [
            solve_over_circle(self.truth[:2], self.around, factor * self.prior.sigma)[1] for factor in (0.01, 100)
        ]
        limits = 0.5 * np.min(extremes[0]), 6 * np.max(extremes[1])
        ax.set(xlim=(0, 360), ylim=limits, yscale="log", xlabel="theta (degrees)", ylabel="cost (m²)")
        ax.set_xticks(range(0, 361, 90))
        ax.set_title("least cost of eq. (2) at every angle", fontsize=10)
        (self._heading,) = ax.plot([0, 0], [1e-9, 1e9], color="0.6", lw=1, ls="--", label="the truth's own")
        (self._curve,) = ax.plot([], [], color="0.5", lw=1)
        (self._dots,) = ax.plot([], [], ".", color="black", ms=4, label="searched")
        (self._second,) = ax.plot([], [], "s", color="#CC79A7", ms=7, label="runner-up valley")
        (self._winner,) = ax.plot([], [], "o", color="#009E73", ms=8, label="winner")
        ax.legend(loc="upper right", fontsize=7, ncols=2)
        return [self._heading, self._curve, self._dots, self._second, self._winner]

    def _landmark_axes(self, figure: Figure) -> list[Artist]:
        ax = figure.add_axes((0.44, 0.14, 0.25, 0.74))
        reach = 1.1 * float(np.abs(self.truth).max())
        ax.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", xlabel="x (m)", ylabel="y, up (m)")
        self._landmarks, self._reprojection = _bones(ax, "black", "Y"), _bones(ax, None, "Y_hat")
        ax.legend(loc="upper left", fontsize=6)
        self._misfit = figure.text(0.565, 0.91, "", ha="center", fontsize=10)
        return [*self._landmarks.values(), *self._reprojection.values(), self._misfit]

    def _pose_axes(self, figure: Figure) -> list[Artist]:
        ax: Any = figure.add_axes((0.7, 0.1, 0.26, 0.76), projection="3d")
        frame_3d(ax, self.truth, radius=1.1 * float(np.abs(self.truth).max()))
        self._true_pose, self._lifted_pose = _bones(ax, "black", "truth"), _bones(ax, None, "lifted")
        ax.legend(loc="upper left", fontsize=6)
        self._error = figure.text(0.84, 0.91, "", ha="center", fontsize=10)
        self._ax3 = ax
        return [*self._true_pose.values(), *self._lifted_pose.values(), self._error]


def _bones(ax: Axes, colour: str | None, label: str) -> dict[str, Any]:
    """A line for each side's bones, without points yet: dotted in one colour, or solid in the sides' colours."""
    lines = {}
    for side, own in COLOURS.items():
        style: dict[str, Any] = {"ls": "-", "lw": 2} if colour is None else {"ls": ":", "lw": 1.5}
        nothing: list[list[float]] = [[]] * (3 if ax.name == "3d" else 2)
        (lines[side],) = ax.plot(*nothing, color=colour or own, marker="o", ms=2.5, **style)
        if colour is None and side != "middle":
            lines[side].set_label(f"{label}, {side}")
    if colour:
        lines["middle"].set_label(label)
    return lines


def _set_bones(lines: dict[str, Any], points: np.ndarray) -> None:
    for side, path in bone_paths(points).items():
        (lines[side].set_data_3d if len(path) == 3 else lines[side].set_data)(*path)
