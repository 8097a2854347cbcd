"""The browser tests see what they are meant to see: a notebook whose cell, and whose widget, fail."""

import build_notebooks
import nbformat

from .conftest import wait_until

STEPS = """
from lifting.drawing.widgets.base import Widget
from lifting.drawing.widgets.controls import slider
from lifting.drawing.widgets.scene import Axis, Scene

class Steps(Widget):
    def __init__(self):
        scene = Scene()
        self.panel = scene.plot(Axis("x (m)", 0, 1), Axis("y (m)", 0, 1))
        super().__init__(scene, [slider("level", 0, (0, 3), 1)])

    def update(self):
        if self["level"] == 2:
            raise ValueError("no level 2")
        self.panel.title = f"level {self['level']}"

Steps().view()
"""


def test_errors_are_seen(server, open_notebook):
    cells = [nbformat.v4.new_code_cell(STEPS.strip()), nbformat.v4.new_code_cell("1 / 0")]
    server.add("broken", nbformat.v4.new_notebook(cells=cells, metadata=build_notebooks.METADATA))
    opened = open_notebook("broken")
    opened.run_all()
    assert any("ZeroDivisionError" in error for error in opened.errors())
    view = opened.widget()
    slider, message = view.control("level"), view.body.get_by_role("alert")
    slider.press("ArrowRight")
    wait_until(lambda: view.state()["titles"] == ["level 1"], "the title follows the slider")
    slider.press("ArrowRight")
    wait_until(lambda: message.inner_text() == "ValueError: no level 2", "the reader sees what failed")
    assert slider.input_value() == "1"
    slider.press("ArrowLeft")
    wait_until(lambda: message.inner_text() == "" and view.state()["titles"] == ["level 0"], "the error goes away")
