"""The base of all widgets: the scene follows its controls, returns with them, and errors surface."""

import gc
import threading

import numpy as np
import pytest
import torch

from lifting import load_prior
from lifting.datasets import motion_capture
from lifting.drawing.widgets.base import Widget
from lifting.drawing.widgets.controls import choice, log_slider, slider
from lifting.drawing.widgets.scene import Axis, Scene
from lifting.drawing.widgets.solving import SolvingWidget
from lifting.support.tensors import one_thread


class Ramp(Widget):
    """A line whose slope is the slider "slope" and whose end is dragged; a slope of 3 fails."""

    def __init__(self):
        scene = Scene()
        panel = scene.plot(Axis("x (m)", 0, 1), Axis("y (m)", 0, 3), title="a ramp")
        self.line, self.cells = panel.line("ramp"), panel.map((2, 3), (-1, 1), "signed")
        self.end = panel.handles(["end"], step=0.1, drag=lambda _, x, y: self.put(slope=y), press=self.flatten)
        controls = [slider("slope", 1.0, (0.0, 3.0), 0.5), choice("side", "left", ("left", "right"), menu=True)]
        super().__init__(scene, controls)

    def update(self):
        """Draw the line."""
        if self["slope"] == 3:
            raise ValueError("slope: got <3>")
        self.line.set([0, 1], [0, self["slope"]])
        self.cells.set([[-1, 0, 1], [2, np.nextafter(0, 1), -2]])
        self.end.set([1], [self["slope"]], [1])
        self.scene.summary = f"slope {self['slope']}"

    def flatten(self, _):
        """Lay it down."""
        self.put(slope=0)


@pytest.fixture
def ramp():
    return Ramp()


def ask(ramp, *requests, number=1):
    """What the page sends when the reader does something."""
    ramp.view()._handle_custom_msg({"requests": list(requests), "mark": ["page", number]}, [])


def test_the_scene_follows_and_returns(ramp):
    before, page = ramp.state(), ramp.view()
    assert page.state == before
    ramp["slope"] = 2.0
    assert page.state == ramp.state() != before
    assert np.frombuffer(page.state["numbers"][0], "<f4").tolist() == [0, 1, 0, 2]
    assert page.state["controls"]["slope"] == [4, "2"] and page.state["summary"] == "slope 2.0"
    ramp.reset()
    assert page.state == before


def test_cells_are_indices_of_256_colours(ramp):
    assert list(ramp.state()["numbers"][1]) == [0, 128, 255, 255, 128, 0]


def test_the_page_moves_drags_presses_and_resets(ramp):
    end = ramp.scene.layers.index(ramp.end)
    ask(ramp, {"do": "set", "what": "slope", "index": 3}, number=7)
    assert ramp["slope"] == 1.5 and ramp.view().state["answered"] == ["page", 7]
    ask(ramp, {"do": "drag", "what": end, "index": 0, "at": [0.2, 2.1]}, {"do": "set", "what": "side", "index": 1})
    assert ramp["slope"] == 2.0 and ramp["side"] == "right"
    ask(ramp, {"do": "press", "what": end, "index": 0})
    assert ramp["slope"] == 0.0
    ask(ramp, {"do": "reset"})
    assert ramp["slope"] == 1.0 and ramp["side"] == "left"


def test_an_error_reaches_the_caller_and_the_reader_and_goes_away(ramp):
    ramp.view()
    before = ramp["slope"]
    with pytest.raises(ValueError, match="got <3>"):
        ramp._on_request([{"do": "set", "what": "slope", "index": 6}], ["page", 2])
    assert ramp.view().state["message"] == "ValueError: slope: got <3>"
    assert ramp["slope"] == before and ramp.view().state["answered"] == ["page", 2]
    ramp["slope"] = 2.0
    assert ramp.view().state["message"] == ""


def test_an_error_from_code_is_shown_too_and_the_next_move_is_free_of_it(ramp):
    ramp.view()
    with pytest.raises(ValueError, match="got <3>"):
        ramp["slope"] = 3.0
    assert ramp.view().state["message"] == "ValueError: slope: got <3>" and ramp["slope"] == 1.0
    ramp["side"] = "right"
    assert ramp.view().state["message"] == "" and ramp.line.data[1].tolist() == [0, 1]


