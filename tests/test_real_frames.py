"""The embedded photos: whole, consistent with themselves, and the parts of the script that makes them."""

import hashlib
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest

from lifting import lift, load_prior
from lifting.camera import flip_y
from lifting.datasets import real_frames
from lifting.makers import real_frames as maker
from lifting.makers import wheels
from lifting.skeleton import BLAZEPOSE, HUMAN36M
from lifting.support.arrays import check_rotation
from lifting.support.files import data_path

FRAMES = real_frames.load_real_frames()
every_frame = pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: frame.name)


# --- the embedded files ------------------------------------------------------------------------------------------


def test_files_match_their_checksums():
    table = dict(re.findall(r"\| `(real_frames[^`]*)` \|.*`([0-9a-f]{64})`", data_path("real_frames.md").read_text()))
    folder = data_path("real_frames.md").parent
    files = {"real_frames.npz", *(f"real_frames/{path.name}" for path in (folder / "real_frames").iterdir())}
    assert set(table) == files
    for name, sha256 in table.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == sha256, name
    assert sum((folder / name).stat().st_size for name in files) < 2e6


def test_frames_cover_cameras_and_times():
    assert len(FRAMES) == 8
    assert {frame.camera_name for frame in FRAMES} == {"cam01", "cam02", "cam03", "cam04"}
    times = [frame.time for frame in FRAMES]
    assert max(times.count(time) for time in times) == 4
    assert max(times) - min(times) > 1


@every_frame
def test_shapes_and_types(frame):
    assert frame.image.dtype == np.uint8 and frame.image.ndim == 3 and frame.image.shape[2] == 3
    assert frame.belief.shape == (33, 64, 64) and frame.belief.dtype == np.float64
    assert frame.belief.min() >= 0 and frame.belief.max() <= 1
    assert frame.pseudo_truth.shape == (3, 17) and frame.landmarks33.shape == (2, 33)
    assert all(np.isfinite(value).all() for value in vars(frame).values() if isinstance(value, np.ndarray))
    assert frame.name == f"{frame.camera_name}_{frame.frame:03d}"


@every_frame
def test_landmarks_lie_in_the_photo(frame):
    height, width = frame.image.shape[:2]
    inside = frame.landmarks[:, frame.visible]
    assert (inside >= 0).all() and (inside[0] <= width - 1).all() and (inside[1] <= height - 1).all()


@every_frame
def test_missing_landmarks_are_zero(frame):
    for name in ("spine", "head_top"):
        n = HUMAN36M.index(name)
        assert not frame.visible[n] and not frame.pseudo_visible[n]
    assert not frame.landmarks[:, ~frame.visible].any()
    assert not frame.pseudo_truth[:, ~frame.pseudo_visible].any()
    assert not frame.pseudo_pixels[:, ~frame.pseudo_visible].any()
    np.testing.assert_allclose(frame.pseudo_truth.sum(1), 0, atol=1e-12)


@every_frame
def test_peaks_agree_with_landmarks(frame):
    cells = real_frames.peaks(frame.belief)
    apart = np.linalg.norm(real_frames.transform(frame.map_to_photo, cells).T - frame.landmarks33, axis=0)
    cell = np.sqrt(np.linalg.det(frame.map_to_photo[:, :2]))
    assert np.median(apart) < 1.1 * cell
    # a reader who swaps rows and columns would be far off
    swapped = real_frames.transform(frame.map_to_photo, cells[:, ::-1]).T
    assert np.median(np.linalg.norm(swapped - frame.landmarks33, axis=0)) > 5 * cell


@every_frame
def test_every_map_has_one_peak(frame):
    assert ((frame.belief == frame.belief.max((1, 2), keepdims=True)).sum((1, 2)) == 1).all()


@every_frame
def test_map_to_photo_is_a_similarity(frame):
    A = frame.map_to_photo[:, :2]
    scale2 = np.linalg.det(A)
    # the photo's height and width are whole pixels, so that its two scales differ by up to half a pixel's worth
    np.testing.assert_allclose(A @ A.T, scale2 * np.eye(2), atol=0.004 * scale2)


@every_frame
def test_reprojection_error(frame):
    both = frame.visible & frame.pseudo_visible
    assert both.sum() >= 13
    length = frame.body_length * frame.pixels_per_metre
    assert np.median(frame.reprojection_error[both]) < 0.025 * length
    assert not frame.reprojection_error[~both].any()


@every_frame
def test_pseudo_truth_looks_like_its_photo(frame):
    """Scaled orthography of the pose, with the stated pixels per metre, falls on the landmarks."""
    both = frame.visible & frame.pseudo_visible
    seen, pose = frame.Y[:, both], frame.pixels_per_metre * frame.pseudo_truth[:2, both]
    apart = (seen - seen.mean(1, keepdims=True)) - (pose - pose.mean(1, keepdims=True))
    length = frame.body_length * frame.pixels_per_metre
    assert np.sqrt((apart**2).sum(0).mean()) < 0.05 * length


@every_frame
def test_camera_is_level_rotation(frame):
    check_rotation("camera", frame.camera)
    assert frame.camera[2, 0] == 0
    # cameras stand above the man's middle, so that the vertical leans towards the viewer
    assert 5 < np.degrees(np.arcsin(frame.camera[2, 1])) < 25


@every_frame
def test_person_stands_upright_in_true_axes(frame):
    upright = frame.camera.T @ frame.pseudo_truth
    neck, pelvis = (upright[:, HUMAN36M.index(name)] for name in ("neck", "pelvis"))
    # he leans sideways as he kicks
    assert (neck - pelvis)[1] > 0.65 * np.linalg.norm(neck - pelvis) > 0.25
    left_ankle = upright[:, HUMAN36M.index("left_ankle")]
    assert left_ankle[1] < pelvis[1] - 0.5


