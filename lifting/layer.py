"""The lifting layer: belief maps in, the belief maps of the lifted pose out, the supplement's gradients behind.

    forward     B -> Y           the peak of every map                                              main paper 5
                  -> R, s, b     the best rotation; its scale and coefficients                      (2), (6)
                  -> Y_hat       the projected pose                                                 (1)
                  -> B_hat       one Gaussian for each of its landmarks                             main paper 5

    backward    dL/dB_hat -> dL/dY_hat    difference of Gaussians                                   (9)
                          -> dL/dY        E E_bar_t, transposed                                     (8)
                          -> dL/dB        minus the update, with D = -dL/dY                         "Updating B"

The peaks are whole pixels, as the supplement's are as far as its text tells; with `subpixel` they lie between pixels,
forwards and backwards (ours: `belief.belief_update_between`).

`lift_peaks` is the one and `pull_back_to_peaks`, below it, the other. All else is what a layer of torch needs.

For each component and rotation E and E_bar_t depend on the prior alone (`lifting.turned`). They are computed once, in
float64, so that a call is a search, two gathers and a few products: nothing in it waits for the device, and the
backward pass solves no system. Only where every frame has weights of its own each has a system, and an E_bar_t, of its
own; the search then looks at the weights' values. `lifting.updating` has the same chain for reading, in NumPy.
"""

import math
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Annotated, Any, Literal, NamedTuple, TypedDict, Unpack, get_args

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import nn
from torch.autograd.function import once_differentiable

from lifting.belief import belief_maps, belief_update_between, belief_update_gradient, peaks, pull_back_maps
from lifting.camera import ROTATIONS, flip_y
from lifting.confidence import Forms, find_weighted, forms
from lifting.landmark_gradient import landmark_model, pull_back
from lifting.pose_prior import Gaussian, PosePrior
from lifting.search import Found, exhaustive, extended, find_winners
from lifting.solve import unwrap, weighted_mean, wrap
from lifting.support.arrays import Array, check_floating, fail, refuse, single, to_numpy, trusted
from lifting.support.checked import Camera, Count, NonNegative, Positive, checked
from lifting.support.tensors import full_precision, layout, stored
from lifting.tables import Table, table, tensor
from lifting.turned import TurnedPrior, turn_prior

Gradient = Literal["subgradient", "stopped", "soft-argmax"]

SHARPNESS = 20.0
"""Factor on the beliefs before the softmax of "soft-argmax": a peak of height 1 on a background of 0 then outweighs
some thousand background pixels to within a hundredth of a pixel."""

FEWEST = 3
"""Landmarks that fix the angle and the scale."""


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


class Winner(NamedTuple):
    """The rotation and component that won for N frames, and the matrices of eq. (8) there."""

    theta: torch.Tensor
    """(N,) radians."""
    component: torch.Tensor
    """(N,) index of the component."""
    admissible: torch.Tensor
    """(N,) whether there was one."""
    E: torch.Tensor
    """(N, 3L, J + 1) from scale and coefficients to the turned pose; its x and y count from the landmarks' mean."""
    E_bar_t: torch.Tensor
    """(N, J + 1, 2L) from landmarks, counted from their mean, to scale and coefficients."""


def lift_peaks(Y: torch.Tensor, model: "LiftedModel", size: Sequence[int], sigma: float) -> tuple[LiftedMaps, Winner]:
    """The forward pass, from landmarks Y (N, 2, L) in pixels to maps of `size` (H, W), and the winners.

    Plain torch: autograd can differentiate it, at the rotation and component that won.
    """
    world = flip_y(Y)
    seen = world if model.weights is None else torch.where(model.weights[:, None] > 0, world, 0)
    middle = weighted_mean(seen, model.weights)
    # (2)  R and the component
    winner = model.find(seen - middle)
    # (6)  [s, b] = E_bar_t y
    sb = (winner.E_bar_t @ unwrap(seen - middle)[..., None])[..., 0]
    # (1)  pose = R (s mu + b.e), moved to where the landmarks are
    centred = (winner.E @ sb[..., None])[..., 0].unflatten(1, (3, -1))
    pose = torch.cat([centred[:, :2] + middle, centred[:, 2:]], dim=1)
    # what no rotation fits passes through
    flat = torch.cat([world, torch.zeros_like(world[:, :1])], dim=1)
    pose = torch.where(winner.admissible[:, None, None], pose, flat)
    scale = torch.where(winner.admissible, sb[:, 0], math.inf)
    # (1)  Y_hat = Pi pose
    Y_hat = flip_y(pose[:, :2])
    # main paper 5  B_hat = G(Y_hat)
    B_hat = belief_maps(Y_hat, size[0], size[1], sigma)
    return LiftedMaps(Y, Y_hat, pose, B_hat, scale, winner.theta, winner.component, winner.admissible), winner


