# %% [markdown]
# # 02b The prior: likelihood, growing bases and mixtures
#
# **The question.** Notebook 02 took the maximum of PPCA's likelihood in closed form. Is it really the maximum? What
# does the log term do, what do growing bases and mixtures add, and how is a prior stored?
#
# Afterwards you can tell a sum of logarithms from the logarithm of a sum, say why coefficients are averaged out, grow
# bases one by one, and fit a mixture by EM.
#
# > **Takes** 25 minutes, exercises included. **Needs** [02](02_pose_prior.ipynb).
# > **On the way:** extra; the core does not need it.
# >
# > **Symbols** (all of them: [notation](../docs/notation.md#bodies))
# > - $v$, $\lambda_j$, $\sigma_j$: variances of the noise and of the coefficients, weights of the penalty
# > - $S$, $\Sigma$: covariance of the given poses, and of poses under the model
# > - $\omega_q$, $\rho_{iq}$: probability of Gaussian $q$; how probably pose $i$ came from it
#
# The main paper's text was not at hand: what it says is marked *as we understand the main paper*.

# %% tags=["setup"]
import matplotlib.pyplot as plt
import numpy as np

from lifting import camera, load_prior, pose_prior, save_prior, skeleton
from lifting.datasets import motion_capture
from lifting.drawing import answer, hint, plots, progress
from lifting.fitting import alignment, default_prior, fit_prior, ppca

# %%
_, ax = plt.subplots(figsize=(9, 2.4))
plots.draw_way_through(ax, "prior")
plt.show()

# %% [markdown]
# The poses of notebook 02, and the same turned to one heading:

# %%
motion = motion_capture.load_motion_capture()
clips = {name: default_prior.clip_poses(motion, name)[::5] for name in motion.clip_names}
clips = {name: found for name, found in clips.items() if len(found)}
poses = np.concatenate(list(clips.values()))
N = len(poses)
aligned = camera.turn(poses, -alignment.start_by_factorisation(poses)[1])
print(f"{N} poses of {len(clips)} clips")

# %% [markdown]
# ## Is it really the maximum?
# An independent route: a tiny case, three landmarks ($3L - 3 = 6$ directions) and $J = 2$, climbed by a general
# optimiser that knows nothing of eigenvectors. It varies 13 numbers: $\ln v$, and a $6 \times 2$ matrix which, times
# its transpose, is the bases' part of $\Sigma$.

# %%
tiny = aligned[:, :, [skeleton.HUMAN36M.index(name) for name in ("head_top", "left_wrist", "right_ankle")]]
tiny = tiny - tiny.mean(axis=-1, keepdims=True)
axes_of_centred = np.kron(np.eye(3), np.linalg.svd(np.eye(3) - 1 / 3)[0][:, :2])  # (9, 6): axes of centred poses
x = (tiny - tiny.mean(axis=0)).reshape(N, 9) @ axes_of_centred


def minus_log_likelihood(numbers, S=x.T @ x / N):
    bases, v = numbers[:12].reshape(6, 2), np.exp(numbers[12])
    Sigma = bases @ bases.T + v * np.eye(6)
    return 0.5 * (6 * np.log(2 * np.pi) + np.linalg.slogdet(Sigma)[1] + np.trace(np.linalg.solve(Sigma, S)))


# %%
from scipy.optimize import minimize

rng = np.random.default_rng(0)
climbs = [minimize(minus_log_likelihood, np.r_[0.3 * rng.standard_normal(12), -3]) for _ in range(4)]
found = min(climbs, key=lambda climb: climb.fun)
closed = ppca.fit_ppca(tiny, 2)
v_tiny, reached = closed.noise_variance[0], pose_prior.log_density(closed, tiny).mean()
print(f"log-likelihood: closed form {reached:.4f}, optimiser {-found.fun:.4f}")
assert abs(reached + found.fun) < 1e-5
assert np.isclose(np.exp(found.x[12]), v_tiny, rtol=1e-2)

# %% [markdown]
# What if one forgets that poses are centred, and divides by $3L - J$ in place of $3L - 3 - J$? The noise comes out too
# small, and the likelihood says so.

