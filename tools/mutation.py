"""Mutation testing of the equation modules: each is changed in one small place, and its tests must notice.

    pip install -c constraints.txt -e '.[test,mutation]'
    python tools/mutation.py                             # goes on where it was interrupted
    python tools/mutation.py --modules camera belief     # some modules
    python tools/mutation.py --sample 500 --seed 1       # some mutants, drawn at random
    python tools/mutation.py --report                    # only write docs/mutation.md, from docs/mutation.json

tools/mutants.py says what the mutants are, and which change an equation and which a check; tools/mutation_runner.py how
they are tested. mutmut's own runner can't be used: its workers are forked when torch has run, and a part of them dies.

A mutant is **killed** where a test fails, **survives** where all pass, and counts as killed by the clock where a test
takes 30 seconds longer than ten times its time. What comes out is kept in .mutation/, mutant by mutant, and in
docs/mutation.json, function by function with the survivors; docs/mutation.md lists these with the reasons that
docs/mutation.toml gives for them.
"""

import importlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import tyro
from mutants import KINDS, Kind, Mutant, Mutated, mutate, sha
from scipy.stats import binomtest

from lifting.support.files import write_atomically
from lifting.support.templates import render

ROOT = Path(__file__).resolve().parent.parent
RESULTS, REASONS, REPORT = (ROOT / "docs" / f"mutation.{ending}" for ending in ("json", "toml", "md"))
CACHE = ROOT / ".mutation" / "outcomes.json"
TESTS = {
    "camera": ["test_camera", "test_solve", "test_front"],
    "turned": ["test_turned", "test_search", "test_solve", "test_front", "test_landmark_gradient"],
    "solve": ["test_solve", "test_search", "test_front", "test_landmark_gradient"],
    "landmark_gradient": ["test_landmark_gradient", "test_layer"],
    "belief": ["test_belief", "test_between_pixels", "test_layer"],
    "updating": ["test_updating", "test_layer"],
    "layer": ["test_layer", "test_between_pixels"],
}
"""The test files of each module, its own first."""
COPIED = ("lifting", "tests", "data", "docs", "tools", "benchmarks", "notebooks", "pyproject.toml", "README.md",
          "Makefile")  # fmt: skip
OPTIONS = ("-q", "-s", "-W", "ignore::pytest.PytestAssertRewriteWarning",
           *(f"-pno:{plugin}" for plugin in ("cacheprovider", "xdist", "nbval")))  # fmt: skip

Outcomes = dict[str, str]
"""What became of mutants, by name: killed, clock or survived."""


@dataclass(frozen=True)
class Options:
    """Test the mutants that have no result yet, write results and report."""

    modules: tuple[Literal["camera", "turned", "solve", "landmark_gradient", "belief", "updating", "layer"], ...] = ()
    """some modules; all where left out"""
    processes: int = os.cpu_count() or 1
    """mutants that are tested at a time"""
    sample: int = 0
    """test as many mutants, drawn at random; 0 tests all"""
    seed: int = 0
    """of the sample"""
    report: bool = False
    """only write the report"""


def main(options: Options) -> None:
    """Do what the command line asks for."""
    if not options.report:
        with tempfile.TemporaryDirectory() as folder:
            test_all(options, Path(folder))
        # in a process of its own: the package of this one was the copy, which is gone
        subprocess.run([sys.executable, __file__, "--report"], cwd=ROOT, check=True)
        return
    write_atomically(REPORT, report(read(RESULTS)).encode())


def modules() -> list[str]:
    """The modules to mutate that there are."""
    return [module for module in TESTS if (ROOT / "lifting" / f"{module}.py").exists()]


