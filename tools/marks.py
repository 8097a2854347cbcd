"""What the tools share that write a table into README.md, between two marks."""

from pathlib import Path

from lifting.support.files import write_atomically


def put_between(readme: str, begin: str, end: str, content: str, what: str) -> str:
    """The text of README.md with `content` between the marks `begin` and `end`."""
    before, opening, rest = readme.partition(begin)
    _, closing, after = rest.partition(end)
    if not opening or not closing:
        raise ValueError(f"README.md: got no place for {what}, expected the lines {begin} and {end}")
    return f"{before}{begin}\n{content}\n{end}{after}"


def bring_up_to_date(path: Path, wanted: str, check: bool, message: str) -> int:
    """Write `wanted` where the file differs; or with `check` only say so, with the exit status 1."""
    if wanted == path.read_text(encoding="utf-8"):
        return 0
    if check:
        print(message)
        return 1
    write_atomically(path, wanted.encode())
    return 0