# %%
forgot = v_tiny * (6 - 2) / (9 - 2)
trial = v_tiny * np.geomspace(0.3, 3, 60)
at = [-minus_log_likelihood(np.r_[found.x[:12], np.log(value)]) for value in trial]
_, ax = plt.subplots(figsize=(6, 2.8))
ax.plot(1000 * np.sqrt(trial), at, color="black")
ax.axvline(1000 * v_tiny**0.5, color="#009E73", linestyle="--", label="3L - 3 directions")
ax.axvline(1000 * forgot**0.5, color="#CC79A7", linestyle=":", label="3L directions")
ax.set(xlabel="noise sqrt(v) (mm)", ylabel="log-likelihood (nats)", title="three landmarks, J = 2")
ax.legend()
plt.show()

# %% [markdown]
# *What to see:* the top of the curve lies at the closed form's noise, not at the one that forgot the centring.
#
# ## Main paper, section 4: the log term is "sum ln", not "ln sum"
# *As we understand the main paper*, it minimises
#
# $$\sum_i \Big(\|P_i - R_i(\mu + a_i\cdot\mathbf e)\|^2
# + \sum_j (a_{ij}\,\sigma_j)^2\Big) + \text{a log term in } \sigma.$$
#
# The first two terms alone would choose $\sigma = 0$. The log term stops that. It comes from $\ln\det$ of a diagonal
# covariance: the determinant is a *product*, so its logarithm is a **sum of logarithms**, $\sum_j \ln \lambda_j$. In
# print, as we recall it, it is the **logarithm of a sum**. We couldn't check in which variable, so we try both
# readings: $+\ln\sum_j\lambda_j$, and $-\ln\sum_j\sigma_j^2$.
#
# The test: coefficients with a known variance $l_j$ (the mean of $a_{ij}^2$), in units where $v = 1$, so that
# $\sigma_j^2 = 1/\lambda_j$. Only one of the three terms finds $\lambda_j = l_j$.

# %%
variances = np.array([16.0, 9, 4, 1, 0.25])
terms = {
    "sum ln": lambda lam: np.log(lam).sum(),
    "ln sum of lambda": lambda lam: np.log(lam.sum()),
    "ln sum of sigma squared": lambda lam: -np.log((1 / lam).sum()),
}
lambdas = {}
for name, term in terms.items():
    lowest = minimize(
        lambda z, term=term: (variances / np.exp(z)).sum() + term(np.exp(z)), np.zeros(5), bounds=[(-12, 12)] * 5
    )
    lambdas[name] = np.exp(lowest.x)
    print(f"{name:24} lambda / l:", np.minimum(lambdas[name] / variances, 1000).round(1), "(1000 means: or more)")

# %% [markdown]
# By hand. $\sum_j (l_j/\lambda_j + \ln\lambda_j)$ splits into one problem per basis, and each is least at $\lambda_j =
# l_j$. With $\ln\sum_d \lambda_d$ the bases depend on each other, and all slopes vanish at $\lambda_j =
# \sqrt{l_j}\,\sum_d \sqrt{l_d}$: too large, for every basis. With $-\ln\sum_d\sigma_d^2$ it pays to put everything into
# the one basis that varies least and to leave all others without any penalty.

# %%
root = np.sqrt(variances)
print("ln sum of lambda:", lambdas["ln sum of lambda"].round(1), " by hand:", (root * root.sum()).round(1))
assert np.allclose(lambdas["sum ln"], variances, rtol=1e-3)
assert np.allclose(lambdas["ln sum of lambda"], root * root.sum(), rtol=1e-2)
assert np.allclose(lambdas["ln sum of sigma squared"][-1], variances[-1], rtol=1e-2)
assert (lambdas["ln sum of sigma squared"][:-1] > 1000 * variances[:-1]).all()  # as far as the bounds let it go

# %%
_, ax = plt.subplots(figsize=(6, 3))
for (name, found_lambda), marker, colour in zip(lambdas.items(), "os^", ("black", "#CC79A7", "#56B4E9"), strict=True):
    ax.semilogy(np.arange(1, 6), np.sqrt(found_lambda), marker, color=colour, label=name)
