"""Composing pictures of rendered buffers: clothes, light, surroundings, occluders; landmarks stay on their people."""

import numpy as np
import pytest
import torch

from lifting.datasets import backgrounds, composing
from lifting.datasets.composing import compose
from lifting.datasets.rendered import ARRAYS, SEGMENTS, SIZE
from lifting.skeleton import HUMAN36M, mirror

from .pictures import some_buffers

AT = {name: n for n, name in enumerate(HUMAN36M.landmarks)}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def plain(monkeypatch):
    """No background, no light, no occluder, no camera: what is left is the person."""
    for name in ("backgrounds", "cluttered"):
        monkeypatch.setattr(composing, name, lambda n, generator: torch.zeros(n, 3, SIZE, SIZE))
    monkeypatch.setattr(composing, "_develop", lambda images, generator: images)
    monkeypatch.setattr(composing, "OCCLUDED", 0.0)


def test_compose_gives_pictures():
    buffers = some_buffers()
    made = compose(buffers, [0, 2, 2], generator())
    assert made.images.shape == (3, 3, SIZE, SIZE) and made.images.dtype == torch.float32
    assert made.images.min() >= 0 and made.images.max() <= 1
    assert made.landmarks.shape == (3, 2, 17) and made.pose.shape == (3, 3, 17) and made.visible.shape == (3, 17)
    assert torch.equal(made.from_behind, torch.from_numpy(buffers.from_behind[[0, 2, 2]]))


def test_compose_is_a_function_of_the_seed():
    buffers = some_buffers()
    first, again, other = (compose(buffers, range(6), generator(seed)) for seed in (1, 1, 2))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert (first.images - other.images).abs().mean() > 0.05


def test_compose_leaves_buffers_alone():
    buffers, copy = some_buffers(), some_buffers()
    compose(buffers, range(6), generator())
    for key in ARRAYS:
        np.testing.assert_array_equal(getattr(buffers, key), getattr(copy, key))


def test_augmented_landmarks_still_are_the_pose_through_the_camera():
    made = compose(some_buffers(40), range(40), generator())
    xy = made.landmarks - made.landmarks[:, :, :1]
    expected = made.scale[:, None, None] * made.pose[:, :2] * torch.tensor([[1.0], [-1.0]])
    assert torch.allclose(xy, expected, atol=1e-3)


def test_augmenting_mirrors_and_shifts():
    buffers = some_buffers(40)
    made = compose(buffers, range(40), generator())
    stored = torch.from_numpy(buffers.pose)
    same = (made.pose == stored).flatten(1).all(1)
    turned = torch.isclose(made.pose, torch.from_numpy(mirror(buffers.pose, HUMAN36M))).flatten(1).all(1)
    assert (same ^ turned).all() and 10 < same.sum() < 30
    shift = made.landmarks[same] - torch.from_numpy(buffers.landmarks)[same]
    assert torch.allclose(shift, shift.round(), atol=1e-4) and shift.abs().max() <= composing.SHIFT + 1e-4
    assert len(shift[:, 0, 0].round().unique()) > 3


@pytest.mark.usefixtures("plain")
def test_person_moves_with_its_landmarks():
    """The middle of the box stays where it lies relative to the landmarks, mirrored or not."""
    buffers = some_buffers(30)
    boxes = np.unpackbits(buffers.mask, axis=1).reshape(-1, SIZE, SIZE)
    middle = torch.tensor([[np.nonzero(box.any(0))[0].mean(), np.nonzero(box.any(1))[0].mean()] for box in boxes])
    made = compose(buffers, range(30), generator())
    steps = torch.arange(SIZE, dtype=torch.float64)
    shape = (made.images.sum(1) > 0).double()
    moved = torch.stack([(shape.sum(1) * steps).sum(1), (shape.sum(2) * steps).sum(1)], 1) / shape.sum((1, 2))[:, None]
    mirrored = ~(made.pose == torch.from_numpy(buffers.pose)).flatten(1).all(1)
    sign = torch.where(mirrored, -1.0, 1.0)
    before = middle - torch.from_numpy(buffers.landmarks).mean(2)
    after = moved - made.landmarks.mean(2)
    assert torch.allclose(after[:, 0], sign * before[:, 0], atol=1e-3)
    assert torch.allclose(after[:, 1], before[:, 1], atol=1e-3)


