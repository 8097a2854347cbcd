"""The checker of gradients: right ones pass, wrong ones are refused, and where it can't tell it says so."""
# ruff: noqa: D102

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lifting.checking.gradient_check import (
    GradientError,
    bounded_difference,
    central_difference,
    check_jacobian,
    check_products,
    complex_step,
    directional_difference,
    one_by_one,
    relative_error,
)

seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(1, 6)


class Smooth:
    """f(x) = sin(A x) + B tanh(x) + x.x c with random A, B, c; its Jacobian by hand."""

    def __init__(self, seed, rows=4, columns=3):
        rng = np.random.default_rng(seed)
        self.A, self.B = rng.normal(size=(2, rows, columns))
        self.c = rng.normal(size=rows)
        self.x = rng.normal(size=columns)

    def __call__(self, x):
        xp = torch if torch.is_tensor(x) else np
        A, B, c = (xp.asarray(value) for value in (self.A, self.B, self.c))
        return xp.sin(x @ A.T) + xp.tanh(x) @ B.T + (x * x).sum(-1)[..., None] * c

    @property
    def J(self):
        slope = np.cos(self.A @ self.x)[:, None] * self.A + self.B / np.cosh(self.x) ** 2
        return slope + 2 * np.outer(self.c, self.x)


@given(seeds, sizes, sizes, st.booleans())
def test_right_gradients_pass_by_every_reference(seed, rows, columns, use_torch):
    f = Smooth(seed, rows, columns)
    x = torch.tensor(f.x) if use_torch else f.x
    J = torch.tensor(f.J) if use_torch else f.J
    assert check_jacobian(J, f, x) < 1e-4
    assert check_jacobian(J, one_by_one(f), x) < 1e-4
    assert relative_error(J, complex_step(f, f.x)) < 1e-13
    assert relative_error(J, complex_step(one_by_one(f), f.x)) < 1e-13
    assert check_products(f, lambda v: J @ v, lambda g: J.T @ g, x, np.random.default_rng(seed)) < 1e-4


@given(seeds, sizes, sizes, st.floats(-8, -2))
def test_the_bound_holds_at_every_step(seed, rows, columns, exponent):
    f = Smooth(seed, rows, columns)
    J, bound = bounded_difference(f, f.x, 10**exponent)
    assert np.abs(J - f.J).max() <= bound
    v = np.random.default_rng(seed).normal(size=columns)
    Jv, bound = directional_difference(f, f.x, v, 10**exponent)
    assert np.abs(Jv - f.J @ v).max() <= bound


@given(seeds, sizes, sizes)
def test_the_bound_is_worth_having(seed, rows, columns):
    f = Smooth(seed, rows, columns)
    assert bounded_difference(f, f.x).bound < 1e-6 * np.abs(f.J).max()


@given(seeds, sizes, sizes, st.sampled_from([1.001, 0.999, -1.0, 0.0]))
def test_a_wrong_factor_is_always_refused(seed, rows, columns, factor):
    f = Smooth(seed, rows, columns)
    with pytest.raises(GradientError) as caught:
        check_jacobian(factor * f.J, f, f.x)
    assert caught.value.error == pytest.approx(abs(1 - factor), rel=1e-3)
    rng = np.random.default_rng(seed)
    with pytest.raises(GradientError, match="J v"):
        check_products(f, lambda v: factor * (f.J @ v), lambda g: f.J.T @ g, f.x, rng)
    with pytest.raises(GradientError, match="J\\^T g"):
        check_products(f, lambda v: f.J @ v, lambda g: factor * (f.J.T @ g), f.x, rng)


@given(seeds, st.integers(2, 6), st.data())
def test_misplaced_entries_are_refused(seed, size, data):
    f = Smooth(seed, size, size)
    off = f.J.copy()
    row, column = data.draw(st.tuples(*[st.integers(0, size - 1)] * 2))
    off[row, column] += 0.01 * np.abs(f.J).max()
    with pytest.raises(GradientError, match=rf"J\[{row}, {column}\]: given .* central differences say"):
        check_jacobian(off, f, f.x)
    for wrong in (f.J.T, f.J[:, ::-1], f.J[::-1]):
        with pytest.raises(GradientError):
            check_jacobian(wrong, f, f.x)
        with pytest.raises(GradientError):
            check_products(f, lambda v: f.J @ v, lambda g, wrong=wrong: wrong.T @ g, f.x, np.random.default_rng(seed))


