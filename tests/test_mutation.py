"""Mutation testing: its report is that of its results, every survivor has a reason, and it does what it says.

What makes and runs mutants needs the extra `mutation`; without it those tests are skipped.
"""

import ast
import functools
import json
import os
import subprocess
import sys
import types
from pathlib import Path
from textwrap import indent

import mutants
import mutation
import pytest
from mutants import Mutant, Mutated

RESULTS = mutation.read(mutation.RESULTS)


def test_the_report_is_made_of_the_results():
    assert mutation.REPORT.read_text() == mutation.report(RESULTS)


def test_the_scores_are_as_wanted_and_every_survivor_has_a_reason():
    assert set(RESULTS["modules"]) <= set(mutation.TESTS)
    scores = mutation.scores(RESULTS)
    for kind, least in (("equation", 0.98), ("check", 0.9)):
        made, tested, killed = scores[kind]
        assert made >= tested >= 30 and killed >= least * tested
    assert "no reason given" not in mutation.REPORT.read_text()


def test_results_are_written_a_function_a_line_and_read_back():
    text = mutation.as_text(RESULTS)
    assert text == mutation.RESULTS.read_text()
    assert max(map(len, text.splitlines())) < 2000 and len(text.splitlines()) < 500


# ---- equation or check ----


@pytest.mark.parametrize(
    ("code", "other", "kind"),
    [
        ("return a + b", "return a - b", "equation"),
        ("x = check_array('x', x, 'L')", "x = check_array('x', x)", "check"),
        ("x = check_array('x', x, 'L')", "x = None", "check"),
        ("x, y = like(_check_y('y', y), x), x + 1", "x, y = like(_check_y('Y', y), x), x + 1", "check"),
        ("x, y = like(_check_y('y', y), x), x + 1", "x, y = like(_check_y('y', y), x), x - 1", "equation"),
        ("refuse('x', x < 0, 'negative')", "refuse('x', x <= 0, 'negative')", "check"),
        ("if x < 0:\n  fail('x', x, 'positive')", "if x <= 0:\n  fail('x', x, 'positive')", "check"),
        ("if x < 0:\n  raise ValueError('no')", "if x < 1:\n  raise ValueError('no')", "check"),
        ("if x < 0:\n  raise ValueError('no')", "if x < 0:\n  raise ValueError(None)", "check"),
        ("if x < 0:\n  x = -x\n  fail('x')", "if x <= 0:\n  x = -x\n  fail('x')", "equation"),
        ("if x < 0:\n  fail('x')\nelse:\n  x = 1", "if x < 0:\n  fail('x')\nelse:\n  x = 2", "equation"),
        ("for n in ('x', 'y'):\n  check(n)", "for n in ('X', 'y'):\n  check(n)", "check"),
        ("assert x > 0", "assert x >= 0", "check"),
        ("y = unchecked(x)", "y = unchecked(None)", "equation"),
        ("y = self.prior.check(x)", "y = self.prior.check(None)", "check"),
        ("return failure(x, 1)", "return failure(x, 2)", "equation"),
    ],
)
def test_a_change_is_one_of_an_equation_or_of_a_check(code, other, kind):
    original, mutant = (ast.parse(f"def f(x):\n{indent(text, ' ')}").body[0] for text in (code, other))
    assert mutants.kind_of(original, mutant, "f") == kind
    assert mutants.kind_of(original, mutant, "_check_x") == "check"


# ---- making mutants ----

TOY = '''
"""A made-up module."""
from functools import lru_cache

from somewhere import checked


@checked
def double(x, factor=2):
    """Twice x."""
    return x * factor


class Pair:
    @checked
    def first(self):
        return 1 + 0


@lru_cache(maxsize=1)
def constant():
    return 5


@property
def untouched(x):
    return x + 1


@checked
def nothing(x): ...
'''


