"""Curves of insertion and deletion, one line for each method."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fixlip.plots.style import INK, SOFT, axes, plain, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = ("#e4610f", "#1f6fc9", "#3f8f84", "#8a63c9", "#b98a2d", "#c2407a", "#6b8e23", "#8b9099")
GRID = "#e3e1dc"
LONGEST = 30  # letters of a name


def curves(
    curves: Sequence[Mapping[str, Any]], *, ax: "Axes | None" = None, label: str = "share of the players"
) -> "Axes":
    """Draw mean curves: the similarity against the share of players that came in (solid) or went (dashed).

    Args:
        curves: rows of `fixlip.evaluation.summary.Summary.curves`: fractions, values, estimator, and curve, whose name
            ends in "insertion" or "deletion". At most eight estimators; the curves of one have its colour.
        ax: where to draw; a new figure when None.
        label: of the axis at the bottom.

    Returns:
        The Axes; one line for each row, in order.

    Raises:
        ValueError: more estimators than colours.
    """
    ax = axes(ax, 4.4, 3.6)
    names = list(dict.fromkeys(str(row["estimator"]) for row in curves))
    if len(names) > len(COLOURS):
        raise ValueError(f"At most {len(COLOURS)} estimators can be told apart in one figure, got {len(names)}.")
    colour, seen = dict(zip(names, COLOURS, strict=False)), set()
    for row in curves:
        name, going = str(row["estimator"]), str(row["curve"]).endswith("deletion")
        ax.plot(
            row["fractions"],
            row["values"],
            color=colour[name],
            linewidth=1.6,
            linestyle=(0, (3, 1.6)) if going else "-",
            label="_" if name in seen else plain(short(name, LONGEST)),
        )
        seen.add(name)
    ax.set_xlabel(label, fontsize=8.5, color=INK)
    ax.set_ylabel("similarity, 0 for none and 1 for all", fontsize=8.5, color=INK)
    ax.set_xlim(0, 1)
    ax.tick_params(which="both", length=0, labelsize=8, labelcolor=SOFT)
    ax.spines[:].set_visible(False)
    ax.grid(color=GRID, linewidth=0.7)
    ax.set_axisbelow(True)
    if names:
        ax.legend(
            loc="upper center", bbox_to_anchor=(0.5, -0.17), ncols=min(2, len(names)), fontsize=8, frameon=False,
            labelcolor=INK, handlelength=1.4, columnspacing=1.2,
        )  # fmt: skip
    return ax
