"""Small videos, made for the tests."""

from fractions import Fraction

import av
import numpy as np

TICK = Fraction(1, 600)


def corner(n=0, size=(64, 48)):
    """A dark picture (width, height) whose upper left corner is white and whose right edge is red; blue tells n."""
    image = np.zeros((size[1], size[0], 3), np.uint8)
    image[..., 2] = 2 * n
    image[:, -8:] = 200, 0, 0
    image[:12, :12] = 255
    return image


def video(path, images, times=None, rotation=0, aspect=None, options=None):
    """Write RGB `images` at `times` (seconds; 30 a second) as the file name says; return the path."""
    with av.open(str(path), "w", options=options or {}) as container:
        stream = container.add_stream("mpeg4", rate=30)
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt, stream.codec_context.time_base, stream.codec_context.qmin = "yuv420p", TICK, 1
        stream.bit_rate = 4_000_000
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        if rotation:
            stream.set_display_rotation(rotation)
        for n, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
            frame.pts, frame.time_base = round((times[n] if times else n / 30) / TICK), TICK
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def sound(path):
    """Write half a second of silence."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4000), np.int16), layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path
