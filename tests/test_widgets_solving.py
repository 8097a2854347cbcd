"""The widget of notebook 03: what is shown is what was solved."""

import numpy as np
import pytest

from lifting import lift
from lifting.datasets.motion_capture import load_motion_capture
from lifting.drawing.widgets.solving import ROTATIONS, SolvingWidget
from lifting.pose_prior import load_prior
from lifting.solve import centre
from lifting.turned import search_around, turn_prior


@pytest.fixture(scope="module")
def truth():
    return load_motion_capture().of_clip("kick")[20]


@pytest.fixture(scope="module")
def embedded():
    return load_prior().subset(bases=10)


def test_sigma_trades_the_fit_for_the_prior(truth, embedded):
    widget = SolvingWidget(truth, embedded)
    misfits = []
    for factor in (0.01, 1.0, 100.0):
        widget["sigma"] = factor
        misfits.append(widget.errors[0])
    assert misfits[0] < misfits[1] < misfits[2]
    stiff = search_around(truth[:2], turn_prior(embedded, 80), 80, 1e6)
    np.testing.assert_allclose(stiff.pose[1], embedded.mu[stiff.component, 1], atol=1e-6)  # the mean, turned


def test_what_is_shown_is_what_was_solved(truth, embedded):
    widget = SolvingWidget(truth, embedded, heading=45.0)
    shown = widget._cost.winner.data[:, 0]
    lifted = lift(widget.landmarks, embedded, rotations=widget["rotations"])
    np.testing.assert_allclose(shown, [np.degrees(lifted.theta), lifted.cost])
    np.testing.assert_allclose(widget.pose, lifted.pose, atol=1e-9)
    assert widget["rotations"] in ROTATIONS and widget._cost.dots.data.shape[1] == widget["rotations"]


def test_the_runner_up_is_an_angle_that_was_searched(truth, embedded):
    widget = SolvingWidget(truth, embedded, heading=0.0)
    widget["rotations"] = 20
    second, cost = widget._cost.second.data[:, 0]
    assert second % 18 == 0 and cost > widget._cost.winner.data[1, 0]


def test_landmarks_are_dragged_hidden_and_put_back(truth, embedded):
    widget = SolvingWidget(truth, embedded)
    exact, start = widget.errors, widget.landmarks
    widget._landmarks.handles.drag(13, *(start[:, 13] + 0.3))
    widget.refresh()
    np.testing.assert_allclose(widget.landmarks[:, 13] - start[:, 13], 0.3)
    assert widget.errors[1] > exact[1]
    widget._landmarks.handles.press(13)
    widget.refresh()
    lifted = lift(widget.landmarks, embedded, visible=widget.visible)
    np.testing.assert_allclose(centre(widget.pose), centre(lifted.pose), atol=1e-9)
    widget.reset()
    np.testing.assert_allclose(widget.errors, exact)


def test_bad_input(truth, embedded):
    with pytest.raises(ValueError, match=r"truth: got shape \(2, 17\), expected shape \(..., 3, 17\)"):
        SolvingWidget(truth[:2], embedded)
