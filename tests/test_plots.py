"""The pictures: what their artists hold, not how they look; and what bad input says."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb

from lifting.camera import rotation_angles
from lifting.datasets.real_frames import load_real_frames
from lifting.drawing import plots
from lifting.skeleton import HUMAN36M, SKELETONS


@pytest.fixture
def ax():
    figure, axes = plt.subplots()
    yield axes
    plt.close(figure)


@pytest.fixture
def ax3d():
    figure = plt.figure()
    yield figure.add_subplot(projection="3d")
    plt.close(figure)


@pytest.fixture
def pose(rng):
    return rng.normal(size=(3, 17))


@pytest.fixture(scope="module")
def frame():
    return load_real_frames(["cam01_004"])[0]


def line_of(ax, label):
    return next(line for line in ax.get_lines() if line.get_label() == label)


def points_of(path):
    """The distinct points of a path, NaN left out."""
    return {tuple(point) for point in np.asarray(path, dtype=float).T if not np.isnan(point).any()}


@pytest.mark.parametrize("order", SKELETONS.values(), ids=SKELETONS)
def test_bone_paths_hold_every_bone_once_under_its_side(order, rng):
    points = rng.normal(size=(2, len(order.landmarks)))
    paths = plots.bone_paths(points, order)
    drawn = {}
    for side, path in paths.items():
        ends = [tuple(p) for p in path.T]
        for start, end in zip(ends, ends[1:], strict=False):
            if not np.isnan(start + end).any():
                drawn[frozenset((start, end))] = side
    expected = {}
    for i, j in order.bones:
        ends = {"left" if n in order.left else "right" if n in order.right else "" for n in (i, j)} - {""}
        expected[frozenset((tuple(points[:, i]), tuple(points[:, j])))] = ends.pop() if len(ends) == 1 else "middle"
    assert drawn == expected


def test_a_missing_spine_is_bridged_and_a_missing_elbow_is_not():
    visible = np.ones(17, dtype=bool)
    visible[[HUMAN36M.index("spine"), HUMAN36M.index("left_elbow")]] = False
    bones = {frozenset(bone) for bone in plots.visible_bones(HUMAN36M, visible)}
    pelvis, neck, shoulder, wrist = (HUMAN36M.index(n) for n in ("pelvis", "neck", "left_shoulder", "left_wrist"))
    assert frozenset((pelvis, neck)) in bones
    assert frozenset((shoulder, wrist)) not in bones
    assert not [bone for bone in bones if not visible[list(bone)].all()]


def test_left_and_right_are_told_apart_by_colour_and_legend(ax, pose):
    assert plots.draw_pose_2d(ax, pose[:2], label="model") is ax
    left, right = line_of(ax, "model left"), line_of(ax, "model right")
    assert left.get_color() == "#0072B2" and right.get_color() == "#D55E00"
    wrist = HUMAN36M.index("left_wrist")
    assert tuple(pose[:2, wrist]) in points_of(left.get_data()) - points_of(right.get_data())
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["model left", "model right"]
    assert ax.get_xlabel() == "x (m)" and ax.get_aspect() == 1


def test_one_colour_makes_one_entry_in_the_legend(ax, pose):
    plots.draw_pose_2d(ax, pose[:2], colour="grey", label="truth")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["truth"]
    assert {line.get_color() for line in ax.get_lines()} == {"grey"}


def test_a_torch_pose_and_invisible_nan_are_drawn(ax, pose):
    visible = np.ones(17, dtype=bool)
    visible[10] = False
    pose[:, 10] = np.nan
    plots.draw_pose_2d(ax, torch.tensor(pose[:2], requires_grad=True), visible=torch.tensor(visible))
    drawn = set().union(*(points_of(line.get_data()) for line in ax.get_lines()))
    assert drawn == {tuple(pose[:2, i]) for i in np.flatnonzero(visible)}


def test_a_photo_has_its_rows_downwards(ax, frame):
    plots.draw_landmarks_on_photo(ax, frame.image, frame.landmarks, visible=frame.visible)
    low, high = ax.get_ylim()
    assert low > high == -0.5
    drawn = set().union(*(points_of(line.get_data()) for line in ax.get_lines()))
    assert drawn == {tuple(frame.landmarks[:, i]) for i in np.flatnonzero(frame.visible)}


@pytest.mark.parametrize(("azim", "seen"), [(0, (0, 1)), (90, (2, 1)), (180, (0, 1)), (270, (2, 1))])
def test_3d_views_show_what_they_say(ax3d, pose, azim, seen):
    """At azim 0 the picture is x and y, as eq. (1) projects; at 90 it is -z and y."""
    plots.draw_pose_3d(ax3d, pose, azim=azim)
    ax3d.figure.canvas.draw()
    flat = ax3d.get_proj() @ np.vstack([plots.to_plot_axes(pose), np.ones(17)])
    flat = flat[:2] / flat[3]
    sign = {0: 1, 90: -1, 180: -1, 270: 1}[azim]
    expected = np.stack([sign * pose[seen[0]], pose[seen[1]]])
    fit = [np.polyfit(expected[i], flat[i], 1) for i in (0, 1)]
    np.testing.assert_allclose([np.polyval(fit[i], expected[i]) for i in (0, 1)], flat, atol=1e-9)
    assert fit[0][0] == pytest.approx(fit[1][0]) and fit[0][0] > 0  # one scale, nothing mirrored


def test_3d_axes_share_one_scale_and_say_their_units(ax3d, pose):
    plots.draw_pose_3d(ax3d, pose, azim=30, radius=1.2)
    spans = [np.ptp(limits) for limits in (ax3d.get_xlim(), ax3d.get_ylim(), ax3d.get_zlim())]
    np.testing.assert_allclose(spans, 2.4)
    assert [ax3d.get_xlabel(), ax3d.get_ylabel(), ax3d.get_zlabel()] == ["x (m)", "z, to camera (m)", "y, up (m)"]
    assert ax3d.yaxis.get_major_formatter()(0.5, 0) == "-0.5"  # the plot's second axis is -z


def test_belief_is_marked_at_its_argmax(ax, frame):
    plots.draw_belief(ax, frame.belief[0])
    row, column = np.unravel_index(frame.belief[0].argmax(), frame.belief[0].shape)
    assert (ax.get_lines()[0].get_xdata()[0], ax.get_lines()[0].get_ydata()[0]) == (column, row)


def test_beliefs_glow_where_their_peaks_lie_on_the_photo(ax, frame):
    plots.draw_beliefs_on_photo(ax, frame.image, frame.belief, frame.map_to_photo)
    layer = next(
        image.get_array()
        for image in ax.get_images()[1:]
        if np.allclose(np.asarray(image.get_array())[0, 0, :3], to_rgb("#0072B2"))
    )
    hip = 23  # BlazePose's left hip
    row, column = np.unravel_index(frame.belief[hip].argmax(), frame.belief[hip].shape)
    x, y = np.round(frame.map_to_photo @ [column, row, 1]).astype(int)
    assert layer[y, x, 3] > 0.9 * frame.belief[hip].max()
    assert layer[5, 5, 3] < 0.05


def test_a_cost_is_marked_at_its_minimum(ax, rng):
    theta, costs = rotation_angles(12), rng.uniform(size=(2, 12))
    plots.draw_cost(ax, theta, costs)
    dots = [line for line in ax.get_lines() if line.get_marker() == "o"]
    assert [float(dot.get_ydata()[0]) for dot in dots] == pytest.approx(costs.min(1))
    assert [float(dot.get_xdata()[0]) for dot in dots] == pytest.approx(np.degrees(theta[costs.argmin(1)]))


@pytest.mark.parametrize("room", plots.ROOMS)
def test_the_present_room_is_marked(ax, room):
    plots.draw_way_through(ax, room)
    boxes = [patch for patch in ax.patches if patch.get_facecolor()[:3] == to_rgb(plots.MARKED)]
    labels = [text for text in ax.texts if text.get_bbox_patch() is not None]
    assert len(boxes) + len(labels) == len(plots.ROOMS[room])


BAD = {
    "another number of landmarks": (lambda ax: plots.draw_pose_2d(ax, np.zeros((2, 16))), "Y: got shape (2, 16)"),
    "3D where 2D belongs": (lambda ax: plots.draw_pose_2d(ax, np.zeros((3, 17))), "Y: got shape (3, 17)"),
    "NaN": (lambda ax: plots.draw_pose_2d(ax, np.full((2, 17), np.nan)), "Y: got 34 NaN"),
    "an unknown skeleton": (lambda ax: plots.draw_pose_2d(ax, np.zeros((2, 17)), "horse"), "name: got 'horse'"),
    "flat axes": (lambda ax: plots.draw_pose_3d(ax, np.zeros((3, 17))), "ax: got Axes"),
    "no image": (lambda ax: plots.draw_landmarks_on_photo(ax, np.zeros(3), np.zeros((2, 17))), "image: got shape (3,)"),
    "a stack of maps": (lambda ax: plots.draw_belief(ax, np.zeros((33, 4, 4))), "belief: got shape (33, 4, 4)"),
    "a singular map_to_photo": (
        lambda ax: plots.draw_beliefs_on_photo(ax, np.zeros((9, 9)), np.zeros((33, 4, 4)), np.zeros((2, 3))),
        "map_to_photo: got a singular matrix",
    ),
    "another number of maps": (
        lambda ax: plots.draw_beliefs_on_photo(ax, np.zeros((9, 9)), np.zeros((17, 4, 4)), np.eye(2, 3)),
        "beliefs: got shape (17, 4, 4)",
    ),
    "costs of another length": (lambda ax: plots.draw_cost(ax, np.zeros(3), np.zeros(4)), "costs: got shape (4,)"),
    "too few labels": (lambda ax: plots.draw_cost(ax, np.zeros(3), np.zeros((2, 3)), labels=["a"]), "labels: got 1"),
    "an unknown room": (lambda ax: plots.draw_way_through(ax, "cellar"), "room: got 'cellar', expected one of start"),
    "nothing visible": (
        lambda ax: plots.draw_pose_2d(ax, np.zeros((2, 17)), visible=np.zeros(17, dtype=bool)),
        "visible: got no visible landmark",
    ),
    "points of another shape": (lambda ax: plots.bone_paths(np.zeros((4, 17))), "points: got shape (4, 17)"),
}


@pytest.mark.parametrize(("draw", "message"), BAD.values(), ids=BAD)
def test_bad_input_is_refused_and_nothing_drawn(ax, draw, message):
    with pytest.raises(ValueError) as error:
        draw(ax)
    assert str(error.value).startswith(message) and ", expected " in str(error.value)
    assert not ax.get_lines() and not ax.get_images() and not ax.patches


def test_a_radius_that_is_not_positive_is_refused(ax3d, pose):
    with pytest.raises(ValueError, match="radius: got 0.0, expected a finite number > 0"):
        plots.draw_pose_3d(ax3d, pose, radius=0)
    assert not ax3d.get_lines()


def comparison(verdict="holds", expected="better", margin=0.0, unit="mm", middle=-2.0):
    return {"of": "a", "against": "b", "unit": unit, "expected": expected, "margin": margin, "verdict": verdict,
            "differences": [middle - 1, middle, middle + 1], "mean": middle, "low": middle - 1.5,
            "high": middle + 1.5}  # fmt: skip


def test_comparisons_show_every_seed_the_interval_and_the_verdict(ax):
    plots.draw_comparisons(ax, [comparison(), comparison("undecided", "similar", 1.0, middle=0.5)])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a minus b: holds", "a minus b: undecided"]
    lines = [np.atleast_1d(line.get_xdata()).tolist() for line in ax.get_lines()]
    assert [-3, -2, -1] in lines and [-3.5, -0.5] in lines and [-0.5, 0.5, 1.5] in lines and [-1.0, 2.0] in lines
    better, similar = (patch.get_paths()[0].vertices[:, 0] for patch in ax.collections)
    assert (better.min(), better.max()) == (ax.get_xlim()[0], 0) and (similar.min(), similar.max()) == (-1, 1)
    assert ax.get_xlim()[0] < -3.5 and ax.get_xlabel() == "difference of errors (mm)"


def test_a_verdict_in_more_words_has_a_mark_of_its_own(ax):
    plain = comparison("holds", "similar", 9.0)
    plots.draw_comparisons(ax, [plain, plain | {"words": "similar, slightly worse"}])
    assert [label.get_text().partition(": ")[2] for label in ax.get_yticklabels()] == [
        "holds", "similar, slightly worse"]  # fmt: skip
    markers = [line.get_marker() for line in ax.get_lines() if len(np.atleast_1d(line.get_xdata())) == 1]
    assert markers == ["o", "D"]


@pytest.mark.parametrize("comparisons", [[], [comparison(), comparison(unit="px")]])
def test_comparisons_of_several_units_or_none_are_refused(ax, comparisons):
    with pytest.raises(ValueError, match=r"^comparisons: got \d in units"):
        plots.draw_comparisons(ax, comparisons)
