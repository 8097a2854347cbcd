"""Photos and videos as upright RGB arrays: photos by Pillow, videos by PyAV (the extra `detect`)."""

import os
import struct
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray as Array
from PIL import Image, ImageOps, UnidentifiedImageError

from lifting.support.arrays import check_count, fail

BACKGROUND = (255, 255, 255)
"""What shows through where a picture is transparent: white."""

ANIMATED = {"GIF", "PNG", "WEBP", "AVIF", "TIFF"}
"""Formats whose further pictures are frames. Others (MPO: a phone's JPEG) keep previews and depth there."""

BROKEN = (OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError, struct.error)
"""What Pillow raises for a file that isn't whole."""

READABLE = "a photo that Pillow opens, or a video that FFmpeg opens"
LOCAL = {"protocol_whitelist": "file"}
"""A play list may name other files, but nothing is fetched for it."""

INSTALL = 'pip install "lifting[detect]"'


class Picture(NamedTuple):
    """One picture: number of its frame from 0, seconds since the first (None: no time is known), RGB (H, W, 3)."""

    frame: int
    time: float | None
    image: UInt8[Array, "H W 3"]


@dataclass
class Pictures:
    """The pictures of a file in order. Each loop over them reads the file again.

    Attributes:
        path: the file.
        kind: "photo", "animation" or "video".
        size: (width, height) in pixels of an upright picture.
        count: how many pictures the file says that it has; 0 where it doesn't say. A cut file has fewer.
        start: number of the first frame that a loop gives; those before it are decoded and left out.
        notes: sentences to tell the user, complete after a loop over all pictures.
    """

    path: Path
    kind: str
    size: tuple[int, int]
    count: int
    start: int = 0
    notes: list[str] = field(default_factory=list)

    def __iter__(self) -> Iterator[Picture]:
        self.notes.clear()
        return iter(_video(self) if self.kind == "video" else _photo(self))


def pictures_of(path: str | os.PathLike[str], start: int = 0) -> Pictures:
    """The pictures of a photo, an animation or a video, upright and in RGB, 8 bits a channel.

    A photo is turned as its EXIF says, a video as its metadata say (by quarter turns). Grey is repeated; 16 bits are
    divided by 257; numbers without an agreed range (32 bits, floats) are stretched from the smallest to the largest;
    what is transparent lies over white (`BACKGROUND`). A video's pixels that aren't square are made so, in width.
    A frame's time is the file's own, so a variable frame rate keeps its times.

    Args:
        path: the file.
        start: number of the first frame to give, to go on where an earlier run stopped.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is neither (or sound alone), or no picture of it can be read.
        ImportError: a video, and PyAV isn't installed; the message names the command.
    """
    path, start = Path(path), check_count("start", start, 0)
    if not path.exists():
        raise FileNotFoundError(f"path: got {path}, which doesn't exist, expected {READABLE}")
    if not path.is_file():
        fail("path", f"{path}, which is no file", READABLE)
    kind, count = _kind(path)
    pictures = Pictures(path, kind, (0, 0), count)
    pictures.size = next(iter(pictures)).image.shape[1::-1]  # one that can't be read fails here, not in a loop
    pictures.start = start
    return pictures


def _kind(path: Path) -> tuple[str, int]:
    """The kind of a file of pictures, and how many it says that it has."""
    try:
        with _open_photo(path) as photo:
            if photo.format != "MPEG":  # which Pillow knows and can't decode
                return _count(photo)
    except UnidentifiedImageError:
        pass
    with _open_video(path) as container:
        return "video", _stream(container, path).frames


def _quiet() -> warnings.catch_warnings:
    """Without Pillow's warnings: 90 megapixels, which phones have, and what is damaged, which is told otherwise."""
    return warnings.catch_warnings(action="ignore")


def _count(photo: Image.Image) -> tuple[str, int]:
    if photo.format not in ANIMATED:
        return "photo", 1
    try:
        with _quiet():
            count = getattr(photo, "n_frames", 1)
            return ("animation", count) if count > 1 else ("photo", 1)
    except BROKEN:  # it says so only once all are gone through
        return "animation", 0


def _damage(pictures: Pictures, read: int) -> str:
    of = f" of {pictures.count}" if pictures.count else ""
    return f"{pictures.path}: cut or damaged; {read}{of} pictures were read."


# ---- photos ----


def _open_photo(path: Path) -> Image.Image:
    try:
        with _quiet():
            return Image.open(path)
    except Image.DecompressionBombError:
        fail("path", f"{path}, with more pixels than {2 * (Image.MAX_IMAGE_PIXELS or 0):,}", "a smaller picture")
    except UnidentifiedImageError:
        raise
    except Exception as error:  # Pillow's readers raise errors of many kinds for a broken header
        fail("path", f"{path}, which can't be read ({error})", READABLE)


