"""What an exercise is, and what is wrong with an attempt at it, in one sentence."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import array_api_compat
import numpy as np

from lifting.support.arrays import to_numpy


class Mistake(NamedTuple):
    """A typical wrong attempt: a value, or a function where one is asked for, and the sentence that it gets."""

    attempt: Any
    says: str


USUAL = (2, 3, 4, math.pi, 2 * math.pi, 180 / math.pi, 10, 17, 100, 1000)
"""Factors that are left out or put in by mistake."""


@dataclass(frozen=True)
class Exercise:
    """One exercise of a notebook.

    Attributes:
        right: the right result, compared by value; or the right function, where the reader is to write one.
        hints: from a nudge to nearly all of it, each printed only when it is asked for.
        mistakes: typical wrong attempts, three at least.
        calls: the arguments of each call by which a function is tried; () where the result itself is asked for.
        tolerance: numbers may differ by this much, both absolutely and in proportion.
        check: where many results are right: what is wrong with one, in words, or "". It takes the place of `right`.
    """

    right: Any
    hints: tuple[str, ...]
    mistakes: tuple[Mistake, ...]
    calls: tuple[tuple[Any, ...], ...] = ()
    tolerance: float = 1e-6
    check: Callable[[Any], str] | None = None


def results(exercise: Exercise, attempt: Any) -> Any:
    """What `attempt` comes to: itself, or what it returns for each of the exercise's calls."""
    return [attempt(*arguments) for arguments in exercise.calls] if callable(attempt) and exercise.calls else attempt


def has_gap(attempt: Any) -> bool:
    """Whether `attempt`, or any item of it, is the `...` of an open gap."""
    if isinstance(attempt, (list, tuple)):
        return any(has_gap(item) for item in attempt)
    return attempt is ...


def fault_of(exercise: Exercise, got: Any) -> str:
    """What is wrong with `got`, the attempt's results, in a sentence; empty where they are right."""
    if exercise.check is not None:
        return exercise.check(got)
    fault = difference(got, results(exercise, exercise.right), exercise.tolerance)
    if not fault:
        return ""
    for mistake in exercise.mistakes:
        if not difference(got, results(exercise, mistake.attempt), exercise.tolerance):
            return mistake.says
    return f"{fault[0].upper()}{fault[1:]}."


def difference(got: Any, want: Any, tolerance: float) -> str:
    """How `got` differs from `want`, in words; empty where it doesn't."""
    if got is None:
        return "None, as if nothing was returned"
    if isinstance(want, (list, tuple)):
        return _difference_of_lists(got, want, tolerance)
    if isinstance(want, (str, bool)):
        if isinstance(want, str) and isinstance(got, str):
            return "" if got.strip().lower() == want.lower() else f"{short(got)} is not the answer"
        return "" if isinstance(got, (bool, np.bool_)) and got == want else f"{short(got)} is not the answer"
    try:
        numbers, wanted = _numbers(got), _numbers(want)
    except (TypeError, ValueError):
        return f"{short(got)} where numbers belong"
    fault = _difference_of_numbers(numbers, wanted, tolerance)
    if isinstance(want, np.ndarray) and isinstance(got, (list, tuple)):
        return fault or "the numbers are right, in a list: np.array(...) makes an array of it"
    single = "float32" in str(getattr(got, "dtype", "")) and "float64" in str(getattr(want, "dtype", ""))
    if single and numbers.shape == wanted.shape and np.allclose(numbers, wanted, 1e-4, 1e-4):
        return "right to the seven digits that float32 has; reckon in float64, which NumPy does unless told otherwise"
    return fault


def _difference_of_lists(got: Any, want: list | tuple, tolerance: float) -> str:
    if not isinstance(got, (list, tuple, np.ndarray)) or len(got) != len(want):
        return f"{short(got)} where {len(want)} results belong"
    faults = [difference(*pair, tolerance) for pair in zip(got, want, strict=True)]
    wrong = [(number, fault) for number, fault in enumerate(faults, 1) if fault]
    if not wrong:
        return ""
    number, fault = wrong[0]
    return fault if len(want) == 1 else f"result {number} of {len(want)}: {fault}"


def _difference_of_numbers(got: np.ndarray, want: np.ndarray, tolerance: float) -> str:
    def same(a: np.ndarray) -> bool:
        return np.allclose(a, want, rtol=tolerance, atol=tolerance, equal_nan=True)

    if got.shape != want.shape:
        if got.ndim == 2 and got.shape[::-1] == want.shape:
            return "the numbers are right, transposed" if same(got.T) else f"of shape {got.shape}: transpose it"
        return f"an array of shape {got.shape} where one of shape {want.shape} belongs"
    if same(got):
        return ""
    if not np.array_equal(np.isfinite(got), np.isfinite(want)):
        return "NaN or infinity in the wrong places"
    if same(-got):
        return "right but for its sign"
    if got.ndim == 2 and got.shape[0] == got.shape[1] and same(got.T):
        return "the numbers are right, transposed"
    finite = np.isfinite(want)
    g, w = got[finite], want[finite]
    if np.any(g) and same(got * (g @ w) / (g @ g)) and np.any(w):
        return _by_a_factor(float((g @ g) / (g @ w)), single=want.ndim == 0)
    worst = np.max(np.abs(g - w))
    return f"off by {worst:.2g}" if want.ndim == 0 else f"the shape is right, the numbers are off by up to {worst:.2g}"


def _by_a_factor(factor: float, single: bool) -> str:
    """What to say of numbers that are `factor` times the right ones; a `single` one's factor would tell the answer."""
    if factor < 0:
        return "of the wrong sign, and not of the right size" if single else f"right but for a factor of {factor:.4g}"
    word, size = ("large", factor) if factor > 1 else ("small", 1 / factor)
    if single and not any(math.isclose(size, usual, rel_tol=1e-6) for usual in USUAL):
        return f"too {word} in size"
    return f"too {word} by a factor of {size:.4g}"


def _numbers(value: Any) -> np.ndarray:
    return to_numpy(value).astype(np.float64)


def short(value: Any) -> str:
    """`value` in a few words."""
    if array_api_compat.is_array_api_obj(value):
        return f"an array of shape {tuple(value.shape)}"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