@pytest.fixture
def toy(monkeypatch):
    """The module TOY with its mutants in it: the module, what was made, and what the decorator saw."""
    pytest.importorskip("mutmut")
    seen = []

    def checked(function):
        @functools.wraps(function)
        def call(*args, **kwargs):
            seen.append((function.__name__, args[-1:]))
            return function(*args, **kwargs)

        return call

    made = mutants.mutate("toy", TOY)
    namespace = {"__name__": "lifting.toy", "checked": checked}
    exec(made.code.replace("from somewhere import checked", ""), namespace)
    monkeypatch.setenv("MUTANT_UNDER_TEST", "")
    return types.SimpleNamespace(**namespace), made, seen


def test_decorated_functions_have_mutants_and_others_none(toy):
    _, made, _ = toy
    assert {mutant.function for mutant in made.mutants} == set(made.hashes)
    assert set(made.hashes) == {"lifting.toy.x_double", "lifting.toy.xǁPairǁfirst", "lifting.toy.x_constant"}
    assert {(mutant.module, mutant.kind) for mutant in made.mutants} == {("toy", "equation")}


def test_without_a_mutant_all_is_as_it_was(toy):
    module, _, seen = toy
    assert (module.double(3), module.Pair().first(), module.constant()) == (6, 1, 5)
    assert seen == [("double", (3,)), ("first", (seen[1][1][0],))]


def test_every_mutant_is_decorated_and_does_what_it_says(toy, monkeypatch):
    module, made, seen = toy
    found = {}
    for mutant in made.mutants:
        monkeypatch.setenv("MUTANT_UNDER_TEST", mutant.name)
        module.constant.cache_clear()
        found[mutant.change] = module.double(3), module.Pair().first(), module.constant()
    assert found["- return x * factor\n+ return x / factor"] == (1.5, 1, 5)
    assert found["- x, factor=2\n+ x, factor=3"] == (9, 1, 5)
    assert found["- return 1 + 0\n+ return 1 - 0"] == (6, 1, 5)
    assert found["- return 1 + 0\n+ return 2 + 0"] == (6, 2, 5)
    assert found["- return 5\n+ return 6"] == (6, 1, 6)
    assert {name for name, _ in seen} == {"double", "first"} and len(seen) == 2 * len(made.mutants)


# ---- going on ----


def made_up(*names):
    kinds = dict(zip(names, ("equation", "check") * len(names), strict=False))
    return Mutated("", tuple(Mutant(f"lifting.m.x_{name}", kinds[name], "- a\n+ b") for name in names),
                   {f"lifting.m.x_{name.partition('__')[0]}": "1" for name in names})  # fmt: skip


MADE = made_up("a__mutmut_1", "a__mutmut_2", "b__mutmut_1")
KILLED, SURVIVED, OTHER = (mutant.name for mutant in MADE.mutants)


def test_a_summary_is_enough_to_go_on_from():
    outcomes = {KILLED: "killed", SURVIVED: "survived"}
    summary = mutation.summary(MADE, "t", outcomes)
    assert summary["functions"]["lifting.m.x_a"] == {"hash": "1", "equation": [1, 1], "check": [1, 1]}
    assert summary["functions"]["lifting.m.x_b"] == {"hash": "1", "equation": [1, 0], "check": [0, 0]}
    assert summary["survivors"] == {SURVIVED: {"kind": "check", "change": "- a\n+ b"}}
    assert mutation.still_known(MADE, "t", summary, {}) == outcomes
    assert mutation.still_known(MADE, "t", {}, {}) == {}


def test_where_tests_have_changed_what_was_killed_still_holds():
    summary = mutation.summary(MADE, "t", {KILLED: "killed", SURVIVED: "survived"})
    assert mutation.still_known(MADE, "u", summary, {}) == {KILLED: "killed"}


def test_where_a_function_has_changed_nothing_holds():
    summary = mutation.summary(MADE, "t", {mutant.name: "killed" for mutant in MADE.mutants})
    summary["functions"]["lifting.m.x_a"]["hash"] = "2"
    assert mutation.still_known(MADE, "t", summary, {}) == {OTHER: "killed"}


def test_the_cache_knows_mutants_one_by_one():
    cache = {KILLED: ["1", "u", "clock"], SURVIVED: ["1", "u", "survived"], OTHER: ["2", "t", "killed"]}
    assert mutation.still_known(MADE, "t", {}, cache) == {KILLED: "clock"}
    assert mutation.still_known(MADE, "u", {}, cache | {"gone": ["1", "u", "killed"]}) == {
        KILLED: "clock", SURVIVED: "survived",
    }  # fmt: skip


