# %% [markdown]
# # 07 The lifting layer
#
# **The question.** The notebooks so far have a function for every arrow of the way through, forwards and backwards. How
# do they become one layer that a network trains through?
#
# Afterwards you can follow one full chain from a loss to $B$ on paper, write the `torch.autograd.Function` yourself,
# say what its "gradient" is and is not, compare it with a soft-argmax and with plain autograd, and know what still
# learns when nothing flows through the lifting.
#
# > **Takes** 45 minutes, exercises included. **Needs** [03](03_solving_for_pose.ipynb) to
# > [06](06_updating_beliefs.ipynb).
# > **On the way:** core, 8 of 11; [07b](07b_under_load.ipynb) goes further, and nothing later needs it.
# >
# > **Symbols** (all of them: [notation](../docs/notation.md))
# > - $B$, $\hat B$: [belief maps of the network; maps of the lifted pose](../docs/notation.md#maps)
# > - $Y$, $\hat Y$: [peaks of $B$; the projected pose](../docs/notation.md#pictures)
# > - $H$: [$E\bar E^t$, equation (8)](../docs/notation.md#gradients)
# > - $g$: [gradient of a loss, with its place as index](../docs/notation.md#gradients)
# > - $D_p$: [minus $g_{Y_p}$: where landmark $p$ should move](../docs/notation.md#gradients)
# > - $F$, $w_t$: [fused maps of stage $t$, and their weight](../docs/notation.md#maps)
#
# Quotation marks hold the supplement's own words, and equation numbers are the supplement's.

# %% tags=["setup"]
import matplotlib.pyplot as plt
import numpy as np
import torch

from lifting import LiftingLayer, belief, camera, landmark_jacobian, lift, load_prior, skeleton
from lifting.datasets import real_frames
from lifting.drawing import answer, figures_07, hint, plots, progress, toy

# %%
plots.draw_way_through(plt.figure(figsize=(9, 2.4)).add_subplot(), "lifting layer")
plt.show()

# %% [markdown]
# *What to see:* everything between $B$ and $\hat B$, in both directions, becomes one layer.
#
# ## One full chain by hand, from a loss to $B$
#
# The toy of the notebooks before: three landmarks, one basis, four rotations, maps of 5 x 5 pixels. The landmark at
# $(x, y)$, $y$ up, lies in column $2 + x$ and row $2 - y$. The scale is known, $\sigma = \frac12$, and the mean of
# the three landmarks stays where it is (notebook 04 has what its motion adds).

# %% tags=["setup"]
from lifting import solve

best = toy.solved(toy.ANGLES[toy.costs().argmin()])
Y_hat_toy = (best.p + best.E @ best.a).reshape(2, 3)

# %%
print("B -> Y, the peaks of the three maps, columns and rows:", belief.peaks(toy.belief_maps()), sep="\n")
print("Y, y up:", toy.Y, sep="\n")
print("(2): the costs of the four rotations", toy.costs().round(2), "so the first one wins")
print("(6): a =", best.a.round(2))
print("(1): Y_hat, y up:", Y_hat_toy.round(2), sep="\n")
print("its columns and rows:", toy.pixels(Y_hat_toy).round(2), sep="\n")

# %% [markdown]
# The last step forwards draws a Gaussian at each of these three places. Now **backwards**. A loss wants one unit more
# belief at one pixel: in the map of the left hand, at column 4, row 2, where the hand was seen. Its projection is at
# $(3.6, 2.4)$.
#
# **(9)** At that pixel, which lies 0.4 columns to the right and 0.4 rows up, the difference of Gaussians in $x$ is
# $\frac12(e^{-0.6^2/2} - e^{-1.4^2/2})\,e^{-0.4^2/2} = 0.21$, and in $y$, with rows counted down, $-0.21$. With $y$ up
# both are positive: the wish for $\hat Y$ of the left hand is $(0.21, 0.21)$, the other landmarks have none.
#
# **(8)** $H = E E^\top/(E^\top E + \sigma^2) = E E^\top/1.25$, and the wish for $Y$ is $D = H$ times it:

