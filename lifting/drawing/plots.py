"""Pictures of the arrays, with matplotlib: landmarks, belief maps, poses, costs, and the way through it all.

Every function draws into the axes that it is given and returns them. Left limbs are blue, right limbs vermilion,
everything else is dark grey; the two hues are told apart with any kind of colour vision (Okabe and Ito's palette).
A 3D pose keeps its proportions, its y axis stands upright, and `azim` walks around it: 0 is the camera's own view
(along -z), 90 a look from the side.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.colors
import numpy as np
from jaxtyping import Bool, Float, Int
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator
from mpl_toolkits.mplot3d import Axes3D  # type: ignore[import-untyped]
from scipy.ndimage import map_coordinates

from lifting.skeleton import Skeleton, mask_landmarks, skeleton
from lifting.support.arrays import Array, check_array, check_positive, fail, to_numpy

COLOURS = {"left": "#0072B2", "right": "#D55E00", "middle": "#333333"}
"""Colour of the person's own left side, right side, and of what belongs to neither."""

MARKED = "#F0E442"
"""The room of the way through that is marked."""


# --- bones -------------------------------------------------------------------------------------------------------


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
    points, visible = _check_points("points", points, order, visible)
    sides, gap = bone_sides(order), np.full((len(points), 1), np.nan)
    pieces: dict[str, list[np.ndarray]] = {side: [gap] for side in COLOURS}
    for i, j in visible_bones(order, visible):
        # a hip's bone to the pelvis is the hip's; a bone from side to side is nobody's
        both = {sides[i], sides[j]} - {"middle"}
        pieces[both.pop() if len(both) == 1 else "middle"] += [points[:, [i, j]], gap]
    return {side: np.concatenate(piece, axis=1) for side, piece in pieces.items()}


# --- landmarks ---------------------------------------------------------------------------------------------------


def draw_pose_2d(
    ax: Axes,
    Y: Float[Array, "2 L"],
    order: str | Skeleton = "human36m",
    visible: Bool[Array, " L"] | None = None,
    *,
    colour: str | None = None,
    label: str | None = None,
    linestyle: str = "-",
    alpha: float = 1.0,
    unit: str = "m",
    legend: bool = True,
) -> Axes:
    """Draw landmarks Y (x right, y up) as a stick figure.

    Args:
        ax: the axes.
        Y: (2, L), any unit.
        order: the skeleton.
        visible: (L,), what is drawn; all where None.
        colour: one colour for all, instead of the sides' colours: for a second figure to compare with.
        label: what the legend calls it; without `colour` it is put before "left" and "right".
        linestyle: matplotlib's.
        alpha: opacity.
        unit: of Y, for the axes' labels.
        legend: whether to draw the legend.

    Raises:
        ValueError: unknown skeleton, wrong shape, or a visible landmark that is not finite.
    """
    order = skeleton(order)
    Y, visible = _check_points("Y", Y, order, visible, d=2)
    _draw_bones(ax, Y, order, visible, colour, label, linestyle, alpha)
    ax.set(aspect="equal", xlabel=f"x ({unit})", ylabel=f"y, up ({unit})")
    return _legend(ax, legend, "best")


def draw_landmarks_on_photo(
    ax: Axes,
    image: np.ndarray,
    pixels: Float[Array, "2 L"],
    order: str | Skeleton = "human36m",
    visible: Bool[Array, " L"] | None = None,
    *,
    colour: str | None = None,
    label: str | None = None,
    linestyle: str = "-",
    alpha: float = 1.0,
    legend: bool = True,
) -> Axes:
    """Draw a photo, and landmarks over it in its pixels: x is the column, y the row, **down**.

    The arguments are those of `draw_pose_2d`; `image` is (H, W) or (H, W, 3).

    Raises:
        ValueError: no image, unknown skeleton, wrong shape, or a visible landmark that is not finite.
    """
    order = skeleton(order)
    image = _check_image(image)
    pixels, visible = _check_points("pixels", pixels, order, visible, d=2)
    _show_photo(ax, image)
    _draw_bones(ax, pixels, order, visible, colour, label, linestyle, alpha)
    return _legend(ax, legend, "lower right")


