"""A detector of people and BlazePose, a network that computes one 64 x 64 map for each of its 33 landmarks.

Both are files of `mediapipe` 0.10.21 (Apache-2.0), run by LiteRT: the extra `detector`.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray as Array

from lifting.datasets.real_frames import transform
from lifting.support.arrays import fail

ANCHOR_GRIDS = ((28, 2), (14, 2), (7, 6))
"""The person detector predicts relative to 2254 anchors: on each grid, so many at every cell's centre."""


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
    """Centre, side and angle of BlazePose's crop, from the two points that both networks predict for it.

    `hips` is the middle of the hips; `top` lies on the circle about the body in the direction of the head. The
    square about that circle, enlarged by a quarter, is the crop; `top` points up in it.
    """
    x, y = top - hips
    return hips, 1.25 * 2 * math.hypot(x, y), math.atan2(x, -y)


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)), without overflow."""
    return 0.5 * (1 + np.tanh(0.5 * np.asarray(x, dtype=np.float64)))


@dataclass(frozen=True)
class Detection:
    """What the network finds in one image: pixels (33, 2), visibility (33,), belief (33, 64, 64), map A (2, 3)."""

    pixels: Float[Array, "33 2"]
    visibility: Float[Array, " 33"]
    belief: Float[Array, "33 64 64"]
    map_to_image: Float[Array, "2 3"]


class Detector:
    """The person detector and BlazePose, run by LiteRT on one thread."""

    def __init__(self, detection: bytes, landmarks: bytes) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._detection = Interpreter(model_content=detection, num_threads=1)
        self._landmarks = Interpreter(model_content=landmarks, num_threads=1)
        for network in (self._detection, self._landmarks):
            network.allocate_tensors()

    def __call__(self, image: UInt8[Array, "H W 3"]) -> Detection:
        """The largest person: found by the detector, then by BlazePose twice, the second time where it said."""
        hips, top = self._find(image)
        for _ in range(2):
            to_image = square(*hip_square(hips, top), 256)
            output = self._run(self._landmarks, _crop(image, to_image, 256) / 255)
            values = output["Identity"].reshape(39, 5)
            # the network counts from the left edge of the first of its 256 pixels
            pixels = transform(to_image, values[:, :2] - 0.5)
            hips, top = pixels[33], pixels[34]
        return Detection(
            pixels=pixels[:33],
            visibility=sigmoid(values[:33, 3]),
            belief=sigmoid(np.moveaxis(output["Identity_3"][..., :33], -1, 0)),
            map_to_image=to_image @ [[4, 0, -0.5], [0, 4, -0.5], [0, 0, 1]],
        )

    def _find(self, image: Array) -> tuple[Array, Array]:
        """Middle of the hips and top of the largest person of all with a score of at least 0.5."""
        size = np.array(image.shape[1::-1])
        to_image = square((size - 1) / 2, size.max(), 0.0, 224)
        output = self._run(self._detection, _crop(image, to_image, 224) / 127.5 - 1)
        points = output["Identity"][:, 4:8].reshape(-1, 2, 2) / 224 + anchors()[:, None]
        radius = np.linalg.norm(points[:, 1] - points[:, 0], axis=1)
        found = sigmoid(output["Identity_1"][:, 0]) >= 0.5
        if not found.any():
            fail("image", "nobody", "a person, seen whole")
        return tuple(transform(to_image, points[np.where(found, radius, 0).argmax()] * 224 - 0.5))

    @staticmethod
    def _run(network: Any, image: Array) -> dict[str, Array]:
        network.set_tensor(network.get_input_details()[0]["index"], image[None].astype(np.float32))
        network.invoke()
        return {d["name"]: network.get_tensor(d["index"])[0].astype(np.float64) for d in network.get_output_details()}


def _crop(image: Array, A: Array, cells: int) -> Array:
    import cv2

    return cv2.warpAffine(image, A, (cells, cells), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
