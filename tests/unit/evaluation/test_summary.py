import json
import random

import numpy as np
import pytest

from fixlip import InputError
from fixlip.evaluation.metrics import get_metric, list_metrics
from tests.helpers import results
from tests.helpers.results import summarise


def pick(table, **wanted):
    found = [row for row in table if all(row[name] == value for name, value in wanted.items())]
    assert len(found) == 1, (wanted, len(found))
    return found[0]


@pytest.fixture(scope="module")
def planted():
    """The second model is better by 0.1; values of the first are `results.GOOD`."""
    rows = results.rows(better=0.1)
    return rows, summarise(rows)


def test_headlines_are_those_of_the_rows(planted):
    rows, summary = planted
    for estimator, quality in results.GOOD.items():
        values = [
            thing["pge"]
            for row in rows
            if (row["model"], row["estimator"]) == ("demo-clip", estimator)
            for thing in row["metrics"]["grounding"]["objects"]
        ]
        found = pick(summary.headlines, metric="grounding", figure="PGE", model="demo-clip", estimator=estimator)
        assert found["value"] == np.median(values)
        assert found["low"] < found["value"] < found["high"]
        assert abs(found["value"] - quality) < 0.03
        assert (found["items"], found["values"], found["chance"], found["ceiling"]) == (30, 60, 0.15, 0.7)
    assert summary.best("demo-clip")["estimator"] == "banzhaf"
    assert summary.best("demo-clip", "foils")["figure"] == "foil word found"
    assert summary.best("nothing") is None


def test_every_figure_is_read(planted):
    _, summary = planted
    read = {(h["metric"], h["figure"]) for h in summary.headlines}
    figures = [figure for name in list_metrics() for figure in get_metric(name).figures]
    assert {(f.metric, f.name) for f in figures} - read == {("faithfulness", "Kendall")}  # null in all rows
    assert {("removal", "image blur"), ("removal", "text delete")} <= read
    assert {f.metric for f in figures if f.main} == set(list_metrics())
    own = pick(summary.headlines, figure="own box positive", model="demo-clip", estimator="itsm")
    others = pick(summary.headlines, figure="other boxes negative", model="demo-clip", estimator="itsm")
    assert own["value"] == others["value"] == 1
    insertion = pick(summary.headlines, figure="insertion", model="demo-clip", estimator="itsm")
    assert insertion["value"] == pytest.approx(1 - 1 / (2 + 4 * 0.3), abs=1e-3)  # area under 1 - (1 - x)^(1 + 4 q)


def test_settings_are_kept_apart():
    rng = np.random.default_rng(0)
    metrics = {"faithfulness p=0.3": {"p": 0.3, "spearman": 0.2}, "faithfulness p=0.7": {"p": 0.7, "spearman": 0.8}}
    rows = [
        results.row(i, "m", "e", metrics | {"pointing-game": {"k": i % 4 + 1, "pgr": i % 4 / 4}}) for i in range(12)
    ]
    rng.shuffle(rows)
    summary = summarise(rows)
    assert pick(summary.headlines, setting="p=0.3")["value"] == pytest.approx(0.2)
    assert pick(summary.headlines, setting="p=0.7")["value"] == pytest.approx(0.8)
    games = [(h["setting"], h["value"], h["items"]) for h in summary.headlines if h["figure"] == "PGR"]
    assert games == [(f"k={k}", (k - 1) / 4, 3) for k in range(1, 5)]


def test_planted_differences_are_found(planted):
    _, summary = planted
    models = pick(summary.differences, between="models", within="banzhaf", figure="PGE")
    assert models["difference"] == pytest.approx(0.1)
    assert (models["clear"], models["better"], models["items"]) == (True, "demo-siglip", 30)
    assert models["second_value"] - models["first_value"] == pytest.approx(models["difference"])
    estimators = pick(
        summary.differences, between="estimators", within="demo-clip", first="banzhaf", second="itsm", figure="PGE"
    )
    assert estimators["low"] < -0.4 < -0.05 > estimators["high"]
    assert estimators["better"] == "banzhaf"
    lower = pick(summary.differences, between="models", within="itsm", figure="image deletion")
    assert (lower["difference"] < 0, lower["better"]) == (True, "demo-siglip")


def test_equal_models_do_not_differ():
    """Same quality, noise of their own: the interval holds 0; the same rows: the difference is 0."""
    rows = results.rows()
    for row in rows:
        if row["model"] == "demo-siglip" and row["estimator"]:
            rng = np.random.default_rng([7, row["index"], results.ESTIMATORS.index(row["estimator"])])
            row["metrics"] = results.everything(results.GOOD[row["estimator"]], rng)
        row["metrics"] = {k: v for k, v in row.get("metrics", {}).items() if k == "grounding"}
    noisy = [d for d in summarise(rows).differences if d["between"] == "models" and d["figure"] == "PGE"]
    assert len(noisy) == 3
    assert all(d["low"] < 0 < d["high"] and not d["clear"] and d["better"] == "" for d in noisy)
    same = [d for d in summarise(results.rows(8)).differences if d["between"] == "models"]
    assert all(d["difference"] == d["low"] == d["high"] == 0 and not d["clear"] for d in same)


