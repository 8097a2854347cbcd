# %% [markdown]
# # 04c The landmark gradient: where it jumps, and what it leaves out
#
# **The question.** (8) holds the rotation and the component still. Where do they change, how much does (8) miss there,
# and what would the derivative be if the rotation turned freely?
#
# Afterwards you can find the edges between winners, say how often a move by a pixel crosses one, and derive the term of
# rank one that (8) leaves out.
#
# > **Takes** 15 minutes, exercises included. **Needs** [04](04_landmark_gradient.ipynb).
# > **On the way:** extra; the core does not need it. Nearly all of it is ours.
# >
# > **Symbols** (all others: [notation](../docs/notation.md#gradients))
# > - $\kappa$: half the curvature of the least cost in $\theta$
# > - $\rho = y - \hat y$: what the fit leaves; $u$ $(2L)$: how the best fit moves as $\theta$ turns
# > - a prime: the derivative with respect to $\theta$ at fixed $a$

# %% tags=["setup"]
import matplotlib.pyplot as plt
import numpy as np

from lifting import camera, landmark_jacobian, lift, load_prior, pose_prior, skeleton, solve
from lifting.checking import gradient_check, jumps, turning
from lifting.datasets import motion_capture
from lifting.drawing import answer, figures_04, hint, plots, progress

# %%
plots.draw_way_through(plt.figure(figsize=(9, 2.4)).add_subplot(), "landmark gradient")
plt.show()

# %% [markdown]
# The dancer of notebook 04:

# %%
prior = load_prior()
Y = camera.turn(motion_capture.load_motion_capture().of_clip("dance_b")[20], np.asarray(0.4))[:2]
result = lift(Y, prior)
mu, e, sigma = gaussian = prior.gaussian(result.component)
L, wrist, y = prior.L, skeleton.HUMAN36M.index("right_wrist"), solve.unwrap(Y)
H, H_image = landmark_jacobian(result, prior), landmark_jacobian(result, prior, centred=False).reshape(2, L, 2, L)
print(f"component {result.component}, theta {np.degrees(result.theta):.1f} degrees, trace of H {np.trace(H):.2f}")

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
# *What to see:* left, the lines where the winner changes as the wrist moves over the plane; right, how far $\hat Y$
# jumps there.
#
# Inside a piece (8) is exact. Across an edge $\hat Y$ jumps: with 80 rotations, by a little from one angle to the next
# and by more from one component to another. The least cost of (2) itself does not jump between angles, as both cost the
# same on the edge. Between components it does: there, the probabilities are the same.
#
# ### On an edge, differences mislead
#
# `straddle` closes in on an edge by bisection. A central difference across it is the jump divided by $2h$, plus the
# ordinary derivative of the two pieces: the smaller the step, the larger the nonsense. Neither side's $H$ is wrong; on
# the edge itself there is no derivative. The checker notices that its differences don't settle, and refuses to judge.

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
print(f"the jump alone, divided by 2h, for h = 0.01 m: {jump / 0.02:.2f}")
assert np.isclose(np.linalg.norm(difference), jump / 2e-6, rtol=1e-3)
try:
    gradient_check.check_jacobian(H_image, lambda Y: lift(Y, mixture).Y_hat, on_edge)
except ValueError as refusal:
    assert "where f is smooth" in str(refusal)
    print("the checker refuses to judge")

# %% [markdown]
# ### How often?
#
# A belief map has pixels, so a landmark moves by at least one. `checking.smoothness` has moved every landmark of real
# poses by a pixel to the left, right, up and down, one at a time, with the same mixture and with the scale solved for.
# The people are 30 pixels large; a pixel is a smaller move for larger people, and crosses fewer edges. The numbers are
# read from `data/smoothness.json`. First, how often the angle, the component, or either of the two (the winner)
# changes, with a 95% interval over groups of clips:

# %%
import json

from lifting.support import files

measured = json.loads(files.data_path("smoothness.json").read_text())
for rotations, row in measured["crossings"].items():
    changes = [f"{name} {row[name]['fraction']:.0%}" for name in ("angle", "component", "winner")]
    low, high = row["winner"]["interval"]
    far = f"heading turned by more than 20 degrees {row['far']['fraction']:.1%}"
    print(f"{rotations:>5} rotations: {', '.join(changes)} ({low:.0%} to {high:.0%}); {far}")
assert all(row["eq_8_exact_elsewhere_to_1e-9"] for row in measured["crossings"].values())

# %% [markdown]
# Second, how far $\hat Y$ moves (over all coordinates, pixels, median): what (8) predicts, what it misses where only
# the angle changes, and what it misses where the component changes.

