"""The exercises of notebook 11."""

from typing import Any

import numpy as np

from lifting.drawing.exercises.judging import Exercise, Mistake

NOTEBOOK = "11_own_data"

_shares = np.array([[0.5, 0.25, 0.1], [0.2, 0.4, 0.9]])


def _landmarks(shares: np.ndarray, width: float, height: float) -> np.ndarray:
    return np.stack([shares[0] * width, -shares[1] * height])


def _lifted_people(attempt: Any) -> str:
    """What is wrong with what should be the result of `lift_file`."""
    if isinstance(attempt, list) and attempt and all(hasattr(one, "lifted") for one in attempt):
        return "" if any(one.usable.any() for one in attempt) else "Nobody was lifted: what do the notes say?"
    if hasattr(attempt, "lifted"):
        return "That is one person. lift_file gives a list, with everybody in the file."
    if hasattr(attempt, "theta"):
        return "That is what lift gives. lift_file takes the path itself."
    if isinstance(attempt, list) and attempt and hasattr(attempt[0], "confidences"):
        return "That is what read gives: landmarks. lift_file lifts them, too."
    return "Expected the list that lift_file gives."


EXERCISES = {
    "11.1": Exercise(
        right=_landmarks,
        calls=((_shares, 1600, 900), (_shares[::-1], 640, 480)),
        hints=(
            "Two things differ from Y: the unit of each axis, and which way y points.",
            "A share of the width times the width is pixels. Which of the two rows is turned round?",
            "np.stack([shares[0] * width, ...]), and the second row is minus shares[1] times the height.",
        ),
        mistakes=(
            Mistake(
                lambda shares, width, height: np.stack([shares[0] * width, shares[1] * height]),
                "y still points down: rows count downwards, Y wants y up.",
            ),
            Mistake(
                lambda shares, width, height: np.stack([shares[0] * width, -shares[1] * width]),
                "Each axis has its own unit: y is a share of the height.",
            ),
            Mistake(
                lambda shares, width, height: np.stack([shares[0] * height, -shares[1] * width]),
                "Width and height are exchanged: x is a share of the width.",
            ),
        ),
    ),
    "11.2": Exercise(
        right="AC",
        hints=(
            "What does scale=None solve for, and what does that make of a unit?",
            "Of the faults in the chart above, which bar was as low as the input itself?",
            "A unit is no fault where the scale is solved for, and swapped sides look like another person.",
        ),
        mistakes=(
            Mistake("C", "One more: with scale=None a unit is solved for, so centimetres are as good as pixels."),
            Mistake("A", "One more: look at the bar of the swapped sides."),
            Mistake("B", "y down is noticed: its bar is far above 6."),
            Mistake("ACD", "COCO's order is noticed: its bar is far above 6."),
        ),
    ),
    "11.3": Exercise(
        right=0.46,
        hints=(
            "Lift twice, with scale=200.0: once with weights of 1, once with trust.",
            "The pose is in pixels; divide it by the result's scale.",
            "np.linalg.norm of the difference between the two left wrists, pose[:, wrist] / scale.",
        ),
        mistakes=(
            Mistake(0.0, "The wrist does move: is trust given as weights=?"),
            Mistake(0.4, "0.4 m is how far the landmark was put aside, 80 pixels at 200 a metre."),
            Mistake(80.0, "80 pixels is how far the landmark was put aside."),
        ),
        tolerance=0.01,
    ),
    "11.4": Exercise(
        right=None,
        check=_lifted_people,
        hints=(
            "lift_file takes the path of a file.",
            "people = lift_file(own), and each person has notes, pose and lifted.",
        ),
        mistakes=(
            Mistake(None, "Expected the list that lift_file gives."),
            Mistake([], "Expected the list that lift_file gives."),
            Mistake("mine.json", "Expected the list that lift_file gives."),
        ),
    ),
}
