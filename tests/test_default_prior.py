"""The embedded prior: its files agree with one another, and what is learned and measured is what they say."""

import dataclasses
import hashlib
import json
import types

import numpy as np
import pytest

from lifting.datasets.motion_capture import load_motion_capture, trunk_lean
from lifting.fitting import default_prior
from lifting.fitting.default_prior import (
    BEFORE,
    MOST_FRAMES,
    START,
    STEPS,
    UPRIGHT,
    Settings,
    card,
    clip_poses,
    group_of,
    hold_out,
    learn,
    lowest,
    main,
    score,
    search,
    vary,
)
from lifting.fitting.held_out import PITCHES, measure, photo_errors, pitched, summary
from lifting.pose_prior import facing, load_older_mixture, load_prior
from lifting.skeleton import HUMAN36M, mirror
from lifting.support.files import data_path


@pytest.fixture(scope="module")
def motion():
    return load_motion_capture()


@pytest.fixture(scope="module")
def table():
    return json.loads(data_path("prior_held_out.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["prior", "prior_mixture", "motion_capture"])
def test_checksums_are_those_of_the_files(table, name):
    assert table[f"{name}_sha256"] == hashlib.sha256(data_path(f"{name}.npz").read_bytes()).hexdigest()


def test_card_is_made_of_the_table_and_the_prior(table):
    assert data_path("prior.md").read_text(encoding="utf-8") == card(load_prior(), table)
    assert table["prior_sha256"] in card(load_prior(), table)


def test_embedded_prior_is_the_chosen_one(table):
    prior = load_prior()
    chosen = table["chosen"]["settings"]
    assert chosen["components"] == prior.K and chosen["bases"] == prior.J
    assert prior.landmarks == HUMAN36M.landmarks
    np.testing.assert_allclose(facing(prior.mu, HUMAN36M.left, HUMAN36M.right), 0, atol=1e-9)
    assert (prior.mu[:, 0, list(HUMAN36M.left)].mean(axis=-1) > 0).all()
    head, feet = HUMAN36M.index("head_top"), [HUMAN36M.index("left_ankle"), HUMAN36M.index("right_ankle")]
    assert (prior.mu[:, 1, head] - prior.mu[:, 1, feet].mean(axis=-1) > 0.5).all()  # one component crouches


def test_chosen_has_the_lowest_score_of_all_that_were_compared(table):
    rows = [row for row in table["candidates"] if row["step"] != "before"]
    (chosen,) = (row for row in rows if row["settings"] == table["chosen"]["settings"])
    assert score(chosen) == min(map(score, rows))
    for name in ("mean_mm", "noisy_mean_mm"):
        assert table["chosen"][name] == pytest.approx(summary(table["chosen"]["clips"], name), abs=1e-3)


def test_the_search_goes_on_from_the_best_of_each_step(monkeypatch):
    """With an error that is least for 32 bases, a floor of 1 cm and many copies."""

    def compare(candidates, groups, pool):
        results = []
        for one in map(dataclasses.asdict, candidates):
            error = abs(one["bases"] - 32) + 1000 * abs(one["noise_floor"] - 0.01) - one["copies"] - one["perturbed"]
            results.append({"settings": one, "mean_mm": error, "noisy_mean_mm": error})
        return results

    monkeypatch.setattr(default_prior, "compare", compare)
    tried = search(["a group"], None)
    assert [row["settings"] for row in tried[:2]] == [dataclasses.asdict(BEFORE), dataclasses.asdict(START)]
    assert len(tried) == 2 + sum(map(len, STEPS.values())) and {row["step"] for row in tried[2:]} == set(STEPS)
    best = Settings(**lowest(tried[1:])["settings"])
    assert (best.bases, best.noise_floor, best.copies) == (32, 0.01, 6)
    assert best.components == 1  # more of them change nothing here, and have a price


def test_the_embedded_prior_lifts_the_held_out_as_well_as_it_should(table):
    assert table["chosen"]["mean_mm"] <= 60 and table["chosen"]["noisy_mean_mm"] <= 65
    assert table["before"]["mean_mm"] > 68 and table["before"]["noisy_mean_mm"] > 75
    assert table["before"]["settings"] == dataclasses.asdict(BEFORE)


def test_the_photos_are_lifted_as_the_table_says(table):
    for name, prior in (("chosen", load_prior()), ("before", load_older_mixture())):
        assert photo_errors(prior) == pytest.approx(table[name]["photos_p_mpjpe_mm"], abs=0.5)
    errors = list(table["chosen"]["photos_p_mpjpe_mm"].values())
    assert len(errors) == 8 and np.median(errors) <= 60 and max(errors) <= 150


def test_table_has_every_clip_that_has_upright_poses(table, motion):
    upright = {clip: len(clip_poses(motion, clip)) for clip in motion.clip_names if len(clip_poses(motion, clip))}
    assert {row["clip"]: row["poses"] for row in table["chosen"]["clips"]} == upright
    assert table["poses"] == sum(upright.values())


def test_a_held_out_group_is_measured_whole_and_not_learned_from(monkeypatch, motion):
    learned, measured = [], []

    def learn(_, clips, settings):
        learned.extend(clips)
        return types.SimpleNamespace(prior=None)

    def measure(_, poses):
        measured.append(len(poses))
        return {"mean_mm": 0.0}

    monkeypatch.setattr(default_prior, "learn", learn)
    rows = hold_out("walking", Settings(5), measure)
    walks = [clip for clip in motion.clip_names if clip.startswith("walk")]
    assert [row["clip"] for row in rows] == walks and len(walks) == 6
    assert sorted(learned + walks) == sorted(motion.clip_names)
    assert measured == [len(clip_poses(motion, clip)) for clip in walks] == [row["poses"] for row in rows]


def test_learning_takes_mirror_images_and_balance_into_account(motion):
    settings = Settings(2, mirrored=False, balance=1.0)
    plain = learn(motion, ["run", "crawl", "jump"], settings)
    assert len(plain.theta) == len(clip_poses(motion, "run")) + len(clip_poses(motion, "jump"))
    mirrored = learn(motion, ["run", "jump"], dataclasses.replace(settings, mirrored=True)).prior
    np.testing.assert_allclose(mirror(mirrored.mu, HUMAN36M), mirrored.mu, atol=0.01)
    by_pose = learn(motion, ["run", "jump"], dataclasses.replace(settings, balance=0.0)).prior
    assert np.abs(plain.prior.mu - by_pose.mu).max() > 0.005


def test_the_older_mixture_is_learned_from_poses_as_recorded(motion):
    """Up to rounding, and to the signs of bases."""
    upright = [clip for clip in motion.clip_names if len(clip_poses(motion, clip))]
    again, embedded = learn(motion, upright, BEFORE).prior, load_older_mixture()
    for name in ("mu", "sigma", "weights", "noise_variance"):
        np.testing.assert_allclose(getattr(again, name), getattr(embedded, name), rtol=1e-6, atol=1e-9)


def test_copies_take_the_place_of_poses_and_are_the_same_each_time(motion):
    poses, weights = clip_poses(motion, "run"), np.arange(1.0, 26)
    settings = Settings(3, copies=2, mixed=0.5, perturbed=1.0, stretched=0.05)
    copies, counts = vary(poses, weights, settings)
    assert copies.shape == (50, 3, 17) and np.array_equal(counts, np.tile(weights, 2))
    np.testing.assert_array_equal(copies, vary(poses, weights, settings)[0])
    assert not np.isclose(copies[:25], copies[25:]).all(axis=(1, 2)).any()
    as_recorded = vary(poses, weights, Settings(3, copies=2))[0]
    np.testing.assert_allclose(as_recorded, np.tile(poses, (2, 1, 1)), atol=1e-12)
    fitted = learn(motion, ["run"], dataclasses.replace(settings, mirrored=False))
    assert len(fitted.theta) == 50 and set(fitted.growth_bases) == {3}


def test_clips_of_different_groups_are_not_near_duplicates(motion):
    thinned = {clip: clip_poses(motion, clip) for clip in motion.clip_names}
    thinned = {clip: poses for clip, poses in thinned.items() if len(poses)}
    for clip, poses in thinned.items():
        for other, others in thinned.items():
            if group_of(clip) != group_of(other):
                nearest = _distances(poses, np.concatenate([others, mirror(others, HUMAN36M)])).min(axis=1)
                assert np.median(nearest) > 0.06, (clip, other)


def _distances(poses, others):
    """Root mean square distances over the landmarks (N, M), each pair turned to fit."""
    real = np.einsum("nil,mil->nm", poses[:, [0, 2]], others[:, [0, 2]])
    imaginary = poses[:, 0] @ others[:, 2].T - poses[:, 2] @ others[:, 0].T
    inner = np.hypot(real, imaginary) + poses[:, 1] @ others[:, 1].T
    squared = np.square(poses).sum(axis=(1, 2))[:, None] + np.square(others).sum(axis=(1, 2)) - 2 * inner
    return np.sqrt(np.maximum(squared, 0) / poses.shape[-1])


def test_only_upright_poses_are_taken_and_not_too_many(motion):
    for clip in motion.clip_names:
        poses = clip_poses(motion, clip)
        assert len(poses) <= MOST_FRAMES
        assert len(poses) == 0 or trunk_lean(poses).max() <= UPRIGHT


def test_a_camera_taken_for_level_costs_nothing_where_it_is_level_and_most_where_it_is_not():
    prior = load_prior()
    errors = pitched(prior, prior.mu)
    assert len(errors) == 2 * len(PITCHES) and errors["0 known"] == errors["0 taken for level"]
    assert errors["30 taken for level"] > errors["10 taken for level"] > errors["10 known"]
    assert errors["0 known"] == pytest.approx(measure(prior, prior.mu)["mean_mm"])


def test_measuring_the_mean_pose_itself_finds_little_error():
    prior = load_prior().subset(components=[0])
    errors = measure(prior, prior.mu[:1])
    assert errors["mean_mm"] < 15 and errors["mean_mm"] <= errors["noisy_mean_mm"]
    assert errors["flipped_percent"] == 0


def test_summary_is_a_mean_of_means():
    rows = [{"group": "a", "x": 1.0}, {"group": "a", "x": 3.0}, {"group": "b", "x": 10.0}]
    assert summary(rows, "x") == 6.0


def test_a_folder_that_is_not_there(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(default_prior, "load_motion_capture", lambda: pytest.fail("began"))
    with pytest.raises(SystemExit):
        main(["--out", str(tmp_path / "none")])
    assert "--out: got" in (said := " ".join(capsys.readouterr().err.replace("│", "").split()))
    assert "expected a folder that exists" in said
