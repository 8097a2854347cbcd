"""The camera: a person turned about the vertical, seen orthographically. Supplement, eq. (1).

World and camera share one frame: x to the right, y up, z towards the viewer, right-handed, metres. A pose is
a (3, L) array of L landmarks. The person turns by one angle theta about the vertical y axis; a camera that is
not level adds a known rotation of its own, written `camera` (the main paper's E, a letter that the supplement
uses for something else).

Pixels are another frame: x is the column, y the row, which counts downwards, and whole numbers are the centres of
pixels. `flip_y` and `rescale_pixels` are the only places where the sign of y and the half pixel of a change of size
occur.

How the pose is found for given landmarks is `lifting.solve`'s.
"""

import math
from typing import Annotated

import numpy as np
from jaxtyping import Float

from lifting.support.arrays import Array, like, namespace, to_numpy
from lifting.support.checked import Cameras, Count, checked

ROTATIONS = 80
"""How many angles the main paper searches."""


@checked
def rotation_angles(rotations: Count = ROTATIONS) -> Float[np.ndarray, " T"]:
    """The finite set of rotations of eq. (2), as `rotations` equally spaced angles from 0 up to 2 pi, in radians.

    Raises:
        ValueError: `rotations` is not a whole number above zero.
    """
    return 2 * math.pi * np.arange(rotations) / rotations


@checked
def rotation(theta: Float[Array, "*batch"]) -> Float[Array, "*batch 3 3"]:
    """The rotation R(theta) about the vertical y axis of eq. (1), theta in radians.

    At theta = 0 nothing turns; a small positive theta moves what is nearest the viewer (z > 0) to the right (x > 0).

    Raises:
        ValueError: theta is not finite or not a floating-point array.
    """
    xp = namespace(theta)
    c, s = xp.cos(theta), xp.sin(theta)
    one, zero = xp.ones_like(c), xp.zeros_like(c)
    # R(theta) = [[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]]
    rows = [xp.stack([c, zero, s], axis=-1), xp.stack([zero, one, zero], axis=-1), xp.stack([-s, zero, c], axis=-1)]
    return xp.stack(rows, axis=-2)


@checked
def tilted_camera(pitch: Float[Array, "*batch"]) -> Float[np.ndarray, "*batch 3 3"]:
    """The known rotation of a camera that looks down by `pitch` radians; the `camera` argument of eq. (1).

    Raises:
        ValueError: `pitch` is not finite.
    """
    pitch = to_numpy(pitch)
    c, s, zero, one = np.cos(pitch), np.sin(pitch), np.zeros_like(pitch), np.ones_like(pitch)
    rows = [one, zero, zero], [zero, c, -s], [zero, s, c]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


@checked
def orientations(count: Count) -> Float[np.ndarray, "count 3 3"]:
    """Rotations of a camera that let a body's vertical point anywhere: with the angles of eq. (1) a set over SO(3).

    Ours, not the paper's. The verticals are `count` points spread evenly over the sphere, a spiral from straight up to
    straight down; each rotation is the shortest one that takes (0, 1, 0) there. The first is the level camera.

    Raises:
        ValueError: `count` is not a whole number above zero.
    """
    n = np.arange(count)
    height = 1 - 2 * n / max(1, count - 1)
    azimuth = math.pi * (3 - math.sqrt(5)) * n  # the golden angle: no two turns of the spiral line up
    radius = np.sqrt(np.maximum(0, 1 - height**2))
    x, z = radius * np.cos(azimuth), radius * np.sin(azimuth)
    # straight down is half a turn about the line of sight; else I + [w] + [w]^2 / (1 + height), w = (0, 1, 0) x up
    below = 1 + height < 1e-9
    share = 1 / np.where(below, 1, 1 + height)
    rows = [
        [1 - x * x * share, x, -x * z * share],
        [-x, height, -z],
        [-x * z * share, z, 1 - z * z * share],
    ]
    rotations = np.moveaxis(np.array(rows), -1, 0)
    rotations[below] = np.diag([-1.0, -1.0, 1.0])
    return rotations


@checked
def turn(
    pose: Float[Array, "*batch 3 L"], theta: Float[Array, "*batch"], camera: Cameras | None = None
) -> Float[Array, "*batch 3 L"]:
    """The pose in the camera's frame: R(theta) pose, then the known rotation of the camera. Part of eq. (1).

    Raises:
        ValueError: a wrong shape, a value that is not finite, or a camera that is no rotation.
    """
    xp = namespace(pose)
    c, s = xp.cos(theta)[..., None], xp.sin(theta)[..., None]
    x, y, z = (pose[..., row, :] for row in range(3))
    # R(theta) pose, its three rows written out: many times faster than a product of small matrices
    turned = xp.stack([c * x + s * z, y + xp.zeros_like(c), c * z - s * x], axis=-2)
    return turned if camera is None else camera @ turned


@checked
def project(
    pose: Float[Array, "*batch 3 L"],
    theta: Float[Array, "*batch"],
    *,
    scale: Annotated[Float[Array, "*batch"], "> 0"] = 1.0,
    camera: Cameras | None = None,
) -> Float[Array, "*batch 2 L"]:
    """The landmarks Y_hat of eq. (1): Y_hat = s Pi R (mu + a.e), for the pose mu + a.e in metres.

    Args:
        pose: (..., 3, L), metres, y up.
        theta: (...), radians.
        scale: (...), positive; what one metre measures in the image (1 for the supplement's eq. (1)).
        camera: (..., 3, 3), the known rotation of a camera that is not level (main paper, section 5), or of each.

    Raises:
        ValueError: a wrong shape, a value that is not finite, a scale that is not positive, a camera that is no
            rotation.
    """
    # (1)  Y_hat = s Pi R (mu + a.e)
    return like(scale, pose)[..., None, None] * turn(pose, theta, camera)[..., :2, :]


@checked
def flip_y(points: Float[Array, "*batch d L"]) -> Float[Array, "*batch d L"]:
    """Landmarks of an image, whose rows count downwards, in the frame of eq. (1), whose y axis points up; and back.

    Args:
        points: (..., d, L), d >= 2; the second row is y.

    Raises:
        ValueError: a wrong shape or a value that is not finite.
    """
    xp = namespace(points)
    return xp.concat([points[..., :1, :], -points[..., 1:2, :], points[..., 2:, :]], axis=-2)


@checked
def rescale_pixels(Y: Float[Array, "*batch 2 L"], factor: Float[Array, "*batch"]) -> Float[Array, "*batch 2 L"]:
    """Where the landmarks Y of eq. (1) are, in pixels, when the image is made `factor` times as large.

    The first pixel's centre is at 0 and its edge at -1/2; edges stay edges.

    Raises:
        ValueError: a wrong shape or a value that is not finite.
    """
    return (Y + 0.5) * factor[..., None, None] - 0.5
