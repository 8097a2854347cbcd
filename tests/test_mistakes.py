"""The museum of mistakes: right functions pass, wrong ones don't, each check finds its own mistake, docs in step."""

import dataclasses
import inspect
import re

import numpy as np
import pytest

from lifting.belief import belief_gradient, belief_maps, belief_update_gradient, exact_belief_gradient
from lifting.camera import rotation
from lifting.checking import mistakes
from lifting.checking.mistaken_maps import world_landmarks
from lifting.checking.mistakes import MUSEUM, Exhibit, MistakeFound, line_up, measure, mystery, page, solution
from lifting.pose_prior import log_density
from lifting.skeleton import HUMAN36M
from lifting.solve import centre, pseudo_inverse, stack_ridge, truncated_pseudo_inverse

CHECKS = {exhibit.check.__name__.removeprefix("check_"): exhibit.check for exhibit in MUSEUM}
every_exhibit = pytest.mark.parametrize("exhibit", MUSEUM, ids=list(CHECKS))

pytestmark = pytest.mark.usefixtures("one_thread")


def test_twelve_exhibits_each_its_own():
    assert len(MUSEUM) == 12
    for field in ("name", "mistake", "check", "symptom"):
        assert len({getattr(exhibit, field) for exhibit in MUSEUM}) == 12


@every_exhibit
def test_right_passes_its_check(exhibit):
    exhibit.check(exhibit.right)


@every_exhibit
def test_mistake_is_found_and_the_message_says_what_why_and_by_how_much(exhibit):
    with pytest.raises(MistakeFound) as found:
        exhibit.check(exhibit.mistake)
    said = re.fullmatch(r"expected (.+); saw (.+?)\. ([^ ].+)\.", str(found.value))
    assert said and all(len(part) > 5 for part in said.groups())
    assert re.search(r"\d", said[1]) or re.search(r"\d", said[2])


@every_exhibit
def test_both_are_called_alike(exhibit):
    wrong, right = (inspect.signature(f).parameters.values() for f in (exhibit.mistake, exhibit.right))
    assert [(p.name, p.default) for p in wrong] == [(p.name, p.default) for p in right]


@every_exhibit
def test_a_check_says_where_an_array_of_another_shape_or_nan_came(exhibit):
    with pytest.raises(MistakeFound, match=r"expected an array of shape \(.*saw shape \(7,\)"):
        exhibit.check(lambda *arguments, **options: np.ones(7))
    with pytest.raises(MistakeFound, match="expected finite numbers; saw NaN"):
        exhibit.check(lambda *arguments, **options: np.nan * exhibit.right(*arguments, **options))


# ---- which check finds which mistake ----


def test_of_the_checks_for_functions_called_alike_only_its_own_finds_a_mistake():
    matrix = {
        (exhibit.mistake.__name__, other.check.__name__): other.check.__name__ in mistakes.caught_by(exhibit)
        for exhibit in MUSEUM
        for other in MUSEUM
        if other.right is exhibit.right
    }
    own = {(exhibit.mistake.__name__, exhibit.check.__name__) for exhibit in MUSEUM}
    assert len(matrix) == 20, "four pairs that are called alike, and four alone"
    assert {pair for pair, caught in matrix.items() if caught} == own


# ---- wrong in other ways ----


def ridge(change):
    return lambda E, sigma: stack_ridge(E, change(sigma))


def truncation(change):
    return lambda E, sigma: change(E, sigma)


def gradient(change):
    """`belief_gradient`, its maps in x and in y (two arrays) changed."""

    def implementation(Y, height, width, sigma=1.0, delta=1.0):
        return np.stack(change(*np.moveaxis(belief_gradient(Y, height, width, sigma, delta), -3, 0)), axis=-3)

    return implementation


def one_sided(sides):
    """Differences between maps at sides (far, near) in x and in y, in steps of delta, over 2 delta or delta."""

    def implementation(Y, height, width, sigma=1.0, delta=1.0):
        maps = []
        for axis, (far, near) in zip(np.eye(2)[..., None], sides, strict=True):
            ends = [belief_maps(Y + side * delta * axis, height, width, sigma) for side in (far, near)]
            maps.append((ends[0] - ends[1]) / ((far - near) * delta))
        return np.stack(maps, axis=-3)

    return implementation


