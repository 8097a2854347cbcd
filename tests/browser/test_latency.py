"""How long a move takes to show, from the key press to the painted picture. Print the table of docs/widgets.md with

MOVES=60 pytest tests/browser/test_latency.py -s
"""

import os
import statistics
import time

import pytest

from .benches import bench, twin
from .conftest import WidgetView

MOVES = int(os.environ.get("MOVES", "2"))
"""Key presses for each slider; a table needs many more than a test."""

PAUSE = 0.15
"""Seconds between two presses, as a hand makes them: what the page does after a picture has ended by then."""

SCREEN = {"width": 1280, "height": 800}

NOTEBOOKS = {
    "projection": ("01_projection", ("angle", "rotations")),
    "prior": ("02_pose_prior", ("basis", "deviations", "J")),
    "solving": ("03_solving_for_pose", ("sigma", "rotations", "heading")),
    "jacobian": ("04_landmark_gradient", ("x", "sigma", "rotations")),
    "belief": ("05_belief_gradient", ("sigma", "delta", "x")),
    "updating": ("06_updating_beliefs", ("x", "k", "steps")),
    "layer": ("07_lifting_layer", ("x", "sigma", "rotations")),
}
"""Where each widget lives, and the sliders that are moved."""

# What is put off from inside a frame runs after its painting. The page keeps the time itself, and is asked for it when
# it is over: questions meanwhile would take the cores' time.
STOPWATCH = """body => {
    let pressed = null;
    document.addEventListener("keydown", () => { pressed = performance.now(); }, true);
    window.listen = () => { window.wait = new Promise(done => { window.over = done; }); };
    new MutationObserver(() => {
        if (pressed === null) return;
        const start = pressed;
        pressed = null;
        requestAnimationFrame(() => setTimeout(() => window.over(performance.now() - start)));
    }).observe(body, { attributes: true, attributeFilter: ["data-shown"] });
}"""


def waits(view: WidgetView, label: str) -> list[float]:
    """Milliseconds from key press to picture, of each move."""
    page, slider, times = view.page, view.control(label), []
    slider.scroll_into_view_if_needed()
    slider.focus()
    forth, back = ("ArrowLeft", "ArrowRight")[:: -1 if slider.input_value() == "0" else 1]
    for move in range(MOVES):
        page.evaluate("window.listen()")
        time.sleep(PAUSE)
        page.keyboard.press(back if move % 2 else forth)
        times.append(page.evaluate("window.wait"))
    return sorted(times)


def computing(name: str, label: str) -> float:
    """Milliseconds of the processor for a move, without a page: what other programs do doesn't count."""
    widget, times = twin(name), []
    values, start = widget.controls[label].values, widget.controls[label].nearest(widget[label])
    widget.view()
    for move in range(10):
        before = time.process_time()
        widget[label] = values[start - move % 2]
        times.append(1000 * (time.process_time() - before))
    return statistics.median(times)


def measure(view: WidgetView, name: str, where: str) -> None:
    """Print a row of the table for each slider."""
    view.page.set_viewport_size(SCREEN)
    view.body.scroll_into_view_if_needed()
    view.body.evaluate(STOPWATCH)
    labels = NOTEBOOKS[name][1]
    for label in labels:
        times = waits(view, label)
        late = times[min(len(times) - 1, int(0.95 * len(times)))]
        print(f"| {where} | {label} | {statistics.median(times):.0f} | {late:.0f} | {computing(name, label):.1f} |")
        assert len(times) == MOVES


def test_alone(server, open_notebook):
    for name in NOTEBOOKS if MOVES > 2 else ["solving"]:
        server.add(f"alone_{name}", bench(name))
        opened = open_notebook(f"alone_{name}")
        opened.run_all()
        measure(opened.widget(), name, f"{name}, alone")
        assert opened.errors() == []
        server.stop_kernels()
        opened.page.close()


@pytest.mark.skipif(MOVES == 2, reason="the notebooks take minutes: for the table only")
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_in_its_notebook(server, open_notebook, name):
    notebook = NOTEBOOKS[name][0]
    opened = open_notebook(notebook)
    opened.run_all()
    measure(opened.widget(), name, notebook)
    assert opened.errors() == []
    server.stop_kernels()
    opened.page.close()
