"""Landmarks that the reader drags out of place and hides, as several widgets have them."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float

from lifting.drawing.widgets.scene import Panel
from lifting.skeleton import HUMAN36M
from lifting.support.arrays import fail
from lifting.turned import TurnedPrior

FEWEST = 4
"""How many landmarks stay visible."""


class Landmarks:
    """Y, dotted, with handles, and Y_hat in the sides' colours.

    Attributes:
        offsets: (2, 17), by how much each landmark is moved.
        visible: (17,), False for landmarks that are hidden.
    """

    def __init__(
        self, panel: Panel, drag: Callable[[int, float, float], None] | None = None, step: float = 0.02
    ) -> None:
        """Add them to a panel; `drag` is called in the place of moving a landmark, `step` is a key's."""
        names = [name.replace("_", " ") for name in HUMAN36M.landmarks]
        self.put_back()
        self.given = panel.person("Y", colour="ink", dash="2 4", width=2)
        self.answer = panel.person("Y_hat,")
        self.handles = panel.handles(names, step=step, drag=drag or self._drag, press=self._press)

    def put_back(self, known: Bool[np.ndarray, " 17"] | None = None) -> None:
        """Every landmark where it was, and those that are known (17,) visible; all where None."""
        self._known = np.ones(17, dtype=bool) if known is None else known
        self.offsets, self.visible = np.zeros((2, 17)), self._known.copy()

    def moved(self, Y: Float[np.ndarray, "2 17"]) -> Float[np.ndarray, "2 17"]:
        """Y (2, 17) with what has been moved."""
        self._start = Y
        return Y + self.offsets

    def weigh(self, turned: TurnedPrior) -> TurnedPrior:
        """The prior for the visible landmarks."""
        return turned if self.visible.all() else turned.with_weights(self.visible.astype(np.float64))

    def show(self, Y: Float[np.ndarray, "2 17"], pose: Float[np.ndarray, "d 17"]) -> Float[np.ndarray, "2 17"]:
        """Show Y and the projection of the pose (2 or 3, 17), which is returned as it lies over Y."""
        Y_hat = pose[:2] + (Y - pose[:2])[:, self.visible].mean(axis=1, keepdims=True)
        self.given.set(*np.where(self.visible, Y, np.nan))
        self.answer.set(*Y_hat)
        self.handles.set(*np.where(self._known, Y, np.nan), self.visible)
        return Y_hat

    def _drag(self, index: int, x: float, y: float) -> None:
        self.offsets[:, index] = np.array([x, y]) - self._start[:, index]

    def _press(self, index: int) -> None:
        if self.visible[index] and self.visible.sum() <= FEWEST:
            fail("visible", f"{FEWEST - 1} landmarks", f"at least {FEWEST}")
        self.visible[index] ^= True
