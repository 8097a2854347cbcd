"""The exercises of notebook 03."""

import numpy as np

from lifting import solve
from lifting.checking import mistakes
from lifting.drawing.exercises.judging import Exercise, Mistake

NOTEBOOK = "03_solving_for_pose"

_rng = np.random.default_rng(3)
_y, _p = _rng.standard_normal((2, 10))
_E, _sigma, _w = _rng.standard_normal((10, 3)), np.array([0.4, 0.9, 2.0]), _rng.uniform(0.1, 2, 10)


def _weighted(y: np.ndarray, p: np.ndarray, E: np.ndarray, sigma: np.ndarray, w: np.ndarray) -> np.ndarray:
    root = np.sqrt(w)
    return solve.coefficients(root * y, root * p, np.linalg.pinv(solve.stack_ridge(root[:, None] * E, sigma)))


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
        right=_weighted,
        calls=((_y, _p, _E, _sigma, _w), (_p, _y, _E[:, :2], _sigma[:2], _w**2)),
        hints=(
            "The slope in a is -2 sum_k w_k E_k (r - E a)_k + 2 sigma^2 a, with r = y - p. Set it to zero.",
            "With W = diag(w): E^T W E a + diag(sigma^2) a = E^T W r.",
            "np.linalg.solve(E.T @ (w[:, None] * E) + np.diag(sigma**2), ...), and w on the right-hand side as well.",
        ),
        mistakes=(
            Mistake(
                lambda y, p, E, sigma, w: np.linalg.solve(E.T @ E + np.diag(sigma**2), E.T @ (w * (y - p))),
                "The weights are missing on the left: E^T W E.",
            ),
            Mistake(
                lambda y, p, E, sigma, w: np.linalg.solve(E.T @ E + np.diag(sigma**2), E.T @ (y - p)),
                "All coordinates count alike here: w is not used.",
            ),
            Mistake(
                lambda y, p, E, sigma, w: _weighted(y, p, E, np.sqrt(sigma), w),
                "The penalty is a square: its diagonal is sigma squared.",
            ),
            Mistake(
                lambda y, p, E, sigma, w: _weighted(y, p, E, sigma, w**2),
                "The weight stands before the square: w, and not w squared.",
            ),
            Mistake(
                lambda y, p, E, sigma, w: _weighted(y, np.zeros_like(p), E, sigma, w),
                "This fits y itself. The mean pose is there already: fit y - p.",
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
    "3.4": Exercise(
        right=lambda left, middle, right, step: step * (left - right) / (2 * (left - 2 * middle + right)),
        calls=((5.0, 2.0, 1.0, 0.1), (1.69, 0.09, 0.49, 1.0)),
        hints=(
            "Count x in steps from the middle: c(x) = middle + b x + q x^2, with c(-1) = left and c(1) = right.",
            "So b = (right - left) / 2 and q = (left - 2 middle + right) / 2. Where is the slope zero?",
            "At x = -b / (2 q), in steps: times step.",
        ),
        mistakes=(
            Mistake(
                lambda left, middle, right, step: (left - right) / (2 * (left - 2 * middle + right)),
                "Right in steps. In the units of the angle it is that times step.",
            ),
            Mistake(
                lambda left, middle, right, step: step * (right - left) / (2 * (left - 2 * middle + right)),
                "The sign: where the right neighbour costs less, move to the right.",
            ),
            Mistake(
                lambda left, middle, right, step: step * (left - right) / (left - 2 * middle + right),
                "Twice too far: the slope of q x^2 is 2 q x.",
            ),
        ),
    ),
    "3.5": Exercise(
        right=lambda f: f is solve.centre,
        calls=((solve.centre,), (mistakes.mystery(3),)),
        hints=(
            "Print what both make of `moved`.",
            "What does centred mean, in one line of NumPy? Each row has the mean 0.",
            "np.allclose(f(moved).mean(axis=1), 0), as a bool.",
        ),
        mistakes=(
            Mistake(lambda f: True, "That acquits everyone, the suspect as well."),
            Mistake(lambda f: False, "That convicts everyone, the right function as well."),
            Mistake(lambda f: f is not solve.centre, "The wrong way round: True is for the right function."),
        ),
    ),
}
