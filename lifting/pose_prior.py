"""The prior over 3D poses: a mixture of Gaussians, each spread along a few bases (PPCA).

Main paper, section 4. Component k of the mixture makes a pose of L landmarks as

    pose = R(theta) (mu_k + a . e_k) + noise,    a_j ~ N(0, lambda_kj),    noise ~ N(0, v_k) per coordinate,

where R(theta) turns about the vertical (y) axis and any heading theta is as likely as any other. Equation (2)
never sees lambda itself. It sees the weights sigma_kj = sqrt(v_k / lambda_kj): an *inverse* standard deviation
in units of the noise. A large sigma forbids its basis, a small one lets it move freely.

Where a pose is in space is no part of the model. Poses, mu and e are centred, so each of their three rows sums
to 0, and the noise is centred as well: it has v_k as its variance in every one of the D = 3L - 3 directions that
are left, and none in the other three.
"""

import dataclasses
import os
from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from lifting.camera import turn
from lifting.support.arrays import Array, check_array, check_count, check_floating, fail, like, namespace, to_constant
from lifting.support.checked import checked
from lifting.support.files import data_path, load_npz, save_npz

TOLERANCE = 1e-6
"""How far from exact centring, orthonormality and a sum of 1 the arrays of a prior may be."""

FIELDS = ("mu", "e", "sigma", "noise_variance", "weights")


class Gaussian(NamedTuple):
    """One or several Gaussians of the mixture as eq. (2) sees them: mean pose, bases, weights of the penalty."""

    mu: Float[Array, "*batch 3 L"]
    e: Float[Array, "*batch J 3 L"]
    sigma: Annotated[Float[Array, "*batch J"], ">= 0"]


@dataclasses.dataclass(frozen=True, eq=False)
class PosePrior:
    """A mixture of K Gaussians over poses of L landmarks, each with J bases. Main paper, section 4.

    The arrays are copied to float64 and made read-only. What doesn't fit raises ValueError. A prior equals itself
    alone and is hashed by identity, so that what is computed from it once can be kept.

    Attributes:
        mu: (K, 3, L) the mean poses, centred, in metres, y up, facing +z (towards the viewer).
        e: (K, J, 3, L) the bases: centred, and orthonormal as J rows of 3L numbers.
        sigma: (K, J) the weights of equation (2), sqrt(v / lambda_j) > 0, without unit.
        noise_variance: (K,) v, the variance of the noise of a coordinate, in m^2, > 0.
        weights: (K,) the probability of each component, > 0; they sum to 1.
        landmarks: the names of the L landmarks in their order; empty where they have none.
    """

    mu: Float[np.ndarray, "K 3 L"]
    e: Float[np.ndarray, "K J 3 L"]
    sigma: Float[np.ndarray, "K J"]
    noise_variance: Float[np.ndarray, " K"]
    weights: Float[np.ndarray, " K"]
    landmarks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for field in FIELDS:
            array = np.array(to_constant(field, check_floating(field, getattr(self, field))), dtype=np.float64)
            array.setflags(write=False)
            object.__setattr__(self, field, array)
        object.__setattr__(self, "landmarks", tuple(str(name) for name in self.landmarks or ()))
        _check_shapes(self)
        for field in FIELDS:
            check_array(field, getattr(self, field))
        _check_values(self)

    @property
    def component_variance(self) -> Float[np.ndarray, "K J"]:
        """The variance lambda (K, J) = v / sigma^2 of every coefficient a_j, in m^2."""
        return self.noise_variance[:, None] / self.sigma**2

    @property
    def K(self) -> int:  # noqa: N802 (the paper's symbol)
        """The number of components of the mixture."""
        return self.mu.shape[0]

    @property
    def J(self) -> int:  # noqa: N802 (the paper's symbol)
        """The number of bases of a component."""
        return self.e.shape[1]

    @property
    def L(self) -> int:  # noqa: N802 (the paper's symbol)
        """The number of landmarks."""
        return self.mu.shape[2]

    def gaussian(self, index: Any) -> Gaussian:
        """The Gaussians at `index`: the number of a component, an array of numbers, or any index of NumPy's.

        `np.s_[:, None]` gives all K, ready to be met with T angles: mu is then (K, 1, 3, L). The arrays are
        read-only views, or copies where `index` is an array.

        Raises:
            IndexError: there is no such component.
        """
        return Gaussian(self.mu[index], self.e[index], self.sigma[index])

    def subset(self, *, bases: int | None = None, components: Sequence[int] | None = None) -> "PosePrior":
        """The prior with its first `bases` bases only, or some `components` only (their weights made to sum to 1).

        The variance of a basis that goes is not lost, it becomes noise, in the way of PPCA: the new v is the mean
        variance of the directions that have no basis any more. A prior of J bases that was fitted by `fit_ppca`
        thus turns into the one that a fit with fewer bases would have found.
        """
        kept = (
            list(range(self.K)) if components is None else [_check_index("components", k, self.K) for k in components]
        )
        if not kept or len(set(kept)) < len(kept):
            fail("components", list(components or []), "at least one component, each of them once")
        J = self.J if bases is None else check_count("bases", bases)
        if J > self.J:
            fail("bases", J, f"at most the prior's {self.J}")
        v, spread = self.noise_variance[kept], self.component_variance[kept]
        v_new = v + spread[:, J:].sum(axis=1) / (3 * self.L - 3 - J)
        spread_new = spread[:, :J] + (v - v_new)[:, None]
        if np.any(spread_new <= 0):
            fail("bases", J, "bases in order of falling variance, so that the first are worth keeping")
        weights = self.weights[kept] / self.weights[kept].sum()
        sigma = np.sqrt(v_new[:, None] / spread_new)
        return PosePrior(self.mu[kept], self.e[kept, :J], sigma, v_new, weights, self.landmarks)


