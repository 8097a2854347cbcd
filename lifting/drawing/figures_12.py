"""Figures of notebook 12."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from lifting.drawing.plots import Style, draw_pose_3d
from lifting.makers.quadruped import QUADRUPED
from lifting.skeleton import Skeleton


def walks(poses: Float[np.ndarray, "N 3 L"], body: Skeleton = QUADRUPED, radius: float = 0.6) -> Figure:
    """Poses of a body, metres, side by side, seen from beside them; each picture shows `radius` about its middle."""
    figure = plt.figure(figsize=(9, 3.6))
    for n, pose in enumerate(poses):
        ax = figure.add_subplot(1, len(poses), n + 1, projection="3d")
        draw_pose_3d(ax, pose, body, azim=60, elev=10, radius=radius, legend=False)
    return _finished(figure)


def lifted(
    poses: Float[np.ndarray, "N 3 L"],
    truths: Float[np.ndarray, "N 3 L"],
    body: Skeleton = QUADRUPED,
    radius: float = 0.6,
) -> Figure:
    """Lifted poses and, dashed, the truth, metres, both about their middle, from 40 degrees beside the camera."""
    figure = plt.figure(figsize=(9, 3.6))
    for n, (pose, truth) in enumerate(zip(poses, truths, strict=True)):
        ax = figure.add_subplot(1, len(poses), n + 1, projection="3d")
        before: Style = {"colour": "grey", "linestyle": "--", "label": "truth", "legend": False}
        draw_pose_3d(ax, truth - truth.mean(1, keepdims=True), body, azim=40, elev=10, radius=radius, **before)
        centred = pose - pose.mean(1, keepdims=True)
        draw_pose_3d(ax, centred, body, azim=40, elev=10, radius=radius, legend=False)
    return _finished(figure)


def _finished(figure: Figure) -> Figure:
    """With one legend for all axes, above them."""
    figure.subplots_adjust(left=0.02, right=0.95, wspace=0.25, top=0.92)
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="upper center", ncols=3)
    return figure


def depth_gradient(jacobian: Float[np.ndarray, "L 2*L"], landmarks: Sequence[str]) -> Figure:
    """How each landmark's depth moves with each coordinate of the picture."""
    L, largest = len(landmarks), np.abs(jacobian).max()
    figure, ax = plt.subplots(figsize=(9, 4.6), layout="constrained")
    drawn = ax.imshow(jacobian, cmap="PuOr", vmin=-largest, vmax=largest, aspect="auto")
    names = [name.replace("_", " ") for name in landmarks]
    ax.set_yticks(range(L), names, fontsize=9)
    ax.set_xticks([L / 2 - 0.5, 1.5 * L - 0.5], ["x of the landmarks, in the same order", "y of the landmarks"])
    ax.axvline(L - 0.5, color="black", lw=1)
    ax.set(xlabel="what moves in the picture", ylabel="whose depth moves")
    figure.colorbar(drawn, ax=ax, label="depth per picture (m / m)")
    return figure
