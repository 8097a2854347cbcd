"""The widget of notebook 04: against `lift` and differences; every control counts."""

import numpy as np
import pytest

from lifting import lift
from lifting.camera import turn
from lifting.datasets.motion_capture import load_motion_capture
from lifting.drawing.widgets.jacobian import ROTATIONS, JacobianWidget
from lifting.front import landmark_jacobian
from lifting.pose_prior import load_prior
from lifting.skeleton import HUMAN36M


@pytest.fixture(scope="module")
def kick():
    return turn(load_motion_capture().of_clip("kick")[20], np.asarray(0.6))[:2]


@pytest.fixture(scope="module")
def embedded():
    return load_prior().subset(bases=12)


@pytest.fixture
def widget(kick, embedded):
    return JacobianWidget(kick, embedded)


def test_the_arrows_say_where_Y_hat_goes(widget):
    chosen, step = HUMAN36M.index("right_wrist"), 0.01
    before, angle = widget.response.pose[:2], widget.response.angle
    arrows = [np.stack([arrow.U, arrow.V]) for arrow in widget._arrows]
    for slider, arrow in zip(("x", "y"), arrows, strict=True):
        widget[slider] = step
        assert widget.response.angle == angle
        # a fixed rotation makes Y_hat affine in Y, so that one step of any size gives the derivative
        np.testing.assert_allclose((widget.response.pose[:2] - before) / step, arrow, atol=1e-9)
        widget[slider] = 0.0
    assert np.linalg.norm(arrows[0][:, chosen]) == max(np.linalg.norm(arrows[0], axis=0))


@pytest.mark.parametrize(
    ("control", "value"),
    [("landmark", "left_ankle"), ("x", 0.2), ("y", -0.1), ("sigma", 10.0), ("rotations", 8), ("scale", "free")],
)
def test_every_control_changes_the_picture_and_back(widget, control, value):
    widget["x"] = 0.1
    before, old = widget.png(), widget[control]
    widget[control] = value
    assert widget.png() != before
    widget[control] = old
    assert widget.png() == before


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
    shown = np.array(widget._winner.get_data())[:, 0]
    lifted = lift(widget.landmarks, widget.prior, rotations=20)
    np.testing.assert_allclose(shown, [np.degrees(lifted.theta), lifted.cost])
    np.testing.assert_allclose(widget._matrix.get_array(), landmark_jacobian(lifted, widget.prior), atol=1e-9)
    np.testing.assert_allclose(np.sum(widget._eigenvalues.get_ydata()), np.trace(widget.response.H))
    np.testing.assert_allclose(
        np.sort(np.stack([arrow.get_offsets() for arrow in widget._arrows])[0], axis=0), np.sort(lifted.Y_hat.T, axis=0)
    )
    assert len(widget._dots.get_xdata()) == 20 and 20 in ROTATIONS


def test_bad_input(kick, embedded):
    with pytest.raises(ValueError, match=r"Y: got shape \(3, 17\), expected shape \(..., 2, 17\)"):
        JacobianWidget(np.zeros((3, 17)), embedded)
    with pytest.raises(ValueError, match=r"landmark: got 'tail', expected one of pelvis, "):
        JacobianWidget(kick, embedded, landmark="tail")
