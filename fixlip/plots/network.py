"""A network of image and text: the picture, the words next to it, and lines for the strongest interactions."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from fixlip.plots import network_parts as parts
from fixlip.plots.caption import breadth
from fixlip.plots.places import spots_of, width_of
from fixlip.plots.style import axes, draws, finish, limit_of, plain, short
from fixlip.results.explanation import Explanation

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_WORDS = 24  # the longest readable column; words without a line are left out first
LINES = 15  # the least number of lines in the column, which limits the size of the letters
LONGEST = 20  # letters of a word
GAP, ARCS, KEY = 0.32, 0.24, 0.13  # in heights of the picture: before the words, after them, below the picture
LETTER = 0.6  # width of a letter, relative to its height
HEIGHT = 4.2  # height of the picture in a new figure, in inches


class Edge(NamedTuple):
    """An interaction: two players (joint indices, the smaller first) and the value."""

    first: int
    second: int
    value: float


@draws(Explanation)
def network(
    explanation: Explanation,
    top: int = 12,
    *,
    within: int = 4,
    words: Any = None,
    sign: Literal["both", "positive", "negative"] = "both",
    limit: float | None = None,
    ax: "Axes | None" = None,
    path: str | Path | None = None,
) -> "Axes":
    """Draw the strongest interactions as lines between the patches of the picture and the words next to it.

    Wider lines are stronger; solid orange lines are positive, dashed blue lines negative. Lines inside the picture, or
    to the right of the words, join players of one modality. The areas of discs are the first-order effects of the words
    and of the players with a line; a ring is a negative effect.

    Args:
        explanation: the explanation to draw.
        top: the number of interactions between a patch and a word.
        within: the number of interactions inside the picture, and inside the caption, if the explanation has them.
        words: draw only interactions of these words, as in `Explanation.patch_values`; all when None.
        sign: the sign of the interactions to draw.
        limit: the interaction with the widest line, to compare figures (see `shared_limit`); the strongest one when
            None.
        ax: where to draw; a new figure when None. Letters and lines fit the current size of the Axes.
        path: also write the figure there (.pdf, .png or .svg), completely or not at all.

    Returns:
        The Axes; the `gid` of each line has the joint indices of its players ("pair 8 52"), that of each disc the index
        of its player ("player 52"). Beyond 24 words, words without a line are left out, and the key counts them.

    Raises:
        InputError: a word is not in the caption, or the path cannot be written.

    Source: after the figures of Baniecki et al. (FIxLIP), NeurIPS 2025.
    """
    players, n = explanation.players, explanation.players.n_image
    edges = _edges(explanation, top, within, words, sign)
    shown = _shown(explanation, edges)
    labels = [plain(short(players.text[k].label, LONGEST)) for k in shown]
    row = 1 / max(LINES, len(shown))
    column = 1.3 * row + LETTER * parts.TYPE * row * max((sum(map(breadth, label)) for label in labels), default=0)
    width = width_of(players)
    left, right = width + GAP, width + GAP + column
    reach = ARCS if any(edge.first >= n for edge in edges) else 0.02
    ax = _room(ax, right + reach)
    pen = parts.Pen(ax)
    spots = dict(enumerate(spots_of(players)))
    spots |= {n + k: (left, 0.5 + row * (line - (len(shown) - 1) / 2)) for line, k in enumerate(shown)}

    busy = {player for edge in edges for player in edge[:2]}
    parts.picture(pen, players, sorted(i for i in busy if i < n))
    for k, label in zip(shown, labels, strict=True):
        parts.word(pen, label, spots[n + k], right, row, strong=n + k in busy)
    strongest = limit_of(np.array([edge.value for edge in edges]), limit)
    for edge in sorted(edges, key=lambda edge: abs(edge.value)):
        start, end = (spots[player] for player in edge[:2])
        if edge.first >= n:
            bend = parts.arc((right, start[1]), (right, end[1]), reach)
        else:
            bend = parts.bow(start, end, straight=edge.second < n)
        pen.line(bend, edge.value / strongest, f"pair {edge.first} {edge.second}")
    discs = sorted(busy | {n + k for k in shown})
    largest = limit_of(explanation.first_order[discs], None)
    for player in discs:
        pen.disc(spots[player], explanation.first_order[player] / largest, row, f"player {player}")
    hidden = players.n_text - len(shown)
    parts.key(pen, strongest if edges else None, largest, explanation.unit, row=1 / LINES, hidden=hidden)
    return finish(ax, path)


def _edges(explanation: Explanation, top: int, within: int, words: Any, sign: str) -> list[Edge]:
    """Return the strongest pairs across the modalities, inside the picture, and inside the caption."""
    n, values = explanation.players.n_image, explanation.second_order
    weight = {"both": np.abs, "positive": np.positive, "negative": np.negative}[sign](np.triu(values, 1))
    weight = np.where(np.isnan(weight), 0.0, weight)
    if words is not None:
        others = np.setdiff1d(np.arange(n, len(values)), n + np.array(explanation.players.find_text(words)))
        weight[:, others] = weight[others] = 0.0
    edges = []
    image, text = slice(0, n), slice(n, None)
    for rows, columns, most in ((image, text, top), (image, image, within), (text, text, within)):
        part = np.zeros_like(weight)
        part[rows, columns] = weight[rows, columns]
        for place in np.argsort(-part, axis=None, kind="stable")[:most]:
            i, j = (int(k) for k in np.unravel_index(place, part.shape))
            if part[i, j] > 0:
                edges.append(Edge(i, j, float(values[i, j])))
    return edges


def _shown(explanation: Explanation, edges: list[Edge]) -> list[int]:
    """Return the words of the column in reading order: those with a line, then those with the largest effects."""
    n, n_text = explanation.players.n_image, explanation.players.n_text
    if n_text <= MOST_WORDS:
        return list(range(n_text))
    joined = {player - n for edge in edges for player in edge[:2]}
    size = np.abs(explanation.first_order[n:])
    ranked = sorted(range(n_text), key=lambda k: (k not in joined, -size[k]))
    return sorted(ranked[: max(MOST_WORDS, len(joined & set(range(n_text))))])


def _room(ax: "Axes | None", width: float) -> "Axes":
    """Return Axes in units of the height of the picture, x to the right and y down."""
    if ax is None:
        ax = axes(None, HEIGHT * (width + 0.06), HEIGHT * (1.04 + KEY))
        ax.set_position((0, 0, 1, 1))
    ax.set(xlim=(-0.02, width + 0.04), ylim=(1.02 + KEY, -0.02), aspect="equal")
    ax.set_axis_off()
    ax.apply_aspect()
    return ax
