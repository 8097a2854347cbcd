"""The shipped network: from the folders of its training to `data/network.safetensors`, its figures and its card.

    python -m lifting.training.shipping --run runs/network runs/further runs/last --data shards --out data \
        --pictures docs --machine "WHICH"

Written, each whole or not at all: `network.safetensors` (float16), `network_training.csv` (errors on held-out pictures
while it learned), `network.json` (every figure of the card), `network.md` (the card), and two pictures.
"""

import csv
import io
import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib.figure
import numpy as np
import torch
import tyro
from matplotlib.backends.backend_agg import FigureCanvasAgg

from lifting.belief import peaks
from lifting.camera import flip_y
from lifting.datasets.composing import finish
from lifting.datasets.real_frames import load_real_frames
from lifting.datasets.rendered import RenderedPeople, as_jpeg, load_rendered, open_shards
from lifting.drawing.plots import draw_landmarks_on_photo
from lifting.front import lift
from lifting.metrics import p_mpjpe
from lifting.misfit import PoorFit
from lifting.network import (
    LAST_NOISE,
    Network,
    confidences,
    fingerprint,
    load_network,
    noisier,
    save_network,
)
from lifting.pose_prior import PosePrior, load_prior
from lifting.support.commands import step_of
from lifting.support.files import bytes_of, sha256_of, write_atomically, write_json
from lifting.support.templates import render
from lifting.training.evaluation import (
    LIMBS,
    average_over_views,
    evaluate,
    evaluate_real,
    front_back,
    in_the_image,
    photos,
    read,
)


def measure(network: Network) -> dict[str, Any]:
    """Every figure of a network: on held-out renders of both kinds and on the real photos."""
    test = load_rendered("test")
    return {
        "test": evaluate(network, test) | {"looked again": looked_again(network, test)},
        "validation": evaluate(network, load_rendered("validation")),
        "photos": evaluate_real(network, load_real_frames()),
        "last lift": last_lifts(network),
        "crops": {f"{share:.0%}": photos_cut(network, share) for share in SHARES},
        "w": torch.sigmoid(network.fusion).tolist(),
    }


SHARES = (0.5, 0.65, 0.8, 0.9, 0.95, 1.1)
"""Of a square picture's height that the person fills."""


def photos_cut(network: Network, share: float) -> dict[str, float | None]:
    """The figures of the last stage on the photos, cut so that the person fills `share` of the height."""
    frames = load_real_frames()
    pictures, truth, known = photos(frames, share)
    return in_the_image(read(network, pictures).landmarks[-1], truth, known)


def last_lifts(network: Network) -> dict[str, dict[str, float]]:
    """P-MPJPE in mm of the last stage's landmarks, lifted in several ways, the network's own at the end.

    Of renders all landmarks count, of the photos 12, against the triangulated ones.
    """
    frames, limbs = load_real_frames(), np.isin(np.arange(17), LIMBS)
    sets = {split: load_rendered(split) for split in ("test", "validation")}
    images = {split: people.images for split, people in sets.items()} | {"photos": photos(frames)[0]}
    truth = {split: people.pose for split, people in sets.items()}
    truth["photos"] = np.stack([frame.pseudo_truth for frame in frames])
    known = {split: np.ones((len(people), 17), dtype=bool) for split, people in sets.items()}
    known["photos"] = np.stack([frame.pseudo_visible & limbs for frame in frames])
    found = {name: last_maps(network, own) for name, own in images.items()}
    wide, embedded = noisier(network.prior, LAST_NOISE), load_prior()
    ways: dict[str, tuple[PosePrior, bool, bool]] = {
        "whole pixels": (network.prior, False, False),
        "between pixels": (network.prior, True, False),
        "and with a network's noise": (wide, True, False),
        "and with confidences": (wide, True, True),
    }
    if fingerprint(embedded) != fingerprint(network.prior):
        ways["the same with the embedded prior"] = (noisier(embedded, LAST_NOISE), True, True)
    return {
        way: {name: in_millimetres(maps, how, truth[name], known[name]) for name, maps in found.items()}
        for way, how in ways.items()
    }


