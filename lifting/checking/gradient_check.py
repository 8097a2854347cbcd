"""Gradients held against differences: how every derivative of the supplement, eq. (3)-(9), is checked.

Two references, neither of which knows the formula that it checks:

- **Central difference**, (f(x + h) - f(x - h)) / 2h. By Taylor its error is h^2 f'''/6, and the rounding of f adds
  some eps |f| / h. Both can be estimated without knowing f''': with D(h) the difference at step h,
  D(2h) - D(h) = h^2 f'''/2 + its rounding, three times the error. That is the bound, plus a floor for rounding.
- **Complex step**, Im f(x + ih) / h. Nothing is subtracted, so h can be 1e-20 and the derivative is exact to
  rounding. f must be analytic and written so that complex numbers pass through it.

A forward difference, (f(x + h) - f(x)) / h, is never taken: its error falls with h, not with h^2.

The promise: a gradient that is wrong by a factor of 1.001 is refused, always. Where the differences can't tell such a
gradient from a right one (a step of the wrong size, a function that jumps), the check refuses to judge.

Everything is float64. A Jacobian has the shape of f(x) followed by the shape of x.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from lifting.support.arrays import Array, check_count, check_finite, check_positive, fail, like, namespace, to_numpy

EPS = float(np.finfo(np.float64).eps)

STEP = EPS ** (1 / 3)
"""The step h for x of order one, 6e-6: h^2 and eps / h, the two sources of error, are then equal."""

ROUNDING = 32.0
"""How many eps a value of f may be off by: the sums of some tens of products that make a pose."""

RESOLUTION = 1e-4
"""A reference whose own error may exceed this, relative to its largest entry, is not used to judge."""

Function = Callable[[Array], Array]


def one_by_one(f: Function) -> Function:
    """A function of one point made into one of many: called for each of them in turn."""
    return lambda points: namespace(points).stack([f(point) for point in points])


class GradientError(AssertionError):
    """A gradient is wrong: the message names its worst entry, what was given and what the reference says.

    `error` is the relative error that was seen.
    """

    def __init__(self, message: str, error: float = float("inf")):
        super().__init__(message)
        self.error = error


class Difference(NamedTuple):
    """A central difference and how far it may be from the derivative."""

    J: np.ndarray
    """The derivative: the shape of f(x), then the shape of x."""
    bound: float
    """The largest error that an entry of J may have."""


def central_difference(f: Function, x: Array, step: float = STEP) -> np.ndarray:
    """The Jacobian of f at x by central differences; see `bounded_difference`."""
    return bounded_difference(f, x, step).J


def bounded_difference(f: Function, x: Array, step: float = STEP) -> Difference:
    """The Jacobian of f at x by central differences, with a bound on its error.

    Args:
        f: takes arrays (n, *x.shape) of n points at once, and gives (n, ...); NumPy's or torch's, as x is. Wrap what
            takes one point in `one_by_one`.
        x: where, float64.
        step: h for coordinates up to 1 in size; the step of a larger coordinate is that many times its size.

    Raises:
        ValueError: x or f(x) is not float64 or not finite, or the step is so small that x does not move.
    """
    point = _float64("x", x)
    check_positive("step", step)
    h = step * np.maximum(1.0, np.abs(point)).ravel()
    directions = np.reshape(np.diag(h), (point.size, *point.shape))
    change, noise = _changes(f, x, directions)
    # the step that was really taken, once x + h has been rounded
    taken = np.array([_taken(point, directions, k).reshape(point.size, -1).sum(-1) for k in (1, 2)])
    if not np.all(taken):
        fail("step", step, "a step that changes every coordinate of x")
    near, far = (np.moveaxis(c / t.reshape(-1, *[1] * (c.ndim - 1)), 0, -1) for c, t in zip(change, taken, strict=True))
    J, J_far = (np.reshape(D, (*D.shape[:-1], *point.shape)) for D in (near, far))
    return Difference(J, _largest(J_far - J) + noise / float(h.min()))


def directional_difference(f: Function, x: Array, v: Array, step: float = STEP) -> Difference:
    """The derivative of f at x along v, J v, by a central difference, with a bound on its error.

    Takes what `bounded_difference` takes, and raises what it raises. The step is h for x and v of order one.
    """
    point, direction = _float64("x", x), _float64("v", v)
    if direction.shape != point.shape:
        fail("v", f"shape {direction.shape}", f"the shape {point.shape} of x")
    check_positive("step", step)
    largest = _largest(direction)
    h = step * max(1.0, _largest(point)) / (largest if largest > 0 else 1.0)
    change, noise = _changes(f, x, h * direction[None])
    Jv, Jv_far = change[0][0] / (2 * h), change[1][0] / (4 * h)
    # x +- hv is rounded too, which changes f by the derivative times that
    moved = ROUNDING * EPS * _largest(point) * _largest(Jv) / (largest if largest > 0 else 1.0)
    return Difference(Jv, _largest(Jv_far - Jv) + (noise + moved) / h)


def _changes(f: Function, x: Array, directions: np.ndarray) -> tuple[list[np.ndarray], float]:
    """By what f changes from x - kd to x + kd, for every direction d and k = 1, 2; and how far off a value may be."""
    point = to_numpy(x)
    points = np.concatenate([point + k * directions for k in (1, -1, 2, -2)])
    values = _float64("f(x)", f(like(points, x)))
    if values.ndim == 0 or len(values) != len(points):
        fail("f(x)", f"shape {values.shape} for {len(points)} points", "one value a point; or wrap f in one_by_one")
    plus, minus, plus_2, minus_2 = values.reshape(4, len(directions), *values.shape[1:])
    return [plus - minus, plus_2 - minus_2], ROUNDING * EPS * _largest(values)


def _taken(point: np.ndarray, directions: np.ndarray, k: int) -> np.ndarray:
    return (point + k * directions) - (point - k * directions)


def complex_step(f: Function, x: np.ndarray, step: float = 1e-20) -> np.ndarray:
    """The Jacobian of an analytic f at x, exact to rounding: Im f(x + ih) / h.

    Args:
        f: as for `bounded_difference`, in NumPy, made of what is analytic (no abs, no conjugate, no comparison).
        x: where, float64.
        step: h, so small that h^2 vanishes beside 1.

    Raises:
        ValueError: x is not float64, or f loses the imaginary part.
    """
    point = _float64("x", x)
    check_positive("step", step)
    points = point + 1j * step * np.reshape(np.eye(point.size), (point.size, *point.shape))
    values = np.asarray(f(points))
    if values.dtype != np.complex128:
        fail("f", f"values of {values.dtype}", "complex128 from complex128: a formula that complex numbers go through")
    J = np.moveaxis(values.imag / step, 0, -1)
    return np.reshape(J, (*J.shape[:-1], *point.shape))


def relative_error(J: Array, reference: Array) -> float:
    """The largest difference of an entry, relative to the largest entry of the reference: max |J - ref| / max |ref|.

    Raises:
        ValueError: different shapes, or a value that is not finite.
    """
    given, wanted = _float64("J", J), _float64("reference", reference)
    if given.shape != wanted.shape:
        fail("J", f"shape {given.shape}", f"the shape {wanted.shape} of the reference")
    error, largest = _largest(given - wanted), _largest(wanted)
    return 0.0 if error == 0 else error / largest if largest > 0 else float("inf")


def check_jacobian(J: Array, f: Function, x: Array, step: float = STEP) -> float:
    """Refuse a Jacobian J that central differences of f at x contradict; gives back its `relative_error`.

    Args:
        J: the shape of f(x), then the shape of x, float64.
        f: as for `bounded_difference`.
        x: where, float64.
        step: as for `bounded_difference`.

    Raises:
        GradientError: an entry is further from the difference than that can be wrong.
        ValueError: the differences are too coarse to judge: see RESOLUTION; or as `bounded_difference`.
    """
    return _judge("J", _float64("J", J), bounded_difference(f, x, step), step)


def check_products(
    f: Function,
    push_forward: Function,
    pull_back: Function,
    x: Array,
    rng: np.random.Generator,
    directions: int = 3,
) -> float:
    """Refuse products with a Jacobian that are wrong: J v by a central difference along v, and <v, J^T g> by <J v, g>.

    No Jacobian is formed, so it works for maps of any size. The directions v are random; g leans towards J v, so
    that <J v, g> is never small by chance and a wrong factor shows.

    Args:
        f: as for `bounded_difference`.
        push_forward: v of the shape of x -> J v of the shape of f(x).
        pull_back: g of the shape of f(x) -> J^T g of the shape of x.
        x: where, float64.
        rng: where the directions come from.
        directions: how many pairs (v, g) are tried.

    Returns:
        The largest relative error that was seen in any of them.

    Raises:
        GradientError: a product is further off than rounding and differences can explain.
        ValueError: the differences are too coarse to judge: see RESOLUTION; or as `directional_difference`.
    """
    worst = 0.0
    for _ in range(check_count("directions", directions)):
        v = rng.normal(size=tuple(x.shape))
        v /= np.linalg.norm(v)
        difference = directional_difference(f, x, v)
        Jv = _float64("push_forward(v)", push_forward(like(v, x)))
        worst = max(worst, _judge("J v", Jv, difference, STEP))
        g = _along(Jv, rng)
        JTg = _float64("pull_back(g)", pull_back(like(g, x)))
        if JTg.shape != v.shape:
            fail("pull_back(g)", f"shape {JTg.shape}", f"the shape {v.shape} of x")
        worst = max(worst, _compare_products(float(np.vdot(v, JTg)), float(np.vdot(Jv, g))))
    return worst


def _along(Jv: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Half a random unit vector, and a whole one along J v: <J v, g> is then at least |J v| / 2."""
    g = rng.normal(size=Jv.shape)
    length = float(np.linalg.norm(Jv))
    return g / (2 * np.linalg.norm(g)) + (Jv / length if length > 0 else 0.0)


