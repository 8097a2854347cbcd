"""People that the prior has not met, seen by cameras that are not level: what the tilts of `lift` gain, and its misfit.

    python benchmarks/held_out.py            # some minutes: writes benchmarks/held_out.json and benchmarks/held_out.md
    python benchmarks/held_out.py --quick    # some groups of clips, prints only

As in `lifting.fitting.default_prior`: a group of clips is held out, a prior with the settings of the embedded one is
learned from the others, and the held-out poses are lifted. Here cameras look down by 0 to 30 degrees, and the scale is
solved for. Errors are means over groups of the mean over a group's frames. The eight embedded photos are lifted
with the embedded prior, which has not met the man in them.

The misfit is that of `lifting.misfit`; a frame alone warns where it is above POOR, a batch where more than half are.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pages import page_of, record, run_on_one_thread
from people import held_out, held_out_settings

from lifting import PosePrior, lift, load_prior
from lifting.camera import tilted_camera
from lifting.datasets.real_frames import load_real_frames
from lifting.fitting.held_out import views
from lifting.metrics import mpjpe, p_mpjpe
from lifting.misfit import POOR
from lifting.skeleton import HUMAN36M, convert

HERE = Path(__file__).parent
DEGREES = (0, 10, 20, 30)
SEARCHED = np.radians(DEGREES)
EVERY = 4
NOISE = 0.010
"""Metres, of what is added to exact landmarks to stand for a detector's."""

Landmarks = np.ndarray
PROPER: dict[str, Callable[[Landmarks, np.random.Generator], Landmarks]] = {
    "exact landmarks": lambda Y, rng: Y,
    "10 mm of noise": lambda Y, rng: Y + NOISE * rng.standard_normal(Y.shape),
}
WRONG: dict[str, Callable[[Landmarks], Landmarks]] = {
    "y points down (rows of an image)": lambda Y: Y * [[1], [-1]],
    "y points down, scale 1": lambda Y: Y * [[1], [-1]],
    "order of COCO": lambda Y: convert(Y, "human36m", "coco")[0],
    "order reversed": lambda Y: Y[..., ::-1],
    "left and right swapped": lambda Y: Y[..., list(HUMAN36M.swap)],
    "0 to 1 of a picture of 16:9": lambda Y: Y * [[9 / 16], [1]],
    "lying: a quarter turn in the image": lambda Y: Y[..., ::-1, :] * [[1], [-1]],
    "200 pixels a metre, scale 1": lambda Y: 200 * Y,
    "0.3 of its size, scale 1": lambda Y: 0.3 * Y,
}


def measure_group(prior: PosePrior, poses: np.ndarray) -> dict[str, Any]:
    """Errors in mm by pitch and way of lifting, and the misfits, of poses (n, 3, L) that the prior has not met."""
    level = views(poses)
    errors, misfits = {}, {}
    for degrees in DEGREES:
        C = tilted_camera(np.radians(degrees))
        truth = C @ level
        for name, options in {"level": {}, "tilts": {"tilts": SEARCHED}, "known": {"camera": C}}.items():
            lifted = lift(truth[:, :2], prior, scale=None, unusable="nan", **options)
            pose = lifted.pose / lifted.scale[:, None, None]
            kept = lifted.usable
            errors[f"{degrees} {name}"] = [
                float(1000 * np.mean(measure(pose[kept], truth[kept])))
                for measure in (p_mpjpe, lambda X, T: mpjpe(X, T, root="centroid"))
            ]
        for name, change in PROPER.items():
            lifted = lift(change(truth[:, :2], np.random.default_rng(0)), prior, scale=None, unusable="nan")
            misfits[f"{name}, camera pitched by {degrees}"] = lifted.misfit
    for name, change in WRONG.items():
        scale = 1.0 if "scale 1" in name else None
        misfits[name] = lift(change(level[:, :2]), prior, scale=scale, unusable="nan").misfit
    return {"errors": errors, "misfits": misfits}


def photos(prior: PosePrior) -> dict[str, list[float]]:
    """P-MPJPE in mm of the eight embedded photos, and misfits: the camera known, taken for level, or searched."""
    rows = {}
    for name in ("known", "level", "tilts"):
        errors, misfits = [], []
        for frame in load_real_frames():
            options = {"known": {"camera": frame.camera}, "level": {}, "tilts": {"tilts": SEARCHED}}[name]
            lifted = lift(frame.Y, prior, scale=None, visible=frame.visible, **options)
            both = frame.pseudo_visible
            errors.append(float(1000 * p_mpjpe(lifted.pose[:, both] / lifted.scale, frame.pseudo_truth[:, both])))
            misfits.append(float(lifted.misfit))
        rows[name] = {"p_mpjpe": errors, "misfit": misfits}
    return rows


def main(quick: bool = False) -> None:
    """Measure, print, and write.

    Args:
        quick: some groups only, and nothing is written.
    """
    rows = [measure_group(group.prior, group.poses(EVERY)) for group in held_out(quick)]
    errors = {key: np.mean([row["errors"][key] for row in rows], axis=0).round(1).tolist() for key in rows[0]["errors"]}
    misfits = {}
    for key in rows[0]["misfits"]:
        every = np.concatenate([row["misfits"][key] for row in rows])
        fitted = every[~np.isnan(every)]
        misfits[key] = {
            "frames": len(every), "unusable_percent": 100 * float(np.isnan(every).mean()),
            "above_percent": 100 * float((fitted > POOR).mean()), "median": float(np.median(fitted)),
            "quantiles": dict(zip(("1", "99"), np.quantile(fitted, (0.01, 0.99)).tolist(), strict=True)),
            "highest": float(fitted.max()), "groups_that_warn": sum(
                2 * (row["misfits"][key] > POOR).sum() > (~np.isnan(row["misfits"][key])).sum() for row in rows
            ).item(),
        }  # fmt: skip
    report = {"settings": held_out_settings(), "groups": len(rows), "poor": POOR, "errors": errors, "misfits": misfits,
              "photos": photos(load_prior())}  # fmt: skip
    record(__file__, report, page_of(__file__, report=report, degrees=DEGREES, median=np.median), quick)


if __name__ == "__main__":
    run_on_one_thread(main)
