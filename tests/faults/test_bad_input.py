"""Bad input of many kinds, over all that is public: refused in one line that names it, what came, what was expected.

Those marked found something when they were first tried: another library's error, or nonsense without a word.
"""

import json
import re

import numpy as np
import pytest
import torch

from lifting import (
    LiftingLayer,
    belief_maps,
    belief_update,
    build_network,
    landmark_jacobian,
    lift,
    load_network,
    load_prior,
    save_prior,
)
from lifting.camera import project, rotation, turn
from lifting.datasets.human36m import load_human36m, read_objects
from lifting.datasets.motion_capture import load_motion_capture
from lifting.datasets.mpii import load_mpii
from lifting.datasets.pictures import open_picture
from lifting.datasets.real_frames import load_real_frames
from lifting.datasets.rendered import load_rendered, open_shards
from lifting.fitting.fit_prior import fit_prior
from lifting.fitting.released import load_matlab_prior
from lifting.metrics import mpjpe, pck
from lifting.network import save_network
from lifting.pose_prior import PosePrior, log_density, move_along, rebuild, sample
from lifting.skeleton import Skeleton, convert, mirror, skeleton
from lifting.solve import coefficients, cost
from lifting.training import Settings, Trainer
from lifting.training.evaluation import average_over_views, evaluate, evaluate_real, read

PRIOR = load_prior()
Y, POSE = PRIOR.mu[0, :2], PRIOR.mu[0]
BATCH = np.stack([Y, Y, Y])
RESULT = lift(Y, PRIOR)
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
    "an image that is to be 0 pixels": (lambda: read(network(), PICTURE, size=0), "size: got 0"),
}  # fmt: skip

