"""One check for each axiom that an estimator may declare; each raises AssertionError on a breach."""

import numpy as np

from fixlip.games.base import CallableGame
from fixlip.games.closed_form import additive, bilinear, random_towers
from tests.helpers.oracles import assert_close

FULL = {"budget": 2**9, "progress": False}
TOLERANCE = 1e-8


def _known(values):
    return np.nan_to_num(values, nan=0.0)


def _third(found):
    """The interactions of three players, each by one player of its first axis; nothing at order 2."""
    return found.third_order.arrays if found.third_order else ()


def check_additive(estimator):
    a, b = np.array([1.0, -2.0, 0.5, 3.0]), np.array([0.25, -1.0, 2.0])
    found = estimator.explain(additive(a, b, bias=0.7), **FULL)
    assert_close(found.first_order, np.concatenate([a, b]), TOLERANCE)
    assert_close(_known(found.second_order), np.zeros((7, 7)), TOLERANCE)
    assert_close(found.baseline, 0.7, TOLERANCE)
    for values in _third(found):
        assert_close(values, np.zeros(values.shape), TOLERANCE)


def check_null_player(estimator):
    inner = random_towers(4, 3, seed=3)
    game = CallableGame(
        lambda s: inner.image_fn(s[:, [0, 1, 3, 4]]), lambda t: inner.text_fn(t[:, 1:]), 5, 4, inner.scale, inner.bias
    )
    found = estimator.explain(game, **FULL)
    for null in (2, 5):
        assert_close(found.first_order[null], 0.0, TOLERANCE)
        assert_close(_known(found.second_order[null]), np.zeros(9), TOLERANCE)
    assert np.abs(found.first_order).max() > 0.01
    for values in _third(found):
        assert_close(values[2], np.zeros(values.shape[1:]), TOLERANCE)
        assert_close(values[..., 0], np.zeros(values.shape[:2]), TOLERANCE)
        assert np.abs(values).max() > 0.01


def check_symmetry(estimator):
    inner = random_towers(3, 3, seed=4)

    def image(s):
        return inner.image_fn(np.stack([s[:, 0] & s[:, 1], s[:, 2], s[:, 3]], axis=1))

    found = estimator.explain(CallableGame(image, inner.text_fn, 4, 3, inner.scale, inner.bias), **FULL)
    assert_close(found.first_order[0], found.first_order[1], TOLERANCE)
    assert_close(found.second_order[0, 2:], found.second_order[1, 2:], TOLERANCE)
    for values, other in zip(_third(found), (0, 2), strict=False):  # patches 0 and 1 with the same two others
        assert_close(values[0, other:], values[1, other:], TOLERANCE)
        assert_close(values, values.swapaxes(*((1, 2) if other == 0 else (0, 1))), 0.0)
    assert np.abs(_known(found.second_order[0, 2:])).max() > 0.001 or np.isnan(found.second_order[0, 2:]).all()


def check_linearity(estimator):
    game = random_towers(4, 3, seed=5)
    twice = CallableGame(game.image_fn, game.text_fn, 4, 3, -2 * game.scale, -2 * game.bias + 1)
    one, two = estimator.explain(game, **FULL), estimator.explain(twice, **FULL)
    assert_close(two.first_order, -2 * one.first_order, TOLERANCE)
    assert_close(two.second_order, -2 * one.second_order, TOLERANCE)
    assert_close(two.baseline, -2 * one.baseline + 1, TOLERANCE)
    for values, doubled in zip(_third(one), _third(two), strict=True):
        assert_close(doubled, -2 * values, TOLERANCE)


def check_bilinear(estimator):
    rng = np.random.default_rng(6)
    a, b = rng.normal(size=(4, 3)), rng.normal(size=(3, 3))
    found = estimator.explain(bilinear(a, b), **FULL)
    if 2 in estimator.capabilities.orders and not np.isnan(found.cross).all():
        assert_close(found.cross, a @ b.T, TOLERANCE)
    for values in _third(found):
        assert_close(values, np.zeros(values.shape), TOLERANCE)
    masks = np.ones((1, 7), dtype=bool)
    assert_close(found.full_value, bilinear(a, b).values(masks)[0], TOLERANCE)


CHECKS = {
    "additive": check_additive,
    "null player": check_null_player,
    "symmetry": check_symmetry,
    "linearity": check_linearity,
    "cross pairs of a bilinear game": check_bilinear,
}
