"""What all tests share: the same random numbers in every run, and files found from the root of the project."""

from pathlib import Path

import matplotlib
import numpy as np
import pytest
from hypothesis import settings

settings.register_profile("lifting", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("lifting")
matplotlib.use("agg")


@pytest.fixture
def root() -> Path:
    """The root of the project."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture
def rng() -> np.random.Generator:
    """A random generator, seeded."""
    return np.random.default_rng(0)
