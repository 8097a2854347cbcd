"""Belief maps, eq. (9) and "Updating B", against loops over pixels, autograd, complex steps and blurred pixels."""

import cmath
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from lifting.belief import (
    belief_gradient,
    belief_maps,
    belief_update,
    belief_update_gradient,
    exact_belief_gradient,
    gradient_error,
    peaks,
    pull_back_maps,
)
from lifting.support.arrays import to_numpy, trusted
from tests.refusals import refuses

BACKENDS = {"numpy": np.asarray, "torch": torch.tensor}
H, W = 7, 9
TIGHT = 1e-14
"""For maps, whose greatest value is 1, made by another order of the same few operations."""

backend = pytest.mark.parametrize("backend", BACKENDS)
few = settings(max_examples=25)


def close(actual, expected, atol=TIGHT):
    np.testing.assert_allclose(to_numpy(actual), expected, rtol=0, atol=atol)


def landmarks(rng, *batch, L=3):
    """Sub-pixel locations, some a little outside the maps."""
    return rng.uniform([[-1], [-1]], [[W], [H]], (*batch, 2, L))


def gaussian(column, row, x, y, sigma):
    return cmath.exp(-((column - x) ** 2 + (row - y) ** 2) / (2 * sigma**2))


def over_pixels(Y, function):
    """`function(column, row, x, y)` at every pixel for every landmark, in loops: (..., L, H, W)."""
    flat = np.reshape(Y, (-1, *Y.shape[-2:]))
    maps = [
        [[[function(column, row, *y) for column in range(W)] for row in range(H)] for y in frame.T] for frame in flat
    ]
    return np.reshape(maps, (*Y.shape[:-2], Y.shape[-1], H, W))


# Maps of landmarks


@backend
def test_a_map_is_a_gaussian_of_peak_one(backend, rng):
    Y = landmarks(rng, 2, 2)
    for sigma in (0.6, 1, 2.5):
        want = over_pixels(Y, lambda *at, sigma=sigma: gaussian(*at, sigma).real)
        close(belief_maps(BACKENDS[backend](Y), H, W, sigma), want)
    close(belief_maps(BACKENDS[backend](Y), H, W), over_pixels(Y, lambda *at: gaussian(*at, 1).real))


def test_a_map_is_a_pixel_set_to_one_and_blurred():
    """What we understand the main paper to do. scipy's filter sums to one, ours peaks at one."""
    stamp = np.zeros((21, 25))
    stamp[9, 14] = 1
    blurred = gaussian_filter(stamp, 1.3, truncate=20, mode="constant")
    close(belief_maps(np.array([[14.0], [9.0]]), 21, 25, 1.3)[0], blurred / blurred.max(), 1e-12)


@backend
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_no_value_of_a_map_is_subnormal(backend, dtype):
    """Below the root of the least normal number a profile is 0, above it what exp gives: no product lies below it."""
    Y = np.array([[3.3], [4.6]])
    size, sigma = (90, 100), 1.0 if dtype == "float32" else 0.4
    limit = np.finfo(dtype).smallest_normal
    maps = to_numpy(belief_maps(BACKENDS[backend](Y.astype(dtype)), *size, sigma))[0]
    rows, columns = np.indices(size)
    exact = np.exp(-((columns - 3.3) ** 2 + (rows - 4.6) ** 2) / (2 * sigma**2))
    assert maps.dtype == dtype and ((maps == 0) | (maps >= limit)).all()
    # nothing is dropped that is not below the root of the limit already
    assert exact[maps == 0].max() < np.sqrt(limit) and (maps > 0).sum() > 100
    np.testing.assert_allclose(maps[maps > 0], exact[maps > 0], rtol=1e-4 if dtype == "float32" else 1e-11)


@backend
def test_far_outside_a_map_is_empty(backend):
    Y = BACKENDS[backend](np.array([[-1e6, 4.0, 1e100], [3.0, 1e6, -1e100]]))
    assert not np.any(to_numpy(belief_maps(Y, H, W)))
    assert not np.any(to_numpy(belief_gradient(Y, H, W)))
    assert not np.any(to_numpy(pull_back_maps(BACKENDS[backend](np.ones((3, H, W))), Y)))
    assert not np.any(to_numpy(pull_back_maps(BACKENDS[backend](np.ones((3, H, W))), Y, delta=None)))


