"""A plugin of pytest that runs the collected tests for one mutant after the other, each in a process of its own.

The tests are collected once; every trial is forked from there. First all tests run without a mutant, to see that they
pass, how long they take and which functions they call. A mutant is then given the tests that call its function:
those first that have killed most mutants of the same function, then those of the module's own file, quick ones first.
Tests of hypothesis run with few examples, and with all of theirs only where everything has passed.

Nothing may have been run by torch on several threads before a fork, so everything runs on one.
"""

import contextlib
import gc
import json
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import hypothesis
import mutmut.mutation.trampoline
import pytest
from mutants import Mutant, sha

from lifting.support.files import write_atomically

FEW = 10
"""Examples of a test of hypothesis at first."""
SECONDS = 30
"""What a test may take, besides ten times what it takes without a mutant."""


@dataclass(frozen=True)
class Trial:
    """What came of a mutant: killed, survived or clock; and the test that killed it."""

    mutant: Mutant
    outcome: str
    killer: str = ""


@dataclass(frozen=True)
class Test:
    """A test as it is without a mutant."""

    item: pytest.Item
    seconds: float
    functions: frozenset[str]
    """Names of the functions that it calls, as `Mutant.function`."""

    __test__ = False

    @property
    def file(self) -> str:
        """The name of its file, such as "test_camera"."""
        return self.item.path.stem


class Runner:
    """The plugin.

    Args:
        mutants: those to test, in order.
        files: the test files of each module, its own first.
        processes: trials at a time.
        memory: a file that keeps how long the tests take without a mutant, and what they call.
        done: called with every trial as it comes.
    """

    def __init__(self, mutants: Sequence[Mutant], files: Mapping[str, Sequence[str]], processes: int, memory: Path,
                 done: Callable[[Trial], object]):  # fmt: skip
        self.mutants, self.files, self.processes, self.memory, self.done = mutants, files, processes, memory, done

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Test all mutants; pytest then thinks that all tests have run."""
        if session.testsfailed:
            raise session.Interrupted("the tests can't be collected")
        session.config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]
        tests = measure(session, self.processes, self.memory)
        kills: Counter[tuple[str, str]] = Counter()

        def start(mutant: Mutant) -> Callable[[], str]:
            chosen = choose(tests, mutant, self.files[mutant.module], kills)
            return lambda: attempt(session, chosen, mutant.name)

        gc.collect()
        gc.freeze()  # what is there already need not be looked through, and so copied, in every process
        for mutant, outcome, said in forks(self.mutants, start, self.processes):
            kills[mutant.function, said] += 1
            self.done(Trial(mutant, outcome if outcome == "clock" else "killed" if said else "survived", said))
        return True


def measure(session: pytest.Session, processes: int, memory: Path) -> list[Test]:
    """Run all tests without a mutant, each file in a process of its own; `memory` keeps what comes out.

    Raises:
        RuntimeError: a test fails.
    """
    files: dict[str, list[pytest.Item]] = {}
    for item in session.items:
        set_examples(item, FEW)
        files.setdefault(item.path.name, []).append(item)
    package = "".join(path.read_text() for path in sorted(Path("lifting").rglob("*.py")))
    keys = {name: sha(package + items[0].path.read_text()) for name, items in files.items()}
    known = json.loads(memory.read_text()) if memory.exists() else {}
    unknown = [items for name, items in files.items() if known.get(name, {}).get("key") != keys[name]]
    unknown.sort(key=lambda items: -items[0].path.stat().st_size)
    for items, _, said in forks(unknown, lambda items: lambda: trace(session, items), processes):
        name = items[0].path.name
        found = json.loads(said) if said.startswith("[") else [["no test", 0, None]]
        for test, _, functions in found:
            if functions is None:
                raise RuntimeError(f"{name}: got {test} that fails, expected tests that pass without a mutant")
        known[name] = {"key": keys[name], "tests": found}
        write_atomically(memory, json.dumps(known).encode())
        print(f"{name}: {len(items)} tests pass without a mutant", file=sys.stderr)
    return [
        Test(item, seconds, frozenset(functions))
        for name, items in files.items()
        for item, (_, seconds, functions) in zip(items, known[name]["tests"], strict=True)
    ]


def trace(session: pytest.Session, items: Sequence[pytest.Item]) -> str:
    """Run the tests of a file without a mutant: the name, time and functions of each, None where it fails, as JSON.

    A function counts as called by a test although its result was kept by a fixture, which an earlier test has set up.
    """
    os.environ["MUTANT_UNDER_TEST"] = "stats"
    found, called, fixtures = [], set[str](), set[str]()
    mutmut.mutation.trampoline.record_trampoline_hit = lambda name, caller=None: called.add(name)

    class Phases:
        @pytest.hookimpl(tryfirst=True)
        def pytest_runtest_call(self) -> None:
            fixtures.update(called)

    session.config.pluginmanager.register(Phases())
    for item, following in zip(items, [*items[1:], None], strict=True):
        forget(item)
        called.clear()
        start = time.monotonic()
        failed = run_test(session, item, following, 20 * SECONDS)
        found.append([item.nodeid, time.monotonic() - start, None if failed else sorted(called | fixtures)])
    return json.dumps(found)


def forget(item: pytest.Item) -> None:
    """Empty every cache of the package and of the test's module, so that the test calls what it needs."""
    modules = [module for name, module in sys.modules.items() if name.partition(".")[0] == "lifting"]
    for module in [*modules, getattr(item, "module", None)]:
        for value in list(vars(module).values()) if module else []:
            if callable(getattr(value, "cache_clear", None)):
                value.cache_clear()