# %%
columns = ("predicted", "missed_angle_only", "missed_component")
print("median: predicted by (8); missed, only another angle; missed, another component")
for rotations, row in measured["crossings"].items():
    medians = "; ".join(f"{row[name]['50%']:.2f}" if row[name] else "-" for name in columns)
    worse = row["more_missed_than_predicted"]["fraction"]
    print(f"{rotations:>5} rotations: {medians}; more missed than predicted in {worse:.0%} of the moves")

# %% [markdown]
# So edges are not rare: a large share of all moves by one pixel crosses one. But look at how much is missed there. More
# rotations make more edges between angles and smaller jumps. With 10,000 nearly every move crosses one, and as far as
# angles go it hardly matters: what (8) then misses is what a rotation that turns freely would add, the subject of the
# second half. A change of component gets no rarer with more rotations, and what is missed there hardly smaller. Where
# the winner stays, (8) is exact to the last digits.
#
# **Print and convention.** A sub-gradient in the sense of convex analysis belongs to a convex function of many
# variables and one value; this map has $2L$ values and jumps. What the supplement means by the word is the derivative
# of the piece on which we stand. At an edge `lift` takes the lowest index, and with it that piece's $H$. Nor is the
# function over a continuous $\mathcal R$ smooth everywhere. The many small edges between neighbouring angles merge into
# smooth pieces, but those between valleys of the cost and between components remain.

# %% [markdown]
# ## What (8) leaves out: the turning
#
# Suppose $\mathbf R$ could turn freely, and the cost were least in $\theta$, too. What would the derivative of $\hat Y$
# be then? Write a prime for $d/d\theta$ at fixed $a$, and $\rho = y - \hat y$. Half the cost of (2) has the gradient
#
# $$\partial_a = -E^\top \rho + \sigma^2 a,\qquad \partial_\theta = -\rho^\top\hat y'.$$
#
# At the minimum both are 0, for every $y$; so their total derivatives with respect to $y$ are 0 as well. With $M =
# E^\top E + \operatorname{diag}(\sigma^2)$,
#
# $$\begin{bmatrix} M & c\\ c^\top & \gamma\end{bmatrix}\begin{bmatrix} da\\ d\theta\end{bmatrix}
#   = \begin{bmatrix} E^\top\\ \hat y'^\top\end{bmatrix}dy,\qquad
#   c = E^\top\hat y' - E'^\top \rho,\qquad \gamma = \lVert\hat y'\rVert^2 - \rho^\top\hat y''.$$
#
# The first row gives $da = M^{-1}(E^\top dy - c\,d\theta)$. Inserted into the second, this leaves
#
# $$\kappa\,d\theta = u^\top dy,\qquad \kappa = \gamma - c^\top M^{-1}c,\qquad u = \hat y' - EM^{-1}c,$$
#
# and $d\hat y = E\,da + \hat y'\,d\theta = EM^{-1}E^\top dy + u\,d\theta$, so that
#
# $$\frac{d\hat y}{dy} = E\bar E^t + \frac{u\,u^\top}{\kappa}.$$
#
# That is (8) plus one term of rank one: the turning. $u$ says how the best fit moves as $\theta$ turns, and $2\kappa$
# is the second derivative of the least cost in $\theta$: the flatter the valley, the more the heading follows every
# landmark.

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
rho = y - here @ x
M = E_free.T @ E_free + np.diag(sigma**2)
c = E_free.T @ y_prime - prime[:, 1:].T @ rho
kappa = y_prime @ y_prime - rho @ second_prime @ x - c @ np.linalg.solve(M, c)
u = y_prime - E_free @ np.linalg.solve(M, c)
print(f"kappa {kappa:.4f} m^2, length of u {np.linalg.norm(u):.4f} m")
assert abs(rho @ y_prime) < 1e-9 and kappa > 0

# %%
around = refined.theta + np.radians(np.linspace(-20, 20, 81))
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 4.4), layout="constrained")
plots.draw_pose_2d(left, refined.Y_hat, legend=False, alpha=0.5)
figures_04.arrows(left, refined.Y_hat, solve.wrap(u), "#009E73", "u", 3.0)
left.set_title("u, three times as long:\nhow the fit moves")
right.plot(np.degrees(around), solve.solve_at(Y, gaussian, around).cost, color="black", label="least cost")
parabola = refined.cost + kappa * (around - refined.theta) ** 2
right.plot(np.degrees(around), parabola, "--", color="#D55E00", label="with curvature 2 kappa")
right.set(xlabel="theta (degrees)", ylabel="cost (m²)", title="how sharp\nthe valley is", ylim=(0, None))
right.legend(fontsize=9)
plt.show()
near = np.abs(around - refined.theta) < 0.02
assert np.allclose(solve.solve_at(Y, gaussian, around[near]).cost, parabola[near], rtol=1e-2)

