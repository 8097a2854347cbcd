"""Where the mapping from Y to Y_hat is smooth, where it jumps, and what eq. (8) leaves out. Supplement, section 1.1.

The supplement calls (8) a sub-gradient: it holds R fixed, and the component, and the peaks of the belief maps. Three
questions follow, and each has its functions here:

1. *Where does the winner of eq. (2) change?* There Y_hat jumps. `winners_over_plane` moves one landmark over the plane,
   `straddle` closes in on a boundary to the last digits.
2. *How often does that happen?* `one_pixel_crossings` moves every landmark by a pixel, up, down, left and right.
3. *What would the derivative be if R were free to turn?* At a minimum over theta as well the implicit function theorem
   gives `refined_jacobian`: (8) plus one term of rank one. `refine_angle` finds that minimum, `turning` the term.

    python -m lifting.checking.smoothness     # measure; write data/smoothness.json and docs/smoothness.md

The third in brief. Write r = y - y_hat for the residual, D for E (or [p E] where the scale is solved for),
A = D^T D + diag(sigma^2), and a prime for d/d theta at fixed coefficients. The gradient of half the cost of eq. (2) is
-D^T r + sigma^2 a by a, and -r^T y_hat' by theta. Both are 0 at the minimum. Their derivatives make the Hessian

    [ A    h ]         h = D^T y_hat' - D'^T r
    [ h^T  g ]         g = |y_hat'|^2 - r^T y_hat''

and moving y adds -D^T dy and -y_hat'^T dy. Eliminating a leaves one equation for theta: with

    kappa = g - h^T A^-1 h    half the second derivative by theta of the cost, minimised over a
    w = y_hat' - D A^-1 h     how the best fit moves as theta turns and y stays

    d theta / dy = w^T / kappa,        d y_hat / dy = E E_bar_t + w w^T / kappa.

It is symmetric, as it must be: the least cost V(y) has gradient 2 (y - y_hat), so I - dy_hat/dy is half a Hessian.
"""

import argparse
import json
import math
import textwrap
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from matplotlib.figure import Figure

from lifting.camera import ROTATIONS, rotation, turn
from lifting.datasets.motion_capture import MotionCapture, load_motion_capture
from lifting.datasets.real_frames import RealFrame, belief_human36m, load_real_frames, peaks
from lifting.drawing.plots import draw_boundaries, draw_jumps
from lifting.fitting.default_prior import Settings, clip_poses, group_of, learn
from lifting.front import Lifted, lift
from lifting.landmark_gradient import landmark_jacobian, landmark_model
from lifting.pose_prior import PosePrior, load_prior
from lifting.solve import centre, projected_model, stack_ridge, unwrap, wrap
from lifting.support.arrays import (
    Array,
    check_array,
    check_count,
    check_positive,
    fail,
    like,
    namespace,
    refuse,
    to_numpy,
)
from lifting.support.files import PACKAGE, data_path, write_atomically

FOLLOWED = 0.2
"""A minimum over theta that turns further than this (radians) in one small step is taken for another one."""

# --- 1. where the winner changes ---------------------------------------------------------------------------------


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


def winners_over_plane(
    Y: Float[np.ndarray, "2 L"],
    prior: PosePrior,
    landmark: int,
    xs: Float[np.ndarray, " W"],
    ys: Float[np.ndarray, " H"],
    *,
    rotations: int = ROTATIONS,
    scale: float | None = None,
    visible: Bool[np.ndarray, " L"] | None = None,
    camera: Float[np.ndarray, "3 3"] | None = None,
) -> Plane:
    """Put one landmark of Y to every (x, y) of a grid and search eq. (2) there: one batched `lift`.

    Args:
        Y: (2, L), y up; the other landmarks stay as they are here.
        prior: the statistical model of pose.
        landmark: which one moves.
        xs: (W,) where to, in Y's units.
        ys: (H,) the same, y up.
        rotations: as `lift` has them; so are `scale` (solved for where None), `visible` and `camera`.
        scale: see there.
        visible: see there.
        camera: see there.

    Raises:
        ValueError: what `lift` refuses, no such landmark, or one that is not visible.
    """
    Y = _check_frame("Y", Y, prior)
    xs, ys = (to_numpy(check_array(name, value, "N")) for name, value in (("xs", xs), ("ys", ys)))
    _check_landmark(landmark, _check_visible(visible, prior))
    moved = np.tile(Y, (len(ys), len(xs), 1, 1))
    moved[..., landmark] = np.stack(np.meshgrid(xs, ys), axis=-1)
    result = lift(moved, prior, rotations=rotations, scale=scale, visible=visible, camera=camera)
    angle = angle_index(result.theta, rotations)
    return Plane(xs, ys, angle, result.component, result.theta, result.cost, result.Y_hat)


def angle_index(theta: Float[np.ndarray, "*batch"], rotations: int) -> Int[np.ndarray, "*batch"]:
    """The index of theta among `rotations` equally spaced angles, where it is one of them."""
    return np.round(theta * rotations / (2 * math.pi)).astype(int) % rotations


