"""What is behind the people: made-up rooms and landscapes, calm or full of things, and the colours of things."""

import functools

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn import functional

from lifting.datasets.rendered import SIZE
from lifting.datasets.varying import uniform

SKIN = ((255, 219, 195), (241, 194, 160), (224, 172, 130), (198, 134, 90), (141, 85, 55), (90, 56, 38))


def one_of(colours: tuple[tuple[int, int, int], ...], n: int, generator: torch.Generator) -> Float[Tensor, "n 3"]:
    """A colour between two neighbours of the list, a little off."""
    table = torch.tensor(colours) / 255
    at = uniform(n, 0, len(colours) - 1.001, generator)
    low = at.long()
    share = (at - low)[:, None]
    mixed = (1 - share) * table[low] + share * table[low + 1]
    return (mixed + 0.02 * torch.randn(n, 3, generator=generator)).clamp(0.02, 1)


def dye(n: int, generator: torch.Generator) -> Float[Tensor, "n 3"]:
    """Any colour of cloth: of three, one is grey, the others have a hue."""
    value, saturation, hue = (torch.rand(n, generator=generator) for _ in range(3))
    grey = torch.rand(n, generator=generator) < 1 / 3
    saturation = torch.where(grey, 0.1 * saturation, 0.2 + 0.7 * saturation)
    phase = (hue[:, None] * 6 + torch.tensor([0.0, 4.0, 2.0])) % 6
    pure = ((phase - 3).abs() - 1).clamp(0, 1)
    return (0.05 + 0.9 * value)[:, None] * (1 - saturation[:, None] * (1 - pure))


BANK, BANK_SIDE = 160, 208
CALM = 0.6
"""How many of the backgrounds of training pictures are from the calmer bank."""


@functools.cache
def noise_bank() -> tuple[Float[Tensor, "B B"], Float[Tensor, "3 B B"]]:
    """Smooth noise for folds and white noise for the sensor, both of unit variance."""
    generator = torch.Generator().manual_seed(1)
    coarse = torch.randn(1, 1, 48, 48, generator=generator)
    smooth = functional.interpolate(coarse, size=(384, 384), mode="bicubic", align_corners=False)[0, 0]
    return smooth / smooth.std(), torch.randn(3, 384, 384, generator=generator)


@functools.cache
def background_bank() -> UInt8[Tensor, "B 3 S S"]:
    """Made-up rooms and landscapes: a wall and a floor, smooth noise, boxes, discs, bars and limb-like shapes."""
    generator = torch.Generator().manual_seed(0)
    return torch.cat([_background(generator)[None] for _ in range(BANK)])


def _background(generator: torch.Generator) -> UInt8[Tensor, "3 S S"]:
    side = BANK_SIDE
    y, x = torch.meshgrid(torch.arange(side) / side, torch.arange(side) / side, indexing="ij")
    wall, floor = dye(2, generator)[..., None, None]
    if torch.rand(1, generator=generator) < 0.5:  # pale, as rooms are
        wall, floor = 0.5 + 0.4 * wall + 0.1 * wall.mean(), 0.7 * floor.mean() + 0.3 * floor
    horizon = float(uniform(1, 0.3, 1.1, generator)) + float(uniform(1, -0.2, 0.2, generator)) * x
    picture = torch.where(y > horizon, floor, wall).clone()
    for cells in (3, 7, 20):
        noise = torch.randn(1, 3, cells, cells, generator=generator)
        field = functional.interpolate(noise, size=(side, side), mode="bicubic", align_corners=False)[0]
        grey = field.mean(0, keepdim=True)
        picture += float(uniform(1, 0, 0.1, generator)) * (grey + 0.2 * field)
    for _ in range(int(torch.randint(2, 16, (1,), generator=generator))):
        picture = _with_a_shape(picture, x, y, generator)
    if torch.rand(1, generator=generator) < 0.5:
        picture = functional.avg_pool2d(picture[None], 5, 1, 2, count_include_pad=False)[0]
    return (picture.clamp(0, 1) * 255).round().to(torch.uint8)


