"""Python's dictionaries, lists and arrays of numbers out of an NPY entry of objects, without running anything.

NumPy can store objects by pickle only, and loading a pickle calls any function that it names. Here the names that
NumPy's arrays and dtypes of numbers need stand for the small classes below, and any other name refuses the file.
VideoPose3D's data sets need no more than that.
"""

import functools
import io
import pickle
import pickletools
from typing import Any

import numpy as np

from lifting.support.arrays import fail

EXPECTED = "dictionaries, lists and arrays of numbers"


class _Dtype:
    """What is made in the place of NumPy's dtype: its kind and size, such as "f8", then the order of its bytes."""

    def __init__(self, word: str, *_: Any) -> None:
        self.word, self.order = word, ""

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.order = state[1].replace("|", "")

    def numbers(self, data: Any, count: int = -1) -> np.ndarray:
        """Bytes as numbers of this dtype."""
        if self.word[0] not in "fiub":
            raise TypeError("no dtype of numbers")
        return np.frombuffer(data.encode("latin-1") if isinstance(data, str) else data, self.order + self.word, count)


class _Array:
    """What is made in the place of an array; `value` is what it holds, once its state has come."""

    value: Any = None

    def __init__(self, *_: Any) -> None:
        pass

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, dtype, by_column, data = state
        if dtype.word[0] == "O":
            self.value = data if shape else data[0]
        else:
            self.value = dtype.numbers(data).reshape(shape, order="F" if by_column else "C").copy()


def _from_buffer(data: Any, dtype: _Dtype, shape: tuple[int, ...], order: str, *_: Any) -> _Array:
    made = _Array()
    made.__setstate__((1, shape, dtype, order == "F", data))
    return made


def _scalar(dtype: _Dtype, data: Any) -> Any:
    return dtype.numbers(data, 1)[0].item()


def _encode(text: str, *_: Any) -> bytes:
    return text.encode("latin-1")


NAMES: dict[tuple[str, str], Any] = {
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _Array for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): _scalar for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): _from_buffer for core in ("core", "_core")},
    ("numpy", "ndarray"): type(None),
    ("numpy", "dtype"): _Dtype,
    ("_codecs", "encode"): _encode,
}
"""What a file may name, and what it gets."""


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in NAMES:
            raise pickle.UnpicklingError(f"{module}.{name}"[:60] + ", which may run something")
        return functools.partial(NAMES[module, name])  # a new one each time: nothing that a file changes stays


def read_objects(where: str, entry: bytes) -> Any:
    """What an NPY entry holds: objects, or an array of numbers.

    Args:
        where: what to call it in messages.
        entry: the entry, from its first byte.

    Raises:
        ValueError: objects of other kinds, or an entry that is cut.
    """
    buffer = io.BytesIO(entry)
    try:
        version = np.lib.format.read_magic(buffer)
        header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
        if not header(buffer)[2].hasobject:
            return np.load(io.BytesIO(entry), allow_pickle=False)
        steps = buffer.read()
        for step, argument, _ in pickletools.genops(steps):  # which sees that lengths are right before memory is taken
            if step.name.endswith("PUT") and int(argument or 0) > len(steps):
                raise pickle.UnpicklingError("a place beyond its end")
        return _plain(_Unpickler(io.BytesIO(steps), encoding="latin1").load())
    except pickle.UnpicklingError as error:
        fail(where, f"objects with {error}", EXPECTED)
    except (ArithmeticError, AttributeError, EOFError, LookupError, RecursionError, TypeError, ValueError) as error:
        fail(where, f"objects that can't be read ({type(error).__name__}: {error})".splitlines()[0], EXPECTED)


def _plain(value: Any) -> Any:
    """The value with arrays in the place of what they were made in."""
    if isinstance(value, _Array):
        return _plain(value.value)
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, (list, tuple)) else value
