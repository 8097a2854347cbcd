"""Solving for the pose: given landmarks, the rotation and the coefficients. Supplement, eq. (2)-(6).

The problem, for one component (mu, e, sigma) of the prior and landmarks Y (2, L):

    R, a = argmin  ||Y - Pi R* (mu + a*.e)||^2 + ||sigma a*||^2                                     (2)
           R* in a finite set of rotations, a* in R^J

Given R it is linear least squares in a. With Y unwrapped to y, Pi R mu to p and Pi R e to the columns of E:

    a = argmin || [y, 0] - [p, 0] - E_bar a* ||^2,   E_bar = [E; diag(sigma)]                       (5)
    a = E_bar_dagger [y - p, 0]                                                                     (6)

The supplement multiplies row vectors from the left; here vectors are columns, so E_bar is (2L + J, J).

Two variants need nothing new. **Scale free** (weak perspective, main paper section 5): y = s p + E b with b = s a
is linear in (s, b), so [p, E] takes the place of E, 0 that of p, and p's column has no ridge. **Landmarks
missing:** both sides lose the rows of what is not seen; `centre` zeroes them, which is the same.

This is the readable version, which the fast search (`lifting.search`) is tested against. Batches broadcast over
leading dimensions.
"""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from lifting.camera import check_camera, rotation
from lifting.pose_prior import PosePrior
from lifting.support.arrays import Array, check_array, check_floating, check_shape, fail, like, namespace, refuse


def unwrap(Y: Float[Array, "*batch 2 L"]) -> Float[Array, "*batch 2L"]:
    """The vector y of Y (text above eq. (4)): all x, then all y.

    Raises:
        ValueError: a wrong shape or a value that is not finite.
    """
    Y = check_array("Y", Y, 2, "L")
    return namespace(Y).reshape(Y, (*Y.shape[:-2], 2 * Y.shape[-1]))


