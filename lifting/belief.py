r"""Belief maps and landmarks, and how each moves the other. Supplement, section 1.2: eq. (9) and "Updating B".

Pixels: Y (..., 2, L) holds x = column and y = row of L landmarks, whole numbers at pixel centres; maps are
(..., L, H, W). Nothing is flipped here: `camera.flip_y` turns rows, which count downwards, into the y axis
of the world.

**Maps of landmarks.** Each landmark Y_hat_p induces a Gaussian of width sigma and peak 1 in its map (main paper,
section 5, as we understand it: there a pixel is set to 1 and blurred, which is the same at whole pixels):

    b_hat_p(z) = exp(-|z - Y_hat_p|^2 / (2 sigma^2)) = g(column - x) g(row - y),    g(t) = exp(-t^2 / (2 sigma^2))

A product of two profiles, so H + W exponentials make a map of H W pixels.

**Their gradient.** With G(x) the Gaussian at x, the supplement takes the central difference of the map in the location
of the landmark, and the same in y:

    d b_hat_p / d x  ~  (G(x + delta) - G(x - delta)) / (2 delta)                                               (9)

It prints (9)'s left side with a square on Y_x, which belongs to no first derivative; the right side is that of a first
one. The exact derivative is (z - Y) / sigma^2 b_hat. By Taylor the difference is delta^2 / 6 times the third
derivative: an error of second order. (9) is a product of profiles too, and with a gradient on the map it is never
formed: `pull_back_maps` multiplies the map with one profile from each side.

**From landmarks back to maps ("Updating B").** A peak's location does not change when beliefs change a little: its
derivative is zero, or undefined. The supplement names an update instead: with D_p the direction in which landmark p is
to move, lower the belief at the peak Y_p by m = k |D_p|, and raise it in the quadrant that D_p points into, by m times
the normalised density N(z; Y_p, sigma^2). That is the **update**. An optimiser subtracts gradients, so the
**gradient** that stands in for it is minus the update, with D_p = -dL/dY_p.
"""

import math
from typing import Annotated

import numpy as np
from array_api_compat import device
from jaxtyping import Float

from lifting.support.arrays import Array, is_trusted, like, namespace, refuse, single
from lifting.support.checked import Count, NonNegative, Positive, checked


@checked
def peaks(B: Float[Array, "*batch L H W"], *, subpixel: bool = False) -> Float[Array, "*batch 2 L"]:
    """The landmarks Y of belief maps: the pixel of each map's greatest belief. What "Updating B" starts from.

    Of equal beliefs the first counts, row by row. With `subpixel` (for inference; nothing flows back through it) the
    peak moves to the vertex of the parabola through the logarithms of its belief b_0 and its neighbours' b_-, b_+:

        shift = (ln b_+ - ln b_-) / (2 (2 ln b_0 - ln b_- - ln b_+))

    in x and in y. The logarithm of a Gaussian is a parabola, so a Gaussian's place is found exactly. There is no shift
    along an axis where the peak is at the border, a belief is not positive, or both neighbours equal the peak.

    Args:
        B: (..., L, H, W); float16 and bfloat16 are read as float32.
        subpixel: whether to look between pixels.

    Raises:
        ValueError: a wrong shape or dtype, or a NaN or infinite belief. Where arrays are `trusted`, the landmark of
            a map with a NaN is NaN.
    """
    B = single(B)
    xp, width = namespace(B), B.shape[-1]
    # the greatest of every row, then the first such row: many times faster than looking at all pixels in their order
    rows = xp.max(B, axis=-1)
    row = xp.argmax(rows, axis=-1)
    column = xp.argmax(xp.take_along_axis(B, row[..., None, None], axis=-2)[..., 0, :], axis=-1)
    greatest = xp.max(rows, axis=-1)
    Y = xp.astype(xp.stack([column, row], axis=-2), B.dtype)
    if subpixel:
        flat, index = xp.reshape(B, (*B.shape[:-2], -1)), row * width + column
        across = _shift(flat, index, column, width, stride=1)
        down = _shift(flat, index, row, B.shape[-2], stride=width)
        Y = Y + xp.stack([across, down], axis=-2)
    # to NumPy and torch a NaN is the greatest of all
    return xp.where(xp.isnan(greatest)[..., None, :], xp.full_like(Y, math.nan), Y)


