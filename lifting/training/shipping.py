"""The shipped network: from the folders of its training to `data/network.safetensors`, its figures and its card.

    python -m lifting.training.shipping --run runs/network runs/further runs/last --data shards --out data \
        --pictures docs --machine "WHICH"

Written, each whole or not at all: `network.safetensors` (float16), `network_training.csv` (errors on held-out pictures
while it learned), `network.json` (every figure of the card), `network.md` (the card), and two pictures.
"""

import argparse
import csv
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib.figure
import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg

from lifting.datasets.real_frames import load_real_frames, transform
from lifting.datasets.rendered import RenderedPeople, as_jpeg, finish, load_rendered, open_shards
from lifting.drawing.plots import draw_landmarks_on_photo
from lifting.network import Network, load_network, save_network
from lifting.support.files import write_atomically
from lifting.training.evaluation import (
    LIMBS,
    evaluate,
    evaluate_real,
    front_back,
    in_the_image,
    look_again,
    read,
    square,
)

COMMANDS = """\
python -m lifting.datasets.rendered --out shards --bodies 3750 --seed 0
python -m lifting.training --steps 10000 --out runs/network --data shards --precision bfloat16
python -m lifting.training --start runs/network/network.safetensors --seed 1 --steps 2000 --rate 1e-3 \\
    --unrecognisable 0.1 --out runs/further --data shards --precision bfloat16
python -m lifting.training --start runs/further/network.safetensors --seed 2 --steps 800 --rate 5e-4 \\
    --unrecognisable 0.1 --out runs/last --data shards --precision bfloat16
mkdir -p runs/before runs/second
python -m lifting.training.shipping --run runs/network runs/further runs/last --data shards --out runs/before \\
    --pictures runs/before --machine "WHICH"
python -m lifting.datasets.rendered --out stirred --bodies 7500 --seed 0 --stirred
python -m lifting.training --start runs/before/network.safetensors --seed 3 --steps 13500 --rate 1.5e-3 \\
    --unrecognisable 0.15 --every 1000 --out runs/stirred --data stirred --precision bfloat16
python -m lifting.training.shipping --before runs/before --run runs/stirred --data stirred --out runs/second \\
    --pictures runs/second --machine "WHICH"
python -m lifting.training --start runs/second/network.safetensors --seed 4 --steps 11000 --rate 1.2e-3 \\
    --unrecognisable 0.15 --every 1000 --out runs/sharp --data stirred --precision bfloat16
python -m lifting.training.shipping --before runs/before runs/second --run runs/sharp --data stirred --out data \\
    --pictures docs --machine "WHICH"
"""
"""How it was made; the card says why in five runs."""


def measure(network: Network) -> dict[str, Any]:
    """Every figure of a network: on held-out renders of both kinds and on the real photos."""
    test = load_rendered("test")
    return {
        "test": evaluate(network, test) | {"looked again": looked_again(network, test)},
        "validation": evaluate(network, load_rendered("validation")),
        "photos": evaluate_real(network, load_real_frames()),
        "w": torch.sigmoid(network.fusion).tolist(),
    }


def looked_again(network: Network, people: RenderedPeople, batch: int = 50) -> dict[str, float]:
    """The figures of `look_again` on renders."""
    parts = [look_again(network, people.images[start : start + batch]) for start in range(0, len(people), batch)]
    Y = np.concatenate(parts)
    return in_the_image(Y, people.landmarks, people.inside) | {
        "front or back": front_back(Y, people.from_behind)["all"]
    }


def with_jpeg(network: Network, people: RenderedPeople) -> dict[str, dict[str, float]]:
    """How often front and back are told apart in pictures as they are, and with JPEG's marks on them."""
    kinds = {"plain": people, "JPEG": as_jpeg(people)}
    return {kind: front_back(read(network, own.images).landmarks[-1], own.from_behind) for kind, own in kinds.items()}


