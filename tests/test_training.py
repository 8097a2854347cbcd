"""Training: the objective by hand, runs that are killed and resumed, damaged checkpoints, two processes."""

import csv
import dataclasses
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from lifting.belief import belief_maps
from lifting.datasets.rendered import load_rendered
from lifting.network import StageMaps, build_network, load_network
from lifting.training import Run, RunOptions, Settings, Trainer, main, objective, restore_newest, train
from lifting.training.batches import Batches
from lifting.training.processes import agree, process, processes
from lifting.training.run import ADDED, begin_with
from tests.refusals import refuses

PEOPLE = load_rendered("validation")
SHORT = Settings(steps=4, batch=8, warm_up=1)
pytestmark = pytest.mark.usefixtures("one_thread")


def run(out, settings=SHORT, validation=None, start=None, **options):
    options = RunOptions(**({"workers": 0, "every": 2, "progress": False} | options))
    return train(settings, PEOPLE, out, validation=validation, start=start, options=options)


def same_weights(one, other):
    return all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True))


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run of four steps: its folder and network."""
    out = tmp_path_factory.mktemp("finished") / "run"
    return out, run(out, validation=dataclasses.replace(PEOPLE, **{
        field.name: getattr(PEOPLE, field.name)[:12] for field in dataclasses.fields(PEOPLE)}))  # fmt: skip


def rows_of(path):
    return list(csv.DictReader(path.read_text().splitlines()))


def batch(step=0, size=8):
    return Batches(PEOPLE, size, 0)[step]


# --- the objective -------------------------------------------------------------------------------------------------


def test_objective_by_hand():
    """c_t = sum_p sum_z (f - b_*)^2, background the rest; pixels of the image, four to one of the map."""
    random = np.random.default_rng(0)
    landmarks = random.uniform(10, 30, (2, 2, 3))
    fused = random.standard_normal((2, 2, 4, 10, 9))  # stage, picture, map, row, column
    maps = belief_maps((landmarks + 0.5) / 4 - 0.5, 10, 9, 1.5)
    target = np.concatenate([maps, 1 - maps.max(1, keepdims=True)], axis=1)
    want = ((fused - target) ** 2).sum((2, 3, 4)).mean(1)
    stages = [StageMaps(None, None, torch.from_numpy(f)) for f in fused]

    class Predicted(SimpleNamespace):
        __getitem__ = lambda self, t: self.stages[t]  # noqa: E731
        __iter__ = lambda self: iter(self.stages)  # noqa: E731

    predicted = Predicted(stages=stages, stride=4)
    c, c_t = objective(predicted, torch.from_numpy(landmarks), sigma=1.5)
    np.testing.assert_allclose(c_t.numpy(), want, rtol=1e-6)  # the objective is computed in float32
    assert float(c) == pytest.approx(want.sum(), rel=1e-6)
    assert float(objective(predicted, torch.from_numpy(landmarks), 1.5, every_stage=False)[0]) == pytest.approx(
        want[-1], rel=1e-6
    )


def test_objective_without_some_labels():
    """Maps of landmarks without a label, and the background of such a picture, are left out of the sum."""
    random = np.random.default_rng(1)
    landmarks, fused = random.uniform(10, 30, (2, 2, 3)), random.standard_normal((2, 4, 10, 9))
    maps = belief_maps((landmarks + 0.5) / 4 - 0.5, 10, 9, 1.0)
    target = np.concatenate([maps, 1 - maps.max(1, keepdims=True)], axis=1)
    by_map = ((fused - target) ** 2).sum((2, 3))
    labelled = torch.tensor([[True, False, True], [True, True, True]])
    stage = StageMaps(None, None, torch.from_numpy(fused))
    predicted = type("Predicted", (list,), {"stride": 4})([stage])
    c, _ = objective(predicted, torch.from_numpy(landmarks), labelled=labelled)
    assert float(c) == pytest.approx((by_map[0, 0] + by_map[0, 2] + by_map[1].sum()) / 2, rel=1e-6)


def test_rate_rises_then_falls_as_half_a_cosine():
    settings = Settings(steps=101, warm_up=9, rate=0.5)
    rates = [settings.rate_at(step) for step in range(101)]
    np.testing.assert_allclose(rates[0], 0.05, rtol=1e-3)
    assert np.argmax(rates) == 9 and np.all(np.diff(rates[:10]) > 0) and np.all(np.diff(rates[9:]) < 0)
    assert rates[50] == pytest.approx(0.5 * 0.5 * (1 + math.cos(math.pi * 50 / 101)))
    assert rates[-1] < 0.001


def test_the_loss_falls_on_a_batch_that_is_seen_again_and_again():
    trainer = Trainer(Settings(steps=1000, warm_up=0))
    seen = batch()
    losses = [float(trainer.train_on(seen)[0].sum()) for _ in range(12)]
    assert losses[-1] < 0.5 * losses[0]


def test_without_decay_for_what_is_no_matrix():
    trainer = Trainer(SHORT)
    decayed, fusion, rest = trainer.optimiser.param_groups
    assert decayed["weight_decay"] == SHORT.weight_decay and fusion["weight_decay"] == rest["weight_decay"] == 0
    assert len(fusion["params"]) == 1 and fusion["params"][0] is trainer.network.fusion
    assert sum(p.numel() for group in (decayed, fusion, rest) for p in group["params"]) == sum(
        p.numel() for p in trainer.network.parameters()
    )


def test_the_fusion_weights_have_a_rate_of_their_own():
    """Adam's first step is as long as the rate, whatever the gradient."""
    trainer = Trainer(dataclasses.replace(SHORT, config="small", fusion_rate=30.0, warm_up=0))
    before = {name: p.detach().clone() for name, p in trainer.network.named_parameters()}
    trainer.train_on(batch())
    moved = {name: (p.detach() - before[name]).abs() for name, p in trainer.network.named_parameters()}
    torch.testing.assert_close(moved["fusion"], torch.full((2,), 30 * SHORT.rate), rtol=1e-3, atol=0)
    assert max(float(own.max()) for name, own in moved.items() if name != "fusion") < 1.1 * SHORT.rate


