# %% [markdown]
# # 05 The gradient of a belief map
#
# **The question.** The lifted pose is drawn into belief maps, and a loss finds fault with some of their pixels. Which
# way should each landmark move?
#
# Afterwards you can derive the difference of Gaussians (9) on a map of 5 x 5 pixels, say how wrong it is and why that
# hardly matters, pull a loss on pixels back to arrows on a person without ever building a Jacobian, and say how far
# away a Gaussian stops pulling.
#
# > **Takes** 45 minutes, exercises included. **Needs** [01](01_projection.ipynb) for the axes,
# > [03](03_solving_for_pose.ipynb) for `lift`.
# > **On the way:** core, 6 of 11; [06b](06b_between_pixels.ipynb) goes further, and nothing later needs it.
# >
# > **Symbols** (all of them: [notation](../docs/notation.md))
# > - $B$, $b_p$: [belief maps of a network, one per landmark](../docs/notation.md#maps)
# > - $\hat Y_p$: [where the lifted pose puts landmark $p$: column and row](../docs/notation.md#pictures)
# > - $\hat b_p$, $G$: [the map that it induces, a Gaussian of peak 1](../docs/notation.md#maps)
# > - $\delta$: [step of the difference (9), one pixel](../docs/notation.md#maps)
# > - $\sigma_b$: [width of a Gaussian in a map, in code `sigma`](../docs/notation.md#maps)
# > - $g_{\hat b}$: [gradient of a loss on every pixel](../docs/notation.md#gradients)
#
# Quotation marks hold the supplement's own words, and equation numbers are the supplement's. What we say of the main
# paper is as we recall it: its text was not at hand.

# %% tags=["setup"]
import matplotlib.pyplot as plt
import numpy as np

from lifting import belief, camera, lift, load_prior, skeleton
from lifting.datasets import real_frames
from lifting.drawing import answer, figures_05, hint, plots, progress

# %%
plots.draw_way_through(plt.figure(figsize=(9, 2.4)).add_subplot(), "belief gradient")
plt.show()

# %% [markdown]
# *What to see:* the dashed arrow (9), from $\hat B$ back to $\hat Y$. It is all that this notebook is about.
#
# ## A map of 5 x 5 pixels, by hand
#
# A **belief map** says, for every pixel, how much a landmark is believed to be there. $x$ is the column, $y$ the row,
# counted **down**; whole numbers are the centres of pixels. A landmark at $(2, 2)$ makes a Gaussian of width 1 and peak
# 1. Along one axis we need only five numbers, the **profile** $\rho(t) = \exp(-t^2/2)$ at the distances $-2$ to $2$:

# %% tags=["setup"]
five = np.arange(5)


def profile(centre):
    return np.exp(-((five - centre) ** 2) / 2)


# %%
print("rho at the distances -2 .. 2:", profile(2).round(2))

# %% [markdown]
# The exponential of a sum is a product, so the map is the profile of the rows times the profile of the columns, an
# **outer product**. Check one number: one pixel right of the landmark and one down, $0.61 \cdot 0.61 = 0.37$.

# %%
b_hat = np.outer(profile(2), profile(2))
print(b_hat.round(2))

# %% [markdown]
# Now move the landmark one pixel to the right, and then, from the start, one to the left. Only the columns' profile
# changes:

# %%
right, left = profile(3), profile(1)
print("at x = 3:", right.round(2))
print("at x = 1:", left.round(2))
print("half their difference:", ((right - left) / 2).round(2))

# %% [markdown]
# The outer product of the rows' profile with the last line says how much every pixel changes per pixel that the
# landmark moves to the right. This is the **difference of Gaussians**, and it is all that (9) says:

# %%
by_x = np.outer(profile(2), (right - left) / 2)
print(by_x.round(2) + 0.0)

# %% [markdown]
# Pixels on the right gain, those on the left lose, and the landmark's own column doesn't change: at the top of a hill
# (or of a ridge) a small step to the side leaves the height as it is.
#
# **Backwards.** Suppose a loss wants more belief at the pixel right of the landmark, row 2 and column 3, and nothing
# else. Moving the landmark to the right raises that pixel by 0.43 per pixel moved; up and down change it alike, so that
# their difference is 0. So the landmark is pulled by $(0.43, 0)$. If a loss wants several pixels changed, their pulls
# add up: multiply the wish by the difference of Gaussians, pixel by pixel, and sum.

