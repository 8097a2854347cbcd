"""The multi-stage network: features, belief maps, lifting and fusion at every stage. Main paper, sections 3 and 5.

As we understand the main paper: Convolutional Pose Machines, with a lifting layer in every stage t. From features x of
the image and the previous stage's fused maps,

    b_t     = stage_t(x, f_{t-1})                     belief maps: L landmarks and background
    b_hat_t = lift and project b_t                    `lifting.layer`: one Gaussian a landmark of the 3D pose
    f_t     = w_t b_t + (1 - w_t) b_hat_t             w_t in [0, 1], learned, one a stage

The background has no lifted counterpart and is passed on. The last stage's fused maps give landmarks and pose.

Three configurations of one class, "paper", "laptop" and "small": `lifting.convolutions`. A map's pixel (c, r) covers
`stride` x `stride` pixels of the image and has its centre at ((c + 1/2) stride - 1/2, (r + 1/2) stride - 1/2).
"""

import hashlib
import json
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import safetensors.torch
import torch
from jaxtyping import Float
from torch import nn

from lifting.belief import belief_maps, peaks
from lifting.camera import flip_y, rescale_pixels
from lifting.convolutions import CONFIGURATIONS, TRUNKS, Configuration, refining_stage
from lifting.layer import LiftedMaps, LiftingLayer
from lifting.pose_prior import PosePrior, check_prior, load_older_mixture, load_prior
from lifting.support.arrays import check_shape, fail, like, refuse, single, trusted
from lifting.support.checked import Count, Positive, checked
from lifting.support.files import data_path, write_atomically
from lifting.support.tensors import layout, stored

LAYOUT = "lifting network 1"

SLACK = 1.0
"""How far outside [0, 1] an image's values may be, as augmentation leaves them; bytes and normalised images are out."""

LAST_NOISE = 2.0
"""How much larger the last lift takes the landmarks' noise to be than the prior, which knows motion capture's, does."""
LEAST_CONFIDENCE = 0.02
"""The height of a peak that counts as if it were no lower."""

Lifting = Literal["subgradient", "forward", "soft-argmax", "own-peak", "none"]


class StageMaps(NamedTuple):
    """What one stage gives, for N images and maps of H x W pixels."""

    belief: Float[torch.Tensor, "N L+1 H W"]
    """b_t: one map a landmark, and the background."""
    projected: Float[torch.Tensor, "N L H W"] | None
    """b_hat_t: the maps of the lifted pose; None without lifting."""
    fused: Float[torch.Tensor, "N L+1 H W"]
    """f_t: what the next stage and the loss see; b_t itself without lifting."""


@dataclass(frozen=True)
class Prediction:
    """What the network gives for N images: its stages, in order (`len`, `[t]`, iteration), and the last one's pose.

    Landmarks and pose are computed when they are first asked for: a training step, which looks at maps alone, asks for
    neither. They are differentiable where the maps are, as if they had been computed at once.
    """

    stages: tuple[StageMaps, ...]
    stride: int
    last_layer: LiftingLayer
    """What lifts the last stage's maps: the pose is that of `landmarks`, the more so the higher their peaks are."""

    @cached_property
    def landmarks(self) -> Float[torch.Tensor, "N 2 L"]:
        """Sub-pixel peaks of the last stage's fused maps, pixels of the image: x = column, y = row."""
        with trusted():
            found = peaks(self._maps().detach(), subpixel=True)
            return rescale_pixels(found, found.new_tensor(self.stride))

    @cached_property
    def lifted(self) -> LiftedMaps:
        """The lift of the last stage's fused maps, in pixels of the map."""
        with torch.set_grad_enabled(self.stages[-1].fused.requires_grad):
            maps = self._maps()
            lifted: LiftedMaps = self.last_layer(maps, confidences(maps))
        return lifted

    def _maps(self) -> torch.Tensor:
        """The last stage's fused maps without the background, in float32 at least."""
        return single(self.stages[-1].fused[:, :-1])

    @property
    def pose(self) -> Float[torch.Tensor, "N 3 L"]:
        """The lifted pose in pixels of the image: x to the right, **y up**, z towards the viewer; see `scale`."""
        x_y, z = self.lifted.pose.split([2, 1], dim=1)
        with trusted():
            x_y = flip_y(rescale_pixels(flip_y(x_y), z.new_tensor(self.stride)))
        return torch.cat([x_y, z * self.stride], dim=1)

    @property
    def scale(self) -> Float[torch.Tensor, " N"]:
        """What one metre measures in the image, pixels: a pose divided by it is in metres."""
        return self.lifted.scale * self.stride

    def __len__(self) -> int:
        return len(self.stages)

    def __getitem__(self, t: int) -> StageMaps:
        return self.stages[t]

    def __iter__(self) -> Iterator[StageMaps]:
        return iter(self.stages)


