"""Python's dictionaries, lists and arrays of numbers out of an NPY entry of objects, without running anything.

NumPy can store objects by pickle only, a language of small steps on a stack; loading such a file runs them, and some
call any function by its name. Here the steps are listed by `pickletools`, which runs none, and carried out by the
table below: numbers, strings, lists, tuples, dictionaries, and NumPy's arrays and dtypes of numbers. Nothing is
imported or called by name, and a step that is not in the table refuses the file. VideoPose3D's data sets need no more
than that.
"""

import io
import pickletools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from lifting.support.arrays import fail

MOST = 10_000_000
"""Steps that are carried out at most."""

NAMES = {
    **{(f"numpy.{core}.multiarray", "_reconstruct"): "array" for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): "scalar" for core in ("core", "_core")},
    ("numpy", "ndarray"): "ndarray",
    ("numpy", "dtype"): "dtype",
    ("_codecs", "encode"): "encode",
}
"""What a file may name; the names stay words here."""


@dataclass(eq=False)
class _Made:
    """An array or a dtype that is being put together; `value` once its state has come."""

    kind: str
    word: str = ""
    value: Any = None


class _Mark:
    """Where on the stack the parts of a tuple, list or dictionary begin."""


def read_objects(where: str, entry: bytes) -> Any:
    """What an NPY entry of objects holds.

    Args:
        where: what to call it in messages.
        entry: the entry, from its first byte.

    Raises:
        ValueError: a step that is not carried out, or an entry that is cut.
    """
    buffer = io.BytesIO(entry)
    try:
        version = np.lib.format.read_magic(buffer)
        header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
        header(buffer)
        value = _Machine(where).run(buffer.read())
    except (KeyError, IndexError, TypeError, AttributeError, OverflowError, UnicodeError) as error:
        fail(where, f"objects that can't be read ({type(error).__name__})", "dictionaries, lists and arrays of numbers")
    except ValueError as error:
        if str(error).startswith(where):
            raise
        fail(where, f"objects that can't be read ({error})".splitlines()[0], "an entry that is whole")
    return value


