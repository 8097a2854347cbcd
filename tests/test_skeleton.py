"""Landmark orders and converters, against published lists and conversions written out landmark by landmark."""

import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lifting.skeleton import (
    BLAZEPOSE,
    COCO,
    HUMAN36M,
    MPII,
    OPENPOSE25,
    SKELETONS,
    Skeleton,
    conversion_table,
    convert,
    mirror,
    skeleton,
)
from lifting.support.arrays import to_numpy
from tests.refusals import refuses

settings.register_profile("calm", deadline=None, max_examples=50)
settings.load_profile("calm")

BACKENDS = {"numpy": np.asarray, "torch": torch.as_tensor}
ALL = list(SKELETONS.values())
names = st.sampled_from(sorted(SKELETONS))


def random_landmarks(order, seed=0, batch=(), d=2, dtype=np.float64):
    return np.random.default_rng(seed).normal(size=(*batch, d, len(order.landmarks))).astype(dtype)


def random_mask(order, seed=0, batch=()):
    return np.random.default_rng(seed + 1).random((*batch, len(order.landmarks))) < 0.7


# The orders


@pytest.mark.parametrize(
    ("order", "count", "checks"),
    [
        (HUMAN36M, 17, {0: "pelvis", 3: "right_ankle", 6: "left_ankle", 7: "spine", 8: "neck", 9: "nose",
                        10: "head_top", 11: "left_shoulder", 13: "left_wrist", 14: "right_shoulder",
                        16: "right_wrist"}),
        (COCO, 17, {0: "nose", 1: "left_eye", 4: "right_ear", 5: "left_shoulder", 10: "right_wrist", 11: "left_hip",
                    16: "right_ankle"}),
        (OPENPOSE25, 25, {0: "nose", 1: "neck", 4: "right_wrist", 7: "left_wrist", 8: "pelvis", 11: "right_ankle",
                          14: "left_ankle", 15: "right_eye", 18: "left_ear", 19: "left_big_toe", 21: "left_heel",
                          24: "right_heel"}),
        (MPII, 16, {0: "right_ankle", 2: "right_hip", 3: "left_hip", 6: "pelvis", 7: "neck", 8: "upper_neck",
                    9: "head_top", 10: "right_wrist", 12: "right_shoulder", 13: "left_shoulder", 15: "left_wrist"}),
        (BLAZEPOSE, 33, {0: "nose", 2: "left_eye", 5: "right_eye", 8: "right_ear", 9: "left_mouth",
                         11: "left_shoulder", 16: "right_wrist", 22: "right_thumb", 23: "left_hip",
                         28: "right_ankle", 32: "right_foot_index"}),
    ],
    ids=lambda value: value.name if isinstance(value, Skeleton) else "",
)  # fmt: skip
def test_published_indices(order, count, checks):
    assert len(order.landmarks) == count
    assert {i: order.landmarks[i] for i in checks} == checks
    assert all(order.index(name) == i for i, name in checks.items())


@pytest.mark.parametrize("order", ALL, ids=lambda order: order.name)
def test_left_and_right_are_named_alike(order):
    assert len(order.left) == sum(name.startswith("left_") for name in order.landmarks)
    assert len(order.right) == sum(name.startswith("right_") for name in order.landmarks)
    for i, j in zip(order.left, order.right, strict=True):
        assert order.landmarks[i].removeprefix("left_") == order.landmarks[j].removeprefix("right_")


@pytest.mark.parametrize("order", ALL, ids=lambda order: order.name)
def test_bones_are_symmetric(order):
    bones = {frozenset(bone) for bone in order.bones}
    assert {frozenset(order.swap[i] for i in bone) for bone in bones} == bones


@pytest.mark.parametrize("order", ALL, ids=lambda order: order.name)
def test_bones_connect_all_but_the_mouth(order):
    reached, bones = {order.index("nose" if "nose" in order.landmarks else "pelvis")}, list(order.bones)
    if order is BLAZEPOSE:
        reached |= {order.index("left_mouth"), order.index("left_shoulder")}  # published as three pieces
    for _ in bones:
        reached |= {i for bone in bones if reached & set(bone) for i in bone}
    assert reached == set(range(len(order.landmarks)))


def test_bones_of_human36m_are_a_tree_from_the_pelvis():
    children = [j for _, j in HUMAN36M.bones]
    assert sorted(children) == list(range(1, 17))
    assert all(i == 0 or i in children[:n] for n, (i, _) in enumerate(HUMAN36M.bones))


