"""Every widget in a cell, for the browser and, with the same code, for the tests that know what it must show."""

import build_notebooks
import nbformat

SETUP = """
import numpy as np

from lifting import load_prior
from lifting.datasets import motion_capture, real_frames
from lifting.drawing.widgets.belief import BeliefWidget
from lifting.drawing.widgets.jacobian import JacobianWidget
from lifting.drawing.widgets.layer import LayerWidget
from lifting.drawing.widgets.lecture import LectureWidget
from lifting.drawing.widgets.prior import PriorWidget
from lifting.drawing.widgets.projection import ProjectionWidget
from lifting.drawing.widgets.solving import SolvingWidget
from lifting.drawing.widgets.updating import UpdatingWidget

prior = load_prior()
poses = motion_capture.load_motion_capture().of_clip("kick")[[20, 25]]
frame = real_frames.load_real_frames(["cam01_004"])[0]
""".strip()

WIDGETS = {
    "projection": "ProjectionWidget(poses[0])",
    "prior": "PriorWidget(prior, poses)",
    "solving": "SolvingWidget(poses[0], prior, heading=45)",
    "jacobian": "JacobianWidget(poses[0, :2], prior)",
    "belief": "BeliefWidget()",
    "updating": "UpdatingWidget(frame, prior)",
    "layer": "LayerWidget(frame, prior)",
    "lecture": "LectureWidget([frame], prior)",
}


def bench(*names: str) -> nbformat.NotebookNode:
    """A notebook with a cell for each of these widgets."""
    cells = [SETUP, *(f"made = {WIDGETS[name]}\nmade.view()" for name in names)]
    made = [nbformat.v4.new_code_cell(cell) for cell in cells]
    return nbformat.v4.new_notebook(cells=made, metadata=build_notebooks.METADATA)


def twin(name: str):
    """The same widget here."""
    names: dict = {}
    exec(SETUP, names)
    return eval(WIDGETS[name], names)