def test_all(options: Options, folder: Path) -> None:
    """Test mutants in a copy of the project, and keep what comes out."""
    for name in COPIED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    made = {module: mutate(module, (ROOT / "lifting" / f"{module}.py").read_text()) for module in modules()}
    for module, mutated in made.items():
        (folder / "lifting" / f"{module}.py").write_text(mutated.code)
    before, cache = read(RESULTS).get("modules", {}), read(CACHE)
    keys = {module: hash_of_tests(module) for module in made}
    known = {module: still_known(made[module], keys[module], before.get(module, {}), cache) for module in made}
    asked = [mutant for module in options.modules or made for mutant in made[module].mutants]
    if options.sample:
        drawn = {m.name for m in random.Random(options.seed).sample(asked, min(options.sample, len(asked)))}
        asked = [mutant for mutant in asked if mutant.name in drawn]
        known = {module: {n: o for n, o in outcomes.items() if n in drawn} for module, outcomes in known.items()}
    waiting = [m for kind in KINDS for m in asked if m.kind == kind and m.name not in known[m.module]]

    def done(mutant: Mutant, outcome: str) -> None:
        known[mutant.module][mutant.name] = outcome
        cache[mutant.name] = [made[mutant.module].hashes[mutant.function], keys[mutant.module], outcome]
        write_atomically(CACHE, json.dumps(cache).encode())

    if waiting:
        CACHE.parent.mkdir(exist_ok=True)
        run(waiting, folder, options.processes, done)
    results = {
        "sample": {"size": options.sample, "seed": options.seed} if options.sample else None,
        "modules": {module: summary(made[module], keys[module], known[module]) for module in made},
    }
    write_atomically(RESULTS, as_text(results).encode())


def still_known(mutated: Mutated, tests: str, before: Mapping[str, Any], cache: Mapping[str, Any]) -> Outcomes:
    """Which outcomes still hold: of functions that are as they were; where tests have changed, what was killed.

    Args:
        mutated: a module and its mutants.
        tests: the hash of its test files.
        before: what docs/mutation.json says of the module.
        cache: by mutant the hashes of function and tests, and the outcome.
    """
    found = {}
    for mutant in mutated.mutants:
        function = before.get("functions", {}).get(mutant.function)
        if function and all(made == tested for made, tested in (function[kind] for kind in KINDS)):
            outcome = "survived" if mutant.name in before["survivors"] else "killed"
            found[mutant.name] = [function["hash"], before["tests"], outcome]
    found |= {name: entry for name, entry in cache.items() if name in {mutant.name for mutant in mutated.mutants}}
    return {
        name: outcome
        for name, (function_hash, tests_hash, outcome) in found.items()
        if function_hash == mutated.hashes[name.rpartition("__mutmut_")[0]]
        and (tests_hash == tests or outcome != "survived")
    }


def summary(mutated: Mutated, tests: str, outcomes: Outcomes) -> dict[str, Any]:
    """What docs/mutation.json says of a module: for each function how many were made and tested; the survivors."""
    functions: dict[str, Any] = {name: {"hash": sha} | {kind: [0, 0] for kind in KINDS}
                                 for name, sha in mutated.hashes.items()}  # fmt: skip
    for mutant in mutated.mutants:
        counts = functions[mutant.function][mutant.kind]
        counts[0] += 1
        counts[1] += mutant.name in outcomes
    survivors = {mutant.name: {"kind": mutant.kind, "change": mutant.change}
                 for mutant in mutated.mutants if outcomes.get(mutant.name) == "survived"}  # fmt: skip
    return {"tests": tests, "functions": functions, "survivors": survivors}


def run(waiting: Sequence[Mutant], folder: Path, processes: int, done: Callable[[Mutant, str], object]) -> None:
    """Test the mutants `waiting`; `done` is called with each and its outcome, as it comes."""
    preload(folder)
    import pytest
    from mutation_runner import Runner, Trial

    files = {module: test_files(module) for module in dict.fromkeys(mutant.module for mutant in waiting)}
    begun, outcomes = time.monotonic(), Counter[str]()

    def report_one(trial: Trial) -> None:
        outcomes[trial.outcome] += 1
        done(trial.mutant, trial.outcome)
        counts = ", ".join(f"{n} {outcome}" for outcome, n in sorted(outcomes.items()))
        so_far = f"{outcomes.total()} of {len(waiting)} mutants, {time.monotonic() - begun:.0f} s: {counts} "
        print(f"\r{so_far}", end="", file=sys.stderr, flush=True)

    paths = dict.fromkeys(f"tests/{name}.py" for names in files.values() for name in names)
    status = pytest.main([*OPTIONS, f"--basetemp={folder / 'temporary'}", *paths],
                         [Runner(waiting, files, processes, CACHE.with_name("tests.json"), report_one)])  # fmt: skip
    print(file=sys.stderr)
    if status or outcomes.total() < len(waiting):
        sys.exit("the tests can't be collected, or fail without a mutant: see above")


