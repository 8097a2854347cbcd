"""Evaluation: errors of landmarks that were put wrong on purpose, facing, real photos in a square."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from lifting.datasets.composing import Rendering
from lifting.datasets.real_frames import load_real_frames, transform
from lifting.datasets.rendered import load_rendered
from lifting.network import build_network
from lifting.skeleton import HUMAN36M
from lifting.training import evaluation
from lifting.training.evaluation import (
    LIMBS,
    Read,
    by_group,
    distances,
    evaluate,
    evaluate_real,
    faces_away,
    front_back,
    in_the_image,
    read,
    square,
    summary,
    torso,
)
from tests.refusals import refuses

from .pictures import some_buffers

PEOPLE = load_rendered("validation")
TRUTH = PEOPLE.landmarks.astype(np.float64)
AT = {name: n for n, name in enumerate(HUMAN36M.landmarks)}
ALL = np.ones(TRUTH[:, 0].shape, dtype=bool)
pytestmark = pytest.mark.usefixtures("one_thread")


def test_the_truth_has_no_error():
    report = in_the_image(TRUTH, TRUTH, ALL)
    assert report == {"median px": 0, "mean px": 0, "median px agnostic": 0, "pck": 1, "pck agnostic": 1}
    assert set(by_group(TRUTH, TRUTH, ALL).values()) == {1.0}
    assert front_back(TRUTH, PEOPLE.from_behind)["all"] > 0.98  # hips and shoulders may be seen from the very side


def test_sides_named_wrong_cost_nothing_when_agnostic():
    swapped = TRUTH[..., list(HUMAN36M.swap)]
    report = in_the_image(swapped, TRUTH, ALL)
    assert report["pck agnostic"] == 1 and report["median px agnostic"] == 0
    assert report["pck"] < 0.9 and report["mean px"] > 1
    assert front_back(swapped, PEOPLE.from_behind)["all"] < 0.02


def test_one_pair_swapped_is_repaired_alone():
    wrong = TRUTH.copy()
    pair = [AT["left_wrist"], AT["right_wrist"]]
    wrong[..., pair] = wrong[..., pair[::-1]]
    wrong[:, 0, AT["left_knee"]] += 3
    named, agnostic = distances(wrong, TRUTH)
    np.testing.assert_allclose(agnostic[:, pair], 0)
    gap = np.linalg.norm(TRUTH[..., pair[0]] - TRUTH[..., pair[1]], axis=-1)
    np.testing.assert_allclose(named[:, pair], np.stack([gap, gap], 1))
    assert (agnostic[:, AT["left_knee"]] <= 3 + 1e-9).all()
    np.testing.assert_allclose(named[:, AT["left_knee"]], 3)


def test_pck_is_a_fifth_of_the_torso():
    """Two landmarks are moved by 0.19 and 0.21 torsos."""
    length = torso(TRUTH)
    wrong = TRUTH.copy()
    wrong[:, 1, AT["nose"]] += 0.19 * length
    wrong[:, 0, AT["spine"]] -= 0.21 * length
    assert in_the_image(wrong, TRUTH, ALL)["pck"] == pytest.approx(16 / 17)
    assert by_group(wrong, TRUTH, ALL)["trunk and head"] == pytest.approx(4 / 5)
    known = ALL.copy()
    known[:, AT["spine"]] = False
    assert in_the_image(wrong, TRUTH, known)["pck"] == 1


def test_what_has_no_label_is_not_counted_whatever_stands_there():
    """A wrist without a label is not exchanged with the other; without a hip there is no torso, and no PCK."""
    labelled = ALL.copy()
    labelled[:, AT["left_wrist"]] = False
    labelled[0, AT["left_hip"]] = False
    truth = np.where(labelled[:, None], TRUTH, 1e6)
    pair = [AT["left_wrist"], AT["right_wrist"]]
    wrong = TRUTH.copy()
    wrong[..., pair] = wrong[..., pair[::-1]]
    _, agnostic = distances(wrong, truth, labelled)
    gap = np.linalg.norm(TRUTH[..., pair[0]] - TRUTH[..., pair[1]], axis=-1)
    np.testing.assert_allclose(agnostic[:, AT["right_wrist"]], gap)
    assert np.isnan(torso(truth, labelled)[0]) and np.isfinite(torso(truth, labelled)[1:]).all()
    report = in_the_image(TRUTH, truth, labelled, labelled)
    assert report["mean px"] == 0 and report["pck"] == 1
    alone = in_the_image(TRUTH[:1], truth[:1], labelled[:1], labelled[:1])
    assert alone["mean px"] == 0 and alone["pck"] is None and alone["pck agnostic"] is None
    groups = by_group(TRUTH, truth, labelled & (np.arange(17) != AT["right_wrist"]), labelled)
    assert groups["wrists"] is None and groups["knees"] == 1


def test_a_share_of_nobody_is_none():
    report = front_back(TRUTH, np.zeros(len(TRUTH), dtype=bool))
    assert report["behind"] is None and report["all"] == report["front"]


def test_torso_of_a_drawn_person():
    Y = np.zeros((1, 2, 17))
    for side, x in (("left", 3.0), ("right", -3.0)):
        Y[0, :, AT[f"{side}_shoulder"]] = [x, 10]
        Y[0, :, AT[f"{side}_hip"]] = [x / 2 + 8, 34]
    assert torso(Y) == pytest.approx(np.hypot(8, 24))


def test_facing_is_read_off_hips_and_shoulders():
    """The same in the picture and in space; mirrored people face the same way, turned ones the other way."""
    from_pose = faces_away(PEOPLE.pose)
    np.testing.assert_array_equal(from_pose, faces_away(TRUTH))
    turned = PEOPLE.pose * np.array([[-1], [1], [-1]])
    assert (faces_away(turned) == ~from_pose).all()


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return build_network("laptop")


def test_reading_leaves_the_network_as_it_was_and_does_not_depend_on_the_batch(network):
    network.train()
    one, many = (read(network, PEOPLE.images[:6], batch) for batch in (4, 6))
    assert network.training and all(p.grad is None for p in network.parameters())
    assert one.landmarks.shape == (3, 6, 2, 17) and one.pose.shape == (6, 3, 17)
    np.testing.assert_allclose(one.landmarks, many.landmarks, atol=1e-3)
    np.testing.assert_allclose(one.pose, many.pose, atol=1e-4)


def test_landmarks_come_back_in_pixels_of_the_picture(network):
    """Enlarged for the network or by hand beforehand: the same peaks, in each one's pixels."""
    small = read(network, PEOPLE.images[:3], size=256)
    enlarged, _ = evaluation.resize(torch.from_numpy(PEOPLE.images[:3]).float() / 255, torch.zeros(1, 2, 1), 256)
    with torch.inference_mode():
        by_hand = evaluation.stage_landmarks(network.eval()(enlarged)).numpy()
    np.testing.assert_allclose((small.landmarks + 0.5) * 2 - 0.5, by_hand, atol=1e-3)


