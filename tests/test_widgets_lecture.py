"""The page for lectures: what it shows is what `lift` finds in the photo's landmarks."""

import json

import numpy as np
import pytest

from lifting import lift, load_prior
from lifting.datasets.real_frames import load_real_frames
from lifting.drawing.widgets.lecture import LectureWidget
from lifting.front import landmark_jacobian
from lifting.solve import centre


@pytest.fixture(scope="module")
def frames():
    return load_real_frames(["cam04_026", "cam01_004"])


@pytest.fixture
def widget(frames):
    return LectureWidget(frames)


@pytest.mark.parametrize("n", [0, 1])
def test_each_photo_is_lifted(widget, frames, n):
    frame = frames[n]
    widget["photo"] = frame.name
    metres = frame.Y / frame.pixels_per_metre
    lifted = lift(metres, load_prior(), scale=None, visible=frame.visible, camera=frame.camera)
    np.testing.assert_allclose(centre(widget.pose), centre(lifted.pose), atol=1e-7)
    np.testing.assert_allclose(widget._matrix.data, landmark_jacobian(lifted, widget.prior), atol=1e-7)
    assert widget._image.data.tolist() == [[n]]
    Y_hat = widget._landmarks.answer.data
    assert np.abs(Y_hat - widget._landmarks.handles.data[:2])[:, frame.visible].max() < 40  # pixels
    assert np.isnan(widget._landmarks.handles.data[0, ~frame.visible]).all()


def test_landmarks_are_put_back_with_another_photo_and_by_reset(widget, frames):
    before = widget.state()
    widget._landmarks.handles.press(3)
    widget._landmarks.handles.drag(2, 10.0, 20.0)
    widget.refresh()
    assert widget.state()["numbers"] != before["numbers"]
    widget.reset()
    assert widget.state() == before
    widget._landmarks.handles.press(3)
    widget["photo"] = frames[1].name
    np.testing.assert_array_equal(widget._landmarks.visible, frames[1].visible)


def test_the_dashboard_shows_it(root):
    cells = json.loads((root / "docs" / "dashboard.ipynb").read_text())["cells"]
    names: dict = {}
    exec("".join(cells[0]["source"]).removesuffix("LectureWidget().view()"), names)
    assert names["LectureWidget"] is LectureWidget and len(cells) == 1
    assert "voila docs/dashboard.ipynb" in (root / "Makefile").read_text()