# %%
wish_map = np.zeros((1, 5, 5))
wish_map[0, 2, 4] = 1
left_hand = toy.pixels(Y_hat_toy)[:, :1]
wish_Y_hat = np.zeros((2, 3))
wish_Y_hat[:, :1] = camera.flip_y(belief.pull_back_maps(wish_map, left_hand))  # (9)
D_toy = (best.H @ solve.unwrap(wish_Y_hat)).reshape(2, 3)  # (8)
print("the wish for Y_hat:", wish_Y_hat.round(2) + 0.0, sep="\n")
print("E:", best.E[:, 0].round(2) + 0.0, " E^T wish:", (best.E.T @ solve.unwrap(wish_Y_hat)).round(3))
print("D, y up:", D_toy.round(3) + 0.0, sep="\n")

# %% [markdown]
# Check one number: $E^\top$ wish is $\frac12\cdot 0.212 + \frac12\cdot 0.212 = 0.212$, and $D$ of the left hand
# $\frac12\cdot 0.212/1.25 = 0.085$. Look at the last column: the loss said nothing about the right hand, and yet it is
# told to move, **down and outwards**, for the basis moves both hands at once. That is what lifting adds to a loss.
#
# **"Updating B"** For each map, $m = \lVert D_p\rVert$ (with $k = 1$) is taken from the peak and given to the quadrant.
# Here is the right hand's, whose peak is at column 0, row 3; with rows counted down its $D$ is $(-0.085, 0.085)$.
# Nearly all of its quadrant lies outside the map.

# %%
update = belief.belief_update(toy.pixels(), camera.flip_y(D_toy), toy.SIZE, toy.SIZE)
print("m of the three maps:", np.hypot(*D_toy).round(2))
print("the update of the right hand's map:", update[2].round(3) + 0.0, sep="\n")
assert np.isclose(update[2, 3, 0], -np.hypot(*D_toy[:, 2])) and not update[1].any()

# %% [markdown] tags=["exercise"]
# ### Exercise 7.1: by hand (5 minutes)
# Suppose that (9) has given another wish for $\hat Y$: the **right** hand by 1 in $x$, and nothing else. What is $D$?
# Give its six numbers, $x$ of the left hand, the head, the right hand, then $y$, with $y$ up. $E$ stands above.

# %% tags=["exercise"]
# BEGIN SOLUTION
D_by_hand = [-0.2, 0.0, 0.2, -0.2, 0.0, 0.2]
# END SOLUTION

# %% tags=["answer"]
answer("7.1", D_by_hand)

# %% [markdown]
# ## The order of things
#
# | forwards | by | backwards | by |
# |---|---|---|---|
# | $B \to Y$ | `belief.peaks` | $d\mathcal L/d\hat B \to d\mathcal L/d\hat Y$ | `belief.pull_back_maps`, (9) |
# | $Y \to (\mathbf R, s, a)$ | `lift`, (2), (6) | $d\mathcal L/d\hat Y \to d\mathcal L/dY$ | `landmark_jacobian`, (8) |
# | $\to \hat Y$ | `lift`, (1) | $d\mathcal L/dY \to$ "$d\mathcal L/dB$" | `belief.belief_update_gradient` |
# | $\hat Y \to \hat B$ | `belief.belief_maps` | | |
#
# One thing is easily lost between the columns: the sign of $y$. Images count rows downwards, the pose has $y$ up. It
# changes once on the way in and once on the way out, and both times again on the way back.
#
# ## Forwards
#
# A photo's belief maps, as in notebook 06, with the map of the right ankle moved by 3 cells to the left and 2 down, so
# that a loss has something to say.

# %% tags=["setup"]
frame = real_frames.load_real_frames(["cam01_004"])[0]
maps, present = real_frames.belief_human36m(frame)
visible, known_camera = present & frame.visible, frame.map_camera
prior, ankle = load_prior(), skeleton.HUMAN36M.index("right_ankle")
wrong = maps.copy()
wrong[ankle] = np.roll(wrong[ankle], (2, -3), axis=(0, 1))
B, (height, width) = torch.tensor(wrong[None]), wrong.shape[1:]
target = torch.tensor(belief.belief_maps(belief.peaks(maps), height, width, 1.5)[None])


