"""The exercises of notebook 04c."""

from lifting.drawing.exercises.judging import Exercise, Mistake

NOTEBOOK = "04c_where_it_jumps"

EXERCISES = {
    "4c.1": Exercise(
        right=lambda h: 0.7 + 1 / h,
        calls=((0.1,), (0.01,)),
        hints=(
            "Write Y_hat to the right of the edge as 0.7 x + 2, and to its left as 0.7 x.",
            "Subtract the two at h and at -h, and divide by 2 h.",
        ),
        mistakes=(
            Mistake(lambda h: 0.7, "That is the derivative on either side; the jump is in the difference too."),
            Mistake(lambda h: 0.7 + 2 / h, "A central difference is divided by 2 h."),
            Mistake(lambda h: 0.7 + 2, "The jump is divided by 2 h as well: it grows as h shrinks."),
            Mistake(lambda h: 1 / h, "On either side Y_hat moves as well, by 0.7 h."),
        ),
    ),
}
