"""The same people in every format are the same recording, and every format's recording can be lifted."""

import json

import numpy as np
import pytest

from lifting import lift, load_prior, read
from lifting.skeleton import COCO, HALPE26, HUMAN36M, convert
from tests.bad_files import good
from tests.files.made import SIZE
from tests.files.test_tables import HALPE_NAMES, trc

CENTRE, SCALE = np.array([[320.0], [240.0]]), 180.0


@pytest.fixture(scope="module")
def seen():
    """Samples of the prior as a camera sees them, in pixels with y up (5, 2, 17); what COCO has not is missing."""
    prior = load_prior()
    a = np.random.default_rng(0).normal(0, 0.3, (5, prior.J)) / prior.sigma[0] * np.sqrt(prior.noise_variance[0])
    return SCALE * (prior.mu[0] + np.einsum("tj,jdl->tdl", a, prior.e[0]))[:, :2]


@pytest.fixture(scope="module")
def points(seen):
    """The same as rows and columns of a picture, in COCO's order; ears and eyes are where the nose is."""
    Y, visible = convert(seen, HUMAN36M, COCO)
    Y[..., ~visible[0]] = Y[..., :1]
    return np.round(Y * [[1], [-1]] + CENTRE, 6)


def files(folder, points):
    """A file, or a folder of one file a frame, of each format that COCO's 17 landmarks can be in."""
    (folder / "results.json").write_text(json.dumps(good.results(points)))
    (folder / "annotations.json").write_text(json.dumps(good.annotations(points)))
    (folder / "mmpose.json").write_text(json.dumps(good.mmpose(points)))
    (folder / "wide.csv").write_text(good.wide(points))
    (folder / "long.csv").write_text(good.long(points))
    (folder / "deeplabcut.csv").write_text(good.deeplabcut(points))
    (folder / "keypoints.npz").write_bytes(good.npz(keypoints=points.swapaxes(1, 2)))
    np.save(folder / "keypoints.npy", points.swapaxes(1, 2))
    found = sorted(folder.iterdir())
    for name in ("yolo", "labels", "openpose"):
        (folder / name).mkdir()
        found.append(folder / name)
    for n, one in enumerate(points):
        (folder / "yolo" / f"{n}.json").write_text(json.dumps(good.yolo(one)))
        row = [0, 0.5, 0.5, 0.1, 0.1, *good.triples(one / np.array(SIZE)[:, None])]
        (folder / "labels" / f"{n}.txt").write_text(" ".join(map(repr, map(float, row))).replace("0.0", "0", 1))
        (folder / "openpose" / f"{n}_keypoints.json").write_text(json.dumps(good.openpose(one)))
    return found


def test_the_same_person_in_every_format(tmp_path, points):
    found = {path.name: read(path, size=SIZE) for path in files(tmp_path, points)}
    assert len(found) == 11 and {len(people) for people in found.values()} == {1}
    assert len({people[0].format for people in found.values()}) == 10  # NPZ and NPY are one
    first = found["results.json"][0]
    for name, (person,) in found.items():
        np.testing.assert_allclose(person.Y, first.Y, atol=1e-9, err_msg=name)
        np.testing.assert_array_equal(person.frames, first.frames, err_msg=name)


def test_what_is_read_is_lifted(tmp_path, points, seen):
    prior = load_prior()
    (tmp_path / "results.json").write_text(json.dumps(good.results(points)))
    (person,) = read(tmp_path / "results.json")
    Y = convert(*convert(seen, HUMAN36M, COCO)[:1], COCO, HUMAN36M)[0]  # pelvis and neck as middles
    assert person.visible.sum(axis=1).tolist() == [15] * 5  # spine and head_top are missing
    known = lift(Y, prior, scale=None, weights=0.5 * person.visible[0])
    lifted = lift(person.Y, prior, scale=None, weights=person.confidences)
    np.testing.assert_allclose(lifted.pose - lifted.pose.mean(-1, keepdims=True),
                               known.pose - known.pose.mean(-1, keepdims=True), atol=1e-3)  # fmt: skip
    assert (lifted.misfit < 5).all()


def test_halpe_in_trc_and_openposes_json(tmp_path):
    points = np.random.default_rng(0).uniform(100, 400, (4, 2, 26))
    path = trc(tmp_path / "v_px_person00.trc", points, HALPE_NAMES)
    (tmp_path / "json").mkdir()
    for n, one in enumerate(points):
        (tmp_path / "json" / f"v_{n:06}.json").write_text(json.dumps(good.openpose(one)))
    (one,), (other,) = read(path), read(tmp_path / "json")
    assert other.format == f"OpenPose JSON, {HALPE26.name}"
    np.testing.assert_allclose(one.Y, other.Y)
