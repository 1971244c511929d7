"""Maps of two words one by one, and of what they mean together beyond that."""

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fixlip.plots.heatmap import paint
from fixlip.plots.style import INK, SOFT, colour_bar, draws, finish, limit_of, new_figure, plain
from fixlip.results.explanation import Explanation

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAP, GAP, EDGE = 2.4, 0.15, 0.2  # inches


@draws(Explanation)
def binding(explanation: Explanation, word: Any, other: Any, path: str | Path | None = None) -> "Figure":
    """Draw where each of two words counts by itself, and where both mean more, or less, together.

    Args:
        explanation: an explanation of order 3.
        word, other: as in `Explanation.binding`.
        path: also write the figure there (.pdf, .png or .svg), completely or not at all.

    Returns:
        The figure; its three maps hold the interactions with one word and with the other, on one scale, and with both
        together, on a scale of their own.

    Raises:
        InputError: as `Explanation.binding`, or the path cannot be written.
    """
    bound = explanation.binding(word, other)
    words = [explanation.patch_values(one) for one in (word, other)]
    scales = [limit_of(np.concatenate(words), None)] * 2 + [limit_of(bound.values, None)]
    titles = [*(f"“{label}”" for label in bound.words), "both together, beyond that"]
    width = 2 * EDGE + 3 * MAP + 2 * GAP
    said = textwrap.wrap(bound.summary(), int(11 * width))
    head, foot = 0.5 + 0.17 * len(said), 0.6
    height = head + MAP + foot
    figure = new_figure(width, height)
    figure.text(EDGE / width, 1 - 0.14 / height, plain("\n".join(said)), va="top", fontsize=10, color=INK)
    for column, (values, limit, title) in enumerate(zip([*words, bound.values], scales, titles, strict=True)):
        left = (EDGE + column * (MAP + GAP)) / width
        ax = figure.add_axes((left, foot / height, MAP / width, MAP / height))
        paint(ax, explanation.players, values, limit)
        ax.set_axis_off()
        ax.set_title(plain(title), fontsize=9, color=SOFT, loc="left", pad=4)
        if column != 1:  # both words have one scale
            place = left + 0.15 / width, 0.38 / height, (MAP - 0.45) / width, 0.08 / height
            colour_bar(figure, place, limit, explanation.unit)
    return finish(figure, path)
