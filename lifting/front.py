"""The front door: landmarks in, 3D poses out. Supplement, eq. (1)-(6); and the Jacobian of all that, eq. (8).

`lift` has the landmarks checked (`lifting.given`), centres them, lets `lifting.search` or `lifting.confidence` find
every frame's rotation and component, and turns the winners into poses.
"""

import math
from typing import Any, NamedTuple, NoReturn, Unpack

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from lifting.camera import rotation, turn
from lifting.confidence import find_weighted, forms
from lifting.given import Frames, LiftOptions, Options, check_frames, check_landmarks, check_options
from lifting.landmark_gradient import centring, jacobian, landmark_model
from lifting.misfit import misfit, warn_of_poor_fits
from lifting.pose_prior import PosePrior, check_prior
from lifting.refining import Solved, refined
from lifting.search import FEW, Found, find_and_solve, winners_body
from lifting.solve import weighted_mean
from lifting.support.arrays import Array, fail, like, to_numpy, trusted
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
    camera: Float[Array, "*batch 3 3"]
    """The rotation of the camera: the known one, (3, 3), the identity where none was given; after the tilt that was
    found, and of every frame, where tilts were searched."""
    free_scale: bool
    """Whether the scale was solved for."""
    weights: Float[Array, "*batch L"]
    """How much each landmark counted; 0 and 1 where only `visible` was given."""
    tilt: Float[Array, "*batch"]
    """The tilt that was found, radians; 0 where none were searched."""
    misfit: Float[Array, "*batch"]
    """The cost over what the prior's noise makes one expect: see `lifting.misfit`. About 1 for samples of the prior;
    above `POOR` something is wrong with the landmarks."""
    usable: Bool[Array, "*batch"]
    """Whether the frame could be lifted; where not, all else is NaN, False or 0, and the component is -1."""


def lift(
    Y: Float[Array, "*batch 2 L"],
    prior: PosePrior,
    *,
    scale: float | Float[Array, "*batch"] | None = 1.0,
    visible: Bool[Array, "*batch L"] | None = None,
    weights: Float[Array, "*batch L"] | None = None,
    **options: Unpack[LiftOptions],
) -> Lifted:
    """Lift 2D landmarks to 3D poses: the exhaustive minimisation of eq. (2), then eq. (6) and (1).

    Autograd differentiates the result by Y and by the scale, at the rotation and component that won.

    Args:
        Y: (..., 2, L), x to the right and **y up** (`camera.flip_y` turns the rows of an image); need not be centred.
        prior: the statistical model of pose.
        scale: what one metre measures in Y, one number or one per frame; None: solved for (weak perspective), and Y
            may then be in pixels.
        visible: (..., L) or (L,), True where a landmark was seen; what Y holds elsewhere is ignored.
        weights: (..., L) or (L,), numbers >= 0: how much the square of each landmark's error counts, such as a
            detector's confidences; a weight of 2 counts like two landmarks in one place, 0 like one not seen. Given
            `visible` too, both count.
        options: `rotations`, `camera`, `tilts`, `refine` and `unusable`, as `LiftOptions` describes them.

    Warns:
        PoorFit: most frames fit far worse than the prior's noise allows, and what is likely wrong. Off with
            `warnings.simplefilter("ignore", PoorFit)`.

    Raises:
        ValueError: a wrong shape or type, a visible landmark that is not finite, no rotations, a scale that is not
            positive, a negative weight, a frame with fewer landmarks of weight > 0 than fix the angle (2) or the angle
            and the scale (3), a camera that is no rotation, no tilts or one that is not finite, an unknown refinement,
            a frame that no rotation fits with s > 0 (upside down), or a gradient wanted by camera, tilts or weights.
        TypeError: an unknown keyword.
    """
    chosen, Y = check_options(options), check_landmarks(Y, prior)
    frames = check_frames(Y, scale, visible, weights, chosen.skip)
    with trusted():
        turned = turn_prior(prior, chosen.rotations, free_scale=scale is None, camera=chosen.camera, tilts=chosen.tilts)
        lifted = _as_given(*_lift_frames(turned, frames, chosen), Y)
    warn_of_poor_fits(lifted.misfit)
    return lifted


