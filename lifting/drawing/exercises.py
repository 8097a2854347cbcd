"""Exercises that answer back: `answer` says whether an attempt is right, or what is wrong with it.

An exercise cell of a notebook has gaps, each a `...` for the reader to fill. The cell after it compares
the reader's result with the package's.
"""

from collections.abc import Callable
from typing import Any

import array_api_compat
import numpy as np

from lifting.support.arrays import to_numpy

__all__ = ["answer"]


def answer(
    exercise: str, attempt: Any, expected: Any | Callable[[Any], bool], *, hint: str, tolerance: float = 1e-6
) -> None:
    """Say whether `attempt` solves `exercise`; while its gap is still open, give the hint instead.

    Args:
        exercise: its number, such as `"1.2"`.
        attempt: the reader's result: an array, a number, a string, or a list or tuple of those.
        expected: the right result, compared with `attempt` by value; or a function that takes `attempt` and
            says whether it is right.
        hint: one sentence that helps without giving the solution away.
        tolerance: numbers may differ by this much, both absolutely and in proportion.

    Raises:
        AssertionError: the attempt is wrong; the message says how, and repeats the hint.
    """
    if _has_gap(attempt):
        print(f"Exercise {exercise}: your turn. Hint: {hint}")
        return
    if callable(expected):
        fault = "" if expected(attempt) else f"{_short(attempt)} does not pass the check"
    else:
        fault = _difference(attempt, expected, tolerance)
    if fault:
        raise AssertionError(f"Exercise {exercise}, not yet: {fault}. Hint: {hint}")
    print(f"Exercise {exercise}: right.")


def _has_gap(attempt: Any) -> bool:
    """Whether `attempt`, or any item of it, is the `...` of an open gap."""
    if isinstance(attempt, (list, tuple)):
        return any(_has_gap(item) for item in attempt)
    return attempt is ...


def _difference(attempt: Any, expected: Any, tolerance: float) -> str:
    """How `attempt` differs from `expected`, in words; empty where it doesn't."""
    if isinstance(expected, (list, tuple)):
        if not isinstance(attempt, (list, tuple)) or len(attempt) != len(expected):
            return f"{_short(attempt)} where {len(expected)} results belong"
        faults = [_difference(*pair, tolerance) for pair in zip(attempt, expected, strict=True)]
        wrong = [f"result {i} of {len(faults)}: {fault}" for i, fault in enumerate(faults, 1) if fault]
        return wrong[0] if wrong else ""
    if attempt is None:
        return "None, as if nothing was returned"
    if isinstance(expected, (str, bool)):
        right = isinstance(attempt, (str, bool, np.bool_)) and attempt == expected
        return "" if right else f"{_short(attempt)} is not the answer"
    try:
        got, want = _numbers(attempt), _numbers(expected)
    except (TypeError, ValueError):
        return f"{_short(attempt)} where numbers belong"
    if got.shape != want.shape:
        return f"an array of shape {got.shape} where one of shape {want.shape} belongs"
    if np.allclose(got, want, rtol=tolerance, atol=tolerance, equal_nan=True):
        return ""
    if not np.array_equal(np.isfinite(got), np.isfinite(want)):
        return "NaN or infinity in the wrong places"
    worst = np.max(np.abs(got - want), where=np.isfinite(want), initial=0)
    return f"off by {worst:.2g}" if want.ndim == 0 else f"the shape is right, the numbers are off by up to {worst:.2g}"


def _numbers(value: Any) -> np.ndarray:
    return to_numpy(value).astype(np.float64)


def _short(value: Any) -> str:
    """`value` in a few words."""
    if array_api_compat.is_array_api_obj(value):
        return f"an array of shape {tuple(value.shape)}"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
