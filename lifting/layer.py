"""The lifting layer: belief maps in, the belief maps of the lifted pose out, the supplement's gradients behind.

    forward     B -> Y           the peak of every map                                              main paper 5
                  -> theta, s, b the best rotation, scale and coefficients                          (2), (6)
                  -> Y_hat       the projected pose                                                 (1)
                  -> B_hat       one Gaussian for each of its landmarks                             main paper 5

    backward    dL/dB_hat -> dL/dY_hat    difference of Gaussians                                   (9)
                          -> dL/dY        E E_bar_t, transposed                                     (8)
                          -> dL/dB        minus the update, with D = -dL/dY                         "Updating B"

Pixels count rows downwards, the world's y axis points up: `_flip`, once on the way in and once on the way out, is
the one place where the sign changes.

For each component and rotation E and E_bar_t depend on the prior alone. They are computed once, in float64, so that a
call is a search, two gathers and a few products: nothing in it waits for the device, and the backward pass solves no
system.
"""

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import nn
from torch.autograd.function import once_differentiable

from lifting.belief import belief_maps, belief_update_gradient, peaks, pull_back_maps
from lifting.camera import ROTATIONS, rotation_angles, turn
from lifting.landmark_gradient import landmark_model, pull_back
from lifting.pose_prior import PosePrior
from lifting.search import exhaustive, find_winners
from lifting.solve import unwrap, wrap
from lifting.support.arrays import Array, check_count, check_positive, check_rotation, fail, single, to_numpy, trusted
from lifting.tables import Table, table
from lifting.turned import turn_prior

Gradient = Literal["subgradient", "none", "soft-argmax"]

SHARPNESS = 20.0
"""Factor on the beliefs before the softmax of "soft-argmax": a peak of height 1 on a background of 0 then outweighs
some thousand background pixels to within a hundredth of a pixel."""


class LiftedMaps(NamedTuple):
    """What the layer gives for belief maps B (N, L, H, W); pixels are those of the maps, x = column and y = row."""

    landmarks: Float[torch.Tensor, "N 2 L"]
    """Y: the location of each map's peak, pixels."""
    Y_hat: Float[torch.Tensor, "N 2 L"]
    """The landmarks of the projected pose, pixels; they may lie outside the map."""
    pose: Float[torch.Tensor, "N 3 L"]
    """The pose in the camera's frame as `lifting.lift` gives it: in pixels, x to the right, **y up** (minus the row), z
    towards the viewer. Divided by the scale it is in metres."""
    B_hat: Float[torch.Tensor, "N L H W"]
    """The projected belief maps, in the dtype of B."""
    scale: Float[torch.Tensor, " N"]
    """s: what one metre measures in the map, pixels."""
    theta: Float[torch.Tensor, " N"]
    """Angle about the vertical, radians in [0, 2 pi)."""
    component: Int[torch.Tensor, " N"]
    """Index of the winning component of the prior."""
    admissible: Bool[torch.Tensor, " N"]
    """False where no rotation fits with a scale > 0 (a person upside down, or all peaks at one pixel). Such a frame
    passes through: Y_hat = landmarks, a flat pose (z = 0), an infinite scale, and gradients that pass through too."""