@every_frame
def test_left_right_and_depth_sign(frame):
    """Cameras 1 and 2 see his front, 3 and 4 his back: nose and left side must say the same."""
    place = dict(zip(HUMAN36M.landmarks, frame.pseudo_truth.T, strict=True))
    facing = np.cross(place["left_shoulder"] - place["right_shoulder"], place["neck"] - place["pelvis"])
    sign = 1 if frame.camera_name in ("cam01", "cam02") else -1
    assert sign * facing[2] > 0
    if frame.pseudo_visible[HUMAN36M.index("nose")]:
        assert facing @ (place["nose"] - place["neck"]) > 0
    assert sign * (frame.landmarks[0, HUMAN36M.index("left_shoulder")]
                   - frame.landmarks[0, HUMAN36M.index("right_shoulder")]) > 0  # fmt: skip


def test_one_instant_seen_by_four_cameras_is_one_pose():
    """Rigidly aligned, the four pseudo ground truths of one time are equal: same body, other frame."""
    together = [frame for frame in FRAMES if frame.time == FRAMES[1].time]
    first = together[0].pseudo_truth[:, together[0].pseudo_visible]
    for frame in together[1:]:
        pose = frame.pseudo_truth[:, frame.pseudo_visible]
        U, _, Vt = np.linalg.svd(first @ pose.T)
        R = U @ np.diag([1, 1, np.linalg.det(U @ Vt)]) @ Vt
        np.testing.assert_allclose(R @ pose, first, atol=1e-9)
        # and, once both stand upright, that rotation is about the vertical
        vertical = together[0].camera.T @ R @ frame.camera
        np.testing.assert_allclose(vertical[1], [0, 1, 0], atol=1e-9)


def test_load_by_name():
    frame = real_frames.load_real_frames([FRAMES[3].name])[0]
    assert frame.name == FRAMES[3].name
    with pytest.raises(ValueError, match=r"names: got 'cam09_000', expected names among cam01_004"):
        real_frames.load_real_frames(["cam09_000"])


def test_belief_human36m():
    belief, present = real_frames.belief_human36m(FRAMES[0])
    assert {HUMAN36M.landmarks[n] for n in np.flatnonzero(~present)} == {"pelvis", "spine", "neck", "head_top"}
    assert not belief[~present].any()
    np.testing.assert_array_equal(belief[HUMAN36M.index("left_wrist")], FRAMES[0].belief[BLAZEPOSE.index("left_wrist")])


# --- belief maps -------------------------------------------------------------------------------------------------


def test_peaks_are_column_then_row():
    belief = np.zeros((2, 5, 7))
    belief[0, 3, 6], belief[1, 4, 0] = 1, 0.5
    np.testing.assert_array_equal(real_frames.peaks(belief), [[6, 3], [0, 4]])
    with pytest.raises(ValueError, match="belief: got"):
        real_frames.peaks(np.full((5, 7), np.nan))


def test_quantise_keeps_every_peak():
    belief = np.random.default_rng(0).uniform(0.5, 0.51, (20, 8, 8))
    steps = maker.quantise(belief)
    np.testing.assert_array_equal(real_frames.peaks(steps / 255), real_frames.peaks(belief))
    assert np.abs(steps / 255 - belief).max() < 1.51 / 255


# --- the photo and the wheels -------------------------------------------------------------------------------------


def test_crop_box_stays_inside():
    pixels = np.array([[100.0, 300.0], [500.0, 900.0]])
    box = maker.crop_box(pixels, maker.Choice(0, 0, left=60, right=520), 1080, 920)
    assert box == (60, 230, 520, 920)


def test_truncated_wheel_is_refused(tmp_path: Path):
    wheel = tmp_path / "a.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("a", bytes(1000))
    assert wheels.read_member(wheel, "a") == bytes(1000)
    with pytest.raises(ValueError, match="wheel: got .*expected a whole wheel with b"):
        wheels.read_member(wheel, "b")
    wheel.write_bytes(wheel.read_bytes()[:500])
    with pytest.raises(ValueError, match="wheel: got .*expected a whole wheel with a"):
        wheels.read_member(wheel, "a")


def test_foreign_wheel_is_refused_before_anything_is_written(tmp_path: Path):
    wheel, out = tmp_path / "pose2sim.whl", tmp_path / "out"
    wheel.write_bytes(b"something else")
    out.mkdir()
    with pytest.raises(SystemExit, match="^error: wheel: got .*expected pose2sim-0.10.49"):
        maker.main(["--pose2sim", str(wheel), "--mediapipe", str(wheel), "--out", str(out)])
    assert not any(out.iterdir())


def test_script_wants_wheels_or_download(capsys):
    with pytest.raises(SystemExit):
        maker.main(["--out", "."])
    assert "--download" in capsys.readouterr().err


def test_the_camera_of_the_maps_sees_the_person_of_the_photo():
    prior = load_prior()
    for frame in real_frames.load_real_frames():
        A, matrix = frame.map_to_photo, frame.map_camera
        np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-9)
        cells = flip_y(np.linalg.solve(A[:, :2], frame.landmarks - A[:, 2:]))
        options = {"scale": None, "visible": frame.visible}
        on_map = lift(cells, prior, camera=matrix, **options)
        on_photo = lift(frame.Y, prior, camera=frame.camera, **options)
        assert on_map.theta == on_photo.theta and on_map.component == on_photo.component
        np.testing.assert_allclose(on_map.a, on_photo.a, atol=0.02)
