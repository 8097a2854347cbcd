# %% [markdown]
# # 08 The network
#
# **The question.** A lifting layer needs belief maps. What makes them, how does the lifted pose come back into the
# next stage, and why is there a loss at every stage?
#
# Afterwards you can draw the multi-stage network, write one of its stages, its fusion and its objective, say what it
# costs and where its gradients would vanish, and read the belief maps of a trained one, on pictures that it has never
# seen.
#
# > **Takes** 35 minutes, exercises included. **Needs** [07](07_lifting_layer.ipynb), and convolutions.
# > **On the way:** core, 9 of 11.
# >
# > **Symbols** (all of them: [notation](../docs/notation.md))
# > - $\Phi$: features of the image
# > - $b_t$, $f_t$: [belief maps of stage $t$; its fused maps $F$](../docs/notation.md#maps)
# > - $\hat b_t$: [maps of the pose lifted from $b_t$](../docs/notation.md#maps)
# > - $w_t$: [weight of $b_t$ in $f_t$, learned](../docs/notation.md#maps)
# > - $b_*$: target maps
# > - $c_t$: loss of stage $t$
#
# What the main paper says of the network is from memory here, unless a sentence says otherwise; the training code, the
# fusion and the projection layers were never released. So this network is ours, built after the paper.

# %% tags=["setup"]
import matplotlib.pyplot as plt
import numpy as np
import torch

from lifting import belief, build_network, camera, lift, load_network, load_prior, network, skeleton, training
from lifting.datasets import real_frames, rendered
from lifting.drawing import answer, figures_08, hint, plots, progress

# %%
plots.draw_way_through(plt.figure(figsize=(9, 2.4)).add_subplot(), "network")
plt.show()

# %% [markdown]
# *What to see:* the arrows around $B$ and $F$. The network makes the maps, and takes the fused ones into its next
# stage.
#
# ## Stages
#
# After *Convolutional Pose Machines*: a trunk of convolutions turns the image into features $\Phi$ and a first set of
# belief maps: 17 landmarks and the background. Every later stage sees the features and the maps of the stage before,
# and makes new ones. Between two stages sits what this paper adds: lift, project, fuse.
#
# $$b_t = \mathrm{stage}_t(\Phi, f_{t-1}), \qquad \hat b_t = \text{lift and project } b_t, \qquad
#   f_t = w_t\, b_t + (1 - w_t)\, \hat b_t$$

# %%
figures_08.network()
plt.show()

# %% [markdown]
# *What to see:* blue boxes are learned, the yellow ones are notebook 07's layer, the circles fuse, by weights that are
# learned, too. Every stage is compared with the same targets, and each loss sends its gradient back to its own stage
# (dashed), and on to those before it.
#
# One class, three configurations. "paper" has the layers of Convolutional Pose Machines. "laptop" is ours: smaller
# pictures, finer maps, three stages, and a branch that looks at the whole picture, because which side of a person is
# left can't be seen at the elbow. "small" is the same with fewer channels and two stages, for experiments.

# %%
for name, c in network.CONFIGURATIONS.items():
    side = c.image // c.stride
    print(f"{name}: {c.image} px, maps {side} x {side}, {c.stages} stages, kernels {c.kernels}, {c.width} channels")

# %% tags=["setup"]
torch.manual_seed(0)
fresh = build_network("laptop")
people = rendered.load_rendered("test")
images = torch.from_numpy(people.images[:4]).float() / 255

# %% tags=["setup"]
with torch.no_grad():
    out = fresh(images)
for t, stage in enumerate(out, start=1):
    print(f"stage {t}:", {name: tuple(maps.shape) for name, maps in stage._asdict().items()})
print("landmarks", tuple(out.landmarks.shape), " pose", tuple(out.pose.shape))

