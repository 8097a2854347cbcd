"""What has been done already: a small file beside the results, with fingerprints of the input and the options."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lifting.own.settings import Settings
from lifting.support.files import sha256_of, write_json

NAME = "done.json"
SCHEMA = "lifting.done"
VERSION = 1
"""Goes up when results change for the same input and options, which are then made again."""


def described(
    paths: Iterable[Path], settings: Settings, formats: Iterable[str], pictures: Path | None
) -> dict[str, Any]:
    """What results depend on: the input files, the options, and the files that the options name.

    Raises:
        OSError: a file can't be read.
    """
    options = asdict(settings) | {"out_formats": sorted(formats), "pictures": pictures}
    for name in ("prior", "pictures"):
        options[name] = None if options[name] is None else sha256_of(options[name])
    given = {"schema": SCHEMA, "version": VERSION, "options": options}
    given["input"] = [[path.name, sha256_of(path)] for path in paths]
    return json.loads(json.dumps(given))


def is_done(folder: Path, wanted: dict[str, Any]) -> bool:
    """Whether the folder holds all results of the `described` input and options, as they were written."""
    try:
        found = json.loads((folder / NAME).read_text(encoding="utf-8"))
        files = found.pop("files")
        return found == wanted and all((folder / name).stat().st_size == size for name, size in files.items())
    except (OSError, ValueError, AttributeError, KeyError, TypeError):
        return False


def note_done(folder: Path, wanted: dict[str, Any], files: Iterable[Path]) -> None:
    """Note that the folder holds all results: written last."""
    write_json(folder / NAME, wanted | {"files": {path.name: path.stat().st_size for path in files}})