def test_many_estimators_are_held_against_the_best():
    rng = np.random.default_rng(0)
    rows = [
        results.row(
            i,
            "m",
            f"e{k}",
            {"perturbation": {"objects": [{"name": "dog", "image_deletion": (k - 3) ** 2 + rng.normal()}]}},
        )
        for i in range(20)
        for k in range(8)
    ]
    found = summarise(rows).differences
    assert {d["first"] for d in found} == {"e3"}
    assert len(found) == 7
    assert pick(found, second="e0")["better"] == "e3"
    few = summarise([row for row in rows if row["estimator"] in ("e0", "e1", "e2")])
    assert len(few.differences) == 3


def test_differences_are_of_the_same_items_and_objects():
    """An object that a model does not see, and an item that a method has not, are left out on both sides."""
    thing = results.grounded_object
    rows = []
    for i in range(10):
        rows.append(results.row(i, "a", "e", {"grounding": {"objects": [thing("dog", 0.2), thing("car", 0.4)]}}))
        if i > 2:
            seen = [thing("car", 0.5)] if i % 2 else [thing("dog", 0.3), thing("car", 0.5)]
            rows.append(results.row(i, "b", "e", {"grounding": {"objects": seen}}))
    found = pick(summarise(rows).differences, figure="PGE")
    assert found["items"] == 7
    assert found["difference"] == pytest.approx(0.1)
    assert found["first_value"] == pytest.approx(0.4)


def test_what_is_not_a_number_is_left_out():
    objects = [
        results.grounded_object("dog", 0.5),
        results.grounded_object("car", 0.0) | {"pge": None, "others": [None]},
    ]
    rows = [results.row(i, "m", "e", {"grounding": {"objects": objects}, "foils": None}) for i in range(3)]
    summary = summarise([*rows, results.row(3, "m", "e", {"grounding": {"objects": []}})])
    found = pick(summary.headlines, figure="PGE")
    assert (found["value"], found["items"], found["values"]) == (0.5, 3, 3)
    assert pick(summary.classes, name="car")["pge"] is None
    json.dumps(summary.tables(), allow_nan=False)


def test_one_item_has_no_interval():
    summary = summarise([results.row(0, "m", "e", {"faithfulness": {"spearman": 0.5}})])
    found = pick(summary.headlines, figure="Spearman")
    assert (found["value"], found["low"], found["high"]) == (0.5, None, None)


def test_counts_and_warnings(planted):
    rows, summary = planted
    assert summary.counts["items"] == 32
    assert summary.counts["evaluated"] == 30
    assert {f["fault"]: f["items"] for f in summary.counts["skipped"]} == {"duplicate": 1, "unreadable picture": 1}
    refused = [results.bad(k, "refused", "too few masks", "demo-clip", "itsm") for k in (40, 41)]
    warned = results.row(42, "m", "e", {}, provenance={"status": "give 12 more masks"})
    other = results.row(43, "m", "e", {}, provenance={"status": "give 7 more masks"})
    found = summarise([*rows, *refused, warned, other])
    assert found.counts["failed"] == [
        {"model": "demo-clip", "estimator": "itsm", "fault": "refused", "items": 2, "reason": "too few masks"}
    ]
    assert pick(found.methods, model="m")["warnings"] == [{"status": "give … more masks", "items": 2}]


def test_classes(planted):
    rows, summary = planted
    found = pick(summary.classes, model="demo-siglip", estimator="banzhaf", name="car")
    things = [
        row["metrics"]["grounding"]["objects"][1]
        for row in rows
        if (row["model"], row["estimator"]) == ("demo-siglip", "banzhaf")
    ]
    assert found["pge"] == np.median([thing["pge"] for thing in things])
    assert found["pga"] == np.mean([thing["pga"] for thing in things])
    assert (found["objects"], found["items"]) == (30, 30)
    assert found["low"] <= found["pge"] <= found["high"]


def test_curves_are_means():
    ends = [{"fractions": [0, 0.5, 1], "insertion": [0, y, 1], "deletion": [0, y, 1]} for y in (0.2, 0.6)]
    broken = {"fractions": [0, 1], "insertion": [None, 1], "deletion": [0]}
    rows = [results.row(i, "m", "e", {"insertion-deletion": e}) for i, e in enumerate([*ends, broken])]
    curve = pick(summarise(rows).curves, curve="insertion")
    assert curve["items"] == 2
    assert curve["values"][25] == pytest.approx(0.4)
    assert (curve["values"][0], curve["values"][-1]) == (0, 1)


def test_order_and_times_change_nothing(planted):
    rows, summary = planted
    shuffled = [{**row, "seconds": 99.0} if row["estimator"] else row for row in rows]
    random.Random(1).shuffle(shuffled)
    again = summarise(shuffled)
    assert json.dumps(again.tables()) == json.dumps(summary.tables())
    assert again == summary
    assert again.times != summary.times
    assert summary.times[0]["total"] == sum(0.5 + i % 3 for i in range(30))


def test_rows_of_one_model_and_of_none():
    one = summarise([row for row in results.rows(8) if row["model"] != "demo-siglip"])
    assert {d["between"] for d in one.differences} == {"estimators"}
    nothing = summarise([results.bad(0), results.bad(1)])
    assert nothing.headlines == nothing.differences == nothing.classes == nothing.curves == []
    assert nothing.counts["evaluated"] == 0
    with pytest.raises(InputError, match="no results"):
        summarise([])