# %%
wish = np.zeros((5, 5))
wish[2, 3] = 1
by_y = by_x.T  # the landmark's row and column are alike here
print("pull in x and y:", np.sum(wish * by_x).round(2), np.sum(wish * by_y).round(2))

# %% [markdown] tags=["exercise"]
# ### Exercise 5.1: by hand (5 minutes)
# Now a loss wants one unit **more** belief at column 3, row 1 (right of the landmark and above it), and one unit
# **less** at column 2, row 4. Which way is the landmark pulled? Give $x$ and $y$ to two decimals, from the printed
# numbers; rows count down.

# %% tags=["exercise"]
# BEGIN SOLUTION
pull_x, pull_y = 0.26, -0.56
# END SOLUTION

# %% tags=["answer"]
answer("5.1", [pull_x, pull_y])

# %% [markdown]
# ## Eq. (9): a difference of Gaussians
#
# What the toy did, for any place and any width. "The coordinates of each predicted landmark $\hat{Y}_p$ induce a
# Gaussian in the belief map $\hat{b}_p$":
#
# $$\hat b_p(z) = \exp\Bigl(-\frac{\lVert z - \hat Y_p\rVert^2}{2\sigma_b^2}\Bigr), \qquad z = (x, y)
#   \text{ a pixel},$$
#
# and "a change in the x component of $\hat{Y}_p$ induces an update which is equivalent to a difference of Gaussians":
#
# $$\frac{d\hat b_p}{d\hat Y_x^2} \approx
#   \frac{G(\hat Y_p^{(x)} + \delta_x) - G(\hat Y_p^{(x)} - \delta_x)}{2\delta_x} \tag{9}$$
#
# "and the same for the y component as well. For computational purposes we take $\delta_x$ as one pixel." Here $G(x)$ is
# the whole map of a Gaussian whose centre has the coordinate $x$.
#
# **The odd square.** As printed, the left-hand side reads $d\hat Y_x^2$, like a second derivative. It is none: a second
# difference would be $(G(x+\delta) - 2G(x) + G(x-\delta))/\delta^2$. What stands on the right approximates the *first*
# derivative, which is also what the chain rule needs. We read $d\hat b_p / d\hat Y_p^{(x)}$.

# %% tags=["setup"]
height = width = 64
rows, columns = np.mgrid[:height, :width]


def gaussian_map(place, sigma=1.0):
    x, y = place
    return np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma**2))


# %%
def difference_of_gaussians(place, sigma=1.0, delta=1.0):
    steps = delta * np.eye(2)
    return np.stack(
        [(gaussian_map(place + step, sigma) - gaussian_map(place - step, sigma)) / (2 * delta) for step in steps]
    )


place = np.array([24.3, 30.8])
ours, packages = difference_of_gaussians(place), belief.belief_gradient(place[:, None], height, width)[0]
print("shape", ours.shape, " off the package's by less than 1e-12:", np.abs(ours - packages).max() < 1e-12)
assert np.allclose(ours, packages)

# %% [markdown]
# ### How wrong is it?
#
# The exact derivative is no harder: differentiate the exponential,
# $\dfrac{d\hat b_p}{d\hat Y_p} = \dfrac{z - \hat Y_p}{\sigma_b^2}\,\hat b_p(z)$.


# %%
def exact_derivative(place, sigma=1.0):
    away = np.stack([columns - place[0], rows - place[1]])
    return away / sigma**2 * gaussian_map(place, sigma)


exact = exact_derivative(place)
packages = belief.exact_belief_gradient(place[:, None], height, width)[0]
print("off the package's by less than 1e-12:", np.abs(exact - packages).max() < 1e-12)
assert np.allclose(exact, packages)

# %%
figures_05.difference_and_derivative(ours, exact, place)
plt.show()
print("the same sign at every pixel:", bool(np.all(ours * exact >= 0)))
assert np.all(ours * exact >= 0)