def check_prior(prior: PosePrior) -> PosePrior:
    """`prior`, refused where it is something else, such as the name of its file."""
    if not isinstance(prior, PosePrior):
        fail("prior", type(prior).__name__, "a PosePrior, as from load_prior")
    return prior


def _check_index(argument: str, value: int, length: int) -> int:
    index = check_count(argument, value, least=0)
    if index >= length:
        fail(argument, index, f"an index from 0 to {length - 1}")
    return index


def _check_shapes(prior: PosePrior) -> None:
    if prior.e.ndim != 4 or prior.e.shape[2] != 3 or 0 in prior.e.shape:
        fail("e", f"shape {prior.e.shape}", "shape (K, J, 3, L)")
    K, J, _, L = prior.e.shape
    wanted = {"mu": (K, 3, L), "sigma": (K, J), "noise_variance": (K,), "weights": (K,)}
    for field, shape in wanted.items():
        if getattr(prior, field).shape != shape:
            fail(field, f"shape {getattr(prior, field).shape}", f"shape {shape}, to go with e of shape {prior.e.shape}")
    if J > 3 * L - 4:
        fail("e", f"{J} bases", f"at most 3L - 4 = {3 * L - 4}: one direction at least is left to the noise")
    if prior.landmarks and (len(prior.landmarks) != L or len(set(prior.landmarks)) != L):
        fail("landmarks", prior.landmarks, f"{L} different names, or none")


def _check_values(prior: PosePrior) -> None:
    for field in ("sigma", "noise_variance", "weights"):
        least = getattr(prior, field).min()
        if least <= 0:
            fail(field, f"{least:.3g}", "numbers > 0")
    total = prior.weights.sum()
    if abs(total - 1) > TOLERANCE:
        fail("weights", f"a sum of {total:.9g}", "a sum of 1")
    for field in ("mu", "e"):
        largest = np.abs(getattr(prior, field).mean(axis=-1)).max()
        if largest > TOLERANCE:
            fail(field, f"rows whose mean is up to {largest:.3g}", "centred rows: the mean over the landmarks is 0")
    rows = prior.e.reshape(prior.K, prior.J, -1)
    error = np.abs(rows @ rows.transpose(0, 2, 1) - np.eye(prior.J)).max()
    if error > TOLERANCE:
        fail("e", f"rows whose inner products are up to {error:.3g} off", "orthonormal bases")


class Sample(NamedTuple):
    """Poses drawn from a prior, and what they were made of."""

    poses: Float[np.ndarray, "n 3 L"]
    components: Int[np.ndarray, " n"]
    coefficients: Float[np.ndarray, "n J"]
    theta: Float[np.ndarray, " n"]


def sample(
    prior: PosePrior, n: int, rng: np.random.Generator, headings: Sequence[float] | None = None, noise: bool = True
) -> Sample:
    """Draw n poses (n, 3, L), in metres, with their components (n,), coefficients a (n, J) and headings theta (n,).

    The headings are uniform on the circle, or drawn from the given angles, in radians. [0.] keeps the poses as the
    prior has them. Without `noise` the poses lie in the span of the bases.

    Raises:
        ValueError: n below 1, or headings that are no angles.
    """
    check_count("n", n)
    if not isinstance(rng, np.random.Generator):
        fail("rng", type(rng).__name__, "a generator, as from np.random.default_rng")
    k = np.asarray(rng.choice(prior.K, size=n, p=prior.weights / prior.weights.sum()))
    a = rng.standard_normal((n, prior.J)) * np.sqrt(prior.component_variance[k])
    pose = prior.mu[k] + np.einsum("nj,njcl->ncl", a, prior.e[k])
    if noise:
        error = rng.standard_normal(pose.shape) * np.sqrt(prior.noise_variance[k])[:, None, None]
        pose = pose + error - error.mean(axis=-1, keepdims=True)
    angles = None if headings is None else check_array("headings", headings, "angles")
    theta = rng.uniform(0, 2 * np.pi, n) if angles is None else rng.choice(angles, size=n)
    return Sample(turn(pose, theta), k, a, theta)


