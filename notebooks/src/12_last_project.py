# %% [markdown]
# # 12 The last project: something that is not a person
#
# **The question.** Nothing in the equations speaks of people. Can you lift something else, from its own motion to its
# own prior, and add a gradient that no other notebook has?
#
# Afterwards you can lift something that is not a person: from its own motion to its own prior, with a gradient that no
# other notebook has, derived and checked by you.
#
# > **Takes** 115 minutes, exercises included. **Needs** the core; [02](02_pose_prior.ipynb),
# > [03](03_solving_for_pose.ipynb) and [04](04_landmark_gradient.ipynb) most.
# > **On the way:** after the core: the last project.
# >
# > **Symbols** (all of them: [notation](../docs/notation.md))
# > - $L$: [landmarks, here 15 and not 17](../docs/notation.md#counts)
# > - $\mu$, $\mathbf e$, $\sigma_j$: [the prior that you fit](../docs/notation.md#bodies)
# > - $E$, $\bar E^t$: [projected bases; from landmarks to coefficients](../docs/notation.md#solving)
# > - $z$: [depth of the landmarks, row 3 of the pose](../docs/notation.md#bodies)

# %% tags=["setup"]
import matplotlib.pyplot as plt
import numpy as np

from lifting import camera, lift, metrics, solve
from lifting.checking import gradient_check
from lifting.drawing import answer, figures_12, hint, progress
from lifting.makers import quadruped

# %% [markdown]
# ## The motion
#
# A four-legged animal that walks and trots. **It is synthetic**: a puppet moved by sines, made by
# `lifting/makers/quadruped.py`; nothing was measured, and nothing that is learned here holds for a real dog. It has 15
# landmarks, and its raw data are as unhelpful as raw files usually are: centimetres, $x$ **forwards**, $y$ to the
# animal's **left**, $z$ **up**, and each walk somewhere else in the room.

# %% tags=["setup"]
animal = quadruped.QUADRUPED
rng = np.random.default_rng(0)
walks = quadruped.walk(40, 12, rng)
places = rng.uniform(-2, 2, (40, 1, 3, 1))
raw = 100 * (walks + places)[:, :, [2, 0, 1]]
print("raw:", raw.shape, "walks, frames, axes, landmarks;", ", ".join(animal.landmarks[:6]), "...")

# %%
figures_12.walks(walks[:3, 3])
plt.show()

# %% [markdown]
# *What to see:* one moment of each of three walks, with the left legs in blue and the right ones in orange. Sizes,
# gaits, heads and the bend of the trunk differ.

# %% [markdown] tags=["exercise"]
# ### Exercise 12.1: from a raw file to poses (10 minutes)
# The package wants metres, $x$ to the right **of the picture**, $y$ up, $z$ towards the viewer, and each pose centred.
# The animal shall walk towards the viewer: its left is then on the right of the picture. Turn `raw` (..., 3, L) into
# poses of the same shape.


# %% tags=["exercise"]
def poses_of(raw):
    # BEGIN SOLUTION
    poses = raw[..., [1, 2, 0], :] / 100
    return poses - poses.mean(-1, keepdims=True)
    # END SOLUTION


# %% tags=["answer"]
answer("12.1", poses_of)

# %% [markdown]
# (If you mirror the animal by mistake, everything below will run, and every left leg will be a right one. Nothing in
# least squares notices that.)
#
# ## Held out
#
# To know how good a prior is, keep back some motion that it doesn't learn from. Bear in mind that frames of one walk
# are nearly alike.

# %% [markdown] tags=["exercise"]
# ### Exercise 12.2: what is kept back? (5 minutes)
# `walk_of` (N,) says which walk each frame belongs to. Return a mask (N,), True for the frames to keep back: about a
# fifth of all, chosen so that the error on them means something.


# %% tags=["exercise"]
def kept_back(walk_of):
    # BEGIN SOLUTION
    return walk_of % 5 == 0
    # END SOLUTION


# %% tags=["answer"]
answer("12.2", kept_back)

# %% [markdown]
# ## A prior of its own
#
# How many bases? The dimensions of centred poses of $L$ landmarks bound the number; within this bound the error on
# walks that were kept back decides. Names and sides are the animal's own.

