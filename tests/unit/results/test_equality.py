"""Results are compared by value, whatever they hold; NaN equals NaN."""

from dataclasses import replace

import numpy as np
import pytest

from fixlip import Comparison, Contrast, metrics
from fixlip.results.gallery import Gallery
from fixlip.results.provenance import Provenance, StandardErrors
from fixlip.results.ranking import Ranked, Ranking
from fixlip.results.removal_curves import RemovalCurves
from fixlip.results.sweep import Sweep
from tests.helpers.pictures import explanation


def results(value=1.0):
    """A result of each kind, made anew, with a number in it, and with NaN where there may be some."""
    nan = float("nan")
    numbers = np.array([value, nan])
    errors, curves = StandardErrors(nan, numbers, numbers), RemovalCurves(numbers, numbers, numbers, numbers)
    provenance = Provenance(r2=value, seconds=nan, details={"gap": nan}, options={"rates": [nan]})
    one, other = (explanation(grid=(1, 2), words=["a", word]) for word in ("dog", "cat"))
    whole = replace(one, full_value=value, provenance=provenance, curves=RemovalCurves(*[numbers] * 4))
    bare = replace(whole, players=replace(one.players, caption=f"{value}"))
    return [
        *(errors, curves, provenance, bare.players, bare, whole),
        *(Contrast(replace(whole, provenance=one.provenance), other), Comparison((one, whole), ("x", "y"))),
        *(Gallery((other, whole)), Sweep("seed", (0, 1), (one, whole), one, "x")),
        Ranking((Ranked("a dog", value, 0.5, ()),), "softmax"),
        *(metrics.InsertionDeletion(numbers, numbers, numbers, nan), metrics.Perturbation(*[numbers] * 4)),
        *(metrics.Faithfulness(value, *[nan] * 4), metrics.Similarity(value, nan, nan)),
        *(metrics.PointingGame(1, value, *[nan] * 4), metrics.Grounding(nan, True, value, *[nan] * 4, (nan,))),
    ]


@pytest.mark.parametrize("k", range(len(results())), ids=[type(result).__name__ for result in results()])
def test_results_with_equal_values_are_equal(k):
    assert results()[k] == results()[k]
    assert results()[k] != results(2.0)[k]
    assert results()[k] != results()[k - 1]
