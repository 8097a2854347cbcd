"""The exercises of notebook 12, the last project: checked step by step."""

from typing import Any

import numpy as np

from lifting import camera, front, metrics, pose_prior, solve
from lifting.drawing.exercises.judging import Exercise, Mistake
from lifting.fitting import fit_prior

NOTEBOOK = "12_last_project"

_rng = np.random.default_rng(12)
_raw = _rng.normal(200, 30, (4, 2, 3, 6))
_walk_of = np.repeat(np.arange(40), 12)


def _small_prior(L: int = 6, J: int = 3) -> pose_prior.PosePrior:
    rows = _rng.standard_normal((J + 1, 3, L))
    rows -= rows.mean(2, keepdims=True)
    e = np.linalg.qr(rows[:J].reshape(J, -1).T)[0].T.reshape(1, J, 3, L)
    one = np.ones(1)
    return pose_prior.PosePrior(rows[None, J], e, np.array([[0.2, 0.5, 0.9]]), 0.01 * one, one)


_prior = _small_prior()
_gaussian = _prior.gaussian(0)
_truth = camera.turn(pose_prior.sample(_prior, 3, _rng).poses, np.array([0.3, 2.0, 4.0]))


def _poses(raw: np.ndarray) -> np.ndarray:
    return _centred(raw[..., [1, 2, 0], :] / 100)


def _centred(poses: np.ndarray) -> np.ndarray:
    return poses - poses.mean(-1, keepdims=True)


def _error(Y: np.ndarray, truth: np.ndarray, prior: pose_prior.PosePrior) -> float:
    return 1000 * float(metrics.mpjpe(front.lift(Y, prior).pose, truth, root="centroid").mean())


def _off(Y: np.ndarray, truth: np.ndarray, prior: pose_prior.PosePrior) -> np.ndarray:
    return _centred(front.lift(Y, prior).pose) - _centred(truth)


def _errors(Y: np.ndarray, truth: np.ndarray, prior: pose_prior.PosePrior) -> list[float]:
    off = 1000 * _off(Y, truth, prior)
    return [float(np.hypot(off[:, 0], off[:, 1]).mean()), float(np.abs(off[:, 2]).mean())]


def _depth(gaussian: pose_prior.Gaussian, theta: float, row: int = 2, sign: int = 1) -> np.ndarray:
    _, E = solve.projected_model(gaussian.mu, gaussian.e, np.asarray(theta))
    turned = camera.turn(gaussian.e, np.asarray(sign * theta))
    return turned[:, row].T @ solve.truncated_pseudo_inverse(E, gaussian.sigma)


def _without_ridge(gaussian: pose_prior.Gaussian, theta: float) -> np.ndarray:
    _, E = solve.projected_model(gaussian.mu, gaussian.e, np.asarray(theta))
    return camera.turn(gaussian.e, np.asarray(theta))[:, 2].T @ np.linalg.pinv(E)


def _split(got: Any) -> str:
    mask = np.asarray(got[0] if isinstance(got, list) and len(got) == 1 else got)
    if mask.shape != _walk_of.shape or mask.dtype != bool:
        return "A mask is asked for: one boolean for each frame."
    if not 0.1 <= mask.mean() <= 0.35:
        return f"About a fifth is to be kept back, not {mask.mean():.0%}."
    both = set(_walk_of[mask]) & set(_walk_of[~mask])
    return "Frames of one walk are on both sides: the prior has then seen what it is tested on." if both else ""


