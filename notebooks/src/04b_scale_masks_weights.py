# %% [markdown]
# # 04b The landmark gradient: scale, masks and weights
#
# **The question.** Notebook 04 derived $H = E\bar E^t$ for a person of known size whose landmarks are all seen and all
# count alike. What becomes of it on a real photo?
#
# Afterwards you know why one eigenvalue is exactly 1 where the scale is free, why $H$ is no longer symmetric where
# landmarks are missing, and how to check a gradient without its matrix.
#
# > **Takes** 15 minutes, exercises included. **Needs** [04](04_landmark_gradient.ipynb) and
# > [03b](03b_scale_weights_tilt.ipynb).
# > **On the way:** extra; the core does not need it.
# >
# > **Symbols** (all of them: [notation](../docs/notation.md#gradients))
# > - $E_s = [p\;E]$: for a scale that is solved for
# > - $w$, $W = \operatorname{diag}(w, w)$: how much each landmark counts
# > - $H$, $g$, $v$: the Jacobian (8), a gradient, a move of the landmarks

# %% tags=["setup"]
import matplotlib.pyplot as plt
import numpy as np

from lifting import camera, landmark_gradient, landmark_jacobian, lift, load_prior, skeleton, solve
from lifting.checking import gradient_check
from lifting.datasets import motion_capture, real_frames
from lifting.drawing import answer, figures_04, hint, plots, progress

# %%
plots.draw_way_through(plt.figure(figsize=(9, 2.4)).add_subplot(), "landmark gradient")
plt.show()

# %% [markdown]
# The dancer of notebook 04:

# %% tags=["setup"]
prior = load_prior()
Y = camera.turn(motion_capture.load_motion_capture().of_clip("dance_b")[20], np.asarray(0.4))[:2]
result = lift(Y, prior)
mu, e, sigma = prior.gaussian(result.component)
L, J, names = prior.L, prior.J, skeleton.HUMAN36M.landmarks

# %%
p, E = solve.projected_model(mu, e, result.theta)
print("p", p.shape, " E", E.shape)

# %% [markdown]
# ## Free scale: one eigenvalue is exactly 1
#
# Where the scale $s$ is solved for as well (notebook 03b), $E_s = [p\;E]$ takes the place of $E$, $0$ that of $p$, and
# $[0,\sigma]$ that of $\sigma$. So $\hat y = Hy$ with $H = E_s\bar E_s^t$: linear, where it was affine. $s$ pays no
# penalty, and therefore $Hp = p$: along $p$ the eigenvalue is 1, and the interval $[0, 1)$ of notebook 04 becomes the
# closed $[0, 1]$. As $\hat y$ grows in proportion to $y$, $H$ is the same matrix whatever the unit of $y$, metres or
# pixels.

# %%
E_s = np.column_stack([p, E])
E_s_bar_t = np.linalg.solve(E_s.T @ E_s + np.diag(np.append(0.0, sigma) ** 2), E_s.T)
H_free = E_s @ E_s_bar_t
print(f"length of p {np.linalg.norm(p):.6f}, of H p {np.linalg.norm(H_free @ p):.6f}")
assert np.allclose(H_free @ p, p) and np.isclose(np.linalg.eigvalsh(H_free).max(), 1)

pixels = lift(250 * Y, prior, scale=None)  # its scale is not 250: it enlarges the prior's body (03b)
print(f"in pixels: scale {pixels.scale:.1f}, theta {np.degrees(pixels.theta):.1f} degrees")
H_pixels = landmark_jacobian(pixels, prior)
assert np.allclose(H_pixels @ solve.unwrap(250 * Y), solve.unwrap(pixels.Y_hat))
assert pixels.theta == result.theta and np.allclose(H_pixels, H_free)

# %% [markdown]
# ## Missing landmarks: no longer symmetric
#
# A landmark that was not seen has no say, but it gets an answer: the prior places it. So $\bar E^t$ is computed from
# the visible rows only and has zeros in the columns of the others, while $E$ keeps all rows, centred over what is
# visible. $E\bar E^t$ then has zero columns but no zero rows. It is no longer symmetric, so **push forward ($Hv$) and
# pull back ($H^\top g$) are no longer the same product**.
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
q = seen.component
options = {"free_scale": True, "weights": frame.visible, "camera": frame.camera}
E_seen, E_seen_t = landmark_gradient.landmark_model(prior.gaussian(q), seen.theta, **options)
rng = np.random.default_rng(0)
v, g = rng.standard_normal((2, 2 * L))
forth, back = landmark_gradient.push_forward(E_seen, E_seen_t, v), landmark_gradient.pull_back(E_seen, E_seen_t, g)
assert np.allclose(forth, H_seen @ v) and np.allclose(back, H_seen.T @ g)
print(f"<g, H v> {g @ forth:.6f}, <H^T g, v> {back @ v:.6f}, <H g, v> {H_seen @ g @ v:.6f}")
assert np.isclose(g @ forth, back @ v) and not np.allclose(back, H_seen @ g)

# %% [markdown]
# The two always agree in $\langle g, Hv\rangle = \langle H^\top g, v\rangle$, which needs no matrix and will be one of
# our checks. And a loss may ask for a landmark that nobody saw: "the spine should go right by 1". The gradient goes to
# those that were seen, here to the whole trunk in about equal shares. (This is in the photo's coordinates, where every
# landmark of $\hat Y$ also gets the mean of the *visible* landmarks of $Y$. So the shares in $x$ add up to 1: if
# everybody moves by 1, so does the spine.)
#
# **Print and convention.** The supplement multiplies rows in (5) and (6). For rows, $\hat y^\top = p^\top + (y-p)^\top
# H^\top$, so that the row is multiplied by $H^\top$ and not by the printed $E\bar E^t$. As long as all landmarks are
# seen, there is no difference, since $H$ is symmetric. Here there is one: (8) is right for columns.

