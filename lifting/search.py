"""The fast search of eq. (2): every frame against every rotation and component, as a few matrix products.

`lifting.solve.search` says what is computed; this module gives the same winners hundreds of times faster than
a loop over frames and rotations (benchmarks/search.md). Why it may, in five steps (notebook 03c derives each):

1. *Quadratic forms.* The minimum of eq. (2) over a is (y - p)^T (I - E E_bar_t) (y - p): with h = [y, 1] it is
   h^T A_t h, one symmetric matrix A_t for every rotation t, known before any frame is seen.
2. *Fewer numbers.* Centred landmarks have 2L - 2 degrees of freedom. A linear change of variables to them also
   whitens h under the prior, so that |h^T D h| <= |h|^2 ||D||_F is a tight bound for a typical frame.
3. *One product.* h^T A_t h is linear in the products h_i h_j: all frames against all rotations is one matrix product.
   Under a level camera turning by pi negates the x rows; so products of two x's or two y's (even) are the same at
   theta and theta + pi and products x y (odd) change sign, and each family varies over half as many rotations. Where
   x's and y's take turns on a ring, the even products are those of numbers an even number of steps apart.
4. *Low rank.* A_t varies smoothly with the angle: some 40 orthonormal combinations of the products carry all of
   them to the last digit, for any number of rotations.
5. *Coarse to fine.* Between two coarse angles the cost lies above a cubic minus |h|^2 beta: the cubic goes through the
   costs at the four nearest coarse angles, and beta is the largest distance of the matrices between from theirs. The
   set is finite, so beta is computed, not estimated: whole intervals drop out and the minimum is never lost.

`lifting.tables` precomputes what this takes. Frames with weights of their own are searched by `lifting.confidence`.

Steps 1 to 4 are written for torch and NumPy alike: of a few frames' numbers torch takes two or three times as long.
"""

import math
from dataclasses import replace
from typing import NamedTuple

import torch
from torch.nn.functional import embedding_bag

from lifting.support.arrays import Array, along, is_torch, least, namespace, rows, strided
from lifting.tables import CANDIDATES, Table, precise, table, table_for
from lifting.turned import TurnedPrior

BLOCK = 2048
"""Frames searched at once: enough to share every matrix, few enough for the processor's cache."""

FEW = 256
"""Up to so many frames a copied matrix per frame is nothing; one search in float64 is then faster than two."""


class Found(NamedTuple):
    """The winners of the search of eq. (2) for N frames."""

    component: Array
    """(N,) index of the component."""
    angle: Array
    """(N,) index of the angle."""
    cost: Array
    """(N,) the least cost."""
    admissible: Array
    """(N,) whether some rotation has a positive scale."""
    uncertain: Array
    """(N,) whether another one came so close that rounding could have decided, as far as the table is wary; or no
    rotation is admissible."""


def extended(tab: Table, Y: Array) -> Array:
    """Frames [y, c] of step 1, (N, d = 2L + 1), from landmarks Y (N, 2, L) as `solve.centre` gives them."""
    y = Y.reshape(len(Y), 2 * Y.shape[2])
    c = tab.xp.full_like(y[:, :1], 0.0 if tab.free else 1.0)
    return tab.xp.concat((y, c), axis=1)


def find_winners(tab: Table, y: Array) -> Found:
    """The exhaustive search of eq. (2) for frames y (N, d) from `extended`, in the table's dtype and library."""
    with torch.no_grad():
        if len(y) <= BLOCK:
            return _find_in_block(tab, y, None)
        room = y.new_empty(2 * tab.combine[0].shape[1] * BLOCK)  # for the products of one block after the other
        parts = [_find_in_block(tab, block, room) for block in y.split(BLOCK)]
        return Found(*map(torch.cat, zip(*parts, strict=True)))


