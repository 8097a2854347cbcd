"""The two networks' geometry: anchors, the square that is looked at, crops, confidences."""

import builtins

import numpy as np
import pytest

from lifting.datasets.real_frames import transform
from lifting.detecting import blazepose


def test_anchors():
    anchors = blazepose.anchors()
    assert anchors.shape == (2254, 2)
    np.testing.assert_allclose(anchors[:3], [[0.5 / 28, 0.5 / 28], [0.5 / 28, 0.5 / 28], [1.5 / 28, 0.5 / 28]])
    np.testing.assert_allclose(anchors[-1], [6.5 / 7, 6.5 / 7])


def test_hip_square_turns_the_top_up():
    hips, top = np.array([100.0, 200.0]), np.array([160.0, 120.0])
    centre, side, angle = blazepose.hip_square(hips, top)
    A = blazepose.square(centre, side, angle, 256)
    cells = np.linalg.solve(A[:, :2], (np.stack([hips, top]) - A[:, 2]).T).T
    np.testing.assert_allclose(cells[0], [127.5, 127.5])
    # 100 pixels up, in cells of 250 / 256 pixels
    np.testing.assert_allclose(cells[1], [127.5, 127.5 - 102.4])


def test_sigmoid_does_not_overflow():
    np.testing.assert_allclose(blazepose.sigmoid([-1e4, 0, np.log(3), 1e4]), [0, 0.5, 0.75, 1])


def ramp():
    """A picture whose red tells the column, and its green the row."""
    rows, columns = np.mgrid[:256, :256]
    return np.stack([columns, rows, 0 * rows], axis=-1).astype(np.uint8)


@pytest.mark.parametrize("side", [30.0, 60.0, 170.0])
def test_a_cell_of_a_crop_shows_the_pixel_that_it_is_said_to(side):
    """With cells smaller than a pixel, larger, and so large that pixels are averaged first."""
    A = blazepose.square(np.array([130.3, 125.8]), side, 0.6, 32)
    seen = blazepose.crop(ramp(), A, 32)
    cells = np.stack(np.meshgrid(np.arange(32), np.arange(32)), axis=-1)
    less = transform(A, cells.astype(float)) - seen[..., :2]
    # numbers between two bytes become the lower one
    assert less.min() > -0.6 and less.max() < 1.1 and (np.abs(less.mean((0, 1)) - 0.4) < 0.2).all()


def test_outside_the_picture_a_crop_is_black():
    A = blazepose.square(np.array([0.0, 150.0]), 100.0, 0.0, 50)
    seen = blazepose.crop(np.full((300, 400, 3), 200, np.uint8), A, 50)
    assert (seen[:, :24] == 0).all() and (seen[:, 26:] == 200).all()
    far = blazepose.square(np.array([-500.0, 150.0]), 100.0, 0.0, 50)
    assert (blazepose.crop(np.full((300, 400, 3), 200, np.uint8), far, 50) == 0).all()


def test_without_the_extra_the_message_names_the_command(monkeypatch):
    original = builtins.__import__

    def without(name, *rest, **named):
        if name.startswith("ai_edge_litert"):
            raise ImportError(name)
        return original(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r'^detector: [^\n]*: pip install "lifting\[detect\]"$'):
        blazepose.BlazePose()
