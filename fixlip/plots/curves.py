"""Curves of insertion and deletion, with a line for each method."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fixlip.arguments import in_order
from fixlip.plots.style import COLOURS, INK, MARKERS, axes, finish, panel, plain, short

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

LONGEST = 34  # letters of a name
DASHES = (0, (3, 1.6))
MARKED = 10  # about the number of markers on a curve


def curves(
    curves: Iterable[Mapping[str, Any]],
    *,
    ax: "Axes | None" = None,
    label: str = "share of the players",
    path: str | Path | None = None,
) -> "Axes":
    """Draw mean curves: the similarity against the share of players, for insertion (solid) and deletion (dashed).

    Args:
        curves: rows of `fixlip.evaluation.report.summary.Summary.curves`: fractions, values, estimator, curve (its name
            ends in "insertion" or "deletion"), optionally model, and low and high for a band (95 % intervals). At most
            eight methods (pairs of a model and an estimator); the curves of a method share a colour and a marker.
        ax: where to draw; a new figure when None.
        label: the label of the axis at the bottom.
        path: also write the figure there (.pdf, .png or .svg), completely or not at all.

    Returns:
        The Axes, with a line for each row, in order, and a band for each row with an interval.

    Raises:
        ValueError: more methods than colours.
        InputError: the path cannot be written.
    """
    from matplotlib.lines import Line2D

    rows = in_order("curves", curves, Mapping)
    names = _names(rows)
    methods = list(dict.fromkeys(names))
    if len(methods) > len(COLOURS):
        raise ValueError(f"A figure can distinguish at most {len(COLOURS)} estimators, got {len(methods)}.")
    ax = panel(axes(ax, 4.8, 3.9, fitted=True))
    for row, name in zip(rows, names, strict=True):
        look, apart = _look(methods.index(name)), max(1, len(row["values"]) // MARKED)
        going = str(row["curve"]).endswith("deletion")
        start = methods.index(name) * apart // len(methods)
        ax.plot(row["fractions"], row["values"], linestyle=DASHES if going else "-", markevery=(start, apart), **look)
        if row.get("low") is not None:
            ax.fill_between(row["fractions"], row["low"], row["high"], color=look["color"], alpha=0.13, linewidth=0)
    ax.set_xlabel(label, fontsize=8.5, color=INK)
    ax.set_ylabel("similarity, 0 for none and 1 for all", fontsize=8.5, color=INK)
    ax.set_xlim(0, 1)
    if methods:
        lines = [Line2D([], [], label=plain(short(name, LONGEST)), **_look(k)) for k, name in enumerate(methods)]
        kinds = {str(row["curve"]).endswith("deletion") for row in rows}
        legend_below(ax, lines, "solid: insertion, dashed: deletion" if len(kinds) > 1 else None)
    return finish(ax, path)


def _look(k: int) -> dict[str, Any]:
    """Return the style of the lines of a method."""
    return {"color": COLOURS[k], "marker": MARKERS[k], "markersize": 3.6, "linewidth": 1.5}


def legend_below(ax: "Axes", handles: "Sequence[Artist]", title: str | None = None) -> None:
    """Draw the legend below the label of the axis."""
    from matplotlib.transforms import ScaledTranslation

    longest = max(len(str(handle.get_label())) for handle in handles)
    below = ScaledTranslation(0, -0.42, ax.get_figure(root=True).dpi_scale_trans)  # type: ignore[union-attr]
    ax.legend(
        handles=handles, loc="upper center", bbox_to_anchor=(0.5, 0), bbox_transform=ax.transAxes + below,
        ncols=1 if longest > 24 else min(2, len(handles)), title=title, title_fontsize=7.5, fontsize=8, frameon=False,
        labelcolor=INK, handlelength=2.2, columnspacing=1.4,
    )  # fmt: skip


def _names(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the name of each row's method: the estimator, and the model if there are several."""
    several = len({row.get("model") for row in rows}) > 1
    return [f"{row['model']} · {row['estimator']}" if several else str(row["estimator"]) for row in rows]
