"""Figures of notebook 06."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from lifting.camera import flip_y
from lifting.datasets.real_frames import RealFrame, transform
from lifting.drawing.plots import BELIEF_COLOURS, Style, draw_landmarks_on_photo, draw_pose_3d
from lifting.front import Lifted
from lifting.updating import Correction


def walk(result: Correction, shown: Sequence[int], truth: Float[np.ndarray, " 2"]) -> Figure:
    """The first case's map after the steps of `shown`, with the way of its peak and the true one (column, row)."""
    x, y = truth
    rows = -(-len(shown) // 3)
    figure, axes = plt.subplots(rows, 3, figsize=(8, 2.8 * rows), sharex=True, sharey=True, layout="constrained")
    for ax, n in zip(axes.flat, shown, strict=False):
        ax.imshow(result.maps[n, 0], cmap=BELIEF_COLOURS, vmin=0, vmax=1)
        ax.plot(*result.path[: n + 1, 0].T, ".-", color="#56B4E9", lw=1)
        ax.plot(*truth, "x", color="#009E73", ms=8)
        ax.set(xlim=(x - 13, x + 6), ylim=(y + 10, y - 8), title=f"{n} steps")
        ax.set(xlabel="column (cells)", ylabel="row (cells)")
        ax.label_outer()
    return figure


def losses(runs: Mapping[str, Correction]) -> Figure:
    """The loss of each run's first case, step by step, as a share of the first."""
    figure, ax = plt.subplots(figsize=(6.5, 3))
    for name, run in runs.items():
        ax.plot(run.loss[: run.steps[0] + 1, 0] / run.loss[0, 0], "o-", ms=4, label=name)
    ax.set(xlabel="steps", ylabel="loss / first loss", ylim=(0, 1.05))
    ax.legend(fontsize=9)
    return figure


def people(frame: RealFrame, lifted: Mapping[str, Lifted]) -> Figure:
    """Two persons lifted from the photo's belief maps: Y_hat on it, and both poses (metres), the first dashed."""
    figure = plt.figure(figsize=(8.2, 4.2))
    space = figure.add_axes((0.5, 0, 0.5, 1), projection="3d")
    before: Style = {"colour": "grey", "linestyle": "--", "label": next(iter(lifted))}
    for n, ((name, result), look) in enumerate(zip(lifted.items(), (before, Style()), strict=True)):
        ax = figure.add_axes((0.25 * n, 0, 0.23, 1))
        pixels = transform(frame.map_to_photo, flip_y(result.Y_hat).T).T
        draw_landmarks_on_photo(ax, frame.image, pixels, legend=False)
        ax.set(title=f"Y_hat, {name}", xlabel="", ylabel="", xticks=[], yticks=[])
        pose = (result.pose - result.pose.mean(axis=1, keepdims=True)) / result.scale
        draw_pose_3d(space, pose, azim=30, elev=10, radius=0.95, **look)
    space.set_title("both poses")
    return figure


def quadrants(updates: Float[np.ndarray, "N H W"], wishes: Sequence[tuple[float, float]]) -> Figure:
    """The update of a map for each of several wishes D (x, y), arrows from the peak, which is in the middle."""
    middle = updates.shape[-1] // 2
    figure, axes = plt.subplots(
        2, -(-len(wishes) // 2), figsize=(8, 5.8), sharex=True, sharey=True, layout="constrained"
    )
    for ax, update, (x, y) in zip(axes.flat, updates, wishes, strict=True):
        ax.imshow(update / max(update.max(), 1e-9), cmap="PuOr", vmin=-1, vmax=1)
        tip = middle + 2 * np.array([x, y]) / max(np.hypot(x, y), 1e-9)
        ax.annotate("", tip, (middle, middle), arrowprops={"arrowstyle": "->", "lw": 2})
        ax.set(title=f"D = ({x:g}, {y:g})", xlabel="column (px)", ylabel="row (px)")
        ax.label_outer()
    return figure


def corrected(distances: Float[np.ndarray, " N"], rates: Mapping[float, Float[np.ndarray, " N"]]) -> Figure:
    """The share of peaks that came home, over the distance that they were moved by, for each sigma of the targets."""
    figure, ax = plt.subplots(figsize=(6.5, 3))
    for (sigma, rate), style in zip(rates.items(), ("o-", "s--"), strict=True):
        ax.plot(distances, 100 * rate, style, label=f"with its label, sigma = {sigma:g} cells")
    ax.set(xlabel="peak moved by (cells)", ylabel="corrected (%)", ylim=(0, 140), yticks=range(0, 101, 20))
    ax.legend(fontsize=9, loc="upper right")
    return figure


def descents(runs: Mapping[float, tuple[Float[np.ndarray, " T"], int]]) -> Figure:
    """The loss over the steps of plain descent for each k, and how many right peaks strayed."""
    figure, ax = plt.subplots(figsize=(6.5, 3))
    for (k, (history, strayed)), style in zip(runs.items(), ("o-", "s--", "^:"), strict=True):
        ax.plot(history, style, ms=4, label=f"k = {k:g}: {strayed} right peaks strayed")
    ax.set(xlabel="steps", ylabel="loss", ylim=(0, None))
    ax.legend(fontsize=9)
    return figure
