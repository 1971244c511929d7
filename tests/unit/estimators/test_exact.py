"""`exact` against the definitions: sums of discrete derivatives over all coalitions, and dense fits."""

import warnings
from itertools import chain, combinations
from math import comb, factorial

import numpy as np
import pytest

import fixlip
from fixlip.errors import BudgetError, FixlipError
from fixlip.estimators.exact import WEIGHTS, Exact
from fixlip.games import CallableGame, JointGame
from fixlip.games.closed_form import bilinear, random_towers
from tests.helpers.oracles import all_masks, assert_close, banzhaf_fit, pairs_of

COALITION_WEIGHTS = {  # of a coalition of t of n players, for the derivative by a players
    "SII": lambda n, t, a: factorial(n - t - a) * factorial(t) / factorial(n - a + 1),
    "BII": lambda n, t, a: 0.5 ** (n - a),
    "CHII": lambda n, t, a: a * factorial(n - t - a) * factorial(t + a - 1) / factorial(n),
    "STII": lambda n, t, a: 2 / n / comb(n - 1, t) if a == 2 else float(t == 0),
}
COALITION_WEIGHTS |= {"SV": COALITION_WEIGHTS["SII"], "BV": COALITION_WEIGHTS["BII"], "k-SII": COALITION_WEIGHTS["SII"]}


def interaction(game, players, weight):
    """The sum over coalitions T without the players of weight(|T|) times the discrete derivative at T."""
    n, total = game.n_image + game.n_text, 0.0
    others = [i for i in range(n) if i not in players]
    for coalition in chain.from_iterable(combinations(others, t) for t in range(len(others) + 1)):
        for some in chain.from_iterable(combinations(players, s) for s in range(len(players) + 1)):
            mask = np.isin(np.arange(n), [*coalition, *some])
            sign = (-1) ** (len(players) - len(some))
            total += sign * weight(n, len(coalition), len(players)) * game.values(mask[None])[0]
    return total


def faithful_shapley(game):
    """The second-order fit under the Shapley kernel with both ends kept, as one dense system with multipliers."""
    n = game.n_image + game.n_text
    masks = all_masks(n)
    pairs = pairs_of(game.n_image, game.n_text, "all")
    columns = [
        np.ones(len(masks)),
        *masks.T.astype(float),
        *((masks[:, i] & masks[:, j]).astype(float) for i, j in pairs),
    ]
    x, v, size = np.stack(columns, axis=1), game.values(masks), masks.sum(1)
    ends = (size == 0) | (size == n)
    weights = np.array([0.0 if t in (0, n) else 1 / (comb(n, t) * t * (n - t)) for t in size])
    gram, rhs = (x.T * weights) @ x, x.T @ (weights * v)
    system = np.block([[gram, x[ends].T], [x[ends], np.zeros((2, 2))]])
    return np.linalg.solve(system, np.concatenate([rhs, v[ends]]))[: x.shape[1]], pairs


@pytest.fixture(scope="module")
def game():
    return random_towers(3, 3, seed=7)


@pytest.mark.parametrize("index", COALITION_WEIGHTS)
def test_indices_by_their_definition(game, index):
    found, weight = Exact(index=index).explain(game, progress=False), COALITION_WEIGHTS[index]
    first = np.array([interaction(game, [i], weight) for i in range(6)])
    if index in ("SV", "BV"):
        assert np.isnan(found.second_order[0, 1])
    else:
        second = np.zeros((6, 6))
        for i, j in combinations(range(6), 2):
            second[i, j] = second[j, i] = interaction(game, [i, j], weight)
        assert_close(found.second_order, second, 1e-10)
        if index == "k-SII":
            first -= second.sum(1) / 2
    assert_close(found.first_order, first, 1e-10)
    assert_close(found.baseline, found.empty_value, 1e-12)
    if index in ("SV", "k-SII", "STII"):
        assert_close(found.predict(np.ones((1, 6), dtype=bool))[0], found.full_value, 1e-10)


def test_faithful_shapley_is_the_fit(game):
    found = Exact(index="FSII").explain(game, progress=False)
    solution, pairs = faithful_shapley(game)
    assert_close(found.baseline, solution[0], 1e-9)
    assert_close(found.first_order, solution[1:7], 1e-9)
    assert_close([found.second_order[i, j] for i, j in pairs], solution[7:], 1e-9)


