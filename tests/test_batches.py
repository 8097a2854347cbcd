"""Batches: a function of seed and number alone, shared between processes, each picture once a round."""
# ruff: noqa: D102

import re

import pytest
import torch

from lifting.datasets.composing import Rendering
from lifting.datasets.pictures import Labelled
from lifting.datasets.rendered import load_rendered
from lifting.training.batches import CHUNK, Batches

from .pictures import some_buffers

PEOPLE = load_rendered("validation")


class Numbers:
    """Pictures that are nothing but their number, and a random one."""

    def __init__(self, count):
        self.count = count

    def __len__(self):
        return self.count

    def make(self, indices, generator):
        drawn = torch.rand(len(indices), generator=generator)
        return Labelled(*(torch.stack([torch.tensor(indices).float(), drawn], 1) for _ in Labelled._fields))


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_a_batch_depends_on_seed_and_step_alone():
    batches = Batches(PEOPLE, 16, seed=3)
    first = batches[5]
    batches[0], batches[9]
    assert same(first, Batches(PEOPLE, 16, seed=3)[5])
    assert not torch.equal(first.images, batches[6].images)
    assert not torch.equal(first.images, Batches(PEOPLE, 16, seed=4)[5].images)


@pytest.mark.parametrize("processes", [2, 4])
def test_processes_share_what_one_would_see(processes):
    whole = Batches(Numbers(100), 32, seed=1)[7].images
    shares = [Batches(Numbers(100), 32, 1, rank, processes)[7].images for rank in range(processes)]
    assert all(len(share) == 32 // processes for share in shares)
    assert sorted(map(tuple, torch.cat(shares).tolist())) == sorted(map(tuple, whole.tolist()))


def test_every_picture_once_a_round_and_rounds_differ():
    """56 pictures in batches of 16: rounds don't end with batches."""
    batches = Batches(Numbers(56), 16, seed=0)
    seen = torch.cat([batches[step].images[:, 0] for step in range(7)]).int().tolist()
    first, second = seen[:56], seen[56:]
    assert sorted(first) == sorted(second) == list(range(56))
    assert first != second


def test_bad_input():
    with pytest.raises(ValueError, match=re.escape("unrecognisable: got 1.1, expected a share, from 0 to 1")):
        Rendering(some_buffers(), 1.1)
    with pytest.raises(ValueError, match=re.escape("batch: got 12, expected a multiple of 8")):
        Batches(Numbers(10), 12, 0)
    with pytest.raises(ValueError, match=re.escape("batch: got 24, expected a multiple of 16")):
        Batches(Numbers(10), 24, 0, process=0, processes=2)
    with pytest.raises(ValueError, match=r"^batch: got 0"):
        Batches(Numbers(10), 0, 0)


def test_rendered_buffers_are_composed_anew_in_every_round():
    buffers = some_buffers(16)
    batches = Batches(Rendering(buffers), CHUNK, seed=0)
    rounds = [{}, {}]
    for step in range(4):
        made = batches[step].images
        rounds[step // 2] |= dict(zip(batches.indices(step, 0).tolist(), made, strict=True))
    assert len(rounds[0]) == len(rounds[1]) == 16
    assert all(not torch.equal(rounds[0][n], rounds[1][n]) for n in range(16))
