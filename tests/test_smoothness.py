"""Where the mapping jumps, and its derivative with R free to turn: against loops, differences, autograd, SciPy."""

import json
import math
import re
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from scipy.optimize import minimize_scalar

from lifting.camera import rotation_angles, tilted_camera, turn
from lifting.checking import smoothness
from lifting.checking.jumps import moves, one_pixel_crossings, straddle, winners_over_plane
from lifting.checking.turning import (
    angle_gradient,
    follow_to_fold,
    refine_angle,
    refined_jacobian,
    solve_again,
    turning,
)
from lifting.datasets.motion_capture import load_motion_capture
from lifting.datasets.real_frames import load_real_frames, transform
from lifting.drawing import plots
from lifting.drawing.plots import winners
from lifting.fitting import default_prior
from lifting.fitting.default_prior import group_of
from lifting.front import landmark_jacobian, lift
from lifting.pose_prior import PosePrior, load_older_mixture
from lifting.solve import (
    centre,
    free_scale,
    projected_model,
    search,
    solve_at,
    truncated_pseudo_inverse,
    unwrap,
    weighted_mean,
    wrap,
)
from lifting.support.files import data_path
from tests.priors import random_prior

pytestmark = pytest.mark.usefixtures("one_thread")

SEEN = np.array([True] * 12 + [False] + [True] * 4)
WEIGHTS = np.where(SEEN, np.linspace(0.4, 2, 17), 0.0)
VARIANTS = {
    "known scale": {"scale": 20.0},
    "free scale": {"scale": None},
    "known scale, missing, tilted": {"scale": 20.0, "visible": SEEN, "camera": tilted_camera(0.3)},
    "free scale, missing, tilted": {"scale": None, "visible": SEEN, "camera": tilted_camera(0.3)},
    "known scale, weighted": {"scale": 20.0, "weights": WEIGHTS},
    "free scale, weighted, tilted": {"scale": None, "weights": WEIGHTS, "camera": tilted_camera(0.3)},
}


def weights_of(options):
    """How much each landmark counts."""
    return options.get("weights", options.get("visible", np.ones(17, dtype=bool)))


@pytest.fixture(scope="module")
def prior():
    return load_older_mixture()


@pytest.fixture(scope="module")
def sample():
    return smoothness.draw_sample()


@pytest.fixture(scope="module", params=list(VARIANTS))
def refined(request, prior, sample):
    """Real landmarks, how they are lifted, and the minimum over theta."""
    Y, options = sample.Y[::60], VARIANTS[request.param]
    result, arrived = refine_angle(Y, prior, lift(Y, prior, **options))
    assert arrived.all()
    return Y, options, result


def follow(Y, prior, result):
    """The same minimum over theta, for landmarks a little off."""
    moved, arrived = refine_angle(Y, prior, solve_again(Y, prior, result, result.theta))
    assert arrived.all()
    return moved


# --- where the winner changes ---


def test_a_plane_holds_the_winners_of_the_plain_search(prior, sample):
    Y = sample.Y[0]
    xs, ys = Y[0, 13] + np.arange(-8.0, 9, 4), Y[1, 13] + np.arange(-6.0, 7, 6)
    plane = winners_over_plane(Y, prior, 13, xs, ys)
    assert len(np.unique(plane.component)) > 1 and len(np.unique(plane.angle)) > 4
    for i, j in np.ndindex(3, 5):
        moved = Y.copy()
        moved[:, 13] = xs[j], ys[i]
        winner = search(centre(moved), prior, rotation_angles(80), scale=None)
        assert (plane.component[i, j], plane.angle[i, j]) == (winner.component, winner.angle)
        np.testing.assert_allclose(plane.cost[i, j], winner.cost)
        np.testing.assert_allclose(plane.Y_hat[i, j], lift(moved, prior, scale=None).Y_hat)


