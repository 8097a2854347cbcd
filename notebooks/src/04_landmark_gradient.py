# %% [markdown]
# # 04 The landmark gradient
#
# **The question.** A loss looks at the projected landmarks $\hat Y$ and says: the right wrist should go up. How should
# the landmarks $Y$, from which the pose was solved, move to bring that about?
#
# Afterwards you can derive (3), (4), (7) and (8); read the Jacobian $H = E\bar E^t$ as a matrix that shrinks; check it
# in three ways that know nothing of its formula; and say what such checks can't find.
#
# > **Takes** 50 minutes, exercises included. **Needs** [03](03_solving_for_pose.ipynb).
# > **On the way:** core, 5 of 11. [04b](04b_scale_masks_weights.ipynb) (free scale, missing and weighted landmarks) and
# > [04c](04c_where_it_jumps.ipynb) (jumps, and the turning left out) go further; nothing later needs them.
# >
# > **Symbols** (all of them: [notation](../docs/notation.md#gradients))
# > - $E$, $\bar E$, $\bar E^\dagger$, $\bar E^t$: as in notebook 03
# > - $H$ $(2L, 2L)$: $E\bar E^t = d\hat y/dy$, the hat matrix, eq. (8)
# > - $\tau_i$: singular values of $E\operatorname{diag}(\sigma)^{-1}$
# > - $g$ $(2L)$: gradient of a loss with respect to $\hat y$
# > - $Z$ $(2L, 2L)$: centring, takes the mean away

# %% tags=["setup"]
import matplotlib.pyplot as plt
import numpy as np

from lifting import camera, landmark_gradient, landmark_jacobian, lift, load_prior, skeleton, solve
from lifting.checking import gradient_check, mistaken_models, mistakes
from lifting.datasets import motion_capture
from lifting.drawing import answer, figures_04, hint, plots, progress, toy

# %%
plots.draw_way_through(plt.figure(figsize=(9, 2.4)).add_subplot(), "landmark gradient")
plt.show()

# %% [markdown]
# So far all arrows went to the right: landmarks $Y$ to a rotation $\mathbf R$ and coefficients $a$ by (2), and these to
# $\hat Y$ by (1). This notebook is the dashed arrow from $\hat Y$ back to $Y$.
#
# ## The toy again: $H$ shrinks
#
# Three landmarks, one basis, at $\theta = 0$ (notebook 03): $E = \tfrac12(1, 0, -1, 1, 0, -1)^\top$,
# $\bar E^t = 0.4\,(1, 0, -1, 1, 0, -1)$, $a = 1.2$ and $\hat y = p + 1.2\,E$. Move the left hand to the right by 1:
# that is $dy = (1, 0, 0, 0, 0, 0)$.
#
# - The coefficient answers with $da = \bar E^t dy = 0.4$.
# - The fit answers with $d\hat y = E\,da = (0.2, 0, -0.2, 0.2, 0, -0.2)$: the left hand follows by a fifth, up as well
#   as out, and the right hand moves the other way. The head does not move: no basis moves it. (This is in centred
#   coordinates. In an image all three also go right by 1/3, with the mean: see below.)
#
# Now move everything along the basis, $dy = E$: $da = \bar E^tE = 0.8$ and $d\hat y = 0.8\,E$. **$H$ is a shrink
# factor: 0.8 along $E$, 0 across it.** The missing fifth is the prior's. As a matrix, $H = E\bar E^t$ has the entries
# $0.2$ or $-0.2$ between the hands, and 0 for the head.

# %%
np.set_printoptions(precision=3, suppress=True)
here = toy.solved(0.0)
print("H =", *here.H + 0.0, sep="\n  ")
print("H E =", here.H @ here.E[:, 0] + 0.0, " E =", here.E[:, 0])
assert np.allclose(here.H @ here.E, 0.8 * here.E)

# %% [markdown] tags=["exercise"]
# ### Exercise 4.1: the toy at 90 degrees, on paper (5 minutes)
# There the basis is seen in $y$ alone: $E = \tfrac12(0, 0, 0, 1, 0, -1)^\top$. Move the left hand *up* by 1. Give `[da,
# how far the left hand's y follows, the shrink factor along E]`.

# %% tags=["exercise"]
# BEGIN SOLUTION
at_90 = [2 / 3, 1 / 3, 2 / 3]
# END SOLUTION

# %% tags=["answer"]
answer("4.1", at_90)

# %% [markdown]
# ## One dancer, solved for
#
# A dancer from real motion capture, turned by 23 degrees from the recorded heading, and the embedded prior
# (`data/prior.md`). It has seen this dance, which flatters the fit and changes nothing about derivatives.

# %% tags=["setup"]
prior = load_prior()
dancer = camera.turn(motion_capture.load_motion_capture().of_clip("dance_b")[20], np.asarray(0.4))
Y = dancer[:2]
result = lift(Y, prior)
mu, e, sigma = gaussian = prior.gaussian(result.component)
L, J, names = prior.L, prior.J, skeleton.HUMAN36M.landmarks
wrist = skeleton.HUMAN36M.index("right_wrist")

