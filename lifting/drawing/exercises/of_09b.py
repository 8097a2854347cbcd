"""The exercises of notebook 09b."""

from typing import Any

import numpy as np

from lifting.drawing.exercises.judging import Exercise, Mistake

NOTEBOOK = "09b_stopping_and_scaling"

_COUNT, _SIZE = 20, 4
_EPOCH = _COUNT // _SIZE


def _sound(steps: Any) -> str:
    """What is wrong with the pictures of steps 0 to 9 and, again, of step 7."""
    if not isinstance(steps, list) or len(steps) != 11 or any(np.shape(step) != (_SIZE,) for step in steps):
        return f"Each step must give {_SIZE} indices."
    for epoch in (steps[:_EPOCH], steps[_EPOCH : 2 * _EPOCH]):
        if not np.array_equal(np.sort(np.concatenate(epoch)), np.arange(_COUNT)):
            return "In an epoch every picture must come exactly once."
    if not np.array_equal(steps[7], steps[10]):
        return "The same step, asked again, gives other pictures: something else than the arguments decides."
    if np.array_equal(steps[0], steps[_EPOCH]):
        return "The second epoch has the order of the first."
    return ""


_same_order = np.random.default_rng(0).permutation(_COUNT)

EXERCISES = {
    "9b.1": Exercise(
        right=None,
        calls=tuple((3, step, _COUNT, _SIZE) for step in (*range(10), 7)),
        hints=(
            "divmod(step, count // size) gives the epoch and the place in it.",
            "Permute once for each epoch, with a generator made of the seed and the epoch; then cut out the place.",
        ),
        mistakes=(
            Mistake(
                lambda seed, step, count, size: np.random.default_rng([seed, step]).permutation(count)[:size],
                "Pictures come twice in an epoch.",
            ),
            Mistake(lambda seed, step, count, size: _same_order[step * size % count :][:size], "Every epoch is alike."),
            Mistake(lambda seed, step, count, size: np.arange(count), "These are all pictures."),
        ),
        check=_sound,
    ),
    "9b.2": Exercise(
        right=[1.75, 2.0],
        hints=("Each of the 16 pictures counts alike.", "10 times the first and 6 times the second, over 16."),
        mistakes=(
            Mistake([2.0, 1.75], "The other way round."),
            Mistake([2.0, 2.0], "The parts are of different sizes: weigh them."),
            Mistake([2.25, 2.0], "The 10 pictures have the gradient 1.0, not 3.0."),
            Mistake([28.0, 4.0], "Means are asked for."),
        ),
        tolerance=1e-3,
    ),
}
