"""How good `lifting.detecting` is, and how fast: photos with known landmarks, and videos of two published wheels.

    python benchmarks/detecting.py               # minutes: writes benchmarks/detecting.json and docs/detector.md
    python benchmarks/detecting.py --wheels DIR  # the wheels are in DIR already; otherwise pip downloads 60 MB
    python benchmarks/detecting.py --render      # docs/detector.md anew from the recorded run

- Photos: the embedded ones. Errors in millimetres, by each photo's pixels a metre, against landmarks that four cameras
  agree on; a landmark is found within a fifth of the torso's length. P-MPJPE is of the lift, `weights` the confidences.
- Small people: the same photos, shrunk, each in a grey square.
- Videos: how many people are in each picture, which recordings come out, and the speed: of decoding alone, of the
  detector on pictures in memory, of both as `detect` runs them, and of the lift. In frames a second of the clock, and
  in milliseconds of the processor a frame, which another program beside it disturbs less.
"""

import json
import os
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from pages import machine, page_of
from PIL import Image
from threadpoolctl import threadpool_limits

from lifting import PoorFit, lift, load_prior
from lifting.datasets.real_frames import load_real_frames
from lifting.detecting import Detector, follow, look_at, make_detector, pictures_of
from lifting.files.detections import to_human36m
from lifting.makers.real_frames import POSE2SIM
from lifting.makers.wheels import Wheel, check_wheel, download, read_member
from lifting.metrics import p_mpjpe
from lifting.support.files import rounded, write_atomically, write_json
from lifting.training.evaluation import LIMBS, in_the_image

SPORTS2D = Wheel(
    requirement="sports2d==0.8.34",
    file="sports2d-0.8.34-py3-none-any.whl",
    sha256="733b6db70742636ae9c35d870c22bd416582f579abd5881bee93a14bb0e2655d",
)
VIDEOS = {
    "sports2d, demo": (SPORTS2D, "Sports2D/Demo/demo.mp4"),
    "pose2sim, one person, camera 1": (POSE2SIM, "Pose2Sim/Demo_SinglePerson/videos/cam01.mp4"),
    "pose2sim, two people, camera 1": (POSE2SIM, "Pose2Sim/Demo_MultiPerson/videos/cam01.mp4"),
}
ALONE = 60
"""The detector alone is timed on the first so many pictures."""

SHARES = (1 / 2, 1 / 3, 1 / 4, 1 / 5, 1 / 6, 1 / 8, 1 / 10)
"""How high a photo is made, of a grey square of 1000 pixels, to see who is found how small."""

DETECTORS = ("blazepose", "network")
HERE = Path(__file__).parent


warnings.simplefilter("ignore", PoorFit)  # poor fits are what is counted here


def main(*, wheels: Path | None = None, render: bool = False) -> None:
    """Measure, print, and write.

    Args:
        wheels: a folder with both wheels.
        render: only write docs/detector.md anew.
    """
    if not render:
        report: dict[str, Any] = {
            "machine": {**machine(), "others": f"load {os.getloadavg()[0]:.1f} at the start, this run's not counted"},
            "photos": {name: photos(make_detector(name)) for name in DETECTORS},
            "small": small(make_detector()),
        }
        with tempfile.TemporaryDirectory() as folder:
            report["videos"] = {name: video(*which, wheels, Path(folder)) for name, which in VIDEOS.items()}
        write_json(HERE / "detecting.json", rounded(report, 4))
    write_atomically(HERE.parent / "docs" / "detector.md", markdown().encode())


def markdown() -> str:
    """docs/detector.md, from the recorded run."""
    return page_of(__file__, **json.loads((HERE / "detecting.json").read_text()))