class Network(nn.Module):
    """The multi-stage network of a `Configuration`. Main paper, sections 3 and 5; made by `build_network`."""

    def __init__(
        self,
        configuration: Configuration,
        prior: PosePrior,
        lifting: Lifting,
        cross_stage: bool = True,
        subpixel: bool = False,
        k: float = 1.0,
    ):
        super().__init__()
        self.configuration, self.prior, self.lifting = configuration, prior, lifting
        self.cross_stage, self.subpixel = cross_stage, subpixel
        maps = prior.mu.shape[-1] + 1
        trunk, channels = TRUNKS[configuration.name](maps)
        self.trunk = trunk
        later = [refining_stage(channels + maps, configuration, maps) for _ in range(configuration.stages - 1)]
        self.stages = nn.ModuleList(later)
        gradient = lifting if lifting == "subgradient" or lifting == "soft-argmax" else "stopped"
        self.layer = LiftingLayer(prior, gradient=gradient, subpixel=subpixel, k=k)
        self.last_layer = LiftingLayer(noisier(prior, LAST_NOISE), gradient=gradient, subpixel=True, k=k)
        # w_t = sigmoid(weight): in [0, 1] whatever an optimiser does
        self.fusion = nn.Parameter(torch.full((configuration.stages,), math.log(0.7 / 0.3)))

    def forward(self, images: Float[torch.Tensor, "N 3 H W"]) -> Prediction:
        """Images (N, 3, H, W) in [0, 1], of any floating-point type; sides that the stride divides.

        Channels are red, green, blue. No number tells another order, such as OpenCV's: `images.flip(1)` mends that.

        A forward hook on `trunk` or on one of `stages` may change what they give, for experiments: the first belief
        maps and the features, or a later stage's belief maps.

        Raises:
            ValueError: another shape or type, or, on the CPU, values that can't be those of such an image.
        """
        self._check(images)
        images = images.to(self.fusion.dtype)
        belief, features = self.trunk(images - 0.5)
        stages = [self.fuse(belief, 0)]
        for t, stage in enumerate(self.stages, start=1):
            before = stages[-1].fused if self.cross_stage else stages[-1].fused.detach()
            stages.append(self.fuse(stage(torch.cat([features, before], dim=1)), t))
        return Prediction(tuple(stages), self.configuration.stride, self.last_layer)

    def fuse(self, belief: Float[torch.Tensor, "N L+1 H W"], t: int) -> StageMaps:
        """Stage t's belief maps, lifted, projected and fused: f_t = w_t b_t + (1 - w_t) b_hat_t."""
        if self.lifting == "none":
            return StageMaps(belief, None, belief)
        landmarks, background = belief.split([belief.shape[1] - 1, 1], dim=1)
        projected = self._project(landmarks)
        w = torch.sigmoid(self.fusion[t]).to(belief.dtype)
        # f_t = w_t b_t + (1 - w_t) b_hat_t, with the background in the place of its own projection
        fused = torch.lerp(torch.cat([projected, background], dim=1), belief, w)
        return StageMaps(belief, projected, fused)

    def _project(self, maps: torch.Tensor) -> torch.Tensor:
        """b_hat_t: the maps of the lifted pose; or, for "own-peak", of the peaks themselves."""
        if self.lifting != "own-peak":
            projected: torch.Tensor = self.layer(maps).B_hat
            return projected
        with trusted():
            Y = peaks(single(maps.detach()).contiguous(), subpixel=self.subpixel)
            return stored(belief_maps(Y, maps.shape[2], maps.shape[3], self.layer.options.sigma), layout(maps))

    def _check(self, images: torch.Tensor) -> None:
        if not torch.is_tensor(images):
            fail("images", type(images).__name__, "a tensor (N, 3, H, W)")
        if not images.is_floating_point():
            fail("images", f"a tensor of {images.dtype}", "floating-point numbers in [0, 1]")
        check_shape("images", images, 3, "H", "W")
        height, width = images.shape[-2:]
        if images.ndim != 4 or height % self.configuration.stride or width % self.configuration.stride:
            fail("images", f"shape {tuple(images.shape)}",
                 f"shape (N, 3, H, W), H and W multiples of {self.configuration.stride}")  # fmt: skip
        # elsewhere a look at values would make the host wait
        if images.device.type == "cpu" and images.numel() and not torch.compiler.is_compiling():
            least, most = images.aminmax()
            refuse("images", ~((least >= -SLACK) & (most <= 1 + SLACK)),
                   lambda: f"values from {least:.3g} to {most:.3g}", "values in [0, 1]")  # fmt: skip


