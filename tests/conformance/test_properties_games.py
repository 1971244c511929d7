"""Properties over random games: estimators that enumerate equal the definitions, and keep the axioms they declare."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fixlip
from fixlip.errors import BudgetError
from fixlip.estimators.banzhaf import Banzhaf
from fixlip.estimators.exact import Exact
from fixlip.estimators.shapley import Shapley
from fixlip.games.base import CallableGame
from fixlip.games.closed_form import random_towers
from tests.helpers.oracles import (
    all_masks,
    assert_close,
    banzhaf_fit,
    faithful_shapley,
    pairs_of,
    shapley_interactions,
    shapley_values,
)

P = st.sampled_from([0.2, 0.5, 0.7])
NUMBERS = st.floats(-100, 100)


@dataclass(frozen=True)
class Drawn:
    """A game of two random towers; `nulls` do nothing, each pair of `twins` does the same."""

    game: CallableGame
    nulls: tuple[int, ...]
    twins: tuple[tuple[int, int], ...]

    @property
    def tolerance(self):
        return 1e-9 * (1 + abs(self.game.scale) + abs(self.game.bias))


def side(n, null, twin):
    """Players of one tower: `n` of their own, one that does nothing, one that needs the first to be there too."""
    return n + null + twin, lambda masks: np.concatenate(
        [masks[:, :1] & masks[:, -1:] if twin else masks[:, :1], masks[:, 1:n]], axis=1
    )


@st.composite
def drawn_games(draw, most=3):
    n_image, n_text = draw(st.integers(1, most)), draw(st.integers(1, most))
    null, twin = draw(st.tuples(st.booleans(), st.booleans())), draw(st.tuples(st.booleans(), st.booleans()))
    inner = random_towers(
        n_image, n_text, dim=draw(st.integers(1, 5)), seed=draw(st.integers(0, 2**32)), scale=draw(NUMBERS),
        bias=draw(NUMBERS),
    )  # fmt: skip
    n, image = side(n_image, null[0], twin[0])
    k, text = side(n_text, null[1], twin[1])
    game = CallableGame(
        lambda s: inner.image_fn(image(s)), lambda t: inner.text_fn(text(t)), n, k, inner.scale, inner.bias
    )
    nulls = [n_image] * null[0] + [n + n_text] * null[1]
    twins = [(0, n - 1)] * twin[0] + [(n, n + k - 1)] * twin[1]
    return Drawn(game, tuple(nulls), tuple(twins))


def counted(game):
    return game.n_image + game.n_text


@given(drawn_games(), P)
def test_banzhaf_is_the_fit_on_all_masks(drawn, p):
    game, pairs = drawn.game, pairs_of(drawn.game.n_image, drawn.game.n_text, "all")
    with np.errstate(invalid="ignore", divide="ignore"):  # R2 of a constant game
        baseline, first, second, _ = banzhaf_fit(game, p, pairs)
    every = 2 ** counted(game)
    for estimator in (Exact(p=p), Banzhaf(p=p, interactions="all")):
        found = estimator.explain(game, progress=False, **({} if isinstance(estimator, Exact) else {"budget": every}))
        assert_close(found.baseline, baseline, drawn.tolerance)
        assert_close(found.first_order, first, drawn.tolerance)
        assert_close(found.second_order, second, drawn.tolerance)
        assert found.provenance.r2 <= 1 + 1e-9 or np.isnan(found.provenance.r2)


@given(drawn_games())
def test_shapley_is_its_definition(drawn):
    game = drawn.game
    values, pairs = shapley_values(game), shapley_interactions(game)
    assert_close(Exact(index="SV").explain(game, progress=False).first_order, values, drawn.tolerance)
    assert_close(Exact(index="SII").explain(game, progress=False).second_order, pairs, drawn.tolerance)
    if counted(game) > 2:  # of two players both ends and both effects are all there is
        _, first, second = faithful_shapley(game)
        found = Exact(index="FSII").explain(game, progress=False)
        assert_close(found.first_order, first, 100 * drawn.tolerance)
        assert_close(found.second_order, second, 100 * drawn.tolerance)
        try:
            sampled = Shapley().explain(game, budget=2 ** counted(game), progress=False)
        except BudgetError:
            return
        assert_close(sampled.cross, found.cross, 1e4 * drawn.tolerance)


@given(drawn_games())
def test_predictions(drawn):
    game, masks = drawn.game, all_masks(counted(drawn.game))
    values = game.values(masks)
    for index in ("SV", "k-SII", "STII", "FSII"):  # efficient
        found = Exact(index=index).explain(game, progress=False)
        ends = found.predict(masks[[0, -1]])
        if not np.isnan(found.second_order[0, -1]) or index == "SV":
            assert_close(ends, values[[0, -1]], 10 * drawn.tolerance)
    found = Exact().explain(game, progress=False)
    error = values - found.predict(masks)
    for column in (np.ones(len(masks)), *masks.T, *(masks[:, i] & masks[:, -1] for i in range(masks.shape[1]))):
        assert abs(column.astype(float) @ error) <= len(masks) * drawn.tolerance
    assert_close(found.full_value, values[-1], drawn.tolerance)
    assert_close(found.empty_value, values[0], drawn.tolerance)
    assert_close(found.value_of(list(range(counted(game)))), found.predict(masks[-1:])[0], 0)


SLOW = "shapiq:SVARMIQ"  # a loop in Python over all pairs for each mask
DECLARED = [n for n in fixlip.list_estimators() if fixlip.estimator_class(n).capabilities.axioms and n != SLOW]


def effects(found):
    return found.first_order, np.nan_to_num(found.second_order)


@pytest.mark.parametrize("name", DECLARED)
@settings(max_examples=15)
@given(drawn=drawn_games(most=2), factor=st.floats(-5, 5), shift=NUMBERS)
def test_declared_axioms(name, drawn, factor, shift):
    axioms = fixlip.estimator_class(name).capabilities.axioms
    game, tolerance = drawn.game, 1e3 * drawn.tolerance * (1 + abs(factor))
    other = CallableGame(
        game.image_fn, game.text_fn, game.n_image, game.n_text, factor * game.scale, factor * game.bias + shift
    )
    try:
        found = fixlip.get_estimator(name).explain(game, budget=2**9, progress=False)
        scaled = fixlip.get_estimator(name).explain(other, budget=2**9, progress=False)
    except BudgetError:
        return
    first, second = effects(found)
    if "null player" in axioms:
        for player in drawn.nulls:
            assert_close(first[player], 0.0, tolerance)
            assert_close(second[player], np.zeros(len(first)), tolerance)
    if "symmetry" in axioms:
        for one, two in drawn.twins:
            rest = [k for k in range(len(first)) if k not in (one, two)]
            assert_close(first[one], first[two], tolerance)
            assert_close(second[one, rest], second[two, rest], tolerance)
    if "linearity" in axioms:
        assert_close(scaled.first_order, factor * first, tolerance)
        assert_close(np.nan_to_num(scaled.second_order), factor * second, tolerance)


@given(drawn_games())
@settings(max_examples=20)
def test_what_is_drawn_is_what_is_said(drawn):
    """Null players do nothing, twins the same, in the game itself; and both are drawn."""
    masks = all_masks(counted(drawn.game))
    values = drawn.game.values(masks)
    for player in drawn.nulls:
        turned = masks.copy()
        turned[:, player] ^= True
        assert_close(drawn.game.values(turned), values, drawn.tolerance)
    for one, two in drawn.twins:
        swapped = masks.copy()
        swapped[:, [one, two]] = masks[:, [two, one]]
        assert_close(drawn.game.values(swapped), values, drawn.tolerance)


def test_a_wrong_estimator_is_caught():
    """With the sign of one effect turned, the comparison with the definition fails."""
    game = random_towers(2, 2, seed=1)
    found = Exact(index="SV").explain(game, progress=False)
    found.first_order[1] *= -1
    with pytest.raises(AssertionError):
        assert_close(found.first_order, shapley_values(game), 1e-6)