def test_lookup():
    for name, order in SKELETONS.items():
        assert skeleton(name) is order and skeleton(order) is order


@pytest.mark.parametrize("bad", ["kinect", "", None, 3])
def test_unknown_name_lists_the_known(bad):
    known = "blazepose, body25b, cmu, coco, coco18, halpe26, human36m, mpii, openpose25, wholebody"
    expected = f"name: got {bad!r}, expected a Skeleton or one of {known}"
    with pytest.raises(ValueError, match=f"^{re.escape(expected)}$"):
        skeleton(bad)


def test_unknown_landmark():
    with pytest.raises(ValueError, match="^landmark: got 'spine', expected one of nose, left_eye"):
        COCO.index("spine")


GOOD = {"name": "n", "landmarks": ("a", "b", "c"), "bones": ((0, 1),), "left": (1,), "right": (2,)}


def test_a_good_skeleton_is_frozen_and_hashable():
    made = Skeleton(**GOOD)
    assert made.swap == (0, 2, 1)
    assert hash(made) == hash(Skeleton(**GOOD))
    with pytest.raises(AttributeError):
        made.name = "other"


@pytest.mark.parametrize(
    ("argument", "value", "message"),
    [
        ("name", "", "name: got '', expected a non-empty string"),
        ("name", 3, "name: got 3, expected a non-empty string"),
        ("landmarks", (), "landmarks: got (), expected a non-empty tuple of distinct"),
        ("landmarks", ("a", "a", "b"), "landmarks: got ('a', 'a', 'b'), expected a non-empty tuple of distinct"),
        ("landmarks", ["a", "b", "c"], "landmarks: got ['a', 'b', 'c'], expected a non-empty tuple"),
        ("landmarks", ("a", "", "c"), "landmarks: got ('a', '', 'c'), expected"),
        ("bones", [(0, 1)], "bones: got [(0, 1)], expected a tuple of distinct pairs"),
        ("bones", ((0, 1, 2),), "bones: got (0, 1, 2), expected a tuple of distinct pairs"),
        ("bones", ((0, 3),), "bones: got (0, 3), expected a tuple of distinct whole numbers in 0..2"),
        ("bones", ((1, 1),), "bones: got (1, 1), expected"),
        ("bones", ((0, 1), (1, 0)), "bones: got a bone twice, expected a tuple of distinct pairs"),
        ("left", (-1,), "left: got (-1,), expected a tuple of distinct whole numbers in 0..2"),
        ("left", (1.0,), "left: got (1.0,), expected"),
        ("left", (True,), "left: got (True,), expected"),
        ("left", (1, 1), "left: got (1, 1), expected"),
        ("right", (0, 2), "right: got 2 indices, expected as many as in left, 1"),
        ("right", (1,), "right: got [1], which are in left too, expected a landmark on one side only"),
    ],
)
def test_bad_skeletons(argument, value, message):
    with refuses(message):
        Skeleton(**(GOOD | {argument: value}))


# convert


def convert_by_name(Y, source, target, visible):
    """The definition, one landmark at a time."""
    derived = {"pelvis": ("left_hip", "right_hip"), "neck": ("left_shoulder", "right_shoulder")}
    Y_target, visible_target = np.zeros((Y.shape[0], len(target.landmarks))), np.zeros(len(target.landmarks), bool)
    for i, name in enumerate(target.landmarks):
        parents = (name,) if name in source.landmarks else derived.get(name, ())
        columns = [source.landmarks.index(parent) for parent in parents if parent in source.landmarks]
        if columns and len(columns) == len(parents) and all(visible[column] for column in columns):
            Y_target[:, i], visible_target[i] = np.mean(Y[:, columns], axis=1), True
    return Y_target, visible_target


@given(source=names, target=names, seed=st.integers(0, 10**6), d=st.sampled_from([2, 3]),
       backend=st.sampled_from(sorted(BACKENDS)), dtype=st.sampled_from([np.float32, np.float64]),
       batch=st.sampled_from([(), (3,), (2, 2), (0,)]))  # fmt: skip
