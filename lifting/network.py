"""The multi-stage network: features, belief maps, lifting and fusion at every stage. Main paper, sections 3 and 5.

As we understand the main paper: Convolutional Pose Machines, with a lifting layer in every stage t. From features x of
the image and the previous stage's fused maps,

    b_t     = stage_t(x, f_{t-1})                     belief maps: L landmarks and background
    b_hat_t = lift and project b_t                    `lifting.layer`: one Gaussian a landmark of the 3D pose
    f_t     = w_t b_t + (1 - w_t) b_hat_t             w_t in [0, 1], learned, one a stage

The background has no lifted counterpart and is passed on. The last stage's fused maps give landmarks and pose.

Two configurations of one class: "paper" has the layers of Convolutional Pose Machines (368 px, 46 x 46 maps, six
stages), "laptop" trains on two cores in minutes (128 px, 32 x 32 maps, three stages). A map's pixel (c, r) covers
`stride` x `stride` pixels of the image and has its centre at ((c + 1/2) stride - 1/2, (r + 1/2) stride - 1/2).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import torch
from jaxtyping import Float
from torch import nn

from lifting.arrays import check_array, check_shape, fail, trusted
from lifting.belief import belief_maps, peaks
from lifting.layer import LiftedMaps, LiftingLayer
from lifting.pose_prior import PosePrior, load_prior

Lifting = Literal["subgradient", "forward", "soft-argmax", "none"]


@dataclass(frozen=True)
class Configuration:
    """The layers of a network, as numbers."""

    name: str
    image: int
    """Side of the image that it is meant for, pixels. Any size that the stride divides works."""
    stride: int
    """Pixels of the image for a pixel of the maps."""
    stages: int
    kernels: tuple[int, ...]
    """Kernel sizes of the convolutions of a later stage, before its two 1 x 1 ones."""
    width: int
    """Channels of a later stage."""


CONFIGURATIONS = {
    "laptop": Configuration("laptop", image=128, stride=4, stages=3, kernels=(5, 5, 3), width=64),
    "paper": Configuration("paper", image=368, stride=8, stages=6, kernels=(7, 7, 7, 7, 7), width=128),
}


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
    """What the network gives for N images: its stages, in order (`len`, `[t]`, iteration), and the last one's pose."""

    stages: tuple[StageMaps, ...]
    landmarks: Float[torch.Tensor, "N 2 L"]
    """Sub-pixel peaks of the last stage's fused maps, pixels of the image: x = column, y = row."""
    lifted: LiftedMaps
    """The lift of the last stage's fused maps, in pixels of the map."""
    stride: int

    @property
    def pose(self) -> Float[torch.Tensor, "N 3 L"]:
        """The lifted pose in pixels of the image: x to the right, **y up**, z towards the viewer; see `scale`."""
        pose, half = self.lifted.pose * self.stride, (self.stride - 1) / 2
        # the centre of map pixel (0, 0) is at (half, half) in the image, and y points up
        return pose + pose.new_tensor([[half], [-half], [0.0]])

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

    def __init__(self, configuration: Configuration, prior: PosePrior, lifting: Lifting):
        super().__init__()
        self.configuration, self.prior, self.lifting = configuration, prior, lifting
        maps = prior.mu.shape[-1] + 1
        trunk, channels = TRUNKS[configuration.name](maps)
        self.trunk = trunk
        later = [refining_stage(channels + maps, configuration, maps) for _ in range(configuration.stages - 1)]
        self.stages = nn.ModuleList(later)
        gradient: Literal["subgradient", "none", "soft-argmax"] = "none"
        if lifting in ("subgradient", "soft-argmax"):
            gradient = lifting
        self.layer = LiftingLayer(prior, gradient=gradient)
        self.final = LiftingLayer(prior, gradient=gradient)
        # w_t = sigmoid(weight): in [0, 1] whatever an optimiser does
        self.fusion = nn.Parameter(torch.full((configuration.stages,), math.log(0.7 / 0.3)))

    def forward(self, images: Float[torch.Tensor, "N 3 H W"]) -> Prediction:
        """Images (N, 3, H, W) in [0, 1]; sides that the stride divides."""
        self._check(images)
        belief, features = self.trunk(images - 0.5)
        stages = [self.fuse(belief, 0)]
        for t, stage in enumerate(self.stages, start=1):
            stages.append(self.fuse(stage(torch.cat([features, stages[-1].fused], dim=1)), t))
        last = stages[-1].fused[:, :-1].float()
        stride = self.configuration.stride
        with trusted():
            landmarks = (peaks(last.detach(), subpixel=True) + 0.5) * stride - 0.5
        return Prediction(tuple(stages), landmarks, self.final(last), stride)

    def fuse(self, belief: Float[torch.Tensor, "N L+1 H W"], t: int) -> StageMaps:
        """Stage t's belief maps, lifted, projected and fused: f_t = w_t b_t + (1 - w_t) b_hat_t."""
        if self.lifting == "none":
            return StageMaps(belief, None, belief)
        projected = self.layer(belief[:, :-1]).B_hat
        w = torch.sigmoid(self.fusion[t])
        fused = w * belief[:, :-1] + (1 - w) * projected
        return StageMaps(belief, projected, torch.cat([fused, belief[:, -1:]], dim=1))

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


