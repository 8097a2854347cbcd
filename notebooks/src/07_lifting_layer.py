# %% [markdown]
# # 07 The lifting layer
#
# **The question.** Rooms 01 to 06 have a function for every arrow of the way through, forwards and backwards. How do
# they become one layer that a network trains through?
#
# Afterwards you can write the `torch.autograd.Function` yourself, say what its "gradient" is and is not, compare it
# with a soft-argmax and with plain autograd, read the ledger of gradients, and know what the layer does with bad maps.
#
# Quotation marks hold the supplement's own words, and equation numbers are the supplement's.

# %% tags=["setup"]
import matplotlib.pyplot as plt
import numpy as np
import torch

from lifting import LiftingLayer, belief, camera, landmark_jacobian, lift, load_prior, skeleton
from lifting.datasets import real_frames
from lifting.drawing import answer, figures_07, plots

# %%
plots.draw_way_through(plt.figure(figsize=(9, 2.4)).add_subplot(), "lifting layer")
plt.show()

# %% [markdown]
# ## The order of things
#
# A photo's belief maps, as in room 06, with the map of the right ankle moved by 3 cells to the left and 2 down, so that
# a loss has something to say.

# %% tags=["setup"]
frame = real_frames.load_real_frames(["cam01_004"])[0]
maps, present = real_frames.belief_human36m(frame)
visible, C = present & frame.visible, frame.map_camera
prior, ankle = load_prior(), skeleton.HUMAN36M.index("right_ankle")
wrong = maps.copy()
wrong[ankle] = np.roll(wrong[ankle], (2, -3), axis=(0, 1))
B, (H, W) = torch.tensor(wrong[None]), wrong.shape[1:]
target = torch.tensor(belief.belief_maps(belief.peaks(maps), H, W, 1.5)[None])

# %% [markdown]
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


# %%
def forwards(B, sigma):
    Y = belief.peaks(B)
    lifted = lift(camera.flip_y(Y), prior, scale=None, visible=torch.tensor(visible), camera=C)
    Y_hat = camera.flip_y(lifted.Y_hat)
    return Y, lifted, Y_hat, belief.belief_maps(Y_hat, H, W, sigma)


# %%
layer = LiftingLayer(prior, sigma=1.5, visible=visible, camera=C)
out = layer(B)
Y, lifted, Y_hat, B_hat = forwards(B, 1.5)
assert torch.equal(out.landmarks, Y)
assert torch.allclose(out.Y_hat, Y_hat) and torch.allclose(out.B_hat, B_hat)
assert torch.allclose(out.pose / out.scale[:, None, None], lifted.pose / lifted.scale[:, None, None])
print({name: tuple(value.shape) for name, value in out._asdict().items()})

# %% [markdown]
# The layer gives fields with names. It knows a shortcut that `lift` does not take: $E$ and $\bar E^t$ depend on the
# prior and the rotation alone, so the layer looks them up instead of solving a system.
#
# ## Eq. (9), (8) and "Updating B", in one `Function`
#
# torch asks for two static methods. `forward` computes, and saves what `backward` will need. `backward` gets the
# gradient of the loss on every output and returns one for every input; here the only output is $\hat B$.
#
# What it returns for $B$ is **not a derivative** (room 06: the argmax has none). It is minus the update that the
# supplement asks for, so that an optimiser, which subtracts gradients, adds the update.

# %% [markdown] tags=["exercise"]
# ### Exercise 7.1: the backward pass
# Write the three lines. `H_image` (N, 34, 34) is (8) in image coordinates with $y$ up; $d\mathcal L/dY$ is its
# transpose times the unwrapped gradient, so flip before and after (`flat` and `back` do the wrapping and the flips).


# %% tags=["setup"]
def flat(Y):
    """(N, 2, L) with rows downwards to (N, 2L, 1) with y up."""
    return camera.flip_y(Y).flatten(1)[..., None]


def back(y):
    """And back."""
    return camera.flip_y(y[..., 0].unflatten(1, (2, -1)))


# %% tags=["exercise"]
def backwards(g_B_hat, Y, Y_hat, H_image, sigma=1.0, delta=1.0, k=1.0):
    height, width = g_B_hat.shape[-2:]
    # BEGIN SOLUTION
    g_Y_hat = belief.pull_back_maps(g_B_hat, Y_hat, sigma, delta)  # (9)
    g_Y = back(H_image.mT @ flat(g_Y_hat))  # (8)
    return belief.belief_update_gradient(Y, -g_Y, height, width, k, sigma)  # "Updating B"
    # END SOLUTION


