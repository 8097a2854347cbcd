"""From a file to results: `lift_file` reads, lifts and writes."""

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lifting.files import Recording, read
from lifting.files.reading import PICTURES, VIDEOS
from lifting.own import motion, numbers, page, pictures, turning
from lifting.own.person import Person, lift_person
from lifting.own.settings import FORMATS, OutFormat, Settings, check_formats
from lifting.own.words import remarks
from lifting.pose_prior import load_prior
from lifting.support.arrays import fail

WRITERS: dict[str, Callable[[Person, Path], None]] = {
    "npz": numbers.write_npz, "csv": numbers.write_csv, "json": numbers.write_json_file, "trc": motion.write_trc,
    "bvh": motion.write_bvh, "gif": turning.write_gif, "mp4": turning.write_mp4,
}  # fmt: skip
"""What writes each format that needs no picture."""

MOVING = {"bvh", "png", "gif", "mp4"}
"""Formats that a person has only where a frame was lifted."""


def lift_file(
    *paths: str | os.PathLike[str],
    out: str | os.PathLike[str] | None = None,
    out_formats: Sequence[str] = FORMATS,
    pictures: str | os.PathLike[str] | None = None,
    **settings: Any,
) -> list[Person]:
    """The people in a photo, a video or a file of landmarks, lifted: what `python -m lifting` does with each file.

    Args:
        paths: the file; a folder with a file for each frame, or those files.
        out: a folder for the results, made where it is missing; None: nothing is written.
        out_formats: what is written there, among npz, csv, json, trc, bvh, png, gif, mp4 and html.
        pictures: the photo or video that a file of landmarks is of, to draw over.
        settings: `scale`, `tilts`, `orientation`, ...: the fields of `lifting.own.settings.Settings`.

    Returns:
        a `Person` for each: `pose` (T, 3, 17) in metres, `lifted`, `recording`, `notes` and more.

    Raises:
        FileNotFoundError: there is no such file.
        ImportError: a photo or a video, without what its extra installs.
        TypeError: a setting that there isn't.
        ValueError: a file that can't be read, in which nobody is, or of which no frame can be lifted.
    """
    fields = Settings.__dataclass_fields__
    unknown = ", ".join(settings.keys() - fields.keys())
    if unknown:
        known = ", ".join(fields)
        raise TypeError(f"lift_file() got {unknown}, expected keywords among out, out_formats, pictures, {known}")
    chosen, formats = Settings(**settings), check_formats(tuple(out_formats))
    people = lift_people(read_people([Path(path) for path in paths], chosen), chosen)
    if out is not None:
        write_people(people, Path(out), formats, None if pictures is None else Path(pictures))
    return people


def read_people(paths: Sequence[Path], settings: Settings, folder: Path | None = None) -> list[Recording]:
    """Everybody in a file, or in the files of a clip.

    Args:
        paths: the file or the files.
        settings: what is told about them.
        folder: where a run that is stopped in the middle of a video keeps what it has found.

    Raises:
        ValueError: nobody is in it, or what `lifting.read` refuses.
    """
    if len(paths) == 1 and is_pictures(paths[0]):
        from lifting.own.watching import watch  # its libraries are an extra, and slow to load

        return watch(paths[0], settings.detector, folder)
    told = {name: getattr(settings, name) for name in ("format", "size", "fps", "skeleton", "people")}
    recordings = read(*paths, **{name: value for name, value in told.items() if value is not None})
    if not recordings:
        fail("path", f"{paths[0]}, with nobody in it", "at least one person")
    return recordings


def lift_people(recordings: Sequence[Recording], settings: Settings) -> list[Person]:
    """All of them lifted, with what there is to tell.

    Raises:
        ValueError: of nobody any frame can be lifted.
    """
    prior = load_prior(settings.prior)
    people = [lift_person(recording, prior, settings) for recording in recordings]
    people = [replace(person, notes=(*person.notes, *remarks(person, prior))) for person in people]
    if not any(person.usable.any() for person in people):
        why = " ".join(people[0].notes[len(recordings[0].notes) :])
        fail("path", f"{recordings[0].source}, of which no frame can be lifted ({why})",
             "people who stand upright, of whom 3 landmarks at least are seen")  # fmt: skip
    return people


def write_people(
    people: Sequence[Person], folder: Path, formats: Sequence[OutFormat], drawn_over: Path | None = None
) -> list[Path]:
    """Write the results of one file: `<name>_<person>.<format>` for each person, `<name>.html` for all.

    A person of whom no frame could be lifted has no motion and no picture.

    Returns:
        the files.
    """
    images = images_of(people, drawn_over) if {"png", "html"} & set(formats) else {}
    folder.mkdir(parents=True, exist_ok=True)
    name = name_of(people)
    written = []
    for label, person in zip(labels_of(people), people, strict=True):
        for kind in formats:
            if kind == "html" or (kind in MOVING and not person.usable.any()):
                continue
            written.append(folder / f"{name}_{label}.{kind}")
            if kind == "png":
                pictures.write_png(person, written[-1], images)
            else:
                WRITERS[kind](person, written[-1])
    if "html" in formats:
        written.append(folder / f"{name}.html")
        page.write_page(people, written[-1], images)
    return written


def labels_of(people: Sequence[Person]) -> list[str]:
    """What tells the people's files apart: their names, where these can be a part of one and differ; else numbers."""
    labels = [re.sub(r"[^\w-]+", "_", person.recording.person) for person in people]
    numbered = len({label.lower() for label in labels}) < len(labels) or "" in labels
    return [str(n) for n in range(1, len(people) + 1)] if numbered else labels


def is_pictures(path: Path) -> bool:
    """Whether a file is a photo or a video, by its name."""
    return path.suffix.lower() in PICTURES | VIDEOS


def name_of(people: Sequence[Person]) -> str:
    """What the files of results are called."""
    return Path(people[0].recording.source).stem or "landmarks"


def images_of(people: Sequence[Person], drawn_over: Path | None) -> dict[int, pictures.Image]:
    """The pictures that are drawn over: those of a photo or a video, or of the file `drawn_over`; else none."""
    source = drawn_over or Path(people[0].recording.source)
    if drawn_over is None and not is_pictures(source):
        return {}
    drawn = {int(person.recording.frames[t]) for person in people for t in pictures.frames_to_draw(person)}
    return pictures.read_pictures(source, {*page.frames_of_pictures(people), *drawn})
