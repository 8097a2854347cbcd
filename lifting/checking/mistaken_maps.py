"""Mistakes on the way from the image to the world and in belief maps, and the checks that find them.

What a mistake does in training is in its docstring. `lifting.checking.mistakes` shows them all.
"""

import numpy as np

from lifting.belief import belief_gradient, belief_maps, belief_update, belief_update_gradient
from lifting.checking.mistaken_models import Implementation, look, require
from lifting.datasets.real_frames import RealFrame, load_real_frames
from lifting.skeleton import HUMAN36M
from lifting.support.arrays import Array

# --- from the image to the world ---------------------------------------------------------------------------------


def world_landmarks(frame: RealFrame) -> Array:
    """The landmarks Y (2, 17) of a photo in the paper's axes, y up: `RealFrame.Y`."""
    return frame.Y


def image_landmarks(frame: RealFrame) -> Array:
    """The landmarks in the axes of the image, where rows count downwards.

    At a known scale the 3D error is most of a metre from the first step on, while Y_hat stays within centimetres of
    Y: 25 bases can stand a person on the head. With a free scale some frames have no admissible rotation, as they
    ask for s < 0, and the others come out huge.
    """
    return frame.landmarks


def check_up_is_up(implementation: Implementation) -> None:
    """`world_landmarks`: on every photo the nose is above the hips and the ankles.

    The man walks upright, so gravity is the reference.
    """
    nose = HUMAN36M.index("nose")
    for frame in load_real_frames():
        y = look(implementation(frame), (2, 17))[1] / frame.pixels_per_metre
        for name in ("left_hip", "right_hip", "left_ankle", "right_ankle"):
            lower = HUMAN36M.index(name)
            require(
                y[nose] - y[lower] > 0.2 or not frame.visible[[nose, lower]].all(),
                f"the nose above the {name} in {frame.name}",
                f"it {y[nose] - y[lower]:+.2f} m higher",
                "Rows of an image count downwards, the world's y points up: y = -row.",
            )


def swapped_sides(frame: RealFrame) -> Array:
    """The landmarks of someone who thinks that left is the viewer's left.

    2D losses don't see it where targets are swapped alike. No heading explains such a person: headings come out
    anywhere, poses twisted, and the 3D error is several times what it should be.
    """
    return frame.Y[:, list(HUMAN36M.swap)]


def check_left_is_left(implementation: Implementation) -> None:
    """`world_landmarks`: the man's left hip and shoulder are on the left of where his nose points, on every photo.

    In a right-handed frame left = up x forward; with y up, its x is the z of forward. Forward is from the triangulated
    neck to the triangulated nose, which have no side.
    """
    nose, neck = HUMAN36M.index("nose"), HUMAN36M.index("neck")
    for frame in load_real_frames():
        x = look(implementation(frame), (2, 17))[0] / frame.pixels_per_metre
        forward = frame.pseudo_truth[2, nose] - frame.pseudo_truth[2, neck]
        for part in ("hip", "shoulder"):
            left, right = HUMAN36M.index(f"left_{part}"), HUMAN36M.index(f"right_{part}")
            require(
                forward * (x[left] - x[right]) > 0 or not frame.pseudo_visible[[nose, neck]].all(),
                f"the left {part} on the left of where the nose points in {frame.name}",
                f"it {abs(x[left] - x[right]):.2f} m on the right of the other one",
                "Left is the person's own left: on the right of the picture where he faces the viewer.",
            )


# --- the gradient of the projected maps --------------------------------------------------------------------------


def forward_difference(Y: Array, height: int, width: int, sigma: float = 1.0, delta: float = 1.0) -> Array:
    """(G(x + delta) - G(x)) / delta, and the same in y, in the place of eq. (9).

    Training works, and ends beside the goal: landmarks that climb an overlap of maps stop half a step before its
    top, towards the upper left. Half a cell of the map is four pixels of the image at stride 8.
    """
    here = belief_maps(Y, height, width, sigma)
    ahead = [belief_maps(Y + delta * np.eye(2)[:, [axis]], height, width, sigma) for axis in (0, 1)]
    return np.stack([maps - here for maps in ahead], axis=-3) / delta


DELTAS = (0.75, 1.0, 1.5)
"""Steps of eq. (9) at which a gradient is looked at. Not 1/2, at which 1 / (2 delta) makes no difference."""


def check_gradient_is_odd(implementation: Implementation) -> None:
    """`belief_gradient`: mirrored at its landmark, the gradient in x changes its sign, and so does that in y.

    Moving a Gaussian to either side by as much gives two maps that mirror each other. The landmark is in the middle of
    its map, so that to mirror is to flip the array.
    """
    for delta in DELTAS:
        gradient = look(implementation(np.array([[8.0], [8.0]]), 17, 17, 1.0, delta), (1, 2, 17, 17))[0]
        for i, name in enumerate("xy"):
            uneven = np.abs(gradient[i] + np.flip(gradient[i], axis=1 - i)).max() / np.abs(gradient[i]).max()
            require(
                uneven < 1e-9,
                f"the gradient in {name} to be odd about its landmark (delta = {delta})",
                f"its two sides differ by {uneven:.0%} of its largest value",
                "Eq. (9) is a central difference: its error is of order delta^2, a one-sided one's of order delta.",
            )


