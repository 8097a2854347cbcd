"""The multi-stage network: its shapes, its fusion by hand, its variants, its pixels, and devices without values."""
# ruff: noqa: D103

import re

import pytest
import torch

from lifting.network import CONFIGURATIONS, build_network, target_maps
from lifting.pose_prior import load_prior

PRIOR = load_prior()
VARIANTS = ("subgradient", "forward", "soft-argmax", "none")
pytestmark = pytest.mark.usefixtures("one_thread")


def laptop(lifting="subgradient", seed=0):
    torch.manual_seed(seed)
    return build_network("laptop", PRIOR, lifting)


@pytest.fixture(scope="module")
def images():
    return torch.rand(2, 3, 128, 128, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("lifting", VARIANTS)
def test_every_stage_gives_its_maps(lifting, images):
    prediction = laptop(lifting)(images)
    assert len(prediction) == CONFIGURATIONS["laptop"].stages == 3
    for stage in prediction:
        assert stage.belief.shape == stage.fused.shape == (2, 18, 32, 32)
        if lifting == "none":
            assert stage.projected is None and stage.fused is stage.belief
        else:
            assert stage.projected.shape == (2, 17, 32, 32)
    assert prediction.landmarks.shape == (2, 2, 17) and prediction.pose.shape == (2, 3, 17)


def test_fusion_is_a_weighted_mean_and_the_background_passes(images):
    network = laptop()
    with torch.no_grad():
        network.fusion.copy_(torch.tensor([-1.0, 0.0, 2.0]))
    for stage, weight in zip(network(images), torch.sigmoid(torch.tensor([-1.0, 0.0, 2.0])), strict=True):
        want = weight * stage.belief[:, :17] + (1 - weight) * stage.projected
        torch.testing.assert_close(stage.fused[:, :17], want)
        torch.testing.assert_close(stage.fused[:, 17], stage.belief[:, 17])


def test_with_all_the_weight_on_the_belief_it_is_the_plain_network(images):
    network, plain = laptop().eval(), laptop("none").eval()
    plain.load_state_dict(network.state_dict())
    with torch.no_grad():
        network.fusion.fill_(100.0)
        for lifted, alone in zip(network(images), plain(images), strict=True):
            torch.testing.assert_close(lifted.fused, alone.fused, rtol=0, atol=1e-6)


def test_what_flows_back_is_what_the_variant_says(images):
    """Variant "forward": as if the projected maps were constants; the others: something more."""

    def gradient(lifting):
        network = laptop(lifting)
        network(images)[2].fused.square().sum().backward()
        return network.trunk.belief[-1].weight.grad

    def with_constants():
        network = laptop("subgradient")
        layer = network.layer.forward
        network.layer.forward = lambda B: layer(B.detach())
        network(images)[2].fused.square().sum().backward()
        return network.trunk.belief[-1].weight.grad

    forward = gradient("forward")
    torch.testing.assert_close(forward, with_constants(), rtol=1e-4, atol=1e-6)
    assert not torch.allclose(gradient("subgradient"), forward)
    assert not torch.allclose(gradient("soft-argmax"), forward)


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_shapes_without_values(name):
    """On `device="meta"` nothing can look at a value and nothing may ask for a device of its own."""
    configuration = CONFIGURATIONS[name]
    network = build_network(name, PRIOR).to("meta")
    side = configuration.image
    prediction = network(torch.empty(2, 3, side, side, device="meta"))
    sum(stage.fused.sum() for stage in prediction).backward()
    size = side // configuration.stride
    assert prediction[configuration.stages - 1].fused.shape == (2, 18, size, size)
    assert all(p.grad is not None and p.grad.is_meta for p in network.parameters())


def test_the_laptops_size():
    assert 1.4e6 < sum(p.numel() for p in laptop().parameters()) < 1.7e6


def test_target_maps_and_landmarks_speak_of_the_same_pixels():
    """A Gaussian drawn for a place in the image is read back there: centres of pixels are whole numbers in both."""
    landmarks = torch.tensor([[[40.0, 77.3], [90.2, 12.9]]], dtype=torch.float64)
    maps = target_maps(landmarks, 32, 32, 4)
    from lifting.belief import peaks

    torch.testing.assert_close((peaks(maps[:, :2], subpixel=True) + 0.5) * 4 - 0.5, landmarks)
    torch.testing.assert_close(maps[:, 2], 1 - maps[:, :2].amax(1))
    # the corner of a map covers the first 4 x 4 pixels, whose middle is 1.5
    torch.testing.assert_close(target_maps(torch.full((1, 2, 1), 1.5), 8, 8, 4)[0, 0, 0, 0], torch.tensor(1.0))


def test_the_pose_stands_over_the_landmarks(images):
    """Its first two rows are the projected landmarks in pixels of the image, y up."""
    prediction = laptop()(images)
    Y_hat = (prediction.lifted.Y_hat + 0.5) * 4 - 0.5
    torch.testing.assert_close(prediction.pose[:, 0], Y_hat[:, 0], rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(prediction.pose[:, 1], -Y_hat[:, 1], rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: build_network("desktop"), "configuration: got 'desktop', expected 'laptop' or 'paper'"),
        (lambda: build_network("laptop", PRIOR, "backward"), "lifting: got 'backward', expected"),
        (lambda: laptop()([1, 2]), "images: got list, expected a tensor (N, 3, H, W)"),
        (lambda: laptop()(torch.zeros(1, 3, 128, 128, dtype=torch.uint8)), "images: got a tensor of torch.uint8"),
        (lambda: laptop()(torch.zeros(1, 3, 126, 128)), "images: got shape (1, 3, 126, 128), expected shape"),
        (lambda: laptop()(torch.zeros(3, 128, 128)), "images: got shape (3, 128, 128), expected shape"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        call()
