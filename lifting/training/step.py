"""One step of training: the paper's objective, the settings of a run, and what they do to a network.

The objective, main paper, section 5 (the supplement calls it equation (8) of the main paper), for stages t, landmarks
and background p, pixels z, fused maps f and Gaussians b_*:

    c_t = sum_p sum_z (f_t^p(z) - b_*^p(z))^2,        c = sum_t c_t,        here the mean over the pictures of a batch
"""

import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
from jaxtyping import Bool, Float
from torch.nn.parallel import DistributedDataParallel
from torch.nn.utils import clip_grad_norm_

from lifting.datasets.pictures import Labelled
from lifting.network import Lifting, Network, Prediction, build_network, target_maps
from lifting.support.arrays import check_count, check_positive, fail
from lifting.training.evaluation import resize
from lifting.training.processes import processes, usable_device

Optimiser = Literal["adamw", "sgd"]
Precision = Literal["float32", "bfloat16", "float16"]
PRECISIONS: dict[str, torch.dtype] = {name: getattr(torch, name) for name in get_args(Precision)}


@dataclass(frozen=True)
class Settings:
    """What decides how a run ends, but for the pictures."""

    config: str = "laptop"
    lifting: Lifting = "subgradient"
    subpixel: bool = False
    """The stages' peaks are read between pixels."""
    k: float = 1.0
    """The factor of "Updating B"."""
    steps: int = 1000
    batch: int = 32
    """Pictures a step, over all processes."""
    optimiser: Optimiser = "adamw"
    rate: float = 2e-3
    """Learning rate after the warm-up; from there it falls to zero as a half cosine."""
    fusion_rate: float = 1.0
    """The fusion weights' learning rate over that of the others: w_t = sigmoid(weight) moves by a quarter of it a step
    at most, which in a short run is nowhere."""
    warm_up: int = 100
    """Steps in which the rate rises."""
    weight_decay: float = 1e-3
    clip: float = 100.0
    """The longest gradient, over all parameters, that is not shortened."""
    sigma: float = 1.0
    """Width of the target Gaussians, pixels of the maps."""
    precision: Precision = "float32"
    """Of the convolutions; lifting and loss are float32 at least."""
    every_stage: bool = True
    """A loss at every stage; else at the last alone."""
    cross_stage: bool = True
    """Gradients flow from a stage into those before it."""
    size: int = 0
    """Side that pictures are enlarged or reduced to, pixels; 0: as they come."""
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "batch"):
            check_count(name, getattr(self, name))
        for name in ("every_stage", "cross_stage"):
            if not isinstance(getattr(self, name), bool):
                fail(name, repr(getattr(self, name)), "True or False")
        check_count("warm_up", self.warm_up, least=0)
        for name in ("size", "seed"):
            check_count(name, getattr(self, name), least=0)
        for name in ("rate", "fusion_rate", "clip", "sigma"):
            check_positive(name, getattr(self, name))
        check_positive("weight_decay", self.weight_decay, zero=True)
        for name, kind in (("optimiser", Optimiser), ("precision", Precision)):
            if getattr(self, name) not in get_args(kind):
                fail(name, repr(getattr(self, name)), " or ".join(map(repr, get_args(kind))))

    def rate_at(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        rising = min(1.0, (step + 1) / (self.warm_up + 1))
        return self.rate * rising * 0.5 * (1 + math.cos(math.pi * step / self.steps))


def objective(
    prediction: Prediction,
    landmarks: Float[torch.Tensor, "N 2 L"],
    sigma: float = 1.0,
    every_stage: bool = True,
    labelled: Bool[torch.Tensor, "N L"] | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The paper's objective: c, and every stage's c_t (T,), as means over the pictures.

    A landmark without a label carries no loss: its map is left out. So is the background of such a picture, which is 1
    minus the greatest of the Gaussians, and not known where the missing one would be.

    Args:
        prediction: what the network gave.
        landmarks: the true ones, pixels of the image; those outside the picture leave their map empty.
        sigma: width of the target Gaussians, pixels of the maps.
        every_stage: c is the sum over all stages; else the last stage's c_t.
        labelled: which landmarks are known; None: all.
    """
    height, width = prediction[0].fused.shape[-2:]
    target = target_maps(landmarks, height, width, prediction.stride, sigma)
    counts = torch.ones_like(target[..., :1, :1])
    if labelled is not None:
        counts = torch.cat([labelled, labelled.all(-1, keepdim=True)], dim=-1)[..., None, None]
    # c_t = sum_p sum_z (f_t^p(z) - b_*^p(z))^2
    c_t = torch.stack(
        [(counts * (stage.fused.float() - target).square()).sum((1, 2, 3)).mean() for stage in prediction]
    )
    return (c_t.sum() if every_stage else c_t[-1]), c_t.detach()


def parameter_groups(network: Network, settings: Settings) -> list[dict[str, Any]]:
    """Weights, fusion weights, and biases and norms; "factor" is of the learning rate.

    Only weights decay: shrinking the others would mean something else.
    """
    weights = [p for p in network.parameters() if p.ndim > 1]
    rest = [p for p in network.parameters() if p.ndim <= 1 and p is not network.fusion]
    return [
        {"params": weights, "weight_decay": settings.weight_decay, "factor": 1.0},
        {"params": [network.fusion], "weight_decay": 0.0, "factor": settings.fusion_rate},
        {"params": rest, "weight_decay": 0.0, "factor": 1.0},
    ]


class Trainer:
    """A network, its optimiser, and how many steps they have made.

    Args:
        settings: how to train.
        device: where; the GPU of this process where there is one, else the CPU.

    Raises:
        ValueError: an unknown configuration or variant, a size that isn't the network's, or a device that isn't here.
    """

    def __init__(self, settings: Settings, device: torch.device | str | None = None):
        self.settings, self.step = settings, 0
        self.device = usable_device(device)
        torch.manual_seed(settings.seed)
        network = build_network(
            settings.config,  # type: ignore[arg-type]
            lifting=settings.lifting,
            cross_stage=settings.cross_stage,
            subpixel=settings.subpixel,
            k=settings.k,
        )
        if settings.size % network.configuration.stride:
            fail("size", settings.size, f"a multiple of {network.configuration.stride}, or 0")
        self.network = network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        groups = parameter_groups(self.network, settings)
        if settings.optimiser == "adamw":
            self.optimiser: torch.optim.Optimizer = torch.optim.AdamW(groups, lr=settings.rate)
        else:
            self.optimiser = torch.optim.SGD(groups, lr=settings.rate, momentum=0.9)
        # half precision has too few exponents for small gradients: they are scaled, by a factor that is kept too
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=settings.precision == "float16")
        self.model: torch.nn.Module = self.network
        if processes() > 1:
            unused = settings.lifting == "none" or not settings.every_stage or not settings.cross_stage
            self.model = DistributedDataParallel(self.network, find_unused_parameters=unused)

    def train_on(self, batch: Labelled) -> tuple[torch.Tensor, torch.Tensor]:
        """One step on this process's share of a batch: every stage's loss (T,), and the length of the gradient."""
        settings, move = self.settings, {"device": self.device, "non_blocking": True}
        images = batch.images.to(**move, memory_format=torch.channels_last)  # type: ignore[call-overload]
        landmarks = batch.landmarks.to(**move)  # type: ignore[call-overload]
        images, landmarks = resize(images, landmarks, settings.size or images.shape[-1])
        self.model.train()
        for group in self.optimiser.param_groups:
            group["lr"] = settings.rate_at(self.step) * group["factor"]
        self.optimiser.zero_grad(set_to_none=True)
        half = settings.precision != "float32"
        with torch.autocast(self.device.type, PRECISIONS[settings.precision] if half else None, enabled=half):
            prediction = self.model(images)
        labelled = batch.labelled.to(**move)  # type: ignore[call-overload]
        c, c_t = objective(prediction, landmarks, settings.sigma, settings.every_stage, labelled)
        self.scaler.scale(c).backward()
        self.scaler.unscale_(self.optimiser)
        norm = clip_grad_norm_(self.network.parameters(), settings.clip)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        self.step += 1
        return c_t, norm.detach()

    def optimiser_tensors(self) -> dict[str, torch.Tensor]:
        """What a checkpoint holds of the optimiser, by parameter and name, on the CPU."""
        own = self.optimiser.state_dict()["state"]
        flat = {f"{i}.{name}": value for i, state in own.items() for name, value in state.items() if value is not None}
        return {key: torch.as_tensor(value).detach().contiguous().cpu() for key, value in flat.items()}

    def restore(self, network: dict[str, torch.Tensor], optimiser: dict[str, torch.Tensor], state: dict) -> None:
        """Take back what a checkpoint holds."""
        self.network.load_state_dict(network)
        per_parameter: dict[int, dict[str, torch.Tensor]] = {}
        for key, value in optimiser.items():
            i, name = key.split(".")
            per_parameter.setdefault(int(i), {})[name] = value
        self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": per_parameter})
        self.scaler.load_state_dict(state["scaler"])
        self.step = state["step"]
