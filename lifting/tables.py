"""What the fast search of eq. (2) knows before it sees a frame: the tables of `lifting.search`, whose steps these are.

Made once, in float64, for a prior turned to its rotations (`lifting.turned`), and kept; in torch, or in NumPy for a few
frames. d = 2L + 1 numbers stand for a frame: its landmarks y, centred, and a constant c, which is 1 where the scale is
given and 0 where it is solved for. The T rotations are one ring of angles, or P rings, one for each tilt of the camera.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from lifting.camera import rotation
from lifting.solve import log_determinant, mixture_score
from lifting.support.arrays import Array, is_torch, namespace
from lifting.turned import TurnedPrior

TORCH, NUMPY = namespace(torch.empty(0)), namespace(np.empty(0))

CANDIDATES = 160
"""Up to this many angles are searched directly, more of them from coarse to fine."""


@dataclass(frozen=True, eq=False)
class Level:
    """One level of step 5: I intervals of coarse rotations, each cut into m finer ones; those of a ring in a row."""

    nodes: torch.Tensor
    """(I, m + 3) the rotations evaluated in every interval: its ends, those between, one beyond each."""
    beta: torch.Tensor
    """(K, I) how far the forms in the interval leave the cubic through the four nearest coarse ones."""
    V: torch.Tensor
    """(K I, 2 r, m + 3) coefficients of their costs."""
    scale: torch.Tensor
    """(K I, d, m + 3) coefficients of their scales."""


@dataclass(frozen=True, eq=False)
class Table:
    """What eq. (2) needs to know of a prior: K components, T rotations, r combinations of each family of products."""

    theta: Array
    """(T,) angles."""
    R: Array
    """(T, 3, 3) their rotations."""
    rings: int
    """P."""
    cameras: Array
    """(P, 3, 3) the camera at every tilt."""
    pitches: Array
    """(P,) by how much it looks down at the upright axis of the body, radians."""
    whiten: Array
    """(m + shifts - 1, d) from [y, c] to the m white numbers of step 2 on their ring, the first of them once more."""
    shifts: int
    """How many neighbours on the ring each number is multiplied with, itself included; even."""
    combine: tuple[Array, Array]
    """(K r, shifts / 2 * m) the combinations of the even products and of the odd ones, steps 3 and 4."""
    V: Array
    """(K, T, 2 r) coefficients of the cost at every rotation: of the even combinations, then of the odd ones."""
    maps: Array
    """(K, T, d, J + 1) from [y, c] to the scale (or 1) and the coefficients b = s a: eq. (6) at every rotation."""
    scale: Array
    """(K, T, d) the first column of `maps`."""
    body: Array
    """(K, J + 1, 3 L) from the scale and b to the pose: mu and e of every component."""
    sigma: Array
    """(K, J)."""
    rest: Array
    """(K, T) the `mixture_score` of what costs nothing at scale 1."""
    noise_variance: Array
    """(K, 1)."""
    error: Array
    """(K,) bound on the error of a cost, per unit of |h|^2."""
    strides: tuple[int, ...]
    """Of the levels of the search, coarse to fine; the last is 1."""
    finer: tuple[Level, ...]
    """The levels below the coarsest."""
    free: bool
    """Whether the scale is solved for."""
    count: float
    """The sum of the weights of the landmarks."""
    wary: bool
    """Whether winners that rounding could have decided are noted: in less than float64."""

    @property
    def xp(self) -> Any:
        """The library of the arrays, torch or NumPy, as the array API has it."""
        return TORCH if is_torch(self.theta) else NUMPY


@lru_cache(maxsize=64)
def table(turned: TurnedPrior, dtype: torch.dtype, device: torch.device) -> Table:
    """The `Table` of a turned prior, kept for later calls; it fits landmarks as `solve.centre` gives them."""
    prior, theta = turned.prior, turned.theta
    whiten, unwhiten = _whitening(turned)
    solved = [residual_forms(turned, k) for k in range(prior.K)]
    every = max(1, turned.rotations // 320)
    families = [_low_rank(unwhiten.T @ forms @ unwhiten, every, dtype) for forms, _ in solved]
    rank = max(U.shape[1] for pair in families for U, _, _ in pair)

    def widen(columns: np.ndarray) -> np.ndarray:
        return np.pad(columns, ((0, 0), (0, rank - columns.shape[1])))

    even, odd = (np.concatenate([widen(pair[i][0]).T for pair in families]) for i in (0, 1))
    V = np.stack([np.concatenate([widen(V) for _, V, _ in pair], axis=1) for pair in families])
    truncation = np.stack([np.sqrt(sum(rest for _, _, rest in pair)) for pair in families])
    error = truncation.max(-1) + 4 * torch.finfo(dtype).eps * np.linalg.norm(V, axis=-1).max(-1)
    maps = np.stack([S for _, S in solved])
    strides, shifts, rings = _strides(turned.rotations), _shifts(len(whiten)), len(theta) // turned.rotations
    weights = np.ones(prior.L) if turned.weights is None else turned.weights
    E = turned.D[..., 1:] if turned.free_scale else turned.D
    v, n = prior.noise_variance[:, None], float(weights.sum())
    log_det = log_determinant(E, prior.sigma[:, None], v, n)
    body = np.concatenate([prior.mu[:, None], prior.e], axis=1)

    def put(array: np.ndarray) -> torch.Tensor:
        return tensor(array, dtype, device)

    return Table(
        theta=put(theta), R=put(rotation(theta)), rings=rings,
        cameras=put((np.eye(3) if turned.cameras is None else turned.cameras).reshape(-1, 3, 3)[:: turned.rotations]),
        pitches=put(turned.pitches),
        whiten=put(np.concatenate([whiten, whiten[: shifts - 1]])), shifts=shifts,
        combine=(put(even), put(odd)), V=put(V),
        maps=put(np.swapaxes(maps, -1, -2)), scale=put(maps[:, :, 0]),
        body=put(body.reshape(*body.shape[:2], -1)), sigma=put(prior.sigma),
        rest=put(mixture_score(0.0 * v, v, log_det, prior.weights[:, None], 1.0 + 0.0 * v, n)),
        noise_variance=put(v), error=put(error), strides=strides, free=turned.free_scale, count=n,
        wary=dtype != torch.float64,
        finer=tuple(
            Level(torch.tensor(nodes, device=device), *(put(array) for array in arrays))
            for nodes, *arrays in (_level(V, truncation, maps[:, :, 0], rings, pair) for pair in pairwise(strides))
        ),
    )  # fmt: skip


def table_for(turned: TurnedPrior, Y: Array) -> Table:
    """The `Table` for landmarks Y, in their dtype and on their device; for NumPy's in float64, without finer levels."""
    return table(turned, Y.dtype, Y.device) if is_torch(Y) else _table_in_numpy(turned)


