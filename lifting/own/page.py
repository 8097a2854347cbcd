"""Results as a page for the browser: one file, nothing fetched; the skeleton over the picture, and turned in 3D."""

import base64
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from lifting.drawing.plots.bones import bone_sides
from lifting.misfit import POOR
from lifting.own.numbers import plain
from lifting.own.person import Person
from lifting.own.pictures import Image as Pixels
from lifting.skeleton import HUMAN36M
from lifting.support.files import bytes_of, write_atomically
from lifting.support.templates import render

PICTURES = 150
"""Pictures of a video in the page, at most: the skeleton moves in every frame, the picture is the last one before."""

LONGER_SIDE = 640
"""Pixels; larger pictures are made smaller."""

QUALITY = 70
"""Of JPEG."""

FRAMES = 3000
"""Frames in the page, at most; of longer clips every second one, or every third, ..."""


def frames_of_pictures(people: Sequence[Person]) -> list[int]:
    """The numbers of the frames whose pictures the page shows."""
    frames = np.unique(np.concatenate([person.recording.frames for person in people]))
    return [int(frame) for frame in frames[:: -(-len(frames) // PICTURES)]]


def write_page(
    people: Sequence[Person], path: str | os.PathLike[str], images: Mapping[int, Pixels], title: str = ""
) -> None:
    """Write the page of all people of one file.

    Args:
        people: one at least.
        path: the file to write.
        images: pictures by the numbers of their frames, in whose pixels the landmarks are.
        title: what the page is called; the name of the source where empty.
    """
    data = json.dumps(page_data(people, images), separators=(",", ":"), allow_nan=False)
    title = title or os.path.basename(str(people[0].recording.source))
    # "</" would end the element that the data are in
    text = render("lifting.own", "page.html.j2", title=title, data=data.replace("</", "<\\/"))
    write_atomically(path, text.encode())


def page_data(people: Sequence[Person], images: Mapping[int, Pixels]) -> dict[str, Any]:
    """The numbers and pictures that the page draws; its script computes none but where they are on the screen."""
    recording = people[0].recording
    every = max(-(-len(person.usable) // FRAMES) for person in people)
    first = next(iter(images.values()), None)
    size = recording.size if first is None else first.shape[1::-1]
    return {
        "recognised": recording.format,
        "landmarks": [name.replace("_", " ") for name in HUMAN36M.landmarks],
        "bones": [list(bone) for bone in HUMAN36M.bones],
        "sides": list(bone_sides(HUMAN36M)),
        "poor": POOR,
        "every": every,
        "size": None if size is None else [int(length) for length in size],
        "pictures": [[frame, jpeg(images[frame])] for frame in frames_of_pictures(people) if frame in images],
        "people": [_person_data(person, every) for person in people],
    }


def _person_data(person: Person, every: int) -> dict[str, Any]:
    recording, spread, rows = person.recording, person.spread, slice(None, None, every)
    upper = np.triu_indices(3)
    return {
        "name": recording.person,
        "notes": list(person.notes),
        "frames": plain(np.asarray(recording.frames)[rows]),
        "times": plain(person.times[rows]),
        "Y": plain(np.round(recording.Y[rows], 3)),
        "confidences": plain(np.round(recording.confidences[rows], 3)),
        "pose": plain(np.round(person.pose[rows], 4)),
        "mean": None if spread is None else plain(np.round(spread.mean[rows], 4)),
        "covariance": None if spread is None else plain(spread.covariance[rows, :, upper[0], upper[1]]),
        "misfit": plain(np.asarray(person.lifted.misfit)[rows]),
    }


def jpeg(image: Pixels) -> str:
    """A picture as the URL of a JPEG that is part of it."""
    picture = Image.fromarray(np.ascontiguousarray(image)).convert("RGB")
    picture.thumbnail((LONGER_SIDE, LONGER_SIDE))
    data = bytes_of(picture.save, format="JPEG", quality=QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(data).decode()
