"""The front door: landmarks in, 3D poses out. Supplement, eq. (1)-(6); and the Jacobian of all that, eq. (8).

`lift` prepares the landmarks (checks, weights, centring), lets `lifting.search` or `lifting.confidence` find every
frame's rotation and component, and turns the winners into poses.
"""

import math
from typing import NamedTuple, TypedDict, Unpack, get_args

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from lifting.camera import ROTATIONS, rotation, turn
from lifting.confidence import MANY, find_weighted, forms
from lifting.landmark_gradient import centring, jacobian, landmark_model
from lifting.pose_prior import PosePrior
from lifting.refining import Refinement, Solved, refined
from lifting.search import FEW, Found, find_certainly, find_winners, solve_winners, winners_body
from lifting.skeleton import check_visible, mask_landmarks
from lifting.solve import weighted_mean
from lifting.support.arrays import (
    Array,
    check_array,
    check_count,
    check_finite,
    check_floating,
    check_rotation,
    check_shape,
    fail,
    is_torch,
    like,
    namespace,
    refuse,
    to_numpy,
    trusted,
)
from lifting.tables import CANDIDATES, Table, precise, table, tensor
from lifting.turned import TurnedPrior, turn_prior


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
    """The minimum of eq. (2), in squared units of Y: ||y - s p - E b||^2 + ||sigma b||^2 with b = s a, where each
    landmark's square counts by its weight."""
    Y_hat: Float[Array, "*batch 2 L"]
    """The projected pose of eq. (1), in Y's coordinates and units; every landmark, seen or not."""
    pose: Float[Array, "*batch 3 L"]
    """The pose in the camera's frame, in Y's units: its first two rows are Y_hat, its z towards the viewer and
    centred. Divide by the scale for metres."""
    visible: Bool[Array, "*batch L"]
    """Which landmarks counted: those of weight > 0."""
    camera: Float[Array, "3 3"]
    """The known rotation of the camera; the identity where none was given."""
    free_scale: bool
    """Whether the scale was solved for."""
    weights: Float[Array, "*batch L"]
    """How much each landmark counted; 0 and 1 where only `visible` was given."""


class SearchOptions(TypedDict, total=False):
    """What may be said to `lift` about the search."""

    rotations: int
    """How many equally spaced angles about the vertical are searched; ROTATIONS where not given."""
    camera: Float[Array, "3 3"] | None
    """(3, 3), the known rotation of a camera that is not level: Y_hat = s Pi camera R (mu + a.e)."""
    refine: Refinement
    """True or "parabola" moves theta off the finite set to the lowest point of the parabola through three costs;
    "least squares" hands each frame to SciPy's optimiser (slow: the reference). Where that would raise the cost, the
    angle stays."""


def lift(
    Y: Float[Array, "*batch 2 L"],
    prior: PosePrior,
    *,
    scale: float | Float[Array, "*batch"] | None = 1.0,
    visible: Bool[Array, "*batch L"] | None = None,
    weights: Float[Array, "*batch L"] | None = None,
    **search: Unpack[SearchOptions],
) -> Lifted:
    """Lift 2D landmarks to 3D poses: the exhaustive minimisation of eq. (2), then eq. (6) and (1).

    Args:
        Y: (..., 2, L), x to the right and **y up** (`camera.flip_y` turns the rows of an image); need not be centred.
        prior: the statistical model of pose.
        scale: what one metre measures in Y, one number or one per frame; None: solved for (weak perspective), and Y
            may then be in pixels.
        visible: (..., L) or (L,), True where a landmark was seen; what Y holds elsewhere is ignored.
        weights: (..., L) or (L,), numbers >= 0: how much the square of each landmark's error counts, such as a
            detector's confidences; a weight of 2 counts like two landmarks in one place, 0 like one not seen. Given
            `visible` too, both count.
        search: `rotations`, `camera` and `refine`, as `SearchOptions` describes them.

    Raises:
        ValueError: a wrong shape or type, a visible landmark that is not finite, no rotations, a scale that is not
            positive, a negative weight, a frame with fewer landmarks of weight > 0 than fix the angle (2) or the angle
            and the scale (3), a camera that is no rotation, an unknown refinement, or a frame that no rotation fits
            with s > 0 (upside down).
        TypeError: an unknown keyword.
    """
    rotations, camera, refine = _check_options(search)
    Y, w = _check_landmarks(Y, prior, visible, weights, least=2 if scale is not None else 3)
    batch, L = tuple(Y.shape[:-2]), Y.shape[-1]
    y = torch.from_numpy(np.require(Y, requirements=["C", "W"])) if isinstance(Y, np.ndarray) else Y
    y = y.reshape(math.prod(batch), 2, L)
    if w is not None:
        w = torch.as_tensor(np.array(w) if isinstance(w, np.ndarray) else w, device=y.device).reshape(len(y), L)
    unit = None if scale is None else _check_scale(scale, y, batch)
    with trusted():
        turned = turn_prior(prior, rotations, free_scale=scale is None, camera=camera)
        fields = _lift_frames(turned, Frames(y, w, unit, batch), refine)
    w = y.new_ones(len(y), L) if w is None else w.clone()
    values = *fields, w > 0, w
    arrays = [value.numpy() for value in values] if isinstance(Y, np.ndarray) else values
    theta, R, a, s, component, cost, pose, seen, w = (value.reshape(batch + value.shape[1:]) for value in arrays)
    eye = np.eye(3) if camera is None else camera
    C = eye.astype(Y.dtype) if isinstance(Y, np.ndarray) else tensor(eye, y.dtype, y.device)
    return Lifted(theta, R, a, s, component, cost, pose[..., :2, :], pose, seen, C, scale is None, w)


