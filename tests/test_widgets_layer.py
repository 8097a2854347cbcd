"""The widget of notebook 07: the layer's gradient is the chain by hand, and every slider counts."""

import numpy as np
import pytest
import torch

from lifting.belief import belief_maps
from lifting.drawing.widgets.layer import LayerWidget
from lifting.layer import LiftingLayer
from lifting.skeleton import HUMAN36M
from lifting.updating import from_loss_to_peaks
from tests.priors import random_prior
from tests.refusals import refuses


@pytest.fixture(scope="module")
def widget():
    return LayerWidget()


@pytest.mark.parametrize(("sigma", "delta", "k", "rotations"), [(1.5, 1.0, 1.0, 80), (2.0, 0.3, 0.5, 20)])
def test_way_and_gradients_are_those_of_the_chain_by_hand_and_of_the_layer(sigma, delta, k, rotations):
    """Eq. (9), (8) and "Updating B", on a real photo with a landmark that was moved."""
    widget = LayerWidget()
    widget["sigma"], widget["delta"], widget["k"], widget["rotations"] = sigma, delta, k, rotations
    weight = widget.visible.astype(np.float64)
    way = from_loss_to_peaks(widget.maps(), widget.loss(weight, delta=delta, rotations=rotations))
    for name, got in widget.way._asdict().items():
        np.testing.assert_allclose(got, getattr(way, name), rtol=1e-9, atol=1e-9)
    settings = {"sigma": sigma, "delta": delta, "k": k, "rotations": rotations}
    settings |= {"visible": widget.visible, "camera": widget.camera}
    target = torch.tensor(belief_maps(widget.truth, 64, 64, sigma))[widget.visible]
    for switch, got in widget.gradients.items():
        maps = torch.tensor(widget.maps()[None], requires_grad=True)
        B_hat = LiftingLayer(widget.prior, gradient=switch, **settings)(maps).B_hat[0, widget.visible]
        (B_hat - target).square().sum().backward()
        np.testing.assert_allclose(got, maps.grad[0].numpy(), rtol=0, atol=1e-9)
        assert got[3].any()


@pytest.mark.parametrize(
    ("slider", "value"), [("x", 4), ("y", -4), ("sigma", 2.5), ("delta", 3.0), ("k", 2.0), ("rotations", 5)]
)
def test_every_slider_changes_the_picture_or_what_is_behind_it_and_back(widget, slider, value):
    before, old, gradient = widget.state(), widget[slider], widget.gradients["subgradient"]
    widget[slider] = value
    assert not np.allclose(widget.gradients["subgradient"], gradient)
    if slider != "k":  # the maps are scaled to their largest value
        assert widget.state() != before
    widget[slider] = old
    assert widget.state() == before
    np.testing.assert_array_equal(widget.gradients["subgradient"], gradient)


def test_k_is_a_factor_of_the_subgradient_alone(widget):
    soft, sub = widget.gradients["soft-argmax"], widget.gradients["subgradient"]
    widget["k"] = 2.0
    np.testing.assert_allclose(widget.gradients["subgradient"], 2 * sub, rtol=1e-12, atol=1e-300)
    np.testing.assert_array_equal(widget.gradients["soft-argmax"], soft)
    widget["k"] = 1.0


def test_what_is_shown_is_what_was_computed(widget):
    np.testing.assert_allclose(widget._bars.data[0], np.hypot(*widget.way.D))
    np.testing.assert_allclose(widget._seen.data, widget.way.Y[:, widget.visible])
    shown, corner = widget._images["subgradient"].data, widget._images["subgradient"].look["corner"]
    place = np.array(np.unravel_index(shown.argmin(), shown.shape))[::-1] + corner
    np.testing.assert_array_equal(place, widget.way.Y[:, widget.moved])


def test_the_map_is_dragged_and_a_landmark_hidden(widget):
    column, row = widget.truth[:, widget.moved]
    widget._taken.drag(0, column + 2.2, row - 30)
    assert (widget["x"], widget["y"]) == (2, -8)
    nose = HUMAN36M.index("nose")
    widget._others.press(nose)
    widget.refresh()
    assert not widget.visible[nose] and widget.way.D[:, nose].tolist() == [0, 0]
    widget.reset()
    assert widget.visible[nose] and widget["x"] == -3


def test_bad_input():
    for message, call in {
        "landmark: got 'tail', expected one of": lambda: LayerWidget(landmark="tail"),
        "prior: got 5 landmarks, expected the 17 of": lambda: LayerWidget(prior=random_prior(0, K=1, J=2, L=5)),
    }.items():
        with refuses(message):
            call()
