"""Bodies to render: anny's shapes, posed by the motion capture, seen by a camera, drawn into buffers.

A body is a mesh of triangles with 104 bones (`anny` 0.6.2, Apache-2.0; its body data are CC0). Here it lies in the
package's axes: x to the person's left, y up, z to the front, metres. Four steps, each a function:

1. `BodyModel.rest`: phenotype (age, build, ...) -> the body at rest.
2. `pose_body`: turns the bones until the limbs point as in a recorded pose, and skins the mesh (linear blend skinning).
   The landmarks are read off the posed body, so they are exact whatever the recorded person's build was.
3. `place`: the weak-perspective camera of eq. (1) that fits the person into the picture.
4. `draw`: a z-buffer of triangles at twice the resolution -> which part of the body each pixel shows, and its normal.

Colours come later (`lifting.datasets.composing`), so that one buffer serves for many pictures.
"""

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from numpy import ndarray as Array
from scipy import sparse
from scipy.spatial.transform import Rotation

from lifting.camera import flip_y, rotation, tilted_camera
from lifting.datasets.rendered import SEGMENTS, SIZE
from lifting.fitting import augment
from lifting.skeleton import HUMAN36M

FINER = 2
"""Samples of the z-buffer along a pixel's side."""

PHENOTYPES = ("gender", "age", "muscle", "weight", "height", "proportions")
"""anny's parameters of a body, each in [0, 1]; age 1/3 is a child, 2/3 a young adult, 1 an elder."""

TO_OURS = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
"""anny's axes (x left, z up, facing -y) -> ours."""


class Rest(NamedTuple):
    """A body at rest: vertices (V, 3) and bone heads (B, 3), metres, about the root bone, between the hips."""

    vertices: Float[Array, "V 3"]
    heads: Float[Array, "B 3"]


class Posed(NamedTuple):
    """A body in a pose: vertices (V, 3) and landmarks (3, 17), metres, relative to the pelvis."""

    vertices: Float[Array, "V 3"]
    landmarks: Float[Array, "3 17"]


class Camera(NamedTuple):
    """Weak perspective: pixel = centre + scale (x, -y) of the pose in the camera's frame.

    theta is the person's heading: 0 faces the viewer, a quarter turn faces the picture's right. `pitch` is how far
    the camera looks down (both radians), `scale` pixels per metre, `centre` the pelvis in the picture.
    """

    theta: float
    pitch: float
    scale: float
    centre: tuple[float, float]


class Buffer(NamedTuple):
    """What `draw` gives: the pixels on the body, in reading order, and which landmarks can be seen."""

    mask: Bool[Array, "S S"]
    values: UInt8[Array, "P 4"]
    visible: Bool[Array, " 17"]


# --- the model ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class BodyModel:
    """anny's mesh and bones in our axes, and what is worked out once for all bodies."""

    model: Any
    faces: Int[Array, "F 3"]
    weights: sparse.csr_array
    """(V, B) how much each bone moves each vertex."""
    bones: dict[str, int]
    parents: tuple[int, ...]
    around: sparse.csr_array
    """(V, F) which triangles meet at a vertex."""
    segments: UInt8[Array, " F"]
    nose: int
    """The foremost vertex of the head on its mid-line."""
    head_top: int
    """The highest vertex of the head at rest."""

    def rest(self, phenotype: Mapping[str, float]) -> Rest:
        """The body at rest of one phenotype (see `PHENOTYPES`)."""
        return _rest(self.model, phenotype)


def _rest(model: Any, phenotype: Mapping[str, float]) -> Rest:
    import torch

    values = {name: torch.tensor([float(value)], dtype=torch.float64) for name, value in phenotype.items()}
    with torch.no_grad():
        coefficients = model.get_phenotype_blendshape_coefficients(**values)[0]
        vertices = model.template_vertices + torch.tensordot(coefficients, model.blendshapes, 1)
        heads = model.template_bone_heads + torch.tensordot(coefficients, model.bone_heads_blendshapes, 1)
    root = heads[0]
    return Rest((vertices - root).numpy() @ TO_OURS.T, (heads - root).numpy() @ TO_OURS.T)


