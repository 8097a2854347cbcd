"""The least costly way through a finite set of states over time: what sides and rotations of a video are found by."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int

from lifting.support.arrays import check_array, fail


def least_path(
    costs: Float[np.ndarray, "F S"], step: Callable[[int], Float[np.ndarray, "S S"]]
) -> Int[np.ndarray, " F"]:
    """The state of every frame for which the sum of `costs` and of the steps between is least: Viterbi's algorithm.

    Source: A. Viterbi, "Error bounds for convolutional codes and an asymptotically optimum decoding algorithm", IEEE
    Transactions on Information Theory 13(2), 1967. Ties go to the lowest state.

    Args:
        costs: (F, S), of being in each state in each frame; infinite where it can't be.
        step: step(f) is (S, S), the cost of getting from a state in frame f - 1 (row) to one in frame f (column).
    """
    F, S = costs.shape
    total, came_from = costs[0], np.zeros((F, S), dtype=np.int64)
    for f in range(1, F):
        through = total[:, None] + step(f)
        came_from[f] = through.argmin(0)
        total = through[came_from[f], np.arange(S)] + costs[f]
    path = np.empty(F, dtype=np.int64)
    path[-1] = total.argmin()
    for f in range(F - 1, 0, -1):
        path[f - 1] = came_from[f, path[f]]
    return path


def intervals(times: Float[np.ndarray, " F"] | None, frames: int) -> Float[np.ndarray, " F_1"]:
    """Seconds between neighbouring frames, (F - 1,); without `times`, as at 30 frames a second.

    Raises:
        ValueError: times of another shape, not finite, or that don't rise.
    """
    if times is None:
        return np.full(max(0, frames - 1), 1 / 30)
    times = check_array("times", times).astype(np.float64)
    if times.shape != (frames,):
        fail("times", f"shape {times.shape}", f"shape ({frames},)")
    between = np.diff(times)
    if (between <= 0).any():
        f = int((between <= 0).argmax()) + 1
        fail("times", f"{times[f]:g} s in frame {f} after {times[f - 1]:g} s", "seconds that rise from frame to frame")
    return between
