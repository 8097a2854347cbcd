# %% [markdown]
# # 04 The landmark gradient
#
# **The question.** A loss looks at the projected landmarks $\hat Y$ and says: the right wrist should go up. How should
# the landmarks $Y$, from which the pose was solved, move to bring that about?
#
# Afterwards you can derive (3), (4), (7) and (8); you can read the Jacobian $E\bar E^t$ as what statisticians call a
# hat matrix; you have checked it in three ways that know nothing of its formula; and you have seen where it stops
# holding.
#
# Quotation marks hold the supplement's own words, and equation numbers are the supplement's.

# %% tags=["setup"]
import matplotlib.pyplot as plt
import numpy as np

from lifting import camera, landmark_gradient, landmark_jacobian, lift, load_prior, pose_prior, skeleton, solve
from lifting.checking import gradient_check, jumps, mistaken_models, mistakes, turning
from lifting.datasets import motion_capture, real_frames
from lifting.drawing import answer, figures_04, plots

# %%
plots.draw_way_through(plt.figure(figsize=(9, 2.4)).add_subplot(), "landmark gradient")
plt.show()

# %% [markdown]
# So far all arrows went to the right: landmarks $Y$ to a rotation $\mathbf R$ and coefficients $a$ by (2), and these to
# $\hat Y$ by (1). This room is the dashed arrow from $\hat Y$ back to $Y$.
#
# ## One dancer, solved for
#
# A dancer from real motion capture, turned by 23 degrees, and the embedded prior (`data/prior.md`), of which $K$ and
# $J$ are printed below. It has seen this dance, which flatters the fit and changes nothing about derivatives.

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
# ### What is held fixed
#
# The winner of (2) is one of 80 rotations and one of $K$ Gaussians. A small move of $Y$ mostly leaves both as they
# are, and the supplement differentiates there: "sub-gradients can be induced by fixing $\mathbf R$ to its current
# state", and "the reader should assume that the best model has already been selected in the forward pass". So
# $\theta$ and the component are constants until the section on jumps, near the end.
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
assert np.allclose(after - before, 0.1 * dY_da[3])


# %%
fig, axes = plt.subplots(1, 3, figsize=(9, 4.4), sharex=True, sharey=True, layout="constrained")
for j, ax in enumerate(axes):
    plots.draw_pose_2d(ax, result.Y_hat, legend=False, alpha=0.5)
    figures_04.arrows(ax, result.Y_hat, dY_da[j], "#009E73", f"dY_hat / da_{j}", 0.5)
    ax.set_title(f"basis {j}: sigma = {sigma[j]:.3f}")
plt.show()

# %% [markdown]
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
assert np.allclose(E, package_E)
assert np.allclose(solve.unwrap(result.Y_hat), p + E @ result.a)
print("E", E.shape)

# %% [markdown]
# ## Eq. (7): what the landmarks move
#
# The coefficients are linear in $[y,0]$: by (6), $a = \bar E^\dagger[y-p,\,0]$, and neither $\bar E$ nor $p$ depends on
# $y$ once $\mathbf R$ is fixed. So
#
# $$\frac{da}{d[y,0]} = \bar E^\dagger ,\qquad J\times(2L+J). \tag{7}$$
#
# Its last $J$ columns are derivatives by zeros that never change. They have a meaning all the same: those rows of
# $\bar E$ read "$\sigma_ja_j$ was measured to be 0" (notebook 03), and a column says what $a$ would do if another
# number had been measured.
#
# **Print and convention.** The supplement's (6) multiplies rows from the left, its (7) and (8) are right for columns.
# With rows throughout, every Jacobian here would be transposed.

# %%
y = solve.unwrap(Y)
E_bar = np.concatenate([E, np.diag(sigma)])
E_bar_dagger = np.linalg.solve(E_bar.T @ E_bar, E_bar.T)
print("E_bar", E_bar.shape, " E_bar_dagger", E_bar_dagger.shape)
assert np.allclose(E_bar_dagger, np.linalg.pinv(E_bar))
assert np.allclose(E_bar_dagger, landmark_gradient.landmarks_to_coefficients(E, sigma))
assert np.allclose(E_bar_dagger @ np.concatenate([y - p, np.zeros(J)]), result.a)

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
# columns have the same shape; below you will meet someone who took those.

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
# A $2L\times2L$ matrix, here $34\times34$. The front door has it for whatever `lift` returned, `landmark_jacobian`.

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

predicted = H @ (solve.unwrap(solve.centre(moved)) - y)
assert np.allclose(solve.unwrap(solve.centre(again.Y_hat) - result.Y_hat), predicted)
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
# A loss $l$ of $\hat y$ has a gradient $g = dl/d\hat y$. By the chain rule its gradient by $y$ is $H^\top g$: a **pull
# back**. $Hv$, where a move $v$ takes $\hat y$, is a **push forward**. A training step needs only the pull back, and no
# $34\times34$ matrix for it: $\bar E^{t\top}(E^\top g)$ is two thin products, through the $J$ coefficients.
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

# %% [markdown] tags=["exercise"]
# ### Exercise 4.1: pull back without the matrix
# Return $H^\top g$ for given `E`, `sigma` and `g`, with neither $H$ nor a pseudo-inverse: one linear system of $J$
# equations for one vector.


