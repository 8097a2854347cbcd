"""`answer` tells an open gap from a wrong attempt and a wrong attempt from a right one."""

import re

import numpy as np
import pytest
import torch

from lifting.drawing.exercises import answer

R = np.eye(3)


@pytest.mark.parametrize("attempt", [..., [1.0, ...], (R, (..., 2.0))])
def test_an_open_gap_gets_the_hint(attempt, capsys):
    answer("1.1", attempt, 1.0, hint="Look up.")
    assert capsys.readouterr().out == "Exercise 1.1: your turn. Hint: Look up.\n"


@pytest.mark.parametrize(
    ("attempt", "expected"),
    [
        (1, 1.0),
        (R + 1e-9, R),
        (torch.eye(3, dtype=torch.float64, requires_grad=True), R),
        ([[1.0, 0.0], [0.0, 1.0]], np.eye(2)),
        ([1, "left"], (1.0, "left")),
        (np.bool_(True), True),
        ("y", "y"),
        (np.array([np.nan, 1.0]), np.array([np.nan, 1.0])),
        (7, lambda number: number > 6),
    ],
)
def test_a_right_attempt(attempt, expected, capsys):
    answer("1.1", attempt, expected, hint="Look up.")
    assert capsys.readouterr().out == "Exercise 1.1: right.\n"


@pytest.mark.parametrize(
    ("attempt", "expected", "fault"),
    [
        (2.0, 1.0, "off by 1"),
        (R + 1e-3, R, "the shape is right, the numbers are off by up to 0.001"),
        (R[:2], R, "an array of shape (2, 3) where one of shape (3, 3) belongs"),
        (None, R, "None, as if nothing was returned"),
        ("ten", 10, "'ten' where numbers belong"),
        ([[1.0], [1.0, 2.0]], np.eye(2), "where numbers belong"),
        (np.array([np.nan, 1.0]), np.ones(2), "NaN or infinity in the wrong places"),
        ([1.0, 3.0], [1.0, 2.0], "result 2 of 2: off by 1"),
        (5, [1.0, 2.0], "5 where 2 results belong"),
        ("x", "y", "'x' is not the answer"),
        (R, "y", "an array of shape (3, 3) is not the answer"),
        (5, lambda number: number > 6, "5 does not pass the check"),
    ],
)
def test_a_wrong_attempt_fails_and_says_how(attempt, expected, fault, capsys):
    with pytest.raises(AssertionError, match=rf"Exercise 1\.1, not yet: .*{re.escape(fault)}\. Hint: Look up\."):
        answer("1.1", attempt, expected, hint="Look up.")
    assert capsys.readouterr().out == ""


def test_the_tolerance_decides(capsys):
    answer("1.1", 1.05, 1.0, hint="Look up.", tolerance=0.1)
    assert "right" in capsys.readouterr().out
