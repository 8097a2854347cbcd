"""What cog puts into README.md, data/README.md and data/network.md: `make readme` runs it, a test checks it."""

from pathlib import Path

import mutation

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


def mutation_scores() -> str:
    """What mutation testing found, as an item of a list."""
    results = mutation.read(mutation.RESULTS)
    tested, share = {}, {}
    for kind, counts in mutation.scores(results).items():
        tested[kind] = counts[1]
        share[kind] = mutation.score(*counts).replace("%", " %")
    sample = "a sample of " if results["sample"] else ""
    return (
        "- The equation modules were [mutated](docs/mutation.md) to see which faults the tests would miss: of\n"
        f"  {sample}{tested['equation']:,} faults in equations {share['equation']} are noticed, of "
        f"{tested['check']:,} in checks\n  {share['check']}, and each of the others has its reason."
    )


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
