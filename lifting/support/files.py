"""Files: where the embedded data lies, writing without ever losing what was there, reading without pickle."""

import io
import json
import os
import tempfile
import zipfile
import zlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lifting.support.arrays import fail

PACKAGE = Path(__file__).resolve().parent.parent


def data_path(name: str) -> Path:
    """The path of the embedded data file `name`: `data/` of a checkout, or the copy inside an installed package.

    Raises:
        FileNotFoundError: no embedded file has that name.
    """
    folders = (PACKAGE.parent / "data", PACKAGE / "embedded")
    for folder in folders:
        if (folder / name).exists():
            return folder / name
    raise FileNotFoundError(f"name: got {name!r}, expected a file embedded with the package (see data/README.md)")


def write_atomically(path: str | os.PathLike[str], data: bytes) -> None:
    """Write `data` to `path` whole or not at all: to a temporary name beside it first, then renamed.

    Raises:
        FileNotFoundError: the folder of `path` does not exist.
    """
    path = Path(path)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def rounded(value: Any, digits: int) -> Any:
    """`value` with every number in its lists and dictionaries cut to so many significant digits."""
    if isinstance(value, dict):
        return {key: rounded(entry, digits) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(entry, digits) for entry in value]
    return float(f"{value:.{digits}g}") if isinstance(value, float) else value


def write_json(path: str | os.PathLike[str], document: Any) -> None:
    """Write `document` to `path` as JSON, an entry a line; see `write_atomically`."""
    write_atomically(path, (json.dumps(document, indent=1) + "\n").encode())


def load_npz(path: str | os.PathLike[str], keys: Collection[str]) -> dict[str, np.ndarray]:
    """The arrays `keys` of the `.npz` file at `path`, read without pickle.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is no readable `.npz` (truncated, or of another kind), or lacks one of `keys`.
    """
    expected = f"an .npz file holding {', '.join(sorted(keys))}"
    try:
        with open(path, "rb") as opened, np.load(opened, allow_pickle=False) as file:
            missing = sorted(set(keys) - set(file.files))
            if missing:
                fail("path", f"{path}, which lacks {', '.join(missing)}", expected)
            return {key: file[key] for key in keys}
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        fail("path", f"{path}, which can't be read ({error})", expected)
    except (AttributeError, TypeError, ValueError) as error:  # NumPy's words would hint at allow_pickle
        if str(error).startswith("path: got"):
            raise
        fail("path", f"{path}, which is of another kind: not an .npz file of plain arrays", expected)


def save_npz(path: str | os.PathLike[str], arrays: Mapping[str, np.ndarray]) -> None:
    """Write `arrays` to `path` as an `.npz`: equal arrays make equal bytes, and never half a file.

    `np.savez` stamps every entry with the time of day; here each carries zip's earliest date instead. Nothing is
    compressed, so that the bytes don't depend on the version of zlib either.

    Raises:
        FileNotFoundError: the folder of `path` does not exist.
        ValueError: an array holds Python objects, which only pickle could store.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for key, array in arrays.items():
            array = np.asarray(array)
            if array.dtype.hasobject:
                fail("arrays", f"{key!r} of dtype {array.dtype}", "arrays of numbers or fixed-width strings")
            entry = io.BytesIO()
            np.lib.format.write_array(entry, array, allow_pickle=False)
            header = zipfile.ZipInfo(f"{key}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            header.create_system = 3  # Unix, whatever system writes it
            archive.writestr(header, entry.getvalue())
    write_atomically(path, buffer.getvalue())
