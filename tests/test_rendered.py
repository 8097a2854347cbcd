"""Rendered people: the embedded set, shards of made-up buffers, and, where anny is installed, bodies."""

import hashlib
import json
import math
import re

import numpy as np
import pytest
import torch

from lifting.camera import project, rotation, tilted_camera
from lifting.datasets.composing import compose
from lifting.datasets.motion_capture import load_motion_capture
from lifting.datasets.rendered import ARRAYS, SEGMENTS, SIZE, halve, load_rendered, open_shards
from lifting.makers import bodies, rendered
from lifting.skeleton import HUMAN36M
from lifting.support.arrays import check_array
from lifting.support.files import data_path, save_npz

from .pictures import some_buffers

SPLITS = ("train", "validation", "test")
AT = {name: n for n, name in enumerate(HUMAN36M.landmarks)}


@pytest.fixture(scope="module")
def people():
    return {split: load_rendered(split) for split in SPLITS}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


# --- the embedded set ----------------------------------------------------------------------------------------------


def test_file_matches_its_checksum():
    card = data_path("rendered_people.md").read_text()
    data = data_path("rendered_people.npz").read_bytes()
    size, sha256 = re.search(r"\| `rendered_people.npz` \| ([0-9,]+) \| `([0-9a-f]{64})`", card).groups()
    assert hashlib.sha256(data).hexdigest() == sha256
    assert len(data) == int(size.replace(",", "")) < 8e6
    assert "rendered_people.npz" in data_path("README.md").read_text()


def test_halved_people_are_the_same_people(people):
    """A checkerboard of 2 x 2 blocks becomes one of pixels; landmarks and camera still agree."""
    small = halve(people["validation"])
    assert small.images.shape[2:] == (64, 64) and small.images.dtype == np.uint8
    camera, pose = small.camera, small.pose
    flat = camera[:, 3:, None] + camera[:, 2, None, None] * pose[:, :2] * np.array([[1], [-1]])
    np.testing.assert_allclose(small.landmarks, flat, atol=2e-3)
    block = people["validation"].images[0, :, 10:12, 20:22].reshape(3, -1).mean(1)
    np.testing.assert_allclose(small.images[0, :, 5, 10], block, atol=0.5)


def test_licences_are_there():
    assert "Apache License" in (data_path("licences") / "anny-Apache-2.0.txt").read_text()
    assert "CC0 1.0 Universal" in (data_path("licences") / "makehuman-CC0-1.0.txt").read_text()


@pytest.mark.parametrize("split, count", [("train", 1200), ("validation", 200), ("test", 400)])
def test_shapes_and_types(people, split, count):
    set_ = people[split]
    assert set_.images.shape == (count, 3, SIZE, SIZE) and set_.images.dtype == np.uint8 and len(set_) == count
    assert set_.landmarks.shape == (count, 2, 17) and set_.landmarks.dtype == np.float32
    assert set_.pose.shape == (count, 3, 17) and set_.pose.dtype == np.float32
    assert set_.visible.shape == (count, 17) and set_.visible.dtype == np.bool_
    assert set_.camera.shape == (count, 5) and set_.body.shape == set_.clip.shape == (count,)
    for values in (set_.landmarks, set_.pose, set_.camera):
        check_array("values", values)


def test_no_split_shares_a_body_or_a_clip(people):
    for first, second in (("train", "validation"), ("train", "test"), ("validation", "test")):
        assert not set(people[first].body) & set(people[second].body)
        assert not set(people[first].clip) & set(people[second].clip)
    names = load_motion_capture().clip_names
    assert {names[clip] for clip in people["test"].clip} == {"dance_b", "run"}
    assert {names[clip] for clip in people["validation"].clip} == {"punch"}


@pytest.mark.parametrize("split", SPLITS)
def test_landmarks_are_the_pose_through_the_camera(people, split):
    set_ = people[split]
    _, _, scale, column, row = set_.camera.T.astype(np.float64)
    Y = project(set_.pose.astype(np.float64), np.zeros(len(set_)), scale=scale)
    pixels = np.stack([column[:, None] + Y[:, 0], row[:, None] - Y[:, 1]], 1)
    assert np.abs(pixels - set_.landmarks).max() < 1e-3
    assert not set_.pose[:, :, AT["pelvis"]].any()


def test_undoing_the_camera_makes_people_face_the_front(people):
    for set_ in people.values():
        for pose, (theta, pitch, *_) in zip(set_.pose[::7].astype(np.float64), set_.camera[::7], strict=True):
            upright = rotation(np.float64(-theta)) @ tilted_camera(float(pitch)).T @ pose
            left = sum(
                (side := upright[:, AT[f"left_{part}"]] - upright[:, AT[f"right_{part}"]]) / np.linalg.norm(side)
                for part in ("hip", "shoulder")
            )
            assert left[0] > 0 and abs(left[2]) < 1e-4