def straddle(
    start: Float[np.ndarray, "2 L"],
    end: Float[np.ndarray, "2 L"],
    prior: PosePrior,
    *,
    rotations: int = ROTATIONS,
    scale: float | None = None,
    apart: float = 1e-9,
    component: bool = False,
) -> tuple[Float[np.ndarray, "2 L"], Float[np.ndarray, "2 L"]]:
    """Two points on the way from `start` to `end`, at most `apart` from each other, that eq. (2) gives two winners.

    Bisection: the first has the winner of `start`, the second another. Where there are several boundaries on the way,
    it is one of them. With `component` only another component counts as another winner.

    Raises:
        ValueError: what `lift` refuses, or two ends with the same winner.
    """
    start, end = _check_frame("start", start, prior), _check_frame("end", end, prior)
    check_positive("apart", apart)

    def winner(Y: np.ndarray) -> tuple[int, ...]:
        result = lift(Y, prior, rotations=rotations, scale=scale)
        both = int(result.component), int(angle_index(result.theta, rotations))
        return both[:1] if component else both

    first = winner(start)
    if winner(end) == first:
        fail("end", f"the winner of start, {first}", "a point with another winner")
    for _ in range(math.ceil(math.log2(max(float(np.linalg.norm(end - start)) / apart, 1)))):
        middle = (start + end) / 2
        start, end = (middle, end) if winner(middle) == first else (start, middle)
    return start, end


