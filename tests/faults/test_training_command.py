"""The training command on what people type: devices, folders that are files, and runs that are to go further."""

import dataclasses
import json
import os
import shutil
import stat
import subprocess
import sys

import numpy as np
import pytest
import torch

from lifting import build_network, load_network
from lifting.datasets.rendered import load_rendered
from lifting.network import save_network
from lifting.training import Run, RunOptions, Settings, Trainer, main, restore_newest, train
from lifting.training.batches import Batches
from lifting.training.run import checkpoints

PEOPLE = load_rendered("validation")
SHORT = Settings(steps=4, batch=8, warm_up=1)
pytestmark = pytest.mark.usefixtures("one_thread")


def run(out, settings=SHORT, start=None, validation=None, **options):
    options = RunOptions(**({"workers": 0, "every": 2, "progress": False} | options))
    return train(settings, PEOPLE, out, start=start, validation=validation, options=options)


def weights(network):
    return torch.cat([value.flatten() for value in network.state_dict().values()])


def column(path, name):
    header, *rows = [line.split(",") for line in path.read_text().splitlines()]
    return [row[header.index(name)] for row in rows]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    out = tmp_path_factory.mktemp("finished") / "run"
    run(out)
    return out


@pytest.fixture
def again(finished, tmp_path):
    """A copy of a finished run of four steps."""
    return shutil.copytree(finished, tmp_path / "again")


# --- one line ------------------------------------------------------------------------------------------------------


def test_a_device_that_is_not_there_is_one_line(tmp_path):
    """As the shell shows it, on a machine without CUDA or one whose CUDA is hidden."""
    command = [
        sys.executable,
        "-m",
        "lifting.training",
        "--steps",
        "1",
        "--out",
        str(tmp_path / "run"),
        "--device",
        "cuda",
    ]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"CUDA_VISIBLE_DEVICES": ""})
    assert done.returncode == 1 and not done.stdout
    assert done.stderr.startswith("error: device: got cuda, which can't be used (") and done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("below", [False, True])
def test_a_folder_that_is_a_file_is_named_in_one_line(tmp_path, below):
    path = tmp_path / "file"
    path.write_text("mine")
    out = path / "run" if below else path
    with pytest.raises(SystemExit) as stopped:
        main(["--steps", "1", "--batch", "8", "--out", str(out), "--workers", "0"])
    expected = "Not a directory" if below else f"error: out: got {path}, which is a file; expected a folder, or a new"
    assert expected in str(stopped.value) and "\n" not in str(stopped.value)
    assert path.read_text() == "mine" and stat.S_ISREG(path.stat().st_mode)


def test_a_set_without_pictures_is_refused():
    nobody = dataclasses.replace(PEOPLE, **{f.name: getattr(PEOPLE, f.name)[:0] for f in dataclasses.fields(PEOPLE)})
    with pytest.raises(ValueError, match="^pictures: got 0, expected a whole number >= 1"):
        Batches(nobody, 8, 0)


# --- a run that is extended ----------------------------------------------------------------------------------------


def test_a_finished_run_goes_on_to_more_steps(again, finished, tmp_path):
    """The first steps stay; the rest are made at the rate of the longer half cosine."""
    longer = dataclasses.replace(SHORT, steps=8)
    network = run(again, longer, resume=True)
    assert [path.name for path in checkpoints(again)] == ["step_0000006", "step_0000008"]
    assert Settings(**json.loads((again / "settings.json").read_text())) == longer
    assert column(again / "log.csv", "step") == ["4", "8"]
    rates = [float(rate) for rate in column(again / "log.csv", "rate")]
    np.testing.assert_allclose(rates, [SHORT.rate_at(3), longer.rate_at(7)], rtol=1e-5)
    assert longer.rate_at(4) > 3 * SHORT.rate_at(3)  # a restart, as the module says
    torch.testing.assert_close(weights(load_network(again / "network.safetensors")), weights(network), rtol=0, atol=0)
    by_hand, batches = Trainer(longer), Batches(PEOPLE, 8, 0)
    restore_newest(shutil.copytree(finished, tmp_path / "by hand"), by_hand)
    assert by_hand.step == 4
    for step in range(4, 8):
        by_hand.train_on(batches[step])
    assert torch.equal(weights(by_hand.network), weights(network))


def test_an_extension_that_is_interrupted_ends_the_same(again, tmp_path):
    longer = dataclasses.replace(SHORT, steps=8)
    cut = shutil.copytree(again, tmp_path / "cut")
    whole = run(again, longer, resume=True)
    run(cut, longer, resume=True)
    shutil.rmtree(cut / "checkpoints/step_0000008")
    assert torch.equal(weights(run(cut, longer, resume=True)), weights(whole))
    # killed before its first checkpoint: what was begun is known already, what was reached is of the shorter run
    early = shutil.copytree(tmp_path / "cut", tmp_path / "early")
    for path in checkpoints(early):
        shutil.rmtree(path)
    shutil.copytree(tmp_path / "again/checkpoints/step_0000006", early / "checkpoints/step_0000006")
    assert torch.equal(weights(run(early, longer, resume=True)), weights(whole))


