"""A map of interactions over the picture."""

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fixlip.explanation import Explanation
from fixlip.players import Players
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
    """Draw the interactions of words with the patches or regions over the picture, the more opaque the stronger.

    Args:
        explanation: what to draw.
        words, order: as in `Explanation.heatmap`.
        ax: where to draw; a new figure when None.
        limit: end of the scale, for figures to be compared; the largest absolute value when None.

    Returns:
        The Axes; its last image holds the values, or its last collection where the image players are not a grid.
    """
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Rectangle

    ax, players = axes(ax), explanation.players
    values = map_values(explanation, words, order)
    limit = limit_of(values, limit)
    scale = {"cmap": colormap(), "alpha": MAX_OPACITY * np.clip(np.abs(np.nan_to_num(values)) / limit, 0, 1)}
    height, width = players.grid or (1, 1)
    if players.picture is not None:
        height, width = players.picture.shape[:2]
        picture = players.picture / 255
        faded = 0.25 + 0.75 * (0.7 * picture.mean(axis=2, keepdims=True) + 0.3 * picture)
        ax.imshow(faded, extent=(0, width, height, 0))
    if players.grid is not None:
        extent = (0, width, height, 0)
        ax.imshow(values, vmin=-limit, vmax=limit, extent=extent, interpolation="nearest", **scale)
    elif players.image:
        boxes = [
            (left * width, top * height, right * width, bottom * height)
            for left, top, right, bottom in boxes_of(players)
        ]
        shapes = [Rectangle((left, top), right - left, bottom - top) for left, top, right, bottom in boxes]
        ax.add_collection(PatchCollection(shapes, array=values, clim=(-limit, limit), linewidth=0, **scale))
    ax.set(xlim=(0, width), ylim=(height, 0), aspect="equal")
    ax.set_axis_off()
    return ax


def map_values(explanation: Explanation, words: Any = None, order: Literal[1, 2] = 2) -> np.ndarray:
    """What a map shows: `Explanation.heatmap`, for regions as a row, [n_image].

    As in `Explanation.predict` a pair that was not estimated counts as 0; NaN where none of the pairs was.
    """
    players = explanation.players
    if order == 1:
        values = explanation.first_order[: players.n_image]
    else:
        pairs = explanation.cross[:, slice(None) if words is None else players.find_text(words)]
        nothing = np.isnan(pairs).all(1) & (pairs.shape[1] > 0)
        values = np.where(nothing, np.nan, np.nan_to_num(pairs).sum(1))
    return values if players.grid is None else values.reshape(players.grid)


def boxes_of(players: Players) -> list[tuple[float, float, float, float]]:
    """Where to draw each image player, in fractions of the picture; those without a place are columns side by side."""
    n = players.n_image
    return [p.box or (i / n, 0.0, (i + 1) / n, 1.0) for i, p in enumerate(players.image)]
