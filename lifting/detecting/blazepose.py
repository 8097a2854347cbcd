"""A detector of people, and BlazePose: 33 landmarks of one of them. Two networks of MediaPipe, run by LiteRT.

Source: Bazarevsky et al., "BlazePose: On-device Real-time Body Pose tracking", 2020. The first network sees the whole
picture, made square, and predicts for everybody the middle of the hips and a point `top`, which lies on the circle
about the body in the direction of the head. The second sees the square about that circle, turned so that `top` points
up, and predicts the landmarks and the next two such points.

The weights are two files of `mediapipe` 0.10.21 (Apache-2.0), embedded; see data/detector.md.
"""

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray as Array
from PIL import Image

from lifting.datasets.real_frames import transform
from lifting.support.files import data_path

ANCHOR_GRIDS = ((28, 2), (14, 2), (7, 6))
"""The person detector predicts relative to 2254 anchors: on each grid, so many at every cell's centre."""

DETECTION_SIDE, LANDMARK_SIDE = 224, 256
"""Pixels of the two networks' square inputs."""

WEIGHTS = ("pose_detection.tflite", "pose_landmark_full.tflite")


def anchors() -> Float[Array, "2254 2"]:
    """The anchors (x, y) of the person detector, in [0, 1] of its input."""
    grids = []
    for size, count in ANCHOR_GRIDS:
        y, x = np.divmod(np.arange(size * size), size)
        grids.append(np.repeat((np.stack([x, y], axis=1) + 0.5) / size, count, axis=0))
    return np.concatenate(grids)


def square(centre: Float[Array, " 2"], side: float, angle: float, cells: int) -> Float[Array, "2 3"]:
    """The similarity A (2, 3) from the cells of a cells x cells crop to pixels, cell centres at whole numbers.

    The crop's square has this `centre` and `side` (pixels) and its up is turned clockwise by `angle` (radians).
    """
    c, s = math.cos(angle), math.sin(angle)
    A = side / cells * np.array([[c, -s], [s, c]])
    return np.column_stack([A, centre - A @ np.full(2, (cells - 1) / 2)])


