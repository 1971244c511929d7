"""The closed forms that other tests rest on, verified by enumeration from the definitions."""

import numpy as np
import pytest

from fixlip.games.closed_form import additive, bilinear, random_towers
from tests.helpers.oracles import all_masks, assert_close, banzhaf_interaction


@pytest.mark.parametrize("p", [0.2, 0.5, 0.9])
def test_bilinear_pairs(p):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(3, 4)), rng.normal(size=(2, 4))
    game = bilinear(a, b)
    for i in range(5):
        for j in range(i + 1, 5):
            truth = (a @ b.T)[i, j - 3] if i < 3 <= j else 0.0
            assert_close(banzhaf_interaction(game, i, j, p), truth, 1e-12)


def test_additive_values():
    game, masks = additive(np.array([1.0, 2.0]), np.array([-3.0]), bias=0.5), all_masks(3)
    assert_close(game.values(masks), 0.5 + masks @ np.array([1.0, 2.0, -3.0]), 1e-12)


def test_random_towers_interact_everywhere():
    game = random_towers(3, 3)
    norms = np.linalg.norm(game.image_embeddings(all_masks(3)), axis=1)
    assert_close(norms, np.ones(8), 1e-12)
    assert all(abs(banzhaf_interaction(game, i, j, 0.5)) > 1e-3 for i, j in ((0, 1), (0, 4), (3, 5)))