# %% tags=["exercise"]
def pull_back_by_solving(E, sigma, g):
    # BEGIN SOLUTION
    return E @ np.linalg.solve(E.T @ E + np.diag(sigma**2), E.T @ g)
    # END SOLUTION


# %% tags=["setup"]
exercise_E, exercise_E_bar_t = landmark_gradient.landmark_model(gaussian, result.theta)
exercise_g = np.random.default_rng(4).standard_normal(2 * L)

# %% tags=["answer"]
answer(
    "4.1",
    pull_back_by_solving(exercise_E, sigma, exercise_g),
    landmark_gradient.pull_back(exercise_E, exercise_E_bar_t, exercise_g),
    hint="Transpose E_bar_t = (E.T E + diag(sigma^2))^-1 E.T. The matrix in brackets is symmetric.",
)

# %% [markdown]
# ## The Jacobian as a picture
#
# Row: which coordinate of $\hat Y$ answers. Column: which coordinate of $Y$ is moved. The four blocks are $x$ and $y$
# by $x$ and $y$.


# %%
figures_04.jacobian(H, "dY_hat/dY = E E_bar_t, eq. (8)")
plt.show()

# %% [markdown]
# - The diagonal is strong for hands, feet and knees: the prior can't know where they are, so it believes the landmark.
# - It is weak along the trunk, where blocks of neighbours share the answer: hips, pelvis and spine are one rigid piece
#   for the prior, and it averages over them.
# - Off the two diagonal blocks there is little: for this dancer, moving things sideways hardly moves anything up.
# - The faint orange of the two diagonal blocks is the centring: whoever moves by 1 takes the mean along by $1/17$.
# - It is symmetric.
#
# The same in numbers: half the trace of a landmark's own block, and the largest entry off the two diagonal blocks.

# %%
own_share = np.diag(H).reshape(2, L).mean(axis=0)
limbs = [n for n, name in enumerate(names) if name.endswith(("knee", "ankle", "wrist"))]
trunk = [skeleton.HUMAN36M.index(name) for name in ("pelvis", "spine", "neck")]
print(f"hands, feet, knees {own_share[limbs].mean():.2f}; trunk {own_share[trunk].mean():.2f}")
print(f"x with y: at most {np.abs(H[:L, L:]).max():.2f}")
assert own_share[limbs].min() > own_share[trunk].max() and np.abs(H[:L, L:]).max() < 0.4

# %% [markdown]
#
# ## A hat matrix: symmetric, eigenvalues from 0 to 1
#
# Substitute $G = E\operatorname{diag}(\sigma)^{-1}$, which measures every basis in units of what it costs. Then
# $E = G\operatorname{diag}(\sigma)$ and
#
# $$H = E\bigl(E^\top E + \operatorname{diag}(\sigma^2)\bigr)^{-1}E^\top = G\,(G^\top G + I)^{-1}G^\top
#   = U\operatorname{diag}\Bigl(\frac{s_i^2}{1+s_i^2}\Bigr)U^\top$$
#
# with the singular value decomposition $G = U\operatorname{diag}(s)V^\top$. So $H$ is symmetric, and its eigenvalues
# $s_i^2/(1+s_i^2)$ lie in $[0, 1)$. Statisticians call the matrix that makes $\hat y$ of $y$ a **hat matrix**: it puts
# the hat on. Symmetric also means $H^\top = H$: here, push forward and pull back are the same map.

# %%
U, s, _ = np.linalg.svd(E / sigma, full_matrices=False)
values, directions = np.linalg.eigh(H)
values, directions = values[::-1], directions[:, ::-1]

