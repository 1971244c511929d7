"""The coloured words of the caption."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from unicodedata import east_asian_width

import numpy as np

from fixlip.arguments import in_order
from fixlip.plots.style import GRID, INK, Kind, axes, colormap, colour_bar, draws, finish, limit_of, plain, short, sizes
from fixlip.results.explanation import Explanation

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, MARGIN = 6.0, 0.06  # inches of a new figure
LETTER, GAP, LINE = 8.4, 15.0, 24.0  # points: a letter, between words, between lines
SCALE = 0.34  # inches, of the colour bar and its numbers
LONGEST = 24  # letters of a word
REACH = 0.22  # share of the scale on each side, on which dark text stays readable


@draws(Explanation)
def caption(
    explanation: Explanation,
    patches: Iterable[int] | None = None,
    *,
    ax: "Axes | None" = None,
    order: Literal[1, 2] = 2,
    limit: float | None = None,
    kind: Kind = "screen",
    path: str | Path | None = None,
) -> "Axes":
    """Draw the words, each on the colour of what it adds, or of its interactions with some patches.

    Args:
        explanation: the explanation to draw.
        patches: indices of image players, whose interactions with a word are summed; None for all that the word adds,
            by itself and by its interactions (`Explanation.additive`).
        ax: where to draw, the words alone; None for a new figure, with a colour bar.
        order: 1 for the first-order effects of the words alone, as always where they only rank.
        limit: end of the scale; the largest absolute value when None.
        kind: "screen", or "paper" for a new figure as wide as a column (3.25 inches).
        path: also write the figure there (.pdf, .png or .svg), completely or not at all.

    Returns:
        The Axes; one text for each word, on a box of its colour.

    Raises:
        InputError: the path cannot be written.
        OptionError: another kind.
    """
    width, alone = sizes(kind, WIDTH, 1.0)[0], ax is None
    if ax is None:
        height = SCALE + 0.14 + LINE / 72 * (lines_of(explanation, width - 2 * MARGIN)[-1] + 1)
        ax = axes(None, width, height)
        ax.set_position((MARGIN / width, SCALE / height, 1 - 2 * MARGIN / width, 1 - (SCALE + MARGIN) / height))
    if patches is not None and order == 2:
        values = np.nan_to_num(explanation.cross[in_order("patches", patches)]).sum(0)
    elif order == 2 and explanation.unit != "relevance":
        values = explanation.additive().text
    else:
        values = explanation.first_order[explanation.players.n_image :]
    limit = limit_of(values, limit)
    if alone:
        figure, height = ax.get_figure(root=True), ax.figure.bbox.height / ax.figure.dpi
        colour_bar(figure, (0.1, 0.7 * SCALE / height, 0.8, 0.2 * SCALE / height), limit, explanation.unit)  # type: ignore[arg-type]
    line = lines_of(explanation, ax.bbox.width / ax.figure.dpi)
    previous: Any = None
    for k, (player, value) in enumerate(zip(explanation.players.text, values, strict=True)):
        anchor: dict[str, Any] = {"xy": (1, 0.5), "xycoords": previous, "xytext": (GAP - 2, 0)}
        if k == 0 or line[k] > line[k - 1]:
            anchor = {"xy": (0, 1), "xycoords": "axes fraction", "xytext": (4, -10 - LINE * line[k])}
        previous = ax.annotate(
            plain(short(player.label, LONGEST)),
            **anchor,
            textcoords="offset points",
            color=INK,
            fontsize=12,
            va="center",
            bbox={
                "boxstyle": "round,pad=0.3",
                "facecolor": colormap()(0.5 + REACH * np.clip(value / limit, -1, 1)),
                "edgecolor": GRID,
                "linewidth": 0.6,
            },
        )
    ax.set_axis_off()
    return finish(ax, path)


def lines_of(explanation: Explanation, width: float) -> list[int]:
    """Return the line, from 0, of each word in a space `width` inches wide; [0] for no words."""
    lines, used = [0], 0.0
    for k, player in enumerate(explanation.players.text):
        size = GAP + LETTER * sum(map(breadth, short(player.label, LONGEST)))
        new = k > 0 and used + size > 72 * width
        lines.append(lines[-1] + int(new))
        used = size if new else used + size
    return lines[1:] or [0]


def breadth(character: str) -> float:
    """Return the breadth of a character, in letters."""
    if east_asian_width(character) in "WF":
        return 1.7
    return 1.45 if character in "mwMW@%" else 1.0
