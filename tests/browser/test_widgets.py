"""Every widget in a real browser: moved by keys and by the mouse, it shows the numbers that Python computes."""

import os
import re

import numpy as np
import pytest
from matplotlib import colormaps

from lifting.drawing.widgets.scene import PALETTES
from lifting.skeleton import HUMAN36M

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
    "lecture": ("sigma", 2),
}
"""A slider of each widget, and by how many steps it is moved."""

MOVES_OF_MEMORY = int(os.environ.get("MOVES", "100"))
"""How many moves the memory is watched for; 500 were tried."""


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


def handle(view, label, number=0):
    return view.body.get_by_role("button", name=re.compile(f"^{label}[:,]")).nth(number)


def place(widget, layer, index):
    """Where a handle of the page stands, in the units of its axes."""
    return lambda view: np.frombuffer(view.state()["numbers"][widget.scene.layers.index(layer)], "<f4").reshape(3, -1)[
        :2, index
    ]


@each("solving", "jacobian", "lecture")
def test_a_landmark_is_dragged_and_a_click_hides_it(view, name):
    """The mouse alone: then the keys do the same to the next one."""
    widget = twin(name)
    landmarks, moves = widget._landmarks, widget._landmarks.handles
    where = place(widget, moves, 16)
    before, wrist = where(view), handle(view, "right wrist")
    view.drag(wrist, 30, -20)
    wait_until(lambda: np.abs(where(view) - before).max() > 1e-6, "the landmark is dragged")
    view.page.wait_for_timeout(300)
    moves.drag(16, *where(view).astype(float))
    widget.refresh()
    assert_shows(view, widget)
    handle(view, "left ankle").click()
    moves.press(6)
    widget.refresh()
    assert_shows(view, widget)
    assert "hidden" in handle(view, "left ankle").get_attribute("title")
    handle(view, "left ankle").press("Enter")
    wrist.press("Shift+ArrowRight")
    wait_until(lambda: where(view)[0] != np.float32(landmarks.handles.data[0, 16]), "the keys move it")
    wrist.press("PageUp")
    assert view.page.evaluate("document.activeElement.title") == "right elbow"
    view.body.get_by_role("button", name="Reset", exact=True).click()
    assert_shows(view, twin(name))


@each("projection", "belief", "updating", "layer")
def test_what_a_slider_moves_is_dragged_as_well(view, name):
    widget = twin(name)
    label = {"projection": "angle asked for", "belief": "landmark"}.get(name, "right ankle")
    view.drag(handle(view, label), 40, 20)
    control = "angle" if name == "projection" else "x"
    wait_until(lambda: view.state()["controls"] != widget.state()["controls"], f"{label} is dragged")
    view.page.wait_for_timeout(300)
    said = view.state()["controls"]
    widget.put(**{one: widget.controls[one].values[index] for one, (index, _) in said.items()})
    assert widget[control] != widget.controls[control].start
    widget.refresh()
    assert_shows(view, widget)
    view.body.get_by_role("button", name="Reset", exact=True).click()
    assert_shows(view, twin(name))


@each("prior", "solving")
def test_the_mouse_and_the_keys_turn_the_pose_in_3d(view, name):
    space = view.body.locator(".lv-space").first
    start = space.inner_html()
    view.drag(space, 60, 10)
    turned = space.inner_html()
    assert turned != start
    space.press("ArrowLeft")
    assert space.inner_html() != turned
    space.press("Home")
    assert space.inner_html() == start


def test_lines_and_bones_stand_where_the_axes_say(opened):
    """Pixel by pixel, against the axes written out once more: the panels are 268 by 280 with the view's margins."""
    view, widget = opened.widget(0), twin("projection")
    _, picture, error = widget.scene.panels
    reach = picture.axes[0].high
    inside = [58.0, 268.0 - 12, 280.0 - 42, 6.0]  # left, right, bottom, top
    unit = (inside[2] - inside[3]) / (2 * reach)  # the height is less than the width: both have its scale
    unit = min(unit, (inside[1] - inside[0]) / (2 * reach))
    middle = np.array([[(inside[0] + inside[1]) / 2], [(inside[2] + inside[3]) / 2]])
    wanted = middle + unit * np.array([[1], [-1]]) * widget.Y
    bones = view.body.locator(".lv-panel").nth(1).locator("g[stroke-linecap]").nth(1).locator("path")
    for (i, j), path in zip(HUMAN36M.bones, bones.all(), strict=True):
        drawn = np.reshape([float(number) for number in re.findall(r"[-\d.]+", path.get_attribute("d"))], (2, 2)).T
        np.testing.assert_allclose(drawn, wanted[:, [i, j]], atol=0.06)
    curve = view.body.locator(".lv-panel").nth(2).locator("path.lv-line").first.get_attribute("d")
    drawn = np.reshape([float(number) for number in re.findall(r"[-\d.]+", curve)], (-1, 2)).T
    x = inside[0] + np.arange(361) / 360 * (inside[1] - inside[0])
    y = inside[2] - (np.log10(widget._curve.data[1]) + 1) / 4 * (inside[2] - inside[3])
    np.testing.assert_allclose(drawn, [x, y], atol=0.06)