class LiftingLayer(nn.Module):
    """The lifting layer between two stages of the network. Supplement, section 1; main paper, section 5.

    Args:
        prior: the statistical model of pose.
        rotations: how many equally spaced angles about the vertical are searched.
        sigma: width of the Gaussians of B_hat and of the update, pixels.
        delta: the step of eq. (9), pixels; None for the exact derivative.
        k: the factor of "Updating B": how far the gradient reaches into the maps.
        gradient: what flows back into B. "subgradient": the supplement's; "none": nothing (the lifting counts in the
            forward pass only, as the supplement suggests); "soft-argmax": the peak is replaced by the mean of
            softmax(sharpness B), and torch differentiates everything (for comparison).
        sharpness: that factor; used by "soft-argmax" alone.
        visible: (L,), False for landmarks that the maps don't show; what those maps hold is ignored. All where None.
        camera: (3, 3), the known rotation of a camera that is not level.

    It has no parameters. The scale is free (weak perspective). Computed in the dtype of B, in float32 at least, with
    autocast off inside: the search decides between rotations whose costs are nearly equal. The landmark of a map that
    holds a NaN is NaN, and so are its B_hat and its gradient; its frame passes through, and other frames don't notice.
    An infinite belief is a peak like any other to an argmax; to "soft-argmax" it is a NaN.

    Raises:
        ValueError: an argument of a wrong type or value; maps that are no floating-point tensor (N, L, H, W).
    """

    def __init__(
        self,
        prior: PosePrior,
        rotations: int = ROTATIONS,
        sigma: float = 1.0,
        delta: float | None = 1.0,
        k: float = 1.0,
        gradient: Gradient = "subgradient",
        *,
        sharpness: float = SHARPNESS,
        visible: Bool[Array, " L"] | None = None,
        camera: Float[Array, "3 3"] | None = None,
    ):
        super().__init__()
        if not isinstance(prior, PosePrior):
            fail("prior", type(prior).__name__, "a PosePrior, as from load_prior")
        if gradient not in get_args(Gradient):
            fail("gradient", repr(gradient), "'subgradient', 'none' or 'soft-argmax'")
        self.prior = prior
        self.rotations = check_count("rotations", rotations)
        self.sigma = check_positive("sigma", sigma)
        self.delta = None if delta is None else check_positive("delta", delta)
        self.k = check_positive("k", k, zero=True)
        self.gradient = gradient
        self.sharpness = check_positive("sharpness", sharpness)
        self.visible = _check_visible(visible, prior.mu.shape[-1])
        self.camera = None if camera is None else tuple(map(float, to_numpy(check_rotation("camera", camera)).ravel()))

    def extra_repr(self) -> str:
        """What print shows."""
        K, J = self.prior.sigma.shape
        return (
            f"prior of {K} components of {J} bases, rotations={self.rotations}, sigma={self.sigma}, "
            f"delta={self.delta}, k={self.k}, gradient={self.gradient!r}"
        )

    def forward(self, B: Float[torch.Tensor, "N L H W"]) -> LiftedMaps:
        """Lift belief maps (N, L, H, W), on any device. Within `torch.compile` the graph breaks here."""
        # not as a decorator, which would load the compiler, for seconds, wherever the package is imported
        lifted: LiftedMaps = (torch.compiler.disable(self._lift) if torch.compiler.is_compiling() else self._lift)(B)
        return lifted

    def _lift(self, B: torch.Tensor) -> LiftedMaps:
        L = self.prior.mu.shape[-1]
        if not torch.is_tensor(B) or not B.is_floating_point():
            fail("B", getattr(B, "dtype", type(B).__name__), "a floating-point tensor of belief maps")
        if B.ndim != 4 or B.shape[1] != L or 0 in B.shape[2:]:
            fail("B", f"shape {tuple(B.shape)}", f"shape (N, {L}, H, W), one map for each landmark of the prior")
        model = lifted_model(self.prior, self.rotations, self.visible, self.camera, single(B[:0]).dtype, B.device)
        with _full_precision(B.device), trusted():
            if self.gradient == "subgradient":
                return LiftedMaps(*_Subgradient.apply(B, model, self.sigma, self.delta, self.k))
            if self.gradient == "soft-argmax":
                return _lift_maps(B, soft_peaks(B, self.sharpness), model, self.sigma)[0]
            return _lift_maps(B, peaks(B.detach()), model, self.sigma)[0]


class _Subgradient(torch.autograd.Function):
    """The layer with the gradients of the supplement."""

    @staticmethod
    def forward(ctx: Any, B: torch.Tensor, model: "LiftedModel", sigma: float, delta: float | None, k: float) -> Any:
        lifted, winner = _lift_maps(B, peaks(B.contiguous()), model, sigma)
        ctx.save_for_backward(lifted.landmarks, lifted.Y_hat, lifted.admissible, *winner)
        ctx.mark_non_differentiable(lifted.theta, lifted.component, lifted.admissible)
        ctx.model, ctx.size, ctx.settings, ctx.format = model, B.shape[-2:], (sigma, delta, k), _memory_format(B)
        return tuple(lifted)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        with _full_precision(gradients[0].device), trusted():
            g_B = _pull_back(gradients[:5], ctx.saved_tensors, ctx.model.visible, ctx.size, *ctx.settings)
        return g_B.to(gradients[3].dtype).contiguous(memory_format=ctx.format), None, None, None, None


