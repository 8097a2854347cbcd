"""From buffers to pictures, while training: light, skin and clothes, background, occluders, blur and noise, in torch.

A buffer says which part of a body every pixel shows and how it is turned (`lifting.makers.bodies`); here each gets
colours, light and a world around it. A batch of pictures is a pure function of the buffers, the indices and the state
of a `torch.Generator`: the same seed makes the same batch again.

The laws are chosen by hand. What the colours must tell is which side of a person is left, so front and back differ as
they do on people: the face has eyes, brows and a mouth, hair reaches the nape or the shoulders, shirts open in front.
"""

import functools
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor
from torch.nn import functional

from lifting.makers.bodies import SEGMENTS, SIZE
from lifting.skeleton import HUMAN36M
from lifting.support.arrays import Array, fail


@dataclass(frozen=True)
class Buffers:
    """N rendered buffers; pixels that don't show the body are not stored.

    Attributes:
        mask: (N, S S / 8) one bit a pixel, in reading order: does it show the body?
        values: (P, 4) the bytes of the pixels that do, image after image: see `lifting.makers.bodies.draw`.
        starts: (N + 1,) where in `values` each image starts, and the end.
        landmarks: (N, 2, 17) pixels, x = column, y = row, pixel centres at whole numbers.
        visible: (N, 17) not hidden by the body itself.
        pose: (N, 3, 17) metres about the pelvis, in the camera's frame: x right, y up, z towards the viewer.
        camera: (N, 5) theta and pitch in radians, pixels a metre, column and row of the pelvis; see
            `lifting.makers.bodies.Camera`.
        body: (N,) which body; no two splits share one.
        clip: (N,) which clip of the motion capture; no two splits share one.
    """

    mask: UInt8[np.ndarray, "N M"]
    values: UInt8[np.ndarray, "P 4"]
    starts: Int[np.ndarray, " N1"]
    landmarks: Float[np.ndarray, "N 2 17"]
    visible: Bool[np.ndarray, "N 17"]
    pose: Float[np.ndarray, "N 3 17"]
    camera: Float[np.ndarray, "N 5"]
    body: Int[np.ndarray, " N"]
    clip: Int[np.ndarray, " N"]

    def __len__(self) -> int:
        return len(self.landmarks)

    @property
    def from_behind(self) -> Bool[np.ndarray, " N"]:
        """Whether hips and shoulders face away from the viewer."""
        return np.cos(self.camera[:, 0]) < 0


class Composed(NamedTuple):
    """A batch of pictures."""

    images: Float[Tensor, "N 3 S S"]
    """In [0, 1]."""
    landmarks: Float[Tensor, "N 2 17"]
    """Pixels; may lie outside the picture."""
    visible: Bool[Tensor, "N 17"]
    """Inside the picture, hidden neither by the body nor by an occluder."""
    pose: Float[Tensor, "N 3 17"]
    """Metres about the pelvis, camera's frame."""
    scale: Float[Tensor, " N"]
    """Pixels a metre."""
    from_behind: Bool[Tensor, " N"]


SHIFT = 6
"""By how many whole pixels a training picture is shifted at most."""


def compose(
    buffers: Buffers,
    indices: Int[np.ndarray, " n"] | list[int],
    generator: torch.Generator,
    *,
    augment: bool = True,
) -> Composed:
    """Pictures of the buffers `indices`, with everything random drawn from `generator`.

    With `augment`, half of them are mirrored (left and right landmarks swapped), all are shifted by up to `SHIFT`
    pixels along each side, some people wear shorts alone or a cap, and backgrounds are joined of two, many of them
    full of things, with a texture over them.

    Raises:
        ValueError: an index that is not in `buffers`.
    """
    index = np.asarray(indices, dtype=np.int64)
    if index.ndim != 1 or len(index) == 0 or index.min() < 0 or index.max() >= len(buffers):
        fail("indices", f"{index}", f"a list of whole numbers in 0..{len(buffers) - 1}")
    n = len(index)
    mirrored = torch.rand(n, generator=generator) < (0.5 if augment else 0.0)
    most = SHIFT if augment else 0
    shift = torch.randint(-most, most + 1, (n, 2), generator=generator)
    colour, alpha = _person(buffers, index, mirrored, shift, augment, generator)
    landmarks, pose, visible = _mirror(buffers, index, mirrored)
    landmarks = landmarks + shift[..., None]
    behind = _cluttered(n, generator) if augment else _backgrounds(n, generator)
    images = colour + (1 - alpha) * behind
    images, hidden = _occlude(images, landmarks, generator)
    images = _develop(images, generator)
    inside = in_picture(landmarks, SIZE)
    from_behind = torch.from_numpy(buffers.from_behind[index])
    scale = torch.from_numpy(buffers.camera[index, 2])
    return Composed(images, landmarks, visible & inside & ~hidden, pose, scale, from_behind)