def _with_a_shape(
    picture: Float[Tensor, "3 S S"], x: Tensor, y: Tensor, generator: torch.Generator, striped: bool = False
) -> Float[Tensor, "3 S S"]:
    """The picture with a disc, bar, limb-like shape or box in it; `striped`: with stripes on it, weak or strong."""
    centre, angle = torch.rand(2, generator=generator), float(uniform(1, 0, 3.1416, generator))
    angle = 0.0 if torch.rand(1, generator=generator) < 0.6 else angle
    size = uniform(2, 0.02, 0.3, generator) * torch.rand(1, generator=generator)
    c, s = np.cos(angle), np.sin(angle)
    u, v = c * (x - centre[0]) + s * (y - centre[1]), c * (y - centre[1]) - s * (x - centre[0])
    kind = int(torch.randint(4, (1,), generator=generator))
    if kind == 0:
        inside = (u / size[0]) ** 2 + (v / size[1]) ** 2 < 1
    elif kind == 1:
        inside = (u.abs() < 0.3 * size[0]) & (v.abs() < 4 * size[1])
    elif kind == 2:  # limb-like: a bar with round ends
        inside = torch.hypot(u, (v.abs() - 2 * size[1]).clamp_min(0)) < 0.04
    else:
        inside = (u.abs() < size[0]) & (v.abs() < size[1])
    colour = (one_of(SKIN, 1, generator) if kind == 2 and torch.rand(1, generator=generator) < 0.5
              else dye(1, generator))[0][:, None, None]  # fmt: skip
    shade = 1 + float(uniform(1, -0.6, 0.6, generator)) * (u + v)
    if striped:
        wave, strength = uniform(2, -120, 120, generator), float(uniform(1, -0.4, 0.4, generator))
        shade = shade * (1 + strength * torch.sin(wave[0] * u + wave[1] * v).sign())
    return torch.where(inside, colour * shade, picture)


@functools.cache
def clutter_bank() -> UInt8[Tensor, "B 3 S S"]:
    """Rooms full of things: 20 to 90 shapes each, sharp, one before the other, many of them striped."""
    generator = torch.Generator().manual_seed(3)
    steps = torch.arange(BANK_SIDE) / BANK_SIDE
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    pictures = []
    for _ in range(BANK):
        picture = dye(1, generator)[0][:, None, None].expand(3, BANK_SIDE, BANK_SIDE)
        for _ in range(int(torch.randint(20, 90, (1,), generator=generator))):
            picture = _with_a_shape(picture, x, y, generator, bool(torch.rand(1, generator=generator) < 0.4))
        pictures.append((picture.clamp(0, 1) * 255).round().to(torch.uint8))
    return torch.stack(pictures)


def backgrounds(
    n: int, generator: torch.Generator, bank: UInt8[Tensor, "B 3 S S"] | None = None
) -> Float[Tensor, "n 3 S S"]:
    """Crops of a bank: shifted, mirrored, channels exchanged, brighter or darker."""
    bank = background_bank() if bank is None else bank
    which = torch.randint(len(bank), (n,), generator=generator).tolist()
    shift = torch.randint(BANK_SIDE - SIZE, (n, 2), generator=generator).tolist()
    mirrored = (torch.rand(n, generator=generator) < 0.5).tolist()
    crops = []
    for picture, (row, column), flip in zip(which, shift, mirrored, strict=True):
        crop = bank[picture, :, row : row + SIZE, column : column + SIZE]
        crops.append(crop.flip(-1) if flip else crop)
    gain = uniform((n, 1, 1, 1), 0.6, 1.2, generator) * uniform((n, 3, 1, 1), 0.85, 1.15, generator) / 255
    order = torch.rand(n, 3, generator=generator).argsort(1)
    return torch.stack(crops)[torch.arange(n)[:, None], order] * gain


@functools.cache
def _texture() -> Float[Tensor, "T T"]:
    """Noise of unit variance with detail of all sizes, the coarser the stronger, as photos have it."""
    side, generator = 512, torch.Generator().manual_seed(2)
    steps = torch.fft.fftfreq(side)
    radius = torch.hypot(steps[:, None], steps[None]).clamp_min(1 / side)
    spectrum = torch.fft.fft2(torch.randn(side, side, generator=generator)) / radius
    noise = torch.fft.ifft2(spectrum).real
    return (noise - noise.mean()) / noise.std()


def cluttered(n: int, generator: torch.Generator) -> Float[Tensor, "n 3 S S"]:
    """Two backgrounds each, of either bank, joined along a line, and a texture over them."""
    steps = torch.arange(SIZE) / SIZE - 0.5
    angle, place = uniform(n, 0, 6.2832, generator), uniform(n, -0.4, 0.4, generator)
    along = angle.cos()[:, None, None] * steps + angle.sin()[:, None, None] * steps[:, None]
    side = (along > place[:, None, None])[:, None]
    calm, full = (backgrounds(2 * n, generator, bank) for bank in (None, clutter_bank()))
    one, other = torch.where(torch.rand(2 * n, 1, 1, 1, generator=generator) < CALM, calm, full).chunk(2)
    joined = torch.where(side, one, other)
    texture = _texture()
    shift = torch.randint(len(texture) - SIZE, (n, 2), generator=generator).tolist()
    crops = torch.stack([texture[row : row + SIZE, column : column + SIZE] for row, column in shift])
    strength = uniform((n, 1, 1, 1), 0.0, 0.25, generator)
    return (joined * (1 + strength * crops[:, None])).clamp(0, 1)
