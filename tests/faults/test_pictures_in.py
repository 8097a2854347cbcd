"""Pictures as people have them: from Pillow, from OpenCV, in 0..255, of any shape; and networks that see nothing."""

import numpy as np
import pytest
import torch
from PIL import Image

from lifting import build_network
from lifting.datasets.rendered import load_rendered
from lifting.training.evaluation import average_over_views, evaluate, read, summary
from tests.refusals import refuses

PEOPLE = load_rendered("validation")
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return build_network("laptop").eval()


@pytest.fixture(scope="module")
def blind():
    """A network whose maps are all zero."""
    network = build_network("laptop").eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
    return network


def test_a_picture_of_pillow_which_may_not_be_written(network):
    picture = np.asarray(Image.fromarray(PEOPLE.images[0].transpose(1, 2, 0)))
    assert not picture.flags.writeable
    images = picture.transpose(2, 0, 1)[None]
    assert not images.flags.writeable and not images.flags.c_contiguous
    want = read(network, PEOPLE.images[:1]).landmarks
    np.testing.assert_allclose(read(network, images).landmarks, want, atol=1e-3)
    assert average_over_views(network, images, (0.0,)).shape == (1, 2, 17)


def test_a_picture_of_opencv_turned_round_by_a_view(network):
    """Blue, green, red from the file; `[:, :, ::-1]` runs backwards, which torch itself refuses."""
    bgr = PEOPLE.images[0].transpose(1, 2, 0)[:, :, ::-1].copy()
    images = bgr[:, :, ::-1].transpose(2, 0, 1)[None]
    assert min(images.strides) < 0
    want = read(network, PEOPLE.images[:1]).landmarks
    np.testing.assert_allclose(read(network, images).landmarks, want, atol=1e-3)
    assert np.abs(read(network, bgr.transpose(2, 0, 1)[None]).landmarks - want).max() > 1  # what no number tells


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.full((1, 3, 128, 128), 255.0), "images: got values from 255 to 255, expected values in [0, 1]"),
        (torch.full((1, 3, 128, 128), -2.1), "images: got values from -2.1 to -2.1, expected values in [0, 1]"),
        (
            torch.zeros(1, 3, 128, 128, dtype=torch.uint8),
            "images: got a tensor of torch.uint8, expected floating-point",
        ),
        (torch.zeros(1, 128, 128, 3), "images: got shape (1, 128, 128, 3), expected shape (..., 3, H, W)"),
        (
            torch.zeros(3, 128, 128),
            "images: got shape (3, 128, 128), expected shape (N, 3, H, W), H and W multiples of 4",
        ),
        (
            torch.zeros(1, 3, 130, 128),
            "images: got shape (1, 3, 130, 128), expected shape (N, 3, H, W), H and W multiples",
        ),
        (torch.full((1, 3, 128, 128), torch.nan), "images: got values from nan to nan, expected values in [0, 1]"),
        (np.zeros((1, 3, 128, 128), np.float32), "images: got ndarray, expected a tensor (N, 3, H, W)"),
    ],
)
def test_what_can_be_no_picture_is_refused(network, images, message):
    with refuses(message):
        network(images)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((1, 128, 128, 3), np.uint8), "images: got shape (1, 128, 128, 3), expected shape (..., 3, H, W)"),
        (np.zeros((128, 128, 3), np.uint8), "images: got shape (128, 128, 3), expected shape (..., 3, H, W)"),
        (np.zeros((3, 128, 128), np.uint8), "images: got shape (3, 128, 128), expected shape (N, 3, H, W)"),
        (
            np.zeros((1, 3, 128, 128), np.uint16),
            "images: got ndarray of uint16, expected at least one picture of bytes",
        ),
        ([[1]], "images: got list of ?, expected at least one picture of bytes"),
        (Image.new("RGB", (128, 128)), "images: got Image of ?, expected at least one picture of bytes"),
    ],
)
def test_what_read_can_not_read_is_refused(network, images, message):
    with refuses(message):
        read(network, images)


@pytest.mark.parametrize(("size", "message"), [(0, "size: got 0"), (-128, "size: got -128"), (12.5, "size: got 12.5")])
def test_a_size_that_is_none(network, size, message):
    with refuses(message):
        read(network, PEOPLE.images[:1], size=size)


def test_maps_that_say_nothing_are_not_lifted_and_left_out_of_the_means(blind):
    report = evaluate(blind, PEOPLE)
    assert report["images"] == len(PEOPLE) == 200
    assert report["space"] == {"not lifted": 200, "mpjpe": None, "n_mpjpe": None, "p_mpjpe": None}
    assert np.isnan(read(blind, PEOPLE.images[:2]).pose).all()
    assert summary(report)["p_mpjpe"] is None
