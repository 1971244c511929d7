"""Sequences of any kind, by position, and numbers of any library."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from fixlip import Comparison, Players, plots
from fixlip.arguments import in_order, real_number, whole_number
from fixlip.errors import InputError, OptionError
from fixlip.io.images import inputs_in_order
from fixlip.players.regions import make_regions
from fixlip.players.words import group_by_phrases, words_of
from fixlip.results.gallery import Gallery
from tests.helpers.pictures import explanation

WORDS = ["a", "red", "dog"]


class Numbered:
    """A data set of torch: items by number, and a length; it never says where it ends."""

    def __len__(self):
        return len(WORDS)

    def __getitem__(self, k):
        return WORDS[k % len(WORDS)]


KINDS = {  # the words in everything that people keep words in
    "list": list,
    "tuple": tuple,
    "generator": lambda values: (value for value in values),
    "array": np.array,
    "objects": lambda values: np.array(values, dtype=object),
    "keys": lambda values: dict.fromkeys(values).keys(),
    "shuffled column": lambda values: pd.Series(values, index=[2, 0, 1]),
    "filtered column": lambda values: pd.Series(["x", *values], index=[5, 7, 9, 11])[1:],
    "data set": lambda values: Numbered(),
}


@pytest.mark.parametrize("kind", KINDS)
def test_any_sequence_goes_by_position(kind):
    assert in_order("texts", KINDS[kind](WORDS)) == WORDS


@pytest.mark.parametrize("single", ["dog", b"dog", Path("dog.png"), 3, None, np.array(3), torch.tensor(3)])
def test_a_single_value_is_one_element(single):
    assert in_order("texts", single) == [single]


@pytest.mark.parametrize("values", [{"a"}, {"a": 1}, frozenset(), pd.DataFrame({"a": [1]})])
def test_what_has_no_order_is_refused(values):
    with pytest.raises(InputError, match=f"texts must be a list, got a {type(values).__name__}"):
        in_order("texts", values)


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 1), (4, 5, 3), (4, 5, 4)])
def test_an_array_that_is_a_picture_is_one_picture(shape):
    assert inputs_in_order("images", np.zeros(shape))[0].shape == shape
    many = (3, *shape) if len(shape) == 3 else (3, *shape, 3)
    assert [one.shape for one in inputs_in_order("images", np.zeros(many))] == [many[1:]] * 3


@pytest.mark.parametrize("number", [3, np.int64(3), np.uint8(3), np.array(3), torch.tensor(3)])
def test_whole_numbers(number):
    assert (whole_number("n", number), type(whole_number("n", number))) == (3, int)


@pytest.mark.parametrize("number", [0.5, np.float32(0.5), np.float16(0.5), np.array(0.5), torch.tensor(0.5)])
def test_numbers(number):
    assert (real_number("p", number), type(real_number("p", number))) == (0.5, float)
    with pytest.raises(OptionError, match="n must be a whole number"):
        whole_number("n", number)


@pytest.mark.parametrize("number", [True, np.True_, torch.tensor(True), "1", np.array([1]), float("inf"), 1j, None])
def test_what_is_no_number(number):
    for check in (real_number, whole_number):
        with pytest.raises(OptionError, match="must be a"):
            check("n", number)


@pytest.mark.parametrize("kind", ["tuple", "generator", "array", "shuffled column", "filtered column"])
def test_words_of_any_kind(kind):
    players = Players.of(n_image=1, words=["dog", "a", "red", "cat"])
    assert players.find_text(KINDS[kind](WORDS)) == [0, 1, 2]
    spans = words_of("a big red dog")
    assert [span for span, _ in group_by_phrases("a big red dog", spans, KINDS[kind](WORDS))] == spans


def test_words_by_number():
    players = Players.of(n_image=1, words=["dog", "a", "red", "cat"])
    for two in ([2, 3], np.array([2, 3]), pd.Series([2, 3]), range(2, 4), torch.tensor([2, 3]), iter([2, 3])):
        assert players.find_text(two) == [2, 3]
    assert players.find_text((0, 5)) == [0, 1]  # a span
    for number in (np.int64(1), torch.tensor(1)):
        assert players.find_text(number) == [1]
    with pytest.raises(InputError, match="Unknown word"):
        players.find_text(1.0)
    assert Players.of(n_image=0, words="dog").labels == ("dog",)


def test_regions_of_any_kind():
    boxes, picture = [(0, 0, 2, 2), (2, 0, 4, 2)], Image.new("RGB", (4, 2))
    column = pd.Series(boxes, index=[1, 0])
    for several in (tuple(boxes), iter(boxes), column, pd.Series([(9, 9, 9, 9), *boxes])[1:], np.array(boxes, float)):
        assert make_regions(several, picture).labels[0].tolist() == [0, 0, 1, 1]


def test_results_and_figures_take_any_kind():
    one = explanation()
    both = Comparison(iter([one, one]), pd.Series(["x", "y"], index=[1, 0]))
    assert (both.labels, Gallery(iter([one]), "dog").labels) == (("x", "y"), ("dog",))
    word = one.players.text[0].label
    limit = float(np.abs(one.patch_values(word)).max())
    assert plots.shared_limit(one, word) == plots.shared_limit(both, [word]) == limit
    colours = [
        [text.get_bbox_patch().get_facecolor() for text in plots.caption(one, patches, limit=1.0).texts]
        for patches in ([1, 2], (1, 2), iter([1, 2]), pd.Series([1, 2], index=[2, 1]))
    ]
    assert all(colour == colours[0] for colour in colours)