ax.semilogy(np.arange(1, 6), np.sqrt(variances), color="black", lw=1, label="the truth")
ax.set(xlabel="basis j", ylabel="sqrt(lambda), in units of the noise", xticks=range(1, 6))
ax.legend(fontsize=8)
plt.show()

# %% [markdown]
# *What to see:* only the markers of "sum ln" lie on the line of the truth.
#
# ### Why the coefficients are averaged out, not minimised over
# There is a trap even with the right log term. Minimise over $a$ as well as $\lambda$, and there is no minimum at all:
# let both shrink, and the log term falls for ever while the rest stays finite. PPCA averages $a$ out, which puts
# $\lambda + v$ in the logarithm. Take one direction in which the poses have the variance $l$, noise included (so that
# $\lambda = l - v$ is right), in units of $v$:

# %%
l_one, lam_trial = 5.0, np.geomspace(1e-5, 100, 2000)
jointly = l_one / (lam_trial + 1) + np.log(lam_trial)  # the best a was put in
averaged = l_one / (lam_trial + 1) + np.log(lam_trial + 1)
print(
    "averaged: least at lambda =",
    lam_trial[averaged.argmin()].round(1),
    " jointly: least at the edge:",
    jointly.argmin() == 0,
)
assert abs(lam_trial[averaged.argmin()] - (l_one - 1)) < 0.1  # lambda = l - v

# %%
_, ax = plt.subplots(figsize=(6, 2.8))
ax.semilogx(lam_trial, averaged, color="black", label="a averaged out: least at l - v")
ax.semilogx(lam_trial, jointly, color="#CC79A7", linestyle="--", label="a minimised over: no minimum")
ax.axvline(l_one - 1, color="#009E73", linestyle=":")
ax.set(xlabel="lambda, in units of v", ylabel="cost (nats, doubled)")
ax.legend(fontsize=8)
plt.show()

# %% [markdown]
# *What to see:* the dashed curve has no lowest point. It has a dip, in which an optimiser may come to rest, but at the
# wrong place: at 2.6, where 4 is right.
#
# ## What if $\sigma$ is taken for a standard deviation?
# Draw poses with noise and with known coefficients, and look for the coefficients by least squares with three different
# penalties. $\mathbf e$ is orthonormal, so $a_j = \langle e_j, P - \mu\rangle / (1 + \text{penalty}_j^2)$.

# %%
gaussian = ppca.fit_ppca(aligned, 20)
drawn = pose_prior.sample(gaussian, 2000, np.random.default_rng(1), headings=[0.0])
along = (drawn.poses - gaussian.mu[0]).reshape(2000, -1) @ gaussian.e[0].reshape(20, -1).T
sigma = gaussian.sigma[0]
error = {}
for name, penalty in {"sigma": sigma, "none": 0 * sigma, "taken for a deviation": 1 / sigma}.items():
    error[name] = 1000 * np.sqrt(np.mean((along / (1 + penalty**2) - drawn.coefficients) ** 2))
    print(f"penalty {name:22}: coefficients {error[name]:3.0f} mm off")
assert error["sigma"] < error["none"] < error["taken for a deviation"]

# %% [markdown]
# Here all three coordinates of every landmark are seen, so the right penalty hardly matters. The wrong one multiplies
# each coefficient by $\sigma_j^2/(1 + \sigma_j^2)$, which wipes out the bases that vary most: their $\sigma_j$ are
# the smallest.
#
# ## Main paper, section 4: growing the basis one by one
# The headings came from the mean alone. With bases they can be better: turn each pose to the heading at which it is
# most probable under the *Gaussian* (`align_to_prior`), fit again, and so on. Neither of the two steps can lower the
# likelihood. *As we understand the main paper*, the bases are grown one by one meanwhile, from 1 to $J$, so that what a
# rotation can explain does not get locked into the bases. Adding a basis cannot lower the likelihood either: $J + 1$
# bases can do all that $J$ can.
#
# What would such a locked-in basis look like? Turn the mean by a small angle $\epsilon$: it moves by $\epsilon\,(\mu_z,
# 0, -\mu_x)$. Measure how much of that direction the bases contain, from 0 to 1.


