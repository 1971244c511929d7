"""The approximators of shapiq as estimators, and games of fixlip as games of shapiq."""

import inspect
import subprocess
import sys
import warnings
from importlib.metadata import version

import numpy as np
import pytest
import shapiq
import shapiq.approximator
from shapiq.approximator.base import Approximator

import fixlip
from fixlip.errors import BudgetError, FixlipError, OptionError
from fixlip.estimators import shapiq_bridge
from fixlip.estimators.exact import Exact
from fixlip.games import CallableGame, JointGame, to_shapiq
from fixlip.games.closed_form import bilinear, random_towers
from fixlip.players.base import Players
from fixlip.results.shapiq_values import effects_of
from tests.helpers.oracles import all_masks, assert_close

FOUND = shapiq_bridge.approximators()
CASES = [(name, index) for name, cls in FOUND.items() for index in cls.capabilities.index]
EXACT = [name for name, cls in FOUND.items() if cls.capabilities.exact]
GAME = random_towers(4, 4, seed=12)


def exactly(game, index):
    """shapiq's own enumeration: first order, and second order or None."""
    n, order = game.n_image + game.n_text, 1 if index in ("SV", "BV") else 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        values = shapiq.ExactComputer(lambda m: game.values(np.asarray(m, dtype=bool)), n_players=n)(index, order)
    return values.get_n_order_values(1), values.get_n_order_values(2) if order == 2 else None


def test_every_approximator_of_the_release_has_a_row_or_a_reason():
    public = {
        name
        for name, cls in vars(shapiq.approximator).items()
        if isinstance(cls, type) and issubclass(cls, Approximator) and cls is not Approximator
    }
    rows = {name.removeprefix("shapiq:") for name in FOUND}
    assert public - rows <= set(shapiq_bridge.LEFT_OUT)
    assert not rows - public


def error_with_all_masks(cls, index):
    """The relative error of an approximator that gets a value for each mask, against the exact index.

    Infinite where it refuses the index, or gives not all of its orders.
    """
    weights, n, order = np.random.default_rng(0).normal(size=(6, 5)), 6, 1 if index in ("SV", "BV") else 2
    error = float("inf")

    def values(masks):
        return np.tanh(np.atleast_2d(masks) @ weights).sum(1)

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        exact = shapiq.ExactComputer(values, n_players=n)(index=index, order=order)
        truth = np.concatenate([part.ravel() for part in effects_of(exact, 3, 3, missing=0.0)[1:3]])
        for budget in (2**n, 64 * 2**n):  # an approximator that draws with replacement needs many more
            try:
                options = {"index": index, "max_order": order}
                made = shapiq_bridge._make(cls, n, 0, **options)
                if made.max_order != order or (made.top_order and order > 1):  # pairs without a first order
                    return float("inf")
                found = shapiq_bridge._approximate(cls, n, budget, 0, values, **options)
            except Exception:  # whatever an approximator may raise
                return float("inf")
            estimate = np.concatenate([part.ravel() for part in effects_of(found, 3, 3, missing=0.0)[1:3]])
            error = float(np.linalg.norm(estimate - truth) / np.linalg.norm(truth))
            if error < 1e-6:
                break
    return error


def mismatches(name, cls):
    """Facts of a row that do not hold for the class, in words."""
    found, options, c = [], inspect.signature(cls.__init__).parameters, FOUND[name].capabilities
    errors = {index: error_with_all_masks(cls, index) for index in cls.valid_indices}
    able = {index for index, error in errors.items() if error < 0.5}
    if able != set(c.index):
        found.append(f"indices {sorted(able)}")
    default = options["index"].default if "index" in options else inspect.Parameter.empty
    if default in able and default != c.index[0]:
        found.append(f"default {default}")
    if (errors[c.index[0]] < 1e-6) != c.exact or (errors[c.index[0]] < 1e-10) != bool(c.axioms):
        found.append(f"error {errors[c.index[0]]:.1e}")
    pairing = FOUND[name]().options().get("pairing")
    if pairing != (options["pairing_trick"].default if "pairing_trick" in options else None):
        found.append("pairing")
    return found


@pytest.mark.parametrize("name", FOUND)
def test_a_row_says_what_the_approximator_of_the_installed_release_does(name):
    assert mismatches(name, FOUND[name]()._approximator()) == []