def test_a_plane_passes_on_how_to_lift(prior, sample):
    Y, options = sample.Y[5], {"scale": 21.0, "visible": SEEN, "camera": tilted_camera(0.2), "rotations": 40}
    plane = winners_over_plane(Y, prior, 3, Y[0, 3:4], Y[1, 3:4], **options)
    result = lift(Y, prior, **options)
    np.testing.assert_allclose(plane.Y_hat[0, 0], result.Y_hat, atol=1e-12)
    assert plane.theta[0, 0] == result.theta == rotation_angles(40)[plane.angle[0, 0]]


@pytest.fixture(scope="module")
def ends(prior, sample):
    """A left wrist moved 12 pixels to the left: other angles, and other components, on the way."""
    end = sample.Y[0].copy()
    end[0, 13] -= 12
    return sample.Y[0], end


@pytest.mark.parametrize("component", [False, True])
def test_y_hat_jumps_at_a_boundary_and_eq_8_holds_on_either_side(prior, ends, component):
    pair = np.stack(straddle(*ends, prior, component=component))
    result = lift(pair, prior, scale=None)
    assert 0 < np.linalg.norm(pair[1] - pair[0]) < 1e-9
    if component:
        assert result.component[0] != result.component[1]
    else:
        assert result.component[0] == result.component[1] and result.theta[0] != result.theta[1]
    # a finite jump over a distance of a billionth of a pixel
    jump = np.linalg.norm(result.Y_hat[1] - result.Y_hat[0])
    assert jump > 0.05
    # a difference that straddles it lies, however small the step
    H = landmark_jacobian(result, prior, centred=False)
    way = (ends[1] - ends[0]) / np.linalg.norm(ends[1] - ends[0])
    for step in (1e-3, 1e-6):
        both = lift(np.stack([pair[0] + step * way, pair[0] - step * way]), prior, scale=None).Y_hat
        difference = unwrap(both[0] - both[1]) / (2 * step)
        assert np.linalg.norm(difference - H[0] @ unwrap(way)) > 0.4 * jump / step
    # on its own side (8) is right
    for side, sign in ((0, -1), (1, 1)):
        inside, step = pair[side] + sign * 1e-4 * way, 1e-5
        both = lift(np.stack([inside + step * way, inside - step * way]), prior, scale=None)
        assert np.all(both.theta == result.theta[side]) and np.all(both.component == result.component[side])
        difference = unwrap(both.Y_hat[0] - both.Y_hat[1]) / (2 * step)
        np.testing.assert_allclose(difference, H[side] @ unwrap(way), atol=1e-8)
    assert np.linalg.norm((H[1] - H[0]) @ unwrap(way)) > 1e-4


# --- one pixel ---


def test_crossings_agree_with_a_plain_loop(prior, sample):
    Y, seen = sample.Y[:2], SEEN
    found = one_pixel_crossings(Y, prior, rotations=40, visible=seen, scale=20.0)
    assert found.angle.shape == (2, 4 * 16) and found.winner.any() and not found.winner.all()
    dY = moves(seen)
    assert len(np.unique(dY.reshape(len(dY), -1), axis=0)) == 64
    np.testing.assert_array_equal(np.abs(dY).sum((1, 2)), 1)
    assert not dY[..., ~seen].any()
    for n, m in np.ndindex(2, 64):
        before, after = (lift(X, prior, rotations=40, visible=seen, scale=20.0) for X in (Y[n], Y[n] + dY[m]))
        assert found.angle[n, m] == (before.theta != after.theta)
        assert found.component[n, m] == (before.component != after.component)
        turned = abs(math.remainder(after.theta - before.theta, 2 * math.pi))
        assert found.turned[n, m] == pytest.approx(turned, abs=1e-9)
        linear = wrap(landmark_jacobian(before, prior, centred=False) @ unwrap(dY[m]))
        assert found.predicted[n, m] == pytest.approx(np.linalg.norm(linear))
        assert found.missed[n, m] == pytest.approx(np.linalg.norm(after.Y_hat - before.Y_hat - linear), abs=1e-9)
    assert found.missed[~found.winner].max() < 1e-9


