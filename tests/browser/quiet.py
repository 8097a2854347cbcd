"""A Chromium that nothing watches, for measuring: it is driven by a few messages of the DevTools protocol.

Playwright has the browser report every message between page and kernel, numbers and all. On two cores that takes time
that is to be measured.
"""

import itertools
import json
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import websocket

ARROWS = {"ArrowLeft": 37, "ArrowRight": 39}


class QuietPage:
    """The page of such a browser."""

    def __init__(self, connection: websocket.WebSocket, width: int, height: int) -> None:
        """Drive the page at the other end of `connection`, on a screen of so many pixels."""
        self._connection, self._numbers = connection, itertools.count()
        screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.call("Emulation.setDeviceMetricsOverride", **screen)
        self.call("Emulation.setFocusEmulationEnabled", enabled=True)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """What the browser answers to a message of its protocol."""
        number = next(self._numbers)
        self._connection.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while (answer := json.loads(self._connection.recv())).get("id") != number:
            pass
        assert "error" not in answer, answer
        return answer["result"]

    def evaluate(self, expression: str) -> Any:
        """The value of an expression of JavaScript, or what it promises."""
        answer = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait(self, expression: str, seconds: float = 180) -> None:
        """Return as soon as the expression is true; fail after `seconds`."""
        end = time.monotonic() + seconds
        while not self.evaluate(expression):
            assert time.monotonic() < end, f"after {seconds} s, still not true: {expression}"
            time.sleep(0.2)

    def press(self, arrow: str) -> None:
        """Press an arrow key, and let it go."""
        key = {"key": arrow, "code": arrow, "windowsVirtualKeyCode": ARROWS[arrow]}
        self.call("Input.dispatchKeyEvent", type="rawKeyDown", **key)
        self.call("Input.dispatchKeyEvent", type="keyUp", **key)


@contextmanager
def quiet_page(program: str, arguments: list[str], folder: Path, width: int, height: int) -> Iterator[QuietPage]:
    """Start the browser `program` with a new profile in `folder`, and end it."""
    command = [program, *arguments, "--headless", "--remote-debugging-port=0", "--remote-allow-origins=*"]
    port = folder / "DevToolsActivePort"
    with (folder / "log").open("w") as log, subprocess.Popen(
        [*command, f"--user-data-dir={folder}", "about:blank"], stdout=log, stderr=log
    ) as process:  # fmt: skip
        try:
            end = time.monotonic() + 60
            while not port.exists() or "\n" not in port.read_text():
                assert process.poll() is None and time.monotonic() < end, (folder / "log").read_text()
                time.sleep(0.1)
            with urllib.request.urlopen(f"http://127.0.0.1:{port.read_text().split()[0]}/json") as listed:
                pages = [target for target in json.load(listed) if target["type"] == "page"]
            with closing(websocket.create_connection(pages[0]["webSocketDebuggerUrl"], timeout=60)) as connection:
                yield QuietPage(connection, width, height)
        finally:
            process.terminate()
