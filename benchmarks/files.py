"""How fast are landmarks read and lifted? Every rate is given beside that of `json.loads` alone on the same bytes.

    python benchmarks/files.py            # some minutes: writes benchmarks/files.json and benchmarks/files.md
    python benchmarks/files.py --people 2000    # prints only

People: samples of the embedded prior at random headings, in pixels, three decimals a number, a confidence for each
landmark. The files have just been written, so that the system holds them in memory. One thread; a rate is people over
the least processor time of several calls, which other processes hardly change. "read" is `lifting.read`, checks and
all; "lifted" is `lift` of what it gave, in float64 and float32, with the embedded prior, the scale solved for, with
`visible=` where nothing else is said: COCO's order lacks two of the prior's landmarks.

The plain reader is what one writes without this package: `json.loads` and a loop that fills an array, no checks.
"""

import json
import os
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro
from pages import page_of, processor, record
from threadpoolctl import threadpool_limits

from lifting import lift, load_prior, read
from lifting.camera import rotation_angles, turn
from lifting.skeleton import COCO, HUMAN36M, convert
from lifting.support.files import save_npz, write_atomically

HERE = Path(__file__).parent
PEOPLE = 100_000
WEIGHTED = 300
"""People of the call with confidences as weights, each a system of equations of its own."""


def made_people(count: int) -> np.ndarray:
    """Points (count, 3, 17) in COCO's order: x, y of a picture and a confidence."""
    rng, prior = np.random.default_rng(0), load_prior()
    a = rng.standard_normal((count, prior.J)) * np.sqrt(prior.noise_variance[0]) / prior.sigma[0]
    poses = prior.mu[0] + np.tensordot(a, prior.e[0], axes=1)
    Y = 180 * turn(poses, rng.choice(rotation_angles(80), count))[:, :2]
    points, visible = convert(Y, HUMAN36M, COCO)
    points[..., ~visible[0]] = points[..., :1]  # eyes and ears where the nose is
    points = points * [[1], [-1]] + [[320], [240]]
    return np.round(np.concatenate([points, rng.uniform(0.5, 1, (count, 1, 17))], axis=1), 3)


def results(people: np.ndarray, each: int) -> list[dict[str, Any]]:
    """COCO's results, `each` people a picture."""
    rows = people.swapaxes(1, 2).reshape(len(people), -1).tolist()
    return [{"image_id": n // each, "category_id": 1, "keypoints": row, "score": 0.9} for n, row in enumerate(rows)]


def plain_reader(data: bytes) -> np.ndarray:
    """`json.loads` and a loop."""
    document = json.loads(data)
    found = np.zeros((len(document), 17, 3))
    for n, entry in enumerate(document):
        found[n] = np.reshape(entry["keypoints"], (17, 3))
    return found


def least(call: Callable[[], Any], times: int = 3) -> float:
    """Seconds of processor time of the fastest of so many calls."""
    taken = []
    for _ in range(times):
        start = time.process_time()
        call()
        taken.append(time.process_time() - start)
    return min(taken)


def rates(people: np.ndarray, folder: Path) -> list[dict[str, Any]]:
    """People a second of each step, a row a format."""
    prior, rows = load_prior(), []
    spread = people.copy()
    spread[:, 0] += 200 * (np.arange(len(people)) % 4)[:, None]
    for name, document in {
        "COCO results JSON, one person a frame": results(people, 1),
        "COCO results JSON, four people a frame, linked": results(spread, 4),
    }.items():
        path = folder / "results.json"
        data = json.dumps(document).encode()
        write_atomically(path, data)
        rows.append(measured(name, path, prior, len(people)))
        rows[-1]["json.loads"] = len(people) / least(lambda data=data: json.loads(data))
        rows[-1]["plain reader"] = len(people) / least(lambda data=data: plain_reader(data))
    save_npz(folder / "people.npz", {"keypoints": people.swapaxes(1, 2)})
    rows.append(measured("NPZ", folder / "people.npz", prior, len(people)))
    few = people[: len(people) // 20]
    for n, one in enumerate(few):
        person = {"pose_keypoints_2d": one.T.ravel().tolist()}
        (folder / "openpose").mkdir(exist_ok=True)
        write_atomically(folder / "openpose" / f"{n:06}_keypoints.json", json.dumps({"people": [person]}).encode())
    rows.append(measured("OpenPose JSON, a file a frame", folder / "openpose", prior, len(few)))
    files = sorted((folder / "openpose").iterdir())
    rows[-1]["json.loads"] = len(few) / least(lambda: [json.loads(path.read_bytes()) for path in files])
    return rows


def measured(name: str, path: Path, prior: Any, count: int) -> dict[str, Any]:
    """Reading, lifting and both of one file."""
    found = read(path)
    if sum(map(len, found)) != count:
        raise RuntimeError(f"{path}: {sum(map(len, found))} people read of {count}")

    def lifted(dtype: type) -> None:
        for person in found:
            lift(person.Y.astype(dtype), prior, scale=None, visible=person.visible)

    reading = least(lambda: read(path))
    double, single = (least(lambda dtype=dtype: lifted(dtype), 2) for dtype in (np.float64, np.float32))
    seconds = {"read": reading, "float64": double, "float32": single, "read, float64": reading + double,
               "read, float32": reading + single}  # fmt: skip
    return {"name": name, "people": count} | {step: count / taken for step, taken in seconds.items()}


def weighted(people: np.ndarray, folder: Path) -> float:
    """People a second of `lift` with confidences as weights, all of them different."""
    path = folder / "weighted.npz"
    save_npz(path, {"keypoints": people[:WEIGHTED].swapaxes(1, 2)})
    (person,) = read(path)
    prior = load_prior()
    return len(person) / least(lambda: lift(person.Y, prior, scale=None, weights=person.confidences))


def main(people: int = PEOPLE) -> None:
    """Measure and print; write where all people were measured.

    Args:
        people: how many.
    """
    about = {"processor": processor(), "cores": os.cpu_count(), "Python": platform.python_version()}
    about |= {"numpy": np.__version__, "torch": torch.__version__, "load before": round(os.getloadavg()[0], 1)}
    report: dict[str, Any] = {"machine": about}
    points = made_people(people)
    torch.set_num_threads(1)
    with threadpool_limits(1), tempfile.TemporaryDirectory() as folder:
        report["rows"] = rates(points, Path(folder))
        report["weighted"] = weighted(points, Path(folder))
    record(__file__, report, page_of(__file__, **report), quick=people != PEOPLE)


if __name__ == "__main__":
    tyro.cli(main)
