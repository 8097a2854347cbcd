"""Batches of pictures for training, each a pure function of the seed and its number, whatever process makes it.

A batch is made in chunks of `CHUNK` pictures, and each chunk draws from a generator of its own, seeded by (seed, step,
chunk). So a run that is resumed sees the same pictures as one that was not stopped, and several processes that share a
batch see together what one would see alone.
"""

import io
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
import torch
from jaxtyping import Int
from PIL import Image
from torch import Tensor
from torch.nn import functional
from torch.utils.data import Dataset

from lifting.datasets.composing import Buffers, Composed, compose, in_picture
from lifting.datasets.rendered import RenderedPeople
from lifting.skeleton import HUMAN36M
from lifting.support.arrays import check_count, fail

CHUNK = 8
"""Pictures made at a time; a batch holds a whole number of chunks for each process."""


class Pictures(Protocol):
    """Where pictures come from: N of them, any of which can be made at any time."""

    def __len__(self) -> int:
        """How many there are."""

    def make(self, indices: Int[np.ndarray, " n"], generator: torch.Generator) -> Composed:
        """The pictures `indices`, with everything random drawn from `generator`."""


@dataclass(frozen=True)
class Rendering:
    """Pictures composed of rendered buffers, each time with other clothes, light and surroundings; varied, some of them
    sharpened or masked, and most of them as JPEG leaves them.

    Attributes:
        buffers: the people.
        unrecognisable: how many of the heads are made of large pixels. The more, the less a network relies on faces.
    """

    buffers: Buffers
    unrecognisable: float = 0.3

    def __post_init__(self) -> None:
        if not 0 <= self.unrecognisable <= 1:
            fail("unrecognisable", self.unrecognisable, "a share, from 0 to 1")

    def __len__(self) -> int:
        return len(self.buffers)

    def make(self, indices: Int[np.ndarray, " n"], generator: torch.Generator) -> Composed:
        """See `Pictures`."""
        made = vary(compose(self.buffers, indices, generator), generator, STRONG_TILT)
        made = made._replace(images=_sharpen(made.images, generator))
        return _compressed(_masked(made, self.unrecognisable, generator), generator)


@dataclass(frozen=True)
class Finished:
    """Finished pictures, as the embedded set's: half of them mirrored, all varied."""

    people: RenderedPeople

    def __len__(self) -> int:
        return len(self.people)

    def make(self, indices: Int[np.ndarray, " n"], generator: torch.Generator) -> Composed:
        """See `Pictures`."""
        people = [getattr(self.people, key)[indices] for key in ("images", "landmarks", "visible", "pose")]
        images, landmarks, visible, pose = map(torch.from_numpy, people)
        mirrored = torch.rand(len(indices), generator=generator) < 0.5
        swap, size = list(HUMAN36M.swap), images.shape[-1]
        others = (
            images.flip(-1),
            torch.stack([size - 1 - landmarks[:, 0], landmarks[:, 1]], 1)[..., swap],
            visible[:, swap],
            torch.cat([-pose[:, :1], pose[:, 1:]], 1)[..., swap],
        )
        pairs = zip(others, (images, landmarks, visible, pose), strict=True)
        images, landmarks, visible, pose = (
            torch.where(mirrored.view(-1, *[1] * (own.ndim - 1)), other, own) for other, own in pairs
        )
        scale, from_behind = self.people.camera[indices, 2], self.people.from_behind[indices]
        made = Composed(images.float() / 255, landmarks, visible, pose, *map(torch.from_numpy, (scale, from_behind)))
        return vary(made, generator)


TILT, STRONG_TILT, ZOOM, MOVE = 10.0, 20.0, (0.85, 1.2), 4.0
"""How pictures are varied: standard deviation of the tilt in degrees, of finished pictures and of those that are
composed anew; least and greatest zoom; shift in pixels."""


