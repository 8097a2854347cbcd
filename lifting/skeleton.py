"""Landmark orders, and how to go from one to another; `lifting.orders` lists the published ones.

One name means one part of the body, in every order: `convert` copies a landmark where the target has the same
name, and only there. So a landmark carries the name of the body part that it marks, which is not always
the published one; the docstrings there give the published name wherever the two differ.

Same body part, published under other names:

- `pelvis` (middle of the hips): Human3.6M "Pelvis", MPII "pelvis", OpenPose "MidHip".
- `neck` (base of the neck): Human3.6M "Neck", MPII "thorax", OpenPose "Neck".
- `head_top`: Human3.6M "Site" (the end of the head bone), MPII "head top".
- `nose`: Human3.6M "Head", the joint between the neck and the end of the head bone; its users call it nose.

Alike in name, but another part, so given a name of its own and never copied:

- MPII `upper_neck` lies where the neck meets the head: neither the base of the neck nor the nose.
- BlazePose `left_foot_index` is the tip of the foot; OpenPose marks `left_big_toe` and `left_small_toe`.
- CMU "Hips" lies above the middle of the hips, "Neck" below the shoulders: `root` and `lower_neck`.

Copied, though the orders put them a few centimetres apart (compare such landmarks with care):

- Hips and shoulders: joint centres of motion capture in Human3.6M; in COCO, OpenPose, MPII and BlazePose
  points that people clicked on, or a network learned to put, in images.
- `nose`: the tip of the nose in the 2D orders, a joint inside the head in Human3.6M.
- `neck`: OpenPose defines it as the middle of the shoulders, as `convert` does where the source has no neck;
  in Human3.6M it is a joint of the spine.
"""

from collections.abc import Sequence
from typing import Any

import array_api_compat
import numpy as np
from jaxtyping import Bool, Float

from lifting.orders import (
    BLAZEPOSE,
    BODY25B,
    CMU,
    COCO,
    COCO18,
    HALPE26,
    HUMAN36M,
    MPII,
    OPENPOSE25,
    SKELETONS,
    WHOLEBODY,
    Skeleton,
)
from lifting.support.arrays import Array, check_finite, check_floating, check_shape, fail, like, namespace, to_numpy

__all__ = [
    "BLAZEPOSE", "BODY25B", "CMU", "COCO", "COCO18", "DERIVED", "HALPE26", "HUMAN36M", "MPII", "OPENPOSE25",
    "SKELETONS", "WHOLEBODY", "Skeleton", "check_visible", "conversion_table", "convert", "mask_landmarks", "mirror",
    "skeleton",
]  # fmt: skip

DERIVED = {"pelvis": ("left_hip", "right_hip"), "neck": ("left_shoulder", "right_shoulder")}
"""Landmarks that `convert` makes where a source lacks them: each is the mean of these parents."""


def skeleton(name: str | Skeleton) -> Skeleton:
    """The skeleton of that name; a `Skeleton` is handed back as it is.

    Raises:
        ValueError: no skeleton has that name; the message lists the known ones.
    """
    if isinstance(name, Skeleton):
        return name
    if not isinstance(name, str) or name not in SKELETONS:
        fail("name", repr(name), f"a Skeleton or one of {', '.join(sorted(SKELETONS))}")
    return SKELETONS[name]


def conversion_table(source: str | Skeleton, target: str | Skeleton) -> dict[str, tuple[str, ...]]:
    """From which landmarks of `source` each landmark of `target` is made: one is a copy, two a mean, none is missing.

    >>> conversion_table("coco", "human36m")["pelvis"]
    ('left_hip', 'right_hip')
    """
    source, target = skeleton(source), skeleton(target)
    return {landmark: _parents(landmark, source) for landmark in target.landmarks}


def _parents(landmark: str, source: Skeleton) -> tuple[str, ...]:
    if landmark in source.landmarks:
        return (landmark,)
    parents = DERIVED.get(landmark, ())
    return parents if set(parents) <= set(source.landmarks) else ()


def _conversion_matrix(source: Skeleton, target: Skeleton) -> np.ndarray:
    """C (L_source, L_target) of Y_target = Y C: a column holds 1 / (number of parents) at each parent."""
    C = np.zeros((len(source.landmarks), len(target.landmarks)))
    for column, parents in enumerate(conversion_table(source, target).values()):
        for parent in parents:
            C[source.index(parent), column] = 1 / len(parents)
    return C


