import json

import numpy as np
import pytest

from fixlip.evaluation.report.failures import CONTEXT, COVERAGE, KINDS, UNUSUAL
from tests.helpers import results
from tests.helpers.results import failures


def planted(*, tiny=(), odd=(), confused=(), low=(), n=60, rivals=2.0, seed=0):
    """Items of a dog and a car; those named have one object that fails, for the reason that they are named for."""
    rng, rows = np.random.default_rng(seed), []
    for i in range(n):
        fails = i in (*tiny, *odd, *confused, *low)
        pge = rng.uniform(0.01, 0.05) if fails else rng.uniform(0.5, 0.9)
        first = results.grounded_object("dog", pge, area=0.004 if i in tiny else rng.uniform(0.1, 0.3))
        if i in confused:
            first |= {"own": 0.5, "others": [rivals]}
        pair = ("dog", "car") if i % 2 else ("owl", "key")
        objects = [
            first | {"name": pair[0]},
            results.grounded_object(pair[1], rng.uniform(0.5, 0.9), area=rng.uniform(0.1, 0.3)),
        ]
        rows.append(results.row(i, "m", "e", {"grounding": {"objects": objects}}))
        picture = rng.normal(size=8) + (30 if i in odd else 0)
        facts = {"metrics": {"picture": {"embedding": picture.tolist()}}}
        rows.append({**results.bad(i, model="m"), "status": "ok", **facts})
    return rows


def shares(found):
    return {s["kind"]: s for s in found.shares}


@pytest.mark.parametrize(
    ("kind", "argument"), [(COVERAGE, "tiny"), (UNUSUAL, "odd"), (CONTEXT, "confused")], ids=lambda v: str(v)
)
def test_a_planted_kind_is_found_and_no_other(kind, argument):
    found = failures(planted(**{argument: range(0, 60, 10)}), worst=0.05)
    share = shares(found)
    assert share[kind]["share_of_failures"] == 1
    assert share[kind]["share_of_objects"] <= 0.2
    assert share[kind]["clear"]
    assert share[kind]["low"] > 0.5
    assert not any(share[other]["clear"] for other in KINDS if other != kind)
    assert share["none of these"]["share_of_failures"] == 0
    example = found.examples("m", "e", kind, 2)
    assert len(example) == 2
    assert all(thing["index"] % 10 == 0 for thing in example)
    assert example[0]["pge"] <= example[1]["pge"] < 0.06
    json.dumps(vars(found), allow_nan=False)


def test_failures_of_no_kind_are_said_to_be_so():
    found = failures(planted(low=range(0, 60, 10)), worst=0.05)
    share = shares(found)
    assert not any(s["clear"] for s in found.shares if s["kind"] in KINDS)
    assert share["none of these"]["share_of_failures"] >= 0.5
    assert sum(s["failures"] for s in found.shares if s["kind"] == COVERAGE) == 6


def test_a_rival_counts_only_above_the_own_box_and_of_a_correlated_class():
    assert shares(failures(planted(confused=(0, 10), rivals=0.4)))[CONTEXT]["share_of_failures"] == 0
    assert shares(failures(planted(confused=(0, 10))))[CONTEXT]["share_of_objects"] == 2 / 120
    rows = planted(confused=(0, 10))
    for row in rows:  # the second object is of a kind that is never seen again
        if row["estimator"]:
            row["metrics"]["grounding"]["objects"][1]["name"] = f"thing {row['index']}"
    found = failures(rows)
    assert found.clusters == []
    assert "No two kinds" in found.missing[CONTEXT]
    assert CONTEXT not in shares(found)


def test_clusters_are_classes_that_are_found_together():
    assert failures(planted()).clusters == [["car", "dog"], ["key", "owl"]]


def test_unusual_needs_pictures():
    rows = [row for row in planted() if row["estimator"]]
    found = failures(rows)
    assert found.missing == {UNUSUAL: "m has embeddings of 0 different pictures, 20 are needed."}
    assert UNUSUAL not in shares(found)
    few = failures(planted(n=10))
    assert "10 different pictures" in few.missing[UNUSUAL]
    same = planted(odd=(5,))
    for row in same:
        if not row["estimator"] and row["index"] != 5:
            row["metrics"]["picture"]["embedding"] = [1.0, 0.0]
        elif not row["estimator"]:
            row["metrics"]["picture"]["embedding"] = [0.0, 1.0]
    assert "2 different pictures" in failures(same).missing[UNUSUAL]


def test_nothing_positive_is_the_worst_and_no_grounding_is_none():
    rows = planted()
    rows[0]["metrics"]["grounding"]["objects"][1]["pge"] = None
    found = failures(rows, worst=0.01)
    assert [(thing["item"], thing["place"], thing["pge"]) for thing in found.objects] == [("scene-000", 1, 0.0)]
    assert failures([results.row(0, "m", "e", {"faithfulness": {"spearman": 0.4}}), results.bad(1)]) is None


def test_the_same_each_time():
    rows = planted(odd=(0, 10), tiny=(20,))
    assert failures(rows) == failures(rows) == failures(rows[::-1])
