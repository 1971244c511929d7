"""Results in which nothing varies: metrics, comparisons, contrasts, figures and pages of them."""

import math
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pytest

import fixlip
from fixlip import Comparison, plots
from fixlip.api.curves import removal_curves
from fixlip.games.base import CallableGame
from fixlip.metrics import draw_masks, faithfulness, foil_test, insertion_deletion, pointing_game, similarity
from fixlip.players.base import Players
from fixlip.results.contrast import Contrast
from fixlip.results.explanation import Explanation
from fixlip.results.provenance import StandardErrors
from tests.helpers.numbers import run

PLAYERS = Players.of(grid=(2, 3), words=["a", "red", "dog"])
N = len(PLAYERS)


def flat(value=0.0, pairs=0.0, stderr=None, players=PLAYERS, unit="logit", first=None):
    n = len(players)
    second = np.full((n, n), pairs)
    np.fill_diagonal(second, 0.0)
    errors = None if stderr is None else StandardErrors(stderr, np.full(n, stderr), np.full((n, n), stderr))
    first = np.full(n, value) if first is None else first
    return Explanation(0.5, first, second, 0.5, 0.5, "FWBII(p=0.5)", players, errors, unit)


RESULTS = {
    "zeros": flat(),
    "negative zeros": flat(-0.0, -0.0),
    "zeros with errors of zero": flat(stderr=0.0),
    "zeros with errors": flat(stderr=1.0),
    "one value": flat(1.0, 1.0),
    "no pairs": flat(1.0, math.nan),
    "no pairs, zeros": flat(0.0, math.nan),
    "tiny": flat(1e-300, -1e-300),
    "huge": flat(1e90, -1e90),
    "one player each": flat(players=Players.of(grid=(1, 1), words=["dog"])),
    "a single effect": flat(first=np.eye(N)[0]),
    "relevance": flat(unit="relevance"),
}


@pytest.mark.parametrize("kind", RESULTS)
def test_figures_and_pages(kind):
    found = RESULTS[kind]
    page = found.to_html()
    assert "<html" in page
    assert "NaN" not in page.split("application/json")[1].split("</script>")[0]
    plots.overview(found)
    if np.isfinite(found.cross).any():
        plots.network(found)
    plots.heatmap(found)
    plots.caption(found)
    plots.top_pairs(found)
    both = Comparison((found, found), ("one", "other"))
    plots.compare(both)
    assert "<html" in both.to_html()
    assert both.agreement().shape == (2, 2)
    both.table(), both.differences(), repr(both)
    if found.unit == "logit":
        contrast = Contrast(found, found)
        assert isinstance(contrast, Contrast)
        plots.contrast(contrast)
        assert "<html" in contrast.to_html()
    plt.close("all")
    assert len(found.top_pairs(5)) <= 5
    assert sum(found.share().values()) in (0, pytest.approx(1))


@pytest.mark.parametrize("kind", RESULTS)
def test_metrics(kind):
    found = RESULTS[kind]
    players = found.players
    for amount in (0.0, 1.0, 1e-12, 1e40):
        game = CallableGame(
            lambda s, a=amount: np.full((len(s), 2), a), lambda t: np.ones((len(t), 2)), players.n_image, players.n_text
        )
        masks = draw_masks(len(players), 0.5, 50)
        score = faithfulness(found, masks, game.values(masks))
        assert math.isnan(score.r2)
        assert math.isnan(score.spearman)
        assert math.isnan(score.pearson)
        assert math.isnan(insertion_deletion(found, game).aid)
        curves = removal_curves(found, game)
        assert np.isfinite(curves.deletion).all()
        assert "<html" in replace(found, curves=curves).to_html()
    same = similarity(found, found)
    assert same.top == 1
    assert math.isnan(same.pearson) or same.pearson == pytest.approx(1)
    test = foil_test(found, found, "dog", "dog")
    assert not test.accuracy
    assert not test.found


def test_r2_of_a_game_that_is_nearly_constant():
    rng = np.random.default_rng(0)
    game = CallableGame(lambda s: np.ones((len(s), 1)), lambda t: np.ones((len(t), 1)), 6, 3, bias=1e6)
    masks = draw_masks(N, 0.5, 100)
    rounding = game.values(masks) + 1e-10 * rng.normal(size=100)
    assert math.isnan(faithfulness(RESULTS["zeros"], masks, rounding).spearman)
    assert math.isnan(faithfulness(RESULTS["zeros"], masks, rounding).r2)


def test_two_identical_words():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(6, 3)), rng.normal(size=(2, 3))
    players = Players.of(grid=(2, 3), words=["dog", "dog"])
    found = run("banzhaf", CallableGame(lambda s: s @ a, lambda t: t @ b, 6, 2, players=players))
    np.testing.assert_allclose(found.cross, a @ b.T, atol=1e-9)
    np.testing.assert_allclose(found.patch_values("dog"), (a @ b.T).sum(1), atol=1e-9)
    np.testing.assert_allclose(found.patch_values((4, 7)), (a @ b.T)[:, 1], atol=1e-9)
    assert "<html" in found.to_html()


def test_a_pointing_game_of_zeros():
    assert fixlip.metrics.pointing_game is pointing_game
