"""What `lift(..., orientation="free")` costs, gains and confuses, for people whom the prior has not met.

    python benchmarks/orientation.py            # ten minutes: writes benchmarks/orientation.json and .md
    python benchmarks/orientation.py --quick    # some groups of clips, prints only

Upright people from 8 headings, as recorded and turned in the picture by 90 and 180 degrees; and poses recorded
lying, rolling, upside down: those whose trunk leans more than 60 degrees. Known scale, exact landmarks.
"""

import time
from typing import Any

import numpy as np
from pages import one_thread, record, run_on_one_thread, table
from people import Group, held_out, told

import lifting.given
from lifting import lift, load_prior
from lifting.camera import orientations
from lifting.datasets.motion_capture import trunk_lean
from lifting.datasets.real_frames import load_real_frames
from lifting.fitting.default_prior import UPRIGHT
from lifting.fitting.held_out import views
from lifting.metrics import mpjpe, p_mpjpe
from lifting.turned import turn_prior

EVERY = 40
ANGLES = 40
SETS = (14, 26, 42)
CHOSEN = lifting.given.ORIENTATIONS
QUARTER = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])


def people(group: Group) -> dict[str, np.ndarray]:
    """Poses (n, 3, L) in the camera's frame, by what they show."""
    upright = views(group.poses(EVERY))
    recorded = np.concatenate([group.motion.of_clip(clip) for clip in group.clips])
    leaning = recorded[trunk_lean(recorded) > UPRIGHT][:: EVERY // 4]
    shown = {
        "upright": upright,
        "turned by 90 degrees": QUARTER @ upright,
        "turned by 180 degrees": QUARTER @ QUARTER @ upright,
    }
    return {**shown, "recorded lying or upside down": views(leaning)} if len(leaning) else shown


def errors(lifted: Any, truth: np.ndarray) -> dict[str, float]:
    """Mean errors in mm, how many frames are off by more than 200 mm, and how many fit poorly, in per cent."""
    usable = lifted.usable
    pose, scale = lifted.pose[usable], lifted.scale[usable, None, None]
    error = 1000 * mpjpe(pose / scale, truth[usable], root="centroid")
    aligned = 1000 * p_mpjpe(pose / scale, truth[usable])
    return {"mpjpe": float(error.mean()), "p_mpjpe": float(aligned.mean()), "far": float(100 * (error > 200).mean()),
            "poor": float(100 * (~lifted.fit).mean())}  # fmt: skip


def measure(group: Group) -> dict[str, Any]:
    """Errors by what is shown and how it is lifted."""
    row: dict[str, Any] = {}
    for shown, truth in people(group).items():
        ways: dict[str, dict[str, Any]] = {"upright": {}}
        for count in SETS if shown == "upright" or "recorded" in shown else (CHOSEN,):
            ways[f"{count} x {ANGLES}"] = {"orientation": "free", "rotations": ANGLES}
        for way, options in ways.items():
            lifting.given.ORIENTATIONS = int(way.split()[0]) if options else CHOSEN
            row[f"{shown}, {way}"] = errors(lift(truth[:, :2], group.prior, **options), truth)
            if options and way.startswith(f"{CHOSEN} "):
                free = lift(truth[:, :2], group.prior, scale=None, **options)
                row[f"{shown}, {way}, scale free"] = errors(free, truth)
                up = np.degrees(np.arccos(free.up[:, 1].clip(-1, 1)))
                row[f"{shown}, away"] = [float(100 * (up > limit).mean()) for limit in (30, 90, 150)]
    lifting.given.ORIENTATIONS = CHOSEN
    return row


def photos() -> dict[str, list[float]]:
    """P-MPJPE in mm of the eight photos, upright and turned by 180 degrees; camera unknown, scale solved for."""
    rows = {}
    for turned, sign in {"as taken": 1, "turned by 180 degrees": -1}.items():
        for way, options in {"upright": {}, "free": {"orientation": "free", "rotations": ANGLES}}.items():
            own = []
            for frame in load_real_frames():
                both, Q = frame.pseudo_visible, np.diag([sign, sign, 1])
                lifted = lift(
                    sign * frame.Y, load_prior(), scale=None, visible=frame.visible, unusable="nan", **options
                )
                own.append(
                    float(1000 * p_mpjpe(lifted.pose[:, both] / lifted.scale, (Q @ frame.pseudo_truth)[:, both]))
                    if lifted.usable else float("nan")
                )  # fmt: skip
            rows[f"{turned}, {way}"] = own
    return rows


def costs(frames: int = 2000) -> dict[str, list[float]]:
    """Processor seconds to make the tables, and microseconds a frame, by the number of orientations; 1 is upright."""
    rows, prior = {}, load_prior()
    Y = np.random.default_rng(0).standard_normal((frames, 2, 17)) * 0.05 + prior.mu[0, :2]
    for count, angles in ((1, 80), (1, ANGLES), *((count, ANGLES) for count in SETS)):
        options: dict[str, Any] = {"tilts": orientations(count)} if count > 1 else {}
        start = time.process_time()
        turn_prior(prior, angles, **options)
        lifting.given.ORIENTATIONS = count
        free: dict[str, Any] = {"orientation": "free"} if count > 1 else {}
        lift(Y[:300], prior, rotations=angles, **free)
        middle = time.process_time()
        lift(Y, prior, rotations=angles, **free)
        rows[f"{count} x {angles}"] = [middle - start, 1e6 * (time.process_time() - middle) / frames]
    lifting.given.ORIENTATIONS = CHOSEN
    return rows


PAGE = """\
# People who lie or stand on their hands: the finite set over SO(3)

Made by `python benchmarks/orientation.py` ({machine}): {groups} groups of clips, each
held out in turn. Exact landmarks at a known scale, {angles} angles with each orientation, 80 where upright. Means over
groups, with 95 % intervals over groups (bootstrap).

## What it gains and confuses

MPJPE about the centroid in mm; how many frames are off by more than 200 mm; how many do not `fit`.

{errors}

The scale solved for, {chosen} orientations: P-MPJPE and MPJPE in mm, and how often the vertical that was found is away
from the picture's by more than 30, 90 and 150 degrees.

{free}

## The photos

P-MPJPE in mm of the eight embedded photos, the camera unknown, the scale solved for.

{photos}

## What it costs

{costs}

Processor time; a table is made once for a prior and a set. {chosen} orientations are the default.
"""


def page(rows: list[dict[str, Any]], seen: dict[str, list[float]], spent: dict[str, list[float]]) -> str:
    """The page in Markdown."""
    lines, free = [], []
    for key in dict.fromkeys(key for row in rows for key in row):
        own = [row[key] for row in rows if key in row]
        shown, way = key.split(", ", 1)
        if way == "away":
            scaled = [row[f"{shown}, {CHOSEN} x {ANGLES}, scale free"] for row in rows if key in row]
            free.append([shown, *(told([one[kind] for one in scaled]) for kind in ("p_mpjpe", "mpjpe")),
                         ", ".join(f"{share:.0f} %" for share in np.mean(own, axis=0))])  # fmt: skip
        elif "scale free" not in way:
            cells = [
                told([one["mpjpe"] for one in own]),
                *(f"{np.mean([one[k] for one in own]):.1f} %" for k in ("far", "poor")),
            ]
            lines.append([shown, way, *cells])
    photographed = [[key, f"{np.nanmedian(own):.0f}", f"{np.nanmean(own):.0f}", ", ".join(f"{one:.0f}" for one in own)]
                    for key, own in seen.items()]  # fmt: skip
    return PAGE.format(
        machine=one_thread(), groups=len(rows), angles=ANGLES, chosen=CHOSEN,
        errors=table(["people", "searched", "MPJPE", "over 200 mm", "don't fit"], lines),
        free=table(["people", "P-MPJPE", "MPJPE", "away by 30, 90, 150 degrees"], free),
        photos=table(["photos, searched", "median", "mean", "each"], photographed),
        costs=table(["orientations x angles", "tables, s", "us a frame"],
                    [[key, f"{made:.2f}", f"{each:.0f}"] for key, (made, each) in spent.items()]),
    )  # fmt: skip


def main(quick: bool = False) -> None:
    """Measure, print, and write.

    Args:
        quick: some groups only, and nothing is written.
    """
    rows = [measure(group) for group in held_out(quick)]
    seen, spent = photos(), costs()
    record(__file__, {"groups": rows, "photos": seen, "costs": spent}, page(rows, seen, spent), quick)


if __name__ == "__main__":
    run_on_one_thread(main)
