"""Captions in any script: another font where one is installed, one warning and a box where none is."""

import warnings

import matplotlib
import pytest
from matplotlib import font_manager

from fixlip import plots
from fixlip.plots import fonts
from tests.helpers.pictures import explanation

WORDS = ["猫", "ねこ", "قطة", "बिल्ली", "🐕", "❤️", "dog"]


@pytest.fixture
def bare(monkeypatch):
    """A machine that has matplotlib's default font and no other."""
    monkeypatch.setattr(fonts, "_families", lambda: ())
    monkeypatch.setattr(fonts, "_named", set())
    fonts._family_of.cache_clear()
    yield
    fonts._family_of.cache_clear()


def test_one_warning_names_each_script_once(bare):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        ax = plots.caption(explanation(words=WORDS))
        plots.network(explanation(words=WORDS))
        plots.caption(explanation(words=[*WORDS, "狗"]))
    text = " ".join(str(warning.message) for warning in said)
    for script in ("CJK", "HIRAGANA", "DEVANAGARI", "emoji"):
        assert text.count(script) == 1
    assert "U+732B" in text
    assert [t.get_text() for t in ax.texts][::6] == [fonts.BOX, "dog"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["caption", "network", "overview", "top_pairs", "heatmap"])
def test_then_nothing_else_is_said(bare, name, tmp_path):
    found = explanation(words=WORDS)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "No installed font")
        drawn = getattr(plots, name)(found)
    for suffix in ("pdf", "png", "svg"):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            plots.save(drawn, tmp_path / f"figure.{suffix}")


def test_a_font_that_has_it_is_taken(monkeypatch):
    known = {"猫": "A Font", "ね": "A Font"}
    monkeypatch.setattr(fonts, "family_of", lambda c: known.get(c, ""))
    own = matplotlib.rcParams["font.family"]
    texts = {t.get_text(): t.get_fontfamily() for t in plots.caption(explanation(words=["猫", "ねdog", "dog"])).texts}
    assert texts == {"猫": [*own, "A Font"], "ねdog": [*own, "A Font"], "dog": own}


def test_fonts_are_looked_up_by_what_they_hold():
    fonts._family_of.cache_clear()
    assert fonts.family_of("é") == ""
    assert fonts.family_of("\U0010fffd") is None  # for private use
    serif = next(f.name for f in font_manager.fontManager.ttflist if f.name == "DejaVu Serif")
    assert serif in fonts._families()
    assert not any(name.startswith(("cm", "STIX", "Last Resort")) for name in fonts._families())
    with matplotlib.rc_context({"font.family": ["cmr10"]}):
        assert fonts.family_of("Ж") not in ("", None)  # taken from another one


def test_joiners_are_left_out_and_the_rest_is_kept(bare, monkeypatch):
    monkeypatch.setattr(fonts, "family_of", lambda c: "" if c == "é" else None)
    with pytest.warns(UserWarning, match="emoji"):
        assert fonts.readable("a 🐕\u200d\ufe0f é") == f"a {fonts.BOX} é"
    assert fonts.readable("plain") == "plain"


def test_the_users_font_comes_first():
    with matplotlib.rc_context({"font.family": ["DejaVu Serif"]}):
        texts = plots.caption(explanation(words=["dog", "猫"])).texts
    assert [t.get_fontfamily()[0] for t in texts] == ["DejaVu Serif"] * 2
