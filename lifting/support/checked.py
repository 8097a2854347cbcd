"""Annotations that are executed: `@checked` checks and converts what comes into a function by its annotations.

    @checked
    def cost(y: Float[Array, "*batch 2*L"], E: Float[Array, "*batch 2*L J"], a: Float[Array, "*batch J"]) -> ...

- An array's annotation is jaxtyping's. Its last dimensions must fit, whatever `*batch` stands for before them, and a
  name is one size throughout the call: where E is (34, 25), y must have 34 numbers.
- Lists and numbers become arrays. All arrays get the library, dtype and device of the first torch tensor among them, or
  else of the first array; what may be booleans, as `Weights`, is never the first.
- `Annotated[..., rule]` adds what values must be, one of `RULES`; without it, finite.
- `Positive`, `NonNegative` and `Count` are plain numbers. A NamedTuple of arrays is checked field by field. A dataclass
  has checked itself; it gives its sizes, such as L, to the others, as a `Count` does.

What fails is refused in one line that names the argument, what came and what was expected. Inside a checked function
calls of other checked functions go straight through, so that the argument named is the caller's own; `trusted` lets all
calls through. Within `results_too` the shapes that a function returns are held to its annotation: the tests run there.

This is no part of the paper; it is what keeps its equations free of checks.
"""

import functools
import inspect
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, is_dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import numpy as np
from jaxtyping import AbstractArray, Bool, Float

from lifting.support.arrays import (
    Array,
    check_count,
    check_finite,
    check_floating,
    check_positive,
    check_rotation,
    check_rotations,
    fail,
    is_torch,
    is_trusted,
    like,
    namespace,
    refuse,
)

Positive = Annotated[float, "> 0"]
NonNegative = Annotated[float, ">= 0"]
WHOLE = ">= 1"
Count = Annotated[int, WHOLE]
Camera = Annotated[Float[Array, "3 3"], "rotation"]
"""The known rotation of a camera."""
Cameras = Annotated[Float[Array, "*batch 3 3"], "rotations"]
"""The same, of one camera for all or of one for each."""
Weights = Annotated[Float[Array, "*batch L"] | Bool[Array, "*batch L"], ">= 0"]
"""How much every landmark counts: numbers >= 0, or booleans, which are the weights 1 and 0."""

Function = TypeVar("Function", bound=Callable)
Sizes = dict[str, Any]
"""The size of each named dimension; of *batch the dimensions that all arrays so far make together."""
_INSIDE: ContextVar[bool] = ContextVar("inside", default=False)
_RESULTS: ContextVar[bool] = ContextVar("results", default=False)


def checked(function: Function) -> Function:
    """`function` with its arguments checked and converted by their annotations; see the top of this module."""
    signature = inspect.signature(function)
    hints = get_type_hints(function, include_extras=True)
    back = spec_of(hints.pop("return", None), rule="any")
    found = {name: spec for name, hint in hints.items() if (spec := spec_of(hint)) is not None}
    # those with most dimensions first: they say what sizes the others must have
    specs = dict(sorted(found.items(), key=lambda item: -item[1].rank))

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if is_trusted() or _INSIDE.get():
            return function(*args, **kwargs)
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        sizes: Sizes = {}
        values = {name: spec.check(name, bound.arguments[name], sizes) for name, spec in specs.items()}
        leader = _leader(values, specs)
        bound.arguments.update((name, specs[name].convert(value, leader)) for name, value in values.items())
        with _set(_INSIDE):
            result = function(*bound.args, **bound.kwargs)
        if back is not None and _RESULTS.get():
            back.check(f"what {function.__name__} returns", result, sizes)
        return result

    return cast(Function, call)


@contextmanager
def results_too() -> Iterator[None]:
    """Within it what a checked function returns is held to its annotation."""
    with _set(_RESULTS):
        yield


@contextmanager
def _set(flag: ContextVar[bool]) -> Iterator[None]:
    token = flag.set(True)
    try:
        yield
    finally:
        flag.reset(token)


