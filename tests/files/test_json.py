"""COCO's, AlphaPose's, MMPose's, MediaPipe's and YOLO's JSON: made-up files of which the right values are known."""

import json

import numpy as np
import pytest

from lifting import read
from lifting.skeleton import BLAZEPOSE, COCO, COCO18, HALPE26, WHOLEBODY
from tests.files.made import SIZE, expected, people


def flat(points, sure):
    """x, y, c of each landmark in a row."""
    return np.concatenate([points, np.broadcast_to(sure, points.shape[-1:])[None]]).T.ravel().tolist()


def dump(path, document):
    path.write_text(json.dumps(document))
    return path


@pytest.mark.parametrize("order", [COCO, HALPE26, WHOLEBODY])
def test_coco_results(tmp_path, order):
    points = people(3, order)
    document = [
        {"image_id": n + 4, "category_id": 1, "keypoints": flat(one, 0.5), "score": 0.9} for n, one in enumerate(points)
    ]
    (found,) = read(dump(tmp_path / "results.json", document))
    assert found.format == f"COCO results JSON, {len(order.landmarks)} landmarks ({order.name})"
    assert found.frames.tolist() == [4, 5, 6]
    np.testing.assert_allclose(found.Y, expected(points, order))


def test_whole_bodies_lose_face_and_hands(tmp_path):
    points = people(1, WHOLEBODY)
    row = flat(points[0], 1) + [5.0, 5.0, 1.0] * 110
    (found,) = read(dump(tmp_path / "a.json", [{"image_id": 1, "keypoints": row}]))
    np.testing.assert_allclose(found.Y, expected(points, WHOLEBODY))


def test_coco_annotations_have_visibility_names_and_a_size(tmp_path):
    points = people(2, COCO)
    flags = np.array([2.0] * 15 + [1, 0])
    document = {
        "images": [{"id": n, "width": SIZE[0], "height": SIZE[1], "file_name": f"{n}.jpg"} for n in (7, 8)],
        "annotations": [
            {"image_id": n, "keypoints": flat(one, flags), "track_id": 3} for n, one in zip((7, 8), points, strict=True)
        ],
        "categories": [{"id": 1, "name": "person", "keypoints": list(COCO.landmarks)}],
    }
    (found,) = read(dump(tmp_path / "person_keypoints.json", document))
    np.testing.assert_allclose(found.Y, expected(points, COCO, np.tile(flags, (2, 1))))
    assert found.size == SIZE and found.person == "3"
    assert set(found.confidences.ravel()) == {0.0, 1.0}


def test_landmarks_in_an_order_of_ones_own_are_known_by_their_names(tmp_path):
    points = people(1, COCO)[..., ::-1]
    document = {
        "annotations": [{"image_id": 1, "keypoints": flat(points[0], 2)}],
        "categories": [{"keypoints": list(COCO.landmarks[::-1])}],
    }
    (found,) = read(dump(tmp_path / "a.json", document))
    np.testing.assert_allclose(found.Y, expected(points[..., ::-1], COCO))


def test_pictures_that_do_not_follow_each_other_are_not_linked(tmp_path):
    points = people(2, COCO)
    document = [{"image_id": n, "keypoints": flat(one, 1)} for n, one in zip((139, 397133), points, strict=True)]
    (found,) = read(dump(tmp_path / "a.json", document))
    assert found.frames.tolist() == [139, 397133] and "as each picture lists them" in found.notes[0]


@pytest.mark.parametrize("order", [COCO, HALPE26])
def test_alphapose_results_name_pictures_and_people(tmp_path, order):
    points, other = people(2, order), people(2, order, seed=1)
    document = [
        {"image_id": f"{frame}.jpg", "keypoints": flat(one[frame], 0.5), "score": 2.9, "idx": idx, "box": [1, 2, 3, 4]}
        for frame in (0, 1) for idx, one in ((2.0, points), (1.0, other))
    ]  # fmt: skip
    first, second = read(dump(tmp_path / "alphapose-results.json", document))
    assert first.format == f"AlphaPose results JSON, {len(order.landmarks)} landmarks ({order.name})"
    assert (first.person, second.person) == ("2", "1") and first.notes == ()
    np.testing.assert_allclose(first.Y, expected(points, order))
    np.testing.assert_allclose(second.Y, expected(other, order))


@pytest.mark.parametrize(("outer", "inner"), [("people", "pose_keypoints_2d"), ("bodies", "joints")])
def test_alphapose_open_and_cmu(tmp_path, outer, inner):
    points = people(2, COCO18)
    document = {f"{n}.jpg": {"version": 0.1, outer: [{inner: flat(points[n], 0.5)}]} for n in (0, 1)}
    (found,) = read(dump(tmp_path / "alphapose-results.json", document))
    assert found.format == "AlphaPose JSON, COCO 18"
    np.testing.assert_allclose(found.Y, expected(points, COCO18))


def mmpose(points, score=0.5):
    return {
        "keypoints": points.T.tolist(),
        "keypoint_scores": [score] * points.shape[1],
        "bbox": [[0, 0, 1, 1]],
        "bbox_score": 1,
    }


