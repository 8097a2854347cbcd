"""The statistics of the claims on cases that can be worked out by hand, and the experiments on a few frames."""

import dataclasses
import json

import numpy as np
import pytest
from scipy import stats

from lifting.experiments import claims, solving
from lifting.pose_prior import load_prior
from tests.refusals import refuses

BETTER = claims.Criterion("mm", "better")


def paired(differences, **expected):
    base = np.linspace(40, 50, len(differences))
    return claims.compare("a", "b", base + differences, base, claims.Criterion("mm", **expected))


def test_the_interval_is_that_of_a_paired_t_test():
    rng = np.random.default_rng(0)
    first, second = rng.normal(0, 1, 8), rng.normal(0.3, 1, 8)
    found = claims.compare("a", "b", first, second, BETTER)
    differences = first - second
    half = stats.t.ppf(0.975, 7) * differences.std(ddof=1) / np.sqrt(8)
    assert (found.low, found.high) == pytest.approx((differences.mean() - half, differences.mean() + half))
    assert found.mean == pytest.approx(np.mean(first - second))
    assert found.differences == pytest.approx(tuple(first - second))


@pytest.mark.parametrize(
    ("middle", "expected", "margin", "verdict"),
    [
        (-5.0, "better", 0.0, "holds"),
        (5.0, "better", 0.0, "fails"),
        (0.0, "better", 0.0, "undecided"),
        (0.0, "similar", 2.0, "holds"),
        (0.0, "similar", 0.1, "undecided"),
        (5.0, "similar", 2.0, "fails"),
        (-5.0, "similar", 2.0, "fails"),
    ],
)
def test_a_claim_can_hold_fail_or_stay_open(middle, expected, margin, verdict):
    found = paired(middle + np.array([-1.0, -0.5, 0, 0.5, 1.0]), expected=expected, margin=margin)
    assert found.low < middle < found.high
    assert found.verdict == verdict


@pytest.mark.parametrize(
    ("errors", "other", "message"),
    [
        ([1.0] * 2, [1.0] * 2, "errors: got (2,) and (2,) values, expected as many of both, at least 3"),
        ([1.0] * 6, [1.0] * 5, "errors: got (6,) and (5,) values, expected as many of both, at least 3"),
        ([1.0] * 5, [np.nan] * 5, "other_errors: got 5 NaN or infinite of 5 values, expected finite numbers"),
    ],
)
def test_too_few_pairs_are_refused(errors, other, message):
    with refuses(message, whole=True):
        claims.compare("a", "b", errors, other, BETTER)


def test_a_result_says_what_was_claimed_and_how_to_repeat_it(tmp_path):
    found = paired(np.arange(5.0), expected="better")
    claims.save("speed", "words", "setting", [found], tmp_path, errors_mm={"a": [1.0]})
    content = json.loads((tmp_path / "claim_speed.json").read_text())
    assert {"claim", "setting", "command", "errors_mm"} <= content.keys()
    assert content["command"] == "python -m lifting.experiments.solving --out data"
    assert content["comparisons"][0]["verdict"] == found.verdict
    assert content["comparisons"][0]["differences"] == [0, 1, 2, 3, 4]


def test_the_lifting_experiments_measure_what_they_say():
    """On one group, with the embedded prior: the noise and the heading follow the seed alone."""
    groups = solving.groups_of_poses(solving.load_motion_capture())
    assert len(groups) == 16
    poses, prior = groups["walking"][:20], load_prior()
    few, many = (solving.error(poses, prior, 0, rotations) for rotations in (5, 80))
    assert many < few
    assert solving.error(poses, prior, 0) == many != solving.error(poses, prior, 1)
    times = solving.microseconds(prior.subset(components=[0]), frames=50, repeats=2)
    assert len(times) == 2 and min(times) > 0


def test_fixing_at_once_gives_a_prior_of_the_same_kind():
    others = tuple(sorted(solving.groups_of_poses(solving.load_motion_capture()))[:-2])
    prior = solving.fix_at_once(others, 3)
    assert (prior.K, prior.J, prior.L) == (1, 3, 17)


def test_the_speed_is_compared_with_the_papers(tmp_path, monkeypatch):
    monkeypatch.setattr(solving, "microseconds", lambda prior, **_: [300.0, 310, 290, 305, 295])
    solving.save_speed(tmp_path)
    content = json.loads((tmp_path / "claim_speed.json").read_text())
    assert [c["verdict"] for c in content["comparisons"]] == ["holds", "holds"]
    assert content["comparisons"][0]["mean"] == pytest.approx(300 - 1e6 / 3000)
    assert content["frames_per_second"] == {"one Gaussian": 3448, "5 Gaussians": 3448}


def test_every_embedded_claim_follows_from_its_own_differences():
    for name in claims.NAMES:
        content = claims.load(name)
        assert content["pairs"] in ("seeds", "starts", "groups", "timings")
        assert content["comparisons"] and content["claim"] and content["command"].startswith("python -m lifting.")
        for c in content["comparisons"]:
            assert len(c["differences"]) >= claims.LEAST
            low, high = claims.interval(np.array(c["differences"]))
            assert (c["low"], c["high"]) == pytest.approx((low, high))
            assert c["verdict"] == claims.verdict(low, high, c["expected"], c["margin"])


def test_the_table_has_a_row_for_each_comparison():
    lines = claims.table(["rotations", "mixture"]).splitlines()
    assert len(lines) == 2 + 4 + 2
    assert lines[2].startswith("| 5. 80 rotations are as accurate") and lines[3].startswith(
        "|  | 20, refined minus 10000"
    )
    assert lines[5].endswith("| 5 seeds | fails, as it must |") and "| within 1 (a control) |" in lines[5]
    assert lines[6].startswith("| 6. a mixture")


@pytest.mark.parametrize(
    ("middle", "kind", "words"),
    [
        (0.0, "claim", "holds"),
        (1.0, "claim", "similar, slightly worse"),
        (-1.0, "ours", "similar, slightly better"),
        (9.0, "claim", "fails"),
        (9.0, "control", "fails, as it must"),
        (0.0, "control", "holds, and mustn't"),
        (2.0, "control", "undecided"),
    ],
)
def test_a_verdict_in_words_says_what_the_interval_excludes(middle, kind, words):
    found = paired(middle + np.array([-0.1, -0.05, 0, 0.05, 0.1]), expected="similar", margin=2.0, kind=kind)
    assert claims.worded(dataclasses.asdict(found)) == words