def choose(tests: Sequence[Test], mutant: Mutant, files: Sequence[str], kills: Counter[tuple[str, str]]) -> list[Test]:
    """The tests of `files` that call the mutant's function, those first that are most likely to notice it."""
    chosen = [test for test in tests if test.file in files and mutant.function in test.functions]
    return sorted(chosen, key=lambda t: (-kills[mutant.function, t.item.nodeid], files.index(t.file), t.seconds))


def attempt(session: pytest.Session, tests: Sequence[Test], mutant: str) -> str:
    """Run tests with a mutant until one fails: its name, or nothing where all pass."""
    os.environ["MUTANT_UNDER_TEST"] = mutant
    thorough = [test for test in tests if is_random(test.item)]
    for part, few in ((tests, True), (thorough, False)):
        items = [test.item for test in part]
        for test, following in zip(part, [*items[1:], None], strict=False):
            if not few:
                set_examples(test.item, None)
            limit = SECONDS + 10 * test.seconds * (1 if few else 10)
            if run_test(session, test.item, following, limit):
                return test.item.nodeid
    return ""


def run_test(session: pytest.Session, item: pytest.Item, following: pytest.Item | None, limit: float) -> bool:
    """Whether a test fails; where it takes longer than `limit` seconds the process ends."""
    before = session.testsfailed
    signal.alarm(int(limit))
    item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
    signal.alarm(0)
    return session.testsfailed > before


def is_random(item: pytest.Item) -> bool:
    """Whether a test is one of hypothesis."""
    return bool(getattr(getattr(item, "obj", None), "is_hypothesis_test", False))


def set_examples(item: pytest.Item, few: int | None) -> None:
    """Let a test of hypothesis try `few` examples, or as many as it has of its own; failures are not made smaller."""
    function: Any = getattr(item, "obj", None)
    if not is_random(item):
        return
    function = getattr(function, "__func__", function)
    if not hasattr(function, "all_examples"):
        function.all_examples = function._hypothesis_internal_use_settings
    own = function.all_examples
    phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
    count = own.max_examples if few is None else min(few, own.max_examples)
    new = hypothesis.settings(own, max_examples=count, phases=phases, database=None)
    function._hypothesis_internal_use_settings = new


def forks(things: Sequence[Any], start: Callable[[Any], Callable[[], str]],
          processes: int) -> Iterator[tuple[Any, str, str]]:  # fmt: skip
    """Give each thing a process, some at a time: the thing, "clock" or "ended", and what its process said at its end.

    `start` is called in this process just before the fork, what it returns in the other one.
    """
    running: dict[int, tuple[Any, IO[str]]] = {}
    queue = list(reversed(things))
    while queue or running:
        while queue and len(running) < processes:
            thing = queue.pop()
            work = start(thing)
            file: IO[str] = tempfile.TemporaryFile("w+")  # noqa: SIM115
            process = os.fork()
            if not process:
                _work(work, file)
            running[process] = thing, file
        process, status = os.wait()
        thing, said = running.pop(process)
        with said:
            said.seek(0)
            by_clock = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGALRM
            yield thing, "clock" if by_clock else "ended", said.read() or ("?" if os.WIFSIGNALED(status) else "")


def _work(work: Callable[[], str], said: IO[str]) -> None:
    """What a forked process does: it runs `work`, silently, says what came of it, and ends."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    words = "?"
    with contextlib.suppress(BaseException):
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115
        words = work()
    said.write(words)
    said.flush()
    os._exit(0)
