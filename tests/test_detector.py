"""The makers' detector: its anchors, the square that it is shown, its confidences."""

import numpy as np

from lifting.makers import detector


def test_anchors():
    anchors = detector.anchors()
    assert anchors.shape == (2254, 2)
    np.testing.assert_allclose(anchors[:3], [[0.5 / 28, 0.5 / 28], [0.5 / 28, 0.5 / 28], [1.5 / 28, 0.5 / 28]])
    np.testing.assert_allclose(anchors[-1], [6.5 / 7, 6.5 / 7])


def test_hip_square_turns_the_top_up():
    hips, top = np.array([100.0, 200.0]), np.array([160.0, 120.0])
    centre, side, angle = detector.hip_square(hips, top)
    A = detector.square(centre, side, angle, 256)
    cells = np.linalg.solve(A[:, :2], (np.stack([hips, top]) - A[:, 2]).T).T
    np.testing.assert_allclose(cells[0], [127.5, 127.5])
    # 100 pixels up, in cells of 250 / 256 pixels
    np.testing.assert_allclose(cells[1], [127.5, 127.5 - 102.4])


def test_sigmoid_does_not_overflow():
    np.testing.assert_allclose(detector.sigmoid([-1e4, 0, np.log(3), 1e4]), [0, 0.5, 0.75, 1])
