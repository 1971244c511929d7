"""One suite over the registry: what every estimator keeps, and that wrong estimators are caught by it."""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pytest
import torch

import fixlip
from fixlip.errors import BudgetError, FixlipError, InputError, OptionError
from fixlip.estimator import AXIOMS
from fixlip.estimators.banzhaf import Banzhaf
from fixlip.games.base import CallableGame, JointGame
from fixlip.games.closed_form import random_towers
from fixlip.games.similarity import games
from fixlip.request import Request
from tests.helpers.axioms import CHECKS
from tests.helpers.oracles import (
    assert_close,
    banzhaf_fit,
    faithful_shapley,
    pairs_of,
    shapley_interactions,
    shapley_values,
)

ALL = {name: fixlip.estimator_class(name).capabilities for name in fixlip.list_estimators()}
ON_MASKS = [n for n, c in ALL.items() if not c.gradients]
ON_MODELS = [n for n, c in ALL.items() if c.gradients]
SAMPLED = [n for n, c in ALL.items() if c.sampled]
DECLARED = [(n, a, {}) for n in ON_MASKS for a in ALL[n].axioms]
DECLARED += [(n, a, {"order": 3}) for n, a, _ in DECLARED if 3 in ALL[n].orders]


def ask(name, passes, n_image, n_text):
    """A request for so many image masks, or twice as often until it is enough, in words the estimator understands."""
    estimator = fixlip.get_estimator(name)
    for word in ("image_masks", "budget"):
        for factor in (1, 2, 4, 8, 16, 32):
            try:
                estimator.passes(n_image, n_text, Request(**{word: factor * passes}))
            except OptionError:
                break
            except BudgetError:
                continue
            return {word: factor * passes}
    raise AssertionError(f"{name} takes neither image_masks nor a budget")


def run(name, game, **call):
    return fixlip.get_estimator(name).explain(game, progress=False, **call)


def effects(found):
    """All effects as one vector, pairs that were not estimated as 0."""
    return np.concatenate([found.first_order, np.nan_to_num(found.second_order).ravel()])


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
    assert {"banzhaf", "shapley", "shapley-owen", "exact", "integrated-gradients", "shapiq:KernelSHAPIQ"} <= set(ALL)


@pytest.mark.parametrize(("name", "axiom", "options"), DECLARED)
def test_declared_axioms_hold(name, axiom, options):
    if 1 in ALL[name].orders and "index" in fixlip.get_estimator(name).options() and options:
        options = options | {"index": next(i for i in ALL[name].index if i not in ("SV", "BV"))}
    CHECKS[axiom](fixlip.get_estimator(name, **options))


@pytest.mark.parametrize("name", ON_MASKS)
def test_budget_is_kept_and_reported_and_standard_errors_are_given_where_they_are_declared(name):
    game, seen = counted(random_towers(9, 4))
    call = {"budget": 2**11} if ALL[name].sampled else {}
    found = run(name, game, seed=3, **call)
    p, spent = found.provenance, (len(seen["image"]), len(seen["text"]))
    said = fixlip.get_estimator(name).passes(9, 4, Request(seed=3, **call))
    assert (p.image_passes, p.text_passes) == spent
    assert all(real <= at_most for real, at_most in zip(spent, said, strict=True))
    ends = 2  # the empty and the full input, which every result reports
    if ALL[name].sampled and ALL[name].separable:
        assert (spent[0] - ends) * (spent[1] - ends) <= 2**11
        assert spent == said
    elif ALL[name].sampled:
        assert max(spent) - ends <= 2**11
    assert (p.estimator, p.seed) == (name, 3)
    assert not ALL[name].sampled or (found.stderr is not None) == ALL[name].stderr


def on_a_grid(game):
    """The game with embeddings of 20 bits, whose products are exact: batches of other sizes round nothing."""

    def rounded(embed):
        return lambda masks: np.rint(embed(masks) * 2**20) / 2**20

    towers = rounded(game.image_embeddings), rounded(game.text_embeddings)
    return CallableGame(*towers, game.n_image, game.n_text)


@pytest.mark.parametrize("name", SAMPLED)
def test_seed_alone_fixes_the_result(name):
    game, call = on_a_grid(random_towers(10, 4)), ask(name, 300, 10, 4)
    np.random.seed(0)
    before, torch_before = np.random.get_state()[1].copy(), torch.get_rng_state()
    one = run(name, game, seed=1, **call)
    game.batch_size = 37
    seen = []
    estimator = fixlip.get_estimator(name)
    two = estimator.explain(game, seed=1, progress=lambda done, total: seen.append((done, total)), **call)
    other = run(name, game, seed=2, **call)
    assert_close(two.second_order, one.second_order, 1e-9)
    assert_close(two.first_order, one.first_order, 1e-9)
    assert not np.array_equal(effects(other), effects(one))
    assert 0 < seen[-1][0] <= seen[-1][1]
    assert np.array_equal(np.random.get_state()[1], before)
    assert torch.equal(torch.get_rng_state(), torch_before)


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in SAMPLED if not n.startswith("shapiq:")])  # they have a test of theirs
def test_error_shrinks_with_the_budget(name):
    game = random_towers(8, 3)
    truth = run(name, game, budget=2**11 if ALL[name].exact else 2**15)

    def error(call):
        runs = [run(name, game, seed=s, **call) for s in range(8)]
        return np.mean([np.linalg.norm(effects(found) - effects(truth)) for found in runs])

    few = ask(name, 100, 8, 3)
    many = {word: 16 * n if word == "budget" else 240 for word, n in few.items()}
    assert error(few) > 1e-6
    assert error(many) < 0.8 * error(few)