@functools.cache
def load_body_model() -> BodyModel:
    """The body of anny; making it takes a minute the first time, seconds later.

    Raises:
        ModuleNotFoundError: anny is not installed: `pip install 'lifting[render]'`.
    """
    import torch

    try:
        import anny
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("anny is not installed: pip install 'lifting[render]'") from error

    model = anny.Anny().to(dtype=torch.float64)
    faces = model.faces.numpy()
    count, corners = len(model.template_vertices), faces.ravel()
    which = np.repeat(np.arange(len(faces)), 3)
    around = sparse.csr_array((np.ones(len(corners)), (corners, which)), shape=(count, len(faces)))
    index, weight = model.vertex_bone_indices.numpy(), model.vertex_bone_weights.numpy()
    rows = np.repeat(np.arange(count), index.shape[1])
    weights = sparse.csr_array((weight.ravel(), (rows, index.ravel())), shape=(count, model.bone_count))
    bones = {name: n for n, name in enumerate(model.bone_labels)}

    reference = _rest(model, {name: 2 / 3 if name == "age" else 0.5 for name in PHENOTYPES})
    vertices = reference.vertices
    head = weights[:, [bones["head"]]].toarray()[:, 0] > 0.5
    middle = head & (np.abs(vertices[:, 0]) < 0.004)
    return BodyModel(
        model=model,
        faces=faces,
        weights=weights,
        bones=bones,
        parents=tuple(int(parent) for parent in model.bone_parents),
        around=around,
        segments=surface_segments(reference, faces, weights, bones),
        nose=int(np.where(middle, vertices[:, 2], -np.inf).argmax()),
        head_top=int(np.where(head, vertices[:, 1], -np.inf).argmax()),
    )


