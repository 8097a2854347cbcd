"""MPII's reader on small files of exactly its layout, annotations written as MATLAB does and pictures as JPEG files."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.io import savemat

from lifting.datasets.mpii import ANNOTATIONS, load_mpii, load_mpii_pictures
from lifting.network import build_network
from lifting.skeleton import HUMAN36M, MPII
from lifting.training import Settings, Trainer, main, objective
from lifting.training.batches import Batches
from lifting.training.evaluation import evaluate


def structs(rows):
    """A MATLAB array of structures, from dictionaries of the same keys."""
    out = np.empty(len(rows), dtype=[(key, object) for key in rows[0]])
    for n, row in enumerate(rows):
        for key, value in row.items():
            out[n][key] = value
    return out


def person(ids, hidden=(), at=100.0, **more):
    """One annotated person: landmark id at (at + 10 id, at + 5 id), counted from 1 as MATLAB does."""
    noted = {i: np.array([]) if i in (8, 9) else str(int(i not in hidden)) for i in ids}
    points = structs([{"x": at + 10 * i, "y": at + 5 * i, "id": i, "is_visible": noted[i]} for i in ids])
    row = {"x1": 10.0, "y1": 20.0, "x2": 40.0, "y2": 60.0, "scale": 1.5, "objpos": {"x": 201.0, "y": 301.0}}
    return row | {"annopoints": {"point": points}} | more


@pytest.fixture
def path(tmp_path):
    nobody = {"x1": 1.0, "y1": 1.0, "x2": 2.0, "y2": 2.0, "scale": [], "objpos": [], "annopoints": []}
    pictures = structs([
        {"image": {"name": "one.jpg"}, "annorect": structs([person(range(16), hidden=(0, 10))])},
        {"image": {"name": "two.jpg"}, "annorect": structs([person([6, 7, 9]), nobody, person([2], at=50.0)])},
        {"image": {"name": "test.jpg"}, "annorect": structs([nobody])},
        {"image": {"name": "empty.jpg"}, "annorect": np.array([])},
    ])  # fmt: skip
    savemat(tmp_path / "mpii.mat", {"RELEASE": {"annolist": pictures, "img_train": np.array([1, 1, 0, 1])}})
    return tmp_path / "mpii.mat"


def test_people_with_landmarks(path):
    people = list(load_mpii(path))
    assert [(p.image, int(p.annotated.sum())) for p in people] == [("one.jpg", 15), ("two.jpg", 3), ("two.jpg", 1)]
    assert all(p.train for p in people)
    assert list(load_mpii(path, train=False)) == []


def test_landmarks_are_named_and_counted_from_zero(path):
    first, second, third = load_mpii(path)
    for i, name in enumerate(MPII.landmarks):
        if name in HUMAN36M.landmarks:
            np.testing.assert_array_equal(first.landmarks[:, HUMAN36M.index(name)], [99 + 10 * i, 99 + 5 * i])
    missing = {name for name, there in zip(HUMAN36M.landmarks, first.annotated, strict=True) if not there}
    assert missing == {"spine", "nose"}
    assert not first.landmarks[:, ~first.annotated].any()
    hidden = {
        name for name, a, v in zip(HUMAN36M.landmarks, first.annotated, first.visible, strict=True) if a and not v
    }
    assert hidden == {"right_ankle", "right_wrist"}
    assert second.visible[HUMAN36M.index("head_top")] and not second.annotated[HUMAN36M.index("nose")]
    np.testing.assert_array_equal(third.landmarks[:, HUMAN36M.index("right_hip")], [69, 59])


def test_size_and_place(path):
    first = next(iter(load_mpii(path)))
    assert first.height == 300 and first.centre.tolist() == [200, 300]
    assert first.head == pytest.approx(0.6 * 50)


def test_bad_input(tmp_path, path):
    with pytest.raises(FileNotFoundError):
        load_mpii(tmp_path / "nothing.mat")
    (tmp_path / "text.mat").write_text("no MATLAB file at all" * 20)
    savemat(tmp_path / "other.mat", {"a": 1})
    (tmp_path / "cut.mat").write_bytes(path.read_bytes()[:600])
    for name in ("text.mat", "other.mat", "cut.mat"):
        with pytest.raises(ValueError, match=rf"^path: got .*{name},? .*expected MPII's annotation file"):
            load_mpii(tmp_path / name)
    savemat(tmp_path / "short.mat", {"RELEASE": {"annolist": structs([{"image": {"name": "a"}, "annorect": []}]),
                                                 "img_train": np.array([1, 0])}})  # fmt: skip
    with pytest.raises(ValueError, match="with 1 pictures and 2 marks of training"):
        load_mpii(tmp_path / "short.mat")


def test_an_unknown_landmark_is_refused(tmp_path):
    pictures = structs([{"image": {"name": "a"}, "annorect": structs([person([16])])}])
    savemat(tmp_path / "a.mat", {"RELEASE": {"annolist": pictures, "img_train": 1}})
    with pytest.raises(ValueError, match="^id: got 16, expected 0 to 15"):
        list(load_mpii(tmp_path / "a.mat"))


# --- pictures ------------------------------------------------------------------------------------------------------

PLACES = np.stack([40 + 15 * (np.arange(16) % 4), 20 + 12 * np.arange(16)], -1)
"""Where the landmarks of a made-up person are, (x, y), from 0."""


def folder_of(tmp_path, videos=(1, 10, 2)):
    """Pictures of 160 x 240 pixels, a person in each, marked by one white square of 5 x 5 at the thorax."""
    (tmp_path / "images").mkdir()
    rows = []
    for n, video in enumerate(videos):
        pixels = np.zeros((240, 160, 3), np.uint8)
        x, y = PLACES[7]
        pixels[y - 2 : y + 3, x - 2 : x + 3] = 255
        Image.fromarray(pixels).save(tmp_path / "images" / f"{n}.jpg", quality=95)
        points = [{"x": x + 1.0, "y": y + 1.0, "id": i, "is_visible": str(int(i != 10))}
                  for i, (x, y) in enumerate(PLACES)]  # fmt: skip
        one = person([0]) | {"annopoints": {"point": structs(points)}, "scale": 1.0, "objpos": {"x": 71.0, "y": 111.0}}
        rows.append({"image": {"name": f"{n}.jpg"}, "annorect": structs([one]), "vididx": float(video)})
    savemat(tmp_path / ANNOTATIONS, {"RELEASE": {"annolist": structs(rows), "img_train": np.ones(len(videos))}})
    return tmp_path


def test_pictures_show_the_person_where_the_landmarks_say(tmp_path):
    """A square of 250 pixels, 1.25 times the annotated height, about the annotated middle (70, 110), made 100 wide."""
    pictures = load_mpii_pictures(folder_of(tmp_path), side=100)
    made = pictures.make(np.arange(2))
    assert len(pictures) == 2 and made.images.shape == (2, 3, 100, 100)
    assert made.pose is None and made.scale is None and made.from_behind is None
    neck = HUMAN36M.index("neck")
    want = (PLACES[7] + 0.5 - (np.array([70.5, 110.5]) - 125)) * 100 / 250 - 0.5
    np.testing.assert_allclose(made.landmarks[0, :, neck], want, atol=1e-4)
    seen = made.images[0].mean(0).double() ** 2
    steps = torch.arange(100.0, dtype=torch.float64)
    found = torch.stack([(seen.sum(0) @ steps) / seen.sum(), (seen.sum(1) @ steps) / seen.sum()])
    np.testing.assert_allclose(found, want, atol=0.1)
    unlabelled = {name for name, there in zip(HUMAN36M.landmarks, made.labelled[0], strict=True) if not there}
    assert unlabelled == {"spine", "nose"} and not made.landmarks[0][:, ~made.labelled[0]].any()
    hidden = {name for name, there in zip(HUMAN36M.landmarks, made.visible[0], strict=True) if not there}
    assert hidden == {"spine", "nose", "right_wrist"}


def test_every_tenth_video_is_held_out(tmp_path):
    folder = folder_of(tmp_path, videos=(1, 10, 2, 20, 10))
    names = [[p.image for p in load_mpii_pictures(folder, held_out).people] for held_out in (False, True)]
    assert names == [["0.jpg", "2.jpg"], ["1.jpg", "3.jpg", "4.jpg"]]


def test_what_has_no_label_carries_no_loss_and_is_not_counted(tmp_path):
    """The gradient at the maps of spine, nose and background is 0, exactly; at all others it isn't."""
    pictures = load_mpii_pictures(folder_of(tmp_path), side=64)
    made = pictures.make(np.arange(2))
    torch.manual_seed(0)
    network = build_network("laptop", lifting="none", cross_stage=False)  # so that a map has its own loss alone
    prediction = network(made.images)
    for stage in prediction:
        stage.fused.retain_grad()
    objective(prediction, made.landmarks, labelled=made.labelled)[0].backward()
    free = [HUMAN36M.index("spine"), HUMAN36M.index("nose"), 17]
    for stage in prediction:
        size = stage.fused.grad.abs().amax((0, 2, 3))
        assert not size[free].any() and (np.delete(size.numpy(), free) > 0).all()
    report = evaluate(network, pictures)
    assert report["space"] is None and report["front_back"] is None and report["groups"]["wrists"] is not None
    # wherever the unlabelled ones are said to be, nothing changes
    moved = made._replace(landmarks=made.landmarks + 5 * ~made.labelled[:, None])
    losses = [objective(prediction, own.landmarks, labelled=own.labelled)[0] for own in (made, moved)]
    assert torch.equal(*losses)