def test_text_is_large_enough_and_nothing_is_cut_off_at_1280_by_800(opened):
    """In JupyterLab as it opens; the page for lectures, the last one, has a page of its own."""
    opened.page.set_viewport_size({"width": 1280, "height": 800})
    said = opened.panel.locator(".lv").evaluate_all("""views => views.slice(0, -1).flatMap(view => {
        const room = view.closest(".jp-OutputArea-output").getBoundingClientRect();
        const faults = view.offsetHeight > 700 ? [`too high: ${view.offsetHeight}, ${room.width} wide`] : [];
        for (const part of view.querySelectorAll("text, span, figcaption, output, button, select, svg")) {
            const box = part.getBoundingClientRect();
            if (!box.width || !part.textContent) continue;
            if (box.left < room.left - 1 || box.right > room.right + 1) faults.push("cut off: " + part.textContent);
            const panel = part.closest(".lv-panel");
            if (panel && part.tagName === "text" && box.bottom > panel.getBoundingClientRect().bottom + 1)
                faults.push("below its panel: " + part.textContent);
            if (parseFloat(getComputedStyle(part).fontSize) < 12) faults.push("small: " + part.textContent);
        }
        return faults;
    })""")
    opened.page.set_viewport_size({"width": 1400, "height": 1800})
    assert said == []


def test_a_dark_page_has_a_dark_picture(opened):
    view = opened.widget(list(WIDGETS).index("belief"))

    def colours():
        return view.body.evaluate("""view => [getComputedStyle(view).backgroundColor, getComputedStyle(view).color,
            String(view.querySelector(".lv-map").getContext("2d").getImageData(0, 0, 1, 1).data)]""")

    light = colours()
    theme = "light => { document.body.dataset.jpThemeLight = light; }"
    opened.page.evaluate(theme, "false")
    wait_until(lambda: colours()[2] != light[2], "the map is painted again")
    dark = colours()
    zero = [",".join(map(str, colormaps[name](0, bytes=True))) for name in PALETTES["belief"]]
    assert light == ["rgb(255, 255, 255)", "rgb(31, 31, 31)", zero[0]]
    assert dark == ["rgb(22, 22, 22)", "rgb(236, 236, 236)", zero[1]]
    opened.page.evaluate(theme, "true")
    wait_until(lambda: colours() == light, "and again")


def test_a_sentence_says_the_result_for_those_who_listen(opened):
    view, widget = opened.widget(list(WIDGETS).index("solving")), twin("solving")
    live = view.body.locator("[aria-live=polite]")
    wait_until(lambda: live.inner_text() == widget.scene.summary, "the result is said")


def test_many_moves_leave_the_memory_of_the_page_flat(opened):
    """Nodes and listeners, and the heap within two megabytes."""
    view = opened.widget(list(WIDGETS).index("prior"))
    session = opened.page.context.new_cdp_session(opened.page)

    def used():
        for _ in range(2):
            session.send("HeapProfiler.collectGarbage")
        counted, heap = session.send("Memory.getDOMCounters"), session.send("Runtime.getHeapUsage")
        return counted["nodes"], counted["jsEventListeners"], heap["usedSize"] / 1e6

    move = """async (view, moves) => {
        const slider = [...view.querySelectorAll("input")].find(one => one.ariaLabel === "turn");
        for (let n = 0; n < moves; n++) {
            const before = view.dataset.shown;
            slider.value = n % 60;
            slider.dispatchEvent(new Event("input"));
            while (view.dataset.shown === before) await new Promise(requestAnimationFrame);
        }
    }"""
    view.body.evaluate(move, 30)
    nodes, listeners, heap = used()
    view.body.evaluate(move, MOVES_OF_MEMORY)
    after = used()
    assert after[0] <= nodes + 20 and after[1] <= listeners + 5
    assert after[2] < heap + 2