# %% [markdown]
# *What to see:* purple gains, orange loses, so the first picture is a push to the right and the second one downwards.
# On the right, what (9) gets wrong at $\delta = 1$: it is too weak near the centre, too strong further out.
#
# **Why it is a derivative at all.** Taylor's series on both sides, with $G$ as a function of the centre's $x$:
#
# $$G(x \pm \delta) = G \pm \delta G' + \tfrac{\delta^2}{2}G'' \pm \tfrac{\delta^3}{6}G''' + \dots$$
#
# In the difference all even terms cancel; dividing by $2\delta$ leaves $G' + \frac{\delta^2}{6}G''' + \dots$.
#
# **Why the sign is never wrong.** Put $u = \delta\,(z_x - \hat Y_x)/\sigma_b^2$ and multiply out the squares: $G(x \pm
# \delta) = \hat b\,\exp(\pm u)\exp(-\delta^2/2\sigma_b^2)$, and so
#
# $$\frac{G(x+\delta) - G(x-\delta)}{2\delta} = \exp(-\delta^2/2\sigma_b^2)\;\frac{\sinh u}{u}\;\cdot\;
#   \frac{z_x - \hat Y_x}{\sigma_b^2}\,\hat b .$$
#
# The factor in front of the exact derivative is positive at every pixel, for any $\delta$. Near the centre it is
# $\exp(-\delta^2/2\sigma_b^2)$, which is 0.61 at $\delta = \sigma_b$; far away it exceeds 1.

# %% [markdown] tags=["exercise"]
# ### Exercise 5.2: predict before you look (5 minutes)
# By which factor does the largest error of (9) change when $\delta$ is halved from 0.2 to 0.1? Answer from Taylor's
# series, before you run anything. And what would the factor be for a *one-sided* difference, $(G(x+\delta) -
# G(x))/\delta$?

# %% tags=["exercise"]
# BEGIN SOLUTION
central, one_sided = 1 / 4, 1 / 2
# END SOLUTION

# %% tags=["answer"]
answer("5.2", [central, one_sided])

# %%
deltas = 10.0 ** np.arange(-7, 0.6, 0.25)
errors = {}
for sigma in (1.0, 2.0):
    true = exact_derivative(place, sigma)
    wrong = [np.abs(difference_of_gaussians(place, sigma, delta) - true).max() for delta in deltas]
    errors[sigma] = np.array(wrong) / np.abs(true).max()

# %%
figures_05.errors_over_delta(deltas, errors)
plt.show()
middle = (deltas > 1e-4) & (deltas < 0.2)
for sigma, error in errors.items():
    slope = np.polyfit(np.log(deltas[middle]), np.log(error[middle]), 1)[0]
    print(f"sigma {sigma:g}: slope {slope:.2f}; at delta = 1 off by {np.interp(1, deltas, error):.0%}")
    assert abs(slope - 2) < 0.02

# %% [markdown]
# *What to see:* from the right the error falls along the grey line, with the square of $\delta$. On the left rounding
# takes over: the difference of two nearly equal maps has an error of about $10^{-16}$, and dividing by $2\delta$ makes
# it grow as $\delta$ falls. The supplement's $\delta = 1$ with $\sigma_b = 1$ is off by a third of the largest
# derivative (and by 39 % near the centre, the 0.61 above). It need not be better: gradient descent asks only for a push
# in the right direction. At each pixel the sign is right. So is that of the sum for a Gaussian target (the dotted
# curves below); for an arbitrary wish it need not be.
#
# **Three independent checks** of the exact derivative. A *complex step*: $\hat b(\hat Y + ih)$ has the imaginary part
# $h\,\hat b' + O(h^3)$; nothing is subtracted, so $h$ may be $10^{-20}$. *Autograd*: torch differentiates the formula
# by itself. A *central difference*: (9) with a small $\delta$.

# %%
import torch

by_torch = torch.func.jacfwd(lambda at: belief.belief_maps(at[:, None], height, width)[0])
checks = {
    "complex step": np.stack([gaussian_map(place + 1e-20j * step).imag / 1e-20 for step in np.eye(2)]),
    "autograd": by_torch(torch.tensor(place)).numpy().transpose(2, 0, 1),
    "central difference": difference_of_gaussians(place, delta=1e-5),
}
for name, found in checks.items():
    print(f"{name:18} differs by less than 1e-9: {np.abs(found - exact).max() < 1e-9}")
    assert np.allclose(found, exact, atol=1e-9)

