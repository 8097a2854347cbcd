"""A wing: arrays, checks of what comes in, and files. The only one that the rooms of the paper import."""
