"""One person of a file, lifted: confidences as weights, frames that can't be lifted left out, metres at the end."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from lifting.files import Recording
from lifting.front import Lifted, lift
from lifting.misfit import POOR, PoorFit
from lifting.own.settings import Settings
from lifting.pose_prior import PosePrior
from lifting.skeleton import HUMAN36M

FPS = 30.0
"""Frames a second where neither the file nor the settings say."""

PELVIS = HUMAN36M.index("pelvis")


@dataclass(frozen=True)
class Person:
    """One person of a file, over T frames."""

    recording: Recording
    """What was read: landmarks Y (T, 2, 17), y up, and their confidences (T, 17)."""
    lifted: Lifted
    """What `lift` made of it, NumPy, a row a frame; NaN where a frame can't be lifted."""
    settings: Settings
    """How it was lifted."""
    notes: tuple[str, ...] = ()
    """What the reader and the lifting have to tell, a sentence each."""

    @property
    def usable(self) -> Bool[np.ndarray, " T"]:
        """Which frames were lifted."""
        return np.asarray(self.lifted.usable)

    @property
    def poor(self) -> Bool[np.ndarray, " T"]:
        """Which frames fit poorly: a misfit above `POOR`."""
        return np.where(self.usable, self.lifted.misfit, 0) > POOR

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
        if self.recording.times is not None:
            return np.asarray(self.recording.times, float)
        return np.asarray(self.recording.frames) / (self.settings.fps or FPS)

    @property
    def rate(self) -> float:
        """Frames a second: the median."""
        steps = np.diff(self.times)
        steps = steps[steps > 0]
        return float(1 / np.median(steps)) if len(steps) else self.settings.fps or FPS


def lift_person(recording: Recording, prior: PosePrior, settings: Settings) -> Person:
    """Lift one person in all frames.

    Raises:
        ValueError: a prior of another number of landmarks than the recording's.
    """
    Y, weights = usable_landmarks(recording)
    lifted = quietly(Y, weights, prior, settings)
    return Person(recording, lifted, settings, notes=tuple(recording.notes))


def usable_landmarks(recording: Recording) -> tuple[Float[np.ndarray, "T 2 17"], Float[np.ndarray, "T 17"]]:
    """Landmarks, 0 where there are none, and their weights: the confidences, 0 where a landmark is no number."""
    there = np.isfinite(recording.Y).all(axis=1) & np.isfinite(recording.confidences)
    return np.where(there[:, None], recording.Y, 0.0), np.where(there, recording.confidences, 0.0)


def quietly(
    Y: Float[np.ndarray, "T 2 17"], weights: Float[np.ndarray, "T 17"], prior: PosePrior, settings: Settings
) -> Lifted:
    """`lift` as the settings ask, which says nothing of poor fits: `lifting.own.words` does."""
    options: dict[str, Any] = {"unusable": "nan"}
    if settings.tilts:
        options["tilts"] = np.radians(settings.tilts)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PoorFit)
        return lift(Y, prior, scale=settings.scale, weights=weights, **options)
