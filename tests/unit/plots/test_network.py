"""The network: the strongest interactions, no others, between the right players, in their place."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Circle, PathPatch

from fixlip import Explanation, InputError, Players, plots
from fixlip.plots import colours
from fixlip.plots.places import spots_of, width_of
from tests.helpers.oracles import assert_close
from tests.helpers.pictures import explanation, of_regions


def with_pairs_inside(found, seed=1):
    """Interactions within both modalities, too."""
    rng, n, k = np.random.default_rng(seed), len(found.players), found.players.n_image
    inside = rng.normal(0, 1, (n, n)) ** 3
    inside = np.triu(inside, 1) + np.triu(inside, 1).T
    second = found.second_order.copy()
    second[:k, :k], second[k:, k:] = inside[:k, :k], inside[k:, k:]
    return replace(found, second_order=second)


def lines(ax):
    """Those of pairs, by their players."""
    found = [p for p in ax.patches if isinstance(p, PathPatch) and (p.get_gid() or "").startswith("pair")]
    return {tuple(map(int, line.get_gid().split()[1:])): line for line in found}


def discs(ax):
    """Those of players, without the white ones below them."""
    return {int(p.get_gid().split()[1]): p for p in ax.patches if isinstance(p, Circle) and p.get_gid() != "key"}


def strongest(values, most):
    places = np.argwhere(np.triu(np.abs(np.nan_to_num(values)), 1) > 0)
    return {tuple(p) for p in sorted(places.tolist(), key=lambda p: -abs(values[tuple(p)]))[:most]}


def test_the_strongest_pairs_have_lines():
    found = with_pairs_inside(explanation())
    n, drawn = found.players.n_image, set(lines(plots.network(found, 9, within=3)))
    assert {p for p in drawn if p[0] < n <= p[1]} == {(pair.image, n + pair.text) for pair in found.top_pairs(9)}
    assert {p for p in drawn if p[1] < n} == strongest(found.second_order[:n, :n], 3)
    assert {(i - n, j - n) for i, j in drawn if i >= n} == strongest(found.second_order[n:, n:], 3)
    assert len(lines(plots.network(found, 9, within=0))) == 9
    assert len(lines(plots.network(explanation(), 9))) == 9  # nothing inside was estimated


def test_width_colour_and_dashes_are_the_value():
    found = with_pairs_inside(explanation())
    drawn = lines(plots.network(found, 20))
    size = {pair: abs(found.second_order[pair]) for pair in drawn}
    order = sorted(drawn, key=size.get)
    assert np.all(np.diff([drawn[pair].get_linewidth() for pair in order]) > 0)
    for pair, line in drawn.items():
        positive = found.second_order[pair] > 0
        assert to_hex(line.get_edgecolor()) == (colours.POSITIVE if positive else colours.NEGATIVE)
        assert (line.get_linestyle() in ("-", "solid")) == positive
    assert {found.second_order[pair] > 0 for pair in drawn} == {True, False}


def test_discs_are_first_order_effects():
    found = explanation()
    ax = plots.network(found)
    drawn, joined = discs(ax), {player for pair in lines(ax) for player in pair}
    assert set(drawn) == joined | set(range(49, len(found.players)))
    for player, disc in drawn.items():
        value = found.first_order[player]
        assert to_hex(disc.get_edgecolor()) == (colours.POSITIVE if value >= 0 else colours.NEGATIVE)
        assert (to_hex(disc.get_facecolor()) == "#ffffff") == (value < 0)
    order = sorted(drawn, key=lambda k: abs(found.first_order[k]))
    radii = [drawn[k].radius for k in order]
    assert np.all(np.diff(radii) >= -1e-3)
    assert radii[-1] > 1.5 * radii[0]


@pytest.mark.parametrize(
    "found", [explanation(), explanation(grid=(14, 14)), of_regions()], ids=["grid", "fine", "regions"]
)
def test_lines_go_from_the_patch_to_the_word(found):
    ax = plots.network(found)
    places, labels = spots_of(found.players), {t.get_text(): t.get_position() for t in ax.texts}
    for (patch, word), line in lines(ax).items():
        start, end = line.get_path().vertices[[0, -1]]
        assert_close(start, places[patch], 1e-12)
        assert_close(end[1], labels[found.players[word].label][1], 1e-12)
        assert width_of(found.players) < end[0] < labels[found.players[word].label][0]


def test_words_signs_and_limit():
    found = with_pairs_inside(explanation())
    owl = 49 + found.players.find_text("owl")[0]
    assert all(owl in pair or pair[1] < 49 for pair in lines(plots.network(found, words="owl")))
    for sign, right in (("positive", 1), ("negative", -1)):
        assert {np.sign(found.second_order[pair]) for pair in lines(plots.network(found, sign=sign))} == {right}
    wide, narrow = (lines(plots.network(found, limit=limit)) for limit in (None, 100.0))
    assert max(line.get_linewidth() for line in narrow.values()) < 0.6 * max(li.get_linewidth() for li in wide.values())
    with pytest.raises(InputError, match="zebra"):
        plots.network(found, words="zebra")


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ["dog", "bus"],
        ["dog"] * 20,
        [f"word{i}" for i in range(60)],
        ["Donaudampfschifffahrtsgesellschaft", "WWWWWWWWWWWWWWW"],
    ],
    ids=len,
)
@pytest.mark.parametrize("grid", [(7, 7), (8, 8), (14, 14), (16, 16)], ids=str)
def test_nothing_overlaps_and_nothing_is_cut(words, grid):
    found = with_pairs_inside(explanation(grid=grid, words=words))
    ax = plots.network(found, 16)
    figure = ax.figure
    figure.canvas.draw()
    boxes = [text.get_window_extent() for text in ax.texts]
    assert len(boxes) >= min(len(words), 24) + 2
    assert all(min(b.x0, b.y0) >= 0 and b.x1 <= figure.bbox.x1 and b.y1 <= figure.bbox.y1 for b in boxes)
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[i + 1 :])
    for line in lines(ax).values():
        box = line.get_window_extent()
        assert 0 <= box.x0 < box.x1 <= figure.bbox.x1
        assert 0 <= box.y0 <= box.y1 <= figure.bbox.y1
    if len(words) > 24:
        assert any(f"{len(words) - len(boxes) + 4} words not shown" in text.get_text() for text in ax.texts)


def test_it_is_drawn_where_it_is_told_to():
    figure = Figure(figsize=(9, 4))
    axes = figure.subplots(1, 2)
    assert plots.network(explanation(), ax=axes[1]) is axes[1]
    assert not axes[0].patches
    small, large = (t.get_fontsize() for t in (axes[1].texts[0], plots.network(explanation()).texts[0]))
    assert small < large


@pytest.mark.parametrize("players", [Players.of(n_image=3, n_text=2), Players.of(n_image=0, n_text=5)], ids=str)
def test_players_without_a_place_and_nothing_to_join(players):
    found = Explanation(0.0, np.ones(5), np.zeros((5, 5)), 0.0, 1.0, "X", players)
    ax = plots.network(found)
    ax.figure.canvas.draw()
    assert not lines(ax)
    assert any("no interactions" in text.get_text() for text in ax.texts)
