"""A prior turned to a finite set of rotations: all that eq. (2) to (8) need of it before a frame is seen.

The rotations are equally spaced angles about the vertical, seen by one camera; or, where the camera's pitch is not
known, the same angles at every tilt of a finite set: a rotation is then a pair of a tilt and an angle. Where nothing is
known of which way is up, any rotations take the place of the tilts (`camera.orientations`; ours).

p, E and what follows from them depend on the prior, the rotations, the camera and the weights of the landmarks alone.
They are computed here once, in float64, and kept: for the search (`lifting.search`), the layer (`lifting.layer`) and
plots of the cost around the circle.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Annotated, NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from lifting.camera import ROTATIONS, rotation_angles, tilted_camera, turn
from lifting.landmark_gradient import jacobian, landmark_model
from lifting.pose_prior import Gaussian, PosePrior
from lifting.solve import centre, log_determinant, mixture_score, projected_model, unwrap
from lifting.solve import free_scale as scale_column
from lifting.support.arrays import Array, check_shape, fail, to_numpy
from lifting.support.checked import Camera, Count, Positive, checked

OneWeightEach = Annotated[Float[Array, " L"] | Bool[Array, " L"], ">= 0"]


@dataclass(frozen=True, eq=False)
class TurnedPrior:
    """A prior of K Gaussians at T rotations, for one camera and one set of weights. n unknowns: J, or J + 1.

    Attributes:
        prior: the statistical model of pose.
        theta: (T,), radians; all angles at the first tilt, then all at the next.
        tilts: (P,), the tilts of the finite set, radians, or (P, 3, 3), rotations; None where none are searched.
        free_scale: whether the scale is solved for; it is then the first unknown.
        weights: (L,), how much each landmark counts; None where all count alike.
        camera: (3, 3), the known rotation of the camera, which comes after the tilt; None where it is level.
        cameras: the camera after the tilt: (T, 3, 3), of every rotation, where tilts are searched, else `camera`.
        p: (K, T, 2L), Pi R mu unwrapped, as `solve.centre` leaves it; 0 where the scale is free.
        D: (K, T, 2L, n), E of eq. (4), or [Pi R mu, E] where the scale is free.
        ridge: (K, n), sigma; with a 0 in front where the scale is free.
    """

    prior: PosePrior
    theta: Float[np.ndarray, " T"]
    tilts: Float[np.ndarray, "..."] | None
    free_scale: bool
    weights: Float[np.ndarray, " L"] | None
    camera: Float[np.ndarray, "3 3"] | None
    cameras: Float[np.ndarray, "*T 3 3"] | None
    p: Float[np.ndarray, "K T 2*L"]
    D: Float[np.ndarray, "K T 2*L n"]
    ridge: Float[np.ndarray, "K n"]

    def with_weights(self, weights: Float[Array, " L"], keep: bool = True) -> "TurnedPrior":
        """The same prior at the same angles, turned for other weights (L,) of the landmarks; kept for later calls."""
        make = _turn_prior if keep else _turn_prior.__wrapped__
        return make(self.prior, Rotations(self.rotations, _as_key(self.tilts), _as_key(self.camera)),
                    self.free_scale, _as_key(to_numpy(weights)))  # fmt: skip

    @property
    def rotations(self) -> int:
        """How many angles there are at every tilt."""
        return len(self.theta) // (1 if self.tilts is None else len(self.tilts))

    @property
    def pitches(self) -> Float[np.ndarray, " P"]:
        """By how much the camera looks down at the upright axis of the body, radians, at every tilt; 0 without any."""
        if self.tilts is None:
            return np.zeros(1)
        return self.tilts if self.tilts.ndim == 1 else np.arcsin(self.tilts[:, 2, 1].clip(-1, 1))

    @cached_property
    def gram(self) -> Float[np.ndarray, "K T n n"]:
        """D^T D."""
        return self.D.swapaxes(-1, -2) @ self.D

    @cached_property
    def model(self) -> tuple[Float[np.ndarray, "K T 2*L n"], Float[np.ndarray, "K T n 2*L"]]:
        """E and E_bar_t of eq. (8), as `landmark_gradient.landmark_model` gives them: for landmarks centred but not
        multiplied by the roots of their weights.
        """
        return landmark_model(self.prior.gaussian(np.s_[:, None]), self.theta, free_scale=self.free_scale,
                              weights=self.weights, camera=self.cameras)  # fmt: skip

    @cached_property
    def depth(self) -> Float[np.ndarray, "K T L n"]:
        """The third row of R e, and of R mu in front of it where the scale is free: the depth of eq. (1)'s pose."""
        mu, e, _ = self.prior.gaussian(np.s_[:, None])
        bodies = np.concatenate([mu[:, :, None], e], axis=2) if self.free_scale else e
        cameras = self.cameras if self.cameras is None or self.tilts is None else self.cameras[:, None]
        return turn(bodies, self.theta[:, None], cameras)[..., 2, :].swapaxes(-1, -2)

    def solve(
        self, y: Float[np.ndarray, "2*L"], ridge: Float[np.ndarray, "K n"] | None = None
    ) -> tuple[Float[np.ndarray, "K T n"], Float[np.ndarray, "K T"]]:
        """The unknowns of eq. (6) and the least cost of eq. (2) at every angle, for one frame.

        Args:
            y: (2L,), unwrapped landmarks as `solve.centre` gives them for these weights.
            ridge: (K, n), in the place of the prior's own.

        Raises:
            ValueError: a wrong shape, or a ridge that is negative.
        """
        ridge = self.ridge if ridge is None else ridge
        check_shape("y", y, self.p.shape[-1])
        check_shape("ridge", ridge, *self.ridge.shape)
        if (ridge < 0).any():
            fail("ridge", float(ridge.min()), "numbers >= 0")
        r = (y - self.p)[..., None]
        Dr = self.D.swapaxes(-1, -2) @ r
        # (6)  (D^T D + diag(ridge^2)) b = D^T (y - p)
        b = np.linalg.solve(self.gram + ridge[:, None, :, None] ** 2 * np.eye(ridge.shape[1]), Dr)
        # (2) at its minimum: (y - p)^T (y - p - D b)
        return b[..., 0], (r * r).sum((-1, -2)) - (Dr * b).sum((-1, -2))


