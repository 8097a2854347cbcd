# %% [markdown]
# # 10 The claims
#
# **The question.** The paper and its supplement claim things: that the gradients of the lifting hardly matter, that
# losses on the way keep a network alive, that the lifted pose mends the maps, that 80 rotations are enough. Which of
# these can be seen, in miniature, on this machine?
#
# Afterwards you can turn a sentence into an experiment that can fail, read a paired interval, and say what a verdict
# is worth when the setting is not the paper's.
#
# What the main paper claims is told in our words, from memory; the supplement's claim on its gradients is read from it.

# %% tags=["setup"]
import matplotlib.pyplot as plt
import numpy as np
import torch
from IPython.display import Markdown
from scipy import stats

from lifting import LiftingLayer, lift, load_motion_capture, load_network, load_prior
from lifting.camera import turn
from lifting.datasets.rendered import load_rendered
from lifting.exercises import answer
from lifting.experiments import claims
from lifting.experiments.networks import SWAPPED, inside, missed, swap_legs
from lifting.evaluation import read
from lifting.metrics import mpjpe
from lifting.plots import draw_comparisons, draw_way_through

# %%
draw_way_through(plt.figure(figsize=(10, 2.6)).add_subplot(), "claims")
plt.show()

# %% [markdown]
# ## How a claim is tested
#
# Two ways of doing something run on the same data from the same seed, five seeds or more. The difference of their
# errors, $d_i$ for seed $i$ of $n$, doesn't contain what both have in common: an easy seed is easy for both. The
# interval of its mean is Student's:
#
# $$\bar d \pm t_{n-1}(0.975)\, \frac{s_d}{\sqrt n}$$
#
# with $s_d$ the standard deviation of the $d_i$ (divided by $n - 1$). What counts was fixed before the runs. *Better*:
# the whole interval is below 0. *Similar*: the whole interval is within a margin. A claim **fails** where the interval
# excludes it, and is **undecided** where the interval leaves it open.

# %% tags=["setup"]
first = np.array([75.37, 75.45, 72.94, 74.21, 77.62])  # errors of five seeds, mm
second = np.array([75.12, 75.18, 72.64, 73.98, 77.33])  # another way, the same seeds

# %% [markdown] tags=["exercise"]
# ### Exercise 10.1: the interval
# Return the two ends of the 95 % interval of the mean of `first - second`. `stats.t.ppf(0.975, n - 1)` is the factor.


# %% tags=["exercise"]
def paired_interval(first, second):
    # BEGIN SOLUTION
    d = first - second
    half = stats.t.ppf(0.975, len(d) - 1) * d.std(ddof=1) / np.sqrt(len(d))
    return [d.mean() - half, d.mean() + half]
    # END SOLUTION


# %% tags=["answer"]
answer(
    "10.1",
    paired_interval(first, second),
    list(claims.interval(first - second)),
    hint="np.std wants ddof=1 here; the half width is the factor times it over the root of n.",
)

# %% [markdown]
# Each of the two has an interval of its own, some 4 mm wide. That of the difference is 0.1 mm wide: pairing is what
# makes five seeds enough.

# %%
for name, errors in (("first", first), ("second", second), ("difference", first - second)):
    low, high = claims.interval(errors)
    print(f"{name:10} {errors.mean():6.2f} mm, from {low:.2f} to {high:.2f}")

# %% [markdown] tags=["exercise"]
# ### Exercise 10.2: the verdict
# An interval goes from `low` to `high`. Return "holds", "fails" or "undecided" for the claim that the two ways are
# similar within `margin`.


# %% tags=["exercise"]
def verdict(low, high, margin):
    # BEGIN SOLUTION
    if -margin <= low and high <= margin:
        result = "holds"
    elif low > margin or high < -margin:
        result = "fails"
    else:
        result = "undecided"
    return result
    # END SOLUTION


# %% tags=["answer"]
cases = [(0.2, 0.3, 1.0), (-0.5, 1.5, 1.0), (1.1, 2.0, 1.0), (-3.0, -1.2, 1.0), (-1.0, 1.0, 1.0)]
answer(
    "10.2",
    [verdict(*case) for case in cases],
    [claims.verdict(low, high, "similar", margin) for low, high, margin in cases],
    hint="Holds: both ends inside. Fails: the whole interval outside. Else undecided.",
)
