"""Claims about training the network, each put to the test with networks trained five times over. Main paper, section 5.

    python -m lifting.training --lifting none --size 64 --steps 5000 --out runs/plain --precision bfloat16
    python -m lifting.experiments.networks --start runs/plain/network.safetensors --out data --runs DIR   # resumes

The same small setting for all. All begin with the weights of one plain network (the layers of "laptop", no lifting, 64
pixels), so that there are beliefs to lift, and train on for `STEPS` steps of `BATCH` of the embedded pictures at half
their size. They are tested on the embedded test pictures (other bodies, other clips).
A seed decides which pictures a step sees and how they are varied, for all variants alike, so differences are paired.
Error: the share of landmarks inside the picture that are missed by more than a fifth of the torso, sides named.
Similar: within `MARGIN` percentage points.

**Gradients** (supplement, section 1). Training without the lifting's gradients gives similar results to training with
them; here also against soft-argmax.

**Cross-stage gradients** have little effect when each stage has its own loss.

**Fusion.** The lifted model improves the landmarks of every stage over the plain network; hidden ones too; and it
repairs landmarks whose left and right were swapped: the maps of both legs' knees and ankles change places after the
first stage, and we count which of them the later stages put right.

**Vanishing gradients.** Without a loss at every stage gradients vanish towards the first layers. The length of the
gradient of each convolution's weights relative to the size of the weights, before the first step: with torch's own
first weights, which make signals smaller from layer to layer, and with He's, which keep their size.
"""

import json
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro

from lifting.datasets.rendered import RenderedPeople, halve, load_rendered
from lifting.experiments.claims import SEEDS, Comparison, Criterion, compare, save
from lifting.network import Network, StageMaps, build_network
from lifting.skeleton import HUMAN36M
from lifting.support.arrays import check_count
from lifting.support.files import write_atomically
from lifting.training.batches import Batches
from lifting.training.evaluation import WITHIN, distances, evaluate, read, torso
from lifting.training.run import RunOptions, train
from lifting.training.step import Settings, objective

STEPS, BATCH, RATE = 300, 32, 5e-4
MARGIN = 2.0
"""Percentage points within which two errors are similar."""
VARIANTS: dict[str, dict[str, Any]] = {
    "sub-gradients": {"lifting": "subgradient"},
    "forward only": {"lifting": "forward"},
    "soft-argmax": {"lifting": "soft-argmax"},
    "no lifting": {"lifting": "none"},
    "stages apart": {"lifting": "subgradient", "cross_stage": False},
}
SWAPPED = tuple(HUMAN36M.index(f"{side}_{part}") for part in ("knee", "ankle") for side in ("left", "right"))


def missed(Y: np.ndarray, people: RenderedPeople, counted: np.ndarray) -> float:
    """Of the landmarks `counted` (N, 17) those further than a fifth of the torso from where they are, per cent."""
    distance, _ = distances(Y, people.landmarks)
    return float(100 * (distance > WITHIN * torso(people.landmarks)[:, None])[counted].mean())


@contextmanager
def swapped_legs(network: Network) -> Iterator[None]:
    """While it lasts, the belief maps of left and right knees and ankles change places after the first stage."""
    fuse, order = network.fuse, list(range(18))
    for left, right in zip(SWAPPED[::2], SWAPPED[1::2], strict=True):
        order[left], order[right] = right, left

    def swapped(belief: torch.Tensor, t: int) -> StageMaps:
        return fuse(belief[:, order] if t == 0 else belief, t)

    network.fuse = swapped  # type: ignore[method-assign]
    try:
        yield
    finally:
        del network.fuse  # the method of the class shows again


