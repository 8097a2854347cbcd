"""A toy that fits on paper: three landmarks, one basis, four rotations. Notebooks 03 to 07 redo all equations on it.

Its numbers are made up, so that every result has a digit or two; what is computed from them comes from the package's
own functions. One unit is a pixel of its belief maps, which have 5 x 5 of them: the landmark at (x, y) lies in column
2 + x and row 2 - y.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from lifting import belief, camera, landmark_gradient, pose_prior, solve

LANDMARKS = ("left hand", "head", "right hand")

MU = np.array([[1.0, 0.0, -1.0], [-1.0, 2.0, -1.0], [0.0, 1.0, -1.0]])
"""(3, 3) rows x, y, z of the mean pose: hands down, the head forward, the right hand back."""

E_3D = np.array([[[0.5, 0.0, -0.5], [0.5, 0.0, -0.5], [0.0, 0.0, 0.0]]])
"""(1, 3, 3) the one basis: the left hand out and up, the right hand out and down. Its nine numbers have length 1."""

SIGMA = np.array([0.5])
"""(1,) its weight: sqrt(v / lambda) for the noise's variance v = 1/4 and lambda = 1."""

ANGLES = camera.rotation_angles(4)
"""(4,) the finite set: 0, 90, 180 and 270 degrees, in radians."""

Y = np.array([[2.0, 0.0, -2.0], [0.0, 1.0, -1.0]])
"""(2, 3) the landmarks that were seen, centred, y up."""

SIZE = 5
"""Rows and columns of its belief maps."""


@cache
def prior() -> pose_prior.PosePrior:
    """The toy as a prior of one Gaussian, K = 1, J = 1, L = 3."""
    one = np.ones(1)
    return pose_prior.PosePrior(MU[None], E_3D[None], SIGMA[None], 0.25 * one, one, LANDMARKS)


class Solved(NamedTuple):
    """All that equations (4) to (8) give at one rotation."""

    p: Float[np.ndarray, "6"]
    E: Float[np.ndarray, "6 1"]
    E_bar: Float[np.ndarray, "7 1"]
    E_bar_dagger: Float[np.ndarray, "1 7"]
    E_bar_t: Float[np.ndarray, "1 6"]
    a: Float[np.ndarray, "1"]
    cost: Float[np.ndarray, ""]
    H: Float[np.ndarray, "6 6"]


def solved(theta: float = 0.0, tilt: float = 0.0) -> Solved:
    """The toy solved at the rotation `theta`, seen by a camera that looks down by `tilt`, both in radians."""
    p, E = solve.projected_model(MU, E_3D, np.asarray(theta), camera=camera.tilted_camera(np.asarray(tilt)))
    E_bar = solve.stack_ridge(E, SIGMA)
    E_bar_dagger = solve.pseudo_inverse(E_bar)
    E_bar_t = solve.truncated_pseudo_inverse(E, SIGMA)
    y = solve.unwrap(Y)
    a = solve.coefficients(y, p, E_bar_dagger)
    cost = solve.cost(y, p, E, SIGMA, a)
    return Solved(p, E, E_bar, E_bar_dagger, E_bar_t, a, cost, landmark_gradient.jacobian(E, E_bar_t))


def costs() -> Float[np.ndarray, "4"]:
    """The least cost of eq. (2) at each of the four rotations."""
    return np.array([solved(theta).cost for theta in ANGLES])


def pixels(points: Float[np.ndarray, "2 3"] = Y) -> Float[np.ndarray, "2 3"]:
    """Columns and rows of landmarks (x, y), y up, on the 5 x 5 maps."""
    return camera.flip_y(points) + 2.0


def belief_maps(points: Float[np.ndarray, "2 3"] = Y) -> Float[np.ndarray, "3 5 5"]:
    """The maps that landmarks (x, y), y up, induce: Gaussians of peak 1, one pixel wide."""
    return belief.belief_maps(pixels(points), SIZE, SIZE)
