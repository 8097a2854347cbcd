"""How sure eq. (2) may be: the posterior of the pose, over coefficients, rotations and components. Ours.

The prior of `lifting.pose_prior` is a density, and so is what it says of a person once the landmarks are seen.

**At one rotation of one component** the landmarks are y = s p + E b + noise with b = s a, noise of variance s^2 v / w_l
in the coordinates of a landmark of weight w_l, and a_j ~ N(0, v / sigma_j^2). Then -2 log of the joint density of y and
b is, up to a constant, the cost of eq. (2) over s^2 v:

    (1 / s^2 v) ( ||y - s p - E b||^2 + ||sigma b||^2 )

a quadratic in b, with the matrix E^T E + diag(sigma^2) and its minimum at eq. (6)'s b. So b given y is Gaussian, with

    mean  b of eq. (6),      covariance  s^2 v (E^T E + diag(sigma^2))^-1

Where the scale is solved for, D = [p, E] takes the place of E, as everywhere, and s that of the solution in s^2 v. The
translation is solved for too; its variance is s^2 v / sum w.

**Over all of them.** A component k at a rotation R has the probability exp(-score / 2), normalised, with the score of
`solve.mixture_score`: every rotation of the finite set is as likely as any other before the landmarks are seen. The
posterior is the mixture of the Gaussians above with these probabilities; its mean and covariance are

    m = sum_i P_i m_i,      C = sum_i P_i (C_i + (m_i - m)(m_i - m)^T)

A landmark of the person is that of eq. (1)'s pose and the prior's own noise, of variance s^2 v, beside it.

**A temperature.** People are no samples of the prior. All scores are divided by one number and all covariances of a
single rotation multiplied by it, so that regions hold what they promise for people who are not in the prior:
`TEMPERATURE` where landmarks are nearly exact, `DETECTED` where they are a detector's (`benchmarks/uncertainty.md`).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Unpack

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.special import softmax

from lifting.camera import rotation
from lifting.front import Lifted, check_origin
from lifting.given import LiftOptions, check_landmarks, check_options
from lifting.pose_prior import PosePrior
from lifting.solve import (
    centre,
    free_scale,
    log_determinant,
    mixture_score,
    projected_model,
    unwrap,
    weighted_mean,
)
from lifting.support.arrays import Array, check_count, check_positive, fail, like, to_numpy, trusted
from lifting.turned import TurnedPrior, turn_prior

TEMPERATURE = 0.5
"""What the prior's own doubt is multiplied by: for landmarks as exact as to 10 mm."""

DETECTED = 2.0
"""The same for landmarks of a detector, which errs by more: with it the regions of photos hold what they promise."""

MODES = 64
"""At most so many of the most probable pairs of a component and a rotation are kept of each frame."""

NUMBERS = 2**22
"""About how many numbers are worked on at once."""


class Posterior(NamedTuple):
    """The posterior of the pose: arrays of the library, dtype and device of the landmarks, in Y's units."""

    mean: Float[Array, "*batch 3 L"]
    """The mean pose over all rotations and components, placed as `Lifted.pose` is. Of all single answers the one whose
    expected squared error is least; where two readings are probable it is between them, and like neither."""
    covariance: Float[Array, "*batch L 3 3"]
    """Of every landmark about `mean`."""
    probability: Float[Array, "*batch K T"]
    """Of every component at every rotation of the finite set (all angles at the first tilt, then at the next)."""
    modes: Float[Array, "*batch M 3 L"]
    """The poses of the M most probable pairs of a component and a rotation, most probable first."""
    share: Float[Array, "*batch M"]
    """Their probabilities, which sum to 1 once the rest is left out."""
    samples: Float[Array, "*batch n 3 L"]
    """Poses drawn from the posterior, each with the prior's noise."""


