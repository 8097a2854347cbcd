"""MPII Human Pose: its annotations, and its people as pictures. **Never run on the real data**: it can't be had here.

You obtain the data from human-pose.mpi-inf.mpg.de (for research; see the licence there). In one folder:

    mpii_human_pose_v1_u12_1.mat        the annotations
    images/                             the pictures, JPEG files

Landmarks are 2D only, 16 a person, of which 15 have a counterpart in Human3.6M's order: MPII has no spine and
no nose (its "upper neck" is neither). What is missing is marked as such, never invented: it carries no loss and is not
counted.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from lifting.datasets.pictures import Labelled, cut_square, in_picture, open_picture
from lifting.datasets.real_frames import transform
from lifting.datasets.varying import varied
from lifting.skeleton import HUMAN36M, MPII, convert
from lifting.support.arrays import check_count, fail
from lifting.support.files import load_matlab

ANNOTATIONS = "mpii_human_pose_v1_u12_1.mat"

TALL = 200
"""A person's height, pixels, divided by the annotated scale."""

ROOM = 1.25
"""A picture's side over the person's height."""

HELD_OUT = 10
"""Of so many videos, from which the pictures are taken, one is held out."""


@dataclass(frozen=True)
class Person:
    """One annotated person.

    Attributes:
        image: the name of the picture's file.
        video: the number of the video that it is taken from; the picture's own where not given.
        train: whether the picture belongs to the training set; only there landmarks are published.
        centre: (2,) pixels, x = column, y = row, pixel centres at whole numbers.
        height: of the person, pixels, roughly: the annotated scale times 200.
        landmarks: (2, 17) pixels, Human3.6M's order; 0 where not annotated.
        annotated: (17,) booleans.
        visible: (17,) booleans: annotated, and not hidden.
        head: length of the diagonal of the head's rectangle times 0.6, pixels: the unit of PCKh; NaN where not given.
    """

    image: str
    video: int
    train: bool
    centre: Float[np.ndarray, " 2"]
    height: float
    landmarks: Float[np.ndarray, "2 17"]
    annotated: Bool[np.ndarray, " 17"]
    visible: Bool[np.ndarray, " 17"]
    head: float


def load_mpii(path: str | os.PathLike[str], train: bool = True) -> Iterator[Person]:
    """The people of MPII's annotation file that have at least one landmark, picture by picture.

    Args:
        path: mpii_human_pose_v1_u12_1.mat.
        train: of the training pictures; else of the others, which carry landmarks in nobody's file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no MATLAB file, or has another layout.
    """
    expected = "MPII's annotation file, a MATLAB file with the structure RELEASE"
    content = load_matlab(path, expected, struct_as_record=False, squeeze_me=True)
    try:
        release = content["RELEASE"]
        pictures, chosen = np.atleast_1d(release.annolist), np.atleast_1d(release.img_train)
    except (KeyError, AttributeError) as problem:
        fail("path", f"{path} ({problem!r})", expected)
    if len(pictures) != len(chosen):
        fail("path", f"{path} with {len(pictures)} pictures and {len(chosen)} marks of training", expected)
    return _people(pictures, chosen, train)


def _people(pictures: np.ndarray, chosen: np.ndarray, train: bool) -> Iterator[Person]:
    for number, (picture, in_train) in enumerate(zip(pictures, chosen, strict=True)):
        if bool(in_train) != train:
            continue
        video = getattr(picture, "vididx", number)
        about = {"image": str(picture.image.name), "video": int(video) if np.size(video) else number, "train": train}
        for person in np.atleast_1d(getattr(picture, "annorect", [])):
            points = np.atleast_1d(getattr(getattr(person, "annopoints", None), "point", []))
            if len(points) and np.size(getattr(person, "objpos", [])):
                yield _person(about, person, points)


def _person(about: dict[str, Any], person: Any, points: np.ndarray) -> Person:
    landmarks, (annotated, seen) = np.zeros((2, 16)), np.zeros((2, 16), dtype=bool)
    for point in points:
        at = int(point.id)
        if not 0 <= at < len(MPII.landmarks):
            fail("id", point.id, "0 to 15")
        # MATLAB counts from 1
        landmarks[:, at] = point.x - 1.0, point.y - 1.0
        # where nothing is noted (head and upper neck) it is seen
        noted = getattr(point, "is_visible", 1)
        annotated[at], seen[at] = True, np.size(noted) == 0 or str(noted) != "0"
    (landmarks, annotated), (_, visible) = (convert(landmarks, MPII, HUMAN36M, which) for which in (annotated, seen))
    corners = [getattr(person, key, np.nan) for key in ("x1", "y1", "x2", "y2")]
    x1, y1, x2, y2 = (float(value) if np.size(value) == 1 else np.nan for value in corners)
    return Person(
        **about,
        centre=np.array([person.objpos.x, person.objpos.y], dtype=float) - 1,
        height=TALL * float(person.scale),
        landmarks=landmarks,
        annotated=annotated,
        visible=visible,
        head=0.6 * float(np.hypot(x2 - x1, y2 - y1)),
    )


@dataclass(frozen=True)
class MpiiPictures:
    """MPII's people, a square picture about each; see `lifting.datasets.pictures.Pictures`.

    Attributes:
        people: who.
        images: the folder of the pictures that they are cut out of.
        side: of the squares, pixels.
    """

    people: tuple[Person, ...]
    images: Path
    side: int = 128

    def __len__(self) -> int:
        return len(self.people)

    def make(self, indices: Int[np.ndarray, " n"], generator: torch.Generator | None = None) -> Labelled:
        """See `Pictures`: half of them mirrored, all varied. No pose, scale or facing is known."""
        people = [self.people[n] for n in indices]
        images, maps = zip(*map(self._square, people), strict=True)
        at = [transform(A, person.landmarks.T).T for A, person in zip(maps, people, strict=True)]
        labelled, visible = (torch.from_numpy(np.stack([getattr(person, key) for person in people]))
                             for key in ("annotated", "visible"))  # fmt: skip
        landmarks = torch.from_numpy(np.stack(at)).float() * labelled[:, None]
        pixels = torch.from_numpy(np.stack(images)).float() / 255
        visible &= in_picture(landmarks, self.side)
        return varied(Labelled(pixels, landmarks, labelled, visible, None, None, None), generator)

    def _square(self, person: Person) -> tuple[np.ndarray, np.ndarray]:
        side = ROOM * person.height
        left, top = person.centre + 0.5 - side / 2
        return cut_square(open_picture(self.images / person.image), left, top, side, self.side)


def load_mpii_pictures(folder: str | os.PathLike[str], held_out: bool = False, side: int = 128) -> MpiiPictures:
    """The people of MPII's training set as pictures.

    Args:
        folder: where the annotations and the folder `images` are.
        held_out: the pictures of every tenth video, which are for looking at; else those of the others.
        side: of the pictures, pixels.

    Raises:
        FileNotFoundError: the annotations or the folder `images` are missing.
        ValueError: the annotations can't be read, or nobody is in them.
    """
    root = Path(folder)
    people = [person for person in load_mpii(root / ANNOTATIONS) if (person.video % HELD_OUT == 0) == held_out]
    if not (root / "images").is_dir():
        raise FileNotFoundError(f"folder: got {folder}, expected a folder with {ANNOTATIONS} and images/")
    if not people:
        fail("folder", f"{folder} with nobody {'held out' if held_out else 'to train on'}", "annotated people")
    return MpiiPictures(tuple(people), root / "images", check_count("side", side))
