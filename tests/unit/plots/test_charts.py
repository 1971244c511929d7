"""Curves, removal, classes: what was drawn is what was given."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from fixlip import InputError, plots
from fixlip.metrics import by_class
from fixlip.metrics.curves import removal_order
from fixlip.plots.style import COLOURS
from fixlip.results.removal_curves import RemovalCurves
from tests.helpers import results
from tests.helpers.oracles import assert_close
from tests.helpers.pictures import explanation
from tests.helpers.results import summarise

X = [0.0, 0.5, 1.0]
CURVES = [
    {
        "model": m,
        "estimator": "banzhaf",
        "curve": curve,
        "fractions": X,
        "values": [0.0, y, 1.0],
        "low": low,
        "high": high,
    }
    for m, y, low, high in (("clip", 0.6, None, None), ("siglip", 0.8, [0.0, 0.7, 1.0], [0.0, 0.9, 1.0]))
    for curve in ("insertion", "deletion")
]


def with_curves(found):
    """The model's own score made up: what the surrogate says, and a little."""
    order, sizes = removal_order(found)
    made = RemovalCurves(order, sizes, np.zeros(len(sizes)), np.zeros(len(sizes)))
    without, alone = (found.predict(masks) + 1.0 for masks in made.masks())
    return replace(found, curves=RemovalCurves(order, sizes, without, alone))


def test_methods_are_models_with_their_estimators():
    ax = plots.curves(CURVES, ax=Figure().add_subplot())
    assert [list(line.get_ydata()) for line in ax.lines] == [row["values"] for row in CURVES]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["clip · banzhaf", "siglip · banzhaf"]
    looks = [(line.get_color(), line.get_marker()) for line in ax.lines]
    assert looks[0] == looks[1] != looks[2] == looks[3]
    assert looks[0][1] != looks[2][1]
    assert "dashed" in ax.get_legend().get_title().get_text()
    alone = plots.curves(CURVES[::2])
    assert alone.get_legend().get_title().get_text() == ""


def test_bands_are_the_intervals():
    ax = plots.curves(CURVES)
    assert len(ax.collections) == 2  # of the two that have one
    for band in ax.collections:
        corners = band.get_paths()[0].vertices
        assert_close(sorted({round(y, 9) for x, y in corners if x == 0.5}), [0.7, 0.9], 1e-9)
        assert to_hex(band.get_facecolor()[0]) == COLOURS[1]


def test_curves_of_an_evaluation_have_bands_that_hold_the_mean():
    found = summarise(results.rows(12, better=0.1)).curves
    assert len(found) > 4
    for row in found:
        low, values, high = (np.array(row[name]) for name in ("low", "values", "high"))
        assert (low <= values + 1e-9).all()
        assert (values <= high + 1e-9).all()
    ends = [{"fractions": [0, 1], "insertion": [0, y], "deletion": [y, 0]} for y in (0.0, 1.0) * 50]
    spread = summarise([results.row(i, "m", "e", {"insertion-deletion": e}) for i, e in enumerate(ends)]).curves[1]
    assert_close([spread["low"][-1], spread["high"][-1]], [0.5 - 1.96 * 0.05, 0.5 + 1.96 * 0.05], 0.02)  # binomial
    one = summarise([results.row(0, "m", "e", {"insertion-deletion": ends[0]})]).curves[0]
    assert one["low"] is one["high"] is None


def test_removal_draws_the_model_and_the_surrogate():
    found = with_curves(explanation())
    ax = plots.removal(found)
    deletion, surrogate, insertion, other = ax.lines[:4]
    n, sizes = len(found.players), found.curves.sizes
    assert_close(deletion.get_xdata(), sizes, 0)
    assert_close(insertion.get_xdata(), n - sizes, 0)
    assert_close(deletion.get_ydata(), found.curves.deletion, 0)
    assert_close(insertion.get_ydata(), found.curves.insertion, 0)
    without, alone = found.curves.masks()
    assert_close(surrogate.get_ydata(), found.predict(without), 1e-12)
    assert_close(other.get_ydata(), found.predict(alone), 1e-12)
    assert (surrogate.get_linestyle(), deletion.get_linestyle()) == ("--", "-")
    assert {line.get_ydata()[0] for line in ax.lines[4:]} == {found.full_value, found.empty_value}
    assert str(n) in ax.get_xlabel()


def test_removal_needs_curves():
    with pytest.raises(InputError, match="curves=True"):
        plots.removal(explanation())
    found = replace(with_curves(explanation()), unit="relevance")
    assert len(plots.removal(found).lines) == 4  # no surrogate; the two values of the game


def test_class_bars_of_by_class():
    values = [(i, name, 0.1 * k + 0.02 * i) for i in range(8) for k, name in enumerate(("owl", "$bus", "dog"))]
    found = by_class([*values, ("x", "once", 0.9)])
    ax = plots.class_bars(found, chance=0.15)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["once", "dog", r"\$bus", "owl"]
    order = [found[name] for name in ("once", "dog", "$bus", "owl")]
    assert_close([bar.get_width() for bar in ax.containers[0]], [interval.value for interval in order], 1e-12)
    lines = [segment[:, 0] for segment in ax.containers[1].lines[2][0].get_segments()]
    for interval, (low, high) in list(zip(order, lines, strict=True))[1:]:
        assert_close([low, high], [interval.low, interval.high], 1e-9)
    assert lines[0][0] == lines[0][1]  # one picture: no interval
    assert 0.15 in [line.get_xdata()[0] for line in ax.lines]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["chance"]


def test_class_bars_of_a_summary():
    rows = [row for row in summarise(results.rows(12)).classes if row["model"] == "demo-clip"]
    ax = plots.class_bars(rows)
    methods = [container for container in ax.containers if hasattr(container, "patches")]
    assert [bars.get_label() for bars in methods] == list(dict.fromkeys(row["estimator"] for row in rows))
    names = [label.get_text() for label in ax.get_yticklabels()]
    for bars in methods:
        own = {row["name"]: row["pge"] for row in rows if row["estimator"] == bars.get_label()}
        assert_close([bar.get_width() for bar in bars], [own[name] for name in names if name in own], 1e-12)
    assert len({bars[0].get_hatch() for bars in methods}) == len(methods)
    marks = {
        round(float(s[0, 0]), 9) for c in ax.collections if c.get_label() in ("chance", "_") for s in c.get_segments()
    }
    assert {round(row["chance"], 9) for row in rows} <= marks
    assert len(plots.class_bars(rows, most=1).get_yticklabels()) == 1
    with pytest.raises(InputError, match="At most 4 methods"):
        plots.class_bars([rows[0] | {"estimator": str(k)} for k in range(5)])
    plots.class_bars([])
    plots.class_bars({})
