"""What the derivative of Y_hat by Y is where R is free to turn, which eq. (8) holds still. Supplement, section 1.1.

At a minimum over theta as well the implicit function theorem gives `refined_jacobian`: (8) plus one term of rank one.
`refine_angle` finds that minimum, `turning` the term, and `follow_to_fold` goes to where there is none.

In brief. Write r = y - y_hat for the residual, D for E (or [p E] where the scale is solved for),
A = D^T D + diag(sigma^2), and a prime for d/d theta at fixed coefficients. The gradient of half the cost of eq. (2) is
-D^T r + sigma^2 a by a, and -r^T y_hat' by theta. Both are 0 at the minimum. Their derivatives make the Hessian

    [ A    h ]         h = D^T y_hat' - D'^T r
    [ h^T  g ]         g = |y_hat'|^2 - r^T y_hat''

and moving y adds -D^T dy and -y_hat'^T dy. Eliminating a leaves one equation for theta: with

    kappa = g - h^T A^-1 h    half the second derivative by theta of the cost, minimised over a
    w = y_hat' - D A^-1 h     how the best fit moves as theta turns and y stays

    d theta / dy = w^T / kappa,        d y_hat / dy = E E_bar_t + w w^T / kappa.

It is symmetric, as it must be: the least cost V(y) has gradient 2 (y - y_hat), so I - dy_hat/dy is half a Hessian.

**Weights.** With W the diagonal matrix of the landmarks' weights, r is W (y - y_hat), A = D^T W D + diag(sigma^2),
h = D^T W y_hat' - D'^T r and g = y_hat'^T W y_hat' - r^T y_hat'', and w^T W takes the place of w^T. What is
symmetric is then W times the derivative.
"""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from lifting.camera import rotation, turn
from lifting.front import Lifted, landmark_jacobian, lift
from lifting.pose_prior import PosePrior
from lifting.solve import centre, free_scale, projected_model, solve_at, stack_ridge, unwrap, weighted_mean
from lifting.support.arrays import Array, check_array, check_count, check_positive, fail, like, namespace, refuse

FOLLOWED = 0.2
"""A minimum over theta that turns further than this (radians) in one small step is taken for another one."""


class Turning(NamedTuple):
    """How eq. (2) behaves as theta turns, near a solution; in metres, that is in Y's units over the scale."""

    slope: Float[Array, "*batch"]
    """Half the first derivative by theta of the cost, minimised over the other unknowns; 0 at the minimum."""
    kappa: Float[Array, "*batch"]
    """Half the second derivative of the same."""
    w: Float[Array, "*batch 2L"]
    """How the best fit moves as theta turns and y stays; every landmark, seen or not."""
    w_weighted: Float[Array, "*batch 2L"]
    """W w: the same times the landmarks' weights, 0 for what is not seen."""


