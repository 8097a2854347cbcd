"""What docs/files.md says of formats is what there is."""

import json
import re
import warnings

import numpy as np

from lifting import PoorFit
from lifting.files.detections import BY_COUNT
from lifting.files.linking import FARTHEST, LONGEST_GAP
from lifting.files.motion import TALL
from lifting.files.reading import FORMATS
from lifting.files.shares import LARGEST
from lifting.skeleton import OPENPOSE25
from tests.bad_files.good import openpose
from tests.files.made import people
from tests.files.test_motion import bvh


def test_the_table_has_every_format(root):
    page = (root / "docs" / "files.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `([\w-]+)` \|", page, re.M)) - {"format"} == {one.name for one in FORMATS}


def test_numbers_of_the_page(root):
    page = " ".join((root / "docs" / "files.md").read_text(encoding="utf-8").split())
    assert f"gaps of up to {LONGEST_GAP} frames" in page and FARTHEST == 0.5
    assert f"nowhere above {LARGEST:g}" in page
    assert "{:g} to {:g} m tall".format(*TALL) in page
    assert all(re.search(rf"\b{count}\b", page) for count in BY_COUNT)


def test_the_code_of_the_page_runs(root, tmp_path, monkeypatch):
    page = (root / "docs" / "files.md").read_text(encoding="utf-8")
    landmarks, motion = re.findall(r"```python\n(.*?)```", page, re.S)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "keypoints").mkdir()
    for n, points in enumerate(people(2, OPENPOSE25)):
        (tmp_path / "keypoints" / f"v_{n:012}_keypoints.json").write_text(json.dumps(openpose(points)))
    values = np.random.default_rng(0).uniform(-30, 30, (2, 20, 30))
    for name, one in zip(("walk.bvh", "run.bvh"), values, strict=True):
        bvh(tmp_path / name, one)
    there: dict = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PoorFit)  # landmarks at random are nobody
        exec(landmarks, there)
    assert there["lifted"].pose.shape == (2, 3, 17)
    exec(motion, there)
    assert there["prior"].landmarks == there["found"].landmarks and there["found"].left_out == (0, 0)