RIGHT = {
    "a photo": (lambda: lift("walk.png", PRIOR), "Y: got str of dtype"),
    "nothing": (lambda: lift(None, PRIOR), "Y: got NoneType of dtype object"),
    "a prior by name": (lambda: lift(Y, "prior.npz"), "prior: got str, expected a PosePrior"),
    "complex landmarks": (lambda: lift(Y + 0j, PRIOR), "Y: got ndarray of dtype complex128"),
    "landmarks that are booleans": (lambda: lift(Y > 0, PRIOR), "Y: got ndarray of dtype bool"),
    "landmarks as rows": (lambda: lift(Y.T, PRIOR), "Y: got shape (17, 2), expected shape (..., 2, 17)"),
    "landmarks in space": (lambda: lift(POSE, PRIOR), "Y: got shape (3, 17), expected shape (..., 2, 17)"),
    "half precision": (lambda: lift(torch.tensor(Y).bfloat16(), PRIOR), "Y: got dtype torch.bfloat16"),
    "more than double": (lambda: lift(Y.astype(np.longdouble), PRIOR), "Y: got dtype"),
    "a landmark at infinity": (lambda: lift(Y / 0, PRIOR), "Y: got a frame with 34 NaN or infinite of 34"),
    "a ragged list": (lambda: lift([[1.0, 2.0], [1.0]], PRIOR), "Y: got a ragged sequence"),
    "a scale of 0": (lambda: lift(Y, PRIOR, scale=0), "scale: got 0.0, expected numbers > 0"),
    "a scale that is a text": (lambda: lift(Y, PRIOR, scale="1"), "scale: got str of dtype"),
    "a scale that is a switch": (lambda: lift(Y, PRIOR, scale=True), "scale: got bool of dtype bool"),
    "a scale that is complex": (lambda: lift(Y, PRIOR, scale=1j), "scale: got complex of dtype complex128"),
    "scales of other frames": (lambda: lift(BATCH, PRIOR, scale=np.ones(2)), "scale: got shape (2,)"),
    "scales as a column": (lambda: lift(BATCH, PRIOR, scale=np.ones((3, 1))), "scale: got shape (3, 1)"),
    "which are seen, by number": (lambda: lift(Y, PRIOR, visible=[0, 1, 2, 3]), "visible: got"),
    "which are seen, as confidences": (lambda: lift(Y, PRIOR, visible=np.full(17, 0.7)), "visible: got"),
    "which are seen, in a word": (lambda: lift(Y, PRIOR, visible="all"), "visible: got"),
    "confidences that are no numbers": (lambda: lift(Y, PRIOR, weights=np.full(17, nan)), "weights: got 17 NaN"),
    "half a rotation": (lambda: lift(Y, PRIOR, rotations=1.5), "rotations: got 1.5 (float)"),
    "a switch for rotations": (lambda: lift(Y, PRIOR, rotations=True), "rotations: got True (bool)"),
    "a camera with a place": (lambda: lift(Y, PRIOR, camera=np.eye(4)), "camera: got shape (4, 4)"),
    "a camera that mirrors": (lambda: lift(Y, PRIOR, camera=np.diag([1.0, 1, -1])), "camera: got a matrix with"),
    "a camera's matrix of pixels": (
        lambda: lift(Y, PRIOR, camera=np.diag([1000.0, 1000, 1])), "camera: got a matrix with"),
    "a point as a person": (lambda: lift(0 * Y, PRIOR, scale=None), "Y: got a frame"),
    "the Jacobian of another prior": (lambda: landmark_jacobian(RESULT, PRIOR.subset(bases=3)), "prior: got"),
    "the Jacobian of a tuple": (lambda: landmark_jacobian((1, 2), PRIOR), "result: got tuple, expected a Lifted"),
    "maps in NumPy": (lambda: LiftingLayer(PRIOR)(np.zeros((2, 17, 8, 8))), "B: got"),
    "maps with the background": (lambda: LiftingLayer(PRIOR)(torch.zeros(2, 18, 8, 8)), "B: got shape (2, 18, 8, 8)"),
    "maps of whole numbers": (
        lambda: LiftingLayer(PRIOR)(torch.zeros(2, 17, 8, 8, dtype=torch.int64)), "B: got torch.int64, expected"),
    "maps without pixels": (lambda: LiftingLayer(PRIOR)(torch.zeros(1, 17, 0, 8)), "B: got"),
    "a gradient that is none": (lambda: LiftingLayer(PRIOR, gradient="sub"), "gradient: got 'sub'"),
    "a step without length": (lambda: LiftingLayer(PRIOR, k=nan), "k: got nan"),
    "a map of half a pixel": (lambda: belief_maps(Y, 32.5, 32), "height: got 32.5 (float)"),
    "a map of no width": (lambda: belief_maps(Y, 32, 0), "width: got 0"),
    "a direction of one row": (lambda: belief_update(Y, Y[:1], 8, 8), "D: got shape (1, 17)"),
    "a prior of one component": (
        lambda: PosePrior(POSE, PRIOR.e[0], PRIOR.sigma[0], 1e-3, [1.0]), f"e: got shape {PRIOR.e[0].shape}"),
    "names in one text": (
        lambda: PosePrior(PRIOR.mu, PRIOR.e, PRIOR.sigma, PRIOR.noise_variance, PRIOR.weights, "abc"),
        "landmarks: got ('a', 'b', 'c'), expected 17 different names, or none"),
    "a component from the end": (lambda: PRIOR.subset(components=[-1]), "components: got -1"),
    "no headings to draw from": (lambda: sample(PRIOR, 1, np.random.default_rng(), headings=[]), "headings: got"),
    "the density of landmarks": (lambda: log_density(PRIOR, Y), "poses: got shape (2, 17)"),
    "no bases to rebuild from": (lambda: rebuild(PRIOR, POSE, 0), "bases: got 0"),
    "poses by name": (lambda: fit_prior("poses.npz", 3), "poses: got str of dtype"),
    "landmarks to fit to": (lambda: fit_prior(BATCH, 2), "poses: got shape (3, 2, 17)"),
    "too many bases": (lambda: fit_prior(POSES, 12), "bases: got 12, expected at most 3L - 4 = 11"),
    "one side alone": (lambda: fit_prior(POSES, 2, left=[0]), "right: got []"),
    "sides by name": (lambda: fit_prior(POSES, 2, left=["a"], right=["b"]), "left: got 'a' (str)"),
    "an order of landmarks by number": (lambda: skeleton(17), "name: got 17, expected a Skeleton"),
    "an unknown order": (lambda: convert(Y, "coco", "kinect"), "name: got 'kinect', expected a Skeleton"),
    "too few to mirror": (lambda: mirror(Y[:, :5], "human36m"), "pose: got shape (2, 5)"),
    "a bone to nowhere": (lambda: Skeleton("x", ("a", "b"), ((0, 5),), (), ()), "bones: got"),
    "a truth of other landmarks": (lambda: mpjpe(POSE, POSE[:, :5]), "truth: got shape (3, 5)"),
    "an unknown root": (lambda: mpjpe(POSE, POSE, root="hip"), "root: got 'hip'"),
    "a threshold below nothing": (lambda: pck(POSE, POSE, -1), "threshold: got -1"),
    "an angle in words": (lambda: rotation("left"), "theta: got str of dtype"),
    "landmarks to project": (lambda: project(Y, 0.1), "pose: got shape (2, 17)"),
    "an unknown clip": (lambda: load_motion_capture().of_clip("swim"), "name: got 'swim', expected one of"),
    "an unknown photo": (lambda: load_real_frames(["cam99"]), "names: got 'cam99', expected names among"),
    "an unknown split": (lambda: load_rendered("all"), "split: got 'all'"),
    "an unknown configuration": (lambda: Trainer(Settings(config="desktop")), "configuration: got 'desktop'"),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")
@pytest.mark.parametrize(("call", "message"), [*FOUND.values(), *RIGHT.values()], ids=[*FOUND, *RIGHT])
def test_refused_in_one_line_that_says_what_came_and_what_was_expected(tmp_path, monkeypatch, call, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=f"^{re.escape(message)}") as refused:
        call()
    assert ", expected " in str(refused.value) and "\n" not in str(refused.value)
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


def test_what_no_check_needs_to_refuse():
    """Sizes of nothing, numbers of NumPy, memory that runs backwards or may not be written, whole numbers."""
    assert lift(np.zeros((0, 2, 17)), PRIOR).pose.shape == (0, 3, 17)
    assert lift(BATCH[:, :, ::-1][:, :, ::-1], PRIOR, rotations=np.int64(80)).pose.shape == (3, 3, 17)
    frozen = BATCH.copy()
    frozen.setflags(write=False)
    np.testing.assert_array_equal(lift(frozen, PRIOR).pose, lift(BATCH, PRIOR).pose)
    whole = (1000 * Y).astype(int)
    np.testing.assert_allclose(
        lift(whole, PRIOR, scale=None).pose, lift(whole.astype(float), PRIOR, scale=None).pose, rtol=1e-12
    )
