"""From a file to results: how long reading, lifting and writing take, of a file of landmarks and of a video.

    python benchmarks/own.py                   # writes benchmarks/own.json and benchmarks/own.md
    python benchmarks/own.py --video FILE      # the same, with a video and its detector

The file of landmarks is OpenPose's JSON of one person who dances (the embedded motion, again and again), its
confidences as good as a detector's usually are, so that every frame has weights of its own. The lift with weights 0
and 1 is measured beside it (`--certain 0`). Times are a processor's, of one run each, torch on one thread: what else
runs on the machine counts little.
The video of the report is the demonstration in the package `sports2d` (BSD-3-Clause): two people.
"""

import json
import platform
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro
from pages import record, table

from lifting import load_prior, read
from lifting.camera import flip_y
from lifting.datasets.motion_capture import load_motion_capture
from lifting.own.person import lift_person
from lifting.own.settings import FORMATS, OutFormat, Settings
from lifting.own.work import write_people
from lifting.skeleton import convert
from lifting.support.files import write_atomically

FRAMES = 200


def write_openpose(folder: Path) -> None:
    """A file for each frame, as OpenPose writes them."""
    clip = load_motion_capture().of_clip("dance_a")
    rng = np.random.default_rng(0)
    for t in range(FRAMES):
        pixels, there = convert(200 * clip[t % len(clip), :2] + [[400.0], [-300.0]], "human36m", "openpose25")
        confidences = there * rng.uniform(0.6, 0.9, len(there))
        numbers = np.stack([*np.where(there, flip_y(pixels), 0), confidences], axis=1).ravel().round(3)
        document = {"version": 1.3, "people": [{"pose_keypoints_2d": numbers.tolist()}]}
        write_atomically(folder / f"dance_{t:012d}_keypoints.json", json.dumps(document).encode())


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """What some work gives, and the seconds of a processor that it took."""
    start = time.process_time()
    result = work()
    return result, time.process_time() - start


def measure(path: Path, formats: Sequence[OutFormat] = ()) -> dict[str, float]:
    """Milliseconds a frame of reading, lifting and writing each of the formats, the frames of all people counted."""
    recordings, reading = timed(lambda: read(path))
    frames = sum(len(recording) for recording in recordings)
    prior, settings = load_prior(), Settings()
    seen = [replace(one, confidences=np.sign(one.confidences)) for one in recordings]
    for people in (recordings, seen):
        lift_person(people[0], prior, settings)  # what is kept from call to call
    people, lifting = timed(lambda: [lift_person(one, prior, settings) for one in recordings])
    _, quick = timed(lambda: [lift_person(one, prior, settings) for one in seen])
    times = {"read": reading, "lift, confidences as weights": lifting, "lift, weights 0 and 1": quick}
    with tempfile.TemporaryDirectory() as out:
        for kind in formats:
            times[f"write {kind}"] = timed(lambda kind=kind: write_people(people, Path(out), (kind,)))[1]
    return {name: 1000 * seconds / frames for name, seconds in times.items()} | {"frames": frames}


def told(times: dict[str, float]) -> str:
    """The times as a table in Markdown."""
    rows = [[name, f"{value:.3g}"] for name, value in times.items() if name != "frames"]
    return table(["what", "processor ms a frame"], rows)


def main(video: Path | None = None) -> None:
    """Measure, print, and write.

    Args:
        video: a video to measure too; its detector is in "read".
    """
    torch.set_num_threads(1)
    machine = f"{platform.machine()}, torch {torch.__version__}"
    with tempfile.TemporaryDirectory() as folder:
        write_openpose(Path(folder))
        report: dict[str, Any] = {"machine": machine, "landmarks": measure(Path(folder), FORMATS)}
    command = f"python benchmarks/own.py{' --video FILE' if video else ''}"
    parts = [
        f"# From a file to results\n\nMade by `{command}` on {machine}.",
        f"## A folder of OpenPose's files, {FRAMES} frames of one person\n\n{told(report['landmarks'])}",
    ]
    if video is not None:
        times = report["video"] = measure(video)
        shares = [100 * value / (times["read"] + value) for name, value in times.items() if name.startswith("lift")]
        parts.append(
            f"## A video, {times['frames']} frames of its people\n\nReading is decoding, finding people and following "
            f"them. Of reading and lifting, the lift takes {shares[0]:.1f} % with confidences as weights, and "
            f"{shares[1]:.1f} % with weights 0 and 1.\n\n{told(times)}"
        )
    record(__file__, report, "\n\n".join(parts), quick=False)


if __name__ == "__main__":
    tyro.cli(main)
