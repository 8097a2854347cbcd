"""A prior turned to T angles: the matrices of (4) to (8) once, against `solve` and `landmark_gradient` one by one."""

import dataclasses

import numpy as np
import pytest

from lifting import landmark_jacobian, lift
from lifting.camera import rotation_angles, tilted_camera, turn
from lifting.landmark_gradient import landmark_model
from lifting.solve import centre, projected_model, search, solve_at, unwrap
from lifting.turned import other_valley, search_around, turn_prior
from tests.priors import random_prior
from tests.refusals import refuses

PRIOR, CAMERA = random_prior(4, K=3), tilted_camera(0.3)
WEIGHTS = np.array([1.0, 0, 0.25, 2, 1, 1])
VARIANTS = [{"free_scale": free, "weights": weights, "camera": camera}
            for free in (False, True) for weights in (None, WEIGHTS) for camera in (None, CAMERA)]  # fmt: skip


@pytest.mark.parametrize("camera", [None, CAMERA])
@pytest.mark.parametrize("free", [False, True])
def test_tilts_are_one_turned_prior_after_the_other(free, camera):
    tilts = (0.4, 0.0, -0.2)
    turned = turn_prior(PRIOR, 7, free_scale=free, camera=camera, tilts=tilts)
    eye = np.eye(3) if camera is None else camera
    alone = [turn_prior(PRIOR, 7, free_scale=free, camera=eye @ tilted_camera(tilt)) for tilt in tilts]
    assert turned.rotations == 7 and turned.theta.shape == (21,)
    assert turned is turn_prior(PRIOR, 7, free_scale=free, camera=camera, tilts=np.array(tilts))
    for field in ("theta", "p", "D", "gram", "depth"):
        wanted = np.concatenate([getattr(one, field) for one in alone], axis=0 if field == "theta" else 1)
        np.testing.assert_allclose(getattr(turned, field), wanted, atol=1e-13)
    for got, *wanted in zip(turned.model, *(one.model for one in alone), strict=True):
        np.testing.assert_allclose(got, np.concatenate(wanted, axis=1), atol=1e-11)
    weighted = turned.with_weights(WEIGHTS)
    assert weighted is turn_prior(PRIOR, 7, free_scale=free, camera=camera, tilts=tilts, weights=WEIGHTS)
    Y = PRIOR.mu[0, :2] + 0.1 * np.random.default_rng(3).standard_normal((2, 6))
    found = search_around(Y, turned, 7)
    wanted = search(centre(Y), PRIOR, turned.theta, scale=None if free else 1.0, camera=turned.cameras)
    assert (found.component, found.angle) == (wanted.component, wanted.angle)
    np.testing.assert_allclose(found.cost[found.angle], wanted.cost)


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_angle_is_what_solve_gives_there(variant):
    turned = turn_prior(PRIOR, 7, **variant)
    options = {name: variant[name] for name in ("weights", "camera")}
    Y = 3.0 * np.random.default_rng(0).normal(size=(2, 6))
    y = unwrap(centre(Y, variant["weights"]))
    unknowns, costs = turned.solve(y)
    for k in range(PRIOR.K):
        for t, theta in enumerate(rotation_angles(7)):
            p, E = projected_model(PRIOR.mu[k], PRIOR.e[k], theta, **options)
            want = np.column_stack([p, E]) if variant["free_scale"] else E
            np.testing.assert_allclose(turned.D[k, t], want, atol=1e-14)
            scale = None if variant["free_scale"] else 1.0
            solution = solve_at(centre(Y, variant["weights"]), PRIOR.gaussian(k), theta, scale=scale, **options)
            np.testing.assert_allclose(costs[k, t], solution.cost, rtol=1e-9)
            b = solution.scale * solution.a
            found = unknowns[k, t][1:] if variant["free_scale"] else unknowns[k, t]
            np.testing.assert_allclose(found, b, rtol=1e-6, atol=1e-9)
            E_all, E_bar_t = landmark_model(PRIOR.gaussian(k), theta, free_scale=variant["free_scale"], **options)
            np.testing.assert_allclose(turned.model[0][k, t], E_all, atol=1e-14)
            np.testing.assert_allclose(turned.model[1][k, t], E_bar_t, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("free", [False, True])
def test_depth_is_the_third_row_of_what_is_turned(free):
    turned = turn_prior(PRIOR, 5, free_scale=free, camera=CAMERA)
    bodies = np.concatenate([PRIOR.mu[:, None], PRIOR.e], axis=1) if free else PRIOR.e
    for t, theta in enumerate(rotation_angles(5)):
        want = turn(bodies, np.full(bodies.shape[:2], theta), CAMERA)[..., 2, :]
        np.testing.assert_allclose(turned.depth[:, t], want.swapaxes(-1, -2), atol=1e-14)


def test_another_ridge_takes_the_place_of_the_priors_own():
    turned, y = turn_prior(PRIOR, 6), np.random.default_rng(1).normal(size=12)
    y = unwrap(centre(y.reshape(2, 6)))
    _, costs = turned.solve(y, 3 * PRIOR.sigma)
    stiff = PRIOR.gaussian(0)._replace(sigma=3 * PRIOR.sigma[0])
    np.testing.assert_allclose(costs[0], solve_at(y.reshape(2, 6), stiff, rotation_angles(6)).cost, rtol=1e-9)


def test_the_same_turned_prior_is_made_once():
    assert turn_prior(PRIOR, 7, camera=CAMERA) is turn_prior(PRIOR, 7, camera=CAMERA.tolist())
    assert turn_prior(PRIOR, 7) is not turn_prior(PRIOR, 7, free_scale=True)
    assert turn_prior(PRIOR, 7, weights=np.ones(6, bool)) is turn_prior(PRIOR, 7, weights=np.ones(6))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: turn_prior(PRIOR, 0), "rotations: got 0, expected a whole number >= 1"),
        (lambda: turn_prior("prior"), "prior: got str, expected a PosePrior"),
        (lambda: turn_prior(PRIOR, weights=np.ones(5)), "weights: got shape (5,), expected shape (6,)"),
        (lambda: turn_prior(PRIOR, weights=np.ones((2, 6))), "weights: got shape (2, 6), expected shape (6,)"),
        (lambda: turn_prior(PRIOR, weights=np.zeros(6)), "weights: got a frame that shows no landmark, expected"),
        (lambda: turn_prior(PRIOR, camera=-np.eye(3)), "camera: got a matrix with |C C^T - I| up to 0"),
        (lambda: turn_prior(PRIOR, tilts=[]), "tilts: got shape (0,), expected shape (P,)"),
        (lambda: turn_prior(PRIOR, tilts=[0.0, np.nan]), "tilts: got 1 NaN or infinite of 2 values"),
        (lambda: turn_prior(PRIOR, 4).solve(np.ones(11)), "y: got shape (11,), expected shape (..., 12)"),
        (lambda: turn_prior(PRIOR, 4).solve(np.ones(12), -PRIOR.sigma), "ridge: got -"),
        (lambda: turn_prior(PRIOR, 4).solve(np.ones(12), PRIOR.sigma[:2]), "ridge: got shape (2, 3), expected shape"),
    ],
)
def test_bad_input(call, message):
    with refuses(message):
        call()


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(("rotations", "factor"), [(6, 0.3), (24, 3.0), (12, 1.0)])
def test_the_winner_of_one_frame_is_that_of_the_reference(variant, rotations, factor):
    turned, changed = turn_prior(PRIOR, 24, **variant), dataclasses.replace(PRIOR, sigma=factor * PRIOR.sigma)
    weights, camera, free = variant["weights"], variant["camera"], variant["free_scale"]
    options = {"scale": None if free else 1.0, "weights": weights, "camera": camera}
    for Y in PRIOR.mu[0, :2] + 0.3 * np.random.default_rng(3).standard_normal((5, 2, 6)):
        found = search_around(Y, turned, rotations, factor)
        wanted = search(centre(Y, weights), changed, rotation_angles(rotations), **options)
        assert (found.component, found.angle) == (wanted.component, wanted.angle * (24 // rotations))
        np.testing.assert_allclose(found.cost[found.angle], wanted.cost)
        gaussian, theta = changed.gaussian(found.component), turned.theta[found.angle]
        there = solve_at(centre(Y, weights), gaussian, theta, **options)
        pose = turn(there.scale * (gaussian.mu + np.tensordot(there.a, gaussian.e, axes=1)), theta, camera)
        np.testing.assert_allclose(found.pose, pose, atol=1e-9)
        E, E_bar_t = landmark_model(gaussian, theta, free_scale=free, weights=weights, camera=camera)
        np.testing.assert_allclose(found.H, E @ E_bar_t, atol=1e-9)


@pytest.mark.filterwarnings("ignore::lifting.misfit.PoorFit")
@pytest.mark.parametrize("scale", [1.0, None])
def test_the_winner_of_one_frame_is_that_of_the_front_door(scale):
    turned, changed = turn_prior(PRIOR, 24, free_scale=scale is None), dataclasses.replace(PRIOR, sigma=2 * PRIOR.sigma)
    for Y in PRIOR.mu[0, :2] + 0.3 * np.random.default_rng(4).standard_normal((5, 2, 6)):
        found, wanted = search_around(Y, turned, 12, 2.0), lift(Y, changed, rotations=12, scale=scale)
        assert found.component == wanted.component
        np.testing.assert_allclose(turned.theta[found.angle], wanted.theta)
        np.testing.assert_allclose(found.pose[:2], centre(wanted.Y_hat), atol=1e-9)
        np.testing.assert_allclose(found.H, landmark_jacobian(wanted, changed), atol=1e-9)


def test_the_other_valley():
    costs = np.array([3.0, 1.0, 2.0, 5.0, 1.5, 4.0, 1.2, 6.0])
    assert other_valley(costs) == 6
    assert other_valley(np.array([1.0, 2.0, 3.0, 2.0])) == -1
    assert other_valley(np.array([0.0, 3.0, 2.0, 3.0, 4.0])) == 2


def test_bad_searches():
    turned, Y = turn_prior(PRIOR, 24), np.ones((2, 6))
    with pytest.raises(ValueError, match=r"rotations: got 7, expected a divisor of the 24 angles"):
        search_around(Y, turned, 7)
    with pytest.raises(ValueError, match=r"factor: got -1.0, expected a finite number > 0"):
        search_around(Y, turned, 12, -1.0)
    with pytest.raises(ValueError, match=r"Y: got shape \(2, 5\), expected shape \(2, 6\)"):
        search_around(Y[:, 1:], turned, 12)
    with pytest.raises(ValueError, match=r"Y: got landmarks that no rotation fits with a scale > 0, expected a person"):
        stiff = random_prior(0, K=1, J=1)
        search_around(-stiff.mu[0, :2], turn_prior(stiff, 24, free_scale=True), 12)
