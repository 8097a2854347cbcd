"""What the package looks like from outside, as numbers, for the tests of its layout.

The lines of code of an equation module (docstrings, comments, blank lines and imports aside) are of three kinds:

    declaring    the heads of functions and classes with their decorators, and fields without a value
    checking     a `raise` or `assert`; a statement with a call of a function whose name begins with check, fail, refuse
                 or require; an `if`, `for` or `with` that has nothing but these in its body; and all of the body of a
                 function that itself has such a name
    computing    the others

The share of computing lines is that of those that compute or check.
"""

import ast
import tokenize
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from mutants import CHECK, is_check

ROOT = Path(__file__).resolve().parent.parent
EQUATIONS = ("camera", "solve", "landmark_gradient", "belief", "layer")
"""The modules whose lines are counted by kind."""
AllFunctions = ast.FunctionDef | ast.AsyncFunctionDef
Sort = Literal["declaring", "checking", "computing"]


def functions() -> Iterator[tuple[str, AllFunctions]]:
    """All functions and methods of the package, each as "file:line name"."""
    for path in sorted((ROOT / "lifting").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, AllFunctions):
                yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", node


def parameters(function: AllFunctions) -> int:
    """How many parameters a function has, self, cls and ctx aside; *args and **kwargs count one each."""
    given = function.args
    named = [one.arg for one in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    others = [one for one in (given.vararg, given.kwarg) if one is not None]
    return len([name for name in named if name not in ("self", "cls", "ctx")]) + len(others)


def sorts(code: str) -> Counter[Sort]:
    """How many lines of code declare, check and compute; the rule is at the top of this module."""
    found: dict[int, Sort] = {}
    _sort(ast.parse(code).body, found, checking=False)
    empty = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
    tokens = tokenize.generate_tokens(iter(code.splitlines(keepends=True)).__next__)
    full = {n for one in tokens if one.type not in empty for n in range(one.start[0], one.end[0] + 1)}
    return Counter(sort for number, sort in found.items() if number in full)


def _sort(body: list[ast.stmt], found: dict[int, Sort], checking: bool) -> None:
    """Put the sort of every line of `body` into `found`; all of them check where `checking`."""
    for node in body:
        if _is_text(node) or isinstance(node, ast.Import | ast.ImportFrom):
            continue
        inside = [part for field in ("body", "orelse", "finalbody") for part in getattr(node, field, [])]
        inside += [part for handler in getattr(node, "handlers", []) for part in handler.body]
        start = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", []))])
        own: Sort = "checking" if checking or _checks(node, inside) else "computing"
        if isinstance(node, AllFunctions | ast.ClassDef) or (isinstance(node, ast.AnnAssign) and node.value is None):
            own = "declaring"
        found |= dict.fromkeys(range(start, (node.end_lineno or start) + 1), own)
        for part in inside:
            found |= {n: own for n in range(part.lineno, (part.end_lineno or part.lineno) + 1)}
        if inside:
            named = isinstance(node, AllFunctions) and bool(CHECK.match(node.name))
            for number in (n for part in inside for n in range(part.lineno, (part.end_lineno or part.lineno) + 1)):
                found.pop(number, None)
            _sort(inside, found, checking or named)


def _checks(node: ast.stmt, inside: list[ast.stmt]) -> bool:
    if inside:
        return isinstance(node, ast.If | ast.For | ast.With) and all(_checks(part, []) for part in inside)
    return any(is_check(part) for part in ast.walk(node))


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def share(counts: Counter[Sort]) -> float:
    """The share of computing lines among those that compute or check."""
    return counts["computing"] / (counts["computing"] + counts["checking"])


def equation_lines() -> dict[str, Counter[Sort]]:
    """`sorts` of each of `EQUATIONS`."""
    return {name: sorts((ROOT / "lifting" / f"{name}.py").read_text()) for name in EQUATIONS}
