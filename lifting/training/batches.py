"""Batches of pictures for training, each a pure function of the seed and its number, whatever process makes it.

A batch is made in chunks of `CHUNK` pictures, and each chunk draws from a generator of its own, seeded by (seed, step,
chunk). So a run that is resumed sees the same pictures as one that was not stopped, and several processes that share a
batch see together what one would see alone.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Int
from torch.utils.data import Dataset

from lifting.datasets.pictures import Labelled, Pictures, concatenate
from lifting.support.arrays import check_count, fail

CHUNK = 8
"""Pictures made at a time; a batch holds a whole number of chunks for each process."""


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
        check_count("pictures", len(self.pictures))
        check_count("batch", self.size)
        if self.size % (CHUNK * self.processes):
            want = f"a multiple of {CHUNK * self.processes}: chunks of {CHUNK}, as many for each of {self.processes}"
            fail("batch", self.size, f"{want} process(es)")

    def __getitem__(self, step: int) -> Labelled:
        chunks = range(self.process, self.size // CHUNK, self.processes)
        return concatenate(
            [self.pictures.make(self.indices(step, chunk), self.generator(step, chunk)) for chunk in chunks]
        )

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
