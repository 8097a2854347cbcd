"""The released model's file: written as it is laid out, and read back."""

import dataclasses

import numpy as np
import pytest
import scipy.io

from lifting.fitting.released import load_matlab_prior
from lifting.pose_prior import facing
from tests.test_pose_prior import some_prior


def to_matlab(prior, path, layout="coordinates", folded=False, **replaced):
    """Write a prior as the released model is laid out: millimetres, z up, the noise's weight last in sigma."""
    axes = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])  # our (x, y, z) is their (x, z, -y)
    mu, e = 1000 * axes @ prior.mu, axes @ prior.e
    if layout == "landmarks":
        mu, e = np.swapaxes(mu, -1, -2), np.swapaxes(e, -1, -2)
    if not folded:
        mu, e = mu.reshape(prior.K, -1), e.reshape(prior.K, prior.J, -1)
    w = 1 / (1000 * np.sqrt(prior.noise_variance))[:, None]
    spread = 1e6 * prior.component_variance
    content = {"mu": mu, "e": e, "sigma": np.concatenate([1 / np.sqrt(spread), w], axis=1)}
    scipy.io.savemat(path, {**content, **replaced})


@pytest.mark.parametrize("layout", ["coordinates", "landmarks"])
@pytest.mark.parametrize("K", [1, 3])
def test_matlab_round_trip(tmp_path, layout, K):
    prior = dataclasses.replace(some_prior(K=K), weights=np.full(K, 1 / K))
    to_matlab(prior, tmp_path / "model.mat", layout)
    again = load_matlab_prior(tmp_path / "model.mat", layout=layout)
    for field in ("mu", "e", "sigma", "noise_variance", "weights"):
        np.testing.assert_allclose(getattr(again, field), getattr(prior, field), atol=1e-12)


def test_matlab_axes_already_apart(tmp_path):
    prior = some_prior()
    to_matlab(prior, tmp_path / "model.mat", folded=True)
    np.testing.assert_allclose(load_matlab_prior(tmp_path / "model.mat").mu, prior.mu, atol=1e-12)


def test_matlab_a_standing_person_stands(tmp_path):
    head_over_feet = np.array([[0.0, 0, 0, 0], [-0.1, 0.1, 0, 0], [-1.5, -0.5, 0.5, 1.5]]) * 500  # z up, mm
    prior = some_prior(K=1, L=4)
    to_matlab(prior, tmp_path / "model.mat", mu=head_over_feet.reshape(1, -1))
    mu = load_matlab_prior(tmp_path / "model.mat").mu[0]
    np.testing.assert_allclose(mu[1], [-0.75, -0.25, 0.25, 0.75])


def test_matlab_faces_the_viewer_on_request(tmp_path):
    to_matlab(some_prior(), tmp_path / "model.mat")
    prior = load_matlab_prior(tmp_path / "model.mat", left=[0], right=[1])
    np.testing.assert_allclose(facing(prior.mu, [0], [1]), 0, atol=1e-12)


def test_matlab_nearly_orthonormal_rows_are_made_exact(tmp_path):
    prior = some_prior()
    e = (np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]) @ prior.e).reshape(2, 3, -1)
    rng = np.random.default_rng(0)
    to_matlab(prior, tmp_path / "model.mat", e=e + 1e-4 * rng.standard_normal(e.shape))
    np.testing.assert_allclose(load_matlab_prior(tmp_path / "model.mat").e, prior.e, atol=2e-3)


@pytest.mark.parametrize(
    ("replaced", "message"),
    [
        ({"sigma": np.ones((2, 3))}, r"path: got .*sigma \(2, 3\), expected a MATLAB file"),
        ({"sigma": np.zeros((2, 4))}, "sigma: got 0 in .*expected numbers > 0"),
        ({"mu": np.zeros((2, 12))}, r"path: got .*mu \(2, 12\).*expected a MATLAB file"),
        ({"mu": np.full((2, 15), np.nan)}, "mu: got 30 NaN.*expected finite"),
        ({"mu": "hello"}, "mu: got .*expected a NumPy array"),
        ({"e": np.ones((2, 3, 15))}, "e: got rows of .*expected orthonormal"),
    ],
)
def test_matlab_bad_content(tmp_path, replaced, message):
    to_matlab(some_prior(), tmp_path / "model.mat", **replaced)
    with pytest.raises(ValueError, match=message):
        load_matlab_prior(tmp_path / "model.mat")


def test_matlab_bad_files(tmp_path):
    path = tmp_path / "model.mat"
    to_matlab(some_prior(), path)
    whole = path.read_bytes()
    for content in (whole[:300], b"", b"not a matlab file at all" * 20):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="path: got .*model.mat.*expected a MATLAB file"):
            load_matlab_prior(path)
    scipy.io.savemat(path, {"mu": np.zeros(3)})
    with pytest.raises(ValueError, match="path: got .*lacks e, sigma, expected"):
        load_matlab_prior(path)
    with pytest.raises(FileNotFoundError):
        load_matlab_prior(tmp_path / "none.mat")
    with pytest.raises(ValueError, match="layout: got 'rows', expected one of 'coordinates', 'landmarks'"):
        load_matlab_prior(path, layout="rows")