def test_convert_follows_its_definition(source, target, seed, d, backend, dtype, batch):
    source, target = skeleton(source), skeleton(target)
    Y, visible = random_landmarks(source, seed, batch, d, dtype), random_mask(source, seed, batch)
    as_given = BACKENDS[backend]
    Y_target, visible_target = convert(as_given(Y), source, target, as_given(visible))
    assert type(Y_target) is type(visible_target) is type(as_given(Y)) and Y_target.dtype == as_given(Y).dtype
    L = len(target.landmarks)
    assert tuple(Y_target.shape) == (*batch, d, L) and tuple(visible_target.shape) == (*batch, L)
    for index in np.ndindex(batch):
        want, want_visible = convert_by_name(Y[index], source, target, visible[index])
        np.testing.assert_allclose(to_numpy(Y_target)[index], want, rtol=0, atol=1e-6 if dtype == np.float32 else 1e-15)
        np.testing.assert_array_equal(to_numpy(visible_target)[index], want_visible)


@given(source=names, target=names, backend=st.sampled_from(sorted(BACKENDS)), seed=st.integers(0, 10**6),
       rubbish=st.sampled_from([np.nan, np.inf, -np.inf, 1e300]))  # fmt: skip
def test_what_invisible_landmarks_hold_is_ignored(source, target, backend, seed, rubbish):
    order, as_given = skeleton(source), BACKENDS[backend]
    Y, visible = random_landmarks(order, seed), random_mask(order, seed)
    spoilt = np.where(visible, Y, rubbish)
    clean_result = convert(as_given(Y), source, target, as_given(visible))
    for got, want in zip(convert(as_given(spoilt), source, target, as_given(visible)), clean_result, strict=True):
        np.testing.assert_array_equal(to_numpy(got), to_numpy(want))
    assert np.all(to_numpy(clean_result[0])[:, ~to_numpy(clean_result[1])] == 0)


def test_coco_to_human36m_by_hand():
    Y = np.arange(34.0).reshape(2, 17) ** 1.5
    Y_target, visible = convert(Y, "coco", "human36m")
    missing = [HUMAN36M.index("spine"), HUMAN36M.index("head_top")]
    np.testing.assert_array_equal(np.flatnonzero(~visible), missing)
    np.testing.assert_array_equal(Y_target[:, missing], 0)
    np.testing.assert_allclose(Y_target[:, 0], (Y[:, 11] + Y[:, 12]) / 2)
    np.testing.assert_allclose(Y_target[:, 8], (Y[:, 5] + Y[:, 6]) / 2)
    np.testing.assert_array_equal(
        Y_target[:, [1, 2, 3, 4, 5, 6, 9, 11, 12, 13, 14, 15, 16]], Y[:, [12, 14, 16, 11, 13, 15, 0, 5, 7, 9, 6, 8, 10]]
    )


def test_mpii_thorax_is_copied_and_its_upper_neck_is_not():
    table = conversion_table("mpii", "human36m")
    assert table["neck"] == ("neck",) and table["head_top"] == ("head_top",)
    assert table["nose"] == () and table["spine"] == ()
    assert not any(
        "upper_neck" in parents
        for other in ALL
        if "upper_neck" not in other.landmarks
        for parents in conversion_table(MPII, other).values()
    )


def test_toes_of_openpose_and_blazepose_are_kept_apart():
    table = conversion_table("blazepose", "openpose25")
    assert table["left_heel"] == ("left_heel",) and table["pelvis"] == ("left_hip", "right_hip")
    assert table["left_big_toe"] == table["left_small_toe"] == ()


def test_derived_landmark_needs_a_source_with_both_parents():
    one_hip = Skeleton("one hip", ("left_hip", "nose"), (), (), ())
    assert conversion_table(one_hip, HUMAN36M)["pelvis"] == ()
    np.testing.assert_array_equal(np.flatnonzero(convert(np.ones((2, 2)), one_hip, HUMAN36M)[1]), [4, 9])


def test_one_mask_serves_a_whole_batch_and_lists_are_read():
    Y, visible = random_landmarks(COCO, batch=(4,)), random_mask(COCO)
    _, seen = convert(Y, "coco", "human36m", visible.tolist())
    np.testing.assert_array_equal(seen, np.broadcast_to(convert(Y[0], "coco", "human36m", visible)[1], (4, 17)))
    _, seen = convert(torch.as_tensor(Y), "coco", "human36m", visible)
    assert isinstance(seen, torch.Tensor)
    assert convert([[1] * 17, [2] * 17], "coco", "human36m")[0].dtype == np.float64


