"""Which figures each metric has: how a row gives them, how they are summed up, and what to hold them against."""

import math
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
from scipy.integrate import trapezoid

from fixlip import specs

Values = dict[str, float]  # of one row, by object
Read = Callable[[dict[str, Any]], Any]  # what one row has of one metric -> a value, or several


@dataclass(frozen=True)
class Figure:
    """One figure of a metric.

    Attributes:
        metric, name: of which, and its own.
        read: its values in one row: one, or one for each object.
        about: what it says, in a sentence.
        statistic: how the values of all items become one number.
        better: what a good explanation has: a higher value, a lower one, or one near zero.
        chance: its value for an explanation that knows nothing, in one row.
        ceiling: the largest value that can be had, in one row.
        main: whether methods are compared by it.
    """

    metric: str
    name: str
    read: Read
    about: str
    statistic: Literal["median", "mean"] = "mean"
    better: Literal["higher", "lower", "zero"] = "higher"
    chance: Read | None = None
    ceiling: Read | None = None
    main: bool = False


def goodness(better: str, value: float) -> float:
    """A number that is larger for what is better: of a value that is to be "higher", "lower", or near "zero"."""
    return {"higher": value, "lower": -value, "zero": -abs(value)}[better]


def middle(statistic: str, values: Iterable[float]) -> float:
    """The median or mean."""
    return float((np.median if statistic == "median" else np.mean)(list(values)))


def keyed(values: Any) -> Values:
    """The finite ones among one value, several in a list, or several by name.

    Example:
        >>> keyed({"dog": 0.5, "cat": None}), keyed([True, float("nan")]), keyed(None)
        ({'dog': 0.5}, {'0': 1.0}, {})
    """
    if isinstance(values, (list, tuple)):
        values = {str(k): value for k, value in enumerate(values)}
    named = values if isinstance(values, dict) else {"": values}
    return {name: float(v) for name, v in named.items() if v is not None and math.isfinite(v)}


def numbers(values: Any) -> list[float]:
    """The finite ones, without their names."""
    return list(keyed(values).values())


def of(name: str) -> Read:
    """The value under a name."""
    return lambda found: found.get(name)


def each(name: str, test: Callable[[float], bool] | None = None) -> Read:
    """The value of every object by the name of the object; whether it passes a test where there is one."""

    def read(found: dict[str, Any]) -> Values:
        values, seen = {}, Counter[str]()
        for thing in found.get("objects") or []:
            seen[thing["name"]] += 1
            for key, value in keyed(thing.get(name)).items():
                values[f"{thing['name']} {seen[thing['name']]} {key}"] = value if test is None else float(test(value))
        return values

    return read


def constant(value: float) -> Read:
    """The same for every row."""
    return lambda found: value


def _area(name: str) -> Read:
    """The area under a curve of one row."""

    def read(found: dict[str, Any]) -> float | None:
        curve, x = found.get(name) or [], found.get("fractions") or []
        return float(trapezoid(curve, x)) if 1 < len(curve) == len(x) == len(numbers(curve)) else None

    return read


def _positive(value: float) -> bool:
    return value > 0


def _negative(value: float) -> bool:
    return value < 0


