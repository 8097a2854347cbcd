"""How fast is the search of eq. (2)? Every time is given as a ratio to a named baseline of the same run.

    OPENBLAS_NUM_THREADS=1 python benchmarks/search.py     # minutes: writes benchmarks/search.json and search.md
    python benchmarks/search.py --quick                    # a minute, prints only: fewer frames for the baselines

NumPy's BLAS is given one thread: threads of NumPy and of torch that wait for work by spinning are in each other's way,
and a call of torch's that follows one of NumPy's can take twice as long.

Landmarks: 10,000 poses of the embedded motion capture at random headings, seen orthographically, 5 mm of noise.
Priors learned from the same poses, J = 25, one component and five. 80 rotations unless said otherwise. The time of a
call is the least of several; it includes everything from landmarks to 3D poses.

- One frame: against the loop over frames with batched BLAS, for the priors above and the older embedded one.
- Gaps: 300 frames whose landmarks are missing in ever new patterns, or have confidences, against none missing; the
  first call for them too.
- Products: the share of a call that goes into matrix products, by torch's profiler on one thread.
"""

import os
import time
from collections.abc import Callable

import numpy as np
import torch
import tyro
from pages import listed, machine, record, table
from torch.profiler import profile

from lifting import PosePrior, lift
from lifting.camera import project, rotation, rotation_angles
from lifting.datasets.motion_capture import load_motion_capture
from lifting.fitting.fit_prior import fit_prior
from lifting.pose_prior import load_older_mixture
from lifting.solve import log_determinant, projected_model, stack_ridge, truncated_pseudo_inverse
from lifting.support.tensors import one_thread

FRAMES, J = 10_000, 25
COMPARED = 1000
"""Frames whose winners are compared with the literal loop's, which takes 57 ms for one."""


def main(*, quick: bool = False) -> None:
    """Measure, print, and write.

    Args:
        quick: fewer frames for the baselines; write nothing.
    """
    torch.set_num_threads(os.cpu_count() or 1)
    Y = landmarks()
    priors = {K: learned_prior(K) for K in (1, 5)}
    report = {"machine": machine(), "frames": FRAMES, "bases": J}
    report["baselines"] = [baselines(Y, priors[K], dtype, quick) for K in (1, 5) for dtype in ("float32", "float64")]
    report["winners"] = [same_winners(Y, priors[K], 50 if quick else COMPARED) for K in (1, 5)]
    report["rotations"] = [rotations(Y, priors[1], dtype) for dtype in ("float32", "float64")]
    report["components"] = components(Y, priors[5])
    report["batch"] = batch_sizes(Y, priors[1])
    report["variants"] = variants(Y, priors[1])
    report["one frame"] = one_frame(Y, {"1": priors[1], "5": priors[5], "5, embedded": load_older_mixture()})
    report["gaps"] = [gaps(Y, priors[K]) for K in (1, 5)]
    report["products"] = products(Y, priors[1])
    record(__file__, report, markdown(report), quick)


def landmarks() -> np.ndarray:
    """10,000 frames (2, 17), metres: motion capture at random headings, with noise."""
    rng = np.random.default_rng(0)
    poses = load_motion_capture().poses
    chosen = poses[rng.integers(len(poses), size=FRAMES)]
    Y = project(chosen, rng.uniform(0, 2 * np.pi, FRAMES))
    return Y + 0.005 * rng.normal(size=Y.shape)


def learned_prior(components: int) -> PosePrior:
    """J = 25 bases, learned from every 16th pose: good enough to be timed."""
    return fit_prior(load_motion_capture().poses[::16], J, components, rounds=5, seed=0).prior


def seconds(call: Callable[[], object], repeats: int = 15) -> float:
    """The least time of several calls, after one that doesn't count."""
    call()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


class Tables:
    """What the loops below precompute: p, E, E_bar_t for every component and rotation."""

    def __init__(self, prior: PosePrior, dtype: str) -> None:
        theta = rotation_angles()
        models = [projected_model(mu, e, theta) for mu, e in zip(prior.mu, prior.e, strict=True)]
        self.p, self.E = (np.stack(part) for part in zip(*models, strict=True))
        self.E_bar = stack_ridge(self.E, prior.sigma[:, None])
        self.E_bar_t = truncated_pseudo_inverse(self.E, prior.sigma[:, None])
        log_det = log_determinant(self.E, prior.sigma[:, None], prior.noise_variance[:, None], 17.0)
        self.log_det = log_det - 2 * np.log(prior.weights)[:, None]
        self.sigma, self.v, self.mu, self.e = prior.sigma, prior.noise_variance, prior.mu, prior.e
        self.R = rotation(theta)
        for name, value in vars(self).items():
            setattr(self, name, value.astype(dtype))