def in_picture(landmarks: Float[Array, "N 2 L"], size: int) -> Bool[Array, "N L"]:
    """Which landmarks, in pixels, lie inside a square picture of `size` pixels."""
    return ((landmarks > -0.5) & (landmarks < size - 0.5)).all(1)


# --- the person --------------------------------------------------------------------------------------------------


def _person(
    buffers: Buffers,
    index: np.ndarray,
    mirrored: Bool[Tensor, " n"],
    shift: Int[Tensor, "n 2"],
    augment: bool,
    generator: torch.Generator,
) -> tuple[Float[Tensor, "n 3 S S"], Float[Tensor, "n 1 S S"]]:
    """The lit, dressed people: colour times alpha, and alpha."""
    n = len(index)
    bits = np.unpackbits(buffers.mask[index], axis=1)
    owner, pixel = (torch.from_numpy(part) for part in np.nonzero(bits))
    pieces = [buffers.values[buffers.starts[i] : buffers.starts[i + 1]] for i in index]
    values = torch.from_numpy(np.concatenate(pieces))
    row, column = pixel // SIZE, pixel % SIZE
    flip = mirrored[owner]
    column = torch.where(flip, SIZE - 1 - column, column) + shift[owner, 0]
    row = row + shift[owner, 1]

    normal = values[:, :2].float() / 127.5 - 1
    x = torch.where(flip, -normal[:, 0], normal[:, 0])
    z = (1 - normal.square().sum(1)).clamp_min(0).sqrt()
    light = _light(torch.stack([x, normal[:, 1], z], 1), owner, n, generator)

    codes = values[:, 2:].long()
    first, second = (codes & 63).unbind(1)
    samples, of_second = (codes[:, 0] >> 6) + 1, codes[:, 1] >> 6
    palette = _wardrobe(n, generator)
    if augment:
        palette = _for_sport(palette, generator)
    share = (of_second / samples).clamp(max=0.5)[:, None]
    colour = (1 - share) * palette[owner, first] + share * palette[owner, second]
    colour = colour * _cloth(owner, row, column, n, generator)[:, None]
    alpha = samples.float() / 4
    inside = (row >= 0) & (row < SIZE) & (column >= 0) & (column < SIZE)
    place = (owner * SIZE + row) * SIZE + column
    canvas = torch.zeros(4, n * SIZE * SIZE)
    canvas[:3, place[inside]] = ((colour * light).clamp(0, 1) * alpha[:, None])[inside].T
    canvas[3, place[inside]] = alpha[inside]
    canvas = canvas.view(4, n, SIZE, SIZE).transpose(0, 1)
    return canvas[:, :3], canvas[:, 3:]


def _uniform(shape: tuple[int, ...] | int, low: float, high: float, generator: torch.Generator) -> Tensor:
    return low + (high - low) * torch.rand(shape, generator=generator)