# %% [markdown]
# ## Pulling back: never form (9)
#
# In the backward pass the loss $\mathcal L$ has a gradient on every pixel, $g_{\hat b_p}(z) =
# d\mathcal L/d\hat b_p(z)$, and we want two numbers per landmark:
#
# $$\frac{d\mathcal L}{d\hat Y_p^{(x)}} = \sum_z g_{\hat b_p}(z)\,\frac{d\hat b_p(z)}{d\hat Y_p^{(x)}} .$$
#
# Written out, (9) is an array of $L\times 2\times 64\times 64$ numbers. But, as in the toy, moving in $x$ changes the
# columns' profile only: (9) is the outer product of $\rho_y$ with $d_x$, the half difference of two profiles. And a sum
# over an outer product is a matrix times a vector, and then a dot product.


# %% tags=["setup"]
def profiles(place):
    """The profiles rho_x, rho_y of a 64 x 64 map with sigma = 1, and their half differences d_x, d_y with delta = 1."""
    pixels = np.arange(64)
    rho_x, rho_y = (np.exp(-((pixels - c) ** 2) / 2) for c in place)
    ahead = [np.exp(-((pixels - c - 1) ** 2) / 2) for c in place]
    behind = [np.exp(-((pixels - c + 1) ** 2) / 2) for c in place]
    d_x, d_y = ((a - b) / 2 for a, b in zip(ahead, behind, strict=True))
    return rho_x, rho_y, d_x, d_y


# %% [markdown] tags=["exercise"]
# ### Exercise 5.3: from pixels to an arrow (10 minutes)
# Return the two numbers $d\mathcal L/d\hat Y_p$, $x$ first, for one gradient `g_map` (64, 64), without building (9).
# `profiles(place)` gives $\rho_x, \rho_y, d_x, d_y$, each of 64 numbers. A map has its rows first, and rows are $y$.


# %% tags=["exercise"]
def pull_back(g_map, place):
    rho_x, rho_y, d_x, d_y = profiles(place)
    # BEGIN SOLUTION
    return np.array([rho_y @ g_map @ d_x, d_y @ g_map @ rho_x])
    # END SOLUTION


# %% tags=["answer"]
answer("5.3", pull_back)

# %% [markdown]
# `belief.pull_back_maps` does so for all maps at once: in place of 139,264 numbers for 17 landmarks it keeps 17 x 4
# profiles.
#
# ## What a loss does to a real photo
#
# The belief maps are those of a network, BlazePose, embedded with the photo (`data/real_frames.md`). Of Human3.6M's 17
# landmarks it has maps for 13. Those of pelvis, neck, spine and head top are 0 here and left out. As we recall the main
# paper, $Y_p = \arg\max b_p$, the pixel of the greatest belief. We lift $Y$, draw $\hat B$ at $\hat Y$, and compare it
# with the network's maps:
#
# $$\mathcal L = \sum_p\sum_z \bigl(\hat b_p(z) - b_p(z)\bigr)^2,\qquad
#   \frac{d\mathcal L}{d\hat B} = 2\,(\hat B - B).$$

# %%
frame = real_frames.load_real_frames(["cam04_026"])[0]
B, present = real_frames.belief_human36m(frame)
visible = present & frame.visible
Y = belief.peaks(B)
wrist = skeleton.HUMAN36M.index("left_wrist")
print("B", B.shape, "; left wrist: column", Y[0, wrist], "row", Y[1, wrist])

# %%
_, axes = plt.subplots(1, 2, figsize=(9, 4.4))
plots.draw_beliefs_on_photo(axes[0], frame.image, frame.belief, frame.map_to_photo)
axes[0].set_title("all belief maps, laid over the photo")
plots.draw_belief(axes[1], B[wrist], title="left wrist")
plt.show()

# %% [markdown]
# *What to see:* on the left, where all maps together believe landmarks to be. On the right, one map of 64 x 64 pixels,
# with its peak. (The maps are turned against the photo; the next notebook says how, and `frame.map_camera` allows for
# it.)
#
# So that the loss has something to complain about, only 6 bases of the prior may bend the pose. In this notebook $Y$
# and $\hat Y$ are in map pixels, $y$ down; `lift` wants $y$ up, hence `flip_y` before and after. $\sigma_b$ is 1.5,
# about the width of the network's peaks.

# %%
stiff = load_prior().subset(bases=6)
lifted = lift(camera.flip_y(Y), stiff, scale=None, visible=visible, camera=frame.map_camera)
Y_hat = camera.flip_y(lifted.Y_hat)


