"""The prior under sliders: a pose moves along a basis, and a real pose is rebuilt from more and more of them.

Main paper, section 4. Three linked views of one component of the mixture: mu + a_j e_j, with a_j counted in standard
deviations; a real pose, and what the first J bases keep of it; the standard deviations of all coefficients.
"""

from typing import Any

import numpy as np
from ipywidgets import FloatSlider, IntSlider
from jaxtyping import Float
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from mpl_toolkits.mplot3d import Axes3D  # type: ignore[import-untyped]

from lifting.arrays import check_array, check_count, check_finite, fail
from lifting.camera import turn
from lifting.fit_prior import align_to_prior
from lifting.metrics import mpjpe
from lifting.plots import COLOURS, bone_paths, frame_3d, look_from, to_plot_axes
from lifting.pose_prior import PosePrior, posterior
from lifting.skeleton import HUMAN36M
from lifting.widgets.base import LAYOUT, STYLE, Widget, new_figure

MOST_DEVIATIONS = 3.0

RADIUS = 1.0
"""Half the edge of the cube that is shown, in metres."""


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

    "basis", "pose" and "component" count from 1, as the paper does.
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
        self.moved_axes = figure.add_axes((0.02, 0.06, 0.28, 0.8), projection="3d")
        self.rebuilt_axes = figure.add_axes((0.36, 0.06, 0.28, 0.8), projection="3d")
        self.moved_title, self.rebuilt_title = (figure.text(x, 0.97, "", ha="center", va="top") for x in (0.16, 0.5))
        self.mean = _Stick(self.moved_axes, "mean", "--", "0.6")
        self.moved = _Stick(self.moved_axes)
        self.real = _Stick(self.rebuilt_axes, "real pose", "--", "0.6")
        self.rebuilt = _Stick(self.rebuilt_axes)
        moving = [*self.mean.lines, *self.moved.lines, *self.real.lines, *self.rebuilt.lines]
        moving += [self.moved_title, self.rebuilt_title, *self._draw_spread(figure)]
        for ax in (self.moved_axes, self.rebuilt_axes):
            frame_3d(ax, np.zeros((3, 1)), radius=RADIUS)
            ax.set_box_aspect((1, 1, 1), zoom=0.95)
            ax.legend(loc="upper left", fontsize=7, bbox_to_anchor=(-0.05, 1.08))
        self._azim: float | None = None
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
        ax = figure.add_axes((0.77, 0.14, 0.22, 0.76))
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
        self.mean.show(self.prior.mu[k])
        self.moved.show(moved)
        farthest = 1000 * np.linalg.norm(moved - self.prior.mu[k], axis=0).max()
        self.moved_title.set_text(f"mean + {self['deviations']:g} deviations of basis {j + 1}\nup to {farthest:.0f} mm")
        real = self.aligned[self["pose"] - 1, k]
        rebuilt = rebuild(self.prior, real, J, k)
        self.real.show(real)
        self.rebuilt.show(rebuilt)
        self.error_mm = float(1000 * mpjpe(rebuilt, real, root="centroid"))
        self.rebuilt_title.set_text(f"a real pose from {J} bases\n{self.error_mm:.0f} mm off on average")
        number, spread = np.arange(1, self.prior.J + 1), self.spread[k]
        self.dots.set_data(number, spread)
        self.kept.set_data(number[:J], spread[:J])
        self.chosen.set_data([j + 1], [spread[j]])
        if self["turn"] != self._azim:
            self._azim = self["turn"]
            for ax in (self.moved_axes, self.rebuilt_axes):
                look_from(ax, azim=self._azim, elev=10)
            self.redraw_axes()


class _Stick:
    """A stick figure whose lines stay the same: one a side, in the sides' colours or all in one `colour`."""

    def __init__(self, ax: Axes3D, label: str = "", style: str = "-", colour: str = "") -> None:
        self.lines = [
            ax.plot([], [], [], style, color=colour or COLOURS[side], lw=1.5 if colour else 2, label=name)[0]
            for side, name in zip(
                ("left", "right", "middle"), (label, None, None) if colour else ("left", "right", None), strict=True
            )
        ]

    def show(self, pose: Float[np.ndarray, "3 17"]) -> None:
        paths = bone_paths(pose)
        for line, side in zip(self.lines, ("left", "right", "middle"), strict=True):
            line.set_data_3d(*to_plot_axes(paths[side]))
