"""Saving never replaces what is no file, keeps links and modes, and nothing in the package saves in another way."""

import os
import re
import socket
import stat

import numpy as np
import pytest

from lifting import build_network, load_prior, save_prior
from lifting.network import save_network
from lifting.support.files import save_npz, write_atomically, write_json
from tests.refusals import refuses

SAVERS = {
    "write_atomically": lambda path: write_atomically(path, b"new"),
    "write_json": lambda path: write_json(path, {}),
    "save_npz": lambda path: save_npz(path, {"a": np.zeros(1)}),
    "save_prior": lambda path: save_prior(load_prior(), path),
    "save_network": lambda path: save_network(build_network(lifting="none"), path),
}
posix = pytest.mark.skipif(os.name != "posix", reason="FIFOs, sockets and modes are POSIX's")


def make_fifo(path):
    os.mkfifo(path)


def make_socket(path):
    with socket.socket(socket.AF_UNIX) as own:
        own.bind(str(path))


def make_folder(path):
    path.mkdir()


def entries(folder):
    return sorted(path.name for path in folder.iterdir())


@posix
@pytest.mark.parametrize("save", SAVERS.values(), ids=SAVERS)
@pytest.mark.parametrize(
    ("make", "kind"), [(make_fifo, "a FIFO"), (make_folder, "a folder"), (make_socket, "a socket")]
)
@pytest.mark.parametrize("through_link", [False, True])
def test_what_is_no_file_is_refused_by_name_and_stays(tmp_path, save, make, kind, through_link):
    place = path = tmp_path / "out"
    make(place)
    if through_link:
        path = tmp_path / "link"
        path.symlink_to(place)
    before, there = os.lstat(place), entries(tmp_path)
    message = f"path: got {path}, which is {kind}, expected a regular file, or a name that is free"
    with refuses(message, whole=True):
        save(path)
    after = os.lstat(place)
    assert (after.st_ino, after.st_mode) == (before.st_ino, before.st_mode)
    assert entries(tmp_path) == there


@pytest.mark.parametrize("before", [b"old", None])
def test_a_link_is_followed(tmp_path, before):
    """The real file is written, whether it is there already or not; the link still leads there, by way of another."""
    (tmp_path / "real").mkdir()
    target, link, further = tmp_path / "real" / "file.bin", tmp_path / "link", tmp_path / "further"
    if before is not None:
        target.write_bytes(before)
    link.symlink_to(os.path.join("real", "file.bin"))
    further.symlink_to(link)
    write_atomically(further, b"new")
    assert link.is_symlink() and further.is_symlink() and not target.is_symlink()
    assert target.read_bytes() == b"new"
    assert entries(tmp_path) == ["further", "link", "real"] and entries(tmp_path / "real") == ["file.bin"]


def test_a_link_into_a_folder_that_is_not_there_or_in_a_circle(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "none" / "file.bin")
    with pytest.raises(FileNotFoundError):
        write_atomically(tmp_path / "link", b"new")
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    with pytest.raises(OSError):
        write_atomically(tmp_path / "one", b"new")
    assert entries(tmp_path) == ["link", "one", "two"] and all(path.is_symlink() for path in tmp_path.iterdir())


@posix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o755, 0o444])
def test_a_file_keeps_its_mode(tmp_path, mode):
    path = tmp_path / "file.bin"
    path.write_bytes(b"old")
    path.chmod(mode)
    write_atomically(path, b"new")
    assert stat.S_IMODE(path.stat().st_mode) == mode and path.read_bytes() == b"new"


@posix
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_a_new_file_has_what_the_umask_leaves(tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        write_atomically(tmp_path / "file.bin", b"new")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file.bin").stat().st_mode) == mode


@posix
def test_what_others_may_not_read_they_can_not_read_meanwhile(tmp_path, monkeypatch):
    """The temporary file has the old one's mode before anything is in it."""
    path = tmp_path / "file.bin"
    path.write_bytes(b"old")
    path.chmod(0o600)
    seen = []
    real = os.fsync
    monkeypatch.setattr(
        "lifting.support.files.os.fsync", lambda file: (seen.append(stat.S_IMODE(os.fstat(file).st_mode)), real(file))
    )
    write_atomically(path, b"new")
    assert seen == [0o600]


def test_the_longest_name_that_a_file_can_have(tmp_path):
    path = tmp_path / ("n" * 255)
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new" and len(entries(tmp_path)) == 1


def test_nothing_in_the_package_writes_a_file_in_another_way(root):
    """Logs are appended to, and a checkpoint is a folder; whatever else is written goes through `write_atomically`.

    A film is first written to a buffer in memory.
    """
    pattern = re.compile(
        r"\.write_text\(|\.write_bytes\(|\bopen\((?!buffer)[^)\n]*[\"'][wax]b?\+?[\"']|np\.save\w*\(|json\.dump\(|(?<!safetensors\.)torch\.save\(|save_file\("
    )
    allowed = {"lifting/support/files.py", "lifting/training/run.py"}
    found = {
        str(p.relative_to(root))
        for part in ("lifting", "benchmarks")
        for p in root.glob(f"{part}/**/*.py")
        if pattern.search(p.read_text())
    }
    assert found == allowed
