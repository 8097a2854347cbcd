"""What is not smooth in the mapping from Y to Y_hat, measured on real poses and photos. Supplement, section 1.1.

The supplement calls (8) a sub-gradient: it holds R fixed, and the component, and the peaks of the belief maps. Y_hat
jumps where the winner of eq. (2) changes (`lifting.checking.jumps`), and its derivative would have one term more if R
were free to turn (`lifting.checking.turning`). Here is how much of either there is.

    python -m lifting.checking.smoothness     # measure; write data/smoothness.json and docs/smoothness.md
"""

import math
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import tyro
from jaxtyping import Float, Int

from lifting.camera import ROTATIONS, flip_y, turn
from lifting.checking.jumps import Crossings, one_pixel_crossings
from lifting.checking.turning import (
    angle_gradient,
    follow_to_fold,
    refine_angle,
    refined_jacobian,
    turning,
    turning_gain,
)
from lifting.datasets.motion_capture import MotionCapture, load_motion_capture
from lifting.datasets.real_frames import RealFrame, belief_human36m, load_real_frames, peaks
from lifting.fitting.default_prior import BEFORE, clip_poses, group_of, learn_without
from lifting.front import landmark_jacobian, lift
from lifting.pose_prior import PosePrior, load_older_mixture
from lifting.solve import centre, unwrap, weighted_mean
from lifting.support.arrays import fail
from lifting.support.files import PACKAGE, rounded, write_atomically, write_json
from lifting.support.options import Folder
from lifting.support.templates import render

MAP = 46
"""Rows and columns of the belief maps into which the motion capture is drawn; the person is `PERSON` pixels large."""

PERSON = 30.0
FRAMES = 12
"""Poses of every clip, evenly spaced over its upright ones."""

ROTATION_COUNTS = (20, 80, 10_000)
FAR = math.radians(20)
"""A turn beyond this is counted as a jump to another minimum, not to a neighbouring angle."""

SEED = 0


class Sample(NamedTuple):
    """Real poses in belief maps: N frames."""

    Y: Float[np.ndarray, "N 2 17"]
    """Landmarks in whole pixels, y up."""
    truth: Float[np.ndarray, "N 2 17"]
    """The same before they were rounded."""
    scale: Float[np.ndarray, " N"]
    """Pixels per metre."""
    group: Int[np.ndarray, " N"]
    """Clips that are nearly the same motion share a group."""


def group_names(motion: MotionCapture) -> list[str]:
    """The groups of clips that are different motions; a `Sample` counts them in this order."""
    return list(dict.fromkeys(map(group_of, motion.clip_names)))


def draw_sample() -> Sample:
    """`FRAMES` evenly spaced upright poses of every clip, from random headings, rounded to the pixels of a belief map.

    A level camera, heading uniform. The larger side of the box around the landmarks becomes `PERSON` pixels, the middle
    of the box comes to the middle of the `MAP` x `MAP` pixels; then every coordinate is rounded to a whole pixel.
    """
    motion, rng = load_motion_capture(), np.random.default_rng(SEED)
    groups = group_names(motion)
    clips = [(groups.index(group_of(name)), clip_poses(motion, name)) for name in motion.clip_names]
    kept = [(n, poses[np.linspace(0, len(poses) - 1, FRAMES).round().astype(int)]) for n, poses in clips if len(poses)]
    poses = np.concatenate([part for _, part in kept])
    flat = turn(poses, rng.uniform(0, 2 * math.pi, len(poses)))[:, :2]
    low, high = flat.min(axis=-1, keepdims=True), flat.max(axis=-1, keepdims=True)
    scale = PERSON / (high - low).max(axis=(1, 2))
    middle = (MAP - 1) / 2 * flip_y(np.ones((2, 1)))
    truth = scale[:, None, None] * (flat - (low + high) / 2) + middle
    return Sample(np.round(truth), truth, scale, np.repeat([n for n, _ in kept], FRAMES))