def pull_back_to_peaks(
    g: LiftedMaps, Y_hat: torch.Tensor, winner: Winner, weights: torch.Tensor | None, options: "Options"
) -> torch.Tensor:
    """The backward pass: dL/dY (N, 2, L) in pixels, from `g`, the gradients by what `lift_peaks` gave."""
    # (9)  dL/dY_hat = dL/dB_hat . dB_hat/dY_hat
    g_Y_hat = g.Y_hat + pull_back_maps(g.B_hat, Y_hat, options.sigma, options.delta)
    # (1)  Y_hat = Pi pose
    g_pose = torch.cat([g.pose[:, :2] + flip_y(g_Y_hat), g.pose[:, 2:]], dim=1)
    # (8)  dL/dy = dL/dpose . E E_bar_t, and ds/dy is the first row of E_bar_t
    g_y = pull_back(winner.E, winner.E_bar_t, g_pose.flatten(1)) + g.scale[:, None] * winner.E_bar_t[:, 0]
    # (8) in the image, + (I - C): the mean passes straight through
    share = 1 / Y_hat.shape[-1] if weights is None else (weights / weights.sum(-1, keepdim=True))[:, None]
    g_mean = g_pose[:, :2].sum(-1, keepdim=True) * share
    g_world = torch.where(winner.admissible[:, None, None], wrap(g_y) + g_mean, g_pose[:, :2])
    return g.landmarks + flip_y(g_world)


class Lift(torch.autograd.Function):
    """From belief maps through `lift_peaks`, and back through `pull_back_to_peaks`."""

    @staticmethod
    def forward(ctx: Any, B: torch.Tensor, model: "LiftedModel", options: "Options") -> Any:
        """The fields of `LiftedMaps`."""
        # main paper 5  Y, the peaks of B
        Y = peaks(B.contiguous(), subpixel=options.subpixel)
        lifted, winner = lift_peaks(Y, model, B.shape[2:], options.sigma)
        ctx.mark_non_differentiable(lifted.theta, lifted.component, lifted.admissible)
        ctx.save_for_backward(Y, lifted.Y_hat, *winner)
        ctx.weights, ctx.options, ctx.layout = model.weights, options, layout(B)
        return tuple(lifted._replace(B_hat=stored(lifted.B_hat, ctx.layout)))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """dL/dB; model and options have no gradient."""
        g, (Y, Y_hat, *winner), options = LiftedMaps(*gradients), ctx.saved_tensors, ctx.options
        with full_precision(Y.device), trusted():
            g = g._replace(B_hat=g.B_hat.contiguous())
            D = -pull_back_to_peaks(g, Y_hat, Winner(*winner), ctx.weights, options)
            # "Updating B"  dL/dB is minus the update, which is made for D = -dL/dY
            height, width = g.B_hat.shape[2:]
            if options.subpixel:
                g_B = -belief_update_between(Y, D, height, width, options.k, options.sigma)
            else:
                g_B = belief_update_gradient(Y, D, height, width, options.k, options.sigma)
        return stored(g_B, ctx.layout), None, None


class LayerOptions(TypedDict, total=False):
    """The keywords of `LiftingLayer`, which describes them."""

    rotations: int
    sigma: float
    delta: float | None
    k: float
    gradient: Literal["subgradient", "stopped", "soft-argmax", "none"]
    sharpness: float
    visible: Bool[Array, " L"] | None
    weights: Float[Array, " L"] | None
    camera: Float[Array, "3 3"] | None
    subpixel: bool