@settings(max_examples=20)
@given(seeds, st.sampled_from([(), (2,), (2, 3)]), st.sampled_from([(), (4,), (2, 2)]), st.booleans())
def test_any_shapes(seed, shape, out, use_torch):
    rng = np.random.default_rng(seed)
    A, x = rng.normal(size=(*out, *shape)), rng.normal(size=shape)
    axes = list(range(-len(shape), 0))

    def f(points):
        values = (
            np.tensordot(np.asarray(points), A, (axes, axes)) if shape else np.multiply.outer(np.asarray(points), A)
        )
        return torch.tensor(values) if use_torch else values

    point = torch.tensor(x) if use_torch else x
    J = central_difference(f, point)
    assert J.shape == (*out, *shape)
    np.testing.assert_allclose(J, A, atol=1e-8)
    check_jacobian(A, f, point)
    if shape:
        push = lambda v: np.tensordot(A, np.asarray(v), (axes, list(range(len(shape)))))  # noqa: E731
        pull = lambda g: np.tensordot(np.asarray(g), A, len(out))  # noqa: E731
        check_products(f, push, pull, point, rng)
    if not use_torch:
        np.testing.assert_allclose(complex_step(f, x), A, rtol=1e-14)


def test_points_far_from_zero():
    x = np.array([1e5, -3e4, 2.0])
    assert check_jacobian(np.diag(3 * x**2), lambda z: z**3, x) < 1e-4


def test_flat_functions_have_flat_gradients():
    flat = lambda z: np.ones((len(z), 2))  # noqa: E731
    assert check_jacobian(np.zeros((2, 3)), flat, np.ones(3)) == 0
    with pytest.raises(GradientError):
        check_jacobian(np.full((2, 3), 1e-12), flat, np.ones(3))
    zero = lambda v: np.zeros(2)  # noqa: E731
    assert check_products(flat, zero, lambda g: np.zeros(3), np.ones(3), np.random.default_rng(0)) == 0
    with pytest.raises(GradientError):
        check_products(flat, zero, lambda g: np.ones(3), np.ones(3), np.random.default_rng(0))


def test_a_forward_difference_would_be_refused():
    """Its error falls with h alone: at the step that suits a central difference it is far outside the bound."""
    f = Smooth(1)
    h = 6e-6
    forward = np.stack([(f(f.x + h * one) - f(f.x)) / h for one in np.eye(3)], axis=1)
    with pytest.raises(GradientError):
        check_jacobian(forward, f, f.x)


@pytest.mark.parametrize("step", [3.0, 1e-14])
def test_no_verdict_at_a_step_that_cannot_tell(step):
    f = Smooth(2)
    with pytest.raises(ValueError, match=r"step: got .* expected a step that gives it to 0\.0001"):
        check_jacobian(f.J, f, f.x, step)


def test_no_verdict_at_a_jump():
    with pytest.raises(ValueError, match="where f is smooth"):
        check_jacobian(np.eye(2), lambda z: z + (z > 0), np.zeros(2))


def test_bad_input_is_refused():
    f = Smooth(3)
    for single in (f.x.astype(np.float32), torch.tensor(f.x, dtype=torch.float32), [1.0, 2.0, 3.0]):
        with pytest.raises(ValueError, match="x: got .* expected float64"):
            check_jacobian(f.J, f, single)
    with pytest.raises(ValueError, match=r"f\(x\): got float32"):
        check_jacobian(f.J, lambda z: f(z).astype(np.float32), f.x)
    with pytest.raises(ValueError, match="J: got float32"):
        check_jacobian(f.J.astype(np.float32), f, f.x)
    with pytest.raises(ValueError, match=r"J: got shape \(3, 4\), expected the shape \(4, 3\)"):
        check_jacobian(f.J.T, f, f.x)
    with pytest.raises(ValueError, match=r"f\(x\): got shape .* wrap f in one_by_one"):
        central_difference(lambda z: f(z[0]), f.x)
    with pytest.raises(ValueError, match="step: got 0.0"):
        central_difference(f, f.x, 0.0)
    with pytest.raises(ValueError, match="step: got 1e-17, expected a step that changes"):
        central_difference(f, f.x + 10, 1e-17)
    with pytest.raises(ValueError, match=r"v: got shape \(2,\)"):
        directional_difference(f, f.x, np.ones(2))
    with pytest.raises(ValueError, match="f: got values of float64"):
        complex_step(lambda z: f(z).real, f.x)
    with pytest.raises(ValueError, match="NaN"):
        central_difference(lambda z: f(z) * np.nan, f.x)
    with pytest.raises(ValueError, match=r"pull_back\(g\): got shape"):
        check_products(f, lambda v: f.J @ v, lambda g: g, f.x, np.random.default_rng(0))
    with pytest.raises(ValueError, match="directions: got 0"):
        check_products(f, lambda v: f.J @ v, lambda g: f.J.T @ g, f.x, np.random.default_rng(0), directions=0)
