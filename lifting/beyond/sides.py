"""Sides that a detector exchanged, found by the lifted model: all labellings are lifted, the most probable stays. Ours.

A detector that takes a left leg for a right one gives landmarks of a person whose hips or shoulders are wrung: the
score of `solve.mixture_score` says how improbable. Four labellings are compared: as given, all sides exchanged, the
arms' alone, the legs' alone.

**What a single frame can't tell.** Exchange *all* sides, and the landmarks are those of another person: the mirror
image of the first, who faces the other way. With X' = mirror(X), which swaps the sides (P) and negates x,

    landmarks of X at R, sides exchanged:   Pi R X P = Pi (diag(1, 1, -1) R diag(-1, 1, 1)) X',

and the matrix in brackets is a rotation about the vertical where R is one. A prior that knows mirror images, as the
embedded one, gives both the same probability. Only time tells: landmarks don't jump from one side of the body to the
other between two frames. So frames in time are labelled together, by the least costly path: the score of each
labelling, and the squared distances that the landmarks move, over (`SPEED` dt)^2 + `JITTER`^2.
"""

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple, Unpack

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from lifting.beyond.paths import intervals, least_path
from lifting.beyond.uncertainty import winners_model
from lifting.front import Lifted, lift
from lifting.given import LiftOptions
from lifting.misfit import PoorFit
from lifting.pose_prior import PosePrior
from lifting.solve import log_determinant, mixture_score
from lifting.support.arrays import Array, check_positive, fail, is_torch, like, to_numpy

LABELLINGS = ("as given", "all exchanged", "arms exchanged", "legs exchanged")

AS_GIVEN = 4.0
"""What a labelling other than the given one costs in every frame, in units of -2 log probability."""

SPEED = 2.0
"""How fast landmarks move in the picture, m/s, one standard deviation."""

JITTER = 0.02
"""A detector's noise between two frames, metres."""

FAR = 16.0
"""No landmark's step costs more: it may have been seen in the wrong place."""

LEGS = ("hip", "knee", "ankle", "heel", "foot", "toe")


class SideOptions(LiftOptions, total=False):
    """What `lift` takes, and what says how the sides are found."""

    scale: Any
    visible: Any
    weights: Any
    as_given: float
    """Cost of a labelling that isn't the given one, in units of -2 log probability; `AS_GIVEN` where not given."""


class Mended(NamedTuple):
    """Landmarks with their sides mended: these, `visible` and `weights` like Y, the rest in NumPy."""

    Y: Float[Array, "*batch 2 L"]
    """Y with left and right where the model puts them."""
    exchanged: Bool[Array, "*batch"]
    """Whether sides were exchanged in this frame."""
    labelling: Int[Array, "*batch"]
    """Which of `LABELLINGS` was kept."""
    order: Int[Array, "*batch L"]
    """Landmark l of the mended Y is landmark order[l] of Y."""
    visible: Bool[Array, "*batch L"] | None
    """`visible` in the new order; None where none was given."""
    weights: Float[Array, "*batch L"] | None
    """`weights` in the new order; None where none were given."""


def mend_sides(
    Y: Float[Array, "*batch 2 L"],
    prior: PosePrior,
    *,
    times: Float[np.ndarray, " F"] | None = None,
    in_time: bool | None = None,
    **options: Unpack[SideOptions],
) -> Mended:
    """Exchange left and right where the lifted model finds the exchange more probable.

    Args:
        Y: (F, 2, L), frames in the order of time, or (2, L), one.
        prior: one that names its landmarks.
        times: (F,), seconds that rise; None: 30 frames a second.
        in_time: whether the frames are of one person, one after the other. Where not, each stands alone, and an
            exchange of all sides can't be found. None: yes, if there is more than one.
        options: `scale`, `visible`, `weights` and `LiftOptions`, as for `lift`; and `as_given`.

    Raises:
        ValueError: as `lift`; more dimensions than one before those of a frame; a prior without names of sides.
    """
    penalty = check_positive("as_given", options.pop("as_given", AS_GIVEN), zero=True)
    given = {"visible": options.pop("visible", None), "weights": options.pop("weights", None)}
    if Y.ndim not in (2, 3):
        fail("Y", f"shape {tuple(Y.shape)}", "shape (F, 2, L) or (2, L)")
    y, orders = to_numpy(Y).reshape(-1, 2, prior.L), labellings(prior)
    seen = {
        name: np.broadcast_to(to_numpy(value), (len(y), prior.L)) for name, value in given.items() if value is not None
    }
    costs, scale = _costs(y, prior, seen, orders, options)
    costs[:, 1:] += penalty
    if (len(y) > 1) if in_time is None else in_time:
        which = least_path(costs, _steps(y / scale, seen, orders, intervals(times, len(y))))
    else:
        which = costs.argmin(1)
    order = orders[which]
    if Y.ndim == 2:
        which, order = which[0], order[0]
    mended = {name: np.take_along_axis(value.reshape(order.shape), order, axis=-1) for name, value in seen.items()}
    result = np.take_along_axis(y.reshape(Y.shape), order[..., None, :], axis=-1)
    alike = {
        name: value if not is_torch(Y) else torch.as_tensor(value, device=Y.device) for name, value in mended.items()
    }
    return Mended(like(result, Y), which > 0, which, order, alike.get("visible"), alike.get("weights"))


