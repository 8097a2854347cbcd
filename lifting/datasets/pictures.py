"""What a set of pictures of people is to training and evaluation, whatever data set they come from.

`lifting.training.train` and `lifting.training.evaluation.evaluate` take anything that follows `Pictures`: the embedded
people (`rendered.RenderedPeople`), rendered buffers (`composing.Rendering`), Human3.6M (`human36m.Human36MPictures`),
MPII (`mpii.MpiiPictures`), and a set of yours that has its two methods.
"""

import os
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from PIL import Image
from torch import Tensor

from lifting.skeleton import HUMAN36M
from lifting.support.arrays import Array, fail


class Labelled(NamedTuple):
    """N square pictures of one person each, and what is known of them; landmarks are those of `HUMAN36M`."""

    images: Float[Tensor, "N 3 S S"]
    """In [0, 1]."""
    landmarks: Float[Tensor, "N 2 17"]
    """Pixels, x = column, y = row, pixel centres at whole numbers; may lie outside the picture. Anything where not
    labelled."""
    labelled: Bool[Tensor, "N 17"]
    """Whether it is known where the landmark is, seen or hidden. Others carry no loss and don't count."""
    visible: Bool[Tensor, "N 17"]
    """Labelled, inside the picture and not hidden."""
    pose: Float[Tensor, "N 3 17"] | None
    """Metres about the pelvis, camera's frame: x right, y up, z towards the viewer; None: not known."""
    scale: Float[Tensor, " N"] | None
    """Pixels a metre; None: not known."""
    from_behind: Bool[Tensor, " N"] | None
    """Whether hips and shoulders face away from the viewer; None: not known."""


class Pictures(Protocol):
    """N pictures of people, any of which can be made at any time."""

    def __len__(self) -> int:
        """How many there are."""

    def make(self, indices: Int[np.ndarray, " n"], generator: torch.Generator | None = None) -> Labelled:
        """The pictures `indices`: for training, varied, with everything random drawn from `generator`; without one as
        they are, the same each time.
        """


def in_picture(landmarks: Float[Array, "N 2 L"], size: int) -> Bool[Array, "N L"]:
    """Which landmarks, in pixels, lie inside a square picture of `size` pixels."""
    return ((landmarks > -0.5) & (landmarks < size - 0.5)).all(1)


def faces_away(Y: Float[Array, "N d 17"]) -> Bool[Array, " N"]:
    """Whether landmarks in the picture, or poses, show people from behind: left hips and shoulders are further left."""
    left, right = ([HUMAN36M.index(f"{side}_{part}") for part in ("hip", "shoulder")] for side in ("left", "right"))
    return Y[..., 0, left].sum(-1) < Y[..., 0, right].sum(-1)


def concatenate(parts: Sequence[Labelled]) -> Labelled:
    """Several batches as one, in order; what one of them doesn't know is not known."""
    fields = zip(*parts, strict=True)
    return Labelled._make(None if any(own is None for own in field) else torch.cat(field) for field in fields)


def square_about(points: Float[np.ndarray, "2 n"], room: float = 1.25) -> tuple[float, float, float]:
    """Left, top and side of the square about the box of some points, `room` times as wide as the box is long."""
    low, high = points.min(1), points.max(1)
    side = room * max(float((high - low).max()), 1.0)
    left, top = (low + high + 1) / 2 - side / 2
    return float(left), float(top), side


def cut_square(
    picture: Image.Image, left: float, top: float, side: float, size: int
) -> tuple[UInt8[np.ndarray, "3 S S"], Float[np.ndarray, "2 3"]]:
    """A square out of a picture, `size` pixels wide; what lies outside has the picture's mean colour.

    Args:
        picture: red, green and blue.
        left: where the square begins, in pixels of the picture, counted from its left edge.
        top: the same from its upper edge.
        side: how wide it is, in pixels of the picture.
        size: how wide it becomes.

    Returns:
        the square, and A (2, 3), which takes pixels of the picture to its own.
    """
    mean = tuple(int(value) for value in np.asarray(picture).mean((0, 1)))
    pad = int(side)
    wide = Image.new("RGB", (picture.width + 2 * pad, picture.height + 2 * pad), mean)
    wide.paste(picture, (pad, pad))
    corner = (left + pad, top + pad)
    box = (*corner, corner[0] + side, corner[1] + side)
    small = wide.resize((size, size), Image.Resampling.BICUBIC, box=box)
    scale = size / side
    # edges of pixels are at halves: pixel x of the picture has its centre at x + 1/2 from the edge
    A = np.array([[scale, 0, scale * (0.5 - left) - 0.5], [0, scale, scale * (0.5 - top) - 0.5]])
    return np.asarray(small).transpose(2, 0, 1), A


def open_picture(path: str | os.PathLike[str]) -> Image.Image:
    """A picture in red, green and blue.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no picture, or cut short.
    """
    try:
        with Image.open(path) as picture:
            return picture.convert("RGB")
    except FileNotFoundError:
        raise
    except OSError as problem:
        fail("path", f"{path}, which can't be read ({problem})", "a picture")
