"""A museum of mistakes: twelve plausible errors, each beside the right function and a check that finds it.

An exhibit is a `mistake`, the `right` function of the package, a `check` that the one fails and the other passes, and
the `symptom`: how one would notice in training. Both functions are called alike, so that either can be put into the
other's place. A check knows no right answer to compare with. It holds an implementation against something that must be
true of it: a likelihood, a known scene, an invariance, a sum that is known in closed form. It raises `MistakeFound`,
which says what was expected, what was seen, and why that matters.

    check_sense_of_turn(my_rotation)    # silent, or MistakeFound

Every check looks at one thing, so that the one which fails says what is wrong: of two checks for functions that are
called alike, each lets the other's mistake pass.

    python -m lifting.checking.mistakes          # measure every mistake and write docs/mistakes.md
"""

import argparse
import dataclasses
import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from lifting.belief import (
    belief_gradient,
    belief_maps,
    belief_update,
    belief_update_gradient,
    exact_belief_gradient,
    peaks,
)
from lifting.camera import rotation, rotation_angles, turn
from lifting.datasets.motion_capture import load_motion_capture
from lifting.datasets.real_frames import RealFrame, belief_human36m, load_real_frames
from lifting.fitting.default_prior import Settings, clip_poses, group_of, learn
from lifting.front import lift
from lifting.landmark_gradient import pull_back
from lifting.metrics import mpjpe
from lifting.pose_prior import PosePrior, facing, load_prior, log_density
from lifting.skeleton import HUMAN36M
from lifting.solve import (
    centre,
    cost,
    log_determinant,
    mixture_score,
    projected_model,
    pseudo_inverse,
    stack_ridge,
    truncated_pseudo_inverse,
    unwrap,
)
from lifting.support.arrays import Array, check_count, fail, to_numpy
from lifting.support.files import PACKAGE, write_atomically

Implementation = Callable[..., Array]


class MistakeFound(AssertionError):
    """A check has found a mistake: what was expected, what was seen, and why."""


@dataclasses.dataclass(frozen=True)
class Exhibit:
    """One mistake, and all that there is to say about it.

    Attributes:
        name: what went wrong, in a few words.
        mistake: the wrong function.
        right: the package's function, which is called in the same way.
        check: raises `MistakeFound` for `mistake` and not for `right`.
        symptom: how the mistake would show in training; `measure` has the figures.
    """

    name: str
    mistake: Implementation
    right: Implementation
    check: Callable[[Implementation], None]
    symptom: str


def _require(holds: Any, expected: str, seen: str, why: str) -> None:
    if not holds:
        raise MistakeFound(f"expected {expected}; saw {seen}. {why}")


def _look(value: Any, shape: tuple[int, ...]) -> np.ndarray:
    """What an implementation returned, as a NumPy array of the right shape."""
    array = to_numpy(value)
    why = "An array of another shape is the answer to another question."
    _require(array.shape == shape, f"an array of shape {shape}", f"shape {array.shape}", why)
    _require(np.isfinite(array).all(), "finite numbers", "NaN or infinity", "Nothing here divides by zero.")
    return array


# --- 1, 2: the prior in the equations ----------------------------------------------------------------------------


@functools.cache
def _standing() -> tuple[PosePrior, np.ndarray, np.ndarray, np.ndarray]:
    """The heaviest component of the embedded prior, and y, p and E of a recorded pose seen at its own heading."""
    prior = load_prior().subset(components=[0])
    y = unwrap(load_motion_capture().of_clip("dance_b")[0][:2])
    return prior, y, *projected_model(prior.mu[0], prior.e[0], np.zeros(()))


def deviations_for_ridge(E: Array, sigma: Array) -> Array:
    """E_bar of eq. (5) by someone who takes sigma for a standard deviation, and so divides a by it."""
    return stack_ridge(E, 1 / sigma)


def check_ridge_is_the_prior(implementation: Implementation) -> None:
    """`stack_ridge`: the cost of eq. (5), divided by v, is -2 ln p(y, a) up to a constant.

    p(y, a) is written with two densities of SciPy, of noise N(0, v) and of coefficients a_j ~ N(0, lambda_j), for
    coefficients as ordinary as the prior says.
    """
    prior, y, p, E = _standing()
    v, spread = prior.noise_variance[0], prior.component_variance[0]
    E_bar = _look(implementation(E, prior.sigma[0]), (E.shape[0] + E.shape[1], E.shape[1]))

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
            _require(
                np.isclose(seen, expected, rtol=1e-6),
                f"an ordinary a to raise the cost of {what}, over v, by {expected:.4g}, as -2 ln p does",
                f"{seen:.4g}",
                "The ridge is the prior: sigma_j = sqrt(v / lambda_j), large where a_j hardly varies.",
            )


def truncated_on_the_wrong_side(E: Array, sigma: Array) -> Array:
    """The last 2L columns of E_bar_dagger in the place of the first: those of [0, y] and not of [y, 0]."""
    return pseudo_inverse(stack_ridge(E, sigma))[..., -E.shape[-2] :]


