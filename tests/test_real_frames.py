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
from lifting.makers import cameras as calibrated
from lifting.makers import detector, wheels
from lifting.makers import real_frames as maker
from lifting.makers.cameras import Camera
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


# --- cameras -----------------------------------------------------------------------------------------------------


def looking_at_origin(name: str, position: tuple[float, float, float]) -> Camera:
    """A camera at `position` (z up) whose z axis points away from the origin, held level."""
    z = np.array(position) / np.linalg.norm(position)
    x = np.cross([0, 0, 1], z)
    x /= np.linalg.norm(x)
    return Camera(
        name, np.stack([x, np.cross(z, x), z]), np.array(position), np.array([1700.0, 1690.0]),
        np.array([540.0, 961.0]), np.array([-0.046, 0.139, 6e-4, 7e-4]), (1088, 1920),
    )  # fmt: skip


CAMERAS = [
    looking_at_origin(name, position)
    for name, position in (("a", (3, 1, 1)), ("b", (1, -3, 1.5)), ("c", (-3, 1, 2)), ("d", (-1, 3, 1.2)))
]


def test_project_right_and_up():
    """A point to the right of the optical axis has a greater column; one above it a smaller row."""
    camera = CAMERAS[0]
    middle = calibrated.project(camera, np.zeros(3))
    np.testing.assert_allclose(middle, camera.centre)
    assert calibrated.project(camera, 0.1 * camera.R[0])[0] > middle[0]
    assert calibrated.project(camera, np.array([0, 0, 0.1]))[1] < middle[1]


def test_undistort_inverts_distort():
    x = np.random.default_rng(1).uniform(-0.6, 0.6, (50, 2))
    distortion = CAMERAS[0].distortion
    np.testing.assert_allclose(calibrated.undistort(calibrated.distort(x, distortion), distortion), x, atol=1e-12)


def test_fit_to_video_scales_and_pads():
    video = calibrated.fit_to_video(CAMERAS[0], 1080, 1920)
    X = np.random.default_rng(2).normal(0, 0.5, (20, 3))
    before, after = calibrated.project(CAMERAS[0], X), calibrated.project(video, X)
    # edges of the old picture: 0 -> 0 and 1088 -> 1080 across; the middle row stays
    np.testing.assert_allclose(after[:, 0] + 0.5, (before[:, 0] + 0.5) * 1080 / 1088)
    np.testing.assert_allclose(after[:, 1] - 959.5, (before[:, 1] - 959.5) * 1080 / 1088)


CALIBRATION = """<calibration><cameras><camera serial="cam07">
<fov_video left="0" top="0" right="1087" bottom="1919"/>
<transform r11="1" r12="0" r13="0" r21="0" r22="0" r23="1" r31="0" r32="-1" r33="0" x="0" y="-3000" z="1000"/>
<intrinsic focalLengthU="64000" focalLengthV="65280" centerPointU="34816" centerPointV="61440"
 radialDistortion1="-0.04" radialDistortion2="0.1" tangentalDistortion1="0.001" tangentalDistortion2="0.002"/>
</camera></cameras></calibration>"""


def test_parse_calibration():
    (camera,) = calibrated.parse_calibration(CALIBRATION)
    assert camera.name == "cam07" and camera.size == (1088, 1920)
    np.testing.assert_array_equal(camera.focal, [1000, 1020])
    np.testing.assert_array_equal(camera.centre, [544, 960])
    np.testing.assert_array_equal(camera.position, [0, -3, 1])
    np.testing.assert_array_equal(camera.distortion, [-0.04, 0.1, 0.001, 0.002])
    # it stands 3 m in front of the origin and looks along +y: a point 1 m up is in the middle
    np.testing.assert_allclose(calibrated.project(camera, np.array([0.0, 0, 1])), [544, 960])


