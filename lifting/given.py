"""What `lift` is given, checked: the landmarks of eq. (2), their weights and scale, and what is said about the search.

A frame may be one that can't be lifted at all, because a detector found nobody in it. By default it is refused, with
its number; asked to, `lift` leaves it out and goes on with the rest.
"""

import math
from typing import Literal, NamedTuple, NoReturn, TypedDict, get_args

import numpy as np
import torch
from jaxtyping import Float

from lifting.camera import ROTATIONS, orientations
from lifting.pose_prior import PosePrior, check_prior
from lifting.refining import Refinement
from lifting.skeleton import check_visible
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
)
from lifting.tables import tensor

Unusable = Literal["raise", "nan"]
Orientation = Literal["upright", "free"]

ORIENTATIONS = 42
"""How many directions of the body's vertical are searched where it is unknown."""

ANGLES = 40
"""How many angles about each of these, where not said."""


class LiftOptions(TypedDict, total=False):
    """What may be said to `lift` about the search, and about frames that can't be lifted."""

    rotations: int
    """How many equally spaced angles about the vertical are searched; ROTATIONS where not given, or ANGLES where the
    orientation is free."""
    camera: Float[Array, "3 3"] | None
    """(3, 3), the known rotation of a camera that is not level: Y_hat = s Pi camera R (mu + a.e)."""
    tilts: Float[Array, " P"] | None
    """(P,), radians: pitches of the camera to search where its pitch isn't known, as np.radians([0, 10, 20, 30]). One
    that looks down is positive (`camera.tilted_camera`). The finite set of rotations is then every angle at every tilt,
    Y_hat = s Pi camera tilt R (mu + a.e), and the search takes P times as long. A known `camera` comes after the tilt,
    as a known roll about the line of sight does. Not given: none are searched. Where the camera looks down by 20 or 30
    degrees they save 10 to 20 mm, where it is level they cost one or two (`benchmarks/held_out.md`)."""
    orientation: Orientation
    """Ours. "free" for people of whom nothing is known about which way is up, who lie or stand on their hands: the
    finite set has every angle about the body's own vertical with `ORIENTATIONS` directions of it
    (`camera.orientations`), and `camera`, `tilt` and `up` of the result say which was found. What it costs and
    confuses: `benchmarks/orientation.md`. "upright", where not given: the vertical is the camera's, or a tilt's."""
    refine: Refinement
    """True or "parabola" moves theta off the finite set to the lowest point of the parabola through three costs;
    "least squares" hands each frame to SciPy's optimiser (slow: the reference). Where that would raise the cost, the
    angle stays. The tilt stays in any case."""
    unusable: Unusable
    """What becomes of a frame that can't be lifted: one with a value that counts and isn't finite (a scale or a weight
    too), with fewer landmarks than fix what is solved for, whose landmarks are a single point where the scale is solved
    for, or that no rotation fits with a scale > 0 (upside down). "raise", as where not given: a ValueError that names
    the first. "nan": its result is NaN, its component -1, its `usable` False; the others' is what it is without it."""


class Options(NamedTuple):
    """`LiftOptions`, checked, with what was not given filled in."""

    rotations: int
    camera: np.ndarray | None
    tilts: np.ndarray | None
    refine: Refinement
    skip: bool
    """Whether frames that can't be lifted are left out."""


class Frames(NamedTuple):
    """Landmarks, checked and in one row of N frames."""

    Y: torch.Tensor
    """(N, 2, L), 0 where the weight is 0."""
    weights: torch.Tensor | None
    """(N, L); None where all are 1."""
    scale: torch.Tensor | None
    """(N, 1, 1), or (1, 1, 1) for all; None where it is solved for."""
    batch: tuple[int, ...]
    """The dimensions before those of a frame."""
    rows: torch.Tensor | None
    """(N,) which frames of the batch these are; None: all."""
    numpy: bool
    """Whether they came as a NumPy array."""

    def only(self, kept: torch.Tensor) -> "Frames":
        """Those of them for which the booleans `kept` (N,) are true."""
        rows = kept.nonzero()[:, 0]
        scale = self.scale if self.scale is None or len(self.scale) == 1 else self.scale[rows]
        return Frames(self.Y[rows], None if self.weights is None else self.weights[rows], scale, self.batch,
                      rows if self.rows is None else self.rows[rows], self.numpy)  # fmt: skip

    def refuse(self, argument: str, wrong: torch.Tensor, got: str, expected: str) -> NoReturn:
        """The ValueError of the first frame that is wrong."""
        index = int(wrong.nonzero()[0, 0])
        index = index if self.rows is None else int(self.rows[index])
        fail(argument, f"{name_of(index, self.batch)}{got}", expected)


