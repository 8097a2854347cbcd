"""What is in a file before anybody knows its format: JSON, text, arrays; without pickle, and errors in a line."""

import gc
import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from lifting.support.arrays import fail

LARGEST = 2**53
"""Up to here whole numbers are exact as float64."""


def read_bytes(path: Path) -> bytes:
    """What is in the file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is empty, or no file.
    """
    if path.is_dir():
        fail(str(path), "a folder", "a file")
    data = path.read_bytes()
    if not data.strip():
        fail(str(path), "an empty file", "a file with landmarks")
    return data


def read_text(path: Path) -> str:
    """The text of the file, without a byte order mark.

    Raises:
        ValueError: it is empty or not in UTF-8.
    """
    data = read_bytes(path)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        fail(str(path), f"byte 0x{data[error.start]:02x} at {error.start}", "text in UTF-8")


def read_lines(path: Path) -> list[str]:
    """The lines of a text that are not empty.

    Raises:
        ValueError: what `read_text` refuses.
    """
    return [line for line in read_text(path).splitlines() if line.strip()]


def read_json(path: Path) -> Any:
    """The document of a JSON file. NaN and Infinity, which JSON hasn't but Python writes, come as such numbers.

    Raises:
        ValueError: it is no JSON, cut short, or nested too deep.
    """
    import msgspec

    data = read_bytes(path)
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        text = read_text(path)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        fail(f"{path}, line {error.lineno}", f"no JSON ({error.msg})", "a JSON file that is whole")
    except RecursionError:
        fail(str(path), "JSON that is nested too deep", "a list of people")


@contextmanager
def no_collection() -> Iterator[None]:
    """Nothing is searched for garbage meanwhile: of many lists just made, that takes as long as making them."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def numbers(where: str, value: Any, expected: str) -> np.ndarray:
    """A list of numbers as a float64 array of one dimension; null is NaN.

    Raises:
        ValueError: it is no list, or holds something that is no number.
    """
    if not isinstance(value, list):
        fail(where, word(value), expected)
    for entry in value:
        if entry is not None and (isinstance(entry, bool) or not isinstance(entry, (int, float))):
            fail(where, f"{word(entry)} among the numbers", expected)
    return np.array([math.nan if entry is None else entry for entry in value], np.float64)


def whole(where: str, value: Any, expected: str) -> int:
    """A whole number, such as 3 or 3.0.

    Raises:
        ValueError: it is none.
    """
    fits = isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < LARGEST
    if not fits or not float(value).is_integer():
        fail(where, word(value), expected)
    return int(value)


def common_size(sizes: Iterable[tuple[Any, Any]]) -> tuple[float, float] | None:
    """The width and height that all pictures of a file have; None where they differ or are no numbers above 0."""
    distinct = set(sizes)
    width, height = distinct.pop() if len(distinct) == 1 else (None, None)
    if isinstance(width, (int, float)) and isinstance(height, (int, float)) and 0 < min(width, height) < math.inf:
        return float(width), float(height)
    return None


def word(value: Any) -> str:
    """A value in few words."""
    if isinstance(value, (list, dict)):
        return f"{'a list' if isinstance(value, list) else 'an object'} of {len(value)}"
    text = "null" if value is None else repr(value)
    return text if len(text) <= 40 else f"{text[:40]}..."


def stacked(rows: Sequence[Any], where: Callable[[int], str]) -> np.ndarray:
    """Lists of equally many numbers as a float64 array (N, numbers); null is NaN.

    Args:
        rows: the lists.
        where: what to call the n-th of them in messages, from 0.

    Raises:
        ValueError: a row that is no list of numbers, or of another length than the first.
    """
    try:
        values = np.array(rows)
    except ValueError:
        values = np.array(None)
    if values.ndim == 2 and values.dtype.kind in "fi":
        return values.astype(np.float64, copy=False)
    checked = [numbers(where(n), row, "a list of numbers") for n, row in enumerate(rows)]
    for n, row in enumerate(checked):
        if len(row) != len(checked[0]):
            fail(where(n), f"{len(row)} numbers", f"{len(checked[0])}, as the first has")
    return np.array(checked)


def number(where: str, value: Any, expected: str) -> float:
    """A number; null is NaN.

    Raises:
        ValueError: it is none.
    """
    return float(numbers(where, [value], expected)[0])
