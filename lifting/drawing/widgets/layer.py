"""The widget of notebook 07: a real photo's belief maps go through the lifting layer, and gradients come back."""

from typing import Any

import ipywidgets
import numpy as np
import torch
from matplotlib.artist import Artist
from matplotlib.figure import Figure

from lifting.datasets.real_frames import RealFrame, load_real_frames
from lifting.drawing.plots import COLOURS, bone_sides
from lifting.drawing.widgets.base import new_figure
from lifting.drawing.widgets.moved_map import ANSWER, MovedMap
from lifting.layer import Gradient, LiftingLayer
from lifting.pose_prior import PosePrior, load_prior
from lifting.skeleton import HUMAN36M
from lifting.updating import ProjectedLoss, from_loss_to_peaks

SWITCHES: tuple[Gradient, ...] = ("subgradient", "soft-argmax")

ARROW = 6.0
"""Length of the longest arrow, cells."""


class LayerWidget(MovedMap):
    """The lifted person with the arrows D, the gradient on one map by two switches, and |D| of every landmark.

    Attributes:
        way: from the loss to D, as from `updating.from_loss_to_peaks`.
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
        sliders = [
            ipywidgets.IntSlider(-3, min=-8, max=8, description="x"),
            ipywidgets.IntSlider(2, min=-8, max=8, description="y"),
            ipywidgets.FloatSlider(1.5, min=0.8, max=4, step=0.1, description="sigma"),
            ipywidgets.FloatSlider(1.0, min=0.1, max=4, step=0.1, description="delta"),
            ipywidgets.FloatSlider(1.0, min=0, max=4, step=0.1, description="k"),
            ipywidgets.SelectionSlider(value=80, options=(5, 10, 20, 40, 80, 160), description="rotations"),
        ]
        prior = load_prior() if prior is None else prior
        super().__init__(frame, prior, landmark, new_figure(8.7, 5.6), sliders)

    def update(self) -> None:
        """Send the maps through the layer and the gradients back, and set every artist."""
        loss = self.loss(self.visible.astype(np.float64), delta=self["delta"], rotations=self["rotations"])
        B = self.maps()
        self.way = from_loss_to_peaks(B, loss)
        self.gradients = {switch: self._gradient(B, loss, switch) for switch in SWITCHES}
        self.show_person(self.way)
        Y, D = self.way.Y[:, self.visible], self.way.D[:, self.visible]
        self._arrows.set_offsets(Y.T)
        self._arrows.set_UVC(*(ARROW * D / max(np.hypot(*D).max(), 1e-300)))
        for switch, image in self._images.items():
            picture = -self.gradients[switch][self.moved]
            image.set_data(picture / max(picture.max(), 1e-300))
        for peak in self._peaks:
            peak.set_data(*self.way.Y[:, [self.moved]])
        for bar, length in zip(self._bars, np.hypot(*self.way.D), strict=True):
            bar.set_width(length)
        self._said.set_text(f"loss {self.way.loss:.2f}")

    def _gradient(self, B: np.ndarray, loss: ProjectedLoss, switch: Gradient) -> np.ndarray:
        """dL/dB behind the lifting layer."""
        settings: dict[str, Any] = {name: getattr(loss, name) for name in ("sigma", "delta", "rotations")}
        where: dict[str, Any] = {"visible": self.visible, "camera": self.camera}
        layer = LiftingLayer(self.prior, **settings, k=self["k"], gradient=switch, **where)
        maps = torch.tensor(B[None], requires_grad=True)
        misfit = layer(maps).B_hat[0] - torch.tensor(loss.target)
        total = torch.tensor(loss.weight) @ misfit.square().sum((1, 2))
        return torch.autograd.grad(total, maps)[0][0].numpy()

    def draw(self, figure: Figure) -> list[Artist]:
        """The person, a map for each switch, and bars."""
        artists = self._draw_arrows(figure)
        self._images, self._peaks = {}, []
        for left, switch in zip((0.42, 0.73), SWITCHES, strict=True):
            image, mark = self.draw_map(figure, (left, 0.6), 10, title=f"-dL/dB by {switch}")
            (peak,) = figure.axes[-1].plot([], [], "o", mfc="none", color="black", ms=7)
            self._images[switch] = image
            self._peaks.append(peak)
            artists += [image, mark, peak]
        return [*artists, *self._draw_bars(figure)]

    def _draw_arrows(self, figure: Figure) -> list[Artist]:
        ax = figure.add_axes((0.06, 0.24, 0.3, 0.68))
        person, nothing = self.draw_person(ax), np.zeros(int(self.visible.sum()))
        self._arrows = ax.quiver(*[nothing] * 4, angles="xy", scale_units="xy", scale=1, color=ANSWER, width=0.01)
        ax.plot([], [], color=ANSWER, lw=2, label="D, longest = 6 cells")
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=2, fontsize=9)
        self._said = figure.text(0.21, 0.94, "", ha="center", fontsize=10)
        return [*person, self._arrows, self._said]

    def _draw_bars(self, figure: Figure) -> list[Artist]:
        ax = figure.add_axes((0.55, 0.07, 0.43, 0.4), xlim=(0, 3), ylim=(16.5, -0.5))
        ax.set_title("|D| of each landmark (1 / cell)", fontsize=10, y=0.9, x=0.7)
        colours = [COLOURS[side] for side in bone_sides(HUMAN36M)]
        self._bars = ax.barh(range(len(colours)), np.zeros(len(colours)), color=colours).patches
        ax.set_yticks(range(len(colours)), [name.replace("_", " ") for name in HUMAN36M.landmarks], fontsize=9)
        return list(self._bars)
