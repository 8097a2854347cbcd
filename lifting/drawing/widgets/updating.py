"""The widget of notebook 06: a wrong peak in a real belief map, and what the gradients of the lifting do to it."""

from typing import Any

import numpy as np

from lifting.belief import belief_update
from lifting.datasets.real_frames import RealFrame
from lifting.drawing.widgets.controls import choice, log_slider, slider
from lifting.drawing.widgets.moved_map import MovedMap
from lifting.drawing.widgets.scene import Axis, Scene
from lifting.pose_prior import PosePrior
from lifting.updating import Correction, ProjectedLoss, correct, from_loss_to_peaks

STEPS = 15
"""The end of the slider "steps"."""


class UpdatingWidget(MovedMap):
    """A belief map of a real photo whose peak was moved, its update, and the person, step by step.

    Attributes:
        result: all steps that were asked for so far, as from `updating.correct`.
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
        loss, B, step = self.loss(weight), self.maps(), self["steps"]
        self._take_steps(B, loss, step)
        B[self.moved] = self.result.maps[step, 0]
        self.way = from_loss_to_peaks(B, loss)
        Y, D = self.way.Y[:, [self.moved]], self.way.D[:, [self.moved]]
        update = belief_update(Y, D, *self.size, self["k"], self["sigma"])[0]
        self.distance = float(np.linalg.norm(Y[:, 0] - self.truth[:, self.moved]))
        self.set_map(self._map, B[self.moved])
        self.set_map(self._update, update / max(update.max(), 1e-300))
        self._path.set(*self.result.path[: step + 1, 0].T)
        self._map_handle.set(*self.moved_peak, [1])
        self.show_person(self.way)
        length = np.hypot(*D)
        self._arrow.set(*Y, *np.divide(6 * D, length, where=length > 0, out=np.zeros_like(D)))
        relative = self.result.loss[: step + 1, 0] / max(float(self.result.loss[0, 0]), 1e-300)
        self._curve.set(np.arange(step + 1), relative)
        self._dot.set([step], relative[[step]])
        self.person_panel.title = f"peak {self.distance:.1f} cells off, |D| = {length[0]:.2g}"
        self.scene.summary = (
            f"After {step} steps the peak is {self.distance:.1f} cells off, the loss {relative[step]:.2f} of its first."
        )

    def _take_steps(self, B: np.ndarray, loss: ProjectedLoss, steps: int) -> None:
        """Bring `result` to so many steps at least; those already taken for the same values are kept."""
        asked = (*(self[name] for name in ("x", "y", "k", "sigma", "label")), *self.visible)
        wrong, loss = np.array([self.moved]), self.loss(loss.weight[None])
        if asked != self._asked:
            self.result = correct(B[None], wrong, loss, k=self["k"], steps=max(steps, 1))
            self._asked = asked
        missing = steps - (len(self.result.loss) - 1)
        if missing > 0:
            onwards, old = B.copy(), self.result
            onwards[self.moved] = old.maps[-1, 0]
            new = correct(onwards[None], wrong, loss, k=self["k"], steps=missing)
            path, losses, maps = (np.concatenate([a, b[1:]]) for a, b in zip(old[:3], new[:3], strict=True))
            self.result = Correction(path, losses, maps, old.steps + new.steps)

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
