"""Exercises that answer back: `answer` says right or wrong, `hint` helps step by step, `progress` shows what is done.

An exercise cell of a notebook has gaps, each a `...` for the reader to fill, and the cell after it asks `answer`. What
is right, the hints and the typical mistakes of notebook NN stand in `of_NN`: the notebook does not give them away.
"""

import functools
import importlib
import importlib.util
from typing import Any

from lifting.drawing.exercises.judging import Exercise, Mistake, fault_of, has_gap, results, short

__all__ = ["Exercise", "Hint", "Mistake", "answer", "find", "hint", "numbers", "progress"]

_NOT_GIVEN = object()
_state: dict[str, str] = {}
"""What the last `answer` to each exercise said, in this kernel: "done" or "not yet"."""
_hints_given: dict[str, int] = {}


def numbers(notebook: str) -> dict[str, Exercise]:
    """The exercises of a notebook, "03" or "03b", each under its number; none where it has no module here."""
    name = f"{__name__}.of_{notebook}"
    return importlib.import_module(name).EXERCISES if importlib.util.find_spec(name) else {}


def find(exercise: str) -> tuple[Exercise, str]:
    """The exercise of a number such as "3.1" or "3b.1", and the name of its notebook.

    Raises:
        KeyError: there is none of that number.
    """
    notebook = exercise.split(".")[0]
    notebook = notebook.zfill(3 if notebook[-1:].isalpha() else 2)
    found = numbers(notebook)
    if exercise not in found:
        raise KeyError(f"no exercise {exercise!r}; notebook {notebook} has {', '.join(found) or 'none'}")
    return found[exercise], importlib.import_module(f"{__name__}.of_{notebook}").NOTEBOOK


def answer(exercise: str, attempt: Any, expected: Any = _NOT_GIVEN, *, hint: str = "", tolerance: float = 1e-6) -> None:
    """Say whether `attempt` solves `exercise`, and if not, what is wrong with it.

    Args:
        exercise: its number, such as `"1.2"`.
        attempt: the reader's result: a number, a string, an array, a list of those, or a function. While it holds the
            `...` of an open gap, it is the reader's turn.
        expected: for an exercise that has no entry in `of_NN`: the right result, or a function that takes the attempt
            and says whether it is right.
        hint: for such an exercise: one sentence that helps.
        tolerance: for such an exercise: as `Exercise.tolerance`.

    Raises:
        KeyError: no expected result, and no entry of that number.
    """
    task = find(exercise)[0] if expected is _NOT_GIVEN else _of_notebook(expected, hint, tolerance)
    stuck = f"Hint: {hint}" if expected is not _NOT_GIVEN else f'Stuck? hint("{exercise}")'
    try:
        got = results(task, attempt)
        fault = "" if has_gap(got) else fault_of(task, got)
    except Exception as error:  # whatever the reader's function raises is an answer that isn't right yet
        got, fault = None, f"It raises {type(error).__name__}: {error}."
    if has_gap(got):
        print(f"Exercise {exercise}: your turn. {stuck}")
        return
    if not fault or exercise not in _state:  # what has been right once is done
        _state[exercise] = "not yet" if fault else "done"
    print(f"Exercise {exercise}: not yet. {fault} {stuck}" if fault else f"Exercise {exercise}: right.")


def _of_notebook(expected: Any, hint: str, tolerance: float) -> Exercise:
    """An exercise whose right result, or whose check, stands in the notebook."""
    if not callable(expected):
        return Exercise(expected, (hint,), (), tolerance=tolerance)
    return Exercise(None, (hint,), (), check=functools.partial(_passes, expected))


def _passes(check: Any, attempt: Any) -> str:
    return "" if check(attempt) else f"{short(attempt)} does not pass the check."


class Hint(str):
    """A hint, which a notebook shows as text with links."""

    __slots__ = ()

    def _repr_markdown_(self) -> str:
        return str(self)


def hint(exercise: str) -> Hint:
    """The next hint for `exercise`; after the last one, where its solution is.

    Raises:
        KeyError: there is no exercise of that number.
    """
    task, notebook = find(exercise)
    step = _hints_given.get(exercise, 0)
    _hints_given[exercise] = step + 1
    if step < len(task.hints):
        return Hint(f"Hint {step + 1} of {len(task.hints)}: {task.hints[step]}")
    return Hint(f"No more hints. [The solution](solutions/{notebook}.ipynb) stands under Exercise {exercise}.")


def progress() -> None:
    """Print which exercises are done in this kernel. Nothing is kept in a file: a new kernel starts at none."""
    tried = sorted(_state, key=lambda number: (number.split(".")[0].zfill(3), number))
    done = [number for number in tried if _state[number] == "done"]
    open_ones = [number for number in tried if _state[number] != "done"]
    print(f"Done since this kernel started: {', '.join(done) or 'none yet'}.")
    if open_ones:
        print(f"Tried, not right yet: {', '.join(open_ones)}.")
