"""Solving for the pose: given landmarks, the rotation and the coefficients. Supplement, eq. (2)-(6).

The problem, for one component (mu, e, sigma) of the prior and landmarks Y (2, L):

    R, a = argmin  ||Y - Pi R* (mu + a*.e)||^2 + ||sigma a*||^2                                     (2)
           R* in a finite set of rotations, a* in R^J

Given R it is linear least squares in a. With Y unwrapped to y, Pi R mu to p and Pi R e to the columns of E:

    a = argmin || [y, 0] - [p, 0] - E_bar a* ||^2,   E_bar = [E; diag(sigma)]                       (5)
    a = E_bar_dagger [y - p, 0]                                                                     (6)

The supplement multiplies row vectors from the left; here vectors are columns, so E_bar is (2L + J, J).

Two variants need nothing new. **Scale free** (weak perspective, main paper section 5): y = s p + E b with b = s a
is linear in (s, b), so [p, E] takes the place of E, 0 that of p, and p's column has no ridge. **Weights:** a landmark
that counts w_l times has its two rows of y - p - E a multiplied by sqrt(w_l), and Y counts from the weighted mean,
which is the best translation. `centre` does both, to y, p and the columns of E alike. A landmark that was not seen has
weight 0.

This is the readable version, which the fast search (`lifting.search`) is tested against. Batches broadcast over
leading dimensions.
"""

import math
from typing import Annotated, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from lifting.camera import rotation
from lifting.pose_prior import Gaussian, PosePrior
from lifting.support.arrays import Array, check_finite, fail, like, namespace, refuse
from lifting.support.checked import Cameras, Weights, checked

Sigma = Annotated[Float[Array, "*batch J"], ">= 0"]
PositiveNumbers = Annotated[Float[Array, "*batch"], "> 0"]


@checked
def unwrap(Y: Float[Array, "*batch 2 L"]) -> Float[Array, "*batch 2*L"]:
    """The vector y of Y (text above eq. (4)): all x, then all y.

    Raises:
        ValueError: a wrong shape or a value that is not finite.
    """
    return namespace(Y).reshape(Y, (*Y.shape[:-2], 2 * Y.shape[-1]))


