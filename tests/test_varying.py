"""Pictures that are varied for training: what is known of them moves along, and they look like photos."""
# ruff: noqa: D102

import numpy as np
import pytest
import torch

from lifting.datasets import varying
from lifting.datasets.pictures import Labelled
from lifting.datasets.real_frames import load_real_frames
from lifting.datasets.rendered import load_rendered
from lifting.datasets.varying import vary
from lifting.skeleton import HUMAN36M
from lifting.training.evaluation import square

PEOPLE = load_rendered("validation")


def blobs(places, size=128):
    """Pictures (N, 3, S, S) of one Gaussian blob each, at places (N, 2)."""
    steps = torch.arange(size)
    x, y = steps[None, None, :] - places[:, 0, None, None], steps[None, :, None] - places[:, 1, None, None]
    return torch.exp(-(x**2 + y**2) / (2 * 3.0**2))[:, None].repeat(1, 3, 1, 1)


def centres(images):
    """The middle (N, 2) of the one blob of every picture, on whatever ground."""
    weight = (images.mean(1) - images.mean(1).amin((1, 2), keepdim=True)).clamp_min(0) ** 4
    steps = torch.arange(images.shape[-1], dtype=weight.dtype)
    total = weight.sum((1, 2))
    return torch.stack([(weight.sum(1) @ steps) / total, (weight.sum(2) @ steps) / total], 1)


def composed(places, landmarks, pose):
    n = len(places)
    visible, from_behind = torch.ones(n, 17, dtype=torch.bool), torch.zeros(n, dtype=torch.bool)
    return Labelled(blobs(places), landmarks, visible.clone(), visible, pose, torch.full((n,), 50.0), from_behind)


def test_varied_pictures_move_with_their_landmarks():
    """A blob drawn at a landmark is found at that landmark again, within a third of a pixel."""
    generator = torch.Generator().manual_seed(0)
    places = 40 + 48 * torch.rand(24, 2, generator=generator)
    landmarks = places[:, :, None].repeat(1, 1, 17)
    made = vary(composed(places, landmarks, torch.zeros(24, 3, 17)), generator)
    moved = (made.landmarks[:, :, 0] - places).norm(dim=1)
    assert moved.median() > 2
    assert (made.landmarks[:, :, 0] - centres(made.images)).norm(dim=1).max() < 0.34
    assert made.images.min() >= 0 and made.images.max() <= 1


def test_varied_poses_stay_over_their_landmarks():
    """Orthographic before and after: landmarks - pelvis = scale (x, -y); z stays."""
    people = [torch.from_numpy(getattr(PEOPLE, key)[:16]) for key in ("landmarks", "pose")]
    before = composed(people[0][:, :, 0], *people)._replace(scale=torch.from_numpy(PEOPLE.camera[:16, 2]))
    made = vary(before, torch.Generator().manual_seed(1))
    for people in (before, made):
        flat = people.pose[:, :2] * torch.tensor([[1.0], [-1.0]]) * people.scale[:, None, None]
        torch.testing.assert_close(people.landmarks - people.landmarks[:, :, :1], flat, rtol=1e-4, atol=1e-2)
    assert torch.equal(made.pose[:, 2], before.pose[:, 2])
    assert not torch.allclose(made.pose[:, :2], before.pose[:, :2], atol=0.02)


def test_finished_pictures_are_mirrored_with_all_that_is_known(monkeypatch):
    monkeypatch.setattr(varying, "vary", lambda made, generator: made)
    made = PEOPLE.make(np.arange(24), torch.Generator().manual_seed(0))
    mirrored = 0
    for n in range(24):
        image, landmarks, pose = (torch.from_numpy(getattr(PEOPLE, key)[n]) for key in ("images", "landmarks", "pose"))
        if torch.equal(made.images[n], image / 255):
            assert torch.equal(made.landmarks[n], landmarks) and torch.equal(made.pose[n], pose)
            continue
        mirrored += 1
        swap = list(HUMAN36M.swap)
        assert torch.equal(made.images[n], image.flip(-1) / 255)
        torch.testing.assert_close(made.landmarks[n], torch.stack([127 - landmarks[0], landmarks[1]])[:, swap])
        torch.testing.assert_close(made.pose[n], (pose * torch.tensor([[-1.0], [1], [1]]))[:, swap])
        assert made.visible[n].tolist() == PEOPLE.visible[n][swap].tolist()
    assert 4 < mirrored < 20


