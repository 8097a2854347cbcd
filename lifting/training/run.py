"""A run of training: its folder, its checkpoints, stopped and resumed at any moment, on one process or many.

What is in the folder DIR:

    settings.json               what the run was begun with
    log.csv, validation.csv     losses by stage; errors by stage on held-out pictures
    checkpoints/step_N/         network.safetensors, optimiser.safetensors, state.json: nothing in it is a pickle
    network.safetensors         the trained network, when the run has ended: `lifting.load_network(path)`

A checkpoint is written beside its place and renamed, so it is whole or not there. Batches depend on the seed and their
number alone, so a run that was killed and resumed ends with the bits of one that was not (on the CPU, with the same
number of threads).

A run that has ended is extended by resuming it with more steps. Its learning rate had fallen to nothing; it takes up
again where the half cosine over all the steps is by then, which is a restart: what comes out isn't the network of a run
that was begun with so many steps.
"""

import csv
import dataclasses
import hashlib
import io
import json
import math
import os
import shutil
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed
from safetensors import SafetensorError
from safetensors.torch import load as read_tensors
from safetensors.torch import save as tensor_bytes
from torch.utils.data import DataLoader
from tqdm.auto import tqdm

from lifting.datasets.pictures import Labelled, Pictures
from lifting.network import Network, load_network, network_bytes, save_network
from lifting.support.arrays import check_count, fail
from lifting.support.files import write_atomically, write_json
from lifting.training.batches import Batches
from lifting.training.evaluation import evaluate, summary
from lifting.training.processes import agree, process, processes, wait_for_all
from lifting.training.step import Settings, Trainer

LOG_EVERY = 20
"""Steps between two rows of the log. Only then does the device have to be waited for."""
KEPT = 2
"""Checkpoints that are kept."""
ADDED = {"subpixel": False, "k": 1.0, "fusion_rate": 1.0}
"""Settings that older runs don't name, with what they were."""


@dataclass(frozen=True)
class RunOptions:
    """How a run goes about it; none of it changes the network that it ends with."""

    resume: bool = False
    """Go on with the run in the folder, extend it if it has ended, or begin it."""
    device: torch.device | str | None = None
    """Where; the GPU of this process where there is one, else the CPU."""
    workers: int = 1
    """Processes that make pictures while this one trains; 0: none."""
    every: int = 500
    """Steps between checkpoints."""
    progress: bool = True
    """Show a bar."""
    tensorboard: bool = False
    """Write the folder `tensorboard` too."""

    def __post_init__(self) -> None:
        check_count("workers", self.workers, least=0)
        check_count("every", self.every)


