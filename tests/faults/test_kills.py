"""A run of training is killed, by SIGKILL, at every moment at which it changes a file; resumed it ends the same."""

import os
import shutil
import signal
from itertools import count

import pytest
import torch

from lifting import load_network
from lifting.datasets.rendered import load_rendered
from lifting.training import RunOptions, Settings, train

PEOPLE = load_rendered("validation")
SETTINGS = Settings(steps=3, batch=8, warm_up=1, lifting="none")
CHANGES = ("mkdir", "replace", "rename", "unlink", "rmdir")
pytestmark = [
    pytest.mark.usefixtures("one_thread"),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="each killed run is a forked process"),
]


def run(out):
    """Three steps, each with a checkpoint, of which the first is taken away when the third is there."""
    options = RunOptions(resume=True, workers=0, every=1, progress=False)
    return train(SETTINGS, PEOPLE, out, options=options)


def killed_before(change, out):
    """Whether a run in a process of its own had so many changes of files to make, and was killed before the last."""
    child = os.fork()
    if child == 0:
        made = count(1)

        def counted(function):
            def call(*arguments, **options):
                if next(made) == change:
                    os.kill(os.getpid(), signal.SIGKILL)
                return function(*arguments, **options)

            return call

        try:
            for name in CHANGES:
                setattr(os, name, counted(getattr(os, name)))
            run(out)
        finally:
            os._exit(int(next(made) > 1_000_000))
    _, status = os.waitpid(child, 0)
    assert status == 0 or (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL)
    return status != 0


def contents(folder):
    """Every file of a run, but for the log, in which speeds stand."""
    files = {path.relative_to(folder): path for path in folder.rglob("*") if path.is_file()}
    return {str(name): path.read_bytes() for name, path in files.items() if name.name != "log.csv"}


def test_killed_before_any_change_of_a_file_it_ends_with_the_same_files(tmp_path):
    want = run(tmp_path / "whole")
    expected, moments = contents(tmp_path / "whole"), 0
    for change in count(1):
        out = tmp_path / "killed"
        if not killed_before(change, out):
            break
        moments += 1
        found = run(out)
        assert all(map(torch.equal, found.state_dict().values(), want.state_dict().values())), change
        assert contents(out) == expected, change
        steps = [line.split(",")[0] for line in (out / "log.csv").read_text().splitlines()]
        assert steps == ["step", "3"], change
        load_network(out / "network.safetensors")
        shutil.rmtree(out)
    assert moments > 20
    assert contents(out) == expected  # the last one was not killed
