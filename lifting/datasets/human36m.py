"""Human3.6M, read from the files that VideoPose3D made common. **Never run on the real data**: licence needed.

You obtain the data set from its authors (vision.imar.ro/human3.6m; a signed licence, academic use), and make the files
with the scripts of VideoPose3D (github.com/facebookresearch/VideoPose3D, see its DATASETS.md). In one folder:

    data_3d_h36m.npz                    positions_3d: subject -> action -> (frames, 32, 3), metres, z up
    data_2d_h36m_<detector>.npz         positions_2d: subject -> action -> for each camera (frames, 17, 2), pixels
    h36m_dataset.py                     the module of VideoPose3D that holds the cameras' parameters, as it is there

and, where pictures are wanted, the frames of the videos, each video's in a folder named as the video is, but for the
action, which is as positions_3d names it (Photo for TakingPhoto, WalkDog for WalkingDog); counted from 1, as this does:

    ffmpeg -i "S9/Videos/Walking 1.54138969.mp4" -q:v 2 "images/S9/Walking 1.54138969/%06d.jpg"

The arrays in these .npz are pickled Python objects, which `lifting.support.objects` reads: no code of a file's choosing
is ever run. The module is parsed as text for its table of numbers, never imported.

The paper evaluates by three protocols. What is known of them here comes from memory of the main paper, section 6:

| protocol | trained on | tested on | frames | alignment |
|---|---|---|---|---|
| 1 | S1, S5, S6, S7, S8 | S9, S11 | all, all four cameras | pelvis |
| 2 | S1, S5, S6, S7, S8, S9 | S11 | every 64th, all four cameras | similarity |
| 3 | S1, S5, S6, S7, S8 | S9, S11 | every 5th of the first trial, frontal camera (the third) | similarity |
"""

import ast
import functools
import itertools
import os
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.spatial.transform import Rotation

from lifting.camera import flip_y
from lifting.datasets.pictures import Labelled, cut_square, faces_away, in_picture, open_picture, square_about
from lifting.datasets.real_frames import transform
from lifting.datasets.varying import varied
from lifting.metrics import mpjpe, p_mpjpe
from lifting.support import objects
from lifting.support.arrays import check_array, check_count, fail

CAMERAS = ("54138969", "55011271", "58860488", "60457274")
"""The cameras' names, in the order of VideoPose3D's tables."""

KEPT = (0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27)
"""Of the 32 recorded joints the 17 that move, in the order of `lifting.skeleton.HUMAN36M`."""


class Protocol(NamedTuple):
    """Who is trained and tested on, and which frames."""

    train: tuple[str, ...]
    test: tuple[str, ...]
    stride: int
    cameras: tuple[int, ...]
    first_trial: bool
    similarity: bool
    """Whether poses are aligned by a similarity before the error is taken; else by the pelvis."""


PROTOCOLS = {
    1: Protocol(("S1", "S5", "S6", "S7", "S8"), ("S9", "S11"), 1, (0, 1, 2, 3), False, False),
    2: Protocol(("S1", "S5", "S6", "S7", "S8", "S9"), ("S11",), 64, (0, 1, 2, 3), False, True),
    3: Protocol(("S1", "S5", "S6", "S7", "S8"), ("S9", "S11"), 5, (2,), True, True),
}


@dataclass(frozen=True)
class Camera:
    """A camera's place: X in its frame is R (X_world - t); there x is right, y down, z forward."""

    R: Float[np.ndarray, "3 3"]
    t: Float[np.ndarray, " 3"]

    def pose(self, world: Float[np.ndarray, "T L 3"]) -> Float[np.ndarray, "T 3 L"]:
        """Landmarks in metres about the pelvis: x right, **y up, z towards the viewer**."""
        seen = (world - self.t) @ self.R.T
        about_pelvis = np.swapaxes(seen - seen[:, :1], 1, 2)
        return about_pelvis * np.array([[1.0], [-1.0], [-1.0]])


