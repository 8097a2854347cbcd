"""The exercises of notebook 10."""

from functools import cache
from typing import Any

import numpy as np

from lifting import camera, front, metrics, pose_prior
from lifting.datasets import motion_capture
from lifting.drawing.exercises.judging import Exercise, Mistake

NOTEBOOK = "10_claims"

_HALF = 4.303 / np.sqrt(3)
_cases = ((0.2, 0.3, 1.0), (-0.5, 1.5, 1.0), (1.1, 2.0, 1.0), (-3.0, -1.2, 1.0), (-1.0, 1.0, 1.0), (-3.0, 3.0, 1.0))


def _verdict(low: float, high: float, margin: float) -> str:
    if -margin <= low and high <= margin:
        return "holds"
    return "fails" if low > margin or high < -margin else "undecided"


def _excludes_0(low: float, high: float, margin: float) -> str:
    return "undecided" if low <= 0 <= high else "fails"


def _by_the_mean(low: float, high: float, margin: float) -> str:
    return "holds" if abs(low + high) / 2 <= margin else "fails"


def _one_sided(low: float, high: float, margin: float) -> str:
    return "holds" if high <= margin else "fails" if low > margin else "undecided"


@cache
def _errors(rotations: int, seed: int) -> float:
    """Mean error, mm, of some embedded poses from random headings, with 10 mm of noise."""
    poses, random = motion_capture.load_motion_capture().poses[::64], np.random.default_rng(seed)
    truth = camera.turn(poses, random.uniform(0, 2 * np.pi, len(poses)))
    Y = truth[:, :2] + random.normal(0, 0.01, truth[:, :2].shape)
    found = front.lift(Y, pose_prior.load_prior(), rotations=rotations).pose
    return 1000 * float(metrics.mpjpe(found, truth, root="centroid").mean())


def _own_claim(got: Any) -> str:
    try:
        rotations, verdict = got
        rotations = int(rotations)
    except (TypeError, ValueError):
        return "T and a verdict are asked for."
    if rotations == 80 or not 1 <= rotations < 1000:
        return "Choose a T of your own, from 1 to 999, and not 80."
    if verdict not in ("holds", "fails", "undecided"):
        return 'The verdict is "holds", "fails" or "undecided".'
    d = np.array([_errors(rotations, seed) - _errors(1000, seed) for seed in range(5)])
    half = 2.7764 * d.std(ddof=1) / np.sqrt(5)
    right = _verdict(d.mean() - half, d.mean() + half, 1.0)
    return "" if verdict == right else f"For T = {rotations} the interval says something else than {verdict!r}."


EXERCISES = {
    "10.1": Exercise(
        right=[2 - _HALF, 2 + _HALF, "undecided"],
        hints=(
            "The differences are 1, 2, 3: what are their mean and their standard deviation (divided by n - 1)?",
            "2 and 1. The half width is 4.303 * 1 / 1.732. Is 0 inside?",
        ),
        mistakes=(
            Mistake([2 - 4.303, 2 + 4.303, "undecided"], "s is divided by the root of n."),
            Mistake(
                [2 - _HALF * np.sqrt(2 / 3), 2 + _HALF * np.sqrt(2 / 3), "undecided"],
                "The standard deviation of a few is divided by n - 1, not by n.",
            ),
            Mistake([2 - _HALF, 2 + _HALF, "holds"], "0 lies in the interval: nothing is said yet."),
            Mistake([2 - _HALF, 2 + _HALF, "fails"], "The interval doesn't exclude the claim: it leaves it open."),
        ),
        tolerance=0.006,
    ),
    "10.2": Exercise(
        right=_verdict,
        calls=_cases,
        hints=(
            "The claim is that the true difference lies between -margin and margin.",
            "Holds: both ends inside. Fails: the whole interval outside, on one side. Else undecided.",
        ),
        mistakes=(
            Mistake(_excludes_0, "0 is not asked about here: compare with the margin."),
            Mistake(_by_the_mean, "Look at both ends of the interval, not at its middle."),
            Mistake(_one_sided, "A difference can be too large on either side."),
        ),
    ),
    "10.3": Exercise(
        right="B",
        hints=(
            "A control does all that the variant does, but for the one thing that is asked about.",
            "The one thing is the lifted pose. What else does fusing do to a map?",
        ),
        mistakes=(
            Mistake("A", "The interval is narrow already; the question is what it measures."),
            Mistake("C", "Other pictures would show the same difference, and as little of its cause."),
            Mistake("D", "The plain network is ahead as it is."),
        ),
    ),
    "10.4": Exercise(
        right=None,
        hints=(
            "The five differences errors_mm(T, seed) - errors_mm(1000, seed), then claims.interval.",
            'claims.verdict(low, high, "similar", 1.0).',
        ),
        mistakes=(
            Mistake([80, "holds"], "80 is the paper's."),
            Mistake([4, "holds"], "Four rotations are far too few."),
            Mistake([40, "probably"], "holds, fails or undecided."),
        ),
        check=_own_claim,
    ),
}