# %% [markdown] tags=["exercise"]
# ### Exercise 12.3: by hand (5 minutes)
# How many dimensions do centred poses of 15 landmarks have, and how many bases can a prior of them have at most, if one
# direction at least is left to the noise?

# %% tags=["exercise"]
# BEGIN SOLUTION
dimensions, most_bases = 3 * 15 - 3, 3 * 15 - 4
# END SOLUTION

# %% tags=["answer"]
answer("12.3", [dimensions, most_bases])

# %% [markdown]
# All that is particular to this animal is set in the next cell; the cells after it depend on these variables only.
# (Instead of your `poses_of(raw)` it takes the poses from which `raw` was made.)

# %% tags=["setup"]
# What is lifted; for something of your own, change this cell and run on from here.
body, poses = animal, walks.reshape(-1, 3, 15)  # names, bones, sides; poses (N, 3, L), as in exercise 12.1
walk_of = np.repeat(np.arange(40), 12)  # which recording each pose is from, (N,)
J, shown, radius = 12, [1, 30, 60], 0.6  # bases; test poses to draw, the first one also differentiated; metres to draw
L = len(body.landmarks)

# %% [markdown] tags=["setup"]
# Recordings 0, 5, 10 ... are for testing. The poses for training get random headings, which `fit_prior` has to find
# (notebook 02).

# %% tags=["setup"]
testing = np.isin(walk_of, np.unique(walk_of)[::5])
training = camera.turn(poses[~testing], rng.uniform(0, 2 * np.pi, int((~testing).sum())))
truth = camera.turn(poses[testing], rng.uniform(0, 2 * np.pi, int(testing.sum())))
Y = truth[:, :2] + rng.normal(0, 0.005, truth[:, :2].shape)

# %% tags=["setup"]
from lifting.fitting import fit_prior


def prior_of(poses, J):
    sides = {"left": body.left, "right": body.right}
    return fit_prior.fit_prior(poses, J, tolerance=1e-3, rounds=20, landmarks=body.landmarks, **sides).prior


# %% [markdown] tags=["exercise"]
# ### Exercise 12.4: across and in depth (10 minutes)
# Lift landmarks `Y` (N, 2, L), in metres, with a prior, and compare the poses with `truth` (N, 3, L), both centred at
# their centroids. Return two means over all landmarks and frames, in **millimetres**: how far off the landmarks are
# across the picture (the distance in $x$ and $y$), and how far in depth.


# %% tags=["exercise"]
def errors_mm(Y, truth, prior):
    # BEGIN SOLUTION
    away = lift(Y, prior).pose - truth
    away = 1000 * (away - away.mean(axis=-1, keepdims=True))
    across, in_depth = np.linalg.norm(away[:, :2], axis=1).mean(), np.abs(away[:, 2]).mean()
    return across, in_depth
    # END SOLUTION


# %% tags=["answer"]
answer("12.4", errors_mm)

# %% tags=["nbval-ignore-output"]
# Not compared: a fit stops when it no longer gains, and the last digit may differ by processor.
errors = {}
for bases in (1, 2, 4, 8, 12, 16):
    if bases < 3 * L - 3:
        lifted = lift(Y, prior_of(training, bases)).pose
        errors[bases] = 1000 * metrics.mpjpe(lifted, truth, root="centroid").mean()
print({f"J = {bases}": f"{error:.0f} mm" for bases, error in errors.items()})
assert min(errors.values()) <= errors[1]

# %% [markdown]
# These are the whole errors, in 3D. Each walk that was kept back has a size and manner of its own, and each of its
# frames is seen once, from an unknown heading, with 5 mm of noise. With 16 bases the error is still falling; we stop at
# 12, to be quick. For your own data go on until it no longer falls. (The same walks choose $J$ and measure the error,
# which flatters it a little. For a result that you publish, keep back further walks, and use them once.)

# %% tags=["setup"]
prior = prior_of(training, J)
found = lift(Y, prior)
first = shown[0]

