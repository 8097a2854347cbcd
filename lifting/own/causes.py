"""Why a person fits poorly: the likely faults of an input, each undone and lifted again, to see which one it is."""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from lifting.misfit import POOR
from lifting.own.person import Person, quietly, usable_landmarks
from lifting.own.settings import Settings
from lifting.pose_prior import PosePrior
from lifting.skeleton import convert

FRAMES = 60
"""At most so many frames, equally spaced, are lifted again."""

BETTER = 2.0
"""A cause is named where undoing it makes the misfit so many times smaller, at least, and at most `EXPLAINED`."""

EXPLAINED = 2 * POOR

Landmarks = Float[np.ndarray, "T 2 17"]


class Cause(NamedTuple):
    """A fault that an input may have."""

    name: str
    """What it is, and what to do."""
    undo: Callable[[Landmarks], Landmarks]
    """Landmarks without it."""
    any_scale: bool = False
    """Whether it is looked for with the scale solved for."""
    reorders: bool = False
    """Whether the landmarks, and so their weights, are put into another order."""


LYING = "turned by a quarter: people lie, which --orientation free lifts, or the picture does"

CAUSES = (
    Cause(
        "y flipped: y points down, as rows of a picture do, where up was expected, or people are upside down, which "
        "--orientation free lifts",
        lambda Y: Y * [[1.0], [-1.0]],
    ),  # fmt: skip
    Cause("the landmarks read in the order of COCO", lambda Y: convert(Y, "coco", "human36m")[0], reorders=True),
    Cause("the scale solved for: leave --scale out, or give what one metre measures", lambda Y: Y, any_scale=True),
    Cause("x made 16/9 as wide: landmarks from 0 to 1 of a picture want its --size", lambda Y: Y * [[16 / 9], [1.0]]),
    Cause(LYING, lambda Y: Y[:, ::-1] * [[-1.0], [1.0]]),
    Cause(LYING, lambda Y: Y[:, ::-1] * [[1.0], [-1.0]]),
)
"""In the order in which they are likely; of two that explain it as well, the first is named."""


def find_cause(person: Person, prior: PosePrior) -> tuple[str, float] | None:
    """The cause that explains a person's poor fits, and how many times better the person fits without it.

    y that points down and a person who is upside down, the other way round, have the same landmarks: both are named.

    Returns:
        None where no cause does.
    """
    Y, weights = usable_landmarks(person.recording, 0.0)
    rows = np.flatnonzero((weights > 0).sum(1) >= 3)
    rows = rows[np.linspace(0, len(rows) - 1, min(FRAMES, len(rows))).astype(int)]
    if not len(rows):
        return None
    Y, weights = Y[rows], np.minimum(weights[rows], 1.0)  # 0 and 1, which is quick, and tells as much
    settings = replace(person.settings, tilts=(), orientation="upright")
    given = _misfit(Y, weights, prior, settings)
    found = [(cause.name, _misfit(*_without(cause, Y, weights), prior, _settings(cause, settings)))
             for cause in CAUSES if not (cause.any_scale and settings.scale is None)]  # fmt: skip
    least = min(value for _, value in found)
    name, value = next((name, value) for name, value in found if value <= 1.1 * least)
    return (name, given / value) if BETTER * value < given and value < EXPLAINED else None


def _without(cause: Cause, Y: Landmarks, weights: Float[np.ndarray, "T 17"]) -> tuple[np.ndarray, np.ndarray]:
    """Landmarks and weights, 0 and 1, without the fault."""
    return cause.undo(Y), (cause.undo(np.stack([weights, weights], axis=1))[:, 0] if cause.reorders else weights)


def _settings(cause: Cause, settings: Settings) -> Settings:
    return replace(settings, scale=None) if cause.any_scale else settings


def _misfit(Y: Landmarks, weights: np.ndarray, prior: PosePrior, settings: Settings) -> float:
    """The median misfit; infinite where most frames can't be lifted at all."""
    values = np.nan_to_num(quietly(Y, weights, prior, settings).misfit, nan=np.inf)
    return float(np.median(values))
