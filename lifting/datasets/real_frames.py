"""Real photos with a real network's belief maps. `lifting.makers.real_frames` made them.

Nobody annotated these frames. Their 3D pose is *pseudo ground truth*: the network's landmarks of all four views at
one instant, triangulated. `data/real_frames.md` says how good it is. Three plane coordinates occur:

- photo pixels: x = column, y = row, pixel centres at whole numbers. Everything that is stored is in these.
- map cells (column, row) of a belief map. `map_to_photo` A takes them to photo pixels: (x, y) = A (column, row, 1).
- the paper's Y: x to the right, y up, so Y = (x, -y). `RealFrame.Y` holds it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib.image
import numpy as np
from jaxtyping import Bool, Float, UInt8
from numpy import ndarray as Array

from lifting.camera import flip_y
from lifting.skeleton import BLAZEPOSE, HUMAN36M, conversion_table, convert
from lifting.support.arrays import check_array, fail
from lifting.support.files import data_path, load_npz

BELIEF_STEPS = 255
"""Beliefs are stored as whole numbers of 255ths, one byte each."""

ARRAYS = (
    "name", "camera_name", "frame", "time", "belief", "map_to_photo", "landmarks33", "visibility33",
    "pseudo_truth", "pseudo_visible", "pseudo_pixels", "camera", "pixels_per_metre", "body_length",
)  # fmt: skip


@dataclass(frozen=True)
class RealFrame:
    """One photo, what the network saw in it, and the pseudo ground truth.

    Attributes:
        name: for instance "cam02_030": the camera, then the frame of its video.
        camera_name: "cam01" to "cam04".
        frame: frame of the video, from 0.
        time: seconds since frame 0 of camera 1.
        image: the photo (H, W, 3), cropped to the man.
        belief: (33, 64, 64) in [0, 1], one map for each landmark of `lifting.skeleton.BLAZEPOSE`, rows first.
        map_to_photo: A (2, 3): map cell (column, row) -> photo pixel (x, y). The map is turned so that the trunk
            points up in it; A is a rotation, a scale and a shift.
        landmarks33: (2, 33) photo pixels, regressed by the network (not read off `belief`).
        visibility33: (33,) in [0, 1], the network's own estimate.
        landmarks: (2, 17) photo pixels, the same in Human3.6M's order; 0 where not visible.
        visible: (17,) booleans: the network saw the landmark; never spine and head_top, which it lacks.
        pseudo_truth: (3, 17) metres, x right, y up, z towards the viewer along the line of sight; centred over
            the landmarks of `pseudo_visible`; 0 elsewhere.
        pseudo_visible: (17,) booleans: at least three of the four cameras agree on the landmark.
        pseudo_pixels: (2, 17) photo pixels of `pseudo_truth` seen by the calibrated camera (perspective, with
            lens distortion); 0 where not `pseudo_visible`.
        camera: (3, 3) rotation: pseudo_truth = camera R(theta) body pose, for a body pose whose y is truly
            vertical and some theta. It holds how the camera looks down and is turned about its axis.
        pixels_per_metre: of the photo, at the man's distance.
        body_length: metres from ankle by knee to hip (mean of the legs) plus from pelvis to neck.
    """

    name: str
    camera_name: str
    frame: int
    time: float
    image: UInt8[Array, "H W 3"]
    belief: Float[Array, "33 64 64"]
    map_to_photo: Float[Array, "2 3"]
    landmarks33: Float[Array, "2 33"]
    visibility33: Float[Array, " 33"]
    landmarks: Float[Array, "2 17"]
    visible: Bool[Array, " 17"]
    pseudo_truth: Float[Array, "3 17"]
    pseudo_visible: Bool[Array, " 17"]
    pseudo_pixels: Float[Array, "2 17"]
    camera: Float[Array, "3 3"]
    pixels_per_metre: float
    body_length: float

    @property
    def Y(self) -> Float[Array, "2 17"]:
        """`landmarks` in the paper's axes: x to the right, y up, photo pixels."""
        return flip_y(self.landmarks)

    @property
    def map_camera(self) -> Float[Array, "3 3"]:
        """`camera` for landmarks in cells of `belief`, y up: for `lift(..., camera=)`.

        The maps are turned against the photo by an angle that `map_to_photo` holds, so the camera turns back about
        its line of sight, and then as in the photo.
        """
        c, s = self.map_to_photo[:, 0] / np.linalg.norm(self.map_to_photo[:, 0])
        return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ self.camera

    @property
    def reprojection_error(self) -> Float[Array, " 17"]:
        """Photo pixels between `landmarks` and `pseudo_pixels`; 0 where either is missing."""
        both = self.visible & self.pseudo_visible
        return np.where(both, np.linalg.norm(self.landmarks - self.pseudo_pixels, axis=0), 0.0)


