"""The widget of notebook 01: one angle, a camera that looks down, and how many angles there are to choose from."""

import numpy as np
from jaxtyping import Float

from lifting.camera import project, rotation_angles, tilted_camera
from lifting.checking.jumps import angle_index
from lifting.drawing.widgets.base import Widget
from lifting.drawing.widgets.controls import slider
from lifting.drawing.widgets.scene import Axis, Scene
from lifting.metrics import pixel_error
from lifting.skeleton import HUMAN36M
from lifting.support.arrays import check_array, to_numpy

AROUND = np.radians(np.arange(361.0))
"""Where the curve of the error is drawn, radians."""

QUARTERS = tuple((angle, str(angle)) for angle in range(0, 361, 90))
"""Ticks of an axis of degrees."""


class ProjectionWidget(Widget):
    """Sliders "angle", "elevation" (degrees) and "rotations"; the set of angles, the picture by eq. (1), and the error.

    The angle is dragged around the circle as well.

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
        scene = Scene()
        self._draw_circle(scene)
        self._draw_picture(scene)
        self._draw_error(scene)
        sliders = [
            slider("angle", 35.0, (0.0, 360.0), 1.0),
            slider("elevation", 0.0, (-30.0, 60.0), 1.0),
            slider("rotations", 12, (1, 160), 1),
        ]
        super().__init__(scene, sliders)

    def update(self) -> None:
        """Set the layers to what the sliders say."""
        angles, camera = rotation_angles(self["rotations"]), tilted_camera(np.radians(self["elevation"]))
        # the angle asked for, and around it the whole circle for the curve
        theta = np.append(np.radians(self["angle"]), AROUND)
        nearest = angles[angle_index(theta, len(angles))]
        poses = np.broadcast_to(self.pose, (len(theta), *self.pose.shape))
        Y, Y_nearest = project(poses, theta, camera=camera), project(poses, nearest, camera=camera)
        errors = 1000 * pixel_error(Y_nearest, Y)
        self.Y, self.Y_nearest, self.error_mm = Y[0], Y_nearest[0], float(errors[0])
        self._set.set(np.sin(angles), np.cos(angles))
        for ray, angle in ((self._exact, theta[0]), (self._near, nearest[0])):
            ray.set([0, np.sin(angle)], [0, np.cos(angle)])
        self._handle.set([np.sin(theta[0])], [np.cos(theta[0])], [1])
        self._person.set(*self.Y)
        self._ghost.set(*self.Y_nearest)
        self._curve.set(np.degrees(AROUND), np.maximum(errors[1:], 1e-3))
        self._dot.set([self["angle"]], [max(self.error_mm, 1e-3)])
        self._error_panel.title = f"{self.error_mm:.1f} mm here, {errors[1:].max():.1f} mm at worst"
        self.scene.summary = f"The nearest of {len(angles)} angles is {self.error_mm:.1f} mm off on average."

    def _take(self, _: int, x: float, y: float) -> None:
        self.put(angle=np.degrees(np.arctan2(x, y)) % 360)

    def _draw_circle(self, scene: Scene) -> None:
        # seen from above: the camera is below, where z points
        axes = Axis("to the right: sin(theta)", -1.25, 1.25), Axis("to the camera: cos(theta)", 1.25, -1.25)
        panel = scene.plot(*axes, title="the angles, from above", equal=True, height=280)
        self._set = panel.points("the set", size=5)
        self._exact = panel.line("angle asked for", colour="green", width=2.5)
        self._near = panel.line("nearest of the set", colour="grey", dash="5 3")
        self._handle = panel.handles(["angle asked for"], step=0.02, drag=self._take)

    def _draw_picture(self, scene: Scene) -> None:
        reach = 1.1 * float(np.linalg.norm(self.pose, axis=0).max())
        axes = Axis("x (m)", -reach, reach), Axis("y, up (m)", -reach, reach)
        panel = scene.plot(*axes, title="the picture, eq. (1)", equal=True, height=280)
        self._ghost = panel.person("nearest", colour="grey", dash="4 3")
        self._person = panel.person()

    def _draw_error(self, scene: Scene) -> None:
        axes = Axis("theta (degrees)", 0, 360, ticks=QUARTERS), Axis("mean distance (mm)", 0.1, 1000, log=True)
        self._error_panel = scene.plot(*axes, height=280)
        self._curve = self._error_panel.line("error of the nearest angle", width=1.5)
        self._dot = self._error_panel.points("here", colour="green", size=10)