@dataclass(frozen=True)
class Spec:
    """What an annotation says of a value: an array's dimensions and dtype, a number's rule, or the parts of a tuple."""

    dims: tuple[str, ...] | None = None
    kinds: str = ""
    """Kinds of dtype, as NumPy's letters: "f", "i", "b"."""
    rule: str = "finite"
    optional: bool = False
    parts: tuple["Spec | None", ...] = ()
    names: tuple[str, ...] = ()
    made: type | None = None
    """The dataclass that the value must be."""

    @property
    def rank(self) -> int:
        """How much it says of sizes: whole numbers and dataclasses come before all arrays."""
        if self.made or self.rule == WHOLE:
            return 99
        return max([len(self.dims or ()), *(part.rank for part in self.parts if part is not None)])

    def check(self, name: str, value: Any, sizes: Sizes) -> Any:
        """`value` as an array or number that fits; sizes of named dimensions are read from and written to `sizes`."""
        if value is None and self.optional:
            return None
        if self.made is not None:
            return self._read_sizes(name, value, sizes)
        if self.parts:
            return self._check_parts(name, value, sizes)
        if self.dims is None:
            number = NUMBERS[self.rule](name, value)
            if self.rule == WHOLE:
                sizes[name] = number
            return number
        array = self._array(name, value)
        _check_dims(name, tuple(array.shape), self.dims, sizes)
        if "f" in self.kinds:
            RULES[self.rule](name, array)
        return array

    def convert(self, value: Any, leader: Array | None) -> Any:
        """`value`, already checked, like `leader`: library, device and, but for whole numbers, dtype."""
        if value is None or leader is None or self.made or (self.dims is None and not self.parts):
            return value
        if self.parts:
            pairs = zip(self.parts, value, strict=True)
            return type(value)(*(item if part is None else part.convert(item, leader) for part, item in pairs))
        return value if "f" not in self.kinds else like(value, leader)

    def _read_sizes(self, name: str, value: Any, sizes: Sizes) -> Any:
        if not isinstance(value, cast(type, self.made)):
            fail(name, type(value).__name__, f"a {cast(type, self.made).__name__}")
        for own, part in zip(self.names, self.parts, strict=True):
            field = getattr(value, own)
            if part is not None and part.dims is not None and field is not None:
                _check_dims(f"{name}.{own}", tuple(field.shape), part.dims, sizes)
        return value

    def _check_parts(self, name: str, value: Any, sizes: Sizes) -> Any:
        names = self.names or tuple(f"{name}[{i}]" for i in range(len(self.parts)))
        if not isinstance(value, tuple) or len(value) != len(self.parts):
            fail(name, type(value).__name__, f"a tuple of {', '.join(names)}")
        items = list(value)
        for i, part in sorted(enumerate(self.parts), key=lambda item: -item[1].rank if item[1] else 0):
            items[i] = items[i] if part is None else part.check(names[i], items[i], sizes)
        return type(value)(*items) if self.names else tuple(items)

    def _array(self, name: str, value: Any) -> Array:
        if self.kinds == "f":
            return check_floating(name, value)
        array = value if is_torch(value) else np.asarray(value)
        if self.kinds == "i" or (self.kinds == "b" and _is_boolean(array)):
            return array
        return (
            namespace(array).astype(array, namespace(array).float64)
            if _is_boolean(array)
            else check_floating(name, value)
        )


