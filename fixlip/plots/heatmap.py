"""A map of interactions over the picture."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fixlip.players.base import Players
from fixlip.players.outlines import boxes_of
from fixlip.plots.places import borders_of, size_of, spots_of
from fixlip.plots.style import (
    INK,
    SOFT,
    Kind,
    axes,
    colormap,
    draws,
    finish,
    limit_of,
    name_scale,
    panel,
    plain,
    sizes,
)
from fixlip.results.explanation import Explanation

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_OPACITY = 0.85
MOST_NUMBERED = 16  # rows or columns; of more, some have a number
MARKED = 0.25  # share of the scale from which values are marked, in either direction
OUTLINE = {True: (1.0, 1.0, 1.0, 0.45), False: (0.4, 0.4, 0.4, 0.35)}  # colours of outlines, on a picture and on paper


@draws(Explanation)
def heatmap(
    explanation: Explanation,
    words: Any = None,
    *,
    ax: "Axes | None" = None,
    order: Literal[1, 2] = 2,
    limit: float | None = None,
    signs: bool | None = None,
    kind: Kind = "screen",
    path: str | Path | None = None,
) -> "Axes":
    """Draw the interactions of words with patches or regions over the picture; stronger ones are more opaque.

    Args:
        explanation: the explanation to draw.
        words, order: as in `Explanation.patch_values`.
        ax: where to draw, the map alone; None for a new figure, with a title, a colour bar, and numbered rows and
            columns.
        limit: the end of the scale, to compare figures (see `shared_limit`); the largest absolute value when None.
        signs: mark values above a quarter of the scale with + or −, for print without colours; None for figures of the
            kind "paper".
        kind: "screen", or "paper" for a new figure as wide as a column (3.25 inches).
        path: also write the figure there (.pdf, .png or .svg), completely or not at all.

    Returns:
        The Axes; its last image holds the values of `Explanation.heatmap`, and for boxes its last collection does.
        Thin lines separate the regions of a label map.

    Raises:
        InputError: a word is not in the caption, or the path cannot be written.
        OptionError: another kind.
    """
    alone, players = ax is None, explanation.players
    ax = axes(ax, *sizes(kind, 4.0, 4.6), fitted=True)
    values = explanation.patch_values(words, order=order)
    limit = limit_of(values, limit)
    paint(ax, players, values, limit)
    if alone:
        _describe(ax, explanation, words, order, limit)
    else:
        ax.set_axis_off()
    if signs or (signs is None and kind == "paper"):
        _mark(ax, values / limit, size_of(players)[0] * np.array(spots_of(players)))
    return finish(ax, path)


def paint(ax: "Axes", players: Players, values: np.ndarray, limit: float) -> None:
    """Draw values of the image players, [n_image], over the picture; stronger ones are more opaque."""
    from matplotlib.collections import LineCollection, PatchCollection
    from matplotlib.patches import Rectangle

    height, width = size_of(players)
    on_map = players.grid is not None or players.regions is not None
    shown = players.on_picture(values) if on_map else values
    scale = {"cmap": colormap(), "alpha": MAX_OPACITY * np.clip(np.abs(np.nan_to_num(shown)) / limit, 0, 1)}
    if players.picture is not None:
        picture = players.picture / 255
        faded = 0.25 + 0.75 * (0.7 * picture.mean(axis=2, keepdims=True) + 0.3 * picture)
        ax.imshow(faded, extent=(0, width, height, 0))
    if on_map:
        extent = (0, width, height, 0)
        ax.imshow(shown, vmin=-limit, vmax=limit, extent=extent, interpolation="nearest", **scale)
    elif players.image:
        boxes = [
            (left * width, top * height, right * width, bottom * height)
            for left, top, right, bottom in boxes_of(players)
        ]
        shapes = [Rectangle((left, top), right - left, bottom - top) for left, top, right, bottom in boxes]
        ax.add_collection(PatchCollection(shapes, array=shown, clim=(-limit, limit), linewidth=0, **scale))
    if players.regions is not None:
        borders = [height * line for lines in borders_of(players) for line in lines]
        ax.add_collection(
            LineCollection(borders, colors=OUTLINE[players.picture is not None], linewidths=0.6, snap=False)
        )
    ax.set(xlim=(0, width), ylim=(height, 0), aspect="equal")


def _describe(ax: "Axes", explanation: Explanation, words: Any, order: int, limit: float) -> None:
    """Add a title, a colour bar, and the numbers of rows and columns."""
    players, (height, width) = explanation.players, size_of(explanation.players)
    title = "effects of the picture alone" if order == 1 else "all words"
    if order == 2 and words is not None:
        title = ", ".join(f"“{players.text[k].label}”" for k in players.find_text(words))
    ax.set_title(plain(title), fontsize=10, color=INK)
    panel(ax, lines=None, size=6.5).tick_params(labelcolor=SOFT, pad=1)
    for axis, count, size in zip((ax.yaxis, ax.xaxis), players.grid or (0, 0), (height, width), strict=True):
        some = range(0, count, -(-count // MOST_NUMBERED) or 1)
        axis.set_ticks([(k + 0.5) * size / count for k in some], labels=[str(k + 1) for k in some])
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    scale = ScalarMappable(Normalize(-limit, limit), colormap())
    bar = ax.figure.colorbar(scale, ax=ax, orientation="horizontal", fraction=0.04, pad=0.02, shrink=0.8)
    name_scale(bar, limit, explanation.unit)


def _mark(ax: "Axes", sizes: np.ndarray, spots: np.ndarray) -> None:
    """Draw a + or a − in the middle of each player whose value is more than a quarter of the scale."""
    across = ax.bbox.width * 72 / ax.get_figure(root=True).dpi / max(1.0, len(sizes) ** 0.5)  # type: ignore[union-attr]
    for marker, there in (("+", sizes > MARKED), ("_", sizes < -MARKED)):
        for colour, width in (("white", 3.4), (INK, 1.3)):
            look: dict[str, Any] = {"color": colour, "markeredgewidth": width, "markersize": min(8.0, 0.4 * across)}
            ax.plot(*spots[there].T, linestyle="none", marker=marker, **look)
