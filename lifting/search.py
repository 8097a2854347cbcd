"""The fast search of eq. (2): every frame against every rotation and component, as a few matrix products.

`lifting.solve.search` says what is computed; this module gives the same winners hundreds of times faster than
a loop over frames and rotations (benchmarks/search.md). Why it may, in five steps (notebook 03 derives each):

1. *Quadratic forms.* The minimum of eq. (2) over a is (y - p)^T (I - E E_bar_t) (y - p): with h = [y, 1] it is
   h^T A_t h, one symmetric matrix A_t for every rotation t, known before any frame is seen.
2. *Fewer numbers.* Centred landmarks have 2L - 2 degrees of freedom. A linear change of variables to them also
   whitens h under the prior, so that |h^T D h| <= |h|^2 ||D||_F is a tight bound for a typical frame.
3. *One product.* h^T A_t h is linear in the products h_i h_j: all frames against all rotations is one matrix
   product. Turning by pi negates the x rows; so products of two x's or two y's (even) are the same at theta and
   theta + pi and products x y (odd) change sign, and each family varies over half as many rotations.
4. *Low rank.* A_t varies smoothly with the angle: some 50 orthonormal combinations of the products carry all of
   them to the last digit, for any number of rotations.
5. *Coarse to fine.* Between two angles the cost lies above the straight line less |h|^2 beta, with beta the
   largest distance of the matrices between from the straight line. The set is finite, so beta is computed, not
   estimated: whole intervals drop out and the minimum is never lost.

Tables are precomputed in float64 once per prior, set of rotations, mask, camera and variant, and cached. NumPy
arrays enter PyTorch without a copy, for its threads.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
import torch
from torch.nn.functional import embedding_bag

from lifting.camera import rotation_angles
from lifting.pose_prior import PosePrior
from lifting.solve import free_scale, log_determinant, mixture_score, projected_model, truncated_pseudo_inverse

BLOCK = 1024
"""Frames whose products of landmarks are formed at once: they then stay in the processor's cache."""

SLICE = 16 * BLOCK
"""Frames searched at once: enough to share every matrix, few enough for the memory."""

CANDIDATES = 160
"""Up to this many rotations are searched directly, more of them from coarse to fine."""


@dataclass(frozen=True, eq=False)
class Level:
    """One level of step 5: I intervals of coarse rotations, each cut into m finer ones."""

    nodes: (
        torch.Tensor
    )  # (I, m + 3) the rotations evaluated in every interval: its ends, those between, one beyond each
    beta: torch.Tensor  # (K, I) how far the forms in the interval leave the cubic through the four nearest coarse ones
    V: torch.Tensor  # (K I, r, m + 3) coefficients of their costs
    scale: torch.Tensor  # (K I, d, m + 3) coefficients of their scales


@dataclass(frozen=True, eq=False)
class Table:
    """What eq. (2) needs to know of a prior before it sees a frame; K components, T rotations, d = 2 (n - 1)
    numbers per frame for n visible landmarks, r combinations of their products.
    """

    theta: torch.Tensor  # (T,) angles
    whiten_x: torch.Tensor  # (n - 1, L) centred x coordinates to white ones
    whiten_y: torch.Tensor  # (n - 1, L) the same for y
    offset_y: torch.Tensor  # (n - 1, 1) mean of the white y coordinates (0 where the scale is free)
    even: torch.Tensor  # (K r_even, products of two x's, products of two y's)
    odd: torch.Tensor  # (K r_odd, products of x and y)
    V: torch.Tensor  # (K, T, r_even + r_odd) coefficients of the cost at every rotation
    maps: torch.Tensor  # (K T, d [+ 1], J + 1) from h to the scale (or 1) and the coefficients b = s a
    scale: torch.Tensor  # (K, T, d [+ 1]) the first column of `maps`
    log_det: torch.Tensor  # (K, T) log det(E Lambda E^T + v I)
    weight: torch.Tensor  # (K,)
    noise_variance: torch.Tensor  # (K,)
    error: torch.Tensor  # (K,) bound on the error of a cost, per unit of |h|^2
    strides: tuple[int, ...]  # of the levels of the search, coarse to fine; the last is 1
    finer: tuple["Level", ...]  # the levels below the coarsest
    free: bool  # the scale is solved for
    count: int  # n, visible landmarks


