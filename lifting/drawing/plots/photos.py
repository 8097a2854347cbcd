"""Photos with landmarks and belief maps over them."""

from typing import Any, Unpack

import matplotlib.colors
import numpy as np
from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from scipy.ndimage import map_coordinates

from lifting.drawing.plots.bones import COLOURS, Style, bone_sides, check_points, draw_bones
from lifting.skeleton import Skeleton, skeleton
from lifting.support.arrays import Array, check_array, fail, to_numpy

BELOW: dict[str, Any] = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.13), "ncols": 2, "fontsize": 9}
"""Where the legend stands: below the photo and its labels, since a person may be anywhere in it."""

BELIEF_COLOURS = "magma_r"
"""The colours of belief maps, from 0 (light) to 1 (dark): most of a map is 0, and stays as light as the page."""


def draw_landmarks_on_photo(
    ax: Axes,
    image: np.ndarray,
    pixels: Float[Array, "2 L"],
    order: str | Skeleton = "human36m",
    visible: Bool[Array, " L"] | None = None,
    **style: Unpack[Style],
) -> Axes:
    """Draw a photo, and landmarks over it in its pixels: x is the column, y the row, **down**.

    The arguments are those of `draw_pose_2d`; `image` is (H, W) or (H, W, 3).

    Raises:
        ValueError: no image, unknown skeleton, wrong shape, or a visible landmark that is not finite.
    """
    order, image = skeleton(order), _check_image(image)
    pixels, visible = check_points("pixels", pixels, order, visible, d=2)
    _show_photo(ax, image)
    draw_bones(ax, pixels, order, visible, style)
    if ax.get_legend():
        ax.legend(**BELOW)
    return ax


def draw_belief(ax: Axes, belief: Float[Array, "H W"], *, peak: bool = True, title: str = "") -> Axes:
    """Draw one belief map in its own cells, from 0 (light) to 1 (dark), with a cross at its argmax.

    Raises:
        ValueError: not (H, W), or a value that is not finite.
    """
    belief = to_numpy(check_array("belief", belief, "H", "W"))
    if belief.ndim != 2:
        fail("belief", f"shape {belief.shape}", "shape (H, W)")
    ax.imshow(belief, cmap=BELIEF_COLOURS, vmin=0, vmax=1)
    if peak:
        row, column = np.unravel_index(belief.argmax(), belief.shape)
        ax.plot(column, row, "+", color="white", markersize=9, label=f"argmax: row {row}, column {column}")
    ax.set(xlabel="column (cells)", ylabel="row (cells)", title=title)
    return ax


def draw_beliefs_on_photo(
    ax: Axes,
    image: np.ndarray,
    beliefs: Float[Array, "P H W"],
    map_to_photo: Float[Array, "2 3"],
    *,
    order: str | Skeleton = "blazepose",
) -> Axes:
    """Lay all belief maps over their photo: each glows in the colour of its side, as strongly as the belief is high.

    Args:
        ax: the axes.
        image: (H, W) or (H, W, 3).
        beliefs: (P, H, W) in [0, 1], one for each landmark of `order`.
        map_to_photo: A (2, 3): photo pixel (x, y) = A (column, row, 1).
        order: the skeleton, for the sides.

    Raises:
        ValueError: no image, another number of maps than the skeleton has landmarks, or a map_to_photo that has
            no inverse.
    """
    order, image = skeleton(order), _check_image(image)
    beliefs = to_numpy(check_array("beliefs", beliefs, len(order.landmarks), "H", "W"))
    A = to_numpy(check_array("map_to_photo", map_to_photo, 2, 3))
    if abs(np.linalg.det(A[:, :2])) < 1e-12:
        fail("map_to_photo", "a singular matrix", "an invertible one")
    grey = np.repeat(image[..., :3].mean(axis=-1, keepdims=True), 3, axis=-1) if image.ndim == 3 else image
    _show_photo(ax, 0.35 * grey.astype(np.float64) / (255 if image.dtype == np.uint8 else 1))
    sides = np.array(bone_sides(order))
    for side, colour in (COLOURS | {"middle": "#FFFFFF"}).items():
        if np.any(sides == side):
            glow = _onto_photo(beliefs[sides == side].max(axis=0), A, image.shape)
            tint = np.broadcast_to(matplotlib.colors.to_rgb(colour), (*image.shape[:2], 3))
            ax.imshow(np.dstack([tint, np.clip(glow, 0, 1)]))
    handles = [Line2D([], [], color=COLOURS[side], lw=4, label=side) for side in ("left", "right")]
    ax.legend(handles=handles, **BELOW)
    return ax


def _onto_photo(belief: np.ndarray, A: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The belief at every photo pixel, by bilinear interpolation; 0 outside the map."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    column, row = np.linalg.solve(A[:, :2], np.stack([x - A[0, 2], y - A[1, 2]]).reshape(2, -1))
    return map_coordinates(belief, [row, column], order=1).reshape(shape[:2])


def _check_image(image: np.ndarray) -> np.ndarray:
    image = np.asarray(image)
    if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[-1] not in (3, 4)) or image.size == 0:
        fail("image", f"shape {image.shape}", "shape (H, W), (H, W, 3) or (H, W, 4)")
    return image


def _show_photo(ax: Axes, image: np.ndarray) -> None:
    height, width = image.shape[:2]
    ax.imshow(image, cmap="grey" if image.ndim == 2 else None)
    ax.set(xlabel="column (px)", ylabel="row (px)", xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
