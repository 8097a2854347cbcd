"""The table of gradients in README.md is that of the ledger."""

import pytest
import readme_ledger

LEDGER = "# Ledger\n\ntext\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n| another |\n"


def test_readme_has_the_table_as_it_is():
    assert readme_ledger.main(["--check"]) == 0


def test_the_first_table_is_copied_between_the_marks():
    readme = f"before\n{readme_ledger.BEGIN}\nold\n{readme_ledger.END}\nafter\n"
    wanted = f"before\n{readme_ledger.BEGIN}\n| a | b |\n|---|---|\n| 1 | 2 |\n{readme_ledger.END}\nafter\n"
    assert readme_ledger.with_ledger(readme, LEDGER) == wanted
    assert readme_ledger.with_ledger(wanted, LEDGER) == wanted
    assert readme_ledger.table("| a |\n|---|") == "| a |\n|---|"


def test_a_table_out_of_date_is_seen_and_mended(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(readme_ledger, "ROOT", tmp_path)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "gradient_ledger.md").write_text(LEDGER)
    (tmp_path / "README.md").write_text(f"{readme_ledger.BEGIN}\n{readme_ledger.END}\n")
    assert readme_ledger.main(["--check"]) == 1
    assert "run make ledger" in capsys.readouterr().out
    assert readme_ledger.main([]) == 0
    assert "| 1 | 2 |" in (tmp_path / "README.md").read_text()
    assert readme_ledger.main(["--check"]) == 0


@pytest.mark.parametrize(("readme", "ledger"), [("no marks", LEDGER), (readme_ledger.BEGIN, LEDGER)])
def test_no_place_for_it_is_refused(readme, ledger):
    with pytest.raises(ValueError, match=r"README.md: got no place for the ledger, expected the lines"):
        readme_ledger.with_ledger(readme, ledger)


def test_a_ledger_without_a_table_is_refused():
    with pytest.raises(ValueError, match="got no table"):
        readme_ledger.table("# Ledger\n")
