"""What cog puts into docs/measured.md, data/README.md and data/network.md: `make readme` runs it, a test checks it."""

import json
from pathlib import Path

import mutation
import numpy as np
import readme_picture

from lifting.datasets.real_frames import load_real_frames
from lifting.pose_prior import load_prior
from lifting.support.commands import step_of, steps
from lifting.support.files import data_path

ROOT = Path(__file__).resolve().parent.parent


def mutation_scores() -> str:
    """What mutation testing found, as an item of a list."""
    results = mutation.read(mutation.RESULTS)
    tested, share = {}, {}
    for kind, counts in mutation.scores(results).items():
        tested[kind] = counts[1]
        share[kind] = mutation.score(*counts).replace("%", " %")
    sample = "a sample of " if results["sample"] else ""
    return (
        "- The equation modules were [mutated](mutation.md) to see which faults the tests would miss: of\n"
        f"  {sample}{tested['equation']:,} faults in equations {share['equation']} are noticed, of "
        f"{tested['check']:,} in checks\n  {share['check']}, and each of the others has its reason."
    )


def smoothness() -> str:
    """What a move by one pixel does to the winner, and to (8), as an item of a list."""
    measured = json.loads(data_path("smoothness.json").read_text(encoding="utf-8"))
    known, held_out = (measured[name]["80"] for name in ("crossings", "crossings_held_out"))
    # where the winner stays, (8) misses nothing
    less = [1 - row["more_missed_than_predicted"]["fraction"] / row["winner"]["fraction"] for row in (known, held_out)]
    changed, good, unseen = (f"{share:.0%}" for share in (known["winner"]["fraction"], *less))
    return (
        "- What is [not smooth](smoothness.md): in the search of a mixture of five Gaussians, a landmark that\n"
        f"  moves by a pixel changes the winning rotation or component in {changed} of cases. In {good} of these\n"
        f"  the error of (8) is smaller than what it predicts, in {unseen} where the prior has not seen the motion;\n"
        "  in all other cases (8) is exact."
    )


def held_out() -> str:
    """How far poses of unseen motions are off, as an item of a list."""
    chosen = json.loads(data_path("prior_held_out.json").read_text(encoding="utf-8"))["chosen"]
    clips = {clip["clip"]: clip["mean_mm"] for clip in chosen["clips"]}
    order = sorted(clips, key=clips.__getitem__)
    best, worst = (f"{clips[name]:.0f} mm (`{name}`)" for name in (order[0], order[-1]))
    return (
        "- A motion that the prior has not seen is lifted from its exact 2D landmarks with a mean error of "
        f"{chosen['mean_mm']:.0f} mm a\n  landmark, from {best} to {worst}: [the table by clip](../data/prior.md)."
    )


def photos() -> str:
    """How far the eight photos' poses are off, as an item of a list."""
    frames, prior = load_real_frames(), load_prior()
    off = {frame.name: readme_picture.lift(frame, prior).error for frame in frames}
    return (
        f"- The {len(off)} embedded photos, P-MPJPE against a triangulated pseudo ground truth: the best "
        f"{off[readme_picture.PHOTO]:.0f} mm,\n  median {np.median(list(off.values())):.0f} mm, worst "
        f"{max(off.values()):.0f} mm; [notebook 00](../notebooks/00_start_here.ipynb) shows them all, failures "
        "included."
    )


def commands() -> str:
    """The commands that make all embedded files, as a block of shell."""
    parts = []
    for step in steps():
        extra = f", with the extra {step.extra}" if step.extra else ""
        parts.append(f"# {', '.join(step.makes)}:\n# {step.time}{extra}\n{step.commands}")
    return block("\n".join(parts))


def commands_for(name: str) -> str:
    """The commands that make the embedded file `name`, as a block of shell."""
    return block(step_of(name).commands)


def block(commands: str) -> str:
    """A block of shell in Markdown."""
    return f"```sh\n{commands}```"