def test_the_sample_is_as_described(sample):
    assert np.array_equal(sample.Y, np.round(sample.truth)) and np.abs(sample.Y - sample.truth).max() <= 0.5
    low, high = sample.truth.min(-1), sample.truth.max(-1)
    np.testing.assert_allclose((high - low).max(1), 30)
    np.testing.assert_allclose((high + low) / 2, np.broadcast_to([22.5, -22.5], (len(low), 2)))
    assert len(sample.Y) == 24 * 12 and len(np.unique(sample.group)) == 16


def test_what_is_held_out_is_not_learned(monkeypatch, prior, sample):
    learned = []
    monkeypatch.setattr(default_prior, "learn", lambda motion, clips, settings: learned.append(clips) or Fitted(prior))
    some = smoothness.Sample(*(value[np.isin(sample.group, [0, 12])][::6] for value in sample))
    figures = smoothness.held_out_crossings(some, 20)
    assert figures["moves"] == len(some.Y) * 68
    names = smoothness.group_names(load_motion_capture())
    for clips, group in zip(learned, (0, 12), strict=True):
        assert names[group] not in {group_of(clip) for clip in clips} and len(clips) >= 18


class Fitted(NamedTuple):
    """Stands for what `learn` returns."""

    prior: PosePrior


@pytest.mark.parametrize("frame", load_real_frames(), ids=lambda frame: frame.name)
def test_the_camera_turns_with_the_maps_of_a_photo(frame):
    Y, visible, camera = smoothness.real_landmarks(frame)
    assert visible.sum() in (11, 13) and set(np.unique(Y)) <= set(range(-63, 64))
    assert Y[0].min() >= 0 and Y[1].max() <= 0
    # the known person, seen in the axes of the map, has the landmarks' shape
    inverse = np.linalg.inv(np.vstack([frame.map_to_photo, [0, 0, 1]]))[:2]
    cells = transform(inverse, frame.pseudo_pixels.T).T * [[1], [-1]]
    cells, body = (centre(X, frame.pseudo_visible) for X in (cells, frame.pseudo_truth))
    flat = (camera @ frame.camera.T @ body)[:2]
    fitted = flat * (flat * cells).sum() / (flat**2).sum()
    assert np.linalg.norm(fitted - cells) < 0.1 * np.linalg.norm(cells)


# --- R free to turn ---


def test_slope_and_curvature_are_those_of_the_least_cost(prior, refined):
    Y, options, result = refined
    weights, camera = weights_of(options), options.get("camera")

    def least(at, n, theta):
        """Half the least cost of one frame, over the square of the scale that it has `at` a result; plain solver."""
        k, s = at.component[n], at.scale[n]
        y = centre(Y[n], weights) / s
        scale = None if options["scale"] is None else 1.0
        found = solve_at(y, prior.gaussian(k), theta, scale=scale, weights=weights, camera=camera)
        return found.cost / 2

    off = solve_again(Y, prior, result, result.theta + 0.1)
    for at in (result, off):
        found, h = turning(Y, prior, at), 1e-3
        for n, theta in enumerate(at.theta):
            left, middle, right = (least(at, n, np.asarray(theta + step)) for step in (-h, 0, h))
            assert found.slope[n] == pytest.approx((right - left) / (2 * h), abs=1e-6)
            assert found.kappa[n] == pytest.approx((right - 2 * middle + left) / h**2, rel=1e-4)


def test_w_is_how_the_best_fit_moves_with_theta(prior, refined):
    Y, _, result = refined
    h = 1e-5
    right, left = (solve_again(Y, prior, result, result.theta + step).Y_hat for step in (h, -h))
    w = turning(Y, prior, result).w * result.scale[:, None]
    np.testing.assert_allclose(unwrap(right - left) / (2 * h), w, atol=1e-6)


def test_refinement_finds_the_minimum_that_least_squares_finds(prior, refined):
    Y, options, result = refined
    slow = lift(Y, prior, refine="least squares", **options)
    for name in ("theta", "a", "scale", "cost", "Y_hat", "pose"):
        np.testing.assert_allclose(getattr(result, name), getattr(slow, name), atol=1e-3, err_msg=name)
    assert np.all(result.cost <= slow.cost * (1 + 1e-12))  # SciPy stops a little earlier
    np.testing.assert_allclose(turn(np.eye(3), result.theta), result.R, atol=1e-15)


