"""The exercises of notebook 04b."""

import numpy as np

from lifting.drawing.exercises.judging import Exercise, Mistake

NOTEBOOK = "04b_scale_masks_weights"

_H = np.random.default_rng(5).standard_normal((8, 8))
_all, _some = np.ones(4, dtype=bool), np.array([True, False, True, True])


def _in_image(H: np.ndarray, visible: np.ndarray) -> np.ndarray:
    return H + np.kron(np.eye(2), np.tile(visible / visible.sum(), (len(visible), 1)))


EXERCISES = {
    "4b.1": Exercise(
        right=_in_image,
        calls=((_H, _some), (_H, _all)),
        hints=(
            "Which matrix gives every landmark the mean of the visible ones, for one coordinate?",
            "Each of its rows holds 1/n for the n visible landmarks and 0 for the others.",
            "np.kron(np.eye(2), ...) puts it on the diagonal, for x and for y.",
        ),
        mistakes=(
            Mistake(
                lambda H, visible: H + np.kron(np.eye(2), np.tile(visible / visible.sum(), (len(visible), 1)).T),
                "The mean's matrix is transposed: every row, seen or not, gets the same mean.",
            ),
            Mistake(
                lambda H, visible: H + np.kron(np.eye(2), np.full((len(visible),) * 2, 1 / len(visible))),
                "The mean is over the visible landmarks only.",
            ),
            Mistake(
                lambda H, visible: H + np.tile(visible / visible.sum(), (2 * len(visible), 2)),
                "The mean of the x has nothing to do with y: two blocks on the diagonal.",
            ),
            Mistake(lambda H, visible: H + np.eye(len(H)), "I is added, but what passes through is the mean, I - Z."),
        ),
    ),
}
