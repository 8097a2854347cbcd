"""The front door: landmarks in, 3D poses out. Supplement, eq. (1)-(6).

`lift` prepares the landmarks (checks, centring, one table per distinct mask), lets `lifting.search` find every
frame's rotation and component, and turns the winners into poses.
"""

import math
from typing import Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from lifting.camera import ROTATIONS, rotation, turn
from lifting.landmark_gradient import centring, jacobian, landmark_model
from lifting.pose_prior import PosePrior
from lifting.search import (
    CANDIDATES,
    Found,
    Table,
    find_winners,
    grouped_product,
    neighbouring_costs,
    solve_winners,
    table,
)
from lifting.skeleton import mask_landmarks
from lifting.solve import centre, cost, free_scale, projected_model, truncated_pseudo_inverse, unwrap
from lifting.support.arrays import (
    Array,
    check_array,
    check_count,
    check_finite,
    check_floating,
    check_rotation,
    check_shape,
    fail,
    like,
    refuse,
    to_numpy,
    trusted,
)

Refinement = Literal[False, True, "parabola", "least squares"]


class Lifted(NamedTuple):
    """The result of `lift`: arrays of the library, dtype and device of the landmarks."""

    theta: Float[Array, "*batch"]
    """Angle about the vertical, radians in [0, 2 pi)."""
    R: Float[Array, "*batch 3 3"]
    """R(theta)."""
    a: Float[Array, "*batch J"]
    """Coefficients of the winning component."""
    scale: Float[Array, "*batch"]
    """s: what one metre measures in the image."""
    component: Int[Array, "*batch"]
    """Index k of the winning component."""
    cost: Float[Array, "*batch"]
    """The minimum of eq. (2), in squared units of Y: ||y - s p - E b||^2 + ||sigma b||^2 with b = s a."""
    Y_hat: Float[Array, "*batch 2 L"]
    """The projected pose of eq. (1), in Y's coordinates and units; every landmark, seen or not."""
    pose: Float[Array, "*batch 3 L"]
    """The pose in the camera's frame, in Y's units: its first two rows are Y_hat, its z towards the viewer and
    centred. Divide by the scale for metres."""
    visible: Bool[Array, "*batch L"]
    """Which landmarks counted."""
    camera: Float[Array, "3 3"]
    """The known rotation of the camera; the identity where none was given."""
    free_scale: bool
    """Whether the scale was solved for."""


def lift(
    Y: Float[Array, "*batch 2 L"],
    prior: PosePrior,
    *,
    rotations: int = ROTATIONS,
    scale: float | Float[Array, "*batch"] | None = 1.0,
    visible: Bool[Array, "*batch L"] | None = None,
    camera: Float[Array, "3 3"] | None = None,
    refine: Refinement = False,
) -> Lifted:
    """Lift 2D landmarks to 3D poses: the exhaustive minimisation of eq. (2), then eq. (6) and (1).

    Args:
        Y: (..., 2, L), x to the right and **y up** (negate the rows of an image); need not be centred.
        prior: the statistical model of pose.
        rotations: how many equally spaced angles about the vertical are searched.
        scale: what one metre measures in Y, one number or one per frame; None: solved for (weak perspective), and Y
            may then be in pixels.
        visible: (..., L) or (L,), True where a landmark was seen; what Y holds elsewhere is ignored.
        camera: (3, 3), the known rotation of a camera that is not level: Y_hat = s Pi camera R (mu + a.e).
        refine: True or "parabola" moves theta off the finite set to the lowest point of the parabola through three
            costs; "least squares" hands each frame to SciPy's optimiser (slow: the reference). Where that would
            raise the cost, the angle stays.

    Raises:
        ValueError: a wrong shape or type, a visible landmark that is not finite, no rotations, a scale that is not
            positive, fewer visible landmarks than fix the angle (2) or the angle and the scale (3), a camera that is
            no rotation, an unknown refinement, or a frame that no rotation fits with s > 0 (upside down).
    """
    Y, visible = _check_landmarks(Y, prior, visible, least=2 if scale is not None else 3)
    check_count("rotations", rotations, least=3 if refine in (True, "parabola") else 1)
    if refine not in (False, True, "parabola", "least squares"):
        fail("refine", repr(refine), "False, True, 'parabola' or 'least squares'")
    camera_key = None if camera is None else tuple(float(c) for c in to_numpy(check_rotation("camera", camera)).ravel())
    frames, L = math.prod(Y.shape[:-2]), Y.shape[-1]
    y = torch.from_numpy(np.require(Y, requirements=["C", "W"])) if isinstance(Y, np.ndarray) else Y
    y = y.reshape(frames, 2, L)
    unit = _unit(y, scale, Y.shape[:-2], visible)
    groups = _distinct_masks(visible, frames, L, y.device)
    parts = [
        _lift_masked(y[rows], unit[rows], prior, rotations, scale is None, mask, camera_key, refine)
        for rows, mask in groups
    ]
    fields = parts[0]
    if len(parts) > 1:
        order = torch.argsort(torch.cat([torch.as_tensor(rows) for rows, _ in groups]))
        fields = tuple(torch.cat(field)[order] for field in zip(*parts, strict=True))
    shaped = [field.reshape((*Y.shape[:-2], *field.shape[1:])) for field in fields]
    theta, a, s, component, cost, pose = shaped
    seen = torch.ones(1, dtype=torch.bool, device=y.device) if visible is None else _as_torch(visible, y.device)
    seen = torch.broadcast_to(seen, (*Y.shape[:-2], L)).clone()  # one's own: a mask may be changed after the call
    C = torch.tensor(np.eye(3) if camera_key is None else np.reshape(camera_key, (3, 3))).to(y)
    values = theta, rotation(theta), a, s, component, cost, pose[..., :2, :], pose, seen, C
    arrays = (value.numpy() for value in values) if isinstance(Y, np.ndarray) else values
    return Lifted._make((*arrays, scale is None))


