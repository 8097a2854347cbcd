"""Figures of notebook 03."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from lifting.camera import project
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
