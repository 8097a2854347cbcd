"""People of whom every landmark is known, for files of every format."""

import numpy as np

from lifting.skeleton import HUMAN36M, SKELETONS, convert

SIZE = (640, 480)


def people(frames, order, seed=0):
    """Points (frames, 2, L) of a person who walks to the right, as rows and columns of a picture of `SIZE`.

    The landmarks of every order stand in the same places of the body, so that what is read can be compared.
    """
    rng = np.random.default_rng(seed)
    names = sorted({name for one in SKELETONS.values() for name in one.landmarks})
    place = dict(zip(names, rng.uniform(100, 300, (len(names), 2)), strict=True))
    for middle, side in {"pelvis": "hip", "neck": "shoulder"}.items():
        place[middle] = (place[f"left_{side}"] + place[f"right_{side}"]) / 2
    points = np.array([place[name] for name in order.landmarks]).T
    return np.round(points + np.arange(frames)[:, None, None] * [[2.0], [1.0]], 3)


def expected(points, order, confidences=None):
    """What reading should give of `points` in `order`: Y (frames, 2, 17), NaN where missing."""
    there = np.ones((len(points), points.shape[2]), bool) if confidences is None else confidences > 0
    Y, visible = convert(points, order, HUMAN36M, there)
    return np.where(visible[:, None], Y * [[1], [-1]], np.nan)
