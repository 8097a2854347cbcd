"""Landmark orders: names, bones, left and right of five published skeletons, and how to go from one to another.

One name means one part of the body, in every order: `convert` copies a landmark where the target has the same
name, and only there. So a landmark carries the name of the body part that it marks, which is not always
the published one; the docstrings below give the published name wherever the two differ.

Same body part, published under other names:

- `pelvis` (middle of the hips): Human3.6M "Pelvis", MPII "pelvis", OpenPose "MidHip".
- `neck` (base of the neck): Human3.6M "Neck", MPII "thorax", OpenPose "Neck".
- `head_top`: Human3.6M "Site" (the end of the head bone), MPII "head top".
- `nose`: Human3.6M "Head", the joint between the neck and the end of the head bone; its users call it nose.

Alike in name, but another part, so given a name of its own and never copied:

- MPII `upper_neck` lies where the neck meets the head: neither the base of the neck nor the nose.
- BlazePose `left_foot_index` is the tip of the foot; OpenPose marks `left_big_toe` and `left_small_toe`.

Copied, though the orders put them a few centimetres apart (compare such landmarks with care):

- Hips and shoulders: joint centres of motion capture in Human3.6M; in COCO, OpenPose, MPII and BlazePose
  points that people clicked on, or a network learned to put, in images.
- `nose`: the tip of the nose in the 2D orders, a joint inside the head in Human3.6M.
- `neck`: OpenPose defines it as the middle of the shoulders, as `convert` does where the source has no neck;
  in Human3.6M it is a joint of the spine.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import array_api_compat
import numpy as np
from jaxtyping import Bool, Float

from lifting.support.arrays import Array, check_finite, check_floating, check_shape, fail, like, namespace, to_numpy


@dataclass(frozen=True)
class Skeleton:
    """An order of L landmarks, the bones between them, and which are left and right.

    Attributes:
        name: what `skeleton` finds it by.
        landmarks: L distinct names, in order.
        bones: pairs (i, j) of landmark indices, for drawing.
        left: indices of the landmarks on the person's own left side.
        right: their counterparts on the right: `right[n]` mirrors `left[n]`.

    Raises:
        ValueError: names repeat, an index is not a landmark's, a bone repeats or joins a landmark to itself, or
            `left` and `right` differ in length or share a landmark.
    """

    name: str
    landmarks: tuple[str, ...]
    bones: tuple[tuple[int, int], ...]
    left: tuple[int, ...]
    right: tuple[int, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            fail("name", repr(self.name), "a non-empty string")
        self._check_landmarks()
        self._check_bones()
        self._check_sides()

    def _check_landmarks(self) -> None:
        expected = "a non-empty tuple of distinct, non-empty strings"
        if not isinstance(self.landmarks, tuple) or not all(isinstance(name, str) and name for name in self.landmarks):
            fail("landmarks", repr(self.landmarks), expected)
        if not self.landmarks or len(set(self.landmarks)) < len(self.landmarks):
            fail("landmarks", repr(self.landmarks), expected)

    def _check_bones(self) -> None:
        expected = "a tuple of distinct pairs (i, j), i != j"
        if not isinstance(self.bones, tuple):
            fail("bones", repr(self.bones), expected)
        for bone in self.bones:
            if not isinstance(bone, tuple) or len(bone) != 2:
                fail("bones", repr(bone), expected)
            self._check_indices("bones", bone)
        if len({frozenset(bone) for bone in self.bones}) < len(self.bones):
            fail("bones", "a bone twice", expected)

    def _check_sides(self) -> None:
        self._check_indices("left", self.left)
        self._check_indices("right", self.right)
        if len(self.left) != len(self.right):
            fail("right", f"{len(self.right)} indices", f"as many as in left, {len(self.left)}")
        both = sorted(set(self.left) & set(self.right))
        if both:
            fail("right", f"{both}, which are in left too", "a landmark on one side only")

    def _check_indices(self, argument: str, indices: tuple[int, ...]) -> None:
        expected = f"a tuple of distinct whole numbers in 0..{len(self.landmarks) - 1}"
        if not isinstance(indices, tuple) or not all(type(i) is int for i in indices):
            fail(argument, repr(indices), expected)
        if len(set(indices)) < len(indices) or not all(0 <= i < len(self.landmarks) for i in indices):
            fail(argument, repr(indices), expected)

    def index(self, landmark: str) -> int:
        """The index of the landmark of that name.

        Raises:
            ValueError: the skeleton has no such landmark; the message lists those that it has.
        """
        if landmark not in self.landmarks:
            fail("landmark", repr(landmark), f"one of {', '.join(self.landmarks)}")
        return self.landmarks.index(landmark)

    @property
    def swap(self) -> tuple[int, ...]:
        """Order of the landmarks after left and right are swapped; `visible[..., list(swap)]` mirrors a mask."""
        counterpart = dict(zip(self.left + self.right, self.right + self.left, strict=True))
        return tuple(counterpart.get(i, i) for i in range(len(self.landmarks)))


def _published(name: str, landmarks: str, bones: tuple[tuple[int, int], ...]) -> Skeleton:
    """A skeleton whose sides can be read off its names, `left_...` and `right_...`."""
    names = tuple(landmarks.split())
    left = tuple(i for i, landmark in enumerate(names) if landmark.startswith("left_"))
    right = tuple(names.index(names[i].replace("left_", "right_", 1)) for i in left)
    return Skeleton(name, names, bones, left, right)


HUMAN36M = _published(
    "human36m",
    """
    pelvis right_hip right_knee right_ankle left_hip left_knee left_ankle spine neck nose head_top
    left_shoulder left_elbow left_wrist right_shoulder right_elbow right_wrist
    """,
    (
        (0, 1), (1, 2), (2, 3), (0, 4), (4, 5), (5, 6), (0, 7), (7, 8), (8, 9), (9, 10),
        (8, 11), (11, 12), (12, 13), (8, 14), (14, 15), (15, 16),
    ),
)  # fmt: skip
"""The 17 landmarks of Human3.6M that this package lifts.