# %% tags=["setup"]
G = torch.tensor(np.random.default_rng(0).normal(size=wrong.shape))[None]
one = LiftingLayer(prior, visible=visible, camera=C)
B_one = torch.tensor(wrong[None], requires_grad=True)
out_one = one(B_one)
out_one.B_hat.backward(G)
where = lift(camera.flip_y(out_one.landmarks.detach()), prior, scale=None, visible=torch.tensor(visible), camera=C)
H_image = landmark_jacobian(where, prior, centred=False)

# %% tags=["answer"]
answer(
    "7.1",
    backwards(G, out_one.landmarks.detach(), out_one.Y_hat.detach(), H_image),
    B_one.grad,
    hint="pull_back_maps(g_B_hat, Y_hat, sigma, delta); then H_image.mT @ flat(...); then D is minus dL/dY.",
)

# %% [markdown]
# And the whole `Function`:


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
        g_Y_hat = belief.pull_back_maps(g_B_hat, Y_hat, ctx.sigma)  # (9)
        g_Y = back(H_image.mT @ flat(g_Y_hat))  # (8)
        return belief.belief_update_gradient(Y, -g_Y, H, W, 1.0, ctx.sigma), None  # "Updating B"


# %%
def gradient_of_loss(layer_or_function, B=B):
    """dL/dB of the loss ||B_hat - target||^2 over what the maps show."""
    B = B.clone().requires_grad_()
    B_hat = layer_or_function(B)
    ((B_hat - target)[:, visible] ** 2).sum().backward()
    return B.grad


mine = gradient_of_loss(lambda B: MyLifting.apply(B, 1.5))
theirs = gradient_of_loss(lambda B: layer(B).B_hat)
assert torch.allclose(mine, theirs, atol=1e-12)
print("the same gradient for", mine.numel(), "pixels;", int((mine != 0).sum()), "of them are not zero")

# %% [markdown]
# The package's layer is this, and three things more: gradients may also arrive at `Y_hat`, `pose` and `scale`;
# autocast is switched off inside; and nothing in it looks at values, so that a GPU never waits.
#
# ## Three switches
#
# `gradient=` says what flows back into $B$:
#
# - `"subgradient"`: the above.
# - `"stopped"`: nothing. The supplement advises it for speed: the lifting counts forwards only.
# - `"soft-argmax"`: $Y$ is the mean of $\mathrm{softmax}(\beta B)$ instead of the peak, and torch differentiates
#   everything behind it. A true gradient, of another function.


# %%
def with_switch(switch):
    return LiftingLayer(prior, sigma=1.5, visible=visible, camera=C, gradient=switch)


soft = gradient_of_loss(lambda B: with_switch("soft-argmax")(B).B_hat)
nothing = with_switch("stopped")(B.clone().requires_grad_()).B_hat
assert not nothing.requires_grad
print("soft-argmax:", int((soft[0, ankle].abs() > 1e-6).sum()), "pixels of the ankle's map move by more than 1e-6")

# %%
gradients = {"subgradient": theirs, "soft-argmax": soft}
of_ankle = {name: gradient[0, ankle].numpy() for name, gradient in gradients.items()}
figures_07.gradients_of_one_map(wrong[ankle], maps[ankle], of_ankle)
plt.show()

# %% [markdown]
# Purple wants more belief, orange less; the green cross is where the peak belongs. The sub-gradient fills a quadrant,
# whether or not the map has any belief there. Soft-argmax can only pull where there already is belief: its weights are
# those of the softmax, and a far pixel without belief gets next to none.
#
# Do the two agree on the direction? Pull the mean of the wanted change towards the cross:

# %%
rows, columns = np.mgrid[:H, :W]
wanted = belief.peaks(maps)[:, ankle] - belief.peaks(wrong)[:, ankle]
x, y = belief.peaks(wrong)[:, ankle]
for name, gradient in of_ankle.items():
    push = np.array([(-gradient * (columns - x)).sum(), (-gradient * (rows - y)).sum()])
    cosine = push @ wanted / np.linalg.norm(push) / np.linalg.norm(wanted)
    print(f"{name:12} cosine with the way to the cross: {cosine:.2f}")
    assert cosine > 0

