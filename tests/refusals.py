"""What every refusal of bad input keeps to."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def refuses(message: str, whole: bool = False) -> Iterator[pytest.ExceptionInfo]:
    """Bad input is refused in one line that begins with `message`, or is it, and says what was expected."""
    with pytest.raises(ValueError, match=f"^{re.escape(message)}{'$' if whole else ''}") as refused:
        yield refused
    assert ", expected " in str(refused.value) and "\n" not in str(refused.value)
