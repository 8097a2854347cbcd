"""Write the table of the claims into README.md, between its two marks, from the embedded results.

`python tools/readme_claims.py` writes it, and with `--check` it only says whether it is out of date.
"""

import sys
from pathlib import Path

from marks import bring_up_to_date, put_between

from lifting.experiments.claims import table

README = Path(__file__).resolve().parent.parent / "README.md"
BEGIN, END = "<!-- claims: make claims -->", "<!-- end of the claims -->"


def with_claims(readme: str) -> str:
    """The text of README.md with the table between the marks."""
    return put_between(readme, BEGIN, END, table(), "the claims")


def main(arguments: list[str]) -> int:
    """Write the table, or with --check say whether it is out of date."""
    wanted = with_claims(README.read_text(encoding="utf-8"))
    message = "README.md: the table of the claims is out of date, run make claims"
    return bring_up_to_date(README, wanted, arguments == ["--check"], message)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