def turning(Y: Float[Array, "*batch 2 L"], prior: PosePrior, result: Lifted) -> Turning:
    """Slope and curvature of the least cost in theta, and w, at the theta of a result of `lift`; see the top.

    Turning about the vertical makes every projected coordinate a sinusoid of theta plus a constant, so its derivatives
    are differences over quarter turns, exactly: f' = (f(+90) - f(-90)) / 2, f'' = (f(+90) + f(-90)) / 2 - f.

    Raises:
        ValueError: a Y that is not of the result's shape, or not finite.
    """
    Y = check_array("Y", Y, *result.Y_hat.shape)
    xp, k = namespace(Y), result.component
    mu, e, sigma = (like(part, Y)[k] for part in prior.gaussian(np.s_[:]))
    # turning and centring commute: the rows of [p E] are then centred over what counts, one for every landmark
    mu, e = mu - weighted_mean(mu, result.weights), e - weighted_mean(e, result.weights[..., None, :])

    def model(quarters: int) -> tuple[Array, Array]:
        """[p E] and its ridge."""
        theta = result.theta + quarters * math.pi / 2
        return free_scale(*projected_model(mu, e, theta, camera=result.camera), sigma)

    (D, ridge), (right, _), (left, _) = model(0), model(1), model(-1)
    D1, D2 = (right - left) / 2, (right + left) / 2 - D
    unknowns = xp.concat([xp.ones_like(result.a[..., :1]), result.a], axis=-1)  # of [p E], over the scale
    f1, f2 = _apply(D1, unknowns), _apply(D2, unknowns)
    if not result.free_scale:  # s is known: p's column goes
        D, D1, ridge = D[..., 1:], D1[..., 1:], ridge[..., 1:]
    W = xp.concat([result.weights, result.weights], axis=-1)
    r = W * unwrap((Y - result.Y_hat) / result.scale[..., None, None])
    # h = D^T W f' - D'^T r
    h = _apply(xp.matrix_transpose(D), W * f1) - _apply(xp.matrix_transpose(D1), r)
    E_bar = stack_ridge(xp.sqrt(W)[..., None] * D, ridge)
    Ah = xp.linalg.solve(xp.matrix_transpose(E_bar) @ E_bar, h[..., None])[..., 0]
    # kappa = f'^T W f' - r^T f'' - h^T A^-1 h
    kappa = xp.sum(W * f1**2 - r * f2, axis=-1) - xp.sum(h * Ah, axis=-1)
    # w = f' - D A^-1 h
    w = f1 - _apply(D, Ah)
    return Turning(-xp.sum(r * f1, axis=-1), kappa, w, W * w)


def refined_jacobian(
    Y: Float[Array, "*batch 2 L"], prior: PosePrior, result: Lifted, *, centred: bool = True
) -> Float[Array, "*batch 2L 2L"]:
    """The derivative of Y_hat by Y where R is free to turn: eq. (8) plus w w^T W / kappa.

    Args:
        Y: (..., 2, L), what was lifted.
        prior: the prior it was lifted with.
        result: a minimum in theta as well: from `refine_angle`, or from `lift` with refine="least squares".
        centred: as in `landmark_jacobian`; False for image coordinates.

    Raises:
        ValueError: a Y that is not of the result's shape, or a result where the cost curves downwards in theta.
    """
    found = turning(Y, prior, result)
    refuse("result", found.kappa <= 0, "a cost that curves downwards in theta", "a minimum, as from refine_angle")
    # dy_hat/dy = E E_bar_t + w w^T W / kappa
    free_to_turn = found.w[..., :, None] * (found.w_weighted / found.kappa[..., None])[..., None, :]
    return landmark_jacobian(result, prior, centred=centred) + free_to_turn


def angle_gradient(found: Turning, scale: Float[Array, "*batch"]) -> Float[Array, "*batch 2L"]:
    """D theta / dy = w^T W / kappa, radians per unit of Y, at a minimum over theta."""
    return found.w_weighted / (found.kappa * scale)[..., None]


def turning_gain(found: Turning) -> Float[Array, "*batch"]:
    """w^T W w / kappa, the eigenvalue of the rank-one term: how strongly turning answers a change of y."""
    return namespace(found.w).sum(found.w * found.w_weighted, axis=-1) / found.kappa