assert np.allclose(H, H.T)
assert np.allclose(values[:J], s**2 / (1 + s**2)) and np.allclose(values[J:], 0)
assert values.min() > -1e-12 and values.max() < 1  # none below 0 but by rounding
print("largest:", values[:3].round(4), " from the first to the last of J:", values[: J : J // 5].round(2))

# %% [markdown]
# What this means for training. A gradient that comes back through the lifting is a filtered one: each direction
# $u_i$ is shrunk by its eigenvalue, none is ever amplified, none turned round ($v^\top Hv\ge0$). What bodies do passes;
# what no body does is stopped. Some of the directions:

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
# The first passes as it is: the prior's bodies do that all the time. Of the last one little is left: neighbours in one
# body hardly ever part like that.
#
# ### The trace counts parameters
#
# With $\sigma\to0$ every $s_i^2/(1+s_i^2)$ goes to 1 where $s_i$ isn't 0: $H$ projects onto what the bases can do.
# Those are $J$ parameters, or 32 where $J$ is larger, since centred landmarks have no more directions.
# With $\sigma\to\infty$ nothing is. In between, $\operatorname{tr}H = \sum_i s_i^2/(1+s_i^2)$ counts a basis by the
# share of it that the landmarks decide: the **effective number of parameters**.


# %%
def spectrum(factor):
    """The eigenvalues of H that can differ from 0, for sigma times factor, which is s over factor."""
    return s**2 / (factor**2 + s**2)


assert np.isclose(spectrum(1).sum(), np.trace(H))

# %%
figures_04.effective_parameters(spectrum, 10.0 ** np.linspace(-2, 2.5, 40))
plt.show()

# %% [markdown]
# Centred landmarks have 32 directions, of which the learned prior lets as many through as the green dot says. That is
# many: so many bases follow the landmarks closely in the image, and what they do in depth is another matter (notebook
# 03).

# %% [markdown] tags=["exercise"]
# ### Exercise 4.2: count the parameters
# Return the trace of $H$ for given `E` and `sigma` from singular values alone, without $H$.


# %% tags=["exercise"]
def effective_parameters(E, sigma):
    # BEGIN SOLUTION
    s = np.linalg.svd(E / sigma, compute_uv=False)
    return np.sum(s**2 / (1 + s**2))
    # END SOLUTION


# %% tags=["answer"]
answer(
    "4.2",
    [effective_parameters(exercise_E, sigma), effective_parameters(exercise_E, 10 * sigma)],
    [
        np.trace(landmark_gradient.jacobian(exercise_E, solve.truncated_pseudo_inverse(exercise_E, ridge)))
        for ridge in (sigma, 10 * sigma)
    ],
    hint="Divide every column of E by its sigma; a singular value s becomes the eigenvalue s^2 / (1 + s^2).",
)

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
# The $2\times2$ block of landmark $n$ with itself says how much it is believed; statisticians say **leverage**. Half
# its trace, 1 for "always believed", 0 for "overruled by the others":

# %%
leverage = np.diag(H).reshape(2, L).mean(axis=0)
order = np.argsort(leverage)
side = [next((s for s in ("left", "right") if name.startswith(s)), "middle") for name in names]

fig, ax = plt.subplots(figsize=(7, 4))
ax.barh(range(L), leverage[order], color=[plots.COLOURS[side[n]] for n in order])
ax.set_yticks(range(L), [names[n] for n in order], fontsize=9)
ax.set(xlabel="leverage", xlim=(0, 1), title="how much each landmark is believed (blue left, vermilion right)")
plt.show()
assert np.isclose(2 * leverage.sum(), np.trace(H))

# %% [markdown]
# ## Centred and image coordinates
#
# (2) knows no translation: $\mu$ and $\mathbf e$ are centred, and $Y$ has to be. In an image nothing is. So the whole
# way is: subtract the mean, solve, add the mean again. With $C$, the matrix that centres (it subtracts the mean of the
# $x$ from every $x$, that of the $y$ from every $y$), and $I - C$, which puts the mean in the place of every landmark,
#
# $$\hat y_\text{image} = p + H\,(Cy - p) + (I-C)\,y
#   \quad\Longrightarrow\quad \frac{d\hat y_\text{image}}{dy} = HC + (I - C) = H + (I-C).$$
#
# $HC = H$ since the columns of $E$ are centred, $C^\top E = CE = E$. The mean passes straight through.

# %%
C = np.eye(2 * L) - np.kron(np.eye(2), np.full((L, L), 1 / L))
assert np.allclose(C @ y, solve.unwrap(solve.centre(Y)))
assert np.allclose(H @ C, H) and np.allclose(C @ H, H)

in_image = H + np.eye(2 * L) - C
assert np.allclose(in_image, landmark_jacobian(result, prior, centred=False))

everyone_right = np.repeat([1.0, 0.0], L)
assert np.allclose(H @ everyone_right, 0) and np.allclose(in_image @ everyone_right, everyone_right)
print(f"traces: {np.trace(H):.2f} centred, {np.trace(in_image):.2f} in the image")

# %% [markdown]
# ## Free scale: one eigenvalue is exactly 1
#
# Where the scale $s$ is solved for as well (notebook 03), $D = [p\;E]$ takes the place of $E$, $0$ that of $p$, and
# $[0,\sigma]$ that of $\sigma$. So $\hat y = Hy$ with $H = D\bar D^t$: linear, no longer affine. Nothing is paid
# for $s$, and therefore $Hp = p$: along $p$ the eigenvalue is 1, and the interval closes to $[0, 1]$. As $\hat y$ grows
# in proportion to $y$, $H$ has no unit: the same in metres and in pixels.

# %%
D = np.column_stack([p, E])
D_bar_t = np.linalg.solve(D.T @ D + np.diag(np.append(0.0, sigma) ** 2), D.T)
H_free = D @ D_bar_t
assert np.allclose(H_free @ p, p) and np.isclose(np.linalg.eigvalsh(H_free).max(), 1)

pixels = lift(250 * Y, prior, scale=None)
print(f"in pixels: scale {pixels.scale:.1f}, theta {np.degrees(pixels.theta):.1f} degrees")
H_pixels = landmark_jacobian(pixels, prior)
assert np.allclose(H_pixels @ solve.unwrap(250 * Y), solve.unwrap(pixels.Y_hat))
assert pixels.theta == result.theta and np.allclose(H_pixels, H_free)

# %% [markdown]
# ## Missing landmarks: no longer symmetric
#
# A landmark that was not seen has no say, but it gets an answer: the prior places it. So $\bar E^t$ is computed from
# the visible rows only and has zeros in the columns of the others, while $E$ keeps all rows, centred over what is
# visible. $E\bar E^t$ then has zero columns and no zero rows, and **push forward and pull back part**.
#
# On a real photo, with scale, camera and mask: the network has no spine and no top of the head.

# %%
frame = real_frames.load_real_frames()[0]
seen = lift(frame.Y, prior, scale=None, visible=frame.visible, camera=frame.camera)
H_seen = landmark_jacobian(seen, prior)
unseen = np.tile(~frame.visible, 2)
print("not seen:", [name for name, there in zip(names, frame.visible, strict=True) if not there])
assert np.all(H_seen[:, unseen] == 0) and np.all(np.abs(H_seen[unseen]).sum(axis=1) > 0.1)
assert not np.allclose(H_seen, H_seen.T)

# %%
k = seen.component
options = {"free_scale": True, "weights": frame.visible, "camera": frame.camera}
E_seen, E_seen_t = landmark_gradient.landmark_model(prior.gaussian(k), seen.theta, **options)
rng = np.random.default_rng(0)
v, g = rng.standard_normal((2, 2 * L))
forth, back = landmark_gradient.push_forward(E_seen, E_seen_t, v), landmark_gradient.pull_back(E_seen, E_seen_t, g)
assert np.allclose(forth, H_seen @ v) and np.allclose(back, H_seen.T @ g)
assert np.isclose(g @ forth, back @ v) and not np.allclose(back, H_seen @ g)

# %% [markdown]
# The two always meet in $\langle g, Hv\rangle = \langle H^\top g, v\rangle$, which needs no matrix and will be one of
# our checks. And a loss may ask for a landmark that nobody saw: "the spine should go right by 1". The gradient goes to
# those that were seen, here to the whole trunk in about equal shares. (In the photo's coordinates: there the mean is
# moved as well, as in the last section but one.)
#
# **Print and convention.** The supplement multiplies rows in (5) and (6). For rows,
# $\hat y^\top = p^\top + (y-p)^\top H^\top$, so that what stands on the right of the row is $H^\top$ and not the
# printed $E\bar E^t$. As long as all landmarks are seen nobody can tell, since $H$ is symmetric. Here one can: (8) is
# right for columns.

# %%
spine = skeleton.HUMAN36M.index("spine")
ask = np.zeros(2 * L)
ask[spine] = 1.0
share = solve.wrap(landmark_jacobian(seen, prior, centred=False).T @ ask)
assert np.all(share[:, ~frame.visible] == 0)
for n in np.argsort(np.linalg.norm(share, axis=0))[::-1][:5]:
    print(f"{names[n]:>14}: {share[0, n]:+.2f} in x, {share[1, n]:+.2f} in y")

# %%
rows, pulled = camera.flip_y(seen.Y_hat), camera.flip_y(share)  # rows of the photo go down
ax = plt.figure(figsize=(5, 6)).add_subplot()
plots.draw_landmarks_on_photo(ax, frame.image, rows, alpha=0.4, legend=False)
figures_04.arrows(ax, rows[:, [spine]], [[1.0], [0.0]], "#F0E442", "asked of the spine: 1", 120)
figures_04.arrows(ax, rows, pulled, "#009E73", "pulled back, three times as long", 3 * 120)
ax.legend(fontsize=9, loc="upper left", bbox_to_anchor=(1.02, 1))
plt.show()

# %% [markdown]
# ## Weighted ridge: (8) with confidences
#
# Where landmark $l$ counts $w_l$ times (notebook 03), $a = (E^\top WE + S^2)^{-1}E^\top W(y-p)$ with
# $S=\mathrm{diag}(\sigma)$, so
#
# $$\bar E^t = (E^\top WE+S^2)^{-1}E^\top W, \qquad H = E\,(E^\top WE+S^2)^{-1}E^\top W .$$
#
# $H$ itself is not symmetric, $WH$ is. In image coordinates it is the weighted mean that passes straight through, and
# $C = I - 1m^\top$ with $m_l = w_l/\sum w$, for $x$ and for $y$. A landmark of weight 0 is the missing one from above.
# Nothing is differentiated by the weights: they are given.
#
# Made-up weights for the landmarks of the photo, no two alike; a central difference of the whole `lift` is the judge:

# %%
w = np.where(frame.visible, np.linspace(0.2, 1.0, L), 0.0)
confident = lift(frame.Y, prior, scale=None, weights=w, camera=frame.camera)
H_w = landmark_jacobian(confident, prior)
WH = np.tile(w, 2)[:, None] * H_w
assert np.allclose(WH, WH.T) and not np.allclose(H_w, H_w.T) and np.all(H_w[:, np.tile(w == 0, 2)] == 0)

# %%
in_pixels = landmark_jacobian(confident, prior, centred=False)
step = 0.01 * rng.standard_normal((2, L))
ahead, behind = (lift(frame.Y + sign * step, prior, scale=None, weights=w, camera=frame.camera) for sign in (1, -1))
assert ahead.theta == behind.theta == confident.theta and ahead.component == behind.component
difference = solve.unwrap(ahead.Y_hat - behind.Y_hat) / 2
assert np.allclose(in_pixels @ solve.unwrap(step), difference, atol=1e-6)
print("for steps of 0.01 pixels they differ by less than 1e-6 pixels")

# %% [markdown] tags=["exercise"]
# ### Exercise 4.3: image coordinates with missing landmarks
# `H` is the centred Jacobian and `visible` the mask. Return the Jacobian in image coordinates: every landmark of
# $\hat Y$, seen or not, also gets the mean of the *visible* landmarks of $Y$.


# %% tags=["exercise"]
def in_image_coordinates(H, visible):
    # BEGIN SOLUTION
    mean = np.tile(visible / visible.sum(), (len(visible), 1))
    return H + np.kron(np.eye(2), mean)
    # END SOLUTION


# %% tags=["setup"]
exercise_frame = real_frames.load_real_frames()[0]
exercise_lifted = lift(
    exercise_frame.Y, prior, scale=None, visible=exercise_frame.visible, camera=exercise_frame.camera
)

# %% tags=["answer"]
answer(
    "4.3",
    in_image_coordinates(landmark_jacobian(exercise_lifted, prior), exercise_frame.visible),
    landmark_jacobian(exercise_lifted, prior, centred=False),
    hint="Each row of the mean's matrix holds 1/n for the n visible landmarks and 0 for the others.",
)

# %% [markdown]
# ## Checked three ways
#
# A derivation can be wrong in a way that its own `assert`s share. So (8) is held against routes that have never heard
# of $\bar E^t$ (`lifting/checking/gradient_check.py`):
#
# - **autograd** records what a forward pass did, and differentiates that, step by step;
# - a **central difference** moves every coordinate by $\pm h$: its error falls as $h^2$, plus rounding over $h$;
# - a **complex step** moves it by $ih$ and reads off the imaginary part over $h$: nothing is subtracted, so that
#   $h = 10^{-20}$ will do, and the derivative is exact to rounding.
#
# What is differentiated holds $\mathbf R$ and the component, as (8) does, and takes the pseudo-inverse of the whole
# $\bar E$, as (6) does: nothing in it was truncated by hand.


# %%
def pad(residual, J):
    """[y - p, 0] for every row."""
    return np.concatenate([residual, np.zeros((len(residual), J))], axis=1)


def frozen(y):
    """y_hat (n, 2L) of landmarks y (n, 2L), at the winner's rotation: (6), then (4)."""
    a = pad(y - p, J) @ np.linalg.pinv(E_bar).T
    return p + a @ E.T


assert np.allclose(frozen(y[None])[0], solve.unwrap(result.Y_hat))
differences, steps = gradient_check.central_difference(frozen, y), gradient_check.complex_step(frozen, y)


# %%
import torch


def frozen_torch(y):
    t = torch.from_numpy
    residual = torch.cat([y - t(p), torch.zeros(J, dtype=y.dtype)])
    return t(p) + t(E) @ (torch.linalg.pinv(t(E_bar)) @ residual)


by_autograd = torch.func.jacrev(frozen_torch)(torch.from_numpy(y)).numpy()
for name, J_other in {"autograd": by_autograd, "difference": differences, "complex step": steps}.items():
    print(f"{name:>12}: relative error below 1e-9: {gradient_check.relative_error(H, J_other) < 1e-9}")
    assert gradient_check.relative_error(H, J_other) < 1e-9

# %% [markdown]
# Does `lift` itself have this derivative, rotations, mixture and all? Its inputs and outputs are image coordinates, so
# it is compared with $H + (I-C)$. `check_jacobian` takes differences at two step sizes to find out how far off a
# difference can be, and refuses what is further off. First make sure that no step of the differences changes the
# winner.

# %%
radius = 2e-5
nearby = Y + radius * np.random.default_rng(1).uniform(-1, 1, (500, 2, L))
assert np.all(lift(nearby, prior).theta == result.theta) and np.all(lift(nearby, prior).component == result.component)


def answer_of(Y):
    return lift(Y, prior).Y_hat


J_image = in_image.reshape(2, L, 2, L)
assert gradient_check.check_jacobian(J_image, answer_of, Y) < 1e-8

through_lift = torch.autograd.functional.jacobian(answer_of, torch.from_numpy(Y)).numpy()
assert gradient_check.relative_error(J_image, through_lift) < 1e-12
print("central differences of lift and autograd through lift agree with eq. (8)")

# %% [markdown]
# And without any Jacobian, for maps too large to have one: $Hv$ against a difference along a random $v$, and
# $\langle v, H^\top g\rangle$ against $\langle Hv, g\rangle$. With missing landmarks, where the two products differ,
# this is the check that a forgotten transpose can't pass.

# %%
ridge = np.append(0.0, prior.sigma[k])
E_bar_seen = np.concatenate([E_seen * ~unseen[:, None], np.diag(ridge)])


def frozen_seen(y):
    unknowns, *_ = np.linalg.lstsq(E_bar_seen, pad(y, len(ridge)).T, rcond=None)
    return (E_seen @ unknowns).T


def forth(v):
    return landmark_gradient.push_forward(E_seen, E_seen_t, v)


def back(g):
    return landmark_gradient.pull_back(E_seen, E_seen_t, g)


# %%
y_seen = solve.unwrap(solve.centre(frame.Y / seen.scale, frame.visible))
worst = gradient_check.check_products(frozen_seen, forth, back, y_seen, np.random.default_rng(2))
print(f"pull back: passes, relative error below 1e-7: {worst < 1e-7}")
try:
    gradient_check.check_products(frozen_seen, forth, forth, y_seen, np.random.default_rng(2))
except gradient_check.GradientError:
    print("push forward in its place: refused")

# %% [markdown]
# ### The checker checked
#
# A check that nothing fails is worth nothing. So: a Jacobian that is wrong by a thousandth must be refused.

# %%
for name, wrong in {"a thousandth too large": 1.001 * J_image, "centred": H.reshape(2, L, 2, L)}.items():
    try:
        gradient_check.check_jacobian(wrong, answer_of, Y)
        print(f"{name}: passes")
    except gradient_check.GradientError as refusal:
        print(f"{name}: refused, off by {refusal.error:.1g}")
        assert refusal.error > 5e-4

# %% [markdown]
# ## Two mysteries
#
# The museum of mistakes (`checking/mistakes.py`) lends us two functions that look right. Each stands for one of the
# package, under its name. The first suspect is a `truncated_pseudo_inverse`.

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
# So it is not the derivative of (6). Neither does it solve (5), which is another way to find it: the museum's own check
# looks whether $a = \bar E^t(y-p)$ is a minimum. Where do its numbers come from? Look for its first column among those
# of $\bar E^\dagger$.

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
# All is well, and yet it is wrong. **A gradient check asks whether the derivative belongs to the function, never
# whether the function is the right one.** This one belongs to a wrong $\bar E$. What finds it is a look at the model:
# (5) over the noise variance must be $-2\log$ of a probability.

# %%
try:
    mistaken_models.check_ridge_is_the_prior(second)
except mistaken_models.MistakeFound as mistake:
    print(mistake)
print("its last rows are diagonal:", np.allclose(E_bar_x[2 * L :], np.diag(np.diag(E_bar_x[2 * L :]))))

# %% [markdown] tags=["exercise"]
# ### Exercise 4.4: convict the second suspect
# `second(E, sigma)` is $E$ above a diagonal matrix. Find out what stands on the diagonal, and return it as a function
# of `sigma`. Which sentence of notebook 03 would have warned its author?


# %% tags=["exercise"]
def on_the_diagonal(sigma):
    # BEGIN SOLUTION
    return 1 / sigma  # as if sigma were a standard deviation, and not an inverse one
    # END SOLUTION


# %% tags=["answer"]
answer(
    "4.4",
    on_the_diagonal(sigma),
    np.diag(second(exercise_E, sigma)[2 * L :]),
    hint="Plot the diagonal against sigma, both axes logarithmic.",
)

# %% [markdown]
# ## Where it jumps
#
# The supplement calls the mapping "a piecewise smooth approximation of the smooth function defined over a continious
# $\mathcal R$" [sic]. Where are the edges of the pieces? Take the dancer as the layer sees people, 30 pixels tall on a
# belief map, and put the right wrist everywhere within 6 pixels. So that components can change as well as angles, this
# section lifts with the older mixture of five Gaussians that the package holds as well (`data/prior.md`).

# %%
mixture = pose_prior.load_older_mixture()
per_metre = 30 / np.ptp(Y, axis=1).max()
small = per_metre * Y
reach = np.linspace(-6, 6, 81)
plane = jumps.winners_over_plane(small, mixture, wrist, small[0, wrist] + reach, small[1, wrist] + reach)

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(9.2, 4.8), layout="constrained")
plots.draw_boundaries(left, plane, small, wrist)
plots.draw_jumps(right, plane, wrist)
plt.show()
winners = set(zip(plane.component.ravel().tolist(), plane.angle.ravel().tolist(), strict=True))
print(f"{len(winners)} pairs of component and angle win somewhere")

# %% [markdown]
# Inside a piece (8) is exact. Across an edge $\hat Y$ jumps: by a little from one angle to the next, by more from one
# component to another. The least cost of (2) itself does not jump between angles, as both cost the same on the edge.
# Between components it does: there, the probabilities are the same.
#
# ### Differences lie on an edge
#
# `straddle` closes in on an edge by bisection. A central difference across it is the jump over $2h$: the smaller the
# step, the larger the nonsense. Neither side's $H$ is wrong; a derivative is what isn't there. The checker notices
# that its differences don't settle, and refuses to judge.

# %%
aside = Y.copy()
aside[0, wrist] += 0.1
before, after = jumps.straddle(Y, aside, mixture, scale=1.0)
on_edge, one_step = (before + after) / 2, np.zeros((2, L))
one_step[0, wrist] = 1.0
both = lift(np.stack([before, after]), mixture)
print("components on the two sides:", both.component, " theta:", np.degrees(both.theta).round(1), "degrees")
for h in (1e-2, 1e-4, 1e-6):
    difference = np.subtract(*(lift(on_edge + side * one_step, mixture).Y_hat for side in (h, -h))) / (2 * h)
    print(f"h = {h:g} m: |dY_hat/dx| = {np.linalg.norm(difference):.3g}")

# %%
jump = np.linalg.norm(both.Y_hat[1] - both.Y_hat[0])
assert np.isclose(np.linalg.norm(difference), jump / 2e-6, rtol=1e-3)
try:
    gradient_check.check_jacobian(J_image, lambda Y: lift(Y, mixture).Y_hat, on_edge)
except ValueError as refusal:
    assert "where f is smooth" in str(refusal)
    print("the checker refuses to judge")

# %% [markdown]
# ### How often?
#
# A belief map has pixels, so a landmark moves by at least one. `checking.smoothness` has moved every landmark of real
# poses by a pixel in every direction, with the same mixture; the figures are read from `data/smoothness.json`, with 95
# % intervals over groups of clips.

# %%
import json

from lifting.support import files

measured = json.loads(files.data_path("smoothness.json").read_text())
for rotations, row in measured["crossings"].items():
    changes = [f"{name} {row[name]['fraction']:.0%}" for name in ("angle", "component", "winner")]
    low, high = row["winner"]["interval"]
    far = f"turned by more than 20 degrees {row['far']['fraction']:.1%}"
    print(f"{rotations:>5} rotations: {', '.join(changes)} ({low:.0%} to {high:.0%}); {far}")
assert all(row["eq_8_exact_elsewhere_to_1e-9"] for row in measured["crossings"].values())

# %%
columns = ("predicted", "missed_angle_only", "missed_component")
print("median of |change of Y_hat|, pixels: (8) says; missed at another angle; missed at another component")
for rotations, row in measured["crossings"].items():
    medians = "; ".join(f"{row[name]['50%']:.2f}" if row[name] else "-" for name in columns)
    worse = row["more_missed_than_predicted"]["fraction"]
    print(f"{rotations:>5} rotations: {medians}; more missed than predicted in {worse:.0%} of the moves")

# %% [markdown]
# So edges are no rarity: a large share of all moves by one pixel crosses one. But look at what is missed there. More
# rotations make more edges and smaller jumps, until (with 10,000) nearly every move crosses one and it hardly matters:
# what (8) then misses is what a rotation that turns freely would add, the subject of the appendix. A change of
# component does not get rarer nor smaller with more rotations. Where the winner stays,
# (8) is exact to the last digits.
#
# **Print and convention.** A sub-gradient in the sense of convex analysis belongs to a convex function of many
# variables and one value; this map has $2L$ values and jumps. What the supplement means by the word is the derivative
# of the piece on which we stand. At an edge `lift` takes the lowest index, and with it that piece's $H$. Nor is the
# function over a continuous $\mathcal R$ smooth everywhere: it has fewer edges, those between valleys of the cost and
# between components, but it has them.

# %% [markdown]
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

# %% [markdown]
# ## Appendix: what (8) leaves out
#
# Suppose $\mathbf R$ could turn freely, and $\theta$ were a minimum too. What would the derivative of $\hat Y$ be then?
# Write a prime for $d/d\theta$ at fixed $a$, and $r = y - \hat y$. Half the cost of (2) has the gradient
#
# $$\partial_a = -E^\top r + \sigma^2 a,\qquad \partial_\theta = -r^\top\hat y'.$$
#
# At the minimum both are 0, for every $y$; so their total derivatives by $y$ are 0 as well. With
# $A = E^\top E + \operatorname{diag}(\sigma^2)$,
#
# $$\begin{bmatrix} A & h\\ h^\top & q\end{bmatrix}\begin{bmatrix} da\\ d\theta\end{bmatrix}
#   = \begin{bmatrix} E^\top\\ \hat y'^\top\end{bmatrix}dy,\qquad
#   h = E^\top\hat y' - E'^\top r,\qquad q = \lVert\hat y'\rVert^2 - r^\top\hat y''.$$
#
# The first row gives $da = A^{-1}(E^\top dy - h\,d\theta)$. Put into the second, it leaves
#
# $$\kappa\,d\theta = w^\top dy,\qquad \kappa = q - h^\top A^{-1}h,\qquad w = \hat y' - EA^{-1}h,$$
#
# and $d\hat y = E\,da + \hat y'\,d\theta = EA^{-1}E^\top dy + w\,d\theta$, so that
#
# $$\frac{d\hat y}{dy} = E\bar E^t + \frac{w\,w^\top}{\kappa}.$$
#
# (8) plus one term of rank one: turning. $w$ says how the best fit moves as $\theta$ turns, and $2\kappa$ is the second
# derivative of the least cost by $\theta$: the flatter the valley, the more the heading follows every landmark.

# %%
refined, arrived = turning.refine_angle(Y, prior, result)
assert arrived and refined.cost <= result.cost
print(
    f"theta: {np.degrees(result.theta):.1f} degrees of 80 rotations, {np.degrees(refined.theta):.2f} where it is free"
)


def p_and_E(theta):
    return np.column_stack(solve.projected_model(mu, e, theta))


# Every coordinate is a sinusoid of theta plus a constant: differences over quarter turns are its exact derivatives.
here, ahead, behind = (p_and_E(refined.theta + quarter * np.pi / 2) for quarter in (0, 1, -1))
prime, second_prime = (ahead - behind) / 2, (ahead + behind) / 2 - here

# %%
x = np.append(1.0, refined.a)
y_prime, E_free = prime @ x, here[:, 1:]
r = y - here @ x
A = E_free.T @ E_free + np.diag(sigma**2)
h = E_free.T @ y_prime - prime[:, 1:].T @ r
kappa = y_prime @ y_prime - r @ second_prime @ x - h @ np.linalg.solve(A, h)
w = y_prime - E_free @ np.linalg.solve(A, h)
assert abs(r @ y_prime) < 1e-9 and kappa > 0

# %%
turned = refined.theta + np.radians(np.linspace(-20, 20, 81))
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 4.4), layout="constrained")
plots.draw_pose_2d(left, refined.Y_hat, legend=False, alpha=0.5)
figures_04.arrows(left, refined.Y_hat, solve.wrap(w), "#009E73", "w", 3.0)
left.set_title("w, three times as long:\nhow the fit moves")
right.plot(np.degrees(turned), solve.solve_at(Y, gaussian, turned).cost, color="black", label="least cost")
parabola = refined.cost + kappa * (turned - refined.theta) ** 2
right.plot(np.degrees(turned), parabola, "--", color="#D55E00", label="with curvature 2 kappa")
right.set(xlabel="theta (degrees)", ylabel="cost (m²)", title="how sharp\nthe valley is", ylim=(0, None))
right.legend(fontsize=9)
plt.show()
near = np.abs(turned - refined.theta) < 0.02
assert np.allclose(solve.solve_at(Y, gaussian, turned[near]).cost, parabola[near], rtol=1e-2)

