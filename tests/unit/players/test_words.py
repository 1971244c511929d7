import re
import unicodedata

import open_clip
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixlip.encoders.bpe import token_spans
from fixlip.errors import InputError
from fixlip.players.alignment import align
from fixlip.players.words import (
    STOP_WORDS,
    group_by_content,
    group_by_phrases,
    group_into_words,
    word_label,
    words_of,
)

TOKENIZERS = {clean: open_clip.tokenizer.SimpleTokenizer(clean=clean) for clean in ("lower", "canonicalize")}


@pytest.fixture(scope="module")
def tokenizer():
    return open_clip.get_tokenizer("ViT-B-32")


CAPTIONS = {
    "a photo of a dog": ["a", "photo", "of", "a", "dog"],
    "A skateboarder's dog, running!": ["A", "skateboarder's", "dog", "running"],
    "  two   spaces ": ["two", "spaces"],
    "café naïve İstanbul": ["café", "naïve", "İstanbul"],
    "a 猫 and 狗": ["a", "猫", "and", "狗"],
    "黑狗": ["黑", "狗"],
    "검은 강아지": ["검은", "강아지"],
    "\u1100\u1165\u11b7 강아지가": ["\u1100\u1165\u11b7", "강아지가"],  # the first decomposed
    "แมวดำ นั่ง": ["แมวดำ", "นั่ง"],
    "50% off (C#), @home #1": ["50%", "off", "C#", "@home", "#1"],
    "-5° or 100％!": ["-5°", "or", "100％"],
    "dog 🐕 next to 👩‍👩‍👧": ["dog", "🐕", "next", "to", "👩‍👩‍👧"],
    "rock & roll &amp; more": ["rock", "&", "roll", "amp", "more"],
    "“smart quotes” – dash": ["smart", "quotes", "–", "dash"],
    "e\u0301te\u0301": ["e\u0301te\u0301"],
}


@pytest.mark.parametrize(("caption", "words"), CAPTIONS.items())
def test_words_of_captions(tokenizer, caption, words):
    ids, spans = token_spans(tokenizer, caption)
    groups = group_into_words(caption, tuple(spans))
    assert ids == tokenizer.encode(caption)
    assert [word_label(caption, span) for span, _ in groups] == words
    assert [i for _, members in groups for i in members] == list(range(len(ids)))


@given(st.text(max_size=40))
def test_any_text(text):
    tokenizer = open_clip.tokenizer._tokenizer
    ids, spans = token_spans(tokenizer, text)
    assert ids == tokenizer.encode(text)
    assert all(0 <= start < end <= len(text) for start, end in spans)
    groups = group_into_words(text, tuple(spans))
    assert [i for _, members in groups for i in members] == list(range(len(ids)))
    starts = [span[0] for span, _ in groups]
    assert starts == sorted(set(starts))


PIECES = st.one_of(
    st.text("abcdeghimnorstxyzABDEKS", min_size=1, max_size=6),
    st.sampled_from(["don't", "DOG'S", "rock-n-roll", "a.b", "snake_case", "it’s", "O’Neill", "x", "a", "the", "next"]),
    st.sampled_from(["café", "cafe\u0301", "İstanbul", "straße", "ΟΔΟΣ", "ﬁsh", "Ｆｕｌｌ", "naïve", "е\u0301", "ﾈｺ"]),
    st.sampled_from(["猫", "黑狗", "か\u3099", "がく", "한국어", "犬。", "𠮷"]),
    st.sampled_from(["🐕", "👩‍👩‍👧", "👍🏽", "🇩🇪", "🇩🇪🇫🇷", "❤️", "1️⃣", "🏴‍☠️"]),
    st.sampled_from([".", ",", "...", "-", "–", "—", "&", "!?", "“", "”", "(", ")", "_", "#1", "50%", "$5", "…", "½"]),
)
SPACES = st.sampled_from([" ", "  ", "\t", "\n", "\u00a0", "\u3000", "\u2009", "\r\n", "\u2028"])
WORDS = st.lists(PIECES, min_size=1, max_size=3).map("".join)