The 17 that move of the 32 that are recorded, in the order of the data set's own list: Pelvis, RHip, RKnee, RAnkle,
LHip, LKnee, LAnkle, Spine1, Neck, Head, Site, LShoulder, LElbow, LWrist, RShoulder, RElbow, RWrist.
Here "Spine1" is `spine`, "Head" is `nose` and "Site" is `head_top`.

Source: Ionescu, Papava, Olaru and Sminchisescu, "Human3.6M: Large Scale Datasets and Predictive Methods for 3D Human
Sensing in Natural Environments", TPAMI 36(7), 2014; the list is in the readme of the data set's ECCV challenge.
"""

COCO = _published(
    "coco",
    """
    nose left_eye right_eye left_ear right_ear left_shoulder right_shoulder left_elbow right_elbow
    left_wrist right_wrist left_hip right_hip left_knee right_knee left_ankle right_ankle
    """,
    (
        (15, 13), (13, 11), (16, 14), (14, 12), (11, 12), (5, 11), (6, 12), (5, 6), (5, 7), (6, 8), (7, 9), (8, 10),
        (1, 2), (0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 6),
    ),
)  # fmt: skip
"""The 17 keypoints of COCO, in the order of `keypoints` in its annotation files; bones from their `skeleton`.

Source: Lin and others, "Microsoft COCO: Common Objects in Context", ECCV 2014; category "person" of
`person_keypoints_val2017.json` (where the bones count from 1).
"""

OPENPOSE25 = _published(
    "openpose25",
    """
    nose neck right_shoulder right_elbow right_wrist left_shoulder left_elbow left_wrist
    pelvis right_hip right_knee right_ankle left_hip left_knee left_ankle right_eye left_eye right_ear left_ear
    left_big_toe left_small_toe left_heel right_big_toe right_small_toe right_heel
    """,
    (
        (1, 8), (1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (8, 9), (9, 10), (10, 11), (8, 12), (12, 13), (13, 14),
        (1, 0), (0, 15), (15, 17), (0, 16), (16, 18), (14, 19), (19, 20), (14, 21), (11, 22), (22, 23), (11, 24),
    ),
)  # fmt: skip
"""The 25 keypoints of OpenPose's BODY_25. "Neck" is `neck`, "MidHip" is `pelvis`.

Nobody annotated "Neck": its training data are the middles of COCO's shoulders, as its authors have stated.

Source: Cao, Hidalgo, Simon, Wei and Sheikh, "OpenPose: Realtime Multi-Person 2D Pose Estimation using Part Affinity
Fields", TPAMI 43(1), 2021; `POSE_BODY_25_BODY_PARTS` in its `poseParameters.cpp`.
"""

MPII = _published(
    "mpii",
    """
    right_ankle right_knee right_hip left_hip left_knee left_ankle pelvis neck upper_neck head_top
    right_wrist right_elbow right_shoulder left_shoulder left_elbow left_wrist
    """,
    (
        (0, 1), (1, 2), (2, 6), (3, 6), (3, 4), (4, 5), (6, 7), (7, 8), (8, 9),
        (7, 12), (12, 11), (11, 10), (7, 13), (13, 14), (14, 15),
    ),
)  # fmt: skip
"""The 16 joints of MPII Human Pose, by its joint ids 0-15. "thorax" (7) is `neck`; "upper neck" (8) is `upper_neck`.