def find_certainly(tab: Table, exact: Table, y: torch.Tensor) -> Found:
    """`find_winners` in the table's dtype; where they are not certain, those of the `exact` table if its dtype is."""
    found = find_winners(tab, y.to(tab.theta.dtype))
    if exact.wary or not tab.wary:
        return found
    frames = found.uncertain.nonzero()[:, 0]
    again = find_winners(exact, y[frames].to(exact.theta.dtype))
    return Found(*(old.index_copy(0, frames, new.to(old.dtype)) for old, new in zip(found, again, strict=True)))


def find_and_solve(turned: TurnedPrior, Y: Array) -> tuple[Found, Array]:
    """The winners of eq. (2), and their scale s and coefficients b = s a of eq. (6), (N, 1 + J): certain in any dtype.

    Args:
        turned: the prior, turned for the weights that the frames share.
        Y: (N, 2, L), landmarks as `solve.centre` gives them for these weights. In NumPy: float64, up to `FEW` frames
            and up to `CANDIDATES` rotations.
    """
    own = table_for(turned, Y)
    exact = table(turned, precise(Y.device), Y.device) if is_torch(Y) else own
    y = extended(own, Y)
    if own is exact and (len(y) <= FEW or turned.rotations > CANDIDATES):
        found = find_winners(exact, y)
    else:
        found = find_certainly(table(turned, torch.float32, Y.device), exact, y)
    return found, solve_winners(own, y, found)


def exhaustive(tab: Table) -> Table:
    """The table for a plain search at all rotations, which looks at no value to decide what to do next."""
    return replace(tab, strides=(1,), finer=(), wary=False)


def _find_in_block(tab: Table, y: Array, room: torch.Tensor | None) -> Found:
    """The winners of frames y (N, d), few enough for the cache; `room` may be given for the products of landmarks."""
    xp = tab.xp
    ring = tab.whiten @ y.T
    g = _combine_products(tab, ring, room)
    nodes, costs, scale = _coarse_costs(tab, g, y)
    possible = costs if scale is None else xp.where(scale > 0, costs, math.inf)
    cost, angle = least(possible)
    slack = close = None  # how far rounding may move a cost, and where another angle comes as close
    if tab.finer:
        angle, cost = _search_finer(tab, Frames(g.mT, y, _size(tab, ring)), costs, nodes[angle], cost)
    elif tab.wary:
        slack = 2 * tab.error[:, None] * _size(tab, ring)
        second = possible.scatter_(2, angle[..., None], math.inf).amin(2)  # the best is struck out
        close = ~(second > cost + slack)
    if len(cost) == 1:  # a component that has no rival
        return _found(xp.zeros_like(angle[0]), angle[0], cost[0], close)
    v, rest = tab.noise_variance, along(tab.rest, angle, 1)
    if tab.free:
        if scale is None or tab.finer:
            every = torch.arange(len(cost), device=y.device)[:, None]
            s = (tab.scale[every, angle] * y).sum(-1)
        else:
            s = along(scale, angle[..., None], 2)[..., 0]
        v, rest = with_scale(v, rest, cost, s, tab.count)
    score = cost / v + rest
    if slack is not None and close is not None:
        close = close.any(0, keepdim=True) | ((score - slack / v <= (score + slack / v).amin(0)).sum(0) != 1)
    return winners(score, angle, cost, close)


def with_scale(v: Array, rest: Array, cost: Array, scale: Array, count: Array | float) -> tuple[Array, Array]:
    """What a `mixture_score` divides the costs (K, N) by, and what it adds, where the scale isn't 1."""
    xp = namespace(scale)
    scale = xp.where(cost < math.inf, scale, 1.0)  # without an admissible rotation the cost is infinite already
    return v * scale**2, rest + 4 * count * xp.log(scale)


def _size(tab: Table, ring: torch.Tensor) -> torch.Tensor:
    """|h|^2, (N,)."""
    return ring[: 1 - tab.shifts].square().sum(0)


def winners(score: Array, angle: Array, cost: Array, uncertain: torch.Tensor | None) -> Found:
    """The most probable component of every frame, from scores, angles and costs (K, N); `uncertain` is (1, N)."""
    component = score.argmin(0)
    row = component[None]
    return _found(component, along(angle, row, 0)[0], along(cost, row, 0)[0], uncertain)


