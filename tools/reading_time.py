"""How long each notebook takes: words at 200 a minute, code and formulas included, and the minutes of the exercises.

    python tools/reading_time.py             print the table
    python tools/reading_time.py --write     put each notebook's minutes into the opening box of its source

An exercise says its minutes at the end of its heading, "### Exercise 3.1: the ridge (15 minutes)"; one that doesn't
say them counts 10. The opening box, in the first cell of a source, says "**Takes** 45 minutes": words and exercises,
rounded up to five. A notebook with a letter behind its number (03b), or with a number above 10, is an extra, which the
core doesn't need. docs/reading.md has the table, by `make readme`.
"""

import math
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import build_notebooks
import tyro

from lifting.support.files import write_atomically

SOURCES = build_notebooks.NOTEBOOKS / "src"
WORDS_A_MINUTE = 200
EXERCISE_MINUTES = 10
"""of an exercise whose heading says none"""
LAST_OF_THE_CORE = 10
EXERCISE = re.compile(r"^### Exercise [\dA-Za-z.]+\b.*?(?:\((\d+) minutes?\))?$", re.M)
TAKES = re.compile(r"(?<=\*\*Takes\*\* )(\d+)(?= minutes)")


@dataclass(frozen=True)
class Reading:
    """One notebook as the reader meets it, exercises with gaps."""

    name: str
    title: str
    words: int
    exercises: tuple[int, ...]
    """minutes of each"""
    stated: int | None
    """minutes that its opening box says; None without one"""

    @property
    def core(self) -> bool:
        """Whether it belongs to the core."""
        return self.name[2] == "_" and int(self.name[:2]) <= LAST_OF_THE_CORE

    @property
    def minutes(self) -> int:
        """Reading and exercises, minutes, rounded up to five."""
        return 5 * math.ceil((self.words / WORDS_A_MINUTE + sum(self.exercises)) / 5)


def measure(path: Path) -> Reading:
    """The time that the notebook of the source at `path` takes.

    Raises:
        build_notebooks.SourceError: the source is not written as docs/notebooks.md says.
    """
    cells = build_notebooks.walkthrough(path.stem, build_notebooks.read_source(path)).cells
    texts = [cell.source for cell in cells if cell.cell_type == "markdown"]
    title = next(line.lstrip("# ") for line in texts[0].splitlines() if line.startswith("# "))
    said = [match[1] for text in texts for match in EXERCISE.finditer(text)]
    stated = TAKES.search(texts[0])
    return Reading(
        path.stem,
        title,
        words=sum(len(re.findall(r"\w\S*", cell.source)) for cell in cells),
        exercises=tuple(int(minutes or EXERCISE_MINUTES) for minutes in said),
        stated=int(stated[1]) if stated else None,
    )


def readings(folder: Path = SOURCES) -> list[Reading]:
    """All notebooks in their order."""
    return [measure(path) for path in sorted(folder.glob("[0-9]*.py"))]


def table(all_of_them: Sequence[Reading] | None = None) -> str:
    """A table in Markdown: the core, then the extras, each with its sum."""
    found = readings() if all_of_them is None else all_of_them
    rows = ["| notebook | words | exercises | minutes |", "|---|---|---|---|"]
    for kind, core in (("core", True), ("extras", False)):
        chosen = [one for one in found if one.core == core]
        rows += [_row(f"[{one.title}](../notebooks/{one.name}.ipynb)", [one]) for one in chosen]
        if chosen:
            rows.append(_row(f"**all of the {kind}**", chosen))
    return "\n".join(rows)


def _row(what: str, some: Sequence[Reading]) -> str:
    words, exercises = sum(one.words for one in some), [minutes for one in some for minutes in one.exercises]
    minutes = sum(one.minutes for one in some)
    hours = f" ({minutes / 60:.1f} hours)" if len(some) > 1 else ""
    return f"| {what} | {words:,} | {len(exercises)}, {sum(exercises)} minutes | {minutes}{hours} |"


def write(path: Path) -> bool:
    """Put the minutes into the opening box of the source at `path`: whether it has one."""
    reading = measure(path)
    if reading.stated is not None and reading.stated != reading.minutes:
        text = TAKES.sub(str(reading.minutes), path.read_text(encoding="utf-8"), count=1)
        write_atomically(path, text.encode())
    return reading.stated is not None


@dataclass(frozen=True)
class Options:
    """Say how long each notebook takes."""

    write: bool = False
    """put the minutes into the opening boxes of the sources"""


def main() -> int:
    """Print the table; with --write, 1 where a notebook has no opening box."""
    options = tyro.cli(Options)
    lacking = [path.name for path in sorted(SOURCES.glob("[0-9]*.py")) if options.write and not write(path)]
    print(table())
    for name in lacking:
        print(f"{name}: its first cell has no **Takes** N minutes", file=sys.stderr)
    return bool(lacking)


if __name__ == "__main__":
    sys.exit(main())
