"""The cost of eq. (2) around the circle, as several widgets show it."""

from typing import Any

import numpy as np
from jaxtyping import Float

from lifting.drawing.widgets.projection import QUARTERS
from lifting.drawing.widgets.scene import Axis, Scene
from lifting.turned import Around, other_valley


class CostPanel:
    """A panel with the curve, the angles that are searched, the winner and the best of the other valleys."""

    def __init__(self, scene: Scene, ends: tuple[float, float], unit: str = "m²", **look: Any) -> None:
        """Add it to a scene, with these ends of the axis of cost."""
        axes = Axis("theta (degrees)", 0, 360, ticks=QUARTERS), Axis(f"cost ({unit})", *ends, log=True)
        self.panel = scene.plot(*axes, **look)
        self.curve = self.panel.line(colour="grey", width=1.5)
        self.dots = self.panel.points("searched", size=4)
        self.second = self.panel.points("runner-up valley", colour="pink", marker="square", size=8)
        self.winner = self.panel.points("winner", colour="green", size=11)

    def show(self, degrees: Float[np.ndarray, " T"], answer: Around, rotations: int) -> None:
        """Show what `turned.search_around` found."""
        cost, every = answer.cost, len(degrees) // rotations
        self.curve.set(degrees, cost)
        self.dots.set(degrees[::every], cost[::every])
        self.winner.set([degrees[answer.angle]], [cost[answer.angle]])
        valley = other_valley(np.where(np.isfinite(cost), cost, 1e300)[::every]) * every
        second = [valley] if valley >= 0 else []
        self.second.set(degrees[second], cost[second])
