"""The widget of notebook 03: what sigma and the number of rotations do to the cost, the fit and the 3D pose."""

import numpy as np
from jaxtyping import Float

from lifting.camera import turn
from lifting.drawing.widgets.base import Widget, check_human36m
from lifting.drawing.widgets.controls import choice, log_slider, slider
from lifting.drawing.widgets.curve import CostPanel
from lifting.drawing.widgets.landmarks import Landmarks
from lifting.drawing.widgets.scene import Axis, Scene
from lifting.fitting.alignment import align_to_prior
from lifting.metrics import mpjpe
from lifting.pose_prior import PosePrior
from lifting.skeleton import HUMAN36M
from lifting.solve import centre
from lifting.support.arrays import check_array
from lifting.turned import search_around, turn_prior

ROTATIONS = (8, 10, 16, 20, 40, 80, 160)
"""What the slider "rotations" offers."""

FINE = 80
"""So many angles make the curve, or as many as are searched: divisible by those that are fewer."""


class SolvingWidget(Widget):
    """Cost over theta, landmarks with their reprojection, and the 3D pose, for a real pose seen from any heading.

    Landmarks are dragged out of place and hidden in the picture.

    Attributes:
        landmarks: (2, 17) what is solved for, metres.
        visible: (17,), False for landmarks that are hidden.
        pose: (3, 17) the answer, metres, camera frame.
        errors: its 2D misfit (root mean square over the landmarks) and its 3D error (mean), mm.

    Sliders: "sigma" (a factor on the prior's sigma), "rotations", "heading" (by how much the person is turned,
    degrees).
    """

    def __init__(self, truth: Float[np.ndarray, "3 17"], prior: PosePrior, heading: float = 30.0) -> None:
        """Solve for the pose `truth` (3, 17), metres, y up, from its own exact projection at `heading` (degrees).

        Raises:
            ValueError: a pose of another shape, or a prior of other landmarks.
        """
        self.truth = centre(check_array("truth", truth, 3, len(HUMAN36M.landmarks)))
        check_human36m(prior)
        self.prior = prior
        self._facing = float(np.degrees(align_to_prior(np.stack([self.truth] * 2), prior)[0, 0]))
        reach = 1.1 * float(np.abs(self.truth).max())
        scene = Scene()
        loose, stiff = (search_around(self.truth[:2], turn_prior(prior, FINE), FINE, f).cost for f in (0.01, 100))
        self._cost = CostPanel(scene, (0.5 * loose.min(), 6 * stiff.max()), title="least cost of eq. (2)", height=300)
        self._own = self._cost.panel.line("the truth's own", colour="grey", dash="5 3")
        axes = Axis("x (m)", -reach, reach), Axis("y, up (m)", -reach, reach)
        self._picture = scene.plot(*axes, equal=True, height=300)
        self._landmarks = Landmarks(self._picture)
        self._space = scene.space(reach, height=300)
        self._true_pose = self._space.person("truth", colour="ink", dash="2 4", width=2)
        self._lifted_pose = self._space.person("lifted,")
        sliders = [
            log_slider("sigma", 1.0, (-2, 2)),
            choice("rotations", 80, ROTATIONS),
            slider("heading", heading, (0.0, 360.0), 5.0),
        ]
        super().__init__(scene, sliders)

    @property
    def visible(self) -> np.ndarray:
        """(17,), False for landmarks that are hidden."""
        return self._landmarks.visible

    def update(self) -> None:
        """Solve eq. (2) for the sliders' values and set every layer."""
        truth = turn(self.truth, np.radians(self["heading"]))
        self.landmarks = self._landmarks.moved(truth[:2])
        around = self._landmarks.weigh(turn_prior(self.prior, max(FINE, self["rotations"])))
        answer = search_around(self.landmarks, around, self["rotations"], self["sigma"])
        self.pose = answer.pose
        self._cost.show(np.degrees(around.theta), answer, self["rotations"])
        self._own.set([(self._facing + self["heading"]) % 360] * 2, [1e-9, 1e9])
        Y_hat = self._landmarks.show(self.landmarks, self.pose)
        self._true_pose.set(*truth)
        self._lifted_pose.set(*self.pose)
        apart = np.sum((Y_hat - self.landmarks) ** 2, axis=0)[self.visible]
        self.errors = 1000 * float(np.sqrt(apart.mean())), 1000 * float(mpjpe(self.pose, truth, root="centroid"))
        self._picture.title = f"in the image: misfit {self.errors[0]:.0f} mm"
        self._space.title = f"in 3D: error {self.errors[1]:.0f} mm"
        self.scene.summary = f"Misfit {self.errors[0]:.0f} mm in the image, error {self.errors[1]:.0f} mm in 3D."

    def reset(self) -> None:
        """Put the landmarks back as well."""
        self._landmarks.put_back()
        super().reset()
