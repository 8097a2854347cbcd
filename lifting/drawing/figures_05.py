"""Figures of notebook 05."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Bool, Float
from matplotlib.figure import Figure

from lifting.datasets.real_frames import RealFrame, transform
from lifting.drawing.plots import draw_landmarks_on_photo

AROUND = 7
"""Pixels about a landmark that are shown."""


def difference_and_derivative(
    ours: Float[np.ndarray, "2 H W"], exact: Float[np.ndarray, "2 H W"], place: Float[np.ndarray, " 2"]
) -> Figure:
    """Eq. (9) in x and y, the exact derivative in x, and (9) minus it, around the landmark at `place`."""
    figure, axes = plt.subplots(1, 4, figsize=(9, 2.9), sharey=True, layout="constrained")
    shown = {"(9) in x": ours[0], "(9) in y": ours[1], "exact, in x": exact[0], "(9) - exact, in x": (ours - exact)[0]}
    x, y = np.round(place)
    for ax, (name, picture) in zip(axes, shown.items(), strict=True):
        drawn = ax.imshow(picture, cmap="PuOr", vmin=-0.62, vmax=0.62)
        ax.set(title=name, xlabel="column (px)", xlim=(x - AROUND, x + AROUND), ylim=(y + AROUND, y - AROUND))
        ax.locator_params(nbins=4, integer=True)
    axes[0].set_ylabel("row (px)")
    figure.colorbar(drawn, ax=axes, shrink=0.8, label="belief gained\nper pixel moved")
    return figure


def errors_over_delta(deltas: Float[np.ndarray, " N"], errors: Mapping[float, Float[np.ndarray, " N"]]) -> Figure:
    """The relative error of eq. (9) for each sigma, over its step delta, with a line of slope 2."""
    figure, ax = plt.subplots(figsize=(7, 3.6))
    for (sigma, error), style in zip(errors.items(), ("o-", "s--"), strict=True):
        ax.loglog(deltas, error, style, ms=3, label=f"sigma = {sigma:g} px")
    middle = (deltas > 1e-4) & (deltas < 0.2)
    ax.loglog(deltas[middle], deltas[middle] ** 2 / 2, color="0.6", lw=5, alpha=0.5, label="slope 2")
    ax.axvline(1, color="black", ls=":", lw=1, label="the supplement's delta")
    ax.set(xlabel="delta (px)", ylabel="largest error / largest derivative")
    ax.legend(fontsize=9)
    return figure


def arrows_on_photo(
    frame: RealFrame,
    Y: Float[np.ndarray, "2 L"],
    Y_hat: Float[np.ndarray, "2 L"],
    arrows: Float[np.ndarray, "2 L"],
    visible: Bool[np.ndarray, " L"],
) -> Figure:
    """Y_hat on the photo, the peaks of its maps as crosses, and an arrow for each landmark; all in pixels of a map."""
    A = frame.map_to_photo
    figure, ax = plt.subplots(figsize=(6, 6.4))
    draw_landmarks_on_photo(ax, frame.image, transform(A, Y_hat.T).T)
    ax.plot(*transform(A, Y[:, visible].T).T, "x", color="white", ms=7, mew=2, label="peaks of B")
    start, along = transform(A, Y_hat[:, visible].T), arrows[:, visible].T @ A[:, :2].T
    ax.quiver(*start.T, *along.T, angles="xy", scale_units="xy", scale=1.5, color="#F0E442", width=0.008, zorder=3)
    ax.legend(loc="upper left", bbox_to_anchor=(1.02, 1), fontsize=9, facecolor="0.6")
    return figure


def pull_over_distance(
    distances: Float[np.ndarray, " N"],
    pulls: Mapping[float, Sequence[float]],
    by_difference: Mapping[float, Sequence[float]],
) -> Figure:
    """How strongly a target at each distance pulls, for each sigma: by the derivative, and dotted by eq. (9)."""
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for sigma, colour in zip(pulls, ("black", "#D55E00", "#0072B2"), strict=True):
        for ax in axes:
            ax.plot(distances, pulls[sigma], color=colour, label=f"sigma = {sigma:g} px")
            ax.plot(distances, by_difference[sigma], ":", color=colour, label=None)
    axes[0].plot([], [], ":", color="black", label="the same, by (9)")
    axes[1].set(yscale="log", ylim=(1e-8, 20), title="the same, logarithmic")
    for ax in axes:
        ax.set(xlabel="distance of the target (px)", ylabel="pull towards it (1 / px)")
    axes[0].legend(fontsize=9, loc="upper right")
    return figure


def suspects(pictures: Mapping[str, Float[np.ndarray, "H W"]]) -> Figure:
    """Gradients of one map in x, each on its own scale."""
    figure, axes = plt.subplots(1, len(pictures), figsize=(9, 3.1), sharey=True, layout="constrained")
    for ax, (name, picture) in zip(axes, pictures.items(), strict=True):
        ax.imshow(picture / np.abs(picture).max(), cmap="PuOr", vmin=-1, vmax=1)
        ax.set(title=f"suspect {name}", xlabel="column (px)", xticks=range(0, 17, 4), yticks=range(0, 17, 4))
    axes[0].set_ylabel("row (px)")
    return figure


def stamped(profiles: Mapping[float, tuple[Float[np.ndarray, " W"], Float[np.ndarray, " W"]]]) -> Figure:
    """One row of a Gaussian map and of a stamped and blurred one, for each x of the landmark."""
    figure, ax = plt.subplots(figsize=(7, 3))
    for (x, (ours, stamp)), marker in zip(profiles.items(), ("o", "s"), strict=True):
        ax.plot(ours, f"{marker}-", ms=4, color="#0072B2", alpha=0.8, label=f"ours at x = {x:g}")
        ax.plot(stamp, f"{marker}:", ms=8, mfc="none", color="#D55E00", label=f"stamped at x = {x:g}")
    middle = round(next(iter(profiles)))
    ax.set(xlabel="column (px)", ylabel="belief", xlim=(middle - 5, middle + 6))
    ax.legend(fontsize=9)
    return figure
