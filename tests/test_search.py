"""The fast search against brute force: every rotation of every component, from the readable functions."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lifting import load_prior
from lifting.camera import rotation_angles, tilted_camera
from lifting.datasets.motion_capture import load_motion_capture
from lifting.pose_prior import PosePrior, sample
from lifting.search import extended, find_and_solve, find_winners, grouped_product
from lifting.solve import (
    centre,
    free_scale,
    log_determinant,
    projected_model,
    search,
    solve_at,
    truncated_pseudo_inverse,
    unwrap,
)
from lifting.tables import CANDIDATES, table
from lifting.turned import turn_prior
from tests.priors import random_prior

pytestmark = pytest.mark.usefixtures("one_thread")
CPU = torch.device("cpu")
CAMERA = tilted_camera(0.25)
MASK = (True, True, False, True, True, True)
VARIANTS = {
    "plain": {},
    "free": {"free": True},
    "masked": {"visible": MASK},
    "tilted": {"camera": CAMERA},
    "all": {"free": True, "visible": MASK, "camera": CAMERA},
    "tilts": {"tilts": (0.5, 0.0, -0.25)},
    "all and tilts": {"free": True, "visible": MASK, "camera": CAMERA, "tilts": (0.0, 0.2)},
}
variants = pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)


def make_table(prior, rotations, dtype=torch.float64, **variant):
    return table(turned_prior(prior, rotations, **variant), dtype, CPU)


def turned_prior(prior, rotations, free=False, visible=None, camera=None, tilts=None):
    seen = None if visible is None else np.array(visible)
    return turn_prior(prior, rotations, free_scale=free, weights=seen, camera=camera, tilts=tilts)


def winners_of(tab, Y):
    return find_winners(tab, extended(tab, Y))


def all_costs(prior, Y, rotations, free=False, visible=None, camera=None, tilts=None):
    """Cost (K, N, T) of eq. (2), the scale there, and what is added to cost / (s^2 v) to compare components."""
    if tilts is not None:  # one camera after the other
        cameras = [(np.eye(3) if camera is None else camera) @ tilted_camera(tilt) for tilt in tilts]
        parts = zip(*(all_costs(prior, Y, rotations, free, visible, C) for C in cameras), strict=True)
        return tuple(np.concatenate(part, axis=2) for part in parts)
    theta = rotation_angles(rotations)
    seen = np.ones(prior.L, bool) if visible is None else np.array(visible)
    costs, scales, rests = [], [], []
    for k in range(prior.K):
        p, E = projected_model(prior.mu[k], prior.e[k], theta, weights=seen, camera=camera)
        D, ridge = free_scale(p, E, prior.sigma[k]) if free else (E, prior.sigma[k])
        S = truncated_pseudo_inverse(D, ridge)
        r = unwrap(Y)[None] - (0 if free else p[:, None])  # (T, N, 2L)
        x = r @ S.swapaxes(1, 2)
        costs.append(np.sum(r * (r - x @ D.swapaxes(1, 2)), axis=-1).T)
        scales.append(x[..., 0].T if free else np.ones_like(costs[-1]))
        rests.append(log_determinant(E, prior.sigma[k], prior.noise_variance[k], float(seen.sum())))
    scale = np.stack(scales)
    rest = np.stack(rests)[:, None] - 2 * np.log(prior.weights)[:, None, None]
    rest = rest + 4 * seen.sum() * np.log(np.where(scale > 0, scale, 1))
    return np.where(scale > 0, np.stack(costs), np.inf), scale, rest


def brute_force(prior, Y, rotations, **variant):
    """Component, angle and cost of every frame's winner, by how much its score wins, and all costs."""
    costs, scale, rest = all_costs(prior, Y, rotations, **variant)
    angle = costs.argmin(axis=2)

    def pick(values):
        return np.take_along_axis(np.broadcast_to(values, costs.shape), angle[..., None], axis=2)[..., 0]

    with np.errstate(divide="ignore"):
        score = pick(costs) / (pick(np.where(scale > 0, scale, 1)) ** 2 * prior.noise_variance[:, None]) + pick(rest)
    component, n = score.argmin(axis=0), np.arange(len(Y))
    rivals = np.where(np.arange(prior.K)[:, None] == component, np.inf, score).min(axis=0)
    lead = rivals - np.where(np.isfinite(score.min(axis=0)), score.min(axis=0), 0)
    return component, angle[component, n], costs[component, n, angle[component, n]], lead, costs


