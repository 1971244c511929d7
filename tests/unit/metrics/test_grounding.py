"""Grounding: coverage, point-game energy and accuracy, mismatch."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixlip import InputError, Player, Players
from fixlip.metrics import coverage, grounding, player_coverage, pointing_hit, positive_share
from fixlip.metrics.grounding import union_coverage
from tests.helpers.explanations import explained
from tests.helpers.oracles import assert_close

WORDS = ["a", "dog", "and", "cat"]


def test_coverage_counts_parts_of_patches():
    assert_close(coverage((0, 0, 224, 224), (224, 224), (7, 7)), np.ones((7, 7)), 1e-12)
    assert_close(coverage((16, 32, 48, 64), (224, 224), (7, 7))[:3, :3], [[0, 0, 0], [0.5, 0.5, 0], [0, 0, 0]], 1e-12)
    box = (13, 57, 101, 203)
    assert_close(coverage(box, (224, 224), (7, 7)).sum() / 49, 88 * 146 / 224**2, 1e-12)


def test_coverage_equals_counting_pixels():
    box, grid = (5, 9, 40, 31), (4, 8)
    pixels = np.zeros((64, 64))
    pixels[9:31, 5:40] = 1
    assert_close(coverage(box, (64, 64), grid), pixels.reshape(4, 16, 8, 8).mean((1, 3)), 1e-12)


def painted(boxes, side):
    """A picture in which a pixel is 1 where some box (whole pixels) covers it."""
    pixels = np.zeros((side, side))
    for left, top, right, bottom in boxes:
        for y in range(max(top, 0), min(bottom, side)):
            for x in range(max(left, 0), min(right, side)):
                pixels[y, x] = 1
    return pixels


edges = st.integers(-5, 29)
some_boxes = st.lists(st.tuples(edges, edges, edges, edges), max_size=4)


@given(boxes=some_boxes, grid=st.sampled_from([(1, 1), (2, 3), (4, 6), (24, 24)]))
@settings(deadline=None)
def test_the_union_of_boxes_equals_counting_pixels(boxes, grid):
    pixels, (rows, columns) = painted(boxes, 24), grid
    truth = pixels.reshape(rows, 24 // rows, columns, 24 // columns).mean((1, 3))
    assert_close(union_coverage([tuple(v / 24 for v in box) for box in boxes], grid), truth, 1e-12)


@given(boxes=some_boxes, seed=st.integers(0, 9))
@settings(deadline=None)
def test_coverage_of_regions_equals_counting_pixels(boxes, seed):
    labels = np.random.default_rng(seed).integers(-1, 4, (24, 24))
    players = replace(Players.of(n_image=5, words=["a"]), regions=labels)
    pixels = painted(boxes, 24)
    truth = [pixels[labels == i].mean() if (labels == i).any() else 0.0 for i in range(5)]
    assert_close(player_coverage(players, [tuple(v / 24 for v in box) for box in boxes]), truth, 1e-12)


def test_players_with_boxes_of_their_own_are_covered_like_patches():
    boxes = [(0.1, 0.2, 0.6, 0.7), (0.5, 0.5, 0.9, 1.0)]
    grid = Players.of(grid=(3, 4), words=["a"])
    alone = Players(tuple(replace(p) for p in grid.image), grid.text)
    assert_close(player_coverage(alone, boxes), player_coverage(grid, boxes), 1e-12)
    with pytest.raises(InputError, match="no place"):
        player_coverage(Players((Player("image", "somewhere"),), grid.text), boxes)


def test_positive_share():
    cover = np.array([[1.0, 0.5], [0.0, 0.0]])
    assert positive_share(np.array([[2.0, 2.0], [-9.0, 4.0]]), cover) == pytest.approx(3 / 8)
    assert np.isnan(positive_share(-np.ones((2, 2)), cover))


def test_pointing_hit():
    cover = np.array([[1.0, 0.1], [0.0, 0.0]])
    assert pointing_hit(np.array([[0.0, 1.0], [0.5, 0.0]]), cover)
    assert not pointing_hit(np.array([[0.0, 1.0], [1.5, 0.0]]), cover)
    assert not pointing_hit(np.ones((2, 2)), cover)
    assert not pointing_hit(np.array([[0.0, 1.0], [0.5, 0.0]]), np.array([[1.0, 1e-15], [0.0, 0.0]]))


DOG, CAT = (0.1, 0.1, 0.55, 0.6), (0.5, 0.4, 0.95, 0.9)
SPANS = [(2, 5), (10, 13)]
PLAYERS = Players.of(grid=(5, 6), words=WORDS)


def maps():
    return [player_coverage(PLAYERS, [box]) for box in (DOG, CAT)]


def made(dog, cat):
    cross = np.zeros((30, 4))
    cross[:, 1], cross[:, 3] = dog, cat
    return explained(PLAYERS, cross=cross, image=-np.ones(30))


def test_a_perfect_explanation_reaches_the_ceiling_and_an_inverted_one_nothing():
    dog, cat = maps()
    for found, cover in zip(grounding(made(dog, cat), SPANS, [[DOG], [CAT]]), (dog, cat), strict=True):
        assert found.pga
        assert_close(found.pge, (cover**2).sum() / cover.sum(), 1e-12)
        assert_close(found.pge, found.ceiling, 1e-12)
        assert_close(found.own, (cover**2).sum(), 1e-12)
        assert_close(found.area, 0.45 * 0.5, 1e-12)
        assert_close(found.chance_pge, 0.45 * 0.5, 1e-12)
        assert found.chance_pga == np.mean(cover > 0)
    for found in grounding(made(-dog, -cat), SPANS, [[DOG], [CAT]]):
        assert np.isnan(found.pge)
        assert not found.pga
        assert found.own < 0


def test_everything_on_one_inner_patch_beats_the_coverage_map():
    inner = (maps()[0] == 1) * (np.arange(30) == np.argmax(maps()[0]))
    assert grounding(made(inner, inner), SPANS, [[DOG], [CAT]])[0].pge == 1.0


def test_attribution_to_the_other_box_leaves_out_what_is_also_the_own():
    dog, cat = maps()
    both = player_coverage(PLAYERS, [DOG, CAT])
    found = grounding(made(dog - cat, np.ones(30)), SPANS, [[DOG], [CAT]])
    assert_close(found[0].others, [(dog - cat) @ (both - dog)], 1e-12)
    assert found[0].others[0] < 0 < found[0].own
    assert_close(found[1].others, [30 * (0.45 * 0.5 - 0.05 * 0.2)], 1e-12)
    inside = grounding(made(dog, cat), SPANS, [[DOG], [(0.2, 0.2, 0.4, 0.4)]])
    assert_close(inside[0].others, [np.nan], 0.0)


def test_random_maps_score_the_chance_level():
    rng, cover = np.random.default_rng(0), maps()[0]
    found = [grounding(made(values, values), SPANS, [[DOG], [CAT]])[0] for values in rng.normal(size=(600, 30))]
    assert abs(np.mean([f.pge for f in found]) - cover.mean()) < 0.01
    assert abs(np.mean([f.pga for f in found]) - (cover > 0).mean()) < 0.06
    assert found[0].chance_pge == pytest.approx(cover.mean())


def test_an_explanation_without_pairs_has_one_map_for_all_words():
    dog, cat = maps()
    found = grounding(explained(PLAYERS, image=dog), SPANS, [[DOG], [CAT]])
    assert_close(found[0].pge, (dog**2).sum() / dog.sum(), 1e-12)
    assert_close(found[1].pge, (dog * cat).sum() / dog.sum(), 1e-12)
    with pytest.raises(InputError, match="horse"):
        grounding(explained(PLAYERS, image=dog), ["horse"], [[DOG]])


def test_an_object_out_of_sight_has_no_energy():
    found = grounding(made(*maps()), SPANS[:1], [[(1.2, 0.1, 1.4, 0.5)]])[0]
    assert_close([found.pge, found.ceiling, found.area], [np.nan, np.nan, 0.0], 0.0)
    assert not found.pga
    with pytest.raises(ValueError, match="zip"):
        grounding(made(*maps()), SPANS, [[DOG]])