def measure(network: Network, people: RenderedPeople) -> dict[str, Any]:
    """All errors of a trained network: by stage, of hidden landmarks, and after legs were swapped."""
    within = people.inside
    hidden = within & ~people.visible
    report = evaluate(network, people)
    Y = read(network, people.images).landmarks
    legs = np.zeros_like(within)
    legs[:, SWAPPED] = within[:, SWAPPED]
    w = torch.sigmoid(network.fusion).tolist() if network.lifting != "none" else None
    with swapped_legs(network):
        after = read(network, people.images).landmarks
    return {
        "missed": [missed(stage, people, within) for stage in Y],
        "missed, hidden": [missed(stage, people, hidden) for stage in Y],
        "missed legs": [missed(stage, people, legs) for stage in Y],
        "missed legs, swapped": [missed(stage, people, legs) for stage in after],
        "mean px": [stage["mean px"] for stage in report["stages"]],
        "p_mpjpe": report["space"]["p_mpjpe"],
        "front or back": report["front_back"]["all"],
        "w": w,
    }


def run(job: tuple[str, int], start: Path, runs: Path, steps: int = STEPS, batch: int = BATCH) -> dict[str, Any]:
    """Train and measure one variant with one seed, unless `runs` has the result already."""
    variant, seed = job
    path = runs / f"{variant.replace(' ', '_')}_{seed}.json"
    if path.exists():
        found: dict[str, Any] = json.loads(path.read_text())
        return found
    own = VARIANTS[variant]
    settings = Settings(steps=steps, batch=batch, rate=RATE, warm_up=20, seed=seed, precision="bfloat16", **own)
    options = RunOptions(workers=0, device="cpu", progress=False)
    network = train(settings, halve(load_rendered()), start=start, options=options)
    result = measure(network, halve(load_rendered("test")))
    write_atomically(path, (json.dumps(result, indent=1) + "\n").encode())
    return result


def relative_gradients(name: str, seed: int, every_stage: bool, side: int, he: bool = False) -> list[float]:
    """The length of the gradient of each convolution's weights over that of the weights, from first to last."""
    torch.manual_seed(seed)
    network = build_network(name)  # type: ignore[arg-type]
    convolutions = [module for module in network.modules() if isinstance(module, torch.nn.Conv2d)]
    if he:
        for module in convolutions:
            torch.nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
    batch = Batches(load_rendered(), 8, seed)[0]
    images = torch.nn.functional.interpolate(batch.images, side, mode="bilinear", antialias=True)
    landmarks = (batch.landmarks + 0.5) * side / batch.images.shape[-1] - 0.5
    objective(network(images), landmarks, every_stage=every_stage)[0].backward()
    weights = [module.weight for module in convolutions]
    return [float(w.grad.norm() / w.detach().norm()) for w in weights if w.grad is not None]


NETWORKS = {"laptop": ("laptop", 128, False), "paper": ("paper", 96, False), "paper, He": ("paper", 96, True)}
"""For the vanishing gradients: configuration, side of the pictures, He's first weights."""


def gradients_by_depth(seed: int) -> dict[str, list[float]]:
    """`relative_gradients` of `NETWORKS`, with a loss at every stage and at the last alone."""
    return {
        f"{name}, {where}": relative_gradients(configuration, seed, where == "every stage", side, he)
        for name, (configuration, side, he) in NETWORKS.items()
        for where in ("every stage", "last stage")
    }


def fall(by_layer: list[float], layers: int = 5) -> float:
    """By how many powers of ten the relative gradients of the first layers are below those of the last ones."""
    return float(np.log10(np.mean(by_layer[-layers:])) - np.log10(np.mean(by_layer[:layers])))


