"""The commands that make the embedded files: each is made by one step, and what quotes them agrees with the list."""

import importlib.util
import json
import re
import shlex
import subprocess

import pytest

from lifting.support.commands import Step, step_of, steps
from lifting.support.files import data_path
from lifting.training.step import Settings

NOT_MADE = ("README.md", "commands.toml", "licences/", "first_trial/")
"""What data/ holds that no command of today makes."""


def every_command():
    return [line for step in steps() for line in step.lines()]


def test_every_embedded_file_is_made_by_exactly_one_step(root):
    listed = subprocess.run(["git", "ls-files", "data"], cwd=root, capture_output=True, text=True).stdout.splitlines()
    files = [name.removeprefix("data/") for name in listed]
    if not files:
        pytest.skip("no checkout of git")
    made = [name for name in files if not name.startswith(NOT_MADE)]
    assert {name: step_of(name) for name in made}
    patterns = [pattern for step in steps() for pattern in step.makes]
    assert not [pattern for pattern in patterns if not any(Step((pattern,), "", "").made(name) for name in made)]


def test_a_file_that_no_step_makes_is_refused():
    with pytest.raises(ValueError, match=r"name: got 'other.npz', which 0 steps make, expected"):
        step_of("other.npz")


def test_every_command_runs_a_module_of_the_package(root):
    for line in every_command():
        words = shlex.split(line)
        assert words[:2] == ["python", "-m"] or words[:2] == ["mkdir", "-p"], line
        assert words[0] == "mkdir" or importlib.util.find_spec(words[2]), line
    assert any("\\" in step.commands for step in steps()) and not any("\\" in line for line in every_command())


def test_every_extra_is_one(root):
    text = (root / "pyproject.toml").read_text()
    assert all(re.search(rf"^{step.extra} = \[", text, re.M) for step in steps() if step.extra)


def test_the_commands_make_the_shipped_weights():
    """Run by run the settings that the network's figures say it was trained with."""
    trained = [shlex.split(line) for line in step_of("network.safetensors").lines() if "-m lifting.training " in line]
    wanted = json.loads(data_path("network.json").read_text())["settings"]
    assert len(trained) == len(wanted) == 5
    for words, settings in zip(trained, wanted, strict=True):
        given = {name.removeprefix("--"): value for name, value in zip(words[3::2], words[4::2], strict=True)}
        for name in ("steps", "rate", "seed", "precision", "batch"):
            assert type(settings[name])(given.get(name, getattr(Settings, name, None))) == settings[name], (name, words)


def test_each_run_goes_on_from_what_a_command_before_it_wrote():
    written = set()
    for line in step_of("network.safetensors").lines():
        words = shlex.split(line)
        if "--start" in words:
            assert words[words.index("--start") + 1].removesuffix("/network.safetensors") in written, line
        if "--out" in words:
            written.add(words[words.index("--out") + 1])
    assert "data" in written


def test_cards_quote_the_command_that_made_them():
    for step in steps():
        for card in (name for name in step.makes if name.endswith(".md") and len(step.lines()) == 1):
            assert f"| Made by | `{step.lines()[0]}` |" in data_path(card).read_text(), card


def test_claims_quote_the_command_that_made_them():
    for step in steps():
        for pattern in (name for name in step.makes if "claim_" in name):
            for path in data_path("README.md").parent.glob(pattern):
                assert json.loads(path.read_text())["command"] == step.lines()[-1]


def test_every_embedded_file_is_in_the_table_of_the_readme():
    table = data_path("README.md").read_text().partition("## Making them again")[0]
    for step in steps():
        for name in step.makes:
            assert f"`{name}`" in table or name.endswith(".md") and f"({name})" in table or "*" in name, name


def test_the_page_on_training_says_how_many_runs_there_were(root):
    count = sum("--start" in line for line in step_of("network.safetensors").lines())
    assert count == 4 and "The shipped weights came of five such runs" in (root / "docs" / "training.md").read_text()
