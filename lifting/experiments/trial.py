"""Networks trained from scratch, alike but for the lifting: what claims 1, 3 and 4 rest on. Main paper, section 5.

    python -m lifting.experiments.trial --out data --runs DIR                # resumes, and skips what is there
    python -m lifting.experiments.trial --out data --runs DIR --starts 5     # goes on with more starts
    python -m lifting.experiments.trial --out FOLDER --runs DIR --steps 10000         # longer runs, a set of their own

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
- **no lifting, no more steps**, and other **k** of "Updating B": what the steps and the size of the update matter.

Measured on the embedded test pictures (other bodies, other clips), for every stage t, from the maps b_t that the
convolutions gave and from the fused ones f_t: the share of landmarks inside the picture that are missed by more than a
fifth of the torso, sides named; of hidden landmarks; and of knees and ankles, as they are and after the maps of left
and right ones changed places in what the first stage gave. One run is one file; its curve is of the validation
pictures.
"""

import csv
import json
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import tyro
from jaxtyping import Bool, Float

from lifting.belief import peaks
from lifting.camera import rescale_pixels
from lifting.datasets.rendered import RenderedPeople, load_rendered
from lifting.experiments.claims import LEAST, Comparison, Criterion, compare, save
from lifting.network import Network
from lifting.skeleton import HUMAN36M
from lifting.support.arrays import check_count, fail, trusted
from lifting.support.files import data_path, write_json
from lifting.support.options import Folder
from lifting.training.evaluation import WITHIN, distances, torso
from lifting.training.run import RunOptions, train
from lifting.training.step import Settings

STARTS, STEPS, BATCH, EVERY = 3, 2500, 8, 250
RIVAL = 1.2
"""How many more steps the plain network has: the time of a step with sub-gradients over that of its own."""
MARGIN = 2.0
"""Percentage points within which two errors are similar."""
COMMON: dict[str, Any] = {"config": "small", "batch": BATCH, "rate": 1.5e-3, "fusion_rate": 33.0}
PLAIN, CONTROL, LIFTED = "no lifting", "own peak", "sub-gradients, sub-pixel"
VARIANTS: dict[str, dict[str, Any]] = {
    "no lifting": {"lifting": "none"},
    "own peak": {"lifting": "own-peak", "subpixel": True},
    "forward, sub-pixel": {"lifting": "forward", "subpixel": True},
    "sub-gradients, sub-pixel": {"lifting": "subgradient", "subpixel": True},
    "sub-gradients, whole pixels": {"lifting": "subgradient"},
    "stages apart, sub-pixel": {"lifting": "subgradient", "subpixel": True, "cross_stage": False},
    "soft-argmax": {"lifting": "soft-argmax"},
    "no lifting, no more steps": {"lifting": "none"},
    "sub-gradients, sub-pixel, k = 0.1": {"lifting": "subgradient", "subpixel": True, "k": 0.1},
    "sub-gradients, sub-pixel, k = 10": {"lifting": "subgradient", "subpixel": True, "k": 10.0},
}
"""In the order in which they are run."""
SWAPPED = tuple(HUMAN36M.index(f"{side}_{part}") for part in ("knee", "ankle") for side in ("left", "right"))


def settings_of(variant: str, start: int, steps: int = STEPS) -> Settings:
    """How a variant is trained."""
    rival = RIVAL if variant == PLAIN else 1.0
    return Settings(**COMMON, **VARIANTS[variant], steps=round(steps * rival), seed=start)


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
    path = out / "trials" / f"{re.sub(r'[ ,=]+', '_', variant)}_{start}.json"
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
    write_json(path, result)
    return result


def curve(log: Path) -> list[tuple[int, float]]:
    """From the log of a run: steps, and per cent of the validation pictures' landmarks missed after the last stage."""
    rows = csv.DictReader(log.read_text().splitlines())
    return [(int(row["step"]), round(100 - 100 * float(row["pck"]), 3)) for row in rows]


def load_results(folder: Path | None = None) -> dict[str, dict[int, dict[str, Any]]]:
    """What `run` wrote, by variant, in the order of `VARIANTS`, and start; None: the second trial's, embedded."""
    folder = data_path("trials") if folder is None else folder / "trials"
    rows = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
    found: dict[str, dict[int, dict[str, Any]]] = {}
    for variant in dict.fromkeys([*VARIANTS, *(row["variant"] for row in rows)]):
        if starts := {row["start"]: row for row in rows if row["variant"] == variant}:
            found[variant] = starts
    return found


def table(folder: Path | None = None) -> str:
    """What `load_results` gives as a table in Markdown: means over the starts, and how flat the curves' ends are."""
    rows = ["| variant | starts | steps | missed, f_1, % | missed, f_2, % | hidden, f_2, % | w_1, w_2 | "
            "curve, last fifth |", "|---|---|---|---|---|---|---|---|"]  # fmt: skip
    for variant, starts in load_results(folder).items():
        own = list(starts.values())
        f, hidden = (np.mean([row[key] for row in own], axis=0) for key in ("missed, f", "hidden, f"))
        w = "-" if own[0]["w"] is None else ", ".join(f"{x:.2f}" for x in np.mean([row["w"] for row in own], axis=0))
        rows.append(f"| {variant} | {len(own)} | {own[0]['settings']['steps']:,} | {f[0]:.1f} | {f[1]:.1f} | "
                    f"{hidden[1]:.1f} | {w} | {np.mean([last_fifth(row['curve']) for row in own]):+.1f} |")  # fmt: skip
    return "\n".join(rows)


