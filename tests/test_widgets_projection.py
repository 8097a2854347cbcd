"""The widget of notebook 01: the numbers behind its picture, and that the picture follows the sliders."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifting.camera import rotation, rotation_angles, tilted_camera
from lifting.checking.jumps import angle_index
from lifting.datasets.motion_capture import load_motion_capture
from lifting.drawing.widgets.projection import ProjectionWidget


@pytest.fixture(scope="module")
def pose():
    return load_motion_capture().of_clip("walk")[0]


@pytest.fixture
def widget(pose):
    return ProjectionWidget(pose)


@given(st.floats(-20, 20), st.integers(1, 200))
def test_nearest_is_the_nearest_of_the_set(theta, rotations):
    nearest = rotation_angles(rotations)[angle_index(np.array(theta), rotations)]
    apart = np.abs(np.exp(1j * rotation_angles(rotations)) - np.exp(1j * theta))
    assert abs(np.exp(1j * nearest) - np.exp(1j * theta)) == pytest.approx(apart.min(), abs=1e-9)


def test_the_pictures_are_equation_1_written_out(widget):
    widget["angle"], widget["elevation"], widget["rotations"] = 50.0, 20.0, 9
    camera = tilted_camera(np.radians(20.0))
    for degrees, Y in ((50.0, widget.Y), (40.0, widget.Y_nearest)):
        np.testing.assert_allclose(Y, (camera @ rotation(np.radians(degrees)) @ widget.pose)[:2], atol=1e-12)
    assert widget.error_mm == pytest.approx(1000 * np.linalg.norm(widget.Y - widget.Y_nearest, axis=0).mean())
    assert widget.error_mm > 1


def test_an_angle_of_the_set_costs_nothing(widget):
    widget["angle"], widget["rotations"] = 90.0, 8
    assert widget.error_mm == pytest.approx(0, abs=1e-9)


def test_the_artists_show_what_the_sliders_say(widget):
    widget["angle"], widget["elevation"], widget["rotations"] = 50.0, 20.0, 9
    wrist = widget._person.lines["left"].get_xydata()
    assert np.isclose(wrist, widget.Y[:, 13]).all(axis=1).any()
    ghost = widget._ghost.lines["left"].get_xydata()
    assert np.isclose(ghost, widget.Y_nearest[:, 13]).all(axis=1).any()
    assert len(widget._set.get_xdata()) == 9
    assert widget._dot.get_ydata()[0] == pytest.approx(widget.error_mm)
    x, y = widget._curve.get_data()
    assert y[np.isclose(x, 50)][0] == pytest.approx(widget.error_mm)


@pytest.mark.parametrize(("slider", "value"), [("angle", 90.0), ("elevation", 30.0), ("rotations", 40)])
def test_the_picture_follows_each_slider_and_returns(widget, slider, value):
    before, start = widget.png(), widget[slider]
    widget[slider] = value
    assert widget.png() != before and widget.image.value == widget.png()
    widget[slider] = start
    assert widget.png() == before


def test_a_pose_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"pose: got shape \(2, 17\), expected shape \(..., 3, 17\)"):
        ProjectionWidget(np.zeros((2, 17)))
