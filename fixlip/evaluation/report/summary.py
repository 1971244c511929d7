"""Tables from rows: what each method reached on each metric, how sure that is, and what was left out."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from fixlip.errors import InputError
from fixlip.evaluation.metric import Figure, finite, goodness, middle, numbers
from fixlip.evaluation.records import BadRow, ExplainedRow, Row
from fixlip.evaluation.report.columns import Column, Method, Table, columns, grounded, metrics_in
from fixlip.evaluation.report.differences import differences
from fixlip.evaluation.report.resampling import draws
from fixlip.evaluation.rows import as_written, place
from fixlip.metrics.intervals import bootstrap

POINTS = 51  # of a mean curve


@dataclass(frozen=True)
class Summary:
    """The tables of an evaluation; each is a list of rows, in types of JSON.

    Attributes:
        counts: how many items were evaluated and skipped, and why: ``{"items", "evaluated", "explanations", "skipped":
            [{"fault", "items", "examples"}], "failed": [{"model", "estimator", "fault", "items", "reason"}],
            "damaged": {file: lines}}``.
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
        main = [h for h in self.headlines if (h["model"], h["metric"]) == (model, metric) and h["main"]]
        first = [h for h in main if (h["figure"], h["setting"]) == (main[0]["figure"], main[0]["setting"])]
        return max(first, key=lambda h: goodness(h["better"], h["value"]), default=None)


@as_written()
def summarise(rows: Iterable[Row], damaged: Mapping[str, int] | None = None) -> Summary:
    """The tables of an evaluation.

    Intervals are 95 % bootstrap intervals over items, since what is measured on one picture belongs together.

    Args:
        rows: what `fixlip.evaluation.rows.read` gives; in any order.
        damaged: numbers of damaged lines, which are left out, by the name of the file.

    Raises:
        InputError: there is no row, or one with metrics that are not as they are written.
    """
    rows = sorted(rows, key=place)
    if not rows:
        raise InputError("There are no results here yet; run `fixlip evaluate` first.")
    good = [row for row in rows if isinstance(row, ExplainedRow)]
    values = columns(good)
    return Summary(
        counts={**_counts(rows, good), "damaged": dict(damaged or {})},
        methods=_methods(good),
        headlines=[_headline(f, s, m, c) for (f, s), of in values.items() for m, c in of.items()],
        differences=differences(values),
        classes=_classes(good),
        curves=_curves(good),
        times=_times(good),
    )


def _headline(figure: Figure, setting: str, method: Method, column: Column) -> dict[str, Any]:
    values = [[*by_object.values()] for by_object in column.values.values()]
    value, low, high = map(finite, bootstrap(values, figure.statistic))
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
        "values": sum(map(len, values)),
        "chance": middle(figure.statistic, column.chance) if column.chance else None,
        "ceiling": middle(figure.statistic, column.ceiling) if column.ceiling else None,
        "better": figure.better,
        "main": figure.main,
    }


def _counts(rows: list[Row], good: list[ExplainedRow]) -> dict[str, Any]:
    skipped: dict[str, list[BadRow]] = {}
    reasons: dict[tuple[str, str, str], list[str]] = {}  # of what failed, by model, estimator and fault or metric
    for bad in (row for row in rows if isinstance(row, BadRow)):
        if bad.estimator:
            reasons.setdefault((bad.model, bad.estimator, bad.fault), []).append(bad.reason)
        elif not bad.model:
            skipped.setdefault(bad.fault, []).append(bad)
    for row in good:
        for metric, reason in row.failed.items():
            reasons.setdefault((row.model, row.estimator, metric), []).append(reason)
    return {
        "items": len({row.item for row in rows}),
        "evaluated": len({row.item for row in good}),
        "explanations": len(good),
        "skipped": [
            {
                "fault": fault,
                "items": len({bad.item for bad in of}),
                "examples": [{"item": bad.item, "reason": bad.reason} for bad in of[:3]],
            }
            for fault, of in sorted(skipped.items())
        ],
        "failed": [
            {"model": m, "estimator": e, "fault": fault, "items": len(of), "reason": of[0]}
            for (m, e, fault), of in sorted(reasons.items())
        ],
    }


