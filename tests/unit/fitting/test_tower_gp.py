from functools import partial

import numpy as np
import pytest

from fixlip.fitting.moments import features, tower_moments
from fixlip.fitting.sampling import enumerate_all, make_design
from fixlip.fitting.tower_gp import nearness, tower_process
from fixlip.games.closed_form import random_towers
from tests.helpers.oracles import assert_close

CASES = pytest.mark.parametrize(("p", "sampling"), [(0.5, "paired"), (0.5, "independent"), (0.7, "independent")])


def sparse_tower(n, seed=0):
    """Four players, two of their pairs and one triple that matter, in 5 dimensions, and a little of everything."""
    rng = np.random.default_rng(seed)
    low, pairs, triple = rng.normal(size=(5, 5)), rng.normal(size=(2, 5)), rng.normal(size=(1, 5))
    rest = 0.02 * rng.normal(size=(n, 5))

    def embed(masks):
        x = np.where(masks, 1.0, -1.0)
        main = np.concatenate([np.ones((len(x), 1)), x[:, :4]], axis=1) @ low
        two = np.stack([x[:, 0] * x[:, 1], x[:, 1] * x[:, 2]], axis=1) @ pairs
        return main + two + 2 * (x[:, :1] * x[:, 1:2] * x[:, 2:3]) @ triple + x @ rest

    truth = np.zeros((1 + n, 5))
    truth[:5] = low
    truth[1:] += rest
    return embed, truth


def design_of(n, m, p, sampling, seed=0):
    return make_design(n, m, p, sampling, np.random.default_rng(seed))


@pytest.mark.parametrize("sampling", ["paired", "independent"])
def test_the_triple_that_matters_is_found_and_kept_out_of_the_single_players(sampling):
    embed, truth = sparse_tower(20)
    design = design_of(20, 128, 0.5, sampling)
    found = tower_process(embed, design, p=0.5, order=1)
    least = tower_moments(embed, design, p=0.5, order=1, batch_size=64)
    error = [np.linalg.norm(fit.coefficients()[1:] - truth[1:]) for fit in (found, least)]
    assert error[0] < 0.3 * error[1]
    process, family = found.parts["singles"]
    triples = process.families[-1]
    assert triples.players[triples.variance.argmax()].tolist() == [0, 1, 2]
    assert family == (0 if sampling == "paired" else 1)


@CASES
@pytest.mark.parametrize("order", [1, 2])
def test_many_masks_come_to_the_exact_coefficients(p, sampling, order):
    game = random_towers(10, 3)
    whole = enumerate_all(10, p)
    exact = tower_moments(game.image_embeddings, whole, p=p, order=order, batch_size=1024).coefficients()
    found = tower_process(game.image_embeddings, design_of(10, 900, p, sampling), p=p, order=order)
    assert found.mean.shape == exact.shape
    assert np.linalg.norm(found.mean[1:] - exact[1:]) < 0.15 * np.linalg.norm(exact[1:])
    assert np.abs(found.mean[0] - exact[0]).max() < 0.05


@CASES
def test_errors_are_those_over_designs(p, sampling):
    game = random_towers(14, 3, dim=6)
    whole = enumerate_all(14, p)
    exact = tower_moments(game.image_embeddings, whole, p=p, order=2, batch_size=4096).coefficients()
    along = np.random.default_rng(0).normal(size=(2, exact.shape[1]))
    missed, claimed = [], []
    for seed in range(12):
        found = tower_process(game.image_embeddings, design_of(14, 256, p, sampling, seed), p=p, order=2)
        missed.append(np.square((found.mean - exact) @ along.T))
        claimed.append(sum(np.square(part) for part in found.errors(along, reach=(2, 2, 1))))
    for rows in (slice(1, 15), slice(15, None)):
        ratio = np.mean([m[rows, 0] for m in missed]) / np.mean([c[rows, 0] for c in claimed])
        assert 0.5 < ratio < 2
    assert all(np.all(c[:15]) and np.all(c[15:, 1] == 0) for c in claimed)  # pairs, along the first direction alone


@pytest.mark.parametrize("fit", ["process", "least squares"])
@CASES
def test_predictions_foretell_fresh_masks(p, sampling, fit):
    """The remainder of the embeddings on masks left out is that on fresh ones."""
    game, design = random_towers(9, 3), design_of(9, 200, p, sampling)
    kind = tower_process if fit == "process" else partial(tower_moments, batch_size=64)
    tower = kind(game.image_embeddings, design, p=p, order=2)
    fresh = np.random.default_rng(9).random((20_000, 9)) < p
    left = game.image_embeddings(fresh) - features(fresh, p, 2) @ tower.coefficients()
    moments, sign = tower.predictions(), np.array([1, -1, -1, -1])
    claimed = np.einsum("a,b,abdd", sign, sign, moments)
    assert 0.75 < claimed / np.mean((left**2).sum(1)) < 1.33
    assert_close(tower.second, moments[0, 0], 1e-12) if fit == "process" else None