def test_pictures_that_are_not_square_are_read_as_they_are_or_refused(network):
    """A picture with its lower half repeated below: what is found above lies where it lay, in x and in y."""
    images = PEOPLE.images[:2]
    tall = np.concatenate([images, images[:, :, 64:]], 2)
    assert tall.shape == (2, 3, 192, 128)
    with torch.inference_mode():
        by_hand = evaluation.stage_landmarks(network.eval()(torch.from_numpy(tall).float() / 255)).numpy()
    np.testing.assert_allclose(read(network, tall).landmarks, by_hand)
    assert by_hand[:, :, 1].max() > 128
    for size in (128, 256):
        with pytest.raises(ValueError, match="^images: got pictures of 128 x 192 pixels, expected square ones"):
            read(network, tall, size=size)
    with pytest.raises(ValueError, match="expected square ones"):
        evaluation.average_over_views(network, tall)


def test_rendered_buffers_are_evaluated_like_finished_pictures(network):
    """One picture of each buffer, the same in whatever batch; all figures are there."""
    pictures = Rendering(some_buffers(6))
    whole, part = pictures.make(np.arange(6)), pictures.make(np.array([4, 2]))
    assert torch.equal(whole.images[[4, 2]], part.images) and torch.equal(whole.landmarks[[4, 2]], part.landmarks)
    report = evaluate(network, pictures, batch=4)
    assert report["images"] == 6 and report["space"]["not lifted"] == 0 and report["front_back"]["all"] is not None