def in_millimetres(
    maps: torch.Tensor, how: tuple[PosePrior, bool, bool], truth: np.ndarray, known: np.ndarray
) -> float:
    """P-MPJPE of belief maps (N, 17, H, W) lifted with a prior, between pixels or not, with confidences or not."""
    prior, subpixel, weighted = how
    Y, weights = flip_y(peaks(maps, subpixel=subpixel)), confidences(maps) if weighted else None
    with warnings.catch_warnings(action="ignore", category=PoorFit):  # the errors say how well it fits
        lifted = lift(Y, prior, scale=None, weights=weights)
    pose = (lifted.pose / lifted.scale[:, None, None]).numpy()
    errors = [1000 * p_mpjpe(own, true, seen) for own, true, seen in zip(pose, truth, known, strict=True)]
    return float(np.mean(errors))


def last_maps(network: Network, images: np.ndarray, batch: int = 50) -> torch.Tensor:
    """The last stage's fused maps (N, 17, H, W), in float64."""
    with torch.inference_mode():
        parts = [network(part.float() / 255)[-1].fused for part in torch.from_numpy(images).split(batch)]
    return torch.cat(parts)[:, :-1].double()


def looked_again(network: Network, people: RenderedPeople, batch: int = 50) -> dict[str, float | None]:
    """The figures of `average_over_views` on renders."""
    starts = range(0, len(people), batch)
    Y = np.concatenate([average_over_views(network, people.images[start : start + batch]) for start in starts])
    return in_the_image(Y, people.landmarks, people.inside) | {
        "front or back": front_back(Y, people.from_behind)["all"]
    }


def with_jpeg(network: Network, people: RenderedPeople) -> dict[str, dict[str, float | None]]:
    """How often front and back are told apart in pictures as they are, and with JPEG's marks on them."""
    kinds = {"plain": people, "JPEG": as_jpeg(people)}
    return {kind: front_back(read(network, own.images).landmarks[-1], own.from_behind) for kind, own in kinds.items()}


def spent(log: Sequence[Mapping[str, str]], batch: int) -> tuple[float, float]:
    """How long a run took, hours, without its looks at held-out pictures; and how much of it waiting for pictures."""
    steps = np.diff([0, *(int(row["step"]) for row in log)])
    seconds = steps * batch / [float(row["pictures a second"]) for row in log]
    return float(seconds.sum() / 3600), float(np.average([float(row["waiting"]) for row in log], weights=seconds))


def card(table: Mapping[str, Any]) -> str:
    """The text of network.md, made of network.json and the list of commands alone."""
    settings = [
        [f"{key} {value}" for key, value in part.items() if key not in ("config", "lifting", "size")]
        for part in table["settings"]
    ]
    commands = step_of("network.safetensors").commands
    return render("lifting.training", "network.md.j2", table=table, settings=settings, commands=commands)