def spent(log: Sequence[Mapping[str, str]], batch: int) -> tuple[float, float]:
    """How long a run took, hours, without its looks at held-out pictures; and how much of it waiting for pictures."""
    steps = np.diff([0, *(int(row["step"]) for row in log)])
    seconds = steps * batch / [float(row["pictures a second"]) for row in log]
    return float(seconds.sum() / 3600), float(np.average([float(row["waiting"]) for row in log], weights=seconds))


def card(table: Mapping[str, Any]) -> str:
    """The text of network.md, made of network.json alone."""
    run, test, held, photos = table["settings"][0], table["test"], table["validation"], table["photos"]
    stages = "\n".join(
        f"| {name} | {t} | {s['median px']:.2f} | {s['mean px']:.2f} | {s['pck']:.1%} | {s['pck agnostic']:.1%} |"
        for name, report in (("test renders", test), ("validation renders", held), ("real photos", photos))
        for t, s in [
            *enumerate(report["stages"], start=1),
            *([("3, ten looks", report["looked again"])] if "looked again" in report else []),
        ]
    )
    groups = "\n".join(
        f"| {part} | {share:.1%} | {held['groups'][part]:.1%} |" for part, share in test["groups"].items()
    )
    space = "\n".join(
        f"| {name} | {r['space']['mpjpe']:.0f} | {r['space']['n_mpjpe']:.0f} | {r['space']['p_mpjpe']:.0f} "
        f"| {r['front_back']['all']:.1%} | {r['front_back']['front']:.1%} | {r['front_back']['behind']:.1%} |"
        for name, r in (("test", test), ("validation", held))
    )
    frames = "\n".join(
        f"| `{name}` | {r['median px']:.1f} | {r['pck']:.0%} "
        f"| {r['median px agnostic']:.1f} | {r['pck agnostic']:.0%} |"
        for name, r in photos["frames"].items()
    )
    jpeg = "\n".join(
        f"| {row['steps']:,} steps, {kind} | {row[kind]['all']:.1%} | {row[kind]['front']:.1%} "
        f"| {row[kind]['behind']:.1%} |"
        for row in table["with JPEG"]
        for kind in ("plain", "JPEG")
    )
    settings = "; then ".join(
        ", ".join(f"{key} {value}" for key, value in part.items() if key not in ("config", "lifting", "size"))
        for part in table["settings"]
    )
    trained_on = "; then ".join(
        f"{buffers:,} rendered buffers of {bodies:,} bodies"
        for buffers, bodies in zip(table["buffers"], table["bodies"], strict=True)
    )
    return f"""# network.safetensors

The weights that `lifting.load_network()` loads: the "{run["config"]}" configuration ({table["parameters"]:,}
parameters, three stages, 128 px, maps of 32 x 32), with the lifting layer and the supplement's sub-gradients at every
stage (`lifting={run["lifting"]!r}`), trained on rendered people alone. For learning how the method works: it is no
detector for use on photos.

| | |
|---|---|
| SHA-256 of `network.safetensors` | `{table["sha256"]}` |
| Format | safetensors, float16; no pickle |
| Trained on | {trained_on}, composed anew each time |
| Settings | {settings} |
| Pictures seen | {table["pictures"]:,} |
| Time | {table["hours"]:.1f} h on {"; then ".join(table["machine"])} |
| Waiting for pictures | {table["waiting"]:.1%} of the last run; another process makes them |
| Learned weights of the fusion | {", ".join(f"w_{t} = {w:.2f}" for t, w in enumerate(table["w"], start=1))} |
| Licence | Apache-2.0; what it was trained on: [rendered_people.md](rendered_people.md) |

## Made by

With the extra `render`, and some ten minutes for the first command:

```sh
{COMMANDS}```

Training was meant to be one run. After it, a person who showed no face was taken to be seen from the front too often,
so it went on with fewer heads made unrecognisable, and once more at a lower rate. Still 89.0% of the test renders, of
the 90% that were wanted, were told right, and 76% of the photos' landmarks found, of the 85%. What the next two runs
changed:

- **JPEG.** The embedded pictures are JPEGs, training had seen none, and the network took JPEG's marks for a face: see
  the table. Since the fourth run three quarters of the training pictures go through JPEG.
- **Few poses.** Training knew some 2,200 recorded ones. Since the fourth run joints are turned a little, at random
  (`lifting.makers.bodies.stir`).
- **Sharpness.** The photos, made smaller, are sharper than training's pictures were; in the fifth run 60% of those are
  sharpened. After the fourth run 82% of the photos' landmarks were found, sides not counted, after the fifth
  {photos["stages"][-1]["pck agnostic"]:.0%}. How much of that is due to sharpness and how much to 11,000 steps more
  was not measured.

| {table["held out"]:,} held-out renders, last stage, after | front or back | front | behind |
|---|---|---|---|
{jpeg}

(The commands above compress and sharpen pictures in all five; the runs that are said to have been without were made
before.)

Batches and first weights are functions of the seed, so the commands give a network like this one; on another
processor, torch or number of threads not one of the same bits.

![Errors on held-out pictures while it learned](../docs/network_training.png)

(On the buffers that the commands render for validation: 188 bodies for the first three runs, 375 for the other two,
which are in no other set.)

## In the picture

Distances in pixels of 128; PCK@0.2: the share of landmarks within a fifth of the torso, with sides named and with
the better of both namings for each pair. Test and validation renders are those of `rendered_people.npz`: other bodies
and other clips than those trained on. Real photos: 12 landmarks of the limbs against other networks' triangulated ones.
Ten looks: the mean of the last stage's maps over the picture tilted by -20 to 20 degrees, mirrored or not
(`lifting.training.evaluation.look_again`).

| pictures | stage | median px | mean px | PCK, named | PCK, either side |
|---|---|---|---|---|---|
{stages}

| part, last stage | PCK on test renders | on validation renders |
|---|---|---|
{groups}

## In space, and which side is left

MPJPE in mm about the pelvis, as it is, after the best scale, and after the best similarity. The prior has learned from
all clips, these too, and knows nothing of the body's build. Front or back: the share of people whose facing is told
right, of all, of those seen from the front, of those seen from behind.

| renders | MPJPE | N-MPJPE | P-MPJPE | front or back | front | behind |
|---|---|---|---|---|---|---|
{space}

## Real photos

![The eight photos with the network's landmarks](../docs/network_photos.png)

Crosses: the triangulated landmarks that it is measured against.

| photo | median px | PCK, named | median px, either side | PCK, either side |
|---|---|---|---|---|
{frames}

**These eight photos are no fair test of photos in general.** They show one man in one room, and the way in which the
training pictures are varied was chosen after looking at them: bars at the sides, an unrecognisable head, a cap, a bare
trunk, a tilted and cluttered room, sharpness (`lifting/datasets/batches.py`, `composing.py`). No photo was trained on.
Expect less on other photos.

## What is wrong with it

- It is small, and has seen renders alone.
- Wrists and elbows, and on the test renders knees and ankles, are missed far more often than the rest.
- 3D errors are larger than the 2D ones suggest: lifting takes the prior's build, and a swapped side turns the person.
- One person, upright, who fills most of the picture. It has no way of saying that nobody is there.
"""


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
    crops, into = zip(*(square(frame) for frame in frames), strict=True)
    found = read(network, np.stack(crops)).landmarks[-1]
    figure = matplotlib.figure.Figure(figsize=(11, 5.8), dpi=90, layout="constrained")
    FigureCanvasAgg(figure)
    for ax, crop, A, Y, frame in zip(figure.subplots(2, 4).flat, crops, into, found, frames, strict=True):
        draw_landmarks_on_photo(ax, crop.transpose(1, 2, 0), Y, legend=frame is frames[0])
        ax.plot(*transform(A, frame.pseudo_pixels.T).T[:, list(LIMBS)], "+", color="white", ms=6)
        ax.set(title=frame.name, xlim=(-0.5, 127.5), ylim=(127.5, -0.5))
    return figure