# %%
ax = plt.figure(figsize=(5.5, 4)).add_subplot()
plots.draw_pose_2d(ax, result.Y_hat, label="Y_hat,")
plots.draw_pose_2d(ax, Y, colour="black", linestyle=":", label="Y")
ax.legend(loc="upper left", bbox_to_anchor=(1.02, 1), fontsize=9)
ax.set_title(f"theta = {np.degrees(result.theta):.1f} degrees, component {result.component}")
plt.show()
print(f"K = {prior.K} Gaussians of J = {J} bases")
print(f"misfit {1000 * np.sqrt(np.mean(np.sum((result.Y_hat - Y) ** 2, axis=0))):.1f} mm")

# %% [markdown]
# *What to see:* the fit (in colours) and the landmarks (dotted) nearly coincide.
#
# ### What is held fixed
#
# The winner of (2) is one of 80 rotations and one of $K$ Gaussians. A small enough move of $Y$ leaves both as they are
# (how small: see "Where it stops holding"), and the supplement differentiates there: "sub-gradients can be induced by
# fixing $\mathbf R$ to its current state", and "the reader should assume that the best model has already been selected
# in the forward pass". So $\theta$ and the component are constants in this notebook; [04c](04c_where_it_jumps.ipynb) is
# about where they change.
#
# ## Eq. (3): what a coefficient moves
#
# With $\mathbf R$ fixed, (1) is affine in $a$:
#
# $$\hat Y = \Pi\mathbf R\Bigl(\mu + \sum_j a_j\,\mathbf e_j\Bigr)
#   \quad\Longrightarrow\quad \frac{\partial\hat Y}{\partial a_j} = \Pi\mathbf R\,\mathbf e_j,
#   \qquad \frac{d\hat Y}{da} = \Pi\mathbf R\mathbf e. \tag{3}$$
#
# One $2\times L$ picture of arrows for each basis, $J\times2\times L$ numbers in all, the same wherever $a$ is.

# %%
PiR = camera.rotation(result.theta)[:2]
dY_da = np.stack([PiR @ basis for basis in e])
print("dY_hat/da", dY_da.shape)
assert np.allclose(dY_da, landmark_gradient.coefficients_to_landmarks(e, result.theta))

step = np.zeros(J)
step[3] = 0.1
before, after = (camera.project(mu + np.einsum("j,jcl->cl", a, e), result.theta) for a in (result.a, result.a + step))
print(f"basis 4 by 0.1 moves the landmarks by {np.linalg.norm(after - before):.6f} m,", end=" ")
print(f"(3) says {np.linalg.norm(0.1 * dY_da[3]):.6f} m")
assert np.allclose(after - before, 0.1 * dY_da[3])


# %%
fig, axes = plt.subplots(1, 3, figsize=(9, 4.4), sharex=True, sharey=True, layout="constrained")
for j, ax in enumerate(axes):
    plots.draw_pose_2d(ax, result.Y_hat, legend=False, alpha=0.5)
    figures_04.arrows(ax, result.Y_hat, dY_da[j], "#009E73", f"dY_hat / da_{j + 1}", 0.5)
    ax.set_title(f"basis {j + 1}: sigma = {sigma[j]:.3f}")
plt.show()

# %% [markdown]
# *What to see:* where each landmark goes, in the picture, as one coefficient grows.
#
# ## Eq. (4): the same as a matrix
#
# Write $2\times L$ arrays as vectors, all $x$ and then all $y$. Each of the $J$ pictures becomes a column, and
#
# $$\hat y = p + Ea,\qquad \frac{d\hat y}{da} = E \tag{4}$$
#
# with $E$ of shape $2L\times J$: (3), unwrapped. It is the $E$ of notebook 03, where (2) was solved with it.

# %%
E = dY_da.reshape(J, 2 * L).T
p, package_E = solve.projected_model(mu, e, result.theta)
y_hat = p + E @ result.a
print(f"E {E.shape}; the wrist's y by (1): {result.Y_hat[1, wrist]:.6f} m, by (4): {y_hat[L + wrist]:.6f} m")
assert np.allclose(E, package_E) and np.allclose(solve.unwrap(result.Y_hat), y_hat)

# %% [markdown]
# ## Eq. (7): what the landmarks move
#
# The coefficients are affine in $[y,0]$: by (6), $a = \bar E^\dagger[y-p,\,0]$, and neither $\bar E$ nor $p$ depends on
# $y$ once $\mathbf R$ is fixed. So
#
# $$\frac{da}{d[y,0]} = \bar E^\dagger ,\qquad J\times(2L+J). \tag{7}$$
#
# Its last $J$ columns are derivatives with respect to zeros that never change. They have a meaning all the same: those
# rows of $\bar E$ read "$\sigma_ja_j$ was measured to be 0" (notebook 03), and a column says what $a$ would do if
# another number had been measured.
#
# **Print and convention.** The supplement's (6) is written for rows, its (7) and (8) for columns. With rows throughout,
# every Jacobian here would be transposed.

