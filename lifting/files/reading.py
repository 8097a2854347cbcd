"""`read`: any file with landmarks, its format recognised and said, to one `Recording` a person."""

import dataclasses
import importlib
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypedDict, Unpack

import numpy as np

from lifting.files import arrays, coco, documents, mediapipe, mmpose, openpose, tables, trc, videopose, yolo
from lifting.files.detections import Detections, Hints, People, join, place, recordings
from lifting.files.recording import Recording
from lifting.skeleton import Skeleton
from lifting.support.arrays import fail


@dataclasses.dataclass(frozen=True)
class Format:
    """A format of landmark files.

    Attributes:
        name: what `read(..., format=...)` calls it.
        kind: the kind of document, one of `KINDS`.
        fits: whether a document of that kind is of this format.
        read: the people in it, from its path, the document and hints.
        frames: whether a document is one frame, so that several files make one recording.
        settle: what is left to find out once all frames are there.
    """

    name: str
    kind: str
    fits: Callable[[Any], bool]
    read: Callable[[Path, Any, Hints], Detections]
    frames: Callable[[Any], bool] = lambda document: False
    settle: Callable[[Detections, Hints], Detections] = lambda found, hints: found


def _always(document: Any) -> bool:
    return True


KINDS: dict[str, tuple[tuple[str, ...], Callable[[Path], Any]]] = {
    "JSON": ((".json",), documents.read_json),
    "CSV": ((".csv", ".tsv"), lambda path: tables.read_table(path, documents.read_text(path))),
    "TRC": ((".trc",), documents.read_text),
    "NPZ": ((".npz", ".npy"), arrays.read_arrays),
    "text": ((".txt",), documents.read_lines),
}
"""Kinds of documents: the endings of such files, and how they are opened."""

FORMATS = (
    Format("openpose", "JSON", openpose.fits, openpose.read, _always, openpose.settle),
    Format("coco", "JSON", coco.fits_annotations, coco.read_annotations),
    Format("coco-results", "JSON", coco.fits_results, coco.read_results),
    Format("alphapose", "JSON", coco.fits_frames, coco.read_frames),
    Format("mmpose", "JSON", mmpose.fits, mmpose.read, mmpose.is_frame),
    Format("yolo", "JSON", yolo.fits_json, yolo.read_json, _always),
    Format("mediapipe", "JSON", mediapipe.fits, mediapipe.read, mediapipe.is_frame),
    Format("yolo-labels", "text", yolo.fits_labels, yolo.read_labels, _always),
    Format("trc", "TRC", _always, trc.read),  # also motion in 3D, to say what is wrong with it
    Format("deeplabcut", "CSV", tables.fits_deeplabcut, tables.read_deeplabcut),
    Format("csv-long", "CSV", tables.fits_long, tables.read_long),
    Format("csv", "CSV", tables.fits_wide, tables.read_wide),
    Format("videopose3d", "NPZ", videopose.fits, videopose.read),
    Format("recording", "NPZ", arrays.fits_recording, arrays.read_recording),
    Format("npz", "NPZ", arrays.fits_keypoints, arrays.read_keypoints),
)
"""In the order in which they are tried."""

PICTURES = {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".heic", ".jp2", ".avif", ".ppm", ".pgm"}
VIDEOS = {".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv", ".flv", ".3gp", ".ts"}
MOTIONS = {".bvh", ".c3d"}


class ReadOptions(TypedDict, total=False):
    """What may be told about files that do not say it themselves; see `Hints`."""

    size: tuple[float, float] | None
    fps: float | None
    skeleton: str | Skeleton | None
    people: People | None
    y_up: bool | None


def read(*paths: str | os.PathLike[str], format: str | None = None, **options: Unpack[ReadOptions]) -> list[Recording]:
    """The people in files of landmarks, photos or videos: one `Recording` each.

    The format is recognised by what is in the file, and said in `Recording.format`; `docs/files.md` lists the formats.
    Files of one frame each, such as OpenPose's, that lie in one folder and differ in a number only, are one recording
    of several frames; so is a folder of them. Photos and videos go to `lifting.detecting`.

    Args:
        paths: files and folders.
        format: the name of the format, where it should not be recognised: a key of `docs/files.md`.
        options: the fields of `Hints`, by name.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a file of no known format, or one that is broken; the message names file, frame and person.
    """
    hints = Hints(**options)
    if not paths:
        fail("paths", "none", "a file or a folder")
    if format is not None and format not in (known := [one.name for one in FORMATS]):
        fail("format", repr(format), f"one of {', '.join(known)}")
    made: list[Recording] = []
    for group in _groups([Path(path) for path in paths]):
        made += _read_group(group, format, hints)
    return made