def draw_pose_3d(
    ax: Axes3D,
    pose: Float[Array, "3 L"],
    order: str | Skeleton = "human36m",
    visible: Bool[Array, " L"] | None = None,
    *,
    azim: float = 0.0,
    elev: float = 0.0,
    radius: float | None = None,
    colour: str | None = None,
    label: str | None = None,
    linestyle: str = "-",
    alpha: float = 1.0,
    legend: bool = True,
) -> Axes3D:
    """Draw a pose (x right, y up, z towards the camera; metres) in a cube, so that all three axes share one scale.

    Args:
        ax: axes made with projection="3d".
        pose: (3, L), metres.
        order: the skeleton.
        visible: (L,), what is drawn; all where None.
        azim: degrees walked around the person, from the camera's own view (0) towards +x; 90 looks from +x along -x.
        elev: degrees above the person's own height.
        radius: half the cube's edge, metres; where None it fits the pose. The cube is centred on the pose.
        colour: one colour for all, instead of the sides' colours: for a second figure to compare with.
        label: what the legend calls it; without `colour` it is put before "left" and "right".
        linestyle: matplotlib's.
        alpha: opacity.
        legend: whether to draw the legend.

    Raises:
        ValueError: axes that are not 3D, unknown skeleton, wrong shape, a visible landmark that is not finite, a
            radius that is not positive.
    """
    if not isinstance(ax, Axes3D):
        fail("ax", type(ax).__name__, 'axes made with projection="3d"')
    order = skeleton(order)
    pose, visible = _check_points("pose", pose, order, visible, d=3)
    frame_3d(ax, pose[:, visible], radius=radius)
    _draw_bones(ax, to_plot_axes(pose), order, visible, colour, label, linestyle, alpha)
    look_from(ax, azim=azim, elev=elev)
    return _legend(ax, legend)


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
    ax.set_box_aspect((1, 1, 1), zoom=1.2)
    ax.set_proj_type("ortho")
    for axis in (ax.xaxis, ax.yaxis, ax.zaxis):
        axis.set_major_locator(MaxNLocator(4))
    # the plot's second axis is -z: its ticks say z
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{0.0 - value:g}"))


def look_from(ax: Axes3D, *, azim: float = 0.0, elev: float = 0.0) -> None:
    """Turn the view: `azim` degrees around the person from the camera's own view, `elev` degrees up.

    An axis that is seen end-on loses its label and ticks.
    """
    ax.view_init(elev=elev, azim=azim - 90)
    along_z = abs(np.cos(np.radians(azim)) * np.cos(np.radians(elev)))
    along_x = abs(np.sin(np.radians(azim)) * np.cos(np.radians(elev)))
    names = ("x (m)", "z, to camera (m)", "y, up (m)")
    for axis, name, along in zip((ax.xaxis, ax.yaxis, ax.zaxis), names, (along_x, along_z, 0.0), strict=True):
        axis.set_label_text("" if along > 0.999 else name)
        axis.set_tick_params(labelsize=7, label1On=along <= 0.999)


# --- belief maps -------------------------------------------------------------------------------------------------


def draw_belief(ax: Axes, belief: Float[Array, "H W"], *, peak: bool = True, title: str | None = None) -> Axes:
    """Draw one belief map in its own cells, from 0 (dark) to 1 (bright), with a cross at its argmax.

    Raises:
        ValueError: not (H, W), or a value that is not finite.
    """
    belief = to_numpy(check_array("belief", belief, "H", "W"))
    if belief.ndim != 2:
        fail("belief", f"shape {belief.shape}", "shape (H, W)")
    ax.imshow(belief, cmap="magma", vmin=0, vmax=1)
    if peak:
        row, column = np.unravel_index(belief.argmax(), belief.shape)
        ax.plot(column, row, "+", color="white", markersize=9, label=f"argmax: row {row}, column {column}")
    ax.set(xlabel="column (cells)", ylabel="row (cells)", title=title or "")
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
    ax.legend(handles=handles, loc="lower right", fontsize=8)
    return ax