def as_png(figure: matplotlib.figure.Figure) -> bytes:
    """The bytes of a picture."""
    file = io.BytesIO()
    figure.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


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


def read_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    return list(csv.DictReader(path.read_text().splitlines()))


def ship(
    runs: Sequence[Path], shards: Path, out: Path, pictures: Path, machine: str, before: Sequence[Path] = ()
) -> None:
    """Write everything about the network that some runs have trained, each going on from the one before.

    `before`: the folders of networks shipped earlier, in order; the first of the runs went on from the last of them.

    Raises:
        FileNotFoundError: a run is not finished, or is none.
    """
    earlier: list[dict[str, str]] = []
    table: dict[str, Any] = {"settings": [], "buffers": [], "bodies": [], "hours": 0.0, "machine": []}
    if before:
        found = json.loads((before[-1] / "network.json").read_text())
        table = {key: found[key] for key in table}
        earlier = read_rows(before[-1] / "network_training.csv")
    network = load_network(runs[-1] / "network.safetensors")
    settings = [json.loads((run / "settings.json").read_text()) for run in runs]
    logs = [spent(read_rows(run / "log.csv"), part["batch"]) for run, part in zip(runs, settings, strict=True)]
    history = joined(runs, earlier)
    buffers, held_out = open_shards(shards), finish(open_shards(shards, "validation"))
    save_network(network, out / "network.safetensors", torch.float16)
    shipped = load_network(out / "network.safetensors")
    so_far = [(read_rows(at / "network_training.csv"), load_network(at / "network.safetensors")) for at in before]
    table = {
        "sha256": hashlib.sha256((out / "network.safetensors").read_bytes()).hexdigest(),
        "parameters": sum(p.numel() for p in shipped.parameters()),
        "settings": table["settings"] + settings,
        "buffers": [*table["buffers"], len(buffers)],
        "bodies": [*table["bodies"], len(np.unique(buffers.body))],
        "hours": round(table["hours"] + sum(hours for hours, _ in logs), 2),
        "waiting": logs[-1][1],
        "machine": [*table["machine"], machine],
        **measure(shipped),
        "held out": len(held_out),
        "with JPEG": [
            {"steps": int(rows[-1]["step"])} | with_jpeg(each, held_out) for rows, each in [*so_far, (history, shipped)]
        ],
    }
    table["pictures"] = sum(part["steps"] * part["batch"] for part in table["settings"])
    text = io.StringIO()
    writer = csv.DictWriter(text, list(history[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    write_atomically(out / "network_training.csv", text.getvalue().encode())
    write_atomically(out / "network.json", (json.dumps(table, indent=1) + "\n").encode())
    write_atomically(out / "network.md", card(table).encode())
    write_atomically(pictures / "network_training.png", as_png(draw_training(history)))
    write_atomically(pictures / "network_photos.png", as_png(draw_photos(shipped)))


def main(arguments: Sequence[str] | None = None) -> None:
    """Ship the network of a training run: see the top of this module."""
    parser = argparse.ArgumentParser(prog="python -m lifting.training.shipping", description=main.__doc__)
    parser.add_argument("--run", type=Path, required=True, nargs="+", help="the folders of its training, in order")
    parser.add_argument("--data", type=Path, required=True, help="the folder of rendered buffers that it was run on")
    parser.add_argument("--out", type=Path, required=True, help="the folder of the weights and their card")
    parser.add_argument("--pictures", type=Path, required=True, help="the folder of the card's pictures")
    parser.add_argument(
        "--before", type=Path, nargs="+", default=[], help="the folders of networks shipped earlier, in order"
    )
    parser.add_argument("--machine", required=True, help="which machine trained it, on how many threads")
    given = parser.parse_args(arguments)
    ship(given.run, given.data, given.out, given.pictures, given.machine, given.before)


if __name__ == "__main__":
    main()
