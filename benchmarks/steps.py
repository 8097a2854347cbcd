"""What each step gains for somebody's own video: the camera's tilt searched, sides mended, confidences, smoothing.

    python benchmarks/steps.py            # five minutes: writes benchmarks/steps.json and .md
    python benchmarks/steps.py --quick    # some groups of clips, prints only

Held-out motion as a detector might see it: a camera that looks down by 0 to 30 degrees, unknown, as is the scale;
a confidence c for every landmark, evenly between 0.1 and 1, with noise of 8 mm / c; all sides, the arms' or the
legs' exchanged in one frame of ten. And the eight embedded photos, with a real detector's landmarks and confidences.
"""

from typing import Any

import numpy as np
from pages import one_thread, record, run_on_one_thread, table
from people import Group, held_out, told
from sides import bursts, exchanged

from lifting import Lifted, PosePrior, lift, load_prior
from lifting.beyond import mend_sides, smooth
from lifting.camera import flip_y, tilted_camera, turn
from lifting.datasets.real_frames import load_real_frames
from lifting.metrics import mpjpe, p_mpjpe
from lifting.skeleton import BLAZEPOSE, HUMAN36M, convert

SEARCHED = np.radians([0, 10, 20, 30])
NOISE = 0.008
STEPS = ("as given", "tilts searched", "one tilt for the clip", "sides mended", "confidences as weights", "smoothed")


def errors(lifted: Lifted, truth: np.ndarray) -> list[float]:
    """P-MPJPE and MPJPE about the centroid, mean in mm, of the frames that were lifted."""
    kept = lifted.usable
    pose = lifted.pose[kept] / lifted.scale[kept, None, None]
    return [
        float(1000 * p_mpjpe(pose, truth[kept]).mean()),
        float(1000 * mpjpe(pose, truth[kept], root="centroid").mean()),
    ]


def of_clip(poses: np.ndarray, times: np.ndarray, prior: PosePrior, rng: np.random.Generator) -> list[list[float]]:
    """Errors after each step, of one clip seen by a camera of its own."""
    camera = tilted_camera(np.radians(rng.uniform(0, 30)))
    truth = turn(poses, np.full(len(poses), rng.uniform(0, 2 * np.pi)), camera)
    confidence = rng.uniform(0.1, 1, (len(truth), truth.shape[-1]))
    Y = truth[:, :2] + NOISE / confidence[:, None] * rng.standard_normal(truth[:, :2].shape)
    which = bursts(len(Y), (1, 2, 3), rng, 0.1)
    Y, confidence = 200 * exchanged(Y, which, prior) + 500, exchanged(confidence[:, None], which, prior)[:, 0]
    found, options = [], {"scale": None, "unusable": "nan"}
    found.append(lift(Y, prior, **options))
    found.append(lift(Y, prior, tilts=SEARCHED, **options))
    # a camera that stands still has one tilt: the one that most frames have
    tilt, often = np.unique(found[-1].tilt[found[-1].usable], return_counts=True)
    known = {"camera": tilted_camera(tilt[often.argmax()])}
    found.append(lift(Y, prior, **known, **options))
    mended = mend_sides(Y, prior, times=times, weights=confidence, **known, **options)
    found.append(lift(mended.Y, prior, **known, **options))
    found.append(lift(mended.Y, prior, weights=mended.weights, **known, **options))
    found.append(smooth(mended.Y, prior, found[-1], times=times, **known))
    return [errors(lifted, truth) for lifted in found]


def measure(group: Group) -> list[list[float]]:
    """Errors after each step, the mean over the group's clips."""
    rng = np.random.default_rng(0)
    clips = [of_clip(poses, times, group.prior, rng) for poses, times in group.runs()]
    return np.mean(clips, axis=0).tolist() if clips else []


def photos() -> dict[str, list[float]]:
    """P-MPJPE in mm of each photo, by what is done; its camera isn't known."""
    rows: dict[str, list[float]] = {}
    prior = load_prior()
    for frame in load_real_frames():
        everything, _ = convert(frame.landmarks33, BLAZEPOSE, HUMAN36M)
        both = np.stack([frame.visibility33, frame.visibility33])
        confidence, has = convert(both, BLAZEPOSE, HUMAN36M)
        Y, weights = flip_y(everything), confidence[0] * has
        seen: dict[str, Any] = {"visible": frame.visible, "scale": None}
        mended = mend_sides(frame.Y, prior, **seen)
        ways = {
            "as given": (frame.Y, seen),
            "tilts searched": (frame.Y, {**seen, "tilts": SEARCHED}),
            "sides mended": (mended.Y, {**seen, "visible": mended.visible}),
            "confidences as weights": (Y, {"weights": weights, "scale": None}),
            "tilts and weights": (Y, {"weights": weights, "scale": None, "tilts": SEARCHED}),
        }
        for name, (landmarks, options) in ways.items():
            lifted, real = lift(landmarks, prior, **options), frame.pseudo_visible
            error = p_mpjpe(lifted.pose[:, real] / lifted.scale, frame.pseudo_truth[:, real])
            rows.setdefault(name, []).append(float(1000 * error))
    return rows


PAGE = """\
# Step by step: tilt, sides, confidences, smoothing

Made by `python benchmarks/steps.py` ({machine}).

## Held-out motion, as a detector might see it

{groups} groups of clips with known times, each held out in turn. A camera that looks down by 0 to 30 degrees,
unknown, as is the scale; noise of 8 mm / c for a confidence c between 0.1 and 1; sides exchanged in one frame of ten.
Each row has one step more than the one above it. Means over groups in mm, with 95 % intervals over groups (bootstrap);
the gain is the difference from the row above, group by group. MPJPE counts the scale, too: where the tilt of every
frame is free, a few whose sides are exchanged get a scale that is far too small, and their errors fill the mean.

{steps}

## The eight photos

P-MPJPE in mm, camera and scale unknown, each row against the first. The frames stand alone: nothing is smoothed, and
of the sides only arms against legs can be mended. Intervals over photos, of one man.

{photos}
"""


def page(rows: list[list[list[float]]], seen: dict[str, list[float]]) -> str:
    """The page in Markdown."""
    values = np.array(rows)  # (groups, steps, 2)
    lines = []
    for i, name in enumerate(STEPS):
        gain = told(values[:, i - 1, 0] - values[:, i, 0]) if i else ""
        lines.append([name, told(values[:, i, 0]), gain, told(values[:, i, 1])])
    single, first = [], np.array(seen["as given"])
    for name, own in seen.items():
        gain = told(first - own) if name != "as given" else ""
        single.append([name, f"{np.median(own):.0f}", told(own), gain, ", ".join(f"{one:.0f}" for one in own)])
    return PAGE.format(
        machine=one_thread(), groups=len(rows), steps=table(["step", "P-MPJPE", "gain", "MPJPE"], lines),
        photos=table(["what is done", "median", "mean", "gain", "each"], single),
    )  # fmt: skip


def main(quick: bool = False) -> None:
    """Measure, print, and write.

    Args:
        quick: some groups only, and nothing is written.
    """
    rows, seen = [row for group in held_out(quick) if (row := measure(group))], photos()
    record(__file__, {"groups": rows, "photos": seen}, page(rows, seen), quick)


if __name__ == "__main__":
    run_on_one_thread(main)
