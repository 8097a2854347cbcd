"""One person of a file, lifted: confidences as weights, frames that can't be lifted left out, metres at the end."""

import warnings
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from lifting.beyond import DETECTED, mend_sides, posterior, smooth
from lifting.files import Recording
from lifting.front import Lifted, lift
from lifting.misfit import PoorFit
from lifting.own.settings import Settings
from lifting.pose_prior import PosePrior
from lifting.skeleton import HUMAN36M

FPS = 30.0
"""Frames a second where neither the file nor the settings say."""

PELVIS = HUMAN36M.index("pelvis")


class Spread(NamedTuple):
    """How sure a pose is: the posterior of `lifting.beyond`, in the axes of `Person.pose`, metres from its pelvis."""

    mean: Float[np.ndarray, "T 3 17"]
    """The mean pose, over all that the landmarks leave open."""
    covariance: Float[np.ndarray, "T 17 3 3"]
    """Of every landmark about it, square metres."""


@dataclass(frozen=True)
class Person:
    """One person of a file, over T frames."""

    recording: Recording
    """What was read: landmarks Y (T, 2, 17), y up, and their confidences (T, 17); sides changed back, if asked for."""
    lifted: Lifted
    """What `lift` made of it, NumPy, a row a frame; NaN where a frame can't be lifted."""
    settings: Settings
    """How it was lifted."""
    spread: Spread | None = None
    """How sure each landmark is; None where not asked for."""
    notes: tuple[str, ...] = ()
    """What the reader and the lifting have to tell, a sentence each."""
    changed: Bool[np.ndarray, " T"] | None = None
    """In which frames left and right were changed back; None where not asked for."""

    @property
    def usable(self) -> Bool[np.ndarray, " T"]:
        """Which frames were lifted."""
        return np.asarray(self.lifted.usable)

    @property
    def poor(self) -> Bool[np.ndarray, " T"]:
        """Which frames were lifted and fit poorly."""
        return self.usable & ~np.asarray(self.lifted.fit)

    @property
    def pose(self) -> Float[np.ndarray, "T 3 17"]:
        """Metres from the pelvis, x to the right of the picture, y up, z towards the camera."""
        pose = self.lifted.pose / self.lifted.scale[:, None, None]
        return pose - pose[..., PELVIS, None]

    @property
    def root(self) -> Float[np.ndarray, "T 3"]:
        """Where the pelvis is, metres from where it is in the first frame that was lifted; its z, unknown, is 0.

        One scale for all frames, the median, as the scale of a single frame is not exact.
        """
        root = np.full((len(self.usable), 3), np.nan)
        if self.usable.any():
            place = self.lifted.pose[:, :2, PELVIS] / np.median(self.lifted.scale[self.usable])
            root[:, :2] = place - place[self.usable][0]
            root[self.usable, 2] = 0
        return root

    @property
    def times(self) -> Float[np.ndarray, " T"]:
        """Seconds; counted from the frames' numbers where the file has no times."""
        return times_of(self.recording, self.settings)

    @property
    def rate(self) -> float:
        """Frames a second: the median."""
        steps = np.diff(self.times)
        steps = steps[steps > 0]
        return float(1 / np.median(steps)) if len(steps) else self.settings.fps or FPS


def times_of(recording: Recording, settings: Settings) -> Float[np.ndarray, " T"]:
    """Seconds of each frame; counted from the frames' numbers where the file has no times."""
    if recording.times is not None:
        return np.asarray(recording.times, float)
    return np.asarray(recording.frames) / (settings.fps or FPS)


def lift_person(recording: Recording, prior: PosePrior, settings: Settings) -> Person:
    """Lift one person in all frames, and what of sides, smoothing and uncertainty was asked for.

    Raises:
        ValueError: a prior of another number of landmarks than the recording's.
    """
    options, changed = search_options(settings), None
    Y, weights = usable_landmarks(recording, settings.certain)
    times = times_of(recording, settings)
    if settings.sides:
        mended = mend_sides(Y, prior, scale=settings.scale, weights=weights, times=times, **options)
        Y, weights, changed = mended.Y, np.asarray(mended.weights), mended.exchanged
        there = np.where(weights[:, None] > 0, Y, np.nan)
        recording = replace(recording, Y=there, confidences=weights)
    lifted = quietly(Y, weights, prior, settings)
    spread = spread_of(Y, prior, lifted, options) if settings.uncertainty else None
    if settings.smooth and len(Y) > 1 and lifted.usable.any():
        lifted = smooth(Y, prior, lifted, times=times, **options)
    return Person(recording, lifted, settings, spread, tuple(recording.notes), changed)


def spread_of(Y: Float[np.ndarray, "T 2 17"], prior: PosePrior, lifted: Lifted, options: dict[str, Any]) -> Spread:
    """The posterior of each frame, for landmarks of a detector, in metres from the pelvis of the pose."""
    known = posterior(Y, prior, lifted, temperature=DETECTED, **options)
    scale = lifted.scale[:, None, None]
    return Spread((known.mean - lifted.pose[..., PELVIS, None]) / scale, known.covariance / scale[..., None] ** 2)


def usable_landmarks(
    recording: Recording, certain: float
) -> tuple[Float[np.ndarray, "T 2 17"], Float[np.ndarray, "T 17"]]:
    """Landmarks, 0 where there are none, and their weights: the confidences, 1 at least where they are `certain`."""
    weights = np.where(recording.confidences > certain, np.maximum(recording.confidences, 1.0), recording.confidences)
    return np.where(recording.visible[:, None], recording.Y, 0.0), weights


def quietly(
    Y: Float[np.ndarray, "T 2 17"], weights: Float[np.ndarray, "T 17"], prior: PosePrior, settings: Settings
) -> Lifted:
    """`lift` as the settings ask, which says nothing of poor fits: `lifting.own.words` does."""
    with warnings.catch_warnings(action="ignore", category=PoorFit):
        return lift(Y, prior, scale=settings.scale, weights=weights, **search_options(settings))


def search_options(settings: Settings) -> dict[str, Any]:
    """What the settings say to `lift`, and to all that searches as it does."""
    options: dict[str, Any] = {"unusable": "nan", "orientation": settings.orientation}
    return options | ({"tilts": np.radians(settings.tilts)} if settings.tilts else {})
