"""One letter, one meaning: docs/notation.md gives each symbol once, and the notebooks use none for anything else."""

import re

import pytest

TAKEN = {
    r"\([\w, ]+, H, W\)": "rows and columns of a map are written out: H is (8), W the weights",
    r"\\det C|C\^\{-1\}": "C is the camera's rotation: a covariance is S or Sigma",
    r"(?<![\\\w])E_J": "E is the matrix of projected bases",
    r"(?<![\\\w])G_\{?[JKT]": "G is the Gaussian of (9)",
}
"""What a letter that is taken was once used for."""


@pytest.fixture
def page(root):
    return (root / "docs" / "notation.md").read_text(encoding="utf-8")


def test_each_symbol_is_given_once(page):
    cells = re.findall(r"^\| ([^|]*\$[^|]*) \|", page, re.M)
    symbols = [symbol for cell in cells for symbol in re.findall(r"\$([^$]+)\$", cell)]
    assert len(symbols) > 40 and len(set(symbols)) == len(symbols)
    assert {"E", "J", "G", "H", "C", "B", "W"} <= set(symbols)


@pytest.mark.parametrize("pattern", TAKEN)
def test_a_letter_that_is_taken_is_used_for_nothing_else(root, pattern):
    used = [
        f"{path.name}: {line.strip()}"
        for path in sorted((root / "notebooks" / "src").glob("*.py"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.startswith("#") and re.search(pattern, line)
    ]
    assert used == [], TAKEN[pattern]


@pytest.mark.parametrize(("pattern", "text"), list(zip(TAKEN, ["(P, H, W)", r"\ln\det C", "E_J", "G_J"], strict=True)))
def test_what_was_once_written_is_found(pattern, text):
    assert re.search(pattern, text)
