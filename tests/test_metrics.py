"""Metrics of poses, against SciPy's alignments and minimisers and against their definitions written out."""

import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize, minimize_scalar
from scipy.spatial import procrustes
from scipy.spatial.transform import Rotation

from lifting.metrics import mpjpe, n_mpjpe, p_mpjpe, pck, pixel_error
from lifting.support.arrays import to_numpy
from tests.refusals import refuses

settings.register_profile("calm", deadline=None, max_examples=50)
settings.load_profile("calm")


def pck_of_1(pose, truth, visible=None, root=0):
    return pck(pose, truth, 1.0, visible, root)


POSE_METRICS = [mpjpe, n_mpjpe, p_mpjpe, pck_of_1]
each_metric = pytest.mark.parametrize("metric", POSE_METRICS)
seeds = st.integers(0, 10**6)
backends = st.sampled_from([np.asarray, torch.as_tensor])


def random_pair(seed=0, batch=(), L=17, dtype=np.float64):
    """A pose and a truth that resembles it up to rotation, scale and translation."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=(*batch, 3, L))
    R = Rotation.random(random_state=seed).as_matrix()
    pose = rng.uniform(0.3, 3) * R @ (truth + 0.2 * rng.normal(size=truth.shape)) + rng.normal(size=(3, 1))
    return pose.astype(dtype), truth.astype(dtype)


def mean_distance(X, Z):
    return np.mean([np.linalg.norm(x - z) for x, z in zip(X.T, Z.T, strict=True)])


def centred(X):
    return X - X.mean(axis=1, keepdims=True)


# Against independent routes


@given(seed=seeds, root=st.one_of(st.none(), st.just("centroid"), st.integers(0, 16)))
def test_mpjpe_is_the_mean_distance_after_moving_the_root(seed, root):
    X, Z = random_pair(seed)
    origin = {None: lambda A: 0, "centroid": lambda A: A.mean(axis=1, keepdims=True)}
    move = origin.get(root, lambda A: A[:, [root]])
    assert np.isclose(mpjpe(X, Z, root=root), mean_distance(X - move(X), Z - move(Z)), rtol=1e-12)


def test_mpjpe_by_hand():
    truth = np.zeros((3, 2))
    pose = np.array([[3.0, 0.0], [4.0, 0.0], [0.0, 2.0]])
    assert mpjpe(pose, truth, root=None) == 3.5
    assert np.isclose(mpjpe(pose, truth), np.sqrt(29) / 2)
    assert np.isclose(mpjpe(pose, truth, root="centroid"), np.sqrt(29) / 2)


@given(seed=seeds)
def test_n_mpjpe_scales_as_a_numerical_minimiser_does(seed):
    X, Z = random_pair(seed)
    X, Z = X - X[:, :1], Z - Z[:, :1]
    best = minimize_scalar(lambda s: np.sum((s * X - Z) ** 2), bounds=(0, 100), method="bounded",
                           options={"xatol": 1e-11})  # fmt: skip
    assert np.isclose(n_mpjpe(X, Z), mean_distance(best.x * X, Z), rtol=1e-6)


@given(seed=seeds, L=st.integers(5, 20))
def test_p_mpjpe_aligns_as_align_vectors_does(seed, L):
    X, Z = (centred(A) for A in random_pair(seed, L=L))
    rotated = Rotation.align_vectors(Z.T, X.T)[0].as_matrix() @ X
    s = np.sum(rotated * Z) / np.sum(rotated**2)
    assert np.isclose(p_mpjpe(X, Z), mean_distance(s * rotated, Z), rtol=1e-7)


@pytest.mark.parametrize("reflected", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_p_mpjpe_aligns_as_a_numerical_minimiser_does(seed, reflected):
    X, Z = random_pair(seed)
    X = X * np.array([[-1.0 if reflected else 1.0], [1], [1]])

    def align(q):
        return np.exp(q[3]) * Rotation.from_rotvec(q[:3]).as_matrix() @ X + q[4:, None]

    starts = [np.r_[Rotation.random(random_state=n).as_rotvec(), np.zeros(4)] for n in range(8)]
    solutions = [minimize(lambda q: np.sum((align(q) - Z) ** 2), q, method="BFGS", options={"gtol": 1e-9})
                 for q in starts]  # fmt: skip
    best = min(solutions, key=lambda solution: solution.fun)
    assert np.isclose(p_mpjpe(X, Z), mean_distance(align(best.x), Z), rtol=1e-5)


@given(seed=seeds, threshold=st.floats(0.1, 3))
def test_pck_counts(seed, threshold):
    X, Z = random_pair(seed)
    offsets = (X - X[:, :1]) - (Z - Z[:, :1])
    assert pck(X, Z, threshold) == np.mean(np.sqrt(np.sum(offsets**2, axis=0)) <= threshold)


def test_pck_includes_the_threshold():
    pose = np.array([[0.0, 1.0, 2.0, 3.0], [0.0] * 4, [0.0] * 4])
    assert pck(pose, np.zeros((3, 4)), 2.0) == 0.75


def test_pixel_error_by_hand():
    Y_hat, Y = np.array([[3.0, 0.0, 7.0], [4.0, 1.0, 7.0]]), np.array([[0.0, 0.0, 7.0], [0.0, 0.0, 7.0]])
    assert pixel_error(Y_hat, Y) == 2.0
    assert pixel_error(Y_hat, Y, [False, True, True]) == 0.5


# Reflections


def test_a_mirror_image_is_not_aligned_away():
    _, truth = random_pair(3)
    mirrored = truth * np.array([[-1.0], [1.0], [1.0]])
    assert np.isclose(procrustes(truth.T, mirrored.T)[2], 0)  # with a reflection it would fit exactly
    assert p_mpjpe(mirrored, truth) > 0.3
    assert p_mpjpe(-truth, truth) > 0.3


def test_n_mpjpe_never_turns_a_pose_inside_out():
    _, truth = random_pair(3)
    truth = truth - truth[:, :1]
    assert np.isclose(n_mpjpe(-truth, truth), mean_distance(0 * truth, truth))


# Invariances


@given(seed=seeds, shift=st.floats(-10, 10))
@pytest.mark.parametrize("root", [0, 5, "centroid"])
def test_moving_a_pose_changes_nothing(root, seed, shift):
    X, Z = random_pair(seed)
    t = shift * np.array([[1.0], [-2.0], [0.5]])
    for metric in POSE_METRICS:
        rest = {} if metric is p_mpjpe else {"root": root}
        assert np.isclose(metric(X + t, Z - t, **rest), metric(X, Z, **rest), rtol=1e-9)
    assert not np.isclose(mpjpe(X + 1, Z, root=None), mpjpe(X, Z, root=None))


@given(seed=seeds)
def test_what_is_taken_out_is_not_counted(seed):
    X, Z = random_pair(seed)
    similar = 2.5 * Rotation.random(random_state=seed).as_matrix() @ Z + 3
    assert p_mpjpe(similar, Z) < 1e-12
    assert n_mpjpe(2.5 * Z + 3, Z) < 1e-12
    assert mpjpe(Z + 3, Z) < 1e-12
    assert all(metric(X, X) == (1 if metric is pck_of_1 else pytest.approx(0, abs=1e-12)) for metric in POSE_METRICS)


# Masks, batches, backends


@given(seed=seeds, rubbish=st.sampled_from([np.nan, np.inf, 1e6]), backend=backends)
@each_metric
def test_a_mask_equals_dropping_landmarks(metric, seed, rubbish, backend):
    X, Z = random_pair(seed)
    visible = np.random.default_rng(seed).random(17) < 0.5
    visible[:4] = True
    want = metric(X[:, visible], Z[:, visible])
    spoilt_X, spoilt_Z = np.where(visible, X, rubbish), np.where(visible, Z, -rubbish)
    got = metric(backend(spoilt_X), backend(spoilt_Z), backend(visible))
    assert np.isclose(to_numpy(got), want, rtol=1e-9)


@given(seed=seeds, batch=st.sampled_from([(), (1,), (3,), (2, 3), (0,)]),
       dtype=st.sampled_from([np.float32, np.float64]), backend=backends, L=st.integers(5, 20))  # fmt: skip
@each_metric
def test_batches_types_and_backends(metric, seed, batch, dtype, backend, L):
    X, Z = random_pair(seed, batch, L, dtype)
    visible = np.random.default_rng(seed).random((*batch, L)) < 0.8
    visible[..., :5] = True
    got = metric(backend(X), backend(Z), backend(visible))
    assert tuple(got.shape) == batch and got.dtype == backend(X).dtype
    if metric is pck_of_1:
        assert np.all((to_numpy(got) >= 0) & (to_numpy(got) <= 1))
        return
    want = [metric(*(A[index].astype(np.float64) for A in (X, Z)), visible[index]) for index in np.ndindex(batch)]
    np.testing.assert_allclose(to_numpy(got).ravel(), want, rtol=1e-3 if dtype == np.float32 else 1e-9)


def test_the_first_pose_sets_library_and_dtype():
    X, Z = random_pair()
    assert mpjpe(torch.as_tensor(X), Z).dtype == torch.float64
    assert isinstance(mpjpe(X, torch.as_tensor(Z, dtype=torch.float32).requires_grad_()), np.float64)
    assert mpjpe(X.astype(np.float32), Z).dtype == np.float32
    assert mpjpe(X.tolist(), Z.tolist()) == mpjpe(X, Z)


@pytest.mark.parametrize("metric", [mpjpe, n_mpjpe, p_mpjpe])
def test_gradients(metric):
    X, Z = (torch.as_tensor(A).requires_grad_() for A in random_pair(batch=(2,), L=6))
    visible = torch.tensor([True, True, False, True, True, True])
    assert torch.autograd.gradcheck(lambda X, Z: metric(X, Z, visible), (X, Z))


def test_gradient_of_pixel_error():
    Y_hat, Y = (torch.as_tensor(A[:2]).requires_grad_() for A in random_pair())
    assert torch.autograd.gradcheck(pixel_error, (Y_hat, Y))


@pytest.mark.parametrize("metric", [mpjpe, n_mpjpe])
def test_gradients_stay_finite_at_the_truth_and_with_hidden_rubbish(metric):
    _, Z = random_pair()
    X = torch.as_tensor(Z.copy())
    X[:, 4] = torch.nan
    X.requires_grad_()
    metric(X, torch.as_tensor(Z), torch.arange(17) != 4).backward()
    assert torch.isfinite(X.grad).all() and (X.grad[:, 4] == 0).all()


def test_inputs_are_left_alone():
    X, Z = random_pair()
    X[0, 3] = np.nan
    copies = X.copy(), Z.copy()
    for metric in POSE_METRICS:
        metric(X, Z, np.arange(17) != 3)
    np.testing.assert_array_equal(X, copies[0])
    np.testing.assert_array_equal(Z, copies[1])


# Degenerate poses


@pytest.mark.parametrize("backend", [np.asarray, torch.as_tensor])
def test_a_single_landmark_is_always_right_once_moved(backend):
    X, Z = (backend(A) for A in random_pair(L=1))
    assert mpjpe(X, Z) == n_mpjpe(X, Z) == p_mpjpe(X, Z) == 0
    assert pck(X, Z, 0.1) == 1
    assert mpjpe(X, Z, root=None) > 0


def test_a_single_visible_landmark_is_always_right_once_moved():
    X, Z = random_pair()
    visible = np.arange(17) == 6
    assert mpjpe(X, Z, visible, root=6) == n_mpjpe(X, Z, visible, root=6) == p_mpjpe(X, Z, visible) == 0


@pytest.mark.parametrize("metric", [n_mpjpe, p_mpjpe])
@pytest.mark.parametrize("backend", [np.asarray, torch.as_tensor])
def test_a_pose_that_is_one_point_gets_scale_zero(metric, backend):
    _, Z = random_pair()
    X = np.ones_like(Z)
    origin = Z[:, :1] if metric is n_mpjpe else Z.mean(axis=1, keepdims=True)
    assert np.isclose(metric(backend(X), backend(Z)), mean_distance(0 * Z, Z - origin))
    if metric is p_mpjpe:
        assert p_mpjpe(backend(Z), backend(X)) < 1e-12  # the pose shrinks to the point that the truth is


@given(seed=seeds)
def test_collinear_poses_align_along_their_line(seed):
    rng = np.random.default_rng(seed)
    u, v = (direction / np.linalg.norm(direction) for direction in rng.normal(size=(2, 3, 1)))
    along = centred(rng.normal(size=(1, 9)))
    assert p_mpjpe(u @ along + 2, 3 * v @ along - 1) < 1e-10
    # on a line, the other end first is a rotation, not a reflection
    assert p_mpjpe(-u @ along, v @ along) < 1e-10
    # a line against a general pose: the best line is the truth's image of the line's own coordinates
    _, Z = random_pair(seed, L=9)
    fitted = (centred(Z) @ along.T) / np.sum(along**2) @ along
    assert np.isclose(p_mpjpe(u @ along, Z), mean_distance(fitted, centred(Z)), rtol=1e-6)


@given(seed=seeds)
def test_flat_poses_may_be_turned_over(seed):
    rng = np.random.default_rng(seed)
    flat = np.vstack([rng.normal(size=(2, 9)), np.zeros((1, 9))])
    mirrored = flat * np.array([[-1.0], [1.0], [1.0]])  # half a turn about y does the same
    assert p_mpjpe(mirrored, flat) < 1e-10


# Bad input


def hide_all_of_one():
    return np.arange(2)[:, None] * np.ones(17) > 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda X, Z: (X, Z[..., :16]), "truth: got shape (2, 3, 16), expected the shape of pose, (2, 3, 17)"),
        (lambda X, Z: (X, Z[0]), "truth: got shape (3, 17), expected the shape of pose, (2, 3, 17)"),
        (lambda X, Z: (X[:, :2], Z[:, :2]), "pose: got shape (2, 2, 17), expected shape (..., 3, L)"),
        (lambda X, Z: (X[..., :0], Z[..., :0]), "pose: got shape (2, 3, 0), expected shape (..., 3, L)"),
        (lambda X, Z: (X + 1j, Z), "pose: got ndarray of dtype complex128, expected a NumPy array"),
        (lambda X, Z: (np.where(X.max() == X, np.nan, X), Z),
         "pose: got 1 NaN or infinite of 102 values, expected finite numbers"),
        (lambda X, Z: (X, np.where(Z.max() == Z, np.inf, Z)),
         "truth: got 1 NaN or infinite of 102 values, expected finite numbers"),
        (lambda X, Z: (X, Z, np.ones((2, 3, 17), bool)),
         "visible: got shape (2, 3, 17), expected shape (2, 17) or (17,)"),
        (lambda X, Z: (X, Z, np.ones((2, 17), int)), "visible: got an array of int64, expected an array of booleans"),
        (lambda X, Z: (X, Z, hide_all_of_one()),
         "visible: got a pose without a visible landmark, expected at least one visible landmark in each pose"),
    ],
)  # fmt: skip
@each_metric
def test_bad_poses(metric, change, message):
    with refuses(message):
        metric(*change(*random_pair(batch=(2,))))


@pytest.mark.parametrize(
    ("root", "message"),
    [
        (17, "root: got 17, expected the index of one of 17 landmarks"),
        (-1, "root: got -1, expected a whole number >= 0"),
        (1.0, "root: got 1.0 (float), expected a whole number >= 0"),
        ("pelvis", "root: got 'pelvis', expected a landmark index, \"centroid\" or None"),
        (3, "root: got 3, not visible in every pose, expected a visible landmark"),
    ],
)
@pytest.mark.parametrize("metric", [mpjpe, n_mpjpe, pck_of_1])
def test_bad_roots(metric, root, message):
    with refuses(message):
        metric(*random_pair(), np.arange(17) != 3, root=root)


@pytest.mark.parametrize("threshold", [0, -1.0, np.nan, "far"])
def test_bad_thresholds(threshold):
    with pytest.raises(ValueError, match="^threshold: got .*, expected a "):
        pck(*random_pair(), threshold)


def test_bad_pixels():
    X, Z = random_pair()
    with pytest.raises(ValueError, match=re.escape("Y_hat: got shape (3, 17), expected shape (..., 2, L)")):
        pixel_error(X, Z)
    with pytest.raises(ValueError, match=re.escape("Y: got shape (2, 16), expected the shape of Y_hat, (2, 17)")):
        pixel_error(X[:2], Z[:2, :16])
