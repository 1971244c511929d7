"""Two image players with two text players, against mean derivatives over all masks."""

from itertools import combinations

import numpy as np
import pytest

from fixlip.errors import OptionError
from fixlip.fitting.fourth_order import fourth_order
from fixlip.games.closed_form import random_towers
from tests.helpers.oracles import all_masks, assert_close


def derivative(game, players, p):
    """The mean of the game's derivative by the players, the others being present with probability p."""
    n = game.n_image + game.n_text
    masks = all_masks(n)
    sign = np.where(masks, 1.0, -1.0)[:, players].prod(1)
    others = np.delete(np.where(masks, p, 1 - p), players, axis=1).prod(1)
    return float((sign * others) @ game.values(masks))


@pytest.mark.parametrize("p", [0.3, 0.5, 0.7])
@pytest.mark.parametrize("sizes", [(2, 2), (3, 3), (6, 4)])
def test_they_are_mean_derivatives_at_full_enumeration(sizes, p):
    game, (n_image, n_text) = random_towers(*sizes, seed=3), sizes
    found = fourth_order(game, p=p, image_masks=2**n_image, text_masks=2**n_text)
    for i, j in combinations(range(n_image), 2):
        for k, m in combinations(range(n_text), 2):
            true = derivative(game, [i, j, n_image + k, n_image + m], p)
            assert_close(found.values[[i, j, i, j], [j, i, j, i], [k, k, m, m], [m, m, k, k]], [true] * 4, 1e-8)
    assert np.count_nonzero(np.einsum("iikm->ikm", found.values)) == 0
    assert np.count_nonzero(np.einsum("ijkk->ijk", found.values)) == 0
    assert not found.stderr.any()


@pytest.mark.parametrize("p", [0, 1, 2.0, float("nan")])
def test_a_p_that_is_no_share(p):
    with pytest.raises(OptionError, match="between 0 and 1"):
        fourth_order(random_towers(3, 2), p=p)


def test_intervals_of_sampled_ones_cover_them():
    game = random_towers(12, 3, seed=5)
    true, found = fourth_order(game, image_masks=2**12), fourth_order(game, image_masks=1024)
    some = np.triu(np.ones((12, 12)), 1)[:, :, None, None] * np.triu(np.ones((3, 3)), 1) > 0
    off = np.abs(found.values - true.values)[some] / found.stderr[some]
    assert 0.85 < np.mean(off < 1.96) <= 1
    assert np.corrcoef(found.values[some], true.values[some])[0, 1] > 0.7
