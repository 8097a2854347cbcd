"""Where the mapping from Y to Y_hat jumps, as the winner of eq. (2) changes, and how often. Supplement, section 1.1.

`winners_over_plane` moves one landmark over the plane, `straddle` closes in on a boundary to the last digits,
`one_pixel_crossings` moves every landmark by a pixel: up, down, left and right.
"""

import math
from typing import NamedTuple, TypedDict, Unpack

import numpy as np
from jaxtyping import Bool, Float, Int

from lifting.camera import ROTATIONS
from lifting.front import landmark_jacobian, lift
from lifting.pose_prior import PosePrior
from lifting.solve import unwrap
from lifting.support.arrays import Array, check_count, fail, to_numpy
from lifting.support.checked import Positive, checked


class LiftOptions(TypedDict, total=False):
    """How to lift, as `lifting.lift` has it, but that the scale is solved for unless it is given."""

    rotations: int
    camera: Float[np.ndarray, "3 3"] | None
    scale: float | None
    visible: Bool[np.ndarray, " L"] | None
    weights: Float[np.ndarray, " L"] | None


class Plane(NamedTuple):
    """The winner of eq. (2) for every place (x, y) of one landmark."""

    xs: Float[np.ndarray, " W"]
    ys: Float[np.ndarray, " H"]
    angle: Int[np.ndarray, "H W"]
    """Index of the winning rotation."""
    component: Int[np.ndarray, "H W"]
    theta: Float[np.ndarray, "H W"]
    """Radians."""
    cost: Float[np.ndarray, "H W"]
    Y_hat: Float[np.ndarray, "H W 2 L"]


@checked
def winners_over_plane(
    Y: Float[np.ndarray, "2 L"],
    prior: PosePrior,
    landmark: int,
    xs: Float[np.ndarray, " W"],
    ys: Float[np.ndarray, " H"],
    **options: Unpack[LiftOptions],
) -> Plane:
    """Put one landmark of Y to every (x, y) of a grid and search eq. (2) there: one batched `lift`.

    Args:
        Y: (2, L), y up; the other landmarks stay as they are here.
        prior: the statistical model of pose.
        landmark: which one moves.
        xs: (W,) where to, in Y's units.
        ys: (H,) the same, y up.
        options: how to lift; see `LiftOptions`.

    Raises:
        ValueError: what `lift` refuses, no such landmark, or one that is not visible.
    """
    visible = _check_visible(options.get("visible"), prior)
    if not 0 <= check_count("landmark", landmark, least=0) < len(visible):
        fail("landmark", landmark, f"a whole number below {len(visible)}")
    if not visible[landmark]:
        fail("landmark", f"{landmark}, which is not visible", "a visible landmark")
    moved = np.tile(Y, (len(ys), len(xs), 1, 1))
    moved[..., landmark] = np.stack(np.meshgrid(xs, ys), axis=-1)
    result = lift(moved, prior, **_with_free_scale(options))
    angle = angle_index(result.theta, options.get("rotations", ROTATIONS))
    return Plane(xs, ys, angle, result.component, result.theta, result.cost, result.Y_hat)


def _with_free_scale(options: LiftOptions) -> LiftOptions:
    return {"scale": None, **options}


def angle_index(theta: Float[np.ndarray, "*batch"], rotations: int) -> Int[np.ndarray, "*batch"]:
    """The index of theta among `rotations` equally spaced angles, where it is one of them."""
    return np.round(theta * rotations / (2 * math.pi)).astype(int) % rotations


