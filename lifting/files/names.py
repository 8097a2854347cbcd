"""What landmarks are called in files, and the name of that part of the body here.

A name is read without case, spaces and marks: "RShoulder", "right_shoulder", "Right Shoulder", "shoulder-R" are one.
What no table knows stays under its own name: such a landmark is kept, but is no part of the body that is lifted.
"""

import re
from collections.abc import Sequence

from lifting.orders import CMU, SKELETONS, Skeleton
from lifting.support.arrays import fail

PARTS = {
    "head": "nose", "headtop": "head_top", "tophead": "head_top", "topofhead": "head_top", "topofthehead": "head_top",
    "hip": "pelvis", "midhip": "pelvis", "centerhip": "pelvis", "hipcenter": "pelvis", "root": "pelvis",
    "thorax": "neck", "neckbase": "neck", "spine1": "spine", "midspine": "spine", "belly": "spine", "torso": "spine",
    "site": "head_top", "headend": "head_top", "upperneck": "upper_neck",
}  # fmt: skip
"""Other names of landmarks in the middle of the body. In Halpe's order "Head" is the top: see `halpe`."""

SIDED = {
    "hip": "hip", "knee": "knee", "ankle": "ankle", "shoulder": "shoulder", "elbow": "elbow", "wrist": "wrist",
    "eye": "eye", "ear": "ear", "heel": "heel", "bigtoe": "big_toe", "smalltoe": "small_toe", "littletoe": "small_toe",
    "eyeinner": "eye_inner", "eyeouter": "eye_outer", "mouth": "mouth", "pinky": "pinky", "index": "index",
    "thumb": "thumb", "footindex": "foot_index",
}  # fmt: skip
"""Names of landmarks that there are two of, without the side."""

SIDES = {"left": "left", "right": "right", "l": "left", "r": "right"}

JOINTS = {
    "hips": "root", "upleg": "hip", "upperleg": "hip", "thigh": "hip", "leg": "knee", "lowerleg": "knee",
    "shin": "knee", "calf": "knee", "foot": "ankle", "toebase": "toe_base", "toe": "toe_base", "toes": "toe_base",
    "arm": "shoulder", "upperarm": "shoulder", "uparm": "shoulder", "forearm": "elbow", "lowerarm": "elbow",
    "lowarm": "elbow", "hand": "wrist", "collar": "collar", "clavicle": "collar", "hipjoint": "hip_base",
}  # fmt: skip
"""What a joint of a skeleton in BVH is, by the bone that starts at it."""


CMU_JOINTS = (
    "Hips", "LHipJoint", "LeftUpLeg", "LeftLeg", "LeftFoot", "LeftToeBase", "RHipJoint", "RightUpLeg", "RightLeg",
    "RightFoot", "RightToeBase", "LowerBack", "Spine", "Spine1", "Neck", "Neck1", "Head", "LeftShoulder", "LeftArm",
    "LeftForeArm", "LeftHand", "LeftFingerBase", "LeftHandIndex1", "LThumb", "RightShoulder", "RightArm",
    "RightForeArm", "RightHand", "RightFingerBase", "RightHandIndex1", "RThumb",
)  # fmt: skip
"""The joints of the CMU motion capture in BVH, in `lifting.orders.CMU`'s order."""


def plain(name: str) -> str:
    """A name in small letters without spaces and marks, and without what stands before a colon ("mixamorig:")."""
    return re.sub(r"[^a-z0-9]", "", name.split(":")[-1].lower())


def landmark(name: str) -> str:
    """The name here of a landmark that a file calls `name`; its own where no table knows it.

    >>> landmark("RShoulder"), landmark("LEFT_FOOT_INDEX"), landmark("MidHip"), landmark("tail")
    ('right_shoulder', 'left_foot_index', 'pelvis', 'tail')
    """
    word = plain(name)
    known = {plain(one): one for order in SKELETONS.values() for one in order.landmarks}
    if word in known and word != "root":
        return known[word]
    side, part = _side(word, SIDED)
    return f"{side}_{SIDED[part]}" if side else PARTS.get(word, name.strip())


def joint(name: str, names: Sequence[str]) -> str:
    """The name here of a joint of a BVH skeleton whose joints are `names`.

    In most skeletons a joint is called after the bone that starts there: "LeftArm" is the shoulder, and "LeftShoulder"
    the collar. In those without an arm, "LeftShoulder" is the shoulder. Joints of the spine keep their names.
    """
    if name in CMU_JOINTS and set(CMU_JOINTS) <= set(names):
        return CMU.landmarks[CMU_JOINTS.index(name)]
    word, words = plain(name), {plain(one) for one in names}
    side, part = _side(word, JOINTS)
    if side:
        return f"{side}_{JOINTS[part]}"
    if word in ("hips", "hip", "root", "pelvis"):
        return "root"
    if word == "neck":
        return "neck"
    side, part = _side(word, SIDED)
    if side and part == "shoulder" and any(_side(one, ("arm", "upperarm", "uparm"))[0] for one in words):
        return f"{side}_collar"
    if word.startswith(("spine", "chest")):
        return name
    return {"head": "nose", "headend": "head_top", "headtopend": "head_top"}.get(word) or landmark(name)


def distinct(found: Sequence[str], own: Sequence[str]) -> tuple[str, ...]:
    """Names of which none is there twice: the first that has one keeps it, the others have their own."""
    return tuple(name if name not in found[:i] else own[i] for i, name in enumerate(found))


def named_order(where: str, names: Sequence[str]) -> Skeleton:
    """The order of landmarks that a file names: one that is known, or one of its own.

    Raises:
        ValueError: two names that mean one landmark.
    """
    if not all(names):
        fail(where, "a landmark without a name", "a name for each")
    found = tuple(map(landmark, names))
    if "Head" in names and {"nose", "neck"} <= set(map(plain, names)):
        found = tuple("head_top" if name == "Head" else one for name, one in zip(names, found, strict=True))  # Halpe's
    for one in found:
        if found.count(one) > 1:
            both = [name for name, other in zip(names, found, strict=True) if other == one]
            fail(where, f"{' and '.join(map(repr, both))}, which are one landmark", "each landmark once")
    known = next((order for order in SKELETONS.values() if order.landmarks == found), None)
    return known or Skeleton("named", found, (), (), ())


def _side(word: str, parts: Sequence[str] | dict[str, str]) -> tuple[str, str]:
    """The side and the part of a plain name such as "rshoulder" or "shoulderright"; ("", "") where it is none."""
    for letters, side in SIDES.items():
        if word.startswith(letters) and word.removeprefix(letters) in parts:
            return side, word.removeprefix(letters)
        if word.endswith(letters) and word.removesuffix(letters) in parts:
            return side, word.removesuffix(letters)
    return "", ""
