"""Whether regions of `lifting.beyond.posterior` hold what they promise, for people whom the prior has not met.

    python benchmarks/uncertainty.py            # five minutes: writes benchmarks/uncertainty.json and .md
    python benchmarks/uncertainty.py --quick    # some groups of clips, prints only

A landmark's region of 90 % is the ellipsoid of its covariance about the posterior's mean that holds 90 % of a Gaussian.
The temperature is chosen so that it holds the true landmark in 90 % of cases where 2D landmarks have 10 mm of noise,
always on other groups of clips than those that are counted; what is shipped is the choice on all groups.
"""

from itertools import pairwise
from typing import Any

import numpy as np
from pages import one_thread, record, run_on_one_thread, table
from people import Group, held_out, told
from scipy.stats import chi2

from lifting import lift, load_prior
from lifting.beyond import posterior, readings
from lifting.beyond.uncertainty import DETECTED, TEMPERATURE
from lifting.datasets.real_frames import load_real_frames
from lifting.fitting.held_out import LANDMARK_NOISE, views
from lifting.skeleton import HUMAN36M

EVERY = 8
TEMPERATURES = (0.3, 0.4, 0.5, 0.7, 1.0)
FOR_PHOTOS = (0.5, 1.0, 2.0, 4.0)
LEVELS = (0.5, 0.9, 0.99)
LANDMARKS = {"exact": 0.0, "10 mm of noise": LANDMARK_NOISE}
ANSWERS = ("winner", "mean", "sample", "better")
BINS = (0.0, 0.02, 0.1, 0.2, 0.35, 0.5)


