"""The lifting layer: its forward pass against `lift`, its backward pass against plain loops and autograd."""

import copy
import math
from typing import get_type_hints

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import lifting
from lifting.belief import belief_gradient, belief_maps, peaks
from lifting.camera import flip_y, tilted_camera
from lifting.datasets.motion_capture import load_motion_capture
from lifting.front import lift
from lifting.layer import LayerOptions, LiftedMaps, LiftingLayer, lift_peaks, soft_peaks
from tests.priors import random_prior

H, W = 40, 46
PRIOR = lifting.load_prior()


def people(count: int = 6, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    """Belief maps (N, 17, H, W) of motion-captured people seen from random sides, about 30 pixels high, with noise."""
    rng = np.random.default_rng(seed)
    poses = load_motion_capture().poses
    pose = poses[rng.choice(len(poses), count)]
    theta = rng.uniform(0, 2 * math.pi, count)
    Y = lifting.camera.project(pose, theta, scale=17.0) * np.array([[1], [-1]])
    Y = Y - Y.mean(-1, keepdims=True) + np.array([[W / 2], [H / 2]]) + rng.normal(0, 0.7, (count, 2, 17))
    B = belief_maps(torch.from_numpy(Y), H, W) + 0.02 * torch.from_numpy(rng.random((count, 17, H, W)))
    return B.to(dtype)


def layer(**settings) -> LiftingLayer:
    return LiftingLayer(PRIOR, **settings)


@pytest.mark.parametrize("camera", [None, tilted_camera(0.3)])
@pytest.mark.parametrize("missing", [(), (0, 7, 8, 10)])
def test_forward_is_lift_between_two_flips(camera, missing):
    B = people()
    visible = np.ones(17, dtype=bool)
    visible[list(missing)] = False
    out = layer(visible=visible, camera=camera)(B)
    Y = peaks(B)
    want = lift(flip_y(Y), PRIOR, scale=None, visible=torch.from_numpy(visible), camera=camera)
    assert torch.equal(out.landmarks, Y)
    assert torch.equal(out.component, want.component)
    torch.testing.assert_close(out.theta, want.theta)
    torch.testing.assert_close(out.pose, want.pose, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(out.Y_hat, flip_y(want.Y_hat), rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(out.scale, want.scale, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(out.B_hat, belief_maps(out.Y_hat, H, W))
    assert out.admissible.all()
    assert out.scale.median() == pytest.approx(17, rel=0.2)


def test_the_maps_are_as_wide_as_asked_and_the_settings_are_the_supplements():
    out = layer(sigma=1.7)(people())
    torch.testing.assert_close(out.B_hat, belief_maps(out.Y_hat, H, W, 1.7))
    plain = layer().options
    assert (plain.rotations, plain.sigma, plain.delta, plain.k, plain.gradient) == (80, 1.0, 1.0, 1.0, "subgradient")


def test_three_visible_landmarks_are_enough():
    out = layer(visible=np.arange(17) < 3)(people())
    assert out.admissible.any() and torch.isfinite(out.Y_hat[out.admissible]).all()


def chain_in_loops(B: torch.Tensor, g_B_hat: torch.Tensor, sigma: float, delta: float, k: float) -> torch.Tensor:
    """dL/dB written out: eq. (9) and (8) as whole matrices, "Updating B" pixel by pixel."""
    Y = peaks(B)
    result = lift(flip_y(Y), PRIOR, scale=None)
    jacobian = lifting.landmark_jacobian(result, PRIOR, centred=False)
    both = torch.kron(torch.tensor([1.0, -1.0], dtype=B.dtype), torch.ones(17, dtype=B.dtype))
    jacobian = both[:, None] * jacobian * both  # in pixels: y down on both sides
    dog = belief_gradient(flip_y(result.Y_hat), H, W, sigma, delta)
    g_Y_hat = torch.einsum("nlhw,nlchw->ncl", g_B_hat, dog).flatten(1)
    D = -(g_Y_hat[:, None] @ jacobian)[:, 0].unflatten(1, (2, 17))
    update = torch.zeros_like(B)
    for n in range(len(B)):
        for p in range(17):
            x, y = Y[n, :, p].tolist()
            Dx, Dy = D[n, :, p].tolist()
            m = k * math.hypot(Dx, Dy)
            for row in range(H):
                for column in range(W):
                    dx, dy = column - x, row - y
                    if (dx, dy) == (0, 0):
                        update[n, p, row, column] = -m
                    elif dx * Dx >= 0 and dy * Dy >= 0:
                        density = math.exp(-(dx**2 + dy**2) / (2 * sigma**2)) / (2 * math.pi * sigma**2)
                        update[n, p, row, column] = m * density
    return -update


def test_backward_is_the_chain_written_out():
    B = people(2).requires_grad_()
    out = layer(sigma=1.3, delta=0.5, k=2.0)(B)
    weights = torch.from_numpy(np.random.default_rng(1).normal(size=out.B_hat.shape))
    (out.B_hat * weights).sum().backward()
    want = chain_in_loops(B.detach(), weights, 1.3, 0.5, 2.0)
    assert want.abs().max() > 0.1
    torch.testing.assert_close(B.grad, want, rtol=1e-9, atol=1e-12)


OUTPUTS = ["landmarks", "Y_hat", "pose", "B_hat", "scale"]


@pytest.mark.parametrize("outputs", [[name] for name in OUTPUTS] + [OUTPUTS])
@pytest.mark.parametrize("camera", [None, tilted_camera(0.3)])
@pytest.mark.parametrize("missing", [(), (0, 7, 8, 10)])
def test_the_gradient_of_every_output_is_that_of_autograd(outputs, missing, camera):
    """D = -dL/dY by hand is what autograd finds through the same forward pass, with eq. (9) exact (delta None)."""
    visible = np.ones(17, dtype=bool)
    visible[list(missing)] = False
    B = people(4).requires_grad_()
    module = layer(delta=None, visible=visible, camera=camera)

    def loss(out: LiftedMaps) -> torch.Tensor:
        values = [getattr(out, name) for name in outputs]
        generator = np.random.default_rng(3)
        return sum((value * torch.from_numpy(generator.normal(size=value.shape))).sum() for value in values)

    loss(module(B)).backward()
    Y = peaks(B.detach()).requires_grad_()
    loss(lift_peaks(Y, module.model(B.dtype, B.device), (H, W), 1.0)[0]).backward()
    want = lifting.belief.belief_update_gradient(Y.detach(), -Y.grad, H, W)
    assert want.abs().max() > 1e-3
    torch.testing.assert_close(B.grad, want, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("word", ["stopped", "none"])
def test_forward_only_lets_nothing_back(word):
    B = people().requires_grad_()
    module = layer(gradient=word)
    out = module(B)
    assert module.options.gradient == "stopped"
    assert not any(value.requires_grad for value in out)
    torch.testing.assert_close(out.B_hat, layer()(B).B_hat.detach())


def test_soft_argmax_by_autograd():
    B = people(2, seed=7)[:, :, ::2, ::2].clone().requires_grad_()
    module = LiftingLayer(random_prior(0, L=17), rotations=8, gradient="soft-argmax")
    out = module(B)
    torch.testing.assert_close(out.landmarks, soft_peaks(B))
    direction = torch.from_numpy(np.random.default_rng(0).normal(size=B.shape))
    weights = torch.from_numpy(np.random.default_rng(1).normal(size=out.B_hat.shape))
    f = lambda t: ((module(B.detach() + t * direction)).B_hat * weights).sum()  # noqa: E731
    h = 1e-5
    assert torch.equal(module(B.detach() + h * direction).theta, module(B.detach() - h * direction).theta)
    (out.B_hat * weights).sum().backward()
    assert (B.grad * direction).sum().item() == pytest.approx(((f(h) - f(-h)) / (2 * h)).item(), rel=1e-6)


def test_soft_argmax_of_a_gaussian_is_its_place():
    Y = torch.tensor([[[20.0, 5.25], [7.0, 30.5]]], dtype=torch.float64)
    torch.testing.assert_close(soft_peaks(belief_maps(Y, H, W)), Y, rtol=0, atol=0.3)
    torch.testing.assert_close(soft_peaks(belief_maps(Y.round(), H, W)), Y.round(), rtol=0, atol=1e-2)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_half_and_single_precision(dtype):
    B = people(dtype=dtype).requires_grad_()
    exact = B.detach().double().requires_grad_()
    out, want = layer()(B), layer()(exact)
    assert out.B_hat.dtype == dtype
    assert {value.dtype for value in (out.landmarks, out.Y_hat, out.pose, out.scale, out.theta)} == {torch.float32}
    assert torch.equal(out.landmarks.double(), want.landmarks)
    torch.testing.assert_close(out.Y_hat.double(), want.Y_hat, rtol=1e-4, atol=1e-3)
    out.B_hat[:, :, ::2].float().sum().backward()
    want.B_hat[:, :, ::2].sum().backward()
    assert B.grad.dtype == dtype
    torch.testing.assert_close(B.grad.double(), exact.grad, rtol=0.02, atol=1e-3)


def test_autocast_changes_nothing_inside():
    B = people(dtype=torch.float32).requires_grad_()
    plain = layer()(B)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = layer()(B)
        (gradient,) = torch.autograd.grad(out.B_hat.square().sum(), B)
    for name in LiftedMaps._fields:
        assert torch.equal(getattr(out, name), getattr(plain, name)), name
    (want,) = torch.autograd.grad(plain.B_hat.square().sum(), B)
    assert torch.equal(gradient, want)


@pytest.mark.parametrize("gradient", ["subgradient", "stopped", "soft-argmax"])
def test_on_the_meta_device(gradient):
    """Shapes without values: nothing in the layer looks at a number or names a device."""
    B = torch.empty(3, 17, H, W, device="meta", requires_grad=True)
    out = layer(gradient=gradient, rotations=400)(B)
    assert {value.device.type for value in out} == {"meta"}
    assert [tuple(value.shape) for value in out] == [
        (3, 2, 17), (3, 2, 17), (3, 3, 17), (3, 17, H, W), (3,), (3,), (3,), (3,)
    ]  # fmt: skip
    if gradient != "stopped":
        out.B_hat.sum().backward()
        assert B.grad.shape == B.shape


class Watch(TorchDispatchMode):
    """Counts operations, and those that would make a host wait for its device."""

    WAITING = {"_local_scalar_dense", "nonzero", "is_nonzero", "_assert_async", "equal", "masked_select", "unique"}

    def __init__(self):
        super().__init__()
        self.count, self.waits = 0, []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.overloadpacket.__name__
        self.count += 1
        if name in self.WAITING:
            self.waits.append(name)
        return function(*args, **(kwargs or {}))


def watched(B: torch.Tensor, **settings) -> Watch:
    module = layer(**settings)
    module(B.detach())  # the tables are made at the first call
    B = B.detach().requires_grad_()
    with Watch() as watch:
        out = module(B)
        sum(value.sum() for value in (out.B_hat, out.pose)).backward()
    return watch


def test_nothing_waits_for_the_device_and_nothing_loops():
    """The number of operations depends neither on the batch nor on maps or rotations."""
    few, many = watched(people(2), rotations=20), watched(people(9), rotations=200)
    assert few.waits == many.waits == []
    assert few.count == many.count
    assert few.count > 50


def test_a_watch_sees_waiting():
    with Watch() as watch:
        bool(torch.ones(2).sum() > 1)
        torch.ones(2).nonzero()
    assert watch.waits == ["_local_scalar_dense", "nonzero"]


# Torch's compiler looks at the .grad of what comes out of a graph break, and warns of it itself.
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf:UserWarning")
def test_in_a_compiled_module():
    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.first = torch.nn.Conv2d(3, 17, 3, padding=1)
            self.lifting = layer()

        def forward(self, image):
            maps = torch.relu(self.first(image))
            return 0.5 * maps + 0.5 * self.lifting(maps).B_hat

    torch.manual_seed(0)
    net, image = Net(), torch.rand(2, 3, H, W)
    compiled = torch.compile(net, backend="aot_eager")
    net(image).square().mean().backward()
    want = net.first.weight.grad.clone()
    net.zero_grad()
    out = compiled(image)
    out.square().mean().backward()
    torch.testing.assert_close(out, net(image))
    torch.testing.assert_close(net.first.weight.grad, want)


def test_maps_and_gradient_lie_in_memory_as_the_belief_maps_do():
    """Landmark by landmark, or pixel by pixel ("channels last"), also where B is a part of more maps."""
    B = people(3, dtype=torch.float32)
    by_landmark = B.clone(memory_format=torch.contiguous_format).requires_grad_()
    more = torch.cat([B, B[:, :1]], dim=1).contiguous(memory_format=torch.channels_last)
    by_pixel = more[:, :17].requires_grad_()
    one, other = layer()(by_landmark), layer()(by_pixel)
    assert torch.equal(one.B_hat, other.B_hat)
    assert one.B_hat.is_contiguous() and other.B_hat.is_contiguous(memory_format=torch.channels_last)
    (want,), (found,) = (
        torch.autograd.grad(out.B_hat.square().sum(), maps) for out, maps in ((one, by_landmark), (other, by_pixel))
    )
    torch.testing.assert_close(found, want)
    assert want.is_contiguous() and found.is_contiguous(memory_format=torch.channels_last)


def test_more_rotations_than_the_search_takes_at_once():
    B = people()
    out, want = layer(rotations=1000)(B), lift(flip_y(peaks(B)), PRIOR, scale=None, rotations=1000)
    torch.testing.assert_close(out.theta, want.theta)
    torch.testing.assert_close(out.pose, want.pose, rtol=1e-9, atol=1e-9)


def test_an_empty_batch():
    B = torch.zeros(0, 17, H, W, requires_grad=True)
    out = layer()(B)
    assert out.pose.shape == (0, 3, 17)
    out.B_hat.sum().backward()
    assert B.grad.shape == B.shape


def test_frames_do_not_touch_each_other():
    B = people()
    whole, part = layer()(B), layer()(B[2:4])
    for name in LiftedMaps._fields:
        torch.testing.assert_close(getattr(whole, name)[2:4], getattr(part, name))


def backward(B: torch.Tensor, **settings) -> tuple[LiftedMaps, torch.Tensor]:
    B = B.clone().requires_grad_()
    out = layer(**settings)(B)
    weights = torch.from_numpy(np.random.default_rng(0).normal(size=out.B_hat.shape)).to(B)
    (out.B_hat * weights).sum().backward()
    return out, B.grad


@pytest.mark.parametrize("level", [0.0, 0.3])
def test_constant_maps_pass_through(level):
    """All peaks at pixel (0, 0), the lowest index: one point, which no scale > 0 explains."""
    B = people(3)
    B[1] = level
    out, gradient = backward(B)
    assert out.admissible.tolist() == [True, False, True]
    assert (out.landmarks[1] == 0).all() and (out.Y_hat[1] == 0).all()
    assert (out.pose[1] == 0).all() and torch.isinf(out.scale[1])
    assert torch.isfinite(gradient).all() and torch.isfinite(out.B_hat).all()
    alone = backward(B[[0, 0, 2]])[1]
    torch.testing.assert_close(gradient[2], alone[2])


@pytest.mark.filterwarnings("ignore::lifting.misfit.PoorFit")
def test_a_person_upside_down_passes_through():
    """The mean of a component, standing on its head: at some headings no rotation fits with a scale > 0."""
    Y = lifting.camera.project(PRIOR.mu[0], np.linspace(0, 2 * math.pi, 12, endpoint=False), scale=17.0)
    B = belief_maps(torch.from_numpy(Y + [[W / 2], [H / 2]]), H, W)  # y up read as rows, which count downwards
    Y = peaks(B)
    out, gradient = backward(B)
    for n, fits in enumerate(out.admissible.tolist()):
        if fits:
            torch.testing.assert_close(lift(flip_y(Y[n]), PRIOR, scale=None).pose, out.pose[n].detach())
        else:
            with pytest.raises(ValueError, match="upside down"):
                lift(flip_y(Y[n]), PRIOR, scale=None)
    through = ~out.admissible
    assert through.any() and not through.all()
    assert torch.equal(out.Y_hat[through], Y[through])
    assert torch.equal(out.pose[through, :2], flip_y(Y)[through]) and (out.pose[through, 2] == 0).all()
    metres = out.pose / out.scale[:, None, None]
    assert (metres[through] == 0).all()
    assert torch.isfinite(gradient).all() and (gradient[through] != 0).any()


def test_nan_stays_where_it_is():
    """The landmark of a map with a NaN is NaN, its frame passes through, and other frames don't notice."""
    B = people(3)
    clean, gradient_clean = backward(B)
    B[1, 4, 3, 3] = math.nan
    out, gradient = backward(B)
    for name in ("landmarks", "Y_hat", "pose", "B_hat", "scale"):
        torch.testing.assert_close(getattr(out, name)[[0, 2]], getattr(clean, name)[[0, 2]])
    assert out.admissible.tolist() == [True, False, True]
    others = [p for p in range(17) if p != 4]
    assert torch.equal(out.Y_hat[1][:, others], peaks(B[1:2, others])[0])
    assert torch.isnan(out.Y_hat[1, :, 4]).all() and torch.isnan(out.B_hat[1, 4]).all()
    assert torch.isfinite(out.B_hat[1, others]).all()
    torch.testing.assert_close(gradient[[0, 2]], gradient_clean[[0, 2]])
    assert torch.isfinite(gradient[1, others]).all() and torch.isnan(gradient[1, 4]).all()


def test_infinite_beliefs():
    """A peak like any other to an argmax; a NaN to a soft-argmax."""
    B = people(2)
    place = [int(x) for x in peaks(B)[1, :, 4]]
    want = layer()(B)
    B[1, 4, place[1], place[0]] = math.inf
    out, gradient = backward(B)
    assert torch.equal(out.landmarks, want.landmarks) and torch.isfinite(gradient).all()
    soft = layer(gradient="soft-argmax")(B)
    assert torch.isnan(soft.landmarks[1, :, 4]).all() and torch.isfinite(soft.landmarks[0]).all()
    B[1] = -math.inf
    out, gradient = backward(B)
    assert out.admissible.tolist() == [True, False] and torch.isfinite(gradient[0]).all()


def test_what_can_not_be_differentiated_says_so():
    B = people(2).requires_grad_()
    out = layer()(B)
    assert not any(getattr(out, name).requires_grad for name in ("theta", "component", "admissible"))
    assert all(getattr(out, name).requires_grad for name in ("landmarks", "Y_hat", "pose", "B_hat", "scale"))
    (once,) = torch.autograd.grad(out.B_hat.square().sum(), B, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        once.sum().backward()


def test_the_sharpness_is_that_of_the_softmax():
    B = people(2)
    flat, sharp = (layer(gradient="soft-argmax", sharpness=sharpness)(B).landmarks for sharpness in (1.0, 200.0))
    middle = torch.tensor([(B.shape[-1] - 1) / 2, (B.shape[-2] - 1) / 2])
    assert (flat - middle[:, None]).norm(dim=1).max() < 3 < (sharp - middle[:, None]).norm(dim=1).max()
    assert (sharp - peaks(B)).norm(dim=1).max() < 0.6


def test_maps_of_one_pixel():
    out, gradient = backward(torch.rand(2, 17, 1, 1))
    assert (out.landmarks == 0).all() and not out.admissible.any()
    assert torch.isfinite(gradient).all()


def test_equal_peaks_take_the_lowest_index_and_corners_count():
    B = people(1)
    B[0, 3] = 0
    B[0, 3, 0, 0] = B[0, 3, H - 1, W - 1] = 2.0
    out, gradient = backward(B)
    assert out.landmarks[0, :, 3].tolist() == [0, 0]
    assert torch.isfinite(gradient).all()
    assert gradient[0, 3, 0, 0] > 0


def test_a_landmark_projected_outside_the_map():
    Y = peaks(people(1))
    Y[0, 0] += W - 8 - Y[0, 0].min()  # the person half out of the picture, what is outside clamped to its border
    B = belief_maps(torch.stack([Y[:, 0].clamp(0, W - 1), Y[:, 1]], 1), H, W)
    out, gradient = backward(B)
    assert (out.Y_hat[:, 0] > W - 1).any()
    assert torch.isfinite(out.B_hat).all() and torch.isfinite(gradient).all()


def confidences(count: int, seed: int = 5) -> torch.Tensor:
    """Weights (N, 17) between 0 and 2, some of them 0 and some 1."""
    rng = np.random.default_rng(seed)
    weights = rng.uniform(0.05, 2.0, (count, 17))
    weights[rng.random((count, 17)) < 0.2] = 0.0
    weights[rng.random((count, 17)) < 0.2] = 1.0
    return torch.from_numpy(weights)


def weighted_layers(B: torch.Tensor, camera=None) -> list[tuple[torch.Tensor, LiftingLayer, tuple]]:
    """Weights (N, 17), a layer and its further arguments: of all frames, of each, and both."""
    own, frame = confidences(1)[0], confidences(len(B), seed=6)
    return [
        (own.expand(len(B), -1), layer(weights=own.numpy(), camera=camera, delta=None), ()),
        (frame, layer(camera=camera, delta=None), (frame,)),
        (own * frame, layer(weights=own, camera=camera, delta=None), (frame.numpy(),)),
    ]


@pytest.mark.parametrize("camera", [None, tilted_camera(0.3)])
def test_with_weights_it_is_lift_with_weights(camera):
    B = people()
    for weights, module, more in weighted_layers(B, camera):
        out, want = module(B, *more), lift(flip_y(peaks(B)), PRIOR, scale=None, weights=weights, camera=camera)
        assert torch.equal(out.component, want.component)
        torch.testing.assert_close(out.theta, want.theta)
        torch.testing.assert_close(out.pose, want.pose, rtol=1e-9, atol=1e-9)
        torch.testing.assert_close(out.Y_hat, flip_y(want.Y_hat), rtol=1e-9, atol=1e-9)
        torch.testing.assert_close(out.scale, want.scale, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("camera", [None, tilted_camera(0.3)])
def test_with_weights_the_gradient_is_that_of_autograd(camera):
    B = people(4)
    for weights, module, more in weighted_layers(B, camera):
        leaf, Y = B.clone().requires_grad_(), peaks(B).requires_grad_()
        model = module.model(B.dtype, B.device, *map(torch.as_tensor, more))
        out, plain = module(leaf, *more), lift_peaks(Y, model, (H, W), 1.0)[0]
        for result in (out, plain):
            rng = np.random.default_rng(3)
            values = [getattr(result, name) for name in OUTPUTS]
            sum((value * torch.from_numpy(rng.normal(size=value.shape))).sum() for value in values).backward()
        torch.testing.assert_close(
            leaf.grad, lifting.belief.belief_update_gradient(Y.detach(), -Y.grad, H, W), rtol=1e-8, atol=1e-10
        )
        # H = E (E^T W E + S^2)^-1 E^T W: what doesn't count doesn't pull, and is at most told to be where it is
        alone = torch.autograd.grad(module(leaf, *more).B_hat.square().sum(), leaf)[0]
        assert (alone[weights == 0] == 0).all() and (alone[weights > 0].abs().amax((1, 2)) > 0).all()


def test_with_weights_the_forward_pass_has_the_derivative_that_differences_show():
    B = people(2)
    for _, module, more in weighted_layers(B)[:2]:
        model = module.model(B.dtype, B.device, *map(torch.as_tensor, more))
        Y = peaks(B).requires_grad_()
        assert torch.autograd.gradcheck(lambda Y, model=model: lift_peaks(Y, model, (H, W), 1.0)[0][1:3], (Y,))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_weights_of_one_are_no_weights(dtype):
    B = people(dtype=dtype)
    out, gradient = backward(B)
    for module, more in (
        (layer(weights=np.ones(17)), ()),
        (layer(), (np.ones((6, 17)),)),
        (layer(), (B[:, :, 0, 0] < 9,)),
    ):
        leaf = B.clone().requires_grad_()
        same = module(leaf, *more)
        factor = torch.from_numpy(np.random.default_rng(0).normal(size=out.B_hat.shape)).to(B)
        (same.B_hat * factor).sum().backward()
        assert all(torch.equal(*pair) for pair in zip(out, same, strict=True)) and torch.equal(leaf.grad, gradient)


def test_booleans_are_the_weights_0_and_1():
    B, visible = people(), np.ones(17, dtype=bool)
    visible[[0, 7]] = False
    want, frames = layer(visible=visible)(B), torch.from_numpy(visible).expand(6, -1)
    listed = frames.float().tolist()
    outs = [layer()(B, frames), layer()(B, listed), layer(weights=visible * 1.0)(B)]
    for out in (*outs, layer(visible=visible)(B, torch.ones(6, 17))):
        for name in LiftedMaps._fields:
            torch.testing.assert_close(getattr(out, name), getattr(want, name), rtol=1e-9, atol=1e-9)


def test_what_a_map_holds_does_not_count_where_its_weight_is_0():
    B, weights = people(3), torch.ones(3, 17)
    weights[1, 4] = 0
    want = layer()(B, weights)
    B[1, 4] = math.nan
    out = layer()(B, weights)
    assert out.admissible.all()
    torch.testing.assert_close(out.B_hat, want.B_hat)
    visible = weights[1].numpy() > 0
    torch.testing.assert_close(layer(visible=visible)(B).B_hat[1], want.B_hat[1])


def test_where_too_little_counts_the_frame_passes_through():
    B, weights = people(4), torch.ones(4, 17)
    weights[1], weights[2, 2:] = 0, 0
    leaf = B.clone().requires_grad_()
    out = layer()(leaf, weights)
    out.B_hat.square().sum().backward()
    assert out.admissible.tolist() == [True, False, False, True]
    assert torch.equal(out.Y_hat[1:3], out.landmarks[1:3]) and torch.isinf(out.scale[1:3]).all()
    assert torch.isfinite(leaf.grad).all()
    torch.testing.assert_close(out.pose[[0, 3]], layer()(B[[0, 3]]).pose)


def test_nothing_flows_back_into_weights():
    weights = confidences(2).requires_grad_()
    B = people(2).requires_grad_()
    layer()(B, weights).B_hat.sum().backward()
    assert weights.grad is None and B.grad.any()


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.ones(17), r"weights: got shape \(17,\), expected shape \(2, 17\)"),
        (np.ones((2, 16)), r"weights: got shape \(2, 16\)"),
        (-np.ones((2, 17)), "weights: got numbers that are negative or not finite, expected finite numbers >= 0"),
        (np.full((2, 17), np.nan), "weights: got numbers that are negative or not finite"),
        (np.full((2, 17), np.inf), "weights: got numbers that are negative or not finite"),
        (np.full((2, 17), "a"), "weights: got ndarray of dtype"),
    ],
)
def test_bad_weights_of_frames(weights, message):
    with pytest.raises(ValueError, match=message):
        layer()(people(2), weights)


def test_a_gradient_of_zero_is_zero():
    B = people(2).requires_grad_()
    (layer()(B).B_hat * 0).sum().backward()
    assert (B.grad == 0).all()
    B.grad = None
    layer(k=0)(B).B_hat.sum().backward()
    assert (B.grad == 0).all()


def test_it_has_no_parameters_and_can_be_copied():
    module = layer()
    assert list(module.parameters()) == [] and module.state_dict() == {}
    B = people(2)
    assert torch.equal(copy.deepcopy(module)(B).pose, module(B).pose)
    assert "rotations=80" in repr(module)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rotations": 0}, "rotations: got 0, expected a whole number >= 1"),
        ({"sigma": 0.0}, "sigma: got 0.0, expected a finite number > 0"),
        ({"sigma": -1.0}, "sigma: got -1.0"),
        ({"delta": 0.0}, "delta: got 0.0"),
        ({"k": -1.0}, "k: got -1.0"),
        ({"k": math.nan}, "k: got nan"),
        ({"sharpness": 0.0}, "sharpness: got 0.0"),
        ({"gradient": "hard"}, "gradient: got 'hard', expected 'subgradient', 'stopped' or 'soft-argmax'"),
        (
            {"visible": np.ones(16, dtype=bool)},
            r"visible: got shape \(16,\), expected shape \(17,\)",
        ),
        ({"visible": np.ones(17)}, "visible: got an array of float64"),
        ({"visible": np.arange(17) < 2}, "visible: got 2 visible landmarks, expected at least 3"),
        ({"camera": np.ones((3, 3))}, "camera: got a matrix"),
        ({"weights": -np.ones(17)}, "weights: got -1.0, expected numbers >= 0"),
        ({"weights": np.ones(16)}, r"weights: got shape \(16,\), expected shape \(17,\)"),
        ({"weights": np.eye(17)[0]}, "weights: got 1 above 0, expected at least 3"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        layer(**settings)


def test_arrays_that_change_later_change_nothing():
    B, weights, camera = people(2), np.arange(17.0), tilted_camera(0.3)
    module = layer(weights=weights, camera=camera)
    want = module(B)
    weights[:], camera[:] = 1, np.eye(3)
    assert torch.equal(module(B).pose, want.pose)


def test_unknown_keywords_are_refused_and_help_shows_the_known_ones():
    with pytest.raises(
        TypeError, match=r"LiftingLayer\(\) got sigmas, expected no other keywords than rotations, sigma"
    ):
        layer(sigmas=1.0)
    for name in get_type_hints(LayerOptions):
        assert f"{name}:" in LiftingLayer.__doc__


def test_a_prior_that_is_none():
    with pytest.raises(ValueError, match="prior: got dict, expected a PosePrior"):
        LiftingLayer({})


@pytest.mark.parametrize(
    ("B", "message"),
    [
        (torch.zeros(2, 16, H, W), r"B: got shape \(2, 16, 40, 46\), expected shape \(N, 17, H, W\)"),
        (torch.zeros(17, H, W), r"B: got shape \(17, 40, 46\)"),
        (torch.zeros(2, 17, 0, W), r"B: got shape \(2, 17, 0, 46\)"),
        (torch.zeros(2, 17, H, W, dtype=torch.int64), "B: got torch.int64, expected a floating-point tensor"),
        (np.zeros((2, 17, H, W)), "B: got float64, expected a floating-point tensor"),
        ([1.0], "B: got list"),
    ],
)
def test_bad_maps(B, message):
    with pytest.raises(ValueError, match=message):
        layer()(B)
