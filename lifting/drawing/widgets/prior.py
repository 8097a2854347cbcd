"""The prior under sliders: a pose moves along a basis, and a real pose is rebuilt from more and more of them.

Main paper, section 4. Three linked views of one component of the mixture: mu + a_j e_j, with a_j counted in standard
deviations; a real pose, and what the first J bases keep of it; the standard deviations of all coefficients.
"""

from typing import Any

import numpy as np
from ipywidgets import FloatSlider, IntSlider
from jaxtyping import Float
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lifting.camera import project, turn
from lifting.drawing.plots import COLOURS, bone_paths
from lifting.drawing.widgets.base import LAYOUT, STYLE, Widget, new_figure
from lifting.fitting.alignment import align_to_prior
from lifting.metrics import mpjpe
from lifting.pose_prior import PosePrior, posterior
from lifting.skeleton import HUMAN36M
from lifting.support.arrays import check_array, check_count, check_finite, fail

MOST_DEVIATIONS = 3.0

RADIUS = 1.15
"""Half the edge of the square that is shown, in metres."""

SIDES = ("left", "right", "middle")


def move_along(prior: PosePrior, basis: int, deviations: float, component: int = 0) -> Float[np.ndarray, "3 L"]:
    """The pose mu + a_j e_j (3, L), in metres, where a_j is `deviations` times its standard deviation sqrt(lambda_j).

    Args:
        prior: the prior.
        basis: j, counted from 0.
        deviations: how far to go, in standard deviations, with either sign.
        component: k, counted from 0.

    Raises:
        ValueError: no such basis or component, or `deviations` is not finite.
    """
    k, j = _index("component", component, prior.K), _index("basis", basis, prior.J)
    check_finite("deviations", np.asarray(deviations, dtype=np.float64))
    # a_j ~ N(0, lambda_j): one standard deviation is sqrt(lambda_j) = sqrt(v) / sigma_j
    return prior.mu[k] + deviations * np.sqrt(prior.component_variance[k, j]) * prior.e[k, j]


def rebuild(
    prior: PosePrior, pose: Float[np.ndarray, "3 L"], bases: int, component: int = 0
) -> Float[np.ndarray, "3 L"]:
    """The pose mu + a.e (3, L), in metres, that the first `bases` bases make most probable given a 3D `pose` (3, L).

    The pose is taken at the heading that it has; `align_to_prior` finds the best. Bases that are left out become
    noise, as `PosePrior.subset` says. For each basis that stays, a_j = (e_j, pose - mu) / (1 + sigma_j^2).

    Raises:
        ValueError: a wrong shape, more bases than the prior has, or no such component.
    """
    pose = check_array("pose", pose, 3, prior.L)
    if pose.ndim != 2:
        fail("pose", f"shape {pose.shape}", f"shape (3, {prior.L})")
    few = prior.subset(bases=bases, components=[_index("component", component, prior.K)])
    a = posterior(few, pose).mean[0]
    return few.mu[0] + np.tensordot(a, few.e[0], axes=1)