@dataclass(frozen=True, eq=False)
class Options:
    """A prior, and the keywords of `LiftingLayer` with their defaults; checked by these annotations."""

    prior: PosePrior
    rotations: Count = ROTATIONS
    sigma: Positive = 1.0
    delta: Positive | None = 1.0
    k: NonNegative = 1.0
    gradient: str = "subgradient"
    sharpness: Positive = SHARPNESS
    visible: Bool[Array, " L"] | None = None
    weights: Annotated[Float[Array, " L"], ">= 0"] | None = None
    camera: Camera | None = None
    subpixel: bool = False

    def all_weights(self) -> np.ndarray | None:
        """Weights times `visible`, (L,); None where all landmarks count alike."""
        given = [to_numpy(each) for each in (self.visible, self.weights) if each is not None]
        product = np.prod(given, axis=0)
        return None if (product == 1).all() else product


class LiftingLayer(nn.Module):
    """The lifting layer between two stages of the network. Supplement, section 1; main paper, section 5.

    Args:
        prior: the statistical model of pose.
        rotations: how many equally spaced angles about the vertical are searched.
        sigma: width of the Gaussians of B_hat and of the update, pixels.
        delta: the step of eq. (9), pixels; None for the exact derivative.
        k: the factor of "Updating B": how far the gradient reaches into the maps.
        gradient: what flows back into B. "subgradient": the supplement's; "stopped": nothing (the lifting counts in the
            forward pass only, as the supplement suggests); "soft-argmax": the peak is replaced by the mean of
            softmax(sharpness B), and torch differentiates everything (for comparison). "none" is an older word for
            "stopped".
        sharpness: that factor; used by "soft-argmax" alone.
        visible: (L,), False for landmarks that the maps don't show; what those maps hold is ignored. All where None.
        weights: (L,), numbers >= 0: how much each landmark's peak counts, in every frame. Given `visible` too, both
            count. A call may have weights for each of its frames, see `forward`.
        camera: (3, 3), the known rotation of a camera that is not level.
        subpixel: read the peaks between pixels. False as printed. On coarse maps whole pixels are rounded by up to half
            a pixel of the map, and lifting hands that on to all landmarks. A soft-argmax lies between pixels anyway.

    It has no parameters. The scale is free (weak perspective). Computed in the dtype of B, in float32 at least, with
    autocast off inside: the search decides between rotations whose costs are nearly equal. B_hat and the gradient lie
    in memory as B does. The landmark of a map that holds a NaN is NaN, and so are its B_hat and its gradient; its frame
    passes through, and other frames don't notice. An infinite belief is a peak like any other to an argmax; to
    "soft-argmax" it is a NaN.

    Raises:
        ValueError: an argument of a wrong type or value; maps that are no floating-point tensor (N, L, H, W).
        TypeError: an unknown keyword.
    """

    def __init__(self, prior: PosePrior, **options: Unpack[LayerOptions]):
        super().__init__()
        if unknown := options.keys() - LayerOptions.__annotations__.keys():
            known = ", ".join(LayerOptions.__annotations__)
            raise TypeError(f"LiftingLayer() got {', '.join(sorted(unknown))}, expected no other keywords than {known}")
        if options.get("gradient") == "none":
            options["gradient"] = "stopped"
        # arrays of its own: the caller may change those that were given
        self.prior, self.options = prior, checked(Options)(prior, **deepcopy(options))
        if self.options.gradient not in get_args(Gradient):
            fail("gradient", repr(self.options.gradient), "'subgradient', 'stopped' or 'soft-argmax'")
        visible, weights = self.options.visible, self.options.all_weights()
        if visible is not None and to_numpy(visible).dtype != bool:
            fail("visible", f"an array of {to_numpy(visible).dtype}", f"booleans of shape ({prior.L},)")
        if weights is not None and (counted := int((weights > 0).sum())) < FEWEST:
            name, what = ("visible", "visible landmarks") if self.options.weights is None else ("weights", "above 0")
            fail(name, f"{counted} {what}", f"at least {FEWEST}, to fix the angle and the scale")

    def extra_repr(self) -> str:
        """What print shows."""
        o, (K, J) = self.options, self.prior.sigma.shape
        return (
            f"prior of {K} components of {J} bases, rotations={o.rotations}, sigma={o.sigma}, "
            f"delta={o.delta}, k={o.k}, gradient={o.gradient!r}, subpixel={o.subpixel}"
        )

    def forward(
        self, B: Float[torch.Tensor, "N L H W"], weights: Float[Array, "N L"] | Bool[Array, "N L"] | None = None
    ) -> LiftedMaps:
        """Lift belief maps, on any device. Within `torch.compile` the graph breaks here.

        Args:
            B: (N, L, H, W).
            weights: (N, L), numbers >= 0: how much each peak counts, such as a network's confidence in it, times the
                layer's own weights. Nothing flows back into them, and a landmark of weight 0 gets no gradient. A frame
                in which fewer than three landmarks count passes through. The search looks at their values, for which a
                host waits for its device.
        """
        # not as a decorator, which would load the compiler, for seconds, wherever the package is imported
        lift = torch.compiler.disable(self._lift) if torch.compiler.is_compiling() else self._lift
        lifted: LiftedMaps = lift(B, weights)
        return lifted

    def _lift(self, B: torch.Tensor, weights: Array | None) -> LiftedMaps:
        self._check_maps(B)
        frame_weights = None if weights is None else check_weights(weights, B)
        with full_precision(B.device), trusted():
            model = self.model(single(B[:0]).dtype, B.device, frame_weights)
            if self.options.gradient == "subgradient":
                return LiftedMaps(*Lift.apply(B, model, self.options))
            if self.options.gradient == "soft-argmax":
                Y = soft_peaks(B, self.options.sharpness)
            else:
                Y = peaks(B.detach().contiguous(), subpixel=self.options.subpixel)
            lifted, _ = lift_peaks(Y, model, B.shape[2:], self.options.sigma)
            return lifted._replace(B_hat=stored(lifted.B_hat, layout(B)))

    def _check_maps(self, B: torch.Tensor) -> None:
        if not torch.is_tensor(B) or not B.is_floating_point():
            fail("B", getattr(B, "dtype", type(B).__name__), "a floating-point tensor of belief maps")
        if B.ndim != 4 or B.shape[1] != self.prior.L or 0 in B.shape[2:]:
            fail("B", f"shape {tuple(B.shape)}", f"shape (N, {self.prior.L}, H, W), one map for each landmark")

    def model(
        self, dtype: torch.dtype, device: torch.device, frame_weights: torch.Tensor | None = None
    ) -> "LiftedModel":
        """What the layer needs of its prior; with `frame_weights` (N, L) for frames of which each has its own."""
        o, own = self.options, self.options.all_weights()
        camera = None if o.camera is None else to_numpy(o.camera)
        turned = turn_prior(o.prior, o.rotations, free_scale=True, weights=own, camera=camera)
        if frame_weights is None or bool((frame_weights == 1).all()):
            return lifted_model(turned, dtype, device)
        plain = turn_prior(o.prior, o.rotations, free_scale=True, camera=camera)
        w = frame_weights.to(device, dtype) * (1 if own is None else tensor(own, dtype, device))
        enough = (w > 0).sum(1) >= FEWEST
        return replace(lifted_model(plain, dtype, device), weights=w.where(enough[:, None], 1), enough=enough,
                       forms=forms(plain, dtype, device))  # fmt: skip


