"""Build the notebooks from their sources, so that an exercise and its solution can't drift apart.

    python tools/build_notebooks.py                    build and run every notebook
    python tools/build_notebooks.py 01_projection      build and run this one
    python tools/build_notebooks.py --check            only say which notebooks are out of step

A source, notebooks/src/NN_name.py, is the whole notebook as a Python file in percent format, exercises solved.
From it come notebooks/NN_name.ipynb, with a gap for each solution, and notebooks/solutions/NN_name.ipynb,
with the cells tagged "setup" and the exercises, solved. docs/notebooks.md tells how to write one.
"""

import ast
import base64
import hashlib
import io
import re
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

import jupytext
import nbformat
import numpy as np
import tyro
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from PIL import Image

from lifting.support.files import write_atomically

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
SOLUTION = re.compile(
    r"^(?P<indent>[ ]*)# BEGIN SOLUTION(?:: (?P<gap>[^\n]*))?\n(?P<body>.*?)^[ ]*# END SOLUTION\n?", re.M | re.S
)
TAGS = {"setup", "exercise", "answer", "nbval-ignore-output", "hide-input"}
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"file_extension": ".py", "mimetype": "text/x-python", "name": "python"},
}

VISIBLE = 3.0
"""From how far on colours count as different: the root mean square of a picture's, of 255."""


class SourceError(Exception):
    """A source that is not written as docs/notebooks.md says; the message names the file and line."""


@dataclass(frozen=True)
class Cell:
    """One cell of a source: `kind` is "code" or "markdown", `line` the line of its header in the file."""

    kind: str
    text: str
    tags: tuple[str, ...]
    line: int


def read_source(path: Path) -> list[Cell]:
    """The cells of the source at `path`.

    Raises:
        SourceError: it is not written as docs/notebooks.md says.
    """
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    starts = [number for number, line in enumerate(lines, start=1) if line.startswith("# %%")]
    if not starts or any(line.strip() for line in lines[: starts[0] - 1]):
        raise SourceError(f"{path.name}:1: the first line must open a cell (# %% [markdown])")
    notebook = jupytext.reads(text, fmt="py:percent")
    cells = []
    for start, end, made in zip(starts, [*starts[1:], len(lines) + 1], notebook.cells, strict=True):
        kind, tags, where = made.cell_type, made.metadata.get("tags", []), f"{path.name}:{start}"
        if kind == "raw" or [key for key in made.metadata if key != "tags" and not key.startswith("lines_to_")]:
            header = lines[start - 1]
            raise SourceError(f'{where}: {header!r} is neither "# %%" nor "# %% [markdown]" (then tags=["..."])')
        if unknown := sorted(set(tags) - TAGS):
            raise SourceError(f"{where}: unknown tags {unknown}; there are {sorted(TAGS)}")
        if kind == "markdown":
            _check_comments(path, lines, start, end)
        else:
            _check_code(where, made.source, tags)
        cells.append(Cell(kind, made.source, tuple(tags), start))
    return cells


def _check_comments(path: Path, lines: list[str], start: int, end: int) -> None:
    for number in range(start + 1, end):
        line = lines[number - 1]
        if line and line != "#" and not line.startswith("# "):
            raise SourceError(f'{path.name}:{number}: a line of text must begin with "# "')


def _check_code(where: str, text: str, tags: list[str]) -> None:
    opened, closed = text.count("BEGIN SOLUTION"), len(SOLUTION.findall(text))
    if opened != closed or bool(opened) != ("exercise" in tags):
        raise SourceError(f"{where}: a code cell tagged exercise, and no other, has BEGIN SOLUTION ... END SOLUTION")
    if ("answer(" in text) != ("answer" in tags):
        raise SourceError(f"{where}: a code cell tagged answer, and no other, calls answer(...)")


def with_gaps(text: str) -> str:
    """The exercise as the reader meets it: each marked solution replaced by its gap."""
    return SOLUTION.sub(lambda match: f"{match['indent']}{match['gap'] or _gap(match['body'])}  # your turn\n", text)


def solved(text: str) -> str:
    """The exercise with its solution, without the markers."""
    return SOLUTION.sub(lambda match: match["body"], text)


def _gap(body: str) -> str:
    """What stands in for a solution: its last statement with `...` for the value."""
    function = ast.parse(f"def function():\n{textwrap.indent(textwrap.dedent(body), '    ')}").body[0]
    assert isinstance(function, ast.FunctionDef)
    last = function.body[-1]
    if isinstance(last, ast.Return):
        return "return ..."
    if isinstance(last, ast.Assign) and len(last.targets) == 1:
        target = last.targets[0]
        count = len(target.elts) if isinstance(target, ast.Tuple) else 1
        return f"{ast.unparse(target).strip('()')} = {', '.join(['...'] * count)}"
    raise SourceError(f"no gap can be derived from {ast.unparse(last)!r}: write it, # BEGIN SOLUTION: the gap")


def walkthrough(name: str, cells: list[Cell]) -> nbformat.NotebookNode:
    """The notebook for the reader, its exercises with gaps."""
    return _notebook(name, [(cell, with_gaps(cell.text) if cell.kind == "code" else cell.text) for cell in cells])


