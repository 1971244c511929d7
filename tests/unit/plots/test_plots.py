import subprocess
import sys
import warnings
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from PIL import Image

from fixlip import Explanation, InputError, Players, plots, viewer
from fixlip.plots import colours
from tests.helpers.oracles import assert_close
from tests.helpers.pictures import comparison, explanation, of_regions


def test_nothing_is_loaded_before_it_is_drawn():
    code = "import sys, fixlip.plots; print('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"


def test_heatmap_draws_the_values():
    found = explanation()
    ax = plots.heatmap(found, "dog")
    image = ax.images[-1]
    values = found.heatmap("dog")
    assert_close(np.asarray(image.get_array()), values, 1e-12)
    assert image.get_clim() == (-np.abs(values).max(), np.abs(values).max())
    assert np.argmax(image.get_alpha()) == np.argmax(np.abs(values))
    assert_close(np.asarray(plots.heatmap(found, order=1).images[-1].get_array()), found.heatmap(order=1), 1e-12)


def test_they_draw_where_they_are_told_to():
    figure = Figure()
    axes = figure.subplots(1, 3)
    found = explanation()
    drawn = (
        plots.heatmap(found, ax=axes[0], limit=9),
        plots.caption(found, ax=axes[1]),
        plots.top_pairs(found, ax=axes[2]),
    )
    assert list(drawn) == list(axes)
    assert axes[0].images[-1].get_clim() == (-9, 9)


def test_the_scale_is_the_pages():
    image = plots.heatmap(explanation()).images[-1]
    assert image.cmap(0.25)[:3] == pytest.approx(to_rgba(colours.NEGATIVE)[:3], abs=0.02)
    assert image.cmap(0.75)[:3] == pytest.approx(to_rgba(colours.POSITIVE)[:3], abs=0.02)


def test_a_caption_shows_what_words_add():
    """A word is as orange as what it adds, though its interactions speak against it."""
    found, n = explanation(), explanation().players.n_image
    first, dog = found.first_order.copy(), found.players.find_text("dog")[0]
    first[n + dog] = 1.5 * np.abs(found.second_order).sum()
    found = replace(found, first_order=first, second_order=-np.abs(found.second_order))
    faces = [text.get_bbox_patch().get_facecolor() for text in plots.caption(found).texts]
    assert np.argmin([face[2] for face in faces]) == dog


def test_caption_writes_each_word_once():
    found = explanation()
    texts = plots.caption(found).texts
    assert [t.get_text() for t in texts] == [p.label for p in found.players.text]
    dog = [p.label for p in found.players.text].index("dog")
    faces = [
        t.get_bbox_patch().get_facecolor()
        for t in plots.caption(found, patches=[int(np.argmax(found.cross[:, dog]))]).texts
    ]
    assert np.argmin([face[2] for face in faces]) == dog  # the most orange


def test_top_pairs_draws_the_strongest():
    found = explanation()
    ax = plots.top_pairs(found, 5)
    assert_close([bar.get_width() for bar in ax.patches], [pair.value for pair in found.top_pairs(5)], 1e-12)
    label = ax.get_yticklabels()[0].get_text()
    assert label.startswith(found.players.text[found.top_pairs(1)[0].text].label)


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"words": ["dog"]},
        {"words": ["dog", "bus"]},
        {"words": [f"word{i}" for i in range(60)]},
        {"words": ["$x^2$", "🐕", "猫", r"\frac{"]},
        {"first_only": True},
        {"stderr": False},
        {"picture": False},
        {"scale": 0.0},
        {"grid": (1, 1)},
        {"grid": (24, 24)},
        {"status": "give more masks"},
    ],
    ids=str,
)
def test_overview_of_every_shape(options, tmp_path):
    path = tmp_path / "figure.png"
    figure = plots.overview(explanation(**options), path)
    with Image.open(path) as image:
        assert np.asarray(image.convert("L")).std() > 10
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert "what the model sees" in titles
    assert any(title.startswith("patches alone") for title in titles)
    if not options:
        assert {"dog", "bus", "owl", "strongest pairs"} <= set(titles)


def test_overview_needs_a_folder(tmp_path):
    with pytest.raises(InputError, match="Cannot write"):
        plots.overview(explanation(), tmp_path / "none" / "figure.png")