FIGURES = (
    Figure(
        "grounding", "PGE", each("pge"), "share of the positive attribution of an object's words inside its box",
        "median", chance=each("chance_pge"), ceiling=each("ceiling"), main=True,
    ),
    Figure(
        "grounding", "PGA", each("pga"), "share of objects whose words have their maximum inside the box",
        chance=each("chance_pga"), ceiling=constant(1.0),
    ),
    Figure(
        "grounding", "own box positive", each("own", _positive), "share of objects whose words raise the similarity "
        "through their own box", chance=constant(0.5), ceiling=constant(1.0),
    ),
    Figure(
        "grounding", "other boxes negative", each("others", _negative), "share of other objects' boxes through which "
        "words lower the similarity", chance=constant(0.5), ceiling=constant(1.0),
    ),
    Figure(
        "pointing-game", "PGR", of("pgr"), "share of the attribution of class names that has the right sign in the "
        "right quarter of a mosaic", chance=of("chance"), ceiling=of("ceiling"), main=True,
    ),
    Figure(
        "insertion-deletion", "AID", of("aid"), "area between the curves of the subsets said to be best and worst",
        chance=constant(0.0), main=True,
    ),
    Figure("insertion-deletion", "insertion", _area("insertion"), "area under the curve of the best subsets"),
    Figure(
        "insertion-deletion", "deletion", _area("deletion"), "area under the curve of the worst subsets",
        better="lower",
    ),
    Figure(
        "faithfulness", "Spearman", of("spearman"), "rank correlation of surrogate and model on random masks",
        chance=constant(0.0), ceiling=constant(1.0), main=True,
    ),
    Figure(
        "faithfulness", "Pearson", of("pearson"), "correlation on random masks",
        chance=constant(0.0), ceiling=constant(1.0),
    ),
    Figure(
        "faithfulness", "Kendall", of("kendall"), "rank correlation by pairs on random masks",
        chance=constant(0.0), ceiling=constant(1.0),
    ),
    Figure(
        "faithfulness", "R²", of("r2"), "share of the model's variance on random masks that the surrogate predicts",
        "median", chance=constant(0.0), ceiling=constant(1.0),
    ),
    Figure("faithfulness", "MSE", of("mse"), "squared error on random masks", "median", "lower"),
    Figure(
        "perturbation", "image insertion", each("image_insertion"), "area under the similarity when the patches that a "
        "phrase points at come in first", main=True,
    ),
    Figure(
        "perturbation", "image deletion", each("image_deletion"), "area when they go first", better="lower", main=True
    ),
    Figure(
        "perturbation", "text insertion", each("text_insertion"), "area under the similarity when the words that a box "
        "points at come in first", main=True,
    ),
    Figure(
        "perturbation", "text deletion", each("text_deletion"), "area when they go first", better="lower", main=True
    ),
    Figure(
        "stability", "Pearson", of("pearson"), "correlation of the explanations of two seeds",
        chance=constant(0.0), ceiling=constant(1.0), main=True,
    ),
    Figure(
        "stability", "Spearman", of("spearman"), "rank correlation of the explanations of two seeds",
        chance=constant(0.0), ceiling=constant(1.0),
    ),
    Figure(
        "stability", "top pairs shared", of("top"), "share of the strongest pairs that two seeds have in common",
        ceiling=constant(1.0),
    ),
    Figure(
        "randomization", "Pearson", of("pearson"), "correlation with the explanation of a model of random weights: "
        "near 0 for one that depends on the model", better="zero", main=True,
    ),
    Figure("randomization", "Spearman", of("spearman"), "the same for ranks", better="zero"),
    Figure(
        "removal", "Pearson", of("pearson"), "correlation with the explanations under other removal operators",
        chance=constant(0.0), ceiling=constant(1.0), main=True,
    ),
    Figure(
        "foils", "accuracy", of("accuracy"), "share of items whose true caption the model prefers to the foil",
        chance=constant(0.5), ceiling=constant(1.0),
    ),
    Figure("foils", "margin", of("margin"), "by how much, in logits", chance=constant(0.0)),
    Figure(
        "foils", "foil word lower", of("lower"), "share of items in which the wrong word is attributed less than the "
        "true one", chance=constant(0.5), ceiling=constant(1.0),
    ),
    Figure(
        "foils", "foil word found", of("found"), "share of items in which the wrong word is the lowest of all",
        chance=of("chance"), ceiling=constant(1.0), main=True,
    ),
)  # fmt: skip


def measured(row: dict[str, Any]) -> "list[tuple[Figure, str, dict[str, Any]]]":
    """The figures that a row has: each with the setting that it was measured in, and the metric's part of the row.

    The setting is what sets apart values of one figure that must not be mixed: the number of classes of a mosaic, the
    p of the masks, options that the metric was asked for with.
    """
    found = []
    for label, values in row.get("metrics", {}).items():
        if isinstance(values, dict):
            name, setting = setting_of(label, values)
            of_metric = [figure for figure in FIGURES if figure.metric == name]
            operators = map(_operator, values.get("by") or {}) if name == "removal" else ()
            found += [(figure, setting, values) for figure in (*of_metric, *operators)]
    return found


@cache
def _operator(name: str) -> Figure:
    """The correlation with the explanations under one other removal operator."""
    about = f"correlation with the explanation under {name} removal"
    return Figure("removal", name, lambda found: (found.get("by") or {}).get(name), about, ceiling=constant(1.0))


def setting_of(label: str, values: dict[str, Any]) -> tuple[str, str]:
    """Name and setting of what a row has under this label.

    Example:
        >>> setting_of("faithfulness p=0.7", {"p": 0.7}), setting_of("pointing-game", {"k": 2})
        (('faithfulness', 'p=0.7'), ('pointing-game', 'k=2'))
    """
    name, options = specs.parse(label)
    own = {key: values[key] for key in ("k", "p") if values.get(key) is not None}
    return name, ", ".join(f"{key}={value}" for key, value in {**own, **options}.items())
