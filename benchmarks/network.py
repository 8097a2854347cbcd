"""How fast does the network train? Every time stands beside a named baseline's in the same run.

    python benchmarks/network.py              # some 10 minutes: writes benchmarks/network.json and network.md
    python benchmarks/network.py --quick      # the laptop network alone, prints only
    python benchmarks/network.py --device cuda

A step is forward, the paper's objective and backward (no optimiser: it is the same for all).

- "laptop", 32 pictures of 128 px (as many as `lifting.training` takes unless told): with sub-gradients at every stage,
  against the same network without lifting.
- "paper", 2 pictures of 368 px: the same.
- Convolutional Pose Machines: "paper" without lifting, against the same layers written down plainly.
- Pictures: how many are composed a second from rendered buffers (made up here: a box each), and how many are made of
  the embedded ones, on one core; and how many buffers are rendered a second on all cores, from the start of the command
  to its end, where `anny` is installed.
"""

import importlib.util
import os
import sys
import tempfile
import time
from pathlib import Path

import torch
import tyro
from pages import listed, machine, record, table
from torch import nn

from lifting.datasets import rendered
from lifting.datasets.rendered import load_rendered
from lifting.network import CONFIGURATIONS, build_network, target_maps
from lifting.training.batches import Batches
from lifting.training.step import objective

HERE = Path(__file__).parent
COLUMNS = ("network", "pictures", "precision", "way", "step, ms", "pictures a second",
           "speed against the first of its rows")  # fmt: skip


def main(*, quick: bool = False, device: str = "cuda" if torch.cuda.is_available() else "cpu") -> None:
    """Measure, print, and write.

    Args:
        quick: the laptop network alone; write nothing.
        device: torch's name of it.
    """
    torch.set_num_threads(os.cpu_count() or 1)
    report: dict = {"machine": machine() | {"device": device}, "rows": []}
    if device.startswith("cuda"):
        report["machine"]["device"] = torch.cuda.get_device_name()
    for precision in (torch.float32, torch.bfloat16):
        report["rows"] += compare("laptop", 32, device, precision, 5)
    if not quick:
        report["rows"] += compare("paper", 2, device, torch.bfloat16, 3)
        report["rows"] += against_plain(2, device, torch.bfloat16, 3)
        report["pictures a second"] = pictures()
    record(__file__, report, markdown(report), quick)


def compare(name: str, batch: int, device: str, precision: torch.dtype, repeats: int) -> list[dict]:
    """Seconds of a step with and without lifting, taken in turns."""
    steps = {lifting: step(network(name, lifting, device), name, batch, device, precision)
             for lifting in ("none", "subgradient", "forward", "soft-argmax")}  # fmt: skip
    seconds = in_turns(steps, device, repeats)
    return [{"network": name, "pictures": batch, "precision": str(precision).removeprefix("torch."), "way": way,
             "seconds": time_, "pictures a second": batch / time_, "speed": seconds["none"] / time_}
            for way, time_ in seconds.items()]  # fmt: skip


def network(name: str, lifting: str, device: str) -> nn.Module:
    """A network with random weights."""
    torch.manual_seed(0)
    return build_network(name, lifting=lifting).to(device, memory_format=torch.channels_last)


