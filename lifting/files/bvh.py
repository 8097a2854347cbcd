"""BVH: a skeleton of joints with offsets and channels, and the channels' values over time; where each joint is.

The position of a joint is that of its parent plus the parent's rotation of its offset; its own rotation is its
parent's times the rotations of its channels in the order in which they are listed, each about the axis as turned by
those before.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
from jaxtyping import Float

from lifting.files.names import distinct, joint, plain
from lifting.support.arrays import fail

CHANNELS = ("Xposition", "Yposition", "Zposition", "Xrotation", "Yrotation", "Zrotation")


@dataclass(frozen=True, eq=False)
class Bvh:
    """What is in a BVH file: M joints and ends, every one after its parent.

    Attributes:
        names: of the joints; an end's is its parent's and "_End".
        parents: the index of each one's parent, -1 for the root.
        offsets: (M, 3) from the parent.
        channels: the channels of each joint, in order; none for an end.
        values: (T, number of channels) in the file's unit and degrees.
        seconds: from a frame to the next.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: Float[np.ndarray, "M 3"]
    channels: tuple[tuple[str, ...], ...]
    values: Float[np.ndarray, "T channels"]
    seconds: float

    @property
    def count(self) -> int:
        """The number of frames."""
        return len(self.values)


def read(path: Path, text: str) -> Bvh:
    """What is in a BVH file.

    Raises:
        ValueError: not the words of a BVH file, or fewer numbers than it announces; the message names the line.
    """
    words = _Words(path, text)
    words.take("HIERARCHY")
    names: list[str] = []
    parents: list[int] = []
    offsets: list[list[float]] = []
    channels: list[tuple[str, ...]] = []
    open_joints: list[int] = []
    while True:
        word = words.next("ROOT, JOINT, End, OFFSET, CHANNELS or }")
        if word == "MOTION" and not open_joints and names:
            break
        if word == "}" and open_joints:
            open_joints.pop()
        elif (word == "ROOT" and not names) or (word in ("JOINT", "End") and open_joints):
            parent = open_joints[-1] if open_joints else -1
            rest = words.line("the name of a joint")
            names.append(f"{names[parent]}_End" if word == "End" else rest)
            parents.append(parent)
            offsets.append([])
            channels.append(())
            words.take("{")
            open_joints.append(len(names) - 1)
        elif word == "OFFSET" and open_joints and not offsets[open_joints[-1]]:
            offsets[open_joints[-1]] = [words.number("three numbers after OFFSET") for _ in range(3)]
        elif word == "CHANNELS" and open_joints and not channels[open_joints[-1]]:
            count = words.number("how many channels")
            if count not in (0, 1, 2, 3, 4, 5, 6):
                words.fail(f"{count:g} channels", "up to 6")
            listed = [words.next("the name of a channel") for _ in range(int(count))]
            for one in listed:
                if one not in CHANNELS or listed.count(one) > 1:
                    words.fail(f"channel {one!r}", f"each of {', '.join(CHANNELS)} once at most")
            channels[open_joints[-1]] = tuple(listed)
        else:
            words.fail(repr(word[:40]), "one ROOT with its JOINTs, OFFSETs, CHANNELS and End Sites, then MOTION")
    for name, offset in zip(names, offsets, strict=True):
        if not offset:
            words.fail(f"no OFFSET of {name}", "one for each joint")
    values, seconds = _motion(words, sum(map(len, channels)))
    return Bvh(tuple(names), tuple(parents), np.array(offsets), tuple(channels), values, seconds)


def positions(skeleton: Bvh) -> Float[np.ndarray, "T 3 M"]:
    """Where every joint and end is in every frame, in the file's unit and axes."""
    from scipy.spatial.transform import Rotation  # takes as long to load as all else in this package

    place = np.zeros((skeleton.count, 3, len(skeleton.names)))
    turned: list[Rotation] = []
    column = 0
    for i, parent in enumerate(skeleton.parents):
        listed = skeleton.channels[i]
        values = skeleton.values[:, column : column + len(listed)]
        column += len(listed)
        local = np.tile(skeleton.offsets[i], (skeleton.count, 1))
        for name, value in zip(listed, values.T, strict=True):
            if name.endswith("position"):  # in the place of the offset's
                local[:, "XYZ".index(name[0])] = value
        place[..., i] = local if parent < 0 else place[..., parent] + turned[parent].apply(local)
        axes = "".join(name[0] for name in listed if name.endswith("rotation"))
        angles = values[:, [n for n, name in enumerate(listed) if name.endswith("rotation")]]
        own = Rotation.from_euler(axes, angles, degrees=True) if axes else Rotation.identity(skeleton.count)
        turned.append(own if parent < 0 else turned[parent] * own)
    return place


