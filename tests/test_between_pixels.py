"""Peaks between pixels: the update by loops, where it moves a peak, and the layer and network that use it."""

import dataclasses
import math

import numpy as np
import pytest
import torch

from lifting import load_network, load_prior
from lifting.belief import belief_maps, belief_update, belief_update_between, peaks
from lifting.camera import flip_y
from lifting.front import lift
from lifting.layer import LiftingLayer, lift_peaks
from lifting.network import build_network, confidences, noisier, save_network
from lifting.support.arrays import to_numpy, trusted
from lifting.updating import ProjectedLoss, correct, from_loss_to_peaks
from tests.refusals import refuses
from tests.test_layer import OUTPUTS, people

BACKENDS = {"numpy": np.asarray, "torch": torch.tensor}
H, W = 13, 15
DIRECTIONS = [(dx, dy) for dx in (-1.5, 0.0, 0.7) for dy in (-0.2, 0.0, 2.5)]
PRIOR = load_prior()

backend = pytest.mark.parametrize("make", BACKENDS.values(), ids=BACKENDS)


def share(t: float, sigma: float) -> float:
    """Of a pixel at distance t: not yet so that the two shares sum to 1."""
    height = 0.0 if t >= 1 else 1 + 2 * t if t <= 0.5 else 4 * (1 - t)
    return height * math.exp(-(t**2) / (2 * sigma**2))


def shares(y: float, sigma: float) -> dict[int, float]:
    """The share of every pixel along one axis."""
    own = {pixel: share(abs(pixel - y), sigma) for pixel in (math.floor(y), math.floor(y) + 1)}
    return {pixel: value / sum(own.values()) for pixel, value in own.items() if value > 0}


def update_by_shares(Y: np.ndarray, D: np.ndarray, k: float, sigma: float) -> np.ndarray:
    """The printed rule at each pixel about Y, times its share."""
    maps = np.zeros((Y.shape[-1], H, W))
    for p, (x, y) in enumerate(Y.T):
        for column, across in shares(x, sigma).items():
            for row, down in shares(y, sigma).items():
                pixel = np.array([[float(column)], [float(row)]])
                maps[p] += across * down * belief_update(pixel, D[:, [p]], H, W, k, sigma)[0]
    return maps


@backend
@pytest.mark.parametrize("D", DIRECTIONS)
def test_it_is_the_printed_rule_at_the_pixels_on_both_sides(make, D, rng):
    Y = np.concatenate([rng.uniform([[0], [0]], [[W - 1], [H - 1]], (2, 6)), [[3, 4.5, W - 1], [2.5, 7, H - 1]]], 1)
    D = np.repeat(np.array(D)[:, None], Y.shape[1], axis=1)
    for k, sigma in ((1.0, 1.0), (0.3, 2.2), (2.0, 0.6)):
        found = to_numpy(belief_update_between(make(Y), make(D), H, W, k, sigma))
        np.testing.assert_allclose(found, update_by_shares(Y, D, k, sigma), rtol=0, atol=1e-13)


@backend
def test_at_whole_pixels_it_is_the_printed_rule(make, rng):
    Y = np.stack([rng.integers(0, W, (4, 5)), rng.integers(0, H, (4, 5))], axis=-2).astype(float)
    D = rng.normal(size=Y.shape)
    found, want = (to_numpy(f(make(Y), make(D), H, W, 0.7, 1.3)) for f in (belief_update_between, belief_update))
    np.testing.assert_allclose(found, want, rtol=1e-13, atol=1e-16)
    assert np.array_equal(found < 0, want < 0) and np.array_equal(found == 0, want == 0)


def test_between_pixels_it_changes_continuously(rng):
    D = rng.normal(size=(2, 1))
    for x in (4.0, 4.5, 5.0):
        low, high = (belief_update_between(np.array([[x + step], [6.3]]), D, H, W) for step in (-1e-9, 1e-9))
        np.testing.assert_allclose(low, high, rtol=0, atol=1e-7)


def test_what_is_lowered_sums_to_m(rng):
    """What is raised besides sums to what the printed rule raises: the same quadrant, seen from several pixels."""
    Y, D = rng.uniform(4, 9, (2, 50)), rng.normal(size=(2, 50))
    m = np.hypot(*D)
    # what is raised is N at the other pixels of the quadrant: N summed over them, from the printed rule
    whole = np.array([[6.0], [6.0]])
    raised = [belief_update(whole, D[:, [n]], H, W, sigma=0.8).clip(min=0).sum() for n in range(50)]
    total = belief_update_between(Y, D, H, W, sigma=0.8).sum((1, 2))
    np.testing.assert_allclose(raised - total, m, rtol=1e-5)


