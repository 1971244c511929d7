"""Figures on disk: by ending, whole or not at all, fit for print (also in grey); and one scale for several."""

import re
import zlib
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

import fixlip
from fixlip import Comparison, InputError, Players, plots
from fixlip.games import CallableGame
from fixlip.games.closed_form import random_towers
from fixlip.metrics import by_class
from fixlip.plots.places import spots_of
from fixlip.results.contrast import Contrast
from fixlip.results.tables import percent
from tests.helpers.oracles import assert_close
from tests.helpers.pictures import comparison, explanation, of_regions
from tests.unit.plots.test_charts import CURVES, with_curves


def third_order():
    game = CallableGame(random_towers(4, 2).image_fn, random_towers(4, 2).text_fn, 4, 2, players=PLAYERS)
    return fixlip.get_estimator("exact", order=3).explain(game, progress=False)


PLAYERS = Players.of(grid=(2, 2), words=["text0", "text1"])
BY_CLASS = by_class([("x", "dog", 0.5), ("y", "dog", 0.75)])
DRAW = {
    "binding": lambda **to: plots.binding(third_order(), "text0", "text1", **to),
    "caption": lambda **to: plots.caption(explanation(), **to),
    "class_bars": lambda **to: plots.class_bars(BY_CLASS, **to),
    "compare": lambda **to: plots.compare(comparison(), "dog", **to),
    "contrast": lambda **to: plots.contrast(Contrast(explanation(), explanation(seed=1)), **to),
    "curves": lambda **to: plots.curves(CURVES, **to),
    "grounding": lambda **to: plots.grounding(explanation(), "dog", [(0.1, 0.1, 0.5, 0.5)], **to),
    "heatmap": lambda **to: plots.heatmap(explanation(), "dog", **to),
    "network": lambda **to: plots.network(explanation(), **to),
    "overview": lambda **to: plots.overview(explanation(), **to),
    "removal": lambda **to: plots.removal(with_curves(explanation()), **to),
    "spectrum": lambda **to: plots.spectrum(third_order(), **to),
    "top_pairs": lambda **to: plots.top_pairs(explanation(), **to),
}


def test_each_function_is_here_or_draws_a_sweep():
    assert {*DRAW, "convergence", "save", "shared_limit"} == set(plots.__all__)


@pytest.mark.slow
@pytest.mark.parametrize("name", DRAW)
def test_the_ending_says_the_format(name, tmp_path):
    for suffix, start in ((".pdf", b"%PDF"), (".png", b"\x89PNG"), (".svg", b"<?xml")):
        path = tmp_path / f"figure{suffix}"
        DRAW[name](path=path)
        assert path.read_bytes().startswith(start)
    with Image.open(tmp_path / "figure.png") as image:
        assert np.asarray(image.convert("L")).std() > 5
    assert fonts_of(tmp_path / "figure.pdf") == {"Type 42"} or not letters(DRAW[name]())