@lru_cache(maxsize=64)
def table(
    prior: PosePrior,
    rotations: int,
    free: bool,
    visible: tuple[bool, ...] | None,
    camera: tuple[float, ...] | None,
    dtype: torch.dtype,
    device: torch.device,
) -> Table:
    """The precomputed `Table` of eq. (2), cached: `visible` and `camera` as flat tuples, so that they can be keys."""
    theta = rotation_angles(rotations)
    seen = np.ones(prior.mu.shape[-1], dtype=bool) if visible is None else np.array(visible)
    C = None if camera is None else np.reshape(camera, (3, 3))
    models = [projected_model(mu, e, theta, weights=seen, camera=C) for mu, e in zip(prior.mu, prior.e, strict=True)]
    unwhiten, whiten_x, whiten_y, offset_y = _whitening(prior, models, seen, free)
    parts = [_component(prior, k, *models[k], unwhiten, len(whiten_x), free, dtype) for k in range(len(models))]
    rank = [max(part[i].shape[1] for part in parts) for i in (0, 1)]
    even, odd = (
        np.concatenate([np.pad(part[i], ((0, 0), (0, rank[i] - part[i].shape[1]))) for part in parts], axis=1).T
        for i in (0, 1)
    )
    V = np.stack(
        [np.concatenate([np.pad(part[i], ((0, 0), (0, rank[i - 2] - part[i].shape[1]))) for i in (2, 3)], axis=1)
         for part in parts]
    )  # fmt: skip
    strides = _strides(rotations)
    truncation = np.stack([part[4] for part in parts])
    maps = np.stack([part[5] for part in parts])
    size = np.sqrt((V**2).sum(-1)).max(-1)
    error = truncation.max(-1) + 4 * torch.finfo(dtype).eps * size
    n, v = int(seen.sum()), prior.noise_variance
    log_det = np.stack([log_determinant(E, prior.sigma[k], v[k], float(n)) for k, (_, E) in enumerate(models)])

    def tensor(array: np.ndarray) -> torch.Tensor:
        return torch.tensor(np.ascontiguousarray(array), dtype=dtype, device=device)

    return Table(
        theta=tensor(theta), whiten_x=tensor(whiten_x), whiten_y=tensor(whiten_y), offset_y=tensor(offset_y),
        even=tensor(even), odd=tensor(odd), V=tensor(V), maps=tensor(maps.reshape(-1, *maps.shape[2:])),
        scale=tensor(maps[..., 0]),
        log_det=tensor(log_det), weight=tensor(prior.weights), noise_variance=tensor(v), error=tensor(error),
        strides=strides, free=free, count=n,
        finer=tuple(
            Level(torch.tensor(nodes, device=device), *(tensor(array) for array in arrays))
            for nodes, *arrays in (_level(V, truncation, maps[..., 0], *pair) for pair in pairwise(strides))
        ),
    )  # fmt: skip


