"""The figures of the notebooks: each axis says what it shows, and in what unit."""

import types

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.text import Text

from lifting import lift, load_prior
from lifting.belief import belief_maps, peaks
from lifting.datasets.real_frames import belief_human36m, load_real_frames
from lifting.drawing import (
    figures_00,
    figures_01,
    figures_02,
    figures_03,
    figures_04,
    figures_05,
    figures_06,
    figures_07,
    figures_08,
)
from lifting.network import StageMaps
from lifting.skeleton import HUMAN36M
from lifting.updating import Correction


def small_texts(figure):
    """What is written smaller than 9 points."""
    return [text.get_text() for text in figure.findobj(Text) if text.get_text() and text.get_fontsize() < 9]


@pytest.fixture(autouse=True)
def legible():
    """Every figure that a test has made fits a notebook's width, where its text has 9 points at least."""
    yield
    for number in plt.get_fignums():
        figure = plt.figure(number)
        assert figure.get_figwidth() <= 9.2
        assert not small_texts(figure)
    plt.close("all")


@pytest.fixture(scope="module")
def frame():
    return load_real_frames(["cam01_004"])[0]


def correction(truth):
    """Two steps of one case: its peak comes home."""
    path = np.array([[[24.0, 52]], [[26, 51]], [truth]])
    maps = np.stack([belief_maps(place[0][:, None], 64, 64) for place in path])
    return Correction(path, np.array([[4.0], [2.0], [1.0]]), maps, np.array([2]))


def labels(figure):
    return [(ax.get_xlabel(), ax.get_ylabel()) for ax in figure.axes]


def test_from_photo_to_pose(frame):
    pose = lift(frame.Y, load_prior(), scale=None, visible=frame.visible).pose
    figure = figures_00.from_photo_to_pose(frame, frame.landmarks, frame.visible, pose)
    titles = [ax.get_title() for ax in figure.axes]
    assert titles == ["photo", "belief maps B", "landmarks Y", "3D pose, from the camera", "the same, from the side"]


def test_from_the_side_a_frame_shows_its_error_and_its_depth(frame):
    pose = lift(frame.Y, load_prior(), scale=None, visible=frame.visible).pose
    names = [f"frame {n}" for n in range(8)]
    everyone = (dict.fromkeys(names, value) for value in (frame, pose, 12.3))
    figure = figures_00.from_the_side(*everyone)
    assert figure.axes[7].get_title() == "frame 7:\n12 mm P-MPJPE"
    drawn = np.concatenate([line.get_xydata() for line in figure.axes[0].get_lines()[3:]])
    np.testing.assert_allclose(np.nanmax(drawn, 0) - np.nanmin(drawn, 0), np.ptp(pose[[2, 1]], axis=1))


def test_reversed_in_depth_both_have_one_picture():
    pose = np.random.default_rng(0).normal(size=(3, 17))
    figure = figures_01.reversed_in_depth(pose, pose * [[1], [1], [-1]])
    lines = [line.get_xydata() for line in figure.axes[2].get_lines()]
    for one, other in zip(lines[:3], lines[3:], strict=True):
        np.testing.assert_array_equal(one, other)
    assert figure.axes[0].get_xlabel() == "-z, away from the camera (m)"


def test_from_camera_and_side_has_the_error_above_each_pose():
    pose = np.random.default_rng(0).normal(size=(3, 17))
    figure = figures_03.from_camera_and_side({"truth": pose, "flat": pose * [[1], [1], [0]]}, pose)
    flat = 1000 * np.abs(pose[2] - pose[2].mean()).mean()
    assert [ax.get_title() for ax in figure.axes[:2]] == ["truth: 0 mm off", f"flat: {flat:.0f} mm off"]


def test_shoulders_are_those_of_each_side(rng):
    recorded, aligned = rng.normal(size=(2, 4, 3, 17))
    figure = figures_02.shoulders(recorded, aligned)
    assert labels(figure)[0] == ("x (m)", "z, to the viewer (m)")
    for ax, poses in zip(figure.axes, (recorded, aligned), strict=True):
        left = next(line for line in ax.get_lines() if line.get_label() == "left shoulder")
        np.testing.assert_array_equal(left.get_xydata(), poses[:, [0, 2], HUMAN36M.index("left_shoulder")])


def test_held_out_errors_have_two_curves_for_each_family():
    families = {
        name: [{"mean_mm": start - K, "noisy_mean_mm": start, "settings": {"components": K}} for K in (1, 3, 5)]
        for name, start in (("recorded", 70), ("copies", 60))
    }
    (ax,) = figures_02.held_out_errors(families).axes
    named = {line.get_label(): line.get_xydata().tolist() for line in ax.get_lines()}
    assert list(named) == [f"{name}, {how}" for name in families for how in ("10 mm noise", "exact")]
    assert named["copies, exact"] == [[1, 59], [3, 57], [5, 55]]
    assert labels(ax.figure)[0] == ("Gaussians, K", "held-out error (mm)")


def test_the_jacobian_names_every_row_and_column():
    figure = figures_04.jacobian(np.eye(34), "H")
    ax = figure.axes[0]
    assert [tick.get_text() for tick in ax.get_xticklabels()][17] == "y pelvis"
    assert labels(figure)[0] == ("landmark of Y, moved", "landmark of Y_hat, answers")


def test_effective_parameters_are_the_sum_of_what_passes():
    left, right = figures_04.effective_parameters(lambda factor: np.ones(3) / (1 + factor), np.array([1.0, 2.0])).axes
    np.testing.assert_allclose(left.get_lines()[0].get_ydata(), [1.5, 1.0])
    np.testing.assert_allclose(right.get_lines()[1].get_ydata(), 0.5)
    assert left.get_lines()[2].get_label() == "all that the bases can do: 3"
    assert left.get_ylabel() == "trace of H" and right.get_ylabel() == "eigenvalue of H"