# %%
y = solve.unwrap(Y)
E_bar = np.concatenate([E, np.diag(sigma)])
E_bar_dagger = np.linalg.solve(E_bar.T @ E_bar, E_bar.T)
a = E_bar_dagger @ np.concatenate([y - p, np.zeros(J)])
print("E_bar", E_bar.shape, " E_bar_dagger", E_bar_dagger.shape)
print(f"length of a: {np.linalg.norm(a):.6f} m by (6), {np.linalg.norm(result.a):.6f} m by the search")
assert np.allclose(E_bar_dagger, np.linalg.pinv(E_bar)) and np.allclose(a, result.a)
assert np.allclose(E_bar_dagger, landmark_gradient.landmarks_to_coefficients(E, sigma))

# %% [markdown]
# ### The truncation $\bar E^t$
#
# What can move is $y$. The map $y\mapsto[y,0]$ has the derivative $\begin{bmatrix}I\\0\end{bmatrix}$, so by the chain
# rule
#
# $$\frac{da}{dy} = \bar E^\dagger\begin{bmatrix}I\\0\end{bmatrix}
#   = \text{the first } 2L \text{ columns of } \bar E^\dagger = \bar E^t
#   = \bigl(E^\top E + \operatorname{diag}(\sigma^2)\bigr)^{-1}E^\top .$$
#
# The supplement says only that "$\bar E^t$ is the truncation of $\bar E^\dagger$", and not on which side. The last $2L$
# columns have the same shape; you will meet someone who took those. (In the toy: $\bar E^\dagger = 0.4\,(1, 0, -1, 1,
# 0, -1, 1)$, and the last six would be $0.4\,(0, -1, 1, 0, -1, 1)$.)

# %%
E_bar_t = E_bar_dagger[:, : 2 * L]
assert np.allclose(E_bar_t, np.linalg.solve(E.T @ E + np.diag(sigma**2), E.T))
assert np.allclose(E_bar_t, solve.truncated_pseudo_inverse(E, sigma))
print("E_bar_t", E_bar_t.shape)

# %% [markdown]
# ## Eq. (8): the chain rule
#
# $$\frac{d\hat y}{dy} = \frac{d\hat y}{da}\,\frac{da}{dy} = E\,\bar E^t =: H \tag{8}$$
#
# A $2L\times2L$ matrix, here $34\times34$. For whatever `lift` returned, `landmark_jacobian` gives it.

# %%
H = E @ E_bar_t
assert np.allclose(H, landmark_gradient.jacobian(E, E_bar_t))
assert np.allclose(H, landmark_jacobian(result, prior))
print("dY_hat/dY", H.shape)

# %% [markdown]
# As $\hat y = p + H(y-p)$ with constant $p$ and $H$, the mapping is not only differentiable but affine, as long as the
# winner stays. So (8) predicts steps of any size that don't change the winner. Let the wrist go up by 2 cm:

# %%
moved = Y.copy()
moved[1, wrist] += 0.02
again = lift(moved, prior)
assert (again.component, again.theta) == (result.component, result.theta)

predicted, found = H @ (solve.unwrap(solve.centre(moved)) - y), solve.unwrap(solve.centre(again.Y_hat) - result.Y_hat)
print(f"length of the change: {1000 * np.linalg.norm(predicted):.4f} mm by (8),", end=" ")
print(f"{1000 * np.linalg.norm(found):.4f} mm by solving anew")
assert np.allclose(found, predicted)
up = 1000 * (again.Y_hat - result.Y_hat)[1, wrist]
own = H[L + wrist, L + wrist]
assert np.isclose(up, 20 * own + 20 / L)
print(f"the wrist of Y_hat goes up by {up:.1f} mm: {own:.2f} of the 20 mm, and {20 / L:.1f} mm with everybody")

# %% [markdown]
# Of these millimetres $H$ gives the first part. The second comes from the mean: $H$ speaks of centred landmarks, `lift`
# adds the mean of $Y$ again, and that rose by a seventeenth of 2 cm (the section on image coordinates has the matrix).
#
# ### The question answered
#
# A loss $\mathcal L$ of $\hat y$ has a gradient $g = d\mathcal L/d\hat y$. By the chain rule its gradient with respect
# to $y$ is $H^\top g$: a **pull back**. A move $v$ of $y$ takes $\hat y$ along by $Hv$: a **push forward**. A training
# step needs only the pull back, and no $34\times34$ matrix for it: $\bar E^{t\top}(E^\top g)$ is two thin products,
# through the $J$ coefficients.
#
# A wish is a gradient with the other sign, and is pulled back in the same way. "The right wrist should go up" is a
# vector $g$ with a single 1; moving $Y$ along $H^\top g$ fulfils it fastest.

