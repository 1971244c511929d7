"""Matching of words to categories, against a slow oracle over all substrings, and on captions as people write them."""

import json
from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixlip.datasets.coco_words import synonyms
from fixlip.datasets.spans import Vocabulary, plural

COCO = list(json.loads((files("fixlip") / "assets" / "coco_words.json").read_text())["words"])
COCO += [name for name in ("zebra", "giraffe", "elephant") if name not in COCO]


@pytest.fixture(scope="module")
def coco():
    return Vocabulary(COCO, synonyms())


def found(vocabulary, text):
    return [(m.name, text[slice(*m.span)]) for m in vocabulary.find(text)]


def test_the_table_has_all_80_categories_and_no_word_twice():
    table = json.loads((files("fixlip") / "assets" / "coco_words.json").read_text())
    words = [word for listed in table["words"].values() for word in listed]
    assert len(set(COCO)) == 80
    assert len(words) == len(set(words))
    assert not set(words) & set(table["other"])
    assert not set(words) & set(COCO)
    assert all(word == word.strip().lower() and word for word in [*words, *table["other"]])


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("A man and two Women.", [("person", "man"), ("person", "Women")]),
        ("a hot dog", [("hot dog", "hot dog")]),
        ("hot-dogs, a dog", [("hot dog", "hot-dogs"), ("dog", "dog")]),
        ("two traffic lights", [("traffic light", "traffic lights")]),
        ("A light.", []),
        ("a teddy bear near a bear", [("teddy bear", "teddy bear"), ("bear", "bear")]),
        ("the bus stop", []),
        ("the bus stops", []),
        ("buses at a bus station", [("bus", "buses")]),
        ("a woman's bike", [("person", "woman"), ("bicycle", "bike")]),
        ("a man-made lake", []),
        ("a well-known man", [("person", "man")]),
        ("carpet, catalogue, dogma, manicure", []),
        ("a cart, a scar", []),
        ("mice, knives and sheep", [("mouse", "mice"), ("knife", "knives"), ("sheep", "sheep")]),
        ("a glass of wine; wine glasses", [("wine glass", "glass of wine"), ("wine glass", "wine glasses")]),
        ("a mother giraffe and a mother", [("giraffe", "mother giraffe"), ("person", "mother")]),
        ("cell\tphone", [("cell phone", "cell\tphone")]),
        ("motor  bike", [("motorcycle", "motor  bike")]),
        ("un chien à côté d'un chat, un ƒcar", []),
        ("Ein Käse und ein dog.", [("dog", "dog")]),
        ("dog_house dog1 2dogs", []),
        ("ſkis ſheep İ K", []),
        ("", []),
    ],
)  # fmt: skip
def test_captions_as_people_write_them(coco, text, names):
    assert found(coco, text) == names


def test_every_name_of_the_table_is_found_alone_in_both_numbers_and_any_case(coco):
    for word, category in {**synonyms(), **{name: name for name in COCO}}.items():
        expected = [] if category is None else [category]
        for form in (word, word.upper(), plural(word)):
            assert [m.name for m in coco.find(f"see {form}!")] == expected, form


def test_synonyms_of_categories_that_a_data_set_does_not_have_match_nothing():
    words = Vocabulary(["car", "van"], synonyms())
    assert found(words, "a van, a sedan and a man") == [("van", "van"), ("car", "sedan")]
    assert Vocabulary([]).find("a man") == []
    assert Vocabulary([""]).find("") == []


WORDS = ("hot", "dog", "bear", "teddy", "house", "Dogs", "hotdog", "x", "é")
JOINTS = (" ", "-", "  ", ", ", "_", "'")


def plainly(text):
    return " ".join(text.lower().replace("-", " ").split())


def oracle(forms, text):
    """From left to right, at each place where a word may begin, the longest substring that is a form."""

    def inside(i):  # of a word, or of one with a hyphen
        return i >= 0 and i < len(text) and (text[i].isalnum() or text[i] == "_")

    spans, i = [], 0
    while i < len(text):
        best = None
        for j in range(i + 1, len(text) + 1):
            before = inside(i - 1) or (i > 0 and text[i - 1] == "-" and inside(i - 2))
            after = inside(j) or (j < len(text) and text[j] == "-" and inside(j + 1))
            part = text[i:j]
            whole = inside(i) and inside(j - 1) and not before and not after
            joined = not any(pair in part for pair in ("- ", " -", "--"))
            if whole and joined and plainly(part) in forms:
                best = j
        if best:
            spans.append((forms[plainly(text[i:best])], (i, best)))
        i = best or i + 1
    return [(name, span) for name, span in spans if name is not None]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(WORDS), st.sampled_from(JOINTS)), max_size=8))
def test_the_longest_name_from_the_left_as_in_a_slow_oracle(parts):
    text = "".join(word + joint for word, joint in parts)
    words = Vocabulary(["dog", "hot dog", "bear", "teddy bear"], {"hotdog": "hot dog", "dog house": None})
    assert [tuple(m) for m in words.find(text)] == oracle(words.forms, text)


def test_the_oracle_sees_a_shortest_first_matcher():
    text = "a hot dog"
    forms = {"dog": "dog", "hot dog": "hot dog"}
    assert oracle(forms, text) == [("hot dog", (2, 9))]
    assert oracle({"dog": "dog"}, text) == [("dog", (6, 9))]


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=40))
def test_any_text_gives_ordered_spans_inside_it(text):
    words = Vocabulary(["dog", "s", "é", "İ", "k"], {})
    ends = [0]
    for mention in words.find(text):
        start, end = mention.span
        assert ends[-1] <= start < end <= len(text)
        ends.append(end)
