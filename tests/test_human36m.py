"""Human3.6M's reader on small files of exactly VideoPose3D's layout, made here; files that want to run code."""

import pickle
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.spatial.transform import Rotation

from lifting.camera import rotation
from lifting.datasets.human36m import (
    CAMERAS,
    KEPT,
    PROTOCOLS,
    error,
    is_first_trial,
    load_human36m,
    load_human36m_pictures,
    read_cameras,
    read_objects,
)
from lifting.datasets.motion_capture import load_motion_capture
from lifting.metrics import mpjpe, p_mpjpe
from lifting.training import Settings, Trainer, main
from lifting.training.batches import Batches
from lifting.training.evaluation import evaluate
from tests.refusals import refuses

SUBJECTS = ("S1", "S5", "S6", "S7", "S8", "S9", "S11")
ACTIONS = {"Walking": 130, "Walking 1": 70, "Sitting 1": 66, "Sitting 2": 64}


@pytest.fixture(scope="module")
def world():
    """Random skeletons of 32 joints, z up, about the origin."""
    random = np.random.default_rng(0)
    return {s: {a: random.normal(0, 0.4, (n, 32, 3)).astype(np.float32) + [0, 0, 1] for a, n in ACTIONS.items()}
            for s in SUBJECTS}  # fmt: skip