def _check_landmarks(Y: Array, prior: PosePrior, visible: Array | None, least: int) -> tuple[Array, Array | None]:
    """Y with zeros where it is not seen, and the mask as an array of Y's batch; eq. (2)'s bad input is refused."""
    if not isinstance(prior, PosePrior):
        fail("prior", type(prior).__name__, "a PosePrior, as from load_prior")
    Y = check_floating("Y", Y)
    if str(Y.dtype).removeprefix("torch.") not in ("float32", "float64"):
        fail("Y", f"dtype {Y.dtype}", "float32 or float64")
    check_shape("Y", Y, 2, prior.mu.shape[-1])
    if visible is None:
        check_finite("Y", Y)
        return Y, None
    Y, mask = mask_landmarks("Y", Y, visible)
    fewest = int(mask.sum(-1).min()) if math.prod(mask.shape) else least
    if fewest < least:
        fail("visible", f"a frame with {fewest} visible landmarks", f"at least {least}, to fix what is solved for")
    return Y, mask


def _unit(y: torch.Tensor, scale: Array | float | None, batch: tuple[int, ...], visible: Array | None) -> torch.Tensor:
    """What to divide each frame by: the given scale, or the size of the person where it is solved for."""
    if scale is not None:
        given = np.asarray(to_numpy(check_array("scale", scale)))
        refuse("scale", given <= 0, lambda: float(given.min()), "numbers > 0")
        checked = torch.as_tensor(given, dtype=y.dtype, device=y.device)
        try:
            return torch.broadcast_to(checked, batch).reshape(len(y))
        except RuntimeError:
            fail("scale", f"shape {tuple(checked.shape)}", f"one number, or one per frame: shape {tuple(batch)}")
    seen = None if visible is None else _as_torch(visible, y.device).reshape(-1, y.shape[-1])
    size = centre(y.detach(), seen).square().sum((1, 2)).sqrt()
    rounding = 32 * torch.finfo(y.dtype).eps * y.detach().abs().flatten(1).amax(1)
    points = (size <= rounding).nonzero()[:, 0].tolist()
    if points:
        fail("Y", f"frame {points[0]}, whose visible landmarks are one point", "a person, to solve for the scale")
    return size


def _as_torch(value: Array, device: torch.device) -> torch.Tensor:
    return torch.as_tensor(value if torch.is_tensor(value) else np.array(value), device=device)


def _distinct_masks(
    visible: Array | None, frames: int, L: int, device: torch.device
) -> list[tuple[torch.Tensor | slice, tuple[bool, ...] | None]]:
    """The rows of every distinct mask, and the mask as a tuple (None: all seen): one table serves them all."""
    if visible is None or frames == 0:
        return [(slice(None), None)]
    masks = to_numpy(visible).reshape(frames, L)
    # 8 landmarks to a byte, and the bytes of a mask to one key: sorting keys is many times faster than sorting rows
    packed = np.packbits(masks, axis=1)
    _, first, kind = np.unique(packed.view(f"S{packed.shape[1]}")[:, 0], return_index=True, return_inverse=True)
    keys = [None if mask.all() else tuple(mask.tolist()) for mask in masks[first]]
    if len(keys) == 1:
        return [(slice(None), keys[0])]
    return [(_as_torch(np.flatnonzero(kind == k), device), key) for k, key in enumerate(keys)]


