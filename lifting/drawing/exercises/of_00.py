"""The exercises of notebook 00."""

import numpy as np

from lifting.checking import mistaken_maps, mistakes
from lifting.drawing.exercises.judging import Exercise, Mistake

NOTEBOOK = "00_start_here"

_rng = np.random.default_rng(0)
_belief = _rng.random((64, 64))
_map_to_photo = np.array([[4.0, 0.5, 10.0], [-0.4, 4.2, 30.0]])
_x, _z = _rng.standard_normal((2, 3, 17))
_x, _z = (pose - pose.mean(axis=1, keepdims=True) for pose in (_x, _z))


def _landmark(belief: np.ndarray, map_to_photo: np.ndarray, sign: float = -1.0, swap: bool = False) -> np.ndarray:
    row, column = np.unravel_index(belief.argmax(), belief.shape)
    x, y = map_to_photo @ ([row, column, 1] if swap else [column, row, 1])
    return np.array([x, sign * y])


EXERCISES = {
    "0.1": Exercise(
        right=_landmark,
        calls=((_belief, _map_to_photo),),
        hints=(
            "`map_to_photo` takes (column, row, 1): the column first.",
            "What it gives is a photo's pixel, with rows that count downwards.",
            "x, y = map_to_photo @ [column, row, 1], and then the sign of y.",
        ),
        mistakes=(
            Mistake(lambda belief, A: _landmark(belief, A, sign=1.0), "Rows count downwards; here y points up."),
            Mistake(
                lambda belief, A: _landmark(belief, A, swap=True), "The matrix wants the column first, then the row."
            ),
            Mistake(
                lambda belief, A: np.array(np.unravel_index(belief.argmax(), belief.shape)[::-1]),
                "That is the cell of the map; asked is the photo's pixel.",
            ),
            Mistake(lambda belief, A: -_landmark(belief, A, sign=1.0), "Only y changes its sign."),
        ),
    ),
    "0.2": Exercise(
        right=[1.0, 0.0],
        hints=(
            "The pose's centre is -1. Move it to 0: -2 and 2, where the truth has -1 and 1.",
            "MPJPE is the mean of two distances. N-MPJPE may scale the pose first: by what?",
        ),
        mistakes=(
            Mistake([1.0, 1.0], "Scaled by a half, the pose is the truth."),
            Mistake([2.0, 0.0], "That is the sum of the two distances; the error is their mean."),
            Mistake([1.5, 0.0], "Both are moved to the same centre first."),
        ),
    ),
    "0.3": Exercise(
        right=lambda x, z: np.sum(x * z) / np.sum(x * x),
        calls=((_x, _z), (2 * _z, _x)),
        hints=(
            "Write the square out: s^2 <x, x> - 2 s <x, z> + <z, z>.",
            "d/ds gives 2 s <x, x> - 2 <x, z> = 0.",
        ),
        mistakes=(
            Mistake(lambda x, z: np.sum(x * z) / np.sum(z * z), "That scales the truth to the pose: divide by <x, x>."),
            Mistake(
                lambda x, z: np.linalg.norm(z) / np.linalg.norm(x),
                "That makes both equally large, which is not the least distance.",
            ),
            Mistake(lambda x, z: np.sum(x * x) / np.sum(x * z), "Upside down."),
        ),
    ),
    "0.4": Exercise(
        right=lambda f: f is mistaken_maps.world_landmarks,
        calls=((mistaken_maps.world_landmarks,), (mistakes.mystery(2),)),
        hints=(
            "Print y[nose] and y[hip] for both.",
            "Which of the two is larger, if y points up and the man stands?",
        ),
        mistakes=(
            Mistake(lambda f: True, "That acquits everyone, the suspect as well."),
            Mistake(lambda f: False, "That convicts everyone, the right function as well."),
            Mistake(lambda f: f is not mistaken_maps.world_landmarks, "y points up: the nose has the larger one."),
        ),
    ),
}
