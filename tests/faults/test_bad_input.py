"""Bad input that the tests of the modules don't have: refused in one line: its name, what came, what was expected.

Those marked found something when they were first tried: another library's error, or nonsense without a word.
"""

import json
import re

import numpy as np
import pytest

from lifting import (
    belief_maps,
    build_network,
    lift,
    load_network,
    load_prior,
    save_prior,
)
from lifting.camera import project, turn
from lifting.datasets.human36m import load_human36m, read_objects
from lifting.datasets.motion_capture import load_motion_capture
from lifting.datasets.mpii import load_mpii
from lifting.datasets.pictures import open_picture
from lifting.datasets.rendered import load_rendered, open_shards
from lifting.fitting.fit_prior import fit_prior
from lifting.fitting.released import load_matlab_prior
from lifting.network import save_network
from lifting.pose_prior import PosePrior, move_along, rebuild, sample
from lifting.solve import coefficients, cost
from lifting.training import Settings
from lifting.training.evaluation import average_over_views, evaluate, evaluate_real, read
from tests.refusals import refuses

PRIOR = load_prior()
Y, POSE = PRIOR.mu[0, :2], PRIOR.mu[0]
BATCH = np.stack([Y, Y, Y])
POSES = np.random.default_rng(0).standard_normal((9, 3, 5))
PICTURE = np.zeros((1, 3, 128, 128), np.uint8)
nan = float("nan")
pytestmark = pytest.mark.usefixtures("one_thread")


def network():
    return build_network(lifting="none")


FOUND = {
    # checks that went through with nonsense
    "an angle that is no number": (
        lambda: average_over_views(network(), PICTURE, (nan,)), "tilts: got 1 NaN or infinite of 1 values"),
    "a switch that is a word": (lambda: Settings(every_stage="no"), "every_stage: got 'no', expected True or False"),
    "a decay that is no number": (lambda: Settings(weight_decay=nan), "weight_decay: got nan"),
    # errors in other words
    "a refinement that is an array": (lambda: lift(Y, PRIOR, refine=np.ones(2)), "refine: got array([1., 1.])"),
    "angles for other poses": (
        lambda: turn(PRIOR.mu[:2], np.ones(7)),
        "theta: got shape (7,), expected dimensions before the last 0 that go with (2,)"),
    "coefficients for other frames": (
        lambda: cost(np.ones((2, 8)), np.ones(8), np.ones((8, 3)), np.ones(3), np.ones((5, 3))),
        "a: got shape (5, 3), expected dimensions before the last 1 that go with (2,)"),
    "a matrix for other frames": (
        lambda: coefficients(np.ones((2, 8)), np.ones(8), np.ones((4, 3, 11))),
        "y: got shape (2, 8), expected dimensions before the last 1 that go with (4,)"),
    "a configuration that is a list": (lambda: build_network(["laptop"]), "configuration: got ['laptop']"),
    "a network's prior by name": (lambda: build_network(prior="prior.npz"), "prior: got str, expected a PosePrior"),
    "a loaded network's prior by name": (lambda: load_network(prior="x"), "prior: got str, expected a PosePrior"),
    "no network to save": (lambda: save_network(PRIOR, "x"), "network: got PosePrior, expected one of build_network"),
    "a dtype by name": (lambda: save_network(network(), "x", "float16"), "dtype: got float16, expected torch.float32"),
    "no prior to save": (lambda: save_prior(None, "x"), "prior: got NoneType, expected a PosePrior"),
    "a seed for a generator": (lambda: sample(PRIOR, 1, 0), "rng: got int, expected a generator"),
    "deviations that are a text": (lambda: move_along(PRIOR, 0, "2"), "deviations: got str of dtype <U1"),
    "a negative seed": (lambda: fit_prior(POSES, 2, 2, seed=-1), "seed: got -1, expected a whole number >= 0"),
    "protocols": (lambda: load_human36m(".", protocol=[1]), "protocol: got [1], expected 1, 2 or 3"),
    "a folder of objects": (lambda: read_objects(".", "a"), "path: got ., which can't be read"),
    "a prior that is to read pictures": (lambda: read(PRIOR, PICTURE), "network: got PosePrior, expected one of"),
    "no photos": (lambda: evaluate_real(network(), []), "frames: got 0, expected a whole number >= 1"),
    "an angle that is a text": (
        lambda: average_over_views(network(), PICTURE, ("x",)), "tilts: got tuple of dtype <U1"),
    "a batch of none": (lambda: evaluate(network(), load_rendered("test"), batch=0), "batch: got 0"),
}  # fmt: skip

