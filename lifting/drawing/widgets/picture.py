"""A scene as a still picture, with matplotlib: for readers whose page runs no script."""

import base64
import io
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.layout_engine import ConstrainedLayoutEngine

from lifting.drawing.plots import frame_3d, look_from, to_plot_axes
from lifting.drawing.widgets.scene import COLOURS, PALETTES, Layer, Panel, Scene

MARKERS = {"dot": "o", "ring": "o", "square": "s", "diamond": "D", "cross": "x", "star": "*"}
PIXELS = 96
"""Of a page, in an inch."""


def png(scene: Scene) -> bytes:
    """The scene as it is now, its panels in columns as on the page: a PNG file."""
    columns: list[list[Panel]] = []
    for panel in scene.panels:
        if panel.look.get("below"):
            columns[-1].append(panel)
        else:
            columns.append([panel])
    widths = [max(panel.look["width"] for panel in column) for column in columns]
    height = max(sum(panel.look["height"] + 60 for panel in column) for column in columns)
    # the layout does not count the label of a space's upright axis
    layout = ConstrainedLayoutEngine(wspace=0.15 if any(len(panel.axes) == 3 for panel, *_ in columns[:-1]) else 0.02)
    figure = Figure(figsize=(sum(widths) / PIXELS, height / PIXELS), dpi=PIXELS, layout=layout)
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(2, len(columns), width_ratios=widths)
    for n, column in enumerate(columns):
        for m, panel in enumerate(column):
            flat = len(panel.axes) == 2
            rows = m if len(column) == 2 else slice(None)
            ax: Any = figure.add_subplot(grid[rows, n], projection=None if flat else "3d")
            (_draw_plot if flat else _draw_space)(ax, panel)
            ax.set_title(panel.title, fontsize=9)
            if ax.get_legend_handles_labels()[0]:
                gap = (-0.14 if flat else -0.22) * 300 / panel.look["height"]
                ax.legend(loc="upper center", bbox_to_anchor=(0.5, gap), ncols=2, fontsize=8, frameon=False)
    file = io.BytesIO()
    figure.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


def _draw_plot(ax: Axes, panel: Panel) -> None:
    for set_scale, set_limits, set_label, axis in (
        (ax.set_xscale, ax.set_xlim, ax.set_xlabel, panel.axes[0]),
        (ax.set_yscale, ax.set_ylim, ax.set_ylabel, panel.axes[1]),
    ):
        set_scale("log" if axis.log else "linear")
        set_limits(axis.low, axis.high)
        set_label(axis.label, fontsize=9)
    if panel.look["equal"]:
        ax.set_aspect("equal")
    for axis, set_ticks in zip(panel.axes, (ax.set_xticks, ax.set_yticks), strict=True):
        if axis.ticks is not None:
            set_ticks([at for at, _ in axis.ticks], [text for _, text in axis.ticks])
    for layer in panel.layers:
        _draw_layer(ax, layer)
    ax.tick_params(labelsize=8)
    ax.autoscale(False)


def _draw_layer(ax: Axes, layer: Layer) -> None:
    look, data = layer.look, layer.data
    label, colour = look["label"] or None, COLOURS[look.get("colour") or "ink"][0]
    if layer.kind == "line":
        ax.plot(*data, color=colour, lw=0.75 * look["width"], ls="--" if look["dash"] else "-", label=label)
    elif layer.kind == "points":
        fill = "none" if look["marker"] in ("ring", "diamond") else colour
        ax.plot(*data, MARKERS[look["marker"]], color=colour, ms=0.75 * look["size"], mfc=fill, label=label)
    elif layer.kind == "arrows":
        ax.quiver(*data, angles="xy", scale_units="xy", scale=1, color=colour, width=0.01, label=label)
    elif layer.kind == "map":
        (height, width), (column, row) = look["shape"], look["corner"]
        box = column - 0.5, column + width - 0.5, row + height - 0.5, row - 0.5
        limits, aspect = ax.get_xlim() + ax.get_ylim(), ax.get_aspect()
        low, high = look["limits"]
        ax.imshow(data, cmap=PALETTES[look["palette"]][0], vmin=low, vmax=high, extent=box)
        ax.axis(limits)
        ax.set_aspect(aspect)
    elif layer.kind == "photo":
        _draw_photo(ax, layer)
    elif layer.kind == "bars":
        ax.barh(range(data.shape[1]), data[0], color=[COLOURS[name][0] for name in look["colours"]])
        ax.set_yticks(range(data.shape[1]), look["names"])
    elif layer.kind == "person":
        _draw_person(ax, layer, data)


def _draw_photo(ax: Axes, layer: Layer) -> None:
    index = int(layer.data[0, 0])
    left, top, right, bottom = layer.look["boxes"][index]
    limits = ax.get_xlim() + ax.get_ylim()
    file = io.BytesIO(base64.b64decode(layer.look["urls"][index].split(",")[1]))
    ax.imshow(imread(file, format="jpeg"), extent=(left, right, bottom, top), alpha=0.75)
    ax.axis(limits)


def _draw_space(ax: Any, panel: Panel) -> None:
    radius = panel.axes[0].high
    frame_3d(ax, np.zeros((3, 1)), radius=radius)
    look_from(ax, azim=panel.look["azimuth"], elev=panel.look["elevation"])
    for layer in panel.layers:
        _draw_person(ax, layer, to_plot_axes(layer.data))


def _draw_person(ax: Any, layer: Layer, points: np.ndarray) -> None:
    """One line a side, with gaps between bones."""
    look, gap = layer.look, np.full((len(points), 1), np.nan)
    for side in ("left", "right", "middle"):
        bones = [np.hstack([points[:, [i, j]], gap]) for i, j, which in look["bones"] if which == side]
        path = np.hstack([gap, *bones])
        own = "" if side == "middle" else f"{look['label']} {side}".strip()
        label = (look["label"] if side == "left" else "") if look["colour"] else own
        colour = COLOURS[look["colour"] or side][0]
        ax.plot(*path, color=colour, lw=0.75 * look["width"], ls=":" if look["dash"] else "-", label=label or None)
