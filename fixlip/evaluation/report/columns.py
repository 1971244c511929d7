"""The values in rows by figure and setting, then by method."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from fixlip import specs
from fixlip.evaluation.metric import Figure, Metric, Numbers, Values, keyed, numbers
from fixlip.evaluation.metrics import find_metric, list_metrics
from fixlip.evaluation.records import ExplainedRow

Table = list[dict[str, Any]]
Method = tuple[str, str]  # model, estimator


@dataclass
class Column:
    """Values of one figure for one method: those of each item, and what to hold them against."""

    values: dict[str, Values] = field(default_factory=dict)
    chance: list[float] = field(default_factory=list)
    ceiling: list[float] = field(default_factory=list)


Columns = dict[tuple[Figure, str], dict[Method, Column]]


def metrics_in(row: ExplainedRow) -> list[tuple[Metric, str, Numbers]]:
    """The metrics that a row has: each with the setting that it was measured in, and its part of the row.

    The setting is what sets apart values of one figure that must not be mixed: the number of classes of a mosaic, the
    p of the masks, options that the metric was asked for with. Metrics that nobody has installed here are left out.
    """
    metrics = []
    for label, values in row.metrics.items():
        if values is not None:
            name, options = _parsed(label)
            if metric := find_metric(name):
                metrics.append((metric, setting(metric, options, values), values))
    return metrics


_parsed = lru_cache(specs.parse)  # rows repeat a few labels


def setting(metric: Metric, options: dict[str, Any], values: Numbers) -> str:
    """The setting that numbers of a metric were measured in.

    Example:
        >>> from fixlip.evaluation.metrics import get_metric
        >>> setting(get_metric("faithfulness"), {"p": 0.7, "masks": 64}, {"p": 0.7, "mse": 0.1})
        'p=0.7, masks=64'
    """
    named = {key: values[key] for key in metric.settings if values.get(key) is not None}
    return ", ".join(f"{key}={value}" for key, value in {**named, **options}.items())


def measured(row: ExplainedRow) -> list[tuple[Figure, str, Numbers]]:
    """The figures that a row has: each with its setting, and the metric's part of the row."""
    return [(figure, at, values) for metric, at, values in metrics_in(row) for figure in metric.figures_of(values)]


def grounded(row: ExplainedRow) -> list[dict[str, Any]]:
    """The objects of a row for which grounding was measured."""
    measured = (values for label, values in row.metrics.items() if values and _parsed(label)[0] == "grounding")
    return next((values.get("objects", []) for values in measured), [])


def columns(rows: Iterable[ExplainedRow]) -> Columns:
    """All values by figure and setting, then by method; in the order of the metrics and of their figures."""
    collected: dict[
        tuple[str, str, str], tuple[int, Figure, dict[Method, Column]]
    ] = {}  # by names, which are quick to hash
    for row in rows:
        method = row.model, row.estimator
        for metric, at, values in metrics_in(row):
            for k, figure in enumerate(metric.figures_of(values)):
                by_object = keyed(figure.read(values))
                if not by_object:
                    continue
                key = figure.metric, at, figure.name
                of = collected.setdefault(key, (min(k, len(metric.figures)), figure, {}))[2]
                column = of.setdefault(method, Column())
                column.values[row.item] = by_object
                column.chance += numbers(figure.chance(values)) if figure.chance else []
                column.ceiling += numbers(figure.ceiling(values)) if figure.ceiling else []
    names = list_metrics()

    def order(key: tuple[str, str, str]) -> Any:
        metric, at, name = key
        return names.index(metric), _natural(at), collected[key][0], name

    return {(collected[key][1], key[1]): collected[key][2] for key in sorted(collected, key=order)}


def _natural(text: str) -> list[tuple[int, float, str]]:
    """Pieces of a text to sort by: numbers in it count as numbers."""
    pieces = re.split(r"(\d+(?:\.\d+)?)", text)
    return [(1, float(p), "") if k % 2 else (0, 0.0, p) for k, p in enumerate(pieces)]
