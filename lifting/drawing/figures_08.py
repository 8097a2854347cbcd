"""Figures of notebook 08."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from lifting.camera import rescale_pixels
from lifting.network import StageMaps
from lifting.support.arrays import to_numpy


def stages(
    image: Float[np.ndarray, "3 H W"], outputs: Sequence[StageMaps], landmark: int, truth: Float[np.ndarray, "2 1"]
) -> Figure:
    """A picture, and one landmark's belief map and fused map after each stage; the cross is `truth` (image pixels)."""
    figure, axes = plt.subplots(1, 1 + 2 * len(outputs), figsize=(14, 2.6), layout="tight")
    axes[0].imshow(image.transpose(1, 2, 0))
    axes[0].set(title="test picture", xlabel="column (pixels)", ylabel="row (pixels)")
    for t, stage in enumerate(outputs):
        for ax, name in zip(axes[1 + 2 * t :], ("belief", "fused"), strict=False):
            ax.imshow(to_numpy(getattr(stage, name)[0, landmark]), cmap="magma", vmin=0, vmax=1)
            ax.plot(*rescale_pixels(truth, 1 / 4), "x", color="#56B4E9")
            ax.set(title=f"{name}, stage {t + 1}", xlabel="column (cells)")
    return figure
