"""Figures of notebook 03."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from lifting.camera import project
from lifting.drawing import toy
from lifting.drawing.plots import draw_pose_2d
from lifting.metrics import mpjpe


def from_camera_and_side(poses: Mapping[str, Float[np.ndarray, "3 17"]], truth: Float[np.ndarray, "3 17"]) -> Figure:
    """Some poses (metres) as the camera sees them and, below, from +x; the titles have the 3D error against `truth`."""
    figure, axes = plt.subplots(2, len(poses), figsize=(9, 7.6), sharex=True, sharey=True, layout="constrained")
    for (above, below), (name, pose) in zip(axes.T, poses.items(), strict=True):
        draw_pose_2d(above, project(pose, 0.0), legend=False)
        draw_pose_2d(below, project(pose, -np.pi / 2), legend=False)
        above.set(title=f"{name}: {1000 * mpjpe(pose, truth, root='centroid'):.0f} mm off")
        below.set(xlabel="-z, away from the camera (m)")
    for ax in axes[:, 1:].flat:
        ax.set_ylabel("")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def toy_seen() -> Figure:
    """The toy: its mean pose at rotation 0, what its basis does with it, and the landmarks that were seen."""
    figure, ax = plt.subplots(figsize=(5.2, 3.2), layout="constrained")
    ax.plot(*toy.MU[:2], "o-", color="0.5", label="mean pose, hand to hand over the head")
    ax.quiver(*toy.MU[:2], *toy.E_3D[0, :2], color="#009E73", angles="xy", scale_units="xy", scale=1, label="basis")
    ax.plot(*toy.Y, "s--", color="black", label="seen, Y")
    for name, x, y in zip(toy.LANDMARKS, *toy.Y, strict=True):
        white = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
        ax.annotate(name, (x, y), xytext=(0, 8), textcoords="offset points", ha="center", bbox=white)
    ax.set(xlabel="x (pixels)", ylabel="y (pixels)", aspect="equal", xlim=(-3, 3), ylim=(-1.6, 2.6))
    figure.legend(loc="outside lower center", ncols=2)
    return figure
