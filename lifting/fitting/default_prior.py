"""The embedded prior: how it is learned from the embedded motion capture, and how its settings were chosen.

Settings are chosen by what they are for, lifting people who were not learned from: `lifting.fitting.held_out` has the
protocol. Clips that are nearly the same motion form one group and are held out together. The search is greedy: each of
`STEPS` tries some changes of what is best so far, and the best of them all goes on. `data/prior.md` has the outcome.

Make `prior.npz`, `prior_mixture.npz`, `prior_held_out.json` and `prior.md` again:

    python -m lifting.fitting.default_prior --out data/
"""

import dataclasses
import json
import multiprocessing
import os
import statistics
import sys
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
import torch
import tyro
from jaxtyping import Float

from lifting.datasets.motion_capture import MotionCapture, load_motion_capture, trunk_lean
from lifting.fitting import augment
from lifting.fitting.alignment import align_to_prior
from lifting.fitting.fit_prior import FitOptions, FittedPrior, fit_prior, grow_basis
from lifting.fitting.held_out import HEADINGS, LANDMARK_NOISE, PITCHES, measure, photo_errors, pitched, summary
from lifting.pose_prior import PosePrior, load_prior, save_prior
from lifting.skeleton import HUMAN36M, mirror
from lifting.support.files import data_path, sha256_of, write_atomically, write_json
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


@dataclasses.dataclass(frozen=True)
class Settings:
    """What is chosen by held-out error.

    Attributes:
        bases: J.
        components: K.
        mirrored: whether every pose is learned as its mirror image, too.
        balance: a clip of n poses counts n^(1 - balance): 0 counts poses, 1 counts clips.
        noise_floor: as in `fit_prior`, in metres.
        copies: so many varied copies take each pose's place; 0: poses are learned as recorded.
        mixed: the share of copies that get the trunk and arms of another pose (`augment.mix`).
        perturbed: how far the joints of copies turn (`augment.perturb`).
        stretched: how much the lengths of their bones vary (`augment.stretch`).
    """

    bases: int
    components: int = 1
    mirrored: bool = True
    balance: float = 0.5
    noise_floor: float = 1e-3
    copies: int = 0
    mixed: float = 0.0
    perturbed: float = 0.0
    stretched: float = 0.0


BEFORE = Settings(25, 5, balance=0.0)
"""Those of the older prior: the best of a search that knew no copies."""

START = Settings(46, balance=0.0, noise_floor=0.005)

HEADED_BY = 25
"""How many bases the Gaussian has that tells the headings of varied copies."""

STEPS: dict[str, tuple[dict[str, Any], ...]] = {
    "bases": tuple({"bases": J} for J in (25, 32, 40)),
    "noise": tuple({"noise_floor": floor} for floor in (0.001, 0.01)),
    "components, of poses as recorded": tuple({"components": K} for K in (3, 5)),
    "copies": (
        {"copies": 3, "mixed": 0.5},
        {"copies": 3, "mixed": 0.5, "perturbed": 1.4, "noise_floor": 0.01, "bases": 40},
    ),
    "components, of copies": tuple({"components": K} for K in (2, 3, 5)),
    "noise again": tuple({"noise_floor": floor} for floor in (0.0125, 0.015)),
    "lengths": ({"stretched": 0.04},),
    "the rest": ({"mirrored": False}, {"balance": 0.5}, {"copies": 6}, {"bases": 34}),
}
"""What is tried, and in which order: changes of the best settings so far."""

PRICES = {"components": 0.5, "bases": 0.01, "copies": 0.1}
"""What each of them costs in the choice, in mm: lifting takes time for the first two, learning for all."""


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
    options: FitOptions = {"shrinkage": 100.0, "rounds": 20, "tolerance": 0.02}
    if settings.copies:
        # The recorded poses say where varied ones are headed; there are more of these, so each round does more.
        grown = grow_basis(poses, HEADED_BY, frame_weights=weights, noise_floor=0.01, rounds=20, tolerance=0.5)
        poses, weights = vary(poses, weights, settings)
        start = align_to_prior(poses, grown.prior)[:, 0]
        options = {"shrinkage": 100.0 * settings.copies, "rounds": 10, "tolerance": 0.05, "start": start}
    options |= {"noise_floor": settings.noise_floor, "landmarks": HUMAN36M.landmarks}
    options |= {"left": HUMAN36M.left, "right": HUMAN36M.right}
    return fit_prior(poses, settings.bases, settings.components, frame_weights=weights, **options)


