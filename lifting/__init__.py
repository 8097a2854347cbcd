"""Lifting from the Deep, in the open: from 2D landmarks to a 3D pose and back, every equation in one place."""

import importlib
from typing import Any

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
    "lift_file",
    "load_network",
    "load_prior",
    "read",
    "save_prior",
]

_LAZY = {"lift_file": "lifting.own", "read": "lifting.files"}
"""What is loaded when it is first asked for, and from where."""


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_LAZY[name]), name)
