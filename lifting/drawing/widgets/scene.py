"""What a widget shows, as numbers: panels with axes and layers, which `view.js` draws in the page.

A `Scene` is laid out once, `layout()`, and holds the numbers of the moment, `numbers()`. Both are plain: what JSON can
say, and bytes. Nothing here or in the page computes an equation; a layer is given its numbers by `set`:

    scene = Scene()
    panel = scene.plot(Axis("theta (degrees)", 0, 360), Axis("cost (m²)", 0.01, 10, log=True))
    curve = panel.line("least cost", colour="grey")
    curve.set(degrees, cost)
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from matplotlib import colormaps

from lifting.drawing.plots import bone_sides
from lifting.skeleton import HUMAN36M, Skeleton
from lifting.support.arrays import fail

COLOURS = {
    "ink": ("#1f1f1f", "#ececec"),
    "grey": ("#767676", "#a3a3a3"),
    "left": ("#0072B2", "#56B4E9"),
    "right": ("#D55E00", "#FF8A3C"),
    "middle": ("#333333", "#d0d0d0"),
    "green": ("#008261", "#2FC99E"),
    "pink": ("#B5528C", "#E79AC6"),
    "sky": ("#2A87B8", "#7CC7F0"),
}
"""Each colour on a light and on a dark page; told apart with any kind of colour vision (Okabe and Ito's, adapted)."""

PALETTES = {"belief": ("magma_r", "magma"), "signed": ("PuOr", "berlin_r")}
"""matplotlib's colours of maps from the least to the largest value, on a light and on a dark page."""

ROWS = {"line": 2, "points": 2, "arrows": 4, "bars": 1, "photo": 1, "person": 2, "person 3D": 3, "handles": 3}
"""How many rows of numbers a layer of each kind has; a map has a matrix."""


@dataclass(frozen=True)
class Axis:
    """One axis of a panel.

    Attributes:
        label: with the unit.
        low: the value at the left, or at the bottom.
        high: the value at the other end; below `low` for rows that count downwards.
        log: whether it is logarithmic.
        ticks: (value, text) of each tick; those of a round step where left out.
    """

    label: str
    low: float
    high: float
    log: bool = False
    ticks: tuple[tuple[float, str], ...] | None = None


@dataclass(eq=False)
class Layer:
    """One thing that a panel draws.

    Attributes:
        kind: see `ROWS`, or "map".
        look: label, colour and the like: what never changes.
        data: float64, rows of numbers, or the matrix of a map; NaN breaks a line and leaves a point out.
        drag: called with (index, x, y) when a handle is moved, in the axes' units.
        press: called with the index when a handle is clicked.
    """

    kind: str
    look: dict[str, Any]
    data: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))
    drag: Callable[[int, float, float], None] | None = None
    press: Callable[[int], None] | None = None

    def set(self, *rows: Any) -> None:
        """Give it its numbers: x, y of a line and so on, or the one matrix of a map.

        Raises:
            ValueError: another number of rows than this kind has.
        """
        data = np.array(rows[0] if self.kind == "map" else rows, dtype=np.float64)
        if data.ndim != 2 or len(data) != ROWS.get(self.kind, len(data)):
            fail("rows", f"shape {data.shape}", f"what a layer of kind {self.kind} has")
        self.data = data

    def packed(self) -> bytes:
        """The numbers for the page: float32, or for a map the index of each cell's colour, one byte."""
        if self.kind != "map":
            return self.data.astype("<f4").tobytes()
        low, high = self.look["limits"]
        return np.rint(255 * np.clip((self.data - low) / (high - low), 0, 1)).astype(np.uint8).tobytes()