def check_truncation_minimises(implementation: Implementation) -> None:
    """`truncated_pseudo_inverse`: a = E_bar_t (y - p) is the lowest point of eq. (2) along every basis.

    The cost is a parabola along each a_j. Its vertex, from three costs, must be where a is; as the cost is convex,
    that makes a its minimum.
    """
    prior, y, p, E = _standing()
    sigma, step = prior.sigma[0], 0.01
    a = _look(implementation(E, sigma), (prior.J, len(y))) @ (y - p)
    steps = step * np.eye(prior.J)
    below, here, above = (cost(y, p, E, sigma, a + change) for change in (-steps, 0 * steps, steps))
    away = step * (below - above) / (below - 2 * here + above) / 2
    worst = int(np.abs(away).argmax())
    _require(
        abs(away[worst]) < 1e-6,
        "E_bar_t (y - p) at the minimum of eq. (2)",
        f"the minimum along basis {worst} another {1000 * abs(away[worst]):.0f} mm away",
        "y comes first in [y, 0], so the first 2L columns of E_bar_dagger are the ones that meet it.",
    )


# --- 3, 4: the rotation ------------------------------------------------------------------------------------------


def transposed_rotation(theta: Array) -> Array:
    """R(theta) transposed: the viewer walks round the person, where the person should turn."""
    return np.swapaxes(rotation(theta), -1, -2)


def check_sense_of_turn(implementation: Implementation) -> None:
    """`rotation`: turning on by h takes what is nearest the viewer, (0, 0, 1), to sin h on the right.

    Only R(theta + h) R(theta)^T is looked at: from where angles are counted makes no difference to it.
    """
    h = 0.3
    for theta in rotation_angles(8):
        after, before = (_look(implementation(np.asarray(angle)), (3, 3)) for angle in (theta + h, theta))
        x = (after @ before.T)[0, 2]
        _require(
            abs(x - np.sin(h)) < 1e-6,
            f"what is 1 m nearer to the viewer to move {np.sin(h):+.2f} m in x, to the right, by a turn of {h}",
            f"{x:+.2f} m",
            "R(theta) = [[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]], theta in radians; its transpose turns back.",
        )


def quarter_turn_off(theta: Array) -> Array:
    """R(theta + 90 degrees): theta counted from another axis."""
    return rotation(theta + np.pi / 2)


def check_heading_zero(implementation: Implementation) -> None:
    """`rotation`: at theta = 0 nothing turns, and the means of the embedded prior face the viewer."""
    prior = load_prior()
    turned = _look(implementation(np.asarray(0.0)), (3, 3)) @ prior.mu
    heading = np.degrees(-facing(turned, HUMAN36M.left, HUMAN36M.right))
    worst = float(heading[np.abs(heading).argmax()])
    why = "theta is counted from where the mean pose faces +z. Relabelled angles fit a picture, and mean another one."
    _require(abs(worst) < 1e-4, "the mean pose to face the viewer at theta = 0", f"it {worst:.0f} degrees off", why)
    _require(np.abs(turned - prior.mu).max() < 1e-6, "R(0) to move nothing", "landmarks elsewhere", why)


# --- 5: the log term of the prior --------------------------------------------------------------------------------


def log_of_a_sum(prior: PosePrior, poses: Array) -> Array:
    """`log_density` with ln sum_j in the place of sum_j ln: a determinant taken for the sum of its factors."""
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
        return float(_look(implementation(other, poses), (2 * D, 1)).mean())

    h = 1e-3
    for j, change in enumerate(h * np.eye(prior.J + 1)):
        slope = (mean_log_density(change) - mean_log_density(-change)) / (2 * h)
        which = f"variance of basis {j}" if j < prior.J else "variance of the noise"
        _require(
            abs(slope) < 1e-3,
            f"the {which} that poses have to be the likeliest for them",
            f"their log-density change by {slope:+.2g} for each factor e by which it is raised",
            "ln det of a covariance is the sum of the logarithms of its variances, each of them once.",
        )


# --- 6, 12: from the image to the world --------------------------------------------------------------------------


def world_landmarks(frame: RealFrame) -> Array:
    """The landmarks Y (2, 17) of a photo in the paper's axes, y up: `RealFrame.Y`."""
    return frame.Y


def image_landmarks(frame: RealFrame) -> Array:
    """The landmarks in the axes of the image, where rows count downwards."""
    return frame.landmarks


def check_up_is_up(implementation: Implementation) -> None:
    """`world_landmarks`: on every photo the nose is above the hips and the ankles.

    The man walks upright, so gravity is the reference.
    """
    nose = HUMAN36M.index("nose")
    for frame in load_real_frames():
        y = _look(implementation(frame), (2, 17))[1] / frame.pixels_per_metre
        for name in ("left_hip", "right_hip", "left_ankle", "right_ankle"):
            lower = HUMAN36M.index(name)
            _require(
                y[nose] - y[lower] > 0.2 or not frame.visible[[nose, lower]].all(),
                f"the nose above the {name} in {frame.name}",
                f"it {y[nose] - y[lower]:+.2f} m higher",
                "Rows of an image count downwards, the world's y points up: y = -row.",
            )


