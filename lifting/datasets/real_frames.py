"""Real photos with a real network's belief maps, and how they are made from two published wheels.

- `pose2sim` 0.10.49 (BSD-3-Clause): four calibrated cameras film one man on a treadmill, 100 frames at 60 a second.
- `mediapipe` 0.10.21 (Apache-2.0): a person detector and BlazePose, a network of 33 landmarks that computes one
  64 x 64 map for each landmark: the belief maps of the main paper, section 3.

Nobody annotated these frames. Their 3D pose is *pseudo ground truth*: the network's landmarks of all four views at
one instant, triangulated. `data/real_frames.md` says how good it is. Three plane coordinates occur:

- photo pixels: x = column, y = row, pixel centres at whole numbers. Everything that is stored is in these.
- map cells (column, row) of a belief map. `map_to_photo` A takes them to photo pixels: (x, y) = A (column, row, 1).
- the paper's Y: x to the right, y up, so Y = (x, -y). `RealFrame.Y` holds it.

Make the files again (`pip install "lifting[detector]"` first):

    python -m lifting.datasets.real_frames --download --out data
"""

import argparse
import io
import itertools
import math
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import matplotlib.image
import numpy as np
from jaxtyping import Bool, Float, UInt8
from numpy import ndarray as Array

from lifting.datasets.motion_capture import Wheel, check_wheel, download
from lifting.skeleton import BLAZEPOSE, HUMAN36M, conversion_table, convert
from lifting.support.arrays import check_array, check_positive, fail
from lifting.support.files import data_path, load_npz, save_npz, write_atomically

POSE2SIM = Wheel(
    requirement="pose2sim==0.10.49",
    file="pose2sim-0.10.49-py3-none-any.whl",
    sha256="403e0dc4065898ba6a595e72a8970950310979253d60e24c2e00b16b36bf21e1",
)
MEDIAPIPE = Wheel(
    requirement="mediapipe==0.10.21",
    file="mediapipe-0.10.21-cp311-cp311-manylinux_2_28_x86_64.whl",
    sha256="05dc4a9e593655a79558d05d6227d31018c2537a4bd3362b51e230cf22aecfe3",
)

BELIEF_STEPS = 255
"""Beliefs are stored as whole numbers of 255ths, one byte each."""

ARRAYS = (
    "name", "camera_name", "frame", "time", "belief", "map_to_photo", "landmarks33", "visibility33",
    "pseudo_truth", "pseudo_visible", "pseudo_pixels", "camera", "pixels_per_metre", "body_length",
)  # fmt: skip


# --- what a reader loads -----------------------------------------------------------------------------------------


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
        return self.landmarks * np.array([[1.0], [-1.0]])

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


def quantise(belief: Float[Array, "*batch H W"]) -> UInt8[Array, "*batch H W"]:
    """Beliefs in [0, 1] as whole numbers of `BELIEF_STEPS`; each map's peak stays its only one.

    Cells that rounding would tie with the peak go one step lower, so that `peaks` gives what it gave before.
    """
    steps = np.round(BELIEF_STEPS * check_array("belief", belief, "H", "W")).astype(np.uint8)
    largest = belief.max((-2, -1), keepdims=True)
    tied = (steps == steps.max((-2, -1), keepdims=True)) & (belief < largest) & (steps > 0)
    return steps - tied.astype(np.uint8)


def transform(A: Float[Array, "2 3"], points: Float[Array, "*batch 2"]) -> Float[Array, "*batch 2"]:
    """A (x, y, 1) for each point (x, y): with `map_to_photo`, from map cells to photo pixels."""
    A, points = check_array("A", A, 2, 3), check_array("points", points, 2)
    return points @ A[:, :2].T + A[:, 2]


