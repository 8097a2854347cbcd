"""The embedded prior: how it is learned from the embedded motion capture, and how its settings were chosen.

Settings are chosen by what they are for, lifting people who were not learned from: a group of clips is held out,
a prior is learned from the others, and the held-out poses are lifted from their exact 2D landmarks, seen from eight
headings by a level camera at a known scale. Clips that are nearly the same motion form one group and are held out
together. `data/prior.md` has the outcome.

Make `prior.npz`, `prior_held_out.json` and `prior.md` again:

    python -m lifting.fitting.default_prior --out data/
"""

import dataclasses
import hashlib
import json
import multiprocessing
import os
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro
from jaxtyping import Float

from lifting.camera import rotation_angles, turn
from lifting.datasets.motion_capture import MotionCapture, load_motion_capture, trunk_lean
from lifting.fitting.fit_prior import FittedPrior, fit_prior
from lifting.front import lift
from lifting.metrics import mpjpe
from lifting.pose_prior import PosePrior, save_prior
from lifting.skeleton import HUMAN36M, mirror
from lifting.support.files import data_path, write_atomically, write_json
from lifting.support.options import Folder
from lifting.support.templates import render

NEAR_DUPLICATES = {"walk": "walking", **dict.fromkeys(("climb_0", "climb_1", "climb_2", "climb_3"), "climbing_1")}
"""Which clips are nearly the same motion, by the start of their name, and what their group is called.

The median frame of these has a frame within 60 mm (root mean square over the landmarks, heading and mirroring apart)
in another clip of its group.
"""

UPRIGHT = 60.0
"""Poses whose trunk leans further than this from the vertical, in degrees, are left out: R turns upright people."""

MOST_FRAMES = 100
"""At most so many poses of a clip, evenly spaced over it."""

HEADINGS = 8
LANDMARK_NOISE = 0.010
"""The standard deviation, in metres, of what is added to 2D landmarks to see what noise does."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """What is chosen by held-out error.

    Attributes:
        bases: J.
        components: K.
        mirrored: whether every pose is learned as its mirror image, too.
        balance: a clip of n poses counts n^(1 - balance): 0 counts poses, 1 counts clips.
        noise_floor: as in `fit_prior`, in metres.
    """

    bases: int
    components: int = 1
    mirrored: bool = True
    balance: float = 0.5
    noise_floor: float = 1e-3


GRID = tuple(Settings(bases=J, components=K) for K in (1, 3, 5) for J in (5, 10, 15, 20, 25))
"""What is compared first."""

VARIATIONS: tuple[dict[str, Any], ...] = (
    {"mirrored": False}, {"balance": 0.0}, {"balance": 1.0}, {"noise_floor": 0.01}, {"noise_floor": 0.02},
)  # fmt: skip
"""What is changed in the best of the grid."""


def group_of(clip: str) -> str:
    """The group that the clip is held out with."""
    return next((group for start, group in NEAR_DUPLICATES.items() if clip.startswith(start)), clip)


def clip_poses(motion: MotionCapture, clip: str) -> Float[np.ndarray, "T 3 17"]:
    """The upright poses of a clip, thinned to `MOST_FRAMES`; none where nobody stands upright."""
    poses = motion.of_clip(clip)
    poses = poses[trunk_lean(poses) <= UPRIGHT]
    if len(poses) <= MOST_FRAMES:
        return poses
    return poses[np.linspace(0, len(poses) - 1, MOST_FRAMES).round().astype(int)]


def learn(motion: MotionCapture, clips: Iterable[str], settings: Settings) -> FittedPrior:
    """A prior learned from some clips."""
    kept = [poses for poses in (clip_poses(motion, clip) for clip in clips) if len(poses)]
    poses = np.concatenate(kept)
    weights = np.concatenate([np.full(len(part), len(part) ** -settings.balance) for part in kept])
    if settings.mirrored:
        poses, weights = np.concatenate([poses, mirror(poses, HUMAN36M)]), np.tile(weights, 2)
    return fit_prior(
        poses,
        settings.bases,
        settings.components,
        frame_weights=weights,
        noise_floor=settings.noise_floor,
        shrinkage=100.0,
        rounds=20,
        tolerance=0.02,
        landmarks=HUMAN36M.landmarks,
        left=HUMAN36M.left,
        right=HUMAN36M.right,
    )


def measure(prior: PosePrior, poses: Float[np.ndarray, "T 3 17"]) -> dict[str, float]:
    """Errors in mm of lifting poses seen from all headings: see `data/prior.md` for what each column means."""
    # Every pose starts from the heading at which it was recorded: the camera sees people from all around.
    truth = np.concatenate([turn(poses, np.full(len(poses), theta)) for theta in rotation_angles(HEADINGS)])
    lifted = lift(truth[:, :2], prior).pose
    error = 1000 * mpjpe(lifted, truth, root="centroid")
    reflected = 1000 * mpjpe(lifted * np.array([[1.0], [1.0], [-1.0]]), truth, root="centroid")
    noise = LANDMARK_NOISE * np.random.default_rng(0).standard_normal(truth[:, :2].shape)
    noisy = lift(truth[:, :2] + noise, prior).pose
    return {
        "mean_mm": float(error.mean()),
        "median_mm": float(np.median(error)),
        "pelvis_mean_mm": float(1000 * mpjpe(lifted, truth).mean()),
        "flipped_percent": float(100 * (reflected < error).mean()),
        "noisy_mean_mm": float(1000 * mpjpe(noisy, truth, root="centroid").mean()),
    }


def hold_out(group: str, settings: Settings) -> list[dict[str, Any]]:
    """One row for each clip of the group: the errors of a prior that was learned from all the other groups."""
    motion = load_motion_capture()
    prior = learn(motion, [clip for clip in motion.clip_names if group_of(clip) != group], settings).prior
    rows = []
    for clip in (clip for clip in motion.clip_names if group_of(clip) == group):
        poses = clip_poses(motion, clip)
        rows.append({"clip": clip, "group": group, "poses": len(poses), **measure(prior, poses)})
    return rows


def summary(rows: Sequence[dict[str, Any]], column: str) -> float:
    """The mean over groups of the mean over the group's clips."""
    groups: dict[str, list[float]] = {}
    for row in rows:
        groups.setdefault(row["group"], []).append(row[column])
    return float(np.mean([np.mean(values) for values in groups.values()]))


