"""MPII Human Pose, read from its annotation file. **Never run on the real file**: it can't be fetched here.

You obtain `mpii_human_pose_v1_u12_1.mat` and the images from human-pose.mpi-inf.mpg.de (for research; see the licence
there). Landmarks are 2D only, 16 a person, of which 15 have a counterpart in Human3.6M's order: MPII has no spine and
no nose (its "upper neck" is neither). What is missing is marked as such, never invented.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from lifting.skeleton import HUMAN36M
from lifting.support.arrays import fail

LANDMARKS = (
    "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle", "pelvis", "neck", "upper_neck",
    "head_top", "right_wrist", "right_elbow", "right_shoulder", "left_shoulder", "left_elbow", "left_wrist",
)  # fmt: skip
"""MPII's landmarks by their ids; its "thorax" is Human3.6M's `neck`."""

TALL = 200
"""A person's height, pixels, divided by the annotated scale."""


@dataclass(frozen=True)
class Person:
    """One annotated person.

    Attributes:
        image: the name of the picture's file.
        train: whether the picture belongs to the training set; only there landmarks are published.
        centre: (2,) pixels, x = column, y = row, pixel centres at whole numbers.
        height: of the person, pixels, roughly: the annotated scale times 200.
        landmarks: (2, 17) pixels, Human3.6M's order; 0 where not annotated.
        annotated: (17,) booleans.
        visible: (17,) booleans: annotated, and not hidden.
        head: length of the diagonal of the head's rectangle times 0.6, pixels: the unit of PCKh; NaN where not given.
    """

    image: str
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
    try:
        with open(path, "rb") as file:
            release = loadmat(file, struct_as_record=False, squeeze_me=True)["RELEASE"]
        pictures, chosen = np.atleast_1d(release.annolist), np.atleast_1d(release.img_train)
    except FileNotFoundError:
        raise
    except (OSError, ValueError, KeyError, AttributeError, TypeError, NotImplementedError, MatReadError) as problem:
        fail("path", f"{path} ({problem!r})", expected)
    if len(pictures) != len(chosen):
        fail("path", f"{path} with {len(pictures)} pictures and {len(chosen)} marks of training", expected)
    return _people(pictures, chosen, train)


def _people(pictures: np.ndarray, chosen: np.ndarray, train: bool) -> Iterator[Person]:
    for picture, in_train in zip(pictures, chosen, strict=True):
        if bool(in_train) != train:
            continue
        for person in np.atleast_1d(getattr(picture, "annorect", [])):
            points = np.atleast_1d(getattr(getattr(person, "annopoints", None), "point", []))
            if len(points) and np.size(getattr(person, "objpos", [])):
                yield _person(str(picture.image.name), train, person, points)


def _person(image: str, train: bool, person: Any, points: np.ndarray) -> Person:
    landmarks = np.zeros((2, 17))
    annotated, visible = np.zeros(17, dtype=bool), np.zeros(17, dtype=bool)
    for point in points:
        name = LANDMARKS[int(point.id)] if 0 <= int(point.id) < len(LANDMARKS) else fail("id", point.id, "0 to 15")
        if name in HUMAN36M.landmarks:
            at = HUMAN36M.index(name)
            # MATLAB counts from 1
            landmarks[:, at] = point.x - 1.0, point.y - 1.0
            annotated[at] = True
            # where nothing is noted (head and upper neck) it is seen
            noted = getattr(point, "is_visible", 1)
            visible[at] = np.size(noted) == 0 or str(noted) != "0"
    corners = [getattr(person, key, np.nan) for key in ("x1", "y1", "x2", "y2")]
    x1, y1, x2, y2 = (float(value) if np.size(value) == 1 else np.nan for value in corners)
    centre = np.array([person.objpos.x, person.objpos.y], dtype=float) - 1
    head = 0.6 * float(np.hypot(x2 - x1, y2 - y1))
    return Person(image, train, centre, TALL * float(person.scale), landmarks, annotated, visible, head)
