"""The project's own network as a detector: each person cut out as a square, as the network was trained to see them.

It is for learning how the network does on one's own photo, and no detector for use: it has seen renders of single,
upright people alone, and has no way of saying that nobody is there. data/network.md has its figures.
"""

import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy import ndarray as Array
from PIL import Image

from lifting.datasets.pictures import cut_square
from lifting.detecting.people import People
from lifting.network import Network, load_network
from lifting.skeleton import HUMAN36M

SHARE = 0.8
"""Of the square's height that a person fills; see "How to cut a photo" in data/network.md."""

LIMITS = (
    "Found by the project's own small network, trained on renders alone: it expects single, upright people "
    "who are seen whole, and misses many landmarks on other photos.",
)


class NetworkDetector:
    """The network on a square about each person.

    Args:
        people: what finds where people are; None: the whole picture, letterboxed, is one person's.
        network: None: the embedded one.
    """

    name = "the project's network"
    order = HUMAN36M
    notes: tuple[str, ...] = LIMITS

    def __init__(self, people: People | None = None, network: Network | None = None) -> None:
        self._people, self._network = people, (network or load_network()).eval()

    def forget(self) -> None:
        """Another file begins."""
        if self._people:
            self._people.forget()

    def __call__(self, image: UInt8[Array, "H W 3"]) -> tuple[Float[Array, "N 2 17"], Float[Array, "N 17"]]:
        """Sub-pixel peaks (pixels of the picture) of everybody, and the squares of the peaks' heights."""
        boxes = [_box(look.pixels) for look in self._people(image)] if self._people else [_whole(image)]
        if not boxes:
            return np.zeros((0, 2, 17)), np.zeros((0, 17))
        picture, size = Image.fromarray(image), self._network.configuration.image
        squares, maps = zip(*(cut_square(picture, *box, size) for box in boxes), strict=True)
        with torch.inference_mode():
            found = self._network(torch.from_numpy(np.stack(squares)).float() / 255)
            peaks = found.landmarks.double().numpy()
            heights = found[-1].fused[:, :-1].amax((2, 3)).clamp(0, 1).double().numpy()
        points = [np.linalg.solve(A[:, :2], Y - A[:, 2:]) for A, Y in zip(maps, peaks, strict=True)]
        return np.stack(points), heights**2


def _box(pixels: Float[Array, "33 2"]) -> tuple[float, float, float]:
    """Left, top and side of the square about a person; from heel to eye is about 0.95 of a person's height."""
    low, high = pixels.min(0), pixels.max(0)
    side = max(float((high - low).max()) / 0.95, 1.0) / SHARE
    left, top = (low + high) / 2 - side / 2
    return float(left), float(top), side


def _whole(image: Array) -> tuple[float, float, float]:
    """Left, top and side of the least square about the whole picture."""
    height, width = image.shape[:2]
    side = max(height, width)
    return (width - side) / 2, (height - side) / 2, float(side)
