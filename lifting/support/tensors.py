"""How tensors lie in memory, precision, and threads: what layers, widgets and timings need of torch."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import lru_cache
from threading import RLock
from typing import Any

import torch
from threadpoolctl import ThreadpoolController


def layout(B: torch.Tensor) -> tuple[torch.dtype, torch.memory_format]:
    """How maps lie in memory: their dtype, and whether map by map or pixel by pixel ("channels last")."""
    return B.dtype, torch.channels_last if B.stride(1) < B.stride(3) else torch.contiguous_format


def stored(maps: torch.Tensor, how: tuple[torch.dtype, torch.memory_format]) -> torch.Tensor:
    """`maps` in a `layout`."""
    return maps.to(how[0]).contiguous(memory_format=how[1])


def full_precision(device: torch.device) -> AbstractContextManager[Any]:
    """Autocast off, where the device has it."""
    available = torch.amp.is_autocast_available(device.type)
    return torch.autocast(device.type, enabled=False) if available else nullcontext()


_ALONE = RLock()


@contextmanager
def one_thread() -> Iterator[None]:
    """While it lasts, torch and NumPy's BLAS compute in one thread.

    With small arrays that is the faster: the threads of each wait for work by spinning, on the cores that others need.
    Where several Python threads want it, one waits for the other, so that what was before comes back.
    """
    with _ALONE:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            with _libraries().limit(limits=1, user_api="blas"):
                yield
        finally:
            torch.set_num_threads(threads)


@lru_cache(maxsize=1)
def _libraries() -> ThreadpoolController:
    """Those that are loaded: to find them takes milliseconds."""
    return ThreadpoolController()