def test_refinement_finds_the_minimum_of_a_scalar_search(prior, refined):
    Y, _, result = refined
    for n in range(len(Y)):
        one = pick(result, n)
        cost = lambda step, one=one, y=Y[n]: float(solve_again(y, prior, one, one.theta + step).cost)  # noqa: E731
        assert minimize_scalar(cost, bounds=(-0.04, 0.04), method="bounded").x == pytest.approx(0, abs=1e-4)


def pick(result, n):
    """One frame of a result."""
    per_frame = [name for name in result._fields if name not in ("camera", "free_scale")]
    return result._replace(**{name: getattr(result, name)[n] for name in per_frame})


def test_the_refined_jacobian_is_the_derivative(prior, refined, rng):
    Y, _, result = refined
    J = refined_jacobian(Y, prior, result, centred=False)
    turned = angle_gradient(turning(Y, prior, result), result.scale)
    for _ in range(3):
        dY, h = rng.standard_normal(Y.shape), 1e-4
        right, left = (follow(Y + step * dY, prior, result) for step in (h, -h))
        expected = (unwrap(right.Y_hat) - unwrap(left.Y_hat)) / (2 * h)
        np.testing.assert_allclose((J @ unwrap(dY)[..., None])[..., 0], expected, atol=1e-5)
        change = np.angle(np.exp(1j * (right.theta - left.theta))) / (2 * h)
        np.testing.assert_allclose((turned * unwrap(dY)).sum(-1), change, atol=1e-5)


def test_the_refined_jacobian_is_what_autograd_finds_through_a_newton_step(prior, refined):
    Y, options, result = refined
    weights = weights_of(options)
    rows, root = np.tile(weights > 0, 2), np.sqrt(np.tile(weights, 2).astype(float))
    for n in range(2):
        k, scale = result.component[n], float(result.scale[n])
        mu, e, sigma = (torch.tensor(value[k]) for value in (prior.mu, prior.e, prior.sigma))

        def best(y, theta, mu=mu, e=e, sigma=sigma, scale=scale):
            """The best fit at theta and half its cost, in metres."""
            p, E = projected_model(mu, e, theta, weights=torch.tensor(weights), camera=options.get("camera"))
            D, ridge = free_scale(p, E, sigma) if options["scale"] is None else (E, sigma)
            p = 0 * p if options["scale"] is None else p
            x = truncated_pseudo_inverse(D, ridge) @ (y / scale - p)
            fit = p + D @ x
            return fit, ((y / scale - fit).square().sum() + (ridge * x).square().sum()) / 2

        def newton(y, theta, best=best, scale=scale):
            slope = torch.func.grad(lambda turned: best(y, turned)[1])
            kappa = torch.func.grad(slope)(theta)
            return scale * best(y, theta - slope(theta) / kappa.detach())[0]

        y = unwrap(centre(torch.tensor(Y[n]), torch.tensor(weights)))
        theta = torch.tensor(result.theta[n])
        J = torch.autograd.functional.jacobian(lambda y, newton=newton, at=theta: newton(y, at), y).numpy()
        found = refined_jacobian(Y[n], prior, pick(result, n))
        # J is that of root y_hat by root y: `centre` multiplies by the root of the weights
        expected = J[rows][:, rows] / root[rows, None] * root[rows]
        np.testing.assert_allclose(found[rows][:, rows], expected, atol=1e-9)
        assert not found[:, ~rows].any()