def _lift_frames(turned: TurnedPrior, frames: Frames, options: Options) -> tuple[Lifted, Frames]:
    """All frames lifted, in one row, and which they are: with `options.skip` those that no rotation fits are left out.

    Few frames, and those for which many rotations leave little to tell them by, go the whole way in float64.
    """
    few = len(frames.Y) <= FEW
    dtype = precise(frames.Y.device) if few or turned.rotations > CANDIDATES else frames.Y.dtype
    y, w = frames.Y.to(dtype), None if frames.weights is None else frames.weights.to(dtype)
    middle = weighted_mean(y, w)
    Y = y - middle if w is None else (y - middle) * (w > 0)[:, None]
    if frames.scale is None:
        unit, point = _sizes(Y.detach(), middle.detach(), frames.Y.dtype)
        Y = Y.where(~point[:, None, None], 0)
    else:
        unit, point = frames.scale.to(dtype), None
    Y = Y / unit[:, None, None]
    found, sb = (
        find_and_solve(turned, Y) if w is None else find_weighted(forms(turned, precise(Y.device), Y.device), Y, w)
    )
    if point is not None and not bool(found.admissible.all()):
        if not options.skip:
            _refuse_unfit(frames, found, point)
        return _lift_frames(turned, frames.only(found.admissible), options)
    tab, angle = table(turned, dtype, Y.device), found.angle
    theta, R, (tilt, camera) = tab.theta[angle], tab.R[angle], _seen_by(turned, tab, angle)
    if options.refine:
        theta, sb = refined(turned, Y, w, Solved(found.component, theta, sb, camera), options.refine)
        R = rotation(theta)
    s, b = sb[:, 0], sb[:, 1:]
    # (1)  R (mu + a.e), times s
    body = winners_body(tab, sb, found)
    pose = R @ body if few else turn(body, theta)  # products of small matrices are slow in large numbers
    if turned.cameras is not None:
        pose = camera @ pose
    # The translation is solved for too: Y_hat has the mean of Y.
    if w is not None:
        pose[:, :2] -= weighted_mean(pose[:, :2], w)
    # (2)  ||Y - Y_hat||^2 + ||sigma b||^2
    error = (Y - pose[:, :2]).square()
    error = error if w is None else error * w[:, None]
    least = error.sum((1, 2)) + (tab.sigma[found.component] * b).square().sum(1)
    pose = pose * unit[:, None, None]
    pose[:, :2] += middle
    count = float(turned.prior.L) if w is None else torch.where(w > 0, w.clamp(min=1), 0).sum(1)
    relative = misfit(least, s, tab.noise_variance[found.component, 0], count, turned.free_scale)
    w = y.new_ones(y.shape[::2]) if w is None else w.clone()
    return Lifted(theta, R, b / s[:, None], s * unit, found.component, least * unit**2, pose[:, :2], pose, w > 0,
                  camera, turned.free_scale, w, tilt, relative, w[:, 0] >= 0), frames  # fmt: skip


