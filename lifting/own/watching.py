"""Photos and videos, looked at: with a bar for the progress, and what was found kept where a run is stopped."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from tqdm import tqdm

from lifting.detecting import Detector, Seen, follow, look_at, make_detector, pictures_of
from lifting.files import Recording
from lifting.support.files import load_npz, save_npz, sha256_of

KEPT = "partly.npz"
"""What a stopped run leaves in the folder of the results: landmarks of the pictures that it looked at."""

ARRAYS = ("key", "frames", "times", "counts", "points", "confidences")


def watch(path: Path, detector: str, folder: Path | None = None) -> list[Recording]:
    """Everybody in a photo or a video.

    Args:
        path: the photo or video.
        detector: "blazepose" or "network".
        folder: where a run that is stopped keeps what it has found, and goes on from; None: nowhere.

    Raises:
        KeyboardInterrupt: it was stopped; what was found is kept.
        FileNotFoundError, ImportError, ValueError: as `lifting.detecting.detect`.
    """
    pictures, eye = pictures_of(path), eye_of(detector)
    key = f"{detector} {sha256_of(path)}"
    seen = [] if folder is None else load_seen(folder / KEPT, key)
    pictures.start = seen[-1].frame + 1 if seen else 0
    still = pictures.kind == "photo"
    try:
        with tqdm(
            total=pictures.count or None, initial=len(seen), unit="picture", disable=still or None, leave=False
        ) as bar:
            for one in look_at(pictures, eye):
                seen.append(one)
                bar.update()
    except KeyboardInterrupt:
        if folder is not None and seen:
            folder.mkdir(parents=True, exist_ok=True)
            save_seen(folder / KEPT, key, seen)
        raise
    found = follow(pictures, seen, eye)
    if folder is not None:
        (folder / KEPT).unlink(missing_ok=True)
    return found


@lru_cache(maxsize=1)
def eye_of(detector: str) -> Detector:
    """The detector of that name, which takes a moment to load, kept for the next file."""
    return make_detector(detector)


def save_seen(path: Path, key: str, seen: Sequence[Seen]) -> None:
    """Keep what was found in pictures, and by whom in what: `key`."""
    save_npz(path, {
        "key": np.array(key),
        "frames": np.array([one.frame for one in seen]),
        "times": np.array([np.nan if one.time is None else one.time for one in seen]),
        "counts": np.array([len(one.points) for one in seen]),
        "points": np.concatenate([one.points for one in seen]),
        "confidences": np.concatenate([one.confidences for one in seen]),
    })  # fmt: skip


def load_seen(path: Path, key: str) -> list[Seen]:
    """What a run that was stopped has found; nothing where there is none, or it was another file or detector."""
    try:
        kept = load_npz(path, ARRAYS)
    except (OSError, ValueError):
        return []
    if str(kept["key"]) != key:
        return []
    ends = np.cumsum(kept["counts"])[:-1]
    rows = zip(np.split(kept["points"], ends), np.split(kept["confidences"], ends), strict=True)
    return [Seen(int(frame), None if np.isnan(time) else float(time), *row)
            for frame, time, row in zip(kept["frames"], kept["times"], rows, strict=True)]  # fmt: skip
