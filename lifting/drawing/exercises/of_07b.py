"""The exercises of notebook 07b."""

from lifting.drawing.exercises.judging import Exercise, Mistake

NOTEBOOK = "07b_under_load"

EXERCISES = {
    "7b.1": Exercise(
        right=[0, 7, 8, 10],
        hints=(
            "A map without a gradient is 0 at every pixel.",
            "[p for p in range(17) if not gradient[0, p].any()]",
        ),
        mistakes=(
            Mistake([1, 2, 3, 4, 5, 6, 9, 11, 12, 13, 14, 15, 16], "Those are the maps that have a gradient."),
            Mistake([1, 8, 9, 11], "Landmarks are counted from 0."),
            Mistake([], "Some maps have none: is a whole map looked at, or a single pixel?"),
        ),
    ),
    "7b.2": Exercise(
        right=lambda J: 34 * 34 * (J + 2),
        calls=((1,), (10,), (25,)),
        hints=(
            "With a free scale there are J + 1 columns: the bases and the mean pose.",
            "Each of the 34 x 34 entries of the matrix is a sum of J + 1 products; then each is multiplied once more.",
        ),
        mistakes=(
            Mistake(
                lambda J: 34 * 34 * (J + 1), "One part is missing: the column of a free scale, or the product with g."
            ),
            Mistake(
                lambda J: 34 * 34 * J, "A free scale adds a column, the mean pose, and the product with g comes on top."
            ),
            Mistake(lambda J: 2 * 34 * (J + 1), "That is without the matrix, as above."),
        ),
    ),
}