def _seen_by(turned: TurnedPrior, tab: Table, angle: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The tilt (N,) and the camera after it: (N, 3, 3), or (3, 3) where no tilts are searched."""
    if turned.tilts is None or tab.cameras is None:
        camera = torch.eye(3, dtype=tab.R.dtype, device=tab.R.device) if tab.cameras is None else tab.cameras[0]
        return torch.zeros_like(angle, dtype=tab.R.dtype), camera
    which = angle // turned.rotations
    return tensor(turned.tilts, tab.R.dtype, tab.R.device)[which], tab.cameras[which]


def _refuse_unfit(frames: Frames, found: Found, point: torch.Tensor) -> NoReturn:
    """The ValueError of the first frame that no rotation fits."""
    if point[~found.admissible][0]:
        frames.refuse("Y", ~found.admissible, ", whose visible landmarks are one point",
                      "a person, to solve for the scale")  # fmt: skip
    frames.refuse("Y", ~found.admissible, ", which no rotation fits with a scale > 0",
                  "a person who is not upside down (y is up) and not a single point")  # fmt: skip


def _sizes(Y: torch.Tensor, middle: torch.Tensor, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    """The size of each person, (N,), to divide by where the scale is solved for; and whether it is but rounding."""
    size = torch.linalg.vector_norm(Y, dim=(1, 2))
    point = size <= 32 * torch.finfo(dtype).eps * torch.linalg.vector_norm(middle, math.inf, dim=(1, 2))
    return size.where(~point, 1), point


def _as_given(lifted: Lifted, frames: Frames, Y: Array) -> Lifted:
    """The results with the dimensions, library and dtype of the landmarks Y; blank for frames that were left out."""
    dtype, batch, rows = frames.Y.dtype, frames.batch, frames.rows

    def whole(field: str, value: Any) -> Any:
        if field == "free_scale":
            return value
        value = value.to(dtype) if value.is_floating_point() else value
        if field != "camera" or value.ndim == 3:
            if rows is not None:
                blank = {"component": -1, "visible": False, "usable": False, "weights": 0}.get(field, math.nan)
                value = value.new_full((math.prod(batch), *value.shape[1:]), blank).index_copy(0, rows, value)
            value = value.reshape(batch + value.shape[1:])
        return value.numpy() if isinstance(Y, np.ndarray) else value

    return Lifted(**{field: whole(field, value) for field, value in lifted._asdict().items()})


def landmark_jacobian(result: Lifted, prior: PosePrior, centred: bool = True) -> Float[Array, "*batch 2*L 2*L"]:
    """dy_hat/dy of eq. (8) for a result of `lifting.lift`: how Y_hat moves when Y moves, at the winning R.

    Row and column i < L are the x of landmark i, L + i its y. Computed in float64, given in the dtype of the result.

    Args:
        result: what `lifting.lift` gave, in any of its variants (scale, visible, weights, camera, tilts, refined).
        prior: the prior that it was lifted with.
        centred: whether Y and Y_hat count from the mean of the visible landmarks, as in the supplement, or in the
            coordinates of the image, where that mean passes straight through.

    Returns:
        (..., 2L, 2L); NaN for a frame that was left out.

    Raises:
        ValueError: a result that `lift` did not give, or a prior of another number of landmarks, bases or components.
    """
    _check_origin(result, prior)
    k, theta, weights, camera, usable = (
        to_numpy(value) for value in (result.component, result.theta, result.weights, result.camera, result.usable)
    )
    # a frame that was left out gets some model, and then NaN
    theta, weights = np.where(usable, theta, 0.0).astype(np.float64), np.where(usable[..., None], weights, 1.0)
    camera = np.where(usable[..., None, None], camera, np.eye(3)) if camera.ndim > 2 else camera
    E, E_bar_t = landmark_model(
        prior.gaussian(k), theta, free_scale=result.free_scale, weights=weights, camera=camera.astype(np.float64)
    )
    H = jacobian(E, E_bar_t)
    if not centred:
        # + (I - C): the mean of the visible landmarks passes straight through
        H = H + np.eye(2 * prior.L) - centring(prior.L, weights)
    return like(np.where(usable[..., None, None], H, math.nan), result.theta)


def _check_origin(result: Lifted, prior: PosePrior) -> None:
    """Refuse what `lift` did not give, and a prior that it can't have been given."""
    if not isinstance(result, Lifted):
        fail("result", type(result).__name__, "a Lifted, as from lifting.lift")
    check_prior(prior)
    sizes = int(to_numpy(result.component).max(initial=0)) + 1, result.a.shape[-1], result.visible.shape[-1]
    if sizes[0] > prior.K or sizes[1:] != (prior.J, prior.L):
        fail("prior", f"components, bases, landmarks = {prior.K}, {prior.J}, {prior.L}",
             f"the prior of the result: at least {sizes[0]}, {sizes[1]}, {sizes[2]}")  # fmt: skip