@checked
def turn_prior(
    prior: PosePrior,
    rotations: Count = ROTATIONS,
    *,
    free_scale: bool = False,
    weights: OneWeightEach | None = None,
    camera: Camera | None = None,
    tilts: Float[Array, "..."] | None = None,
) -> TurnedPrior:
    """The prior at `rotations` equally spaced angles: p and E of eq. (4), and what follows; kept for later calls.

    Args:
        prior: the statistical model of pose.
        rotations: how many angles.
        free_scale: whether the scale is solved for.
        weights: (L,), how much each landmark counts; all alike where None.
        camera: (3, 3), the known rotation of the camera.
        tilts: (P,), radians, for an unknown pitch: every angle is taken at each of these pitches of a camera that looks
            down, before `camera` turns it further. Or (P, 3, 3): at each of these rotations.

    Raises:
        ValueError: no rotations, weights of another shape or negative or all 0, a camera that is no rotation, tilts
            that are not finite or none.
    """
    if tilts is not None and (tilts.shape[1:] not in ((), (3, 3)) or not tilts.size):
        fail("tilts", f"shape {tuple(tilts.shape)}", "shape (P,), radians, or (P, 3, 3), with P >= 1")
    return _turn_prior(prior, Rotations(rotations, _as_key(tilts), _as_key(camera)), free_scale, _as_key(weights))


class Rotations(NamedTuple):
    """The finite set, as a key: how many angles, at which tilts, and the camera."""

    angles: int
    tilts: "Key | None"
    camera: "Key | None"


class Key(NamedTuple):
    """An array as something that can be a key, where arrays can't."""

    shape: tuple[int, ...]
    numbers: tuple[float, ...]


def _as_key(array: np.ndarray | None) -> Key | None:
    return None if array is None else Key(np.shape(array), tuple(np.asarray(array, dtype=np.float64).ravel().tolist()))


def _from_key(key: Key | None) -> np.ndarray | None:
    return None if key is None else np.reshape(key.numbers, key.shape)


