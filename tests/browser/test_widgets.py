"""The sliders of the notebooks, moved in a real browser: the picture follows, and returns with the slider."""

import pytest

from .conftest import wait_until

SLIDERS = [
    ("01_projection", "angle"),
    ("02_pose_prior", "basis"),
    ("03_solving_for_pose", "sigma"),
    ("04_landmark_gradient", "sigma"),
    ("05_belief_gradient", "delta"),
    ("06_updating_beliefs", "steps"),
    ("07_lifting_layer", "sigma"),
]


@pytest.mark.parametrize(("notebook", "label"), SLIDERS)
def test_moving_a_slider_changes_the_picture(open_notebook, notebook, label):
    opened = open_notebook(notebook)
    opened.run_all()
    assert opened.errors() == []
    handle = opened.slider(label)
    assert opened.hidden_pixels_beside(handle, width=1280, height=800) == 0
    handle.focus()
    value = handle.get_attribute("aria-valuenow")
    before = opened.settled_pictures_beside(handle)
    handle.press("ArrowRight")
    wait_until(lambda: opened.pictures_beside(handle) != before, f"{label} moved and the picture changed")
    assert handle.get_attribute("aria-valuenow") != value
    handle.press("ArrowLeft")
    wait_until(lambda: opened.pictures_beside(handle) == before, f"{label} moved back and the picture with it")
    assert handle.get_attribute("aria-valuenow") == value
    opened.wait_idle()
    assert opened.errors() == []