# %% [markdown]
# ### Where plain autograd stands
#
# Behind $Y$ everything is smooth but for the choice of rotation and component, and torch can do it alone: that is what
# `"soft-argmax"` does there. Freeze the choice, and (8) by hand must equal what autograd finds. The same forward
# pass, `lift` and the Gaussians, differentiated by torch, with the exact derivative in the place of (9):


# %%
def by_hand(g, Y):
    lifted = lift(camera.flip_y(Y), prior, scale=None, visible=torch.tensor(visible), camera=C)
    g_Y_hat = belief.pull_back_maps(g, camera.flip_y(lifted.Y_hat), 1.5, None)
    return back(landmark_jacobian(lifted, prior, centred=False).mT @ flat(g_Y_hat))


def by_autograd(g, Y):
    Y = Y.clone().requires_grad_()
    Y_hat = camera.flip_y(lift(camera.flip_y(Y), prior, scale=None, visible=torch.tensor(visible), camera=C).Y_hat)
    return torch.autograd.grad(belief.belief_maps(Y_hat, H, W, 1.5), Y, g)[0]


assert torch.allclose(by_hand(G, Y), by_autograd(G, Y), atol=1e-10)
print("by hand and by autograd: the same dL/dY")

# %% [markdown] tags=["exercise"]
# ### Exercise 7.2: a landmark without a gradient
# The update's size is $k\,\lVert D_p\rVert$. Which landmarks' maps get **no** gradient at all from the loss above?
# Return their indices, sorted, from `theirs` (1, 17, H, W).

# %% tags=["setup"]
layer_72 = LiftingLayer(prior, sigma=1.5, visible=visible, camera=C)
B_72 = torch.tensor(wrong[None], requires_grad=True)
((layer_72(B_72).B_hat - target)[:, visible] ** 2).sum().backward()


# %% tags=["exercise"]
def without_gradient(gradient):
    # BEGIN SOLUTION
    return [p for p in range(17) if not gradient[0, p].any()]
    # END SOLUTION


# %% tags=["answer"]
answer(
    "7.2",
    without_gradient(B_72.grad),
    [p for p in range(17) if not visible[p]],
    hint="A map whose gradient is zero at every pixel: not gradient[0, p].any().",
)

# %% [markdown]
# Exactly those that have no map: nothing is read there, so nothing is asked for. A pelvis that is not seen still bends
# the pose that others must match; its own map is left alone.
#
# ## The checker, and who it refuses
#
# `check_products` compares $\langle v, J^\top g\rangle$ with $\langle Jv, g\rangle$, and $Jv$ with a central
# difference. It needs no matrix. Here for (9) and (8) together, from $Y$ to $\hat B$ with the winner held fixed. The
# gradient by hand passes. Then it is made wrong, a little and in four ways.


# %%
E = landmark_jacobian(where, prior, centred=False)[0].numpy()
y = flat(out_one.landmarks.detach())[0, :, 0].numpy()
y_hat = flat(out_one.Y_hat.detach())[0, :, 0].numpy()


def maps_of(points):
    """B_hat from landmarks (..., 34), y up, at the rotation and component that won."""
    projected = y_hat + (points - y) @ E.T
    Y_hat = camera.flip_y(projected.reshape(*points.shape[:-1], 2, 17))
    return belief.belief_maps(Y_hat, H, W, 1.5).reshape(*points.shape[:-1], -1)


slopes = belief.exact_belief_gradient(camera.flip_y(y_hat.reshape(2, 17)), H, W, 1.5)
slopes[:, 1] *= -1  # y up here, too
J_maps = np.einsum("pchw,pq->phwcq", slopes, np.eye(17)).reshape(-1, 34)
J = J_maps @ E

# %%
swapped = J.copy()
swapped[:, [3, 6]] = J[:, [6, 3]]
suspects = {
    "right": J,
    "times 1.001": 1.001 * J,
    "(8) transposed": J_maps @ E.T,
    "ankles swapped": swapped,
    "sigma inverted": 1.5**4 * J,
}


# %%
from lifting.checking import gradient_check


def verdict(J):
    try:
        gradient_check.check_products(maps_of, lambda v: J @ v, lambda g: J.T @ g, y, np.random.default_rng(0))
    except gradient_check.GradientError:
        return "refused"
    return "passed"


verdicts = {name: verdict(J) for name, J in suspects.items()}
print(verdicts)
assert [name for name, said in verdicts.items() if said == "passed"] == ["right"]