def letters(drawn):
    figure = (drawn[0] if isinstance(drawn, list) else drawn).get_figure(root=True) or drawn
    return any(text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text")))


def fonts_of(path):
    """Kinds of the fonts that a PDF embeds: what is compressed is read too."""
    content = path.read_bytes()
    streams = [zlib.decompress(s) for s in re.findall(rb"FlateDecode.*?stream\r?\n(.*?)\r?\nendstream", content, re.S)]
    everything = b"\n".join([content, *streams])
    assert (b"/FontFile2" in everything) == (b"/CIDFontType2" in everything)
    kinds = {b"/Subtype /Type3": "Type 3", b"/FontFile2": "Type 42"}
    return {kind for mark, kind in kinds.items() if mark in everything}


def test_type_3_would_be_seen(tmp_path):
    plots.top_pairs(explanation()).figure.savefig(tmp_path / "figure.pdf")
    assert fonts_of(tmp_path / "figure.pdf") == {"Type 3"}


def test_lines_stay_lines(tmp_path):
    plots.network(explanation(picture=False), path=tmp_path / "network.svg")
    text = (tmp_path / "network.svg").read_text()
    assert "<image" not in text
    assert text.count('id="pair ') == 12


@pytest.mark.slow
def test_the_same_figure_is_the_same_bytes(tmp_path):
    for suffix in ("pdf", "png", "svg"):
        one, other = tmp_path / f"one.{suffix}", tmp_path / f"other.{suffix}"
        plots.network(explanation(), path=one)
        plots.save(plots.network(explanation()), other)
        assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("name", ["figure.jpg", "figure", "figure.png.txt"])
def test_another_ending_is_refused(name, tmp_path):
    with pytest.raises(InputError, match=r"must end in \.pdf, \.png, \.svg"):
        plots.heatmap(explanation(), path=tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_figure_that_fails_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "figure.pdf"
    path.write_text("old")
    monkeypatch.setattr(Figure, "savefig", lambda *args, **kwargs: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        plots.heatmap(explanation(), path=path)
    assert [p.read_text() for p in tmp_path.iterdir()] == ["old"]


def test_save_takes_what_was_drawn(tmp_path):
    figure = Figure()
    axes = figure.subplots(1, 2)
    for ax in axes:
        plots.heatmap(explanation(), ax=ax)
    for k, drawn in enumerate((figure, axes[0], list(axes))):
        plots.save(drawn, tmp_path / f"{k}.png")
    assert len({p.read_bytes() for p in tmp_path.iterdir()}) == 1


def test_a_shared_limit_is_the_largest_of_all_maps():
    one, other = explanation(), explanation(scale=7.0)
    words = ["dog", "owl"]
    limit = plots.shared_limit([one, other], words)
    assert limit == max(np.abs(e.patch_values(w)).max() for e in (one, other) for w in words)
    assert plots.shared_limit(Comparison((one, other), ("1", "2"))) == max(
        np.abs(e.cross.sum(1)).max() for e in (one, other)
    )
    assert plots.shared_limit([one], order=1) == np.abs(one.first_order[:49]).max()
    assert plots.shared_limit([one, other], pairs=True) == max(np.nanmax(np.abs(e.second_order)) for e in (one, other))
    clims = {plots.heatmap(e, w, limit=limit).images[-1].get_clim() for e in (one, other) for w in words}
    assert clims == {(-limit, limit)}
    drawn = plots.compare(Comparison((one, other), ("1", "2")), "dog", limit=2 * limit)
    assert {ax.images[-1].get_clim() for ax in drawn} == {(-2 * limit, 2 * limit)}


def test_a_word_that_one_lacks_does_not_count_there():
    one, other = explanation(), explanation(words=["a", "hat"])
    assert plots.shared_limit([one, other], ["dog"]) == np.abs(one.patch_values("dog")).max()


def test_units_are_not_mixed():
    cosine = replace(explanation(), unit="cosine")
    assert plots.shared_limit([cosine]) == np.abs(cosine.patch_values()).max()
    with pytest.raises(InputError, match="cosine, logit"):
        plots.shared_limit([explanation(), cosine])
    with pytest.raises(InputError, match="none"):
        plots.shared_limit([])


@pytest.mark.parametrize(
    "found", [explanation(), explanation(grid=(16, 16)), of_regions()], ids=["grid", "fine", "regions"]
)
def test_signs_are_marked_for_print_in_grey(found):
    ax = plots.heatmap(found, "dog", signs=True)
    values = found.patch_values("dog") / np.abs(found.patch_values("dog")).max()
    places = 448 * np.array(spots_of(found.players))
    for marker, there in (("+", values > 0.25), ("_", values < -0.25)):
        drawn = [np.array(line.get_data()).T for line in ax.lines if line.get_marker() == marker]
        assert len(drawn) == 2  # a light one below
        for marks in drawn:
            assert_close(marks, places[there], 1e-9)
    assert (values > 0.25).any()
    assert not plots.heatmap(found, "dog").lines


def test_maps_of_binding_are_those_of_the_words_and_of_both():
    found = third_order()
    maps = [ax.images[-1] for ax in plots.binding(found, "text0", "text1").axes if ax.images]
    for image, values in zip(maps, (found.cross[:, 0], found.cross[:, 1], found.binding(0, 1).values), strict=True):
        assert_close(np.asarray(image.get_array()).ravel(), values, 1e-12)


def test_the_square_says_the_shares():
    found = third_order()
    said = [text.get_text() for text in plots.spectrum(found).texts]
    assert len(said) == 8
    assert percent(found.spectrum()[1, 1]) in said
