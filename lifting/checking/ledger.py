"""The ledger of gradients: every derivative of the supplement, eq. (3)-(9), by every independent route.

    python -m lifting.checking.ledger               # writes docs/gradient_ledger.md and data/gradient_ledger.json
    python -m lifting.checking.ledger --out DIR     # the same two files in DIR

A route is a way to the same numbers that shares no code with the gradient. An entry is the largest relative error,
max |J - reference| / max |reference|, over real frames of the embedded motion capture with the embedded prior and
frames of a random prior; once for the gradient computed in NumPy and once in torch. Every entry has a bound. One that
exceeds it makes the command fail.

With them come the properties of "Updating B", which has no true gradient to be compared with, and wrong gradients that
the checker must refuse.
"""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
import tyro

from lifting.checking.gradient_check import directional_difference, relative_error
from lifting.checking.gradients import Gradient, belief_rows, chain_rows, coefficient_rows, landmark_rows
from lifting.checking.routes import EXACT, Library, Route, from_difference
from lifting.checking.update_properties import Property, update_properties
from lifting.checking.wrong_gradients import Mistake, mistakes
from lifting.support.arrays import Array, like, to_numpy
from lifting.support.files import PACKAGE, rounded, write_atomically
from lifting.support.options import Folder
from lifting.support.templates import render

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
    return json.dumps(rounded(document, digits=1), indent=1) + "\n"


def as_markdown(measured: Ledger) -> str:
    """The ledger as tables."""
    cells = {(entry.gradient, entry.route): _cell(entry) for entry in measured.entries}
    rows = {name: [cells.get((name, route), "-") for route in ROUTES] for name, _ in cells}
    return render("lifting.checking", "gradient_ledger.md.j2", measured=measured, rows=rows, routes=ROUTES,
                  versions=versions(), exact=EXACT)  # fmt: skip


def _cell(entry: Entry) -> str:
    library = max(entry.error, key=lambda name: entry.error[name])
    error, bound = entry.error[library], entry.bound[library]
    return f"{error:.0e}" if bound == EXACT else f"{_short(error)} ({_short(bound)})"


def _short(value: float) -> str:
    return f"{value:.2f}" if value > 0.01 else f"{value:.0e}"


def write(out: Folder | None = None) -> int:
    """Measure every gradient by every route, write the ledger, and say what is wrong (then the exit code is 1).

    Args:
        out: write both files here; else to docs/ and data/ of the checkout.
    """
    measured = ledger()
    if measured.faults:
        print("\n".join(measured.faults), file=sys.stderr)
        return 1
    docs, data = (out, out) if out else (PACKAGE.parent / "docs", PACKAGE.parent / "data")
    write_atomically(docs / "gradient_ledger.md", as_markdown(measured).encode())
    write_atomically(data / "gradient_ledger.json", as_json(measured).encode())
    refused = f"{len(measured.mistakes)} wrong gradients refused"
    print(f"{len(measured.entries)} comparisons, all within their bounds; {refused}")
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """`write`, as the command line says."""
    return tyro.cli(write, prog="python -m lifting.checking.ledger", args=arguments)


if __name__ == "__main__":
    sys.exit(main())
