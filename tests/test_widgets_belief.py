"""The widget of notebook 05: what is shown is what was computed."""

import numpy as np
import pytest

from lifting.belief import belief_gradient, belief_maps, exact_belief_gradient, gradient_error
from lifting.drawing.widgets.belief import DELTAS, SIZE, BeliefWidget


def test_what_is_shown_is_what_the_sliders_say():
    widget = BeliefWidget(10.25, 20.5)
    widget["delta"], widget["sigma"] = 2.0, 1.2
    Y = np.array([[10.25], [20.5]])
    np.testing.assert_array_equal(widget.gradient, belief_gradient(Y, SIZE, SIZE, 1.2, 2.0)[0])
    np.testing.assert_array_equal(widget.exact, exact_belief_gradient(Y, SIZE, SIZE, 1.2)[0])
    np.testing.assert_array_equal(widget._map.data, belief_maps(Y, SIZE, SIZE, 1.2)[0])
    row, largest = round(20.5), np.abs(widget.exact).max()
    np.testing.assert_allclose(widget._ours.data[1] * largest, widget.gradient[0, row])
    np.testing.assert_allclose(widget._ours.data[1] - widget._exact.data[1], widget._apart.data[1], atol=1e-12)
    np.testing.assert_allclose(widget.error, gradient_error(Y, np.array([2.0]), SIZE, SIZE, 1.2)[0])
    np.testing.assert_array_equal(widget._curve.data[0], DELTAS)


def test_the_landmark_is_dragged():
    widget = BeliefWidget()
    widget._handle.drag(0, 20.1, 40.0)
    assert (widget["x"], widget["y"]) == (20.0, 32.0)


def test_bad_input():
    with pytest.raises(ValueError, match=r"x, y: got \(40.0, 3.0\), expected a place between 0 and 32"):
        BeliefWidget(40.0, 3.0)
