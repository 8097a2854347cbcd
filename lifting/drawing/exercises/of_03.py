"""The exercises of notebook 03."""

import numpy as np

from lifting import solve
from lifting.drawing.exercises.judging import Exercise, Mistake

NOTEBOOK = "03_solving_for_pose"

_rng = np.random.default_rng(3)
_y, _p = _rng.standard_normal((2, 10))
_E, _sigma = _rng.standard_normal((10, 3)), np.array([0.4, 0.9, 2.0])


def _ridge(y: np.ndarray, p: np.ndarray, E: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    return solve.coefficients(y, p, solve.pseudo_inverse(solve.stack_ridge(E, sigma)))


EXERCISES = {
    "3.1": Exercise(
        right=[-2.0, 15.0],
        hints=(
            "Half a turn negates the first three numbers of p and of E. Write down r = y - p first.",
            "r = (3, 0, -3, 1, -1, 0), and E = (-1/2, 0, 1/2, 1/2, 0, -1/2). What is E^T r, and what is E^T E?",
            "a = E^T r / (E^T E + 1/4), and the least cost is r^T r minus a times E^T r.",
        ),
        mistakes=(
            Mistake([1.2, 2.2], "That is the answer at 0 degrees: at 180 degrees the x of p and of E change sign."),
            Mistake([2.0, 15.0], "Mind the sign of E^T r: the x of E have changed sign, and r keeps its own."),
            Mistake([-2.5, 13.75], "That is least squares: sigma squared, 1/4, is missing beside E^T E."),
            Mistake([-2.0, 20.0], "20 is r^T r. The basis explains a part of it: a times E^T r."),
            Mistake([-5 / 3, 20 - 25 / 6], "In the normal equations sigma is squared: 1/4, and not 1/2."),
        ),
        tolerance=0.01,
    ),
    "3.2": Exercise(
        right=_ridge,
        calls=((_y, _p, _E, _sigma), (_p, _y, _E[:, :2], _sigma[:2])),
        hints=(
            "Start from the normal equations, E_bar^T E_bar a = E_bar^T [y - p, 0].",
            "E_bar^T E_bar is E^T E plus a diagonal matrix. What stands on that diagonal?",
            "np.linalg.solve(E.T @ E + np.diag(sigma**2), ...), with E^T (y - p) on the right.",
        ),
        mistakes=(
            Mistake(
                lambda y, p, E, sigma: np.linalg.solve(E.T @ E + np.diag(sigma), E.T @ (y - p)),
                "The penalty is a square: its diagonal is sigma squared.",
            ),
            Mistake(
                lambda y, p, E, sigma: np.linalg.solve(E.T @ E + np.diag(sigma**2), E.T @ y),
                "This fits y itself. The mean pose is there already: fit y - p.",
            ),
            Mistake(
                lambda y, p, E, sigma: np.linalg.lstsq(E, y - p, rcond=None)[0],
                "This is least squares without the prior: sigma is missing.",
            ),
            Mistake(
                lambda y, p, E, sigma: np.linalg.solve(E.T @ E + np.diag(1 / sigma**2), E.T @ (y - p)),
                "Sigma is an inverse standard deviation already: nothing is divided by it.",
            ),
        ),
    ),
    "3.3": Exercise(
        right="B",
        hints=(
            "Compare E^T E at 0 and at 90 degrees: how much of the basis does the camera see?",
            "Turn the toy by 90 degrees, and the half of the basis that is along x points at the camera.",
            "a = E^T r / (E^T E + 1/4). What is seen less is trusted less: 1/2 over 3/4, where it was 1 over 5/4.",
        ),
        mistakes=(
            Mistake("A", "The camera sees less of the basis, not more: its x are now along z, which is dropped."),
            Mistake("C", "The ridge stays, but E^T E changes with the rotation: write it down at both."),
            Mistake("D", "At 90 degrees the y of the basis are still seen, so E is not zero."),
        ),
    ),
}