def _light(normal: Tensor, owner: Tensor, n: int, generator: torch.Generator) -> Tensor:
    """The colour of the light that each pixel gives back: ambient, a lamp from above, and a weaker one."""
    lamps = torch.stack([_uniform((2, n), -1, 1, generator), _uniform((2, n), -0.1, 1, generator),
                         _uniform((2, n), 0.2, 1, generator)], -1)  # fmt: skip
    lamps = functional.normalize(lamps, dim=-1)
    ambient = _uniform(n, 0.35, 0.65, generator)
    strength = torch.stack([_uniform(n, 0.3, 0.7, generator), _uniform(n, 0.0, 0.3, generator)])
    tint = 1 + 0.08 * torch.randn(n, 3, generator=generator)
    shade = ambient[owner]
    for lamp, power in zip(lamps, strength, strict=True):
        shade = shade + power[owner] * (normal * lamp[owner]).sum(1).clamp_min(0)
    shade = shade * (0.75 + 0.25 * normal[:, 2])
    return shade[:, None] * tint[owner]


def _cloth(owner: Tensor, row: Tensor, column: Tensor, n: int, generator: torch.Generator) -> Tensor:
    """Folds (smooth random brightness), and stripes on one person in six."""
    texture = _noise_bank()[0]
    start = torch.randint(SHIFT, len(texture) - SIZE - SHIFT, (2, n), generator=generator)
    folds = texture[row + start[0][owner], column + start[1][owner]]
    wave = _uniform((2, n), -1.2, 1.2, generator)
    deep = _uniform(n, 0.05, 0.3, generator) * (torch.rand(n, generator=generator) < 1 / 6)
    stripes = torch.sin(wave[0][owner] * row + wave[1][owner] * column) * deep[owner]
    strength = _uniform(n, 0.0, 0.12, generator)
    return 1 + strength[owner] * folds + stripes


BARE, CAP = 0.15, 0.2
"""How many of the training pictures show a person in shorts alone; and in a cap."""

SKIN = ((255, 219, 195), (241, 194, 160), (224, 172, 130), (198, 134, 90), (141, 85, 55), (90, 56, 38))
HAIR = ((22, 18, 17), (40, 28, 22), (74, 50, 35), (110, 75, 48), (190, 155, 100), (150, 148, 145), (140, 70, 40))


def _one_of(colours: tuple[tuple[int, int, int], ...], n: int, generator: torch.Generator) -> Float[Tensor, "n 3"]:
    """A colour between two neighbours of the list, a little off."""
    table = torch.tensor(colours) / 255
    at = _uniform(n, 0, len(colours) - 1.001, generator)
    low = at.long()
    share = (at - low)[:, None]
    mixed = (1 - share) * table[low] + share * table[low + 1]
    return (mixed + 0.02 * torch.randn(n, 3, generator=generator)).clamp(0.02, 1)


def _dye(n: int, generator: torch.Generator) -> Float[Tensor, "n 3"]:
    """Any colour of cloth: of three, one is grey, the others have a hue."""
    value, saturation, hue = (torch.rand(n, generator=generator) for _ in range(3))
    grey = torch.rand(n, generator=generator) < 1 / 3
    saturation = torch.where(grey, 0.1 * saturation, 0.2 + 0.7 * saturation)
    phase = (hue[:, None] * 6 + torch.tensor([0.0, 4.0, 2.0])) % 6
    pure = ((phase - 3).abs() - 1).clamp(0, 1)
    return (0.05 + 0.9 * value)[:, None] * (1 - saturation[:, None] * (1 - pure))


