"""People as stick figures, in 2D and in 3D."""

from typing import Unpack

import numpy as np
from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator
from mpl_toolkits.mplot3d import Axes3D  # type: ignore[import-untyped]

from lifting.drawing.plots.bones import Style, check_points, draw_bones
from lifting.skeleton import Skeleton, skeleton
from lifting.support.arrays import Array, check_positive, fail, to_numpy


class View(Style, total=False):
    """How a 3D pose is drawn, and from where it is seen; everything may be left out."""

    azim: float
    """Degrees walked around the person, from the camera's own view (0) towards +x; 90 looks from +x along -x."""
    elev: float
    """Degrees above the person's own height."""
    radius: float
    """Half the cube's edge, metres; it fits the pose where left out."""


def draw_pose_2d(
    ax: Axes,
    Y: Float[Array, "2 L"],
    order: str | Skeleton = "human36m",
    visible: Bool[Array, " L"] | None = None,
    *,
    unit: str = "m",
    **style: Unpack[Style],
) -> Axes:
    """Draw landmarks Y (x right, y up) as a stick figure.

    Args:
        ax: the axes.
        Y: (2, L), any unit.
        order: the skeleton.
        visible: (L,), what is drawn; all where None.
        unit: of Y, for the axes' labels.
        **style: see `Style`.

    Raises:
        ValueError: unknown skeleton, wrong shape, or a visible landmark that is not finite.
    """
    order = skeleton(order)
    Y, visible = check_points("Y", Y, order, visible, d=2)
    ax.set(aspect="equal", xlabel=f"x ({unit})", ylabel=f"y, up ({unit})")
    return draw_bones(ax, Y, order, visible, style)


def draw_pose_3d(
    ax: Axes3D,
    pose: Float[Array, "3 L"],
    order: str | Skeleton = "human36m",
    visible: Bool[Array, " L"] | None = None,
    **view: Unpack[View],
) -> Axes3D:
    """Draw a pose (x right, y up, z towards the camera; metres) in a cube, so that all three axes share one scale.

    Args:
        ax: axes made with projection="3d".
        pose: (3, L), metres. The cube is centred on it.
        order: the skeleton.
        visible: (L,), what is drawn; all where None.
        **view: see `View`.

    Raises:
        ValueError: axes that are not 3D, unknown skeleton, wrong shape, a visible landmark that is not finite, a
            radius that is not positive.
    """
    if not isinstance(ax, Axes3D):
        fail("ax", type(ax).__name__, 'axes made with projection="3d"')
    order = skeleton(order)
    pose, visible = check_points("pose", pose, order, visible, d=3)
    frame_3d(ax, pose[:, visible], radius=view.get("radius"))
    look_from(ax, azim=view.get("azim", 0.0), elev=view.get("elev", 0.0))
    return draw_bones(ax, to_plot_axes(pose), order, visible, view)


def to_plot_axes(pose: Float[Array, "3 *N"]) -> Float[np.ndarray, "3 *N"]:
    """(x, y, z) -> (x, -z, y), a rotation: matplotlib's third axis is the one that stands upright."""
    x, y, z = to_numpy(pose)
    return np.stack([x, -z, y])


def frame_3d(ax: Axes3D, pose: Float[np.ndarray, "3 N"], *, radius: float | None = None) -> None:
    """Put `pose` (metres) into the middle of a cube with labelled axes: `radius` is half its edge; None: it fits.

    Raises:
        ValueError: a radius that is not positive.
    """
    low, high = pose.min(axis=1), pose.max(axis=1)
    radius = 0.55 * max(float((high - low).max()), 1e-9) if radius is None else check_positive("radius", radius)
    x, y, z = (low + high) / 2
    ax.set(xlim=(x - radius, x + radius), ylim=(-z - radius, -z + radius), zlim=(y - radius, y + radius))
    ax.set_proj_type("ortho")
    for axis in (ax.xaxis, ax.yaxis, ax.zaxis):
        axis.set_major_locator(MaxNLocator(3))
    # the plot's second axis is -z: its ticks say z
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{0.0 - value:g}"))


def look_from(ax: Axes3D, *, azim: float = 0.0, elev: float = 0.0) -> None:
    """Turn the view: `azim` degrees around the person from the camera's own view, `elev` degrees up.

    An axis that is seen end-on loses its label and ticks. A cube seen so has a smaller outline, and is enlarged.
    """
    ax.view_init(elev=elev, azim=azim - 90)
    along_z = abs(np.cos(np.radians(azim)) * np.cos(np.radians(elev)))
    along_x = abs(np.sin(np.radians(azim)) * np.cos(np.radians(elev)))
    names = ("x (m)", "z, to camera (m)", "y, up (m)")
    for axis, name, along in zip((ax.xaxis, ax.yaxis, ax.zaxis), names, (along_x, along_z, 0.0), strict=True):
        axis.set_label_text("" if along > 0.99 else name)
        axis.set_tick_params(labelsize=9, pad=0, label1On=along <= 0.99)
    ax.zaxis.labelpad = 5  # away from its ticks, which stand upright beside it
    ax.set_box_aspect((1, 1, 1), zoom=1.5 if max(along_x, along_z) > 0.999 else 1.2)
