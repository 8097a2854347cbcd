"""The commands that made each embedded file, as `data/commands.toml` lists them."""

import re
import tomllib
from dataclasses import dataclass
from fnmatch import fnmatch

from lifting.support.arrays import fail
from lifting.support.files import data_path


@dataclass(frozen=True)
class Step:
    """Commands that belong together; the list itself explains the fields."""

    makes: tuple[str, ...]
    time: str
    commands: str
    extra: str = ""

    def made(self, name: str) -> bool:
        """Whether the step makes the embedded file `name`."""
        return any(fnmatch(name, pattern) for pattern in self.makes)

    def lines(self) -> list[str]:
        """The commands, continuation lines joined, one a line."""
        return re.sub(r"\\\n\s*", "", self.commands).splitlines()


def steps() -> list[Step]:
    """All steps, in the order in which they can be run."""
    listed = tomllib.loads(data_path("commands.toml").read_text(encoding="utf-8"))["step"]
    return [Step(**(entry | {"makes": tuple(entry["makes"])})) for entry in listed]


def step_of(name: str) -> Step:
    """The step that makes the embedded file `name`.

    Raises:
        ValueError: no step or several make it.
    """
    found = [step for step in steps() if step.made(name)]
    if len(found) != 1:
        fail("name", f"{name!r}, which {len(found)} steps make", "a file that exactly one step of commands.toml makes")
    return found[0]
