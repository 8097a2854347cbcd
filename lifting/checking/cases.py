"""What the ledger of gradients is computed for, and the functions that it differentiates.

A `Frame`, lifted, is a case of eq. (3)-(8); a `Peak`, one landmark of a belief map, one of eq. (9); `Maps`, a frame in
belief maps with a loss, one of the chain that the layer is. Each has its function as the package computes it, for the
central differences, and as `lifting.checking.routes` writes it out, for autograd and the complex step.
"""

import math
import warnings
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float

from lifting.belief import belief_maps
from lifting.camera import flip_y, project, tilted_camera
from lifting.checking.gradient_check import GradientError
from lifting.checking.routes import Library, PlainModel, Solver, as_array, flip, gaussians, lift_plainly, plain_model
from lifting.datasets.motion_capture import load_motion_capture
from lifting.front import Lifted, lift
from lifting.misfit import PoorFit
from lifting.pose_prior import Gaussian, PosePrior, load_prior, sample
from lifting.solve import centre, weighted_mean
from lifting.support.arrays import Array, like, namespace

# --- frames, for eq. (3)-(8) -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Frame:
    """One frame and how it is lifted."""

    Y: Float[np.ndarray, "2 L"]
    """Landmarks, y up."""
    prior: PosePrior
    weights: Float[np.ndarray, " L"]
    """How much each landmark counts."""
    camera: Float[np.ndarray, "3 3"] = field(default_factory=lambda: np.eye(3))
    scale: float | None = 1.0
    winner: Lifted = field(init=False)
    """What `lift` finds."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "winner", self.lift(self.Y))

    def lift(self, Y: Array) -> Lifted:
        """`lifting.lift` as this frame wants it: some are nobody's landmarks, and a gradient is as true of these."""
        with warnings.catch_warnings(action="ignore", category=PoorFit):
            return lift(Y, self.prior, scale=self.scale, weights=self.weights, camera=self.camera)

    def lift_at_winner(self, Y: Array) -> Lifted:
        """The same, refused where another rotation or component wins than at the frame itself."""
        result, here = self.lift(Y), self.winner
        if bool((result.component != int(here.component)).any()) or bool((result.theta != float(here.theta)).any()):
            raise GradientError("lift: another rotation or component wins near by, where the mapping jumps")
        return result

    @property
    def gaussian(self) -> Gaussian:
        """The winning component."""
        return self.prior.gaussian(int(self.winner.component))

    @property
    def theta(self) -> np.ndarray:
        """The winning angle."""
        return np.asarray(self.winner.theta)

    def model(self, library: Library) -> tuple[Gaussian, Array, Array]:
        """The winning component, its angle and the camera as arrays of a library."""
        mu, e, sigma, theta, camera = (as_array(library, value) for value in (*self.gaussian, self.theta, self.camera))
        return Gaussian(mu, e, sigma), theta, camera

    def pose(self, Y: Array, rows: int = 2) -> Array:
        """Y_hat of landmarks Y (n, 2, L), minus the weighted mean; with `rows` 3, z below it as it is."""
        result = self.lift_at_winner(Y)
        Y_hat = result.Y_hat - weighted_mean(result.Y_hat, self.weights)
        return namespace(Y).concat([Y_hat, result.pose[..., 2:rows, :]], axis=-2)

    def plain(self, rows: int = 2) -> PlainModel:
        """The winner's least squares, written out."""
        return plain_model(self.gaussian, float(self.theta), self.weights, self.camera, self.scale, rows)


def frames(kind: Literal["fixed", "free", "missing", "weighted", "all"] = "fixed") -> list[Frame]:
    """Three real frames with the embedded prior and one of a random prior, in one of the ways of solving.

    "fixed": a known scale. "free": the scale solved for, in pixels. "missing": two landmarks unseen. "weighted":
    a weight of 0.1 to 2 for each landmark. "all": unseen landmarks, a free scale and a camera that is not level.
    """
    rng = np.random.default_rng(3)
    prior, motion = embedded_prior(), load_motion_capture().poses
    poses = motion[rng.choice(len(motion), 3, replace=False)].astype(np.float64)
    drawn = random_prior(rng)
    camera = tilted_camera(0.2) if kind == "all" else np.eye(3)
    result = []
    for pose, its_prior in [*((pose, prior) for pose in poses), (sample(drawn, 1, rng).poses[0], drawn)]:
        Y = project(pose, np.asarray(rng.uniform(0, 2 * np.pi)), camera=camera)
        Y = Y + 0.005 * rng.normal(size=Y.shape)
        weights = rng.uniform(0.1, 2, Y.shape[-1]) if kind == "weighted" else np.ones(Y.shape[-1])
        if kind in ("missing", "all"):
            weights[rng.choice(Y.shape[-1], 2, replace=False)] = 0
        if kind in ("free", "all"):
            result.append(Frame(40 * Y + [[150.0], [-120.0]], its_prior, weights, camera, None))
        else:
            result.append(Frame(Y, its_prior, weights, camera))
    return result


@cache
def embedded_prior() -> PosePrior:
    """The embedded prior, one and the same: tables are kept for a prior that was seen before."""
    return load_prior()


