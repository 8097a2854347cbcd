"""Rendered people: the embedded set, and shards of as many as training needs. `lifting.makers.rendered` made them.

Bodies of all ages do what the embedded motion capture recorded, and a camera about the vertical sees them: exact
landmarks in 2D and 3D, without anybody's sign-up. Two forms:

- The **embedded set**, `load_rendered("train")`: 1,800 finished pictures as JPEGs. Nothing else needs installing.
- **Buffers**, opened by `open_shards`; `lifting.datasets.composing` makes pictures of them while training, each time
  with other clothes, light and surroundings.

Split by body and by clip, never by frame: whole clips are held out, and no body is in two splits.
"""

import io
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from PIL import Image

from lifting.camera import rescale_pixels
from lifting.datasets.pictures import Labelled, in_picture
from lifting.datasets.varying import varied
from lifting.support.arrays import fail
from lifting.support.files import bytes_of, data_path, load_npz

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)

SIZE = 128
"""Side of the picture, pixels."""

SEGMENTS = (
    "background", "face", "eye", "brow", "mouth", "beard", "hair_top", "hair_back", "ear", "throat", "nape",
    "neckline", "placket", "front", "back", "print", "spot", "yoke", "spine", "waist", "hip_front", "hip_back", "fly",
    "pocket", "arm_top", "arm_low", "forearm", "hand", "thigh_top", "thigh_low", "knee", "shin_top", "shin_low",
    "foot", "toes", "sole",
)  # fmt: skip
"""Parts of the surface that may differ in colour. `yoke` is the upper back, `spot` nipples and navel."""

QUALITY = 80
"""Of the embedded JPEGs."""

KNOWN = ("landmarks", "visible", "pose", "camera", "body", "clip")
ARRAYS, PEOPLE = ("mask", "values", "starts", *KNOWN), ("jpeg", "starts", "split", *KNOWN)
"""What the files hold: of shards, and of the embedded set."""


@dataclass(frozen=True)
class Rendered:
    """What is exactly known about N rendered people.

    Attributes:
        landmarks: (N, 2, 17) pixels, x = column, y = row, pixel centres at whole numbers; `lifting.skeleton.HUMAN36M`.
        visible: (N, 17) inside the picture, hidden neither by the body nor by anything else.
        pose: (N, 3, 17) metres about the pelvis, in the camera's frame: x right, y up, z towards the viewer.
        camera: (N, 5) theta, pitch (radians), scale (pixels per metre), column and row of the pelvis. Orthographic:
            landmarks = (column, row) + scale (x, -y). theta is which way hips and shoulders face: 0 the viewer, a
            quarter turn the picture's right; tilted_camera(pitch) R(theta) turns a pose that faces +z into `pose`.
        body: (N,) whose body; no two splits share one.
        clip: (N,) index into the clips of the motion capture; no two splits share one.
        from_behind: (N,) hips and shoulders face away from the viewer.
    """

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

    def labelled(self, indices: Int[np.ndarray, " n"], images: Float[torch.Tensor, "n 3 S S"]) -> Labelled:
        """What is known of the people `indices`, with pictures of them."""
        landmarks, visible, pose, scale, from_behind = (
            torch.from_numpy(own[indices])
            for own in (self.landmarks, self.visible, self.pose, self.camera[:, 2], self.from_behind)
        )
        return Labelled(images, landmarks, torch.ones_like(visible), visible, pose, scale, from_behind)


@dataclass(frozen=True)
class RenderedPeople(Rendered):
    """Finished pictures.

    Attributes:
        images: (N, 3, 128, 128) bytes, red, green, blue.
        inside: (N, 17) landmarks inside the picture, hidden or not.
    """

    images: UInt8[np.ndarray, "N 3 128 128"]

    @property
    def inside(self) -> Bool[np.ndarray, "N 17"]:
        """Which landmarks lie inside the picture, seen or hidden."""
        return in_picture(self.landmarks, self.images.shape[-1])

    def make(self, indices: Int[np.ndarray, " n"], generator: torch.Generator | None = None) -> Labelled:
        """See `lifting.datasets.pictures.Pictures`: half of them mirrored, all varied."""
        return varied(self.labelled(indices, torch.from_numpy(self.images[indices]).float() / 255), generator)