def test_half_of_the_views_are_from_behind(people):
    for set_ in people.values():
        assert set_.from_behind.mean() == 0.5
        left = set_.landmarks[:, 0, AT["left_hip"]] - set_.landmarks[:, 0, AT["right_hip"]]
        square = np.abs(np.cos(set_.camera[:, 0])) > 0.7
        assert ((left[square] > 0) != set_.from_behind[square]).mean() > 0.98


def test_people_fill_their_pictures(people):
    for set_ in people.values():
        size = np.ptp(set_.landmarks, axis=2).max(1) / SIZE
        assert size.min() > 0.5 and size.max() < 0.92
        assert ((set_.landmarks > -0.5) & (set_.landmarks < SIZE - 0.5)).mean() > 0.999
        assert 0.5 < set_.visible.mean() < 0.9


def test_a_nose_that_points_away_is_hidden(people):
    for set_ in people.values():
        nose, face = set_.visible[:, AT["nose"]], set_.pose[:, :, AT["nose"]] - set_.pose[:, :, AT["head_top"]]
        to_viewer = face[:, 2] / np.linalg.norm(face, axis=1)
        assert nose[to_viewer < -0.6].mean() < 0.15
        assert nose[to_viewer > 0.3].mean() > 0.85  # the rest is occluded


def test_pictures_show_the_people(people):
    """Where the person is, pictures vary from person to person: not a black or a constant one."""
    images = people["test"].images
    assert images.reshape(len(images), -1).std(1).min() > 5
    assert len({image.tobytes() for image in images}) == len(images)


def test_legs_are_as_long_as_peoples_are(people):
    for set_ in people.values():
        joints = [AT[name] for name in ("left_hip", "left_knee", "left_ankle")]
        legs = np.linalg.norm(np.diff(set_.pose[:, :, joints], axis=2), axis=1).sum(1)
        assert legs.min() > 0.3 and legs.max() < 1.3


def test_unknown_split_is_refused():
    with pytest.raises(ValueError, match="split: got 'tests', expected 'train' or 'validation' or 'test'"):
        load_rendered("tests")


# --- shards --------------------------------------------------------------------------------------------------------


def write_shard(path, buffers):
    save_npz(path, {key: getattr(buffers, key) for key in ARRAYS})


def test_shards_are_joined_in_order(tmp_path):
    first, second = some_buffers(3, seed=1), some_buffers(5, seed=2)
    write_shard(tmp_path / "train_00000.npz", first)
    write_shard(tmp_path / "train_00001.npz", second)
    write_shard(tmp_path / "test_00000.npz", some_buffers(2))
    both = open_shards(tmp_path)
    assert len(both) == 8 and len(open_shards(tmp_path, "test")) == 2
    for n, (part, i) in enumerate([*((first, i) for i in range(3)), *((second, i) for i in range(5))]):
        np.testing.assert_array_equal(both.landmarks[n], part.landmarks[i])
        np.testing.assert_array_equal(
            both.values[both.starts[n] : both.starts[n + 1]], part.values[part.starts[i] : part.starts[i + 1]]
        )


def test_a_folder_without_shards_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="folder: got .*, expected a folder with shards test_00000.npz"):
        open_shards(tmp_path, "test")
    with pytest.raises(ValueError, match="split: got 'x'"):
        open_shards(tmp_path, "x")


@pytest.fixture
def drawn(monkeypatch):
    """Stands in for the drawing of bodies; `drawn.stop_after` shards it is interrupted."""

    class Drawn:
        calls, stop_after = 0, None

    def render_bodies(motion, split, numbers, seed, perturbed):
        if Drawn.calls == Drawn.stop_after:
            raise KeyboardInterrupt
        Drawn.calls += 1
        return some_buffers(len(numbers), seed=seed + 1000 * SPLITS.index(split) + numbers[0])

    monkeypatch.setattr(rendered, "render_bodies", render_bodies)
    monkeypatch.setattr(rendered, "SHARD", 4)
    return Drawn


