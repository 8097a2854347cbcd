"""The widget of notebook 04: how the projected landmarks answer when one landmark is moved, eq. (2) to (8)."""

from typing import Any

import numpy as np
from jaxtyping import Float

from lifting.drawing.widgets.base import Widget, check_human36m
from lifting.drawing.widgets.controls import choice, log_slider, slider
from lifting.drawing.widgets.curve import CostPanel
from lifting.drawing.widgets.landmarks import Landmarks
from lifting.drawing.widgets.scene import Axis, Layer, Panel, Scene
from lifting.pose_prior import PosePrior
from lifting.skeleton import HUMAN36M
from lifting.solve import centre, wrap
from lifting.support.arrays import check_array, fail
from lifting.turned import search_around, turn_prior

ROTATIONS = (8, 10, 16, 20, 40, 80)
"""What the slider "rotations" offers: divisors of the last, whose angles make the curve."""

SCALES = {"fixed at 1": False, "free": True}
"""What the control "scale" offers."""

ANSWERS = {"if it goes right": "green", "if it goes up": "pink"}
"""The two moves of the landmark, and the colours of the answers."""

ARROW = 0.25
"""Length in metres of an arrow that says 1."""


def matrix_panel(scene: Scene, **look: Any) -> tuple[Panel, Layer, list[Layer]]:
    """A panel for the matrix of eq. (8), its layer, and lines for the two columns of a landmark."""
    size = 2 * len(HUMAN36M.landmarks)
    half, end = size / 2 - 0.5, size - 0.5
    ticks = ((half / 2, "x"), ((half + end) / 2, "y"))
    axes = Axis("of Y", -0.5, end, ticks=ticks), Axis("of Y_hat", end, -0.5, ticks=ticks)
    panel = scene.plot(*axes, equal=True, **look)
    layer = panel.map((size, size), (-1, 1), "signed")
    columns = [panel.line(label, colour=colour) for label, colour in ANSWERS.items()]
    for place in ([[half, half], [-0.5, end]], [[-0.5, end], [half, half]]):
        panel.line(width=0.75).set(*place)
    return panel, layer, columns


class JacobianWidget(Widget):
    """A person, the arrows of two columns of eq. (8), the whole matrix with its eigenvalues, and the cost over theta.

    Every landmark can be dragged and hidden in the picture; the sliders are those of the last one.

    Attributes:
        landmarks: (2, 17) what is solved for, metres.
        response: the answer, a `turned.Around`.

    Controls: "landmark" (its name), "x" and "y" (by how much it is moved, metres), "sigma" (a factor on the prior's),
    "rotations", and "scale" (fixed at 1, or solved for).
    """

    def __init__(self, Y: Float[np.ndarray, "2 17"], prior: PosePrior, landmark: str = "right_wrist") -> None:
        """Start from landmarks Y (2, 17), metres, y up.

        Raises:
            ValueError: landmarks of another shape, a prior of other landmarks, or no such landmark.
        """
        names = HUMAN36M.landmarks
        self.start = centre(check_array("Y", Y, 2, len(names)))
        check_human36m(prior)
        if landmark not in names:
            fail("landmark", repr(landmark), f"one of {', '.join(names)}")
        self.prior, self._chosen = prior, landmark
        self.turned = {free: turn_prior(prior, ROTATIONS[-1], free_scale=free) for free in (False, True)}
        scene = Scene()
        self._draw_person(scene)
        self._matrix_panel, self._matrix, self._columns = matrix_panel(scene, width=265, height=290)
        self._draw_eigenvalues(scene)
        curves = [search_around(self.start, self.turned[False], ROTATIONS[-1], f).cost for f in (0.01, 100)]
        self._cost = CostPanel(scene, (0.3 * np.min(curves), 3 * np.max(curves)), width=252, height=170, below=True)
        controls = [
            choice("landmark", landmark, names, menu=True),
            slider("x", 0.0, (-0.5, 0.5), 0.01),
            slider("y", 0.0, (-0.5, 0.5), 0.01),
            choice("scale", "fixed at 1", tuple(SCALES), menu=True),
            log_slider("sigma", 1.0, (-2, 2)),
            choice("rotations", 80, ROTATIONS),
        ]
        super().__init__(scene, controls)

    def update(self) -> None:
        """Solve eq. (2) for the controls' values and set every layer."""
        chosen, offsets = HUMAN36M.index(self["landmark"]), self._landmarks.offsets
        if self._chosen == self["landmark"]:
            offsets[:, chosen] = self["x"], self["y"]
        else:
            self._chosen = self["landmark"]
            self.values["x"], self.values["y"] = offsets[:, chosen].tolist()
        self.landmarks = self._landmarks.moved(self.start)
        turned = self._landmarks.weigh(self.turned[SCALES[self["scale"]]])
        self.response = search_around(self.landmarks, turned, self["rotations"], self["sigma"])
        self._show_person(chosen)
        self._show_matrix(chosen)
        degrees = np.degrees(turned.theta)
        self._cost.show(degrees, self.response, self["rotations"])
        winner = f"{degrees[self.response.angle]:.1f}°, component {self.response.component}"
        self._cost.panel.title = f"winner: {winner}"
        self.scene.summary = f"Trace of the matrix {np.trace(self.response.H):.1f}; the winner is at {winner}."

    def reset(self) -> None:
        """Put the landmarks back as well."""
        self._landmarks.put_back()
        self._chosen = self.controls["landmark"].start
        super().reset()

    def _drag(self, index: int, x: float, y: float) -> None:
        self._chosen = HUMAN36M.landmarks[index]
        dx, dy = np.array([x, y]) - self.start[:, index]
        self.put(landmark=self._chosen, x=dx, y=dy)

    def _show_person(self, chosen: int) -> None:
        Y_hat = self._landmarks.show(self.landmarks, self.response.pose)
        self._ring.set(*self.landmarks[:, [chosen]])
        for arrows, column in zip(self._arrows, (chosen, len(HUMAN36M.landmarks) + chosen), strict=True):
            arrows.set(*Y_hat, *(ARROW * wrap(self.response.H[:, column])))

    def _show_matrix(self, chosen: int) -> None:
        H = self.response.H
        self._matrix.set(H)
        for line, column in zip(self._columns, (chosen, len(H) // 2 + chosen), strict=True):
            line.set([column, column], [-0.5, len(H) - 0.5])
        self._eigenvalues.set(np.arange(1, len(H) + 1), np.linalg.eigvalsh(H)[::-1])
        self._matrix_panel.title = f"dY_hat/dY: trace {np.trace(H):.1f}"

    def _draw_person(self, scene: Scene) -> None:
        low, high = self.start.min(axis=1) - 0.3, self.start.max(axis=1) + 0.3
        axes = Axis("x (m)", low[0], high[0]), Axis("y, up (m)", low[1], high[1])
        panel = scene.plot(*axes, title="one landmark moves, Y_hat answers", equal=True, width=287, height=370)
        self._landmarks = Landmarks(panel, self._drag)
        self._ring = panel.points("the landmark", marker="ring", size=14)
        self._arrows = [panel.arrows(label, colour=colour) for label, colour in ANSWERS.items()]

    def _draw_eigenvalues(self, scene: Scene) -> None:
        size = 2 * len(HUMAN36M.landmarks)
        axes = Axis("number", 0, size + 1), Axis("eigenvalue", -0.05, 1.05)
        panel = scene.plot(*axes, title="eigenvalues of dY_hat/dY", width=252, height=150)
        self._eigenvalues = panel.points(size=5)