def save_variants(results: dict[str, list[dict[str, Any]]], out: Path) -> None:
    """Write the three claims that compare variants."""
    setting = (f"laptop network that was trained without lifting, {STEPS} more steps of {BATCH} embedded pictures of "
               f"64 px in bfloat16, {SEEDS} seeds, "
               f"{len(load_rendered('test'))} test pictures of other bodies and clips")  # fmt: skip
    similar = Criterion("percentage points", "similar", MARGIN)
    better = Criterion("percentage points", "better")

    def errors(variant: str, key: str = "missed", stage: int = -1) -> list[float]:
        return [row[key][stage] for row in results[variant]]

    def against_plain(words: str, key: str, stage: int) -> Comparison:
        mine, plain = errors("sub-gradients", key, stage), errors("no lifting", key, stage)
        return compare(f"sub-gradients, {words}", "no lifting", mine, plain, better)

    ours = errors("sub-gradients")
    gradients = [compare("sub-gradients", other, ours, errors(other), similar)
                 for other in ("forward only", "soft-argmax")]  # fmt: skip
    save("gradients", "training without the lifting's gradients gives similar results to training with them", setting,
         gradients, out, runs={name: results[name] for name in list(VARIANTS)[:3]})  # fmt: skip
    apart = compare("stages apart", "sub-gradients", errors("stages apart"), ours, similar)
    save("cross_stage", "gradients between stages have little effect when each stage has its own loss",
         setting, [apart], out, runs={"stages apart": results["stages apart"]})  # fmt: skip
    stages = range(len(results["no lifting"][0]["missed"]))
    fusion = [against_plain(f"stage {t + 1}", "missed", t) for t in stages]
    fusion += [against_plain(f"stage {t + 1}, hidden landmarks", "missed, hidden", t) for t in stages]
    fusion.append(against_plain("last stage, legs swapped after the first", "missed legs, swapped", -1))
    save("fusion", "fusing with the lifted model improves the landmarks of every stage over the plain network; of "
         "hidden ones too; and repairs landmarks whose left and right were swapped", setting, fusion, out,
         runs={"no lifting": results["no lifting"]})  # fmt: skip


def save_gradients(rows: list[dict[str, list[float]]], out: Path) -> None:
    """Write the claim on vanishing gradients."""
    comparisons = []
    for name in NETWORKS:
        every, last = ([fall(row[f"{name}, {where}"]) for row in rows] for where in ("every stage", "last stage"))
        comparisons.append(compare(f"{name}, a loss at every stage", "at the last alone", every, last,
                                   Criterion("powers of ten, last to first layers", "better")))  # fmt: skip
    mean = {key: np.mean([row[key] for row in rows], axis=0).tolist() for key in rows[0]}
    save("vanishing", "without a loss at every stage gradients vanish towards the first layers",
         f"gradient over weights, layer by layer, before the first step; {len(rows)} seeds, 8 pictures; paper's "
         "configuration on pictures of 96 px", comparisons, out, relative_gradients=mean)  # fmt: skip


@dataclass(frozen=True)
class Options:
    """Run the experiments and write their results."""

    start: Path
    """the plain network that all begin with"""
    out: Path
    """the folder of the results"""
    runs: Path
    """a folder for the results of single runs"""
    processes: int = 2
    """runs at a time, each on one core"""


def main(options: Options) -> None:
    """Run the experiments and write their results."""
    check_count("--processes", options.processes)
    if not options.start.is_file():
        sys.exit(f"--start: got {options.start}, expected a file of a trained network")
    if not options.out.is_dir():
        sys.exit(f"--out: got {options.out}, expected a folder that exists")
    options.runs.mkdir(parents=True, exist_ok=True)
    jobs = [(variant, seed) for seed in range(SEEDS) for variant in VARIANTS]
    with ProcessPoolExecutor(options.processes, initializer=partial(torch.set_num_threads, 1)) as pool:
        done = list(pool.map(partial(run, start=options.start, runs=options.runs), jobs))
        depth = list(pool.map(gradients_by_depth, range(SEEDS)))
    results = {
        variant: [row for (name, _), row in zip(jobs, done, strict=True) if name == variant] for variant in VARIANTS
    }
    save_variants(results, options.out)
    save_gradients(depth, options.out)


if __name__ == "__main__":
    main(tyro.cli(Options, prog="python -m lifting.experiments.networks"))