@lru_cache(maxsize=64)
def _table_in_numpy(turned: TurnedPrior) -> Table:
    """The arrays of the `table` in float64, not copied."""
    known = {name: value.numpy() if is_torch(value) else value
             for name, value in vars(table(turned, torch.float64, torch.device("cpu"))).items()}  # fmt: skip
    even, odd = known["combine"]
    return Table(**known | {"combine": (even.numpy(), odd.numpy())})


def precise(device: torch.device) -> torch.dtype:
    """float64, or float32 on a device that has none."""
    return torch.float32 if device.type == "mps" else torch.float64


def tensor(array: np.ndarray, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """A copy of a NumPy array on a device, cast before it gets there: the device may have no float64."""
    return torch.from_numpy(array.astype(str(dtype).removeprefix("torch."), order="C")).to(device)


def residual_forms(turned: TurnedPrior, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Step 1 for component k: A (T, d, d), symmetric, and the maps (T, J + 1, d) of eq. (6).

    The least cost of eq. (2) is [y, c]^T A [y, c], the minimum over the translation too. Where the scale is solved for,
    the last row of A gives it from y, and the last entry is minus its variance in units of the noise's, for the
    bookkeeping of `lifting.confidence`. Of few angles they are kept for later calls.
    """
    few = len(turned.theta) <= CANDIDATES
    return _kept_forms(turned, k) if few else _residual_forms(turned, k)


def _residual_forms(turned: TurnedPrior, k: int) -> tuple[np.ndarray, np.ndarray]:
    D, p, ridge, two_L = turned.D[k], turned.p[k], turned.ridge[k], turned.p.shape[-1]
    Dt = np.swapaxes(D, -1, -2)
    gram = Dt @ D + np.diag(ridge**2)
    S = np.linalg.solve(gram, Dt)  # E_bar_t
    C = np.kron(np.eye(2), _centring(turned))
    A, maps = np.zeros((len(D), two_L + 1, two_L + 1)), np.zeros((len(D), turned.prior.J + 1, two_L + 1))
    # I - E E_bar_t, on what is centred
    A[:, :-1, :-1] = C - D @ S
    if turned.free_scale:
        A[:, -1, :-1] = A[:, :-1, -1] = S[:, 0]
        A[:, -1, -1] = -np.linalg.inv(gram)[:, 0, 0]
        maps[:, :, :-1] = S
    else:
        Ap = (A[:, :-1, :-1] @ p[..., None])[..., 0]
        A[:, -1, :-1] = A[:, :-1, -1] = -Ap
        A[:, -1, -1] = (p * Ap).sum(-1)
        maps[:, 0, -1] = 1.0
        maps[:, 1:, :-1], maps[:, 1:, -1] = S, -(S @ p[..., None])[..., 0]
    return A, maps


_kept_forms = lru_cache(maxsize=16)(_residual_forms)
"""As many as five components take for a scale that is given and one that is solved for, and some more."""


def _centring(turned: TurnedPrior) -> np.ndarray:
    """The projector (L, L) onto what `solve.centre` gives for the weights of the landmarks."""
    root = np.ones(turned.prior.L) if turned.weights is None else np.sqrt(turned.weights)
    return np.diag(1.0 * (root > 0)) - np.outer(root, root) / (root @ root)


def _whitening(turned: TurnedPrior) -> tuple[np.ndarray, np.ndarray]:
    """Step 2: maps from [y, c] to h (m, d), and back (d, m). On the ring of h, numbers of x and of y take turns.

    Where the scale is given, c comes last, as a number of y, after a zero in the place of an x.
    """
    prior, C, free = turned.prior, _centring(turned), turned.free_scale
    L, rank = prior.L, round(np.trace(C))
    variance = prior.component_variance
    moment = np.zeros((2 * L, 2 * L))
    mean = np.zeros(2 * L)
    for k, (D, share) in enumerate(zip(turned.D, prior.weights, strict=True)):
        E = D[..., 1:] if free else D
        p = D[..., 0] if free else turned.p[k]
        scatter = (p.T @ p + np.einsum("tij,j,tkj->ik", E, variance[k], E, optimize=True)) / len(p)
        moment += share * (scatter + prior.noise_variance[k] * np.eye(2 * L))
        mean[L:] += 0 if free else share * p[:, L:].mean(0)
    moment -= np.outer(mean, mean)
    m = 2 * rank + (0 if free else 2)
    whiten, unwhiten = np.zeros((m, 2 * L + 1)), np.zeros((2 * L + 1, m))
    for first, rows in enumerate((slice(0, L), slice(L, 2 * L))):
        # Only what is visible and centred counts: `rank` dimensions, in each of which there is noise at least.
        values, vectors = np.linalg.eigh(C @ moment[rows, rows] @ C)
        factor = vectors[:, -rank:] * np.sqrt(values[-rank:])
        unwhiten[rows, first : 2 * rank : 2] = factor
        whiten[first : 2 * rank : 2, rows] = np.linalg.pinv(factor)
    if not free:
        whiten[:, -1] = -whiten[:, :-1] @ mean
        unwhiten[:-1, -1] = mean
        whiten[-1, -1] = unwhiten[-1, -1] = 1.0
    return whiten, unwhiten


def _low_rank(A: np.ndarray, every: int, dtype: torch.dtype) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Steps 3 and 4 for one component, even and odd: U, V with A ~ V U^T, and the square of what that leaves out.

    `every` so many rotations one is looked at.
    """
    results = []
    for i, j, weight in _products(A.shape[-1]):
        packed = A[:, i, j] * weight  # an isometry: the packed norms add up to ||A||_F
        _, singular, Ut = np.linalg.svd(packed[::every], full_matrices=False)
        keep = max(1, int((singular > max(torch.finfo(dtype).eps, 2e-14) * singular[0]).sum()))
        U = Ut[:keep].T
        V = packed @ U
        results.append((U * weight[:, None], V, ((packed - V @ U.T) ** 2).sum(-1)))
    return results


def _shifts(m: int) -> int:
    """Step 3: how many neighbours of a number on a ring of m it is multiplied with, itself included: an even number."""
    return m // 2 + 1 + (m // 2 + 1) % 2


def _products(m: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Step 3: indices i, j of the products h_i h_j and their weights: the even ones, x x and y y, and the odd, x y.

    j is i and `shift` steps along the ring. A product that stands for A_ij and A_ji has weight sqrt(2), or 1 where it
    is listed twice.
    """
    for family in (0, 1):
        i, shift = np.broadcast_arrays(np.arange(m), np.arange(family, _shifts(m), 2)[:, None])
        i, j = i.ravel(), ((i + shift) % m).ravel()
        _, which, times = np.unique(np.minimum(i, j) * m + np.maximum(i, j), return_inverse=True, return_counts=True)
        yield i, j, np.where(i == j, 1.0, np.sqrt(2.0 / times[which]))


def _strides(rotations: int) -> tuple[int, ...]:
    """Step 5: the distance between searched angles at every level: a geometric sequence that ends in 1."""
    levels = max(0, math.ceil(math.log(rotations / CANDIDATES, 8)))
    ratio = math.ceil((rotations / 120) ** (1 / levels)) if levels else 1
    return tuple(ratio**level for level in range(levels, -1, -1))


def _level(
    V: np.ndarray, truncation: np.ndarray, scale: np.ndarray, rings: int, strides: tuple[int, int]
) -> tuple[np.ndarray, ...]:
    """Step 5: the fields of the `Level` that cuts intervals of `coarse` rotations into ones of `fine`: the strides.

    beta is exact for the finite set of rotations: U is orthonormal, so distances of V are distances of the forms,
    and what U leaves out (`truncation`) is added.
    """
    coarse, fine = strides
    T = V.shape[1] // rings
    t, first = np.arange(T), T * np.arange(rings)[:, None]  # within a ring, and where each begins
    start, x = t // coarse * coarse, (np.tile(t % coarse, rings) / coarse)[:, None]
    near = [V[:, (first + (start + shift * coarse) % T).ravel()] for shift in (-1, 0, 1, 2)]
    weights = [-x * (x - 1) * (x - 2) / 6, (x + 1) * (x - 1) * (x - 2) / 2, -(x + 1) * x * (x - 2) / 2,
               (x + 1) * x * (x - 1) / 6]  # fmt: skip
    cubic = sum(weight * values for weight, values in zip(weights, near, strict=True))
    distance = np.linalg.norm(V - cubic, axis=-1) + 3 * truncation.max()  # the weights' absolute sum is below 2
    starts = t[::coarse]
    nodes = (starts[:, None] + np.arange(-fine, coarse + 2 * fine, fine)) % T
    nodes = (first[..., None] + nodes).reshape(-1, nodes.shape[1])
    blocks = [np.swapaxes(array[:, nodes], -1, -2).reshape(-1, array.shape[-1], nodes.shape[1]) for array in (V, scale)]
    return nodes, np.maximum.reduceat(distance, (first + starts).ravel(), axis=1), *blocks