def holds_a_frame(path: Path, format: str | None = None) -> bool:
    """Whether a file of landmarks holds one frame of a clip, as OpenPose's do, and so belongs with others beside it.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a file of no known format, or one that is broken.
    """
    _, one, document = _open(path, format)
    return one.frames(document)


def _groups(paths: list[Path]) -> Iterator[tuple[Path, list[Path]]]:
    """The name that a recording goes by, and its files: those of a folder, or that differ in a number only."""
    together: dict[tuple[Path, str], list[Path]] = {}
    for path in paths:
        if path.is_dir():
            files = sorted(file for file in path.iterdir() if file.is_file() and not file.name.startswith("."))
            if not files:
                fail(str(path), "an empty folder", "a folder with files of landmarks")
            yield path, files
        elif not path.exists():
            raise FileNotFoundError(f"{path}: there is no such file")
        else:
            together.setdefault((path.parent, re.sub(r"\d+", "#", path.name)), []).append(path)
    for files in together.values():
        yield files[0] if len(files) == 1 else files[0].parent, files


def _read_group(group: tuple[Path, list[Path]], format: str | None, hints: Hints) -> list[Recording]:
    name, files = group
    seen = [path for path in files if _suffix(path) in PICTURES | VIDEOS]
    if 0 < len(seen) < len(files):
        fail(place(name), f"{len(seen)} photos or videos and {len(files) - len(seen)} other files", "files of one kind")
    if seen:
        detecting = importlib.import_module("lifting.detecting")  # its libraries are an extra, and slow to load
        return [one for path in files for one in detecting.detect(path)]
    with documents.no_collection():
        return _read_files(name, files, format, hints)


def _read_files(name: Path, files: list[Path], format: str | None, hints: Hints) -> list[Recording]:
    """The people in files of landmarks: one recording of all where each holds a frame, else those of each file."""
    opened = [_open(path, format) for path in files]
    made: list[Recording] = []
    frames = [(path, one, document) for path, one, document in opened if one.frames(document)]
    if frames:
        if len({one.name for _, one, _ in frames}) > 1 or len(frames) < len(opened):
            names = ", ".join(sorted({one.name for _, one, _ in opened}))
            fail(place(name), f"files of several formats, {names}", "files of one format")
        parts = [one.read(path, document, hints) for path, one, document in frames]
        if len(parts) > 1 and not any(re.search(r"\d", path.stem) for path in files):  # numbered by the alphabet
            parts = [dataclasses.replace(part, frames=np.full(len(part.frames), n)) for n, part in enumerate(parts)]
        found = frames[0][1].settle(join(parts, [path for path, _, _ in frames]), hints)
        return recordings(found, name, hints)
    for path, one, document in opened:
        made += recordings(one.read(path, document, hints), path, hints)
    return made


def _open(path: Path, format: str | None) -> tuple[Path, Format, Any]:
    """A file, its format, and the document in it."""
    suffix = _suffix(path)
    if suffix in MOTIONS:
        fail(str(path), f"{suffix[1:].upper()}, 3D motion", "2D landmarks (lifting.files.read_motion reads motion)")
    kinds = [kind for kind, (suffixes, _) in KINDS.items() if suffix in suffixes]
    if not kinds:
        known = sorted(suffix for suffixes, _ in KINDS.values() for suffix in suffixes)
        fail(str(path), f"a file that ends in {suffix or 'nothing'}", f"one of {', '.join(known)}, a photo or a video")
    for kind in kinds:
        document = KINDS[kind][1](path)
        for one in FORMATS:
            if one.kind == kind and format in (None, one.name) and one.fits(document):
                return path, one, document
    known = sorted(one.name for one in FORMATS if one.kind in kinds)
    got = f"{'/'.join(kinds)} {'of no known format' if format is None else f'that is not {format}'}"
    fail(str(path), got, f"one of {', '.join(known)}")


def _suffix(path: Path) -> str:
    return path.suffix.lower()
