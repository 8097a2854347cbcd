"""Every widget says what it shows: labels with units, titles, a summary; its panels fit a window of 1280 pixels.

And every control of a widget counts, and puts back what it changed.
"""

import pytest

from lifting.drawing.widgets.scene import COLOURS
from tests.browser.benches import WIDGETS, twin

VALUES = {
    "belief": {"sigma": 2.5, "delta": 3.0, "x": 10.25, "y": 20.5},
    "jacobian": {"landmark": "left_ankle", "x": 0.2, "y": -0.1, "sigma": 10.0, "rotations": 8, "scale": "free"},
    "prior": {"basis": 3, "deviations": 0.5, "J": 2, "pose": 2, "turn": 90.0, "component": 2},
    "projection": {"angle": 90.0, "elevation": 30.0, "rotations": 40},
    "solving": {"sigma": 2.0, "rotations": 8, "heading": 120.0},
    "updating": {"x": 2, "y": -4, "k": 10.0, "sigma": 2.5, "steps": 4, "label": "kept back"},
}
"""Another value for each control."""
START = {"jacobian": {"x": 0.1}, "updating": {"steps": 3}}
"""Where some controls stand meanwhile, so that the others count."""


@pytest.mark.parametrize(("name", "control"), [(name, control) for name, of in VALUES.items() for control in of])
def test_every_control_changes_the_picture_and_back(name, control):
    widget = twin(name)
    for other, value in START.get(name, {}).items():
        widget[other] = value
    before, old = widget.state(), widget[control]
    widget[control] = VALUES[name][control]
    assert widget.state() != before and widget.view().state == widget.state()
    widget[control] = old
    assert widget.state() == before


def test_no_control_is_forgotten():
    """But for those of the layer, which has a test of its own, and of the page for lectures."""
    assert {name: set(twin(name).controls) for name in WIDGETS if name not in ("layer", "lecture")} == {
        name: set(values) for name, values in VALUES.items()
    }


@pytest.mark.parametrize("name", WIDGETS)
def test_all_is_said_and_fits(name):
    widget = twin(name)
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
