"""The ledger of gradients: every derivative of the supplement, eq. (3)-(9), by every independent route.

    python -m lifting.checking.ledger               # writes docs/gradient_ledger.md and data/gradient_ledger.json
    python -m lifting.checking.ledger --out DIR     # the same two files in DIR

A route is a way to the same numbers that shares no code with the gradient. An entry is the largest relative error,
max |J - reference| / max |reference|, over real frames of the embedded motion capture with the embedded prior and
frames of a random prior; once for the gradient computed in NumPy and once in torch. Every entry has a bound. One that
exceeds it makes the command fail.

Also here: the properties of "Updating B", which has no true gradient to be compared with, and wrong gradients that the
checker must refuse.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lifting.belief import belief_gradient, belief_update, exact_belief_gradient
from lifting.checking.cases import (
    EXACT,
    SIZE,
    Frame,
    Gradient,
    Library,
    Maps,
    Route,
    belief_rows,
    chain_rows,
    coefficient_rows,
    frames,
    from_difference,
    input_maps,
    landmark_rows,
    layer_gradient,
    maps,
    peaks_of_frames,
)
from lifting.checking.gradient_check import (
    GradientError,
    check_jacobian,
    check_products,
    directional_difference,
    relative_error,
)
from lifting.checking.routes import (
    pixel_grid,
)
from lifting.landmark_gradient import (
    jacobian,
    landmark_model,
    pull_back,
    push_forward,
)
from lifting.pose_prior import Gaussian
from lifting.support.arrays import Array, like, to_numpy
from lifting.support.files import PACKAGE, write_atomically

ROUTES = {
    "by hand": "the formula written out once more: in loops, with singular values, as a Gaussian in two dimensions",
    "conditioning": "ridge regression as the mean of a Gaussian of which some coordinates are known, which inverts a "
    "covariance of the landmarks in the place of E_bar",
    "autograd": "torch differentiates the forward formula, with `torch.linalg.solve` for the ridge regression",
    "autograd, pinv": "the same with `torch.linalg.pinv` of the stacked system",
    "central difference": "of the package's own forward functions, with `lift` shown to keep its winner at every step",
    "complex step": "through the forward formula in NumPy, step 1e-20",
    "along v": "J v along random v, as `push_forward` has it, by a central difference",
    "adjoint": "<v, J^T g> as `pull_back` has it, against <J v, g>",
}


@dataclass(frozen=True)
class Entry:
    """A cell of the ledger: the relative error of each library and its bound, for the case that comes closest to it."""

    gradient: str
    route: str
    error: dict[str, float]
    bound: dict[str, float]

    @property
    def right(self) -> bool:
        """Whether every error is within its bound."""
        return all(error <= self.bound[library] for library, error in self.error.items())


def measure(gradient: Gradient) -> list[Entry]:
    """The row of `gradient`: an entry for each route that it has."""
    entries = []
    for route, reference in gradient.routes.items():
        seen = {library: [_compare(gradient, case, library, reference) for case in gradient.cases]
                for library in gradient.libraries}  # fmt: skip
        entries.append(_worst(gradient.name, route, seen))
    if gradient.products:
        rng = np.random.default_rng(5)
        both = {library: [_compare_products(*gradient.products(case, library), rng) for case in gradient.cases]
                for library in gradient.libraries}  # fmt: skip
        for column, route in enumerate(("along v", "adjoint")):
            entries.append(_worst(gradient.name, route, {name: [pair[column] for pair in pairs]
                                                         for name, pairs in both.items()}))  # fmt: skip
    return entries


def _compare(gradient: Gradient, case: Any, library: Library, route: Route) -> tuple[float, float]:
    """The relative error of one case and its bound."""
    reference = route(case, library)
    return relative_error(to_numpy(gradient.ours(case, library)), reference.J), reference.bound


def _compare_products(
    f: Callable, push: Callable, pull: Callable, x: Array, rng: np.random.Generator
) -> list[tuple[float, float]]:
    """The relative error of J v and of <v, J^T g> along one random v and g, and their bounds."""
    v = rng.normal(size=tuple(x.shape))
    v /= np.linalg.norm(v)
    Jv = to_numpy(push(like(v, x)))
    reference = from_difference(directional_difference(f, x, v))
    g = rng.normal(size=Jv.shape) / 10 + Jv / np.linalg.norm(Jv)
    back, forth = np.vdot(v, to_numpy(pull(like(g, x)))), np.vdot(Jv, g)
    return [(relative_error(Jv, reference.J), reference.bound), (abs(float(back / forth) - 1), EXACT)]


def _worst(gradient: str, route: str, seen: dict[Library, list[tuple[float, float]]]) -> Entry:
    """The entry of a cell, from the errors and bounds of all its cases."""
    worst = {library: max(pairs, key=lambda pair: pair[0] / pair[1]) for library, pairs in seen.items()}
    errors, bounds = ({str(library): pair[part] for library, pair in worst.items()} for part in (0, 1))
    return Entry(gradient, route, errors, bounds)


# ---- "Updating B" ----


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
    """What can be checked of "Updating B": the argmax is flat, so that its true gradient is zero and no use."""
    found: dict[str, list[bool]] = {}
    for case in maps(20):
        gradient, lifted = layer_gradient(case, input_maps(case))
        D = -to_numpy(case.gradient("numpy"))
        update, B = belief_update(case.Y, D, *case.size, 1.0, case.sigma), -gradient.numpy()
        checks: dict[str, Iterable[Any]] = {
            "flat: a change of B below half the lead of its peaks leaves L as it is, to the last bit": _flat(
                case, lifted
            ),
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
    return [Property(name, sum(passed), len(passed), _least(name, len(passed))) for name, passed in found.items()]


WHOLE_PIXEL = "L falls when the step is so long that one peak moves by a pixel, which is no small move"


def _least(name: str, count: int) -> int:
    """On how many of `count` cases a property must hold: all, or where theory promises nothing three quarters."""
    return 3 * count // 4 if name == WHOLE_PIXEL else count


def _flat(case: Maps, lifted: Any) -> list[bool]:
    rng = np.random.default_rng(2)
    B = input_maps(case)
    runner_up = float(B.flatten(1).topk(2).values[:, 1].max())
    change = torch.from_numpy(rng.uniform(-1, 1, tuple(B.shape))) * (1 - runner_up) / 2
    _, near = layer_gradient(case, B + change)
    return [bool(torch.equal(near.B_hat, lifted.B_hat))]


def _dip(case: Maps, update: np.ndarray, D: np.ndarray) -> np.ndarray:
    """Whether each landmark's map loses |D_p| at the peak and nowhere else loses anything."""
    every, (x, y) = np.arange(D.shape[1]), case.Y.astype(int)
    right = np.isclose(update[every, y, x], -np.linalg.norm(D, axis=0), rtol=EXACT, atol=0)
    return right & (np.sum(update < 0, axis=(1, 2)) == 1)