def random_prior(rng: np.random.Generator, K: int = 2, J: int = 4, L: int = 8) -> PosePrior:
    """A prior of no particular shape, half a metre in size."""
    mu = 0.5 * rng.normal(size=(K, 3, L))
    mu[:, 1] += np.linspace(-1, 1, L)  # so that all components stand the same way up, as people do
    e = centre(rng.normal(size=(K, J, 3, L)))
    e = np.swapaxes(np.linalg.qr(np.swapaxes(e.reshape(K, J, 3 * L), 1, 2))[0], 1, 2).reshape(K, J, 3, L)
    return PosePrior(centre(mu), e, rng.uniform(0.05, 0.5, (K, J)), np.full(K, 1e-3), np.full(K, 1 / K))


# --- peaks of maps, for eq. (9) ----------------------------------------------------------------------------------

SIZE = (14, 17)
"""Height and width of the maps on which eq. (9) is checked entry by entry."""


@dataclass(frozen=True)
class Peak:
    """One landmark, in pixels, and the width of its Gaussian."""

    Y: Float[np.ndarray, "2 1"]
    sigma: float

    def map(self, Y: Array) -> Array:
        """The package's maps (n, H, W) of landmarks (n, 2, 1)."""
        return belief_maps(Y, *SIZE, self.sigma)[:, 0]

    def map_plainly(self, Y: Array) -> Array:
        """The same, written out."""
        return gaussians(Y[..., 0], *SIZE, self.sigma)[:, 0]


def peaks_of_frames() -> list[Peak]:
    """Landmarks of a map's middle, edge and outside, at a fraction of a pixel and on a pixel."""
    places = [(8.3, 6.1), (0.2, 13.4), (-1.7, 5.5), (9.0, 4.0)]
    return [Peak(np.array(place)[:, None], sigma) for place, sigma in zip(places, (1.0, 1.0, 1.6, 1.0), strict=True)]


# --- frames in maps, for the chain -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Maps:
    """A frame in pixels of belief maps (rows downwards), and a loss L = <G, B_hat>."""

    Y: Float[np.ndarray, "2 L"]
    prior: PosePrior
    G: Float[np.ndarray, "L H W"]
    sigma: float = 1.0
    frame: Frame = field(init=False)
    """The same with y up."""

    def __post_init__(self) -> None:
        alike = np.ones(self.Y.shape[-1])
        object.__setattr__(self, "frame", Frame(flip_y(self.Y), self.prior, alike, scale=None))

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the maps."""
        return self.G.shape[1], self.G.shape[2]

    @property
    def B(self) -> torch.Tensor:
        """Belief maps (L, H, W) that show the landmarks."""
        return torch.from_numpy(belief_maps(self.Y, *self.size, self.sigma))

    def inner(self, Y_hat: Array) -> Array:
        """L of projected landmarks (n, 2, L)."""
        B_hat = belief_maps(Y_hat, *self.size, self.sigma)
        return namespace(Y_hat).sum(B_hat * like(self.G, Y_hat), axis=(-3, -2, -1))

    def inner_plainly(self, Y_hat: Array) -> Array:
        """The same, written out."""
        G = torch.from_numpy(self.G) if torch.is_tensor(Y_hat) else self.G
        return (gaussians(Y_hat.reshape(len(Y_hat), -1), *self.size, self.sigma) * G).sum((-3, -2, -1))

    def loss(self, Y: Array, same_winner: bool = True) -> Array:
        """L of landmarks (n, 2, L) through `lift` and `belief_maps`; with the winner shown to be the same."""
        lifted = (self.frame.lift_at_winner if same_winner else self.frame.lift)(flip_y(Y))
        return self.inner(flip_y(lifted.Y_hat))

    def loss_plainly(self, Y: Array, solver: Solver = "solve") -> Array:
        """The same, written out."""
        y_hat = lift_plainly(self.frame.plain(), flip(Y.reshape(len(Y), -1)), solver, image=True)
        return self.inner_plainly(flip(y_hat))


def maps(count: int = 3, size: int = 40) -> list[Maps]:
    """Real frames in belief maps, landmarks on whole pixels, with a random G."""
    rng = np.random.default_rng(11)
    motion = load_motion_capture().poses
    found = []
    for pose in motion[rng.choice(len(motion), count, replace=False)].astype(np.float64):
        Y = project(pose, np.asarray(rng.uniform(0, 2 * np.pi)))
        Y = np.rint(size / 2 + size * 0.4 * flip_y(Y))
        found.append(Maps(Y, embedded_prior(), rng.normal(size=(Y.shape[-1], size, size))))
    return found


def truncation(delta: float, sigma: float) -> float:
    """By how much (9) may differ from the derivative b' for a Gaussian b: delta^2 max |b'''| / 6, by Taylor.

    With t = u / sigma, b''' = (3 t - t^3) exp(-t^2 / 2) / sigma^3. It is largest where t^4 - 6 t^2 + 3 = 0, which is
    at t^2 = 3 - sqrt 6: 1.3801 / sigma^3. The other axis multiplies by 1 at most.
    """
    t = math.sqrt(3 - math.sqrt(6))
    return delta**2 / 6 * (3 * t - t**3) * math.exp(-(t**2) / 2) / sigma**3