@pytest.mark.parametrize(
    "text, got",
    [
        ("", "no such file"),
        (CALIBRATION[:300], "no such file"),
        ("<calibration/>", "without a camera"),
        (CALIBRATION.replace('r11="1"', ""), "r11"),
        (CALIBRATION.replace('r11="1"', 'r11="2"'), "no rotation for cam07"),
        (CALIBRATION.replace("64000", "wide"), "wide"),
        (CALIBRATION.replace("<transform", "<moved"), "no such file"),
    ],
)
def test_parse_calibration_refuses(text, got):
    with pytest.raises(ValueError, match=r"text: got .*expected a Qualisys calibration") as refusal:
        calibrated.parse_calibration(text)
    assert got in str(refusal.value)


# --- triangulation -----------------------------------------------------------------------------------------------


def person(instants: int = 1) -> np.ndarray:
    """Made-up landmarks (T, 33, 3), left and right well apart, moving through space."""
    generator = np.random.default_rng(3)
    t = np.arange(instants)[:, None, None]
    return generator.normal(0, 0.4, (33, 3)) + 0.02 * t * generator.normal(0, 1, (33, 3))


def test_triangulate_exact_views():
    X = person()[0]
    pixels = np.stack([calibrated.project(camera, X) for camera in CAMERAS])
    found, error = calibrated.triangulate(CAMERAS, pixels, np.ones((4, 33)))
    np.testing.assert_allclose(found, X, atol=1e-8)
    assert error.max() < 1e-5


def test_triangulate_drops_a_wrong_view():
    X = person()[0]
    pixels = np.stack([calibrated.project(camera, X) for camera in CAMERAS])
    pixels[2, :10] += 150
    found, error = calibrated.triangulate(CAMERAS, pixels, np.ones((4, 33)))
    np.testing.assert_allclose(found, X, atol=1e-8)
    np.testing.assert_allclose(error[2, :10], 150 * np.sqrt(2))


@pytest.mark.parametrize(
    "cameras, pixels, weight, outlier, message",
    [
        (CAMERAS, np.zeros((3, 5, 2)), np.ones((4, 5)), 25, "pixels: got .*expected shape"),
        (CAMERAS, np.zeros((4, 5, 2)), np.ones((4, 6)), 25, "weight: got .*expected shape"),
        (CAMERAS, np.zeros((4, 5, 2)), -np.ones((4, 5)), 25, "weight: got .*none negative"),
        (CAMERAS, np.full((4, 5, 2), np.nan), np.ones((4, 5)), 25, "pixels: got .*finite"),
        (CAMERAS[:1], np.zeros((1, 5, 2)), np.ones((1, 5)), 25, "cameras: got 1, expected two or more"),
        (CAMERAS, np.zeros((4, 5, 2)), np.ones((4, 5)), 0, "outlier: got .*expected"),
    ],
)
def test_triangulate_refuses(cameras, pixels, weight, outlier, message):
    with pytest.raises(ValueError, match=message):
        calibrated.triangulate(cameras, pixels, weight, outlier)


def test_swapped_sides_are_found():
    X = person(2)
    pixels = np.stack([calibrated.project(camera, X) for camera in CAMERAS])
    pixels[3, 1] = pixels[3, 1][list(BLAZEPOSE.swap)]
    found, error, swapped = calibrated.triangulate_person(CAMERAS, pixels, np.ones((4, 2, 33)))
    np.testing.assert_allclose(found, X, atol=1e-8)
    assert error.max() < 1e-5
    assert swapped[3, 1].all() and swapped.sum() == 2


def test_lag_is_found():
    X = person(24)
    pixels = np.stack([calibrated.project(camera, X) for camera in CAMERAS])
    late = 2
    pixels[1] = pixels[1][np.maximum(np.arange(24) - late, 0)]
    lag, costs = calibrated.find_lag(lambda lag: calibrated.lag_cost(CAMERAS, pixels, np.ones((4, 24, 33)), 1, lag))
    assert lag == late
    assert costs[late] < 1e-4 < costs[late + 1]


def test_lag_at_the_end_of_the_range_is_refused():
    with pytest.raises(ValueError, match="lags: got -3 to 7, least cost at 7, expected a range"):
        calibrated.find_lag(lambda lag: -lag)


