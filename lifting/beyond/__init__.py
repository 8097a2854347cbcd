"""What the paper doesn't have, ours: how sure a pose is, sides that a detector exchanged, smoothing over time."""

from lifting.beyond.sides import Mended, mend_sides
from lifting.beyond.smoothing import Motion, smooth
from lifting.beyond.uncertainty import DETECTED, Posterior, Readings, coefficient_covariance, posterior, readings

__all__ = [
    "DETECTED",
    "Mended",
    "Motion",
    "Posterior",
    "Readings",
    "coefficient_covariance",
    "mend_sides",
    "posterior",
    "readings",
    "smooth",
]
