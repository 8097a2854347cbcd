"""The widget of notebook 06: a wrong peak in a real belief map, and what the gradients of the lifting do to it.

The functions behind the picture are plain and of use without it: `map_camera`, `from_loss_to_peaks` (all gradients
from a loss on B_hat to the landmarks, eq. (9) and (8)), `step_length` and `correct` ("Updating B", again and again).
"""

import math
from typing import Any, NamedTuple

import ipywidgets
import numpy as np
from jaxtyping import Bool, Float, Int
from matplotlib.artist import Artist
from matplotlib.figure import Figure

from lifting.belief import belief_maps, belief_update, peaks, pull_back_maps
from lifting.camera import ROTATIONS
from lifting.datasets.real_frames import RealFrame, belief_human36m
from lifting.drawing.plots import COLOURS, bone_paths
from lifting.drawing.widgets.base import LAYOUT, STYLE, Widget, new_figure
from lifting.front import Lifted, landmark_jacobian, lift
from lifting.pose_prior import PosePrior
from lifting.skeleton import HUMAN36M
from lifting.solve import unwrap, wrap
from lifting.support.arrays import check_array, check_count, check_positive, fail

UP = np.array([[1.0], [-1.0]])
"""Pixels count rows downwards, Y points up: UP * Y goes from one to the other, both ways."""


def map_camera(frame: RealFrame) -> Float[np.ndarray, "3 3"]:
    """The rotation of the camera for landmarks in the cells of a photo's belief maps: for `lift(..., camera=)`.

    The maps are turned against the photo by an angle that `map_to_photo` holds, so the camera turns back about its
    line of sight, and then as in the photo.
    """
    A = frame.map_to_photo
    angle = math.atan2(A[1, 0], A[0, 0])
    about_z = np.array([[math.cos(angle), -math.sin(angle), 0], [math.sin(angle), math.cos(angle), 0], [0, 0, 1]])
    return about_z @ frame.camera


class Way(NamedTuple):
    """From belief maps to a loss on the projected ones, and back to the landmarks; pixels, rows downwards."""

    Y: Float[np.ndarray, "*batch 2 L"]
    """The peaks."""
    Y_hat: Float[np.ndarray, "*batch 2 L"]
    loss: Float[np.ndarray, "*batch"]
    D: Float[np.ndarray, "*batch 2 L"]
    """-dL/dY: where each peak should move."""
    lifted: Lifted
    """In the paper's axes, y up."""


def from_loss_to_peaks(
    B: Float[np.ndarray, "*batch L H W"],
    target: Float[np.ndarray, "L H W"],
    weight: Float[np.ndarray, "*batch L"],
    prior: PosePrior,
    *,
    rotations: int = ROTATIONS,
    sigma: float = 1.0,
    delta: float | None = 1.0,
    visible: Bool[np.ndarray, " L"] | None = None,
    camera: Float[np.ndarray, "3 3"] | None = None,
) -> Way:
    """The loss sum_p weight_p ||b_hat_p - target_p||^2, and D = -dL/dY by eq. (9) and (8).

    Args:
        B: (..., L, H, W) belief maps.
        target: (L, H, W) what the projected maps are compared with.
        weight: (..., L) how much each landmark's map counts; 0 for those that have no target.
        prior: the statistical model of pose.
        rotations: how many angles are searched.
        sigma: width of the projected maps, pixels.
        delta: the step of eq. (9), pixels; None for the exact derivative.
        visible: (L,), False for landmarks that the maps don't show.
        camera: (3, 3), the known rotation of the camera.

    Raises:
        ValueError: what `lift` and the functions of `lifting.belief` refuse.
    """
    B = check_array("B", B, "L", "H", "W")
    L, height, width = B.shape[-3:]
    target, weight = check_array("target", target, L, height, width), check_array("weight", weight, L)
    Y = peaks(B)
    lifted = lift(UP * Y, prior, rotations=rotations, scale=None, visible=visible, camera=camera)
    Y_hat = UP * lifted.Y_hat
    misfit = belief_maps(Y_hat, height, width, sigma) - target
    loss = np.sum(weight * np.sum(misfit**2, axis=(-1, -2)), axis=-1)
    # (9)  dL/dY_hat
    g_hat = pull_back_maps(2 * weight[..., None, None] * misfit, Y_hat, sigma, delta)
    # (8)  dL/dY = (E E_bar_t)^T dL/dY_hat, in image coordinates
    H = landmark_jacobian(lifted, prior, centred=False)
    g = UP * wrap((np.swapaxes(H, -1, -2) @ unwrap(UP * g_hat)[..., None])[..., 0])
    return Way(Y, Y_hat, loss, -g, lifted)