def module_text():
    """A file as VideoPose3D's: imports, tables, a class, and subjects without cameras."""
    random = np.random.default_rng(1)
    rows = {s: [{"orientation": Rotation.from_quat(random.standard_normal(4)).as_quat()[[3, 0, 1, 2]].tolist(),
                 "translation": random.normal(0, 3000, 3).tolist()} for _ in range(4)] for s in SUBJECTS}  # fmt: skip
    rows["S2"] = [{}, {}, {}, {}]
    return f"""import numpy as np
from common.mocap_dataset import MocapDataset

h36m_cameras_intrinsic_params = [{{'id': '54138969', 'center': [512.5, 515.4]}}]

h36m_cameras_extrinsic_params = {rows!r}

raise RuntimeError("this file is never run")
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory, world):
    out = tmp_path_factory.mktemp("human36m")
    random = np.random.default_rng(2)
    flat = {s: {a: [random.uniform(0, 1000, (n + 3, 17, 2)).astype(np.float32) for _ in range(4)]
                for a, n in ACTIONS.items()} for s in SUBJECTS}  # fmt: skip
    layout = {
        "layout_name": "h36m",
        "num_joints": 17,
        "keypoints_symmetry": [[4, 5, 6, 11, 12, 13], [1, 2, 3, 14, 15, 16]],
    }
    np.savez_compressed(out / "data_3d_h36m.npz", positions_3d=world)
    np.savez_compressed(out / "data_2d_h36m_gt.npz", positions_2d=flat, metadata=layout)
    (out / "h36m_dataset.py").write_text(module_text())
    return out


def test_protocols(folder):
    found = {p: [(s.subject, s.action, s.camera, len(s.pose)) for s in load_human36m(folder, protocol=p)]
             for p in PROTOCOLS}  # fmt: skip
    assert found[1] == [(s, a, c, n) for s in ("S9", "S11") for a, n in ACTIONS.items() for c in range(4)]
    assert found[2] == [("S11", a, c, -(-n // 64)) for a, n in ACTIONS.items() for c in range(4)]
    assert found[3] == [(s, a, 2, -(-ACTIONS[a] // 5)) for s in ("S9", "S11") for a in ("Walking", "Sitting 1")]
    trained = {p: {s.subject for s in load_human36m(folder, protocol=p, test=False)} for p in PROTOCOLS}
    assert trained[1] == trained[3] == {"S1", "S5", "S6", "S7", "S8"} and trained[2] == trained[1] | {"S9"}
    assert sum(len(s.pose) for s in load_human36m(folder, protocol=2, test=False)) == 6 * 4 * sum(ACTIONS.values())


def test_poses_are_seen_by_the_cameras(folder, world):
    """By hand, with the quaternion's formula: into the camera's frame, about the pelvis, y and z turned round."""
    text = (folder / "h36m_dataset.py").read_text()
    row = eval(text.split("h36m_cameras_extrinsic_params = ")[1].split("\n\nraise")[0])["S9"][1]  # our own file
    w, x, y, z = row["orientation"]
    R = np.array([[1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
                  [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
                  [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)]])  # fmt: skip
    seen = next(s for s in load_human36m(folder) if (s.subject, s.action, s.camera) == ("S9", "Sitting 1", 1))
    kept = world["S9"]["Sitting 1"][:, KEPT]
    frame = 11
    for n in (0, 5, 16):
        in_camera = R.T @ (kept[frame, n] - np.array(row["translation"]) / 1000)
        pelvis = R.T @ (kept[frame, 0] - np.array(row["translation"]) / 1000)
        np.testing.assert_allclose(seen.pose[frame, :, n], (in_camera - pelvis) * [1, -1, -1], atol=1e-5)


def test_landmarks_point_up(folder):
    with np.load(folder / "data_2d_h36m_gt.npz", allow_pickle=True) as file:  # our own file
        flat = file["positions_2d"].item()["S11"]["Walking"][3]
    seen = next(s for s in load_human36m(folder, protocol=2) if s.action == "Walking" and s.camera == 3)
    assert seen.Y.shape == (3, 2, 17)
    np.testing.assert_allclose(seen.Y[1, 0], flat[64, :, 0])
    np.testing.assert_allclose(seen.Y[1, 1], -flat[64, :, 1])


def test_trials():
    actions = dict.fromkeys(["Walking", "Walking 1", "WalkDog 1", "WalkDog 2", "Photo"])
    assert [a for a in actions if is_first_trial(a, actions)] == ["Walking", "WalkDog 1", "Photo"]


def test_errors_of_the_protocols():
    random = np.random.default_rng(3)
    truth, pose = random.normal(size=(2, 4, 3, 17))
    assert error(pose, truth, 1) == pytest.approx(1000 * mpjpe(pose, truth).mean())
    for protocol in (2, 3):
        assert error(pose, truth, protocol) == pytest.approx(1000 * p_mpjpe(pose, truth).mean())
        assert error(2 * truth, truth, protocol) < 1e-6 < error(2 * truth, truth, 1)


class Malicious:
    """Pickled, it asks for a function to be called."""

    def __reduce__(self):
        return (print, ("this must never be printed",))


@pytest.mark.parametrize("content", [{"S1": Malicious()}, [1, 2], {"S1": np.ones(3)}])
def test_files_that_ask_for_more_than_data_are_refused(tmp_path, capsys, content):
    array = np.empty((), dtype=object)
    array[()] = content
    np.savez(tmp_path / "file.npz", positions_3d=array)
    if isinstance(content, dict) and not isinstance(content["S1"], Malicious):
        assert read_objects(tmp_path / "file.npz", "positions_3d")["S1"].tolist() == [1, 1, 1]
        return
    with pytest.raises(ValueError, match="builtins.print" if isinstance(content, dict) else "is a list"):
        read_objects(tmp_path / "file.npz", "positions_3d")
    assert capsys.readouterr().out == ""


def test_pickles_of_old_numpy_are_read(tmp_path):
    """Protocol 2, as Python 2 wrote it."""
    array = np.empty((), dtype=object)
    array[()] = {"S1": {"Walking": np.ones((2, 32, 3), np.float32)}}
    with open(tmp_path / "a.npy", "wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|O", "fortran_order": False, "shape": ()})
        pickle.dump(array, file, protocol=2)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.write(tmp_path / "a.npy", "positions_3d.npy")
    assert read_objects(tmp_path / "a.npz", "positions_3d")["S1"]["Walking"].shape == (2, 32, 3)


def test_cameras_of_subjects_that_have_some(folder):
    cameras = read_cameras(folder / "h36m_dataset.py")
    assert set(cameras) == set(SUBJECTS)
    for camera in cameras["S5"]:
        np.testing.assert_allclose(camera.R @ camera.R.T, np.eye(3), atol=1e-6)
        assert np.abs(camera.t).max() < 15  # metres


@pytest.mark.parametrize("text", ["", "x = ", "h36m_cameras_extrinsic_params = {'S1': [{'a': 1}]}",
                                  "h36m_cameras_extrinsic_params = __import__('os')"])  # fmt: skip
def test_another_module_is_refused(tmp_path, text):
    (tmp_path / "module.py").write_text(text)
    with pytest.raises(ValueError, match=r"^path: got .*module.py .*expected VideoPose3D's common/h36m_dataset.py"):
        read_cameras(tmp_path / "module.py")


def change(folder, tmp_path, name, **content):
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    np.savez(tmp_path / name, **content)
    return tmp_path


def test_bad_input(folder, tmp_path, world):
    with pytest.raises(ValueError, match="^protocol: got 4, expected 1, 2 or 3"):
        load_human36m(folder, protocol=4)
    with pytest.raises(ValueError, match="^protocol: got 0"):
        error(np.zeros((1, 3, 17)), np.zeros((1, 3, 17)), 0)
    with pytest.raises(FileNotFoundError):
        load_human36m(folder, detector="cpn_ft_h36m_dbb")
    (tmp_path / "cut.npz").write_bytes((folder / "data_3d_h36m.npz").read_bytes()[:5000])
    with pytest.raises(ValueError, match=r"^path: got .*cut.npz, which can't be read"):
        read_objects(tmp_path / "cut.npz", "positions_3d")
    with pytest.raises(ValueError, match=r"^path: got .*, which can't be read .*positions_2d"):
        read_objects(folder / "data_3d_h36m.npz", "positions_2d")
    np.savez(tmp_path / "numbers.npz", positions_3d=np.ones(3))
    with pytest.raises(ValueError, match=r"^path: got .*, whose 'positions_3d' is an array of float64"):
        read_objects(tmp_path / "numbers.npz", "positions_3d")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"S9": {}}, "positions_3d: got subjects S9, expected S11 among them"),
        ({"S9": {"Walking": np.zeros((5, 17, 3))}, "S11": {}}, "positions_3d: got shape (5, 17, 3), expected shape"),
        ({"S9": {"Walking": np.zeros((999, 32, 3))}, "S11": {}}, "positions_2d: got 133 frames of S9 'Walking'"),
        ({"S9": {"Flying": np.zeros((9, 32, 3))}, "S11": {}}, "positions_2d: got S9 without 'Flying'"),
        ({"S9": {"Walking": np.full((9, 32, 3), np.nan)}, "S11": {}}, "positions_3d: got 864 NaN or infinite"),
    ],
)
def test_files_that_do_not_fit_together(folder, tmp_path, content, message):
    changed = change(folder, tmp_path, "data_3d_h36m.npz", positions_3d=content)
    with refuses(message):
        list(load_human36m(changed))


# --- pictures ------------------------------------------------------------------------------------------------------

SCALE, MIDDLE = 250.0, (350.0, 340.0)
"""Pixels a metre of the made-up videos, and where in them the pelvis is."""


def with_pictures(tmp_path, frames=6, lost=None):
    """A folder as the module describes it: recorded poses before four cameras, and frames marked at the right wrist.

    `lost`: the number of a camera whose views are missing for S11.
    """
    tmp_path.mkdir(exist_ok=True)
    (tmp_path / "h36m_dataset.py").write_text(module_text())
    cameras = read_cameras(tmp_path / "h36m_dataset.py")
    walk = load_motion_capture().of_clip("walk")[:frames]
    walk = walk - walk[..., :1]
    world, flat = {}, {}
    for s, subject in enumerate(SUBJECTS):
        joints = np.zeros((frames, 32, 3))
        # z up, the subjects facing different ways
        joints[:, KEPT] = np.swapaxes(rotation(np.float64(s)) @ walk, 1, 2)[..., [2, 0, 1]]
        world[subject] = {"Walking 1": joints + [0, 0, 1]}
        views = []
        for c, camera in enumerate(cameras[subject]):
            Y = SCALE * camera.pose(world[subject]["Walking 1"][:, KEPT])[:, :2] * [[1], [-1]]
            views.append(np.swapaxes(Y + np.array(MIDDLE)[:, None], 1, 2))
            video = tmp_path / "images" / subject / f"Walking 1.{CAMERAS[c]}"
            video.mkdir(parents=True)
            for t, landmarks in enumerate(views[-1]):
                x, y = landmarks[16].round().astype(int)
                pixels = np.zeros((700, 720, 3), np.uint8)
                pixels[y - 6 : y + 7, x - 6 : x + 7] = 255
                Image.fromarray(pixels).save(video / f"{t + 1:06d}.jpg", quality=95)
        if subject == "S11" and lost is not None:
            del views[lost]
        flat[subject] = {"Walking 1": views}
    np.savez_compressed(tmp_path / "data_3d_h36m.npz", positions_3d=world)
    np.savez_compressed(tmp_path / "data_2d_h36m_gt.npz", positions_2d=flat)
    return tmp_path


@pytest.mark.parametrize("lost", [0, 2, 3])
def test_a_missing_view_is_left_out_and_the_others_keep_their_cameras(tmp_path, lost):
    """As in the public files, where one camera's video of S11 is missing."""
    whole, cut = (
        list(load_human36m(with_pictures(tmp_path / name, lost=own))) for name, own in (("a", None), ("b", lost))
    )
    left = [s for s in whole if s.subject == "S9" or s.camera != lost]
    assert [(s.subject, s.camera) for s in cut] == [(s.subject, s.camera) for s in left]
    for one, other in zip(cut, left, strict=True):
        np.testing.assert_array_equal(one.Y, other.Y)
        np.testing.assert_array_equal(one.pose, other.pose)