CENTRAL = (1, -1)


def directed(change):
    return lambda Y, D, *options: belief_update_gradient(Y, change(D), *options)


def without_edges(Y, D, height, width, k=1.0, sigma=1.0):
    G = np.array(belief_update_gradient(Y, D, height, width, k, sigma))
    rows, columns = np.mgrid[:height, :width]
    edge = (columns == Y[0, 0]) != (rows == Y[1, 0])
    return np.where(edge & (D != 0).all(0)[:, None, None], 0.0, G)


def both_sides(Y, D, height, width, k=1.0, sigma=1.0):
    return sum(belief_update_gradient(Y, D * [[x], [y]], height, width, k, sigma) for x in (1, -1) for y in (1, -1)) / 4


def density(change):
    """`log_density` with `change(variances, v, D)` nats added, the variances those along the bases."""

    def implementation(prior, poses):
        v = prior.noise_variance
        return log_density(prior, poses) + change(prior.component_variance + v[:, None], v, 3 * prior.L - 3)

    return implementation


def frame_landmarks(change):
    return lambda frame: change(world_landmarks(frame))


def swapped(*names):
    """The landmarks of the named joints exchanged, left for right."""
    order = list(range(17))
    for name in names:
        i, j = HUMAN36M.index(f"left_{name}"), HUMAN36M.index(f"right_{name}")
        order[i], order[j] = j, i
    return lambda Y: Y[:, order]


