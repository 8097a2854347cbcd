"""TRC and BVH: read again by readers that share nothing with the writers."""

from dataclasses import replace

import numpy as np
import pytest

from lifting.own import motion
from lifting.skeleton import HUMAN36M

from .made_up import SCALE, truth


def matrix(axis, degrees):
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return {
        "X": np.array([[1, 0, 0], [0, c, -s], [0, s, c]]),
        "Y": np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]),
        "Z": np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]),
    }[axis]


def forward_kinematics(text):
    """Where each joint of a BVH file is in each frame, read word by word; and the seconds of a frame."""
    words = iter(text.split())
    joints, stack, name = [], [], None
    for word in words:
        if word in ("ROOT", "JOINT", "End"):
            name = next(words)
        elif word == "{":
            joints.append([name, stack[-1] if stack else None, None, []])
            stack.append(len(joints) - 1)
        elif word == "}":
            stack.pop()
        elif word == "OFFSET":
            joints[stack[-1]][2] = np.array([float(next(words)) for _ in range(3)])
        elif word == "CHANNELS":
            joints[stack[-1]][3] = [next(words) for _ in range(int(next(words)))]
        elif word == "MOTION":
            break
    assert next(words) == "Frames:"
    frames = int(next(words))
    assert (next(words), next(words)) == ("Frame", "Time:")
    seconds = float(next(words))
    numbers = np.array([float(word) for word in words]).reshape(frames, -1)
    places = {joint[0]: np.zeros((frames, 3)) for joint in joints}
    for t, row in enumerate(numbers):
        values, world = iter(row), []
        for name, parent, offset, channels in joints:
            R, p = (np.eye(3), np.zeros(3)) if parent is None else world[parent]
            p, turn = p + R @ offset, np.eye(3)
            for channel in channels:
                if channel.endswith("position"):
                    p = p + next(values) * np.eye(3)["XYZ".index(channel[0])]
                else:
                    turn = turn @ matrix(channel[0], next(values))
            world.append((R @ turn, p))
            places[name][t] = p
        assert next(values, None) is None
    return np.stack([places[name] for name in HUMAN36M.landmarks], axis=-1), seconds


def directions(points):
    bones = np.stack([points[..., end] - points[..., start] for start, end in HUMAN36M.bones], axis=-1)
    return bones / np.linalg.norm(bones, axis=-2, keepdims=True)


def test_a_bvh_of_bones_that_keep_their_lengths_leads_to_every_joint(person, tmp_path):
    """The true motion, whose bones keep their lengths, in the place of the lifted one: within 0.1 mm."""
    poses = SCALE * truth()
    lifted = person.lifted._replace(pose=poses, scale=np.full(len(poses), SCALE), usable=np.ones(len(poses), bool))
    real = replace(person, lifted=lifted)
    motion.write_bvh(real, tmp_path / "dance.bvh")
    found, seconds = forward_kinematics((tmp_path / "dance.bvh").read_text())
    assert seconds == pytest.approx(1 / 25)
    error = np.linalg.norm(found - motion.positions(real), axis=1)
    assert error.max() < 1e-4


def test_a_bvh_of_a_lifted_person_turns_every_bone_as_it_is(person, tmp_path):
    motion.write_bvh(person, tmp_path / "dance.bvh")
    found, _ = forward_kinematics((tmp_path / "dance.bvh").read_text())
    wanted, usable = motion.positions(person), person.usable
    cosine = (directions(found[usable]) * directions(wanted[usable])).sum(axis=1)
    assert np.degrees(np.arccos(np.clip(cosine, -1, 1))).max() < 0.01
    error = np.linalg.norm(found[usable] - wanted[usable], axis=1)
    assert np.median(error) < 0.017 and np.quantile(error, 0.95) < 0.1  # as docs/output.md says: the lengths vary
    assert np.allclose(found[5], (found[4] + found[6]) / 2, atol=0.01)  # the gap is filled


def test_bones_that_point_the_other_way_round_are_turned_too():
    start = np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 2]])
    turned = motion._shortest(start, -3 * start).apply(start)
    assert np.allclose(turned, -start)


def test_a_trc_has_the_axes_of_opensim_and_leaves_gaps_empty(person, tmp_path):
    motion.write_trc(person, tmp_path / "dance.trc")
    lines = [line.split("\t") for line in (tmp_path / "dance.trc").read_text().splitlines()]
    assert lines[2] == ["25", "25", "98", "17", "m", "25", "0", "98"]
    assert lines[3][2::3] == list(HUMAN36M.landmarks) and lines[4][2:5] == ["X1", "Y1", "Z1"]
    rows = lines[6:]
    assert len(rows) == 98 and {len(row) for row in rows} == {2 + 3 * 17}
    assert rows[5] == ["5", "0.200000", *[""] * 51]
    markers = np.array(rows[10][2:], float).reshape(17, 3)
    x, y, z = motion.positions(person)[10]
    assert np.allclose(markers, np.stack([z, y, -x], axis=1), atol=1e-5)


def test_unequal_times_are_made_equal(person):
    times = np.arange(98) / 25
    times[50:] += 0.2
    late = replace(person, recording=replace(person.recording, times=times))
    step, points = motion.evenly(late)
    assert step == pytest.approx(1 / 25) and len(points) == 98 + 5
    assert np.allclose(points[-1], motion.positions(person)[-1], atol=1e-9)


def test_nobody_lifted_has_no_motion(person):
    nobody = replace(person, lifted=person.lifted._replace(usable=np.zeros(98, bool)))
    with pytest.raises(ValueError, match=r"person: got 1, of whom no frame could be lifted, expected one to write"):
        motion.evenly(nobody)
