"""The multi-stage network: its shapes, its fusion by hand, its variants, its pixels, and devices without values."""

import dataclasses

import pytest
import safetensors.torch
import torch

from lifting.layer import LiftingLayer
from lifting.network import CONFIGURATIONS, build_network, fingerprint, load_network, save_network, target_maps
from lifting.pose_prior import load_older_mixture, load_prior
from lifting.support.files import data_path
from lifting.training.complexity import by_part, bytes_kept, cost, parts, table
from tests.refusals import refuses

PRIOR = load_prior()
VARIANTS = ("subgradient", "forward", "soft-argmax", "own-peak", "none")
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


def count_lifts(network):
    """The batches that the network's layers lift from now on."""
    seen = []
    for module in (network.layer, network.last_layer):
        module.register_forward_hook(lambda module, given, out: seen.append(given[0]))
    return seen


def test_the_last_lift_waits_until_it_is_asked_for(images):
    network = laptop()
    seen = count_lifts(network)
    prediction = network(images)
    assert len(seen) == 3  # one a stage
    assert prediction.pose is not None and prediction.scale is not None and prediction.lifted is prediction.lifted
    assert prediction.landmarks is prediction.landmarks
    assert len(seen) == 4 and torch.equal(seen[3], prediction[2].fused[:, :17])


@pytest.mark.parametrize("first", [True, False])
def test_the_last_lift_is_differentiable_where_the_maps_are(images, first):
    """Whether gradients are on counts when the network is called, not when the pose is asked for."""
    network = laptop()
    with torch.set_grad_enabled(first):
        prediction = network(images)
    with torch.set_grad_enabled(not first):
        assert prediction.lifted.pose.requires_grad == prediction[2].fused.requires_grad == first
    if first:
        prediction.lifted.pose.sum().backward()
        assert network.trunk.belief[-1].weight.grad.any()


@pytest.mark.parametrize("lifting", VARIANTS)
def test_two_parameterless_layers_and_the_keys_of_saved_files(lifting):
    network = laptop(lifting)
    layers = [name for name, module in network.named_modules() if isinstance(module, LiftingLayer)]
    assert layers == ["layer", "last_layer"]
    assert network.state_dict().keys() == safetensors.torch.load_file(data_path("network.safetensors")).keys()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: build_network("desktop"), "configuration: got 'desktop', expected 'small' or 'laptop' or 'paper'"),
        (lambda: build_network("laptop", PRIOR, "backward"), "lifting: got 'backward', expected"),
        (lambda: laptop()([1, 2]), "images: got list, expected a tensor (N, 3, H, W)"),
    ],
)
def test_bad_input(call, message):
    with refuses(message):
        call()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_images_of_any_floating_type(images, dtype):
    images = images.to(dtype)
    prediction, want = laptop()(images), laptop()(images.float())
    assert torch.equal(prediction[2].fused, want[2].fused) and torch.equal(prediction.pose, want.pose)
    assert laptop().double()(images.float())[2].fused.dtype == torch.float64


def test_a_hook_may_change_what_a_stage_is_given(images):
    """The first belief maps with two landmarks exchanged: the stages after the first see them, until it is removed."""
    network, order = laptop(), [1, 0, *range(2, 18)]
    plain = network(images)
    hook = network.trunk.register_forward_hook(lambda module, given, out: (out[0][:, order], out[1]))
    exchanged = network(images)
    assert torch.equal(exchanged[0].belief, plain[0].belief[:, order])
    assert not torch.equal(exchanged[1].belief, plain[1].belief)
    hook.remove()
    assert torch.equal(network(images)[1].belief, plain[1].belief)


def test_without_cross_stage_a_later_loss_does_not_reach_earlier_maps(images):
    torch.manual_seed(0)
    network = build_network("laptop", PRIOR, cross_stage=False)
    prediction, joined = network(images), laptop()(images)
    torch.testing.assert_close(prediction[2].fused, joined[2].fused)
    prediction[2].fused.square().sum().backward()
    assert network.trunk.belief[-1].weight.grad is None  # the first stage's belief maps
    assert network.stages[0][-1].weight.grad is None
    assert network.stages[1][-1].weight.grad.any() and network.trunk.at_2[0].weight.grad.any()


