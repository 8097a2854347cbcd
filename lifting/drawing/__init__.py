"""A wing: plots, widgets and the exercises that answer back."""

from lifting.drawing.exercises import answer, hint, progress

__all__ = ["answer", "hint", "progress"]