@pytest.mark.parametrize("p", [0.3, 0.5, 0.7])
@pytest.mark.parametrize("index", ["FWBII", "WBV"])
def test_weighted_banzhaf_is_the_fit(game, index, p):
    found = Exact(index=index, p=p).explain(game, progress=False)
    baseline, first, second, r2 = banzhaf_fit(game, p, pairs_of(3, 3, "all" if index == "FWBII" else None))
    assert_close(found.baseline, baseline, 1e-10)
    assert_close(found.first_order, first, 1e-10)
    assert_close(found.second_order, second, 1e-10)
    assert_close(found.provenance.r2, r2, 1e-10)
    assert found.index == f"{index}(p={p:g})"


@pytest.mark.parametrize("index", [i for i in WEIGHTS if i != "CHII"])
def test_shapiq_agrees(index):
    import shapiq

    game = random_towers(4, 3, seed=11)
    other = shapiq.ExactComputer(lambda masks: game.values(np.asarray(masks, dtype=bool)), n_players=7)
    order = 1 if index in ("SV", "BV") else 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        values = other(index=index, order=order)
    found = Exact(index=index).explain(game, progress=False)
    assert_close(found.first_order, values.get_n_order_values(1), 1e-6)
    if order == 2:
        assert_close(found.second_order, values.get_n_order_values(2), 1e-6)


@pytest.mark.parametrize(("index", "pair"), [("SII", 1 / 3), ("BII", 1 / 4), ("STII", 1 / 6), ("CHII", 1 / 2)])
def test_unanimity_of_four(index, pair):
    game = JointGame(lambda m: m[:, [0, 1, 3, 4]].all(1).astype(float), 3, 3)
    found = Exact(index=index).explain(game, progress=False)
    assert_close(found.second_order[0, 3], pair, 1e-12)
    assert_close(found.second_order[0, 2], 0.0, 1e-12)


@pytest.mark.parametrize("index", ["FWBII", "BII", "SII", "k-SII", "STII", "FSII", "CHII"])
def test_pairs_of_a_bilinear_game(index):
    a, b = np.random.default_rng(0).normal(size=(2, 3, 4))
    assert_close(Exact(index=index).explain(bilinear(a, b), progress=False).cross, a @ b.T, 1e-10)


def test_a_game_of_joint_values_gets_the_same_numbers(game):
    joint = JointGame(game.values, 3, 3)
    towers, whole = Exact().explain(game, progress=False), Exact().explain(joint, progress=False)
    assert_close(whole.second_order, towers.second_order, 1e-10)
    assert_close(whole.first_order, towers.first_order, 1e-10)
    assert (towers.provenance.image_passes, towers.provenance.text_passes) == (2**3 + 2, 2**3 + 2)
    assert (whole.provenance.image_passes, whole.provenance.text_passes) == (2**6 + 2, 2**6 + 2)


def test_twenty_players_take_no_time():
    found = Exact(index="k-SII").explain(random_towers(12, 8), progress=False)
    assert found.provenance.seconds < 20
    assert_close(found.predict(np.ones((1, 20), dtype=bool))[0], found.full_value, 1e-7)


@pytest.mark.parametrize(
    ("options", "call", "players", "message"),
    [
        ({}, {}, (49, 8), r"2\^57 .* up to 20 players"),
        ({}, {"budget": 100}, (4, 4), "budget=256"),
        ({}, {"image_masks": 15}, (4, 4), "image_masks=16"),
        ({"p": 1.0}, {}, (4, 4), "between 0 and 1"),
        ({"p": 0.7, "index": "SII"}, {}, (4, 4), "belongs to FWBII"),
        ({"index": "Owen"}, {}, (4, 4), "Unknown value of index"),
        ({"fit": 3}, {}, (4, 4), "Unknown option"),
        ({"order": 3, "index": "FSII"}, {}, (4, 4), "order 3 is for FWBII"),
    ],
)
def test_errors_are_one_line(options, call, players, message):
    ones = [np.ones((n, 2)) for n in players]
    game = CallableGame(lambda s: s @ ones[0], lambda t: t @ ones[1], *players)
    with pytest.raises(FixlipError, match=message) as caught:
        fixlip.get_estimator("exact", **options).explain(game, progress=False, **call)
    assert "\n" not in str(caught.value)
    if call or players[0] > 20:
        assert caught.type is BudgetError
