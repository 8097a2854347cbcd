"""The embedded weights, made from a wheel; and the detector that the embedded photos were made with."""

import zipfile

import numpy as np
import pytest

from lifting.datasets.real_frames import load_real_frames
from lifting.detecting.blazepose import WEIGHTS
from lifting.makers import detector
from lifting.support.files import data_path

EMBEDDED = tuple(data_path(f"detector/{name}").read_bytes() for name in WEIGHTS)


@pytest.fixture
def wheel(tmp_path):
    path = tmp_path / "mediapipe.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for folder, name, data in zip(detector.FOLDERS, WEIGHTS, EMBEDDED, strict=True):
            archive.writestr(f"{folder}/{name}", data)
    return path


def test_another_wheel_is_refused_and_nothing_written(wheel, tmp_path):
    with pytest.raises(ValueError, match="^wheel: got .*mediapipe.whl with SHA-256"):
        detector.build(wheel, tmp_path)
    assert not (tmp_path / "detector").exists()


def test_the_weights_are_taken_out_of_the_wheel(wheel, tmp_path, monkeypatch):
    monkeypatch.setattr(detector, "check_wheel", lambda *_: None)
    assert detector.build(wheel, tmp_path) == "9,399,558 bytes of weights"
    assert tuple((tmp_path / "detector" / name).read_bytes() for name in WEIGHTS) == EMBEDDED
    with pytest.raises(FileNotFoundError, match="^out: got .*none, expected a folder"):
        detector.build(wheel, tmp_path / "none")


def test_the_command_wants_a_wheel_or_a_download(tmp_path, capsys):
    with pytest.raises(SystemExit):
        detector.main(["--out", str(tmp_path)])
    assert "give either --download, or --mediapipe" in capsys.readouterr().err


def test_the_makers_detector_finds_the_largest_person():
    cv2 = pytest.importorskip("cv2", reason="needs the extra photos")
    (frame,) = load_real_frames(["cam01_026"])
    beside = cv2.resize(frame.image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    height = frame.image.shape[0] - beside.shape[0]
    both = np.hstack([np.pad(beside, ((0, height), (0, 0), (0, 0))), frame.image])
    look = detector.Detector(EMBEDDED)(both)
    error = np.linalg.norm(look.pixels - [beside.shape[1], 0] - frame.landmarks33.T, axis=1) / frame.pixels_per_metre
    assert np.median(error) < 0.05
    with pytest.raises(ValueError, match="^image: got nobody"):
        detector.Detector(EMBEDDED)(np.zeros((50, 50, 3), np.uint8))
