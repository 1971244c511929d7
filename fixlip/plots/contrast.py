"""The reasons for one caption and not another: the parts of the difference, and maps of it."""

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from fixlip.plots import colours
from fixlip.plots.heatmap import heatmap
from fixlip.plots.style import GRID, INK, SOFT, colour_bar, draws, finish, limit_of, new_figure, panel, plain, short
from fixlip.results.contrast import Contrast, Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_ROWS = 10  # words with a bar
MAX_MAPS = 3  # words with maps: those whose interactions differ most
FAINT = 0.1  # relative to the strongest word's share of the squared differences; fainter words get no maps
LONGEST = 26  # letters of a label
BESIDE: dict[str, Any] = {
    "xycoords": "axes fraction",
    "textcoords": "offset points",
    "ha": "right",
    "va": "center",
    "fontsize": 9,
    "color": INK,
}
LABEL: dict[str, Any] = {
    "ha": "center",
    "fontsize": 8.5,
    "color": INK,
    "bbox": {"boxstyle": "round", "fc": "white", "ec": "none", "alpha": 0.85},
}
BARS, CELL, GAP = 4.9, 2.3, 0.12  # inches: the bars with their labels, a map, between maps


class Maps(NamedTuple):
    """A row of maps: its name, the text players in the first, the second and the aligned explanation, and the order."""

    name: str
    words: tuple[Any, Any, Any] = (None, None, None)
    order: Literal[1, 2] = 2


@draws(Contrast)
def contrast(result: Contrast, path: str | Path | None = None) -> "Figure":
    """Draw the parts of the difference, and maps of both captions and of the difference.

    Args:
        result: the contrast to draw.
        path: also write the figure there (.pdf, .png or .svg), completely or not at all.

    Returns:
        The figure; its first Axes hold the bars, the others the maps for all words and for the words whose interactions
        differ most: in the first caption, the second, and the difference, all on one scale.

    Raises:
        InputError: the path cannot be written.
    """
    return finish(_draw(result), path)


def _draw(result: Contrast) -> "Figure":
    rows, maps = _rows(result), _maps(result)
    width = BARS + 0.5 + 3 * (CELL + GAP)
    title = textwrap.wrap("“{}” rather than “{}”".format(*result.captions), int(9.2 * width), max_lines=3)
    note = textwrap.wrap(_note(result), int(13.5 * width), max_lines=3, placeholder=" …")
    head, foot = 0.72 + 0.19 * len(title), 0.62 + 0.16 * len(note)
    body = max(len(maps) * (CELL + GAP), 0.34 * len(rows) + 0.3)
    height = head + body + foot
    figure = new_figure(width, height)
    figure.text(0.2 / width, 1 - 0.14 / height, plain("\n".join(title)), va="top", fontsize=11, color=INK)
    figure.text(
        0.2 / width, 1 - (0.24 + 0.19 * len(title)) / height, _headline(result), va="top", fontsize=9, color=SOFT
    )
    top = (foot + body) / height
    bars = figure.add_axes((1.75 / width, top - 0.34 * len(rows) / height, 2.6 / width, 0.34 * len(rows) / height))
    _bars(bars, rows, result.first.value_unit)
    limit = limit_of(np.concatenate([values for row in maps for values in _values(result, row)]), None)
    for line, row in enumerate(maps):
        for column, explanation in enumerate((result.first, result.second, result.aligned)):
            place = (BARS + 0.4 + column * (CELL + GAP)) / width, top - (CELL + line * (CELL + GAP)) / height
            ax = figure.add_axes((*place, CELL / width, CELL / height))
            heatmap(explanation, row.words[column], ax=ax, order=row.order, limit=limit)
            if row.words[column] == []:
                ax.text(0.5, 0.5, "no such word", transform=ax.transAxes, **LABEL)
            if line == 0:
                ax.set_title(plain(_heading(result, column)), fontsize=9, color=INK, loc="left", pad=5)
            if column == 0:
                ax.annotate(plain(short(row.name, LONGEST)), (0, 0.5), (-7, 0), rotation=90, **BESIDE)
    scale = ((BARS + 0.4) / width, (foot - 0.2) / height, 1.8 / width, 0.1 / height)
    colour_bar(figure, scale, limit, result.first.unit)
    text = "\n".join([_footer(result), *note])
    figure.text(0.2 / width, 0.12 / height, plain(text), fontsize=7.5, color=SOFT, linespacing=1.5)
    return figure