# %%
def turning_in(prior):
    m = prior.mu[0]
    t = np.stack([m[2], 0 * m[1], -m[0]])
    return np.square(np.tensordot(prior.e[0], t / np.linalg.norm(t), axes=2)).sum()


# %%
grown = fit_prior.grow_basis(poses, 8, rounds=200, tolerance=1e-3)
share = [turning_in(prior) for prior in (ppca.fit_ppca(poses, 8), ppca.fit_ppca(aligned, 8), grown.prior)]
print("turning in 8 bases: as recorded {:.3f}, factorised {:.3f}, grown {:.3f}".format(*share))
assert share[2] < share[1] < 0.25 * share[0]

# %% [markdown]
# As recorded, turning is nearly all in the bases. The factorisation leaves a fifth of it, growing an eighth. For
# comparison, 8 of the 48 directions of centred poses, taken at random, would contain a sixth. Why does growing leave
# any of it? The direction above is exact for the *mean* only; a pose far from the mean moves along another direction
# when it turns.
#
# The alternative to growing: all $J$ bases at once, from the same start, then the two steps in turn until nothing
# changes. Both ways climb the same likelihood, which has many local maxima.


# %%
def at_once(P, J, rounds=200, tolerance=1e-3):
    theta, history = alignment.start_by_factorisation(P)[1], [-np.inf]
    for _ in range(rounds):
        prior = ppca.fit_ppca(camera.turn(P, -theta), J)
        theta = alignment.align_to_prior(P, prior, theta[:, None])[:, 0]
        history.append(pose_prior.log_density(prior, camera.turn(P, -theta)).mean())
        if history[-1] - history[-2] < tolerance:
            break
    return np.array(history[1:])


# %%
once, gain = {}, {}
for J in (2, 5, 8):
    growth = grown if J == 8 else fit_prior.grow_basis(poses, J, rounds=200, tolerance=1e-3)
    once[J] = at_once(poses, J)
    gain[J] = growth.log_likelihood[-1] - once[J][-1]
    print(f"J = {J}: growing minus 'at once', at the end: {round(gain[J], 1) + 0.0:+.1f} nats per pose")
assert min(gain.values()) > -0.1 and max(gain.values()) > 1

# %% [markdown]
# So on these poses growing is never worse by more than a tenth of a nat, and for some $J$ it is clearly better. The two
# tie where both climb to the same maximum. Growing lowers the risk of a poor local maximum, and guarantees nothing.
# Here is the climb for $J = 8$: each dot is one round, and each large step of the black curve comes from one more
# basis.

# %%
_, ax = plt.subplots(figsize=(7, 3))
ax.plot(np.arange(1, len(once[8]) + 1), once[8], ".--", color="#CC79A7", label="8 bases at once")
ax.plot(np.arange(1, len(grown.bases) + 1), grown.log_likelihood, ".-", color="black", label="grown, 1 to 8")
ax.set(xlabel="round", ylabel="log-likelihood per pose (nats)")
ax.legend()
plt.show()
assert (np.diff(grown.log_likelihood) > -1e-9).all() and (np.diff(once[8]) > -1e-9).all()

# %% [markdown]
# *What to see:* both curves climb and never fall. Growing takes more rounds and ends higher.
#
# ## Main paper, section 4: a mixture, by EM
# People who stand and people who crouch don't make one Gaussian. *As we understand the main paper*, a mixture of PPCA
# serves such data, $p(P) = \sum_q \omega_q\,\mathcal N(P; \mu_q, \Sigma_q)$. EM (Tipping and Bishop) takes turns:
#
# - **Expectation**: responsibilities, $\rho_{iq} = \omega_q\mathcal N_{iq} \big/ \sum_m \omega_m\mathcal N_{im}$: how
#   probably pose $i$ came from Gaussian $q$.
# - **Maximisation**: each Gaussian is PPCA again, with the weight $\rho_{iq}$ for pose $i$; and $\omega_q$ is the mean
#   of $\rho_{iq}$ over the poses.


