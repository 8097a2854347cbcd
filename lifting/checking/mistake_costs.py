"""What each of the museum's mistakes does, in figures: a sentence or two. See `lifting.checking.mistakes`."""

import dataclasses
import functools
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from lifting.belief import belief_gradient, belief_maps, belief_update_gradient, exact_belief_gradient, peaks
from lifting.camera import flip_y, rotation_angles, turn
from lifting.checking.mistaken_maps import forward_difference, undivided_difference
from lifting.checking.mistaken_models import Implementation, truncated_on_the_wrong_side, uncentred
from lifting.datasets.motion_capture import load_motion_capture
from lifting.datasets.real_frames import belief_human36m, load_real_frames
from lifting.fitting.default_prior import Settings, clip_poses, group_of, learn_without
from lifting.front import Lifted, lift
from lifting.landmark_gradient import pull_back
from lifting.metrics import mpjpe
from lifting.misfit import PoorFit
from lifting.pose_prior import Gaussian, PosePrior, load_older_mixture
from lifting.skeleton import HUMAN36M
from lifting.solve import (
    centre,
    log_determinant,
    mixture_score,
    projected_model,
    solve_at,
    truncated_pseudo_inverse,
    unwrap,
)


@functools.cache
def _held_out() -> tuple[PosePrior, np.ndarray, np.ndarray]:
    """A Gaussian learned from everything but the walks; every fifth walking pose from 8 headings; their angles."""
    motion = load_motion_capture()
    prior = learn_without(("walking",), Settings(bases=25))
    walks = [clip_poses(motion, clip) for clip in motion.clip_names if group_of(clip) == "walking"]
    poses = np.concatenate(walks)[::5]
    truth = np.concatenate([turn(poses, np.full(len(poses), theta)) for theta in rotation_angles(8)])
    return prior, truth, lift(truth[:, :2], prior).theta


def _error(pose: np.ndarray) -> float:
    """The mean MPJPE of lifted walks, centred, in mm."""
    return float(1000 * mpjpe(pose, _held_out()[1], root="centroid").mean())


def _distance(Y_hat: np.ndarray) -> float:
    """The mean distance of projected landmarks of the walks from the true ones, in mm."""
    return float(1000 * np.linalg.norm(Y_hat - _held_out()[1][:, :2], axis=1).mean())


def _lift_anyway(Y: np.ndarray, prior: PosePrior, **options: Any) -> Lifted:
    """`lift`, which need not say that something is wrong: something is."""
    with warnings.catch_warnings(action="ignore", category=PoorFit):
        return lift(Y, prior, **options)


def _prior_errors(sigma: np.ndarray) -> str:
    """Both, with other weights sigma in the prior."""
    prior, truth, _ = _held_out()
    lifted = _lift_anyway(truth[:, :2], dataclasses.replace(prior, sigma=sigma))
    return f"MPJPE of held-out walks {_error(lifted.pose):.0f} mm, Y_hat {_distance(lifted.Y_hat):.1f} mm from Y"


def _right_error() -> float:
    prior, truth, _ = _held_out()
    return _error(lift(truth[:, :2], prior).pose)


