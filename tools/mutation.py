"""Mutation testing of the equation modules: each is changed in one small place, and its tests must notice.

    pip install -c constraints.txt -e '.[test,mutation]'
    python tools/mutation.py                  # about an hour and a half on two cores; goes on where it was interrupted
    python tools/mutation.py camera belief    # some modules
    python tools/mutation.py --report         # write docs/mutation.md from what docs/mutation.json holds

mutmut makes the mutants (`a + b` becomes `a - b`, `<` becomes `<=`, a constant changes, an argument is left out, a text
gets other letters). It can't run the tests here: its workers are forked when torch has run, and a part of them dies. So
this script copies the project to a temporary folder, and forks a process for each mutant from one that has imported
torch but never run it. A mutant is **killed** where a test fails, **survives** where all pass, and counts as killed by
the clock where they take longer than two minutes. What survives is listed in docs/mutation.md, with the reason that
docs/mutation.toml gives for it, if it has one.
"""

import argparse
import ast
import contextlib
import difflib
import hashlib
import importlib
import json
import os
import shutil
import signal
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS, REASONS, REPORT = (ROOT / "docs" / f"mutation.{ending}" for ending in ("json", "toml", "md"))
TESTS = {
    "camera": ["test_camera", "test_solve", "test_front"],
    "solve": ["test_solve", "test_search", "test_front", "test_landmark_gradient"],
    "landmark_gradient": ["test_landmark_gradient", "test_layer"],
    "belief": ["test_belief", "test_layer"],
    "layer": ["test_layer"],
}
"""The test files of each module, its own first."""
COPIED = ("lifting", "tests", "data", "docs", "tools", "benchmarks", "notebooks", "pyproject.toml", "README.md")
PRELOADED = ("numpy", "scipy.linalg", "scipy.optimize", "scipy.special", "torch", "array_api_compat.torch", "jaxtyping",
             "matplotlib", "hypothesis", "lifting", "lifting.layer", "lifting.checking.gradient_check")  # fmt: skip
OPTIONS = ("-x", "-q", "--hypothesis-profile=mutation", "-W", "ignore::pytest.PytestAssertRewriteWarning",
           *(f"-pno:{plugin}" for plugin in ("cacheprovider", "xdist", "nbval")))  # fmt: skip
SECONDS = 120


def main() -> None:
    """Read the command line, test the mutants that have no result yet, write results and report."""
    parser = argparse.ArgumentParser(description="mutation testing of the equation modules")
    parser.add_argument("modules", nargs="*", help=", ".join(TESTS))
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="tests that run at a time")
    parser.add_argument("--report", action="store_true", help="only write the report")
    arguments = parser.parse_args()
    if unknown := sorted({*arguments.modules} - {*TESTS}):
        parser.error(f"modules: got {', '.join(unknown)}, expected some of {', '.join(TESTS)}")
    if not arguments.report:
        with tempfile.TemporaryDirectory() as folder:
            test_all(arguments.modules or list(TESTS), Path(folder), arguments.processes)
    write(REPORT, report())


def test_all(modules: list[str], folder: Path, processes: int) -> None:
    """Test the mutants of `modules` in a copy of the project, and keep what came out."""
    for name in COPIED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    waiting = []
    for module in modules:
        mutants, key = mutate(module, folder)
        known = still_known(results.get(module, {}), key)
        results[module] = key | {"mutants": known}
        waiting += [(module, name, change) for name, change in mutants.items() if name not in known]
    preload(folder)
    start = time.monotonic()
    for done, (module, name, change, outcome) in enumerate(run(waiting, folder, processes), start=1):
        results[module]["mutants"][name] = {"outcome": outcome, "change": change}
        if done % 20 == 0 or done == len(waiting):
            write(RESULTS, json.dumps(results, indent=1) + "\n")
        print(f"\r{done} of {len(waiting)} mutants, {time.monotonic() - start:.0f} s", end="", flush=True)
    print()


def still_known(before: dict[str, Any], key: dict[str, Any]) -> dict[str, Any]:
    """Which results still hold: of functions that are as they were; where tests have changed, what was killed."""
    same_tests = before.get("tests") == key["tests"]
    old, new = before.get("functions", {}), key["functions"]
    return {
        name: mutant
        for name, mutant in before.get("mutants", {}).items()
        if (function := name.rpartition("__mutmut_")[0]) in new
        and old.get(function) == new[function]
        and (same_tests or mutant["outcome"] != "survived")
    }


def mutate(module: str, folder: Path) -> tuple[dict[str, str], dict[str, Any]]:
    """Put all mutants of a module into its copy: the change of each by its name, and hashes of functions and tests."""
    from mutmut.mutation.file_mutation import mutate_file_contents

    path = folder / "lifting" / f"{module}.py"
    code = path.read_text()
    mutated = mutate_file_contents(str(path), code)
    path.write_text(mutated.code)
    tests = "".join((folder / "tests" / f"{name}.py").read_text() for name in TESTS[module])
    functions = {node.name: text(node) for node in ast.walk(ast.parse(path.read_text()))
                 if isinstance(node, ast.FunctionDef)}  # fmt: skip
    changes = {
        f"lifting.{module}.{name}": difference(functions[f"{name.rpartition('__mutmut_')[0]}__mutmut_orig"], body)
        for name, body in functions.items()
        if "__mutmut_" in name and not name.endswith("_orig")
    }
    originals = {f"lifting.{module}.{name.rpartition('__mutmut_')[0]}": sha(body)
                 for name, body in functions.items() if name.endswith("__mutmut_orig")}  # fmt: skip
    return changes, {"functions": originals, "tests": sha(tests), "made": len(changes)}


