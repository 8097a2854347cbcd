"""What the benchmarks share: how they are run, what they ran on, tables, and the page and numbers that they leave."""

import os
import platform
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro
from jinja2 import Template
from threadpoolctl import threadpool_info, threadpool_limits

from lifting import PoorFit
from lifting.support.files import rounded, write_atomically, write_json


def run_on_one_thread(main: Callable[..., None]) -> None:
    """Run a script's `main` with what the command line says; poor fits are measured, so nothing warns of them."""
    torch.set_num_threads(1)
    with threadpool_limits(1):
        warnings.simplefilter("ignore", PoorFit)
        tyro.cli(main)


def record(script: str, report: dict[str, Any], text: str, quick: bool) -> None:
    """Print a benchmark's page; unless `quick`, write it and its numbers, to four digits, beside the script."""
    print(text)
    if not quick:
        write_json(Path(script).with_suffix(".json"), rounded(report, 4))
        write_atomically(Path(script).with_suffix(".md"), (text.rstrip("\n") + "\n").encode())


def page_of(script: str, **values: Any) -> str:
    """The page that a script's template beside it, such as files.md.j2, makes of `values`."""
    template = Path(script).with_suffix(".md.j2").read_text()
    return Template(template, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True).render(values)


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table in Markdown."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def listed(values: dict[str, Any]) -> str:
    """A list in Markdown, an item for each value under its name."""
    return "\n".join(f"- {name}: {value}" for name, value in values.items())


def processor() -> str:
    """The processor's name."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    names = (line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())


def one_thread() -> str:
    """What a run on one thread is a run of, as words."""
    return f"{processor()}, one thread, torch {torch.__version__.split('+')[0]}, NumPy {np.__version__}"


def machine() -> dict[str, object]:
    """What this run is a run of: processor, threads, versions, and the BLAS kernel that NumPy picked."""
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "torch": torch.__version__,
        "torch threads": torch.get_num_threads(),
        "torch BLAS": "MKL" if torch.backends.mkl.is_available() else "other",
        "torch CPU capability": torch.backends.cpu.get_cpu_capability(),
        "numpy": np.__version__,
        "numpy BLAS": [
            f"{pool['internal_api']} {pool['version']}, {pool.get('architecture')}, {pool['num_threads']} threads"
            for pool in threadpool_info()
            if pool["user_api"] == "blas"
        ],
        "BLAS settings in the environment": {k: v for k, v in os.environ.items() if "OPENBLAS" in k or "MKL" in k},
    }