def _model(theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    prior, _, _ = _held_out()
    return projected_model(prior.mu[0], prior.e[0], theta)


def _cosine(E: np.ndarray, E_bar_t: np.ndarray, other_E: np.ndarray, other_E_bar_t: np.ndarray) -> float:
    """The mean cosine between what eq. (8) of two models makes of the same random gradients by Y_hat."""
    g = np.random.default_rng(0).standard_normal(E.shape[:-1])
    u, w = pull_back(E, E_bar_t, g), pull_back(other_E, other_E_bar_t, g)
    return float((np.sum(u * w, -1) / np.linalg.norm(u, axis=-1) / np.linalg.norm(w, axis=-1)).mean())


def of_deviations() -> str:
    """Errors with 1 / sigma for sigma."""
    sigma = _held_out()[0].sigma
    return f"{_prior_errors(1 / sigma)}; {_prior_errors(sigma)} with sigma as it is."


def of_truncation() -> str:
    """Errors and gradients with the wrong columns of E_bar_dagger."""
    prior, truth, theta = _held_out()
    p, E = _model(theta)
    right, wrong = (f(E, prior.sigma[0]) for f in (truncated_pseudo_inverse, truncated_on_the_wrong_side))

    def error(E_bar_t: np.ndarray) -> float:
        a = np.einsum("njd,nd->nj", E_bar_t, unwrap(truth[:, :2]) - p)
        return _error(turn(prior.mu[0] + np.einsum("nj,jcl->ncl", a, prior.e[0]), theta))

    return (
        f"MPJPE of held-out walks at the right rotations: about {round(error(wrong), -2):.0f} mm, "
        f"{error(right):.0f} mm with the first columns. "
        f"Mean cosine between the wrong gradient and the right one: {_cosine(E, wrong, E, right):.1f}."
    )


def of_another_angle(other: Callable[[np.ndarray], np.ndarray]) -> str:
    """What happens where eq. (1) and (8) see another angle than the search."""
    prior, truth, theta = _held_out()
    (_, E), (_, other_E) = _model(theta), _model(other(theta))
    E_bar_t, other_E_bar_t = (truncated_pseudo_inverse(matrix, prior.sigma[0]) for matrix in (E, other_E))
    body = turn(lift(truth[:, :2], prior).pose, -theta)
    return (
        f"Used in eq. (1) but not in the search: Y_hat is {_distance(turn(body, other(theta))[:, :2]):.0f} mm from Y "
        "in the mean. Used in eq. (8) alone: the cosine between the wrong gradient and the right one is "
        f"{_cosine(E, E_bar_t, other_E, other_E_bar_t):.2f} in the mean."
    )


def of_log_of_a_sum() -> str:
    """The minimiser of sum_j S_j / l_j + ln sum_j l_j is l_j = sqrt(S_j) sum_k sqrt(S_k); S_j = lambda_j + v here."""
    prior, _, _ = _held_out()
    v, S = prior.noise_variance[:, None], prior.component_variance + prior.noise_variance[:, None]
    wrong = np.sqrt(S) * np.sqrt(S).sum(axis=1, keepdims=True)
    return (
        f"The variances that minimise the wrong objective are {(wrong / S).min():.1f} to {(wrong / S).max():.0f} times "
        f"as large. {_prior_errors(np.sqrt(v / (wrong - v)))}; {_prior_errors(prior.sigma)} with the right ones."
    )


def of_no_flip() -> str:
    """Errors, and frames that are refused, with y downwards."""
    prior, truth, _ = _held_out()
    known = _lift_anyway(flip_y(truth[:, :2]), prior)
    free = _lift_anyway(flip_y(truth[::4, :2]), prior, scale=None, unusable="nan")
    poses = (free.pose / free.scale[:, None, None])[free.usable]
    errors = 1000 * mpjpe(poses, truth[::4][free.usable], root="centroid")
    return (
        f"At a known scale: MPJPE of held-out walks {_error(known.pose):.0f} mm, Y_hat "
        f"{_distance(flip_y(known.Y_hat)):.0f} mm from Y; {_right_error():.0f} mm with y up. With a free scale "
        f"{100 * (1 - free.usable.mean()):.0f} % of the frames are refused, and the median MPJPE of the "
        f"others is {float(np.median(errors)):.0f} mm."
    )


def of_forward_difference() -> str:
    """The error of one-sided differences, and where a landmark stops that follows them."""
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


def of_undivided_difference() -> str:
    """How much too large the gradient is."""
    Y = np.array([[8.0], [8.0]])
    sizes = [
        [float(np.linalg.norm(f(Y, 17, 17, 1.0, delta))) for delta in (0.1, 0.5, 1.0)]
        for f in (undivided_difference, belief_gradient)
    ]
    ratios = ", ".join(f"{wrong / right:.1f}" for wrong, right in zip(*sizes, strict=True))
    return f"Its size is {ratios} times the right one at delta = 0.1, 0.5 and 1."


def of_a_wrong_step(wrong: Implementation) -> str:
    """One step of descent on real belief maps, its m as large as the largest belief there can be."""
    found = [(*belief_human36m(frame), frame.visible) for frame in load_real_frames()]
    B = np.concatenate([belief[present & visible] for belief, present, visible in found])
    Y = peaks(B)
    D = np.tile([[0.8], [-0.6]], Y.shape[1])
    moved = [peaks(B - gradient(Y, D, *B.shape[1:])) - Y for gradient in (wrong, belief_update_gradient)]
    closer = [int((np.sum(move * D, axis=0) > 0).sum()) for move in moved]
    return (
        f"After one step of descent with k |D| = 1 on the {len(B)} belief maps of the real photos, {closer[0]} peaks "
        f"have moved in the direction of D; with the right gradient {closer[1]}."
    )


def of_no_centring() -> str:
    """Errors of people beside the origin."""
    away, one = np.array([[0.1], [0.0]]), _held_out()[0]
    all_seen = np.ones(one.L, dtype=bool)
    no_legs = np.array(["knee" not in name and "ankle" not in name for name in HUMAN36M.landmarks])
    cases = (one, all_seen), (one, no_legs), (load_older_mixture(), all_seen)
    wrong, right = ([_lift_with(f, prior, seen, away) for prior, seen in cases] for f in (uncentred, centre))
    return (
        f"MPJPE of held-out walks 0.1 m beside the origin: {wrong[0]:.0f} mm, {right[0]:.0f} mm when centred. With "
        f"knees and ankles missing {wrong[1]:.0f} mm, {right[1]:.0f} mm when centred. With the mixture of "
        f"`prior_mixture.npz`, which has learned these walks, {wrong[2]:.0f} mm, {right[2]:.0f} mm when centred."
    )


def _lift_with(prepare: Implementation, prior: PosePrior, visible: np.ndarray, away: np.ndarray) -> float:
    """The error in mm of walks seen `away` from the origin, with `prepare` in the place of `centre` throughout."""
    truth, theta = _held_out()[1], rotation_angles()
    Y, every, n = prepare(truth[:, :2, visible] + away), np.arange(len(truth)), np.asarray(float(visible.sum()))
    scores, poses = [], []
    for k in range(prior.K):
        mu, e, sigma = prior.gaussian(k)
        seen = Gaussian(prepare(mu[:, visible]), prepare(e[..., visible]), sigma)
        found = solve_at(Y[:, None], seen, theta)
        t, v = found.cost.argmin(axis=1), prior.noise_variance[k]
        log_det = log_determinant(projected_model(seen.mu, seen.e, theta[t])[1], sigma, v, n)
        scores.append(mixture_score(found.cost[every, t], v, log_det, prior.weights[k], np.ones(()), n))
        poses.append(turn(mu + np.einsum("nj,jcl->ncl", found.a[every, t], e), theta[t]))
    return _error(np.stack(poses)[np.argmin(scores, axis=0), every])


def of_swapped_sides() -> str:
    """Errors and headings with the sides exchanged."""
    prior, truth, theta = _held_out()
    lifted = lift(truth[:, :2, list(HUMAN36M.swap)], prior)
    astray = np.cos(lifted.theta - theta) < 0.01  # a quarter turn is one of the 80 rotations: count it
    return (
        f"MPJPE of held-out walks: {_error(lifted.pose):.0f} mm, {_right_error():.0f} mm with the sides as they are. "
        f"{100 * astray.mean():.0f} % of the headings are 90 degrees or more from what they were."
    )
