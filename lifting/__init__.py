"""Lifting from the Deep, in the open: from 2D landmarks to a 3D pose and back, every equation in one place."""

from lifting.belief import belief_gradient, belief_maps, belief_update
from lifting.front import Lifted, landmark_jacobian, lift
from lifting.layer import LiftedMaps, LiftingLayer
from lifting.misfit import PoorFit
from lifting.network import build_network, load_network
from lifting.pose_prior import PosePrior, load_prior, save_prior

__all__ = [
    "Lifted",
    "LiftedMaps",
    "LiftingLayer",
    "PoorFit",
    "PosePrior",
    "belief_gradient",
    "belief_maps",
    "belief_update",
    "build_network",
    "landmark_jacobian",
    "lift",
    "load_network",
    "load_prior",
    "save_prior",
]
