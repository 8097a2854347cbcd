"""The exercises of notebook 03c."""

from lifting.drawing.exercises.judging import Exercise, Mistake

NOTEBOOK = "03c_fast_search"

EXERCISES = {
    "3c.1": Exercise(
        right=4 - 3 / 8 - 0.1,
        hints=(
            "Write down the second differences d_0 = 9 - 2 * 5 + 4 and d_1 = 5 - 2 * 4 + 6.",
            "Both are 3, and the lower end is 4: 4 minus an eighth of 3, minus 0.1.",
        ),
        mistakes=(
            Mistake(4 - 3 / 8, "What the form can differ from the cubic, 0.1, comes off as well."),
            Mistake(4 - 3 - 0.1, "Of the second difference an eighth counts."),
            Mistake(4 + 3 / 8 - 0.1, "A lower bound: what the cubic can sag is subtracted."),
            Mistake(5 - 3 / 8 - 0.1, "The bound starts from the lower end of the interval."),
        ),
        tolerance=1e-4,
    ),
}
