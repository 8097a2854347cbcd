"""Files: where the embedded data lies, writing without ever losing what was there, reading without pickle."""

import hashlib
import io
import json
import os
import secrets
import stat
import zipfile
import zlib
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lifting.support.arrays import fail

PACKAGE = Path(__file__).resolve().parent.parent

MATLAB_READER = "lifting.fitting.released.load_matlab_prior reads the released model"

KINDS = {
    stat.S_ISDIR: "a folder", stat.S_ISFIFO: "a FIFO", stat.S_ISSOCK: "a socket", stat.S_ISCHR: "a device",
    stat.S_ISBLK: "a device",
}  # fmt: skip
"""What a file may be that nothing is written over."""


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

    A file that is there keeps its mode; a new one gets what the umask leaves. A symbolic link stays: the file that it
    names is written, and made where it names none yet.

    Raises:
        FileNotFoundError: the folder of `path` does not exist.
        ValueError: something is there that is no regular file, such as a folder, a FIFO or a device.
    """
    mode = _mode_of_file(path)
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{target.name[:40]}.{secrets.token_hex(8)}")
    try:
        with open(temporary, "xb") as file:
            if mode is not None:
                os.chmod(temporary, mode)  # before anything is in it that others should not read
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None:
            error.filename = os.fspath(path)  # a full disk doesn't say what it had no room for
        raise


def _mode_of_file(path: str | os.PathLike[str]) -> int | None:
    """The mode of the regular file at `path`; None where there is nothing yet."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(mode):
        kind = next((name for is_kind, name in KINDS.items() if is_kind(mode)), "no regular file")
        fail("path", f"{path}, which is {kind}", "a regular file, or a name that is free")
    return stat.S_IMODE(mode)


def sha256_of(path: str | os.PathLike[str]) -> str:
    """The SHA-256 of a file, in hexadecimal digits.

    Raises:
        OSError: it can't be read.
    """
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def rounded(value: Any, digits: int) -> Any:
    """`value` with every number in its lists and dictionaries cut to so many significant digits."""
    if isinstance(value, dict):
        return {key: rounded(entry, digits) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(entry, digits) for entry in value]
    return float(f"{value:.{digits}g}") if isinstance(value, float) else value


def bytes_of(write: Callable[..., object], **options: Any) -> bytes:
    """What a method that writes files, such as `Figure.savefig`, would write with these options."""
    file = io.BytesIO()
    write(file, **options)
    return file.getvalue()


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
        matlab = Path(path).read_bytes().startswith(b"MATLAB")
        kind = f"a MATLAB file; {MATLAB_READER}" if matlab else "not an .npz file of plain arrays"
        fail("path", f"{path}, which is of another kind: {kind}", expected)


def load_matlab(path: str | os.PathLike[str], expected: str, **options: Any) -> dict[str, Any]:
    """What is in the MATLAB file at `path`; `options` are those of `scipy.io.loadmat`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file can't be read; the message says what was `expected`.
    """
    from scipy.io import loadmat  # takes as long to load as all else in this package

    try:
        with open(path, "rb") as file:
            return loadmat(file, **options)
    except FileNotFoundError:
        raise
    except Exception as error:  # loadmat raises errors of many kinds for a file that isn't its own
        fail("path", f"{path}, which can't be read ({type(error).__name__}: {error})", expected)


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