def test_convert_passes_gradients_to_visible_parents_only():
    Y = torch.as_tensor(random_landmarks(COCO)).requires_grad_()
    visible = torch.ones(17, dtype=torch.bool)
    visible[COCO.index("nose")] = False
    with torch.no_grad():
        Y[:, COCO.index("nose")] = torch.nan
    convert(Y, "coco", "human36m", visible)[0].sum().backward()
    counts = dict.fromkeys(COCO.landmarks, 0.0)
    for parents in conversion_table("coco", "human36m").values():
        for parent in parents:
            counts[parent] += 1 / len(parents)
    counts["nose"] = 0.0
    np.testing.assert_allclose(Y.grad.numpy(), np.tile(list(counts.values()), (2, 1)))


def with_nan(Y):
    Y[0, 3] = np.nan
    return Y


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda Y: convert(Y, "cocoa", "coco"), "name: got 'cocoa', expected a Skeleton or one of"),
        (lambda Y: convert(Y, "mpii", "coco"), "Y: got shape (2, 17), expected shape (..., d, 16)"),
        (lambda Y: convert(Y[0], "coco", "mpii"), "Y: got shape (17,), expected shape (..., d, 17)"),
        (
            lambda Y: convert(np.zeros((4, 17)), "coco", "mpii"),
            "Y: got shape (4, 17), expected shape (..., d, 17) with d = 2 or 3",
        ),
        (lambda Y: convert(Y.astype(complex), "coco", "mpii"), "Y: got ndarray of dtype complex128, expected"),
        (lambda Y: convert(with_nan(Y), "coco", "mpii"), "Y: got 1 NaN or infinite of 34 values, expected finite"),
        (
            lambda Y: convert(Y, "coco", "mpii", np.ones(17)),
            "visible: got an array of float64, expected an array of booleans",
        ),
        (
            lambda Y: convert(torch.as_tensor(Y), "coco", "mpii", torch.ones(17)),
            "visible: got an array of torch.float32, expected an array of booleans",
        ),
        (
            lambda Y: convert(Y, "coco", "mpii", [[True], [True, False]]),
            "visible: got a ragged sequence, expected an array of booleans",
        ),
        (lambda Y: convert(Y, "coco", "mpii", np.ones(16, bool)), "visible: got shape (16,), expected shape (17,)"),
        (
            lambda Y: convert(Y[None], "coco", "mpii", np.ones((2, 17), bool)),
            "visible: got shape (2, 17), expected shape (1, 17) or (17,)",
        ),
        (lambda Y: mirror(Y, "kinect"), "name: got 'kinect', expected a Skeleton or one of"),
        (lambda Y: mirror(Y, "mpii"), "pose: got shape (2, 17), expected shape (..., d, 16)"),
        (lambda Y: mirror(with_nan(Y), "coco"), "pose: got 1 NaN or infinite of 34 values, expected finite"),
    ],
)
def test_bad_input(call, message):
    with refuses(message):
        call(random_landmarks(COCO))


# mirror


@given(name=names, seed=st.integers(0, 10**6), d=st.sampled_from([2, 3]), batch=st.sampled_from([(), (2,), (2, 1)]),
       backend=st.sampled_from(sorted(BACKENDS)), dtype=st.sampled_from([np.float32, np.float64]))  # fmt: skip
def test_mirror(name, seed, d, batch, backend, dtype):
    order = skeleton(name)
    pose = random_landmarks(order, seed, batch, d, dtype)
    mirrored = mirror(BACKENDS[backend](pose), name)
    assert mirrored.dtype == BACKENDS[backend](pose).dtype
    for i, landmark in enumerate(order.landmarks):
        other = landmark.replace("left", "right") if "left" in landmark else landmark.replace("right", "left")
        want = pose[..., order.index(other)] * np.array([-1, 1, 1], dtype)[:d]
        np.testing.assert_array_equal(to_numpy(mirrored)[..., i], want)
    np.testing.assert_array_equal(to_numpy(mirror(mirrored, order)), pose)


def test_converting_and_mirroring_commute():
    Y = random_landmarks(BLAZEPOSE, d=3)
    np.testing.assert_allclose(
        convert(mirror(Y, "blazepose"), "blazepose", "human36m")[0],
        mirror(convert(Y, "blazepose", "human36m")[0], "human36m"),
        atol=1e-15,
    )