def _found(component: Array, angle: Array, cost: Array, uncertain: torch.Tensor | None) -> Found:
    """The winners (N,); `uncertain` is (1, N)."""
    admissible = cost < math.inf
    return Found(component, angle, cost, admissible, ~admissible if uncertain is None else uncertain[0])


def _coarse_costs(tab: Table, g: Array, y: Array) -> tuple[Array, Array, Array | None]:
    """The coarsest rotations, their costs (K, N, T / stride), and the scales where they are solved for.

    Where there are finer levels, one rotation more on the left and two on the right of each ring are added, around the
    end.
    """
    T, stride = len(tab.theta) // tab.rings, tab.strides[0]
    V, scale, nodes = tab.V, tab.scale, tab.theta
    if tab.finer:
        ring = torch.arange(-stride, T + 2 * stride, stride, device=y.device) % T
        nodes = (T * torch.arange(tab.rings, device=y.device)[:, None] + ring).flatten()
        V, scale = V[:, nodes], scale[:, nodes]
    return nodes, g.mT @ V.mT, y @ scale.mT if tab.free else None


def _lower_bounds(costs: torch.Tensor) -> torch.Tensor:
    """Step 5: below which the cubics through four neighbouring costs (..., m + 3) don't fall between the middle two.

    By Everett's formula the cubic is the straight line minus x (1 - x) / 6 ((2 - x) D_0 + (1 + x) D_1), with D_0, D_1
    the second differences at its ends; the weights of D_0 and D_1 are not negative and add up to at most 1/8.
    """
    bend = costs[..., :-2] - 2 * costs[..., 1:-1] + costs[..., 2:]
    ends = torch.minimum(costs[..., 1:-2], costs[..., 2:-1])
    return ends - torch.maximum(bend[..., :-1], bend[..., 1:]).clamp(min=0) / 8


class Frames(NamedTuple):
    """Frames on their way from coarse to fine."""

    g: torch.Tensor
    """(K, N, 2 r) their combinations of products."""
    y: torch.Tensor
    """(N, d) their landmarks and the constant."""
    size: torch.Tensor
    """(N,) |h|^2."""


