"""What does the lifting layer cost in training? Every time is a share of a step of one CPM stage in the same run.

    python benchmarks/layer.py             # about 3 minutes: writes benchmarks/layer.json and benchmarks/layer.md
    python benchmarks/layer.py --quick     # half a minute, prints only

16 images, 46 x 46 belief maps of 17 landmarks (motion-captured people from random sides, 30 pixels high), float32,
80 rotations, J = 25, one component and five. A step is forward and backward.

- The stage: convolutions of Convolutional Pose Machines' later stages (five of 7 x 7 x 128, then 1 x 1 x 128 and
  1 x 1 x 17), on the same maps and 32 channels of image features, with a squared loss.
- Python loops: the supplement's gradients as a loop over frames, rotations and landmarks in NumPy, E and E_bar_t
  precomputed; what "custom Python-based derivatives" may have been.
- Plain autograd: soft-argmax, then the same search written as einsums over all rotations and components (E and E_bar_t
  precomputed), argmin, maps; torch differentiates it all. And the same with a ridge solve in every step.
- Memory: bytes that autograd keeps between forward and backward, each tensor's storage counted once.
"""

import math
import os
from itertools import pairwise

import numpy as np
import torch
import tyro
from pages import listed, machine, record, table
from search import learned_prior, seconds
from torch import nn

from lifting import PosePrior
from lifting.belief import belief_maps
from lifting.camera import project, rotation_angles
from lifting.datasets.motion_capture import load_motion_capture
from lifting.landmark_gradient import landmark_model
from lifting.layer import LiftingLayer, soft_peaks
from lifting.pose_prior import Gaussian
from lifting.training.complexity import bytes_kept

N, L, SIZE, FEATURES = 16, 17, 46, 32


def main(*, quick: bool = False) -> None:
    """Measure, print, and write.

    Args:
        quick: fewer repeats; write nothing.
    """
    repeats = 1 if quick else 4
    torch.set_num_threads(os.cpu_count() or 1)
    torch.manual_seed(0)
    B = maps()
    stage = seconds(step(Stage(), B), repeats)
    report: dict = {"machine": machine(), "images": N, "maps": [L, SIZE, SIZE], "stage": {"seconds": stage}}
    report["stage"]["bytes kept"] = bytes_kept(step(Stage(), B))
    report["ways"] = [row for K in (1, 5) for row in compare(B, learned_prior(K), stage, repeats)]
    record(__file__, report, markdown(report), quick)


def maps() -> torch.Tensor:
    """Belief maps (N, L, SIZE, SIZE) of people 30 pixels high, with a little noise."""
    rng = np.random.default_rng(0)
    poses = load_motion_capture().poses
    Y = project(poses[rng.integers(len(poses), size=N)], rng.uniform(0, 2 * np.pi, N), scale=17.0)
    Y = Y * [[1], [-1]] + SIZE / 2
    return (belief_maps(torch.from_numpy(Y), SIZE, SIZE) + 0.01 * torch.rand(N, L, SIZE, SIZE)).float()


class Stage(nn.Module):
    """One later stage of Convolutional Pose Machines, on belief maps and image features."""

    def __init__(self) -> None:
        super().__init__()
        widths = [L + FEATURES, 128, 128, 128, 128, 128]
        layers = [m for a, b in pairwise(widths) for m in (nn.Conv2d(a, b, 7, padding=3), nn.ReLU())]
        self.layers = nn.Sequential(*layers, nn.Conv2d(128, 128, 1), nn.ReLU(), nn.Conv2d(128, L, 1))
        self.register_buffer("features", torch.rand(N, FEATURES, SIZE, SIZE))

    def forward(self, B: torch.Tensor) -> torch.Tensor:
        """New maps."""
        return self.layers(torch.cat([B, self.features], dim=1))


def step(module, B: torch.Tensor, target: torch.Tensor | None = None):
    """One training step of a module from maps to maps: forward, squared loss, backward to parameters and maps."""
    target = torch.zeros_like(B) if target is None else target

    def run() -> None:
        leaf = B.detach().requires_grad_()
        (module(leaf) - target).square().sum().backward()

    return run