# %%
g = np.zeros(2 * L)
g[L + wrist] = 1.0
pulled = E_bar_t.T @ (E.T @ g)
assert np.allclose(pulled, H.T @ g)
assert np.allclose(pulled, landmark_gradient.pull_back(E, E_bar_t, g))
assert np.allclose(landmark_gradient.push_forward(E, E_bar_t, g), H @ g)

sizes = np.linalg.norm(solve.wrap(pulled), axis=0)
for n in np.argsort(sizes)[::-1][:4]:
    print(f"{names[n]:>14}: {solve.wrap(pulled)[0, n]:+.2f} in x, {solve.wrap(pulled)[1, n]:+.2f} in y")

# %% [markdown]
# ## The Jacobian as a picture
#
# Row: which coordinate of $\hat Y$ answers. Column: which coordinate of $Y$ is moved. The four blocks say how
# $x$ or $y$ answers when $x$ or $y$ is moved.


# %%
figures_04.jacobian(H, "dY_hat/dY = E E_bar_t, eq. (8)")
plt.show()

# %% [markdown]
# *What to see:*
# - The diagonal is strong for wrists, ankles, elbows and knees: the prior can't know where they are, so it believes the
#   landmark.
# - It is weak along the trunk, where neighbours share the answer: hips, pelvis and spine are nearly one rigid piece for
#   the prior, and it averages over them.
# - Off the two diagonal blocks there is little: for this dancer, moving things sideways hardly moves anything up.
# - The faint orange of the two diagonal blocks is the centring: one landmark that moves by 1 moves the mean by $1/17$,
#   and in centred coordinates all the others go back by as much.
# - It is symmetric.
#
# The same in numbers: half the trace of a landmark's own block, and the largest
# entry off the two diagonal blocks.

# %%
own_share = np.diag(H).reshape(2, L).mean(axis=0)
limbs = [n for n, name in enumerate(names) if name.endswith(("knee", "ankle", "wrist"))]
trunk = [skeleton.HUMAN36M.index(name) for name in ("pelvis", "spine", "neck")]
print(f"wrists, ankles, knees {own_share[limbs].mean():.2f}; trunk {own_share[trunk].mean():.2f}")
print(f"x with y: at most {np.abs(H[:L, L:]).max():.2f}")
assert own_share[limbs].min() > own_share[trunk].max() and np.abs(H[:L, L:]).max() < 0.4

# %% [markdown]
#
# ## A hat matrix: symmetric, eigenvalues from 0 to 1
#
# The toy's 0.8 is $\tau^2/(1+\tau^2)$ for $\tau = \lVert E\rVert/\sigma = 1/\tfrac12 = 2$. With $J$ bases, measure
# each in units of what it costs: $\tilde E = E\operatorname{diag}(\sigma)^{-1}$, with the singular value decomposition
# $\tilde E = U\operatorname{diag}(\tau)V^\top$. Then
#
# $$H = E\bigl(E^\top E + \operatorname{diag}(\sigma^2)\bigr)^{-1}E^\top
#   = \tilde E\,(\tilde E^\top\tilde E + I)^{-1}\tilde E^\top
#   = U\operatorname{diag}\Bigl(\frac{\tau_i^2}{1+\tau_i^2}\Bigr)U^\top .$$
#
# So $H$ is symmetric, and its eigenvalues $\tau_i^2/(1+\tau_i^2)$ lie in $[0, 1)$: one shrink factor for each
# direction. Statisticians call a matrix that makes $\hat y$ out of $y$ a **hat matrix**: it puts the hat on. Symmetric
# also means $H^\top = H$: here, push forward and pull back are the same map.

# %%
U, tau, _ = np.linalg.svd(E / sigma, full_matrices=False)
values, directions = np.linalg.eigh(H)
values, directions = values[::-1], directions[:, ::-1]

assert np.allclose(H, H.T)
assert np.allclose(values[:J], tau**2 / (1 + tau**2)) and np.allclose(values[J:], 0)
assert values.min() > -1e-12 and values.max() < 1  # none below 0 but by rounding
print("largest:", values[:3].round(4), " every eighth of the 34:", values[::8].round(2))

# %% [markdown]
# For training this means: a gradient that comes back through the lifting is filtered. Each direction $u_i$ (column of
# $U$) is shrunk by its eigenvalue; none is amplified, none turned round ($v^\top Hv\ge0$). What bodies do passes; what
# no body does is stopped. Some of the directions:

# %%
shown = [np.abs(values - share).argmin() for share in (1.0, 0.95, 0.5, 0.1)]
fig, axes = plt.subplots(1, 4, figsize=(9, 4), sharex=True, sharey=True, layout="constrained")
for ax, n in zip(axes, shown, strict=True):
    plots.draw_pose_2d(ax, result.Y_hat, legend=False, alpha=0.5)
    figures_04.arrows(ax, result.Y_hat, solve.wrap(directions[:, n]), "#009E73", f"direction {n + 1}", 0.5)
    ax.set_title(f"direction {n + 1}:\ntimes {values[n]:.3f}")
    ax.label_outer()
