"""The exercises of notebook 08."""

import torch

from lifting.drawing.exercises.judging import Exercise, Mistake

NOTEBOOK = "08_network"

_generator = torch.Generator().manual_seed(8)
_belief = torch.randn(2, 18, 4, 5, generator=_generator, dtype=torch.float64)
_projected = torch.rand(2, 17, 4, 5, generator=_generator, dtype=torch.float64)
_fused = torch.randn(3, 2, 18, 4, 5, generator=_generator, dtype=torch.float64)
_wanted = torch.rand(2, 18, 4, 5, generator=_generator, dtype=torch.float64)
_free = torch.tensor(0.4, dtype=torch.float64), torch.tensor(-1.5, dtype=torch.float64)


def _fuse(belief: torch.Tensor, projected: torch.Tensor, free: torch.Tensor) -> torch.Tensor:
    return _by_weight(belief, projected, torch.sigmoid(free))


def _by_weight(belief: torch.Tensor, projected: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    return torch.cat([w * belief[:, :17] + (1 - w) * projected, belief[:, 17:]], dim=1)


def _cost(fused: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    return ((fused - wanted) ** 2).sum((2, 3, 4)).mean(1).sum()


EXERCISES = {
    "8.1": Exercise(
        right=[15, 82 * 64 * 9],
        hints=(
            "The first convolution looks 1 cell to each side, the second 2, the third 4; 1 x 1 looks nowhere else.",
            "1 + 2 (1 + 2 + 4). Weights: inputs times outputs times 9. Inputs are the features and the maps before.",
            "64 + 18 inputs, 64 outputs.",
        ),
        mistakes=(
            Mistake([8, 47232], "To each side: the seven cells count twice."),
            Mistake([7, 47232], "That is without dilation."),
            Mistake([15, 36864], "The maps of the stage before are inputs, too."),
            Mistake([15, 46656], "There are 18 maps: the background is one of them."),
            Mistake([15, 5248], "Each of the 9 taps has its own weight."),
        ),
    ),
    "8.2": Exercise(
        right=_fuse,
        calls=tuple((_belief, _projected, free) for free in _free),
        hints=(
            "w is the logistic function of the free number: torch.sigmoid(free).",
            "Fuse belief[:, :17] with projected; the background, belief[:, 17:], is passed on.",
            "torch.cat([..., belief[:, 17:]], dim=1).",
        ),
        mistakes=(
            Mistake(lambda b, p, free: _by_weight(b, p, free), "The free number may be anything: w is its logistic."),
            Mistake(
                lambda b, p, free: _by_weight(b, p, 1 - torch.sigmoid(free)), "w weighs the belief, 1 - w the rest."
            ),
            Mistake(lambda b, p, free: _fuse(b, p, free)[:, :17], "The background is missing: the 18th map."),
            Mistake(
                lambda b, p, free: torch.cat([_fuse(b, p, free)[:, :17], torch.sigmoid(free) * b[:, 17:]], dim=1),
                "The background has no lifted counterpart: it is passed on as it is.",
            ),
        ),
    ),
    "8.3": Exercise(
        right=_cost,
        calls=((_fused, _wanted),),
        hints=(
            "wanted has no stage dimension, and is compared with every stage: broadcasting does that.",
            "Square, sum over maps and pixels (dimensions 2, 3, 4), mean over pictures, sum over stages.",
        ),
        mistakes=(
            Mistake(lambda f, w: 2 * _cost(f, w), "The pictures are averaged, not summed."),
            Mistake(lambda f, w: _cost(f, w) / 3, "The stages are summed, not averaged."),
            Mistake(lambda f, w: ((f - w) ** 2).mean((2, 3, 4)).mean(1).sum(), "Maps and pixels are summed."),
            Mistake(lambda f, w: (f - w).abs().sum((2, 3, 4)).mean(1).sum(), "The squared distance is asked for."),
            Mistake(lambda f, w: _cost(f[-1:], w), "That is the last stage alone."),
        ),
    ),
    "8.4": Exercise(
        right=[0.4, 0.6],
        hints=("How far is a fifth of the torso?", "8 px. Which landmarks are within it, as named, and either way?"),
        mistakes=(
            Mistake([0.6, 0.8], "9 px are more than a fifth of 40 px."),
            Mistake([0.4, 0.4], "With sides not counted, the landmark 3 px from its counterpart is found."),
            Mistake([2.0, 3.0], "A share of the landmarks, not their number."),
            Mistake([0.6, 0.4], "The other way round: forgiving more, it can't be smaller."),
        ),
        tolerance=1e-3,
    ),
}
