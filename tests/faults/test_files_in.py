"""Files of another kind, and those that come near: a checkpoint, the released model, motion capture as text."""

import numpy as np
import pytest
import torch

from lifting import load_network, load_prior, save_prior
from lifting.datasets.rendered import load_rendered
from lifting.fitting.fit_prior import fit_prior
from lifting.fitting.released import load_matlab_prior
from lifting.pose_prior import PosePrior
from lifting.skeleton import HUMAN36M
from lifting.training import RunOptions, Settings, train
from tests.refusals import refuses
from tests.test_released import to_matlab

PRIOR = load_prior()
pytestmark = pytest.mark.usefixtures("one_thread")


def test_a_matlab_file_is_sent_to_its_reader_which_reads_it(tmp_path):
    path = tmp_path / "prob_model.mat"
    to_matlab(PRIOR, path)
    reader = "lifting.fitting.released.load_matlab_prior reads the released model"
    with refuses(f"path: got {path}, which is of another kind: a MATLAB file; {reader}, expected an .npz file"):
        load_prior(path)
    found = load_matlab_prior(path)
    np.testing.assert_allclose(found.mu, PRIOR.mu, atol=1e-12)
    save_prior(found, tmp_path / "prior.npz")
    assert load_prior(tmp_path / "prior.npz").landmarks == HUMAN36M.landmarks


def test_a_matlab_file_of_17_landmarks_has_their_names_and_another_has_none(tmp_path):
    to_matlab(PRIOR, tmp_path / "17.mat")
    assert load_matlab_prior(tmp_path / "17.mat").landmarks == HUMAN36M.landmarks
    few, names = slice(0, 5), PRIOR.landmarks[:5]
    poses = PRIOR.mu[0][:, few] + 0.1 * np.random.default_rng(0).standard_normal((40, 3, 5))
    to_matlab(fit_prior(poses, 2, landmarks=names).prior, tmp_path / "5.mat")
    assert load_matlab_prior(tmp_path / "5.mat").landmarks == ()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of four steps with a checkpoint every two: its folder and network."""
    out = tmp_path_factory.mktemp("runs") / "x"
    options = RunOptions(workers=0, every=2, progress=False)
    return out, train(Settings(steps=4, batch=8, warm_up=1), load_rendered("validation"), out, options=options)


def test_a_checkpoint_is_loaded_as_a_network(run):
    out, trained = run
    last = load_network(out / "checkpoints/step_0000004/network.safetensors")
    assert not last.training
    for (name, one), other in zip(last.state_dict().items(), trained.state_dict().values(), strict=True):
        assert torch.equal(one, other), name
    earlier = load_network(out / "checkpoints/step_0000002/network.safetensors")
    assert not torch.equal(earlier.trunk.belief[-1].weight, last.trunk.belief[-1].weight)
    assert (out / "checkpoints/step_0000004/network.safetensors").read_bytes() == (
        out / "network.safetensors"
    ).read_bytes()


# --- gradients that would be lost ----------------------------------------------------------------------------------

CONSTANT = "a tensor that requires a gradient, expected a constant: nothing is differentiated by it (use .detach())"


def test_fitting_takes_tensors_and_says_that_it_is_not_differentiated():
    poses = PRIOR.mu[0] + 0.05 * np.random.default_rng(1).standard_normal((30, 3, 17))
    want = fit_prior(poses, 2).prior
    np.testing.assert_array_equal(fit_prior(torch.from_numpy(poses), 2).prior.mu, want.mu)
    with refuses(f"poses: got {CONSTANT}"):
        fit_prior(torch.from_numpy(poses).requires_grad_(), 2)
    with refuses(f"frame_weights: got {CONSTANT}"):
        fit_prior(poses, 2, frame_weights=torch.ones(30, requires_grad=True))


def test_a_prior_is_made_of_constants():
    fields = {name: torch.tensor(getattr(PRIOR, name)) for name in ("mu", "e", "sigma", "noise_variance", "weights")}
    np.testing.assert_array_equal(PosePrior(**fields).mu, PRIOR.mu)
    with refuses(f"e: got {CONSTANT}"):
        PosePrior(**{**fields, "e": fields["e"].requires_grad_()})
