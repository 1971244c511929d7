"""One figure that says it all: the picture, what each word sees, the strongest pairs."""

import io
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fixlip.explanation import Explanation
from fixlip.plots.caption import caption
from fixlip.plots.heatmap import heatmap
from fixlip.plots.pairs import top_pairs
from fixlip.plots.style import DPI, INK, SOFT, colormap, new_figure, plain
from fixlip.storage import write_atomically

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = 5
MAX_WORDS = 5  # maps of single words: those with most interaction
FAINT = 0.1  # of the strongest word's interaction; fainter words get no map


def overview(explanation: Explanation, path: str | Path | None = None) -> "Figure":
    """The static figure of an explanation: the same content as the page.

    Args:
        explanation: of a picture with patches on a grid.
        path: also write it there as PNG, whole or not at all.

    Returns:
        The figure; maps of words share one scale, the maps of all words and of the patches alone have their own.

    Raises:
        InputError: the image players are not a grid, or the path cannot be written.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph .* missing")  # emoji and scripts that the font lacks
        figure = _draw(explanation)
        if path is not None:
            buffer = io.BytesIO()
            figure.savefig(buffer, format="png", dpi=DPI)
            write_atomically(path, buffer.getvalue())
    return figure


def _draw(explanation: Explanation) -> "Figure":
    words = _words(explanation)
    limit = max([float(np.abs(explanation.heatmap([word])).max()) for word in words], default=0.0) or 1.0
    maps: list[tuple[str, dict[str, Any]]] = [
        (explanation.players.text[w].label, {"words": [w], "limit": limit}) for w in words
    ]
    if len(words) > 1:
        maps.insert(0, ("all words", {}))
    maps.append(("patches alone", {"order": 1}))
    rows = -(-(1 + len(maps) + 2) // COLUMNS)  # the picture, the maps, and at least two cells for the pairs
    height = 2.6 * rows + 1.5
    figure = new_figure(12, height)
    grid = figure.add_gridspec(
        rows, COLUMNS, left=0.03, right=0.975, top=1 - 1.05 / height, bottom=0.68 / height, wspace=0.08, hspace=0.14
    )
    figure.text(0.03, 1 - 0.3 / height, _headline(explanation), fontsize=10.5, color=INK)
    figure.text(0.03, 0.13 / height, _footer(explanation), fontsize=7.5, color=SOFT)
    caption(explanation, ax=figure.add_axes((0.03, 1 - 0.8 / height, 0.94, 0.4 / height)))
    _picture(explanation, figure.add_subplot(grid[0, 0]))
    for cell, (title, options) in enumerate(maps, 1):
        ax = figure.add_subplot(grid[cell // COLUMNS, cell % COLUMNS])
        _title(heatmap(explanation, ax=ax, **options), title)
    first = (1 + len(maps)) % COLUMNS
    side = grid[rows - 1, first:].subgridspec(1, 2, width_ratios=[0.6, COLUMNS - first - 0.6])
    if words:
        _title(top_pairs(explanation, 10, ax=figure.add_subplot(side[1])), "strongest pairs")
        _scale(figure, limit, explanation.unit, height)
    return figure


def _words(explanation: Explanation) -> list[int]:
    """The words worth a map of their own, in reading order."""
    strength = np.nan_to_num(np.abs(explanation.cross)).sum(0)
    strongest = np.argsort(-strength, kind="stable")[:MAX_WORDS]
    return sorted(int(w) for w in strongest if strength[w] > FAINT * strength.max())


def _headline(explanation: Explanation) -> str:
    share = ", ".join(f"{part} {value:.0%}" for part, value in explanation.share().items() if value > 0)
    return (
        f"similarity {explanation.full_value:.2f} {explanation.unit} (nothing shown: {explanation.empty_value:.2f})"
        f"   ·   effects: {share}"
    )


def _footer(explanation: Explanation) -> str:
    p = explanation.provenance
    note = "" if p.status == "ok" else f"   ·   note: {p.status}"
    facts = f"{p.model}   ·   {p.estimator}, {explanation.index}   ·   fit R² {p.r2:.3f}   ·   "
    return plain(f"{facts}{p.image_passes} image + {p.text_passes} text passes{note}")


def _picture(explanation: Explanation, ax: "Axes") -> None:
    if explanation.players.picture is not None:
        ax.imshow(explanation.players.picture)
    ax.set_axis_off()
    _title(ax, "what the model sees")


def _title(ax: "Axes", text: str) -> None:
    ax.set_title(plain(text), fontsize=9.5, color=INK, loc="left", pad=5)


def _scale(figure: "Figure", limit: float, unit: str, height: float) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    ax = figure.add_axes((0.775, 1 - 0.29 / height, 0.18, 0.1 / height))
    bar = figure.colorbar(ScalarMappable(Normalize(-limit, limit), colormap()), cax=ax, orientation="horizontal")
    bar.set_ticks([-limit, 0, limit], labels=[f"−{limit:.2g}", "0", f"+{limit:.2g} {unit}"])
    bar.ax.tick_params(labelsize=7.5, length=0, labelcolor=SOFT)
    bar.outline.set_visible(False)