def _photo(pictures: Pictures) -> Iterator[Picture]:
    with _open_photo(pictures.path) as photo:
        timed = pictures.kind == "animation" and photo.format != "TIFF"
        time, n = 0.0, 0
        while n < pictures.count or not pictures.count:
            try:
                with _quiet():
                    photo.seek(n)
                    photo.load()
                    image = to_rgb(ImageOps.exif_transpose(photo))
            except BROKEN as error:
                if not n:
                    fail("path", f"{pictures.path}, which can't be read ({error})", "a whole picture")
                pictures.notes.append(_damage(pictures, n))
                return
            if n >= pictures.start:
                yield Picture(n, time if timed else None, image)
            time += photo.info.get("duration", 0) / 1000
            n += 1


def to_rgb(image: Image.Image) -> UInt8[Array, "H W 3"]:
    """A picture of Pillow's, in any of its modes, as RGB with 8 bits a channel; see `pictures_of`."""
    if image.mode.startswith("I;16"):
        return _grey(np.asarray(image) / 257)
    if image.mode in ("I", "F"):
        values = np.nan_to_num(np.asarray(image, dtype=np.float64))
        low, high = values.min(), values.max()
        return _grey((values - low) * (255 / (high - low) if high > low else 0.0))
    if image.has_transparency_data:
        over = Image.new("RGBA", image.size, (*BACKGROUND, 255))
        image = Image.alpha_composite(over, image.convert("RGBA"))
    return np.array(image.convert("RGB"))


def _grey(values: Array) -> UInt8[Array, "H W 3"]:
    return np.repeat(np.round(values).astype(np.uint8)[..., None], 3, axis=2)


# ---- videos ----


def _open_video(path: Path) -> Any:
    try:
        import av
    except ImportError:
        raise ImportError(f"path: got {path}, which is no photo; for videos install PyAV: {INSTALL}") from None
    try:
        return av.open(os.fspath(path), metadata_errors="replace", options=LOCAL)
    except (av.error.FFmpegError, OSError, IndexError) as error:
        words = "empty or cut before its pictures, or of another kind" if isinstance(error, ValueError) else str(error)
        fail("path", f"{path}, which can't be read ({words})", READABLE)


def _stream(container: Any, path: Path) -> Any:
    """The first stream of moving pictures; the cover of a song is none."""
    import av

    cover = av.stream.Disposition.attached_pic
    streams = [stream for stream in container.streams.video if not stream.disposition & cover]
    if not streams:
        fail("path", f"{path}, which holds sound alone" if container.streams.audio else f"{path}, without pictures",
             READABLE)  # fmt: skip
    streams[0].thread_type = "AUTO"
    return streams[0]


def _frames(container: Any, stream: Any, broken: list[int]) -> Iterator[Any]:
    """The frames that can be decoded; for each packet that isn't whole, `broken` grows by one."""
    import av

    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
            frames = packet.decode()
        except StopIteration:
            return
        except av.error.FFmpegError:
            broken.append(1)
            continue
        if packet.is_corrupt:  # the decoder filled in what is missing
            broken.append(1)
        yield from frames


def _video(pictures: Pictures) -> Iterator[Picture]:
    broken: list[int] = []
    n, zero = -1, None
    with _open_video(pictures.path) as container:
        stream = _stream(container, pictures.path)
        for n, frame in enumerate(_frames(container, stream, broken)):
            zero = frame.time if n == 0 else zero
            if n >= pictures.start:
                yield Picture(
                    n, _time(frame, zero, n, stream.average_rate), _upright(frame, stream.sample_aspect_ratio)
                )
    if n < 0:
        fail("path", f"{pictures.path}, of which no picture can be read", READABLE)
    if broken:
        pictures.notes.append(_damage(pictures, n + 1))


def _time(frame: Any, zero: float | None, n: int, rate: Any) -> float | None:
    """Seconds since the first frame: the frame's own, or by the frame rate where it has none."""
    if frame.time is not None and zero is not None:
        return float(frame.time - zero)
    return float(n / rate) if rate else None


def _upright(frame: Any, aspect: Any) -> UInt8[Array, "H W 3"]:
    """A frame with square pixels, turned as its file says; `aspect` is a pixel's width over its height."""
    width = round(frame.width * aspect) if aspect else frame.width
    image = frame.to_ndarray(format="rgb24", width=width, height=frame.height)
    return np.ascontiguousarray(np.rot90(image, round(frame.rotation / 90)))
