"""What the tests of results share: the dancer, lifted."""

import pytest

from lifting import load_prior
from lifting.own.person import Person, lift_person
from lifting.own.settings import Settings

from .made_up import recording


@pytest.fixture(scope="session")
def person() -> Person:
    """The whole recording with its gaps, lifted as it is unless told otherwise."""
    return lift_person(recording(), load_prior(), Settings())
