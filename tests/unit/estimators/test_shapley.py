"""Shapley interactions from sampled masks: the factorised solve, standard errors, quadrature, refusals."""

from itertools import combinations

import numpy as np
import pytest

import fixlip
from fixlip.errors import BudgetError, InputError, OptionError
from fixlip.estimators.shapley import Shapley
from fixlip.estimators.shapley_owen import ShapleyOwen
from fixlip.fitting.regression import fit_grid, fit_joint
from fixlip.fitting.sampling import all_masks, by_size
from fixlip.fitting.surrogate import Surrogate
from fixlip.games.base import CallableGame, JointGame
from fixlip.games.closed_form import random_towers
from fixlip.games.counted import CountedGame
from tests.helpers.oracles import assert_close, shapley_interactions, shapley_values


def dense(masks, weights, values, ends):
    """All terms of order 2, weighted least squares with both ends met, by brute force."""
    n = masks.shape[1]

    def design(x):
        pairs = [x[:, i] & x[:, j] for i, j in combinations(range(n), 2)]
        return np.stack([np.ones(len(x)), *x.T, *pairs], axis=1).astype(float)

    x, c = design(masks), design(np.repeat([[False], [True]], n, axis=1))
    terms = x.shape[1]
    system = np.block([[(x * weights[:, None]).T @ x, c.T], [c, np.zeros((2, 2))]])
    solution = np.linalg.solve(system, np.concatenate([(x * weights[:, None]).T @ values, ends]))[:terms]
    second = np.zeros((n, n))
    second[np.triu_indices(n, 1)] = solution[n + 1 :]
    return solution[0], solution[1 : n + 1], second + second.T


def ends(game):
    return game.values(np.repeat([[False], [True]], game.n_image + game.n_text, axis=1))


def test_the_grid_equals_a_dense_regression_on_all_its_pairs_of_masks():
    game, rng = random_towers(6, 5, seed=2), np.random.default_rng(2)
    kernel = rng.random((7, 6))
    image = by_size(6, 50, np.full(7, 1 / 7), rng)
    text = by_size(5, 28, np.full(6, 1 / 6), rng)
    surrogate = Surrogate(6, 5, 0.5, game.scale, game.bias, 2, True, 0.0)
    towers = game.image_embeddings, game.text_embeddings
    fit = fit_grid(towers, (image, text), kernel, surrogate, tuple(ends(game)))
    i, t = np.indices((len(image.masks), len(text.masks))).reshape(2, -1)
    masks = np.concatenate([image.masks[i], text.masks[t]], axis=1)
    weights = image.weights[i] * text.weights[t] * kernel[image.masks.sum(1)[i], text.masks.sum(1)[t]]
    truth = dense(masks, weights, game.values(masks), ends(game))
    for found, expected in zip(fit.effects.arrays, truth, strict=True):
        assert_close(found, expected, 1e-8)


def test_joint_masks_equal_a_dense_regression():
    game, n = random_towers(5, 3, seed=2), 8
    mass = np.r_[0.0, np.full(7, 1 / 7), 0.0]
    design = by_size(n, 120, mass, np.random.default_rng(0), paired=True)
    surrogate = Surrogate(5, 3, 0.5, game.scale, game.bias, 2, True, 0.0)
    fit = fit_joint(CountedGame(game, lambda n: None).values, design, surrogate, tuple(ends(game)))
    truth = dense(design.masks, design.weights, game.values(design.masks), ends(game))
    for found, expected in zip(fit.effects.arrays, truth, strict=True):
        assert_close(found, expected, 1e-8)


@pytest.mark.slow
def test_standard_errors_are_of_the_right_size():
    game = random_towers(9, 3, seed=4)
    for estimator, call in (
        (Shapley(), {"image_masks": 200}),
        (Shapley(sampling="joint"), {"budget": 400}),
        (Shapley(order=1), {"image_masks": 100}),
        (ShapleyOwen(), {"image_masks": 200}),
        (ShapleyOwen(interactions="all", nodes=2), {"image_masks": 480}),
        (ShapleyOwen(order=1), {"image_masks": 200}),
    ):
        runs = [estimator.explain(game, seed=s, progress=False, **call) for s in range(40)]
        spread = np.std([r.first_order for r in runs], axis=0)
        claimed = np.sqrt(np.mean([r.stderr.first_order**2 for r in runs], axis=0))
        assert 0.7 < np.median(claimed / spread) < 1.5, estimator
        if estimator.order == 2:
            spread = np.std([r.cross for r in runs], axis=0)
            claimed = np.sqrt(np.mean([r.cross_stderr**2 for r in runs], axis=0))
            assert 0.7 < np.median(claimed / spread) < 1.5, estimator


@pytest.mark.parametrize(("masks", "published"), [(74, 0.88), (111, 0.54), (200, 0.21), (240, 0.087)])
def test_joint_masks_are_no_less_exact_than_as_published(masks, published):
    """Median error of pairs; 37 terms. The published sampling weights each of so many masks by its number of draws."""
    missed = []
    for seed in range(24):
        game = random_towers(5, 3, seed=seed)
        exact = Shapley().explain(game, budget=2**8, progress=False)
        found = Shapley(sampling="joint").explain(game, budget=masks, seed=seed, progress=False)
        missed.append(np.sqrt(np.mean((found.cross - exact.cross) ** 2)))
    assert np.median(missed) < 0.9 * published


def test_a_single_draw_has_no_standard_error():
    found = Shapley(sampling="joint", order=1).explain(random_towers(2, 2), budget=11, progress=False)
    assert np.isfinite(found.first_order).all()
    assert found.stderr is None