@dataclass(frozen=True, eq=False)
class LiftedModel:
    """What the layer needs of a prior of K components at T rotations, on one device and in one dtype."""

    search: Table
    E: torch.Tensor
    """(K T, 3 L, J + 1) from scale and coefficients (s, b) to the centred pose: mu and e, turned."""
    E_bar_t: torch.Tensor
    """(K T, J + 1, 2 L) from centred landmarks to (s, b), the truncation in eq. (8)."""
    gaussian: Gaussian
    """mu (K, 3, L), e (K, J, 3, L) and sigma (K, J)."""
    camera: torch.Tensor | None
    """(3, 3)"""
    weights: torch.Tensor | None
    """(1, L) how much each landmark counts, or (N, L) in each frame; None where all count alike."""
    enough: torch.Tensor | None = None
    """(N,) whether enough landmarks count, where every frame has weights of its own."""
    forms: Forms | None = None
    """What the search then needs."""

    def find(self, y: torch.Tensor) -> Winner:
        """The winners of eq. (2) for landmarks y (N, 2, L), y up, counted from their mean."""
        y = y.detach()
        if self.forms is not None:
            return self._find_weighted(y)
        rooted = y if self.weights is None else self.weights.sqrt()[:, None] * y
        found = find_winners(self.search, extended(self.search, rooted))
        index = self._index(found)
        return Winner(self.search.theta[found.angle], found.component, found.admissible, self.E[index],
                      self.E_bar_t[index])  # fmt: skip

    def _find_weighted(self, y: torch.Tensor) -> Winner:
        """`find` where every frame has weights, and therefore an E_bar_t, of its own."""
        w = self.weights
        assert self.forms is not None and self.enough is not None and w is not None
        found, _ = find_weighted(self.forms, y * (w > 0)[:, None], w)
        theta = self.search.theta[found.angle]
        gaussian = Gaussian(*(part[found.component] for part in self.gaussian))
        # (E^T W E + diag(sigma^2)) E_bar_t = E^T W
        E, E_bar_t = landmark_model(gaussian, theta, free_scale=True, weights=w, camera=self.camera)
        depth = self.E[self._index(found)][:, E.shape[1] :]
        E = torch.cat([E, depth], dim=1)
        return Winner(theta, found.component, found.admissible & self.enough, E, E_bar_t)

    def _index(self, found: Found) -> torch.Tensor:
        return found.component * len(self.search.theta) + found.angle