def test_resizing_keeps_landmarks_on_their_pixels():
    """The middle of the four pixels in the corner is the corner pixel of the half-size picture."""
    images, landmarks = evaluation.resize(torch.rand(1, 3, 8, 8), torch.tensor([[[0.5, 7.0], [0.5, 3.0]]]), 4)
    assert images.shape == (1, 3, 4, 4)
    torch.testing.assert_close(landmarks, torch.tensor([[[0.0, 3.25], [0.0, 1.25]]]))


def read_as(monkeypatch, landmarks, pose):
    """Let every network read this from `PEOPLE`."""
    known = PEOPLE.make(np.arange(len(PEOPLE)))
    monkeypatch.setattr(evaluation, "read_pictures", lambda *_: (Read(landmarks, pose), known))


def test_evaluate_is_made_of_the_figures_above(network, monkeypatch):
    """A network that is right, but for every pose being twice as large."""
    pose = PEOPLE.pose.astype(np.float64)
    read_as(monkeypatch, np.stack([TRUTH + 2, TRUTH]), 2 * pose)
    report = evaluate(network, PEOPLE)
    assert report["images"] == len(PEOPLE) and report["space"]["not lifted"] == 0
    assert report["space"]["n_mpjpe"] < 1e-3 and report["space"]["p_mpjpe"] < 1e-3
    size = np.linalg.norm(pose - pose[..., :1], axis=1).mean()
    assert report["space"]["mpjpe"] == pytest.approx(1000 * size, rel=1e-6)
    line = summary(report)
    assert line["median px 1"] == pytest.approx(np.sqrt(8)) and line["median px 2"] == 0 and line["pck"] == 1
    assert line["p_mpjpe"] < 1e-3 and line["front or back"] > 0.98


def test_poses_that_could_not_be_lifted_are_counted_not_averaged(network, monkeypatch):
    pose = PEOPLE.pose.astype(np.float64)
    pose[3] = np.nan
    read_as(monkeypatch, TRUTH[None], pose)
    report = evaluate(network, PEOPLE)
    assert report["space"]["not lifted"] == 1 and report["space"]["mpjpe"] < 1e-6


def test_a_square_shows_the_person_where_it_says():
    """A photo of a grid of dots: each is found again where A puts it."""
    frame = load_real_frames()[0]
    for size in (128, 256):
        picture, A = square(frame, size)
        assert picture.shape == (3, size, size) and picture.dtype == np.uint8
        seen = transform(A, frame.pseudo_pixels[:, frame.pseudo_visible].T)
        assert (seen > 0).all() and (seen < size - 1).all()
        tall = np.ptp(seen, axis=0).max()
        assert 0.6 * size < tall < 0.75 * size
    x, y = np.meshgrid(np.arange(frame.image.shape[1]), np.arange(frame.image.shape[0]))
    spot = frame.pseudo_pixels[:, AT["left_hip"]].round()
    blob = np.exp(-((x - spot[0]) ** 2 + (y - spot[1]) ** 2) / (2 * 12**2))
    drawn = SimpleNamespace(
        image=np.repeat((255 * blob).astype(np.uint8)[..., None], 3, 2),
        pseudo_pixels=frame.pseudo_pixels, pseudo_visible=frame.pseudo_visible,
    )  # fmt: skip
    picture, A = square(drawn)
    weight = picture[0].astype(float) ** 2
    weight[:, :] -= weight.min()
    rows, columns = np.indices(weight.shape)
    centre = np.array([(columns * weight).sum(), (rows * weight).sum()]) / weight.sum()
    np.testing.assert_allclose(centre, transform(A, spot[None])[0], atol=0.15)


