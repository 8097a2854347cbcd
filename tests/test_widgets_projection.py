"""The widget of notebook 01: the numbers behind its picture, and that the layers show them."""

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


def test_the_layers_show_what_the_sliders_say(widget):
    widget["angle"], widget["elevation"], widget["rotations"] = 50.0, 20.0, 9
    np.testing.assert_array_equal(widget._person.data, widget.Y)
    np.testing.assert_array_equal(widget._ghost.data, widget.Y_nearest)
    assert widget._set.data.shape[1] == 9
    assert widget._dot.data[1, 0] == pytest.approx(widget.error_mm)
    x, y = widget._curve.data
    assert y[np.isclose(x, 50)][0] == pytest.approx(widget.error_mm)


def test_the_angle_is_dragged_around_the_circle(widget):
    for degrees in (0.0, 90.0, 200.0, 300.0):
        widget._handle.drag(0, *(3 * np.sin(np.radians([degrees, degrees + 90]))))
        assert widget["angle"] == degrees


def test_a_pose_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"pose: got shape \(2, 17\), expected shape \(..., 3, 17\)"):
        ProjectionWidget(np.zeros((2, 17)))
