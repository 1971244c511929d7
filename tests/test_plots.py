import subprocess
import sys

import numpy as np
import pytest
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from PIL import Image

from fixlip import InputError, Players, colours, plots
from tests.oracles import assert_close
from tests.pictures import explanation


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
    assert "patches alone" in titles
    if not options:
        assert {"dog", "bus", "owl", "strongest pairs"} <= set(titles)


def test_overview_needs_a_grid_and_a_folder(tmp_path):
    found = explanation()
    with pytest.raises(InputError, match="Cannot write"):
        plots.overview(found, tmp_path / "none" / "figure.png")
    from dataclasses import replace

    players = Players(found.players.image, found.players.text, None, found.players.caption)
    with pytest.raises(InputError, match="grid"):
        plots.overview(replace(found, players=players))
