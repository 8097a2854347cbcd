"""Calibrated cameras: their file, their lenses, what they see, and triangulation that puts up with wrong views."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from xml.etree import ElementTree

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray as Array

from lifting.skeleton import BLAZEPOSE, HUMAN36M
from lifting.support.arrays import check_array, check_positive, fail


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
