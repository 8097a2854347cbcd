"""The pages of the book that are generated: equations, API, tests, index. `tools/book.py` puts them into it."""

import ast
import importlib
import inspect
import json
import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import equation_index
from equation_index import Equation, Index
from reading_time import Reading

import lifting

ROOT = Path(__file__).resolve().parent.parent
FOUND = ("measured", "claims", "gradient_ledger", "mistakes", "smoothness", "mutation", "network", "widgets")
REFERENCE = ("equations", "notation", "reading", "references")
USE = ("installing", "usage", "files", "detector", "detectors", "output", "training")
HOUSE = ("architecture", "notebooks")
NOT_SHOWN = ("checking", "drawing", "experiments", "makers", "support")
"""Wings that nobody calls who lifts a pose: their modules are in the book as files, where a page links to them."""


# ---- where things are ----


def page_of(path: str) -> tuple[str, str]:
    """The page of the book for a file of the repository, and the anchor on it: of code, of a test, of README.md."""
    parts = Path(path).parts
    if path == "README.md" or path == "notebooks/solutions":
        return "index.md", ""
    if parts[0] == "lifting" and path.endswith(".py"):
        module = ".".join(Path(path).with_suffix("").parts).removesuffix(".__init__")
        own = module.count(".") > 1 and _group(module) not in NOT_SHOWN and not _offers(_group(module))
        return f"api/{_group(module)}.md", f"#{_slug(module)}" if own else ""
    if parts[0] == "tests" and path.endswith(".py"):
        return Path(path).with_suffix(".md").as_posix(), ""
    return path, ""


def _group(module: str) -> str:
    """The page of the API that a module is on: a room or wing of its own, such as "solve"."""
    return module.split(".")[1] if "." in module else "lifting"


def _slug(heading: str) -> str:
    """The anchor of a heading, as MyST and GitHub make it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _anchor(equation: Equation) -> str:
    """The anchor of an equation: "eq. (5)" has eq-5."""
    return re.sub(r"[^a-z0-9]+", "-", equation.name.lower()).strip("-")


def made_pages() -> dict[str, Callable[[], str]]:
    """All generated pages but the index: where each stands, and what makes its text."""
    index = equation_index.read_index()
    pages: dict[str, Callable[[], str]] = {"docs/equations.md": partial(equations, index), "api/lifting.md": public}
    for name, modules in _modules().items():
        pages[f"api/{name}.md"] = partial(api, name, modules)
    for file in sorted({test.partition("::")[0] for equation in index.equations for test in equation.tests}):
        pages[f"tests/{Path(file).stem}.md"] = partial(tests, file, index)
    return pages


# ---- equations and their tests ----


def equations(index: Index) -> str:
    """The equations, each with its code, its tests and its derivation."""
    parts = [
        "# The equations\n\nEach with the function that is the equation, the tests that check it by a route of their "
        "own, and the notebook that derives it. Numbers are the supplement's.\n",
        "| equation | what it gives | function | notebook |\n|---|---|---|---|",
    ]
    parts += [
        f"| [{one.name}](#{_anchor(one)}) | {one.says} | {{py:obj}}`~lifting.{one.function}` | "
        f"[{one.notebook[:2]}]({_derivation(one)}) |"
        for one in index.equations
    ]
    return "\n".join([*parts, "", *(_equation(one, index) for one in index.equations)])


def _equation(equation: Equation, index: Index) -> str:
    main, *others = equation_index.functions_of(equation, index)
    also = ", ".join(f"{{py:obj}}`lifting.{name}`" for name in others)
    lines = [
        f"({_anchor(equation)})=",
        f"## {equation.name[:1].upper() + equation.name[1:]}",
        f"It gives {equation.says}. Derived in [notebook {equation.notebook[:2]}]({_derivation(equation)}).\n",
        f"**Code:** {{py:obj}}`lifting.{main}`{f'; named also by {also}' if also else ''}.\n",
        f"```python\n{_without_docstring(_function(main))}\n```\n",
    ]
    for test in equation.tests:
        file, _, name = test.partition("::")
        lines.append(f"**Test:** [`{name}`](../tests/{Path(file).stem}.md#{_test_anchor(name)}).\n")
    return "\n".join(lines)


def _derivation(equation: Equation) -> str:
    """The link from docs/ to the heading of the notebook that names an equation."""
    path = f"notebooks/{equation.notebook}.ipynb"
    cells = json.loads((ROOT / path).read_text(encoding="utf-8"))["cells"]
    lines = [line for cell in cells if cell["cell_type"] == "markdown" for line in "".join(cell["source"]).splitlines()]
    headings = [line.lstrip("# ") for line in lines if re.match(r"#{2,4} ", line)]
    anchor = next((f"#{_slug(one)}" for one in headings if equation_index.names(one, equation.name)), "")
    return f"../{path}{anchor}"


def _function(name: str) -> str:
    module, _, function = name.rpartition(".")
    return inspect.getsource(inspect.unwrap(getattr(importlib.import_module(f"lifting.{module}"), function)))


def _without_docstring(code: str) -> str:
    """A function's code, decorators included, without its docstring."""
    function = ast.parse(code).body[0]
    assert isinstance(function, ast.FunctionDef)
    first = function.body[0]
    if ast.get_docstring(function) is None:
        return code.rstrip()
    lines = code.rstrip().splitlines()
    return "\n".join(lines[: first.lineno - 1] + lines[first.end_lineno :])


def _test_anchor(name: str) -> str:
    return name.replace("_", "-").lower()