def _wardrobe(n: int, generator: torch.Generator) -> Float[Tensor, "n 36 3"]:
    """The colour of every segment of n people."""

    def chance(p: float) -> Tensor:
        return (torch.rand(n, generator=generator) < p)[:, None]

    def dyed() -> Tensor:
        return _dye(n, generator)

    def pick(condition: Tensor, yes: Tensor, no: Tensor) -> Tensor:
        return torch.where(condition, yes, no)

    skin = _one_of(SKIN, n, generator)
    natural = _one_of(HAIR, n, generator)
    dark = natural.minimum(0.5 * skin)
    hair = pick(chance(0.15), dyed(), natural)  # a cap, or dyed
    bald, long, longer = chance(0.08), chance(0.5), chance(0.2)
    c: dict[str, Tensor] = {"background": torch.zeros(n, 3), "face": skin, "hand": skin}
    c["hair_top"] = pick(bald, skin, hair)
    c["hair_back"] = pick(bald & chance(0.5), 0.95 * skin, hair)
    c["nape"] = pick((long | longer) & ~bald, hair, 0.9 * skin)
    c["ear"] = pick(longer & ~bald, hair, 0.9 * skin)
    c["throat"] = 0.85 * skin
    c["eye"] = 0.25 * torch.rand(n, 1, generator=generator) + 0.02 + 0.1 * skin
    c["brow"] = dark
    c["mouth"] = skin * torch.tensor([0.8, 0.45, 0.45])
    c["beard"] = pick(chance(0.25), 0.6 * dark + 0.4 * skin, skin)

    top, inner, contrast = dyed(), dyed(), dyed()
    bare = chance(0.22)
    tank = chance(0.15) | bare
    short = chance(0.5) | tank
    opened = chance(0.15) & ~bare
    c["front"] = pick(bare, skin, top)
    c["back"] = pick(bare, skin, pick(chance(0.2), dyed(), top))
    c["print"] = pick(bare | chance(0.65), c["front"], contrast)
    c["placket"] = pick(
        opened, inner, pick(bare, 0.95 * skin, pick(chance(0.4), contrast, pick(chance(0.5), 0.8 * top, top)))
    )
    c["neckline"] = pick(bare | chance(0.55), 0.97 * skin, pick(opened, inner, top))
    c["spot"] = pick(bare, skin * torch.tensor([0.7, 0.55, 0.5]), c["front"])
    c["yoke"] = pick(longer & ~bald, hair, c["back"])
    c["spine"] = pick(bare, 0.85 * skin, c["back"])
    c["arm_top"] = pick(tank, skin, pick(opened | chance(0.85), top, contrast))
    c["arm_low"] = pick(tank | short & chance(0.5), skin, c["arm_top"])
    c["forearm"] = pick(short, skin, c["arm_top"])

    bottom, shoe, sock = dyed(), dyed(), dyed()
    shorts = chance(0.4)
    briefs = shorts & chance(0.35)
    for name in ("hip_front", "hip_back", "thigh_top"):
        c[name] = bottom
    c["waist"] = pick(chance(0.35), 0.3 * contrast, pick(chance(0.5) & ~bare, top, bottom))
    c["fly"] = pick(chance(0.5), 0.8 * bottom, bottom)
    c["pocket"] = pick(chance(0.6), 0.75 * bottom, bottom)
    c["thigh_low"] = pick(briefs, skin, bottom)
    c["knee"] = pick(shorts, 0.9 * skin, pick(chance(0.3), 1.15 * bottom, bottom))
    c["shin_top"] = pick(shorts, skin, pick(chance(0.08), shoe, bottom))
    c["shin_low"] = pick(shorts & chance(0.65), skin, pick(shorts, sock, pick(chance(0.15), shoe, bottom)))
    barefoot = chance(0.3)
    c["foot"] = pick(barefoot, skin, shoe)
    c["toes"] = pick(barefoot, 1.05 * skin, pick(chance(0.4), (shoe + 0.6).clamp(max=1), shoe))
    c["sole"] = pick(barefoot, 1.05 * skin, pick(chance(0.5), torch.full_like(shoe, 0.85), 0.4 * shoe))
    return torch.stack([c[name] for name in SEGMENTS], 1).clamp(0, 1)


