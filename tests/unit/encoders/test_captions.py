"""Spans of tokens by every kind of tokenizer; `tests/unit/players/test_words.py` has what is made of them."""

import open_clip
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import fixlip
from fixlip.encoders.captions import read_byte_pairs, read_hugging_face
from fixlip.errors import InputError
from fixlip.players.words import group_into_words, word_label
from tests.helpers.models import encoder_of, folder, pieces_tokenizer, slow_siglip_tokenizer

PIECES = [
    "dog",
    "DOG",
    "e-mail",
    "skateboarder's",
    "café",
    "naïve,",
    "(bus)",
    "🐕",
    "👩\u200d👩\u200d👧",
    "猫",
    "黑狗",
    "한국어",
    "42",
    "U.S.",
    "...",
]
CAPTION = "A skateboarder's e-mail, (two) cafés & a 猫!"
WORDS = ["A", "skateboarder's", "e-mail", "two", "cafés", "a", "猫"]


def reader(kind):
    if kind.startswith("byte pairs,"):
        tokenizer = open_clip.SimpleTokenizer(context_length=77, clean=kind.split(", ")[1])
        return lambda text: read_byte_pairs(tokenizer, text)
    if kind == "canonical pieces":
        wrapped = open_clip.tokenizer.HFTokenizer(str(folder("siglip2")), context_length=64, clean="canonicalize")
        options = {"clean": wrapped.clean_fn, "own": lambda text: wrapped([text])[0]}
        return lambda text: read_hugging_face(wrapped.tokenizer, text, 64, **options)
    from transformers import AutoTokenizer

    made = {"pieces": pieces_tokenizer, "slow pieces": slow_siglip_tokenizer}.get(kind)
    tokenizer = made() if made else AutoTokenizer.from_pretrained(folder("bert" if "word" in kind else "clip"))
    return lambda text: read_hugging_face(tokenizer, text, 64)


KINDS = [
    "byte pairs, lower",
    "byte pairs, canonicalize",
    "byte pairs of transformers",
    "pieces",
    "canonical pieces",
    "slow pieces",
    "word pieces",
]


@pytest.fixture(scope="module", params=KINDS)
def read(request):
    return reader(request.param)


def words(x):
    return [word_label(x.text, span) for span, _ in group_into_words(x.text, x.spans)]


def test_words_of_a_caption(read):
    found = words(read(CAPTION))
    assert [w for w in found if w not in "&!"] == WORDS


@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=12), st.sampled_from([" ", "  ", "\t"]))
@example(["naïve,", "dog", "...", "dog", "dog"], " ")
@example(["naïve,", "dog", "🐕", "dog", "dog"], " ")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
def test_spans_of_any_caption(read, pieces, space):
    text = space.join(pieces)
    try:
        x = read(text)
    except InputError as error:
        assert "nothing that the tokenizer reads" in str(error)  # noqa: PT017
        return
    starts = [start for start, _ in x.spans]
    assert starts == sorted(starts)
    assert all(0 <= start < end <= len(text) for start, end in x.spans)
    assert len(x.positions) == len(x.spans) == len(set(x.positions))
    groups = group_into_words(text, x.spans)
    assert [i for _, members in groups for i in members] == list(range(x.n_tokens))
    if not x.notes:
        for letters in ("dog", "DOG", "bus", "42"):
            for place in (i for i in range(len(text)) if text.startswith(letters, i)):
                covering = [span for span, _ in groups if span[0] <= place and place + len(letters) <= span[1]]
                assert len(covering) == 1


def test_what_the_model_does_not_see_is_named(read):
    text = "dog bus " * 60 + "zebra"
    x = read(text)
    assert x.positions[-1] <= len(x.ids) - 1
    assert x.n_tokens >= 50
    assert "does not see" in x.notes[0]
    assert x.notes[0].count("zebra") == 1
    assert text[slice(*x.spans[0])] == "dog"[: x.spans[0][1]]
    assert x.spans[-1][1] < len(text)


@pytest.mark.slow
def test_a_cut_caption_is_explained_and_the_status_says_so(demo_clip):
    from tests.helpers.models import picture

    text = "dog " * 40 + "zebra"
    found = fixlip.explain(
        picture(), text, model=demo_clip, image_masks=128, options={"interactions": "cross"}, progress=False
    )
    assert found.players.n_text == 30
    assert found.players.caption == text
    assert "the model reads 30 of 41 tokens" in found.provenance.status


@pytest.mark.parametrize("caption", ["", "   ", "\n", 3])
def test_no_caption(read, caption):
    with pytest.raises(InputError, match="caption"):
        read(caption)


def test_special_marks_are_refused(demo_clip):
    with pytest.raises(InputError, match="mark"):
        demo_clip.text_input("a <end_of_text> dog")
    with pytest.raises(InputError, match="mark"):
        encoder_of("transformers CLIPModel").text_input("a <|endoftext|> dog")


@pytest.mark.parametrize("fast", [True, False])
def test_padding_may_be_a_token_of_the_caption(fast):
    from transformers import CLIPTokenizerFast

    tokenizer = CLIPTokenizerFast.from_pretrained(folder("clip")) if fast else slow_siglip_tokenizer()
    plain = read_hugging_face(tokenizer, "a dog", 16)
    tokenizer.pad_token = "!" if fast else tokenizer.convert_ids_to_tokens(int(plain.ids[plain.positions[-1]]))
    x = read_hugging_face(tokenizer, "a dog! dog" if fast else "a dog", 16)
    assert [x.text[slice(*span)] for span in x.spans] == (["a", "dog", "!", "dog"] if fast else ["a", "dog"])
    assert x.positions == tuple(range(x.positions[0], x.positions[0] + x.n_tokens))


def test_unknown_words_are_named(demo_clip):
    assert demo_clip.text_input("a dog and a bus").notes == ()
    assert "'zebra'" in demo_clip.text_input("a Zebra and a dog").notes[0].lower()


def test_tokens_that_the_model_really_gets(read):
    """The ids at the positions are those of the caption alone, in order."""
    x, y = read("dog bus"), read("dog")
    assert [int(x.ids[p]) for p in x.positions][: y.n_tokens] == [int(y.ids[p]) for p in y.positions]