def _shift(flat: Array, index: Array, place: Array, size: int, stride: int) -> Array:
    """The vertex of the log-parabola along one axis, in pixels from the peak: at most half a pixel."""
    xp = namespace(flat)
    inside = (place > 0) & (place < size - 1)
    step = xp.where(inside, xp.full_like(index, stride), xp.zeros_like(index))
    values = xp.take_along_axis(flat, xp.stack([index - step, index, index + step], axis=-1), axis=-1)
    positive = xp.all(values > 0, axis=-1)
    logs = xp.log(xp.where(positive[..., None], values, xp.ones_like(values)))
    left, middle, right = logs[..., 0], logs[..., 1], logs[..., 2]
    bend = 2 * middle - left - right  # 0 at the border, where all three are the peak
    curved = bend > 0
    return xp.where(curved, (right - left) / xp.where(curved, 2 * bend, xp.ones_like(bend)), xp.zeros_like(bend))


@checked
def belief_maps(
    Y: Float[Array, "*batch 2 L"], height: Count, width: Count, sigma: Positive = 1.0
) -> Float[Array, "*batch L height width"]:
    """The belief maps that landmarks induce: the G of eq. (9), Gaussians of peak 1 at sub-pixel locations.

    Args:
        Y: (..., 2, L), pixels; a landmark outside the map leaves the tail of its Gaussian in it.
        height: rows of a map.
        width: columns of a map.
        sigma: width of the Gaussian, pixels.

    Raises:
        ValueError: a wrong shape, a value that is not finite, a map without pixels, sigma not positive.
    """
    g = _profiles(_offsets(single(Y), height, width), sigma)
    across, down = g[..., :width], g[..., width:]
    # b_hat_p(z) = g(column - x) g(row - y)
    return down[..., :, None] * across[..., None, :]


@checked
def belief_gradient(
    Y: Float[Array, "*batch 2 L"], height: Count, width: Count, sigma: Positive = 1.0, delta: Positive = 1.0
) -> Float[Array, "*batch L 2 height width"]:
    """The difference of Gaussians of eq. (9): how each map changes when its landmark moves in x and in y, per pixel.

    Args:
        Y: (..., 2, L), pixels.
        height: rows of a map.
        width: columns of a map.
        sigma: width of the Gaussian, pixels.
        delta: the step of the central difference, pixels. The supplement takes 1.

    Raises:
        ValueError: as `belief_maps`; a delta that is not positive.
    """
    Y, xp = single(Y), namespace(Y)
    right, down = (like(np.array(step), Y) for step in ([[delta], [0.0]], [[0.0], [delta]]))

    def G(Y: Array) -> Array:
        return belief_maps(Y, height, width, sigma)

    # (9)  d b_hat_p / d Y_x ~ (G(Y_x + delta) - G(Y_x - delta)) / (2 delta), and the same in y
    by_x = (G(Y + right) - G(Y - right)) / (2 * delta)
    by_y = (G(Y + down) - G(Y - down)) / (2 * delta)
    return xp.stack([by_x, by_y], axis=-3)


@checked
def exact_belief_gradient(
    Y: Float[Array, "*batch 2 L"], height: Count, width: Count, sigma: Positive = 1.0
) -> Float[Array, "*batch L 2 height width"]:
    """What eq. (9) approximates: the derivative (z - Y) / sigma^2 b_hat of each map by its landmark, per pixel.

    Raises:
        ValueError: as `belief_maps`.
    """
    Y, xp = single(Y), namespace(Y)
    t = _offsets(Y, height, width)
    columns, rows = t[..., None, :width], t[..., width:, None]
    b_hat = belief_maps(Y, height, width, sigma)
    # d b_hat_p / d Y_p = (z - Y_p) / sigma^2 b_hat_p
    return xp.stack([columns * b_hat, rows * b_hat], axis=-3) / sigma**2


@checked
def gradient_error(
    Y: Float[np.ndarray, "2 L"],
    deltas: Annotated[Float[np.ndarray, " N"], "> 0"],
    height: Count,
    width: Count,
    sigma: Positive = 1.0,
) -> Float[np.ndarray, " N"]:
    """How far eq. (9) is from the exact derivative for each step delta, relative to the latter's largest value.

    Raises:
        ValueError: as `belief_gradient`.
    """
    exact = exact_belief_gradient(Y, height, width, sigma)
    apart = [np.abs(belief_gradient(Y, height, width, sigma, delta) - exact).max() for delta in deltas.tolist()]
    return np.array(apart) / np.abs(exact).max()