# Landmarks of maps


@backend
def test_the_peak_is_the_pixel_of_the_greatest_belief(backend, rng):
    B = rng.normal(size=(2, 3, 4, H, W)) - 5
    want = np.zeros((2, 3, 2, 4))
    for index in np.ndindex(2, 3, 4):
        row, column = max(np.ndindex(H, W), key=lambda at, index=index: B[(*index, *at)])
        want[*index[:2], :, index[2]] = column, row
    close(peaks(BACKENDS[backend](B)), want, 0)


@backend
@pytest.mark.parametrize("subpixel", [False, True])
def test_of_equal_beliefs_the_first_counts_row_by_row(backend, subpixel):
    two = np.zeros((3, H, W))
    two[0, 2, 6] = two[0, 4, 1] = 1  # the earlier row
    two[1, 3, 5] = two[1, 3, 2] = 1  # the same row: the earlier column
    close(peaks(BACKENDS[backend](two), subpixel=subpixel), [[6, 2, 0], [2, 3, 0]], 0)
    for constant in (0.0, 0.3, -2.0):
        close(peaks(BACKENDS[backend](np.full((1, H, W), constant)), subpixel=subpixel), [[0], [0]], 0)


@backend
@pytest.mark.parametrize("size", [(1, 1), (1, 5), (5, 1)])
@pytest.mark.parametrize("subpixel", [False, True])
def test_a_map_of_one_row_or_column(backend, size, subpixel):
    B = np.zeros((1, *size))
    B[0, -1, -1] = 0.5
    close(peaks(BACKENDS[backend](B), subpixel=subpixel), [[size[1] - 1], [size[0] - 1]], 0)


@backend
@pytest.mark.parametrize("y", [0, 3, H - 1])
@pytest.mark.parametrize("x", [0, 4, W - 1])
def test_no_shift_across_the_border(backend, x, y):
    """A Gaussian a third of a pixel off: found along an axis where the peak has two neighbours, left where not."""
    Y = np.array([[x + 0.3], [y - 0.3]])
    want = [[x + 0.3 if 0 < x < W - 1 else x], [y - 0.3 if 0 < y < H - 1 else y]]
    close(peaks(belief_maps(BACKENDS[backend](Y), H, W), subpixel=True), want, 1e-12)


@backend
def test_the_place_of_a_gaussian_is_found_between_pixels(backend, rng):
    Y = rng.uniform([[1], [1]], [[W - 2], [H - 2]], (50, 2, 3))
    for sigma, height in ((0.7, 1.0), (1.0, 1e-8), (3.0, 40.0)):
        B = height * belief_maps(BACKENDS[backend](Y), H, W, sigma)
        close(peaks(B, subpixel=True), Y, 1e-10)
        close(peaks(B), np.round(Y), 0)


@few
@given(st.integers(0, 2**32 - 1))
def test_the_shift_is_at_most_half_a_pixel_and_towards_the_greater_neighbour(seed):
    B = np.random.default_rng(seed).uniform(0.01, 1, (4, H, W))
    Y, fine = peaks(B), peaks(B, subpixel=True)
    assert np.abs(fine - Y).max() <= 0.5
    for p in range(4):
        x, y = Y[:, p].astype(int)
        if 0 < x < W - 1:
            assert np.sign(fine[0, p] - x) == np.sign(B[p, y, x + 1] - B[p, y, x - 1])
        if 0 < y < H - 1:
            assert np.sign(fine[1, p] - y) == np.sign(B[p, y + 1, x] - B[p, y - 1, x])


