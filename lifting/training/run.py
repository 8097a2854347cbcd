"""Training the network: the paper's objective, on one process or many, stopped and resumed at any moment.

    python -m lifting.training --steps 1000 --out DIR                    # the embedded pictures, on what is there
    python -m lifting.training --steps 20000 --out DIR --data SHARDS     # pictures composed of rendered buffers
    python -m lifting.training --steps 20000 --out DIR --resume          # goes on where it was stopped
    torchrun --nproc-per-node 2 -m lifting.training ...                  # the batch shared by two processes
    python -m lifting.training --config paper --size 368 ...             # the paper's configuration, for a GPU

The objective, main paper, section 5 (the supplement calls it equation (8) of the main paper), for stages t, landmarks
and background p, pixels z, fused maps f and Gaussians b_*:

    c_t = sum_p sum_z (f_t^p(z) - b_*^p(z))^2,        c = sum_t c_t,        here the mean over the pictures of a batch

What is in the folder DIR:

    settings.json               what the run was begun with
    log.csv, validation.csv     losses by stage; errors by stage on held-out pictures
    checkpoints/step_N/         network.safetensors, optimiser.safetensors, state.json: nothing in it is a pickle
    network.safetensors         the trained network, when the run has ended: `lifting.load_network(path)`

A checkpoint is written beside its place and renamed, so it is whole or not there. Batches depend on the seed and their
number alone, so a run that was killed and resumed ends with the bits of one that was not (on the CPU, with the same
number of threads).
"""

import argparse
import csv
import dataclasses
import hashlib
import io
import json
import math
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import torch
import torch.distributed
from safetensors import SafetensorError
from safetensors.torch import load as read_tensors
from safetensors.torch import save as tensor_bytes
from torch.nn.parallel import DistributedDataParallel
from torch.nn.utils import clip_grad_norm_
from torch.utils.data import DataLoader
from tqdm.auto import tqdm

from lifting.datasets.batches import Batches, Finished, Pictures, Rendering
from lifting.datasets.composing import Composed
from lifting.datasets.rendered import RenderedPeople, finish, load_rendered, open_shards
from lifting.network import Lifting, Network, Prediction, build_network, load_network, save_network, target_maps
from lifting.support.arrays import check_count, check_positive, fail
from lifting.support.files import write_atomically
from lifting.training.evaluation import evaluate, resize, summary

Optimiser = Literal["adamw", "sgd"]
Precision = Literal["float32", "bfloat16", "float16"]
PRECISIONS: dict[str, torch.dtype] = {name: getattr(torch, name) for name in get_args(Precision)}
LOG_EVERY = 20
"""Steps between two rows of the log. Only then does the device have to be waited for."""
KEPT = 2
"""Checkpoints that are kept."""


