"""Smoothing over time, inside the least squares: eq. (2) of all frames at once, with a prior of motion. Ours.

Poses of a video are not independent: P_f = R_f (mu + a_f . e), the pose of frame f in the camera's frame and in
metres, is near P_{f-1}, and its velocity near the last one. That is one more square for every frame. At known rotations
and scales all is linear in the coefficients of all frames together:

    minimise over a_1, ..., a_F:
        sum_f (1 / v) ( sum_l w_fl ||y_fl / s_f - (Pi P_f)_l - t_f||^2 + ||sigma a_f||^2 )
        + sum_f ||sum_g d_fg P_g||^2 / q_f

The first line is eq. (2) over the noise's variance v. In the second d_fg are first or second differences over time:
with h = t_f - t_{f-1} the difference of two poses has the variance q h (a random walk), that of two velocities
q (h + h') / 2 (velocities that walk). The matrix of the a's has blocks of J x J on the diagonal and beside it, one or
two to each side: a banded system, solved in a time proportional to the number of frames.

Which rotations: the path of least cost through the finite set (`lifting.beyond.paths`), a frame's score of
`solve.mixture_score` and, from frame to frame, the squared angle of the turn over (`turn` h)^2.

Where the scale is solved for, each frame's is the median of those within `SCALE_WINDOW` seconds of it.

What was compared and with what settings: `benchmarks/smoothing.md`.
"""

from collections.abc import Callable
from typing import NamedTuple, Unpack

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.linalg import solveh_banded

from lifting.beyond.paths import intervals, least_path
from lifting.beyond.uncertainty import Model, alike
from lifting.camera import rotation
from lifting.front import Lifted
from lifting.given import LiftOptions, check_landmarks, check_options
from lifting.misfit import misfit
from lifting.pose_prior import PosePrior
from lifting.solve import centre, projected_model, unwrap, weighted_mean
from lifting.support.arrays import Array, check_positive, fail, is_torch, like, to_numpy, trusted
from lifting.turned import TurnedPrior, turn_prior

SCALE_WINDOW = 0.5
"""Seconds before and after a frame whose scales its own is the median of."""


class Motion(NamedTuple):
    """The prior of motion; what it is by default was the best of those in `benchmarks/smoothing.md`."""

    order: int = 2
    """Which differences are small: first ones, those of poses, or second ones, those of velocities."""
    q: float = 100.0
    """By how much they grow: m^2/s for first differences, m^2/s^3 for second ones."""
    turn: float = 5.0
    """How fast people turn, rad/s, one standard deviation."""
    share: float = 0.3
    """How much a frame's score counts beside the turns: neighbouring frames err alike, each is no new evidence."""


MOTION = Motion()


def smooth(
    Y: Float[Array, "F 2 L"],
    prior: PosePrior,
    lifted: Lifted,
    *,
    times: Float[np.ndarray, " F"] | None = None,
    motion: Motion = MOTION,
    **options: Unpack[LiftOptions],
) -> Lifted:
    """Lift all frames of a video together, with a prior of how people move.

    Args:
        Y: (F, 2, L), one person's landmarks in the order of time, as given to `lift`.
        prior: the same.
        lifted: what `lift` gave: its scales where they were given, whether they were solved for, and its weights.
            A frame that it left out has no landmarks; its pose is that of the motion between its neighbours.
        times: (F,), seconds that rise; None: 30 frames a second.
        motion: how smooth.
        options: those given to `lift`: `rotations`, `camera`, `tilts`, `orientation`.

    Returns:
        As `lift`, for the smoothed poses; cost and misfit are those of eq. (2) at them. `usable` stays.

    Raises:
        ValueError: as `lift`; other dimensions; times that don't rise; no frame that was lifted; a motion of another
            order than 1 and 2, or with a number that is not positive.
    """
    chosen, Y = check_options(options), check_landmarks(Y, prior)
    _check_motion(motion)
    if Y.ndim != 3 or tuple(lifted.weights.shape) != (len(Y), prior.L):
        fail("Y", f"shape {tuple(Y.shape)}", f"shape (F, 2, L) of the frames of lifted, {tuple(lifted.pose.shape)}")
    y, w, usable = (to_numpy(value) for value in (Y, lifted.weights, lifted.usable))
    if not usable.any():
        fail("lifted", "no frame that was lifted", "one at least")
    y, w, between = np.where(w[:, None] > 0, y, 0.0).astype(np.float64), w.astype(np.float64), intervals(times, len(y))
    scale = _scales(to_numpy(lifted.scale).astype(np.float64), usable, lifted.free_scale, between)
    # at the scales that are now known
    turned = turn_prior(prior, chosen.rotations, camera=chosen.camera, tilts=chosen.tilts)
    with trusted():
        model, y = Model(turned), y / scale[:, None, None]
        scores = _scores(model, y, w, usable)
        t = least_path(motion.share * scores.min(1), _turns(model.R, motion.turn * between))
        frames = _Frames(prior, y, w, scores[np.arange(len(y)), :, t].argmin(1), model.R[t])
        smoothed = _as_lifted(lifted, frames, _coefficients(frames, between, motion), turned, t)
    return _in_units(smoothed, scale, Y)


