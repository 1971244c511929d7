"""Paired differences: the same items under two models, or under two estimators."""

from collections.abc import Hashable, Iterable, Iterator
from itertools import chain, combinations
from typing import Any

from fixlip.evaluation.metric import Figure, Values, finite, goodness, middle
from fixlip.evaluation.report.columns import Column, Columns, Method, Table
from fixlip.metrics.intervals import paired

FEW = 6  # estimators of which each two are compared


def differences(columns: Columns) -> Table:
    """The second method's value minus the first's, on the items that both have, with a bootstrap interval over items.

    Models are compared on every figure, estimators on the main ones: each two of few, of many (more than `FEW`) each
    with the best of its model. A difference is clear when its interval excludes 0; where many are looked at, one in
    twenty does so by chance.

    Args:
        columns: values by figure and setting, then by method.

    Returns:
        Rows with ``between`` ("models" or "estimators"), ``within`` (the estimator or model that both share), first,
        second, both values, difference, low, high, items, clear, and ``better`` (the better one where it is clear).
    """
    table = []
    for (figure, setting), of in columns.items():
        place = {"metric": figure.metric, "figure": figure.name, "setting": setting}
        for between, within, first, second in _pairs(figure, of):
            names = (first[0], second[0]) if between == "models" else (first[1], second[1])
            row = _difference(figure, of[first], of[second], names)
            if row:
                table.append({**place, "between": between, "within": within, **row})
    return table


def _pairs(figure: Figure, of: dict[Method, Column]) -> Iterator[tuple[str, str, Method, Method]]:
    """Yield the comparisons: between what, within what, and the two methods."""
    for estimator in dict.fromkeys(estimator for _, estimator in of):
        same = [method for method in of if method[1] == estimator]
        yield from (("models", estimator, *pair) for pair in combinations(same, 2))
    for model in dict.fromkeys(model for model, _ in of) if figure.main else ():
        same = [method for method in of if method[0] == model]
        pairs = [*combinations(same, 2)]
        if len(same) > FEW:
            best = max(same, key=lambda method: goodness(figure.better, _value(figure, of[method].values.values())))
            pairs = [(best, method) for method in same if method != best]
        yield from (("estimators", model, *pair) for pair in pairs)


def _value(figure: Figure, items: Iterable[Values]) -> float:
    return middle(figure.statistic, (value for values in items for value in values.values()))


def _difference(figure: Figure, of_first: Column, of_second: Column, names: tuple[str, str]) -> dict[str, Any] | None:
    a: dict[Hashable, list[float]] = {}
    b: dict[Hashable, list[float]] = {}
    for item, values in of_first.values.items():  # an object that one of the models does not see is in neither
        common = [key for key in values if key in of_second.values.get(item, {})]
        if common:
            a[item], b[item] = [values[key] for key in common], [of_second.values[item][key] for key in common]
    if not a:
        return None
    first, second = (middle(figure.statistic, chain.from_iterable(side.values())) for side in (a, b))
    difference, low, high = map(finite, paired(b, a, figure.statistic))
    clear = low is not None and high is not None and (low > 0 or high < 0)
    gain = goodness(figure.better, second) - goodness(figure.better, first)
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
        "better": names[gain > 0] if clear else "",
        "better_when": figure.better,
        "main": figure.main,
    }
