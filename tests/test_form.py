"""Every notebook has the same form: an opening that says what it takes, few symbols, exercises, folded recall."""

import re

import build_notebooks
import pytest
import reading_time

NAMES = build_notebooks.names()
CORE = [one.name for one in reading_time.readings() if one.core]
SYMBOLS_AT_MOST, CORE_EXERCISES_AT_LEAST, EXERCISES_AT_LEAST, HOURS_AT_MOST = 6, 3, 36, 8

every_notebook = pytest.mark.parametrize("name", NAMES)


def cells(name):
    return build_notebooks.read_source(build_notebooks.NOTEBOOKS / "src" / f"{name}.py")


def exercises(name):
    return re.findall(r"^### Exercise (\S+?):", "\n".join(cell.text for cell in cells(name)), re.M)


@every_notebook
def test_the_opening_says_what_it_takes_and_needs_and_where_it_stands(name):
    opening = cells(name)[0].text
    assert re.search(r"^> \*\*Takes\*\* \d+ minutes, exercises included\. \*\*Needs\*\* ", opening, re.M)
    where = f"core, {CORE.index(name) + 1} of 11" if name in CORE else "(an extra|extra|after the core)"
    assert re.search(rf"^> \*\*On the way:\*\* {where}", opening, re.M)
    symbols = re.findall(r"^> - ", opening, re.M)
    assert len(symbols) <= SYMBOLS_AT_MOST and bool(symbols) == ("../docs/notation.md" in opening)
    assert symbols or name not in CORE


@every_notebook
def test_five_to_eight_recall_questions_are_folded_and_progress_comes_last(name):
    found = cells(name)
    (recall,) = [cell.text for cell in found if re.search(r"^## Recall$", cell.text, re.M)]
    questions = re.findall(r"^\d+\. <details><summary>.+?</summary>\n\n.+?\n\n   </details>", recall, re.M | re.S)
    assert 5 <= len(questions) == recall.count("<details>") <= 8
    assert found[-1].kind == "code" and found[-1].text.strip() == "progress()"


def test_the_core_has_exercises_and_fits_in_eight_hours():
    assert len(CORE) == 11
    assert {name for name in CORE if len(exercises(name)) < CORE_EXERCISES_AT_LEAST} == set()
    assert sum(len(exercises(name)) for name in NAMES) >= EXERCISES_AT_LEAST
    assert sum(one.minutes for one in reading_time.readings() if one.core) <= 60 * HOURS_AT_MOST


@every_notebook
def test_every_picture_is_followed_by_words(name):
    """What to see stands in the text after a picture, so no two pictures follow each other, nor an exercise one."""
    found = cells(name)
    for cell, after in zip(found, [*found[1:], None], strict=True):
        if cell.kind == "code" and re.search(r"^(plt\.)?show\(", cell.text, re.M):
            assert after is not None and "exercise" not in after.tags