@dataclass(frozen=True)
class Settings:
    """What decides how a run ends, but for the pictures."""

    config: str = "laptop"
    lifting: Lifting = "subgradient"
    steps: int = 1000
    batch: int = 32
    """Pictures a step, over all processes."""
    optimiser: Optimiser = "adamw"
    rate: float = 2e-3
    """Learning rate after the warm-up; from there it falls to zero as a half cosine."""
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
        check_count("warm_up", self.warm_up, least=0)
        for name in ("size", "seed"):
            check_count(name, getattr(self, name), least=0)
        for name in ("rate", "clip", "sigma"):
            check_positive(name, getattr(self, name))
        if self.weight_decay < 0:
            fail("weight_decay", self.weight_decay, "a number >= 0")
        for name, kind in (("optimiser", Optimiser), ("precision", Precision)):
            if getattr(self, name) not in get_args(kind):
                fail(name, repr(getattr(self, name)), " or ".join(map(repr, get_args(kind))))

    def rate_at(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        rising = min(1.0, (step + 1) / (self.warm_up + 1))
        return self.rate * rising * 0.5 * (1 + math.cos(math.pi * step / self.steps))


def objective(
    prediction: Prediction, landmarks: torch.Tensor, sigma: float = 1.0, every_stage: bool = True
) -> tuple[torch.Tensor, torch.Tensor]:
    """The paper's objective: c, and every stage's c_t (T,), as means over the pictures.

    Args:
        prediction: what the network gave.
        landmarks: the true ones, (N, 2, L), pixels of the image; those outside the picture leave their map empty.
        sigma: width of the target Gaussians, pixels of the maps.
        every_stage: c is the sum over all stages; else the last stage's c_t.
    """
    height, width = prediction[0].fused.shape[-2:]
    target = target_maps(landmarks, height, width, prediction.stride, sigma)
    # c_t = sum_p sum_z (f_t^p(z) - b_*^p(z))^2
    c_t = torch.stack([(stage.fused.float() - target).square().sum((1, 2, 3)).mean() for stage in prediction])
    return (c_t.sum() if every_stage else c_t[-1]), c_t.detach()


# --- one step ------------------------------------------------------------------------------------------------------


class Trainer:
    """A network, its optimiser, and how many steps they have made.

    Args:
        settings: how to train.
        device: where; the GPU of this process where there is one, else the CPU.

    Raises:
        ValueError: an unknown configuration or variant.
    """

    def __init__(self, settings: Settings, device: torch.device | str | None = None):
        self.settings, self.step = settings, 0
        self.device = default_device() if device is None else torch.device(device)
        torch.manual_seed(settings.seed)
        network = build_network(settings.config, lifting=settings.lifting, cross_stage=settings.cross_stage)  # type: ignore[arg-type]
        self.network = network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        # no decay for biases, norms and fusion weights: shrinking them would mean something else
        matrices = [p for p in self.network.parameters() if p.ndim > 1]
        rest = [p for p in self.network.parameters() if p.ndim <= 1]
        groups = [{"params": matrices, "weight_decay": settings.weight_decay}, {"params": rest, "weight_decay": 0.0}]
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

    def train_on(self, batch: Composed) -> tuple[torch.Tensor, torch.Tensor]:
        """One step on this process's share of a batch: every stage's loss (T,), and the length of the gradient."""
        settings, move = self.settings, {"device": self.device, "non_blocking": True}
        images = batch.images.to(**move, memory_format=torch.channels_last)  # type: ignore[call-overload]
        landmarks = batch.landmarks.to(**move)  # type: ignore[call-overload]
        images, landmarks = resize(images, landmarks, settings.size or images.shape[-1])
        self.model.train()
        for group in self.optimiser.param_groups:
            group["lr"] = settings.rate_at(self.step)
        self.optimiser.zero_grad(set_to_none=True)
        half = settings.precision != "float32"
        with torch.autocast(self.device.type, PRECISIONS[settings.precision] if half else None, enabled=half):
            prediction = self.model(images)
        c, c_t = objective(prediction, landmarks, settings.sigma, settings.every_stage)
        self.scaler.scale(c).backward()
        self.scaler.unscale_(self.optimiser)
        norm = clip_grad_norm_(self.network.parameters(), settings.clip)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        self.step += 1
        return c_t, norm.detach()

    def tensors(self) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
        """What a checkpoint holds: the network's tensors, and the optimiser's by parameter and name."""
        own = self.optimiser.state_dict()["state"]
        flat = {f"{i}.{name}": value for i, state in own.items() for name, value in state.items() if value is not None}
        return dict(self.network.state_dict()), {key: torch.as_tensor(value) for key, value in flat.items()}

    def restore(self, network: dict[str, torch.Tensor], optimiser: dict[str, torch.Tensor], state: dict) -> None:
        """Take back what `tensors` gave."""
        self.network.load_state_dict(network)
        per_parameter: dict[int, dict[str, torch.Tensor]] = {}
        for key, value in optimiser.items():
            i, name = key.split(".")
            per_parameter.setdefault(int(i), {})[name] = value
        self.optimiser.load_state_dict({**self.optimiser.state_dict(), "state": per_parameter})
        self.scaler.load_state_dict(state["scaler"])
        self.step = state["step"]


# --- a run ---------------------------------------------------------------------------------------------------------


def train(
    settings: Settings,
    pictures: Pictures,
    out: str | os.PathLike[str] | None = None,
    *,
    validation: RenderedPeople | None = None,
    start: str | os.PathLike[str] | None = None,
    resume: bool = False,
    device: torch.device | str | None = None,
    workers: int = 1,
    every: int = 500,
    progress: bool = True,
    tensorboard: bool = False,
) -> Network:
    """Train a network, and return it.

    Ctrl-C (or SIGTERM) ends the run after the step that it is in, with a checkpoint.

    Args:
        settings: how to train.
        pictures: what on.
        out: the folder of the run; None keeps nothing.
        validation: held-out pictures to look at with every checkpoint.
        start: a file of `save_network`, whose weights the first step finds; random ones where None.
        resume: go on with the run in `out`, or begin it.
        device: where; see `Trainer`.
        workers: processes that make pictures while this one trains; 0: none.
        every: steps between checkpoints.
        progress: whether to show a bar.
        tensorboard: whether to write `out`/tensorboard too.

    Raises:
        FileExistsError: `out` is in use, and `resume` is False.
        FloatingPointError: the loss is no longer finite; the last checkpoint is from before.
        KeyboardInterrupt: it was stopped; what it had reached is in `out`.
        ModuleNotFoundError: `tensorboard` without the package of that name.
        ValueError: other settings than `out` was begun with, a checkpoint that can't be read, or a `start` of another
            configuration.
    """
    check_count("every", every)
    batches = Batches(pictures, settings.batch, settings.seed, process(), processes())
    trainer = Trainer(settings, device)
    if start is not None:
        begin_with(trainer.network, start)
    run = Run(Path(out), settings, resume, tensorboard) if out is not None and process() == 0 else None
    wait_for_all()
    if out is not None and resume:
        restore_newest(Path(out), trainer)
    if run is not None:
        run.cut_logs(trainer.step)
    loader = DataLoader(batches, batch_size=None, sampler=range(trainer.step, settings.steps), num_workers=workers)
    bar = tqdm(total=settings.steps, initial=trainer.step, unit="step", disable=not progress or process() > 0)
    stopped = False
    with bar, stop_asked() as asked:
        meter = Meter()
        for batch in meter.waiting(loader):
            meter.add(*trainer.train_on(batch), len(batch.images))
            bar.update()
            last = trainer.step == settings.steps
            look = trainer.step % LOG_EVERY == 0 or last
            if look or processes() == 1:
                stopped = bool(agree(asked()))
            if look or stopped:
                row = meter.row(trainer)
                bar.set_postfix_str(f"loss {row['loss']:.2f}")
                if run is not None:
                    run.log(row)
            if (trainer.step % every == 0 or last or stopped) and run is not None:
                run.checkpoint(trainer)
                if validation is not None and not stopped:
                    run.validate(trainer, validation)
            if stopped and not last:
                break
    wait_for_all()
    if stopped and trainer.step < settings.steps:
        raise KeyboardInterrupt(f"stopped after step {trainer.step} of {settings.steps}")
    if run is not None:
        save_network(trainer.network, run.folder / "network.safetensors")
    return trainer.network


class Meter:
    """Means since the last row of the log: losses, speed, and the share of the time spent waiting for pictures."""

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        self.losses: list[torch.Tensor] = []
        self.norms: list[torch.Tensor] = []
        self.pictures, self.waited, self.since = 0, 0.0, time.perf_counter()

    def waiting(self, batches: DataLoader) -> Iterator[Composed]:
        """The batches, with the time taken that each of them lets wait for it."""
        iterator = iter(batches)
        while True:
            start = time.perf_counter()
            batch = next(iterator, None)
            self.waited += time.perf_counter() - start
            if batch is None:
                return
            yield batch

    def add(self, losses: torch.Tensor, norm: torch.Tensor, pictures: int) -> None:
        """Count a step."""
        self.losses.append(losses)
        self.norms.append(norm)
        self.pictures += pictures

    def row(self, trainer: Trainer) -> dict[str, float]:
        """A row of the log; counting begins again."""
        losses, norm = torch.stack(self.losses).mean(0).tolist(), float(torch.stack(self.norms).mean())
        if not math.isfinite(sum(losses)):
            raise FloatingPointError(
                f"the loss is {sum(losses)} at step {trainer.step}; try a lower rate or precision='float32'"
            )
        seconds = time.perf_counter() - self.since
        row = {"step": trainer.step, "loss": sum(losses)}
        row |= {f"stage {t}": loss for t, loss in enumerate(losses, start=1)}
        row |= {"rate": trainer.settings.rate_at(trainer.step - 1), "gradient": norm}
        row |= {"pictures a second": self.pictures * processes() / seconds, "waiting": self.waited / seconds}
        self._start()
        return row


class Run:
    """The folder of a run, written by one process."""

    def __init__(self, folder: Path, settings: Settings, resume: bool, tensorboard: bool = False):
        self.folder = folder
        found = folder / "settings.json"
        if found.exists():
            if not resume:
                raise FileExistsError(f"out: got {folder}, which is in use; expected a new folder, or resume")
            check_settings(json.loads(found.read_text()), settings, folder)
        elif folder.exists() and any(folder.iterdir()):
            raise FileExistsError(f"out: got {folder}, which holds other files; expected a new or empty folder")
        self.board: Any = None
        if tensorboard:
            from torch.utils.tensorboard import SummaryWriter

            self.board = SummaryWriter(str(folder / "tensorboard"))
        (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
        write_atomically(found, (json.dumps(dataclasses.asdict(settings), indent=1) + "\n").encode())

    def cut_logs(self, step: int) -> None:
        """Take rows from after `step` out of the logs: they will be made again."""
        for name in ("log.csv", "validation.csv"):
            path = self.folder / name
            if path.exists():
                lines = path.read_text().splitlines(keepends=True)
                kept = [line for line in lines[1:] if line.endswith("\n") and int(line.split(",")[0]) <= step]
                write_atomically(path, "".join([*lines[:1], *kept]).encode())

    def log(self, row: dict[str, float], name: str = "log.csv") -> None:
        """Add a row to a log."""
        path, text = self.folder / name, io.StringIO()
        writer = csv.DictWriter(text, list(row), lineterminator="\n")
        if not path.exists():
            writer.writeheader()
        writer.writerow({key: f"{value:.6g}" if isinstance(value, float) else value for key, value in row.items()})
        with path.open("a") as file:
            file.write(text.getvalue())
        if self.board is not None:
            for key, value in row.items():
                self.board.add_scalar(f"{name.removesuffix('.csv')}/{key}", value, row["step"])
            self.board.flush()

    def checkpoint(self, trainer: Trainer) -> None:
        """Write where the trainer is, whole or not at all; of the older ones keep as many as `KEPT` says."""
        folder = self.folder / "checkpoints"
        place, beside = folder / f"step_{trainer.step:07d}", folder / f".step_{trainer.step:07d}"
        if place.exists():
            return
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir()
        network, optimiser = (
            tensor_bytes({key: value.detach().contiguous().cpu() for key, value in part.items()})
            for part in trainer.tensors()
        )
        write_atomically(beside / "network.safetensors", network)
        write_atomically(beside / "optimiser.safetensors", optimiser)
        state = {
            "step": trainer.step,
            "settings": dataclasses.asdict(trainer.settings),
            "scaler": trainer.scaler.state_dict(),
            "sha256": {"network": sha256(network), "optimiser": sha256(optimiser)},
        }
        write_atomically(beside / "state.json", (json.dumps(state, indent=1) + "\n").encode())
        beside.rename(place)
        for old in sorted(folder.glob("step_*"))[:-KEPT]:
            shutil.rmtree(old)

    def validate(self, trainer: Trainer, people: RenderedPeople) -> None:
        """Add a row to validation.csv."""
        report = evaluate(trainer.network, people, size=trainer.settings.size or None)
        self.log({"step": trainer.step, **summary(report)}, "validation.csv")


def begin_with(network: Network, start: str | os.PathLike[str]) -> None:
    """Give a network the weights in the file `start`, of whichever variant of the same configuration.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it can't be read, or is of another configuration.
    """
    found = load_network(start, network.prior)
    if found.configuration.name != network.configuration.name:
        fail(
            "start", f"{start}, a {found.configuration.name!r}", f"weights of a {network.configuration.name!r} network"
        )
    network.load_state_dict(found.state_dict())


def restore_newest(folder: Path, trainer: Trainer) -> None:
    """Let the trainer take the newest checkpoint of a run, if there is one.

    Raises:
        ValueError: it was cut short, or is of other settings.
    """
    found = sorted((folder / "checkpoints").glob("step_*"))
    if not found:
        return
    newest = found[-1]
    before = f"; {found[-2].name} is still there: delete {newest.name} to go on from it" if len(found) > 1 else ""
    try:
        state = json.loads((newest / "state.json").read_text())
        data = {name: (newest / f"{name}.safetensors").read_bytes() for name in ("network", "optimiser")}
        for name, content in data.items():
            if sha256(content) != state["sha256"][name]:
                fail(
                    "out", f"{newest / name}.safetensors, which is cut short or changed", f"the file as written{before}"
                )
        network, optimiser = (read_tensors(data[name]) for name in ("network", "optimiser"))
    except (OSError, KeyError, TypeError, json.JSONDecodeError, UnicodeDecodeError, SafetensorError) as error:
        fail("out", f"{newest}, which can't be read ({error!r})", f"a whole checkpoint{before}")
    check_settings(state["settings"], trainer.settings, newest)
    trainer.restore(network, optimiser, state)


def check_settings(found: dict[str, Any], settings: Settings, where: Path) -> None:
    """Refuse to go on with other settings than a run was begun with."""
    wanted = dataclasses.asdict(settings)
    other = {key: found.get(key) for key in {*found, *wanted} if found.get(key) != wanted.get(key)}
    if other:
        got = ", ".join(f"{key}={value!r}" for key, value in sorted(other.items()))
        want = ", ".join(f"{key}={wanted.get(key)!r}" for key in sorted(other))
        fail("out", f"{where}, begun with {got}", f"a run begun with {want}")


def sha256(data: bytes) -> str:
    """The checksum of some bytes."""
    return hashlib.sha256(data).hexdigest()


@contextmanager
def stop_asked() -> Iterator[Any]:
    """Within it Ctrl-C and SIGTERM only leave word: the function that it gives says whether there was one.

    In a thread other than the main one, where signals can't be caught, they do what they always do.
    """
    asked: list[int] = []
    try:
        before = {s: signal.signal(s, lambda number, _: asked.append(number)) for s in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:
        yield lambda: False
        return
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


# --- processes -----------------------------------------------------------------------------------------------------


def processes() -> int:
    """How many processes train together."""
    return torch.distributed.get_world_size() if torch.distributed.is_initialized() else 1


def process() -> int:
    """Which of them this is."""
    return torch.distributed.get_rank() if torch.distributed.is_initialized() else 0


def wait_for_all() -> None:
    """Go on when every process is here."""
    if processes() > 1:
        torch.distributed.barrier()


def agree(flag: bool) -> bool:
    """Whether any process has the flag up."""
    if processes() == 1:
        return flag
    raised = torch.tensor(float(flag), device=default_device())
    torch.distributed.all_reduce(raised, torch.distributed.ReduceOp.MAX)
    return bool(raised)


def default_device() -> torch.device:
    """The accelerator of this process, if there is one, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    return torch.device("cpu")


@contextmanager
def joined() -> Iterator[None]:
    """Within it this process belongs to the group that torchrun started, if it was."""
    if "WORLD_SIZE" not in os.environ:
        yield
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(default_device())
    torch.distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield
    finally:
        torch.distributed.destroy_process_group()


# --- the command line ----------------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> None:
    """Train the multi-stage network: see the top of this module."""
    parser = argparse.ArgumentParser(prog="python -m lifting.training", description=main.__doc__)
    for field in dataclasses.fields(Settings):
        if isinstance(field.default, bool):
            action: Any = argparse.BooleanOptionalAction
            parser.add_argument(f"--{field.name.replace('_', '-')}", default=field.default, action=action)
        else:
            kind = type(field.default)
            parser.add_argument(f"--{field.name.replace('_', '-')}", default=field.default, type=kind, metavar="X",
                                help=f"default {field.default}")  # fmt: skip
    parser.add_argument("--out", required=True, metavar="DIR", help="the folder of the run")
    parser.add_argument("--data", metavar="SHARDS", help="a folder of rendered buffers; else the embedded pictures")
    parser.add_argument("--unrecognisable", type=float, default=Rendering.unrecognisable, metavar="X",
                        help="share of heads made of large pixels, with --data (default %(default)s)")  # fmt: skip
    parser.add_argument("--start", metavar="FILE", help="a trained network to go on from; else random weights")
    parser.add_argument("--resume", action="store_true", help="go on where an earlier run stopped")
    parser.add_argument("--device", help="cpu, cuda, cuda:1, ...; default: a GPU where there is one")
    parser.add_argument("--workers", type=int, default=1, help="processes that make pictures (default 1)")
    parser.add_argument("--every", type=int, default=500, help="steps between checkpoints (default 500)")
    parser.add_argument("--tensorboard", action="store_true", help="write DIR/tensorboard too")
    given = vars(parser.parse_args(arguments))
    rest = {
        key: given.pop(key)
        for key in ("out", "data", "unrecognisable", "start", "resume", "device", "workers", "every", "tensorboard")
    }
    data, unrecognisable = rest.pop("data"), rest.pop("unrecognisable")
    try:
        with joined():
            pictures: Pictures = (
                Finished(load_rendered()) if data is None else Rendering(open_shards(data), unrecognisable)
            )
            held_out = load_rendered("validation") if data is None else finish(open_shards(data, "validation"))
            train(Settings(**given), pictures, validation=held_out, **rest)
    except KeyboardInterrupt as stop:
        print(f"\n{stop or 'stopped'}; --resume goes on from here", file=sys.stderr)
        sys.exit(130)
    except (FileExistsError, FileNotFoundError, ValueError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