def _index(argument: str, value: int, length: int) -> int:
    index = check_count(argument, value, least=0)
    if index >= length:
        fail(argument, index, f"an index from 0 to {length - 1}")
    return index


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
        if len(HUMAN36M.landmarks) != prior.L:
            fail("prior", f"{prior.L} landmarks", f"the {len(HUMAN36M.landmarks)} of Human3.6M")
        theta = align_to_prior(poses, prior)
        self.prior = prior
        self.aligned = np.stack([turn(poses, -theta[:, k]) for k in range(prior.K)], axis=1)
        figure = new_figure(11, 4.2)
        left, right = figure.add_axes((0.07, 0.13, 0.27, 0.72)), figure.add_axes((0.41, 0.13, 0.27, 0.72))
        self.moved_title, self.rebuilt_title = (figure.text(x, 0.97, "", ha="center", va="top") for x in (0.205, 0.545))
        self.mean, self.moved = _Stick(left, "mean", "--", "0.6"), _Stick(left)
        self.real, self.rebuilt = _Stick(right, "real pose", "--", "0.6"), _Stick(right)
        moving: list[Artist] = [*self.mean.lines, *self.moved.lines, *self.real.lines, *self.rebuilt.lines]
        moving += [self.moved_title, self.rebuilt_title, *self._draw_spread(figure)]
        for ax in (left, right):
            ax.set(aspect="equal", xlim=(-RADIUS, RADIUS), ylim=(-RADIUS, RADIUS))
            ax.set(xlabel="x in the camera's frame (m)", ylabel="y, up (m)")
            ax.legend(loc="upper left", fontsize=7)
        super().__init__(figure, self._make_sliders(len(poses)), moving)

    def _make_sliders(self, poses: int) -> list[Any]:
        look = {"layout": LAYOUT, "style": STYLE}
        most = MOST_DEVIATIONS
        sliders = [
            IntSlider(1, min=1, max=self.prior.J, description="basis", **look),
            FloatSlider(1.5, min=-most, max=most, step=0.25, description="deviations", **look),
            IntSlider(self.prior.J, min=1, max=self.prior.J, description="J", **look),
            IntSlider(1, min=1, max=poses, description="pose", **look),
            FloatSlider(30, min=-180, max=180, step=5, description="turn", **look),
        ]
        if self.prior.K > 1:
            sliders.append(IntSlider(1, min=1, max=self.prior.K, description="component", **look))
        return sliders

    def _draw_spread(self, figure: Figure) -> list[Line2D]:
        ax = figure.add_axes((0.775, 0.13, 0.215, 0.72))
        self.spread = 1000 * np.sqrt(self.prior.component_variance)
        (self.dots,) = ax.plot([], [], "o", color="0.6", markersize=4, label="left out")
        (self.kept,) = ax.plot([], [], "o", color="black", markersize=4, label="the first J")
        (self.chosen,) = ax.plot(
            [], [], "D", color=COLOURS["right"], markersize=8, fillstyle="none", label="this basis"
        )
        ax.set(xlim=(0, self.prior.J + 1), ylim=(0, 1.08 * self.spread.max()))
        ax.set(xlabel="basis j", ylabel="standard deviation of a_j (mm)")
        ax.legend(loc="upper right", fontsize=7)
        return [self.dots, self.kept, self.chosen]

    def update(self) -> None:
        """Move along the basis, rebuild the pose, mark the bases."""
        k = self["component"] - 1 if "component" in self.sliders else 0
        j, J = self["basis"] - 1, self["J"]
        moved = move_along(self.prior, j, self["deviations"], k)
        self.mean.show(self._seen(self.prior.mu[k]))
        self.moved.show(self._seen(moved))
        farthest = 1000 * np.linalg.norm(moved - self.prior.mu[k], axis=0).max()
        self.moved_title.set_text(f"mean + {self['deviations']:g} deviations of basis {j + 1}\nup to {farthest:.0f} mm")
        real = self.aligned[self["pose"] - 1, k]
        rebuilt = rebuild(self.prior, real, J, k)
        self.real.show(self._seen(real))
        self.rebuilt.show(self._seen(rebuilt))
        self.error_mm = float(1000 * mpjpe(rebuilt, real, root="centroid"))
        self.rebuilt_title.set_text(f"a real pose from {J} bases\n{self.error_mm:.0f} mm off on average")
        number, spread = np.arange(1, self.prior.J + 1), self.spread[k]
        self.dots.set_data(number, spread)
        self.kept.set_data(number[:J], spread[:J])
        self.chosen.set_data([j + 1], [spread[j]])

    def _seen(self, pose: Float[np.ndarray, "3 17"]) -> Float[np.ndarray, "2 17"]:
        """The pose as the camera of eq. (1) sees it."""
        return project(pose, np.radians(self["turn"]))


class _Stick:
    """A stick figure whose lines stay the same: one a side, in the sides' colours or all in one `colour`."""

    def __init__(self, ax: Axes, label: str = "", style: str = "-", colour: str = "") -> None:
        names = (label, None, None) if colour else ("left", "right", None)
        self.lines = [
            ax.plot([], [], style, color=colour or COLOURS[side], lw=1.5 if colour else 2, label=name)[0]
            for side, name in zip(SIDES, names, strict=True)
        ]

    def show(self, Y: Float[np.ndarray, "2 17"]) -> None:
        paths = bone_paths(Y)
        for line, side in zip(self.lines, SIDES, strict=True):
            line.set_data(*paths[side])
