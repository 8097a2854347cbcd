"""NPZ, CSV and JSON hold the same numbers, under the names that docs/output.md lists."""

import csv
import json
import re

import numpy as np
import pytest

from lifting import lift, load_prior
from lifting.files import Recording
from lifting.own import numbers
from lifting.own.person import lift_person
from lifting.own.settings import Settings
from lifting.skeleton import HUMAN36M

from .made_up import SCALE, recording


def test_the_npz_is_read_without_pickle(person, tmp_path):
    numbers.write_npz(person, tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz", allow_pickle=False) as found:
        assert found["pose"].shape == (98, 3, 17) and found["landmarks"][0] == "pelvis"
        assert not found["usable"][5] and np.isnan(found["pose"][5]).all() and found["component"][5] == -1
        assert np.allclose(found["scale"][found["usable"]], SCALE, rtol=0.15)


def test_poses_are_metres_from_the_pelvis(person):
    """One frame by `lift` itself."""
    given = recording()
    alone = lift(given.Y[10], load_prior(), scale=None, weights=given.confidences[10])
    wanted = (alone.pose - alone.pose[:, :1]) / alone.scale
    assert np.allclose(person.pose[10], wanted, atol=1e-6)


def test_the_pelvis_moves_as_in_the_picture(person):
    moved = (person.lifted.pose[40, :2, 0] - person.lifted.pose[0, :2, 0]) / np.median(
        person.lifted.scale[person.usable]
    )
    assert np.allclose(person.root[40], [*moved, 0]) and np.isnan(person.root[5]).all()
    assert np.array_equal(person.root[0], np.zeros(3))


def test_confidences_are_weights():
    """A wrist that is in a wrong place does less harm where nobody trusts it."""
    given, prior = recording(gaps=False), load_prior()
    Y, trusted, doubted = given.Y[:10].copy(), given.confidences[:10], given.confidences[:10].copy()
    Y[:, :, 13] += 80
    doubted[:, 13] = 1e-6
    frames, right = np.arange(10), lift(given.Y[:10], prior, scale=None)
    errors = []
    for confidences in (trusted, doubted):
        person = lift_person(Recording(Y, confidences, frames), prior, Settings())
        errors.append(np.abs(person.pose - (right.pose - right.pose[..., :1]) / right.scale[:, None, None]).mean())
    assert errors[1] < errors[0] / 2


def test_the_csv_has_a_row_a_frame_and_nothing_where_nothing_was_lifted(person, tmp_path):
    numbers.write_csv(person, tmp_path / "a.csv")
    rows = list(csv.DictReader((tmp_path / "a.csv").read_text().splitlines()))
    assert len(rows) == 98 and len(rows[0]) == 8 + 3 + 3 * 17
    assert rows[5]["usable"] == "0" and rows[5]["nose_y"] == ""
    wrist = HUMAN36M.index("left_wrist")
    assert [float(rows[9][f"left_wrist_{axis}"]) for axis in "xyz"] == pytest.approx(person.pose[9, :, wrist], abs=1e-5)


def test_the_json_is_strict_and_says_units(person, tmp_path):
    numbers.write_json_file(person, tmp_path / "a.json")

    def refuse(name):
        raise AssertionError(name)

    document = json.loads((tmp_path / "a.json").read_text(), parse_constant=refuse)
    assert document["schema"] == "lifting.person" and document["recognised"] == "made up"
    assert document["units"]["pose"] == "m" and document["rate"] == pytest.approx(25)
    frame = document["frames"][9]
    assert np.allclose(frame["pose"], person.pose[9], atol=1e-5)
    assert document["frames"][5]["pose"][0][0] is None and document["frames"][5]["usable"] is False


def test_the_page_on_output_lists_what_there_is(person, root):
    page = (root / "docs" / "output.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `(\w+)` \|", page, re.M))
    assert listed >= {*numbers.arrays_of(person), *numbers.document_of(person)}
    assert listed >= set(document := numbers.document_of(person)["frames"][0]), document
