"""Make docs/photo_to_pose.png, the picture in README.md: a real photo with its landmarks, and the pose lifted from it.

python tools/readme_picture.py
"""

import io
from pathlib import Path
from typing import NamedTuple

import matplotlib.figure
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg

import lifting
from lifting.datasets.real_frames import RealFrame, load_real_frames, peaks, transform
from lifting.drawing import plots
from lifting.metrics import p_mpjpe
from lifting.skeleton import BLAZEPOSE, HUMAN36M, convert
from lifting.support.files import write_atomically

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "photo_to_pose.png"

PHOTO = "cam04_026"
"""The photo that lifts best of the eight; notebook 00 shows the others, failures included."""


class Photo(NamedTuple):
    """A photo's landmarks by the argmax of its belief maps, and the pose lifted from them."""

    pixels: np.ndarray
    """(2, 17) of the photo."""
    visible: np.ndarray
    """(17,)."""
    pose: np.ndarray
    """(3, 17), metres."""
    error: float
    """P-MPJPE from the pseudo ground truth, millimetres."""


def lift(frame: RealFrame, prior: lifting.PosePrior) -> Photo:
    """Lift a photo as notebook 00 does."""
    pixels33 = transform(frame.map_to_photo, peaks(frame.belief)).T
    pixels, visible = convert(pixels33, BLAZEPOSE, HUMAN36M, frame.visibility33 >= 0.5)
    Y = pixels * np.array([[1.0], [-1.0]])
    found = lifting.lift(Y, prior, scale=None, visible=visible, camera=frame.camera)
    pose = found.pose / found.scale
    both = visible & frame.pseudo_visible
    return Photo(pixels, visible, pose, float(1000 * p_mpjpe(pose, frame.pseudo_truth, both)))


def draw(frame: RealFrame, prior: lifting.PosePrior) -> matplotlib.figure.Figure:
    """The photo with the landmarks that the argmax of its belief maps gives, and the lifted pose from two sides."""
    photo = lift(frame, prior)
    figure = matplotlib.figure.Figure(figsize=(11, 4.2), dpi=110)
    FigureCanvasAgg(figure)
    ax = figure.add_axes((0.01, 0.1, 0.31, 0.82))
    plots.draw_landmarks_on_photo(ax, frame.image, photo.pixels, visible=photo.visible)
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.01), ncols=2, fontsize=9)
    ax.set(xlabel="", ylabel="", xticks=[], yticks=[], title="photo, landmarks by argmax")
    centred = photo.pose - photo.pose.mean(axis=1, keepdims=True)
    for n, (azim, title) in enumerate([(0, "3D pose, from the camera"), (90, "from the side")]):
        ax = figure.add_axes((0.38 + 0.32 * n, 0.22, 0.26, 0.66), projection="3d")
        plots.draw_pose_3d(ax, centred, azim=azim, legend=False).set_title(title)
    figure.text(
        0.67, 0.015, f"{photo.error:.0f} mm P-MPJPE from the pseudo ground truth of four cameras", ha="center", size=9
    )
    return figure


def main() -> None:
    """Write the picture."""
    file = io.BytesIO()
    draw(load_real_frames([PHOTO])[0], lifting.load_prior()).savefig(file, format="png", metadata={"Software": None})
    write_atomically(PICTURE, file.getvalue())


if __name__ == "__main__":
    main()
