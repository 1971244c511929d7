"""Hard-negative captions by hand."""

import numpy as np
import pytest

from fixlip import InputError, Players
from fixlip.metrics import foil_test
from tests.helpers.explanations import explained

TRUE, FOILED = Players.of(grid=(1, 2), words=["a", "red", "car"]), Players.of(grid=(1, 2), words=["a", "blue", "car"])


def scores(true, foiled, *, full=(9.0, 7.0), words=("red", "blue")):
    return foil_test(explained(TRUE, cross=true, full=full[0]), explained(FOILED, cross=foiled, full=full[1]), *words)


def test_a_model_and_an_explanation_that_notice():
    found = scores([[1, 3, 1], [1, 1, 1]], [[1, -3, 1], [1, 2, 1]])
    assert (found.accuracy, found.margin, found.lower, found.found, found.chance) == (True, 2.0, True, True, 1 / 3)


def test_and_ones_that_do_not():
    found = scores([[1, -3, 1], [1, 2, 1]], [[1, 3, 1], [1, 1, 1]], full=(7.0, 9.0))
    assert (found.accuracy, found.margin, found.lower, found.found) == (False, -2.0, False, False)
    same = scores([[1, 1, 1], [1, 1, 1]], [[1, 1, 1], [1, 1, 1]], full=(7.0, 7.0), words=("red", "a"))
    assert (same.accuracy, same.lower, same.found) == (False, False, False)


def test_lower_is_of_sums_and_found_of_the_least_word():
    found = scores([[0, 5, 0], [0, 0, 0]], [[0, 4, 0], [-1, -1, -1]])
    assert found.lower
    assert not found.found


def test_several_words_and_words_of_different_number():
    found = scores([[0, 1, 0], [0, 0, 0]], [[0, 2, -1], [0, 0, -3]], words=("red", (2, 10)))
    assert (found.lower, found.found, found.chance) == (True, True, 2 / 3)
    found = scores([[0, 1, 0], [0, 0, 0]], [[3, 2, 0.5], [0, 0, 0]], words=("red", (2, 10)))
    assert (found.lower, found.found) == (False, True)


def test_without_pairs_first_order_effects_count():
    one, other = explained(TRUE, text=[0, 1, 2], full=3.0), explained(FOILED, text=[0, -1, 2])
    assert foil_test(one, other, "red", "blue") == foil_test(one, other, (2, 5), (2, 6))
    assert foil_test(one, other, "red", "blue").found
    assert not foil_test(one, other, "red", "car").found


def test_words_are_looked_for_in_their_own_caption():
    with pytest.raises(InputError, match="red"):
        scores(np.ones((2, 3)), np.ones((2, 3)), words=("red", "red"))
