"""Smoothing inside the least squares against filters after the lift, on held-out motion.

    python benchmarks/smoothing.py            # ten minutes: writes benchmarks/smoothing.json and .md
    python benchmarks/smoothing.py --quick    # some groups of clips, prints only

Clips with known times, upright, one heading, known scale: exact landmarks, 10 mm of noise, 10 mm of noise and gaps:
a fifth of the landmarks missing in bursts, and nobody at all in one burst of six frames. Each method's setting is
chosen on the other groups, for each kind of landmarks, by the mean error. Before a filter, a pose that wasn't lifted is
put on the straight line between its neighbours.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from pages import one_thread, record, run_on_one_thread, table
from people import Group, held_out, told
from scipy.ndimage import gaussian_filter1d
from scipy.signal import savgol_filter

from lifting import Lifted, PosePrior, lift
from lifting.beyond import Motion, smooth
from lifting.beyond.smoothing import MOTION
from lifting.camera import turn
from lifting.fitting.held_out import LANDMARK_NOISE

HEADING = 0.6
Poses = np.ndarray


def evenly(filtered: Callable[[Poses, float], Poses]) -> Callable[[Poses, np.ndarray], Poses]:
    """A filter for poses that are evenly spaced in time, (n, ...) and the time between, made one for any times."""

    def at_times(poses: Poses, times: np.ndarray) -> Poses:
        step = float(np.median(np.diff(times)))
        grid = np.arange(times[0], times[-1] + step, step)
        return between(filtered(between(poses, times, grid), step), grid, times)

    return at_times


def between(poses: Poses, known: np.ndarray, wanted: np.ndarray) -> Poses:
    """Poses (n, 3, L) at other times, straight lines between."""
    columns = [np.interp(wanted, known, column) for column in poses.reshape(len(poses), -1).T]
    return np.stack(columns, axis=-1).reshape(-1, *poses.shape[1:])


def savitzky_golay(seconds: float) -> Callable[[Poses, np.ndarray], Poses]:
    """Quadratics through windows of so many seconds."""

    def filtered(poses: Poses, step: float) -> Poses:
        window = max(5, 2 * round(seconds / step / 2) + 1)
        return savgol_filter(poses, min(window, (len(poses) - 1) // 2 * 2 + 1), 2, axis=0, mode="nearest")

    return evenly(filtered)


def gaussian(seconds: float) -> Callable[[Poses, np.ndarray], Poses]:
    """The mean of neighbours, weighted by a Gaussian of this deviation."""
    return evenly(lambda poses, step: gaussian_filter1d(poses, seconds / step, axis=0, mode="nearest"))


def one_euro(cutoff: float, slope: float) -> Callable[[Poses, np.ndarray], Poses]:
    """A low pass whose cut-off (Hz) rises with the speed; Casiez, Roussel and Vogel, "1 euro filter", CHI 2012."""

    def share(frequency: Any, step: float) -> Any:
        return 1 / (1 + 1 / (2 * np.pi * frequency * step))

    def at_times(poses: Poses, times: np.ndarray) -> Poses:
        out, speed = [poses[0]], np.zeros_like(poses[0])
        for pose, step in zip(poses[1:], np.diff(times), strict=True):
            speed = speed + share(1.0, step) * ((pose - out[-1]) / step - speed)
            out.append(out[-1] + share(cutoff + slope * np.abs(speed), step) * (pose - out[-1]))
        return np.stack(out)

    return at_times


FILTERS: dict[str, dict[str, Callable[[Poses, np.ndarray], Poses]]] = {
    "nothing": {"": lambda poses, times: poses},
    "Savitzky-Golay": {f"{seconds:g} s": savitzky_golay(seconds) for seconds in (0.1, 0.2, 0.4)},
    "Gaussian": {f"{seconds:g} s": gaussian(seconds) for seconds in (0.02, 0.03, 0.05, 0.08)},
    "One-Euro": {f"{cutoff:g} Hz, {slope:g}": one_euro(cutoff, slope) for cutoff in (2.0, 5.0) for slope in (2.0, 8.0)},
}
OURS = {
    f"order {order}, q = {q:g}, turn {turn_:g}, share {share:g}": Motion(order, q, turn_, share)
    for order, q, turn_, share in ((1, 0.3, 5.0, 0.3), (2, 100.0, 5.0, 0.3), (2, 300.0, 5.0, 0.3), (2, 100.0, 2.5, 0.3),
                                   (2, 100.0, 5.0, 0.1))
}  # fmt: skip


def landmarks(truth: Poses, rng: np.random.Generator) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Kinds of landmarks: name, Y (F, 2, L), which are seen (F, L)."""
    seen = np.ones((len(truth), truth.shape[-1]), bool)
    yield "exact", truth[:, :2], seen
    noisy = truth[:, :2] + LANDMARK_NOISE * rng.standard_normal(truth[:, :2].shape)
    yield "10 mm of noise", noisy, seen
    seen = seen.copy()
    while seen.mean() > 0.8:
        start, length = rng.integers(len(seen)), rng.integers(1, 10)
        seen[start : start + length, rng.integers(seen.shape[1])] = False
    start = rng.integers(1, max(2, len(seen) - 7))
    seen[start : start + 6] = False
    yield "10 mm of noise, gaps", noisy, seen