@backend
def test_no_shift_where_the_parabola_says_nothing(backend):
    """Both neighbours equal to the peak; or a neighbour without a logarithm; along the other axis there is a shift."""
    B = np.full((4, 5, 5), 0.1)
    B[:, 2, 2] = 1
    B[:, 3, 2] = 0.4  # down: a shift of ln 4 / (2 (ln 10 + ln 2.5))
    B[0, 2, 1] = B[0, 2, 3] = 1  # a plateau, of which (1, 2) is the first pixel, at the end of three equal ones
    B[1, 2, 3] = 0
    B[2, 2, 1] = -0.2
    B[3, 2, 1] = 0.2
    fine = to_numpy(peaks(BACKENDS[backend](B), subpixel=True))
    down = math.log(4) / (2 * (math.log(10) + math.log(2.5)))
    close(fine[:, 1:3], [[2, 2], [2 + down, 2 + down]], 1e-12)
    close(fine[:, 3], [2 - math.log(2) / (2 * (math.log(5) + math.log(10))), 2 + down], 1e-12)
    # the plateau's first pixel has a lower neighbour on its left and an equal one on its right: half a pixel
    close(fine[:, 0], [1.5, 2], 1e-12)
    negative = np.full((1, 3, 5), -0.5)
    negative[0, 1] = [-0.4, -0.2, -0.1, -0.3, -0.4]
    close(peaks(BACKENDS[backend](negative), subpixel=True), [[2], [1]], 0)


@backend
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_belief_that_is_no_number_is_refused(backend, bad):
    B = np.zeros((2, H, W))
    B[1, 2, 3] = bad
    with pytest.raises(ValueError, match=f"^B: got 1 NaN or infinite of {2 * H * W} values, expected finite numbers$"):
        peaks(BACKENDS[backend](B))


@backend
@pytest.mark.parametrize("subpixel", [False, True])
def test_where_values_are_not_looked_at_a_nan_stays_in_its_landmark(backend, subpixel):
    B = np.zeros((2, 3, H, W))
    B[:, :, 4, 5] = 1
    B[1, 2, 0, 0] = math.nan  # before the peak, after it, and beside something infinite
    B[1, 1, 5, 6] = math.nan
    B[1, 0, 2, 2], B[1, 0, 6, 3] = math.inf, math.nan
    B[0, 1, 4, 6] = -math.inf
    with trusted():
        Y = to_numpy(peaks(BACKENDS[backend](B), subpixel=subpixel))
    assert np.isnan(Y[1]).all()
    Y[1] = [[5], [4]]
    close(Y, np.broadcast_to([[[5], [4]]], (2, 2, 3)), 0)


# Eq. (9)


def difference_of_gaussians(Y, sigma, delta):
    """The right side of (9), pixel by pixel: (..., L, 2, H, W)."""

    def along(dx, dy):
        def slope(column, row, x, y):
            ahead = gaussian(column, row, x + delta * dx, y + delta * dy, sigma)
            behind = gaussian(column, row, x - delta * dx, y - delta * dy, sigma)
            return ((ahead - behind) / (2 * delta)).real

        return over_pixels(Y, slope)

    return np.stack([along(1, 0), along(0, 1)], axis=-3)


@backend
def test_eq_9_is_the_difference_of_two_gaussians(backend, rng):
    Y = landmarks(rng, 2, 2)
    for sigma, delta in ((1.0, 1.0), (0.8, 0.25), (2.0, 3.0)):
        close(belief_gradient(BACKENDS[backend](Y), H, W, sigma, delta), difference_of_gaussians(Y, sigma, delta))
    close(belief_gradient(BACKENDS[backend](Y), H, W), difference_of_gaussians(Y, 1, 1))


def test_the_exact_gradient_by_complex_step_and_by_autograd(rng):
    Y, sigma, h = landmarks(rng, 2), 1.4, 1e-20
    x = over_pixels(Y, lambda c, r, x, y: gaussian(c, r, x + 1j * h, y, sigma).imag / h)
    y = over_pixels(Y, lambda c, r, x, y: gaussian(c, r, x, y + 1j * h, sigma).imag / h)
    close(exact_belief_gradient(Y, H, W, sigma), np.stack([x, y], axis=-3))
    one = torch.from_numpy(Y[0])
    by_autograd = torch.autograd.functional.jacobian(lambda Y: belief_maps(Y, H, W, sigma), one)  # (L, H, W, 2, L)
    own = torch.einsum("lhwcl->lchw", by_autograd)
    close(exact_belief_gradient(one, H, W, sigma), own)
    assert float(by_autograd.abs().sum()) == pytest.approx(
        float(own.abs().sum()), abs=1e-12
    )  # a map follows no other landmark
    close(exact_belief_gradient(Y, H, W), exact_belief_gradient(Y, H, W, 1.0), 0)