def name_of(index: int, batch: tuple[int, ...]) -> str:
    """What messages call a frame of the batch."""
    place = tuple(int(i) for i in np.unravel_index(index, batch)) if batch else ()
    return {0: "a frame", 1: f"frame {index}"}.get(len(place), f"frame {place}")


def check_options(search: LiftOptions) -> Options:
    """The options, of which some may not have been given.

    Raises:
        TypeError: an unknown keyword.
        ValueError: a value that `LiftOptions` doesn't allow.
    """
    if not search:
        return PLAIN
    unknown = ", ".join(search.keys() - LiftOptions.__annotations__.keys())
    if unknown:
        raise TypeError(f"lift() got {unknown}, expected no other keywords than scale, visible, weights, "
                        f"{', '.join(LiftOptions.__annotations__)}")  # fmt: skip
    refine, camera, tilts = search.get("refine", False), search.get("camera"), search.get("tilts")
    if not isinstance(refine, (bool, str)) or refine not in get_args(Refinement):
        fail("refine", repr(refine), "False, True, 'parabola' or 'least squares'")
    usual = ANGLES if search.get("orientation") == "free" else ROTATIONS
    rotations = check_count("rotations", search.get("rotations", usual), 3 if refine in (True, "parabola") else 1)
    unusable = search.get("unusable", "raise")
    if unusable not in get_args(Unusable):
        fail("unusable", repr(unusable), "'raise' or 'nan'")
    C = None if camera is None else _constant("camera", check_rotation("camera", camera))
    if tilts is not None:
        tilts = _constant("tilts", check_array("tilts", tilts))
        if tilts.ndim != 1 or not len(tilts):
            fail("tilts", f"shape {tilts.shape}", "shape (P,) with P >= 1, radians")
    orientation = search.get("orientation", "upright")
    if orientation not in get_args(Orientation):
        fail("orientation", repr(orientation), "'upright' or 'free'")
    if orientation == "free":
        if tilts is not None:
            fail("tilts", "tilts beside orientation='free'", "one of them: the free orientations are tilted, too")
        tilts = orientations(ORIENTATIONS)
    return Options(rotations, C, tilts, refine, unusable == "nan")


PLAIN = Options(ROTATIONS, None, None, False, False)
FLOATS = {torch.float32, torch.float64, np.dtype("float32"), np.dtype("float64")}


def _constant(argument: str, value: Array) -> np.ndarray:
    """A float64 copy of what no gradient is computed for."""
    _refuse_gradient(argument, value)
    return to_numpy(value).astype(np.float64)


def _refuse_gradient(argument: str, value: Array) -> None:
    if is_torch(value) and value.requires_grad:
        fail(argument, "a tensor that requires grad", "one that doesn't: lift is not differentiated by it")


def check_landmarks(Y: Array, prior: PosePrior) -> Array:
    """Y as an array of the right shape and dtype; its values are `check_frames`'s."""
    check_prior(prior)
    Y = check_floating("Y", Y)
    if Y.dtype not in FLOATS:
        fail("Y", f"dtype {Y.dtype}", "float32 or float64")
    check_shape("Y", Y, 2, prior.mu.shape[-1])
    return Y


