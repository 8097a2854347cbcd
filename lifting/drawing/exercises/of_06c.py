"""The exercises of notebook 06c."""

import dataclasses
from functools import cache
from typing import Any

import numpy as np

from lifting import belief, camera, front, pose_prior
from lifting.datasets import real_frames
from lifting.drawing.exercises.judging import Exercise, Mistake, difference

NOTEBOOK = "06c_many_wrong_peaks"


def _predicted(guess: Any) -> str:
    try:
        known, unknown, word = guess
        known, unknown = float(known), float(unknown)
    except (TypeError, ValueError):
        return "Two shares and a word are asked for."
    if str(word).strip().lower() != "more":
        return "Whom does the rest of the body hold from several sides: a hip, or a wrist?"
    if abs(known - 0.99) > 0.15:
        return "With its label the target is 5 cells away, and sigma is 2: is it felt?"
    return (
        ""
        if abs(unknown - 0.38) <= 0.15
        else "Without its label only the others complain, and only where they are disturbed."
    )


@cache
def _hat() -> np.ndarray:
    """The diagonal of (8) in image coordinates for the first photo and the stiff prior, (34,)."""
    prior = pose_prior.load_prior()
    stiff = dataclasses.replace(prior, sigma=5 * prior.sigma)
    photo = real_frames.load_real_frames()[0]
    maps, has_map = real_frames.belief_human36m(photo)
    Y = camera.flip_y(belief.peaks(maps))
    found = front.lift(Y, stiff, scale=None, visible=has_map & photo.visible, camera=photo.map_camera)
    return np.diag(front.landmark_jacobian(found, stiff, centred=False))


def _leverages(got: Any) -> str:
    fault = difference(got, _hat().reshape(2, 17).mean(0), 1e-6)
    if not fault or not isinstance(got, np.ndarray) or got.shape != (17,):
        return fault and f"{fault[0].upper()}{fault[1:]}."
    if np.allclose(got, _hat().reshape(17, 2).mean(1)):
        return "Entry p of the diagonal is the x of landmark p, entry 17 + p its y: the two are 17 apart."
    if np.allclose(got, _hat()[:17]):
        return "That is x alone."
    return f"{fault[0].upper()}{fault[1:]}."


EXERCISES = {
    "6c.1": Exercise(
        right=None,
        hints=(
            "With its label: how far does a target of width 2 pull, and how far away is it?",
            "Without: a landmark is judged by the others, as far as it disturbs them. Think of leverage.",
        ),
        mistakes=(
            Mistake([0.5, 0.4, "more"], "With its label the target is felt."),
            Mistake([1.0, 0.9, "more"], "Without its label most don't come home."),
            Mistake([1.0, 0.4, "less"], "A hip is held from several sides."),
        ),
        check=_predicted,
    ),
    "6c.2": Exercise(
        right=None,
        hints=(
            "hat.diagonal() has 34 entries: 17 for x, then 17 for y.",
            "(hat.diagonal()[:17] + hat.diagonal()[17:]) / 2",
        ),
        mistakes=(
            Mistake(np.ones(17), "At 1 nobody could be judged."),
            Mistake(np.ones(34), "One number a landmark."),
            Mistake([0.5] * 17, "An array is asked for."),
        ),
        check=_leverages,
    ),
}
