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


def held_out_errors(families: Mapping[str, Sequence[Mapping[str, Any]]]) -> Figure:
    """The held-out error of priors against the number of their Gaussians, exact 2D and noisy, a colour a family.

    Args:
        families: what each was learned from, and candidates with "mean_mm", "noisy_mean_mm" and "settings", of which
            "components".
    """
    figure, ax = plt.subplots(figsize=(6.5, 3.2))
    for (name, family), marker, colour in zip(families.items(), "os", ("#CC79A7", "#009E73"), strict=True):
        components = [one["settings"]["components"] for one in family]
        for column, line, how in (("noisy_mean_mm", "--", "10 mm noise"), ("mean_mm", "-", "exact")):
            errors = [one[column] for one in family]
            ax.plot(components, errors, marker + line, color=colour, label=f"{name}, {how}")
    ax.set(xlabel="Gaussians, K", ylabel="held-out error (mm)", xticks=range(1, 6))
    ax.set_title("chosen by lifting, not by likelihood")
    ax.legend(fontsize=9, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure
