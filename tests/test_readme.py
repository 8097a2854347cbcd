"""README.md says what is so; what cog puts into docs/ and data/ is up to date, and made as it should be."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest
import reading_time
import tables
import torch
from cogapp import Cog

from lifting.support.commands import steps

GENERATED = (
    "data/README.md",
    "data/network.md",
    "docs/claims.md",
    "docs/equations.md",
    "docs/measured.md",
    "docs/reading.md",
)


def test_what_cog_puts_into_the_texts_is_up_to_date(root, monkeypatch, capsys):
    monkeypatch.chdir(root)
    command = next(line for line in (root / "Makefile").read_text().splitlines() if "/cog " in line).split()[1:]
    assert command == ["-r", "-I", "tools", *GENERATED]
    assert Cog().main(["cog", "--check", *command[1:]]) == 0, f"run make readme\n{capsys.readouterr().out}"


def test_every_block_of_cog_is_hidden_in_the_rendered_text(root):
    for name in GENERATED:
        text = (root / name).read_text()
        assert text.count("[[[cog ") == len(re.findall(r"^<!-- \[\[\[cog .* \]\]\] -->\n(?=[|`-])", text, re.M)) >= 1
        assert text.count("[[[end]]]") == len(re.findall(r"^<!-- \[\[\[end\]\]\] -->\n", text, re.M))


def test_the_share_of_moves_is_of_those_that_change_the_winner(tmp_path, monkeypatch):
    rows = {"winner": {"fraction": 0.4}, "more_missed_than_predicted": {"fraction": 0.1}}
    held_out = {"winner": {"fraction": 0.5}, "more_missed_than_predicted": {"fraction": 0.2}}
    path = tmp_path / "smoothness.json"
    path.write_text(json.dumps({"crossings": {"80": rows}, "crossings_held_out": {"80": held_out}}))
    monkeypatch.setattr(tables, "data_path", lambda name: tmp_path / name)
    said = " ".join(tables.smoothness().split())
    assert "in 40% of cases. In 75% of these the error" in said and "in 60% where" in said


def test_the_held_out_motions_have_a_least_and_a_greatest_error(tmp_path, monkeypatch):
    clips = [{"clip": name, "mean_mm": off} for name, off in (("run", 40.2), ("sit", 80.4), ("walk", 30.1))]
    file = tmp_path / "prior_held_out.json"
    file.write_text(json.dumps({"chosen": {"mean_mm": 50.2, "clips": clips}}))
    monkeypatch.setattr(tables, "data_path", lambda name: tmp_path / name)
    assert "of 50 mm a landmark, from 30 mm (`walk`) to 80 mm (`sit`):" in " ".join(tables.held_out().split())


def test_the_photos_have_a_median_and_a_worst():
    best, median, worst = map(int, re.findall(r"(\d+) mm", tables.photos()))
    assert best < median < worst


def test_the_block_of_commands_holds_every_command():
    block = tables.commands()
    assert block.startswith("```sh\n") and block.endswith("\n```")
    assert all(step.commands in block and f"# {step.time}" in block for step in steps())
    assert all(f"with the extra {step.extra}\n" in block for step in steps() if step.extra)


# ---- what README.md and the page on Python say ----


def blocks(path, language):
    """The blocks of code of a text in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text(), re.M | re.S)


def run(code, names):
    """Run a block, the names it leans on given; what it leaves."""
    exec(compile(code, "block", "exec"), names)
    return names


@pytest.fixture
def given():
    """What the blocks lean on: landmarks, maps, pictures, a loss."""
    rng = np.random.default_rng(0)
    Y = rng.normal(size=(2, 2, 17)) * 100
    return {
        "Y": Y,
        "seen": np.arange(17) != 3,
        "confidence": np.linspace(0.5, 1, 17),
        "B": torch.from_numpy(rng.random((1, 17, 24, 24))).requires_grad_(),
        "loss": lambda maps: maps.square().sum(),
        "images": torch.from_numpy(rng.random((1, 3, 128, 128), dtype=np.float32)),
    }


@pytest.mark.filterwarnings("ignore::lifting.PoorFit")  # nobody's landmarks
def test_the_lines_of_the_readme_run(root):
    (code,) = blocks(root / "README.md", "python")
    assert len(code.strip().splitlines()) <= 5
    assert run(code, {})["result"].pose.shape == (3, 17)


@pytest.mark.filterwarnings("ignore::lifting.PoorFit")
def test_the_page_on_python_runs(root, given):
    forth, back, network = blocks(root / "docs" / "usage.md", "python")
    left = run(network, run(back, run(forth, given)))
    assert left["H"].shape == (2, 34, 34) and left["B"].grad.abs().sum() > 0
    assert left["out"].landmarks.shape == (1, 2, 17) and left["out"].pose.shape == (1, 3, 17)


def test_the_commands_of_the_readme_are_there(root):
    lines = [
        line.partition("#")[0].split() for block in blocks(root / "README.md", "sh") for line in block.splitlines()
    ]
    targets = re.search(r"^\.PHONY: (.*)$", (root / "Makefile").read_text(), re.M)[1].split()
    assert [line for line in lines if line[0] == "make"] == [["make", "lab"], ["make", "test"]]
    assert {"lab", "test", "book"} <= set(targets)
    assert lines[-1] == [".venv/bin/python", "-m", "lifting", "FILE", "-o", "OUT"]
    said = subprocess.run([sys.executable, "-m", "lifting", "--help"], cwd=root, text=True, capture_output=True)
    assert said.returncode == 0 and "-o PATH" in said.stdout


def test_what_the_texts_link_to_is_there(root):
    for path in (root / "README.md", *(root / "docs").glob("*.md")):
        text = re.sub(r"^ *```.*?^ *```", "", path.read_text(), flags=re.M | re.S)
        for link in re.findall(r"\]\(([^)\s#]+)", text):
            assert link.startswith("https:") or (path.parent / link).exists(), f"{path.name}: {link}"


def test_the_readme_lists_every_notebook_of_the_core_and_decides_in_a_minute(root):
    text = (root / "README.md").read_text()
    core = [f"notebooks/{one.name}.ipynb" for one in reading_time.readings() if one.core]
    assert re.findall(r"^\| \[[^\]]*\]\(([^)]*)\)", text, re.M) == core
    prose = re.sub(r"^```.*?^```|!\[.*?\)", "", text.partition("## The way through")[0], flags=re.M | re.S)
    assert len(prose.split()) <= 200