def compare(B: torch.Tensor, prior: PosePrior, stage: float, repeats: int) -> list[dict]:
    """All ways for one prior."""
    K = len(prior.weights)
    layers = {name: LiftingLayer(prior, gradient=name) for name in ("subgradient", "soft-argmax")}
    forward = LiftingLayer(prior, gradient="stopped")
    table, solve = PlainAutograd(prior, solve=False), PlainAutograd(prior, solve=True)
    loops = PythonLoops(prior)
    target = B.roll(1, 3)
    ways = {
        "the layer, sub-gradients": step(lambda x: layers["subgradient"](x).B_hat, B, target),
        "the layer, forward only": lambda: forward(B),
        "the layer, soft-argmax": step(lambda x: layers["soft-argmax"](x).B_hat, B, target),
        "plain autograd, E_bar_t precomputed": step(table, B, target),
        "plain autograd, a ridge solve in every step": step(solve, B, target),
    }
    rows = []
    for name, run in ways.items():
        time = seconds(run, repeats * (3 if name.startswith("the layer") else 1))
        kept = 0 if "forward only" in name else bytes_kept(run)
        rows.append({"components": K, "way": name, "seconds": time, "share": time / stage, "bytes kept": kept})
    few = 2
    time = seconds(lambda: loops(B[:few].numpy(), target[:few].numpy()), 1) * N / few
    rows.append(
        {"components": K, "way": f"Python loops (timed on {few} images)", "seconds": time, "share": time / stage}
    )
    rows[-1]["bytes kept"] = None
    agree(B, target, layers["subgradient"], loops)
    return rows


class PlainAutograd(nn.Module):
    """The same mathematics, left to autograd: all rotations and components, the best one taken."""

    def __init__(self, prior: PosePrior, solve: bool) -> None:
        super().__init__()
        theta = rotation_angles()
        mu, e, sigma = prior.mu[:, None], prior.e[:, None], prior.sigma[:, None]
        E, E_bar_t = landmark_model(Gaussian(mu, e, sigma), theta, free_scale=True)
        self.E, self.E_bar_t = (torch.tensor(value, dtype=torch.float32) for value in (E, E_bar_t))
        ridge = np.concatenate([np.zeros((len(sigma), 1, 1)), sigma], axis=-1)
        self.ridge = torch.tensor(ridge, dtype=torch.float32)
        v, J, n = prior.noise_variance[:, None], sigma.shape[-1], 2 * L
        gram = np.swapaxes(E[..., 1:], -1, -2) @ E[..., 1:] + sigma[..., None] ** 2 * np.eye(J)
        log_det = n * np.log(v) + np.linalg.slogdet(gram)[1] - 2 * np.log(sigma).sum(-1)
        self.log_det = torch.tensor(log_det - 2 * np.log(prior.weights)[:, None], dtype=torch.float32)
        self.v = torch.tensor(v, dtype=torch.float32)
        self.solve = solve

    def forward(self, B: torch.Tensor) -> torch.Tensor:
        """Projected maps."""
        Y = soft_peaks(B) * torch.tensor([[1.0], [-1.0]])
        middle = Y.mean(-1, keepdim=True)
        y = (Y - middle).flatten(1)
        if self.solve:
            gram = self.E.mT @ self.E + torch.diag_embed(self.ridge**2)
            sb = torch.linalg.solve(gram, torch.einsum("ktij,ni->nktj", self.E, y)[..., None])[..., 0]
        else:
            sb = torch.einsum("ktji,ni->nktj", self.E_bar_t, y)
        fit = torch.einsum("ktij,nktj->nkti", self.E, sb)
        cost = (y[:, None, None] - fit).square().sum(-1) + (self.ridge * sb).square().sum(-1)
        s = sb[..., 0]
        cost = torch.where(s > 0, cost, math.inf)
        score = cost / (s**2 * self.v) + self.log_det + 4 * L * torch.log(s.clamp(min=1e-6))
        angle = cost.argmin(-1)  # of each component
        component = score.gather(2, angle[..., None])[..., 0].argmin(-1)
        n = torch.arange(len(B))
        y_hat = fit[n, component, angle[n, component]]
        Y_hat = (y_hat.unflatten(1, (2, L)) + middle) * torch.tensor([[1.0], [-1.0]])
        grid = torch.arange(SIZE, dtype=B.dtype)
        squares = (grid - Y_hat[:, 0, :, None, None]) ** 2 + (grid[:, None] - Y_hat[:, 1, :, None, None]) ** 2
        return torch.exp(-squares / 2)


