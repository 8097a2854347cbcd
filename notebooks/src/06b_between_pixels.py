# %% [markdown]
# # 06b Between pixels
#
# **The question.** One pixel of a belief map is as wide as many pixels of the photo. Can a peak be read more finely?
# And if so, what becomes of "Updating B", which starts at one whole pixel?
#
# Afterwards you can read a peak between pixels, say why stamping and blurring has no derivative, and update a map
# whose peak lies between pixels.
#
# > **Takes** 25 minutes, exercises included. **Needs** [05](05_belief_gradient.ipynb) and
# > [06](06_updating_beliefs.ipynb).
# > **On the way:** an extra beside 05 and 06.
# >
# > **Symbols** (all of them: [notation](../docs/notation.md))
# > - $\ell_-$, $\ell_0$, $\ell_+$: logarithms of beliefs: left of the greatest pixel, at it, right of it
# > - $u$: how far the peak lies right of the greatest pixel
# > - $\eta$: share of the update that a pixel gets
# > - $\sigma_b$: [width of a Gaussian in a map, in code `sigma`](../docs/notation.md#maps)
#
# The update between pixels is ours. The supplement's $Y$ are whole pixels, as far as its text tells: "the argmax".

# %% tags=["setup"]
import matplotlib.pyplot as plt
import numpy as np

from lifting import belief, skeleton
from lifting.datasets import real_frames
from lifting.drawing import answer, figures_05, hint, progress

# %% [markdown]
# ## A parabola through three logarithms
#
# **By hand.** Along one axis three beliefs are 0.61, 1.00 and 0.61, at the columns 1, 2, 3: the top is at 2, by
# symmetry. Now let the beliefs be $e^{-2}, e^{-1/2}, e^{0}$ and $e^{-1/2}$ at the columns 1 to 4. Their logarithms
# about the largest pixel, column 3, are $-\frac12, 0, -\frac12$: again symmetric, the top is at 3. If the beliefs are
# $e^{-1.125}, e^{-0.125}, e^{-0.125}$, two are level, and the top lies halfway between them.
#
# In general: if the peak is a Gaussian, its logarithm is a parabola, $\ell(x) = c - (x - x_0)^2 / 2\sigma_b^2$, and
# three points fix a parabola. With $\ell_-, \ell_0, \ell_+$ at $-1, 0, 1$ about the largest pixel,
#
# $$\ell(x) = \ell_0 + \frac{\ell_+ - \ell_-}{2}\,x + \frac{\ell_- - 2\ell_0 + \ell_+}{2}\,x^2 .$$
#
# Its top is where its derivative vanishes, and its bend tells the width: $\ell_- - 2\ell_0 + \ell_+ = -1/\sigma_b^2$.
# For a Gaussian this is exact, not an approximation. Rows and columns are treated alike.

# %% tags=["setup"]
frame = real_frames.load_real_frames(["cam04_026"])[0]
B, present = real_frames.belief_human36m(frame)
height, width = B.shape[1:]
wrist = skeleton.HUMAN36M.index("left_wrist")

# %% [markdown] tags=["exercise"]
# ### Exercise 6b.1: the top of the parabola (5 minutes)
# Given the three beliefs `left`, `middle`, `right` at $-1, 0, 1$, return the $x$ at which the parabola through their
# **logarithms** is highest.


# %% tags=["exercise"]
def shift_to_top(left, middle, right):
    left, middle, right = np.log([left, middle, right])
    # BEGIN SOLUTION
    return (left - right) / (2 * (left - 2 * middle + right))
    # END SOLUTION


# %% tags=["answer"]
answer("6b.1", shift_to_top)

# %% [markdown]
# **Does it help on real maps?** BlazePose also outputs its landmarks directly as numbers, not by way of its maps. (That
# is no truth, only a second reading.) Over all eight photos, how far are these landmarks from the argmax, and how far
# from the peak between pixels?

# %%
apart, widths = {"argmax": [], "between pixels": []}, []
for photo in real_frames.load_real_frames():
    maps, has_map = real_frames.belief_human36m(photo)
    seen, cell = has_map & photo.visible, np.sqrt(np.linalg.det(photo.map_to_photo[:, :2]))
    for name, fine in {"argmax": False, "between pixels": True}.items():
        pixels = real_frames.transform(photo.map_to_photo, belief.peaks(maps[seen], subpixel=fine).T).T
        apart[name].extend(np.linalg.norm(pixels - photo.landmarks[:, seen], axis=0) / cell)
    for b, (x, y) in zip(maps[seen], belief.peaks(maps[seen]).T.astype(int), strict=True):
        logs = np.log(b[y, x - 1 : x + 2])
        widths.append(1 / np.sqrt(2 * logs[1] - logs[0] - logs[2]))