def build_network(
    configuration: Literal["small", "laptop", "paper"] = "laptop",
    prior: PosePrior | None = None,
    lifting: Lifting = "subgradient",
    *,
    cross_stage: bool = True,
    subpixel: bool = False,
    k: float = 1.0,
) -> Network:
    """A new network with random weights (seed torch's generator to repeat it).

    Args:
        configuration: "small", "laptop" or "paper".
        prior: the statistical model of pose; the embedded one where None.
        lifting: "subgradient": lift, project and fuse at every stage, with the supplement's gradients; "forward": the
            same without gradients through the lifting; "soft-argmax": with torch's gradients through a soft-argmax;
            "none": Convolutional Pose Machines alone, lifted once, at the end; "own-peak": for comparison, each map
            fused with a Gaussian at its own peak, nothing lifted, nothing flowing back through the peak.
        cross_stage: whether the gradient of a stage's loss flows through the maps it was given into earlier stages.
        subpixel: whether the stages' peaks are read between pixels. The paper's are whole pixels, as far as known.
        k: the factor of "Updating B".

    Raises:
        ValueError: an unknown name or a prior that is none.
    """
    if configuration not in tuple(CONFIGURATIONS):
        fail("configuration", repr(configuration), " or ".join(map(repr, CONFIGURATIONS)))
    if lifting not in get_args(Lifting):
        fail("lifting", repr(lifting), " or ".join(map(repr, get_args(Lifting))))
    prior = load_prior() if prior is None else check_prior(prior)
    return Network(CONFIGURATIONS[configuration], prior, lifting, cross_stage, subpixel, k)


def save_network(network: Network, path: str | os.PathLike[str], dtype: torch.dtype = torch.float32) -> None:
    """Write a network's weights and what it is to `path`, whole or not at all; see `load_network`.

    Args:
        network: from `build_network`.
        path: the file, named .safetensors by custom.
        dtype: of the stored weights; float16 halves the file.

    Raises:
        FileNotFoundError: the folder of `path` does not exist.
        ValueError: `dtype` is no floating-point type.
    """
    if not isinstance(network, Network):
        fail("network", type(network).__name__, "one of build_network")
    if not isinstance(dtype, torch.dtype) or not dtype.is_floating_point:
        fail("dtype", dtype, "torch.float32, float16, bfloat16 or float64")
    write_atomically(path, network_bytes(network, dtype))