@cache
def truth(index, n_image, n_text):
    """Baseline, first and second order by the definition of an index, on random towers."""
    game = random_towers(n_image, n_text, seed=7)
    n = n_image + n_text
    empty = game.values(np.zeros((1, n), dtype=bool))[0]
    unknown = np.where(np.eye(n, dtype=bool), 0.0, np.nan)
    if index == "FSII":
        return faithful_shapley(game)
    if index == "FWBII(p=0.5)":
        return banzhaf_fit(game, 0.5, pairs_of(n_image, n_text, "all"))[:3]
    values = shapley_values(game)
    if index == "SV":
        return empty, values, unknown
    pairs = shapley_interactions(game)
    if index == "k-SII":
        return empty, values - 0.5 * pairs.sum(1), pairs
    if index == "SII":
        is_image = np.arange(n) < n_image
        cross = np.where(is_image[:, None] == is_image, unknown, pairs)
        return empty, values - 0.5 * np.nansum(cross, axis=1), cross
    raise KeyError(index)


EXACT = [
    ("banzhaf", {"interactions": "all"}, "FWBII(p=0.5)"),
    ("banzhaf", {"interactions": "all", "sampling": "joint"}, "FWBII(p=0.5)"),
    ("shapley", {}, "FSII"),
    ("shapley", {"sampling": "joint"}, "FSII"),
    ("shapley", {"order": 1}, "SV"),
    ("shapley", {"order": 1, "sampling": "joint"}, "SV"),
    ("shapley-owen", {}, "SII"),
    ("shapley-owen", {"interactions": "all"}, "k-SII"),
    ("shapley-owen", {"order": 1}, "SV"),
    ("kernel-shap", {}, "SV"),
    ("exact", {"index": "FWBII"}, "FWBII(p=0.5)"),
    ("exact", {"index": "FSII"}, "FSII"),
    ("exact", {"index": "k-SII"}, "k-SII"),
    ("exact", {"index": "SV"}, "SV"),
]


@pytest.mark.parametrize("players", [(2, 1), (3, 2), (5, 3), pytest.param((8, 6), marks=pytest.mark.slow)])
@pytest.mark.parametrize(("name", "options", "index"), EXACT)
def test_full_enumeration_is_exact(name, options, index, players):
    game = random_towers(*players, seed=7)
    full = {} if name == "exact" else {"budget": 2 ** sum(players)}
    found = fixlip.get_estimator(name, **options).explain(game, progress=False, **full)
    baseline, first, second = truth(index, *players)
    assert_close(found.baseline, baseline, 1e-8)
    assert_close(found.first_order, first, 1e-8)
    assert_close(found.second_order, second, 1e-8)
    assert found.index == index


@pytest.mark.parametrize("name", [n for n in ON_MASKS if ALL[n].exact and 2 in ALL[n].orders])
def test_surrogate_fits_what_it_claims(name):
    game = random_towers(6, 4)
    found = run(name, game, **({"budget": 2**10} if ALL[name].sampled else {}))
    masks = np.random.default_rng(0).random((400, 10)) < 0.5
    assert np.corrcoef(found.predict(masks), game.values(masks))[0, 1] > 0.7


@pytest.mark.parametrize("name", ON_MASKS)
def test_ends_are_those_of_the_game(name):
    game = random_towers(6, 4)
    found = run(name, game, **({"budget": 2**10} if ALL[name].sampled else {}))
    assert_close(found.full_value, game.values(np.ones((1, 10), dtype=bool))[0], 1e-9)
    assert_close(found.empty_value, game.values(np.zeros((1, 10), dtype=bool))[0], 1e-9)
    pairs = found.second_order
    assert_close(pairs, pairs.T, 0.0)
    assert np.isfinite(found.first_order).all()
    estimated = ~np.isnan(pairs[np.triu_indices(10, 1)])
    assert estimated.any() == (2 in ALL[name].orders)


@pytest.mark.parametrize("name", ON_MASKS)
def test_an_exception_of_the_game_passes_through(name):
    def broken(_):
        raise ZeroDivisionError("the tower fell")

    game = CallableGame(lambda s: s @ np.ones((6, 2)), broken, 6, 3)
    with pytest.raises(ZeroDivisionError, match="the tower fell"):
        run(name, game)


@pytest.mark.parametrize("name", ON_MASKS)
def test_not_a_number_is_refused(name):
    game = CallableGame(lambda s: np.full((len(s), 2), np.nan), lambda t: t @ np.ones((3, 2)), 6, 3)
    with pytest.raises(FixlipError, match="NaN"):
        run(name, game)


