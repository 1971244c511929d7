"""Bars for classes, with intervals and the level of chance."""

from collections.abc import Iterable, Mapping
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fixlip.arguments import in_order
from fixlip.errors import InputError
from fixlip.metrics.intervals import Interval
from fixlip.plots.curves import legend_below
from fixlip.plots.style import COLOURS, INK, SOFT, axes, finish, panel, plain, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HATCHES = ("", "////", "....", "xxxx")  # in addition to the colours
LONGEST = 22  # letters of a name
PITCH = 0.15  # height of a bar in inches
CHANCE: dict[str, Any] = {"color": INK, "linewidth": 1.4, "linestyle": (0, (1, 1)), "label": "chance"}

Classes = Mapping[str, Interval] | Iterable[Mapping[str, Any]]


def class_bars(
    classes: Classes,
    *,
    ax: "Axes | None" = None,
    chance: float | None = None,
    label: str = "PGE, median and 95 % interval",
    most: int = 24,
    path: str | Path | None = None,
) -> "Axes":
    """Draw a bar for each class, the best on top, with its interval and the level of chance.

    Args:
        classes: what `fixlip.metrics.by_class` returns, or rows of `fixlip.evaluation.report.summary.Summary.classes`:
            name, pge, low, high, chance, model, estimator; at most four methods (pairs of a model and an estimator),
            each of which has a bar.
        ax: where to draw; a new figure when None.
        chance: a level for all classes, drawn as a line; rows have separate levels, drawn as marks.
        label: the label of the axis.
        most: the largest number of classes; those with the highest values in any method are drawn.
        path: also write the figure there (.pdf, .png or .svg), completely or not at all.

    Returns:
        The Axes, with a container of bars for each method, whose bars are the classes from top to bottom.

    Raises:
        InputError: more than four methods, or the path cannot be written.
    """
    rows = _rows(classes)
    methods = list(dict.fromkeys(row["method"] for row in rows))
    if len(methods) > len(HATCHES):
        raise InputError(f"At most {len(HATCHES)} methods fit side by side, got {len(methods)}: leave some out.")
    best: dict[str, float] = {}
    for row in rows:
        best[row["name"]] = max(best.get(row["name"], row["value"]), row["value"])
    names = sorted(best, key=lambda name: (-best[name], name))[:most]
    ax = axes(ax, 4.8, 1.0 + len(names) * (0.1 + PITCH * max(1, len(methods))), fitted=True)
    thick = 0.8 / max(1, len(methods))
    for k, method in enumerate(methods):
        rows_of_method = [row for name in names for row in rows if (row["method"], row["name"]) == (method, name)]
        places = [names.index(row["name"]) + (k - (len(methods) - 1) / 2) * thick for row in rows_of_method]
        _bars(panel(ax, lines="x"), rows_of_method, places, thick, k)
    if chance is not None:
        ax.axvline(chance, **CHANCE)
    ax.set_yticks(range(len(names)), [plain(short(name, LONGEST)) for name in names], fontsize=8, color=INK)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.set_xlabel(plain(label), fontsize=8.5, color=INK)
    ax.axvline(0, color=SOFT, linewidth=0.8)
    named = dict(zip(*ax.get_legend_handles_labels()[::-1], strict=True))
    chances = [named.pop("chance")] if "chance" in named else []
    if len(named) > 1 or chances:
        legend_below(ax, [*(named.values() if len(named) > 1 else ()), *chances])
    return finish(ax, path)


def _rows(classes: Classes) -> list[dict[str, Any]]:
    """Return the name, method, value, low, high and chance (or None) of each bar."""
    if isinstance(classes, Mapping):
        return [
            {"name": name, "method": "", "chance": None} | interval._asdict()
            for name, interval in classes.items()
            if isfinite(interval.value)
        ]
    several = in_order("classes", classes)
    models = {row["model"] for row in several}
    return [
        {
            "name": row["name"],
            "method": f"{row['model']} · {row['estimator']}" if len(models) > 1 else row["estimator"],
            "value": row["pge"],
            **{key: row[key] for key in ("low", "high", "chance")},
        }
        for row in several
        if row["pge"] is not None
    ]


def _bars(ax: "Axes", rows: list[dict[str, Any]], places: list[float], thick: float, k: int) -> None:
    """Draw the bars of one method, with intervals except for classes in a single picture."""
    values = np.array([row["value"] for row in rows])
    ends = np.array([[row["low"], row["high"]] for row in rows], dtype=float).T
    name = plain(short(rows[0]["method"], 34)) or "_"
    look: dict[str, Any] = {"color": COLOURS[k], "hatch": HATCHES[k], "edgecolor": "white", "linewidth": 0}
    ax.barh(places, values, 0.86 * thick, label=name, **look)
    reach = np.nan_to_num(np.abs(ends - values))
    ax.errorbar(values, places, xerr=reach, fmt="none", ecolor=INK, elinewidth=0.9)
    chance = [(row["chance"], place) for row, place in zip(rows, places, strict=True) if row["chance"] is not None]
    if chance:
        x, y = zip(*chance, strict=True)
        edges = np.array(y) - thick / 2, np.array(y) + thick / 2
        ax.vlines(x, *edges, **CHANCE | {"label": "chance" if k == 0 else "_"})