def surface_segments(
    rest: Rest, faces: Int[Array, "F 3"], weights: sparse.csr_array, bones: Mapping[str, int]
) -> UInt8[Array, " F"]:
    """Which of `SEGMENTS` each triangle belongs to, by the bone that moves it and where it lies on the middle body.

    The numbers are metres on the body of `rest`, whose pelvis is the origin: read off its plots.
    """
    x, y, z = rest.vertices[faces].mean(1).T
    x = np.abs(x)
    normal = _unit(face_normals(rest.vertices, faces))
    to_front = normal[:, 2] > 0
    share = weights[faces.ravel()].toarray().reshape(*faces.shape, -1).sum(1)
    owner = np.array([name.split(".")[0] for name in bones])[share.argmax(1)]
    head = np.isin(owner, ("head", "eye"))
    neck = np.isin(owner, ("neck01", "neck02", "neck03"))
    upper_arm, forearm = np.isin(owner, ("upperarm01", "upperarm02")), np.isin(owner, ("lowerarm01", "lowerarm02"))
    hand = (owner == "wrist") | np.array([name.startswith(("finger", "metacarpal")) for name in owner])
    thigh, shin = np.isin(owner, ("upperleg01", "upperleg02")), np.isin(owner, ("lowerleg01", "lowerleg02"))
    toes = np.array([name.startswith("toe") for name in owner])
    foot = (owner == "foot") | toes
    thigh &= y < -0.06
    torso = ~(head | neck | upper_arm | forearm | hand | thigh | shin | foot)
    hips = torso & (y < 0.055)
    trunk = torso & (y >= 0.085)
    along_arm = _along(rest, bones, "upperarm01.L", "lowerarm01.L", np.stack([x, y, z], -1))
    along_thigh = _along(rest, bones, "upperleg01.L", "lowerleg01.L", np.stack([x, y, z], -1))
    along_shin = _along(rest, bones, "lowerleg01.L", "foot.L", np.stack([x, y, z], -1))

    skin = head & (z > 0.055) & (y < 0.795)
    jaw = head & (z > 0.015) & (y < 0.69)
    front, back = trunk & to_front, trunk & ~to_front
    # later lines win
    rules = {
        "hair_top": head & ((z > 0.03) | (y > 0.80)),
        "hair_back": head & (z <= 0.03) & (y <= 0.80),
        "nape": neck & (z <= 0.01) | head & (z <= 0.015) & (y < 0.665),
        "throat": neck & (z > 0.01) | jaw,
        "face": skin,
        "beard": skin & (y < 0.69) & ((y < 0.653) | (x > 0.032) | (y > 0.676)) & ~((x < 0.032) & (y > 0.684)),
        "ear": head & (x > 0.068) & (z > 0.0) & (z < 0.06) & (y > 0.675) & (y < 0.752),
        "brow": skin & (x > 0.009) & (x < 0.055) & (y > 0.751) & (y < 0.765),
        "eye": skin & (((x - 0.031) / 0.018) ** 2 + ((y - 0.735) / 0.011) ** 2 < 1),
        "mouth": skin & (x < 0.029) & (y > 0.653) & (y < 0.676),
        "front": front,
        "back": back,
        "print": front & (x < 0.085) & (y > 0.24) & (y < 0.37),
        "placket": front & (x < 0.016),
        "neckline": front & (y > 0.43) & (x < 0.02 + 0.55 * (y - 0.43)),
        "spot": front & ((np.hypot(x - 0.107, y - 0.36) < 0.018) | (np.hypot(x, y - 0.14) < 0.015)),
        "spine": back & (x < 0.012),
        "yoke": back & (x < 0.10) & (y > 0.40),
        "waist": torso & (y >= 0.055) & (y < 0.085),
        "hip_front": hips & to_front,
        "hip_back": hips & ~to_front,
        "fly": hips & to_front & (x < 0.014),
        "pocket": hips & ~to_front & (x > 0.045) & (x < 0.11) & (y > -0.05) & (y < 0.01),
        "arm_top": upper_arm,
        "arm_low": upper_arm & (along_arm > 0.5),
        "forearm": forearm,
        "hand": hand,
        "thigh_top": thigh,
        "thigh_low": thigh & (along_thigh > 0.5),
        "shin_top": shin,
        "shin_low": shin & (along_shin > 0.55),
        "knee": (thigh & (along_thigh > 0.9) | shin & (along_shin < 0.08)) & to_front,
        "foot": foot,
        "toes": toes & (normal[:, 1] > -0.5),
        "sole": foot & (normal[:, 1] < -0.6) & (y < -0.93),
    }
    segments = np.full(len(faces), SEGMENTS.index("hand"), np.uint8)
    for name, where in rules.items():
        segments[where] = SEGMENTS.index(name)
    return segments


def _along(
    rest: Rest, bones: Mapping[str, int], start: str, end: str, points: Float[Array, "F 3"]
) -> Float[Array, " F"]:
    """How far along a bone each point lies: 0 at its start, 1 at its end."""
    a, b = rest.heads[bones[start]], rest.heads[bones[end]]
    return (points - a) @ (b - a) / ((b - a) ** 2).sum()


def face_normals(vertices: Float[Array, "V 3"], faces: Int[Array, "F 3"]) -> Float[Array, "F 3"]:
    """Outward normals, as long as twice the triangle's area."""
    a, b, c = (vertices[faces[:, n]] for n in range(3))
    return np.cross(b - a, c - a)


def _unit(vector: Array) -> Array:
    return vector / np.maximum(np.linalg.norm(vector, axis=-1, keepdims=True), 1e-12)


def sample_phenotype(generator: np.random.Generator) -> dict[str, float]:
    """A random person: one in four a child of some five years or more, the others adults of any age and build."""
    age = generator.uniform(0.3, 0.6) if generator.random() < 0.25 else generator.uniform(0.6, 1.0)
    build = {name: generator.beta(1.5, 1.5) for name in ("muscle", "weight", "height", "proportions")}
    return {"gender": generator.random(), "age": age, **build}


