import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import binom

from fixlip.errors import OptionError
from fixlip.fitting.sampling import (
    allocate,
    block_size,
    by_size,
    enumerate_all,
    fewest,
    hadamard_matrix,
    make_design,
)
from tests.helpers.oracles import assert_close

rng = np.random.default_rng


@pytest.mark.parametrize("p", [0.3, 0.5, 0.7])
def test_enumeration_carries_the_true_probabilities(p):
    design = make_design(8, 2**8, p, "independent", rng(0))
    assert design.exact
    assert len(np.unique(design.masks, axis=0)) == 2**8
    sizes = design.masks.sum(1)
    assert_close([design.weights[sizes == k].sum() for k in range(9)], binom.pmf(range(9), 8, p), 1e-12)


def test_enumerated_sizes_leave_the_remaining_mass_to_the_drawn_ones():
    """n = 8, p = 0.7, 200 masks: sizes 7, 8 and more carry their probability, the drawn ones what is left."""
    design = make_design(8, 200, 0.7, "independent", rng(0))
    known, sizes = design.units < 0, design.masks.sum(1)
    enumerated = np.unique(sizes[known])
    assert 8 in enumerated
    assert_close(design.weights[known].sum(), binom.pmf(enumerated, 8, 0.7).sum(), 1e-12)
    assert_close(design.weights[~known].sum(), 1 - binom.pmf(enumerated, 8, 0.7).sum(), 1e-12)
    assert not set(enumerated) & set(sizes[~known])


@pytest.mark.slow
@pytest.mark.parametrize(("n", "m", "p"), [(8, 200, 0.7), (12, 300, 0.3), (30, 400, 0.5)])
def test_sampled_expectations_have_no_bias(n, m, p):
    def weighted_mean(function, seed):
        design = make_design(n, m, p, "independent", rng(seed))
        return design.weights @ function(design.masks)

    for function, truth in (
        (lambda s: s[:, 0].astype(float), p),
        (lambda s: (s[:, 0] & s[:, 1]).astype(float), p * p),
        (lambda s: s.sum(1) ** 2.0, n * p * (1 - p) + (n * p) ** 2),
    ):
        means = [weighted_mean(function, seed) for seed in range(300)]
        assert abs(np.mean(means) - truth) < 4 * np.std(means) / np.sqrt(300) + 1e-12


@pytest.mark.parametrize("n", [2, 7, 12, 49, 65])
def test_paired_blocks_are_balanced(n):
    block = 2 * block_size(n)
    if block >= 2**n:
        return
    design = make_design(n, 2 * block, 0.5, "paired", rng(1))
    signs = 2.0 * design.masks - 1
    assert len(design.masks) == 2 * block
    assert_close(signs.mean(0), np.zeros(n), 0.0)
    assert_close(signs.T @ signs / len(signs), np.eye(n), 0.0)
    assert np.array_equal(design.masks[0::2], ~design.masks[1::2])
    assert np.array_equal(design.units[0::2], design.units[1::2])


@pytest.mark.parametrize("size", [2**k for k in range(11)])
def test_hadamard_matrices(size):
    matrix = hadamard_matrix(size)
    assert set(matrix.ravel().tolist()) <= {-1, 1}
    assert np.array_equal(matrix @ matrix.T, size * np.eye(size))


def test_an_interaction_of_three_falls_on_no_single_player_as_a_whole():
    """Within a block of Sylvester's matrix a triple of players is mistaken for a fourth one, or for none."""
    design = make_design(31, 64, 0.5, "paired", rng(0))
    signs = 2.0 * design.masks - 1
    i, j, k = np.array([(a, b, c) for a in range(4) for b in range(a) for c in range(b)]).T
    alias = np.abs(signs.T @ (signs[:, i] * signs[:, j] * signs[:, k])) / len(signs)
    assert_close(alias[np.concatenate([i, j, k]), np.tile(np.arange(len(i)), 3)], np.zeros(3 * len(i)), 0.0)
    assert 0 < alias.max() < 0.8


@pytest.mark.parametrize(
    ("sampling", "p", "n"),
    [
        ("paired", 0.5, 40),
        ("independent", 0.5, 40),
        ("independent", 0.7, 40),
        ("paired", 0.5, 10),
        ("independent", 0.5, 10),
    ],
)
def test_fewer_masks_are_the_first_of_more(sampling, p, n):
    more = make_design(n, 700, p, sampling, rng(3)).masks
    for m in (130, 256, 500):
        assert np.array_equal(make_design(n, m, p, sampling, rng(3)).masks, more[:m])


