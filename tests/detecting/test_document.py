"""docs/detector.md is what benchmarks/detecting.py makes of its recorded run, and its example runs."""

import importlib.util
import json
import re

import numpy as np
from PIL import Image

from lifting.datasets.real_frames import load_real_frames


def test_the_document_is_made_from_the_recorded_run(root, monkeypatch):
    monkeypatch.syspath_prepend(root / "benchmarks")
    spec = importlib.util.spec_from_file_location("detecting_benchmark", root / "benchmarks" / "detecting.py")
    benchmark = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    assert (root / "docs" / "detector.md").read_text() == benchmark.markdown()


def test_the_recorded_run_is_good_enough(root):
    """What the text says of it in words."""
    run = json.loads((root / "benchmarks" / "detecting.json").read_text())
    assert run["photos"]["blazepose"]["people"] == [1] * 8
    assert run["small"]["33%"] == [1] * 8
    people = {name: row["people"] for name, row in run["videos"].items()}
    assert people["pose2sim, one person, camera 1"] == {"1": 100}
    assert people["pose2sim, two people, camera 1"] == {"2": 100}


def test_the_example_runs(root, tmp_path, monkeypatch):
    (frame,) = load_real_frames(["cam01_026"])
    images = [Image.fromarray(np.roll(frame.image, n, axis=1)) for n in range(2)]
    images[0].save(tmp_path / "walk.mp4", format="GIF", save_all=True, append_images=images[1:], duration=40)
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"```python\n(.*?)```", (root / "docs" / "detector.md").read_text(), re.S)
    namespace = {}
    exec(block, namespace)
    assert namespace["lifted"].pose.shape == (2, 3, 17)