def refine_angle(
    Y: Float[np.ndarray, "*batch 2 L"],
    prior: PosePrior,
    result: Lifted,
    *,
    steps: int = 40,
    longest: float = 0.05,
) -> tuple[Lifted, Bool[np.ndarray, "*batch"]]:
    """Newton's method from the theta of `result` to the nearest minimum of eq. (2) over all theta; component fixed.

    For any number of frames at once, to the last digits (`lift` with refine="least squares" takes one at a time).

    Args:
        Y: (..., 2, L), what was lifted.
        prior: the prior it was lifted with.
        result: from `lift`.
        steps: of Newton's method.
        longest: what a step is cut to, radians.

    Returns:
        The refined result, and whether it is a minimum: the last step below 1e-9, and kappa > 0.

    Raises:
        ValueError: a Y that is not of the result's shape, no steps, a `longest` that is not positive.
    """
    check_positive("longest", longest)
    if not isinstance(Y, np.ndarray):
        fail("Y", type(Y).__name__, "a NumPy array, as in the result")
    for _ in range(check_count("steps", steps)):
        found = turning(Y, prior, result)
        # downhill even where the cost curves downwards
        step = np.clip(-found.slope / np.maximum(np.abs(found.kappa), 1e-12), -longest, longest)
        result = solve_again(Y, prior, result, result.theta + step)
        if np.all(np.abs(step) < 1e-12):
            break
    found = turning(Y, prior, result)
    arrived = (np.abs(found.slope) < 1e-9 * found.kappa) & (result.scale > 0)
    return result._replace(theta=result.theta % (2 * math.pi)), arrived


class Fold(NamedTuple):
    """How a minimum over theta ends: S points on the way, up to the fold where it meets a maximum and both vanish."""

    t: Float[np.ndarray, " S"]
    """How far from Y (0) to the end (1)."""
    theta: Float[np.ndarray, " S"]
    kappa: Float[np.ndarray, " S"]
    gain: Float[np.ndarray, " S"]
    """See `turning_gain`."""


def follow_to_fold(
    Y: Float[np.ndarray, "2 L"],
    end: Float[np.ndarray, "2 L"],
    prior: PosePrior,
    *,
    scale: float | None = None,
    points: int = 40,
    halvings: int = 25,
) -> Fold:
    """Move Y on a straight line to `end`, follow its minimum over theta all the way, and close in on where it vanishes.

    The component stays. The cost's second derivative falls to 0 as the square root of what is left of the way, so that
    d theta/dy grows beyond all bounds: beyond the fold the nearest minimum is a finite turn away.

    Raises:
        ValueError: what `lift` refuses; fewer than 2 points; a minimum that is still there at `end`.
    """
    result, _ = refine_angle(Y, prior, lift(Y, prior, scale=scale))
    t, step, path = 0.0, 1 / (check_count("points", points, least=2) - 1), []
    while halvings >= 0 and t <= 1:
        moved = (1 - t) * Y + t * end
        tried, arrived = refine_angle(moved, prior, solve_again(moved, prior, result, result.theta))
        turned = abs(math.remainder(float(tried.theta - result.theta), 2 * math.pi))
        if arrived and turned < FOLLOWED:
            found, result = turning(moved, prior, tried), tried
            path.append((t, float(tried.theta), float(found.kappa), float(turning_gain(found))))
        else:
            t, step, halvings = t - step, step / 2, halvings - 1
        t += step
    if halvings >= 0:
        fail("end", "landmarks to which the minimum can be followed", "landmarks beyond a fold")
    return Fold(*np.array(path).T)


def solve_again(
    Y: Float[np.ndarray, "*batch 2 L"], prior: PosePrior, result: Lifted, theta: Float[np.ndarray, "*batch"]
) -> Lifted:
    """`result` with everything but the component (and a fixed scale) solved for once more at other angles: eq. (6)."""
    gaussian, W, camera = prior.gaussian(result.component), result.weights, result.camera
    given = None if result.free_scale else result.scale
    s, a, least = solve_at(centre(Y, W), gaussian, theta, scale=given, weights=W, camera=camera)
    pose = s[..., None, None] * turn(gaussian.mu + (a[..., None, None] * gaussian.e).sum(-3), theta, camera)
    pose[..., :2, :] += weighted_mean(Y - pose[..., :2, :], W)
    return result._replace(theta=theta, R=rotation(theta), a=a, scale=s, cost=least, Y_hat=pose[..., :2, :], pose=pose)


def _apply(matrix: Array, vector: Array) -> Array:
    return (matrix @ vector[..., None])[..., 0]
