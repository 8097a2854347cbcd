"""Coordinates that are shares of the picture's width and height, and pixels: told apart, and made pixels."""

from pathlib import Path

import numpy as np

from lifting.files.detections import place
from lifting.support.arrays import fail

LARGEST = 3.0
"""A person reaches out of the picture, but not by more than this many pictures; and nobody is this few pixels large."""


def are_shares(points: np.ndarray, visible: np.ndarray) -> bool:
    """Whether points (N, 2, L) are shares of a picture rather than pixels, by how large the visible ones are."""
    there = np.where(visible[:, None], points, 0.0)
    return bool(visible.any() and np.nanmax(np.abs(there)) <= LARGEST)


def to_pixels(
    path: Path, points: np.ndarray, visible: np.ndarray, size: tuple[float, float] | None
) -> tuple[np.ndarray, tuple[float, float] | None]:
    """Points (N, 2, L) in pixels, and the picture's size: shares times width and height, pixels as they are.

    Raises:
        ValueError: shares without a size.
    """
    if not are_shares(points, visible):
        return points, size
    if size is None:
        fail(place(path), "x and y as shares of a picture of unknown size", "its size=(WIDTH, HEIGHT)")
    return points * np.array(size)[:, None], size
