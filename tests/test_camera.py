"""The camera of eq. (1), against matrices written out, plain loops and SciPy's rotations."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from lifting.camera import (
    ROTATIONS,
    flip_y,
    orientations,
    project,
    rescale_pixels,
    rotation,
    rotation_angles,
    tilted_camera,
    turn,
)
from lifting.support.arrays import check_rotation, to_numpy, trusted
from tests.refusals import refuses

BACKENDS = {"numpy": np.asarray, "torch": torch.as_tensor}
backends = st.sampled_from(sorted(BACKENDS))
dtypes = st.sampled_from([np.float32, np.float64])
angles = st.floats(-10, 10)


def tolerance(dtype):
    return 1e-5 if dtype == np.float32 else 1e-13


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("scale", [1.0, 2.5])
def test_a_scale_that_is_a_number_needs_no_check(backend, scale):
    rng = np.random.default_rng(0)
    pose, theta = (BACKENDS[backend](rng.normal(size=shape)) for shape in ((5, 3, 4), (5,)))
    with trusted():
        landmarks = project(pose, theta, scale=scale)
    np.testing.assert_array_equal(landmarks, project(pose, theta, scale=scale))


def test_the_finite_set():
    assert ROTATIONS == 80
    np.testing.assert_allclose(rotation_angles(4), [0, math.pi / 2, math.pi, 3 * math.pi / 2], atol=1e-15)
    np.testing.assert_array_equal(rotation_angles(1), [0])
    assert rotation_angles().shape == (80,) and rotation_angles(977)[-1] < 2 * math.pi


@given(theta=angles)
def test_rotation_written_out(theta):
    c, s = math.cos(theta), math.sin(theta)
    np.testing.assert_allclose(rotation(theta), [[c, 0, s], [0, 1, 0], [-s, 0, c]], atol=1e-15)


@given(shape=st.lists(st.integers(0, 3), max_size=3), backend=backends, dtype=dtypes, seed=st.integers(0, 99))
def test_rotation_is_scipys_about_y_and_orthonormal(shape, backend, dtype, seed):
    theta = np.random.default_rng(seed).uniform(-7, 7, shape).astype(dtype)
    R = rotation(BACKENDS[backend](theta))
    assert type(R) is type(BACKENDS[backend](theta)) and R.dtype == BACKENDS[backend](theta).dtype
    R = to_numpy(R)
    assert R.shape == (*shape, 3, 3)
    for index in np.ndindex(*shape):
        want = Rotation.from_euler("y", float(theta[index])).as_matrix()
        np.testing.assert_allclose(R[index], want, atol=tolerance(dtype))
        np.testing.assert_allclose(R[index] @ R[index].T, np.eye(3), atol=tolerance(dtype))
        assert math.isclose(np.linalg.det(R[index]), 1, abs_tol=tolerance(dtype))


@given(theta=angles, pitch=st.floats(-1.5, 1.5), scale=st.floats(0.01, 1000), seed=st.integers(0, 99))
def test_project_is_equation_1_in_plain_loops(theta, pitch, scale, seed):
    pose = np.random.default_rng(seed).normal(size=(3, 5))
    R, C = rotation(theta), tilted_camera(pitch)
    want = np.zeros((2, 5))
    for landmark in range(5):
        for row in range(2):  # Pi keeps x and y
            want[row, landmark] = scale * sum(
                C[row, i] * R[i, j] * pose[j, landmark] for i in range(3) for j in range(3)
            )
    np.testing.assert_allclose(project(pose, theta, scale=scale, camera=C), want, atol=1e-12 * scale)
    np.testing.assert_allclose(project(pose, theta), (rotation(theta) @ pose)[:2], atol=1e-14)


@given(batch=st.sampled_from([(), (0,), (3,), (2, 3)]), backend=backends, dtype=dtypes)
def test_batches_are_frames_one_by_one(batch, backend, dtype):
    rng = np.random.default_rng(len(batch))
    pose, theta, scale = rng.normal(size=(*batch, 3, 4)), rng.uniform(0, 6, batch), rng.uniform(1, 2, batch)
    pose, theta, scale = (np.asarray(value, dtype) for value in (pose, theta, scale))
    as_given, C = BACKENDS[backend], tilted_camera(0.3)
    Y_hat = project(as_given(pose), as_given(theta), scale=as_given(scale), camera=as_given(C))
    turned = turn(as_given(pose), as_given(theta), C)
    assert Y_hat.dtype == turned.dtype == as_given(pose).dtype and type(Y_hat) is type(as_given(pose))
    assert tuple(Y_hat.shape) == (*batch, 2, 4) and tuple(turned.shape) == (*batch, 3, 4)
    for index in np.ndindex(batch):
        want = C @ Rotation.from_euler("y", float(theta[index])).as_matrix() @ pose[index]
        np.testing.assert_allclose(to_numpy(turned)[index], want, atol=tolerance(dtype))
        np.testing.assert_allclose(to_numpy(Y_hat)[index], scale[index] * want[:2], atol=tolerance(dtype))


def test_one_pose_at_many_angles_and_many_poses_at_one():
    pose = np.random.default_rng(0).normal(size=(4, 3, 5))
    assert project(pose[0], rotation_angles(7)).shape == (7, 2, 5)
    np.testing.assert_array_equal(project(pose, 0.3)[2], project(pose[2], 0.3))
    np.testing.assert_array_equal(project(pose[0].tolist(), 0), pose[0, :2])


def test_a_camera_that_looks_down_sees_what_is_near_lower():
    x, y = project(np.array([[0.0], [0.0], [1.0]]), 0.0, camera=tilted_camera(0.2))[:, 0]
    assert x == 0 and y < 0
    np.testing.assert_allclose(tilted_camera(0.2), Rotation.from_euler("x", 0.2).as_matrix(), atol=1e-15)


def test_gradients_of_equation_1():
    pose = torch.randn(2, 3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    theta = torch.tensor([0.3, 2.0], dtype=torch.float64, requires_grad=True)
    scale = torch.tensor([0.5, 2.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda *given: project(given[0], given[1], scale=given[2]), (pose, theta, scale))


@given(seed=st.integers(0, 99), d=st.sampled_from([2, 3]), backend=backends)
def test_flip_y_negates_the_second_row_and_undoes_itself(seed, d, backend):
    points = np.random.default_rng(seed).normal(size=(4, d, 5))
    flipped = flip_y(BACKENDS[backend](points))
    np.testing.assert_array_equal(to_numpy(flipped), points * np.array([[1.0], [-1.0], [1.0]][:d]))
    np.testing.assert_array_equal(to_numpy(flip_y(flipped)), points)


def test_rescaled_pixels_keep_edges_where_they_are():
    corners = np.array([[-0.5, 7.5], [-0.5, 3.5]])  # the outer edges of 8 x 4 pixels
    np.testing.assert_allclose(rescale_pixels(corners, 4), [[-0.5, 31.5], [-0.5, 15.5]])
    # the centre of the first pixel of a map of stride 4 is between the second and third pixel of the image
    np.testing.assert_allclose(rescale_pixels(np.zeros((2, 1)), 4.0), 1.5)
    np.testing.assert_allclose(rescale_pixels(rescale_pixels(corners, 4), 0.25), corners)
    twice = rescale_pixels(torch.zeros(2, 2, 3), [1.0, 2.0])
    assert twice[0].eq(0).all() and twice[1].eq(0.5).all()


def test_orientations_point_everywhere_and_the_first_is_level():
    for count in (1, 2, 42):
        Q = orientations(count)
        np.testing.assert_allclose(Q @ Q.swapaxes(1, 2), np.broadcast_to(np.eye(3), Q.shape), atol=1e-12)
        np.testing.assert_allclose(np.linalg.det(Q), 1)
        np.testing.assert_allclose(Q[0], np.eye(3), atol=1e-12)
    anywhere = np.random.default_rng(0).standard_normal((2000, 3))
    anywhere /= np.linalg.norm(anywhere, axis=1, keepdims=True)
    nearest = np.degrees(np.arccos((anywhere @ Q[:, :, 1].T).max(1).clip(-1, 1)))
    assert nearest.max() < 26


def test_cameras_pass_as_they_are():
    for C in (np.eye(3), np.eye(3, dtype=np.float32), torch.eye(3), tilted_camera(-1.0)):
        assert check_rotation("camera", C) is C


POSE = np.zeros((3, 4))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: rotation_angles(0), "rotations: got 0, expected a whole number >= 1"),
        (lambda: rotation_angles(2.5), "rotations: got 2.5 (float), expected a whole number >= 1"),
        (lambda: rotation("north"), "theta: got str of dtype <U5, expected"),
        (lambda: rotation([0.0, np.nan]), "theta: got 1 NaN or infinite of 2 values, expected finite numbers"),
        (lambda: rotation(torch.tensor(1)), "theta: got a tensor of torch.int64, expected"),
        (lambda: tilted_camera(np.inf), "pitch: got 1 NaN or infinite of 1 values, expected finite numbers"),
        (lambda: tilted_camera(None), "pitch: got NoneType of dtype object, expected"),
        (lambda: check_rotation("camera", np.eye(2)), "camera: got shape (2, 2), expected shape (..., 3, 3)"),
        (lambda: check_rotation("camera", np.eye(3)[None]), "camera: got shape (1, 3, 3), expected shape (3, 3)"),
        (lambda: check_rotation("camera", 2 * np.eye(3)),
         "camera: got a matrix with |C C^T - I| up to 3 and determinant 8, expected a rotation"),
        (lambda: check_rotation("camera", 1.0005 * np.eye(3)),
         "camera: got a matrix with |C C^T - I| up to 0.001 and determinant 1, expected a rotation"),
        (lambda: check_rotation("camera", torch.diag(torch.tensor([1.0, 1.0, -1.0]))),
         "camera: got a matrix with |C C^T - I| up to 0 and determinant -1, expected a rotation"),
        (lambda: check_rotation("camera", np.full((3, 3), np.nan)), "camera: got 9 NaN or infinite of 9 values"),
        (lambda: project(POSE, 0.0, scale=-2.0), "scale: got -2.0, expected numbers > 0"),
        (lambda: project(torch.zeros(2, 3, 4), 0.0, scale=[1.0, 0.0]), "scale: got 0.0, expected numbers > 0"),
        (lambda: project(POSE, 0.0, scale=np.nan), "scale: got 1 NaN or infinite of 1 values, expected finite numbers"),
        (lambda: project(POSE, 0.0, scale="big"), "scale: got str of dtype <U3, expected"),
        (lambda: turn(POSE[:2], 0.0), "pose: got shape (2, 4), expected shape (..., 3, L)"),
        (lambda: turn(POSE, "north"), "theta: got str of dtype <U5, expected"),
        (lambda: turn(POSE, [[1.0], [1.0, 2.0]]), "theta: got a ragged sequence, expected"),
        (lambda: turn(POSE, 1j), "theta: got complex of dtype complex128, expected"),
        (lambda: turn(POSE, np.nan), "theta: got 1 NaN or infinite of 1 values, expected finite numbers"),
        (lambda: turn(POSE, 0.0, np.ones((3, 3))), "camera: got a matrix with |C C^T - I| up to 3 and"),
        (lambda: project(POSE + np.inf, 0.0), "pose: got 12 NaN or infinite of 12 values, expected finite numbers"),
        (lambda: project(POSE, 0.0, scale=0), "scale: got 0.0, expected numbers > 0"),
        (lambda: project(POSE, 0.0, camera="level"), "camera: got str of dtype <U5, expected"),
        (lambda: project(None, 0.0), "pose: got NoneType of dtype object, expected"),
    ],
)  # fmt: skip
def test_bad_input(call, message):
    with refuses(message):
        call()
