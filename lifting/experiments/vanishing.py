"""Do gradients vanish without a loss at every stage? Claim 2. Main paper, section 5.

    python -m lifting.experiments.vanishing --out data      # an hour on a slow core: the paper's configuration is large

The length of the gradient of each convolution's weights relative to the size of the weights, before the first step:
with torch's own first weights, which make signals smaller from layer to layer, and with He's, which keep their size.

T losses are added. Where nothing vanishes each of them reaches the first layers alike, and their sum is about T times
the last one's, while the last layers feel the last loss alone. That is no vanishing: the fall from last to first layers
with a loss at every stage counts from T times the last layers' gradient.
"""

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
import tyro

from lifting.camera import rescale_pixels
from lifting.datasets.rendered import load_rendered
from lifting.experiments.claims import SEEDS, Criterion, compare, save
from lifting.network import CONFIGURATIONS, build_network
from lifting.support.options import Folder
from lifting.training.batches import Batches
from lifting.training.step import objective


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
    landmarks = rescale_pixels(batch.landmarks, batch.landmarks.new_tensor(side / batch.images.shape[-1]))
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


def save_gradients(rows: list[dict[str, list[float]]], out: Path) -> None:
    """Write the claim on vanishing gradients."""
    comparisons = []
    for name in NETWORKS:
        every, last = ([fall(row[f"{name}, {where}"]) for row in rows] for where in ("every stage", "last stage"))
        stages = CONFIGURATIONS[NETWORKS[name][0]].stages
        every = [own + float(np.log10(stages)) for own in every]
        comparisons.append(compare(f"{name}, a loss at every stage", "at the last alone", every, last,
                                   Criterion("powers of ten, last to first layers", "better")))  # fmt: skip
    mean = {key: np.mean([row[key] for row in rows], axis=0).tolist() for key in rows[0]}
    save("vanishing", "without a loss at every stage gradients vanish towards the first layers",
         f"gradient over weights, layer by layer, before the first step; {len(rows)} seeds, 8 pictures; paper's "
         "configuration on pictures of 96 px; the sum of T losses taken as T times one of them", comparisons, out,
         relative_gradients=mean)  # fmt: skip


@dataclass(frozen=True)
class Options:
    """Measure the gradients and write the result."""

    out: Folder
    """the folder of the result"""
    processes: int = 2
    """seeds at a time, each on one core"""


def main(options: Options) -> None:
    """Measure the gradients and write the result."""
    with ProcessPoolExecutor(options.processes, initializer=partial(torch.set_num_threads, 1)) as pool:
        save_gradients(list(pool.map(gradients_by_depth, range(SEEDS))), options.out)


if __name__ == "__main__":
    main(tyro.cli(Options, prog="python -m lifting.experiments.vanishing"))
