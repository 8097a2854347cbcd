"""Whether eq. (2) has found an explanation: the misfit's mean under the prior, and what the warning catches."""

import warnings

import numpy as np
import pytest
import torch

from lifting import PoorFit, lift, load_prior
from lifting.camera import rotation_angles, tilted_camera, turn
from lifting.datasets.motion_capture import load_motion_capture
from lifting.datasets.real_frames import load_real_frames
from lifting.misfit import POOR
from lifting.pose_prior import sample
from lifting.skeleton import HUMAN36M, SKELETONS, convert
from tests.priors import random_prior

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def people():
    """Landmarks (n, 2, 17) in metres of motion-captured people, from all sides and somewhat from above."""
    poses = load_motion_capture().poses[::150]
    theta = np.resize(rotation_angles(7), len(poses))
    return turn(poses, theta, tilted_camera(0.1))[:, :2]


@pytest.mark.parametrize("camera", [None, tilted_camera(0.4)])
@pytest.mark.parametrize(
    "seen", [np.ones(8), np.arange(8) % 3 > 0, np.linspace(0.2, 1, 8)], ids=["all", "some", "weights"]
)
@pytest.mark.parametrize("unit", [1.0, 50.0, None])
def test_the_misfit_of_samples_of_the_prior_is_1_in_the_mean(unit, seen, camera):
    n, prior, rng = 4000, random_prior(3, K=1, J=4, L=8, v=1e-3, sigma=(0.3, 2)), np.random.default_rng(0)
    drawn = sample(prior, n, rng, headings=[0.0], noise=False).poses
    # the noise of a landmark of weight w has the variance v / w
    Y = turn(drawn, np.zeros(n), camera)[:, :2]
    Y = Y + np.sqrt(prior.noise_variance / np.maximum(seen, 1e-9)) * (seen > 0) * rng.standard_normal(Y.shape)
    options = {"weights": seen} if seen.dtype == float else {"visible": seen}
    result = lift((unit or 30.0) * Y, prior, rotations=1, scale=unit, camera=camera, **options)
    # chi-squared of m degrees of freedom over m: mean 1, variance 2 / m
    m = 2 * np.count_nonzero(seen) - (2 if unit else 3)
    assert abs(result.misfit.mean() - 1) < 4 * np.sqrt(2 / m / n) + (0 if unit else 0.02)
    assert abs(result.misfit.var() * m / 2 - 1) < 0.15


def test_the_misfit_does_not_depend_on_the_unit_and_a_weight_above_1_raises_no_alarm():
    prior, Y = random_prior(3, K=2, J=4, L=8), np.random.default_rng(0).standard_normal((20, 2, 8))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PoorFit)
        metres, pixels = lift(Y, prior), lift(250 * Y, prior, scale=250.0)
        free, free_pixels = lift(Y, prior, scale=None, unusable="nan"), lift(9 * Y, prior, scale=None, unusable="nan")
        once, many = lift(Y, prior, weights=np.ones(8)), lift(Y, prior, weights=np.full(8, 100.0))
    np.testing.assert_allclose(pixels.misfit, metres.misfit, rtol=1e-9)
    np.testing.assert_allclose(free_pixels.misfit, free.misfit, rtol=1e-6)
    assert np.all(many.misfit < 2 * once.misfit)


# What the warning catches, and what it can't


@pytest.mark.parametrize("scale", [1.0, None])
@pytest.mark.parametrize(
    "wrong",
    [
        lambda Y: Y * [[1], [-1]],
        lambda Y: convert(Y, "human36m", "coco")[0],
        lambda Y: Y[..., ::-1],
        lambda Y: Y[..., SKELETONS["human36m"].swap][..., np.roll(np.arange(17), 3)],
    ],
    ids=["y down", "COCO", "reversed", "shifted"],
)
def test_what_is_wrong_with_all_landmarks_is_caught(people, wrong, scale):
    with pytest.warns(
        PoorFit, match=r"^\d+ of \d+ frames fit poorly.*y points down.*order.*scale.*upside down"
    ) as caught:
        lift(wrong(people), load_prior(), scale=scale, unusable="nan")
    assert len(caught) == 1 and caught[0].filename == __file__


@pytest.mark.parametrize("unit", [200.0, 1000.0, 20.0, 5.0])
def test_a_unit_that_makes_people_larger_is_caught(people, unit):
    with pytest.warns(PoorFit):
        lift(unit * people, load_prior())


def test_a_person_who_lies_is_caught_where_the_scale_is_solved_for(people):
    with pytest.warns(PoorFit):
        lift(people[:, ::-1] * [[1], [-1]], load_prior(), scale=None, unusable="nan")


@pytest.mark.parametrize(
    ("wrong", "scale"),
    [
        (lambda Y: Y[..., list(HUMAN36M.swap)], 1.0),
        (lambda Y: Y[..., list(HUMAN36M.swap)], None),
        (lambda Y: Y * [[9 / 16], [1]], None),
        (lambda Y: 0.3 * Y, 1.0),
    ],
    ids=["sides swapped", "sides swapped, scale free", "0 to 1 of 16:9", "too small"],
)
def test_what_still_looks_like_a_person_is_not_caught(people, wrong, scale):
    """Swapped sides are another heading; a narrow person is one seen from the side, a small one is a mean pose."""
    assert np.median(lift(wrong(people), load_prior(), scale=scale).misfit) < POOR


# What must not warn (pytest makes an error of it)


@pytest.mark.parametrize("scale", [1.0, None])
def test_people_as_they_are_don_t_warn(people, scale):
    noise = 0.01 * np.random.default_rng(0).standard_normal(people.shape)
    assert np.median(lift(people + noise, load_prior(), scale=scale).misfit) < POOR / 3


def test_the_embedded_photos_don_t_warn():
    for frame in load_real_frames():
        result = lift(frame.Y, load_prior(), scale=None, visible=frame.visible, camera=frame.camera)
        assert result.misfit < POOR


def test_half_of_the_frames_is_not_most_of_them(people):
    wrong = people[..., ::-1]
    half = np.concatenate([people[:6], wrong[:6]])
    assert np.count_nonzero(lift(half, load_prior()).misfit > POOR) == 6
    with pytest.warns(PoorFit, match="^7 of 13 frames"):
        lift(np.concatenate([half, wrong[6:7]]), load_prior())
    # those that can't be lifted are not counted
    nobody = np.full((9, 2, 17), np.nan)
    with pytest.warns(PoorFit, match="^7 of 13 frames"):
        lift(torch.tensor(np.concatenate([nobody, half, wrong[6:7]])), load_prior(), unusable="nan")


def test_the_warning_can_be_switched_off(people):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PoorFit)
        lift(people * [[1], [-1]], load_prior())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        lift(people[0] * [[1], [-1]], load_prior())
    assert [one.category for one in caught] == [PoorFit]
