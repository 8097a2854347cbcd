"""The exercises of notebook 03b."""

import numpy as np

from lifting import solve
from lifting.drawing import toy
from lifting.drawing.exercises.judging import Exercise, Mistake

NOTEBOOK = "03b_scale_weights_tilt"

_at = toy.solved(0.0)


def _with_scale(Y: np.ndarray, ridge: float = 0.0) -> list[float]:
    E_s, sigma = solve.free_scale(_at.p, _at.E, toy.SIGMA)
    s, scaled = np.linalg.solve(E_s.T @ E_s + np.diag([ridge, sigma[1] ** 2]), E_s.T @ solve.unwrap(Y))
    return [s, scaled / s]


EXERCISES = {
    "3b.1": Exercise(
        right=_with_scale,
        calls=((toy.Y,), (3.0 * toy.Y,)),
        hints=(
            "Solve (E_s^T E_s + ridge) (s, s a) = E_s^T y.",
            "What comes out is s and s a: the second has to be divided by the first.",
        ),
        mistakes=(
            Mistake(
                lambda Y: [_with_scale(Y)[0], _with_scale(Y)[0] * _with_scale(Y)[1]],
                "The second unknown is s a: divide it by s.",
            ),
            Mistake(lambda Y: _with_scale(Y, 0.25), "The scale pays no penalty: its ridge is 0."),
            Mistake(lambda Y: _with_scale(Y)[::-1], "The scale comes first, then a."),
        ),
    ),
    "3b.2": Exercise(
        right=lambda cost, v, log_det, weight: int(np.argmin(cost / v + log_det - 2 * np.log(weight))),
        calls=tuple(
            tuple(np.array(pair) for pair in one)
            for one in (
                ((1.0, 2.0), (0.1, 0.4), (-30.0, -30.0), (0.5, 0.5)),
                ((1.0, 2.0), (0.1, 0.4), (-40.0, -30.0), (0.5, 0.5)),
                ((1.0, 1.0), (0.1, 0.1), (-30.0, -30.0), (0.9, 0.1)),
                ((1.0, 1.0), (1.0, 1.0), (-30.0, -30.5), (0.99, 0.01)),
            )
        ),
        hints=(
            "Of -2 ln of the probability the smaller one wins.",
            "cost / v + log_det - 2 ln(weight), then np.argmin, as an int.",
        ),
        mistakes=(
            Mistake(
                lambda cost, v, log_det, weight: int(np.argmin(cost)), "The smallest cost is not the most probable."
            ),
            Mistake(
                lambda cost, v, log_det, weight: int(np.argmin(cost / v)),
                "That leaves out what a wide Gaussian pays: log_det, and the weights.",
            ),
            Mistake(
                lambda cost, v, log_det, weight: int(np.argmax(cost / v + log_det - 2 * np.log(weight))),
                "Of minus twice the logarithm the smallest is the most probable.",
            ),
            Mistake(
                lambda cost, v, log_det, weight: int(np.argmin(cost / v + log_det + 2 * np.log(weight))),
                "A larger weight makes a Gaussian more probable: minus 2 ln(weight).",
            ),
        ),
    ),
}