def photos(detector: Detector) -> dict[str, Any]:
    """Errors of the detector, and of what is lifted from it, on the embedded photos; each is a photo of its own."""
    frames, prior = load_real_frames(), load_prior()
    found, people, spatial = [], [], []
    for frame in frames:
        detector.forget()
        points, confidences = detector(frame.image)
        people.append(len(points))
        best = int(confidences.sum(1).argmax())
        Y, weights = to_human36m(points[[best]], confidences[[best]], detector.order, y_up=False)
        found.append(np.nan_to_num(Y[0] * [[1], [-1]], nan=1e6))  # what is missing is nowhere near
        lifted = lift(np.nan_to_num(Y), prior, weights=weights, scale=None)
        known = frame.pseudo_visible
        spatial.append(1000 * float(p_mpjpe(lifted.pose[0][:, known], frame.pseudo_truth[:, known])))
    known = np.zeros((len(frames), 17), bool)
    known[:, LIMBS] = np.stack([frame.pseudo_visible for frame in frames])[:, LIMBS]
    truth, metre = np.stack([frame.pseudo_pixels for frame in frames]), [frame.pixels_per_metre for frame in frames]
    off = 1000 * np.linalg.norm(np.stack(found) - truth, axis=1) / np.array(metre)[:, None]
    score = in_the_image(np.stack(found), truth, known)
    return {
        "people": people,
        "median mm": float(np.median(off[known])),
        "90% mm": float(np.percentile(off[known], 90)),
        "named": score["pck"],
        "either side": score["pck agnostic"],
        "P-MPJPE mm": {"median": float(np.median(spatial)), "largest": max(spatial)},
    }


def small(detector: Detector) -> dict[str, list[int]]:
    """How many people are found in each embedded photo, made small and alone in a grey picture, by its share of it."""
    found: dict[str, list[int]] = {}
    for share in SHARES:
        found[f"{share:.0%}"] = []
        for frame in load_real_frames():
            photo = Image.fromarray(frame.image)
            photo = photo.resize((round(photo.width * 1000 * share / photo.height), round(1000 * share)))
            picture = Image.new("RGB", (1000, 1000), (120, 120, 120))
            picture.paste(photo, (300, 300))
            detector.forget()
            found[f"{share:.0%}"].append(len(detector(np.array(picture))[0]))
    return found


def video(wheel: Wheel, member: str, wheels: Path | None, folder: Path) -> dict[str, Any]:
    """People and speed in one video of a wheel."""
    path = folder / wheel.file if wheels is None else wheels / wheel.file
    if not path.exists():
        download(wheel, folder)
    check_wheel(path, wheel)
    file = folder / "video.mp4"
    write_atomically(file, read_member(path, member))
    speeds: dict[str, Any] = {}
    with timed(speeds, "decoding"):
        images = [picture.image for picture in pictures_of(file)]
    detector = make_detector()
    with timed(speeds, "detector"):
        for image in images[:ALONE]:
            detector(image)
    width, height = images[0].shape[1::-1]
    count = len(images)
    frames = dict.fromkeys(("decoding", "together", "lift"), count) | {"detector": min(count, ALONE)}
    del images
    with timed(speeds, "together"):
        pictures = pictures_of(file)
        seen = list(look_at(pictures, detector))
        people = follow(pictures, seen, detector)
    prior = load_prior()
    with threadpool_limits(1), timed(speeds, "lift"):  # small matrices: more threads would only wait for each other
        for person in people:
            lift(np.nan_to_num(person.Y), prior, weights=person.confidences, scale=None)
    return {
        "size": [width, height],
        "pictures": count,
        "people": {str(n): times for n, times in sorted(Counter(len(one.points) for one in seen).items())},
        "recordings": [[int(one.frames[0]), int(one.frames[-1]), len(one)] for one in people],
        "a second": {name: frames[name] / clock for name, (clock, _) in speeds.items()},
        "processor ms": {name: 1000 * processor / frames[name] for name, (_, processor) in speeds.items()},
    }


@contextmanager
def timed(speeds: dict[str, Any], name: str) -> Iterator[None]:
    """Note the seconds of the clock, and of the processor, all threads together."""
    clock, processor = time.perf_counter(), time.process_time()
    yield
    speeds[name] = time.perf_counter() - clock, time.process_time() - processor


if __name__ == "__main__":
    tyro.cli(main)
