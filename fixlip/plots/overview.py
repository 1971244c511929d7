"""An overview in one figure: the picture, a map for each word, and the strongest pairs."""

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fixlip.plots.caption import LINE, caption, lines_of
from fixlip.plots.heatmap import heatmap
from fixlip.plots.pairs import top_pairs
from fixlip.plots.style import INK, SOFT, colour_bar, draws, end_of, finish, limit_of, new_figure, plain, short
from fixlip.results.explanation import Explanation

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_WORDS = 5  # maps of single words: the words with the strongest interactions
FAINT = 0.1  # relative to the strongest word's interactions; fainter words get no map
LONGEST = 16  # letters of a word above its map


@draws(Explanation)
def overview(explanation: Explanation, path: str | Path | None = None) -> "Figure":
    """Draw the static figure of an explanation, with the same content as the page.

    Args:
        explanation: the explanation to draw.
        path: also write the figure there (.pdf, .png or .svg), completely or not at all.

    Returns:
        The figure; maps of words share the scale of the colour bar, titles of other maps give the ends of their scales.

    Raises:
        InputError: the path cannot be written.
    """
    return finish(_draw(explanation), path)


def _draw(explanation: Explanation) -> "Figure":
    words = _words(explanation)
    columns, width, cell = (5, 12.0, 2.6) if words else (2, 7.6, 3.9)
    maps = _maps(explanation, words)
    rows = -(-(1 + len(maps) + (2 if words else 0)) // columns)  # the picture, the maps, and two cells for the pairs
    lines = lines_of(explanation, 0.94 * width)[-1] + 1
    note = textwrap.wrap(_note(explanation), int(13.5 * width), max_lines=4, placeholder=" …")
    answer = textwrap.wrap(explanation.summary(), int(9.5 * width), max_lines=3, placeholder=" …")
    header, footer = 0.6 + 0.2 * len(answer) + lines * LINE / 72, 0.68 + 0.16 * len(note)
    height = cell * rows + header + footer - 0.3
    figure = new_figure(width, height)
    area = {"left": 0.03, "right": 0.975, "top": 1 - header / height, "bottom": footer / height}
    grid = figure.add_gridspec(rows, columns, **area, wspace=0.08, hspace=0.14)
    figure.text(0.03, 1 - 0.16 / height, plain("\n".join(answer)), fontsize=10.5, color=INK, va="top", linespacing=1.3)
    text = "\n".join([_footer(explanation), *note])
    figure.text(0.03, 0.13 / height, plain(text), fontsize=7.5, color=SOFT, linespacing=1.5)
    strip = figure.add_axes((0.03, 1 - (header - 0.35) / height, 0.94, lines * LINE / 72 / height))
    caption(explanation, ax=strip)
    _picture(explanation, figure.add_subplot(grid[0, 0]))
    for k, (title, options) in enumerate(maps, 1):
        _title(heatmap(explanation, ax=figure.add_subplot(grid[k // columns, k % columns]), **options), title)
    if words:
        first = (1 + len(maps)) % columns
        side = grid[rows - 1, first:].subgridspec(1, 2, width_ratios=[0.6, columns - first - 0.6])
        _title(top_pairs(explanation, 10, ax=figure.add_subplot(side[1])), "strongest pairs")
        place = (0.775, 1 - 0.24 / height, 0.18, 0.1 / height)
        colour_bar(figure, place, maps[-2][1]["limit"], explanation.unit)
    return figure


def _maps(explanation: Explanation, words: list[int]) -> list[tuple[str, dict[str, Any]]]:
    """Return the title and options of each map: all words, each of the words, and the patches alone."""
    limit = limit_of(np.array([explanation.patch_values([word]) for word in words]), None)
    maps: list[tuple[str, dict[str, Any]]] = []
    for word in words:
        label = short(explanation.players.text[word].label, LONGEST)
        maps.append((label, {"words": [word], "limit": limit}))
    if len(words) > 1:
        maps.insert(0, ("all words" + end_of(explanation.patch_values()), {}))
    alone = "patches alone" if explanation.players.grid else "regions alone"
    return [*maps, (alone + end_of(explanation.patch_values(order=1)), {"order": 1})]


def _words(explanation: Explanation) -> list[int]:
    """Return the words with a separate map, in reading order."""
    strength = np.nan_to_num(np.abs(explanation.cross)).sum(0)
    strongest = np.argsort(-strength, kind="stable")[:MAX_WORDS]
    return sorted(int(w) for w in strongest if strength[w] > FAINT * strength.max())


def _footer(explanation: Explanation) -> str:
    p = explanation.provenance
    passes = f"{p.image_passes} image + {p.text_passes} text passes"
    fit = f"fit R² {p.r2:.3f}" if np.isfinite(p.r2) else ""
    source = ", ".join(filter(None, (p.estimator, explanation.index)))
    return "   ·   ".join(filter(None, (p.model, source, fit, passes)))


def _note(explanation: Explanation) -> str:
    """Return the warnings to read before trusting the numbers."""
    status = explanation.provenance.status
    unknown, missing = int(np.isnan(explanation.cross).sum()), ""
    if 0 < unknown < explanation.cross.size:
        missing = f"{unknown} of {explanation.cross.size} pairs were not estimated; sums count them as 0."
    elif unknown:
        missing = "This estimator gives first-order effects only."
    return " ".join(filter(None, (missing, "" if status == "ok" else f"Note: {status}")))


def _picture(explanation: Explanation, ax: "Axes") -> None:
    if explanation.players.picture is not None:
        ax.imshow(explanation.players.picture)
    ax.set_axis_off()
    _title(ax, "what the model sees")


def _title(ax: "Axes", text: str) -> None:
    ax.set_anchor("N")
    ax.set_title(plain(text), fontsize=9.5, color=INK, loc="left", pad=5)
