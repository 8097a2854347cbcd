"""Several people in one picture, and in pictures that follow each other."""

import hashlib
import re

import numpy as np
import pytest
from PIL import Image

from lifting.datasets.real_frames import load_real_frames
from lifting.detecting.blazepose import WEIGHTS, BlazePose, Look
from lifting.detecting.people import EVERY, People, distinct, small_squares, squares, without_doubles
from lifting.support.files import data_path

MAN, OTHER = load_real_frames(["cam01_026", "cam02_026"])


@pytest.fixture(scope="module")
def networks():
    return BlazePose()


def test_the_weights_are_those_of_the_card():
    table = dict(re.findall(r"\| `(\w+\.tflite)` \|.*`([0-9a-f]{64})`", data_path("detector.md").read_text()))
    assert set(table) == set(WEIGHTS)
    for name, sha256 in table.items():
        assert hashlib.sha256(data_path(f"detector/{name}").read_bytes()).hexdigest() == sha256


@pytest.mark.parametrize("frame", [MAN, OTHER], ids=lambda frame: frame.name)
def test_an_embedded_photos_landmarks_are_found(networks, frame):
    """As another run of the same networks found them in the uncut video, and where four cameras agree that they are."""
    (look,) = People(networks)(frame.image)
    assert look.score > 0.99 and look.belief.shape == (33, 64, 64) and 0 <= look.belief.min() < look.belief.max() <= 1
    apart = np.linalg.norm(look.pixels - frame.landmarks33.T, axis=1) / frame.pixels_per_metre
    assert np.median(apart) < 0.03
    strong = look.visibility > 0.5
    assert (strong == (frame.visibility33 > 0.5)).mean() > 0.9


def test_two_people_in_one_picture(networks):
    both = np.hstack([MAN.image, OTHER.image])
    looks = sorted(People(networks)(both), key=lambda look: look.hips[0])
    assert len(looks) == 2
    for look, frame, left in zip(looks, (MAN, OTHER), (0, MAN.image.shape[1]), strict=True):
        error = np.linalg.norm(look.pixels - [left, 0] - frame.landmarks33.T, axis=1) / frame.pixels_per_metre
        assert np.median(error) < 0.05


def test_who_is_small_and_alone_is_found(networks):
    small = Image.fromarray(MAN.image).reduce(4)
    picture = np.full((900, 900, 3), 120, np.uint8)
    picture[500 : 500 + small.height, 200 : 200 + small.width] = small
    (look,) = People(networks)(picture)
    error = np.linalg.norm((look.pixels - [200, 500]) * 4 - MAN.landmarks33.T, axis=1) / MAN.pixels_per_metre
    assert np.median(error) < 0.05


def test_nobody(networks, rng):
    assert People(networks)(rng.integers(0, 255, (200, 300, 3), dtype=np.uint8)) == []
    assert People(networks)(np.zeros((1, 1, 3), np.uint8)) == []


def test_people_enter_and_leave(networks):
    empty = np.full_like(MAN.image, 90)
    people = People(networks)
    one, both = np.hstack([MAN.image, np.full_like(OTHER.image, 90)]), np.hstack([MAN.image, OTHER.image])
    counts = [len(people(one)) for _ in range(2)] + [len(people(both)) for _ in range(EVERY + 1)]
    assert counts[:2] == [1, 1] and counts[-1] == 2
    gone = np.hstack([empty, OTHER.image])
    (left,) = people(gone)
    assert left.hips[0] > MAN.image.shape[1]
    people.forget()
    assert len(people(both)) == 2  # at once


# ---- what is whose, on made-up looks ----


def look(x, y, score=1.0, up=-100.0, turned=False):
    hips, top = np.array([x, y]), np.array([x, y + up])
    pixels = np.stack([x + 20 * np.cos(np.arange(33)), y + np.linspace(-80, 80, 33) * (-1 if turned else 1)], axis=1)
    return Look(pixels, np.ones(33), score, hips, top, np.zeros((64, 64, 39)), np.eye(2, 3))


def test_candidates_of_one_person_are_averaged_by_their_scores():
    places = np.array([[[0, 0], [0, -100]], [[10, 0], [10, -100]], [[300, 0], [300, -100]], [[600, 0], [600, -100.0]]])
    found = distinct(places, np.array([0.6, 0.9, 0.7, 0.4]))
    np.testing.assert_allclose(found, [[[6, 0], [6, -100]], [[300, 0], [300, -100]]])
    assert distinct(places, np.zeros(4)).shape == (0, 2, 2)


def test_a_candidate_on_its_head_is_not_averaged_with_one_upright():
    places = np.array([[[0, 0], [0, -100]], [[10, 0], [10, 100.0]]])
    np.testing.assert_array_equal(distinct(places, np.array([0.9, 0.8])), places)


def test_of_two_looks_at_one_body_the_surer_stays():
    looks = [look(0, 0, 0.9), look(5, 0, 0.99), look(200, 0, 0.8)]
    assert without_doubles(looks) == looks[1:]


def test_of_two_bodies_against_each_other_in_one_place_the_upright_one_stays():
    upright, askew = look(0, 0, 0.999), look(5, 10, 1.0, up=90.0, turned=True)
    assert without_doubles([askew, upright]) == [upright]
    assert without_doubles([askew, look(0, 0, 0.98)]) == [askew]  # much surer
    beside = look(60, 10, 1.0, up=90.0, turned=True)
    assert without_doubles([upright, beside]) == [upright, beside]


class Scripted:
    """Networks that find a second body upside down on the first."""

    def __init__(self):
        self.asked = 0

    def candidates(self, image):
        """Two, the one upside down first."""
        self.asked += 1
        return np.array([[[50, 100], [50, 0]], [[60, 100], [60, 200.0]]]), np.array([0.8, 0.9])

    def look(self, image, hips, top):
        """Less sure of that one."""
        turned = top[1] > hips[1]
        return look(*hips, 0.98 if turned else 0.999, top[1] - hips[1], turned)


def test_a_body_seen_askew_is_left_out_and_the_detector_rests():
    networks = Scripted()
    people = People(networks)
    for _ in range(2 * EVERY):
        (found,) = people(np.zeros((200, 200, 3), np.uint8))
        assert found.score == 0.999 and found.top[1] < found.hips[1]
    assert networks.asked == 2


def test_at_most_so_many():
    assert len(People(Scripted(), most=0)(np.zeros((200, 200, 3), np.uint8))) == 0


@pytest.mark.parametrize("size", [(1920, 1080), (300, 1000), (1000, 1000), (1200, 1000), (5000, 200)])
def test_squares_cover_a_long_picture_and_overlap(size):
    found = squares(*size)
    assert all(side == min(size) // 2 for _, _, side in small_squares(*size))
    assert (small_squares(*size) == []) == (min(size) < 448)
    assert (found == []) == (max(size) < 1.25 * min(size))
    if found:
        along = 0 if size[0] > size[1] else 1
        starts = [one[along] for one in found]
        assert {one[2] for one in found} == {min(size)} and starts[0] == 0 and starts[-1] == max(size) - min(size)
        assert (np.diff(starts) <= 0.6 * min(size) + 1).all() and all(one[1 - along] == 0 for one in found)
