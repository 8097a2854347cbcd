"""Results as pictures: what was seen, and the pose from the camera and from the side."""

import os
from collections.abc import Collection
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from lifting.camera import flip_y
from lifting.drawing.plots import draw_landmarks_on_photo, draw_pose_2d, draw_pose_3d
from lifting.own.person import Person
from lifting.support.files import bytes_of, write_atomically

ROWS = 3
"""At most so many frames of a clip are drawn."""

VIEWS = {0: "from the camera", 90: "from the side, camera at the left"}
"""What the pose is seen from, by the degrees around it."""

Image = UInt8[np.ndarray, "H W 3"]


def frames_to_draw(person: Person, count: int = ROWS) -> list[int]:
    """The rows of the frames to draw: at most `count`, from the first to the last that was lifted."""
    usable = np.flatnonzero(person.usable)
    return [int(usable[i]) for i in np.unique(np.linspace(0, len(usable) - 1, min(count, len(usable))).astype(int))]


def read_pictures(path: Path, frames: Collection[int]) -> dict[int, Image]:
    """Those pictures of a photo or a video whose frames are wanted, by the number of their frame."""
    from lifting.detecting import pictures_of  # Pillow and PyAV

    found = {}
    for picture in pictures_of(path):
        if picture.frame in frames:
            found[picture.frame] = picture.image
        if len(found) == len(set(frames)):
            break
    return found


def draw_person(person: Person, images: dict[int, Image]) -> Figure:
    """A row for each of some frames: the landmarks (over the picture, where there is one), and the pose from two sides.

    Args:
        person: of whom at least one frame was lifted.
        images: pictures by the numbers of their frames, in whose pixels the landmarks are.
    """
    rows = frames_to_draw(person)
    radius = max(1.0, 0.55 * float(np.ptp(person.pose[rows], axis=2).max()))
    figure = Figure(figsize=(11, 3.9 * len(rows)), layout="constrained")
    FigureCanvasAgg(figure)
    for row, t in enumerate(rows):
        frame = int(person.recording.frames[t])
        axes = [figure.add_subplot(len(rows), 3, 3 * row + n + 1, **({"projection": "3d"} if n else {}))
                for n in range(3)]  # fmt: skip
        _draw_seen(axes[0], person, t, images.get(frame))
        axes[0].set_title(f"frame {frame}, misfit {person.lifted.misfit[t]:.2g}")
        for ax, (azim, name) in zip(axes[1:], VIEWS.items(), strict=True):
            draw_pose_3d(ax, person.pose[t], azim=azim, legend=False, radius=radius)
            ax.set_title(name)
    return figure


def _draw_seen(ax: Axes, person: Person, t: int, image: Image | None) -> None:
    Y, visible = person.recording.Y[t], person.recording.visible[t]
    if image is None:
        draw_pose_2d(ax, Y, visible=visible, unit="of the file")
    else:
        pixels = flip_y(np.where(visible, Y, 0.0))
        draw_landmarks_on_photo(ax, image, pixels, visible=visible)
        low, high = pixels[:, visible].min(1), pixels[:, visible].max(1)
        room = 0.3 * (high - low).max() + 1
        edges = np.array(image.shape[1::-1])
        (left, top), (right, bottom) = np.maximum(low - room, 0), np.minimum(high + room, edges)
        if left < right and top < bottom:  # or the landmarks lie beside the picture
            ax.set(xlim=(left, right), ylim=(bottom, top))


def write_png(person: Person, path: str | os.PathLike[str], images: dict[int, Image]) -> None:
    """Write `draw_person` as a PNG."""
    write_atomically(path, bytes_of(draw_person(person, images).savefig, format="png", dpi=100))