def test_the_error_of_eq_9_is_of_second_order_and_its_leading_term_the_third_derivative(rng):
    Y, sigma = rng.uniform(2, 5, (2, 3)), 1.2
    exact = exact_belief_gradient(Y, H, W, sigma)
    errors = {delta: belief_gradient(Y, H, W, sigma, delta) - exact for delta in (0.04, 0.02, 0.01)}
    sizes = [np.abs(error).max() for error in errors.values()]
    assert sizes[0] / sizes[1] == pytest.approx(4, rel=1e-2) and sizes[1] / sizes[2] == pytest.approx(4, rel=1e-2)

    def third(column, row, x, y, along):
        # with t = z - Y: d3/dY3 exp(-t^2 / (2 sigma^2)) = (t^3 / sigma^6 - 3 t / sigma^4) exp(...)
        t = (column - x, row - y)[along]
        return (t**3 / sigma**6 - 3 * t / sigma**4) * gaussian(column, row, x, y, sigma).real

    leading = np.stack([over_pixels(Y, lambda *at, along=along: third(*at, along)) for along in (0, 1)], axis=-3)
    close(errors[0.01] / 0.01**2, leading / 6, 1e-3 * np.abs(leading).max())


@backend
@pytest.mark.parametrize("delta", [1.0, 0.3, None])
def test_pulling_back_sums_over_the_pixels_without_forming_eq_9(backend, delta, rng):
    Y, G, sigma = landmarks(rng, 2, 2), rng.normal(size=(2, 2, 3, H, W)), 1.4
    formed = exact_belief_gradient(Y, H, W, sigma) if delta is None else belief_gradient(Y, H, W, sigma, delta)
    want = np.einsum("...lchw,...lhw->...cl", formed, G)
    make = BACKENDS[backend]
    close(pull_back_maps(make(G), make(Y), sigma, delta), want, 1e-13)
    if delta == 1:
        at_one = np.einsum("...lchw,...lhw->...cl", belief_gradient(Y, H, W, 1.0, 1.0), G)
        close(pull_back_maps(make(G), make(Y)), at_one, 1e-13)
    assert not np.any(to_numpy(pull_back_maps(make(0 * G), make(Y), sigma, delta)))


def test_pulling_back_is_what_autograd_gives_through_the_maps(rng):
    Y = torch.from_numpy(landmarks(rng, 4)).requires_grad_()
    G = torch.from_numpy(rng.normal(size=(4, 3, H, W)))
    (want,) = torch.autograd.grad(belief_maps(Y, H, W, 0.9), Y, G)
    close(pull_back_maps(G, Y.detach(), 0.9, None), want.numpy(), 1e-13)


# "Updating B"


def update_in_loops(Y, D, k, sigma):
    """The words of the supplement, pixel by pixel, for whole Y (2, L)."""
    maps = np.zeros((Y.shape[-1], H, W))
    for p, ((x, y), (dx, dy)) in enumerate(zip(Y.T, D.T, strict=True)):
        m = k * math.sqrt(dx**2 + dy**2)
        for row in range(H):
            for column in range(W):
                right_side = dx == 0 or (column - x) * dx >= 0
                right_height = dy == 0 or (row - y) * dy >= 0
                if (column, row) == (x, y):
                    maps[p, row, column] = -m
                elif right_side and right_height:
                    density = gaussian(column, row, x, y, sigma).real / (2 * math.pi * sigma**2)
                    maps[p, row, column] = m * density
    return maps


def places(rng, *batch, L=3):
    return np.stack([rng.integers(0, W, (*batch, L)), rng.integers(0, H, (*batch, L))], axis=-2).astype(float)


