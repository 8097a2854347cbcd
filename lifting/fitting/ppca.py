"""PPCA in closed form, and mixtures of it by EM. Steps 2 and 5 of `fit_prior`."""

import dataclasses

import numpy as np
from jaxtyping import Float
from scipy.spatial.distance import cdist

from lifting.camera import turn
from lifting.fitting.alignment import align_to_prior, check_poses
from lifting.pose_prior import Gaussian, PosePrior, log_density
from lifting.solve import centre
from lifting.support.arrays import check_array, check_count, check_positive, fail, to_constant

LEAST_SPREAD = 1e-6
"""The least variance of a coefficient, as a share of the noise's: a basis that explains nothing keeps this much."""


def fit_ppca(
    poses: Float[np.ndarray, "N 3 L"],
    bases: int,
    *,
    frame_weights: Float[np.ndarray, " N"] | None = None,
    noise_floor: float = 1e-3,
    landmarks: tuple[str, ...] = (),
) -> PosePrior:
    """The most probable Gaussian with J = `bases` bases for poses (N, 3, L) at one heading, in closed form.

    Tipping and Bishop, "Probabilistic principal component analysis" (1999): mu is the mean, e are the eigenvectors
    of the covariance with the largest eigenvalues l_1 >= l_2 >= ..., v is the mean of the other eigenvalues, and
    lambda_j = l_j - v. Centred poses have no variance in three of their 3L directions (all landmarks moving along
    x, y or z together). Those are not part of the density, so "the other eigenvalues" are the D - J that are left of
    D = 3L - 3; the mean over 3L - J would make the noise too small.

    With a floor under v the solution stays closed: the likelihood falls as v rises above its optimum, so v is the
    larger of the two, and lambda_j = max(l_j - v, 0) (kept above 0 by a millionth of v, so that sigma is finite).

    Args:
        poses: in metres; centred here.
        bases: J, from 1 to 3L - 4.
        frame_weights: how much each pose counts; all the same if not given. Only their ratios matter.
        noise_floor: the least standard deviation of the noise of a coordinate, in metres.
        landmarks: their names, for the prior.

    Raises:
        ValueError: an argument out of its range.
    """
    poses = check_poses(poses)
    J = check_bases(bases, poses.shape[-1])
    w = check_frame_weights(frame_weights, len(poses))
    check_positive("noise_floor", noise_floor)
    (mu, e, sigma), v = _most_probable(*moments(poses, w), J, noise_floor**2)
    return PosePrior(mu[None], e[None], sigma[None], np.array([v]), np.ones(1), landmarks)


def moments(
    poses: Float[np.ndarray, "N 3 L"], w: Float[np.ndarray, " N"]
) -> tuple[Float[np.ndarray, "3 L"], Float[np.ndarray, "3L 3L"]]:
    """The mean (3, L) and covariance (3L, 3L) of poses (N, 3, L) weighted by w (N,)."""
    share = w / w.sum()
    mu = np.einsum("n,ncl->cl", share, poses)
    d = (poses - mu).reshape(len(poses), -1)
    return mu, (d * share[:, None]).T @ d


def _most_probable(mu: np.ndarray, S: np.ndarray, J: int, floor: float) -> tuple[Gaussian, float]:
    """The Gaussian of `fit_ppca` for poses of mean mu and covariance S, and its v; `floor` is that of v."""
    L = mu.shape[-1]
    centring = np.kron(np.eye(3), _centred_axes(L))  # (3L, D): orthonormal axes of the space of centred poses
    values, vectors = np.linalg.eigh(centring.T @ S @ centring)
    values, vectors = values[::-1], (centring @ vectors)[:, ::-1]
    v = max(float(values[J:].mean()), floor)
    spread = np.maximum(values[:J] - v, LEAST_SPREAD * v)
    e = vectors[:, :J].T.reshape(J, 3, L)
    # The sign of an eigenvector is arbitrary. Fixing it makes equal poses give equal files.
    largest = np.take_along_axis(e.reshape(J, -1), np.abs(e).reshape(J, -1).argmax(axis=1)[:, None], axis=1)
    return Gaussian(centre(mu), e * np.sign(largest)[..., None], np.sqrt(v / spread)), v


def _centred_axes(L: int) -> np.ndarray:
    """(L, L - 1): orthonormal columns that each sum to 0."""
    return np.linalg.qr(np.eye(L)[:, : L - 1] - 1 / L)[0]


