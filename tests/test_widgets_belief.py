"""The widget of notebook 05: the function behind it against its definition, and that every slider counts."""

import numpy as np
import pytest

from lifting.belief import belief_gradient, belief_maps, exact_belief_gradient
from lifting.drawing.widgets.belief import DELTAS, SIZE, BeliefWidget, gradient_error


def test_the_error_is_the_closed_form_of_a_difference_of_gaussians():
    """Eq. (9) is exp(-delta^2 / 2 sigma^2) sinh(u) / u times the derivative, u = delta (x - Y) / sigma^2."""
    Y, sigma, deltas = np.array([[16.3], [15.8]]), 1.4, np.array([0.05, 0.7, 2.0])
    x, y = np.arange(SIZE) - 16.3, np.arange(SIZE) - 15.8
    G = np.exp(-(y[:, None] ** 2 + x**2) / (2 * sigma**2))
    exact = np.stack([x * G, y[:, None] * G]) / sigma**2
    worst = []
    for delta in deltas:
        factor = [np.sinh(delta * z / sigma**2) / (delta * z / sigma**2) * np.exp(-(delta**2) / 2 / sigma**2) - 1
                  for z in (np.broadcast_to(x, G.shape), np.broadcast_to(y[:, None], G.shape))]  # fmt: skip
        worst.append(np.abs(np.stack(factor) * exact).max() / np.abs(exact).max())
    np.testing.assert_allclose(gradient_error(Y, deltas, SIZE, sigma), worst, rtol=1e-9)


def test_the_error_is_of_second_order():
    small, smaller = gradient_error(np.array([[16.0], [16.2]]), np.array([0.02, 0.01]))
    assert abs(np.log2(small / smaller) - 2) < 0.01


@pytest.mark.parametrize(("slider", "value"), [("sigma", 2.5), ("delta", 3.0), ("x", 10.25), ("y", 20.5)])
def test_every_slider_changes_the_picture_and_back(slider, value):
    widget = BeliefWidget()
    before, old = widget.png(), widget[slider]
    widget[slider] = value
    assert widget.png() != before
    widget[slider] = old
    assert widget.png() == before


def test_what_is_shown_is_what_the_sliders_say():
    widget = BeliefWidget(10.25, 20.5)
    widget["delta"], widget["sigma"] = 2.0, 1.2
    Y = np.array([[10.25], [20.5]])
    np.testing.assert_array_equal(widget.gradient, belief_gradient(Y, SIZE, SIZE, 1.2, 2.0)[0])
    np.testing.assert_array_equal(widget.exact, exact_belief_gradient(Y, SIZE, SIZE, 1.2)[0])
    np.testing.assert_array_equal(widget._map.get_array(), belief_maps(Y, SIZE, SIZE, 1.2)[0])
    row, largest = round(20.5), np.abs(widget.exact).max()
    np.testing.assert_allclose(widget._ours.get_ydata() * largest, widget.gradient[0, row])
    np.testing.assert_allclose(
        np.asarray(widget._ours.get_ydata()) - widget._exact.get_ydata(), widget._apart.get_ydata(), atol=1e-12
    )
    np.testing.assert_allclose(widget.error, gradient_error(Y, np.array([2.0]), SIZE, 1.2)[0])
    np.testing.assert_array_equal(widget._curve.get_xdata(), DELTAS)


def test_bad_input():
    Y = np.array([[16.0], [16.0]])
    with pytest.raises(ValueError, match=r"Y: got shape \(3, 1\), expected shape \(..., 2, L\)"):
        gradient_error(np.zeros((3, 1)), DELTAS)
    with pytest.raises(ValueError, match=r"delta: got 0.0, expected a finite number > 0"):
        gradient_error(Y, np.array([1.0, 0.0]))
    with pytest.raises(ValueError, match=r"sigma: got -1.0, expected a finite number > 0"):
        gradient_error(Y, DELTAS, SIZE, -1.0)
    with pytest.raises(ValueError, match=r"x, y: got \(40.0, 3.0\), expected a place between 0 and 32"):
        BeliefWidget(40.0, 3.0)
