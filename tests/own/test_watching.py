"""Photos and videos on the command line, with a stand-in for the detector: stopped, and gone on with."""

import numpy as np
import pytest
from PIL import Image

from lifting.camera import flip_y
from lifting.own import watching
from lifting.own.command import main
from lifting.skeleton import HUMAN36M

from .made_up import recording

FRAMES = 8


class StandIn:
    """Sees the dancer in every picture, whose first pixel tells which one it is; is stopped at one of them."""

    name, order, notes = "a stand-in", HUMAN36M, ("Nobody looked.",)

    def __init__(self):
        self.stop_at, self.looked_at, self.Y = None, [], flip_y(recording(gaps=False).Y)

    def forget(self):
        """Keeps nothing."""

    def __call__(self, image):
        """The dancer, a quarter as large."""
        n = round(int(image[0, 0, 0]) / 30)
        if n == self.stop_at:
            raise KeyboardInterrupt
        self.looked_at.append(n)
        return self.Y[n : n + 1] / 4, np.ones((1, 17))


@pytest.fixture
def eye(monkeypatch):
    eye = StandIn()
    monkeypatch.setattr(watching, "eye_of", lambda name: eye)
    return eye


@pytest.fixture
def film(tmp_path):
    """An animation of eight pictures, each a grey of its own."""
    pictures = [Image.new("L", (200, 150), 30 * n) for n in range(FRAMES)]
    pictures[0].save(tmp_path / "film.gif", save_all=True, append_images=pictures[1:], duration=40)
    return tmp_path / "film.gif"


def test_a_film_is_lifted_and_drawn_over(eye, film, tmp_path, capsys):
    main([str(film), "-o", str(tmp_path / "out"), "--out-formats", "npz", "png", "html"])
    said = capsys.readouterr().out
    assert "animation, a stand-in, 1 person, 8 frames, 200 x 150" in said and "8 of 8 frames lifted" in said
    page = (tmp_path / "out" / "film" / "film.html").read_text()
    assert page.count("data:image/jpeg") == FRAMES and "Nobody looked." in page
    with np.load(tmp_path / "out" / "film" / "film_1.npz") as found:
        assert np.allclose(found["time"], 0.04 * np.arange(FRAMES))


def test_a_film_that_was_stopped_goes_on_where_it_was(eye, film, tmp_path, capsys):
    arguments = [str(film), "-o", str(tmp_path / "out"), "--out-formats", "npz"]
    eye.stop_at = 5
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 130 and "0 of 1 done" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "out" / "film").iterdir()] == [watching.KEPT]
    eye.stop_at = None
    main(arguments)
    assert eye.looked_at == list(range(FRAMES))
    assert "8 frames" in capsys.readouterr().out
    assert not (tmp_path / "out" / "film" / watching.KEPT).exists()


def test_what_was_kept_of_another_film_is_not_taken(eye, film, tmp_path):
    seen = list(watching.look_at(watching.pictures_of(film), eye))
    watching.save_seen(tmp_path / "kept.npz", "film", seen)
    again = watching.load_seen(tmp_path / "kept.npz", "film")
    assert [one.frame for one in again] == list(range(FRAMES)) and again[3].time == pytest.approx(0.12)
    assert all(np.array_equal(one.points, other.points) for one, other in zip(again, seen, strict=True))
    assert watching.load_seen(tmp_path / "kept.npz", "another") == []
    (tmp_path / "kept.npz").write_bytes(b"no")
    assert watching.load_seen(tmp_path / "kept.npz", "film") == []


def test_landmarks_are_drawn_over_the_film_that_is_named(eye, film, tmp_path, capsys):
    given = recording(gaps=False)
    np.savez(tmp_path / "dance.npz", keypoints=flip_y(given.Y[:FRAMES]).swapaxes(1, 2) / 4)
    out = str(tmp_path / "out")
    main([str(tmp_path / "dance.npz"), "-o", out, "--skeleton", "human36m", "--pictures", str(film),
          "--out-formats", "html"])  # fmt: skip
    assert "8 of 8" in capsys.readouterr().out and eye.looked_at == []
    assert (tmp_path / "out" / "dance" / "dance.html").read_text().count("data:image/jpeg") == FRAMES
