"""How long the notebooks take: the tool counts right, the core is short, and each opening box says so."""

import reading_time

SOURCE = """# %% [markdown]
# # 03 Solving
#
# **Takes** 99 minutes

# %% tags=["setup"]
import numpy as np

# %% [markdown] tags=["exercise"]
# ### Exercise 3.1: the ridge (15 minutes)
# Write it.

# %% tags=["exercise"]
def ridge(x):
    # BEGIN SOLUTION
    return x * x * x * x * x * x
    # END SOLUTION

# %% [markdown]
# ### Exercise 3.2: the vertex
"""


def source(folder, name, words=0):
    path = folder / f"{name}.py"
    path.write_text(SOURCE + "".join("# word\n" for _ in range(words)))
    return path


def test_words_and_exercises_are_counted_as_the_reader_meets_them(tmp_path):
    found = reading_time.measure(source(tmp_path, "03_solving"))
    assert (found.title, found.exercises, found.stated) == ("03 Solving", (15, 10), 99)
    title, box, setup, prompt, gap, last = 2, 3, 4, 8, 5, 4
    assert found.words == title + box + setup + prompt + gap + last
    assert found.minutes == 30


def test_200_words_are_a_minute_and_minutes_are_rounded_up_to_five(tmp_path):
    few = reading_time.measure(source(tmp_path, "03_solving"))
    exactly = 1000 - few.words
    assert reading_time.measure(source(tmp_path, "03_solving", exactly)).minutes == 30
    assert reading_time.measure(source(tmp_path, "03_solving", exactly + 1)).minutes == 35


def test_a_letter_or_a_number_above_ten_makes_an_extra(tmp_path):
    names = ("00_start", "03_solving", "03b_search", "10_claims", "11_more")
    found = {name: reading_time.measure(source(tmp_path, name)).core for name in names}
    assert found == {"00_start": True, "03_solving": True, "03b_search": False, "10_claims": True, "11_more": False}


def test_the_table_has_a_sum_for_the_core_and_one_for_the_extras(tmp_path):
    for name in ("03_solving", "03b_search", "04_more"):
        source(tmp_path, name)
    rows = reading_time.table(reading_time.readings(tmp_path)).splitlines()[2:]
    assert [row.split("|")[1].strip() for row in rows] == [
        "[03 Solving](../notebooks/03_solving.ipynb)",
        "[03 Solving](../notebooks/04_more.ipynb)",
        "**all of the core**",
        "[03 Solving](../notebooks/03b_search.ipynb)",
        "**all of the extras**",
    ]
    assert rows[2].endswith("| 4, 50 minutes | 60 (1.0 hours) |")


def test_the_minutes_are_written_into_the_opening_box(tmp_path):
    path = source(tmp_path, "03_solving")
    assert reading_time.write(path)
    assert path.read_text() == SOURCE.replace("99 minutes", "30 minutes")
    path.write_text(SOURCE.replace("**Takes**", "Takes"))
    assert not reading_time.write(path)


def test_every_opening_box_says_the_minutes():
    wrong = {one.name: (one.stated, one.minutes) for one in reading_time.readings() if one.stated != one.minutes}
    assert wrong == {}, "tools/reading_time.py --write"