def test_real_photos_count_the_limbs_alone(network, monkeypatch):
    frames = load_real_frames()[:3]
    truth = np.stack([transform(square(f)[1], f.pseudo_pixels.T).T for f in frames])
    wrong = truth.copy()
    others = [n for n in range(17) if n not in LIMBS]
    wrong[:, :, others] += 50
    monkeypatch.setattr(evaluation, "read", lambda *_: Read(np.stack([wrong + 100, wrong]), np.zeros((3, 3, 17))))
    report = evaluate_real(network, frames)
    assert len(LIMBS) == 12 and report["images"] == 3
    assert report["stages"][-1]["pck"] == 1 and report["stages"][0]["pck"] == 0
    assert set(report["frames"]) == {frame.name for frame in frames}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda n: read(n, np.zeros((2, 3, 128, 128))), "images: got ndarray of float64, expected at least one"),
        (lambda n: read(n, np.zeros((0, 3, 128, 128), np.uint8)), "images: got ndarray of uint8, expected at least"),
        (lambda n: read(n, PEOPLE.images[:1], 0), "batch: got 0"),
        (lambda n: distances(TRUTH, TRUTH[:1]), "Y: got shape (200, 2, 17), expected that of truth, (1, 2, 17)"),
        (lambda n: in_the_image(TRUTH, TRUTH, ALL & False), "known: got shape (200, 17) with 0 known"),
    ],
)
def test_bad_input(network, call, message):
    with refuses(message):
        call(network)


class Blobs(torch.nn.Module):
    """Stands in for a network: its maps of landmarks 0 and 11 are the red and the green of the picture."""

    configuration = SimpleNamespace(stride=4)

    def __init__(self):
        super().__init__()
        self.anything = torch.nn.Parameter(torch.zeros(1))
        self.seen = []

    def forward(self, images):  # noqa: D102
        self.seen.append(images)
        small = torch.nn.functional.avg_pool2d(images, 4)
        maps = torch.full((len(images), 18, *small.shape[-2:]), 1e-3)
        maps[:, 0], maps[:, 11] = maps[:, 0] + small[:, 0], maps[:, 11] + small[:, 1]
        return [SimpleNamespace(fused=maps)]


def test_looking_again_turns_and_mirrors_there_and_back():
    """Red marks the pelvis, which mirroring leaves alone; green the left shoulder, found half the time as right."""
    rows, columns = np.mgrid[:128, :128]
    places = np.array([[[44.0, 70.0], [60.0, 50.0]], [[64.0, 64.0], [80.0, 90.0]]])  # picture, x and y, red and green
    blob = lambda x, y: 255 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 5.0**2))  # noqa: E731
    images = np.stack([[blob(*picture[:, 0]), blob(*picture[:, 1]), 0 * rows] for picture in places]).astype(np.uint8)
    network = Blobs()
    found = evaluation.average_over_views(network, images)
    assert len(network.seen) == 10 and network.training
    assert np.abs(found[..., 0] - places[..., 0]).max() < 0.5
    assert np.abs(found[..., AT["left_shoulder"]] - places[..., 1]).max() < 0.5
    assert np.abs(found[..., AT["right_shoulder"]] - places[..., 1]).max() < 0.5
    upright = network.seen[4][:, 0]  # tilt 0, not mirrored
    torch.testing.assert_close(upright, torch.from_numpy(images[:, 0]) / 255, rtol=0, atol=1e-3)
    torch.testing.assert_close(network.seen[5][:, 0], upright.flip(-1), rtol=0, atol=1e-3)


def test_looking_again_needs_pictures_and_tilts():
    images = np.zeros((1, 3, 128, 128), np.uint8)
    with pytest.raises(ValueError, match=re.escape("tilts: got (), expected at least one angle")):
        evaluation.average_over_views(Blobs(), images, ())
    with pytest.raises(ValueError, match=r"^images: got ndarray of float64"):
        evaluation.average_over_views(Blobs(), images / 255)
