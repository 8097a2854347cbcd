"""Copy the table of docs/gradient_ledger.md into README.md, between its two marks.

`python -m lifting.checking.ledger` makes the ledger, `python tools/readme_ledger.py` copies its table, and with
`--check` it only says whether the table is out of date.
"""

import sys
from pathlib import Path

from marks import bring_up_to_date, put_between

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- ledger of gradients: make ledger -->", "<!-- end of the ledger -->"


def table(ledger: str) -> str:
    """The first table of the ledger."""
    lines = ledger.splitlines()
    start = next((i for i, line in enumerate(lines) if line.startswith("|")), None)
    if start is None:
        raise ValueError(
            "docs/gradient_ledger.md: got no table, expected one, as python -m lifting.checking.ledger writes"
        )
    length = next((i for i, line in enumerate(lines[start:]) if not line.startswith("|")), len(lines) - start)
    return "\n".join(lines[start : start + length])


def with_ledger(readme: str, ledger: str) -> str:
    """The text of README.md with the ledger's table between the marks."""
    return put_between(readme, BEGIN, END, table(ledger), "the ledger")


def main(arguments: list[str]) -> int:
    """Write the table, or with --check say whether it is out of date."""
    readme = ROOT / "README.md"
    ledger = (ROOT / "docs" / "gradient_ledger.md").read_text(encoding="utf-8")
    wanted = with_ledger(readme.read_text(encoding="utf-8"), ledger)
    message = "README.md: the ledger's table is out of date, run make ledger"
    return bring_up_to_date(readme, wanted, arguments == ["--check"], message)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
