# %% [markdown]
# # 00 Start here: from a photo to a 3D pose
#
# **The question.** One ordinary photo of a person: where in space are the hands, the knees, the head?
#
# This walkthrough follows the answer of Tome, Russell and Agapito, *Lifting from the Deep* (CVPR 2017), and of its
# supplement, equation by equation. This first notebook takes one real photo all the way. Afterwards you can name every
# array on the way, and say which part is the supplement's, which the main paper's, and which ours.
#
# > **Takes** 35 minutes, exercises included. **Needs** linear algebra and some NumPy. Run the cells from top to bottom.
# > **On the way:** core, 1 of 11. Notebooks with a letter (02b, 03b, ...) are extras that nothing later needs.
# >
# > **Symbols** (all of them: [notation](../docs/notation.md))
# > - $B$, $b_p$: [belief maps](../docs/notation.md#maps) of a network, one for each landmark $p$
# > - $Y$ $(2, L)$: [the $L$ landmarks in the picture](../docs/notation.md#pictures), $y$ up
# > - $\mu$, $\mathbf e$, $\sigma$, $a$: [the prior](../docs/notation.md#bodies): mean pose, bases, penalty weights;
# >   coefficients
# > - $\mathbf R$, $\theta$: the rotation about the vertical, and its angle; $\Pi$ drops depth
# > - $\hat Y$, $s$: the lifted pose's picture; pixels per metre

# %% tags=["setup"]
import matplotlib.pyplot as plt
import numpy as np

from lifting import camera, lift, load_prior, metrics, skeleton, solve
from lifting.checking import mistakes
from lifting.datasets import real_frames
from lifting.drawing import answer, figures_00, hint, plots, progress

# %% [markdown]
# ## The way through
# Boxes are arrays, solid arrows say what is computed from what, and numbers are the supplement's equations. Dashed
# arrows are the gradients, which go the other way. The fused maps $F$ are a weighted mean of the network's maps $B$ and
# of $\hat{B}$, the maps drawn from the lifted pose; so their gradient has two ways back. Yellow is where you are: in
# this notebook, everything from the image to $\hat{Y}$.

# %%
_, ax = plt.subplots(figsize=(9, 2.4))
plots.draw_way_through(ax, "start")
plt.show()

# %% [markdown]
# ## The photo
# Eight photos come with the package: one man on a treadmill, filmed by four calibrated cameras (from `pose2sim`,
# BSD-3-Clause; his face was pixelated by the publishers). `data/real_frames.md` says how they were made.

# %% tags=["setup"]
frames = {frame.name: frame for frame in real_frames.load_real_frames()}
frame = frames["cam04_026"]

# %%
print(", ".join(frames))
print("image", frame.image.shape, frame.image.dtype)
_, ax = plt.subplots(figsize=(4, 4.6))
ax.imshow(frame.image)
ax.set(xlabel="column (px)", ylabel="row (px)", title=frame.name)
plt.show()

# %% [markdown]
# ## $B$: what a network believes
# A network looks at the photo and paints one **belief map** $b_p$ for each landmark $p$: a small picture whose values
# are large where the network believes the landmark to be. $B$ is all of them. The paper trains a network of its own;
# ours here is BlazePose (from `mediapipe`, Apache-2.0), whose 33 maps of 64 x 64 cells are embedded with the photo.
# They are the network's own output.

# %%
wrist = skeleton.BLAZEPOSE.index("left_wrist")
print("B", frame.belief.shape, "from", frame.belief.min().round(2), "to", frame.belief.max().round(2))
_, axes = plt.subplots(1, 2, figsize=(9, 4.4))
plots.draw_belief(axes[0], frame.belief[wrist], title="belief map of the left wrist")
plots.draw_beliefs_on_photo(axes[1], frame.image, frame.belief, frame.map_to_photo)
axes[1].set_title("all 33 maps, laid over the photo")
plt.show()

# %% [markdown]
# *What to see:* left, one map, drawn dark where its values are large; right, all of them glow where they belong (white:
# the nose).
#
# Left and right are always the **person's own**: blue is his left, vermilion his right. The maps are turned, because
# the network wants a trunk that points up. The matrix `map_to_photo` $(2, 3)$ turns back: it takes
# (column, row, 1) to a photo pixel.

