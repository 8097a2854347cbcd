"""The front door: landmarks in, 3D poses out. Supplement, eq. (1)-(6); and the Jacobian of all that, eq. (8).

`lift` has the landmarks checked (`lifting.given`), centres them, lets `lifting.search` or `lifting.confidence` find
every frame's rotation and component, and turns the winners into poses.
"""

import math
from typing import Any, NamedTuple, NoReturn, Unpack

import numpy as np
import torch
from array_api_compat import device
from jaxtyping import Bool, Float, Int

from lifting.camera import rotation, turn
from lifting.confidence import find_weighted, forms
from lifting.given import Frames, LiftOptions, Options, check_frames, check_landmarks, check_options
from lifting.landmark_gradient import centring, jacobian, landmark_model
from lifting.misfit import POOR, misfit, warn_of_poor_fits
from lifting.pose_prior import PosePrior, check_prior
from lifting.refining import Solved, refined
from lifting.search import FEW, Found, find_and_solve, winners_body
from lifting.solve import weighted_mean
from lifting.support.arrays import Array, fail, is_torch, like, namespace, rows, to_numpy, trusted
from lifting.tables import CANDIDATES, precise, table_for, tensor
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
    """The tilt that was found, radians; 0 where none were searched. With `orientation="free"`: by how much the camera
    looks down on the body's own vertical, from -pi/2 to pi/2."""
    misfit: Float[Array, "*batch"]
    """The cost over what the prior's noise makes one expect: see `lifting.misfit`. About 1 for samples of the prior;
    above `POOR` something is wrong with the landmarks."""
    usable: Bool[Array, "*batch"]
    """Whether the frame could be lifted; where not, all else is NaN, False or 0, and the component is -1."""

    @property
    def fit(self) -> Bool[Array, "*batch"]:
        """Whether the frame was lifted and fits: a misfit of at most `POOR`. How far to trust it: `lifting.misfit`."""
        return self.misfit <= POOR

    @property
    def up(self) -> Float[Array, "*batch 3"]:
        """Where the body's own vertical, from the feet to the head of someone who stands, points in the camera's frame.

        (0, 1, 0) for a level camera. (3,) for all frames where neither tilts nor orientations were searched.
        """
        return self.camera[..., :, 1]


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
        options: `rotations`, `camera`, `tilts`, `orientation`, `refine` and `unusable`: see `LiftOptions`.

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
    # landmarks in NumPy want no gradient
    with trusted(), torch.set_grad_enabled(is_torch(Y) and torch.is_grad_enabled()):
        turned = turn_prior(prior, chosen.rotations, free_scale=scale is None, camera=chosen.camera, tilts=chosen.tilts)
        lifted = _as_given(*_lift_frames(turned, frames, chosen), Y)
    relative = _misfit(lifted, prior, frames.weights is None and frames.rows is None)
    warn_of_poor_fits(relative)
    return lifted._replace(misfit=relative)


def _lift_frames(turned: TurnedPrior, frames: Frames, options: Options) -> tuple[Lifted, Frames]:
    """All frames lifted, in one row, and which they are: `options.skip` leaves out those that no rotation fits."""
    y, w, unit = _to_search(frames, turned, options)
    middle = y.sum(2, keepdims=True) / y.shape[2] if w is None else weighted_mean(y, w)
    Y = y - middle if w is None else (y - middle) * (w > 0)[:, None]
    unit = _sizes(Y, middle, frames.Y.dtype) if unit is None else unit
    Y = Y / unit
    if w is None:
        found, sb = find_and_solve(turned, Y)
    else:
        found, sb = find_weighted(forms(turned, precise(Y.device), Y.device), Y, w)
    if turned.free_scale and not bool(found.admissible.all()):
        if not options.skip:
            _refuse_unfit(frames, found, unit)
        fit = torch.as_tensor(found.admissible, device=frames.Y.device)
        return _lift_frames(turned, frames.only(fit), options)
    theta, tilt, R, camera = _seen_from(turned, found, Y)
    if options.refine:
        theta, sb = refined(turned, Y, w, Solved(found.component, theta, sb, camera), options.refine)
        R = rotation(theta)
    tab = table_for(turned, Y)
    sigma = rows(tab.sigma, found.component)
    won = Won(found.component, theta, tilt, R, camera, sb, winners_body(tab, sb, found), sigma)
    seen = Given(Y, middle, unit, tab.xp.ones_like(Y[:, 0]) if w is None else w.clone())
    if frames.numpy and len(Y) <= FEW and is_torch(Y):
        seen, won = Given(*map(torch.Tensor.numpy, seen)), Won(*map(torch.Tensor.numpy, won))
    return _poses(seen, won, turned, w is None), frames