class LaptopTrunk(nn.Module):
    """Features and first belief maps of "laptop": stride 4, with a U-shaped branch that sees the whole image.

    Which side of a person is left is a property of the whole body, so the branch goes down to stride 32.
    """

    def __init__(self, maps: int, width: int = 64, context: int = 96):
        super().__init__()
        self.at_2 = nn.Sequential(*convolution(3, 32, 3, stride=2), *convolution(32, 32, 3))
        self.at_4 = nn.Sequential(*convolution(32, width, 3, stride=2), *convolution(width, width, 3))
        self.at_8 = nn.Sequential(*convolution(width, context, 3, stride=2), *convolution(context, context, 3))
        self.at_16 = nn.Sequential(*convolution(context, context, 3, stride=2), *convolution(context, context, 3))
        self.at_32 = nn.Sequential(*convolution(context, context, 3, stride=2), *convolution(context, context, 3))
        self.merge_16 = nn.Sequential(*convolution(2 * context, context, 3))
        self.merge_8 = nn.Sequential(*convolution(2 * context, context, 3))
        self.merge_4 = nn.Sequential(*convolution(width + context, width, 3))
        self.belief = nn.Sequential(*convolution(width, width, 3), nn.Conv2d(width, maps, 1))

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """First belief maps and features."""
        fine = self.at_4(self.at_2(images))
        half = self.at_8(fine)
        quarter = self.at_16(half)
        eighth = self.at_32(quarter)
        quarter = self.merge_16(torch.cat([quarter, enlarge(eighth, quarter)], dim=1))
        half = self.merge_8(torch.cat([half, enlarge(quarter, half)], dim=1))
        features = self.merge_4(torch.cat([fine, enlarge(half, fine)], dim=1))
        return self.belief(features), features


class PaperTrunk(nn.Module):
    """First belief maps and features of "paper": stage 1 of Convolutional Pose Machines, and what the later stages see.

    9 x 9, 9 x 9, 9 x 9, 5 x 5, 9 x 9, 1 x 1, 1 x 1 with three 2 x 2 poolings between; the later stages share a branch
    of the first four. No batch norm.
    """

    def __init__(self, maps: int):
        super().__init__()
        wide = [*convolution(32, 512, 9, norm=False), *convolution(512, 512, 1, norm=False)]
        self.first = nn.Sequential(*self._branch(), *wide, nn.Conv2d(512, maps, 1))
        self.features = nn.Sequential(*self._branch())

    @staticmethod
    def _branch() -> list[nn.Module]:
        layers: list[nn.Module] = []
        for channels in (3, 128, 128):
            layers += [*convolution(channels, 128, 9, norm=False), nn.MaxPool2d(2)]
        return [*layers, *convolution(128, 32, 5, norm=False)]

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """First belief maps and features."""
        return self.first(images), self.features(images)


TRUNKS = {"laptop": lambda maps: (LaptopTrunk(maps), 64), "paper": lambda maps: (PaperTrunk(maps), 32)}


def convolution(inputs: int, outputs: int, kernel: int, stride: int = 1, norm: bool = True) -> list[nn.Module]:
    """A convolution that keeps the size (but for the stride), batch norm unless told, ReLU."""
    conv = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=not norm)
    return [conv, *([nn.BatchNorm2d(outputs)] if norm else []), nn.ReLU(inplace=True)]


def refining_stage(inputs: int, configuration: Configuration, maps: int) -> nn.Sequential:
    """A later stage: from features and fused maps to new belief maps."""
    width, norm = configuration.width, configuration.name == "laptop"
    layers: list[nn.Module] = []
    for i, kernel in enumerate(configuration.kernels):
        layers += convolution(inputs if i == 0 else width, width, kernel, norm=norm)
    return nn.Sequential(*layers, *convolution(width, width, 1, norm=norm), nn.Conv2d(width, maps, 1))


def enlarge(small: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """`small` at the size of `reference`."""
    return nn.functional.interpolate(small, size=reference.shape[-2:], mode="nearest")


def build_network(
    configuration: Literal["laptop", "paper"] = "laptop",
    prior: PosePrior | None = None,
    lifting: Lifting = "subgradient",
) -> Network:
    """A new network with random weights (seed torch's generator to repeat it).

    Args:
        configuration: "laptop" or "paper".
        prior: the statistical model of pose; the embedded one where None.
        lifting: "subgradient": lift, project and fuse at every stage, with the supplement's gradients; "forward": the
            same without gradients through the lifting; "soft-argmax": with torch's gradients through a soft-argmax;
            "none": Convolutional Pose Machines alone, lifted once, at the end.

    Raises:
        ValueError: an unknown name or a prior that is none.
    """
    if configuration not in CONFIGURATIONS:
        fail("configuration", repr(configuration), " or ".join(map(repr, CONFIGURATIONS)))
    if lifting not in get_args(Lifting):
        fail("lifting", repr(lifting), "'subgradient', 'forward', 'soft-argmax' or 'none'")
    return Network(CONFIGURATIONS[configuration], load_prior() if prior is None else prior, lifting)


def target_maps(
    landmarks: Float[torch.Tensor, "N 2 L"], height: int, width: int, stride: int, sigma: float = 1.0
) -> Float[torch.Tensor, "N L+1 H W"]:
    """b_* of the objective: a Gaussian at each landmark, and the background, 1 minus the greatest of them.

    Landmarks are in pixels of the image; one that is far outside leaves an empty map.

    Raises:
        ValueError: a wrong shape or a value that is not finite.
    """
    landmarks = check_array("landmarks", landmarks, 2, "L")
    maps = belief_maps((landmarks + 0.5) / stride - 0.5, height, width, sigma)
    return torch.cat([maps, 1 - maps.amax(-3, keepdim=True)], dim=-3)