def train(
    settings: Settings,
    pictures: Pictures,
    out: str | os.PathLike[str] | None = None,
    *,
    validation: Pictures | None = None,
    start: str | os.PathLike[str] | None = None,
    options: RunOptions = RunOptions(),
) -> Network:
    """Train a network, and return it.

    Ctrl-C (or SIGTERM) ends the run after the step that it is in, with a checkpoint.

    Args:
        settings: how to train.
        pictures: what on.
        out: the folder of the run; None keeps nothing.
        validation: held-out pictures to look at with every checkpoint.
        start: a file of `save_network`, whose weights the first step finds; random ones where None. It isn't read
            where a run is resumed from a checkpoint.
        options: how to go about it.

    Raises:
        FileExistsError: `out` is in use, and `options.resume` is False; or it is no folder.
        FloatingPointError: the loss is no longer finite; the last checkpoint is from before.
        KeyboardInterrupt: it was stopped; what it had reached is in `out`.
        ModuleNotFoundError: `options.tensorboard` without the package of that name.
        ValueError: other settings than `out` was begun with, a checkpoint that can't be read, or a `start` of another
            configuration.
    """
    batches = Batches(pictures, settings.batch, settings.seed, process(), processes())
    trainer = Trainer(settings, options.device)
    if start is not None and not (options.resume and out is not None and checkpoints(Path(out))):
        begin_with(trainer.network, start)
    run = Run(Path(out), settings, options.resume, options.tensorboard) if out is not None and process() == 0 else None
    wait_for_all()
    if out is not None and options.resume:
        restore_newest(Path(out), trainer)
    if run is not None:
        run.cut_logs(trainer.step)
    loader = DataLoader(
        batches, batch_size=None, sampler=range(trainer.step, settings.steps), num_workers=options.workers
    )
    bar = tqdm(total=settings.steps, initial=trainer.step, unit="step", disable=not options.progress or process() > 0)
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
            if (trainer.step % options.every == 0 or last or stopped) and run is not None:
                # before the checkpoint: what is killed in between looks again
                if validation is not None and (last or not stopped):
                    run.validate(trainer, validation)
                run.checkpoint(trainer)
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

    def waiting(self, batches: DataLoader) -> Iterator[Labelled]:
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
        if tensorboard:
            from torch.utils.tensorboard import SummaryWriter
        self.folder = folder
        found = folder / "settings.json"
        if folder.exists() and not folder.is_dir():
            raise FileExistsError(f"out: got {folder}, which is a file; expected a folder, or a new name")
        if found.exists():
            if not resume:
                raise FileExistsError(f"out: got {folder}, which is in use; expected a new folder, or resume")
            check_settings(read_state(found), settings, folder, max(map(step_of, checkpoints(folder)), default=0))
        elif folder.exists() and any(not path.name.startswith(".settings.json.") for path in folder.iterdir()):
            raise FileExistsError(f"out: got {folder}, which holds other files; expected a new or empty folder")
        folder.mkdir(parents=True, exist_ok=True)
        write_json(found, dataclasses.asdict(settings))
        (folder / "checkpoints").mkdir(exist_ok=True)
        self.clear_leftovers()
        self.board: Any = SummaryWriter(str(folder / "tensorboard")) if tensorboard else None

    def clear_leftovers(self) -> None:
        """Take away what a kill left half written, or half taken away."""
        for path in (*self.folder.glob("checkpoints/.step_*"), *checkpoints(self.folder)[:-KEPT]):
            shutil.rmtree(path)
        for name in ("settings.json", "network.safetensors", "log.csv", "validation.csv"):
            for path in self.folder.glob(f".{name}.*"):
                path.unlink()

    def cut_logs(self, step: int) -> None:
        """Take rows from after `step` out of the logs: they will be made again."""
        for name in ("log.csv", "validation.csv"):
            path = self.folder / name
            if path.exists():
                lines = [line for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]
                if not lines:
                    path.unlink()
                    continue
                kept = [line for line in lines[1:] if int(line.split(",")[0]) <= step]
                write_atomically(path, "".join([lines[0], *kept]).encode())

    def log(self, row: Mapping[str, float | None], name: str = "log.csv") -> None:
        """Add a row to a log; what is None has an empty cell."""
        path, text = self.folder / name, io.StringIO()
        writer = csv.DictWriter(text, list(row), lineterminator="\n")
        if not path.exists():
            writer.writeheader()
        writer.writerow({key: f"{value:.6g}" if isinstance(value, float) else value for key, value in row.items()})
        with path.open("a") as file:
            file.write(text.getvalue())
        if self.board is not None:
            for key, value in row.items():
                if value is not None:
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
        network, optimiser = network_bytes(trainer.network), tensor_bytes(trainer.optimiser_tensors())
        write_atomically(beside / "network.safetensors", network)
        write_atomically(beside / "optimiser.safetensors", optimiser)
        state = {
            "step": trainer.step,
            "settings": dataclasses.asdict(trainer.settings),
            "scaler": trainer.scaler.state_dict(),
            "sha256": {"network": sha256(network), "optimiser": sha256(optimiser)},
        }
        write_json(beside / "state.json", state)
        beside.rename(place)
        for old in checkpoints(self.folder)[:-KEPT]:
            shutil.rmtree(old)

    def validate(self, trainer: Trainer, pictures: Pictures) -> None:
        """Add a row to validation.csv."""
        report = evaluate(trainer.network, pictures, size=trainer.settings.size or None)
        self.log({"step": trainer.step, **summary(report)}, "validation.csv")


def begin_with(network: Network, start: str | os.PathLike[str]) -> None:
    """Give a network the weights in the file `start`, of whichever variant of the same configuration.

    They may have been trained with the older embedded prior; training goes on with the network's own.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it can't be read, or is of another configuration.
    """
    found = load_network(start)
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
    found = checkpoints(folder)
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
    check_settings(state["settings"], trainer.settings, newest, state["step"])
    trainer.restore(network, optimiser, state)


def checkpoints(folder: Path) -> list[Path]:
    """The checkpoints of the run in `folder`, in order."""
    found = [path for path in (folder / "checkpoints").glob("step_*") if path.name.removeprefix("step_").isdigit()]
    return sorted(found, key=step_of)


def step_of(checkpoint: Path) -> int:
    """After how many steps a checkpoint was made."""
    return int(checkpoint.name.removeprefix("step_"))


def read_state(path: Path) -> dict[str, Any]:
    """The dictionary in a JSON file of a run.

    Raises:
        ValueError: it is none.
    """
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        fail("out", f"{path}, which can't be read ({error})", "the file as written")
    return found if isinstance(found, dict) else fail("out", f"{path}, a {type(found).__name__}", "the file as written")


def check_settings(found: dict[str, Any], settings: Settings, where: Path, reached: int) -> None:
    """Refuse to go on with other settings than a run was begun with; with more steps, if it has reached all of its."""
    wanted, found = dataclasses.asdict(settings), ADDED | found
    other = {key for key in {*found, *wanted} if found.get(key) != wanted.get(key)}
    if reached == found.get("steps", 0) < settings.steps:
        other -= {"steps"}
    if other:
        got = ", ".join(f"{key}={found.get(key)!r}" for key in sorted(other))
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