def test_values_add_up_to_the_similarity():
    game = random_towers(20, 6, seed=1)
    masks = np.repeat([[False], [True]], 26, axis=1)
    for found in (
        Shapley().explain(game, image_masks=400, progress=False),
        Shapley(order=1).explain(game, image_masks=200, progress=False),
    ):
        assert_close(found.predict(masks), game.values(masks), 1e-8)
        assert_close(found.as_first_order().sum(), found.full_value - found.empty_value, 1e-8)


def test_the_quadrature_error_tells_how_far_few_nodes_are_off():
    game = random_towers(7, 5, seed=3)
    cross = shapley_interactions(game)[:7, 7:]
    told, real = [], []
    for nodes in (2, 3, 4, 6):
        found = ShapleyOwen(nodes=nodes).explain(game, budget=2**12, progress=False)
        told.append(found.provenance.details["quadrature_error"])
        real.append(np.abs(found.cross - cross).max())
    assert told == sorted(told, reverse=True)
    assert real[-1] < 1e-9 < real[0]
    assert all(0.2 < t / r < 5 for t, r in zip(told[:3], real[:3], strict=True))


def test_shapley_values_of_the_multilinear_extension_are_shapley_values():
    game = random_towers(5, 3, seed=5)
    found = ShapleyOwen(interactions="all").explain(game, budget=2**8, progress=False)
    assert_close(found.as_first_order(), shapley_values(game), 1e-10)
    assert abs(found.provenance.details["efficiency_gap"]) < 1e-10


def unanimity(members, n_image, n_text):
    return JointGame(lambda m: m[:, members].all(1).astype(float), n_image, n_text)


def test_unanimity_of_four_tells_the_indices_apart():
    game = unanimity([0, 1, 3, 4], 3, 3)
    sii = fixlip.get_estimator("exact", index="SII").explain(game, progress=False).second_order[0, 3]
    bii = fixlip.get_estimator("exact", index="BII").explain(game, progress=False).second_order[0, 3]
    stii = fixlip.get_estimator("exact", index="STII").explain(game, progress=False).second_order[0, 3]
    assert_close([sii, bii, stii], [1 / 3, 1 / 4, 1 / 6], 1e-12)
    towers = CallableGame(
        lambda s: s[:, :2].all(1, keepdims=True), lambda t: t[:, :2].all(1, keepdims=True), 3, 3
    )  # the same game, of two towers
    owen = ShapleyOwen().explain(towers, budget=2**6, progress=False)
    assert_close(owen.second_order[0, 3], 1 / 3, 1e-12)


def test_by_size_is_a_weighted_sample_of_the_measure():
    rng, mass = np.random.default_rng(0), np.array([0.05, 0.2, 0.3, 0.1, 0.2, 0.1, 0.05])
    masks = all_masks(6)
    size = masks.sum(1)
    scores = rng.random(64)
    codes = 1 << np.arange(6)
    truth = np.mean([scores[size == k].mean() * mass[k] * 7 for k in range(7)])
    means = []
    for seed in range(400):
        design = by_size(6, 30, mass, np.random.default_rng(seed))
        assert_close(design.weights.sum(), 1.0, 1e-12)
        assert len(design.masks) == 30
        means.append(design.weights @ scores[design.masks @ codes])
    assert abs(np.mean(means) - truth) < 4 * np.std(means) / 20
    paired = by_size(6, 20, np.full(7, 1 / 7), np.random.default_rng(1), paired=True)
    drawn = paired.masks[paired.units >= 0]
    assert np.array_equal(drawn[::2], ~drawn[1::2])
    whole = by_size(6, 62, np.r_[0.0, np.full(5, 0.2), 0.0], np.random.default_rng(1))
    assert whole.exact
    assert len(whole.masks) == 62


@pytest.mark.slow
def test_hundreds_of_patches():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(576, 8)), rng.normal(size=(6, 8))
    game = CallableGame(lambda s: np.tanh(s @ a / 20), lambda t: t @ b, 576, 6)
    found = ShapleyOwen().explain(game, image_masks=4096, progress=False)
    assert found.cross.shape == (576, 6)
    truth = ShapleyOwen().explain(game, image_masks=8192, seed=1, progress=False)
    assert np.corrcoef(found.cross.ravel(), truth.cross.ravel())[0, 1] > 0.99


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Shapley(interactions="cross"), "shapley-owen"),
        (lambda: Shapley(order=3), "order"),
        (lambda: ShapleyOwen(nodes=1), "nodes"),
        (lambda: ShapleyOwen(ridge=-1.0), "ridge"),
    ],
)
def test_options_that_cannot_be(make, message):
    with pytest.raises(OptionError, match=message):
        make()


@pytest.mark.parametrize(
    ("estimator", "players", "call", "error", "message"),
    [
        (Shapley(), (49, 6), {"image_masks": 1000}, BudgetError, "1226"),
        (Shapley(), (196, 10), {}, BudgetError, "21322 terms"),
        (Shapley(sampling="joint"), (49, 6), {"budget": 1000}, BudgetError, "1541"),
        (Shapley(sampling="joint"), (49, 6), {"image_masks": 1000}, OptionError, "budget"),
        (ShapleyOwen(), (49, 6), {"image_masks": 100}, BudgetError, "225"),
    ],
)
def test_budgets_that_cannot_be(estimator, players, call, error, message):
    with pytest.raises(error, match=message):
        estimator.explain(random_towers(*players), progress=False, **call)


def test_a_grid_needs_two_towers():
    with pytest.raises(InputError, match="sampling='joint'"):
        Shapley().explain(JointGame(lambda m: m.sum(1), 4, 3), progress=False)
