"""The equation index: check that it holds, and make a table of it, which cog puts into docs/equations.md.

The index itself is docs/equations.toml, which says what its fields mean.
"""

import ast
import importlib
import inspect
import json
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NUMBERED = re.compile(r"\beqs?\. ((?:\(\d+\)(?:-|, | and )?)+)", re.I)


@dataclass(frozen=True)
class Equation:
    """One entry of the index; docs/equations.toml explains the fields."""

    name: str
    says: str
    function: str
    tests: tuple[str, ...]
    notebook: str


@dataclass(frozen=True)
class Index:
    """The equations, and the modules whose every public function must name one of them."""

    equations: tuple[Equation, ...]
    modules: tuple[str, ...]


def read_index(path: Path = ROOT / "docs" / "equations.toml") -> Index:
    """The index at `path`."""
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    equations = [Equation(**(entry | {"tests": tuple(entry["tests"])})) for entry in data["equation"]]
    return Index(tuple(equations), tuple(data["modules"]))


def named_equations(text: str) -> set[str]:
    """The numbered equations that `text` names, as "eq. (5)"; a range names all between its ends.

    >>> sorted(named_equations("Supplement, eq. (3)-(5) and eq. (8)"))
    ['eq. (3)', 'eq. (4)', 'eq. (5)', 'eq. (8)']
    """
    numbers: set[int] = set()
    for match in NUMBERED.finditer(text):
        for first, last in re.findall(r"\((\d+)\)(?:-\((\d+)\))?", match[1]):
            numbers |= set(range(int(first), int(last or first) + 1))
    return {f"eq. ({number})" for number in numbers}


def names(text: str, equation: str) -> bool:
    """Whether `text` names `equation`: by number, or in its own words."""
    return equation in named_equations(text) or equation.lower() in " ".join(text.lower().split())


def public_functions(module: str) -> dict[str, Callable]:
    """The public functions that `lifting.<module>`, a file or a folder, itself defines, as "module.function"."""
    found = inspect.getmembers(importlib.import_module(f"lifting.{module}"), callable)
    return {
        f"{module}.{name}": function
        for name, function in found
        if not name.startswith("_")
        and not inspect.isclass(function)
        and f"{getattr(function, '__module__', '')}.".startswith(f"lifting.{module}.")
    }


def functions_of(equation: Equation, index: Index) -> list[str]:
    """The functions whose docstrings name `equation`, the one that is the equation first."""
    functions = {name: f for module in index.modules for name, f in public_functions(module).items()}
    others = [name for name, f in functions.items() if names(f.__doc__ or "", equation.name)]
    return [equation.function, *(name for name in others if name != equation.function)]


def faults(index: Index, root: Path = ROOT) -> list[str]:
    """What the index says that does not hold, and which functions name no equation of it."""
    found = []
    for equation in index.equations:
        if fault := _function_fault(equation):
            found.append(fault)
        if not equation.tests:
            found.append(f"{equation.name}: no test")
        for test in equation.tests:
            if not _has_test(root, test):
                found.append(f"{equation.name}: there is no test {test}")
        if not _has_heading(root / "notebooks" / f"{equation.notebook}.ipynb", equation.name):
            found.append(f"{equation.name}: no heading of the notebook {equation.notebook} names it")
    for module in index.modules:
        for name, function in public_functions(module).items():
            if not any(names(function.__doc__ or "", equation.name) for equation in index.equations):
                found.append(f"{name}: its docstring names no equation of the index")
    return found


def _function_fault(equation: Equation) -> str:
    module, _, name = equation.function.rpartition(".")
    try:
        function = getattr(importlib.import_module(f"lifting.{module}"), name)
    except (ImportError, AttributeError):
        return f"{equation.name}: there is no function lifting.{equation.function}"
    if not names(function.__doc__ or "", equation.name):
        return f"{equation.name}: the docstring of lifting.{equation.function} does not name it"
    return ""


def _has_test(root: Path, test: str) -> bool:
    file, _, name = test.partition("::")
    path = root / "tests" / file
    if not path.is_file():
        return False
    return any(isinstance(node, ast.FunctionDef) and node.name == name for node in ast.parse(path.read_text()).body)


def _has_heading(path: Path, equation: str) -> bool:
    if not path.is_file():
        return False
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    lines = [line for cell in cells if cell["cell_type"] == "markdown" for line in "".join(cell["source"]).splitlines()]
    return any(names(line, equation) for line in lines if re.match(r"#{1,6} ", line))


def table() -> str:
    """The index as a Markdown table of a page in docs/.

    Raises:
        ValueError: the index does not hold; the message has a line for each fault.
    """
    index = read_index()
    if found := faults(index):
        raise ValueError("docs/equations.toml: got an index that does not hold:\n" + "\n".join(found))
    rows = ["| equation | what it gives | function | also | test | notebook |", "|---|---|---|---|---|---|"]
    for equation in index.equations:
        main, *others = functions_of(equation, index)
        cells = [
            equation.name,
            equation.says,
            f"[`{main}`](../{_file_of(main)})",
            ", ".join(f"`{name}`" for name in others),
            ", ".join(f"[`{test.partition('::')[2]}`](../tests/{test.partition('::')[0]})" for test in equation.tests),
            f"[{equation.notebook.split('_')[0]}](../notebooks/{equation.notebook}.ipynb)",
        ]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def _file_of(function: str) -> str:
    """The file that defines `function`, given as "module.name", as a path from the root."""
    module, _, name = function.rpartition(".")
    defined_in = getattr(importlib.import_module(f"lifting.{module}"), name).__module__
    return Path(importlib.import_module(defined_in).__file__ or "").relative_to(ROOT).as_posix()