LOOSE = {
    "hair": (0.04, ("hair_top", "hair_back", "nape")),
    "top": (0.025, ("front", "back", "print", "placket", "spine", "yoke", "waist", "spot", "arm_top")),
    "sleeves": (0.015, ("arm_low", "forearm")),
    "bottom": (0.02, ("waist", "hip_front", "hip_back", "fly", "pocket", "thigh_top", "thigh_low")),
    "legs": (0.03, ("knee", "shin_top", "shin_low")),
}
"""By how many metres at most hair and clothes stand off the body, and where."""


def loosen(model: BodyModel, rest: Rest, generator: np.random.Generator) -> Float[Array, "V 3"]:
    """The vertices with hair and clothes on: each part of `LOOSE` pushed out along the normals by a random amount."""
    normals = face_normals(rest.vertices, model.faces)
    amount = np.zeros(len(model.faces))
    size = np.ptp(rest.vertices[:, 1]) / 1.75
    for most, names in LOOSE.values():
        here = np.isin(model.segments, [SEGMENTS.index(name) for name in names])
        amount[here] = np.maximum(amount[here], size * most * generator.beta(1, 2))
    count = model.around.sum(1)
    smooth = model.around @ amount / count
    return rest.vertices + smooth[:, None] * _unit(model.around @ normals)


# --- posing ------------------------------------------------------------------------------------------------------

TRUNK = {"root": 0.0, "pelvis": 0.0, "spine05": 0.0, "spine04": 0.25, "spine03": 0.5, "spine02": 0.8, "spine01": 1.0,
         "clavicle": 1.0, "shoulder01": 1.0}  # fmt: skip
"""How each bone of the trunk turns: 0 as the pelvis, 1 as the chest, between the two along the shortest turn."""

NECK = {"neck01": 0.3, "neck02": 0.6, "neck03": 0.8, "head": 1.0, "eye": 1.0}
"""The same from chest to head."""


class Limb(NamedTuple):
    """An arm or a leg: its joints; its bones (the upper one's halves, the lower one, hand or foot); most twist."""

    joints: tuple[str, str, str]
    bones: tuple[str, str, str, str]
    twist: float
    """How far the upper bone twists about itself at most, radians."""


ARM = Limb(augment.ARM, ("upperarm01", "upperarm02", "lowerarm01", "wrist"), 2.5)
LEG = Limb(augment.LEG, ("upperleg01", "upperleg02", "lowerleg01", "foot"), 1.2)

BEND = (10.0, 35.0)
"""Degrees of bend between which a limb's hinge begins to steer the twist of its upper bone."""


def body_landmarks(model: BodyModel, heads: Float[Array, "B 3"], nose: Array, head_top: Array) -> Float[Array, "3 17"]:
    """The 17 landmarks of a body from its bone heads, the tip of its nose and the top of its head."""
    joint = {"hip": "upperleg01", "knee": "lowerleg01", "ankle": "foot", "shoulder": "upperarm01",
             "elbow": "lowerarm01", "wrist": "wrist"}  # fmt: skip
    place = {f"{side}_{name}": heads[model.bones[f"{bone}.{side[0].upper()}"]]
             for name, bone in joint.items() for side in ("left", "right")}  # fmt: skip
    collar = (heads[model.bones["clavicle.L"]] + heads[model.bones["clavicle.R"]]) / 2
    place["pelvis"] = (place["left_hip"] + place["right_hip"]) / 2
    place["spine"] = (heads[model.bones["spine03"]] + heads[model.bones["spine02"]]) / 2
    place["neck"] = 0.6 * heads[model.bones["neck01"]] + 0.4 * collar
    place["nose"], place["head_top"] = nose, head_top
    return np.stack([place[name] for name in HUMAN36M.landmarks], -1)


