"""Binding of two words: a game in which they bind in one patch, and one in which they do not."""

import numpy as np
import pytest

import fixlip
from fixlip import InputError, Players
from fixlip.games.base import CallableGame
from tests.helpers.oracles import assert_close

PLAYERS = Players.of(grid=(2, 2), words=["a", "yellow", "hydrant"])


def game(bound):
    """Patch 3 has `bound` more with "yellow" and "hydrant" together; patch 0 has 1 with "hydrant" alone."""

    def text(masks):
        _, yellow, hydrant = masks.T
        return np.stack([hydrant, yellow & hydrant, np.ones(len(masks))], axis=1).astype(float)

    def image(masks):
        return np.stack([masks[:, 0], bound * masks[:, 3], np.zeros(len(masks))], axis=1)

    return CallableGame(image, text, 4, 3, players=PLAYERS)


@pytest.mark.parametrize("name", ["banzhaf", "shapley-owen", "exact"])
def test_it_is_where_the_words_bind(name):
    found = fixlip.get_estimator(name, order=3).explain(game(2.0), progress=False)
    bound = found.binding("yellow", "hydrant")
    assert_close(bound.values, [0, 0, 0, 2], 1e-9)
    assert_close(bound.heatmap(), [[0, 0], [0, 2]], 1e-9)
    assert_close(bound.total, 2.0, 1e-9)
    assert bound.words == ("yellow", "hydrant")
    assert_close(found.binding("a", ["yellow", "hydrant"]).values, np.zeros(4), 1e-9)
    assert_close(found.binding(2, 1).values, bound.values, 0.0)


def test_it_says_what_is_sure():
    third = fixlip.get_estimator("banzhaf", order=3)
    assert str(third.explain(game(2.0), progress=False).binding("yellow", "hydrant")) == (
        "“yellow” and “hydrant” mean more together than one by one (lower right): +2.00 ± 0.00 (logit)."
    )
    assert "mean less together" in third.explain(game(-2.0), progress=False).binding("hydrant", "yellow").summary()
    assert "Nothing says that" in third.explain(game(0.0), progress=False).binding("yellow", "hydrant").summary()


def test_what_cannot_bind_says_so():
    found = fixlip.get_estimator("banzhaf").explain(game(2.0), progress=False)
    with pytest.raises(InputError, match="of order 3"):
        found.binding("yellow", "hydrant")
    found = fixlip.get_estimator("banzhaf", order=3).explain(game(2.0), progress=False)
    with pytest.raises(InputError, match="'yellow' is on both sides"):
        found.binding("yellow", ["hydrant", "yellow"])
    with pytest.raises(InputError, match="green"):
        found.binding("yellow", "green")
