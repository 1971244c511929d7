"""The numbers behind the slider of the page; `tests/browser/test_interactions.py` moves it."""

from dataclasses import replace

import numpy as np
import pytest

from fixlip.metrics.curves import REMOVAL_POINTS, removal_order
from fixlip.results.removal_curves import RemovalCurves
from fixlip.viewer.curves import curves_payload
from tests.helpers.oracles import assert_close
from tests.helpers.pictures import explanation


def slowly(found, order, size, way):
    """The surrogate without the first players of an order, or with them alone, one effect at a time."""
    first = set(order[:size])
    present = [i for i in range(len(found.players)) if (i in first) == (way == "insertion")]
    total = found.baseline + sum(found.first_order[i] for i in present)
    pairs = [found.second_order[i, j] for i in present for j in present if i < j]
    return total + sum(v for v in pairs if not np.isnan(v))


@pytest.mark.parametrize("way", ["deletion", "insertion"])
def test_the_surrogate_alone_where_nothing_was_measured(way):
    found = explanation()
    data = curves_payload(found)
    share = [0.5 * np.nansum(found.second_order[i]) + found.first_order[i] for i in range(len(found.players))]
    assert data["order"] == sorted(range(len(share)), key=lambda i: -share[i])
    assert data["sizes"] == list(range(len(share) + 1))
    assert list(data["lines"][way]) == ["surrogate"]
    expected = [slowly(found, data["order"], size, way) for size in data["sizes"]]
    assert_close(np.array(data["lines"][way]["surrogate"]), np.array(expected), 1e-2)


def test_the_model_comes_with_the_surrogate_on_its_own_masks():
    found = explanation()
    n = len(found.players)
    order, sizes = np.random.default_rng(1).permutation(n), np.array([0, 3, n])
    measured = RemovalCurves(order, sizes, np.array([21.5, 4.25, 9.5]), np.array([9.5, 12.125, 21.5]))
    data = curves_payload(replace(found, curves=measured))
    assert data["order"] == order.tolist()
    assert data["sizes"] == [0, 3, n]
    assert list(data["lines"]["deletion"]) == ["model", "surrogate"]
    assert data["lines"]["deletion"]["model"] == [21.5, 4.25, 9.5]
    assert data["lines"]["insertion"]["model"] == [9.5, 12.125, 21.5]
    without = np.ones((1, n), dtype=bool)
    without[0, order[:3]] = False
    for way, mask in (("deletion", without), ("insertion", ~without)):
        assert data["lines"][way]["surrogate"][1] == pytest.approx(found.predict(mask)[0], rel=1e-3)


def test_relevance_has_no_surrogate():
    found = replace(explanation(), unit="relevance")
    assert curves_payload(found) is None
    order, sizes = removal_order(found)
    data = curves_payload(replace(found, curves=RemovalCurves(order, sizes, sizes * 1.0, sizes * 2.0)))
    assert list(data["lines"]["deletion"]) == ["model"]
    assert data["unit"] == "logit"


def test_there_are_few_points_however_many_players():
    data = curves_payload(explanation(grid=(32, 32)))
    assert len(data["sizes"]) == REMOVAL_POINTS
    assert data["sizes"][-1] == len(data["order"]) == 1034


def test_what_is_not_finite_is_not_drawn():
    found = explanation()
    order, sizes = removal_order(found)
    broken = replace(found, baseline=float("nan"))
    assert curves_payload(broken) is None
    data = curves_payload(replace(broken, curves=RemovalCurves(order, sizes, sizes * 1.0, sizes * 2.0)))
    assert list(data["lines"]["insertion"]) == ["model"]
