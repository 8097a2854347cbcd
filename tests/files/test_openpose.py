"""OpenPose's JSON: the three orders, missing landmarks, several people, empty frames, folders."""

import json
from pathlib import Path

import numpy as np
import pytest

from lifting import read
from lifting.files.openpose import frame_of
from lifting.skeleton import BODY25B, COCO18, OPENPOSE25
from tests.files.made import expected, people


def write(path, points, confidences, key="pose_keypoints_2d"):
    """A frame of OpenPose's with the people `points` (P, 2, L)."""
    persons = [
        {"person_id": [-1], key: np.concatenate([one, sure[None]]).T.ravel().tolist(), "face_keypoints_2d": []}
        for one, sure in zip(points, confidences, strict=True)
    ]
    path.write_text(json.dumps({"version": 1.3, "people": persons}))


@pytest.mark.parametrize(("order", "name"), [(OPENPOSE25, "BODY_25"), (COCO18, "COCO 18"), (BODY25B, "BODY_25B")])
def test_each_order_is_recognised(tmp_path, order, name):
    points = people(1, order)
    write(tmp_path / "v_000000000007_keypoints.json", points, np.full((1, len(order.landmarks)), 0.75))
    (found,) = read(tmp_path / "v_000000000007_keypoints.json")
    assert found.format == f"OpenPose JSON, {name}"
    assert found.frames.tolist() == [7]
    np.testing.assert_allclose(found.Y, expected(points, order))
    assert set(found.confidences.ravel()) == {0.0, 0.75}


def test_zeros_are_missing(tmp_path):
    points, sure = people(1, OPENPOSE25), np.ones((1, 25))
    points[0, :, 4], sure[0, 4] = 0, 0
    write(tmp_path / "a.json", points, sure)
    (found,) = read(tmp_path / "a.json")
    assert np.isnan(found.Y[0, :, 16]).all() and found.confidences[0, 16] == 0
    assert found.visible.sum() == 17 - 3  # the wrist, and what BODY_25 has not: spine and head_top


def test_people_are_followed_through_a_folder_with_empty_frames(tmp_path):
    one, other = people(4, OPENPOSE25), people(4, OPENPOSE25, seed=1) + [[300], [0]]
    for frame in range(4):
        both = [one[frame], other[frame]][:: 1 if frame % 2 else -1]
        write(
            tmp_path / f"v_{frame:012}_keypoints.json",
            [] if frame == 2 else both,
            np.ones((0 if frame == 2 else 2, 25)),
        )
    found = read(tmp_path)
    assert [person.frames.tolist() for person in found] == [[0, 1, 3], [0, 1, 3]]
    for person, points in zip(found, [other, one], strict=True):
        np.testing.assert_allclose(person.Y, expected(points[[0, 1, 3]], OPENPOSE25))
    assert "linked from frame to frame" in found[0].notes[0]
    again = read(*sorted(tmp_path.iterdir()))
    np.testing.assert_array_equal(again[0].Y, found[0].Y)
    assert found[0].source == again[0].source == tmp_path


def test_old_names_of_openpose_and_of_alphapose(tmp_path):
    points = people(1, COCO18)
    write(tmp_path / "old.json", points, np.ones((1, 18)), key="pose_keypoints")
    document = json.loads((tmp_path / "old.json").read_text())
    bodies = [{"joints": person["pose_keypoints"]} for person in document["people"]]
    (tmp_path / "cmu.json").write_text(json.dumps({"version": 0.1, "bodies": bodies}))
    old, cmu = read(tmp_path / "old.json"), read(tmp_path / "cmu.json")
    np.testing.assert_allclose(old[0].Y, expected(points, COCO18))
    np.testing.assert_array_equal(cmu[0].Y, old[0].Y)


def test_numbers_of_frames_are_the_last_in_a_files_name():
    names = {
        "v_000000000012_keypoints": 12,
        "cam2_000007": 7,
        "IMG_1234": 1234,
        "plain": 0,
        "9" * 40: 0,
        "v_3_" + "1" * 20: 3,
    }
    assert {name: frame_of(Path(f"{name}.json")) for name in names} == names


def test_files_without_a_number_are_frames_in_the_order_of_the_alphabet(tmp_path):
    points = people(3, OPENPOSE25)
    for name, one in zip(("cat", "ant", "bee"), points, strict=True):
        write(tmp_path / f"{name}.json", [one], np.ones((1, 25)))
    (found,) = read(tmp_path)
    np.testing.assert_allclose(found.Y, expected(points[[1, 2, 0]], OPENPOSE25))
    assert found.frames.tolist() == [0, 1, 2]