# --- the cameras -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Camera:
    """A calibrated camera: pinhole and lens distortion. Lengths in metres, pixels as everywhere in this module.

    Attributes:
        name: of the camera.
        R: (3, 3), world to camera; the camera's axes are x right, y up, z towards the viewer (backwards).
        position: (3,) of the camera in the world; the world's z is up.
        focal: (2,) pixels.
        centre: (2,) pixel of the optical axis.
        distortion: (4,) k1, k2 (radial), p1, p2 (tangential), of Brown's model.
        size: (width, height) that the calibration is for.
    """

    name: str
    R: Float[Array, "3 3"]
    position: Float[Array, " 3"]
    focal: Float[Array, " 2"]
    centre: Float[Array, " 2"]
    distortion: Float[Array, " 4"]
    size: tuple[int, int]


QUALISYS_SUBPIXELS = 64
"""Qualisys writes focal length and centre in 64ths of a pixel."""


def parse_calibration(text: str) -> list[Camera]:
    """The cameras of a Qualisys calibration file (`*.qca.txt`, which is XML).

    Its rotation's rows are the camera's axes in the world, x right, y up, z backwards: the frame of this package.

    Raises:
        ValueError: it is not XML, holds no camera, lacks a number, or a rotation is none.
    """
    expected = "a Qualisys calibration (XML with camera/transform, camera/intrinsic and camera/fov_video)"
    try:
        cameras = [_parse_camera(node) for node in ElementTree.fromstring(text).iter("camera")]
    except (ElementTree.ParseError, KeyError, ValueError) as error:
        fail("text", f"no such file ({type(error).__name__}: {error})", expected)
    if not cameras:
        fail("text", "XML without a camera", expected)
    for camera in cameras:
        apart = np.abs(camera.R @ camera.R.T - np.eye(3)).max()
        if not apart < 1e-6 or np.linalg.det(camera.R) < 0:
            fail("text", f"a matrix that is no rotation for {camera.name}", expected)
    return cameras


def _parse_camera(node: ElementTree.Element) -> Camera:
    transform, intrinsic, view = (
        {} if (found := node.find(tag)) is None else found.attrib for tag in ("transform", "intrinsic", "fov_video")
    )

    def numbers(source: dict[str, str], *keys: str) -> Array:
        return np.array([float(source[key]) for key in keys])

    return Camera(
        name=node.attrib["serial"],
        R=numbers(transform, *(f"r{i}{j}" for i in (1, 2, 3) for j in (1, 2, 3))).reshape(3, 3),
        position=numbers(transform, "x", "y", "z") / 1000,
        focal=numbers(intrinsic, "focalLengthU", "focalLengthV") / QUALISYS_SUBPIXELS,
        centre=numbers(intrinsic, "centerPointU", "centerPointV") / QUALISYS_SUBPIXELS,
        # "tangental" is Qualisys's own spelling
        distortion=numbers(
            intrinsic, "radialDistortion1", "radialDistortion2", "tangentalDistortion1", "tangentalDistortion2"
        ),
        size=(int(view["right"]) - int(view["left"]) + 1, int(view["bottom"]) - int(view["top"]) + 1),
    )


def fit_to_video(camera: Camera, width: int, height: int) -> Camera:
    """The camera for a video that was scaled to `width` and padded, or cut, evenly above and below to `height`.

    Cameras 1 and 2 were calibrated on 1088 x 1920 pixels, but their videos are 1080 x 1920: the picture was scaled
    by 1080 / 1088 both ways and black rows fill the rest.
    """
    scale = check_positive("width", width) / camera.size[0]
    middle, new_middle = np.array(camera.size) / 2 - 0.5, np.array([width, height]) / 2 - 0.5
    centre = new_middle + scale * (camera.centre - middle)
    return replace(camera, focal=scale * camera.focal, centre=centre, size=(width, height))


def distort(x: Float[Array, "*batch 2"], distortion: Float[Array, " 4"]) -> Float[Array, "*batch 2"]:
    """Where the lens puts the ideal image point x (pixels from the centre over focal length): Brown's model."""
    k1, k2, p1, p2 = distortion
    u, v = x[..., 0], x[..., 1]
    r2 = u**2 + v**2
    radial = 1 + k1 * r2 + k2 * r2**2
    tangential_u = 2 * p1 * u * v + p2 * (r2 + 2 * u**2)
    tangential_v = p1 * (r2 + 2 * v**2) + 2 * p2 * u * v
    return np.stack([u * radial + tangential_u, v * radial + tangential_v], axis=-1)


