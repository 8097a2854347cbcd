"""The widget of notebook 04: how the projected landmarks answer when one landmark is moved, eq. (2) to (8)."""

import ipywidgets
import numpy as np
from jaxtyping import Float
from matplotlib.artist import Artist
from matplotlib.figure import Figure

from lifting.drawing.widgets.base import Person, Widget, check_human36m, new_figure
from lifting.pose_prior import PosePrior
from lifting.skeleton import HUMAN36M
from lifting.solve import centre, wrap
from lifting.support.arrays import check_array, fail
from lifting.turned import search_around, turn_prior

ROTATIONS = (8, 10, 16, 20, 40, 80)
"""What the slider "rotations" offers: divisors of the last, whose angles make the curve."""

SCALES = {"fixed at 1": False, "free": True}
"""What the control "scale" offers."""

ANSWERS = {"if it goes right": "#009E73", "if it goes up": "#CC79A7"}
"""The two moves of the landmark, and the colours of the answers."""

ARROW = 0.25
"""Length in metres of an arrow that says 1."""


class JacobianWidget(Widget):
    """A person, the arrows of two columns of eq. (8), the whole matrix with its eigenvalues, and the cost over theta.

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
        self.prior = prior
        self.turned = {free: turn_prior(prior, ROTATIONS[-1], free_scale=free) for free in (False, True)}
        figure = new_figure(8.7, 5.6)
        controls = [
            ipywidgets.Dropdown(options=names, value=landmark, description="landmark"),
            ipywidgets.Dropdown(options=list(SCALES), description="scale"),
            ipywidgets.FloatSlider(0, min=-0.5, max=0.5, step=0.01, description="x"),
            ipywidgets.FloatSlider(0, min=-0.5, max=0.5, step=0.01, description="y"),
            ipywidgets.FloatLogSlider(1, min=-2, max=2, step=0.1, description="sigma", readout_format=".2f"),
            ipywidgets.SelectionSlider(options=ROTATIONS, value=80, description="rotations"),
        ]
        left = [*self._draw_person(figure), *self._draw_matrix(figure)]
        super().__init__(figure, controls, [*left, *self._draw_eigenvalues(figure), *self._draw_cost(figure)])

    def update(self) -> None:
        """Solve eq. (2) for the controls' values and set every artist."""
        chosen = HUMAN36M.index(self["landmark"])
        self.landmarks = self.start.copy()
        self.landmarks[:, chosen] += self["x"], self["y"]
        turned = self.turned[SCALES[self["scale"]]]
        self.response = search_around(self.landmarks, turned, self["rotations"], self["sigma"])
        self._show_person(chosen)
        self._show_matrix(chosen)
        self._show_cost(np.degrees(turned.theta))

    def _show_person(self, chosen: int) -> None:
        # Y_hat is centred, and so is drawn beside the landmarks as they are centred now.
        Y, Y_hat = self.landmarks, self.response.pose[:2] + self.landmarks.mean(axis=1, keepdims=True)
        self._given.show(Y)
        self._answer.show(Y_hat)
        self._chosen.set_data(*Y[:, [chosen]])
        for arrows, column in zip(self._arrows, (chosen, len(Y[0]) + chosen), strict=True):
            arrows.set_offsets(Y_hat.T)
            arrows.set_UVC(*wrap(self.response.H[:, column]))

    def _show_matrix(self, chosen: int) -> None:
        H = self.response.H
        self._matrix.set_data(H)
        for line, column in zip(self._columns, (chosen, len(H) // 2 + chosen), strict=True):
            line.set_xdata([column, column])
        self._eigenvalues.set_ydata(np.linalg.eigvalsh(H)[::-1])
        self._trace.set_text(f"dY_hat/dY: trace {np.trace(H):.1f}")

    def _show_cost(self, degrees: np.ndarray) -> None:
        curve, winner, every = self.response.cost, self.response.angle, len(degrees) // self["rotations"]
        self._curve.set_data(degrees, curve)
        self._dots.set_data(degrees[::every], curve[::every])
        self._winner.set_data([degrees[winner]], [curve[winner]])
        self._which.set_text(f"winner: {degrees[winner]:.1f}°, component {self.response.component}")

    def _draw_person(self, figure: Figure) -> list[Artist]:
        ax = figure.add_axes((0.085, 0.3, 0.36, 0.64), aspect="equal", xlabel="x (m)", ylabel="y, up (m)")
        low, high = self.start.min(axis=1) - 0.3, self.start.max(axis=1) + 0.3
        (x, y), reach = (low + high) / 2, float((high - low).max()) / 2
        ax.set(xlim=(x - reach, x + reach), ylim=(y - reach, y + reach), title="move the landmark: Y_hat answers")
        self._given = Person(ax, "Y", colour="black", ls=":", lw=1.2, marker="o", ms=2.5)
        self._answer = Person(ax, "Y_hat,", marker="o", ms=2.5)
        (self._chosen,) = ax.plot([], [], "o", ms=9, mfc="none", mec="black", mew=1.5, label="the landmark")
        zeros = np.zeros((2, len(self.start[0])))
        self._arrows = [
            ax.quiver(*self.start, *zeros, color=colour, scale_units="xy", scale=1 / ARROW, width=0.01, label=label)
            for label, colour in ANSWERS.items()
        ]
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2, fontsize=9)
        return [*self._given.lines.values(), *self._answer.lines.values(), self._chosen, *self._arrows]

    def _draw_matrix(self, figure: Figure) -> list[Artist]:
        ax, size = figure.add_axes((0.53, 0.42, 0.34, 0.52)), 2 * len(self.start[0])
        self._matrix = ax.imshow(np.zeros((size, size)), cmap="PuOr", vmin=-1, vmax=1)
        ax.set_xticks([size / 4, 3 * size / 4], ["x of Y", "y of Y"])
        ax.set_yticks([size / 4, 3 * size / 4], ["x of Y_hat", "y of Y_hat"], rotation=90, va="center")
        self._columns = [ax.axvline(0, color=colour, lw=1.5) for colour in ANSWERS.values()]
        halves = [line(size / 2 - 0.5, color="black", lw=0.5) for line in (ax.axhline, ax.axvline)]
        self._trace = figure.text(0.7, 0.955, "", ha="center", fontsize=10)
        bar = figure.colorbar(self._matrix, cax=figure.add_axes((0.895, 0.42, 0.012, 0.52)))
        bar.ax.tick_params(labelsize=9)
        return [self._matrix, *halves, *self._columns, self._trace]

    def _draw_eigenvalues(self, figure: Figure) -> list[Artist]:
        ax, size = figure.add_axes((0.53, 0.09, 0.19, 0.2), ylabel="eigenvalue"), 2 * len(self.start[0])
        ax.set(xlim=(0, size + 1), ylim=(-0.05, 1.05), title="eigenvalues")
        ax.set_xlabel("number", labelpad=0)
        ax.axhline(1, color="0.7", lw=0.8)
        (self._eigenvalues,) = ax.plot(np.arange(1, size + 1), np.zeros(size), "o", color="black", ms=3)
        return [self._eigenvalues]

    def _draw_cost(self, figure: Figure) -> list[Artist]:
        curves = [search_around(self.start, self.turned[False], ROTATIONS[-1], f).cost for f in (0.01, 100)]
        ax = figure.add_axes((0.79, 0.09, 0.185, 0.2), xlabel="theta (degrees)", ylabel="cost (m²)")
        ax.set(xlim=(0, 360), ylim=(0.3 * np.min(curves), 3 * np.max(curves)), yscale="log", xticks=range(0, 361, 90))
        (self._curve,) = ax.plot([], [], color="0.5", lw=1)
        (self._dots,) = ax.plot([], [], ".", color="black", ms=4)
        (self._winner,) = ax.plot([], [], "o", color="#56B4E9", mec="black", ms=8)
        self._which = figure.text(0.882, 0.305, "", ha="center", fontsize=9)
        return [self._curve, self._dots, self._winner, self._which]