def _pull_back(
    gradients: Sequence[torch.Tensor],
    saved: Sequence[torch.Tensor],
    visible: torch.Tensor,
    size: tuple[int, int],
    sigma: float,
    delta: float | None,
    k: float,
) -> torch.Tensor:
    """The backward pass: from the gradients on all that the layer gives to that on B, the supplement's."""
    g_Y, g_Y_hat, g_pose, g_B_hat, g_scale = gradients
    Y, Y_hat, admissible, E, E_bar_t = saved
    # (9)  dL/dY_hat = dL/dB_hat . dB_hat/dY_hat
    g_Y_hat = g_Y_hat + pull_back_maps(g_B_hat.contiguous(), Y_hat, sigma, delta)
    # (8)  dL/dY = dL/dY_hat . E E_bar_t
    g_pose = torch.cat([g_pose[:, :2] + _flip(g_Y_hat), g_pose[:, 2:]], dim=1)
    g_Y = g_Y + _flip(_pull_back_pose(g_pose, g_scale, E, E_bar_t, admissible, visible))
    # "Updating B"  the update is made for D = -dL/dY, and the gradient is minus the update
    return belief_update_gradient(Y, -g_Y, *size, k, sigma)


def _lift_maps(
    B: torch.Tensor, Y: torch.Tensor, model: "LiftedModel", sigma: float
) -> tuple[LiftedMaps, tuple[torch.Tensor, torch.Tensor]]:
    """The forward pass from landmarks Y (N, 2, L) in pixels; and E and E_bar_t of every frame's winner.

    Plain torch: autograd can differentiate it, at the rotation and component that won.
    """
    world, weight = _flip(Y), model.visible
    middle = (world @ weight / weight.sum())[..., None]
    centred = (world - middle) * weight
    component, angle, admissible = _find(model.search, centred.detach())
    E, E_bar_t = model.E[component, angle], model.E_bar_t[component, angle]
    # (6)  [s, b] = E_bar_t y
    sb = (E_bar_t @ unwrap(centred)[..., None])[..., 0]
    # (1)  pose = R (s mu + b.e), with the translation that the landmarks have
    pose = (E @ sb[..., None])[..., 0].unflatten(1, (3, -1))
    pose = torch.cat([pose[:, :2] + middle, pose[:, 2:]], dim=1)
    flat = torch.cat([world, torch.zeros_like(world[:, :1])], dim=1)
    pose = torch.where(admissible[:, None, None], pose, flat)
    scale = torch.where(admissible, sb[:, 0], math.inf)
    Y_hat = _flip(pose[:, :2])
    B_hat = belief_maps(Y_hat, B.shape[2], B.shape[3], sigma).to(B.dtype).contiguous(memory_format=_memory_format(B))
    lifted = LiftedMaps(Y, Y_hat, pose, B_hat, scale, model.search.theta[angle], component, admissible)
    return lifted, (E, E_bar_t)


def _pull_back_pose(
    g_pose: torch.Tensor,
    g_scale: torch.Tensor,
    E: torch.Tensor,
    E_bar_t: torch.Tensor,
    admissible: torch.Tensor,
    weight: torch.Tensor,
) -> torch.Tensor:
    """dL/dY (N, 2, L), y up, from dL/dpose (N, 3, L) and dL/ds (N,): eq. (8) in image coordinates, transposed."""
    g = pull_back(E, E_bar_t, g_pose.flatten(1)) + g_scale[:, None] * E_bar_t[:, 0]
    # the mean of the landmarks passes straight through
    through = g_pose[:, :2].sum(-1, keepdim=True) * weight / weight.sum()
    return torch.where(admissible[:, None, None], wrap(g) + through, g_pose[:, :2])


