"""Every widget says what it shows: labels with units, titles, a summary; and its panels fit a window of 1280 pixels."""

import pytest

from lifting.datasets import motion_capture, real_frames
from lifting.drawing.widgets.belief import BeliefWidget
from lifting.drawing.widgets.jacobian import JacobianWidget
from lifting.drawing.widgets.layer import LayerWidget
from lifting.drawing.widgets.lecture import LectureWidget
from lifting.drawing.widgets.prior import PriorWidget
from lifting.drawing.widgets.projection import ProjectionWidget
from lifting.drawing.widgets.scene import COLOURS
from lifting.drawing.widgets.solving import SolvingWidget
from lifting.drawing.widgets.updating import UpdatingWidget
from lifting.pose_prior import load_prior


def poses():
    return motion_capture.load_motion_capture().poses[:2]


WIDGETS = {
    "belief": BeliefWidget,
    "jacobian": lambda: JacobianWidget(poses()[0, :2], load_prior()),
    "layer": LayerWidget,
    "lecture": LectureWidget,
    "prior": lambda: PriorWidget(load_prior(), poses()),
    "projection": lambda: ProjectionWidget(poses()[0]),
    "solving": lambda: SolvingWidget(poses()[0], load_prior()),
    "updating": lambda: UpdatingWidget(real_frames.load_real_frames(["cam01_004"])[0], load_prior()),
}


@pytest.mark.parametrize("name", WIDGETS)
def test_all_is_said_and_fits(name):
    widget = WIDGETS[name]()
    panels = widget.scene.panels
    assert all(panel.title.strip() for panel in panels)
    for panel in panels:
        bars = any(layer.kind == "bars" for layer in panel.layers)
        assert all(axis.label for axis in panel.axes[: 1 if bars else 3])  # the bars have names
    columns = [panel for panel in panels if not panel.look.get("below")]
    page = 1240 if name == "lecture" else 832  # a page of its own, or the room that JupyterLab leaves
    assert sum(panel.look["width"] + 8 for panel in columns) <= page
    assert widget.scene.summary.endswith(".") and len(widget.scene.summary) <= 120
    used = {layer.look.get("colour") or "ink" for layer in widget.scene.layers}
    assert used <= set(COLOURS)


def luminance(colour):
    channels = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("name", COLOURS)
def test_lines_stand_out_on_both_pages(name):
    """Contrast of 3 to 1 and more, as WCAG asks of graphics."""
    light, dark = map(luminance, COLOURS[name])
    assert (1 + 0.05) / (light + 0.05) >= 3
    assert (dark + 0.05) / (luminance("#161616") + 0.05) >= 3
