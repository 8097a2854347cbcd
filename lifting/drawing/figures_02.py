"""Figures of notebook 02."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from lifting.drawing.plots import COLOURS
from lifting.skeleton import HUMAN36M


def shoulders(recorded: Float[np.ndarray, "N 3 17"], aligned: Float[np.ndarray, "N 3 17"]) -> Figure:
    """The shoulders of all poses (metres) from above, as recorded and turned back; the viewer is below."""
    figure, axes = plt.subplots(1, 2, figsize=(8, 4), sharex=True, sharey=True)
    for ax, poses, title in zip(axes, (recorded, aligned), ("as recorded", "turned back"), strict=True):
        for side, marker in (("right", "o"), ("left", "s")):
            x, _, z = poses[:, :, HUMAN36M.index(f"{side}_shoulder")].T
            ax.plot(x, z, marker, ms=3, color=COLOURS[side], label=f"{side} shoulder")
        ax.set(aspect="equal", title=title, xlabel="x (m)", ylabel="z, to the viewer (m)")
    axes[0].invert_yaxis()  # for both
    axes[0].legend(loc="upper right", fontsize=9)
    return figure


def held_out_errors(candidates: Sequence[Mapping[str, Any]]) -> Figure:
    """The held-out error of priors against the number of their bases, a curve for each number of components.

    Args:
        candidates: each with "mean_mm" and "settings", of which "components" and "bases".
    """
    figure, ax = plt.subplots(figsize=(6, 3))
    for K, line, colour in zip((1, 3, 5), ("o-", "s-", "^-"), ("black", "#009E73", "#CC79A7"), strict=True):
        tried = [c for c in candidates if c["settings"]["components"] == K]
        bases, errors = [c["settings"]["bases"] for c in tried], [c["mean_mm"] for c in tried]
        ax.plot(bases, errors, line, color=colour, label=f"K = {K}")
    ax.set(xlabel="J", ylabel="held-out error (mm)", xticks=range(5, 26, 5), ylim=(0, None))
    ax.set_title("chosen by lifting, not by likelihood")
    ax.legend()
    return figure
