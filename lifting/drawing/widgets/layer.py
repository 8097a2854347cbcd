"""The widget of notebook 07: a real photo's belief maps go through the lifting layer, and gradients come back."""

import numpy as np
import torch
from jaxtyping import Float

from lifting.belief import belief_update_gradient
from lifting.datasets.real_frames import RealFrame, load_real_frames
from lifting.drawing.plots import bone_sides
from lifting.drawing.widgets.controls import choice, slider
from lifting.drawing.widgets.moved_map import MovedMap, layer_for, there_and_back
from lifting.drawing.widgets.scene import Axis, Scene
from lifting.layer import LiftingLayer
from lifting.pose_prior import PosePrior, load_prior
from lifting.skeleton import HUMAN36M
from lifting.updating import ProjectedLoss

SWITCHES = ("subgradient", "soft-argmax")

ARROW = 6.0
"""Length of the longest arrow, cells."""


def soft_gradient(B: Float[np.ndarray, "17 H W"], given: ProjectedLoss, layer: LiftingLayer) -> np.ndarray:
    """dL/dB (17, H, W) behind a lifting layer with gradient="soft-argmax", by autograd."""
    maps = torch.tensor(B[None], requires_grad=True)
    B_hat = layer(maps).B_hat
    _, g_B_hat = given.compare(B_hat[0].detach().numpy())
    return torch.autograd.grad(B_hat, maps, torch.from_numpy(g_B_hat)[None])[0][0].numpy()


class LayerWidget(MovedMap):
    """The lifted person with the arrows D, the gradient on one map by two switches, and |D| of every landmark.

    Attributes:
        way: from the loss to D, as `updating.from_loss_to_peaks` has it.
        gradients: dL/dB (L, H, W) by "subgradient", minus the update that D asks for, and by "soft-argmax".

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
            slider("x", -3, (-8, 8), 1),
            slider("y", 2, (-8, 8), 1),
            slider("sigma", 1.5, (0.8, 4.0), 0.1),
            slider("delta", 1.0, (0.1, 4.0), 0.1),
            slider("k", 1.0, (0.0, 4.0), 0.1),
            choice("rotations", 80, (5, 10, 20, 40, 80, 160)),
        ]
        super().__init__(frame, load_prior() if prior is None else prior, landmark, sliders)

    def update(self) -> None:
        """Send the maps through the layer and the gradients back, and set every layer of the picture."""
        loss = self.loss(self.visible.astype(np.float64), delta=self["delta"], rotations=self["rotations"])
        B, soft = self.maps(), layer_for(loss, gradient="soft-argmax")
        self.way = there_and_back(B, loss, soft)
        by_update = belief_update_gradient(self.way.Y, self.way.D, *self.size, self["k"], self["sigma"])
        self.gradients = {"subgradient": by_update, "soft-argmax": soft_gradient(B, loss, soft)}
        self.show_person(self.way)
        Y, D = self.way.Y[:, self.visible], self.way.D[:, self.visible]
        self._arrows.set(*Y, *(ARROW * D / max(np.hypot(*D).max(), 1e-300)))
        for switch, layer in self._images.items():
            picture = -self.gradients[switch][self.moved]
            self.set_map(layer, picture / max(picture.max(), 1e-300))
        for peak in self._peaks:
            peak.set(*self.way.Y[:, [self.moved]])
        lengths = np.hypot(*self.way.D)
        self._bars.set(lengths)
        self.person_panel.title = f"loss {self.way.loss:.2f}"
        worst = HUMAN36M.landmarks[int(lengths.argmax())].replace("_", " ")
        self.scene.summary = f"Loss {self.way.loss:.2f}. The longest D, {lengths.max():.2g} per cell, is the {worst}'s."

    def draw(self, scene: Scene) -> None:
        """The person, bars, and a map for each switch."""
        self._arrows = self.draw_person(scene, height=400).arrows("D, longest = 6 cells")
        colours = list(bone_sides(HUMAN36M))
        names = [name.replace("_", " ") for name in HUMAN36M.landmarks]
        axes = Axis("|D| (1 / cell)", 0, 3), Axis("", len(names) - 0.5, -0.5)
        margins = {"left": 108}
        panel = scene.plot(*axes, title="|D| of each landmark", width=260, height=400, margins=margins)
        self._bars = panel.bars(names, colours)
        self._images, self._peaks = {}, []
        for n, switch in enumerate(SWITCHES):
            look = {"width": 276, "height": 205, "below": n > 0}
            panel, self._images[switch] = self.draw_map(scene, 10, f"-dL/dB by {switch}, relative", "signed", **look)
            self._peaks.append(panel.points("peak", marker="ring", size=10))