def test_arrows_start_at_their_points():
    ax = plt.figure().add_subplot()
    figures_04.arrows(ax, [[0.0, 1], [2, 3]], [[1.0, 0], [0, 1]], "black", "steps", length=0.5)
    np.testing.assert_array_equal(ax.collections[0].get_offsets(), [[0, 2], [1, 3]])
    assert ax.collections[0].scale == 2
    assert ax.get_xlim()[1] > 1 and ax.get_ylim()[1] > 3.5  # their tips are inside


def test_a_walk_ends_where_its_peak_is():
    truth = np.array([29.0, 49])
    result = correction(truth)
    figure = figures_06.walk(result, (0, 2), truth)
    way, cross = figure.axes[1].get_lines()
    np.testing.assert_array_equal(way.get_xydata(), result.path[:, 0])
    np.testing.assert_array_equal(cross.get_xydata(), [truth])
    (ax,) = figures_06.losses({"run": result}).axes
    np.testing.assert_allclose(ax.get_lines()[0].get_ydata(), [1, 0.5, 0.25])
    assert ax.get_ylabel() == "loss / first loss"


def test_people_before_and_after(frame):
    belief, present = belief_human36m(frame)
    visible = present & frame.visible
    lifted = lift(peaks(belief) * [[1], [-1]], load_prior(), scale=None, visible=visible, camera=frame.map_camera)
    figure = figures_06.people(frame, {"wrong": lifted, "corrected": lifted})
    titles = sorted(ax.get_title() for ax in figure.axes)
    assert titles == ["Y_hat, corrected", "Y_hat, wrong", "both poses"]


def test_gradients_of_one_map_are_scaled_to_what_they_raise_most():
    wrong, right = (belief_maps(np.array([[x], [9.0]]), 20, 20)[0] for x in (6.0, 9.0))
    figure = figures_07.gradients_of_one_map(wrong, right, {"one": -2 * right})
    assert np.asarray(figure.axes[1].get_images()[0].get_array()).max() == 1
    assert labels(figure)[0] == ("column (cells)", "row (cells)")


def test_stages_show_the_landmark_where_it_is_in_the_maps(rng):
    maps = [torch.tensor(rng.uniform(size=(1, 18, 8, 8))) for _ in range(4)]
    fields = {name: None for name in StageMaps._fields}
    outputs = [types.SimpleNamespace(**(fields | {"belief": a, "fused": b})) for a, b in (maps[:2], maps[2:])]
    figure = figures_08.stages(np.zeros((3, 32, 32)), outputs, 3, np.array([[11.5], [3.5]]))
    assert [ax.get_title() for ax in figure.axes[1:3]] == ["belief, stage 1", "belief, stage 2"]
    np.testing.assert_allclose(figure.axes[1].get_lines()[0].get_xydata(), [[2.5, 0.5]])
    assert labels(figure)[0] == ("column (pixels)", "row (pixels)")


def everywhere_labelled(figure):
    """Every axis of every picture says what it shows; inner axes may leave that to the outer ones."""
    assert any(x for x, _ in labels(figure)) and any(y for _, y in labels(figure))


def test_figures_of_notebook_05(frame):
    maps = np.random.default_rng(0).standard_normal((2, 40, 40))
    everywhere_labelled(figures_05.difference_and_derivative(maps, maps, np.array([20.0, 20.0])))
    errors = {1.0: np.array([1e-6, 0.3]), 2.0: np.array([1e-7, 0.1])}
    everywhere_labelled(figures_05.errors_over_delta(np.array([1e-3, 1.0]), errors))
    Y = peaks(belief_human36m(frame)[0])
    everywhere_labelled(figures_05.arrows_on_photo(frame, Y, Y, np.ones((2, 17)), np.ones(17, dtype=bool)))
    pulls = {sigma: [0.0, sigma, 0.1] for sigma in (1.0, 2.0, 4.0)}
    everywhere_labelled(figures_05.pull_over_distance(np.arange(3.0), pulls, pulls))
    everywhere_labelled(figures_05.suspects({"a": maps[0], "b": maps[1]}))
    everywhere_labelled(figures_05.stamped({24.0: (maps[0, 0], maps[0, 1]), 24.4: (maps[1, 0], maps[1, 1])}))


def test_figures_of_many_wrong_peaks():
    updates = np.random.default_rng(0).standard_normal((6, 7, 7))
    figure = figures_06.quadrants(
        updates, [(3.0, -4.0), (-1.0, -1.0), (-1.0, 1.0), (1.0, 0.0), (0.0, -2.0), (0.0, 0.0)]
    )
    assert figure.axes[0].get_title() == "D = (3, -4)"
    figure = figures_06.corrected(np.array([2.0, 8.0]), {2.0: np.array([1.0, 0.9]), 1.0: np.array([1.0, 0.1])})
    assert figure.axes[0].lines[1].get_ydata().tolist() == [100.0, 10.0]
    figure = figures_06.descents({0.01: (np.ones(3), 0), 0.3: (np.ones(3), 8), 28.5: (np.ones(3), 8)})
    assert "k = 0.3: 8 right peaks strayed" in figure.axes[0].get_legend_handles_labels()[1]


def test_the_drawing_of_the_network_names_every_stage():
    said = {text.get_text() for text in figures_08.network(3).findobj(Text)}
    assert {"image", "trunk", "stage 2", "stage 3", "lifting\nlayer", "loss $c_3$"} <= said
