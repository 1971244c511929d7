"""Interactions of three players against dense fits and derivatives over all masks, and planted faults."""

from dataclasses import replace
from itertools import combinations
from math import comb

import numpy as np
import pytest

import fixlip
from fixlip import Contrast, Explanation, OptionError, Players
from fixlip.fitting import surrogate
from fixlip.games.base import CallableGame
from fixlip.games.closed_form import random_towers
from fixlip.results.third_order import ThirdOrder
from tests.helpers.oracles import all_masks, assert_close, pairs_of, product_fit, second_derivatives

SIZES = [(2, 2), (3, 3), (6, 4)]


def triples(n_image, n_text, within=True):
    """Joint indices of three players of both modalities; with two image players only `within`."""
    for players in combinations(range(n_image + n_text), 3):
        images = sum(i < n_image for i in players)
        if images == 1 or (within and images == 2):
            yield players


def by_players(third, n_image):
    """The interactions of each three players in one order of the two of a modality, then in the other."""
    n_text = third.text_pairs.shape[1]
    for i, k, m in triples(n_image, n_text, third.image_pairs is not None):
        if k >= n_image:
            one, other = third.text_pairs[i, k - n_image, m - n_image], third.text_pairs[i, m - n_image, k - n_image]
        else:
            one, other = third.image_pairs[i, k, m - n_image], third.image_pairs[k, i, m - n_image]
        yield (i, k, m), one, other


def check_best_fit(found, game, p, within=True):
    """All effects are those of the dense fit with all terms that are there."""
    n_image, n_text = game.n_image, game.n_text
    pairs = [(i, j) for i, j in pairs_of(n_image, n_text, "all") if within or j >= n_image]
    singles = [(i,) for i in range(n_image + n_text)]
    truth, r2 = product_fit(game, p, [(), *singles, *pairs, *triples(n_image, n_text, within)])
    assert_close(found.baseline, truth[()], 1e-8)
    assert_close(found.first_order, [truth[i] for i in singles], 1e-8)
    assert_close([found.second_order[i] for i in pairs], [truth[i] for i in pairs], 1e-8)
    for players, one, other in by_players(found.third_order, n_image):
        assert_close([one, other], [truth[players]] * 2, 1e-8)
    assert_close(found.provenance.r2, r2, 1e-8)
    masks = all_masks(n_image + n_text)
    meant = sum(value * masks[:, list(term)].all(1) for term, value in truth.items())
    assert_close(found.predict(masks), meant, 1e-8)
    assert_close(found.as_first_order().sum(), found.predict(masks[-1:])[0] - found.baseline, 1e-8)


@pytest.mark.parametrize("p", [0.3, 0.5, 0.7])
@pytest.mark.parametrize("players", SIZES)
def test_banzhaf_and_exact_are_the_best_fit(players, p):
    game, (n_image, n_text) = random_towers(*players, seed=3), players
    full = {"image_masks": 2**n_image, "text_masks": 2**n_text, "progress": False}
    for interactions in ("cross", "all"):
        found = fixlip.get_estimator("banzhaf", p=p, order=3, interactions=interactions).explain(game, **full)
        check_best_fit(found, game, p, within=interactions == "all")
    check_best_fit(fixlip.get_estimator("exact", p=p, order=3).explain(game, progress=False), game, p)


@pytest.mark.parametrize("players", SIZES)
def test_shapley_interactions_are_mean_derivatives(players):
    game, (n_image, n_text) = random_towers(*players, seed=3), players
    n, weighted = n_image + n_text, second_derivatives(game)
    choose = np.array([comb(n - 3, k) for k in range(n - 2)], dtype=float)
    full = {"image_masks": 2**n_image, "text_masks": 2**n_text, "progress": False}
    owen = fixlip.get_estimator("shapley-owen", order=3, interactions="all").explain(game, **full)
    exact = fixlip.get_estimator("exact", index="k-SII", order=3).explain(game, progress=False)
    for found in (owen, exact):
        for three, one, other in by_players(found.third_order, n_image):
            true = weighted(list(three), lambda s: 1 / ((n - 2) * choose[s]))
            assert_close([one, other], [true, true], 1e-8)
        assert_close(found.as_first_order().sum(), found.full_value - found.empty_value, 1e-8)
    assert_close(owen.second_order, exact.second_order, 1e-8)
    assert_close(owen.first_order, exact.first_order, 1e-8)


@pytest.mark.parametrize(
    ("fault", "third"),
    [
        ("sign", lambda t: t.map(np.negative)),
        ("factor s", lambda t: t.map(lambda values: values * 0.5)),
        ("one half", lambda t: ThirdOrder(np.triu(t.text_pairs), t.image_pairs)),
        ("other half", lambda t: ThirdOrder(t.text_pairs, np.triu(t.image_pairs.T).T)),
        ("words exchanged", lambda t: ThirdOrder(t.text_pairs[:, ::-1, ::-1], t.image_pairs)),
    ],
)
def test_planted_faults_are_caught(fault, third):
    game = random_towers(3, 3, seed=3)
    found = fixlip.get_estimator("exact", order=3).explain(game, progress=False)
    with pytest.raises(AssertionError):
        check_best_fit(replace(found, third_order=third(found.third_order)), game, 0.5)