def swapped_sides(frame: RealFrame) -> Array:
    """The landmarks of someone who thinks that left is the viewer's left."""
    return frame.Y[:, list(HUMAN36M.swap)]


def check_left_is_left(implementation: Implementation) -> None:
    """`world_landmarks`: the man's left hip and shoulder are on the left of where his nose points, on every photo.

    In a right-handed frame left = up x forward; with y up, its x is the z of forward. Forward is from the triangulated
    neck to the triangulated nose, which have no side.
    """
    nose, neck = HUMAN36M.index("nose"), HUMAN36M.index("neck")
    for frame in load_real_frames():
        x = _look(implementation(frame), (2, 17))[0] / frame.pixels_per_metre
        forward = frame.pseudo_truth[2, nose] - frame.pseudo_truth[2, neck]
        for part in ("hip", "shoulder"):
            left, right = HUMAN36M.index(f"left_{part}"), HUMAN36M.index(f"right_{part}")
            _require(
                forward * (x[left] - x[right]) > 0 or not frame.pseudo_visible[[nose, neck]].all(),
                f"the left {part} on the left of where the nose points in {frame.name}",
                f"it {abs(x[left] - x[right]):.2f} m on the right of the other one",
                "Left is the person's own left: on the right of the picture where he faces the viewer.",
            )


# --- 7, 8: the gradient of the projected maps --------------------------------------------------------------------


def forward_difference(Y: Array, height: int, width: int, sigma: float = 1.0, delta: float = 1.0) -> Array:
    """(G(x + delta) - G(x)) / delta, and the same in y, in the place of eq. (9)."""
    here = belief_maps(Y, height, width, sigma)
    ahead = [belief_maps(Y + delta * np.eye(2)[:, [axis]], height, width, sigma) for axis in (0, 1)]
    return np.stack([maps - here for maps in ahead], axis=-3) / delta


DELTAS = (0.75, 1.0, 1.5)
"""Steps of eq. (9) at which a gradient is looked at. Not 1/2, at which 1 / (2 delta) makes no difference."""


def check_gradient_is_odd(implementation: Implementation) -> None:
    """`belief_gradient`: mirrored at its landmark, the gradient in x changes its sign, and so does that in y.

    Moving a Gaussian to either side by as much gives two maps that mirror each other. The landmark is in the middle of
    its map, so that to mirror is to flip the array.
    """
    for delta in DELTAS:
        gradient = _look(implementation(np.array([[8.0], [8.0]]), 17, 17, 1.0, delta), (1, 2, 17, 17))[0]
        for i, name in enumerate("xy"):
            uneven = np.abs(gradient[i] + np.flip(gradient[i], axis=1 - i)).max() / np.abs(gradient[i]).max()
            _require(
                uneven < 1e-9,
                f"the gradient in {name} to be odd about its landmark (delta = {delta})",
                f"its two sides differ by {uneven:.0%} of its largest value",
                "Eq. (9) is a central difference: its error is of order delta^2, a one-sided one's of order delta.",
            )


def undivided_difference(Y: Array, height: int, width: int, sigma: float = 1.0, delta: float = 1.0) -> Array:
    """G(x + delta) - G(x - delta) alone: eq. (9) without its 1 / (2 delta)."""
    return 2 * delta * belief_gradient(Y, height, width, sigma, delta)


def check_gradient_moves_the_mass(implementation: Implementation) -> None:
    """`belief_gradient`: as the landmark moves by one pixel, so does the centre of mass of its map.

    The mass of a Gaussian of peak 1 is 2 pi sigma^2, wherever it is. So the sum over the pixels z of a gradient times
    z - Y must be 2 pi sigma^2 along its own axis and 0 along the other. That holds for differences as for derivatives.
    """
    Y, sigma = np.array([[15.0], [16.3]]), 1.2
    rows, columns = np.mgrid[:32, :32]
    for delta in DELTAS:
        gradient = _look(implementation(Y, 32, 32, sigma, delta), (1, 2, 32, 32))[0]
        moved = np.einsum("ihw,khw->ik", gradient, np.stack([columns, rows]) - Y[:, :, None]) / (2 * np.pi * sigma**2)
        for i, k in np.ndindex(2, 2):
            _require(
                abs(moved[i, k] - (i == k)) < 1e-6,
                f"a pixel in {'xy'[i]} to move the mass {int(i == k)} pixels in {'xy'[k]} (delta = {delta})",
                f"{moved[i, k]:.2f} pixels",
                "A difference over 2 delta pixels has to be divided by 2 delta.",
            )


# --- 9, 10: the update of the belief maps ------------------------------------------------------------------------

DIRECTIONS = np.array([[2.0, -1.0, -0.5, 3.0, 1.0, 0.0, 0.0], [1.0, 2.0, -0.5, -1.0, 0.0, -2.0, 0.0]])
"""D (2, 7) of the checks: every quadrant, along the axes, and none."""