class _Machine:
    """The stack, the memo, and what each step does to them."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def run(self, steps: bytes) -> Any:
        for n, (step, argument, _) in enumerate(pickletools.genops(steps)):
            if n > MOST:
                self.refuse("too many steps")
            if step.name == "STOP":
                return _plain(self.stack[-1])
            if step.name in IGNORED:
                continue
            if step.name in VALUES:
                self.stack.append(argument)
            elif step.name in CONSTANTS:
                self.stack.append(CONSTANTS[step.name]())
            elif step.name in ACTIONS:
                ACTIONS[step.name](self, argument)
            else:
                self.refuse(f"the step {step.name}")
        self.refuse("no end")

    def refuse(self, what: str) -> None:
        fail(self.where, f"objects with {what}, which may run something", "dictionaries, lists and arrays of numbers")

    def after_mark(self) -> list[Any]:
        """What is on the stack above the last mark, which goes too."""
        at = max(i for i, one in enumerate(self.stack) if isinstance(one, _Mark))
        parts = self.stack[at + 1 :]
        del self.stack[at:]
        return parts

    def name(self, words: tuple[Any, Any]) -> None:
        if words not in NAMES:
            self.refuse(".".join(map(str, words))[:60])
        self.stack.append(_Made("name", NAMES[words]))

    def reduce(self) -> None:
        arguments, function = self.stack.pop(), self.stack.pop()
        called = function.word if isinstance(function, _Made) and function.kind == "name" else ""
        if called == "array":
            self.stack.append(_Made("array"))
        elif called == "dtype":
            self.stack.append(_Made("dtype", str(arguments[0])))
        elif called == "scalar":
            self.stack.append(np.frombuffer(arguments[1], _dtype(arguments[0]), 1)[0].item())
        elif called == "encode":
            self.stack.append(arguments[0].encode("latin-1"))
        else:
            self.refuse("a call")

    def build(self) -> None:
        state, made = self.stack.pop(), self.stack[-1]
        if made.kind == "dtype":
            numbers = made.word[0] in "fiub"
            made.value = np.dtype(f"{state[1].replace('|', '')}{made.word}") if numbers else made.word
        else:
            _, shape, dtype, by_column, data = state
            objects = isinstance(dtype, _Made) and str(dtype.value)[0] == "O"
            if objects:
                made.value = data if shape else data[0]
            else:
                made.value = np.frombuffer(data, _dtype(dtype)).reshape(shape, order="F" if by_column else "C").copy()


def _dtype(made: _Made) -> np.dtype:
    if not isinstance(made.value, np.dtype):
        raise TypeError("no dtype of numbers")
    return made.value


def _plain(value: Any) -> Any:
    """The value with arrays in the place of what they were made in."""
    if isinstance(value, _Made):
        return _plain(value.value)
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, (list, tuple)) else value


def _append(machine: _Machine, argument: Any) -> None:
    machine.stack[-2].append(machine.stack[-1])
    del machine.stack[-1]


def _appends(machine: _Machine, argument: Any) -> None:
    parts = machine.after_mark()
    machine.stack[-1].extend(parts)


def _set_items(machine: _Machine, argument: Any) -> None:
    parts = machine.after_mark()
    machine.stack[-1].update(zip(parts[::2], parts[1::2], strict=True))


def _set_item(machine: _Machine, argument: Any) -> None:
    value, key = machine.stack.pop(), machine.stack.pop()
    machine.stack[-1][key] = value


def _tuple(count: int) -> Callable[[_Machine, Any], None]:
    def make(machine: _Machine, argument: Any) -> None:
        parts = machine.stack[len(machine.stack) - count :]
        del machine.stack[len(machine.stack) - count :]
        machine.stack.append(tuple(parts))

    return make


def _get(machine: _Machine, argument: Any) -> None:
    machine.stack.append(machine.memo[int(argument)])


def _put(machine: _Machine, argument: Any) -> None:
    machine.memo[len(machine.memo) if argument is None else int(argument)] = machine.stack[-1]


def _named(machine: _Machine, argument: Any) -> None:
    if argument is None:
        words = tuple(machine.stack[-2:])
        del machine.stack[-2:]
    else:
        words = tuple(argument.split(" "))
    machine.name(words)


IGNORED = {"PROTO", "FRAME"}
VALUES = {
    "INT", "LONG", "LONG1", "LONG4", "BININT", "BININT1", "BININT2", "FLOAT", "BINFLOAT", "UNICODE", "BINUNICODE",
    "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8",
}  # fmt: skip
CONSTANTS: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None, "NEWTRUE": lambda: True, "NEWFALSE": lambda: False, "EMPTY_LIST": list, "EMPTY_DICT": dict,
    "EMPTY_TUPLE": tuple, "MARK": _Mark,
}  # fmt: skip
ACTIONS: dict[str, Callable[[_Machine, Any], Any]] = {
    "APPEND": _append, "APPENDS": _appends, "SETITEM": _set_item, "SETITEMS": _set_items, "TUPLE1": _tuple(1),
    "TUPLE2": _tuple(2), "TUPLE3": _tuple(3), "BINGET": _get, "LONG_BINGET": _get, "GET": _get, "BINPUT": _put,
    "LONG_BINPUT": _put, "PUT": _put, "MEMOIZE": _put, "GLOBAL": _named, "STACK_GLOBAL": _named,
    "TUPLE": lambda machine, _: machine.stack.append(tuple(machine.after_mark())),
    "LIST": lambda machine, _: machine.stack.append(machine.after_mark()),
    "REDUCE": lambda machine, _: machine.reduce(),
    "BUILD": lambda machine, _: machine.build(),
}  # fmt: skip
"""What each step does; NumPy writes no others for numbers in lists and dictionaries."""
