"""What all widgets share: one persistent picture, redrawn in place when a slider moves.

A widget is a subclass of `Widget`. It makes a figure with `new_figure`, its artists and its sliders, hands them to
`Widget.__init__`, and says in `update` what the artists show for the sliders' values:

    class Wave(Widget):
        def __init__(self):
            figure = new_figure(4, 3)
            self.x = np.linspace(0, 6, 200)
            (self.line,) = figure.add_subplot().plot(self.x, np.sin(self.x))
            speed = FloatSlider(1, min=0, max=3, description="speed")
            super().__init__(figure, [speed], moving=[self.line])

        def update(self):
            self.line.set_ydata(np.sin(self["speed"] * self.x))

    wave = Wave()
    wave.view()           # the last line of a cell: sliders, and the picture below them
    wave["speed"] = 2.0   # from code, as if the slider had been moved

Speed: axes, ticks and labels are drawn once and kept as pixels; a move draws the `moving` artists over them and sends
the picture as a PNG with little compression. What changes the axes themselves (a 3D view that turns, other limits)
calls `redraw_axes`.
"""

import base64
import html
import io
from collections.abc import Iterable, Sequence
from typing import Any

import ipywidgets
import matplotlib.figure
import matplotlib.image
import numpy as np
from jaxtyping import Float
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg

from lifting.drawing.plots import COLOURS, bone_paths
from lifting.pose_prior import PosePrior
from lifting.skeleton import HUMAN36M
from lifting.support.arrays import check_positive, fail

LAYOUT = ipywidgets.Layout(width="28em")
STYLE = {"description_width": "7em"}
"""How all sliders look."""


def new_figure(width: float, height: float, dpi: float = 96) -> matplotlib.figure.Figure:
    """A figure of `width` by `height` inches that no notebook shows by itself.

    A page has 96 pixels an inch, so that 9 points are 9 points there; up to 8.7 inches need no scroll bar in a window
    of 1280 pixels.

    Raises:
        ValueError: a size that is not positive.
    """
    size = check_positive("width", width), check_positive("height", height)
    figure = matplotlib.figure.Figure(figsize=size, dpi=check_positive("dpi", dpi))
    FigureCanvasAgg(figure)
    return figure


class Person:
    """A stick figure that is redrawn in place: one line a side, in the sides' colours or all in one `colour`.

    Attributes:
        lines: the lines, by side; what a widget moves.
    """

    def __init__(self, ax: Axes, label: str = "", *, colour: str = "", **look: Any) -> None:
        """Add the lines, without points yet, to axes of 2 or 3 dimensions.

        Args:
            ax: the axes.
            label: what the legend calls the person; without `colour` it is put before "left" and "right".
            colour: one colour for all sides.
            **look: of matplotlib's lines.
        """
        names = {"left": label} if colour else {side: f"{label} {side}".strip() for side in ("left", "right")}
        self.lines: dict[str, Any] = {}
        for side, own in COLOURS.items():
            nothing: list[list[float]] = [[]] * (3 if ax.name == "3d" else 2)
            line = ax.plot(*nothing, color=colour or own, label=names.get(side), **{"lw": 2, **look})[0]
            self.lines[side] = line

    def show(self, points: Float[np.ndarray, "d 17"]) -> None:
        """Put the person there: (2, 17), or (3, 17) as `plots.to_plot_axes` gives them."""
        for side, path in bone_paths(points).items():
            (self.lines[side].set_data_3d if len(path) == 3 else self.lines[side].set_data)(*path)


def check_human36m(prior: PosePrior) -> None:
    """Refuse a prior of other landmarks than Human3.6M's.

    Raises:
        ValueError: such a prior.
    """
    if len(HUMAN36M.landmarks) != prior.L:
        fail("prior", f"{prior.L} landmarks", f"the {len(HUMAN36M.landmarks)} of Human3.6M")