def test_the_fusion_weights_go_on_from_a_checkpoint(tmp_path, finished):
    """Their rate, and what the optimiser knows of them, are as if nothing had happened."""
    settings = dataclasses.replace(SHORT, config="small", fusion_rate=30.0, subpixel=True, steps=3)
    whole = run(tmp_path / "whole", settings, every=2)
    shutil.rmtree(tmp_path / "whole" / "checkpoints" / "step_0000003")
    again = run(tmp_path / "whole", settings, resume=True)
    assert same_weights(whole, again)
    assert not torch.equal(whole.fusion, build_network("small").fusion)


def test_a_run_from_before_these_settings_can_be_resumed(tmp_path):
    """Its files name neither `subpixel` nor `k` nor `fusion_rate`; they were what the defaults are."""
    run(tmp_path, dataclasses.replace(SHORT, config="small", steps=2))
    for path in (tmp_path / "settings.json", *tmp_path.glob("checkpoints/*/state.json")):
        content = json.loads(path.read_text())
        for name in ADDED:
            content.get("settings", content).pop(name)
        path.write_text(json.dumps(content))
    run(tmp_path, dataclasses.replace(SHORT, config="small", steps=2), resume=True)
    with pytest.raises(ValueError, match="begun with subpixel=False, expected a run begun with subpixel=True"):
        run(tmp_path, dataclasses.replace(SHORT, config="small", steps=2, subpixel=True), resume=True)


def test_a_long_gradient_is_shortened():
    """One step of plain SGD is never longer than rate times clip."""
    settings = dataclasses.replace(SHORT, optimiser="sgd", rate=0.1, clip=0.5, warm_up=0, weight_decay=0.0)
    trainer = Trainer(settings)
    before = torch.cat([p.detach().clone().flatten() for p in trainer.network.parameters()])
    _, norm = trainer.train_on(batch())
    after = torch.cat([p.detach().flatten() for p in trainer.network.parameters()])
    assert norm > 100
    assert float((after - before).norm()) == pytest.approx(0.05, rel=1e-3)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_half_precision_takes_a_step_near_that_of_single(precision):
    """The loss is that of single precision to half precision's accuracy, and parameters stay float32."""
    losses = {}
    for name in ("float32", precision):
        trainer = Trainer(dataclasses.replace(SHORT, precision=name))
        losses[name] = float(trainer.train_on(batch())[0].sum())
        assert {p.dtype for p in trainer.network.parameters()} == {torch.float32}
    assert losses[precision] == pytest.approx(losses["float32"], rel=0.02)
    assert losses[precision] != losses["float32"]


