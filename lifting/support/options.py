"""Kinds of options of command lines, for tyro."""

from pathlib import Path
from typing import Annotated

from tyro.constructors import PrimitiveConstructorSpec


def _folder(words: list[str]) -> Path:
    path = Path(words[0])
    if not path.is_dir():
        raise ValueError(f"got {path}, expected a folder that exists")
    return path


Folder = Annotated[
    Path,
    PrimitiveConstructorSpec(
        nargs=1,
        metavar="FOLDER",
        instance_from_str=_folder,
        is_instance=lambda value: isinstance(value, Path),
        str_from_instance=lambda path: [str(path)],
    ),
]
"""A folder that exists; the command line is refused where it doesn't."""