@dataclass(frozen=True)
class Buffers(Rendered):
    """Rendered buffers; pixels that don't show the body are not stored, and only the body itself hides landmarks.

    Attributes:
        mask: (N, S S / 8) one bit a pixel, in reading order: does it show the body?
        values: (P, 4) the bytes of the pixels that do, image after image: see `lifting.makers.bodies.draw`.
        starts: (N + 1,) where in `values` each image starts, and the end.
    """

    mask: UInt8[np.ndarray, "N M"]
    values: UInt8[np.ndarray, "P 4"]
    starts: Int[np.ndarray, " N1"]


def load_rendered(split: Split = "train", path: str | os.PathLike[str] | None = None) -> RenderedPeople:
    """The embedded rendered people of one split, or those in the file at `path` that `embed` made.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: an unknown split, or a file of another kind or cut short.
    """
    check_split(split)
    arrays = load_npz(data_path("rendered_people.npz") if path is None else path, PEOPLE)
    wanted = np.flatnonzero(arrays["split"] == SPLITS.index(split))
    starts, data = arrays["starts"], arrays["jpeg"]
    images = np.stack([decode(data[starts[n] : starts[n + 1]].tobytes()) for n in wanted])
    return RenderedPeople(images=images, **{key: arrays[key][wanted] for key in KNOWN})


def halve(people: RenderedPeople) -> RenderedPeople:
    """The same people in pictures of half the size: every pixel the mean of four, everything in pixels to match."""
    n, channels, height, width = people.images.shape
    blocks = people.images.reshape(n, channels, height // 2, 2, width // 2, 2)
    camera = people.camera.copy()
    camera[:, 2] /= 2
    camera[:, 3:] = rescale_pixels(camera[:, 3:, None], 1 / 2)[..., 0]
    landmarks = rescale_pixels(people.landmarks, 1 / 2)
    images = blocks.mean((3, 5)).round().astype(np.uint8)
    return replace(people, images=images, landmarks=landmarks, camera=camera)


def open_shards(folder: str | os.PathLike[str], split: Split = "train") -> Buffers:
    """All buffers of a split that `render` has written into `folder` so far, in order: some 11 KB of memory each.

    Raises:
        FileNotFoundError: no shard of the split is there.
        ValueError: an unknown split, or a shard that is of another kind.
    """
    check_split(split)
    paths = sorted(Path(folder).glob(f"{split}_*.npz"))
    if not paths:
        raise FileNotFoundError(f"folder: got {folder}, expected a folder with shards {split}_00000.npz, ...")
    return join([Buffers(**load_npz(path, ARRAYS)) for path in paths])


def join(parts: Sequence[Buffers]) -> Buffers:
    """Several `Buffers` as one, in order."""
    ends = np.cumsum([0, *(len(part.values) for part in parts)])
    starts = [part.starts[:-1] + end for part, end in zip(parts, ends, strict=False)]
    arrays = {key: np.concatenate([getattr(part, key) for part in parts]) for key in ARRAYS if key != "starts"}
    return Buffers(starts=np.concatenate([*starts, ends[-1:]]), **arrays)


def check_split(split: str) -> None:
    """Refuse what is no split."""
    if split not in SPLITS:
        fail("split", repr(split), " or ".join(map(repr, SPLITS)))


def decode(data: bytes) -> UInt8[np.ndarray, "3 S S"]:
    """The picture in a JPEG file."""
    with Image.open(io.BytesIO(data), formats=["JPEG"]) as picture:
        return np.asarray(picture.convert("RGB")).transpose(2, 0, 1)


def encode(image: UInt8[np.ndarray, "3 S S"]) -> bytes:
    """A picture as a JPEG file, at the embedded set's quality."""
    picture = Image.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0)))
    return bytes_of(picture.save, format="JPEG", quality=QUALITY, optimize=True)


def as_jpeg(people: RenderedPeople) -> RenderedPeople:
    """The same people in pictures with the marks that JPEG leaves, at the embedded set's quality."""
    return replace(people, images=np.stack([decode(encode(image)) for image in people.images]))