def undistort(x: Float[Array, "*batch 2"], distortion: Float[Array, " 4"]) -> Float[Array, "*batch 2"]:
    """The inverse of `distort`, by fixed-point iteration; it converges for lenses as weak as these."""
    ideal = x
    for _ in range(30):
        ideal = ideal + x - distort(ideal, distortion)
    return ideal


def project(camera: Camera, X: Float[Array, "*batch 3"]) -> Float[Array, "*batch 2"]:
    """The pixels at which the camera sees the world points X (metres)."""
    p = (X - camera.position) @ camera.R.T
    # y up -> row down, z backwards -> depth forwards
    x = p[..., :2] * [1, -1] / -p[..., 2:]
    return distort(x, camera.distortion) * camera.focal + camera.centre


# --- triangulation -----------------------------------------------------------------------------------------------

OUTLIER = 25.0
"""A view further than this from its landmark (pixels of the video, where the man is 650 tall) counts as wrong."""


def triangulate(
    cameras: Sequence[Camera], pixels: Float[Array, "C N 2"], weight: Float[Array, "C N"], outlier: float = OUTLIER
) -> tuple[Float[Array, "N 3"], Float[Array, "C N"]]:
    """World points X (metres) seen at `pixels`, and their reprojection errors (pixels), robust to wrong views.

    Every subset of two or more cameras makes a candidate X: the null vector of the linear equations
    weight (x P_3 - P_1) (X, 1) = 0 and weight (y P_3 - P_2) (X, 1) = 0, P the camera's matrix. The candidate with
    the least sum over *all* cameras of weight min(error, outlier)^2 wins.

    Raises:
        ValueError: a wrong shape, fewer than two cameras, a negative weight, an outlier bound that is not positive.
    """
    pixels, weight = check_array("pixels", pixels, len(cameras), "N", 2), check_array("weight", weight, "C", "N")
    check_positive("outlier", outlier)
    if len(cameras) < 2:
        fail("cameras", len(cameras), "two or more")
    if weight.shape != pixels.shape[:2] or (weight < 0).any():
        fail("weight", f"shape {weight.shape}, least {weight.min()}", f"shape {pixels.shape[:2]}, none negative")
    A = np.stack([_equations(*view) for view in zip(cameras, pixels, weight, strict=True)])
    cost = np.full(pixels.shape[1], np.inf)
    X, error = np.zeros((pixels.shape[1], 3)), np.zeros(pixels.shape[:2])
    for views in _subsets(len(cameras)):
        rows = np.concatenate(A[views], axis=1)
        homogeneous = np.linalg.svd(rows)[2][:, -1]
        candidate = homogeneous[:, :3] / homogeneous[:, 3:]
        errors = _errors(cameras, candidate, pixels)
        costs = (weight * np.minimum(errors, outlier) ** 2).sum(0)
        better = costs < cost
        cost[better], X[better], error[:, better] = costs[better], candidate[better], errors[:, better]
    return X, error


def _subsets(count: int) -> list[list[int]]:
    sizes = range(count, 1, -1)
    return [list(views) for size in sizes for views in itertools.combinations(range(count), size)]


def _equations(camera: Camera, pixels: Array, weight: Array) -> Array:
    """The two linear equations (N, 2, 4) of each point that one camera sees."""
    x = undistort((pixels - camera.centre) / camera.focal, camera.distortion)
    P = np.diag([1, -1, -1]) @ np.column_stack([camera.R, -camera.R @ camera.position])
    return weight[:, None, None] * np.stack([x[:, :1] * P[2] - P[0], x[:, 1:] * P[2] - P[1]], axis=1)


def _errors(cameras: Sequence[Camera], X: Array, pixels: Array) -> Array:
    return np.stack([np.linalg.norm(project(c, X) - p, axis=-1) for c, p in zip(cameras, pixels, strict=True)])


