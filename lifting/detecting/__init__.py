"""From photos and videos to landmarks: what reads pictures, finds people in them, and follows them over time.

None of it is in the paper, which starts from landmarks or from a crop of one person.
"""

from lifting.detecting.finding import Detector, Seen, detect, follow, look_at, make_detector
from lifting.detecting.pictures import Picture, Pictures, pictures_of

__all__ = [
    "Detector",
    "Picture",
    "Pictures",
    "Seen",
    "detect",
    "follow",
    "look_at",
    "make_detector",
    "pictures_of",
]
