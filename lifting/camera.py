"""The camera: a person turned about the vertical, seen orthographically. Supplement, eq. (1).

World and camera share one frame: x to the right, y up, z towards the viewer, right-handed, metres. A pose is
a (3, L) array of L landmarks. The person turns by one angle theta about the vertical y axis; a camera that is
not level adds a known rotation of its own, written `camera` (the main paper's E, a letter that the supplement
uses for something else).
"""

import math

import numpy as np
from jaxtyping import Float

from lifting.support.arrays import Array, check_array, check_count, fail, like, namespace, to_numpy

ROTATIONS = 80
"""How many angles the main paper searches."""


def rotation_angles(rotations: int = ROTATIONS) -> Float[np.ndarray, " T"]:
    """The finite set of rotations of eq. (2), as `rotations` equally spaced angles from 0 up to 2 pi, in radians.

    Raises:
        ValueError: `rotations` is not a whole number above zero.
    """
    count = check_count("rotations", rotations)
    return 2 * math.pi * np.arange(count) / count


def rotation(theta: Float[Array, "*batch"]) -> Float[Array, "*batch 3 3"]:
    """The rotation R(theta) about the vertical y axis of eq. (1), theta in radians.

    At theta = 0 nothing turns; a small positive theta moves what is nearest the viewer (z > 0) to the right (x > 0).

    Raises:
        ValueError: theta is not finite or not a floating-point array.
    """
    theta = check_array("theta", theta)
    xp = namespace(theta)
    c, s = xp.cos(theta), xp.sin(theta)
    one, zero = xp.ones_like(c), xp.zeros_like(c)
    # R(theta) = [[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]]
    rows = [xp.stack([c, zero, s], axis=-1), xp.stack([zero, one, zero], axis=-1), xp.stack([-s, zero, c], axis=-1)]
    return xp.stack(rows, axis=-2)


def tilted_camera(pitch: float) -> Float[np.ndarray, "3 3"]:
    """The known rotation of a camera that looks down by `pitch` radians; the `camera` argument of eq. (1).

    Raises:
        ValueError: `pitch` is not finite.
    """
    angle = float(check_array("pitch", pitch))
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]])


def check_camera(camera: Float[Array, "3 3"]) -> Float[Array, "3 3"]:
    """`camera` if it is a rotation matrix; the guard of eq. (1)'s known camera rotation.

    Raises:
        ValueError: not (3, 3), not finite, not orthonormal, or a reflection.
    """
    camera = check_array("camera", camera, 3, 3)
    if camera.ndim != 2:
        fail("camera", f"shape {tuple(camera.shape)}", "shape (3, 3)")
    C = to_numpy(camera)
    error, determinant = np.abs(C @ C.T - np.eye(3)).max(), np.linalg.det(C)
    if error > 1e-4 or determinant < 0:
        fail("camera", f"a matrix with |C C^T - I| up to {error:.2g} and determinant {determinant:.2g}", "a rotation")
    return camera


def turn(
    pose: Float[Array, "*batch 3 L"], theta: Float[Array, "*batch"], camera: Float[Array, "3 3"] | None = None
) -> Float[Array, "*batch 3 L"]:
    """The pose in the camera's frame: R(theta) pose, then the known rotation of the camera. Part of eq. (1).

    Raises:
        ValueError: a wrong shape, a value that is not finite, or a camera that is no rotation.
    """
    pose = check_array("pose", pose, 3, "L")
    theta = like(check_array("theta", theta), pose)
    return turn_unchecked(pose, theta, None if camera is None else check_camera(camera))


def turn_unchecked(pose: Array, theta: Array, camera: Array | None) -> Array:
    """`turn` of eq. (1) for arrays that were checked before."""
    xp = namespace(pose)
    c, s = xp.cos(theta)[..., None], xp.sin(theta)[..., None]
    x, y, z = (pose[..., row, :] for row in range(3))
    # R(theta) pose, its three rows written out: many times faster than a product of small matrices
    turned = xp.stack(xp.broadcast_arrays(c * x + s * z, y, c * z - s * x), axis=-2)
    return turned if camera is None else like(camera, pose) @ turned


def project(
    pose: Float[Array, "*batch 3 L"],
    theta: Float[Array, "*batch"],
    *,
    scale: Float[Array, "*batch"] | float = 1.0,
    camera: Float[Array, "3 3"] | None = None,
) -> Float[Array, "*batch 2 L"]:
    """The landmarks Y_hat of eq. (1): Y_hat = s Pi R (mu + a.e), for the pose mu + a.e in metres.

    Args:
        pose: (..., 3, L), metres, y up.
        theta: (...), radians.
        scale: (...), positive; what one metre measures in the image (1 for the supplement's eq. (1)).
        camera: (3, 3), the known rotation of a camera that is not level (main paper, section 5).

    Raises:
        ValueError: a wrong shape, a value that is not finite, a scale that is not positive, a camera that is no
            rotation.
    """
    turned = turn(pose, theta, camera)
    scale = check_scale(scale, turned)
    # (1)  Y_hat = s Pi R (mu + a.e)
    return scale[..., None, None] * turned[..., :2, :]


def check_scale(scale: Float[Array, "*batch"] | float, reference: Array) -> Float[Array, "*batch"]:
    """The scale of eq. (1) as an array like `reference`.

    Raises:
        ValueError: a scale that is not finite or not positive.
    """
    value = like(check_array("scale", scale), reference)
    least = float(to_numpy(value).min(initial=np.inf))
    if least <= 0:
        fail("scale", least, "numbers > 0")
    return value
