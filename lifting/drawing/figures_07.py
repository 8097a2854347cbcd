"""Figures of notebook 07."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from lifting.belief import peaks
from lifting.drawing.plots import BELIEF_COLOURS


def gradients_of_one_map(
    wrong: Float[np.ndarray, "H W"], right: Float[np.ndarray, "H W"], gradients: Mapping[str, Float[np.ndarray, "H W"]]
) -> Figure:
    """A wrong map and what each gradient does to it, all around its peak; the cross is the peak of the right map."""
    (x, y), truth = peaks(wrong[None])[:, 0], peaks(right[None])[:, 0]
    figure, axes = plt.subplots(1, 1 + len(gradients), figsize=(9, 3.2), sharey=True, layout="constrained")
    axes[0].imshow(wrong, cmap=BELIEF_COLOURS, vmin=0, vmax=1)
    axes[0].set(title="the wrong map", ylabel="row (cells)")
    for ax, (name, gradient) in zip(axes[1:], gradients.items(), strict=True):
        ax.imshow(-gradient / -gradient.min(), cmap="PuOr", vmin=-1, vmax=1)
        ax.set(title=f"-dL/dB, {name}")
    for ax in axes:
        ax.plot(*truth, "x", color="#009E73", ms=9)
        ax.set(xlim=(x - 8, x + 10), ylim=(y + 8, y - 10), xlabel="column (cells)")
    return figure