def test_the_last_stage_alone_and_stages_on_their_own():
    """With a loss at the end only and no gradients between stages, the first stage's belief maps learn nothing."""
    trainer = Trainer(dataclasses.replace(SHORT, every_stage=False, cross_stage=False))
    trainer.train_on(batch())
    belief = trainer.network.trunk.belief[-1].weight.grad
    assert belief is None or not belief.any()
    trainer = Trainer(dataclasses.replace(SHORT, every_stage=False))
    trainer.train_on(batch())
    assert trainer.network.trunk.belief[-1].weight.grad.any()


# --- a run and what it leaves --------------------------------------------------------------------------------------


def test_what_a_run_leaves(finished):
    out, network = finished
    assert sorted(path.name for path in out.iterdir()) == [
        "checkpoints", "log.csv", "network.safetensors", "settings.json", "validation.csv",
    ]  # fmt: skip
    assert [path.name for path in sorted((out / "checkpoints").iterdir())] == ["step_0000002", "step_0000004"]
    assert Settings(**json.loads((out / "settings.json").read_text())) == SHORT
    rows = rows_of(out / "log.csv")
    assert [row["step"] for row in rows] == ["4"]
    assert float(rows[0]["loss"]) == pytest.approx(sum(float(rows[0][f"stage {t}"]) for t in (1, 2, 3)), rel=1e-4)
    assert [row["step"] for row in rows_of(out / "validation.csv")] == ["2", "4"]
    assert same_weights(load_network(out / "network.safetensors"), network)
    # a pickle begins with 0x80; a safetensors file with the length of its JSON
    for path in out.rglob("*.safetensors"):
        head = path.read_bytes()
        json.loads(head[8 : 8 + int.from_bytes(head[:8], "little")])


def test_a_run_repeats_itself(finished):
    assert same_weights(run(None), finished[1])
    assert not same_weights(run(None, dataclasses.replace(SHORT, seed=1)), finished[1])