def covered(tower, truth):
    error = np.sqrt(sum(np.square(part) for part in tower.errors(np.eye(truth.shape[1])[:1])))[:, 0]
    return np.abs(tower.mean - truth)[:, 0] <= 1.96 * error + 1e-9


@pytest.mark.parametrize("masks", [256, 1300])
def test_many_small_pairs_of_one_sign_are_something(masks):
    """A picture that saturates: the square of the number of visible patches."""
    n = 49
    tower = tower_process(lambda m: m.mean(1, keepdims=True) ** 2, design_of(n, masks, 0.5, "paired"), p=0.5, order=2)
    truth = np.concatenate([[0.25 + 0.25 / n], np.full(n, 0.5 / n), np.full(n * (n - 1) // 2, 0.5 / n**2)])[:, None]
    assert np.abs(tower.mean / truth - 1).max() < 0.02
    assert covered(tower, truth).mean() > 0.9


@pytest.mark.parametrize("sampling", ["paired", "independent"])
@pytest.mark.parametrize("players", [(3, 8), (3, 8, 11)])
def test_what_stands_out_alone_is_found(players, sampling):
    """An exclusive-or: none of its players matters by itself."""
    n, order = 12, len(players)
    tower = tower_process(
        lambda m: np.where(m[:, players], 1.0, -1.0).prod(1, keepdims=True),
        design_of(n, 128, 0.5, sampling),
        p=0.5,
        order=2,
    )
    truth = np.zeros((1 + n + n * (n - 1) // 2, 1))
    if order == 2:
        i, j = np.triu_indices(n, 1)
        truth[1 + n :][(i == 3) & (j == 8)] = 1.0
    assert_close(tower.mean, truth, 0.02)
    assert covered(tower, truth).mean() > 0.9


def test_masks_that_make_the_difference_are_counted():
    design = design_of(12, 512, 0.5, "independent")
    rare = tower_process(lambda m: m[:, :8].all(1, keepdims=True) * 1.0, design, p=0.5, order=1)
    even = tower_process(lambda m: m[:, :1] * 1.0, design, p=0.5, order=1)
    assert_close(rare.witnesses, design.masks[:, :8].all(1).sum(), 0.2)
    assert even.witnesses > 500


@pytest.mark.parametrize("p", [0.3, 0.5])
def test_masks_that_make_no_difference_are_not_counted(p):
    """Weights sum to 1 but for rounding, so the mean of one value is another one."""
    design = design_of(12, 300, p, "independent")
    same = tower_process(lambda m: np.full((len(m), 2), [0.1, 3.3]), design, p=p, order=1)
    assert same.witnesses == 0


@pytest.mark.parametrize("seed", range(6))
def test_a_noise_of_zero_is_learnt(seed):
    """A pair and nothing else: every round of learning raises its variance over what is left."""
    pair = np.random.default_rng(seed).permutation(20)[:2]
    tower = tower_process(
        lambda m: np.where(m[:, pair], 1.0, -1.0).prod(1, keepdims=True),
        design_of(20, 256, 0.5, "paired"),
        p=0.5,
        order=1,
    )
    assert np.abs(tower.mean).max() < 1e-3


def test_neighbours_are_likelier():
    near = nearness((3, 4))
    assert near.shape == (12, 12)
    assert_close(near[0, [1, 4, 5, 11]], [1 / 1.5, 1 / 1.5, 1 / 2, 1 / (1 + 13 / 2)], 1e-12)
    rng = np.random.default_rng(0)
    chosen = rng.normal(size=(12, 4))

    def embed(masks):
        x = np.where(masks, 1.0, -1.0)
        return x @ chosen + sum(np.outer(x[:, i] * x[:, i + 1], chosen[i]) for i in (0, 4, 9))

    truth = np.zeros((66, 4))
    i, j = np.triu_indices(12, 1)
    for first in (0, 4, 9):
        truth[(i == first) & (j == first + 1)] = chosen[first]
    design = design_of(12, 48, 0.5, "paired")  # too few to see what stands out
    error = [
        np.linalg.norm(tower_process(embed, design, p=0.5, order=2, near=prior).mean[13:] - truth)
        for prior in (near, 1.5 - near)
    ]
    assert error[0] < 0.9 * error[1]


@pytest.mark.parametrize("n", [1, 2, 3])
def test_few_players(n):
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(n, 3))
    design = make_design(n, 2**n - 1, 0.5, "independent", rng)
    found = tower_process(lambda masks: masks @ weights, design, p=0.5, order=2)
    assert found.mean.shape == (1 + n + n * (n - 1) // 2, 3)
    assert np.isfinite(found.mean).all()


def test_many_players_keep_to_the_likeliest_terms():
    n = 120
    weights = np.random.default_rng(0).normal(size=(n, 4))
    design = design_of(n, 256, 0.5, "paired")
    found = tower_process(lambda masks: np.tanh(0.1 * masks @ weights), design, p=0.5, order=1)
    pairs, triples = found.parts["pairs"][0].families[1], found.parts["singles"][0].families[1]
    assert len(pairs.players) == 4096 < n * (n - 1) // 2
    assert len(triples.players) == 1000
