"""Hits as data: sorting, why one is above another, where a word lies, and where it fails."""

from dataclasses import replace

import numpy as np
import pytest

from fixlip.errors import InputError
from fixlip.players.base import Player, Players
from fixlip.players.regions import region_box
from fixlip.results.hits import NO_WORDS, TOGETHER, Hit, Hits
from fixlip.results.provenance import Provenance

WORDS = Players.of(n_image=0, words=["a", "dog", "a"])


def hit(name, contributions, cross, regions=None):
    grid, similarity = (2, 2) if regions is None else None, sum(contributions) + 1.5
    image = Players.of(grid=(2, 2)).image
    if regions is not None:
        image = tuple(Player("image", str(k), region_box(regions, k)) for k in range(4))
    players = Players(image, WORDS.text, grid, WORDS.caption, regions=regions)
    words, errors = np.array(contributions), np.zeros(3)
    numbers = (similarity, words, errors, 2.0, -0.5, 0.0, np.zeros(7), np.array(cross), None, 0.0, "FWBII(p=0.5)")
    return Hit(name, *numbers, players, b"no picture", Provenance(r2=0.5))


def left(value):
    """Interactions of "dog" with the four patches: with the two on the left side."""
    return [[0, value, 0], [0, 0, 0], [0, value, 0], [0, -9, 0]]


@pytest.fixture
def hits():
    one, two = hit("one", [1.0, 3.0, 0.5], left(2.0)), hit("two", [-1.0, 4.0, 0.0], left(-2.0))
    bad = hit("bad", [0.1, -0.2, 0.1], left(1.0))
    return Hits(WORDS.caption, WORDS, (one, two), (two, bad, None), 9)


def test_a_table_of_hits_and_words(hits):
    table = hits.to_pandas()
    assert list(table) == ["picture", "similarity", "a", "dog", "a (2)", NO_WORDS, TOGETHER, "r2"]
    parts = table[["a", "dog", "a (2)", NO_WORDS, TOGETHER]].sum(axis=1)
    assert parts.tolist() == pytest.approx(table["similarity"].tolist())
    assert repr(hits) == "Hits('a dog a', 2 of 9 pictures: one 6.00, two 4.50)"
    assert repr(hits[1]) == "Hit('two' 4.50: a -1.00, dog +4.00, a +0.00)"
    assert [one.name for one in hits] == [one.name for one in hits[:2]] == ["one", "two"]


def test_sorting_by_a_word_and_why_one_is_above_another(hits):
    assert [one.name for one in hits.sorted_by("dog")] == ["two", "one"]
    assert [one.name for one in hits.sorted_by("a")] == ["one", "two"]  # both together
    rows = hits.above(0, hits[1])
    assert [row.part for row in rows] == ["a", "dog", "a (2)", NO_WORDS, TOGETHER]
    assert [row.difference for row in rows] == [2.0, -1.0, 0.5, 0.0, 0.0]
    assert sum(row.difference for row in rows) == hits[0].similarity - hits[1].similarity


def test_where_a_word_lies(hits):
    left_half, top = (0, 0, 0.5, 1), (0, 0, 1, 0.4)
    assert hits[0].share_in("dog", left_half) == 1.0
    assert hits[0].share_in("dog", top) == pytest.approx(0.4)
    assert np.isnan(hits[1].share_in("dog", left_half))  # no positive interaction: it lies nowhere
    assert [one.name for one in hits.where("dog", left_half)] == ["one"]
    assert not hits.where("dog", left_half, inside=False)
    assert [one.name for one in hits.where("dog", top, inside=False)] == ["one"]
    with pytest.raises(InputError, match="A box is left"):
        hits.where("dog", (1, 0, 0, 1))
    with pytest.raises(InputError, match="Unknown word 'cat'"):
        hits.where("cat", left_half)


def test_regions_lie_where_their_pixels_are():
    regions = np.array([[0, 0, 0, 1], [2, 3, 3, 0]])
    share = hit("one", [1.0, 1.0, 1.0], [[0, 4, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0]], regions).share_in
    assert share("dog", (0, 0, 0.75, 0.5)) == 0.75


def test_the_first_picture_in_which_a_word_fails(hits):
    assert hits.failing("dog").name == "bad"
    assert hits.failing("a").name == "two"
    assert hits.failing(2) is None


def test_a_summary_claims_no_more_than_the_numbers(hits):
    said = hits.summary()
    assert said.startswith("2 hits among 9 pictures; “dog” carries them.")
    assert "may" not in said
    three = Hits(WORDS.caption, WORDS, (*hits, hit("bad", [0.1, -0.2, 0.1], left(1.0))), hits.failures, 9)
    assert "“dog” (in 2) carries them" in three.summary()
    poor = hit("poor", [0.1, -0.2, -2.0], left(1.0))
    assert poor.similarity < poor.empty_value
    some = Hits(WORDS.caption, WORDS, (*hits, poor), hits.failures, 9).summary()
    assert some.endswith("Only 2 of 3 score above an empty picture and an empty query; perhaps the others do not fit.")
    none = Hits(WORDS.caption, WORDS, (poor, poor), hits.failures, 9).summary()
    assert none.endswith("so perhaps nothing here fits.")
    assert "carr" not in none


def test_a_word_speaks_against_a_picture_only_if_it_matters(hits):
    assert [(word, value, one.name) for word, value, one in hits.speaking_against()] == [("a", -1.0, "two")]
    uncertain = replace(hits.failures[0], contribution_errors=np.array([0.6, 0.0, 0.0]))
    assert not replace(hits, failures=(uncertain, *hits.failures[1:])).speaking_against()


def test_a_damaged_thumbnail_is_refused(hits):
    with pytest.raises(InputError, match="not a picture"):
        hits[0].explanation()
