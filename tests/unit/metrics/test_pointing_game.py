"""Pointing game recognition against its definition, its chance levels and its ceilings."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixlip import InputError, Player, Players
from fixlip.metrics import limits, pointing_game, quadrants
from tests.helpers.explanations import explained
from tests.helpers.oracles import assert_close

WORDS = ["dog", "car", "tree", "cup"]
K = pytest.mark.parametrize("k", [1, 2, 3, 4])
PLACES = [2, 0, 3, 1]  # quadrants of the four words


def by_definition(maps, places, grid):
    """Right and wrong by plain loops: rows and columns of the four corners, the middle of an odd grid left out."""
    rows, columns = grid
    right = wrong = 0.0
    for values, place in zip(maps, places, strict=True):
        heat = np.reshape(values, grid)
        for r in range(rows):
            for c in range(columns):
                if (rows % 2 and r == rows // 2) or (columns % 2 and c == columns // 2):
                    continue
                own = place == 2 * (2 * r > rows - 1) + (2 * c > columns - 1)
                if (heat[r, c] > 0 and own) or (heat[r, c] < 0 and not own):
                    right += abs(heat[r, c])
                else:
                    wrong += abs(heat[r, c])
    return right, wrong


@given(seed=st.integers(0, 10**6), k=st.integers(1, 4), grid=st.sampled_from([(7, 7), (8, 8), (3, 4), (16, 16)]))
@settings(deadline=None, max_examples=40)
def test_it_is_its_definition(seed, k, grid):
    rng = np.random.default_rng(seed)
    cross, places = rng.normal(size=(grid[0] * grid[1], 4)), rng.permutation(4)[:k].tolist()
    found = pointing_game(explained(Players.of(grid=grid, words=WORDS), cross=cross), WORDS[:k], places)
    right, wrong = by_definition(cross.T[:k], places, grid)
    assert_close([found.right, found.wrong, found.pgr], [right, wrong, right / (right + wrong)], 1e-9)
    assert found.k == k


def test_quadrants_of_an_odd_grid_are_its_corners():
    grid = quadrants(Players.of(grid=(7, 7), words=WORDS)).reshape(7, 7)
    assert (grid[3] == -1).all()
    assert (grid[:, 3] == -1).all()
    corners = [grid[:3, :3], grid[:3, 4:], grid[4:, :3], grid[4:, 4:]]
    assert [np.unique(corner).tolist() for corner in corners] == [[0], [1], [2], [3]]
    assert (quadrants(Players.of(grid=(14, 14), words=WORDS)) >= 0).all()


def test_quadrants_of_regions_and_of_players_without_a_place():
    labels = np.array([[0, 0, 1, 1], [0, 2, 2, 1], [3, 2, 4, 4], [3, 3, 4, -1]])
    players = replace(Players.of(n_image=6, words=WORDS), regions=labels)
    assert quadrants(players).tolist() == [0, 1, -1, 2, 3, -1]
    with pytest.raises(InputError, match="no place"):
        quadrants(Players((Player("image", "somewhere"),), players.text))


PLAYERS = Players.of(grid=(7, 7), words=WORDS)
QUADRANT = quadrants(PLAYERS)


def perfect():
    """1 in the own quadrant of each word, -1 elsewhere; nonsense where it does not count."""
    cross = np.stack([np.where(place == QUADRANT, 1.0, -1.0) for place in PLACES], axis=1)
    cross[QUADRANT < 0] = 100.0
    return cross


@K
def test_perfect_inverted_and_random_explanations(k):
    def score(cross):
        return pointing_game(explained(PLAYERS, cross=cross), WORDS[:k], PLACES[:k])

    assert score(perfect()).pgr == score(perfect()).ceiling == 1.0
    assert score(-perfect()).pgr == 0.0
    draws = np.random.default_rng(k).normal(size=(300, 49, 4))
    assert abs(np.mean([score(cross).pgr for cross in draws]) - 0.5) < 0.02
    assert score(draws[0]).chance == 0.5
    assert np.isnan(score(np.zeros((49, 4))).pgr)


def constant_on_quadrants(levels):
    """All maps with one of these levels on each quadrant: a weighted mean over patches is extreme at one of them."""
    for values in product(levels, repeat=4):
        if any(values):
            yield np.append(values, 0.0)[QUADRANT]


@K
@pytest.mark.parametrize("signed", [True, False])
def test_limits_of_one_map_for_all_words(k, signed):
    def score(values):
        return pointing_game(explained(PLAYERS, image=values), WORDS[:k], PLACES[:k], signed=signed).pgr

    chance, ceiling = limits(k, pairs=False, signed=signed)
    found = [score(values) for values in constant_on_quadrants([-1, 0, 1] if signed else [0, 1])]
    assert_close(max(found), ceiling, 1e-12)
    rng = np.random.default_rng(k)
    draws = [score(values if signed else np.abs(values)) for values in rng.normal(size=(300, 49))]
    assert max(draws) <= ceiling + 1e-12
    assert abs(np.mean(draws) - chance) < 0.02


@K
def test_limits_of_maps_that_are_never_negative(k):
    def score(cross):
        found = pointing_game(explained(PLAYERS, cross=cross), WORDS[:k], PLACES[:k])
        assert (found.chance, found.ceiling) == limits(k, pairs=True, signed=False) == (0.25, 1.0)
        return found.pgr

    assert score(np.maximum(perfect(), 0)) == 1.0
    rng = np.random.default_rng(k)
    assert abs(np.mean([score(rng.random((49, 4))) for _ in range(300)]) - 0.25) < 0.02


def test_the_kind_is_read_from_the_explanation_unless_it_is_told():
    maps = {"never": np.arange(49.0), "signed": np.arange(49.0) - 20}
    for name, expected in (("never", (0.25, 0.25)), ("signed", (0.5, 0.75))):
        found = pointing_game(explained(PLAYERS, image=maps[name]), WORDS, PLACES)
        assert (found.chance, found.ceiling) == expected
    found = pointing_game(explained(PLAYERS, image=maps["never"]), WORDS, PLACES, signed=True)
    assert (found.chance, found.ceiling) == (0.5, 0.75)


@pytest.mark.parametrize("places", [[0, 0], [0], [0, 4], [-1, 0]])
def test_places_are_checked(places):
    with pytest.raises(InputError, match="different quadrants"):
        pointing_game(explained(PLAYERS, cross=perfect()), WORDS[:2], places)


def test_unknown_words_and_no_words_are_refused():
    for order in ({"cross": perfect()}, {"image": np.ones(49)}):
        with pytest.raises(InputError, match="horse"):
            pointing_game(explained(PLAYERS, **order), ["horse"], [0])
    with pytest.raises(InputError, match="one to four"):
        pointing_game(explained(PLAYERS, cross=perfect()), [], [])
