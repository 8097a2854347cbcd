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

How it is solved, each step a function of `lifting.fitting`:

1. `alignment.start_by_factorisation`: a mean and headings from a rank-2 factorisation of the poses, seen from above.
2. `ppca.fit_ppca`: with the headings fixed, the best Gaussian with J bases, in closed form.
3. `alignment.align_to_prior`: with the prior fixed, the best heading of every pose.
4. `grow_basis`: 2 and 3 in turn, with one basis more each time, from 1 to J, so that what turning can explain does
   not get locked into the bases.
5. `ppca.Mixture`: from there to a mixture of K components by EM, whose M-step is 2 and whose E-step holds 3.

Every step after the first raises the objective or leaves it as it is.
"""

import dataclasses
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, TypedDict, Unpack

import numpy as np
from jaxtyping import Float, Int

from lifting.camera import turn
from lifting.fitting.alignment import align_to_prior, check_poses, start_by_factorisation
from lifting.fitting.ppca import Mixture, check_bases, check_frame_weights, fit_ppca, k_means, moments
from lifting.pose_prior import PosePrior, face_viewer, facing, log_density
from lifting.support.arrays import check_count, check_positive, fail

MOST_ROUNDS_WHILE_GROWING = 3


class FitOptions(TypedDict, total=False):
    """What may be given to `fit_prior` by name; `FitSettings` says what each is."""

    noise_floor: float
    shrinkage: float
    rounds: int
    tolerance: float
    seed: int
    start: Float[np.ndarray, " N"] | None
    landmarks: tuple[str, ...]
    left: Sequence[int]
    right: Sequence[int]


@dataclasses.dataclass(frozen=True)
class FitSettings:
    """How `fit_prior` goes about it, and what the landmarks are.

    Attributes:
        noise_floor: the least standard deviation of the noise of a coordinate, in metres.
        shrinkage: n0 > 0, used for K > 1 only.
        rounds: at most so many rounds of EM, and of `grow_basis` with all bases.
        tolerance: stop when a round raises the log-likelihood of a pose by less than this, in nats.
        seed: of the k-means that splits the poses.
        start: headings (N,) to go on from with all bases at once, in the place of `grow_basis`; for poses made of
            others whose headings are known.
        landmarks: their names, for the prior.
        left: indices of landmarks on the left; where they and `right` are given, the means are turned to face +z.
        right: indices of landmarks on the right.
    """

    noise_floor: float = 1e-3
    shrinkage: float = 10.0
    rounds: int = 100
    tolerance: float = 1e-5
    seed: int = 0
    start: Float[np.ndarray, " N"] | None = None
    landmarks: tuple[str, ...] = ()
    left: Sequence[int] = ()
    right: Sequence[int] = ()

    def __post_init__(self) -> None:
        for name in ("noise_floor", "shrinkage", "tolerance"):
            check_positive(name, getattr(self, name))
        check_count("rounds", self.rounds)
        check_count("seed", self.seed, least=0)


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
) -> Growth:
    """One Gaussian and the headings of poses (N, 3, L), its bases grown one by one from 1 to J. Main paper, section 4.

    With each number of bases `fit_ppca` and `align_to_prior` take turns, up to three times; with the last up to
    `rounds` times, until the log-likelihood of a pose rises by less than `tolerance` nats. Neither of the two can
    lower it, nor can one basis more. To first order, a basis along (mu_z, 0, -mu_x), in which the mean moves when it
    turns, does what a heading does: the headings take that motion up, and little of it is left to the bases.
    The other arguments are those of `fit_ppca`.

    Raises:
        ValueError: what `fit_ppca` and `start_by_factorisation` refuse.
    """
    poses = check_poses(poses)
    J = check_bases(bases, poses.shape[-1])
    w = check_frame_weights(frame_weights, len(poses))
    rounds, tolerance = check_count("rounds", rounds), check_positive("tolerance", tolerance)
    _, theta = start_by_factorisation(poses)
    history: list[tuple[float, int]] = []
    for j in range(1, J + 1):
        most = rounds if j == J else min(rounds, MOST_ROUNDS_WHILE_GROWING)
        fit = partial(fit_ppca, bases=j, frame_weights=w, noise_floor=noise_floor)
        prior, theta, reached = _take_turns(poses, theta, w, fit, most, tolerance)
        history += [(now, j) for now in reached]
    log_likelihood, steps = zip(*history, strict=True)
    return Growth(prior, theta, np.array(log_likelihood), np.array(steps))


def _take_turns(
    poses: np.ndarray, theta: np.ndarray, w: np.ndarray, fit: Callable[[np.ndarray], PosePrior], most: int, least: float
) -> tuple[PosePrior, np.ndarray, list[float]]:
    """Fitting and aligning in turn, `most` times or until one gains less than `least`: prior, headings, history."""
    history: list[float] = []
    for _ in range(most):
        prior = fit(turn(poses, -theta))
        theta = align_to_prior(poses, prior, theta[:, None])[:, 0]
        history.append(float(w @ log_density(prior, turn(poses, -theta))[:, 0]) / w.sum())
        if len(history) > 1 and history[-1] - history[-2] < least:
            break
    return prior, theta, history


def _go_on(poses: np.ndarray, theta: np.ndarray, J: int, w: np.ndarray, settings: FitSettings) -> Growth:
    """What `grow_basis` gives, from known headings: all J bases at once."""
    if np.shape(theta) != (len(poses),):
        fail("start", f"shape {np.shape(theta)}", f"shape ({len(poses)},): a heading for each pose")
    fit = partial(fit_ppca, bases=check_bases(J, poses.shape[-1]), frame_weights=w, noise_floor=settings.noise_floor)
    prior, theta, reached = _take_turns(poses, theta, w, fit, settings.rounds, settings.tolerance)
    return Growth(prior, theta, np.array(reached), np.full(len(reached), J))


def fit_prior(
    poses: Float[np.ndarray, "N 3 L"],
    bases: int,
    components: int = 1,
    *,
    frame_weights: Float[np.ndarray, " N"] | None = None,
    **options: Unpack[FitOptions],
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
        options: the fields of `FitSettings`, by name.

    Returns:
        The prior, its components in order of falling weight, with headings and histories.

    Raises:
        ValueError: an argument out of its range; poses that `start_by_factorisation` refuses.
    """
    poses = check_poses(poses)
    K, settings = check_count("components", components), FitSettings(**options)
    if len(poses) < K:
        fail("components", K, f"at most the {len(poses)} poses")
    w = check_frame_weights(frame_weights, len(poses))
    growth = (
        _go_on(poses, settings.start, bases, w, settings)
        if settings.start is not None
        else grow_basis(
            poses,
            bases,
            frame_weights=w,
            noise_floor=settings.noise_floor,
            rounds=settings.rounds,
            tolerance=settings.tolerance,
        )
    )
    prior, theta, em = growth.prior, growth.theta[:, None], np.zeros(0)
    responsibilities = np.ones((len(poses), 1))
    if K > 1:
        aligned = turn(poses, -growth.theta)
        _, S_0 = moments(aligned, w)
        mixture = Mixture(poses, w * len(w) / w.sum(), S_0, settings.shrinkage, bases, settings.noise_floor**2)
        start = k_means(aligned.reshape(len(poses), -1), w, K, settings.seed)
        prior, theta, responsibilities, em = mixture.run(
            np.repeat(theta, K, axis=1), start, settings.rounds, settings.tolerance
        )
    if len(settings.left) or len(settings.right):
        theta = theta - facing(prior.mu, settings.left, settings.right)
        prior = face_viewer(prior, settings.left, settings.right)
    prior = dataclasses.replace(prior, landmarks=settings.landmarks)
    component = responsibilities.argmax(axis=1)
    theta = np.take_along_axis(theta, component[:, None], axis=1)[:, 0] % (2 * np.pi)
    return FittedPrior(prior, theta, component, responsibilities, growth.log_likelihood, growth.bases, em)
