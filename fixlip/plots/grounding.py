"""The interactions of an object's words, with its box."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fixlip.players.base import Box
from fixlip.plots.heatmap import heatmap
from fixlip.plots.style import axes, draws, finish
from fixlip.results.explanation import Explanation

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@draws(Explanation)
def grounding(
    explanation: Explanation,
    words: Any = None,
    boxes: Sequence[Box] = (),
    *,
    others: Sequence[Box] = (),
    ax: "Axes | None" = None,
    limit: float | None = None,
    path: str | Path | None = None,
) -> "Axes":
    """Draw the interactions of an object's words with the picture, and the boxes of the object.

    Args:
        explanation: the explanation to draw; without pairs, its map is the same for all words.
        words: the words of the object, as in `Explanation.patch_values`.
        boxes: boxes of the object: left, top, right, bottom in fractions (0..1) of the picture that the model sees.
        others: boxes of other objects, drawn dashed.
        ax: where to draw; a new figure when None.
        limit: end of the scale; the largest absolute value when None.
        path: also write the figure there (.pdf, .png or .svg), completely or not at all.

    Returns:
        The Axes of `heatmap`; its last patches are the boxes, each a white line on a dark one, `others` first.
    """
    from matplotlib.patches import Rectangle

    has_pairs = bool(np.isfinite(explanation.cross).any())
    ax, shown = axes(ax, fitted=True), words if has_pairs else None
    heatmap(explanation, shown, ax=ax, order=2 if has_pairs else 1, limit=limit)
    (_, width), (height, _) = ax.get_xlim(), ax.get_ylim()
    for several, style in ((others, (0, (2, 1.5))), (boxes, "-")):
        for left, top, right, bottom in several:
            place = (left * width, top * height), (right - left) * width, (bottom - top) * height
            for colour, thickness in (("#16181c", 3.2), ("white", 1.6)):
                dashes = style if colour == "white" else "-"
                line: dict[str, Any] = {"edgecolor": colour, "linewidth": thickness, "linestyle": dashes}
                ax.add_patch(Rectangle(*place, fill=False, clip_on=False, **line))
    return finish(ax, path)
