"""The widget of notebook 06: a wrong peak in a real belief map, and what the gradients of the lifting do to it."""

from typing import Any

import ipywidgets
import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure

from lifting.belief import belief_update
from lifting.datasets.real_frames import RealFrame
from lifting.drawing.plots import BELIEF_COLOURS
from lifting.drawing.widgets.base import new_figure
from lifting.drawing.widgets.moved_map import ANSWER, MovedMap
from lifting.pose_prior import PosePrior
from lifting.updating import correct, from_loss_to_peaks

STEPS = 15
"""The end of the slider "steps"."""


class UpdatingWidget(MovedMap):
    """A belief map of a real photo whose peak was moved, its update, and the person, step by step.

    Attributes:
        result: all steps, as from `updating.correct`.
        way: from the loss to D at the step that is shown.
        distance: cells between the peak that is shown and the true one.

    Sliders: "x", "y" (by how many cells the peak was moved), "label" (whether the loss knows where the landmark should
    be, or the other landmarks only), "k", "sigma" (cells) and "steps".
    """

    def __init__(self, frame: RealFrame, prior: PosePrior, landmark: str = "right_ankle") -> None:
        """Show the map of `landmark` in `frame`.

        Raises:
            ValueError: a landmark without a belief map, or a prior of other landmarks.
        """
        self._asked: tuple[Any, ...] = ()
        sliders = [
            ipywidgets.IntSlider(-5, min=-8, max=8, description="x"),
            ipywidgets.IntSlider(3, min=-8, max=8, description="y"),
            ipywidgets.FloatLogSlider(3, min=-1, max=2, step=0.1, description="k", readout_format=".2f"),
            ipywidgets.FloatSlider(1.5, min=0.8, max=3, step=0.1, description="sigma"),
            ipywidgets.IntSlider(0, min=0, max=STEPS, description="steps"),
            ipywidgets.SelectionSlider(options=("given", "kept back"), description="label"),
        ]
        super().__init__(frame, prior, landmark, new_figure(8.7, 5.6), sliders)

    def update(self) -> None:
        """Take all steps for the sliders' values, unless nothing but "steps" has moved, and set every artist."""
        weight = self.visible.astype(np.float64)
        weight[self.moved] = self["label"] == "given"
        loss, B, step = self.loss(weight), self.maps(), self["steps"]
        asked = tuple(self[name] for name in ("x", "y", "k", "sigma", "label"))
        if asked != self._asked:
            every = self.loss(weight[None])
            self.result = correct(B[None], np.array([self.moved]), every, k=self["k"], steps=STEPS)
            self._asked = asked
        B[self.moved] = self.result.maps[step, 0]
        self.way = from_loss_to_peaks(B, loss)
        Y, D = self.way.Y[:, [self.moved]], self.way.D[:, [self.moved]]
        update = belief_update(Y, D, *self.size, self["k"], self["sigma"])[0]
        self.distance = float(np.linalg.norm(Y[:, 0] - self.truth[:, self.moved]))
        self._map.set_data(B[self.moved])
        self._update.set_data(update / max(update.max(), 1e-300))
        self._path.set_data(*self.result.path[: step + 1, 0].T)
        self.show_person(self.way)
        self._show_arrow(Y[:, 0], D[:, 0])
        relative = self.result.loss[:, 0] / max(float(self.result.loss[0, 0]), 1e-300)
        self._curve.set_data(np.arange(STEPS + 1), relative)
        self._dot.set_data([step], relative[[step]])
        self._said.set_text(f"peak {self.distance:.1f} cells off, |D| = {np.hypot(*D[:, 0]):.2g}")

    def _show_arrow(self, Y: np.ndarray, D: np.ndarray) -> None:
        length = np.hypot(*D)
        tip = Y + (6 * D / length if length > 0 else 0)
        self._arrow.set_data([Y[0], tip[0]], [Y[1], tip[1]])
        self._head.set_data([tip[0]], [tip[1]])

    def draw(self, figure: Figure) -> list[Artist]:
        """Two maps, the person, and the loss."""
        self._map, mark = self.draw_map(figure, (0.05, 0.6), 12, title=f"map of the {self.name}")
        self._map.set(cmap=BELIEF_COLOURS, clim=(0, 1))
        (self._path,) = figure.axes[0].plot([], [], ".-", color="#56B4E9", lw=1, ms=4)
        self._update, other_mark = self.draw_map(figure, (0.05, 0.08), 12, title="its next update")
        maps = [self._map, mark, self._path, self._update, other_mark]
        return [*maps, *self._draw_arrow(figure), *self._draw_loss(figure)]

    def _draw_arrow(self, figure: Figure) -> list[Artist]:
        ax = figure.add_axes((0.38, 0.24, 0.28, 0.68))
        person = self.draw_person(ax)
        (self._arrow,) = ax.plot([], [], color=ANSWER, lw=2, label="towards D")
        (self._head,) = ax.plot([], [], "*", color=ANSWER, ms=8)
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=2, fontsize=9)
        self._said = figure.text(0.52, 0.945, "", ha="center", fontsize=10)
        return [*person, self._arrow, self._head, self._said]

    def _draw_loss(self, figure: Figure) -> list[Artist]:
        ax = figure.add_axes((0.74, 0.24, 0.24, 0.68), xlim=(0, STEPS), ylim=(0, 1.6), xlabel="steps")
        ax.set(title="loss, first one = 1", xticks=range(0, STEPS + 1, 5))
        (self._curve,) = ax.plot([], [], ".-", color="black", lw=1)
        (self._dot,) = ax.plot([], [], "o", color="#D55E00")
        return [self._curve, self._dot]
