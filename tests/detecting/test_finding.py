"""From a file to one recording a person: followed, interrupted, with a made-up detector and with the two there are."""

import threading

import numpy as np
import pytest
from PIL import Image

from lifting import lift, load_prior
from lifting.camera import flip_y
from lifting.datasets.real_frames import load_real_frames
from lifting.detecting import detect, follow, look_at, make_detector, pictures_of
from lifting.detecting.finding import FLEETING, BlazePoseDetector
from lifting.files import read
from lifting.metrics import p_mpjpe
from lifting.skeleton import HUMAN36M
from tests.detecting.made import corner, video

MAN, OTHER = load_real_frames(["cam01_026", "cam02_026"])
BODY = np.random.default_rng(0).uniform(-20, 20, (2, 17))


class Walkers:
    """A detector of made-up people: `places[n]` are their middles in picture n, in any order."""

    name, order, notes = "made up", HUMAN36M, ("Nobody was there.",)

    def __init__(self, places):
        self.places, self.n = places, 0

    def forget(self):
        """From the first again."""
        self.n = 0

    def __call__(self, image):
        """Those of the next picture."""
        middles = np.reshape(self.places[self.n], (-1, 2, 1)).astype(float)
        self.n += 1
        return middles + BODY, np.full((len(middles), 17), 0.7)


@pytest.fixture
def film(tmp_path):
    def make(count):
        return video(tmp_path / "film.mp4", [corner(n) for n in range(count)])

    return make


def test_people_are_followed_whatever_order_they_come_in(film):
    places = [[(100 + n, 50), (300 - n, 50)] for n in range(20)]
    shuffled = [one[:: 1 if n % 3 else -1] for n, one in enumerate(places)]
    calls = []
    first, second = detect(film(20), detector=Walkers(shuffled), progress=lambda *done: calls.append(done))
    assert calls == [(n, 20) for n in range(1, 21)]
    for person, start, step in ((first, 300, -1), (second, 100, 1)):
        expected = np.stack([flip_y(np.array([[start + step * n], [50]]) + BODY) for n in range(20)])
        np.testing.assert_allclose(person.Y, expected)
        np.testing.assert_array_equal(person.frames, np.arange(20))
        np.testing.assert_allclose(person.times, np.arange(20) / 30)
        assert (person.confidences == 0.7).all() and person.size == (64, 48)
        assert person.format == "video, made up" and person.notes == ("Nobody was there.",)
    assert (first.person, second.person) == ("1", "2") and first.source.name == "film.mp4"


def test_people_enter_are_missed_for_a_moment_and_leave(film):
    places = [[(100, 50)] * (n not in (6, 7)) + [(300, 50)] * (8 <= n < 16) for n in range(20)]
    one, other = detect(film(20), detector=Walkers(places))
    np.testing.assert_array_equal(one.frames, [n for n in range(20) if n not in (6, 7)])
    np.testing.assert_array_equal(other.frames, np.arange(8, 16))


def test_who_is_seen_for_a_moment_only_is_nobody(film):
    places = [[(100, 50)] + [(300, 50)] * (n < FLEETING - 1) for n in range(2 * FLEETING)]
    assert len(detect(film(2 * FLEETING), detector=Walkers(places))) == 1
    assert len(detect(film(2 * FLEETING - 1), detector=Walkers(places))) == 2  # in a film as short as that, everybody
    behind = [[(300, 50)] * (n < 2) + [(100, 50)] * (n >= 1) for n in range(20)]
    (person,) = detect(film(20), detector=Walkers(behind))
    assert person.person == "1" and len(person) == 19
    moment = [[(100, 50)]] + [[]] * 19
    assert len(detect(film(20), detector=Walkers(moment))) == 1  # nobody else is there


def test_an_interrupted_run_goes_on(film):
    path, places = film(12), [[(100 + n, 50)] for n in range(12)]
    (whole,) = detect(path, detector=Walkers(places))
    seen = []
    for one in look_at(pictures_of(path), Walkers(places)):
        seen.append(one)
        if len(seen) == 5:
            break
    rest = pictures_of(path, start=seen[-1].frame + 1)
    seen += look_at(rest, Walkers(places[5:]))
    (person,) = follow(rest, seen, Walkers([]))
    for field in ("Y", "confidences", "frames", "times"):
        np.testing.assert_array_equal(getattr(person, field), getattr(whole, field))


