"""The widget of notebook 04: against `lift` and differences."""

import numpy as np
import pytest

from lifting import lift
from lifting.camera import turn
from lifting.datasets.motion_capture import load_motion_capture
from lifting.drawing.widgets.jacobian import ARROW, ROTATIONS, JacobianWidget
from lifting.front import landmark_jacobian
from lifting.pose_prior import load_prior
from lifting.skeleton import HUMAN36M


@pytest.fixture(scope="module")
def kick():
    return turn(load_motion_capture().of_clip("kick")[20], np.asarray(0.6))[:2]


@pytest.fixture(scope="module")
def embedded():
    return load_prior().subset(bases=12)


def drag(widget, index, place):
    widget._landmarks.handles.drag(index, *place)
    widget.refresh()


def press(widget, index):
    widget._landmarks.handles.press(index)
    widget.refresh()


@pytest.fixture
def widget(kick, embedded):
    return JacobianWidget(kick, embedded)


def test_the_arrows_say_where_Y_hat_goes(widget):
    chosen, step = HUMAN36M.index("right_wrist"), 0.01
    before, angle = widget.response.pose[:2], widget.response.angle
    arrows = [arrow.data[2:] / ARROW for arrow in widget._arrows]
    for slider, arrow in zip(("x", "y"), arrows, strict=True):
        widget[slider] = step
        assert widget.response.angle == angle
        # a fixed rotation makes Y_hat affine in Y, so that one step of any size gives the derivative
        np.testing.assert_allclose((widget.response.pose[:2] - before) / step, arrow, atol=1e-9)
        widget[slider] = 0.0
    assert np.linalg.norm(arrows[0][:, chosen]) == max(np.linalg.norm(arrows[0], axis=0))


def test_sigma_lowers_the_trace(widget):
    traces = []
    for factor in (0.01, 1.0, 10.0, 100.0):
        widget["sigma"] = factor
        traces.append(np.trace(widget.response.H))
    assert traces[0] > traces[1] > traces[2] > traces[3] > 0
    assert traces[0] < widget.prior.J + 1e-9


def test_moving_a_landmark_changes_the_winner(widget):
    first, winners = (widget.response.component, widget.response.angle), set()
    for x in np.linspace(-0.5, 0.5, 21).round(2):
        widget["x"] = x
        winners.add((widget.response.component, widget.response.angle))
    assert first in winners and len(winners) > 1


def test_what_is_shown_is_what_was_solved(widget):
    widget["rotations"], widget["y"] = 20, 0.3
    shown = widget._cost.winner.data[:, 0]
    lifted = lift(widget.landmarks, widget.prior, rotations=20)
    np.testing.assert_allclose(shown, [np.degrees(lifted.theta), lifted.cost])
    np.testing.assert_allclose(widget._matrix.data, landmark_jacobian(lifted, widget.prior), atol=1e-9)
    np.testing.assert_allclose(np.sum(widget._eigenvalues.data[1]), np.trace(widget.response.H))
    np.testing.assert_allclose(widget._arrows[0].data[:2], lifted.Y_hat)
    assert widget._cost.dots.data.shape[1] == 20 and 20 in ROTATIONS


def test_every_landmark_is_dragged_and_keeps_its_place(widget):
    wrist, ankle = HUMAN36M.index("right_wrist"), HUMAN36M.index("left_ankle")
    widget["x"] = 0.1
    drag(widget, ankle, widget.start[:, ankle] + [0.2, -0.3])
    assert (widget["landmark"], widget["x"], widget["y"]) == ("left_ankle", 0.2, -0.3)
    moved = widget.landmarks - widget.start
    np.testing.assert_allclose(moved[:, [wrist, ankle]], [[0.1, 0.2], [0, -0.3]], atol=1e-12)
    widget["landmark"] = "right_wrist"
    assert widget["x"] == 0.1
    widget.reset()
    np.testing.assert_array_equal(widget.landmarks, widget.start)


def test_a_hidden_landmark_has_no_say(widget):
    ankle = HUMAN36M.index("left_ankle")
    press(widget, ankle)
    lifted = lift(widget.landmarks, widget.prior, visible=widget._landmarks.visible)
    np.testing.assert_allclose(widget._landmarks.answer.data, lifted.Y_hat, atol=1e-9)
    np.testing.assert_allclose(widget.response.H[:, [ankle, 17 + ankle]], 0, atol=1e-12)
    press(widget, ankle)
    assert widget._landmarks.visible.all()
    with pytest.raises(ValueError, match="visible: got 3 landmarks, expected at least 4"):
        for index in range(14):
            press(widget, index)


def test_bad_input(kick, embedded):
    with pytest.raises(ValueError, match=r"Y: got shape \(3, 17\), expected shape \(..., 2, 17\)"):
        JacobianWidget(np.zeros((3, 17)), embedded)
    with pytest.raises(ValueError, match=r"landmark: got 'tail', expected one of pelvis, "):
        JacobianWidget(kick, embedded, landmark="tail")
