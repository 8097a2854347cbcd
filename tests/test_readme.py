"""What cog puts into README.md, docs/claims.md and the cards of data/ is up to date, and made as it should be."""

import json
import re

import pytest
import tables
from cogapp import Cog

from lifting.support.commands import steps


def test_what_cog_puts_into_the_texts_is_up_to_date(root, monkeypatch, capsys):
    monkeypatch.chdir(root)
    command = next(line for line in (root / "Makefile").read_text().splitlines() if "/cog " in line).split()[1:]
    assert command[:3] == ["-r", "-I", "tools"]
    assert Cog().main(["cog", "--check", *command[1:]]) == 0, f"run make readme\n{capsys.readouterr().out}"


def test_every_block_of_cog_is_hidden_in_the_rendered_text(root):
    for name in ("README.md", "data/README.md", "data/network.md", "docs/claims.md", "docs/reading.md"):
        text = (root / name).read_text()
        assert text.count("[[[cog ") == len(re.findall(r"^<!-- \[\[\[cog .* \]\]\] -->\n(?=[|`-])", text, re.M)) >= 1
        assert text.count("[[[end]]]") == len(re.findall(r"^<!-- \[\[\[end\]\]\] -->\n", text, re.M))


def test_the_first_table_of_a_file_is_found(tmp_path):
    path = tmp_path / "ledger.md"
    path.write_text("# Ledger\n\ntext\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n| another |\n")
    assert tables.first_table(path) == "| a | b |\n|---|---|\n| 1 | 2 |"
    path.write_text("| a |\n|---|")
    assert tables.first_table(path) == "| a |\n|---|"


def test_a_file_without_a_table_is_refused(tmp_path):
    (tmp_path / "ledger.md").write_text("# Ledger\n")
    with pytest.raises(ValueError, match=r"path: got ledger\.md without a table"):
        tables.first_table(tmp_path / "ledger.md")


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
