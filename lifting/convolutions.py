"""The layers that a network learns, without lifting: configurations, trunks and later stages. Main paper, section 3.

As we understand the main paper these are those of Convolutional Pose Machines: "paper" has them (368 px, 46 x 46 maps,
six stages). "laptop" is ours and trains on two cores in minutes (128 px, 32 x 32 maps, three stages); "small" is the
same with fewer channels and two stages, for experiments that train many networks.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn


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
    dilations: tuple[int, ...]
    """How far apart the taps of each of those kernels lie."""
    width: int
    """Channels of a later stage."""


CONFIGURATIONS = {
    "small": Configuration("small", image=128, stride=4, stages=2, kernels=(3, 3), dilations=(1, 2), width=32),
    "laptop": Configuration("laptop", image=128, stride=4, stages=3, kernels=(3, 3, 3), dilations=(1, 2, 4), width=64),
    "paper": Configuration("paper", 368, stride=8, stages=6, kernels=(7,) * 5, dilations=(1,) * 5, width=128),
}


class LaptopTrunk(nn.Module):
    """Features and first belief maps of "laptop" and "small": stride 4, with a branch that sees the whole image.

    Which side of a person is left is a property of the whole body, so the branch goes down to stride 32; what it finds
    is added on the way back up, scale by scale.
    """

    def __init__(self, maps: int, widths: tuple[int, int, int, int] = (32, 64, 96, 144), fine: bool = True):
        """`widths`: channels at strides 2, 4, 8, and 16 and 32; `fine`: a second convolution at strides 2 and 4."""
        super().__init__()
        first, width, middle, deep = widths
        again = [[], []] if not fine else [convolution(own, own, 3) for own in (first, width)]
        self.at_2 = nn.Sequential(*convolution(3, first, 3, stride=2), *again[0])
        self.at_4 = nn.Sequential(*convolution(first, width, 3, stride=2), *again[1])
        self.at_8 = nn.Sequential(*convolution(width, middle, 3, stride=2), *convolution(middle, middle, 3))
        self.at_16 = nn.Sequential(*convolution(middle, deep, 3, stride=2), *convolution(deep, deep, 3))
        self.at_32 = nn.Sequential(*convolution(deep, deep, 3, stride=2), *convolution(deep, deep, 3))
        self.from_32, self.merge_16 = nn.Conv2d(deep, deep, 1), nn.Sequential(*convolution(deep, deep, 3))
        self.from_16, self.merge_8 = nn.Conv2d(deep, middle, 1), nn.Sequential(*convolution(middle, middle, 3))
        self.from_8, self.merge_4 = nn.Conv2d(middle, width, 1), nn.Sequential(*convolution(width, width, 3))
        last = convolution(width, width, 3) if fine else []
        self.belief = nn.Sequential(*last, nn.Conv2d(width, maps, 1))

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """First belief maps and features."""
        quarter = self.at_4(self.at_2(images))
        eighth = self.at_8(quarter)
        sixteenth = self.at_16(eighth)
        sixteenth = self.merge_16(sixteenth + enlarge(self.from_32(self.at_32(sixteenth)), sixteenth))
        eighth = self.merge_8(eighth + enlarge(self.from_16(sixteenth), eighth))
        features = self.merge_4(quarter + enlarge(self.from_8(eighth), quarter))
        return self.belief(features), features


class PaperTrunk(nn.Module):
    """First belief maps and features of "paper": stage 1 of Convolutional Pose Machines, and what the later stages see.

    9 x 9, 9 x 9, 9 x 9, 5 x 5, 9 x 9, 1 x 1, 1 x 1 with three 2 x 2 poolings between; the later stages share a branch
    of the first four. No normalisation.
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


TRUNKS: dict[str, Callable[[int], tuple[nn.Module, int]]] = {
    "small": lambda maps: (LaptopTrunk(maps, (16, 32, 48, 64), fine=False), 32),
    "laptop": lambda maps: (LaptopTrunk(maps), 64),
    "paper": lambda maps: (PaperTrunk(maps), 32),
}
"""Each configuration's trunk for a number of maps, and how many channels its features have."""


def convolution(
    inputs: int, outputs: int, kernel: int, stride: int = 1, dilation: int = 1, norm: bool = True
) -> list[nn.Module]:
    """A convolution that keeps the size (but for the stride), group norm unless told, ReLU.

    Groups of 16 channels are normalised within each image: unlike a batch norm, an image's maps don't depend on what
    else is in its batch, nor on how a batch is shared between processes.
    """
    padding = dilation * (kernel // 2)
    conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation, bias=not norm)
    return [conv, *([nn.GroupNorm(outputs // 16, outputs)] if norm else []), nn.ReLU(inplace=True)]


def refining_stage(inputs: int, configuration: Configuration, maps: int) -> nn.Sequential:
    """A later stage: from features and fused maps to new belief maps."""
    width, norm = configuration.width, configuration.name != "paper"
    layers: list[nn.Module] = []
    for kernel, dilation in zip(configuration.kernels, configuration.dilations, strict=True):
        layers += convolution(inputs, width, kernel, dilation=dilation, norm=norm)
        inputs = width
    return nn.Sequential(*layers, *convolution(width, width, 1, norm=norm), nn.Conv2d(width, maps, 1))


def enlarge(small: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """`small` at the size of `reference`."""
    return nn.functional.interpolate(small, size=reference.shape[-2:], mode="nearest")
