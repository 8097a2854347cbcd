# %% [markdown]
# # 02 The pose prior: what people look like in 3D
#
# **Question.** A photo has two numbers for each landmark, a pose has three. Infinitely many poses fit one photo
# exactly. Which of them do people take?
#
# The answer is learned from 3D motion capture: a mean pose $\mu$, a few bases $\mathbf e$ along which poses differ, and
# a weight $\sigma_j$ for each. Afterwards you can align real motion capture, derive PPCA and its mixture, grow the
# bases, and say exactly what $\sigma$ is.
#
# **Sources.** The supplement takes $\mu, \mathbf e, \sigma$ as given. They come from section 4 of the main paper, whose
# text we did not have while writing this. What it says is marked *as we understand the main paper*; the derivations are
# ours, and every step is checked by running it.

# %% tags=["setup"]
import json
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import HTML
from scipy.cluster.vq import kmeans2
from scipy.optimize import minimize

import lifting
from lifting import plots
from lifting.camera import rotation, rotation_angles, turn
from lifting.datasets.default_prior import clip_poses, measure
from lifting.datasets.motion_capture import load_motion_capture
from lifting.exercises import answer
from lifting.files import data_path
from lifting.fit_prior import align_about_vertical, align_to_prior, fit_ppca, fit_prior, grow_basis
from lifting.fit_prior import start_by_factorisation
from lifting.pose_prior import facing, log_density, log_likelihood, posterior, sample
from lifting.skeleton import HUMAN36M
from lifting.widgets.prior import PriorWidget

# %% [markdown]
# ## The way through
# The prior stands above the way: it gives the solver $\mu$, $\mathbf e$ and $\sigma$, and is learned beforehand, once.

# %%
_, ax = plt.subplots(figsize=(10, 2.2))
plots.draw_way_through(ax, "prior")
plt.show()

# %% [markdown]
# ## Real motion capture
# The package embeds 25 clips of real people, read from two published packages: `pybullet` (zlib licence) and
# `holosoma-retargeting` (Apache-2.0). `data/motion_capture.md` says how. A pose is $(3, 17)$: rows $x$, $y$ (up), $z$
# (towards the viewer), in metres, centred. The model turns upright people about the vertical, so poses whose trunk
# leans more than 60 degrees are left out.
#
# To be quick we learn from every fifth pose of what the embedded prior was learned from.

# %% tags=["setup"]
motion = load_motion_capture()
names = [name for name in motion.clip_names if len(clip_poses(motion, name))]
clips = {name: clip_poses(motion, name)[::5] for name in names}
poses = np.concatenate(list(clips.values()))
N, _, L = poses.shape

# %%
for source in ("pybullet", "holosoma"):
    chosen = [name for name in clips if motion.clip_source[motion.clip_names.index(name)] == source]
    print(f"{source}: {len(chosen)} clips, {sum(len(clips[name]) for name in chosen)} poses")
print("poses", poses.shape, "centred:", np.allclose(poses.mean(axis=-1), 0))

# %%
figure, axes = plt.subplots(1, 4, figsize=(12, 3.4), subplot_kw={"projection": "3d"})
for ax, name in zip(axes, ("walk", "dance_a", "kick", "climb_0"), strict=True):
    plots.draw_pose_3d(ax, clips[name][3], azim=20, elev=10, radius=0.9, legend=ax is axes[0])
    ax.set_title(name)
figure.subplots_adjust(left=0.02, right=0.96, wspace=0.25)
plt.show()

# %% [markdown]
# Where the camera stood says nothing about a pose. A mean over poses at their recorded headings would blur left into
# right, and bases would be wasted on people who turn around. So first of all the headings must go.
#
# ## Main paper, section 4: align about the vertical
# *As we understand the main paper*, each pose is $P_i \approx R_i(\mu + a_i \cdot \mathbf e)$, where $R_i$ turns about
# the vertical axis only. Given a mean $m$, which turn brings it nearest to a pose $P$?
#
# $$\|P - R(\theta)m\|^2 = \|P\|^2 + \|m\|^2 - 2\,\mathrm{tr}(P^\top R(\theta)\,m)$$
#
# Only the trace depends on $\theta$. With $R(\theta) = \begin{pmatrix} c & 0 & s \\ 0 & 1 & 0 \\ -s & 0 & c
# \end{pmatrix}$ and primes for the mean's coordinates,
#
# $$\mathrm{tr}(P^\top R m) = \sum y y' + c\,\underbrace{\sum (x x' + z z')}_{A}
# + s\,\underbrace{\sum (x z' - z x')}_{B}
# = \text{const} + \sqrt{A^2 + B^2}\,\cos(\theta - \mathrm{atan2}(B, A)).$$
#
# One cosine, so one best angle: $\theta = \mathrm{atan2}(B, A)$.


