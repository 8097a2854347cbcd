"""The way from image to loss and back, a map of the walkthrough."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path

from lifting.support.arrays import fail

MARKED = "#F0E442"
"""The colour of the room that is marked."""

STATIONS = ("image", "B", "Y", "R, a", r"$\hat{Y}$", r"$\hat{B}$", "F", "loss")
"""What is computed, in order: image, belief maps, landmarks, rotation and coefficients, projected landmarks, projected
belief maps, fused maps, loss."""

FORWARD = ("network", "argmax", "(2)", "(1)", "Gaussian", "fuse", "compare")
"""How each station is made of the one before; numbers are the supplement's equations."""

BACKWARD = {(7, 6): "", (6, 5): "", (5, 4): "(9)", (4, 2): "(8)", (2, 1): '"Updating B"'}
"""The way back through the lifting, from station to station."""

DIRECT = (1, 6)
"""The fused maps are made of B as well, and hand their gradient to it directly: from station to station."""

ROOMS: dict[str, tuple[object, ...]] = {
    "start": (0, 1, 2, 3, 4),
    "projection": ("(1)", 4),
    "prior": ("prior",),
    "solving": ("(2)", 3),
    "landmark gradient": ("(8)",),
    "belief gradient": ("(9)",),
    "updating beliefs": ('"Updating B"',),
    "lifting layer": (1, 2, 3, 4, 5, "(9)", "(8)", '"Updating B"'),
    "network": (0, 1, 5, 6, "network", "fuse", "B itself", "direct"),
    "training": (6, 7, "compare"),
    "claims": (0, 1, 2, 3, 4, 5, 6, 7),
}
"""What each room of the walkthrough covers: stations (by number) and arrows (by name)."""


def draw_way_through(ax: Axes, room: str) -> Axes:
    """Draw the way from image to loss and back, with one room of the walkthrough marked in yellow.

    Above, "B itself" is the part of the fused maps that has not been lifted; below, "direct" is its gradient. The
    axes are made as large as their figure, which should have about 9 x 2.4 inches.

    Args:
        ax: the axes.
        room: a key of `ROOMS`.

    Raises:
        ValueError: no such room; the message lists them.
    """
    if room not in ROOMS:
        fail("room", repr(room), f"one of {', '.join(ROOMS)}")
    marked, step = ROOMS[room], 1.6
    stations = [(n * step, 0.0, name, n in marked) for n, name in enumerate(STATIONS)]
    for x, y, name, yellow in [*stations, (3 * step, 0.95, "prior", "prior" in marked)]:
        _box(ax, (x, y), name, yellow)
    for n, name in enumerate(FORWARD):
        start, end = n * step + 0.45, (n + 1) * step - 0.45
        _arrow(ax, (start, 0), (end, 0))
        _name(ax, ((start + end) / 2, 0.4), name, name in marked)
    _arrow(ax, (3 * step, 0.67), (3 * step, 0.3))
    _name(ax, (3 * step + 0.4, 0.57), r"$\mu, e, \sigma$", False)
    for (here, there), name in BACKWARD.items():
        start, end = here * step - 0.1, there * step + 0.1
        _arrow(ax, (start, -0.3), (end, -0.3), linestyle="--", connectionstyle="arc3,rad=-0.35")
        _name(ax, ((start + end) / 2, -0.54 - 0.175 * (start - end)), name, name in marked)
    fore, aft = DIRECT[0] * step - 0.25, DIRECT[1] * step + 0.25
    _detour(ax, fore, aft, 1.45)
    _detour(ax, aft, fore, -1.45, linestyle="--")
    for y, name in ((1.25, "B itself"), (-1.25, "direct")):
        _name(ax, (5 * step, y), name, name in marked)
    ax.set(xlim=(-0.6, 7 * step + 0.6), ylim=(-1.65, 1.65), aspect="equal", position=(0, 0, 1, 1))
    ax.axis("off")
    return ax


def _box(ax: Axes, middle: tuple[float, float], text: str, marked: bool) -> None:
    corner, colour = (middle[0] - 0.38, middle[1] - 0.22), MARKED if marked else "white"
    ax.add_patch(FancyBboxPatch(corner, 0.76, 0.44, boxstyle="round,pad=0.05", facecolor=colour, edgecolor="black"))
    ax.text(*middle, text, ha="center", va="center", fontsize=9)


def _arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float], **style: Any) -> None:
    arrow = FancyArrowPatch(
        start, end, arrowstyle="-|>", mutation_scale=11, shrinkA=0, shrinkB=0, color="black", **style
    )
    ax.add_patch(arrow)


def _detour(ax: Axes, start: float, end: float, y: float, **style: Any) -> None:
    """An arrow from the station at `start` to the one at `end` (x), by way of the height `y`."""
    foot = 0.3 if y > 0 else -0.3
    path = Path([(start, foot), (start, y), (end, y), (end, foot)])
    ax.add_patch(FancyArrowPatch(path=path, arrowstyle="-|>", mutation_scale=11, color="black", **style))


def _name(ax: Axes, place: tuple[float, float], text: str, marked: bool) -> None:
    box = {"facecolor": MARKED, "edgecolor": "none", "pad": 2} if marked else None
    ax.text(*place, text, ha="center", va="center", fontsize=9, bbox=box)