def _find(tab: Table, centred: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Component, index of the angle and whether there is an admissible one, by the search of eq. (2).

    It wants landmarks of unit size; a point, which has none, stays a point and has no admissible rotation.
    """
    size = centred.square().sum((1, 2), keepdim=True).sqrt()
    found = find_winners(tab, centred / torch.where(size > 0, size, 1))
    return found.component, found.angle, found.admissible


def _flip(Y: torch.Tensor) -> torch.Tensor:
    """Rows of an image, which count downwards, to the y axis of the world, which points up; and back."""
    return torch.stack([Y[:, 0], -Y[:, 1]], dim=1)


def soft_peaks(B: Float[torch.Tensor, "N L H W"], sharpness: float = SHARPNESS) -> Float[torch.Tensor, "N 2 L"]:
    """The mean location under softmax(sharpness B) of every map, pixels: what "soft-argmax" has in the place of Y."""
    weight = torch.softmax(sharpness * single(B).flatten(2), dim=-1).unflatten(2, B.shape[2:])
    rows, columns = (torch.arange(size, device=B.device, dtype=weight.dtype) for size in B.shape[2:])
    return torch.stack([weight.sum(2) @ columns, weight.sum(3) @ rows], dim=1)


@dataclass(frozen=True, eq=False)
class LiftedModel:
    """What the layer needs of a prior of K components at T rotations, on one device and in one dtype."""

    search: Table
    E: torch.Tensor  # (K, T, 3 L, J + 1) from scale and coefficients (s, b) to the centred pose: mu and e, turned
    E_bar_t: torch.Tensor  # (K, T, J + 1, 2 L) from centred landmarks to (s, b), the truncation in eq. (8)
    visible: torch.Tensor  # (L,) 1 where the maps show the landmark, else 0


@lru_cache(maxsize=16)
def lifted_model(
    prior: PosePrior,
    rotations: int,
    visible: tuple[bool, ...] | None,
    camera: tuple[float, ...] | None,
    dtype: torch.dtype,
    device: torch.device,
) -> LiftedModel:
    """The precomputed `LiftedModel`, cached: `visible` and `camera` as flat tuples, so that they can be keys."""
    theta = rotation_angles(rotations)
    mu, e = prior.mu[:, None], prior.e[:, None]
    seen = np.ones(mu.shape[-1], dtype=bool) if visible is None else np.array(visible)
    C = None if camera is None else np.reshape(camera, (3, 3))
    E, E_bar_t = landmark_model(prior.gaussian(np.s_[:, None]), theta, free_scale=True, weights=seen, camera=C)
    depth = turn(np.concatenate([mu[:, :, None], e], axis=2), theta[:, None], C)[..., 2, :]
    E = np.concatenate([E, np.swapaxes(depth, -1, -2)], axis=-2)
    turned = turn_prior(prior, rotations, free_scale=True, weights=None if visible is None else 1.0 * seen, camera=C)
    search = exhaustive(table(turned, dtype, device))
    return LiftedModel(search, *(torch.tensor(value, dtype=dtype, device=device) for value in (E, E_bar_t, 1.0 * seen)))


def _check_visible(visible: Array | None, L: int) -> tuple[bool, ...] | None:
    """The static mask as a tuple, None where everything is seen."""
    if visible is None:
        return None
    seen = to_numpy(visible)
    if seen.dtype != bool or seen.shape != (L,):
        fail("visible", f"an array of {seen.dtype} with shape {seen.shape}", f"booleans of shape ({L},)")
    if seen.sum() < 3:
        fail("visible", f"{int(seen.sum())} visible landmarks", "at least 3, to fix the angle and the scale")
    return None if seen.all() else tuple(seen.tolist())


def _full_precision(device: torch.device) -> AbstractContextManager[Any]:
    """Autocast off, where the device has it."""
    if torch.amp.is_autocast_available(device.type):
        return torch.autocast(device.type, enabled=False)
    return nullcontext()


def _memory_format(B: torch.Tensor) -> torch.memory_format:
    """Channels last where the values of all landmarks at a pixel lie side by side, as convolutions may want it."""
    return torch.channels_last if B.stride(1) < B.stride(3) else torch.contiguous_format
