"""A widget in Notebook 7: keys and the mouse move it there as in JupyterLab."""

import pytest

from .benches import bench, twin
from .conftest import wait_until
from .test_widgets import assert_shows


@pytest.fixture(scope="module")
def opened(server, open_notebook):
    server.add("bench_7", bench("prior"))
    opened = open_notebook("bench_7", lab=False)
    opened.run_all()
    yield opened
    assert opened.errors() == []


def test_keys_and_the_mouse_move_it_and_reset_puts_it_back(opened):
    view, widget = opened.widget(), twin("prior")
    assert_shows(view, widget)
    # No click comes first: the notebook is in command mode, where arrow keys are its own outside the widget.
    view.control("deviations").focus()
    view.page.keyboard.press("ArrowRight")
    widget["deviations"] = widget.controls["deviations"].values[widget.controls["deviations"].nearest(1.5) + 1]
    assert_shows(view, widget)
    view.control("turn").click(position={"x": 20, "y": 12})
    turned = widget.controls["turn"].values
    wait_until(lambda: view.state()["controls"]["turn"] != widget.state()["controls"]["turn"], "a click moves a slider")
    widget["turn"] = turned[view.state()["controls"]["turn"][0]]
    assert_shows(view, widget)
    space = view.body.locator(".lv-space").first
    start = space.inner_html()
    space.press("ArrowLeft")
    assert space.inner_html() != start
    view.drag(space, 60, 10)
    space.press("Home")
    assert space.inner_html() == start
    view.body.get_by_role("button", name="Reset", exact=True).click()
    assert_shows(view, twin("prior"))