def _whitening(
    prior: PosePrior, models: list[tuple[np.ndarray, np.ndarray]], seen: np.ndarray, free: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Step 2: W with [y, 1] = W h, and the two maps and the offset that give h from y."""
    L, rank = len(seen), int(seen.sum()) - 1
    moment = np.zeros((2 * L, 2 * L))
    for k, (p, E) in enumerate(models):
        variance = prior.noise_variance[k] / prior.sigma[k] ** 2
        scatter = (p.T @ p + np.einsum("tij,j,tkj->ik", E, variance, E, optimize=True)) / len(p)
        moment += prior.weights[k] * (scatter + prior.noise_variance[k] * np.eye(2 * L))
    mean = np.zeros(2 * L)
    if not free:
        mean[L:] = sum(w * p[:, L:].mean(0) for w, (p, _) in zip(prior.weights, models, strict=True))
    moment -= np.outer(mean, mean)
    # Only what is visible and centred counts: n - 1 dimensions, in each of which there is noise at least.
    centring = np.diag(seen.astype(float)) - np.outer(seen, seen) / seen.sum()
    factors = []
    for block in (moment[:L, :L], moment[L:, L:]):
        values, vectors = np.linalg.eigh(centring @ block @ centring)
        factors.append(vectors[:, -rank:] * np.sqrt(values[-rank:]))
    Fx, Fy = factors
    constant = 0 if free else 1
    W = np.zeros((2 * L + constant, 2 * rank + constant))
    W[:L, :rank], W[L : 2 * L, rank : 2 * rank] = Fx, Fy
    whiten_x, whiten_y = np.linalg.pinv(Fx), np.linalg.pinv(Fy)
    if not free:
        W[: 2 * L, -1], W[-1, -1] = mean, 1.0
    return W, whiten_x, whiten_y, (whiten_y @ mean[L:])[:, None]


def _component(
    prior: PosePrior, k: int, p: np.ndarray, E: np.ndarray, W: np.ndarray, rank: int, free: bool, dtype: torch.dtype
) -> tuple[np.ndarray, ...]:
    """Steps 1, 3 and 4 for one component: U_even, U_odd, V_even, V_odd, truncation error, maps to (s, b)."""
    two_L = p.shape[-1]
    if free:
        D, ridge = free_scale(p, E, prior.sigma[k])
        S = truncated_pseudo_inverse(D, ridge)
        A = np.eye(two_L) - D @ S
        maps = S
    else:
        S = truncated_pseudo_inverse(E, prior.sigma[k])
        residual = np.concatenate([np.broadcast_to(np.eye(two_L), (len(p), two_L, two_L)), -p[..., None]], axis=-1)
        A = np.swapaxes(residual, -1, -2) @ (residual - E @ (S @ residual))
        maps = np.concatenate([np.zeros((len(p), 1, two_L + 1)), S @ residual], axis=1)
        maps[:, 0, -1] = 1.0
    A = W.T @ A @ W
    results = []
    for i, j, weight in _products(rank, A.shape[-1]):
        packed = (A[:, i, j] + A[:, j, i]) / 2 * weight  # an isometry: the packed norms add up to ||A||_F
        sample = packed[:: max(1, len(packed) // 320)]
        _, singular, Ut = np.linalg.svd(sample, full_matrices=False)
        keep = max(1, int((singular > max(torch.finfo(dtype).eps, 2e-14) * singular[0]).sum()))
        U = Ut[:keep].T
        results.append((U * weight[:, None], packed @ U, packed - (packed @ U) @ U.T))
    (U_even, V_even, rest_even), (U_odd, V_odd, rest_odd) = results
    truncation = np.sqrt((rest_even**2).sum(-1) + (rest_odd**2).sum(-1))
    return U_even, U_odd, V_even, V_odd, truncation, np.swapaxes(maps @ W, -1, -2)


def _products(rank: int, size: int) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
    """Step 3: indices i, j of the products h_i h_j and their weights: the even ones, x x and y y, and the odd, x y.

    The order is that of `_combine_products`: i with i + shift, around the end. The constant 1 counts as a y. A product
    that stands for A_ij and A_ji has weight sqrt(2); where size is even, the last shift lists each of its twice.
    """
    even = []
    for start, m in ((0, rank), (rank, size - rank)):
        shift, i = np.divmod(np.arange((m // 2 + 1) * m), m)
        weight = np.where((shift == 0) | (2 * shift == m), 1.0, math.sqrt(2.0))
        even.append((start + i, start + (i + shift) % m, weight))
    i, j = np.divmod(np.arange(rank * (size - rank)), size - rank)
    odd = (i, rank + j, np.full(len(i), math.sqrt(2.0)))
    return tuple(np.concatenate(parts) for parts in zip(*even, strict=True)), odd


def _strides(rotations: int) -> tuple[int, ...]:
    """Step 5: the distance between searched angles at every level: a geometric sequence that ends in 1."""
    levels = max(0, math.ceil(math.log(rotations / CANDIDATES, 8)))
    ratio = math.ceil((rotations / 120) ** (1 / levels)) if levels else 1
    return tuple(ratio**level for level in range(levels, -1, -1))


def _level(V: np.ndarray, truncation: np.ndarray, scale: np.ndarray, coarse: int, fine: int) -> tuple[np.ndarray, ...]:
    """Step 5: the fields of the `Level` that cuts intervals of `coarse` rotations into ones of `fine`.

    beta is exact for the finite set of rotations: U is orthonormal, so distances of V are distances of the forms,
    and what U leaves out (`truncation`) is added.
    """
    T = V.shape[1]
    t = np.arange(T)
    start, x = t // coarse * coarse, ((t % coarse) / coarse)[:, None]
    near = [V[:, (start + shift * coarse) % T] for shift in (-1, 0, 1, 2)]
    weights = [-x * (x - 1) * (x - 2) / 6, (x + 1) * (x - 1) * (x - 2) / 2, -(x + 1) * x * (x - 2) / 2,
               (x + 1) * x * (x - 1) / 6]  # fmt: skip
    cubic = sum(weight * values for weight, values in zip(weights, near, strict=True))
    distance = np.linalg.norm(V - cubic, axis=-1) + 3 * truncation.max()  # the weights' absolute sum is below 2
    starts = t[::coarse]
    nodes = (starts[:, None] + np.arange(-fine, coarse + 2 * fine, fine)) % T
    blocks = [np.swapaxes(array[:, nodes], -1, -2).reshape(-1, array.shape[-1], nodes.shape[1]) for array in (V, scale)]
    return nodes, np.maximum.reduceat(distance, starts, axis=1), *blocks


@dataclass(frozen=True, eq=False)
class Found:
    """The winners of the search of eq. (2) for N frames: component, index of the angle, cost, and whether another
    one came so close that rounding (in float32) could have decided.
    """

    component: torch.Tensor  # (N,)
    angle: torch.Tensor  # (N,)
    cost: torch.Tensor  # (N,)
    uncertain: torch.Tensor  # (N,)
    admissible: torch.Tensor  # (N,) some rotation has a positive scale


def reduce_landmarks(tab: Table, Y: torch.Tensor) -> torch.Tensor:
    """The vectors h of step 2, (d [+ 1], N), from centred landmarks Y (N, 2, L) of eq. (2)."""
    hx = tab.whiten_x @ Y[:, 0].T
    hy = tab.whiten_y @ Y[:, 1].T - tab.offset_y
    return torch.cat([hx, hy] if tab.free else [hx, hy, torch.ones_like(hx[:1])])


def find_winners(tab: Table, Y: torch.Tensor) -> Found:
    """The exhaustive search of eq. (2), steps 1 to 5, for centred landmarks Y (N, 2, L) in the dtype of the table."""
    parts = [_find_in_slice(tab, reduce_landmarks(tab, part)) for part in Y.split(SLICE)]
    return Found(*(torch.cat([getattr(part, name) for part in parts]) for name in Found.__dataclass_fields__))


def _find_in_slice(tab: Table, h: torch.Tensor) -> Found:
    g = _combine_products(tab, h)
    size = (h * h).sum(0)
    slack = 2 * tab.error[:, None] * size
    nodes, costs, possible = _coarse_costs(tab, g, h)
    cost, position = possible.min(2)
    angle = nodes[position]
    if tab.finer:
        angle, cost = _search_finer(tab, g, h, size, costs, angle, cost)
        close = torch.zeros_like(cost, dtype=torch.bool)
    else:
        second = possible.scatter_(2, position[..., None], math.inf).amin(2)  # the best is struck out
        close = ~(second > cost + slack)
    n, K = torch.arange(h.shape[1], device=h.device), torch.arange(len(cost), device=h.device)[:, None]
    scale = (tab.scale[K, angle] * h.T).sum(-1) if tab.free else torch.ones_like(cost)
    scale = torch.where(torch.isfinite(cost), scale, 1.0)  # without an admissible rotation the cost is infinite
    variance = tab.noise_variance[:, None] * scale**2
    score = mixture_score(
        cost, tab.noise_variance[:, None], tab.log_det[K, angle], tab.weight[:, None], scale, tab.count
    )
    component = score.argmin(0)
    rivals = (score - slack / variance <= (score + slack / variance).amin(0)).sum(0)
    winner = (component, n)
    return Found(component, angle[winner], cost[winner], close.any(0) | (rivals != 1), torch.isfinite(cost[winner]))


def _coarse_costs(tab: Table, g: torch.Tensor, h: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """The coarsest rotations, their costs (K, N, T / stride), and the same with infinity where the scale is not > 0.

    Where there are finer levels, one rotation more on the left and two on the right are added, around the end.
    """
    T, stride = len(tab.theta), tab.strides[0]
    nodes = torch.arange(-stride, T + 2 * stride, stride, device=h.device) % T if tab.finer else slice(None)
    costs = g @ tab.V[:, nodes].transpose(1, 2)
    possible = costs
    if tab.free:
        possible = torch.where(h.T @ tab.scale[:, nodes].transpose(1, 2) > 0, costs, math.inf)
    return torch.arange(T, device=h.device)[nodes], costs, possible


def _lower_bounds(costs: torch.Tensor) -> torch.Tensor:
    """Step 5: below which the cubics through four neighbouring costs (..., m + 3) don't fall between the middle two.

    By Everett's formula the cubic is the straight line less x (1 - x) / 6 ((2 - x) D_0 + (1 + x) D_1), with D_0, D_1
    the second differences at its ends; the weights of D_0 and D_1 are not negative and add up to at most 1/8.
    """
    bend = costs[..., :-2] - 2 * costs[..., 1:-1] + costs[..., 2:]
    ends = torch.minimum(costs[..., 1:-2], costs[..., 2:-1])
    return ends - torch.maximum(bend[..., :-1], bend[..., 1:]).clamp(min=0) / 8


def _search_finer(
    tab: Table,
    g: torch.Tensor,
    h: torch.Tensor,
    size: torch.Tensor,
    costs: torch.Tensor,
    angle: torch.Tensor,
    cost: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Step 5: the best of all rotations, (K, N), from the costs of the coarse ones and the best of those.

    An interval whose lower bound exceeds the best cost so far can't hold the minimum. What is left is cut finer.
    """
    K, N = cost.shape
    T = len(tab.theta)
    best, winner = cost.flatten(), angle.flatten()
    margin = 4 * tab.error[:, None, None] + tab.finer[0].beta[:, None]
    component, frame, interval = (_lower_bounds(costs) - margin * size[:, None] <= cost[..., None]).nonzero().unbind(1)
    for level, finer in zip(tab.finer, (*tab.finer[1:], None), strict=True):
        problem, group = component * N + frame, component * len(level.nodes) + interval
        costs = grouped_product(g.flatten(0, 1)[problem], group, level.V)  # (pairs, m + 3)
        possible = costs
        if tab.free:
            possible = torch.where(grouped_product(h.T[frame], group, level.scale) > 0, costs, math.inf)
        least, position = possible.min(1)
        improved = best.scatter_reduce(0, problem, least, "amin")
        found = torch.where(least == improved[problem], level.nodes[interval, position], T)
        winner = torch.where(best == improved, winner, T).scatter_reduce(0, problem, found, "amin")
        best = improved
        if finer is not None:
            m = level.nodes.shape[1] - 3
            inner = interval[:, None] * m + torch.arange(m, device=h.device)  # the finer intervals of each
            real = inner < len(finer.nodes)  # those beyond are the first ones again
            margin = 4 * tab.error[component, None] + finer.beta[component[:, None], inner.where(real, 0)]
            left = (_lower_bounds(costs) - margin * size[frame, None] <= best[problem, None]) & real
            pair, j = left.nonzero().unbind(1)
            component, frame, interval = component[pair], frame[pair], inner[pair, j]
    return winner.view(K, N), best.view(K, N)


def neighbouring_costs(tab: Table, Y: torch.Tensor, found: Found) -> torch.Tensor:
    """The cost at the winner's angle and at the angles on its left and right, (N, 3): for a parabola through them."""
    t = (found.angle[:, None] + torch.tensor([-1, 0, 1], device=Y.device)) % len(tab.theta)
    own = _combine_products(tab, reduce_landmarks(tab, Y))[found.component, torch.arange(len(Y), device=Y.device)]
    return (tab.V[found.component[:, None], t] @ own[..., None])[..., 0]


def solve_winners(tab: Table, Y: torch.Tensor, found: Found) -> tuple[torch.Tensor, torch.Tensor]:
    """Scale s (N,) and coefficients b = s a (N, J) of eq. (6) at the winners: one affine map per winner.

    A sum of the rows of the winner's map, weighted by h: nothing is copied, however many different winners there are.
    """
    h = reduce_landmarks(tab, Y).T
    d = h.shape[1]
    rows = (found.component * len(tab.theta) + found.angle)[:, None] * d + torch.arange(d, device=h.device)
    sb = embedding_bag(rows, tab.maps.flatten(0, 1), per_sample_weights=h.contiguous(), mode="sum")
    return sb[:, 0], sb[:, 1:]


def grouped_product(rows: torch.Tensor, group: torch.Tensor, matrices: torch.Tensor) -> torch.Tensor:
    """rows[n] @ matrices[group[n]] for rows (N, d), group (N,) and matrices (G, d, m), without a copy per row.

    Rows are sorted by group and laid out in chunks of one group each, so that a matrix is read once per chunk.
    """
    N, G = len(rows), len(matrices)
    if G == 1:
        return rows @ matrices[0]
    width = min(32, max(1, N // G))
    order = torch.argsort(group)
    counts = torch.bincount(group, minlength=G)
    chunks = -(-counts // width)
    first_row, first_chunk = counts.cumsum(0) - counts, chunks.cumsum(0) - chunks
    rank = torch.arange(N, device=rows.device) + (first_chunk * width - first_row)[group[order]]
    place = torch.empty_like(rank).index_copy_(0, order, rank)
    chunk_group = torch.repeat_interleave(torch.arange(G, device=rows.device), chunks)
    padded = rows.new_zeros(len(chunk_group) * width, rows.shape[1]).index_copy(0, place, rows)
    return (padded.unflatten(0, (-1, width)) @ matrices[chunk_group]).flatten(0, 1)[place]


def _combine_products(tab: Table, h: torch.Tensor) -> torch.Tensor:
    """Steps 3 and 4: g (K, N, r), the combinations of products of landmarks on which every cost depends."""
    K, rank, width = len(tab.V), len(tab.whiten_x), min(BLOCK, h.shape[1])
    even, odd = h.new_empty(tab.even.shape[1], width), h.new_empty(tab.odd.shape[1], width)  # one for all blocks
    parts = []
    for block in h.split(BLOCK, dim=1):
        x, y = block[:rank], block[rank:]
        even, odd = even[:, : block.shape[1]], odd[:, : block.shape[1]]
        shifts = (len(x) // 2 + 1, len(y) // 2 + 1)
        xx, yy = even.split([shifts[0] * len(x), shifts[1] * len(y)])
        torch.mul(_shifted(x, shifts[0]), x, out=xx.unflatten(0, (shifts[0], -1)))
        torch.mul(_shifted(y, shifts[1]), y, out=yy.unflatten(0, (shifts[1], -1)))
        torch.mul(x[:, None], y, out=odd.unflatten(0, (rank, -1)))
        parts += [(tab.even @ even).unflatten(0, (K, -1)), (tab.odd @ odd).unflatten(0, (K, -1))]
    return torch.cat([torch.cat(parts[::2], dim=2), torch.cat(parts[1::2], dim=2)], dim=1).transpose(1, 2)


def _shifted(x: torch.Tensor, shifts: int) -> torch.Tensor:
    """Step 3: [shift, i] is row i + shift of x (m, N), around the end; a view, nothing is copied per shift."""
    return torch.cat([x, x]).unfold(0, len(x), 1).transpose(1, 2)[:shifts]
