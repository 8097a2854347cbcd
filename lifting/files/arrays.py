"""Landmarks in NPZ and NPY: plain arrays, never pickle.

- `keypoints` (frames, L, 2 or 3) or (frames, people, L, 2 or 3): x, y and, where there is one, confidence, rows down
  the picture; beside it, where there are such, `confidences` (frames, L), `frames`, `times`, `size`, `skeleton`,
  `y_up`.
- What `lifting.files.recording.save_recording` writes: `Y` (frames, 2, 17), y up, in Human3.6M's order.
- An NPY file holds `keypoints` alone.
- VideoPose3D's data sets are `lifting.files.videopose`'s.
"""

import dataclasses
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from lifting.files.detections import Detections, Hints, body_of, order_of, place
from lifting.files.shares import to_pixels
from lifting.skeleton import HUMAN36M
from lifting.support.arrays import fail
from lifting.support.objects import read_objects

Arrays = dict[str, Any]
"""The arrays of a file by their names, and objects."""


def read_arrays(path: Path) -> Arrays:
    """The arrays of an NPZ or NPY file, without pickle; objects in an NPZ as `lifting.support.objects` reads them.

    Raises:
        ValueError: it is none, is cut short, or holds objects of other kinds.
    """
    expected = "an .npz or .npy file of plain arrays"
    try:
        with open(path, "rb") as file:
            loaded = np.load(file, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                return {"keypoints": loaded}
            with loaded:
                return {name: _entry(path, loaded, name) for name in loaded.files}
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, KeyError, NotImplementedError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        fail(str(path), f"a file that can't be read ({error})", expected)
    except (AttributeError, TypeError, ValueError) as error:
        if str(error).startswith(str(path)):
            raise
        fail(str(path), "no file of arrays, or one that is cut", expected)


def _entry(path: Path, loaded: Any, name: str) -> Any:
    """One array of an NPZ file, or the objects in its place."""
    try:
        return loaded[name]
    except ValueError as error:
        if "Object arrays" not in str(error):
            raise
    return read_objects(f"{path}, {name}", loaded.zip.read(f"{name}.npy"))


def fits_recording(arrays: Any) -> bool:
    """Whether this is a recording as the project saves it."""
    return all(isinstance(arrays.get(name), np.ndarray) for name in ("Y", "confidences"))


def read_recording(path: Path, arrays: Arrays, hints: Hints) -> Detections:
    """The person of a saved recording; see `Detections`.

    Raises:
        ValueError: arrays of another shape.
    """
    Y = _numeric(path, "Y", arrays["Y"], 3)
    if Y.shape[1:] != (2, 17):
        fail(place(path), f"Y of shape {Y.shape}", "shape (frames, 2, 17)")
    person = np.full(len(Y), str(arrays["person"])) if "person" in arrays else None
    confidences = _per_frame(path, "confidences", arrays, Y.shape[::2])
    frames, times, size = _beside(path, arrays, len(Y), hints)
    return Detections(frames, Y, confidences, HUMAN36M, "NPZ, a recording", person, times, size, y_up=True)


def fits_keypoints(arrays: Any) -> bool:
    """Whether there is an array of landmarks."""
    return isinstance(arrays.get("keypoints"), np.ndarray)


def read_keypoints(path: Path, arrays: Arrays, hints: Hints) -> Detections:
    """The people of all frames; see `Detections`.

    Raises:
        ValueError: arrays of another shape, 3D landmarks, a number of landmarks that no order has.
    """
    keypoints = arrays["keypoints"]
    if keypoints.ndim not in (3, 4):
        fail(
            place(path),
            f"keypoints of shape {keypoints.shape}",
            "shape (frames, landmarks, 2 or 3), or with people between",
        )
    keypoints = _numeric(path, "keypoints", keypoints, keypoints.ndim)
    if keypoints.shape[-1] not in (2, 3):
        fail(
            place(path), f"keypoints of shape {keypoints.shape}", "2 or 3 numbers per landmark, last: x, y, confidence"
        )
    count = keypoints.shape[-2]
    hints = _told(path, arrays, hints)
    order = order_of(place(path), count, hints)
    people = keypoints.shape[1] if keypoints.ndim == 4 else 1
    values = np.moveaxis(keypoints.reshape(-1, count, keypoints.shape[-1]), 1, 2)
    if "confidences" in arrays:
        sure = _per_frame(path, "confidences", arrays, keypoints.shape[:-1]).reshape(-1, count)
    else:
        sure = values[:, 2] if values.shape[1] == 3 else np.ones_like(values[:, 0])
    points = values[:, :2]
    if values.shape[1] == 3 and (np.nan_to_num(sure) < 0).any() and "confidences" not in arrays:
        fail(place(path), "a third number below 0", "x, y and a confidence >= 0 (not 3D coordinates)")
    missing = np.isnan(points).any(axis=1) | ((points == 0).all(axis=1) & (values.shape[1] == 2))
    sure = np.where(missing, 0, sure)
    frames, times, size = _beside(path, arrays, len(keypoints), hints)
    if not hints.y_up:
        points, size = to_pixels(path, points, sure > 0, size)
    each = None if times is None else np.repeat(times, people)
    persons = np.full(len(frames), "1") if people == 1 else None
    title = f"NPZ, {count} landmarks ({order.name})"
    points, sure = body_of(points, order), body_of(sure, order)
    return Detections(np.repeat(frames, people), points, sure, order, title, persons, each, size, y_up=bool(hints.y_up))


def _told(path: Path, arrays: Arrays, hints: Hints) -> Hints:
    """The hints, and what the file says where they don't."""
    if hints.skeleton is None and "skeleton" in arrays:
        hints = dataclasses.replace(hints, skeleton=str(arrays["skeleton"]))
    if hints.y_up is None and "y_up" in arrays:
        hints = dataclasses.replace(hints, y_up=bool(arrays["y_up"]))
    return hints


def _beside(
    path: Path, arrays: Arrays, count: int, hints: Hints
) -> tuple[np.ndarray, np.ndarray | None, tuple[float, float] | None]:
    """The numbers of the frames, their times and the picture's size."""
    frames = np.asarray(arrays.get("frames", np.arange(count)))
    if frames.shape != (count,) or frames.dtype.kind not in "iu":
        fail(place(path), f"frames of shape {frames.shape} and {frames.dtype}", f"{count} whole numbers")
    times = _numeric(path, "times", arrays["times"], 1) if "times" in arrays else None
    if times is not None and times.shape != (count,):
        fail(place(path), f"times of shape {times.shape}", f"{count} numbers")
    size = hints.size
    if size is None and "size" in arrays:
        sides = _numeric(path, "size", arrays["size"], 1)
        if sides.shape != (2,) or not (sides > 0).all():
            fail(place(path), f"size {sides}", "a width and a height > 0")
        size = (float(sides[0]), float(sides[1]))
    return frames.astype(int), times, size


def _per_frame(path: Path, name: str, arrays: Arrays, shape: tuple[int, ...]) -> np.ndarray:
    values = _numeric(path, name, arrays[name], len(shape))
    if values.shape != tuple(shape):
        fail(place(path), f"{name} of shape {values.shape}", f"shape {tuple(shape)}")
    return values


def _numeric(path: Path, name: str, array: Any, dims: int) -> np.ndarray:
    if not isinstance(array, np.ndarray):
        fail(place(path), f"{name} of objects", f"numbers in {dims} dimensions")
    if array.dtype.kind not in "fiu" or array.ndim != dims:
        fail(place(path), f"{name} of {array.dtype} and shape {array.shape}", f"numbers in {dims} dimensions")
    return array.astype(np.float64)
