from dataclasses import replace

import numpy as np
import pytest

from fixlip import Comparison, InputError
from tests.pictures import comparison, explanation, of_regions, of_tokens


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
    assert found.to_html(tmp_path / "page.html") == (tmp_path / "page.html").read_text("utf-8")
    bundle = found._repr_mimebundle_()
    assert bundle["text/html"].startswith("<iframe sandbox")
    assert bundle["image/png"].startswith("iVBOR")