def _check_options(search: SearchOptions) -> tuple[int, np.ndarray | None, Refinement]:
    """Rotations, camera and refinement, with what was not given filled in."""
    unknown = ", ".join(search.keys() - SearchOptions.__annotations__.keys())
    if unknown:
        raise TypeError(f"lift() got {unknown}, expected no other keywords than scale, visible, weights, "
                        f"{', '.join(SearchOptions.__annotations__)}")  # fmt: skip
    refine, camera = search.get("refine", False), search.get("camera")
    rotations = check_count("rotations", search.get("rotations", ROTATIONS), 3 if refine in (True, "parabola") else 1)
    if refine not in get_args(Refinement):
        fail("refine", repr(refine), "False, True, 'parabola' or 'least squares'")
    C = None if camera is None else to_numpy(check_rotation("camera", camera)).astype(np.float64)
    return rotations, C, refine


def _check_landmarks(
    Y: Array, prior: PosePrior, visible: Array | None, weights: Array | None, least: int
) -> tuple[Array, Array | None]:
    """Y with zeros where it does not count, and the weights (None: all 1) as an array of Y's batch and dtype."""
    if not isinstance(prior, PosePrior):
        fail("prior", type(prior).__name__, "a PosePrior, as from load_prior")
    Y = check_floating("Y", Y)
    if str(Y.dtype).removeprefix("torch.") not in ("float32", "float64"):
        fail("Y", f"dtype {Y.dtype}", "float32 or float64")
    check_shape("Y", Y, 2, prior.mu.shape[-1])
    if visible is None and weights is None:
        check_finite("Y", Y)
        return Y, None
    w = _check_weights(Y, visible, weights)
    Y, seen = mask_landmarks("Y", Y, w > 0)
    counts = to_numpy(seen.sum(-1))
    if counts.size and counts.min() < least:
        argument, what = ("visible", "visible landmarks") if weights is None else ("weights", "landmarks of weight > 0")
        fail(argument, f"{_name(int(counts.argmin()), counts.shape)} with {counts.min()} {what}",
             f"at least {least}, to fix what is solved for")  # fmt: skip
    return Y, None if bool((w == 1).all()) else w


def _check_weights(Y: Array, visible: Array | None, weights: Array | None) -> Array:
    """`weights` times `visible`, (..., L), as an array like Y."""
    product: Array = 1.0
    shape = (*Y.shape[:-2], Y.shape[-1])
    if visible is not None:
        product = namespace(Y).astype(check_visible(visible, Y), Y.dtype)
    if weights is not None:
        w = check_floating("weights", weights)
        if tuple(w.shape) not in (shape, shape[-1:]):
            fail("weights", f"shape {tuple(w.shape)}", f"shape {shape}" + f" or {shape[-1:]}" * (len(shape) > 1))
        check_finite("weights", w)
        refuse("weights", w < 0, float(w.min()) if 0 not in w.shape else 0.0, "numbers >= 0")
        w = tensor(w, Y.dtype, Y.device) if is_torch(Y) and not is_torch(w) else like(w, Y)
        product = product * w
    return namespace(Y).broadcast_to(product, shape)


def _name(index: int, batch: tuple[int, ...]) -> str:
    """What messages call a frame of the batch."""
    place = tuple(int(i) for i in np.unravel_index(index, batch)) if batch else ()
    return {0: "a frame", 1: f"frame {index}"}.get(len(place), f"frame {place}")


def _check_scale(scale: Array | float, y: torch.Tensor, batch: tuple[int, ...]) -> torch.Tensor:
    """The given scale of every frame, (N,)."""
    if type(scale) is float and 0 < scale < math.inf:
        return y.new_full((len(y),), scale)
    given = to_numpy(check_array("scale", scale))
    refuse("scale", given <= 0, lambda: float(given.min()), "numbers > 0")
    try:
        each = np.broadcast_to(given, batch).ravel()
    except ValueError:
        fail("scale", f"shape {given.shape}", f"one number, or one per frame: shape {batch}")
    return tensor(each, y.dtype, y.device)


