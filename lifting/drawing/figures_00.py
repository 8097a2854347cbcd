"""Figures of notebook 00."""

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Bool, Float
from matplotlib.figure import Figure

from lifting.camera import project
from lifting.datasets.real_frames import RealFrame
from lifting.drawing.plots import draw_beliefs_on_photo, draw_landmarks_on_photo, draw_pose_2d, draw_pose_3d


def from_photo_to_pose(
    frame: RealFrame,
    pixels: Float[np.ndarray, "2 17"],
    visible: Bool[np.ndarray, " 17"],
    pose: Float[np.ndarray, "3 17"],
) -> Figure:
    """A photo, its belief maps, its landmarks (photo pixels), and the lifted pose (metres) from two sides."""
    figure = plt.figure(figsize=(9, 7.6))
    rows: Any = figure.subfigures(2, 1, height_ratios=(1, 1.1))
    flat, deep = rows
    axes = flat.subplots(1, 3, gridspec_kw={"left": 0.02, "right": 0.98, "wspace": 0.04})
    axes[0].imshow(frame.image)
    draw_beliefs_on_photo(axes[1], frame.image, frame.belief, frame.map_to_photo)
    draw_landmarks_on_photo(axes[2], frame.image, pixels, visible=visible, legend=False)
    for ax, title in zip(axes, ("photo", "belief maps B", "landmarks Y"), strict=True):
        ax.set(xlabel="", ylabel="", xticks=[], yticks=[], title=title)
    centred = pose - pose.mean(axis=1, keepdims=True)
    for n, (azim, title) in enumerate([(0, "3D pose, from the camera"), (90, "the same, from the side")]):
        ax = deep.add_subplot(1, 2, n + 1, projection="3d")
        draw_pose_3d(ax, centred, azim=azim, legend=n == 1).set_title(title)
    return figure


def from_the_side(
    frames: Mapping[str, RealFrame], poses: Mapping[str, Float[np.ndarray, "3 17"]], errors: Mapping[str, float]
) -> Figure:
    """Every frame's lifted pose and its pseudo ground truth (metres), seen from +x, with the error (mm) as title."""
    figure, axes = plt.subplots(2, 4, figsize=(9, 7.2), sharex=True, sharey=True, layout="constrained")
    grey: Any = {"colour": "grey", "linestyle": "--", "label": "pseudo ground truth", "legend": False}
    for ax, (name, frame) in zip(axes.flat, frames.items(), strict=True):
        both = frame.visible & frame.pseudo_visible
        truth, pose = (p - p[:, both].mean(axis=1, keepdims=True) for p in (frame.pseudo_truth, poses[name]))
        draw_pose_2d(ax, project(truth, -np.pi / 2), visible=frame.pseudo_visible, **grey)
        draw_pose_2d(ax, project(pose, -np.pi / 2), legend=False)
        ax.set_title(f"{name}:\n{errors[name]:.0f} mm P-MPJPE", fontsize=10)
        ax.set(xlabel="-z, away from\nthe camera (m)", ylabel="y, up (m)")
        ax.label_outer()
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=9)
    return figure
