"""What docs/files.md says of formats is what there is."""

import re

from lifting.files.detections import BY_COUNT
from lifting.files.linking import FARTHEST, LONGEST_GAP
from lifting.files.motion import TALL
from lifting.files.reading import FORMATS
from lifting.files.shares import LARGEST


def test_the_table_has_every_format(root):
    page = (root / "docs" / "files.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `([\w-]+)` \|", page, re.M)) - {"format"} == {one.name for one in FORMATS}


def test_numbers_of_the_page(root):
    page = " ".join((root / "docs" / "files.md").read_text(encoding="utf-8").split())
    assert f"gaps of up to {LONGEST_GAP} frames" in page and FARTHEST == 0.5
    assert f"nowhere above {LARGEST:g}" in page
    assert "{:g} to {:g} m tall".format(*TALL) in page
    assert all(re.search(rf"\b{count}\b", page) for count in BY_COUNT)