def test_the_refined_jacobian_is_symmetric_for_it_is_a_hessian(prior, refined, rng):
    Y, options, result = refined
    J = refined_jacobian(Y, prior, result)
    weights = weights_of(options)
    W = np.tile(weights, 2).astype(float)
    rows = W > 0
    block = (W[:, None] * J)[:, rows][:, :, rows]
    np.testing.assert_allclose(block, np.swapaxes(block, 1, 2), atol=1e-12)
    # along u, half the second derivative of the least cost V(y) is u^T W (I - dy_hat/dy) u
    dY, h = rng.standard_normal(Y.shape), 1e-2
    dY -= weighted_mean(dY, weights)
    left, right = (follow(Y + step * dY, prior, result) for step in (-h, h))
    bend = (left.cost - 2 * result.cost + right.cost) / (2 * h**2)
    u = unwrap(dY)
    np.testing.assert_allclose(bend, (u * W * u).sum(-1) - np.einsum("ni,nij,nj->n", u * W, J, u), rtol=1e-4)


def test_only_one_more_parameter_is_free(prior, refined):
    Y, _, result = refined
    extra = refined_jacobian(Y, prior, result) - landmark_jacobian(result, prior)
    singular = np.linalg.svd(extra, compute_uv=False)
    assert np.all(singular[:, 1] < 1e-12) and np.all(singular[:, 0] > 0.1)


@pytest.mark.parametrize(("dtype", "error"), [(torch.float64, 1e-10), (torch.float32, 2e-4)])
def test_torch_gives_what_numpy_gives(prior, refined, dtype, error):
    Y, options, _ = refined
    y, coarse = torch.tensor(Y, dtype=dtype), lift(Y, prior, **options)
    turned = lift(y, prior, **options)
    for name, expected in turning(Y, prior, coarse)._asdict().items():
        found = getattr(turning(y, prior, turned), name)
        assert found.dtype == dtype
        np.testing.assert_allclose(found.numpy(), expected, atol=error, err_msg=name)
    J = refined_jacobian(y, prior, turned)
    assert J.dtype == dtype
    np.testing.assert_allclose(J.numpy(), refined_jacobian(Y, prior, coarse), atol=10 * error)


def test_the_curvature_vanishes_at_a_fold(prior, sample):
    Y = sample.Y[smoothness.FOLD_FRAME]
    middle = Y.mean(-1, keepdims=True)
    fold = follow_to_fold(Y, middle + (Y - middle) * [[-1], [1]], prior, points=12, halvings=14)
    assert np.all(fold.kappa > 0) and np.all(np.diff(fold.t) > 0)
    left = fold.t[-1] - fold.t
    near = (left > 1e-4) & (left < 2e-2)
    assert np.polyfit(np.log(left[near]), np.log(fold.kappa[near]), 1)[0] == pytest.approx(0.5, abs=0.05)
    assert fold.gain[-1] > 100 * fold.gain[0]


# --- what is reported ---


def test_bootstrap_draws_groups(rng):
    values, group = rng.random(400) < 0.3, np.repeat(np.arange(100), 4)
    low, high = smoothness.bootstrap(values, group)
    error = values.reshape(100, 4).mean(1).std() / 10
    assert (high - low) / 2 == pytest.approx(1.96 * error, rel=0.1) and low < values.mean() < high
    # what is alike within a group counts once
    low_alike, high_alike = smoothness.bootstrap(np.repeat(values[:100], 4), group)
    assert high_alike - low_alike > 1.5 * (high - low)


@pytest.fixture(scope="module")
def published():
    return json.loads(data_path("smoothness.json").read_text())


def test_the_published_crossings_are_those_of_this_code(prior, sample, published):
    """Fractions to a quarter of a percent and sizes to 2 %: rounding decides a move or two in 20,000."""
    found = smoothness.crossing_figures([one_pixel_crossings(sample.Y, prior)], [sample.group])
    expected = published["crossings"]["80"]
    assert found.keys() == expected.keys() and found["moves"] == expected["moves"]
    for name, row in expected.items():
        if isinstance(row, dict) and "fraction" in row:
            assert found[name]["fraction"] == pytest.approx(row["fraction"], abs=0.0025), name
        elif isinstance(row, dict):
            assert found[name] == pytest.approx(row, rel=0.02), name