def posterior(
    Y: Float[Array, "*batch 2 L"],
    prior: PosePrior,
    lifted: Lifted,
    *,
    samples: int = 0,
    temperature: float = TEMPERATURE,
    **options: Unpack[LiftOptions],
) -> Posterior:
    """The posterior of the pose given the landmarks: over coefficients, rotations and components.

    Args:
        Y: (..., 2, L), as given to `lift`.
        prior: the same.
        lifted: what `lift` gave: its scale where it was given, whether it was solved for, and its weights are used.
        samples: how many poses to draw for each frame; the same ones each time.
        temperature: 1 takes the prior at its word.
        options: those given to `lift`: `rotations`, `camera`, `tilts`, `orientation`. The finite set is what the
            probabilities are over; a refined angle is not a part of it.

    Returns:
        NaN where a frame was not lifted.

    Raises:
        ValueError: as `lift`; a result of other landmarks; less than 0 samples, a temperature that isn't positive.
    """
    chosen, Y = check_options(options), check_landmarks(Y, prior)
    check_count("samples", samples, least=0)
    check_positive("temperature", temperature)
    batch, L = tuple(Y.shape[:-2]), prior.L
    if tuple(lifted.weights.shape) != (*batch, L):
        fail("lifted", f"the result of landmarks of shape {tuple(lifted.pose.shape)}", f"that of Y, {tuple(Y.shape)}")
    flat, weights, scale, usable = (
        to_numpy(value).astype(dtype).reshape(-1, *shape)
        for value, dtype, shape in (
            (Y, np.float64, (2, L)), (lifted.weights, np.float64, (L,)), (lifted.scale, np.float64, ()),
            (lifted.usable, bool, ()),
        )
    )  # fmt: skip
    found: dict[str, np.ndarray] = {}
    with trusted():
        turned = turn_prior(prior, chosen.rotations, free_scale=lifted.free_scale, camera=chosen.camera,
                            tilts=chosen.tilts)  # fmt: skip
        for rows, w in alike(weights, usable):
            model = Model(turned if w is None else turned.with_weights(w, keep=False), temperature)
            for part in model.blocks(rows):
                values = _of_frames(model, flat[part], scale[part], part, samples)
                for name, value in values.items():
                    whole = found.setdefault(name, np.full((len(flat), *value.shape[1:]), np.nan))
                    whole[part] = value
    if not found:
        fail("lifted", "no frame that was lifted", "one at least")
    return Posterior(*(like(found[name].reshape(batch + found[name].shape[1:]), Y) for name in Posterior._fields))


def alike(weights: np.ndarray, usable: np.ndarray) -> list[tuple[np.ndarray, np.ndarray | None]]:
    """Rows of frames that share their weights, and the weights; None where all are 1."""
    kinds, kind = np.unique(weights, axis=0, return_inverse=True)
    rows = [(np.flatnonzero((kind.ravel() == i) & usable), None if (w == 1).all() else w) for i, w in enumerate(kinds)]
    return [(found, w) for found, w in rows if len(found)]