def vary(
    poses: Float[np.ndarray, "N 3 17"], weights: Float[np.ndarray, " N"], settings: Settings
) -> tuple[Float[np.ndarray, "M 3 17"], Float[np.ndarray, " M"]]:
    """Copies of poses that nobody recorded, M = `copies` N, with their weights; the same ones each time."""
    generator = np.random.default_rng(0)
    poses, weights = np.tile(poses, (settings.copies, 1, 1)), np.tile(weights, settings.copies)
    others = poses[generator.choice(len(poses), len(poses), p=weights / weights.sum())]
    mixed = generator.random(len(poses)) < settings.mixed
    copies = np.where(mixed[:, None, None], augment.mix(poses, others), poses)
    copies = augment.perturb(copies, generator, settings.perturbed)
    return augment.stretch(copies, generator, settings.stretched), weights


def learn_without(groups: Collection[str], settings: Settings) -> PosePrior:
    """A prior learned from the clips of all groups but these."""
    motion = load_motion_capture()
    return learn(motion, [clip for clip in motion.clip_names if group_of(clip) not in groups], settings).prior


def hold_out(
    group: str, settings: Settings, errors: Callable[[PosePrior, np.ndarray], dict[str, float]] = measure
) -> list[dict[str, Any]]:
    """One row for each clip of the group: the errors of a prior that was learned from all the other groups."""
    motion, prior = load_motion_capture(), learn_without((group,), settings)
    clips = {clip: clip_poses(motion, clip) for clip in motion.clip_names if group_of(clip) == group}
    return [{"clip": clip, "group": group, "poses": len(poses), **errors(prior, poses)}
            for clip, poses in clips.items()]  # fmt: skip


def compare(candidates: Sequence[Settings], groups: Sequence[str], pool: ProcessPoolExecutor) -> list[dict[str, Any]]:
    """For each candidate its settings, summaries and rows; a line of progress for each on stderr."""
    jobs = [[pool.submit(hold_out, group, settings) for group in groups] for settings in candidates]
    results = []
    for settings, parts in zip(candidates, jobs, strict=True):
        rows = [row for part in parts for row in part.result()]
        overall = {name: summary(rows, name) for name in ("mean_mm", "pelvis_mean_mm", "noisy_mean_mm")}
        results.append({"settings": dataclasses.asdict(settings), **overall, "clips": rows})
        said = f"{overall['mean_mm']:.1f} mm, noisy {overall['noisy_mean_mm']:.1f} mm"
        print(f"{settings}: {said}", file=sys.stderr, flush=True)
    return results


def search(groups: Sequence[str], pool: ProcessPoolExecutor) -> list[dict[str, Any]]:
    """Every candidate with the step that tried it, in order; the older prior, for comparison, is the first."""
    tried = [{"step": name, **result} for name, settings in (("before", BEFORE), ("start", START))
             for result in compare([settings], groups, pool)]  # fmt: skip
    for name, changes in STEPS.items():
        best = Settings(**lowest(tried[1:])["settings"])
        candidates = [dataclasses.replace(best, **change) for change in changes]
        tried += [{"step": name, **result} for result in compare(candidates, groups, pool)]
    return tried