# %% [markdown]
# ## $Y$: landmarks by argmax
# As we understand the main paper (section 5), the landmark is where its map is largest: $Y_p = \arg\max b_p$.


# %%
def argmax_landmarks(belief):
    """(33, rows, columns) maps -> (33, 2) cells (column, row)."""
    maps, _, columns = belief.shape
    best = belief.reshape(maps, -1).argmax(axis=1)
    return np.stack([best % columns, best // columns], axis=1)


cells = argmax_landmarks(frame.belief)
assert np.array_equal(cells, real_frames.peaks(frame.belief))  # the package's own
print("left wrist: column, row =", cells[wrist])

# %% [markdown]
# That matrix takes cells to photo pixels. Then BlazePose's 33 landmarks become the 17 of Human3.6M that we lift. The
# pelvis becomes the middle of the hips, the neck that of the shoulders. BlazePose has no spine and no head top, and for
# each of its own landmarks it estimates how visible it is; below 0.5 we leave it out. A middle counts as visible if
# both its ends do. Landmarks left out are **missing**, and lifting will have to do without them.

# %%
pixels33 = real_frames.transform(frame.map_to_photo, cells.astype(float)).T
pixels, visible = skeleton.convert(pixels33, skeleton.BLAZEPOSE, skeleton.HUMAN36M, frame.visibility33 >= 0.5)
print("pixels", pixels.shape, " visible", visible.sum(), "of", visible.size)
print("missing:", [name for name, seen in zip(skeleton.HUMAN36M.landmarks, visible, strict=True) if not seen])
assert np.array_equal(visible, frame.visible)

# %% [markdown]
# An image counts its rows **down**; 3D has y **up**. The sign changes where an image meets the solver, and nowhere
# else: $Y = (x, -y)$. Unflipped, the man would stand on his head, whichever way he turned. The best fit would be a
# person shrunk to a hundredth, and `lift` would warn (try it: leave out `flip_y` below).


# %% tags=["setup"]
def landmarks(frame):
    """Y (2, 17), x right and y up in photo pixels, and which landmarks are visible."""
    cells = real_frames.peaks(frame.belief)
    pixels33 = real_frames.transform(frame.map_to_photo, cells).T
    pixels, visible = skeleton.convert(pixels33, skeleton.BLAZEPOSE, skeleton.HUMAN36M, frame.visibility33 >= 0.5)
    return camera.flip_y(pixels), visible


# %%
Y, visible = landmarks(frame)
assert np.allclose(Y[1], -pixels[1])
_, axes = plt.subplots(1, 2, figsize=(8, 4.4))
plots.draw_landmarks_on_photo(axes[0], frame.image, pixels, visible=visible)
plots.draw_pose_2d(axes[1], Y, visible=visible, unit="px")
axes[1].set_title("Y")
plt.tight_layout()
plt.show()

# %% [markdown]
# *What to see:* left in the photo's rows, right in the paper's axes: the same points, $y$ up.
#
# An argmax is as coarse as a cell of the map; its width in photo pixels is printed below. BlazePose also *regresses*
# landmarks (`frame.landmarks`), a little finer; the paper takes the argmax, and so do we.

# %%
apart = np.linalg.norm(pixels - frame.landmarks, axis=0)[visible]
cell = np.sqrt(np.linalg.det(frame.map_to_photo[:, :2]))
print(f"a cell is {cell:.1f} px wide; argmax and regressed landmarks are {np.median(apart):.1f} px apart (median)")
assert np.median(apart) < 12

# %% [markdown]
# ## The prior: what bodies can do
# One photo can't determine depth. What it leaves open is settled by a **prior** on 3D poses, learned from motion
# capture: a mean pose $\mu$, bases $\mathbf e_j$ along which poses vary, and penalty weights $\sigma_j$ that say how
# stiff each basis is. A pose is $\mu + a \cdot \mathbf e = \mu + \sum_j a_j \mathbf e_j$. The embedded prior has $K =
# 3$ such sets, the Gaussians of a mixture, with $J = 40$ bases each: $K$ is the first axis below. `weights` are their
# probabilities, and not $\sigma$; notebook [02](02_pose_prior.ipynb) explains `noise_variance`.

# %% tags=["setup"]
prior = load_prior()

# %%
for name in ("mu", "e", "sigma", "weights", "noise_variance"):
    print(f"{name:15}", getattr(prior, name).shape)

# %% [markdown]
# ## $(\mathbf R, a)$: lift
# Now the step that gives the paper its name. Among all rotations $\mathbf R$ about the vertical and all coefficients
# $a$ it finds those whose picture $\hat{Y} = s\,\Pi\mathbf R(\mu + a\cdot\mathbf e)$ lies nearest to $Y$, with a
# penalty on unlikely $a$. $\Pi$ drops z; `scale=None` says that the scale $s$ is to be found too; `camera` is the
# camera's known rotation. Notebooks [01](01_projection.ipynb) and [03](03_solving_for_pose.ipynb) take this line apart.


# %% tags=["setup"]
def lift_frame(frame):
    """The lifted pose in metres (3, 17), and everything else that `lift` found."""
    Y, visible = landmarks(frame)
    result = lift(Y, prior, scale=None, visible=visible, camera=frame.camera)
    return result.pose / result.scale, result


# %%
pose, result = lift_frame(frame)
print(f"theta {np.degrees(result.theta):.1f} degrees, one metre is {result.scale:.0f} px")
print("R", result.R.shape, " a", result.a.shape, " Y_hat", result.Y_hat.shape, " pose", result.pose.shape)
assert np.allclose(result.pose[:2], result.Y_hat)  # Pi: the picture is the pose without its z

# %% [markdown]
# All 17 landmarks are back, the missing ones included: the prior knows where a head top belongs.

# %%
figure = plt.figure(figsize=(9, 4.2))
for n, (azim, title) in enumerate([(0, "as the camera sees it"), (90, "from the side: what the photo can't show")]):
    ax = figure.add_subplot(1, 2, n + 1, projection="3d")
    plots.draw_pose_3d(ax, pose - pose.mean(axis=1, keepdims=True), azim=azim).set_title(title)
plt.show()

# %% [markdown]
# *What to see:* the left view must look like the photo, since that is what was fitted. The right one is the prior's
# guess.
#
# ## How wrong is it?
# Nobody measured this man in 3D. But four cameras saw him at once, so the network's landmarks in all four views can be
# triangulated: a **pseudo ground truth**. Its reprojection error, the distance in the photo to this view's landmarks,
# shows how far off it may be. A pseudo ground truth can tell a good lift from a bad one. It can't rank two good ones:
# they differ by less than its own error.
#
# Three errors, all mean distances over the landmarks that both have, in millimetres (`lifting/metrics.py`):
# - **MPJPE** (mean per-joint position error): after moving both poses to the same centre;
# - **N-MPJPE**: after scaling the pose to fit, too;
# - **P-MPJPE**: after turning it to fit, too (Procrustes). What is left is an error of the pose itself.


# %% tags=["setup"]
def errors(frame, pose):
    """MPJPE, N-MPJPE and P-MPJPE in millimetres, against the pseudo ground truth."""
    both = frame.visible & frame.pseudo_visible
    truth = frame.pseudo_truth
    found = [
        metrics.mpjpe(pose, truth, both, "centroid"),
        metrics.n_mpjpe(pose, truth, both, "centroid"),
        metrics.p_mpjpe(pose, truth, both),
    ]
    return 1000 * np.array(found)


# %%
both = frame.visible & frame.pseudo_visible
print(f"{both.sum()} landmarks, reprojection error of the pseudo ground truth:", end=" ")
print(f"{np.median(frame.reprojection_error[both]):.1f} px median, {frame.reprojection_error.max():.1f} px at most")
for name, value in zip(("MPJPE", "N-MPJPE", "P-MPJPE"), errors(frame, pose), strict=True):
    print(f"{name:8}{value:4.0f} mm")
assert np.all(np.diff(errors(frame, pose)) < 1)  # alignments minimise squares: means may rise a little

# %% [markdown]
# ## All eight photos, failures included
# One photo proves little, and the one above was picked because it looks good. Here are all eight. `reproj.` is the
# median reprojection error of the pseudo ground truth; `scale` is the $s$ found, divided by the calibrated one: below
# 1, the body in metres comes out too large.

# %%
lifted = {name: lift_frame(frame) for name, frame in frames.items()}
table = {name: errors(frames[name], pose) for name, (pose, _) in lifted.items()}
print("photo      seen  reproj.  scale   MPJPE  N-MPJPE  P-MPJPE")
for name, (_, result) in lifted.items():
    f = frames[name]
    off = np.median(f.reprojection_error[f.visible & f.pseudo_visible])
    print(f"{name}  {f.visible.sum():4}  {off:4.1f} px  {result.scale / f.pixels_per_metre:5.2f}", end="")
    print("".join(f"{value:6.0f} mm" for value in table[name]))
median = np.median(list(table.values()), axis=0)
print(f"median                           {median[0]:6.0f} mm{median[1]:6.0f} mm{median[2]:6.0f} mm")
assert 30 < median[2] < 150

# %% [markdown]
# Notebook [03b](03b_scale_weights_tilt.ipynb) lifts the same photos from the landmarks that BlazePose regresses, which
# are finer. So its errors differ: for single photos by up to tens of millimetres, in the median by a few.
#
# A look from the side, where the failures show: the lifted pose in colour, the pseudo ground truth dashed and grey.

# %%
poses = {name: pose for name, (pose, _) in lifted.items()}
figures_00.from_the_side(frames, poses, {name: errors_mm[2] for name, errors_mm in table.items()})
plt.show()

# %% [markdown]
# *What to see:* where colour and grey part. In many of the photos the man kicks or leans back on a treadmill, and the
# motion capture that the prior learned from has few poses of that kind, none of them his. A limb that points at the
# camera and one that points away look the same (notebook [01](01_projection.ipynb)), and the prior's guess decides. For
# scale: as we recall it, the main paper reports mean errors of some 70 to 90 mm on Human3.6M, depending on the
# protocol, with a prior that was learned on Human3.6M too and a measured ground truth. The numbers here are of another
# person under other conditions; don't compare the two.

# %% [markdown] tags=["exercise"]
# ### Exercise 0.1: from a belief map to the paper's axes (5 minutes)
# Given one belief map (64, 64) and `map_to_photo` (2, 3), return $Y_p$: the cell of the largest belief, taken to photo
# pixels, with $y$ up.


# %% tags=["exercise"]
def landmark(belief, map_to_photo):
    row, column = np.unravel_index(belief.argmax(), belief.shape)
    # BEGIN SOLUTION
    x, y = map_to_photo @ [column, row, 1]
    return np.array([x, -y])
    # END SOLUTION


# %% tags=["answer"]
answer("0.1", landmark)

# %% [markdown] tags=["exercise"]
# ### Exercise 0.2: errors by hand (4 minutes)
# Two landmarks on a line. The truth has them at $-1$ and $1$, the pose at $-3$ and $1$ (metres). Move both so
# that their centre is at 0. Give `[MPJPE, N-MPJPE]` in metres.

# %% tags=["exercise"]
# BEGIN SOLUTION
by_hand = [1.0, 0.0]
# END SOLUTION

# %% tags=["answer"]
answer("0.2", by_hand)

# %% [markdown] tags=["exercise"]
# ### Exercise 0.3: the scale of N-MPJPE (5 minutes)
# Pose $x$ and truth $z$, both (3, L) and centred. Which $s$ makes $\lVert s x - z \rVert^2$ smallest? Set its
# derivative to 0.


# %% tags=["exercise"]
def best_scale(x, z):
    # BEGIN SOLUTION
    return (x * z).sum() / (x * x).sum()
    # END SOLUTION


# %% tags=["answer"]
answer("0.3", best_scale)

# %% [markdown] tags=["exercise"]
# ### Exercise 0.4: find the mistake (6 minutes)
# `mistaken_maps.world_landmarks(frame)` of `lifting.checking` gives a photo's $Y$. The museum of mistakes, a collection
# of functions with one deliberate mistake each (list: `docs/mistakes.md`; code: `lifting/checking`), lends us
# `suspect`, which looks like it. Write a test: `passes(f)` is `True` for the right function and `False` for the
# suspect. You know that the man stands.

# %% tags=["setup"]
suspect = mistakes.mystery(2)


# %% tags=["exercise"]
def passes(f):
    y = f(real_frames.load_real_frames(["cam04_026"])[0])[1]
    nose, hip = skeleton.HUMAN36M.index("nose"), skeleton.HUMAN36M.index("left_hip")
    # BEGIN SOLUTION
    return bool(y[nose] > y[hip])
    # END SOLUTION


# %% tags=["answer"]
answer("0.4", passes)

# %% [markdown]
# ## Who says what: the supplement, the main paper, ours
# We build from the supplement. The main paper's text was not at hand.
#
# | | supplement | main paper, as we understand it | ours |
# |---|---|---|---|
# | pose | $\mathbf R(\mu + a\cdot\mathbf e)$ (1) | learned from motion capture | other motion capture, varied copies |
# | picture | $\Pi$, no scale | a scale $s$ for each frame, a known camera | the same; an unknown tilt, if asked (03b) |
# | search | finite set $\mathcal R$, exhaustive (2) | 80 angles; 10,000 reach the optimum | the same, faster (03c) |
# | missing landmarks | | | landmark weights $\ge 0$ (03b) |
# | mixture | "the best model has already been selected" | the most probable Gaussian | the same, derived (03b) |
# | $Y$ from $B$ | | argmax | argmax; also between pixels |
# | $\hat B$ from $\hat Y$ | Gaussian, width 1 pixel | a pixel stamped and blurred | a Gaussian at the sub-pixel place |
# | gradients | (3), (4), (7), (8), (9), "Updating B" | | signs and shapes made exact; checked |
# | fusion | | $w_t B + (1-w_t)\hat B$, $w_t$ learned for each stage (07) | the same |
# | network | | six stages, trained on Human3.6M | a small one, trained on rendered people |
# | code | | released: the 2D network's weights, the prior; no training code | written from the text |
#
# The **notation** is one page: [notation](../docs/notation.md). Its symbols keep their meaning in all notebooks; where
# a plain letter ($n$, $r$, $z$) has to serve twice, the notebook says so. Note that $\sigma$ is an **inverse** standard
# deviation: a large $\sigma_j$ holds its basis back (02).
#
# Some shapes, as the code has them: $p$ and $E$ are mean pose and bases as the camera sees them; $\bar{E}$ is $E$ with
# $\sigma$'s rows below it; $\bar{E}^\dagger$ is its pseudo-inverse, whose first $2L$ columns are $\bar{E}^t$ (03).

# %%
p, E = solve.projected_model(prior.mu[0], prior.e[0], result.theta, camera=frame.camera)
E_bar = solve.stack_ridge(E, prior.sigma[0])
E_bar_dagger = solve.pseudo_inverse(E_bar)
E_bar_t = solve.truncated_pseudo_inverse(E, prior.sigma[0])
L, J = len(skeleton.HUMAN36M.landmarks), prior.J
assert (p.shape, E.shape, E_bar.shape) == ((2 * L,), (2 * L, J), (2 * L + J, J))
assert np.allclose(E_bar_dagger[:, : 2 * L], E_bar_t)
print("p", p.shape, " E", E.shape, " E_bar", E_bar.shape, " E_bar_dagger", E_bar_dagger.shape)

# %% [markdown]
# ## Errata: what is printed, and what we do
# The supplement is short and loose in places. Here is how we deviate from its letter; (8) needs no change:
#
# - **(2)** prints $(\sigma \cdot a^*)^2$, the square of a vector. We write $\lVert \sigma \cdot a \rVert^2 = \sum_j
#   (\sigma_j a_j)^2$.
# - **(5)** prints $a^* \bar{E}$, a row of J numbers times a (2L + J) x J matrix: the shapes don't fit. We use columns
#   throughout: $\bar{E} a$.
# - **(6)** prints $[(y - p), 0]\,\bar{E}^\dagger$, a row of 2L + J numbers times a J x (2L + J) matrix: these don't fit
#   either. We write $a = \bar{E}^\dagger\,[y - p, 0]$.
# - **(7)** prints $da / d[y, 0] = \bar{E}^\dagger$, a derivative with respect to zeros that never change. We
#   differentiate with respect to $y$ alone: $da / dy = \bar{E}^t$, the truncation that (8) uses.
# - **(9)** prints $d\hat{b}_p / d\hat{Y}_x^2$, as if for a second derivative. The right-hand side is the central
#   difference of the *first* one, so we drop the square.
# - **Updating B** asks for "a negative step at $b_p$". We take it at one pixel of that map: at $b_p(Y_p)$.
# - **$\sigma$** means two things: the weights of the penalty in (2), and the width of a Gaussian in section 1.2. Here
#   the width is $\sigma_b$.
# - **E** means two things: the bases as a matrix in (4), and, as we recall it, the camera's known rotation in the
#   main paper. Here $E$ is the matrix, and the camera is $C$ (`camera` in the code).
# - **Main paper, section 4**, as we recall it, prints the log term of the prior as "ln sum". The likelihood asks for
#   "sum ln", and that is what we use.
#
# Slips of the pen, for the record: "continious", "it might preferable", "each element Y of of $B_p$".

# %% [markdown]
# ## Where to go
# - **00 Start here**: this notebook.
# - [**01 Projection**](01_projection.ipynb): why the rotation is one angle, why a finite set of angles is enough, and
#   what one photo can never tell.
# - [**02 The pose prior**](02_pose_prior.ipynb): where $\mu$, $\mathbf e$ and $\sigma$ come from. Extra:
#   [02b](02b_likelihood_and_mixtures.ipynb).
# - [**03 Solving for the pose**](03_solving_for_pose.ipynb): from $Y$ to $(\mathbf R, a)$, equations (2), (5) and (6).
#   Extras: [03b](03b_scale_weights_tilt.ipynb), [03c](03c_fast_search.ipynb).
# - [**04 The landmark gradient**](04_landmark_gradient.ipynb): how $\hat{Y}$ moves with $Y$, (3), (4), (7) and (8).
#   Extras: [04b](04b_scale_masks_weights.ipynb), [04c](04c_where_it_jumps.ipynb).
# - [**05 The belief gradient**](05_belief_gradient.ipynb): how $\hat{B}$ moves with $\hat{Y}$, (9).
# - [**06 Updating the beliefs**](06_updating_beliefs.ipynb): from a wish for $Y$ to a change of $B$. Extras:
#   [06b](06b_between_pixels.ipynb), [06c](06c_many_wrong_peaks.ipynb).
# - [**07 The lifting layer**](07_lifting_layer.ipynb): all of it as one layer of torch. Extra:
#   [07b](07b_under_load.ipynb).
# - [**08 The network**](08_network.ipynb), [**09 Training**](09_training.ipynb), [**10 The claims**](10_claims.ipynb):
#   the network around the layer, how it is trained, and what the paper claims for it. Extra:
#   [09b](09b_stopping_and_scaling.ipynb).
# - After the core: [**11 Your own picture**](11_own_data.ipynb) and [**12 The last project**](12_last_project.ipynb).
#
# ## Recap
# image -> $B$ (a network) -> $Y$ (argmax) -> $(\mathbf R, a)$ (lifting) -> $\hat Y$ and the pose. In one picture:

# %%
pose, _ = lifted[frame.name]
figures_00.from_photo_to_pose(frame, pixels, visible, pose)
plt.show()

# %% [markdown]
# ## Recall
#
# Answer before you unfold.
#
# 1. <details><summary>What is b_p, and what is Y_p?</summary>
#
#    The belief map of landmark $p$; the place of its largest value.
#
#    </details>
# 2. <details><summary>Where does the sign of y change, and why?</summary>
#
#    From the photo to $Y$: rows count downwards, the paper's $y$ points up.
#
#    </details>
# 3. <details><summary>What is a pose made of, in the prior's terms?</summary>
#
#    $\mu + \sum_j a_j\mathbf e_j$.
#
#    </details>
# 4. <details><summary>Why does the lifted pose look right from the camera whatever went wrong?</summary>
#
#    That is what was fitted. Depth is the prior's guess.
#
#    </details>
# 5. <details><summary>Which of MPJPE, N-MPJPE, P-MPJPE forgives a wrong heading?</summary>
#
#    P-MPJPE: it turns the pose to fit first.
#
#    </details>
# 6. <details><summary>Does a large sigma_j make its basis free or stiff?</summary>
#
#    Stiff: it is an inverse standard deviation.
#
#    </details>

# %%
progress()