def data(name: str, batch: int, device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Embedded pictures, enlarged to the network's size, and their landmarks."""
    side, people = CONFIGURATIONS[name].image, load_rendered()
    images = nn.functional.interpolate(torch.from_numpy(people.images[:batch]).float() / 255, side, mode="bilinear")
    landmarks = (torch.from_numpy(people.landmarks[:batch]) + 0.5) * side / people.images.shape[-1] - 0.5
    return images.to(device, memory_format=torch.channels_last), landmarks.to(device)


def step(model: nn.Module, name: str, batch: int, device: str, precision: torch.dtype):
    """One step, ready to be run."""
    images, landmarks = data(name, batch, device)

    def run() -> None:
        model.zero_grad()
        with torch.autocast(torch.device(device).type, precision, enabled=precision != torch.float32):
            prediction = model(images)
        objective(prediction, landmarks)[0].backward()

    return run


def in_turns(steps: dict, device: str, repeats: int) -> dict[str, float]:
    """The least time of each, measured one after the other, again and again, so that all see the same machine."""
    times: dict[str, list[float]] = {name: [] for name in steps}
    for repeat in range(repeats + 1):
        for name, run in steps.items():
            start = time.perf_counter()
            run()
            if device.startswith("cuda"):
                torch.cuda.synchronize()
            if repeat:
                times[name].append(time.perf_counter() - start)
    return {name: min(own) for name, own in times.items()}


class Plain(nn.Module):
    """Convolutional Pose Machines, written down: the layers of "paper", nothing else."""

    def __init__(self) -> None:
        super().__init__()

        def branch() -> list[nn.Module]:
            layers: list[nn.Module] = []
            for inputs in (3, 128, 128):
                layers += [nn.Conv2d(inputs, 128, 9, padding=4), nn.ReLU(inplace=True), nn.MaxPool2d(2)]
            return [*layers, nn.Conv2d(128, 32, 5, padding=2), nn.ReLU(inplace=True)]

        def later() -> nn.Sequential:
            layers: list[nn.Module] = []
            for inputs in (50, 128, 128, 128, 128):
                layers += [nn.Conv2d(inputs, 128, 7, padding=3), nn.ReLU(inplace=True)]
            return nn.Sequential(*layers, nn.Conv2d(128, 128, 1), nn.ReLU(inplace=True), nn.Conv2d(128, 18, 1))

        relu = nn.ReLU(inplace=True)
        self.first = nn.Sequential(*branch(), nn.Conv2d(32, 512, 9, padding=4), relu, nn.Conv2d(512, 512, 1), relu,
                                   nn.Conv2d(512, 18, 1))  # fmt: skip
        self.features = nn.Sequential(*branch())
        self.stages = nn.ModuleList(later() for _ in range(5))

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        """The maps of all stages."""
        maps, features = [self.first(images - 0.5)], self.features(images - 0.5)
        for stage in self.stages:
            maps.append(stage(torch.cat([features, maps[-1]], dim=1)))
        return maps


def against_plain(batch: int, device: str, precision: torch.dtype, repeats: int) -> list[dict]:
    """"paper" without lifting against `Plain`, whose parameters are as many."""  # fmt: skip
    torch.manual_seed(0)
    plain, ours = Plain().to(device, memory_format=torch.channels_last), network("paper", "none", device)
    count = sum(p.numel() for p in ours.parameters()) - ours.fusion.numel()
    assert sum(p.numel() for p in plain.parameters()) == count
    images, landmarks = data("paper", batch, device)

    def run() -> None:
        plain.zero_grad()
        with torch.autocast(torch.device(device).type, precision):
            maps = plain(images)
        target = target_maps(landmarks, *maps[0].shape[-2:], 8)
        sum((each.float() - target).square().sum((1, 2, 3)).mean() for each in maps).backward()

    steps = {"CPM, plainly": run, "ours, without lifting": step(ours, "paper", batch, device, precision)}
    seconds = in_turns(steps, device, repeats)
    return [{"network": "paper", "pictures": batch, "precision": str(precision).removeprefix("torch."), "way": way,
             "seconds": time_, "pictures a second": batch / time_, "speed": seconds["CPM, plainly"] / time_}
            for way, time_ in seconds.items()]  # fmt: skip


def pictures() -> dict[str, float]:
    """Pictures made a second, on one core."""
    sys.path.insert(0, str(HERE.parent))
    from lifting.datasets.composing import Rendering
    from tests.pictures import some_buffers

    torch.set_num_threads(1)
    rates = {}
    for name, source in (("composed", Rendering(some_buffers(64))), ("embedded", load_rendered())):
        batches = Batches(source, 32, 0)
        batches[0]
        start = time.perf_counter()
        for n in range(1, 9):
            batches[n]
        rates[f"{name}, one core"] = 8 * 32 / (time.perf_counter() - start)
    if importlib.util.find_spec("anny"):
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            rendered.render(Path(folder) / "shards", 640, processes=os.cpu_count() or 1)
            count = sum(len(rendered.open_shards(Path(folder) / "shards", split)) for split in rendered.SPLITS)
            rates[f"rendered, {os.cpu_count()} cores"] = count / (time.perf_counter() - start)
    return rates


def markdown(report: dict) -> str:
    """The report as the text of network.md."""
    rows = [[r["network"], r["pictures"], r["precision"], r["way"], f"{1000 * r['seconds']:.0f}",
             f"{r['pictures a second']:.1f}", f"{r['speed']:.3f}"] for r in report["rows"]]  # fmt: skip
    made = report.get("pictures a second", {})
    rates = listed({name: f"{rate:.0f} a second" for name, rate in made.items()})
    return f"""# Speed of training

Made by `python benchmarks/network.py`, which says what is measured.

{listed(report["machine"])}

{table(COLUMNS, rows)}

Pictures made for training, one core:

{rates}
"""


if __name__ == "__main__":
    tyro.cli(main)