HALVES = (np.arange(0, 23), np.arange(23, 33))
"""BlazePose's landmarks above the hips, and from the hips down."""


def triangulate_person(
    cameras: Sequence[Camera], pixels: Float[Array, "C T 33 2"], weight: Float[Array, "C T 33"]
) -> tuple[Float[Array, "T 33 3"], Float[Array, "C T 33"], Bool[Array, "C T 2"]]:
    """Landmarks X in the world at T instants, errors, and which views had left and right swapped, by body half.

    Each half of the body is triangulated under every hypothesis of swapped views; the one with the least robust
    cost wins. The first camera, which sees the man's face, is taken as right: swapping all views at once could
    not be told from swapping none.
    """
    swap, (C, T) = np.array(BLAZEPOSE.swap), pixels.shape[:2]
    X, error, swapped = np.zeros((T, 33, 3)), np.zeros((C, T, 33)), np.zeros((C, T, 2), dtype=bool)
    for n, half in enumerate(HALVES):
        least = np.full(T, np.inf)
        for hypothesis in itertools.product((False, True), repeat=C - 1):
            order = np.where(np.array((False, *hypothesis))[:, None], swap[half], half)
            p = np.take_along_axis(pixels, order[:, None, :, None], axis=2)
            w = np.take_along_axis(weight, order[:, None], axis=2)
            x, e = triangulate(cameras, p.reshape(C, -1, 2), w.reshape(C, -1))
            x, e = x.reshape(T, -1, 3), e.reshape(p.shape[:3])
            cost = (w * np.minimum(e, OUTLIER) ** 2).sum((0, 2))
            better = np.flatnonzero(cost < least)
            least[better] = cost[better]
            X[np.ix_(better, half)] = x[better]
            error[:, better[:, None], half] = e[:, better]
            swapped[:, better, n] = np.array((False, *hypothesis))[:, None]
    return X, error, swapped


# --- what the calibration does not say ---------------------------------------------------------------------------

FLOOR_MARKERS = np.array(
    [
        [[109.0, 1060.1], [317.1, 1334.9], [518.5, 1063.9], [766.8, 1290.8]],
        [[439.3, 1040.5], [325.6, 1207.4], [788.4, 1083.8], [757.8, 1269.2]],
        [[874.0, 1233.9], [0.0, 0.0], [485.8, 1431.8], [164.7, 1240.3]],
        [[836.2, 1410.9], [889.3, 1069.8], [385.3, 1396.2], [519.9, 1117.0]],
    ]
)
"""Pixels (camera, marker, 2) of four white markers on the treadmill, which never move, in the videos' median images.

Measured for this data set: brightest spots, two of them by eye. The man hides the second marker from camera 3 (zeros).
"""


def find_shifts(
    cameras: Sequence[Camera], pixels: Float[Array, "C N 2"], seen: Bool[Array, "C N"], rounds: int = 100
) -> tuple[list[Camera], float]:
    """The cameras with their centres shifted to agree on points that all of them see, and the error left.

    The published calibration is off by some ten pixels a camera, the same everywhere in its picture, as if it
    had turned a little since. In turn, triangulate the points, then shift each centre by its mean residual.

    Returns:
        The cameras, and the root mean square reprojection error (pixels) after the last round.
    """
    cameras = list(cameras)
    weight = np.where(seen, 1.0, 1e-6)
    for _ in range(rounds):
        X, error = triangulate(cameras, pixels, weight, outlier=1000.0)
        residuals = [(p - project(c, X))[s].mean(0) for c, p, s in zip(cameras, pixels, seen, strict=True)]
        cameras = [replace(c, centre=c.centre + r) for c, r in zip(cameras, residuals, strict=True)]
    return cameras, float(np.sqrt((_errors(cameras, X, pixels)[seen] ** 2).mean()))


LAGS = range(-3, 8)
"""Lags, in frames, that the script tries for camera 3."""

BODY = [BLAZEPOSE.index(name) for name in HUMAN36M.landmarks if name in BLAZEPOSE.landmarks]
"""The landmarks that Human3.6M has too: fingers, toes and the pixelated face left out."""


