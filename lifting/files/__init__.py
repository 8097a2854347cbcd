"""Other people's files: landmarks that detectors and labelling tools wrote, and motion to learn a prior from."""

from lifting.files.motion import Motion, Poses, poses_of, read_motion
from lifting.files.reading import read
from lifting.files.recording import Recording, save_recording

__all__ = ["Motion", "Poses", "Recording", "poses_of", "read", "read_motion", "save_recording"]