def solutions(name: str, cells: list[Cell]) -> nbformat.NotebookNode:
    """The notebook of the solutions: the cells tagged setup, exercise or answer."""
    title = next((line.lstrip("# ") for line in cells[0].text.splitlines() if line.startswith("# ")), None)
    if title is None:
        raise SourceError(f"{name}.py:1: the first cell must be text with a title (# # Title)")
    text = (
        f"# Solutions: {title}\n\nTry the exercises in [the notebook](../{name}.ipynb) first. "
        f"Both are made from [one source](../src/{name}.py)."
    )
    kept = [cell for cell in cells if {"setup", "exercise", "answer"} & set(cell.tags)]
    pairs = [(cell, solved(cell.text) if cell.kind == "code" else cell.text) for cell in kept]
    return _notebook(f"solutions/{name}", [(Cell("markdown", text, (), 1), text), *pairs])


def _notebook(name: str, pairs: list[tuple[Cell, str]]) -> nbformat.NotebookNode:
    notebook = nbformat.v4.new_notebook(metadata=METADATA)
    seen: dict[str, int] = {}
    for cell, raw in pairs:
        text = raw.strip("\n")
        seen[text] = seen.get(text, -1) + 1
        new = nbformat.v4.new_code_cell if cell.kind == "code" else nbformat.v4.new_markdown_cell
        identity = hashlib.sha256(f"{name}\n{seen[text]}\n{text}".encode()).hexdigest()[:12]
        metadata = {"tags": list(cell.tags)} if cell.tags else {}
        notebook.cells.append(new(text, id=identity, metadata=metadata))
    return notebook


def build(name: str) -> dict[Path, nbformat.NotebookNode]:
    """Both notebooks that the source `name` makes, not run yet, each under its path."""
    cells = read_source(NOTEBOOKS / "src" / f"{name}.py")
    return {
        NOTEBOOKS / f"{name}.ipynb": walkthrough(name, cells),
        NOTEBOOKS / "solutions" / f"{name}.ipynb": solutions(name, cells),
    }


def execute(notebook: nbformat.NotebookNode, folder: Path, timeout: int) -> None:
    """Run `notebook` in `folder` as nbval will, and keep only what is the same each time."""
    client = NotebookClient(
        notebook, timeout=timeout, resources={"metadata": {"path": str(folder)}}, record_timing=False,
        store_widget_state=False,
    )  # fmt: skip
    with client.setup_kernel():
        count = 0
        for index, cell in enumerate(notebook.cells):
            if cell.cell_type == "code":
                count += 1
                client.execute_cell(cell, index, execution_count=count, store_history=False)
                cell.execution_count = count
                cell.outputs = [_steady(output, count) for output in _joined(cell.outputs)]
    notebook.metadata = nbformat.from_dict(METADATA)


def _joined(outputs: list[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    """`outputs` with the pieces of each printed stream in one."""
    joined: list[nbformat.NotebookNode] = []
    for output in outputs:
        if output.output_type == "stream" and joined and joined[-1].get("name") == output.name:
            joined[-1].text += output.text
        else:
            joined.append(output)
    return joined


def _steady(output: nbformat.NotebookNode, count: int) -> nbformat.NotebookNode:
    """`output` without its link to a live widget, which no later session has."""
    if "execution_count" in output:
        output.execution_count = count
    if "data" in output:
        output.data.pop("application/vnd.jupyter.widget-view+json", None)
        if "image/png" in output.data:
            output.data["image/png"] = base64.b64encode(lighter(base64.b64decode(output.data["image/png"]))).decode()
    return output


def lighter(png: bytes) -> bytes:
    """A picture on white in its own 256 colours, about a third of the bytes; as it was where that would be seen.

    It would be where the colours are off by `VISIBLE` or more (root mean square, of 255).
    """
    picture = Image.open(io.BytesIO(png)).convert("RGBA")
    flat = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
    few = flat.quantize(256, kmeans=3, dither=Image.Dither.NONE)
    apart = np.asarray(few.convert("RGB"), dtype=np.float64) - np.asarray(flat)
    file = io.BytesIO()
    few.save(file, format="PNG", optimize=True)
    return file.getvalue() if np.sqrt(np.mean(apart**2)) < VISIBLE and file.tell() < len(png) else png


def out_of_step(path: Path, wanted: nbformat.NotebookNode) -> bool:
    """Whether the notebook at `path` is missing or has other cells than its source makes."""
    if not path.exists():
        return True
    return _sources(nbformat.read(path, as_version=4)) != _sources(wanted)


def _sources(notebook: nbformat.NotebookNode) -> list[tuple]:
    return [(cell.id, cell.cell_type, cell.source, cell.metadata.get("tags", [])) for cell in notebook.cells]


def names() -> list[str]:
    """The names of all sources."""
    return sorted(path.stem for path in (NOTEBOOKS / "src").glob("*.py"))


@dataclass(frozen=True)
class Options:
    """Build the notebooks from notebooks/src."""

    names: tyro.conf.Positional[tuple[str, ...]] = ()
    """such as 01_projection; all where left out"""
    check: bool = False
    """write nothing; say what is out of step"""
    timeout: int = 300
    """seconds that one cell may take"""


def main() -> int:
    """Build what the command line asks for; 1 where something is out of step or fails."""
    options = tyro.cli(Options)
    failed = False
    try:
        for name in options.names or names():
            for path, notebook in build(Path(name).stem).items():
                shown = path.relative_to(NOTEBOOKS.parent)
                if options.check:
                    if out_of_step(path, notebook):
                        print(f"{shown} is out of step with its source")
                        failed = True
                    continue
                path.parent.mkdir(exist_ok=True)
                execute(notebook, path.parent, options.timeout)
                write_atomically(path, nbformat.writes(notebook).encode() + b"\n")
                print(f"{shown}: {len(notebook.cells)} cells")
    except (CellExecutionError, SourceError) as error:
        print(error, file=sys.stderr)
        failed = True
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
