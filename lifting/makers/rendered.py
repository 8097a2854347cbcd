"""How rendered people are made: the embedded set, and as many as training needs.

    pip install -c constraints.txt -e '.[render]'
    python -m lifting.makers.rendered --out DIR --bodies 3750 --seed 0      # four pictures a body
    python -m lifting.makers.rendered --out DIR --bodies 7500 --perturbed   # in poses that nobody recorded
    python -m lifting.makers.rendered --embed data/rendered_people.npz      # makes the embedded set again

Bodies of all ages (`anny`, see `lifting.makers.bodies`) do what the embedded motion capture recorded. Their buffers are
written into shards, which `lifting.datasets.rendered` opens. A shard is written whole or not at all, and what is in it
depends on the seed and its number alone: a run that was stopped, however it was, goes on with `--resume` and ends with
the same files.
"""

import argparse
import json
import math
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from tqdm import tqdm

from lifting.datasets.composing import finish
from lifting.datasets.motion_capture import UPRIGHT_LEAN, MotionCapture, load_motion_capture, trunk_lean
from lifting.datasets.rendered import ARRAYS, KNOWN, PEOPLE, SPLITS, Buffers, Split, encode
from lifting.fitting import augment
from lifting.makers import bodies
from lifting.support.arrays import check_count, fail
from lifting.support.files import save_npz, write_atomically

CLIPS: dict[Split, tuple[str, ...]] = {"validation": ("punch",), "test": ("dance_b", "run")}
"""The clips of the motion capture that are held out; training has all others. Upright ones, unlike any other clip."""

CAMERAS = 4
"""Pictures of a body: two from the front, two from behind."""

MIXED = 0.25
"""How many bodies for training have the legs of one recorded pose and the rest of another, both of its clips."""

SHARD = 32
"""Bodies in a shard."""

FIRST_BODY = 1_000_000
"""Bodies are numbered from 0 (train), from this (validation) and from twice this (test)."""

EMBEDDED: dict[Split, int] = {"train": 300, "validation": 50, "test": 100}
"""Bodies in the embedded set."""


def embed(out: str | os.PathLike[str], bodies_of: dict[Split, int] | None = None, seed: int = 1) -> None:
    """Render and compose the embedded set into the file `out`.

    Raises:
        FileNotFoundError: the folder of `out` does not exist.
        ModuleNotFoundError: anny is not installed.
    """
    if not Path(out).absolute().parent.is_dir():
        raise FileNotFoundError(f"out: got {out}, expected a path in a folder that exists")
    counts = EMBEDDED if bodies_of is None else bodies_of
    generator = torch.Generator().manual_seed(seed)
    motion, parts, jpegs = load_motion_capture(), [], []
    for split, count in counts.items():
        people = finish(render_bodies(motion, split, range(count), seed), generator)
        jpegs += [encode(image) for image in people.images]
        rest = {key: getattr(people, key) for key in KNOWN}
        parts.append(rest | {"split": np.full(len(people), SPLITS.index(split), np.uint8)})
        print(f"{split}: {len(people)} pictures", file=sys.stderr)
    arrays = {key: np.concatenate([part[key] for part in parts]) for key in PEOPLE if key not in ("jpeg", "starts")}
    starts = np.cumsum([0, *map(len, jpegs)], dtype=np.int64)
    save_npz(out, {"jpeg": np.frombuffer(b"".join(jpegs), np.uint8), "starts": starts, **arrays})


def render_bodies(
    motion: MotionCapture, split: Split, numbers: Sequence[int], seed: int, perturbed: bool = False
) -> Buffers:
    """Buffers of the bodies `numbers` of a split, `CAMERAS` each; each body depends on its number and the seed alone.

    `perturbed`: those for training are in poses that `lifting.fitting.augment.perturb` makes of the recorded ones.

    Raises:
        ModuleNotFoundError: anny is not installed.
    """
    model, frames, chance = bodies.load_body_model(), *_frames(motion, split)
    rows: list[tuple] = []
    pixels, masks = [], []
    for number in numbers:
        generator = np.random.default_rng([seed, SPLITS.index(split), number])
        rest = model.rest(bodies.sample_phenotype(generator))
        frame, other = generator.choice(frames, 2, p=chance)
        mixed = split == "train" and generator.random() < MIXED
        pose = augment.mix(motion.poses[frame], motion.poses[other]) if mixed else motion.poses[frame]
        if perturbed and split == "train":
            pose = augment.perturb(pose, generator)
        posed = bodies.pose_body(model, rest, pose, bodies.loosen(model, rest, generator))
        height = float(np.ptp(rest.vertices[:, 1]))
        for view in range(CAMERAS):
            camera, seen = bodies.place(posed, view % 2 == 1, generator)
            buffer = bodies.draw(model, camera, seen, height)
            masks.append(np.packbits(buffer.mask.ravel()))
            pixels.append(buffer.values)
            numbers_of_camera = (camera.theta, camera.pitch, camera.scale, *camera.centre)
            body = SPLITS.index(split) * FIRST_BODY + number
            landmarks = bodies.to_pixels(camera, seen.landmarks)
            rows.append((landmarks, buffer.visible, seen.landmarks, numbers_of_camera, body, motion.clip[frame]))
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    kinds = (np.float32, np.bool_, np.float32, np.float32, np.int32, np.int16)
    fields: dict[str, np.ndarray] = {
        key: column.astype(kind) for key, column, kind in zip(KNOWN, columns, kinds, strict=True)
    }
    starts = np.cumsum([0, *map(len, pixels)], dtype=np.int64)
    return Buffers(mask=np.array(masks), values=np.concatenate(pixels), starts=starts, **fields)