plt.show()

# %% [markdown]
# *What to see:* the first passes as it is: the prior's bodies do that all the time. Of the last one little is left:
# neighbours in one body hardly ever part like that.

# %% [markdown] tags=["exercise"]
# ### Exercise 4.2: pull back without the matrix (5 minutes)
# Return $H^\top g$, the pull back from above, for given `E`, `sigma` and `g`, with neither $H$ nor a pseudo-inverse:
# one linear system of $J$ equations for one vector.


# %% tags=["exercise"]
def pull_back_by_solving(E, sigma, g):
    # BEGIN SOLUTION
    return E @ np.linalg.solve(E.T @ E + np.diag(sigma**2), E.T @ g)
    # END SOLUTION


# %% tags=["answer"]
answer("4.2", pull_back_by_solving)

# %% [markdown] tags=["exercise"]
# ### Exercise 4.3: predict (3 minutes)
# All of $\sigma$ is made ten times as large. What happens to the gradient that comes back through the lifting? A: ten
# times as long. B: a hundredth, in every direction alike. C: shorter, but least so along what bodies do most. D:
# nothing.

# %% tags=["exercise"]
# BEGIN SOLUTION
with_stiffer_bodies = "C"
# END SOLUTION

# %% tags=["answer"]
answer("4.3", with_stiffer_bodies)

# %% [markdown]
# ### The trace counts parameters
#
# With $\sigma\to0$ every $\tau_i^2/(1+\tau_i^2)$ goes to 1 where $\tau_i$ isn't 0: $H$ projects onto what the bases
# can do. Those are $J$ parameters, or 32 where $J$ is larger, since centred landmarks have no more directions.
# With $\sigma\to\infty$ nothing is left. In between, $\operatorname{tr}H = \sum_i \tau_i^2/(1+\tau_i^2)$ counts a
# basis by the share of it that the landmarks decide: the **effective number of parameters**. The toy's is 0.8.


# %%
def spectrum(factor):
    """The eigenvalues of H that can differ from 0, for sigma times factor, which is tau over factor."""
    return tau**2 / (factor**2 + tau**2)


print(f"sum of the shares {spectrum(1).sum():.4f}, trace of H {np.trace(H):.4f}")
assert np.isclose(spectrum(1).sum(), np.trace(H))

# %%
figures_04.effective_parameters(spectrum, 10.0 ** np.linspace(-2, 2.5, 40))
plt.show()

# %% [markdown]
# *What to see:* centred landmarks have 32 directions, of which the learned prior lets as many through as the green dot
# says. That is many: so many bases follow the landmarks closely in the image, and what they do in depth is another
# matter (notebook 03).

# %% [markdown]
# ## Which landmarks talk to which
#
# Column $n$ of $H$ is where all of $\hat Y$ goes when one coordinate of $Y$ moves by 1. Drag the wrist: with the
# learned $\sigma$ it follows nearly alone. With ten times the $\sigma$ the prior insists on arms that it knows: the
# wrist follows less, and the elbow comes along. Drag the pelvis: it moves less than it was dragged, and the hips move
# with it.

# %%
stiff = landmark_gradient.jacobian(E, solve.truncated_pseudo_inverse(E, 10 * sigma))
cases = [("right_wrist", H, ""), ("right_wrist", stiff, ", sigma x 10"), ("pelvis", H, "")]

fig, axes = plt.subplots(1, 3, figsize=(9, 4.6), sharey=True, layout="constrained")
for ax, (name, matrix, note) in zip(axes, cases, strict=True):
    n = skeleton.HUMAN36M.index(name)
    plots.draw_pose_2d(ax, result.Y_hat, legend=False, alpha=0.5)
    ax.plot(*result.Y_hat[:, n], "o", ms=11, mfc="none", mec="black")
    figures_04.arrows(ax, result.Y_hat, solve.wrap(matrix[:, n]), "#009E73", "if it goes right", 0.3)
    figures_04.arrows(ax, result.Y_hat, solve.wrap(matrix[:, L + n]), "#CC79A7", "if it goes up", 0.3)
    ax.set_title(f"{name} moved{note}")
    ax.label_outer()
fig.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=4)
plt.show()

# %% [markdown]
# *What to see:* each picture has two columns of $H$ as arrows, green for a move to the right and pink for one up.
#
# ## Centred and image coordinates
#
# (2) knows no translation: $\mu$ and $\mathbf e$ are centred, and $Y$ has to be. In an image nothing is centred. So:
# subtract the mean, solve, add the mean again. With $Z$, the matrix that centres (it subtracts the mean of the $x$ from
# every $x$, that of the $y$ from every $y$), and $I - Z$, which puts the mean in the place of every landmark,
#
# $$\hat y_\text{image} = p + H\,(Zy - p) + (I-Z)\,y
#   \quad\Longrightarrow\quad \frac{d\hat y_\text{image}}{dy} = HZ + (I - Z) = H + (I-Z).$$
#
# $HZ = H$ since the columns of $E$ are centred, $Z^\top E = ZE = E$. The mean passes straight through.

