"""Captions in which two like words change places."""

import pytest

from fixlip.errors import InputError
from fixlip.players.like_words import exchanges


@pytest.mark.parametrize(
    ("caption", "pairs", "expected"),
    [
        ("a yellow dog and a black hydrant", None, ["a black dog and a yellow hydrant"]),
        ("An orange cat, a black dog", None, ["A black cat, an orange dog"]),
        ("Red and blue", None, ["Blue and red"]),
        ("a small red car, a big red bus", None, ["a big red car, a small red bus"]),  # red is red
        (
            "two red cars and three blue cars",
            None,
            ["three red cars and two blue cars", "two blue cars and three red cars"],
        ),
        ("a blue-green vase, a red cup, an old green door", None, ["a blue-green vase, a green cup, an old red door"]),
        ("a dog chasing a cat", [("cat", "dog")], ["a cat chasing a dog"]),
        ("a hot dog and a cat", [("hot dog", "cat")], ["a cat and a hot dog"]),
        ("red red green", None, ["green red red", "red green red"]),
    ],
)
def test_words_change_places_with_their_articles(caption, pairs, expected):
    assert sorted(e.caption for e in exchanges(caption, pairs)) == sorted(expected)


@pytest.mark.parametrize(
    ("caption", "pairs", "message"),
    [
        ("a dog and a cat", None, "no two different words of one kind"),
        ("a red dog and a red cat", None, "no two different words"),
        ("a dog and a cat", [("dog", "bus")], "'bus' is not in the caption"),
        ("a dog and a cat", [("dog", "")], "'' is not in the caption"),
        ("a hot dog", [("hot dog", "dog")], "overlap"),
    ],
)
def test_what_cannot_be_exchanged_says_so(caption, pairs, message):
    with pytest.raises(InputError, match=message):
        exchanges(caption, pairs)