class Frames(NamedTuple):
    """What `lift` was given, checked and in one row of N frames."""

    Y: torch.Tensor  # (N, 2, L), 0 where the weight is 0
    weights: torch.Tensor | None  # (N, L); None where all are 1
    scale: torch.Tensor | None  # (N,); None where it is solved for
    batch: tuple[int, ...]  # their dimensions before


def _lift_frames(turned: TurnedPrior, frames: Frames, refine: Refinement) -> tuple[torch.Tensor, ...]:
    """theta, R, a, scale, component, cost and pose of all frames."""
    dtype = precise(frames.Y.device) if _few(frames.Y, turned) else frames.Y.dtype
    y, w = frames.Y.to(dtype), None if frames.weights is None else frames.weights.to(dtype)
    middle = weighted_mean(y, w)
    Y = y - middle if w is None else (y - middle) * (w > 0)[:, None]
    unit = _sizes(frames, Y.detach()) if frames.scale is None else frames.scale.to(dtype)
    Y = Y / unit[:, None, None]
    tab, y, found = _search(turned, Y, w)
    if turned.free_scale and not bool(found.admissible.all()):
        first = int((~found.admissible).nonzero()[0, 0])
        fail("Y", f"{_name(first, frames.batch)}, which no rotation fits with a scale > 0",
             "a person who is not upside down (y is up) and not a single point")  # fmt: skip
    theta, R, sb = tab.theta[found.angle], tab.R[found.angle], solve_winners(tab, y, found)
    if refine:
        theta, sb = refined(turned, Y, w, Solved(found.component, theta, sb), refine)
        R = rotation(theta)
    s, b = sb[:, 0], sb[:, 1:]
    # (1)  R (mu + a.e), times s
    body = winners_body(tab, sb, found)
    pose = R @ body if len(Y) <= FEW else turn(body, theta)  # products of small matrices are slow in large numbers
    if turned.camera is not None:
        pose = tensor(turned.camera, Y.dtype, Y.device) @ pose
    # The translation is solved for too: Y_hat has the mean of Y.
    shift = None if w is None else weighted_mean(pose[:, :2], w)
    fit = pose[:, :2] if shift is None else pose[:, :2] - shift
    # (2)  ||Y - Y_hat||^2 + ||sigma b||^2
    error = (Y - fit).square() if w is None else (Y - fit).square() * w[:, None]
    least = error.sum((1, 2)) + (tab.sigma[found.component] * b).square().sum(1)
    pose = pose * unit[:, None, None]
    pose[:, :2] += middle if shift is None else middle - shift * unit[:, None, None]
    values = theta, R, b / s[:, None], s * unit, found.component, least * unit**2, pose
    if dtype == frames.Y.dtype:
        return values
    return tuple(value if value is found.component else value.to(frames.Y.dtype) for value in values)


def _few(Y: torch.Tensor, turned: TurnedPrior) -> bool:
    """Whether to go the whole way in float64: for few frames, and where many rotations leave little to tell them by."""
    return len(Y) <= FEW or len(turned.theta) > CANDIDATES


def _search(turned: TurnedPrior, Y: torch.Tensor, weights: torch.Tensor | None) -> tuple[Table, torch.Tensor, Found]:
    """The winners of Y, and a table and landmarks of which `solve_winners` gives their solution."""
    if weights is not None:
        if len(Y) < MANY or not bool((weights == weights[0]).all()):
            dtype = precise(Y.device)
            found, y = find_weighted(forms(turned, dtype, Y.device), Y.to(dtype), weights.to(dtype))
            return table(turned, Y.dtype, Y.device), y.to(Y.dtype), found
        turned = turned.with_weights(weights[0])
        Y = Y * weights.sqrt()[:, None]
    exact = table(turned, precise(Y.device), Y.device)
    if _few(Y, turned):
        return exact, Y, find_winners(exact, Y)
    found = find_certainly(table(turned, torch.float32, Y.device), exact, Y)
    return table(turned, Y.dtype, Y.device), Y, found


def _sizes(frames: Frames, Y: torch.Tensor) -> torch.Tensor:
    """What to divide each frame by where the scale is solved for: the size of the person."""
    size = Y.square().sum((1, 2)).sqrt()
    rounding = 32 * torch.finfo(frames.Y.dtype).eps * frames.Y.detach().abs().flatten(1).amax(1)
    if bool((size <= rounding).any()):
        first = int((size <= rounding).nonzero()[0, 0])
        fail("Y", f"{_name(first, frames.batch)}, whose visible landmarks are one point",
             "a person, to solve for the scale")  # fmt: skip
    return size


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
        to_numpy(value) for value in (result.component, result.theta, result.weights, result.camera)
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