# %% tags=["nbval-ignore-output"]
# Not compared, for the same reason.
figures_12.lifted(found.pose[shown], truth[shown], body, radius)
plt.show()
print(f"heading of the first: {np.degrees(found.theta[first]):.0f} degrees; misfit (about 1 if the prior fits): "
      f"{np.median(found.misfit):.1f} (median)")  # fmt: skip

# %% [markdown]
# *What to see:* the lifted animals, and the truth dashed in grey, seen from 40 degrees beside the camera.
#
# ## A gradient that no other notebook has
#
# Equation (8) says how the **projected** landmarks move when the seen ones move. But what one wants from lifting is the
# **depth**. When a paw is seen one centimetre further left, by how much does each landmark's depth change?
#
# $$z = \text{row 3 of } \mathbf R(\mu + a\cdot\mathbf e), \qquad \frac{dz}{dy} = \;?$$
#
# It is an $(L, 2L)$ matrix. The way to it is that of (8): the chain rule through $a$, at the rotation that won. Derive
# it on paper first: which part of (8) stays, and which is replaced?

# %% [markdown] tags=["exercise"]
# ### Exercise 12.5: the depth gradient (20 minutes)
# Return $dz/dy$, (L, 2L), for one Gaussian of a prior at the angle `theta`, with the scale known. Row $l$ belongs to
# the depth of landmark $l$; column $l$ to the $x$ of landmark $l$, column $L + l$ to its $y$. At hand: `gaussian.e`
# (J, 3, L), `gaussian.sigma`, `camera.turn(e, theta)`, and notebook 03's `solve.projected_model` and
# `solve.truncated_pseudo_inverse`.


# %% tags=["exercise"]
def depth_jacobian(gaussian, theta):
    p, E = solve.projected_model(gaussian.mu, gaussian.e, np.asarray(theta))
    # BEGIN SOLUTION
    E_bar_t = solve.truncated_pseudo_inverse(E, gaussian.sigma)
    depth = camera.turn(gaussian.e, np.asarray(theta))[:, 2].T
    return depth @ E_bar_t
    # END SOLUTION


# %% tags=["answer"]
answer("12.5", depth_jacobian)

# %% [markdown]
# **Check it as the package checks its own.** `gradient_check.check_jacobian(A, f, x)` holds a matrix $A$ against
# central differences of a function that knows nothing of it: here `lift` itself, which searches all rotations anew. It
# refuses a matrix that is wrong even by a factor of 1.001, or says that it can't judge.


# %%
def depth_of(y):
    """The depth (..., L) that `lift` finds for landmarks (..., 2 L), y up."""
    return lift(y.reshape(*y.shape[:-1], 2, L), prior).pose[..., 2, :]


y = Y[first].reshape(-1)


def verdict(A):
    try:
        return f"passed, relative error {gradient_check.check_jacobian(A, depth_of, y):.0e}"
    except gradient_check.GradientError:
        return "refused"


# %% [markdown] tags=["exercise"]
# ### Exercise 12.6: find the mistake (10 minutes)
# Three people have derived $dz/dy$, and all three matrices have the right shape. One is right. Use `verdict`, and name
# the right one and what is wrong with each of the others: "ridge forgotten", "turned the wrong way", "transposed", or
# "scale wrong".

# %% tags=["setup"]
one, theta = prior.gaussian(0), float(found.theta[first])
_, E = solve.projected_model(one.mu, one.e, np.asarray(theta))
depth = camera.turn(one.e, np.asarray(theta))[:, 2].T
candidates = {
    "Ada": depth @ np.linalg.pinv(E),
    "Ben": depth @ solve.truncated_pseudo_inverse(E, one.sigma),
    "Cleo": camera.turn(one.e, np.asarray(-theta))[:, 2].T @ solve.truncated_pseudo_inverse(E, one.sigma),
}

# %% tags=["exercise"]
# BEGIN SOLUTION
right_one, of_ada, of_cleo = "Ben", "ridge forgotten", "turned the wrong way"
# END SOLUTION

# %% tags=["answer"]
answer("12.6", [right_one, of_ada, of_cleo])

# %% tags=["nbval-ignore-output"]
# Not compared, for the same reason.
largest = np.abs(candidates["Ben"]).max(axis=1)
print("largest entry of each row:", dict(zip(body.landmarks, largest.round(1).tolist(), strict=True)))
figures_12.depth_gradient(candidates["Ben"], body.landmarks)
plt.show()

