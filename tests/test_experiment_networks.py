"""The experiments on trained networks: their measures on cases worked out by hand, and whole runs of one step."""
# ruff: noqa: D103

import json

import numpy as np
import pytest
import torch

from lifting.datasets.rendered import load_rendered
from lifting.experiments import networks
from lifting.experiments.claims import SEEDS
from lifting.network import build_network, save_network
from lifting.skeleton import HUMAN36M

PEOPLE = load_rendered("validation")
TRUTH = PEOPLE.landmarks.astype(float)
pytestmark = pytest.mark.usefixtures("one_thread")


def test_missed_is_per_cent_of_what_counts():
    counted = np.zeros((len(PEOPLE), 17), dtype=bool)
    counted[:, [2, 5, 9, 13]] = True
    wrong = TRUTH.copy()
    wrong[:, 0, 9] += 500
    wrong[:, 1, 0] += 500  # not counted
    assert networks.missed(TRUTH, PEOPLE, counted) == 0
    assert networks.missed(wrong, PEOPLE, counted) == 25


def test_legs_change_places_after_the_first_stage_alone():
    torch.manual_seed(0)
    network, images = build_network("laptop").eval(), torch.rand(2, 3, 128, 128)
    with torch.no_grad():
        before = network(images)
        with networks.swapped_legs(network):
            after = network(images)
        restored = network(images)
    order = list(range(18))
    for part in ("knee", "ankle"):
        left, right = (HUMAN36M.index(f"{side}_{part}") for side in ("left", "right"))
        order[left], order[right] = right, left
    torch.testing.assert_close(after[0].belief, before[0].belief[:, order])
    assert sorted(networks.SWAPPED) == sorted(i for i in range(17) if order[i] != i)
    assert not torch.allclose(after[1].belief, before[1].belief)
    assert all(torch.equal(one.fused, other.fused) for one, other in zip(restored, before, strict=True))


def test_legs_are_put_back_when_something_fails():
    network = build_network("laptop")
    with pytest.raises(KeyboardInterrupt), networks.swapped_legs(network):
        raise KeyboardInterrupt
    assert "fuse" not in vars(network)


def test_fall_in_powers_of_ten():
    assert networks.fall([1e-6] * 5 + [1e-3] * 10 + [1e-2] * 5) == pytest.approx(4)
    assert networks.fall([1.0] * 3 + [5.0] * 10 + [10.0] * 3, layers=3) == pytest.approx(1)


def test_gradients_are_those_of_the_first_step():
    """With He's weights the last layer's gradient doesn't depend on losses before it, the first layer's does."""
    every, last = (networks.relative_gradients("laptop", 0, where, 64) for where in (True, False))
    assert len(every) == len(last) == sum(isinstance(m, torch.nn.Conv2d) for m in build_network("laptop").modules())
    assert every[-1] == pytest.approx(last[-1], rel=1e-4) and every[0] > 1.5 * last[0]
    other = networks.relative_gradients("laptop", 0, True, 64, he=True)
    assert other[0] != pytest.approx(every[0], rel=0.1)


@pytest.mark.parametrize("variant", ["sub-gradients", "no lifting"])
def test_a_run_is_made_once(tmp_path, variant, monkeypatch):
    monkeypatch.setattr(networks, "load_rendered", lambda split="train": PEOPLE)
    start = tmp_path / "start.safetensors"
    save_network(build_network("laptop", lifting="none"), start)
    result = networks.run((variant, 1), start, tmp_path, steps=1, batch=8)
    assert len(result["missed"]) == len(result["missed, hidden"]) == len(result["missed legs, swapped"]) == 3
    assert all(0 <= value <= 100 for value in result["missed"])
    assert (result["w"] is None) == (variant == "no lifting")
    monkeypatch.setattr(networks, "train", None)
    assert networks.run((variant, 1), start, tmp_path, steps=1, batch=8) == result


def made_up(level):
    random = np.random.default_rng(int(10 * level))
    keys = ("missed", "missed, hidden", "missed legs", "missed legs, swapped")
    return [{key: (level + random.normal(0, 0.1, 3)).tolist() for key in keys} for _ in range(SEEDS)]


def test_claims_are_written_with_their_verdicts(tmp_path):
    levels = {"sub-gradients": 20, "forward only": 20.5, "soft-argmax": 30, "no lifting": 25, "stages apart": 20}
    networks.save_variants({name: made_up(level) for name, level in levels.items()}, tmp_path)
    found = {path.name: json.loads(path.read_text()) for path in tmp_path.iterdir()}
    assert set(found) == {"claim_gradients.json", "claim_cross_stage.json", "claim_fusion.json"}
    verdicts = {name: [c["verdict"] for c in content["comparisons"]] for name, content in found.items()}
    assert verdicts["claim_gradients.json"] == ["holds", "fails"]
    assert verdicts["claim_cross_stage.json"] == ["holds"]
    assert verdicts["claim_fusion.json"] == ["holds"] * 7


def test_vanishing_gradients_are_written(tmp_path):
    rows = [{f"{name}, {where}": np.geomspace(start ** (1 + 0.01 * seed), 1, 20).tolist()
             for name in networks.NETWORKS for where, start in (("every stage", 0.1), ("last stage", 1e-6))}
            for seed in range(SEEDS)]  # fmt: skip
    networks.save_gradients(rows, tmp_path)
    content = json.loads((tmp_path / "claim_vanishing.json").read_text())
    assert [c["verdict"] for c in content["comparisons"]] == ["holds"] * 3
    assert len(content["relative_gradients"]["paper, last stage"]) == 20