def convert(
    Y: Float[Array, "*batch d L_source"],
    source: str | Skeleton,
    target: str | Skeleton,
    visible: Bool[Array, "*batch L_source"] | None = None,
) -> tuple[Float[Array, "*batch d L_target"], Bool[Array, "*batch L_target"]]:
    """Landmarks in the order of `target`, and which of them are there.

    A landmark that both orders have is copied. A `pelvis` or `neck` that `source` lacks is the mean of the hips or
    of the shoulders, visible if both are. Every other landmark is missing: not visible, and 0 rather than NaN.

    Args:
        Y: landmarks (..., d, L_source), d = 2 or 3, any units; not finite only where not visible.
        source: the order of `Y`: a Skeleton or the name of one.
        target: the order wanted: a Skeleton or the name of one.
        visible: booleans (..., L_source), or (L_source,) for all; None: all visible. What `Y` holds elsewhere
            is ignored.

    Returns:
        Y_target (..., d, L_target) in the units, dtype and library of `Y`, and visible_target (..., L_target).

    Raises:
        ValueError: unknown skeleton, wrong shape or dtype, a visible landmark that is not finite.
    """
    source, target = skeleton(source), skeleton(target)
    Y = _check_landmarks("Y", Y, source)
    Y, visible = mask_landmarks("Y", Y, visible)
    C = like(_conversion_matrix(source, target), Y)
    # Y_target = Y C, where every parent is visible (and there is one)
    xp = namespace(Y)
    parents = xp.astype(C > 0, Y.dtype)
    count = xp.sum(parents, axis=0)
    visible_target = (count > 0) & (xp.astype(visible, Y.dtype) @ parents == count)
    return xp.where(visible_target[..., None, :], Y @ C, like(0.0, Y)), visible_target


def mirror(pose: Float[Array, "*batch d L"], order: str | Skeleton) -> Float[Array, "*batch d L"]:
    """The same pose done the other way round: left and right landmarks swapped, x negated. Twice changes nothing.

    Args:
        pose: pose or landmarks (..., d, L), d = 2 or 3, rows x, y(, z), any units.
        order: its skeleton: a Skeleton or the name of one.

    Raises:
        ValueError: unknown skeleton, wrong shape or dtype, a value that is not finite.
    """
    order = skeleton(order)
    pose = _check_landmarks("pose", pose, order)
    check_finite("pose", pose)
    xp = namespace(pose)
    swap = xp.asarray(order.swap, device=array_api_compat.device(pose))
    signs = like([[-1.0], [1.0], [1.0]][: pose.shape[-2]], pose)
    return signs * xp.take(pose, swap, axis=-1)


def mask_landmarks(
    argument: str, Y: Float[Array, "*batch d L"], visible: Bool[Array, "*batch L"] | None
) -> tuple[Float[Array, "*batch d L"], Bool[Array, "*batch L"]]:
    """`Y` with zeros at its invisible landmarks, and `visible` (None: all) as a boolean array of its library.

    Args:
        argument: what to call `Y` in messages.
        Y: landmarks (..., d, L), any units.
        visible: booleans (..., L), or (L,) for all.

    Raises:
        ValueError: `visible` is not boolean or of another shape, or a visible landmark is not finite.
    """
    xp = namespace(Y)
    visible = check_visible(visible, Y)
    Y = xp.where(visible[..., None, :], Y, xp.zeros_like(Y))
    check_finite(argument, Y)
    return Y, visible


def check_visible(visible: Any, Y: Float[Array, "*batch d L"]) -> Bool[Array, "*batch L"]:
    """`visible`, booleans (..., L) or (L,), for each frame of Y and as an array of its library; None: all True.

    Raises:
        ValueError: it is not boolean or of another shape.
    """
    xp, device = namespace(Y), array_api_compat.device(Y)
    shape = (*Y.shape[:-2], Y.shape[-1])
    if visible is None:
        return xp.ones(shape, dtype=xp.bool, device=device)
    if not (array_api_compat.is_torch_array(visible) and array_api_compat.is_torch_array(Y)):
        visible = _to_boolean_array(visible)
    visible = xp.asarray(visible, device=device)
    if visible.dtype != xp.bool:
        fail("visible", f"an array of {visible.dtype}", "an array of booleans")
    if tuple(visible.shape) not in (shape, shape[-1:]):
        expected = f"shape {shape} or {shape[-1:]}" if len(shape) > 1 else f"shape {shape}"
        fail("visible", f"shape {tuple(visible.shape)}", expected)
    return xp.broadcast_to(visible, shape)


def _to_boolean_array(visible: Any) -> np.ndarray:
    try:
        array = to_numpy(visible)
    except ValueError:
        fail("visible", "a ragged sequence", "an array of booleans")
    if array.dtype != np.bool_:
        fail("visible", f"an array of {array.dtype}", "an array of booleans")
    return array


def _check_landmarks(argument: str, Y: Array | Sequence, order: Skeleton) -> Array:
    Y = check_floating(argument, Y)
    check_shape(argument, Y, "d", len(order.landmarks))
    if Y.shape[-2] not in (2, 3):
        fail(argument, f"shape {tuple(Y.shape)}", f"shape (..., d, {len(order.landmarks)}) with d = 2 or 3")
    return Y