print({name: f"{np.median(distances):.2f} px of the map" for name, distances in apart.items()})
print(f"width of the real peaks: {np.median(widths):.1f} px (median)")
assert np.median(apart["between pixels"]) < np.median(apart["argmax"])

# %% [markdown]
# The parabola takes away about a fifth of the distance: the two ways of reading the network agree better. (The median
# width is 1.7 over all photos; notebook 05 took 1.5. Both are wider than the $\sigma_b = 1$ that the supplement names
# for its own maps: these maps are another network's, on another grid.) Multiplying a map by a number changes neither
# the place nor the width that the parabola finds; adding a number to it changes both.
#
# ## Stamp and blur
#
# The other direction: from a place between pixels to a map. As we recall the main paper, its maps are made in two
# steps: a stamp, 1 at the pixel of $\hat Y_p$ and 0 elsewhere, then a Gaussian filter. At whole pixels the result is
# notebook 05's Gaussian. Between pixels the place of the stamp has to be rounded, and that has two costs: the map is
# off by up to half a pixel, and it **doesn't change** while $\hat Y_p$ moves within its pixel. Its derivative is 0
# almost everywhere.


# %%
from scipy.ndimage import gaussian_filter


def stamp_and_blur(place, sigma=1.0):
    stamp = np.zeros((height, width))
    x, y = np.round(place).astype(int)
    stamp[y, x] = 1
    blurred = gaussian_filter(stamp, sigma, mode="constant", truncate=8)
    return blurred / blurred.max()


def gaussian_map(place):
    return belief.belief_maps(np.array(place, dtype=float)[:, None], height, width)[0]


# %%
figures_05.stamped({x: (gaussian_map([x, 31])[31], stamp_and_blur([x, 31])[31]) for x in (24.0, 24.4)})
plt.show()
off = np.abs(stamp_and_blur([24.4, 31]) - gaussian_map([24.4, 31])).max()
moved = np.abs(stamp_and_blur([24.31, 31]) - stamp_and_blur([24.3, 31])).max()
print(f"at x = 24.4 a stamped map is wrong by up to {off:.2f}; from x = 24.3 to 24.31 it changes by {moved:.2f}")
assert moved == 0 and np.allclose(stamp_and_blur([24, 31]), gaussian_map([24, 31]), atol=1e-10)

# %% [markdown]
# *What to see:* at $x = 24$ ours and the stamped map coincide (circles, filled and open). At $x = 24.4$ (squares) ours
# has moved, and the stamped map has not.
#
# ## Updating B between pixels
#
# On maps of 32 x 32 an argmax rounds by up to two pixels of a picture of 128 x 128, and lifting hands the rounding on
# to every landmark. So one would like to read $Y$ between pixels in training, too. Forwards, the parabola is all that
# is needed. Backwards, from which pixels is the belief $m$ to be taken, when $Y_p$ lies between two columns and two
# rows?
#
# Apply the printed rule at the four pixels around the peak. The share of each pixel is its share $\eta$ in $x$ times
# its share in $y$. Which shares? Look at one axis. Let the peak lie $u$ to the right of the greatest pixel, with $0 \le
# u \le \frac12$; the other side is the mirror image. Where the logarithms change, the top of the parabola moves by
#
# $$du = \frac{(\ell_0 - \ell_-)\,d\ell_+ - (\ell_+ - \ell_-)\,d\ell_0 - (\ell_0 - \ell_+)\,d\ell_-}
#   {(2\ell_0 - \ell_- - \ell_+)^2}$$
#
# Lowering alone should not move the peak: only what is *raised* should pull it. The logarithm of a belief $b$ that
# loses $\eta m$ changes by $-\eta m/b$, to first order. So the terms in $d\ell_+$ and $d\ell_0$ cancel where the shares
# of the right pixel and of the greatest one are in the ratio $(\ell_+ - \ell_-)\,b_+$ to $(\ell_0 - \ell_-)\,b_0$. For
# a Gaussian of width $\sigma_b$ the three logarithms are $-(1 + u)^2$, $-u^2$ and $-(1 - u)^2$, each divided by $2
# \sigma_b^2$. With $t$ for a pixel's distance from $Y_p$ along the axis, the shares are then
#
# $$\eta(t) \propto \min(1 + 2t,\; 4 - 4t)\; e^{-t^2 / 2\sigma_b^2} \quad (t \le 1), \qquad \eta = 0 \quad (t > 1)$$
#
# Along each axis the two shares are divided by their sum, so that they sum to 1 (hence $\propto$): over the four
# pixels, $m = k \lVert D \rVert$ is taken in all. Where the peak is at a whole pixel, one share is 1, and the rule is
# the printed one. Halfway between two pixels, both are 1/2. The function is `belief.belief_update_between`.

