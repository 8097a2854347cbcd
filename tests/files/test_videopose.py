"""VideoPose3D's data sets: Python's objects read without pickle, and nothing in them run."""

import os
import pickle

import numpy as np
import pytest

from lifting import read
from lifting.skeleton import COCO, HUMAN36M
from lifting.support.objects import read_objects
from tests.files.made import expected, people

METADATA = {"layout_name": "coco", "num_joints": 17, "keypoints_symmetry": [[1, 3], [2, 4]],
            "video_metadata": {"a.mp4": {"w": 1280, "h": 720, "fps": 50.0}}}  # fmt: skip


def entry(value, protocol=4):
    """An NPY entry of objects as NumPy writes it, with a protocol of one's own."""
    header = b"\x93NUMPY\x01\x00" + (118).to_bytes(2, "little")
    words = b"{'descr': '|O', 'fortran_order': False, 'shape': (), }"
    box = np.array(None, dtype=object)
    box[()] = value
    return header + words.ljust(117) + b"\n" + pickle.dumps(box, protocol=protocol)


def test_custom_data_sets(tmp_path):
    points, other = people(4, COCO), people(3, COCO, seed=1)
    positions = {"a.mp4": {"custom": [points.swapaxes(1, 2).astype(np.float32), other.swapaxes(1, 2)]}}
    np.savez_compressed(tmp_path / "data_2d_custom_x.npz", positions_2d=positions, metadata=METADATA)
    first, second = read(tmp_path / "data_2d_custom_x.npz")
    assert first.format == "VideoPose3D NPZ, coco" and first.person == "a.mp4 custom camera 0"
    assert first.size == (1280, 720) and first.times.tolist() == [0, 0.02, 0.04, 0.06]
    np.testing.assert_allclose(first.Y, expected(points, COCO), rtol=1e-6)
    np.testing.assert_allclose(second.Y, expected(other, COCO))


def test_the_layout_says_the_order(tmp_path):
    points = people(2, HUMAN36M)
    positions = {"S1": {"Walking": [points.swapaxes(1, 2)]}}
    np.savez(tmp_path / "a.npz", positions_2d=positions, metadata={"layout_name": "h36m"})
    (found,) = read(tmp_path / "a.npz")
    assert found.person == "S1 Walking" and found.times is None
    np.testing.assert_allclose(found.Y, expected(points, HUMAN36M))


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_objects_are_those_that_pickle_would_load(protocol):
    value = {"s": [np.arange(6).astype(dtype).reshape(2, 3) for dtype in ("<f4", ">f8", "i8", "u1", "?")],
             "n": (1, -2, 2**40, 0.5, None, True), "scalar": np.float32(2.5), "twice": [[1], [1]],
             "columns": np.asfortranarray(np.arange(6.0).reshape(2, 3))}  # fmt: skip
    value["twice"][1] = value["twice"][0]
    found = read_objects("a", entry(value, protocol))
    assert found["n"] == list(value["n"]) and found["scalar"] == 2.5 and found["twice"] == [[1], [1]]
    for one, other in zip([*found["s"], found["columns"]], [*value["s"], value["columns"]], strict=True):
        np.testing.assert_array_equal(one, other)
        assert one.dtype == other.dtype


class Evil:
    """What would run a command if it were loaded."""

    def __reduce__(self):
        return os.mkdir, ("made_by_evil",)


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_nothing_is_run(tmp_path, monkeypatch, protocol):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=rf"a\.npz: got objects with {os.name}.mkdir, which may run something"):
        read_objects("a.npz", entry({"a": Evil()}, protocol))
    assert list(tmp_path.iterdir()) == []
    pickle.loads(pickle.dumps(Evil()))  # which shows that the test can fail
    assert [path.name for path in tmp_path.iterdir()] == ["made_by_evil"]


def test_entries_that_are_cut_are_refused():
    whole = entry({"a": [1, 2, 3], "b": np.arange(5.0)})
    for end in range(0, len(whole), 7):
        with pytest.raises(ValueError, match="^a: got objects"):
            read_objects("a", whole[:end])


HEADER = entry(None)[:128]


@pytest.mark.parametrize(
    "steps",
    [
        b"\x80\x02]r\xff\xff\xff\xff.",  # a place in the memo for which four thousand million have to be made
        b"\x80\x04\x8e" + (2**40).to_bytes(8, "little") + b"abc.",  # a text longer than any memory
        b"\x80\x02cnumpy\nndarray\n(I1000000000000\ntR.",  # an array that nothing fills
        b"\x80\x02]q\x00h\x00a.",  # a list in itself
        b"\x80\x02cnumpy\ndtype\nN}U\x04kindNs\x86b.",  # another meaning of a name
        b"\x80\x02U\x01aQ.",  # something from elsewhere
    ],
)
def test_steps_that_take_memory_or_change_what_is_there_are_refused(steps):
    with pytest.raises(ValueError, match="^a: got objects"):
        read_objects("a", HEADER + steps)
    assert read_objects("a", entry({"a": np.arange(3)}))["a"].tolist() == [0, 1, 2]