@pytest.mark.parametrize("sigma", [0.7, 1.0, 2.0])
def test_a_small_step_moves_every_sub_pixel_peak_into_the_quadrant_of_D(sigma, rng):
    Y, D = rng.uniform(4, 9, (2, 300)), rng.normal(size=(2, 300))
    B = belief_maps(Y, H, W, sigma)
    update = belief_update_between(Y, D, H, W, 1.0, sigma)
    moved = (peaks(B + 1e-6 * update, subpixel=True) - Y) / 1e-6
    assert np.all(moved * D > 0)


def test_no_direction_no_update_and_kinds_of_numbers(rng):
    Y = torch.tensor(rng.uniform(2, 9, (2, 3)))
    assert not belief_update_between(Y, 0 * Y, H, W).any()
    for dtype, wide in ((torch.float16, torch.float32), (torch.float32, torch.float32)):
        assert belief_update_between(Y.to(dtype), Y, H, W).dtype == wide
    with trusted():
        assert belief_update_between(Y.to("meta"), Y.to("meta"), H, W).shape == (3, H, W)
        lost = belief_update_between(Y * torch.tensor([math.nan, 1, 1]), Y, H, W)
    assert lost[0].isnan().all() and lost[1:].isfinite().all()


@pytest.mark.parametrize("sigma", [1e-3, 0.04])
def test_narrow_gaussians_take_the_nearest_pixel(sigma):
    Y, D = torch.tensor([[4.3, 6.8], [5.0, 6.1]]), torch.ones(2, 2)
    update = belief_update_between(Y, D, H, W, sigma=sigma)
    assert update.isfinite().all() and update[0, 5, 4] < 0 and update[1, 6, 7] < 0
    assert (update < -1e-6).sum() == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"Y": np.array([[-0.1], [3.0]])},
            "Y: got a location outside the map, expected x from 0 to 14 and y from 0 to 12",
        ),
        ({"Y": np.array([[4.0], [12.1]])}, "Y: got a location outside the map"),
        ({"D": np.ones((2, 3))}, "D: got shape (2, 3), expected shape (..., 2, 1)"),
        ({"k": -1.0}, "k: got -1.0, expected a finite number >= 0"),
        ({"sigma": 0.0}, "sigma: got 0.0, expected a finite number > 0"),
    ],
)  # fmt: skip
def test_bad_input(change, message):
    given = {"Y": np.array([[4.2], [3.0]]), "D": np.ones((2, 1)), "k": 1.0, "sigma": 1.0} | change
    with refuses(message):
        belief_update_between(given["Y"], given["D"], H, W, given["k"], given["sigma"])


