"""Checks and conversions of arrays: what comes through, unchanged where possible, and what every refusal says."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lifting.support.arrays import (
    check_array,
    check_count,
    check_finite,
    check_floating,
    check_positive,
    check_shape,
    fail,
    like,
    namespace,
    refuse,
    single,
    to_numpy,
    trusted,
    type_error,
)
from tests.refusals import refuses

FLOATS = {"float32": (np.float32, torch.float32), "float64": (np.float64, torch.float64)}


def test_fail_names_the_argument_what_came_and_what_was_expected():
    with refuses("Y: got 3, expected 4"):
        fail("Y", 3, 4)


def test_namespace_is_that_of_the_array():
    assert namespace(np.zeros(2)).concat([np.ones(1), np.ones(1)]).shape == (2,)
    assert isinstance(namespace(torch.zeros(2)).concat([torch.ones(1), torch.ones(1)]), torch.Tensor)


@pytest.mark.parametrize("dtype", FLOATS)
def test_like_gives_library_and_dtype_of_the_reference(dtype):
    numpy_dtype, torch_dtype = FLOATS[dtype]
    values = [[1.5, 2.25], [-3.0, 0.0]]
    for value in (values, np.array(values), np.array(values, np.float32), torch.tensor(values)):
        for reference in (np.zeros(1, numpy_dtype), torch.zeros(1, dtype=torch_dtype)):
            converted = like(value, reference)
            assert type(converted) is type(reference) and converted.dtype == reference.dtype
            np.testing.assert_array_equal(to_numpy(converted), values)


def test_like_and_to_numpy_leave_autograd_only_where_they_must():
    x = torch.tensor([2.0], dtype=torch.float64, requires_grad=True)
    like(x, torch.zeros(1, dtype=torch.float32)).sum().backward()
    assert x.grad.item() == 1
    assert like(x, np.zeros(1)) == 2 and to_numpy(x) == 2


def test_a_tensor_shares_no_memory_with_what_is_read_only():
    frozen = np.zeros(3)
    frozen.setflags(write=False)
    like(frozen, torch.zeros(1, dtype=torch.float64))[0] = 1
    assert frozen[0] == 0


def test_to_numpy_does_not_copy_numpy():
    array = np.arange(3.0)
    assert to_numpy(array) is array
    np.testing.assert_array_equal(to_numpy([1, 2]), [1, 2])


@given(dtype=st.sampled_from(["float16", "float32", "float64"]), shape=st.lists(st.integers(0, 3), max_size=3))
def test_floating_arrays_pass_as_they_are(dtype, shape):
    for array in (np.zeros(shape, dtype), torch.zeros(shape, dtype=getattr(torch, dtype))):
        assert check_floating("x", array) is array


@pytest.mark.parametrize("value", [3, [1, 2], ((1, 2), (3, 4)), np.arange(3), np.arange(3, dtype=np.uint8), [1, 2.5]])
def test_numbers_and_lists_become_float64(value):
    array = check_floating("x", value)
    assert array.dtype == np.float64
    np.testing.assert_array_equal(array, value)


@pytest.mark.parametrize(
    ("value", "got"),
    [
        ("abc", "str of dtype <U3"),
        (None, "NoneType of dtype object"),
        (True, "bool of dtype bool"),
        (np.ones(2, bool), "ndarray of dtype bool"),
        (np.ones(2, complex), "ndarray of dtype complex128"),
        (1j, "complex of dtype complex128"),
        ([None, 1.0], "list of dtype object"),
        (np.array(["2026-01-01"], "M8[D]"), "ndarray of dtype datetime64[D]"),
        ([[1.0], [1.0, 2.0]], "a ragged sequence"),
        (torch.ones(2, dtype=torch.int64), "a tensor of torch.int64"),
        (torch.ones(2, dtype=torch.bool), "a tensor of torch.bool"),
        (torch.ones(2, dtype=torch.complex64), "a tensor of torch.complex64"),
    ],
)
def test_what_is_not_floating_is_refused(value, got):
    for check in (check_floating, check_array):
        with refuses(f"x: got {got}, expected {type_error}"):
            check("x", value)


@given(bad=st.lists(st.sampled_from([np.nan, np.inf, -np.inf]), min_size=1, max_size=5), good=st.integers(0, 5))
def test_nan_and_infinity_are_counted(bad, good):
    values = np.array(bad + [1.0] * good)
    for array in (values, torch.tensor(values)):
        with refuses(f"x: got {len(bad)} NaN or infinite of {len(values)} values, expected finite numbers"):
            check_finite("x", array)
        check_finite("x", array[len(bad) :])


def test_scalars_may_be_infinite_too():
    for value in (np.nan, np.array(np.nan), torch.tensor(float("nan"))):
        with refuses("x: got 1 NaN or infinite of 1 values, expected finite numbers"):
            check_array("x", value)


@given(batch=st.lists(st.integers(0, 3), max_size=3), L=st.integers(1, 4))
def test_leading_dimensions_are_free(batch, L):
    for array in (np.zeros((*batch, 2, L)), torch.zeros((*batch, 2, L))):
        check_shape("Y", array, 2, "L")
        check_shape("Y", array, 2, L)
        assert check_array("Y", array, 2, "L") is array


@pytest.mark.parametrize(
    ("shape", "trailing", "expected"),
    [
        ((17,), (2, "L"), "shape (..., 2, L)"),
        ((), (2, "L"), "shape (..., 2, L)"),
        ((), ("L",), "shape (..., L)"),
        ((3, 17), (2, "L"), "shape (..., 2, L)"),
        ((2, 0), (2, "L"), "shape (..., 2, L)"),
        ((5, 2, 16), (2, 17), "shape (..., 2, 17)"),
        ((17, 2), (2, 17), "shape (..., 2, 17)"),
    ],
)
def test_wrong_shapes_are_refused(shape, trailing, expected):
    for array in (np.zeros(shape), torch.zeros(shape)):
        for check in (check_shape, check_array):
            with refuses(f"Y: got shape {shape}, expected {expected}"):
                check("Y", array, *trailing)


@pytest.mark.parametrize("value", [1, 0.5, np.float32(2), np.array(3.0), torch.tensor(4.0), 1e-300])
def test_positive_numbers_become_floats(value):
    number = check_positive("v", value)
    assert type(number) is float and number == float(value)


@pytest.mark.parametrize("value", [0, -1, np.nan, np.inf, -np.inf, np.array(-2.0)])
def test_numbers_that_are_not_positive_are_refused(value):
    with refuses(f"v: got {float(value)}, expected a finite number > 0"):
        check_positive("v", value)


@pytest.mark.parametrize("value", [None, "3", b"3", True, [1.0, 2.0], np.ones(2), 1j])
def test_what_is_no_number_is_refused(value):
    with refuses(f"v: got {value!r} ({type(value).__name__}), expected a number"):
        check_positive("v", value)


@pytest.mark.parametrize("value", [1, 7, np.int64(3), np.uint8(9)])
def test_counts_become_ints(value):
    count = check_count("n", value)
    assert type(count) is int and count == value


@pytest.mark.parametrize("value", [2.0, np.float64(2), True, "2", None, [2], np.array(2), 1e400])
def test_what_is_no_count_is_refused(value):
    with refuses(f"n: got {value!r} ({type(value).__name__}), expected a whole number >= 1"):
        check_count("n", value)


@pytest.mark.parametrize(("value", "least"), [(0, 1), (-5, 1), (2, 3), (np.int64(-1), 0)])
def test_small_counts_are_refused(value, least):
    with refuses(f"n: got {int(value)}, expected a whole number >= {least}"):
        check_count("n", value, least)
    assert check_count("n", least, least) == least


def test_refuse_says_what_came_only_where_something_is_wrong():
    refuse("sigma", np.array([False, False]), lambda: 1 / 0, "numbers >= 0")
    with pytest.raises(ValueError, match="sigma: got -2, expected numbers >= 0"):
        refuse("sigma", np.array([False, True]), lambda: -2, "numbers >= 0")
    with pytest.raises(ValueError, match="sigma: got negative ones, expected"):
        refuse("sigma", torch.tensor([True]), "negative ones", "numbers >= 0")


def test_trusted_looks_at_no_value_but_at_shapes():
    bad = np.array([[np.nan, 1.0]])
    with trusted():
        assert check_array("Y", bad, 2) is bad
        refuse("Y", np.array([True]), "anything", "nothing")
        check_array("Y", torch.empty(3, 2, device="meta"), 2)
        with trusted():
            pass
        check_array("Y", bad, 2)
        with pytest.raises(ValueError, match="Y: got shape"):
            check_array("Y", bad, 3)
    with pytest.raises(ValueError, match="Y: got 1 NaN or infinite of 2 values"):
        check_array("Y", bad, 2)


def test_trust_ends_with_an_error_too():
    with pytest.raises(KeyError), trusted():
        raise KeyError
    with pytest.raises(ValueError, match="NaN"):
        check_array("Y", np.array([np.nan]))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_becomes_single(dtype):
    assert single(torch.ones(2, dtype=dtype)).dtype == torch.float32
    assert single(np.ones(2, dtype=np.float16)).dtype == np.float32
    for value in (torch.ones(2), torch.ones(2, dtype=torch.float64), np.ones(2), np.ones(2, dtype=np.float32)):
        assert single(value) is value
