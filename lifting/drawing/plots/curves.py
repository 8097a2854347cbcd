"""Costs against the angle, and differences of errors with their intervals."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes

from lifting.support.arrays import Array, check_array, fail, to_numpy

VERDICTS = {"holds": ("#009E73", "o"), "fails": ("#D55E00", "X"), "undecided": ("#666666", "s"),
            "similar, slightly worse": ("#E69F00", "D"), "fails, as it must": ("#666666", "X")}  # fmt: skip
"""Colour and marker of a verdict, in one word or in more."""


def draw_cost(
    ax: Axes,
    theta: Float[Array, " T"],
    costs: Float[Array, "*K T"],
    *,
    labels: Sequence[str] | None = None,
    unit: str = "m²",
    legend: bool = True,
) -> Axes:
    """Draw the cost of eq. (2) against the angle, one curve per component, with a dot at each curve's minimum.

    Args:
        ax: the axes.
        theta: (T,) radians.
        costs: (T,) or (K, T).
        labels: K names for the legend; "component 0", ... where None and K > 1.
        unit: of the cost.
        legend: whether to draw the legend.

    Raises:
        ValueError: wrong shape, a value that is not finite, or another number of labels than of curves.
    """
    theta = to_numpy(check_array("theta", theta, "T"))
    costs = np.atleast_2d(to_numpy(check_array("costs", costs, len(theta))))
    names = [f"component {k}" for k in range(len(costs))] if labels is None else list(labels)
    if costs.ndim != 2 or len(names) != len(costs):
        fail("labels", f"{len(names)} for costs of shape {costs.shape}", "one label for each of K curves (K, T)")
    named = labels is not None or len(costs) > 1
    for k, (curve, name) in enumerate(zip(costs, names, strict=True)):
        colour, dashes = ("#000000", "#009E73", "#CC79A7", "#56B4E9")[k % 4], ("-", "--", "-.", ":")[k % 4]
        ax.plot(np.degrees(theta), curve, color=colour, linestyle=dashes, label=name if named else None)
        ax.plot(np.degrees(theta[curve.argmin()]), curve.min(), "o", color=colour)
    ax.set(xlabel="theta (degrees)", ylabel=f"cost ({unit})", ylim=(0, None), xticks=range(0, 361, 60))
    if legend and named:
        ax.legend(loc="upper right", fontsize=9)
    return ax


def draw_comparisons(ax: Axes, comparisons: Sequence[Mapping[str, Any]]) -> Axes:
    """Draw the paired differences of some comparisons, one under the other: every seed, mean, interval, verdict.

    The band is where a comparison is expected: below 0, or within the margin.

    Args:
        ax: the axes.
        comparisons: as `lifting.experiments.claims.load` gives them, in one unit; "words" is shown in the place of
            "verdict" where there is one.

    Raises:
        ValueError: no comparison, or of several units.
    """
    units = sorted({c["unit"] for c in comparisons})
    if len(units) != 1:
        fail("comparisons", f"{len(comparisons)} in units {units}", "at least one, all in one unit")
    margins = [c["margin"] * sign for c in comparisons if c["expected"] == "similar" for sign in (-1, 1)]
    values = [margins or [0.0], *([c["low"], c["high"], *c["differences"]] for c in comparisons)]
    low, high = min(0.0, *map(min, values)), max(0.0, *map(max, values))
    low, high = low - 0.1 * (high - low or 1.0), high + 0.1 * (high - low or 1.0)
    for n, c in enumerate(comparisons):
        colour, marker = VERDICTS.get(c.get("words", ""), VERDICTS[c["verdict"]])
        band = (-c["margin"], c["margin"]) if c["expected"] == "similar" else (low, 0)
        ax.fill_betweenx([n - 0.45, n + 0.45], *band, color="#56B4E9", alpha=0.25, lw=0)
        ax.plot(c["differences"], np.full(len(c["differences"]), n + 0.25), "|", color="#888888", ms=5)
        ax.plot([c["low"], c["high"]], [n, n], color=colour, lw=2)
        ax.plot(c["mean"], n, marker, color=colour, ms=7)
    ax.axvline(0, color="black", lw=0.8)
    names = [f"{c['of']} minus {c['against']}: {c.get('words', c['verdict'])}" for c in comparisons]
    ax.set_yticks(range(len(names)), names, fontsize=9)
    ax.set(xlim=(low, high), ylim=(len(names) - 0.5, -0.5), xlabel=f"difference of errors ({units[0]})")
    return ax