def files(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_a_stopped_run_goes_on_and_ends_the_same(tmp_path, drawn, capsys):
    rendered.main(["--out", str(tmp_path / "whole"), "--bodies", "21", "--seed", "3", "--processes", "1"])
    drawn.calls, drawn.stop_after = 0, 4
    with pytest.raises(SystemExit) as stopped:
        rendered.main(["--out", str(tmp_path / "parts"), "--bodies", "21", "--seed", "3", "--processes", "1"])
    assert stopped.value.code == 130 and "--resume" in capsys.readouterr().err
    done = files(tmp_path / "parts")
    assert len(done) == 5  # four shards and about.json
    drawn.stop_after = None
    rendered.main(["--out", str(tmp_path / "parts"), "--bodies", "21", "--seed", "3", "--processes", "1", "--resume"])
    assert drawn.calls == 8  # nothing is drawn twice
    assert files(tmp_path / "parts") == files(tmp_path / "whole")
    assert "13/13 bodies" in capsys.readouterr().err  # of the second half
    assert len(open_shards(tmp_path / "whole")) == 21 and len(open_shards(tmp_path / "whole", "test")) == 3


@pytest.mark.usefixtures("drawn")
def test_a_folder_in_use_is_refused(tmp_path):
    rendered.render(tmp_path / "a", 4)
    before = files(tmp_path / "a")
    with pytest.raises(FileExistsError, match="which is in use; expected a new folder, or resume"):
        rendered.render(tmp_path / "a", 4)
    with pytest.raises(ValueError, match="out: got .*begun with"):
        rendered.render(tmp_path / "a", 4, seed=1, resume=True)
    with pytest.raises(ValueError, match="'perturbed': False.*begun with.*'perturbed': True"):
        rendered.render(tmp_path / "a", 4, perturbed=True, resume=True)
    assert files(tmp_path / "a") == before
    about = (tmp_path / "a" / "about.json").read_text()
    (tmp_path / "a" / "about.json").write_text(about.replace("perturbed", "stirred"))  # as it was called once
    rendered.render(tmp_path / "a", 4, resume=True)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "other.npz").touch()
    with pytest.raises(FileExistsError, match="which holds other files"):
        rendered.render(tmp_path / "b", 4)


def test_workers_do_each_job_once_and_stop_at_the_first_failure():
    jobs = list(range(20))
    for processes in (1, 2):
        with rendered._workers(processes) as each:
            assert sorted(each(math.factorial, jobs)) == [math.factorial(n) for n in jobs]
        with pytest.raises(ValueError, match="factorial"), rendered._workers(processes) as each:
            list(each(math.factorial, [3, -1, *jobs]))


def test_settings_are_checked_first(tmp_path):
    with pytest.raises(ValueError, match="processes: got 0"):
        rendered.render(tmp_path / "new", 1, processes=0)
    with pytest.raises(ValueError, match="bodies: got 0"):
        rendered.render(tmp_path / "new", 0)
    assert not (tmp_path / "new").exists()
    with pytest.raises(FileNotFoundError, match="out: got .*, expected a path in a folder that exists"):
        rendered.embed(tmp_path / "missing" / "file.npz")
    with pytest.raises(SystemExit):
        rendered.main([])
    with pytest.raises(SystemExit, match="^error: bodies: got 0"):
        rendered.main(["--out", str(tmp_path / "new"), "--bodies", "0"])


def test_held_out_clips_are_never_drawn_for_training():
    motion = load_motion_capture()
    clips = {}
    for split in SPLITS:
        frames, chance = rendered._frames(motion, split)
        assert chance.sum() == pytest.approx(1) and (chance > 0).all()
        clips[split] = {motion.clip_names[clip] for clip in motion.clip[frames]}
    assert clips["test"] == {"dance_b", "run"} and clips["validation"] == {"punch"}
    # nobody is upright in the clip of crawling
    assert clips["train"] == set(motion.clip_names) - {"dance_b", "run", "punch", "crawl"}


# --- the z-buffer and the turning of bones, which need no body -------------------------------------------------------


def test_rasterise_against_plain_loops():
    random = np.random.default_rng(0)
    points, depth = random.uniform(-3, 23, (30, 2)), random.uniform(0, 1, 30)
    faces = random.permutation(90).reshape(30, 3) % 30
    faces = faces[[len(set(face)) == 3 for face in faces.tolist()]]
    triangle, surface = bodies.rasterise(points, depth, faces, 20)
    for row in range(20):
        for column in range(20):
            best, which = -np.inf, -1
            for number, face in enumerate(faces):
                corners = np.concatenate([points[face].T, np.ones((1, 3))])
                if np.linalg.det(corners) >= 0:  # turns its back
                    continue
                share = np.linalg.solve(corners, [column, row, 1])
                if (share >= 0).all() and share @ depth[face] > best:
                    best, which = share @ depth[face], number
            assert triangle[row, column] == which
            assert surface[row, column] == pytest.approx(best, abs=1e-6)
    assert (triangle >= 0).mean() > 0.2


# --- with anny -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model():
    pytest.importorskip("anny", reason="the extra `render` is not installed")
    return bodies.load_body_model()