def test_a_fault_in_an_approximator_differs_from_its_row():
    right = FOUND["shapiq:SVARMIQ"]()._approximator()

    def faulty(factor):
        class Faulty(right):
            def approximate(self, budget, game):
                return super().approximate(budget, game) * factor

        return mismatches("shapiq:SVARMIQ", Faulty)

    assert faulty(1.0) == []
    assert [word.split()[0] for word in faulty(1.1)] == ["error"]
    assert "indices []" in faulty(-1.0)


def test_rows_follow_the_release(monkeypatch):
    def names(release):
        monkeypatch.setattr(shapiq_bridge, "version", lambda _: release)
        return shapiq_bridge.approximators.__wrapped__()

    old, new = names("1.4.1"), names("1.10rc1")
    assert "shapiq:OddSHAP" not in old
    assert set(new) == {f"shapiq:{row.name}" for row in shapiq_bridge.TABLE}
    assert old["shapiq:kADDSHAP"].capabilities.index == ("kADD-SHAP",)
    assert new["shapiq:kADDSHAP"].capabilities.index == ("kADD-SHAP", "SV")


def test_they_are_registered():
    assert set(FOUND) <= set(fixlip.list_estimators())
    assert {"shapiq:KernelSHAPIQ", "shapiq:SVARMIQ", "shapiq:RegressionFSII", "shapiq:KernelSHAP"} <= set(EXACT)
    estimator = fixlip.get_estimator("shapiq:KernelSHAPIQ", index="SII", pairing=True)
    assert estimator.options() == {"index": "SII", "pairing": True, "order": 2}
    with pytest.raises(FixlipError, match="Did you mean 'shapiq:SVARMIQ'"):
        fixlip.get_estimator("shapiq:SVARMIK")
    with pytest.raises(FixlipError, match="Valid: SII, SV, k-SII"):
        fixlip.get_estimator("shapiq:KernelSHAPIQ", index="FSII")
    with pytest.raises(FixlipError, match="Unknown option"):
        fixlip.get_estimator("shapiq:KernelSHAPIQ", max_order=3)


@pytest.mark.parametrize("name", EXACT)
def test_exact_with_all_masks(name):
    estimator = FOUND[name]()
    first, second = exactly(GAME, estimator.index)
    for game in (GAME, JointGame(GAME.values, 4, 4)):
        found = estimator.explain(game, budget=2**8, progress=False)
        assert_close(found.first_order, first, 1e-5)
        if second is None:
            assert np.isnan(found.cross).all()
        else:
            assert_close(found.second_order, second, 1e-5)
        assert found.index == estimator.index
        assert found.provenance.estimator == name
        assert found.stderr is None


@pytest.mark.slow
@pytest.mark.parametrize(("name", "index"), CASES)
def test_every_index_is_near_the_truth_with_many_masks(name, index):
    estimator = FOUND[name](index=index)
    first, second = exactly(GAME, index)
    runs = [estimator.explain(GAME, budget=2**8, seed=s, progress=False) for s in range(30)]
    mean = np.mean([run.first_order for run in runs], axis=0)
    assert np.linalg.norm(mean - first) < 0.4 * np.linalg.norm(first)
    if second is not None:
        mean = np.mean([run.second_order for run in runs], axis=0)
        assert np.linalg.norm(mean - second) < 0.7 * np.linalg.norm(second)


@pytest.mark.parametrize("name", FOUND)
def test_budget_seed_and_passes(name):
    game, told, asked = random_towers(8, 4, seed=1), [], set()

    def values(masks):
        asked.update(map(bytes, masks))
        return game.values(masks)

    estimator = FOUND[name]()
    one = estimator.explain(game, budget=400, seed=3, progress=lambda *t: told.append(t))
    assert told[-1][0] == told[-1][1] == one.provenance.image_passes + one.provenance.text_passes
    assert one.provenance.text_passes <= 2**4 + 2
    told.clear()
    before = np.random.get_state()[1].copy()
    two = estimator.explain(JointGame(values, 8, 4), budget=400, seed=3, progress=lambda *t: told.append(t))
    assert told[-1][0] == told[-1][1]
    assert len(asked) <= 400 + 2
    assert two.provenance.image_passes <= 400 + 2
    assert_close(two.first_order, one.first_order, 1e-9)
    assert np.array_equal(np.random.get_state()[1], before)
    other = estimator.explain(game, budget=400, seed=4, progress=False)
    assert not np.array_equal(other.first_order, one.first_order) or not np.array_equal(
        other.second_order, one.second_order
    )


