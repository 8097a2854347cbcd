"""What the widgets of notebooks 06 and 07 share: a real photo's belief maps, one of them moved."""

import base64
import io
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image
from scipy.ndimage import map_coordinates

from lifting.belief import belief_maps, peaks
from lifting.datasets.real_frames import RealFrame, belief_human36m
from lifting.drawing.widgets.base import Widget, check_human36m
from lifting.drawing.widgets.controls import Control
from lifting.drawing.widgets.landmarks import FEWEST
from lifting.drawing.widgets.scene import Axis, Layer, Panel, Scene
from lifting.layer import Gradient, LiftingLayer, lift_peaks, pull_back_to_peaks
from lifting.pose_prior import PosePrior
from lifting.skeleton import HUMAN36M
from lifting.support.arrays import fail
from lifting.updating import ProjectedLoss

ACROSS = 4
"""Pixels of the photo that is shown, in a cell of a map."""


def jpeg_url(image: UInt8[np.ndarray, "H W 3"]) -> str:
    """A picture as a data URL."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, format="JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()


def photo_of_cells(frame: RealFrame) -> str:
    """The photo as its belief maps lie over it, as a data URL: `ACROSS` pixels per cell, black outside the photo."""
    places = (np.mgrid[: 64 * ACROSS, : 64 * ACROSS][::-1].reshape(2, -1) + 0.5) / ACROSS - 0.5
    x, y = frame.map_to_photo[:, :2] @ places + frame.map_to_photo[:, 2:]
    channels = [map_coordinates(channel, [y, x], order=1) for channel in np.moveaxis(frame.image, -1, 0)]
    pixels = np.stack(channels, axis=-1).reshape(64 * ACROSS, 64 * ACROSS, 3)
    return jpeg_url(pixels)


class Way(NamedTuple):
    """From belief maps to a loss on the projected ones, and back to the landmarks; pixels, rows downwards."""

    Y: Float[np.ndarray, "2 17"]
    """The peaks."""
    Y_hat: Float[np.ndarray, "2 17"]
    loss: float
    D: Float[np.ndarray, "2 17"]
    """-dL/dY: where each peak should move."""


def layer_for(given: ProjectedLoss, gradient: Gradient = "subgradient") -> LiftingLayer:
    """The lifting layer that projects as a loss has it."""
    return LiftingLayer(given.prior, rotations=given.rotations, sigma=given.sigma, delta=given.delta, gradient=gradient,
                        visible=given.visible, camera=given.camera)  # fmt: skip


def there_and_back(B: Float[np.ndarray, "17 H W"], given: ProjectedLoss, layer: LiftingLayer) -> Way:
    """The loss of belief maps, and D by eq. (9) and (8): what `updating.from_loss_to_peaks` gives, in half the time.

    The two halves of the lifting layer do it, with what they keep of the prior for the visible landmarks. For maps and
    weights in float64, and peaks at whole pixels.

    Raises:
        ValueError: landmarks that no rotation fits with a scale > 0.
    """
    model = layer.model(torch.float64, torch.device("cpu"))
    lifted, winner = lift_peaks(torch.from_numpy(peaks(B))[None], model, B.shape[1:], given.sigma)
    if not lifted.admissible:
        fail(
            "Y",
            "landmarks that no rotation fits with a scale > 0",
            "a person who is not upside down, nor all in one pixel",
        )
    loss, g_B_hat = given.compare(lifted.B_hat[0].numpy())
    # the loss is of B_hat alone
    others = {name: torch.zeros_like(getattr(lifted, name)) for name in ("landmarks", "Y_hat", "pose", "scale")}
    g = lifted._replace(**others, B_hat=torch.from_numpy(g_B_hat)[None])
    g_Y = pull_back_to_peaks(g, lifted.Y_hat, winner, model.weights, layer.options)
    return Way(lifted.landmarks[0].numpy(), lifted.Y_hat[0].numpy(), float(loss), -g_Y[0].numpy())


class MovedMap(Widget):
    """A photo's belief maps, of which the sliders "x" and "y", or the mouse, move one by so many cells.

    A click on another landmark hides it.

    Attributes:
        belief: (17, H, W), the maps as they are.
        visible: (17,), False where there is no map, or the landmark is hidden.
        truth: (2, 17), the peaks of the maps as they are: column, row.
        moved: index of the landmark whose map is moved.
    """

    def __init__(self, frame: RealFrame, prior: PosePrior, landmark: str, controls: Sequence[Control]) -> None:
        """Move the map of `landmark` in `frame`.

        Raises:
            ValueError: a landmark without a belief map, or a prior of other landmarks.
        """
        self.belief, present = belief_human36m(frame)
        self.visible, self.camera, self.prior = present & frame.visible, frame.map_camera, prior
        self._mapped = self.visible.copy()
        self._target: tuple[float, np.ndarray] | None = None
        names = [name for name, seen in zip(HUMAN36M.landmarks, self.visible, strict=True) if seen]
        if landmark not in names:
            fail("landmark", repr(landmark), f"one of {', '.join(names)}")
        check_human36m(prior)
        self.moved, self.truth = HUMAN36M.index(landmark), peaks(self.belief)
        self.size: tuple[int, int] = (self.belief.shape[1], self.belief.shape[2])
        self._photo = photo_of_cells(frame)
        scene = Scene()
        self.draw(scene)
        super().__init__(scene, controls)

    def draw(self, scene: Scene) -> None:
        """Add the panels. Every subclass has its own."""
        raise NotImplementedError

    def maps(self) -> Float[np.ndarray, "17 H W"]:
        """The maps with the one moved."""
        B = self.belief.copy()
        B[self.moved] = np.roll(B[self.moved], (self["y"], self["x"]), axis=(0, 1))
        return B

    def loss(self, weight: np.ndarray, **settings: Any) -> ProjectedLoss:
        """The loss against Gaussians of width "sigma" at the true peaks, landmarks weighted by (17,)."""
        if self._target is None or self._target[0] != self["sigma"]:
            self._target = self["sigma"], belief_maps(self.truth, *self.size, self["sigma"])
        where = {"visible": self.visible, "camera": self.camera}
        return ProjectedLoss(self._target[1], weight, self.prior, sigma=self["sigma"], **where, **settings)

    def reset(self) -> None:
        """Show every landmark again as well."""
        self.visible = self._mapped.copy()
        super().reset()

    def draw_map(self, scene: Scene, reach: int, title: str, palette: str, **look: Any) -> tuple[Panel, Layer]:
        """A map around the true peak, `reach` cells to each side, where that is marked; `set_map` fills it."""
        column, row = self.truth[:, self.moved]
        axes = Axis("column (cells)", column - reach, column + reach), Axis("row (cells)", row + reach, row - reach)
        panel = scene.plot(*axes, title=title, equal=True, **look)
        rows, columns = self._window = tuple(
            slice(max(0, int(at) - reach - 6), min(size, int(at) + reach + 7))
            for at, size in zip((row, column), self.size, strict=True)
        )
        shape, least = (rows.stop - rows.start, columns.stop - columns.start), 0 if palette == "belief" else -1
        layer = panel.map(shape, (least, 1), palette, corner=(columns.start, rows.start))
        panel.points("true peak", colour="green", marker="cross", size=11).set([column], [row])
        return panel, layer

    def set_map(self, layer: Layer, values: Float[np.ndarray, "H W"]) -> None:
        """Show the part of a map that is seen."""
        layer.set(values[self._window])

    def draw_person(self, scene: Scene, **look: Any) -> Panel:
        """The photo, Y_hat as a person over it, and the landmarks Y that are given."""
        (left, top), (right, bottom) = (end(self.truth[:, self.visible], axis=1) for end in (np.min, np.max))
        # the top of the head is not seen
        axes = Axis("column (cells)", left - 9, right + 9), Axis("row (cells)", bottom + 7, top - 10)
        self.person_panel = panel = scene.plot(*axes, equal=True, **look)
        panel.photo([self._photo], [(-0.5, -0.5, self.size[1] - 0.5, self.size[0] - 0.5)]).set([0])
        self._person, self._seen = panel.person("Y_hat,"), panel.points("Y", size=6)
        names = [name.replace("_", " ") for name in HUMAN36M.landmarks]
        self._others = panel.handles(names, step=1, press=self._press)
        self._taken = panel.handles([self.name], step=1, drag=self._drag)
        return panel

    def show_person(self, way: Way) -> None:
        """Put them where they are."""
        self._seen.set(*way.Y[:, self.visible])
        self._person.set(*way.Y_hat)
        others = self._mapped & (np.arange(len(self._mapped)) != self.moved)
        self._others.set(*np.where(others, way.Y, np.nan), self.visible)
        self._taken.set(*self.moved_peak, [1])

    @property
    def moved_peak(self) -> Float[np.ndarray, "2 1"]:
        """Where the moved map's peak is before any update."""
        return self.truth[:, [self.moved]] + [[self["x"]], [self["y"]]]

    @property
    def name(self) -> str:
        """The landmark's name, as a title has it."""
        return HUMAN36M.landmarks[self.moved].replace("_", " ")

    def _drag(self, _: int, x: float, y: float) -> None:
        column, row = self.truth[:, self.moved]
        self.put(x=x - column, y=y - row)

    def _press(self, index: int) -> None:
        if self.visible[index] and self.visible.sum() <= FEWEST:
            fail("visible", f"{FEWEST - 1} landmarks", f"at least {FEWEST}")
        self.visible = self.visible ^ (np.arange(len(self.visible)) == index)
