"""From buffers to pictures, while training: light, skin and clothes, background, occluders, blur and noise, in torch.

A buffer says which part of a body every pixel shows and how it is turned (`lifting.makers.bodies`); here each gets
colours, light and a world around it. A batch of pictures is a pure function of the buffers, the indices and the state
of a `torch.Generator`: the same seed makes the same batch again.

The laws are chosen by hand. What the colours must tell is which side of a person is left, so front and back differ as
they do on people: the face has eyes, brows and a mouth, hair reaches the nape or the shoulders, shirts open in front.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

from lifting.datasets.backgrounds import SKIN, backgrounds, cluttered, dye, noise_bank, one_of
from lifting.datasets.pictures import Labelled, concatenate, in_picture
from lifting.datasets.rendered import KNOWN, SEGMENTS, SIZE, Buffers, RenderedPeople
from lifting.datasets.varying import STRONG_TILT, compressed, masked, mirror, sharpen, uniform, vary
from lifting.support.arrays import fail

SHIFT = 6
"""By how many whole pixels a training picture is shifted at most."""


def compose(
    buffers: Buffers,
    indices: Int[np.ndarray, " n"] | list[int],
    generator: torch.Generator,
    *,
    augment: bool = True,
) -> Labelled:
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
    people = mirror(buffers.labelled(index, torch.empty(n, 3, 0, SIZE)), mirrored)
    landmarks = people.landmarks + shift[..., None]
    behind = cluttered(n, generator) if augment else backgrounds(n, generator)
    images, hidden = _occlude(colour + (1 - alpha) * behind, landmarks, generator)
    visible = people.visible & in_picture(landmarks, SIZE) & ~hidden
    return people._replace(images=_develop(images, generator), landmarks=landmarks, visible=visible)


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


def _light(normal: Tensor, owner: Tensor, n: int, generator: torch.Generator) -> Tensor:
    """The colour of the light that each pixel gives back: ambient, a lamp from above, and a weaker one."""
    lamps = torch.stack([uniform((2, n), -1, 1, generator), uniform((2, n), -0.1, 1, generator),
                         uniform((2, n), 0.2, 1, generator)], -1)  # fmt: skip
    lamps = functional.normalize(lamps, dim=-1)
    ambient = uniform(n, 0.35, 0.65, generator)
    strength = torch.stack([uniform(n, 0.3, 0.7, generator), uniform(n, 0.0, 0.3, generator)])
    tint = 1 + 0.08 * torch.randn(n, 3, generator=generator)
    shade = ambient[owner]
    for lamp, power in zip(lamps, strength, strict=True):
        shade = shade + power[owner] * (normal * lamp[owner]).sum(1).clamp_min(0)
    shade = shade * (0.75 + 0.25 * normal[:, 2])
    return shade[:, None] * tint[owner]


def _cloth(owner: Tensor, row: Tensor, column: Tensor, n: int, generator: torch.Generator) -> Tensor:
    """Folds (smooth random brightness), and stripes on one person in six."""
    texture = noise_bank()[0]
    start = torch.randint(SHIFT, len(texture) - SIZE - SHIFT, (2, n), generator=generator)
    folds = texture[row + start[0][owner], column + start[1][owner]]
    wave = uniform((2, n), -1.2, 1.2, generator)
    deep = uniform(n, 0.05, 0.3, generator) * (torch.rand(n, generator=generator) < 1 / 6)
    stripes = torch.sin(wave[0][owner] * row + wave[1][owner] * column) * deep[owner]
    strength = uniform(n, 0.0, 0.12, generator)
    return 1 + strength[owner] * folds + stripes


BARE, CAP = 0.15, 0.2
"""How many of the training pictures show a person in shorts alone; and in a cap."""

HAIR = ((22, 18, 17), (40, 28, 22), (74, 50, 35), (110, 75, 48), (190, 155, 100), (150, 148, 145), (140, 70, 40))


def _wardrobe(n: int, generator: torch.Generator) -> Float[Tensor, "n 36 3"]:
    """The colour of every segment of n people."""

    def chance(p: float) -> Tensor:
        return (torch.rand(n, generator=generator) < p)[:, None]

    def dyed() -> Tensor:
        return dye(n, generator)

    def pick(condition: Tensor, yes: Tensor, no: Tensor) -> Tensor:
        return torch.where(condition, yes, no)

    skin = one_of(SKIN, n, generator)
    natural = one_of(HAIR, n, generator)
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
    shorts = (dye(n, generator) * uniform((n, 1), 0.2, 1.0, generator))[:, None]
    long = (torch.rand(n, generator=generator) < 0.5)[:, None, None]
    cap = (torch.rand(n, generator=generator) < CAP)[:, None, None]
    cap_colour = dye(n, generator)[:, None]

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


OCCLUDED = 0.3
"""How many pictures have something in front of the person."""


def _occlude(images: Tensor, landmarks: Tensor, generator: torch.Generator) -> tuple[Tensor, Bool[Tensor, "n 17"]]:
    """A box or an ellipse over part of some people, and which landmarks it hides."""
    n = len(images)
    person = landmarks.mean(-1)
    spread = (landmarks.amax(-1) - landmarks.amin(-1)) / 2
    centre = person + spread * uniform((n, 2), -1.1, 1.1, generator)
    size = uniform((n, 2), 5, 22, generator)
    angle = uniform(n, 0, 3.1416, generator)
    round_ = torch.rand(n, generator=generator) < 0.4
    there = torch.rand(n, generator=generator) < OCCLUDED
    colour = dye(n, generator)
    hidden = torch.zeros(n, landmarks.shape[-1], dtype=torch.bool)
    chosen = there.nonzero()[:, 0]
    if len(chosen) == 0:
        return images, hidden

    def covered(x: Tensor, y: Tensor) -> Tensor:
        """Positive inside, about one per pixel."""
        c, s = angle[chosen].cos()[:, None], angle[chosen].sin()[:, None]
        x, y = x - centre[chosen, :1], y - centre[chosen, 1:]
        u, v = (c * x + s * y).abs(), (c * y - s * x).abs()
        a, b = size[chosen, :1], size[chosen, 1:]
        ellipse = (1 - ((u / a).square() + (v / b).square()).sqrt()) * torch.minimum(a, b)
        return torch.where(round_[chosen][:, None], ellipse, torch.minimum(a - u, b - v))

    steps = torch.arange(SIZE, dtype=torch.float32)
    y, x = (axis.reshape(1, -1) for axis in torch.meshgrid(steps, steps, indexing="ij"))
    alpha = (covered(x, y) + 0.5).clamp(0, 1).view(-1, 1, SIZE, SIZE)
    cover = (0.6 * colour[chosen][..., None, None] + 0.4 * backgrounds(len(chosen), generator)).clamp(0, 1)
    images = images.index_copy(0, chosen, (1 - alpha) * images[chosen] + alpha * cover)
    hidden[chosen] = covered(landmarks[chosen, 0], landmarks[chosen, 1]) > 0
    return images, hidden


def _develop(images: Tensor, generator: torch.Generator) -> Tensor:
    """What a camera does: blur, exposure, a cast of colour, noise."""
    n = len(images)
    sigma = uniform(n, 0.2, 0.75, generator)
    side = torch.exp(-1 / (2 * sigma**2))
    taps = torch.stack([side, torch.ones(n), side], 1) / (1 + 2 * side[:, None])
    kernel = (taps[:, :, None] * taps[:, None, :]).repeat_interleave(3, 0)[:, None]
    flat = functional.pad(images.reshape(1, 3 * n, SIZE, SIZE), (1, 1, 1, 1), mode="replicate")
    flat = functional.conv2d(flat, kernel, groups=3 * n)
    gain = uniform((n, 1, 1, 1), 0.8, 1.2, generator) * uniform((n, 3, 1, 1), 0.93, 1.07, generator)
    images = flat.view(n, 3, SIZE, SIZE) * gain + uniform((n, 1, 1, 1), -0.05, 0.05, generator)
    noise = noise_bank()[1]
    shift = torch.randint(noise.shape[-1] - SIZE, (n, 2), generator=generator).tolist()
    grain = torch.stack([noise[:, row : row + SIZE, column : column + SIZE] for row, column in shift])
    return torch.addcmul(images, grain, uniform((n, 1, 1, 1), 0.0, 0.02, generator)).clamp(0, 1)


def finish(buffers: Buffers, seed: int | torch.Generator = 0) -> RenderedPeople:
    """One finished picture of each buffer, to look at again and again.

    Args:
        buffers: as from `open_shards`.
        seed: of light, clothes and surroundings, or what they are drawn from.
    """
    generator = torch.Generator().manual_seed(seed) if isinstance(seed, int) else seed
    images, visible = [], []
    for start in range(0, len(buffers), 50):
        made = compose(buffers, np.arange(start, min(start + 50, len(buffers))), generator, augment=False)
        images.append((made.images * 255).round().to(torch.uint8).numpy())
        visible.append(made.visible.numpy())
    rest = {key: getattr(buffers, key) for key in KNOWN if key != "visible"}
    return RenderedPeople(images=np.concatenate(images), visible=np.concatenate(visible), **rest)


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

    def make(self, indices: Int[np.ndarray, " n"], generator: torch.Generator | None = None) -> Labelled:
        """See `Pictures`; as they are: one finished picture of each buffer, a function of its number alone."""
        if generator is None:
            parts = [compose(self.buffers, [n], torch.Generator().manual_seed(int(n)), augment=False) for n in indices]
            return concatenate(parts)
        made = vary(compose(self.buffers, indices, generator), generator, STRONG_TILT)
        made = made._replace(images=sharpen(made.images, generator))
        return compressed(masked(made, self.unrecognisable, generator), generator)