def find_lag(cost: Callable[[int], float], lags: Sequence[int] = LAGS) -> tuple[int, dict[int, float]]:
    """The lag with the least cost, and the cost of each.

    Raises:
        ValueError: the least is the first or the last of `lags`, so that a better one may lie outside.
    """
    costs = {lag: cost(lag) for lag in lags}
    best = min(costs, key=costs.__getitem__)
    if best in (lags[0], lags[-1]):
        fail("lags", f"{lags[0]} to {lags[-1]}, least cost at {best}", "a range with the least cost inside")
    return best, costs


def lag_cost(
    cameras: Sequence[Camera], pixels: Float[Array, "C T 33 2"], weight: Float[Array, "C T 33"], view: int, lag: int
) -> float:
    """Root mean square reprojection error (pixels, each at most `OUTLIER`) if camera `view` is `lag` frames late."""
    T = pixels.shape[1]
    times = np.arange(max(LAGS), T - max(LAGS), 2)
    at = np.tile(times, (len(cameras), 1))
    at[view] += lag
    rows = np.arange(len(cameras))[:, None]
    error = triangulate_person(cameras, pixels[rows, at], weight[rows, at])[1]
    return float(np.sqrt((np.minimum(error[..., BODY], OUTLIER) ** 2).mean()))


# --- the network -------------------------------------------------------------------------------------------------

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


# --- the photos --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Choice:
    """A photo to make: at `time` (frame of camera 1) in camera `view` (0-3), inside columns `left` to `right`."""

    view: int
    time: int
    left: int = 0
    right: int = 1080


CHOICES = (
    Choice(0, 4),
    Choice(0, 26),
    Choice(1, 26, right=755),
    Choice(1, 38, right=745),
    Choice(2, 26),
    Choice(2, 92),
    Choice(3, 26),
    Choice(3, 50),
)
"""Frame 26 in all four cameras, and others from start to end. A bound keeps a bystander out of camera 2's pictures.

In all of them the network tells left from right. It swaps them in 29% of camera 2's frames, among them the middle
of the kick: the pixelated face gives it no hint that it sees the man from the front.
"""

LATE_VIEW = 2
FRAMES_PER_SECOND = 60
PHOTO_HEIGHT = 600
MARGIN = 70
"""Pixels of the video left around the landmarks in a photo."""

DEMO = "Pose2Sim/Demo_SinglePerson"
MODELS = "mediapipe/modules"


def line_of_sight(camera: Camera, X: Float[Array, "N 3"]) -> Float[Array, "3 3"]:
    """World to a frame with z from the middle of X to the camera, turned as little as can be from the camera's.

    A crop is the picture of a camera that looks straight at the man; along its axis the camera itself may look past
    him by ten degrees, which scaled orthography cannot show.
    """
    z = camera.R @ (camera.position - X.mean(0))
    z /= np.linalg.norm(z)
    # the least rotation that takes z to (0, 0, 1), by Rodrigues' formula: I + K + K^2 / (1 + cos)
    K = np.array([[0, 0, -z[0]], [0, 0, -z[1]], [z[0], z[1], 0]])
    return (np.eye(3) + K + K @ K / (1 + z[2])) @ camera.R


def level(up: Float[Array, " 3"]) -> Float[Array, "3 3"]:
    """The rotation whose y axis is `up`, the vertical in the camera's frame, and whose x axis has no depth.

    With it, pose = level(up) R(theta) body pose: all of the turn about the vertical is in theta.

    Raises:
        ValueError: `up` points along the line of sight, so that no such x axis exists.
    """
    y = check_array("up", up, 3) / np.linalg.norm(up)
    if math.hypot(y[0], y[1]) < 1e-9:
        fail("up", up, "a direction that is not along the line of sight")
    x = np.array([y[1], -y[0], 0]) / math.hypot(y[0], y[1])
    return np.column_stack([x, y, np.cross(x, y)])