def test_an_image_does_not_depend_on_the_others_of_its_batch(images):
    network = laptop()
    together, alone = network(images), network(images[:1])
    torch.testing.assert_close(together[2].fused[:1], alone[2].fused, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("lifting", ["subgradient", "none"])
def test_saved_and_loaded_it_is_the_same(tmp_path, images, lifting):
    network = laptop(lifting)
    save_network(network, tmp_path / "network.safetensors")
    loaded = load_network(tmp_path / "network.safetensors")
    assert loaded.lifting == lifting and loaded.configuration == network.configuration and not loaded.training
    torch.testing.assert_close(loaded(images)[2].fused, network(images)[2].fused, rtol=0, atol=0)
    save_network(loaded, tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == (tmp_path / "network.safetensors").read_bytes()


def test_saved_in_half_precision_it_is_half_as_large(tmp_path, images):
    network = laptop()
    for name, dtype in (("single", torch.float32), ("half", torch.float16)):
        save_network(network, tmp_path / name, dtype)
    single, half = ((tmp_path / name).stat().st_size for name in ("single", "half"))
    assert half == pytest.approx(single / 2, rel=0.01)
    loaded = load_network(tmp_path / "half")
    assert {p.dtype for p in loaded.parameters()} == {torch.float32}
    torch.testing.assert_close(loaded(images)[0].belief, network(images)[0].belief, rtol=0.02, atol=0.02)


def test_the_shipped_network_is_loaded_without_a_path():
    assert load_network().configuration.name == "laptop" and load_network().lifting == "subgradient"


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "network.safetensors"
    save_network(laptop(), path)
    return path


def test_a_file_cut_short_is_refused(tmp_path, saved):
    for length in (0, 5, 100, 5000, saved.stat().st_size - 1):
        (tmp_path / "cut").write_bytes(saved.read_bytes()[:length])
        with pytest.raises(ValueError, match=r"^path: got .*cut, which can't be read .*a whole file of save_network"):
            load_network(tmp_path / "cut")


def test_files_of_another_kind_are_refused(tmp_path, saved):
    safetensors.torch.save_file({"a": torch.zeros(2)}, tmp_path / "other")
    with pytest.raises(ValueError, match=r"^path: got .*other, of layout None, expected a file of save_network"):
        load_network(tmp_path / "other")
    with pytest.raises(ValueError, match=r"^path: got .*prior.npz, which can't be read"):
        load_network(data_path("prior.npz"))
    with pytest.raises(FileNotFoundError):
        load_network(tmp_path / "nothing")


def test_weights_that_do_not_fit_are_refused(tmp_path, saved):
    weights = safetensors.torch.load_file(saved)
    del weights["fusion"]
    with safetensors.safe_open(saved, "pt") as file:
        safetensors.torch.save_file(weights, tmp_path / "less", file.metadata())
    with pytest.raises(ValueError, match=r"^path: got .*less, whose weights don't fit .*fusion"):
        load_network(tmp_path / "less")


def test_a_network_keeps_the_embedded_prior_that_it_was_trained_with(tmp_path, saved):
    older = load_older_mixture()
    save_network(build_network("laptop", older), tmp_path / "older")
    assert fingerprint(load_network(tmp_path / "older").prior) == fingerprint(older) != fingerprint(PRIOR)
    assert fingerprint(load_network(saved).prior) == fingerprint(PRIOR) == fingerprint(build_network("laptop").prior)
    other = dataclasses.replace(PRIOR, mu=PRIOR.mu * 1.01)
    save_network(build_network("laptop", other), tmp_path / "other")
    with pytest.raises(ValueError, match=f"^prior: got {fingerprint(PRIOR)} and .*, expected the prior that .*other"):
        load_network(tmp_path / "other")
    assert load_network(tmp_path / "other", other).prior is other


def test_another_prior_is_refused(saved):
    prior = dataclasses.replace(PRIOR, mu=PRIOR.mu * 1.01)
    assert fingerprint(prior) != fingerprint(PRIOR) == fingerprint(load_prior())
    with pytest.raises(ValueError, match="^prior: got .*, expected the prior that .* was trained with"):
        load_network(saved, prior)


def test_saving_needs_a_folder_and_a_float(tmp_path):
    with pytest.raises(FileNotFoundError):
        save_network(laptop(), tmp_path / "nowhere" / "network")
    with pytest.raises(ValueError, match=r"^dtype: got torch.int8"):
        save_network(laptop(), tmp_path / "network", torch.int8)
    assert not list(tmp_path.iterdir())


# --- what it costs -------------------------------------------------------------------------------------------------


def test_operations_of_a_stage_counted_by_hand():
    """The two later stages: 3 x 3 x (64 + 18) x 64, twice 3 x 3 x 64 x 64, 64 x 64, 64 x 18, at 32 x 32 places."""
    per_place = 9 * 82 * 64 + 2 * 9 * 64 * 64 + 64 * 64 + 64 * 18
    parts = by_part(laptop())
    assert parts["later stages"] == 2 * 2 * 32 * 32 * per_place
    assert parts["lifting"] < 0.01 * parts["trunk"]
    assert sum(parts.values()) == cost(laptop()).operations


def test_parameters_of_the_papers_later_stages_by_hand():
    network = build_network("paper", PRIOR, "none")
    count = sum(p.numel() for p in network.stages[0].parameters())
    kernels = 49 * (32 + 18) * 128 + 4 * 49 * 128 * 128 + 128 * 128 + 128 * 18
    assert count == kernels + 6 * 128 + 18
    assert len(network.stages) == 5


def test_bytes_kept_are_counted_once():
    x = torch.zeros(1000, requires_grad=True)
    y = torch.ones(1000)
    assert bytes_kept(lambda: (x * y + x * y).sum().backward()) == 4000  # y alone, and once
    assert bytes_kept(lambda: (x * x).sum().backward()) == 4000


def test_the_table_in_the_docs_is_what_is_counted(root):
    text = (root / "docs/network.md").read_text()
    assert table() in text and parts() in text


def test_the_papers_configuration_on_the_cpu():
    """Forward and backward, a batch of one, of half the paper's size to be quick."""
    network = build_network("paper", PRIOR)
    prediction = network(torch.rand(1, 3, 184, 184))
    assert len(prediction) == 6 and prediction[5].fused.shape == (1, 18, 23, 23)
    sum(stage.fused.square().sum() for stage in prediction).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())
