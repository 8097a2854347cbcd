"""Which wrong inputs `Lifted.fit` catches, how often it cries wolf, and whether the cause is named.

    python benchmarks/misfit.py            # three minutes: writes benchmarks/misfit.json and .md
    python benchmarks/misfit.py --quick    # some groups of clips, prints only

People whom the prior has not met, seen from 8 headings; 10 mm of noise. A frame is flagged where its misfit is above
POOR or no rotation fits it. The cause is what `python -m lifting` names: it undoes likely faults, one after the other.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from pages import one_thread, record, run_on_one_thread, table
from people import Group, held_out, told

from lifting import lift
from lifting.camera import tilted_camera
from lifting.files.recording import Recording
from lifting.fitting.held_out import LANDMARK_NOISE, views
from lifting.misfit import POOR
from lifting.own.causes import find_cause
from lifting.own.person import Person
from lifting.own.settings import Settings
from lifting.skeleton import BODY25B, HUMAN36M, OPENPOSE25, convert

EVERY = 10
HEADS = ("flagged, %", "batches that warn", "cause named")
Seen = tuple[np.ndarray, np.ndarray]


def everything(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], Seen]:
    """A change of landmarks (N, 2, 17), all of which are there."""
    return lambda Y: (change(Y), np.ones((len(Y), Y.shape[-1]), bool))


def body25b_as_body25(Y: np.ndarray) -> Seen:
    """Landmarks in the order of BODY_25B read as if in that of BODY_25."""
    written, there = convert(Y, HUMAN36M, BODY25B)
    return convert(written, OPENPOSE25, HUMAN36M, there)


def zeros_as_landmarks(Y: np.ndarray) -> Seen:
    """Three landmarks that a detector didn't find, written as 0, 0 and taken for places in the picture."""
    missing = np.random.default_rng(0).random((len(Y), Y.shape[-1])).argsort(1) < 3
    return np.where(missing[:, None], -2.0, Y), np.ones_like(missing)


class Case(NamedTuple):
    """An input, and what should be said of it."""

    change: Callable[[np.ndarray], Seen]
    scale: float | None = None
    camera: float = 0.0
    """By how many degrees it looks down, unknown to `lift`."""
    cause: str | None = None
    """How the sentence that is right begins."""


