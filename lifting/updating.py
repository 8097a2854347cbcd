"""The whole way back by hand: from a loss on projected maps to an update of belief maps. Supplement, 1.1 and 1.2.

    B -> Y              the peaks
      -> Y_hat          lifted and projected                        (2), (6), (1)
      -> B_hat -> loss  sum_p weight_p ||b_hat_p - target_p||^2

    dloss/dB_hat -> dloss/dY_hat      difference of Gaussians       (9)
                 -> D = -dloss/dY     E E_bar_t, transposed         (8)
                 -> update of B       "Updating B"

In NumPy, one equation after the other, for reading and for experiments on single maps. `lifting.layer` is the same as
one layer that networks train through.
"""

import dataclasses
import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from lifting.belief import belief_maps, belief_update, belief_update_between, peaks, pull_back_maps
from lifting.camera import ROTATIONS, flip_y
from lifting.front import Lifted, landmark_jacobian, lift
from lifting.pose_prior import PosePrior
from lifting.solve import unwrap, wrap
from lifting.support.arrays import check_array, check_count, fail
from lifting.support.checked import Positive, checked


@dataclasses.dataclass(frozen=True, eq=False)
class ProjectedLoss:
    """The loss sum_p weight_p ||b_hat_p - target_p||^2 on projected maps, and how B is projected: eq. (1), (2), (9).

    Attributes:
        target: (L, H, W), what the projected maps are compared with.
        weight: (..., L), how much each landmark's map counts; 0 for those that have no target.
        prior: the statistical model of pose.
        sigma: width of the projected maps and of the update, pixels.
        delta: the step of eq. (9), pixels; None for the exact derivative.
        rotations: how many angles are searched.
        visible: (L,), False for landmarks that the maps don't show.
        camera: (3, 3), the known rotation of the camera.
        subpixel: whether the peaks are read, and updated, between pixels.
    """

    target: Float[np.ndarray, "L H W"]
    weight: Float[np.ndarray, "*batch L"]
    prior: PosePrior
    sigma: float = 1.0
    delta: float | None = 1.0
    rotations: int = ROTATIONS
    visible: Bool[np.ndarray, " L"] | None = None
    camera: Float[np.ndarray, "3 3"] | None = None
    subpixel: bool = False

    def compare(
        self, B_hat: Float[np.ndarray, "*batch L H W"]
    ) -> tuple[Float[np.ndarray, "*batch"], Float[np.ndarray, "*batch L H W"]]:
        """The loss of projected maps, and its gradient on every pixel of them, dL/dB_hat.

        Raises:
            ValueError: a target or weights of another shape.
        """
        target = check_array("target", self.target, *B_hat.shape[-3:])
        weight = check_array("weight", self.weight, B_hat.shape[-3])
        misfit = B_hat - target
        loss = np.sum(weight * np.sum(misfit**2, axis=(-1, -2)), axis=-1)
        return loss, 2 * weight[..., None, None] * misfit


class Way(NamedTuple):
    """From belief maps to a loss on the projected ones, and back to the landmarks; pixels, rows downwards."""

    Y: Float[np.ndarray, "*batch 2 L"]
    """The peaks."""
    Y_hat: Float[np.ndarray, "*batch 2 L"]
    loss: Float[np.ndarray, "*batch"]
    D: Float[np.ndarray, "*batch 2 L"]
    """-dL/dY: where each peak should move."""
    lifted: Lifted
    """In the paper's axes, y up."""


def from_loss_to_peaks(B: Float[np.ndarray, "*batch L H W"], given: ProjectedLoss) -> Way:
    """The loss of belief maps B (..., L, H, W), and D = -dL/dY by eq. (9) and (8).

    Raises:
        ValueError: what `lift` and the functions of `lifting.belief` refuse.
    """
    B = check_array("B", B, "L", "H", "W")
    Y = peaks(B, subpixel=given.subpixel)
    lifted = lift(flip_y(Y), given.prior, rotations=given.rotations, scale=None, visible=given.visible,
                  camera=given.camera)  # fmt: skip
    Y_hat = flip_y(lifted.Y_hat)
    loss, g_B_hat = given.compare(belief_maps(Y_hat, B.shape[-2], B.shape[-1], given.sigma))
    # (9)  dL/dY_hat = dL/dB_hat . dB_hat/dY_hat
    g_hat = pull_back_maps(g_B_hat, Y_hat, given.sigma, given.delta)
    # (8)  dL/dY = (E E_bar_t)^T dL/dY_hat, in image coordinates
    H = landmark_jacobian(lifted, given.prior, centred=False)
    g = flip_y(wrap((np.swapaxes(H, -1, -2) @ unwrap(flip_y(g_hat))[..., None])[..., 0]))
    return Way(Y, Y_hat, loss, -g, lifted)