@lru_cache(maxsize=16)
def lifted_model(turned: TurnedPrior, dtype: torch.dtype, device: torch.device) -> LiftedModel:
    """The `LiftedModel` of a turned prior, kept for later calls."""

    def put(array: np.ndarray) -> torch.Tensor:
        return tensor(array, dtype, device)

    E, E_bar_t = (part.reshape(-1, *part.shape[2:]) for part in turned.model)
    depth = turned.depth.reshape(len(E), -1, E.shape[-1])
    weights, camera = (None if part is None else put(part) for part in (turned.weights, turned.camera))
    # all rotations at the one level of a plain exhaustive search: the finer levels look at values to decide what to do
    search, gaussian = exhaustive(table(turned, dtype, device)), Gaussian(*map(put, turned.prior.gaussian(np.s_[:])))
    return LiftedModel(search, put(np.concatenate([E, depth], axis=1)), put(E_bar_t), gaussian, camera,
                       None if weights is None else weights[None])  # fmt: skip


def soft_peaks(B: Float[torch.Tensor, "N L H W"], sharpness: float = SHARPNESS) -> Float[torch.Tensor, "N 2 L"]:
    """The mean location under softmax(sharpness B) of every map, pixels: what "soft-argmax" has in the place of Y."""
    weight = torch.softmax(sharpness * single(B).flatten(2), dim=-1).unflatten(2, B.shape[2:])
    rows, columns = (torch.arange(size, device=B.device, dtype=weight.dtype) for size in B.shape[2:])
    return torch.stack([weight.sum(2) @ columns, weight.sum(3) @ rows], dim=1)


def check_weights(weights: Array, B: torch.Tensor) -> torch.Tensor:
    """The weights of each frame, (N, L), as a tensor."""
    boolean = str(getattr(weights, "dtype", "")).endswith("bool")
    w = torch.as_tensor(check_floating("weights", weights * 1.0 if boolean else weights)).detach()
    if w.shape != B.shape[:2]:
        fail("weights", f"shape {tuple(w.shape)}", f"shape {tuple(B.shape[:2])}")
    refuse("weights", ~(w >= 0) | (w == math.inf), "numbers that are negative or not finite", "finite numbers >= 0")
    return w