def _check_motion(motion: Motion) -> None:
    if motion.order not in (1, 2):
        fail("motion.order", motion.order, "1 or 2")
    for name in ("q", "turn", "share"):
        check_positive(f"motion.{name}", getattr(motion, name))


def _scores(model: Model, y: np.ndarray, w: np.ndarray, usable: np.ndarray) -> Float[np.ndarray, "F K T"]:
    """The score of every component at every rotation; 0 where nobody was seen."""
    turned = model.turned
    scores = np.zeros((len(y), turned.prior.K, len(turned.theta)))
    for rows, own in alike(w, usable):
        mine = model if own is None else Model(turned.with_weights(own, keep=False))
        for part in mine.blocks(rows):
            scores[part] = mine.solve(y[part])[1]
    return scores


def _scales(scale: np.ndarray, usable: np.ndarray, solved: bool, between: np.ndarray) -> Float[np.ndarray, " F"]:
    """The scale of every frame (F,): as given; or the median of those solved for nearby, of all where there is none."""
    if not solved:
        return np.where(usable, scale, np.median(scale[usable]))
    t = np.concatenate([[0.0], np.cumsum(between)])
    near = [usable & (np.abs(t - now) <= SCALE_WINDOW) for now in t]
    return np.array([np.median(scale[some if some.any() else usable]) for some in near])


def _turns(R: np.ndarray, deviation: np.ndarray) -> Callable[[int], np.ndarray]:
    """What it costs to turn from one rotation of the finite set (T, 3, 3) to another between two frames."""
    # the angle of a rotation: trace = 1 + 2 cos
    cosine = (np.einsum("aij,bij->ab", R, R, optimize=True) - 1) / 2
    squared = np.arccos(cosine.clip(-1, 1)) ** 2
    return lambda f: squared / deviation[f - 1] ** 2


class _Frames(NamedTuple):
    """Frames in metres, each with its component and its rotation."""

    prior: PosePrior
    Y: Float[np.ndarray, "F 2 L"]
    weights: Float[np.ndarray, "F L"]
    component: Int[np.ndarray, " F"]
    R: Float[np.ndarray, "F 3 3"]

    def poses(self, a: Float[np.ndarray, "F J"]) -> Float[np.ndarray, "F 3 L"]:
        """R (mu + a . e) of every frame."""
        mu, e, _ = self.prior.gaussian(self.component)
        return self.R @ (mu + np.einsum("fj,fjdl->fdl", a, e))


def _coefficients(frames: _Frames, between: np.ndarray, motion: Motion) -> Float[np.ndarray, "F J"]:
    """The a's of the least squares over all frames: a banded system."""
    mu, e, sigma = frames.prior.gaussian(frames.component)
    F, J, width = len(mu), sigma.shape[1], motion.order + 1
    G = (frames.R[:, None] @ e).reshape(F, J, -1)  # R e, rows of 3L numbers
    m = (frames.R @ mu).reshape(F, -1)
    blocks = np.zeros((F, width, J, J))  # [f, n]: of a_f and a_(f + n)
    # of eq. (2), over v; where nobody was seen only the ridge stays
    seen = np.any(frames.weights, axis=-1, keepdims=True)
    w = np.where(seen, frames.weights, 1.0)
    p, E = projected_model(mu, e, np.zeros(F), weights=w, camera=frames.R)
    y, E = unwrap(centre(frames.Y, w)), E * seen[..., None]
    v = frames.prior.noise_variance[frames.component]
    blocks[:, 0] = (E.swapaxes(1, 2) @ E + sigma[:, :, None] ** 2 * np.eye(J)) / v[:, None, None]
    right = np.einsum("fij,fi->fj", E, y - p) / v[:, None]
    # of the motion: differences d over frames, each square over its variance
    d = _differences(between, motion)  # (rows, width), row r over frames r, ..., r + order
    for i in range(width):
        rows = np.arange(len(d)) + i
        for j in range(width):
            dd = d[:, i] * d[:, j]
            right[rows] -= np.einsum("r,rjx,rx->rj", dd, G[rows], m[rows - i + j])
            if j >= i:
                blocks[rows, j - i] += dd[:, None, None] * (G[rows] @ G[rows - i + j].swapaxes(1, 2))
    return solveh_banded(_banded(blocks), right.ravel(), lower=True).reshape(F, J)