def answers(Y: np.ndarray, prior: PosePrior, seen: np.ndarray, times: np.ndarray) -> Iterator[tuple[str, str, Poses]]:
    """Poses by method and setting."""
    lifted: Lifted = lift(Y, prior, visible=seen, unusable="nan")
    poses = between(lifted.pose[lifted.usable], times[lifted.usable], times)
    for method, settings in FILTERS.items():
        for setting, filtered in settings.items():
            yield method, setting, filtered(poses, times)
    for setting, motion in OURS.items():
        yield "in the least squares", setting, smooth(Y, prior, lifted, times=times, motion=motion).pose


def measure(group: Group) -> dict[str, list[float]]:
    """Mean error in mm, and of the acceleration in m/s^2, by kind of landmarks, method and setting."""
    row: dict[str, list[list[float]]] = {}
    rng = np.random.default_rng(0)
    for poses, times in group.runs():
        truth = turn(poses, np.full(len(poses), HEADING))
        for kind, Y, seen in landmarks(truth, rng):
            for method, setting, found in answers(Y, group.prior, seen, times):
                found = found - found.mean(-1, keepdims=True)
                error = 1000 * np.linalg.norm(found - truth, axis=1).mean()
                away = np.gradient(np.gradient(found - truth, times, axis=0), times, axis=0)
                row.setdefault(f"{kind}; {method}; {setting}", []).append([error, np.linalg.norm(away, axis=1).mean()])
    return {key: np.mean(values, axis=0).tolist() for key, values in row.items()}


PAGE = """\
# Smoothing over time: inside the least squares, or after the lift

Made by `python benchmarks/smoothing.py` ({machine}): {groups} groups
of clips with known times, each held out in turn. The errors are MPJPE about the centroid, of all frames; that of the
acceleration says how much poses jitter. Every method's setting was chosen on the other groups. Means over groups, with
95 % intervals over groups (bootstrap); "gain" is the difference from no smoothing, group by group.

{methods}

What is shipped, `Motion()`, is one setting for all three: {shipped}.

## Every setting

Mean error in mm over groups.

{settings}
"""


def chosen(rows: list[dict[str, list[float]]], kind: str, method: str) -> str:
    """The key of a method's setting with the least mean error."""
    keys = [key for key in rows[0] if key.startswith(f"{kind}; {method}; ")]
    return min(keys, key=lambda key: float(np.mean([row[key][0] for row in rows])))


def page(rows: list[dict[str, list[float]]]) -> str:
    """The page in Markdown."""
    kinds, methods = (list(dict.fromkeys(key.split("; ")[i] for key in rows[0])) for i in (0, 1))
    lines, settings = [], []
    shipped = next(key for key, motion in OURS.items() if motion == MOTION)
    for kind in kinds:
        plain = np.array([row[f"{kind}; nothing; "][0] for row in rows])
        for method in methods:
            own = np.array([row[chosen(rows[:i] + rows[i + 1 :], kind, method)] for i, row in enumerate(rows)])
            lines.append([kind, method, told(own[:, 0]), told(plain - own[:, 0]), told(own[:, 1])])
        own = np.array([row[f"{kind}; in the least squares; {shipped}"] for row in rows])
        lines.append([kind, "`smooth` as shipped", told(own[:, 0]), told(plain - own[:, 0]), told(own[:, 1])])
    for name in dict.fromkeys(key.split("; ", 1)[1] for key in rows[0]):
        means = [f"{np.mean([row[f'{kind}; {name}'][0] for row in rows]):.1f}" for kind in kinds]
        settings.append([*name.split("; "), *means])
    return PAGE.format(
        machine=one_thread(), groups=len(rows), shipped=shipped,
        methods=table(["landmarks", "smoothing", "error, mm", "gain, mm", "of acceleration, m/s^2"], lines),
        settings=table(["smoothing", "setting", *kinds], settings),
    )  # fmt: skip


def main(quick: bool = False) -> None:
    """Measure, print, and write.

    Args:
        quick: some groups only, and nothing is written.
    """
    rows = [row for group in held_out(quick) if (row := measure(group))]
    record(__file__, {"groups": rows}, page(rows), quick)


if __name__ == "__main__":
    run_on_one_thread(main)
