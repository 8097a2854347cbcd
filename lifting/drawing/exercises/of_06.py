"""The exercises of notebook 06."""

from typing import Any

import numpy as np

from lifting import belief, pose_prior, updating
from lifting.datasets import real_frames
from lifting.drawing.exercises.judging import Exercise, Mistake
from lifting.skeleton import HUMAN36M

NOTEBOOK = "06_updating_beliefs"

_N_1, _N_2 = np.exp(-0.5) / (2 * np.pi), np.exp(-1) / (2 * np.pi)
_wishes = ((3.0, -4.0), (-1.0, -1.0), (1.0, 0.0), (0.0, -2.0), (0.0, 0.0))


def _update(Y: np.ndarray, D: np.ndarray, size: int, k: float = 1.0, sigma: float = 1.0) -> np.ndarray:
    Y, D = np.array(Y, dtype=float)[:, None], np.array(D, dtype=float)[:, None]
    return belief.belief_update(Y, D, size, size, k, sigma)[0]


def _open_quadrant(Y: np.ndarray, D: np.ndarray, size: int, k: float = 1.0, sigma: float = 1.0) -> np.ndarray:
    update = _update(Y, D, size, k, sigma)
    rows, columns = np.mgrid[:size, :size]
    inside = ((columns - Y[0]) * D[0] > 0) & ((rows - Y[1]) * D[1] > 0)
    return np.where(inside | (update < 0), update, 0)


def _peak_raised(Y: np.ndarray, D: np.ndarray, size: int, k: float = 1.0, sigma: float = 1.0) -> np.ndarray:
    update = _update(Y, D, size, k, sigma)
    return np.where(update < 0, -update / (2 * np.pi * sigma**2), update)


def _peak_only(Y: np.ndarray, D: np.ndarray, size: int, k: float = 1.0, sigma: float = 1.0) -> np.ndarray:
    return np.minimum(_update(Y, D, size, k, sigma), 0)


def _peak_of_1(Y: np.ndarray, D: np.ndarray, size: int, k: float = 1.0, sigma: float = 1.0) -> np.ndarray:
    update = _update(Y, D, size, k, sigma)
    return np.where(update > 0, update * 2 * np.pi * sigma**2, update)


def _mirrored(Y: np.ndarray, D: np.ndarray, size: int, k: float = 1.0, sigma: float = 1.0) -> np.ndarray:
    return _update(Y, -np.array(D), size, k, sigma)


def distance_in_the_end(number: int, landmark: str, shift: tuple[int, int]) -> float:
    """How far from home, in cells, a landmark's peak is after `updating.correct`, its map moved by `shift`."""
    photo, p = real_frames.load_real_frames()[number], HUMAN36M.index(landmark)
    maps, has_map = real_frames.belief_human36m(photo)
    seen, truth = has_map & photo.visible, belief.peaks(maps)
    if not seen[p]:
        return 0.0
    maps[p] = np.roll(maps[p], (shift[1], shift[0]), axis=(0, 1))
    target, weight = belief.belief_maps(truth, maps.shape[1], maps.shape[2], 2.0), seen[None].astype(float)
    given = updating.ProjectedLoss(
        target, weight, pose_prior.load_prior(), sigma=2.0, visible=seen, camera=photo.map_camera
    )
    path = updating.correct(maps[None], np.array([p]), given).path
    return float(np.linalg.norm(path[-1, 0] - truth[:, p]))


def _stays_away(choice: Any) -> str:
    try:
        number, landmark, (right, down) = choice
        number, right, down = int(number), int(right), int(down)
    except (TypeError, ValueError):
        return "Three things are asked for: the photo's number, a landmark's name, and (columns, rows)."
    if number not in range(8) or landmark not in HUMAN36M.landmarks:
        return f"There are photos 0 to 7, and the landmarks {', '.join(HUMAN36M.landmarks)}."
    if np.hypot(right, down) < 3:
        return "The shift must be of at least 3 cells."
    distance = distance_in_the_end(number, landmark, (right, down))
    return "" if distance > 2 else f"It ends {distance:.1f} cells from home (or has no map): that counts as corrected."


