"""Every widget fits a window of 1280 pixels, where all that it writes can be read."""

import numpy as np
import pytest
from matplotlib.text import Text

from lifting.datasets import motion_capture, real_frames
from lifting.drawing.widgets.belief import BeliefWidget
from lifting.drawing.widgets.jacobian import JacobianWidget
from lifting.drawing.widgets.layer import LayerWidget
from lifting.drawing.widgets.prior import PriorWidget
from lifting.drawing.widgets.projection import ProjectionWidget
from lifting.drawing.widgets.solving import SolvingWidget
from lifting.drawing.widgets.updating import UpdatingWidget
from lifting.pose_prior import load_prior


def poses():
    return motion_capture.load_motion_capture().poses[:2]


WIDGETS = {
    "belief": BeliefWidget,
    "jacobian": lambda: JacobianWidget(poses()[0, :2], load_prior()),
    "layer": LayerWidget,
    "prior": lambda: PriorWidget(load_prior(), poses()),
    "projection": lambda: ProjectionWidget(poses()[0]),
    "solving": lambda: SolvingWidget(poses()[0], load_prior()),
    "updating": lambda: UpdatingWidget(real_frames.load_real_frames(["cam01_004"])[0], load_prior()),
}


@pytest.mark.parametrize("name", WIDGETS)
def test_text_has_nine_points_of_a_page_and_stays_inside(name):
    figure = WIDGETS[name]().figure
    assert figure.bbox.width <= 840 and figure.bbox.height <= 540  # pixels of the page
    written = [text for text in figure.findobj(Text) if text.get_text() and text.get_visible()]
    small = [text.get_text() for text in written if text.get_fontsize() * figure.dpi / 96 < 9]
    assert len(written) > 10 and not small
    titles = [text for text in written if text.get_fontsize() >= 10]
    boxes = np.array([text.get_window_extent().extents for text in titles])
    assert boxes.min() >= 0 and np.all(boxes[:, 2:].max(axis=0) <= figure.bbox.size + 1)
