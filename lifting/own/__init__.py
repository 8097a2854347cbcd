"""Your own photo, video or landmarks, in one command: `python -m lifting FILE -o OUT`. No part of the paper."""

from lifting.own.person import Person
from lifting.own.settings import Settings
from lifting.own.work import lift_file

__all__ = ["Person", "Settings", "lift_file"]