class PythonLoops:
    """The supplement's gradients, a frame, a rotation and a landmark at a time, in NumPy."""

    def __init__(self, prior: PosePrior) -> None:
        plain = PlainAutograd(prior, solve=False)
        self.E, self.E_bar_t, self.ridge = plain.E.numpy(), plain.E_bar_t.numpy(), plain.ridge.numpy()[:, 0]
        self.log_det, self.v = plain.log_det.numpy(), plain.v.numpy()[:, 0]

    def __call__(self, B: np.ndarray, target: np.ndarray) -> np.ndarray:
        """dL/dB of the squared loss."""
        return np.stack([self.frame(*pair) for pair in zip(B, target, strict=True)])

    def frame(self, B: np.ndarray, target: np.ndarray) -> np.ndarray:
        """dL/dB of one frame (L, H, W)."""
        flip = np.repeat([1.0, -1.0], L)
        peaks = [np.unravel_index(b.argmax(), b.shape) for b in B]
        Y = np.array([[x for _, x in peaks], [y for y, _ in peaks]], dtype=float)
        y = Y.ravel() * flip
        middle = np.repeat([y[:L].mean(), y[L:].mean()], L)
        k, t = self.search(y - middle)
        H = self.E[k, t] @ self.E_bar_t[k, t]
        y_hat = (H @ (y - middle) + middle) * flip
        grid = np.arange(SIZE)
        gaussian = lambda x, y: np.exp(-((grid - x) ** 2 + (grid[:, None] - y) ** 2) / 2)  # noqa: E731
        g = np.zeros(2 * L)
        for p in range(L):
            x, row = y_hat[p], y_hat[L + p]
            g_map = 2 * (gaussian(x, row) - target[p])
            g[p] = (g_map * (gaussian(x + 1, row) - gaussian(x - 1, row)) / 2).sum()
            g[L + p] = (g_map * (gaussian(x, row + 1) - gaussian(x, row - 1)) / 2).sum()
        centring = np.kron(np.eye(2), np.full((L, L), 1 / L))
        D = -(((g * flip) @ (H + centring)) * flip).reshape(2, L)
        update = np.zeros_like(B)
        for p in range(L):
            m = np.hypot(*D[:, p])
            across, down = np.meshgrid(grid - Y[0, p], grid - Y[1, p])
            quadrant = (across * D[0, p] >= 0) & (down * D[1, p] >= 0)
            update[p] = m * quadrant * np.exp(-(across**2 + down**2) / 2) / (2 * np.pi)
            update[p, int(Y[1, p]), int(Y[0, p])] = -m
        return -update

    def search(self, y: np.ndarray) -> tuple[int, int]:
        """Component and rotation: the best rotation of each component, then the most probable component."""
        best = (np.inf, 0, 0)
        for k in range(len(self.E)):
            least = (np.inf, 0, 1.0)
            for t in range(self.E.shape[1]):
                sb = self.E_bar_t[k, t] @ y
                cost = ((y - self.E[k, t] @ sb) ** 2).sum() + ((self.ridge[k] * sb) ** 2).sum()
                if sb[0] > 0 and cost < least[0]:
                    least = (cost, t, sb[0])
            cost, t, s = least
            score = cost / (s**2 * self.v[k]) + self.log_det[k, t] + 4 * L * np.log(s)
            if score < best[0]:
                best = (score, k, t)
        return best[1], best[2]


def agree(B: torch.Tensor, target: torch.Tensor, layer: LiftingLayer, loops: PythonLoops) -> None:
    """Before times are compared: the layer's gradient and that of the loops are the same."""
    leaf = B[:2].clone().requires_grad_()
    (layer(leaf).B_hat - target[:2]).square().sum().backward()
    np.testing.assert_allclose(leaf.grad.numpy(), loops(B[:2].numpy(), target[:2].numpy()), rtol=1e-2, atol=2e-3)


def markdown(report: dict) -> str:
    """The report as the text of layer.md."""
    stage = report["stage"]
    kept = ["-" if row["bytes kept"] is None else f"{row['bytes kept'] / 1e6:.2f}" for row in report["ways"]]
    rows = [[row["components"], row["way"], f"{1e3 * row['seconds']:,.1f}", f"{row['share']:.2%}", megabytes]
            for row, megabytes in zip(report["ways"], kept, strict=True)]  # fmt: skip
    lines = [
        "# What the lifting layer costs in training", "", "Made by `python benchmarks/layer.py`, which says what is "
        "measured.", "", listed(report["machine"]), "",
        f"{N} images, {SIZE} x {SIZE} maps of {L} landmarks, float32, 80 rotations, J = 25. One training step of one "
        f"CPM stage on the same maps takes {stage['seconds']:.2f} s and keeps {stage['bytes kept'] / 1e6:,.0f} MB for "
        "its backward pass.", "",
        table(["components", "way", "ms a step", "share of the stage's step", "MB kept"], rows),
    ]  # fmt: skip
    loops = {row["components"]: row for row in report["ways"] if row["way"].startswith("Python loops")}
    ours = {row["components"]: row for row in report["ways"] if row["way"] == "the layer, sub-gradients"}
    times = [loops[k]["seconds"] / ours[k]["seconds"] for k in ours]
    lines += [
        "",
        f"The layer with the supplement's gradients takes at most {max(row['share'] for row in ours.values()):.2%} of "
        f"the stage's step; 10% would have been little enough. It is {min(times):.0f} to {max(times):.0f} times as "
        "fast as loops over images and landmarks in Python. On a CPU, where the stage is slow, even those loops are at "
        "most "
        f"{max(row['share'] for row in loops.values()):.1%} of its step; beside a stage on a GPU, which was not "
        "measured, they would weigh more.",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    tyro.cli(main)
