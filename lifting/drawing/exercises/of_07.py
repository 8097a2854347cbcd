"""The exercises of notebook 07."""

import torch

from lifting import belief, camera
from lifting.drawing.exercises.judging import Exercise, Mistake

NOTEBOOK = "07_lifting_layer"

_generator = torch.Generator().manual_seed(7)
_g_B_hat = torch.randn(2, 4, 6, 7, generator=_generator, dtype=torch.float64)
_Y = torch.tensor([[1.0, 2, 3, 4], [4, 3, 2, 1]], dtype=torch.float64).repeat(2, 1, 1)
_Y_hat = _Y + 0.3 * torch.randn(2, 2, 4, generator=_generator, dtype=torch.float64)
_H_image = torch.randn(2, 8, 8, generator=_generator, dtype=torch.float64)


def _backwards(
    g_B_hat: torch.Tensor, Y: torch.Tensor, Y_hat: torch.Tensor, H_image: torch.Tensor, sign: float = -1
) -> torch.Tensor:
    g_Y_hat = camera.flip_y(belief.pull_back_maps(g_B_hat, Y_hat))
    g_Y = camera.flip_y((H_image.mT @ g_Y_hat.flatten(1)[..., None])[..., 0].unflatten(1, (2, -1)))
    return belief.belief_update_gradient(Y, sign * g_Y, *g_B_hat.shape[-2:])


def _no_flips(g_B_hat: torch.Tensor, Y: torch.Tensor, Y_hat: torch.Tensor, H_image: torch.Tensor) -> torch.Tensor:
    g_Y_hat = belief.pull_back_maps(g_B_hat, Y_hat)
    g_Y = (H_image.mT @ g_Y_hat.flatten(1)[..., None])[..., 0].unflatten(1, (2, -1))
    return belief.belief_update_gradient(Y, -g_Y, *g_B_hat.shape[-2:])


EXERCISES = {
    "7.1": Exercise(
        right=[-0.2, 0.0, 0.2, -0.2, 0.0, 0.2],
        hints=(
            "(8) is E E^T / (1 + 1/4). First E^T times the wish: six products, five of them 0.",
            "The wish is (0, 0, 1) in x and 0 in y, so E^T times it is -1/2. Divide by 5/4, then times E.",
        ),
        mistakes=(
            Mistake(
                [0.0, 0.0, 0.2, 0.0, 0.0, 0.0],
                "The basis moves both hands, and in both directions: D has four entries.",
            ),
            Mistake([-0.25, 0.0, 0.25, -0.25, 0.0, 0.25], "That is without the ridge: E^T E + 1/4 divides."),
            Mistake([0.2, 0.0, -0.2, 0.2, 0.0, -0.2], "The sign: the right hand itself must go where it is wished to."),
            Mistake([-0.2, 0.0, 0.2, 0.2, 0.0, -0.2], "y points up here, as in E; rows come later."),
        ),
        tolerance=0.005,
    ),
    "7.2": Exercise(
        right=_backwards,
        calls=((_g_B_hat, _Y, _Y_hat, _H_image),),
        hints=(
            "Three lines, in the order of the right half of the table: (9), (8), the update.",
            "g_Y_hat = belief.pull_back_maps(g_B_hat, Y_hat, sigma); then back(H_image.mT @ flat(g_Y_hat)).",
            "belief.belief_update_gradient(Y, D, height, width, k, sigma), and D is minus dL/dY.",
        ),
        mistakes=(
            Mistake(
                lambda g, Y, Y_hat, H: _backwards(g, Y, Y_hat, H, 1),
                "D is minus dL/dY: an update goes against the gradient.",
            ),
            Mistake(_no_flips, "H_image has y up, the maps have rows down: flip before and after, by flat and back."),
            Mistake(
                lambda g, Y, Y_hat, H: _backwards(g, Y, Y_hat, H.mT),
                "A gradient goes back through the transpose of (8).",
            ),
            Mistake(
                lambda g, Y, Y_hat, H: -_backwards(g, Y, Y_hat, H),
                "That is the update. A backward pass returns the gradient, minus it.",
            ),
        ),
    ),
    "7.3": Exercise(
        right=[True, True, True, 0.4],
        hints=(
            "Write c_t with f_t = w b + (1 - w) b_hat, and differentiate by b and by w with b_hat a constant.",
            "f = 0.8 * 0.5 + 0.2 * 1 = 0.6. Is f equal to the target wherever b is?",
            "dc/dw = 2 (f - b_*) (b - b_hat).",
        ),
        mistakes=(
            Mistake([False, True, True, 0.4], "The direct way is open: f contains w b."),
            Mistake([True, False, True, 0.4], "w multiplies b and b_hat, whatever flows through them."),
            Mistake(
                [True, True, False, 0.4], "There f is not the target, since b_hat isn't: b is asked to make up for it."
            ),
            Mistake([True, True, True, -0.4], "The sign: both factors, 0.6 - 1 and 0.5 - 1, are negative."),
            Mistake([True, True, True, 0.2], "The square gives a factor of 2."),
        ),
        tolerance=1e-3,
    ),
    "7.4": Exercise(
        right=[["quadrant"], [], ["peak"]],
        hints=(
            "A check that finds a mistake raises mistaken_models.MistakeFound: catch that, and nothing else.",
            "try: check(suspect); in except mistaken_models.MistakeFound: append the name to a list.",
        ),
        mistakes=(
            Mistake([["peak"], ["peak", "quadrant"], ["quadrant"]], "Those are the checks that are passed."),
            Mistake([["peak", "quadrant"]] * 3, "These are all checks: collect those that raise."),
            Mistake([[], [], []], "Nobody is caught: is every check called with the suspect?"),
        ),
    ),
}
