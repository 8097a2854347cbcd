"""The command line of training.

python -m lifting.training --steps 1000 --out DIR                       # the embedded pictures, on what is there
python -m lifting.training --steps 20000 --out DIR --data SHARDS        # pictures composed of rendered buffers
python -m lifting.training --steps 20000 --out DIR --data mpii:DIR      # MPII, see `lifting.datasets.mpii`
python -m lifting.training --steps 20000 --out DIR --data human36m:DIR  # see `lifting.datasets.human36m`
python -m lifting.training --steps 20000 --out DIR --resume             # goes on where it was stopped
python -m lifting.training --steps 30000 --out DIR --resume             # and further, once it has ended
torchrun --nproc-per-node 2 -m lifting.training ...                     # the batch shared by two processes
python -m lifting.training --config paper --size 368 ...                # the paper's configuration, for a GPU
"""

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from typing import Any

from lifting.datasets.composing import Rendering, finish
from lifting.datasets.human36m import load_human36m_pictures
from lifting.datasets.mpii import load_mpii_pictures
from lifting.datasets.pictures import Pictures
from lifting.datasets.rendered import load_rendered, open_shards
from lifting.training.processes import joined
from lifting.training.run import RunOptions, train
from lifting.training.step import Settings


def open_data(
    data: str | None, side: int = 0, unrecognisable: float = Rendering.unrecognisable
) -> tuple[Pictures, Pictures]:
    """The pictures that `--data` names: for training, and held-out ones.

    Of MPII, the pictures of every tenth video are held out; of Human3.6M, the subjects of protocol 1.

    Args:
        data: a folder of rendered buffers; "mpii:" or "human36m:" and the folder of that data set; None: the embedded
            pictures.
        side: of the pictures that are cut out of MPII's and Human3.6M's, pixels; 0: 128.
        unrecognisable: of rendered buffers, the share of heads made of large pixels.

    Raises:
        FileNotFoundError: a folder or file is missing.
        ValueError: a file that can't be read.
    """
    if data is None:
        return load_rendered(), load_rendered("validation")
    kind, _, folder = data.partition(":")
    if kind == "mpii":
        return load_mpii_pictures(folder, side=side or 128), load_mpii_pictures(folder, held_out=True, side=side or 128)
    if kind == "human36m":
        train_on = load_human36m_pictures(folder, side=side or 128)
        return train_on, load_human36m_pictures(folder, test=True, every=64, side=side or 128)
    return Rendering(open_shards(data), unrecognisable), finish(open_shards(data, "validation"))


def main(arguments: Sequence[str] | None = None) -> None:
    """Train the multi-stage network: see docs/training.md."""
    parser = argparse.ArgumentParser(prog="python -m lifting.training", description=main.__doc__)
    for field in dataclasses.fields(Settings):
        if isinstance(field.default, bool):
            action: Any = argparse.BooleanOptionalAction
            parser.add_argument(f"--{field.name.replace('_', '-')}", default=field.default, action=action)
        else:
            kind = type(field.default)
            parser.add_argument(f"--{field.name.replace('_', '-')}", default=field.default, type=kind, metavar="X",
                                help=f"default {field.default}")  # fmt: skip
    parser.add_argument("--out", required=True, metavar="DIR", help="the folder of the run")
    parser.add_argument("--data", metavar="SHARDS", help="a folder of rendered buffers, mpii:DIR or human36m:DIR; "
                        "else the embedded pictures")  # fmt: skip
    parser.add_argument("--unrecognisable", type=float, default=Rendering.unrecognisable, metavar="X",
                        help="share of heads made of large pixels, with --data (default %(default)s)")  # fmt: skip
    parser.add_argument("--start", metavar="FILE", help="a trained network to go on from; else random weights")
    parser.add_argument(
        "--resume", action="store_true", help="go on where an earlier run stopped; with more --steps where it has ended"
    )
    parser.add_argument("--device", help="cpu, cuda, cuda:1, ...; default: a GPU where there is one")
    parser.add_argument("--workers", type=int, default=1, help="processes that make pictures (default 1)")
    parser.add_argument("--every", type=int, default=500, help="steps between checkpoints (default 500)")
    parser.add_argument("--tensorboard", action="store_true", help="write DIR/tensorboard too")
    given = vars(parser.parse_args(arguments))
    settings, options = (
        {field.name: given.pop(field.name) for field in dataclasses.fields(kind) if field.name in given}
        for kind in (Settings, RunOptions)
    )
    try:
        with joined():
            pictures, held_out = open_data(given["data"], settings["size"], given["unrecognisable"])
            train(Settings(**settings), pictures, given["out"], validation=held_out, start=given["start"],
                  options=RunOptions(**options))  # fmt: skip
    except KeyboardInterrupt as stop:
        print(f"\n{stop or 'stopped'}; --resume goes on from here", file=sys.stderr)
        sys.exit(130)
    except (OSError, FloatingPointError, ModuleNotFoundError, ValueError) as error:
        sys.exit(f"error: {error}")