def check_frames(
    Y: Array, scale: Array | float | None, visible: Array | None, weights: Array | None, skip: bool
) -> Frames:
    """The frames that can be lifted, of landmarks Y (..., 2, L) from `check_landmarks`; see `lift`."""
    batch, L = tuple(Y.shape[:-2]), Y.shape[-1]
    if isinstance(Y, np.ndarray) and getattr(scale, "requires_grad", False):
        fail("scale", "a tensor that requires grad, with landmarks in NumPy", "landmarks as a tensor, or no gradient")
    y = torch.from_numpy(np.require(Y, requirements=["C", "W"])) if isinstance(Y, np.ndarray) else Y
    y = y.reshape(math.prod(batch), 2, L)
    unit = None if scale is None else _check_scale(scale, y, batch, skip)
    w = None
    if visible is not None or weights is not None:
        product = _check_weights(Y, visible, weights, skip)
        w = torch.as_tensor(np.array(product) if isinstance(product, np.ndarray) else product, device=y.device)
        w = w.reshape(len(y), L)
        y = torch.where(w[:, None] > 0, y, 0)
    frames = Frames(y, w, unit, batch, None, isinstance(Y, np.ndarray))
    least = 2 if scale is not None else 3
    if skip:
        frames = _usable(frames, least)
    else:
        _check_values(frames, least, "visible" if weights is None else "weights")
    if frames.weights is not None and bool((frames.weights == 1).all()):
        return frames._replace(weights=None)
    return frames


def _usable(frames: Frames, least: int) -> Frames:
    """Those that can be lifted."""
    y, w, unit, *_ = frames
    usable = y.isfinite().flatten(1).all(1)
    if w is not None:
        usable &= w.isfinite().all(1) & ((w > 0).sum(1) >= least)
    if unit is not None:
        usable = usable & unit.isfinite().flatten()
    return frames if bool(usable.all()) else frames.only(usable)


def _check_values(frames: Frames, least: int, argument: str) -> None:
    """Refuse the first frame that can't be lifted; `argument` says which landmarks count."""
    if not math.isfinite(frames.Y.detach().sum()):
        wrong = (~frames.Y.isfinite()).flatten(1).sum(1)
        if bool(wrong.any()):  # or the sum alone is too large
            got = f" with {int(wrong[wrong > 0][0])} NaN or infinite of {frames.Y[0].numel()} values"
            frames.refuse("Y", wrong > 0, got, "finite numbers")
    if frames.weights is not None:
        counts = (frames.weights > 0).sum(1)
        few = counts < least
        if bool(few.any()):
            what = "visible landmarks" if argument == "visible" else "landmarks of weight > 0"
            frames.refuse(argument, few, f" with {int(counts[few][0])} {what}",
                          f"at least {least}, to fix what is solved for")  # fmt: skip


def _check_weights(Y: Array, visible: Array | None, weights: Array | None, skip: bool) -> Array:
    """`weights` times `visible`, (..., L), as an array like Y."""
    product: Array = 1.0
    shape = (*Y.shape[:-2], Y.shape[-1])
    if visible is not None:
        product = namespace(Y).astype(check_visible(visible, Y), Y.dtype)
    if weights is not None:
        w = check_floating("weights", weights)
        _refuse_gradient("weights", w)
        if tuple(w.shape) not in (shape, shape[-1:]):
            fail("weights", f"shape {tuple(w.shape)}", f"shape {shape}" + f" or {shape[-1:]}" * (len(shape) > 1))
        if not skip:
            check_finite("weights", w)
        refuse("weights", w < 0, lambda: float(w[w < 0].min()), "numbers >= 0")
        w = tensor(w, Y.dtype, Y.device) if is_torch(Y) and not is_torch(w) else like(w, Y)
        product = product * w
    return namespace(Y).broadcast_to(product, shape)


def _check_scale(scale: Array | float, y: torch.Tensor, batch: tuple[int, ...], skip: bool) -> torch.Tensor:
    """The given scale, (1, 1, 1), or of every frame, (N, 1, 1); a tensor keeps its gradient."""
    if type(scale) is float and 0 < scale < math.inf:
        return y.new_full((1, 1, 1), scale)
    given = check_floating("scale", scale)
    if not skip:
        check_finite("scale", given)
    values = to_numpy(given)
    refuse("scale", values <= 0, lambda: float(values[values <= 0].min()), "numbers > 0")
    try:
        np.broadcast_to(values, batch)
    except ValueError:
        fail("scale", f"shape {values.shape}", f"one number, or one per frame: shape {batch}")
    each = given.to(y.device, y.dtype) if is_torch(given) else tensor(values, y.dtype, y.device)
    return each.broadcast_to(batch).reshape(-1, 1, 1)