class Panel:
    """Axes and the layers in them, the first one lowest.

    Attributes:
        axes: two `Axis`, or three (x to the right, y up, z to the camera) of a space that the mouse turns.
        title: what stands above; it may change.
        look: size in pixels of the page, and whether it stands below the one before in the place of beside it.
    """

    def __init__(self, axes: Sequence[Axis], title: str = "", **look: Any) -> None:
        self.axes, self.title, self.layers = tuple(axes), title, list[Layer]()
        self.look = {"width": 268, "height": 300, "equal": False, **look}

    def line(self, label: str = "", *, colour: str = "ink", width: float = 2, dash: str = "") -> Layer:
        """A line: x, y. `dash` is SVG's, such as "5 3"."""
        return self._add("line", label=label, colour=colour, width=width, dash=dash)

    def points(self, label: str = "", *, colour: str = "ink", marker: str = "dot", size: float = 5) -> Layer:
        """Markers: x, y. `marker` is "dot", "ring", "square", "diamond", "cross" or "star"; `size` in pixels."""
        return self._add("points", label=label, colour=colour, marker=marker, size=size)

    def arrows(self, label: str = "", *, colour: str = "green") -> Layer:
        """Arrows: x, y of their tails, and their lengths in x and y."""
        return self._add("arrows", label=label, colour=colour)

    def person(self, label: str = "", *, colour: str = "", dash: str = "", width: float = 2.5) -> Layer:
        """A stick figure: x, y, and z in a space, of Human3.6M's landmarks; in the sides' colours, or all in one."""
        kind = "person" if len(self.axes) == 2 else "person 3D"
        bones = [[i, j, _side(HUMAN36M, i, j)] for i, j in HUMAN36M.bones]
        return self._add(kind, label=label, colour=colour, dash=dash, width=width, bones=bones)

    def map(self, shape: tuple[int, int], limits: tuple[float, float], palette: str = "belief", **look: Any) -> Layer:
        """A matrix in colours, between `limits`. `corner` (column, row) says where its first cell is; else (0, 0)."""
        return self._add("map", **{"label": "", "corner": (0, 0), "shape": shape, "limits": limits,
                                   "palette": palette, **look})  # fmt: skip

    def photo(self, urls: Sequence[str], boxes: Sequence[tuple[float, ...]]) -> Layer:
        """One of some photos, by its index: data URLs, and for each left, top, right, bottom in the axes' units."""
        return self._add("photo", label="", urls=list(urls), boxes=list(boxes))

    def bars(self, names: Sequence[str], colours: Sequence[str]) -> Layer:
        """Bars from the left, one below the other: their lengths."""
        return self._add("bars", label="", names=list(names), colours=list(colours))

    def handles(self, names: Sequence[str], *, step: float, drag: Any = None, press: Any = None) -> Layer:
        """What can be taken with the mouse or moved with the arrow keys: x, y, and 1 where it is on, 0 where off."""
        layer = self._add("handles", label="", names=list(names), step=step, drags=bool(drag), presses=bool(press))
        layer.drag, layer.press = drag, press
        return layer

    def layout(self) -> dict[str, Any]:
        """What never changes, for JSON."""
        layers = [{"kind": layer.kind, **layer.look} for layer in self.layers]
        return {"axes": [vars(axis) for axis in self.axes], "layers": layers, **self.look}

    def _add(self, kind: str, **look: Any) -> Layer:
        self.layers.append(Layer(kind, look))
        return self.layers[-1]


@dataclass(eq=False)
class Scene:
    """All panels of a widget.

    Attributes:
        panels: in the order in which they stand, in rows as wide as the page allows.
        summary: the result in a sentence, for those who listen to the page.
    """

    panels: list[Panel] = field(default_factory=list)
    summary: str = ""

    def plot(self, x: Axis, y: Axis, title: str = "", **look: Any) -> Panel:
        """A new panel with two axes. With `equal`, both have one scale."""
        self.panels.append(Panel((x, y), title, **look))
        return self.panels[-1]

    def space(self, radius: float, title: str = "", **look: Any) -> Panel:
        """A new panel of a cube around the origin, `radius` metres to each side, that the mouse turns."""
        names = ("x (m)", "y, up (m)", "z, to camera (m)")
        axes = [Axis(name, -radius, radius) for name in names]
        self.panels.append(Panel(axes, title, **{"azimuth": 60, "elevation": 10, **look}))
        return self.panels[-1]

    @property
    def layers(self) -> list[Layer]:
        """Those of all panels; a layer's number is its place here."""
        return [layer for panel in self.panels for layer in panel.layers]

    def layout(self) -> dict[str, Any]:
        """What never changes, for JSON."""
        panels = [panel.layout() for panel in self.panels]
        used = sorted({layer.look["palette"] for layer in self.layers if layer.kind == "map"})
        return {"panels": panels, "palettes": {name: [_palette(one) for one in PALETTES[name]] for name in used}}

    def numbers(self) -> list[bytes]:
        """The numbers of all layers."""
        return [layer.packed() for layer in self.layers]

    def texts(self) -> dict[str, Any]:
        """The titles of the panels and the summary."""
        return {"titles": [panel.title for panel in self.panels], "summary": self.summary}


def _side(order: Skeleton, i: int, j: int) -> Literal["left", "right", "middle"]:
    """A hip's bone to the pelvis is the hip's; a bone from side to side is nobody's."""
    sides = bone_sides(order)
    both = {sides[i], sides[j]} - {"middle"}
    return both.pop() if len(both) == 1 else "middle"  # type: ignore[return-value]


def _palette(name: str) -> list[str]:
    """256 colours, "#rrggbb"."""
    return ["#" + bytes(rgb).hex() for rgb in colormaps[name](np.arange(256), bytes=True)[:, :3]]
