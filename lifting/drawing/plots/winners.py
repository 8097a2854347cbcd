"""Where the winner of eq. (2) changes as one landmark moves, and by how much the answer jumps there."""

import numpy as np
from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator

from lifting.checking.jumps import Plane
from lifting.drawing.plots.bones import COLOURS, check_points, draw_bones
from lifting.skeleton import HUMAN36M
from lifting.support.arrays import Array, fail


def draw_boundaries(
    ax: Axes,
    plane: Plane,
    Y: Float[Array, "2 17"],
    landmark: int,
    *,
    visible: Bool[Array, " 17"] | None = None,
    unit: str = "px",
) -> Axes:
    """Draw which angle wins eq. (2) for every place of one landmark, lines where the winner changes, and the person.

    Thin white lines: another angle; thick black lines: another component. The ring is where the landmark is in Y.

    Args:
        ax: the axes.
        plane: the winners, as from `winners_over_plane`.
        Y: (2, 17) all landmarks, y up.
        landmark: the one that moves.
        visible: (17,), what of the person is drawn; all where None.
        unit: of the places and Y.

    Raises:
        ValueError: wrong shapes, or fewer than two places along an axis.
    """
    extent = _cells(plane, "theta", "component")
    Y, visible = check_points("Y", Y, HUMAN36M, visible, d=2)
    degrees = np.degrees(plane.theta) % 360
    image = ax.imshow(degrees, extent=extent, origin="lower", cmap="twilight", vmin=0, vmax=360, alpha=0.8)
    ax.add_collection(LineCollection(edges(plane.theta, extent), colors="white", linewidths=0.6))
    ax.add_collection(LineCollection(edges(plane.component, extent), colors="black", linewidths=2.0))
    draw_bones(ax, Y, HUMAN36M, visible, {"legend": False})
    (ring,) = ax.plot(*Y[:, landmark], "o", color="#F0E442", markeredgecolor="black", markersize=9, label="where it is")
    handles = [
        Line2D([], [], color="#BBBBBB", lw=1, label="another angle"),
        Line2D([], [], color="black", lw=2, label="another component"),
        ring,
        *(Line2D([], [], color=COLOURS[s], lw=2, marker="o", markersize=3, label=s) for s in ("left", "right")),
    ]
    _label(ax, f"Who wins, for every place\nof the {_name(landmark)}", unit)
    x, y = Y[:, visible]
    ax.set(xlim=(min(extent[0], x.min() - 1), max(extent[1], x.max() + 1)))
    ax.set(ylim=(min(extent[2], y.min() - 1), max(extent[3], y.max() + 1)))
    ax.legend(
        handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2, fontsize=9, facecolor="#DDDDDD"
    )
    ax.figure.colorbar(image, ax=ax, label="theta of the winner (degrees)", ticks=np.arange(0, 361, 60), shrink=0.7)
    return ax


def draw_jumps(ax: Axes, plane: Plane, landmark: int, *, unit: str = "px") -> Axes:
    """Draw by how much Y_hat changes from each place of a landmark to the next, per step that the landmark makes.

    A smooth mapping has a change that stays as it is when the cells get smaller; at a jump it grows without bound.

    Args:
        ax: the axes.
        plane: the winners, as from `winners_over_plane`.
        landmark: the one that moves, for the title.
        unit: of the places and Y_hat.

    Raises:
        ValueError: wrong shapes, or fewer than two places along an axis.
    """
    extent = _cells(plane, "Y_hat")
    across = np.linalg.norm(np.diff(plane.Y_hat, axis=1), axis=(-2, -1))[:-1]
    upwards = np.linalg.norm(np.diff(plane.Y_hat, axis=0), axis=(-2, -1))[:, :-1]
    image = ax.imshow(np.maximum(across, upwards), extent=extent, origin="lower", cmap="cividis", norm="log")
    _label(ax, f"What Y_hat does as the\n{_name(landmark)} moves by one cell", unit)
    label, ticks = f"change of Y_hat, all coordinates ({unit})", LogLocator(subs=(1, 2, 5))
    ax.figure.colorbar(image, ax=ax, label=label, ticks=ticks, format="%g", shrink=0.7).ax.minorticks_off()
    return ax


def edges(
    values: Float[np.ndarray, "H W"], extent: tuple[float, float, float, float]
) -> list[Float[np.ndarray, "2 2"]]:
    """The edges between neighbouring cells whose values differ, as line segments: both ends' (x, y).

    Args:
        values: (H, W), one for each cell, the lowest row first.
        extent: left, right, bottom and top of all cells.
    """
    H, W = values.shape
    x, y = np.linspace(*extent[:2], W + 1), np.linspace(*extent[2:], H + 1)
    upright = [[(x[j + 1], y[i]), (x[j + 1], y[i + 1])] for i, j in np.argwhere(np.diff(values, axis=1))]
    level = [[(x[j], y[i + 1]), (x[j + 1], y[i + 1])] for i, j in np.argwhere(np.diff(values, axis=0))]
    return [np.array(segment) for segment in upright + level]


def _cells(plane: Plane, *names: str) -> tuple[float, float, float, float]:
    """Left, right, bottom and top of the cells; what `names` says must have one entry for each cell."""
    xs, ys = plane.xs, plane.ys
    if len(xs) < 2 or len(ys) < 2:
        fail("xs, ys", f"{len(xs)} and {len(ys)} places", "at least 2 of each")
    for name in names:
        shape = np.shape(getattr(plane, name))[:2]
        if shape != (len(ys), len(xs)):
            fail(name, f"shape {shape}", f"shape ({len(ys)}, {len(xs)}), the places of ys and xs")
    dx, dy = (xs[1] - xs[0]) / 2, (ys[1] - ys[0]) / 2
    return float(xs[0] - dx), float(xs[-1] + dx), float(ys[0] - dy), float(ys[-1] + dy)


def _name(landmark: int) -> str:
    return HUMAN36M.landmarks[landmark].replace("_", " ")


def _label(ax: Axes, title: str, unit: str) -> None:
    ax.set(aspect="equal", title=title, xlabel=f"x ({unit})", ylabel=f"y, up ({unit})")