Source: Andriluka, Pishchulin, Gehler and Schiele, "2D Human Pose Estimation: New Benchmark and State of the Art
Analysis", CVPR 2014; the ids are in the annotation readme of the data set.
"""

BLAZEPOSE = _published(
    "blazepose",
    """
    nose left_eye_inner left_eye left_eye_outer right_eye_inner right_eye right_eye_outer left_ear right_ear
    left_mouth right_mouth left_shoulder right_shoulder left_elbow right_elbow left_wrist right_wrist
    left_pinky right_pinky left_index right_index left_thumb right_thumb left_hip right_hip left_knee right_knee
    left_ankle right_ankle left_heel right_heel left_foot_index right_foot_index
    """,
    (
        (0, 1), (1, 2), (2, 3), (3, 7), (0, 4), (4, 5), (5, 6), (6, 8), (9, 10), (11, 12), (11, 13), (13, 15), (15, 17),
        (15, 19), (15, 21), (17, 19), (12, 14), (14, 16), (16, 18), (16, 20), (16, 22), (18, 20), (11, 23), (12, 24),
        (23, 24), (23, 25), (24, 26), (25, 27), (26, 28), (27, 29), (28, 30), (29, 31), (30, 32), (27, 31), (28, 32),
    ),
)  # fmt: skip
"""The 33 landmarks of MediaPipe's BlazePose. MediaPipe calls 9 and 10 "mouth left" and "mouth right".

