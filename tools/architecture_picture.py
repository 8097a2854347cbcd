"""Make docs/architecture.png, the picture in docs/architecture.md: the way of an image through the rooms, and back.

python tools/architecture_picture.py
"""

import io
from itertools import pairwise
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from lifting.support.files import write_atomically

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "architecture.png"
FORTH, BACK, WING = "#0072B2", "#D55E00", "#767676"

ROOMS = (
    ("network", "stage t", "image, f of stage t-1"),
    ("belief", "peaks", "B to Y"),
    ("search, turned", "eq. (2)", "Y to R"),
    ("solve", "eq. (5), (6)", "Y to a"),
    ("camera", "eq. (1)", "a to Y_hat"),
    ("belief", "Gaussians", "Y_hat to B_hat"),
    ("network", "fusion, objective", "B, B_hat to f, loss"),
)
"""Room, what it does, from what to what: the way forth, left to right."""
GRADIENTS = (
    ("network", "autograd", "to the weights"),
    ("belief", '"Updating B"', "dL/dY to dL/dB"),
    None,
    ("landmark_gradient", "eq. (8), (7), (3)", "dL/dY_hat to dL/dY"),
    None,
    ("belief", "eq. (9)", "dL/dB_hat to dL/dY_hat"),
    ("network", "autograd", "dL/df to dL/dB_hat"),
)
"""The same columns on the way back, right to left; the search has no gradient, and (8) spans (1) and (6)."""
SPANS = (
    ("front: lift", 1, 4, 2.62, FORTH),
    ("layer: all of it as one torch layer", 1, 5, 3.02, FORTH),
    ("updating: the same in NumPy, from a loss to an update of B", 1, 5, -0.62, BACK),
)
"""Rooms that join others: label, first and last column, height, colour."""


def box(ax: Axes, column: float, row: float, lines: tuple[str, str, str], colour: str) -> None:
    """A room: its name, its equation, and what it turns into what."""
    ax.add_patch(FancyBboxPatch((column - 0.43, row - 0.3), 0.86, 0.6, "round,pad=0,rounding_size=0.08",
                                facecolor="white", edgecolor=colour, lw=1.6))  # fmt: skip
    room, does, turns = lines
    ax.text(column, row + 0.15, room, ha="center", va="center", size=10, weight="bold", color=colour)
    ax.text(column, row - 0.02, does, ha="center", va="center", size=9)
    ax.text(column, row - 0.18, turns, ha="center", va="center", size=8)


def draw() -> Figure:
    """Two rows of rooms, forth above and back below, and what joins them."""
    figure = Figure(figsize=(13, 5.2), dpi=110)
    FigureCanvasAgg(figure)
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(-0.55, 6.55), ylim=(-1.7, 3.4))
    ax.axis("off")
    for column, lines in enumerate(ROOMS):
        box(ax, column, 2, lines, FORTH)
        if column:
            ax.annotate("", (column - 0.44, 2), (column - 0.56, 2), arrowprops={"arrowstyle": "->", "color": FORTH})
    rooms = [(column, lines) for column, lines in enumerate(GRADIENTS) if lines]
    for column, lines in rooms:
        box(ax, column, 0.4, lines, BACK)
    for (left, _), (right, _) in pairwise(rooms):
        ax.annotate("", (left + 0.44, 0.4), (right - 0.44, 0.4), arrowprops={"arrowstyle": "->", "color": BACK})
    ax.text(2, 1.2, "R is held still:\nno gradient through the search", ha="center", va="center", size=8, color=BACK)
    for label, first, last, height, colour in SPANS:
        ax.plot([first - 0.43, last + 0.43], [height, height], color=colour, lw=1.2)
        ax.text((first + last) / 2, height + 0.05, label, ha="center", va="bottom", size=9, color=colour)
    ax.text(-0.5, 3.2, "forth", size=12, weight="bold", color=FORTH)
    ax.text(-0.5, 0.95, "back", size=12, weight="bold", color=BACK)
    wings = "wings, which import the rooms:  fitting   training   checking   datasets   makers   drawing   experiments"
    ax.text(3, -1.05, wings, ha="center", size=10, color=WING)
    ax.text(3, -1.45, "support: arrays, annotations that are executed, files, the one wing that rooms import",
            ha="center", size=10, color=WING)  # fmt: skip
    return figure


def main() -> None:
    """Write the picture."""
    file = io.BytesIO()
    draw().savefig(file, format="png", metadata={"Software": None})
    write_atomically(PICTURE, file.getvalue())


if __name__ == "__main__":
    main()