# %%
Z = np.eye(2 * L) - np.kron(np.eye(2), np.full((L, L), 1 / L))
assert np.allclose(Z @ y, solve.unwrap(solve.centre(Y)))
assert np.allclose(H @ Z, H) and np.allclose(Z @ H, H)

in_image = H + np.eye(2 * L) - Z
assert np.allclose(in_image, landmark_jacobian(result, prior, centred=False))

everyone_right = np.repeat([1.0, 0.0], L)
assert np.allclose(H @ everyone_right, 0) and np.allclose(in_image @ everyone_right, everyone_right)
print(f"traces: {np.trace(H):.2f} centred, {np.trace(in_image):.2f} in the image")
print(f"everybody 1 to the right: H answers {np.abs(H @ everyone_right).max() + 0.0:.3f},", end=" ")
print(f"in the image {(in_image @ everyone_right)[:L].mean():.3f}")

# %% [markdown]
# **Free scale, missing and weighted landmarks** change $E$ and $\bar E^t$ and leave the derivation as it is. One thing
# changes that later notebooks need. With a landmark missing, $H$ is no longer symmetric: the unseen one has no say (its
# columns are 0), yet gets an answer (its rows are not). So **pull back, $H^\top g$, and push forward, $Hv$, part**.
# [04b](04b_scale_masks_weights.ipynb) shows it.

# %% [markdown]
# ## Checked three ways
#
# A derivation can be wrong in a way that its own `assert`s share. So (8) is compared with routes that know nothing of
# $\bar E^t$ (`lifting/checking/gradient_check.py`):
#
# - **autograd** records what a forward pass did, and differentiates that, step by step;
# - a **central difference** moves every coordinate by $\pm h$: its error falls as $h^2$, plus rounding over $h$;
# - a **complex step** moves it by $ih$ and reads off the imaginary part over $h$: nothing is subtracted, so $h$ may be
#   $10^{-20}$, and the derivative is exact to rounding.
#
# What is differentiated keeps $\mathbf R$ and the component fixed, as (8) does, and takes the pseudo-inverse of the
# whole $\bar E$, as (6) does: nothing in it was truncated by hand.


# %%
def pad(residual, J):
    """[y - p, 0] for every row."""
    return np.concatenate([residual, np.zeros((len(residual), J))], axis=1)


def frozen(y):
    """y_hat (n, 2L) of landmarks y (n, 2L), at the winner's rotation: (6), then (4)."""
    a = pad(y - p, J) @ np.linalg.pinv(E_bar).T
    return p + a @ E.T


print(f"the wrist's y: {frozen(y[None])[0, L + wrist]:.6f} m, by lift {result.Y_hat[1, wrist]:.6f} m")
assert np.allclose(frozen(y[None])[0], solve.unwrap(result.Y_hat))
differences, steps = gradient_check.central_difference(frozen, y), gradient_check.complex_step(frozen, y)


# %%
import torch


def frozen_torch(y):
    t = torch.from_numpy
    residual = torch.cat([y - t(p), torch.zeros(J, dtype=y.dtype)])
    return t(p) + t(E) @ (torch.linalg.pinv(t(E_bar)) @ residual)


by_autograd = torch.func.jacrev(frozen_torch)(torch.from_numpy(y)).numpy()
for name, other in {"autograd": by_autograd, "difference": differences, "complex step": steps}.items():
    print(f"{name:>12}: length {np.linalg.norm(other):.8f}, (8) has {np.linalg.norm(H):.8f}")
    assert gradient_check.relative_error(H, other) < 1e-9

# %% [markdown]
# Does `lift` itself have this derivative, rotations, mixture and all? Its inputs and outputs are image coordinates, so
# it is compared with $H + (I-Z)$. `check_jacobian` takes differences at two step sizes to estimate how far off they
# are, and refuses a Jacobian that is further off. First make sure that no step of the differences changes the winner.

# %%
radius = 2e-5
nearby = Y + radius * np.random.default_rng(1).uniform(-1, 1, (500, 2, L))
assert np.all(lift(nearby, prior).theta == result.theta) and np.all(lift(nearby, prior).component == result.component)


def answer_of(Y):
    return lift(Y, prior).Y_hat


H_image = in_image.reshape(2, L, 2, L)
assert gradient_check.check_jacobian(H_image, answer_of, Y) < 1e-8

through_lift = torch.autograd.functional.jacobian(answer_of, torch.from_numpy(Y)).numpy()
assert gradient_check.relative_error(H_image, through_lift) < 1e-12
print(f"length: (8) {np.linalg.norm(H_image):.8f}, autograd through lift {np.linalg.norm(through_lift):.8f}")
print("central differences of lift agree, too")

