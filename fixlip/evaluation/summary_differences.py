"""Paired differences: the same items under two models, or under two estimators."""

import math
from collections.abc import Hashable
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from fixlip.metrics.intervals import paired

if TYPE_CHECKING:
    from fixlip.evaluation.summary import Column, Columns, Table
    from fixlip.evaluation.summary_figures import Figure


def differences(columns: "Columns") -> "Table":
    """The second method's value minus the first's, on the items that both have, with a bootstrap interval over items.

    Models are compared on every figure, estimators on the main ones. A difference is clear when its interval excludes
    0; where many are looked at, one in twenty does so by chance.

    Args:
        columns: values by figure and setting, then by method.

    Returns:
        Rows with ``between`` ("models" or "estimators"), ``within`` (the estimator or model that both share), first,
        second, both values, difference, low, high, items, clear, and ``better`` (the better one where it is clear).
    """
    found = []
    for (figure, setting), of in columns.items():
        for one, other in combinations(of, 2):
            models = one[1] == other[1]
            if not models and (one[0] != other[0] or not figure.main):
                continue
            within, pair = (one[1], (one[0], other[0])) if models else (one[0], (one[1], other[1]))
            row = _difference(figure, of[one], of[other], pair)
            if row:
                place = {"metric": figure.metric, "figure": figure.name, "setting": setting}
                found.append({**place, "between": "models" if models else "estimators", "within": within, **row})
    return found


def _difference(figure: "Figure", one: "Column", other: "Column", names: tuple[str, str]) -> dict[str, Any] | None:
    a: dict[Hashable, list[float]] = {}
    b: dict[Hashable, list[float]] = {}
    for item, values in one.values.items():  # an object that one of the models does not see is in neither
        common = [key for key in values if key in other.values.get(item, {})]
        if common:
            a[item], b[item] = [values[key] for key in common], [other.values[item][key] for key in common]
    if not a:
        return None
    middle = np.median if figure.statistic == "median" else np.mean
    first, second = (float(middle([v for values in side.values() for v in values])) for side in (a, b))
    difference, low, high = map(finite, paired(b, a, figure.statistic))
    clear = low is not None and high is not None and (low > 0 or high < 0)
    gain = abs(first) - abs(second) if figure.better == "zero" else second - first
    better = names[(gain > 0) != (figure.better == "lower")] if clear else ""
    return {
        "first": names[0],
        "second": names[1],
        "first_value": first,
        "second_value": second,
        "difference": difference,
        "low": low,
        "high": high,
        "items": len(a),
        "clear": clear,
        "better": better,
        "better_when": figure.better,
        "main": figure.main,
    }


def finite(value: float) -> float | None:
    """The number; None for one that JSON has not."""
    return float(value) if math.isfinite(value) else None
