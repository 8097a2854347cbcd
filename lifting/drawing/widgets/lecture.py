"""For lectures: a real photo, lifted under sigma and rotations, with cost, 3D pose and gradients on one page."""

from collections.abc import Sequence

import numpy as np

from lifting.camera import flip_y
from lifting.datasets.real_frames import RealFrame, load_real_frames
from lifting.drawing.widgets.base import Widget, check_human36m
from lifting.drawing.widgets.controls import choice, log_slider
from lifting.drawing.widgets.curve import CostPanel
from lifting.drawing.widgets.jacobian import ANSWERS, ROTATIONS, matrix_panel
from lifting.drawing.widgets.landmarks import Landmarks
from lifting.drawing.widgets.moved_map import jpeg_url
from lifting.drawing.widgets.scene import Axis, Scene
from lifting.metrics import mpjpe
from lifting.pose_prior import PosePrior, load_prior
from lifting.skeleton import HUMAN36M
from lifting.solve import wrap
from lifting.turned import search_around, turn_prior

SEEN = 300
"""How many pixels of a photo are shown to each side of its middle."""


class LectureWidget(Widget):
    """A photo with its landmarks, the cost of eq. (2) over theta, the pose in 3D, and two columns of eq. (8).

    Landmarks are dragged and hidden in the photo.

    Attributes:
        pose: (3, 17) the answer, metres, as the camera sees it.
        response: the answer, a `turned.Around`, in metres at the man's distance.

    Controls: "photo", "sigma" (a factor on the prior's), "rotations", and "landmark" (whose columns are shown).
    """

    def __init__(self, frames: Sequence[RealFrame] | None = None, prior: PosePrior | None = None) -> None:
        """Show these photos, the embedded ones where None, lifted with this prior, the embedded one where None.

        Raises:
            ValueError: a prior of other landmarks.
        """
        self.frames = {frame.name: frame for frame in (load_real_frames() if frames is None else frames)}
        self.prior = load_prior() if prior is None else prior
        check_human36m(self.prior)
        self._photo = next(iter(self.frames))
        scene = Scene()
        self._draw_photo(scene)
        self._cost = CostPanel(scene, (1e-4, 10), title="cost of eq. (2)", width=300, height=215)
        self._matrix_panel, self._matrix, self._columns = matrix_panel(scene, width=300, height=270, below=True)
        self._space = scene.space(1.0, height=520, width=330)
        self._truth = self._space.person("four cameras", colour="ink", dash="2 4", width=2)
        self._lifted = self._space.person("lifted,")
        controls = [
            choice("photo", self._photo, tuple(self.frames), menu=True),
            log_slider("sigma", 1.0, (-2, 2)),
            choice("rotations", 80, ROTATIONS),
            choice("landmark", "right_ankle", HUMAN36M.landmarks, menu=True),
        ]
        super().__init__(scene, controls)

    def update(self) -> None:
        """Lift the photo's landmarks and set every layer."""
        frame = self.frames[self["photo"]]
        if self._photo != frame.name:
            self._photo = frame.name
            self._landmarks.put_back(frame.visible)
        middle = np.array([[(frame.image.shape[1] - 1) / 2], [(frame.image.shape[0] - 1) / 2]])
        Y = self._landmarks.moved(frame.landmarks - middle)
        turned = turn_prior(self.prior, ROTATIONS[-1], free_scale=True, camera=frame.camera)
        turned = turned.with_weights(self._landmarks.visible.astype(np.float64))
        metres = flip_y(Y) / frame.pixels_per_metre
        self.response = search_around(metres, turned, self["rotations"], self["sigma"])
        self.pose = self.response.pose
        self._cost.show(np.degrees(turned.theta), self.response, self["rotations"])
        Y_hat = self._landmarks.show(Y, flip_y(self.pose[:2]) * frame.pixels_per_metre)
        self._image.set([list(self.frames).index(frame.name)])
        self._show_columns(Y_hat)
        self._show_3d(frame)

    def reset(self) -> None:
        """Put the landmarks back as well."""
        self._landmarks.put_back(self.frames[self.controls["photo"].start].visible)
        super().reset()

    def _show_columns(self, Y_hat: np.ndarray) -> None:
        H, chosen = self.response.H, HUMAN36M.index(self["landmark"])
        self._matrix.set(H)
        self._matrix_panel.title = f"dY_hat/dY: trace {np.trace(H):.1f}"
        for arrows, line, column in zip(self._arrows, self._columns, (chosen, len(H) // 2 + chosen), strict=True):
            arrows.set(*Y_hat, *(100 * flip_y(wrap(H[:, column]))))
            line.set([column, column], [-0.5, len(H) - 0.5])

    def _show_3d(self, frame: RealFrame) -> None:
        seen = frame.pseudo_visible
        truth, lifted = (pose - pose[:, seen].mean(1, keepdims=True) for pose in (frame.pseudo_truth, self.pose))
        self._truth.set(*np.where(seen, truth, np.nan))
        self._lifted.set(*lifted)
        error = 1000 * float(mpjpe(self.pose[:, seen], frame.pseudo_truth[:, seen], root="centroid"))
        self._space.title = f"in 3D: {error:.0f} mm from what four cameras saw"
        self.scene.summary = f"{frame.name}: the lifted pose is {error:.0f} mm from what four cameras saw."

    def _draw_photo(self, scene: Scene) -> None:
        axes = Axis("column, from the middle (px)", -SEEN, SEEN), Axis("row, from the middle (px)", SEEN, -SEEN)
        panel = scene.plot(*axes, title="drag a landmark, click to hide it", equal=True, width=480, height=480)
        frames = list(self.frames.values())
        sizes = [np.array(frame.image.shape[1::-1]) / 2 for frame in frames]
        boxes = [(-half[0], -half[1], half[0], half[1]) for half in sizes]
        self._image = panel.photo([jpeg_url(frame.image) for frame in frames], boxes)
        self._landmarks = Landmarks(panel, step=4)
        self._landmarks.put_back(frames[0].visible)
        self._arrows = [panel.arrows(label, colour=colour) for label, colour in ANSWERS.items()]