@checked
def wrap(y: Float[Array, "*batch 2*L"]) -> Float[Array, "*batch 2 L"]:
    """The (2, L) landmarks of a vector y: the inverse of `unwrap`, eq. (4).

    Raises:
        ValueError: an odd number of coordinates, or a value that is not finite.
    """
    return namespace(y).reshape(y, (*y.shape[:-1], 2, y.shape[-1] // 2))


@checked
def weighted_mean(points: Float[Array, "*batch d L"], weights: Weights | None = None) -> Float[Array, "*batch d 1"]:
    """The mean of the landmarks, each counted by its weight: the translation that eq. (2) leaves out.

    Raises:
        ValueError: a wrong shape, a value that is not finite, a negative weight, a frame whose weights are all 0.
    """
    xp = namespace(points)
    if weights is None:
        return xp.mean(points, axis=-1, keepdims=True)
    total = xp.sum(weights, axis=-1)[..., None, None]
    refuse("weights", total == 0, "a frame that shows no landmark", "a weight > 0, or a visible one, in every frame")
    # sum_l w_l Y_l / sum_l w_l
    return xp.sum(points * weights[..., None, :], axis=-1, keepdims=True) / total


@checked
def centre(
    Y: Annotated[Float[Array, "*batch d L"], "any"], weights: Weights | None = None
) -> Float[Array, "*batch d L"]:
    """Subtract the weighted mean, and multiply each landmark by the root of its weight: what eq. (2) assumes of Y.

    Ridge regression on the result is weighted ridge regression, with the translation of the person solved for. Where
    weights are booleans it is the orthogonal projector onto what is visible and centred. What Y holds where the weight
    is 0 is ignored; there the result is 0.

    Raises:
        ValueError: a wrong shape, a frame whose weights are all 0, or a value that counts and is not finite.
    """
    xp = namespace(Y)
    if weights is not None:
        Y = xp.where(weights[..., None, :] > 0, Y, xp.zeros_like(Y))
    check_finite("Y", Y)
    centred = Y - weighted_mean(Y, weights)
    return centred if weights is None else xp.sqrt(weights)[..., None, :] * centred


@checked
def projected_model(
    mu: Float[Array, "*batch 3 L"],
    e: Float[Array, "*batch J 3 L"],
    theta: Float[Array, "*batch"],
    *,
    weights: Weights | None = None,
    camera: Cameras | None = None,
) -> tuple[Float[Array, "*batch 2*L"], Float[Array, "*batch 2*L J"]]:
    """p, the unwrapped Pi R mu, and E, the unwrapped Pi R e of eq. (4), one column a basis.

    With `weights`, `centre` has done to both what it does to Y.

    Raises:
        ValueError: a wrong shape, a value that is not finite, or a camera that is no rotation.
    """
    xp = namespace(mu)
    R = rotation(theta) if camera is None else camera @ rotation(theta)
    PiR = R[..., :2, :]
    projected_mu, projected_e = PiR @ mu, PiR[..., None, :, :] @ e
    if weights is not None:
        projected_mu, projected_e = centre(projected_mu, weights), centre(projected_e, weights[..., None, :])
    # p = Pi R mu, E = Pi R e, unwrapped: text above (4)
    return unwrap(projected_mu), xp.matrix_transpose(unwrap(projected_e))


@checked
def stack_ridge(E: Float[Array, "*batch 2*L J"], sigma: Sigma) -> Float[Array, "*batch 2*L+J J"]:
    """E_bar of eq. (5): E stacked on diag(sigma).

    Raises:
        ValueError: a wrong shape, a value that is not finite, or a negative sigma.
    """
    xp = namespace(E)
    diagonal = sigma[..., None, :] * like(np.eye(E.shape[-1]), E)
    diagonal = xp.broadcast_to(diagonal, (*E.shape[:-2], *diagonal.shape[-2:]))
    # E_bar = [E; diag(sigma)]
    return xp.concat([E, diagonal], axis=-2)


@checked
def pseudo_inverse(E_bar: Float[Array, "*batch 2*L+J J"]) -> Float[Array, "*batch J 2*L+J"]:
    """E_bar_dagger of eq. (6), the pseudo-inverse of E_bar.

    Raises:
        ValueError: a wrong shape or a value that is not finite.
    """
    return namespace(E_bar).linalg.pinv(E_bar)


@checked
def truncated_pseudo_inverse(E: Float[Array, "*batch 2*L J"], sigma: Sigma) -> Float[Array, "*batch J 2*L"]:
    """E_bar_t of eq. (8): the first 2L columns of E_bar_dagger, in closed form.

    Where E_bar has full column rank, E_bar_dagger = (E_bar^T E_bar)^-1 E_bar^T. Its first 2L columns, all that meets
    y - p in eq. (6), are (E^T E + diag(sigma^2))^-1 E^T: ridge regression.

    Raises:
        ValueError: a wrong shape, a value that is not finite, or a negative sigma.
    """
    E_bar = stack_ridge(E, sigma)
    xp = namespace(E_bar)
    # E_bar_t = (E_bar^T E_bar)^-1 E^T
    return xp.linalg.solve(xp.matrix_transpose(E_bar) @ E_bar, xp.matrix_transpose(E_bar[..., : E.shape[-2], :]))


@checked
def coefficients(
    y: Float[Array, "*batch 2*L"], p: Float[Array, "*batch 2*L"], E_bar_dagger: Float[Array, "*batch J 2*L+J"]
) -> Float[Array, "*batch J"]:
    """The coefficients a of eq. (6).

    Raises:
        ValueError: a wrong shape or a value that is not finite.
    """
    xp = namespace(E_bar_dagger)
    residual = y - p
    zeros = xp.zeros((*residual.shape[:-1], E_bar_dagger.shape[-2]), dtype=residual.dtype, device=residual.device)
    # (6)  a = E_bar_dagger [y - p, 0]
    return (E_bar_dagger @ xp.concat([residual, zeros], axis=-1)[..., None])[..., 0]


@checked
def cost(
    y: Float[Array, "*batch 2*L"],
    p: Float[Array, "*batch 2*L"],
    E: Float[Array, "*batch 2*L J"],
    sigma: Float[Array, "*batch J"],
    a: Float[Array, "*batch J"],
) -> Float[Array, "*batch"]:
    """The cost of eq. (2) at given R: ||y - p - E a||^2 + ||sigma a||^2, in the units of y squared.

    Raises:
        ValueError: a wrong shape or a value that is not finite.
    """
    xp = namespace(E)
    residual = y - p - (E @ a[..., None])[..., 0]
    # (2)  ||Y - Pi R (mu + a.e)||^2 + ||sigma a||^2
    return xp.sum(residual**2, axis=-1) + xp.sum((sigma * a) ** 2, axis=-1)


@checked
def free_scale(
    p: Float[Array, "*batch 2*L"], E: Float[Array, "*batch 2*L J"], sigma: Float[Array, "*batch J"]
) -> tuple[Float[Array, "*batch 2*L J+1"], Float[Array, "*batch J+1"]]:
    """What takes the place of E and sigma in eq. (5) where the scale is solved for, with 0 in the place of p.

    The unknowns are (s, b) with b = s a: the design matrix is [p, E], and p's column has no ridge.

    Raises:
        ValueError: a wrong shape or a value that is not finite.
    """
    xp = namespace(E)
    column = xp.broadcast_to(p[..., None], (*E.shape[:-1], 1))
    return xp.concat([column, E], axis=-1), xp.concat([xp.zeros_like(sigma[..., :1]), sigma], axis=-1)


class Solution(NamedTuple):
    """What eq. (2) gives at given rotations: scale s, coefficients a and cost."""

    scale: Float[Array, "*batch"]
    a: Float[Array, "*batch J"]
    cost: Float[Array, "*batch"]


@checked
def solve_at(
    Y: Float[Array, "*batch 2 L"],
    gaussian: Gaussian,
    theta: Float[Array, "*batch"],
    *,
    scale: PositiveNumbers | None = 1.0,
    weights: Weights | None = None,
    camera: Cameras | None = None,
) -> Solution:
    """The minimiser of eq. (2) over a at given rotations theta: eq. (5)-(6), in any of its variants.

    Args:
        Y: (..., 2, L), y up, as `centre` gives it for the same weights, metres times the scale.
        gaussian: mean pose, bases and weights of the penalty, as from `PosePrior.gaussian`.
        theta: (...), radians.
        scale: fixed scale s of the image (1 as the supplement prints it), or None: solved for with
            b = s a, which minimises ||y - s p - E b||^2 + ||sigma b||^2. It may come out negative: a person upside
            down, which `search` refuses.
        weights: (..., L), how much each landmark counts; all alike where None.
        camera: (..., 3, 3), known rotation of the camera, or of each.

    Raises:
        ValueError: a wrong shape, a value that is not finite, a negative sigma or weight, a scale that is not positive.
    """
    p, E = projected_model(gaussian.mu, gaussian.e, theta, weights=weights, camera=camera)
    y, sigma, xp = unwrap(Y), gaussian.sigma, namespace(Y)
    if scale is not None:
        a = coefficients(y / scale[..., None], p, pseudo_inverse(stack_ridge(E, sigma)))
        least = scale**2 * cost(y / scale[..., None], p, E, sigma, a)
        return Solution(xp.broadcast_to(scale, least.shape), a, least)
    D, ridge = free_scale(p, E, sigma)
    zero = xp.zeros_like(p)
    sb = coefficients(y, zero, pseudo_inverse(stack_ridge(D, ridge)))
    s, b = sb[..., 0], sb[..., 1:]
    return Solution(s, b / s[..., None], cost(y, zero, D, ridge, sb))


@checked
def log_determinant(
    E: Float[Array, "*batch 2*L J"],
    sigma: Annotated[Float[Array, "*batch J"], "> 0"],
    noise_variance: PositiveNumbers,
    count: Float[Array, "*batch"],
) -> Float[Array, "*batch"]:
    """Log det(E Lambda E^T + v I) over the 2 n coordinates of `count` = n visible landmarks, Lambda = v / sigma^2.

    What eq. (2) leaves out, and what comparing the Gaussians of a mixture needs (main paper, section 5). E is that of
    `projected_model` for the frame's weights, and n their sum: a landmark of weight 2 counts as two that agree.

    By the matrix determinant lemma it is 2 n log v + log det(E^T E + diag(sigma^2)) - sum log sigma^2.

    All 2 n coordinates count: where the person stands in the image is solved for, as R and s are, and its best value
    put in (a profile likelihood). Averaged over all places instead, 2 n - 2 directions would be left, and in
    `mixture_score` 4 (n - 1) log s; poses in space have no place at all, hence the 3L - 3 of `lifting.pose_prior`.

    Raises:
        ValueError: a wrong shape, a value that is not finite, sigma (a mode of infinite variance has no density) or the
            noise's variance not positive.
    """
    xp = namespace(E)
    gram = xp.matrix_transpose(E) @ E + sigma[..., None, :] ** 2 * like(np.eye(E.shape[-1]), E)
    return 2 * count * xp.log(noise_variance) + xp.linalg.slogdet(gram)[1] - 2 * xp.sum(xp.log(sigma), axis=-1)


def mixture_score(
    cost: Float[Array, "*batch"],
    noise_variance: Float[Array, "*batch"],
    log_det: Float[Array, "*batch"],
    weight: Float[Array, "*batch"],
    scale: Float[Array, "*batch"],
    count: Float[Array, "*batch"] | float,
) -> Float[Array, "*batch"]:
    """-2 log probability, up to a constant, of the `count` = n visible landmarks under a component of a mixture.

    What is compared between components, each at the rotation where its own cost of eq. (2) is least (main paper,
    section 5). `log_det` is that of `log_determinant`. The arguments come from functions that have checked them.
    """
    xp = namespace(cost)
    # cost / (s^2 v) + log det(E Lambda E^T + v I) + 4 n log s - 2 log weight
    return cost / (scale**2 * noise_variance) + log_det + 4 * count * xp.log(scale) - 2 * xp.log(weight)


class Winner(NamedTuple):
    """The winner of the exhaustive search of eq. (2), per frame: component k, index t of the angle, the cost there,
    and the -2 log probability (up to a constant) by which components were compared.
    """

    component: Int[Array, "*batch"]
    angle: Int[Array, "*batch"]
    cost: Float[Array, "*batch"]
    score: Float[Array, "*batch"]


@checked
def search(
    Y: Float[Array, "*batch 2 L"],
    prior: PosePrior,
    theta: Float[Array, " T"],
    *,
    scale: Annotated[float, "> 0"] | None = 1.0,
    weights: Weights | None = None,
    camera: Annotated[Float[Array, "*angles 3 3"], "rotations"] | None = None,
) -> Winner:
    """The exhaustive minimisation of eq. (2) over all rotations theta and all components of the mixture.

    Within a component the rotation of least cost wins. Among components, each at its own best rotation, the
    most probable wins: the smallest `mixture_score`. Ties go to the lowest index. Only rotations with a scale
    s > 0 are admissible. A `camera` of (T, 3, 3) is one for each angle: where the camera's pitch is not known, the
    finite set has every angle at every pitch.

    The readable reference: it holds N x K x T small matrices, so feed it hundreds of frames, not thousands.

    Raises:
        ValueError: as `solve_at`; no angle in theta; no admissible rotation for a frame (upside down).
    """
    xp = namespace(Y)
    every = Gaussian(*(like(part, Y) for part in prior.gaussian(np.s_[:, None])))  # (K, 1, ...) against T angles
    v, share = like(prior.noise_variance, Y), like(prior.weights, Y)
    every_weight = None if weights is None else weights[..., None, None, :]
    s = None if scale is None else like(scale, Y)
    solution = solve_at(Y[..., None, None, :, :], every, theta, scale=s, weights=every_weight, camera=camera)
    # R*: for each component the admissible rotation of least cost
    costs = xp.where(solution.scale > 0, solution.cost, xp.full_like(solution.cost, math.inf))  # (..., K, T)
    angle, least = xp.argmin(costs, axis=-1), xp.min(costs, axis=-1)  # (..., K)
    if bool(xp.any(xp.min(least, axis=-1) == math.inf)):
        fail("Y", "a frame that no rotation fits with a positive scale", "a person who is not upside down (y is up)")
    s = xp.take_along_axis(xp.broadcast_to(solution.scale, costs.shape), angle[..., None], axis=-1)[..., 0]
    s = xp.where(least < math.inf, s, xp.ones_like(s))  # an inadmissible component has an infinite cost already
    # k: the most probable component, each at its own R*
    component_weight = None if weights is None else weights[..., None, :]
    C = camera if camera is None or camera.ndim == 2 else camera[angle]
    _, E = projected_model(every.mu[:, 0], every.e[:, 0], theta[angle], weights=component_weight, camera=C)
    n = like(prior.L, Y) if weights is None else xp.sum(weights, axis=-1)[..., None]
    score = mixture_score(least, v, log_determinant(E, every.sigma[:, 0], v, n), share, s, n)
    component = xp.argmin(score, axis=-1)
    pick = lambda values: xp.take_along_axis(values, component[..., None], axis=-1)[..., 0]  # noqa: E731
    return Winner(component, pick(angle), pick(least), pick(score))