def _search_finer(
    tab: Table, frames: Frames, costs: torch.Tensor, angle: torch.Tensor, cost: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Step 5: the best of all rotations, (K, N), from the costs of the coarse ones and the best of those.

    An interval whose lower bound exceeds the best cost so far can't hold the minimum. What is left is cut finer.
    """
    K, N = cost.shape
    T, size = len(tab.theta), frames.size
    best, winner = cost.flatten(), angle.flatten()
    margin = 4 * tab.error[:, None, None] + tab.finer[0].beta[:, None]
    bounds = _lower_bounds(costs.unflatten(2, (tab.rings, -1))).flatten(2)
    component, frame, interval = (bounds - margin * size[:, None] <= cost[..., None]).nonzero().unbind(1)
    for level, finer in zip(tab.finer, (*tab.finer[1:], None), strict=True):
        problem, group = component * N + frame, component * len(level.nodes) + interval
        costs = grouped_product(frames.g.flatten(0, 1)[problem], group, level.V)  # (pairs, m + 3)
        possible = costs
        if tab.free:
            possible = torch.where(grouped_product(frames.y[frame], group, level.scale) > 0, costs, math.inf)
        lowest, position = possible.min(1)
        improved = best.scatter_reduce(0, problem, lowest, "amin")
        found = torch.where(lowest == improved[problem], level.nodes[interval, position], T)
        winner = torch.where(best == improved, winner, T).scatter_reduce(0, problem, found, "amin")
        best = improved
        if finer is not None:
            m, coarse, fine = level.nodes.shape[1] - 3, *(len(one.nodes) // tab.rings for one in (level, finer))
            # the finer intervals of each, counted within the ring
            inner = (interval % coarse)[:, None] * m + torch.arange(m, device=size.device)
            real = inner < fine  # those beyond are the first ones again
            inner = inner + fine * (interval // coarse)[:, None]
            margin = 4 * tab.error[component, None] + finer.beta[component[:, None], inner.where(real, 0)]
            left = (_lower_bounds(costs) - margin * size[frame, None] <= best[problem, None]) & real
            pair, j = left.nonzero().unbind(1)
            component, frame, interval = component[pair], frame[pair], inner[pair, j]
    return winner.view(K, N), best.view(K, N)


def solve_winners(tab: Table, y: Array, found: Found) -> Array:
    """Scale s and coefficients b = s a of eq. (6) at the winners of frames y (N, d), (N, 1 + J): a linear map each."""
    winner = found.angle if len(tab.maps) == 1 else found.component * len(tab.theta) + found.angle
    return _chosen_product(y, tab.maps.reshape(-1, *tab.maps.shape[2:]), winner)


def winners_body(tab: Table, sb: Array, found: Found) -> Array:
    """The poses s (mu + a.e) of eq. (1) before they are turned, (N, 3, L), from s and b of `solve_winners`."""
    product = sb @ tab.body[0] if len(tab.body) == 1 else _chosen_product(sb, tab.body, found.component)
    return product.reshape(len(sb), 3, product.shape[1] // 3)


def _chosen_product(x: Array, matrices: Array, index: Array) -> Array:
    """x[n] @ matrices[index[n]] for x (N, d) and matrices (M, d, m)."""
    if len(x) <= FEW:
        return (x[:, None] @ rows(matrices, index))[:, 0]
    # A sum of the rows of the matrix, weighted by x: nothing is copied.
    d = x.shape[1]
    chosen = d * index[:, None] + torch.arange(d, device=x.device)
    return embedding_bag(chosen, matrices.flatten(0, 1), per_sample_weights=x, mode="sum")


def grouped_product(vectors: torch.Tensor, group: torch.Tensor, matrices: torch.Tensor) -> torch.Tensor:
    """vectors[n] @ matrices[group[n]] for vectors (N, d), group (N,) and matrices (G, d, m), without a copy per row.

    They are sorted by group and laid out in chunks of one group each, so that a matrix is read once per chunk.
    """
    N, G = len(vectors), len(matrices)
    if G == 1:
        return vectors @ matrices[0]
    width = min(32, max(1, N // G))
    order = torch.argsort(group)
    counts = torch.bincount(group, minlength=G)
    chunks = -(-counts // width)
    first_row, first_chunk = counts.cumsum(0) - counts, chunks.cumsum(0) - chunks
    rank = torch.arange(N, device=vectors.device) + (first_chunk * width - first_row)[group[order]]
    place = torch.empty_like(rank).index_copy_(0, order, rank)
    chunk_group = torch.repeat_interleave(torch.arange(G, device=vectors.device), chunks)
    padded = vectors.new_zeros(len(chunk_group) * width, vectors.shape[1]).index_copy(0, place, vectors)
    return (padded.unflatten(0, (-1, width)) @ matrices[chunk_group]).flatten(0, 1)[place]


def _combine_products(tab: Table, ring: Array, room: torch.Tensor | None) -> Array:
    """Steps 3 and 4: g (K, 2 r, N), the combinations of products of landmarks on which every cost depends."""
    N, m, pairs = ring.shape[1], len(ring) - tab.shifts + 1, tab.shifts // 2
    # [family, step, i] is number i + 2 step + family of the ring
    ahead = strided(ring, (2, pairs, m, N), (N, 2 * N, N, 1))
    if room is None:
        products = ahead * ring[:m]
    else:
        products = torch.mul(ahead, ring[:m], out=room[: ahead.numel()].view(ahead.shape))
    even, odd = products.reshape(2, pairs * m, N)
    # one product for both would be far slower for a single frame
    each = [tab.combine[0] @ even, tab.combine[1] @ odd]
    return tab.xp.concat([one.reshape(len(tab.V), tab.V.shape[2] // 2, N) for one in each], axis=1)