def test_no_thread_is_left(film):
    before = threading.active_count()
    looking = look_at(pictures_of(film(12)), Walkers([[(1, 1)]] * 12))
    next(looking)
    looking.close()
    assert threading.active_count() == before


def test_a_cut_film_says_so_in_every_recording(tmp_path, rng):
    noise = [rng.integers(0, 255, (48, 64, 3), dtype=np.uint8) for _ in range(30)]
    path = video(tmp_path / "cut.mp4", noise, options={"movflags": "faststart"})
    path.write_bytes(path.read_bytes()[:60_000])
    for person in detect(path, detector=Walkers([[(1, 1), (200, 1)]] * 30)):
        assert len(person.notes) == 2 and "of 30 pictures were read" in person.notes[0]


def test_times_that_stand_still_are_left_out(tmp_path):
    frames = [Image.fromarray(corner(n)) for n in range(4)]
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:], duration=[100, 0, 100, 100])
    (person,) = detect(tmp_path / "a.png", detector=Walkers([[(1, 1)]] * 4))
    assert person.times is None and len(person) == 4


def test_nobody_in_it(film):
    with pytest.raises(ValueError, match="^path: got .*film.mp4, in which made up finds nobody, expected a person"):
        detect(film(3), detector=Walkers([[]] * 3))


def test_a_detector_that_there_is_not():
    with pytest.raises(ValueError, match="^detector: got 'openpose', expected 'blazepose' or 'network'$"):
        make_detector("openpose")


# ---- the two that are there ----


def test_a_photo_from_file_to_3d(tmp_path):
    """Both men of a photo; each lifted, and compared with what four cameras triangulated."""
    Image.fromarray(np.hstack([MAN.image, OTHER.image])).save(tmp_path / "both.png")
    people = sorted(read(tmp_path / "both.png"), key=lambda person: np.nanmean(person.Y[:, 0]))
    assert [person.format for person in people] == ["photo, BlazePose (MediaPipe 0.10.21, full)"] * 2
    assert people[0].size == (MAN.image.shape[1] + OTHER.image.shape[1], MAN.image.shape[0])
    for person, frame in zip(people, (MAN, OTHER), strict=True):
        lifted = lift(person.Y, load_prior(), weights=person.confidences, scale=None)
        seen = frame.pseudo_visible & person.visible[0]
        assert p_mpjpe(lifted.pose[0][:, seen], frame.pseudo_truth[:, seen]) < 0.12


def test_what_lies_outside_the_picture_is_missing():
    cut = MAN.image[: round(MAN.landmarks[1, [HUMAN36M.index(f"{side}_knee") for side in ("left", "right")]].min())]
    points, confidences = BlazePoseDetector()(cut)
    outside = points[0, 1] > len(cut) - 0.5
    assert outside.any() and (confidences[0, outside] == 0).all() and (confidences[0, ~outside] > 0).all()


def test_a_video_of_one_photo(tmp_path):
    image = MAN.image[:, : MAN.image.shape[1] // 2 * 2]
    (person,) = detect(video(tmp_path / "a.mp4", [image] * 6))
    assert len(person) == 6
    off = np.linalg.norm(flip_y(person.Y[:, :, MAN.visible]) - MAN.landmarks[:, MAN.visible], axis=1)
    assert np.median(off) / MAN.pixels_per_metre < 0.03


def test_the_projects_network_as_detector(tmp_path):
    Image.fromarray(MAN.image).save(tmp_path / "a.png")
    (person,) = detect(tmp_path / "a.png", detector="network")
    assert person.format == "photo, the project's network" and "trained on renders alone" in person.notes[0]
    assert (person.confidences > 0).all() and (person.confidences <= 1).all()
    off = np.linalg.norm(flip_y(person.Y[0]) - MAN.pseudo_pixels, axis=0)[MAN.pseudo_visible]
    assert np.median(off) / MAN.pixels_per_metre < 0.08  # a fifth of a torso is 0.1


def test_the_projects_network_where_nobody_is(rng):
    detector = make_detector("network")
    detector.forget()
    points, confidences = detector(rng.integers(0, 255, (60, 90, 3), dtype=np.uint8))
    assert points.shape == (0, 2, 17) and confidences.shape == (0, 17)


def test_blazepose_where_nobody_is(rng):
    points, confidences = BlazePoseDetector()(rng.integers(0, 255, (60, 90, 3), dtype=np.uint8))
    assert points.shape == (0, 2, 33) and confidences.shape == (0, 33)
