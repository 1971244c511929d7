"""The change of an answer with one option, or with the number of passes."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fixlip.plots import colours
from fixlip.plots.style import INK, SOFT, axes, draws, finish, log_axis, panel, plain, short
from fixlip.results.sweep import Sweep, label

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LONGEST = 16  # letters of a value that is not a number
MOST, ROOM = 9, 14  # the largest number of named values on the axis; the axis divided by the narrowest gap
NOMINAL = ("seed",)  # options whose numbers are only names
MEASURES = (("error", "relative error", colours.POSITIVE, "o"), ("correlation", "correlation", colours.NEGATIVE, "s"))


@draws(Sweep)
def convergence(
    sweep: Sweep,
    *,
    x: Literal["value", "passes"] = "value",
    ax: "Axes | None" = None,
    path: str | Path | None = None,
) -> "Axes":
    """Draw the relative error and the correlation of a sweep, one above the other, against its reference.

    Numbers are joined by a line; their axis and that of the error are logarithmic over more than a factor of ten.
    Other values are points side by side. The reference itself, whose error is 0, is a dotted line.

    Args:
        sweep: the result of `fixlip.sweep`.
        x: the values of the option, or the passes of both towers together.
        ax: the Axes to replace by both panels; a new figure when None.
        path: also write the figure there (.pdf, .png or .svg), completely or not at all.

    Returns:
        The Axes of the error; those of the correlation come next in its figure.

    Raises:
        InputError: the path cannot be written.
    """
    from mpl_toolkits.axes_grid1 import make_axes_locatable

    if ax is None:
        ax = axes(None, 5.2, 4.2)
        ax.get_figure(root=True).subplots_adjust(0.15, 0.12, 0.96, 0.92)  # type: ignore[union-attr]
    rows = sweep.table()
    numeric = x == "passes" or _numeric(sweep.option, [row["value"] for row in rows])
    if numeric:
        rows.sort(key=lambda row: row[x])
    places = np.array([row[x] for row in rows], dtype=float) if numeric else np.arange(len(rows))
    measured = np.array([not row["reference"] for row in rows])
    below = make_axes_locatable(ax).append_axes("bottom", size="62%", pad=0.16, sharex=ax)
    for part, (name, title, colour, marker) in zip((ax, below), MEASURES, strict=True):
        heights = np.array([row[name] for row in rows])[measured]
        style: dict[str, Any] = {"color": colour, "marker": marker, "markersize": 5, "linewidth": 1.6, "clip_on": False}
        part.plot(places[measured], heights, linestyle="-" if numeric else "none", **style)
        for place in places[~measured]:
            part.axvline(place, color=SOFT, linewidth=1, linestyle=":")
        part.set_ylabel(title, fontsize=8.5, color=INK)
        part.yaxis.set_label_coords(-0.11, 0.5)
        panel(part)
    errors, correlations = (
        [row[name] for row, kept in zip(rows, measured, strict=True) if kept] for name, *_ in MEASURES
    )
    _heights(ax, below, errors, float(np.nanmin(correlations, initial=1.0)))
    _places(
        below,
        places,
        [format(n, ",.0f") for n in places] if x == "passes" else [label(r["value"]) for r in rows],
        numeric,
    )
    ax.tick_params(axis="x", labelbottom=False)
    below.set_xlabel(plain("passes of both towers" if x == "passes" else sweep.option), fontsize=8.5, color=INK)
    ax.set_title(
        plain(f"{sweep.measured}, against {short(sweep.reference_name, 48)}"), fontsize=8.5, color=SOFT, loc="left"
    )
    return finish(ax, path)


def _heights(ax: "Axes", below: "Axes", errors: list[float], lowest: float) -> None:
    """Set the axes of the error, logarithmic or from 0, and of the correlation, up to 1."""
    if _decades(errors):
        log_axis(ax.yaxis, named=float(np.nanmin(errors)) > 1e-3)
    elif np.isfinite(errors).any():
        ax.set_ylim(bottom=0)
        ax.locator_params(axis="y", nbins=5)
    below.set_ylim(lowest - 0.1 * max(1 - lowest, 1e-3), 1)
    below.locator_params(axis="y", nbins=4)
    below.ticklabel_format(axis="y", useOffset=False)


def _places(ax: "Axes", places: np.ndarray, names: list[str], numeric: bool) -> None:
    """Set the axis at the bottom; its labels are the values themselves if there is room."""
    logarithmic = numeric and _decades(list(places))
    if logarithmic:
        log_axis(ax.xaxis, named=False)
    if not numeric:
        ax.set_xlim(-0.5, len(places) - 0.5)
    gaps = np.diff(np.log(places) if logarithmic else places)
    if not numeric or (len(places) <= MOST and gaps.min() > gaps.sum() / ROOM):
        ax.set_xticks(places, [plain(short(name, LONGEST)) for name in names])


def _numeric(option: str, values: list[Any]) -> bool:
    """Say whether the values have an order on an axis; layers counted from both ends have none."""
    numbers = [v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    one_sided = all(v >= 0 for v in numbers) or all(v < 0 for v in numbers)
    return option not in NOMINAL and len(numbers) == len(values) and one_sided


def _decades(values: list[float]) -> bool:
    """Say whether the finite values are positive and span more than a factor of ten."""
    finite = [v for v in values if np.isfinite(v)]
    return bool(finite) and min(finite) > 0 and max(finite) > 10 * min(finite)