def test_loaded_trained_on_and_evaluated(tmp_path):
    pictures = load_mpii_pictures(folder_of(tmp_path), side=64)
    trainer = Trainer(Settings(steps=2, batch=8))
    first, second = (trainer.train_on(Batches(pictures, 8, 0)[step])[0] for step in range(2))
    assert torch.isfinite(first).all() and torch.isfinite(second).all()
    again = Batches(pictures, 8, 0)[0]
    assert torch.equal(again.landmarks, Batches(pictures, 8, 0)[0].landmarks) and again.pose is None
    assert again.labelled.sum(1).tolist() == [15] * 8  # mirrored or not
    report = evaluate(trainer.network, pictures)
    assert report["images"] == 2 and len(report["stages"]) == 3


def test_the_command_line_trains_on_it(tmp_path, capsys):
    folder, out = folder_of(tmp_path), tmp_path / "run"
    main(
        [
            "--data",
            f"mpii:{folder}",
            "--size",
            "64",
            "--steps",
            "2",
            "--batch",
            "8",
            "--workers",
            "0",
            "--out",
            str(out),
        ]
    )
    header, row = (out / "validation.csv").read_text().splitlines()
    assert header == "step,median px 1,median px 2,median px 3,pck,pck agnostic" and row.startswith("2,")
    assert json.loads((out / "settings.json").read_text())["size"] == 64


def test_what_is_missing_is_named(tmp_path):
    folder = folder_of(tmp_path, videos=(1, 2))
    with pytest.raises(ValueError, match=r"^folder: got .* with nobody held out, expected annotated people"):
        load_mpii_pictures(folder, held_out=True)
    (folder / "images" / "0.jpg").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"^path: got .*0\.jpg, which can't be read"):
        load_mpii_pictures(folder).make(np.array([0]))
    (folder / "images").rename(folder / "elsewhere")
    with pytest.raises(FileNotFoundError, match=r"folder: got .*, expected a folder with .*mat and images/"):
        load_mpii_pictures(folder)