# %%
def loss_and_arrows(Y_hat, sigma=1.5):
    misfit = (belief.belief_maps(Y_hat, height, width, sigma) - B)[visible]
    arrows = np.zeros((2, 17))
    arrows[:, visible] = -belief.pull_back_maps(2 * misfit, Y_hat[:, visible], sigma)
    return np.sum(misfit**2), arrows


loss, arrows = loss_and_arrows(Y_hat)
after, _ = loss_and_arrows(Y_hat + 0.05 * arrows)
print(f"loss {loss:.1f}; after a small step along the arrows {after:.1f}")
assert after < loss

# %%
figures_05.arrows_on_photo(frame, Y, Y_hat, arrows, visible)
plt.show()

# %% [markdown]
# *What to see:* every yellow arrow starts at a landmark of $\hat Y$ and says where the loss wants it: towards the white
# cross, the peak of the network's map, if that is near enough. The four without a map have no arrow; they move with the
# body, by (8).
#
# ## How far away does a peak still pull?
#
# Let the target be a Gaussian too, of the same width, at a distance $d$. The product of two Gaussians sums to about
# $\pi\sigma_b^2\exp(-d^2/4\sigma_b^2)$ (an integral in place of a sum), so
#
# $$\mathcal L(d) \approx 2\pi\sigma_b^2\bigl(1 - \exp(-d^2/4\sigma_b^2)\bigr), \qquad
#   |\text{pull}| = \frac{d\mathcal L}{dd} \approx \pi\, d\,\exp(-d^2/4\sigma_b^2) .$$
#
# The pull is greatest where $1 - d^2/2\sigma_b^2 = 0$, at $d = \sqrt 2\,\sigma_b$, and vanishes once the two no longer
# overlap. Then nothing says where the target is, however wrong $\hat Y$ may be.


# %%
def pull_at(distance, sigma, delta=1.0):
    Y_hat = np.array([[20.0], [32.0]])
    target = belief.belief_maps(Y_hat + np.array([[distance], [0]]), 64, 64, sigma)
    misfit = belief.belief_maps(Y_hat, 64, 64, sigma) - target
    return -belief.pull_back_maps(2 * misfit, Y_hat, sigma, delta)[0, 0]


distances = np.arange(0, 25.01, 0.25)
pulls = {sigma: np.array([pull_at(d, sigma, delta=None) for d in distances]) for sigma in (1.0, 2.0, 4.0)}
for sigma, pull in pulls.items():
    formula = np.pi * distances * np.exp(-(distances**2) / (4 * sigma**2))
    reach = distances[pull > 0.01 * pull.max()].max()
    print(f"sigma {sigma:g}: strongest at {distances[pull.argmax()]:g} px, 1 % of that is left at {reach:g} px; "
          f"off the formula by at most {np.abs(pull - formula).max():.4f}")  # fmt: skip
    assert np.allclose(pull, formula, atol=2e-3)

# %%
figures_05.pull_over_distance(distances, pulls, {s: [pull_at(d, s) for d in distances] for s in pulls})
plt.show()

# %% [markdown]
# *What to see:* with $\sigma_b = 1$ hardly anything is left five pixels away; as a rule, a Gaussian pulls **as far as
# five of its widths** and no further. A wider one reaches further, and close to the target it pulls no less (its peak
# is 1, too; with a sum of 1 instead, the pull would fall with $1/\sigma_b^4$). The dotted curves, by (9), reach a
# little further than the derivative, as the factor $\sinh u/u$ promised. (Distances are tried in steps of a quarter
# pixel, so the printed maxima differ a little from $\sqrt 2\,\sigma_b$.)
#
# The supplement says of the architecture at large that it "suffers from problems with vanishing gradients". This is
# another, local way to vanish, and the next notebook will meet it again.

# %% [markdown]
# ## Find the mistakes
#
# Three gradients of belief maps. One is right; two come from the museum of mistakes and would train a network, more or
# less. The pictures may make you suspicious, but they convict nobody:

# %% tags=["setup"]
from lifting.checking import mistakes

suspects = mistakes.line_up(belief.belief_gradient, 7, 0)  # in an order that this call does not show
middle_of_map = np.array([[8.0], [8.0]])

# %%
figures_05.suspects({name: suspect(middle_of_map, 17, 17)[0, 0] for name, suspect in suspects.items()})
plt.show()

# %% [markdown]
# *What to see:* three pushes to the right. One of them is a little lopsided.

