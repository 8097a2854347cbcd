"""What cog puts into README.md, data/README.md and data/network.md is up to date, and made as it should be."""

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
    for name in ("README.md", "data/README.md", "data/network.md"):
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


def test_the_block_of_commands_holds_every_command():
    block = tables.commands()
    assert block.startswith("```sh\n") and block.endswith("\n```")
    assert all(step.commands in block and f"# {step.time}" in block for step in steps())
    assert all(f"with the extra {step.extra}\n" in block for step in steps() if step.extra)