def frames(prior, n, seed=0, visible=None):
    """Centred landmarks (n, 2, L) of typical people, of giants, and of people under noise or under none at all."""
    rng = np.random.default_rng(seed)
    Y = sample(prior, n, rng, noise=False).poses[:, :2] * rng.choice([1.0, 0.7, 1.3], (n, 1, 1))
    Y += rng.normal(size=Y.shape) * rng.choice([0.0, 0.03, 0.5], (n, 1, 1))
    return centre(Y, None if visible is None else np.array(visible))


def assert_winners(prior, Y, rotations, tolerance=1e-9, **variant):
    tab = make_table(prior, rotations, **variant)
    found = winners_of(tab, torch.tensor(Y))
    component, angle, cost, lead, costs = brute_force(prior, Y, rotations, **variant)
    assert found.admissible.numpy().tolist() == np.isfinite(cost).tolist()
    ok = np.flatnonzero(np.isfinite(cost))
    size = 1 + np.square(Y).sum(axis=(1, 2))
    # The same component, unless the two best are the same up to rounding
    same = found.component.numpy() == component
    assert np.all(same[ok] | (lead < tolerance / 100 * size / prior.noise_variance.min())[ok])
    assert same[ok].mean() > 0.99
    ok = np.flatnonzero(same & np.isfinite(cost))
    at = costs[component, np.arange(len(Y)), found.angle.numpy()]
    np.testing.assert_allclose(found.cost.numpy()[ok] / size[ok], cost[ok] / size[ok], rtol=0, atol=tolerance)
    # An angle whose cost, exactly, is the least
    assert np.all(at[ok] - cost[ok] <= tolerance * size[ok])
    assert np.all((found.angle.numpy() == angle)[ok] | (at[ok] - cost[ok] <= tolerance / 1000 * size[ok]))
    return found


# The tables


def test_tables_are_made_once():
    prior = random_prior()
    first = make_table(prior, 8, visible=MASK, camera=CAMERA)
    assert make_table(prior, 8, visible=MASK, camera=CAMERA.copy()) is first
    assert make_table(prior, 8, visible=MASK) is not first
    assert make_table(random_prior(), 8, visible=MASK, camera=CAMERA) is not first


# All rotations at once


@settings(max_examples=20)
@given(seed=st.integers(0, 999), K=st.integers(1, 3), J=st.integers(1, 4), L=st.integers(3, 8),
       rotations=st.integers(1, 40), free=st.booleans())  # fmt: skip
def test_any_prior_any_size(seed, K, J, L, rotations, free):
    prior = random_prior(seed, K=K, J=J, L=L)
    assert_winners(prior, frames(prior, 20, seed), rotations, free=free)


@variants
def test_direct_search_of_hundreds_of_frames(variant):
    prior = random_prior(1, K=3, L=6)
    found = assert_winners(prior, frames(prior, 400, visible=variant.get("visible")), CANDIDATES, **variant)
    assert len(found.component.unique()) == 3 and len(found.angle.unique()) > 20


def test_frames_of_several_blocks():
    prior = random_prior(1, K=2, J=2, L=4)
    assert_winners(prior, frames(prior, 2500), 16)


# From coarse to fine


@variants
@pytest.mark.parametrize("rotations", [CANDIDATES + 1, 800, 977])
def test_coarse_to_fine_is_exhaustive(variant, rotations):
    prior = random_prior(1, K=2, L=6)
    assert len(make_table(prior, rotations, **variant).finer) >= 1
    assert_winners(prior, frames(prior, 150, visible=variant.get("visible")), rotations, **variant)


