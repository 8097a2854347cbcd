# %% [markdown]
# # 12 The last project: something that is not a person
#
# **The question.** Nothing in the equations speaks of people. Can you lift something else, from its own motion to its
# own prior, and add a gradient that no notebook has?
#
# Afterwards you can lift something that is not a person: from its own motion to its own prior, with a gradient that
# stands in no notebook, derived and checked by you.
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
# A four-legged animal that walks and trots. **It is synthetic**: a puppet on sines, made by
# `lifting/makers/quadruped.py`; nothing was measured, and nothing that is learned here holds for a real dog. It has 15
# landmarks, and a raw file that is as unhelpful as raw files are: centimetres, $x$ **forwards**, $y$ to the animal's
# **left**, $z$ **up**, and each walk somewhere else in the room.

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
# *What to see:* one moment of three walks, blue the left legs, orange the right ones. Sizes, gaits, heads and the bend
# of the trunk differ.

# %% [markdown] tags=["exercise"]
# ### Exercise 12.1: from a raw file to poses (10 minutes)
# The package wants metres, $x$ to the right **of the picture**, $y$ up, $z$ towards the viewer, and each pose
# centred. Take an animal that walks towards the viewer: its left is on the right of the picture. Turn `raw` (..., 3,
# L) into poses of the same shape.


# %% tags=["exercise"]
def poses_of(raw):
    # BEGIN SOLUTION
    poses = raw[..., [1, 2, 0], :] / 100
    return poses - poses.mean(-1, keepdims=True)
    # END SOLUTION


# %% tags=["answer"]
answer("12.1", poses_of)

# %% [markdown]
# (If you mirror the animal, everything below will run, and every left leg will be a right one. Nothing in least squares
# notices.)
#
# ## Held out
#
# To know how good a prior is, keep motion back that it has not learned from. Frames of one walk are nearly alike.

# %% [markdown] tags=["exercise"]
# ### Exercise 12.2: what is kept back? (5 minutes)
# `walk_of` (N,) says which walk each frame belongs to. Return a mask (N,), True for the frames to keep back: about a
# fifth of all, and such that the figure means something.


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
# How many bases? The dimensions of centred poses of $L$ landmarks bound the number, and the error on walks that were
# kept back chooses. Names and sides are the animal's own.

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
# From here on we use walks 0, 5, 10 ... for testing. The poses for training come at headings of their own, which
# `fit_prior` has to find (notebook 02).

# %% tags=["setup"]
walk_of = np.repeat(np.arange(40), 12)
poses = walks.reshape(-1, 3, 15)
testing = walk_of % 5 == 0
training = camera.turn(poses[~testing], rng.uniform(0, 2 * np.pi, int((~testing).sum())))
truth = camera.turn(poses[testing], rng.uniform(0, 2 * np.pi, int(testing.sum())))
Y = truth[:, :2] + rng.normal(0, 0.005, truth[:, :2].shape)

# %% tags=["setup"]
from lifting.fitting import fit_prior


def prior_of(poses, J):
    sides = {"left": animal.left, "right": animal.right}
    return fit_prior.fit_prior(poses, J, tolerance=1e-3, rounds=20, landmarks=animal.landmarks, **sides).prior


# %% [markdown] tags=["exercise"]
# ### Exercise 12.4: across and in depth (10 minutes)
# Lift landmarks `Y` (N, 2, L), in metres, with a prior, and compare the poses with `truth` (N, 3, L), both about their
# centroids. Return two means over all landmarks and frames, in **millimetres**: how far off they are across the picture
# (the distance in $x$ and $y$), and how far in depth.


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
for J in (1, 2, 4, 8, 12, 16):
    lifted = lift(Y, prior_of(training, J)).pose
    errors[J] = 1000 * metrics.mpjpe(lifted, truth, root="centroid").mean()
print({f"J = {J}": f"{error:.0f} mm" for J, error in errors.items()})
assert errors[8] < errors[1] / 2

# %% [markdown]
# These are the whole errors, in 3D. Each walk that was kept back is of another size and manner, and each of its frames
# is seen once, from an unknown heading, with 5 mm of noise. We go on with 12 bases.

# %% tags=["setup"]
prior = prior_of(training, 12)
found = lift(Y, prior)

