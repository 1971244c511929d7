"""KernelSHAP, LIME, RISE and InteractionLIME against their definitions, written slowly."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

import fixlip
from fixlip.errors import FixlipError
from fixlip.estimators.exact import Exact
from fixlip.estimators.interaction_lime import InteractionLime
from fixlip.estimators.kernel_shap import KernelShap
from fixlip.estimators.lime import Lime
from fixlip.estimators.rise import Rise, smooth_masks
from fixlip.games import CallableGame, JointGame
from fixlip.games.closed_form import additive, bilinear, random_towers
from fixlip.players.base import Players
from tests.helpers.oracles import all_masks, assert_close

QUIET = {"progress": False}


def strong_players():
    """An additive game on a 4 x 4 grid and 5 words with one strong patch and one strong word, and a harmful patch."""
    a, b = np.zeros(16), np.zeros(5)
    a[[5, 10]], b[2] = [3.0, -3.0], 2.0
    inner = additive(a, b, bias=1.0)
    players = Players.of(grid=(4, 4), words=["a", "cat", "dog", "on", "it"])
    return CallableGame(inner.image_fn, inner.text_fn, 16, 5, bias=1.0, players=players)


def test_kernel_shap_is_exact_with_all_masks():
    game = random_towers(5, 4, seed=2)
    truth = Exact(index="SV").explain(game, **QUIET)
    for subject in (game, JointGame(game.values, 5, 4)):
        found = KernelShap().explain(subject, budget=2**9, **QUIET)
        assert_close(found.first_order, truth.first_order, 1e-8)
        assert_close(found.baseline, found.empty_value, 1e-12)
    assert found.index == "SV"


def test_kernel_shap_keeps_efficiency_and_comes_closer():
    game = random_towers(9, 4, seed=1)
    truth = Exact(index="SV").explain(game, **QUIET).first_order

    def error(budget):
        runs = [KernelShap().explain(game, budget=budget, seed=s, **QUIET) for s in range(24)]
        for run in runs:
            assert_close(run.first_order.sum(), run.full_value - run.empty_value, 1e-9)
        return np.mean([np.linalg.norm(run.first_order - truth) for run in runs])

    assert error(1600) < 0.6 * error(200)
    assert error(200) < 0.45 * np.linalg.norm(truth)  # .383 over 800 seeds


def test_kernel_shap_on_many_players():
    """57 players: the sizes at both ends are enumerated, the rest is drawn, and an additive game is still exact."""
    a, b = np.random.default_rng(0).normal(size=49), np.random.default_rng(1).normal(size=8)
    found = KernelShap().explain(additive(a, b), budget=1000, **QUIET)
    assert_close(found.first_order, np.concatenate([a, b]), 1e-8)
    assert found.provenance.image_passes <= 1002


def lime_by_sklearn(game, masks, width, ridge):
    n = masks.shape[1]
    full = np.ones(n)
    norms = np.sqrt(masks.sum(1) * n)
    cosine = np.where(norms > 0, (masks @ full) / np.maximum(norms, 1e-12), 0.0)
    kernel = np.sqrt(np.exp(-((1 - cosine) ** 2) / width**2))
    model = Ridge(alpha=ridge).fit(masks, game.values(masks), sample_weight=kernel)
    return model.intercept_, model.coef_


@pytest.mark.parametrize(("width", "ridge"), [(0.25, 1.0), (0.6, 0.0), (0.1, 20.0)])
def test_lime_is_sklearns_ridge(width, ridge):
    game, estimator = random_towers(5, 4, seed=3), Lime(kernel_width=width, ridge=ridge)
    intercept, slopes = lime_by_sklearn(game, all_masks(9), width, ridge)
    for subject in (game, JointGame(game.values, 5, 4)):
        found = estimator.explain(subject, budget=2**9, **QUIET)
        assert_close(found.first_order, slopes, 1e-6)
        assert_close(found.baseline, intercept, 1e-6)
    assert 0.3 < found.provenance.r2 < 1


def test_lime_on_a_sampled_grid_fits_what_was_drawn():
    """The same ridge on the grid of the masks that the towers saw gives the same numbers."""
    game, seen = random_towers(12, 11, seed=3), {}
    spied = CallableGame(
        lambda s: seen.setdefault(("image", len(s)), (s, game.image_fn(s)))[1],
        lambda t: seen.setdefault(("text", len(t)), (t, game.text_fn(t)))[1],
        12,
        11,
        game.scale,
        game.bias,
    )
    found = Lime().explain(spied, image_masks=60, text_masks=50, seed=4, **QUIET)
    image, text = seen["image", 60][0], seen["text", 50][0]
    masks = np.concatenate([np.repeat(image, 50, axis=0), np.tile(text, (60, 1))], axis=1)
    intercept, slopes = lime_by_sklearn(game, masks, 0.25, 1.0)
    assert_close(found.first_order, slopes, 1e-6)
    assert_close(found.baseline, intercept, 1e-6)


@pytest.mark.parametrize("estimator", [Lime(), Rise(cells=3), KernelShap()], ids=lambda e: e.capabilities.name)
def test_strong_players_come_first(estimator):
    game = strong_players()
    found = estimator.explain(game, budget=2**13, seed=1, **QUIET)
    image, text = found.first_order[:16], found.first_order[16:]
    assert (image.argmax(), image.argmin(), text.argmax()) == (5, 10, 2)
    joint = JointGame(game.values, 16, 5, players=game.players)
    again = estimator.explain(joint, budget=2**13, seed=1, **QUIET)
    assert again.first_order[:16].argmax() == 5


def test_interaction_lime_recovers_a_bilinear_game():
    rng = np.random.default_rng(5)
    a, b = rng.normal(size=(20, 6)), rng.normal(size=(7, 6))
    for call in ({"budget": 2**12}, {"image_masks": 40, "text_masks": 20}, {}):
        found = InteractionLime().explain(bilinear(a, b), **call, **QUIET)
        assert_close(found.cross, a @ b.T, 1e-8)
        assert_close(found.first_order, np.zeros(27), 1e-8)
        assert_close(found.provenance.r2, 1.0, 1e-9)
    assert np.isnan(found.second_order[0, 1])


def test_interaction_lime_is_the_weighted_fit_on_the_grid():
    game, width = random_towers(4, 3, seed=9), 0.4
    masks = all_masks(7)
    image, text = masks[:, :4], masks[:, 4:]

    def kernel(m):
        distance = 1 - np.sqrt(m.mean(1))
        return np.sqrt(np.exp(-(distance**2) / width**2))

    z = [np.concatenate([np.ones((len(masks), 1)), m], axis=1) for m in (image, text)]
    features = (z[0][:, :, None] * z[1][:, None, :]).reshape(len(masks), -1)
    root = np.sqrt(kernel(image) * kernel(text))
    slow = np.linalg.lstsq(features * root[:, None], game.values(masks) * root, rcond=None)[0].reshape(5, 4)
    found = InteractionLime(kernel_width=width).explain(game, budget=2**7, **QUIET)
    assert_close(found.baseline, slow[0, 0], 1e-9)
    assert_close(found.first_order, np.concatenate([slow[1:, 0], slow[0, 1:]]), 1e-9)
    assert_close(found.cross, slow[1:, 1:], 1e-9)
    residual = root**2 @ (game.values(masks) - features @ slow.ravel()) ** 2
    mean = root**2 @ game.values(masks) / (root**2).sum()
    assert_close(found.provenance.r2, 1 - residual / (root**2 @ (game.values(masks) - mean) ** 2), 1e-9)


def test_rise_is_the_mean_of_the_masks_with_a_player():
    game, p = random_towers(4, 3, seed=6), 0.3
    found = Rise(p=p).explain(game, **QUIET)
    slow = []
    for side, n in (("image", 4), ("text", 3)):
        masks = all_masks(n)
        joint = np.ones((len(masks), 7), dtype=bool)
        joint[:, slice(0, 4) if side == "image" else slice(4, 7)] = masks
        weights, values = p ** masks.sum(1) * (1 - p) ** (n - masks.sum(1)), game.values(joint)
        for i in range(n):
            with_i = masks[:, i]
            slow.append(weights[with_i] @ values[with_i] / weights[with_i].sum() - weights @ values)
    assert_close(found.first_order, slow, 1e-10)
    assert found.unit == "relevance"


@pytest.mark.parametrize("p", [0.3, 0.5, 0.8])
def test_smooth_masks_are_smooth_and_leave_each_patch_in_with_probability_p(p):
    masks = smooth_masks(20_000, (6, 8), 3, p, np.random.default_rng(0))
    assert masks.shape == (20_000, 48)
    assert_close(masks.mean(0), np.full(48, p), 0.02)
    maps = masks.reshape(-1, 6, 8).astype(float)

    def correlation(a, b):
        return np.corrcoef(a.ravel(), b.ravel())[0, 1]

    assert correlation(maps[:, :, :-1], maps[:, :, 1:]) > 0.5
    assert abs(correlation(maps[:, 0, 0], maps[:, 5, 7])) < 0.05


@pytest.mark.parametrize("name", ["kernel-shap", "lime", "interaction-lime", "rise"])
def test_too_small_budgets_name_the_minimum(name):
    game = random_towers(12, 5)
    with pytest.raises(FixlipError, match=r"at least \d+ are needed") as caught:
        fixlip.get_estimator(name).explain(game, budget=6, **QUIET)
    assert "\n" not in str(caught.value)
    with pytest.raises(FixlipError, match="at least 1"):
        fixlip.get_estimator(name).explain(game, budget=0, **QUIET)


def test_wrong_calls_are_explained():
    game = random_towers(4, 3)
    with pytest.raises(FixlipError, match="give budget="):
        KernelShap().explain(game, image_masks=100, **QUIET)
    with pytest.raises(FixlipError, match="two towers"):
        InteractionLime().explain(JointGame(game.values, 4, 3), **QUIET)
    for wrong in (lambda: Lime(kernel_width=0.0), lambda: Lime(ridge=-1.0), lambda: InteractionLime(kernel_width=-1.0)):
        with pytest.raises(FixlipError, match="positive"):
            wrong()
    for wrong in (lambda: Rise(p=0.0), lambda: Rise(cells=0)):
        with pytest.raises(FixlipError, match="cells from 1 to"):
            wrong()


@pytest.mark.parametrize("name", ["kernel-shap", "lime", "interaction-lime", "rise"])
@pytest.mark.parametrize("call", [{}, {"budget": 3000}])
def test_passes_are_what_was_said(name, call):
    game, told = random_towers(11, 5), []
    found = fixlip.get_estimator(name).explain(game, seed=2, progress=lambda *t: told.append(t), **call)
    assert told[-1][0] == told[-1][1] == found.provenance.image_passes + found.provenance.text_passes