def wrap(y: Float[Array, "*batch 2L"]) -> Float[Array, "*batch 2 L"]:
    """The (2, L) landmarks of a vector y: the inverse of `unwrap`, eq. (4).

    Raises:
        ValueError: an odd number of coordinates, or a value that is not finite.
    """
    y = check_array("y", y, "2L")
    if y.shape[-1] % 2:
        fail("y", f"{y.shape[-1]} coordinates", "an even number, x and y of every landmark")
    return namespace(y).reshape(y, (*y.shape[:-1], 2, y.shape[-1] // 2))


def centre(Y: Float[Array, "*batch d L"], visible: Bool[Array, "*batch L"] | None = None) -> Float[Array, "*batch d L"]:
    """Subtract the mean of the visible landmarks and set the others to 0: what eq. (2) assumes of Y.

    It is the orthogonal projector onto what is visible and centred, so ridge regression on its output is ridge
    regression on the visible rows alone, with the translation of the person solved for.

    Raises:
        ValueError: a wrong shape, no visible landmark, or a visible value that is not finite.
    """
    if visible is None:
        Y = check_array("Y", Y, "d", "L")
        return Y - namespace(Y).mean(Y, axis=-1, keepdims=True)
    Y = check_floating("Y", Y)
    check_shape("Y", Y, "d", "L")
    xp = namespace(Y)
    seen = xp.asarray(visible)
    if seen.dtype != xp.bool:
        fail("visible", f"an array of {seen.dtype}", "an array of booleans")
    check_shape("visible", seen, Y.shape[-1])
    seen = seen[..., None, :]
    Y = check_array("Y", xp.where(seen, Y, xp.zeros_like(Y)), "d", "L")
    weight = xp.astype(seen, Y.dtype)
    count = xp.sum(weight, axis=-1, keepdims=True)
    refuse("visible", count == 0, "a frame with no visible landmark", "at least one visible landmark in every frame")
    mean = xp.sum(Y * weight, axis=-1, keepdims=True) / count
    return (Y - mean) * weight


def projected_model(
    mu: Float[Array, "*batch 3 L"],
    e: Float[Array, "*batch J 3 L"],
    theta: Float[Array, "*batch"],
    *,
    visible: Bool[Array, "*batch L"] | None = None,
    camera: Float[Array, "3 3"] | None = None,
) -> tuple[Float[Array, "*batch 2L"], Float[Array, "*batch 2L J"]]:
    """p, the unwrapped Pi R mu, and E, the unwrapped Pi R e of eq. (4), one column a basis.

    With `visible`, both are centred over the visible landmarks and 0 elsewhere, as `centre` does to Y.

    Raises:
        ValueError: a wrong shape, a value that is not finite, or a camera that is no rotation.
    """
    mu = check_array("mu", mu, 3, "L")
    e = like(check_array("e", e, "J", 3, mu.shape[-1]), mu)
    R = rotation(like(check_array("theta", theta), mu))
    if camera is not None:
        R = like(check_camera(camera), mu) @ R
    xp = namespace(mu)
    PiR = R[..., :2, :]
    projected_mu, projected_e = PiR @ mu, PiR[..., None, :, :] @ e
    if visible is not None:
        seen = xp.asarray(visible)
        projected_mu, projected_e = centre(projected_mu, seen), centre(projected_e, seen[..., None, :])
    # p = Pi R mu, E = Pi R e, unwrapped: text above (4)
    return unwrap(projected_mu), xp.matrix_transpose(unwrap(projected_e))


def stack_ridge(E: Float[Array, "*batch 2L J"], sigma: Float[Array, "*batch J"]) -> Float[Array, "*batch 2L+J J"]:
    """E_bar of eq. (5): E stacked on diag(sigma).

    Raises:
        ValueError: a wrong shape, a value that is not finite, or a negative sigma.
    """
    E = check_array("E", E, "2L", "J")
    sigma = like(check_array("sigma", sigma, E.shape[-1]), E)
    xp = namespace(E)
    refuse("sigma", sigma < 0, lambda: float(xp.min(sigma)), "numbers >= 0")
    diagonal = sigma[..., None, :] * like(np.eye(E.shape[-1]), E)
    diagonal = xp.broadcast_to(diagonal, (*E.shape[:-2], *diagonal.shape[-2:]))
    # E_bar = [E; diag(sigma)]
    return xp.concat([E, diagonal], axis=-2)


def pseudo_inverse(E_bar: Float[Array, "*batch 2L+J J"]) -> Float[Array, "*batch J 2L+J"]:
    """E_bar_dagger of eq. (6), the pseudo-inverse of E_bar.

    Raises:
        ValueError: a wrong shape or a value that is not finite.
    """
    E_bar = check_array("E_bar", E_bar, "2L + J", "J")
    return namespace(E_bar).linalg.pinv(E_bar)


def truncated_pseudo_inverse(
    E: Float[Array, "*batch 2L J"], sigma: Float[Array, "*batch J"]
) -> Float[Array, "*batch J 2L"]:
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


def coefficients(
    y: Float[Array, "*batch 2L"], p: Float[Array, "*batch 2L"], E_bar_dagger: Float[Array, "*batch J 2L+J"]
) -> Float[Array, "*batch J"]:
    """The coefficients a of eq. (6).

    Raises:
        ValueError: a wrong shape or a value that is not finite.
    """
    E_bar_dagger = check_array("E_bar_dagger", E_bar_dagger, "J", "2L + J")
    length = E_bar_dagger.shape[-1] - E_bar_dagger.shape[-2]
    y = like(check_array("y", y, length), E_bar_dagger)
    p = like(check_array("p", p, length), E_bar_dagger)
    xp = namespace(E_bar_dagger)
    residual = y - p
    zeros = xp.zeros_like(residual[..., :1] + like(np.zeros(E_bar_dagger.shape[-2]), E_bar_dagger))
    # (6)  a = E_bar_dagger [y - p, 0]
    return (E_bar_dagger @ xp.concat([residual, zeros], axis=-1)[..., None])[..., 0]


def cost(
    y: Float[Array, "*batch 2L"],
    p: Float[Array, "*batch 2L"],
    E: Float[Array, "*batch 2L J"],
    sigma: Float[Array, "*batch J"],
    a: Float[Array, "*batch J"],
) -> Float[Array, "*batch"]:
    """The cost of eq. (2) at given R: ||y - p - E a||^2 + ||sigma a||^2, in the units of y squared.

    Raises:
        ValueError: a wrong shape or a value that is not finite.
    """
    E = check_array("E", E, "2L", "J")
    y, p = (like(check_array(name, value, E.shape[-2]), E) for name, value in (("y", y), ("p", p)))
    sigma, a = (like(check_array(name, value, E.shape[-1]), E) for name, value in (("sigma", sigma), ("a", a)))
    xp = namespace(E)
    residual = y - p - (E @ a[..., None])[..., 0]
    # (2)  ||Y - Pi R (mu + a.e)||^2 + ||sigma a||^2
    return xp.sum(residual**2, axis=-1) + xp.sum((sigma * a) ** 2, axis=-1)


def free_scale(
    p: Float[Array, "*batch 2L"], E: Float[Array, "*batch 2L J"], sigma: Float[Array, "*batch J"]
) -> tuple[Float[Array, "*batch 2L J+1"], Float[Array, "*batch J+1"]]:
    """What takes the place of E and sigma in eq. (5) where the scale is solved for, with 0 in the place of p.

    The unknowns are (s, b) with b = s a: the design matrix is [p, E], and p's column has no ridge.

    Raises:
        ValueError: a wrong shape or a value that is not finite.
    """
    E = check_array("E", E, "2L", "J")
    p = like(check_array("p", p, E.shape[-2]), E)
    sigma = like(check_array("sigma", sigma, E.shape[-1]), E)
    xp = namespace(E)
    column = xp.broadcast_to(p[..., None], (*E.shape[:-1], 1))
    return xp.concat([column, E], axis=-1), xp.concat([xp.zeros_like(sigma[..., :1]), sigma], axis=-1)


class Solution(NamedTuple):
    """What eq. (2) gives at given rotations: scale s, coefficients a and cost."""

    scale: Float[Array, "*batch"]
    a: Float[Array, "*batch J"]
    cost: Float[Array, "*batch"]


def solve_at(
    Y: Float[Array, "*batch 2 L"],
    mu: Float[Array, "*batch 3 L"],
    e: Float[Array, "*batch J 3 L"],
    sigma: Float[Array, "*batch J"],
    theta: Float[Array, "*batch"],
    *,
    scale: float | None = 1.0,
    visible: Bool[Array, "*batch L"] | None = None,
    camera: Float[Array, "3 3"] | None = None,
) -> Solution:
    """The minimiser of eq. (2) over a at given rotations theta: eq. (5)-(6), in any of its variants.

    Args:
        Y: (..., 2, L), y up, centred over the visible landmarks (`centre`), metres times the scale.
        mu: (..., 3, L), mean pose, metres.
        e: (..., J, 3, L), bases.
        sigma: (..., J), weights of the penalty (inverse standard deviations in units of the noise).
        theta: (...), radians.
        scale: fixed scale s of the image (1 as the supplement prints it), or None: solved for with
            b = s a, which minimises ||y - s p - E b||^2 + ||sigma b||^2. It may come out negative: a person upside
            down, which `search` refuses.
        visible: (..., L), what was seen; all where None.
        camera: (3, 3), known rotation of the camera.

    Raises:
        ValueError: a wrong shape, a value that is not finite, a negative sigma, a scale that is not positive.
    """
    mu = check_array("mu", mu, 3, "L")
    Y = like(check_array("Y", Y, 2, mu.shape[-1]), mu)
    xp = namespace(mu)
    p, E = projected_model(mu, e, theta, visible=visible, camera=camera)
    y, sigma = unwrap(Y), like(check_array("sigma", sigma, E.shape[-1]), mu)
    if scale is not None:
        s = like(_positive(scale), mu)
        a = coefficients(y / s[..., None], p, pseudo_inverse(stack_ridge(E, sigma)))
        c = s**2 * cost(y / s[..., None], p, E, sigma, a)
        return Solution(xp.broadcast_to(s, c.shape), a, c)
    D, ridge = free_scale(p, E, sigma)
    zero = xp.zeros_like(p)
    sb = coefficients(y, zero, pseudo_inverse(stack_ridge(D, ridge)))
    s, b = sb[..., 0], sb[..., 1:]
    return Solution(s, b / s[..., None], cost(y, zero, D, ridge, sb))


def log_determinant(
    E: Float[Array, "*batch 2L J"],
    sigma: Float[Array, "*batch J"],
    noise_variance: Float[Array, "*batch"],
    count: Float[Array, "*batch"],
) -> Float[Array, "*batch"]:
    """Log det(E Lambda E^T + v I) over the 2 n coordinates of `count` = n visible landmarks, Lambda = v / sigma^2.

    What eq. (2) leaves out, and what comparing the Gaussians of a mixture needs (main paper, section 5).

    By the matrix determinant lemma it is 2 n log v + log det(E^T E + diag(sigma^2)) - sum log sigma^2.

    Raises:
        ValueError: a wrong shape, a value that is not finite, sigma or the noise's variance not positive.
    """
    E = check_array("E", E, "2L", "J")
    sigma = like(check_array("sigma", sigma, E.shape[-1]), E)
    v = like(_positive(noise_variance, "noise_variance"), E)
    xp = namespace(E)
    expected = "numbers > 0 (a mode of infinite variance has no density)"
    refuse("sigma", sigma <= 0, lambda: float(xp.min(sigma)), expected)
    gram = xp.matrix_transpose(E) @ E + sigma[..., None, :] ** 2 * like(np.eye(E.shape[-1]), E)
    return 2 * count * xp.log(v) + xp.linalg.slogdet(gram)[1] - 2 * xp.sum(xp.log(sigma), axis=-1)


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


def search(
    Y: Float[Array, "*batch 2 L"],
    prior: PosePrior,
    theta: Float[Array, " T"],
    *,
    scale: float | None = 1.0,
    visible: Bool[Array, "*batch L"] | None = None,
    camera: Float[Array, "3 3"] | None = None,
) -> Winner:
    """The exhaustive minimisation of eq. (2) over all rotations theta and all components of the mixture.

    Within a component the rotation of least cost wins. Among components, each at its own best rotation, the
    most probable wins: the smallest `mixture_score`. Ties go to the lowest index. Only rotations with a scale
    s > 0 are admissible.

    The readable reference: it holds N x K x T small matrices, so feed it hundreds of frames, not thousands.

    Raises:
        ValueError: as `solve_at`; no angle in theta; no admissible rotation for a frame (upside down).
    """
    Y = check_array("Y", Y, 2, prior.mu.shape[-1])
    xp = namespace(Y)
    theta = like(check_array("theta", theta, "T"), Y)
    mu, e, sigma, v, weights = (
        like(value, Y) for value in (prior.mu, prior.e, prior.sigma, prior.noise_variance, prior.weights)
    )
    mu, e, sigma = mu[:, None], e[:, None], sigma[:, None]  # (K, 1, ...) against T angles
    seen = None if visible is None else xp.asarray(visible)[..., None, None, :]
    solution = solve_at(Y[..., None, None, :, :], mu, e, sigma, theta, scale=scale, visible=seen, camera=camera)
    inadmissible = xp.full_like(solution.cost, math.inf)
    costs = xp.where(solution.scale > 0, solution.cost, inadmissible)  # (..., K, T)
    angle = xp.argmin(costs, axis=-1)
    best = xp.min(costs, axis=-1)  # (..., K)
    if bool(xp.any(xp.min(best, axis=-1) == math.inf)):
        fail("Y", "a frame that no rotation fits with a positive scale", "a person who is not upside down (y is up)")
    s = xp.take_along_axis(xp.broadcast_to(solution.scale, costs.shape), angle[..., None], axis=-1)[..., 0]
    n = _visible_counts(Y, visible)
    mask = None if visible is None else xp.asarray(visible)[..., None, :]
    _, E = projected_model(mu[:, 0], e[:, 0], theta[angle], visible=mask, camera=camera)
    n = n[..., None]
    s = xp.where(best < math.inf, s, xp.ones_like(s))  # an inadmissible component has an infinite cost already
    score = mixture_score(best, v, log_determinant(E, sigma[:, 0], v, n), weights, s, n)
    component = xp.argmin(score, axis=-1)
    pick = lambda values: xp.take_along_axis(values, component[..., None], axis=-1)[..., 0]  # noqa: E731
    return Winner(component, pick(angle), pick(best), pick(score))


def _visible_counts(Y: Array, visible: Array | None) -> Array:
    xp = namespace(Y)
    if visible is None:
        return like(np.asarray(float(Y.shape[-1])), Y)
    return xp.sum(xp.astype(xp.asarray(visible), Y.dtype), axis=-1)


def _positive(value: Array | float, argument: str = "scale") -> Array:
    value = check_array(argument, value)
    if bool((value <= 0).any()):
        fail(argument, f"{value}", "numbers > 0")
    return value