@checked
def pull_back_maps(
    G: Float[Array, "*batch L H W"],
    Y: Float[Array, "*batch 2 L"],
    sigma: Positive = 1.0,
    delta: Positive | None = 1.0,
) -> Float[Array, "*batch 2 L"]:
    """dL/dY_hat from G = dL/dB_hat: eq. (9) times G, summed over the pixels, without forming (9).

    Args:
        G: (..., L, H, W), the gradient on the maps.
        Y: (..., 2, L), the landmarks that made them, pixels.
        sigma: width of the Gaussian, pixels.
        delta: the step of eq. (9), pixels; None for the exact derivative.

    Raises:
        ValueError: a wrong shape, a value that is not finite, a sigma or delta that is not positive.
    """
    G, Y = single(G), single(Y)
    G, xp, width = like(G, Y), namespace(Y), G.shape[-1]
    t = _offsets(Y, G.shape[-2], width)
    if delta is None:
        g = _profiles(t, sigma)
        slope = t / sigma**2 * g
    else:
        g, ahead, behind = _profiles(xp.stack([t, t - delta, t + delta]), sigma)
        # (9)  (G(x + delta) - G(x - delta)) / (2 delta), of the profiles
        slope = (ahead - behind) / (2 * delta)
    # sum over rows and columns of down(row) G(row, column) slope(column), and the same with the slope in y
    down, across = xp.stack([g, slope], axis=-2)[..., width:], xp.stack([slope, g], axis=-2)[..., :width]
    return xp.matrix_transpose(xp.sum((down @ G) * across, axis=-1))


@checked
def belief_update(
    Y: Float[Array, "*batch 2 L"],
    D: Float[Array, "*batch 2 L"],
    height: Count,
    width: Count,
    k: NonNegative = 1.0,
    sigma: Positive = 1.0,
) -> Float[Array, "*batch L height width"]:
    """The update of "Updating B": what to add to the maps so that each peak Y_p moves towards D_p.

    With m = k |D_p|: -m at pixel Y_p, and +m N(z; Y_p, sigma^2) at every other pixel z of the quadrant where z - Y_p
    has the signs of D_p, the quadrant's edges included. Where one component of D_p is 0, both sides of that axis count.

    Args:
        Y: (..., 2, L), the peaks: whole pixels of the map.
        D: (..., 2, L), the direction in which each is to move; a zero gives a zero update.
        height: rows of a map.
        width: columns of a map.
        k: factor of the update, >= 0.
        sigma: width of the Gaussian, pixels.

    Raises:
        ValueError: a wrong shape, a value that is not finite, a Y that is no pixel of the map, a map without pixels, a
            negative k, a sigma that is not positive.
    """
    Y, D = single(Y), single(D)
    D, xp = like(D, Y), namespace(Y)
    _refuse_no_pixel(Y, height, width)
    t = _offsets(Y, height, width)
    g = _profiles(t, sigma)
    # m = k |D_p|
    m = k * xp.hypot(D[..., 0, :], D[..., 1, :])[..., None]
    # the quadrant of D_p: the signs of z - Y_p and of D_p agree in x and in y, and a zero agrees with both
    g = g * (t * _side_by_side(xp.sign(D), height, width) >= 0)
    # +m N(z; Y_p, sigma^2) there, a product of two profiles
    down, across = m * g[..., width:], g[..., :width] / (2 * math.pi * sigma**2)
    raised = down[..., :, None] * across[..., None, :]
    # -m at Y_p itself
    column, row = xp.argmin(xp.abs(t[..., :width]), axis=-1), xp.argmin(xp.abs(t[..., width:]), axis=-1)
    raised[(*_open_grid(row), row, column)] = -m[..., 0]
    return raised


@checked
def belief_update_gradient(
    Y: Float[Array, "*batch 2 L"],
    D: Float[Array, "*batch 2 L"],
    height: Count,
    width: Count,
    k: NonNegative = 1.0,
    sigma: Positive = 1.0,
) -> Float[Array, "*batch L height width"]:
    """What a backward pass returns for B in "Updating B": minus the update, with D = -dL/dY. See `belief_update`."""
    # minus the update: the m of every pixel with the other sign
    return belief_update(Y, D, height, width, -k, sigma)


