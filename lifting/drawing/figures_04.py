"""Figures of notebook 04."""

from collections.abc import Callable
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lifting.skeleton import HUMAN36M


def arrows(ax: Axes, points: Any, steps: Any, colour: str, label: str, length: float = 1.0) -> None:
    """An arrow from every point (2, L) along its step (2, L); `length` is how long an arrow of size 1 is drawn."""
    scale: dict[str, Any] = {"angles": "xy", "scale_units": "xy", "scale": 1 / length}
    ax.quiver(*points, *steps, color=colour, label=label, width=0.01, zorder=3, **scale)
    ax.update_datalim((np.asarray(points) + length * np.asarray(steps)).T)
    ax.margins(0.12)
    ax.autoscale_view()


def jacobian(H: Float[np.ndarray, "34 34"], title: str) -> Figure:
    """The matrix dY_hat/dY, by x and y and by landmark; its numbers have no unit."""
    figure, ax = plt.subplots(figsize=(9, 8.2), layout="constrained")
    picture = ax.imshow(H, cmap="PuOr", vmin=-1, vmax=1)
    for line in (ax.axhline, ax.axvline):
        line(len(H) / 2 - 0.5, color="black", lw=0.7)
    labels = [f"{axis} {name.replace('_', ' ')}" for axis in "xy" for name in HUMAN36M.landmarks]
    ax.set_xticks(range(len(H)), labels, rotation=90, fontsize=9)
    ax.set_yticks(range(len(H)), labels, fontsize=9)
    ax.set(xlabel="landmark of Y, moved", ylabel="landmark of Y_hat, answers", title=title)
    figure.colorbar(picture, ax=ax, shrink=0.7)
    return figure


def effective_parameters(
    spectrum: Callable[[float], Float[np.ndarray, " J"]], factors: Float[np.ndarray, " N"]
) -> Figure:
    """The trace of H against a factor on sigma, and the eigenvalues for three factors.

    Args:
        spectrum: the eigenvalues of H for such a factor.
        factors: (N,).
    """
    most, learned = spectrum(1e-9).sum(), spectrum(1.0).sum()
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    left.semilogx(factors, [spectrum(factor).sum() for factor in factors], color="black")
    left.plot(1, learned, "o", color="#009E73", label=f"the learned sigma: {learned:.1f}")
    left.axhline(most, color="0.6", ls="--", label=f"all that the bases can do: {most:.0f}")
    left.set(xlabel="factor on sigma", ylabel="trace of H", ylim=(0, most + 2), title="effective number of parameters")
    left.legend(fontsize=9, loc="lower left")
    for factor, marker in {0.1: "^", 1.0: "o", 10.0: "s"}.items():
        right.plot(np.arange(1, len(spectrum(factor)) + 1), spectrum(factor), marker, ms=4, label=f"sigma x {factor:g}")
    right.set(xlabel="number of the eigenvalue", ylabel="eigenvalue of H", ylim=(-0.03, 1.03), title="what passes")
    right.legend(fontsize=9, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure
