"""The trial from scratch: its measures by hand, a run made once and gone on with, its claims from made-up results."""

import json
from dataclasses import asdict

import numpy as np
import pytest
import torch

from lifting.datasets.rendered import load_rendered
from lifting.experiments import claims, trial
from lifting.network import build_network
from lifting.skeleton import HUMAN36M
from lifting.support.files import data_path

PEOPLE = load_rendered("validation")
TRUTH = PEOPLE.landmarks.astype(float)
pytestmark = pytest.mark.usefixtures("one_thread")


def test_missed_is_per_cent_of_what_counts():
    counted = np.zeros((len(PEOPLE), 17), dtype=bool)
    counted[:, [2, 5, 9, 13]] = True
    wrong = TRUTH.copy()
    wrong[:, 0, 9] += 500
    wrong[:, 1, 0] += 500  # not counted
    assert trial.missed(TRUTH, PEOPLE, counted) == 0
    assert trial.missed(wrong, PEOPLE, counted) == 25


def test_legs_change_places_in_the_first_stage_alone():
    torch.manual_seed(0)
    network, images = build_network("small").eval(), torch.rand(2, 3, 128, 128)
    with torch.no_grad():
        before = network(images)
        with trial.swapped_legs(network):
            after = network(images)
        restored = network(images)
    order = list(range(18))
    for part in ("knee", "ankle"):
        left, right = (HUMAN36M.index(f"{side}_{part}") for side in ("left", "right"))
        order[left], order[right] = right, left
    torch.testing.assert_close(after[0].belief, before[0].belief[:, order])
    assert sorted(trial.SWAPPED) == sorted(i for i in range(17) if order[i] != i)
    assert not torch.allclose(after[1].belief, before[1].belief)
    assert all(torch.equal(one.fused, other.fused) for one, other in zip(restored, before, strict=True))


def test_legs_are_put_back_when_something_fails():
    network = build_network("small").eval()
    with pytest.raises(KeyboardInterrupt), trial.swapped_legs(network):
        raise KeyboardInterrupt
    assert not network.trunk._forward_hooks and "fuse" not in vars(network)


def test_landmarks_are_those_of_belief_and_fused_maps():
    torch.manual_seed(0)
    network = build_network("small", subpixel=True).eval()
    b, f = trial.landmarks_by_stage(network, PEOPLE, batch=150)
    assert b.shape == f.shape == (2, len(PEOPLE), 2, 17)
    with torch.no_grad():
        prediction = network(torch.from_numpy(PEOPLE.images[:3]).float() / 255)
    np.testing.assert_allclose(f[1, :3], prediction.landmarks.numpy(), atol=1e-3)
    assert not np.allclose(b[1, :3], f[1, :3])
    plain = trial.landmarks_by_stage(build_network("small", lifting="none").eval(), PEOPLE, batch=150)
    np.testing.assert_array_equal(*plain)


def test_variants_differ_in_what_they_say_and_nothing_else():
    settings = {variant: trial.settings_of(variant, 4, 100) for variant in trial.VARIANTS}
    assert {own.seed for own in settings.values()} == {4} and len({own.rate for own in settings.values()}) == 1
    steps = {variant: own.steps for variant, own in settings.items()}
    assert steps.pop("no lifting") == 120 and set(steps.values()) == {100}
    assert [v for v, own in settings.items() if not own.subpixel] == [
        "no lifting", "sub-gradients, whole pixels", "soft-argmax", "no lifting, no more steps"]  # fmt: skip
    assert {own.k for own in settings.values()} == {0.1, 1.0, 10.0}
    assert not settings["stages apart, sub-pixel"].cross_stage


@pytest.mark.parametrize("variant", ["own peak", "no lifting"])
def test_a_run_is_made_once(tmp_path, variant, monkeypatch):
    monkeypatch.setattr(trial, "load_rendered", lambda split="train": PEOPLE)
    (tmp_path / "trials").mkdir()
    result = trial.run((variant, 1), tmp_path, tmp_path / "runs", steps=2)
    assert all(len(result[key]) == 2 for key in ("missed, b", "missed, f", "hidden, f", "legs swapped, f"))
    assert all(0 <= value <= 100 for value in result["missed, f"])
    assert (result["w"] is None) == (variant == "no lifting")
    assert result["curve"][-1][0] == result["settings"]["steps"] == 2
    monkeypatch.setattr(trial, "train", None)
    again = trial.run((variant, 1), tmp_path, tmp_path / "runs", steps=2)
    assert again == json.loads(json.dumps(result))
    assert trial.load_results(tmp_path)[variant][1] == again
    with pytest.raises(ValueError, match="of a run with other settings, expected results of runs with these settings"):
        trial.run((variant, 1), tmp_path, tmp_path / "runs", steps=3)


def write_made_up(folder, levels, starts=4, steps=2500):
    """Results whose every error is about the variant's level; exchanged legs cost 10 more, of lifted ones 5."""
    (folder / "trials").mkdir()
    random = np.random.default_rng(0)
    keys = ("missed, b", "missed, f", "hidden, b", "hidden, f", "legs, f", "legs swapped, f")
    for variant, level in levels.items():
        for start in range(starts):
            row = {key: (level + random.normal(0, 0.1, 2)).tolist() for key in keys}
            added = 10 if variant in ("no lifting", "own peak") else 5
            row["legs swapped, f"] = [value + added + random.normal(0, 0.1) for value in row["legs, f"]]
            row |= {"variant": variant, "start": start, "settings": {"steps": steps}}
            (folder / "trials" / f"{variant}_{start}.json").write_text(json.dumps(row))


