"""How the projected landmarks move when the landmarks move. Supplement, eq. (3), (4), (7), (8).

**The problem.** The search of eq. (2) has chosen R and a component of the prior. What is left is, with y and y_hat in
R^2L the unwrapped landmarks, p in R^2L the mean pose and E in R^(2L x J) the bases, both projected, and sigma in R^J,
sigma > 0, the weights of the penalty:

    a     = argmin over a* in R^J of ||y - p - E a*||^2 + ||sigma a*||^2         (5)
    y_hat = p + E a                                                              (1)
    wanted: dy_hat/dy, and its products with a vector from the left and from the right

**The derivation.** y_hat is linear in a, and a in y:

    dY_hat/da  = Pi R e                             (3)
    dy_hat/da  = E                                  (4)   the same, unwrapped: `solve.projected_model` gives it
    a          = E_bar_dagger [y - p, 0]            (6)   E_bar is E stacked on diag(sigma)
    da/d[y, 0] = E_bar_dagger                       (7)
    dy_hat/dy  = dy_hat/da da/dy = E E_bar_t        (8)   E_bar_t: what of (7) meets y, its first 2L columns

At the minimum of (5) its slope is zero, E^T (y - p - E a) = diag(sigma^2) a, so that
E_bar_t = (E^T E + diag(sigma^2))^-1 E^T: `solve.truncated_pseudo_inverse`. With G = E diag(1 / sigma), (8) is
H = G (I + G^T G)^-1 G^T, the hat matrix of ridge regression: symmetric, with an eigenvalue g^2 / (1 + g^2) < 1 for
every singular value g of G, else 0. Its trace is the effective number of parameters.

**Scale free.** D = [p, E] takes the place of E, and the first entry of the ridge is 0: y_hat = D (s, b) and
(s, b) = D_bar_t y, so dy_hat/dy = D D_bar_t. Along p it holds nothing back: H p = p, an eigenvalue 1. A scale that is
given changes nothing: y_hat = s (p + E a) with a = E_bar_t (y / s - p), and s cancels.

**Landmarks missing.** What is solved for depends on the visible rows alone, what comes out has a row for every
landmark. So E has all rows, E_bar_t is that of E with the unseen rows set to 0, and E E_bar_t is no longer symmetric:
nothing pulls on an unseen landmark (its columns are 0), yet it follows the others (its rows are not).

**Image coordinates.** Y is centred first, y -> C y, and y_hat gets the mean back that was taken away. As E_bar_t C =
E_bar_t (the columns of E are centred), the derivative is E E_bar_t + (I - C): the mean passes straight through.

All of it is a sub-gradient: R is held still, and where the winner of the search changes, the mapping jumps
(`lifting.checking.smoothness`).
"""

import numpy as np
from jaxtyping import Bool, Float

from lifting.camera import turn
from lifting.front import Lifted
from lifting.pose_prior import PosePrior
from lifting.solve import free_scale as scale_column
from lifting.solve import projected_model, pseudo_inverse, stack_ridge, truncated_pseudo_inverse, unwrap, wrap
from lifting.support.arrays import Array, check_array, check_count, check_shape, fail, like, namespace, refuse, to_numpy


def coefficients_to_landmarks(
    e: Float[Array, "*batch J 3 L"], theta: Float[Array, "*batch"], *, camera: Float[Array, "3 3"] | None = None
) -> Float[Array, "*batch J 2 L"]:
    """dY_hat/da of eq. (3): how each landmark moves, in metres, with each coefficient.

    Unwrapped, with one column a coefficient, it is E: eq. (4).

    Args:
        e: (..., J, 3, L), bases.
        theta: (...), radians.
        camera: (3, 3), known rotation of the camera.

    Raises:
        ValueError: a wrong shape, a value that is not finite, or a camera that is no rotation.
    """
    e = check_array("e", e, "J", 3, "L")
    theta = like(check_array("theta", theta), e)
    # (3)  dY_hat/da = Pi R e
    return turn(e, theta[..., None], camera)[..., :2, :]