def _compare_products(back: float, forth: float) -> float:
    """The relative error of <v, J^T g> against <J v, g>: rounding leaves half of the digits at the least."""
    error = abs(back - forth) / abs(forth) if forth else float(back != 0) and float("inf")
    if error > EPS**0.5:
        text = f"J^T g: <v, J^T g> is {back:.9g} where <J v, g> is {forth:.9g}, a relative error of {error:.2g}"
        raise GradientError(text, error)
    return error


def _judge(name: str, given: np.ndarray, difference: Difference, step: float) -> float:
    """The relative error of what was given; GradientError where it is more than the difference's own."""
    wanted, bound = difference
    error = relative_error(given, wanted)
    if not np.any(wanted):
        bound = 0.0  # f is constant, to the last bit
    elif bound > RESOLUTION * _largest(wanted):
        got = f"{step:.2g}, which gives {name} to +-{bound:.2g} where its largest entry is {_largest(wanted):.2g}"
        fail("step", got, f"a step that gives it to {RESOLUTION:g} of that, at a point where f is smooth")
    if _largest(given - wanted) > bound:
        worst = np.unravel_index(np.argmax(np.abs(given - wanted)), given.shape)
        place = f"{name}[{', '.join(map(str, worst))}]" if worst else name
        raise GradientError(
            f"{place}: given {given[worst]:.9g}, central differences say {wanted[worst]:.9g} +- {bound:.1g}; "
            f"relative to the largest entry that is an error of {error:.2g}",
            error,
        )
    return error


def _largest(values: np.ndarray) -> float:
    return float(np.max(np.abs(values), initial=0.0))


def _float64(argument: str, value: Array) -> np.ndarray:
    """`value` as a NumPy array; refused if it is not float64 or not finite."""
    if str(getattr(value, "dtype", type(value).__name__)).removeprefix("torch.") != "float64":
        got = getattr(value, "dtype", type(value).__name__)
        fail(argument, got, "float64: differences of rounder numbers say nothing about a derivative")
    check_finite(argument, value)
    return to_numpy(value)