def _onto_photo(belief: np.ndarray, A: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """The belief at every photo pixel, by bilinear interpolation; 0 outside the map."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    column, row = np.linalg.solve(A[:, :2], np.stack([x - A[0, 2], y - A[1, 2]]).reshape(2, -1))
    return map_coordinates(belief, [row, column], order=1).reshape(shape[:2])


# --- costs -------------------------------------------------------------------------------------------------------


def draw_cost(
    ax: Axes,
    theta: Float[Array, " T"],
    costs: Float[Array, "*K T"],
    *,
    labels: Sequence[str] | None = None,
    unit: str = "m²",
    legend: bool = True,
) -> Axes:
    """Draw the cost of eq. (2) against the angle, one curve per component, with a dot at each curve's minimum.

    Args:
        ax: the axes.
        theta: (T,) radians.
        costs: (T,) or (K, T).
        labels: K names for the legend; "component 0", ... where None and K > 1.
        unit: of the cost.
        legend: whether to draw the legend.

    Raises:
        ValueError: wrong shape, a value that is not finite, or another number of labels than of curves.
    """
    theta = to_numpy(check_array("theta", theta, "T"))
    costs = np.atleast_2d(to_numpy(check_array("costs", costs, len(theta))))
    names = [f"component {k}" for k in range(len(costs))] if labels is None else list(labels)
    if costs.ndim != 2 or len(names) != len(costs):
        fail("labels", f"{len(names)} for costs of shape {costs.shape}", "one label for each of K curves (K, T)")
    for k, (curve, name) in enumerate(zip(costs, names, strict=True)):
        colour, dashes = ("#000000", "#009E73", "#CC79A7", "#56B4E9")[k % 4], ("-", "--", "-.", ":")[k % 4]
        label = name if labels is not None or len(costs) > 1 else None
        ax.plot(np.degrees(theta), curve, color=colour, linestyle=dashes, label=label)
        ax.plot(np.degrees(theta[curve.argmin()]), curve.min(), "o", color=colour)
    ax.set(xlabel="theta (degrees)", ylabel=f"cost ({unit})", ylim=(0, None))
    ax.set_xticks(np.arange(0, 361, 60))
    return _legend(ax, legend)


# --- where the winner changes ------------------------------------------------------------------------------------


def draw_boundaries(
    ax: Axes,
    xs: Float[np.ndarray, " W"],
    ys: Float[np.ndarray, " H"],
    theta: Float[np.ndarray, "H W"],
    component: Int[np.ndarray, "H W"],
    Y: Float[Array, "2 L"],
    landmark: int,
    order: str | Skeleton = "human36m",
    visible: Bool[Array, " L"] | None = None,
    *,
    unit: str = "px",
) -> Axes:
    """Draw which angle wins eq. (2) for every place of one landmark, lines where the winner changes, and the person.

    Thin white lines: another angle; thick black lines: another component. The ring is where the landmark is in Y.

    Args:
        ax: the axes.
        xs: (W,) evenly spaced places of the landmark, x to the right.
        ys: (H,) the same, y up.
        theta: (H, W) the winning angle, radians.
        component: (H, W) the winning component.
        Y: (2, L) all landmarks.
        landmark: the one that moves.
        order: the skeleton.
        visible: (L,), what of the person is drawn; all where None.
        unit: of xs, ys and Y.

    Raises:
        ValueError: wrong shapes, or fewer than two places along an axis.
    """
    extent = _cells(xs, ys, theta=theta, component=component)
    image = ax.imshow(
        np.degrees(theta) % 360, extent=extent, origin="lower", cmap="twilight", vmin=0, vmax=360, alpha=0.8
    )
    ax.add_collection(LineCollection(list(_edges(np.asarray(theta), extent)), colors="white", linewidths=0.6))
    ax.add_collection(LineCollection(list(_edges(np.asarray(component), extent)), colors="black", linewidths=2.0))
    Y, visible = _check_points("Y", Y, skeleton(order), visible, d=2)
    _draw_bones(ax, Y, skeleton(order), visible, None, None, "-", 1.0)
    ax.plot(*Y[:, landmark], "o", color="#F0E442", markeredgecolor="black", markersize=9)
    handles = [
        Line2D([], [], color="#BBBBBB", lw=1, label="another angle"),
        Line2D([], [], color="black", lw=2, label="another component"),
        Line2D([], [], color="#F0E442", marker="o", markeredgecolor="black", ls="", label="where it is"),
        *(Line2D([], [], color=COLOURS[s], lw=2, marker="o", markersize=3, label=s) for s in ("left", "right")),
    ]
    name = skeleton(order).landmarks[landmark].replace("_", " ")
    _frame_cells(ax, extent, f"Who wins, for every place of the {name}", unit)
    x, y = Y[:, visible]
    ax.set(xlim=(min(extent[0], x.min() - 1), max(extent[1], x.max() + 1)))
    ax.set(ylim=(min(extent[2], y.min() - 1), max(extent[3], y.max() + 1)))
    ax.legend(handles=handles, loc="best", fontsize=7, facecolor="#DDDDDD")
    ax.figure.colorbar(image, ax=ax, label="theta of the winner (degrees)", ticks=np.arange(0, 361, 60))
    return ax


def draw_jumps(
    ax: Axes,
    xs: Float[np.ndarray, " W"],
    ys: Float[np.ndarray, " H"],
    Y_hat: Float[np.ndarray, "H W 2 L"],
    landmark: int,
    order: str | Skeleton = "human36m",
    *,
    unit: str = "px",
) -> Axes:
    """Draw by how much Y_hat changes from each place of a landmark to the next, per step that the landmark makes.

    A smooth mapping has a change that stays as it is when the cells get smaller; at a jump it grows without bound.

    Args:
        ax: the axes.
        xs: (W,) evenly spaced places of the landmark, x to the right.
        ys: (H,) the same, y up.
        Y_hat: (H, W, 2, L) the projected pose at each place.
        landmark: the one that moves, for the title.
        order: the skeleton.
        unit: of xs, ys and Y_hat.

    Raises:
        ValueError: wrong shapes, or fewer than two places along an axis.
    """
    extent = _cells(xs, ys, Y_hat=Y_hat[..., 0, 0])
    across = np.linalg.norm(np.diff(Y_hat, axis=1), axis=(-2, -1))[:-1]
    upwards = np.linalg.norm(np.diff(Y_hat, axis=0), axis=(-2, -1))[:, :-1]
    jump = np.maximum(across, upwards)
    image = ax.imshow(jump, extent=extent, origin="lower", cmap="cividis", norm="log", vmin=jump.min(), vmax=jump.max())
    name = skeleton(order).landmarks[landmark].replace("_", " ")
    _frame_cells(ax, extent, f"What Y_hat does as the {name} moves by one cell", unit)
    ticks = LogLocator(subs=(1, 2, 5))
    bar = ax.figure.colorbar(image, ax=ax, label=f"change of Y_hat, all coordinates ({unit})", ticks=ticks, format="%g")
    bar.ax.minorticks_off()
    return ax


def _cells(xs: np.ndarray, ys: np.ndarray, **values: np.ndarray) -> tuple[float, float, float, float]:
    """Left, right, bottom and top of the cells around the places; `values` must have one entry for each cell."""
    if len(xs) < 2 or len(ys) < 2:
        fail("xs, ys", f"{len(xs)} and {len(ys)} places", "at least 2 of each")
    for name, value in values.items():
        if np.shape(value) != (len(ys), len(xs)):
            fail(name, f"shape {np.shape(value)}", f"shape ({len(ys)}, {len(xs)}), the places of ys and xs")
    dx, dy = (xs[1] - xs[0]) / 2, (ys[1] - ys[0]) / 2
    return float(xs[0] - dx), float(xs[-1] + dx), float(ys[0] - dy), float(ys[-1] + dy)


def _edges(values: np.ndarray, extent: tuple[float, float, float, float]) -> Float[np.ndarray, "N 2 2"]:
    """The edges between neighbouring cells (H, W) whose values differ, as line segments: both ends' (x, y)."""
    H, W = values.shape
    x, y = np.linspace(extent[0], extent[1], W + 1), np.linspace(extent[2], extent[3], H + 1)
    i, j = np.nonzero(np.diff(values, axis=1))
    upright = np.stack([[x[j + 1], y[i]], [x[j + 1], y[i + 1]]])
    i, j = np.nonzero(np.diff(values, axis=0))
    level = np.stack([[x[j], y[i + 1]], [x[j + 1], y[i + 1]]])
    return np.moveaxis(np.concatenate([upright, level], axis=-1), -1, 0)


def _frame_cells(ax: Axes, extent: tuple[float, float, float, float], title: str, unit: str) -> None:
    left, right, bottom, top = extent
    ax.set(
        xlim=(left, right), ylim=(bottom, top), aspect="equal", title=title, xlabel=f"x ({unit})",
        ylabel=f"y, up ({unit})",
    )  # fmt: skip


VERDICTS = {"holds": ("#009E73", "o"), "fails": ("#D55E00", "X"), "undecided": ("#666666", "s")}
"""Colour and marker of a verdict."""


def draw_comparisons(ax: Axes, comparisons: Sequence[Mapping[str, Any]]) -> Axes:
    """Draw the paired differences of some comparisons, one under the other: every seed, mean, interval, verdict.

    The band is where a comparison is expected: below 0, or within the margin.

    Args:
        ax: the axes.
        comparisons: as `lifting.experiments.claims.load` gives them, in one unit.

    Raises:
        ValueError: no comparison, or of several units.
    """
    units = sorted({c["unit"] for c in comparisons})
    if len(units) != 1:
        fail("comparisons", f"{len(comparisons)} in units {units}", "at least one, all in one unit")
    values = [(c["margin"], c["low"], c["high"], *c["differences"]) for c in comparisons]
    reach = 1.1 * max(abs(value) for row in values for value in row) or 1.0
    for n, c in enumerate(comparisons):
        colour, marker = VERDICTS[c["verdict"]]
        band = (-c["margin"], c["margin"]) if c["expected"] == "similar" else (-reach, 0)
        ax.fill_betweenx([n - 0.45, n + 0.45], *band, color="#56B4E9", alpha=0.25, lw=0)
        ax.plot(c["differences"], np.full(len(c["differences"]), n + 0.25), "|", color="#888888", ms=5)
        ax.plot([c["low"], c["high"]], [n, n], color=colour, lw=2)
        ax.plot(c["mean"], n, marker, color=colour, ms=7)
    ax.axvline(0, color="black", lw=0.8)
    names = [f"{c['of']} less {c['against']}: {c['verdict']}" for c in comparisons]
    ax.set_yticks(range(len(names)), names, fontsize=8)
    ax.set(xlim=(-reach, reach), ylim=(len(names) - 0.5, -0.5), xlabel=f"difference of errors ({units[0]})")
    return ax


# --- the way through ---------------------------------------------------------------------------------------------

STATIONS = ("image", "B", "Y", "R, a", r"$\hat{Y}$", r"$\hat{B}$", "F", "loss")
"""What is computed, in order: image, belief maps, landmarks, rotation and coefficients, projected landmarks, projected
belief maps, fused maps, loss."""

FORWARD = ("network", "argmax", "(2)", "(1)", "Gaussian", "fuse", "compare")
"""How each station is made of the one before; numbers are the supplement's equations."""

BACKWARD = {(7, 5): "", (5, 4): "(9)", (4, 2): "(8)", (2, 1): '"Updating B"'}
"""The way back, from station to station."""

ROOMS: dict[str, tuple[object, ...]] = {
    "start": (0, 1, 2, 3, 4),
    "projection": ("(1)", 4),
    "prior": ("prior",),
    "solving": ("(2)", 3),
    "landmark gradient": ("(8)",),
    "belief gradient": ("(9)",),
    "updating beliefs": ('"Updating B"',),
    "lifting layer": (1, 2, 3, 4, 5, "(9)", "(8)", '"Updating B"'),
    "network": (0, 1, 5, 6, "network", "fuse"),
    "training": (6, 7, "compare"),
    "claims": (0, 1, 2, 3, 4, 5, 6, 7),
}
"""What each room of the walkthrough covers: stations (by number) and arrows (by name)."""


def draw_way_through(ax: Axes, room: str) -> Axes:
    """Draw the way from image to loss and back, with one room of the walkthrough marked in yellow.

    Give it wide axes, about 10 x 2.2 inches.

    Args:
        ax: the axes.
        room: a key of `ROOMS`.

    Raises:
        ValueError: no such room; the message lists them.
    """
    if room not in ROOMS:
        fail("room", repr(room), f"one of {', '.join(ROOMS)}")
    marked, step = ROOMS[room], 1.6
    for n, name in enumerate(STATIONS):
        _box(ax, n * step, 0, name, n in marked)
    for n, name in enumerate(FORWARD):
        _arrow(ax, (n * step + 0.45, 0), ((n + 1) * step - 0.45, 0), name, name in marked)
    _box(ax, 3 * step, 1.15, "prior", "prior" in marked)
    _arrow(ax, (3 * step, 0.87), (3 * step, 0.3), r"$\mu, e, \sigma$", False, side=0.42)
    for (start, end), name in BACKWARD.items():
        _arrow(ax, (start * step - 0.1, -0.3), (end * step + 0.1, -0.3), name, name in marked, back=True)
    ax.set(xlim=(-0.6, 7 * step + 0.6), ylim=(-1.15, 1.45), aspect="equal")
    ax.axis("off")
    return ax


def _box(ax: Axes, x: float, y: float, text: str, marked: bool) -> None:
    colour = MARKED if marked else "white"
    ax.add_patch(
        FancyBboxPatch((x - 0.38, y - 0.22), 0.76, 0.44, boxstyle="round,pad=0.05", facecolor=colour, edgecolor="black")
    )
    ax.text(x, y, text, ha="center", va="center", fontsize=9)


def _arrow(
    ax: Axes,
    start: tuple[float, float],
    end: tuple[float, float],
    text: str,
    marked: bool,
    *,
    back: bool = False,
    side: float = 0.0,
) -> None:
    ax.add_patch(
        FancyArrowPatch(
            start, end, arrowstyle="-|>", mutation_scale=11, shrinkA=0, shrinkB=0, color="black",
            linestyle="--" if back else "-", connectionstyle="arc3,rad=-0.35" if back else "arc3",
        )
    )  # fmt: skip
    x, y = (start[0] + end[0]) / 2 + side, (start[1] + end[1]) / 2
    drop = 0.24 + 0.175 * abs(start[0] - end[0]) if back else 0.0
    rise = 0.0 if side else 0.4
    box = {"facecolor": MARKED, "edgecolor": "none", "pad": 2} if marked else None
    ax.text(x, y - drop if back else y + rise, text, ha="center", va="center", fontsize=8, bbox=box)


# --- shared ------------------------------------------------------------------------------------------------------


def _check_points(
    argument: str, points: Array, order: Skeleton, visible: Array | None, d: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """`points` (d, L) and `visible` (L,) as NumPy arrays."""
    points = to_numpy(points).astype(np.float64) if hasattr(points, "shape") else np.asarray(points, dtype=np.float64)
    L = len(order.landmarks)
    if points.shape not in ((2, L), (3, L)) or (d is not None and len(points) != d):
        fail(argument, f"shape {points.shape}", f"shape ({d or '2 or 3'}, {L}), the landmarks of {order.name}")
    points, visible = mask_landmarks(argument, points, None if visible is None else to_numpy(visible))
    if not visible.any():
        fail("visible", "no visible landmark", "at least one")
    return points, visible


def _check_image(image: np.ndarray) -> np.ndarray:
    image = np.asarray(image)
    if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[-1] not in (3, 4)) or image.size == 0:
        fail("image", f"shape {image.shape}", "shape (H, W), (H, W, 3) or (H, W, 4)")
    return image


def _show_photo(ax: Axes, image: np.ndarray) -> None:
    ax.imshow(image, cmap="grey" if image.ndim == 2 else None)
    ax.set(
        xlabel="column (px)", ylabel="row (px)", xlim=(-0.5, image.shape[1] - 0.5), ylim=(image.shape[0] - 0.5, -0.5)
    )


def _draw_bones(
    ax: Axes | Axes3D,
    points: np.ndarray,
    order: Skeleton,
    visible: np.ndarray,
    colour: str | None,
    label: str | None,
    linestyle: str,
    alpha: float,
) -> None:
    """One line per side through its bones, dots at the landmarks."""
    named = False
    for side, path in bone_paths(points, order, visible).items():
        if colour is None:
            text = None if side == "middle" else f"{label} {side}" if label else side
        else:
            text, named = (None if named else label), True
        ax.plot(
            *path, color=colour or COLOURS[side], label=text, ls=linestyle, alpha=alpha, lw=2, marker="o", markersize=3
        )


def _legend(ax: Axes, wanted: bool, place: Any = "upper right") -> Axes:
    if wanted and ax.get_legend_handles_labels()[0]:
        ax.legend(loc=place, fontsize=8)
    return ax