# --- the layer ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gradient", ["subgradient", "stopped"])
def test_the_layer_lifts_peaks_between_pixels(gradient):
    B = people()
    out = LiftingLayer(PRIOR, subpixel=True, gradient=gradient)(B)
    Y = peaks(B, subpixel=True)
    want = lift(flip_y(Y), PRIOR, scale=None)
    assert torch.equal(out.landmarks, Y) and not torch.equal(Y, peaks(B))
    torch.testing.assert_close(out.pose, want.pose, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(out.Y_hat, flip_y(want.Y_hat), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("k", [1.0, 0.3])
def test_the_layers_gradient_is_minus_the_update_at_those_peaks(k):
    B = people(4).requires_grad_()
    module = LiftingLayer(PRIOR, subpixel=True, delta=None, k=k)
    Y = peaks(B.detach(), subpixel=True).requires_grad_()
    size = B.shape[2:]
    plain = lift_peaks(Y, module.model(B.dtype, B.device), size, 1.0)[0]
    for out in (module(B), plain):
        rng = np.random.default_rng(3)
        sum((own * torch.from_numpy(rng.normal(size=own.shape))).sum()
            for own in (getattr(out, name) for name in OUTPUTS)).backward()  # fmt: skip
    want = -belief_update_between(Y.detach(), -Y.grad, *size, k, 1.0)
    assert want.abs().max() > 1e-3
    torch.testing.assert_close(B.grad, want, rtol=1e-8, atol=1e-10)


def test_where_all_peaks_are_whole_pixels_both_layers_are_one():
    B = belief_maps(peaks(people(3)), 40, 46)
    (out, gradient), (same, other) = (backward(B, subpixel) for subpixel in (False, True))
    torch.testing.assert_close(out, same, rtol=0, atol=1e-9)
    torch.testing.assert_close(gradient, other, rtol=1e-6, atol=1e-9)


def backward(B: torch.Tensor, subpixel: bool) -> tuple[torch.Tensor, torch.Tensor]:
    maps = B.clone().requires_grad_()
    out = LiftingLayer(PRIOR, subpixel=subpixel)(maps).B_hat
    out.square().sum().backward()
    return out.detach(), maps.grad


def test_by_hand_it_is_the_same_in_numpy():
    B = people(1)[0].numpy()
    target, weight = belief_maps(peaks(B), 40, 46), np.ones(17)
    given = ProjectedLoss(target, weight, PRIOR, subpixel=True)
    way = from_loss_to_peaks(B, given)
    maps = torch.tensor(B[None], requires_grad=True)
    out = LiftingLayer(PRIOR, subpixel=True)(maps)
    loss = (out.B_hat - torch.tensor(target)).square().sum()
    loss.backward()
    np.testing.assert_allclose(way.loss, loss.item())
    np.testing.assert_array_equal(way.Y, peaks(B, subpixel=True))
    np.testing.assert_allclose(-belief_update_between(way.Y, way.D, 40, 46), maps.grad[0], atol=1e-9)
    stepped = correct(B[None], np.array([3]), ProjectedLoss(target, weight[None], PRIOR, subpixel=True), k=0.1, steps=1)
    want = B[3] + belief_update_between(way.Y, way.D, 40, 46, 0.1)[3]
    np.testing.assert_allclose(stepped.maps[1, 0], want)


# --- the network ----------------------------------------------------------------------------------------------------


def test_the_file_of_a_network_says_where_its_peaks_lie(tmp_path):
    torch.manual_seed(0)
    network = build_network("small", PRIOR, subpixel=True)
    assert network.layer.options.subpixel and network.last_layer.options.subpixel
    save_network(network, tmp_path / "network.safetensors")
    loaded = load_network(tmp_path / "network.safetensors", PRIOR)
    images = torch.rand(1, 3, 128, 128)
    assert loaded.subpixel and torch.equal(loaded(images)[1].fused, network(images)[1].fused)
    whole = build_network("small", PRIOR)
    whole.load_state_dict(network.state_dict())
    assert not whole.subpixel and not torch.equal(whole(images)[1].fused, network(images)[1].fused)


def test_files_from_before_there_was_a_choice_hold_whole_pixels():
    assert not load_network().subpixel


@pytest.mark.filterwarnings("ignore::lifting.PoorFit")  # of a network that has learned nothing
def test_the_pose_is_that_of_the_networks_own_landmarks():
    torch.manual_seed(0)
    prediction = build_network("small", PRIOR)(torch.rand(2, 3, 128, 128))
    own = (prediction.lifted.landmarks + 0.5) * 4 - 0.5
    torch.testing.assert_close(own, prediction.landmarks)
    maps = prediction[1].fused[:, :17].detach()
    weights = maps.amax((2, 3)).clamp(0.02, 1).square()
    torch.testing.assert_close(confidences(maps), weights)
    wide = dataclasses.replace(PRIOR, sigma=2 * PRIOR.sigma, noise_variance=4 * PRIOR.noise_variance)
    own = flip_y(prediction.landmarks.double().detach())
    want = lift(own, wide, scale=None, weights=weights.double())
    torch.testing.assert_close(prediction.pose.double(), want.pose, rtol=1e-3, atol=0.05)
    torch.testing.assert_close(prediction.scale.double(), want.scale, rtol=1e-3, atol=0)


def test_more_noise_leaves_poses_as_likely_as_they_were():
    wide = noisier(PRIOR, 2.0)
    np.testing.assert_allclose(wide.component_variance, PRIOR.component_variance)
    np.testing.assert_allclose(wide.noise_variance, 4 * PRIOR.noise_variance)


def test_confidences_of_maps_that_say_nothing():
    maps = torch.zeros(2, 3, 4, 5)
    maps[0, 1, 2, 2], maps[1, 0, 0, 0], maps[1, 1, 0, 0] = 0.5, math.nan, 7.0
    torch.testing.assert_close(confidences(maps), torch.tensor([[0.0004, 0.25, 0.0004], [0.0004, 1.0, 0.0004]]))
    assert confidences(maps.to("meta")) is None


def test_own_peaks_are_fused_without_lifting_or_gradient():
    torch.manual_seed(0)
    network = build_network("small", PRIOR, "own-peak", subpixel=True)
    stage = network(torch.rand(2, 3, 128, 128))[1]
    Y = peaks(stage.belief[:, :17].detach(), subpixel=True)
    torch.testing.assert_close(stage.projected, belief_maps(Y, 32, 32))
    assert not stage.projected.requires_grad and stage.fused.requires_grad
    w = torch.sigmoid(network.fusion[1])
    torch.testing.assert_close(stage.fused[:, :17], w * stage.belief[:, :17] + (1 - w) * stage.projected)


def test_the_small_network_is_small():
    small = build_network("small", PRIOR)
    assert sum(p.numel() for p in small.parameters()) < 300_000 and len(small.fusion) == 2
