"""VideoPose3D's data sets of 2D landmarks, `data_2d_*.npz`: `positions_2d` and `metadata`.

`positions_2d` is a dictionary by subject (a video, in custom data sets) and action ("custom") of a list of arrays
(frames, L, 2), one for each camera, in pixels. Every one of them is a person here. `metadata` has the layout's name,
and in custom data sets the pictures' width, height and rate. The file holds Python's objects, which
`lifting.support.objects` reads without pickle.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from lifting.files.detections import Detections, Hints, order_of, place
from lifting.files.documents import common_size, word
from lifting.skeleton import COCO, HUMAN36M
from lifting.support.arrays import fail

LAYOUTS = {"coco": COCO, "h36m": HUMAN36M}


def fits(arrays: Any) -> bool:
    """Whether these are the two entries."""
    return {"positions_2d", "metadata"} <= set(arrays)


def read(path: Path, arrays: Any, hints: Hints) -> Detections:
    """The people of all subjects, actions and cameras; see `Detections`.

    Raises:
        ValueError: other things in the place of the dictionaries, lists and arrays.
    """
    clips = list(_clips(path, arrays["positions_2d"]))
    metadata = arrays["metadata"] if isinstance(arrays["metadata"], dict) else {}
    if not clips:
        fail(place(path), "no clips in positions_2d", "one at least")
    layout = LAYOUTS.get(str(metadata.get("layout_name")))
    order = layout if layout and hints.skeleton is None else order_of(place(path), clips[0][2].shape[1], hints)
    count = len(order.landmarks)
    for _, name, points in clips:
        if points.shape[1] != count:
            fail(place(path, person=name), f"{points.shape[1]} landmarks", f"{count}, as {order.name} has")
    videos = metadata.get("video_metadata")
    about = [videos.get(subject) if isinstance(videos, dict) else None for subject, _, _ in clips]
    told = [one if isinstance(one, dict) else {} for one in about]
    points = np.concatenate([points for _, _, points in clips]).swapaxes(1, 2)
    sure, title = (~np.isnan(points).any(axis=1)).astype(float), f"VideoPose3D NPZ, {order.name}"
    return Detections(
        np.concatenate([np.arange(len(one)) for _, _, one in clips]), points, sure, order, title,
        np.repeat([name for _, name, _ in clips], [len(one) for _, _, one in clips]), _times(clips, told),
        common_size((one.get("w"), one.get("h")) for one in told) or hints.size,
    )  # fmt: skip


def _clips(path: Path, positions: Any) -> Iterator[tuple[str, str, np.ndarray]]:
    """Subject, name and points (frames, L, 2) of each clip."""
    expected = "arrays (frames, landmarks, 2) by subject, action and camera"
    if not isinstance(positions, dict):
        fail(f"{path}, positions_2d", word(positions), expected)
    for subject, actions in positions.items():
        if not isinstance(actions, dict):
            fail(f"{path}, positions_2d", f"{word(actions)} of {subject}", expected)
        for action, cameras in actions.items():
            many = cameras if isinstance(cameras, list) else [cameras]
            for n, points in enumerate(many):
                name = " ".join(str(one) for one in (subject, action, *([f"camera {n}"] if len(many) > 1 else [])))
                fits = isinstance(points, np.ndarray) and points.ndim == 3 and points.shape[2] == 2
                if not fits or points.dtype.kind not in "fiu":
                    fail(place(path, person=name), word(getattr(points, "shape", points)), expected)
                yield str(subject), name, points.astype(np.float64)


def _times(clips: list[tuple[str, str, np.ndarray]], told: list[dict[str, Any]]) -> np.ndarray | None:
    """The seconds of each frame, where every clip has a rate."""
    rates = [one.get("fps") for one in told]
    if not all(isinstance(rate, (int, float)) and rate > 0 for rate in rates):
        return None
    pairs = zip(clips, rates, strict=True)
    return np.concatenate([np.arange(len(points)) / float(rate or 1) for (_, _, points), rate in pairs])