def spec_of(hint: Any, rule: str = "finite", optional: bool = False) -> Spec | None:
    """The `Spec` of an annotation; None of one that says nothing of arrays or numbers."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return spec_of(arguments[0], arguments[1], optional)
    if origin in (Union, UnionType):
        options = [
            spec_of(option, rule, optional or NoneType in arguments) for option in arguments if option is not NoneType
        ]
        first = options[0]
        if first is None or len(options) == 1:
            return first
        return Spec(first.dims, "".join(spec.kinds for spec in options if spec), rule, first.optional)
    if origin is tuple:
        return Spec(parts=tuple(spec_of(part, rule) for part in arguments), optional=optional)
    if isinstance(hint, type) and issubclass(hint, AbstractArray):
        kind = "f" if "float64" in hint.dtypes else "i" if "int64" in hint.dtypes else "b"
        return Spec(tuple(hint.dim_str.split()), kind, rule, optional)
    if isinstance(hint, type) and (hasattr(hint, "_fields") or is_dataclass(hint)):
        parts = {name: spec_of(part, rule) for name, part in get_type_hints(hint, include_extras=True).items()}
        made = hint if is_dataclass(hint) else None
        return Spec(parts=tuple(parts.values()), names=tuple(parts), optional=optional, made=made)
    return Spec(rule=rule, optional=optional) if hint in (int, float) and rule in NUMBERS else None


def _leader(values: dict[str, Any], specs: dict[str, Spec]) -> Array | None:
    """The array that the others are made like: the first torch tensor of real numbers, or else the first such array."""
    found = []
    for name, value in values.items():
        if specs[name].made:
            continue
        pairs = zip(specs[name].parts, value, strict=True) if specs[name].parts else [(specs[name], value)]
        found += [array for spec, array in pairs if spec is not None and spec.kinds == "f" and array is not None]
    return next((array for array in found if is_torch(array)), found[0] if found else None)


def _check_dims(name: str, shape: tuple[int, ...], dims: tuple[str, ...], sizes: Sizes) -> None:
    """Hold `shape` to the annotation's dimensions, and note the sizes that it gives to their names."""
    batched = bool(dims) and dims[0].startswith(("*", "..."))
    tail = dims[1:] if batched else dims
    fits = len(shape) >= len(tail) if batched else len(shape) == len(tail)
    left = dict(enumerate(tail)) if fits else {}
    known, lead = dict(sizes), len(shape) - len(tail)
    while fits and left:
        # one dimension after the other, those first that have fewest names without a size
        i = min(left, key=lambda i: len(_unknown(left[i], known)))
        fits = _solve(left.pop(i), shape[lead + i], known)
    if not fits:
        words = [str(_value(dim, sizes)) if not _unknown(dim, sizes) else dim for dim in tail]
        expected = ["...", *words] if batched else words
        fail(name, f"shape {shape}", f"shape ({', '.join(expected)}{',' if len(expected) == 1 else ''})")
    sizes.update(known)
    if batched and dims[0] != "...":
        before = sizes.get(dims[0], ())
        try:
            sizes[dims[0]] = np.broadcast_shapes(before, shape[:lead])
        except ValueError:
            fail(name, f"shape {shape}", f"dimensions before the last {len(tail)} that go with {before} of the others")


def _solve(dim: str, size: int, known: Sizes) -> bool:
    """Whether the dimension `dim`, such as 2*L+J, can have `size`; the size of its unknown name goes into `known`."""
    unknown = _unknown(dim, known)
    if not unknown:
        return _value(dim, known) == size
    if len(unknown) > 1:
        return size > 0
    (name,) = unknown
    offset = _value(dim, known | {name: 0})
    value, rest = divmod(size - offset, _value(dim, known | {name: 1}) - offset)
    known[name] = value
    return rest == 0 and value > 0


def _unknown(dim: str, known: Sizes) -> set[str]:
    return {name for name in re.findall(r"[A-Za-z_]\w*", dim) if name not in known}


def _value(dim: str, known: Sizes) -> int:
    """A sum of products of numbers and names, such as 2*L+J."""
    factors = ([known[f] if f in known else int(f) for f in term.split("*")] for term in dim.split("+"))
    return sum(int(np.prod(term)) for term in factors)


def _is_boolean(value: Any) -> bool:
    return str(getattr(value, "dtype", "")).endswith("bool")


def _above(name: str, value: Array, zero: bool) -> None:
    check_finite(name, value)
    xp = namespace(value)
    wrong = value < 0 if zero else value <= 0
    refuse(name, wrong, lambda: float(xp.min(value)), f"numbers {'>=' if zero else '>'} 0")


RULES: dict[str, Callable[[str, Array], object]] = {
    "any": lambda name, value: None,
    "finite": check_finite,
    "> 0": functools.partial(_above, zero=False),
    ">= 0": functools.partial(_above, zero=True),
    "rotation": check_rotation,
    "rotations": check_rotations,
}
NUMBERS: dict[str, Callable[[str, Any], Any]] = {
    "> 0": check_positive,
    ">= 0": functools.partial(check_positive, zero=True),
    WHOLE: check_count,
}
