"""Agreement of explanations whose image players are other parts of the picture."""

from dataclasses import replace

import numpy as np
import pytest

import fixlip
from fixlip import Comparison, Explanation, Players
from fixlip.errors import InputError
from tests.helpers.oracles import assert_close

WORDS = ["dog", "bus", "cat"]


def explained(cross, **places):
    players = replace(Players.of(n_image=len(cross), words=WORDS), **places)
    n, size = len(cross), len(cross) + len(WORDS)
    pairs = np.zeros((size, size))
    pairs[:n, n:], pairs[n:, :n] = cross, cross.T
    return Explanation(0.0, np.zeros(size), pairs, 0.0, 1.0, "", players)


def agreement(*found):
    return Comparison(found, [str(k) for k in range(len(found))]).agreement()


def painted(explanation, side=84):
    """The slow oracle: the maps of density on pixels so fine that every border is one."""
    left, top, right, bottom = explanation.players.visible or (0, 0, side, side)
    rows, columns = explanation.players.grid
    out = np.full((side, side, len(WORDS)), np.nan)
    for y in range(side):
        for x in range(side):
            if left <= x < right and top <= y < bottom:
                r, c = int((y - top) * rows / (bottom - top)), int((x - left) * columns / (right - left))
                out[y, x] = explanation.cross[r * columns + c] * rows * columns / ((right - left) * (bottom - top))
    return out


def oracle(one, other):
    first, second = painted(one), painted(other)
    both = np.isfinite(first) & np.isfinite(second)
    return np.corrcoef(first[both], second[both])[0, 1]


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def test_grids_are_compared_by_area(rng):
    found = [explained(rng.normal(size=(r * c, 3)), grid=(r, c)) for r, c in ((7, 7), (6, 4), (3, 12))]
    values = agreement(*found)
    assert_close(np.diag(values), np.ones(3), 1e-12)
    for i, j in ((0, 1), (0, 2), (1, 2)):
        assert_close(values[i, j], oracle(found[i], found[j]), 1e-9)
        assert_close(values[j, i], values[i, j], 1e-12)


def test_what_is_only_cut_finer_agrees_wholly(rng):
    coarse = rng.normal(size=(2, 2, 3))
    fine = np.repeat(np.repeat(coarse, 3, 0), 3, 1) / 9
    both = explained(coarse.reshape(4, 3), grid=(2, 2)), explained(fine.reshape(36, 3), grid=(6, 6))
    assert_close(agreement(*both), np.ones((2, 2)), 1e-12)
    regions = np.kron([[0, 1], [2, 3]], np.ones((5, 5), int))
    as_regions = explained(coarse.reshape(4, 3), regions=regions)
    assert_close(agreement(both[0], as_regions, both[1]), np.ones((3, 3)), 1e-12)
    holes = explained(coarse.reshape(4, 3)[:3], regions=np.where(regions == 3, -1, regions))
    assert_close(agreement(holes, both[1])[0, 1], 1.0, 1e-12)  # where both have players


def test_a_crop_is_compared_where_it_lies(rng):
    whole = explained(rng.normal(size=(28, 3)), grid=(4, 7), visible=(0, 0, 84, 84))
    for box, grid in (((21, 0, 63, 84), (4, 7)), ((12, 12, 72, 72), (5, 6)), ((0, 0, 84, 42), (3, 3))):
        crop = explained(rng.normal(size=(grid[0] * grid[1], 3)), grid=grid, visible=box)
        assert_close(agreement(whole, crop)[0, 1], oracle(whole, crop), 1e-9)
    part = whole.cross.reshape(4, 7, 3)[:2].reshape(14, 3)
    assert_close(agreement(whole, explained(part, grid=(2, 7), visible=(0, 0, 84, 42)))[0, 1], 1.0, 1e-12)
    aside = explained(part, grid=(2, 7), visible=(84, 84, 99, 99))
    assert np.isnan(agreement(whole, aside)).all()


def test_the_same_players_are_compared_pair_by_pair(rng):
    regions = np.array([[0, 0, 0, 1], [0, 0, 0, 2]])
    found = [explained(rng.normal(size=(3, 3)), regions=regions) for _ in range(2)]
    assert_close(agreement(*found), np.corrcoef([e.cross.ravel() for e in found]), 1e-12)
    same = explained(np.full((4, 3), 0.1), grid=(2, 2)), explained(rng.normal(size=(9, 3)), grid=(3, 3))
    assert np.isnan(agreement(*same)[0, 1])


def test_players_without_a_place(rng):
    with pytest.raises(InputError, match="compared by their places"):
        agreement(*(explained(rng.normal(size=(n, 3))) for n in (2, 3)))


def test_what_a_model_sees_is_saved(demo_clip, scene, tmp_path):
    wide = scene.image.resize((300, 100))
    found = fixlip.explain(wide, "a dog", model=demo_clip, estimator="itsm", progress=False)
    assert found.players.visible == demo_clip.image_input(wide).visible
    found.save(tmp_path / "wide")
    assert Explanation.load(tmp_path / "wide") == found
