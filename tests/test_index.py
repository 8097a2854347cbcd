"""The equation index holds: every equation has its function, its test and its notebook, and nothing is orphaned."""

import dataclasses
import json

import equation_index
import pytest
from equation_index import Equation, Index

INDEX = equation_index.read_index()


def test_index_holds():
    assert equation_index.faults(INDEX) == []


def test_no_equation_is_listed_twice():
    listed = [equation.name for equation in INDEX.equations]
    assert len(set(listed)) == len(listed)


def test_no_table_is_made_of_an_index_that_does_not_hold(monkeypatch):
    broken = dataclasses.replace(INDEX.equations[0], tests=(), notebook="02_gone")
    monkeypatch.setattr(equation_index, "read_index", lambda: Index((broken,), ()))
    with pytest.raises(ValueError, match=r"eq. \(1\): no test\neq. \(1\): no heading of the notebook 02_gone"):
        equation_index.table()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("Supplement, eq. (5)", {5}),
        ("Eq. (5)-(7), then more", {5, 6, 7}),
        ("eqs. (1), (3) and (8)", {1, 3, 8}),
        ("section (5), formula (6)", set()),
        ("eq. (12)", {12}),
    ],
)
def test_named_equations(text, named):
    assert equation_index.named_equations(text) == {f"eq. ({number})" for number in named}


def test_an_equation_in_words_is_found_across_a_line_break():
    assert equation_index.names("as under Updating\n    B in the supplement", "Updating B")


@pytest.fixture
def sound(tmp_path):
    """An index of one equation that holds, in a folder of its own."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_camera.py").write_text("def test_project():\n    pass\n")
    (tmp_path / "notebooks").mkdir()
    cell = {"cell_type": "markdown", "source": ["# Title\n", "## Eq. (1): a picture\n", "and eq. (2)"]}
    (tmp_path / "notebooks" / "01_projection.ipynb").write_text(json.dumps({"cells": [cell]}))
    entry = Equation("eq. (1)", "a picture", "camera.project", ("test_camera.py::test_project",), "01_projection")
    return tmp_path, entry


def test_a_sound_index_has_no_faults(sound):
    root, entry = sound
    assert equation_index.faults(Index((entry,), ()), root) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"function": "camera.no_such"}, "eq. (1): there is no function lifting.camera.no_such"),
        ({"function": "no_such.project"}, "eq. (1): there is no function lifting.no_such.project"),
        (
            {"function": "support.files.data_path"},
            "eq. (1): the docstring of lifting.support.files.data_path does not name it",
        ),
        ({"tests": ()}, "eq. (1): no test"),
        ({"tests": ("test_camera.py::test_gone",)}, "eq. (1): there is no test test_camera.py::test_gone"),
        ({"tests": ("test_gone.py::test_project",)}, "eq. (1): there is no test test_gone.py::test_project"),
        ({"notebook": "02_gone"}, "eq. (1): no heading of the notebook 02_gone names it"),
    ],
)
def test_an_orphan_is_found(sound, change, fault):
    root, entry = sound
    assert equation_index.faults(Index((dataclasses.replace(entry, **change),), ()), root) == [fault]


def test_an_equation_named_only_in_running_text_has_no_notebook(sound):
    root, entry = sound
    text_only = dataclasses.replace(entry, name="eq. (2)", function="solve.search")
    assert equation_index.faults(Index((text_only,), ()), root) == [
        "eq. (2): no heading of the notebook 01_projection names it"
    ]


def test_functions_of_a_folder_and_cached_ones_count_with_their_files():
    assert "support.files.data_path" not in equation_index.public_functions("support")  # imported nowhere in it
    assert "camera.project" in equation_index.public_functions("camera")
    assert "layer.lifted_model" in equation_index.public_functions("layer")


def test_a_public_function_that_names_no_equation_is_found(sound):
    root, entry = sound
    found = equation_index.faults(Index((entry,), ("support.files",)), root)
    assert "support.files.data_path: its docstring names no equation of the index" in found