@dataclasses.dataclass(frozen=True, eq=False)
class Mixture:
    """EM for a mixture of PPCAs in which every pose has a heading under every component; see `fit_prior`.

    Attributes:
        poses: (N, 3, L), centred.
        w: (N,) how much each pose counts; they sum to N.
        S_0: (3L, 3L) the covariance of the imaginary poses.
        n0: how many imaginary poses each component sees.
        bases: J.
        floor: the least variance of the noise, m^2.
    """

    poses: Float[np.ndarray, "N 3 L"]
    w: Float[np.ndarray, " N"]
    S_0: Float[np.ndarray, "3L 3L"]
    n0: float
    bases: int
    floor: float

    def run(
        self, theta: np.ndarray, responsibilities: np.ndarray, rounds: int, tolerance: float
    ) -> tuple[PosePrior, np.ndarray, np.ndarray, np.ndarray]:
        """EM from given headings and responsibilities (N, K): the prior, both anew, and the history.

        Components come in order of falling weight. It ends after `rounds`, or where one gains less than `tolerance`.
        """
        history: list[float] = []
        for _ in range(rounds):
            prior = self.maximise(theta, responsibilities)
            theta = align_to_prior(self.poses, prior, theta)
            responsibilities, objective = self.expect(prior, theta)
            history.append(objective)
            if len(history) > 1 and history[-1] - history[-2] < tolerance:
                break
        order = np.argsort(-prior.weights, kind="stable")
        return prior.subset(components=order.tolist()), theta[:, order], responsibilities[:, order], np.array(history)

    def maximise(self, theta: np.ndarray, responsibilities: np.ndarray) -> PosePrior:
        """The M-step."""
        fits, weights = [], []
        for k in range(responsibilities.shape[1]):
            share = self.w * responsibilities[:, k]
            n_k = share.sum()
            mu, S = moments(turn(self.poses, -theta[:, k]), share)
            S = (n_k * S + self.n0 * self.S_0) / (n_k + self.n0)
            gaussian, v = _most_probable(mu, S, self.bases, self.floor)
            fits.append((*gaussian, v))
            weights.append(n_k + self.n0)
        mu, e, sigma, variance = (np.stack(field) for field in zip(*fits, strict=True))
        return PosePrior(mu, e, sigma, variance, np.array(weights) / sum(weights))

    def expect(self, prior: PosePrior, theta: np.ndarray) -> tuple[np.ndarray, float]:
        """The second half of the E-step: responsibilities (N, K), and the penalised log-likelihood of a pose."""
        turned = [turn(self.poses, -theta[:, k]) for k in range(prior.K)]
        density = [log_density(prior.subset(components=[k]), poses)[:, 0] for k, poses in enumerate(turned)]
        joint = np.stack(density, axis=1) + np.log(prior.weights)
        total = np.logaddexp.reduce(joint, axis=1)
        objective = (self.w @ total + self.n0 * self.penalty(prior)) / len(self.w)
        return np.exp(joint - total[:, None]), float(objective)

    def penalty(self, prior: PosePrior) -> float:
        """The sum over the components of ln weights_k - 1/2 ln det C_k - 1/2 tr(C_k^-1 S_0)."""
        spread, v = prior.component_variance, prior.noise_variance
        e = prior.e.reshape(prior.K, prior.J, -1)
        seen = np.einsum("kja,ab,kjb->kj", e, self.S_0, e, optimize=True)
        trace = (np.trace(self.S_0) - (seen * spread / (spread + v[:, None])).sum(axis=1)) / v
        D = 3 * prior.L - 3
        ln_det = np.log(spread + v[:, None]).sum(axis=1) + (D - prior.J) * np.log(v)
        return float(np.sum(np.log(prior.weights) - 0.5 * (ln_det + trace)))


def k_means(
    points: Float[np.ndarray, "N D"], w: Float[np.ndarray, " N"], K: int, seed: int
) -> Float[np.ndarray, "N K"]:
    """Responsibilities (N, K) for EM to start from: weighted k-means from centres drawn far apart (k-means++).

    That of its own cluster is 0.99 for each point, and 0.01 are shared by all.

    Raises:
        ValueError: fewer than K different points.
    """
    rng = np.random.default_rng(seed)
    centres = points[[rng.choice(len(points), p=w / w.sum())]]
    while len(centres) < K:
        chance = w * cdist(points, centres, "sqeuclidean").min(axis=1)
        if chance.sum() == 0:
            fail("components", K, f"at most as many as there are different poses, {len(centres)}")
        centres = np.concatenate([centres, points[[rng.choice(len(points), p=chance / chance.sum())]]])
    for _ in range(50):
        member = np.eye(K)[cdist(points, centres, "sqeuclidean").argmin(axis=1)]
        mass = (w[:, None] * member).sum(axis=0)
        means = (w[:, None] * member).T @ points / np.maximum(mass, np.finfo(float).tiny)[:, None]
        centres = np.where(mass[:, None] > 0, means, centres)
    return 0.99 * member + 0.01 / K


def check_bases(bases: int, L: int) -> int:
    """J = `bases`, refused where L landmarks have no room for so many and noise besides."""
    J = check_count("bases", bases)
    if J > 3 * L - 4:
        fail("bases", J, f"at most 3L - 4 = {3 * L - 4}, for {L} landmarks")
    return J


def check_frame_weights(frame_weights: np.ndarray | None, N: int) -> np.ndarray:
    """The weights (N,) of N poses, 1 where none are given; refused where one is negative or all are 0."""
    if frame_weights is None:
        return np.ones(N)
    w = to_constant("frame_weights", check_array("frame_weights", frame_weights, "N")).astype(np.float64)
    if w.shape != (N,):
        fail("frame_weights", f"shape {w.shape}", f"shape ({N},), one weight a pose")
    if w.min() < 0 or w.max() <= 0:
        fail("frame_weights", f"weights from {w.min():.3g} to {w.max():.3g}", "weights >= 0, not all 0")
    return w
