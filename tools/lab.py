"""Open the notebooks in JupyterLab, and say how to reach the page where no browser can be opened here."""

import getpass
import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
START = "notebooks/00_start_here.ipynb"
SETTINGS = ROOT / "tools" / "jupyter"


def with_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """The same environment with Jupyter's settings for the widgets, which go before one's own."""
    paths = [str(SETTINGS), environment.get("JUPYTER_CONFIG_PATH", "")]
    return {**environment, "JUPYTER_CONFIG_PATH": os.pathsep.join(filter(None, paths))}


def free_port(first: int = 8888) -> int:
    """The first port from `first` on that nothing listens at."""
    for port in range(first, first + 100):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise SystemExit(f"ports {first} to {first + 99} are all in use")


def has_display() -> bool:
    """Whether a browser can be opened on this machine."""
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def main(arguments: list[str]) -> NoReturn:
    """Say where the page will be and become JupyterLab; `arguments` go on to it."""
    named = [argument for argument in arguments if argument.startswith("--port=")]
    others = [argument for argument in arguments if argument not in named]
    port = int(named[-1].removeprefix("--port=")) if named else free_port()
    token = secrets.token_hex(24)
    command = [sys.executable, "-m", "jupyterlab", f"--port={port}", "--ServerApp.port_retries=0"]
    command += [f"--ServerApp.root_dir={ROOT}", f"--LabApp.default_url=/lab/tree/{START}", "--ServerApp.log_level=WARN"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    url = f"http://localhost:{port}/lab/tree/{START}?token={token}"
    print(f"The notebooks: {url}")
    if not has_display():
        command.append("--no-browser")
        print("This machine has no display. From the machine with your browser, run")
        print(f"  ssh -N -L {port}:localhost:{port} {getpass.getuser()}@{socket.gethostname()}")
        print("and open the address above there.")
    print("Stop with Ctrl-C.", flush=True)
    os.chdir(ROOT)
    environment = with_settings(os.environ) | {"JUPYTER_TOKEN": token}
    if sys.platform == "win32":  # where exec would leave the console at once
        sys.exit(subprocess.run([*command, *others], env=environment).returncode)
    os.execve(sys.executable, [*command, *others], environment)


if __name__ == "__main__":
    main(sys.argv[1:])
