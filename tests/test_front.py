"""The front door against a literal loop over frames, components and rotations, and what it promises of its results."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lifting import Lifted, PosePrior, landmark_jacobian, lift, load_prior
from lifting.camera import project, rotation, rotation_angles, tilted_camera
from lifting.datasets.motion_capture import load_motion_capture, trunk_lean
from lifting.pose_prior import sample
from lifting.search import FEW
from lifting.solve import centre, projected_model, solve_at, truncated_pseudo_inverse
from lifting.support.arrays import to_numpy
from tests.priors import random_masks, random_prior
from tests.refusals import refuses

BACKENDS = {"numpy": np.asarray, "torch": torch.tensor}
CAMERA = tilted_camera(0.25)
PRIOR = random_prior(1, K=2, J=3, L=6)
ROTATIONS = 16
# the landmarks are noisier than the prior says; the warning of it has tests of its own
pytestmark = [pytest.mark.usefixtures("one_thread"), pytest.mark.filterwarnings("ignore::lifting.misfit.PoorFit")]


def landmarks(n, seed=0, prior=PRIOR, noise=0.05):
    """Landmarks (n, 2, L) of people of all sizes, standing anywhere."""
    rng = np.random.default_rng(seed)
    Y = sample(prior, n, rng).poses[:, :2] * rng.uniform(0.8, 1.2, (n, 1, 1))
    return Y + rng.normal(size=Y.shape) * noise + rng.normal(size=(n, 2, 1))


def literal_loop(Y, prior, rotations, scale, visible, *cameras):
    """Eq. (2) as it is printed: lstsq per frame, component and rotation; the translation is solved for too."""
    every = [(C, theta) for C in cameras for theta in rotation_angles(rotations)]
    rows_of = np.tile(visible, 2)
    results = []
    for n, y in enumerate(Y):
        rows, count, per_component = rows_of[n], 2 * visible[n].sum(), []
        shift = np.kron(np.eye(2), np.ones((prior.L, 1)))[rows]
        for k in range(prior.K):
            sigma, v, best = prior.sigma[k], prior.noise_variance[k], None
            ridge = np.hstack([np.diag(sigma), np.zeros((prior.J, 2))])
            for t, (C, angle) in enumerate(every):
                R = (np.eye(3) if C is None else C) @ rotation(angle)
                p, E = (R @ prior.mu[k])[:2].reshape(-1), (R @ prior.e[k])[:, :2].reshape(prior.J, -1).T
                p, E, target = p[rows], E[rows], y.reshape(-1)[rows]
                if scale is None:
                    A = np.vstack([np.hstack([p[:, None], E, shift]), np.hstack([np.zeros((prior.J, 1)), ridge])])
                    x = np.linalg.lstsq(A, np.concatenate([target, np.zeros(prior.J)]), rcond=None)[0]
                    s, b = x[0], x[1:-2]
                    residual = A @ x - np.concatenate([target, np.zeros(prior.J)])
                else:
                    s = scale[n]
                    A = np.vstack([np.hstack([E, shift]), ridge])
                    want = np.concatenate([target - s * p, np.zeros(prior.J)])
                    x = np.linalg.lstsq(A, want, rcond=None)[0]
                    b, residual = x[:-2], A @ x - want
                if s > 0 and (best is None or residual @ residual < best[0]):
                    best = residual @ residual, t, s, b / s, x[-2:], E
            if best:
                least, t, s, a, _, E = best
                E = E - np.kron(np.eye(2), np.ones((count // 2, count // 2)) / (count // 2)) @ E
                covariance = s**2 * (E @ np.diag(v / sigma**2) @ E.T + v * np.eye(count))
                # On centred data only the determinant sees the two directions of the mean
                score = least / (s**2 * v) + np.linalg.slogdet(covariance)[1] - 2 * math.log(prior.weights[k])
                per_component.append((score, k, *best[:5]))
        results.append(min(per_component, key=lambda row: row[0]))
    return results


@pytest.mark.parametrize("camera", [None, CAMERA], ids=["level", "tilted"])
@pytest.mark.parametrize("masked", [False, True], ids=["all seen", "masked"])
@pytest.mark.parametrize("unit", [1.0, 250.0, "per frame", None])
def test_lift_is_the_literal_loop(unit, masked, camera):
    n, rng = 30, np.random.default_rng(7)
    per_frame = rng.uniform(0.5, 2.0, n) if unit == "per frame" else np.full(n, unit or 40.0)
    Y = landmarks(n, seed=3) * per_frame[:, None, None]
    visible = random_masks(rng, n, PRIOR.L, least=5) if masked else np.ones((n, PRIOR.L), bool)
    scale = None if unit is None else per_frame if unit == "per frame" else unit
    result = lift(np.where(visible[:, None], Y, np.nan), PRIOR, rotations=ROTATIONS, scale=scale,
                  visible=visible if masked else None, camera=camera)  # fmt: skip
    want = literal_loop(Y, PRIOR, ROTATIONS, None if unit is None else per_frame, visible, camera)
    theta = rotation_angles(ROTATIONS)
    for i, (_, k, least, t, s, a, shift) in enumerate(want):
        assert (result.component[i], result.theta[i]) == (k, theta[t])
        np.testing.assert_allclose(result.scale[i], s, rtol=1e-8)
        np.testing.assert_allclose(result.a[i], a, rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(result.cost[i], least, rtol=1e-7)
        pose = PRIOR.mu[k] + np.einsum("j,jcl->cl", a, PRIOR.e[k])
        Y_hat = project(pose, theta[t], scale=s, camera=camera) + shift[:, None]
        np.testing.assert_allclose(result.Y_hat[i], Y_hat, atol=1e-7 * per_frame[i])


@pytest.mark.parametrize("refine", [False, "parabola", "least squares"])
@pytest.mark.parametrize("variant", [{}, {"scale": None}, {"scale": 250.0, "camera": CAMERA},
                                     {"scale": None, "camera": CAMERA, "masked": True}], ids=str)  # fmt: skip
def test_a_result_is_consistent(variant, refine):
    variant, n = dict(variant), 20
    unit = variant.get("scale", 1.0) or 40.0
    Y = landmarks(n) * unit
    visible = random_masks(np.random.default_rng(0), n, PRIOR.L, least=5)
    visible = visible if variant.pop("masked", False) else np.ones_like(visible)
    result = lift(Y, PRIOR, rotations=ROTATIONS, visible=visible, refine=refine, **variant)
    assert isinstance(result, Lifted)
    assert np.all((result.theta >= 0) & (result.theta < 2 * math.pi)) and np.all(result.scale > 0)
    np.testing.assert_allclose(result.R, rotation(result.theta), atol=1e-15)
    np.testing.assert_array_equal(result.Y_hat, result.pose[:, :2])
    np.testing.assert_array_equal(result.visible, visible)
    np.testing.assert_array_equal(result.camera, variant.get("camera", np.eye(3)))
    assert result.free_scale is ("scale" in variant and variant["scale"] is None)
    np.testing.assert_allclose(result.pose[:, 2].mean(axis=-1), 0, atol=1e-12 * unit)
    # The pose is that of its coefficients, in the camera's frame, moved in the image only
    body = PRIOR.mu[result.component] + np.einsum("nj,njcl->ncl", result.a, PRIOR.e[result.component])
    turned = result.scale[:, None, None] * (variant.get("camera", np.eye(3)) @ result.R @ body)
    np.testing.assert_allclose(centre(result.pose), turned, atol=1e-10 * unit)
    # The visible landmarks of Y_hat have the mean of those of Y, and leave the cost that is reported
    residual = np.where(visible[:, None], Y - result.Y_hat, 0)
    np.testing.assert_allclose(residual.sum(axis=-1), 0, atol=1e-10 * unit)
    b = result.scale[:, None] * result.a
    penalty = np.square(PRIOR.sigma[result.component] * b).sum(axis=-1)
    np.testing.assert_allclose(result.cost, np.square(residual).sum(axis=(1, 2)) + penalty, rtol=1e-9)
    # At the reported angle and component nothing is cheaper
    model = PRIOR.gaussian(result.component)
    solution = solve_at(centre(Y, visible), model, result.theta, weights=visible, **({"scale": 1.0} | variant))
    np.testing.assert_allclose(result.cost, solution.cost, rtol=1e-7)


# Tilts: the camera's pitch as part of the finite set

TILTS = np.array([0.3, 0.0, -0.2, 0.6])


def seen_by_tilted(n, seed=0, noise=0.02):
    """Landmarks (n, 2, L) seen by cameras of each of the TILTS in turn."""
    poses = sample(PRIOR, n, np.random.default_rng(seed)).poses
    Y = (tilted_camera(np.resize(TILTS, n)) @ poses)[:, :2]
    return Y + noise * np.random.default_rng(seed + 1).normal(size=Y.shape)


@pytest.mark.parametrize("camera", [None, rotation(0.0) @ tilted_camera(0.1)[[1, 2, 0]][:, [1, 2, 0]]],
                         ids=["level", "rolled"])  # fmt: skip
@pytest.mark.parametrize("masked", [False, True], ids=["all seen", "masked"])
@pytest.mark.parametrize("unit", [1.0, None])
def test_tilts_are_the_literal_loop_over_cameras(unit, masked, camera):
    n, rng = 20, np.random.default_rng(7)
    Y = seen_by_tilted(n) * (unit or 40.0)
    visible = random_masks(rng, n, PRIOR.L, least=5) if masked else np.ones((n, PRIOR.L), bool)
    result = lift(np.where(visible[:, None], Y, np.nan), PRIOR, rotations=ROTATIONS, scale=unit,
                  visible=visible if masked else None, camera=camera, tilts=TILTS)  # fmt: skip
    cameras = [(np.eye(3) if camera is None else camera) @ tilted_camera(tilt) for tilt in TILTS]
    want = literal_loop(Y, PRIOR, ROTATIONS, None if unit is None else np.full(n, unit), visible, *cameras)
    for i, (_, k, least, t, s, a, shift) in enumerate(want):
        p, t = divmod(t, ROTATIONS)
        assert (result.component[i], result.tilt[i], result.theta[i]) == (k, TILTS[p], rotation_angles(ROTATIONS)[t])
        np.testing.assert_allclose(result.camera[i], cameras[p], atol=1e-15)
        np.testing.assert_allclose(result.scale[i], s, rtol=1e-8)
        np.testing.assert_allclose(result.cost[i], least, rtol=1e-7)
        pose = PRIOR.mu[k] + np.einsum("j,jcl->cl", a, PRIOR.e[k])
        Y_hat = project(pose, result.theta[i], scale=s, camera=cameras[p]) + shift[:, None]
        np.testing.assert_allclose(result.Y_hat[i], Y_hat, atol=1e-7 * (unit or 40))


@pytest.mark.parametrize("refine", [False, "parabola", "least squares"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("n", "rotations", "dtype"), [(6, 40, "float64"), (6, 200, "float64"), (400, 40, "float32")])
@pytest.mark.parametrize("scale", [1.0, None])
def test_of_every_camera_by_itself_the_cheapest_wins(scale, n, rotations, dtype, weighted, refine):
    if refine == "least squares" and n > 6:
        n = 20
    prior, Y = PRIOR.subset(components=[0]), seen_by_tilted(n)
    weights = np.random.default_rng(2).uniform(0.2, 1.5, (n, 6)) if weighted else None
    options = {"scale": scale, "weights": weights, "rotations": rotations}
    result = lift(Y.astype(dtype), prior, tilts=TILTS.tolist(), refine=refine, **options)
    apart = [lift(Y.astype(dtype).astype(float), prior, camera=tilted_camera(tilt), **options) for tilt in TILTS]
    best = np.argmin([one.cost for one in apart], axis=0)
    np.testing.assert_allclose(result.tilt, TILTS[best], rtol=1e-6)
    assert result.tilt.dtype == result.camera.dtype == dtype and len(np.unique(best)) > 2
    chosen = [lift(Y[i : i + 1].astype(dtype).astype(float), prior, camera=tilted_camera(TILTS[best[i]]), refine=refine,
                   **options | {"weights": None if weights is None else weights[i]}) for i in range(n)]  # fmt: skip
    loose = 1e-8 if dtype == "float64" else 1e-2 if refine else 2e-4
    for field in ("theta", "a", "scale", "cost", "pose"):
        wanted = np.concatenate([getattr(one, field) for one in chosen])
        np.testing.assert_allclose(getattr(result, field), wanted, rtol=loose, atol=loose)


@pytest.mark.parametrize("scale", [1.0, None])
def test_the_jacobian_at_a_tilt_is_autograds_and_the_central_difference(scale):
    Y, h = seen_by_tilted(8), 1e-6
    options = {"scale": scale, "rotations": ROTATIONS, "tilts": TILTS}
    result = lift(Y, PRIOR, **options)
    assert len(np.unique(result.tilt)) > 2
    steps = h * np.eye(12).reshape(12, 1, 2, 6)
    ahead, behind = (lift(Y + sign * steps, PRIOR, **options) for sign in (1, -1))
    stays = np.all((ahead.tilt == result.tilt) & (behind.tilt == result.tilt) & (ahead.theta == behind.theta)
                   & (ahead.component == behind.component), axis=0)  # fmt: skip
    assert stays.all()
    difference = ((ahead.Y_hat - behind.Y_hat) / (2 * h)).reshape(12, 8, 12)
    H = landmark_jacobian(result, PRIOR, centred=False)
    np.testing.assert_allclose(H, difference.transpose(1, 2, 0), atol=1e-8)
    for i in range(8):
        J = torch.autograd.functional.jacobian(lambda Y: lift(Y, PRIOR, **options).Y_hat, torch.tensor(Y[i]))
        np.testing.assert_allclose(H[i], J.reshape(12, 12), atol=1e-10)


def test_tilts_in_batches_of_any_shape():
    Y = seen_by_tilted(6)
    flat, one = (lift(Y, PRIOR, rotations=ROTATIONS, tilts=tilts) for tilts in (TILTS, TILTS[:1]))
    for shape in ((2, 3), (6, 1), (3, 0), ()):
        some = Y[:1] if shape == () else Y[: math.prod(shape)]
        result = lift(torch.tensor(some.reshape(*shape, 2, 6)), PRIOR, rotations=ROTATIONS, tilts=TILTS)
        assert tuple(result.tilt.shape) == shape and tuple(result.camera.shape) == (*shape, 3, 3)
        np.testing.assert_allclose(result.pose.reshape(-1, 3, 6), flat.pose[: len(some)], atol=1e-9)
    known = lift(Y, PRIOR, rotations=ROTATIONS, camera=tilted_camera(TILTS[0]))
    np.testing.assert_allclose(known.pose, one.pose, atol=1e-12)
    assert np.all(one.tilt == TILTS[0]) and np.all(known.tilt == 0)


# Invariances


@settings(max_examples=15)
@given(unit=st.floats(-6, 6).map(lambda power: 10.0**power), x=st.floats(-10, 10), y=st.floats(-10, 10))
def test_any_unit_and_any_place(unit, x, y):
    Y, shift = landmarks(10), np.array([[x], [y]])
    here, there = (lift(points, PRIOR, rotations=ROTATIONS, scale=None) for points in (Y, unit * (Y + shift)))
    np.testing.assert_array_equal(there.theta, here.theta)
    np.testing.assert_array_equal(there.component, here.component)
    np.testing.assert_allclose(there.scale, unit * here.scale, rtol=1e-8)
    np.testing.assert_allclose(there.a, here.a, atol=1e-8)
    np.testing.assert_allclose(there.cost, unit**2 * here.cost, rtol=1e-6)
    np.testing.assert_allclose(there.pose[:, :2], unit * (here.pose[:, :2] + shift), atol=1e-8 * unit)
    np.testing.assert_allclose(there.pose[:, 2], unit * here.pose[:, 2], atol=1e-8 * unit)


def test_masks():
    Y, mask = landmarks(12), np.array([True, False, True, True, True, True])
    plain, all_true = lift(Y, PRIOR), lift(Y, PRIOR, visible=np.ones(6, bool))
    one, each = lift(Y, PRIOR, visible=mask), lift(Y, PRIOR, visible=np.tile(mask, (12, 1)))
    as_list = lift(Y, PRIOR, visible=mask.tolist())
    broadcast = lift(Y, PRIOR, visible=np.broadcast_to(mask, (12, 6)))
    spoilt = np.where(mask, Y, np.inf)
    ignored = lift(spoilt, PRIOR, visible=mask)
    for field in Lifted._fields:
        np.testing.assert_array_equal(getattr(all_true, field), getattr(plain, field))
        for other in (each, as_list, broadcast, ignored):
            np.testing.assert_array_equal(getattr(other, field), getattr(one, field))
    assert not np.array_equal(one.a, plain.a)
    assert np.isinf(spoilt[0, 0, 1]) and np.all(np.isfinite(ignored.pose))


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_mask_of_a_result_is_its_own(backend):
    Y, mask = BACKENDS[backend](landmarks(2)), BACKENDS[backend](np.array([[True] * 6, [True] * 5 + [False]]))
    result, everything = lift(Y, PRIOR, visible=mask), lift(Y, PRIOR)
    mask[0, 0] = everything.visible[0, 0] = False
    assert to_numpy(result.visible).sum() == to_numpy(everything.visible).sum() == 11


# Shapes, dtypes, libraries


@settings(max_examples=25)
@given(backend=st.sampled_from(sorted(BACKENDS)), dtype=st.sampled_from([np.float32, np.float64]),
       batch=st.sampled_from([(), (0,), (1,), (5,), (2, 3), (2, 1, 2), (3, 0)]), scale=st.sampled_from([1.0, None]),
       masked=st.booleans(), refine=st.sampled_from([False, "parabola", "least squares"]),
       rotations=st.sampled_from([ROTATIONS, 200]))  # fmt: skip
def test_batches_are_frames_one_by_one(backend, dtype, batch, scale, masked, refine, rotations):
    as_given, count = BACKENDS[backend], math.prod(batch)
    Y = landmarks(6)[:count].reshape(*batch, 2, PRIOR.L).astype(dtype)
    visible = random_masks(np.random.default_rng(0), 6, PRIOR.L, least=5)[:count].reshape(*batch, PRIOR.L)
    before, arguments = Y.copy(), {"rotations": rotations, "scale": scale, "refine": refine}
    given_mask = as_given(visible) if masked else None
    result = lift(as_given(Y), PRIOR, visible=given_mask, **arguments)
    tails = {"R": (3, 3), "a": (3,), "Y_hat": (2, 6), "pose": (3, 6), "visible": (6,), "weights": (6,)}
    others = {"component": np.array(0), "visible": np.array(True), "usable": np.array(True)}
    assert result.free_scale is (scale is None) and tuple(result.camera.shape) == (3, 3)
    for field, value in result._asdict().items():
        if field in ("camera", "free_scale"):
            continue
        tail = tails.get(field, ())
        assert type(value) is type(as_given(Y)) and tuple(value.shape) == (*batch, *tail)
        assert value.dtype == as_given(others.get(field, Y)).dtype
    np.testing.assert_array_equal(to_numpy(result.visible), visible if masked else np.ones_like(visible))
    np.testing.assert_array_equal(Y, before)
    for index in np.ndindex(batch):
        mask = visible[index] if masked else None
        alone = lift(Y[index].astype(np.float64), PRIOR, visible=mask, **arguments)
        assert to_numpy(result.component)[index] == alone.component
        for field in ("theta", "a", "scale", "cost", "pose"):
            got = to_numpy(getattr(result, field))[index]
            loose = 1e-2 if dtype == np.float32 and refine else 1e-4 if dtype == np.float32 else 1e-8
            np.testing.assert_allclose(got, getattr(alone, field), rtol=loose, atol=loose)


@pytest.mark.parametrize("options", [{}, {"scale": None}, {"tilts": np.radians([0.0, 15, 30])},
                                     {"scale": None, "camera": tilted_camera(0.2), "rotations": 160}])  # fmt: skip
@pytest.mark.parametrize("count", [1, 7, FEW, FEW + 1])
def test_few_frames_are_searched_alike_in_numpy_and_in_torch(count, options):
    Y = landmarks(count, noise=0.05)
    ours, theirs = lift(Y, PRIOR, **options), lift(torch.tensor(Y), PRIOR, **options)
    for field, value in ours._asdict().items():
        np.testing.assert_allclose(value, getattr(theirs, field), rtol=1e-9, atol=1e-12, err_msg=field)


@pytest.mark.parametrize("count", [2, 3, 300])
@pytest.mark.parametrize("spoilt", [np.nan, 1.0])  # no numbers, or a single point
@pytest.mark.parametrize("backend", BACKENDS)
def test_one_frame_alone_can_be_lifted(backend, count, spoilt):
    Y = np.full((count, 2, PRIOR.L), spoilt)
    Y[1] = landmarks(1)[0]
    result, alone = lift(BACKENDS[backend](Y), PRIOR, scale=None, unusable="nan"), lift(Y[1], PRIOR, scale=None)
    np.testing.assert_array_equal(to_numpy(result.usable), np.arange(count) == 1)
    np.testing.assert_allclose(to_numpy(result.pose)[1], alone.pose, rtol=1e-9)
    assert np.isnan(to_numpy(result.theta)[0]) and result.component[0] == -1


def test_another_default_device_changes_nothing():
    points = np.ones((2, 2, PRIOR.L))
    with torch.device("meta"):
        assert not lift(points, PRIOR, scale=None, unusable="nan").usable.any()
        with refuses("Y: got frame 0, whose visible landmarks are one point"):
            lift(points, PRIOR, scale=None)


def test_nothing_of_the_table_is_given_away():
    Y = landmarks(3)
    first = lift(Y, PRIOR)
    kept = {field: np.copy(value) for field, value in first._asdict().items()}
    for value in first._asdict().values():
        if isinstance(value, np.ndarray) and value.dtype == float:
            value += 1
    for field, value in lift(Y, PRIOR)._asdict().items():
        np.testing.assert_array_equal(value, kept[field], err_msg=field)


def test_float32_finds_the_same_winners():
    Y = landmarks(3000, noise=0.3).astype(np.float32)
    for scale in (1.0, None):
        single, exact = lift(Y, PRIOR, scale=scale), lift(Y.astype(np.float64), PRIOR, scale=scale)
        same = (single.component == exact.component) & np.isclose(single.theta, exact.theta, atol=1e-5)
        # Where rounding of Y itself decides, what float32 chose costs the same but for that rounding
        k = single.component
        chosen = solve_at(centre(Y.astype(float)), PRIOR.gaussian(k), single.theta, scale=scale)
        assert same.mean() > 0.999
        np.testing.assert_allclose(chosen.cost[k == exact.component], exact.cost[k == exact.component], rtol=1e-4)


def test_arrays_in_any_layout_without_a_warning():
    Y = landmarks(8)
    frozen = Y.copy()
    frozen.setflags(write=False)
    backwards = np.ascontiguousarray(Y[:, :, ::-1])[:, :, ::-1]
    transposed = np.asfortranarray(Y)
    want = lift(Y, PRIOR, rotations=ROTATIONS)
    strided = torch.tensor(np.repeat(Y, 2, axis=2))[..., ::2]
    for layout in (frozen, backwards, transposed, np.repeat(Y, 2, axis=0)[::2], strided):
        np.testing.assert_allclose(to_numpy(lift(layout, PRIOR, rotations=ROTATIONS).pose), want.pose, atol=1e-12)
    same = lift(np.broadcast_to(Y[0], (4, 2, 6)), PRIOR, rotations=ROTATIONS)
    np.testing.assert_allclose(same.pose, np.broadcast_to(want.pose[0], (4, 3, 6)), atol=1e-12)


def test_lists_and_integers_become_float64():
    Y = np.round(100 * landmarks(3))
    want = lift(Y, PRIOR, rotations=ROTATIONS, scale=100.0)
    for given_as in (Y.tolist(), Y.astype(np.int32)):
        result = lift(given_as, PRIOR, rotations=ROTATIONS, scale=100)
        assert result.pose.dtype == np.float64
        np.testing.assert_array_equal(result.pose, want.pose)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("rotations", [80, 977])
def test_on_a_gpu(rotations):
    Y = torch.tensor(landmarks(500), device="cuda")
    scale, mask = torch.full((500,), 1.1, device="cuda"), torch.ones(6, dtype=torch.bool, device="cuda")
    mask[2] = False
    result = lift(Y, PRIOR, rotations=rotations, scale=scale, visible=mask, camera=torch.tensor(CAMERA, device="cuda"))
    want = lift(Y.cpu(), PRIOR, rotations=rotations, scale=1.1, visible=mask.cpu(), camera=CAMERA)
    for got, on_cpu in zip(result, want, strict=True):
        assert got.device.type == "cuda"
        torch.testing.assert_close(got.cpu(), on_cpu, rtol=1e-6, atol=1e-8)


# Gradients


@pytest.mark.parametrize("variant", [{}, {"scale": None}, {"scale": 40.0, "camera": CAMERA},
                                     {"scale": None, "visible": np.arange(6) != 2}], ids=str)  # fmt: skip
def test_autograd_is_the_central_difference_away_from_switches(variant):
    Y, h = 40 * landmarks(1, seed=5)[0] if "scale" in variant else landmarks(1, seed=5)[0], 1e-5
    steps = h * np.eye(12).reshape(12, 2, 6)
    nearby = lift(np.stack([Y + steps, Y - steps]), PRIOR, rotations=ROTATIONS, **variant)
    here = lift(Y, PRIOR, rotations=ROTATIONS, **variant)
    assert np.all(nearby.theta == here.theta) and np.all(nearby.component == here.component)
    weights = np.random.default_rng(0)
    for field in ("pose", "Y_hat", "a", "scale", "cost"):
        points = torch.tensor(Y, requires_grad=True)
        value = getattr(lift(points, PRIOR, rotations=ROTATIONS, **variant), field)
        w = weights.normal(size=tuple(value.shape))
        difference = getattr(nearby, field)
        want = np.array([np.sum(w * (difference[0, i] - difference[1, i])) for i in range(12)]) / (2 * h)
        if value.requires_grad:
            (value * torch.tensor(w)).sum().backward()
            np.testing.assert_allclose(points.grad.numpy().ravel(), want, rtol=1e-5, atol=1e-7)
        else:
            assert field == "scale" and variant.get("scale", 1.0) is not None
            np.testing.assert_array_equal(want, 0)


@pytest.mark.parametrize("options", [{}, {"weights": np.array([1, 0.5, 2, 0, 1, 1])}, {"refine": True},
                                     {"tilts": TILTS}, {"camera": CAMERA, "visible": np.arange(6) != 3}],
                         ids=str)  # fmt: skip
@pytest.mark.parametrize("shape", [(), (1,), (2,), (3, 1), (3, 2)], ids=str)
def test_autograd_by_the_scale_is_the_central_difference(shape, options):
    Y, h = torch.tensor(landmarks(6).reshape(3, 2, 2, 6)), 1e-6
    scale = torch.tensor(np.random.default_rng(1).uniform(0.9, 1.1, shape), requires_grad=True)
    options = options | {"rotations": ROTATIONS}
    here = lift(Y, PRIOR, scale=scale, **options)
    with torch.no_grad():
        at = here.theta
    rng = np.random.default_rng(0)
    for field in ("pose", "Y_hat", "a", "scale", "cost", "misfit"):
        value = getattr(here, field)
        w = torch.tensor(rng.normal(size=tuple(value.shape)))
        (gradient,) = torch.autograd.grad((w * value).sum(), scale, retain_graph=True)
        for place in np.ndindex(shape):
            step = torch.zeros(shape, dtype=torch.float64)
            step[place] = h
            # a refined angle moves with the scale, and autograd holds it still: so does the readable solution
            ahead, behind = (_at_angle(Y, scale.detach() + sign * step, at, here, options) for sign in (1, -1))
            want = ((w * (ahead[field] - behind[field])).sum() / (2 * h)).item()
            np.testing.assert_allclose(gradient[place].item(), want, rtol=1e-5, atol=1e-6)


def _at_angle(Y, scale, theta, found, options):
    """The solution of eq. (2) at given angles and components, from the readable functions."""
    weights = options.get("weights", 1.0 * options.get("visible", np.ones(6, bool)))
    Y, theta, s = Y.numpy(), theta.numpy(), np.broadcast_to(scale.numpy(), theta.shape)
    weights, camera = np.broadcast_to(weights, (*theta.shape, 6)), found.camera.numpy()
    k, gaussian = found.component.numpy(), PRIOR.gaussian(found.component.numpy())
    at = solve_at(centre(Y, weights), gaussian, theta, scale=s, weights=weights, camera=camera)
    body = gaussian.mu + (at.a[..., None, None] * gaussian.e).sum(-3)
    pose = s[..., None, None] * (camera @ rotation(theta) @ body)
    share = weights / weights.sum(-1, keepdims=True)
    pose[..., :2, :] += ((Y - pose[..., :2, :]) * share[..., None, :]).sum(-1, keepdims=True)
    count = np.where(weights > 0, np.maximum(weights, 1), 0).sum(-1)
    relative = at.cost / (s**2 * PRIOR.noise_variance[k] * (2 * count - 2))
    values = {"pose": pose, "Y_hat": pose[..., :2, :], "a": at.a, "scale": s, "cost": at.cost, "misfit": relative}
    return {field: torch.tensor(value) for field, value in values.items()}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"camera": torch.eye(3, requires_grad=True)},
            "camera: got a tensor that requires grad, expected one that doesn",
        ),
        (
            {"tilts": torch.zeros(2, requires_grad=True)},
            "tilts: got a tensor that requires grad, expected one that doesn",
        ),
        ({"weights": torch.ones(6, requires_grad=True)}, "weights: got a tensor that requires grad, expected one that"),
    ],
)
def test_what_is_not_differentiated_says_so(options, message):
    with refuses(message):
        lift(torch.tensor(landmarks(2)), PRIOR, **options)
    lift(torch.tensor(landmarks(2)), PRIOR, **{name: value.detach() for name, value in options.items()})


# Refinement


@pytest.mark.parametrize("variant", [{}, {"scale": None}, {"scale": None, "camera": CAMERA, "masked": True}], ids=str)
def test_refinement_approaches_ten_thousand_rotations(variant):
    prior, variant = random_prior(1, K=1, J=2, L=6), dict(variant)
    visible = np.arange(6) != 2 if variant.pop("masked", False) else None
    arguments = variant | {"visible": visible}
    Y = landmarks(40, prior=prior, noise=0.02)
    coarse, fine = lift(Y, prior, rotations=40, **arguments), lift(Y, prior, rotations=10_000, **arguments)
    parabola, exact = (lift(Y, prior, rotations=40, refine=how, **arguments) for how in ("parabola", "least squares"))
    assert np.all(parabola.cost <= coarse.cost * (1 + 1e-12)) and np.all(exact.cost <= coarse.cost * (1 + 1e-12))
    same_valley = np.abs((fine.theta - coarse.theta + math.pi) % (2 * math.pi) - math.pi) < 2 * math.pi / 40
    assert same_valley.mean() > 0.9
    excess = [float(np.mean((result.cost - fine.cost)[same_valley])) for result in (coarse, parabola, exact)]
    assert excess[1] < 0.1 * excess[0] and excess[2] <= 1e-9
    step = np.abs((exact.theta - fine.theta + math.pi) % (2 * math.pi) - math.pi)[same_valley]
    assert step.max() < 2 * math.pi / 10_000
    np.testing.assert_array_equal(lift(Y, prior, rotations=40, refine=True, **arguments).theta, parabola.theta)


def test_a_refined_angle_is_held_fixed_by_autograd():
    Y = torch.tensor(landmarks(1)[0], requires_grad=True)
    result = lift(Y, PRIOR, rotations=ROTATIONS, refine=True)
    assert not result.theta.requires_grad
    k = int(result.component)
    _, E = projected_model(PRIOR.mu[k], PRIOR.e[k], float(result.theta))
    H = E @ truncated_pseudo_inverse(E, PRIOR.sigma[k])
    g = np.random.default_rng(0).normal(size=12)
    (result.Y_hat.reshape(-1) * torch.tensor(g)).sum().backward()
    mean = np.kron(np.eye(2), np.full((6, 6), 1 / 6))
    np.testing.assert_allclose(Y.grad.reshape(-1), (H + mean) @ g, atol=1e-12)


# Real people


def test_real_people_from_two_dimensions():
    prior, poses = load_prior(), load_motion_capture().poses[::100]
    poses = poses[trunk_lean(poses) < 60]  # R turns upright people
    turned = rotation(np.linspace(0, 6, len(poses))) @ poses
    result = lift(turned[:, :2] * 300 + 1000, prior, rotations=40, scale=None)
    pose = centre(result.pose) / 300
    assert np.median(np.linalg.norm(pose - turned, axis=1).mean(axis=-1)) < 0.08  # metres
    np.testing.assert_allclose(result.scale / 300, 1, atol=0.5)


# Bad input


Y0 = landmarks(2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: lift("Y", PRIOR), "Y: got str of dtype <U1, expected a NumPy array or a torch tensor"),
        (lambda: lift(Y0, None), "prior: got NoneType, expected a PosePrior, as from load_prior"),
        (lambda: lift(None, PRIOR), "Y: got NoneType of dtype object, expected"),
        (lambda: lift([[1.0], [1.0, 2.0]], PRIOR), "Y: got a ragged sequence, expected"),
        (lambda: lift(Y0.astype(complex), PRIOR), "Y: got ndarray of dtype complex128, expected"),
        (lambda: lift(Y0.astype(np.float16), PRIOR), "Y: got dtype float16, expected float32 or float64"),
        (lambda: lift(Y0.astype(">f8"), PRIOR), "Y: got dtype >f8, expected float32 or float64"),
        (lambda: lift(torch.tensor(Y0).half(), PRIOR), "Y: got dtype torch.float16, expected float32 or float64"),
        (lambda: lift(torch.tensor(Y0).bfloat16(), PRIOR), "Y: got dtype torch.bfloat16, expected float32 or float64"),
        (lambda: lift(torch.tensor(Y0).int(), PRIOR), "Y: got a tensor of torch.int32, expected"),
        (lambda: lift(Y0[..., :5], PRIOR), "Y: got shape (2, 2, 5), expected shape (..., 2, 6)"),
        (lambda: lift(Y0[0].T, PRIOR), "Y: got shape (6, 2), expected shape (..., 2, 6)"),
        (lambda: lift(np.full((2, 6), np.nan), PRIOR),
         "Y: got a frame with 12 NaN or infinite of 12 values, expected finite"),
        (lambda: lift(np.full((2, 6), np.inf), PRIOR, visible=np.arange(6) < 3),
         "Y: got a frame with 6 NaN or infinite of 12 values, expected finite numbers"),
        (lambda: lift(Y0, PRIOR, rotations=0), "rotations: got 0, expected a whole number >= 1"),
        (lambda: lift(Y0, PRIOR, rotations=80.0), "rotations: got 80.0 (float), expected a whole number >= 1"),
        (lambda: lift(Y0, PRIOR, rotations=True), "rotations: got True (bool), expected a whole number >= 1"),
        (lambda: lift(Y0, PRIOR, rotations=2, refine=True), "rotations: got 2, expected a whole number >= 3"),
        (lambda: lift(Y0, PRIOR, scale=0), "scale: got 0.0, expected numbers > 0"),
        (lambda: lift(Y0, PRIOR, scale=[1.0, -2.0]), "scale: got -2.0, expected numbers > 0"),
        (lambda: lift(Y0, PRIOR, scale=np.nan), "scale: got 1 NaN or infinite of 1 values, expected finite numbers"),
        (lambda: lift(Y0, PRIOR, scale="free"), "scale: got str of dtype <U4, expected"),
        (lambda: lift(Y0, PRIOR, scale=np.ones(3)),
         "scale: got shape (3,), expected one number, or one per frame: shape (2,)"),
        (lambda: lift(Y0, PRIOR, visible=np.ones(6)),
         "visible: got an array of float64, expected an array of booleans"),
        (lambda: lift(Y0, PRIOR, visible=np.ones(5, bool)), "visible: got shape (5,), expected shape (2, 6) or (6,)"),
        (lambda: lift(Y0, PRIOR, visible=np.ones((3, 6), bool)),
         "visible: got shape (3, 6), expected shape (2, 6) or (6,)"),
        (lambda: lift(Y0, PRIOR, visible=np.arange(6) < 1),
         "visible: got frame 0 with 1 visible landmarks, expected at least 2, to fix what is solved for"),
        (lambda: lift(Y0, PRIOR, visible=np.arange(6) < 2, scale=None),
         "visible: got frame 0 with 2 visible landmarks, expected at least 3, to fix what is solved for"),
        (lambda: lift(Y0, PRIOR, camera=np.eye(2)), "camera: got shape (2, 2), expected shape (..., 3, 3)"),
        (lambda: lift(Y0, PRIOR, camera=-np.eye(3)), "camera: got a matrix with |C C^T - I| up to 0 and determinant"),
        (lambda: lift(Y0, PRIOR, camera="level"), "camera: got str of dtype <U5, expected"),
        (lambda: lift(Y0, PRIOR, tilts=[]), "tilts: got shape (0,), expected shape (P,) with P >= 1, radians"),
        (lambda: lift(Y0, PRIOR, tilts=0.3), "tilts: got shape (), expected shape (P,) with P >= 1, radians"),
        (lambda: lift(Y0, PRIOR, tilts=[[0.3]]), "tilts: got shape (1, 1), expected shape (P,) with P >= 1, radians"),
        (lambda: lift(Y0, PRIOR, tilts=[0, np.inf]), "tilts: got 1 NaN or infinite of 2 values, expected finite"),
        (lambda: lift(Y0, PRIOR, tilts="all"), "tilts: got str of dtype <U3, expected"),
        (lambda: lift(Y0, PRIOR, unusable="skip"), "unusable: got 'skip', expected 'raise' or 'nan'"),
        (lambda: lift(Y0, PRIOR, scale=torch.ones((), requires_grad=True)),
         "scale: got a tensor that requires grad, with landmarks in NumPy, expected landmarks as a tensor"),
        (lambda: lift(np.stack([Y0, np.where(Y0 < 0, Y0, np.nan)]), PRIOR),
         "Y: got frame (1, 0) with "),
        (lambda: lift(Y0, PRIOR, refine="newton"),
         "refine: got 'newton', expected False, True, 'parabola' or 'least squares'"),
        (lambda: lift(Y0, PRIOR, refine=None), "refine: got None, expected False, True, 'parabola' or 'least squares'"),
    ],
)  # fmt: skip
def test_bad_input(call, message):
    with refuses(message):
        call()


@pytest.mark.parametrize("value", [0.0, 0.1, 123.456, 1e6 / 3])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_single_point_has_no_scale(value, dtype):
    Y = np.stack([landmarks(1)[0], np.full((2, 6), value)]).astype(dtype)
    with refuses("Y: got frame 1, whose visible landmarks are one point, expected a person, to solve for the scale"):
        lift(Y, PRIOR, scale=None)
    assert np.all(np.isfinite(lift(Y, PRIOR).pose))


# Frames that can't be lifted


def with_unusable_frames(scale):
    """Landmarks (12, 2, 6), masks and scales, and which of the frames can be lifted: the others fail in every way."""
    Y, visible = 40 * landmarks(12), np.ones((12, 6), bool)
    scales, usable = np.full(12, 40.0), np.ones(12, bool)
    Y[1, 0, 3] = np.nan  # a value
    Y[4] = np.inf
    visible[6, 1:] = False  # a single landmark
    visible[7] = False
    Y[7] = np.nan
    Y[9, :, 2], visible[9, 2] = np.nan, False  # what is not seen does not count
    usable[[1, 4, 6, 7]] = False
    if scale is None:
        Y[2] = 7.5  # one point
        usable[2] = False
        visible[8, 2:] = False  # two landmarks don't fix a scale
        usable[8] = False
        return Y, visible, None, usable
    scales[10] = np.nan
    usable[10] = False
    return Y, visible, scales, usable


@pytest.mark.parametrize("options", [{}, {"refine": True}, {"tilts": TILTS}], ids=str)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("scale", ["per frame", None])
def test_unusable_frames_are_left_out_and_the_others_don_t_notice(scale, backend, dtype, options):
    Y, visible, scales, usable = with_unusable_frames(scale)
    as_given, shape = BACKENDS[backend], (3, 4)
    Y, scales = Y.astype(dtype), None if scales is None else scales.astype(dtype)
    options = options | {"rotations": ROTATIONS}
    rest = lift(as_given(Y[usable]), PRIOR, visible=as_given(visible[usable]),
                scale=None if scales is None else as_given(scales[usable]), **options)  # fmt: skip
    result = lift(as_given(Y.reshape(*shape, 2, 6)), PRIOR, visible=as_given(visible.reshape(*shape, 6)),
                  scale=None if scales is None else as_given(scales.reshape(shape)), unusable="nan",
                  **options)  # fmt: skip
    np.testing.assert_array_equal(to_numpy(result.usable), usable.reshape(shape))
    for field, value in result._asdict().items():
        if field == "free_scale" or (field == "camera" and value.ndim < 3):
            continue
        value, wanted = to_numpy(value), to_numpy(getattr(rest, field))
        assert value.dtype == wanted.dtype and value.shape == (*shape, *wanted.shape[1:])
        value = value.reshape(12, *wanted.shape[1:])
        np.testing.assert_array_equal(value[usable], wanted)
        blank = {"component": -1, "visible": False, "usable": False, "weights": 0}.get(field, np.nan)
        np.testing.assert_array_equal(value[~usable], np.full_like(value[~usable], blank))


def test_by_default_an_unusable_frame_is_named():
    Y, visible, scales, _ = with_unusable_frames("per frame")
    with refuses("scale: got 1 NaN or infinite of 12 values"):
        lift(Y, PRIOR, visible=visible, scale=scales)
    with refuses("Y: got frame 1 with 1 NaN or infinite of 12 values, expected finite numbers"):
        lift(Y, PRIOR, visible=visible, scale=40.0)
    with refuses("visible: got frame (3, 0) with 1 visible landmarks, expected at least 2"):
        lift(np.nan_to_num(Y, posinf=1.0).reshape(6, 2, 2, 6), PRIOR, visible=visible.reshape(6, 2, 6), scale=40.0)


def test_a_weight_that_is_not_finite_and_a_person_upside_down_are_unusable():
    mu = PRIOR.mu.copy()
    mu[:, 1] = np.linspace(-2, 2, 6)
    stiff = PosePrior(mu, PRIOR.e, 100 * PRIOR.sigma, PRIOR.noise_variance, PRIOR.weights)
    Y, weights = np.repeat(mu[:1, :2], 4, axis=0), np.full((4, 6), 0.5)
    Y[1] *= [[1], [-1]]
    weights[2, 3] = np.nan
    for rotations in (80, 200):
        result = lift(Y, stiff, scale=None, weights=weights, rotations=rotations, unusable="nan")
        assert result.usable.tolist() == [True, False, False, True]
        alone = lift(Y[0], stiff, scale=None, weights=weights[0], rotations=rotations)
        np.testing.assert_allclose(result.pose[[0, 3]], [alone.pose] * 2, atol=1e-12)
    with refuses("weights: got -0.5, expected numbers >= 0"):
        lift(Y, stiff, weights=-weights, unusable="nan")


def test_nothing_but_unusable_frames():
    for Y in (np.full((2, 6), np.nan), np.full((2, 2, 6), np.nan), np.zeros((0, 2, 6))):
        result = lift(Y, PRIOR, scale=None, unusable="nan")
        assert not result.usable.any() and np.isnan(result.pose).all() and np.all(result.component == -1)
        assert np.isnan(landmark_jacobian(result, PRIOR)).all()


def test_gradients_and_jacobians_beside_unusable_frames():
    Y, visible, _, usable = with_unusable_frames(None)
    points = torch.tensor(Y, requires_grad=True)
    result = lift(points, PRIOR, scale=None, visible=visible, unusable="nan")
    result.pose[result.usable].square().sum().backward()
    alone = torch.tensor(Y[usable], requires_grad=True)
    lift(alone, PRIOR, scale=None, visible=visible[usable]).pose.square().sum().backward()
    np.testing.assert_allclose(points.grad[usable], alone.grad, rtol=1e-9, atol=1e-9)
    assert (points.grad[~usable] == 0).all()
    H = landmark_jacobian(result, PRIOR, centred=False)
    assert torch.isnan(H[~usable]).all()
    wanted = landmark_jacobian(lift(Y[usable], PRIOR, scale=None, visible=visible[usable]), PRIOR, centred=False)
    np.testing.assert_allclose(H[usable], wanted, atol=1e-10)
