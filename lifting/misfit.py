"""Whether eq. (2) has found an explanation at all: its minimum against what the prior's noise would leave.

Under the prior the landmarks of a person at scale s are Gaussian about s p, with covariance s^2 (E Lambda E^T + v I),
and the minimum of eq. (2) over s^2 v is their Mahalanobis distance: a chi-squared number. Its mean is the number of
coordinates minus those that were solved for freely: the translation's two and the scale. The coefficients don't count,
their penalty is paid. Real people are no samples of a Gaussian, but what is wrong with an input is wrong by far: y that
counts downwards, landmarks in another order, pixels with a scale of 1. `benchmarks/held_out.md` measures both.
"""

import warnings

import numpy as np
from jaxtyping import Float

from lifting.support.arrays import Array, to_numpy

POOR = 6.0
"""A frame whose `misfit` is larger fits poorly.

Of frames of held-out motion 0.1 % are above it where the camera is level, 1.1 % where it looks down by 30 degrees,
unknown to `lift`, and of no group of clips more than half. Of frames with y downwards 99.7 % are above it, or all
where the scale is solved for. Swapped sides, and people too small or too narrow, look like other people: not noticed.
"""


class PoorFit(UserWarning):
    """Most frames of a call of `lift` fit far worse than the prior's noise allows: see `POOR`."""


def misfit(
    cost: Float[Array, "*batch"],
    scale: Float[Array, "*batch"],
    noise_variance: Float[Array, "*batch"],
    count: Float[Array, "*batch"] | float,
    free_scale: bool,
) -> Float[Array, "*batch"]:
    """The minimum of eq. (2) over its mean under the prior, that of `count` = n landmarks: about 1 where all is well.

    The arguments come from functions that have checked them: n fixes what is solved for.
    """
    # cost / (s^2 v (2n - 2)), or 2n - 3 where the scale is solved for
    return cost / (scale**2 * noise_variance * (2 * count - (3 if free_scale else 2)))


def warn_of_poor_fits(ratios: Float[Array, "*batch"]) -> None:
    """The one `PoorFit` of a call of `lift`, where more than half of the frames that were lifted fit poorly.

    Args:
        ratios: the `misfit` of each, NaN where there was nothing to lift.
    """
    ratios = to_numpy(ratios)
    poor = np.count_nonzero(ratios > POOR)
    if poor and 2 * poor > (frames := np.count_nonzero(ratios >= 0)):
        median = np.median(ratios[ratios >= 0])
        warnings.warn(
            f"{poor} of {frames} frames fit poorly: the cost of eq. (2) is {median:.3g} times (the median) what the "
            f"prior's noise makes one expect, above {POOR:g}. Likely, in this order: y points down (rows of an image: "
            "see camera.flip_y); the landmarks are in another order than the prior's (skeleton.convert); "
            "their unit is another than `scale` says (pixels want scale=None); people are upside down, or lie",
            PoorFit,
            stacklevel=3,
        )