@st.composite
def captions(draw):
    parts = [part for word in draw(st.lists(WORDS, max_size=7)) for part in (word, draw(SPACES))]
    return draw(st.sampled_from(["", " ", "\n"])) + "".join(parts[: len(parts) - draw(st.integers(0, 1))])


def bare(text):
    """Letters and digits without case, accents and typographic forms."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(c for c in plain if c.isalnum())


def in_order(wanted, text):
    rest = iter(text)
    return all(c in rest for c in wanted)


def assert_partition(text, groups, n_tokens):
    assert [i for _, members in groups for i in members] == list(range(n_tokens))
    assert all(members for _, members in groups)
    ends = [place for span, _ in groups for place in span]
    assert ends == sorted(ends)
    assert all(0 <= start < end <= len(text) for (start, end), _ in groups)
    assert all(word_label(text, span).strip() for span, _ in groups)


@pytest.mark.parametrize("clean", TOKENIZERS)
@given(text=captions(), data=st.data())
def test_players_of_any_caption(clean, text, data):
    tokenizer = TOKENIZERS[clean]
    ids, spans = token_spans(tokenizer, text)
    cleaned = tokenizer.clean_fn(text)
    assert ids == tokenizer.encode(text)
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert [s for s, _ in spans] == sorted(s for s, _ in spans)
    assert in_order(bare(cleaned), bare("".join(text[slice(*span)] for span in spans)))

    groups = group_into_words(text, spans)
    assert_partition(text, groups, len(ids))
    words = words_of(text)
    for start, end in words:
        covering = sum(a <= start and end <= b for (a, b), _ in groups)
        assert covering == 1 if re.search("[A-Za-z]", text[start:end]) or clean == "lower" else covering <= 1
        assert sum(a < end and start < b for (a, b), _ in groups) == covering

    assert_partition(text, group_by_content(text, spans), len(ids))
    if words:
        first = data.draw(st.integers(0, len(words) - 1))
        last = data.draw(st.integers(first, len(words) - 1))
        phrase = (words[first][0], words[last][1])
        if any(start < phrase[1] and phrase[0] < end for (start, end), _ in groups):
            phrased = group_by_phrases(text, spans, [phrase])
            assert_partition(text, phrased, len(ids))
            assert sum(a <= phrase[0] and phrase[1] <= b for (a, b), _ in phrased) == 1
            apart = [g for g in groups if g[0][1] <= phrase[0] or phrase[1] <= g[0][0]]
            assert len(phrased) == len(apart) + 1
            assert all(g in phrased for g in apart)
            try:
                assert_partition(text, group_by_phrases(text, spans, [text[slice(*phrase)]]), len(ids))
            except InputError as error:  # another occurrence of the phrase is a part of the same word, or has no token
                reason = str(error)
            else:
                reason = "overlap"
            assert re.search("overlap|no token", reason)
        else:
            with pytest.raises(InputError, match="no token"):
                group_by_phrases(text, spans, [phrase])


def test_words_and_labels():
    assert words_of("a dog") == [(0, 1), (2, 5)]
    assert words_of("か\u3099く") == [(0, 2), (2, 3)]
    assert word_label("(dog)", (0, 5)) == "dog"
    assert word_label("...", (0, 3)) == "..."


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("a dog,", "a dog"),
        ("(a dog).", "a dog"),
        ("- a  big\n dog -", "a big dog"),
        ("“rock & roll”", "rock & roll"),
        ("don't, stop", "don't, stop"),
        ("ice-cream", "ice-cream"),
        ("🐕!", "🐕"),
        ("- -", "- -"),
    ],
)
def test_labels_of_several_words(text, label):
    assert word_label(text, (0, len(text))) == label


def test_align_follows_lower_case_and_lost_spaces():
    assert align("a dog", "A  Dog") == [(0, 1), (0, 1), (3, 4), (4, 5), (5, 6)]
    assert align("", "x") == []


@pytest.mark.parametrize(
    ("cleaned", "original", "pieces"),
    [
        ("abc abc", "a-b-c\tabc", "a b c a b c"),
        ("abc abc", "a-b-c“abc", "a b c a b c"),
        ("🐕 🐕 a", " 🐕  🐕 a", "🐕 🐕 a"),
        ("a b… c", "a... b… c", "a b … c"),
        ("< x", " &lt; x", "&lt; x"),
        ("dog < cat", "dog &lt; cat", "d o g &lt; c a t"),
        ("& amp", "&amp;amp; amp", "&amp;amp; a m p"),
        ("é", "e\u0301", "e\u0301"),
        ("fish", "ﬁsh", "ﬁ ﬁ s h"),
        ("οδος", "ΟΔΟΣ", "Ο Δ Ο Σ"),
        ("dog — cat", "dog â€” cat", "d o g â€” c a t"),
    ],
)
def test_align_through_what_cleaning_mends(cleaned, original, pieces):
    found = zip(cleaned, align(cleaned, original), strict=True)
    assert [original[slice(*span)] for char, span in found if char != " "] == pieces.split()


def players(text, groups):
    return [word_label(text, span) for span, _ in groups]


def by_phrases(text, phrases):
    return group_by_phrases(text, words_of(text), phrases)


@pytest.mark.parametrize(
    ("text", "phrases", "expected"),
    [
        ("a black dog and a cat", ["Black Dog"], ["a", "black dog", "and", "a", "cat"]),
        ("a black dog and a cat", [(2, 11), "a  cat"], ["a", "black dog", "and", "a cat"]),
        ("a dog, a dog!", ["a dog"], ["a dog", "a dog"]),
        ("the skateboarder's dog", ["skateboarder"], ["the", "skateboarder's", "dog"]),
        ("hot dogs and a hot dog", ["hot dog"], ["hot", "dogs", "and", "a", "hot dog"]),
        ("one two three", [(6, 9)], ["one", "two three"]),
        ("a black\ndog", ["black dog"], ["a", "black dog"]),
        ("the café’s cat", ["cafe\u0301's cat"], ["the", "café’s cat"]),
        ("cafe\u0301s and cafe", ["cafe"], ["cafe\u0301s", "and", "cafe"]),
        ("ΟΔΟΣ x", ["οδος"], ["ΟΔΟΣ", "x"]),
        ("黑猫和狗", ["黑猫"], ["黑猫", "和", "狗"]),
        ("a 🐕 dog", ["🐕 dog"], ["a", "🐕 dog"]),
        ("a dog", [], ["a", "dog"]),
    ],
)
def test_phrases_are_players(text, phrases, expected):
    assert players(text, by_phrases(text, phrases)) == expected


@pytest.mark.parametrize(
    ("text", "phrases", "expected"),
    [
        ("하한국", ["한국"], ["하", "한국"]),
        ("강아지가 검은 집", ["강아지", (5, 6)], ["강아지", "가", "검", "은", "집"]),
        ("แมวดำนั่งบนเสื่อ", [(0, 3), (3, 5)], ["แมว", "ดำ", "นั่งบนเสื่อ"]),  # Thai
        ("แมวดำนั่งบนเสื่อ", ["เสื่อ", "แมว"], ["แมว", "ดำนั่งบน", "เสื่อ"]),
        ("ຫມາສີດໍາ", [(0, 3), (3, 8)], ["ຫມາ", "ສີດໍາ"]),  # Lao
        ("ឆ្កែខ្មៅ", [(0, 4), (4, 8)], ["ឆ្កែ", "ខ្មៅ"]),  # Khmer
        ("ခွေးနက်", [(0, 4), (4, 7)], ["ခွေး", "နက်"]),  # Burmese
        ("黒い犬と白い猫", [(0, 2), (2, 4), (4, 6)], ["黒い", "犬と", "白い", "猫"]),
        ("ｲﾇﾈｺ", [(0, 2), (2, 4)], ["ｲﾇ", "ﾈｺ"]),
        ("a แมวcat dog", ["cat"], ["a", "แมว", "cat", "dog"]),
        ("แม่มา", [(0, 2)], ["แม่", "มา"]),  # a mark stays with its letter
    ],
)
def test_phrases_inside_a_run_of_letters(text, phrases, expected):
    letters = [(k, k + 1) for k, letter in enumerate(text) if not letter.isspace()]
    groups = group_by_phrases(text, letters, phrases)
    assert players(text, groups) == expected
    assert [k for _, members in groups for k in members] == list(range(len(letters)))


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        ([(0, 1), (1, 4), (4, 5)], [((0, 3), (0, 1)), ((3, 5), (2,))]),  # a token across the edge: its larger part
        ([(0, 2), (2, 4), (4, 5)], [((0, 3), (0, 1)), ((3, 5), (2,))]),  # or the first
        ([(0, 2), (2, 5)], [((0, 3), (0,)), ((3, 5), (1,))]),
    ],
)
def test_phrases_that_touch_are_apart_whatever_the_tokens(tokens, expected):
    assert group_by_phrases("แมวดำ", tokens, [(0, 3), (3, 5)]) == expected


def test_a_phrase_whose_token_covers_more_has_none():
    with pytest.raises(InputError, match="no token of the phrase 'ดำ' alone"):
        group_by_phrases("แมวดำ", [(0, 5)], [(0, 3), (3, 5)])


def test_a_string_is_found_at_letters_only():
    with pytest.raises(InputError, match="No phrase 'แม'"):
        by_phrases("แม่มา", ["แม"])


@pytest.mark.parametrize(
    ("phrases", "message"),
    [
        (["blck dog"], "No phrase 'blck dog' in the caption 'a black dog - ice-cream'. Did you mean 'black dog'"),
        (["blackdog"], "Did you mean 'black dog'"),
        (["zzz"], r"No phrase 'zzz' in the caption 'a black dog - ice-cream'.$"),
        (["og"], "No phrase 'og'"),
        ([""], "at least one word"),
        ([" \n"], "at least one word"),
        ([(1, 2)], "white space"),
        ([(3, 3)], "characters 0 to 23"),
        ([(-1, 3)], "characters 0 to 23"),
        ([(2, 99)], "characters 0 to 23"),
        ([(1, 2, 3)], r"A phrase is a string or \(start, end\)"),
        ([3], "A phrase is a string"),
        ([None], "A phrase is a string"),
        ([(0.5, 2)], "A phrase is a string"),
        ("dog", "Phrases are a list"),
        (None, "Phrases are a list"),
        (["black dog", "dog"], "'black dog' and 'dog' overlap"),
        (["dog", "dog"], "overlap"),
        (["ice", "cream"], "overlap"),
        (["-"], "overlap|no token"),
        ([(12, 13)], "no token of the phrase '-'"),
    ],
)
def test_what_is_no_phrase(phrases, message):
    text = "a black dog - ice-cream"
    tokens = [span for span in words_of(text) if span != (12, 13)]
    with pytest.raises(InputError, match=message) as caught:
        group_by_phrases(text, tokens, phrases)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a black dog next to a hydrant", ["a black", "dog", "next to a hydrant"]),
        ("The dog, which is on IT.", ["The dog, which is on IT"]),
        ("two dogs (not one) on it", ["two", "dogs", "not", "one) on it"]),
        ("rock & roll - live", ["rock", "roll", "live"]),
        ("it’s a cat", ["it’s a cat"]),
        ("to be or not", ["to be or not"]),
        ("to be - or", ["to", "be", "-", "or"]),
        ("🐕 in the 猫", ["🐕", "in the 猫"]),
        ("", []),
    ],
)
def test_stop_words_go_with_the_content(text, expected):
    assert players(text, group_by_content(text, words_of(text))) == expected


def test_stop_words_are_written_as_they_are_compared():
    assert all(word == word.casefold().strip() for word in STOP_WORDS)
    assert not STOP_WORDS & {"not", "no", "can", "two", "dog", "black", "left", "front"}


def test_tokens_of_no_character_go_with_a_neighbour():
    text = " a dog"
    assert group_into_words(text, [(0, 0), (0, 1), (1, 2), (2, 2), (3, 6)]) == [((1, 2), (0, 1, 2, 3)), ((3, 6), (4,))]
    assert group_into_words("  ", [(0, 1), (1, 2)]) == [((0, 2), (0, 1))]
    assert group_into_words("", []) == []
