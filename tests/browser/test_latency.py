"""How long a move of a slider takes to show, from the key press to the painted picture. Print the figures with

pytest tests/browser/test_latency.py -s
"""

import statistics

import pytest

from .conftest import wait_until

SLIDERS = [("03_solving_for_pose", ("sigma", "rotations", "heading"))]
MOVES = 60

# A picture counts as shown when the first frame after it has loaded has been painted: what is put off from inside a
# frame runs after its painting.
STOPWATCH = """() => {
    window.waits = [];
    let pressed = null;
    document.addEventListener("keydown", () => { pressed = performance.now(); }, true);
    document.addEventListener("load", (event) => {
        if (event.target.tagName !== "IMG" || pressed === null) return;
        const start = pressed;
        pressed = null;
        requestAnimationFrame(() => setTimeout(() => window.waits.push(performance.now() - start)));
    }, true);
}"""


@pytest.mark.parametrize(("notebook", "labels"), SLIDERS)
def test_a_move_shows_soon(open_notebook, notebook, labels):
    opened = open_notebook(notebook)
    opened.run_all()
    opened.page.evaluate(STOPWATCH)
    for label in labels:
        handle = opened.slider(label)
        handle.focus()
        opened.page.evaluate("window.waits = []")
        for move in range(MOVES):
            handle.press("ArrowLeft" if move % 2 else "ArrowRight")
            wait_until(lambda move=move: opened.page.evaluate("window.waits.length") > move, "the picture is shown")
        waits = sorted(opened.page.evaluate("window.waits"))
        median, late = statistics.median(waits), waits[int(0.95 * len(waits))]
        print(
            f"\n{notebook}, {label}: median {median:.0f} ms, 95th percentile {late:.0f} ms of {len(waits)} key presses"
        )
        assert median < 500
    assert opened.errors() == []
