"""Exchanged sides: found where they were made, left where there are none."""

import numpy as np
import pytest
import torch

from lifting import lift, load_prior
from lifting.beyond.sides import LABELLINGS, labellings, mend_sides, winners_score
from lifting.camera import rotation_angles, turn
from lifting.datasets.motion_capture import load_motion_capture
from lifting.skeleton import HUMAN36M
from lifting.solve import centre, search
from tests.priors import random_masks, random_prior

pytestmark = [pytest.mark.usefixtures("one_thread"), pytest.mark.filterwarnings("ignore::lifting.PoorFit")]


@pytest.fixture(scope="module")
def walk():
    motion = load_motion_capture()
    return turn(motion.of_clip("walk"), np.full(35, 0.8))[:, :2], np.arange(35) / 30


def test_labellings_exchange_what_they_say():
    orders = labellings(load_prior())
    names = np.array(HUMAN36M.landmarks)
    np.testing.assert_array_equal(orders[0], np.arange(17))
    np.testing.assert_array_equal(orders[1], HUMAN36M.swap)
    moved = [set(names[order != np.arange(17)]) for order in orders[2:]]
    parts = [{f"{side}_{part}" for side in ("left", "right") for part in group}
             for group in (("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle"))]  # fmt: skip
    assert moved == parts


@pytest.mark.parametrize("scale", [1.0, None])
def test_the_score_is_that_of_the_readable_search(rng, scale):
    prior = random_prior(2, K=3)
    Y, visible = rng.standard_normal((6, 2, 6)) + 3, random_masks(rng, 6, 6)
    Y = Y if scale else np.abs(Y) * np.sign(prior.mu[0, :2])
    lifted = lift(Y, prior, scale=scale, visible=visible, rotations=9, unusable="nan")
    good = lifted.usable
    w = visible[good].astype(float)
    found = search(centre(Y[good], w), prior, rotation_angles(9), scale=scale, weights=w)
    np.testing.assert_allclose(winners_score(prior, lifted)[good], found.score, rtol=1e-9)


@pytest.mark.parametrize("kind", [1, 2, 3])
def test_what_was_exchanged_is_exchanged_back(walk, kind):
    Y, times = walk
    labelling = np.zeros(35, int)
    labelling[[5, 6, 7, 20, 34]] = kind
    order = labellings(load_prior())[labelling]
    wrong = np.take_along_axis(Y, order[:, None], axis=2)
    mended = mend_sides(wrong, load_prior(), times=times, visible=np.ones(17, bool))
    np.testing.assert_array_equal(mended.labelling, labelling)
    np.testing.assert_array_equal(mended.Y, Y)
    np.testing.assert_array_equal(mended.exchanged, labelling > 0)
    assert mended.visible.all() and mended.weights is None
    # and again it finds nothing
    assert not mend_sides(mended.Y, load_prior(), times=times).exchanged.any()


def test_a_single_frame_shows_wrung_people_but_not_mirrored_ones(walk):
    Y, _ = walk
    orders = labellings(load_prior())
    for kind, found in ((0, 0), (1, 1), (2, 2), (3, 3)):
        wrong = Y[:, :, orders[kind]]
        alone = mend_sides(wrong, load_prior(), in_time=False, as_given=0.0)
        # up to an exchange of all sides
        wrung = {0: (0, 1), 1: (0, 1), 2: (2, 3), 3: (2, 3)}[found]
        assert np.isin(alone.labelling, wrung).mean() > 0.9, LABELLINGS[kind]


def test_masks_and_weights_go_along_and_libraries_stay(walk):
    Y, times = walk
    order = labellings(load_prior())[1]
    visible = np.ones((35, 17), bool)
    visible[:, HUMAN36M.index("left_wrist")] = False
    weights = np.linspace(0.5, 1, 17)
    wrong = torch.tensor(np.where((np.arange(35) == 9)[:, None, None], Y[..., order], Y))
    seen = np.where((np.arange(35) == 9)[:, None], visible[:, order], visible)
    mended = mend_sides(wrong, load_prior(), times=times, visible=seen, weights=weights)
    assert mended.exchanged.nonzero()[0].tolist() == [9]
    assert isinstance(mended.Y, torch.Tensor) and isinstance(mended.visible, torch.Tensor)
    np.testing.assert_array_equal(mended.visible.numpy(), visible)
    np.testing.assert_array_equal(mended.weights[9].numpy(), weights[order])
    one = mend_sides(Y[0], load_prior())
    assert one.Y.shape == (2, 17) and one.order.shape == (17,)


def test_bad_input_is_named(walk):
    Y, _ = walk
    with pytest.raises(ValueError, match="prior: got landmarks without left and right"):
        mend_sides(np.zeros((2, 2, 6)), random_prior())
    with pytest.raises(ValueError, match="as_given: got -1"):
        mend_sides(Y, load_prior(), as_given=-1.0)
    with pytest.raises(ValueError, match="Y: got shape"):
        mend_sides(Y[None], load_prior())
