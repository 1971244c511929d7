"""Faithfulness and similarity of explanations against the definitions of the correlations."""

from itertools import combinations

import numpy as np
import pytest

import fixlip
from fixlip import InputError, OptionError, Players
from fixlip.games.closed_form import bilinear, random_towers
from fixlip.metrics import draw_masks, faithfulness, similarity
from tests.helpers.explanations import explained, of_game
from tests.helpers.oracles import assert_close


def ranks(values):
    """Mean rank of equal values, by counting."""
    return np.array([np.sum(values < v) + (np.sum(values == v) + 1) / 2 for v in values])


def pearson(a, b):
    a, b = a - np.mean(a), b - np.mean(b)
    return np.sum(a * b) / np.sqrt(np.sum(a * a) * np.sum(b * b))


def kendall(a, b):
    """tau-b: pairs in the same order minus those in the other, over those without ties."""
    signs = [(np.sign(a[i] - a[j]), np.sign(b[i] - b[j])) for i, j in combinations(range(len(a)), 2)]
    x, y = np.array(signs).T
    return np.sum(x * y) / np.sqrt(np.sum(x != 0) * np.sum(y != 0))


def test_correlations_are_their_definitions():
    game = random_towers(4, 3, seed=2)
    found = fixlip.get_estimator("banzhaf", order=1).explain(game, progress=False)
    masks = draw_masks(7, 0.5, m=60)  # 128 masks: some come twice, and tie
    values, predicted = game.values(masks), found.predict(masks)
    result = faithfulness(found, masks, values)
    assert_close(result.spearman, pearson(ranks(values), ranks(predicted)), 1e-12)
    assert_close(result.pearson, pearson(values, predicted), 1e-12)
    assert_close(result.kendall, kendall(values, predicted), 1e-12)
    assert_close(result.mse, np.mean((values - predicted) ** 2), 1e-12)
    assert_close(result.r2, 1 - np.sum((values - predicted) ** 2) / np.sum((values - values.mean()) ** 2), 1e-12)


def test_perfect_inverted_and_random_explanations():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(6, 3)), rng.normal(size=(4, 3))
    game, cross = bilinear(a, b), a @ b.T
    masks = draw_masks(10, 0.5)
    values = game.values(masks)
    right = faithfulness(of_game(game, cross=cross), masks, values)
    assert_close([right.spearman, right.pearson, right.kendall, right.r2, right.mse], [1, 1, 1, 1, 0], 1e-3)
    wrong = faithfulness(of_game(game, cross=-cross), masks, values)
    assert_close([wrong.spearman, wrong.pearson, wrong.kendall], [-1, -1, -1], 1e-3)
    assert wrong.r2 < -1
    made = [of_game(game, cross=rng.normal(size=(6, 4))) for _ in range(100)]
    assert abs(np.mean([faithfulness(e, masks, values).spearman for e in made])) < 0.15


def test_a_scale_and_a_shift_leave_correlations_but_not_the_fit():
    game = bilinear(np.eye(3), np.ones((2, 3)))
    masks = draw_masks(5, 0.5)
    shifted = of_game(game, cross=np.ones((3, 2)) * 2, baseline=5.0)
    found = faithfulness(shifted, masks, game.values(masks))
    assert_close([found.spearman, found.pearson], [1, 1], 1e-12)
    assert found.r2 < 0
    assert_close(found.mse, np.mean((5 + game.values(masks)) ** 2), 1e-12)


def test_relevance_has_ranks_but_no_fit():
    game = bilinear(np.eye(3), np.ones((2, 3)))
    masks = draw_masks(5, 0.5)
    found = faithfulness(of_game(game, cross=np.ones((3, 2)), unit="relevance"), masks, game.values(masks))
    assert_close([found.spearman, found.r2, found.mse], [1.0, np.nan, np.nan], 1e-12)


