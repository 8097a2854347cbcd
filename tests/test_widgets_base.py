"""The base of all widgets: the picture follows its sliders, returns with them, and errors surface."""

import io
import re

import ipywidgets
import numpy as np
import pytest
from matplotlib.image import imread

from lifting.drawing.widgets.base import Widget, new_figure


class Ramp(Widget):
    """A line whose slope is the slider "slope"; "limit" changes the axes; a slope of 3 fails."""

    def __init__(self):
        figure = new_figure(2, 1.5)
        self.ax = figure.add_subplot(xlim=(0, 1), ylim=(0, 3))
        (self.line,) = self.ax.plot([0, 1], [0, 1], color="#0072B2")
        slope = ipywidgets.FloatSlider(1, min=0, max=3, description="slope")
        limit = ipywidgets.FloatSlider(3, min=1, max=9, description="limit")
        super().__init__(figure, [slope, limit], moving=[self.line])

    def update(self):
        """Draw the line, and the axes where their limit has changed."""
        if self["slope"] == 3:
            raise ValueError("slope: got <3>")
        self.line.set_ydata([0, self["slope"]])
        if self.ax.get_ylim()[1] != self["limit"]:
            self.ax.set_ylim(0, self["limit"])
            self.redraw_axes()


@pytest.fixture
def ramp():
    return Ramp()


def full_drawing(widget):
    """The picture by another route: all of the figure drawn afresh."""
    for artist in widget.moving:
        artist.set_animated(False)
    file = io.BytesIO()
    widget.figure.savefig(file, format="png", dpi=widget.figure.dpi)
    return imread(io.BytesIO(file.getvalue()))


def test_the_picture_follows_and_returns(ramp):
    before = ramp.png()
    assert ramp.image.value == before
    ramp["slope"] = 2.0
    assert ramp.image.value == ramp.png() != before
    ramp["slope"] = 1.0
    assert ramp.image.value == before


@pytest.mark.parametrize("moves", [{}, {"slope": 2.5}, {"limit": 5.0}, {"slope": 0.5, "limit": 1.0}])
def test_what_is_redrawn_in_place_is_what_a_full_drawing_shows(ramp, moves):
    for slider, value in moves.items():
        ramp[slider] = value
    shown = imread(io.BytesIO(ramp.png()))
    wanted = full_drawing(ramp)
    assert shown.shape == wanted.shape
    # Only the order differs in which the line and the frame of the axes are laid over one another.
    assert (np.abs(shown - wanted).max(axis=-1) > 0.01).mean() < 0.01


def test_the_axes_are_drawn_only_when_they_change(ramp, monkeypatch):
    drawn = []
    monkeypatch.setattr(ramp._canvas, "draw", lambda: drawn.append(1))
    ramp["slope"] = 2.0
    assert drawn == []
    ramp["limit"] = 5.0
    assert drawn == [1]


def test_an_error_reaches_the_caller_and_the_reader_and_goes_away(ramp):
    with pytest.raises(ValueError, match="got <3>"):
        ramp["slope"] = 3.0
    assert ramp.message.value == "<b>ValueError</b>: slope: got &lt;3&gt;"
    ramp["slope"] = 2.0
    assert ramp.message.value == ""


def test_the_view_holds_sliders_picture_and_message(ramp):
    view = ramp.view()
    assert view.children[0].children == tuple(ramp.sliders.values())
    assert view.children[1:] == (ramp.image, ramp.message)


def test_a_film_has_a_picture_for_each_value_and_leaves_the_slider_alone(ramp):
    before, sent = ramp.png(), []
    ramp.sliders["slope"].send_state = lambda keys: sent.append(set(keys))
    page = ramp.film("slope", [0.5, 1.0, 2.0])
    frames = re.findall(r'<img alt="(.*?)" src="data:image/png;base64,(.*?)"', page)
    assert [label for label, _ in frames] == ["0.5", "1", "2"]
    assert len({pixels for _, pixels in frames}) == 3
    assert ramp["slope"] == 1.0 and ramp.image.value == before
    # once, when it is back; version 7 has nothing to send where no page listens
    assert sent == ([{"value"}] if int(ipywidgets.__version__.split(".")[0]) >= 8 else [set()])


def test_bad_input(ramp):
    with pytest.raises(ValueError, match=r"description: got 'sigma', expected one of slope, limit"):
        ramp["sigma"]
    with pytest.raises(ValueError, match=r"description: got 'sigma', expected one of slope, limit"):
        ramp["sigma"] = 1.0
    with pytest.raises(ValueError, match=r"values: got none, expected at least one"):
        ramp.film("slope", [])
    with pytest.raises(ValueError, match=r"height: got 0.0, expected a finite number > 0"):
        new_figure(1, 0)
    twins = [ipywidgets.FloatSlider(description="a"), ipywidgets.FloatSlider(description="a")]
    with pytest.raises(ValueError, match=r"sliders: got \['a', 'a'\], expected a description of its own for each"):
        Widget(new_figure(1, 1), twins)
    with pytest.raises(ValueError, match=r"update: got none in Widget, expected a method"):
        Widget(new_figure(1, 1), [])
