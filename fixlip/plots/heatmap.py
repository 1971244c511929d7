"""A map of interactions over the picture."""

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fixlip.explanation import Explanation
from fixlip.plots.style import axes, colormap, limit_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_OPACITY = 0.85


def heatmap(
    explanation: Explanation,
    words: Any = None,
    *,
    ax: "Axes | None" = None,
    order: Literal[1, 2] = 2,
    limit: float | None = None,
) -> "Axes":
    """Draw the interactions of words with the patches over the picture, the more opaque the stronger.

    Args:
        explanation: what to draw.
        words, order: as in `Explanation.heatmap`.
        ax: where to draw; a new figure when None.
        limit: end of the scale, for figures to be compared; the largest absolute value when None.

    Returns:
        The Axes; its last image holds the values.
    """
    ax = axes(ax)
    values = explanation.heatmap(words, order=order)
    limit = limit_of(values, limit)
    extent = (0, values.shape[1], values.shape[0], 0)
    if explanation.players.picture is not None:
        picture = explanation.players.picture / 255
        ax.imshow(0.25 + 0.75 * (0.7 * picture.mean(axis=2, keepdims=True) + 0.3 * picture), extent=extent)
    opacity = MAX_OPACITY * np.clip(np.abs(np.nan_to_num(values)) / limit, 0, 1)
    ax.imshow(values, cmap=colormap(), vmin=-limit, vmax=limit, alpha=opacity, extent=extent, interpolation="nearest")
    ax.set_axis_off()
    return ax