def test_constant_sides_have_no_correlation():
    game = bilinear(np.eye(3), np.ones((2, 3)))
    masks = draw_masks(5, 0.5)
    flat = faithfulness(of_game(game, cross=np.zeros((3, 2)), baseline=0.1), masks, game.values(masks))
    assert np.isnan([flat.spearman, flat.pearson, flat.kendall]).all()
    assert flat.r2 <= 0
    still = faithfulness(of_game(game, cross=np.ones((3, 2))), masks, np.full(1000, 0.1))
    assert np.isnan([still.spearman, still.pearson, still.kendall, still.r2]).all()


@pytest.mark.parametrize("p", [0.3, 0.5, 0.7])
def test_masks_hold_each_player_with_probability_p(p):
    masks = draw_masks(20, p, m=4000, seed=1)
    assert masks.dtype == bool
    assert np.abs(masks.mean(0) - p).max() < 0.03
    assert abs(np.corrcoef(masks.T)[0, 1]) < 0.06
    assert (masks == draw_masks(20, p, m=4000, seed=1)).all()
    assert (masks != draw_masks(20, p, m=4000, seed=2)).any()


def test_arguments_are_checked():
    for p, m in ((0.0, 10), (1.0, 10), (0.5, 0)):
        with pytest.raises(OptionError, match="between 0 and 1"):
            draw_masks(5, p, m)
    with pytest.raises(InputError, match="10 masks"):
        faithfulness(explained(PLAYERS, cross=np.ones((9, 3))), np.ones((10, 12), dtype=bool), np.ones(9))


PLAYERS = Players.of(grid=(3, 3), words=["a", "b", "c"])


def test_similarity_of_an_explanation_with_itself_its_negative_and_another():
    rng = np.random.default_rng(0)
    cross = rng.normal(size=(9, 3))
    one = explained(PLAYERS, cross=cross, image=rng.normal(size=9))
    assert tuple(vars(similarity(one, explained(PLAYERS, cross=3 * cross))).values()) == pytest.approx((1, 1, 1))
    assert tuple(vars(similarity(one, explained(PLAYERS, cross=-cross))).values()) == pytest.approx((-1, -1, 1))
    others = [similarity(one, explained(PLAYERS, cross=rng.normal(size=(9, 3)))) for _ in range(200)]
    assert abs(np.mean([s.pearson for s in others])) < 0.05
    assert abs(np.mean([s.spearman for s in others])) < 0.05
    assert abs(np.mean([s.top for s in others]) - 10 / 27) < 0.05


def test_similarity_is_its_definition():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(2, 9, 3))
    found = similarity(explained(PLAYERS, cross=a), explained(PLAYERS, cross=a + b), k=5)
    assert_close(found.pearson, pearson(a.ravel(), (a + b).ravel()), 1e-12)
    assert_close(found.spearman, pearson(ranks(a.ravel()), ranks((a + b).ravel())), 1e-12)
    top = [set(np.argsort(-np.abs(v.ravel()))[:5]) for v in (a, a + b)]
    assert 0 < len(top[0] & top[1]) < 5
    assert found.top == len(top[0] & top[1]) / 5


def test_similarity_without_pairs_and_with_pairs_left_out():
    first = similarity(explained(PLAYERS, image=np.arange(9.0)), explained(PLAYERS, image=-np.arange(9.0)), k=50)
    assert_close([first.pearson, first.top], [-1.0, 1.0], 1e-12)
    cross = np.random.default_rng(0).normal(size=(9, 3))
    holes = cross.copy()
    holes[0, :2] = np.nan
    assert_close(similarity(explained(PLAYERS, cross=cross), explained(PLAYERS, cross=holes)).pearson, 1.0, 1e-12)
    flat = similarity(explained(PLAYERS, cross=cross), explained(PLAYERS, cross=0 * cross))
    assert np.isnan([flat.pearson, flat.spearman]).all()


def test_only_explanations_of_the_same_players_and_order_are_compared():
    one = explained(PLAYERS, cross=np.ones((9, 3)))
    with pytest.raises(InputError, match="9 \\+ 3 players with pairs and 9 \\+ 3 players without pairs"):
        similarity(one, explained(PLAYERS, image=np.ones(9)))
    with pytest.raises(InputError, match="4 \\+ 8 players"):
        similarity(one, explained(Players.of(grid=(2, 2), n_text=8), cross=np.ones((4, 8))))
