"""Batches: a function of seed and number alone, shared between processes, each picture once a round."""
# ruff: noqa: D102, D103

import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from lifting.datasets.batches import CHUNK, Batches, Finished, Rendering
from lifting.datasets.composing import Composed
from lifting.datasets.rendered import load_rendered
from lifting.skeleton import HUMAN36M

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
        return Composed(*(torch.stack([torch.tensor(indices).float(), drawn], 1) for _ in Composed._fields))


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_a_batch_depends_on_seed_and_step_alone():
    batches = Batches(Finished(PEOPLE), 16, seed=3)
    first = batches[5]
    batches[0], batches[9]
    assert same(first, Batches(Finished(PEOPLE), 16, seed=3)[5])
    assert not torch.equal(first.images, batches[6].images)
    assert not torch.equal(first.images, Batches(Finished(PEOPLE), 16, seed=4)[5].images)


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


def centres(images):
    """Where the one bright pixel of every picture is: column, row."""
    flat = images.sum(1).flatten(1).argmax(1)
    return torch.stack([flat % images.shape[-1], flat // images.shape[-1]], 1).float()


def test_finished_pictures_move_with_their_landmarks():
    """A bright pixel at a landmark stays at that landmark, or at the other side's where the picture is mirrored."""
    knee = HUMAN36M.index("left_knee")
    images = np.zeros_like(PEOPLE.images[:24])
    rng = np.random.default_rng(0)
    spots = rng.integers(20, 108, size=(24, 2))
    images[np.arange(24), :, spots[:, 1], spots[:, 0]] = 255
    landmarks = rng.uniform(0, 127, PEOPLE.landmarks[:24].shape).astype(np.float32)
    landmarks[:, :, knee] = spots
    rest = {key: getattr(PEOPLE, key)[:24] for key in ("visible", "pose", "camera", "body", "clip")}
    made = Finished(replace(PEOPLE, images=images, landmarks=landmarks, **rest)).make(
        np.arange(24), torch.Generator().manual_seed(0)
    )
    places = torch.stack([made.landmarks[:, :, knee], made.landmarks[:, :, HUMAN36M.index("right_knee")]])
    off = (places - centres(made.images)).abs().amax(-1)
    assert (off.amin(0) < 1e-4).all()
    mirrored = off[1] < 1e-4
    assert 0 < mirrored.sum() < 24
    # the pose turns round with the picture
    pose = torch.from_numpy(rest["pose"])
    x = torch.where(mirrored, -pose[:, 0, HUMAN36M.index("right_knee")], pose[:, 0, knee])
    torch.testing.assert_close(made.pose[:, 0, knee], x)
    torch.testing.assert_close(made.pose[:, 1, HUMAN36M.index("nose")], pose[:, 1, HUMAN36M.index("nose")])
    assert made.images.min() >= 0 and made.images.max() <= 1


def test_a_landmark_that_leaves_the_picture_is_not_visible():
    landmarks = np.full_like(PEOPLE.landmarks[:16], 64.0)
    landmarks[:, 0, 0] = 127.0  # the pelvis at the border: a shift to the right takes it out
    rest = {key: getattr(PEOPLE, key)[:16] for key in ("images", "pose", "camera", "body", "clip")}
    visible = np.ones((16, 17), dtype=bool)
    people = replace(PEOPLE, landmarks=landmarks, visible=visible, **rest)
    made = Finished(people).make(np.arange(16), torch.Generator().manual_seed(2))
    out = ~made.visible[:, 0]
    torch.testing.assert_close(out, (made.landmarks[:, 0, 0] > 127.5) | (made.landmarks[:, 0, 0] < -0.5))
    assert out.any() and made.visible[:, 1:].all()


def test_bad_input():
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