def vary(made: Composed, generator: torch.Generator, tilt_deviation: float = TILT) -> Composed:
    """The same pictures tilted, zoomed and shifted a little, sharp or blurred, in other light and colours.

    About the picture's middle c: p' = zoom R(tilt) (p - c) + c + shift. The border is repeated where the old picture
    ends.
    """
    n, size = len(made.images), made.images.shape[-1]
    tilt = (torch.randn(n, generator=generator) * tilt_deviation).deg2rad()
    zoom = _uniform(n, *ZOOM, generator)
    shift = _uniform((n, 2, 1), -MOVE, MOVE, generator)
    cos, sin = tilt.cos(), tilt.sin()
    R = torch.stack([torch.stack([cos, -sin], -1), torch.stack([sin, cos], -1)], -2)
    middle = (size - 1) / 2
    landmarks = zoom[:, None, None] * (R @ (made.landmarks - middle)) + middle + shift
    # grid_sample asks where each new pixel comes from, in units of half the picture: p = R^T (p' - c - shift)/zoom + c
    back = R.mT / zoom[:, None, None]
    theta = torch.cat([back, back @ (-shift * 2 / size)], dim=-1)
    grid = functional.affine_grid(theta, list(made.images.shape), align_corners=False)
    images = functional.grid_sample(made.images, grid, mode="bilinear", padding_mode="border", align_corners=False)
    # rows count downwards, the pose's y points up: it turns the other way
    pose = torch.cat([R.mT @ made.pose[:, :2], made.pose[:, 2:]], dim=1)
    inside = in_picture(landmarks, size)
    return Composed(_recolour(_blur(images, generator), generator), landmarks, made.visible & inside, pose,
                    made.scale * zoom, made.from_behind)  # fmt: skip


def _uniform(shape: tuple[int, ...] | int, low: float, high: float, generator: torch.Generator) -> Tensor:
    return low + (high - low) * torch.rand(shape, generator=generator)


def _blur(images: Tensor, generator: torch.Generator) -> Tensor:
    """A quarter of the pictures out of focus, by a Gaussian of 0.5 to 1.3 pixels."""
    chosen = (torch.rand(len(images), generator=generator) < 0.25).nonzero()[:, 0]
    sigma = _uniform(len(chosen), 0.5, 1.3, generator)[:, None]
    if len(chosen) == 0:
        return images
    taps = torch.softmax(-(torch.arange(-3.0, 4.0) ** 2) / (2 * sigma**2), dim=1).repeat_interleave(3, 0)
    flat = functional.pad(images[chosen].flatten(0, 1)[None], (3, 3, 3, 3), mode="replicate")
    flat = functional.conv2d(flat, taps[:, None, None], groups=len(taps))
    flat = functional.conv2d(flat, taps[:, None, :, None], groups=len(taps))
    return images.index_copy(0, chosen, flat[0].unflatten(0, (-1, 3)))


SHARPENED, STRENGTH = 0.6, (0.0, 2.5)
"""How many of the pictures are sharpened, and how strongly."""


def _sharpen(images: Tensor, generator: torch.Generator) -> Tensor:
    """Some pictures as sharp as photos are: cameras sharpen, and so does making a large photo small.

    An unsharp mask, I + s (I - I * g): with the binomial g the wave of f cycles a pixel, along rows or columns, grows
    1 + s (1 - cos(pi f)^2) times.
    """
    n = len(images)
    strength = _uniform((n, 1, 1, 1), *STRENGTH, generator)
    chosen = torch.rand(n, 1, 1, 1, generator=generator) < SHARPENED
    taps = torch.tensor([0.25, 0.5, 0.25])
    kernel = (taps[:, None] * taps).expand(3, 1, 3, 3)
    soft = functional.conv2d(functional.pad(images, (1, 1, 1, 1), mode="replicate"), kernel, groups=3)
    return (images + chosen * strength * (images - soft)).clamp(0, 1)


def _recolour(images: Tensor, generator: torch.Generator) -> Tensor:
    """Another exposure, contrast, saturation and tint."""
    n = len(images)
    gamma = torch.exp(0.3 * torch.randn(n, 1, 1, 1, generator=generator))
    images = images.clamp(1e-3, 1) ** gamma
    grey = images.mean(1, keepdim=True)
    saturation = _uniform((n, 1, 1, 1), 0.3, 1.3, generator)
    images = grey + saturation * (images - grey)
    tint = 1 + 0.06 * torch.randn(n, 3, 1, 1, generator=generator)
    contrast = _uniform((n, 1, 1, 1), 0.6, 1.3, generator)
    offset = 0.08 * torch.randn(n, 1, 1, 1, generator=generator)
    return ((images * tint - 0.5) * contrast + 0.5 + offset).clamp(0, 1)


FRAMED = 0.35
"""How many of the pictures have bars of one colour at their sides."""


