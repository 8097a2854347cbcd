"""The embedded prior: how it is learned from the embedded motion capture, and how its settings were chosen.

Settings are chosen by what they are for, lifting people who were not learned from: a group of clips is held out,
a prior is learned from the others, and the held-out poses are lifted from their exact 2D landmarks, seen from eight
headings by a level camera at a known scale. Clips that are nearly the same motion form one group and are held out
together. `data/prior.md` has the outcome.

Make `prior.npz`, `prior_held_out.json` and `prior.md` again:

    python -m lifting.fitting.default_prior --out data/
"""

import argparse
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
from jaxtyping import Float

from lifting.camera import rotation_angles, turn
from lifting.datasets.motion_capture import MotionCapture, load_motion_capture, trunk_lean
from lifting.fitting.fit_prior import FittedPrior, fit_prior
from lifting.front import lift
from lifting.metrics import mpjpe
from lifting.pose_prior import PosePrior, save_prior
from lifting.skeleton import HUMAN36M, mirror
from lifting.support.files import data_path, write_atomically

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


def build(out: Path) -> None:
    """Compare all candidates, learn the best from all clips, and write the prior, the table and the card to `out`."""
    if not out.is_dir():
        raise FileNotFoundError(f"out: got {out}, expected a folder that exists")
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
    write_atomically(out / "prior_held_out.json", (json.dumps(table, indent=1) + "\n").encode())
    write_atomically(out / "prior.md", card(fitted.prior, table).encode())


def _lowest(results: Iterable[dict[str, Any]]) -> dict[str, Any]:
    return min(results, key=lambda result: result["mean_mm"])


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def card(prior: PosePrior, table: dict[str, Any]) -> str:
    """The text of `prior.md`, all its numbers read from the prior and the table."""
    chosen, settings = table["chosen"], table["chosen"]["settings"]
    noise = ", ".join(f"{1000 * v**0.5:.1f}" for v in prior.noise_variance)
    weights = ", ".join(f"{weight:.2f}" for weight in prior.weights)
    clips = "\n".join(
        f"| {row['clip']} | {row['group']} | {row['poses']} | {row['mean_mm']:.0f} | {row['median_mm']:.0f} | "
        f"{row['pelvis_mean_mm']:.0f} | {row['flipped_percent']:.0f} % | {row['noisy_mean_mm']:.0f} |"
        for row in chosen["clips"]
    )
    candidates = "\n".join(
        "| {components} | {bases} | {mirrored} | {balance:g} | {floor:g} | {mean:.1f} | {noisy:.1f} |".format(
            **{**row["settings"], "mirrored": "yes" if row["settings"]["mirrored"] else "no"},
            floor=1000 * row["settings"]["noise_floor"],
            mean=row["mean_mm"],
            noisy=row["noisy_mean_mm"],
        )
        for row in table["candidates"]
    )
    single = _lowest(row for row in table["candidates"] if row["settings"]["components"] == 1)
    several = _lowest(row for row in table["candidates"] if row["settings"]["components"] > 1)
    return f"""# prior.npz

The prior that `lifting.load_prior()` returns: K = {prior.K} component{"s" if prior.K > 1 else ""} with J = {prior.J} \
bases each, over the 17 landmarks of `lifting.skeleton.HUMAN36M`.

| | |
|---|---|
| SHA-256 | `{table["prior_sha256"]}` |
| Learned from | {table["poses"]:,} poses of `motion_capture.npz` (SHA-256 `{table["motion_capture_sha256"]}`), \
{"and their mirror images" if settings["mirrored"] else "not mirrored"} |
| Made by | `python -m lifting.fitting.default_prior --out data/` |
| Read by | `lifting.load_prior()` |
| Noise, standard deviation of a coordinate | {noise} mm |
| Weights of the components | {weights} |
| Licence | that of `motion_capture.npz`, whose card has it |

It is for upright people: poses whose trunk leans more than {UPRIGHT:.0f} degrees from the vertical were left out,
and of each clip at most {MOST_FRAMES} poses were taken, evenly spaced. A clip of n of these counts as
n^(1 - b) does, b = {settings["balance"]:g}. Lengths are metres as the sources have them, from three bodies:
people of another build need `lift(..., scale=None)` or a prior of their own. The means face +z.

## How well it lifts people it hasn't seen

A clip was held out together with all clips of its group, which are nearly the same motion (walks; climbs by one
person). The prior was learned from the rest, and the held-out poses were lifted from their exact 2D landmarks, seen
orthographically by a level camera from {HEADINGS} headings, at the known scale, among 80 rotations. In millimetres:

- **mean**, **median**: MPJPE of centred poses, over poses and headings.
- **pelvis**: the mean MPJPE with both pelvises moved to the origin, as on Human3.6M.
- **flipped**: how often the answer, reflected in depth, would have been nearer to the truth. A pose and its
  reflection in depth project to the same points, so only the prior can tell them apart. Single limbs that are
  reflected in depth stay in the mean; where it is far above the median, look there first.
- **noisy**: the mean with Gaussian noise of {1000 * LANDMARK_NOISE:.0f} mm added to every 2D coordinate.

| clip | group | poses | mean | median | pelvis | flipped | noisy |
|---|---|---|---|---|---|---|---|
{clips}
| **mean of the groups** | | | **{chosen["mean_mm"]:.1f}** | | {chosen["pelvis_mean_mm"]:.1f} | | \
{chosen["noisy_mean_mm"]:.1f} |

Only poses that are upright count here, too: a clip's mean is no claim about its lying or upside-down parts.

## What was compared

The mean of the groups, in mm, for each candidate. First K and J; then, in the best of those, whether mirror images
are learned too, how clips are balanced (b = 0: poses count the same; 1: clips do), and the noise's floor (mm). The
chosen one has the lowest mean of all. It was picked on the same clips that measure it, so expect slightly worse on
new ones.

More bases help most, mirror images next. The best single Gaussian among these reaches {single["mean_mm"]:.1f} mm and,
with noisy landmarks, {single["noisy_mean_mm"]:.1f}; the best mixture {several["mean_mm"]:.1f} and \
{several["noisy_mean_mm"]:.1f}. Such differences are small
beside those between clips, and a single Gaussian takes a fraction of the time.

| K | J | mirrored | balance | floor | mean | noisy |
|---|---|---|---|---|---|---|
{candidates}

Measured on a two-core x86-64 CPU, where the command takes 9 minutes of processor time. Learning is deterministic:
the same versions of Python's packages on the same kind of machine give the same bytes. Other versions may differ in
the last digits.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Choose, learn and write the embedded prior: see the top of this module."""
    parser = argparse.ArgumentParser(prog="python -m lifting.fitting.default_prior", description=main.__doc__)
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where to write the three files")
    build(parser.parse_args(arguments).out)


if __name__ == "__main__":
    main()
