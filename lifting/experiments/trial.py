"""Networks trained from scratch, alike but for the lifting: what claims 1, 3 and 4 rest on. Main paper, section 5.

    python -m lifting.experiments.trial --out data/trials --runs DIR                # resumes, and skips what is there
    python -m lifting.experiments.trial --out data/trials --runs DIR --starts 5     # goes on with more starts

Every variant begins with the same random weights for the same start, sees the same pictures in the same order (the
embedded rendered people of 128 px, varied as in all training), and has a half cosine as learning rate, down to zero.
The network is "small": maps of 32 x 32, two stages.

- **no lifting**: the plain network, with 20 % more steps, for that is what a step with sub-gradients costs more in time
  (by operations they cost the same, to a hundredth).
- **own peak**: the control. Every map is fused with a Gaussian at its own sub-pixel peak, without any lifting: what
  fusing with a round Gaussian does by itself.
- **forward**, **sub-gradients**, **soft-argmax**: lifted, projected and fused, with nothing, the supplement's update or
  torch's gradient flowing back. Peaks between pixels, or whole ones.
- **stages apart**: sub-gradients, and no gradient from a stage into the one before it.

Measured on the embedded test pictures (other bodies, other clips), for every stage t, from the maps b_t that the
convolutions gave and from the fused ones f_t: the share of landmarks inside the picture that are missed by more than a
fifth of the torso, sides named; of hidden landmarks; and of knees and ankles, as they are and after the maps of left
and right ones changed places in what the first stage gave. One run is one file; its curve is of the validation
pictures.
"""

import csv
import json
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro
from jaxtyping import Bool, Float

from lifting.belief import peaks
from lifting.camera import rescale_pixels
from lifting.datasets.rendered import RenderedPeople, load_rendered
from lifting.network import Network
from lifting.skeleton import HUMAN36M
from lifting.support.arrays import check_count, fail, trusted
from lifting.support.files import write_atomically
from lifting.support.options import Folder
from lifting.training.evaluation import WITHIN, distances, torso
from lifting.training.run import RunOptions, train
from lifting.training.step import Settings

STARTS, STEPS, BATCH, EVERY = 3, 2500, 8, 250
RIVAL = 1.2
"""How many more steps the plain network has: the time of a step with sub-gradients over that of its own."""
COMMON: dict[str, Any] = {"config": "small", "batch": BATCH, "rate": 1.5e-3, "fusion_rate": 33.0}
VARIANTS: dict[str, dict[str, Any]] = {
    "no lifting": {"lifting": "none"},
    "own peak": {"lifting": "own-peak", "subpixel": True},
    "forward, sub-pixel": {"lifting": "forward", "subpixel": True},
    "sub-gradients, sub-pixel": {"lifting": "subgradient", "subpixel": True},
    "sub-gradients, whole pixels": {"lifting": "subgradient"},
    "stages apart, sub-pixel": {"lifting": "subgradient", "subpixel": True, "cross_stage": False},
    "soft-argmax": {"lifting": "soft-argmax"},
}
"""In the order in which they are run."""
SWAPPED = tuple(HUMAN36M.index(f"{side}_{part}") for part in ("knee", "ankle") for side in ("left", "right"))


def settings_of(variant: str, start: int, steps: int = STEPS) -> Settings:
    """How a variant is trained."""
    own = VARIANTS[variant]
    rival = RIVAL if own["lifting"] == "none" else 1.0
    return Settings(**COMMON, **own, steps=round(steps * rival), seed=start)


@contextmanager
def swapped_legs(network: Network) -> Iterator[None]:
    """While it lasts, the first stage's belief maps of left and right knees and ankles change places."""
    order = list(range(18))
    for left, right in zip(SWAPPED[::2], SWAPPED[1::2], strict=True):
        order[left], order[right] = right, left

    def swap(trunk: torch.nn.Module, given: Any, maps: tuple[torch.Tensor, torch.Tensor]) -> Any:
        return maps[0][:, order], maps[1]

    hook = network.trunk.register_forward_hook(swap)
    try:
        yield
    finally:
        hook.remove()


