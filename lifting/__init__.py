"""Lifting from the Deep, in the open: from 2D landmarks to a 3D pose, every equation in one place."""

from lifting.lift import Lifted, lift
from lifting.pose_prior import PosePrior, load_prior, save_prior

__all__ = ["Lifted", "PosePrior", "lift", "load_prior", "save_prior"]
