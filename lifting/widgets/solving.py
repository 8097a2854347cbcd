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
from matplotlib.lines import Line2D

from lifting.arrays import check_array, check_count, check_positive, fail
from lifting.camera import rotation_angles, turn
from lifting.metrics import mpjpe
from lifting.plots import COLOURS, bone_paths, frame_3d, look_from, to_plot_axes
from lifting.pose_prior import PosePrior
from lifting.skeleton import HUMAN36M
from lifting.solve import centre, cost, log_determinant, projected_model, truncated_pseudo_inverse, unwrap
from lifting.widgets.base import LAYOUT, STYLE, Widget, new_figure

ROTATIONS = (8, 12, 20, 40, 80, 240)
"""What the slider "rotations" offers: divisors of the last, whose angles make the curve."""


class Circle(NamedTuple):
    """A prior turned to T angles, which no landmarks and no sigma can change: p, E of eq. (4)."""

    theta: Float[np.ndarray, " T"]
    p: Float[np.ndarray, "K T 2L"]
    E: Float[np.ndarray, "K T 2L J"]


def circle(prior: PosePrior, rotations: int) -> Circle:
    """The prior turned to `rotations` equally spaced angles, eq. (4).

    Raises:
        ValueError: `rotations` is not a whole number above zero.
    """
    theta = rotation_angles(rotations)
    return Circle(theta, *projected_model(prior.mu[:, None], prior.e[:, None], theta))


class Solved(NamedTuple):
    """Eq. (2) solved at every angle of a circle."""

    a: Float[np.ndarray, "K T J"]
    cost: Float[np.ndarray, "K T"]
    score: Float[np.ndarray, "K T"]
    """-2 log probability, up to a constant: comparable between components."""


def solve_over_circle(Y: Float[np.ndarray, "2 L"], prior: PosePrior, around: Circle, factor: float = 1.0) -> Solved:
    """The best a and its cost, eq. (2) and (6), at all angles of `around`, with factor * sigma in the place of sigma.

    Args:
        Y: (2, L), metres, y up.
        prior: the prior of which `around` was made.
        around: from `circle`.
        factor: what sigma is multiplied by; 1 is the prior as it was learned.

    Raises:
        ValueError: a wrong shape, a value that is not finite, a factor that is not positive.
    """
    Y = check_array("Y", Y, 2, prior.L)
    sigma = check_positive("factor", factor) * prior.sigma[:, None]
    y = unwrap(centre(Y))
    # (6)  a = E_bar_t (y - p)
    a = np.einsum("ktjl,ktl->ktj", truncated_pseudo_inverse(around.E, sigma), y - around.p)
    least = cost(np.broadcast_to(y, around.p.shape), around.p, around.E, sigma, a)
    v = prior.noise_variance[:, None]
    score = least / v + log_determinant(around.E, sigma, v, float(prior.L)) - 2 * np.log(prior.weights[:, None])
    return Solved(a, least, score)


class Answer(NamedTuple):
    """The winner among some rotations, and what it says."""

    component: int
    angle: int
    """Index into the circle."""
    second: int
    """Index of the lowest cost that is not next to the winner: the best of the other valleys; -1 without one."""
    pose: Float[np.ndarray, "3 L"]
    """Camera frame, metres, centred."""


def solve_pose(prior: PosePrior, around: Circle, solved: Solved, rotations: int) -> Answer:
    """The pose that wins eq. (2) among `rotations` of the circle's angles, and the runner-up's angle.

    Raises:
        ValueError: `rotations` does not divide the number of angles of the circle.
    """
    T = len(around.theta)
    if T % check_count("rotations", rotations):
        fail("rotations", rotations, f"a divisor of the circle's {T} angles")
    step = T // rotations
    few = solved.cost[:, ::step]
    best = few.argmin(axis=1)
    # Within a component the least cost wins, among components the most probable.
    k = int(np.take_along_axis(solved.score[:, ::step], best[:, None], axis=1).argmin())
    t = int(best[k])
    valleys = (few[k] < np.roll(few[k], 1)) & (few[k] <= np.roll(few[k], -1))
    valleys[t] = False
    second = int(np.where(valleys, few[k], np.inf).argmin()) if valleys.any() else -1
    # (1)  the pose before projection: R (mu + a.e)
    body = prior.mu[k] + np.einsum("j,jcl->cl", solved.a[k, t * step], prior.e[k])
    return Answer(k, t * step, second * step if second >= 0 else -1, turn(body, around.theta[t * step]))


