"""Figures of notebook 08."""

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch

from lifting.camera import rescale_pixels
from lifting.drawing.plots import BELIEF_COLOURS
from lifting.network import StageMaps
from lifting.support.arrays import to_numpy


def stages(
    image: Float[np.ndarray, "3 H W"], outputs: Sequence[StageMaps], landmark: int, truth: Float[np.ndarray, "2 1"]
) -> Figure:
    """A picture, and one landmark's belief map and fused map after each stage; the cross is `truth` (image pixels)."""
    figure, axes = plt.subplots(2, 1 + len(outputs), figsize=(9, 4.6), layout="constrained")
    axes[0, 0].imshow(image.transpose(1, 2, 0))
    axes[0, 0].set(title="test picture", xlabel="column (pixels)", ylabel="row (pixels)")
    axes[1, 0].axis("off")
    for t, stage in enumerate(outputs):
        for ax, name in zip(axes[:, 1 + t], ("belief", "fused"), strict=True):
            shown = ax.imshow(to_numpy(getattr(stage, name)[0, landmark]), cmap=BELIEF_COLOURS, vmin=0, vmax=1)
            ax.plot(*rescale_pixels(truth, 1 / 4), "x", color="#0072B2")
            ax.set(title=f"{name}, stage {t + 1}", xlabel="column (cells)", ylabel="" if t else "row (cells)")
    figure.colorbar(shown, ax=axes[1, 0], location="right", label="belief", aspect=10)
    return figure


LEARNED, LIFTED = "#56B4E9", "#F0E442"
ARROW: dict[str, Any] = {"mutation_scale": 12, "shrinkA": 0, "shrinkB": 0, "color": "black"}


def network(count: int = 3) -> Figure:
    """How the stages hang together: trunk, stages, lifting layers, fusion, and the losses; one column a stage."""
    figure, ax = plt.subplots(figsize=(9, 4.4))
    figure.subplots_adjust(left=0, right=1, bottom=0, top=1)
    ax.set(xlim=(-1.0, 2.9 * count + 0.75), ylim=(-3.3, 1.95), aspect="equal")
    ax.axis("off")
    _box(ax, (-0.35, 0), "image", "white")
    for t in range(1, count + 1):
        x = 2.9 * (t - 1) + 1.2
        _stage(ax, x, t)
        if t < count:
            _arrow(ax, (x + 1.1, 0), (x + 2.55, 0))
            ax.text(x + 1.75, 0.1, rf"$f_{t}$", ha="center", va="bottom", fontsize=11)
            _arrow(ax, (x, 1.6), (x + 2.9, 1.6), arrowstyle="-")
            _arrow(ax, (x + 2.9, 1.6), (x + 2.9, 0.32))
    ax.text(2.9, 1.68, r"features $\Phi$", ha="center", va="bottom", fontsize=11)
    _arrow(ax, (1.2, 0.3), (1.2, 1.6), arrowstyle="-")
    _arrow(ax, (0.05, 0), (0.8, 0))
    return figure


def _stage(ax: Axes, x: float, t: int) -> None:
    """Stage t, whose middle is at x."""
    _box(ax, (x, 0), "trunk" if t == 1 else f"stage {t}", LEARNED)
    _box(ax, (x, -1.4), "lifting\nlayer", LIFTED)
    ax.add_patch(Circle((x + 0.95, 0), 0.15, facecolor="white", edgecolor="black", zorder=3))
    ax.text(x + 0.95, 0, "+", ha="center", va="center", fontsize=11, zorder=4)
    ax.text(x + 0.95, 0.22, rf"$w_{t}$", ha="center", va="bottom", fontsize=11)
    _arrow(ax, (x + 0.42, 0), (x + 0.8, 0))
    _arrow(ax, (x, -0.3), (x, -1.03))
    ax.text(x - 0.08, -0.66, rf"$b_{t}$", ha="right", va="center", fontsize=11)
    _arrow(ax, (x + 0.42, -1.4), (x + 0.93, -0.17))
    ax.text(x + 0.6, -0.72, rf"$\hat{{b}}_{t}$", ha="right", va="center", fontsize=11)
    _box(ax, (x + 0.95, -2.75), rf"loss $c_{t}$", "white")
    _arrow(ax, (x + 1.0, -0.14), (x + 1.0, -2.43))
    _arrow(ax, (x + 1.2, -2.43), (x + 1.05, -0.11), linestyle="--")


def _box(ax: Axes, middle: tuple[float, float], text: str, colour: str) -> None:
    x, y = middle
    half = 0.34 if "\n" in text else 0.3
    ax.add_patch(
        FancyBboxPatch((x - 0.4, y - half), 0.8, 2 * half, boxstyle="round,pad=0.02", facecolor=colour, zorder=2)
    )
    ax.text(x, y, text, ha="center", va="center", fontsize=10, zorder=3)


def _arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float], **style: Any) -> None:
    ax.add_patch(FancyArrowPatch(start, end, **({"arrowstyle": "-|>"} | style), **ARROW))
