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


@pytest.mark.parametrize("notebook", ["04_landmark_gradient", "06_updating_beliefs"])
def test_in_a_window_of_1280_pixels_everything_is_shown_whole(open_notebook, notebook):
    opened = open_notebook(notebook)
    opened.page.set_viewport_size({"width": 1280, "height": 800})
    opened.run_all()
    wait_until(lambda: opened.not_shown_whole() == [], "no scroll bar, and no picture made smaller", 10)
    opened.page.set_viewport_size({"width": 900, "height": 800})
    wait_until(lambda: opened.not_shown_whole() != [], "a window that is too narrow is seen", 10)
