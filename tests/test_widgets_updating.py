"""The widget of notebook 06: what is shown is what was computed."""

import numpy as np
import pytest

from lifting import load_prior
from lifting.datasets.real_frames import load_real_frames
from lifting.drawing.widgets.updating import STEPS, UpdatingWidget
from lifting.skeleton import HUMAN36M
from lifting.updating import correct

ANKLE = HUMAN36M.index("right_ankle")


@pytest.fixture(scope="module")
def prior():
    return load_prior()


@pytest.fixture(scope="module")
def frame():
    return load_real_frames(["cam01_004"])[0]


def test_what_is_shown_is_what_the_steps_gave(frame, prior):
    widget = UpdatingWidget(frame, prior)
    widget["k"], widget["steps"] = 10.0, STEPS
    every = widget.loss(widget.visible.astype(float)[None])
    result = correct(widget.maps()[None], np.array([ANKLE]), every, k=10.0, steps=STEPS)
    np.testing.assert_allclose(widget._map.data, result.maps[STEPS, 0][widget._window], atol=1e-9)
    np.testing.assert_array_equal(widget._path.data.T, result.path[:, 0])
    np.testing.assert_array_equal(widget.way.Y[:, ANKLE], result.path[STEPS, 0])
    np.testing.assert_allclose(widget._curve.data[1], result.loss[:, 0] / result.loss[0, 0])
    assert widget.distance <= 2


def test_steps_one_by_one_are_those_taken_at_once(frame, prior):
    widget, other = UpdatingWidget(frame, prior), UpdatingWidget(frame, prior)
    for step in range(6):
        widget["steps"] = step
    other["steps"] = 5
    assert widget.state()["numbers"] == other.state()["numbers"]
    widget["steps"] = 2
    assert widget._path.data.shape == (2, 3)


def test_bad_input(frame, prior):
    with pytest.raises(ValueError, match=r"landmark: got 'pelvis', expected one of right_hip, "):
        UpdatingWidget(frame, prior, "pelvis")
