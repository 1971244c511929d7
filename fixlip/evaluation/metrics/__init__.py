"""The metrics of `fixlip evaluate` by name: one file each, and one line each in `BUILT_IN`.

Names are read without an import of any metric. Packages add metrics by entry points in the group `fixlip.metrics`.
"""

import warnings
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING

from fixlip.errors import OptionError, unknown
from fixlip.plugins import points

if TYPE_CHECKING:
    from fixlip.evaluation.metric import Metric

GROUP = "fixlip.metrics"
BUILT_IN = (  # each has its record METRIC in the file of its name; in the order of the report
    "grounding",
    "pointing-game",
    "insertion-deletion",
    "faithfulness",
    "perturbation",
    "stability",
    "randomization",
    "removal",
    "foils",
    "spectrum",
)
_registered: "dict[str, Metric]" = {}


@cache
def _entry_points() -> dict[str, EntryPoint]:
    """The metrics of other packages, sorted by name."""
    added = points(GROUP)
    for name in added:
        if name in BUILT_IN:
            raise OptionError(f"Two packages register the metric {name!r}, one of them as {added[name].value}.")
    return dict(sorted(added.items()))


@cache
def _load(name: str) -> "Metric | None":
    if name in BUILT_IN:
        return _checked(name, import_module(f"{__name__}.{name.replace('-', '_')}").METRIC)
    if name not in _entry_points():
        return None
    try:
        return _checked(name, _entry_points()[name].load())
    except Exception as error:  # a package may raise anything; the other metrics go on
        warnings.warn(f"Metric {name!r} ({_entry_points()[name].value}) is skipped: {error}", stacklevel=3)
        return None


def _checked(name: str, metric: object) -> "Metric":
    from fixlip.evaluation.metric import Metric

    if not isinstance(metric, Metric):
        raise OptionError(f"The metric {name!r} must be a fixlip.evaluation.Metric, got {type(metric).__name__}.")
    if metric.name != name:
        raise OptionError(f"The metric {name!r} is called {metric.name!r} in its record.")
    if not any(figure.main for figure in metric.figures):
        raise OptionError(f"The metric {name!r} needs a main figure, by which methods are compared.")
    return metric


def list_metrics() -> list[str]:
    """The names of all metrics, in the order of the report; nothing slow is imported."""
    return [*BUILT_IN, *_entry_points(), *_registered]


def find_metric(name: str) -> "Metric | None":
    """The metric of a name; None without one."""
    return _registered.get(name) or _load(name)


def get_metric(name: str) -> "Metric":
    """The metric of a name.

    Raises:
        OptionError: no such metric; the message names the nearest.

    Example:
        >>> get_metric("faithfulness").options
        ['p', 'masks', 'seed']
    """
    metric = find_metric(name)
    if metric is None:
        raise OptionError(unknown("metric", name, list_metrics()))
    return metric


def register_metric(metric: "Metric") -> None:
    """Add a metric for this process, in a notebook say.

    Raises:
        OptionError: the name is taken, or the record is not complete.
    """
    if metric.name in list_metrics():
        raise OptionError(f"The metric name {metric.name!r} is taken.")
    _registered[metric.name] = _checked(metric.name, metric)


def unregister_metric(name: str) -> None:
    """Forget a metric that `register_metric` added."""
    _registered.pop(name, None)
