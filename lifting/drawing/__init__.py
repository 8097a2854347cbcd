"""A wing: plots, widgets and the exercises that answer back."""