# %%
H_refined = E_free @ np.linalg.solve(A, E_free.T) + np.outer(w, w) / kappa
assert np.allclose(H_refined, turning.refined_jacobian(Y, prior, refined))


def refined_lift(points):
    return turning.refine_angle(points, prior, lift(points, prior))[0].Y_hat


image_part = (np.eye(2 * L) - C).reshape(2, L, 2, L)
assert gradient_check.check_jacobian(H_refined.reshape(2, L, 2, L) + image_part, refined_lift, Y) < 1e-6
eigenvalues = np.linalg.eigvalsh(H_refined)
print(f"trace {np.trace(H_refined):.2f}, where (8) has {np.trace(H):.2f}; largest eigenvalue {eigenvalues.max():.3f}")

# %% [markdown]
# It is symmetric as well: the least cost $V(y)$ has the gradient $2(y-\hat y)$, so $I - d\hat y/dy$ is half a Hessian.
# But its eigenvalues may exceed 1: near the end of a valley, $\kappa\to0$, a small move of a landmark turns the whole
# person, and the exact derivative grows without bound. (8) never does. How different are the two on real poses? For
# random gradients $g$ and for those of a real residual, the angle between the two pull backs and the ratio of their
# lengths, at a free scale:

# %%
for name, row in measured["derivatives"]["free"]["pull_backs"].items():
    cosine, ratio = row["cosine"], row["ratio"]
    middle = f"median cosine {cosine['50%']:.3f}, of lengths {ratio['50%']:.2f}"
    print(f"{name:>8}: {middle}; 5th percentile of the cosine {cosine['5%']:.3f}, 95th of lengths {ratio['95%']:.2f}")

