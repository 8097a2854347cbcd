"""MPII's reader on small files of exactly its annotation's layout, written as MATLAB does."""
# ruff: noqa: D103

import numpy as np
import pytest
from scipy.io import savemat

from lifting.datasets.mpii import LANDMARKS, load_mpii
from lifting.skeleton import HUMAN36M


def structs(rows):
    """A MATLAB array of structures, from dictionaries of the same keys."""
    out = np.empty(len(rows), dtype=[(key, object) for key in rows[0]])
    for n, row in enumerate(rows):
        for key, value in row.items():
            out[n][key] = value
    return out


def person(ids, hidden=(), at=100.0, **more):
    """One annotated person: landmark id at (at + 10 id, at + 5 id), counted from 1 as MATLAB does."""
    noted = {i: np.array([]) if i in (8, 9) else str(int(i not in hidden)) for i in ids}
    points = structs([{"x": at + 10 * i, "y": at + 5 * i, "id": i, "is_visible": noted[i]} for i in ids])
    row = {"x1": 10.0, "y1": 20.0, "x2": 40.0, "y2": 60.0, "scale": 1.5, "objpos": {"x": 201.0, "y": 301.0}}
    return row | {"annopoints": {"point": points}} | more


@pytest.fixture
def path(tmp_path):
    nobody = {"x1": 1.0, "y1": 1.0, "x2": 2.0, "y2": 2.0, "scale": [], "objpos": [], "annopoints": []}
    pictures = structs([
        {"image": {"name": "one.jpg"}, "annorect": structs([person(range(16), hidden=(0, 10))])},
        {"image": {"name": "two.jpg"}, "annorect": structs([person([6, 7, 9]), nobody, person([2], at=50.0)])},
        {"image": {"name": "test.jpg"}, "annorect": structs([nobody])},
        {"image": {"name": "empty.jpg"}, "annorect": np.array([])},
    ])  # fmt: skip
    savemat(tmp_path / "mpii.mat", {"RELEASE": {"annolist": pictures, "img_train": np.array([1, 1, 0, 1])}})
    return tmp_path / "mpii.mat"


def test_people_with_landmarks(path):
    people = list(load_mpii(path))
    assert [(p.image, int(p.annotated.sum())) for p in people] == [("one.jpg", 15), ("two.jpg", 3), ("two.jpg", 1)]
    assert all(p.train for p in people)
    assert list(load_mpii(path, train=False)) == []


def test_landmarks_are_named_and_counted_from_zero(path):
    first, second, third = load_mpii(path)
    for i, name in enumerate(LANDMARKS):
        if name in HUMAN36M.landmarks:
            np.testing.assert_array_equal(first.landmarks[:, HUMAN36M.index(name)], [99 + 10 * i, 99 + 5 * i])
    missing = {name for name, there in zip(HUMAN36M.landmarks, first.annotated, strict=True) if not there}
    assert missing == {"spine", "nose"}
    assert not first.landmarks[:, ~first.annotated].any()
    hidden = {
        name for name, a, v in zip(HUMAN36M.landmarks, first.annotated, first.visible, strict=True) if a and not v
    }
    assert hidden == {"right_ankle", "right_wrist"}
    assert second.visible[HUMAN36M.index("head_top")] and not second.annotated[HUMAN36M.index("nose")]
    np.testing.assert_array_equal(third.landmarks[:, HUMAN36M.index("right_hip")], [69, 59])


def test_size_and_place(path):
    first = next(iter(load_mpii(path)))
    assert first.height == 300 and first.centre.tolist() == [200, 300]
    assert first.head == pytest.approx(0.6 * 50)


def test_bad_input(tmp_path, path):
    with pytest.raises(FileNotFoundError):
        load_mpii(tmp_path / "nothing.mat")
    (tmp_path / "text.mat").write_text("no MATLAB file at all" * 20)
    savemat(tmp_path / "other.mat", {"a": 1})
    (tmp_path / "cut.mat").write_bytes(path.read_bytes()[:600])
    for name in ("text.mat", "other.mat", "cut.mat"):
        with pytest.raises(ValueError, match=rf"^path: got .*{name} .*expected MPII's annotation file"):
            load_mpii(tmp_path / name)
    savemat(tmp_path / "short.mat", {"RELEASE": {"annolist": structs([{"image": {"name": "a"}, "annorect": []}]),
                                                 "img_train": np.array([1, 0])}})  # fmt: skip
    with pytest.raises(ValueError, match="with 1 pictures and 2 marks of training"):
        load_mpii(tmp_path / "short.mat")


def test_an_unknown_landmark_is_refused(tmp_path):
    pictures = structs([{"image": {"name": "a"}, "annorect": structs([person([16])])}])
    savemat(tmp_path / "a.mat", {"RELEASE": {"annolist": pictures, "img_train": 1}})
    with pytest.raises(ValueError, match="^id: got 16, expected 0 to 15"):
        list(load_mpii(tmp_path / "a.mat"))