def _update_gradients(implementation: Implementation, k: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What an implementation returns for `DIRECTIONS`, at pixel (5, 4) of 10 x 11 maps, and z - Y for the pixels z."""
    Y = np.tile([[5.0], [4.0]], DIRECTIONS.shape[1])
    gradient = _look(implementation(Y, DIRECTIONS, 10, 11, k, 1.0), (DIRECTIONS.shape[1], 10, 11))
    rows, columns = np.mgrid[:10, :11]
    return gradient, columns - 5, rows - 4


def update_for_gradient(Y: Array, D: Array, height: int, width: int, k: float = 1.0, sigma: float = 1.0) -> Array:
    """The update itself, where a backward pass returns minus the update."""
    return belief_update(Y, D, height, width, k, sigma)


def check_descent_empties_the_peak(implementation: Implementation) -> None:
    """`belief_update_gradient`: a step of gradient descent takes k |D| from the belief at Y_p, and from no other pixel.

    An optimiser subtracts what a backward pass returns.
    """
    k = 0.5
    gradient, x, y = _update_gradients(implementation, k)
    here = (x == 0) & (y == 0)
    for D, step in zip(DIRECTIONS.T, -gradient, strict=True):
        change, wanted = float(step[here][0]), -k * float(np.hypot(*D))
        _require(
            np.isclose(change, wanted) and step[~here].min() >= 0,
            f"descent to change the belief at the peak by {wanted:+.2f} for D = {D}, and to lower no other",
            f"{change:+.2f} there, and {step[~here].min():+.2f} or more elsewhere",
            "The update lowers the peak, and the gradient is minus the update, as an optimiser subtracts it.",
        )


def mirrored_quadrant(Y: Array, D: Array, height: int, width: int, k: float = 1.0, sigma: float = 1.0) -> Array:
    """The update made for the gradient dL/dY in the place of the direction D = -dL/dY."""
    return belief_update_gradient(Y, -D, height, width, k, sigma)


def check_quadrant(implementation: Implementation) -> None:
    """`belief_update_gradient`: besides the peak it reaches the pixels z with (z - Y) D >= 0 in x and y, and no other.

    Whether it raises or lowers them is not looked at.
    """
    gradient, x, y = _update_gradients(implementation, 1.0)
    elsewhere = (x != 0) | (y != 0)
    for D, reached in zip(DIRECTIONS.T, np.abs(gradient) > 1e-12, strict=True):
        quadrant = (x * D[0] >= 0) & (y * D[1] >= 0) & elsewhere & (np.hypot(*D) > 0)
        missed, astray = (quadrant & ~reached).sum(), (reached & elsewhere & ~quadrant).sum()
        _require(
            missed == astray == 0,
            f"the {quadrant.sum()} pixels of the quadrant of D = {D} to change",
            f"{missed} of them left out and {astray} others changed",
            "Belief has to come up where the landmark should go: D = -dL/dY, x = column, y = row.",
        )


# --- 11: centring ------------------------------------------------------------------------------------------------


def uncentred(Y: Array, visible: Array | None = None) -> Array:
    """Landmarks as they come; only what is not seen is set to 0."""
    return Y if visible is None else Y * np.asarray(visible)[..., None, :]


def check_centring(implementation: Implementation) -> None:
    """`centre`: where in the image the person is makes no difference, and what is not seen makes none either.

    Centred landmarks (the recorded poses are) must stay; moved ones must come back; and those that are seen must be
    where they would be if there were no others.
    """
    Y = load_motion_capture().of_clip("dance_a")[::25, :2]
    away = np.abs(_look(implementation(Y), Y.shape) - Y).max()
    why = "mu and e are centred, so Y has to be: eq. (2) has no other place for the person's translation."
    _require(away < 1e-9, "centred landmarks to stay", f"them {away:.2g} m away", why)
    moved = np.abs(_look(implementation(Y + [[3.0], [-2.0]]), Y.shape) - Y).max()
    _require(moved < 1e-9, "a person who moved by (3, -2) m to be centred all the same", f"{moved:.2g} m between", why)
    visible = np.arange(Y.shape[-1]) % 3 > 0
    seen = _look(implementation(Y + 5.0 * ~visible, visible), Y.shape)
    alone = np.abs(seen[..., visible] - _look(implementation(Y[..., visible]), Y[..., visible].shape)).max()
    _require(alone < 1e-9, "the mean to be that of the visible landmarks", f"{alone:.2g} m between", why)
    _require(not seen[..., ~visible].any(), "zeros where a landmark is not seen", "other values", why)


# --- the museum --------------------------------------------------------------------------------------------------

MUSEUM = (
    Exhibit(
        "sigma taken for a standard deviation",
        deviations_for_ridge,
        stack_ridge,
        check_ridge_is_the_prior,
        "Nothing diverges and nothing is refused, but everyone gets the mean pose: the bases that people use most are "
        "the ones held back most. Projected maps are off by as much as people differ, and the learned weights of the "
        "fusion turn away from them.",
    ),
    Exhibit(
        "pseudo-inverse truncated on the wrong side",
        truncated_on_the_wrong_side,
        truncated_pseudo_inverse,
        check_truncation_minimises,
        "Landmarks act as if they were others: poses are wild, projected maps are nowhere near the true ones, and the "
        "gradient through the lifting is as good as random. Losses of later stages stall, the first's still falls.",
    ),
    Exhibit(
        "R used transposed",
        transposed_rotation,
        rotation,
        check_sense_of_turn,
        "Used everywhere, nothing: the set of rotations holds every inverse, and theta only means -theta. Used in the "
        "backward pass alone, hardly anything: with 25 bases for 34 coordinates E E_bar_t lets most directions through "
        "at any angle, and at 0 and 180 degrees R is its own transpose. Only a gradient check shows it.",
    ),
    Exhibit(
        "an angle off by 90 degrees",
        quarter_turn_off,
        rotation,
        check_heading_zero,
        "Used everywhere, nothing: a quarter turn maps a set of 80 rotations onto itself. Where a search returns one "
        "angle and eq. (1) means another, people are drawn from the side who were seen from the front: look at Y_hat. "
        "In the backward pass alone it hides as well as a transposed R.",
    ),
    Exhibit(
        "ln of a sum for a sum of ln",
        log_of_a_sum,
        log_density,
        check_likeliest_spread,
        "The prior's objective still falls and settles, on variances that are all too large, the small ones most. So "
        "sigma is too small: the landmarks are fitted better than before, and depths that they say nothing about go "
        "astray. The 2D error praises it, only a 3D error blames it.",
    ),
    Exhibit(
        "y axis not flipped",
        image_landmarks,
        world_landmarks,
        check_up_is_up,
        "At a known scale the 3D error is most of a metre from the first step on, while Y_hat stays within centimetres "
        "of Y: 25 bases can stand a person on the head. With a free scale some frames have no admissible rotation, as "
        "they ask for s < 0, and the others come out huge.",
    ),
    Exhibit(
        "forward difference for a central one",
        forward_difference,
        belief_gradient,
        check_gradient_is_odd,
        "Training works, and ends beside the goal: landmarks that climb an overlap of maps stop half a step before its "
        "top, towards the upper left. Half a cell of the map is four pixels of the image at stride 8.",
    ),
    Exhibit(
        "difference of Gaussians without 1 / (2 delta)",
        undivided_difference,
        belief_gradient,
        check_gradient_moves_the_mass,
        "At delta = 1 every gradient through the lifting is twice too large, in the right direction: as if k were "
        "another. It shows when delta is changed and the learning rate has to follow. At delta = 1/2 it isn't there.",
    ),
    Exhibit(
        "belief update with the wrong sign",
        update_for_gradient,
        belief_update_gradient,
        check_descent_empties_the_peak,
        "Every peak gets higher, the wrong ones most, so it stays: the lifting's part of the gradient makes the maps "
        "sure of themselves and moves nothing. Losses of single stages can outweigh it, so expect training that is "
        "merely no better than with k = 0.",
    ),
    Exhibit(
        "the quadrant mirrored",
        mirrored_quadrant,
        belief_update_gradient,
        check_quadrant,
        "Peaks are pushed away from where they should go. It shows where the lifting's gradient is all there is; "
        "beside losses of single stages, expect training that is somewhat worse than with k = 0.",
    ),
    Exhibit(
        "centring forgotten",
        uncentred,
        centre,
        check_centring,
        "With one Gaussian and everything in sight, nothing but Y_hat in the wrong place: the columns of E are "
        "centred, and so blind to a translation. In a mixture the translation counts as misfit, and the component of "
        "the largest noise, which minds misfit least, wins every frame. With landmarks missing the bases stretch to "
        "follow, and errors grow with the distance from the origin.",
    ),
    Exhibit(
        "left and right swapped",
        swapped_sides,
        world_landmarks,
        check_left_is_left,
        "2D losses don't see it where targets are swapped alike. No heading explains such a person: headings come out "
        "anywhere, poses twisted, and the 3D error is several times what it should be.",
    ),
)
"""The twelve exhibits."""


def mystery(number: int) -> Implementation:
    """One of the museum's mistakes, 0 to 11 in another order than `MUSEUM`, under the name of the right function.

    Call it as `help` says, and find out by the checks what is wrong with it. `solution` gives it away.
    """
    exhibit = solution(number)

    @functools.wraps(exhibit.right)
    def implementation(*arguments: Any, **options: Any) -> Array:
        return exhibit.mistake(*arguments, **options)

    return implementation


def solution(number: int) -> Exhibit:
    """The exhibit behind `mystery(number)`."""
    if check_count("number", number, least=0) >= len(MUSEUM):
        fail("number", number, f"a whole number from 0 to {len(MUSEUM) - 1}")
    return MUSEUM[(5 * number + 7) % len(MUSEUM)]


# --- what they cost ----------------------------------------------------------------------------------------------


def measure(exhibit: Exhibit) -> str:
    """What the mistake of an exhibit does, in figures: a sentence or two."""
    if exhibit.mistake not in _MEASURES:
        fail("exhibit", exhibit.name, "an exhibit of MUSEUM")
    return _MEASURES[exhibit.mistake]()


@functools.cache
def _held_out() -> tuple[PosePrior, np.ndarray, np.ndarray]:
    """A Gaussian learned from everything but the walks; every fifth walking pose from 8 headings; their angles."""
    motion = load_motion_capture()
    walks = [clip for clip in motion.clip_names if group_of(clip) == "walking"]
    others = [clip for clip in motion.clip_names if clip not in walks and len(clip_poses(motion, clip))]
    prior = learn(motion, others, Settings(bases=25)).prior
    poses = np.concatenate([clip_poses(motion, clip) for clip in walks])[::5]
    truth = np.concatenate([turn(poses, np.full(len(poses), theta)) for theta in rotation_angles(8)])
    return prior, truth, lift(truth[:, :2], prior).theta


def _error(pose: np.ndarray) -> float:
    """The mean MPJPE of lifted walks, centred, in mm."""
    return float(1000 * mpjpe(pose, _held_out()[1], root="centroid").mean())


def _prior_errors(sigma: np.ndarray) -> str:
    """The same with other weights sigma in the prior, and how far Y_hat is from Y."""
    prior, truth, _ = _held_out()
    lifted = lift(truth[:, :2], dataclasses.replace(prior, sigma=sigma))
    return f"MPJPE of held-out walks {_error(lifted.pose):.0f} mm, Y_hat {_distance(lifted.Y_hat):.1f} mm from Y"


def _distance(Y_hat: np.ndarray) -> float:
    """The mean distance of projected landmarks of the walks from the true ones, in mm."""
    return float(1000 * np.linalg.norm(Y_hat - _held_out()[1][:, :2], axis=1).mean())


def _error_of_landmarks(Y: np.ndarray) -> float:
    return _error(lift(Y, _held_out()[0]).pose)


def _right_error() -> float:
    return _error_of_landmarks(_held_out()[1][:, :2])


def _model(theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    prior, _, _ = _held_out()
    return projected_model(prior.mu[0], prior.e[0], theta)


def _cosine(u: np.ndarray, w: np.ndarray) -> float:
    """The mean cosine between two batches of vectors."""
    return float((np.sum(u * w, -1) / np.linalg.norm(u, axis=-1) / np.linalg.norm(w, axis=-1)).mean())


def _gradients(E: np.ndarray, E_bar_t: np.ndarray) -> np.ndarray:
    """Eq. (8) transposed, times the same random gradients with respect to Y_hat."""
    return pull_back(E, E_bar_t, np.random.default_rng(0).standard_normal(E.shape[:-1]))


def _measure_deviations() -> str:
    sigma = _held_out()[0].sigma
    return f"{_prior_errors(1 / sigma)}; {_prior_errors(sigma)} with sigma as it is."


def _measure_truncation() -> str:
    prior, truth, theta = _held_out()
    p, E = _model(theta)
    r, found = unwrap(truth[:, :2]) - p, []
    right, wrong = (f(E, prior.sigma[0]) for f in (truncated_pseudo_inverse, truncated_on_the_wrong_side))
    for E_bar_t in (wrong, right):
        a = (E_bar_t @ r[..., None])[..., 0]
        found.append(_error(turn(prior.mu[0] + np.einsum("nj,jcl->ncl", a, prior.e[0]), theta)))
    angle = _cosine(_gradients(E, wrong), _gradients(E, right))
    return (
        f"MPJPE of held-out walks at the right rotations: about {round(found[0], -2):.0f} mm, "
        f"{found[1]:.0f} mm with the first columns. "
        f"Mean cosine between the wrong gradient and the right one: {angle:.1f}."
    )


def _measure_other_angle(other: Callable[[np.ndarray], np.ndarray]) -> str:
    """What happens where eq. (1) and (8) see another angle than the search."""
    prior, truth, theta = _held_out()
    gradients = []
    for angle in (theta, other(theta)):
        _, E = _model(angle)
        gradients.append(_gradients(E, truncated_pseudo_inverse(E, prior.sigma[0])))
    body = turn(lift(truth[:, :2], prior).pose, -theta)
    return (
        f"Used in eq. (1) but not in the search: Y_hat is {_distance(turn(body, other(theta))[:, :2]):.0f} mm from Y "
        "in the mean. Used in eq. (8) alone: the cosine between the wrong gradient and the right one is "
        f"{_cosine(*gradients):.2f} in the mean."
    )


def _measure_log_of_a_sum() -> str:
    """The minimiser of sum_j S_j / l_j + ln sum_j l_j is l_j = sqrt(S_j) sum_k sqrt(S_k); S_j = lambda_j + v here."""
    prior, _, _ = _held_out()
    v, S = prior.noise_variance[:, None], prior.component_variance + prior.noise_variance[:, None]
    wrong = np.sqrt(S) * np.sqrt(S).sum(axis=1, keepdims=True)
    return (
        f"The variances that minimise the wrong objective are {(wrong / S).min():.1f} to {(wrong / S).max():.0f} times "
        f"as large. {_prior_errors(np.sqrt(v / (wrong - v)))}; {_prior_errors(prior.sigma)} with the right ones."
    )


def _measure_flip() -> str:
    prior, truth, _ = _held_out()
    flipped = np.array([[1.0], [-1.0]])
    Y_hat = lift(truth[:, :2] * flipped, prior).Y_hat * flipped
    errors = []
    for pose in truth[::4]:
        try:
            lifted = lift(pose[:2] * flipped, prior, scale=None)
        except ValueError:  # no rotation fits with s > 0
            continue
        errors.append(float(1000 * mpjpe(lifted.pose / lifted.scale, pose, root="centroid")))
    return (
        f"At a known scale: MPJPE of held-out walks {_error_of_landmarks(truth[:, :2] * flipped):.0f} mm, Y_hat "
        f"{_distance(Y_hat):.0f} mm from Y; {_right_error():.0f} mm with y up. With a free scale "
        f"{100 * (1 - len(errors) / len(truth[::4])):.0f} % of the frames are refused, and the median MPJPE of the "
        f"others is {float(np.median(errors)):.0f} mm."
    )


def _measure_forward() -> str:
    Y = np.array([[8.0], [8.0]])
    target, exact = belief_maps(Y, 17, 17), exact_belief_gradient(Y, 17, 17)
    errors = [
        float(np.linalg.norm(f(Y, 17, 17) - exact) / np.linalg.norm(exact))
        for f in (forward_difference, belief_gradient)
    ]
    shifts = np.linspace(-1, 1, 401)
    slopes = [np.sum(forward_difference(Y + [[shift], [0.0]], 17, 17)[0, 0] * target) for shift in shifts]
    stops = float(shifts[np.abs(slopes).argmin()])
    return (
        f"At delta = 1, relative to the exact derivative, it is off by {errors[0]:.0%}, the central difference by "
        f"{errors[1]:.0%}. A landmark that climbs the overlap with a true map stops at {stops:+.2f} pixels."
    )


def _measure_undivided() -> str:
    Y = np.array([[8.0], [8.0]])
    sizes = [
        [float(np.linalg.norm(f(Y, 17, 17, 1.0, delta))) for delta in (0.1, 0.5, 1.0)]
        for f in (undivided_difference, belief_gradient)
    ]
    ratios = ", ".join(f"{wrong / right:.1f}" for wrong, right in zip(*sizes, strict=True))
    return f"Its size is {ratios} times the right one at delta = 0.1, 0.5 and 1."


def _measure_step(wrong: Implementation) -> str:
    """One step of descent on real belief maps, its m as large as the largest belief there can be."""
    maps = []
    for frame in load_real_frames():
        belief, present = belief_human36m(frame)
        maps.append(belief[present & frame.visible])
    B = np.concatenate(maps)
    Y = peaks(B)
    D = np.tile([[0.8], [-0.6]], Y.shape[1])
    closer = []
    for gradient in (wrong, belief_update_gradient):
        moved = peaks(B - gradient(Y, D, *B.shape[1:])) - Y
        closer.append(int((np.sum(moved * D, axis=0) > 0).sum()))
    return (
        f"After one step of descent with k |D| = 1 on the {len(B)} belief maps of the real photos, {closer[0]} peaks "
        f"have moved in the direction of D; with the right gradient {closer[1]}."
    )


def _measure_uncentred() -> str:
    away, one = np.array([[0.1], [0.0]]), _held_out()[0]
    all_seen = np.ones(one.L, dtype=bool)
    no_legs = np.array(["knee" not in name and "ankle" not in name for name in HUMAN36M.landmarks])
    cases = (one, all_seen), (one, no_legs), (load_prior(), all_seen)
    wrong, right = ([_lift_with(f, prior, seen, away) for prior, seen in cases] for f in (uncentred, centre))
    return (
        f"MPJPE of held-out walks 0.1 m beside the origin: {wrong[0]:.0f} mm, {right[0]:.0f} mm when centred. With "
        f"knees and ankles missing {wrong[1]:.0f} mm, {right[1]:.0f} mm when centred. With the embedded mixture, which "
        f"has learned these walks, {wrong[2]:.0f} mm, {right[2]:.0f} mm when centred."
    )


def _lift_with(prepare: Implementation, prior: PosePrior, visible: np.ndarray, away: np.ndarray) -> float:
    """The error in mm of walks seen `away` from the origin, with `prepare` in the place of `centre` throughout."""
    _, truth, _ = _held_out()
    theta = rotation_angles()
    y, n = unwrap(prepare(truth[:, :2] + away, visible)), np.asarray(float(visible.sum()))
    scores, poses = [], []
    for k in range(prior.K):
        model = turn(np.concatenate([prior.mu[k][None], prior.e[k]]), theta[:, None])
        rows = unwrap(prepare(model[..., :2, :], visible))
        p, E = rows[:, 0], np.swapaxes(rows[:, 1:], 1, 2)
        E_bar_t = truncated_pseudo_inverse(E, prior.sigma[k])
        r = y[:, None] - p
        a = np.einsum("tjd,ntd->ntj", E_bar_t, r)
        # the least cost at each rotation is r^T (I - E E_bar_t) r
        costs = np.sum(r * (r - np.einsum("tdj,ntj->ntd", E, a)), axis=-1)
        t, least = costs.argmin(axis=1), costs.min(axis=1)
        v = prior.noise_variance[k]
        log_det = log_determinant(E[t], prior.sigma[k], v, n)
        scores.append(mixture_score(least, v, log_det, prior.weights[k], np.ones(()), n))
        poses.append(model[t, 0] + np.einsum("nj,njcl->ncl", a[np.arange(len(t)), t], model[t, 1:]))
    return _error(np.stack(poses)[np.argmin(scores, axis=0), np.arange(len(truth))])


def _measure_swapped() -> str:
    prior, truth, theta = _held_out()
    lifted = lift(truth[:, :2, list(HUMAN36M.swap)], prior)
    astray = np.cos(lifted.theta - theta) < 0.01  # a quarter turn is one of the 80 rotations: count it
    return (
        f"MPJPE of held-out walks: {_error(lifted.pose):.0f} mm, {_right_error():.0f} mm with the sides as they are. "
        f"{100 * astray.mean():.0f} % of the headings are 90 degrees or more from what they were."
    )


_MEASURES: dict[Implementation, Callable[[], str]] = {
    deviations_for_ridge: _measure_deviations,
    truncated_on_the_wrong_side: _measure_truncation,
    transposed_rotation: functools.partial(_measure_other_angle, np.negative),
    quarter_turn_off: functools.partial(_measure_other_angle, lambda theta: theta + np.pi / 2),
    log_of_a_sum: _measure_log_of_a_sum,
    image_landmarks: _measure_flip,
    forward_difference: _measure_forward,
    undivided_difference: _measure_undivided,
    update_for_gradient: functools.partial(_measure_step, update_for_gradient),
    mirrored_quadrant: functools.partial(_measure_step, mirrored_quadrant),
    uncentred: _measure_uncentred,
    swapped_sides: _measure_swapped,
}


# --- the page ----------------------------------------------------------------------------------------------------


def caught_by(exhibit: Exhibit) -> tuple[str, ...]:
    """The names of all checks for functions called alike that find the mistake of an exhibit."""
    names = []
    for other in MUSEUM:
        if other.right is exhibit.right:
            try:
                other.check(exhibit.mistake)
            except MistakeFound:
                names.append(other.check.__name__)
    return tuple(names)


def page() -> str:
    """The text of docs/mistakes.md: every exhibit with what its check says and what was measured."""
    return PAGE_HEAD + "\n".join(_entry(number, exhibit) for number, exhibit in enumerate(MUSEUM, start=1))


PAGE_HEAD = """# A museum of mistakes

Made by `python -m lifting.checking.mistakes`; the code is `lifting/checking/mistakes.py`. Every mistake below is a
function that can take the place of the right one, and each has a check that finds it. Of two checks for functions that
are called alike, each lets the other's mistake pass, so that the one which fails says what is wrong.

Held-out walks: a Gaussian of 25 bases is learned from all motion capture but the walks; every fifth walking pose is
then lifted from its exact landmarks, seen from 8 headings, at the known scale, among 80 rotations. MPJPE is that of
centred poses. How it shows in training is derived or expected where no figure says more: no network was trained.

"""


def _entry(number: int, exhibit: Exhibit) -> str:
    said = ""
    try:
        exhibit.check(exhibit.mistake)
    except MistakeFound as found:
        said = str(found)
    lines = {
        "Wrong": f"`{exhibit.mistake.__name__}`: {_first_sentence(exhibit.mistake)}",
        "Right": f"`{exhibit.right.__name__}`",
        "Check": f"`{exhibit.check.__name__}`: {_first_sentence(exhibit.check)}",
        "What it says": said,
        "In training": exhibit.symptom,
        "Measured": measure(exhibit),
    }
    body = "\n".join(f"- **{what}:** {text}" for what, text in lines.items())
    return f"## {number}. {exhibit.name[0].upper()}{exhibit.name[1:]}\n\n{body}\n"


def _first_sentence(function: Implementation) -> str:
    return " ".join((function.__doc__ or "").split("\n\n")[0].split())


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure every mistake, and write the page that shows them."""
    parser = argparse.ArgumentParser(prog="python -m lifting.checking.mistakes", description=main.__doc__)
    parser.add_argument(
        "--out", type=Path, default=PACKAGE.parent / "docs" / "mistakes.md", metavar="FILE", help="default: %(default)s"
    )
    write_atomically(parser.parse_args(arguments).out, page().encode())


if __name__ == "__main__":
    main()
