"""The experiment on vanishing gradients: its measures, and its claim from made-up gradients."""

import json

import numpy as np
import pytest
import torch

from lifting.experiments import vanishing
from lifting.experiments.claims import SEEDS
from lifting.network import build_network

pytestmark = pytest.mark.usefixtures("one_thread")


def test_fall_in_powers_of_ten():
    assert vanishing.fall([1e-6] * 5 + [1e-3] * 10 + [1e-2] * 5) == pytest.approx(4)
    assert vanishing.fall([1.0] * 3 + [5.0] * 10 + [10.0] * 3, layers=3) == pytest.approx(1)


def test_gradients_are_those_of_the_first_step():
    """With He's weights the last layer's gradient doesn't depend on losses before it, the first layer's does."""
    every, last = (vanishing.relative_gradients("laptop", 0, where, 64) for where in (True, False))
    assert len(every) == len(last) == sum(isinstance(m, torch.nn.Conv2d) for m in build_network("laptop").modules())
    assert every[-1] == pytest.approx(last[-1], rel=1e-4) and every[0] > 1.5 * last[0]
    other = vanishing.relative_gradients("laptop", 0, True, 64, he=True)
    assert other[0] != pytest.approx(every[0], rel=0.1)


def made_up(name, where, seed):
    """Twenty layers: losses at every stage reach the first layers of the laptop three times as strongly."""
    noise = 1 + 0.01 * (seed - 2) * (where == "every stage")
    if name == "laptop":
        first = 0.1 * noise * (3 if where == "every stage" else 1)
    else:
        first = (0.1 if where == "every stage" else 1e-6) * noise
    return [first] * 5 + [0.5] * 10 + [1.0] * 5


def test_three_losses_that_reach_the_first_layers_alike_are_no_vanishing(tmp_path):
    rows = [{f"{name}, {where}": made_up(name, where, seed) for name in vanishing.NETWORKS
             for where in ("every stage", "last stage")} for seed in range(SEEDS)]  # fmt: skip
    vanishing.save_gradients(rows, tmp_path)
    content = json.loads((tmp_path / "claim_vanishing.json").read_text())
    laptop, paper, he = content["comparisons"]
    assert laptop["mean"] == pytest.approx(0, abs=1e-3) and laptop["verdict"] == "undecided"
    assert paper["mean"] == he["mean"] == pytest.approx(np.log10(6) - 5, abs=1e-3)
    assert [c["verdict"] for c in (paper, he)] == ["holds", "holds"]
    assert len(content["relative_gradients"]["paper, last stage"]) == 20
