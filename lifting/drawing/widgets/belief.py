"""The widget of notebook 05: a Gaussian map, eq. (9) beside the exact derivative, and the error against delta."""

import numpy as np

from lifting.belief import belief_gradient, belief_maps, exact_belief_gradient, gradient_error
from lifting.drawing.widgets.base import Widget
from lifting.drawing.widgets.controls import slider
from lifting.drawing.widgets.scene import Axis, Layer, Scene
from lifting.support.arrays import fail

SIZE = 33
"""Height and width of the widget's map, pixels."""

DELTAS = 10.0 ** np.linspace(-2, 0.7, 15)
"""Where the curve of the error is drawn, pixels."""


class BeliefWidget(Widget):
    """The map of one landmark, its difference of Gaussians in x, both derivatives along a row, and the error.

    Attributes:
        gradient: (2, SIZE, SIZE) eq. (9), in x and in y.
        exact: the same, the exact derivative.
        error: their largest distance, relative to the largest value of the exact derivative.

    Sliders: "sigma" and "delta" (pixels), "x" and "y" (where the landmark is: column and row; it is dragged as well).
    """

    def __init__(self, x: float = 16.0, y: float = 16.0) -> None:
        """Start with a landmark at column x and row y.

        Raises:
            ValueError: a place outside the map.
        """
        last = SIZE - 1.0
        if not (0 <= x <= last and 0 <= y <= last):
            fail("x, y", (x, y), f"a place between 0 and {last:g}")
        scene = Scene()
        self._map, row = self._draw_map(scene, "belief map", (0, 1), "belief")
        self._slope, other_row = self._draw_map(scene, "eq. (9) in x, relative", (-1, 1), "signed")
        self._rows = [row, other_row]
        self._draw_row(scene)
        self._draw_error(scene)
        self._drawn: tuple[float, ...] = ()
        sliders = [
            slider("sigma", 1.5, (0.5, 4.0), 0.1),
            slider("delta", 1.0, (0.1, 5.0), 0.1),
            slider("x", x, (0.0, last), 0.25),
            slider("y", y, (0.0, last), 0.25),
        ]
        super().__init__(scene, sliders)

    def update(self) -> None:
        """Compute the map and its derivatives for the sliders' values and set every layer."""
        Y, sigma, delta = np.array([[self["x"]], [self["y"]]]), self["sigma"], self["delta"]
        self.gradient = belief_gradient(Y, SIZE, SIZE, sigma, delta)[0]
        self.exact = exact_belief_gradient(Y, SIZE, SIZE, sigma)[0]
        row, largest, columns = round(self["y"]), np.abs(self.exact).max(), np.arange(SIZE)
        self.error = float(np.abs(self.gradient - self.exact).max() / largest)
        self._map.set(belief_maps(Y, SIZE, SIZE, sigma)[0])
        self._slope.set(self.gradient[0] / largest)
        self._handle.set(*Y, [1])
        for line in self._rows:
            line.set([-0.5, SIZE - 0.5], [row, row])
        self._ours.set(columns, self.gradient[0, row] / largest)
        self._exact.set(columns, self.exact[0, row] / largest)
        self._apart.set(columns, (self.gradient - self.exact)[0, row] / largest)
        if self._drawn != (drawn := (self["x"], self["y"], sigma)):
            self._curve.set(DELTAS, gradient_error(Y, DELTAS, SIZE, SIZE, sigma))
            self._drawn = drawn
        self._here.set([delta], [self.error])
        self._error_panel.title = f"largest error {self.error:.1%}"
        self.scene.summary = f"With delta {delta:g} px, eq. (9) is up to {self.error:.1%} off the derivative."

    def _take(self, _: int, x: float, y: float) -> None:
        self.put(x=x, y=y)

    def _draw_map(self, scene: Scene, title: str, limits: tuple[float, float], palette: str) -> tuple[Layer, Layer]:
        ends = -0.5, SIZE - 0.5
        axes = Axis("column (px)", *ends), Axis("row (px)", *ends[::-1])
        panel = scene.plot(*axes, title=title, width=265, height=255, equal=True)
        cells = panel.map((SIZE, SIZE), limits, palette)
        line = panel.line("the row of the curve", colour="green", dash="2 3", width=1.5)
        if palette == "belief":
            self._handle = panel.handles(["landmark"], step=0.25, drag=self._take)
        return cells, line

    def _draw_row(self, scene: Scene) -> None:
        axes = Axis("column (px)", 0, SIZE - 1), Axis("relative to the largest", -1.1, 1.1)
        panel = scene.plot(*axes, title="eq. (9) along the dotted row", width=274, height=200)
        self._exact = panel.line("exact", width=3)
        self._ours = panel.line("eq. (9)", colour="right", dash="5 3")
        self._apart = panel.line("difference", colour="left", dash="2 3")

    def _draw_error(self, scene: Scene) -> None:
        axes = Axis("delta (px)", DELTAS[0], DELTAS[-1], log=True), Axis("largest error, relative", 1e-6, 3, log=True)
        self._error_panel = scene.plot(*axes, width=274, height=180, below=True)
        self._curve = self._error_panel.line()
        self._here = self._error_panel.points("this delta", colour="right", size=10)