def last_fifth(curve: Sequence[tuple[int, float]]) -> float:
    """By how many percentage points a curve changes over the last fifth of its steps."""
    steps, values = np.array(curve, dtype=float).T
    return float(values[-1] - np.interp(0.8 * steps[-1], steps, values))


class Question(NamedTuple):
    """Two variants and an error of theirs."""

    of: str
    against: str
    key: str
    stage: int
    expected: Criterion


SIMILAR = Criterion("percentage points", "similar", MARGIN)
OURS = Criterion("percentage points", "better", kind="ours")
QUESTIONS: dict[str, tuple[str, list[Question]]] = {
    "gradients": (
        "training without the lifting's gradients gives similar results to training with them",
        [
            Question(LIFTED, "forward, sub-pixel", "missed, f", 1, SIMILAR),
            Question(LIFTED, "soft-argmax", "missed, f", 1, SIMILAR._replace(kind="ours")),
            *(Question(LIFTED, f"{LIFTED}, k = {k}", "missed, f", 1, SIMILAR._replace(kind="ours")) for k in (0.1, 10)),
        ],
    ),
    "cross_stage": (
        "gradients between stages have little effect when each stage has its own loss",
        [Question("stages apart, sub-pixel", LIFTED, "missed, f", 1, SIMILAR)],
    ),
    "fusion": (
        "fusing with the lifted model improves the landmarks",
        [
            Question(LIFTED, PLAIN, "missed, f", 1, Criterion("percentage points", "better")),
            Question(LIFTED, CONTROL, "missed, f", 1, OURS),
            Question(LIFTED, "no lifting, no more steps", "missed, f", 1, OURS),
            Question(LIFTED, "sub-gradients, whole pixels", "missed, f", 1, OURS),
            *(Question(LIFTED, other, "missed, b", 1, OURS) for other in (PLAIN, CONTROL)),
            *(Question(LIFTED, other, "missed, f", 0, OURS) for other in (PLAIN, CONTROL)),
            *(Question(LIFTED, other, "hidden, f", 1, OURS) for other in (PLAIN, CONTROL)),
            *(Question(LIFTED, other, "legs, f", 1, OURS) for other in (PLAIN, CONTROL)),
            Question("forward, sub-pixel", CONTROL, "missed, f", 1, OURS),
        ],
    ),
}
"""What is asked of the results, by claim: the paper's words in ours, and the comparisons. Of legs it is how many more
of their landmarks are missed once left and right were exchanged."""


def error_of(row: dict[str, Any], key: str, stage: int) -> float:
    """One error of a result; of "legs, f" how much exchanging them adds."""
    own = row[key][stage]
    return float(row["legs swapped, f"][stage] - own if key == "legs, f" else own)


def answer(question: Question, results: dict[str, dict[int, dict[str, Any]]]) -> Comparison | None:
    """The comparison over the starts that both variants have; None if they are too few."""
    q = question
    starts = sorted(results.get(q.of, {}).keys() & results.get(q.against, {}).keys())
    if len(starts) < LEAST:
        return None
    mine, other = ([error_of(results[name][n], q.key, q.stage) for n in starts] for name in (q.of, q.against))
    what = {"missed, b": "b_", "missed, f": "f_", "hidden, f": "hidden landmarks, f_", "legs, f": "legs exchanged, f_"}
    return compare(f"{q.of}, {what[q.key]}{q.stage + 1}", q.against, mine, other, q.expected)


def save_claims(out: Path) -> None:
    """Write the claims, with the comparisons that have enough starts; none whose first comparison hasn't."""
    results = load_results(out)
    steps = min(row["settings"]["steps"] for starts in results.values() for row in starts.values())
    setting = (f"small network from scratch, {steps} steps of {BATCH} embedded pictures of 128 px; the plain one has "
               f"{RIVAL - 1:.0%} more, for the same time; {len(load_rendered('test'))} test pictures of other bodies "
               "and clips")  # fmt: skip
    longer = "" if steps == STEPS else f" --steps {steps}"
    command = f"python -m lifting.experiments.trial --out {out.as_posix()} --runs DIR{longer}"
    for name, (words, questions) in QUESTIONS.items():
        answers = [answer(question, results) for question in questions]
        if answers[0] is None:
            print(f"{name}: fewer than {LEAST} starts")
        else:
            save(name, words, setting, [own for own in answers if own], out, pairs="starts", command=command)


@dataclass(frozen=True)
class Options:
    """Train the variants, and write a file for each."""

    out: Folder
    """the folder of the claims, and in it `trials`, with a file for each run"""
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
    for folder in (options.runs, options.out / "trials"):
        folder.mkdir(parents=True, exist_ok=True)
    jobs = [(variant, start) for start in range(options.starts) for variant in options.variants]
    work = partial(run, out=options.out, runs=options.runs, steps=options.steps)
    with ProcessPoolExecutor(options.processes, initializer=partial(torch.set_num_threads, 1)) as pool:
        for result in pool.map(work, jobs):
            print(result["variant"], result["start"], result["missed, f"], flush=True)
    save_claims(options.out)


if __name__ == "__main__":
    main(tyro.cli(Options, prog="python -m lifting.experiments.trial"))