def landmarks_by_stage(
    network: Network, people: RenderedPeople, batch: int = 50
) -> tuple[Float[np.ndarray, "T N 2 17"], Float[np.ndarray, "T N 2 17"]]:
    """Sub-pixel peaks of b_t and of f_t at every stage, pixels of the picture."""
    found = []
    with torch.inference_mode(), trusted():
        for images in torch.from_numpy(people.images).split(batch):
            stages = network(images.float() / 255)
            maps = torch.stack([torch.stack([s.belief[:, :-1], s.fused[:, :-1]]) for s in stages], dim=1)
            found.append(peaks(maps.float(), subpixel=True))
    Y = rescale_pixels(torch.cat(found, dim=2).double().numpy(), network.configuration.stride)
    return Y[0], Y[1]


def missed(Y: np.ndarray, people: RenderedPeople, counted: Bool[np.ndarray, "N 17"]) -> float:
    """Of the landmarks `counted` those further than a fifth of the torso from where they are, per cent."""
    distance, _ = distances(Y, people.landmarks)
    return float(100 * (distance > WITHIN * torso(people.landmarks)[:, None])[counted].mean())


def measure(network: Network, people: RenderedPeople) -> dict[str, Any]:
    """All errors of a trained network, per cent, a number for each stage."""
    network.eval()
    inside = people.inside
    legs = np.zeros_like(inside)
    legs[:, SWAPPED] = inside[:, SWAPPED]
    b, f = landmarks_by_stage(network, people)
    with swapped_legs(network):
        _, swapped = landmarks_by_stage(network, people)
    lifted = network.lifting != "none"
    return {
        "missed, b": [missed(Y, people, inside) for Y in b],
        "missed, f": [missed(Y, people, inside) for Y in f],
        "hidden, b": [missed(Y, people, inside & ~people.visible) for Y in b],
        "hidden, f": [missed(Y, people, inside & ~people.visible) for Y in f],
        "legs, f": [missed(Y, people, legs) for Y in f],
        "legs swapped, f": [missed(Y, people, legs) for Y in swapped],
        "w": torch.sigmoid(network.fusion).tolist() if lifted else None,
    }


def run(job: tuple[str, int], out: Path, runs: Path, steps: int = STEPS) -> dict[str, Any]:
    """Train and measure one variant from one start, unless `out` has the result; goes on from its last checkpoint.

    Raises:
        ValueError: `out` has the result of a run with other settings.
    """
    variant, start = job
    settings = settings_of(variant, start, steps)
    path = out / f"{variant.replace(', ', '_').replace(' ', '_')}_{start}.json"
    if path.exists():
        found: dict[str, Any] = json.loads(path.read_text())
        if found["settings"] != asdict(settings):
            fail("out", f"{path}, of a run with other settings", "results of runs with these settings, or none")
        return found
    folder = runs / path.stem
    options = RunOptions(resume=True, workers=0, device="cpu", every=EVERY, progress=False)
    network = train(settings, load_rendered(), folder, validation=load_rendered("validation"), options=options)
    result = {
        "variant": variant,
        "start": start,
        "settings": asdict(settings),
        "curve": curve(folder / "validation.csv"),
        **measure(network, load_rendered("test")),
    }
    write_atomically(path, (json.dumps(result, indent=1) + "\n").encode())
    return result


def curve(log: Path) -> list[tuple[int, float]]:
    """From the log of a run: steps, and per cent of the validation pictures' landmarks missed after the last stage."""
    rows = csv.DictReader(log.read_text().splitlines())
    return [(int(row["step"]), round(100 - 100 * float(row["pck"]), 3)) for row in rows]


@dataclass(frozen=True)
class Options:
    """Train the variants, and write a file for each."""

    out: Folder
    """the folder of the results"""
    runs: Path
    """a folder for weights and checkpoints"""
    starts: int = STARTS
    """how many random beginnings each variant has"""
    steps: int = STEPS
    """of a run; the plain network has more"""
    variants: tuple[str, ...] = tuple(VARIANTS)
    """which"""
    processes: int = 2
    """runs at a time, each on one core"""


def main(options: Options) -> None:
    """Train the variants, and write a file for each: every variant once, then all again from another start."""
    check_count("--processes", options.processes)
    options.runs.mkdir(parents=True, exist_ok=True)
    jobs = [(variant, start) for start in range(options.starts) for variant in options.variants]
    work = partial(run, out=options.out, runs=options.runs, steps=options.steps)
    with ProcessPoolExecutor(options.processes, initializer=partial(torch.set_num_threads, 1)) as pool:
        for result in pool.map(work, jobs):
            print(result["variant"], result["start"], result["missed, f"], flush=True)


if __name__ == "__main__":
    main(tyro.cli(Options, prog="python -m lifting.experiments.trial"))
