"""The prior under sliders: the picture follows."""

import time

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
    """The stick figure in the picture has all landmarks of the pose, as eq. (1) projects them, and no others."""
    points = np.concatenate([np.asarray(line.get_data()) for line in stick.lines.values()], axis=1)
    points = points[:, ~np.isnan(points[0])].T
    expected = (rotation(np.radians(widget["turn"])) @ pose)[:2].T
    distances = np.linalg.norm(points[:, None] - expected, axis=-1)
    assert distances.min(axis=0).max() < 1e-12 and distances.min(axis=1).max() < 1e-12


def test_sliders_move_the_figures(widget, prior, poses):
    before = widget.image.value
    widget["basis"], widget["deviations"] = 2, -2.0
    assert widget.image.value != before
    assert_shows(widget, widget.moved, move_along(prior, 1, -2.0))
    assert_shows(widget, widget.mean, prior.mu[0])
    np.testing.assert_allclose(widget.chosen.get_xdata(), [2])
    widget["pose"], widget["J"], widget["turn"] = 3, 4, -70.0
    assert_shows(widget, widget.real, widget.aligned[2, 0])
    assert_shows(widget, widget.rebuilt, rebuild(prior, widget.aligned[2, 0], 4))
    assert len(widget.kept.get_xdata()) == 4
    coarse = widget.error_mm
    widget["J"] = prior.J
    assert widget.error_mm < coarse


def test_the_picture_returns_with_the_slider(widget):
    for name, value in (("basis", 3), ("deviations", 0.5), ("J", 2), ("pose", 2), ("turn", 90.0)):
        before, start = widget[name], widget.png()
        widget[name] = value
        assert widget.png() != start, name
        widget[name] = before
        assert widget.png() == start, name


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
    assert "component" not in PriorWidget(two.subset(components=[0]), poses).sliders


def test_a_prior_of_other_landmarks(poses):
    e = np.array([[[[1.0, -1, 0], [0, 0, 0], [0, 0, 0]]]]) / np.sqrt(2)
    other = PosePrior(np.zeros((1, 3, 3)), e, np.ones((1, 1)), np.ones(1), np.ones(1))
    with pytest.raises(ValueError, match="prior: got 3 landmarks, expected the 17 of Human3.6M"):
        PriorWidget(other, poses)


def test_a_move_is_quick(widget):
    seconds = []
    for step in range(12):
        start = time.perf_counter()
        widget["deviations"] = 0.25 * (step % 5)
        seconds.append(time.perf_counter() - start)
    assert sorted(seconds)[len(seconds) // 2] < 0.5
