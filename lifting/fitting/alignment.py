"""Headings of poses: from a rank-2 factorisation, about a mean pose, under a prior. Steps 1 and 3 of `fit_prior`."""

import numpy as np
from jaxtyping import Float

from lifting.camera import rotation_angles, turn
from lifting.pose_prior import PosePrior
from lifting.solve import centre
from lifting.support.arrays import check_array, fail, to_constant
from lifting.support.checked import checked

GRID = 32
"""Angles at which `align_to_prior` looks before it refines the best of them."""

NEWTON_STEPS = 6


@checked
def align_about_vertical(poses: Float[np.ndarray, "N 3 L"], mean: Float[np.ndarray, "3 L"]) -> Float[np.ndarray, " N"]:
    """The headings theta (N,) that turn the mean (3, L) best onto each of the poses (N, 3, L).

    |P - R(theta) mean|^2 is least where the inner product of P and R(theta) mean is greatest. Written out with
    R(theta) = [[c, 0, s], [0, 1, 0], [-s, 0, c]] it is  sum y y' + c A + s B,  with

        A = sum_l (x x' + z z'),   B = sum_l (x z' - z x')    (x, z of the pose; x', z' of the mean),

    and c A + s B = |(A, B)| cos(theta - atan2(B, A)): the maximum is at theta = atan2(B, A).

    Raises:
        ValueError: a wrong shape or a value that is not finite.
    """
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

    Raises:
        ValueError: fewer than 2 poses, a wrong shape or a value that is not finite.
    """
    poses = check_poses(poses, prior.L)
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
    poses = check_poses(poses)
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


def check_poses(poses: np.ndarray, landmarks: int | str = "L") -> np.ndarray:
    """Poses (N, 3, L) as float64, centred; refused where they are fewer than 2 or have fewer than 2 landmarks."""
    poses = to_constant("poses", check_array("poses", poses, 3, landmarks)).astype(np.float64)
    if poses.ndim != 3 or len(poses) < 2 or poses.shape[-1] < 2:
        fail("poses", f"shape {poses.shape}", "shape (N, 3, L) with N >= 2 poses of L >= 2 landmarks")
    return centre(poses)