def test_a_sample_has_an_interval():
    assert mutation.score(100, 100, 98) == "98.0%"
    assert mutation.score(1000, 100, 98) == "98.0% (93.0% to 99.8%)"
    assert mutation.score(10, 0, 0) == "-"
    summary = mutation.summary(MADE, "t", {KILLED: "killed", SURVIVED: "survived"})
    text = mutation.report({"sample": {"size": 2, "seed": 7}, "modules": {"m": summary}})
    assert "A sample: 2 mutants, drawn at random (seed 7)" in text
    assert "| m | 2 | 1 | 1 | 100.0% (2.5% to 100.0%) | 1 | 1 | 0 | 0.0% |" in text
    assert f"**1:** **no reason given**\n\n```diff\n# {SURVIVED} (check)\n- a\n+ b\n```\n" in text


def test_unfinished_results_say_so():
    summary = mutation.summary(MADE, "t", {KILLED: "killed"})
    text = mutation.report({"sample": None, "modules": {"m": summary}})
    assert "Not all mutants have been tested yet" in text and text.endswith("## What survives\n\nNothing.\n")
    whole = mutation.summary(MADE, "t", {mutant.name: "killed" for mutant in MADE.mutants})
    assert "yet" not in mutation.report({"sample": None, "modules": {"m": whole}})


# ---- running ----

TESTS = """
import time

import pytest
from hypothesis import given, settings, strategies as st
import toy

def test_slow():
    time.sleep(0.2)
    assert toy.value() == 1

def test_quick():
    assert toy.value() < 3

def test_other():
    assert toy.other() == 1

@given(st.integers(0, 10))
@settings(max_examples=60, derandomize=True, database=None)
def test_rare(n):
    assert n != 7 or toy.value() > 0
"""
CODE = """
import os

def trampoline(name, value):
    import mutmut.mutation.trampoline as t
    mutant = os.environ["MUTANT_UNDER_TEST"]
    if mutant == "stats":
        t.record_trampoline_hit("lifting.toy." + name, caller=None)
    return int(mutant.rpartition("_")[2]) if mutant.startswith("lifting.toy." + name + "__") else value

def value(): return trampoline("x_value", 1)
def other(): return trampoline("x_other", 1)
"""


@pytest.mark.filterwarnings("ignore::pytest.PytestAssertRewriteWarning")
def test_mutants_are_killed_by_the_tests_that_call_them(tmp_path, monkeypatch):
    pytest.importorskip("mutmut")
    (tmp_path / "test_toy.py").write_text(TESTS)
    (tmp_path / "toy.py").write_text(CODE)
    program = """
import json, pytest, sys
from pathlib import Path
sys.path[:0] = sys.argv[1:]
from mutants import Mutant
from mutation_runner import Runner
found = []
names = ["x_value__mutmut_2", "x_value__mutmut_5", "x_value__mutmut_1", "x_other__mutmut_2", "x_unknown__mutmut_1"]
mutants = [Mutant("lifting.toy." + name, "equation", "") for name in names]
done = lambda trial: found.append((trial.outcome, trial.killer.partition("::")[2]))
runner = Runner(mutants, {"toy": ["test_toy"]}, 1, Path("tests.json"), done)
status = pytest.main(["-q", "-s", "-p", "no:cacheprovider", "test_toy.py"], [runner])
print(json.dumps([int(status), found]))
"""
    environment = os.environ | {"MUTANT_UNDER_TEST": ""}
    run = subprocess.run([sys.executable, "-c", program, str(Path(mutation.__file__).parent), str(tmp_path)],
                         cwd=tmp_path, env=environment, capture_output=True, text=True)  # fmt: skip
    status, found = json.loads(run.stdout.splitlines()[-1])
    assert status == 0
    assert len(json.loads((tmp_path / "tests.json").read_text())["test_toy.py"]["tests"]) == 4
    assert found == [["killed", "test_slow"], ["killed", "test_slow"], ["survived", ""], ["killed", "test_other"],
                     ["survived", ""]]  # fmt: skip
