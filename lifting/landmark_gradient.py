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

**Weights.** With W = diag(w, w), (5) has ||W^(1/2) (y - p - E a*)||^2, so its slope is zero where
E^T W (y - p - E a) = diag(sigma^2) a, and E_bar_t = (E^T W E + diag(sigma^2))^-1 E^T W: that of the matrix W^(1/2) E,
times W^(1/2). What comes out has a row for every landmark, so (8) is H = E (E^T W E + diag(sigma^2))^-1 E^T W, which is
no longer symmetric. A landmark that was not seen has weight 0: nothing pulls on it (its columns of H are 0), yet it
follows the others (its rows are not).

**Image coordinates.** Y is centred first, y -> C y, and y_hat gets the mean back that was taken away: the weighted one,
m^T y with m_l = w_l / sum w, so that C = I - 1 m^T for x and for y. As E_bar_t C = E_bar_t (the columns of E are
centred alike: E^T W 1 = 0), the derivative is E E_bar_t + (I - C): the mean passes straight through.

All of it is a sub-gradient: R is held still, and where the winner of the search changes, the mapping jumps
(`lifting.checking.smoothness`).
"""

import numpy as np
from jaxtyping import Float

from lifting.camera import turn
from lifting.pose_prior import Gaussian
from lifting.solve import (
    Sigma,
    projected_model,
    pseudo_inverse,
    stack_ridge,
    truncated_pseudo_inverse,
    unwrap,
    weighted_mean,
    wrap,
)
from lifting.solve import free_scale as scale_column
from lifting.support.arrays import Array, like, namespace
from lifting.support.checked import Cameras, Count, Weights, checked


@checked
def coefficients_to_landmarks(
    e: Float[Array, "*batch J 3 L"], theta: Float[Array, "*batch"], *, camera: Cameras | None = None
) -> Float[Array, "*batch J 2 L"]:
    """dY_hat/da of eq. (3): how each landmark moves, in metres, with each coefficient.

    Unwrapped, with one column a coefficient, it is E: eq. (4).

    Args:
        e: (..., J, 3, L), bases.
        theta: (...), radians.
        camera: (..., 3, 3), known rotation of the camera, or of each.

    Raises:
        ValueError: a wrong shape, a value that is not finite, or a camera that is no rotation.
    """
    # (3)  dY_hat/da = Pi R e
    return turn(e, theta[..., None], None if camera is None else camera[..., None, :, :])[..., :2, :]


@checked
def landmarks_to_coefficients(E: Float[Array, "*batch 2*L J"], sigma: Sigma) -> Float[Array, "*batch J 2*L+J"]:
    """da/d[y,0] of eq. (7): E_bar_dagger, coefficients for every metre. Its first 2L columns, E_bar_t, are da/dy.

    Args:
        E: (..., 2L, J), from coefficients to landmarks in metres.
        sigma: (..., J), weights of the penalty.

    Raises:
        ValueError: a wrong shape, a value that is not finite, or a negative sigma.
    """
    # (7)  da/d[y,0] = E_bar_dagger
    return pseudo_inverse(stack_ridge(E, sigma))


@checked
def landmark_model(
    gaussian: Gaussian,
    theta: Float[Array, "*batch"],
    *,
    free_scale: bool = False,
    weights: Weights | None = None,
    camera: Cameras | None = None,
) -> tuple[Float[Array, "*batch 2*L n"], Float[Array, "*batch n 2*L"]]:
    """E and E_bar_t, the two factors of eq. (8), in any of its variants, the weighted ridge among them.

    Args:
        gaussian: mean pose, bases and weights of the penalty, as from `PosePrior.gaussian`.
        theta: (...), radians.
        free_scale: whether the scale is solved for; n is then J + 1, the scale before the coefficients, else J.
        weights: (..., L), how much each landmark counts; all alike where None.
        camera: (..., 3, 3), known rotation of the camera, or of each.

    Returns:
        E: (..., 2L, n), a row for every landmark, seen or not, centred over the weighted mean.
        E_bar_t: (..., n, 2L), zero columns for landmarks of weight 0.

    Raises:
        ValueError: a wrong shape, a value that is not finite, a negative sigma or weight, a frame whose weights are all
            0, a camera that is no rotation.
    """
    p, E = projected_model(gaussian.mu, gaussian.e, theta, camera=camera)
    E, sigma = scale_column(p, E, gaussian.sigma) if free_scale else (E, gaussian.sigma)
    if weights is None:
        return E, truncated_pseudo_inverse(E, sigma)
    xp = namespace(E)
    columns = wrap(xp.matrix_transpose(E))  # (..., n, 2, L)
    E = xp.matrix_transpose(unwrap(columns - weighted_mean(columns, weights[..., None, :])))
    root = xp.sqrt(xp.concat([weights, weights], axis=-1))
    # E_bar_t = (E^T W E + diag(sigma^2))^-1 E^T W
    return E, truncated_pseudo_inverse(root[..., None] * E, sigma) * root[..., None, :]


@checked
def jacobian(E: Float[Array, "*batch 2*L n"], E_bar_t: Float[Array, "*batch n 2*L"]) -> Float[Array, "*batch 2*L 2*L"]:
    """dy_hat/dy of eq. (8), of centred landmarks at the rotation that won.

    Raises:
        ValueError: a wrong shape or a value that is not finite.
    """
    # (8)  dy_hat/dy = E E_bar_t
    return E @ E_bar_t


@checked
def push_forward(
    E: Float[Array, "*batch M n"], E_bar_t: Float[Array, "*batch n 2*L"], v: Float[Array, "*batch 2*L"]
) -> Float[Array, "*batch M"]:
    """How y_hat moves when y moves by v: eq. (8) times v, two products with a vector and no matrix formed.

    E may have M = 2L rows, or 3L: those of the 3D pose.

    Raises:
        ValueError: a wrong shape or a value that is not finite.
    """
    # (8)  E E_bar_t v
    return (E @ (E_bar_t @ v[..., None]))[..., 0]


@checked
def pull_back(
    E: Float[Array, "*batch M n"], E_bar_t: Float[Array, "*batch n 2*L"], g: Float[Array, "*batch M"]
) -> Float[Array, "*batch 2*L"]:
    """dL/dy from g = dL/dy_hat: eq. (8) transposed times g, two products with a vector and no matrix formed.

    Raises:
        ValueError: a wrong shape or a value that is not finite.
    """
    xp = namespace(E)
    # (8)  (E E_bar_t)^T g
    return (xp.matrix_transpose(E_bar_t) @ (xp.matrix_transpose(E) @ g[..., None]))[..., 0]


@checked
def centring(L: Count, weights: Weights | None = None) -> Float[Array, "*batch 2*L 2*L"]:
    """C of eq. (8) in image coordinates, E E_bar_t + (I - C): C y is y, counted from the weighted mean.

    C is a projector (C C = C), symmetric where all weights are equal: a landmark of weight 0 is moved by the mean and
    has no part in it.

    Args:
        L: number of landmarks.
        weights: (..., L), how much each landmark counts; all alike where None. The result is an array like it.

    Raises:
        ValueError: no landmark, weights that are not L numbers >= 0 or booleans, a frame whose weights are all 0.
    """
    weights = np.ones(L) if weights is None else weights
    xp = namespace(weights)
    # m_l = w_l / sum w: what the mean takes from each landmark, (..., 2L, 1)
    m = xp.concat([weighted_mean(like(np.eye(L), weights), weights)] * 2, axis=-2)
    same_row = like(np.kron(np.eye(2), np.ones((L, L))), weights)
    # C = I - 1 m^T, once for x and once for y
    return like(np.eye(2 * L), weights) - same_row * xp.matrix_transpose(m)