def test_more_views_than_cameras_are_refused(folder, tmp_path, world):
    flat = {s: {a: [np.zeros((n, 17, 2))] * 5 for a, n in ACTIONS.items()} for s in SUBJECTS}
    changed = change(folder, tmp_path, "data_2d_h36m_gt.npz", positions_2d=flat)
    with pytest.raises(
        ValueError, match="^positions_2d: got 5 views of S9 'Walking', expected at most one .* 4 cameras"
    ):
        list(load_human36m(changed))


def test_pictures_show_the_person_where_the_landmarks_say(tmp_path):
    pictures = load_human36m_pictures(with_pictures(tmp_path), test=True, every=2, side=96)
    assert len(pictures) == 2 * 4 * 3  # subjects, cameras, frames
    made = pictures.make(np.arange(len(pictures)))
    assert made.images.shape == (24, 3, 96, 96) and made.labelled.all() and made.visible.all()
    steps = torch.arange(96.0)
    bright = (made.images.mean(1) - 0.2).clamp_min(0)
    found = torch.stack([bright.sum(1) @ steps, bright.sum(2) @ steps], 1) / bright.sum((1, 2))[:, None]
    assert (found - made.landmarks[:, :, 16]).abs().max() < 0.6  # the mark is at a whole pixel of the frame
    flat = made.pose[:, :2] * torch.tensor([[1.0], [-1.0]]) * made.scale[:, None, None]
    torch.testing.assert_close(made.landmarks - made.landmarks[:, :, :1], flat, rtol=1e-4, atol=1e-2)
    assert torch.equal(made.pose[3:6], torch.from_numpy(pictures.sequences[1].pose).float())