# %%
def heading(P, m):
    A = np.sum(P[..., 0, :] * m[0] + P[..., 2, :] * m[2], axis=-1)
    B = np.sum(P[..., 0, :] * m[2] - P[..., 2, :] * m[0], axis=-1)
    return np.arctan2(B, A)


# %% [markdown]
# Look at one case: turn the first pose of a dance onto a later one, by brute force and by the formula.

# %%
later, first = clips["dance_a"][15], clips["dance_a"][0]
angles = rotation_angles(720)
costs = np.square(later - rotation(angles) @ first).sum(axis=(1, 2))
best = heading(later, first) % (2 * np.pi)
print("brute force", np.degrees(angles[costs.argmin()]).round(1), " formula", np.degrees(best).round(1), "degrees")
assert abs(best - angles[costs.argmin()]) <= angles[1] / 2

# %%
_, ax = plt.subplots(figsize=(6, 2.6))
plots.draw_cost(ax, angles, costs, labels=["all 720 angles"], legend=False)
ax.axvline(np.degrees(best), color="#009E73", linestyle="--", label="atan2(B, A)")
ax.set(title="distance of two real poses, one turned")
ax.legend()
plt.show()

# %%
assert np.allclose(heading(poses, first), align_about_vertical(poses, first))  # the package's function is ours

# %% [markdown]
# ## Main paper, section 4: the start, a variant of Tomasi-Kanade
# But onto which mean? It isn't known before the headings are, nor they before it. A factorisation finds both at once.
#
# Seen from above a pose is the $2 \times L$ matrix of its $x$ and $z$, and turning it is a $2 \times 2$ rotation. If all
# poses were the mean, turned, the matrix of all of them, $x$ and $z$ interleaved, would be
#
# $$M = \begin{pmatrix} R_1 \\ \vdots \\ R_N \end{pmatrix} \mu_{xz} \quad\text{of size } 2N \times L,\text{ of rank } 2.$$
#
# People move, so it isn't. Take the best approximation of rank 2: by Eckart and Young, the two largest singular values.

# %%
M = poses[:, [0, 2]].reshape(2 * N, L)
U, S, Vt = np.linalg.svd(M, full_matrices=False)
print("M", M.shape, " share of its squares in two singular values:", (S[:2] ** 2).sum().round(1), "of", (S**2).sum().round(1))

# %% [markdown]
# If the rank were 2, then $U S V^\top = \mathrm{stack}(R_i)\,\mu_{xz}$. Write $\mu_{xz} = W S' V^\top$, its own
# decomposition: then $\mathrm{stack}(R_i W)$ has orthogonal columns of length $\sqrt N$, so it is $\sqrt N\,U$. Pairs of
# rows of $A = \sqrt N\,U_{:2}$ *are* rotations already, up to one orthogonal matrix $W$ that all of them share.
#
# As people do move, each pair is replaced by the nearest orthonormal one. The inner product of $\begin{pmatrix} a & b \\
# c & d \end{pmatrix}$ with $\begin{pmatrix} \cos & \sin \\ -\sin & \cos \end{pmatrix}$ is $(a + d)\cos\theta + (b -
# c)\sin\theta$: again one cosine, greatest at $\theta = \mathrm{atan2}(b - c, a + d)$.
#
# $W$ may be a reflection, and all pairs with it. People don't turn into their mirror images, so we test to which kind
# the pairs are nearer in sum, and flip the sign of $A$'s second column if need be.


# %%
def nearest_turns(A):
    (a, b), (c, d) = A[:, 0].T, A[:, 1].T
    if np.hypot(a - d, b + c).sum() > np.hypot(a + d, b - c).sum():
        b, d = -b, -d  # undo the reflection
    return np.arctan2(b - c, a + d)


# %%
A = np.sqrt(N) * U[:, :2].reshape(N, 2, 2)
theta = nearest_turns(A)
A_hat = rotation(theta)[:, [0, 2]][:, :, [0, 2]].reshape(2 * N, 2)  # rows x and z, columns x and z
mu_xz = np.linalg.pinv(A_hat) @ M
mu = np.stack([mu_xz[0], poses[:, 1].mean(axis=0), mu_xz[1]])

# %% [markdown]
# Three checks. The nearest orthonormal pair is also $U_i V_i^\top$ of the pair's own decomposition, where that is a
# rotation. The pseudo-inverse of a stack of rotations is just their mean: $\hat A^\dagger = \hat A^\top / N$. And the
# package finds the same.

