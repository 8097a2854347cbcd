"""Mutants of a module: its code with every small change in it, and which of them change an equation, which a check.

mutmut makes the changes: `a + b` becomes `a - b`, `<` becomes `<=`, a constant changes, an argument is left out, a text
gets other letters. It leaves decorated functions alone. Those that are decorated by `DECORATORS` alone are given to it
undecorated, and every one of their mutants is decorated afterwards.

A change is one of a **check** where it lies

- in a call of a function whose name begins with check, fail, refuse or require, with or without an underscore before,
- in a `raise` or `assert`,
- in the head of an `if`, `for` or `with` that has nothing but these in its body,
- or in a function that itself has such a name.

All others change an **equation**.
"""

import ast
import difflib
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["equation", "check"]
Function = ast.FunctionDef
KINDS: tuple[Kind, ...] = ("equation", "check")
CHECK = re.compile(r"_?(check|fail|refuse|require)(d?$|_)")
DECORATORS = {"checked", "cache", "functools.cache", "lru_cache", "functools.lru_cache"}
AGAIN = """

def _decorate_again(function, name, mutants, *decorators):
    for key, mutant in mutants.items():
        mangled, mutant.__name__ = mutant.__name__, name
        for decorator in decorators:
            mutant = decorator(mutant)
        mutant.__name__ = mangled
        mutants[key] = mutant
    if hasattr(mutants["_mutmut_orig"], "cache_clear"):
        function.cache_clear = lambda: [mutant.cache_clear() for mutant in mutants.values()]


"""


@dataclass(frozen=True)
class Mutant:
    """One change: of which kind, and as the lines that differ."""

    name: str
    """As mutmut counts it, such as "lifting.camera.x_rotation__mutmut_3"."""
    kind: Kind
    change: str

    @property
    def function(self) -> str:
        """The function that is changed, such as "lifting.camera.x_rotation"."""
        return self.name.rpartition("__mutmut_")[0]

    @property
    def module(self) -> str:
        """The module, such as "camera"."""
        return self.name.split(".")[1]


@dataclass(frozen=True)
class Mutated:
    """A module with all its mutants in it."""

    code: str
    mutants: tuple[Mutant, ...]
    hashes: dict[str, str]
    """A hash of each function that has mutants, by name."""


def mutate(module: str, code: str) -> Mutated:
    """All mutants of `code`, the text of lifting/<module>.py."""
    from mutmut.mutation.file_mutation import mutate_file_contents

    plain, decorated = undecorated(code)
    made = mutate_file_contents(f"lifting/{module}.py", plain).code
    functions = {node.name: node for node in ast.walk(ast.parse(made)) if isinstance(node, Function)}
    mutants, hashes = [], {}
    for name, function in functions.items():
        stem, mark, number = name.rpartition("__mutmut_")
        original = functions.get(f"{stem}__mutmut_orig")
        if not mark or original is None:
            continue
        if number == "orig":
            hashes[f"lifting.{module}.{stem}"] = sha(text(function))
        else:
            kind = kind_of(original, function, re.split("x_|ǁ", stem)[-1])
            mutants.append(Mutant(f"lifting.{module}.{name}", kind, difference(text(original), text(function))))
    return Mutated(made + decorate_again(made, decorated), tuple(mutants), hashes)


def undecorated(code: str) -> tuple[str, list[tuple[str, str, list[str]]]]:
    """`code` without `DECORATORS`, and what was decorated: class or "", function, its decorators from inside out."""
    lines, found = code.splitlines(keepends=True), []
    for owner, function in _functions(ast.parse(code)):
        names = [ast.unparse(one.func if isinstance(one, ast.Call) else one) for one in function.decorator_list]
        if names and set(names) <= DECORATORS:
            found.append((owner, function.name, [ast.unparse(one) for one in reversed(function.decorator_list)]))
            for number in range(function.decorator_list[0].lineno - 1, function.lineno - 1):
                lines[number] = "\n"
    return "".join(lines), found


def decorate_again(made: str, decorated: list[tuple[str, str, list[str]]]) -> str:
    """What to add to a module with mutants, so that they are decorated as their originals were."""
    calls = []
    for owner, name, decorators in decorated:
        stem = f"xǁ{owner}ǁ{name}" if owner else f"x_{name}"
        function = f"{owner}.{name}" if owner else name
        if f"mutants_{stem}__mutmut: " in made:
            calls.append(f'_decorate_again({function}, "{name}", mutants_{stem}__mutmut, {", ".join(decorators)})')
        else:
            calls += [f"{function} = {decorator}({function})" for decorator in decorators]
    return AGAIN + "\n".join(calls) + "\n" if calls else ""


def _functions(tree: ast.Module) -> Iterator[tuple[str, Function]]:
    for node in tree.body:
        if isinstance(node, Function):
            yield "", node
        elif isinstance(node, ast.ClassDef):
            yield from ((node.name, part) for part in node.body if isinstance(part, Function))


def kind_of(original: Function, mutant: Function, name: str) -> Kind:
    """Whether a mutant changes an equation or a check; the rule is at the top of this module."""
    if CHECK.match(name):
        return "check"
    path = path_to_change(original, mutant)
    for node, below in zip(path, [*path[1:], None], strict=True):
        if is_check(node) or (isinstance(node, ast.If | ast.For | ast.With) and is_guard(node, below)):
            return "check"
    return "equation"


def is_guard(node: ast.If | ast.For | ast.With, below: ast.AST | None) -> bool:
    """Whether `below` lies in the head of a statement that has nothing but checks in its body."""
    inside = [*node.body, *getattr(node, "orelse", [])]
    return below is not None and below not in inside and all(is_check(part) for part in node.body)


def is_check(node: ast.AST) -> bool:
    """Whether `node` is a call of a check, or a statement that raises, asserts or does nothing but call one."""
    if isinstance(node, ast.Expr):
        return is_check(node.value)
    if isinstance(node, ast.Call):
        return bool(CHECK.match(ast.unparse(node.func).rpartition(".")[2]))
    return isinstance(node, ast.Raise | ast.Assert)


def path_to_change(original: ast.AST, mutant: ast.AST) -> list[ast.AST]:
    """The nodes of `original` that hold the whole change, each in the one before."""
    path = [original]
    while True:
        different = [pair for pair in _children(original, mutant) if not _same(*pair)]
        if len(different) != 1 or not isinstance(different[0][0], ast.AST):
            return path
        (original, mutant) = different[0]
        path.append(original)
        if type(original) is not type(mutant):
            return path


def _children(original: ast.AST, mutant: ast.AST) -> Iterator[tuple]:
    for field in original._fields:
        if field in ("name", "decorator_list") and isinstance(original, Function):
            continue
        one, other = getattr(original, field, None), getattr(mutant, field, None)
        if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
            yield from zip(one, other, strict=True)
        else:
            yield one, other


def _same(one: object, other: object) -> bool:
    if isinstance(one, ast.AST) and isinstance(other, ast.AST):
        return ast.dump(one) == ast.dump(other)
    return type(one) is type(other) and not isinstance(one, list) and one == other


def text(function: Function) -> str:
    """A function's arguments and body."""
    return ast.unparse(function.args) + "\n" + ast.unparse(ast.Module(function.body, []))


def difference(before: str, after: str) -> str:
    """The lines that differ, as `- old` and `+ new`."""
    lines = list(difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm=""))[2:]
    return "\n".join(f"{line[0]} {line[1:].strip()}" for line in lines if line[0] in "+-")


def sha(text: str) -> str:
    """A short hash."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]
