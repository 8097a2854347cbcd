"""The picture in the README: it can be drawn, and it is written where the README looks."""

import matplotlib.image
import matplotlib.text
import numpy as np
import readme_picture

import lifting
from lifting.datasets.real_frames import load_real_frames


def test_the_picture_shows_the_photo_and_the_pose_from_two_sides():
    figure = readme_picture.draw(load_real_frames([readme_picture.PHOTO])[0], lifting.load_prior())
    photo, front, side = figure.axes
    assert len(photo.get_images()) == 1 and len(photo.get_lines()) == 3
    assert (front.azim, side.azim) == (-90, 0)
    assert [len(ax.get_lines()) for ax in (front, side)] == [3, 3]
    assert any("pseudo ground truth" in text.get_text() for text in figure.findobj(matplotlib.text.Text))


def test_the_photo_is_the_one_that_lifts_best_as_the_readme_says():
    prior = lifting.load_prior()
    errors = {frame.name: readme_picture.lift(frame, prior).error for frame in load_real_frames()}
    assert min(errors, key=errors.__getitem__) == readme_picture.PHOTO


def test_main_writes_a_png(tmp_path, monkeypatch):
    monkeypatch.setattr(readme_picture, "PICTURE", tmp_path / "picture.png")
    readme_picture.main()
    assert [path.name for path in tmp_path.iterdir()] == ["picture.png"]
    pixels = matplotlib.image.imread(tmp_path / "picture.png")
    assert pixels.shape[1] > 1000 and np.ptp(pixels[..., :3]) > 0.9
