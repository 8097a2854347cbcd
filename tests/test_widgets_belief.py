"""The widget of notebook 05: every slider counts, and what is shown is what was computed."""

import numpy as np
import pytest

from lifting.belief import belief_gradient, belief_maps, exact_belief_gradient, gradient_error
from lifting.drawing.widgets.belief import DELTAS, SIZE, BeliefWidget


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
    np.testing.assert_allclose(widget.error, gradient_error(Y, np.array([2.0]), SIZE, SIZE, 1.2)[0])
    np.testing.assert_array_equal(widget._curve.get_xdata(), DELTAS)


def test_bad_input():
    with pytest.raises(ValueError, match=r"x, y: got \(40.0, 3.0\), expected a place between 0 and 32"):
        BeliefWidget(40.0, 3.0)
