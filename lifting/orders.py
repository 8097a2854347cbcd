"""Published orders of landmarks: names, bones, left and right of ten skeletons.

A landmark carries the name of the body part that it marks, which is not always the published one; see
`lifting.skeleton`, which goes from one order to another. Each docstring below gives the published name where the two
differ.
"""

from dataclasses import dataclass

from lifting.support.arrays import fail


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

COCO18 = _published(
    "coco18",
    """
    nose neck right_shoulder right_elbow right_wrist left_shoulder left_elbow left_wrist
    right_hip right_knee right_ankle left_hip left_knee left_ankle right_eye left_eye right_ear left_ear
    """,
    (
        (1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13),
        (1, 0), (0, 14), (14, 16), (0, 15), (15, 17),
    ),
)  # fmt: skip
"""The 18 keypoints of OpenPose's COCO model: COCO's in another order, and "Neck", the middle of the shoulders.

Source: `POSE_COCO_BODY_PARTS` in OpenPose's `poseParameters.cpp`.
"""

BODY25B = _published(
    "body25b",
    """
    nose left_eye right_eye left_ear right_ear left_shoulder right_shoulder left_elbow right_elbow
    left_wrist right_wrist left_hip right_hip left_knee right_knee left_ankle right_ankle upper_neck head_top
    left_big_toe left_small_toe left_heel right_big_toe right_small_toe right_heel
    """,
    (
        (0, 1), (0, 2), (1, 3), (2, 4), (0, 5), (0, 6), (5, 7), (6, 8), (7, 9), (8, 10), (5, 11), (6, 12), (11, 13),
        (12, 14), (13, 15), (14, 16), (15, 19), (19, 20), (15, 21), (16, 22), (22, 23), (16, 24), (5, 17), (6, 17),
        (17, 18), (11, 12),
    ),
)  # fmt: skip
"""The 25 keypoints of OpenPose's BODY_25B: COCO's 17, then MPII's "upper neck" and "head top", then the feet.

It has neither the "Neck" nor the "MidHip" of BODY_25.
Source: Hidalgo and others, "Single-Network Whole-Body Pose Estimation", ICCV 2019; `POSE_BODY_25B_BODY_PARTS` in
OpenPose's `poseParameters.cpp`.
"""

HALPE26 = _published(
    "halpe26",
    """
    nose left_eye right_eye left_ear right_ear left_shoulder right_shoulder left_elbow right_elbow
    left_wrist right_wrist left_hip right_hip left_knee right_knee left_ankle right_ankle head_top neck pelvis
    left_big_toe right_big_toe left_small_toe right_small_toe left_heel right_heel
    """,
    (
        (0, 1), (0, 2), (1, 3), (2, 4), (17, 18), (0, 18), (18, 5), (18, 6), (5, 7), (7, 9), (6, 8), (8, 10), (18, 19),
        (19, 11), (19, 12), (11, 13), (13, 15), (12, 14), (14, 16), (15, 20), (15, 22), (15, 24), (16, 21), (16, 23),
        (16, 25),
    ),
)  # fmt: skip
"""The 26 keypoints of Halpe's body: COCO's 17, "Head" (the top of it: `head_top`), "Neck", "Hip" (`pelvis`), the feet.

Source: Fang and others, "AlphaPose: Whole-Body Regional Multi-Person Pose Estimation and Tracking in Real-Time", TPAMI
45(6), 2023; the list is in the readme of Halpe-FullBody.
"""

WHOLEBODY = _published(
    "wholebody",
    """
    nose left_eye right_eye left_ear right_ear left_shoulder right_shoulder left_elbow right_elbow
    left_wrist right_wrist left_hip right_hip left_knee right_knee left_ankle right_ankle
    left_big_toe left_small_toe left_heel right_big_toe right_small_toe right_heel
    """,
    (*COCO.bones, (15, 17), (17, 18), (15, 19), (16, 20), (20, 21), (16, 22)),
)
"""The first 23 of the 133 keypoints of COCO-WholeBody: COCO's 17 and the feet. The face and the hands follow them.

Source: Jin and others, "Whole-Body Human Pose Estimation in the Wild", ECCV 2020; the list is in its data format page.
"""

CMU = _published(
    "cmu",
    """
    root left_hip_base left_hip left_knee left_ankle left_toe_base
    right_hip_base right_hip right_knee right_ankle right_toe_base
    lower_back spine upper_back lower_neck middle_neck nose
    left_collar left_shoulder left_elbow left_wrist left_finger_base left_index_base left_thumb_base
    right_collar right_shoulder right_elbow right_wrist right_finger_base right_index_base right_thumb_base
    """,
    (
        (0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (0, 6), (6, 7), (7, 8), (8, 9), (9, 10), (0, 11), (11, 12), (12, 13),
        (13, 14), (14, 15), (15, 16), (13, 17), (17, 18), (18, 19), (19, 20), (20, 21), (21, 22), (20, 23), (13, 24),
        (24, 25), (25, 26), (26, 27), (27, 28), (28, 29), (27, 30),
    ),
)  # fmt: skip
"""The 31 joints of the CMU motion capture as BVH: Hips, LHipJoint, LeftUpLeg, LeftLeg, LeftFoot, ..., RThumb.

A joint there carries the name of the bone that starts at it: "LeftUpLeg" is the hip, "LeftArm" the shoulder, "LeftHand"
the wrist, "Head" what Human3.6M calls "Head" too (`nose`). "Hips" (`root`) lies a hand above the middle of the hips,
and "Neck" below the shoulders: they are no `pelvis` and no `neck`, which `convert` makes of hips and shoulders.

Source: the CMU Graphics Lab Motion Capture Database, in the conversion to BVH by B. Hahne.
"""

SKELETONS = {
    known.name: known
    for known in (
        HUMAN36M,
        COCO,
        OPENPOSE25,
        MPII,
        BLAZEPOSE,
        COCO18,
        BODY25B,
        HALPE26,
        WHOLEBODY,
        CMU,
    )
}
"""The skeletons that `skeleton` knows, by name."""
