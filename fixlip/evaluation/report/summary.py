"""From rows to tables: what each method reached on each metric, how sure that is, and what was left out."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fixlip.errors import InputError
from fixlip.evaluation.metric import Figure, finite, goodness, middle, numbers
from fixlip.evaluation.report.columns import Column, Method, Table, columns, grounded, metrics_in
from fixlip.evaluation.report.differences import differences
from fixlip.evaluation.rows import Row, as_written
from fixlip.metrics.intervals import bootstrap

POINTS = 51  # of a mean curve
RESAMPLES = 1000  # for its interval


@dataclass(frozen=True)
class Summary:
    """The tables of an evaluation; each is a list of rows, in types of JSON.

    Attributes:
        counts: how many items were evaluated and skipped, and why: ``{"items", "evaluated", "explanations", "skipped":
            [{"fault", "items", "examples"}], "failed": [{"model", "estimator", "fault", "items", "reason"}]}``.
        methods: each model and estimator: its order, items, passes and fit, and what its explanations warn of.
        headlines: one row for each figure, setting and method: value, interval (low, high), number of items and of
            values, chance, ceiling, and whether higher is better.
        differences: between each two models (for each estimator) and each two estimators (for each model), on the
            items that both have; see `fixlip.evaluation.report.differences`.
        classes: grounding of each kind of object: median PGE with its interval, PGA, number of objects and items.
        curves: mean curves of insertion, deletion and conditional perturbation, with intervals at each point.
        times: seconds; all else is the same for the same rows, however long they took.
    """

    counts: dict[str, Any]
    methods: Table
    headlines: Table
    differences: Table
    classes: Table
    curves: Table
    times: Table = field(compare=False)

    def tables(self) -> dict[str, Any]:
        """All of it but the times."""
        return {name: value for name, value in vars(self).items() if name != "times"}

    def best(self, model: str, metric: str = "grounding") -> dict[str, Any] | None:
        """The headline of the estimator that does best on the first main figure of a metric; None without one."""
        found = [h for h in self.headlines if (h["model"], h["metric"]) == (model, metric) and h["main"]]
        found = [h for h in found if (h["figure"], h["setting"]) == (found[0]["figure"], found[0]["setting"])]
        return max(found, key=lambda h: goodness(h["better"], h["value"]), default=None)


@as_written()
def summarise(rows: Iterable[Row]) -> Summary:
    """The tables of an evaluation.

    Intervals are 95 % bootstrap intervals over items, since what is measured on one picture belongs together.

    Args:
        rows: what `fixlip.evaluation.rows.read` gives; in any order.

    Raises:
        InputError: there is no row, or one with metrics that are not as they are written.
    """
    rows = sorted(rows, key=lambda row: (row["model"], row["estimator"], row["index"], row["item"]))
    if not rows:
        raise InputError("There are no results here yet; run `fixlip evaluate` first.")
    good = [row for row in rows if row["status"] == "ok" and row["estimator"]]
    values = columns(good)
    return Summary(
        counts=_counts(rows, good),
        methods=_methods(good),
        headlines=[_headline(f, s, m, c) for (f, s), of in values.items() for m, c in of.items()],
        differences=differences(values),
        classes=_classes(good),
        curves=_curves(good),
        times=_times(good),
    )


def _headline(figure: Figure, setting: str, method: Method, column: Column) -> dict[str, Any]:
    value, low, high = map(finite, bootstrap([[*own.values()] for own in column.values.values()], figure.statistic))
    return {
        "metric": figure.metric,
        "figure": figure.name,
        "setting": setting,
        "model": method[0],
        "estimator": method[1],
        "statistic": figure.statistic,
        "value": value,
        "low": low,
        "high": high,
        "items": len(column.values),
        "values": sum(map(len, column.values.values())),
        "chance": middle(figure.statistic, column.chance) if column.chance else None,
        "ceiling": middle(figure.statistic, column.ceiling) if column.ceiling else None,
        "better": figure.better,
        "main": figure.main,
    }


def _counts(rows: list[Row], good: list[Row]) -> dict[str, Any]:
    bad = [row for row in rows if row["status"] != "ok"]
    skipped: dict[str, list[Row]] = {}
    failed: dict[tuple[str, str, str], list[Row]] = {}
    for row in bad:
        if row["estimator"]:
            failed.setdefault((row["model"], row["estimator"], row.get("fault", "")), []).append(row)
        elif not row["model"]:
            skipped.setdefault(row.get("fault", ""), []).append(row)
    for row in good:
        for metric, reason in row.get("failed", {}).items():
            failed.setdefault((row["model"], row["estimator"], metric), []).append({"reason": reason})
    return {
        "items": len({row["item"] for row in rows}),
        "evaluated": len({row["item"] for row in good}),
        "explanations": len(good),
        "skipped": [
            {
                "fault": fault,
                "items": len({row["item"] for row in of}),
                "examples": [{"item": row["item"], "reason": row.get("reason", "")} for row in of[:3]],
            }
            for fault, of in sorted(skipped.items())
        ],
        "failed": [
            {"model": m, "estimator": e, "fault": fault, "items": len(of), "reason": of[0].get("reason", "")}
            for (m, e, fault), of in sorted(failed.items())
        ],
    }


def _by_method(rows: list[Row]) -> dict[Method, list[Row]]:
    found: dict[Method, list[Row]] = {}
    for row in rows:
        found.setdefault((row["model"], row["estimator"]), []).append(row)
    return found


def _methods(rows: list[Row]) -> Table:
    found = []
    for (model, estimator), own in _by_method(rows).items():
        facts = [row.get("provenance") or {} for row in own]
        warnings = Counter(re.sub(r"\d[\d.,]*", "…", f.get("status", "ok")) for f in facts)
        found.append(
            {
                "model": model,
                "estimator": estimator,
                "order": max((row.get("order") or 0 for row in own), default=0),
                "items": len(own),
                **{name: _median(f.get(name) for f in facts) for name in ("image_passes", "text_passes", "r2")},
                "similarity": _median(row.get("similarity") for row in own),
                "warnings": [{"status": s, "items": n} for s, n in sorted(warnings.items()) if s != "ok"],
            }
        )
    return found


def _times(rows: list[Row]) -> Table:
    return [
        {"model": m, "estimator": e, "seconds": _median(s), "total": float(np.sum(s))}
        for (m, e), own in _by_method(rows).items()
        if (s := numbers([row.get("seconds") for row in own]))
    ]


def _median(values: Iterable[Any]) -> float | None:
    found = numbers(list(values))
    return float(np.median(found)) if found else None


def _classes(rows: list[Row]) -> Table:
    """Every kind of object, by model, estimator and name."""
    found: dict[tuple[str, str, str], dict[str, list[dict[str, Any]]]] = {}
    for row in rows:
        for thing in grounded(row):
            key = row["model"], row["estimator"], thing["name"]
            found.setdefault(key, {}).setdefault(row["item"], []).append(thing)
    table = []
    for (model, estimator, name), of in sorted(found.items()):
        values = [numbers([thing.get("pge") for thing in things]) for things in of.values()]
        things = [thing for several in of.values() for thing in several]
        pge, low, high = map(finite, bootstrap(values, "median"))
        hits = numbers([thing.get("pga") for thing in things])
        table.append(
            {
                "model": model,
                "estimator": estimator,
                "name": name,
                "objects": len(things),
                "items": len(of),
                "pge": pge,
                "low": low,
                "high": high,
                "pga": float(np.mean(hits)) if hits else None,
                "chance": _median(thing.get("chance_pge") for thing in things),
            }
        )
    return table


def _curves(rows: list[Row]) -> Table:
    """Mean curves on common places, with the number of items."""
    found: dict[tuple[str, str, str, str, str], list[np.ndarray]] = {}
    places = np.linspace(0, 1, POINTS)
    for row in rows:
        for metric, setting, values in metrics_in(row):
            for name, read in metric.curves.items():
                curve = read(values)
                x = values.get("fractions") or np.linspace(0, 1, len(curve or ())).tolist()
                if curve and len(numbers(curve)) == len(curve) == len(x):
                    key = metric.name, setting, row["model"], row["estimator"], name
                    found.setdefault(key, []).append(np.interp(places, x, curve))
    names = ("metric", "setting", "model", "estimator", "curve")
    return [
        {
            **dict(zip(names, key, strict=True)),
            "fractions": places.round(4).tolist(),
            "values": np.mean(curves, axis=0).tolist(),
            **_band(np.array(curves)),
            "items": len(curves),
        }
        for key, curves in sorted(found.items())
    ]


def _band(curves: np.ndarray) -> dict[str, list[float] | None]:
    """95 % bootstrap intervals of the mean of curves [items, points] at each point; none of a single curve."""
    n = len(curves)
    if n == 1:
        return {"low": None, "high": None}
    means = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), RESAMPLES) @ curves / n
    low, high = np.quantile(means, (0.025, 0.975), axis=0)
    return {"low": low.tolist(), "high": high.tolist()}
