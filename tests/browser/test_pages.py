"""Widgets where there is more than one view, another kernel, or none: each page goes on by itself."""

import json
import os
import socket
import subprocess
import sys
import urllib.request

import lab
import numpy as np
import pytest

from lifting.drawing.widgets.page import book_sources

from .benches import bench, twin
from .conftest import WidgetView, wait_until

HEAD = '<!doctype html><meta charset="utf-8"><link rel="stylesheet" href="lifting-view.css">'


def moved(view, control="elevation"):
    """Whether a key moves the picture."""
    before, slider = view.state(), view.control(control)
    slider.press("ArrowRight")
    wait_until(lambda: view.state()["numbers"] != before["numbers"], "the picture follows", 30)
    return view.state()["controls"] != before["controls"]


def test_two_notebooks_a_cell_twice_and_a_kernel_started_again(server, open_notebook):
    for name in ("one", "two"):
        server.add(name, bench("projection"))
    one, two = (open_notebook(name) for name in ("one", "two"))
    for opened in (one, two):
        opened.run_all()
    first, second = one.widget(), two.widget()
    start = second.state()
    assert moved(first) and second.state() == start and moved(second)
    one.run_all()
    assert one.panel.locator(".lv").count() == 1 and moved(one.widget())
    kernels = json.loads(server.request("/api/kernels"))
    for kernel in kernels:
        server.request(f"/api/kernels/{kernel['id']}/restart", "POST")
    wait_until(server.has_kernel, "the kernels run again")
    one.run_all()
    assert moved(one.widget())
    assert one.errors() == [] == two.errors()


@pytest.fixture
def book_page(tmp_path, browser):
    """A page from the file system with the recorded moves of a widget: its view. It asks for nothing else."""
    widget, faults = twin("solving"), []
    for name, text in book_sources().items():
        (tmp_path / name).write_text(text)
    moves = widget.recorded("sigma", "heading").html()
    (tmp_path / "page.html").write_text(f'{HEAD}<body>{moves}<script src="lifting-view.js"></script>')
    page = browser.new_page(viewport={"width": 390, "height": 800})
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text))
    page.on("request", lambda request: None if request.url.startswith("file:") else faults.append(request.url))
    page.goto((tmp_path / "page.html").as_uri())
    yield widget, WidgetView(page, page.locator(".lv"))
    assert faults == []
    page.close()


def test_recorded_moves_are_played_without_a_kernel(book_page):
    widget, view = book_page
    for control, key, value in (("sigma", "End", 100.0), ("heading", "ArrowRight", 65.0)):
        view.control(control).press(key)
        widget.reset()
        widget[control] = value
        state = view.state()
        assert state["titles"] == [panel.title for panel in widget.scene.panels]
        for got, want in zip(state["numbers"], widget.state()["numbers"], strict=True):
            np.testing.assert_array_equal(np.frombuffer(got, "<f4"), np.frombuffer(want, "<f4"))
    assert view.control("sigma").get_attribute("aria-valuetext") == "1"  # one control at a time
    view.body.get_by_role("button", name="Reset").click()
    widget.reset()
    assert view.state()["summary"] == widget.scene.summary
    # on a telephone the panels stand below each other, none wider than the page
    assert view.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_dashboard_answers_on_a_page_of_its_own(root, browser, tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "voila", "docs/dashboard.ipynb", "--no-browser", f"--port={port}"]
    address, faults = f"http://127.0.0.1:{port}/", []

    def answers():
        assert process.poll() is None, (tmp_path / "log").read_text()
        try:
            with urllib.request.urlopen(f"{address}voila/static/voila.js", timeout=10):
                return True
        except OSError:
            return False

    with (
        (tmp_path / "log").open("w") as log,
        subprocess.Popen(command, cwd=root, stdout=log, stderr=log, env=lab.with_settings(os.environ)) as process,
    ):
        try:
            wait_until(answers, "Voila answers")
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.on("pageerror", lambda error: faults.append(str(error)))
            page.goto(address, timeout=60_000)
            view = WidgetView(page, page.locator(".lv"))
            view.body.wait_for(timeout=60_000)
            assert moved(view, "sigma")
            box = view.body.bounding_box()
            assert box["x"] >= 0 and box["width"] <= 1280 and box["height"] <= 800
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            page.screenshot(path=tmp_path / "dashboard.png")
        finally:
            process.terminate()
    assert faults == []
