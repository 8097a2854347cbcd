"""Results as a moving picture: the person turns, and in a clip moves; GIF by Pillow, MP4 by PyAV."""

import io
import os
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
from jaxtyping import Float
from PIL import Image, ImageDraw, ImageFont

from lifting.camera import rotation
from lifting.drawing.plots.bones import COLOURS, bone_sides
from lifting.own.motion import evenly
from lifting.own.person import Person
from lifting.skeleton import HUMAN36M
from lifting.support.files import bytes_of, write_atomically

SIDE = 360
"""Pixels of a side of the picture."""

RATE = 20.0
"""Pictures a second, at most."""

LONGEST = 200
"""Pictures in a film, at most: of a longer clip the first ones that fill it."""

TURN = np.radians(50)
"""A clip is seen from so far to the left and to the right of the camera, in turn; a single frame from all around."""

INSTALL = "pip install 'lifting[detect]'"

SMOOTHER = 3
"""Drawn so many times larger, then made smaller: smooth lines."""


def film(person: Person) -> tuple[list[Image.Image], float]:
    """The pictures, and how long each is shown, in seconds.

    Raises:
        ValueError: no frame could be lifted.
    """
    step, points = evenly(person)
    if len(points) == 1:
        count = 60
        angles, step = np.linspace(0, 2 * np.pi, count, endpoint=False), 1 / RATE
        points = np.repeat(points, count, axis=0)
    else:
        every = max(1, round(1 / (step * RATE)))
        points, step = points[::every][:LONGEST], step * every
        angles = TURN * np.sin(2 * np.pi * step * np.arange(len(points)) / 4)
    points = points - points[:, :, :1]
    radius = 1.1 * float(np.abs(points).max())
    return [draw_turned(pose, angle, radius) for pose, angle in zip(points, angles, strict=True)], step


def draw_turned(pose: Float[np.ndarray, "3 17"], angle: float, radius: float) -> Image.Image:
    """A pose seen orthographically, turned by `angle` (radians) about the vertical, with a bar of half a metre.

    Args:
        pose: (3, 17), metres, y up.
        angle: positive turns the person's front, seen from the camera, to the right.
        radius: metres from the middle to the edge of the picture.
    """
    side = SIDE * SMOOTHER
    scale = side / (2 * radius)
    x, y, z = rotation(angle) @ pose
    place = np.stack([side / 2 + scale * x, side / 2 - scale * y], axis=1)
    image = Image.new("RGB", (side, side), "white")
    draw, sides = ImageDraw.Draw(image), bone_sides(HUMAN36M)
    bones = sorted(HUMAN36M.bones, key=lambda bone: z[list(bone)].mean())  # what is far away first
    for bone in bones:
        colour = COLOURS[sides[bone[1]]]
        start, end = (tuple(place[i]) for i in bone)
        draw.line([start, end], fill=colour, width=5 * SMOOTHER)
        for px, py in (start, end):
            draw.ellipse([px - 3 * SMOOTHER, py - 3 * SMOOTHER, px + 3 * SMOOTHER, py + 3 * SMOOTHER], fill=colour)
    image = image.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    draw = ImageDraw.Draw(image)
    bar = SIDE / (4 * radius)
    draw.line([10, SIDE - 12, 10 + bar, SIDE - 12], fill="black", width=2)
    font = ImageFont.load_default(13)
    words = f"0.5 m; turned by {round(np.degrees(angle))}\N{DEGREE SIGN}"
    draw.text((10, SIDE - 32), words, fill="black", font=font)
    draw.text((10, 8), "left", fill=COLOURS["left"], font=font)
    draw.text((45, 8), "right", fill=COLOURS["right"], font=font)
    return image


def write_gif(person: Person, path: str | os.PathLike[str]) -> None:
    """Write the film as an animated GIF that begins again at its end."""
    pictures, step = film(person)
    flat = [picture.quantize(64) for picture in pictures]
    duration = max(20, round(1000 * step / 10) * 10)  # a GIF counts hundredths of a second
    options = {"save_all": True, "append_images": flat[1:], "duration": duration, "loop": 0}
    write_atomically(path, bytes_of(flat[0].save, format="GIF", **options))


def write_mp4(person: Person, path: str | os.PathLike[str]) -> None:
    """Write the film as H.264 in MP4.

    Raises:
        ImportError: PyAV is not installed.
    """
    try:
        import av
    except ImportError:
        raise ImportError(f"out_formats: got mp4, which needs PyAV: {INSTALL}") from None
    pictures, step = film(person)
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=Fraction(1 / step).limit_denominator(1000))
        stream.width = stream.height = SIDE
        stream.pix_fmt = "yuv420p"
        for packet in _packets(stream, pictures):
            container.mux(packet)
    write_atomically(path, buffer.getvalue())


def _packets(stream: Any, pictures: list[Image.Image]) -> Iterator[Any]:
    import av

    for picture in pictures:
        yield from stream.encode(av.VideoFrame.from_image(picture))
    yield from stream.encode()