SIGNS = np.array([[1.0], [-1.0]])
VARIANTS = {
    "sigma squared": ("ridge_is_the_prior", ridge(np.square)),
    "sigma squared and inverse": ("ridge_is_the_prior", ridge(lambda sigma: sigma**-2)),
    "twice sigma": ("ridge_is_the_prior", ridge(lambda sigma: 2 * sigma)),
    "no sigma": ("ridge_is_the_prior", ridge(np.zeros_like)),
    "the same sigma for all": ("ridge_is_the_prior", ridge(lambda sigma: np.full_like(sigma, sigma.mean()))),
    "sigma backwards": ("ridge_is_the_prior", ridge(lambda sigma: sigma[::-1])),
    "sigma on top of E": (
        "ridge_is_the_prior",
        lambda E, sigma: np.roll(stack_ridge(E, sigma), E.shape[1], axis=0),
    ),
    "E negated": ("ridge_is_the_prior", lambda E, sigma: stack_ridge(-E, sigma)),
    "pseudo-inverse of E alone": ("truncation_minimises", truncation(lambda E, sigma: np.linalg.pinv(E))),
    "E transposed": ("truncation_minimises", truncation(lambda E, sigma: E.T)),
    "ridge of sigma, not of its square": (
        "truncation_minimises",
        truncation(lambda E, sigma: np.linalg.solve(E.T @ E + np.diag(sigma), E.T)),
    ),
    "one column along": (
        "truncation_minimises",
        truncation(lambda E, sigma: pseudo_inverse(stack_ridge(E, sigma))[:, 1 : len(E) + 1]),
    ),
    "wrong rows": (
        "truncation_minimises",
        truncation(lambda E, sigma: np.roll(truncated_pseudo_inverse(E, sigma), 1, axis=0)),
    ),
    "x and y exchanged in y": (
        "truncation_minimises",
        truncation(lambda E, sigma: np.roll(truncated_pseudo_inverse(E, sigma), 17, axis=1)),
    ),
    "-theta": ("sense_of_turn", lambda theta: rotation(-theta)),
    "degrees": ("sense_of_turn", lambda theta: rotation(np.radians(theta))),
    "about x": ("sense_of_turn", lambda theta: np.roll(rotation(theta), 1, axis=(0, 1))),
    "off by 180 degrees": ("heading_zero", lambda theta: rotation(theta + np.pi)),
    "off by -90 degrees": ("heading_zero", lambda theta: rotation(theta - np.pi / 2)),
    "off by one of 80 steps": ("heading_zero", lambda theta: rotation(theta + 2 * np.pi / 80)),
    "upside down": ("heading_zero", lambda theta: rotation(theta) @ np.diag([1.0, -1.0, 1.0])),
    "half a determinant": ("likeliest_spread", density(lambda s, v, D: 0.25 * np.log(s).sum(1))),
    "no determinant": ("likeliest_spread", density(lambda s, v, D: 0.5 * np.log(s).sum(1))),
    "noise in 3L directions": ("likeliest_spread", density(lambda s, v, D: -1.5 * np.log(v))),
    "noise forgotten beside lambda": (
        "likeliest_spread",
        density(lambda s, v, D: 0.5 * (np.log(s) - np.log(s - v[:, None])).sum(1)),
    ),
    "half a turn in the picture": ("up_is_up", frame_landmarks(lambda Y: -Y)),
    "x and y exchanged": ("up_is_up", frame_landmarks(lambda Y: Y[::-1])),
    "half a turn seen from its side": ("left_is_left", frame_landmarks(lambda Y: -Y)),
    "x mirrored": ("left_is_left", frame_landmarks(lambda Y: -SIGNS * Y)),
    "hips swapped": ("left_is_left", frame_landmarks(swapped("hip"))),
    "shoulders swapped": ("left_is_left", frame_landmarks(swapped("shoulder"))),
    "forward in x alone": ("gradient_is_odd", one_sided(((1, 0), CENTRAL))),
    "forward in y alone": ("gradient_is_odd", one_sided((CENTRAL, (1, 0)))),
    "backward": ("gradient_is_odd", one_sided(((0, -1), (0, -1)))),
    "lopsided": ("gradient_is_odd", one_sided(((2, -1), (2, -1)))),
    "over delta": ("gradient_moves_the_mass", gradient(lambda x, y: (2 * x, 2 * y))),
    "twice in y alone": ("gradient_moves_the_mass", gradient(lambda x, y: (x, 2 * y))),
    "sign wrong": ("gradient_moves_the_mass", gradient(lambda x, y: (-x, -y))),
    "sign wrong in x alone": ("gradient_moves_the_mass", gradient(lambda x, y: (-x, y))),
    "sign wrong in y alone": ("gradient_moves_the_mass", gradient(lambda x, y: (x, -y))),
    "x for y": ("gradient_moves_the_mass", gradient(lambda x, y: (y, x))),
    "peak left alone": ("descent_empties_the_peak", directed(lambda D: 0 * D)),
    "m of half the length": ("descent_empties_the_peak", directed(lambda D: D / 2)),
    "m of the length squared": ("descent_empties_the_peak", directed(lambda D: D * np.hypot(*D))),
    "m of the sum of components": (
        "descent_empties_the_peak",
        directed(lambda D: D * np.abs(D).sum(0) / np.maximum(np.hypot(*D), 1e-9)),
    ),
    "mirrored in x alone": ("quadrant", directed(lambda D: -SIGNS * D)),
    "mirrored in y alone": ("quadrant", directed(lambda D: SIGNS * D)),
    "D with x and y exchanged": ("quadrant", directed(lambda D: D[::-1])),
    "edges left out": ("quadrant", without_edges),
    "all four quadrants": ("quadrant", both_sides),
    "moved to the pelvis": ("centring", lambda Y, visible=None: Y - Y[..., :1]),
    "only x centred": ("centring", lambda Y, visible=None: Y - [[1.0], [0.0]] * Y.mean(-1, keepdims=True)),
    "unseen landmarks in the mean": (
        "centring",
        lambda Y, visible=None: centre(Y) if visible is None else centre(Y) * visible,
    ),
    "unseen landmarks left in place": (
        "centring",
        lambda Y, visible=None: Y - Y[..., slice(None) if visible is None else visible].mean(-1, keepdims=True),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("check", "implementation"), VARIANTS.values(), ids=VARIANTS)
def test_other_variants_are_found_too(check, implementation):
    with pytest.raises(MistakeFound, match="expected (?!an array of shape|finite numbers)"):
        CHECKS[check](implementation)


def exact(Y, height, width, sigma=1.0, delta=1.0):
    return exact_belief_gradient(Y, height, width, sigma)


@pytest.mark.parametrize(
    ("check", "implementation"),
    [
        ("ridge_is_the_prior", lambda E, sigma: np.concatenate([E, np.diag(sigma)])),
        ("truncation_minimises", lambda E, sigma: np.linalg.pinv(np.concatenate([E, np.diag(sigma)]))[:, : len(E)]),
        ("gradient_is_odd", exact),
        ("gradient_moves_the_mass", exact),
        ("gradient_moves_the_mass", one_sided((CENTRAL, (1, 0)))),
        ("left_is_left", frame_landmarks(lambda Y: 100 * Y + 7)),
        ("up_is_up", frame_landmarks(lambda Y: 100 * Y + 7)),
        ("centring", lambda Y, visible=None: centre(Y - 5.0, visible)),
    ],
)
def test_what_is_right_in_another_way_passes(check, implementation):
    CHECKS[check](implementation)


# ---- mysteries ----


def test_mysteries_are_the_mistakes_in_another_order():
    order = [MUSEUM.index(solution(number)) for number in range(12)]
    assert sorted(order) == list(range(12))
    assert order != sorted(order) and order != sorted(order, reverse=True)


@pytest.mark.parametrize("number", range(12))
def test_a_mystery_looks_right_and_is_wrong(number):
    exhibit, implementation = solution(number), mystery(number)
    assert inspect.signature(implementation) == inspect.signature(exhibit.right)
    assert (implementation.__name__, implementation.__doc__) == (exhibit.right.__name__, exhibit.right.__doc__)
    with pytest.raises(MistakeFound):
        exhibit.check(implementation)


@pytest.mark.parametrize("number", [-1, 12, 1.0, "1"])
def test_a_mystery_that_is_none_is_refused(number):
    with pytest.raises(ValueError, match=r"number: got .*, expected a whole number"):
        mystery(number)


@pytest.mark.parametrize(("numbers", "innocent"), [((7, 0), "b"), ((5, 10), "c"), ((10, 5), "b"), ((6,), "a")])
def test_one_of_a_line_up_is_right_and_looks_like_the_others(numbers, innocent):
    right = solution(numbers[0]).right
    suspects = line_up(right, *numbers)
    assert list(suspects) == list("abc")[: len(numbers) + 1] and suspects.pop(innocent) is right
    for suspect, number in zip(suspects.values(), numbers, strict=True):
        assert suspect.__qualname__ == right.__qualname__
        with pytest.raises(MistakeFound):
            solution(number).check(suspect)


# ---- figures and the page ----


def test_a_stranger_is_not_measured():
    stranger = dataclasses.replace(MUSEUM[0], name="a stranger", mistake=abs)
    assert isinstance(stranger, Exhibit)
    with pytest.raises(ValueError, match="exhibit: got a stranger, expected an exhibit of MUSEUM"):
        measure(stranger)


NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:e[-+]\d+)?")


def test_the_page_is_in_step(root):
    """Words are the same, and figures up to what another processor may change."""
    written, now = (root / "docs" / "mistakes.md").read_text(encoding="utf-8"), page()
    assert NUMBER.sub("#", written) == NUMBER.sub("#", now), "run python -m lifting.checking.mistakes"
    figures, again = ([float(number) for number in NUMBER.findall(text)] for text in (written, now))
    np.testing.assert_allclose(again, figures, rtol=0.03, atol=0.011, err_msg="run python -m lifting.checking.mistakes")


def test_the_command_writes_the_page(tmp_path, monkeypatch):
    monkeypatch.setattr(mistakes, "page", lambda: "a page\n")
    mistakes.main(["--out", str(tmp_path / "mistakes.md")])
    assert (tmp_path / "mistakes.md").read_text() == "a page\n"