def _frame(first: Array, second: Array, order: tuple[int, int]) -> Float[Array, "3 3"]:
    """A rotation whose column `order[0]` is along `first`, and column `order[1]` as near `second` as can be."""
    a = _unit(first)
    b = _unit(second - (second @ a) * a)
    columns = {order[0]: a, order[1]: b}
    third = ({0, 1, 2} - set(order)).pop()
    even = (order[1] - order[0]) % 3 == 1
    columns[third] = np.cross(a, b) if even else np.cross(b, a)
    return np.stack([columns[n] for n in range(3)], -1)


def trunk_frames(pose: Float[Array, "3 17"]) -> tuple[Array, Array, Array]:
    """Rotations of pelvis, chest and head, as columns left, up, front, read off the landmarks."""
    at = {name: pose[:, n] for n, name in enumerate(HUMAN36M.landmarks)}
    pelvis = _frame(at["left_hip"] - at["right_hip"], at["spine"] - at["pelvis"], (0, 1))
    chest = _frame(at["neck"] - at["spine"], at["left_shoulder"] - at["right_shoulder"], (1, 0))
    head = _frame(at["head_top"] - at["neck"], at["nose"] - at["neck"], (1, 2))
    return pelvis, chest, head


def _between(a: Array, b: Array, share: float) -> Array:
    """The rotation `share` of the way from `a` to `b`."""
    turn = Rotation.from_matrix(b @ a.T).as_rotvec()
    return Rotation.from_rotvec(share * turn).as_matrix() @ a


def _swing(a: Array, b: Array) -> Array:
    """The least rotation that takes direction `a` to direction `b`."""
    a, b = _unit(a), _unit(b)
    axis = np.cross(a, b)
    angle = math.atan2(float(np.linalg.norm(axis)), float(a @ b))
    return Rotation.from_rotvec(angle * _unit(axis)).as_matrix()


def _limb(
    parent: Array, rest: tuple[Array, Array], hinge: Array, target: tuple[Array, Array], most: float
) -> tuple[Array, Array, Array]:
    """Rotations of the upper bone's half, of the whole upper bone and of the lower bone of an arm or a leg.

    The upper bone swings from where its parent has it to its target by the least turn, then twists about itself so
    that the plane of the limb's bend is the target's; a nearly straight limb has no such plane and isn't twisted.
    """
    swung = _swing(parent @ rest[0], target[0]) @ parent
    axis = _unit(target[0])
    bend = np.degrees(np.arccos(np.clip(axis @ _unit(target[1]), -1, 1)))
    normal = swung @ hinge
    normal, wanted = normal - (normal @ axis) * axis, np.cross(axis, target[1])
    twist = math.atan2(float(axis @ np.cross(normal, wanted)), float(normal @ wanted))
    twist = float(np.clip(twist, -most, most)) * float(np.clip((bend - BEND[0]) / (BEND[1] - BEND[0]), 0, 1))
    half, whole = (Rotation.from_rotvec(share * twist * axis).as_matrix() @ swung for share in (0.5, 1.0))
    return half, whole, _swing(whole @ rest[1], target[1]) @ whole


def _foot(shin: Array, contact: float) -> Array:
    """A foot between square to its shin (contact 0) and flat on the ground (1)."""
    toward = shin[:, 2]
    flat = rotation(np.asarray(math.atan2(toward[0], toward[2])))
    share = contact * float(np.clip(shin[1, 1], 0, 1))
    return _between(shin, flat, share)