def _differences(between: np.ndarray, motion: Motion) -> Float[np.ndarray, "rows order_1"]:
    """First or second differences over time, over the roots of their variances: a row each."""
    h = between[:, None]
    first = np.concatenate([-np.ones_like(h), np.ones_like(h)], axis=1)
    if motion.order == 1:
        return first / np.sqrt(motion.q * h)
    velocity = first / h
    second = np.pad(velocity[1:], ((0, 0), (1, 0))) - np.pad(velocity[:-1], ((0, 0), (0, 1)))
    return second / np.sqrt(motion.q * (h[1:] + h[:-1]) / 2)


def _banded(blocks: Float[np.ndarray, "F width J J"]) -> Float[np.ndarray, "bands F*J"]:
    """A symmetric matrix of blocks, [f, n] in block row f and block column f + n, in SciPy's lower banded form."""
    F, width, J, _ = blocks.shape
    band = np.zeros((width * J, F, J))
    for n in range(width):
        for i in range(J):  # column i of block row f; below it stand the rows of the transposed block
            below = blocks[: F - n, n, i]  # (F - n, J): entry (f J + i, (f + n) J + j), for all j
            j = np.arange(J)
            offset = n * J + j - i
            band[offset[offset >= 0], : F - n, i] = below[:, offset >= 0].T
    return band.reshape(width * J, F * J)


def _as_lifted(lifted: Lifted, frames: _Frames, a: np.ndarray, turned: TurnedPrior, t: np.ndarray) -> Lifted:
    """What `lift` would say of these poses, in metres; their rotations are `t` of the turned prior."""
    prior, k, w = frames.prior, frames.component, frames.weights
    seen = np.any(w, axis=-1)
    counted = np.where(seen[:, None], w, 1.0)
    pose = frames.poses(a)
    # the translation is solved for; where nobody was seen it is between those of the neighbours
    middle = weighted_mean(frames.Y, counted) - weighted_mean(pose[:, :2], counted)
    row = np.arange(len(seen))
    pose[:, :2] += np.stack([np.interp(row, row[seen], middle[seen, i, 0]) for i in (0, 1)], axis=1)[..., None]
    # (2)  ||Y - Y_hat||^2 + ||sigma a||^2
    error = w * ((frames.Y - pose[:, :2]) ** 2).sum(1)
    cost = error.sum(-1) + ((prior.sigma[k] * a) ** 2).sum(-1)
    count = (w * (w > 1) + (w > 0) * (w <= 1)).sum(-1)
    ratio = misfit(cost, np.ones_like(cost), prior.noise_variance[k], np.maximum(count, 2), lifted.free_scale)
    return lifted._replace(
        theta=turned.theta[t], R=rotation(turned.theta[t]), a=a, component=k, pose=pose, Y_hat=pose[:, :2],
        cost=np.where(seen, cost, np.nan), misfit=np.where(seen, ratio, np.nan),
        camera=turned.cameras if turned.tilts is None or turned.cameras is None else turned.cameras[t],
        tilt=turned.pitches[t // turned.rotations],
    )  # fmt: skip


def _in_units(lifted: Lifted, scale: np.ndarray, Y: Array) -> Lifted:
    """A result in metres in those of Y, and as arrays like it."""
    s = scale[:, None, None]
    lifted = lifted._replace(
        pose=s * lifted.pose, Y_hat=s * lifted.Y_hat, scale=scale, cost=scale**2 * lifted.cost,
        camera=np.eye(3) if lifted.camera is None else lifted.camera,
    )  # fmt: skip
    fields = "theta", "R", "a", "scale", "cost", "Y_hat", "pose", "camera", "tilt", "misfit"
    component = torch.as_tensor(lifted.component, device=Y.device) if is_torch(Y) else lifted.component
    return lifted._replace(component=component, **{name: like(getattr(lifted, name), Y) for name in fields})
