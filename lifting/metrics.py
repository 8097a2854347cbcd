"""How wrong a pose is: mean distances to the truth, after no alignment, or translation, scale, rotation taken out.

Notation: x_l and z_l are landmark l of the pose and of the truth, V the set of visible landmarks. Every function
works on whole batches and gives one number per pose, in the units of its input: average over poses yourself.

| function | taken out before measuring |
|---|---|
| `mpjpe` | translation (that of a root landmark, or of the centroid, or none) |
| `n_mpjpe` | translation as above, then scale |
| `p_mpjpe` | translation, scale and rotation, all at their least squares best |
| `pck` | translation; counts the landmarks within a threshold |
| `pixel_error` | nothing |

A table's "protocol" does not say which of these was used: papers number their protocols differently. Martinez and
others (ICCV 2017) call root-relative `mpjpe` protocol 1 and `p_mpjpe` protocol 2; for others the number is a choice
of subjects and frames. State the function.
"""

from typing import Literal

import array_api_compat
from jaxtyping import Bool, Float

from lifting.skeleton import mask_landmarks
from lifting.solve import weighted_mean
from lifting.support.arrays import (
    Array,
    check_count,
    check_floating,
    check_positive,
    check_shape,
    fail,
    like,
    namespace,
    to_numpy,
)

Root = int | Literal["centroid"] | None
"""What is put at the origin: a landmark, by its index; the centroid of the visible landmarks; or nothing is moved."""


def mpjpe(
    pose: Float[Array, "*batch 3 L"],
    truth: Float[Array, "*batch 3 L"],
    visible: Bool[Array, "*batch L"] | None = None,
    root: Root = 0,
) -> Float[Array, "*batch"]:
    """Mean per joint position error: mean distance, after both poses have been moved to put `root` at the origin.

        (1/|V|) sum_{l in V} || (x_l - x_root) - (z_l - z_root) ||

    Source: Ionescu and others, "Human3.6M", TPAMI 36(7), 2014, which measures relative to the pelvis: landmark 0
    of the Human3.6M order, and the default here.

    Args:
        pose: poses (..., 3, L), any units.
        truth: true poses (..., 3, L), same units; compared in the library, dtype and device of `pose`.
        visible: booleans (..., L), or (L,) for all: which landmarks count; None: all. The others may hold anything.
        root: a landmark index; "centroid", the mean of the visible landmarks; None to move nothing.

    Raises:
        ValueError: shapes differ, a visible landmark is not finite, a pose has no visible landmark, `root` is out
            of range or not visible.
    """
    pose, truth, visible = _check_pair("pose", pose, "truth", truth, visible, 3)
    pose, truth = _move_root(pose, visible, root), _move_root(truth, visible, root)
    return _mean(_distances(pose, truth), visible)


def n_mpjpe(
    pose: Float[Array, "*batch 3 L"],
    truth: Float[Array, "*batch 3 L"],
    visible: Bool[Array, "*batch L"] | None = None,
    root: Root = 0,
) -> Float[Array, "*batch"]:
    """MPJPE after the pose has been scaled by the s >= 0 that brings it nearest to the truth in least squares.

    With x and z relative to `root`, d/ds sum_{l in V} ||s x_l - z_l||^2 = 0 gives

        s = max(0, sum_{l in V} <x_l, z_l> / sum_{l in V} <x_l, x_l>),   (1/|V|) sum_{l in V} || s x_l - z_l ||

    The maximum keeps a pose from being turned inside out by a negative scale. A pose that is a single point has s = 0.

    Source: Rhodin and others, "Learning Monocular 3D Human Pose Estimation from Multi-view Images", CVPR 2018
    (N-MPJPE; there without the maximum). Arguments, units and errors are those of `mpjpe`.
    """
    pose, truth, visible = _check_pair("pose", pose, "truth", truth, visible, 3)
    pose = _hide(_move_root(pose, visible, root), visible)
    truth = _hide(_move_root(truth, visible, root), visible)
    s = _ratio(_inner(pose, truth), _inner(pose, pose))
    return _mean(_distances(s[..., None, None] * pose, truth), visible)


