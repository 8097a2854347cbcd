"""The exercises of notebook 06b."""

import numpy as np

from lifting.drawing.exercises.judging import Exercise, Mistake

NOTEBOOK = "06b_between_pixels"

_calls = ((0.2, 0.9, 0.6), (0.55, 0.8, 0.3), (0.4, 0.7, 0.4))


def _shift(left: float, middle: float, right: float) -> float:
    left, middle, right = np.log([left, middle, right])
    return (left - right) / (2 * (left - 2 * middle + right))


def _share(v: float, other: float) -> list[float]:
    return [v / (v + other), other / (v + other)]


_v, _w = 1.5 * np.exp(-(0.25**2) / 2), np.exp(-(0.75**2) / 2)

EXERCISES = {
    "6b.1": Exercise(
        right=_shift,
        calls=_calls,
        hints=(
            "Differentiate the parabola by x.",
            "(right - left)/2 + x (left - 2 middle + right) = 0.",
        ),
        mistakes=(
            Mistake(lambda *b: -_shift(*b), "The sign: the top lies towards the higher neighbour."),
            Mistake(
                lambda left, middle, right: (left - right) / (2 * (left - 2 * middle + right)),
                "The parabola goes through the logarithms, and the cell has taken them already: don't undo it.",
            ),
            Mistake(
                lambda *b: 2 * _shift(*b),
                "The derivative of the quadratic term is x times the bracket, and the slope is half of the difference.",
            ),
            Mistake(lambda *b: _shift(*b) + 1, "x counts from the middle one."),
        ),
    ),
    "6b.2": Exercise(
        right=_share(_v, _w),
        hints=(
            "Column 7 is at the distance 0.25, column 8 at 0.75. The first factor is min(1 + 2t, 4 - 4t).",
            "1.5 and 1, times exp(-t^2 / 2), divided by their sum.",
        ),
        mistakes=(
            Mistake([0.75, 0.25], "Those are the shares that fall off linearly."),
            Mistake(_share(_w, _v), "The nearer column has the larger share."),
            Mistake(_share(1.5, 1.0), "The Gaussian factor is missing."),
            Mistake([_v, _w], "Divide by the sum: the shares sum to 1."),
        ),
        tolerance=1.1e-3,
    ),
}
