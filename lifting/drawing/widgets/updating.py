"""The widget of notebook 06: a wrong peak in a real belief map, and what the gradients of the lifting do to it."""

from typing import Any

import numpy as np

from lifting.belief import belief_update
from lifting.datasets.real_frames import RealFrame
from lifting.drawing.widgets.controls import choice, log_slider, slider
from lifting.drawing.widgets.moved_map import MovedMap, Way, layer_for, there_and_back
from lifting.drawing.widgets.scene import Axis, Scene
from lifting.pose_prior import PosePrior

STEPS = 15
"""The end of the slider "steps"."""


class UpdatingWidget(MovedMap):
    """A belief map of a real photo whose peak was moved, its update, and the person, step by step.

    Attributes:
        path: (steps + 1, 2), where the peak was, step by step: column, row.
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
        self._steps: list[tuple[np.ndarray, Way]] = []
        controls = [
            slider("x", -5, (-8, 8), 1),
            slider("y", 3, (-8, 8), 1),
            choice("label", "given", ("given", "kept back"), menu=True),
            log_slider("k", 10**0.5, (-1, 2)),
            slider("sigma", 1.5, (0.8, 3.0), 0.1),
            slider("steps", 0, (0, STEPS), 1),
        ]
        super().__init__(frame, prior, landmark, controls)

    def update(self) -> None:
        """Take the steps that are not known yet, and set every layer."""
        weight = self.visible.astype(np.float64)
        weight[self.moved] = self["label"] == "given"
        step = self["steps"]
        self._take_steps(weight, step)
        shown, self.way = self._steps[step]
        Y, D = self.way.Y[:, [self.moved]], self.way.D[:, [self.moved]]
        update = belief_update(Y, D, *self.size, self["k"], self["sigma"])[0]
        self.distance = float(np.linalg.norm(Y[:, 0] - self.truth[:, self.moved]))
        self.set_map(self._map, shown)
        self.set_map(self._update, update / max(update.max(), 1e-300))
        ways = [way for _, way in self._steps[: step + 1]]
        self.path = np.stack([way.Y[:, self.moved] for way in ways])
        self._path.set(*self.path.T)
        self._map_handle.set(*self.moved_peak, [1])
        self.show_person(self.way)
        length = np.hypot(*D)
        self._arrow.set(*Y, *np.divide(6 * D, length, where=length > 0, out=np.zeros_like(D)))
        losses = np.array([way.loss for way in ways])
        relative = losses / max(float(losses[0]), 1e-300)
        self._curve.set(np.arange(step + 1), relative)
        self._dot.set([step], relative[[step]])
        self.person_panel.title = f"peak {self.distance:.1f} cells off, |D| = {length[0]:.2g}"
        self.scene.summary = (
            f"After {step} steps the peak is {self.distance:.1f} cells off, the loss {relative[step]:.2f} of its first."
        )

    def _take_steps(self, weight: np.ndarray, steps: int) -> None:
        """Take so many steps at least; those already taken for the same values are kept."""
        asked = (*(self[name] for name in ("x", "y", "k", "sigma", "label")), *self.visible)
        B, loss = self.maps(), self.loss(weight)
        layer = layer_for(loss)
        if asked != self._asked:
            self._asked, self._steps = asked, [(B[self.moved].copy(), there_and_back(B, loss, layer))]
        while len(self._steps) <= steps:
            last, way = self._steps[-1]
            Y, D = way.Y[:, [self.moved]], way.D[:, [self.moved]]
            B[self.moved] = last + belief_update(Y, D, *self.size, self["k"], self["sigma"])[0]
            self._steps.append((B[self.moved].copy(), there_and_back(B, loss, layer)))

    def draw(self, scene: Scene) -> None:
        """Two maps, the person, and the loss."""
        panel, self._map = self.draw_map(scene, 12, f"map of the {self.name}", "belief", width=262, height=205)
        self._path = panel.line("its way", colour="sky")
        self._map_handle = panel.handles([self.name], step=1, drag=self._drag)
        look = {"width": 262, "height": 205, "below": True}
        _, self._update = self.draw_map(scene, 12, "its next update, relative", "signed", **look)
        self._arrow = self.draw_person(scene, width=285, height=430).arrows("towards D")
        axes = Axis("steps", 0, STEPS), Axis("loss, first one = 1", 0, 1.6)
        panel = scene.plot(*axes, title="the loss", width=257, height=430)
        self._curve = panel.line("steps taken", width=1.5)
        self._dot = panel.points("this step", colour="right", size=10)
