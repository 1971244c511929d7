from itertools import combinations

import numpy as np
import pytest

from fixlip.orthogonal_arrays import BITS, _columns, array_bits, orthogonal_array


@pytest.mark.parametrize("bits", BITS)
def test_any_four_columns_are_independent(bits):
    columns = _columns(bits)
    assert len(columns) == len(np.unique(columns)) == BITS[bits]
    assert 0 < columns.min() <= columns.max() < 2**bits
    first, second = np.triu_indices(len(columns), 1)
    sums = columns[first] ^ columns[second]
    assert len(np.unique(sums)) == len(sums)  # no four of them, nor two pairs, add up to nothing
    assert not np.isin(sums, columns).any()  # nor three


@pytest.mark.parametrize("n", [1, 3, 6, 11, 16])
def test_any_four_players_see_all_16_patterns_equally_often(n):
    masks = orthogonal_array(n, np.random.default_rng(n))
    assert masks.dtype == bool
    assert masks.shape == (2 ** array_bits(n), n)
    for chosen in combinations(range(n), min(n, 4)):
        patterns, times = np.unique(masks[:, chosen], axis=0, return_counts=True)
        assert len(patterns) == 2 ** len(chosen)
        assert len(set(times)) == 1


@pytest.mark.parametrize(("n", "rows"), [(49, 4096), (64, 4096), (65, 4096), (66, 16384), (196, 65536), (256, 65536)])
def test_effects_of_one_and_two_players_are_told_apart_exactly(n, rows):
    masks = orthogonal_array(n, np.random.default_rng(0))[:, : min(n, 66)]
    assert len(masks) == rows
    chi = np.where(masks, 1.0, -1.0)
    i, j = np.triu_indices(chi.shape[1], 1)
    some = np.random.default_rng(1).permutation(len(i))[:500]
    phi = np.concatenate([np.ones((rows, 1)), chi, chi[:, i[some]] * chi[:, j[some]]], axis=1)
    np.testing.assert_array_equal(phi.T @ phi, rows * np.eye(phi.shape[1]))


def test_the_seed_fixes_it_and_each_mask_is_uniform():
    one, same, other = (orthogonal_array(20, np.random.default_rng(s)) for s in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()
    first = np.array([orthogonal_array(4, np.random.default_rng(s))[0] for s in range(800)])
    assert np.abs(first.mean(0) - 0.5).max() < 0.08
    assert np.abs(np.corrcoef(first.T) - np.eye(4)).max() < 0.15


def test_too_many_players():
    assert array_bits(511) == 18
    assert array_bits(512) is None
    with pytest.raises(ValueError, match="at most 511"):
        orthogonal_array(512, np.random.default_rng(0))