# %% [markdown]
# ### The checker checked
#
# A check that cannot fail is worth nothing. So a Jacobian that is wrong by a thousandth must be refused, and so must
# $H$, which is right, but in centred coordinates.

# %%
for name, wrong in {"a thousandth too large": 1.001 * H_image, "centred": H.reshape(2, L, 2, L)}.items():
    try:
        gradient_check.check_jacobian(wrong, answer_of, Y)
        print(f"{name}: passes")
    except gradient_check.GradientError as refusal:
        print(f"{name}: refused, off by {refusal.error:.1g}")
        assert refusal.error > 5e-4

# %% [markdown]
# ## Two mysteries
#
# The museum of mistakes lends us two functions that look right. Each takes the place of one of the package's. The first
# suspect is a `truncated_pseudo_inverse`.

# %% tags=["setup"]
suspect, second = mistakes.mystery(6), mistakes.mystery(1)

# %%
E_bar_x = suspect(E, sigma)
H_x = E @ E_bar_x
print(f"{suspect.__name__}: the right shape, {E_bar_x.shape == E_bar_t.shape}")
print(f"E times it: symmetric, {np.allclose(H_x, H_x.T)}")
try:
    gradient_check.check_jacobian(H_x, frozen, y)
except gradient_check.GradientError as refusal:
    print("as a Jacobian: refused; off by more than a tenth:", refusal.error > 0.1)

# %% [markdown]
# So it is not the derivative of (6). It doesn't solve (5) either: the museum's own check tests whether $a =
# \bar E^t(y-p)$ is a minimum. Where do its numbers come from? Look for its first column among those of
# $\bar E^\dagger$.

# %%
found = [n for n in range(2 * L + J) if np.allclose(E_bar_dagger[:, n], E_bar_x[:, 0])]
print(f"its first column is column {found[0]} of the {2 * L + J} of E_bar_dagger, counted from 0")
assert np.allclose(E_bar_x, E_bar_dagger[:, -2 * L :])
try:
    mistaken_models.check_truncation_minimises(suspect)
except mistaken_models.MistakeFound as mistake:
    print(mistake)

# %% [markdown]
# Truncated on the wrong side: the last $2L$ columns belong to $[0, y]$. The second suspect is a `stack_ridge`, which
# makes $\bar E$. Put it through the same tests.

# %%
E_bar_x = second(E, sigma)
E_bar_x_t = np.linalg.pinv(E_bar_x)[:, : 2 * L]
H_x, values_x = E @ E_bar_x_t, np.linalg.eigvalsh(E @ E_bar_x_t)
print(f"symmetric: {np.allclose(H_x, H_x.T)}, eigenvalues in [0, 1): {values_x.min() > -1e-9 and values_x.max() < 1}")

error = gradient_check.check_jacobian(H_x, lambda y: p + (y - p) @ E_bar_x_t.T @ E.T, y)
print(f"passes the gradient check: {error < 1e-8}")

# %% [markdown]
# All is well, and yet it is wrong. **This is why central differences alone do not suffice: the correct gradient of a
# wrong forward pass passes them.** A gradient check asks whether the derivative belongs to the function, never whether
# the function is the right one. This one belongs to a wrong $\bar E$. Only a look at the model finds that: (5), divided
# by the noise's variance, must be $-2\ln$ of a probability.

# %%
try:
    mistaken_models.check_ridge_is_the_prior(second)
except mistaken_models.MistakeFound as mistake:
    print(mistake)
print("its last rows are diagonal:", np.allclose(E_bar_x[2 * L :], np.diag(np.diag(E_bar_x[2 * L :]))))

# %% [markdown] tags=["exercise"]
# ### Exercise 4.4: convict the second suspect (6 minutes)
# `second(E, sigma)` is $E$ above a diagonal matrix. Find out what stands on the diagonal, and return it as a function
# of `sigma`. Which sentence of notebook 02 would have warned its author?


# %% tags=["exercise"]
def on_the_diagonal(sigma):
    # BEGIN SOLUTION
    return 1 / sigma  # as if sigma were a standard deviation, and not an inverse one
    # END SOLUTION


# %% tags=["answer"]
answer("4.4", on_the_diagonal)

# %% [markdown]
# ## Where it stops holding
#
# (8) is exact as long as the winner of the search stays. Where another angle or another component wins, $\hat Y$ jumps:
# by a little from one angle to the next, by more between components. In the toy the next rotation is a quarter turn
# away, and the jump is large. How far away is the edge?