class Widget:
    """A figure, the sliders that it follows, and the picture of it.

    Attributes:
        figure: the matplotlib figure; it stays the same, and so do its artists.
        image: the picture, an `ipywidgets.Image`.
        sliders: the sliders (or other controls), by their descriptions.
        message: what went wrong in the last update, for the reader; empty where nothing did.
    """

    def __init__(self, figure: matplotlib.figure.Figure, sliders: Iterable[Any], moving: Sequence[Artist] = ()) -> None:
        """Draw the figure for the first time and follow the sliders from then on.

        Args:
            figure: from `new_figure`, with all its axes and artists.
            sliders: controls with a `value` and a `description` of their own.
            moving: the artists that `update` changes, in the order in which they are drawn.

        Raises:
            ValueError: two sliders with one description.
        """
        sliders = list(sliders)
        self.figure, self.moving = figure, list(moving)
        self.sliders = {slider.description: slider for slider in sliders}
        if len(self.sliders) < len(sliders):
            fail("sliders", [slider.description for slider in sliders], "a description of its own for each")
        width, height = (str(round(size)) for size in figure.bbox.size)
        # With its size given, the page need not be laid out anew while a picture loads.
        self.image = ipywidgets.Image(format="png", width=width, height=height)
        self.message = ipywidgets.HTML()
        for ax in figure.axes:
            ax.title.set_fontsize(10)
            ax.tick_params(labelsize=9)
        self._canvas = FigureCanvasAgg(figure)
        self._axes_pixels: Any = None
        for artist in self.moving:
            artist.set_animated(True)
        self._refresh()
        for slider in sliders:
            slider.layout, slider.style = LAYOUT, STYLE
            slider.observe(self._on_move, "value")

    def update(self) -> None:
        """Set the artists to what the sliders say. Every subclass has its own."""
        fail("update", f"none in {type(self).__name__}", "a method that sets the artists")

    def __getitem__(self, description: str) -> Any:
        """The value of a slider.

        Raises:
            ValueError: no slider has this description.
        """
        return self._slider(description).value

    def __setitem__(self, description: str, value: Any) -> None:
        """Move a slider; the picture follows.

        Raises:
            ValueError: no slider has this description.
        """
        self._slider(description).value = value

    def redraw_axes(self) -> None:
        """Draw axes, ticks and labels afresh with the next picture: for an `update` that changes them."""
        self._axes_pixels = None

    def view(self) -> ipywidgets.VBox:
        """The sliders with the picture below them: what a cell ends with."""
        controls = list(self.sliders.values())
        rows = [ipywidgets.HBox(controls[i : i + 2]) for i in range(0, len(controls), 2)]
        return ipywidgets.VBox([*rows, self.image, self.message])

    def png(self) -> bytes:
        """The picture as it is now, a PNG file."""
        return self._encode(compress_level=1)

    def film(self, description: str, values: Sequence[Any]) -> str:
        """HTML with a slider of its own over pictures made beforehand, one for each value: it needs no kernel.

        Afterwards the slider `description` is back where it was.

        Raises:
            ValueError: no slider has this description, or no values.
        """
        if not len(values):
            fail("values", "none", "at least one value of the slider")
        slider, frames, labels = self._slider(description), [], []
        before = slider.value
        # The page must not see the slider move: it would answer each move with the nearest value that it can show.
        with slider.hold_sync(), self.image.hold_sync():
            try:
                for value in values:
                    slider.value = value
                    labels.append(slider.value)
                    frames.append(base64.b64encode(self._encode(optimize=True)).decode())
            finally:
                slider.value = before
        return _film_page(description, [f"{label:.4g}" for label in labels], frames)

    def _slider(self, description: str) -> Any:
        if description not in self.sliders:
            fail("description", repr(description), f"one of {', '.join(self.sliders)}")
        return self.sliders[description]

    def _on_move(self, _: Any) -> None:
        """A slider has moved. An error reaches the reader below the picture, and the log or the cell as usual."""
        try:
            self._refresh()
        except Exception as error:
            self.message.value = f"<b>{type(error).__name__}</b>: {html.escape(str(error))}"
            raise
        if self.message.value:
            self.message.value = ""

    def _refresh(self) -> None:
        self.update()
        if self._axes_pixels is None:
            self._canvas.draw()  # animated artists are left out
            self._axes_pixels = self._canvas.copy_from_bbox(self.figure.bbox)
        else:
            self._canvas.restore_region(self._axes_pixels)
        for artist in self.moving:
            self.figure.draw_artist(artist)
        self.image.value = self.png()

    def _encode(self, **options: Any) -> bytes:
        file = io.BytesIO()
        matplotlib.image.imsave(file, np.asarray(self._canvas.buffer_rgba()), format="png", pil_kwargs=options)
        return file.getvalue()


def _film_page(name: str, labels: Sequence[str], frames: Sequence[str]) -> str:
    show = (
        "var f=this.parentNode.querySelectorAll('img');"
        "for(var i=0;i<f.length;i++)f[i].style.display=i==this.value?'block':'none';"
        "this.parentNode.querySelector('span').textContent=f[this.value].alt"
    )
    pictures = "".join(
        f'<img alt="{label}" src="data:image/png;base64,{frame}" style="display:{"none" if i else "block"}">'
        for i, (label, frame) in enumerate(zip(labels, frames, strict=True))
    )
    slider = f'<input type="range" min="0" max="{len(frames) - 1}" value="0" oninput="{show}" style="width:20em">'
    return f"<div>{html.escape(name)} {slider} <span>{labels[0]}</span>{pictures}</div>"