@pytest.mark.parametrize("name", ON_MASKS)
def test_a_game_of_joint_values(name):
    towers = random_towers(5, 3)
    game = JointGame(towers.values, 5, 3)
    call = {"budget": 2**8} if ALL[name].sampled else {}
    if ALL[name].separable:
        with pytest.raises(InputError, match="two towers"):
            run(name, game, **call)
        return
    options = {"sampling": "joint"} if name in ("banzhaf", "shapley") else {}
    found = fixlip.get_estimator(name, **options).explain(game, progress=False, **call)
    same = fixlip.get_estimator(name, **options).explain(towers, progress=False, **call)
    assert_close(found.first_order, same.first_order, 1e-9)
    assert_close(found.second_order, same.second_order, 1e-9)


@pytest.mark.parametrize("name", [n for n in ON_MASKS if {"order"} & set(fixlip.get_estimator(n).options())])
def test_there_is_no_order_beyond_those_that_are_said(name):
    order = max(ALL[name].orders) + 1
    with pytest.raises(OptionError, match=rf"order.*{order}"):
        fixlip.get_estimator(name, order=order)


@pytest.mark.parametrize("name", [n for n in SAMPLED if n != "rise"])  # RISE has no terms to determine
def test_a_budget_too_small_names_the_minimum(name):
    game = random_towers(30, 6)
    with pytest.raises(BudgetError, match=r"\d"):
        run(name, game, budget=9)


@pytest.mark.parametrize("name", ON_MODELS)
def test_gradients_are_asked_of_a_game_that_has_them(name):
    with pytest.raises(InputError, match="gradients"):
        run(name, random_towers(4, 3))


@pytest.fixture(scope="module", params=["demo-clip", "demo-siglip"])
def model_game(request, scene):
    encoder = fixlip.load_model(request.param, device="cpu")
    return encoder, next(games(encoder, [scene.image], ["an apple and a dog"], [(0, 0)]))


def condition(encoder):
    """Everything of a model that an estimator could leave changed."""
    hooks = sum(
        len(getattr(m, kind))
        for m in encoder.model.modules()
        for kind in ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    )
    flags = [(p.requires_grad, p.grad is None) for p in encoder.model.parameters()]
    own = [name for m in encoder.model.modules() for name in vars(m) if name == "forward"]
    world = (torch.is_grad_enabled(), torch.backends.mha.get_fastpath_enabled(), torch.get_rng_state().tolist())
    attention = torch.nn.functional.scaled_dot_product_attention
    return hooks, flags, own, encoder.model.training, encoder.weights, world, attention


@pytest.mark.parametrize("name", ON_MODELS)
def test_a_model_is_left_as_it_was(name, model_game):
    encoder, game = model_game
    before = condition(encoder)
    found = run(name, game)
    again = run(name, game, seed=5)
    assert condition(encoder) == before
    assert_close(found.first_order, again.first_order, 1e-6)
    p = found.provenance
    assert (p.image_passes, p.text_passes) == fixlip.get_estimator(name).passes(game.n_image, game.n_text, Request())
    assert_close(found.full_value, game.values(np.ones((1, len(game.players)), dtype=bool))[0], 1e-4)
    assert np.isfinite(found.first_order).all()
    assert np.isfinite(found.cross).all() == (2 in ALL[name].orders)


@pytest.mark.parametrize("side", ["image", "text"])
@pytest.mark.parametrize("name", ON_MODELS)
def test_a_model_is_left_as_it_was_after_an_exception_in_a_layer(name, side, model_game, monkeypatch):
    encoder, game = model_game
    tower = encoder.model.visual if side == "image" else getattr(encoder.model, "text", encoder.model)
    norms = [m for m in tower.modules() if isinstance(m, torch.nn.LayerNorm)]
    before = condition(encoder)
    calls = []

    def broken(self, x):
        calls.append(1)
        if len(calls) > 2:
            raise ZeroDivisionError("the layer fell")
        return torch.nn.functional.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)

    with monkeypatch.context() as patched:
        patched.setattr(type(norms[-1]), "forward", broken)
        with pytest.raises(ZeroDivisionError, match="the layer fell"):
            run(name, game)
    assert condition(encoder) == before


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


@pytest.mark.parametrize(("fault", "axiom"), [(f, a) for f, axioms in FAULTS.items() for a in sorted(axioms)])
def test_wrong_estimators_are_caught(fault, axiom):
    CHECKS[axiom](Wrong())
    with pytest.raises(AssertionError):
        CHECKS[axiom](Wrong(fault=fault))


@dataclass(frozen=True)
class WrongIndex(Banzhaf):
    """Banzhaf interactions that claim to be another index."""


@pytest.mark.parametrize("index", ["FSII", "k-SII"])
def test_the_exactness_tests_tell_the_indices_apart(index):
    found = WrongIndex(interactions="all").explain(random_towers(5, 3, seed=7), budget=2**8, progress=False)
    with pytest.raises(AssertionError):
        assert_close(found.second_order, truth(index, 5, 3)[2], 1e-3)
