"""The browser tests see what they are meant to see: a notebook whose cell, and whose slider, fail."""

import build_notebooks
import nbformat

from .conftest import wait_until

SLIDER = """
import ipywidgets
slider = ipywidgets.IntSlider(description="level", max=3)
text = ipywidgets.Label("level 0")
def show(change):
    if change.new == 2:
        raise ValueError("no level 2")
    text.value = f"level {change.new}"
slider.observe(show, "value")
ipywidgets.VBox([slider, text])
"""


def test_errors_are_seen(server, open_notebook):
    cells = [nbformat.v4.new_code_cell(SLIDER.strip()), nbformat.v4.new_code_cell("1 / 0")]
    server.add("broken", nbformat.v4.new_notebook(cells=cells, metadata=build_notebooks.METADATA))
    opened = open_notebook("broken")
    opened.run_all()
    assert any("ZeroDivisionError" in error for error in opened.errors())
    handle = opened.slider("level")
    handle.press("ArrowRight")
    wait_until(lambda: opened.panel.get_by_text("level 1", exact=True).count() == 1, "the text follows the slider")
    handle.press("ArrowRight")
    wait_until(lambda: any("no level 2" in error for error in opened.errors()), "the failed callback is seen")