# %%
def forwards(B, sigma):
    Y = belief.peaks(B)
    lifted = lift(camera.flip_y(Y), prior, scale=None, visible=torch.tensor(visible), camera=known_camera)
    Y_hat = camera.flip_y(lifted.Y_hat)
    return Y, lifted, Y_hat, belief.belief_maps(Y_hat, height, width, sigma)


# %%
layer = LiftingLayer(prior, sigma=1.5, visible=visible, camera=known_camera)
out = layer(B)
Y, lifted, Y_hat, B_hat = forwards(B, 1.5)
for name, ours in {"landmarks": Y, "Y_hat": Y_hat, "B_hat": B_hat}.items():
    print(f"{name:9} {tuple(ours.shape)}: the layer's is the same: {torch.allclose(getattr(out, name), ours)}")
    assert torch.allclose(getattr(out, name), ours)

# %% [markdown]
# The layer gives fields with names. It knows a shortcut that `lift` does not take: $E$ and $\bar E^t$ depend on the
# prior and the rotation alone, so the layer looks them up instead of solving a system.
#
# ## Eq. (9), (8) and "Updating B", in one `Function`
#
# torch asks for two static methods. `forward` computes, and saves what `backward` will need. `backward` gets the
# gradient of the loss on every output and returns one for every input; here the only output is $\hat B$.
#
# What it returns for $B$ is **not a derivative** (notebook 06: the argmax has none). It is minus the update that the
# supplement asks for, so that an optimiser, which subtracts gradients, adds the update.

# %% [markdown] tags=["exercise"]
# ### Exercise 7.2: fill in the backward pass (10 minutes)
# Write the three lines. `H_image` (N, 34, 34) is (8) in image coordinates (`centred=False`), $y$ up; $d\mathcal L/dY$
# is its transpose times the unwrapped gradient, so flip before and after (`flat` and `back` do the wrapping and the
# flips).


# %% tags=["setup"]
def flat(Y):
    """(N, 2, L) with rows downwards to (N, 2L, 1) with y up."""
    return camera.flip_y(Y).flatten(1)[..., None]


def back(y):
    """And back."""
    return camera.flip_y(y[..., 0].unflatten(1, (2, -1)))


# %% tags=["exercise"]
def backwards(g_B_hat, Y, Y_hat, H_image, sigma=1.0, k=1.0):
    height, width = g_B_hat.shape[-2:]
    # BEGIN SOLUTION
    g_Y_hat = belief.pull_back_maps(g_B_hat, Y_hat, sigma)  # (9)
    g_Y = back(H_image.mT @ flat(g_Y_hat))  # (8)
    return belief.belief_update_gradient(Y, -g_Y, height, width, k, sigma)  # "Updating B"
    # END SOLUTION


# %% tags=["answer"]
answer("7.2", backwards)

# %% [markdown]
# With those three lines, the `Function` is this:


# %%
class MyLifting(torch.autograd.Function):
    @staticmethod
    def forward(ctx, B, sigma):
        Y, lifted, Y_hat, B_hat = forwards(B, sigma)
        ctx.save_for_backward(Y, Y_hat, landmark_jacobian(lifted, prior, centred=False))
        ctx.sigma = sigma
        return B_hat

    @staticmethod
    def backward(ctx, g_B_hat):
        Y, Y_hat, H_image = ctx.saved_tensors
        return backwards(g_B_hat, Y, Y_hat, H_image, ctx.sigma), None


# %% [markdown]
# The package's layer is this, and three things more: gradients may also arrive at `Y_hat`, `pose` and `scale`; autocast
# is switched off inside; and nothing in it looks at values, so that a GPU never waits.
#
# ## Three switches
#
# `gradient=` says what flows back into $B$ **through the lifting**:
#
# - `"subgradient"`: the above.
# - `"stopped"` (also called `"none"`): nothing. The lifting counts forwards only, which, says the supplement, might be
#   preferable "for computational reasons".
# - `"soft-argmax"`: $Y$ is the mean place of all pixels, weighted by $\mathrm{softmax}(\beta B)$ (the larger $\beta$,
#   the sharper), instead of the peak, and torch differentiates everything behind it. A true gradient, of another
#   function.


