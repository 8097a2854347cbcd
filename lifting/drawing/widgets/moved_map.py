"""What the widgets of notebooks 06 and 07 share: a real photo's belief maps, one of them moved."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lifting.belief import belief_maps, peaks
from lifting.datasets.real_frames import RealFrame, belief_human36m
from lifting.drawing.widgets.base import Person, Widget, check_human36m
from lifting.pose_prior import PosePrior
from lifting.skeleton import HUMAN36M
from lifting.support.arrays import fail
from lifting.updating import ProjectedLoss, Way

ANSWER = "#009E73"
"""Colour of the true peak, and of where a landmark should move."""


class MovedMap(Widget):
    """A photo's belief maps, of which the sliders "x" and "y" move one by so many cells.

    Attributes:
        belief: (17, H, W), the maps as they are.
        visible: (17,), False where there is no map.
        truth: (2, 17), the peaks of the maps as they are: column, row.
        moved: index of the landmark whose map is moved.
    """

    def __init__(
        self, frame: RealFrame, prior: PosePrior, landmark: str, figure: Figure, sliders: Sequence[Any]
    ) -> None:
        """Move the map of `landmark` in `frame`.

        Raises:
            ValueError: a landmark without a belief map, or a prior of other landmarks.
        """
        self.belief, present = belief_human36m(frame)
        self.visible, self.camera, self.prior = present & frame.visible, frame.map_camera, prior
        names = [name for name, seen in zip(HUMAN36M.landmarks, self.visible, strict=True) if seen]
        if landmark not in names:
            fail("landmark", repr(landmark), f"one of {', '.join(names)}")
        check_human36m(prior)
        self.moved, self.truth = HUMAN36M.index(landmark), peaks(self.belief)
        self.size: tuple[int, int] = (self.belief.shape[1], self.belief.shape[2])
        super().__init__(figure, sliders, self.draw(figure))

    def draw(self, figure: Figure) -> list[Artist]:
        """Make the artists and return those that move. Every subclass has its own."""
        raise NotImplementedError

    def maps(self) -> np.ndarray:
        """The maps (17, H, W) with the one moved."""
        B = self.belief.copy()
        B[self.moved] = np.roll(B[self.moved], (self["y"], self["x"]), axis=(0, 1))
        return B

    def loss(self, weight: np.ndarray, **settings: Any) -> ProjectedLoss:
        """The loss against Gaussians of width "sigma" at the true peaks, landmarks weighted by (17,)."""
        target = belief_maps(self.truth, *self.size, self["sigma"])
        where = {"visible": self.visible, "camera": self.camera}
        return ProjectedLoss(target, weight, self.prior, sigma=self["sigma"], **where, **settings)

    def draw_map(self, figure: Figure, corner: tuple[float, float], reach: int, **labels: str) -> tuple[Any, Any]:
        """Axes with that lower left corner, of a map around the true peak, `reach` cells to each side: image, mark."""
        column, row = self.truth[:, self.moved]
        limits = {"xlim": (column - reach, column + reach), "ylim": (row + reach, row - reach)}
        ax = figure.add_axes((*corner, 0.26, 0.35))
        image = ax.imshow(np.zeros(self.size), cmap="PuOr", vmin=-1, vmax=1)
        (mark,) = ax.plot(column, row, "x", color=ANSWER, ms=8)
        ax.set(xlabel="column (cells)", ylabel="row (cells)", **limits, **labels)
        ax.locator_params(integer=True)
        return image, mark

    def draw_person(self, ax: Axes) -> list[Artist]:
        """Y_hat as a person, and the landmarks Y that are given as dots."""
        (left, top), (right, bottom) = (end(self.truth[:, self.visible], axis=1) for end in (np.min, np.max))
        ax.set(aspect="equal", xlabel="column (cells)", ylabel="row (cells)")
        ax.set(xlim=(left - 9, right + 9), ylim=(bottom + 7, top - 10))  # the top of the head is not seen
        self._person = Person(ax, "Y_hat,")
        (self._seen,) = ax.plot([], [], "o", color="black", ms=3, label="Y")
        return [*self._person.lines.values(), self._seen]

    def show_person(self, way: Way) -> None:
        """Put them where they are."""
        self._seen.set_data(*way.Y[:, self.visible])
        self._person.show(way.Y_hat)

    @property
    def name(self) -> str:
        """The landmark's name, as a title has it."""
        return HUMAN36M.landmarks[self.moved].replace("_", " ")
