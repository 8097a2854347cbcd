"""How many exchanged sides `lifting.beyond.mend_sides` repairs, and how many it makes up.

    python benchmarks/sides.py            # ten minutes: writes benchmarks/sides.json and .md
    python benchmarks/sides.py --quick    # some groups of clips, prints only

Three kinds of people: held-out motion whose sides are exchanged in bursts of 1 to 8 frames, in one frame of five
(clips, so that time helps); rendered people of the test split, one frame each, with sides exchanged, and as the shipped
network sees them; and the eight embedded photos. The cost of another labelling than the given one is chosen on other
groups of clips than those that are counted.
"""

from typing import Any

import numpy as np
from pages import one_thread, record, run_on_one_thread, table
from people import Group, held_out, told

from lifting import PosePrior, lift, load_network, load_prior
from lifting.beyond import mend_sides
from lifting.beyond.sides import AS_GIVEN, LABELLINGS, labellings
from lifting.camera import flip_y, rotation_angles, turn
from lifting.datasets.real_frames import load_real_frames
from lifting.datasets.rendered import load_rendered
from lifting.fitting.held_out import LANDMARK_NOISE
from lifting.metrics import p_mpjpe
from lifting.training.evaluation import read

PENALTIES = (0.0, 2.0, 4.0, 8.0, 16.0)
LONGEST = 8
SHARE = 0.2
KINDS = {"nothing": (0,), "all, arms or legs": (1, 2, 3), "all": (1,), "arms": (2,), "legs": (3,)}
SEEN = 150
ERRORS = ("error before, mm", "after", "never exchanged")


def bursts(frames: int, kinds: tuple[int, ...], rng: np.random.Generator, share: float = SHARE) -> np.ndarray:
    """Which labelling each frame gets, (F,): bursts of exchanges, until a `share` of the frames has one."""
    which = np.zeros(frames, dtype=int)
    while kinds != (0,) and (which > 0).mean() < share:
        start, length = rng.integers(frames), rng.integers(1, LONGEST + 1)
        which[start : start + length] = rng.choice(kinds)
    return which


def exchanged(Y: np.ndarray, which: np.ndarray, prior: PosePrior) -> np.ndarray:
    """Y (F, 2, L) with the sides of every frame exchanged as `which` says."""
    return np.take_along_axis(Y, labellings(prior)[which][:, None], axis=2)


def measure(group: Group) -> dict[str, Any]:
    """Of every kind of exchange, penalty, and with time or not: what was repaired and made up, and errors in mm."""
    row: dict[str, list[list[float]]] = {}
    rng = np.random.default_rng(0)
    for poses, times in group.runs():
        for theta in rotation_angles(4):
            truth = turn(poses, np.full(len(poses), theta))
            Y = truth[:, :2] + LANDMARK_NOISE * rng.standard_normal(truth[:, :2].shape)
            for name, kinds in KINDS.items():
                which = bursts(len(Y), kinds, rng)
                given = exchanged(Y, which, group.prior)
                before, unspoilt = (error(one, group.prior, truth) for one in (given, Y))
                for penalty in PENALTIES:
                    for in_time in (True, False):
                        mended = mend_sides(given, group.prior, times=times, in_time=in_time, as_given=penalty)
                        right = mended.labelling == which
                        bad = which > 0
                        row.setdefault(f"{name}, {penalty:g}, {in_time}", []).append([
                            100 * right[bad].mean() if bad.any() else np.nan, 100 * (~right[~bad]).mean(),
                            before, error(mended.Y, group.prior, truth), unspoilt,
                        ])  # fmt: skip
    return {key: np.mean(values, axis=0).tolist() for key, values in row.items()}


def error(Y: np.ndarray, prior: PosePrior, truth: np.ndarray) -> float:
    """Mean error in mm of lifting the landmarks at a known scale."""
    return float(1000 * np.linalg.norm(lift(Y, prior).pose - truth, axis=1).mean())


def single(Y: np.ndarray, visible: np.ndarray, truth: np.ndarray, real: np.ndarray) -> dict[str, list[float]]:
    """P-MPJPE in mm before and after, of frames (N, 2, L) that stand alone, in pixels; and the labelling kept."""
    prior = load_prior()
    mended = mend_sides(Y, prior, in_time=False, scale=None, visible=visible, unusable="nan")
    rows = {}
    for name, landmarks, seen in (("before", Y, visible), ("after", mended.Y, mended.visible)):
        lifted = lift(landmarks, prior, scale=None, visible=seen, unusable="nan")
        pose = np.nan_to_num(lifted.pose / lifted.scale[:, None, None])
        rows[name] = np.where(lifted.usable, 1000 * p_mpjpe(pose, truth, real), np.nan).tolist()
    return {**rows, "labelling": mended.labelling.tolist()}


def rendered() -> dict[str, Any]:
    """Rendered people of the test split: exact landmarks with exchanges, and those of the shipped network."""
    people, prior = load_rendered("test"), load_prior()
    kept = np.random.default_rng(0).permutation(np.flatnonzero(people.inside.all(1)))[:SEEN]
    exact, pose, everywhere = people.landmarks[kept], people.pose[kept], np.ones((len(kept), 17), bool)
    rows = {}
    for kind, name in enumerate(LABELLINGS):
        given = exchanged(flip_y(exact), np.full(len(kept), kind), prior)
        rows[f"exact, {name}"] = {**single(given, everywhere, pose, everywhere), "made": [kind] * len(kept)}
    seen = read(load_network(), people.images[kept]).landmarks[-1]
    # what a frame really has: the labelling with which its landmarks are nearest
    away = [np.linalg.norm(seen[..., order] - exact, axis=1).mean(1) for order in labellings(prior)]
    made = np.where(np.min(away, axis=0) < 0.8 * away[0], np.argmin(away, axis=0), 0)
    rows["the network's"] = {**single(flip_y(seen), everywhere, pose, everywhere), "made": made.tolist()}
    return rows


