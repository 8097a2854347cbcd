"""Something that is not a person: 15 landmarks in the place of 17, from motion to prior, lift and gradients."""

import numpy as np
import pytest
import torch

from lifting import LiftingLayer, build_network, camera, landmark_jacobian, lift, metrics
from lifting.checking.gradient_check import check_jacobian
from lifting.drawing import figures_12
from lifting.fitting.fit_prior import fit_prior
from lifting.makers.quadruped import QUADRUPED, walk


@pytest.fixture(scope="module")
def walks():
    return walk(24, 8, np.random.default_rng(0))


@pytest.fixture(scope="module")
def prior(walks):
    sides = {"left": QUADRUPED.left, "right": QUADRUPED.right}
    poses = walks[:20].reshape(-1, 3, 15)
    return fit_prior(poses, 8, tolerance=1e-3, rounds=10, landmarks=QUADRUPED.landmarks, **sides).prior


def test_the_animal_stands_on_its_legs_and_faces_the_viewer(walks):
    assert np.allclose(walks.mean(-1), 0)
    hips, paws = (walks[:, :, 1, 3 + joint :: 3] for joint in (0, 2))
    assert np.all(hips > paws)
    assert np.all(walks[:, :, 2, 1] > walks[:, :, 2, 2])
    assert np.mean(walks[:, :, 0, list(QUADRUPED.left)] - walks[:, :, 0, list(QUADRUPED.right)]) > 0
    shins = np.linalg.norm(walks[..., 5] - walks[..., 4], axis=-1)
    assert np.allclose(shins, shins[:, :1])


@pytest.mark.parametrize(
    ("walks", "frames", "rng"), [(0, 2, np.random.default_rng(0)), (2, 0, np.random.default_rng(0)), (2, 2, 0)]
)
def test_what_is_no_walk_is_refused(walks, frames, rng):
    with pytest.raises(ValueError, match=r"walks|frames|rng"):
        walk(walks, frames, rng)


def test_a_prior_of_15_landmarks_lifts_what_it_has_not_seen(prior, walks):
    assert prior.landmarks == QUADRUPED.landmarks
    truth = camera.turn(walks[20:].reshape(-1, 3, 15), np.linspace(0, 6, 32))
    error = metrics.mpjpe(lift(truth[:, :2], prior).pose, truth, root="centroid").mean()
    plain = metrics.mpjpe(camera.turn(prior.mu, np.linspace(0, 6, 32)), truth, root="centroid").mean()
    assert error < 0.6 * plain


def test_its_gradients_are_those_of_lift(prior, walks):
    Y = walks[21, 3, :2]
    H = landmark_jacobian(lift(Y, prior), prior)

    def projected(y):
        return lift(y.reshape(*y.shape[:-1], 2, 15), prior).Y_hat.reshape(*y.shape) - np.repeat(
            y.reshape(*y.shape[:-1], 2, 15).mean(-1), 15, -1
        )

    assert check_jacobian(H, projected, Y.reshape(-1)) < 1e-6


def test_layer_and_network_take_its_maps(prior):
    maps = torch.rand(2, 15, 12, 12, generator=torch.Generator().manual_seed(0), requires_grad=True)
    LiftingLayer(prior)(maps).B_hat.sum().backward()
    assert maps.grad.isfinite().all()
    out = build_network("small", prior)(torch.rand(1, 3, 32, 32))
    assert out[0].fused.shape[1] == 16


def test_its_pictures(walks):
    figure = figures_12.walks(walks[:3, 0])
    assert figure.axes[0].get_xlabel() == "x (m)"
    assert [text.get_text() for text in figures_12.lifted(walks[:3, 0], walks[:3, 1]).legends[0].get_texts()] == [
        "truth",
        "left",
        "right",
    ]
    figure = figures_12.depth_gradient(np.random.default_rng(0).standard_normal((15, 30)), QUADRUPED.landmarks)
    assert figure.axes[0].get_ylabel() == "whose depth moves"