def test_extension_twice(again):
    for steps in (5, 6):
        run(again, dataclasses.replace(SHORT, steps=steps), resume=True)
    assert column(again / "log.csv", "step") == ["4", "5", "6"]


@pytest.mark.parametrize(
    ("change", "begun"),
    [
        ({"steps": 2}, "steps=4"),
        ({"steps": 6, "rate": 1e-3}, "rate=0.002"),
        ({"batch": 16}, "batch=8"),
        ({"lifting": "none"}, "lifting='subgradient'"),
        ({"config": "paper"}, "config='laptop'"),
    ],
)
def test_only_more_steps_and_nothing_else(finished, change, begun):
    before = {path: path.read_bytes() for path in finished.rglob("*") if path.is_file()}
    with pytest.raises(ValueError, match=f"^out: got .*run, begun with {begun}, expected a run begun with"):
        run(finished, dataclasses.replace(SHORT, **change), resume=True)
    assert {path: path.read_bytes() for path in finished.rglob("*") if path.is_file()} == before


def test_a_run_that_has_not_ended_keeps_its_steps(again):
    shutil.rmtree(again / "checkpoints/step_0000004")
    with pytest.raises(ValueError, match="^out: got .*again, begun with steps=4, expected a run begun with steps=6"):
        run(again, dataclasses.replace(SHORT, steps=6), resume=True)


# --- resumed -------------------------------------------------------------------------------------------------------


def test_a_start_is_not_read_where_a_checkpoint_is_taken_up(again, tmp_path):
    shutil.rmtree(again / "checkpoints/step_0000004")
    want = weights(load_network(again / "network.safetensors"))
    assert torch.equal(weights(run(again, start=tmp_path / "gone", resume=True)), want)


def test_a_start_is_read_where_there_is_no_checkpoint_yet(tmp_path):
    torch.manual_seed(5)
    start = build_network()
    save_network(start, tmp_path / "start")
    still = dataclasses.replace(SHORT, steps=1, rate=1e-12, weight_decay=0.0)
    Run(tmp_path / "run", still, resume=False)  # and killed
    begun = run(tmp_path / "run", still, start=tmp_path / "start", resume=True)
    torch.testing.assert_close(weights(begun), weights(start), rtol=0, atol=1e-9)


def test_what_kills_leave_is_no_obstacle_and_goes(tmp_path, finished):
    """While settings.json, a checkpoint, a log and the network were written; and a checkpoint half taken away."""
    out = tmp_path / "run"
    out.mkdir()
    (out / ".settings.json.0123456789abcdef").write_text("{")
    assert torch.equal(weights(run(out, resume=True)), weights(load_network(finished / "network.safetensors")))
    (out / ".network.safetensors.0123456789abcdef").write_text("")
    (out / ".log.csv.0123456789abcdef").write_text("")
    (out / "checkpoints/.step_0000003").mkdir()
    (out / "checkpoints/step_0000002/network.safetensors").unlink()
    (out / "log.csv").write_text("step,lo")
    run(out, resume=True)
    assert sorted(path.name for path in out.iterdir()) == ["checkpoints", "network.safetensors", "settings.json"]
    assert [path.name for path in sorted((out / "checkpoints").iterdir())] == ["step_0000002", "step_0000004"]


@pytest.mark.parametrize("content", ["", "{", "[1]"])
def test_settings_that_can_not_be_read_are_named(again, content):
    (again / "settings.json").write_text(content)
    with pytest.raises(ValueError, match="^out: got .*settings.json, .* expected the file as written"):
        run(again, resume=True)


def test_killed_between_checkpoint_and_validation_no_row_is_lost(tmp_path, monkeypatch):
    """The row comes first: a kill after it takes it back and makes it again, one before it does too."""
    few = dataclasses.replace(PEOPLE, **{f.name: getattr(PEOPLE, f.name)[:4] for f in dataclasses.fields(PEOPLE)})

    class Killed(Exception):
        pass

    checkpoint = Run.checkpoint

    def kill(self, trainer):
        if trainer.step == 4 and not self.folder.name.startswith("whole"):
            raise Killed
        checkpoint(self, trainer)

    run(tmp_path / "whole", validation=few)
    monkeypatch.setattr(Run, "checkpoint", kill)
    with pytest.raises(Killed):
        run(tmp_path / "cut", validation=few)
    assert column(tmp_path / "cut/validation.csv", "step") == ["2", "4"]
    monkeypatch.undo()
    run(tmp_path / "cut", validation=few, resume=True)
    assert (tmp_path / "cut/validation.csv").read_text() == (tmp_path / "whole/validation.csv").read_text()