# %% [markdown]
# ### One stage, in fifteen lines
#
# A later stage of "laptop": three 3 x 3 convolutions whose taps lie 1, 2 and 4 cells apart (*dilation*), and two 1 x 1
# ones. After each but the last comes a **group norm**: the 64 channels are split into groups of 16, and each group is
# shifted and scaled to mean 0 and variance 1 within its own image; then each channel gets a factor and an offset that
# are learned. Unlike a batch norm it doesn't look at the other images of the batch. Then ReLU, $\max(0, x)$.

# %%
from torch import nn


def block(inputs, kernel, dilation):
    conv = nn.Conv2d(inputs, 64, kernel, padding=dilation * (kernel // 2), dilation=dilation, bias=False)
    return [conv, nn.GroupNorm(64 // 16, 64), nn.ReLU()]


my_stage = nn.Sequential(
    *block(64 + 18, 3, dilation=1),  # 64 features and the 18 maps of the stage before
    *block(64, 3, dilation=2),
    *block(64, 3, dilation=4),
    *block(64, 1, dilation=1),
    nn.Conv2d(64, 18, 1),  # 18 new maps
)

# %%
my_stage.load_state_dict(fresh.stages[0].state_dict())
with torch.no_grad():
    first_maps, features = fresh.trunk(images - 0.5)
    mine = my_stage(torch.cat([features, out[0].fused], dim=1))
print("the same maps as the package's second stage:", torch.allclose(mine, out[1].belief, atol=1e-5))
assert torch.allclose(mine, out[1].belief, atol=1e-5)

# %% [markdown] tags=["exercise"]
# ### Exercise 8.1: by hand (5 minutes)
# How many cells wide is the square of $f_{t-1}$ that one cell of $b_t$ depends on (the *receptive field*)? A 3 x 3
# convolution with dilation $d$ looks $d$ cells to each side. And how many weights does the first convolution of the
# stage have?

# %% tags=["exercise"]
# BEGIN SOLUTION
field, weights = 1 + 2 * (1 + 2 + 4), 82 * 64 * 3 * 3
# END SOLUTION

# %% tags=["answer"]
answer("8.1", [field, weights])

# %% [markdown]
# (In truth a group norm makes every cell depend a little on the whole map, by its mean and its variance.)
#
# ## Fusion
#
# $w_t$ must stay in $[0, 1]$, whatever an optimiser does: it is the logistic function of a free number. The
# background has no lifted counterpart, so $\hat b_t$ has 17 maps and the 18th is passed on. With `lifting="forward"`
# the lifted maps are constants to the gradient; notebook 07 says what then still reaches $b_t$ and $w_t$.

# %% [markdown] tags=["exercise"]
# ### Exercise 8.2: fill in the fusion (5 minutes)
# `belief` (N, 18, rows, columns), `projected` (N, 17, rows, columns), and `free`, the free number. Return the fused
# maps, of the shape of `belief`.


# %% tags=["exercise"]
def fuse(belief, projected, free):
    # BEGIN SOLUTION
    w = torch.sigmoid(free)
    fused = w * belief[:, :17] + (1 - w) * projected
    return torch.cat([fused, belief[:, 17:]], dim=1)
    # END SOLUTION


# %% tags=["answer"]
answer("8.2", fuse)

# %% [markdown]
# ## The objective
#
# A loss at every stage: the squared distance of the fused maps from Gaussians at the true landmarks, and for the
# background 1 minus the greatest of them. The supplement calls it equation (8) of the main paper (not its own (8)).
# It looks at $f_t$, not at $b_t$: from $b_t$ a stage's own loss would teach neither $w_t$ nor the lifting anything.
#
# $$c_t = \sum_{p=1}^{L+1} \sum_z \big(f_t^p(z) - b_*^p(z)\big)^2, \qquad c = \sum_t c_t$$

# %% tags=["setup"]
landmarks = torch.from_numpy(people.landmarks[:4])
wanted = network.target_maps(landmarks, 32, 32, stride=4)

# %%
_, axes = plt.subplots(1, 3, figsize=(10, 3.3))
axes[0].imshow(people.images[0].transpose(1, 2, 0))
axes[0].plot(*people.landmarks[0], ".", color="#F0E442")
axes[0].set(title="a rendered person", xlabel="column (pixels)", ylabel="row (pixels)")
for ax, p, name in ((axes[1], skeleton.HUMAN36M.index("left_wrist"), "left wrist"), (axes[2], 17, "background")):
    ax.imshow(wanted[0, p], cmap=plots.BELIEF_COLOURS, vmin=0, vmax=1)
    ax.set(title=f"its target map: {name}", xlabel="column (cells)", ylabel="row (cells)")
plt.tight_layout()
plt.show()

# %% [markdown]
# *What to see:* the target of a wrist is one Gaussian; that of the background is 1 minus the greatest of all.

# %% [markdown] tags=["exercise"]
# ### Exercise 8.3: the objective (5 minutes)
# `fused` holds the fused maps of all stages, (stages, N, 18, 32, 32); `wanted` the target maps, (N, 18, 32, 32). Return
# $c$, as the mean over the N pictures.

# %% tags=["setup"]
with torch.no_grad():
    stages = fresh(images)
fused = torch.stack([stage.fused for stage in stages])


# %% tags=["exercise"]
def cost_of(fused, wanted):
    # BEGIN SOLUTION
    return ((fused - wanted) ** 2).sum((2, 3, 4)).mean(1).sum()
    # END SOLUTION


# %% tags=["answer"]
answer("8.3", cost_of)

# %% [markdown]
# ## What it costs
#
# Counted on `device="meta"`, where a tensor has a shape and no values, so that nothing is computed
# (`lifting/training/complexity.py`). An operation is one multiplication or one addition.

# %%
from IPython.display import Markdown

from lifting.training import complexity

Markdown(complexity.table())

# %%
Markdown(complexity.parts())

# %% [markdown]
# The lifting takes less than a thousandth of the laptop network's operations, and a still smaller share of the paper's.
# (Operations are not seconds: `benchmarks/network.md` has those.)
#
# ## Why a loss at every stage
#
# The paper's configuration has 46 convolutions. With a loss at the end only, what reaches the first ones? Below is the
# length of the gradient of each convolution's weights, over the length of the weights, before the first step of
# training: five seeds, by `lifting/experiments/vanishing.py`.

# %%
from lifting.experiments import claims, vanishing

curves = claims.load("vanishing")["relative_gradients"]
_, axes = plt.subplots(1, 3, figsize=(12, 3.4))
for ax, name in zip(axes, vanishing.NETWORKS, strict=True):
    for where, colour in (("every stage", "#0072B2"), ("last stage", "#D55E00")):
        ax.semilogy(curves[f"{name}, {where}"], ".-", color=colour, label=f"loss at {where}")
    ax.set(title=name, xlabel="convolution, from first to last", ylabel="|gradient| / |weights|")
axes[1].legend(loc="lower right")
plt.tight_layout()
plt.show()

# %% [markdown]
# *What to see:* blue, with a loss at every stage; orange, with one at the end only. Read from right to left, orange
# falls off a cliff in the middle picture.
#
# - **paper**, with torch's own first weights: without the losses on the way, what reaches the first layers is smaller
#   by some 16 powers of ten. It is still computed exactly (float32 and float64 agree to six digits), and useless all
#   the same: a step along it leaves the first layers where they are. (The hump, convolutions 7 to 10, is the branch of
#   features that every stage sees, in this network one of its own: its way to the last loss is short.)
# - **paper, He**: first weights of variance 2 / (inputs of a neuron), proposed by Kaiming He and others (2015): a
#   ReLU throws away half of a signal's power, and the 2 makes up for it, so that a signal keeps its size from layer
#   to layer. They help, but a factor of several hundred remains (over and above that of adding six losses).
# - **laptop**: group norm and three stages. Up to convolution 15 blue is three times as high as orange; is that a
#   gradient that would vanish? Three losses are *added*. Each one alone, on the first convolution and on the last of
#   the trunk:

# %%
first, last = fresh.trunk.at_2[0].weight, fresh.trunk.belief[-1].weight
height, width = wanted.shape[-2:]
prediction = fresh(images)
alone = []
for t, stage in enumerate(prediction, start=1):
    loss = ((stage.fused - wanted) ** 2).sum((1, 2, 3)).mean()
    lengths = [float(g.norm()) for g in torch.autograd.grad(loss, (first, last), retain_graph=True)]
    alone.append(lengths[0])
    print(f"loss of stage {t} alone: {lengths[0]:6.0f} on the first convolution, {lengths[1]:6.0f} on the trunk's last")
together = torch.autograd.grad(training.objective(prediction, landmarks)[0], first)[0].norm()
print(f"all together: {together:.0f}")
assert max(alone) < 4 * min(alone) and together > 2 * alone[-1]

# %% [markdown]
# Each loss alone reaches the first layer with a strength of the same order, the last stage's with about two fifths of
# the first one's: every stage sees the features, and by them its way to the first layer is short. Nothing vanishes
# there; three such gradients, added, are larger than one (and less than their lengths together, as they are
# not parallel). The trunk's last convolution makes the maps of stage 1 alone.
# A later loss reaches it only through the maps of the stages between, and there it does get weaker, stage by stage. So
# the claim holds where the network is deep, most of all where its first weights are bad; on the first layers of the
# laptop network it has nothing to say. Notebook 10 has the intervals, with the factor 3 of the sum taken off.

# %% [markdown]
# ## A trained network
#
# `load_network()` loads the shipped weights: the laptop network, trained on rendered people (`data/network.md` says
# how, and how well). Here are its belief maps of a test picture, whose body and recording it has never seen. Its stages
# disagree: the first takes the left hand for the right one.

# %% tags=["setup"]
trained = load_network()
shown = 335
with torch.no_grad():
    seen = trained(torch.from_numpy(people.images[shown : shown + 1]).float() / 255)

# %%
p = skeleton.HUMAN36M.index("right_wrist")
figures_08.stages(people.images[shown], seen, p, people.landmarks[shown][:, [p]])
plt.show()
hands = people.landmarks[shown][:, [p, skeleton.HUMAN36M.swap[p]]] / 4
found = [belief.peaks(stage.fused)[0, :, p : p + 1].numpy() for stage in (seen[0], seen[-1])]
taken = [("right", "left")[np.linalg.norm(wrist - hands, axis=0).argmin()] for wrist in found]
print("the hand at the peak: in stage 1 the", taken[0], "one, in stage 3 the", taken[1], "one")
assert taken == ["left", "right"]

# %% [markdown]
# *What to see:* the maps of the right wrist; the blue cross is the truth. `fused` carries two things: what the
# convolutions believe, and a round Gaussian where the lifted pose puts the wrist. How much of each, the network has
# learned:

# %% tags=["nbval-ignore-output"]
# Not compared: the shipped weights, and so these figures, change when the network is trained again.
print("w_t:", [f"{w:.2f}" for w in torch.sigmoid(trained.fusion).tolist()])

# %% [markdown]
# ### Sharper, stage by stage
#
# Over the test pictures: how high the peak of a map is, how much of the map's belief lies within three cells of the
# peak, how far the peak is from the truth, and the **PCK**, the percentage of correct keypoints: the share of
# landmarks that are within a fifth of the torso's length (between the shoulders to between the hips; "PCK@0.2 torso")
# of the truth. With "sides not counted", a landmark may lie where its left or right counterpart is.

# %% [markdown] tags=["exercise"]
# ### Exercise 8.4: PCK by hand (5 minutes)
# A person's torso measures 40 px in a picture. Five landmarks are off by 2, 7, 9, 12 and 30 px; the one that is 30 px
# off lies 3 px from its counterpart on the other side. What are PCK@0.2 torso, and PCK with sides not counted?

# %% tags=["exercise"]
# BEGIN SOLUTION
pck, pck_agnostic = 2 / 5, 3 / 5
# END SOLUTION

# %% tags=["answer"]
answer("8.4", [pck, pck_agnostic])

# %% [markdown]
# Now over the test pictures, stage by stage:


# %% tags=["setup"]
from lifting.training import evaluation


def sharpness(maps):
    """Mean height of the peaks, and the mean share of belief within 3 cells of them."""
    maps = maps[:, :17].clamp(min=0)
    rows, columns = torch.meshgrid(torch.arange(32), torch.arange(32), indexing="ij")
    x, y = belief.peaks(maps).unbind(1)
    near = (columns - x[..., None, None]) ** 2 + (rows - y[..., None, None]) ** 2 <= 9
    share = (maps * near).sum((2, 3)) / maps.sum((2, 3)).clamp(min=1e-6)
    return float(maps.amax((2, 3)).mean()), float(share.mean())


some = torch.from_numpy(people.images[:100]).float() / 255
with torch.no_grad():
    by_stage = [sharpness(stage.belief) for stage in trained(some)]
found = evaluation.read(trained, people.images)
errors = [evaluation.in_the_image(Y, people.landmarks, people.inside) for Y in found.landmarks]

# %% tags=["nbval-ignore-output"]
# Not compared: see above.
for t, ((height, share), error) in enumerate(zip(by_stage, errors, strict=True), start=1):
    print(f"stage {t}: height {height:.2f}, near the peak {share:.0%}; median error {error['median px']:.2f} px, "
          f"PCK@0.2 torso {error['pck']:.1%}, sides not counted {error['pck agnostic']:.1%}")  # fmt: skip

# %%
heights, shares = zip(*by_stage, strict=True)
print("higher peaks:", heights[-1] > heights[0], " more of the belief near them:", shares[-1] > shares[0])
assert heights[-1] > heights[0] and shares[-1] > shares[0]
assert errors[-1]["median px"] < errors[0]["median px"] and errors[-1]["pck"] > errors[0]["pck"]

# %% [markdown]
# ### The pose at each stage
#
# Every stage's maps can be lifted. The same person, lifted from each stage's fused maps, seen from beside the camera.
# (`data/network.md` has all errors.)

# %% tags=["setup"]
prior = load_prior()
truth = people.pose[shown] - people.pose[shown].mean(1, keepdims=True)


def lifted_from(fused):
    """The pose (3, 17), in metres and about its middle, of one picture's fused maps."""
    Y = belief.peaks(fused[None, :17].double(), subpixel=True)[0].numpy()
    result = lift(camera.flip_y(Y), prior, scale=None)
    pose = result.pose / result.scale
    return pose - pose.mean(1, keepdims=True)


# %%
fig, axes = plt.subplots(1, 3, figsize=(9, 5.2), sharex=True, sharey=True, layout="constrained")
for t, (ax, stage) in enumerate(zip(axes, seen, strict=True)):
    pose = lifted_from(stage.fused[0])
    side = {"colour": "grey", "linestyle": "--", "label": "truth", "legend": False}
    plots.draw_pose_2d(ax, camera.project(truth, -np.radians(35)), **side)
    plots.draw_pose_2d(ax, camera.project(pose, -np.radians(35)), legend=False)
    ax.set_title(f"stage {t + 1}: {1000 * np.linalg.norm(pose - truth, axis=0).mean():.0f} mm off")
    ax.set(xlabel="sideways, from 35 degrees\nround the person (m)", ylabel="y, up (m)")
    ax.label_outer()
fig.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=3)
plt.show()
assert 1000 * np.linalg.norm(lifted_from(seen[2].fused[0]) - truth, axis=0).mean() < 250

# %% [markdown]
# *What to see:* grey and dashed, the truth. In stage 1 the wrong hand drags the right arm down; from stage 2 on the arm
# is raised, and the error is nearly halved. The legs stay too close to one another.
#
# ## Real photos
#
# The network has never seen a photo. These eight show one man in a laboratory; the truth is triangulated from what
# other networks saw in four views (`data/real_frames.md`).

# %% tags=["setup"]
frames = real_frames.load_real_frames()
crops, into = zip(*(evaluation.square(frame) for frame in frames), strict=True)
photos = evaluation.read(trained, np.stack(crops))

# %%
_, axes = plt.subplots(2, 4, figsize=(11, 6))
for ax, crop, Y, frame in zip(axes.flat, crops, photos.landmarks[-1], frames, strict=True):
    plots.draw_landmarks_on_photo(ax, crop.transpose(1, 2, 0), Y, legend=frame is frames[4])
    ax.set(title=frame.name, xlim=(-0.5, 127.5), ylim=(127.5, -0.5))
axes[1, 0].get_legend().set_bbox_to_anchor((0.5, -0.28), axes[1, 0].transAxes)
plt.tight_layout()
plt.show()

# %% [markdown]
# *What to see:* the limbs are found, though sides get exchanged (most of all in cam02_038).

# %% tags=["nbval-ignore-output"]
# Not compared: see above.
truths = np.stack([real_frames.transform(A, frame.pseudo_pixels.T).T for A, frame in zip(into, frames, strict=True)])
known = np.zeros((8, 17), dtype=bool)
known[:, evaluation.LIMBS] = np.stack([frame.pseudo_visible for frame in frames])[:, evaluation.LIMBS]
real = evaluation.in_the_image(photos.landmarks[-1], truths, known)
print(
    f"12 landmarks of the limbs: PCK@0.2 torso {real['pck']:.0%} with sides named, {real['pck agnostic']:.0%} without"
)

# %% [markdown]
# Don't expect that much elsewhere: on photos in the wild, with people who sit, are cut at the waist or stand beside
# others, 41 to 46 % were named right when that was tried (`data/network.md`).
#
# ## Recap
#
# - A stage: convolutions, lift, project, fuse. The fused maps feed the next stage and the loss.
# - $w_t$ is learned; the background passes.
# - A loss at every stage keeps gradients alive in a deep network; in a shallow one with norms they reach the first
#   layers without it.
# - Belief maps get higher and sharper from stage to stage, and their peaks come nearer to the truth.
#
# ## Recall
#
# Answer first, then unfold.
#
# 1. <details><summary>What does a later stage see?</summary>
#
#    The features of the image, and the fused maps of the stage before.
#
#    </details>
#
# 2. <details><summary>Why is w_t the logistic function of a free number?</summary>
#
#    So that it stays between 0 and 1, whatever an optimiser does to the number.
#
#    </details>
#
# 3. <details><summary>What does a group norm do, and why not a batch norm?</summary>
#
#    It brings groups of 16 channels to mean 0 and variance 1, within each image. So an image's maps don't depend
#    on what else is in its batch.
#
#    </details>
#
# 4. <details><summary>What does He's factor 2 make up for?</summary>
#
#    A ReLU throws away half of a signal's power.
#
#    </details>
#
# 5. <details><summary>All losses together reach the laptop network's first layer three to four times as strongly as the
#    last alone. Does a gradient vanish there?</summary>
#
#    No. Three losses are added, and each one alone reaches it with a strength of the same order.
#
#    </details>
#
# 6. <details><summary>PCK is 80 %. What do we know of the other 20 %?</summary>
#
#    That they are off by more than a fifth of the torso, and not by how much.
#
#    </details>
#
# Next: how such a network is trained, in two minutes here and in some hours at home.

# %%
progress()
