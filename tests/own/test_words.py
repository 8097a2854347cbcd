"""What is said of frames that were not lifted and of poor fits, and whether the cause named is the right one."""

import numpy as np
import pytest

from lifting import load_prior
from lifting.own.causes import find_cause
from lifting.own.person import lift_person
from lifting.own.settings import Settings
from lifting.own.words import ranges, remarks
from lifting.skeleton import convert

from .made_up import recording


def in_coco(Y):
    """The order of COCO, its eyes and ears about the nose."""
    there, _ = convert(np.nan_to_num(Y), "human36m", "coco")
    there[:, :, 1:5] = there[:, :, :1] + np.array([[8, -8, 16, -16], [5, 5, 0, 0]])
    return there


FAULTS = {
    "y flipped": (lambda Y: Y * [[1.0], [-1.0]], {}),
    "order of COCO": (in_coco, {}),
    "quarter": (lambda Y: Y[:, ::-1] * [[1.0], [-1.0]], {}),
    "scale solved for": (lambda Y: Y, {"scale": 1.0}),
    "upside down": (lambda Y: -Y, {}),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_fault_of_an_input_is_named(fault):
    spoil, settings = FAULTS[fault]
    given, prior = recording(gaps=False), load_prior()
    wrong = recording(gaps=False)
    object.__setattr__(wrong, "Y", spoil(given.Y))
    person = lift_person(wrong, prior, Settings(**settings))
    name, better = find_cause(person, prior)
    assert fault in name and better > 10
    said = remarks(person, prior)
    assert "fit poorly" in " ".join(said) and fault in said[-1]


def test_nothing_is_said_of_what_fits():
    prior = load_prior()
    person = lift_person(recording(gaps=False), prior, Settings())
    assert remarks(person, prior) == [] and find_cause(person, prior) is None


def test_frames_that_were_not_lifted_are_listed_with_the_reason():
    prior = load_prior()
    person = lift_person(recording(), prior, Settings())
    assert remarks(person, prior) == ["Not lifted, as fewer than 3 landmarks were seen: frame 5."]


def test_where_nothing_explains_it_that_is_said(rng):
    noise = recording(gaps=False)
    object.__setattr__(noise, "Y", 1000 * rng.random(noise.Y.shape))
    prior = load_prior()
    said = remarks(lift_person(noise, prior, Settings()), prior)
    assert said[-1].startswith("Nothing that was tried explains it.")


@pytest.mark.parametrize(
    ("numbers", "words"),
    [([3], "3"), ([3, 4], "3-4"), ([1, 3, 4, 5], "1 and 3-5"), ([1, 3, 5], "1, 3 and 5"),
     (list(range(0, 40, 2)), "0, 2, 4, 6, 8, 10, 12, 14 and 12 more")],
)  # fmt: skip
def test_numbers_are_put_into_words(numbers, words):
    assert ranges(numbers) == words