@checked
def log_density(prior: PosePrior, poses: Float[Array, "*batch 3 L"]) -> Float[Array, "*batch K"]:
    """The density ln N(pose; mu_k, C_k) of every pose (..., 3, L) under every component: (..., K).

    Poses are taken at the heading that they have, that is for R = I, and are centred first. The density is the one
    on the space of centred poses, which has D = 3L - 3 dimensions, in metres along orthonormal axes of that space;
    it is per m^D. There C_k = sum_j lambda_kj e_kj e_kj' + v_k I, so that with d = pose - mu_k and b = e_k d

        ln N = -1/2 (D ln 2 pi + ln det C_k + (|d|^2 - sum_j b_j^2 lambda_kj / (lambda_kj + v_k)) / v_k),
        ln det C_k = sum_j ln(lambda_kj + v_k) + (D - J) ln v_k.

    Weights of the components are not in it. Takes NumPy arrays and torch tensors.

    Raises:
        ValueError: poses of another number of landmarks, or not finite.
    """
    d, b = _residual(prior, poses)
    xp = namespace(d)
    D = 3 * prior.L - 3
    spread, v = prior.component_variance, prior.noise_variance[:, None]
    ln_det = np.log(spread + v).sum(axis=1) + (D - prior.J) * np.log(prior.noise_variance)
    explained = xp.sum(b**2 * like(spread / (spread + v), d), axis=-1)
    mahalanobis = (xp.sum(d**2, axis=(-2, -1)) - explained) / like(prior.noise_variance, d)
    return -0.5 * (like(D * np.log(2 * np.pi) + ln_det, d) + mahalanobis)


@checked
def log_likelihood(prior: PosePrior, poses: Float[Array, "*batch 3 L"]) -> Float[Array, "*batch"]:
    """The log-likelihood ln sum_k weights_k N(pose; mu_k, C_k) of poses (..., 3, L) as they are turned: (...).

    The density is that of `log_density`, which says over which space. Sum the answer over poses for the
    log-likelihood of them all. Takes NumPy arrays and torch tensors.

    Raises:
        ValueError: poses of another number of landmarks, or not finite.
    """
    joint = _joint(prior, poses)
    xp = namespace(joint)
    # ln sum exp, the largest term taken out so that none overflows.
    largest = xp.max(joint, axis=-1, keepdims=True)
    return largest[..., 0] + xp.log(xp.sum(xp.exp(joint - largest), axis=-1))


class Posterior(NamedTuple):
    """What a 3D pose tells of the component and of the coefficients that made it.

    The covariance of a given the pose and the component is the diagonal matrix with `variance` on its diagonal.
    """

    mean: Float[Array, "*batch K J"]
    variance: Float[Array, "K J"]
    responsibilities: Float[Array, "*batch K"]


@checked
def posterior(prior: PosePrior, pose: Float[Array, "*batch 3 L"]) -> Posterior:
    """The distribution of component and coefficients given 3D poses (..., 3, L) at the heading that they have.

    Given component k, and as e_k is orthonormal, a_j is Gaussian by itself, with b = e_k (pose - mu_k):
    mean b_j lambda_j / (lambda_j + v) = b_j / (1 + sigma_j^2), variance lambda_j v / (lambda_j + v).
    Poses are centred first. Takes NumPy arrays and torch tensors.

    Raises:
        ValueError: poses of another number of landmarks, or not finite.
    """
    d, b = _residual(prior, pose)
    spread, v = prior.component_variance, prior.noise_variance[:, None]
    mean = b * like(spread / (spread + v), d)
    joint = _joint(prior, pose)
    xp = namespace(joint)
    share = xp.exp(joint - xp.max(joint, axis=-1, keepdims=True))
    return Posterior(mean, like(spread * v / (spread + v), d), share / xp.sum(share, axis=-1, keepdims=True))


def move_along(prior: PosePrior, basis: int, deviations: float, component: int = 0) -> Float[np.ndarray, "3 L"]:
    """The pose mu + a_j e_j (3, L), in metres, where a_j is `deviations` times its standard deviation sqrt(lambda_j).

    Args:
        prior: the prior.
        basis: j, counted from 0.
        deviations: how far to go, in standard deviations, with either sign.
        component: k, counted from 0.

    Raises:
        ValueError: no such basis or component, or `deviations` is not finite.
    """
    k, j = _check_index("component", component, prior.K), _check_index("basis", basis, prior.J)
    check_array("deviations", deviations)
    # a_j ~ N(0, lambda_j), lambda_j = v / sigma_j^2
    return prior.mu[k] + deviations * np.sqrt(prior.component_variance[k, j]) * prior.e[k, j]