def pseudo_truth(camera: Camera, X: Float[Array, "33 3"], agreed: Bool[Array, " 33"]) -> dict[str, Any]:
    """The arrays of a `RealFrame` that come from triangulated landmarks; pixels are the video's."""
    X17, visible = convert(X.T, BLAZEPOSE, HUMAN36M, agreed)
    middle = X17[:, visible].mean(1)
    to_view = line_of_sight(camera, X17[:, visible].T)
    pose = np.where(visible, to_view @ (X17 - middle[:, None]), 0.0)
    return {
        "pseudo_truth": pose,
        "pseudo_visible": visible,
        "pseudo_pixels": np.where(visible, project(camera, X17.T).T, 0.0),
        "camera": level(to_view[:, 2]),
        "pixels_per_metre": camera.focal.mean() / np.linalg.norm(camera.position - middle),
        "body_length": body_length(pose, visible),
    }


def body_length(pose: Float[Array, "3 17"], visible: Bool[Array, " 17"]) -> float:
    """Ankle, knee, hip (mean of the legs that are visible), then pelvis to neck, however the body bends.

    Raises:
        ValueError: neither leg, or not the whole trunk, is visible.
    """

    def lengths(*chains: tuple[str, ...]) -> list[float]:
        indices = [[HUMAN36M.index(name) for name in chain] for chain in chains]
        return [float(np.linalg.norm(np.diff(pose[:, i]), axis=0).sum()) for i in indices if visible[i].all()]

    legs = lengths(*((f"{side}_ankle", f"{side}_knee", f"{side}_hip") for side in ("left", "right")))
    trunk = lengths(("pelvis", "neck"))
    if not legs or not trunk:
        fail("visible", f"{visible.sum()} landmarks", "one whole leg, pelvis and neck at least")
    return sum(legs) / len(legs) + sum(trunk)


def crop_box(pixels: Float[Array, "N 2"], choice: Choice, width: int, height: int) -> tuple[int, int, int, int]:
    """Left, top, right, bottom (the last two excluded) around `pixels`, inside the picture and the choice's bounds."""
    low, high = pixels.min(0) - MARGIN, pixels.max(0) + MARGIN
    left, top = max(int(low[0]), choice.left, 0), max(int(low[1]), 0)
    right, bottom = min(int(high[0]), choice.right, width), min(int(high[1]), height)
    return left, top, right, bottom


def make_photo(image: UInt8[Array, "H W 3"], box: tuple[int, int, int, int]) -> tuple[Array, Array]:
    """The cropped photo, at most `PHOTO_HEIGHT` tall, and A (2, 3) from pixels of the video to its own."""
    import cv2

    left, top, right, bottom = box
    cut = image[top:bottom, left:right]
    scale = min(1.0, PHOTO_HEIGHT / len(cut))
    size = np.round(scale * np.array([right - left, bottom - top])).astype(int)
    sx, sy = size / [right - left, bottom - top]
    A = np.array([[sx, 0, sx * (0.5 - left) - 0.5], [0, sy, sy * (0.5 - top) - 0.5]])
    return cv2.resize(cut, size.tolist(), interpolation=cv2.INTER_AREA), A


def jpeg(image: UInt8[Array, "H W 3"]) -> bytes:
    """The image as a JPEG file, quality 88."""
    buffer = io.BytesIO()
    matplotlib.image.imsave(buffer, image, format="jpg", pil_kwargs={"quality": 88, "optimize": True})
    return buffer.getvalue()


# --- the script --------------------------------------------------------------------------------------------------