# %% tags=["nbval-ignore-output"]
# Not compared, for the same reason.
figures_12.lifted(found.pose[[1, 30, 60]], truth[[1, 30, 60]])
plt.show()
print(f"heading of the first: {np.degrees(found.theta[1]):.0f} degrees; misfit (about 1 if the prior fits): "
      f"{np.median(found.misfit):.1f} (median)")  # fmt: skip

# %% [markdown]
# *What to see:* the lifted animals, and dashed in grey the truth, from 40 degrees beside the camera.
#
# ## A gradient that stands in no notebook
#
# Equation (8) says how the **projected** landmarks move when the seen ones move. But people buy lifting for the
# **depth**. When a paw is seen one centimetre further left, by how much does each landmark's depth change?
#
# $$z = \text{row 3 of } \mathbf R(\mu + a\cdot\mathbf e), \qquad \frac{dz}{dy} = \;?$$
#
# It is an $(L, 2L)$ matrix. The way to it is that of (8): the chain rule over $a$, at the rotation that won. Derive
# it on paper first: which part of (8) stays, and which is exchanged?

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
# refuses whatever is wrong by a factor of 1.001, or says that it can't judge.


# %%
def depth_of(y):
    """The depth (..., 15) that `lift` finds for landmarks (..., 30), y up."""
    return lift(y.reshape(*y.shape[:-1], 2, 15), prior).pose[..., 2, :]


y = Y[1].reshape(-1)


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
one, theta = prior.gaussian(0), float(found.theta[1])
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
print("largest entry of each row:", dict(zip(animal.landmarks, largest.round(1).tolist(), strict=True)))
figures_12.depth_gradient(candidates["Ben"], animal.landmarks)
plt.show()

# %% [markdown]
# *What to see:* a row is one landmark's depth, a column one coordinate of the picture, in metres per metre. One row
# stands out: the nose. This animal is seen from the side, and whether its head is turned towards the camera or away
# hardly shows; the prior reads it off small differences between the other landmarks, so that an error of one centimetre
# at a hip is passed on to the nose's depth as more than three. In the first picture of the lifted animals that is what
# has gone wrong.
#
# ## Your own
#
# Replace `raw` by motion of your own (at least some hundred poses, at least four landmarks that don't all lie on a
# line): a hand, a robot's arm, a bicycle. Give `Skeleton` its names, bones and sides, or none. Everything above runs as
# it stands. `python -m lifting` reads BVH, C3D and TRC, `lifting.files` in Python. What to look at:
#
# 1. Are the poses in metres, $y$ up, and is left left? Draw three.
# 2. Whole recordings kept back, not frames.
# 3. Error on what was kept back, against the mean pose ($J = 1$ is nearly that).
# 4. `misfit` about 1 on what was kept back. Far above: the noise of the prior is too small for new motion.
# 5. Your gradient through `check_jacobian`.

# %% [markdown] tags=["exercise"]
# ### Exercise 12.7: your own data (45 minutes)
# Give your poses (N, 3, L), as in 12.1, of at least 100 frames, and of a body with another number of landmarks than 15
# and 17, or of another motion. The checker fits a prior of two bases to the first four fifths and lifts the rest: the
# error must be smaller than that of the mean pose. (The solution's are a pendulum of five beads on a turning arm.)

# %% tags=["exercise"]
# BEGIN SOLUTION
t, beads = np.linspace(0, 20, 200)[:, None], np.arange(5)
swing = 0.8 * np.sin(t + 0.3 * beads)
my_poses = np.stack([0.2 * beads * np.sin(swing), -0.2 * beads * np.cos(swing), 0.1 * beads * np.cos(t)], axis=1)
# END SOLUTION

# %% tags=["answer"]
answer("12.7", my_poses)

# %% [markdown]
# ## Recap
#
# - Nothing in (1) to (8) knows what a person is: $L$, names and sides come with the prior.
# - Axes and units first, whole recordings kept back, then bases by the error on those.
# - A new gradient is a chain rule at the rotation that won, and is believed once a checker that knows nothing of it has
#   let it pass.
#
# ## Recall
#
# Answer first, then unfold.
#
# 1. <details><summary>Why must whole walks be kept back, and not frames?</summary>
#
#    Frames of one walk are nearly alike: the prior has then seen what it is tested on.
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
#    The prior's noise is too small for motion that it has not learned: more motion, or fewer bases.
#
#    </details>
#
# That was the last one. What you have lifted, nobody had lifted before.

# %%
progress()