def step_length(sigma: float) -> float:
    """The m of "Updating B" that raises the nearest pixels by 1, a whole belief: 1 / N(1; 0, sigma^2).

    Where no belief is above 1, a longer step moves the peak into the quadrant, whatever hill it stood on.

    Raises:
        ValueError: a width that is not positive.
    """
    return 2 * math.pi * check_positive("sigma", sigma) ** 2 * math.exp(1 / (2 * sigma**2))


class Correction(NamedTuple):
    """What `correct` did to N wrong maps, step by step; row 0 is the start."""

    path: Float[np.ndarray, "T N 2"]
    """Where the peak of the wrong map was: column, row."""
    loss: Float[np.ndarray, "T N"]
    maps: Float[np.ndarray, "T N H W"]
    """The wrong map."""
    steps: Int[np.ndarray, " N"]
    """How many steps were taken before the loss no longer fell."""


def correct(
    B: Float[np.ndarray, "N L H W"],
    wrong: Int[np.ndarray, " N"],
    target: Float[np.ndarray, "L H W"],
    weight: Float[np.ndarray, "N L"],
    prior: PosePrior,
    *,
    k: float | None = None,
    steps: int = 15,
    sigma: float = 1.0,
    visible: Bool[np.ndarray, " L"] | None = None,
    camera: Float[np.ndarray, "3 3"] | None = None,
) -> Correction:
    """Update the map of landmark wrong[n] in B[n] by "Updating B", again and again.

    With a number for k that is all. The supplement leaves k open; where it is None each step has m =
    `step_length(sigma)`, that is k = m / ||D||, and a step after which the loss is no lower is taken back and ends the
    case: the loss falls at every step.

    Args:
        B: (N, L, H, W), N cases.
        wrong: (N,), index of the landmark whose map is updated; all other maps stay as they are.
        target: as for `from_loss_to_peaks`.
        weight: (N, L), as for `from_loss_to_peaks`.
        prior: the statistical model of pose.
        k: the factor of "Updating B", or None.
        steps: how many at most.
        sigma: width of the projected maps and of the update, pixels.
        visible: (L,), False for landmarks that the maps don't show.
        camera: (3, 3), the known rotation of the camera.

    Raises:
        ValueError: what `from_loss_to_peaks` refuses, no steps, or a negative k.
    """
    if k is not None and not 0 <= k < math.inf:
        fail("k", k, "a finite number >= 0, or None")
    options: dict[str, Any] = {"sigma": sigma, "visible": visible, "camera": camera}
    height, width = B.shape[-2:]
    B, cases, taken = B.copy(), np.arange(len(B)), np.zeros(len(B), dtype=np.int64)
    way = from_loss_to_peaks(B, target, weight, prior, **options)
    Y, D, loss = way.Y[cases, :, wrong], way.D[cases, :, wrong], way.loss
    path, losses, maps, rows = [Y], [loss], [B[cases, wrong]], cases
    for _ in range(check_count("steps", steps)):
        length = np.hypot(*D[rows].T)
        factor = np.full(len(rows), k) if k is not None else step_length(sigma) / np.maximum(length, 1e-300)
        tried, here = B[rows], cases[: len(rows)]
        scaled = factor[:, None] * D[rows]
        tried[here, wrong[rows]] += belief_update(Y[rows, :, None], scaled[..., None], height, width, 1.0, sigma)[:, 0]
        way = from_loss_to_peaks(tried, target, weight[rows], prior, **options)
        kept = (way.loss < loss[rows]) | (k is not None)
        tried, here, rows = tried[kept], here[kept], rows[kept]
        B[rows], taken[rows] = tried, taken[rows] + 1
        Y, D, loss = Y.copy(), D.copy(), loss.copy()
        Y[rows], D[rows] = way.Y[here, :, wrong[rows]], way.D[here, :, wrong[rows]]
        loss[rows] = way.loss[here]
        path.append(Y)
        losses.append(loss)
        maps.append(B[cases, wrong])
        if not len(rows):
            break
    return Correction(np.stack(path), np.stack(losses), np.stack(maps), taken)


