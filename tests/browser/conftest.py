"""A JupyterLab of its own and a Chromium for the tests that open notebooks as a user would.

Without a Chromium these tests are skipped; with BROWSER_TESTS=required they fail. CHROMIUM names one.
"""

import base64
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lab
import nbformat
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, expect, sync_playwright

NOTEBOOKS = Path(__file__).resolve().parent.parent.parent / "notebooks"
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM_ARGUMENTS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
]
SETTINGS = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
}


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 60) -> None:
    """Return as soon as `condition` holds; fail after `seconds`."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"after {seconds} s, still not so: {what}"
        time.sleep(0.02)


def faults(frame: str | bytes) -> list[str]:
    """The message of the kernel in `frame`, where it tells of an error or a warning."""
    text = frame if isinstance(frame, str) else frame.decode(errors="replace")
    # The page asks for widgets before a cell has imported ipywidgets, and the kernel answers "No such comm".
    return [text] if re.search(r'"msg_type": ?"error"|"name": ?"stderr", ?"text": ?"(?!No such comm)', text) else []


def is_fault(said: ConsoleMessage) -> bool:
    """Whether the page complains of a widget: what else JupyterLab complains of is its own."""
    return said.type == "error" and bool(re.search("blob:|widget", said.text + str(said.location)))


@dataclass(frozen=True)
class Server:
    """A running JupyterLab: its process, address and token, and the folder that it shows."""

    process: subprocess.Popen
    base: str
    token: str
    folder: Path

    def add(self, name: str, notebook: nbformat.NotebookNode) -> None:
        """Put `notebook` into the folder, without outputs: all that the page shows was then made on the page."""
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.execution_count, cell.outputs = None, []
        nbformat.write(notebook, self.folder / f"{name}.ipynb")

    def request(self, path: str, method: str = "GET") -> bytes:
        """The body of the answer to a request to the server's API."""
        request = urllib.request.Request(f"{self.base}{path}?token={self.token}", method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.read()

    def answers(self) -> bool:
        """Whether the server has started."""
        assert self.process.poll() is None, "JupyterLab has stopped"
        try:
            return bool(self.request("/api/status"))
        except OSError:
            return False

    def has_kernel(self) -> bool:
        """Whether a kernel runs, is idle and has a page connected to it."""
        try:
            kernels = json.loads(self.request("/api/kernels"))
        except OSError:  # the server answers with an error while a kernel starts
            return False
        return any(kernel["execution_state"] == "idle" and kernel["connections"] for kernel in kernels)

    def stop_kernels(self) -> None:
        """End every kernel."""
        for kernel in json.loads(self.request("/api/kernels")):
            self.request(f"/api/kernels/{kernel['id']}", "DELETE")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """JupyterLab with settings of its own, on copies of the notebooks."""
    home = tmp_path_factory.mktemp("jupyter")
    folders = {name: home / name for name in ("config", "data", "runtime", "ipython", "notebooks")}
    for folder in folders.values():
        folder.mkdir()
    (folders["config"] / "labconfig").mkdir()
    (folders["config"] / "labconfig" / "default_setting_overrides.json").write_text(json.dumps(SETTINGS))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = secrets.token_hex(16)
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}"]
    command += ["--ServerApp.port_retries=0", f"--ServerApp.root_dir={folders['notebooks']}"]
    command += ["--LabApp.expose_app_in_browser=True"]
    env = lab.with_settings(os.environ) | {
        "JUPYTER_CONFIG_DIR": str(folders["config"]),
        "JUPYTER_DATA_DIR": str(folders["data"]),
        "JUPYTER_RUNTIME_DIR": str(folders["runtime"]),
        "IPYTHONDIR": str(folders["ipython"]),
        "JUPYTER_TOKEN": token,
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # or the debugger warns of Python's own frozen modules, now and then
    }
    with (home / "log").open("w") as log, subprocess.Popen(command, env=env, stdout=log, stderr=log) as process:
        server = Server(process, f"http://127.0.0.1:{port}", token, folders["notebooks"])
        for path in NOTEBOOKS.glob("*.ipynb"):
            server.add(path.stem, nbformat.read(path, as_version=4))
        try:
            wait_until(server.answers, "JupyterLab answers", 60)
            yield server
            server.stop_kernels()
        finally:
            process.terminate()


@pytest.fixture(scope="session")
def chromium() -> str:
    """Where Chromium is."""
    program = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if not program:
        reason = "no Chromium on this machine: install one (Debian: apt install chromium) or name it in CHROMIUM"
        (pytest.fail if os.environ.get("BROWSER_TESTS") == "required" else pytest.skip)(reason)
    return program