def literal_loop(y: np.ndarray, tab: Tables) -> tuple[int, int, np.ndarray]:
    """One frame, as eq. (2) and (5) read: least squares for every component and rotation, then the most probable."""

    def solve(k: int, t: int) -> tuple[np.ndarray, float]:
        target = np.concatenate([y - tab.p[k, t], np.zeros(J, y.dtype)])
        a = np.linalg.lstsq(tab.E_bar[k, t], target, rcond=None)[0]
        return a, np.sum((target - tab.E_bar[k, t] @ a) ** 2)

    return _one_by_one(solve, tab)


def rotation_loop(y: np.ndarray, tab: Tables) -> tuple[int, int, np.ndarray]:
    """One frame, E_bar_t precomputed: a loop over components and rotations."""

    def solve(k: int, t: int) -> tuple[np.ndarray, float]:
        residual = y - tab.p[k, t]
        a = tab.E_bar_t[k, t] @ residual
        return a, np.sum((residual - tab.E[k, t] @ a) ** 2) + np.sum((tab.sigma[k] * a) ** 2)

    return _one_by_one(solve, tab)


def _one_by_one(solve: Callable[[int, int], tuple[np.ndarray, float]], tab: Tables) -> tuple[int, int, np.ndarray]:
    """The winner where `solve` gives a and the cost of one component at one rotation."""
    best = (np.inf, 0, 0, np.zeros(0))
    for k in range(len(tab.p)):
        least = (np.inf, 0, np.zeros(0))
        for t in range(tab.p.shape[1]):
            a, cost = solve(k, t)
            if cost < least[0]:
                least = (cost, t, a)
        score = least[0] / tab.v[k] + tab.log_det[k, least[1]]
        if score < best[0]:
            best = (score, k, *least[1:])
    _, k, t, a = best
    return k, t, tab.R[t] @ (tab.mu[k] + np.tensordot(a, tab.e[k], 1))


def frame_loop(y: np.ndarray, tab: Tables) -> tuple[int, int, np.ndarray]:
    """One frame, E_bar_t precomputed: all components and rotations in one einsum each way."""
    residual = y - tab.p
    a = np.einsum("ktjl,ktl->ktj", tab.E_bar_t, residual)
    fit = np.einsum("ktlj,ktj->ktl", tab.E, a)
    return _winner(a, np.sum((residual - fit) ** 2, -1) + np.sum((tab.sigma[:, None] * a) ** 2, -1), tab)


def matmul_loop(y: np.ndarray, tab: Tables) -> tuple[int, int, np.ndarray]:
    """One frame, E_bar_t precomputed: all components and rotations in one batch of BLAS products each way."""
    residual = y - tab.p
    a = (tab.E_bar_t @ residual[..., None])[..., 0]
    fit = (tab.E @ a[..., None])[..., 0]
    return _winner(a, np.sum((residual - fit) ** 2, -1) + np.sum((tab.sigma[:, None] * a) ** 2, -1), tab)


def _winner(a: np.ndarray, cost: np.ndarray, tab: Tables) -> tuple[int, int, np.ndarray]:
    angle = cost.argmin(1)
    every = np.arange(len(cost))
    k = int(np.argmin(cost[every, angle] / tab.v + tab.log_det[every, angle]))
    t = int(angle[k])
    return k, t, tab.R[t] @ (tab.mu[k] + np.tensordot(a[k, t], tab.e[k], 1))


