"""The bones of a skeleton as lines: what all pictures of a person share."""

from typing import Any, TypedDict

import numpy as np
from jaxtyping import Bool, Float
from matplotlib.axes import Axes

from lifting.skeleton import Skeleton, mask_landmarks, skeleton
from lifting.support.arrays import Array, fail, to_numpy

COLOURS = {"left": "#0072B2", "right": "#D55E00", "middle": "#333333"}
"""Colour of the person's own left side, right side, and of what belongs to neither."""


class Style(TypedDict, total=False):
    """How a person is drawn; everything may be left out."""

    colour: str
    """One colour for all, instead of the sides' colours: for a second person to compare with."""
    label: str
    """What the legend calls the person; without `colour` it is put before "left" and "right"."""
    linestyle: str
    """matplotlib's."""
    alpha: float
    """Opacity."""
    legend: bool
    """Whether to draw the legend; True where left out."""


def bone_sides(order: str | Skeleton) -> tuple[str, ...]:
    """For every landmark of the skeleton its side: "left", "right" or "middle".

    Raises:
        ValueError: unknown skeleton.
    """
    order = skeleton(order)
    side = dict.fromkeys(order.left, "left") | dict.fromkeys(order.right, "right")
    return tuple(side.get(i, "middle") for i in range(len(order.landmarks)))


def visible_bones(order: str | Skeleton, visible: Bool[np.ndarray, " L"]) -> tuple[tuple[int, int], ...]:
    """The bones between visible landmarks. A missing landmark of the trunk (a spine) is bridged, a missing limb not.

    Raises:
        ValueError: unknown skeleton.
    """
    order = skeleton(order)
    bones, sides = list(order.bones), bone_sides(order)
    for i in np.flatnonzero(~np.asarray(visible)):
        ends = [b if a == i else a for a, b in bones if i in (a, b)]
        bones = [bone for bone in bones if i not in bone]
        if len(ends) == 2 and sides[i] == "middle":
            bones.append((ends[0], ends[1]))
    return tuple(bones)


def bone_paths(
    points: Float[Array, "d L"], order: str | Skeleton = "human36m", visible: Bool[Array, " L"] | None = None
) -> dict[str, Float[np.ndarray, "d N"]]:
    """For each side ("left", "right", "middle") its bones as one path, with NaN between bones: one line, one artist.

    Args:
        points: (d, L), d = 2 or 3.
        order: the skeleton.
        visible: (L,), what is drawn; all where None.

    Raises:
        ValueError: unknown skeleton, wrong shape, or a visible landmark that is not finite.
    """
    order = skeleton(order)
    points, visible = check_points("points", points, order, visible)
    sides, gap = bone_sides(order), np.full((len(points), 1), np.nan)
    pieces: dict[str, list[np.ndarray]] = {side: [gap] for side in COLOURS}
    for i, j in visible_bones(order, visible):
        # a hip's bone to the pelvis is the hip's; a bone from side to side is nobody's
        both = {sides[i], sides[j]} - {"middle"}
        pieces[both.pop() if len(both) == 1 else "middle"] += [points[:, [i, j]], gap]
    return {side: np.concatenate(piece, axis=1) for side, piece in pieces.items()}


def draw_bones(
    ax: Axes, points: Float[np.ndarray, "d L"], order: Skeleton, visible: Bool[np.ndarray, " L"], style: Style
) -> Axes:
    """One line per side through its bones, dots at the landmarks, and the legend."""
    colour, label = style.get("colour"), style.get("label")
    both = {side: f"{label} {side}" if label else side for side in ("left", "right")}
    names = {"left": label} if colour else both
    look: dict[str, Any] = {"ls": style.get("linestyle", "-"), "alpha": style.get("alpha", 1.0)}
    for side, path in bone_paths(points, order, visible).items():
        ax.plot(*path, lw=2, marker="o", ms=3, color=colour or COLOURS[side], label=names.get(side), **look)
    if style.get("legend", True) and ax.get_legend_handles_labels()[0]:
        ax.legend(loc="upper right" if ax.name == "3d" else "best", fontsize=9)
    return ax


def check_points(
    argument: str, points: Array, order: Skeleton, visible: Array | None, d: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """`points` (d, L) and `visible` (L,) as NumPy arrays.

    Raises:
        ValueError: wrong shape, a visible landmark that is not finite, or none that is visible.
    """
    points = to_numpy(points).astype(np.float64) if hasattr(points, "shape") else np.asarray(points, dtype=np.float64)
    L = len(order.landmarks)
    if points.shape not in ((2, L), (3, L)) or (d is not None and len(points) != d):
        fail(argument, f"shape {points.shape}", f"shape ({d or '2 or 3'}, {L}), the landmarks of {order.name}")
    points, visible = mask_landmarks(argument, points, None if visible is None else to_numpy(visible))
    if not visible.any():
        fail("visible", "no visible landmark", "at least one")
    return points, visible