def test_files(module: str) -> list[str]:
    """The names of the test files of a module that there are, its own first."""
    return [name for name in TESTS[module] if (ROOT / "tests" / f"{name}.py").exists()]


def hash_of_tests(module: str) -> str:
    """A short hash of a module's test files."""
    return sha("".join((ROOT / "tests" / f"{name}.py").read_text() for name in test_files(module)))


def preload(folder: Path) -> None:
    """Go to the copy of the project and import the package from there."""
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ["MUTANT_UNDER_TEST"] = ""
    os.chdir(folder)
    sys.path[:0] = [str(folder)]
    for name in [name for name in sys.modules if name.partition(".")[0] == "lifting"]:
        del sys.modules[name]
    where = Path(importlib.import_module("lifting").__file__ or "").resolve()
    if folder.resolve() not in where.parents:
        raise RuntimeError(f"lifting: got {where}, expected the copy in {folder}")
    importlib.import_module("torch").set_num_threads(1)


def scores(results: Mapping[str, Any]) -> dict[Kind, tuple[int, int, int]]:
    """For each kind how many mutants were made, tested and killed."""
    found: dict[Kind, tuple[int, int, int]] = {}
    for kind in KINDS:
        counts = [count(module, kind) for module in results["modules"].values()]
        made, tested, killed = (sum(column) for column in zip(*counts, strict=True))
        found[kind] = made, tested, killed
    return found


def count(module: Mapping[str, Any], kind: Kind) -> tuple[int, int, int]:
    """How many mutants of a kind were made, tested and killed in a module."""
    made, tested = (sum(f[kind][i] for f in module["functions"].values()) for i in (0, 1))
    return made, tested, tested - sum(one["kind"] == kind for one in module["survivors"].values())


def score(made: int, tested: int, killed: int) -> str:
    """The share that was killed, with its 95 % interval where not all were tested."""
    if not tested:
        return "-"
    words = f"{killed / tested:.1%}"
    if tested < made:
        low, high = binomtest(killed, tested).proportion_ci()
        words += f" ({low:.1%} to {high:.1%})"
    return words


def report(results: Mapping[str, Any]) -> str:
    """The text of docs/mutation.md: scores, and every survivor with its reason."""
    listed = tomllib.loads(REASONS.read_text()).get("survivor", []) if REASONS.exists() else []
    reasons = {name: entry["why"] for entry in listed for name in entry["mutants"]}
    rows = {name: [count(module, kind) for kind in KINDS] for name, module in results["modules"].items()}
    rows["**all**"] = list(scores(results).values())
    grouped: dict[str, list[str]] = {}
    for module in results["modules"].values():
        for name, one in module["survivors"].items():
            why = reasons.get(name, "**no reason given**")
            grouped.setdefault(why, []).append(f"# {name} ({one['kind']})\n{one['change']}")
    return render(
        "mutation",
        "mutation.md.j2",
        rows={name: [(*counts, score(*counts)) for counts in row] for name, row in rows.items()},
        sample=results["sample"],
        complete=all(made == tested for made, tested, _ in scores(results).values()),
        grouped=grouped,
    )


def as_text(results: Mapping[str, Any]) -> str:
    """The text of docs/mutation.json: a function or survivor a line."""
    modules = []
    for name, module in results["modules"].items():
        parts = [f'"tests": {json.dumps(module["tests"])}']
        for part in ("functions", "survivors"):
            lines = [f"   {json.dumps(key)}: {json.dumps(value)}" for key, value in module[part].items()]
            parts.append(f'"{part}": {{\n' + ",\n".join(lines) + "\n  }")
        modules.append(f"  {json.dumps(name)}: {{\n  " + ",\n  ".join(parts) + "\n  }")
    return f'{{\n "sample": {json.dumps(results["sample"])},\n "modules": {{\n' + ",\n".join(modules) + "\n }\n}\n"


def read(path: Path) -> dict[str, Any]:
    """What a JSON file holds; nothing where there is none."""
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return found


if __name__ == "__main__":
    main(tyro.cli(Options))