# %%
for step in (0.0, 1.0, 2.0, 3.0):
    moved = toy.Y + step * np.array([[-1.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
    found = lift(moved, toy.prior(), rotations=4)
    print(
        f"hands {step:.0f} inwards: {np.degrees(found.theta):3.0f} degrees, Y_hat's x {found.Y_hat[0].round(2) + 0.0}"
    )

# %% [markdown]
# Between 1 and 2 the winner turns, and again between 2 and 3. No derivative tells of it: at 2, (8) still says $x =
# (0.8, 0, -0.8)$. On real poses a move by one pixel of a belief map crosses such an edge in a large share of all cases,
# and most jumps are small: [04c](04c_where_it_jumps.ipynb) measures it. The supplement's word "sub-gradient" means this
# derivative of the piece on which we stand. It leaves the turning out: until the winner jumps, (8) follows a person who
# turns a little by bending the body.
#
# ## The widget
#
# Drag a landmark, or choose one and move it by "x" and "y"; a click hides it.
# Dotted is what was given, in colours what comes back. Green arrows:
# how $\hat Y$ would answer if the landmark went right; pink ones: up. They are the two marked columns of the matrix.
# Try: "sigma" to the right, and arrows spread along the limb while eigenvalues and trace fall. Then "x" slowly from end
# to end, and watch the winner below: where it jumps, so does everything else. With 8 rotations it jumps further.

# %%
from lifting.drawing.widgets.jacobian import JacobianWidget

widget = JacobianWidget(Y, prior, landmark="right_wrist")
widget.view()

# %%
traces, winners = {}, {}
for factor in (0.1, 1.0, 10.0):
    widget["sigma"] = factor
    traces[factor] = np.trace(widget.response.H)
widget["sigma"] = 1.0
for x in (-0.4, 0.0, 0.2):
    widget["x"] = x
    winners[x] = widget.response.component, widget.response.angle
print("traces:", {factor: round(float(value), 1) for factor, value in traces.items()})
assert np.isclose(traces[1.0], np.trace(H)) and traces[0.1] > traces[1.0] > traces[10.0]
assert len(set(winners.values())) > 1

# %% tags=["nbval-ignore-output"]
# not compared: last digits differ between machines
widget.recorded("landmark", "x", "y", "sigma", "rotations")

# %% [markdown] tags=["exercise"]
# ### Exercise 4.5: your own loss (6 minutes)
# Choose any direction `g` $(2, 17)$ in which a loss might pull the dancer's $\hat Y$: one landmark, one limb, a picture
# made larger. Return it such that at least half of its length comes back through $H$, and some of it is lost:
# $0.5 < \lVert H^\top g\rVert / \lVert g\rVert < 0.95$. Predict first: does a raised wrist come back? A longer neck?

# %% tags=["exercise"]
# BEGIN SOLUTION
head = np.arange(17) == skeleton.HUMAN36M.index("head_top")
my_g = np.stack([np.zeros(17), head.astype(float)])
# END SOLUTION

# %% tags=["answer"]
answer("4.5", my_g)

# %% [markdown]
# ## Recap
#
# - (3), (4): with $\mathbf R$ fixed $\hat Y$ is affine in $a$, with the columns $\Pi\mathbf R\mathbf e_j$ of $E$. (7):
#   $a$ is affine in $[y,0]$, with $\bar E^\dagger$; what $y$ can reach of it are its *first* $2L$ columns,
#   $\bar E^t = (E^\top E + \operatorname{diag}(\sigma^2))^{-1}E^\top$.
# - (8): $H = E\bar E^t$ shrinks every direction by $\tau^2/(1+\tau^2)$, and amplifies none. It lets pass what bodies
#   do.
# - A loss needs $H^\top g = \bar E^{t\top}(E^\top g)$, never the matrix. In the image the mean passes straight through,
#   $H + (I-Z)$.
# - Autograd, central differences and complex steps agree with (8). A gradient check finds a wrong derivative, and never
#   a wrong function: that takes a look at the model.
#
# ## Recall
#
# Answer before you unfold.
#
# 1. <details><summary>Along E the toy's H multiplies by 0.8. Where is the missing fifth?</summary>
#
#    With the prior: $\sigma^2/(E^\top E+\sigma^2) = \tfrac14/\tfrac54$.
#
#    </details>
# 2. <details><summary>Which columns of E_bar_dagger are E_bar_t, and why those?</summary>
#
#    The first $2L$: they meet $y$; the last $J$ meet zeros that never change.
#
#    </details>
# 3. <details><summary>What does a training step need of H?</summary>
#
#    One product, $H^\top g = \bar E^{t\top}(E^\top g)$, through the $J$ coefficients.
#
#    </details>
# 4. <details><summary>Can a gradient grow on its way back through (8)?</summary>
#
#    No: all eigenvalues lie in $[0, 1)$.
#
#    </details>
# 5. <details><summary>What does the trace of H count?</summary>
#
#    Effective parameters: each direction by the share of it that the landmarks decide.
#
#    </details>
# 6. <details><summary>All central differences agree with your gradient. What may still be wrong?</summary>
#
#    The forward pass: the check only asks whether the two belong together.
#
#    </details>
# 7. <details><summary>When is H not symmetric, and what follows?</summary>
#
#    With landmarks missing or weighted; then pull back ($H^\top g$) and push forward ($Hv$) differ.
#
#    </details>
#
# What is left: how a landmark moves the belief map that is drawn around it, (9): [05](05_belief_gradient.ipynb).

# %%
progress()