@checked
def straddle(
    start: Float[np.ndarray, "2 L"],
    end: Float[np.ndarray, "2 L"],
    prior: PosePrior,
    *,
    apart: Positive = 1e-9,
    component: bool = False,
    **options: Unpack[LiftOptions],
) -> tuple[Float[np.ndarray, "2 L"], Float[np.ndarray, "2 L"]]:
    """Two points on the way from `start` to `end`, at most `apart` from each other, that eq. (2) gives two winners.

    Bisection: the first has the winner of `start`, the second another. Where there are several boundaries on the way,
    it is one of them. With `component` only another component counts as another winner. `options` say how to lift.

    Raises:
        ValueError: what `lift` refuses, or two ends with the same winner.
    """

    def winner(Y: np.ndarray) -> tuple[float, ...]:
        result = lift(Y, prior, **_with_free_scale(options))
        both = int(result.component), float(result.theta)
        return both[:1] if component else both

    first = winner(start)
    if winner(end) == first:
        fail("end", f"the winner of start, {first}", "a point with another winner")
    for _ in range(math.ceil(math.log2(max(float(np.linalg.norm(end - start)) / apart, 1)))):
        middle = (start + end) / 2
        start, end = (middle, end) if winner(middle) == first else (start, middle)
    return start, end


class Crossings(NamedTuple):
    """What M moves of single landmarks do to N frames. Distances are norms over all coordinates, in Y's units."""

    angle: Bool[np.ndarray, "N M"]
    """Another rotation wins."""
    component: Bool[np.ndarray, "N M"]
    """Another component wins."""
    turned: Float[np.ndarray, "N M"]
    """By how much theta changes, radians, without sign, at most pi."""
    predicted: Float[np.ndarray, "N M"]
    """||H dY||: what eq. (8) says that Y_hat does."""
    missed: Float[np.ndarray, "N M"]
    """||dY_hat - H dY||: what Y_hat does beyond it; a jump, where there is one."""

    @property
    def winner(self) -> Bool[np.ndarray, "N M"]:
        """Another rotation or another component wins: eq. (8) does not hold over this move."""
        return self.angle | self.component


def moves(visible: Bool[np.ndarray, " L"], step: float = 1.0) -> Float[np.ndarray, "M 2 L"]:
    """Every visible landmark moved by +-`step` in x or in y, one at a time: M = 4 times the visible ones."""
    L = len(visible)
    single = step * np.eye(2 * L).reshape(2 * L, 2, L)[np.tile(visible, 2)]
    return np.concatenate([single, -single])


@checked
def one_pixel_crossings(
    Y: Float[np.ndarray, "N 2 L"], prior: PosePrior, *, step: Positive = 1.0, **options: Unpack[LiftOptions]
) -> Crossings:
    """Move each visible landmark of each frame by `step` (1: a pixel) in every direction, and see who wins then.

    `options` say how to lift.

    Raises:
        ValueError: what `lift` refuses; a step that is not positive.
    """
    dY = moves(_check_visible(options.get("visible"), prior), step)
    rotations = options.get("rotations", ROTATIONS)
    before, after = (lift(Z, prior, **_with_free_scale(options)) for Z in (Y, Y[..., None, :, :] + dY))
    index, other = angle_index(before.theta, rotations)[..., None], angle_index(after.theta, rotations)
    steps = np.abs(other - index)
    # (8)  dY_hat = H dY, in image coordinates
    H = landmark_jacobian(before, prior, centred=False)
    linear = unwrap(dY) @ np.swapaxes(H, -1, -2)
    change = unwrap(after.Y_hat - before.Y_hat[..., None, :, :])
    return Crossings(
        angle=other != index,
        component=after.component != before.component[..., None],
        turned=np.minimum(steps, rotations - steps) * 2 * math.pi / rotations,
        predicted=np.linalg.norm(linear, axis=-1),
        missed=np.linalg.norm(change - linear, axis=-1),
    )


def _check_visible(visible: Array | None, prior: PosePrior) -> np.ndarray:
    """The one mask of all frames; everything seen where None."""
    seen = np.ones(prior.L, dtype=bool) if visible is None else to_numpy(visible)
    if seen.dtype != bool or seen.shape != (prior.L,):
        fail("visible", f"{seen.dtype} of shape {seen.shape}", f"booleans of shape ({prior.L},)")
    return seen
