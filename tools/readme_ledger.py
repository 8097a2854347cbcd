"""Copy the table of docs/gradient_ledger.md into README.md, between its two marks.

`python -m lifting.gradient_ledger` makes the ledger, `python tools/readme_ledger.py` copies its table, and with
`--check` it only says whether the table is out of date.
"""

import sys
from pathlib import Path

from lifting.files import write_atomically

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- ledger of gradients: make ledger -->", "<!-- end of the ledger -->"


def table(ledger: str) -> str:
    """The first table of the ledger."""
    lines = ledger.splitlines()
    start = next((i for i, line in enumerate(lines) if line.startswith("|")), None)
    if start is None:
        raise ValueError(
            "docs/gradient_ledger.md: got no table, expected one, as python -m lifting.gradient_ledger writes"
        )
    length = next((i for i, line in enumerate(lines[start:]) if not line.startswith("|")), len(lines) - start)
    return "\n".join(lines[start : start + length])


def with_ledger(readme: str, ledger: str) -> str:
    """The text of README.md with the ledger's table between the marks."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"README.md: got no place for the ledger, expected the lines {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{table(ledger)}\n{END}{after}"


def main(arguments: list[str]) -> int:
    """Write the table, or with --check say whether it is out of date."""
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    wanted = with_ledger(text, (ROOT / "docs" / "gradient_ledger.md").read_text(encoding="utf-8"))
    if wanted == text:
        return 0
    if arguments == ["--check"]:
        print("README.md: the ledger's table is out of date, run make ledger")
        return 1
    write_atomically(readme, wanted.encode())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