RIGHT = {
    "a scale that is a switch": (lambda: lift(Y, PRIOR, scale=True), "scale: got bool of dtype bool"),
    "a scale that is complex": (lambda: lift(Y, PRIOR, scale=1j), "scale: got complex of dtype complex128"),
    "scales as a column": (lambda: lift(BATCH, PRIOR, scale=np.ones((3, 1))), "scale: got shape (3, 1)"),
    "which are seen, in a word": (lambda: lift(Y, PRIOR, visible="all"), "visible: got"),
    "a camera's matrix of pixels": (
        lambda: lift(Y, PRIOR, camera=np.diag([1000.0, 1000, 1])), "camera: got a matrix with"),
    "a map of half a pixel": (lambda: belief_maps(Y, 32.5, 32), "height: got 32.5 (float)"),
    "names in one text": (
        lambda: PosePrior(PRIOR.mu, PRIOR.e, PRIOR.sigma, PRIOR.noise_variance, PRIOR.weights, "abc"),
        "landmarks: got ('a', 'b', 'c'), expected 17 different names, or none"),
    "a component from the end": (lambda: PRIOR.subset(components=[-1]), "components: got -1"),
    "no bases to rebuild from": (lambda: rebuild(PRIOR, POSE, 0), "bases: got 0"),
    "poses by name": (lambda: fit_prior("poses.npz", 3), "poses: got str of dtype"),
    "one side alone": (lambda: fit_prior(POSES, 2, left=[0]), "right: got []"),
    "sides by name": (lambda: fit_prior(POSES, 2, left=["a"], right=["b"]), "left: got 'a' (str)"),
    "landmarks to project": (lambda: project(Y, 0.1), "pose: got shape (2, 17)"),
}  # fmt: skip


@pytest.mark.parametrize(("call", "message"), [*FOUND.values(), *RIGHT.values()], ids=[*FOUND, *RIGHT])
def test_refused_in_one_line_that_says_what_came_and_what_was_expected(tmp_path, monkeypatch, call, message):
    monkeypatch.chdir(tmp_path)
    with refuses(message):
        call()
    assert not list(tmp_path.iterdir())


READERS = {
    "load_prior": load_prior, "load_network": load_network, "load_matlab_prior": load_matlab_prior,
    "load_motion_capture": load_motion_capture, "open_picture": open_picture,
    "load_rendered": lambda path: load_rendered("test", path), "read_objects": lambda path: read_objects(path, "a"),
    "load_mpii": lambda path: list(load_mpii(path)),
}  # fmt: skip
CONTENTS = {
    "nothing": b"", "a text": b"frame,x,y\n1,2,3\n", "JSON": json.dumps({"people": []}).encode(),
    "an empty zip": b"PK\x05\x06" + bytes(18), "an HDF5 file": b"\x89HDF\r\n\x1a\n" + bytes(200),
    "a picture cut short": b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(20), "a pickle": b"\x80\x04\x95" + bytes(30),
}  # fmt: skip


@pytest.mark.parametrize("read_file", READERS.values(), ids=READERS)
@pytest.mark.parametrize("content", [*CONTENTS.values(), None], ids=[*CONTENTS, "a folder"])
def test_every_reader_refuses_every_other_kind_of_file_by_name(tmp_path, read_file, content):
    path = tmp_path / "given"
    path.mkdir() if content is None else path.write_bytes(content)
    with pytest.raises(ValueError, match=f"^path: got {re.escape(str(path))}.*, expected "):
        read_file(path)


@pytest.mark.parametrize("read_file", READERS.values(), ids=READERS)
def test_every_reader_lets_a_missing_file_be_missing(tmp_path, read_file):
    with pytest.raises(FileNotFoundError):
        read_file(tmp_path / "given")


def test_a_folder_of_shards_that_are_none(tmp_path):
    (tmp_path / "train_0000.npz").write_bytes(b"x")
    with pytest.raises((ValueError, FileNotFoundError), match=re.escape(str(tmp_path))):
        open_shards(tmp_path)
