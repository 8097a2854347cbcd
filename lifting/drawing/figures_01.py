"""Figures of notebook 01."""

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from lifting.camera import project
from lifting.drawing.plots import draw_pose_2d


def reversed_in_depth(pose: Float[np.ndarray, "3 17"], reverse: Float[np.ndarray, "3 17"]) -> Figure:
    """A pose and the same reversed in depth (metres), both from +x, and their pictures, one upon the other."""
    figure, axes = plt.subplots(1, 3, figsize=(9, 4.2), sharex=True, sharey=True, layout="constrained")
    for ax, body, title in zip(axes[:2], (pose, reverse), ("the pose", "reversed in depth"), strict=True):
        draw_pose_2d(ax, project(body, -np.pi / 2), legend=False)
        ax.set(title=f"{title}, from +x", xlabel="-z, away from the camera (m)")
    draw_pose_2d(axes[2], project(pose, 0.0), colour="#009E73", label="picture of the pose", legend=False)
    draw_pose_2d(
        axes[2], project(reverse, 0.0), colour="black", linestyle=":", label="of the reversed one", legend=False
    )
    axes[2].set_title("both pictures")
    for ax in axes[1:]:
        ax.set_ylabel("")
    handles = [handle for ax in axes[1:] for handle in ax.get_legend_handles_labels()[0]]
    figure.legend(handles=handles, loc="outside lower center", ncols=4)
    return figure
