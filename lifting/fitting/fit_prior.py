"""Learning the prior from 3D poses: headings, mean, bases and noise, then a mixture. Main paper, section 4.

The problem. Given centred poses P_i (3, L), i = 1..N, find headings theta_i and a prior (`PosePrior`) that maximise

    sum_i w_i ln sum_k weights_k max_theta N(R(theta)' P_i; mu_k, C_k),    C_k = sum_j lambda_kj e_kj e_kj' + v_k I,

with w_i how much pose i counts. Every heading is a parameter, one for each pose and component, as the main paper's
R_i are. Densities are those of `lifting.pose_prior.log_density`, on the 3L - 3 dimensions of centred poses.

For one component this is the main paper's objective. With the coefficients written out and sigma_j^2 = v / lambda_j,
-2 v ln of the joint density of (P_i, a_i) is, up to a constant,

    |P_i - R_i (mu + a_i.e)|^2 + sum_j (a_ij sigma_j)^2  +  v (D ln v + sum_j ln lambda_j),    D = 3L - 3.

(Minimised over the a_i as well, this has no minimum: lambda_j = a_ij = 0 sends it to minus infinity. They are averaged
out, which leaves the likelihood above.)

The last term is the log-determinant of diagonal covariances: the determinant is a *product* over the directions, so
its logarithm is a sum of logarithms, sum_j ln lambda_j = J ln v - 2 sum_j ln sigma_j. As printed in the main paper
the term reads "ln sum"; the likelihood asks for "sum ln".

How it is solved, each step a function below:

1. `start_by_factorisation`: a mean and headings from a rank-2 factorisation of the poses, seen from above.
2. `fit_ppca`: with the headings fixed, the best Gaussian with J bases, in closed form.
3. `align_to_prior`: with the prior fixed, the best heading of every pose.
4. `grow_basis`: 2 and 3 in turn, with one basis more each time, from 1 to J, so that what turning can explain does
   not get locked into the bases.
5. `fit_prior`: from there to a mixture of K components by EM, whose M-step is 2 and whose E-step holds 3.

Every step after the first raises the objective or leaves it as it is.
"""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from lifting.camera import rotation_angles, turn
from lifting.pose_prior import PosePrior, facing, log_density
from lifting.support.arrays import check_array, check_count, check_positive, fail

GRID = 32
"""Angles at which `align_to_prior` looks before it refines the best of them."""

NEWTON_STEPS = 6

LEAST_SPREAD = 1e-9
"""The least variance of a coefficient, as a share of the noise's: a basis that explains nothing keeps this much."""

MOST_ROUNDS_WHILE_GROWING = 3


# --- headings ----------------------------------------------------------------------------------------------------


def align_about_vertical(poses: Float[np.ndarray, "N 3 L"], mean: Float[np.ndarray, "3 L"]) -> Float[np.ndarray, " N"]:
    """The headings theta (N,) that turn the mean (3, L) best onto each of the poses (N, 3, L).

    |P - R(theta) mean|^2 is least where the inner product of P and R(theta) mean is greatest. Written out with
    R(theta) = [[c, 0, s], [0, 1, 0], [-s, 0, c]] it is  sum y y' + c A + s B,  with

        A = sum_l (x x' + z z'),   B = sum_l (x z' - z x')    (x, z of the pose; x', z' of the mean),

    and c A + s B = |(A, B)| cos(theta - atan2(B, A)): the maximum is at theta = atan2(B, A).
    """
    poses = check_array("poses", poses, 3, "L")
    mean = check_array("mean", mean, 3, poses.shape[-1])
    x, z = poses[..., 0, :], poses[..., 2, :]
    A = x @ mean[0] + z @ mean[2]
    B = x @ mean[2] - z @ mean[0]
    return np.arctan2(B, A)