def test_the_published_derivatives_are_those_of_this_code(prior, sample, published):
    """The first and every twelfth frame's: between the published extremes, and the stated facts hold."""
    for name in ("free", "fixed"):
        row = published["derivatives"][name]
        assert row["arrived"] == 1 and row["symmetric_to_1e-12"]
    some = smoothness.Sample(*(value[::12] for value in sample))
    found = smoothness.derivative_figures(some, prior, free=True)
    expected = published["derivatives"]["free"]
    assert found["trace_H"]["50%"] == pytest.approx(expected["trace_H"]["50%"], rel=0.02)
    assert expected["gain"]["5%"] < found["gain"]["50%"] < expected["gain"]["95%"]
    median = found["pull_backs"]["random"]["cosine"]["50%"]
    assert median == pytest.approx(expected["pull_backs"]["random"]["cosine"]["50%"], abs=0.01)


def test_how_often_the_angle_changes_follows_from_how_theta_turns(published):
    """At 80 rotations and more; among 20 the least cost is too far from a parabola between two angles."""
    for T in ("80", "10000"):
        expected = published["derivatives"]["free"]["expected_angle_changes"][T]
        assert published["crossings"][T]["angle_where_component_stays"] == pytest.approx(expected, rel=0.05)


def test_eq_8_was_exact_wherever_the_winner_stayed(published):
    for key in smoothness.SAMPLES.values():
        assert all(row["eq_8_exact_elsewhere_to_1e-9"] for row in published[key].values())
    assert published["fold"]["power"] == pytest.approx(-0.5, abs=0.02)


def test_the_report_has_the_published_numbers(root, published):
    assert (root / "docs" / "smoothness.md").read_text() == smoothness.report(published)


def test_the_command_writes_both_files(tmp_path, monkeypatch, published):
    monkeypatch.setattr(smoothness, "measure", lambda: published)
    smoothness.main(["--data", str(tmp_path), "--docs", str(tmp_path)])
    assert json.loads((tmp_path / "smoothness.json").read_text()) == published
    assert (tmp_path / "smoothness.md").read_text() == smoothness.report(published)


