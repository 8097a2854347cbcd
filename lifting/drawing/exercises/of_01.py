"""The exercises of notebook 01."""

import numpy as np

from lifting import camera
from lifting.checking import mistakes
from lifting.drawing.exercises.judging import Exercise, Mistake

NOTEBOOK = "01_projection"

_pose = np.random.default_rng(1).standard_normal((3, 17))
_calls = tuple(
    (_pose, theta, s, camera.tilted_camera(np.array(tilt))) for theta, s, tilt in ((0.9, 340.0, 0.25), (4, 1, 0.6))
)


def _fewest(r: float, d: float) -> int:
    return int(np.ceil(np.pi / (2 * np.arcsin(d / (2 * r)))))


EXERCISES = {
    "1.1": Exercise(
        right=[[0, -1, 1], [-1, 2, -1]],
        hints=(
            "At 270 degrees cos = 0 and sin = -1. What is x' = x cos + z sin?",
            "x' = -z, and y stays.",
        ),
        mistakes=(
            Mistake([[0, 1, -1], [-1, 2, -1]], "That is 90 degrees: at 270 the sine is -1."),
            Mistake([[-1, 0, 1], [-1, 2, -1]], "That is 180 degrees, half a turn."),
            Mistake([[0, -1, 1], [1, -2, 1]], "A turn about the vertical leaves y as it is."),
            Mistake([[0, -1], [-1, 2], [1, -1]], "Two rows: all x, then all y."),
        ),
    ),
    "1.2": Exercise(
        right=lambda pose, theta, s, C: s * (C @ camera.rotation(np.asarray(theta, float)) @ pose)[:2],
        calls=_calls,
        hints=(
            "The person turns first, the camera comes after: C @ R @ pose.",
            "Pi keeps the first two rows; s multiplies all.",
        ),
        mistakes=(
            Mistake(
                lambda pose, theta, s, C: s * (camera.rotation(np.asarray(theta, float)) @ C @ pose)[:2],
                "The person turns first, the camera comes after: C stands on the left.",
            ),
            Mistake(
                lambda pose, theta, s, C: (C @ camera.rotation(np.asarray(theta, float)) @ pose)[:2] / s,
                "s is pixels per metre: metres times s are pixels.",
            ),
            Mistake(
                lambda pose, theta, s, C: s * (camera.rotation(np.asarray(theta, float)) @ pose)[:2],
                "The camera is missing.",
            ),
            Mistake(
                lambda pose, theta, s, C: s * (C @ camera.rotation(np.asarray(-theta, float)) @ pose)[:2],
                "It turns the other way: R(theta), and not R(-theta).",
            ),
        ),
    ),
    "1.3": Exercise(
        right="C",
        hints=(
            "Half a turn negates the rows x and z of the pose.",
            "The picture has x and y: which x is its own negative?",
        ),
        mistakes=(
            Mistake("A", "x changes its sign: a hand that was stretched to the right is now stretched to the left."),
            Mistake("B", "What lies on the axis stays: its x is 0."),
            Mistake("D", "z is not seen; it is x that is negated in the picture."),
        ),
    ),
    "1.4": Exercise(
        right=_fewest,
        calls=((0.8, 0.01), (0.5, 0.02)),
        hints=(
            "Solve 2 r sin(pi / 2T) = d for T.",
            "T = pi / (2 arcsin(d / 2r)), and the next whole number.",
        ),
        mistakes=(
            Mistake(lambda r, d: _fewest(r, d) - 1, "Rounded down, the hand moves by more than d: round up."),
            Mistake(
                lambda r, d: int(np.ceil(np.pi / np.arcsin(d / (2 * r)))),
                "Twice as many as needed: the nearest angle is off by half a step at most.",
            ),
            Mistake(lambda r, d: np.pi / (2 * np.arcsin(d / (2 * r))), "A number of angles is whole: np.ceil."),
        ),
    ),
    "1.5": Exercise(
        right=lambda f: f is camera.rotation,
        calls=((camera.rotation,), (mistakes.mystery(11),)),
        hints=(
            "Turn what is nearest to the viewer by a small angle with both, and compare.",
            "By (1), x' = x cos + z sin: for (0, 0, 1) it is the sine.",
        ),
        mistakes=(
            Mistake(lambda f: True, "That acquits everyone, the suspect as well. Both are rotations."),
            Mistake(lambda f: False, "That convicts everyone, the right function as well."),
            Mistake(lambda f: f is not camera.rotation, "What is nearest goes to the right: its x is positive."),
        ),
    ),
}
