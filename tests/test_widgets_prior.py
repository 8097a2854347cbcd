"""The prior under sliders: the picture follows."""

import numpy as np
import pytest

from lifting.camera import rotation, turn
from lifting.drawing.widgets.prior import PriorWidget
from lifting.pose_prior import PosePrior, load_prior, move_along, rebuild, sample
from tests.priors import two_components


@pytest.fixture(scope="module")
def prior():
    return load_prior()


@pytest.fixture(scope="module")
def two():
    return two_components()


@pytest.fixture(scope="module")
def poses(prior):
    return sample(prior, 4, np.random.default_rng(0)).poses


@pytest.fixture
def widget(prior, poses):
    return PriorWidget(prior, poses)


def assert_shows(widget, stick, pose):
    """The stick figure is the pose, turned as eq. (1) does it."""
    np.testing.assert_allclose(stick.data, rotation(np.radians(widget["turn"])) @ pose, atol=1e-12)


def test_sliders_move_the_figures(widget, prior, poses):
    before = widget.state()
    widget["basis"], widget["deviations"] = 2, -2.0
    assert widget.state() != before
    assert_shows(widget, widget.moved, move_along(prior, 1, -2.0))
    assert_shows(widget, widget.mean, prior.mu[0])
    np.testing.assert_allclose(widget.chosen.data[0], [2])
    widget["pose"], widget["J"], widget["turn"] = 3, 4, -70.0
    assert_shows(widget, widget.real, widget.aligned[2, 0])
    assert_shows(widget, widget.rebuilt, rebuild(prior, widget.aligned[2, 0], 4))
    assert widget.kept.data.shape[1] == 4
    coarse = widget.error_mm
    widget["J"] = prior.J
    assert widget.error_mm < coarse


def test_real_poses_are_turned_only(widget, poses):
    lengths = np.linalg.norm(widget.aligned[:, 0, [0, 2]], axis=1)
    np.testing.assert_allclose(lengths, np.linalg.norm(poses[:, [0, 2]], axis=1), atol=1e-12)
    np.testing.assert_allclose(widget.aligned[:, 0, 1], poses[:, 1], atol=1e-12)


def test_heading_of_the_real_poses_does_not_matter(prior, poses):
    turned = PriorWidget(prior, turn(poses, np.array([0.3, 1.9, -2.2, 3.0])))
    np.testing.assert_allclose(turned.aligned, PriorWidget(prior, poses).aligned, atol=1e-6)


def test_each_component_has_its_own_pictures(two, poses):
    widget = PriorWidget(two, poses)
    widget["component"] = 2
    assert_shows(widget, widget.mean, two.mu[1])
    assert_shows(widget, widget.rebuilt, rebuild(two, widget.aligned[0, 1], two.J, 1))


def test_one_component_has_no_slider_for_it(two, poses):
    assert "component" not in PriorWidget(two.subset(components=[0]), poses).controls


def test_a_prior_of_other_landmarks(poses):
    e = np.array([[[[1.0, -1, 0], [0, 0, 0], [0, 0, 0]]]]) / np.sqrt(2)
    other = PosePrior(np.zeros((1, 3, 3)), e, np.ones((1, 1)), np.ones(1), np.ones(1))
    with pytest.raises(ValueError, match="prior: got 3 landmarks, expected the 17 of Human3.6M"):
        PriorWidget(other, poses)
