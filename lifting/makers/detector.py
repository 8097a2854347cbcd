"""The makers' detector, and the weights of BlazePose out of a published wheel.

`mediapipe` 0.10.21 (Apache-2.0) carries both networks of `lifting.detecting.blazepose`; later versions don't.

Make the embedded weights again:

    python -m lifting.makers.detector --download --out data
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray as Array

from lifting.detecting.blazepose import WEIGHTS, BlazePose, Look
from lifting.makers.wheels import Wheel, check_wheel, make_from, read_member
from lifting.support.arrays import fail
from lifting.support.files import write_atomically

MEDIAPIPE = Wheel(
    requirement="mediapipe==0.10.21",
    file="mediapipe-0.10.21-cp311-cp311-manylinux_2_28_x86_64.whl",
    sha256="05dc4a9e593655a79558d05d6227d31018c2537a4bd3362b51e230cf22aecfe3",
)
FOLDERS = ("mediapipe/modules/pose_detection", "mediapipe/modules/pose_landmark")
"""Where the wheel has the two files."""


class Detector:
    """The person detector and BlazePose, with OpenCV's crops: those that the embedded photos were made with."""

    def __init__(self, weights: tuple[bytes, bytes]) -> None:
        self._networks = BlazePose(weights, threads=1, crop=_crop)

    def __call__(self, image: UInt8[Array, "H W 3"]) -> Look:
        """The largest person: found by the detector, then by BlazePose twice, the second time where it said."""
        places, scores = self._networks.candidates(image)
        if not (scores >= 0.5).any():
            fail("image", "nobody", "a person, seen whole")
        radius = np.linalg.norm(places[:, 1] - places[:, 0], axis=1)
        first = self._networks.look(image, *places[np.where(scores >= 0.5, radius, 0).argmax()])
        return self._networks.look(image, first.hips, first.top)


def _crop(image: Array, A: Array, cells: int) -> Array:
    import cv2

    return cv2.warpAffine(image, A, (cells, cells), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)


def read_weights(mediapipe: Path) -> tuple[bytes, bytes]:
    """The two files out of the wheel.

    Raises:
        ValueError: the wheel is not the published one.
        FileNotFoundError: it is missing.
    """
    check_wheel(mediapipe, MEDIAPIPE)
    members = (f"{folder}/{name}" for folder, name in zip(FOLDERS, WEIGHTS, strict=True))
    detection, landmarks = (read_member(mediapipe, member) for member in members)
    return detection, landmarks


def build(mediapipe: Path, out: Path) -> str:
    """Write the two files into the folder `detector` of `out`.

    Raises:
        ValueError: the wheel is not the published one.
        FileNotFoundError: the wheel or `out` is missing.
    """
    weights = read_weights(mediapipe)
    if not out.is_dir():
        raise FileNotFoundError(f"out: got {out}, expected a folder that exists")
    (out / "detector").mkdir(exist_ok=True)
    for name, data in zip(WEIGHTS, weights, strict=True):
        write_atomically(out / "detector" / name, data)
    return f"{sum(map(len, weights)):,} bytes of weights"


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line: see `--help`."""
    make_from("lifting.makers.detector", {"mediapipe": MEDIAPIPE}, build, arguments)


if __name__ == "__main__":
    main()
