"""Annotations that are executed: what they let through, convert and refuse."""

import functools
from dataclasses import dataclass
from typing import Annotated, NamedTuple

import numpy as np
import pytest
import torch
from jaxtyping import Bool, Float, Int

from lifting.support.arrays import Array, trusted
from lifting.support.checked import (
    Camera,
    Count,
    NonNegative,
    Positive,
    Weights,
    checked,
    results_too,
    spec_of,
)
from tests import refusals

refuses = functools.partial(refusals.refuses, whole=True)


class Model(NamedTuple):
    """A mean and weights."""

    mu: Float[Array, "*batch 3 L"]
    sigma: Annotated[Float[Array, "*batch J"], ">= 0"]


@dataclass(frozen=True)
class Sized:
    """What gives its sizes."""

    e: Float[Array, "J 3 L"]
    name: str = ""


@checked
def product(E: Float[Array, "*batch 2*L J"], a: Float[Array, "*batch J"]) -> Float[Array, "*batch 2*L"]:
    return (E @ a[..., None])[..., 0]


@checked
def stacked(E_bar: Float[Array, "*batch 2*L+J J"], y: Float[Array, "*batch 2*L"]) -> None:
    pass


@checked
def weighted(Y: Annotated[Float[Array, "*batch 2 L"], "any"], weights: Weights | None = None) -> Array:
    return weights


@checked
def numbers(height: Count, sigma: Positive = 1.0, k: NonNegative | None = None) -> tuple:
    return height, sigma, k


@checked
def model_of(model: Model, theta: Float[Array, " T"], camera: Camera | None = None) -> Array:
    return model


def test_lists_and_numbers_become_arrays_of_the_first_ones_kind():
    assert product([[1, 2], [3, 4]], [1, 1]).dtype == np.float64
    E, a = np.ones((2, 2), np.float32), np.ones(2)
    assert product(E, a).dtype == np.float32
    assert product(E, torch.ones(2, dtype=torch.float64)).dtype == torch.float64
    assert product(torch.ones(2, 2), a).dtype == torch.float32


def test_gradients_flow_through_the_tensor_among_arrays():
    a = torch.ones(2, dtype=torch.float64, requires_grad=True)
    product(np.eye(2), a).sum().backward()
    assert a.grad.eq(1).all()


def test_whole_numbers_and_booleans():
    @checked
    def take(component: Int[Array, "*batch"], there: Bool[Array, "*batch"], y: Float[Array, "*batch"]) -> tuple:
        return component, there, y

    component, there, y = take(np.array([1]), [True], np.float32([2]))
    assert component.dtype == np.int64 and there.dtype == bool and y.dtype == np.float32


def test_weights_are_numbers_or_booleans():
    Y = np.full((2, 3), np.nan, np.float32)
    assert weighted(Y) is None
    for given in ([True, False, True], [1, 0, 1], np.array([1.0, 0, 1]), np.array([True, False, True])):
        assert weighted(Y, given).dtype == np.float32 and weighted(Y, given).tolist() == [1, 0, 1]
    assert weighted(torch.tensor(Y), torch.tensor([True, False, True])).dtype == torch.float32


def test_a_size_is_one_size_throughout_a_call():
    stacked(np.ones((5, 12, 2)), np.ones(10))
    with refuses("y: got shape (12,), expected shape (..., 10)"):
        stacked(np.ones((5, 12, 2)), np.ones(12))
    with refuses("E_bar: got shape (11, 2), expected shape (..., 2*L+J, J)"):
        stacked(np.ones((11, 2)), np.ones(10))
    with refuses("E: got shape (3, 2), expected shape (..., 2*L, J)"):
        product(np.ones((3, 2)), np.ones(2))
    with refuses("E: got shape (0, 2), expected shape (..., 2*L, J)"):
        product(np.ones((0, 2)), np.ones(2))


