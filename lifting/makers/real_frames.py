"""How the embedded real photos are made from two published wheels.

- `pose2sim` 0.10.49 (BSD-3-Clause): four calibrated cameras film one man on a treadmill, 100 frames at 60 a second.
- `mediapipe` 0.10.21 (Apache-2.0): a person detector and BlazePose, a network of 33 landmarks that computes one
  64 x 64 map for each landmark: the belief maps of the main paper, section 3.

The cameras' published calibration is corrected by four markers on the floor, one camera's delay is found, and the
landmarks of all views at one instant are triangulated: the pseudo ground truth of `lifting.datasets.real_frames`.

Make the files again (`pip install "lifting[photos]"` first):

    python -m lifting.makers.real_frames --download --out data
"""

import math
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
from jaxtyping import Bool, Float, UInt8
from numpy import ndarray as Array

from lifting.camera import flip_y
from lifting.datasets.real_frames import ARRAYS, BELIEF_STEPS, peaks, to_human36m, transform
from lifting.detecting.blazepose import Look
from lifting.makers.cameras import (
    LAGS,
    OUTLIER,
    Camera,
    find_lag,
    find_shifts,
    fit_to_video,
    lag_cost,
    parse_calibration,
    project,
    triangulate,
    triangulate_person,
)
from lifting.makers.detector import MEDIAPIPE, Detector, read_weights
from lifting.makers.wheels import Wheel, check_wheel, make_from, read_member
from lifting.skeleton import BLAZEPOSE, HUMAN36M, convert
from lifting.support.arrays import check_array, fail
from lifting.support.files import bytes_of, save_npz, write_atomically

POSE2SIM = Wheel(
    requirement="pose2sim==0.10.49",
    file="pose2sim-0.10.49-py3-none-any.whl",
    sha256="403e0dc4065898ba6a595e72a8970950310979253d60e24c2e00b16b36bf21e1",
)

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
    options = {"quality": 88, "optimize": True}
    return bytes_of(matplotlib.image.imsave, arr=image, format="jpg", pil_kwargs=options)


def quantise(belief: Float[Array, "*batch H W"]) -> UInt8[Array, "*batch H W"]:
    """Beliefs in [0, 1] as whole numbers of `BELIEF_STEPS`; each map's peak stays its only one.

    Cells that rounding would tie with the peak go one step lower, so that `peaks` gives what it gave before.
    """
    steps = np.round(BELIEF_STEPS * check_array("belief", belief, "H", "W")).astype(np.uint8)
    largest = belief.max((-2, -1), keepdims=True)
    tied = (steps == steps.max((-2, -1), keepdims=True)) & (belief < largest) & (steps > 0)
    return steps - tied.astype(np.uint8)


# --- the script --------------------------------------------------------------------------------------------------


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


def build(pose2sim: Path, mediapipe: Path, out: Path) -> str:
    """Make `real_frames.npz` and `real_frames/*.jpg` in the folder `out`; all is checked before a file is written.

    Raises:
        ValueError: a wheel is not the published one.
        FileNotFoundError: a wheel or the folder is missing.
    """
    check_wheel(pose2sim, POSE2SIM)
    weights = read_weights(mediapipe)
    if not out.is_dir():
        raise FileNotFoundError(f"out: got {out}, expected a folder that exists")
    detector = Detector(weights)
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
    return f"{len(CHOICES)} photos"


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
    choice: Choice, lag: int, cameras: Sequence[Camera], found: Sequence[Sequence[Look]], photos: dict
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
    flat, target = (v - v.mean(1, keepdims=True) for v in (flip_y(pose[:2]), pixels))
    scale = (flat * target).sum() / (flat**2).sum()
    return float(np.sqrt(((target - scale * flat) ** 2).sum(0).mean()))


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line: see the top of this module."""
    make_from("lifting.makers.real_frames", {"pose2sim": POSE2SIM, "mediapipe": MEDIAPIPE}, build, arguments)


if __name__ == "__main__":
    main()
