"""The widget of notebook 02: a pose moves along a basis, and a real pose is rebuilt from more and more of them.

Main paper, section 4. Three linked views of one component of the mixture: mu + a_j e_j, with a_j counted in standard
deviations; a real pose, and what the first J bases keep of it; the standard deviations of all coefficients.
"""

import numpy as np
from jaxtyping import Float

from lifting.camera import turn
from lifting.drawing.widgets.base import Widget, check_human36m
from lifting.drawing.widgets.controls import slider
from lifting.drawing.widgets.scene import Axis, Scene
from lifting.fitting.alignment import align_to_prior
from lifting.metrics import mpjpe
from lifting.pose_prior import PosePrior, move_along, rebuild

RADIUS = 0.95
"""Half the edge of the cubes, in metres."""


class PriorWidget(Widget):
    """Sliders over a prior of Human3.6M's landmarks: "basis", "deviations", "J", "pose", "turn" (and "component").

    "basis", "pose" and "component" count from 1, as the paper does. "turn" is theta of eq. (1), in degrees; the mouse
    turns the view besides.
    """

    def __init__(self, prior: PosePrior, poses: Float[np.ndarray, "N 3 17"]) -> None:
        """Show `prior` beside some real `poses` (N, 3, 17), N >= 2, in metres and at any heading.

        Raises:
            ValueError: a prior of other landmarks, or a wrong shape.
        """
        check_human36m(prior)
        theta = align_to_prior(poses, prior)
        self.prior = prior
        self.aligned = np.stack([turn(poses, -theta[:, k]) for k in range(prior.K)], axis=1)
        scene = Scene()
        self._moved_space, self._rebuilt_space = (
            scene.space(RADIUS, azimuth=0, elevation=5, height=310) for _ in range(2)
        )
        self.mean, self.moved = self._moved_space.person("mean", colour="grey", dash="4 3"), self._moved_space.person()
        self.real = self._rebuilt_space.person("real pose", colour="grey", dash="4 3")
        self.rebuilt = self._rebuilt_space.person()
        self._draw_spread(scene)
        sliders = [
            slider("basis", 1, (1, prior.J), 1),
            slider("deviations", 1.5, (-3.0, 3.0), 0.25),
            slider("J", prior.J, (1, prior.J), 1),
            slider("pose", 1, (1, len(poses)), 1),
            slider("turn", 30.0, (-180.0, 180.0), 5.0),
        ]
        if prior.K > 1:
            sliders.append(slider("component", 1, (1, prior.K), 1))
        super().__init__(scene, sliders)

    def update(self) -> None:
        """Move along the basis, rebuild the pose, mark the bases."""
        k = self["component"] - 1 if "component" in self.controls else 0
        j, J, mean, real = self["basis"] - 1, self["J"], self.prior.mu[k], self.aligned[self["pose"] - 1, k]
        moved, rebuilt = move_along(self.prior, j, self["deviations"], k), rebuild(self.prior, real, J, k)
        theta = np.radians(self["turn"])
        for person, pose in ((self.mean, mean), (self.moved, moved), (self.real, real), (self.rebuilt, rebuilt)):
            person.set(*turn(pose, theta))
        farthest = 1000 * np.linalg.norm(moved - mean, axis=0).max()
        self.error_mm = float(1000 * mpjpe(rebuilt, real, root="centroid"))
        self._moved_space.title = f"mean + {self['deviations']:g} deviations of basis {j + 1}\nup to {farthest:.0f} mm"
        self._rebuilt_space.title = f"a real pose from {J} bases\n{self.error_mm:.0f} mm off on average"
        number, spread = np.arange(1, self.prior.J + 1), self.spread[k]
        self.dots.set(number[J:], spread[J:])
        self.kept.set(number[:J], spread[:J])
        self.chosen.set([j + 1], [spread[j]])
        self.scene.summary = (
            f"Basis {j + 1} at {self['deviations']:g} deviations moves a landmark by up to {farthest:.0f} mm; "
            f"{J} bases leave a real pose {self.error_mm:.0f} mm off."
        )

    def _draw_spread(self, scene: Scene) -> None:
        self.spread = 1000 * np.sqrt(self.prior.component_variance)
        axes = Axis("basis j", 0, self.prior.J + 1), Axis("standard deviation of a_j (mm)", 0, 1.08 * self.spread.max())
        panel = scene.plot(*axes, title="how far each coefficient goes\n ", height=310)
        self.dots = panel.points("left out", colour="grey", size=6)
        self.kept = panel.points("the first J", size=6)
        self.chosen = panel.points("this basis", colour="right", marker="diamond", size=11)
