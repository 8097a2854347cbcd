"""Landmarks that don't all count alike: the search with weights against the readable one, and `lift` with them."""

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import lifting.front
import lifting.search
import lifting.tables
from lifting import landmark_jacobian, lift
from lifting.camera import rotation_angles, tilted_camera
from lifting.confidence import MANY, find_weighted, forms
from lifting.solve import centre, search, solve_at, weighted_mean
from lifting.support.arrays import to_numpy
from lifting.tables import table
from lifting.turned import turn_prior
from tests.priors import random_masks, random_prior
from tests.refusals import refuses

# the landmarks are noisier than the prior says
pytestmark = [pytest.mark.usefixtures("one_thread"), pytest.mark.filterwarnings("ignore::lifting.misfit.PoorFit")]
CAMERA = tilted_camera(0.25)
PRIOR = random_prior(1, K=2, J=3, L=6)
CPU = torch.device("cpu")


def landmarks(n, seed=0, prior=PRIOR):
    """Landmarks (n, 2, L) near the means of the prior, standing anywhere."""
    rng = np.random.default_rng(seed)
    Y = prior.mu[rng.integers(prior.K, size=n), :2] * rng.uniform(0.8, 1.2, (n, 1, 1))
    return Y + rng.normal(size=Y.shape) * 0.1 + rng.normal(size=(n, 2, 1))


