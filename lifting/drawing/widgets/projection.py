"""The widget of notebook 01: one angle, a camera that looks down, and how many angles there are to choose from."""

import numpy as np
from ipywidgets import FloatSlider, IntSlider
from jaxtyping import Float
from matplotlib.artist import Artist
from matplotlib.axes import Axes

from lifting.camera import project, rotation_angles, tilted_camera
from lifting.checking.jumps import angle_index
from lifting.drawing.widgets.base import Person, Widget, new_figure
from lifting.metrics import pixel_error
from lifting.skeleton import HUMAN36M
from lifting.support.arrays import check_array, to_numpy

AROUND = np.radians(np.arange(361.0))
"""Where the curve of the error is drawn, radians."""


class ProjectionWidget(Widget):
    """Sliders "angle", "elevation" (degrees) and "rotations"; the set of angles, the picture by eq. (1), and the error.

    Attributes:
        Y: (2, 17) the picture at the angle, metres.
        Y_nearest: (2, 17) the picture at the nearest angle of the set.
        error_mm: mean distance between the two pictures' landmarks.
    """

    def __init__(self, pose: Float[np.ndarray, "3 17"]) -> None:
        """A widget for one pose, metres, y up.

        Raises:
            ValueError: not a finite pose of 17 landmarks.
        """
        self.pose = to_numpy(check_array("pose", pose, 3, len(HUMAN36M.landmarks)))
        self.pose = self.pose - self.pose.mean(axis=-1, keepdims=True)
        figure = new_figure(8.7, 4)
        circle, picture, error = figure.subplots(1, 3)
        moving = [*self._draw_circle(circle), *self._draw_picture(picture), *self._draw_error(error)]
        figure.subplots_adjust(left=0.03, right=0.98, bottom=0.22, top=0.92, wspace=0.32)
        sliders = [
            FloatSlider(35, min=0, max=360, step=1, description="angle"),
            FloatSlider(0, min=-30, max=60, step=1, description="elevation"),
            IntSlider(12, min=1, max=160, description="rotations"),
        ]
        super().__init__(figure, sliders, moving)

    def update(self) -> None:
        """Set the artists to what the sliders say."""
        angles, camera = rotation_angles(self["rotations"]), tilted_camera(np.radians(self["elevation"]))
        # the angle asked for, and around it the whole circle for the curve
        theta = np.append(np.radians(self["angle"]), AROUND)
        nearest = angles[angle_index(theta, len(angles))]
        poses = np.broadcast_to(self.pose, (len(theta), *self.pose.shape))
        Y, Y_nearest = project(poses, theta, camera=camera), project(poses, nearest, camera=camera)
        errors = 1000 * pixel_error(Y_nearest, Y)
        self.Y, self.Y_nearest, self.error_mm = Y[0], Y_nearest[0], float(errors[0])
        self._set.set_data(np.sin(angles), np.cos(angles))
        for ray, angle in ((self._exact, theta[0]), (self._near, nearest[0])):
            ray.set_data([0, np.sin(angle)], [0, np.cos(angle)])
        self._person.show(self.Y)
        self._ghost.show(self.Y_nearest)
        self._curve.set_ydata(errors[1:])
        self._dot.set_data([self["angle"]], [self.error_mm])
        self._text.set_text(f"{self.error_mm:.1f} mm here, {errors[1:].max():.1f} mm at worst")

    def _draw_circle(self, ax: Axes) -> list[Artist]:
        (self._set,) = ax.plot([], [], ".", color="black", markersize=4)
        (self._exact,) = ax.plot([], [], "-", color="#009E73", lw=2, label="angle asked for")
        (self._near,) = ax.plot([], [], "--", color="grey", lw=2, label="nearest of the set")
        ax.set(xlim=(-1.2, 1.2), ylim=(1.2, -1.2), aspect="equal", xticks=[], yticks=[])
        ax.set(title="the angles, from above", xlabel="camera on this side")
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.1), fontsize=9)
        return [self._set, self._exact, self._near]

    def _draw_picture(self, ax: Axes) -> list[Artist]:
        reach = 1.1 * float(np.linalg.norm(self.pose, axis=0).max())
        self._ghost, self._person = Person(ax, colour="grey", ls="--"), Person(ax, marker="o", ms=3)
        ax.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", title="the picture, eq. (1)")
        ax.set(xlabel="x (m)", ylabel="y, up (m)")
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2, fontsize=9)
        return [*self._ghost.lines.values(), *self._person.lines.values()]

    def _draw_error(self, ax: Axes) -> list[Artist]:
        (self._curve,) = ax.plot(np.degrees(AROUND), np.ones(len(AROUND)), color="black", lw=1)
        (self._dot,) = ax.plot([], [], "o", color="#009E73")
        self._text = ax.text(0.97, 0.95, "", transform=ax.transAxes, ha="right", va="top", fontsize=9)
        ax.set(xlim=(0, 360), ylim=(0.1, 1000), yscale="log", title="error of the nearest angle")
        ax.set(xlabel="angle (degrees)", ylabel="mean distance (mm)", xticks=range(0, 361, 90))
        return [self._curve, self._dot, self._text]
