"""The table of the claims in README.md is that of the embedded results."""
# ruff: noqa: D103

import re

import pytest
import readme_claims


def test_readme_has_the_table_as_it_is():
    assert readme_claims.main(["--check"]) == 0


def test_what_stood_between_the_marks_is_replaced():
    readme = f"before\n{readme_claims.BEGIN}\nSTALE\n{readme_claims.END}\nafter\n"
    new = readme_claims.with_claims(readme)
    assert "STALE" not in new and new.startswith("before\n") and new.endswith("\nafter\n")
    assert new.count("\n| ") > 10 and readme_claims.with_claims(new) == new


def test_without_a_place_it_is_refused():
    with pytest.raises(ValueError, match=re.escape("README.md: got no place for the claims")):
        readme_claims.with_claims("nothing here")
