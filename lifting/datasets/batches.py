"""Batches of pictures for training, each a pure function of the seed and its number, whatever process makes it.

A batch is made in chunks of `CHUNK` pictures, and each chunk draws from a generator of its own, seeded by (seed, step,
chunk). So a run that is resumed sees the same pictures as one that was not stopped, and several processes that share a
batch see together what one would see alone.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor
from torch.utils.data import Dataset

from lifting.arrays import check_count, fail
from lifting.datasets.composing import SHIFT, Buffers, Composed, compose
from lifting.datasets.rendered import RenderedPeople
from lifting.skeleton import HUMAN36M

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
    """Pictures composed of rendered buffers, each time with other clothes, light and surroundings."""

    buffers: Buffers

    def __len__(self) -> int:
        return len(self.buffers)

    def make(self, indices: Int[np.ndarray, " n"], generator: torch.Generator) -> Composed:
        """See `Pictures`."""
        return compose(self.buffers, indices, generator)


@dataclass(frozen=True)
class Finished:
    """Finished pictures, as the embedded set's: half mirrored, shifted, with other brightness, contrast and tint."""

    people: RenderedPeople

    def __len__(self) -> int:
        return len(self.people)

    def make(self, indices: Int[np.ndarray, " n"], generator: torch.Generator) -> Composed:
        """See `Pictures`."""
        n = len(indices)
        people = [getattr(self.people, key)[indices] for key in ("images", "landmarks", "visible", "pose")]
        images, landmarks, visible, pose = map(torch.from_numpy, people)
        mirrored = torch.rand(n, generator=generator) < 0.5
        shift = torch.randint(-SHIFT, SHIFT + 1, (n, 2), generator=generator)
        images, landmarks, visible, pose = _mirror(images, landmarks, visible, pose, mirrored)
        images = _recolour(_shift(images, shift).float() / 255, generator)
        landmarks = landmarks + shift[..., None]
        size = images.shape[-1]
        inside = ((landmarks > -0.5) & (landmarks < size - 0.5)).all(1)
        scale = torch.from_numpy(self.people.camera[indices, 2])
        from_behind = torch.from_numpy(self.people.from_behind[indices])
        return Composed(images, landmarks, visible & inside, pose, scale, from_behind)


def _mirror(images: Tensor, landmarks: Tensor, visible: Tensor, pose: Tensor, which: Tensor) -> list[Tensor]:
    """Everything mirrored where asked: x turned round, left and right landmarks swapped."""
    swap, size = list(HUMAN36M.swap), images.shape[-1]
    others = [
        images.flip(-1),
        torch.stack([size - 1 - landmarks[:, 0], landmarks[:, 1]], 1)[..., swap],
        visible[:, swap],
        torch.cat([-pose[:, :1], pose[:, 1:]], 1)[..., swap],
    ]
    pairs = zip(others, (images, landmarks, visible, pose), strict=True)
    return [torch.where(which.view(-1, *[1] * (own.ndim - 1)), other, own) for other, own in pairs]


def _shift(images: Tensor, shift: Tensor) -> Tensor:
    """Pictures moved by whole pixels (x, y) each; the border is repeated."""
    n, _, height, width = images.shape
    rows = (torch.arange(height) - shift[:, 1:]).clamp(0, height - 1)
    columns = (torch.arange(width) - shift[:, :1]).clamp(0, width - 1)
    return images[torch.arange(n)[:, None, None], :, rows[:, :, None], columns[:, None]].permute(0, 3, 1, 2)


def _recolour(images: Tensor, generator: torch.Generator) -> Tensor:
    """Another brightness, contrast and tint, and a little noise."""
    n = len(images)
    gain = 1 + 0.2 * torch.randn(n, 1, 1, 1, generator=generator)
    tint = 1 + 0.08 * torch.randn(n, 3, 1, 1, generator=generator)
    offset = 0.08 * torch.randn(n, 1, 1, 1, generator=generator)
    noise = 0.01 * torch.randn(images.shape, generator=generator)
    return ((images - 0.5) * gain * tint + 0.5 + offset + noise).clamp(0, 1)


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