def draw_training(history: Sequence[Mapping[str, str]]) -> matplotlib.figure.Figure:
    """The errors on held-out pictures while it learned."""
    steps = [int(row["step"]) for row in history]
    figure = matplotlib.figure.Figure(figsize=(9, 3), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    names = {"pck": "PCK, named", "pck agnostic": "PCK, either side", "front or back": "front or back"}
    for (key, name), colour in zip(names.items(), ("#0072B2", "#56B4E9", "#D55E00"), strict=True):
        left.plot(steps, [100 * float(row[key]) for row in history], ".-", color=colour, label=name)
    left.set(xlabel="step", ylabel="per cent", ylim=(0, 100))
    stages = [key for key in history[0] if key.startswith("median px")]
    for key, colour in zip(stages, ("#56B4E9", "#0072B2", "#000000"), strict=False):
        right.plot(steps, [float(row[key]) for row in history], ".-", color=colour, label=f"stage {key[-1]}")
    right.set(xlabel="step", ylabel="median error (px of 128)", ylim=(0, None))
    for ax in (left, right):
        ax.legend(fontsize=8)
        ax.locator_params(axis="x", nbins=5)
    return figure


def draw_photos(network: Network) -> matplotlib.figure.Figure:
    """The real photos with the network's landmarks, and what they are measured against."""
    frames = load_real_frames()
    crops, truth, _ = photos(frames)
    found = read(network, crops).landmarks[-1]
    figure = matplotlib.figure.Figure(figsize=(11, 5.8), dpi=90, layout="constrained")
    FigureCanvasAgg(figure)
    for ax, crop, true, Y, frame in zip(figure.subplots(2, 4).flat, crops, truth, found, frames, strict=True):
        draw_landmarks_on_photo(ax, crop.transpose(1, 2, 0), Y, legend=frame is frames[0])
        ax.plot(*true[:, list(LIMBS)], "+", color="white", ms=6)
        ax.set(title=frame.name, xlim=(-0.5, 127.5), ylim=(127.5, -0.5))
    return figure


def as_png(figure: matplotlib.figure.Figure) -> bytes:
    """The bytes of a picture."""
    return bytes_of(figure.savefig, format="png", metadata={"Software": None})


def joined(runs: Sequence[Path], earlier: Sequence[dict[str, str]] = ()) -> list[dict[str, str]]:
    """The errors on held-out pictures of runs that went on from each other, steps counted from the first.

    `earlier`: those of the runs before these.
    """
    rows = list(earlier)
    before = int(rows[-1]["step"]) if rows else 0
    for run in runs:
        own = read_rows(run / "validation.csv")
        rows += [row | {"step": str(before + int(row["step"]))} for row in own]
        before = int(rows[-1]["step"])
    return rows


def as_csv(rows: Sequence[Mapping[str, str]]) -> bytes:
    """The bytes of a CSV file with these rows."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def read_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    return list(csv.DictReader(path.read_text().splitlines()))


@dataclass(frozen=True)
class Options:
    """Ship the network that some runs have trained, each going on from the one before."""

    run: tuple[Path, ...]
    """the folders of its training, in order"""
    data: Path
    """the folder of rendered buffers that it was run on"""
    out: Path
    """the folder of the weights and their card"""
    pictures: Path
    """the folder of the card's pictures"""
    machine: str
    """which machine trained it, on how many threads"""
    before: tuple[Path, ...] = ()
    """the folders of networks shipped earlier, in order; the first run went on from the last of them"""


def ship(options: Options) -> None:
    """Write everything about a trained network: see the top of this module.

    Raises:
        FileNotFoundError: a run is not finished, or is none.
    """
    out, before, origin = options.out, options.before, provenance(options)
    history = joined(options.run, read_rows(before[-1] / "network_training.csv") if before else ())
    save_network(load_network(options.run[-1] / "network.safetensors"), out / "network.safetensors", torch.float16)
    shipped = load_network(out / "network.safetensors")
    held_out = finish(open_shards(options.data, "validation"))
    so_far = [(read_rows(at / "network_training.csv"), load_network(at / "network.safetensors")) for at in before]
    table = {
        "sha256": sha256_of(out / "network.safetensors"),
        "parameters": sum(p.numel() for p in shipped.parameters()),
        **origin,
        **measure(shipped),
        "held out": len(held_out),
        "with JPEG": [
            {"steps": int(rows[-1]["step"])} | with_jpeg(each, held_out) for rows, each in [*so_far, (history, shipped)]
        ],
    }
    table["pictures"] = sum(part["steps"] * part["batch"] for part in table["settings"])
    write_atomically(out / "network_training.csv", as_csv(history))
    write_json(out / "network.json", table)
    write_atomically(out / "network.md", card(table).encode())
    write_atomically(options.pictures / "network_training.png", as_png(draw_training(history)))
    write_atomically(options.pictures / "network_photos.png", as_png(draw_photos(shipped)))


def provenance(options: Options) -> dict[str, Any]:
    """How a network was trained: what was known of those shipped before it, with these runs added."""
    settings = [json.loads((run / "settings.json").read_text()) for run in options.run]
    logs = [spent(read_rows(run / "log.csv"), part["batch"]) for run, part in zip(options.run, settings, strict=True)]
    buffers = open_shards(options.data)
    before: dict[str, Any] = {"settings": [], "buffers": [], "bodies": [], "hours": 0.0, "machine": []}
    if options.before:
        before = json.loads((options.before[-1] / "network.json").read_text())
    return {
        "settings": before["settings"] + settings,
        "buffers": [*before["buffers"], len(buffers)],
        "bodies": [*before["bodies"], len(np.unique(buffers.body))],
        "hours": round(before["hours"] + sum(hours for hours, _ in logs), 2),
        "waiting": logs[-1][1],
        "machine": [*before["machine"], options.machine],
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Ship what the command line names: see the top of this module."""
    ship(tyro.cli(Options, prog="python -m lifting.training.shipping", args=arguments))


if __name__ == "__main__":
    main()