def _from_peak(case: Maps) -> tuple[np.ndarray, np.ndarray]:
    """How far every pixel is from each landmark, in x and in y: two arrays (L, H, W)."""
    columns, rows = pixel_grid(*case.size)
    return columns - case.Y[0, :, None, None], rows - case.Y[1, :, None, None]


def _quadrant(case: Maps, update: np.ndarray, D: np.ndarray) -> np.ndarray:
    """Whether each landmark's update is 0 wherever x or y leads away from D_p."""
    across, down = _from_peak(case)
    outside = (across * D[0, :, None, None] < 0) | (down * D[1, :, None, None] < 0)
    return np.all((update == 0) | ~outside, axis=(1, 2))


def _still(case: Maps, D: np.ndarray) -> list[bool]:
    """Whether D = 0 makes no update, and D without an x component one that is the same to the left and right."""
    none = belief_update(case.Y, np.zeros_like(D), *case.size, 1.0, case.sigma)
    update = belief_update(case.Y, D * np.array([[0.0], [1.0]]), *case.size, 1.0, case.sigma)
    across, _ = _from_peak(case)
    reach = min(case.Y[0].min(), case.size[1] - 1 - case.Y[0].max())
    sides = [(across < 0) & (across >= -reach), (across > 0) & (across <= reach)]
    left, right = (np.sum(update * side, axis=(1, 2)) for side in sides)
    return [not none.any(), *(np.isclose(left, right, rtol=EXACT, atol=0) & (left > 0))]