# %% [markdown]
# *What to see:* left, as $\theta$ turns the fit gives way at shoulders and hips, while hands and feet stay with their
# landmarks. Right, the parabola of curvature $2\kappa$ fits the least cost at its minimum.

# %%
H_refined = E_free @ np.linalg.solve(M, E_free.T) + np.outer(u, u) / kappa
assert np.allclose(H_refined, turning.refined_jacobian(Y, prior, refined))


def refined_lift(points):
    return turning.refine_angle(points, prior, lift(points, prior))[0].Y_hat


image_part = np.kron(np.eye(2), np.full((L, L), 1 / L)).reshape(2, L, 2, L)
assert gradient_check.check_jacobian(H_refined.reshape(2, L, 2, L) + image_part, refined_lift, Y) < 1e-6
eigenvalues = np.linalg.eigvalsh(H_refined)
print(f"trace {np.trace(H_refined):.2f}, where (8) has {np.trace(H):.2f}; largest eigenvalue {eigenvalues.max():.3f}")

# %% [markdown]
# (Of the difference of the two traces, $\lVert u\rVert^2/\kappa = 0.22$ is the new term. The rest is due to the angle:
# (8) stands at 36.0 degrees, the other at 36.83.) The new derivative is symmetric as well: the least cost $V(y)$ has
# the gradient $2(y-\hat y)$, so $I - d\hat y/dy$ is half a Hessian. But its eigenvalues may exceed 1. Where a valley of
# the cost is about to vanish, $\kappa\to0$: a small move of a landmark turns the whole person, and the exact derivative
# grows without bound. (8) never does. How different are the two on real poses? Below are the cosine of the angle
# between the two pull backs and the ratio of their lengths, free rotation to fixed, with the scale solved for: for
# random gradients $g$, for those of a real residual, and for $g$ along $u$.

# %%
for name, row in measured["derivatives"]["free"]["pull_backs"].items():
    name = "along u" if name == "w" else name
    cosine, ratio = row["cosine"], row["ratio"]
    middle = f"median cosine {cosine['50%']:.3f}, ratio {ratio['50%']:.2f}"
    print(f"{name:>8}: {middle}; 5th percentile of the cosine {cosine['5%']:.3f}, 95th of the ratio {ratio['95%']:.2f}")

# %% [markdown]
# For ordinary gradients the two are nearly the same: they differ in one direction of 32, and few gradients point along
# it. Along $u$ itself the pull back is more than twice as long where the rotation is free. So all that (8) leaves out
# is the turning, and `docs/smoothness.md` follows a person to where $\kappa$ vanishes. The supplement's choice has
# reasons besides simplicity: (8) needs no second derivatives, belongs to the function that is really computed (whose
# $\theta$ is one of 80), and stays bounded.

# %% [markdown] tags=["exercise"]
# ### Exercise 4c.1: a difference across an edge (4 minutes)
# Across an edge $\hat Y$ jumps up by 2 pixels; on either side its derivative is 0.7. Return what a central difference
# with step $h$ gives if the edge lies in its middle.


# %% tags=["exercise"]
def across_an_edge(h):
    # BEGIN SOLUTION
    return 0.7 + 2 / (2 * h)
    # END SOLUTION


# %% tags=["answer"]
answer("4c.1", across_an_edge)

# %% [markdown]
# ## Recap
#
# - (8) is exact up to the next edge between winners. Edges are near. Most jumps are small, but those between components
#   are not.
# - A rotation that turns freely adds $uu^\top/\kappa$: one direction, in which the fit moves as the person turns.
#
# ## Recall
#
# 1. <details><summary>What changes at an edge: Y_hat, its derivative, the least cost?</summary>
#
#    $\hat Y$ and its derivative. The least cost does not, between two angles.
#
#    </details>
# 2. <details><summary>Do more rotations make fewer edges?</summary>
#
#    No: more edges, and smaller jumps.
#
#    </details>
# 3. <details><summary>Why does the checker refuse to judge on an edge?</summary>
#
#    Its differences do not settle as the step gets smaller: there is no derivative.
#
#    </details>
# 4. <details><summary>Of which rank is what (8) leaves out?</summary>
#
#    One.
#
#    </details>
# 5. <details><summary>When is that term large?</summary>
#
#    Where the valley is flat, $\kappa\to0$: then a small move of a landmark turns the whole person.
#
#    </details>

# %%
progress()