def lowest(results: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The result that the choice falls on: the least `score`."""
    return min(results, key=score)


def score(result: dict[str, Any]) -> float:
    """What the search minimises: the mean of the errors without and with noise, in mm, and `PRICES`."""
    price = sum(each * result["settings"][name] for name, each in PRICES.items())
    return (result["mean_mm"] + result["noisy_mean_mm"]) / 2 + price


def report(settings: Settings, prior: PosePrior, groups: Sequence[str], pool: ProcessPoolExecutor) -> dict[str, Any]:
    """What is told of a prior and not used to choose it: cameras that look down, and the photos."""
    jobs = [pool.submit(hold_out, group, settings, pitched) for group in groups]
    rows = [row for job in jobs for row in job.result()]
    return {
        "pitched_mm": {name: summary(rows, name) for name in rows[0] if name not in ("clip", "group", "poses")},
        "photos_p_mpjpe_mm": photo_errors(prior),
    }


def build(out: Folder) -> None:
    """Compare all candidates, learn the best from all clips, and write the priors, the table and the card.

    Args:
        out: the folder to write the four files into; a `prior_mixture.npz` that is there stays.
    """
    motion = load_motion_capture()
    upright = [clip for clip in motion.clip_names if len(clip_poses(motion, clip))]
    groups = list(dict.fromkeys(group_of(clip) for clip in upright))
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"  # read by the workers when they start
    context = multiprocessing.get_context("spawn")
    workers = min(2, os.cpu_count() or 1)
    with ProcessPoolExecutor(workers, mp_context=context, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        tried = search(groups, pool)
        before, chosen = tried[0], lowest(tried[1:])
        settings = Settings(**chosen["settings"])
        prior = pool.submit(learn, motion, upright, settings).result().prior
        if not (out / "prior_mixture.npz").exists():  # networks know it by its bytes, and these differ by machine
            save_prior(pool.submit(learn, motion, upright, BEFORE).result().prior, out / "prior_mixture.npz")
        chosen |= report(settings, prior, groups, pool)
        before |= report(BEFORE, load_prior(out / "prior_mixture.npz"), groups, pool)
    save_prior(prior, out / "prior.npz")
    table = {
        "prior_sha256": sha256_of(out / "prior.npz"),
        "prior_mixture_sha256": sha256_of(out / "prior_mixture.npz"),
        "motion_capture_sha256": sha256_of(data_path("motion_capture.npz")),
        "poses": sum(len(clip_poses(motion, clip)) for clip in upright),
        "chosen": chosen,
        "before": before,
        "candidates": [{key: value for key, value in result.items() if key in KEPT} for result in tried],
    }
    table = json.loads(json.dumps(table), parse_float=lambda text: round(float(text), 4))
    write_json(out / "prior_held_out.json", table)
    write_atomically(out / "prior.md", card(prior, table).encode())


KEPT = ("step", "settings", "mean_mm", "pelvis_mean_mm", "noisy_mean_mm")
"""What the table keeps of every candidate."""


def card(prior: PosePrior, table: dict[str, Any]) -> str:
    """The text of `prior.md`, all its numbers read from the prior and the table."""
    candidates = table["candidates"]
    recorded = [row for row in candidates if not row["settings"]["copies"]]
    varied = [row for row in candidates if row["settings"]["copies"]]
    kinds = {"recorded": recorded, "varied": varied}
    best = {
        f"{kind}_{name}": min((row for row in rows if (row["settings"]["components"] > 1) == several), key=score)
        for kind, rows in kinds.items() for name, several in (("single", False), ("several", True))
    }  # fmt: skip
    return render(
        "lifting.fitting",
        "prior.md.j2",
        prior=prior,
        table=table,
        settings=table["chosen"]["settings"],
        noise=", ".join(f"{1000 * v**0.5:.1f}" for v in prior.noise_variance),
        weights=", ".join(f"{weight:.2f}" for weight in prior.weights),
        best=best,
        median=statistics.median,
        constants={"upright": UPRIGHT, "most_frames": MOST_FRAMES, "headings": HEADINGS, "pitches": PITCHES,
                   "landmark_noise": LANDMARK_NOISE, "prices": PRICES, "start": START},
    )  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    """Choose, learn and write the embedded prior: see the top of this module."""
    tyro.cli(build, prog="python -m lifting.fitting.default_prior", args=arguments)


if __name__ == "__main__":
    main()
