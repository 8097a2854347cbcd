"""Several processes that train together, and the device of each. With one process all of this does nothing."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.distributed

from lifting.support.arrays import fail


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


def usable_device(device: torch.device | str | None) -> torch.device:
    """The device of that name, or `default_device`.

    Raises:
        ValueError: there is no such device here.
    """
    try:
        return torch.empty(0, device=default_device() if device is None else device).device
    except (AssertionError, NotImplementedError, RuntimeError) as error:
        fail("device", f"{device}, which can't be used ({str(error).splitlines()[0]})", "one that is here, such as cpu")


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
