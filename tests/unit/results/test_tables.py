"""Tables of results for pandas, what results say of themselves, and digits that matter."""

import sys
from dataclasses import replace

import numpy as np
import pytest

import fixlip
from fixlip import Comparison, Contrast, MissingExtraError, OptionError, Players
from fixlip.evaluation.report import report
from fixlip.results.gallery import Gallery
from fixlip.results.ranking import Ranked, Ranking
from fixlip.results.sweep import Sweep
from fixlip.results.tables import decimals, percent, signed
from tests.helpers import results
from tests.helpers.pictures import explanation


@pytest.fixture
def one():
    return explanation(words=["a", "dog"], caption="a dog")


def test_pairs_and_players(one):
    table, pairs = one.to_pandas(), one.top_pairs(one.cross.size)
    assert list(table.columns) == ["image", "text", "value", "stderr", "word", "patch"]
    assert [tuple(row) for row in table.itertuples(index=False)] == [tuple(pair) for pair in pairs]
    assert (pairs[0].word, pairs[0].patch) == (
        one.players.text[pairs[0].text].label,
        one.players.image[pairs[0].image].label,
    )
    players = one.to_pandas(order=1)
    assert players["label"].tolist() == list(one.players.labels)
    assert players["effect"].tolist() == one.first_order.tolist()
    assert (
        replace(one, second_order=np.full_like(one.second_order, np.nan))
        .to_pandas()
        .equals(replace(one, second_order=np.full_like(one.second_order, np.nan)).to_pandas(order=1))
    )


def test_every_result_has_its_rows(one, tmp_path):
    other = explanation(words=["a", "cat"], caption="a cat")
    both = Comparison((one, one), ("x", "y"))
    ranking = Ranking((Ranked("a dog", 2.5, 0.75, ()), Ranked("a cat", 1.0, 0.25, ())), "softmax")
    sweep = Sweep("p", (0.3, 0.5), (one, one), one, "p = 0.5")
    why = Contrast(one, replace(other, provenance=one.provenance))
    assert both.to_pandas().to_dict("records") == both.table()
    assert both.to_pandas("differences")["word"].tolist()[1:] == ["a", "dog"]
    assert why.to_pandas()["part"].tolist() == [row.part for row in why.rows()]
    assert why.to_pandas()["difference"].tolist() == [row.difference for row in why.rows()]
    assert Gallery((one, other)).to_pandas()["caption"].tolist() == ["a dog", "a cat"]
    assert ranking.to_pandas()["probability"].tolist() == [0.75, 0.25]
    assert sweep.to_pandas()["value"].tolist() == [0.3, 0.5]
    measured = report(results.write(tmp_path, results.rows(4)), examples=0)
    assert len(measured.to_pandas()) == len(measured.summary.headlines) > 0
    for found in (both, measured):
        with pytest.raises(OptionError, match=r"Unknown rows 'diferences'.*'differences'"):
            found.to_pandas("diferences")


def test_without_pandas_there_is_one_line(one, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtraError, match="pip install pandas"):
        one.to_pandas()


def test_results_say_words_and_patches(one):
    strongest = one.top_pairs(1)[0]
    line = f"{strongest.word} × {strongest.patch}: {signed(strongest.value, strongest.stderr)}"
    assert repr(strongest) == f"Pair({line})"
    assert line in repr(one)
    assert repr(Comparison((one, one), ("x", "y"))).count(line) == 2
    other = replace(explanation(words=["a", "cat"], caption="a cat"), provenance=one.provenance)
    assert "dog vs cat" in repr(Contrast(one, other))
    assert "dog vs cat" in repr(Contrast(one, other).rows())
    assert "a dog' 75.0%" in repr(Ranking((Ranked("a dog", 2.5, 0.75, ()),), "softmax"))
    assert repr(Players.of(grid=(2, 3), words=["a", "dog"])) == "Players(2 x 3 patches; a, dog)"
    alone = replace(one, second_order=np.full_like(one.second_order, np.nan))
    assert one.players.labels[int(np.abs(one.first_order).argmax())] in repr(alone)


@pytest.mark.parametrize(
    ("values", "errors", "places"),
    [
        ([15.8, 0.001], [], 2),
        ([0.034, 0.031], [0.004, 0.003], 4),
        ([2.85], [0.03], 2),
        ([2.85, 1.0, 0.5], [0.003, 0.002, 0.0], 3),
        ([0.0, float("nan")], [float("nan")], 2),
        ([1e-30], [], 12),
    ],
)
def test_decimals(values, errors, places):
    assert decimals(values, errors) == places


def test_small_shares_are_not_nothing():
    assert [percent(share) for share in (0.5, 0.002, 0.00067, 3e-9)] == ["50.0%", "0.2%", "0.067%", "3e-07%"]


def test_the_page_is_written_to_the_path_that_comes_back(one, tmp_path):
    for result in (one, Comparison((one, one), ("x", "y")), Gallery((one, one), ("x", "y"))):
        path = result.to_html(str(tmp_path / "page.html"))
        assert path == tmp_path / "page.html"
        assert path.read_text("utf-8") == result.to_html()


def test_faint_pairs_are_printed_with_digits(cli, tmp_path, one):
    faint = replace(one, first_order=one.first_order / 500, second_order=one.second_order / 500)
    faint = replace(faint, stderr=replace(one.stderr, second_order=one.stderr.second_order / 500))
    faint.save(tmp_path / "faint")
    out = cli("view", tmp_path / "faint")[1]
    pair = faint.top_pairs(1)[0]
    places = decimals([p.value for p in faint.top_pairs(10)], [p.stderr for p in faint.top_pairs(10)])
    assert f"{pair.value:+.{places}f} ± {pair.stderr:.{places}f}" in out
    assert "± 0.00 " not in out
    assert fixlip.Explanation.load(tmp_path / "faint") == faint
