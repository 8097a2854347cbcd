"""Reading the model that the authors released, a MATLAB file, as a `PosePrior`."""

import os
from collections.abc import Sequence

import numpy as np

from lifting.pose_prior import PosePrior, face_viewer
from lifting.skeleton import HUMAN36M
from lifting.solve import centre
from lifting.support.arrays import check_finite, check_floating, fail
from lifting.support.files import load_matlab

LAYOUTS = ("coordinates", "landmarks")


def load_matlab_prior(
    path: str | os.PathLike[str], *, layout: str = "coordinates", left: Sequence[int] = (), right: Sequence[int] = ()
) -> PosePrior:
    """Read a prior from a MATLAB file laid out like the model that the authors released.

    That file holds, in millimetres and with z up, mu (K, 3L), e (K, J, 3L) and sigma (K, J + 1), the noise's
    weight last in sigma, and no weights of the components. What we assume of it, since its own makers don't say:

    - How 3L numbers unwrap. With `layout` "coordinates", the default, all x come first, then all y, then all z:
      the authors' reader folds them into (3, L) in that order. With "landmarks" they are x, y, z of one landmark
      after the other. A file that already has the two axes apart, (K, 3, L), is fine with either.
    - What sigma is. The authors' cost is |w (y - E a)|^2 + sum_j (s_j a_j)^2, with the last entry of sigma as w.
      As -2 ln of a Gaussian it says that the noise of a coordinate has variance 1 / w^2 and a_j has variance
      1 / s_j^2, both in mm^2. Dividing the cost by w^2 gives equation (2) with sigma_j = s_j / w, which has no
      unit, and v = 1 / w^2 mm^2 = 1e-6 / w^2 m^2.
    - Axes. (x, y, z) with z up and y away from the camera becomes (x, z, -y): y up, z towards the viewer. It is a
      rotation, so left stays left.
    - Components are equally likely.

    The rows are made exactly centred and orthonormal, where they are so to 1 % in the file. Where `left` and
    `right` (indices of landmarks) are given, the means are turned to face +z; see `face_viewer`.

    The released file itself loads with K = 3 and J = 25; left is left, and up is up. It carries no names of landmarks.
    Its 17 are in Human3.6M's order, so the names of `skeleton.HUMAN36M` are given to any file of 17.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file can't be read, or isn't laid out like that.
    """
    if layout not in LAYOUTS:
        fail("layout", repr(layout), f"one of {', '.join(map(repr, LAYOUTS))}")
    mu, e, sigma = _read_matlab(path)
    mu, e = _unwrap(mu, 2, layout), _unwrap(e, 3, layout)
    rows = e.reshape(*e.shape[:2], -1)
    gram = rows @ rows.transpose(0, 2, 1)
    off = max(np.abs(gram - np.eye(e.shape[1])).max(), np.abs(e.mean(-1)).max() * np.sqrt(e.shape[-1]))
    if off > 0.01:
        fail("e", f"rows of {path} that are {off:.2g} off", "orthonormal and centred bases, to within 0.01")
    K, J = e.shape[:2]
    w = sigma[:, -1]
    prior = PosePrior(
        mu=_our_axes(centre(mu)) / 1000,
        e=_our_axes(_orthonormal(e)),
        sigma=sigma[:, :-1] / w[:, None],
        noise_variance=1e-6 / w**2,
        weights=np.full(K, 1 / K),
        landmarks=HUMAN36M.landmarks if mu.shape[-1] == len(HUMAN36M.landmarks) else (),
    )
    return face_viewer(prior, left, right) if len(left) or len(right) else prior


def _read_matlab(path: str | os.PathLike[str]) -> list[np.ndarray]:
    expected = "a MATLAB file (up to v7.2) holding mu (K, 3L), e (K, J, 3L) and sigma (K, J + 1)"
    content = load_matlab(path, expected)
    missing = [name for name in ("mu", "e", "sigma") if name not in content]
    if missing:
        fail("path", f"{path}, which lacks {', '.join(missing)}", expected)
    mu, e, sigma = (np.asarray(check_floating(name, content[name]), np.float64) for name in ("mu", "e", "sigma"))
    for name, array in (("mu", mu), ("e", e), ("sigma", sigma)):
        check_finite(name, array)
    fits = mu.shape[:1] == e.shape[:1] and mu.shape[1:] == e.shape[2:] and sigma.shape == (e.shape[0], e.shape[1] + 1)
    if not fits or mu.ndim not in (2, 3) or mu[0].size % 3 or (mu.ndim == 3 and mu.shape[1] != 3):
        fail("path", f"{path} with mu {mu.shape}, e {e.shape}, sigma {sigma.shape}", expected)
    if sigma.min() <= 0:
        fail("sigma", f"{sigma.min():.3g} in {path}", "numbers > 0")
    return [mu, e, sigma]


def _unwrap(rows: np.ndarray, unwrapped_axes: int, layout: str) -> np.ndarray:
    """(..., 3L) as (..., 3, L)."""
    if rows.ndim > unwrapped_axes:
        return rows
    L = rows.shape[-1] // 3
    if layout == "coordinates":
        return rows.reshape(*rows.shape[:-1], 3, L)
    return np.swapaxes(rows.reshape(*rows.shape[:-1], L, 3), -1, -2)


def _our_axes(array: np.ndarray) -> np.ndarray:
    return np.stack([array[..., 0, :], array[..., 2, :], -array[..., 1, :]], axis=-2)


def _orthonormal(e: np.ndarray) -> np.ndarray:
    """The centred bases with orthonormal rows that are nearest to e (K, J, 3, L): U V' of its decomposition U S V'."""
    rows = centre(e).reshape(*e.shape[:2], -1)
    U, _, Vt = np.linalg.svd(rows, full_matrices=False)
    return (U @ Vt).reshape(e.shape)