def _lift_masked(
    y: torch.Tensor,
    unit: torch.Tensor,
    prior: PosePrior,
    rotations: int,
    free: bool,
    mask: tuple[bool, ...] | None,
    camera: tuple[float, ...] | None,
    refine: Refinement,
) -> tuple[torch.Tensor, ...]:
    """theta, a, scale, component, cost and pose of frames y (N, 2, L) that share one mask."""
    weight = None if mask is None else torch.tensor(mask).to(y)
    middle = _mean(y, weight)
    Y = (y - middle) / unit[:, None, None]
    Y = Y if weight is None else Y * weight
    dtypes = {torch.float64, y.dtype} | ({torch.float32} if rotations <= CANDIDATES else set())
    tables = {dtype: table(prior, rotations, free, mask, camera, dtype, y.device) for dtype in dtypes}
    found = _search(tables, Y.detach())
    if not bool(found.admissible.all()):
        first = int((~found.admissible).nonzero()[0, 0])
        fail("Y", f"frame {first} (of those with its mask), which no rotation fits with a scale > 0",
             "a person who is not upside down (y is up) and not a single point")  # fmt: skip
    theta, component = tables[y.dtype].theta[found.angle], found.component
    s, b = solve_winners(tables[y.dtype], Y, found)
    if refine:
        theta, s, b = _refine(tables[torch.float64], prior, found, Y, theta, s, b, mask, camera, refine)
    # mu + a.e, times s: one product per component with mu on top of e
    model = torch.tensor(np.concatenate([prior.mu[:, None], prior.e], axis=1)).to(y).flatten(2)
    body = grouped_product(torch.cat([s[:, None], b], 1), component, model).unflatten(1, (3, -1))
    with trusted():
        pose = turn(body, theta, None if camera is None else torch.tensor(np.reshape(camera, (3, 3))).to(y))
    # The translation is solved for too: the visible landmarks of Y_hat have the mean of those of Y.
    fit = pose[:, :2] - _mean(pose[:, :2], weight)
    penalty = torch.tensor(prior.sigma).to(y)[component] * b
    residual = Y - fit if weight is None else (Y - fit) * weight
    # (2)  ||Y - Y_hat||^2 + ||sigma b||^2
    least = residual.square().sum((1, 2)) + penalty.square().sum(1)
    pose = torch.cat([fit, pose[:, 2:]], dim=1) * unit[:, None, None]
    pose[:, :2] += middle
    return theta, b / s[:, None], s * unit, component, least * unit**2, pose


def _mean(points: torch.Tensor, weight: torch.Tensor | None) -> torch.Tensor:
    """The mean of the visible points, (N, d, 1)."""
    if weight is None:
        return points.mean(-1, keepdim=True)
    return (points @ weight)[..., None] / weight.sum()


@torch.no_grad()
def _search(tables: dict[torch.dtype, Table], Y: torch.Tensor) -> Found:
    """The winners: up to CANDIDATES rotations in float32, where those too close to call are called in float64."""
    exact = tables[torch.float64]
    if len(exact.theta) > CANDIDATES:
        return find_winners(exact, Y.double())
    found = find_winners(tables[torch.float32], Y.float())
    rows = found.uncertain.nonzero()[:, 0]
    again = find_winners(exact, Y[rows].double())
    return Found(
        found.component.index_copy(0, rows, again.component),
        found.angle.index_copy(0, rows, again.angle),
        found.cost.index_copy(0, rows, again.cost.float()),
        found.uncertain,
        found.admissible.index_copy(0, rows, again.admissible),
    )


