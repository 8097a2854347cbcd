"""A wing: plots, widgets and the exercises that answer back."""

from lifting.drawing.exercises import answer

__all__ = ["answer"]