def drawn(figure):
    """The figure, laid out."""
    figure.canvas.draw()
    return figure


def test_regions_are_drawn_by_their_boxes():
    found = explanation()
    found = replace(found, players=replace(found.players, grid=None))
    ax = plots.heatmap(found, "dog")
    dog = found.players.find_text("dog")[0]
    assert_close(np.asarray(ax.collections[-1].get_array()), found.cross[:, dog], 1e-12)
    left, top, right, bottom = found.players.image[8].box
    corners = ax.collections[-1].get_paths()[8].get_extents()
    assert_close(np.array(corners.extents), 448 * np.array([left, top, right, bottom]), 1e-9)
    assert "dog" in [ax.get_title(loc="left") for ax in plots.overview(found).axes]


def test_regions_are_drawn_in_their_shapes():
    found = of_regions()
    ax = plots.heatmap(found, "dog")
    assert_close(np.asarray(ax.images[-1].get_array().filled(np.nan)), found.heatmap("dog"), 1e-12)
    assert ax.images[-1].get_extent() == [0, 448, 448, 0]
    corners = np.vstack([path.vertices for path in ax.collections[-1].get_paths()])
    regions = found.players.regions
    assert set(np.unique(np.round(corners * 96 / 448, 6))) <= set(range(97))
    assert not any((corners * 96 / 448 < 11.5).all(1))  # none where there is no region
    assert len(ax.collections[-1].get_paths()) >= regions.max() + 1
    titles = [ax.get_title(loc="left") for ax in plots.overview(found).axes]
    assert "dog" in titles
    assert any(title.startswith("regions alone") for title in titles)


def test_a_comparison_is_one_figure_on_one_scale(tmp_path):
    found = comparison()
    path = tmp_path / "figure.png"
    axes = plots.compare(found, path=path)
    with Image.open(path) as image:
        assert np.asarray(image.convert("L")).std() > 10
    figure = axes[0].figure
    assert [ax.get_title(loc="left") for ax in axes[:3]] == list(found.labels)
    facts = [ax.texts[-1].get_text() for ax in axes[:3]]
    assert facts == [f"similarity {value} logit  ·  fit R² 0.950" for value in ("21.50", "12.50", "21.50")]
    rows = [line[0].texts[0].get_text() for line in zip(*[iter(axes)] * 3, strict=True)]
    assert rows == ["all words", "dog", "bus", "owl"]
    limit = max(found.limit(), *(np.abs(e.patch_values(w)).max() for _, e in found for w in ((11, 14), "bus", "owl")))
    assert {ax.images[-1].get_clim() for ax in axes} == {(-limit, limit)}
    dog = [np.ma.filled(ax.images[-1].get_array(), np.nan) for ax in axes[3:6]]
    for drawn_values, (_, e) in zip(dog, found, strict=True):
        assert_close(drawn_values, e.heatmap((11, 14)), 1e-12)
    bar = figure.axes[-1]
    assert [tick.get_text() for tick in bar.get_xticklabels()][-1] == f"+{limit:.2g} logit"


def test_a_comparison_says_what_is_missing():
    found = comparison(first_only=True, status="give more masks")
    axes = plots.compare(found)
    said = [[text.get_text() for text in ax.texts] for ax in axes]
    assert all("not estimated" in said[k] for k in range(0, len(axes) - 3, 3))
    assert said[-3][0].startswith("regions alone  (colours to ±")
    assert_close(np.asarray(axes[-3].images[-1].get_array()), found["patches"].heatmap(order=1), 1e-12)
    assert any("patches: give more masks" in text.get_text() for text in axes[0].figure.texts)


def test_a_row_of_a_comparison_is_drawn_where_it_is_told_to():
    found = comparison()
    axes = Figure().subplots(1, 3)
    drawn = plots.compare(found, "bus", axes=axes)
    assert drawn == list(axes)
    assert {ax.images[-1].get_clim()[1] for ax in axes} == {found.limit("bus")}
    assert len(plots.compare(found, "bus")) == 3
    with pytest.raises(InputError, match="also"):
        plots.compare(found, "also")
    with pytest.raises(InputError, match="Cannot write"):
        plots.compare(found, path="/no/such/folder/figure.png")