def undivided_difference(Y: Array, height: int, width: int, sigma: float = 1.0, delta: float = 1.0) -> Array:
    """G(x + delta) - G(x - delta) alone: eq. (9) without its 1 / (2 delta).

    At delta = 1 every gradient through the lifting is twice too large, in the right direction: as if k were
    another. It shows when delta is changed and the learning rate has to follow. At delta = 1/2 it isn't there.
    """
    return 2 * delta * belief_gradient(Y, height, width, sigma, delta)


def check_gradient_moves_the_mass(implementation: Implementation) -> None:
    """`belief_gradient`: as the landmark moves by one pixel, so does the centre of mass of its map.

    The mass of a Gaussian of peak 1 is 2 pi sigma^2, wherever it is. So the sum over the pixels z of a gradient times
    z - Y must be 2 pi sigma^2 along its own axis and 0 along the other. That holds for differences as for derivatives.
    """
    Y, sigma = np.array([[15.0], [16.3]]), 1.2
    rows, columns = np.mgrid[:32, :32]
    for delta in DELTAS:
        gradient = look(implementation(Y, 32, 32, sigma, delta), (1, 2, 32, 32))[0]
        moved = np.einsum("ihw,khw->ik", gradient, np.stack([columns, rows]) - Y[:, :, None]) / (2 * np.pi * sigma**2)
        for i, k in np.ndindex(2, 2):
            require(
                abs(moved[i, k] - (i == k)) < 1e-6,
                f"a pixel in {'xy'[i]} to move the mass {int(i == k)} pixels in {'xy'[k]} (delta = {delta})",
                f"{moved[i, k]:.2f} pixels",
                "A difference over 2 delta pixels has to be divided by 2 delta.",
            )


# --- the update of the belief maps -------------------------------------------------------------------------------

DIRECTIONS = np.array([[2.0, -1.0, -0.5, 3.0, 1.0, 0.0, 0.0], [1.0, 2.0, -0.5, -1.0, 0.0, -2.0, 0.0]])
"""D (2, 7) of the checks: every quadrant, along the axes, and none."""


def _update_gradients(implementation: Implementation, k: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What an implementation returns for `DIRECTIONS`, at pixel (5, 4) of 10 x 11 maps, and z - Y for the pixels z."""
    Y = np.tile([[5.0], [4.0]], DIRECTIONS.shape[1])
    gradient = look(implementation(Y, DIRECTIONS, 10, 11, k, 1.0), (DIRECTIONS.shape[1], 10, 11))
    rows, columns = np.mgrid[:10, :11]
    return gradient, columns - 5, rows - 4


def update_for_gradient(Y: Array, D: Array, height: int, width: int, k: float = 1.0, sigma: float = 1.0) -> Array:
    """The update itself, where a backward pass returns minus the update.

    Every peak gets higher, the wrong ones most, so it stays: the lifting's part of the gradient makes the maps sure
    of themselves and moves nothing. Losses of single stages can outweigh it, so expect training that is merely no
    better than with k = 0.
    """
    return belief_update(Y, D, height, width, k, sigma)


def check_descent_empties_the_peak(implementation: Implementation) -> None:
    """`belief_update_gradient`: a step of gradient descent takes k |D| from the belief at Y_p, and from no other pixel.

    An optimiser subtracts what a backward pass returns.
    """
    k = 0.5
    gradient, x, y = _update_gradients(implementation, k)
    here = (x == 0) & (y == 0)
    for D, step in zip(DIRECTIONS.T, -gradient, strict=True):
        change, wanted = float(step[here][0]), -k * float(np.hypot(*D))
        require(
            np.isclose(change, wanted) and step[~here].min() >= 0,
            f"descent to change the belief at the peak by {wanted:+.2f} for D = {D}, and to lower no other",
            f"{change:+.2f} there, and {step[~here].min():+.2f} or more elsewhere",
            "The update lowers the peak, and the gradient is minus the update, as an optimiser subtracts it.",
        )


def mirrored_quadrant(Y: Array, D: Array, height: int, width: int, k: float = 1.0, sigma: float = 1.0) -> Array:
    """The update made for the gradient dL/dY in the place of the direction D = -dL/dY.

    Peaks are pushed away from where they should go. It shows where the lifting's gradient is all there is; beside
    losses of single stages, expect training that is somewhat worse than with k = 0.
    """
    return belief_update_gradient(Y, -D, height, width, k, sigma)


def check_quadrant(implementation: Implementation) -> None:
    """`belief_update_gradient`: besides the peak it reaches the pixels z with (z - Y) D >= 0 in x and y, and no other.

    Whether it raises or lowers them is not looked at.
    """
    gradient, x, y = _update_gradients(implementation, 1.0)
    elsewhere = (x != 0) | (y != 0)
    for D, reached in zip(DIRECTIONS.T, np.abs(gradient) > 1e-12, strict=True):
        quadrant = (x * D[0] >= 0) & (y * D[1] >= 0) & elsewhere & (np.hypot(*D) > 0)
        missed, astray = (quadrant & ~reached).sum(), (reached & elsewhere & ~quadrant).sum()
        require(
            missed == astray == 0,
            f"the {quadrant.sum()} pixels of the quadrant of D = {D} to change",
            f"{missed} of them left out and {astray} others changed",
            "Belief has to come up where the landmark should go: D = -dL/dY, x = column, y = row.",
        )