# %% [markdown]
# ## The museum's last room
#
# Nothing of the sort can be asked of "Updating B": there is no derivative to compare with. What can be asked: does a
# step of descent empty the peak, and does it fill the right quadrant? Each check finds one mistake and lets the other
# pass.

# %% tags=["setup"]
from lifting.checking import mistaken_maps, mistaken_models, mistakes

unknown = {"a": belief.belief_update_gradient, "b": mistakes.mystery(5), "c": mistakes.mystery(10)}
checks = {"peak": mistaken_maps.check_descent_empties_the_peak, "quadrant": mistaken_maps.check_quadrant}

# %% [markdown] tags=["exercise"]
# ### Exercise 7.3: who is caught by what
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
answer(
    "7.3",
    [failed(suspect) for suspect in unknown.values()],
    lambda found: [list(names) for names in found] == [[], ["peak"], ["quadrant"]],
    hint="try: check(suspect), and in except mistaken_models.MistakeFound: append the name.",
)

# %% [markdown]
# ## The ledger of gradients
#
# Every gradient of the supplement, by every independent route: `python -m lifting.checking.ledger` makes it, and the
# tests make it again. The largest relative error of each, in float64, NumPy's or torch's:

# %%
import json

from IPython.display import Markdown

from lifting.support import files

ledger = json.loads(files.data_path("gradient_ledger.json").read_text())
rows_of = {}
for entry in ledger["entries"]:
    rows_of.setdefault(entry["gradient"], {})[entry["route"]] = max(entry["error"].values())
    assert all(entry["error"][kind] <= entry["bound"][kind] for kind in entry["error"])
routes = list(ledger["routes"])
lines = ["| gradient | " + " | ".join(routes) + " |", "|---" * (len(routes) + 1) + "|"]
for name, errors in rows_of.items():
    cells = [f"{errors[route]:.0e}" if route in errors else "-" for route in routes]
    lines.append("| " + " | ".join([name.replace("|", "\\|"), *cells]) + " |")
Markdown("\n".join(lines))

# %% [markdown]
# Two rows are far from zero, and should be: (9) with its step of one pixel **is** not the derivative (room 05), and
# with a thousandth of a pixel it nearly is. Most routes have the model written out a second time and share nothing but
# the question with the code that they check. Differences and products are taken of the package's own forward functions:
# they find a wrong derivative, but not a wrong model. One entry we make afresh:

# %%
fresh = (by_hand(G, Y) - by_autograd(G, Y)).abs().max() / by_autograd(G, Y).abs().max()
print("dL/dY, exact derivative then (8), against autograd: below 1e-12 is", bool(fresh < 1e-12))
print(len(ledger["entries"]), "comparisons,", len(ledger["wrong gradients"]), "wrong gradients refused")

# %% [markdown]
# ## What bad maps do


# %%
def summary(B, **settings):
    B = B.clone().requires_grad_()
    out = LiftingLayer(prior, **settings)(B)
    out.B_hat.float().square().sum().backward()
    return bool(out.admissible[0]), bool(torch.isfinite(B.grad).all()), out.B_hat.dtype


people = torch.zeros(1, 17, 32, 32)
people[0, range(17), *np.random.default_rng(1).integers(4, 28, (2, 17))] = 1
upright = torch.tensor(belief.belief_maps(belief.peaks(maps)[None] / 2, 32, 32), dtype=torch.float32)
cases = {
    "all zero": torch.zeros(1, 17, 32, 32), "constant": torch.full((1, 17, 32, 32), 0.3),
    "one pixel large": torch.ones(1, 17, 1, 1), "random peaks": people, "float16": upright.half(),
    "two equal peaks": torch.maximum(upright, upright.roll(3, -1)),
}  # fmt: skip
for name, B_case in cases.items():
    fits, finite, dtype = summary(B_case)
    print(f"{name:16} a pose was found: {fits!s:5}  gradient finite: {finite}  {str(dtype).removeprefix('torch.')}")
    assert finite

# %% [markdown]
# Where all peaks are one pixel there is no person to lift: the frame passes through, its landmarks and its gradient
# unchanged, and `admissible` says so. Of equal peaks the first counts, row by row. A NaN stays in its landmark and
# leaves the other frames of the batch alone.

# %%
ill = upright.repeat(2, 1, 1, 1)
ill[0, 5, 0, 0] = np.nan
out = LiftingLayer(prior)(ill)
print("NaN in landmark", torch.isnan(out.landmarks[0, 0]).nonzero().flatten().tolist(), " frames that fit:",
      out.admissible.tolist())  # fmt: skip