@pytest.mark.parametrize("optimiser", ["adamw", "sgd"])
def test_resumed_exactly(tmp_path, finished, optimiser):
    settings = dataclasses.replace(SHORT, optimiser=optimiser, rate=1e-3)
    whole = run(tmp_path / "whole", settings)
    shutil.copytree(tmp_path / "whole", tmp_path / "cut")
    shutil.rmtree(tmp_path / "cut/checkpoints/step_0000004")
    os.unlink(tmp_path / "cut/network.safetensors")
    (tmp_path / "cut/checkpoints/.step_0000004").mkdir()  # what a kill leaves that comes while one is written
    resumed = run(tmp_path / "cut", settings, resume=True)
    assert same_weights(resumed, whole)
    for name in ("network.safetensors", "checkpoints/step_0000004/optimiser.safetensors"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    steps = [row["step"] for row in rows_of(tmp_path / "cut/log.csv")]
    assert steps == ["4"]


def test_a_run_that_has_ended_is_left_as_it_is(tmp_path, finished):
    out = tmp_path / "run"
    shutil.copytree(finished[0], out)
    before = {path: path.read_bytes() for path in out.rglob("*.*") if path.is_file()}
    assert same_weights(run(out, resume=True), finished[1])
    assert {path: path.read_bytes() for path in before} == before


COMMAND = [sys.executable, "-m", "lifting.training", "--steps", "14", "--batch", "8", "--every", "2", "--workers", "0"]


def start(out, *more):
    environment = {key: value for key, value in os.environ.items() if key not in ("WORLD_SIZE", "RANK")}
    return subprocess.Popen([*COMMAND, "--out", str(out), *more], env=environment | {"OMP_NUM_THREADS": "1"},
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)  # fmt: skip


def wait_for(condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.02)


def reached(out):
    return max((int(path.name[5:]) for path in out.glob("checkpoints/step_*")), default=0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_keeps_what_was_reached(tmp_path, number):
    child = start(tmp_path / "run")
    wait_for(lambda: list((tmp_path / "run").glob("checkpoints/step_*")))
    child.send_signal(number)
    error = child.communicate()[1]
    assert child.returncode == 130
    assert f"stopped after step {reached(tmp_path / 'run')} of 14; --resume goes on from here" in error
    assert not (tmp_path / "run/network.safetensors").exists()


def test_in_another_thread_it_runs_without_signals():
    done = []
    thread = threading.Thread(target=lambda: done.append(run(None, dataclasses.replace(SHORT, steps=1))))
    thread.start()
    thread.join()
    assert len(done) == 1


@pytest.mark.parametrize("name", ["network.safetensors", "optimiser.safetensors", "state.json"])
def test_a_truncated_checkpoint_is_refused_and_the_one_before_is_named(tmp_path, finished, name):
    out = tmp_path / "run"
    shutil.copytree(finished[0], out)
    path = out / "checkpoints/step_0000004" / name
    path.write_bytes(path.read_bytes()[:-20])
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    with pytest.raises(ValueError, match="^out: got .*step_0000004.*step_0000002 is still there: delete step_0000004"):
        run(out, resume=True)
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    shutil.rmtree(path.parent)
    assert same_weights(run(out, resume=True), finished[1])


def test_a_run_begins_with_given_weights_of_any_variant(tmp_path, finished):
    """One step at a rate of nearly nothing leaves them as they were."""
    still = dataclasses.replace(SHORT, steps=1, rate=1e-12, weight_decay=0.0, lifting="none")
    begun = run(tmp_path / "run", still, start=finished[0] / "network.safetensors")
    for one, other in zip(begun.state_dict().values(), finished[1].state_dict().values(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-9)


def test_weights_of_another_configuration_are_no_start(tmp_path, finished):
    with pytest.raises(ValueError, match=r"^start: got .*, a 'laptop', expected weights of a 'paper' network$"):
        begin_with(SimpleNamespace(prior=finished[1].prior, configuration=SimpleNamespace(name="paper")),
                            finished[0] / "network.safetensors")  # fmt: skip


def test_a_checkpoint_of_other_settings_is_refused(tmp_path, finished):
    shutil.copytree(finished[0] / "checkpoints", tmp_path / "checkpoints")
    with pytest.raises(ValueError, match=r"^out: got .*step_0000004, begun with lifting='subgradient', expected"):
        restore_newest(tmp_path, Trainer(dataclasses.replace(SHORT, lifting="none")))


def test_folders_in_use_are_left_alone(tmp_path, finished):
    with pytest.raises(FileExistsError, match="which is in use; expected a new folder, or resume"):
        run(finished[0])
    (tmp_path / "thesis.txt").write_text("")
    with pytest.raises(FileExistsError, match="holds other files"):
        run(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_loss_that_is_not_finite_ends_the_run_before_a_checkpoint(tmp_path, monkeypatch):
    step = Trainer.train_on
    monkeypatch.setattr(Trainer, "train_on", lambda self, seen: (step(self, seen)[0] * math.nan, torch.tensor(1.0)))
    with pytest.raises(FloatingPointError, match="the loss is nan at step 4; try a lower rate"):
        run(tmp_path / "run", every=4)
    assert not list((tmp_path / "run/checkpoints").iterdir())


def test_rows_from_after_the_checkpoint_are_taken_back(tmp_path):
    out = Run(tmp_path / "run", SHORT, resume=False)
    for step in (20, 40, 60):
        out.log({"step": step, "loss": 1.0})
    with (tmp_path / "run/log.csv").open("a") as file:
        file.write("80,0.")  # cut short by a kill
    out.cut_logs(40)
    assert (tmp_path / "run/log.csv").read_text() == "step,loss\n20,1\n40,1\n"


def test_tensorboard(tmp_path):
    pytest.importorskip("tensorboard")
    run(tmp_path / "run", dataclasses.replace(SHORT, steps=1), tensorboard=True)
    assert list((tmp_path / "run/tensorboard").glob("events.out.tfevents.*"))


# --- several processes ---------------------------------------------------------------------------------------------

ONE_STEP = ["-m", "lifting.training", "--steps", "1", "--batch", "16", "--optimiser", "sgd", "--rate", "1e-4",
            "--warm-up", "0", "--workers", "0"]  # fmt: skip


@pytest.mark.parametrize("lifting", ["subgradient", "none"])
def test_two_processes_make_the_step_of_one(tmp_path, lifting):
    """The same pictures, half in each process; sums in another order, so equal to rounding only."""
    options = [*ONE_STEP, "--lifting", lifting, "--out"]
    launch = ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", "0", "--standalone"]
    for name, command in (("two", [*launch, *options]), ("one", options)):
        done = subprocess.run([sys.executable, *command, str(tmp_path / name)], capture_output=True, text=True,
                              env=os.environ | {"OMP_NUM_THREADS": "1"}, timeout=120)  # fmt: skip
        assert done.returncode == 0, done.stderr
    one, two = (load_network(tmp_path / name / "network.safetensors").state_dict() for name in ("one", "two"))
    torch.manual_seed(0)
    start = build_network("laptop", lifting=lifting).state_dict()
    moved = torch.cat([(one[key] - start[key]).flatten() for key in one])
    apart = torch.cat([(one[key] - two[key]).flatten() for key in one])
    assert moved.norm() > 1e-3
    assert apart.norm() < 1e-4 * moved.norm()


# --- the command line and bad input --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--steps", "0"], "error: steps: got 0"),
        (["--rate", "-1"], "error: rate: got -1.0"),
        (["--config", "desktop"], "error: configuration: got 'desktop'"),
        (["--batch", "12"], "error: batch: got 12, expected a multiple of 8"),
        (["--data", "/nowhere"], "error: folder: got /nowhere"),
        (["--precision", "float8"], "error: precision: got 'float8'"),
        (["--device", "nothing"], "error: device: got nothing, which can't be used"),
        (["--data", "mpii:/nowhere"], "error: [Errno 2] No such file or directory: '/nowhere/mpii_human_pose"),
        (["--data", "human36m:/nowhere"], "error: folder: got /nowhere, expected a folder with images/"),
        (["--size", "130"], "error: size: got 130, expected a multiple of 4, or 0"),
        (["--weight-decay", "nan"], "error: weight_decay: got nan"),
        (["--start", "."], "error: path: got ., which can't be read ("),
        (["--start", "nowhere"], "error: [Errno 2] No such file or directory: 'nowhere'"),
        (["--data", "/dev/null"], "error: folder: got /dev/null"),
    ],
)
def test_the_command_line_says_in_one_line_what_is_wrong(tmp_path, arguments, message):
    with pytest.raises(SystemExit) as stopped:
        main(["--out", str(tmp_path / "run"), "--steps", "1", *arguments])
    assert str(stopped.value).startswith(message) and "\n" not in str(stopped.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"warm_up": -1}, "warm_up: got -1"),
        ({"clip": 0}, "clip: got 0"),
        ({"sigma": float("nan")}, "sigma: got nan"),
        ({"optimiser": "lion"}, "optimiser: got 'lion', expected 'adamw' or 'sgd'"),
        ({"weight_decay": -0.1}, "weight_decay: got -0.1"),
        ({"seed": 0.5}, "seed: got 0.5"),
    ],
)
def test_bad_settings(change, message):
    with refuses(message):
        dataclasses.replace(SHORT, **change)


def test_every_must_be_positive(tmp_path):
    with pytest.raises(ValueError, match=r"^every: got 0"):
        run(tmp_path / "run", every=0)
    assert not (tmp_path / "run").exists()


def test_the_command_line_offers_every_setting(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    shown = capsys.readouterr().out
    for field in dataclasses.fields(Settings):
        assert f"--{field.name.replace('_', '-')}" in shown


def test_processes_alone():
    assert processes() == 1 and process() == 0 and agree(True) is True
