"""The exercises of notebook 05."""

import numpy as np

from lifting import belief
from lifting.drawing.exercises.judging import Exercise, Mistake

NOTEBOOK = "05_belief_gradient"

_g_map = np.random.default_rng(0).standard_normal((64, 64))
_places = np.array([24.3, 30.8]), np.array([40.5, 12.1])


def _pull(g_map: np.ndarray, place: np.ndarray) -> np.ndarray:
    return belief.pull_back_maps(g_map[None], place[:, None])[:, 0]


def _profiles(place: np.ndarray) -> tuple[np.ndarray, ...]:
    """rho_x, rho_y, and their half differences d_x, d_y."""
    t = np.arange(64) - place[:, None]
    rho, ahead, behind = (np.exp(-(each**2) / 2) for each in (t, t - 1, t + 1))
    return *rho, *((ahead - behind) / 2)


def _exact(g_map: np.ndarray, place: np.ndarray) -> np.ndarray:
    return belief.pull_back_maps(g_map[None], place[:, None], delta=None)[:, 0]


def _both_changed(g_map: np.ndarray, place: np.ndarray) -> np.ndarray:
    _, _, d_x, d_y = _profiles(place)
    return np.array([d_y @ g_map @ d_x, d_y @ g_map @ d_x])


EXERCISES = {
    "5.1": Exercise(
        right=[0.262, -0.560],
        hints=(
            "Each wanted pixel pulls for itself. Which number of by_x belongs to column 3, row 1?",
            "by_y is by_x with rows and columns exchanged: at column 3, row 1 it is what by_x is at column 1, row 3.",
            "x: 0.26 and 0. y: -0.26 for the first pixel, and 0.30 for the second, which is wanted less.",
        ),
        mistakes=(
            Mistake([0.262, 0.560], "The size is right. Rows count down, so a pull upwards is negative in y."),
            Mistake([0.262, -0.262], "That is the first pixel alone: the second one pulls, too."),
            Mistake([0.262, 0.041], "The second pixel is wanted less: its pull counts with a minus."),
            Mistake([-0.262, -0.560], "A pixel on the right that is to gain pulls to the right."),
            Mistake([-0.560, 0.262], "x comes first, then y."),
        ),
        tolerance=0.011,
    ),
    "5.2": Exercise(
        right=[0.25, 0.5],
        hints=(
            "Which is the first term of Taylor's series that is left over after dividing?",
            "Central: delta squared times the third derivative over 6. One-sided: delta times the second over 2.",
        ),
        mistakes=(
            Mistake([0.5, 0.25], "The other way round: the central difference is the better one."),
            Mistake([0.25, 0.25], "The even terms cancel in a central difference only."),
            Mistake(
                [0.5, 0.5], "In a central difference the term with the second derivative cancels: look at the next."
            ),
            Mistake([4.0, 2.0], "That is by how much the error grows when delta is doubled."),
        ),
        tolerance=0.01,
    ),
    "5.3": Exercise(
        right=_pull,
        calls=tuple((_g_map, place) for place in _places),
        hints=(
            "Write out the sum of g_map times the outer product of a profile of the rows and one of the columns.",
            "The profile of the rows from the left, that of the columns from the right: u @ g_map @ v.",
            "In x the columns' profile changes: rho_y @ g_map @ d_x. And in y?",
        ),
        mistakes=(
            Mistake(lambda g_map, place: _pull(g_map, place)[::-1], "x comes first, then y."),
            Mistake(
                lambda g_map, place: _pull(g_map.T, place),
                "A map has its rows first: what multiplies g_map from the left is a profile of the rows, which are y.",
            ),
            Mistake(
                _both_changed, "If the landmark moves in x, the profile of the rows stays as it is: rho_y, not d_y."
            ),
            Mistake(_exact, "That is the exact derivative. (9) is asked for: d_x and d_y are half differences."),
        ),
    ),
    "5.4": Exercise(
        right=[[1.0, 2.0, 0.0], "b"],
        hints=(
            "Two errors for each suspect: at delta = 0.02 and at 0.01. Each is the largest absolute difference.",
            "np.log2 of the first error over the second. Which n does Taylor's series promise for (9)?",
        ),
        mistakes=(
            Mistake([[1.0, 2.0, 0.0], "a"], "The orders are right. Which of them did Taylor's series promise?"),
            Mistake([[2.0, 4.0, 1.0], "b"], "These are the ratios of the errors: take their logarithm to base 2."),
            Mistake([[-1.0, -2.0, 0.0], "b"], "The error at the larger delta stands above the fraction's bar."),
            Mistake([[np.log(2), np.log(4), 0.0], "b"], "That is the natural logarithm; the order is that to base 2."),
        ),
        tolerance=0.05,
    ),
}