def _to_search(frames: Frames, turned: TurnedPrior, options: Options) -> tuple[Array, Array | None, Array | None]:
    """The landmarks, weights and scale of `frames` in the dtype and the library in which they are searched.

    Few frames, and those for which many rotations leave little to tell them by, go the whole way in float64. Few that
    came in NumPy stay there where all weights are 1, up to `CANDIDATES` rotations, and if they aren't refined: an
    operation on few numbers takes torch three times as long.
    """
    few, finer = len(frames.Y) <= FEW, turned.rotations > CANDIDATES
    dtype = precise(frames.Y.device) if few or finer else frames.Y.dtype
    stay = frames.numpy and few and frames.weights is None and not (finer or options.refine)

    def put(part: torch.Tensor) -> Array:
        return part.to(dtype).numpy() if stay else part.to(dtype)

    w, unit = (None if part is None else put(part) for part in (frames.weights, frames.scale))
    return put(frames.Y), w, unit


class Given(NamedTuple):
    """N frames of landmarks as they were searched, all in torch or all in NumPy."""

    Y: Array
    """(N, 2, L), counted from their middle, in units of `unit`."""
    middle: Array
    """(N, 2, 1)."""
    unit: Array
    """(N, 1, 1) or (1, 1, 1)."""
    w: Array
    """(N, L)."""


class Won(NamedTuple):
    """What won the search for N frames: a row of each, in the library of `Given`."""

    component: Array
    theta: Array
    tilt: Array
    R: Array
    camera: Array
    """(N, 3, 3), or (3, 3) for all."""
    sb: Array
    """(N, 1 + J) scale and coefficients b = s a, in units of `Given.unit`."""
    body: Array
    """(N, 3, L) the pose before it is turned."""
    sigma: Array
    """(N, J)."""


def _seen_from(turned: TurnedPrior, found: Found, Y: Array) -> tuple[Array, ...]:
    """Theta and tilt (N,), R(theta) (N, 3, 3), and the camera after the tilt: (N, 3, 3), or (3, 3) without tilts."""
    tab, angle = table_for(turned, Y), found.angle
    theta, R = rows(tab.theta, angle), rows(tab.R, angle)
    if turned.tilts is None:
        return theta, tab.xp.zeros_like(theta), R, 1.0 * tab.cameras[0]  # the table itself is not given away
    which = angle // turned.rotations
    return theta, tab.pitches[which], R, tab.cameras[which]


def _poses(given: Given, won: Won, turned: TurnedPrior, alike: bool) -> Lifted:
    """Eq. (1) of what won, and the minimum of eq. (2), in torch or NumPy; `alike`: all weights are 1."""
    Y, middle, unit, w = given
    s, b = won.sb[:, :1], won.sb[:, 1:]
    # (1)  R (mu + a.e), times s
    pose = won.R @ won.body if len(Y) <= FEW else turn(won.body, won.theta)  # small matrices are slow in large numbers
    if turned.cameras is not None:
        pose = won.camera @ pose
    # The translation is solved for too: Y_hat has the mean of Y.
    if not alike:
        Y_hat = pose[:, :2]
        Y_hat -= weighted_mean(Y_hat, w)
    # (2)  ||Y - Y_hat||^2 + ||sigma b||^2
    error, penalty = Y - pose[:, :2], won.sigma * b
    error = error * error if alike else error * error * w[:, None]
    least = error.sum((1, 2)) + (penalty * penalty).sum(1)
    pose, unit = pose * unit, unit[:, 0, 0]
    Y_hat = pose[:, :2]
    Y_hat += middle
    seen = w > 0
    return Lifted(won.theta, won.R, b / s, s[:, 0] * unit, won.component, least * unit**2, Y_hat, pose, seen,
                  won.camera, turned.free_scale, w, won.tilt, least, seen.any(1))  # fmt: skip