@pytest.fixture(scope="module")
def rest(model):
    return model.rest({"gender": 0.3, "age": 0.7, "muscle": 0.5, "weight": 0.6, "height": 0.4, "proportions": 0.5})


def test_body_lies_in_our_axes(model, rest):
    landmarks = bodies.body_landmarks(model, rest.heads, rest.vertices[model.nose], rest.vertices[model.head_top])
    at = {name: landmarks[:, n] for name, n in AT.items()}
    assert at["head_top"][1] > at["neck"][1] > at["pelvis"][1] > at["left_ankle"][1]
    assert at["left_hip"][0] > 0 > at["right_hip"][0] and at["left_wrist"][0] > at["right_wrist"][0]
    assert at["nose"][2] > at["head_top"][2]
    assert 1.4 < np.ptp(rest.vertices[:, 1]) < 2.1
    assert at["head_top"][1] == rest.vertices[:, 1].max()


def test_every_segment_is_somewhere(model):
    count = np.bincount(model.segments, minlength=len(SEGMENTS))
    assert count[0] == 0 and (count[1:] > 0).all()
    # left and right are alike
    centre = model.rest(dict.fromkeys(bodies.PHENOTYPES, 0.5)).vertices[model.faces].mean(1)
    for n in range(1, len(SEGMENTS)):
        x = centre[model.segments == n, 0]
        assert abs((x > 0).sum() - (x < 0).sum()) <= 0.1 * len(x)


def test_limbs_point_as_recorded(model, rest):
    motion = load_motion_capture()
    for frame in (10, 500, 900, 1800, 3000):
        posed = bodies.pose_body(model, rest, motion.poses[frame])
        for chain in (("hip", "knee", "ankle"), ("shoulder", "elbow", "wrist")):
            for side in ("left", "right"):
                for a, b in zip(chain, chain[1:], strict=False):
                    start, end = AT[f"{side}_{a}"], AT[f"{side}_{b}"]
                    got, wanted = (pose[:, end] - pose[:, start] for pose in (posed.landmarks, motion.poses[frame]))
                    cosine = got @ wanted / np.linalg.norm(got) / np.linalg.norm(wanted)
                    assert np.degrees(np.arccos(min(cosine, 1))) < 1.0
        np.testing.assert_allclose(posed.landmarks[:, 0], 0, atol=1e-12)


def test_landmarks_lie_in_the_drawn_body(model, rest):
    random = np.random.default_rng(0)
    motion = load_motion_capture()
    for frame, behind in ((10, False), (900, True)):
        posed = bodies.pose_body(model, rest, motion.poses[frame])
        camera, seen = bodies.place(posed, behind, random)
        buffer = bodies.draw(model, camera, seen, 1.7)
        assert buffer.mask.sum() == len(buffer.values)
        column, row = bodies.to_pixels(camera, seen.landmarks).round().astype(int)
        outline = [AT["nose"], AT["head_top"]]
        inner = np.setdiff1d(np.arange(17), outline)
        assert buffer.mask[row[inner], column[inner]].all()
        assert (np.cos(camera.theta) < 0) == behind


def test_a_body_depends_on_its_number_alone(model):
    motion = load_motion_capture()
    together = rendered.render_bodies(motion, "train", range(4, 6), seed=7)
    alone = rendered.render_bodies(motion, "train", range(5, 6), seed=7)
    np.testing.assert_array_equal(together.landmarks[4:], alone.landmarks)
    np.testing.assert_array_equal(together.values[together.starts[4] :], alone.values)
    assert together.from_behind.tolist() == [False, True] * 4
    assert set(together.body) == {4, 5}


def test_only_poses_for_training_are_perturbed(model):
    motion = load_motion_capture()
    for split, same in (("train", False), ("test", True)):
        plain, perturbed = (rendered.render_bodies(motion, split, [3], 0, perturbed) for perturbed in (False, True))
        assert np.array_equal(plain.pose, perturbed.pose) == same
        assert np.array_equal(plain.values, perturbed.values) == same


def test_two_processes_make_the_files_of_one(model, tmp_path, monkeypatch):
    monkeypatch.setattr(rendered, "SHARD", 1)
    for processes in (1, 2):
        rendered.render(tmp_path / str(processes), 2, seed=3, processes=processes)
    assert files(tmp_path / "1") == files(tmp_path / "2") and len(files(tmp_path / "1")) == 5


def test_settings_of_a_run_are_written_down(model, tmp_path):
    rendered.render(tmp_path, 1, seed=5)
    assert json.loads((tmp_path / "about.json").read_text())["seed"] == 5
    buffers = open_shards(tmp_path)
    assert len(buffers) == rendered.CAMERAS
    made = compose(buffers, range(4), generator())
    assert made.images.std() > 0.05
