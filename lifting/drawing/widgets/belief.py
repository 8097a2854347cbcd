"""The widget of notebook 05: a Gaussian map, eq. (9) beside the exact derivative, and the error against delta."""

from typing import Any

import ipywidgets
import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure

from lifting.belief import belief_gradient, belief_maps, exact_belief_gradient, gradient_error
from lifting.drawing.plots import BELIEF_COLOURS
from lifting.drawing.widgets.base import Widget, new_figure
from lifting.support.arrays import fail

SIZE = 33
"""Height and width of the widget's map, pixels."""

DELTAS = 10.0 ** np.linspace(-2, 0.7, 28)
"""Where the curve of the error is drawn, pixels."""


class BeliefWidget(Widget):
    """The map of one landmark, its difference of Gaussians in x, both derivatives along a row, and the error.

    Attributes:
        gradient: (2, SIZE, SIZE) eq. (9), in x and in y.
        exact: the same, the exact derivative.
        error: their largest distance, relative to the largest value of the exact derivative.

    Sliders: "sigma" and "delta" (pixels), "x" and "y" (where the landmark is: column and row).
    """

    def __init__(self, x: float = 16.0, y: float = 16.0) -> None:
        """Start with a landmark at column x and row y.

        Raises:
            ValueError: a place outside the map.
        """
        last = SIZE - 1.0
        if not (0 <= x <= last and 0 <= y <= last):
            fail("x, y", (x, y), f"a place between 0 and {last:g}")
        figure = new_figure(8.7, 5.4)
        sliders = [
            ipywidgets.FloatSlider(1.5, min=0.5, max=4, step=0.1, description="sigma"),
            ipywidgets.FloatSlider(1.0, min=0.1, max=5, step=0.1, description="delta"),
            ipywidgets.FloatSlider(x, min=0, max=last, step=0.25, description="x"),
            ipywidgets.FloatSlider(y, min=0, max=last, step=0.25, description="y"),
        ]
        self._map, row = self._draw_map(figure, 0.58, title="map")
        self._slope, other_row = self._draw_map(figure, 0.08, title="eq. (9) in x, relative")
        self._map.set(cmap=BELIEF_COLOURS, clim=(0, 1))
        self._rows = [row, other_row]
        maps = [self._map, row, self._slope, other_row]
        super().__init__(figure, sliders, [*maps, *self._draw_row(figure), *self._draw_error(figure)])

    def update(self) -> None:
        """Compute the map and its derivatives for the sliders' values and set every artist."""
        Y, sigma, delta = np.array([[self["x"]], [self["y"]]]), self["sigma"], self["delta"]
        self.gradient = belief_gradient(Y, SIZE, SIZE, sigma, delta)[0]
        self.exact = exact_belief_gradient(Y, SIZE, SIZE, sigma)[0]
        row, largest = round(self["y"]), np.abs(self.exact).max()
        self.error = float(np.abs(self.gradient - self.exact).max() / largest)
        self._map.set_data(belief_maps(Y, SIZE, SIZE, sigma)[0])
        self._slope.set_data(self.gradient[0] / largest)
        for line in self._rows:
            line.set_ydata([row, row])
        self._ours.set_ydata(self.gradient[0, row] / largest)
        self._exact.set_ydata(self.exact[0, row] / largest)
        self._apart.set_ydata((self.gradient - self.exact)[0, row] / largest)
        self._curve.set_ydata(gradient_error(Y, DELTAS, SIZE, SIZE, sigma))
        self._here.set_data([delta], [self.error])
        self._text.set_text(f"largest error {self.error:.1%}")

    def _draw_map(self, figure: Figure, bottom: float, **labels: str) -> tuple[Any, Any]:
        ax = figure.add_axes((0.06, bottom, 0.26, 0.35), xlabel="column (px)", ylabel="row (px)")
        ax.set(**labels)
        image = ax.imshow(np.zeros((SIZE, SIZE)), cmap="PuOr", vmin=-1, vmax=1)
        return image, ax.axhline(0, color="#009E73", lw=1, ls=":")

    def _draw_row(self, figure: Figure) -> list[Artist]:
        ax = figure.add_axes((0.44, 0.58, 0.54, 0.35), xlabel="column (px)", title="eq. (9) along the dotted row")
        ax.set(xlim=(0, SIZE - 1), ylim=(-1.1, 1.1), ylabel="relative to the largest")
        columns, nothing = np.arange(SIZE), np.zeros(SIZE)
        (self._exact,) = ax.plot(columns, nothing, color="black", lw=2.5, label="exact")
        (self._ours,) = ax.plot(columns, nothing, ".--", color="#D55E00", lw=1.5, label="eq. (9)")
        (self._apart,) = ax.plot(columns, nothing, ":", color="#0072B2", lw=1.5, label="difference")
        ax.legend(loc="upper left", fontsize=9)
        return [self._exact, self._ours, self._apart]

    def _draw_error(self, figure: Figure) -> list[Artist]:
        ax: Any = figure.add_axes((0.44, 0.09, 0.54, 0.34), xlabel="delta (px)", ylabel="largest error, relative")
        ax.set(xlim=(DELTAS[0], DELTAS[-1]), ylim=(1e-6, 3), xscale="log", yscale="log")
        (self._curve,) = ax.plot(DELTAS, np.ones_like(DELTAS), color="black", lw=1)
        (self._here,) = ax.plot([], [], "o", color="#D55E00")
        self._text = figure.text(0.71, 0.445, "", ha="center", fontsize=10)
        return [self._curve, self._here, self._text]
