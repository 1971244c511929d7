"""A metric as one record: its title, its function, its figures and its curves; and readers that figures are made of."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from inspect import signature
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from fixlip.evaluation.case import Case

Numbers = dict[str, Any]  # by name, in types of JSON: what one row has of one metric
Values = dict[str, float]  # of one row, by object
Read = Callable[[Numbers], Any]  # what one row has of one metric -> a value, or several


@dataclass(frozen=True)
class Figure:
    """One figure of a metric.

    Attributes:
        name: of the figure, unique within its metric.
        read: its values in one row: one, or one for each object.
        about: what it says, in a sentence.
        statistic: how the values of all items become one number.
        better: what a good explanation has: a higher value, a lower one, or one near zero.
        chance: its value for an uninformed explanation, in one row.
        ceiling: the largest value that can be had, in one row.
        main: whether methods are compared by it.
        ceiling_name: a name for the ceiling in tables, where it has one of its own.
        metric: name of the metric; `Metric` fills it in.
    """

    name: str
    read: Read
    about: str
    statistic: Literal["median", "mean"] = "mean"
    better: Literal["higher", "lower", "zero"] = "higher"
    chance: Read | None = None
    ceiling: Read | None = None
    main: bool = False
    ceiling_name: str = "ceiling"
    metric: str = ""


def _no_more(numbers: Numbers) -> Iterable[Figure]:
    """No further figures."""
    return ()


@dataclass(frozen=True)
class Metric:
    """A metric of `fixlip evaluate`. Titles, tables, figures, completion, help and documentation derive from it.

    Attributes:
        name: on the command line and in rows.
        title: in the report.
        function: a `Case` and options -> numbers, or None for an item that does not allow the metric. The first line of
            its docstring says what the metric asks; parameters after the first are the options.
        figures: what the report shows, in this order; at least one of them is the main one.
        needs: what an item must have, in words; "" for nothing.
        settings: names of numbers of a row that set its values apart from those of other rows, as the p of the masks.
        curves: name -> values of a curve of a row, over its "fractions" (evenly spaced from 0 to 1 without them). Names
            end in insertion or deletion; what comes before, as in ``image_insertion``, is the modality.
        more_figures: further figures that depend on what is in a row.
    """

    name: str
    title: str
    function: "Callable[..., Numbers | None]"
    figures: tuple[Figure, ...]
    needs: str = ""
    settings: tuple[str, ...] = ()
    curves: Mapping[str, Read] = field(default_factory=dict)
    more_figures: Callable[[Numbers], Iterable[Figure]] = _no_more

    def __post_init__(self) -> None:
        object.__setattr__(self, "figures", tuple(replace(figure, metric=self.name) for figure in self.figures))

    @property
    def options(self) -> list[str]:
        """Names of its options."""
        return [*signature(self.function).parameters][1:]

    @property
    def summary(self) -> str:
        """The question that it answers, in one line."""
        return (self.function.__doc__ or "").split("\n")[0]

    def measure(self, case: "Case", **options: Any) -> Numbers | None:
        """Numbers of one explanation by name; None for an item that does not allow the metric."""
        return self.function(case, **options)

    def figures_of(self, row: Numbers) -> Iterable[Figure]:
        """The figures of a row, those that depend on it at the end."""
        return *self.figures, *(replace(figure, metric=self.name) for figure in self.more_figures(row))


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
    if type(values) is float:
        return {"": values} if math.isfinite(values) else {}
    if isinstance(values, (list, tuple)):
        values = {str(k): value for k, value in enumerate(values)}
    named = values if isinstance(values, dict) else {"": values}
    return {name: float(v) for name, v in named.items() if v is not None and math.isfinite(v)}


def numbers(values: Any) -> list[float]:
    """The finite values, without their names."""
    if not isinstance(values, (list, tuple)):
        return list(keyed(values).values())
    return [float(v) for v in values if v is not None and math.isfinite(v)]


def finite(value: float) -> float | None:
    """The number; None for one that JSON does not have."""
    return float(value) if math.isfinite(value) else None


def of(*names: str) -> Read:
    """Reads the value under a name, or under several names one within the other."""

    def read(row: Numbers) -> Any:
        value: Any = row
        for name in names:
            value = (value or {}).get(name)
        return value

    return read


def each(name: str, test: Callable[[float], bool] | None = None) -> Read:
    """Reads the value of every object, by the name of the object; whether it passes a test where there is one."""

    def read(row: Numbers) -> Values:
        values, seen = {}, Counter[str]()
        for thing in row.get("objects") or []:
            seen[thing["name"]] += 1
            for key, value in keyed(thing.get(name)).items():
                values[f"{thing['name']} {seen[thing['name']]} {key}"] = value if test is None else float(test(value))
        return values

    return read


def constant(value: float) -> Read:
    """Reads the same value from every row."""
    return lambda row: value


#: Chance and ceiling of a correlation.
CORRELATION: dict[str, Any] = {"chance": constant(0.0), "ceiling": constant(1.0)}
