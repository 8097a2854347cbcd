"""Priors of every size and temper for the tests of solving, searching and lifting."""

import numpy as np

from lifting.pose_prior import PosePrior, load_prior


def random_prior(seed=0, K=2, J=3, L=6, sigma=(0.05, 0.5), v=1e-3, size=0.5):
    """A valid prior of no particular shape: mu of `size` metres, sigma within its range, noise about v."""
    rng = np.random.default_rng(seed)
    mu = rng.normal(size=(K, 3, L)) * size
    mu[:, 1] += np.linspace(-size, size, L)  # all means stand the same way up, as people do
    e = rng.normal(size=(K, J, 3, L))
    e -= e.mean(axis=-1, keepdims=True)
    e = np.linalg.qr(e.reshape(K, J, 3 * L).swapaxes(1, 2))[0].swapaxes(1, 2).reshape(K, J, 3, L)
    weights = rng.uniform(0.5, 1.5, K)
    return PosePrior(
        mu - mu.mean(axis=-1, keepdims=True), e - e.mean(axis=-1, keepdims=True), rng.uniform(*sigma, (K, J)),
        v * rng.uniform(0.5, 2, K), weights / weights.sum(),
    )  # fmt: skip


def random_masks(rng, frames, L, least=4):
    """(frames, L) masks with at least `least` landmarks visible in each."""
    order = rng.random((frames, L)).argsort(axis=1)
    return order < rng.integers(least, L + 1, (frames, 1))


def two_components():
    """The embedded prior's first component, and the same one moved along its first basis."""
    one = load_prior().subset(components=[0], bases=6)
    mu = np.concatenate([one.mu, one.mu + 0.2 * one.e[:, 0]])
    twice = [np.repeat(array, 2, axis=0) for array in (one.e, one.sigma, one.noise_variance)]
    return PosePrior(mu, *twice, np.array([0.5, 0.5]))
