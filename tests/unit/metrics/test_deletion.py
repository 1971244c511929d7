"""Insertion and deletion against plain loops, brute force and curves known in closed form."""

import time
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fixlip
from fixlip.games import CallableGame
from fixlip.games.closed_form import additive, bilinear, random_towers
from fixlip.metrics import best_subsets, insertion_deletion
from fixlip.metrics.curves import subset_sizes
from tests.helpers.explanations import of_game
from tests.helpers.oracles import all_masks, assert_close


def symmetric(rng, n):
    pairs = np.triu(rng.normal(size=(n, n)), 1)
    return pairs + pairs.T


def grown(first, second):
    """Greedy growth by plain loops in exact fractions: the best subset of each size over all starts."""
    n = len(first)
    first, second = [Fraction(v) for v in first], [[Fraction(v) for v in row] for row in second]

    def value(subset):
        return sum(first[i] for i in subset) + sum(second[i][j] for i in subset for j in subset if i < j)

    best = {0: []}
    for start in range(n):
        subset = [start]
        while True:
            if len(subset) not in best or value(subset) > value(best[len(subset)]):
                best[len(subset)] = list(subset)
            rest = [i for i in range(n) if i not in subset]
            if not rest:
                break
            gains = [first[i] + sum(second[i][j] for j in subset) for i in rest]
            subset.append(rest[gains.index(max(gains))])
    masks = np.zeros((n + 1, n), dtype=bool)
    for size, subset in best.items():
        masks[size, subset] = True
    return masks


