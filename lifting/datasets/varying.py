"""How pictures are varied while training: mirrored, tilted, zoomed, in other light; sharpened, masked, compressed."""

import io

import numpy as np
import torch
from jaxtyping import Bool
from PIL import Image
from torch import Tensor
from torch.nn import functional

from lifting.datasets.pictures import Labelled, in_picture
from lifting.skeleton import HUMAN36M


def varied(made: Labelled, generator: torch.Generator | None) -> Labelled:
    """Finished pictures for training: half of them mirrored, all varied; as they are where `generator` is None."""
    if generator is None:
        return made
    return vary(mirror(made, torch.rand(len(made.images), generator=generator) < 0.5), generator)


def mirror(made: Labelled, mirrored: Bool[Tensor, " N"]) -> Labelled:
    """Some of the pictures mirrored with all that is known: left and right landmarks change places."""
    swap, size = list(HUMAN36M.swap), made.images.shape[-1]

    def choose(other: Tensor, own: Tensor) -> Tensor:
        return torch.where(mirrored.view(-1, *[1] * (own.ndim - 1)), other, own)

    x, y = made.landmarks.unbind(1)
    pose = made.pose
    return made._replace(
        images=choose(made.images.flip(-1), made.images),
        landmarks=choose(torch.stack([size - 1 - x, y], 1)[..., swap], made.landmarks),
        labelled=choose(made.labelled[:, swap], made.labelled),
        visible=choose(made.visible[:, swap], made.visible),
        pose=None if pose is None else choose(torch.cat([-pose[:, :1], pose[:, 1:]], 1)[..., swap], pose),
    )


TILT, STRONG_TILT, ZOOM, MOVE = 10.0, 20.0, (0.85, 1.2), 4.0
"""How pictures are varied: standard deviation of the tilt in degrees, of finished pictures and of those that are
composed anew; least and greatest zoom; shift in pixels."""


def vary(made: Labelled, generator: torch.Generator, tilt_deviation: float = TILT) -> Labelled:
    """The same pictures tilted, zoomed and shifted a little, sharp or blurred, in other light and colours.

    About the picture's middle c: p' = zoom R(tilt) (p - c) + c + shift. The border is repeated where the old picture
    ends.
    """
    n, size = len(made.images), made.images.shape[-1]
    tilt = (torch.randn(n, generator=generator) * tilt_deviation).deg2rad()
    zoom = uniform(n, *ZOOM, generator)
    shift = uniform((n, 2, 1), -MOVE, MOVE, generator)
    cos, sin = tilt.cos(), tilt.sin()
    R = torch.stack([torch.stack([cos, -sin], -1), torch.stack([sin, cos], -1)], -2)
    middle = (size - 1) / 2
    landmarks = zoom[:, None, None] * (R @ (made.landmarks - middle)) + middle + shift
    # grid_sample asks where each new pixel comes from, in units of half the picture: p = R^T (p' - c - shift)/zoom + c
    back = R.mT / zoom[:, None, None]
    theta = torch.cat([back, back @ (-shift * 2 / size)], dim=-1)
    grid = functional.affine_grid(theta, list(made.images.shape), align_corners=False)
    images = functional.grid_sample(made.images, grid, mode="bilinear", padding_mode="border", align_corners=False)
    inside = in_picture(landmarks, size)
    return made._replace(
        images=_recolour(_blur(images, generator), generator),
        landmarks=landmarks,
        visible=made.visible & inside,
        # rows count downwards, the pose's y points up: it turns the other way
        pose=None if made.pose is None else torch.cat([R.mT @ made.pose[:, :2], made.pose[:, 2:]], dim=1),
        scale=None if made.scale is None else made.scale * zoom,
    )


def uniform(shape: tuple[int, ...] | int, low: float, high: float, generator: torch.Generator) -> Tensor:
    """Random numbers between two bounds."""
    return low + (high - low) * torch.rand(shape, generator=generator)


def _blur(images: Tensor, generator: torch.Generator) -> Tensor:
    """A quarter of the pictures out of focus, by a Gaussian of 0.5 to 1.3 pixels."""
    chosen = (torch.rand(len(images), generator=generator) < 0.25).nonzero()[:, 0]
    sigma = uniform(len(chosen), 0.5, 1.3, generator)[:, None]
    if len(chosen) == 0:
        return images
    taps = torch.softmax(-(torch.arange(-3.0, 4.0) ** 2) / (2 * sigma**2), dim=1).repeat_interleave(3, 0)
    flat = functional.pad(images[chosen].flatten(0, 1)[None], (3, 3, 3, 3), mode="replicate")
    flat = functional.conv2d(flat, taps[:, None, None], groups=len(taps))
    flat = functional.conv2d(flat, taps[:, None, :, None], groups=len(taps))
    return images.index_copy(0, chosen, flat[0].unflatten(0, (-1, 3)))