@checked
def step_length(sigma: Positive) -> float:
    """The m of "Updating B" that raises the nearest pixels by 1, a whole belief: 1 / N(1; 0, sigma^2).

    Where no belief is above 1, a longer step moves the peak into the quadrant, whatever hill it stood on.

    Raises:
        ValueError: a width that is not positive.
    """
    return 2 * math.pi * sigma**2 * math.exp(1 / (2 * sigma**2))


class Correction(NamedTuple):
    """What `correct` did to N wrong maps, step by step ("Updating B" again and again); row 0 is the start."""

    path: Float[np.ndarray, "T N 2"]
    """Where the peak of the wrong map was: column, row."""
    loss: Float[np.ndarray, "T N"]
    maps: Float[np.ndarray, "T N H W"]
    """The wrong map."""
    steps: Int[np.ndarray, " N"]
    """How many steps were taken before the loss no longer fell."""


def correct(
    B: Float[np.ndarray, "N L H W"],
    wrong: Int[np.ndarray, " N"],
    given: ProjectedLoss,
    *,
    k: float | None = None,
    steps: int = 15,
) -> Correction:
    """Update the map of landmark wrong[n] in B[n] by "Updating B", again and again.

    With a number for k that is all. The supplement leaves k open; where it is None each step has m =
    `step_length(sigma)`, that is k = m / ||D||, and a step after which the loss is no lower is taken back and ends the
    case: the loss falls at every step.

    Args:
        B: (N, L, H, W), N cases.
        wrong: (N,), index of the landmark whose map is updated; all other maps stay as they are.
        given: the loss, with weight (N, L).
        k: the factor of "Updating B", or None.
        steps: how many at most.

    Raises:
        ValueError: what `from_loss_to_peaks` refuses, no steps, or a negative k.
    """
    if k is not None and not 0 <= k < math.inf:
        fail("k", k, "a finite number >= 0, or None")
    update = belief_update_between if given.subpixel else belief_update
    height, width = B.shape[-2:]
    B, cases, taken = B.copy(), np.arange(len(B)), np.zeros(len(B), dtype=np.int64)
    way = from_loss_to_peaks(B, given)
    Y, D, loss = way.Y[cases, :, wrong], way.D[cases, :, wrong], way.loss
    path, losses, maps, rows = [Y], [loss], [B[cases, wrong]], cases
    for _ in range(check_count("steps", steps)):
        length = np.hypot(*D[rows].T)
        factor = np.full(len(rows), k) if k is not None else step_length(given.sigma) / np.maximum(length, 1e-300)
        tried, here = B[rows], cases[: len(rows)]
        scaled = (factor[:, None] * D[rows])[..., None]
        tried[here, wrong[rows]] += update(Y[rows, :, None], scaled, height, width, 1.0, given.sigma)[:, 0]
        way = from_loss_to_peaks(tried, dataclasses.replace(given, weight=given.weight[rows]))
        kept = (way.loss < loss[rows]) | (k is not None)
        tried, here, rows = tried[kept], here[kept], rows[kept]
        B[rows], taken[rows] = tried, taken[rows] + 1
        Y, D, loss = Y.copy(), D.copy(), loss.copy()
        Y[rows], D[rows] = way.Y[here, :, wrong[rows]], way.D[here, :, wrong[rows]]
        loss[rows] = way.loss[here]
        path.append(Y)
        losses.append(loss)
        maps.append(B[cases, wrong])
        if not len(rows):
            break
    return Correction(np.stack(path), np.stack(losses), np.stack(maps), taken)