# %% [markdown] tags=["exercise"]
# ### Exercise 6b.2: by hand (10 minutes)
# A peak lies a quarter of a pixel right of column 7, $\sigma_b = 1$. Which share of the update is made at column 7, and
# which at column 8? Three decimals; the distances are 0.25 and 0.75, and the two shares sum to 1.

# %% tags=["exercise"]
# BEGIN SOLUTION
v_7, v_8 = 1.5 * np.exp(-(0.25**2) / 2), 1.0 * np.exp(-(0.75**2) / 2)
share_7, share_8 = v_7 / (v_7 + v_8), v_8 / (v_7 + v_8)
# END SOLUTION

# %% tags=["answer"]
answer("6b.2", [share_7, share_8])

# %% [markdown]
# Compare them with the shares that come to mind first, $1 - t$, which fall off linearly. Which way do the peaks of 500
# Gaussians, read between pixels, move?

# %%
rng = np.random.default_rng(0)
Y_between, D_between = rng.uniform(5, 10, (2, 500)), rng.standard_normal((2, 500))
hills = belief.belief_maps(Y_between, 16, 16)


def linear_shares(Y, D):
    """The printed rule at the four pixels about each peak, by shares that fall off linearly."""
    update = np.zeros_like(hills)
    for corner in ((0, 0), (0, 1), (1, 0), (1, 1)):
        pixel = np.floor(Y) + np.array(corner)[:, None]
        update += (1 - np.abs(pixel - Y)).prod(0)[:, None, None] * belief.belief_update(pixel, D, 16, 16)
    return update


# %%
updates = {
    "linear": linear_shares(Y_between, D_between),
    "ours": belief.belief_update_between(Y_between, D_between, 16, 16),
}
astray = {}
for name, update in updates.items():
    moved = (belief.peaks(hills + 1e-5 * update, subpixel=True) - Y_between) / 1e-5
    against = moved * D_between < 0
    astray[name] = np.mean(np.any(against, axis=0))
    print(f"{name:6}: against D along one axis {against.mean():.0%}, in x or in y {astray[name]:.0%} of the peaks")
assert astray["ours"] == 0 and astray["linear"] > 0.2

# %% [markdown]
# (Tossing a coin for each axis would give 50% and 75%.) Real maps are not Gaussians: there peaks tend to move along
# $D$, but this isn't guaranteed. And like the printed rule, ours is no derivative of the loss. `LiftingLayer(prior,
# subpixel=True)` reads and updates peaks in this way; the default is the printed way.
#
# ## Recall
#
# Answer first, then unfold.
#
# 1. <details><summary>For which maps is the parabola through three logarithms exact?</summary>
#
#    For Gaussians: their logarithm is a parabola.
#
#    </details>
#
# 2. <details><summary>What does the bend of that parabola tell?</summary>
#
#    The width of the peak: $\ell_- - 2\ell_0 + \ell_+ = -1/\sigma_b^2$.
#
#    </details>
#
# 3. <details><summary>Why has a stamped and blurred map no useful derivative?</summary>
#
#    The map doesn't change while the landmark moves within a pixel, and jumps when the landmark leaves it.
#
#    </details>
#
# 4. <details><summary>What fixes the shares of the update between pixels?</summary>
#
#    Lowering alone must leave the peak where it is; only what is raised may pull it.
#
#    </details>
#
# 5. <details><summary>And at a whole pixel?</summary>
#
#    One share is 1, the other 0: the printed rule.
#
#    </details>

# %%
progress()