def _frames(motion: MotionCapture, split: Split) -> tuple[Int[np.ndarray, " F"], Float[np.ndarray, " F"]]:
    """The upright poses of a split's clips, and how often each is drawn: a clip as the root of its length."""
    held_out = [name for names in CLIPS.values() for name in names]
    names = CLIPS.get(split, tuple(name for name in motion.clip_names if name not in held_out))
    upright = trunk_lean(motion.poses) <= UPRIGHT_LEAN
    frames = np.flatnonzero(upright & np.isin(motion.clip, [motion.clip_names.index(name) for name in names]))
    per_clip = np.bincount(motion.clip[frames], minlength=len(motion.clip_names))
    chance = 1 / np.sqrt(per_clip[motion.clip[frames]])
    return frames, chance / chance.sum()


def render(
    out: str | os.PathLike[str],
    count: int,
    seed: int = 0,
    resume: bool = False,
    processes: int = 1,
    perturbed: bool = False,
) -> None:
    """Render `count` bodies for training, a tenth of that for testing and a twentieth for validation, into shards.

    Args:
        out: the folder; made if missing.
        count: bodies for training; four pictures each.
        seed: the same seed makes the same files.
        resume: go on where an earlier run with the same settings stopped.
        processes: how many draw at a time; the files are the same for any number.
        perturbed: see `render_bodies`.

    Raises:
        FileExistsError: `out` has shards already, and `resume` is False.
        ModuleNotFoundError: anny is not installed.
        ValueError: `count` or `processes` is no whole number above zero, or `out` was begun with other settings.
    """
    check_count("bodies", count)
    check_count("processes", processes)
    settings = {"bodies": count, "seed": seed, "cameras": CAMERAS, "shard": SHARD, "perturbed": perturbed, "layout": 1}
    folder = Path(out)
    _begin(folder, settings, resume)
    jobs: list[tuple[Path, Split, range]] = []
    for split, number in (("test", math.ceil(count / 10)), ("validation", math.ceil(count / 20)), ("train", count)):
        for shard, first in enumerate(range(0, number, SHARD)):
            path = folder / f"{split}_{shard:05d}.npz"
            jobs.append((path, split, range(first, min(first + SHARD, number))))  # type: ignore[arg-type]
    left = [job for job in jobs if not job[0].exists()]
    todo, shown = sum(len(numbers) for *_, numbers in left), "{bar:30} {n_fmt}/{total_fmt} bodies, {remaining} left"
    with tqdm(total=todo, bar_format=shown) as bar, _workers(processes) as each:
        for drawn in each(partial(_draw_shard, seed=seed, perturbed=perturbed), left):
            bar.update(drawn)


def _draw_shard(job: tuple[Path, Split, range], seed: int, perturbed: bool) -> int:
    """Render and write one shard; how many bodies it holds."""
    path, split, numbers = job
    buffers = render_bodies(load_motion_capture(), split, numbers, seed, perturbed)
    save_npz(path, {key: getattr(buffers, key) for key in ARRAYS})
    return len(numbers)


@contextmanager
def _workers(processes: int) -> Iterator[Callable[[Callable, Sequence], Iterator]]:
    """A `map` whose results come as they are ready, over some processes or, where it is one, here.

    Ctrl-C is for this process to answer: the workers end what they are at, and get nothing more.
    """
    if processes == 1:
        yield map
        return
    with ProcessPoolExecutor(processes, initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_IGN)) as pool:
        try:
            yield lambda f, jobs: (future.result() for future in as_completed([pool.submit(f, job) for job in jobs]))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _begin(folder: Path, settings: dict[str, int], resume: bool) -> None:
    """Make the folder, or see that it was made with the same settings."""
    folder.mkdir(parents=True, exist_ok=True)
    about = folder / "about.json"
    if about.exists():
        # folders begun under the flag's earlier name go on too
        found = json.loads(about.read_text().replace('"stirred"', '"perturbed"'))
        if not resume:
            raise FileExistsError(f"out: got {folder}, which is in use; expected a new folder, or resume")
        if found != settings:
            fail("out", f"{folder}, begun with {found}", f"a folder begun with {settings}")
        return
    if any(folder.glob("*.npz")):
        raise FileExistsError(f"out: got {folder}, which holds other files; expected an empty folder")
    write_atomically(about, (json.dumps(settings) + "\n").encode())


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line: see the top of this module."""
    parser = argparse.ArgumentParser(prog="python -m lifting.makers.rendered", description=main.__doc__)
    parser.add_argument("--out", type=Path, metavar="DIR", help="render buffers into this folder")
    parser.add_argument("--bodies", type=int, default=3750, metavar="N", help="bodies for training (default 3750)")
    parser.add_argument("--seed", type=int, default=0, metavar="S")
    parser.add_argument("--perturbed", action="store_true", help="training poses that differ from the recorded ones")
    parser.add_argument("--resume", action="store_true", help="go on where an earlier run stopped")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="that draw (default: one a core)")
    parser.add_argument("--embed", type=Path, metavar="FILE", help="make the embedded set instead")
    given = parser.parse_args(arguments)
    if (given.out is None) == (given.embed is None):
        parser.error("give either --out or --embed")
    try:
        if given.embed is not None:
            embed(given.embed)
        else:
            render(given.out, given.bodies, given.seed, given.resume, given.processes, given.perturbed)
    except KeyboardInterrupt:
        print("\nstopped; --resume goes on from here", file=sys.stderr)
        sys.exit(130)
    except (ImportError, OSError, ValueError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
