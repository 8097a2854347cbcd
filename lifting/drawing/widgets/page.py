"""The page's part of a widget: the sources of the view, and their connection to the kernel."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from lifting.drawing.widgets.scene import COLOURS

HERE = Path(__file__).parent
VIEW = "".join((HERE / name).read_text() for name in ("draw.js", "space.js", "view.js"))
"""What draws a scene, in plain JavaScript: the same code with a kernel and without."""

CSS = (HERE / "view.css").read_text() + "".join(
    f".lv .lv-{name} {{ --colour: light-dark({light}, {dark}); }}\n" for name, (light, dark) in COLOURS.items()
)


def book_sources() -> dict[str, str]:
    """The files that a page without a kernel needs beside it, by their names.

    The script draws every `div` that `Recorded.html` makes, and asks for nothing else: it works from a file system.
    """
    return {
        "lifting-view.js": "(() => {\n" + VIEW + (HERE / "recorded.js").read_text() + "})();\n",
        "lifting-view.css": CSS,
    }


class Page(anywidget.AnyWidget):
    """A view of a scene, in any page that shows ipywidgets.

    Attributes:
        scene: what never changes: panels, layers, controls.
        state: what a move changes, with the numbers as bytes.
    """

    _esm = VIEW + (HERE / "live.js").read_text()
    _css = CSS
    scene = traitlets.Dict().tag(sync=True)
    state = traitlets.Dict().tag(sync=True)

    def __init__(self, scene: dict[str, Any], state: dict[str, Any], ask: Callable[[list[dict], list], None]) -> None:
        """Show `state`, and hand on what the reader does: a list of requests, and a mark for the answer."""
        super().__init__(scene=scene, state=state)
        self.on_msg(lambda _, content, __: ask(content["requests"], content["mark"]))

    def __repr__(self) -> str:
        return "A widget: it moves where a kernel runs."
