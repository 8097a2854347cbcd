"""Recorded moves: what a page without a kernel is given is what the widget shows, and little of it."""

import base64
import json
import re

import numpy as np
import pytest

from lifting.drawing.widgets.page import Page, book_sources
from lifting.drawing.widgets.recorded import MIMETYPE, MOST, as_html
from tests.test_widgets_base import Ramp


class Gentle(Ramp):
    """A ramp that no slope breaks."""

    def update(self):
        """Draw the line and nothing else."""
        self.values["slope"] = min(self["slope"], 2.5)
        super().update()


@pytest.fixture(scope="module")
def widget():
    return Gentle()


def numbers(start, move, layer):
    """A layer's float32 numbers at a recorded position."""
    return np.frombuffer(base64.b64decode(move["numbers"].get(str(layer), start["numbers"][layer])), "<f4")


def test_every_position_holds_what_the_widget_shows_there(widget):
    before = widget.state()
    moves = widget.recorded("slope", "side").moves
    assert widget.state() == before
    control = widget.controls["slope"]
    texts = [one["texts"] for one in moves["scene"]["controls"]]
    assert texts == [[*map(control.text, control.values)], ["left", "right"]]
    for value, move in zip(control.values, moves["moves"]["slope"], strict=True):
        widget["slope"] = value
        np.testing.assert_array_equal(numbers(moves["start"], move, 0), widget.line.data.ravel())
        assert move["summary"] == widget.scene.summary
    widget.reset()


def test_only_what_changes_is_stored(widget):
    moves = widget.recorded("slope", "side").moves
    assert [list(move["numbers"]) for move in moves["moves"]["side"]] == [[], []]
    assert moves["moves"]["slope"][2]["numbers"] == {}  # where it stands
    assert set(moves["moves"]["slope"][0]["numbers"]) == {"0", "2"}
    assert len(widget.controls["slope"].values) <= MOST


def test_a_cell_shows_a_picture_and_the_moves(widget):
    recorded = widget.recorded("slope")
    bundle = recorded._repr_mimebundle_()
    assert set(bundle) == {MIMETYPE, "image/png", "text/plain"}
    assert base64.b64decode(bundle["image/png"]) == widget.png()
    assert json.loads(json.dumps(bundle[MIMETYPE])) == json.loads(json.dumps(recorded.moves))
    part = r'<div class="lifting-moves"><script type="application/json">(.*)</script></div>'
    inside = re.fullmatch(part, recorded.html())
    assert json.loads(inside[1]) == json.loads(json.dumps(recorded.moves)) and "<" not in inside[1]
    assert as_html(bundle[MIMETYPE]) == recorded.html()


def test_one_view_draws_both():
    book = book_sources()
    shared = book["lifting-view.js"][len("(() => {\n") :].split("// The numbers come from")[0]
    assert Page._esm.startswith(shared) and len(shared) > 10_000
    assert book["lifting-view.css"] == Page._css
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", Page._esm + Page._css)
