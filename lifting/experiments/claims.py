"""What the experiments share: a claim, paired differences over seeds, their interval, and a verdict.

Two ways of doing something are compared on the same data under the same seed; the difference of their errors is one
number a seed. Its mean has the interval of Student's t. What counts as "better" or "similar" is stated before the run:

    better     the whole interval lies below 0
    similar    the whole interval lies within the margin on both sides of 0

A claim holds where that is so, fails where the interval excludes it, and is undecided otherwise.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from scipy import stats

from lifting.support.arrays import check_array, fail
from lifting.support.commands import step_of
from lifting.support.files import data_path, write_atomically

Expectation = Literal["better", "similar"]
NAMES = ("gradients", "vanishing", "cross_stage", "fusion", "rotations", "mixture", "speed")
"""The claims, in the order of notebook 10."""
SEEDS = 5
"""The least number of seeds of an experiment."""


class Criterion(NamedTuple):
    """What is expected of the errors of one way less those of another."""

    unit: str
    expected: Expectation
    margin: float = 0.0
    """For "similar": how far apart still counts as the same, in `unit`."""


@dataclass(frozen=True)
class Comparison:
    """The errors of one way less those of another, seed by seed, what was expected of them, and what follows."""

    of: str
    against: str
    unit: str
    expected: Expectation
    margin: float
    differences: tuple[float, ...]
    mean: float
    low: float
    high: float
    verdict: Literal["holds", "fails", "undecided"]


def compare(
    of: str, against: str, errors: Sequence[float], other_errors: Sequence[float], criterion: Criterion
) -> Comparison:
    """The errors of `of` less those of `against`, a pair for each seed, with a 95 % interval and the verdict.

    Raises:
        ValueError: fewer than `SEEDS` pairs, sequences of different lengths, a value that is not finite.
    """
    first, second = (check_array(name, np.array(values, dtype=float), "seeds")
                     for name, values in (("errors", errors), ("other_errors", other_errors)))  # fmt: skip
    if first.shape != second.shape or len(first) < SEEDS:
        fail("errors", f"{first.shape} and {second.shape} values", f"as many of both, at least {SEEDS}")
    differences = first - second
    low, high = interval(differences)
    return Comparison(of, against, *criterion, tuple(differences.tolist()), float(differences.mean()), low, high,
                      verdict(low, high, criterion.expected, criterion.margin))  # fmt: skip


def interval(differences: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """The interval of Student's t for the mean of `differences`."""
    low, high = stats.ttest_1samp(differences, 0).confidence_interval(level)
    return float(low), float(high)


def verdict(low: float, high: float, expected: Expectation, margin: float) -> Literal["holds", "fails", "undecided"]:
    """Whether the interval from `low` to `high` lies where it is `expected`, lies elsewhere, or neither."""
    least, most = (-np.inf, 0.0) if expected == "better" else (-margin, margin)
    if least <= low and high <= most:
        return "holds"
    return "fails" if low > most or high < least else "undecided"


def save(name: str, words: str, setting: str, comparisons: Sequence[Comparison], folder: Path, **more: Any) -> None:
    """Write `claim_<name>.json` to `folder`: the paper's words in ours, the setting, the command, the comparisons.

    `more`: other results of the experiment, under names of their own.
    """
    file = f"claim_{name}.json"
    content = {"claim": words, "setting": setting, "command": step_of(file).lines()[-1], **more}
    content["comparisons"] = [asdict(comparison) for comparison in comparisons]
    write_atomically(folder / file, (json.dumps(content, indent=1) + "\n").encode())


def load(name: str) -> dict[str, Any]:
    """An embedded result, as `save` wrote it."""
    content: dict[str, Any] = json.loads(data_path(f"claim_{name}.json").read_text())
    return content


def table(names: Sequence[str] = NAMES) -> str:
    """Embedded results as a table in Markdown, a row for each comparison."""
    rows = ["| claim | comparison of errors | expected | difference, mean and 95 % interval | seeds | verdict |",
            "|---|---|---|---|---|---|"]  # fmt: skip
    for number, name in enumerate(names, start=1):
        content = load(name)
        for row, c in enumerate(content["comparisons"]):
            words = f"{number}. {content['claim']}" if row == 0 else ""
            expected = "better" if c["expected"] == "better" else f"within {c['margin']:g}"
            rows.append(f"| {words} | {c['of']} less {c['against']} | {expected} | {c['mean']:.2f} ({c['low']:.2f} to "
                        f"{c['high']:.2f}) {c['unit']} | {len(c['differences'])} | {c['verdict']} |")  # fmt: skip
    return "\n".join(rows)
