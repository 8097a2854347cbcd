"""The widget of notebook 03: what sigma and the number of rotations do to the cost, the fit and the 3D pose."""

from typing import Any

import ipywidgets
import numpy as np
from jaxtyping import Float
from matplotlib.artist import Artist
from matplotlib.figure import Figure

from lifting.camera import turn
from lifting.drawing.plots import frame_3d, look_from, to_plot_axes
from lifting.drawing.widgets.base import Person, Widget, check_human36m, new_figure
from lifting.fitting.alignment import align_to_prior
from lifting.metrics import mpjpe
from lifting.pose_prior import PosePrior
from lifting.skeleton import HUMAN36M
from lifting.solve import centre
from lifting.support.arrays import check_array
from lifting.turned import Around, other_valley, search_around, turn_prior

ROTATIONS = (8, 12, 20, 40, 80, 240)
"""What the slider "rotations" offers: divisors of the last, whose angles make the curve."""


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
        self.truth = centre(check_array("truth", truth, 3, len(HUMAN36M.landmarks)))
        check_human36m(prior)
        self.prior, self.around = prior, turn_prior(prior, ROTATIONS[-1])
        self._facing = float(np.degrees(align_to_prior(np.stack([self.truth] * 2), prior)[0, 0]))
        self._looked_from: float | None = None
        figure = new_figure(8.7, 4.4)
        sliders = [
            ipywidgets.FloatLogSlider(1, min=-2, max=2, step=0.1, description="sigma", readout_format=".2f"),
            ipywidgets.SelectionSlider(options=ROTATIONS, value=80, description="rotations"),
            ipywidgets.FloatSlider(heading, min=0, max=360, step=5, description="heading"),
            ipywidgets.FloatSlider(60, min=-180, max=180, step=10, description="view"),
        ]
        moving = [*self._draw_cost(figure), *self._draw_landmarks(figure), *self._draw_pose(figure)]
        super().__init__(figure, sliders, moving)

    def update(self) -> None:
        """Solve eq. (2) for the sliders' values and set every artist."""
        truth = turn(self.truth, np.radians(self["heading"]))
        answer = search_around(truth[:2], self.around, self["rotations"], self["sigma"])
        self.pose, self.landmarks = answer.pose, truth[:2]
        self._show_cost(answer)
        self._given.show(truth[:2])
        self._reprojection.show(self.pose[:2])
        self._true_pose.show(to_plot_axes(truth))
        self._lifted_pose.show(to_plot_axes(self.pose))
        misfit = 1000 * float(np.sqrt(np.mean(np.sum((self.pose[:2] - truth[:2]) ** 2, axis=0))))
        self.errors = misfit, 1000 * float(mpjpe(self.pose, truth, root="centroid"))
        self._misfit.set_text(f"in the image: misfit {misfit:.0f} mm")
        self._error.set_text(f"in 3D: error {self.errors[1]:.0f} mm")
        if self._looked_from != self["view"]:
            self._looked_from = self["view"]
            look_from(self._ax3, azim=self["view"], elev=10)
            self.redraw_axes()

    def _show_cost(self, answer: Around) -> None:
        degrees, curve = np.degrees(self.around.theta), answer.cost
        every = len(degrees) // self["rotations"]
        self._curve.set_data(degrees, curve)
        self._dots.set_data(degrees[::every], curve[::every])
        self._winner.set_data([degrees[answer.angle]], [curve[answer.angle]])
        valley = other_valley(curve[::every]) * every
        second = [valley] if valley >= 0 else []
        self._second.set_data(degrees[second], curve[second])
        self._heading.set_xdata([(self._facing + self["heading"]) % 360] * 2)

    def _draw_cost(self, figure: Figure) -> list[Artist]:
        loose, stiff = (search_around(self.truth[:2], self.around, ROTATIONS[-1], f).cost for f in (0.01, 100))
        ax = figure.add_axes((0.07, 0.26, 0.24, 0.64), xlabel="theta (degrees)", ylabel="cost (m²)")
        ax.set(xlim=(0, 360), ylim=(0.5 * loose.min(), 6 * stiff.max()), yscale="log", xticks=range(0, 361, 90))
        ax.set_title("least cost of eq. (2)")
        self._heading = ax.axvline(0, color="0.6", lw=1, ls="--", label="the truth's own")
        (self._curve,) = ax.plot([], [], color="0.5", lw=1)
        (self._dots,) = ax.plot([], [], ".", color="black", ms=4, label="searched")
        (self._second,) = ax.plot([], [], "s", color="#CC79A7", ms=7, label="runner-up valley")
        (self._winner,) = ax.plot([], [], "o", color="#009E73", ms=8, label="winner")
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.17), fontsize=9, ncols=2, columnspacing=1)
        return [self._heading, self._curve, self._dots, self._second, self._winner]

    def _draw_landmarks(self, figure: Figure) -> list[Artist]:
        reach = 1.1 * float(np.abs(self.truth).max())
        ax = figure.add_axes((0.385, 0.26, 0.26, 0.64), xlabel="x (m)", ylabel="y, up (m)", aspect="equal")
        ax.set(xlim=(-reach, reach), ylim=(-reach, reach))
        self._given, self._reprojection = _pair(ax, "Y", "Y_hat,")
        self._misfit = figure.text(0.515, 0.93, "", ha="center", fontsize=10)
        return [*self._given.lines.values(), *self._reprojection.lines.values(), self._misfit]

    def _draw_pose(self, figure: Figure) -> list[Artist]:
        self._ax3: Any = figure.add_axes((0.665, 0.27, 0.24, 0.66), projection="3d")
        frame_3d(self._ax3, self.truth, radius=1.1 * float(np.abs(self.truth).max()))
        self._true_pose, self._lifted_pose = _pair(self._ax3, "truth", "lifted,")
        self._error = figure.text(0.8, 0.93, "", ha="center", fontsize=10)
        return [*self._true_pose.lines.values(), *self._lifted_pose.lines.values(), self._error]


def _pair(ax: Any, given: str, found: str) -> tuple[Person, Person]:
    """What is given, dotted and black, and what was found, in the sides' colours."""
    pair = Person(ax, given, colour="black", ls=":", lw=1.5, marker="o", ms=2.5), Person(ax, found, marker="o", ms=2.5)
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.17), ncols=2, fontsize=9, columnspacing=1, handlelength=1.2)
    return pair