@dataclass(frozen=True)
class Sequence:
    """One subject's action, seen by one camera.

    Attributes:
        subject, action, camera: whose, what, and the camera's number from 0.
        frames: (T,) which frames of the video these are, from 0.
        pose: (T, 3, 17) metres about the pelvis in the camera's frame: x right, y up, z towards the viewer.
        Y: (T, 2, 17) pixels of the detections, x = column, **y up** (`camera.flip_y`), as `lifting.lift` wants them.
    """

    subject: str
    action: str
    camera: int
    frames: Int[np.ndarray, " T"]
    pose: Float[np.ndarray, "T 3 17"]
    Y: Float[np.ndarray, "T 2 17"]


def load_human36m(
    folder: str | os.PathLike[str],
    detector: str = "gt",
    protocol: int = 1,
    test: bool = True,
    every: int | None = None,
) -> Iterator[Sequence]:
    """The sequences of one protocol, one after the other.

    An action that fewer cameras have seen than there are has fewer sequences: which cameras they are is not stored,
    so it is found by which poses fit the landmarks best.

    Args:
        folder: where the three files are.
        detector: whose 2D landmarks: data_2d_h36m_<detector>.npz.
        protocol: 1, 2 or 3.
        test: the tested subjects, with the protocol's cameras; else those trained on, all cameras.
        every: take every so many-th frame; None: those of the protocol where tested, else all.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: an unknown protocol, or a file of another layout.
    """
    if protocol not in tuple(PROTOCOLS):
        fail("protocol", protocol, "1, 2 or 3")
    chosen = PROTOCOLS[protocol]
    stride = check_count("every", (chosen.stride if test else 1) if every is None else every)
    root = Path(folder)
    cameras = read_cameras(root / "h36m_dataset.py")
    poses = read_objects(root / "data_3d_h36m.npz", "positions_3d")
    landmarks = read_objects(root / f"data_2d_h36m_{detector}.npz", "positions_2d")
    subjects = chosen.test if test else chosen.train
    for subject in subjects:
        for table, name in ((poses, "positions_3d"), (landmarks, "positions_2d"), (cameras, "the cameras")):
            if subject not in table:
                fail(name, f"subjects {', '.join(sorted(table))}", f"{subject} among them")
    return (
        sequence
        for subject in subjects
        for action, world in poses[subject].items()
        if not (test and chosen.first_trial) or is_first_trial(action, poses[subject])
        for sequence in _views(Action(subject, action, world, landmarks[subject].get(action), stride), cameras[subject])
        if not test or sequence.camera in chosen.cameras
    )


class Action(NamedTuple):
    """What the files hold of one subject's action, and every how many-th frame of it is wanted."""

    subject: str
    name: str
    world: Any
    views: Any
    stride: int


def _views(action: Action, cameras: list[Camera]) -> Iterator[Sequence]:
    """One action, camera by camera."""
    if action.views is None:
        fail("positions_2d", f"{action.subject} without {action.name!r}", "the actions of positions_3d")
    if len(action.views) > len(cameras):
        seen = f"{len(action.views)} views of {action.subject} {action.name!r}"
        fail("positions_2d", seen, f"at most one for each of {len(cameras)} cameras")
    world = check_array("positions_3d", action.world, 32, 3)
    views = [check_array("positions_2d", view, 17, 2) for view in action.views]
    for view in views:
        if len(view) < len(world):
            fail("positions_2d", f"{len(view)} frames of {action.subject} {action.name!r}",
                 f"at least the {len(world)} of positions_3d")  # fmt: skip
    # videos run on when the motion capture has stopped
    frames = np.arange(0, len(world), action.stride)
    Y = [flip_y(np.swapaxes(view[frames].astype(np.float64), 1, 2)) for view in views]
    poses = [camera.pose(world[frames][:, KEPT].astype(np.float64)) for camera in cameras]
    # in the cameras' order, though some may be missing
    among = itertools.combinations(range(len(cameras)), len(Y))
    seen_by = min(among, key=lambda some: sum(_misfit(poses[c], y) for c, y in zip(some, Y, strict=True)))
    for c, y in zip(seen_by, Y, strict=True):
        yield Sequence(action.subject, action.name, c, frames, poses[c], y)