def bone_rotations(model: BodyModel, rest: Rest, pose: Float[Array, "3 17"]) -> Float[Array, "B 3 3"]:
    """How each bone turns from rest so that the body does as `pose`, whose build may be another."""
    of = model.bones
    at_rest = body_landmarks(model, rest.heads, rest.vertices[model.nose], rest.vertices[model.head_top])
    pelvis, chest, head = (b @ a.T for a, b in zip(trunk_frames(at_rest), trunk_frames(pose), strict=True))
    turns = np.broadcast_to(np.eye(3), (len(of), 3, 3)).copy()
    for name, bone in of.items():
        stem = name.split(".")[0]
        if stem in TRUNK:
            turns[bone] = _between(pelvis, chest, TRUNK[stem])
        elif stem in NECK:
            turns[bone] = _between(chest, head, NECK[stem])
    for side in ("left", "right"):
        for limb, parent in ((LEG, pelvis), (ARM, chest)):
            for which, turn in _limb_turns(model, limb, side, parent, (at_rest, pose)):
                turns[which] = turn
    return turns


def _limb_turns(
    model: BodyModel, limb: Limb, side: str, parent: Array, landmarks: tuple[Array, Array]
) -> list[tuple[Any, Array]]:
    """How a limb's bones turn: which bones, and their rotation; `landmarks` of the body and of the person recorded."""
    a, b, c = (HUMAN36M.index(f"{side}_{joint}") for joint in limb.joints)
    (upper, lower), target = ((p[:, b] - p[:, a], p[:, c] - p[:, b]) for p in landmarks)
    # a knee bends about the left axis; an elbow is bent at rest already
    hinge = np.array([1.0, 0.0, 0.0]) if limb is LEG else np.cross(upper, lower)
    half, whole, low = _limb(parent, (upper, lower), hinge, target, limb.twist)
    first, second, third, last = (model.bones[f"{bone}.{side[0].upper()}"] for bone in limb.bones)
    pose = landmarks[1]
    ankles = pose[1, [HUMAN36M.index("left_ankle"), HUMAN36M.index("right_ankle")]]
    stands = pose[1, c] < ankles.min() + 0.05
    end = _foot(low, 0.8 if stands else 0.3) if limb is LEG else low
    return [(first, half), (second, whole), (slice(third, last), low), (_below(model, last), end)]


def _below(model: BodyModel, bone: int) -> list[int]:
    """A bone and all that hang on it."""
    found = [bone]
    for other in range(bone + 1, len(model.parents)):
        if model.parents[other] in found:
            found.append(other)
    return found


def pose_body(
    model: BodyModel, rest: Rest, pose: Float[Array, "3 17"], dressed: Float[Array, "V 3"] | None = None
) -> Posed:
    """The body doing what the recorded `pose` (3, 17) does, about its own pelvis; `dressed` replaces its vertices."""
    turns = bone_rotations(model, rest, pose)
    heads = np.empty_like(rest.heads)
    for bone, parent in enumerate(model.parents):
        heads[bone] = 0 if parent < 0 else heads[parent] + turns[parent] @ (rest.heads[bone] - rest.heads[parent])
    shift = heads - np.einsum("bij,bj->bi", turns, rest.heads)
    moves = model.weights @ np.concatenate([turns.reshape(-1, 9), shift], 1)
    turned, shifted = moves[:, :9].reshape(-1, 3, 3), moves[:, 9:]
    vertices = np.einsum("vij,vj->vi", turned, rest.vertices if dressed is None else dressed) + shifted
    ends = (turned[n] @ rest.vertices[n] + shifted[n] for n in (model.nose, model.head_top))
    landmarks = body_landmarks(model, heads, *ends)
    pelvis = landmarks[:, HUMAN36M.index("pelvis")]
    return Posed(vertices - pelvis, landmarks - pelvis[:, None])


# --- seeing ------------------------------------------------------------------------------------------------------

PITCH = (-5.0, 20.0)
"""How far the camera looks down, degrees, uniformly."""

FILL = (0.67, 0.9)
"""The larger side of the person's bounding box over the picture's side, uniformly."""


SHIFT = 12.0
"""How far the middle of that box lies from the picture's, pixels at most, along each side."""


