"""Arrays and what may come in: one code path for NumPy and torch, and errors that say what was wrong.

Every equation module is written once against the Python array API standard. `namespace` gives the
functions that belong to an array (NumPy's or torch's); the `check_*` functions guard public functions.
Every message names the argument, what came and what was expected.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NoReturn

import array_api_compat
import numpy as np

type_error = "a NumPy array or a torch tensor of real floating-point numbers"

Array = Any
"""A NumPy array or a torch tensor."""

_TRUSTED = ContextVar("trusted", default=False)


@contextmanager
def trusted() -> Iterator[None]:
    """Within it no check looks at values: nothing waits for a device, `device="meta"` works, and NaN stays NaN.

    Shapes and dtypes, which cost nothing to look at, are still checked.
    """
    token = _TRUSTED.set(True)
    try:
        yield
    finally:
        _TRUSTED.reset(token)


def is_trusted() -> bool:
    """Whether this is within `trusted`."""
    return _TRUSTED.get()


def is_torch(value: object) -> bool:
    """Whether `value` is a torch tensor."""
    return array_api_compat.is_torch_array(value)


def namespace(*arrays: Array) -> Any:
    """The array API namespace (NumPy's or torch's) that all of `arrays` share."""
    return array_api_compat.array_namespace(*arrays)


def like(value: Array, reference: Array) -> Array:
    """`value` (anything NumPy reads, or an array) as an array of the library, dtype and device of `reference`."""
    xp = namespace(reference)
    if array_api_compat.is_torch_array(value) and array_api_compat.is_torch_array(reference):
        return value.to(dtype=reference.dtype, device=reference.device)
    array = to_numpy(value)
    if array_api_compat.is_torch_array(reference) and not array.flags.writeable:
        array = array.copy()  # a tensor shares its memory, and can't be read-only
    return xp.asarray(array, dtype=reference.dtype, device=array_api_compat.device(reference))


def to_numpy(value: Array) -> np.ndarray:
    """`value` as a NumPy array, copied off its device and out of autograd where it is a torch tensor."""
    if array_api_compat.is_torch_array(value):
        return value.detach().cpu().numpy()
    return np.asarray(value)


def least(x: Array) -> tuple[Array, Array]:
    """The least of the last axis, and where it is."""
    if is_torch(x):
        return tuple(x.min(-1))  # one pass for both
    return x.min(-1), x.argmin(-1)


def along(x: Array, index: Array, axis: int) -> Array:
    """What stands at `index` along an axis of x; the two are alike in the others."""
    return x.gather(axis, index) if is_torch(x) else np.take_along_axis(x, index, axis)


def rows(x: Array, index: Array) -> Array:
    """x[n] for each n of `index` (N,), whatever the library: a copy."""
    return x.index_select(0, index) if is_torch(x) else x.take(index, 0)


def strided(x: Array, shape: tuple[int, ...], strides: tuple[int, ...]) -> Array:
    """A view of x, whose rows lie one after the other in memory; strides count numbers, not bytes."""
    if is_torch(x):
        return x.as_strided(shape, strides)
    return np.lib.stride_tricks.as_strided(x, shape, [stride * x.itemsize for stride in strides])


def to_constant(argument: str, value: Array) -> np.ndarray:
    """`to_numpy`, where nothing carries a gradient on: a tensor that requires one is refused, not cut off silently."""
    if array_api_compat.is_torch_array(value) and value.requires_grad:
        fail(
            argument, "a tensor that requires a gradient", "a constant: nothing is differentiated by it (use .detach())"
        )
    return to_numpy(value)


def fail(argument: str, got: object, expected: object) -> NoReturn:
    """Raise the ValueError of bad input: which argument, what came, what was expected."""
    raise ValueError(f"{argument}: got {got}, expected {expected}")


def single(value: Array) -> Array:
    """`value` in single precision where it came in half (float16 or bfloat16), else unchanged."""
    xp = namespace(value)
    half = str(value.dtype).removeprefix("torch.") in ("float16", "bfloat16")
    return xp.astype(value, xp.float32) if half else value


def check_floating(argument: str, value: Array) -> Array:
    """`value` as a real floating-point array: lists and integers become float64; anything else is refused."""
    if array_api_compat.is_torch_array(value):
        if value.is_floating_point():
            return value
        fail(argument, f"a tensor of {value.dtype}", type_error)
    try:
        array = np.asarray(value)
    except ValueError:
        fail(argument, "a ragged sequence", type_error)
    if array.dtype.kind in "iu":
        array = array.astype(np.float64)
    if array.dtype.kind != "f":
        fail(argument, f"{type(value).__name__} of dtype {array.dtype}", type_error)
    return array


def check_finite(argument: str, value: Array) -> None:
    """Refuse NaN and infinity; `trusted` values are not looked at."""
    if _TRUSTED.get():
        return
    xp = namespace(value)
    finite = xp.isfinite(value)
    if not bool(xp.all(finite)):
        bad = int(xp.sum(xp.astype(~finite, xp.int64)))
        fail(argument, f"{bad} NaN or infinite of {math.prod(value.shape)} values", "finite numbers")


def refuse(argument: str, wrong: Array, got: object, expected: object) -> None:
    """Refuse `argument` where any of the booleans `wrong` is true; `trusted` values are not looked at.

    `got` is what came, or a function that finds it out once it is needed.
    """
    if not _TRUSTED.get() and bool(namespace(wrong).any(wrong)):
        fail(argument, got() if callable(got) else got, expected)


def check_shape(argument: str, value: Array, *trailing: int | str) -> None:
    """Refuse an array whose last dimensions are not `trailing`; a string there names a dimension of any size > 0.

    >>> check_shape("Y", np.zeros((5, 2, 17)), 2, "L")
    """
    shape = tuple(value.shape)
    tail = shape[len(shape) - len(trailing) :] if trailing else ()
    fits = len(shape) >= len(trailing) and all(
        size == want if isinstance(want, int) else size > 0 for size, want in zip(tail, trailing, strict=True)
    )
    if not fits:
        fail(argument, f"shape {shape}", f"shape (..., {', '.join(map(str, trailing))})")


def check_array(argument: str, value: Array, *trailing: int | str) -> Array:
    """A finite real floating-point array whose last dimensions are `trailing`; see `check_shape`."""
    array = check_floating(argument, value)
    check_shape(argument, array, *trailing)
    check_finite(argument, array)
    return array


def check_rotation(argument: str, value: Array) -> Array:
    """A rotation: a (3, 3) matrix, orthonormal and no reflection."""
    array = check_array(argument, value, 3, 3)
    if array.ndim != 2:
        fail(argument, f"shape {tuple(array.shape)}", "shape (3, 3)")
    return check_rotations(argument, array)


def check_rotations(argument: str, value: Array) -> Array:
    """Rotations: matrices (..., 3, 3), each orthonormal and no reflection."""
    array = check_array(argument, value, 3, 3)
    C = to_numpy(array).reshape(-1, 3, 3)
    errors, determinants = np.abs(C @ C.swapaxes(-1, -2) - np.eye(3)).max(axis=(-2, -1)), np.linalg.det(C)
    wrong = (errors > 1e-4) | (determinants < 0)
    if wrong.any():
        error, determinant = errors[wrong][0], determinants[wrong][0]
        fail(argument, f"a matrix with |C C^T - I| up to {error:.2g} and determinant {determinant:.2g}", "a rotation")
    return array


def check_positive(argument: str, value: float, zero: bool = False) -> float:
    """A finite number above zero; or `zero` itself."""
    number = _number(argument, value)
    if not np.isfinite(number) or number < 0 or (number == 0 and not zero):
        fail(argument, number, f"a finite number {'>=' if zero else '>'} 0")
    return number


def check_count(argument: str, value: int, least: int = 1) -> int:
    """A whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        fail(argument, f"{value!r} ({type(value).__name__})", f"a whole number >= {least}")
    if value < least:
        fail(argument, int(value), f"a whole number >= {least}")
    return int(value)


def _number(argument: str, value: Any) -> float:
    if isinstance(value, (bool, str, bytes)):
        fail(argument, f"{value!r} ({type(value).__name__})", "a number")
    try:
        return float(value)
    except (TypeError, ValueError):
        fail(argument, f"{value!r} ({type(value).__name__})", "a number")
