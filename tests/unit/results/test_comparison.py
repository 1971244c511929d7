from dataclasses import replace

import numpy as np
import pytest

from fixlip import Comparison, InputError
from tests.helpers.pictures import comparison, explanation, of_regions, of_tokens


def test_words_are_matched_by_their_characters():
    found = Comparison((explanation(), of_tokens(grid=(8, 8))), ("words", "tokens"))
    words = {word.label: word.players for word in found.words()}
    assert [word.label for word in found.words()] == [p.label for p in found[0].players.text]
    assert words["dog"] == ([3], [3, 4])
    assert words["bus"] == ([5], [6])
    assert words["also"] == ([7], [])
    assert [word.players[::-1] for word in Comparison(found.explanations[::-1], ("t", "w")).words()] == [
        word.players for word in found.words()
    ]


def test_words_without_characters_are_matched_by_their_label():
    text = tuple(replace(p, span=None) for p in explanation(words=["dog", "bus"]).players.text)
    one = explanation(words=["dog", "bus"])
    one = replace(one, players=replace(one.players, text=text))
    other = replace(one, players=replace(one.players, text=text[::-1]))
    assert {w.label: w.players for w in Comparison((one, other), ("a", "b")).words()} == {
        "dog": ([0], [1]),
        "bus": ([1], [0]),
    }


def test_one_scale_for_patches_regions_and_boxes():
    boxes = explanation(scale=9.0)
    boxes = replace(boxes, players=replace(boxes.players, grid=None))
    both = Comparison((of_regions(), boxes), ("regions", "boxes"))
    assert both.limit("dog") == max(np.abs(e.patch_values("dog")).max() for _, e in both)


def test_captions_must_agree():
    with pytest.raises(InputError, match="different captions"):
        Comparison((explanation(), explanation(words=["dog"])), ("a", "b"))


def test_it_shows_itself(tmp_path):
    found = comparison()
    assert found.to_html(tmp_path / "page.html").read_text("utf-8") == found.to_html()
    bundle = found._repr_mimebundle_()
    assert bundle["text/html"].startswith("<iframe sandbox")
    assert bundle["image/png"].startswith("iVBOR")


def test_differences_of_planted_words():
    """A pair with "dog" 2.5 above adds half of it; tokens add up to the word; a word never read has no difference."""
    one, other = explanation(), of_tokens()
    pairs, n = other.second_order.copy(), other.players.n_image
    tokens = other.players.find_text("do")
    pairs[0, n + tokens[0]] = pairs[n + tokens[0], 0] = pairs[0, n + tokens[0]] + 2.5
    found = Comparison((one, replace(other, second_order=pairs, stderr=other.stderr)), ("words", "tokens"))
    rows = {row["word"]: row for row in found.differences()}
    assert rows[None]["difference"] == other.full_value - one.full_value
    adds = one.additive().text[one.players.find_text("dog")[0]]
    assert rows["dog"]["first_value"] == pytest.approx(adds)
    word = next(word for word in found.words() if word.label == "dog")
    assert rows["dog"]["second_value"] == pytest.approx(2.5 / 2 + other.additive().text[word.players[1]].sum())
    assert rows["dog"]["difference"] == rows["dog"]["second_value"] - rows["dog"]["first_value"]
    assert rows["bus"]["difference"] == pytest.approx(0, abs=1e-12)
    assert np.isnan(rows["also"]["difference"])
    assert np.isnan(rows["dog"]["low"])  # the tokens have no standard errors
    assert {(row["first"], row["second"]) for row in found.differences()} == {("words", "tokens")}


def test_an_interval_of_a_difference_holds_what_another_draw_changes():
    found = Comparison((explanation(), explanation(), explanation(scale=3.2)), ("a", "b", "c"))
    rows = found.differences()
    assert [(row["first"], row["second"]) for row in rows if row["word"] is None] == [
        ("a", "b"),
        ("a", "c"),
        ("b", "c"),
    ]
    assert len(rows) == 3 * (1 + found[0].players.n_text)
    similarity, dog = rows[0], next(row for row in rows if row["word"] == "dog")
    assert (similarity["difference"], similarity["low"], similarity["high"]) == (0, 0, 0)
    assert dog["difference"] == 0
    error = found[0].additive().stderr[found[0].players.n_image + found[0].players.find_text("dog")[0]]
    assert dog["high"] == -dog["low"] == pytest.approx(1.96 * np.sqrt(2) * error)


def test_differences_need_one_unit():
    one = explanation()
    ranked = Comparison((one, replace(one, unit="relevance")), ("a", "b")).differences()
    assert ranked[0]["difference"] == 0  # the similarities are logits in both
    assert all(np.isnan(row["difference"]) and np.isfinite(row["first_value"]) for row in ranked[1:])
    alone = explanation(first_only=True)
    assert [row["second_value"] for row in Comparison((one, alone), ("a", "b")).differences()[1:]] == pytest.approx(
        alone.first_order[alone.players.n_image :].tolist()
    )
    assert Comparison((one,), ("a",)).differences() == []