def place(posed: Posed, from_behind: bool, generator: np.random.Generator) -> tuple[Camera, Posed]:
    """A random camera that sees the whole person from the wanted side, and the body in its frame.

    The camera is lifting.camera's: R(theta) about the vertical, then the pitch, then scaled orthography.
    """
    theta = generator.uniform(-math.pi / 2, math.pi / 2) + (math.pi if from_behind else 0.0)
    pitch = math.radians(generator.uniform(*PITCH))
    turn = tilted_camera(pitch) @ rotation(np.asarray(theta - augment.heading(posed.landmarks)))
    vertices, landmarks = posed.vertices @ turn.T, turn @ posed.landmarks
    low, high = vertices[:, :2].min(0), vertices[:, :2].max(0)
    scale = SIZE * generator.uniform(*FILL) / (high - low).max()
    room = (SIZE - scale * (high - low)) / 2
    middle = (SIZE - 1) / 2 + np.minimum(0.8 * room, SHIFT) * generator.uniform(-1, 1, 2)
    x, y = (low + high) / 2
    centre = (float(middle[0] - scale * x), float(middle[1] + scale * y))
    theta = math.remainder(theta, 2 * math.pi)
    return Camera(theta, pitch, float(scale), centre), Posed(vertices, landmarks)


def to_pixels(camera: Camera, points: Float[Array, "3 N"]) -> Float[Array, "2 N"]:
    """Picture positions of points in the camera's frame."""
    return np.array(camera.centre)[:, None] + camera.scale * flip_y(points[:2])


THICKNESS = {"pelvis": 0.19, "hip": 0.15, "knee": 0.09, "ankle": 0.08, "spine": 0.19, "neck": 0.13, "nose": 0.03,
             "head_top": 0.1, "shoulder": 0.12, "elbow": 0.08, "wrist": 0.07}  # fmt: skip
"""How deep a landmark lies below the surface at most, metres, on a body of 1.75 m: deeper ones are hidden."""


def draw(model: BodyModel, camera: Camera, seen: Posed, height: float) -> Buffer:
    """The body's pixels by z-buffer, and which landmarks can be seen; `height` is the body's, at rest, metres.

    A pixel's four bytes: the normal's x and y as 127.5 (n + 1); the segment that most of its samples show, plus 64
    times (the number of samples on the body - 1); the next segment, plus 64 times the number of its samples.
    """
    xy = to_pixels(camera, seen.vertices.T)
    fine = FINER * xy + (FINER - 1) / 2
    side = SIZE * FINER
    triangle, depth = rasterise(fine.T, seen.vertices[:, 2], model.faces, side)
    normals = model.around @ face_normals(seen.vertices, model.faces)
    normals = _unit(_unit(normals)[model.faces].mean(1))

    on = triangle >= 0
    shown = np.where(on, model.segments[triangle], 0)
    normal = np.where(on[..., None], normals[triangle], 0.0)
    blocks = _blocks(shown)
    mask = np.asarray((blocks > 0).any(-1))
    samples = np.sort(blocks[mask], -1)
    mean = _unit(_blocks(normal)[mask].sum(1))
    values = np.empty((len(samples), 4), np.uint8)
    values[:, :2] = np.round(127.5 * (np.clip(mean[:, :2], -1, 1) + 1))
    values[:, 2], values[:, 3] = _two_segments(samples)
    visible = _visible(camera, seen.landmarks, depth, height)
    return Buffer(mask, values, visible)


def _blocks(fine: Array) -> Array:
    """(2S, 2S, ...) -> (S, S, 4, ...): the samples of each pixel."""
    size = fine.shape[0] // FINER
    split = fine.reshape(size, FINER, size, FINER, *fine.shape[2:])
    return np.moveaxis(split, 2, 1).reshape(size, size, FINER**2, *fine.shape[2:])