def test_the_command_refuses_a_missing_folder_before_it_measures(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(smoothness, "measure", lambda: pytest.fail("measured"))
    with pytest.raises(SystemExit):
        smoothness.main(["--data", str(tmp_path / "none"), "--docs", str(tmp_path)])
    assert "expected a folder that exists" in " ".join(capsys.readouterr().err.replace("│", "").split())


# --- pictures ---


def test_a_line_is_drawn_wherever_neighbouring_cells_differ():
    values = np.array([[0, 0, 1], [0, 2, 1]])
    edges = {tuple(map(tuple, edge)) for edge in winners.edges(values, (0.0, 3.0, 0.0, 2.0))}
    assert edges == {((2, 0), (2, 1)), ((1, 1), (1, 2)), ((2, 1), (2, 2)), ((1, 1), (2, 1))}


def test_the_figure_names_what_it_shows(prior, sample):
    Y, steps = sample.Y[0], np.linspace(-12, 12, 21)
    plane = winners_over_plane(Y, prior, 13, Y[0, 13] + steps, Y[1, 13] + steps)
    figure = Figure(figsize=(12, 5.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    plots.draw_boundaries(left, plane, Y, 13)
    plots.draw_jumps(right, plane, 13)
    assert left.get_title() == "Who wins, for every place\nof the left wrist"
    for ax in (left, right):
        assert ax.get_xlabel() == "x (px)" and ax.get_ylabel() == "y, up (px)"
    assert {text.get_text() for text in left.get_legend().get_texts()} >= {"another angle", "left", "right"}
    (low, high), (bottom, top) = left.get_xlim(), left.get_ylim()
    assert low < sample.Y[0, 0].min() < sample.Y[0, 0].max() < high
    assert bottom < sample.Y[0, 1].min() < sample.Y[0, 1].max() < top
    assert any("degrees" in ax.get_ylabel() for ax in figure.axes)


# --- bad input ---


def refuses(message):
    return pytest.raises(ValueError, match=re.escape(message))


def test_bad_input_is_refused(prior, sample):
    Y, at = sample.Y[0], np.array([0.0, 1.0])
    with refuses("landmark: got 17, expected a whole number below 17"):
        winners_over_plane(Y, prior, 17, at, at)
    with refuses("landmark: got 12, which is not visible, expected a visible landmark"):
        winners_over_plane(Y, prior, 12, at, at, visible=SEEN)
    with refuses("Y: got shape (2, 2, 17), expected shape (2, 17)"):
        winners_over_plane(sample.Y[:2], prior, 1, at, at)
    with refuses("visible: got bool of shape (3,), expected booleans of shape (17,)"):
        one_pixel_crossings(sample.Y[:2], prior, visible=SEEN[:3])
    with refuses("Y: got Tensor, expected a NumPy array, as in the result"):
        refine_angle(torch.tensor(Y), prior, lift(torch.tensor(Y), prior, scale=None))
    with refuses("start: got shape (1, 2, 17), expected shape (2, 17)"):
        straddle(sample.Y[:1], Y, prior)
    with refuses("xs: got 1 NaN or infinite of 2 values, expected finite numbers"):
        winners_over_plane(Y, prior, 1, np.array([0, np.nan]), at)
    with refuses("expected a point with another winner"):
        straddle(Y, Y + 1e-12, prior)
    with refuses("apart: got 0.0, expected a finite number > 0"):
        straddle(Y, Y, prior, apart=0)
    with refuses("step: got -1.0, expected a finite number > 0"):
        one_pixel_crossings(sample.Y[:1], prior, step=-1)
    with refuses("group: got 1 group, expected at least 2"):
        smoothness.bootstrap(np.ones(3), np.zeros(3, dtype=int))
    with refuses("end: got landmarks to which the minimum can be followed, expected landmarks beyond a fold"):
        follow_to_fold(Y, Y + 1, prior, points=3)
    with refuses("Y: got shape (2, 17), expected shape (..., 3, 2, 17)"):
        turning(Y, prior, lift(sample.Y[:3], prior, scale=None))
    with refuses("steps: got 0, expected a whole number >= 1"):
        refine_angle(Y, prior, lift(Y, prior, scale=None), steps=0)


def test_no_derivative_at_a_maximum(prior, sample):
    Y = sample.Y[:1]
    result = lift(Y, prior, scale=20.0)
    around = [solve_again(Y, prior, result, result.theta + step) for step in np.linspace(0, 2 * math.pi, 60)]
    highest = max(around, key=lambda at: at.cost[0])
    with refuses("result: got a cost that curves downwards in theta, expected a minimum, as from refine_angle"):
        refined_jacobian(Y, prior, highest)


def test_pictures_of_the_wrong_shape_are_refused(sample):
    ax = Figure().subplots()
    at, cells = np.arange(3.0), np.zeros((3, 3))
    with refuses("component: got shape (2, 3), expected shape (3, 3), the places of ys and xs"):
        plots.draw_boundaries(ax, SimpleNamespace(xs=at, ys=at, theta=cells, component=cells[:2]), sample.Y[0], 0)
    with refuses("xs, ys: got 1 and 3 places, expected at least 2 of each"):
        plots.draw_jumps(ax, SimpleNamespace(xs=at[:1], ys=at, Y_hat=np.zeros((3, 1, 2, 17))), 0)


def test_a_random_prior_of_another_size_works_too():
    prior = random_prior(3, K=2, J=2, L=5)
    Y = turn(prior.mu[0], np.array([0.3, 2.0]))[:, :2] + 0.01
    result, arrived = refine_angle(Y, prior, lift(Y, prior))
    assert arrived.all()
    J, h = refined_jacobian(Y, prior, result, centred=False), 1e-5
    dY = np.random.default_rng(0).standard_normal(Y.shape)
    right, left = (follow(Y + step * dY, prior, result).Y_hat for step in (h, -h))
    np.testing.assert_allclose((J @ unwrap(dY)[..., None])[..., 0], unwrap(right - left) / (2 * h), atol=1e-6)