# %%
def expectation(gaussians, omega, P):
    joint = np.stack([pose_prior.log_density(g, P)[:, 0] for g in gaussians], axis=1) + np.log(omega)
    total = np.logaddexp.reduce(joint, axis=1)  # ln p(P_i)
    return np.exp(joint - total[:, None]), total.mean()


def maximisation(P, rho, J):
    return [ppca.fit_ppca(P, J, frame_weights=column) for column in rho.T], rho.mean(axis=0)


# %% [markdown]
# Start from three clusters of the grown, aligned poses, and keep the headings where they are.

# %%
from scipy.cluster.vq import kmeans2

upright = camera.turn(poses, -grown.theta)
_, label = kmeans2(upright.reshape(N, -1), 3, seed=0, minit="++")
rho, climb = np.eye(3)[label], []
for _ in range(25):
    gaussians, omega = maximisation(upright, rho, 5)
    rho, log_p = expectation(gaussians, omega, upright)
    climb.append(log_p)
assert (np.diff(climb) > -1e-9).all()  # the log-likelihood never falls
single = pose_prior.log_density(ppca.fit_ppca(upright, 5), upright).mean()
print(f"log-likelihood per pose: one Gaussian {single:.0f}, three {climb[-1]:.0f} nats")

# %% [markdown]
# The package's `fit_prior` does more in each round: it turns each pose to suit each component, and adds a few imaginary
# poses (`shrinkage`) so that no component shrinks onto a handful of poses. What must never fall is then the *penalised*
# log-likelihood, with each pose at the headings that suit it.

# %%
sides = {"left": skeleton.HUMAN36M.left, "right": skeleton.HUMAN36M.right}
fitted = fit_prior.fit_prior(poses, 5, 3, rounds=15, tolerance=0.01, landmarks=skeleton.HUMAN36M.landmarks, **sides)
assert (np.diff(fitted.em) > -1e-9).all()
_, axes = plt.subplots(1, 2, figsize=(9, 2.8))
axes[0].plot(np.arange(1, len(climb) + 1), climb, ".-", color="black")
axes[0].set(title="ours, headings kept", xlabel="round of EM", ylabel="log-likelihood per pose (nats)")
axes[1].plot(np.arange(1, len(fitted.em) + 1), fitted.em, ".-", color="black")
axes[1].set(title="fit_prior, headings its own", xlabel="round of EM", ylabel="penalised, per pose (nats)")
plt.tight_layout()
plt.show()

# %% [markdown]
# *What to see:* both climb and never fall. The right-hand values cannot be compared with the left-hand ones: they
# contain a penalty, and the poses have other headings.

# %%
mixture = fitted.prior
parts = [mixture.subset(components=[q]) for q in range(3)]
ours, mean_log_p = expectation(parts, mixture.weights, upright)
assert np.allclose(ours, pose_prior.posterior(mixture, upright).responsibilities)
theirs = pose_prior.log_likelihood(mixture, upright).mean()
print(f"log-likelihood per pose: {mean_log_p:.2f} nats, the package's {theirs:.2f}")
assert np.isclose(mean_log_p, theirs)

# %% [markdown]
# Our expectation step gives what the package's gives. (Judged at *our* headings and without the penalty, the package's
# mixture stays below our 70 nats: `fit_prior` chose other headings, and `shrinkage` keeps it from fitting a few poses
# closely.) What did the components become? Rows are clips; a black cell says that the component takes all of that
# clip's poses.

# %%
start = np.cumsum([0, *map(len, clips.values())])
table = np.stack([fitted.responsibilities[i:j].mean(axis=0) for i, j in zip(start[:-1], start[1:], strict=True)])
figure, ax = plt.subplots(figsize=(4.2, 5.5))
picture = ax.imshow(table, cmap="Greys", vmin=0, vmax=1, aspect="auto")
ax.set(xticks=range(3), xticklabels=[1, 2, 3], xlabel="component", title="mean responsibility")
ax.set_yticks(range(len(clips)), list(clips), fontsize=8)
figure.colorbar(picture, label="probability")
plt.show()
assert np.allclose(table.sum(axis=1), 1)