def is_root() -> bool:
    """Whether these tests run as root, for whom Chromium has no sandbox."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    """A headless Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=CHROMIUM_ARGUMENTS, chromium_sandbox=not is_root()
        )
        yield browser
        browser.close()


@dataclass(frozen=True)
class OpenNotebook:
    """A notebook in the browser, and the errors that the page and the kernel have reported so far."""

    page: Page
    panel: Locator
    code_cells: int
    reported: list[str]

    def run_all(self) -> None:
        """Run every cell through the menu, as a user would, and wait for the last one."""
        self.page.locator(".lm-MenuBar-itemLabel", has_text=re.compile("^Run$")).click()
        self.page.locator('.lm-Menu-item[data-command="runmenu:run-all"]').click()
        # The indicator is idle for a moment before the first cell starts: a number at every prompt comes first.
        prompts = self.panel.locator(".jp-CodeCell .jp-InputPrompt")
        expect(prompts).to_have_text([re.compile(r"^\[\d+\]:?$")] * self.code_cells, timeout=180_000)
        self.wait_idle()

    def wait_idle(self) -> None:
        """Wait until the kernel has nothing to do."""
        indicator = self.panel.locator(".jp-Notebook-ExecutionIndicator")
        expect(indicator).to_have_attribute("data-status", "idle", timeout=60_000)

    def widget(self, number: int = 0) -> "WidgetView":
        """The widget of this number among those on the page."""
        body = self.panel.locator(".lv").nth(number)
        body.scroll_into_view_if_needed(timeout=30_000)
        return WidgetView(self.page, body)

    def errors(self) -> list[str]:
        """What went wrong: in cells and in callbacks, warnings too, in the page itself, and views not shown."""
        return [*self.panel.locator(".jupyter-widgets-error-widget").all_text_contents(), *self.reported]


@dataclass(frozen=True)
class WidgetView:
    """A widget on a page, whichever page it is."""

    page: Page
    body: Locator

    def control(self, name: str) -> Locator:
        """The slider or menu with this name."""
        return self.body.get_by_label(name, exact=True)

    def state(self) -> dict[str, Any]:
        """What the page has been given to show, its numbers as bytes."""
        state = self.body.evaluate("""body => {
            const state = body.parentElement.liftingView.state();
            const plain = packed => typeof packed === "string" ? packed
                : btoa(String.fromCharCode(...new Uint8Array(packed.buffer, packed.byteOffset, packed.byteLength)));
            return {...state, numbers: [...state.numbers].map(plain)};
        }""")
        return state | {"numbers": [base64.b64decode(packed) for packed in state["numbers"]]}

    def drag(self, handle: Locator, right: float, down: float) -> None:
        """Take a handle with the mouse and let it go elsewhere, so many pixels away."""
        handle.scroll_into_view_if_needed()
        box = handle.bounding_box()
        assert box
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move(x + right / 2, y + down / 2)
        self.page.mouse.move(x + right, y + down, steps=3)
        self.page.mouse.up()


@pytest.fixture(scope="module")
def open_notebook(server: Server, browser: Browser) -> Iterator[Callable[..., OpenNotebook]]:
    """Opens a notebook by its name, in JupyterLab or in Notebook 7, which the same server shows.

    Call `run_all()` on the result. Its kernel ends with the module's tests.
    """
    context = browser.new_context(viewport={"width": 1400, "height": 1800})

    def open_it(name: str, lab: bool = True) -> OpenNotebook:
        page = context.new_page()
        reported: list[str] = []
        # Notebook's page has errors of its own, widget or not; a widget's code is a blob.
        page.on(
            "pageerror", lambda error: reported.append(str(error)) if lab or "blob:" in (error.stack or "") else None
        )
        page.on("console", lambda said: reported.append(said.text) if is_fault(said) else None)
        page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: reported.extend(faults(frame))))
        place = "lab/tree" if lab else "notebooks"
        page.goto(f"{server.base}/{place}/{name}.ipynb?token={server.token}&reset")
        panel = page.locator(".jp-NotebookPanel:visible")
        cells = nbformat.read(server.folder / f"{name}.ipynb", as_version=4).cells
        code_cells = sum(cell.cell_type == "code" for cell in cells)
        expect(panel.locator(".jp-CodeCell")).to_have_count(code_cells, timeout=60_000)
        opened = OpenNotebook(page, panel, code_cells, reported)
        # The notebook's own indicator reads idle even before there is a kernel, and cells run then are lost.
        wait_until(server.has_kernel, "the kernel of the notebook is ready", 60)
        if lab:
            expect(page.locator("#jp-main-statusbar").get_by_text("| Idle")).to_be_visible(timeout=60_000)
        return opened

    yield open_it
    context.close()
    server.stop_kernels()