# %%
def gradient_of_loss(switch):
    """dL/dB of the loss ||B_hat - target||^2 over what the maps show; None where nothing flows."""
    layer = LiftingLayer(prior, sigma=1.5, visible=visible, camera=known_camera, gradient=switch)
    B = torch.tensor(wrong[None], requires_grad=True)
    loss = ((layer(B).B_hat - target)[:, visible] ** 2).sum()
    return torch.autograd.grad(loss, B)[0] if loss.requires_grad else None


gradients = {switch: gradient_of_loss(switch) for switch in ("subgradient", "stopped", "soft-argmax")}
for switch, gradient in gradients.items():
    changed = "none at all" if gradient is None else int((gradient[0, ankle].abs() > 1e-3).sum())
    print(f"{switch:12} pixels of the ankle's map with a gradient above 0.001: {changed}")

# %%
of_ankle = {name: gradients[name][0, ankle].numpy() for name in ("subgradient", "soft-argmax")}
figures_07.gradients_of_one_map(wrong[ankle], maps[ankle], of_ankle)
plt.show()

# %% [markdown]
# *What to see:* purple wants more belief, orange less; the green cross is where the peak belongs. The sub-gradient
# fills a quadrant, whether or not the map has any belief there. Soft-argmax can only pull where there already is
# belief: its weights are those of the softmax, and a far pixel without belief gets next to none.
#
# ## What still reaches $b_t$, and $w_t$, when nothing flows through the lifting
#
# In the network the layer's maps are **fused** with those that it was given, with a weight that is learned, and the
# loss looks at the fused maps (notebook 08):
#
# $$f_t = w_t\, b_t + (1 - w_t)\, \hat b_t, \qquad c_t = \lVert f_t - b_*\rVert^2 ,$$
#
# with $b_*$ the target maps.
#
# So there are two ways from the loss to $b_t$: the direct one through $w_t b_t$, and the one through the lifting.

# %% [markdown] tags=["exercise"]
# ### Exercise 7.3: predict before you look (5 minutes)
# With `"stopped"`, $\hat b_t$ counts as a constant. Which of these still get a gradient from $c_t$: the maps $b_t$; the
# weight $w_t$; the map of a landmark whose $b_t$ and target agree, but that the lifting puts somewhere else? Answer
# with three booleans. And what is $dc_t/dw_t$ for one pixel with $b = 0.5$, $\hat b = 1$, $b_* = 1$, $w = 0.8$?

# %% tags=["exercise"]
# BEGIN SOLUTION
reaches_b, reaches_w, reaches_third, by_w = True, True, True, 2 * (0.6 - 1.0) * (0.5 - 1.0)
# END SOLUTION

# %% tags=["answer"]
answer("7.3", [reaches_b, reaches_w, reaches_third, by_w])


# %%
def lengths(switch):
    """How long the gradients of c_t are, on b_t and on w_t."""
    layer = LiftingLayer(prior, sigma=1.5, visible=visible, camera=known_camera, gradient=switch)
    B, w = torch.tensor(wrong[None], requires_grad=True), torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    fused = w * B + (1 - w) * layer(B).B_hat
    g_B, g_w = torch.autograd.grad(((fused - target)[:, visible] ** 2).sum(), (B, w))
    return float(g_B.norm()), float(g_w)


for switch in gradients:
    on_b, on_w = lengths(switch)
    print(f"{switch:12} |dc/db| = {on_b:5.2f}   dc/dw = {on_w:5.2f}")

# %% [markdown]
# Say it outright: with `"stopped"`
#
# - $b_t$ gets $2w_t(f_t - b_*)$, the direct gradient, in which the lifted maps appear as numbers: $b_t$ is asked to
#   make up for whatever the lifting adds, right or wrong;
# - $w_t$ gets $2\sum (f_t - b_*)(b_t - \hat b_t)$, exactly as with sub-gradients: the network learns how far to trust
#   the lifting, in any case (soft-argmax prints another number, as its $\hat b_t$ is another);
# - earlier stages get what later stages send back through $f_{t-1}$, again by the direct way.
#
# What is missing is one thing only: nobody asks *where* a peak must go so that the **other** landmarks are lifted
# better.
#
# ## Where plain autograd stands
#
# Behind $Y$ everything is smooth but for the choice of rotation and component, and torch can do it alone. Freeze the
# choice, and (8) by hand must equal what autograd finds, with the exact derivative in place of (9):