@dataclass(frozen=True)
class Model:
    """What frames of the same weights share: a turned prior, and what follows from it."""

    turned: TurnedPrior
    temperature: float = 1.0

    @property
    def weights(self) -> Float[np.ndarray, " L"]:
        """How much each landmark counts."""
        return np.ones(self.turned.prior.L) if self.turned.weights is None else self.turned.weights

    @cached_property
    def R(self) -> Float[np.ndarray, "T 3 3"]:  # noqa: N802 (the paper's symbol)
        """The camera's rotation after that by theta: from the body to the camera's frame."""
        R, cameras = rotation(self.turned.theta), self.turned.cameras
        return R if cameras is None else cameras @ R

    @cached_property
    def matrix(self) -> Float[np.ndarray, "K T n n"]:
        """D^T D + diag(ridge^2), that of eq. (6): its inverse times s^2 v is the covariance of the unknowns."""
        ridge = self.turned.ridge[:, None, :, None] ** 2
        return self.turned.gram + ridge * np.eye(ridge.shape[2])

    @cached_property
    def root(self) -> Float[torch.Tensor, "K T n n"]:
        """The Cholesky factor of `matrix`."""
        return torch.linalg.cholesky(torch.from_numpy(self.matrix))

    @cached_property
    def log_det(self) -> Float[np.ndarray, "K T"]:
        """Log det(E Lambda E^T + v I)."""
        prior, n = self.turned.prior, np.sum(self.weights)
        v, sigma = prior.noise_variance[:, None], prior.sigma[:, None]
        if self.turned.free_scale:
            return log_determinant(self.turned.D[..., 1:], sigma, v, n)
        # as `log_determinant`, with log det(E^T E + diag(sigma^2)) from the factor that is there already
        root = self.root.diagonal(dim1=-2, dim2=-1).log().sum(-1).numpy()
        return 2 * n * np.log(v) + 2 * root - 2 * np.log(sigma).sum(-1)

    def blocks(self, rows: Int[np.ndarray, " n"]) -> list[Int[np.ndarray, " m"]]:
        """Rows of frames in parts that are small enough to be worked on at once."""
        size = max(1, NUMBERS // self.turned.D[..., 0].size)
        return np.split(rows, range(size, len(rows), size))

    def spread(self, k: np.ndarray, t: np.ndarray) -> Float[np.ndarray, "*batch n n"]:
        """The covariance of the unknowns over s^2 v, of components k at rotations t."""
        return np.linalg.inv(self.matrix[k, t])

    def solve(self, Y: Float[np.ndarray, "N 2 L"]) -> tuple[np.ndarray, np.ndarray]:
        """The unknowns (N, K, T, n) of eq. (6), s and b or b alone, and the scores (N, K, T), infinite where s <= 0."""
        turned, prior = self.turned, self.turned.prior
        r = (unwrap(centre(Y, turned.weights))[:, None, None] - turned.p).transpose(1, 2, 3, 0)  # (K, T, 2L, N)
        Dr = turned.D.swapaxes(-1, -2) @ r
        # (6)  (D^T D + diag(ridge^2)) b = D^T (y - p)
        b = torch.cholesky_solve(torch.from_numpy(Dr), self.root).numpy()
        # (2)  at its minimum: ||y - p||^2 - (y - p)^T D b
        cost = ((r * r).sum(2) - (Dr * b).sum(2)).transpose(2, 0, 1)
        s = b[:, :, 0].transpose(2, 0, 1) if turned.free_scale else np.ones_like(cost)
        admissible = s > 0
        score = mixture_score(cost, prior.noise_variance[:, None], self.log_det, prior.weights[:, None],
                              np.where(admissible, s, 1.0), np.sum(self.weights))  # fmt: skip
        return b.transpose(3, 0, 1, 2), np.where(admissible, score, np.inf)

    def bodies(self, k: np.ndarray, t: np.ndarray) -> Float[np.ndarray, "*batch n_1 3 L"]:
        """R mu and R e of components k at rotations t, their x and y counted from the weighted mean."""
        prior = self.turned.prior
        bodies = self.R[t][..., None, :, :] @ np.concatenate([prior.mu[:, None], prior.e], axis=1)[k]
        bodies[..., :2, :] -= weighted_mean(bodies[..., :2, :], self.weights)
        return bodies

    def noise(self, k: np.ndarray) -> Float[np.ndarray, "*batch 3"]:
        """The variances, over s^2, of a landmark's own noise and the translation, in x, y and z."""
        v = self.turned.prior.noise_variance[k][..., None]
        return v * (1 + np.array([1.0, 1.0, 0.0]) / self.weights.sum())


def _of_frames(model: Model, Y: np.ndarray, scale: np.ndarray, rows: np.ndarray, samples: int) -> dict[str, np.ndarray]:
    """The fields of `Posterior` for frames (N, 2, L) of the same weights; `scale` (N,) is theirs where it was given."""
    free, tau = model.turned.free_scale, model.temperature
    unit = np.linalg.norm(centre(Y, model.turned.weights), axis=(1, 2)) if free else scale
    b, score = model.solve(Y / unit[:, None, None])
    probability = softmax(-score.reshape(len(Y), -1) / (2 * tau), axis=1)
    top = np.argsort(-probability, axis=1, kind="stable")[:, :MODES]  # (N, M)
    share = np.take_along_axis(probability, top, axis=1)
    share = share / share.sum(1, keepdims=True)
    k, t = np.divmod(top, score.shape[2])
    unknowns = b[np.arange(len(Y))[:, None], k, t]
    unknowns = unknowns if free else np.concatenate([np.ones_like(unknowns[..., :1]), unknowns], axis=-1)
    modes = np.einsum("nmj,nmjdl->nmdl", unknowns, model.bodies(k, t), optimize=True)
    s = unknowns[..., 0]
    mean = (share[..., None, None] * modes).sum(1)
    # C = sum_i P_i (C_i + (m_i - m)(m_i - m)^T)
    away = modes - mean[:, None]
    pairs, which = np.unique(top, return_inverse=True)
    each = tau * _covariances(model, *np.divmod(pairs, score.shape[2]))[which.reshape(top.shape)]
    covariance = np.einsum("nm,nmlij->nlij", share * s**2, each) + np.einsum("nm,nmil,nmjl->nlij", share, away, away)
    drawn = _draw(model, (k, t), unknowns, share, (rows, samples))
    middle = np.zeros((len(Y), 3, 1))
    middle[:, :2] = weighted_mean(np.where(model.weights > 0, Y, 0.0), model.weights)
    u = unit[:, None, None]
    return {
        "mean": u * mean + middle, "covariance": u[..., None] ** 2 * covariance,
        "probability": probability.reshape(score.shape), "modes": u[..., None] * modes + middle[:, None],
        "share": share, "samples": u[..., None] * drawn + middle[:, None],
    }  # fmt: skip


def _covariances(model: Model, k: np.ndarray, t: np.ndarray) -> Float[np.ndarray, "M L 3 3"]:
    """Those of every landmark at components k and rotations t, (M,), over s^2: of the pose, its noise and its place."""
    G = model.bodies(k, t)[:, -model.matrix.shape[-1] :]  # without mu where the scale was given
    v = model.turned.prior.noise_variance[k]
    solved = np.einsum("m,mail,mab,mbjl->mlij", v, G, model.spread(k, t), G, optimize=True)
    return solved + (model.noise(k)[:, :, None] * np.eye(3))[:, None]


def _draw(
    model: Model, where: tuple[np.ndarray, np.ndarray], unknowns: np.ndarray, share: np.ndarray,
    count: tuple[np.ndarray, int],
) -> Float[np.ndarray, "N n 3 L"]:  # fmt: skip
    """Poses from each frame's mixture of modes, `count` = which frames these are, and how many poses of each."""
    rows, n = count
    tau, prior = model.temperature, model.turned.prior
    drawn = np.empty((len(share), n, 3, prior.L))
    for i, row in enumerate(rows if n else ()):
        rng = np.random.default_rng((0, row))
        mode = rng.choice(share.shape[1], n, p=share[i])
        k, t = (index[i, mode] for index in where)
        deviation = unknowns[i, mode, 0] * np.sqrt(tau * prior.noise_variance[k])
        # b + s sqrt(v) chol(covariance over s^2 v) z
        root = np.linalg.cholesky(model.spread(k, t))
        moved = deviation[:, None] * (root @ rng.standard_normal((n, root.shape[-1], 1)))[..., 0]
        x = unknowns[i, mode].copy()
        x[:, -moved.shape[1] :] += moved
        drawn[i] = np.einsum("mj,mjdl->mdl", x, model.bodies(k, t), optimize=True)
        drawn[i] += deviation[:, None, None] * rng.standard_normal(drawn[i].shape)
        place = rng.standard_normal((n, 2, 1)) / np.sqrt(model.weights.sum())
        drawn[i, :, :2] += deviation[:, None, None] * place
    return drawn


class Readings(NamedTuple):
    """The readings of a frame, most probable first: arrays like those of the posterior."""

    poses: Float[Array, "*batch n 3 L"]
    """The most probable pose of each, in Y's units; NaN where there are fewer readings."""
    probability: Float[Array, "*batch n"]
    """Of each, 0 where there are fewer: that of all modes nearer to it than to those before it."""


def readings(posterior: Posterior, scale: Float[Array, "*batch"], *, count: int = 2, apart: float = 0.15) -> Readings:
    """The different ways to read a frame: of two depths that show the same landmarks, both.

    The most probable mode is the first reading. The next is the most probable of those whose landmarks are, in the root
    of their mean square, `apart` from it and more; and so on. Each mode belongs to the nearest of the readings.

    Args:
        posterior: what `posterior` gave.
        scale: (...), what one metre measures in Y: `Lifted.scale`.
        count: how many readings at most.
        apart: metres.

    Raises:
        ValueError: a count below 1, a distance that is not positive, or scales of another shape.
    """
    check_count("count", count)
    check_positive("apart", apart)
    share, modes, s = (to_numpy(value) for value in (posterior.share, posterior.modes, scale))
    if s.shape != share.shape[:-1]:
        fail("scale", f"shape {s.shape}", f"shape {share.shape[:-1]}")
    far = (apart * s)[..., None]
    chosen: list[np.ndarray] = []
    distances: list[np.ndarray] = []
    left = share
    for _ in range(count):
        chosen.append(left.argmax(-1))
        pose = np.take_along_axis(modes, chosen[-1][..., None, None, None], axis=-3)
        distance = np.sqrt(((modes - pose) ** 2).sum(-2).mean(-1))
        distances.append(np.where(left.max(-1, keepdims=True) > 0, distance, np.inf))
        left = np.where(np.min(distances, axis=0) >= far, share, 0.0)
    nearest = np.argmin(distances, axis=0)
    probability = np.stack([np.where(nearest == i, share, 0.0).sum(-1) for i in range(count)], axis=-1)
    index = np.stack(chosen, axis=-1)
    poses = np.take_along_axis(modes, index[..., None, None], axis=-3)
    poses = np.where(probability[..., None, None] > 0, poses, np.nan)
    return Readings(like(poses, posterior.modes), like(probability, posterior.modes))


def coefficient_covariance(prior: PosePrior, lifted: Lifted) -> Float[Array, "*batch J J"]:
    """The covariance of a at the winner, m^2: the Gaussian at one rotation, at the prior's word (temperature 1).

    v (E^T E + diag(sigma^2))^-1, with the frame's weights in E. Where the scale is solved for, the covariance of (s, b)
    is s^2 v (D^T D + diag(0, sigma^2))^-1, and a = b / s changes by (db - a ds) / s: that of a follows to first order.

    Returns:
        NaN where a frame was not lifted.

    Raises:
        ValueError: a result of another prior.
    """
    check_origin(lifted, prior)
    a, usable, k = (to_numpy(value) for value in (lifted.a, lifted.usable, lifted.component))
    p, E, _ = winners_model(prior, lifted)
    sigma = prior.sigma[k]
    D, ridge = free_scale(p, E, sigma) if lifted.free_scale else (E, sigma)
    spread = np.linalg.inv(D.swapaxes(-1, -2) @ D + ridge[..., None] ** 2 * np.eye(ridge.shape[-1]))
    if lifted.free_scale:
        step = np.concatenate([-a[..., None], np.broadcast_to(np.eye(prior.J), (*a.shape, prior.J))], axis=-1)
        spread = step @ spread @ step.swapaxes(-1, -2)
    covariance = prior.noise_variance[k][..., None, None] * spread
    return like(np.where(usable[..., None, None], covariance, np.nan), lifted.theta)


def winners_model(
    prior: PosePrior, lifted: Lifted
) -> tuple[Float[np.ndarray, "*batch 2L"], Float[np.ndarray, "*batch 2L J"], Float[np.ndarray, "*batch L"]]:
    """P and E of what `lift` found, and its weights, in NumPy; those of some person where a frame was not lifted."""
    k, theta, weights, camera, usable = (
        to_numpy(value) for value in (lifted.component, lifted.theta, lifted.weights, lifted.camera, lifted.usable)
    )
    theta, weights = np.where(usable, theta, 0.0).astype(np.float64), np.where(usable[..., None], weights, 1.0)
    camera = np.where(usable[..., None, None], camera, np.eye(3)) if camera.ndim > 2 else camera
    mu, e, _ = prior.gaussian(k)
    return *projected_model(mu, e, theta, weights=weights, camera=camera.astype(np.float64)), weights