@lru_cache(maxsize=64)
def _turn_prior(prior: PosePrior, turned: Rotations, free: bool, weights: Key | None) -> TurnedPrior:
    w, tilts, C = map(_from_key, (weights, turned.tilts, turned.camera))
    theta, cameras = rotation_angles(turned.angles), C
    if tilts is not None:
        tilted = np.repeat(tilted_camera(tilts) if tilts.ndim == 1 else tilts, len(theta), axis=0)
        cameras = tilted if C is None else C @ tilted
        theta = np.tile(theta, len(tilts))
    mu, e, sigma = prior.gaussian(np.s_[:, None])
    p, D = projected_model(mu, e, theta, weights=w, camera=cameras)
    ridge = prior.sigma
    if free:
        D, ridge = scale_column(p, D, sigma)
        p, ridge = np.zeros_like(p), ridge[:, 0]
    return TurnedPrior(prior, theta, tilts, free, w, C, cameras, p, D, ridge)


class Around(NamedTuple):
    """The winner of eq. (2) for one frame, and the cost around the circle."""

    component: int
    angle: int
    """Index of the rotation: into the turned prior's theta."""
    cost: Float[np.ndarray, " T"]
    """The winning component's, at all angles; infinite where the scale is not positive."""
    pose: Float[np.ndarray, "3 L"]
    """Eq. (1) without Pi, centred: its first two rows are Y_hat, in Y's units."""
    H: Float[np.ndarray, "2*L 2*L"]
    """Eq. (8): dY_hat/dY of centred landmarks."""


@checked
def search_around(Y: Float[np.ndarray, "2 L"], turned: TurnedPrior, rotations: Count, factor: Positive = 1.0) -> Around:
    """Solve eq. (2) for one frame at `rotations` of the angles, with factor * sigma in sigma's place; then (1) and (8).

    As `solve.search` and `lift`, but neither another sigma nor fewer angles have the prior turned anew: for pictures
    that follow a slider.

    Args:
        Y: (2, L), y up.
        turned: from `turn_prior`.
        rotations: how many of its angles are searched, equally spaced.
        factor: 1 is the prior as it was learned.

    Raises:
        ValueError: a wrong shape, a value that is not finite, a factor that is not positive, `rotations` that don't
            divide the number of angles, or landmarks that no rotation fits with a scale > 0.
    """
    prior, T, weights = turned.prior, turned.rotations, turned.weights
    if T % rotations:
        fail("rotations", rotations, f"a divisor of the {T} angles")
    every, sigma, n = T // rotations, factor * prior.sigma, prior.L if weights is None else weights.sum()
    unknowns, costs = turned.solve(unwrap(centre(Y, weights)), factor * turned.ridge)
    scale = unknowns[..., 0] if turned.free_scale else np.ones_like(costs)
    costs, scale = np.where(scale > 0, costs, np.inf), np.where(scale > 0, scale, 1.0)
    best = np.arange(prior.K), costs[:, ::every].argmin(axis=1) * every
    if not np.isfinite(costs[best]).any():
        fail("Y", "landmarks that no rotation fits with a scale > 0", "a person who is not upside down (y is up)")
    # Within a component the least cost wins, among components the most probable.
    log_det = log_determinant(turned.D[best][..., -prior.J :], sigma, prior.noise_variance, float(n))
    score = mixture_score(costs[best], prior.noise_variance, log_det, prior.weights, scale[best], n)
    k = int(score.argmin())
    t = int(best[1][k])
    mu, e, _ = prior.gaussian(k)
    # (1)  R (s mu + b.e), b = s a
    body = scale[k, t] * mu + np.tensordot(unknowns[k, t, -prior.J :], e, axes=1)
    camera = turned.cameras if turned.cameras is None or turned.tilts is None else turned.cameras[t]
    pose = turn(body, turned.theta[t], camera)
    model = landmark_model(Gaussian(mu, e, sigma[k]), turned.theta[t], free_scale=turned.free_scale,
                           weights=weights, camera=camera)  # fmt: skip
    return Around(k, t, costs[k], pose, jacobian(*model))


@checked
def other_valley(costs: Float[np.ndarray, " T"]) -> int:
    """The index of the lowest local minimum of a cost around the circle, eq. (2), but the global one; -1 without one.

    Raises:
        ValueError: a wrong shape or a value that is not finite.
    """
    valleys = (costs < np.roll(costs, 1)) & (costs <= np.roll(costs, -1))
    valleys[costs.argmin()] = False
    return int(np.where(valleys, costs, np.inf).argmin()) if valleys.any() else -1