# %%
def by_hand(g, Y):
    lifted = lift(camera.flip_y(Y), prior, scale=None, visible=torch.tensor(visible), camera=known_camera)
    g_Y_hat = belief.pull_back_maps(g, camera.flip_y(lifted.Y_hat), 1.5, None)
    return back(landmark_jacobian(lifted, prior, centred=False).mT @ flat(g_Y_hat))


def by_autograd(g, Y):
    Y = Y.clone().requires_grad_()
    lifted = lift(camera.flip_y(Y), prior, scale=None, visible=torch.tensor(visible), camera=known_camera)
    B_hat = belief.belief_maps(camera.flip_y(lifted.Y_hat), height, width, 1.5)
    return torch.autograd.grad(B_hat, Y, g)[0]


g_maps = torch.tensor(np.random.default_rng(0).normal(size=wrong.shape))[None]
apart = (by_hand(g_maps, Y) - by_autograd(g_maps, Y)).abs().max() / by_autograd(g_maps, Y).abs().max()
print("dL/dY by hand and by autograd differ by less than 1e-12 of the largest:", bool(apart < 1e-12))
assert apart < 1e-12

# %% [markdown]
# So what *must* be written by hand is the step from $Y$ to $B$, which has no derivative, and (9), if it is to be the
# supplement's difference. (8) by hand saves time and memory: nothing of the search is recorded.
#
# ## A checker, and whom it refuses
#
# `gradient_check.check_products` compares $\langle v, A^\top g\rangle$ with $\langle Av, g\rangle$, and $Av$ with a
# central difference, for random $v$ and $g$, where $A$ is said to be a Jacobian. It needs the two products alone, and
# no matrix. We give it (9) and (8) together, from $Y$ to $\hat B$ with the winner held fixed. (One of the wrong
# candidates, "sigma inverted", multiplies by $\sigma_b^2$ where it should divide, and so is off by $\sigma_b^4$.)


# %%
H_image = landmark_jacobian(lifted, prior, centred=False)[0].numpy()
y, y_hat = (flat(points)[0, :, 0].numpy() for points in (Y, Y_hat))


def maps_of(points):
    """B_hat from landmarks (..., 34), y up, at the rotation and component that won."""
    projected = y_hat + (points - y) @ H_image.T
    Y_hat = camera.flip_y(projected.reshape(*points.shape[:-1], 2, 17))
    return belief.belief_maps(Y_hat, height, width, 1.5).reshape(*points.shape[:-1], -1)


slopes = belief.exact_belief_gradient(camera.flip_y(y_hat.reshape(2, 17)), height, width, 1.5)
slopes[:, 1] *= -1  # y up here, too
maps_by_points = np.einsum("pchw,pq->phwcq", slopes, np.eye(17)).reshape(-1, 34)

# %%
from lifting.checking import gradient_check

right = maps_by_points @ H_image
swapped = right.copy()
swapped[:, [3, 6]] = right[:, [6, 3]]
candidates = {"right": right, "times 1.001": 1.001 * right, "ankles swapped": swapped, "sigma inverted": 1.5**4 * right}


def verdict(A):
    try:
        gradient_check.check_products(maps_of, lambda v: A @ v, lambda g: A.T @ g, y, np.random.default_rng(0))
    except gradient_check.GradientError:
        return "refused"
    return "passed"


verdicts = {name: verdict(A) for name, A in candidates.items()}
print(verdicts)
assert [name for name, said in verdicts.items() if said == "passed"] == ["right"]

# %% [markdown]
# Nothing of the sort can be asked of "Updating B": there is no derivative to compare with. What can be asked: does a
# step of descent empty the peak, and does it fill the right quadrant?

