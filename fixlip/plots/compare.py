"""The maps of a comparison, side by side on one scale."""

from typing import TYPE_CHECKING, Any

from fixlip.comparison import Comparison
from fixlip.plots.heatmap import heatmap
from fixlip.plots.style import INK, new_figure, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes


def compare(comparison: Comparison, words: Any = None, *, axes: "Sequence[Axes] | None" = None) -> "list[Axes]":
    """Draw one heatmap for each explanation, all on the scale of the strongest.

    Args:
        comparison: what `fixlip.compare` returns.
        words: as in `Explanation.heatmap`; all words when None.
        axes: where to draw, one for each explanation; a new figure when None.

    Returns:
        The Axes, in the order of the comparison.
    """
    if axes is None:
        axes = new_figure(3.2 * len(comparison), 3.6).subplots(1, len(comparison), squeeze=False)[0]
    limit = comparison.limit(words) or 1.0
    for ax, (label, explanation) in zip(axes, comparison, strict=True):
        heatmap(explanation, words, ax=ax, limit=limit)
        ax.set_title(plain(label), fontsize=9.5, color=INK, loc="left")
    return list(axes)
