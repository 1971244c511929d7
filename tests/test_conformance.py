"""One suite over the registry: what every estimator keeps, and that wrong estimators are caught by it."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

import fixlip
from fixlip.errors import FixlipError
from fixlip.estimator import AXIOMS
from fixlip.estimators.banzhaf import Banzhaf
from fixlip.games.base import CallableGame
from fixlip.games.closed_form import random_towers
from tests.axioms import CHECKS
from tests.oracles import assert_close

ESTIMATORS = [  # what needs gradients cannot run on these games; see tests/test_attention_baselines.py
    n for n in fixlip.list_estimators() if not fixlip.estimator_class(n).capabilities.gradients
]
DECLARED = [(n, a) for n in ESTIMATORS for a in fixlip.estimator_class(n).capabilities.axioms]


def counted(game):
    """The game, and the masks that its towers were asked for."""
    seen = {"image": [], "text": []}

    def count(side, function):
        def embed(masks):
            seen[side].extend(m.tobytes() for m in masks)
            return function(masks)

        return embed

    wrapped = CallableGame(
        count("image", game.image_fn), count("text", game.text_fn), game.n_image, game.n_text, game.scale, game.bias
    )
    return wrapped, seen


def test_there_is_a_check_for_each_axiom():
    assert set(AXIOMS) == set(CHECKS)
    assert "banzhaf" in ESTIMATORS


@pytest.mark.parametrize(("name", "axiom"), DECLARED)
def test_declared_axioms_hold(name, axiom):
    CHECKS[axiom](fixlip.get_estimator(name))


@pytest.mark.parametrize("name", ESTIMATORS)
def test_budget_is_kept_and_reported(name):
    game, seen = counted(random_towers(9, 4))
    found = fixlip.get_estimator(name).explain(game, budget=2**11, seed=3, progress=False)
    ends = 2  # the empty and the full input, which every result reports
    assert (len(seen["image"]) - ends) * (len(seen["text"]) - ends) <= 2**11
    assert (found.provenance.image_passes, found.provenance.text_passes) == (len(seen["image"]), len(seen["text"]))
    assert found.provenance.estimator == name
    assert found.provenance.seed == 3


@pytest.mark.parametrize("name", ESTIMATORS)
def test_seed_alone_fixes_the_result(name):
    estimator, game = fixlip.get_estimator(name), random_towers(10, 4)
    np.random.seed(0)
    before = np.random.get_state()[1].copy()
    one = estimator.explain(game, image_masks=300, seed=1, progress=False)
    game.batch_size = 37
    seen = []
    two = estimator.explain(game, image_masks=300, seed=1, progress=lambda done, total: seen.append((done, total)))
    other = estimator.explain(game, image_masks=300, seed=2, progress=False)
    assert_close(two.second_order, one.second_order, 1e-9)
    assert_close(two.first_order, one.first_order, 1e-9)
    assert not np.array_equal(other.first_order, one.first_order)
    assert seen[-1][0] == seen[-1][1] > 0
    assert np.array_equal(np.random.get_state()[1], before)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_error_shrinks_with_the_budget(name):
    estimator, game = fixlip.get_estimator(name), random_towers(10, 4)
    exact = estimator.explain(game, budget=2**14, progress=False).first_order

    def error(masks):
        runs = [estimator.explain(game, image_masks=masks, seed=s, progress=False).first_order for s in range(8)]
        return np.mean([np.linalg.norm(run - exact) for run in runs])

    assert error(800) < 0.75 * error(200)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_surrogate_fits_what_it_claims(name):
    game = random_towers(6, 4)
    found = fixlip.get_estimator(name).explain(game, budget=2**10, progress=False)
    masks = np.random.default_rng(0).random((400, 10)) < 0.5
    assert np.corrcoef(found.predict(masks), game.values(masks))[0, 1] > 0.8
    assert_close(found.full_value, game.values(np.ones((1, 10), dtype=bool))[0], 1e-9)
    assert_close(found.empty_value, game.values(np.zeros((1, 10), dtype=bool))[0], 1e-9)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_an_exception_of_the_game_passes_through(name):
    def broken(_):
        raise ZeroDivisionError("the tower fell")

    game = CallableGame(lambda s: s @ np.ones((3, 2)), broken, 3, 2)
    with pytest.raises(ZeroDivisionError, match="the tower fell"):
        fixlip.get_estimator(name).explain(game, progress=False)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_not_a_number_is_refused(name):
    game = CallableGame(lambda s: np.full((len(s), 2), np.nan), lambda t: t @ np.ones((2, 2)), 3, 2)
    with pytest.raises(FixlipError, match="NaN"):
        fixlip.get_estimator(name).explain(game, progress=False)


@dataclass(frozen=True)
class Wrong(Banzhaf):
    """Banzhaf with a fault planted."""

    fault: str = ""

    def explain(self, game, **call):
        if self.fault == "complemented masks":
            image, text = game.image_fn, game.text_fn
            game = CallableGame(
                lambda s: image(~s), lambda t: text(~t), game.n_image, game.n_text, game.scale, game.bias
            )
        found = super().explain(game, **call)
        first, second = found.first_order.copy(), found.second_order.copy()
        if self.fault == "sign":
            first, second = -first, -second
        elif self.fault == "dropped player":
            first[0] = 0.0
            second[0] = second[:, 0] = 0.0
        elif self.fault == "wrong weight":
            second = second * self.p
        elif self.fault == "main effects keep their interactions":
            first = first + self.p * np.nan_to_num(second).sum(1)
        elif self.fault == "shifted players":
            first, second = np.roll(first, 1), np.roll(second, (1, 1), axis=(0, 1))
        elif self.fault == "bias counted twice":
            return replace(found, baseline=found.baseline + game.bias)
        return replace(found, first_order=first, second_order=second)


FAULTS = {
    "sign": {"additive", "cross pairs of a bilinear game"},
    "dropped player": {"additive", "symmetry", "cross pairs of a bilinear game"},
    "wrong weight": {"cross pairs of a bilinear game"},
    "shifted players": {"additive", "null player", "cross pairs of a bilinear game"},
    "bias counted twice": {"additive", "linearity"},
    "complemented masks": {"additive"},
}


@pytest.mark.parametrize(("fault", "axiom"), [(f, a) for f, axioms in FAULTS.items() for a in axioms])
def test_wrong_estimators_are_caught(fault, axiom):
    CHECKS[axiom](Wrong())
    with pytest.raises(AssertionError):
        CHECKS[axiom](Wrong(fault=fault))