@pytest.mark.parametrize(
    "variant", [VARIANTS["plain"], VARIANTS["all"], VARIANTS["tilts"]], ids=["plain", "all", "tilts"]
)
def test_ten_thousand_rotations(variant):
    prior = random_prior(1, K=2, J=2, L=6)
    assert len(make_table(prior, 10_000, **variant).finer) >= 2
    assert_winners(prior, frames(prior, 60, visible=variant.get("visible")), 10_000, **variant)


@pytest.mark.parametrize("free", [False, True])
@pytest.mark.parametrize("rotations", [80, 977])
@pytest.mark.parametrize(
    "hard",
    [{"sigma": (1e-3, 2e-3)}, {"sigma": (50, 100)}, {"sigma": (1e-3, 100)}, {"v": 1.0}, {"v": 1e-9},
     {"size": 1e-3, "v": 1e-2}],
    ids=str,
)  # fmt: skip
def test_hard_priors(hard, rotations, free):
    """Bases that move freely leave wide flat valleys; huge noise leaves nothing to tell the angles by."""
    prior = random_prior(5, K=2, J=3, L=6, **hard)
    rng = np.random.default_rng(0)
    Y = np.concatenate([frames(prior, 60), centre(rng.normal(size=(60, 2, 6)))])
    # Costs are exact up to rounding in numbers that are white under the prior: huge ones for who is not of a needle
    assert_winners(prior, Y, rotations, tolerance=1e-6 if hard.get("v") == 1e-9 else 1e-9, free=free)


