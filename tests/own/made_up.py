"""A person who dances, from the embedded motion, as a detector would have seen them."""

from pathlib import Path

import numpy as np

from lifting.camera import rotation
from lifting.datasets.motion_capture import load_motion_capture
from lifting.files import Recording

SCALE = 200.0


def truth():
    """(98, 3, 17) metres, y up."""
    return rotation(0.5) @ load_motion_capture().of_clip("dance_a")


def recording(gaps=True, confidence=1.0, **fields):
    """98 frames in pixels, y up; of frame 5 nothing was seen, of frames 7 and 97 no ankle."""
    Y = SCALE * truth()[:, :2] + [[400.0], [-300.0]]
    confidences = np.full((len(Y), 17), confidence)
    if gaps:
        confidences[5] = confidences[7, 3] = confidences[97, 3] = 0
    Y = np.where(confidences[:, None] > 0, Y, np.nan)
    times = np.arange(len(Y)) / 25
    given = {"size": (800, 600), "source": Path("dance.json"), "format": "made up", "times": times}
    return Recording(Y, confidences, np.arange(len(Y)), **(given | fields))
