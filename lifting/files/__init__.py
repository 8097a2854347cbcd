"""Other people's files: landmarks that detectors and labelling tools wrote, and motion to learn a prior from."""

from lifting.files.reading import read
from lifting.files.recording import Recording

__all__ = ["Recording", "read"]
