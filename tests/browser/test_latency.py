"""How long a move of a slider takes to show, from the key press to the painted picture. Print the figures with

pytest tests/browser/test_latency.py -s
"""

import statistics

import pytest

from .conftest import wait_until

SLIDERS = [("03_solving_for_pose", "sigma"), ("03_solving_for_pose", "rotations"), ("03_solving_for_pose", "heading")]
MOVES = 60

# A picture counts as shown in the second frame after it has loaded: in the first it is being painted.
STOPWATCH = """() => {
    window.waits = [];
    let pressed = null;
    document.addEventListener("keydown", () => { pressed = performance.now(); }, true);
    document.addEventListener("load", (event) => {
        if (event.target.tagName !== "IMG" || pressed === null) return;
        const start = pressed;
        pressed = null;
        requestAnimationFrame(() => requestAnimationFrame(() => window.waits.push(performance.now() - start)));
    }, true);
}"""


@pytest.mark.parametrize(("notebook", "label"), SLIDERS)
def test_a_move_shows_soon(open_notebook, notebook, label):
    opened = open_notebook(notebook)
    opened.run_all()
    handle = opened.slider(label)
    handle.focus()
    opened.page.evaluate(STOPWATCH)
    for move in range(MOVES):
        # There and back in threes, so that no slider reaches its end.
        handle.press("ArrowRight" if move % 6 < 3 and label != "rotations" or move % 2 else "ArrowLeft")
        wait_until(lambda move=move: opened.page.evaluate("window.waits.length") > move, "the picture is shown")
    waits = sorted(opened.page.evaluate("window.waits"))
    median, late = statistics.median(waits), waits[int(0.95 * len(waits))]
    print(f"\n{notebook}, {label}: median {median:.0f} ms, 95th percentile {late:.0f} ms of {len(waits)} key presses")
    assert median < 500
    assert opened.errors() == []