def test_a_constant_of_the_game_is_in_the_baseline():
    game = random_towers(4, 3, seed=2)
    shifted = CallableGame(game.image_fn, game.text_fn, 4, 3, game.scale, game.bias + 100)
    for name in EXACT:
        one, two = (FOUND[name]().explain(g, budget=2**7, progress=False) for g in (game, shifted))
        assert_close(two.baseline, one.baseline + 100, 1e-9)
        assert_close(two.first_order, one.first_order, 1e-9)


def test_bilinear_pairs():
    a, b = np.random.default_rng(0).normal(size=(2, 4, 3))
    for name in ("shapiq:KernelSHAPIQ", "shapiq:RegressionFBII", "shapiq:SVARMIQ"):
        assert_close(FOUND[name]().explain(bilinear(a, b), budget=2**8, progress=False).cross, a @ b.T, 1e-5)


@pytest.mark.parametrize(
    ("name", "call", "message"),
    [
        ("shapiq:KernelSHAPIQ", {"budget": 20}, "at least 106 are needed"),
        ("shapiq:KernelSHAP", {"budget": 0}, "at least 1"),
        ("shapiq:KernelSHAP", {"image_masks": 50}, "give budget="),
    ],
)
def test_errors_are_one_line(name, call, message):
    with pytest.raises(FixlipError, match=message) as caught:
        FOUND[name]().explain(random_towers(10, 4), progress=False, **call)
    assert "\n" not in str(caught.value)


def test_what_shapiq_refuses_is_one_line(monkeypatch):
    def refuse(*_, **options):
        raise ValueError("no")

    monkeypatch.setattr(shapiq_bridge, "_approximate", refuse)
    with pytest.raises(BudgetError, match=r"shapiq:KernelSHAP cannot explain 14 players from 300 game values \(no\)"):
        FOUND["shapiq:KernelSHAP"]().explain(random_towers(10, 4), budget=300, progress=False)


def test_an_exception_of_the_game_passes_through():
    def broken(_):
        raise ZeroDivisionError("the tower fell")

    game = CallableGame(lambda s: s @ np.ones((3, 2)), broken, 3, 2)
    with pytest.raises(ZeroDivisionError, match="the tower fell"):
        FOUND["shapiq:KernelSHAP"]().explain(game, progress=False)


def test_a_game_of_shapiq():
    players = Players.of(n_image=3, words=["a", "dog", "a"])
    inner = random_towers(3, 3, seed=5)
    game = CallableGame(inner.image_fn, inner.text_fn, 3, 3, 10.0, -1.0, players=players)
    other = to_shapiq(game)
    masks = all_masks(6)
    assert isinstance(other, shapiq.Game)
    assert_close(other(masks), game.values(masks) - game.values(masks[:1]), 1e-12)
    assert_close(other.value_function(masks), game.values(masks), 1e-12)
    assert other.n_players == 6
    assert list(other.player_name_lookup) == [*players.labels[:3], "a (3)", "dog", "a (5)"]
    values = other.exact_values("k-SII", 2)
    found = Exact(index="k-SII").explain(game, progress=False)
    assert_close(found.second_order, values.get_n_order_values(2), 1e-10)
    joint = to_shapiq(JointGame(game.values, 3, 3))
    assert_close(joint(masks), other(masks), 1e-12)


@pytest.mark.parametrize("name", ["SHAPIQ", "SVARMIQ", "KernelSHAPIQ"])
def test_the_third_order_is_that_of_the_index(name):
    game, estimator = random_towers(4, 3, seed=3), FOUND[f"shapiq:{name}"](index="SII", order=3)
    found = estimator.explain(game, budget=2**7, progress=False)
    truth = Exact(index="SII", order=3).explain(game, progress=False)
    for values, true in zip(found.third_order.arrays, truth.third_order.arrays, strict=True):
        assert_close(values, true, 1e-5)
    assert "three words, are left out" in found.provenance.status
    with pytest.raises(OptionError, match="SV is of order 1"):
        FOUND[f"shapiq:{name}"](index="SV", order=3)


def test_only_running_one_needs_shapiq():
    code = (
        "import sys, fixlip; from fixlip.games import to_shapiq; fixlip.get_estimator('shapiq:SVARM').capabilities; "
        "print('shapiq' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_capabilities_follow_the_order():
    first_only, both = FOUND["shapiq:KernelSHAP"].capabilities, FOUND["shapiq:KernelSHAPIQ"].capabilities
    assert (first_only.orders, both.orders) == ((1,), (1, 2, 3))
    assert (first_only.cross, both.cross) == (False, True)
    assert both.source == f"shapiq {version('shapiq')}"