# %% [markdown] tags=["exercise"]
# ### Exercise 5.4: find the mistakes (10 minutes)
# Let the error against the exact derivative be $c\,\delta^n$: halving $\delta$ tells $n$. Return
# $n = \log_2(\text{error}(\delta)/\text{error}(\delta/2))$ for $\delta = 0.02$, where the error is the largest absolute
# difference to `exact`. A suspect is called as `suspect(middle_of_map, 17, 17, 1.0, delta)`. Then say who is right.


# %% tags=["exercise"]
def order_of_error(suspect):
    exact = belief.exact_belief_gradient(middle_of_map, 17, 17)
    # BEGIN SOLUTION
    coarse, fine = (np.abs(suspect(middle_of_map, 17, 17, 1.0, d) - exact).max() for d in (0.02, 0.01))
    return np.log2(coarse / fine)
    # END SOLUTION


# BEGIN SOLUTION
innocent = "b"
# END SOLUTION

# %% tags=["answer"]
orders = [order_of_error(suspect) for suspect in suspects.values()]
answer("5.4", [orders, innocent])

# %% [markdown]
# ## The widget
#
# Move "sigma", "delta", and the landmark's "x" and "y", or drag it. Try: delta from small to large, and watch (9) turn
# from a derivative into two separate blobs, with the right sign throughout; the landmark to the edge, where half of the
# Gaussian is missing; a small sigma, where a map between pixels is hardly a Gaussian any more. The widget starts with
# sigma = 1.5, not 1, so that delta = 1 is off by less than the third from above. Without a kernel, see the picture
# below.

# %%
from lifting.drawing.widgets.belief import BeliefWidget

widget = BeliefWidget()
widget.view()

# %%
seen = {}
for delta in (0.5, 1.0, 3.0):
    widget["delta"] = delta
    seen[delta] = widget.error
    print(f"delta {delta:3} px: largest error {widget.error:.0%}")
assert seen[0.5] < seen[1.0] < seen[3.0] and np.all(widget.gradient * widget.exact >= -1e-15)

# %% tags=["nbval-ignore-output"]
# not compared: last digits differ between machines
widget.recorded("sigma", "delta", "x")

# %% [markdown]
# ## Recap
#
# - $\hat b_p$ is a Gaussian at $\hat Y_p$, an outer product of two profiles.
# - (9) is the central difference of the *first* derivative, whatever the printed square says. Its error is of order
#   $\delta^2$, its sign never wrong.
# - Pulled back, (9) is two small products per map: $\rho_y^\top g_{\hat b}\,d_x$ and $d_y^\top g_{\hat b}\,\rho_x$.
# - A loss on maps pulls where Gaussians overlap: most at $\sqrt 2\,\sigma_b$, next to nothing beyond $5\sigma_b$.
#
# ## Recall
#
# Answer first, then unfold.
#
# 1. <details><summary>Why does the pixel under the landmark not change to first order when the landmark
#    moves?</summary>
#
#    It is the top of the Gaussian, and there the slope is 0.
#
#    </details>
#
# 2. <details><summary>What is odd about the left-hand side of (9), and how do we know which reading is meant?</summary>
#
#    It is printed like a second derivative. The right-hand side is the central difference of a first one, and the
#    chain rule needs a first one.
#
#    </details>
#
# 3. <details><summary>At delta = 1 and sigma = 1 (9) is a third off. Why does that do little harm?</summary>
#
#    It is the exact derivative times a positive factor at every pixel. So for a Gaussian target the push has the right
#    direction, and descent needs no more.
#
#    </details>
#
# 4. <details><summary>Why is (9) never formed in a backward pass?</summary>
#
#    It is an outer product of two profiles. Summing over its pixels is a matrix times a vector and a dot product; the
#    array of L x 2 x rows x columns numbers is not needed.
#
#    </details>
#
# 5. <details><summary>A target is seven pixels away and sigma is 1. What does the loss say?</summary>
#
#    Next to nothing: the two Gaussians don't overlap, and the loss is flat.
#
#    </details>
#
# 6. <details><summary>Why can a complex step have h = 1e-20, and a central difference not?</summary>
#
#    A complex step subtracts nothing. A difference subtracts two nearly equal numbers and divides the rounding by
#    2h.
#
#    </details>
#
# From $\hat Y$ on, (8) takes the arrows to $Y$ (notebook 04). What an arrow on $Y$ means for $B$, whose argmax has no
# derivative at all, is the question of the next notebook.

# %%
progress()