@pytest.mark.parametrize("rotations", [800, 10_000])
def test_a_minimum_between_two_coarse_angles_that_look_hopeless(rotations):
    """Two bases vanish at neighbouring coarse angles: the cost has a spike there, and its minimum between the two."""
    stride = make_table(random_prior(K=1), rotations).strides[0]
    left, best, right = rotation_angles(rotations)[[5 * stride, 5 * stride + stride // 2, 6 * stride]]
    w = np.linalg.qr(np.column_stack([np.ones(6), np.random.default_rng(0).normal(size=(6, 4))]))[0].T[1:]
    still = np.zeros(6)

    def seen_sideways(theta, row):  # R(theta') turns it to x = sin(theta' - theta) row
        return np.stack([-math.sin(theta) * row, still, math.cos(theta) * row])

    mu = seen_sideways(best, w[2]) + seen_sideways(best - math.pi / 2, w[3])
    e = np.stack([seen_sideways(left, w[0]), seen_sideways(right, w[1])])
    prior = PosePrior(mu[None], e[None], np.full((1, 2), 1e-4), np.array([1e-4]), np.array([1.0]))
    Y = np.stack([w[0] + w[1] + w[3], still])[None]
    found = assert_winners(prior, Y, rotations)
    assert found.angle.item() == 5 * stride + stride // 2


def test_a_point_and_a_giant():
    prior = random_prior(1, K=2)
    Y = np.concatenate([np.zeros((1, 2, 6)), 1e6 * frames(prior, 5), 1e-6 * frames(prior, 5)])
    for rotations in (80, 800):
        assert_winners(prior, Y, rotations)
    points = torch.zeros(2, 2, 6, dtype=torch.float64)
    assert not winners_of(make_table(prior, 80, free=True), points).admissible.any()


def test_the_embedded_prior_on_real_people():
    prior = load_prior().subset(bases=8, components=[0])
    poses = load_motion_capture().poses[::300]
    assert_winners(prior, poses[:, :2], 80)
    assert_winners(prior, poses[:, :2], 800)


# float32


@pytest.mark.parametrize("free", [False, True])
def test_what_float32_gets_wrong_it_calls_uncertain(free):
    prior = random_prior(1, K=3)
    Y = frames(prior, 2000)
    single = winners_of(make_table(prior, 160, free=free, dtype=torch.float32), torch.tensor(Y, dtype=torch.float32))
    exact = winners_of(make_table(prior, 160, free=free), torch.tensor(Y, dtype=torch.float32).double())
    differs = (single.component != exact.component) | (single.angle != exact.angle)
    assert not (differs & ~single.uncertain & exact.admissible).any()
    assert single.uncertain.float().mean() < 0.2


def test_ties_of_angles_and_of_components_are_uncertain_in_float32():
    prior = random_prior(1, K=1)
    twins = PosePrior(*(np.concatenate([value, value]) for value in (prior.mu, prior.e, prior.sigma,
                                                                     prior.noise_variance)),
                      np.array([0.5 - 1e-8, 0.5 + 1e-8]))  # fmt: skip
    Y = torch.tensor(frames(prior, 500), dtype=torch.float32)
    sideways = Y * torch.tensor([[1e-9], [1.0]])  # all but as far left as right: theta and theta + pi cost the same
    for tied, of in ((sideways, prior), (Y, twins)):
        single = winners_of(make_table(of, 160, dtype=torch.float32), tied)
        exact = winners_of(make_table(of, 160), tied.double())
        differs = (single.component != exact.component) | (single.angle != exact.angle)
        assert differs.any() and not (differs & ~single.uncertain).any()


# The winners' solutions


@variants
def test_solve_winners_is_equation_6(variant):
    prior = random_prior(4, K=2)
    visible = variant.get("visible")
    scale = None if variant.get("free") else 1.0
    Y, turned = frames(prior, 200, visible=visible), turned_prior(prior, 24, **variant)
    found, sb = find_and_solve(turned, torch.tensor(Y))
    s, b = sb[:, 0].numpy(), sb[:, 1:].numpy()
    k, t = found.component.numpy(), found.angle.numpy()
    seen = None if visible is None else np.array(visible)
    cameras = turned.cameras if turned.tilts is None else turned.cameras[t]
    want = solve_at(Y, prior.gaussian(k), turned.theta[t], scale=scale, weights=seen, camera=cameras)
    np.testing.assert_allclose(s, want.scale, rtol=1e-8)
    np.testing.assert_allclose(b / s[:, None], want.a, rtol=1e-6, atol=1e-8)
    reference = search(Y[:50], prior, turned.theta, scale=scale, weights=seen, camera=turned.cameras)
    np.testing.assert_array_equal(k[:50], reference.component)
    np.testing.assert_array_equal(t[:50], reference.angle)


@settings(max_examples=40)
@given(N=st.integers(0, 300), G=st.integers(1, 40), d=st.integers(1, 4), m=st.integers(1, 4), seed=st.integers(0, 99),
       dtype=st.sampled_from([torch.float32, torch.float64]), few=st.booleans())  # fmt: skip
def test_grouped_product_is_one_product_a_row(N, G, d, m, seed, dtype, few):
    generator = torch.Generator().manual_seed(seed)
    rows, matrices = (torch.randn(*shape, dtype=dtype, generator=generator) for shape in ((N, d), (G, d, m)))
    group = torch.randint(0, 1 + (G - 1) // (8 if few else 1), (N,), generator=generator)
    product = grouped_product(rows, group, matrices)
    assert product.dtype == dtype and product.shape == (N, m)
    want = [rows[n] @ matrices[group[n]] for n in range(N)]
    torch.testing.assert_close(product, torch.stack(want) if N else product)


def test_grouped_product_passes_gradients():
    generator = torch.Generator().manual_seed(0)
    rows, matrices = (torch.randn(*shape, dtype=torch.float64, generator=generator) for shape in ((9, 2), (3, 2, 4)))
    group = torch.tensor([2, 0, 0, 2, 1, 1, 2, 2, 0])
    inputs = rows.requires_grad_(), matrices.requires_grad_()
    assert torch.autograd.gradcheck(lambda rows, matrices: grouped_product(rows, group, matrices), inputs)
