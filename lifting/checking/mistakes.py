"""A museum of mistakes: twelve plausible errors, each beside the right function and a check that finds it.

An exhibit is a `mistake`, the `right` function of the package, a `check` that the one fails and the other passes, and
the `symptom`: how one would notice in training. Both functions are called alike, so that either can be put into the
other's place. A check knows no right answer to compare with. It holds an implementation against something that must be
true of it: a likelihood, a known scene, an invariance, a sum that is known in closed form. It raises `MistakeFound`,
which says what was expected, what was seen, and why that matters.

    check_sense_of_turn(my_rotation)    # silent, or MistakeFound

Every check looks at one thing, so that the one which fails says what is wrong: of two checks for functions that are
called alike, each lets the other's mistake pass.

    python -m lifting.checking.mistakes          # measure every mistake and write docs/mistakes.md
"""

import dataclasses
import functools
import string
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tyro

from lifting.belief import belief_gradient, belief_update_gradient
from lifting.camera import rotation
from lifting.checking import mistake_costs as costs
from lifting.checking import mistaken_maps as maps
from lifting.checking import mistaken_models as models
from lifting.checking.mistaken_models import Implementation, MistakeFound
from lifting.pose_prior import log_density
from lifting.solve import centre, stack_ridge, truncated_pseudo_inverse
from lifting.support.arrays import Array, check_count, fail
from lifting.support.files import PACKAGE, write_atomically
from lifting.support.templates import render


@dataclasses.dataclass(frozen=True)
class Exhibit:
    """One mistake, and all that there is to say about it.

    Attributes:
        name: what went wrong, in a few words.
        mistake: the wrong function. Its docstring says what is wrong, and in a second paragraph the symptom.
        right: the package's function, which is called in the same way.
        check: raises `MistakeFound` for `mistake` and not for `right`.
        cost: finds what the mistake does, in figures.
    """

    name: str
    mistake: Implementation
    right: Implementation
    check: Callable[[Implementation], None]
    cost: Callable[[], str]

    @property
    def symptom(self) -> str:
        """How the mistake would show in training; `measure` has the figures."""
        return _paragraphs(self.mistake)[1]

    @property
    def said(self) -> str:
        """What its check says of the mistake."""
        try:
            self.check(self.mistake)
        except MistakeFound as found:
            return str(found)
        return ""


def _paragraphs(function: Implementation) -> list[str]:
    """Those of a function's docstring, each on one line."""
    return [" ".join(part.split()) for part in (function.__doc__ or "").split("\n\n")]


MUSEUM = (
    Exhibit("sigma taken for a standard deviation", models.deviations_for_ridge, stack_ridge,
            models.check_ridge_is_the_prior, costs.of_deviations),
    Exhibit("pseudo-inverse truncated on the wrong side", models.truncated_on_the_wrong_side, truncated_pseudo_inverse,
            models.check_truncation_minimises, costs.of_truncation),
    Exhibit("R used transposed", models.transposed_rotation, rotation,
            models.check_sense_of_turn, partial(costs.of_another_angle, np.negative)),
    Exhibit("an angle off by 90 degrees", models.quarter_turn_off, rotation,
            models.check_heading_zero, partial(costs.of_another_angle, lambda theta: theta + np.pi / 2)),
    Exhibit("ln of a sum for a sum of ln", models.log_of_a_sum, log_density,
            models.check_likeliest_spread, costs.of_log_of_a_sum),
    Exhibit("y axis not flipped", maps.image_landmarks, maps.world_landmarks,
            maps.check_up_is_up, costs.of_no_flip),
    Exhibit("forward difference for a central one", maps.forward_difference, belief_gradient,
            maps.check_gradient_is_odd, costs.of_forward_difference),
    Exhibit("difference of Gaussians without 1 / (2 delta)", maps.undivided_difference, belief_gradient,
            maps.check_gradient_moves_the_mass, costs.of_undivided_difference),
    Exhibit("belief update with the wrong sign", maps.update_for_gradient, belief_update_gradient,
            maps.check_descent_empties_the_peak, partial(costs.of_a_wrong_step, maps.update_for_gradient)),
    Exhibit("the quadrant mirrored", maps.mirrored_quadrant, belief_update_gradient,
            maps.check_quadrant, partial(costs.of_a_wrong_step, maps.mirrored_quadrant)),
    Exhibit("centring forgotten", models.uncentred, centre,
            models.check_centring, costs.of_no_centring),
    Exhibit("left and right swapped", maps.swapped_sides, maps.world_landmarks,
            maps.check_left_is_left, costs.of_swapped_sides),
)  # fmt: skip
"""The twelve exhibits."""


def mystery(number: int) -> Implementation:
    """One of the museum's mistakes, 0 to 11 in another order than `MUSEUM`, under the name of the right function.

    Call it as `help` says, and find out by the checks what is wrong with it. `solution` gives it away.

    Raises:
        ValueError: no such number.
    """
    exhibit = solution(number)

    @functools.wraps(exhibit.right)
    def implementation(*arguments: Any, **options: Any) -> Array:
        return exhibit.mistake(*arguments, **options)

    return implementation


def line_up(right: Implementation, *numbers: int) -> dict[str, Implementation]:
    """The right function among the mysteries `numbers`, under letters; the call does not show which of them it is."""
    suspects = [mystery(number) for number in numbers]
    suspects.insert(numbers[0] % (len(numbers) + 1), right)
    return dict(zip(string.ascii_lowercase, suspects, strict=False))


def solution(number: int) -> Exhibit:
    """The exhibit behind `mystery(number)`."""
    if check_count("number", number, least=0) >= len(MUSEUM):
        fail("number", number, f"a whole number from 0 to {len(MUSEUM) - 1}")
    return MUSEUM[(5 * number + 7) % len(MUSEUM)]


def measure(exhibit: Exhibit) -> str:
    """What the mistake of an exhibit does, in figures: a sentence or two.

    Raises:
        ValueError: it is none of the museum's.
    """
    if exhibit not in MUSEUM:
        fail("exhibit", exhibit.name, "an exhibit of MUSEUM")
    return exhibit.cost()


def caught_by(exhibit: Exhibit) -> tuple[str, ...]:
    """The names of all checks for functions called alike that find the mistake of an exhibit."""
    alike = [dataclasses.replace(exhibit, check=other.check) for other in MUSEUM if other.right is exhibit.right]
    return tuple(other.check.__name__ for other in alike if other.said)


def page() -> str:
    """The text of docs/mistakes.md: every exhibit with what its check says and what was measured."""
    return render("lifting.checking", "mistakes.md.j2", museum=MUSEUM, paragraphs=_paragraphs, measure=measure)


def write(out: Path = PACKAGE.parent / "docs" / "mistakes.md") -> None:
    """Measure every mistake, and write the page that shows them.

    Args:
        out: where to.
    """
    write_atomically(out, page().encode())


def main(arguments: Sequence[str] | None = None) -> None:
    """`write`, as the command line says."""
    tyro.cli(write, prog="python -m lifting.checking.mistakes", args=arguments)


if __name__ == "__main__":
    main()