def _masked(made: Composed, unrecognisable: float, generator: torch.Generator) -> Composed:
    """What is done to published photos: faces made unrecognisable, and bars of one colour where a photo isn't square.

    The bars leave the landmarks' box free, but for a few pixels.
    """
    n, size = len(made.images), made.images.shape[-1]
    steps = torch.arange(size)
    # the head: blocks of 3 to 6 pixels in a disc about nose and top of the head
    top, nose = (made.landmarks[..., HUMAN36M.index(name)] for name in ("head_top", "nose"))
    middle, radius = (top + nose) / 2, (top - nose).norm(dim=1) * _uniform(n, 0.8, 1.6, generator)
    block = int(torch.randint(3, 7, (1,), generator=generator))
    coarse = functional.avg_pool2d(made.images, block, ceil_mode=True, count_include_pad=False)
    coarse = coarse.repeat_interleave(block, 2).repeat_interleave(block, 3)[..., :size, :size]
    square = (steps - middle[:, :1]).square()[:, None, :] + (steps - middle[:, 1:]).square()[:, :, None]
    chosen = torch.rand(n, generator=generator) < unrecognisable
    disc = (square < radius.square()[:, None, None]) & chosen[:, None, None]
    images = torch.where(disc[:, None], coarse, made.images)
    # the bars
    low = made.landmarks.amin(-1) - _uniform((n, 2), -3, 40, generator)
    high = made.landmarks.amax(-1) + _uniform((n, 2), -3, 40, generator)
    inside = (steps >= low[..., None]) & (steps <= high[..., None])
    bars = ~(inside[:, 0, None, :] & inside[:, 1, :, None]) & (torch.rand(n, 1, 1, generator=generator) < FRAMED)
    of_mean = torch.rand(n, 1, 1, 1, generator=generator) < 0.7
    colour = torch.where(of_mean, images.mean((2, 3), keepdim=True), torch.rand(n, 3, 1, 1, generator=generator))
    column, row = made.landmarks.round().long().clamp(0, size - 1).unbind(1)
    covered = bars[torch.arange(n)[:, None], row, column]
    return made._replace(images=torch.where(bars[:, None], colour, images), visible=made.visible & ~covered)


COMPRESSED, QUALITIES = 0.75, (50, 95)
"""How many of the pictures go through JPEG, and of which qualities."""


def _compressed(made: Composed, generator: torch.Generator) -> Composed:
    """Most pictures as JPEG leaves them. Its marks are taken for a face by a network that has never seen any."""
    images = made.images.clone()
    quality = torch.randint(*QUALITIES, (len(images),), generator=generator).tolist()
    for n in (torch.rand(len(images), generator=generator) < COMPRESSED).nonzero()[:, 0].tolist():
        file, pixels = io.BytesIO(), (images[n] * 255).round().byte().permute(1, 2, 0).numpy()
        Image.fromarray(pixels).save(file, "JPEG", quality=quality[n])
        images[n] = torch.from_numpy(np.array(Image.open(file, formats=["JPEG"]))).permute(2, 0, 1) / 255
    return made._replace(images=images)


@dataclass(frozen=True)
class Batches(Dataset):
    """Batch number `step` of a run, or one process's share of it: `batches[step]`.

    Every picture comes once before any comes again; the order of each round is drawn anew.

    Attributes:
        pictures: where they come from.
        size: pictures in a batch, over all processes.
        seed: of everything random.
        process, processes: which share of how many.
    """

    pictures: Pictures
    size: int
    seed: int
    process: int = 0
    processes: int = 1

    def __post_init__(self) -> None:
        check_count("batch", self.size)
        if self.size % (CHUNK * self.processes):
            want = f"a multiple of {CHUNK * self.processes}: chunks of {CHUNK}, as many for each of {self.processes}"
            fail("batch", self.size, f"{want} process(es)")

    def __getitem__(self, step: int) -> Composed:
        chunks = range(self.process, self.size // CHUNK, self.processes)
        made = [self.pictures.make(self.indices(step, chunk), self.generator(step, chunk)) for chunk in chunks]
        return Composed(*(torch.cat(field) for field in zip(*made, strict=True)))

    def indices(self, step: int, chunk: int) -> Int[np.ndarray, " n"]:
        """Which pictures a chunk shows."""
        count = len(self.pictures)
        place = step * self.size + chunk * CHUNK + np.arange(CHUNK)
        return np.array([_order(self.seed, turn, count)[at] for turn, at in zip(*divmod(place, count), strict=True)])

    def generator(self, step: int, chunk: int) -> torch.Generator:
        """What a chunk draws from."""
        seed = np.random.SeedSequence([self.seed, step, chunk]).generate_state(1, np.uint64)[0]
        return torch.Generator().manual_seed(int(seed))


@lru_cache(maxsize=4)
def _order(seed: int, turn: int, count: int) -> Int[np.ndarray, " N"]:
    """The order of all pictures in one round."""
    return np.random.default_rng([seed, turn, count]).permutation(count)
