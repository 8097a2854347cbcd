"""The widget of notebook 02: a pose moves along a basis, and a real pose is rebuilt from more and more of them.

Main paper, section 4. Three linked views of one component of the mixture: mu + a_j e_j, with a_j counted in standard
deviations; a real pose, and what the first J bases keep of it; the standard deviations of all coefficients.
"""

import numpy as np
from ipywidgets import FloatSlider, IntSlider
from jaxtyping import Float
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lifting.camera import project, turn
from lifting.drawing.plots import COLOURS
from lifting.drawing.widgets.base import Person, Widget, check_human36m, new_figure
from lifting.fitting.alignment import align_to_prior
from lifting.metrics import mpjpe
from lifting.pose_prior import PosePrior, move_along, rebuild

RADIUS = 1.15
"""Half the edge of the square that is shown, in metres."""


class PriorWidget(Widget):
    """Sliders over a prior of Human3.6M's landmarks: "basis", "deviations", "J", "pose", "turn" (and "component").

    "basis", "pose" and "component" count from 1, as the paper does. "turn" is theta of eq. (1), in degrees: poses are
    seen by its camera, a picture that is drawn much faster than 3D axes turn.
    """

    def __init__(self, prior: PosePrior, poses: Float[np.ndarray, "N 3 17"]) -> None:
        """Show `prior` beside some real `poses` (N, 3, 17), N >= 2, in metres and at any heading.

        Raises:
            ValueError: a prior of other landmarks, or a wrong shape.
        """
        check_human36m(prior)
        theta = align_to_prior(poses, prior)
        self.prior = prior
        self.aligned = np.stack([turn(poses, -theta[:, k]) for k in range(prior.K)], axis=1)
        figure = new_figure(8.7, 4.2)
        left, right = (figure.add_axes((x, 0.2, 0.27, 0.66), aspect="equal") for x in (0.085, 0.44))
        self.mean, self.moved = Person(left, "mean", colour="0.6", ls="--", lw=1.5), Person(left)
        self.real, self.rebuilt = Person(right, "real pose", colour="0.6", ls="--", lw=1.5), Person(right)
        people = [line for one in (self.mean, self.moved, self.real, self.rebuilt) for line in one.lines.values()]
        titles = [figure.text(x, 0.97, "", ha="center", va="top") for x in (0.22, 0.575)]
        self.moved_title, self.rebuilt_title = titles
        for ax in (left, right):
            ax.set(xlim=(-RADIUS, RADIUS), ylim=(-RADIUS, RADIUS))
            ax.set(xlabel="x in the camera's frame (m)", ylabel="y, up (m)")
            ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=3, fontsize=9, columnspacing=1)
        sliders = [
            IntSlider(1, min=1, max=prior.J, description="basis"),
            FloatSlider(1.5, min=-3, max=3, step=0.25, description="deviations"),
            IntSlider(prior.J, min=1, max=prior.J, description="J"),
            IntSlider(1, min=1, max=len(poses), description="pose"),
            FloatSlider(30, min=-180, max=180, step=5, description="turn"),
        ]
        if prior.K > 1:
            sliders.append(IntSlider(1, min=1, max=prior.K, description="component"))
        super().__init__(figure, sliders, [*people, *titles, *self._draw_spread(figure)])

    def update(self) -> None:
        """Move along the basis, rebuild the pose, mark the bases."""
        k = self["component"] - 1 if "component" in self.sliders else 0
        j, J, mean, real = self["basis"] - 1, self["J"], self.prior.mu[k], self.aligned[self["pose"] - 1, k]
        moved, rebuilt = move_along(self.prior, j, self["deviations"], k), rebuild(self.prior, real, J, k)
        shown = ((self.mean, mean), (self.moved, moved), (self.real, real), (self.rebuilt, rebuilt))
        for person, pose in shown:
            person.show(project(pose, np.radians(self["turn"])))
        farthest = 1000 * np.linalg.norm(moved - mean, axis=0).max()
        self.moved_title.set_text(f"mean + {self['deviations']:g} deviations of basis {j + 1}\nup to {farthest:.0f} mm")
        self.error_mm = float(1000 * mpjpe(rebuilt, real, root="centroid"))
        self.rebuilt_title.set_text(f"a real pose from {J} bases\n{self.error_mm:.0f} mm off on average")
        number, spread = np.arange(1, self.prior.J + 1), self.spread[k]
        self.dots.set_data(number, spread)
        self.kept.set_data(number[:J], spread[:J])
        self.chosen.set_data([j + 1], [spread[j]])

    def _draw_spread(self, figure: Figure) -> list[Line2D]:
        self.spread = 1000 * np.sqrt(self.prior.component_variance)
        ax = figure.add_axes((0.79, 0.2, 0.2, 0.66), xlabel="basis j", ylabel="standard deviation of a_j (mm)")
        ax.set(xlim=(0, self.prior.J + 1), ylim=(0, 1.08 * self.spread.max()))
        (self.dots,) = ax.plot([], [], "o", color="0.6", ms=4, label="left out")
        (self.kept,) = ax.plot([], [], "o", color="black", ms=4, label="the first J")
        (self.chosen,) = ax.plot([], [], "D", color=COLOURS["right"], ms=8, fillstyle="none", label="this basis")
        ax.legend(loc="upper right", fontsize=9)
        return [self.dots, self.kept, self.chosen]