@pytest.mark.usefixtures("plain")
def test_without_augmenting_nothing_moves():
    buffers = some_buffers()
    made = compose(buffers, range(6), generator(), augment=False)
    assert torch.equal(made.landmarks, torch.from_numpy(buffers.landmarks))
    assert torch.equal(made.visible, torch.from_numpy(buffers.visible))
    shape = (made.images.sum(1) > 0).numpy()
    np.testing.assert_array_equal(shape.reshape(6, -1), np.unpackbits(buffers.mask, axis=1))


def test_occluders_hide_the_landmarks_that_they_cover(monkeypatch):
    for name in ("backgrounds", "cluttered"):
        monkeypatch.setattr(composing, name, lambda n, generator: torch.zeros(n, 3, SIZE, SIZE))
    monkeypatch.setattr(composing, "_develop", lambda images, generator: images)
    monkeypatch.setattr(composing, "OCCLUDED", 1.0)
    monkeypatch.setattr(composing, "_wardrobe", lambda n, generator: torch.zeros(n, len(SEGMENTS), 3))
    monkeypatch.setattr(composing, "dye", lambda n, generator: torch.ones(n, 3))
    buffers = some_buffers(40)
    made = compose(buffers, range(40), generator(), augment=False)
    covered = made.images[:, 0] > 0.3  # black people, a black world, pale occluders
    column, row = made.landmarks.round().long().clamp(0, SIZE - 1).unbind(1)
    at_landmark = covered[torch.arange(40)[:, None], row, column]
    hidden = torch.from_numpy(buffers.visible) & ~made.visible
    assert hidden.sum() > 20
    # an edge passes within half a pixel of a few
    assert (hidden == (at_landmark & torch.from_numpy(buffers.visible))).float().mean() > 0.97


def test_people_in_shorts_alone_and_caps():
    """Each segment of the body has the colour of skin or of the shorts; a cap hides hair and ears."""
    plain = composing._wardrobe(300, generator())
    worn = composing._for_sport(plain, generator(1))
    at = SEGMENTS.index
    bare = (worn[:, at("front")] == worn[:, at("face")]).all(1) & (worn[:, at("sole")] == worn[:, at("face")]).all(1)
    capped = (worn[:, at("hair_top")] != plain[:, at("hair_top")]).any(1)
    assert abs(bare.float().mean() - composing.BARE) < 0.06 and abs(capped.float().mean() - composing.CAP) < 0.06
    assert (worn[bare][:, at("waist")] == worn[bare][:, at("hip_back")]).all()
    assert (worn[capped][:, at("ear")] == worn[capped][:, at("hair_back")]).all()
    assert torch.equal(worn[~bare & ~capped], plain[~bare & ~capped])
    assert torch.equal(worn[:, at("eye")], plain[:, at("eye")]) and worn.min() >= 0 and worn.max() <= 1


def test_the_bank_of_clutter_has_more_edges_than_the_calm_one():
    def edges(bank):
        return (bank[..., 1:].float() - bank[..., :-1].float()).abs().gt(20).float().mean()

    calm, full = backgrounds.background_bank(), backgrounds.clutter_bank()
    assert calm.shape == full.shape and edges(full) > 2 * edges(calm)


def test_shirts_differ_in_front_and_behind_and_faces_have_eyes():
    clothes = composing._wardrobe(400, generator())
    at = {name: n for n, name in enumerate(SEGMENTS)}
    assert clothes.shape == (400, len(SEGMENTS), 3) and clothes.min() >= 0 and clothes.max() <= 1
    bright = clothes.mean(2)
    assert (bright[:, at["face"]] > bright[:, at["eye"]]).float().mean() > 0.9
    assert (bright[:, at["face"]] > bright[:, at["mouth"]]).all()
    assert (bright[:, at["face"]] >= bright[:, at["brow"]]).all()
    different = (clothes[:, at["front"]] - clothes[:, at["back"]]).abs().sum(1) > 0.05
    assert 0.05 < different.float().mean() < 0.4


@pytest.mark.parametrize("indices", [[], [6], [-1], [[0]]])
def test_indices_outside_are_refused(indices):
    with pytest.raises(ValueError, match=r"indices: got .*, expected a list of whole numbers in 0\.\.5"):
        compose(some_buffers(), indices, generator())