def p_mpjpe(
    pose: Float[Array, "*batch 3 L"],
    truth: Float[Array, "*batch 3 L"],
    visible: Bool[Array, "*batch L"] | None = None,
) -> Float[Array, "*batch"]:
    """MPJPE after the similarity (rotation, scale, translation; no reflection) nearest to the truth in least squares.

        (s, R, t) = argmin sum_{l in V} || s R x_l + t - z_l ||^2  over s >= 0, R in SO(3), t;
        (1/|V|) sum_{l in V} || s R x_l + t - z_l ||

    With X and Z the poses relative to the centroids of their visible landmarks, and Z X^T = U S W^T by SVD:
    D = diag(1, 1, det(U W^T)), R = U D W^T, s = tr(S D) / ||X||^2, and t takes one centroid to the other.
    Where several R attain the minimum (a truth on a line, say), the error is that of one of them.

    Note that the similarity is best for squared distances, not for the mean distance that is then reported.
    Torch's gradient is that of the SVD: it needs three distinct singular values.

    Source: Umeyama, "Least-squares estimation of transformation parameters between two point patterns", TPAMI 13(4),
    1991; before him, for R alone, Kabsch, Acta Crystallographica A32, 1976, and on Procrustes problems in general
    Gower, Psychometrika 40, 1975. As a metric of poses: "protocol 2" of Martinez and others, ICCV 2017.
    Arguments, units and errors are those of `mpjpe`.
    """
    pose, truth, visible = _check_pair("pose", pose, "truth", truth, visible, 3)
    X = _hide(_move_root(pose, visible, "centroid"), visible)
    Z = _hide(_move_root(truth, visible, "centroid"), visible)
    R, s = _best_rotation_and_scale(X, Z)
    return _mean(_distances(s[..., None, None] * (R @ X), Z), visible)


def pck(
    pose: Float[Array, "*batch 3 L"],
    truth: Float[Array, "*batch 3 L"],
    threshold: float,
    visible: Bool[Array, "*batch L"] | None = None,
    root: Root = 0,
) -> Float[Array, "*batch"]:
    """Share, from 0 to 1, of the visible landmarks that lie at most `threshold` from the truth.

        (1/|V|) #{ l in V : || (x_l - x_root) - (z_l - z_root) || <= threshold }

    Source: "3D PCK" of Mehta and others, "Monocular 3D Human Pose Estimation In The Wild Using Improved CNN
    Supervision", 3DV 2017, whose threshold is 150 mm. `threshold` is in the units of the poses and > 0; the other
    arguments and errors are those of `mpjpe`. The root itself counts, as a landmark always found.
    """
    check_positive("threshold", threshold)
    pose, truth, visible = _check_pair("pose", pose, "truth", truth, visible, 3)
    pose, truth = _move_root(pose, visible, root), _move_root(truth, visible, root)
    found = _distances(pose, truth) <= threshold
    return _mean(namespace(pose).astype(found, pose.dtype), visible)


def pixel_error(
    Y_hat: Float[Array, "*batch 2 L"],
    Y: Float[Array, "*batch 2 L"],
    visible: Bool[Array, "*batch L"] | None = None,
) -> Float[Array, "*batch"]:
    """Mean distance between two sets of image landmarks, nothing aligned: (1/|V|) sum_{l in V} || Y_hat_l - Y_l ||.

    Args:
        Y_hat: landmarks (..., 2, L), any units: pixels in, pixels out.
        Y: true landmarks (..., 2, L), same units; compared in the library, dtype and device of `Y_hat`.
        visible: booleans (..., L), or (L,) for all: which landmarks count; None: all. The others may hold anything.

    Source: the usual 2D error, in which the main paper too compares its landmarks with other methods'.

    Raises:
        ValueError: shapes differ, a visible landmark is not finite, a pose has no visible landmark.
    """
    Y_hat, Y, visible = _check_pair("Y_hat", Y_hat, "Y", Y, visible, 2)
    return _mean(_distances(Y_hat, Y), visible)