SHARPENED, STRENGTH = 0.6, (0.0, 2.5)
"""How many of the pictures are sharpened, and how strongly."""


def sharpen(images: Tensor, generator: torch.Generator) -> Tensor:
    """Some pictures as sharp as photos are: cameras sharpen, and so does making a large photo small.

    An unsharp mask, I + s (I - I * g): with the binomial g the wave of f cycles a pixel, along rows or columns, grows
    1 + s (1 - cos(pi f)^2) times.
    """
    n = len(images)
    strength = uniform((n, 1, 1, 1), *STRENGTH, generator)
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
    saturation = uniform((n, 1, 1, 1), 0.3, 1.3, generator)
    images = grey + saturation * (images - grey)
    tint = 1 + 0.06 * torch.randn(n, 3, 1, 1, generator=generator)
    contrast = uniform((n, 1, 1, 1), 0.6, 1.3, generator)
    offset = 0.08 * torch.randn(n, 1, 1, 1, generator=generator)
    return ((images * tint - 0.5) * contrast + 0.5 + offset).clamp(0, 1)


FRAMED = 0.35
"""How many of the pictures have bars of one colour at their sides."""


def masked(made: Labelled, unrecognisable: float, generator: torch.Generator) -> Labelled:
    """What is done to published photos: faces made unrecognisable, and bars of one colour where a photo isn't square.

    The bars leave the landmarks' box free, but for a few pixels.
    """
    n, size = len(made.images), made.images.shape[-1]
    steps = torch.arange(size)
    # the head: blocks of 3 to 6 pixels in a disc about nose and top of the head
    top, nose = (made.landmarks[..., HUMAN36M.index(name)] for name in ("head_top", "nose"))
    middle, radius = (top + nose) / 2, (top - nose).norm(dim=1) * uniform(n, 0.8, 1.6, generator)
    block = int(torch.randint(3, 7, (1,), generator=generator))
    coarse = functional.avg_pool2d(made.images, block, ceil_mode=True, count_include_pad=False)
    coarse = coarse.repeat_interleave(block, 2).repeat_interleave(block, 3)[..., :size, :size]
    square = (steps - middle[:, :1]).square()[:, None, :] + (steps - middle[:, 1:]).square()[:, :, None]
    chosen = torch.rand(n, generator=generator) < unrecognisable
    disc = (square < radius.square()[:, None, None]) & chosen[:, None, None]
    images = torch.where(disc[:, None], coarse, made.images)
    # the bars
    low = made.landmarks.amin(-1) - uniform((n, 2), -3, 40, generator)
    high = made.landmarks.amax(-1) + uniform((n, 2), -3, 40, generator)
    inside = (steps >= low[..., None]) & (steps <= high[..., None])
    bars = ~(inside[:, 0, None, :] & inside[:, 1, :, None]) & (torch.rand(n, 1, 1, generator=generator) < FRAMED)
    of_mean = torch.rand(n, 1, 1, 1, generator=generator) < 0.7
    colour = torch.where(of_mean, images.mean((2, 3), keepdim=True), torch.rand(n, 3, 1, 1, generator=generator))
    column, row = made.landmarks.round().long().clamp(0, size - 1).unbind(1)
    covered = bars[torch.arange(n)[:, None], row, column]
    return made._replace(images=torch.where(bars[:, None], colour, images), visible=made.visible & ~covered)


COMPRESSED, QUALITIES = 0.75, (50, 95)
"""How many of the pictures go through JPEG, and of which qualities."""


def compressed(made: Labelled, generator: torch.Generator) -> Labelled:
    """Most pictures as JPEG leaves them. Its marks are taken for a face by a network that has never seen any."""
    images = made.images.clone()
    quality = torch.randint(*QUALITIES, (len(images),), generator=generator).tolist()
    for n in (torch.rand(len(images), generator=generator) < COMPRESSED).nonzero()[:, 0].tolist():
        file, pixels = io.BytesIO(), (images[n] * 255).round().byte().permute(1, 2, 0).numpy()
        Image.fromarray(pixels).save(file, "JPEG", quality=quality[n])
        images[n] = torch.from_numpy(np.array(Image.open(file, formats=["JPEG"]))).permute(2, 0, 1) / 255
    return made._replace(images=images)