def landmarks_to_coefficients(
    E: Float[Array, "*batch 2L J"], sigma: Float[Array, "*batch J"]
) -> Float[Array, "*batch J 2L+J"]:
    """da/d[y,0] of eq. (7): E_bar_dagger, coefficients for every metre. Its first 2L columns, E_bar_t, are da/dy.

    Args:
        E: (..., 2L, J), from coefficients to landmarks in metres.
        sigma: (..., J), weights of the penalty.

    Raises:
        ValueError: a wrong shape, a value that is not finite, or a negative sigma.
    """
    # (7)  da/d[y,0] = E_bar_dagger
    return pseudo_inverse(stack_ridge(E, sigma))


def landmark_model(
    mu: Float[Array, "*batch 3 L"],
    e: Float[Array, "*batch J 3 L"],
    sigma: Float[Array, "*batch J"],
    theta: Float[Array, "*batch"],
    *,
    free_scale: bool = False,
    visible: Bool[Array, "*batch L"] | None = None,
    camera: Float[Array, "3 3"] | None = None,
) -> tuple[Float[Array, "*batch 2L J"], Float[Array, "*batch J 2L"]]:
    """E and E_bar_t, the two factors of eq. (8), in any of its variants.

    Args:
        mu: (..., 3, L), mean pose, metres.
        e: (..., J, 3, L), bases.
        sigma: (..., J), weights of the penalty.
        theta: (...), radians.
        free_scale: whether the scale is solved for; J + 1 then stands for J, the scale before the coefficients.
        visible: (..., L), what was seen; all where None.
        camera: (3, 3), known rotation of the camera.

    Returns:
        E: (..., 2L, J), a row for every landmark, seen or not, centred over the visible ones.
        E_bar_t: (..., J, 2L), zero columns for landmarks that were not seen.

    Raises:
        ValueError: a wrong shape, a value that is not finite, a negative sigma, no visible landmark, a camera that is
            no rotation.
    """
    p, E = projected_model(mu, e, theta, camera=camera)
    sigma = like(check_array("sigma", sigma, E.shape[-1]), E)
    if free_scale:
        E, sigma = scale_column(p, E, sigma)
    if visible is None:
        return E, truncated_pseudo_inverse(E, sigma)
    xp = namespace(E)
    weight, count = (like(part, E)[..., None, :] for part in _weights(xp.asarray(visible), E.shape[-2] // 2))
    columns = wrap(xp.matrix_transpose(E))  # (..., J, 2, L)
    columns = columns - xp.sum(columns * weight, axis=-1, keepdims=True) / count
    E, E_seen = (xp.matrix_transpose(unwrap(part)) for part in (columns, columns * weight))
    return E, truncated_pseudo_inverse(E_seen, sigma)


def jacobian(E: Float[Array, "*batch 2L J"], E_bar_t: Float[Array, "*batch J 2L"]) -> Float[Array, "*batch 2L 2L"]:
    """dy_hat/dy of eq. (8), of centred landmarks at the rotation that won.

    Raises:
        ValueError: a wrong shape or a value that is not finite.
    """
    E, E_bar_t = _check_factors(E, E_bar_t)
    # (8)  dy_hat/dy = E E_bar_t
    return E @ E_bar_t


def push_forward(
    E: Float[Array, "*batch M J"], E_bar_t: Float[Array, "*batch J 2L"], v: Float[Array, "*batch 2L"]
) -> Float[Array, "*batch M"]:
    """How y_hat moves when y moves by v: eq. (8) times v, two products with a vector and no matrix formed.

    E may have M = 2L rows, or 3L: those of the 3D pose.

    Raises:
        ValueError: a wrong shape or a value that is not finite.
    """
    E, E_bar_t = _check_factors(E, E_bar_t)
    v = like(check_array("v", v, E_bar_t.shape[-1]), E)
    # (8)  E E_bar_t v
    return (E @ (E_bar_t @ v[..., None]))[..., 0]


def pull_back(
    E: Float[Array, "*batch M J"], E_bar_t: Float[Array, "*batch J 2L"], g: Float[Array, "*batch M"]
) -> Float[Array, "*batch 2L"]:
    """dL/dy from g = dL/dy_hat: eq. (8) transposed times g, two products with a vector and no matrix formed.

    Raises:
        ValueError: a wrong shape or a value that is not finite.
    """
    E, E_bar_t = _check_factors(E, E_bar_t)
    g = like(check_array("g", g, E.shape[-2]), E)
    xp = namespace(E)
    # (8)  (E E_bar_t)^T g
    return (xp.matrix_transpose(E_bar_t) @ (xp.matrix_transpose(E) @ g[..., None]))[..., 0]


def centring(L: int, visible: Bool[Array, "*batch L"] | None = None) -> Float[Array, "*batch 2L 2L"]:
    """C of eq. (8) in image coordinates, E E_bar_t + (I - C): C y is y, counted from the mean of what is visible.

    Where landmarks are missing C is a projector all the same (C C = C), but not symmetric: an unseen landmark is moved
    by the mean and has no part in it.

    Args:
        L: number of landmarks.
        visible: (..., L), what was seen; all where None. The result is a float64 array of its library.

    Raises:
        ValueError: no landmark, a mask that is not of L booleans, a frame with no visible landmark.
    """
    check_count("L", L)
    weight, count = _weights(np.ones(L, dtype=bool) if visible is None else visible, L)
    xp = namespace(weight)
    share = xp.concat([weight / count] * 2, axis=-1)  # (..., 1, 2L)
    same_row = like(np.kron(np.eye(2), np.ones((L, L))), weight)
    # C = I - 1 m^T, once for x and once for y, with m the shares of the landmarks in the mean
    return like(np.eye(2 * L), weight) - same_row * share


def landmark_jacobian(result: Lifted, prior: PosePrior, centred: bool = True) -> Float[Array, "*batch 2L 2L"]:
    """dy_hat/dy of eq. (8) for a result of `lifting.lift`: how Y_hat moves when Y moves, at the winning R.

    Row and column i < L are the x of landmark i, L + i its y. Computed in float64, given in the dtype of the result.

    Args:
        result: what `lifting.lift` gave, in any of its variants (scale, visible, camera, refined).
        prior: the prior that it was lifted with.
        centred: whether Y and Y_hat count from the mean of the visible landmarks, as in the supplement, or in the
            coordinates of the image, where that mean passes straight through.

    Raises:
        ValueError: a result that `lift` did not give, or a prior of another number of landmarks, bases or components.
    """
    if not isinstance(result, Lifted):
        fail("result", type(result).__name__, "a Lifted, as from lifting.lift")
    if not isinstance(prior, PosePrior):
        fail("prior", type(prior).__name__, "a PosePrior, as from load_prior")
    k, theta, visible = (to_numpy(value) for value in (result.component, result.theta, result.visible))
    (K, J), L = prior.sigma.shape, prior.mu.shape[-1]
    least, *sizes = k.max(initial=0) + 1, result.a.shape[-1], visible.shape[-1]
    if least > K or sizes != [J, L]:
        fail("prior", f"components, bases, landmarks = {K}, {J}, {L}",
             f"the prior of the result: at least {least}, {sizes[0]}, {sizes[1]}")  # fmt: skip
    H = jacobian(
        *landmark_model(
            prior.mu[k], prior.e[k], prior.sigma[k], theta.astype(np.float64),
            free_scale=result.free_scale, visible=visible, camera=to_numpy(result.camera).astype(np.float64),
        )
    )  # fmt: skip
    if not centred:
        # + (I - C): the mean of the visible landmarks passes straight through
        H = H + np.eye(2 * L) - centring(L, visible)
    return like(H, result.theta)


def _weights(visible: Array, L: int) -> tuple[Array, Array]:
    """The mask as 1 and 0, (..., 1, L), and how many landmarks it shows, (..., 1, 1)."""
    xp = namespace(visible) if hasattr(visible, "dtype") else np
    seen = xp.asarray(visible)
    if seen.dtype != xp.bool:
        fail("visible", f"an array of {seen.dtype}", "an array of booleans")
    check_shape("visible", seen, L)
    weight = xp.astype(seen, xp.float64)[..., None, :]
    count = xp.sum(weight, axis=-1, keepdims=True)
    refuse("visible", count == 0, "a frame with no visible landmark", "at least one visible landmark in every frame")
    return weight, count


def _check_factors(E: Array, E_bar_t: Array) -> tuple[Array, Array]:
    E_bar_t = check_array("E_bar_t", E_bar_t, "J", "2L")
    return check_array("E", E, "2L", E_bar_t.shape[-2]), E_bar_t