def _for_sport(palette: Float[Tensor, "n 36 3"], generator: torch.Generator) -> Float[Tensor, "n 36 3"]:
    """Some of the people in shorts and nothing else, and a cap over the hair of some of all of them."""
    n, named = len(palette), SEGMENTS.index
    skin = palette[:, named("face")]
    bare = (torch.rand(n, generator=generator) < BARE)[:, None, None]
    shorts = (_dye(n, generator) * _uniform((n, 1), 0.2, 1.0, generator))[:, None]
    long = (torch.rand(n, generator=generator) < 0.5)[:, None, None]
    cap = (torch.rand(n, generator=generator) < CAP)[:, None, None]
    cap_colour = _dye(n, generator)[:, None]

    def painted(names: str, which: Tensor, colour: Tensor) -> None:
        at = [named(name) for name in names.split()]
        palette[:, at] = torch.where(which, colour, palette[:, at])

    palette = palette.clone()
    painted("neckline placket front back print yoke arm_top arm_low forearm knee shin_top shin_low foot toes sole",
            bare, skin[:, None])  # fmt: skip
    painted("spot spine", bare, (0.8 * skin)[:, None])
    painted("waist hip_front hip_back fly pocket thigh_top", bare, shorts)
    painted("thigh_low", bare, torch.where(long, shorts, skin[:, None]))
    painted("hair_top hair_back ear", cap, cap_colour)
    return palette