LEVELS = {"no lifting": 25, "own peak": 25, "forward, sub-pixel": 19, "sub-gradients, sub-pixel": 20,
          "sub-gradients, whole pixels": 24, "stages apart, sub-pixel": 20, "soft-argmax": 30,
          "no lifting, no more steps": 26, "sub-gradients, sub-pixel, k = 0.1": 19,
          "sub-gradients, sub-pixel, k = 10": 25}  # fmt: skip


def test_claims_are_written_with_their_verdicts(tmp_path):
    write_made_up(tmp_path, LEVELS)
    trial.save_claims(tmp_path)
    found = {name: json.loads((tmp_path / f"claim_{name}.json").read_text()) for name in trial.QUESTIONS}
    words = {name: [claims.worded(c) for c in content["comparisons"]] for name, content in found.items()}
    assert words["gradients"] == ["similar, slightly worse", "fails", "similar, slightly worse", "fails"]
    assert words["cross_stage"][0] in ("holds", "similar, slightly better", "similar, slightly worse")
    assert words["fusion"] == ["holds"] * 13
    assert {content["pairs"] for content in found.values()} == {"starts"}
    legs = [c["mean"] for c in found["fusion"]["comparisons"] if c["of"].endswith("legs exchanged, f_2")]
    assert legs == pytest.approx([-5, -5], abs=0.3)
    assert "2500 steps" in found["fusion"]["setting"]
    assert found["fusion"]["command"] == f"python -m lifting.experiments.trial --out {tmp_path.as_posix()} --runs DIR"


def test_the_command_of_longer_runs_says_how_many_steps(tmp_path):
    write_made_up(tmp_path, LEVELS, steps=300)
    trial.save_claims(tmp_path)
    assert json.loads((tmp_path / "claim_fusion.json").read_text())["command"].endswith(" --runs DIR --steps 300")


def test_no_claim_from_fewer_than_three_starts(tmp_path, capsys):
    write_made_up(tmp_path, LEVELS, starts=2)
    trial.save_claims(tmp_path)
    assert not list(tmp_path.glob("claim_*.json")) and "fusion: fewer than 3 starts" in capsys.readouterr().out


def test_a_claim_is_written_as_far_as_its_variants_are_there(tmp_path):
    write_made_up(tmp_path, {name: LEVELS[name] for name in list(LEVELS)[:5] if name != "own peak"})
    trial.save_claims(tmp_path)
    found = {name: json.loads((tmp_path / f"claim_{name}.json").read_text()) for name in ("gradients", "fusion")}
    assert not (tmp_path / "claim_cross_stage.json").exists() and len(found["gradients"]["comparisons"]) == 1
    assert {c["against"] for c in found["fusion"]["comparisons"]} == {"no lifting", "sub-gradients, whole pixels"}


def test_embedded_runs_are_those_of_the_settings():
    results = trial.load_results()
    for variant, starts in results.items():
        for start, row in starts.items():
            assert row["settings"]["seed"] == start and (variant in trial.VARIANTS)
            wanted = trial.settings_of(variant, start)
            assert {key: row["settings"][key] for key in ("steps", "batch", "lifting", "subpixel")} == {
                key: getattr(wanted, key) for key in ("steps", "batch", "lifting", "subpixel")
            }
            steps = [step for step, _ in row["curve"]]
            assert steps == sorted(steps) and steps[-1] == row["settings"]["steps"]


@pytest.mark.parametrize("folder", [None, "longer"])
def test_the_table_has_a_row_for_each_variant_that_was_run(folder):
    place = None if folder is None else data_path(folder)
    runs, lines = trial.load_results(place), trial.table(place).splitlines()[2:]
    assert [line.split(" | ")[0].strip("| ") for line in lines] == list(runs)
    assert [name for name in trial.VARIANTS if name in runs] == list(runs)
    for line, starts in zip(lines, runs.values(), strict=True):
        cells = line.strip("| ").split(" | ")
        assert cells[1] == str(len(starts)) and cells[2] == f"{starts[0]['settings']['steps']:,}"
        assert float(cells[4]) == pytest.approx(np.mean([row["missed, f"][1] for row in starts.values()]), abs=0.051)


def test_how_flat_a_curve_is():
    assert trial.last_fifth([(200, 90.0), (600, 60.0), (800, 52.0), (1000, 50.0)]) == pytest.approx(-2)


def test_every_trial_is_kept():
    for name in trial.QUESTIONS:
        first = claims.load(name, "first")
        assert first["when"] == "2026-11-26" and first["comparisons"]
        assert claims.load(name) == claims.load(name, "longer") != claims.load(name, "second") != first
    with pytest.raises(ValueError, match="trial: got 'third', expected one of longer, second, first"):
        claims.load("fusion", "third")


def test_embedded_claims_follow_from_the_embedded_runs():
    for place in (data_path("trials").parent, data_path("longer")):
        results = trial.load_results(place)
        for name, (_, questions) in trial.QUESTIONS.items():
            found = [asdict(one) for question in questions if (one := trial.answer(question, results))]
            assert (
                json.loads(json.dumps(found)) == json.loads((place / f"claim_{name}.json").read_text())["comparisons"]
            )


def test_the_longer_runs_are_the_trials_own_with_four_times_the_steps():
    for starts in trial.load_results(data_path("longer")).values():
        for row in starts.values():
            assert row["settings"] == asdict(trial.settings_of(row["variant"], row["start"], 4 * trial.STEPS))