# %% [markdown]
# For ordinary gradients they are nearly the same: one direction of 32 differs, and few gradients point along it. Along
# $w$ itself the free rotation answers with a multiple. So what (8) leaves out is the turning of the whole person, and
# `docs/smoothness.md` follows a person into the place where $\kappa$ vanishes. The supplement's choice has reasons
# besides simplicity: (8) needs no second derivatives, belongs to the function that is really computed (whose $\theta$
# is one of 80), and stays bounded.
#
# ## Recap
#
# - (3), (4): with $\mathbf R$ fixed $\hat Y$ is affine in $a$, with the columns $\Pi\mathbf R\mathbf e_j$ of $E$. (7):
#   $a$ is linear in $[y,0]$, with $\bar E^\dagger$; what $y$ can reach of it are its *first* $2L$ columns,
#   $\bar E^t = (E^\top E + \operatorname{diag}(\sigma^2))^{-1}E^\top$.
# - (8): $H = E\bar E^t$ is the hat matrix of ridge regression: symmetric, eigenvalues $s^2/(1+s^2)$, trace the
#   effective number of parameters. It lets pass what bodies do, and amplifies nothing.
# - A loss needs $H^\top g = \bar E^{t\top}(E^\top g)$, never the matrix. With missing landmarks $H^\top\ne H$: unseen
#   ones have an answer and no say.
# - In the image the mean passes straight through, $H + (I-C)$; with a free scale $H$ has no unit and $Hp = p$.
# - Autograd, central differences and complex steps agree with (8). A gradient check finds a wrong derivative, and never
#   a wrong function: that takes a look at the model.
# - (8) is exact up to the next edge between winners. Edges are near, most jumps are small, and those between components
#   are not.
#
# What is left: how a landmark moves the belief map that is drawn around it, which is the supplement's (9).
