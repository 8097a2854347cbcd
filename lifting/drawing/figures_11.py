"""Figures of notebook 11."""

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float, UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse

from lifting.camera import flip_y
from lifting.drawing.plots import draw_landmarks_on_photo, draw_pose_2d, draw_pose_3d
from lifting.drawing.plots.bones import COLOURS, bone_sides
from lifting.skeleton import HUMAN36M

NINETY = np.sqrt(4.605)
"""Half an axis of the ellipse that holds 90 % of a plane's Gaussian, in standard deviations."""


def photo_and_pose(image: UInt8[np.ndarray, "H W 3"], recording: Any, pose: Float[np.ndarray, "3 17"]) -> Figure:
    """What was seen in the first frame, over the photo, and the pose (metres) from the camera and from the side."""
    figure = plt.figure(figsize=(11, 4.4), layout="constrained")
    _over(figure.add_subplot(1, 3, 1), image, recording)
    for place, azim, name in ((2, 0, "from the camera"), (3, 90, "from the side, camera at the left")):
        ax: Any = figure.add_subplot(1, 3, place, projection="3d")
        draw_pose_3d(ax, pose, azim=azim, legend=False)
        ax.set_title(name)
    return figure


def _over(ax: Axes, image: UInt8[np.ndarray, "H W 3"], recording: Any) -> None:
    """The landmarks of the first frame of a `Recording`, over its photo."""
    visible = recording.visible[0]
    draw_landmarks_on_photo(ax, image, flip_y(np.where(visible, recording.Y[0], 0.0)), visible=visible)


def misfits(values: Mapping[str, float], poor: float) -> Figure:
    """The misfit of each input as a bar, and the line above which a fit is poor; an input that has none says so."""
    figure, ax = plt.subplots(figsize=(8, 2.8), layout="constrained")
    names = list(values)
    heights = np.array([values[name] for name in names])
    ax.barh(names, np.nan_to_num(heights, nan=0.0), color=np.where(heights > poor, "#D55E00", "#0072B2"))
    for row in np.flatnonzero(np.isnan(heights)).tolist():
        ax.text(0.12, row, "nan: fits nobody upright", va="center")
    ax.axvline(poor, color="#333333", ls="--", label=f"poor above {poor:g}")
    ax.set(xscale="log", xlim=(0.1, None), xlabel="misfit (1 is usual)")
    ax.invert_yaxis()
    ax.legend(loc="lower right")
    return figure


def ellipses(pose: Float[np.ndarray, "3 17"], covariance: Float[np.ndarray, "17 3 3"]) -> Figure:
    """A pose (metres) from the camera and from the side, and where each landmark is by 90 %."""
    figure, axes = plt.subplots(1, 2, figsize=(9, 4.6), sharey=True, layout="constrained")
    views = {"from the camera": np.eye(3)[:2], "from the side": np.array([[0.0, 0, -1], [0, 1, 0]])}
    for ax, (name, view) in zip(axes, views.items(), strict=True):
        points = view @ pose
        draw_pose_2d(ax, points, legend=ax is axes[0])
        for point, C, side in zip(points.T, view @ covariance @ view.T, bone_sides(HUMAN36M), strict=True):
            variance, directions = np.linalg.eigh(C)
            wide, high = 2 * NINETY * np.sqrt(variance)
            angle = np.degrees(np.arctan2(directions[1, 0], directions[0, 0]))
            ax.add_patch(Ellipse(tuple(point), wide, high, angle=angle, color=COLOURS[side], alpha=0.15))
        ax.set_title(name)
        ax.autoscale_view()
    axes[1].set(xlabel="-z, away from the camera (m)", ylabel="")
    return figure


def over_time(poses: Mapping[str, Float[np.ndarray, "T 3 17"]], truth: Float[np.ndarray, "T 3 17"]) -> Figure:
    """How deep the left wrist is, metres towards the camera from the pelvis, frame by frame."""
    figure, ax = plt.subplots(figsize=(8, 3.2), layout="constrained")
    wrist = HUMAN36M.index("left_wrist")
    styles = ({"color": "#56B4E9", "marker": "."}, {"color": "#D55E00", "lw": 2})
    for (name, pose), style in zip(poses.items(), styles, strict=True):
        ax.plot(pose[:, 2, wrist] - pose[:, 2, 0], label=name, **style)  # type: ignore[arg-type]
    ax.plot(truth[:, 2, wrist] - truth[:, 2, 0], color="#333333", ls="--", label="truth")
    ax.set(xlabel="frame", ylabel="z of the left wrist (m)")
    ax.legend()
    return figure


def two_detectors(image: UInt8[np.ndarray, "H W 3"], recordings: Mapping[str, Any]) -> Figure:
    """What each detector found in a photo: `Recording`s of one frame."""
    figure, axes = plt.subplots(1, len(recordings), figsize=(8, 4.8), layout="constrained")
    for ax, (name, recording) in zip(axes, recordings.items(), strict=True):
        _over(ax, image, recording)
        ax.set_title(name)
    return figure