def held_out_prior(group: int) -> PosePrior:
    """A prior learned as the mixture was, but from all other groups of clips."""
    return learn_without((group_names(load_motion_capture())[group],), BEFORE)


def held_out_crossings(sample: Sample, rotations: int = ROTATIONS) -> dict[str, Any]:
    """`crossing_figures` with every frame lifted by the prior that has not seen its motion."""
    groups = np.unique(sample.group)
    parts = [
        one_pixel_crossings(sample.Y[sample.group == group], held_out_prior(int(group)), rotations=rotations)
        for group in groups
    ]
    return crossing_figures(parts, [sample.group[sample.group == group] for group in groups])


def real_landmarks(frame: RealFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Y (2, 17), `visible` and `camera` of a photo in the axes of its belief maps, y up: the peaks, untouched."""
    belief, present = belief_human36m(frame)
    return flip_y(peaks(belief).T), present & frame.visible, frame.map_camera


def bootstrap(values: Float[np.ndarray, " N"], group: Int[np.ndarray, " N"]) -> tuple[float, float]:
    """The 95 % interval of the mean of `values`, by drawing whole groups with replacement, 2000 times.

    Raises:
        ValueError: fewer than two groups.
    """
    names, index = np.unique(group, return_inverse=True)
    if len(names) < 2:
        fail("group", f"{len(names)} group", "at least 2")
    total, count = np.bincount(index, values), np.bincount(index)
    drawn = np.random.default_rng(SEED).integers(len(names), size=(2000, len(names)))
    low, high = np.quantile(total[drawn].sum(1) / count[drawn].sum(1), [0.025, 0.975])
    return float(low), float(high)


def crossing_figures(parts: Sequence[Crossings], groups: Iterable[Int[np.ndarray, " N"]]) -> dict[str, Any]:
    """What is reported of `one_pixel_crossings`: fractions with their intervals, and sizes in pixels.

    `parts` may differ in their visible landmarks; `groups` has for each of them the group of every frame.
    """
    found = Crossings(*(np.concatenate([np.ravel(value) for value in values]) for values in zip(*parts, strict=True)))
    group = np.concatenate([np.repeat(g, part.angle.shape[1]) for g, part in zip(groups, parts, strict=True)])
    figures: dict[str, Any] = {"moves": found.angle.size}
    changes = {
        "winner": found.winner, "angle": found.angle, "component": found.component, "far": found.turned > FAR,
        "more_missed_than_predicted": found.missed > found.predicted,
    }  # fmt: skip
    for name, changed in changes.items():
        figures[name] = {"fraction": float(changed.mean()), "interval": bootstrap(changed, group)}
    figures["angle_where_component_stays"] = float(found.angle[~found.component].mean())
    figures["predicted"] = spread(found.predicted)
    jumps = {"missed_angle_only": found.angle & ~found.component, "missed_component": changes["component"]}
    figures |= {name: spread(found.missed[moved]) if moved.any() else None for name, moved in jumps.items()}
    figures["eq_8_exact_elsewhere_to_1e-9"] = bool((found.missed[~found.winner] < 1e-9).all())
    return figures


def spread(values: Float[np.ndarray, " N"]) -> dict[str, float]:
    """Percentiles 5, 25, 50, 75 and 95."""
    return {f"{q}%": float(np.percentile(values, q)) for q in (5, 25, 50, 75, 95)}


def derivative_figures(sample: Sample, prior: PosePrior, *, free: bool) -> dict[str, Any]:
    """Eq. (8) beside `refined_jacobian` on real poses, centred: as matrices and as pull-backs of gradients g.

    Both are taken at the refined angle, but for "grid", which takes (8) where the layer does: at the best of 80 angles.
    Three kinds of g: random (normal, 4 per frame), the residual y_hat - y_true, and w itself, the worst case.
    """
    coarse = lift(sample.Y, prior, scale=None if free else sample.scale)
    refined, arrived = refine_angle(sample.Y, prior, coarse)
    found = turning(sample.Y, prior, refined)
    H, H_grid = landmark_jacobian(refined, prior), landmark_jacobian(coarse, prior)
    R = refined_jacobian(sample.Y, prior, refined)
    gradients = {
        "random": np.random.default_rng(SEED).standard_normal((len(H), H.shape[-1], 4)),
        "residual": unwrap(centre(refined.Y_hat - sample.truth))[..., None],
        "w": found.w[..., None],
    }
    gain = turning_gain(found)
    degrees = np.degrees(np.abs(angle_gradient(found, refined.scale)))
    moved = np.linalg.norm(found.w, axis=-1)[:, None] * np.abs(found.w) / found.kappa[:, None]
    expected = {str(T): float(np.minimum(degrees * T / 360, 1).mean()) for T in ROTATION_COUNTS}
    return {
        "arrived": float(arrived.mean()),
        "symmetric_to_1e-12": bool(np.abs(R - np.swapaxes(R, -1, -2)).max() < 1e-12),
        "pull_backs": {name: compare(H @ g, R @ g) for name, g in gradients.items()},
        "grid": {name: compare(H_grid @ g, R @ g) for name, g in gradients.items()},
        "trace_H": spread(np.trace(H, axis1=1, axis2=2)),
        "largest_eigenvalue_H": spread(np.linalg.eigvalsh(H)[:, -1]),
        "largest_eigenvalue_refined": spread(np.linalg.eigvalsh(R)[:, -1]),
        "amplifies_by_half": float((np.linalg.eigvalsh(R)[:, -1] > 1.5).mean()),
        "gain": spread(gain) | {"largest": float(gain.max())},
        "degrees_per_pixel": spread(degrees) | {"largest": float(degrees.max())},
        "turn_of_a_move": spread(moved),
        "expected_angle_changes": expected,
        "by_gain": by_gain(H, R, gradients["random"], gain),
    }


def compare(u: Float[np.ndarray, "N D M"], v: Float[np.ndarray, "N D M"]) -> dict[str, Any]:
    """Cosine of columns u and v, and the ratio of their lengths, ||v|| / ||u||, each as a `spread`."""
    length_u, length_v = np.linalg.norm(u, axis=1), np.linalg.norm(v, axis=1)
    return {"cosine": spread((u * v).sum(axis=1) / (length_u * length_v)), "ratio": spread(length_v / length_u)}


GAINS = (0.0, 0.5, 0.7, 1.0, math.inf)


def by_gain(H: np.ndarray, R: np.ndarray, g: np.ndarray, gain: np.ndarray) -> list[dict[str, Any]]:
    """`compare` for random gradients, the frames sorted by gain: the larger it is, the flatter the cost in theta."""
    rows = []
    for low, high in zip(GAINS, GAINS[1:], strict=False):
        some = (low <= gain) & (gain < high)
        if some.any():
            row = {"from": low, "to": high if math.isfinite(high) else None, "frames": int(some.sum())}
            rows.append(row | compare(H[some] @ g[some], R[some] @ g[some]))
    return rows


def fold_figures(sample: Sample, prior: PosePrior, frame: int) -> dict[str, Any]:
    """One person blended into their mirror image, up to where the minimum over theta ends."""
    Y = sample.Y[frame]
    mirrored = weighted_mean(Y) - flip_y(centre(Y))
    fold = follow_to_fold(Y, mirrored, prior)
    left = fold.t[-1] - fold.t
    near = (left > 1e-6) & (left < 1e-2)
    power = np.polyfit(np.log(left[near]), np.log(fold.gain[near]), 1)[0]
    rows = [int(np.argmin(np.abs(np.log(left[:-1] / distance)))) for distance in 10.0 ** -np.arange(0, 7)]
    columns = {"left": left, "theta_degrees": np.degrees(fold.theta) % 360, "kappa": fold.kappa, "gain": fold.gain}
    path = [{name: float(column[row]) for name, column in columns.items()} for row in dict.fromkeys(rows)]
    way = (1 - fold.t[:, None, None]) * Y + fold.t[:, None, None] * mirrored
    apart = np.remainder(lift(way, prior, scale=None).theta - fold.theta + math.pi, 2 * math.pi) - math.pi
    gone = float(fold.t[np.abs(apart) > FAR].min(initial=1.0))
    return {"frame": frame, "at": float(fold.t[-1]), "search_leaves_at": gone, "power": float(power), "path": path}


FOLD_FRAME = 200
"""Of the sample; its minimum does not survive the way to the mirror image."""


def measure() -> dict[str, Any]:
    """Everything that `docs/smoothness.md` reports; the same numbers in every run but for rounding."""
    prior, sample = load_older_mixture(), draw_sample()
    photos = [real_landmarks(frame) for frame in load_real_frames()]

    def photo_crossings(rotations: int) -> list[Crossings]:
        # one call a photo: each has a camera of its own
        return [
            one_pixel_crossings(Y[None], prior, rotations=rotations, visible=seen, camera=camera)
            for Y, seen, camera in photos
        ]

    return {
        "sample": {
            "frames": len(sample.Y), "groups": len(set(sample.group.tolist())), "map": MAP, "person": PERSON,
            "seed": SEED, "pixels_per_metre": spread(sample.scale),
        },
        "photos": {"frames": len(photos), "landmarks": [int(seen.sum()) for _, seen, _ in photos]},
        "crossings": {
            str(T): crossing_figures([one_pixel_crossings(sample.Y, prior, rotations=T)], [sample.group])
            for T in ROTATION_COUNTS
        },
        "crossings_held_out": {str(ROTATIONS): held_out_crossings(sample)},
        "crossings_photos": {
            str(rotations): crossing_figures(photo_crossings(rotations), np.arange(len(photos))[:, None])
            for rotations in ROTATION_COUNTS
            if rotations <= ROTATIONS
        },
        "derivatives": {
            "free": derivative_figures(sample, prior, free=True),
            "fixed": derivative_figures(sample, prior, free=False),
        },
        "fold": fold_figures(sample, prior, FOLD_FRAME),
    }  # fmt: skip


def report(figures: dict[str, Any]) -> str:
    """The text of `docs/smoothness.md`, all its numbers read from `figures`."""
    text = render(
        "lifting.checking", "smoothness.md.j2", **figures, free=figures["derivatives"]["free"],
        fixed=figures["derivatives"]["fixed"], samples={name: figures[key] for name, key in SAMPLES.items()},
        far=math.degrees(FAR), frames=FRAMES,
    )  # fmt: skip
    parts = text.strip().split("\n\n")
    filled = [part if part.startswith(("|", "#")) else textwrap.fill(part, 116) for part in parts]
    return "\n\n".join(filled) + "\n"


SAMPLES = {
    "motion capture": "crossings",
    "motion capture, held out": "crossings_held_out",
    "photos": "crossings_photos",
}
"""What the report calls each sample, and its key."""


def write(data: Folder = PACKAGE.parent / "data", docs: Folder = PACKAGE.parent / "docs") -> None:
    """Measure, and write smoothness.json and smoothness.md.

    Args:
        data: the folder of smoothness.json.
        docs: the folder of smoothness.md.
    """
    figures = rounded(measure(), digits=3)
    write_json(data / "smoothness.json", figures)
    write_atomically(docs / "smoothness.md", report(figures).encode())


def main(arguments: Sequence[str] | None = None) -> None:
    """`write`, as the command line says."""
    tyro.cli(write, prog="python -m lifting.checking.smoothness", args=arguments)


if __name__ == "__main__":
    main()
