"""A widget without a kernel: a still picture, and numbers of moves that were recorded."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lifting.drawing.widgets.controls import Control, layout_of

MOST = 21
"""How many positions of a control are recorded at most."""

MIMETYPE = "application/vnd.lifting.moves+json"
"""Under this a cell's output holds the moves. What doesn't know it shows the picture beside it."""


@dataclass(frozen=True)
class Recorded:
    """What a cell shows of a widget whose moves were recorded.

    Attributes:
        picture: a PNG file.
        moves: for the page: "scene" as `Page` takes it, "start", and under "moves" for each control what is different
            at each of its positions. Bytes are written in base64.
    """

    picture: bytes
    moves: dict[str, Any]

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        picture = base64.b64encode(self.picture).decode()
        return {MIMETYPE: self.moves, "image/png": picture, "text/plain": "Recorded moves of a widget."}

    def html(self) -> str:
        """The part of a page that `page.book_sources` brings to life."""
        return as_html(self.moves)


def as_html(moves: dict[str, Any]) -> str:
    """The part of a page, from what is stored under `MIMETYPE`."""
    numbers = json.dumps(moves, separators=(",", ":")).replace("<", "\\u003c")
    return f'<div class="lifting-moves"><script type="application/json">{numbers}</script></div>'


def record(widget: Any, controls: Sequence[Control]) -> Recorded:
    """Move each control of a `base.Widget` through its positions, the others where they are, and note what changes."""
    before, picture = dict(widget.values), widget.png()
    scene = widget.scene.layout() | {"controls": layout_of(controls)}
    start = _plain(widget.show(before))
    moves = {
        one.name: [_changes(start, _plain(widget.show(before | {one.name: value}))) for value in one.values]
        for one in controls
    }
    widget.show(before)
    start["controls"] = {one.name: [one.nearest(before[one.name]), one.text(before[one.name])] for one in controls}
    return Recorded(picture, {"scene": scene, "start": start, "moves": moves})


def _plain(state: dict[str, Any]) -> dict[str, Any]:
    """What JSON can say, of what a picture needs."""
    numbers = [base64.b64encode(one).decode() for one in state["numbers"]]
    return {"titles": state["titles"], "summary": state["summary"], "numbers": numbers}


def _changes(start: dict[str, Any], moved: dict[str, Any]) -> dict[str, Any]:
    """The numbers that differ, by the layer's number, and the texts."""
    pairs = enumerate(zip(start["numbers"], moved["numbers"], strict=True))
    return moved | {"numbers": {str(n): new for n, (old, new) in pairs if new != old}}
