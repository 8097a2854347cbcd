"""The blocks of docs/detectors.md run as they stand, with a stand-in for each detector that shows a dancer."""

import re
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch

from lifting import lift, load_prior
from lifting.camera import flip_y
from lifting.skeleton import HUMAN36M, convert

from .made_up import recording
from .test_command import write_openpose

FRAME = 30
WIDTH, HEIGHT = 1600, 900


def seen(order):
    """Rows (L, 2) in pixels, y down, and whether they are there: of what Human3.6M doesn't have, nothing is known."""
    Y, there = convert(flip_y(recording().Y[FRAME]), "human36m", order)
    return Y.T, there


def expected():
    """What `lift` makes of the landmarks themselves, their pelvis and neck the middles of hips and shoulders."""
    Y = recording().Y[FRAME]
    Y[:, 0], Y[:, 8] = (Y[:, 1] + Y[:, 4]) / 2, (Y[:, 11] + Y[:, 14]) / 2
    there = np.array([name not in ("spine", "head_top") for name in HUMAN36M.landmarks])
    return lift(Y, load_prior(), scale=None, visible=there).pose


def mediapipe():
    pixels, there = seen("blazepose")
    landmarks = [SimpleNamespace(x=x / WIDTH, y=y / HEIGHT, visibility=float(one))
                 for (x, y), one in zip(pixels, there, strict=True)]  # fmt: skip
    landmarker = SimpleNamespace(detect=lambda image: SimpleNamespace(pose_landmarks=[landmarks]))
    vision = SimpleNamespace(
        PoseLandmarkerOptions=lambda base_options: base_options,
        PoseLandmarker=SimpleNamespace(create_from_options=lambda options: landmarker),
    )
    tasks = SimpleNamespace(vision=vision, BaseOptions=lambda model_asset_path: model_asset_path)
    image = SimpleNamespace(create_from_file=lambda path: SimpleNamespace(width=WIDTH, height=HEIGHT))
    return {"mediapipe": {"tasks": tasks, "Image": image}}


def mmpose():
    pixels, there = seen("coco")
    person = {"keypoints": pixels.tolist(), "keypoint_scores": there.astype(float).tolist()}
    inferencer = lambda name: lambda path: iter([{"predictions": [[person]]}])  # noqa: E731
    return {"mmpose": {}, "mmpose.apis": {"MMPoseInferencer": inferencer}}


def yolo():
    pixels, there = seen("coco")
    keypoints = SimpleNamespace(
        xy=torch.tensor(pixels[None], dtype=torch.float32), conf=torch.tensor(there[None]).float()
    )
    return {"ultralytics": {"YOLO": lambda name: lambda path: [SimpleNamespace(keypoints=keypoints)]}}


@pytest.fixture
def block(root):
    page = (root / "docs" / "detectors.md").read_text(encoding="utf-8")
    return lambda name: re.search(rf"^## {name}\n.*?```python\n(.*?)```", page, re.S | re.M)[1]


@pytest.mark.parametrize(("name", "stand_in"), [("MediaPipe", mediapipe), ("MMPose", mmpose), ("YOLO", yolo)])
def test_a_detectors_block_lifts_its_person(name, stand_in, block, monkeypatch):
    for module, members in stand_in().items():
        made = ModuleType(module)
        made.__dict__.update(members)
        monkeypatch.setitem(sys.modules, module, made)
    names = {}
    exec(compile(block(name), name, "exec"), names)
    lifted = names["lifted"]
    assert lifted.misfit < 2
    assert np.allclose(lifted.pose, expected(), atol=1e-3)  # pixels


def test_openposes_block_lifts_its_people(block, tmp_path, monkeypatch, capsys):
    (tmp_path / "keypoints").mkdir()
    write_openpose(tmp_path / "keypoints", recording(gaps=False).Y[:3])
    monkeypatch.chdir(tmp_path)
    code = block("OpenPose").replace(', pictures="walk.mp4"', "")  # of which there is no stand-in
    exec(compile(code, "OpenPose", "exec"), {})
    assert capsys.readouterr().out.count("(3, 3, 17)") == 2
    assert {path.name for path in (tmp_path / "results" / "walk").iterdir()} > {"keypoints_1.bvh", "keypoints.html"}


def test_the_last_lines_of_each_block_are_at_most_three(block):
    """What comes after the detector's own lines and an empty line."""
    for name in ("MediaPipe", "MMPose", "YOLO"):
        assert len(block(name).rstrip().split("\n\n")[-1].splitlines()) <= 3


def test_a_stand_in_is_seen_where_it_should_be():
    pixels, there = seen("coco")
    assert there.sum() == 13 and np.allclose(pixels[5], flip_y(recording().Y[FRAME])[:, 11])
