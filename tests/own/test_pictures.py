"""The pictures and films: what is in them, and that they are what they say."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from lifting import load_prior
from lifting.own import pictures, turning
from lifting.own.page import frames_of_pictures, page_data, write_page
from lifting.own.person import lift_person
from lifting.own.settings import Settings

from .made_up import recording


def photo():
    return np.full((600, 800, 3), 128, np.uint8)


def test_the_picture_has_the_landmarks_where_they_were_seen(person):
    figure = pictures.draw_person(person, {0: photo(), 97: photo()})
    assert len(figure.axes) == 9
    first, second = figure.axes[0], figure.axes[3]
    assert first.get_title().startswith("frame 0, misfit 0.")
    drawn = {tuple(point) for line in first.lines for point in np.round(line.get_xydata(), 6)}
    x, y = person.recording.Y[0]
    assert {tuple(point) for point in np.round(np.stack([x, -y], axis=1), 6)} <= drawn  # rows of the picture
    assert len(first.images) == 1 and not second.images  # frame 48's picture isn't there


def test_nothing_overlaps_or_is_cut_off(person, tmp_path):
    pictures.write_png(person, tmp_path / "a.png", {0: photo()})
    with Image.open(tmp_path / "a.png") as image:
        pixels = np.asarray(image.convert("L"))
    edge = np.concatenate([pixels[:2].ravel(), pixels[-2:].ravel(), pixels[:, :2].ravel(), pixels[:, -2:].ravel()])
    assert (edge == 255).all()


def shortened(count, **fields):
    """The first frames, lifted."""
    given = recording(gaps=False)
    cut = {name: getattr(given, name)[:count] for name in ("Y", "confidences", "frames", "times")}
    return lift_person(replace(given, **(cut | fields)), load_prior(), Settings())


def test_a_clip_moves_in_a_gif_and_a_photo_turns_all_around(tmp_path):
    turning.write_gif(shortened(20), tmp_path / "clip.gif")
    turning.write_gif(shortened(1, times=None), tmp_path / "photo.gif")
    for name, count, duration in (("clip", 20, 40), ("photo", 60, 50)):
        with Image.open(tmp_path / f"{name}.gif") as film:
            assert (film.n_frames, film.info["duration"], film.size) == (count, duration, (360, 360))
            assert film.info["loop"] == 0


def test_turning_shows_left_where_it_is(person):
    """Seen from the camera the left wrist is drawn at its x and y, in blue."""
    pose = person.pose[0]
    image = np.asarray(turning.draw_turned(pose, 0.0, 1.0)).astype(int)
    x, y, _ = pose[:, 13]
    column, row = round(180 + 180 * x), round(180 - 180 * y)
    assert np.abs(image[row, column] - [0x00, 0x72, 0xB2]).sum() < 60


def test_a_film_needs_what_writes_it(tmp_path):
    av = pytest.importorskip("av")
    turning.write_mp4(shortened(20), tmp_path / "a.mp4")
    with av.open(tmp_path / "a.mp4") as film:
        frames = sum(1 for _ in film.decode(video=0))
    assert frames == 20


def test_without_pyav_that_is_said(person, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    with pytest.raises(ImportError, match="out_formats: got mp4, which needs PyAV: pip install"):
        turning.write_mp4(person, tmp_path / "a.mp4")


def test_a_page_is_one_file_with_what_it_shows(person, tmp_path):
    named = replace(person, notes=("</script><b>",))
    write_page([named], tmp_path / "a.html", {0: photo()})
    text = (tmp_path / "a.html").read_text()
    assert "http://" not in text and "https://" not in text and "//cdn" not in text
    assert text.count("</script>") == 2 and "data:image/jpeg;base64," in text


def test_a_long_clip_is_thinned(person):
    count = 7000
    row = np.zeros(count, int)
    lifted = person.lifted._replace(**{name: getattr(person.lifted, name)[row] for name in
                                       ("pose", "scale", "usable", "misfit")})  # fmt: skip
    given = recording(gaps=False)
    long = replace(given, Y=given.Y[row], confidences=given.confidences[row], frames=np.arange(count), times=None)
    people = [replace(person, lifted=lifted, recording=long)]
    data = page_data(people, {})
    assert data["every"] == 3 and len(data["people"][0]["frames"]) == 2334
    assert len(frames_of_pictures(people)) <= 150