def _refine(
    tab: Table,
    prior: PosePrior,
    found: Found,
    Y: torch.Tensor,
    theta: torch.Tensor,
    s: torch.Tensor,
    b: torch.Tensor,
    mask: tuple[bool, ...] | None,
    camera: tuple[float, ...] | None,
    method: Refinement,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """An angle theta off the finite set, and the solution there, wherever that lowers the cost of eq. (2)."""
    k = found.component
    if method == "least squares":
        tried = _least_squares(prior, k, theta, Y, tab.free, mask, camera)
    else:
        left, middle, right = neighbouring_costs(tab, Y.detach().double(), found).to(Y).unbind(1)
        bend = left - 2 * middle + right
        # The vertex of the parabola through three equally spaced points
        shift = torch.where(bend > 0, (left - right) / (2 * bend), 0.0).clamp(-0.5, 0.5)
        tried = theta + shift * (2 * math.pi / len(tab.theta))
    before = _solve_each(prior, k, theta, Y, tab.free, mask, camera)
    after = _solve_each(prior, k, tried, Y, tab.free, mask, camera)
    better = (after[2] < before[2]) & (after[0] > 0)
    s, b = torch.where(better, after[0], s), torch.where(better[:, None], after[1], b)
    return torch.where(better, tried % (2 * math.pi), theta), s, b


def _solve_each(
    prior: PosePrior,
    component: torch.Tensor,
    theta: torch.Tensor,
    Y: torch.Tensor,
    free: bool,
    mask: tuple[bool, ...] | None,
    camera: tuple[float, ...] | None,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """s, b and the cost of eq. (2) for every frame at an angle of its own."""
    mu, e, sigma = (torch.tensor(value).to(Y)[component] for value in (prior.mu, prior.e, prior.sigma))
    seen = torch.ones(Y.shape[-1], dtype=torch.bool) if mask is None else torch.tensor(mask)
    p, E = projected_model(
        mu, e, theta, weights=seen.to(Y.device), camera=None if camera is None else np.reshape(camera, (3, 3))
    )
    y, D, ridge = (unwrap(Y), *free_scale(p, E, sigma)) if free else (unwrap(Y) - p, E, sigma)
    b = (truncated_pseudo_inverse(D, ridge) @ y[..., None])[..., 0]
    least = cost(y, torch.zeros_like(y), D, ridge, b)
    return (b[:, 0], b[:, 1:], least) if free else (torch.ones_like(least), b, least)


def _least_squares(
    prior: PosePrior,
    component: torch.Tensor,
    theta: torch.Tensor,
    Y: torch.Tensor,
    free: bool,
    mask: tuple[bool, ...] | None,
    camera: tuple[float, ...] | None,
) -> torch.Tensor:
    """Theta by SciPy's trust-region least squares over (theta, b) jointly, or (theta, s, b): one frame at a time."""
    from scipy.optimize import least_squares  # takes as long to load as all else in this package

    seen = np.ones(Y.shape[-1], dtype=bool) if mask is None else np.array(mask)
    C = None if camera is None else np.reshape(camera, (3, 3))

    def refine_one(k: int, start: float, y: np.ndarray, unknowns: np.ndarray) -> float:
        def residual(x: np.ndarray) -> np.ndarray:
            p, E = projected_model(prior.mu[k], prior.e[k], x[0], weights=seen, camera=C)
            s, b = (x[1], x[2:]) if free else (1.0, x[1:])
            return np.concatenate([y - s * p - E @ b, prior.sigma[k] * b])

        return least_squares(residual, np.concatenate([[start], unknowns]), x_scale="jac").x[0]

    s, b, _ = _solve_each(prior, component, theta.double(), Y.double(), free, mask, camera)
    unknowns = torch.cat([s[:, None], b], 1) if free else b
    columns = (to_numpy(value) for value in (component, theta.double(), unwrap(Y.double()), unknowns))
    refined = [refine_one(*row) for row in zip(*columns, strict=True)]
    return torch.tensor(np.array(refined)).to(Y)


def landmark_jacobian(result: Lifted, prior: PosePrior, centred: bool = True) -> Float[Array, "*batch 2*L 2*L"]:
    """dy_hat/dy of eq. (8) for a result of `lifting.lift`: how Y_hat moves when Y moves, at the winning R.

    Row and column i < L are the x of landmark i, L + i its y. Computed in float64, given in the dtype of the result.

    Args:
        result: what `lifting.lift` gave, in any of its variants (scale, visible, weights, camera, refined).
        prior: the prior that it was lifted with.
        centred: whether Y and Y_hat count from the mean of the visible landmarks, as in the supplement, or in the
            coordinates of the image, where that mean passes straight through.

    Raises:
        ValueError: a result that `lift` did not give, or a prior of another number of landmarks, bases or components.
    """
    _check_origin(result, prior)
    k, theta, weights, camera = (
        to_numpy(value) for value in (result.component, result.theta, result.visible, result.camera)
    )
    E, E_bar_t = landmark_model(
        prior.gaussian(k), theta.astype(np.float64), free_scale=result.free_scale, weights=weights,
        camera=camera.astype(np.float64),
    )  # fmt: skip
    H = jacobian(E, E_bar_t)
    if not centred:
        # + (I - C): the mean of the visible landmarks passes straight through
        H = H + np.eye(2 * prior.L) - centring(prior.L, weights)
    return like(H, result.theta)


def _check_origin(result: Lifted, prior: PosePrior) -> None:
    """Refuse what `lift` did not give, and a prior that it can't have been given."""
    if not isinstance(result, Lifted):
        fail("result", type(result).__name__, "a Lifted, as from lifting.lift")
    if not isinstance(prior, PosePrior):
        fail("prior", type(prior).__name__, "a PosePrior, as from load_prior")
    sizes = int(to_numpy(result.component).max(initial=0)) + 1, result.a.shape[-1], result.visible.shape[-1]
    if sizes[0] > prior.K or sizes[1:] != (prior.J, prior.L):
        fail("prior", f"components, bases, landmarks = {prior.K}, {prior.J}, {prior.L}",
             f"the prior of the result: at least {sizes[0]}, {sizes[1]}, {sizes[2]}")  # fmt: skip