QUADRANTS = [(dx, dy) for dx in (-1.5, 0, 0.7) for dy in (-0.2, 0, 2.5)]


def test_an_update_as_large_as_numbers_go():
    """m/(2 pi sigma^2) alone would be infinite; outside the quadrant nothing is touched all the same."""
    Y, D = torch.tensor([[4.0], [3.0]]), torch.tensor([[1e38], [0.0]])
    update = belief_update(Y, D, H, W, sigma=0.2)[0]
    assert torch.isfinite(update).all() and (update[:, :4] == 0).all() and update[3, 4] == -1e38


@backend
@pytest.mark.parametrize("D", QUADRANTS)
def test_the_update_lowers_the_peak_and_raises_a_quadrant(backend, D):
    Y = np.array([[4.0, 0, W - 1, 0, W - 1], [3.0, 0, 0, H - 1, H - 1]])  # the middle and the corners
    D = np.repeat(np.array(D, dtype=float)[:, None], 5, axis=1)
    make = BACKENDS[backend]
    for k, sigma in ((1.0, 1.0), (0.3, 2.2), (0, 1.0)):
        close(belief_update(make(Y), make(D), H, W, k, sigma), update_in_loops(Y, D, k, sigma))
    close(belief_update(make(Y), make(D), H, W), update_in_loops(Y, D, 1, 1))
    close(belief_update_gradient(make(Y), make(D), H, W), -update_in_loops(Y, D, 1, 1))
    close(belief_update_gradient(make(Y), make(D), H, W, 0.4, 1.7), -update_in_loops(Y, D, 0.4, 1.7))


def test_a_batch_is_updated_frame_by_frame(rng):
    Y, D = places(rng, 2, 4), rng.normal(size=(2, 4, 2, 3))
    update = belief_update(Y, D, H, W, 0.7, 1.1)
    for index in np.ndindex(2, 4):
        close(update[index], update_in_loops(Y[index], D[index], 0.7, 1.1))


@pytest.mark.parametrize(
    ("make", "tiny"),
    [
        pytest.param(lambda v: np.array(v), 1e-300, id="numpy-float64"),
        pytest.param(lambda v: np.array(v, dtype=np.float32), 1e-37, id="numpy-float32"),
        pytest.param(lambda v: torch.tensor(v, dtype=torch.float64), 1e-300, id="torch-float64"),
        pytest.param(lambda v: torch.tensor(v, dtype=torch.float32), 1e-37, id="torch-float32"),
    ],
)
def test_a_tiny_direction_keeps_its_quadrant(make, tiny):
    Y = np.array([[4.0], [3.0]])
    D = np.array([[tiny], [-tiny]])
    update = to_numpy(belief_update(make(Y), make(D), H, W)).astype(float)[0] / tiny
    close(update, update_in_loops(Y, D / tiny, 1, 1)[0], 1e-6)


@backend
@pytest.mark.parametrize("D", [(dx, dy) for dx, dy in QUADRANTS if dx or dy])
def test_enough_of_the_update_moves_the_peak_along_D(backend, D):
    """With k large enough the old peak is no longer the greatest; the new one lies on the side that D points to."""
    make = BACKENDS[backend]
    D = np.array(D)[:, None]
    Y = np.array([[4.0], [3.0]])
    B = belief_maps(make(Y), H, W)
    moved = to_numpy(peaks(B + belief_update(make(Y), make(D), H, W, k=2.0 / np.linalg.norm(D)))) - Y
    assert np.any(moved)
    assert np.all(moved * D >= 0)


