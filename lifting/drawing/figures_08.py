"""Figures of notebook 08."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

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