def _by_method(rows: list[ExplainedRow]) -> dict[Method, list[ExplainedRow]]:
    groups: dict[Method, list[ExplainedRow]] = {}
    for row in rows:
        groups.setdefault((row.model, row.estimator), []).append(row)
    return groups


def _methods(rows: list[ExplainedRow]) -> Table:
    table = []
    for (model, estimator), group in _by_method(rows).items():
        facts = [row.provenance or {} for row in group]
        warnings = Counter(re.sub(r"\d[\d.,]*", "…", f.get("status", "ok")) for f in facts)
        table.append(
            {
                "model": model,
                "estimator": estimator,
                "order": max((row.order or 0 for row in group), default=0),
                "items": len(group),
                **{name: _median(f.get(name) for f in facts) for name in ("image_passes", "text_passes", "r2")},
                "similarity": _median(row.similarity for row in group),
                "warnings": [{"status": s, "items": n} for s, n in sorted(warnings.items()) if s != "ok"],
            }
        )
    return table


def _times(rows: list[ExplainedRow]) -> Table:
    return [
        {"model": m, "estimator": e, "seconds": _median(s), "total": float(np.sum(s))}
        for (m, e), group in _by_method(rows).items()
        if (s := numbers([row.seconds for row in group]))
    ]


def _median(values: Iterable[Any]) -> float | None:
    kept = numbers(list(values))
    return float(np.median(kept)) if kept else None


def _classes(rows: list[ExplainedRow]) -> Table:
    """Every kind of object, by model, estimator and name."""
    by_class: dict[tuple[str, str, str], dict[str, list[dict[str, Any]]]] = {}
    for row in rows:
        for thing in grounded(row):
            key = row.model, row.estimator, thing["name"]
            by_class.setdefault(key, {}).setdefault(row.item, []).append(thing)
    table = []
    for (model, estimator, name), of in sorted(by_class.items()):
        values = [numbers([thing.get("pge") for thing in objects]) for objects in of.values()]
        objects = [thing for several in of.values() for thing in several]
        pge, low, high = map(finite, bootstrap(values, "median"))
        hits = numbers([thing.get("pga") for thing in objects])
        table.append(
            {
                "model": model,
                "estimator": estimator,
                "name": name,
                "objects": len(objects),
                "items": len(of),
                "pge": pge,
                "low": low,
                "high": high,
                "pga": float(np.mean(hits)) if hits else None,
                "chance": _median(thing.get("chance_pge") for thing in objects),
            }
        )
    return table


def _curves(rows: list[ExplainedRow]) -> Table:
    """Mean curves on common places, with the number of items."""
    by_key: dict[tuple[str, str, str, str, str], list[np.ndarray]] = {}
    places = np.linspace(0, 1, POINTS)
    for row in rows:
        for metric, setting, values in metrics_in(row):
            for name, read in metric.curves.items():
                curve = read(values)
                x = values.get("fractions") or _evenly(len(curve or ()))
                if curve and len(numbers(curve)) == len(curve) == len(x):
                    key = metric.name, setting, row.model, row.estimator, name
                    by_key.setdefault(key, []).append(np.interp(places, x, curve))
    names = ("metric", "setting", "model", "estimator", "curve")
    return [
        {
            **dict(zip(names, key, strict=True)),
            "fractions": places.round(4).tolist(),
            "values": np.mean(curves, axis=0).tolist(),
            **_band(np.array(curves)),
            "items": len(curves),
        }
        for key, curves in sorted(by_key.items())
    ]


@lru_cache
def _evenly(n: int) -> list[float]:
    """Numbers from 0 to 1; not to be changed."""
    places: list[float] = np.linspace(0, 1, n).tolist()
    return places


def _band(curves: np.ndarray) -> dict[str, list[float] | None]:
    """95 % bootstrap intervals of the mean of curves [items, points] at each point; none of a single curve."""
    n = len(curves)
    if n == 1:
        return {"low": None, "high": None}
    means = draws(n) @ curves / n
    low, high = np.quantile(means, (0.025, 0.975), axis=0)
    return {"low": low.tolist(), "high": high.tolist()}
