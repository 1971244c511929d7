"""Properties over captions, phrases, label maps, specs, removals: any input is read, or is an error of one line."""

import json
import re
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

import fixlip
from fixlip.encoders import removal
from fixlip.errors import FixlipError, InputError, OptionError
from fixlip.players.base import MAX_CAPTION, Players
from fixlip.players.regions import MAX_REGIONS, make_regions
from fixlip.players.words import group_by_content, group_by_phrases, group_into_words, word_label, words_of
from fixlip.specs import options_of, parse, written
from tests.helpers.models import FAMILIES, encoder_of

PICTURE = Image.new("RGB", (5, 4))
ODD = [
    "\U0001f469\u200d\U0001f469\u200d\U0001f467", "👍🏽", "🇩🇪🇫🇷", "e\u0301", "a" + "\u0301" * 40, "\u202eabc", "שלום",
    "\u200b", "\x00", "\x1b[31m", "\ufeff", "\ud800", "\udfff", "&amp;", "&#0;", "<|endoftext|>", "<pad>", "<unk>",
    "[MASK]", "İ", "ß", "ﷺ", "猫", "한국", "½", "…", "...", "!?", "dog", "dog", "a", "\n", "\r\n", "\u2028", "\u3000",
    "\t", "x" * 300, "</w>", "\ue000", "\ufffd", "\U000e0067", "''",
]  # fmt: skip
TEXTS = st.one_of(
    st.text(st.characters(codec=None), max_size=30),
    st.lists(st.sampled_from(ODD), max_size=8).map(" ".join),
    st.lists(st.one_of(st.sampled_from(ODD), st.text(max_size=4)), max_size=8).map("".join),
)
JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


def one_line(error):
    return len(str(error).splitlines()) <= 1


def check_groups(text, x, groups):
    """Every token is in one player; spans are in the text, in order, apart; labels say something."""
    assert [i for _, members in groups for i in members] == list(range(x.n_tokens))
    spans = [span for span, _ in groups]
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert all(one[1] <= other[0] for one, other in pairwise(spans))
    assert all(word_label(text, span).strip() for span in spans)


@pytest.mark.parametrize("family", FAMILIES)
@given(text=TEXTS)
def test_captions(family, text):
    try:
        x = encoder_of(family).text_input(text)
    except InputError as error:
        assert one_line(error)  # noqa: PT017
        return
    assert text.strip()
    assert not any("\ud800" <= c <= "\udfff" for c in text)
    for group in (group_into_words, group_by_content):
        check_groups(text, x, group(text, x.spans))
    if not x.notes and family == "callables":  # which reads every word
        covered = [
            any(start <= k < end for (start, end), _ in group_into_words(text, x.spans)) for k in range(len(text))
        ]
        assert all(inside or c.isspace() for inside, c in zip(covered, text, strict=True))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    "text", ["a" * (MAX_CAPTION + 1), "", " \n\u3000", None, 3, b"dog", ["dog"], "a \ud800 dog", "\udc80"]
)
def test_no_captions(family, text):
    with pytest.raises(InputError) as caught:
        encoder_of(family).text_input(text)
    assert one_line(caught.value)


PHRASES = st.lists(
    st.one_of(
        TEXTS,
        st.tuples(st.integers(-3, 40), st.integers(-3, 40)),
        st.sampled_from([None, 3, (1,), (1, 2, 3), (0.5, 2)]),
    ),
    max_size=3,
)


@given(text=TEXTS, phrases=PHRASES, own=st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=3))
def test_phrases(text, phrases, own):
    words = words_of(text)
    found = [(words[a][0], words[b][1]) for a, b in own if a <= b < len(words)]  # spans of whole words
    for chosen in (phrases, found):
        try:
            groups = group_by_phrases(text, words, chosen)
        except InputError as error:
            assert one_line(error) or "\n" in text  # noqa: PT017
            continue
        assert [i for _, members in groups for i in members] == list(range(len(words)))
        spans = [span for span, _ in groups]
        assert all(one[1] <= other[0] for one, other in pairwise(spans))
        assert all(span in spans for span in chosen if chosen is found)