def test_lower_orders_that_do_not_change_are_caught(monkeypatch):
    game = random_towers(3, 3, seed=3)
    whole = surrogate.best_fit
    monkeypatch.setattr(surrogate, "best_fit", lambda found, p: whole(found._replace(third_order=None), p))
    found = fixlip.get_estimator("banzhaf", order=3, interactions="all").explain(game, progress=False)
    second = fixlip.get_estimator("exact").explain(game, progress=False)
    assert_close(found.second_order, second.second_order, 1e-8)
    monkeypatch.undo()
    found = fixlip.get_estimator("banzhaf", order=3, interactions="all").explain(game, progress=False)
    assert np.abs(found.second_order - second.second_order).max() > 0.01


def test_a_sampled_picture_is_near_and_its_errors_say_how_near():
    """A tower of pairs, 16 players and 600 masks: the estimates are near, and 95 % intervals hold the truth."""
    rng, n = np.random.default_rng(0), 16
    i, j = np.triu_indices(n, 1)
    singles, pairs = rng.normal(size=(n, 4)), rng.normal(size=(len(i), 4)) * (rng.random((len(i), 1)) < 0.2)
    words = random_towers(2, 3, dim=2, seed=1).text_fn

    def image(masks):
        return masks @ singles + (masks[:, i] & masks[:, j]) @ pairs + 0.3 * np.sin(9 * masks @ singles)

    game = CallableGame(image, lambda t: np.repeat(words(t), 2, axis=1), n, 3)
    estimator = fixlip.get_estimator("banzhaf", order=3)
    truth = estimator.explain(game, image_masks=2**16, progress=False).third_order
    inside = []
    for seed in range(4):
        found = estimator.explain(game, image_masks=600, seed=seed, progress=False)
        parts = zip(found.third_order.arrays, truth.arrays, found.stderr.third_order.arrays, strict=True)
        for value, true, error in parts:
            some = true != 0
            assert np.corrcoef(value[some], true[some])[0, 1] > 0.95
            inside.append(np.mean(np.abs(value - true)[some] < 1.96 * error[some]))
    assert 0.9 < np.mean(inside) < 0.99


def test_it_takes_no_more_passes_and_half_of_nothing():
    game = random_towers(20, 4, seed=5)
    second, third = (
        fixlip.get_estimator("banzhaf", order=order).explain(game, image_masks=400, progress=False) for order in (2, 3)
    )
    assert third.provenance.image_passes == second.provenance.image_passes
    assert third.provenance.text_passes == second.provenance.text_passes
    assert third.provenance.r2 > second.provenance.r2
    large = fixlip.get_estimator("banzhaf", order=3).explain(random_towers(70, 3), image_masks=300, progress=False)
    assert large.third_order.image_pairs is None
    assert np.isfinite(large.second_order[70:, 70:]).all()
    assert np.isnan(large.second_order[0, 1])


def test_algebra_and_conversions_keep_it(tmp_path):
    one, other = random_towers(3, 3, seed=1), random_towers(3, 2, seed=1)
    estimator = fixlip.get_estimator("banzhaf", order=3, interactions="all")
    a, b = Players.of(n_image=3, words=["a", "red", "dog"]), Players.of(n_image=3, words=["a", "cat"])
    text = random_towers(3, 2, seed=2).text_fn
    first = estimator.explain(replace_players(one, a), progress=False)
    second = estimator.explain(replace_players(CallableGame(one.image_fn, text, 3, 2, 10.0, -1.0), b), progress=False)
    why = Contrast(first, second)
    masks = all_masks(6)
    both = why.aligned.predict(masks[:, :6])
    assert why.difference.third_order is not None
    whole = np.ones((1, len(why.difference.players)), dtype=bool)
    assert_close(why.difference.predict(whole), first.predict(masks[-1:]) - second.predict(masks[-1:, :5]), 1e-9)
    assert_close(both[-1], why.difference.predict(whole)[0], 1e-9)
    assert_close(sum(row.difference for row in why.rows()), first.full_value - second.full_value, 1e-9)
    assert len(other.players) == 5

    cosine = first.in_cosine()
    assert_close(cosine.third_order.text_pairs * 10, first.third_order.text_pairs, 1e-12)
    assert_close(sum(first.share().values()), 1.0, 1e-12)
    first.save(tmp_path / "x")
    assert Explanation.load(tmp_path / "x") == first
    back = Explanation.from_shapiq(first.to_shapiq(), a)
    assert back.third_order == first.third_order
    assert_close(back.predict(masks), first.predict(masks), 1e-9)
    order_2 = fixlip.get_estimator("banzhaf", interactions="all").explain(replace_players(one, a), progress=False)
    with pytest.raises(fixlip.InputError, match="order 3 is not 2"):
        Contrast(first, order_2)


def replace_players(game, players):
    return CallableGame(game.image_fn, game.text_fn, game.n_image, game.n_text, game.scale, game.bias, players=players)


def test_joint_masks_have_no_third_order():
    with pytest.raises(OptionError, match="up to order 2"):
        fixlip.get_estimator("banzhaf", order=3, sampling="joint")
