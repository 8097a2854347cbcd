"""A wing: training the network, counting how well it does, and what it costs. `python -m lifting.training` runs it."""

from lifting.training.run import Run, Settings, Trainer, default_device, main, objective, restore_newest, train

__all__ = ["Run", "Settings", "Trainer", "default_device", "main", "objective", "restore_newest", "train"]