def rebuild(
    prior: PosePrior, pose: Float[np.ndarray, "3 L"], bases: int, component: int = 0
) -> Float[np.ndarray, "3 L"]:
    """The pose mu + a.e (3, L), in metres, that the first `bases` bases make most probable given a 3D `pose` (3, L).

    The pose is taken at the heading that it has. Bases that are left out become noise, as `PosePrior.subset` says. For
    each basis that stays, a_j = (e_j, pose - mu) / (1 + sigma_j^2).

    Raises:
        ValueError: a wrong shape, more bases than the prior has, or no such component.
    """
    if np.shape(pose) != (3, prior.L):
        fail("pose", f"shape {np.shape(pose)}", f"shape (3, {prior.L})")
    few = prior.subset(bases=bases, components=[_check_index("component", component, prior.K)])
    return few.mu[0] + np.tensordot(posterior(few, pose).mean[0], few.e[0], axes=1)


def _residual(prior: PosePrior, poses: Array) -> tuple[Array, Array]:
    """Return d = pose - mu_k (..., K, 3, L) for the centred poses and its coordinates b = e_k d (..., K, J)."""
    xp = namespace(poses)
    d = (poses - xp.mean(poses, axis=-1, keepdims=True))[..., None, :, :] - like(prior.mu, poses)
    rows = like(prior.e.reshape(prior.K, prior.J, 3 * prior.L), poses)
    b = (rows @ xp.reshape(d, (*d.shape[:-2], 3 * prior.L, 1)))[..., 0]
    return d, b


def _joint(prior: PosePrior, poses: Array) -> Array:
    density = log_density(prior, poses)
    return density + like(np.log(prior.weights), density)


@checked
def facing(
    mu: Float[np.ndarray, "*batch 3 L"], left: Sequence[int], right: Sequence[int]
) -> Float[np.ndarray, "*batch"]:
    """The angles (...) by which to turn poses (..., 3, L) to make them face +z, towards the viewer.

    A pose faces +z when the line from its right landmarks to its left ones, each side's mean taken, points to +x
    as seen from above. `left` and `right` are indices of landmarks.

    Raises:
        ValueError: an index of no landmark, or a line without direction: the two sides lie above one another.
    """
    sides = []
    for argument, side in (("left", left), ("right", right)):
        if not len(side) or not all(0 <= check_count(argument, i, least=0) < mu.shape[-1] for i in side):
            fail(argument, list(side), f"indices of landmarks, from 0 to {mu.shape[-1] - 1}")
        sides.append(mu[..., list(side)].mean(axis=-1))
    line = sides[0] - sides[1]
    if np.any(np.hypot(line[..., 0], line[..., 2]) < 1e-9 * np.abs(mu).max()):
        fail("mu", "left and right landmarks above one another", "a mean whose left and right are apart")
    # R(theta) (x, z) has the depth c z - s x, which is 0, with x' > 0, at the angle of (x, z).
    return np.arctan2(line[..., 2], line[..., 0])


def face_viewer(prior: PosePrior, left: Sequence[int], right: Sequence[int]) -> PosePrior:
    """The same prior with every component turned so that its mean faces +z; see `facing`.

    As every heading is equally likely, this changes nothing but the angle at which a pose is said to be seen.
    """
    theta = facing(prior.mu, left, right)
    return dataclasses.replace(prior, mu=turn(prior.mu, theta), e=turn(prior.e, theta[:, None]))


def load_older_mixture() -> PosePrior:
    """The prior that the shipped network was trained with, five Gaussians with 25 bases each: see `data/prior.md`."""
    return load_prior(data_path("prior_mixture.npz"))


def load_prior(path: str | os.PathLike[str] | None = None) -> PosePrior:
    """The prior in the `.npz` file at `path`, or the embedded one, learned from real motion capture.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file can't be read, is of another kind, or holds no valid prior.
    """
    arrays: dict[str, Any] = load_npz(data_path("prior.npz") if path is None else path, (*FIELDS, "landmarks"))
    arrays["landmarks"] = np.atleast_1d(arrays["landmarks"]).tolist()
    return PosePrior(**arrays)


def save_prior(prior: PosePrior, path: str | os.PathLike[str]) -> None:
    """Write the prior as an `.npz` file, whole or not at all; the same prior always gives the same bytes.

    Raises:
        FileNotFoundError: the folder of `path` does not exist.
        ValueError: `prior` is none, or something is at `path` that is no file.
    """
    arrays = {field: getattr(check_prior(prior), field) for field in FIELDS}
    save_npz(path, {**arrays, "landmarks": np.array(prior.landmarks, dtype=np.str_)})