def compare(candidates: Sequence[Settings], groups: Sequence[str], pool: ProcessPoolExecutor) -> list[dict[str, Any]]:
    """For each candidate its settings, summaries and rows; a line of progress for each on stderr."""
    jobs = [[pool.submit(hold_out, group, settings) for group in groups] for settings in candidates]
    results = []
    for number, (settings, parts) in enumerate(zip(candidates, jobs, strict=True), start=1):
        rows = [row for part in parts for row in part.result()]
        overall = {name: summary(rows, name) for name in ("mean_mm", "pelvis_mean_mm", "noisy_mean_mm")}
        results.append({"settings": dataclasses.asdict(settings), **overall, "clips": rows})
        print(f"[{number}/{len(candidates)}] {settings}: {overall['mean_mm']:.1f} mm", file=sys.stderr, flush=True)
    return results


def build(out: Folder) -> None:
    """Compare all candidates, learn the best from all clips, and write the prior, the table and the card.

    Args:
        out: the folder to write the three files into.
    """
    motion = load_motion_capture()
    upright = [clip for clip in motion.clip_names if len(clip_poses(motion, clip))]
    groups = list(dict.fromkeys(group_of(clip) for clip in upright))
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"  # read by the workers when they start
    context = multiprocessing.get_context("spawn")
    workers = min(2, os.cpu_count() or 1)
    with ProcessPoolExecutor(workers, mp_context=context, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        results = compare(GRID, groups, pool)
        best = Settings(**_lowest(results)["settings"])
        results += compare([dataclasses.replace(best, **change) for change in VARIATIONS], groups, pool)
        chosen = _lowest(results)
        fitted = pool.submit(learn, motion, upright, Settings(**chosen["settings"])).result()
    save_prior(fitted.prior, out / "prior.npz")
    table = {
        "prior_sha256": _sha256(out / "prior.npz"),
        "motion_capture_sha256": _sha256(data_path("motion_capture.npz")),
        "poses": sum(len(clip_poses(motion, clip)) for clip in upright),
        "chosen": chosen,
        "candidates": [{key: value for key, value in result.items() if key != "clips"} for result in results],
    }
    table = json.loads(json.dumps(table), parse_float=lambda text: round(float(text), 3))
    write_json(out / "prior_held_out.json", table)
    write_atomically(out / "prior.md", card(fitted.prior, table).encode())


def _lowest(results: Iterable[dict[str, Any]]) -> dict[str, Any]:
    return min(results, key=lambda result: result["mean_mm"])


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def card(prior: PosePrior, table: dict[str, Any]) -> str:
    """The text of `prior.md`, all its numbers read from the prior and the table."""
    candidates = table["candidates"]
    return render(
        "lifting.fitting",
        "prior.md.j2",
        prior=prior,
        table=table,
        chosen=table["chosen"],
        settings=table["chosen"]["settings"],
        noise=", ".join(f"{1000 * v**0.5:.1f}" for v in prior.noise_variance),
        weights=", ".join(f"{weight:.2f}" for weight in prior.weights),
        single=_lowest(row for row in candidates if row["settings"]["components"] == 1),
        several=_lowest(row for row in candidates if row["settings"]["components"] > 1),
        upright=UPRIGHT,
        most_frames=MOST_FRAMES,
        headings=HEADINGS,
        landmark_noise=LANDMARK_NOISE,
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Choose, learn and write the embedded prior: see the top of this module."""
    tyro.cli(build, prog="python -m lifting.fitting.default_prior", args=arguments)


if __name__ == "__main__":
    main()
