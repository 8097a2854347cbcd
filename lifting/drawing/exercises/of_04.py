"""The exercises of notebook 04."""

from functools import cache
from typing import Any

import numpy as np

from lifting import landmark_gradient, landmark_jacobian, lift, load_prior
from lifting.camera import turn
from lifting.datasets import motion_capture
from lifting.drawing.exercises.judging import Exercise, Mistake
from lifting.solve import truncated_pseudo_inverse

NOTEBOOK = "04_landmark_gradient"

_rng = np.random.default_rng(4)
_E, _sigma, _g = _rng.standard_normal((10, 3)), np.array([0.4, 0.9, 2.0]), _rng.standard_normal(10)


def _pull_back(E: np.ndarray, sigma: np.ndarray, g: np.ndarray) -> np.ndarray:
    return landmark_gradient.pull_back(E, truncated_pseudo_inverse(E, sigma), g)


@cache
def _H() -> np.ndarray:
    """The Jacobian (8) of the dancer of notebook 04."""
    dancer = turn(motion_capture.load_motion_capture().of_clip("dance_b")[20], np.asarray(0.4))
    return landmark_jacobian(lift(dancer[:2], load_prior()), load_prior())


def _own_direction(g: Any) -> str:
    """What is wrong with a direction of one's own, of which a part is to come back."""
    if np.shape(g) != (2, 17):
        return "A direction has two numbers for each of the 17 landmarks: shape (2, 17)."
    direction = np.asarray(g, dtype=np.float64).reshape(-1)
    if not np.any(direction) or not np.all(np.isfinite(direction)):
        return "A direction has a length: not all of it 0, and all of it finite."
    share = np.linalg.norm(_H().T @ direction) / np.linalg.norm(direction)
    if share >= 0.95:
        return f"{share:.2f} of it comes back: nearly all. Ask for something that bodies do less often."
    return "" if share > 0.5 else f"Only {share:.2f} of it comes back: hardly any body moves like that."


_everybody = np.stack([np.ones(17), np.zeros(17)])
_spine = np.stack([np.eye(17)[7], np.zeros(17)])

EXERCISES = {
    "4.1": Exercise(
        right=[2 / 3, 1 / 3, 2 / 3],
        hints=(
            "E^T E is 1/2 now, and sigma squared still 1/4.",
            "E_bar_t = E^T / (1/2 + 1/4) = (4/3) E^T. The left hand's y is the fourth number.",
            "da = (4/3) (1/2); the hand follows by E's fourth number times da; along E the factor is E_bar_t E.",
        ),
        mistakes=(
            Mistake([0.4, 0.2, 0.8], "That is the answer at 0 degrees: at 90 degrees E^T E is 1/2."),
            Mistake([1.0, 0.5, 1.0], "That is least squares: sigma squared is missing beside E^T E."),
            Mistake([2 / 3, 2 / 3, 2 / 3], "The hand follows by E times da: its entry of E is 1/2."),
            Mistake([0.5, 0.25, 0.5], "In the normal equations sigma is squared: 1/4, and not 1/2."),
        ),
        tolerance=0.01,
    ),
    "4.2": Exercise(
        right=_pull_back,
        calls=((_E, _sigma, _g), (_E[:, :2], _sigma[:2], _g)),
        hints=(
            "Transpose H = E E_bar_t, and E_bar_t = (E^T E + diag(sigma^2))^-1 E^T with it.",
            "The matrix in brackets is symmetric, so H^T = E (E^T E + diag(sigma^2))^-1 E^T.",
            "First E.T @ g, then np.linalg.solve with the J x J matrix, then E @ that.",
        ),
        mistakes=(
            Mistake(
                lambda E, sigma, g: np.linalg.solve(E.T @ E + np.diag(sigma**2), E.T @ g),
                "That is in the coefficients. One more step, back to the landmarks: E times it.",
            ),
            Mistake(lambda E, sigma, g: _pull_back(E, np.sqrt(sigma), g), "The diagonal is sigma squared."),
            Mistake(
                lambda E, sigma, g: E @ (E.T @ g), "Nothing shrinks here: the J x J system in the middle is missing."
            ),
            Mistake(
                lambda E, sigma, g: _pull_back(E, 1e-9 * sigma, g),
                "This projects onto the bases, as if there were no prior: sigma is missing.",
            ),
        ),
    ),
    "4.3": Exercise(
        right="C",
        hints=(
            "Each direction is multiplied by tau^2 / (1 + tau^2). What becomes of tau?",
            "tau becomes a tenth. What does that do to a large tau, and what to a small one?",
        ),
        mistakes=(
            Mistake("A", "Nothing is ever amplified: all eigenvalues of H are below 1."),
            Mistake("B", "Only where tau is small. A tau of 100 becomes 10: 0.9999 becomes 0.99."),
            Mistake("D", "The pull back goes through H, and H depends on sigma."),
        ),
    ),
    "4.4": Exercise(
        right=lambda sigma: 1 / sigma,
        calls=((_sigma,), (np.array([0.03, 5.0]),)),
        hints=(
            "np.diag(second(E, sigma)[2 * L:]) is the diagonal. Plot it against sigma, both axes logarithmic.",
            "A straight line that falls by a decade for each decade.",
        ),
        mistakes=(
            Mistake(lambda sigma: sigma, "That is what stands there in the right function."),
            Mistake(lambda sigma: sigma**2, "It falls where sigma rises: look at the first and the last number."),
            Mistake(lambda sigma: 1 / sigma**2, "The slope is -1, and not -2: the penalty squares it later."),
        ),
    ),
    "4.5": Exercise(
        right=None,
        check=_own_direction,
        hints=(
            "Ask for one coordinate of one landmark, and look at what comes back: `H.T @ g.reshape(-1)`.",
            "Hands and feet come back nearly whole, the trunk less: see the diagonal of H.",
            "A head that is pulled up asks for a longer neck.",
        ),
        mistakes=(
            Mistake(_everybody, "All of them to the right: that is a translation, of which H knows nothing."),
            Mistake(_spine, "The spine alone to the right: no body does that."),
            Mistake(np.zeros((2, 17)), "No direction at all."),
            Mistake(_everybody.reshape(-1), "A vector where (2, 17) belongs."),
            Mistake(_everybody.T, "Transposed."),
        ),
    ),
}
