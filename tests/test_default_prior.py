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
    GRID,
    MOST_FRAMES,
    UPRIGHT,
    VARIATIONS,
    Settings,
    card,
    clip_poses,
    group_of,
    hold_out,
    learn,
    main,
    measure,
    summary,
)
from lifting.pose_prior import facing, load_prior
from lifting.skeleton import HUMAN36M, mirror
from lifting.support.files import data_path


@pytest.fixture(scope="module")
def motion():
    return load_motion_capture()


@pytest.fixture(scope="module")
def table():
    return json.loads(data_path("prior_held_out.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["prior", "motion_capture"])
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


def test_chosen_has_the_lowest_error_of_all_that_were_compared(table):
    assert len(table["candidates"]) == len(GRID) + len(VARIATIONS)
    assert table["chosen"]["mean_mm"] == min(row["mean_mm"] for row in table["candidates"])
    assert table["chosen"]["mean_mm"] == pytest.approx(summary(table["chosen"]["clips"], "mean_mm"), abs=1e-3)


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
    monkeypatch.setattr(default_prior, "measure", measure)
    rows = hold_out("walking", Settings(5))
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