def test_loaded_trained_on_and_evaluated(tmp_path):
    folder = with_pictures(tmp_path)
    trainer = Trainer(Settings(steps=2, batch=8))
    batches = Batches(load_human36m_pictures(folder, side=64), 8, 0)
    assert all(torch.isfinite(trainer.train_on(batches[step])[0]).all() for step in range(2))
    report = evaluate(trainer.network, load_human36m_pictures(folder, test=True, side=64))
    assert report["images"] == 16 and report["space"]["p_mpjpe"] > 0 and 0 <= report["front_back"]["all"] <= 1


def test_the_command_line_trains_on_it(tmp_path):
    folder, out = with_pictures(tmp_path / "data", frames=1), tmp_path / "run"
    main(["--data", f"human36m:{folder}", "--size", "64", "--steps", "2", "--batch", "8", "--workers", "0",
          "--out", str(out)])  # fmt: skip
    assert (out / "network.safetensors").exists() and "p_mpjpe" in (out / "validation.csv").read_text()


def test_missing_frames_are_named(tmp_path):
    folder = with_pictures(tmp_path, frames=1)
    (folder / "images/S9/Walking 1.54138969/000001.jpg").unlink()
    with pytest.raises(FileNotFoundError, match=r"Walking 1\.54138969.000001\.jpg"):
        load_human36m_pictures(folder, test=True).make(np.array([0]))
    with pytest.raises(ValueError, match="^every: got 0"):
        load_human36m_pictures(folder, every=0)
    (folder / "images").rename(folder / "elsewhere")
    with pytest.raises(FileNotFoundError, match="expected a folder with images/"):
        load_human36m_pictures(folder)