def hip_square(hips: Float[Array, " 2"], top: Float[Array, " 2"]) -> tuple[Array, float, float]:
    """Centre, side and angle of BlazePose's crop: the square about the circle, enlarged by a quarter; top points up."""
    x, y = top - hips
    return hips, 1.25 * 2 * math.hypot(x, y), math.atan2(x, -y)


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)), without overflow."""
    return 0.5 * (1 + np.tanh(0.5 * np.asarray(x, dtype=np.float64)))


def crop(image: UInt8[Array, "H W 3"], A: Float[Array, "2 3"], cells: int) -> UInt8[Array, "cells cells 3"]:
    """What the cells of a crop see: the pixels at A (column, row, 1), black outside the picture.

    Where a cell is larger than two pixels, so many pixels are averaged first that nothing is left out between cells.
    """
    step = max(1, int(math.sqrt(abs(np.linalg.det(A[:, :2])))))
    corners = transform(A, np.array([[0, 0], [0, cells], [cells, 0], [cells, cells]]) - 0.5)
    low = np.maximum(np.floor(corners.min(0)).astype(int) - 2 * step, 0)
    high = np.minimum(np.ceil(corners.max(0)).astype(int) + 2 * step + 1, image.shape[1::-1])
    if (high - low < 1).any():
        return np.zeros((cells, cells, 3), np.uint8)
    part = Image.fromarray(image[low[1] : high[1], low[0] : high[0]])
    part = part.reduce(step) if step > 1 else part
    # Pillow counts from the edges of pixels; A from the centre of the first
    offset = A @ [-0.5, -0.5, 1] + 0.5 - low
    rows = (np.column_stack([A[:, :2], offset]) / step).ravel().tolist()
    return np.asarray(part.transform((cells, cells), Image.Transform.AFFINE, rows, Image.Resampling.BILINEAR))


@dataclass(frozen=True)
class Look:
    """What BlazePose sees in one crop.

    Attributes:
        pixels: (33, 2) landmarks in pixels (x, y) of the picture, centres at whole numbers.
        visibility: (33,) in [0, 1], the network's own estimate.
        score: in [0, 1]: that there is a person in the crop.
        hips, top: (2,) where to look next.
        heatmap: (64, 64, 39) the network's maps, rows first; see `belief`.
        map_to_image: A (2, 3) from cells of the maps to pixels.
    """

    pixels: Float[Array, "33 2"]
    visibility: Float[Array, " 33"]
    score: float
    hips: Float[Array, " 2"]
    top: Float[Array, " 2"]
    heatmap: Float[Array, "64 64 39"]
    map_to_image: Float[Array, "2 3"]

    @property
    def belief(self) -> Float[Array, "33 64 64"]:
        """In [0, 1], a map for each landmark."""
        return sigmoid(np.moveaxis(self.heatmap[..., :33], -1, 0))


class BlazePose:
    """The two networks.

    Args:
        weights: the two files' bytes; None: those embedded.
        threads: of the processor; None: as many as there are, four at most.
        crop: what cuts crops out of pictures, as `crop` does.

    Raises:
        ImportError: LiteRT isn't installed; the message names the command.
    """

    def __init__(
        self, weights: tuple[bytes, bytes] | None = None, threads: int | None = None, crop: Callable[..., Array] = crop
    ) -> None:
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError:
            raise ImportError('detector: LiteRT is missing; install it: pip install "lifting[detect]"') from None
        threads = threads or min(4, os.cpu_count() or 1)
        files = weights or tuple(data_path(f"detector/{name}").read_bytes() for name in WEIGHTS)
        self._detection, self._landmarks = (Interpreter(model_content=file, num_threads=threads) for file in files)
        for network in (self._detection, self._landmarks):
            network.allocate_tensors()
        self._anchors, self._crop = anchors()[:, None], crop

    def candidates(self, image: UInt8[Array, "H W 3"]) -> tuple[Float[Array, "2254 2 2"], Float[Array, " 2254"]]:
        """Hips and top (pixels) that each anchor predicts, and its score in [0, 1]."""
        size = np.array(image.shape[1::-1])
        to_image = square((size - 1) / 2, size.max(), 0.0, DETECTION_SIDE)
        seen = self._crop(image, to_image, DETECTION_SIDE)
        output = _run(self._detection, seen / 127.5 - 1, ("Identity", "Identity_1"))
        points = output["Identity"][:, 4:8].reshape(-1, 2, 2).astype(np.float64) / DETECTION_SIDE + self._anchors
        return transform(to_image, points * DETECTION_SIDE - 0.5), sigmoid(output["Identity_1"][:, 0])

    def look(self, image: UInt8[Array, "H W 3"], hips: Float[Array, " 2"], top: Float[Array, " 2"]) -> Look:
        """The landmarks of the person about `hips`, whose head is towards `top` (pixels)."""
        to_image = square(*hip_square(hips, top), LANDMARK_SIDE)
        seen = self._crop(image, to_image, LANDMARK_SIDE)
        output = _run(self._landmarks, seen / 255, ("Identity", "Identity_1", "Identity_3"))
        values = output["Identity"].reshape(39, 5).astype(np.float64)
        # the network counts from the left edge of the first of its 256 pixels
        pixels = transform(to_image, values[:, :2] - 0.5)
        return Look(
            pixels=pixels[:33],
            visibility=sigmoid(values[:33, 3]),
            score=float(output["Identity_1"][0]),
            hips=pixels[33],
            top=pixels[34],
            heatmap=output["Identity_3"],
            map_to_image=to_image @ [[4, 0, -0.5], [0, 4, -0.5], [0, 0, 1]],
        )


def _run(network: Any, image: Array, wanted: tuple[str, ...]) -> dict[str, Array]:
    network.set_tensor(network.get_input_details()[0]["index"], image[None].astype(np.float32))
    network.invoke()
    outputs = {details["name"]: details["index"] for details in network.get_output_details()}
    return {name: network.get_tensor(outputs[name])[0] for name in wanted}
