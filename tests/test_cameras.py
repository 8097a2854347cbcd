"""The makers' cameras: projection, calibration, triangulation, lags; poses of known people seen by known cameras."""

import numpy as np
import pytest

from lifting.makers import cameras as calibrated
from lifting.makers import real_frames as maker
from lifting.makers.cameras import Camera
from lifting.skeleton import BLAZEPOSE, HUMAN36M
from lifting.support.arrays import check_rotation


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