def _first_moves(case: Maps, update: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As steps along the update grow: the length at which each map's peak moves, (L,), and by how much, (2, L)."""
    B = to_numpy(input_maps(case))
    every, (x, y) = np.arange(len(B)), case.Y.astype(int)
    lead = B[every, y, x][:, None, None] - B
    gain = update - update[every, y, x][:, None, None]
    lengths = np.full(B.shape, np.inf)
    np.divide(lead, gain, out=lengths, where=(lead > 0) & (gain > 0))
    first = lengths.reshape(len(B), -1).argmin(axis=1)
    move = np.stack([first % B.shape[2], first // B.shape[2]]) - case.Y
    return lengths.min(axis=(1, 2)), move


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
    Y = case.Y.copy()
    Y[:, lengths.argmin()] += move[:, lengths.argmin()]
    return [case.loss(Y[None], same_winner=False)[0] < case.loss(case.Y[None])[0]]


# ---- wrong gradients ----


@dataclass(frozen=True)
class Mistake:
    """A wrong gradient, what it was fed to, whether it was refused, and the relative error that was seen."""

    name: str
    checker: str
    refused: bool
    error: float


def mistakes() -> list[Mistake]:
    """Wrong gradients: each must be refused. The right ones, of the same cases, are in the ledger."""
    frame = frames("missing")[0]
    E, E_bar_t = frame.model("numpy")
    J, size = jacobian(E, E_bar_t), frame.Y.size
    L = size // 2
    swapped = np.arange(size)
    swapped[[1, 4, L + 1, L + 4]] = [4, 1, L + 4, L + 1]
    off = J.copy()
    off[np.unravel_index(np.argmax(np.abs(J)), J.shape)] *= 1.01
    mu, e, sigma = frame.component
    E_wrong, E_bar_wrong = landmark_model(Gaussian(mu, e, 1 / sigma), frame.theta, weights=frame.visible)
    wrong = {
        "(8) times 1.001": 1.001 * J,
        "(8) transposed (two landmarks missing: with all seen it is symmetric)": J.T,
        "(8), two landmarks swapped": J[:, swapped],
        "(8), sigma inverted": jacobian(E_wrong, E_bar_wrong),
        "(8), its largest entry off by a hundredth": off,
        "(8), y counted downwards in Y alone": J * np.repeat([1.0, -1.0], L),
        "(8) in image coordinates, taken for centred ones": J + frame.plain().mean,
    }
    shape = (*frame.Y.shape, *frame.Y.shape)
    found = [
        _refused(name, "check_jacobian", partial(check_jacobian, one.reshape(shape), frame.centred, frame.Y))
        for name, one in wrong.items()
    ]
    return found + _wrong_products(frame, E, E_bar_t) + _wrong_maps()


def _refused(name: str, checker: str, check: Callable[[], float]) -> Mistake:
    try:
        return Mistake(name, checker, False, check())
    except GradientError as error:
        return Mistake(name, checker, True, error.error)


def _wrong_products(frame: Frame, E: Array, E_bar_t: Array) -> list[Mistake]:
    def push(v: Array) -> Array:
        return push_forward(E, E_bar_t, v.reshape(-1)).reshape(frame.Y.shape)

    def pull(g: Array) -> Array:
        return pull_back(E, E_bar_t, g.reshape(-1)).reshape(frame.Y.shape)

    wrong: dict[str, tuple[Callable, Callable]] = {
        "J v of (8) times 1.001": (lambda v: 1.001 * push(v), pull),
        "J^T g of (8) times 1.001": (push, lambda g: 1.001 * pull(g)),
        "J g in the place of J^T g (two landmarks missing)": (push, push),
    }
    return [
        _refused(name, "check_products",
                 partial(check_products, frame.centred, *pair, frame.Y, np.random.default_rng(7)))
        for name, pair in wrong.items()
    ]  # fmt: skip


def _wrong_maps() -> list[Mistake]:
    peak = peaks_of_frames()[2]
    J = np.moveaxis(exact_belief_gradient(peak.Y, *SIZE, peak.sigma)[0], 0, -1)[..., None]
    G = belief_gradient(peak.Y, *SIZE, peak.sigma, 1.0)
    wrong = {
        "derivative of B_hat with the other sign": -J,
        "derivative of B_hat, x and y swapped": J[:, :, ::-1],
        "derivative of B_hat, over sigma and not sigma^2": J * peak.sigma,
        "(9) at 1 px, taken for the derivative": np.moveaxis(G[0], 0, -1)[..., None],
    }
    return [_refused(name, "check_jacobian", partial(check_jacobian, one, peak.map, peak.Y))
            for name, one in wrong.items()]  # fmt: skip


# ---- the ledger ----


@dataclass(frozen=True)
class Ledger:
    """Everything that was measured."""

    entries: list[Entry]
    notes: dict[str, str]
    properties: list[Property]
    mistakes: list[Mistake]

    @property
    def faults(self) -> list[str]:
        """What isn't as it must be, in words; empty where everything is."""
        found = [f"{entry.gradient}, {entry.route}: {entry.error} where {entry.bound} is allowed"
                 for entry in self.entries if not entry.right]  # fmt: skip
        found += [f"Updating B: {one.name}: {one.holds} of {one.of}" for one in self.properties if not one.right]
        found += [f"not refused: {one.name}" for one in self.mistakes if not one.refused]
        return found


def gradients() -> list[Gradient]:
    """All rows of the ledger."""
    return [*coefficient_rows(), *landmark_rows(), *belief_rows(), *chain_rows()]


def ledger() -> Ledger:
    """Measure everything."""
    rows = gradients()
    entries = [entry for row in rows for entry in measure(row)]
    return Ledger(entries, {row.name: row.note for row in rows if row.note}, update_properties(), mistakes())


def versions() -> dict[str, str]:
    """What the numbers were made with."""
    return {"numpy": np.__version__, "torch": torch.__version__.split("+")[0]}


def as_json(measured: Ledger) -> str:
    """The ledger as JSON, errors to one digit: the others depend on the processor."""
    document = {
        "made by": "python -m lifting.checking.ledger",
        "versions": versions(),
        "error": "max |J - reference| / max |reference|, the largest over all cases",
        "routes": ROUTES,
        "entries": [asdict(entry) for entry in measured.entries],
        "notes": measured.notes,
        "updating B": [asdict(one) for one in measured.properties],
        "wrong gradients": [asdict(one) for one in measured.mistakes],
    }
    return json.dumps(_rounded(document), indent=1) + "\n"


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_rounded(one) for one in value]
    return float(f"{value:.0e}") if isinstance(value, float) else value


def as_markdown(measured: Ledger) -> str:
    """The ledger as tables."""
    names = list(dict.fromkeys(entry.gradient for entry in measured.entries))
    cells = {(entry.gradient, entry.route): _cell(entry) for entry in measured.entries}
    rows = [[name, *(cells.get((name, route), "-") for route in ROUTES)] for name in names]
    made = ", ".join(f"{name} {version}" for name, version in versions().items())
    lines = [
        "# Ledger of gradients",
        "",
        f"Made by `python -m lifting.checking.ledger` ({made}).",
        "",
        "Largest relative error, max \\|J - reference\\| / max \\|reference\\|, the larger of NumPy's and torch's; in "
        f"brackets what is allowed, where that isn't {EXACT:g}. Three real frames with the embedded prior and one "
        "frame of a random prior; three real frames for the chain; a central difference is allowed the error that it "
        "estimates for itself.",
        "",
        *_table(["gradient", *ROUTES], rows),
        "",
        *(f"- **{route}**: {words}." for route, words in ROUTES.items()),
        "",
        "A dash stands",
        "",
        *(f"- {words}" for words in DASHES),
        "",
        *(f"- {name}: {note}" for name, note in measured.notes.items()),
        "",
        "## Updating B",
        "",
        "The way from maps to landmarks is an argmax, which is flat: the true gradient is zero and no use. The "
        "supplement chooses an update in its place, for which these properties are checked, with D = -dL/dY:",
        "",
        *_table(["property", "holds"], [[one.name, _count(one)] for one in measured.properties]),
        "",
        "## Wrong gradients",
        "",
        "Fed to the checker, `lifting.checking.gradient_check`:",
        "",
        *_table(["gradient", "checker", "refused", "relative error seen"],
                [[one.name, f"`{one.checker}`", "yes" if one.refused else "NO", f"{one.error:.1g}"]
                 for one in measured.mistakes]),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


DASHES = (
    "under *conditioning* for all but ridge regression, and under *autograd, pinv* where there is no system to solve;",
    "under *along v* and *adjoint* where the package has no product of its own, the matrix being what it gives;",
    "for (9) as printed, which is no derivative, under the routes that give one;",
    "for dL/dB of the layer, whose 27,200 entries are too many for differences or complex steps in every direction.",
)


def _cell(entry: Entry) -> str:
    library = max(entry.error, key=lambda name: entry.error[name])
    error, bound = entry.error[library], entry.bound[library]
    return f"{error:.0e}" if bound == EXACT else f"{_short(error)} ({_short(bound)})"


def _short(value: float) -> str:
    return f"{value:.2f}" if value > 0.01 else f"{value:.0e}"


def _count(one: Property) -> str:
    return f"{one.holds} of {one.of}" + (f" (at least {one.least})" if one.least < one.of else "")


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    head = [name.replace("|", "\\|") for name in head]
    body = [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    return [f"| {' | '.join(head)} |", "|---" * len(head) + "|", *body]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure every gradient by every route, write the ledger, and say what is wrong (then the exit code is 1)."""
    parser = argparse.ArgumentParser(prog="python -m lifting.checking.ledger", description=main.__doc__)
    parser.add_argument("--out", type=Path, help="write both files here; else to docs/ and data/ of the checkout")
    out = parser.parse_args(arguments).out
    docs, data = (out, out) if out else (PACKAGE.parent / "docs", PACKAGE.parent / "data")
    for folder in (docs, data):
        if not folder.is_dir():
            parser.error(f"--out: got {folder}, expected a folder that exists")
    measured = ledger()
    if measured.faults:
        print("\n".join(measured.faults), file=sys.stderr)
        return 1
    write_atomically(docs / "gradient_ledger.md", as_markdown(measured).encode())
    write_atomically(data / "gradient_ledger.json", as_json(measured).encode())
    refused = f"{len(measured.mistakes)} wrong gradients refused"
    print(f"{len(measured.entries)} comparisons, all within their bounds; {refused}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