def _own(got: Any) -> str:
    """What is wrong with poses of the reader's own, and the recording that each is of."""
    if not isinstance(got, (list, tuple)) or len(got) != 2:
        return "Two arrays are asked for: the poses, and the recording that each is of."
    poses = np.asarray(got[0], dtype=float) if isinstance(got[0], np.ndarray) else np.zeros(0)
    if poses.ndim != 3 or poses.shape[1] != 3 or poses.shape[2] < 4 or len(poses) < 100:
        return "An array (N, 3, L) is asked for, N at least 100 and L at least 4."
    if not np.isfinite(poses).all():
        return "Some of the poses are not finite."
    if np.shape(got[1]) != (len(poses),):
        return f"The recording of each pose is asked for: an array ({len(poses)},)."
    names, recording_of, lengths = np.unique([str(name) for name in got[1]], return_inverse=True, return_counts=True)
    if len(names) < 2:
        return "At least two recordings are asked for, since whole ones are kept back. Cut a long one into pieces."
    if np.count_nonzero(np.diff(recording_of)) >= len(names) or lengths.min() < 10:
        return "The poses of a recording belong together, ten at least: single frames kept back are no new motion."
    kept_back = recording_of % 5 == 0
    if kept_back.mean() > 0.5:
        return f"Recordings of about one length are asked for: of these, {kept_back.mean():.0%} would be kept back."
    return _lifted_badly(_centred(poses), kept_back)


def _lifted_badly(poses: np.ndarray, kept_back: np.ndarray) -> str:
    """Whether the mean pose is as good as lifting what was kept back, by a prior of the rest."""
    known, new = poses[~kept_back], poses[kept_back]
    prior = fit_prior.fit_prior(known, 2, tolerance=1e-3, rounds=20).prior
    error, mean = _error(new[:, :2], new, prior), known.mean(0)
    plain = 1000 * float(metrics.mpjpe(np.broadcast_to(mean, new.shape), new, root="centroid").mean())
    return "" if error < plain else f"Lifted, the rest is off by {error:.0f} mm, and the mean pose by {plain:.0f} mm."


