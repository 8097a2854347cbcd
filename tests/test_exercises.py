"""`answer` tells an open gap from a wrong attempt and names typical mistakes, for every exercise of the notebooks."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from lifting.drawing import exercises
from lifting.drawing.exercises import Exercise, Mistake, answer, find, hint, progress
from lifting.drawing.exercises.judging import fault_of, results

R = np.array([[1.0, 2.0], [3.0, 4.0]])
FOLDER = Path(exercises.__file__).parent
NOTEBOOKS = sorted(path.stem.removeprefix("of_") for path in FOLDER.glob("of_*.py"))
EVERY = [number for notebook in NOTEBOOKS for number in exercises.numbers(notebook)]


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """A kernel in which nothing was tried yet."""
    monkeypatch.setattr(exercises, "_state", {})
    monkeypatch.setattr(exercises, "_hints_given", {})


# ---- answer, where the notebook says what is right ----


@pytest.mark.parametrize("attempt", [..., [1.0, ...], (R, (..., 2.0))])
def test_an_open_gap_is_the_readers_turn(attempt, capsys):
    answer("99.1", attempt, 1.0, hint="Look up.")
    assert capsys.readouterr().out == "Exercise 99.1: your turn. Hint: Look up.\n"


@pytest.mark.parametrize(
    ("attempt", "expected"),
    [
        (1, 1.0),
        (R + 1e-9, R),
        (torch.tensor(R, requires_grad=True), R),
        ([[1.0, 2.0], [3.0, 4.0]], [[1, 2], [3, 4]]),
        (np.array([1.0, 2.0]), [1, 2]),
        ([1, "left"], (1.0, "left")),
        (np.bool_(True), True),
        (" Y ", "y"),
        (np.array([np.nan, 1.0]), np.array([np.nan, 1.0])),
        (7, lambda number: number > 6),
    ],
)
def test_a_right_attempt(attempt, expected, capsys):
    answer("99.1", attempt, expected, hint="Look up.")
    assert capsys.readouterr().out == "Exercise 99.1: right.\n"


@pytest.mark.parametrize(
    ("attempt", "expected", "fault"),
    [
        (2.5, 1.0, "Too large in size"),
        (0.0, 1.0, "Off by 1"),
        (-R, R, "Right but for its sign"),
        (2 * R, R, "Too large by a factor of 2"),
        (R.T, R, "The numbers are right, transposed"),
        (np.ones((3, 2)).T, np.ones((3, 2)), "The numbers are right, transposed"),
        (np.zeros((2, 3)), np.ones((3, 2)), "Of shape (2, 3): transpose it"),
        (R.tolist(), R, "The numbers are right, in a list: np.array(...) makes an array of it"),
        ((R / 3).astype(np.float32), R / 3, "Right to the seven digits that float32 has"),
        (torch.tensor(R / 3, dtype=torch.float32), R / 3, "Right to the seven digits that float32 has"),
        (R + [[1e-3, 0], [0, 0]], R, "The shape is right, the numbers are off by up to 0.001"),
        (R[:1], R, "An array of shape (1, 2) where one of shape (2, 2) belongs"),
        (None, R, "None, as if nothing was returned"),
        ("ten", 10, "'ten' where numbers belong"),
        ([[1.0], [1.0, 2.0]], R, "where numbers belong"),
        (np.array([np.nan, 1.0]), np.ones(2), "NaN or infinity in the wrong places"),
        ([1.0, 3.0], [1.0, 2.0], "Result 2 of 2: too large in size"),
        ([1.0, 0.4], [1.0, 2.0], "Result 2 of 2: too small in size"),
        (-3.0, 2.0, "Of the wrong sign, and not of the right size"),
        (0.002, 2.0, "Too small by a factor of 1000"),
        (R / 1.3, R, "Too small by a factor of 1.3"),
        (-3 * R, R, "Right but for a factor of -3"),
        (5, [1.0, 2.0], "5 where 2 results belong"),
        ("x", "y", "'x' is not the answer"),
        (1, True, "1 is not the answer"),
        (R, "y", "An array of shape (2, 2) is not the answer"),
        (5, lambda number: number > 6, "5 does not pass the check"),
    ],
)
def test_a_wrong_attempt_is_told_what_is_wrong(attempt, expected, fault, capsys):
    answer("99.1", attempt, expected, hint="Look up.")
    assert re.match(rf"Exercise 99\.1: not yet\. .*{re.escape(fault)}.*\. Hint: Look up\.\n", capsys.readouterr().out)


def test_the_tolerance_decides(capsys):
    answer("99.1", 1.05, 1.0, tolerance=0.1)
    answer("99.1", 1.05, 1.0)
    assert [line.split(": ")[1][:5] for line in capsys.readouterr().out.splitlines()] == ["right", "not y"]


# ---- answer, hint and progress, where of_NN says what is right ----


@pytest.fixture
def doubling(monkeypatch):
    """An exercise 3.1 that asks for a function which doubles."""
    task = Exercise(
        lambda x: 2 * x, ("Add.", "Add x."), (Mistake(lambda x: x**2, "That squares."),) * 3, ((3.0,), (5.0,))
    )
    monkeypatch.setattr(exercises, "numbers", lambda notebook: {"3.1": task} if notebook == "03" else {})


@pytest.mark.parametrize(
    ("attempt", "said"),
    [
        (lambda x: ..., "your turn. "),
        (lambda x: x + x, "right."),
        (lambda x: x * x, "not yet. That squares. "),
        (lambda x: None, "not yet. Result 1 of 2: None, as if nothing was returned. "),
        (lambda x: x.y, "not yet. It raises AttributeError: 'float' object has no attribute 'y'. "),
        (lambda: 6, "not yet. It raises TypeError: "),
        (7, "not yet. 7 where 2 results belong. "),
    ],
)
@pytest.mark.usefixtures("doubling")
def test_a_function_is_tried_on_its_calls(attempt, said, capsys):
    answer("3.1", attempt)
    out = capsys.readouterr().out
    assert out.startswith(f"Exercise 3.1: {said}")
    assert ('Stuck? hint("3.1")' in out) == (said != "right.")


@pytest.mark.usefixtures("doubling")
def test_hints_come_one_at_a_time_and_end_at_the_solution():
    said = [hint("3.1") for _ in range(4)]
    assert said[:2] == ["Hint 1 of 2: Add.", "Hint 2 of 2: Add x."]
    assert (
        said[2]
        == said[3]
        == ("No more hints. [The solution](solutions/03_solving_for_pose.ipynb) stands under Exercise 3.1.")
    )
    assert said[2]._repr_markdown_() == said[2]


@pytest.mark.usefixtures("doubling")
def test_progress_says_what_is_done(capsys):
    progress()
    answer("3.1", 7)
    answer("99.1", 1, 1)
    answer("99.2", ..., 1)
    capsys.readouterr()
    progress()
    answer("3.1", [6.0, 10.0])
    answer("99.1", 2, 1)  # once right, and tried with something else
    progress()
    assert capsys.readouterr().out == (
        "Done since this kernel started: 99.1.\nTried, not right yet: 3.1.\n"
        "Exercise 3.1: right.\nExercise 99.1: not yet. Too large by a factor of 2. Hint: \n"
        "Done since this kernel started: 3.1, 99.1.\n"
    )


@pytest.mark.parametrize("number", ["3.99", "98.1", "3z.1"])
def test_an_exercise_that_is_not_there_is_named(number):
    with pytest.raises(KeyError, match=f"no exercise '{number}'; notebook"):
        hint(number)


# ---- every exercise of the notebooks ----


@pytest.mark.parametrize("number", EVERY)
def test_the_entry_is_whole_and_its_mistakes_are_refused(number, root):
    """The solution passes and the blank does not: `test_notebooks` reads both off the built notebooks."""
    task, notebook = find(number)
    assert (root / "notebooks" / "src" / f"{notebook}.py").exists()
    assert f"### Exercise {number}:" in (root / "notebooks" / "src" / f"{notebook}.py").read_text()
    assert 1 <= len(task.hints) <= 4 and len(task.mistakes) >= 3
    if task.check is None:
        assert fault_of(task, results(task, task.right)) == ""
    assert fault_of(task, None)
    for mistake in task.mistakes:
        assert mistake.says.endswith((".", "?"))
        fault = fault_of(task, results(task, mistake.attempt))
        assert fault if task.check else fault == mistake.says
