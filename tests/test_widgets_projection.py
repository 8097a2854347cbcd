"""The widget of notebook 01: the numbers behind its picture, and that the picture follows the sliders."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifting.camera import rotation, rotation_angles, tilted_camera
from lifting.datasets.motion_capture import load_motion_capture
from lifting.drawing.widgets.projection import ProjectionWidget, quantise


@pytest.fixture(scope="module")
def pose():
    return load_motion_capture().of_clip("walk")[0]


@pytest.fixture
def widget(pose):
    return ProjectionWidget(pose)


@given(st.floats(-20, 20), st.integers(1, 200))
def test_nearest_is_the_nearest_of_the_set(theta, rotations):
    found = quantise(np.zeros((3, 17)), np.array(theta), rotations=rotations)
    apart = np.abs(np.exp(1j * rotation_angles(rotations)) - np.exp(1j * theta))
    assert abs(np.exp(1j * float(found.nearest)) - np.exp(1j * theta)) == pytest.approx(apart.min(), abs=1e-9)
    assert float(found.nearest) in rotation_angles(rotations)


def test_the_pictures_are_equation_1_written_out(pose):
    found = quantise(pose, np.array(0.7), rotations=10, pitch=0.2)
    for angle, Y in ((found.theta, found.Y), (found.nearest, found.Y_nearest)):
        np.testing.assert_allclose(Y, (tilted_camera(0.2) @ rotation(angle) @ pose)[:2], atol=1e-12)
    assert found.error == pytest.approx(np.linalg.norm(found.Y - found.Y_nearest, axis=0).mean())
    assert found.error > 0.001


def test_an_angle_of_the_set_costs_nothing(pose):
    assert quantise(pose, np.array(np.pi / 2), rotations=8).error == pytest.approx(0, abs=1e-12)


def test_no_rotations_are_refused(pose):
    with pytest.raises(ValueError, match="rotations: got 0, expected a whole number >= 1"):
        quantise(pose, np.array(0.0), rotations=0)


def test_the_artists_show_what_the_sliders_say(widget):
    widget["angle"], widget["elevation"], widget["rotations"] = 50.0, 20.0, 9
    expected = quantise(widget.pose, np.radians(50.0), rotations=9, pitch=np.radians(20.0))
    wrist = np.array([line.get_xydata() for line in widget._bones][0])
    assert np.isclose(wrist, expected.Y[:, 13]).all(axis=1).any()
    ghost = np.array([line.get_xydata() for line in widget._ghost][0])
    assert np.isclose(ghost, expected.Y_nearest[:, 13]).all(axis=1).any()
    assert len(widget._set.get_xdata()) == 9
    assert widget._dot.get_ydata()[0] == pytest.approx(1000 * expected.error)
    x, y = widget._curve.get_data()
    assert y[x == 50][0] == pytest.approx(1000 * expected.error)


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