# %% [markdown]
# *What to see:* each row is the depth of one landmark, each column one coordinate of the picture; the unit is metres
# per metre. One row stands out: the nose. This animal is seen from the side, and it hardly shows whether its head is
# turned towards the camera or away. The prior infers it from small differences between the other landmarks, so that an
# error of one centimetre at a hip is passed on to the nose's depth as more than three. That is what has gone wrong in
# the first picture of the lifted animals.
#
# ## Your own
#
# Take motion of your own: a hand, a robot's arm, a bicycle. At least a hundred poses or so are needed, from at least
# two recordings, with at least four landmarks that don't all lie on a line. Put it into the cell that sets `body`,
# `poses` and `walk_of`, and run on from there: `body` is a `lifting.skeleton.Skeleton` with its names, bones and sides
# (both sides empty if it has none). BVH, C3D and TRC files are read by `lifting.files.read_motion`. What to look at:
#
# 1. Are the poses in metres, is $y$ up, and is left left? Draw three: `figures_12.walks(poses[:3], body, radius)`.
# 2. Are whole recordings kept back, and not single frames?
# 3. Is the error on what was kept back smaller than that of the mean pose ($J = 1$ is nearly that)?
# 4. Is `misfit` about 1 on what was kept back? If it is far above, the noise of the prior is too small for new motion.
# 5. Does your gradient pass `check_jacobian`?

# %% [markdown] tags=["exercise"]
# ### Exercise 12.7: your own data (45 minutes)
# Give your poses (N, 3, L), as in 12.1, at least 100 of them, and the recording that each is from, (N,), at least two
# of them. (Cut a single long recording into pieces.) The body or the motion should be one that no notebook has. The
# checker keeps back every fifth recording, whole, fits a prior of two bases to the others, and lifts what was kept
# back: the error must be smaller than that of the mean pose. (The solution's body is a pendulum of five beads on a
# turning arm, in five recordings that swing more and more widely.)

# %% tags=["exercise"]
# BEGIN SOLUTION
size, t, beads = np.repeat(np.linspace(0.4, 0.8, 5), 40)[:, None], np.linspace(0, 20, 200)[:, None], np.arange(5)
swing = size * np.sin(t + 0.3 * beads)
pendulum = np.stack([0.2 * beads * np.sin(swing), -0.2 * beads * np.cos(swing), 0.1 * beads * np.cos(t)], axis=1)
my_poses, my_recordings = pendulum, np.repeat(np.arange(5), 40)
# END SOLUTION

# %% tags=["answer"]
answer("12.7", [my_poses, my_recordings])

# %% [markdown]
# ## Recap
#
# - Nothing in (1) to (8) knows what a person is: $L$, names and sides come with the prior.
# - First axes and units; then keep whole recordings back; then choose the bases by the error on those.
# - A new gradient is a chain rule at the rotation that won. It is believed once a checker that knows nothing of the
#   derivation has let it pass.
#
# ## Recall
#
# Answer first, then unfold.
#
# 1. <details><summary>Why must whole walks be kept back, and not frames?</summary>
#
#    Frames of one walk are nearly alike: with frames kept back, the prior has seen what it is tested on.
#
#    </details>
#
# 2. <details><summary>What in the package is about people alone?</summary>
#
#    The embedded prior, the network, and the names of Human3.6M. The search and the gradients are not.
#
#    </details>
#
# 3. <details><summary>What is dz/dy?</summary>
#
#    The depth rows of the turned bases, times the truncated pseudo-inverse: (8) with the depth in place of the
#    projection.
#
#    </details>
#
# 4. <details><summary>Why does the checker call lift itself?</summary>
#
#    It must not know the derivation that it checks. And it searches anew, so that a change of the winner would
#    show.
#
#    </details>
#
# 5. <details><summary>The misfit on what was kept back is 5. What does it mean?</summary>
#
#    The prior's noise is too small for motion that it has not learned. It needs more motion, or fewer bases.
#
#    </details>
#
# That was the last one. What you have lifted, nobody had lifted before.

# %%
progress()
