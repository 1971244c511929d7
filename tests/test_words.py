import open_clip
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixlip.encoders.bpe import token_spans
from fixlip.encoders.words import align, group_into_words, word_label, words_of


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


def test_words_and_labels():
    assert words_of("a dog") == [(0, 1), (2, 5)]
    assert word_label("(dog)", (0, 5)) == "dog"
    assert word_label("...", (0, 3)) == "..."


def test_align_follows_lower_case_and_lost_spaces():
    assert align("a dog", "A  Dog") == [0, 2, 3, 4, 5]
    assert align("", "x") == []