# %%
spine = skeleton.HUMAN36M.index("spine")
ask = np.zeros(2 * L)
ask[spine] = 1.0
share = solve.wrap(landmark_jacobian(seen, prior, centred=False).T @ ask)
assert np.all(share[:, ~frame.visible] == 0) and np.allclose(share.sum(axis=1), [1, 0])
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
# *What to see:* one yellow arrow is asked of a landmark that nobody saw; the green ones, at those that were seen, are
# what comes back, nearly all of it at neck, shoulders and hips.
#
# ## Weighted ridge: (8) with confidences
#
# Where landmark $l$ counts $w_l$ times (notebook 03b), $a = \bar E^t(y-p)$ with
#
# $$\bar E^t = \bigl(E^\top WE+\operatorname{diag}(\sigma^2)\bigr)^{-1}E^\top W, \qquad
#   H = E\,\bigl(E^\top WE+\operatorname{diag}(\sigma^2)\bigr)^{-1}E^\top W .$$
#
# $H$ itself is not symmetric, but $WH$ is. In image coordinates it is the weighted mean that passes straight through,
# and $Z = I - 1m^\top$ with $m_l = w_l/\sum w$, for $x$ and for $y$. A landmark of weight 0 is a missing one, as above.
# Nothing is differentiated with respect to the weights: they are given.
#
# The weights below are made up, no two alike. The judge is a central difference of the whole `lift`. Its step is small,
# and the cell asserts that the winner stays: across an edge a difference measures the jump (04c).

# %%
w = np.where(frame.visible, np.linspace(0.2, 1.0, L), 0.0)
confident = lift(frame.Y, prior, scale=None, weights=w, camera=frame.camera)
H_w = landmark_jacobian(confident, prior)
WH = np.tile(w, 2)[:, None] * H_w
print(f"furthest from symmetric: H by {np.abs(H_w - H_w.T).max():.3f}, W H by {np.abs(WH - WH.T).max():.3f}")
assert np.allclose(WH, WH.T) and not np.allclose(H_w, H_w.T) and np.all(H_w[:, np.tile(w == 0, 2)] == 0)

# %%
in_pixels = landmark_jacobian(confident, prior, centred=False)
step = 0.01 * rng.standard_normal((2, L))
ahead, behind = (lift(frame.Y + sign * step, prior, scale=None, weights=w, camera=frame.camera) for sign in (1, -1))
assert ahead.theta == behind.theta == confident.theta and ahead.component == behind.component
difference = solve.unwrap(ahead.Y_hat - behind.Y_hat) / 2
assert np.allclose(in_pixels @ solve.unwrap(step), difference, atol=1e-6)
print("for steps of 0.01 pixels they differ by less than 1e-6 pixels")

# %% [markdown]
# ## Checked without any Jacobian
#
# Where a Jacobian would be too large to write down, compare $Hv$ with a difference along a random $v$, and $\langle v,
# H^\top g\rangle$ with $\langle Hv, g\rangle$. With missing landmarks, where $Hg$ and $H^\top g$ differ, a forgotten
# transpose can't pass this check.

# %%
ridge = np.append(0.0, prior.sigma[q])
E_bar_seen = np.concatenate([E_seen * ~unseen[:, None], np.diag(ridge)])


def frozen_seen(y):
    stacked = np.concatenate([y, np.zeros((len(y), len(ridge)))], axis=1)
    unknowns, *_ = np.linalg.lstsq(E_bar_seen, stacked.T, rcond=None)
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

# %% [markdown] tags=["exercise"]
# ### Exercise 4b.1: image coordinates with missing landmarks (8 minutes)
# `H` is the centred Jacobian and `visible` the mask. Return the Jacobian in image coordinates: every landmark of
# $\hat Y$, seen or not, also gets the mean of the *visible* landmarks of $Y$.


# %% tags=["exercise"]
def in_image_coordinates(H, visible):
    # BEGIN SOLUTION
    mean = np.tile(visible / visible.sum(), (len(visible), 1))
    return H + np.kron(np.eye(2), mean)
    # END SOLUTION


# %% tags=["answer"]
answer("4b.1", in_image_coordinates)

# %% [markdown]
# ## Recap
#
# - Free scale: $H$ is the same in any unit, $Hp = p$, and its eigenvalues lie in $[0, 1]$.
# - Missing landmarks have columns of zeros and no rows of zeros: $H^\top \ne H$. With weights $WH$ is symmetric.
# - $\langle g, Hv\rangle = \langle H^\top g, v\rangle$ checks a pull back without a matrix.
#
# ## Recall
#
# 1. <details><summary>Why is p an eigenvector with the eigenvalue 1 where the scale is free?</summary>
#
#    $s$ pays no penalty, and $p$ is the column that $s$ multiplies.
#
#    </details>
# 2. <details><summary>Which rows or columns of H are zero where the spine is missing?</summary>
#
#    Its columns: it has no say. Its rows are not: it gets an answer.
#
#    </details>
# 3. <details><summary>A pull back uses H in place of its transpose. When does nobody notice?</summary>
#
#    As long as all landmarks are seen and count alike.
#
#    </details>
# 4. <details><summary>Which mean passes straight through in the image, with weights?</summary>
#
#    The weighted one.
#
#    </details>
# 5. <details><summary>What does the check of two products need, and what does it not need?</summary>
#
#    It needs two random vectors, $Hv$ and $H^\top g$. It needs no matrix.
#
#    </details>

# %%
progress()