def network_bytes(network: Network, dtype: torch.dtype = torch.float32) -> bytes:
    """What `save_network` writes."""
    about: dict[str, Any] = {"layout": LAYOUT, "configuration": network.configuration.name, "lifting": network.lifting}
    about |= {"prior": fingerprint(network.prior), "subpixel": network.subpixel}
    weights = {key: value.detach().to("cpu", dtype).contiguous() for key, value in network.state_dict().items()}
    # one text: safetensors doesn't keep the order of several, and equal networks should make equal files
    return safetensors.torch.save(weights, {"about": json.dumps(about)})


def load_network(path: str | os.PathLike[str] | None = None, prior: PosePrior | None = None) -> Network:
    """A trained network, ready to be used (`eval`), in float32: the shipped one, or the one that is at `path`.

    Args:
        path: a file of `save_network` or of a checkpoint; None: the shipped one, trained on rendered people.
        prior: the model of pose that it was trained with; None: whichever embedded one that was.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is cut short, of another kind or layout, or of a network trained with another prior.
    """
    path = data_path("network.safetensors") if path is None else path
    try:
        with open(path, "rb") as file:
            data = file.read()
        weights = safetensors.torch.load(data)
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        about = json.loads(header.get("__metadata__", {}).get("about", "{}"))
    except FileNotFoundError:
        raise
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        fail("path", f"{path}, which can't be read ({error})", "a whole file of save_network")
    if about.get("layout") != LAYOUT:
        fail("path", f"{path}, of layout {about.get('layout')!r}", f"a file of save_network, of layout {LAYOUT!r}")
    known = [load_prior(), load_older_mixture()] if prior is None else [check_prior(prior)]
    prints = {fingerprint(one): one for one in known}
    if about["prior"] not in prints:
        fail("prior", " and ".join(prints), f"the prior that {path} was trained with, {about['prior']}")
    prior, subpixel = prints[about["prior"]], about.get("subpixel", False)  # older files know of whole pixels only
    network = build_network(about["configuration"], prior, about["lifting"], subpixel=subpixel)
    try:
        network.load_state_dict({key: value.float() for key, value in weights.items()})
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        fail("path", f"{path}, whose weights don't fit ({reason})", f"those of a {about['configuration']!r} network")
    return network.eval()


def confidences(maps: torch.Tensor) -> Float[torch.Tensor, "N L"] | None:
    """How much each landmark counts in the last lift: the square of its peak's height, at most 1. None without values.

    A weight is to a landmark what the inverse of its variance is. The square was the best of the powers 0, 1 and 2.
    """
    if maps.is_meta:
        return None
    return maps.detach().amax((2, 3)).nan_to_num(0).clamp(LEAST_CONFIDENCE, 1).square()


def noisier(prior: PosePrior, factor: float) -> PosePrior:
    """The same poses, as likely as they were, seen with `factor` times the noise."""
    return replace(prior, sigma=factor * prior.sigma, noise_variance=factor**2 * prior.noise_variance)


def fingerprint(prior: PosePrior) -> str:
    """The beginning of a checksum of everything in a prior, by which another one is told from it."""
    parts = (prior.mu, prior.e, prior.sigma, prior.weights, prior.noise_variance)
    data = b"".join(np.ascontiguousarray(part, dtype="<f8").tobytes() for part in parts)
    return hashlib.sha256(data).hexdigest()[:16]


@checked
def target_maps(
    landmarks: Float[torch.Tensor, "*batch 2 L"], height: Count, width: Count, stride: Count, sigma: Positive = 1.0
) -> Float[torch.Tensor, "*batch L+1 height width"]:
    """b_* of the objective: a Gaussian at each landmark, and the background, 1 minus the greatest of them.

    Landmarks are in pixels of the image; one that is far outside leaves an empty map.

    Raises:
        ValueError: a wrong shape or a value that is not finite.
    """
    maps = belief_maps(rescale_pixels(landmarks, like(1 / stride, landmarks)), height, width, sigma)
    return torch.cat([maps, 1 - maps.amax(-3, keepdim=True)], dim=-3)