def turned(degrees: float) -> Callable[[np.ndarray], Seen]:
    """The picture turned."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return everything(lambda Y: np.array([[c, -s], [s, c]]) @ Y)


PROPER = {
    "as they are": Case(everything(lambda Y: Y)),
    "as they are, scale known": Case(everything(lambda Y: Y), 1.0),
    "camera pitched by 15 degrees": Case(everything(lambda Y: Y), None, 15.0),
    "camera pitched by 30 degrees": Case(everything(lambda Y: Y), None, 30.0),
    "picture turned by 10 degrees": Case(turned(10)),
}
WRONG = {
    "y points down": Case(everything(lambda Y: Y * [[1], [-1]]), cause="y flipped"),
    "y points down, scale known": Case(everything(lambda Y: Y * [[1], [-1]]), 1.0, cause="y flipped"),
    "people upside down": Case(turned(180), cause="y flipped"),
    "people lie (picture turned by 90 degrees)": Case(turned(90), cause="turned by a quarter"),
    "picture turned by 45 degrees": Case(turned(45)),
    "COCO's order": Case(lambda Y: convert(Y, "human36m", "coco"), cause="the landmarks read in the order of COCO"),
    "order reversed": Case(everything(lambda Y: Y[..., ::-1])),
    "BODY_25B read as BODY_25": Case(body25b_as_body25),
    "0, 0 for three landmarks": Case(zeros_as_landmarks),
    "pixels, scale 1": Case(everything(lambda Y: 200 * Y), 1.0, cause="the scale solved for"),
    "millimetres, scale 1": Case(everything(lambda Y: 1000 * Y), 1.0, cause="the scale solved for"),
    "centimetres, scale 1": Case(everything(lambda Y: 100 * Y), 1.0, cause="the scale solved for"),
    "0 to 1 of the height, scale 1": Case(everything(lambda Y: 0.3 * Y), 1.0, cause="the scale solved for"),
    "0 to 1 of a picture of 16:9": Case(everything(lambda Y: Y * [[9 / 16], [1]]), cause="x made 16/9 as wide"),
    "left and right exchanged": Case(everything(lambda Y: Y[..., list(HUMAN36M.swap)])),
}  # fmt: skip


def named(Y: np.ndarray, seen: np.ndarray, group: Group, case: Case) -> bool:
    """Whether the cause that is named, if any, is the right one."""
    frames = np.arange(len(Y))
    recording = Recording(np.where(seen[:, None], Y, np.nan), seen.astype(float), frames)
    lifted = lift(np.where(seen[:, None], Y, 0), group.prior, scale=case.scale, visible=seen, unusable="nan")
    found = find_cause(Person(recording, lifted, Settings(scale=case.scale)), group.prior)
    return found is not None and case.cause is not None and found[0].startswith(case.cause)


def measure(group: Group) -> dict[str, dict[str, Any]]:
    """Flagged frames in per cent, whether a batch warns, and whether the cause is named, by input."""
    people, rows = views(group.poses(EVERY)), {}
    for name, case in {**PROPER, **WRONG}.items():
        truth = tilted_camera(np.radians(case.camera)) @ people
        noise = LANDMARK_NOISE * np.random.default_rng(0).standard_normal(truth[:, :2].shape)
        Y, seen = case.change(truth[:, :2] + noise)
        lifted = lift(np.where(seen[:, None], Y, 0), group.prior, scale=case.scale, visible=seen, unusable="nan")
        flagged = 100 * float((~lifted.fit).mean())
        rows[name] = {"flagged": flagged, "batch": flagged > 50, "named": named(Y, seen, group, case)}
    return rows


PAGE = """\
# What does not fit: caught, missed, cried wolf

Made by `python benchmarks/misfit.py` ({machine}).

{groups} groups of clips, each held out in turn, from 8 headings, 10 mm of noise; the scale solved for where nothing
else is said. A frame is flagged, `Lifted.fit` is False, where its misfit is above {poor:g} or no rotation fits it.
Means over groups in per cent, with 95 % intervals over groups (bootstrap). A batch warns where more than half of its
frames are flagged.

## False alarms

{proper}

## Wrong inputs

{wrong}

"Cause named": in how many groups `python -m lifting`, which asks for it where frames are flagged, would name the right
one; "-" where it knows none. What can't be caught still looks like a person: sides exchanged, a person made narrower or
smaller, a picture turned by less than a quarter. There a reader that knows the format of the file helps, and a look.
"""


def page(rows: list[dict[str, dict[str, Any]]]) -> str:
    """The page in Markdown."""

    def line(name: str, case: Case) -> list[str]:
        batches, right = (sum(row[name][key] for row in rows) for key in ("batch", "named"))
        flagged = told([row[name]["flagged"] for row in rows])
        return [name, flagged, f"{batches} of {len(rows)}", f"{right} of {len(rows)}" if case.cause else "-"]

    return PAGE.format(
        machine=one_thread(), groups=len(rows), poor=POOR,
        proper=table(["landmarks", "flagged, %", "batches that warn"], [line(*item)[:3] for item in PROPER.items()]),
        wrong=table(["landmarks", *HEADS], [line(*item) for item in WRONG.items()]),
    )  # fmt: skip


def main(quick: bool = False) -> None:
    """Measure, print, and write.

    Args:
        quick: some groups only, and nothing is written.
    """
    rows = [measure(group) for group in held_out(quick)]
    record(__file__, {"groups": rows, "poor": POOR}, page(rows), quick)


if __name__ == "__main__":
    run_on_one_thread(main)
