"""The widget of notebook 07: a real photo's belief maps go through the lifting layer, and gradients come back.

The function behind the picture, `gradient_on_maps`, is plain and of use without it.
"""

from typing import Any

import ipywidgets
import numpy as np
import torch
from jaxtyping import Float
from matplotlib.artist import Artist
from matplotlib.figure import Figure

from lifting.belief import belief_maps, peaks
from lifting.datasets.real_frames import RealFrame, belief_human36m, load_real_frames
from lifting.drawing.plots import COLOURS, bone_paths, bone_sides
from lifting.drawing.widgets.base import LAYOUT, STYLE, Widget, new_figure
from lifting.drawing.widgets.updating import from_loss_to_peaks, map_camera
from lifting.layer import Gradient, LiftingLayer
from lifting.pose_prior import PosePrior, load_prior
from lifting.skeleton import HUMAN36M
from lifting.support.arrays import check_array, fail

REACH = 10
"""Cells around the moved landmark that its maps show."""

ARROW = 6.0
"""Length of the longest arrow, cells."""


def gradient_on_maps(
    B: Float[np.ndarray, "L H W"],
    target: Float[np.ndarray, "L H W"],
    weight: Float[np.ndarray, " L"],
    layer: LiftingLayer,
) -> Float[np.ndarray, "L H W"]:
    """dL/dB of the loss sum_p weight_p ||b_hat_p - target_p||^2 behind the lifting layer.

    Args:
        B: (L, H, W) belief maps.
        target: (L, H, W) what the projected maps are compared with.
        weight: (L,) how much each landmark's map counts.
        layer: the lifting layer.

    Raises:
        ValueError: a wrong shape, a value that is not finite, or a layer through which nothing flows back.
    """
    B = check_array("B", B, "L", "H", "W")
    target, weight = check_array("target", target, *B.shape), check_array("weight", weight, len(B))
    if layer.gradient == "none":
        fail("layer", "a layer with gradient='none'", "one that gives B a gradient")
    maps = torch.tensor(B[None], requires_grad=True)
    misfit = layer(maps).B_hat[0] - torch.tensor(target)
    loss = torch.tensor(weight) @ misfit.square().sum((1, 2))
    return torch.autograd.grad(loss, maps)[0][0].numpy()