@checked
def belief_update_between(
    Y: Float[Array, "*batch 2 L"],
    D: Float[Array, "*batch 2 L"],
    height: Count,
    width: Count,
    k: NonNegative = 1.0,
    sigma: Positive = 1.0,
) -> Float[Array, "*batch L height width"]:
    """Updating B between pixels: the update where a peak isn't a whole pixel. Ours: the supplement's peaks are.

    The printed rule is made at the pixels on both sides of Y_p, in x and in y, each with its share v >= 0 of it; in
    each direction the shares sum to 1, so m = k |D_p| is lowered altogether. The share of a pixel at a distance t:

        v(t) ~ roof(t) g(t),    roof(t) = min(1 + 2 |t|, 4 - 4 |t|), and 0 beyond 1

    These are the shares by which a Gaussian of width sigma, lowered, keeps its sub-pixel peak (`peaks`) where it is:
    with l, c, r the logarithms at the greatest pixel and its neighbours, and bend = 2 c - l - r,

        d shift = ((c - l) dr - (r - l) dc - (c - r) dl) / bend^2

    is 0 for changes of r's belief and of c's in the ratio (r - l) b_r : (c - l) b_c, which is that of v. What is raised
    then moves the peak into the quadrant of D_p. (Shares that fall off linearly move some peaks the other way.) At a
    whole pixel one share is 1 and this is `belief_update`; in between it changes continuously.

    Args:
        Y: (..., 2, L), the peaks, anywhere in the map.
        D: (..., 2, L), the direction in which each is to move; a zero gives a zero update.
        height: rows of a map.
        width: columns of a map.
        k: factor of the update, >= 0.
        sigma: width of the Gaussian, pixels.

    Raises:
        ValueError: a wrong shape, a value that is not finite, a Y outside the map, a map without pixels, a negative k,
            a sigma that is not positive.
    """
    Y, D = single(Y), single(D)
    D, xp = like(D, Y), namespace(Y)
    _refuse_outside(Y, height, width)
    # v of the pixels before and after Y; g(t) / g(1 - t) is the exponential
    before = xp.floor(Y)
    t = Y - before
    v_after = _roof(1 - t) / (_roof(1 - t) + _roof(t) * xp.exp(xp.clip((0.5 - t) / sigma**2, -80, 80)))
    direction = _side_by_side(xp.sign(D), height, width)
    stamp, quadrant = like(0.0, Y), like(0.0, Y)
    for share, pixel in ((1 - v_after, before), (v_after, before + 1)):
        t, v = _offsets(pixel, height, width), _side_by_side(share, height, width)
        stamp = stamp + v * (t == 0)
        quadrant = quadrant + v * _profiles(t, sigma) * (t * direction >= 0)
    # m = k |D_p|
    m = k * xp.hypot(D[..., 0, :], D[..., 1, :])[..., None, None]
    # -m at the pixels about Y_p; +m N there in their quadrants, but for those pixels themselves: products of profiles
    lowered, raised = (own[..., width:, None] * own[..., None, :width] for own in (stamp, quadrant))
    return m * ((raised - lowered) / (2 * math.pi * sigma**2) - lowered)


def _roof(t: Array) -> Array:
    """Rises from 1 at t = 0 to 2 at half a pixel, and falls to 0 at 1."""
    xp = namespace(t)
    return xp.minimum(1 + 2 * t, 4 - 4 * t)


def _refuse_no_pixel(Y: Array, height: int, width: int) -> None:
    if is_trusted():
        return
    corner, xp = like(np.array([[width - 1], [height - 1]]), Y), namespace(Y)
    refuse("Y", (xp.round(Y) != Y) | (Y < 0) | (corner < Y), "a location that is no pixel of the map",
           f"whole columns from 0 to {width - 1} and rows from 0 to {height - 1}")  # fmt: skip


def _refuse_outside(Y: Array, height: int, width: int) -> None:
    if not is_trusted():
        corner = like(np.array([[width - 1], [height - 1]]), Y)
        refuse("Y", ~((Y >= 0) & (corner >= Y)), "a location outside the map",
               f"x from 0 to {width - 1} and y from 0 to {height - 1}")  # fmt: skip


def _offsets(Y: Array, height: int, width: int) -> Array:
    """Column - x of all columns, then row - y of all rows: (..., L, W + H). See `_side_by_side` for the memory."""
    xp = namespace(Y)
    places = xp.concat([xp.arange(size, dtype=Y.dtype, device=device(Y)) for size in (width, height)])
    return places - _side_by_side(Y, height, width)


def _side_by_side(Y: Array, height: int, width: int) -> Array:
    """The x of Y (..., 2, L) once for every column, then its y once for every row: (..., L, W + H).

    In memory all landmarks of a pixel lie side by side, and so they do in maps that are made of it ("channels last"):
    that is how convolutions are fastest.
    """
    xp, (*batch, _, L) = namespace(Y), Y.shape
    parts = [xp.broadcast_to(Y[..., i : i + 1, :], (*batch, size, L)) for i, size in enumerate((width, height))]
    return xp.matrix_transpose(xp.concat(parts, axis=-2))


def _open_grid(values: Array) -> list[Array]:
    """Indices of all dimensions of `values` that broadcast against each other, as `numpy.ogrid` gives them."""
    xp, shape = namespace(values), values.shape
    return [
        xp.reshape(xp.arange(size, device=device(values)), (-1, *[1] * (len(shape) - 1 - i)))
        for i, size in enumerate(shape)
    ]


def _profiles(t: Array, sigma: float) -> Array:
    """The profile g(t) of the Gaussian.

    Where g^2 would be less than the dtype's least normal number, g is 0: processors take a hundred times longer over
    the numbers below it, and a product of two profiles is never one of them.
    """
    xp = namespace(t)
    least = math.log(xp.finfo(t.dtype).smallest_normal) / 2
    power = -0.5 * (t / sigma) ** 2
    return xp.exp(xp.clip(power, min=least)) * (power > least)