def test_a_count_gives_its_size_to_arrays_and_to_results():
    @checked
    def centring(L: Count, weights: Weights | None = None) -> Float[Array, "L L"]:
        return np.eye(3)

    with refuses("weights: got shape (2,), expected shape (..., 3)"):
        centring(3, [True, True])
    with results_too(), refuses("what centring returns: got shape (3, 3), expected shape (4, 4)"):
        centring(4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: numbers(0), "height: got 0, expected a whole number >= 1"),
        (lambda: numbers(2.5), "height: got 2.5 (float), expected a whole number >= 1"),
        (lambda: numbers(3, sigma=0), "sigma: got 0.0, expected a finite number > 0"),
        (lambda: numbers(3, k=-1), "k: got -1.0, expected a finite number >= 0"),
        (lambda: numbers(3, sigma=None), "sigma: got None (NoneType), expected a number"),
        (lambda: product(np.ones(3), 1), "E: got shape (3,), expected shape (..., 2*L, J)"),
        (lambda: product(np.ones((4, 2)), [0, np.nan]),
         "a: got 1 NaN or infinite of 2 values, expected finite numbers"),
        (lambda: product(np.ones((4, 2)), "ab"),
         "a: got str of dtype <U2, expected a NumPy array or a torch tensor of real floating-point numbers"),
        (lambda: weighted(np.ones((2, 3)), [1, -2, 1]), "weights: got -2.0, expected numbers >= 0"),
        (lambda: weighted(np.ones((2, 3)), [1, np.inf, 1]),
         "weights: got 1 NaN or infinite of 3 values, expected finite numbers"),
        (lambda: model_of(Model(np.ones((3, 4)), [1, -1]), [0]), "sigma: got -1.0, expected numbers >= 0"),
        (lambda: model_of(Model(np.ones((2, 4)), [1]), [0]), "mu: got shape (2, 4), expected shape (..., 3, L)"),
        (lambda: model_of((1, 2, 3), [0]), "model: got tuple, expected a tuple of mu, sigma"),
        (lambda: model_of(Model(np.ones((3, 4)), [1]), []), "theta: got shape (0,), expected shape (T,)"),
        (lambda: model_of(Model(np.ones((3, 4)), [1]), [[0]]), "theta: got shape (1, 1), expected shape (T,)"),
        (lambda: model_of(Model(np.ones((3, 4)), [1]), [0], np.ones((3, 3))),
         "camera: got a matrix with |C C^T - I| up to 3 and determinant 0, expected a rotation"),
    ],
)  # fmt: skip
def test_what_is_refused(call, message):
    with refuses(message):
        call()


def test_a_dataclass_gives_its_sizes_and_must_be_one():
    @checked
    def search(Y: Float[Array, "*batch 2 L"], prior: Sized) -> None:
        pass

    search(np.ones((2, 4)), Sized(np.ones((1, 3, 4))))
    with refuses("Y: got shape (2, 5), expected shape (..., 2, 4)"):
        search(np.ones((2, 5)), Sized(np.ones((1, 3, 4))))
    with refuses("prior: got ndarray, expected a Sized"):
        search(np.ones((2, 4)), np.ones((1, 3, 4)))


def test_a_named_tuple_comes_out_as_one_with_its_arrays_converted():
    model = model_of(Model([[1] * 4] * 3, torch.ones(2)), [0.0])
    assert isinstance(model, Model) and model.mu.dtype == model.sigma.dtype == torch.float32


def test_calls_within_a_checked_one_and_within_trusted_go_straight_through():
    seen = []

    @checked
    def inner(y: Float[Array, " n"]) -> None:
        seen.append(y)

    @checked
    def outer(y: Float[Array, " n"]) -> None:
        inner("no array")

    outer([1.0])
    with trusted():
        inner("no array")
    assert seen == ["no array"] * 2
    with refuses("y: got str of dtype <U8, expected a NumPy array or a torch tensor of real floating-point numbers"):
        inner("no array")


def test_an_error_within_leaves_the_next_call_checked():
    @checked
    def fails(y: Float[Array, " n"]) -> None:
        raise KeyError

    with pytest.raises(KeyError):
        fails([1.0])
    with refuses("height: got 0, expected a whole number >= 1"):
        numbers(0)


def test_shapes_of_results_are_held_to_their_annotation_only_where_asked():
    @checked
    def wrong(y: Float[Array, "*batch n"]) -> tuple[Float[Array, "*batch n"], Float[Array, "*batch 2*n"]]:
        return y, y

    with results_too(), refuses("what wrong returns[1]: got shape (3,), expected shape (..., 6)"):
        wrong(np.ones(3))
    with trusted():
        wrong(np.ones(3))


def test_python_itself_says_what_arguments_there_are():
    with pytest.raises(TypeError, match="unexpected keyword argument 'width'"):
        numbers(1, width=3)
    assert product.__name__ == "product" and product.__wrapped__ is not None


def test_annotations_that_say_nothing_are_let_be():
    assert spec_of(str) is None and spec_of(None) is None and spec_of(bool) is None
