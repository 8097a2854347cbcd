"""What all tests share: the same random numbers in every run, and files found from the root of the project."""

from collections.abc import Iterator
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from hypothesis import settings

from lifting.support import tensors
from lifting.support.checked import results_too

settings.register_profile("lifting", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("lifting")
matplotlib.use("agg")


@pytest.fixture(autouse=True)
def annotations_of_results() -> Iterator[None]:
    """What checked functions return is held to its annotation, too."""
    with results_too():
        yield


@pytest.fixture
def root() -> Path:
    """The root of the project."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture
def rng() -> np.random.Generator:
    """A random generator, seeded."""
    return np.random.default_rng(0)


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """One thread for the linear algebra: many small products are slower on more where other processes run too."""
    with tensors.one_thread():
        yield