def labellings(prior: PosePrior) -> Int[np.ndarray, "4 L"]:
    """The orders of the landmarks of each of `LABELLINGS`.

    Raises:
        ValueError: a prior whose landmarks have no sides in their names.
    """
    names = prior.landmarks
    pairs = [
        (i, names.index(name.replace("left_", "right_", 1))) for i, name in enumerate(names) if name.startswith("left_")
    ]
    if not pairs:
        fail("prior", "landmarks without left and right in their names", "names such as left_knee and right_knee")
    legs = [pair for pair in pairs if any(part in names[pair[0]] for part in LEGS)]
    orders = np.tile(np.arange(prior.L), (len(LABELLINGS), 1))
    for order, kind in zip(orders[1:], (pairs, [pair for pair in pairs if pair not in legs], legs), strict=True):
        for left, right in kind:
            order[[left, right]] = right, left
    return orders


def _costs(
    y: np.ndarray, prior: PosePrior, seen: dict[str, np.ndarray], orders: np.ndarray, options: Any
) -> tuple[np.ndarray, float]:
    """The score of every frame in each order (F, S), 0 where it can't be lifted; and what a metre measures."""
    scores, scales = [], []
    for order in orders:
        mine = {name: value[:, order] for name, value in seen.items()}
        with warnings.catch_warnings(action="ignore", category=PoorFit):  # of wrong labellings
            lifted = lift(y[..., order], prior, **{"unusable": "nan", **mine, **options})
        scores.append(np.where(lifted.usable, winners_score(prior, lifted), 0.0))
        scales.append(lifted.scale)
    return np.stack(scores, axis=1), float(np.nanmedian(scales[0]))


def winners_score(prior: PosePrior, lifted: Lifted) -> Float[np.ndarray, "*batch"]:
    """`solve.mixture_score` of what `lift` found: -2 log probability, up to a constant; NaN where nothing was."""
    k, cost, scale = (to_numpy(value) for value in (lifted.component, lifted.cost, lifted.scale))
    _, E, weights = winners_model(prior, lifted)
    v, n = prior.noise_variance[k], weights.sum(-1)
    return mixture_score(cost, v, log_determinant(E, prior.sigma[k], v, n), prior.weights[k], scale, n)


def _steps(
    y: np.ndarray, seen: dict[str, np.ndarray], orders: np.ndarray, between: np.ndarray
) -> Callable[[int], np.ndarray]:
    """What it costs to get from one labelling to another between two frames: how far the landmarks move."""
    counts = np.all([np.isfinite(y).all(1), *(value > 0 for value in seen.values())], axis=0)[:, orders]  # (F, S, L)
    places = np.nan_to_num(y)[..., orders].transpose(0, 2, 1, 3)  # (F, S, 2, L)
    variance = (SPEED * between) ** 2 + JITTER**2

    def step(f: int) -> np.ndarray:
        moved = ((places[f - 1][:, None] - places[f][None]) ** 2).sum(2) / variance[f - 1]
        both = counts[f - 1][:, None] & counts[f][None]
        return (np.minimum(moved, FAR) * both).sum(-1)

    return step
