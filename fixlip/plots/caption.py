"""The words of the caption, coloured."""

from typing import TYPE_CHECKING, Any

import numpy as np

from fixlip.explanation import Explanation
from fixlip.plots.style import INK, axes, colormap, limit_of, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LINE = 90  # characters before a new line
REACH = 0.22  # of the half of the scale: dark text stays readable on it


def caption(
    explanation: Explanation,
    patches: list[int] | None = None,
    *,
    ax: "Axes | None" = None,
    limit: float | None = None,
) -> "Axes":
    """Draw the words, each on the colour of its summed interaction with some patches.

    Args:
        explanation: what to draw.
        patches: indices of image players; all when None.
        ax: where to draw; a new figure when None.
        limit: end of the scale; the largest absolute value when None.

    Returns:
        The Axes; one text for each word, on a box of its colour.
    """
    ax = axes(ax, 6.0, 1.2)
    values = np.nan_to_num(explanation.cross if patches is None else explanation.cross[patches]).sum(0)
    limit = limit_of(values, limit)
    line, length = 0, 0
    previous: Any = None
    anchor: dict[str, Any]
    for player, value in zip(explanation.players.text, values, strict=True):
        if previous is not None and length + len(player.label) > LINE:
            line, length, previous = line + 1, 0, None
        colour = colormap()(0.5 + REACH * np.clip(value / limit, -1, 1))
        anchor = {"xy": (0, 1), "xycoords": "axes fraction", "xytext": (4, -10 - 24 * line)}
        if previous is not None:
            anchor = {"xy": (1, 0.5), "xycoords": previous, "xytext": (13, 0)}
        previous = ax.annotate(
            plain(player.label),
            **anchor,
            textcoords="offset points",
            color=INK,
            fontsize=12,
            va="center",
            bbox={"boxstyle": "round,pad=0.3", "facecolor": colour, "edgecolor": "#e3e1dc", "linewidth": 0.6},
        )
        length += len(player.label) + 2
    ax.set_axis_off()
    return ax