Source: Bazarevsky and others, "BlazePose: On-device Real-time Body Pose tracking", arXiv 2006.10204, 2020;
`PoseLandmark` and `POSE_CONNECTIONS` of MediaPipe 0.10.
"""

SKELETONS = {known.name: known for known in (HUMAN36M, COCO, OPENPOSE25, MPII, BLAZEPOSE)}
"""The skeletons that `skeleton` knows, by name."""

DERIVED = {"pelvis": ("left_hip", "right_hip"), "neck": ("left_shoulder", "right_shoulder")}
"""Landmarks that `convert` makes where a source lacks them: each is the mean of these parents."""


def skeleton(name: str | Skeleton) -> Skeleton:
    """The skeleton of that name; a `Skeleton` is handed back as it is.

    Raises:
        ValueError: no skeleton has that name; the message lists the known ones.
    """
    if isinstance(name, Skeleton):
        return name
    if not isinstance(name, str) or name not in SKELETONS:
        fail("name", repr(name), f"a Skeleton or one of {', '.join(sorted(SKELETONS))}")
    return SKELETONS[name]


def conversion_table(source: str | Skeleton, target: str | Skeleton) -> dict[str, tuple[str, ...]]:
    """From which landmarks of `source` each landmark of `target` is made: one is a copy, two a mean, none is missing.

    >>> conversion_table("coco", "human36m")["pelvis"]
    ('left_hip', 'right_hip')
    """
    source, target = skeleton(source), skeleton(target)
    return {landmark: _parents(landmark, source) for landmark in target.landmarks}


def _parents(landmark: str, source: Skeleton) -> tuple[str, ...]:
    if landmark in source.landmarks:
        return (landmark,)
    parents = DERIVED.get(landmark, ())
    return parents if set(parents) <= set(source.landmarks) else ()


def _conversion_matrix(source: Skeleton, target: Skeleton) -> np.ndarray:
    """C (L_source, L_target) of Y_target = Y C: a column holds 1 / (number of parents) at each parent."""
    C = np.zeros((len(source.landmarks), len(target.landmarks)))
    for column, parents in enumerate(conversion_table(source, target).values()):
        for parent in parents:
            C[source.index(parent), column] = 1 / len(parents)
    return C


def convert(
    Y: Float[Array, "*batch d L_source"],
    source: str | Skeleton,
    target: str | Skeleton,
    visible: Bool[Array, "*batch L_source"] | None = None,
) -> tuple[Float[Array, "*batch d L_target"], Bool[Array, "*batch L_target"]]:
    """Landmarks in the order of `target`, and which of them are there.

    A landmark that both orders have is copied. A `pelvis` or `neck` that `source` lacks is the mean of the hips or
    of the shoulders, visible if both are. Every other landmark is missing: not visible, and 0 rather than NaN.

    Args:
        Y: landmarks (..., d, L_source), d = 2 or 3, any units; not finite only where not visible.
        source: the order of `Y`: a Skeleton or the name of one.
        target: the order wanted: a Skeleton or the name of one.
        visible: booleans (..., L_source), or (L_source,) for all; None: all visible. What `Y` holds elsewhere
            is ignored.

    Returns:
        Y_target (..., d, L_target) in the units, dtype and library of `Y`, and visible_target (..., L_target).

    Raises:
        ValueError: unknown skeleton, wrong shape or dtype, a visible landmark that is not finite.
    """
    source, target = skeleton(source), skeleton(target)
    Y = _check_landmarks("Y", Y, source)
    Y, visible = mask_landmarks("Y", Y, visible)
    C = like(_conversion_matrix(source, target), Y)
    # Y_target = Y C, where every parent is visible (and there is one)
    xp = namespace(Y)
    parents = xp.astype(C > 0, Y.dtype)
    count = xp.sum(parents, axis=0)
    visible_target = (count > 0) & (xp.astype(visible, Y.dtype) @ parents == count)
    return xp.where(visible_target[..., None, :], Y @ C, like(0.0, Y)), visible_target


def mirror(pose: Float[Array, "*batch d L"], order: str | Skeleton) -> Float[Array, "*batch d L"]:
    """The same pose done the other way round: left and right landmarks swapped, x negated. Twice changes nothing.

    Args:
        pose: pose or landmarks (..., d, L), d = 2 or 3, rows x, y(, z), any units.
        order: its skeleton: a Skeleton or the name of one.

    Raises:
        ValueError: unknown skeleton, wrong shape or dtype, a value that is not finite.
    """
    order = skeleton(order)
    pose = _check_landmarks("pose", pose, order)
    check_finite("pose", pose)
    xp = namespace(pose)
    swap = xp.asarray(order.swap, device=array_api_compat.device(pose))
    signs = like([[-1.0], [1.0], [1.0]][: pose.shape[-2]], pose)
    return signs * xp.take(pose, swap, axis=-1)


def mask_landmarks(
    argument: str, Y: Float[Array, "*batch d L"], visible: Bool[Array, "*batch L"] | None
) -> tuple[Float[Array, "*batch d L"], Bool[Array, "*batch L"]]:
    """`Y` with zeros at its invisible landmarks, and `visible` (None: all) as a boolean array of its library.

    Args:
        argument: what to call `Y` in messages.
        Y: landmarks (..., d, L), any units.
        visible: booleans (..., L), or (L,) for all.

    Raises:
        ValueError: `visible` is not boolean or of another shape, or a visible landmark is not finite.
    """
    xp = namespace(Y)
    visible = check_visible(visible, Y)
    Y = xp.where(visible[..., None, :], Y, xp.zeros_like(Y))
    check_finite(argument, Y)
    return Y, visible


def check_visible(visible: Any, Y: Float[Array, "*batch d L"]) -> Bool[Array, "*batch L"]:
    """`visible`, booleans (..., L) or (L,), for each frame of Y and as an array of its library; None: all True.

    Raises:
        ValueError: it is not boolean or of another shape.
    """
    xp, device = namespace(Y), array_api_compat.device(Y)
    shape = (*Y.shape[:-2], Y.shape[-1])
    if visible is None:
        return xp.ones(shape, dtype=xp.bool, device=device)
    if not (array_api_compat.is_torch_array(visible) and array_api_compat.is_torch_array(Y)):
        visible = _to_boolean_array(visible)
    visible = xp.asarray(visible, device=device)
    if visible.dtype != xp.bool:
        fail("visible", f"an array of {visible.dtype}", "an array of booleans")
    if tuple(visible.shape) not in (shape, shape[-1:]):
        expected = f"shape {shape} or {shape[-1:]}" if len(shape) > 1 else f"shape {shape}"
        fail("visible", f"shape {tuple(visible.shape)}", expected)
    return xp.broadcast_to(visible, shape)


def _to_boolean_array(visible: Any) -> np.ndarray:
    try:
        array = to_numpy(visible)
    except ValueError:
        fail("visible", "a ragged sequence", "an array of booleans")
    if array.dtype != np.bool_:
        fail("visible", f"an array of {array.dtype}", "an array of booleans")
    return array


def _check_landmarks(argument: str, Y: Array | Sequence, order: Skeleton) -> Array:
    Y = check_floating(argument, Y)
    check_shape(argument, Y, "d", len(order.landmarks))
    if Y.shape[-2] not in (2, 3):
        fail(argument, f"shape {tuple(Y.shape)}", f"shape (..., d, {len(order.landmarks)}) with d = 2 or 3")
    return Y
