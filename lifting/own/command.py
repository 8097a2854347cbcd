"""The command line for your own files.

python -m lifting photo.jpg -o OUT                            # everybody in a photo
python -m lifting walk.mp4 -o OUT --tilts 0 10 20 30          # in a video, from a camera that looks down
python -m lifting openpose_json/ -o OUT --pictures walk.mp4   # landmarks of a detector, and what they are of
python -m lifting *.json *.trc -o OUT --keep-going            # many files, of which some may be broken
"""

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, NamedTuple

import tyro
from tqdm import tqdm
from tyro.conf import OmitArgPrefixes, Positional, arg

from lifting.files.reading import holds_a_frame
from lifting.own import manifest
from lifting.own.person import Person
from lifting.own.settings import FORMATS, OutFormat, Settings
from lifting.own.words import counted, recognised
from lifting.own.work import is_pictures, lift_people, read_people, write_people
from lifting.support.arrays import fail

FAILED, STOPPED = 1, 130
"""Exit codes: some file could not be lifted; Ctrl-C. 0 is all well, 2 a command line that can't be understood."""

REFUSED = (OSError, ValueError, ImportError)
"""What a file that can't be lifted raises."""


@dataclass(frozen=True)
class Command:
    """Lift people in photos, videos and files of landmarks to 3D."""

    files: Positional[tuple[Path, ...]]
    """Photos, videos, files of landmarks, folders of them."""
    out: Annotated[Path, arg(aliases=["-o"])]
    """The folder for the results: one folder in it for each file."""
    settings: OmitArgPrefixes[Settings] = field(default_factory=Settings)
    """How they are read and lifted."""
    out_formats: tuple[OutFormat, ...] = FORMATS
    """What is written."""
    pictures: Path | None = None
    """The photo or video that landmarks are of, to draw over."""
    keep_going: bool = False
    """Go on with the other files where one can't be lifted."""
    again: bool = False
    """Lift what is done already once more."""


class Job(NamedTuple):
    """What is lifted at once, and the folder of its results."""

    paths: tuple[Path, ...]
    folder: Path

    @property
    def name(self) -> str:
        """What messages call it."""
        return str(self.paths[0]) if len(self.paths) == 1 else f"{self.paths[0].parent}, {len(self.paths)} files"


def main(arguments: Sequence[str] | None = None) -> None:
    """Lift people in files: see `python -m lifting --help`."""
    command = _parse(arguments)
    try:
        jobs = plan(command.files, command.out, command.settings.format)
        failed = run(command, jobs)
    except REFUSED as error:
        sys.exit(f"error: {one_line(error)}")
    if failed:
        print(f"{failed} of {len(jobs)} failed", file=sys.stderr)
        sys.exit(FAILED)


def _parse(arguments: Sequence[str] | None) -> Command:
    try:
        return tyro.cli(Command, prog="python -m lifting", args=arguments)
    except ValueError as error:
        print(f"error: {one_line(error)}", file=sys.stderr)
        sys.exit(2)


def one_line(error: BaseException) -> str:
    """The message of an error in one line."""
    return " ".join(str(error).split()) or type(error).__name__


# ---- what there is to do ----


def plan(files: Sequence[Path], out: Path, format: str | None = None) -> list[Job]:
    """The jobs: each file one, but the files of a clip's frames together; each with a folder of its own.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: no files, an empty folder, or an `out` that is no folder.
    """
    if out.exists() and not out.is_dir():
        fail("out", f"{out}, which is a file", "a folder, or a name that is free")
    if not files:
        fail("files", "none", "at least one file or folder")
    groups: dict[tuple[Path, str], list[Path]] = {}
    for one in (inner for path in files for inner in _inside(path)):
        groups.setdefault((one.parent, re.sub(r"\d+", "#", one.name)), []).append(one)
    jobs: list[Job] = []
    taken = {str(path.parent.resolve()).lower() for path, *_ in groups.values()}
    for group in groups.values():
        for paths in [group] if _is_clip(group, format) else [[path] for path in group]:
            name = paths[0].stem if len(paths) == 1 else paths[0].resolve().parent.name
            jobs.append(Job(tuple(paths), _free(out, name, paths[0], taken)))
    return jobs


def _inside(path: Path) -> list[Path]:
    """A file, or the files in a folder."""
    if not path.exists():
        raise FileNotFoundError(f"files: got {path}, expected a file or a folder that is there")
    if not path.is_dir():
        return [path]
    inside = sorted(file for file in path.iterdir() if file.is_file() and not file.name.startswith("."))
    if not inside:
        fail("files", f"{path}, which is empty", "a folder with files in it")
    return inside


def _is_clip(paths: Sequence[Path], format: str | None) -> bool:
    """Whether files whose names differ in a number only hold a frame each; of the first that can be read."""
    if len(paths) == 1 or is_pictures(paths[0]):
        return False
    for path in paths[:5]:
        try:
            return holds_a_frame(path, format)
        except (OSError, ValueError):  # which will be said when it is read
            continue
    return False


def _free(out: Path, name: str, path: Path, taken: set[str]) -> Path:
    """A folder that no other job has, no input lies in and no file is: with the file's ending, then with a number.

    Names that differ in capitals only are one folder to some systems.
    """
    names = [name, f"{name}{path.suffix}", *(f"{name}_{n}" for n in range(2, len(taken) + 3))]
    folders = {str((out / one).resolve()).lower(): out / one for one in names}
    key = next(one for one, folder in folders.items() if one not in taken and not folder.is_file())
    taken.add(key)
    return folders[key]


# ---- doing it ----


def run(command: Command, jobs: Sequence[Job]) -> int:
    """All jobs; how many failed.

    Raises:
        OSError, ValueError, ImportError: a job failed, and the others should not go on.
    """
    failed = 0
    with tqdm(jobs, unit="file", disable=None, leave=False) as bar:
        for done, job in enumerate(bar):
            bar.set_description(job.folder.name)
            try:
                said = _do(command, job)
            except KeyboardInterrupt:
                bar.close()
                print(f"stopped; {done} of {len(jobs)} done, and the same command goes on from here", file=sys.stderr)
                sys.exit(STOPPED)
            except REFUSED as error:
                if not command.keep_going:
                    raise
                failed += 1
                bar.write(f"error: {one_line(error)}", file=sys.stderr)
            else:
                bar.write("\n".join(said))
    return failed


def _do(command: Command, job: Job) -> list[str]:
    """One job; what there is to say."""
    wanted = manifest.described(job.paths, command.settings, command.out_formats, command.pictures)
    if not command.again and manifest.is_done(job.folder, wanted):
        return [f"{job.name}: done before, in {job.folder}"]
    people = lift_people(read_people(job.paths, command.settings, job.folder), command.settings)
    written = write_people(people, job.folder, command.out_formats, command.pictures)
    manifest.note_done(job.folder, wanted, written)
    last = f"  {counted(len(written), 'file')} in {job.folder}"
    return [f"{job.name}: {recognised(people)}", *_of_people(people), last]


def _of_people(people: Sequence[Person]) -> list[str]:
    """What there is to say of each, and what holds for all once."""
    common = [note for note in people[0].notes if len(people) > 1 and all(note in person.notes for person in people)]
    said = [f"  {note}" for note in common]
    for person in people:
        who = f"  person {person.recording.person}: " if len(people) > 1 else "  "
        said.append(f"{who}{person.usable.sum()} of {counted(len(person.usable), 'frame')} lifted")
        said += [f"{who}{note}" for note in person.notes if note not in common]
    return said
