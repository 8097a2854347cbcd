"""One person: sides, smoothing and uncertainty where they are asked for."""

from dataclasses import replace

import numpy as np
import pytest

from lifting import load_prior
from lifting.own.numbers import arrays_of
from lifting.own.page import page_data
from lifting.own.person import lift_person, usable_landmarks
from lifting.own.settings import Settings
from lifting.own.words import remarks
from lifting.skeleton import HUMAN36M

from .made_up import recording


@pytest.fixture(scope="module")
def clip():
    """The first twenty frames."""
    given = recording(gaps=False)
    cut = {name: getattr(given, name)[:20] for name in ("Y", "confidences", "frames", "times")}
    return replace(given, **cut)


def test_uncertainty_is_in_the_results_and_largest_in_depth(clip):
    person = lift_person(clip, load_prior(), Settings(uncertainty=True))
    variance = np.diagonal(person.spread.covariance, axis1=-2, axis2=-1).mean((0, 1))
    assert variance[2] > 4 * variance[:2].max()
    assert np.abs(person.spread.mean[:, :2] - person.pose[:, :2]).max() < 0.05
    assert {"mean", "covariance"} <= arrays_of(person).keys()
    data = page_data([person], {})["people"][0]
    six = data["covariance"][3][5]
    xx, xy, xz, yy, yz, zz = six
    assert np.allclose([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]], person.spread.covariance[3, 5], rtol=1e-4)


def test_exchanged_sides_are_changed_back_and_said(clip):
    wrong = clip.Y.copy()
    wrong[7:9] = wrong[7:9][..., list(HUMAN36M.swap)]
    prior, spoilt = load_prior(), replace(clip, Y=wrong)
    person = lift_person(spoilt, prior, Settings(sides=True))
    assert np.flatnonzero(person.changed).tolist() == [7, 8]
    assert np.array_equal(person.recording.Y, clip.Y)
    assert remarks(person, prior) == ["Left and right were changed back: frames 7-8."]
    assert np.array_equal(arrays_of(person)["sides_changed"], person.changed)


def test_smoothing_makes_a_trembling_clip_steadier(clip, rng):
    noisy, prior = replace(clip, Y=clip.Y + 3 * rng.standard_normal(clip.Y.shape)), load_prior()
    rough, even = (lift_person(noisy, prior, Settings(smooth=one)).pose for one in (False, True))
    assert np.abs(np.diff(even, 2, axis=0)).mean() < 0.7 * np.abs(np.diff(rough, 2, axis=0)).mean()


def test_time_passes_between_frames_without_times(clip):
    frames = np.r_[:10, 40:50]
    given = replace(clip, frames=frames, times=None)
    prior = load_prior().subset(bases=8, components=[0])  # which is quick
    counted, told = (lift_person(one, prior, Settings(smooth=True, sides=True)).pose
                     for one in (given, replace(given, times=frames / 30)))  # fmt: skip
    assert np.array_equal(counted, told)
    without_gap = lift_person(replace(given, frames=np.arange(20)), prior, Settings(smooth=True, sides=True))
    assert np.abs(counted - without_gap.pose).max() > 1e-3


def test_somebody_upside_down_is_lifted_if_that_may_be(clip):
    prior = load_prior().subset(bases=8, components=[0])  # which is quick
    turned = replace(clip, Y=-clip.Y[:2], confidences=clip.confidences[:2], frames=clip.frames[:2], times=None)
    assert not np.asarray(lift_person(turned, prior, Settings()).lifted.fit).any()
    free = lift_person(turned, prior, Settings(orientation="free"))
    assert np.asarray(free.lifted.fit).all()
    head, ankle = HUMAN36M.index("head_top"), HUMAN36M.index("left_ankle")
    assert (free.pose[:, 1, head] < free.pose[:, 1, ankle]).all()


def test_tilts_are_degrees(clip):
    person = lift_person(clip, load_prior(), Settings(tilts=(0.0, 20.0)))
    assert set(np.round(np.degrees(person.lifted.tilt), 6)) <= {0.0, 20.0}


def test_weights_are_confidences_and_those_near_1_are_1():
    given = recording(gaps=False, confidence=0.6)
    doubtful = given.confidences.copy()
    doubtful[:, 0], doubtful[:, 1], doubtful[0, 2] = 0.97, 1.5, 0.0
    Y = np.where(doubtful[:, None] > 0, given.Y, np.nan)
    found, weights = usable_landmarks(replace(given, Y=Y, confidences=doubtful), 0.95)
    assert np.isfinite(found).all() and weights[0, :4].tolist() == [1.0, 1.5, 0.0, 0.6]
    assert usable_landmarks(given, 0.0)[1].tolist() == np.ones((98, 17)).tolist()