def _best_rotation_and_scale(X: Array, Z: Array) -> tuple[Array, Array]:
    """R (..., 3, 3) and s (...) of argmin ||s R X - Z||^2 over rotations and s >= 0; see `p_mpjpe`."""
    xp = namespace(X)
    # Z X^T = U S W^T
    U, S, Wt = xp.linalg.svd(Z @ xp.matrix_transpose(X), full_matrices=False)
    # D = diag(1, 1, det(U W^T)): the last axis is turned round where U W^T is a reflection
    turn = xp.sign(xp.linalg.det(U @ Wt))
    D = xp.stack([xp.ones_like(turn), xp.ones_like(turn), turn], axis=-1)
    # R = U D W^T, s = tr(S D) / ||X||^2
    return (U * D[..., None, :]) @ Wt, _ratio(xp.sum(S * D, axis=-1), _inner(X, X))


def _check_pair(
    name: str, pose: Array, truth_name: str, truth: Array, visible: Array | None, d: int
) -> tuple[Array, Array, Array]:
    """Both poses in the library of the first, zero where not visible, and the mask (..., L)."""
    pose, truth = check_floating(name, pose), check_floating(truth_name, truth)
    check_shape(name, pose, d, "L")
    if tuple(truth.shape) != tuple(pose.shape):
        fail(truth_name, f"shape {tuple(truth.shape)}", f"the shape of {name}, {tuple(pose.shape)}")
    truth = like(truth if array_api_compat.is_torch_array(pose) else to_numpy(truth), pose)
    pose, mask = mask_landmarks(name, pose, visible)
    truth, _ = mask_landmarks(truth_name, truth, mask)
    xp = namespace(pose)
    if not bool(xp.all(xp.any(mask, axis=-1))):
        fail("visible", "a pose without a visible landmark", "at least one visible landmark in each pose")
    return pose, truth, mask


def _move_root(pose: Array, visible: Array, root: Root) -> Array:
    """`pose` moved so that its root is at the origin."""
    if root is None:
        return pose
    if root == "centroid":
        return pose - weighted_mean(pose, visible)
    if isinstance(root, str):
        fail("root", repr(root), 'a landmark index, "centroid" or None')
    root = check_count("root", root, least=0)
    if root >= pose.shape[-1]:
        fail("root", root, f"the index of one of {pose.shape[-1]} landmarks")
    if not bool(namespace(visible).all(visible[..., root])):
        fail("root", f"{root}, not visible in every pose", "a visible landmark")
    return pose - pose[..., root : root + 1]


def _hide(pose: Array, visible: Array) -> Array:
    """`pose` with zeros at its invisible landmarks, so that sums leave them out."""
    return namespace(pose).where(visible[..., None, :], pose, like(0.0, pose))


def _distances(pose: Array, truth: Array) -> Array:
    """|| x_l - z_l || (..., L)."""
    return namespace(pose).linalg.vector_norm(pose - truth, axis=-2)


def _mean(values: Array, visible: Array) -> Array:
    """Mean over the last dimension of the visible `values`."""
    return weighted_mean(values[..., None, :], visible)[..., 0, 0][()]  # [()]: NumPy's number, not an array of one


def _inner(X: Array, Z: Array) -> Array:
    """sum_l <x_l, z_l> (...)."""
    return namespace(X).sum(X * Z, axis=(-2, -1))


def _ratio(above: Array, below: Array) -> Array:
    """max(0, above / below), and 0 where `below` is 0."""
    xp = namespace(above)
    zero = like(0.0, above)
    safe = xp.where(below > 0, below, like(1.0, below))
    return xp.where((below > 0) & (above > 0), above / safe, zero)
