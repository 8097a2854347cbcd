"""The shipped network: its files agree, its figures are those that it has, and it is as good as the card says."""

import csv
import hashlib
import json

import numpy as np
import pytest
import torch

from lifting import load_network
from lifting.datasets import rendered
from lifting.datasets.real_frames import load_real_frames
from lifting.datasets.rendered import load_rendered
from lifting.support.files import data_path
from lifting.training import shipping as default_network
from lifting.training.evaluation import evaluate, evaluate_real
from lifting.training.run import RunOptions, train
from lifting.training.step import Settings

from .pictures import some_buffers

QUICK = RunOptions(workers=0, progress=False)
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def table():
    return json.loads(data_path("network.json").read_text())


def test_the_card_is_made_of_the_table_and_the_checksum_is_that_of_the_file(table):
    assert data_path("network.md").read_text() == default_network.card(table)
    assert table["sha256"] == hashlib.sha256(data_path("network.safetensors").read_bytes()).hexdigest()


def test_the_figures_are_those_of_the_weights(table):
    """To half a percent: other processors round otherwise, and a peak between two pixels may jump."""
    network = load_network()
    found, photos = evaluate(network, load_rendered("test")), evaluate_real(network, load_real_frames())
    for key in ("pck", "pck agnostic"):
        assert found["stages"][-1][key] == pytest.approx(table["test"]["stages"][-1][key], abs=0.005)
        assert photos["stages"][-1][key] == pytest.approx(table["photos"]["stages"][-1][key], abs=0.025)
    assert found["front_back"]["all"] == pytest.approx(table["test"]["front_back"]["all"], abs=0.01)
    assert torch.sigmoid(network.fusion).tolist() == pytest.approx(table["w"])


def test_it_is_good_on_held_out_renders(table):
    assert table["test"]["stages"][-1]["pck"] >= 0.75 and table["test"]["front_back"]["all"] >= 0.9


def test_it_finds_the_limbs_of_the_photos(table):
    """With one look and with ten."""
    for found in (table["photos"]["stages"][-1], table["photos"]["looked again"]):
        assert found["pck"] >= 0.6 and found["pck agnostic"] >= 0.85


def test_its_history_is_that_of_the_whole_run(table):
    history = list(csv.DictReader(data_path("network_training.csv").read_text().splitlines()))
    steps = [int(row["step"]) for row in history]
    assert steps == sorted(set(steps)) and steps[-1] == sum(part["steps"] for part in table["settings"])
    assert float(history[-1]["pck"]) > float(history[0]["pck"])


def test_hours_and_waiting_are_read_off_the_log():
    """20 steps of 32 at 10 pictures a second take 64 s, 10 at 20 take 16 s."""
    log = [
        {"step": "20", "pictures a second": "10", "waiting": "0.1"},
        {"step": "30", "pictures a second": "20", "waiting": "0.6"},
    ]
    hours, waiting = default_network.spent(log, 32)
    assert hours == pytest.approx(80 / 3600) and waiting == pytest.approx((64 * 0.1 + 16 * 0.6) / 80)


def test_a_run_is_shipped_whole(tmp_path, monkeypatch):
    people = load_rendered("validation")
    few = rendered.RenderedPeople(**{key: value[:24] for key, value in vars(people).items()})
    monkeypatch.setattr(default_network, "load_rendered", lambda split: few)
    monkeypatch.setattr(default_network, "open_shards", lambda folder, split="train": some_buffers(5))
    run, out = tmp_path / "run", tmp_path / "out"
    out.mkdir()
    train(Settings(steps=2, batch=8), few, run, validation=few, options=QUICK)
    further = tmp_path / "further"
    start = run / "network.safetensors"
    train(Settings(steps=1, batch=8), few, further, validation=few, start=start, options=QUICK)
    arguments = ["--data", tmp_path, "--out", out, "--pictures", out, "--machine", "a machine"]
    default_network.main([str(word) for word in ("--run", run, further, *arguments)])
    table = json.loads((out / "network.json").read_text())
    assert (table["buffers"], table["bodies"], table["pictures"]) == ([5], [5], 24)
    assert [row["step"] for row in default_network.joined([run, further])] == ["2", "3"]
    assert "a machine" in (out / "network.md").read_text()
    weights, full = (load_network(folder / "network.safetensors").state_dict() for folder in (out, further))
    for key, value in full.items():
        torch.testing.assert_close(weights[key], value.half().float(), rtol=0, atol=0)
    for name in ("network_training.png", "network_photos.png"):
        assert (out / name).read_bytes().startswith(b"\x89PNG") and (out / name).stat().st_size > 10_000
    assert np.isfinite(table["hours"])
    # and again, by a run that goes on from what was shipped
    last, again = tmp_path / "last", tmp_path / "again"
    again.mkdir()
    start = out / "network.safetensors"
    train(Settings(steps=4, batch=8), few, last, validation=few, start=start, options=QUICK)
    arguments = ["--data", tmp_path, "--out", again, "--pictures", again, "--machine", "another"]
    default_network.main([str(word) for word in ("--before", out, "--run", last, *arguments)])
    table, earlier = json.loads((again / "network.json").read_text()), table
    assert table["settings"][:2] == earlier["settings"] and [part["steps"] for part in table["settings"]] == [2, 1, 4]
    assert (table["buffers"], table["bodies"], table["pictures"]) == ([5, 5], [5, 5], 56)
    assert table["machine"] == ["a machine", "another"] and table["hours"] >= earlier["hours"]
    assert [row["step"] for row in default_network.read_rows(again / "network_training.csv")] == ["2", "3", "7"]
    assert [row["steps"] for row in table["with JPEG"]] == [3, 7]
    assert table["with JPEG"][:1] == earlier["with JPEG"] and table["held out"] == 5
    assert "5 rendered buffers of 5 bodies; then 5" in (again / "network.md").read_text()
