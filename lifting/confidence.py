"""Landmarks that don't all count alike: the search of eq. (2) where every frame has weights of its own.

The problem is eq. (2) with weights w_i >= 0, the confidence in each landmark (0: not seen), and the translation t:

    minimise over R, a, t:   sum_i w_i ||y_i - (Pi R (mu + a.e))_i - t||^2 + ||sigma a||^2

Its tables depend on the weights, and a detector gives new ones with every frame. But where all weights are 1 the least
cost is y^T A y with A = C - E E_bar_t known (`lifting.tables`), and a coordinate k whose weight becomes w changes
E^T E by a matrix of rank one. By Sherman and Morrison's formula

    A         <-  A - f A_:k A_k:              f = (1 - w) / (w + (1 - w) A_kk)
    log det   <-  log det + log(w + (1 - w) A_kk)

and the cost, y^T A y, its slope g = A y, and the scale, which is linear in y, change alike. 0 <= A_kk <= 1, so that
nothing is divided by zero. Only landmarks whose weight isn't 1 have to be gone through, at all rotations at once. The
determinant counts the two unknowns of the translation, which is taken out of it: sum w / L for each.

The weighted solution is that of landmarks that all weigh 1 at y' = y_hat + w (y - y_hat): the slope of eq. (2) is the
same there. With r = y - y_hat, A y' = w r: a small system for the r of the landmarks whose weight isn't 1. So weights
end at `filled`: everything after it is the plain case.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch

from lifting.search import Found, extended, find_and_solve, solve_winners, winners, with_scale
from lifting.tables import Table, residual_forms, table, tensor
from lifting.turned import TurnedPrior

NUMBERS = 2**20
"""About how many numbers are worked on at once: few enough for the processor's cache."""


MANY = 1000
"""From so many frames that share their weights on, a table made for these weights pays."""


class Forms(NamedTuple):
    """What the search with weights needs to know of a prior."""

    turned: TurnedPrior
    tab: Table
    A: torch.Tensor
    """(d, d, K T) the forms of `residual_forms`."""


@lru_cache(maxsize=16)
def forms(turned: TurnedPrior, dtype: torch.dtype, device: torch.device) -> Forms:
    """The `Forms` of a prior turned with all weights 1, kept for later calls."""
    A = np.concatenate([residual_forms(turned, k)[0] for k in range(turned.prior.K)])
    return Forms(turned, table(turned, dtype, device), tensor(np.moveaxis(A, 0, -1), dtype, device))


def find_weighted(known: Forms, Y: torch.Tensor, weights: torch.Tensor) -> tuple[Found, torch.Tensor]:
    """The winners of eq. (2), and their scale s and coefficients b = s a of eq. (6), (N, 1 + J).

    Args:
        known: what `forms` gives.
        Y: (N, 2, L), counted from the weighted mean; 0 where the weight is 0.
        weights: (N, L), numbers >= 0.
    """
    rows, parts = [], []
    left = torch.ones_like(weights[:, 0], dtype=torch.bool)
    for frames in _shared(weights):
        w = weights[frames[0]]
        found, sb = find_and_solve(known.turned.with_weights(w), Y[frames] * w.sqrt())
        rows.append(frames)
        parts.append((*found, sb))
        left[frames] = False
    for frames, landmarks in _alike(known, weights != 1, left):
        coordinates = torch.cat([landmarks, landmarks + weights.shape[1]], 1)
        w, y = weights[frames].to(known.A.dtype), extended(known.tab, Y[frames].to(known.A.dtype))
        found = _find(known, y.detach(), w, coordinates)
        filled = _filled(known, y, w, coordinates, found)
        rows.append(frames)
        parts.append((*found, solve_winners(known.tab, filled, found)))
    if not parts:
        return find_and_solve(known.turned, Y)
    order = torch.cat(rows).argsort()
    *fields, sb = (torch.cat(field)[order] for field in zip(*parts, strict=True))
    return Found(*fields), sb.to(Y.dtype)


def _shared(weights: torch.Tensor) -> Iterator[torch.Tensor]:
    """Frames (n,) that share their weights, `MANY` or more."""
    if len(weights) < MANY:
        return
    if bool((weights == weights[0]).all()):
        yield torch.arange(len(weights), device=weights.device)
        return
    _, kind, often = weights.unique(dim=0, return_inverse=True, return_counts=True)
    for shared in (often >= MANY).nonzero()[:, 0]:
        yield (kind == shared).nonzero()[:, 0]


