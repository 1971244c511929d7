"""The factorised solve against the dense one that it stands for."""

from itertools import product

import numpy as np
import pytest

import fixlip
from fixlip.fitting.moments import features, tower_moments
from fixlip.fitting.sampling import make_design
from fixlip.games.closed_form import random_towers
from tests.helpers.oracles import assert_close

CASES = pytest.mark.parametrize(("p", "sampling"), [(0.5, "paired"), (0.5, "independent"), (0.7, "independent")])


@CASES
def test_cross_pairs_equal_dense_least_squares_on_the_grid(p, sampling):
    """Both towers sampled: every value of the grid in one weighted regression on 1, x_i, x_k, x_i x_k."""
    game, m_image, m_text, seed = random_towers(9, 6), 90, 40, 3
    estimator = fixlip.get_estimator("banzhaf", p=p, interactions="cross", sampling=sampling, fit="least-squares")
    found = estimator.explain(game, image_masks=m_image, text_masks=m_text, seed=seed, progress=False)
    image, text = (
        make_design(n, m, p, sampling, np.random.default_rng([seed, side]))
        for side, (n, m) in enumerate(((9, m_image), (6, m_text)))
    )
    rows = [np.concatenate([s, t]) for s in image.masks for t in text.masks]
    masks = np.array(rows)
    weights = np.outer(image.weights, text.weights).ravel()
    pairs = [(i, k) for i in range(9) for k in range(9, 15)]
    design = np.stack([np.ones(len(masks)), *masks.T.astype(float), *[masks[:, i] & masks[:, k] for i, k in pairs]], 1)
    values, root = game.values(masks), np.sqrt(weights)
    solution = np.linalg.lstsq(design * root[:, None], values * root, rcond=None)[0]
    assert_close(found.baseline, solution[0], 1e-8)
    assert_close(found.first_order, solution[1:16], 1e-8)
    assert_close(found.cross.ravel(), solution[16:], 1e-8)


@CASES
def test_r2_is_that_on_fresh_masks(p, sampling):
    everything = np.array(list(product([False, True], repeat=15)))
    weights = np.where(everything, p, 1 - p).prod(1)
    told, true = [], []
    for seed in range(6):
        game = random_towers(8, 7, seed=seed)
        estimator = fixlip.get_estimator("banzhaf", p=p, interactions="cross", sampling=sampling, fit="least-squares")
        explanation = estimator.explain(game, image_masks=200, text_masks=100, seed=seed, progress=False)
        values, error = game.values(everything), game.values(everything) - explanation.predict(everything)
        told.append(explanation.provenance.r2)
        true.append(1 - weights @ error**2 / (weights @ (values - weights @ values) ** 2))
    assert abs(np.mean(told) - np.mean(true)) < 0.05


@pytest.mark.parametrize("order", [1, 2])
def test_features_are_orthonormal_under_the_product_measure(order):
    design = make_design(6, 64, 0.3, "independent", np.random.default_rng(0))
    phi = features(design.masks, 0.3, order)
    assert_close((phi * design.weights[:, None]).T @ phi, np.eye(phi.shape[1]), 1e-12)


def test_streaming_does_not_depend_on_the_batch():
    game = random_towers(8, 3)
    design = make_design(8, 100, 0.5, "independent", np.random.default_rng(0))
    options = {"p": 0.5, "order": 2}
    one, other = (tower_moments(game.image_embeddings, design, batch_size=b, **options) for b in (100, 7))
    for name in ("weight", "gram", "rhs", "second"):
        assert_close(getattr(one, name), getattr(other, name), 1e-10)


def test_leaving_a_group_out_equals_solving_without_it():
    game = random_towers(6, 3)
    design = make_design(6, 60, 0.5, "independent", np.random.default_rng(0))
    moments = tower_moments(game.image_embeddings, design, p=0.5, order=1, batch_size=16)
    for group, found in enumerate(moments.jackknife()):
        keep = design.units % 32 != group
        phi, root = features(design.masks[keep], 0.5, 1), np.sqrt(design.weights[keep])[:, None]
        expected = np.linalg.lstsq(phi * root, game.image_embeddings(design.masks[keep]) * root, rcond=None)[0]
        assert_close(found, expected, 1e-9)
    assert group == 31


@pytest.mark.parametrize(("sampling", "order"), [("paired", 1), ("paired", 2), ("independent", 1), ("independent", 2)])
def test_the_jackknife_is_scaled_by_the_draws_that_the_terms_leave_over(sampling, order):
    """``(G - 1) / G`` times the spread over groups left out, times the shares of draws and of masks that are left."""
    game, n, m = random_towers(6, 3), 6, 48
    design = make_design(n, m, 0.5, sampling, np.random.default_rng(0))
    moments = tower_moments(game.image_embeddings, design, p=0.5, order=order, batch_size=16)
    f = moments.rhs.shape[1]
    left = np.full(f, 1 - f / m)
    if sampling == "paired":  # differences of complements know single players, sums the constant and the pairs
        singles = (np.arange(f) >= 1) & (np.arange(f) <= n)
        left = np.where(singles, 1 - n / 24, 1 - (f - n) / 24)
    parts = np.stack(list(moments.jackknife()))
    groups = len(parts)
    expected = left[:, None] * (1 - m / 2**n) * (groups - 1) * parts.var(axis=0)
    along = np.eye(parts.shape[2])
    assert_close(sum(np.square(part) for part in moments.errors(along)), expected, 1e-12)


def test_the_standard_errors_of_least_squares_are_the_spread_over_seeds():
    """With 60 masks for 31 terms, where half of the draws are used up."""
    game = random_towers(30, 3)
    options = {"interactions": "cross", "fit": "least-squares", "sampling": "independent"}
    estimator = fixlip.get_estimator("banzhaf", **options)
    runs = [estimator.explain(game, image_masks=90, seed=seed, progress=False) for seed in range(60)]
    spread = np.var([run.cross for run in runs], axis=0, ddof=1).mean()
    claimed = np.mean([run.cross_stderr**2 for run in runs])
    assert 0.7 < np.sqrt(claimed / spread) < 1.25