# What all share


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_half_precision_is_read_as_single_and_other_kinds_stay(dtype, rng):
    Y, D = torch.tensor(places(rng)).to(dtype), torch.tensor(rng.normal(size=(2, 3))).to(dtype)
    G = torch.tensor(rng.random((3, H, W))).to(dtype)
    wide = dtype if dtype in (torch.float32, torch.float64) else torch.float32
    results = {
        "maps": belief_maps(Y, H, W),
        "gradient": belief_gradient(Y, H, W),
        "exact": exact_belief_gradient(Y, H, W),
        "back": pull_back_maps(G, Y),
        "update": belief_update(Y, D, H, W),
        "peaks": peaks(G),
        "fine": peaks(G, subpixel=True),
    }
    assert {name: result.dtype for name, result in results.items()} == dict.fromkeys(results, wide)
    torch.testing.assert_close(results["maps"], belief_maps(Y.to(wide), H, W), rtol=0, atol=0)
    torch.testing.assert_close(results["update"], belief_update(Y.to(wide), D.to(wide), H, W), rtol=0, atol=0)
    torch.testing.assert_close(results["peaks"], peaks(G.to(wide)), rtol=0, atol=0)


def test_the_kind_of_Y_decides(rng):
    """G and D follow Y; whole numbers are read as float64."""
    Y = torch.tensor(places(rng), dtype=torch.float32)
    assert pull_back_maps(np.ones((3, H, W)), Y).dtype == torch.float32
    assert belief_update(Y, np.ones((2, 3)), H, W).dtype == torch.float32
    assert belief_maps([[1], [2]], H, W).dtype == np.float64


def test_shapes_on_a_device_without_values():
    Y, B = torch.empty(5, 2, 3, device="meta"), torch.empty(5, 3, H, W, device="meta")
    with trusted():
        shapes = {
            "peaks": peaks(B, subpixel=True).shape,
            "maps": belief_maps(Y, H, W).shape,
            "gradient": belief_gradient(Y, H, W).shape,
            "exact": exact_belief_gradient(Y, H, W).shape,
            "back": pull_back_maps(B, Y).shape,
            "update": belief_update(Y, Y, H, W).shape,
        }
    maps, slopes, points = (5, 3, H, W), (5, 3, 2, H, W), (5, 2, 3)
    assert shapes == {"peaks": points, "maps": maps, "gradient": slopes, "exact": slopes, "back": points,
                      "update": maps}  # fmt: skip


SPOT = np.array([[4.0], [3.0]])
MAP = np.zeros((1, H, W))
NOT_A_PIXEL = f"Y: got a location that is no pixel of the map, expected whole columns from 0 to {W - 1} and rows from 0 to {H - 1}"  # noqa: E501
REFUSED = {
    "peaks of one row": (lambda: peaks(np.zeros((3, 4))), "B: got shape (3, 4), expected shape (..., L, H, W)"),
    "peaks of no pixel": (lambda: peaks(np.zeros((1, 0, 4))), "B: got shape (1, 0, 4), expected shape (..., L, H, W)"),
    "three coordinates": (
        lambda: belief_maps(np.zeros((3, 4)), H, W),
        "Y: got shape (3, 4), expected shape (..., 2, L)",
    ),
    "Y is NaN": (
        lambda: belief_maps(SPOT * math.nan, H, W),
        "Y: got 2 NaN or infinite of 2 values, expected finite numbers",
    ),
    "no row": (lambda: belief_maps(SPOT, 0, W), "height: got 0, expected a whole number >= 1"),
    "no column": (lambda: belief_maps(SPOT, H, 0), "width: got 0, expected a whole number >= 1"),
    "sigma 0": (lambda: belief_maps(SPOT, H, W, 0), "sigma: got 0.0, expected a finite number > 0"),
    "sigma of (9)": (lambda: belief_gradient(SPOT, H, W, -1), "sigma: got -1.0, expected a finite number > 0"),
    "sigma of the exact": (
        lambda: exact_belief_gradient(SPOT, H, W, -1),
        "sigma: got -1.0, expected a finite number > 0",
    ),
    "delta 0": (lambda: belief_gradient(SPOT, H, W, 1, 0), "delta: got 0.0, expected a finite number > 0"),
    "delta below": (lambda: pull_back_maps(MAP, SPOT, 1, -1), "delta: got -1.0, expected a finite number > 0"),
    "G of no maps": (lambda: pull_back_maps(MAP[0], SPOT), "G: got shape (7, 9), expected shape (..., L, H, W)"),
    "G of other maps": (
        lambda: pull_back_maps(np.zeros((2, H, W)), SPOT),
        "Y: got shape (2, 1), expected shape (..., 2, 2)",
    ),
    "G is NaN": (
        lambda: pull_back_maps(MAP * math.nan, SPOT),
        f"G: got {H * W} NaN or infinite of {H * W} values, expected finite numbers",
    ),
    "Y of the back": (lambda: pull_back_maps(MAP, SPOT[:1]), "Y: got shape (1, 1), expected shape (..., 2, 1)"),
    "sigma of the back": (lambda: pull_back_maps(MAP, SPOT, 0), "sigma: got 0.0, expected a finite number > 0"),
    "D of other landmarks": (
        lambda: belief_update(SPOT, np.ones((2, 3)), H, W),
        "D: got shape (2, 3), expected shape (..., 2, 1)",
    ),
    "D is NaN": (
        lambda: belief_update(SPOT, SPOT * math.nan, H, W),
        "D: got 2 NaN or infinite of 2 values, expected finite numbers",
    ),
    "k below": (lambda: belief_update(SPOT, SPOT, H, W, -0.1), "k: got -0.1, expected a finite number >= 0"),
    "sigma of the update": (
        lambda: belief_update(SPOT, SPOT, H, W, 1, 0),
        "sigma: got 0.0, expected a finite number > 0",
    ),
    "half a pixel": (lambda: belief_update(SPOT + [[0.5], [0]], SPOT, H, W), NOT_A_PIXEL),
    "left of the map": (lambda: belief_update(np.array([[-1.0], [3]]), SPOT, H, W), NOT_A_PIXEL),
    "above the map": (lambda: belief_update(np.array([[4.0], [-1]]), SPOT, H, W), NOT_A_PIXEL),
    "right of the map": (lambda: belief_update(np.array([[W], [3.0]]), SPOT, H, W), NOT_A_PIXEL),
    "below the map": (lambda: belief_update(np.array([[4.0], [H]]), SPOT, H, W), NOT_A_PIXEL),
}