# %%
figure, axes = plt.subplots(1, 3, figsize=(10, 3.2), subplot_kw={"projection": "3d"})
for k, ax in enumerate(axes):
    plots.draw_pose_3d(ax, mixture.mu[k], azim=30, elev=10, radius=0.9, legend=k == 0)
    ax.set_title(f"mean of component {k + 1}, weight {mixture.weights[k]:.2f}")
figure.subplots_adjust(left=0.01, right=0.93, wspace=0.5)
plt.show()

# %% [markdown]
# *What to see:* in the table, the run and all walks belong to component 1, and most other clips are shared between
# components. Below the table, the three mean poses: the second crouches, the third lifts an arm.
#
# ## Saving and loading, without pickle
# A prior is five arrays and names. They go into an `.npz` file, which is written whole or not at all. Equal priors make
# equal bytes. Reading never runs code that came with the file, as unpickling would.

# %%
import tempfile
from pathlib import Path

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "mine.npz"
    save_prior(mixture, path)
    again = load_prior(path)
    size = path.stat().st_size
print(f"{size // 1000} kB, K = {again.K}, J = {again.J}, landmarks from {again.landmarks[0]} to {again.landmarks[-1]}")
for field in ("mu", "e", "sigma", "noise_variance", "weights"):
    assert np.array_equal(getattr(mixture, field), getattr(again, field))

# %%
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "pickled.npz"
    np.savez(
        path,
        **{
            name: np.array([{}], dtype=object)
            for name in ("mu", "e", "sigma", "noise_variance", "weights", "landmarks")
        },
    )
    try:
        load_prior(path)
    except ValueError:
        print("refused: it holds pickled objects")
    else:
        raise AssertionError("a pickled file was read")

# %% tags=["setup"]
from lifting.checking import mistakes

suspect = mistakes.mystery(9)

# %% [markdown] tags=["exercise"]
# ### Exercise 2b.1: find the mistake (8 minutes)
# The museum of mistakes (`docs/mistakes.md`) lends us `suspect`, which looks like `pose_prior.log_density(prior,
# poses)`. Write a test: `passes(f)` is `True` for the right function and `False` for the suspect. The density at the
# mean is $(2\pi)^{-(3L-3)/2}(\det\Sigma)^{-1/2}$, with the determinant taken within the $3L-3$ directions of centred
# poses. The eigenvalues of $\Sigma$ there are known.


# %% tags=["exercise"]
def passes(f):
    prior = load_prior().subset(components=[0], bases=3)
    at_the_mean = f(prior, prior.mu)[0, 0]
    # BEGIN SOLUTION
    v, lam, directions = prior.noise_variance[0], prior.component_variance[0], 3 * prior.L - 3
    log_det = np.log(lam + v).sum() + (directions - 3) * np.log(v)
    return bool(np.isclose(at_the_mean, -0.5 * (directions * np.log(2 * np.pi) + log_det)))
    # END SOLUTION


# %% tags=["answer"]
answer("2b.1", passes)

# %% [markdown]
# (A test at the mean finds a wrong constant or determinant. It is blind to a wrong distance from the mean, which is 0
# there.)
#
# ## Recap
# - The log term is $\sum\ln$. With $\ln\sum$ the variances come out wrong. And $a$ is averaged out, not minimised over.
# - Growing the bases one by one lowers the risk of a poor local maximum, and guarantees nothing. The likelihood never
#   falls under EM.
# - A prior is five arrays and names, stored without pickle.
#
# ## Recall
#
# 1. <details><summary>Where does "sum of logarithms" come from?</summary>
#
#    $\ln\det$ of a diagonal covariance: the determinant is a product.
#
#    </details>
# 2. <details><summary>What goes wrong when one minimises over a and lambda together?</summary>
#
#    Both shrink, and the log term falls for ever: there is no minimum.
#
#    </details>
# 3. <details><summary>What does growing the bases keep out of them?</summary>
#
#    What a rotation can explain.
#
#    </details>
# 4. <details><summary>What do the two steps of EM compute?</summary>
#
#    How probably each pose came from each Gaussian; then each Gaussian anew, with the poses weighted by these
#    probabilities.
#
#    </details>
# 5. <details><summary>Why no pickle?</summary>
#
#    Unpickling runs code that came with the file.
#
#    </details>

# %%
progress()