def confidences(n, seed=0, L=6, least=4):
    """Weights (n, L): ones, zeros and ones, fractions, and numbers of every size."""
    rng = np.random.default_rng(seed)
    weights = rng.choice([0.0, 1.0, 0.3, 0.9, 2.5, 40.0, 1e-3], size=(n, L))
    weights[: n // 4] = random_masks(rng, n // 4, L, least)
    weights[0] = 1
    weights[(weights > 0).sum(1) < least] = 0.5
    return weights


@pytest.mark.parametrize("scale", [1.0, None])
@pytest.mark.parametrize("camera", [None, CAMERA])
@pytest.mark.parametrize("rotations", [24, 200])
def test_winners_and_solutions_are_those_of_the_readable_search(scale, camera, rotations):
    prior, n = random_prior(3, K=3, J=4, L=7), 120
    Y, W, theta = landmarks(n, prior=prior), confidences(n, L=7), rotation_angles(rotations)
    turned = turn_prior(prior, rotations, free_scale=scale is None, camera=camera)
    centred = np.where(W[:, None] > 0, Y - weighted_mean(Y, W), 0)
    found, sb = find_weighted(forms(turned, torch.float64, CPU), torch.tensor(centred), torch.tensor(W))
    want = search(centre(Y, W), prior, theta, scale=scale, weights=W, camera=camera)
    np.testing.assert_array_equal(found.component, want.component)
    np.testing.assert_array_equal(found.angle, want.angle)
    np.testing.assert_allclose(found.cost, want.cost, rtol=1e-9, atol=1e-12)
    solution = solve_at(centre(Y, W), prior.gaussian(want.component), theta[want.angle], scale=scale, weights=W,
                        camera=camera)  # fmt: skip
    sb = sb.numpy()
    np.testing.assert_allclose(sb[:, 0], solution.scale, rtol=1e-9)
    np.testing.assert_allclose(sb[:, 1:] / sb[:, :1], solution.a, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("scale", [1.0, 250.0, None])
def test_lift_with_weights_is_search_and_solve_at(scale, dtype):
    n = 200
    Y, W = (scale or 40.0) * landmarks(n), confidences(n)
    result = lift(Y.astype(dtype), PRIOR, scale=scale, weights=W.astype(dtype), camera=CAMERA)
    Y, W = Y.astype(dtype).astype(float), W.astype(dtype).astype(float)
    assert result.weights.dtype == dtype and result.visible.dtype == bool
    np.testing.assert_array_equal(result.weights, W)
    np.testing.assert_array_equal(result.visible, W > 0)
    winner = search(centre(Y, W), PRIOR, rotation_angles(), scale=scale, weights=W, camera=CAMERA)
    np.testing.assert_array_equal(result.component, winner.component)
    solution = solve_at(centre(Y, W), PRIOR.gaussian(winner.component), rotation_angles()[winner.angle], scale=scale,
                        weights=W, camera=CAMERA)  # fmt: skip
    loose = 1e-6 if dtype == np.float64 else 1e-4
    for got, want in ((result.scale, solution.scale), (result.a, solution.a), (result.cost, solution.cost)):
        np.testing.assert_allclose(got, want, rtol=loose, atol=loose)
    # The weighted mean of Y_hat is that of Y
    left = (W[:, None] * (Y - result.Y_hat)).sum(-1) / W.sum(-1)[:, None]
    np.testing.assert_allclose(left, 0, atol=loose * (scale or 40.0))


def test_visible_is_weights_of_zero_and_one_and_both_multiply():
    n = 60
    Y, W, seen = landmarks(n), confidences(n, least=5), random_masks(np.random.default_rng(1), n, 6, 5)
    seen |= (seen & (W > 0)).sum(1, keepdims=True) < 3
    same = lift(Y, PRIOR, visible=seen), lift(Y, PRIOR, weights=1.0 * seen)
    both = (lift(np.where(seen[:, None], Y, np.nan), PRIOR, visible=seen, weights=W, scale=None),
            lift(Y, PRIOR, weights=W * seen, scale=None))  # fmt: skip
    for first, second in (same, both):
        for field in first._fields:
            np.testing.assert_array_equal(getattr(first, field), getattr(second, field))
    plain = lift(Y, PRIOR)
    for given in (np.ones(6), np.ones((n, 6)), [1, 1, 1, 1, 1, 1]):
        for field, value in lift(Y, PRIOR, weights=given)._asdict().items():
            np.testing.assert_array_equal(value, getattr(plain, field))


@pytest.mark.parametrize("scale", [1.0, None])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_weights_that_all_frames_share(scale, dtype):
    """From MANY frames on they get a table of their own."""
    Y, w = landmarks(MANY).astype(dtype), np.array([1, 0.2, 0, 3, 1, 0.7])
    together = lift(Y, PRIOR, scale=scale, weights=w, rotations=40)
    apart = lift(Y[:300], PRIOR, scale=scale, weights=w, rotations=40)
    loose = 1e-8 if dtype == np.float64 else 2e-4
    np.testing.assert_array_equal(together.component[:300], apart.component)
    np.testing.assert_allclose(together.theta[:300], apart.theta, atol=1e-6)
    for field in ("a", "scale", "cost", "pose"):
        np.testing.assert_allclose(getattr(together, field)[:300], getattr(apart, field), rtol=loose, atol=loose)


@pytest.mark.parametrize("scale", [1.0, None])
def test_weights_that_many_of_the_frames_share(scale):
    """...and a few don't: each frame gets what it gets alone."""
    rng, often = np.random.default_rng(5), np.array([[1, 0.2, 0, 3, 1, 0.7], [1, 1, 1, 1, 1, 1]])
    kind = np.repeat([0, 1, 2], [MANY, MANY, 60])
    weights = np.where(kind[:, None] < 2, often[np.minimum(kind, 1)], rng.uniform(0.1, 2, (len(kind), 6)))
    order = rng.permutation(len(kind))
    Y, weights = landmarks(len(kind)), weights[order]
    together = lift(Y, PRIOR, scale=scale, weights=weights, rotations=40)
    for kept in (weights[:, 1] == 0.2, (weights == 1).all(1), kind[order] == 2):
        rows = np.flatnonzero(kept)[:40]
        alone = lift(Y[rows], PRIOR, scale=scale, weights=weights[rows], rotations=40)
        np.testing.assert_array_equal(together.component[rows], alone.component)
        for field in ("theta", "a", "scale", "cost", "pose"):
            np.testing.assert_allclose(getattr(together, field)[rows], getattr(alone, field), rtol=1e-8, atol=1e-8)


def test_few_rotations_don_t_make_frames_share_weights():
    """With few rotations many frames are worked on at once."""
    Y, weights = landmarks(MANY + 500), np.ones((MANY + 500, 6))
    weights[:, 3] = np.random.default_rng(6).uniform(0, 1, len(weights))
    together = lift(Y, PRIOR, weights=weights, rotations=2)
    last = lift(Y[-20:], PRIOR, weights=weights[-20:], rotations=2)
    np.testing.assert_allclose(together.pose[-20:], last.pose, rtol=1e-8, atol=1e-9)


def test_ever_new_masks_make_no_tables():
    Y, masks = landmarks(50), random_masks(np.random.default_rng(3), 50, 6, 4)
    lift(Y[:1], PRIOR, visible=masks[:1], rotations=30)
    tables = table.cache_info().misses
    lift(Y, PRIOR, visible=masks, rotations=30)
    for y, mask in zip(Y, masks, strict=True):
        lift(y, PRIOR, visible=mask, rotations=30)
    assert len(np.unique(masks, axis=0)) > 10 and table.cache_info().misses == tables


@pytest.mark.parametrize("refine", ["parabola", "least squares"])
@pytest.mark.parametrize("scale", [1.0, None])
def test_refinement_with_weights(refine, scale):
    Y, W = landmarks(30), confidences(30)
    coarse = lift(Y, PRIOR, scale=scale, weights=W, rotations=40)
    result = lift(Y, PRIOR, scale=scale, weights=W, rotations=40, refine=refine)
    assert np.all(result.cost <= coarse.cost * (1 + 1e-12)) and np.any(result.cost < 0.99 * coarse.cost)
    k = result.component
    at = solve_at(centre(Y, W), PRIOR.gaussian(k), result.theta, scale=scale, weights=W)
    np.testing.assert_allclose(result.cost, at.cost, rtol=1e-7)
    np.testing.assert_allclose(result.a, at.a, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("scale", [1.0, None])
def test_the_jacobian_with_weights_is_autograds(scale):
    Y, W = landmarks(8), confidences(8)
    result = lift(Y, PRIOR, scale=scale, weights=W, camera=CAMERA)
    H = landmark_jacobian(result, PRIOR, centred=False)
    for i in range(8):

        def Y_hat(points, i=i):
            return lift(points, PRIOR, scale=scale, weights=W[i], camera=CAMERA).Y_hat

        J = torch.autograd.functional.jacobian(Y_hat, torch.tensor(Y[i])).reshape(12, 12)
        np.testing.assert_allclose(J, H[i], atol=1e-9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda Y: lift(Y, PRIOR, weights=np.ones(5)), "weights: got shape (5,), expected shape (3, 6) or (6,)"),
        (lambda Y: lift(Y[0], PRIOR, weights=np.ones((3, 6))), "weights: got shape (3, 6), expected shape (6,)"),
        (lambda Y: lift(Y, PRIOR, weights=-np.eye(6)[:3]), "weights: got -1.0, expected numbers >= 0"),
        (lambda Y: lift(Y, PRIOR, weights=np.full(6, np.nan)), "weights: got 6 NaN or infinite of 6 values, expected"),
        (lambda Y: lift(Y, PRIOR, weights="all"), "weights: got str of dtype <U3, expected a NumPy array or a torch"),
        (lambda Y: lift(Y, PRIOR, weights=np.ones(6) > 0), "weights: got ndarray of dtype bool, expected a NumPy"),
        (lambda Y: lift(Y, PRIOR, weights=np.eye(6)[:3]),
         "weights: got frame 0 with 1 landmarks of weight > 0, expected at least 2, to fix what is solved for"),
        (lambda Y: lift(Y, PRIOR, weights=np.ones((3, 6)) - np.eye(3)[:, [0, 1, 2, 2, 2, 2]], scale=None),
         "weights: got frame 2 with 2 landmarks of weight > 0, expected at least 3, to fix what is solved for"),
        (lambda Y: lift(Y[None], PRIOR, visible=(np.ones((3, 6)) - np.eye(3)[:, [0, 1, 2, 2, 2, 2]] > 0)[None],
                        scale=None),
         "visible: got frame (0, 2) with 2 visible landmarks, expected at least 3, to fix what is solved for"),
    ],
)  # fmt: skip
def test_bad_weights(call, message):
    with refuses(message):
        call(landmarks(3))


def test_the_frame_that_no_rotation_fits_is_named_in_its_batch():
    mu = PRIOR.mu.copy()
    mu[:, 1] = np.linspace(-2, 2, 6)
    stiff = type(PRIOR)(mu, PRIOR.e, 100 * PRIOR.sigma, PRIOR.noise_variance, PRIOR.weights)
    Y = np.repeat(mu[:1, :2], 6, axis=0)
    Y[4] *= [[1], [-1]]
    masks = np.ones((6, 6), bool)
    masks[[0, 4], [2, 3]] = False
    with pytest.raises(ValueError, match="^Y: got frame 4, which no rotation fits with a scale > 0"):
        lift(Y, stiff, scale=None, visible=masks)
    with pytest.raises(ValueError, match=r"^Y: got frame \(1, 1\), which no rotation fits"):
        lift(Y.reshape(2, 3, 2, 6), stiff, scale=None, visible=masks.reshape(2, 3, 6))


def test_unknown_keywords_are_refused():
    with pytest.raises(
        TypeError, match=r"^lift\(\) got angles, expected .* camera, tilts, orientation, refine, unusable$"
    ):
        lift(landmarks(1), PRIOR, angles=3)


class NoFloat64(TorchDispatchMode):
    """Stands for a device without float64: what would put such a tensor there is refused."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for value in result if isinstance(result, (tuple, list)) else [result]:
            if torch.is_tensor(value) and value.dtype == torch.float64:
                raise TypeError("Cannot convert a MPS Tensor to float64 dtype as the MPS framework doesn't support it")
        return result


@pytest.mark.parametrize("arguments", [{}, {"scale": None}, {"scale": 2.0, "camera": CAMERA}, {"refine": True},
                                       {"weights": np.array([1, 0.5, 0, 1, 2, 1]), "scale": None},
                                       {"rotations": 200}, {"tilts": np.array([0.3, 0.0])}], ids=str)  # fmt: skip
@pytest.mark.parametrize("n", [2, 300])
def test_a_device_without_float64(monkeypatch, arguments, n):
    prior, Y = random_prior(1, K=2, J=3, L=6), torch.tensor(landmarks(n), dtype=torch.float32)
    with NoFloat64(), pytest.raises(TypeError, match="float64"):
        lift(Y, prior)
    want = lift(Y, prior, **arguments)
    for module in (lifting.front, lifting.refining, lifting.search, lifting.tables):
        monkeypatch.setattr(module, "precise", lambda device: torch.float32)
    with NoFloat64():
        result = lift(Y, random_prior(1, K=2, J=3, L=6), **arguments)
    same = to_numpy(result.theta == want.theta) & to_numpy(result.component == want.component)
    close = np.isclose(to_numpy(result.cost), to_numpy(want.cost), rtol=1e-3, atol=1e-5)
    assert same.mean() > 0.98 or "refine" in arguments
    assert np.all(close)