@pytest.mark.parametrize(("call", "message"), REFUSED.values(), ids=REFUSED)
def test_bad_input_is_named(call, message):
    with refuses(message, whole=True):
        call()


def test_the_error_is_the_closed_form_of_a_difference_of_gaussians():
    """Eq. (9) is exp(-delta^2 / 2 sigma^2) sinh(u) / u times the derivative, u = delta (x - Y) / sigma^2."""
    Y, sigma, deltas = np.array([[16.3], [15.8]]), 1.4, np.array([0.05, 0.7, 2.0])
    x, y = np.arange(33) - 16.3, np.arange(33) - 15.8
    G = np.exp(-(y[:, None] ** 2 + x**2) / (2 * sigma**2))
    exact = np.stack([x * G, y[:, None] * G]) / sigma**2
    worst = []
    for delta in deltas:
        factor = [np.sinh(delta * z / sigma**2) / (delta * z / sigma**2) * np.exp(-(delta**2) / 2 / sigma**2) - 1
                  for z in (np.broadcast_to(x, G.shape), np.broadcast_to(y[:, None], G.shape))]  # fmt: skip
        worst.append(np.abs(np.stack(factor) * exact).max() / np.abs(exact).max())
    np.testing.assert_allclose(gradient_error(Y, deltas, 33, 33, sigma), worst, rtol=1e-9)


def test_the_error_of_a_step_that_is_not_positive_is_refused():
    Y = np.array([[16.0], [16.0]])
    with pytest.raises(ValueError, match=r"Y: got shape \(3, 1\), expected shape \(2, L\)"):
        gradient_error(np.zeros((3, 1)), [1.0], 33, 33)
    with pytest.raises(ValueError, match=r"deltas: got 0\.0, expected numbers > 0"):
        gradient_error(Y, np.array([1.0, 0.0]), 33, 33)
    with pytest.raises(ValueError, match=r"sigma: got -1.0, expected a finite number > 0"):
        gradient_error(Y, [1.0], 33, 33, -1.0)