def _mirror(buffers: Buffers, index: np.ndarray, mirrored: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Landmarks, pose and visibility, mirrored where asked: x turned round, left and right swapped."""
    landmarks, pose, visible = (
        torch.from_numpy(part[index]) for part in (buffers.landmarks, buffers.pose, buffers.visible)
    )
    swap = list(HUMAN36M.swap)
    other = torch.stack([SIZE - 1 - landmarks[:, 0], landmarks[:, 1]], 1)[..., swap]
    turned = torch.cat([-pose[:, :1], pose[:, 1:]], 1)[..., swap]
    which = mirrored[:, None]
    return (torch.where(which[..., None], other, landmarks), torch.where(which[..., None], turned, pose),
            torch.where(which, visible[:, swap], visible))  # fmt: skip


# --- the world around ----------------------------------------------------------------------------------------------

BANK, BANK_SIDE = 160, 208
CALM = 0.6
"""How many of the backgrounds of training pictures are from the calmer bank."""


@functools.cache
def _noise_bank() -> tuple[Float[Tensor, "B B"], Float[Tensor, "3 B B"]]:
    """Smooth noise for folds and white noise for the sensor, both of unit variance."""
    generator = torch.Generator().manual_seed(1)
    coarse = torch.randn(1, 1, 48, 48, generator=generator)
    smooth = functional.interpolate(coarse, size=(384, 384), mode="bicubic", align_corners=False)[0, 0]
    return smooth / smooth.std(), torch.randn(3, 384, 384, generator=generator)


@functools.cache
def _background_bank() -> UInt8[Tensor, "B 3 S S"]:
    """Made-up rooms and landscapes: a wall and a floor, smooth noise, boxes, discs, bars and limb-like shapes."""
    generator = torch.Generator().manual_seed(0)
    return torch.cat([_background(generator)[None] for _ in range(BANK)])


def _background(generator: torch.Generator) -> UInt8[Tensor, "3 S S"]:
    side = BANK_SIDE
    y, x = torch.meshgrid(torch.arange(side) / side, torch.arange(side) / side, indexing="ij")
    wall, floor = _dye(2, generator)[..., None, None]
    if torch.rand(1, generator=generator) < 0.5:  # pale, as rooms are
        wall, floor = 0.5 + 0.4 * wall + 0.1 * wall.mean(), 0.7 * floor.mean() + 0.3 * floor
    horizon = float(_uniform(1, 0.3, 1.1, generator)) + float(_uniform(1, -0.2, 0.2, generator)) * x
    picture = torch.where(y > horizon, floor, wall).clone()
    for cells in (3, 7, 20):
        noise = torch.randn(1, 3, cells, cells, generator=generator)
        field = functional.interpolate(noise, size=(side, side), mode="bicubic", align_corners=False)[0]
        grey = field.mean(0, keepdim=True)
        picture += float(_uniform(1, 0, 0.1, generator)) * (grey + 0.2 * field)
    for _ in range(int(torch.randint(2, 16, (1,), generator=generator))):
        picture = _with_a_shape(picture, x, y, generator)
    if torch.rand(1, generator=generator) < 0.5:
        picture = functional.avg_pool2d(picture[None], 5, 1, 2, count_include_pad=False)[0]
    return (picture.clamp(0, 1) * 255).round().to(torch.uint8)


def _with_a_shape(
    picture: Float[Tensor, "3 S S"], x: Tensor, y: Tensor, generator: torch.Generator, striped: bool = False
) -> Float[Tensor, "3 S S"]:
    """The picture with a disc, bar, limb-like shape or box in it; `striped`: with stripes on it, weak or strong."""
    centre, angle = torch.rand(2, generator=generator), float(_uniform(1, 0, 3.1416, generator))
    angle = 0.0 if torch.rand(1, generator=generator) < 0.6 else angle
    size = _uniform(2, 0.02, 0.3, generator) * torch.rand(1, generator=generator)
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
    colour = (_one_of(SKIN, 1, generator) if kind == 2 and torch.rand(1, generator=generator) < 0.5
              else _dye(1, generator))[0][:, None, None]  # fmt: skip
    shade = 1 + float(_uniform(1, -0.6, 0.6, generator)) * (u + v)
    if striped:
        wave, strength = _uniform(2, -120, 120, generator), float(_uniform(1, -0.4, 0.4, generator))
        shade = shade * (1 + strength * torch.sin(wave[0] * u + wave[1] * v).sign())
    return torch.where(inside, colour * shade, picture)


@functools.cache
def _clutter_bank() -> UInt8[Tensor, "B 3 S S"]:
    """Rooms full of things: 20 to 90 shapes each, sharp, one before the other, many of them striped."""
    generator = torch.Generator().manual_seed(3)
    steps = torch.arange(BANK_SIDE) / BANK_SIDE
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    pictures = []
    for _ in range(BANK):
        picture = _dye(1, generator)[0][:, None, None].expand(3, BANK_SIDE, BANK_SIDE)
        for _ in range(int(torch.randint(20, 90, (1,), generator=generator))):
            picture = _with_a_shape(picture, x, y, generator, bool(torch.rand(1, generator=generator) < 0.4))
        pictures.append((picture.clamp(0, 1) * 255).round().to(torch.uint8))
    return torch.stack(pictures)


def _backgrounds(
    n: int, generator: torch.Generator, bank: UInt8[Tensor, "B 3 S S"] | None = None
) -> Float[Tensor, "n 3 S S"]:
    """Crops of a bank: shifted, mirrored, channels exchanged, brighter or darker."""
    bank = _background_bank() if bank is None else bank
    which = torch.randint(len(bank), (n,), generator=generator).tolist()
    shift = torch.randint(BANK_SIDE - SIZE, (n, 2), generator=generator).tolist()
    mirrored = (torch.rand(n, generator=generator) < 0.5).tolist()
    crops = []
    for picture, (row, column), flip in zip(which, shift, mirrored, strict=True):
        crop = bank[picture, :, row : row + SIZE, column : column + SIZE]
        crops.append(crop.flip(-1) if flip else crop)
    gain = _uniform((n, 1, 1, 1), 0.6, 1.2, generator) * _uniform((n, 3, 1, 1), 0.85, 1.15, generator) / 255
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


def _cluttered(n: int, generator: torch.Generator) -> Float[Tensor, "n 3 S S"]:
    """Two backgrounds each, of either bank, joined along a line, and a texture over them."""
    steps = torch.arange(SIZE) / SIZE - 0.5
    angle, place = _uniform(n, 0, 6.2832, generator), _uniform(n, -0.4, 0.4, generator)
    along = angle.cos()[:, None, None] * steps + angle.sin()[:, None, None] * steps[:, None]
    side = (along > place[:, None, None])[:, None]
    calm, full = (_backgrounds(2 * n, generator, bank) for bank in (None, _clutter_bank()))
    one, other = torch.where(torch.rand(2 * n, 1, 1, 1, generator=generator) < CALM, calm, full).chunk(2)
    joined = torch.where(side, one, other)
    texture = _texture()
    shift = torch.randint(len(texture) - SIZE, (n, 2), generator=generator).tolist()
    crops = torch.stack([texture[row : row + SIZE, column : column + SIZE] for row, column in shift])
    strength = _uniform((n, 1, 1, 1), 0.0, 0.25, generator)
    return (joined * (1 + strength * crops[:, None])).clamp(0, 1)


OCCLUDED = 0.3
"""How many pictures have something in front of the person."""


def _occlude(images: Tensor, landmarks: Tensor, generator: torch.Generator) -> tuple[Tensor, Bool[Tensor, "n 17"]]:
    """A box or an ellipse over part of some people, and which landmarks it hides."""
    n = len(images)
    person = landmarks.mean(-1)
    spread = (landmarks.amax(-1) - landmarks.amin(-1)) / 2
    centre = person + spread * _uniform((n, 2), -1.1, 1.1, generator)
    size = _uniform((n, 2), 5, 22, generator)
    angle = _uniform(n, 0, 3.1416, generator)
    round_ = torch.rand(n, generator=generator) < 0.4
    there = torch.rand(n, generator=generator) < OCCLUDED
    colour = _dye(n, generator)
    hidden = torch.zeros(n, landmarks.shape[-1], dtype=torch.bool)
    chosen = there.nonzero()[:, 0]
    if len(chosen) == 0:
        return images, hidden

    def covered(x: Tensor, y: Tensor) -> Tensor:
        """Positive inside, about one a pixel."""
        c, s = angle[chosen].cos()[:, None], angle[chosen].sin()[:, None]
        x, y = x - centre[chosen, :1], y - centre[chosen, 1:]
        u, v = (c * x + s * y).abs(), (c * y - s * x).abs()
        a, b = size[chosen, :1], size[chosen, 1:]
        ellipse = (1 - ((u / a).square() + (v / b).square()).sqrt()) * torch.minimum(a, b)
        return torch.where(round_[chosen][:, None], ellipse, torch.minimum(a - u, b - v))

    steps = torch.arange(SIZE, dtype=torch.float32)
    y, x = (axis.reshape(1, -1) for axis in torch.meshgrid(steps, steps, indexing="ij"))
    alpha = (covered(x, y) + 0.5).clamp(0, 1).view(-1, 1, SIZE, SIZE)
    cover = (0.6 * colour[chosen][..., None, None] + 0.4 * _backgrounds(len(chosen), generator)).clamp(0, 1)
    images = images.index_copy(0, chosen, (1 - alpha) * images[chosen] + alpha * cover)
    hidden[chosen] = covered(landmarks[chosen, 0], landmarks[chosen, 1]) > 0
    return images, hidden


def _develop(images: Tensor, generator: torch.Generator) -> Tensor:
    """What a camera does: blur, exposure, a cast of colour, noise."""
    n = len(images)
    sigma = _uniform(n, 0.2, 0.75, generator)
    side = torch.exp(-1 / (2 * sigma**2))
    taps = torch.stack([side, torch.ones(n), side], 1) / (1 + 2 * side[:, None])
    kernel = (taps[:, :, None] * taps[:, None, :]).repeat_interleave(3, 0)[:, None]
    flat = functional.pad(images.reshape(1, 3 * n, SIZE, SIZE), (1, 1, 1, 1), mode="replicate")
    flat = functional.conv2d(flat, kernel, groups=3 * n)
    gain = _uniform((n, 1, 1, 1), 0.8, 1.2, generator) * _uniform((n, 3, 1, 1), 0.93, 1.07, generator)
    images = flat.view(n, 3, SIZE, SIZE) * gain + _uniform((n, 1, 1, 1), -0.05, 0.05, generator)
    noise = _noise_bank()[1]
    shift = torch.randint(noise.shape[-1] - SIZE, (n, 2), generator=generator).tolist()
    grain = torch.stack([noise[:, row : row + SIZE, column : column + SIZE] for row, column in shift])
    return torch.addcmul(images, grain, _uniform((n, 1, 1, 1), 0.0, 0.02, generator)).clamp(0, 1)