EXERCISES = {
    "6.1": Exercise(
        right=[-1.0, _N_1, _N_2, 0.0],
        hints=(
            "How long is D, and what is m?",
            "m = 0.1 times 10 = 1. D points to the left and down: which of the four pixels lie in that quadrant?",
            "-m at the peak; m times the density at the distances 1 and root 2, as printed; 0 outside of the quadrant.",
        ),
        mistakes=(
            Mistake([-1.0, _N_1, 0.0, _N_1], "Rows count down, so D points down; and to the left, not to the right."),
            Mistake([-1.0, 0.0, _N_2, 0.0], "The quadrant's edges belong to it: straight to the left counts."),
            Mistake([1.0, _N_1, _N_2, 0.0], "The peak is lowered."),
            Mistake([-10.0, 10 * _N_1, 10 * _N_2, 0.0], "k = 0.1 is missing."),
            Mistake([-0.5, _N_1 / 2, _N_2 / 2, 0.0], "That is the example's m. Here D is 10 long."),
        ),
        tolerance=1.1e-3,
    ),
    "6.2": Exercise(
        right=_update,
        calls=tuple(((3, 3), np.array(wish), 7) for wish in _wishes) + (((1, 4), np.array([0.5, 2.0]), 6, 0.3, 1.5),),
        hints=(
            "First a mask of the quadrant, then np.where.",
            "np.sign(right) * np.sign(D[0]) >= 0 is the half on the side of D, with its edge and the case of no wish.",
            "m * density in both halves at once, 0 elsewhere, and -m where right and down are both 0.",
        ),
        mistakes=(
            Mistake(_open_quadrant, "The quadrant's edges belong to it, and where D has no component, both sides do."),
            Mistake(_peak_raised, "The peak itself must lose m; here it gains."),
            Mistake(_peak_only, "The peak is lowered, but nothing is raised."),
            Mistake(_mirrored, "This is the opposite quadrant: it moves the peak away from where D points."),
            Mistake(_peak_of_1, "The density sums to 1 over all pixels: it is no Gaussian of peak 1."),
        ),
    ),
    "6.3": Exercise(
        right=[0.3, 1, 2.072],
        hints=(
            "n is 0 on the left, for it lies outside of the quadrant, and 0.0965 on the right.",
            "At which m is 1 - m = 0.7? At which is 1 - m = 0.5 + 0.0965 m? The smaller one is the first jump.",
            "The right one is ahead of the left one where 0.5 + 0.0965 m > 0.7.",
        ),
        mistakes=(
            Mistake([0.456, 3, 2.072], "Does the right neighbour win first? The left one needs m = 0.3 only."),
            Mistake([0.3, 3, 2.072], "At m = 0.3 the peak is level with the left neighbour, in column 1."),
            Mistake(
                [0.3, 1, 0.456], "That is where the right one draws level with the old peak, not with the left one."
            ),
            Mistake([0.274, 1, 2.072], "The left neighbour is raised by nothing: it lies outside of the quadrant."),
        ),
        tolerance=0.006,
    ),
    "6.4": Exercise(
        right=[np.array([0.0, 0.0]), np.array([0.0, -1.0]), np.array([1.0, 0.0])],
        hints=(
            "One step of descent: subtract the gradient from the map.",
            "belief.peaks takes maps (L, rows, columns) and gives (2, L): subtract Y_hill and take column 0.",
        ),
        mistakes=(
            Mistake(
                [np.array([1.0, 0.0]), np.array([0.0, 0.0]), np.array([0.0, 0.0])],
                "Descent subtracts the gradient; this adds it.",
            ),
            Mistake(
                [np.array([8.0, 8.0]), np.array([8.0, 7.0]), np.array([9.0, 8.0])],
                "That is where the peak is; by how much has it moved?",
            ),
            Mistake(
                [np.array([0.0, 0.0]), np.array([0.0, 1.0]), np.array([-1.0, 0.0])],
                "The new peak minus the old one, not the other way round.",
            ),
        ),
    ),
    "6.5": Exercise(
        right=None,
        hints=(
            "How far does a target of width 2 pull (notebook 05)?",
            "Beyond five widths, here 10 cells, a target is not felt: try a shift of 16 cells in both directions.",
        ),
        mistakes=(
            Mistake([0, "right_ankle", (-5, 3)], "It comes home."),
            Mistake([0, "right_ankle", (1, 1)], "The shift must be of at least 3 cells."),
            Mistake([0, "tail", (16, 16)], "There is no such landmark."),
            Mistake([9, "right_ankle", (16, 16)], "There is no such photo."),
        ),
        check=_stays_away,
    ),
}
