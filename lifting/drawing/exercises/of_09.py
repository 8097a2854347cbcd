"""The exercises of notebook 09."""

import numpy as np

from lifting.drawing.exercises.judging import Exercise, Mistake

NOTEBOOK = "09_training"

_landmarks = np.random.default_rng(9).uniform(0, 63, (5, 2, 17))


def _rate(n: int, N: int, r: float, m: int) -> float:
    return r * min(1, (n + 1) / (m + 1)) * (1 + np.cos(np.pi * n / N)) / 2


def _guess(landmarks: np.ndarray, count: int) -> np.ndarray:
    return np.repeat(landmarks.mean(0, keepdims=True), count, axis=0)


EXERCISES = {
    "9.1": Exercise(
        right=_guess,
        calls=((_landmarks, 3), (_landmarks[:2], 1)),
        hints=(
            "The guess is the same for every picture: the mean over the training set's pictures.",
            "landmarks.mean(0) is (2, 17); np.repeat or np.tile makes (count, 2, 17) of it.",
        ),
        mistakes=(
            Mistake(
                lambda landmarks, count: landmarks.mean(0),
                "The guess is right, but for one picture: count are asked for.",
            ),
            Mistake(
                lambda landmarks, count: np.full((count, 2, 17), landmarks.mean()),
                "Each landmark has its own mean, in x and in y.",
            ),
            Mistake(
                lambda landmarks, count: np.repeat(landmarks.mean((0, 2), keepdims=True), 17, axis=2).repeat(count, 0),
                "That puts all landmarks in the middle of the person: don't average over them.",
            ),
        ),
    ),
    "9.2": Exercise(
        right=[_rate(n, 4, 0.4, 1) for n in range(4)],
        hints=(
            "The cosine's angles are 0, 45, 90 and 135 degrees. In which step does the warm-up still halve?",
            "(n + 1) / (m + 1) is 1/2 in step 0, and 1 from step 1 on.",
        ),
        mistakes=(
            Mistake([0.4, 0.341, 0.2, 0.059], "The warm-up is missing: it halves the first rate."),
            Mistake([0.2, 0.4, 0.4, 0.4], "The cosine is missing."),
            Mistake([0.4, 0.683, 0.4, 0.117], "(1 + cos) is divided by 2."),
            Mistake([0.171, 0.2, 0.059, 0.0], "Steps are counted from 0."),
        ),
        tolerance=1.1e-3,
    ),
    "9.3": Exercise(
        right=_rate,
        calls=tuple((n, 300, 3e-3, 20) for n in (0, 10, 20, 150, 299)),
        hints=(
            "Three factors: r, the rise, the fall.",
            "min(1, (n + 1) / (m + 1)) and (1 + np.cos(np.pi * n / N)) / 2.",
        ),
        mistakes=(
            Mistake(lambda n, N, r, m: _rate(n, N, r, 0), "The rise is missing."),
            Mistake(lambda n, N, r, m: r * (n + 1) / (m + 1) * (1 + np.cos(np.pi * n / N)) / 2, "The rise ends at 1."),
            Mistake(lambda n, N, r, m: 2 * _rate(n, N, r, m), "1 + cos goes from 2 to 0: half of it is asked for."),
            Mistake(
                lambda n, N, r, m: r * min(1, (n + 1) / (m + 1)) * (1 + np.cos(2 * np.pi * n / N)) / 2,
                "Half a cosine, not a whole one: the angle goes from 0 to pi.",
            ),
        ),
        tolerance=1e-9,
    ),
    "9.4": Exercise(
        right=["trunk and head", "hips", "hardly better than by chance"],
        hints=("What moves least lies near the average.", "Front or back is a property of the whole picture."),
        mistakes=(
            Mistake(["wrists", "wrists", "surely"], "Wrists move most of all: an average says little on them."),
            Mistake(["trunk and head", "wrists", "hardly better than by chance"], "Hips move less than wrists."),
            Mistake(["trunk and head", "hips", "surely"], "That takes tens of thousands of pictures."),
        ),
    ),
}
