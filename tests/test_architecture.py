"""What docs/architecture.md tells one to do works: its code runs, and its steps lead where it says."""

import json
import re

import build_notebooks
import numpy as np
import pytest
import torch


@pytest.fixture
def page(root):
    return (root / "docs" / "architecture.md").read_text(encoding="utf-8")


def blocks(page, heading):
    section = page.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"```python\n(.*?)```", section, re.S)


def test_every_room_and_wing_is_on_the_page(page, root):
    rows = set(re.findall(r"^\| (`[^|]*`) \|", page, re.M))
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    modules = {path.stem for path in (root / "lifting").glob("*.py")} - {"__init__", "__main__"}
    wings = {path.parent.name for path in (root / "lifting").glob("*/__init__.py")}
    assert named == modules | wings


def test_adding_a_skeleton(page):
    (code,) = blocks(page, "Adding a skeleton")
    there: dict = {}
    exec(code, there)
    assert there["visible"].sum() == 7  # the neck is the mean of the shoulders
    assert there["pose"].shape == (3, 17) and np.isfinite(there["pose"]).all()


def test_adding_a_data_source(page):
    (code,) = blocks(page, "Adding a data source")
    there: dict = {}
    exec(code, there)
    figures = there["figures"]
    assert figures["images"] == 4 and len(figures["stages"]) == 3
    assert figures["space"] is None and figures["front_back"] is None
    pictures = there["MyPictures"](np.zeros((4, 3, 16, 16), np.float32), np.zeros((4, 2, 17)), np.ones((4, 17), bool))
    assert pictures.make(np.array([1, 2]), torch.Generator()).images.shape == (2, 3, 16, 16)


NOTEBOOK = """# %% [markdown]
# # 99 A trial

# %% tags=["setup"]
from lifting.drawing import answer

# %% [markdown] tags=["exercise"]
# ### Exercise 99.1
# One and one.

# %% tags=["exercise"]
# BEGIN SOLUTION
two = 1 + 1
# END SOLUTION

# %% tags=["answer"]
answer("99.1", two, 2, hint="Count.")
"""


def test_adding_a_notebook(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(build_notebooks, "NOTEBOOKS", tmp_path / "notebooks")
    source = tmp_path / "notebooks" / "src" / "99_trial.py"
    source.parent.mkdir(parents=True)
    source.write_text(NOTEBOOK)
    monkeypatch.setattr("sys.argv", ["build_notebooks.py", "99_trial"])
    assert build_notebooks.main() == 0
    made = [json.loads((tmp_path / "notebooks" / name).read_text())
            for name in ("99_trial.ipynb", "solutions/99_trial.ipynb")]  # fmt: skip
    said = ["".join(notebook["cells"][-1]["outputs"][0]["text"]) for notebook in made]
    assert "your turn" in said[0] and "right" in said[1]
