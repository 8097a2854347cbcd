"""Other ways to the gradients of eq. (3)-(9), for the ledger to compare with: plain formulas, written out once more.

Nothing here calls the functions that it is compared with. `PlainModel` is one frame's least squares of eq. (5) as dense
matrices, all NumPy float64; from it the map from landmarks to pose and its derivative follow by

- `by_svd`: the pseudo-inverse of E_bar from its singular value decomposition;
- `by_conditioning`: the same derivative as the mean of a Gaussian given some of its coordinates, which inverts a
  (2L, 2L) covariance and no E_bar (at a free scale: kriging with an unknown factor of the mean);
- `autograd`: torch differentiates `lift_plainly`, which solves the normal equations or takes `torch.linalg.pinv`;
- a complex step through `lift_plainly`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Float

from lifting.checking.gradient_check import Difference, bounded_difference, complex_step
from lifting.pose_prior import Gaussian
from lifting.support.arrays import Array

Solver = Literal["solve", "pinv"]


@dataclass(frozen=True)
class PlainModel:
    """The least squares of eq. (5) of one frame, at the rotation and component that won.

    A frame's coordinates are a vector y (2L,); n unknowns are x = b, or (s, b) where the scale is free.
    """

    D: Float[np.ndarray, "d n"]
    """From unknowns to pose: d = 2L or 3L rows, those of x and y centred over the weighted mean."""
    p: Float[np.ndarray, " d"]
    """What the pose has besides: s Pi R mu, centred in the same way; 0 where the scale is free."""
    ridge: Float[np.ndarray, " n"]
    """The weights sigma of the penalty; 0 for s."""
    weights: Float[np.ndarray, " 2L"]
    """How much each coordinate counts."""

    @property
    def mean(self) -> Float[np.ndarray, "2L 2L"]:
        """The matrix that puts the weighted mean of the landmarks in the place of every landmark."""
        L = len(self.weights) // 2
        row = self.weights[:L] / self.weights[:L].sum()
        return np.kron(np.eye(2), np.tile(row, (L, 1)))

    @property
    def observed(self) -> Float[np.ndarray, "2L n"]:
        """D for the coordinates, times the roots of their weights: E of eq. (5)."""
        return np.sqrt(self.weights)[:, None] * self.D[: len(self.weights)]

    @property
    def stacked(self) -> Float[np.ndarray, "2L+n n"]:
        """E_bar of eq. (5)."""
        return np.concatenate([self.observed, np.diag(self.ridge)])

    @property
    def observe(self) -> Float[np.ndarray, "2L 2L"]:
        """The matrix that centres a frame and multiplies it by the roots of the weights."""
        return np.sqrt(self.weights)[:, None] * (np.eye(len(self.weights)) - self.mean)


def plain_model(
    gaussian: Gaussian,
    theta: float,
    weights: Float[np.ndarray, " L"],
    camera: Float[np.ndarray, "3 3"],
    scale: float | None,
    rows: int = 2,
) -> PlainModel:
    """The `PlainModel` of one frame; `scale` None: free; `rows` 3: a 3D pose, whose z is not centred again."""
    mu, e, sigma = gaussian
    c, s = np.cos(theta), np.sin(theta)
    R = camera @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    shapes = np.concatenate([mu[None], e])
    columns = np.stack([np.ravel((R @ shape)[:rows]) for shape in shapes], axis=1)
    L = mu.shape[-1]
    for row in range(2):
        block = columns[row * L : (row + 1) * L]
        block -= np.average(block, axis=0, weights=weights)
    both = np.tile(weights, 2)
    if scale is None:
        return PlainModel(columns, np.zeros(rows * L), np.concatenate([[0.0], sigma]), both)
    return PlainModel(columns[:, 1:], scale * columns[:, 0], sigma, both)


def by_svd(model: PlainModel) -> Float[np.ndarray, "d 2L"]:
    """The derivative of the centred pose by the landmarks: D times the pseudo-inverse of E_bar by its SVD."""
    return model.D @ svd_pseudo_inverse(model.stacked)[:, : len(model.weights)] @ model.observe


def svd_pseudo_inverse(matrix: Float[np.ndarray, "m n"]) -> Float[np.ndarray, "n m"]:
    """The pseudo-inverse V S^-1 U^T of a matrix U S V^T of full column rank."""
    U, S, Vt = np.linalg.svd(matrix, full_matrices=False)
    return (Vt.T / S) @ U.T


def by_conditioning(model: PlainModel) -> Float[np.ndarray, "d 2L"]:
    """The same derivative as a conditional mean: b ~ N(0, diag(sigma)^-2), y = D b + noise of variance 1.

    E[D b | y] = C K^-1 y, with C = Cov(D b, y) and K = Cov(y). At a free scale the mean of y is s p with s unknown;
    its best estimate is w.y, w = K^-1 p / p.K^-1 p, and what is left, y - s p, is conditioned on as before.
    """
    free = model.ridge[0] == 0
    b, y_b = (matrix[:, int(free) :] for matrix in (model.D, model.observed))
    spread = 1 / model.ridge[int(free) :] ** 2
    K = (y_b * spread) @ y_b.T + np.eye(len(y_b))
    gain = np.linalg.solve(K, (y_b * spread) @ b.T).T
    if free:
        p, p_pose = model.observed[:, 0], model.D[:, 0]
        w = np.linalg.solve(K, p)
        gain = gain + np.outer(p_pose - gain @ p, w / (w @ p))
    return gain @ model.observe


def lift_plainly(model: PlainModel, y: Array, solver: Solver = "solve", *, image: bool = False) -> Array:
    """Poses (n, d) of landmarks y (n, 2L), NumPy (complex numbers too) or torch: eq. (6) and (1) at a fixed rotation.

    Args:
        model: the frame's least squares.
        y: landmarks, one frame a row.
        solver: by the normal equations, or through the library's pseudo-inverse.
        image: add the mean of the landmarks, so that x and y are image coordinates; centred otherwise.
    """
    xp: Any = torch if torch.is_tensor(y) else np
    D, p, E_bar, observe, mean = (
        xp.asarray(value) for value in (model.D, model.p, model.stacked, model.observe, model.mean)
    )
    size = len(model.weights)
    r = observe @ (y - (xp.asarray(model.p[:size]))).T
    if solver == "pinv":
        x = xp.linalg.pinv(E_bar)[:, :size] @ r
    else:
        x = xp.linalg.solve(E_bar.T @ E_bar, E_bar[:size].T @ r)
    pose = p + (D @ x).T
    if not image:
        return pose
    return xp.concatenate([pose[:, :size] + y @ mean.T, pose[:, size:]], axis=1)


def flip(y: Array) -> Array:
    """Landmarks (n, 2L) in pixels, rows counted downwards, as landmarks with y up; and back."""
    half = y.shape[1] // 2
    return (torch if torch.is_tensor(y) else np).concatenate([y[:, :half], -y[:, half:]], axis=1)


def gaussians(y: Array, height: int, width: int, sigma: float) -> Array:
    """Maps (n, L, H, W) of landmarks y (n, 2L) in pixels: the Gaussian in two dimensions, written out."""
    xp: Any = torch if torch.is_tensor(y) else np
    half = y.shape[1] // 2
    columns, rows = (xp.asarray(z) for z in pixel_grid(height, width))
    across, down = columns - y[:, :half, None, None], rows - y[:, half:, None, None]
    return xp.exp(-(across * across + down * down) / (2 * sigma**2))


def pixel_grid(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """The column and the row of every pixel, (H, W) each."""
    rows, columns = np.indices((height, width)).astype(float)
    return columns, rows


def gaussian_derivative(y: Float[np.ndarray, " 2L"], height: int, width: int, sigma: float) -> np.ndarray:
    """The exact derivative (L, 2, H, W) of each Gaussian by its own centre: (z - y) / sigma^2 times the Gaussian."""
    half = len(y) // 2
    columns, rows = pixel_grid(height, width)
    maps = gaussians(y[None], height, width, sigma)[0]
    away = np.stack([columns - y[:half, None, None], rows - y[half:, None, None]], axis=1)
    return away / sigma**2 * maps[:, None]


def gaussian_difference(y: Float[np.ndarray, " 2L"], height: int, width: int, sigma: float, delta: float) -> np.ndarray:
    """Eq. (9) as printed, (L, 2, H, W): each Gaussian moved by delta to either side, subtracted, over 2 delta."""
    half = len(y) // 2
    parts = []
    for axis in range(2):
        move = np.repeat(np.eye(2)[axis], half) * delta
        both = gaussians(np.stack([y + move, y - move]), height, width, sigma)
        parts.append((both[0] - both[1]) / (2 * delta))
    return np.stack(parts, axis=1)


def autograd(f: Callable[[torch.Tensor], torch.Tensor], x: Float[np.ndarray, "*shape"]) -> np.ndarray:
    """The Jacobian of f at x by torch: f takes one point a row, as for the differences."""
    return torch.func.jacrev(lambda point: f(point[None])[0])(torch.from_numpy(np.ascontiguousarray(x))).numpy()


# --- what the ledger compares with ------------------------------------------------------------------------------

Library = Literal["numpy", "torch"]


def as_array(library: Library, value: np.ndarray) -> Array:
    """A copy of `value` as an array of a library."""
    return torch.tensor(value) if library == "torch" else np.array(value)


EXACT = 1e-10
"""The bound on routes that are exact but for rounding: four digits above what rounding leaves."""


class Reference(NamedTuple):
    """What a route says, and how far off it may be, relative to its largest entry."""

    J: np.ndarray
    bound: float = EXACT


def from_difference(difference: Difference) -> Reference:
    """A central difference as a reference, its bound made relative."""
    return Reference(difference.J, difference.bound / float(np.abs(difference.J).max()))


Route = Callable[[Any, Library], Reference]
Map = Callable[..., Array]
"""A function of a case and of points (n, ...), one value a point."""


def exactly(by_hand: Callable[[Any], np.ndarray]) -> Route:
    """The route of a formula that is exact but for rounding."""
    return lambda case, _: Reference(by_hand(case))


def usual_routes(point: Callable[[Any], np.ndarray], f: Map, plain: Map, pinv: bool = False) -> dict[str, Route]:
    """The routes that any derivative at `point(case)` has.

    Args:
        point: where.
        f: the package's function, for the central difference.
        plain: the same written out in a way that takes NumPy (complex numbers too) and torch: for the other two.
        pinv: whether `plain` solves a linear system, and takes "pinv" to do so with the pseudo-inverse.
    """

    def by_autograd(*solver: str) -> Route:
        return exactly(lambda case: autograd(lambda x: plain(case, x, *solver), point(case)))

    def central(case: Any, library: Library) -> Reference:
        return from_difference(bounded_difference(lambda x: f(case, x), as_array(library, point(case))))

    return {
        "autograd": by_autograd(),
        **({"autograd, pinv": by_autograd("pinv")} if pinv else {}),
        "central difference": central,
        "complex step": exactly(lambda case: complex_step(lambda x: plain(case, x), point(case))),
    }
