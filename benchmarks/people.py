"""The held-out people of the benchmarks: groups of clips, each with a prior learned from the others; and intervals.

As in `lifting.fitting.default_prior`: a group of clips is held out, and a prior with the settings of the embedded one
is learned from the others. What is measured for each group is averaged over groups; the interval is that of the mean
over groups drawn anew, with replacement (a bootstrap of 2,000 draws, 95 %).
"""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lifting import PosePrior
from lifting.datasets.motion_capture import MotionCapture, load_motion_capture, trunk_lean
from lifting.fitting.default_prior import UPRIGHT, Settings, clip_poses, group_of, learn
from lifting.support.files import data_path


@dataclass(frozen=True)
class Group:
    """A group of clips, and a prior that was learned from the other clips."""

    name: str
    prior: PosePrior
    motion: MotionCapture
    clips: tuple[str, ...]

    def poses(self, every: int = 1) -> np.ndarray:
        """The upright poses of its clips (n, 3, 17), at most 100 of each, one in `every` of them."""
        return np.concatenate([clip_poses(self.motion, clip)[::every] for clip in self.clips])

    def runs(self, least: int = 20) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Of each clip with known times the longest run of upright poses (F, 3, 17), and its times (F,), seconds."""
        for clip in self.clips:
            index = self.motion.clip_names.index(clip)
            poses, frame = self.motion.of_clip(clip), self.motion.frame[self.motion.clip == index]
            edges = np.flatnonzero(np.diff(np.pad(trunk_lean(poses) <= UPRIGHT, 1).astype(int)))
            start, end = max(edges.reshape(-1, 2), key=np.ptp)
            if end - start >= least and np.isfinite(self.motion.clip_fps[index]):
                yield poses[start:end], (frame[start:end] - frame[start]) / self.motion.clip_fps[index]


def held_out_settings() -> dict[str, Any]:
    """How the embedded prior is learned, and those of the groups."""
    found: dict[str, Any] = json.loads(data_path("prior_held_out.json").read_text())["chosen"]["settings"]
    return found


def held_out(quick: bool) -> Iterator[Group]:
    """The groups one after the other; every fifth only if `quick`."""
    motion, settings = load_motion_capture(), Settings(**held_out_settings())
    groups: dict[str, list[str]] = {}
    for clip in motion.clip_names:
        if len(clip_poses(motion, clip)):
            groups.setdefault(group_of(clip), []).append(clip)
    names = list(groups)[:: 5 if quick else 1]
    for number, name in enumerate(names, 1):
        print(f"[{number}/{len(names)}] {name}", file=sys.stderr, flush=True)
        prior = learn(motion, [clip for clip in motion.clip_names if group_of(clip) != name], settings).prior
        yield Group(name, prior, motion, tuple(groups[name]))


def interval(values: Sequence[float]) -> dict[str, Any]:
    """The mean, and the interval that holds 95 % of the means of values drawn anew."""
    values = np.asarray(values, dtype=np.float64)
    draws = np.random.default_rng(0).integers(0, len(values), (2000, len(values)))
    low, high = np.quantile(values[draws].mean(1), (0.025, 0.975))
    return {"mean": float(values.mean()), "low": float(low), "high": float(high)}


def told(values: Sequence[float], digits: int = 1, factor: float = 1.0) -> str:
    """The mean of one value for each group, and its interval, as words."""
    found = interval(factor * np.asarray(values))
    return "{mean:.{d}f} ({low:.{d}f} to {high:.{d}f})".format(**found, d=digits)