def test_paired_is_for_one_half():
    with pytest.raises(OptionError):
        make_design(20, 100, 0.7, "paired", rng(0))


@given(
    n=st.integers(1, 40),
    m=st.integers(1, 500),
    p=st.floats(0.01, 0.99),
    sampling=st.sampled_from(["paired", "independent"]),
)
def test_every_design_is_one(n, m, p, sampling):
    if sampling == "paired":
        p, m = 0.5, max(m, 2)
    design = make_design(n, m, p, sampling, rng(0))
    assert 1 <= len(design.masks) <= m
    assert design.masks.shape[1] == n
    assert design.masks.dtype == bool
    assert (design.weights >= 0).all()
    assert_close(design.weights.sum(), 1.0, 1e-9)


@given(
    budget=st.integers(1, 2**22), n_image=st.integers(1, 300), n_text=st.integers(1, 30), order=st.sampled_from([1, 2])
)
def test_allocation_keeps_the_budget(budget, n_image, n_text, order):
    assume(budget * (n_image + 1) <= 2**28)  # else it is more than memory holds
    terms = tuple(1 + n if order == 1 else 1 + n + n * (n - 1) // 2 for n in (n_image, n_text))
    image, text = allocate(budget, None, None, players=(n_image, n_text), terms=terms)
    assert 1 <= image <= 2**n_image
    assert 1 <= text <= 2**n_text
    assert image * text <= budget


def test_allocation_enumerates_the_text_where_that_is_cheap():
    assert allocate(2**15, None, None, players=(49, 6), terms=(50, 7)) == (512, 64)
    assert allocate(2**13, None, None, players=(8, 5), terms=(9, 6)) == (256, 32)
    assert allocate(None, None, None, players=(49, 6), terms=(50, 7)) == (512, 64)
    assert allocate(None, 300, 20, players=(49, 6), terms=(50, 7)) == (300, 20)


@pytest.mark.parametrize("arguments", [(0, None, None), (None, 0, None), (None, None, -1), (100, 10, None)])
def test_allocation_refuses_nonsense(arguments):
    with pytest.raises(OptionError):
        allocate(*arguments, players=(49, 6), terms=(50, 7))


def test_fewest_masks():
    assert fewest(49, 50, "paired") == 128
    assert fewest(49, 50, "independent") == 50
    assert fewest(3, 4, "paired") == 8
    assert fewest(49, 1226, "paired") == 2 * (1 + 49 * 48 // 2)


@pytest.mark.parametrize("m", [12, 64, 199, 240, 254])
@pytest.mark.parametrize(
    ("sampling", "p"), [("paired", 0.5), ("independent", 0.5), ("independent", 0.3), ("kernel", 0)]
)
def test_no_mask_is_drawn_twice(sampling, p, m):
    kernel = np.r_[0.0, 1 / (np.arange(1, 8) * np.arange(7, 0, -1)), 0.0]
    for seed in range(5):
        if sampling == "kernel":
            design = by_size(8, min(m, 253), kernel / kernel.sum(), rng(seed), paired=True)
        else:
            design = make_design(8, m, p, sampling, rng(seed))
        assert len(np.unique(design.masks, axis=0)) == len(design.masks) >= min(m, 253) - 1
        assert_close(design.weights.sum(), 1.0, 1e-12)


@pytest.mark.parametrize(("n", "m", "p"), [(49, 512, 0.5), (49, 512, 0.3)])
def test_few_of_very_many_masks_are_independent_draws(n, m, p):
    chance = rng(7).random((m, 1 + n))
    size = np.searchsorted(binom.pmf(range(n + 1), n, p).cumsum(), chance[:, 0], side="right")
    design = make_design(n, m, p, "independent", rng(7))
    assert np.array_equal(design.masks, chance[:, 1:].argsort(1).argsort(1) < size[:, None])
    assert_close(design.weights, np.full(m, 1 / m), 1e-5 / m)
    assert design.unseen.min() > 1 - 1e-4


def test_weights_and_chances_to_be_drawn_agree():
    """Weight times chance is the probability of a mask, so the weighted draws of many seeds are the product measure."""
    codes, truth = 1 << np.arange(5), enumerate_all(5, 0.3).weights
    mean, drawn, claimed = np.zeros(32), np.zeros(32), np.zeros(32)
    for seed in range(500):
        design = make_design(5, 16, 0.3, "independent", rng(seed))
        masks = design.masks @ codes
        mean[masks] += design.weights / 500
        drawn[masks] += 1 / 500
        claimed[masks] = 1 - design.unseen
    assert_close(mean, truth, 6e-3)
    assert np.abs(drawn - claimed)[claimed > 0].max() < 0.09
