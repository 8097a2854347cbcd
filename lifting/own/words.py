"""What is said about a file and its people: what was recognised, what could not be lifted, and what fits poorly."""

from collections.abc import Sequence

import numpy as np

from lifting.misfit import POOR
from lifting.own.causes import find_cause
from lifting.own.person import Person
from lifting.pose_prior import PosePrior

LEAST = 3
"""Landmarks that fix the angle and the scale."""


def ranges(numbers: Sequence[int]) -> str:
    """Numbers in words: "3, 7-9 and 12"; of many the first ones, and how many more there are."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    shown = [f"{first}" if first == last else f"{first}-{last}" for first, last in runs[:8]]
    if len(runs) > len(shown):
        more = sum(last - first + 1 for first, last in runs[len(shown) :])
        return f"{', '.join(shown)} and {more} more"
    return " and ".join(filter(None, [", ".join(shown[:-1]), shown[-1]]))


def counted(count: int, word: str, many: str = "") -> str:
    """A count with its word, such as "1 frame" and "2 frames"."""
    return f"{count} {word if count == 1 else many or word + 's'}"


def recognised(people: Sequence[Person]) -> str:
    """What a file was read as: format, people, frames, size."""
    recordings = [person.recording for person in people]
    frames = np.unique(np.concatenate([one.frames for one in recordings]))
    parts = [recordings[0].format, counted(len(people), "person", "people"), counted(len(frames), "frame")]
    if recordings[0].size is not None:
        parts.append("{:.6g} x {:.6g}".format(*recordings[0].size))
    return ", ".join(filter(None, parts))


def remarks(person: Person, prior: PosePrior) -> list[str]:
    """Sentences about one person: frames that were not lifted, and why; frames that fit poorly, and why."""
    usable, frames = person.usable, np.asarray(person.recording.frames)
    said = []
    if person.changed is not None and person.changed.any():
        said.append(f"Left and right were changed back: {_frames(frames[person.changed])}.")
    few = ~usable & (person.recording.visible.sum(1) < LEAST)
    other = ~usable & ~few
    if few.any():
        said.append(f"Not lifted, as fewer than {LEAST} landmarks were seen: {_frames(frames[few])}.")
    if other.any():
        who = "nobody" if person.settings.orientation == "free" else "nobody upright"
        said.append(f"Not lifted, as {who} has landmarks like these: {_frames(frames[other])}.")
    poor = person.poor
    if poor.any():
        median = np.median(np.asarray(person.lifted.misfit)[poor])
        said.append(f"{poor.sum()} of {counted(usable.sum(), 'lifted frame')} {'fits' if poor.sum() == 1 else 'fit'} "
                    f"poorly, with a misfit of {median:.3g} (the median) where up to {POOR:g} is usual: "
                    f"{_frames(frames[poor])}.")  # fmt: skip
    if 2 * (poor | other).sum() > len(frames) - few.sum():
        said.append(_reason(person, prior))
    return said


def _frames(numbers: np.ndarray) -> str:
    return f"{'frame' if len(numbers) == 1 else 'frames'} {ranges([int(number) for number in numbers])}"


def _reason(person: Person, prior: PosePrior) -> str:
    """Why most frames fit poorly or were not lifted: what was tried, or the likely reasons in order."""
    found = find_cause(person, prior)
    if found is None:
        return ("Nothing that was tried explains it. Likely: another order of landmarks than the format says, a "
                "stretched picture, a person bent or turned as nobody in the prior is.")  # fmt: skip
    name, better = found
    times = f"{better:.2g} times better" if np.isfinite(better) else "where nothing fits as it is,"
    return f"Fits {times} with {name}."