# %% tags=["setup"]
from lifting.checking import mistaken_maps, mistaken_models, mistakes

unknown = mistakes.line_up(belief.belief_update_gradient, 10, 5)
checks = {"peak": mistaken_maps.check_descent_empties_the_peak, "quadrant": mistaken_maps.check_quadrant}

# %% [markdown] tags=["exercise"]
# ### Exercise 7.4: find the mistakes (10 minutes)
# For each of the three suspects return the list of names of the checks that it fails. A check is silent, or raises
# `mistaken_models.MistakeFound`.


# %% tags=["exercise"]
def failed(suspect):
    # BEGIN SOLUTION: names = ...
    names = []
    for name, check in checks.items():
        try:
            check(suspect)
        except mistaken_models.MistakeFound:
            names.append(name)
    # END SOLUTION
    return names


# %% tags=["answer"]
answer("7.4", [failed(suspect) for suspect in unknown.values()])

# %% [markdown]
# Each check finds one mistake and lets the other pass. Notebook 07b has the ledger: every gradient of the supplement by
# every independent route; and what bad maps do to the layer, and what it costs.
#
# ## The widget
#
# "x" and "y", or the mouse, move the map of the ankle; a click hides another landmark. Try: a loss whose peaks are too
# far apart to see each other ("sigma" small, "x" large); "k" at 0; few "rotations", where a small move turns the whole
# person; "delta" large, where (9) still points the right way. The green arrows are $D$, and the bars their lengths: one
# wrong landmark bothers all. The picture below is an ordinary one, for readers without a kernel.

# %%
from lifting.drawing.widgets.layer import LayerWidget

widget = LayerWidget()
widget.view()

# %%
lengths = {}
for sigma in (1.0, 2.0, 4.0):
    widget["sigma"] = sigma
    lengths[sigma] = float(np.hypot(*widget.way.D[:, ankle]))
widget["sigma"] = 1.5
before = widget.gradients["subgradient"]
widget["k"] = 2.0
twice = np.allclose(widget.gradients["subgradient"], 2 * before)
widget["k"] = 1.0
print({sigma: f"|D| of the ankle {length:.2f}" for sigma, length in lengths.items()})
print("twice the k, twice the gradient:", twice)
assert twice

# %% tags=["nbval-ignore-output"]
# not compared: last digits differ between machines
widget.recorded("x", "sigma", "delta", "k", "rotations")

# %% [markdown]
# ## Recap
#
# - The layer's forward pass is `peaks`, `lift`, `belief_maps`; its backward pass (9), (8), "Updating B", in that order.
# - What it returns for $B$ is minus the supplement's update. It is no derivative, and no finite difference can confirm
#   it; what lies behind the argmax is one, and every independent route confirms it.
# - "stopped" sends nothing back through the lifting. The direct gradient still reaches $b_t$, and $w_t$ learns as
#   before.
# - "soft-argmax" has the true gradient of another function.
#
# ## Recall
#
# Answer first, then unfold.
#
# 1. <details><summary>In which order do the equations stand in a backward pass?</summary>
#
#    (9), then (8), then "Updating B".
#
#    </details>
#
# 2. <details><summary>Why must "Updating B" return minus the update?</summary>
#
#    An optimiser subtracts what a backward pass returns.
#
#    </details>
#
# 3. <details><summary>What reaches b_t when the lifting's gradient is stopped?</summary>
#
#    The direct gradient of the fused maps, 2 w (f - target), in which the lifted maps are mere numbers.
#
#    </details>
#
# 4. <details><summary>And w_t?</summary>
#
#    The same as ever: the sum of 2 (f - target)(b - b_hat).
#
#    </details>
#
# 5. <details><summary>Why can a soft-argmax not pull a peak to a pixel without belief?</summary>
#
#    Its weights are those of the softmax. A pixel without belief has next to no weight, and gets next to no
#    gradient.
#
#    </details>
#
# 6. <details><summary>Which part of the layer can be checked against autograd, and at which price?</summary>
#
#    Everything from Y on, at the rotation and component that won. The choice itself is not differentiated.
#
#    </details>
#
# Next comes the network that this layer sits in, once in every stage.

# %%
progress()
