"""A wing: training the network, counting how well it does, and what it costs. `python -m lifting.training` runs it."""

from lifting.training.command import main
from lifting.training.processes import default_device
from lifting.training.run import Run, RunOptions, restore_newest, train
from lifting.training.step import Settings, Trainer, objective

__all__ = ["RunOptions", "Run", "Settings", "Trainer", "default_device", "main", "objective", "restore_newest", "train"]