def load_real_frames(names: Sequence[str] | None = None) -> tuple[RealFrame, ...]:
    """The embedded photos in order of their names, or those of `names` in that order.

    Raises:
        ValueError: no photo has one of `names`; the message lists them all.
        FileNotFoundError: an embedded file is missing.
    """
    arrays = load_npz(data_path("real_frames.npz"), ARRAYS)
    index = {str(name): n for n, name in enumerate(arrays["name"])}
    for name in index if names is None else names:
        if name not in index:
            fail("names", repr(name), f"names among {', '.join(index)}")
    return tuple(_frame(arrays, index[name]) for name in (index if names is None else names))


def _frame(arrays: dict[str, Array], n: int) -> RealFrame:
    row = {key: arrays[key][n] for key in ARRAYS}
    name = str(row["name"])
    landmarks, visible = to_human36m(row["landmarks33"], row["visibility33"])
    numbers: dict[str, Any] = {
        key: np.asarray(value, dtype=np.float64) for key, value in row.items() if value.dtype.kind == "f"
    }
    numbers["belief"] = row["belief"] / BELIEF_STEPS
    for key in ("time", "pixels_per_metre", "body_length"):
        numbers[key] = float(numbers[key])
    return RealFrame(
        name=name,
        camera_name=str(row["camera_name"]),
        frame=int(row["frame"]),
        image=matplotlib.image.imread(data_path(f"real_frames/{name}.jpg")),
        landmarks=landmarks,
        visible=visible,
        pseudo_visible=row["pseudo_visible"],
        **numbers,
    )


def to_human36m(
    landmarks33: Float[Array, "2 33"], visibility33: Float[Array, " 33"]
) -> tuple[Float[Array, "2 17"], Bool[Array, " 17"]]:
    """The network's landmarks in Human3.6M's order; visible where it says 0.5 or more. See `skeleton.convert`."""
    return convert(landmarks33, BLAZEPOSE, HUMAN36M, visibility33 >= 0.5)


def belief_human36m(frame: RealFrame) -> tuple[Float[Array, "17 64 64"], Bool[Array, " 17"]]:
    """The belief maps of Human3.6M's landmarks, and which of them the network has.

    Four are missing, and zero: it has no spine and no head_top, and pelvis and neck are means of two landmarks.
    A mean of two maps would have two peaks, neither at the pelvis; so no map is made up for them.
    """
    belief, present = np.zeros((17, *frame.belief.shape[1:])), np.zeros(17, dtype=bool)
    for n, parents in enumerate(conversion_table(BLAZEPOSE, HUMAN36M).values()):
        if len(parents) == 1:
            belief[n], present[n] = frame.belief[BLAZEPOSE.index(parents[0])], True
    return belief, present


def peaks(belief: Float[Array, "*batch H W"]) -> Float[Array, "*batch 2"]:
    """The cell (column, row) where each map is largest: the main paper's Y_p = argmax b_p, section 3."""
    belief = check_array("belief", belief, "H", "W")
    row, column = np.divmod(belief.reshape(*belief.shape[:-2], -1).argmax(-1), belief.shape[-1])
    return np.stack([column, row], axis=-1).astype(np.float64)


def transform(A: Float[Array, "2 3"], points: Float[Array, "*batch 2"]) -> Float[Array, "*batch 2"]:
    """A (x, y, 1) for each point (x, y): with `map_to_photo`, from map cells to photo pixels."""
    A, points = check_array("A", A, 2, 3), check_array("points", points, 2)
    return points @ A[:, :2].T + A[:, 2]