# %%
u, _, vt = np.linalg.svd(A)
orthonormal = u @ vt
sign = np.sign(np.linalg.det(A).sum())  # -1 where all pairs came out reflected
orthonormal[:, :, 1] *= sign
is_turn = np.linalg.det(orthonormal) > 0
print(f"{is_turn.sum()} of {N} pairs are nearest to a rotation")
assert np.allclose(orthonormal[is_turn], A_hat.reshape(N, 2, 2)[is_turn])
assert np.allclose(mu_xz, turn(poses, -theta).mean(axis=0)[[0, 2]])
assert all(np.allclose(ours, theirs) for ours, theirs in zip((mu, theta), start_by_factorisation(poses), strict=True))

# %% [markdown]
# Now look, from above: where the shoulders are, before and after. Mean and poses are then turned together so that the
# mean faces the viewer (exercise 2.1), which changes nothing but what we call zero.

# %%
by = facing(mu, HUMAN36M.left, HUMAN36M.right)
mu, theta = turn(mu, by), theta - by
aligned = turn(poses, -theta)
spread = [1000 * np.sqrt(np.square(P - P.mean(axis=0)).sum(axis=1).mean()) for P in (poses, aligned)]
print("spread of a landmark about the mean: {:.0f} mm before, {:.0f} mm after".format(*spread))
assert spread[1] < 0.8 * spread[0]

# %%
figure, axes = plt.subplots(1, 2, figsize=(8, 4), sharex=True, sharey=True)
for ax, P, title in zip(axes, (poses, aligned), ("as recorded", "turned back"), strict=True):
    for side in ("right", "left"):
        shoulder = P[:, :, HUMAN36M.index(f"{side}_shoulder")]
        ax.plot(shoulder[:, 0], shoulder[:, 2], "os"[side == "left"], ms=3, color=plots.COLOURS[side], label=f"{side} shoulder")
    ax.set(aspect="equal", title=title, xlabel="x (m)", ylabel="z, to the viewer (m)")
    ax.invert_yaxis()  # the viewer is below
axes[0].legend()
plt.show()

# %% [markdown] tags=["exercise"]
# ### Exercise 2.1: face the viewer
# Which turn makes a mean pose `m` $(3, L)$ face the viewer? It does when the line from the middle of its right landmarks
# to the middle of its left ones points along $+x$, seen from above. `HUMAN36M.left` and `HUMAN36M.right` list them.


# %% tags=["exercise"]
def my_facing(m):
    line = m[:, list(HUMAN36M.left)].mean(axis=1) - m[:, list(HUMAN36M.right)].mean(axis=1)
    # BEGIN SOLUTION
    return np.arctan2(line[2], line[0])
    # END SOLUTION


# %% tags=["answer"]
tests = clips["dance_a"][::5]
answer(
    "2.1",
    [my_facing(m) for m in tests],
    list(facing(tests, HUMAN36M.left, HUMAN36M.right)),
    hint="After the turn the line's depth, c z - s x, must be 0, and its x must be positive.",
)

# %% [markdown]
# ## Main paper, section 4: PPCA, one Gaussian in closed form
# With the headings out of the way, what is left is how bodies differ. Probabilistic PCA says: a few coefficients plus
# noise,
#
# $$P = \mu + a\cdot\mathbf e + \varepsilon,\qquad a_j \sim \mathcal N(0, \lambda_j),\qquad
# \varepsilon \sim \mathcal N(0, v)\ \text{per coordinate},$$
#
# so $P$ is Gaussian with the covariance $C = \sum_j \lambda_j\,e_j e_j^\top + v I$. Here $v$ is the **noise's variance**
# and $\lambda_j$ is the **variance of the coefficient** $a_j$, both in m².
#
# Poses are centred: moving all landmarks along $x$, $y$ or $z$ together is no part of the model. So the density lives
# on $D = 3L - 3$ dimensions, not $3L$. With $S$ the poses' covariance, the log-likelihood of a pose is, on average,
#
# $$\ell = -\tfrac12\left(D \ln 2\pi + \ln\det C + \mathrm{tr}(C^{-1} S)\right).$$
#
# **The closed form** (Tipping and Bishop, 1999). Give $C$ the eigenvectors of $S$. Then with $S$'s eigenvalues $l_d$ and
# $C$'s $c_d$, each direction costs $\ln c_d + l_d / c_d$, which is least at $c_d = l_d$. But only $J$ directions may
# have a variance of their own, $c_j = \lambda_j + v$; the others share $v$, whose best value is the mean of their $l_d$.
# What a set of others costs is then $\ln$ of their mean minus the mean of their $\ln$: least when they are alike, and
# the best choice is the $D - J$ smallest. So
#
# $$\mathbf e = \text{the first } J \text{ eigenvectors},\qquad
# v = \frac{1}{D - J}\sum_{d > J} l_d,\qquad \lambda_j = l_j - v.$$