def test_a_landmark_that_leaves_the_picture_is_not_visible():
    places = torch.full((16, 2), 64.0)
    landmarks = torch.full((16, 2, 17), 64.0)
    landmarks[:, 0, 0] = 126.5  # at the border: some zooms and shifts take it out
    made = vary(composed(places, landmarks, torch.zeros(16, 3, 17)), torch.Generator().manual_seed(2))
    out = ~made.visible[:, 0]
    assert torch.equal(out, ((made.landmarks[:, :, 0] > 127.5) | (made.landmarks[:, :, 0] < -0.5)).any(1))
    assert out.any() and not out.all() and made.visible[:, 1:].all()


def white(count=200, size=128):
    """White pictures of people whose landmarks are the corners of a box, and a head at its upper edge."""
    random = np.random.default_rng(0)
    low, high = random.uniform(30, 50, (count, 2)), random.uniform(70, 100, (count, 2))
    landmarks = np.stack([np.where(np.arange(17) % 2, high[:, i, None], low[:, i, None]) for i in range(2)], 1)
    landmarks[:, 1, HUMAN36M.index("nose")] = low[:, 1] + 8
    landmarks[:, 0, HUMAN36M.index("nose")] = landmarks[:, 0, HUMAN36M.index("head_top")]
    made = composed(torch.from_numpy(low), torch.from_numpy(landmarks).float(), torch.zeros(count, 3, 17))
    return made._replace(images=torch.ones(count, 3, size, size))


def test_bars_leave_the_person_free_but_for_a_few_pixels():
    before = white()
    before.images[:, :, 0, 0] = 0.0  # so that bars of the mean colour are seen
    after = varying.masked(before, 0.0, torch.Generator().manual_seed(0))
    changed = (after.images != before.images).any(1)
    framed = changed.flatten(1).any(1)
    assert 0.2 < framed.float().mean() < 0.5
    for n in framed.nonzero()[:, 0].tolist():
        rows, columns = (~changed[n]).nonzero().unbind(1)
        low, high = before.landmarks[n].amin(-1), before.landmarks[n].amax(-1)
        for free, own_low, own_high in ((columns, low[0], high[0]), (rows, low[1], high[1])):
            free = free[free > 0]  # pixel (0, 0) is black already
            assert free.min() <= own_low + 4 and free.max() >= own_high - 4
        colour = after.images[n][:, changed[n]]
        assert (colour == colour[:, :1]).all()
    assert torch.equal(after.landmarks, before.landmarks)


def test_a_landmark_under_a_bar_is_not_visible():
    after = varying.masked(white(), 0.0, torch.Generator().manual_seed(0))
    column, row = after.landmarks.round().long().unbind(1)
    bright = after.images[torch.arange(200)[:, None], 1, row, column] == 1
    seen = (after.images != 1).flatten(1).any(1)  # where a bar isn't white like the rest
    assert (bright | ~after.visible).all() and not after.visible.all()
    assert torch.equal(after.visible[seen], bright[seen])


def test_heads_are_made_of_large_pixels_and_nothing_else_is():
    random = torch.Generator().manual_seed(3)
    before = white()._replace(images=torch.rand(200, 3, 128, 128, generator=random))
    monkey = pytest.MonkeyPatch()
    with monkey.context() as patch:
        patch.setattr(varying, "FRAMED", 0.0)
        after = varying.masked(before, 0.3, random)
    changed = (after.images != before.images).all(1)
    chosen = changed.flatten(1).any(1)
    assert 0.2 < chosen.float().mean() < 0.4
    head = (before.landmarks[..., HUMAN36M.index("head_top")] + before.landmarks[..., HUMAN36M.index("nose")]) / 2
    for n in chosen.nonzero()[:, 0].tolist():
        rows, columns = changed[n].nonzero().unbind(1)
        away = torch.hypot(columns - head[n, 0], rows - head[n, 1])
        assert away.max() < 1.6 * 8 + 1 and changed[n].sum() > 60
        patch = after.images[n][:, changed[n]]
        assert patch.std() < 0.75 * before.images[n].std()


def test_pictures_composed_anew_are_tilted_more_than_finished_ones():
    places = torch.full((400, 2), 64.0)
    landmarks = places[:, :, None].repeat(1, 1, 17)
    landmarks[:, 0, 1] += 40
    made = composed(places, landmarks, torch.zeros(400, 3, 17))

    def tilts(*deviation):
        moved = vary(made, torch.Generator().manual_seed(0), *deviation).landmarks
        return torch.atan2(*(moved[:, :, 1] - moved[:, :, 0]).flip(1).unbind(1)).rad2deg()

    assert abs(tilts().std() - 10) < 1 and abs(tilts(varying.STRONG_TILT).std() - 20) < 2