@given(seed=st.integers(0, 10**6), n=st.integers(1, 9), whole=st.booleans())
@settings(deadline=None, max_examples=60)
def test_growth_equals_plain_loops(seed, n, whole):
    rng = np.random.default_rng(seed)
    first, second = rng.normal(size=n), symmetric(rng, n)
    if whole:  # small whole numbers: many ties
        first, second = np.rint(first), np.rint(second)
    found = best_subsets(first, second, np.arange(n + 1))
    assert (found == grown(first, second)).all()
    some = np.array([0, n // 2, n]) if n > 1 else np.array([0, 1])
    assert (best_subsets(first, second, some) == found[some]).all()


def test_subsets_are_near_the_best_there_are():
    rng, masks = np.random.default_rng(0), all_masks(10)
    share = []
    for _ in range(20):
        first, second = rng.normal(size=10), symmetric(rng, 10)
        values = masks @ first + 0.5 * ((masks @ second) * masks).sum(1)
        found = best_subsets(first, second, np.arange(11))
        reached = found @ first + 0.5 * ((found @ second) * found).sum(1)
        best = np.array([values[masks.sum(1) == k].max() for k in range(11)])
        assert (reached <= best + 1e-9).all()
        share.append(np.mean(reached > best - 1e-9))
    assert np.mean(share) > 0.95


def test_subsets_are_not_nested():
    first, second = np.array([3.0, 2.0, 2.0]), np.zeros((3, 3))
    second[1, 2] = second[2, 1] = 5.0
    assert best_subsets(first, second, np.arange(4)).astype(int).tolist() == [
        [0, 0, 0],
        [1, 0, 0],
        [0, 1, 1],
        [1, 1, 1],
    ]


def test_ties_go_to_the_smaller_index_though_sums_are_rounded():
    assert 0.1 + 0.2 > 0.3
    second = np.zeros((3, 3))
    second[0, 2] = second[2, 0] = 0.2
    assert best_subsets(np.array([1.0, 0.3, 0.1]), second, np.array([2])).tolist() == [[True, True, False]]
    assert best_subsets(np.array([0.3, 0.1 + 0.2]), None, np.array([1])).tolist() == [[True, False]]
    rng = np.random.default_rng(0)
    tenths = np.triu(rng.integers(-3, 4, (30, 30)), 1)
    first, second = rng.integers(-3, 4, 30), tenths + tenths.T
    sizes = np.arange(31)
    assert (best_subsets(first / 10, second / 10, sizes) == best_subsets(first * 1.0, second * 1.0, sizes)).all()
    assert best_subsets(np.zeros(3), np.zeros((3, 3)), np.array([2])).tolist() == [[True, True, False]]


def test_without_pairs_players_are_ranked():
    assert best_subsets(np.array([1.0, 3.0, 2.0]), None, np.arange(4)).astype(int).tolist() == [
        [0, 0, 0],
        [0, 1, 0],
        [0, 1, 1],
        [1, 1, 1],
    ]


def test_256_patches_and_20_words_take_no_time():
    rng, sizes = np.random.default_rng(0), subset_sizes(276)
    first, second = rng.normal(size=276), symmetric(rng, 276)
    start = time.perf_counter()
    assert best_subsets(first, second, sizes).sum(1).tolist() == sizes.tolist()
    assert time.perf_counter() - start < 2


def test_curves_of_an_additive_game():
    game = additive(np.array([3.0, 0.0]), np.array([1.0, 0.0]), bias=7.0)
    found = insertion_deletion(of_game(game, image=[3.0, 0.0], text=[1.0, 0.0]), game, points=5)
    assert_close(found.fractions, [0, 0.25, 0.5, 0.75, 1], 1e-12)
    assert_close(found.insertion, [0, 0.75, 1, 1, 1], 1e-12)
    assert_close(found.deletion, [0, 0, 0, 0.25, 1], 1e-12)
    assert_close(found.aid, 0.8125 - 0.1875, 1e-12)
    fine = insertion_deletion(of_game(game, image=[3.0, 0.0], text=[1.0, 0.0]), game)
    assert fine.insertion.shape == (51,)
    assert_close(fine.aid, found.aid, 1e-3)


def truth(n_image=4, n_text=3, seed=0):
    """A bilinear game, and its explanation: the interactions that are known in closed form."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(n_image, 3)), rng.normal(size=(n_text, 3))
    return bilinear(a, b), a @ b.T


def test_the_truth_beats_random_explanations_and_its_negative_is_its_negative():
    game, cross = truth()
    best = insertion_deletion(of_game(game, cross=cross), game).aid
    inverted = insertion_deletion(of_game(game, cross=-cross), game).aid
    rng = np.random.default_rng(1)
    others = [insertion_deletion(of_game(game, cross=rng.normal(size=(4, 3))), game).aid for _ in range(50)]
    assert best > max(others)
    assert inverted == pytest.approx(-best, abs=1e-12)
    assert abs(np.mean(others)) < 0.2 * best
    assert insertion_deletion(of_game(game, cross=0 * cross), game).aid == 0.0


def test_every_curve_is_the_game_on_the_best_subsets():
    game = random_towers(3, 3, seed=5)
    found = fixlip.get_estimator("banzhaf").explain(game, progress=False)
    result = insertion_deletion(found, game, points=7)
    empty, full = game.values(np.repeat([[False], [True]], 6, axis=1))
    for curve, sign in ((result.insertion, 1), (result.deletion, -1)):
        masks = grown(sign * found.first_order, sign * np.nan_to_num(found.second_order))
        assert_close(curve, (game.values(masks) - empty) / abs(full - empty), 1e-9)
    ranks = np.argsort(-found.as_first_order(), kind="stable")
    masks = np.array([np.isin(np.arange(6), ranks[:k]) for k in range(7)])
    result = insertion_deletion(found, game, order=1, points=7)
    assert_close(result.insertion, (game.values(masks) - empty) / abs(full - empty), 1e-9)


def test_order_follows_the_explanation():
    game, cross = truth()
    with_pairs, without = of_game(game, cross=cross), of_game(game, image=cross.sum(1) / 2, text=cross.sum(0) / 2)
    assert_close(
        insertion_deletion(without, game).insertion, insertion_deletion(with_pairs, game, order=1).insertion, 0
    )
    assert insertion_deletion(with_pairs, game).aid > insertion_deletion(without, game).aid


def test_where_the_full_input_is_less_similar_the_truth_still_has_a_positive_area():
    game, cross = truth(seed=1)
    assert game.values(np.ones((1, 7), dtype=bool))[0] == pytest.approx(cross.sum())
    worse = bilinear(np.eye(4), -cross.T if cross.sum() > 0 else cross.T)
    pairs = -cross if cross.sum() > 0 else cross
    found = insertion_deletion(of_game(worse, cross=pairs), worse)
    assert found.aid > 0
    assert (found.insertion[-1], found.deletion[-1]) == pytest.approx((-1, -1))


def test_nothing_is_said_where_the_ends_are_alike():
    game = additive(np.array([1.0, -1.0]), np.array([0.001, 0.0]))
    found = insertion_deletion(of_game(game, image=[1.0, -1.0]), game)
    assert np.isnan(found.insertion).all()
    assert np.isnan(found.deletion).all()
    assert np.isnan(found.aid)


def test_values_are_asked_for_once():
    calls = []

    def image(masks):
        calls.append(len(masks))
        return masks[:, :1] * 1.0

    game = CallableGame(image, lambda t: np.ones((len(t), 1)), 100, 2)
    found = insertion_deletion(of_game(game, cross=np.ones((100, 2))), game)
    assert calls == [2 * 51]
    assert found.insertion[-1] == 1.0