def landmarks(skeleton: Bvh, names: Mapping[str, str]) -> tuple[str, ...]:
    """Our name of each joint and end, or its own; `names` gives further ones by the file's.

    `spine` is the joint between hips and neck that is nearest to half the way in the resting skeleton, as Human3.6M's
    is; where two joints have one name, the one nearer to the root has it.
    """
    rest = resting(skeleton)
    own = [names.get(name) or joint(name, skeleton.names) for name in skeleton.names]
    found = list(distinct(own, skeleton.names))
    trunk = [i for i, name in enumerate(skeleton.names) if plain(name).startswith(("spine", "chest"))]
    ends = [
        found.index(name) if name in found else -1
        for name in ("left_hip", "right_hip", "left_shoulder", "right_shoulder")
    ]
    if trunk and min(ends) >= 0 and "spine" not in found:
        middle = rest[ends].mean(axis=0)
        found[min(trunk, key=lambda i: float(np.linalg.norm(rest[i] - middle)))] = "spine"
    return tuple(found)


def resting(skeleton: Bvh) -> Float[np.ndarray, "M 3"]:
    """Where every joint and end is when nothing is turned."""
    rest = np.zeros_like(skeleton.offsets)
    for i, parent in enumerate(skeleton.parents):
        rest[i] = skeleton.offsets[i] + (rest[parent] if parent >= 0 else 0)
    return rest


def height(skeleton: Bvh, names: tuple[str, ...]) -> float:
    """How tall the skeleton stands, by its bones: from a foot over the trunk to the top of the head, in its unit.

    NaN where it has no feet or no head.
    """
    tops = [names.index(name) for name in ("head_top", "nose") if name in names]
    feet = [names.index(name) for name in ("left_ankle", "right_ankle") if name in names]
    if not tops or not feet:
        return float("nan")
    return _way_up(skeleton, tops[0]) + max(_way_up(skeleton, foot) for foot in feet)


def _way_up(skeleton: Bvh, i: int) -> float:
    """The length of the bones from joint i up to the root."""
    length = 0.0
    while skeleton.parents[i] >= 0:
        length += float(np.linalg.norm(skeleton.offsets[i]))
        i = skeleton.parents[i]
    return length


def _motion(words: "_Words", width: int) -> tuple[np.ndarray, float]:
    """The values of the channels, (T, width), and the seconds of a frame."""
    words.take("Frames:")
    count = words.number("the number of frames")
    words.take("Frame")
    words.take("Time:")
    seconds = words.number("the seconds of a frame")
    if count < 1 or count % 1:
        words.fail(f"{count:g} frames", "a whole number above 0")
    if not 0 < seconds < 10:
        words.fail(f"{seconds:g} s from a frame to the next", "a time above 0 and below 10")
    if not width:
        words.fail("no channels", "one at least")
    values = words.rest()
    if len(values) != int(count) * width:
        whole, left = divmod(len(values), width)
        got = f"{whole} frames" + (f" and {left} of {width} values" if left else "")
        fail(str(words.path), got, f"{count:g}, as the file announces")
    return values.reshape(-1, width), seconds


class _Words:
    """The words of a BVH file one by one, with their lines."""

    def __init__(self, path: Path, text: str) -> None:
        self.path, self.text, self.at = path, text, 0

    def next(self, expected: str) -> str:
        found = re.compile(r"\s*(\S+)").match(self.text, self.at)
        if found is None:
            self.fail("the end of the file", expected)
        self.at = found.end()
        return found[1]

    def line(self, expected: str) -> str:
        """What is left of the line, without spaces around it and a brace."""
        rest = self.text[self.at :].partition("\n")[0].partition("{")[0]
        if not rest.strip():
            self.fail("nothing", expected)
        self.at += len(rest)
        return rest.strip()

    def take(self, word: str) -> None:
        got = self.next(word)
        if got.lower() != word.lower():
            self.fail(repr(got[:40]), word)

    def number(self, expected: str) -> float:
        word = self.next(expected)
        try:
            value = float(word)
        except ValueError:
            self.fail(repr(word[:40]), expected)
        if not np.isfinite(value):
            self.fail(word, "a finite number")
        return value

    def rest(self) -> np.ndarray:
        """All numbers that are left."""
        words = self.text[self.at :].split()
        try:
            values = np.array(words, float)
        except ValueError:
            values = np.array(np.nan)
        if not np.isfinite(values).all():
            for _ in words:  # up to the one that is none
                self.number("a number")
        return values

    def fail(self, got: str, expected: str) -> NoReturn:
        fail(f"{self.path}, line {self.text.count(chr(10), 0, self.at) + 1}", got, expected)
