"""Write the table of the claims into README.md, between its two marks, from the embedded results.

`python tools/readme_claims.py` writes it, and with `--check` it only says whether it is out of date.
"""

import sys
from pathlib import Path

from lifting.experiments.claims import table
from lifting.files import write_atomically

README = Path(__file__).resolve().parent.parent / "README.md"
BEGIN, END = "<!-- claims: make claims -->", "<!-- end of the claims -->"


def with_claims(readme: str) -> str:
    """The text of README.md with the table between the marks."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"README.md: got no place for the claims, expected the lines {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def main(arguments: list[str]) -> int:
    """Write the table, or with --check say whether it is out of date."""
    text = README.read_text(encoding="utf-8")
    wanted = with_claims(text)
    if wanted == text:
        return 0
    if arguments == ["--check"]:
        print("README.md: the table of the claims is out of date, run make claims")
        return 1
    write_atomically(README, wanted.encode())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