@pytest.mark.parametrize("players", [Players.of(n_image=3, n_text=2), Players.of(n_image=0, n_text=5)], ids=str)
def test_players_without_a_place_are_drawn(players):
    found = Explanation(0.0, np.ones(5), np.zeros((5, 5)), 0.0, 1.0, "X", players)
    drawn(plots.overview(found))


def test_a_pair_that_is_not_estimated_counts_as_nothing():
    found = explanation()
    second = found.second_order.copy()
    second[:49, 50] = second[50, :49] = second[0, 49:] = second[49:, 0] = np.nan
    values = np.asarray(plots.heatmap(replace(found, second_order=second)).images[-1].get_array())
    assert np.isnan(values[0, 0])
    assert_close(values.ravel()[1:], np.delete(found.cross, 1, axis=1).sum(1)[1:], 1e-12)


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [[f"word{i}" for i in range(60)], ["猫猫猫猫猫猫猫猫"] * 12, ["W" * 200, "WEATHER", "WARNING", "dog"] * 4, ["dog"]],
)
def test_a_caption_of_any_length_stays_in_its_place(words):
    found = explanation(words=words)
    for ax in (plots.caption(found), plots.overview(found).axes[0]):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph .* missing")
            figure = drawn(ax.figure)
            boxes = [text.get_window_extent() for text in ax.texts]
            maps = [other.get_tightbbox() for other in figure.axes if other is not ax and other.get_title(loc="left")]
        assert len(boxes) == len(words)
        assert all(0 < box.x0 < box.x1 < figure.bbox.x1 and 0 < box.y0 < box.y1 < figure.bbox.y1 for box in boxes)
        assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in [*boxes[i + 1 :], *maps])


def test_a_long_status_stays_in_the_figure():
    figure = drawn(plots.overview(explanation(status="give more masks before you trust these numbers, " * 5)))
    for text in figure.texts:
        assert text.get_window_extent().x1 < figure.bbox.x1
    assert any("give more masks" in text.get_text() for text in figure.texts)


def test_every_map_says_its_scale():
    found = explanation()
    maps = {ax.get_title(loc="left"): ax.images[-1] for ax in plots.overview(found).axes if len(ax.images) == 2}
    limit = maps["dog"].get_clim()[1]
    assert all(maps[word].get_clim()[1] == limit for word in ("bus", "owl"))
    assert f"all words  (colours to ±{np.abs(found.cross.sum(1)).max():.2g})" in maps
    assert f"patches alone  (colours to ±{np.abs(found.first_order[:49]).max():.2g})" in maps


def test_first_order_results_colour_the_words_by_it():
    found = explanation(first_only=True)
    faces = [t.get_bbox_patch().get_facecolor() for t in plots.caption(found, order=1).texts]
    assert np.argmax([face[2] for face in faces]) != np.argmin([face[2] for face in faces])
    assert np.argmin([face[2] for face in faces]) == np.argmax(found.first_order[49:])
    assert any("first-order effects only" in text.get_text() for text in plots.overview(found).texts)


def test_no_intervals_without_standard_errors():
    assert "95 %" in plots.top_pairs(explanation()).get_xlabel()
    assert "95 %" not in plots.top_pairs(explanation(stderr=False)).get_xlabel()


@pytest.mark.parametrize("words", [["🐕", "猫"], ["$x^2$"], [r"\frac{"]], ids=str)
def test_notebooks_show_any_script_without_a_warning(words):
    assert viewer.mimebundle(explanation(words=words))["image/png"]


def test_results_come_first():
    found = explanation()
    ways = {"heatmap": "words", "caption": "patches", "network": "top", "grounding": "words", "overview": "path"}
    for name, second in ways.items():
        message = rf"^fixlip\.plots\.{name}\(explanation, {second}\) takes an Explanation first, got a str\.$"
        with pytest.raises(InputError, match=message):
            getattr(plots, name)("dog", found)
    for name, kind in (("compare", "a Comparison"), ("contrast", "a Contrast"), ("convergence", "a Sweep")):
        with pytest.raises(InputError, match=f"takes {kind} first, got an Explanation"):
            getattr(plots, name)(found)
    with pytest.raises(InputError, match="takes an Explanation first"):
        plots.heatmap(explanation=None)
    with pytest.raises(InputError, match="takes explanations first, got 'dog'"):
        plots.shared_limit("dog", found)
    assert plots.heatmap(explanation=found).images
