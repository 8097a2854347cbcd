"""The widget of notebook 01: one angle, a camera that looks down, and how many angles there are to choose from.

`quantise` is the computation behind it, plain and tested; `ProjectionWidget` draws it. Supplement, eq. (1).
"""

from typing import NamedTuple

import numpy as np
from ipywidgets import FloatSlider, IntSlider
from jaxtyping import Float
from matplotlib.artist import Artist

from lifting.camera import project, rotation_angles, tilted_camera
from lifting.drawing import plots
from lifting.drawing.widgets.base import LAYOUT, STYLE, Widget, new_figure
from lifting.metrics import pixel_error
from lifting.skeleton import HUMAN36M
from lifting.support.arrays import check_array, to_numpy


class Quantised(NamedTuple):
    """An angle and the nearest one of a finite set, and the picture of a pose at both."""

    theta: Float[np.ndarray, "*batch"]
    """The angle asked for, radians."""
    nearest: Float[np.ndarray, "*batch"]
    """The nearest angle of the set, radians in [0, 2 pi)."""
    Y: Float[np.ndarray, "*batch 2 L"]
    """The picture at `theta`, in the units of the pose."""
    Y_nearest: Float[np.ndarray, "*batch 2 L"]
    """The picture at `nearest`."""
    error: Float[np.ndarray, "*batch"]
    """Mean distance between the two pictures' landmarks."""


def quantise(
    pose: Float[np.ndarray, "*batch 3 L"], theta: Float[np.ndarray, "*batch"], *, rotations: int, pitch: float = 0.0
) -> Quantised:
    """Project a pose by eq. (1) at the angle theta, and at the nearest of `rotations` equally spaced angles.

    Args:
        pose: (..., 3, L), y up.
        theta: (...), radians.
        rotations: how many angles there are.
        pitch: by how much the camera looks down, radians.

    Raises:
        ValueError: a wrong shape, a value that is not finite, no rotations.
    """
    angles, camera = rotation_angles(rotations), tilted_camera(pitch)
    theta = to_numpy(check_array("theta", theta))
    step = 2 * np.pi / rotations
    nearest = angles[np.round(theta / step).astype(int) % rotations]
    Y, Y_nearest = project(pose, theta, camera=camera), project(pose, nearest, camera=camera)
    return Quantised(theta, nearest, Y, Y_nearest, pixel_error(Y_nearest, Y))


class ProjectionWidget(Widget):
    """Sliders "angle", "elevation" (degrees) and "rotations"; the set of angles, the picture, and the error."""

    def __init__(self, pose: Float[np.ndarray, "3 17"]) -> None:
        """A widget for one pose, metres, y up.

        Raises:
            ValueError: not a finite pose of 17 landmarks.
        """
        self.pose = to_numpy(check_array("pose", pose, 3, len(HUMAN36M.landmarks)))
        self.pose = self.pose - self.pose.mean(axis=-1, keepdims=True)
        figure = new_figure(10.5, 3.7)
        self._circle_axes, self._picture_axes, self._error_axes = figure.subplots(1, 3)
        moving = [*self._draw_circle(), *self._draw_picture(), *self._draw_error()]
        figure.subplots_adjust(left=0.06, right=0.98, bottom=0.15, top=0.9, wspace=0.32)
        looks = {"layout": LAYOUT, "style": STYLE}
        sliders = [
            FloatSlider(35, min=0, max=360, step=1, description="angle", **looks),
            FloatSlider(0, min=-30, max=60, step=1, description="elevation", **looks),
            IntSlider(12, min=1, max=160, description="rotations", **looks),
        ]
        super().__init__(figure, sliders, moving)

    def result(self) -> Quantised:
        """What the sliders say now."""
        theta, pitch = np.radians(self["angle"]), np.radians(self["elevation"])
        return quantise(self.pose, np.array(theta), rotations=self["rotations"], pitch=pitch)

    def update(self) -> None:
        """Set the artists to what the sliders say."""
        found, rotations = self.result(), self["rotations"]
        angles, around = rotation_angles(rotations), np.radians(np.arange(361.0))
        self._set.set_data(np.sin(angles), np.cos(angles))
        for ray, angle in ((self._exact, found.theta), (self._nearest, found.nearest)):
            ray.set_data([0, np.sin(angle)], [0, np.cos(angle)])
        for lines, Y in ((self._bones, found.Y), (self._ghost, found.Y_nearest)):
            for line, path in zip(lines, plots.bone_paths(Y).values(), strict=True):
                line.set_data(*path)
        pitch = np.radians(self["elevation"])
        poses = np.broadcast_to(self.pose, (len(around), *self.pose.shape))
        curve = 1000 * quantise(poses, around, rotations=rotations, pitch=pitch).error
        self._curve.set_data(np.degrees(around), curve)
        self._dot.set_data([self["angle"]], [1000 * found.error])
        self._text.set_text(f"{1000 * found.error:.1f} mm here, {curve.max():.1f} mm at worst")

    def _draw_circle(self) -> list[Artist]:
        ax = self._circle_axes
        (self._set,) = ax.plot([], [], ".", color="black", markersize=4)
        (self._exact,) = ax.plot([], [], "-", color="#009E73", lw=2, label="angle asked for")
        (self._nearest,) = ax.plot([], [], "--", color="grey", lw=2, label="nearest of the set")
        ax.set(xlim=(-1.2, 1.2), ylim=(1.2, -1.2), aspect="equal", xticks=[], yticks=[])
        ax.set(title="the angles, from above", xlabel="camera on this side")
        ax.legend(loc="upper left", fontsize=7)
        return [self._set, self._exact, self._nearest]

    def _draw_picture(self) -> list[Artist]:
        ax, reach = self._picture_axes, 1.1 * float(np.linalg.norm(self.pose, axis=0).max())
        self._ghost = [ax.plot([], [], "--", color="grey", lw=2)[0] for _ in plots.COLOURS]
        self._bones = [
            ax.plot([], [], color=colour, lw=2, marker="o", markersize=3, label=side)[0]
            for side, colour in plots.COLOURS.items()
        ]
        ax.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", title="the picture, eq. (1)")
        ax.set(xlabel="x (m)", ylabel="y, up (m)")
        ax.legend(handles=self._bones[:2], loc="upper right", fontsize=7)
        return [*self._ghost, *self._bones]

    def _draw_error(self) -> list[Artist]:
        ax = self._error_axes
        (self._curve,) = ax.plot([], [], color="black", lw=1)
        (self._dot,) = ax.plot([], [], "o", color="#009E73")
        self._text = ax.text(0.97, 0.95, "", transform=ax.transAxes, ha="right", va="top", fontsize=8)
        ax.set(xlim=(0, 360), ylim=(0.1, 1000), yscale="log", title="error of the nearest angle")
        ax.set(xlabel="angle (degrees)", ylabel="mean distance (mm)", xticks=range(0, 361, 90))
        return [self._curve, self._dot, self._text]
