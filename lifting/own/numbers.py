"""Results as numbers: NPZ, CSV and JSON. `docs/output.md` says what is in each."""

import csv
import io
import json
import os
from typing import Any

import numpy as np

from lifting.misfit import POOR
from lifting.own.person import Person
from lifting.skeleton import HUMAN36M
from lifting.support.files import save_npz, write_atomically

SCHEMA = "lifting.person"
VERSION = 1
DIGITS = 6
"""Significant digits of the numbers in CSV and JSON files."""


def arrays_of(person: Person) -> dict[str, np.ndarray]:
    """Everything that is known of a person, by name: what the NPZ holds."""
    lifted, recording = person.lifted, person.recording
    arrays = {
        "frame": np.asarray(recording.frames),
        "time": person.times,
        "landmarks": np.array(HUMAN36M.landmarks),
        "bones": np.array(HUMAN36M.bones),
        "pose": person.pose,
        "root": person.root,
        "Y": np.asarray(recording.Y),
        "confidences": np.asarray(recording.confidences),
        "Y_hat": lifted.Y_hat,
        "scale": lifted.scale,
        "theta": lifted.theta,
        "tilt": lifted.tilt,
        "camera": np.broadcast_to(lifted.camera, (len(lifted.theta), 3, 3)),
        "component": lifted.component,
        "a": lifted.a,
        "cost": lifted.cost,
        "misfit": lifted.misfit,
        "poor": person.poor,
        "usable": person.usable,
    }
    if person.spread is not None:
        arrays |= {"mean": person.spread.mean, "covariance": person.spread.covariance}
    return arrays if person.changed is None else arrays | {"sides_changed": person.changed}


def write_npz(person: Person, path: str | os.PathLike[str]) -> None:
    """Write `arrays_of` the person to an `.npz` file, read by `numpy.load` without pickle."""
    save_npz(path, arrays_of(person))


COLUMNS = ("frame", "time", "usable", "poor", "misfit", "scale", "theta", "tilt")
"""The first columns of the CSV: of each frame."""


def write_csv(person: Person, path: str | os.PathLike[str]) -> None:
    """Write a table with a row a frame: `COLUMNS`, the pelvis' place, and x, y, z of every landmark, metres."""
    arrays = arrays_of(person)
    names = [f"{landmark}_{axis}" for landmark in HUMAN36M.landmarks for axis in "xyz"]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*COLUMNS, "root_x", "root_y", "root_z", *names])
    numbers = np.concatenate([person.root, person.pose.swapaxes(1, 2).reshape(len(person.usable), -1)], axis=1)
    for t, row in enumerate(numbers):
        writer.writerow([*(_cell(arrays[name][t]) for name in COLUMNS), *map(_cell, row)])
    write_atomically(path, text.getvalue().encode())


def _cell(value: Any) -> str:
    """A number as a table has it: empty where there is none, 0 and 1 for booleans."""
    if isinstance(value, np.floating):
        return "" if np.isnan(value) else f"{value:.{DIGITS}g}"
    return str(int(value))


def document_of(person: Person) -> dict[str, Any]:
    """What the JSON holds: what was read and how, and a list of frames."""
    arrays, recording = arrays_of(person), person.recording
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "source": os.path.basename(str(recording.source)),
        "recognised": recording.format,
        "person": recording.person,
        "size": None if recording.size is None else [int(length) for length in recording.size],
        "rate": plain(person.rate),
        "landmarks": list(HUMAN36M.landmarks),
        "bones": [list(bone) for bone in HUMAN36M.bones],
        "units": {"pose": "m", "root": "m", "Y": "of the file, y up", "scale": "of the file per m", "theta": "rad",
                  "tilt": "rad", "time": "s"},
        "poor_above": POOR,
        "notes": list(person.notes),
        "frames": [{name: plain(arrays[name][t]) for name in FRAME} for t in range(len(person.usable))],
    }  # fmt: skip


FRAME = (*COLUMNS, "root", "pose", "Y", "confidences")
"""What the JSON has of every frame; `pose` and `Y` are lists of rows x, y(, z)."""


def plain(value: Any) -> Any:
    """Arrays as lists of Python's numbers with `DIGITS` significant digits; None for what is no number."""
    if isinstance(value, np.ndarray):
        return [plain(one) for one in value]
    if isinstance(value, (float, np.floating)):
        return float(f"{value:.{DIGITS}g}") if np.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value


def write_json_file(person: Person, path: str | os.PathLike[str]) -> None:
    """Write `document_of` the person, without spaces: a frame has a hundred numbers."""
    text = json.dumps(document_of(person), separators=(",", ":"), allow_nan=False)
    write_atomically(path, (text + "\n").encode())
