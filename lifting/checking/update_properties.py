"""What "Updating B" promises, on real frames: the argmax is flat, so that its true gradient is zero and no use."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from lifting.belief import belief_update
from lifting.checking.cases import Maps, maps
from lifting.checking.gradient_check import relative_error
from lifting.checking.gradients import chained, layer_gradient
from lifting.checking.routes import EXACT, pixel_grid
from lifting.support.arrays import to_numpy

WHOLE_PIXEL = "L falls when the step is so long that one peak moves by a pixel, which is no small move"


@dataclass(frozen=True)
class Property:
    """Something that "Updating B" promises: on how many of how many cases it holds, and how many must."""

    name: str
    holds: int
    of: int
    least: int

    @property
    def right(self) -> bool:
        """Whether it holds as often as it must."""
        return self.holds >= self.least


def update_properties() -> list[Property]:
    """All properties, on 20 frames: each must hold always, or where theory promises nothing in three quarters."""
    found: dict[str, list[bool]] = {}
    for case in maps(20):
        gradient, lifted = layer_gradient(case, case.B)
        D = -to_numpy(chained(case, "numpy"))
        update, B = belief_update(case.Y, D, *case.size, 1.0, case.sigma), -gradient.numpy()
        checks: dict[str, Iterable[Any]] = {
            "flat: a change of B below half the lead of its peaks leaves L as it is, to the last bit": [
                torch.equal(_nearly_the_same(case).B_hat, lifted.B_hat)
            ],
            "the layer's gradient is minus the update that D makes": [relative_error(B, update) <= EXACT],
            "the peak loses k |D_p|, and nothing else loses anything": _dip(case, update, D),
            "nothing changes outside the quadrant that D_p points into": _quadrant(case, update, D),
            "no update where D_p = 0; where one component is 0, both sides of that axis alike": _still(case, D),
            "a step long enough to move the peak moves it into the quadrant of D_p": _moves(case, update, D),
            "L falls when the landmarks move a little along D": _small_move(case, D),
            WHOLE_PIXEL: _pixel_move(case, update),
        }
        for name, passed in checks.items():
            found.setdefault(name, []).extend(bool(one) for one in passed)
    return [
        Property(name, sum(passed), len(passed), 3 * len(passed) // 4 if name == WHOLE_PIXEL else len(passed))
        for name, passed in found.items()
    ]


def _nearly_the_same(case: Maps) -> Any:
    """What the layer gives for B changed by less than half the lead of its peaks."""
    B = case.B
    runner_up = float(B.flatten(1).topk(2).values[:, 1].max())
    change = torch.from_numpy(np.random.default_rng(2).uniform(-1, 1, tuple(B.shape))) * (1 - runner_up) / 2
    return layer_gradient(case, B + change)[1]


def _dip(case: Maps, update: np.ndarray, D: np.ndarray) -> np.ndarray:
    """Whether each landmark's map loses |D_p| at the peak and nowhere else loses anything."""
    every, (x, y) = np.arange(D.shape[1]), case.Y.astype(int)
    right = np.isclose(update[every, y, x], -np.linalg.norm(D, axis=0), rtol=EXACT, atol=0)
    return right & (np.sum(update < 0, axis=(1, 2)) == 1)


def _from_peak(case: Maps) -> np.ndarray:
    """How far every pixel is from each landmark, in x and in y: (2, L, H, W)."""
    return np.stack(pixel_grid(*case.size))[:, None] - case.Y[:, :, None, None]


def _quadrant(case: Maps, update: np.ndarray, D: np.ndarray) -> np.ndarray:
    """Whether each landmark's update is 0 wherever x or y leads away from D_p."""
    outside = np.any(_from_peak(case) * D[:, :, None, None] < 0, axis=0)
    return np.all((update == 0) | ~outside, axis=(1, 2))


def _still(case: Maps, D: np.ndarray) -> list[bool]:
    """Whether D = 0 makes no update, and D without an x component one that is the same to the left and right."""
    none = belief_update(case.Y, np.zeros_like(D), *case.size, 1.0, case.sigma)
    update = belief_update(case.Y, D * np.array([[0.0], [1.0]]), *case.size, 1.0, case.sigma)
    across = _from_peak(case)[0]
    reach = min(case.Y[0].min(), case.size[1] - 1 - case.Y[0].max())
    left, right = (np.sum(update * ((side > 0) & (side <= reach)), axis=(1, 2)) for side in (-across, across))
    return [not none.any(), *(np.isclose(left, right, rtol=EXACT, atol=0) & (left > 0))]


def _first_moves(case: Maps, update: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As steps along the update grow: the length at which each map's peak moves, (L,), and by how much, (2, L)."""
    B, every, (x, y) = to_numpy(case.B), np.arange(len(case.G)), case.Y.astype(int)
    lead, gain = B[every, y, x][:, None, None] - B, update - update[every, y, x][:, None, None]
    lengths = np.full(B.shape, np.inf)
    np.divide(lead, gain, out=lengths, where=(lead > 0) & (gain > 0))
    row, column = np.unravel_index(lengths.reshape(len(B), -1).argmin(axis=1), case.size)
    return lengths.min(axis=(1, 2)), np.stack([column, row]) - case.Y


def _moves(case: Maps, update: np.ndarray, D: np.ndarray) -> np.ndarray:
    """Whether each peak first moves to where D_p points, in x and in y."""
    _, move = _first_moves(case, update)
    return np.all(move * D >= 0, axis=0) & np.any(move != 0, axis=0)


def _small_move(case: Maps, D: np.ndarray) -> list[bool]:
    """Whether L falls when Y moves by at most 1e-4 pixels along D."""
    before, after = case.loss(np.stack([case.Y, case.Y + 1e-4 * D / np.abs(D).max()]))
    return [after < before]


def _pixel_move(case: Maps, update: np.ndarray) -> list[bool]:
    """Whether L falls when the peak that needs the shortest step has moved."""
    lengths, move = _first_moves(case, update)
    first = np.arange(len(lengths)) == lengths.argmin()
    return [case.loss((case.Y + move * first)[None], same_winner=False)[0] < case.loss(case.Y[None])[0]]