def tests(file: str, index: Index) -> str:
    """A file of tests: those of the equations under a heading each, then the whole file."""
    parts = [f"# {file}\n"]
    code = (ROOT / "tests" / file).read_text(encoding="utf-8")
    functions = {node.name: node for node in ast.parse(code).body if isinstance(node, ast.FunctionDef)}
    wanted: dict[str, list[Equation]] = {}
    for equation in index.equations:
        for test in equation.tests:
            if test.startswith(f"{file}::"):
                wanted.setdefault(test.partition("::")[2], []).append(equation)
    for name, checked in wanted.items():
        of = ", ".join(f"[{one.name}](../docs/equations.md#{_anchor(one)})" for one in checked)
        parts += [f"({_test_anchor(name)})=", f"## {name}\n\nIt checks {of}.\n",
                  f"```python\n{_lines(code, functions[name])}\n```\n"]  # fmt: skip
    return "\n".join([*parts, f"## The whole file\n\n````python\n{code.rstrip()}\n````\n"])


def _lines(code: str, node: ast.FunctionDef) -> str:
    start = min([node.lineno, *(one.lineno for one in node.decorator_list)])
    return "\n".join(code.splitlines()[start - 1 : node.end_lineno])


# ---- the API ----


def _modules() -> dict[str, list[str]]:
    """The modules that the page of each room and wing shows; of a wing that says what it offers, it alone."""
    found: dict[str, list[str]] = {}
    for path in sorted((ROOT / "lifting").rglob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        if module != "lifting" and _group(module) not in NOT_SHOWN and not path.stem.startswith("__main"):
            found.setdefault(_group(module), []).append(module)
    return {name: modules[:1] if _offers(name) else modules for name, modules in found.items()}


def _offers(name: str) -> bool:
    """Whether a wing says in `__all__` what it offers."""
    wing = importlib.import_module(f"lifting.{name}")
    return hasattr(wing, "__path__") and hasattr(wing, "__all__")


def public() -> str:
    """What `lifting` itself offers."""
    lines = ["# lifting", "", f"{inspect.getdoc(lifting)}", "", "| name | what it is |", "|---|---|"]
    for name in lifting.__all__:
        thing = getattr(lifting, name)
        module = lifting._LAZY.get(name, thing.__module__)
        says = (inspect.getdoc(thing) or "").split("\n\n")[0].replace("\n", " ").replace("|", r"\|")
        lines.append(f"| {{py:obj}}`lifting.{name} <{module}.{name}>` | {says} |")
    return "\n".join([*lines, ""])


def api(name: str, modules: Sequence[str]) -> str:
    """A room; or a wing, with what it offers, or all its modules."""
    lines = [f"# lifting.{name}\n"]
    of = "   :imported-members:\n" if _offers(name) else "   :ignore-module-all:\n"
    for module in modules:
        if module != f"lifting.{name}":
            lines.append(f"## {module}\n")
        lines.append(f"```{{eval-rst}}\n.. automodule:: {module}\n   :members:\n{of}   :member-order: bysource\n```\n")
    return "\n".join(lines)


# ---- the ways in ----


def ways_in(page: str, repository: str, solutions: bool) -> str:
    """The line under the title of a notebook: where else it opens."""
    ways = [f"[Solutions of the exercises](solutions/{Path(page).name})" if solutions else ""]
    if repository:
        ways += [
            f"[Binder](https://mybinder.org/v2/gh/{repository}/HEAD?urlpath=lab/tree/{page})",
            f"[Colab](https://colab.research.google.com/github/{repository}/blob/HEAD/{page}) "
            f"(there, first: `!pip install git+https://github.com/{repository}`)",
        ]
    untested = " Binder and Colab are untested." if repository else ""
    return f"*Read here without a kernel, or run it: `make lab`. {' · '.join(filter(None, ways))}.{untested}*"


def index(readings: Sequence[Reading], pages: set[str]) -> str:
    """The first page: what stands in docs/book/index.md, and what is in the book, by its parts."""
    core = [f"notebooks/{one.name}" for one in readings if one.core]
    extras = [f"notebooks/{one.name}" for one in readings if not one.core]
    docs = sorted(Path(page).stem for page in pages if page.startswith("docs/"))
    more = [name for name in docs if name not in (*USE, *FOUND, *REFERENCE, *HOUSE)]
    rooms = sorted(page.removesuffix(".md") for page in pages if page.startswith("api/") and page != "api/lifting.md")
    parts = {
        "The walk": core,
        "Extras": extras,
        "Using it": [f"docs/{name}" for name in USE if name in docs],
        "What was found": [f"docs/{name}" for name in (*FOUND, *more) if name in docs],
        "Reference": [f"docs/{name}" for name in REFERENCE if name in docs],
        "The package": ["api/lifting", *rooms],
        "Tests of the equations": _some(pages, "tests/"),
        "Solutions": _some(pages, "notebooks/solutions/"),
        "Data and benchmarks": [*_some(pages, "data/"), *_some(pages, "benchmarks/")],
        "The house": [*(f"docs/{name}" for name in HOUSE), "CONTRIBUTING"],
    }
    text = (ROOT / "docs" / "book" / "index.md").read_text(encoding="utf-8")
    trees = [_tree(caption, some) for caption, some in parts.items() if some]
    return "\n\n".join([text, *trees]) + "\n"


def _some(pages: set[str], folder: str) -> list[str]:
    return sorted(str(Path(page).with_suffix("")) for page in pages if page.startswith(folder))


def _tree(caption: str, some: Sequence[str]) -> str:
    lines = "\n".join(some)
    return f"```{{toctree}}\n:caption: {caption}\n:maxdepth: 1\n:titlesonly:\n\n{lines}\n```"