def align_to_prior(
    poses: Float[np.ndarray, "N 3 L"], prior: PosePrior, start: Float[np.ndarray, "N K"] | None = None
) -> Float[np.ndarray, "N K"]:
    """The most probable heading of every pose (N, 3, L) under every component: theta (N, K).

    The pose turned back, R(theta)' P, is linear in cos theta and sin theta. So its Mahalanobis distance from mu is
    a short Fourier series, f(theta) = f0 + f1 cos theta + f2 sin theta + f3 cos 2 theta + f4 sin 2 theta, with five
    numbers for each pose and component. It is computed at 32 angles, and the best of them is refined by Newton's
    method. The answer is never worse than `start`, where that is given.
    """
    poses = _check_poses(poses, prior.L)
    f = np.stack([_heading_series(poses, prior.mu[k], prior.e[k], prior.sigma[k]) for k in range(prior.K)], axis=-1)
    grid = rotation_angles(GRID)
    waves = np.stack([np.ones(GRID), np.cos(grid), np.sin(grid), np.cos(2 * grid), np.sin(2 * grid)])
    theta = _refine(f, grid[np.argmin(np.tensordot(waves, f, axes=(0, 0)), axis=0)])
    return theta if start is None else _better(f, _refine(f, start), theta)


def _heading_series(poses: np.ndarray, mu: np.ndarray, e: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """The five numbers f0..f4 (5, N): f(theta) is v times the squared Mahalanobis distance at heading theta."""
    zero = np.zeros_like(poses[:, 0])
    x, y, z = poses[:, 0], poses[:, 1], poses[:, 2]
    # R(theta)' P - mu = V u:  u = (1, cos theta, sin theta),  V = [(0, y, 0) - mu, (x, 0, z), (-z, 0, x)]
    V = np.stack([zero, y, zero, x, zero, z, -z, zero, x], axis=1).reshape(len(poses), 3, -1)
    V[:, 0] -= mu.ravel()
    # C^-1 = (I - e' diag(lambda / (lambda + v)) e) / v, as e is orthonormal; lambda / (lambda + v) = 1 / (1 + sigma^2)
    seen = V @ e.reshape(len(e), -1).T
    Q = V @ V.transpose(0, 2, 1) - seen / (1 + sigma**2) @ seen.transpose(0, 2, 1)
    # u' Q u, with cos^2 = (1 + cos 2 theta) / 2 and so on
    half_sum, half_difference = (Q[:, 1, 1] + Q[:, 2, 2]) / 2, (Q[:, 1, 1] - Q[:, 2, 2]) / 2
    return np.stack([Q[:, 0, 0] + half_sum, 2 * Q[:, 0, 1], 2 * Q[:, 0, 2], half_difference, Q[:, 1, 2]])


def _value(f: np.ndarray, theta: np.ndarray) -> np.ndarray:
    c, s = np.cos(theta), np.sin(theta)
    return f[0] + f[1] * c + f[2] * s + f[3] * (c * c - s * s) + 2 * f[4] * c * s


def _refine(f: np.ndarray, theta: np.ndarray) -> np.ndarray:
    """Newton's method on f(theta), in steps of at most one grid spacing; never worse than where it starts."""
    refined = theta
    for _ in range(NEWTON_STEPS):
        c, s = np.cos(refined), np.sin(refined)
        c2, s2 = c * c - s * s, 2 * c * s
        slope = f[2] * c - f[1] * s + 2 * (f[4] * c2 - f[3] * s2)
        curvature = -f[1] * c - f[2] * s - 4 * (f[3] * c2 + f[4] * s2)
        step = slope / np.where(curvature > 0, curvature, np.inf)
        refined = refined - np.clip(step, -2 * np.pi / GRID, 2 * np.pi / GRID)
    return _better(f, refined, theta)


def _better(f: np.ndarray, theta: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.where(_value(f, theta) < _value(f, other), theta, other)


def start_by_factorisation(
    poses: Float[np.ndarray, "N 3 L"],
) -> tuple[Float[np.ndarray, "3 L"], Float[np.ndarray, " N"]]:
    """A mean pose mu (3, L) and the headings theta (N,) of poses (N, 3, L), by a variant of Tomasi-Kanade.

    Seen from above, a pose is the 2 x L matrix of its x and z, and P_i = R_i mu + rest with 2 x 2 rotations R_i. All
    of them on top of one another are M (2N, L) = stack(R_i) mu_xz + rest. Its best rank-2 approximation is U S V'
    (two singular values). If there were no rest, and W S' V' were the decomposition of mu_xz itself, then
    sqrt(N) U = stack(R_i W). So A = sqrt(N) U has orthonormal pairs of rows already, up to one orthogonal W that all
    share; no metric upgrade is needed, unlike for Tomasi and Kanade's camera. With a rest, each pair is replaced by
    the nearest rotation, and mu_xz = pinv(A_hat) M, which for rotations is the mean of R_i' P_i.

    W is a rotation, which only changes from where headings are counted, or a reflection. A reflection would make all
    R_i reflections too, and people don't turn into their mirror images; so it is undone by turning the sign of A's
    second column. Which of the two it is needs no anatomy: the handedness to which all pairs of A are nearer in sum.

    Raises:
        ValueError: seen from above all landmarks lie on one line.
    """
    poses = _check_poses(poses)
    N = len(poses)
    M = poses[:, [0, 2]].reshape(2 * N, -1)
    U, S, _ = np.linalg.svd(M, full_matrices=False)
    if S.size < 2 or S[1] < 1e-9 * S[0] or S[0] == 0:
        fail("poses", "landmarks on one line, seen from above", "poses with width and depth")
    A = np.sqrt(N) * U[:, :2].reshape(N, 2, 2)
    # <A_i, R> is greatest at hypot(a + d, b - c) over the rotations [[cos, sin], [-sin, cos]],
    # and at hypot(a - d, b + c) over the reflections.
    (a, b), (c, d) = A[:, 0].T, A[:, 1].T
    if np.hypot(a - d, b + c).sum() > np.hypot(a + d, b - c).sum():
        b, d = -b, -d
    theta = np.arctan2(b - c, a + d)
    # mu_xz = pinv(A_hat) M, and mu_y is the mean y: together the mean of R_i' P_i
    return turn(poses, -theta).mean(axis=0), theta


# --- one Gaussian ------------------------------------------------------------------------------------------------


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
    larger of the two, and lambda_j = max(l_j - v, 0) (kept above 0 by a billionth of v, so that sigma is finite).

    Args:
        poses: in metres; centred here.
        bases: J, from 1 to 3L - 4.
        frame_weights: how much each pose counts; all the same if not given. Only their ratios matter.
        noise_floor: the least standard deviation of the noise of a coordinate, in metres.
        landmarks: their names, for the prior.
    """
    poses = _check_poses(poses)
    J = _check_bases(bases, poses.shape[-1])
    w = _check_frame_weights(frame_weights, len(poses))
    check_positive("noise_floor", noise_floor)
    mu, S = _moments(poses, w)
    return _join([_gaussian(mu, S, J, noise_floor**2)], np.ones(1), landmarks)


class _Gaussian(NamedTuple):
    """One component, as PosePrior has it but for the weight."""

    mu: np.ndarray
    e: np.ndarray
    sigma: np.ndarray
    noise_variance: float


def _moments(poses: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The weighted mean (3, L) and covariance (3L, 3L) of poses."""
    share = w / w.sum()
    mu = np.einsum("n,ncl->cl", share, poses)
    d = (poses - mu).reshape(len(poses), -1)
    return mu, (d * share[:, None]).T @ d


def _gaussian(mu: np.ndarray, S: np.ndarray, J: int, floor: float) -> _Gaussian:
    L = mu.shape[-1]
    centring = np.kron(np.eye(3), _centred_axes(L))  # (3L, D): orthonormal axes of the space of centred poses
    values, vectors = np.linalg.eigh(centring.T @ S @ centring)
    values, vectors = values[::-1], (centring @ vectors)[:, ::-1]
    v = max(float(values[J:].mean()), floor)
    spread = np.maximum(values[:J] - v, LEAST_SPREAD * v)
    e = vectors[:, :J].T.reshape(J, 3, L)
    # The sign of an eigenvector is arbitrary. Fixing it makes equal poses give equal files.
    largest = np.take_along_axis(e.reshape(J, -1), np.abs(e).reshape(J, -1).argmax(axis=1)[:, None], axis=1)
    return _Gaussian(mu - mu.mean(axis=-1, keepdims=True), e * np.sign(largest)[..., None], np.sqrt(v / spread), v)


def _centred_axes(L: int) -> np.ndarray:
    """(L, L - 1): orthonormal columns that each sum to 0."""
    return np.linalg.qr(np.eye(L)[:, : L - 1] - 1 / L)[0]


def _join(gaussians: Sequence[_Gaussian], weights: np.ndarray, landmarks: tuple[str, ...]) -> PosePrior:
    mu, e, sigma, v = (np.stack(part) for part in zip(*gaussians, strict=True))
    return PosePrior(mu, e, sigma, v, weights / weights.sum(), landmarks)


# --- growing the bases, and the mixture --------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, eq=False)
class FittedPrior:
    """A prior, and how it was found.

    Attributes:
        prior: the prior.
        theta: (N,) the heading of each pose under its most probable component, in radians.
        component: (N,) the most probable component of each pose.
        responsibilities: (N, K) the probability of each component for each pose.
        growth: the log-likelihood (weighted mean over poses) of one Gaussian after every step of `grow_basis`, in
            nats; it never falls.
        growth_bases: the number of bases at each of those steps.
        em: the penalised log-likelihood, see `fit_prior`, after every round of EM; it never falls. Empty for K = 1.
    """

    prior: PosePrior
    theta: Float[np.ndarray, " N"]
    component: Int[np.ndarray, " N"]
    responsibilities: Float[np.ndarray, "N K"]
    growth: Float[np.ndarray, " steps"]
    growth_bases: Int[np.ndarray, " steps"]
    em: Float[np.ndarray, " rounds"]


class Growth(NamedTuple):
    """What `grow_basis` found: a prior of one component, the headings (N,), and the history of `FittedPrior`."""

    prior: PosePrior
    theta: Float[np.ndarray, " N"]
    log_likelihood: Float[np.ndarray, " steps"]
    bases: Int[np.ndarray, " steps"]


def grow_basis(
    poses: Float[np.ndarray, "N 3 L"],
    bases: int,
    *,
    frame_weights: Float[np.ndarray, " N"] | None = None,
    noise_floor: float = 1e-3,
    rounds: int = 100,
    tolerance: float = 1e-5,
    landmarks: tuple[str, ...] = (),
) -> Growth:
    """One Gaussian and the headings of poses (N, 3, L), its bases grown one by one from 1 to J. Main paper, section 4.

    With each number of bases `fit_ppca` and `align_to_prior` take turns, up to three times; with the last up to
    `rounds` times, until the log-likelihood of a pose rises by less than `tolerance` nats. Neither of the two can
    lower it, nor can one basis more. To first order, a basis along (mu_z, 0, -mu_x), in which the mean moves when it
    turns, does what a heading does: the headings take that motion up, and little of it is left to the bases.
    Arguments are those of `fit_ppca`.
    """
    poses = _check_poses(poses)
    J = _check_bases(bases, poses.shape[-1])
    w = _check_frame_weights(frame_weights, len(poses))
    rounds, tolerance = check_count("rounds", rounds), check_positive("tolerance", tolerance)
    _, theta = start_by_factorisation(poses)
    history: list[tuple[float, int]] = []
    for j in range(1, J + 1):
        before = -np.inf
        for _ in range(rounds if j == J else min(rounds, MOST_ROUNDS_WHILE_GROWING)):
            turned = turn(poses, -theta)
            prior = fit_ppca(turned, j, frame_weights=w, noise_floor=noise_floor, landmarks=landmarks)
            theta = align_to_prior(poses, prior, theta[:, None])[:, 0]
            now = float(w @ log_density(prior, turn(poses, -theta))[:, 0]) / w.sum()
            history.append((now, j))
            if now - before < tolerance:
                break
            before = now
    log_likelihood, steps = zip(*history, strict=True)
    return Growth(prior, theta, np.array(log_likelihood), np.array(steps))


def fit_prior(
    poses: Float[np.ndarray, "N 3 L"],
    bases: int,
    components: int = 1,
    *,
    frame_weights: Float[np.ndarray, " N"] | None = None,
    noise_floor: float = 1e-3,
    shrinkage: float = 10.0,
    rounds: int = 100,
    tolerance: float = 1e-5,
    seed: int = 0,
    landmarks: tuple[str, ...] = (),
    left: Sequence[int] = (),
    right: Sequence[int] = (),
) -> FittedPrior:
    """Learn a prior of K components with J bases each from poses (N, 3, L). Main paper, section 4.

    One Gaussian is grown first (`grow_basis`). For K > 1 its aligned poses are split by k-means, and EM goes on from
    there (Tipping and Bishop, "Mixtures of probabilistic principal component analyzers", 1999), each round being:

        E-step, 1:  theta_ik = the most probable heading of pose i under component k
        E-step, 2:  r_ik = weights_k N_ik / sum_m weights_m N_im,   N_ik = N(R(theta_ik)' P_i; mu_k, C_k)
        M-step:     weights_k, mu_k and C_k from the poses turned back, pose i counting w_i r_ik

    A component that shrank onto a few poses would have a likelihood without bound. Two things keep it from that:
    the noise's floor, and `shrinkage` = n0 imaginary poses that every component sees besides its own, of which only
    the spread S_0 about the component's mean matters, that of all poses about the single Gaussian's mean. So
    what never falls is the penalised mean log-likelihood

        1/N [ sum_i w_i ln sum_k weights_k N_ik + n0 sum_k (ln weights_k - 1/2 ln det C_k - 1/2 tr(C_k^-1 S_0)) ],

    the w_i made to sum to N, where the determinant and the inverse are those on centred poses. Its M-step is
    weights_k = (n_k + n0) / (N + K n0) with n_k = sum_i w_i r_ik, mu_k the weighted mean, and `fit_ppca`'s solution
    for the covariance (n_k S_k + n0 S_0) / (n_k + n0).

    All components have J bases. A component that doesn't need all of them gives the rest a variance near 0.

    Args:
        poses: in metres, y up, at any headings; centred here. Any landmarks will do.
        bases: J, from 1 to 3L - 4.
        components: K, at most the number of poses.
        frame_weights: w, how much each pose counts; all the same if not given. Only their ratios matter.
        noise_floor: the least standard deviation of the noise of a coordinate, in metres.
        shrinkage: n0 > 0, used for K > 1 only.
        rounds: at most so many rounds of EM, and of `grow_basis` with all bases.
        tolerance: stop when a round raises the log-likelihood of a pose by less than this, in nats.
        seed: of the k-means that splits the poses.
        landmarks: their names, for the prior.
        left: indices of landmarks on the left; where they and `right` are given, the means are turned to face +z.
        right: indices of landmarks on the right.

    Returns:
        The prior, its components in order of falling weight, with headings and histories.
    """
    poses = _check_poses(poses)
    K = check_count("components", components)
    if len(poses) < K:
        fail("components", K, f"at most the {len(poses)} poses")
    check_positive("shrinkage", shrinkage)
    w = _check_frame_weights(frame_weights, len(poses))
    growth = grow_basis(
        poses, bases, frame_weights=w, noise_floor=noise_floor, rounds=rounds, tolerance=tolerance, landmarks=landmarks
    )
    prior, theta, em = growth.prior, growth.theta[:, None], np.zeros(0)
    responsibilities = np.ones((len(poses), 1))
    if K > 1:
        model = _Mixture(poses, w, bases, noise_floor**2, shrinkage, growth, landmarks)
        prior, theta, responsibilities, em = model.run(_k_means(growth, poses, w, K, seed), rounds, tolerance)
    if len(left) or len(right):
        prior, theta = _face_viewer(prior, theta, left, right)
    component = responsibilities.argmax(axis=1)
    theta = np.take_along_axis(theta, component[:, None], axis=1)[:, 0] % (2 * np.pi)
    return FittedPrior(prior, theta, component, responsibilities, growth.log_likelihood, growth.bases, em)


class _Mixture:
    """EM for a mixture; see `fit_prior`."""

    def __init__(
        self,
        poses: np.ndarray,
        w: np.ndarray,
        bases: int,
        floor: float,
        shrinkage: float,
        growth: Growth,
        landmarks: tuple[str, ...],
    ):
        self.poses, self.w, self.bases, self.floor = poses, w * len(w) / w.sum(), bases, floor
        self.n0, self.landmarks = shrinkage, landmarks
        self.theta = growth.theta
        _, self.S_0 = _moments(turn(poses, -growth.theta), w)

    def run(
        self, responsibilities: np.ndarray, rounds: int, tolerance: float
    ) -> tuple[PosePrior, np.ndarray, np.ndarray, np.ndarray]:
        """EM from given responsibilities (N, K): the prior, headings and responsibilities (N, K), and the history."""
        theta = np.repeat(self.theta[:, None], responsibilities.shape[1], axis=1)
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
        gaussians, weights = [], []
        for k in range(responsibilities.shape[1]):
            share = self.w * responsibilities[:, k]
            n_k = share.sum()
            mu, S = _moments(turn(self.poses, -theta[:, k]), share)
            S = (n_k * S + self.n0 * self.S_0) / (n_k + self.n0)
            gaussians.append(_gaussian(mu, S, self.bases, self.floor))
            weights.append(n_k + self.n0)
        return _join(gaussians, np.array(weights), self.landmarks)

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


def _k_means(growth: Growth, poses: np.ndarray, w: np.ndarray, K: int, seed: int) -> np.ndarray:
    """Responsibilities (N, K), each 0 or 1: k-means of the aligned poses, from centres drawn far apart (k-means++)."""
    rng = np.random.default_rng(seed)
    points = turn(poses, -growth.theta).reshape(len(poses), -1)
    centres = points[[rng.choice(len(points), p=w / w.sum())]]
    while len(centres) < K:
        chance = w * _squared_distances(points, centres).min(axis=1)
        if chance.sum() == 0:
            fail("components", K, f"at most as many as there are different poses, {len(centres)}")
        centres = np.concatenate([centres, points[[rng.choice(len(points), p=chance / chance.sum())]]])
    for _ in range(50):
        member = np.eye(K)[_squared_distances(points, centres).argmin(axis=1)]
        mass = (w[:, None] * member).sum(axis=0)
        means = (w[:, None] * member).T @ points / np.maximum(mass, np.finfo(float).tiny)[:, None]
        centres = np.where(mass[:, None] > 0, means, centres)
    return 0.99 * member + 0.01 / K


def _squared_distances(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    return np.stack([np.square(points - centre).sum(axis=1) for centre in centres], axis=1)


def _face_viewer(
    prior: PosePrior, theta: np.ndarray, left: Sequence[int], right: Sequence[int]
) -> tuple[PosePrior, np.ndarray]:
    """The prior with its means facing +z, and the headings (N, K) counted from there."""
    by = facing(prior.mu, left, right)
    return dataclasses.replace(prior, mu=turn(prior.mu, by), e=turn(prior.e, by[:, None])), theta - by


# --- checks ------------------------------------------------------------------------------------------------------


def _check_poses(poses: np.ndarray, landmarks: int | str = "L") -> np.ndarray:
    poses = np.asarray(check_array("poses", poses, 3, landmarks), dtype=np.float64)
    if poses.ndim != 3 or len(poses) < 2 or poses.shape[-1] < 2:
        fail("poses", f"shape {poses.shape}", "shape (N, 3, L) with N >= 2 poses of L >= 2 landmarks")
    return poses - poses.mean(axis=-1, keepdims=True)


def _check_bases(bases: int, L: int) -> int:
    J = check_count("bases", bases)
    if J > 3 * L - 4:
        fail("bases", J, f"at most 3L - 4 = {3 * L - 4}, for {L} landmarks")
    return J


def _check_frame_weights(frame_weights: np.ndarray | None, N: int) -> np.ndarray:
    if frame_weights is None:
        return np.ones(N)
    w = np.asarray(check_array("frame_weights", frame_weights, "N"), dtype=np.float64)
    if w.shape != (N,):
        fail("frame_weights", f"shape {w.shape}", f"shape ({N},), one weight a pose")
    if w.min() < 0 or w.max() <= 0:
        fail("frame_weights", f"weights from {w.min():.3g} to {w.max():.3g}", "weights >= 0, not all 0")
    return w
