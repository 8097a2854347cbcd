"""How a prior is judged: people whom it hasn't learned from are lifted, and the error is counted. One protocol.

A group of clips is held out, a prior is learned from the others, and the held-out poses, upright ones, are seen from
`HEADINGS` headings by a level orthographic camera at a known scale. They are lifted from their exact 2D landmarks, and
again with Gaussian noise of `LANDMARK_NOISE` on every coordinate (`measure`). The figure of a prior is the mean over
groups of the mean over a group's clips (`summary`).

Beside it, and not to choose by: the same poses seen by cameras that look down (`pitched`), and the eight embedded
photos, of a man who is in no clip (`photo_errors`).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from lifting.camera import rotation_angles, tilted_camera, turn
from lifting.datasets.real_frames import load_real_frames
from lifting.front import lift
from lifting.metrics import mpjpe, p_mpjpe
from lifting.pose_prior import PosePrior

HEADINGS = 8
LANDMARK_NOISE = 0.010
"""The standard deviation, in metres, of what is added to 2D landmarks to see what noise does."""

PITCHES = (0, 10, 20, 30)
"""Degrees by which cameras look down."""


def views(poses: Float[np.ndarray, "T 3 17"]) -> Float[np.ndarray, "8*T 3 17"]:
    """The poses turned to all headings, counted from the one at which each was recorded."""
    return np.concatenate([turn(poses, np.full(len(poses), theta)) for theta in rotation_angles(HEADINGS)])


def measure(prior: PosePrior, poses: Float[np.ndarray, "T 3 17"]) -> dict[str, float]:
    """Errors in mm of lifting poses seen from all headings: see `data/prior.md` for what each column means."""
    truth = views(poses)
    lifted = lift(truth[:, :2], prior).pose
    error = 1000 * mpjpe(lifted, truth, root="centroid")
    reflected = 1000 * mpjpe(lifted * np.array([[1.0], [1.0], [-1.0]]), truth, root="centroid")
    noise = LANDMARK_NOISE * np.random.default_rng(0).standard_normal(truth[:, :2].shape)
    noisy = lift(truth[:, :2] + noise, prior).pose
    return {
        "mean_mm": float(error.mean()),
        "median_mm": float(np.median(error)),
        "pelvis_mean_mm": float(1000 * mpjpe(lifted, truth).mean()),
        "flipped_percent": float(100 * (reflected < error).mean()),
        "noisy_mean_mm": float(1000 * mpjpe(noisy, truth, root="centroid").mean()),
    }


def pitched(prior: PosePrior, poses: Float[np.ndarray, "T 3 17"]) -> dict[str, float]:
    """Mean errors in mm with cameras that look down, by pitch: `known` to `lift`, or taken for level."""
    truth, errors = views(poses), {}
    for pitch in PITCHES:
        camera = tilted_camera(np.radians(pitch))
        seen = camera @ truth
        for knowledge, given in (("known", camera), ("taken for level", None)):
            lifted = lift(seen[:, :2], prior, camera=given).pose
            errors[f"{pitch} {knowledge}"] = float(1000 * mpjpe(lifted, seen, root="centroid").mean())
    return errors


def photo_errors(prior: PosePrior) -> dict[str, float]:
    """P-MPJPE in mm for each embedded photo, lifted with its known camera from the landmarks that the network saw."""
    errors = {}
    for frame in load_real_frames():
        lifted = lift(frame.Y, prior, scale=None, visible=frame.visible, camera=frame.camera)
        both = frame.visible & frame.pseudo_visible
        errors[frame.name] = float(1000 * p_mpjpe(lifted.pose / lifted.scale, frame.pseudo_truth, both))
    return errors


def summary(rows: Sequence[dict[str, Any]], column: str) -> float:
    """The mean over groups of the mean over the group's clips."""
    groups: dict[str, list[float]] = {}
    for row in rows:
        groups.setdefault(row["group"], []).append(row[column])
    return float(np.mean([np.mean(values) for values in groups.values()]))
