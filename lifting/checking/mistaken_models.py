"""Mistakes in the prior, the least squares, the rotation and the centring, and the checks that find them.

What a mistake does in training is in its docstring. `lifting.checking.mistakes` shows them all.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import stats

from lifting.camera import rotation, rotation_angles
from lifting.datasets.motion_capture import load_motion_capture
from lifting.pose_prior import PosePrior, facing, load_prior, log_density
from lifting.skeleton import HUMAN36M
from lifting.solve import cost, projected_model, pseudo_inverse, stack_ridge, unwrap
from lifting.support.arrays import Array, to_numpy

Implementation = Callable[..., Array]


class MistakeFound(AssertionError):
    """A check has found a mistake: what was expected, what was seen, and why."""


def require(holds: Any, expected: str, seen: str, why: str) -> None:
    """Raise `MistakeFound` in these words unless something holds."""
    if not holds:
        raise MistakeFound(f"expected {expected}; saw {seen}. {why}")


def look(value: Any, shape: tuple[int, ...]) -> np.ndarray:
    """What an implementation returned, as a NumPy array of the right shape."""
    array = to_numpy(value)
    why = "An array of another shape is the answer to another question."
    require(array.shape == shape, f"an array of shape {shape}", f"shape {array.shape}", why)
    require(np.isfinite(array).all(), "finite numbers", "NaN or infinity", "Nothing here divides by zero.")
    return array


# --- the prior in the equations ----------------------------------------------------------------------------------


@functools.cache
def _standing() -> tuple[PosePrior, np.ndarray, np.ndarray, np.ndarray]:
    """The heaviest component of the embedded prior, and y, p and E of a recorded pose seen at its own heading."""
    prior = load_prior().subset(components=[0])
    y = unwrap(load_motion_capture().of_clip("dance_b")[0][:2])
    return prior, y, *projected_model(prior.mu[0], prior.e[0], np.zeros(()))


def deviations_for_ridge(E: Array, sigma: Array) -> Array:
    """E_bar of eq. (5) by someone who takes sigma for a standard deviation, and so divides a by it.

    Nothing diverges and nothing is refused, but everyone gets the mean pose: the bases that people use most are the
    ones held back most. Projected maps are off by as much as people differ, and the learned weights of the fusion
    turn away from them.
    """
    return stack_ridge(E, 1 / sigma)


def check_ridge_is_the_prior(implementation: Implementation) -> None:
    """`stack_ridge`: the cost of eq. (5), divided by v, is -2 ln p(y, a) up to a constant.

    p(y, a) is written with two densities of SciPy, of noise N(0, v) and of coefficients a_j ~ N(0, lambda_j), for
    coefficients as ordinary as the prior says.
    """
    prior, y, p, E = _standing()
    v, spread = prior.noise_variance[0], prior.component_variance[0]
    E_bar = look(implementation(E, prior.sigma[0]), (E.shape[0] + E.shape[1], E.shape[1]))

    def costs(a: np.ndarray) -> np.ndarray:
        return np.square(np.append(y - p, 0 * a) - E_bar @ a)

    def log_probability(a: np.ndarray) -> np.ndarray:
        noise = stats.norm.logpdf(y - p - E @ a, scale=np.sqrt(v))
        return np.append(noise, stats.norm.logpdf(a, scale=np.sqrt(spread)))

    rng, none = np.random.default_rng(0), np.zeros(prior.J)
    for a in rng.standard_normal((4, prior.J)) * np.sqrt(spread):
        rise = (costs(a) - costs(none)) / v
        wanted = -2 * (log_probability(a) - log_probability(none))
        for rows, what in ((slice(len(y)), "the rows of E"), (slice(len(y), None), "the rows of sigma")):
            seen, expected = rise[rows].sum(), wanted[rows].sum()
            require(
                np.isclose(seen, expected, rtol=1e-6),
                f"an ordinary a to raise the cost of {what}, over v, by {expected:.4g}, as -2 ln p does",
                f"{seen:.4g}",
                "The ridge is the prior: sigma_j = sqrt(v / lambda_j), large where a_j hardly varies.",
            )


def truncated_on_the_wrong_side(E: Array, sigma: Array) -> Array:
    """The last 2L columns of E_bar_dagger in the place of the first: those of [0, y] and not of [y, 0].

    Landmarks act as if they were others: poses are wild, projected maps are nowhere near the true ones, and the
    gradient through the lifting is as good as random. Losses of later stages stall, the first's still falls.
    """
    return pseudo_inverse(stack_ridge(E, sigma))[..., -E.shape[-2] :]


def check_truncation_minimises(implementation: Implementation) -> None:
    """`truncated_pseudo_inverse`: a = E_bar_t (y - p) is the lowest point of eq. (2) along every basis.

    The cost is a parabola along each a_j. Its vertex, from three costs, must be where a is; as the cost is convex,
    that makes a its minimum.
    """
    prior, y, p, E = _standing()
    sigma, step = prior.sigma[0], 0.01
    a = look(implementation(E, sigma), (prior.J, len(y))) @ (y - p)
    steps = step * np.eye(prior.J)
    below, here, above = (cost(y, p, E, sigma, a + change) for change in (-steps, 0 * steps, steps))
    away = step * (below - above) / (below - 2 * here + above) / 2
    worst = int(np.abs(away).argmax())
    require(
        abs(away[worst]) < 1e-6,
        "E_bar_t (y - p) at the minimum of eq. (2)",
        f"the minimum along basis {worst} another {1000 * abs(away[worst]):.0f} mm away",
        "y comes first in [y, 0], so the first 2L columns of E_bar_dagger are the ones that meet it.",
    )


# --- the rotation ------------------------------------------------------------------------------------------------


def transposed_rotation(theta: Array) -> Array:
    """R(theta) transposed: the viewer walks round the person, where the person should turn.

    Used everywhere, nothing: the set of rotations holds every inverse, and theta only means -theta. Used in the
    backward pass alone, hardly anything: with 25 bases for 34 coordinates E E_bar_t lets most directions through at
    any angle, and at 0 and 180 degrees R is its own transpose. Only a gradient check shows it.
    """
    return np.swapaxes(rotation(theta), -1, -2)


def check_sense_of_turn(implementation: Implementation) -> None:
    """`rotation`: turning on by h takes what is nearest the viewer, (0, 0, 1), to sin h on the right.

    Only R(theta + h) R(theta)^T is looked at: from where angles are counted makes no difference to it.
    """
    h = 0.3
    for theta in rotation_angles(8):
        after, before = (look(implementation(np.asarray(angle)), (3, 3)) for angle in (theta + h, theta))
        x = (after @ before.T)[0, 2]
        require(
            abs(x - np.sin(h)) < 1e-6,
            f"what is 1 m nearer to the viewer to move {np.sin(h):+.2f} m in x, to the right, by a turn of {h}",
            f"{x:+.2f} m",
            "R(theta) = [[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]], theta in radians; its transpose turns back.",
        )


def quarter_turn_off(theta: Array) -> Array:
    """R(theta + 90 degrees): theta counted from another axis.

    Used everywhere, nothing: a quarter turn maps a set of 80 rotations onto itself. Where a search returns one
    angle and eq. (1) means another, people are drawn from the side who were seen from the front: look at Y_hat. In
    the backward pass alone it hides as well as a transposed R.
    """
    return rotation(theta + np.pi / 2)


def check_heading_zero(implementation: Implementation) -> None:
    """`rotation`: at theta = 0 nothing turns, and the means of the embedded prior face the viewer."""
    prior = load_prior()
    turned = look(implementation(np.asarray(0.0)), (3, 3)) @ prior.mu
    heading = np.degrees(-facing(turned, HUMAN36M.left, HUMAN36M.right))
    worst = float(heading[np.abs(heading).argmax()])
    why = "theta is counted from where the mean pose faces +z. Relabelled angles fit a picture, and mean another one."
    require(abs(worst) < 1e-4, "the mean pose to face the viewer at theta = 0", f"it {worst:.0f} degrees off", why)
    require(np.abs(turned - prior.mu).max() < 1e-6, "R(0) to move nothing", "landmarks elsewhere", why)


# --- the log term of the prior -----------------------------------------------------------------------------------


def log_of_a_sum(prior: PosePrior, poses: Array) -> Array:
    """`log_density` with ln sum_j in the place of sum_j ln: a determinant taken for the sum of its factors.

    The prior's objective still falls and settles, on variances that are all too large, the small ones most. So
    sigma is too small: the landmarks are fitted better than before, and depths that they say nothing about go
    astray. The 2D error praises it, only a 3D error blames it.
    """
    variance = prior.component_variance + prior.noise_variance[:, None]
    return log_density(prior, poses) + 0.5 * (np.log(variance).sum(axis=1) - np.log(variance.sum(axis=1)))


def check_likeliest_spread(implementation: Implementation) -> None:
    """`log_density`: of poses whose covariance is the prior's own, that prior is the likeliest one.

    The poses lie at mu +- sqrt(D l) u for each of the D = 3L - 3 axes u of the covariance and its variance l there:
    their covariance is exactly the prior's. The mean log-density of these, as a function of one variance, must have
    its maximum, and so a slope of 0, at the true variance. Slopes are central differences.
    """
    prior = load_prior().subset(bases=3, components=[0])
    v, spread, D = prior.noise_variance, prior.component_variance, 3 * prior.L - 3
    e = prior.e.reshape(prior.J, -1)
    centring = np.kron(np.eye(3), np.eye(prior.L) - 1 / prior.L)
    axes = np.linalg.eigh(e.T @ np.diag([3.0, 2.0, 1.0]) @ e + 0.5 * centring)[1][:, ::-1][:, :D].T
    length = np.sqrt(D * np.append(spread[0] + v, np.repeat(v, D - prior.J)))
    offsets = (axes * length[:, None]).reshape(D, 3, prior.L)
    poses = prior.mu[0] + np.concatenate([offsets, -offsets])

    def mean_log_density(change: np.ndarray) -> float:
        v_new, spread_new = v * np.exp(change[-1]), spread * np.exp(change[:-1])
        other = dataclasses.replace(prior, noise_variance=v_new, sigma=np.sqrt(v_new[:, None] / spread_new))
        return float(look(implementation(other, poses), (2 * D, 1)).mean())

    h = 1e-3
    for j, change in enumerate(h * np.eye(prior.J + 1)):
        slope = (mean_log_density(change) - mean_log_density(-change)) / (2 * h)
        which = f"variance of basis {j}" if j < prior.J else "variance of the noise"
        require(
            abs(slope) < 1e-3,
            f"the {which} that poses have to be the likeliest for them",
            f"their log-density change by {slope:+.2g} for each factor e by which it is raised",
            "ln det of a covariance is the sum of the logarithms of its variances, each of them once.",
        )


# --- centring ----------------------------------------------------------------------------------------------------


def uncentred(Y: Array, weights: Array | None = None) -> Array:
    """Landmarks as they come; only what is not seen is set to 0.

    With one Gaussian and everything in sight, nothing but Y_hat in the wrong place: the columns of E are centred,
    and so blind to a translation. In a mixture the translation counts as misfit, and the component of the largest
    noise, which minds misfit least, wins every frame. With landmarks missing the bases stretch to follow, and
    errors grow with the distance from the origin.
    """
    return Y if weights is None else Y * np.sqrt(np.asarray(weights, dtype=float))[..., None, :]


def check_centring(implementation: Implementation) -> None:
    """`centre`: where in the image the person is makes no difference, and what is not seen makes none either.

    Centred landmarks (the recorded poses are) must stay; moved ones must come back; and those that are seen must be
    where they would be if there were no others.
    """
    Y = load_motion_capture().of_clip("dance_a")[::25, :2]
    away = np.abs(look(implementation(Y), Y.shape) - Y).max()
    why = "mu and e are centred, so Y has to be: eq. (2) has no other place for the person's translation."
    require(away < 1e-9, "centred landmarks to stay", f"them {away:.2g} m away", why)
    moved = np.abs(look(implementation(Y + [[3.0], [-2.0]]), Y.shape) - Y).max()
    require(moved < 1e-9, "a person who moved by (3, -2) m to be centred all the same", f"{moved:.2g} m between", why)
    visible = np.arange(Y.shape[-1]) % 3 > 0
    seen = look(implementation(Y + 5.0 * ~visible, visible), Y.shape)
    alone = np.abs(seen[..., visible] - look(implementation(Y[..., visible]), Y[..., visible].shape)).max()
    require(alone < 1e-9, "the mean to be that of the visible landmarks", f"{alone:.2g} m between", why)
    require(not seen[..., ~visible].any(), "zeros where a landmark is not seen", "other values", why)