def distances(found: Any, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Squared Mahalanobis distances (N, L) of the true landmarks from the mean: in space, and in depth."""
    away = truth - found.mean
    space = np.einsum("nil,nlij,njl->nl", away, np.linalg.inv(found.covariance), away)
    return space, away[:, 2] ** 2 / found.covariance[..., 2, 2]


def inside(found: Any, truth: np.ndarray) -> dict[str, Any]:
    """The share of true landmarks inside regions of every level, in space and depth; and of each landmark at 90 %."""
    space, depth = distances(found, truth)
    return {
        "space": [float((space < chi2.ppf(level, 3)).mean()) for level in LEVELS],
        "depth": [float((depth < chi2.ppf(level, 1)).mean()) for level in LEVELS],
        "landmarks": (space < chi2.ppf(0.9, 3)).mean(0).tolist(),
    }


def measure(group: Group) -> dict[str, Any]:
    """All that is told of a group."""
    truth, row = views(group.poses(EVERY)), {}
    for name, noise in LANDMARKS.items():
        Y = truth[:, :2] + noise * np.random.default_rng(0).standard_normal(truth[:, :2].shape)
        lifted = lift(Y, group.prior)
        for temperature in TEMPERATURES:
            found = posterior(Y, group.prior, lifted, temperature=temperature, samples=int(temperature == TEMPERATURE))
            row[f"{name}, {temperature}"] = inside(found, truth)
            if temperature == TEMPERATURE:
                row[f"{name}, errors"] = errors(found, lifted, truth)
    free = lift(100 * truth[:, :2], group.prior, scale=None, unusable="nan")
    kept = free.usable
    found = posterior(100 * truth[:, :2], group.prior, free)
    scaled = found._replace(mean=found.mean[kept] / 100, covariance=found.covariance[kept] / 1e4)
    row["scale free"] = inside(scaled, truth[kept])
    return row


def errors(found: Any, lifted: Any, truth: np.ndarray) -> dict[str, Any]:
    """Mean errors in mm of single answers, and of readings: the second's probability, and whether it is the nearer."""

    def error(pose: np.ndarray) -> np.ndarray:
        return 1000 * np.linalg.norm(pose - truth, axis=1).mean(-1)

    both = readings(found, lifted.scale)
    second = np.where(np.isnan(both.poses[:, 1]).any((1, 2)), np.inf, error(np.nan_to_num(both.poses[:, 1])))
    first, probability = error(both.poses[:, 0]), both.probability[:, 1]
    return {
        "winner": float(error(lifted.pose).mean()), "mean": float(error(found.mean).mean()),
        "sample": float(error(found.samples[:, 0]).mean()), "better": float(np.minimum(first, second).mean()),
        "second": probability.tolist(), "nearer": (second < first).tolist(),
    }  # fmt: skip


def photos(temperature: float) -> list[float]:
    """The share of landmarks of the eight photos inside their region of 90 %, with camera and scale known."""
    shares = []
    for frame in load_real_frames():
        options = {"camera": frame.camera}
        lifted = lift(frame.Y, load_prior(), scale=frame.pixels_per_metre, visible=frame.visible, **options)
        found = posterior(frame.Y, load_prior(), lifted, temperature=temperature, **options)
        both = frame.pseudo_visible
        mean = found.mean[:, both] / frame.pixels_per_metre
        truth = frame.pseudo_truth[:, both]
        moved = found._replace(
            mean=(mean - mean.mean(1, keepdims=True))[None],
            covariance=found.covariance[both][None] / frame.pixels_per_metre**2,
        )
        space, _ = distances(moved, (truth - truth.mean(1, keepdims=True))[None])
        shares.append(float((space < chi2.ppf(0.9, 3)).mean()))
    return shares


def chosen(rows: list[dict[str, Any]]) -> float:
    """The temperature at which noisy landmarks of these groups are in their regions of 90 % most nearly as often."""
    held = [np.mean([row[f"10 mm of noise, {one}"]["space"][1] for row in rows]) for one in TEMPERATURES]
    return TEMPERATURES[int(np.abs(np.array(held) - 0.9).argmin())]


def cells(rows: list[dict[str, Any]]) -> list[str]:
    """Shares inside regions, in per cent."""
    return [told([row[kind][i] for row in rows], 1, 100) for kind in ("space", "depth") for i in range(len(LEVELS))]


def coverage(rows: list[dict[str, Any]], others: list[float]) -> str:
    """The table of what regions hold; `others` is the temperature that was chosen for each group."""
    lines = []
    for name in LANDMARKS:
        for title, pick in {"1, the prior's word": [1.0] * len(rows), "chosen on other groups": others}.items():
            own = [row[f"{name}, {one}"] for row, one in zip(rows, pick, strict=True)]
            lines.append([name, title, *cells(own)])
    lines.append(["exact, scale solved for", f"{TEMPERATURE:g}", *cells([row["scale free"] for row in rows])])
    titles = [f"{100 * level:.0f} %, {kind}" for kind in ("space", "depth") for level in LEVELS]
    return table(["landmarks", "temperature", *titles], lines)


def by_landmark(rows: list[dict[str, Any]], others: list[float]) -> str:
    """The table of each landmark's region of 90 %."""
    lines = []
    for i, landmark in enumerate(HUMAN36M.landmarks):
        shown = [[row[f"{name}, {one}"]["landmarks"][i] for row, one in zip(rows, others, strict=True)]
                 for name in LANDMARKS]  # fmt: skip
        lines.append([landmark, *(told(values, 0, 100) for values in shown)])
    return table(["landmark", *LANDMARKS], lines)


def by_reading(rows: list[dict[str, Any]]) -> str:
    """The table of second readings."""
    second, nearer = (np.concatenate([row["exact, errors"][key] for row in rows]) for key in ("second", "nearer"))
    lines = []
    for low, high in pairwise(BINS):
        some = (second > low) & (second <= high)
        if some.any():
            shares = [f"{100 * values[some].mean():.0f} %" for values in (second, nearer)]
            lines.append([f"{100 * low:g} to {100 * high:g} %", some.sum(), *shares])
    return table(["probability of the second", "frames", "mean", "second is nearer"], lines)


PAGE = """\
# How sure the lifted pose is: what is promised and what holds

Made by `python benchmarks/uncertainty.py` ({machine}): {groups} groups of clips, each
held out in turn, seen from 8 headings at a known scale. Means over groups, with 95 % intervals over groups (bootstrap).

## Regions

How many true landmarks, in per cent, lie in the regions that should hold 50, 90 and 99 %. The temperature was chosen
among {tried} on the other groups, for 10 mm of noise and 90 % in space: {picked}.
On all groups it is {on_all:g}, and `TEMPERATURE` is {shipped:g}.

{coverage}

A temperature below 1 means that the prior, learned from varied copies of its poses, allows more than people do. Exact
landmarks are nearer to the model than its noise says, so that small regions hold more than they promise; large ones
hold too little: errors have longer tails than a Gaussian. Groups differ as the intervals say.

Each landmark's 90 %, the temperature chosen on other groups:

{marks}

The eight photos, camera and scale known, a detector's landmarks, pseudo truth; how many landmarks are in their 90 %:

{photos}

A detector errs by more than the noise that the temperature was chosen for, and marks hips and shoulders elsewhere than
motion capture does. For a detector's landmarks there is `temperature=DETECTED`, {detected:g}: eight photos of one man
are too few to choose by, but at {shipped:g} regions would promise what they don't hold.

## Single answers

Mean error in mm, at the temperature {shipped:g}: of `lift`'s winner, of the posterior's mean, of a pose drawn from it,
and of the better of two `readings` (which nobody knows beforehand).

{single}

## Two readings

Frames by the probability of the second reading, exact landmarks: how many, its mean probability, and how often it is
nearer to the truth than the first.

{bins}
"""


def page(rows: list[dict[str, Any]], shares: dict[float, list[float]]) -> str:
    """The page in Markdown."""
    others = [chosen(rows[:i] + rows[i + 1 :]) for i in range(len(rows))]
    single = [[name, *(told([row[f"{name}, errors"][key] for row in rows]) for key in ANSWERS)] for name in LANDMARKS]
    seen = [[f"{one:g}", f"{100 * np.mean(own):.0f} %", ", ".join(f"{100 * share:.0f}" for share in own)]
            for one, own in shares.items()]  # fmt: skip
    return PAGE.format(
        machine=one_thread(), groups=len(rows), tried=", ".join(map(str, TEMPERATURES)), on_all=chosen(rows),
        picked=", ".join(f"{one:g} for {others.count(one)} of them" for one in sorted(set(others))),
        shipped=TEMPERATURE, detected=DETECTED, coverage=coverage(rows, others), marks=by_landmark(rows, others),
        photos=table(["temperature", "in all", "each photo, %"], seen), bins=by_reading(rows),
        single=table(["landmarks", "winner", "mean", "a sample", "better of two readings"], single),
    )  # fmt: skip


def main(quick: bool = False) -> None:
    """Measure, print, and write.

    Args:
        quick: some groups only, and nothing is written.
    """
    rows = [measure(group) for group in held_out(quick)]
    shares = {temperature: photos(temperature) for temperature in FOR_PHOTOS}
    kept = [{key: value for key, value in row.items() if "errors" not in key} for row in rows]
    record(__file__, {"groups": kept, "photos": shares, "temperature": TEMPERATURE}, page(rows, shares), quick)


if __name__ == "__main__":
    run_on_one_thread(main)