class SolvingWidget(Widget):
    """Cost over theta, landmarks with their reprojection, and the 3D pose, for a real pose seen from any heading.

    Sliders: "sigma" (a factor on the prior's sigma), "rotations", "heading" (of the person, degrees) and "view" (from
    where the 3D poses are seen, degrees).
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
        self.pose, self.errors = self.truth, (0.0, 0.0)
        self._seen: tuple[float, ...] = ()
        figure = new_figure(10.5, 3.9)
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
        solved = solve_over_circle(truth[:2], self.prior, self.around, self["sigma"])
        answer = solve_pose(self.prior, self.around, solved, self["rotations"])
        self.pose = answer.pose
        self._show_cost(solved.cost[answer.component], answer)
        _set_bones(self._landmarks, truth[:2])
        _set_bones(self._reprojection, self.pose[:2])
        _set_bones(self._true_pose, to_plot_axes(truth))
        _set_bones(self._lifted_pose, to_plot_axes(self.pose))
        misfit = 1000 * float(np.sqrt(np.mean(np.sum((self.pose[:2] - truth[:2]) ** 2, axis=0))))
        error = 1000 * float(mpjpe(self.pose, truth, root="centroid"))
        self.errors = misfit, error
        self._misfit.set_text(f"2D misfit {misfit:.0f} mm (r.m.s.)")
        self._error.set_text(f"3D error {error:.0f} mm (mean)")

    def _show_cost(self, curve: np.ndarray, answer: Answer) -> None:
        degrees = np.degrees(self.around.theta)
        few = slice(None, None, len(degrees) // self["rotations"])
        self._curve.set_data(degrees, curve)
        self._dots.set_data(degrees[few], curve[few])
        self._winner.set_data([degrees[answer.angle]], [curve[answer.angle]])
        second = [answer.second] if answer.second >= 0 else []
        self._second.set_data(degrees[second], curve[second])
        self._heading.set_xdata([self["heading"] % 360] * 2)
        if self._seen != (self["view"],):
            self._seen = (self["view"],)
            look_from(self._ax3, azim=self["view"], elev=10)
            self.redraw_axes()

    def _cost_axes(self, figure: Figure) -> list[Artist]:
        ax = figure.add_axes((0.07, 0.15, 0.3, 0.72))
        ax.set(xlim=(0, 360), ylim=(1e-3, 30), yscale="log", xlabel="theta (degrees)", ylabel="least cost (m²)")
        ax.set_xticks(range(0, 361, 90))
        ax.set_title("eq. (2) over the circle", fontsize=10)
        (self._heading,) = ax.plot([0, 0], [1e-9, 1e9], color="0.6", lw=1, ls="--", label="true heading")
        (self._curve,) = ax.plot([], [], color="0.5", lw=1)
        (self._dots,) = ax.plot([], [], ".", color="black", ms=4, label="searched")
        (self._second,) = ax.plot([], [], "s", color="#CC79A7", ms=7, label="runner-up valley")
        (self._winner,) = ax.plot([], [], "o", color="#009E73", ms=8, label="winner")
        ax.legend(loc="upper right", fontsize=7, ncols=2)
        return [self._heading, self._curve, self._dots, self._second, self._winner]

    def _landmark_axes(self, figure: Figure) -> list[Artist]:
        ax = figure.add_axes((0.42, 0.15, 0.24, 0.72))
        reach = 1.1 * float(np.abs(self.truth).max())
        ax.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", xlabel="x (m)", ylabel="y, up (m)")
        ax.set_title("landmarks Y and Y_hat", fontsize=10)
        self._landmarks, self._reprojection = _bones(ax, "black", "Y"), _bones(ax, None, "Y_hat")
        ax.legend(loc="upper left", fontsize=7)
        self._misfit = ax.text(0.5, 0.02, "", transform=ax.transAxes, ha="center", fontsize=9)
        return [*self._landmarks.values(), *self._reprojection.values(), self._misfit]

    def _pose_axes(self, figure: Figure) -> list[Artist]:
        self._ax3: Any = figure.add_axes((0.67, 0.05, 0.33, 0.85), projection="3d")
        frame_3d(self._ax3, self.truth, radius=1.1 * float(np.abs(self.truth).max()))
        self._ax3.set_title("the pose in 3D", fontsize=10)
        self._true_pose, self._lifted_pose = _bones(self._ax3, "black", "truth"), _bones(self._ax3, None, "lifted")
        self._ax3.legend(loc="upper left", fontsize=7)
        self._error = self._ax3.text2D(0.5, 0.0, "", transform=self._ax3.transAxes, ha="center", fontsize=9)
        return [*self._true_pose.values(), *self._lifted_pose.values(), self._error]


def _bones(ax: Axes, colour: str | None, label: str) -> dict[str, Any]:
    """A line for each side's bones, without points yet: dotted in one colour, or solid in the sides' colours."""
    lines = {}
    for side, own in COLOURS.items():
        style = {"color": own, "ls": "-", "lw": 2} if colour is None else {"color": colour, "ls": ":", "lw": 1.5}
        nothing: list[list[float]] = [[]] * (3 if ax.name == "3d" else 2)
        (lines[side],) = ax.plot(*nothing, marker="o", ms=2.5, **style)
        if colour is None and side != "middle":
            lines[side].set_label(f"{label}, {side}")
    if colour:
        lines["middle"].set_label(label)
    return lines


def _set_bones(lines: dict[str, Any], points: np.ndarray) -> None:
    for side, path in bone_paths(points).items():
        (lines[side].set_data_3d if len(path) == 3 else lines[side].set_data)(*path)
