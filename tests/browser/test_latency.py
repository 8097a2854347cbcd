"""How long a move takes to show, from the key press to the painted picture. Print the table of docs/widgets.md with

MOVES=60 pytest tests/browser/test_latency.py -s
"""

import os
import statistics
import time

import pytest

from .benches import bench, twin
from .conftest import CHROMIUM_ARGUMENTS, Server, is_root
from .quiet import QuietPage, quiet_page

MOVES = int(os.environ.get("MOVES", "2"))
"""Key presses for each slider; a table needs many more than a test."""

PAUSE = 0.15
"""Seconds between two presses, as a hand makes them: what the page does after a picture has ended by then."""

FIRST = 5
"""Presses that aren't counted: the browser has yet to compile what they run."""

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
STOPWATCH = """(() => {
    const body = document.querySelector(".lv");
    body.scrollIntoView();
    let pressed = null;
    document.addEventListener("keydown", () => { pressed = performance.now(); }, true);
    window.listen = () => { window.wait = new Promise(done => { window.over = done; }); };
    new MutationObserver(() => {
        if (pressed === null) return;
        const start = pressed;
        pressed = null;
        requestAnimationFrame(() => setTimeout(() => window.over(performance.now() - start)));
    }).observe(body, { attributes: true, attributeFilter: ["data-shown"] });
})()"""

# All cells have run where all have numbers and the notebook is idle again.
RUN = """[...document.querySelectorAll(".jp-CodeCell .jp-InputPrompt")].every(one => /\\d/.test(one.textContent))
    && document.querySelector(".jp-Notebook-ExecutionIndicator").dataset.status === "idle\""""

BROKEN = (
    '[...document.querySelectorAll(".jupyter-widgets-error-widget, .lv-message")].map(one => one.textContent).join("")'
)


@pytest.fixture
def page(chromium, tmp_path):
    arguments = [*CHROMIUM_ARGUMENTS, *(["--no-sandbox"] if is_root() else [])]
    with quiet_page(chromium, arguments, tmp_path, 1280, 800) as page:
        yield page


def run(page: QuietPage, server: Server, name: str) -> None:
    """Open a notebook and run every cell."""
    server.stop_kernels()
    page.call("Page.navigate", url=f"{server.base}/lab/tree/{name}.ipynb?token={server.token}&reset")
    page.wait("""document.querySelector(".jp-CodeCell") !== null && window.jupyterapp !== undefined""")
    page.wait("""jupyterapp.shell.currentWidget?.sessionContext?.kernelDisplayStatus === "idle\"""")
    page.evaluate("""jupyterapp.commands.execute("notebook:run-all-cells").then(() => true)""")
    page.wait(RUN)
    page.wait("""document.querySelector(".lv") !== null""")


def waits(page: QuietPage, label: str) -> list[float]:
    """Milliseconds from key press to picture, of each move."""
    slider, times = f"document.querySelector('.lv input[aria-label=\"{label}\"]')", []
    page.evaluate(f"{slider}.focus()")
    forth, back = ("ArrowLeft", "ArrowRight")[:: -1 if page.evaluate(f"{slider}.value") == "0" else 1]
    for move in range(FIRST + MOVES):
        page.evaluate("window.listen()")
        time.sleep(PAUSE)
        page.press(back if move % 2 else forth)
        times.append(page.evaluate("window.wait"))
    return sorted(times[FIRST:])


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


def measure(page: QuietPage, name: str, where: str) -> None:
    """Print a row of the table for each slider."""
    page.evaluate(STOPWATCH)
    for label in NOTEBOOKS[name][1]:
        times = waits(page, label)
        late = times[min(len(times) - 1, int(0.95 * len(times)))]
        print(f"| {where} | {label} | {statistics.median(times):.0f} | {late:.0f} | {computing(name, label):.1f} |")
        assert len(times) == MOVES
    assert page.evaluate(BROKEN) == ""


@pytest.mark.parametrize("name", NOTEBOOKS if MOVES > 2 else ["solving"])
def test_alone(page, server, name):
    server.add(f"alone_{name}", bench(name))
    run(page, server, f"alone_{name}")
    measure(page, name, f"{name}, alone")


@pytest.mark.skipif(MOVES == 2, reason="the notebooks take minutes: for the table only")
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_in_its_notebook(page, server, name):
    notebook = NOTEBOOKS[name][0]
    run(page, server, notebook)
    measure(page, name, notebook)
