"""Every widget in a real browser: moved by keys and by the mouse, it shows the numbers that Python computes."""

import numpy as np
import pytest

from .benches import WIDGETS, bench, twin
from .conftest import wait_until

MOVES = {
    "projection": ("rotations", 2),
    "prior": ("deviations", 3),
    "solving": ("sigma", 4),
    "jacobian": ("x", 5),
    "belief": ("delta", 6),
    "updating": ("steps", 2),
    "layer": ("sigma", 3),
}
"""A slider of each widget, and by how many steps it is moved."""


@pytest.fixture(scope="module")
def opened(server, open_notebook):
    server.add("bench", bench(*WIDGETS))
    opened = open_notebook("bench")
    opened.run_all()
    wait_until(lambda: opened.panel.locator(".lv").count() == len(WIDGETS), "every widget is shown")
    yield opened
    assert opened.errors() == []


@pytest.fixture
def view(opened, request):
    return opened.widget(list(WIDGETS).index(request.param))


def each(*names):
    return pytest.mark.parametrize(("view", "name"), [(name, name) for name in names or WIDGETS], indirect=["view"])


def assert_shows(view, widget):
    """The page has what Python computes, digit for digit as far as float32 goes."""
    wanted, state = widget.state(), {}

    def settled():
        state.update(view.state())
        return state["controls"] == wanted["controls"] and state["titles"] == wanted["titles"]

    wait_until(settled, f"the page shows {wanted['controls']} {wanted['titles']}", 10)
    for layer, got, want in zip(widget.scene.layers, state["numbers"], wanted["numbers"], strict=True):
        if layer.kind == "map":
            got, want = (np.frombuffer(one, np.uint8).astype(int) for one in (got, want))
            assert np.abs(got - want).max() <= 1
        else:
            np.testing.assert_allclose(*(np.frombuffer(one, "<f4") for one in (got, want)), rtol=1e-4, atol=1e-5)


@each()
def test_a_slider_is_moved_with_the_keys_and_back(view, name):
    control, steps = MOVES[name]
    widget, slider = twin(name), view.control(control)
    assert_shows(view, widget)
    slider.focus()
    values = widget.controls[control].values
    start = widget.controls[control].nearest(widget[control])
    for n in range(1, steps + 1):
        slider.press("ArrowRight")
        if n == 1:  # one step at a time as well as all that follow at once
            widget[control] = values[start + 1]
            assert_shows(view, widget)
    widget[control] = values[start + steps]
    assert_shows(view, widget)
    assert slider.get_attribute("aria-valuetext") == widget.controls[control].text(widget[control])
    view.body.get_by_role("button", name="Reset", exact=True).click()
    assert_shows(view, twin(name))