def test_after_an_error_the_picture_has_what_was_done_before_it():
    """Two landmarks of the last five are hidden at once; four stay at least."""
    truth = motion_capture.load_motion_capture().of_clip("kick")[20]
    widget = SolvingWidget(truth, load_prior())
    widget.view()
    handles = next(n for n, layer in enumerate(widget.scene.layers) if layer.press is not None)
    press = [{"do": "press", "what": handles, "index": n} for n in range(14)]
    ask(widget, *press[:12])
    with pytest.raises(ValueError, match="visible: got 3 landmarks"):
        widget._on_request(press[12:], ["page", 2])
    assert widget.visible.sum() == 4
    assert widget.scene.layers[handles].data[2].sum() == 4


def test_a_move_takes_one_thread_and_gives_the_others_back(monkeypatch):
    class Threads(Ramp):
        def update(self):
            super().update()
            self.threads = torch.get_num_threads()

    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        widget = Threads()
        widget["slope"] = 2.0
        assert (widget.threads, torch.get_num_threads()) == (1, 3)
        with pytest.raises(ValueError, match="slope"):
            widget["slope"] = 3.0
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_one_thread_from_two_threads():
    before, inside, go = torch.get_num_threads(), threading.Event(), threading.Event()

    def hold():
        with one_thread():
            inside.set()
            go.wait(10)

    torch.set_num_threads(3)
    try:
        other = threading.Thread(target=hold)
        other.start()
        assert inside.wait(10)
        threading.Timer(0.1, go.set).start()
        with one_thread(), one_thread():
            assert torch.get_num_threads() == 1
        other.join()
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_500_moves_leave_nothing_behind(ramp):
    def objects():
        gc.collect()
        return len(gc.get_objects())

    for number in range(20):
        ask(ramp, {"do": "set", "what": "slope", "index": number % 5}, number=number)
    before = objects()
    for number in range(500):
        ask(ramp, {"do": "set", "what": "slope", "index": number % 5}, number=number)
    assert objects() <= before + 10


def test_a_value_between_the_steps_is_shown_as_it_is(ramp):
    ramp["slope"] = 1.2
    assert ramp.state()["controls"]["slope"] == [2, "1.2"]


def test_a_still_picture_is_a_png_of_the_scene_as_it_is(ramp):
    before = ramp.png()
    assert before.startswith(b"\x89PNG")
    ramp["slope"] = 2.0
    assert ramp.png() != before
    ramp["slope"] = 1.0
    assert ramp.png() == before


def test_controls():
    assert log_slider("s", 1.0, (-1, 1)).values[::10] == (0.1, 1.0, 10.0)
    whole = slider("n", 2, (1, 9), 1)
    assert whole.values == tuple(range(1, 10)) and all(type(value) is int for value in whole.values)
    assert type(whole.check(5.0)) is int and slider("x", 0.0, (-0.5, 0.5), 0.01).check(0.123) == 0.123
    assert whole.thinned(3, 2).values == (2, 5, 8)
    assert slider("x", 0.0, (-0.5, 0.5), 0.01).values[30] == -0.2


def test_bad_input(ramp):
    with pytest.raises(ValueError, match=r"name: got 'sigma', expected one of slope, side"):
        ramp["sigma"]
    with pytest.raises(ValueError, match=r"name: got 'sigma', expected one of slope, side"):
        ramp["sigma"] = 1.0
    with pytest.raises(ValueError, match=r"name: got 'sigma', expected one of slope, side"):
        ramp.recorded("sigma")
    with pytest.raises(ValueError, match=r"slope: got 3.5, expected a number between 0 and 3"):
        ramp["slope"] = 3.5
    with pytest.raises(ValueError, match=r"side: got 'up', expected one of left, right"):
        ramp["side"] = "up"
    with pytest.raises(ValueError, match=r"n: got 1.5, expected one of 1, 2"):
        slider("n", 1, (1, 2), 1).check(1.5)
    with pytest.raises(ValueError, match=r"rows: got shape \(1, 2\), expected what a layer of kind line has"):
        ramp.line.set([0, 1])
    twins = [slider("a", 1, (0, 2), 1), slider("a", 1, (0, 2), 1)]
    with pytest.raises(ValueError, match=r"controls: got \['a', 'a'\], expected a name of its own for each"):
        Widget(Scene(), twins)
    with pytest.raises(ValueError, match=r"update: got none in Widget, expected a method"):
        Widget(Scene(), [])