@given(
    st.lists(TEXTS.filter(str.strip), min_size=1, max_size=4),
    st.one_of(TEXTS, st.integers(-5, 5), st.tuples(st.integers(), st.integers())),
)
def test_find_text(words, wanted):
    players = Players.of(n_image=1, words=words)
    assert all(k in players.find_text(k) for k in range(len(words)))
    try:
        found = players.find_text(wanted)
    except InputError as error:
        assert one_line(error)  # noqa: PT017
        return
    assert found
    assert set(found) <= set(range(len(words)))


SHAPES = array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=6)
KINDS = st.sampled_from(["bool", "int8", "uint8", "int64", "uint64", "float32", "float64", "complex64", "U2", "O"])
ARRAYS = st.one_of(
    st.tuples(KINDS, SHAPES).flatmap(lambda both: arrays(*both)),
    arrays(np.int64, (4, 5)),
    arrays(np.int64, (4, 5), elements=st.integers(-2, 25)),
    arrays(bool, (4, 5)),
    arrays(bool, (3, 4, 5)),
    arrays(float, (2, 4)),
)
BOXES = st.lists(st.one_of(st.floats(), st.integers(-3, 9)), min_size=3, max_size=5)
NAMED = st.one_of(
    TEXTS,
    st.from_regex(r"\A(grid|slic):[0-9x:٣-]{0,8}\Z"),
    st.sampled_from(["grid:0", "grid:99999", "slic:1", "slic:0", "grid:4x5"]),
)
REGIONS = st.one_of(
    ARRAYS, st.lists(BOXES | ARRAYS, max_size=4), st.dictionaries(TEXTS, BOXES | ARRAYS, max_size=3), NAMED, JSONS
)


@given(spec=REGIONS)
@settings(max_examples=200)
def test_regions(spec):
    with np.errstate(all="ignore"):
        try:
            found = make_regions(spec, PICTURE)
        except FixlipError as error:
            assert one_line(error)  # noqa: PT017
            return
    assert found.labels.shape == (4, 5)
    assert set(np.unique(found.labels)) - {-1} == set(range(len(found.names)))
    assert 1 <= len(found.names) <= MAX_REGIONS
    assert all(isinstance(name, str) and name.strip() for name in found.names)


@given(TEXTS)
@settings(max_examples=200)
def test_specs(text):
    try:
        name, options = parse(text)
    except OptionError as error:
        assert one_line(error)  # noqa: PT017
        return
    assert repr(parse(written(name, options))) == repr((name, options))


PLAIN = st.from_regex(r"\A[a-z_]{1,8}\Z")


@given(TEXTS, st.dictionaries(PLAIN, JSONS, max_size=3))
def test_what_is_written_is_read(name, options):
    assert json.dumps(parse(written(name, options))) == json.dumps([name, options])


@given(st.lists(st.one_of(TEXTS, st.tuples(PLAIN, TEXTS).map("=".join)), max_size=3))
def test_options(pairs):
    try:
        found = options_of(pairs)
    except OptionError as error:
        assert one_line(error)  # noqa: PT017
        return
    assert all(name in {pair.partition("=")[0] for pair in pairs} for name in found)


@given(st.one_of(TEXTS, st.from_regex(r"\A(mean|blur|attention|drop|replace|delete):?[-0-9.e_nai]{0,6}\Z")))
@settings(max_examples=150)
def test_removals(text):
    for side in ("image", "text"):
        allowed = removal.removals(side)
        try:
            found = removal.parse(text, allowed, side)
        except OptionError as error:
            assert one_line(error)  # noqa: PT017
            continue
        assert found.name in allowed
        assert removal.parse(str(found), allowed, side).name == found.name
        assert found.value is None or 0 <= found.value < 1e9


@given(TEXTS)
@settings(max_examples=30)
def test_model_names(text):
    if re.match(r"\s*(demo-|RN|ViT|hf-hub)", text):
        return
    with pytest.raises(FixlipError) as caught:
        fixlip.load_model(text, device="cpu")
    assert one_line(caught.value)


@given(TEXTS, st.dictionaries(PLAIN, JSONS, max_size=2))
@settings(max_examples=100)
def test_estimators_by_any_name(text, options):
    for name in (text, "banzhaf", "lime"):
        try:
            fixlip.get_estimator(name, **options)
        except FixlipError as error:
            assert one_line(error)  # noqa: PT017
