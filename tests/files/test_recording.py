"""What every reader hands out: the fields of a recording agree, and wrong ones are refused."""

import numpy as np
import pytest

from lifting.files.recording import L, Recording


def fields(**changes):
    Y, confidences = np.arange(3 * 2 * L, dtype=float).reshape(3, 2, L), np.full((3, L), 0.5)
    Y[1, :, 4], confidences[1, 4] = np.nan, 0
    return {"Y": Y, "confidences": confidences, "frames": np.array([4, 5, 9])} | changes


def test_a_recording_says_how_long_it_is_and_what_is_there():
    recording = Recording(**fields())
    assert len(recording) == 3
    assert recording.visible.sum() == 3 * L - 1 and not recording.visible[1, 4]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"frames": np.array([4, 4, 9])}, "frames: got 4 after 4, expected rising numbers"),
        ({"frames": np.array([4, 5])}, "Y: got shape (3, 2, 17), expected shape (2, 2, 17)"),
        ({"confidences": np.full((3, L), -1.0)}, "confidences: got -1.0, expected numbers >= 0"),
        ({"confidences": np.ones((3, L))}, "Y: got a landmark that is and isn't there"),
        ({"times": np.array([0.0, 0.1])}, "times: got shape (2,)"),
        ({"times": np.array([0.0, 0.1, 0.1])}, "times: got 0.1 after 0.1"),
        ({"size": (0, 100)}, "size: got (0, 100)"),
    ],
)
def test_fields_that_do_not_agree_are_refused(change, said):
    with pytest.raises(ValueError) as raised:
        Recording(**fields(**change))
    assert said in str(raised.value)