def test_mmpose_video_of_the_demo(tmp_path):
    points = people(3, COCO)
    document = {
        "meta_info": {"dataset_name": "coco", "keypoint_id2name": dict(enumerate(COCO.landmarks))},
        "instance_info": [
            {"frame_id": n + 1, "instances": [mmpose(one)] if n != 1 else []} for n, one in enumerate(points)
        ],
    }
    (found,) = read(dump(tmp_path / "results_video.json", document))
    assert found.format == "MMPose JSON, 17 landmarks (coco)" and found.frames.tolist() == [1, 3]
    np.testing.assert_allclose(found.Y, expected(points[[0, 2]], COCO))


@pytest.mark.parametrize(
    "wrap", [lambda one: one, lambda one: [one], lambda one: {"meta_info": {}, "instance_info": one}]
)
def test_mmpose_pictures(tmp_path, wrap):
    points = people(2, COCO)
    for n in (0, 1):
        dump(tmp_path / f"img_{n + 10}.json", wrap([mmpose(points[n])]))
    (found,) = read(tmp_path)
    assert found.frames.tolist() == [10, 11]
    np.testing.assert_allclose(found.Y, expected(points, COCO))


def test_mmpose_scores_below_zero_are_missing(tmp_path):
    points, person = people(1, COCO), mmpose(people(1, COCO)[0])
    person["keypoints"][10], person["keypoint_scores"][10] = [-1, -1], -0.01
    (found,) = read(dump(tmp_path / "a.json", [person]))
    np.testing.assert_allclose(found.Y, expected(points, COCO, np.arange(17)[None] != 10))


def blazepose(points, size=SIZE):
    return [{"x": x / size[0], "y": y / size[1], "z": 0.1, "visibility": 0.5} for x, y in points.T]


def test_mediapipe_shares_of_the_picture_need_its_size(tmp_path):
    points = people(2, BLAZEPOSE)
    path = dump(tmp_path / "a.json", [blazepose(one) for one in points])
    (found,) = read(path, size=SIZE)
    assert found.format == "MediaPipe landmarks JSON" and found.size == SIZE
    np.testing.assert_allclose(found.Y, expected(points, BLAZEPOSE))
    with pytest.raises(ValueError, match=r"a\.json: got x and y as shares of a picture of unknown size, expected its"):
        read(path)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda frames: {"width": SIZE[0], "height": SIZE[1], "frames": frames},
        lambda frames: {"width": SIZE[0], "height": SIZE[1],
                        "frames": [{"frame": n, "timestamp_ms": 40 * n - 80, "landmarks": one}
                                   for n, one in enumerate(frames, 2)]},
        lambda frames: {"width": SIZE[0], "height": SIZE[1],
                        "frames": [{"index": 2 + n, "pose_landmarks": [one]} for n, one in enumerate(frames)]},
        lambda frames: {"width": SIZE[0], "height": SIZE[1],
                        "frames": [{"landmark": one} for one in frames[:1]] + [None] + frames[1:]},
    ],
)  # fmt: skip
def test_mediapipe_layouts(tmp_path, wrap):
    points = people(2, BLAZEPOSE)
    (found,) = read(dump(tmp_path / "a.json", wrap([blazepose(one) for one in points])))
    np.testing.assert_allclose(found.Y, expected(points, BLAZEPOSE))
    assert found.times is None or found.times.tolist() == [0, 0.04]
    assert found.frames.tolist() in ([0, 1], [2, 3], [0, 2])


def test_mediapipe_pixels_are_kept(tmp_path):
    points = people(1, BLAZEPOSE)
    (found,) = read(dump(tmp_path / "frame_12.json", {"pose_landmarks": [blazepose(points[0], (1, 1))]}))
    assert found.frames.tolist() == [12]
    np.testing.assert_allclose(found.Y, expected(points, BLAZEPOSE))


def yolo(points, size=(1, 1)):
    x, y = points / np.array(size)[:, None]
    return {"name": "person", "class": 0, "confidence": 0.9, "box": {"x1": 0, "y1": 0, "x2": 1, "y2": 1},
            "keypoints": {"x": x.tolist(), "y": y.tolist(), "visible": [0.5] * len(x)}}  # fmt: skip


@pytest.mark.parametrize("size", [(1, 1), SIZE])
def test_yolo_json(tmp_path, size):
    points = people(2, COCO)
    points[0, :, 9] = 0
    for n in (0, 1):
        dump(tmp_path / f"im{n}.json", [yolo(points[n], size)])
    (found,) = read(tmp_path, size=SIZE)
    assert found.format == "YOLO JSON, coco"
    np.testing.assert_allclose(found.Y, expected(points, COCO, (points != 0).all(axis=1)))


@pytest.mark.parametrize(("end", "person"), [([], "1"), ([0.9], "1"), ([7], "7"), ([0.9, 7], "7")])
def test_yolo_labels(tmp_path, end, person):
    points = people(2, COCO)
    for n in (0, 1):
        row = [0, 0.5, 0.5, 0.1, 0.2, *flat(points[n] / np.array(SIZE)[:, None], 0.5), *end]
        (tmp_path / f"video_{n + 1}.txt").write_text(" ".join(map(str, row)) + "\n")
    (found,) = read(tmp_path, size=SIZE)
    assert found.format == "YOLO labels, coco" and found.frames.tolist() == [1, 2] and found.person == person
    np.testing.assert_allclose(found.Y, expected(points, COCO))