def text(function: ast.FunctionDef) -> str:
    """A function's arguments and body."""
    return ast.unparse(function.args) + "\n" + ast.unparse(ast.Module(function.body, []))


def difference(before: str, after: str) -> str:
    """The lines that differ, as `- old` and `+ new`."""
    lines = list(difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm=""))[2:]
    return "\n".join(f"{line[0]} {line[1:].strip()}" for line in lines if line[0] in "+-")


def preload(folder: Path) -> None:
    """Import what every test imports, with the copy in the place of the package."""
    os.chdir(folder)
    sys.path[:0] = [str(folder)]
    sys.dont_write_bytecode = False
    for name in PRELOADED:
        importlib.import_module(name)
    where = Path(sys.modules["lifting"].__file__ or "").resolve()
    if folder.resolve() not in where.parents:
        raise RuntimeError(f"lifting: got {where}, expected the copy in {folder}")


def run(waiting: list[tuple[str, str, str]], folder: Path, processes: int) -> Iterator[tuple[str, str, str, str]]:
    """Test mutants, some at a time: each with its outcome, as it comes."""
    for module in {module for module, *_ in waiting}:
        if outcome_of(os.waitpid(fork(module, "", folder), 0)[1]) != "survived":
            raise RuntimeError(f"the tests of {module} fail without a mutant")
    running: dict[int, tuple[str, str, str]] = {}
    queue = list(reversed(waiting))
    while queue or running:
        while queue and len(running) < processes:
            mutant = queue.pop()
            running[fork(mutant[0], mutant[1], folder)] = mutant
        process, status = os.wait()
        yield *running.pop(process), outcome_of(status)


def fork(module: str, mutant: str, folder: Path) -> int:
    """A process that runs the tests of `module` with one mutant in place: its number."""
    process = os.fork()
    if process:
        return process
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(SECONDS)
    os.environ["MUTANT_UNDER_TEST"] = mutant
    code = 1
    with contextlib.suppress(BaseException):
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        code = run_tests(TESTS[module][:1]) or run_tests(TESTS[module][1:])
    os._exit(code)


def run_tests(names: list[str]) -> int:
    """Run some test files until the first failure, which hypothesis need not make smaller: its exit status."""
    import pytest
    from hypothesis import Phase, settings

    phases = (Phase.explicit, Phase.generate)
    settings.register_profile("mutation", deadline=None, derandomize=True, database=None, phases=phases)
    return int(pytest.main([*OPTIONS, *(f"tests/{name}.py" for name in names)])) if names else 0


def outcome_of(status: int) -> str:
    """What the end of a process says."""
    if os.WIFSIGNALED(status):
        return "clock" if os.WTERMSIG(status) == signal.SIGALRM else "killed"
    return "survived" if os.WEXITSTATUS(status) == 0 else "killed"


def report() -> str:
    """The text of docs/mutation.md: scores, and every survivor with its reason."""
    results = json.loads(RESULTS.read_text())
    reasons = {name: entry["why"] for entry in tomllib.loads(REASONS.read_text()).get("survivor", [])
               for name in entry["mutants"]} if REASONS.exists() else {}  # fmt: skip
    rows: list[tuple[str, int, int, int, int]] = []
    survivors: list[tuple[str, str, str]] = []
    for module in [name for name in TESTS if name in results]:
        outcomes = results[module]["mutants"]
        left = {name: m["change"] for name, m in outcomes.items() if m["outcome"] == "survived"}
        rows.append((module, results[module]["made"], len(outcomes), len(left), sum(name in reasons for name in left)))
        survivors += [(name, change, reasons.get(name, "**no reason given**")) for name, change in left.items()]
    rows.append(("**all**", *(sum(column) for column in list(zip(*rows, strict=True))[1:])))
    table = "\n".join(
        f"| {name} | {made} | {total} | {total - left} | {f'{1 - left / total:.1%}' if total else '-'} "
        f"| {known} | {left - known} |"
        for name, made, total, left, known in rows
    )
    grouped: dict[str, list[tuple[str, str]]] = {}
    for name, change, why in survivors:
        grouped.setdefault(why, []).append((name, change))
    listing = "\n\n".join(
        f"**{len(group)}:** {why}\n\n```diff\n" + "\n".join(f"# {name}\n{change}" for name, change in group) + "\n```"
        for why, group in grouped.items()
    )
    return f"""# Mutation testing of the equation modules

Made by `python tools/mutation.py`, which says how; the outcome of each mutant is in [mutation.json](mutation.json).
Decorated functions and methods are not mutated; the layer's passes are plain functions that its methods call.

The score is that of the mutants that were tested; where those are fewer than there are, the others have yet to be.

| module | mutants | tested | killed | score | survive with a reason | survive without |
|---|---|---|---|---|---|---|
{table}

## What survives

{listing or "Nothing."}
"""


def write(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    temporary = path.with_name(f".{path.name}")
    temporary.write_text(text)
    temporary.replace(path)


def sha(text: str) -> str:
    """A short hash."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


if __name__ == "__main__":
    main()