assert torch.allclose(out.Y_hat[1], LiftingLayer(prior)(upright).Y_hat[0], atol=1e-3)

# %% [markdown]
# ## Any device, any precision
#
# The layer moves with its input. Under autocast it stays in float32 inside: the search decides between rotations whose
# costs are nearly equal. A tensor on `device="meta"` has a shape and no values; whatever passes there can't have looked
# at a value, so on a GPU nothing waits.

# %%
meta = LiftingLayer(prior)(torch.empty(16, 17, 46, 46, device="meta", requires_grad=True))
meta.B_hat.sum().backward()
with torch.autocast("cpu", dtype=torch.bfloat16):
    inside = LiftingLayer(prior)(upright)
assert torch.equal(inside.Y_hat, LiftingLayer(prior)(upright).Y_hat)
print("meta:", tuple(meta.B_hat.shape), " under autocast Y_hat is", inside.Y_hat.dtype)

# %% [markdown]
# ## What it costs
#
# The supplement leaves its gradients out of training, for "computational reasons" as we read it, in Python. Count what
# a backward pass does for one image of 17 maps: (9) is 2 products of a map with a profile, (8) two products with a
# matrix of 34 columns, and "Updating B" one pass over the maps.

# %%
pixels, J_bases = 17 * 46 * 46, prior.J
work = {"(9)": 2 * pixels, "(8)": 2 * 34 * (J_bases + 1), "Updating B": 4 * pixels}
stage = 46 * 46 * (50 * 128 * 49 + 4 * 128 * 128 * 49 + 128 * 128 + 128 * 18)
print({name: f"{count:,}" for name, count in work.items()})
print(f"one 7 x 7 x 128 stage, forwards: {stage:,} products, {stage // sum(work.values()):,} times as many")

# %% [markdown]
# Operations are not seconds. Measured, on the machine that `benchmarks/layer.md` names, for 16 images of 17 maps:

# %% tags=["nbval-ignore-output"]
from pathlib import Path

# Not compared: who runs the benchmark again gets other figures.
measured = json.loads((Path(belief.__file__).parents[1] / "benchmarks" / "layer.json").read_text())
print(f"one training step of one 7 x 7 x 128 stage: {1000 * measured['stage']['seconds']:.0f} ms")
most = max(row["components"] for row in measured["ways"])
for row in measured["ways"]:
    if row["components"] == most:
        print(f"{1000 * row['seconds']:6.1f} ms, {row['share']:.1%} of it: {row['way']}")
assert all(row["share"] < 0.1 for row in measured["ways"] if row["way"].startswith("the layer"))

# %% [markdown]
# With the gradients the layer costs a fraction of a percent of a stage, and far less than Python's loops. Beside a
# stage on a CPU not even those are much; beside one on a GPU, which we have not measured, they weigh more. On this
# machine the reason for leaving the gradients out is gone. Whether they **help** is another question: notebook 10.
#
# ## The widget
#
# "x" and "y", or the mouse, move the map of the ankle; a click hides another landmark.
# Try: a loss whose peaks are too far apart to see each other ("sigma" small,
# "x" large); "k" at 0; few "rotations", where a small move turns the whole person; "delta" large, where (9) still
# points the right way. The green arrows are $D$, and the bars their lengths: one wrong landmark bothers all. The
# picture below is an ordinary one, for readers without a kernel.

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
assert np.allclose(widget.gradients["subgradient"], 2 * before)
widget["k"] = 1.0
print({sigma: f"|D| of the ankle {length:.2f}" for sigma, length in lengths.items()})

# %% tags=["nbval-ignore-output"]
# not compared: last digits differ between machines
widget.recorded("x", "sigma", "delta", "k", "rotations")

# %% [markdown]
# ## Recap
#
# - The layer's forward pass is `peaks`, `lift`, `belief_maps`; its backward pass (9), (8), "Updating B", in that order.
# - What it returns for $B$ is minus the supplement's update. It is no derivative, and no finite difference can confirm
#   it; what lies behind the argmax is one, and eight routes do.
# - "stopped" sends nothing back, "soft-argmax" the true gradient of another function; all three go forwards in the same
#   way but for where $Y$ is read.
# - A frame that can't be lifted passes through. Nothing waits for the device.
#
# Next comes the network that this layer sits in, once in every stage.