def test_most_pictures_look_as_jpeg_leaves_them():
    """Smooth pictures stay nearly what they were; noise changes more; a quarter of the pictures isn't touched."""
    places = 40 + 48 * torch.rand(400, 2, generator=torch.Generator().manual_seed(1))
    before = composed(places, torch.zeros(400, 2, 17), torch.zeros(400, 3, 17))
    noise = before._replace(images=torch.rand(400, 3, 128, 128, generator=torch.Generator().manual_seed(2)))
    kept = before.images.clone()
    after, rough = (varying.compressed(made, torch.Generator().manual_seed(0)) for made in (before, noise))
    assert torch.equal(before.images, kept)
    changed = (after.images != before.images).flatten(1).any(1)
    assert abs(changed.float().mean() - varying.COMPRESSED) < 0.06
    assert torch.equal(changed, (rough.images != noise.images).flatten(1).any(1))
    smooth_error, rough_error = (
        (one.images - other.images)[changed].square().mean().sqrt() for one, other in ((after, before), (rough, noise))
    )
    assert smooth_error < 0.02 < rough_error < 0.4
    assert torch.equal(after.landmarks, before.landmarks) and torch.equal(after.visible, before.visible)
    # whole numbers of 255ths, as a file has them
    values = 255 * after.images[changed]
    assert (values - values.round()).abs().max() < 1e-3


def test_a_sharpened_wave_grows_as_its_frequency_says(monkeypatch):
    """1 + s (1 - cos(pi f)^2) times, away from the border; the mean stays."""
    monkeypatch.setattr(varying, "SHARPENED", 1.0)
    monkeypatch.setattr(varying, "STRENGTH", (1.5, 1.5))
    steps = torch.arange(128.0)
    for f in (1 / 16, 1 / 8, 1 / 4):
        wave = 0.5 + 0.1 * torch.sin(2 * torch.pi * f * steps + 0.3).expand(2, 3, 128, 128)
        after = varying.sharpen(wave, torch.Generator().manual_seed(0))[..., 1:-1, 1:-1]
        growth = 1 + 1.5 * (1 - np.cos(np.pi * f) ** 2)
        torch.testing.assert_close(after, 0.5 + growth * (wave[..., 1:-1, 1:-1] - 0.5))


def test_some_pictures_are_sharpened_and_the_others_are_not_touched():
    before = 0.4 + 0.2 * torch.rand(400, 3, 128, 128, generator=torch.Generator().manual_seed(0))
    after = varying.sharpen(before, torch.Generator().manual_seed(1))
    changed = (after != before).flatten(1).any(1)
    assert abs(changed.float().mean() - varying.SHARPENED) < 0.07
    growth = (after.flatten(1).std(1) / before.flatten(1).std(1))[changed]
    # white noise grows to sqrt(1 + 2 s (1 - 1/4) + s^2 (1 - 2/4 + 9/64)): 1 for s = 0, 3.0 for s = 2.5
    assert 1 <= growth.min() < 1.2 and 2.6 < growth.max() < 3.1
    assert after.min() >= 0 and after.max() <= 1


def test_only_sharpened_pictures_are_as_sharp_as_the_photos():
    """Power at 0.25 to 0.35 cycles a pixel over that at 0.05 to 0.1, in the middle of the picture."""

    def fineness(images):
        grey = images.mean(1)[:, 16:112, 40:88]
        window = torch.hann_window(96)[:, None] * torch.hann_window(48)
        power = torch.fft.fft2((grey - grey.mean((1, 2), keepdim=True)) * window).abs().square()
        f = torch.hypot(torch.fft.fftfreq(96)[:, None], torch.fft.fftfreq(48))
        fine, coarse = (power[:, (f >= low) & (f < high)].mean(1) for low, high in ((0.25, 0.35), (0.05, 0.1)))
        return (fine / coarse).log10()

    photos = torch.from_numpy(np.stack([square(frame)[0] for frame in load_real_frames()])).float() / 255
    generator = torch.Generator().manual_seed(0)
    varied = load_rendered("train").make(np.arange(200), generator).images
    sharpened = varying.sharpen(varied, generator)
    sharpest, before, after = fineness(photos).median(), fineness(varied), fineness(sharpened)
    assert before.median() < sharpest - 0.4
    assert before.quantile(0.9) < sharpest < after.quantile(0.9)