REACH = 12
"""The maps of the widget show so many cells to each side of the true peak."""

STEPS = 15
"""The end of the slider "steps"."""


class UpdatingWidget(Widget):
    """A belief map of a real photo whose peak was moved, its update, and the person, step by step.

    Attributes:
        result: all steps, as from `correct`.
        way: from the loss to D at the step that is shown.
        distance: cells between the peak that is shown and the true one.

    Sliders: "x", "y" (by how many cells the peak was moved), "label" (whether the loss knows where the landmark should
    be, or the other landmarks only), "k", "sigma" (cells) and "steps".
    """

    def __init__(self, frame: RealFrame, prior: PosePrior, landmark: str = "right_ankle") -> None:
        """Show the map of `landmark` in `frame`.

        Raises:
            ValueError: a landmark without a belief map, or a prior of other landmarks.
        """
        belief, present = belief_human36m(frame)
        self.visible = present & frame.visible
        names = [name for name, seen in zip(HUMAN36M.landmarks, self.visible, strict=True) if seen]
        if landmark not in names:
            fail("landmark", repr(landmark), f"one of {', '.join(names)}")
        if len(self.visible) != prior.L:
            fail("prior", f"{prior.L} landmarks", f"the {len(self.visible)} of {HUMAN36M.name}")
        self.belief, self.prior, self.camera = belief, prior, map_camera(frame)
        self._size: tuple[int, int] = (belief.shape[1], belief.shape[2])
        self.wrong, self.truth = HUMAN36M.index(landmark), peaks(belief)
        self._asked: tuple[Any, ...] = ()
        figure = new_figure(13, 3.5, dpi=80)
        sliders = [
            ipywidgets.IntSlider(-5, min=-8, max=8, description="x"),
            ipywidgets.IntSlider(3, min=-8, max=8, description="y"),
            ipywidgets.FloatLogSlider(3, min=-1, max=2, step=0.1, description="k", readout_format=".2f"),
            ipywidgets.FloatSlider(1.5, min=0.8, max=3, step=0.1, description="sigma"),
            ipywidgets.IntSlider(0, min=0, max=STEPS, description="steps"),
            ipywidgets.SelectionSlider(options=("given", "kept back"), description="label"),
        ]
        for slider in sliders:
            slider.layout, slider.style = LAYOUT, STYLE
        moving = [*self._map_axes(figure), *self._person_axes(figure), *self._loss_axes(figure)]
        super().__init__(figure, sliders, moving)

    def update(self) -> None:
        """Take all steps for the sliders' values, unless nothing but "steps" has moved, and set every artist."""
        asked = tuple(self[name] for name in ("x", "y", "k", "sigma", "label"))
        if asked != self._asked:
            self._solve()
            self._asked = asked
        step = self["steps"]
        B = self._wrong_maps()
        B[self.wrong] = self.result.maps[step, 0]
        self.way = from_loss_to_peaks(B, *self._loss, self.prior, **self._options)
        Y, D = self.way.Y[:, [self.wrong]], self.way.D[:, [self.wrong]]
        update = belief_update(Y, D, *self._size, self["k"], self["sigma"])[0]
        self.distance = float(np.linalg.norm(Y[:, 0] - self.truth[:, self.wrong]))
        self._map.set_data(B[self.wrong])
        self._update.set_data(update / max(update.max(), 1e-300))
        self._path.set_data(*self.result.path[: step + 1, 0].T)
        self._show_person(Y[:, 0], D[:, 0])
        relative = self.result.loss[:, 0] / max(float(self.result.loss[0, 0]), 1e-300)
        self._curve.set_data(np.arange(STEPS + 1), relative)
        self._dot.set_data([step], relative[[step]])
        self._said.set_text(f"peak {self.distance:.1f} cells off, |D| = {np.hypot(*D[:, 0]):.2g}")

    def _wrong_maps(self) -> np.ndarray:
        B = self.belief.copy()
        B[self.wrong] = np.roll(B[self.wrong], (self["y"], self["x"]), axis=(0, 1))
        return B

    def _solve(self) -> None:
        sigma, weight = self["sigma"], self.visible.astype(np.float64)
        weight[self.wrong] = self["label"] == "given"
        self._loss = belief_maps(self.truth, *self._size, sigma), weight
        self._options: dict[str, Any] = {"sigma": sigma, "visible": self.visible, "camera": self.camera}
        maps, wrong = self._wrong_maps()[None], np.array([self.wrong])
        target, weight = self._loss
        self.result = correct(maps, wrong, target, weight[None], self.prior, k=self["k"], steps=STEPS, **self._options)

    def _show_person(self, Y: np.ndarray, D: np.ndarray) -> None:
        self._seen.set_data(*self.way.Y[:, self.visible])
        for side, path in bone_paths(self.way.Y_hat).items():
            self._bones[side].set_data(*path)
        length = np.hypot(*D)
        tip = Y + (6 * D / length if length > 0 else 0)
        self._arrow.set_data([Y[0], tip[0]], [Y[1], tip[1]])
        self._head.set_data([tip[0]], [tip[1]])

    def _map_axes(self, figure: Figure) -> list[Artist]:
        column, row = self.truth[:, self.wrong]
        name = HUMAN36M.landmarks[self.wrong].replace("_", " ")
        panels: list[tuple[float, str, dict[str, Any]]] = [
            (0.04, f"map of the {name}", {"cmap": "magma", "vmin": 0, "vmax": 1}),
            (0.26, "its next update", {"cmap": "PuOr", "vmin": -1, "vmax": 1}),
        ]
        artists: list[Any] = []
        for left, title, style in panels:
            ax = figure.add_axes((left, 0.15, 0.19, 0.7))
            image = ax.imshow(np.zeros(self._size), **style)
            (true_peak,) = ax.plot(column, row, "x", color="#009E73", ms=8)
            ax.set(xlim=(column - REACH, column + REACH), ylim=(row + REACH, row - REACH), xlabel="column (cells)")
            ax.set_title(title, fontsize=10)
            artists += [image, true_peak]
        (self._path,) = figure.axes[0].plot([], [], ".-", color="#56B4E9", lw=1, ms=4)
        figure.axes[0].set_ylabel("row (cells)")
        self._map, self._update = artists[0], artists[2]
        return [*artists[:2], self._path, *artists[2:]]

    def _person_axes(self, figure: Figure) -> list[Artist]:
        ax: Any = figure.add_axes((0.51, 0.15, 0.2, 0.7))
        ax.set(xlim=(8, 56), ylim=(60, 6), aspect="equal", xlabel="column (cells)")
        self._bones = {side: ax.plot([], [], color=colour, lw=2)[0] for side, colour in COLOURS.items()}
        for side in ("left", "right"):
            self._bones[side].set_label(f"Y_hat, {side}")
        (self._seen,) = ax.plot([], [], "o", color="black", ms=3, label="Y")
        (self._arrow,) = ax.plot([], [], color="#009E73", lw=2, label="towards D")
        (self._head,) = ax.plot([], [], "*", color="#009E73", ms=8)
        ax.legend(loc="upper right", fontsize=6)
        self._said = figure.text(0.61, 0.9, "", ha="center", fontsize=9)
        return [*self._bones.values(), self._seen, self._arrow, self._head, self._said]

    def _loss_axes(self, figure: Figure) -> list[Artist]:
        ax: Any = figure.add_axes((0.78, 0.15, 0.2, 0.7))
        ax.set(xlim=(0, STEPS), ylim=(0, 1.6), xlabel="steps")
        ax.set_title("loss, first one = 1", fontsize=10)
        (self._curve,) = ax.plot([], [], ".-", color="black", lw=1)
        (self._dot,) = ax.plot([], [], "o", color="#D55E00")
        return [self._curve, self._dot]
