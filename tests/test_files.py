"""Files: found, written whole or not at all, and read without pickle or surprise."""

import errno
import os
import pickle
import re
import zipfile

import numpy as np
import pytest

from lifting.support import files
from lifting.support.files import data_path, load_npz, rounded, save_npz, write_atomically, write_json
from tests.refusals import refuses

ARRAYS = {"a": np.arange(40.0).reshape(4, 10), "names": np.array(["hip", "knee"]), "n": np.array(3)}


def entries(folder):
    return sorted(path.name for path in folder.iterdir())


# data_path


@pytest.mark.parametrize("name", ["prior.npz", "motion_capture.npz"])
def test_embedded_files_are_found(name, root):
    assert data_path(name) == root / "data" / name


def test_an_installed_package_has_its_own_copy(tmp_path, monkeypatch):
    embedded = tmp_path / "lifting" / "embedded"
    embedded.mkdir(parents=True)
    (embedded / "prior.npz").touch()
    monkeypatch.setattr(files, "PACKAGE", tmp_path / "lifting")
    assert data_path("prior.npz") == embedded / "prior.npz"


def test_unknown_data_file():
    with pytest.raises(FileNotFoundError, match=r"^name: got 'no\.npz', expected a file embedded with the package"):
        data_path("no.npz")


# write_atomically


@pytest.mark.parametrize("before", [None, b"", b"old and longer than what comes"])
def test_writes_the_bytes_and_nothing_else(tmp_path, before):
    path = tmp_path / "out.bin"
    if before is not None:
        path.write_bytes(before)
    write_atomically(str(path), b"new\x00")
    assert path.read_bytes() == b"new\x00"
    assert entries(tmp_path) == ["out.bin"]


@pytest.mark.parametrize("step", ["replace", "fsync", "chmod"])
@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_an_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch, step, error):
    path = tmp_path / "out.bin"
    path.write_bytes(b"old")

    def interrupted(*arguments):
        raise error

    monkeypatch.setattr(files.os, step, interrupted)
    with pytest.raises(type(error)):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert entries(tmp_path) == ["out.bin"]


def test_a_full_disk_names_the_file(tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=re.escape(f"No space left on device: '{tmp_path / 'walk.npz'}'")):
        write_atomically(tmp_path / "walk.npz", b"much")
    assert not list(tmp_path.iterdir())


def test_what_is_no_bytes_leaves_the_old_file(tmp_path):
    path = tmp_path / "out.bin"
    path.write_bytes(b"old")
    with pytest.raises(TypeError):
        write_atomically(path, "text")
    assert path.read_bytes() == b"old" and entries(tmp_path) == ["out.bin"]


def test_no_folder_to_write_into(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_atomically(tmp_path / "none" / "out.bin", b"new")
    assert entries(tmp_path) == []


def test_rounding_reaches_every_number():
    assert rounded({"a": [1.23456, (7, True)], "b": None}, 3) == {"a": [1.23, [7, True]], "b": None}


def test_json_is_written_an_entry_a_line(tmp_path):
    write_json(tmp_path / "out.json", {"a": [1, 0.5]})
    assert (tmp_path / "out.json").read_text() == '{\n "a": [\n  1,\n  0.5\n ]\n}\n'


# save_npz and load_npz


def test_arrays_come_back(tmp_path):
    path = tmp_path / "arrays.npz"
    save_npz(path, ARRAYS)
    for loaded in (load_npz(path, ARRAYS), np.load(path)):
        for key, array in ARRAYS.items():
            assert loaded[key].dtype == array.dtype
            np.testing.assert_array_equal(loaded[key], array)
        if isinstance(loaded, np.lib.npyio.NpzFile):
            loaded.close()
    assert set(load_npz(path, ("n",))) == {"n"}


def test_equal_arrays_make_equal_bytes(tmp_path, monkeypatch):
    save_npz(tmp_path / "one.npz", ARRAYS)
    monkeypatch.setattr("time.time", lambda: 2e9)
    save_npz(tmp_path / "two.npz", {key: array.copy() for key, array in ARRAYS.items()})
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.npz") as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_objects_are_not_saved(tmp_path):
    path = tmp_path / "arrays.npz"
    save_npz(path, ARRAYS)
    before = path.read_bytes()
    with refuses("arrays: got 'bad' of dtype object, expected arrays of numbers or fixed-width strings"):
        save_npz(path, {**ARRAYS, "bad": np.array([None, 1])})
    assert path.read_bytes() == before and entries(tmp_path) == ["arrays.npz"]


def test_a_missing_file_says_so(tmp_path):
    with pytest.raises(FileNotFoundError, match=re.escape(str(tmp_path / "none.npz"))):
        load_npz(tmp_path / "none.npz", ["a"])


def test_missing_keys_are_named(tmp_path):
    path = tmp_path / "arrays.npz"
    save_npz(path, ARRAYS)
    with refuses(f"path: got {path}, which lacks mu, sigma, expected an .npz file holding a, mu, sigma"):
        load_npz(path, ["sigma", "a", "mu"])


class Trap:
    """Unpickling this would make a folder."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


def test_pickles_are_not_read(tmp_path):
    trap = Trap(tmp_path / "sprung")
    (tmp_path / "plain.npz").write_bytes(pickle.dumps(trap))
    np.savez(tmp_path / "inside.npz", a=np.array([trap], dtype=object))
    for name in ("plain.npz", "inside.npz"):
        with refuses(f"path: got {tmp_path / name}, which is of another kind: not an .npz file") as refused:
            load_npz(tmp_path / name, ["a"])
        assert "allow_pickle" not in str(refused.value)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"PK\x03\x04", b"\x93NUMPY\x01\x00", b"\x00" * 100])
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "other.npz"
    path.write_bytes(content)
    with refuses(f"path: got {path}, which "):
        load_npz(path, ["a"])


def test_a_single_array_and_a_folder_are_refused(tmp_path):
    np.save(tmp_path / "single.npy", np.arange(3))
    for path in (tmp_path / "single.npy", tmp_path):
        with refuses(f"path: got {path}, which "):
            load_npz(path, ["a"])


@pytest.mark.parametrize("write", [save_npz, lambda path, arrays: np.savez_compressed(path, **arrays)])
def test_no_damage_goes_unnoticed_or_ends_in_another_error(tmp_path, rng, write):
    path = tmp_path / "arrays.npz"
    write(path, ARRAYS)
    whole, refused = path.read_bytes(), 0
    for n in range(400):
        damaged = bytearray(whole)
        if n % 4 == 0:
            damaged = damaged[: rng.integers(len(whole))]
        else:
            damaged[rng.integers(len(whole))] ^= rng.integers(1, 256)
        path.write_bytes(damaged)
        try:
            loaded = load_npz(path, ARRAYS)
        except ValueError as error:
            refused += 1
            assert str(error).startswith(
                f"path: got {path}, which "
            ) and "expected an .npz file holding a, n, names" in str(error)
        else:
            for key, array in ARRAYS.items():
                np.testing.assert_array_equal(loaded[key], array)
    assert refused > 200