class LayerWidget(Widget):
    """The lifted person with the arrows D, the gradient on one map by two switches, and |D| of every landmark.

    Attributes:
        way: from the loss to D, as from `from_loss_to_peaks`.
        gradients: dL/dB (L, H, W) by "subgradient" and by "soft-argmax".

    Sliders: "x", "y" (by how many cells the map of one landmark was moved), "sigma" and "delta" (cells), "k" and
    "rotations".
    """

    def __init__(
        self, frame: RealFrame | None = None, prior: PosePrior | None = None, landmark: str = "right_ankle"
    ) -> None:
        """Move the map of `landmark` in `frame`; the first embedded photo and the embedded prior where None.

        Raises:
            ValueError: a landmark without a belief map, or a prior of other landmarks.
        """
        frame = load_real_frames(["cam01_004"])[0] if frame is None else frame
        self.prior = load_prior() if prior is None else prior
        self.belief, present = belief_human36m(frame)
        self.visible, self.camera = present & frame.visible, map_camera(frame)
        names = [name for name, seen in zip(HUMAN36M.landmarks, self.visible, strict=True) if seen]
        if landmark not in names:
            fail("landmark", repr(landmark), f"one of {', '.join(names)}")
        if len(self.visible) != self.prior.L:
            fail("prior", f"{self.prior.L} landmarks", f"the {len(self.visible)} of {HUMAN36M.name}")
        self.moved, self.truth = HUMAN36M.index(landmark), peaks(self.belief)
        self._size: tuple[int, int] = (self.belief.shape[1], self.belief.shape[2])
        figure = new_figure(13, 3.6, dpi=80)
        sliders = [
            ipywidgets.IntSlider(-3, min=-8, max=8, description="x"),
            ipywidgets.IntSlider(2, min=-8, max=8, description="y"),
            ipywidgets.FloatSlider(1.5, min=0.8, max=4, step=0.1, description="sigma"),
            ipywidgets.FloatSlider(1.0, min=0.1, max=4, step=0.1, description="delta"),
            ipywidgets.FloatSlider(1.0, min=0, max=4, step=0.1, description="k"),
            ipywidgets.SelectionSlider(value=80, options=(5, 10, 20, 40, 80, 160), description="rotations"),
        ]
        for slider in sliders:
            slider.layout, slider.style = LAYOUT, STYLE
        moving = [*self._person_axes(figure), *self._map_axes(figure), *self._bar_axes(figure)]
        super().__init__(figure, sliders, moving)

    def update(self) -> None:
        """Send the maps through the layer and the gradients back, and set every artist."""
        B, weight = self._maps(), self.visible.astype(np.float64)
        target = belief_maps(self.truth, *self._size, self["sigma"])
        settings = {name: self[name] for name in ("sigma", "delta", "rotations")}
        where: dict[str, Any] = {"visible": self.visible, "camera": self.camera}
        self.way = from_loss_to_peaks(B, target, weight, self.prior, **settings, **where)
        switches: tuple[Gradient, ...] = ("subgradient", "soft-argmax")
        self.gradients: dict[str, np.ndarray] = {
            switch: gradient_on_maps(
                B, target, weight, LiftingLayer(self.prior, **settings, k=self["k"], gradient=switch, **where)
            )
            for switch in switches
        }
        self._show_person()
        for switch, image in self._images.items():
            picture = -self.gradients[switch][self.moved]
            image.set_data(picture / max(picture.max(), 1e-300))
        for peak in self._peaks:
            peak.set_data(*self.way.Y[:, [self.moved]])
        for bar, length in zip(self._bars, np.hypot(*self.way.D), strict=True):
            bar.set_width(length)
        self._said.set_text(f"loss {self.way.loss:.2f}")

    def _maps(self) -> np.ndarray:
        B = self.belief.copy()
        B[self.moved] = np.roll(B[self.moved], (self["y"], self["x"]), axis=(0, 1))
        return B

    def _show_person(self) -> None:
        self._seen.set_data(*self.way.Y[:, self.visible])
        for side, path in bone_paths(self.way.Y_hat).items():
            self._bones[side].set_data(*path)
        Y, D = self.way.Y[:, self.visible], self.way.D[:, self.visible]
        self._arrows.set_offsets(Y.T)
        self._arrows.set_UVC(*(ARROW * D / max(np.hypot(*D).max(), 1e-300)))

    def _person_axes(self, figure: Figure) -> list[Artist]:
        ax: Any = figure.add_axes((0.04, 0.15, 0.22, 0.72))
        ax.set(xlim=(0, 64), ylim=(60, -6), aspect="equal", xlabel="column (cells)", ylabel="row (cells)")
        self._bones = {side: ax.plot([], [], color=colour, lw=2)[0] for side, colour in COLOURS.items()}
        for side in ("left", "right"):
            self._bones[side].set_label(f"Y_hat, {side}")
        (self._seen,) = ax.plot([], [], "o", color="black", ms=3, label="Y")
        nothing, colour = np.zeros(int(self.visible.sum())), "#009E73"
        self._arrows = ax.quiver(*[nothing] * 4, angles="xy", scale_units="xy", scale=1, color=colour, width=0.01)
        ax.plot([], [], color=colour, lw=2, label="D, longest = 6 cells")
        ax.legend(loc="upper center", fontsize=6, ncols=2)
        self._said = figure.text(0.15, 0.91, "", ha="center", fontsize=10)
        return [*self._bones.values(), self._seen, self._arrows, self._said]

    def _map_axes(self, figure: Figure) -> list[Artist]:
        column, row = self.truth[:, self.moved]
        name = HUMAN36M.landmarks[self.moved].replace("_", " ")
        self._images, self._peaks, artists = {}, [], []
        for left, switch in ((0.31, "subgradient"), (0.53, "soft-argmax")):
            ax: Any = figure.add_axes((left, 0.15, 0.19, 0.72))
            image = ax.imshow(np.zeros(self._size), cmap="PuOr", vmin=-1, vmax=1)
            (true_peak,) = ax.plot(column, row, "x", color="#009E73", ms=8)
            (peak,) = ax.plot([], [], "o", mfc="none", color="black", ms=7)
            ax.set(xlim=(column - REACH, column + REACH), ylim=(row + REACH, row - REACH), xlabel="column (cells)")
            ax.set_title(f"-dL/dB, {name}: {switch}", fontsize=9)
            self._images[switch] = image
            self._peaks.append(peak)
            artists += [image, true_peak, peak]
        return artists

    def _bar_axes(self, figure: Figure) -> list[Artist]:
        ax: Any = figure.add_axes((0.83, 0.15, 0.16, 0.72))
        colours = [COLOURS[side] for side in bone_sides(HUMAN36M)]
        self._bars = ax.barh(range(len(colours)), np.zeros(len(colours)), color=colours).patches
        ax.set_yticks(range(len(colours)), [name.replace("_", " ") for name in HUMAN36M.landmarks], fontsize=6)
        ax.set(xlim=(0, 3), ylim=(len(colours) - 0.5, -0.5), xlabel="|D| (1 / cell)")
        return list(self._bars)
