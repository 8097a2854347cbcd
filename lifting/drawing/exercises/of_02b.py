"""The exercises of notebook 02b."""

from lifting import pose_prior
from lifting.checking import mistakes
from lifting.drawing.exercises.judging import Exercise, Mistake

NOTEBOOK = "02b_likelihood_and_mixtures"

EXERCISES = {
    "2b.1": Exercise(
        right=lambda f: f is pose_prior.log_density,
        calls=((pose_prior.log_density,), (mistakes.mystery(9),)),
        hints=(
            "ln det Sigma is a sum over 3L - 3 directions. What are the eigenvalues of Sigma?",
            "lambda_j + v for the three bases, v for all others.",
            "Compare at_the_mean with -(3L-3)/2 ln(2 pi) - ln det / 2 by np.isclose, as a bool.",
        ),
        mistakes=(
            Mistake(lambda f: True, "That acquits everyone, the suspect as well."),
            Mistake(lambda f: False, "That convicts everyone, the right function as well."),
            Mistake(lambda f: f is not pose_prior.log_density, "The wrong way round: True is for the right function."),
        ),
    ),
}