# %%
def ppca(P, J):
    mu = P.mean(axis=0)
    d = (P - mu).reshape(len(P), -1)
    l, u = np.linalg.eigh(d.T @ d / len(P))
    l, u = l[::-1], u[:, ::-1]  # largest first
    D = d.shape[1] - 3  # the last three are 0: poses are centred
    v = l[J:D].mean()
    return mu, u[:, :J].T.reshape(J, 3, -1), v, l[:J] - v, l


# %%
J = 10
_, e, v, lam, l = ppca(aligned, J)
theirs = fit_ppca(aligned, J)
assert np.allclose(l[-3:], 0)
assert np.allclose(v, theirs.noise_variance[0]) and np.allclose(lam, theirs.component_variance[0])
assert np.allclose(abs(np.einsum("jcl,jcl->j", e, theirs.e[0])), 1)  # the same bases, but for their signs
print(f"noise sqrt(v) = {1000 * v**0.5:.0f} mm; first coefficient sqrt(lambda) = {1000 * lam[0] ** 0.5:.0f} mm")

# %%
_, ax = plt.subplots(figsize=(7, 3))
d = np.arange(1, len(l) + 1)
ax.plot(d[:J], 1000 * np.sqrt(l[:J]), "o", color="black", label="the first J")
ax.plot(d[J:], 1000 * np.sqrt(np.maximum(l[J:], 0)), "o", color="0.6", label="become noise")
ax.axhline(1000 * v**0.5, color="#009E73", linestyle="--", label="noise, sqrt(v)")
ax.axvspan(len(l) - 2.5, len(l) + 0.5, color="0.9", label="3 that centring takes")
ax.set(xlabel="direction", ylabel="standard deviation (mm)")
ax.legend()
plt.show()

# %% [markdown]
# ### Is it really the maximum?
# An independent route: a tiny case, three landmarks ($D = 6$) and $J = 2$, climbed by a general optimiser that knows
# nothing of eigenvectors. It sees 13 numbers: a $6 \times 2$ matrix $W$ with $C = W W^\top + v I$, and $\ln v$.

# %%
tiny = aligned[:, :, [HUMAN36M.index(name) for name in ("head_top", "left_wrist", "right_ankle")]]
tiny = tiny - tiny.mean(axis=-1, keepdims=True)
Q = np.kron(np.eye(3), np.linalg.svd(np.eye(3) - 1 / 3)[0][:, :2])  # (9, 6): axes of centred poses
x = (tiny - tiny.mean(axis=0)).reshape(N, 9) @ Q


def minus_log_likelihood(numbers, S=x.T @ x / N):
    W, v = numbers[:12].reshape(6, 2), np.exp(numbers[12])
    C = W @ W.T + v * np.eye(6)
    return 0.5 * (6 * np.log(2 * np.pi) + np.linalg.slogdet(C)[1] + np.trace(np.linalg.solve(C, S)))


# %%
rng = np.random.default_rng(0)
climbs = [minimize(minus_log_likelihood, np.r_[0.3 * rng.standard_normal(12), -3]) for _ in range(4)]
found = min(climbs, key=lambda climb: climb.fun)
_, _, v_tiny, lam_tiny, _ = ppca(tiny, 2)
reached = log_density(fit_ppca(tiny, 2), tiny).mean()
print(f"log-likelihood: closed form {reached:.4f}, optimiser {-found.fun:.4f}")
assert abs(reached + found.fun) < 1e-5
assert np.isclose(np.exp(found.x[12]), v_tiny, rtol=1e-2)

# %% [markdown]
# What if one forgets that poses are centred, and divides by $3L - J$ in the place of $3L - 3 - J$? The noise comes out
# too small, and the likelihood says so.

# %%
W = np.linalg.cholesky(found.x[:12].reshape(6, 2).T @ found.x[:12].reshape(6, 2))
forgot = v_tiny * (6 - 2) / (9 - 2)
trial = v_tiny * np.geomspace(0.3, 3, 60)
at = [-minus_log_likelihood(np.r_[found.x[:12], np.log(value)]) for value in trial]
_, ax = plt.subplots(figsize=(6, 2.8))
ax.plot(1000 * np.sqrt(trial), at, color="black")
ax.axvline(1000 * v_tiny**0.5, color="#009E73", linestyle="--", label="D = 3L - 3")
ax.axvline(1000 * forgot**0.5, color="#CC79A7", linestyle=":", label="D = 3L")
ax.set(xlabel="noise sqrt(v) (mm)", ylabel="log-likelihood (nats)", title="three landmarks, J = 2")
ax.legend()
plt.show()