def _misfit(pose: Float[np.ndarray, "T 3 17"], Y: Float[np.ndarray, "T 2 17"]) -> float:
    """What is left of the landmarks, squared pixels, when every pose is shifted and scaled to fit them best."""
    residual = _centred(Y) - _pixels_per_metre(pose, Y)[:, None, None] * _centred(pose[:, :2])
    return float(np.square(residual).sum())


def _pixels_per_metre(pose: Float[np.ndarray, "T 3 17"], Y: Float[np.ndarray, "T 2 17"]) -> Float[np.ndarray, " T"]:
    """The scale of the weak perspective that fits best."""
    flat, seen = _centred(pose[:, :2]), _centred(Y)
    return (flat * seen).sum((1, 2)) / np.square(flat).sum((1, 2))


def _centred(points: Float[np.ndarray, "T 2 17"]) -> Float[np.ndarray, "T 2 17"]:
    return points - points.mean(-1, keepdims=True)


@dataclass(frozen=True)
class Human36mPictures:
    """Frames of Human3.6M, a square picture about the person in each; see `lifting.datasets.pictures.Pictures`.

    Landmarks are the detector's ("gt": the projected ones). Nothing is known of what is hidden: visible means inside
    the picture. The scale is that of the weak perspective that fits best.

    Attributes:
        sequences: whose frames.
        images: the folder of the frames.
        side: of the squares, pixels.
    """

    sequences: tuple[Sequence, ...]
    images: Path
    side: int = 128

    @functools.cached_property
    def _ends(self) -> Int[np.ndarray, " S"]:
        return np.cumsum([len(sequence.frames) for sequence in self.sequences])

    def __len__(self) -> int:
        return int(self._ends[-1]) if self.sequences else 0

    def make(self, indices: Int[np.ndarray, " n"], generator: torch.Generator | None = None) -> Labelled:
        """See `Pictures`: half of them mirrored, all varied."""
        of = np.searchsorted(self._ends, indices, side="right")
        at = indices - np.concatenate([[0], self._ends])[of]
        frames = [self._frame(self.sequences[s], t) for s, t in zip(of, at, strict=True)]
        images, maps, Y, poses = (np.stack(column) for column in zip(*frames, strict=True))
        rows = [transform(A, y.T).T for A, y in zip(maps, flip_y(Y), strict=True)]
        landmarks = torch.from_numpy(np.stack(rows)).float()
        inside = in_picture(landmarks, self.side)
        made = Labelled(
            images=torch.from_numpy(images).float() / 255,
            landmarks=landmarks,
            labelled=torch.ones_like(inside),
            visible=inside,
            pose=torch.from_numpy(poses).float(),
            scale=torch.from_numpy(_pixels_per_metre(poses, Y) * maps[:, 0, 0]).float(),
            from_behind=torch.from_numpy(faces_away(poses)),
        )
        return varied(made, generator)

    def _frame(self, sequence: Sequence, t: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """The square, what takes the frame's pixels to it, the landmarks Y, and the pose."""
        Y = sequence.Y[t]
        video = self.images / sequence.subject / f"{sequence.action}.{CAMERAS[sequence.camera]}"
        picture = open_picture(video / f"{sequence.frames[t] + 1:06d}.jpg")
        return *cut_square(picture, *square_about(flip_y(Y)), self.side), Y, sequence.pose[t]


def load_human36m_pictures(
    folder: str | os.PathLike[str],
    detector: str = "gt",
    protocol: int = 1,
    test: bool = False,
    every: int = 5,
    side: int = 128,
) -> Human36mPictures:
    """The frames of one protocol as pictures.

    Args:
        folder: where the three files and the folder `images` are.
        detector: whose 2D landmarks.
        protocol: 1, 2 or 3.
        test: the tested subjects; else those trained on.
        every: take every so many-th frame: neighbours are nearly alike.
        side: of the pictures, pixels.

    Raises:
        FileNotFoundError: a file or the folder `images` is missing.
        ValueError: see `load_human36m`.
    """
    images = Path(folder) / "images"
    if not images.is_dir():
        raise FileNotFoundError(f"folder: got {folder}, expected a folder with images/")
    sequences = tuple(load_human36m(folder, detector, protocol, test, every))
    return Human36mPictures(sequences, images, check_count("side", side))


def is_first_trial(action: str, actions: dict[str, Any]) -> bool:
    """Whether an action is the first of its trials: "Walking" beside "Walking 1", "Walking 1" beside "Walking 2"."""
    name, _, number = action.rpartition(" ")
    if not number.isdigit():
        return True
    others = [other.rpartition(" ") for other in actions if other != name]
    numbers = [int(found) for own, _, found in others if own == name and found.isdigit()]
    return name not in actions and int(number) == min(numbers)


def error(pose: Float[np.ndarray, "T 3 17"], truth: Float[np.ndarray, "T 3 17"], protocol: int) -> float:
    """The mean error of a protocol, mm: after alignment of the pelvis (1) or by a similarity (2, 3)."""
    if protocol not in tuple(PROTOCOLS):
        fail("protocol", protocol, "1, 2 or 3")
    metric = p_mpjpe if PROTOCOLS[protocol].similarity else mpjpe
    return float(1000 * metric(pose, truth).mean())


def read_cameras(path: str | os.PathLike[str]) -> dict[str, list[Camera]]:
    """The cameras of every subject that has any, from the tables of VideoPose3D's h36m_dataset.py.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it lacks the table `h36m_cameras_extrinsic_params`, or the table has another layout.
    """
    expected = "VideoPose3D's common/h36m_dataset.py, with h36m_cameras_extrinsic_params"
    try:
        tree = ast.parse(Path(path).read_text())
        tables = {target.id: node.value for node in tree.body if isinstance(node, ast.Assign)
                  for target in node.targets if isinstance(target, ast.Name)}  # fmt: skip
        extrinsic = ast.literal_eval(tables["h36m_cameras_extrinsic_params"])
        return {
            subject: [_camera(row["orientation"], row["translation"]) for row in rows]
            for subject, rows in extrinsic.items()
            if all(rows)
        }
    except (KeyError, SyntaxError, TypeError, AttributeError, ValueError) as problem:
        fail("path", f"{path} ({problem!r})", expected)


def _camera(orientation: Any, translation: Any) -> Camera:
    """From a quaternion (w, x, y, z), which turns the camera's axes into the world's, and millimetres."""
    q, t = check_array("orientation", orientation, 4), check_array("translation", translation, 3)
    return Camera(Rotation.from_quat(q[[1, 2, 3, 0]]).as_matrix().T, t / 1000)


def read_objects(path: str | os.PathLike[str], key: str) -> dict[str, Any]:
    """The dictionary that is pickled in the array `key` of an .npz file, if it holds nothing but data.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is cut short, has no `key`, or asks for anything but data.
    """
    expected = f"an .npz file whose {key!r} is a dictionary of arrays"
    try:
        with zipfile.ZipFile(path) as archive:
            entry = archive.read(f"{key}.npy")
    except FileNotFoundError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, OSError) as problem:
        fail("path", f"{path}, which can't be read ({problem})", expected)
    found = objects.read_objects(f"{path}, {key}", entry)
    if not isinstance(found, dict):
        kind = f"an array of {found.dtype}" if isinstance(found, np.ndarray) else f"a {type(found).__name__}"
        fail("path", f"{path}, whose {key!r} is {kind}", expected)
    return found