def _two_segments(samples: UInt8[Array, "P 4"]) -> tuple[UInt8[Array, " P"], UInt8[Array, " P"]]:
    """The two commonest segments among sorted samples, with their counts, packed as `draw` says."""
    equal = samples[:, :, None] == samples[:, None, :]
    count = np.where(samples > 0, equal.sum(-1), 0)
    rows = np.arange(len(samples))
    first = samples[rows, count.argmax(1)]
    rest = np.where(samples == first[:, None], 0, count)
    second_at = rest.argmax(1)
    number = rest[rows, second_at]
    second = np.where(number > 0, samples[rows, second_at], 0)
    on = (samples > 0).sum(1)
    return (first + 64 * (on - 1)).astype(np.uint8), (second + 64 * number).astype(np.uint8)


def _visible(camera: Camera, landmarks: Float[Array, "3 17"], depth: Array, height: float) -> Bool[Array, " 17"]:
    """Whether the surface in front of a landmark is its own: no further before it than the body part is thick."""
    column, row = np.round(FINER * to_pixels(camera, landmarks) + (FINER - 1) / 2).astype(int)
    inside = (column >= 0) & (column < len(depth)) & (row >= 0) & (row < len(depth))
    surface = depth[np.clip(row, 0, len(depth) - 1), np.clip(column, 0, len(depth) - 1)]
    names = [name.removeprefix("left_").removeprefix("right_") for name in HUMAN36M.landmarks]
    thickness = np.array([THICKNESS[name] for name in names]) * height / 1.75
    return np.asarray(inside & (surface - landmarks[2] < thickness))


def rasterise(
    points: Float[Array, "V 2"], depth: Float[Array, " V"], faces: Int[Array, "F 3"], size: int
) -> tuple[Int[Array, "S S"], Float[Array, "S S"]]:
    """The nearest front-facing triangle at every pixel centre (-1: none) and its depth (-inf), z towards the viewer.

    Triangles are taken in groups of similar size; each is tested against the pixels of its bounding box.
    """
    a, b, c = (points[faces[:, n]] for n in range(3))
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    low = np.maximum(np.ceil(np.minimum(np.minimum(a, b), c)), 0).astype(int)
    high = np.minimum(np.floor(np.maximum(np.maximum(a, b), c)), size - 1).astype(int)
    # y points down, so that outward triangles turn clockwise: a negative area
    candidates = (area < -1e-9) & (low <= high).all(1)
    extent = (high - low).max(1) + 1
    nearest, span = float(depth.max()), float(np.ptp(depth)) + 1e-9
    best = np.full(size * size, -1, np.int64)
    width = 1
    while (candidates & (extent > width // 2)).any():
        group = np.flatnonzero(candidates & (extent > width // 2) & (extent <= width))
        grid = np.arange(width)
        x = low[group, 0][:, None, None] + grid[None, None, :]
        y = low[group, 1][:, None, None] + grid[None, :, None]
        corner = [points[faces[group, n]].T[:, :, None, None] for n in range(3)]
        # barycentric coordinates: the areas of the three parts into which the pixel divides the triangle
        share = [_area(corner[n], corner[m], x, y) / area[group][:, None, None] for n, m in ((1, 2), (2, 0), (0, 1))]
        inside = (share[0] >= 0) & (share[1] >= 0) & (share[2] >= 0) & (x < size) & (y < size)
        z = sum(part * depth[faces[group, n]][:, None, None] for n, part in enumerate(share))
        which = np.broadcast_to(group[:, None, None], inside.shape)[inside]
        level = ((z[inside] - nearest) / span + 1) * 2**30
        np.maximum.at(best, (y * size + x)[inside], (np.maximum(level, 0).astype(np.int64) << 32) | which)
        width *= 2
    found = best >= 0
    triangle = np.where(found, best & 0xFFFFFFFF, -1).reshape(size, size)
    surface = np.where(found, ((best >> 32) / 2**30 - 1) * span + nearest, -np.inf).reshape(size, size)
    return triangle, surface


def _area(a: Array, b: Array, x: Array, y: Array) -> Array:
    """Twice the signed area of the triangle (x, y), a, b."""
    return (a[0] - x) * (b[1] - y) - (a[1] - y) * (b[0] - x)