EXERCISES = {
    "12.1": Exercise(
        right=_poses,
        calls=((_raw,),),
        hints=(
            "Which raw axis is up? Which points towards the viewer, if the animal walks towards them?",
            "The new rows are raw's rows 1, 2, 0: left, up, forwards. Then centimetres to metres.",
            "Centre each pose: minus its mean over the landmarks, the last axis.",
        ),
        mistakes=(
            Mistake(
                lambda raw: raw[..., [1, 2, 0], :] / 100, "Each pose is to be centred: minus its mean over landmarks."
            ),
            Mistake(lambda raw: 100 * _poses(raw), "Metres are asked for; raw has centimetres."),
            Mistake(
                lambda raw: _poses(raw) * np.array([[-1.0], [1.0], [1.0]]),
                "This is the mirror image: left legs have become right ones.",
            ),
            Mistake(lambda raw: _centred(raw) / 100, "The axes are raw's still: y must point up, and z to the viewer."),
            Mistake(lambda raw: _centred(raw[..., [0, 2, 1], :] / 100), "The animal walks along x: it must face +z."),
        ),
    ),
    "12.2": Exercise(
        right=None,
        calls=((_walk_of,),),
        hints=("Frames of one walk are nearly alike: keep whole walks together.", "walk_of % 5 == 0"),
        mistakes=(
            Mistake(lambda walk_of: np.arange(len(walk_of)) % 5 == 0, "Every fifth frame is no new motion."),
            Mistake(lambda walk_of: walk_of >= 0, "Nothing is left to learn from."),
            Mistake(lambda walk_of: np.flatnonzero(walk_of % 5 == 0), "A mask is asked for."),
        ),
        check=_split,
    ),
    "12.3": Exercise(
        right=[42, 41],
        hints=("Three coordinates a landmark; centring fixes three numbers.", "45 - 3, and one fewer for the noise."),
        mistakes=(
            Mistake([45, 44], "Centred poses: the mean of x, of y and of z is fixed."),
            Mistake([42, 42], "One direction at least is left to the noise."),
            Mistake([28, 27], "A pose has three coordinates a landmark; the picture has two."),
        ),
    ),
    "12.4": Exercise(
        right=_errors,
        calls=((_truth[:, :2], _truth, _prior),),
        hints=(
            "lift(Y, prior) has a field pose, in the units of Y. Take its mean over landmarks away, and that of truth.",
            "np.linalg.norm over the rows 0 and 1 of the difference; np.abs of row 2. Average both, times 1000.",
        ),
        mistakes=(
            Mistake(lambda *given: [each / 1000 for each in _errors(*given)], "Millimetres are asked for."),
            Mistake(lambda *given: _errors(*given)[::-1], "Across the picture first, then in depth."),
            Mistake(
                lambda Y, truth, prior: [
                    _errors(Y, truth, prior)[0],
                    1000 * float((_off(Y, truth, prior)[:, 2]).mean()),
                ],
                "Depths that are too large and too small cancel: take their absolute values first.",
            ),
            Mistake(
                lambda Y, truth, prior: list(1000 * np.abs(_off(Y, truth, prior)).mean((0, 2))),
                "Two numbers are asked for: x and y together are one distance.",
            ),
        ),
    ),
    "12.5": Exercise(
        right=_depth,
        calls=((_gaussian, 0.7), (_gaussian, 4.0)),
        hints=(
            "z depends on y through a alone: dz/dy = (dz/da)(da/dy). Which of the two is known from notebook 04?",
            "da/dy is E_bar_t, as in (7). dz/da has the depth of each turned basis as a column.",
            "camera.turn(gaussian.e, theta)[:, 2].T is dz/da, (L, J).",
        ),
        mistakes=(
            Mistake(lambda g, theta: _depth(g, theta, row=0), "Row 0 of the turned bases is x. Depth is row 2."),
            Mistake(
                lambda g, theta: _depth(g, 0.0) if not theta else _depth(g, theta, sign=0),
                "The bases are to be turned: R e.",
            ),
            Mistake(lambda g, theta: _depth(g, theta, sign=-1), "The bases are turned the wrong way."),
            Mistake(_without_ridge, "The ridge is forgotten: E_bar_t, and not the pseudo-inverse of E."),
            Mistake(lambda g, theta: _depth(g, theta).T, "The numbers are right, transposed."),
        ),
    ),
    "12.6": Exercise(
        right=["Ben", "ridge forgotten", "turned the wrong way"],
        hints=(
            "verdict(candidates[name]) for each.",
            "Compare each line that made them with your own: which pseudo-inverse, which angle?",
        ),
        mistakes=(
            Mistake(["Ada", "ridge forgotten", "turned the wrong way"], "The checker refuses Ada's."),
            Mistake(["Ben", "turned the wrong way", "ridge forgotten"], "The other way round."),
            Mistake(["Ben", "scale wrong", "turned the wrong way"], "Ada's is no multiple of the right one."),
        ),
    ),
    "12.7": Exercise(
        right=None,
        hints=(
            "Any array (N, 3, L) that varies, from motion capture or a formula; and the recording of each pose, (N,).",
            "y up, metres, facing +z at the start; 100 frames of two recordings or more. The solution has a pendulum.",
        ),
        mistakes=(
            Mistake([[1.0, 2.0]], "No poses."),
            Mistake([np.zeros((50, 3, 5)), np.zeros(50)], "Too few."),
            Mistake([np.full((100, 3, 5), np.nan), np.zeros(100)], "Not finite."),
            Mistake([np.zeros((100, 3, 5)), np.arange(3)], "A recording for each pose."),
            Mistake([np.zeros((100, 3, 5)), np.zeros(100)], "One recording: nothing whole can be kept back."),
            Mistake([np.zeros((100, 3, 5)), np.arange(100)], "Single frames."),
            Mistake([np.zeros((100, 3, 5)), np.arange(100) % 2], "Frames that take turns."),
            Mistake([np.zeros((100, 3, 5)), np.arange(100) >= 90], "Nothing much is left to learn from."),
        ),
        check=_own,
    ),
}