def baselines(Y: np.ndarray, prior: PosePrior, dtype: str, quick: bool) -> dict[str, object]:
    """`lift` on all frames against four loops over single frames; microseconds a frame."""
    tab, y = Tables(prior, dtype), Y.astype(dtype)
    flat = (y - y.mean(-1, keepdims=True)).reshape(len(y), -1)
    row: dict[str, object] = {"components": len(prior.mu), "dtype": dtype}
    row["lift"] = 1e6 * seconds(lambda: lift(y, prior)) / len(y)
    loops = {literal_loop: 5, rotation_loop: 25, frame_loop: 300, matmul_loop: 300}
    for loop, count in loops.items():
        frames = flat[: max(2, count // 5) if quick else count]
        row[loop.__name__] = 1e6 * seconds(lambda: [loop(frame, tab) for frame in frames], 5) / len(frames)  # noqa: B023
    return row


def same_winners(Y: np.ndarray, prior: PosePrior, frames: int) -> dict[str, int]:
    """On how many frames `lift` differs from the literal loop in float64 in component or angle."""
    tab, flat = Tables(prior, "float64"), (Y - Y.mean(-1, keepdims=True)).reshape(len(Y), -1)
    winners = np.array([literal_loop(y, tab)[:2] for y in flat[:frames]])
    row = {"components": len(prior.mu), "frames": frames}
    for dtype in ("float64", "float32"):
        result = lift(Y[:frames].astype(dtype), prior)
        angle = np.rint(result.theta.astype(float) / (2 * np.pi / 80)).astype(int)
        row[f"different in {dtype}"] = int(np.sum((result.component != winners[:, 0]) | (angle != winners[:, 1])))
    return row


def rotations(Y: np.ndarray, prior: PosePrior, dtype: str) -> dict[str, object]:
    """How the time grows with the number of rotations, as a ratio to that of 80; microseconds a frame."""
    y = Y.astype(dtype)
    times = {T: seconds(lambda: lift(y, prior, rotations=T), 7) for T in (80, 800, 10_000)}  # noqa: B023
    return {"dtype": dtype, "us": {T: 1e6 * t / len(y) for T, t in times.items()},
            "ratio": {T: t / times[80] for T, t in times.items()}}  # fmt: skip


def components(Y: np.ndarray, prior: PosePrior) -> dict[int, float]:
    """Microseconds a frame for one component to five, float32."""
    y = Y.astype("float32")
    parts = {K: PosePrior(prior.mu[:K], prior.e[:K], prior.sigma[:K], prior.noise_variance[:K],
                          prior.weights[:K] / prior.weights[:K].sum()) for K in range(1, 6)}  # fmt: skip
    return {K: 1e6 * seconds(lambda: lift(y, part)) / len(y) for K, part in parts.items()}  # noqa: B023


def batch_sizes(Y: np.ndarray, prior: PosePrior) -> dict[int, float]:
    """Microseconds a frame for batches of one frame (the latency) to 10,000, float32."""
    y = Y.astype("float32")
    return {n: 1e6 * seconds(lambda: lift(y[:n], prior), 30) / n for n in (1, 10, 100, 1000, 10_000)}  # noqa: B023


def variants(Y: np.ndarray, prior: PosePrior) -> dict[str, float]:
    """Microseconds a frame of the variants, float32."""
    y = Y.astype("float32")
    mask = np.ones(17, dtype=bool)
    mask[[7, 10]] = False
    masks = np.random.default_rng(1).random((8, 17)) > 0.2
    cases: dict[str, dict] = {
        "scale 1": {},
        "scale solved for": {"scale": None},
        "scale solved for, one mask": {"scale": None, "visible": mask},
        "scale solved for, eight masks": {"scale": None, "visible": masks[np.arange(len(y)) % 8]},
        "parabola": {"refine": True},
    }
    return {name: 1e6 * seconds(lambda: lift(y, prior, **options), 5) / len(y) for name, options in cases.items()}  # noqa: B023


def one_frame(Y: np.ndarray, priors: dict[str, PosePrior]) -> list[dict[str, object]]:
    """Microseconds for a single frame, and those of the loop with batched BLAS."""
    rows = []
    for name, prior in priors.items():
        for dtype in ("float64", "float32"):
            y, tab = Y[0].astype(dtype), Tables(prior, dtype)
            flat = (y - y.mean(-1, keepdims=True)).reshape(-1)
            row: dict[str, object] = {"components": name, "bases": prior.J, "dtype": dtype}
            row["scale 1"] = 1e6 * seconds(lambda: lift(y, prior), 500)  # noqa: B023
            row["scale solved for"] = 1e6 * seconds(lambda: lift(y, prior, scale=None), 500)  # noqa: B023
            row["matmul_loop"] = 1e6 * seconds(lambda: matmul_loop(flat, tab), 500)  # noqa: B023
            rows.append(row)
    return rows


def first_time(y: np.ndarray, prior: PosePrior, masks: np.ndarray) -> float:
    """Seconds of the first call with masks for a prior for which nothing is kept but what a call without them needs."""
    fresh = PosePrior(prior.mu, prior.e, prior.sigma, prior.noise_variance, prior.weights)
    lift(y, fresh)
    start = time.perf_counter()
    lift(y, fresh, visible=masks)
    return time.perf_counter() - start


def gaps(Y: np.ndarray, prior: PosePrior) -> dict[str, object]:
    """Milliseconds for 300 frames, float64: none missing, every fifth landmark missing at random, confidences."""
    rng = np.random.default_rng(2)
    y, masks = Y[:300], rng.random((300, 17)) > 0.2
    row: dict[str, object] = {"components": prior.K, "distinct masks": len(np.unique(masks, axis=0))}
    row["none missing"] = 1e3 * seconds(lambda: lift(y, prior))
    row["missing, first time"] = 1e3 * min(first_time(y, prior, masks) for _ in range(5))
    row["missing"] = 1e3 * seconds(lambda: lift(y, prior, visible=masks))
    few = np.where(rng.random((300, 17)) > 0.8, rng.random((300, 17)), 1.0)
    row["a fifth with confidences"] = 1e3 * seconds(lambda: lift(y, prior, weights=few))
    row["all with confidences"] = 1e3 * seconds(lambda: lift(y, prior, weights=rng.random((300, 17))), 3)
    return row


def products(Y: np.ndarray, prior: PosePrior) -> dict[str, float]:
    """The share of a call's time that goes into matrix products, float32, one thread."""
    y = Y.astype("float32")
    with one_thread():
        lift(y, prior)
        with profile() as profiled:
            for _ in range(5):
                lift(y, prior)
    spent = {event.key: event.self_cpu_time_total for event in profiled.key_averages()}
    names = "aten::mm", "aten::bmm", "aten::_embedding_bag_forward_only", "aten::mul"
    share = {name: spent.get(name, 0.0) / sum(spent.values()) for name in names}
    return share | {"together": share["aten::mm"] + share["aten::bmm"]}


LOOPS = {"literal_loop": "`lstsq` for every frame, rotation and component",
         "rotation_loop": "loop over frames and rotations, E_bar_t precomputed",
         "frame_loop": "loop over frames, E_bar_t precomputed, einsum over rotations",
         "matmul_loop": "loop over frames, E_bar_t precomputed, batched BLAS over rotations"}  # fmt: skip


def markdown(report: dict) -> str:
    """The report as tables."""
    baselines = [[row["components"], row["dtype"], f"{row['lift']:.2f}", f"{1e6 / row['lift']:,.0f}",
                  *(f"{row[loop]:,.0f} ({row[loop] / row['lift']:,.0f}x)" for loop in LOOPS)]
                 for row in report["baselines"]]  # fmt: skip
    turned = [[row["dtype"], f"{T:,}", f"{row['us'][T]:.2f}", f"{row['ratio'][T]:.2f}"]
              for row in report["rotations"] for T in row["us"]]  # fmt: skip
    single = [[row["components"], row["bases"], row["dtype"],
               *(f"{row[key]:.0f} ({row[key] / row['matmul_loop']:.1f}x)" for key in ("scale 1", "scale solved for")),
               f"{row['matmul_loop']:.0f}"] for row in report["one frame"]]  # fmt: skip
    names = list(report["gaps"][0])
    missing = [[*(row[key] for key in names[:2]),
                *(f"{row[key]:.1f} ({row[key] / row['none missing']:.0f}x)" for key in names[2:])]
               for row in report["gaps"]]  # fmt: skip
    parts = [
        "# Speed of the search",
        "Made by `OPENBLAS_NUM_THREADS=1 python benchmarks/search.py`; times in microseconds a frame.",
        listed(report["machine"]),
        f"{FRAMES} frames, J = {J}, 80 rotations. In every cell: time (ratio to `lift`).",
        table(["components", "dtype", "`lift`", "frames a second", *LOOPS.values()], baselines),
        "Winners (component and rotation) that differ from the literal loop's in float64:",
        table(list(report["winners"][0]), [list(row.values()) for row in report["winners"]]),
        "Rotations, one component:",
        table(["dtype", "rotations", "time", "ratio to 80"], turned),
    ]
    for name, title in (("components", "Components, float32"), ("batch", "Frames in a batch, float32"),
                        ("variants", "Variants, one component, float32")):  # fmt: skip
        parts += [f"{title}:", table(["", "time"], [[key, f"{value:.2f}"] for key, value in report[name].items()])]
    share = {name.removeprefix("aten::"): f"{100 * part:.0f} %" for name, part in report["products"].items()}
    parts += [
        "One frame, microseconds (ratio to the loop with batched BLAS):",
        table(["components", "bases", "dtype", "`lift`, scale 1", "`lift`, scale solved for", "batched BLAS, scale 1"],
              single),
        "Gaps and confidences, 300 frames, float64, milliseconds (ratio to none missing):",
        table(names, missing),
        f"Matrix products, one component, float32, one thread: {share['together']} of the time. Besides, "
        f"{share['_embedding_bag_forward_only']} go into each frame's product with a matrix of its own (eq. (6) at the "
        f"winner), and {share['mul']} into products of single numbers, most of them step 3's.",
    ]  # fmt: skip
    return "\n\n".join(parts)


if __name__ == "__main__":
    tyro.cli(main)