def read_member(wheel: Path, member: str) -> bytes:
    """One file out of a wheel.

    Raises:
        ValueError: the wheel is truncated, no wheel, or lacks the file.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            return archive.read(member)
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError) as error:
        fail("wheel", f"{wheel}, which can't be read ({error})", f"a whole wheel with {member}")


def read_video(data: bytes) -> list[UInt8[Array, "H W 3"]]:
    """All frames of an MP4 file, red first."""
    import cv2

    with tempfile.NamedTemporaryFile(suffix=".mp4") as file:
        file.write(data)
        file.flush()
        video, frames = cv2.VideoCapture(file.name), []
        while (frame := video.read())[0]:
            frames.append(cv2.cvtColor(frame[1], cv2.COLOR_BGR2RGB))
    if not frames:
        fail("data", f"{len(data)} bytes that hold no video", "an MP4 file")
    return frames


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def build(pose2sim: Path, mediapipe: Path, out: Path) -> None:
    """Make `real_frames.npz` and `real_frames/*.jpg` in the folder `out`; all is checked before a file is written.

    Raises:
        ValueError: a wheel is not the published one.
        FileNotFoundError: a wheel or the folder is missing.
    """
    check_wheel(pose2sim, POSE2SIM)
    check_wheel(mediapipe, MEDIAPIPE)
    if not out.is_dir():
        raise FileNotFoundError(f"out: got {out}, expected a folder that exists")
    detector = Detector(
        read_member(mediapipe, f"{MODELS}/pose_detection/pose_detection.tflite"),
        read_member(mediapipe, f"{MODELS}/pose_landmark/pose_landmark_full.tflite"),
    )
    cameras = parse_calibration(read_member(pose2sim, f"{DEMO}/calibration/Calib.qca.txt").decode())
    wanted = {(c.view, c.time + lag) for c in CHOICES for lag in LAGS}
    photos: dict[tuple[int, int], Array] = {}
    found = []
    for n, camera in enumerate(cameras):
        _say(f"{camera.name}: detecting in every frame")
        video = read_video(read_member(pose2sim, f"{DEMO}/videos/{camera.name}.mp4"))
        cameras[n] = fit_to_video(camera, *video[0].shape[1::-1])
        found.append([detector(image) for image in video])
        photos |= {(n, t): image for t, image in enumerate(video) if (n, t) in wanted}
    cameras = _refine(cameras)
    pixels = np.array([[d.pixels for d in row] for row in found])
    weight = np.array([[d.visibility for d in row] for row in found])
    lag = _synchronise(cameras, pixels, weight)
    rows, images = [], {}
    for choice in CHOICES:
        row, images[row["name"]] = _make(choice, lag, cameras, found, photos)
        rows.append(row)
    (out / "real_frames").mkdir(exist_ok=True)
    for name, image in images.items():
        write_atomically(out / "real_frames" / f"{name}.jpg", jpeg(image))
    save_npz(out / "real_frames.npz", {key: np.stack([row[key] for row in rows]) for key in ARRAYS})


def _refine(cameras: Sequence[Camera]) -> list[Camera]:
    seen = np.all(FLOOR_MARKERS > 0, axis=-1)
    before = triangulate(cameras, FLOOR_MARKERS, np.where(seen, 1.0, 1e-6), outlier=1000.0)[1][seen]
    shifted, after = find_shifts(cameras, FLOOR_MARKERS, seen)
    _say(f"floor markers: {np.sqrt((before**2).mean()):.2f} px rms as published, {after:.2f} px with shifted centres")
    for camera, moved in zip(cameras, shifted, strict=True):
        _say(f"  {camera.name}: centre moved by {np.round(moved.centre - camera.centre, 1)} px")
    return shifted


def _synchronise(cameras: Sequence[Camera], pixels: Array, weight: Array) -> int:
    lag, costs = find_lag(lambda lag: lag_cost(cameras, pixels, weight, LATE_VIEW, lag))
    _say(f"{cameras[LATE_VIEW].name} is {lag} frames late; rms error by lag:")
    _say("  " + ", ".join(f"{tried}: {cost:.2f} px" for tried, cost in costs.items()))
    return lag


def _make(
    choice: Choice, lag: int, cameras: Sequence[Camera], found: Sequence[Sequence[Detection]], photos: dict
) -> tuple[dict[str, Any], Array]:
    """One row of the arrays, and its photo."""
    frames = [choice.time + lag * (view == LATE_VIEW) for view in range(len(cameras))]
    views = [row[frame] for row, frame in zip(found, frames, strict=True)]
    X, error, swapped = triangulate_person(
        cameras, np.stack([[v.pixels] for v in views]), np.stack([[v.visibility] for v in views])
    )
    camera, frame, view = cameras[choice.view], frames[choice.view], views[choice.view]
    truth = pseudo_truth(camera, X[0], (error[:, 0] < OUTLIER).sum(0) >= 3)
    image = photos[choice.view, frame]
    photo, A = make_photo(image, crop_box(view.pixels, choice, *image.shape[1::-1]))
    seen = truth["pseudo_visible"]
    truth["pseudo_pixels"] = np.where(seen, transform(A, truth["pseudo_pixels"].T).T, 0.0)
    truth["pixels_per_metre"] *= A[0, 0]
    row = truth | {
        "name": f"{camera.name}_{frame:03d}",
        "camera_name": camera.name,
        "frame": frame,
        "time": choice.time / FRAMES_PER_SECOND,
        "belief": quantise(view.belief),
        "map_to_photo": A @ np.vstack([view.map_to_image, [0, 0, 1]]),
        "landmarks33": transform(A, view.pixels).T,
        "visibility33": view.visibility,
    }
    _say(report(row) + (f" SWAPPED {swapped[choice.view, 0]}" if swapped[choice.view].any() else ""))
    return row, photo


def report(row: dict[str, Any]) -> str:
    """A line of the table in `data/real_frames.md`."""
    landmarks, visible = to_human36m(row["landmarks33"], row["visibility33"])
    both = visible & row["pseudo_visible"]
    error = np.linalg.norm(landmarks - row["pseudo_pixels"], axis=0)[both]
    apart = transform(row["map_to_photo"], peaks(row["belief"] / BELIEF_STEPS)) - row["landmarks33"].T
    length = row["body_length"] * row["pixels_per_metre"]
    orthographic = scaled_orthography_error(row["pseudo_truth"][:, both], row["pseudo_pixels"][:, both])
    pitch = math.degrees(math.asin(row["camera"][2, 1]))
    roll = math.degrees(math.atan2(row["camera"][1, 0], row["camera"][0, 0]))
    return (
        f"| `{row['name']}` | {row['time']:.3f} | {pitch:.0f} | {roll:.0f} | {length:.0f} | {visible.sum()} | "
        f"{row['pseudo_visible'].sum()} | {np.median(error):.1f} | {error.max():.1f} | "
        f"{100 * np.median(error) / length:.1f} | {np.median(np.linalg.norm(apart, axis=1)):.1f} | {orthographic:.1f} |"
    )


def scaled_orthography_error(pose: Float[Array, "3 N"], pixels: Float[Array, "2 N"]) -> float:
    """Root mean square pixels between `pixels` and the best scale times x and -y of `pose`, plus a shift."""
    flat, target = (v - v.mean(1, keepdims=True) for v in (pose[:2] * [[1], [-1]], pixels))
    scale = (flat * target).sum() / (flat**2).sum()
    return float(np.sqrt(((target - scale * flat) ** 2).sum(0).mean()))


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the embedded photos, belief maps and pseudo ground truth; needs the extra `detector`."""
    parser = argparse.ArgumentParser(prog="python -m lifting.datasets.real_frames", description=main.__doc__)
    parser.add_argument("--pose2sim", type=Path, metavar="WHEEL", help=POSE2SIM.file)
    parser.add_argument("--mediapipe", type=Path, metavar="WHEEL", help=MEDIAPIPE.file)
    parser.add_argument("--download", action="store_true", help="fetch both wheels with pip (87 MB) instead")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="the folder to write into")
    given = parser.parse_args(arguments)
    if given.download == bool(given.pose2sim and given.mediapipe):
        parser.error("give either --download, or both --pose2sim and --mediapipe")
    with tempfile.TemporaryDirectory() as folder:
        pose2sim = download(POSE2SIM, folder) if given.download else given.pose2sim
        mediapipe = download(MEDIAPIPE, folder) if given.download else given.mediapipe
        build(pose2sim, mediapipe, given.out)
    _say(f"{given.out}: {len(CHOICES)} photos")


if __name__ == "__main__":
    main()
