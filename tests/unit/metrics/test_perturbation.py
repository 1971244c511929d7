"""Conditional perturbation against plain loops and curves known in closed form."""

import numpy as np
import pytest

from fixlip import InputError, Players
from fixlip.games import CallableGame
from fixlip.games.closed_form import random_towers
from fixlip.metrics import perturbation
from fixlip.metrics.perturbation import CURVES
from tests.helpers.explanations import explained, of_game
from tests.helpers.oracles import assert_close

PLAYERS = Players.of(grid=(2, 2), words=["dog", "cat"])
DOG, CAT = (0.0, 0.0, 0.5, 0.5), (0.5, 0.5, 1.0, 1.0)
CROSS = np.array([[2.0, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 1.0]])


def game_of(cross, players=PLAYERS):
    """v(S, T) = sum of the cross pairs that are present."""
    n_image, n_text = np.shape(cross)
    return CallableGame(lambda s: s @ np.asarray(cross), lambda t: t * 1.0, n_image, n_text, players=players)


def test_curves_known_in_closed_form():
    dog, cat = perturbation(explained(PLAYERS, cross=CROSS), game_of(CROSS), ["dog", "cat"], [[DOG], [CAT]], points=5)
    third = 1 / 3
    assert_close(dog.image_insertion, [0, 2 * third, 2 * third, 2 * third, 1], 1e-12)
    assert_close(dog.image_deletion, [1, third, third, third, 0], 1e-12)
    assert_close(cat.image_insertion, [0, third, 1, 1, 1], 1e-12)
    assert_close(cat.image_deletion, [1, 2 * third, 0, 0, 0], 1e-12)
    assert_close(dog.text_insertion, [0, third, 2 * third, 5 / 6, 1], 1e-12)
    assert_close(cat.text_insertion, [0, third / 2, third, 2 * third, 1], 1e-12)
    assert_close(cat.text_deletion, [1, 5 / 6, 2 * third, third, 0], 1e-12)
    assert list(dog.areas) == list(CURVES)
    assert_close(dog.areas["image_insertion"], (3 * 2 * third + 0.5) / 4, 1e-12)


def test_in_an_additive_game_inserting_and_deleting_add_up():
    rng = np.random.default_rng(0)
    cross = rng.normal(size=(4, 2)) + 1
    for found in perturbation(explained(PLAYERS, cross=cross), game_of(cross), ["dog", "cat"], [[DOG], [CAT]]):
        assert_close(found.image_insertion + found.image_deletion, np.ones(51), 1e-9)
        assert_close(found.text_insertion + found.text_deletion, np.ones(51), 1e-9)


def test_it_is_its_definition():
    players = Players.of(grid=(2, 3), words=["a", "dog", "cat"])
    game = random_towers(6, 3, seed=3)
    cross = np.random.default_rng(3).normal(size=(6, 3))
    box = (0.0, 0.0, 0.5, 0.75)
    found = perturbation(explained(players, cross=cross), game, [(2, 9)], [[box]], points=7)[0]

    def value(image, text):
        mask = np.zeros((1, 9), dtype=bool)
        mask[0, list(image)] = True
        mask[0, [6 + k for k in text]] = True
        return game.values(mask)[0]

    def scaled(values, empty, full):
        return [(v - empty) / abs(full - empty) for v in values]

    patches = sorted(range(6), key=lambda i: -(cross[i, 1] + cross[i, 2]))
    ends = value([], range(3)), value(range(6), range(3))
    assert_close(found.image_insertion, scaled([value(patches[:k], range(3)) for k in range(7)], *ends), 1e-9)
    assert_close(found.image_deletion, scaled([value(patches[k:], range(3)) for k in range(7)], *ends), 1e-9)
    inside = [1, 0.5, 0, 0.5, 0.25, 0]
    words = sorted(range(3), key=lambda k: -sum(inside[i] * cross[i, k] for i in range(6)))
    ends = value(range(6), []), value(range(6), range(3))
    for curve, cut in ((found.text_insertion, slice), (found.text_deletion, lambda k: slice(k, None))):
        assert_close(curve[::2], scaled([value(range(6), words[cut(k)]) for k in range(4)], *ends), 1e-9)


def test_the_truth_is_better_than_random_and_than_its_negative():
    rng = np.random.default_rng(0)
    players = Players.of(grid=(6, 6), words=["dog", "cat"])
    cross = rng.exponential(size=(36, 2)) ** 3

    def areas(shown):
        found = perturbation(explained(players, cross=shown), game_of(cross, players), ["dog"], [[(0, 0, 1, 1)]])
        return found[0].areas

    best, worst, random = areas(cross), areas(-cross), areas(rng.normal(size=(36, 2)))
    for name in ("image_insertion", "image_deletion"):
        good, bad = (best, worst) if name.endswith("insertion") else (worst, best)
        assert bad[name] < random[name] < good[name]
    assert_close(best["image_insertion"], worst["image_deletion"], 1e-9)


def test_without_pairs_one_rank_serves_all_objects():
    found = perturbation(
        explained(PLAYERS, image=[3.0, 0, 0, 1], text=[0, 1]), game_of(CROSS), ["dog", "cat"], [[DOG], [CAT]], points=5
    )
    for name in CURVES:
        assert_close(getattr(found[0], name), getattr(found[1], name), 0.0)
    assert_close(found[0].image_insertion, [0, 2 / 3, 1, 1, 1], 1e-12)
    assert_close(found[0].text_insertion, [0, 1 / 6, 1 / 3, 2 / 3, 1], 1e-12)


def test_a_modality_that_adds_nothing_says_nothing():
    cross = np.array([[1.0, -1.0]] * 4)
    found = perturbation(explained(PLAYERS, cross=cross), game_of(cross), ["dog"], [[DOG]])[0]
    assert all(np.isnan(found.areas[name]) for name in CURVES)


def test_values_are_asked_for_once_and_words_are_checked():
    calls = []
    game = CallableGame(lambda s: s * 1.0, lambda t: calls.append(len(t)) or t @ np.ones((2, 4)), 4, 2, players=PLAYERS)
    assert len(perturbation(of_game(game, cross=CROSS), game, ["dog", "cat"], [[DOG], [CAT]])) == 2
    assert calls == [2 * 2 * (5 + 3)]
    assert perturbation(of_game(game, cross=CROSS), game, [], []) == ()
    with pytest.raises(InputError, match="horse"):
        perturbation(of_game(game, cross=CROSS), game, ["horse"], [[DOG]])