def test_shifts_are_found():
    """Shifted centres are found up to what a move of the whole scene explains: nine tenths of the error go."""
    X = np.random.default_rng(4).uniform(-0.8, 0.8, (12, 3))
    generator = np.random.default_rng(5)
    pixels = np.stack([calibrated.project(c, X) + generator.normal(0, 8, 2) for c in CAMERAS])
    seen = np.ones((4, 12), dtype=bool)
    seen[2, 3] = False
    pixels[2, 3] = 0
    before = calibrated.triangulate(CAMERAS, pixels, seen * 1.0, outlier=1000.0)[1][seen]
    _, after = calibrated.find_shifts(CAMERAS, pixels, seen)
    assert after < 0.1 * np.sqrt((before**2).mean())


# --- frames of reference -----------------------------------------------------------------------------------------


def test_line_of_sight_looks_at_the_person():
    X = np.random.default_rng(6).normal(0, 0.2, (30, 3)) + [0.3, 0.5, 0.7]
    R = maker.line_of_sight(CAMERAS[0], X)
    check_rotation("camera", R)
    towards = CAMERAS[0].position - X.mean(0)
    np.testing.assert_allclose(R @ towards, [0, 0, np.linalg.norm(towards)], atol=1e-12)


def test_level_undoes_pitch_and_roll():
    up = np.array([0.3, 0.9, 0.2])
    C = maker.level(up)
    check_rotation("camera", C)
    np.testing.assert_allclose(C[:, 1], up / np.linalg.norm(up))
    assert C[2, 0] == 0 and C[0, 0] > 0
    with pytest.raises(ValueError, match="up: got .*expected a direction"):
        maker.level(np.array([0.0, 0, 1]))


def test_pseudo_truth_of_a_centred_camera():
    """A camera that looks straight at the person: pixels are scale times pose, but for perspective."""
    X = 0.01 * person()[0]
    truth = maker.pseudo_truth(CAMERAS[0], X, np.ones(33, dtype=bool))
    seen = truth["pseudo_visible"]
    assert seen.sum() == 15
    flat = truth["pseudo_truth"][:2, seen] * [[1], [-1]] * truth["pixels_per_metre"]
    pixels = truth["pseudo_pixels"][:, seen]
    np.testing.assert_allclose(flat, pixels - pixels.mean(1, keepdims=True), atol=0.2)
    assert maker.scaled_orthography_error(truth["pseudo_truth"][:, seen], pixels) < 0.2


def test_body_length_needs_a_leg():
    visible = np.ones(17, dtype=bool)
    pose = np.zeros((3, 17))
    pose[1] = np.arange(17)
    # leg: 1 + 1, trunk: pelvis 0 to neck 8
    assert maker.body_length(pose, visible) == 10
    visible[[HUMAN36M.index("left_knee"), HUMAN36M.index("right_ankle")]] = False
    with pytest.raises(ValueError, match="visible: got .*one whole leg"):
        maker.body_length(pose, visible)


# --- the network's crop, the photo, the wheels -------------------------------------------------------------------


def test_anchors():
    anchors = detector.anchors()
    assert anchors.shape == (2254, 2)
    np.testing.assert_allclose(anchors[:3], [[0.5 / 28, 0.5 / 28], [0.5 / 28, 0.5 / 28], [1.5 / 28, 0.5 / 28]])
    np.testing.assert_allclose(anchors[-1], [6.5 / 7, 6.5 / 7])


def test_hip_square_turns_the_top_up():
    hips, top = np.array([100.0, 200.0]), np.array([160.0, 120.0])
    centre, side, angle = detector.hip_square(hips, top)
    A = detector.square(centre, side, angle, 256)
    cells = np.linalg.solve(A[:, :2], (np.stack([hips, top]) - A[:, 2]).T).T
    np.testing.assert_allclose(cells[0], [127.5, 127.5])
    # 100 pixels up, in cells of 250 / 256 pixels
    np.testing.assert_allclose(cells[1], [127.5, 127.5 - 102.4])


def test_sigmoid_does_not_overflow():
    np.testing.assert_allclose(detector.sigmoid([-1e4, 0, np.log(3), 1e4]), [0, 0.5, 0.75, 1])


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
