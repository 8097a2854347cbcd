"""What the experiments share: a claim, paired differences, their interval, and a verdict.

Two ways of doing something are compared on the same data under the same seed (or start, or on the same group of clips);
the difference of their errors is one number a pair. Its mean has the interval of Student's t. What counts as "better"
or "similar" is stated before the run:

    better     the whole interval lies below 0
    similar    the whole interval lies within the margin on both sides of 0

A claim holds where that is so, fails where the interval excludes it, and is undecided otherwise. Two errors can be
similar and one of them reliably the worse: where the interval lies within the margin and excludes 0, `worded` says so.
"""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from scipy import stats

from lifting.support.arrays import check_array, fail
from lifting.support.commands import step_of
from lifting.support.files import data_path, write_json

Expectation = Literal["better", "similar"]
Kind = Literal["claim", "ours", "control"]
Verdict = Literal["holds", "fails", "undecided"]
Trial = Literal["first", "second", "longer"]
NAMES = ("gradients", "vanishing", "cross_stage", "fusion", "rotations", "mixture", "speed")
"""The claims, in the order of notebook 10."""
TRIALS: dict[Trial, str] = {"longer": "longer/", "second": "", "first": "first_trial/"}
"""Where the results of each trial of claims 1, 3 and 4 are, the latest first."""
SEEDS = 5
"""How many seeds an experiment has unless it says otherwise."""
LEAST = 3
"""The least number of pairs that an interval is made of."""


class Criterion(NamedTuple):
    """What is expected of the errors of one way minus those of another."""

    unit: str
    expected: Expectation
    margin: float = 0.0
    """For "similar": how far apart still counts as the same, in `unit`."""
    kind: Kind = "claim"
    """Whose it is: the paper's claim, a finer question of ours, or a control, which must fail for the rest to count."""


@dataclass(frozen=True)
class Comparison:
    """The errors of one way minus those of another, pair by pair, what was expected of them, and what follows."""

    of: str
    against: str
    unit: str
    expected: Expectation
    margin: float
    kind: Kind
    differences: tuple[float, ...]
    mean: float
    low: float
    high: float
    verdict: Verdict


def compare(
    of: str, against: str, errors: Sequence[float], other_errors: Sequence[float], criterion: Criterion
) -> Comparison:
    """The errors of `of` minus those of `against`, pair by pair, with a 95 % interval and the verdict.

    Raises:
        ValueError: fewer than `LEAST` pairs, sequences of different lengths, a value that is not finite.
    """
    first, second = (check_array(name, np.array(values, dtype=float), "pairs")
                     for name, values in (("errors", errors), ("other_errors", other_errors)))  # fmt: skip
    if first.shape != second.shape or len(first) < LEAST:
        fail("errors", f"{first.shape} and {second.shape} values", f"as many of both, at least {LEAST}")
    differences = first - second
    low, high = interval(differences)
    return Comparison(of, against, *criterion, tuple(differences.tolist()), float(differences.mean()), low, high,
                      verdict(low, high, criterion.expected, criterion.margin))  # fmt: skip


def interval(differences: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """The interval of Student's t for the mean of `differences`."""
    low, high = stats.ttest_1samp(differences, 0).confidence_interval(level)
    return float(low), float(high)


def verdict(low: float, high: float, expected: Expectation, margin: float) -> Verdict:
    """Whether the interval from `low` to `high` lies where it is `expected`, lies elsewhere, or neither."""
    least, most = (-np.inf, 0.0) if expected == "better" else (-margin, margin)
    if least <= low and high <= most:
        return "holds"
    return "fails" if low > most or high < least else "undecided"


def worded(comparison: Mapping[str, Any]) -> str:
    """The verdict of an embedded comparison, and what the interval says besides."""
    c = comparison
    if c["kind"] == "control":
        return {"fails": "fails, as it must", "holds": "holds, and mustn't"}.get(c["verdict"], c["verdict"])
    if c["verdict"] == "holds" and c["expected"] == "similar" and c["low"] > 0:
        return "similar, slightly worse"
    if c["verdict"] == "holds" and c["expected"] == "similar" and c["high"] < 0:
        return "similar, slightly better"
    return str(c["verdict"])


def save(name: str, words: str, setting: str, comparisons: Sequence[Comparison], folder: Path, **more: Any) -> None:
    """Write `claim_<name>.json` to `folder`: the paper's words in ours, the setting, the command, the comparisons.

    `more`: other results of the experiment, under names of their own; "pairs": what a pair is, "seeds" unless given;
    "command": where it isn't the one that `data/commands.toml` lists for the file.
    """
    file = f"claim_{name}.json"
    content = {"claim": words, "setting": setting, "command": step_of(file).lines()[-1], "pairs": "seeds", **more}
    content["comparisons"] = [asdict(comparison) for comparison in comparisons]
    write_json(folder / file, content)


def load(name: str, trial: Trial | None = None) -> dict[str, Any]:
    """An embedded result, as `save` wrote it: of one `trial` of claims 1, 3 and 4, or the latest there is.

    Raises:
        ValueError: an unknown trial.
    """
    if trial is not None and trial not in TRIALS:
        fail("trial", repr(trial), f"one of {', '.join(TRIALS)}")
    places = list(TRIALS.values()) if trial is None else [TRIALS[trial]]
    content: dict[str, Any] = json.loads(first_path([f"{place}claim_{name}.json" for place in places]).read_text())
    return content


def first_path(names: Sequence[str]) -> Path:
    """The first of some embedded files that is there."""
    for name in names[:-1]:
        with suppress(FileNotFoundError):
            return data_path(name)
    return data_path(names[-1])


def table(names: Sequence[str] = NAMES, trial: Trial | None = None) -> str:
    """Results of `load` as a table in Markdown, a row a comparison; "ours" marks what the paper doesn't claim."""
    rows = ["| claim | comparison of errors | expected | difference, mean and 95 % interval | pairs | verdict |",
            "|---|---|---|---|---|---|"]  # fmt: skip
    for number, name in ((NAMES.index(name) + 1, name) for name in names):
        content = load(name, trial)
        for row, c in enumerate(content["comparisons"]):
            words = f"{number}. {content['claim']}" if row == 0 else ""
            expected = "better" if c["expected"] == "better" else f"within {c['margin']:g}"
            whose = {"claim": "", "ours": " (ours)", "control": " (a control)"}[c["kind"]]
            rows.append(f"| {words} | {c['of']} minus {c['against']} | {expected}{whose} | {c['mean']:.2f} "
                        f"({c['low']:.2f} to {c['high']:.2f}) {c['unit']} | {len(c['differences'])} "
                        f"{content['pairs']} | {worded(c)} |")  # fmt: skip
    return "\n".join(rows)
