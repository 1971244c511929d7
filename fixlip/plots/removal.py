"""The similarity while players are removed, from the model and from the surrogate."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from fixlip.errors import InputError
from fixlip.plots.curves import DASHES
from fixlip.plots.style import COLOURS, INK, SOFT, Kind, axes, draws, finish, panel, sizes
from fixlip.results.explanation import Explanation

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@draws(Explanation)
def removal(
    explanation: Explanation,
    *,
    ax: "Axes | None" = None,
    kind: Kind = "screen",
    path: str | Path | None = None,
) -> "Axes":
    """Draw the similarity against the number of removed players, the most important ones first or last.

    Solid lines are the model, dashed lines the surrogate on the same masks: where they differ, the effects and pairs do
    not predict the model. The further apart the two orders, the better the ranking of the players.

    Args:
        explanation: an explanation made with ``fixlip.explain(..., curves=True)``.
        ax: where to draw; a new figure when None.
        kind: "screen", or "paper" for a new figure as wide as a column (3.25 inches).
        path: also write the figure there (.pdf, .png or .svg), completely or not at all.

    Returns:
        The Axes; its lines are the model and the surrogate with the most important players first, then with the least
        important first. An explanation in "relevance" has no surrogate, so there are only two lines.

    Raises:
        InputError: the explanation has no curves, or the path cannot be written.
        OptionError: another kind.
    """
    measured = explanation.curves
    if measured is None:
        raise InputError("This explanation has no curves: make it with fixlip.explain(..., curves=True).")
    ax = panel(axes(ax, *sizes(kind, 4.8, 3.6), fitted=True))
    n = len(measured.order)
    parts = zip(
        ("most important first", "least important first"),
        (INK, COLOURS[3]),  # not those of signs; one is dark on grey paper
        (measured.sizes, n - measured.sizes),
        (measured.deletion, measured.insertion),
        measured.masks(),
        strict=True,
    )
    for name, colour, removed, values, masks in parts:
        line: dict[str, Any] = {"color": colour, "linewidth": 1.7}
        ax.plot(removed, values, label=f"{name}: model", **line)
        if explanation.unit != "relevance":
            surrogate = explanation.predict(masks)
            ax.plot(removed, surrogate, label=f"{name}: surrogate", linestyle=DASHES, **line)
    for height, text in ((explanation.full_value, "all\nshown"), (explanation.empty_value, "nothing\nshown")):
        ax.axhline(height, color=SOFT, linewidth=0.8, linestyle=":", zorder=1)
        place: dict[str, Any] = {"xytext": (4, 0), "textcoords": "offset points", "va": "center"}
        ax.annotate(text, (n, height), fontsize=7, color=SOFT, **place)
    ax.set_xlim(0, n)
    ax.set_xlabel(f"players removed, of {n}", fontsize=8.5, color=INK)
    ax.set_ylabel(f"similarity ({explanation.value_unit})", fontsize=8.5, color=INK)
    ax.legend(fontsize=7.5, frameon=False, labelcolor=INK, handlelength=2.4, loc="best")
    return finish(ax, path)
