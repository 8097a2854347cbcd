"""The exercises of notebook 02."""

import numpy as np

from lifting.drawing.exercises.judging import Exercise, Mistake
from lifting.pose_prior import facing
from lifting.skeleton import HUMAN36M

NOTEBOOK = "02_pose_prior"

_rng = np.random.default_rng(2)
_poses = _rng.standard_normal((2, 3, 17))
_mu, _P = _rng.standard_normal((2, 3, 5))
_e = np.linalg.qr(_rng.standard_normal((15, 4)))[0].T.reshape(4, 3, 5)
_sigma = np.array([0.1, 0.5, 1.0, 3.0])


def _facing(m: np.ndarray) -> float:
    return float(facing(m, HUMAN36M.left, HUMAN36M.right))


def _along(P: np.ndarray, mu: np.ndarray, e: np.ndarray) -> np.ndarray:
    return np.einsum("jcl,cl->j", e, P - mu)


def _noise(v: float, lam: np.ndarray, J: int, L: int) -> float:
    return ((3 * L - 3 - len(lam)) * v + np.sum(lam[J:] + v)) / (3 * L - 3 - J)


EXERCISES = {
    "2.1": Exercise(
        right=_facing,
        calls=((_poses[0],), (_poses[1],)),
        hints=(
            "A turn by theta takes the line (x, z) to (c x + s z, c z - s x). Which of the two must be 0?",
            "c z = s x, so tan theta = z / x; and c x + s z must be positive.",
            "np.arctan2 of the line's z and x.",
        ),
        mistakes=(
            Mistake(lambda m: -_facing(m), "It turns the wrong way: c z - s x must be 0, and not c z + s x."),
            Mistake(
                lambda m: np.pi / 2 - _facing(m),
                "x and z are exchanged: the line is to point along x, so z must vanish.",
            ),
            Mistake(lambda m: _facing(m) + np.pi, "The line lies along x, but points left: the back faces the viewer."),
            Mistake(lambda m: np.degrees(_facing(m)), "Right in degrees; angles are in radians here."),
        ),
    ),
    "2.2": Exercise(
        right=[2.0, 6.0, 1 / 3],
        hints=("The noise is the mean of what one basis leaves: 3, 2, 1.", "An eigenvalue is lambda plus v."),
        mistakes=(
            Mistake([2.0, 8.0, 0.25], "The eigenvalue holds the noise as well: lambda = l - v."),
            Mistake([3.5, 4.5, 3.5 / 4.5], "The first direction has a basis: the noise is the mean of the others."),
            Mistake([2.0, 6.0, 3.0], "Sigma squared is v over lambda: small for a basis that moves a lot."),
            Mistake([2.0, 6.0, 3**-0.5], "That is sigma; asked is its square."),
        ),
        tolerance=0.01,
    ),
    "2.3": Exercise(
        right="B",
        hints=("sigma_j = sqrt(v / lambda_j).", "v doubles under a root."),
        mistakes=(
            Mistake("A", "Noisier landmarks are trusted less, so the prior counts for more."),
            Mistake("C", "v stands under a root."),
            Mistake("D", "Sigma measures bodies in units of the noise, and the noise has changed."),
        ),
    ),
    "2.4": Exercise(
        right=lambda P, mu, e, sigma: _along(P, mu, e) / (1 + sigma**2),
        calls=((_P, _mu, _e, _sigma), (_mu, _P, _e[:2], _sigma[:2])),
        hints=(
            "As e is orthonormal, each a_j has a problem of its own: (along_j - a_j)^2 + sigma_j^2 a_j^2.",
            "Its slope is -2 (along_j - a_j) + 2 sigma_j^2 a_j.",
        ),
        mistakes=(
            Mistake(lambda P, mu, e, sigma: _along(P, mu, e), "That is the projection: the penalty is missing."),
            Mistake(lambda P, mu, e, sigma: _along(P, mu, e) / (1 + sigma), "The penalty is a square: sigma squared."),
            Mistake(
                lambda P, mu, e, sigma: _along(P, mu, e) / sigma**2,
                "The first term counts as well: 1 + sigma squared. Without penalty all of it should be left.",
            ),
            Mistake(
                lambda P, mu, e, sigma: _along(P, mu, e) * sigma**2 / (1 + sigma**2),
                "That is what the prior takes away; asked is what is left.",
            ),
        ),
    ),
    "2.5": Exercise(
        right=_noise,
        calls=((1.0, np.array([9.0, 4.0, 1.0]), 1, 17), (0.5, np.array([3.0, 2.0]), 0, 5)),
        hints=(
            "v is the mean variance of the directions that have no basis. Which have none now?",
            "Those that had none, with the variance v each; and the dropped ones. What is the variance along those?",
            "lambda_j + v. So the sum of all, over 3L - 3 - J.",
        ),
        mistakes=(
            Mistake(
                lambda v, lam, J, L: ((3 * L - 3 - len(lam)) * v + np.sum(lam[J:])) / (3 * L - 3 - J),
                "Along a dropped basis there is noise as well: lambda_j + v.",
            ),
            Mistake(
                lambda v, lam, J, L: _noise(v, lam, J, L) * (3 * L - 3 - J) / (3 * L - J),
                "Three directions are taken by centring: 3L - 3 - J share the noise.",
            ),
            Mistake(lambda v, lam, J, L: v, "What the dropped bases explained doesn't vanish: it becomes noise."),
            Mistake(
                lambda v, lam, J, L: v + np.sum(lam[J:]),
                "It is spread over all directions that have no basis: a mean, and not a sum.",
            ),
        ),
    ),
}