def boundary_figure(
    Y: Float[np.ndarray, "2 L"],
    prior: PosePrior,
    landmark: int,
    *,
    radius: float = 12.0,
    cells: int = 161,
    rotations: int = ROTATIONS,
    scale: float | None = None,
    unit: str = "px",
) -> Figure:
    """A picture of `winners_over_plane` around a landmark: who wins where, and how far Y_hat jumps from cell to cell.

    Raises:
        ValueError: as `winners_over_plane`; a radius that is not positive; fewer than 2 cells.
    """
    Y = _check_frame("Y", Y, prior)
    _check_landmark(landmark, _check_visible(None, prior))
    steps = np.linspace(-1, 1, check_count("cells", cells, least=2)) * check_positive("radius", radius)
    plane = winners_over_plane(
        Y, prior, landmark, Y[0, landmark] + steps, Y[1, landmark] + steps, rotations=rotations, scale=scale
    )
    figure = Figure(figsize=(12, 5.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    draw_boundaries(left, plane.xs, plane.ys, plane.theta, plane.component, Y, landmark, unit=unit)
    draw_jumps(right, plane.xs, plane.ys, plane.Y_hat, landmark, unit=unit)
    return figure


# --- 2. how often a move crosses a boundary ----------------------------------------------------------------------


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


def one_pixel_crossings(
    Y: Float[np.ndarray, "N 2 L"],
    prior: PosePrior,
    *,
    rotations: int = ROTATIONS,
    scale: float | None = None,
    visible: Bool[np.ndarray, " L"] | None = None,
    camera: Float[np.ndarray, "3 3"] | None = None,
    step: float = 1.0,
) -> Crossings:
    """Move each visible landmark of each frame by `step` (1: a pixel) in every direction, and see who wins then.

    Raises:
        ValueError: what `lift` refuses; a step that is not positive.
    """
    Y, seen = to_numpy(check_array("Y", Y, "N", 2, prior.mu.shape[-1])), _check_visible(visible, prior)
    dY = moves(seen, check_positive("step", step))
    before = lift(Y, prior, rotations=rotations, scale=scale, visible=visible, camera=camera)
    after = lift(Y[..., None, :, :] + dY, prior, rotations=rotations, scale=scale, visible=visible, camera=camera)
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


# --- 3. the derivative with R free to turn -----------------------------------------------------------------------


class Turning(NamedTuple):
    """How eq. (2) behaves as theta turns, near a solution; in metres, that is in Y's units over the scale."""

    slope: Float[Array, "*batch"]
    """Half the first derivative by theta of the cost, minimised over the other unknowns; 0 at the minimum."""
    kappa: Float[Array, "*batch"]
    """Half the second derivative of the same."""
    w: Float[Array, "*batch 2L"]
    """How the best fit moves as theta turns and y stays; every landmark, seen or not."""
    w_seen: Float[Array, "*batch 2L"]
    """The same with 0 for what is not seen."""


def turning(Y: Float[Array, "*batch 2 L"], prior: PosePrior, result: Lifted) -> Turning:
    """Slope and curvature of the least cost in theta, and w, at the theta of a result of `lift`; see this module's top.

    Turning about the vertical makes every projected coordinate a sinusoid of theta plus a constant, so its derivatives
    are differences over quarter turns, exactly: f' = (f(+90) - f(-90)) / 2, f'' = (f(+90) + f(-90)) / 2 - f.

    Raises:
        ValueError: a Y that is not of the result's shape, or not finite.
    """
    Y = check_array("Y", Y, *result.Y_hat.shape)
    xp = namespace(Y)
    k, seen, camera = result.component, result.visible, result.camera
    mu, e, sigma = (like(value, Y)[k] for value in (prior.mu, prior.e, prior.sigma))

    def model(quarters: int) -> Array:
        theta = result.theta + quarters * math.pi / 2
        return _centred_model(mu, e, theta, seen, camera)

    here, right, left = model(0), model(1), model(-1)
    first, second = (right - left) / 2, (right + left) / 2 - here
    unknowns = xp.concat([xp.ones_like(result.a[..., :1]), result.a], axis=-1)  # of [p E], over the scale
    f1, f2 = _apply(first, unknowns), _apply(second, unknowns)
    free = result.free_scale
    D, D1 = (here, first) if free else (here[..., 1:], first[..., 1:])
    ridge = xp.concat([xp.zeros_like(sigma[..., :1]), sigma], axis=-1) if free else sigma
    weight = xp.astype(xp.concat([seen, seen], axis=-1), Y.dtype)
    r = unwrap(centre((Y - result.Y_hat) / result.scale[..., None, None], seen))
    # h = D^T f' - D'^T r
    h = _apply(xp.matrix_transpose(D), weight * f1) - _apply(xp.matrix_transpose(D1), r)
    E_bar = stack_ridge(weight[..., None] * D, ridge)
    Ah = xp.linalg.solve(xp.matrix_transpose(E_bar) @ E_bar, h[..., None])[..., 0]
    # kappa = |f'|^2 - r^T f'' - h^T A^-1 h
    kappa = xp.sum(weight * f1**2 - r * f2, axis=-1) - xp.sum(h * Ah, axis=-1)
    # w = f' - D A^-1 h
    w = f1 - _apply(D, Ah)
    return Turning(-xp.sum(r * f1, axis=-1), kappa, w, weight * w)


def refined_jacobian(
    Y: Float[Array, "*batch 2 L"], prior: PosePrior, result: Lifted, *, centred: bool = True
) -> Float[Array, "*batch 2L 2L"]:
    """The derivative of Y_hat by Y where R is free to turn: eq. (8) plus w w^T / kappa.

    Args:
        Y: (..., 2, L), what was lifted.
        prior: the prior it was lifted with.
        result: a minimum in theta as well: from `refine_angle`, or from `lift` with refine="least squares".
        centred: as in `landmark_jacobian`; False for image coordinates.

    Raises:
        ValueError: a Y that is not of the result's shape, or a result where the cost curves downwards in theta.
    """
    found = turning(Y, prior, result)
    refuse("result", found.kappa <= 0, "a cost that curves downwards in theta", "a minimum, as from refine_angle")
    # dy_hat/dy = E E_bar_t + w w^T / kappa
    free_to_turn = found.w[..., :, None] * (found.w_seen / found.kappa[..., None])[..., None, :]
    return landmark_jacobian(result, prior, centred=centred) + free_to_turn


def angle_gradient(found: Turning, scale: Float[Array, "*batch"]) -> Float[Array, "*batch 2L"]:
    """D theta / dy = w^T / kappa, radians per unit of Y, at a minimum over theta."""
    return found.w_seen / (found.kappa * scale)[..., None]


def refine_angle(
    Y: Float[np.ndarray, "*batch 2 L"],
    prior: PosePrior,
    result: Lifted,
    *,
    steps: int = 40,
    longest: float = 0.05,
) -> tuple[Lifted, Bool[np.ndarray, "*batch"]]:
    """Newton's method from the theta of `result` to the nearest minimum of eq. (2) over all theta; component fixed.

    For any number of frames at once, to the last digits (`lift` with refine="least squares" takes one at a time).

    Args:
        Y: (..., 2, L), what was lifted.
        prior: the prior it was lifted with.
        result: from `lift`.
        steps: of Newton's method.
        longest: what a step is cut to, radians.

    Returns:
        The refined result, and whether it is a minimum: the last step below 1e-9, and kappa > 0.

    Raises:
        ValueError: a Y that is not of the result's shape, no steps, a `longest` that is not positive.
    """
    check_positive("longest", longest)
    if not isinstance(Y, np.ndarray):
        fail("Y", type(Y).__name__, "a NumPy array, as in the result")
    for _ in range(check_count("steps", steps)):
        found = turning(Y, prior, result)
        # downhill even where the cost curves downwards
        step = np.clip(-found.slope / np.maximum(np.abs(found.kappa), 1e-12), -longest, longest)
        result = solve_again(Y, prior, result, result.theta + step)
        if np.all(np.abs(step) < 1e-12):
            break
    found = turning(Y, prior, result)
    arrived = (np.abs(found.slope) < 1e-9 * found.kappa) & (result.scale > 0)
    return result._replace(theta=result.theta % (2 * math.pi)), arrived


class Fold(NamedTuple):
    """How a minimum over theta ends: S points on the way, up to the fold where it meets a maximum and both vanish."""

    t: Float[np.ndarray, " S"]
    """How far from Y (0) to the end (1)."""
    theta: Float[np.ndarray, " S"]
    kappa: Float[np.ndarray, " S"]
    gain: Float[np.ndarray, " S"]
    """|w|^2 / kappa, the eigenvalue of the rank-one term: how strongly turning answers a change of y."""


def follow_to_fold(
    Y: Float[np.ndarray, "2 L"],
    end: Float[np.ndarray, "2 L"],
    prior: PosePrior,
    *,
    scale: float | None = None,
    points: int = 40,
    halvings: int = 25,
) -> Fold:
    """Move Y on a straight line to `end`, follow its minimum over theta all the way, and close in on where it vanishes.

    The component stays. The cost's second derivative falls to 0 as the square root of what is left of the way, so that
    d theta/dy grows beyond all bounds: beyond the fold the nearest minimum is a finite turn away.

    Raises:
        ValueError: what `lift` refuses; fewer than 2 points; a minimum that is still there at `end`.
    """
    result, _ = refine_angle(Y, prior, lift(Y, prior, scale=scale))
    t, step, path = 0.0, 1 / (check_count("points", points, least=2) - 1), []
    while halvings >= 0 and t <= 1:
        moved = (1 - t) * Y + t * end
        tried, arrived = refine_angle(moved, prior, solve_again(moved, prior, result, result.theta))
        turned = abs(math.remainder(float(tried.theta - result.theta), 2 * math.pi))
        if arrived and turned < FOLLOWED:
            found, result = turning(moved, prior, tried), tried
            path.append((t, float(tried.theta), float(found.kappa), float(_gain(found))))
        else:
            t, step, halvings = t - step, step / 2, halvings - 1
        t += step
    if halvings >= 0:
        fail("end", "landmarks to which the minimum can be followed", "landmarks beyond a fold")
    return Fold(*np.array(path).T)


def _gain(found: Turning) -> Array:
    return namespace(found.w).sum(found.w_seen**2, axis=-1) / found.kappa


def solve_again(
    Y: Float[np.ndarray, "*batch 2 L"], prior: PosePrior, result: Lifted, theta: Float[np.ndarray, "*batch"]
) -> Lifted:
    """`result` with everything but the component (and a fixed scale) solved for once more at other angles: eq. (6)."""
    k, seen, camera = result.component, result.visible, result.camera
    mu, e, sigma = prior.mu[k], prior.e[k], prior.sigma[k]
    E, E_bar_t = landmark_model(mu, e, sigma, theta, free_scale=result.free_scale, visible=seen, camera=camera)
    s = result.scale
    y = unwrap(centre(Y / s[..., None, None], seen))
    if result.free_scale:
        x = _apply(E_bar_t, y)
        s, a = s * x[..., 0], x[..., 1:] / x[..., :1]
    else:
        p = _centred_model(mu, e, theta, seen, camera)[..., 0] * np.concatenate([seen, seen], axis=-1)
        a = _apply(E_bar_t, y - p)
    pose = s[..., None, None] * turn(mu + (a[..., None, None] * e).sum(-3), theta, camera)
    mean = lambda points: np.mean(points, axis=-1, keepdims=True, where=seen[..., None, :])  # noqa: E731
    pose[..., :2, :] += mean(Y) - mean(pose[..., :2, :])
    residual = np.where(seen[..., None, :], Y - pose[..., :2, :], 0.0)
    # (2)  ||Y - Y_hat||^2 + ||sigma b||^2
    least = (residual**2).sum((-1, -2)) + ((sigma * a * s[..., None]) ** 2).sum(-1)
    return result._replace(theta=theta, R=rotation(theta), a=a, scale=s, cost=least, Y_hat=pose[..., :2, :], pose=pose)


def _centred_model(mu: Array, e: Array, theta: Array, seen: Array, camera: Array) -> Array:
    """[p E] with a row for every landmark, its mean over the visible ones 0."""
    xp = namespace(mu)
    p, E = projected_model(mu, e, theta, camera=camera)
    rows = xp.matrix_transpose(xp.concat([p[..., None], E], axis=-1))  # (..., J + 1, 2L)
    points, weight = wrap(rows), xp.astype(seen, mu.dtype)[..., None, None, :]
    points = points - xp.sum(weight * points, axis=-1, keepdims=True) / xp.sum(weight, axis=-1, keepdims=True)
    return xp.matrix_transpose(unwrap(points))


def _apply(matrix: Array, vector: Array) -> Array:
    return (matrix @ vector[..., None])[..., 0]


def _check_frame(argument: str, Y: Array, prior: PosePrior) -> np.ndarray:
    Y = to_numpy(check_array(argument, Y, 2, prior.mu.shape[-1]))
    if Y.ndim != 2:
        fail(argument, f"shape {Y.shape}", f"shape (2, {prior.mu.shape[-1]})")
    return Y


def _check_visible(visible: Array | None, prior: PosePrior) -> np.ndarray:
    """The one mask of all frames; everything seen where None."""
    seen = np.ones(prior.mu.shape[-1], dtype=bool) if visible is None else to_numpy(visible)
    if seen.dtype != bool or seen.shape != prior.mu.shape[-1:]:
        fail("visible", f"{seen.dtype} of shape {seen.shape}", f"booleans of shape ({prior.mu.shape[-1]},)")
    return seen


def _check_landmark(landmark: int, visible: np.ndarray) -> None:
    if not 0 <= check_count("landmark", landmark, least=0) < len(visible):
        fail("landmark", landmark, f"a whole number below {len(visible)}")
    if not visible[landmark]:
        fail("landmark", f"{landmark}, which is not visible", "a visible landmark")


# --- what is measured --------------------------------------------------------------------------------------------

MAP = 46
"""Rows and columns of the belief maps into which the motion capture is drawn; the person is `PERSON` pixels large."""

PERSON = 30.0
FRAMES = 12
"""Poses of every clip, evenly spaced over its upright ones."""

ROTATION_COUNTS = (20, 80, 10_000)
FAR = math.radians(20)
"""A turn beyond this is counted as a jump to another minimum, not to a neighbouring angle."""

SEED = 0


class Sample(NamedTuple):
    """Real poses in belief maps: N frames."""

    Y: Float[np.ndarray, "N 2 17"]
    """Landmarks in whole pixels, y up."""
    truth: Float[np.ndarray, "N 2 17"]
    """The same before they were rounded."""
    scale: Float[np.ndarray, " N"]
    """Pixels per metre."""
    group: Int[np.ndarray, " N"]
    """Clips that are nearly the same motion share a group."""


def group_names(motion: MotionCapture) -> list[str]:
    """The groups of clips that are different motions; a `Sample` counts them in this order."""
    return list(dict.fromkeys(map(group_of, motion.clip_names)))


def draw_sample(frames: int = FRAMES, seed: int = SEED) -> Sample:
    """Evenly spaced upright poses of every clip, each from a random heading, rounded to the pixels of a belief map.

    A level camera, heading uniform. The larger side of the box around the landmarks becomes `PERSON` pixels, the middle
    of the box comes to the middle of the `MAP` x `MAP` pixels; then every coordinate is rounded to a whole pixel.

    Raises:
        ValueError: no frames.
    """
    check_count("frames", frames)
    motion, rng = load_motion_capture(), np.random.default_rng(seed)
    groups = group_names(motion)
    clips = [(groups.index(group_of(name)), clip_poses(motion, name)) for name in motion.clip_names]
    kept = [(n, poses[np.linspace(0, len(poses) - 1, frames).round().astype(int)]) for n, poses in clips if len(poses)]
    poses = np.concatenate([part for _, part in kept])
    flat = turn(poses, rng.uniform(0, 2 * math.pi, len(poses)))[:, :2]
    low, high = flat.min(axis=-1, keepdims=True), flat.max(axis=-1, keepdims=True)
    scale = PERSON / (high - low).max(axis=(1, 2))
    middle = (MAP - 1) / 2 * np.array([[1.0], [-1.0]])  # y up: rows count downwards
    truth = scale[:, None, None] * (flat - (low + high) / 2) + middle
    return Sample(np.round(truth), truth, scale, np.repeat([n for n, _ in kept], frames))


def held_out_prior(group: int) -> PosePrior:
    """A prior learned as the embedded one was, but from all other groups of clips."""
    motion = load_motion_capture()
    settings = Settings(**json.loads(data_path("prior_held_out.json").read_text())["chosen"]["settings"])
    name = group_names(motion)[group]
    others = [clip for clip in motion.clip_names if len(clip_poses(motion, clip)) and group_of(clip) != name]
    return learn(motion, others, settings).prior


def held_out_crossings(sample: Sample, rotations: int = ROTATIONS) -> dict[str, Any]:
    """`crossing_figures` with every frame lifted by the prior that has not seen its motion."""
    groups = np.unique(sample.group)
    parts = [
        one_pixel_crossings(sample.Y[sample.group == group], held_out_prior(int(group)), rotations=rotations)
        for group in groups
    ]
    return crossing_figures(parts, [sample.group[sample.group == group] for group in groups])


def real_landmarks(frame: RealFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Y (2, 17), `visible` and `camera` of a photo in the axes of its 64 x 64 belief maps, y up: the peaks, untouched.

    The maps are turned against the photo (`map_to_photo`), and so the camera turns about its line of sight with them.
    """
    belief, present = belief_human36m(frame)
    A = frame.map_to_photo
    angle = -math.atan2(A[1, 0], A[0, 0])  # of the photo's axes against the map's, y up
    c, s = math.cos(angle), math.sin(angle)
    about_z = np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])
    return peaks(belief).T * np.array([[1.0], [-1.0]]), present & frame.visible, about_z @ frame.camera


def bootstrap(
    values: Float[np.ndarray, " N"], group: Int[np.ndarray, " N"], samples: int = 2000, seed: int = SEED
) -> tuple[float, float]:
    """The 95 % interval of the mean of `values`, by drawing whole groups with replacement.

    Raises:
        ValueError: no samples, or fewer than two groups.
    """
    names, index = np.unique(group, return_inverse=True)
    if len(names) < 2:
        fail("group", f"{len(names)} group", "at least 2")
    total, count = np.bincount(index, values), np.bincount(index)
    drawn = np.random.default_rng(seed).integers(len(names), size=(check_count("samples", samples), len(names)))
    low, high = np.quantile(total[drawn].sum(1) / count[drawn].sum(1), [0.025, 0.975])
    return float(low), float(high)


def crossing_figures(parts: Sequence[Crossings], groups: Iterable[Int[np.ndarray, " N"]]) -> dict[str, Any]:
    """What is reported of `one_pixel_crossings`: fractions with their intervals, and sizes in pixels.

    `parts` may differ in their visible landmarks; `groups` has for each of them the group of every frame.
    """
    found = Crossings(*(np.concatenate([np.ravel(value) for value in values]) for values in zip(*parts, strict=True)))
    group = np.concatenate([np.repeat(g, part.angle.shape[1]) for g, part in zip(groups, parts, strict=True)])
    figures: dict[str, Any] = {"moves": found.angle.size}
    changes = {
        "winner": found.winner, "angle": found.angle, "component": found.component, "far": found.turned > FAR,
        "more_missed_than_predicted": found.missed > found.predicted,
    }  # fmt: skip
    for name, changed in changes.items():
        figures[name] = {"fraction": float(changed.mean()), "interval": bootstrap(changed, group)}
    figures["angle_where_component_stays"] = float(found.angle[~found.component].mean())
    figures["predicted"] = spread(found.predicted)
    jumps = {"missed_angle_only": found.angle & ~found.component, "missed_component": changes["component"]}
    figures |= {name: spread(found.missed[moved]) if moved.any() else None for name, moved in jumps.items()}
    figures["eq_8_exact_elsewhere_to_1e-9"] = bool((found.missed[~found.winner] < 1e-9).all())
    return figures


def spread(values: Float[np.ndarray, " N"]) -> dict[str, float]:
    """Percentiles 5, 25, 50, 75 and 95."""
    return {f"{q}%": float(np.percentile(values, q)) for q in (5, 25, 50, 75, 95)}


def derivative_figures(sample: Sample, prior: PosePrior, *, free: bool, seed: int = SEED) -> dict[str, Any]:
    """Eq. (8) beside `refined_jacobian` on real poses, centred: as matrices and as pull-backs of gradients g.

    Both are taken at the refined angle, but for "grid", which takes (8) where the layer does: at the best of 80 angles.
    Three kinds of g: random (normal, 4 per frame), the residual y_hat - y_true, and w itself, the worst case.
    """
    coarse = lift(sample.Y, prior, scale=None if free else sample.scale)
    refined, arrived = refine_angle(sample.Y, prior, coarse)
    found = turning(sample.Y, prior, refined)
    H, H_grid = landmark_jacobian(refined, prior), landmark_jacobian(coarse, prior)
    R = refined_jacobian(sample.Y, prior, refined)
    rng = np.random.default_rng(seed)
    residual = unwrap(centre(refined.Y_hat - sample.truth))
    gradients = {
        "random": rng.standard_normal((len(H), H.shape[-1], 4)),
        "residual": residual[..., None],
        "w": found.w[..., None],
    }
    gain = _gain(found)
    degrees = np.degrees(np.abs(angle_gradient(found, refined.scale)))
    moved = np.linalg.norm(found.w, axis=-1)[:, None] * np.abs(found.w) / found.kappa[:, None]
    expected = {str(T): float(np.minimum(degrees * T / 360, 1).mean()) for T in ROTATION_COUNTS}
    return {
        "arrived": float(arrived.mean()),
        "symmetric_to_1e-12": bool(np.abs(R - np.swapaxes(R, -1, -2)).max() < 1e-12),
        "pull_backs": {name: compare(H @ g, R @ g) for name, g in gradients.items()},
        "grid": {name: compare(H_grid @ g, R @ g) for name, g in gradients.items()},
        "trace_H": spread(np.trace(H, axis1=1, axis2=2)),
        "largest_eigenvalue_H": spread(np.linalg.eigvalsh(H)[:, -1]),
        "largest_eigenvalue_refined": spread(np.linalg.eigvalsh(R)[:, -1]),
        "amplifies_by_half": float((np.linalg.eigvalsh(R)[:, -1] > 1.5).mean()),
        "gain": spread(gain) | {"largest": float(gain.max())},
        "degrees_per_pixel": spread(degrees) | {"largest": float(degrees.max())},
        "turn_of_a_move": spread(moved),
        "expected_angle_changes": expected,
        "by_gain": by_gain(H, R, gradients["random"], gain),
    }


def compare(u: Float[np.ndarray, "N D M"], v: Float[np.ndarray, "N D M"]) -> dict[str, Any]:
    """Cosine of columns u and v, and the ratio of their lengths, ||v|| / ||u||, each as a `spread`."""
    length_u, length_v = np.linalg.norm(u, axis=1), np.linalg.norm(v, axis=1)
    return {"cosine": spread((u * v).sum(axis=1) / (length_u * length_v)), "ratio": spread(length_v / length_u)}


GAINS = (0.0, 0.5, 0.7, 1.0, math.inf)


def by_gain(H: np.ndarray, R: np.ndarray, g: np.ndarray, gain: np.ndarray) -> list[dict[str, Any]]:
    """`compare` for random gradients, the frames sorted by gain: the larger it is, the flatter the cost in theta."""
    rows = []
    for low, high in zip(GAINS, GAINS[1:], strict=False):
        some = (low <= gain) & (gain < high)
        if some.any():
            row = {"from": low, "to": high if math.isfinite(high) else None, "frames": int(some.sum())}
            rows.append(row | compare(H[some] @ g[some], R[some] @ g[some]))
    return rows


def fold_figures(sample: Sample, prior: PosePrior, frame: int) -> dict[str, Any]:
    """One person blended into their mirror image, up to where the minimum over theta ends."""
    Y = sample.Y[frame]
    middle = Y.mean(axis=-1, keepdims=True)
    mirrored = middle + (Y - middle) * np.array([[-1.0], [1.0]])
    fold = follow_to_fold(Y, mirrored, prior)
    left = fold.t[-1] - fold.t
    near = (left > 1e-6) & (left < 1e-2)
    power = np.polyfit(np.log(left[near]), np.log(fold.gain[near]), 1)[0]
    rows = [int(np.argmin(np.abs(np.log(left[:-1] / distance)))) for distance in 10.0 ** -np.arange(0, 7)]
    columns = {"left": left, "theta_degrees": np.degrees(fold.theta) % 360, "kappa": fold.kappa, "gain": fold.gain}
    path = [{name: float(column[row]) for name, column in columns.items()} for row in dict.fromkeys(rows)]
    way = (1 - fold.t[:, None, None]) * Y + fold.t[:, None, None] * mirrored
    apart = np.remainder(lift(way, prior, scale=None).theta - fold.theta + math.pi, 2 * math.pi) - math.pi
    gone = float(fold.t[np.abs(apart) > FAR].min(initial=1.0))
    return {"frame": frame, "at": float(fold.t[-1]), "search_leaves_at": gone, "power": float(power), "path": path}


FOLD_FRAME = 200
"""Of the sample; its minimum does not survive the way to the mirror image."""


def measure(rotation_counts: Sequence[int] = ROTATION_COUNTS) -> dict[str, Any]:
    """Everything that `docs/smoothness.md` reports; the same numbers in every run but for rounding."""
    prior, sample = load_prior(), draw_sample()
    photos = [real_landmarks(frame) for frame in load_real_frames()]

    def photo_crossings(rotations: int) -> list[Crossings]:
        # one call a photo: each has a camera of its own
        return [
            one_pixel_crossings(Y[None], prior, rotations=rotations, visible=seen, camera=camera)
            for Y, seen, camera in photos
        ]

    return {
        "sample": {
            "frames": len(sample.Y), "groups": len(set(sample.group.tolist())), "map": MAP, "person": PERSON,
            "seed": SEED, "pixels_per_metre": spread(sample.scale),
        },
        "photos": {"frames": len(photos), "landmarks": [int(seen.sum()) for _, seen, _ in photos]},
        "crossings": {
            str(T): crossing_figures([one_pixel_crossings(sample.Y, prior, rotations=T)], [sample.group])
            for T in rotation_counts
        },
        "crossings_held_out": {str(ROTATIONS): held_out_crossings(sample)},
        "crossings_photos": {
            str(rotations): crossing_figures(photo_crossings(rotations), np.arange(len(photos))[:, None])
            for rotations in rotation_counts
            if rotations <= ROTATIONS
        },
        "derivatives": {
            "free": derivative_figures(sample, prior, free=True),
            "fixed": derivative_figures(sample, prior, free=False),
        },
        "fold": fold_figures(sample, prior, FOLD_FRAME),
    }  # fmt: skip


def rounded(value: Any, digits: int = 3) -> Any:
    """`value` with every number in it cut to so many significant digits, which all machines agree on."""
    if isinstance(value, dict):
        return {key: rounded(entry, digits) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(entry, digits) for entry in value]
    return float(f"{value:.{digits}g}") if isinstance(value, float) else value


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and write data/smoothness.json and docs/smoothness.md: see the top of this module."""
    parser = argparse.ArgumentParser(prog="python -m lifting.checking.smoothness", description=main.__doc__)
    root = PACKAGE.parent
    parser.add_argument("--data", type=Path, default=root / "data", help="the folder of smoothness.json")
    parser.add_argument("--docs", type=Path, default=root / "docs", help="the folder of smoothness.md")
    folders = parser.parse_args(arguments)
    for name, folder in (("--data", folders.data), ("--docs", folders.docs)):
        if not folder.is_dir():
            parser.error(f"{name}: got {folder}, expected a folder that exists")
    figures = rounded(measure())
    write_atomically(folders.data / "smoothness.json", (json.dumps(figures, indent=1) + "\n").encode())
    write_atomically(folders.docs / "smoothness.md", report(figures).encode())


def report(figures: dict[str, Any]) -> str:
    """The text of `docs/smoothness.md`, all its numbers read from `figures`."""
    free, fixed = figures["derivatives"]["free"], figures["derivatives"]["fixed"]
    counts, sample, fold, photos = (figures[key] for key in ("crossings", "sample", "fold", "photos"))
    arrived = min(free["arrived"], fixed["arrived"])
    expected = "\n".join(
        f"| {T} | {_percent(free['expected_angle_changes'][T])} | {_percent(row['angle_where_component_stays'])} |"
        for T, row in counts.items()
    )
    gains = "\n".join(
        f"| {row['from']:g} to {row['to'] or 'any'} | {row['frames']} | "
        f"{_spread(row['cosine'])} | {_spread(row['ratio'])} |"
        for row in free["by_gain"]
    )
    path = "\n".join(
        f"| {row['left']:.1e} | {row['theta_degrees']:.1f} | {row['kappa']:.2g} | {row['gain']:.3g} |"
        for row in fold["path"]
    )
    pull_backs = "\n".join(
        f"| {scale} | {name} | {_spread(row['cosine'])} | {_spread(row['ratio'])} |"
        for scale, part in (("solved for", free), ("known", fixed))
        for name, row in part["pull_backs"].items()
    )
    text = f"""# What is not smooth

Made by `python -m lifting.checking.smoothness`, which also writes these numbers to `data/smoothness.json`. The
derivation stands at the top of `lifting/checking/smoothness.py`.

**Sample.** {sample["frames"]} upright poses of the embedded motion capture ({FRAMES} of every clip, evenly spaced),
each turned to a random heading (seed {sample["seed"]}), seen orthographically by a level camera, scaled so that the
larger side of the box around the landmarks is {sample["person"]:g} pixels (median
{sample["pixels_per_metre"]["50%"]:g} pixels a metre), the box in the middle of a {sample["map"]} x {sample["map"]}
map, all coordinates rounded to whole pixels. The prior was learned from these clips; "held out": every frame lifted
by a prior learned from the other groups. Intervals: 95 %, from a bootstrap over the {sample["groups"]} groups of
clips that are different motions. **Photos.** The {photos["frames"]} embedded photos, which the prior has never
seen: the peaks of their 64 x 64 belief maps ({min(photos["landmarks"])} to {max(photos["landmarks"])} landmarks
each), the camera known. It is one man: the interval, from a bootstrap over the photos, says nothing of other
people.

## 1. How often a move of one pixel changes the winner

Every landmark moved by one pixel to the left, right, up and down, one at a time; the scale solved for. "Far": theta
turns by more than {math.degrees(FAR):.0f} degrees.

| sample | rotations | winner changes | rotation | component | far |
|---|---|---|---|---|---|
{_crossing_rows(figures, ("winner", "angle", "component", "far"), _fraction)}

Where the winner stays, (8) is exact: what it misses is below 1e-9 pixels for every such move. The more rotations,
the more often the angle changes and the less that matters; more rotations don't make another component rarer, nor
its jump smaller. What (8) predicts for a move, and what it misses where the winner changes (norms over all
coordinates, pixels; the move itself has norm 1), as median (5 % to 95 %):

| sample | rotations | predicted | missed: another angle only | missed: another component | missed > predicted |
|---|---|---|---|---|---|
{_crossing_rows(figures, ("predicted", "missed_angle_only", "missed_component", "more_missed_than_predicted"), _either)}

With 10,000 rotations what (8) misses where only the angle changes is no jump any more but the turn itself, which it
leaves out: the rank-one term of section 2 amounts to {_spread(free["turn_of_a_move"])} pixels for such a move.

A change of angle is the finite set's way of turning: by d theta/dy of the refined solution (section 2) a move
should change the angle as often as its turn is large, compared with the distance between two angles.

| rotations | expected from d theta/dy | measured, where the component stays |
|---|---|---|
{expected}

## 2. R held fixed against R free to turn

(8) beside dy_hat/dy = E E_bar_t + w w^T / kappa at the minimum over theta nearest to the best of 80 angles (reached
by {_percent(arrived)} of the frames). Both are symmetric. Pull-backs of a gradient g, centred, as median (5 % to 95
%); ratio: length with R free over length with R fixed. "residual": g = y_hat - y_true, against the landmarks before
rounding. "w": g along the one direction in which they differ.

| scale | g | cosine | ratio |
|---|---|---|---|
{pull_backs}

The effective number of parameters (trace) is {_spread(free["trace_H"])} at fixed R with the scale solved for, of
32; the free angle adds the gain |w|^2 / kappa, {_spread(free["gain"])}, at most {free["gain"]["largest"]:.2f}. With
R fixed no eigenvalue exceeds 1. With R free the largest is {_spread(free["largest_eigenvalue_refined"])}, and in
{_percent(free["amplifies_by_half"])} of the frames some change of y is amplified by more than half. Theta turns by
{_spread(free["degrees_per_pixel"])} degrees for a pixel, at most {free["degrees_per_pixel"]["largest"]:.0f}.

Random g by gain (the larger it is, the flatter the cost in theta, the more ambiguous the view); scale solved for:

| gain | frames | cosine | ratio |
|---|---|---|---|
{gains}

## 3. Where the curvature vanishes

One person (frame {fold["frame"]}) blended into their mirror image. The minimum over theta is followed until it
meets a maximum and both vanish, at {_percent(fold["at"])} of the way. What is left of the way, and what the refined
solution does:

| left | theta (degrees) | kappa (m^2) | gain |
|---|---|---|---|
{path}

The gain grows as the power {fold["power"]:.2f} of what is left: like one over a square root, as at every fold. There
the refined derivative is right and useless, for the next move ends in another minimum; (8) stays bounded. The
exhaustive search has left this minimum for a better one at {_percent(fold["search_leaves_at"])} of the way already.
"""
    parts = text.strip().split("\n\n")
    filled = [part if part.startswith(("|", "#")) else textwrap.fill(part, 116) for part in parts]
    return "\n\n".join(filled) + "\n"


SAMPLES = {
    "motion capture": "crossings",
    "motion capture, held out": "crossings_held_out",
    "photos": "crossings_photos",
}
"""What the report calls each sample, and its key."""


def _crossing_rows(figures: dict[str, Any], columns: Sequence[str], cell: Callable[[Any], str]) -> str:
    return "\n".join(
        f"| {name} | {rotations} | " + " | ".join(cell(row[column]) for column in columns) + " |"
        for name, key in SAMPLES.items()
        for rotations, row in figures[key].items()
    )


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.3g} %"


def _fraction(row: dict[str, Any]) -> str:
    low, high = row["interval"]
    return f"{_percent(row['fraction'])} ({100 * low:.2g} to {100 * high:.2g})"


def _spread(row: dict[str, float]) -> str:
    return f"{row['50%']:.3g} ({row['5%']:.3g} to {row['95%']:.3g})"


def _either(row: dict[str, Any]) -> str:
    return _fraction(row) if "fraction" in row else _spread(row)


if __name__ == "__main__":
    main()