def _refuse_unfit(frames: Frames, found: Found, unit: torch.Tensor) -> NoReturn:
    """The ValueError of the first frame that no rotation fits."""
    unfit = torch.as_tensor(~found.admissible, device=frames.Y.device)
    if unit[~found.admissible][0] == math.inf:
        frames.refuse("Y", unfit, ", whose visible landmarks are one point", "a person, to solve for the scale")
    frames.refuse("Y", unfit, ", which no rotation fits with a scale > 0",
                  "a person who is not upside down (y is up) and not a single point")  # fmt: skip


@torch.no_grad()
def _sizes(Y: Array, middle: Array, dtype: torch.dtype) -> Array:
    """The size of each person, (N, 1, 1), to divide by where the scale is solved for; infinite if but rounding."""
    xp = namespace(Y)
    size = xp.sqrt((Y * Y).sum((1, 2), keepdims=True))
    largest = xp.max(abs(middle), axis=1, keepdims=True)
    return xp.where(size > 32 * torch.finfo(dtype).eps * largest, size, math.inf)


BLANK = {"component": -1, "visible": False, "usable": False, "weights": 0}
"""What the fields of a frame have that was left out; the others have NaN."""


def _as_given(lifted: Lifted, frames: Frames, Y: Array) -> Lifted:
    """The results with the dimensions, library and dtype of the landmarks Y; blank for frames that were left out."""
    batch, xp = frames.batch, namespace(Y)
    kept = frames.rows.numpy() if frames.numpy and frames.rows is not None else frames.rows

    def whole(field: str, value: Any) -> Any:
        if field == "free_scale":
            return value
        each = field != "camera" or value.ndim == 3
        value = value.numpy() if frames.numpy and is_torch(value) else value
        if value.dtype != Y.dtype and xp.isdtype(value.dtype, "real floating"):
            value = xp.astype(value, Y.dtype)
        if kept is not None and each:
            some, blank = value, BLANK.get(field, math.nan)
            value = xp.full((math.prod(batch), *value.shape[1:]), blank, dtype=value.dtype, device=device(value))
            value[kept] = some
        return value.reshape(batch + tuple(value.shape[1:])) if each else value

    return Lifted(*map(whole, Lifted._fields, lifted))


def _misfit(lifted: Lifted, prior: PosePrior, all_alike: bool) -> Array:
    """The `misfit` of each frame; a landmark of a weight above 1 counts as so many."""
    w = lifted.weights
    count = prior.L if all_alike else (w * (w > 1) + (w > 0) * (w <= 1)).sum(-1)
    v = tensor(prior.noise_variance, w.dtype, w.device) if is_torch(w) else prior.noise_variance.astype(w.dtype)
    ratio = misfit(lifted.cost, lifted.scale, v[lifted.component], count, lifted.free_scale)
    return ratio if is_torch(w) else np.asarray(ratio)  # of a single frame NumPy makes a number


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
    check_origin(result, prior)
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


def check_origin(result: Lifted, prior: PosePrior) -> None:
    """Refuse what `lift` did not give, and a prior that it can't have been given."""
    if not isinstance(result, Lifted):
        fail("result", type(result).__name__, "a Lifted, as from lifting.lift")
    check_prior(prior)
    sizes = int(to_numpy(result.component).max(initial=0)) + 1, result.a.shape[-1], result.visible.shape[-1]
    if sizes[0] > prior.K or sizes[1:] != (prior.J, prior.L):
        fail("prior", f"components, bases, landmarks = {prior.K}, {prior.J}, {prior.L}",
             f"the prior of the result: at least {sizes[0]}, {sizes[1]}, {sizes[2]}")  # fmt: skip