def _rows(result: Contrast) -> list[Row]:
    """Return the rows in the order of printed tables, and their sum."""
    full = result.first.full_value, result.second.full_value
    return [*result.ordered(MAX_ROWS), Row("difference", "rest", *full, full[0] - full[1])]


def _maps(result: Contrast) -> list[Maps]:
    """Return maps for all words and for the words that differ most, in reading order; without pairs, of patches."""
    strength = np.nan_to_num(result.aligned.cross**2).sum(0)
    if not np.isfinite(result.aligned.cross).any():
        return [Maps("patches alone" if result.first.players.grid else "regions alone", order=1)]
    strongest = [k for k in np.argsort(-strength, kind="stable")[:MAX_MAPS] if strength[k] > FAINT * strength.max()]
    rows = [Maps("all words")]
    for k in sorted(strongest):
        part = result.parts()[k]
        first, second = ([] if i is None else [i] for i in (part.first, part.second))
        rows.append(Maps(part.label, (first, second, [int(k)])))
    return rows


def _values(result: Contrast, row: Maps) -> list[np.ndarray]:
    three = zip((result.first, result.second, result.aligned), row.words, strict=True)
    return [explanation.patch_values(words, order=row.order) for explanation, words in three]


def _bars(ax: "Axes", rows: list[Row], unit: str) -> None:
    values = np.array([row.difference for row in rows])
    y = np.arange(len(rows), dtype=float)
    y[-1] += 0.25  # the sum stands apart
    ax.barh(y, values, height=0.66, color=[colours.POSITIVE if v > 0 else colours.NEGATIVE for v in values])
    labels = ax.set_yticks(y, [plain(short(row.part, LONGEST)) for row in rows], fontsize=8.5, color=INK)
    for label, row in zip(labels, rows, strict=True):
        label.label1.set_fontweight("bold" if row.kind == "changed" or row is rows[-1] else "normal")
    reach = np.abs(values).max() or 1.0
    for place, value in zip(y, values, strict=True):
        right = value >= 0
        text: dict[str, Any] = {"ha": "left" if right else "right", "va": "center", "fontsize": 8, "color": INK}
        ax.annotate(f"{value:+.2f}", (value, place), (3 if right else -3, 0), textcoords="offset points", **text)
    low, high = min(values.min(), 0.0), max(values.max(), 0.0)
    ax.set_xlim(low - 0.3 * reach * (low < 0), high + 0.3 * reach)
    ax.set_ylim(y[-1] + 0.6, -0.6)
    ax.axhline(y[-1] - 0.62, color=GRID, linewidth=0.8)
    ax.axvline(0, color=SOFT, linewidth=0.8)
    ax.set_xlabel(f"difference ({unit})", fontsize=8, color=SOFT)
    panel(ax, lines=None, size=8.5)
    ax.set_xticks([])


def _heading(result: Contrast, column: int) -> str:
    return (*(f"“{short(text, LONGEST)}”" for text in result.captions), "difference")[column]


def _headline(result: Contrast) -> str:
    first, second, unit = result.first.full_value, result.second.full_value, result.first.value_unit
    digits = 2 if max(abs(first), abs(second)) >= 1 else 3
    return f"similarity {first:.{digits}f} against {second:.{digits}f}: {first - second:+.{digits}f} {unit}"


def _footer(result: Contrast) -> str:
    p = result.difference.provenance
    fit = f"fit R² {p.r2:.3f}" if np.isfinite(p.r2) else ""
    return "   ·   ".join(filter(None, (p.model, p.estimator, result.first.index, fit)))


def _note(result: Contrast) -> str:
    status = result.difference.provenance.status
    return "" if status == "ok" else f"Note: {status}"