def _alike(known: Forms, differ: torch.Tensor, left: torch.Tensor) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Frames (n,) of those that are `left`, with equally many landmarks that `differ`, and these landmarks (n, m)."""
    counts = differ.sum(1).where(left, -1)
    for m in counts[left].unique().tolist():
        frames = (counts == m).nonzero()[:, 0]
        landmarks = differ[frames].nonzero()[:, 1].view(len(frames), m)
        size = max(len(known.A), (2 * m + 2) ** 2) * known.A.shape[2]
        step = min(max(1, NUMBERS // size), len(frames))
        yield from zip(frames.split(step), landmarks.split(step), strict=True)


@torch.no_grad()
def _find(known: Forms, y: torch.Tensor, weights: torch.Tensor, coordinates: torch.Tensor) -> Found:
    """The winners of frames y (n, d) of which the weights of the `coordinates` (n, q) aren't 1."""
    _, tab, A = known

    def by_component(values: torch.Tensor) -> torch.Tensor:
        return values.unflatten(1, (len(tab.sigma), -1)).transpose(0, 1)  # (K, n, T)

    least, g, a = _eliminate(A, y, weights, coordinates, tab.free)
    possible = by_component(least)
    if tab.free:
        s, variance = by_component(g[:, -1]), by_component(-a[:, -1, -1])
        possible = torch.where(s > 0, possible, torch.inf)
    cost, angle = possible.min(2)
    pivots = a[:, : coordinates.shape[1]].diagonal(dim1=1, dim2=2)
    count = weights.sum(1)
    v = tab.noise_variance
    # the log det: of E, without the translation, of as many coordinates as the weights add up to
    rest = (
        tab.rest.gather(1, angle)
        + _at(by_component(pivots), angle).log().sum(-1)
        + 2 * (count - tab.count) * v.log()
        - 2 * (count / tab.count).log()
    )
    if tab.free:
        # the pivots are those of [p, E]: without p, whose pivot is one over the variance of s
        before = -A[-1, -1].view(len(tab.sigma), -1).gather(1, angle)
        rest = rest + (_at(variance, angle) / before).log()
        v, rest = with_scale(v, rest, cost, _at(s, angle), count)
    return winners(cost / v + rest, angle, cost, None)


def _at(values: torch.Tensor, angle: torch.Tensor) -> torch.Tensor:
    """Values (K, n, T, ...) at an angle each, (K, n, ...)."""
    index = angle.view(*angle.shape, 1, *(values.ndim - 3) * (1,))
    return values.take_along_dim(index, 2)[:, :, 0]


def _coordinate_weights(weights: torch.Tensor, coordinates: torch.Tensor) -> torch.Tensor:
    return weights.gather(1, coordinates % weights.shape[1])


def _eliminate(
    A: torch.Tensor, y: torch.Tensor, weights: torch.Tensor, coordinates: torch.Tensor, free: bool
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The cost (n, K T) once the q `coordinates` have their weights.

    And what the elimination leaves of g = A y (n, q, K T) and of A (n, q, q, K T): at the coordinates, with the pivots
    on A's diagonal; where the scale is solved for (`free`) one row more, the last, of the scale and its variance.
    """
    w = _coordinate_weights(weights, coordinates)[..., None]
    rows = torch.cat([coordinates, coordinates.new_full((len(y), int(free)), len(A) - 1)], 1)
    g = (y @ A.flatten(1)).unflatten(1, (len(A), -1))  # A is symmetric
    cost = (y[:, None] @ g)[:, 0]
    g = g[torch.arange(len(y), device=y.device)[:, None], rows]
    A = A[rows[:, :, None], rows[:, None]]
    for k, weight in enumerate(w.unbind(1)):
        pivot = torch.addcmul(weight, 1 - weight, A[:, k, k])
        f = (1 - weight) / pivot
        column, step = A[:, k, k + 1 :], f * g[:, k]
        # A <- A - f A_:k A_k:,  and with it  g = A y  and  y^T A y
        A[:, k + 1 :, k + 1 :].addcmul_((column * f[:, None])[:, None], column[:, :, None], value=-1)
        cost.addcmul_(step, g[:, k], value=-1)
        g[:, k + 1 :].addcmul_(column, step[:, None], value=-1)
        A[:, k, k] = pivot
    return cost, g, A


def _filled(
    known: Forms, y: torch.Tensor, weights: torch.Tensor, coordinates: torch.Tensor, found: Found
) -> torch.Tensor:
    """The landmarks y' of the winners, from y (n, d)."""
    A = known.A
    w = _coordinate_weights(weights, coordinates)
    winner = found.component * len(known.tab.theta) + found.angle
    every = torch.arange(len(A), device=y.device)
    rows = A[coordinates[:, :, None], every, winner[:, None, None]]  # (n, q, d)
    own = rows.gather(2, coordinates[:, None].expand(-1, w.shape[1], -1))
    # A (y - (1 - w) r) = w r  at the coordinates
    r = torch.linalg.solve(torch.diag_embed(w) + own * (1 - w)[:, None], rows @ y[..., None])[..., 0]
    return y.scatter_add(1, coordinates, (w - 1) * r)
