"""What cog puts into README.md, data/README.md and data/network.md: `make readme` runs it, a test checks it."""

from pathlib import Path

from lifting.support.commands import step_of, steps

ROOT = Path(__file__).resolve().parent.parent


def first_table(path: Path) -> str:
    """The first table of a Markdown file.

    Raises:
        ValueError: it has none.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    table: list[str] = []
    for line in lines:
        if line.startswith("|"):
            table.append(line)
        elif table:
            break
    if not table:
        raise ValueError(f"path: got {path.name} without a table, expected one")
    return "\n".join(table)


def commands() -> str:
    """The commands that make all embedded files, as a block of shell."""
    parts = []
    for step in steps():
        extra = f", with the extra {step.extra}" if step.extra else ""
        parts.append(f"# {', '.join(step.makes)}:\n# {step.time}{extra}\n{step.commands}")
    return block("\n".join(parts))


def commands_for(name: str) -> str:
    """The commands that make the embedded file `name`, as a block of shell."""
    return block(step_of(name).commands)


def block(commands: str) -> str:
    """A block of shell in Markdown."""
    return f"```sh\n{commands}```"