def photos() -> dict[str, Any]:
    """The eight photos, as the detector named them and with legs exchanged."""
    frames, rows = load_real_frames(), {}
    for kind in (0, 3):
        order = labellings(load_prior())[kind]
        Y, visible, truth, real = (
            np.stack([getattr(frame, name) for frame in frames])
            for name in ("Y", "visible", "pseudo_truth", "pseudo_visible")
        )
        rows[LABELLINGS[kind]] = {**single(Y[..., order], visible[:, order], truth, real), "made": [kind] * len(frames)}
    return rows


def chosen(rows: list[dict[str, Any]]) -> float:
    """The penalty with the least mean error: of clips with exchanges of any kind and of clips without, in time."""

    def score(penalty: float) -> float:
        return float(
            np.mean([row[f"{name}, {penalty:g}, True"][3] for row in rows for name in ("nothing", "all, arms or legs")])
        )

    return min(PENALTIES, key=score)


PAGE = """\
# Exchanged sides, repaired and made up

Made by `python benchmarks/sides.py` ({machine}).

## Held-out motion

{groups} groups of clips with known times, each held out in turn, 4 headings, 10 mm of noise, known scale. One frame in
five has its sides exchanged, in bursts of 1 to {longest} frames. The penalty is chosen on the other groups among
{tried}: {picked}; on all {on_all:g}, and `AS_GIVEN` is {shipped:g}. Means over groups, with 95 % intervals over groups.

Repaired: of the frames with an exchange, how many have their landmarks back as they were. False alarms: of the frames
without one, how many were changed.

{motion}

Each frame alone, an exchange of all sides can't be seen: it shows the mirrored person from the other side. Arms or legs
alone can, but which of the two was exchanged can't: arms exchanged are legs exchanged and all turned round.

The penalty in time, sides exchanged in any way (error in mm after) and not at all (false alarms, %):

{penalties}

## Frames that stand alone

`mend_sides(..., in_time=False, scale=None)`, the embedded prior. P-MPJPE in mm, median; "wrung" counts frames whose
arms and legs were named against each other.

{alone}

The network's own landmarks are of {seen} rendered people of the test split, whom it wasn't trained on; a frame is
wrung where exchanging arms or legs brings its landmarks a fifth nearer to the truth.
"""


def wrung(labelling: list[int]) -> np.ndarray:
    """Whether arms and legs are named against each other."""
    return np.isin(labelling, (2, 3))


def page(rows: list[dict[str, Any]], frames: dict[str, Any]) -> str:
    """The page in Markdown."""
    others = [chosen(rows[:i] + rows[i + 1 :]) for i in range(len(rows))]
    motion, penalties, alone = [], [], []
    for name in KINDS:
        for in_time in (True, False):
            own = np.array([row[f"{name}, {one:g}, {in_time}"] for row, one in zip(rows, others, strict=True)])
            repaired = "-" if name == "nothing" else told(own[:, 0], 0)
            motion.append([name, "in time" if in_time else "alone", repaired, *(told(own[:, i]) for i in range(1, 5))])
    for penalty in PENALTIES:
        some, none = (
            np.array([row[f"{name}, {penalty:g}, True"] for row in rows]) for name in ("all, arms or legs", "nothing")
        )
        penalties.append([f"{penalty:g}", told(some[:, 0], 0), told(some[:, 3]), told(none[:, 1])])
    for name, own in frames.items():
        made, kept = wrung(own["made"]), wrung(own["labelling"])
        alone.append([name, len(made), made.sum(), (made & kept).sum(), (~made & kept).sum(),
                      *(f"{np.nanmedian(own[key]):.1f}" for key in ("before", "after"))])  # fmt: skip
    return PAGE.format(
        machine=one_thread(), groups=len(rows), longest=LONGEST, tried=", ".join(f"{one:g}" for one in PENALTIES),
        picked=", ".join(f"{one:g} for {others.count(one)} of them" for one in sorted(set(others))),
        on_all=chosen(rows), shipped=AS_GIVEN, seen=SEEN,
        motion=table(["exchanged", "frames", "repaired, %", "false alarms, %", *ERRORS], motion),
        penalties=table(["penalty", "repaired, %", "error after, mm", "false alarms, %"], penalties),
        alone=table(["people, exchanged", "frames", "wrung", "found", "made up", "before", "after"], alone),
    )  # fmt: skip


def main(quick: bool = False) -> None:
    """Measure, print, and write.

    Args:
        quick: some groups only, and nothing is written.
    """
    frames = {
        **{f"rendered, {key}": own for key, own in rendered().items()},
        **{f"photos, {key}": own for key, own in photos().items()},
    }
    rows = [row for group in held_out(quick) if (row := measure(group))]
    record(__file__, {"groups": rows, "alone": frames}, page(rows, frames), quick)


if __name__ == "__main__":
    run_on_one_thread(main)
