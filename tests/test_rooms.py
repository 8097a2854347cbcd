"""The layout of the package: rooms of the paper at the top, wings around them, and how large anything may be."""

import ast
import graphlib
from collections import Counter

import house
import pytest

ROOMS = {"belief", "camera", "confidence", "convolutions", "front", "given", "landmark_gradient", "layer", "metrics",
         "misfit", "network", "orders", "pose_prior", "refining", "search", "skeleton", "solve", "tables", "turned",
         "updating"}  # fmt: skip
WINGS = {
    "support": set(),
    "datasets": {"support"},
    "files": {"support"},
    "beyond": {"support"},
    "fitting": {"support", "datasets"},
    "detecting": {"support", "datasets", "files"},
    "checking": {"support", "datasets", "fitting"},
    "makers": {"support", "datasets", "fitting", "detecting"},
    "drawing": {"support", "datasets", "fitting", "checking", "training", "makers"},
    "own": {"support", "files", "detecting", "drawing", "beyond"},
    "training": {"support", "datasets", "drawing"},
    "experiments": {"support", "datasets", "fitting", "checking", "training", "drawing", "makers"},
}
"""Each wing with the wings that it may import; `drawing` and `training` may not form a circle of modules."""


@pytest.fixture(scope="module")
def modules():
    """Every module's path, by its name."""
    package = house.ROOT / "lifting"
    paths = {".".join(path.relative_to(house.ROOT).with_suffix("").parts): path for path in package.rglob("*.py")}
    return {name.removesuffix(".__init__"): path for name, path in paths.items()}


@pytest.fixture(scope="module")
def imports(modules):
    """The modules of the package that each module imports, wherever in it."""
    found = {}
    for name, path in modules.items():
        wanted = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                wanted |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{name}: relative import"
                members = {f"{node.module}.{alias.name}" for alias in node.names}
                wanted |= {member if member in modules else node.module for member in members}
        found[name] = {one for one in wanted if one in modules}
    return found


def part(module):
    """The wing of a module, "rooms", or "lifting" for the face of the package."""
    parts = module.split(".")
    known = {wing: wing for wing in WINGS} | {"__main__": "own"}
    return "lifting" if len(parts) == 1 else known.get(parts[1], "rooms")


def test_the_top_of_the_package_is_the_paper():
    package = house.ROOT / "lifting"
    assert {path.stem for path in package.glob("*.py")} == {*ROOMS, "__init__", "__main__"}
    assert {path.parent.name for path in package.glob("*/__init__.py")} == set(WINGS)


def test_rooms_import_no_wing_but_support(imports):
    wrong = [f"{one} imports {other}" for one, others in imports.items() if part(one) in ("rooms", "lifting")
             for other in others if part(other) not in ("rooms", "support")]  # fmt: skip
    assert wrong == []


def test_wings_import_what_they_may(imports):
    wrong = [f"{one} imports {other}" for one, others in imports.items() if part(one) in WINGS
             for other in others if part(other) not in {"rooms", part(one), *WINGS[part(one)]}
             and not (part(other) == "lifting" and part(one) != "support")]  # fmt: skip
    assert wrong == []
    assert not [one for one, others in imports.items() if part(one) == "support" and {*map(part, others)} > {"support"}]


def test_no_modules_import_each_other_in_a_circle(imports):
    assert len(list(graphlib.TopologicalSorter(imports).static_order())) == len(imports)


def test_no_function_takes_more_than_six_parameters():
    many = [f"{name}: {count}" for name, one in house.functions() if (count := house.parameters(one)) > 6]
    assert many == []


def test_parameters_are_counted_without_self_and_stars_one_each():
    (function,) = ast.parse("def f(self, a, *b, c=1, **d): ...").body
    assert house.parameters(function) == 4


def test_no_module_outside_makers_is_longer_than_400_lines(modules):
    lengths = {name: len(path.read_text().splitlines()) for name, path in modules.items()}
    assert {name: length for name, length in lengths.items() if length > 400 and part(name) != "makers"} == {}


def test_every_module_says_what_it_is(modules):
    silent = [name for name, path in modules.items()
              if not (ast.get_docstring(ast.parse(path.read_text())) or "").split("\n")[0].strip()]  # fmt: skip
    assert silent == []


# ---- computing lines ----


def test_equations_are_not_crowded_out_by_checks():
    shares = {name: house.share(counts) for name, counts in house.equation_lines().items()}
    assert {name: share for name, share in shares.items() if share < 0.6} == {}


CODE = '''
"""A module."""
import numpy as np

LIMIT = 1  # computing


class Pair(NamedTuple):
    """Declaring."""

    x: float
    """A field."""


@checked
def f(
    x,
):
    """Text.

    More text.
    """
    # a comment
    x = check_array(
        "x", x
    )
    if x < 0:
        fail("x", x)
    if x > 1:
        x = 1
    else:
        raise ValueError
    with np.errstate():
        refuse("x")
    y = (
        x + 1
    )
    return y


def _check_all(x):
    y = x
    return y
'''


def test_lines_are_counted_by_what_they_do():
    """Computing: LIMIT, if, x = 1, else, y, return; checking: x, if, fail, raise, with, refuse, body of _check_all."""
    assert house.sorts(CODE) == Counter(computing=8, checking=10, declaring=7)
    assert house.share(Counter(computing=3, checking=1, declaring=9)) == 0.75
