"""Poses made of recorded ones: what is kept, and that the rest differs as much as is said."""

import math

import numpy as np
import pytest

from lifting.camera import rotation
from lifting.datasets.motion_capture import load_motion_capture
from lifting.fitting import augment
from lifting.skeleton import HUMAN36M, mirror

AT = {name: n for n, name in enumerate(HUMAN36M.landmarks)}


def test_heading_is_the_angle_of_rotation():
    pose = np.zeros((3, 17))
    for side, x in (("left", 0.2), ("right", -0.2)):
        for part in ("hip", "shoulder"):
            pose[0, AT[f"{side}_{part}"]] = x
    for theta in (-3.0, -1.0, 0.0, 0.5, 2.0):
        assert augment.heading(rotation(np.float64(theta)) @ pose) == pytest.approx(theta)


def test_mixing_takes_legs_from_one_pose_and_the_rest_from_the_other():
    motion = load_motion_capture()
    legs, above = motion.poses[700], motion.poses[1500]
    mixed = augment.mix(legs, above)
    pelvis = AT["pelvis"]
    for name, n in AT.items():
        if name.endswith(("hip", "knee", "ankle")):
            np.testing.assert_array_equal(mixed[:, n], legs[:, n])
        elif n != pelvis:
            got, was = mixed[:, n] - mixed[:, pelvis], above[:, n] - above[:, pelvis]
            assert np.linalg.norm(got) == pytest.approx(np.linalg.norm(was)) and got[1] == pytest.approx(was[1])
    assert augment.heading(np.where(np.arange(17) == 0, 0, mixed)) == pytest.approx(augment.heading(legs), abs=0.4)


def limbs(pose):
    """Upper and lower bones (2, 3) of arms and legs."""
    chains = [
        (f"{side}_{a}", f"{side}_{b}", f"{side}_{c}")
        for side in ("left", "right")
        for a, b, c in (augment.ARM, augment.LEG)
    ]
    return np.stack([np.diff(pose[:, [AT[name] for name in chain]]).T for chain in chains])


def bends(pose):
    """Of elbows and knees, degrees."""
    upper, lower = (each / np.linalg.norm(each, axis=-1, keepdims=True) for each in limbs(pose).swapaxes(0, 1))
    return np.degrees(np.arccos(np.clip((upper * lower).sum(-1), -1, 1)))


def test_perturbed_poses_keep_their_bones_and_differ_as_much_as_said():
    poses, random = load_motion_capture().poses[::25], np.random.default_rng(0)
    perturbed = np.stack([augment.perturb(pose, random) for pose in poses])
    for a, b in HUMAN36M.bones:
        before, after = (np.linalg.norm(each[..., a] - each[..., b], axis=-1) for each in (poses, perturbed))
        np.testing.assert_allclose(after, before, rtol=1e-9)
    fixed = [AT[name] for name in ("pelvis", "left_hip", "right_hip")]
    np.testing.assert_array_equal(perturbed[..., fixed], poses[..., fixed])
    spine = [each[..., AT["spine"]] - each[..., AT["pelvis"]] for each in (poses, perturbed)]
    cosine = (spine[0] * spine[1]).sum(-1) / np.linalg.norm(spine, axis=-1).prod(0)
    # two of the three parts of a random turn move a direction: sqrt(2 / 3) of the whole
    turned = np.sqrt(np.mean(np.degrees(np.arccos(cosine)) ** 2))
    assert turned == pytest.approx(augment.PERTURBED["pelvis"] * math.sqrt(2 / 3), rel=0.15)
    assert not np.array_equal(poses, perturbed)


def test_perturbed_elbows_and_knees_bend_on_their_own_side(monkeypatch):
    """With nothing but the bend perturbed, the normal of a limb's plane stays where it is."""
    random, most = np.random.default_rng(1), math.degrees(augment.MOST_BENT)
    monkeypatch.setattr(augment, "PERTURBED", dict.fromkeys(augment.PERTURBED, 0.0) | {"bend": 40.0})
    for pose in load_motion_capture().poses[::100]:
        perturbed = augment.perturb(pose, random)
        before, after = (np.cross(*limbs(each).swapaxes(0, 1)) for each in (pose, perturbed))
        assert ((before * after).sum(-1) >= -1e-12).all()
        assert (bends(perturbed) <= np.maximum(bends(pose), most) + 1e-6).all()
        assert np.abs(bends(perturbed) - bends(pose)).max() > 5


def test_many_poses_at_once_are_each_alone():
    poses = load_motion_capture().poses[[10, 900, 2500]]
    others = poses[::-1]
    np.testing.assert_allclose(augment.heading(poses), [augment.heading(pose) for pose in poses])
    one_by_one = [augment.mix(*pair) for pair in zip(poses, others, strict=True)]
    np.testing.assert_allclose(augment.mix(poses, others), one_by_one)


def test_nothing_perturbed_and_nothing_stretched_is_the_same_pose():
    poses, random = load_motion_capture().poses[::100], np.random.default_rng(0)
    np.testing.assert_allclose(augment.perturb(poses, random, 0.0), poses, atol=1e-12)
    np.testing.assert_allclose(augment.stretch(poses, random, 0.0), poses, atol=1e-12)


def test_twice_the_strength_turns_twice_as_far():
    poses, neck, spine = load_motion_capture().poses[::5], AT["neck"], AT["spine"]
    angles = []
    for strength in (0.25, 0.5):
        turned = augment.perturb(poses, np.random.default_rng(2), strength)
        before, after = (each[..., neck] - each[..., spine] for each in (poses, turned))
        cosine = (before * after).sum(-1) / np.linalg.norm(before, axis=-1) / np.linalg.norm(after, axis=-1)
        angles.append(np.degrees(np.arccos(np.clip(cosine, -1, 1))).mean())
    assert angles[1] == pytest.approx(2 * angles[0], rel=0.01)


def test_stretching_keeps_directions_and_sides_alike_and_varies_lengths_as_said():
    poses = np.tile(load_motion_capture().poses[700], (4000, 1, 1))
    stretched, logarithms = augment.stretch(poses, np.random.default_rng(3), 0.07), {}
    for a, b in HUMAN36M.bones:
        before, after = (each[..., b] - each[..., a] for each in (poses, stretched))
        lengths = [np.linalg.norm(bone, axis=-1) for bone in (before, after)]
        np.testing.assert_allclose(before / lengths[0][:, None], after / lengths[1][:, None], atol=1e-9)
        logarithms[HUMAN36M.landmarks[b]] = np.log(lengths[1] / lengths[0])
        assert logarithms[HUMAN36M.landmarks[b]].std() == pytest.approx(0.07, rel=0.05)
    for joint in (*augment.ARM, *augment.LEG):
        np.testing.assert_allclose(logarithms[f"left_{joint}"], logarithms[f"right_{joint}"], atol=1e-9)
    assert abs(np.corrcoef(logarithms["left_knee"], logarithms["left_ankle"])[0, 1]) < 0.1


def test_the_mirror_image_of_a_stretched_pose_is_the_stretched_mirror_image():
    pose = load_motion_capture().poses[1500]
    one, other = (augment.stretch(each, np.random.default_rng(4), 0.1) for each in (pose, mirror(pose, HUMAN36M)))
    np.testing.assert_allclose(mirror(one, HUMAN36M), other, atol=1e-12)
