"""The maps of a comparison, side by side on one scale."""

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from fixlip.arguments import in_order
from fixlip.plots.heatmap import heatmap
from fixlip.plots.style import INK, SOFT, colour_bar, draws, end_of, finish, limit_of, new_figure, plain, short
from fixlip.results.comparison import Comparison

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matplotlib.axes import Axes

MAX_WORDS = 4  # rows of single words: the words with the strongest interactions
FAINT = 0.1  # relative to the strongest word's share of the squared interactions; fainter words get no row
LONGEST = 24  # letters of a label
BESIDE: dict[str, Any] = {"xycoords": "axes fraction", "textcoords": "offset points", "va": "center", "color": INK}
CELL, GAP = 2.5, 0.14  # inches: a map, between maps
LABEL = {
    **BESIDE,
    "ha": "center",
    "fontsize": 9,
    "bbox": {"boxstyle": "round", "fc": "white", "ec": "none", "alpha": 0.85},
}


class Row(NamedTuple):
    """A row of maps: its name, the order of the effects, and the words in each explanation (all when None)."""

    name: str
    order: Literal[1, 2]
    words: list[Any]


@draws(Comparison)
def compare(
    comparison: Comparison,
    words: Any = None,
    *,
    axes: "Iterable[Axes] | None" = None,
    limit: float | None = None,
    path: str | Path | None = None,
) -> "list[Axes]":
    """Draw explanations side by side on the strongest scale (maps in "relevance" have separate scales).

    Without `words` and `axes` this is a whole figure: a column for each explanation, rows for all words together and
    for the strongest words, matched between explanations by their characters, and a colour bar. If an explanation has
    no pairs, a last row shows the first-order effects on a separate scale.

    Args:
        comparison: what `fixlip.compare` returns.
        words: draw one row only, for these words, as in `Explanation.patch_values`.
        axes: the Axes of that row, one for each explanation; a new figure when None.
        limit: the end of the shared scale, to compare figures; the strongest value of any map when None.
        path: also write the figure there (.pdf, .png or .svg), completely or not at all.

    Returns:
        The Axes of the maps, row by row, each in the order of the comparison.

    Raises:
        InputError: an explanation lacks a word, or the path cannot be written.
    """
    one = [Row("", 2, [words] * len(comparison))]
    if axes is not None:
        drawn = _draw(comparison, one[0], in_order("axes", axes), _limits(comparison, one, limit))
        _name(drawn, comparison)
    else:
        drawn = _figure(comparison, _rows(comparison) if words is None else one, limit)
    return finish(drawn, path)


def _rows(comparison: Comparison) -> list[Row]:
    everything = [None] * len(comparison)
    has_pairs = [bool(np.isfinite(e.cross).any()) for e in comparison.explanations]
    rows = [Row("all words", 2, everything), *_strongest(comparison)] if any(has_pairs) else []
    if not all(has_pairs):
        noun = "patches" if all(e.players.grid for e in comparison.explanations) else "regions"
        rows.append(Row(f"{noun} alone", 1, everything))
    return rows


def _strongest(comparison: Comparison) -> list[Row]:
    """Return the strongest words in reading order, by their largest share of the squared interactions."""
    sizes = [np.nan_to_num(e.cross**2).sum(0) for e in comparison.explanations]
    shares = [size / (size.sum() or 1.0) for size in sizes]
    words = comparison.words()
    strength = np.array([max(s[at].sum() for s, at in zip(shares, w.players, strict=True)) for w in words])
    kept = [k for k in np.argsort(-strength, kind="stable")[:MAX_WORDS] if strength[k] > FAINT * strength.max()]
    return [Row(short(words[k].label, LONGEST), 2, list(words[k].players)) for k in sorted(kept)]


def _figure(comparison: Comparison, rows: list[Row], limit: float | None) -> "list[Axes]":
    columns, lines, left = len(comparison), len(rows), 0.42
    width = left + 0.12 + columns * (CELL + GAP)
    title = textwrap.wrap(
        f"“{comparison.explanations[0].players.caption}”", int(10 * width), max_lines=3, placeholder=" …"
    )
    note = textwrap.wrap(_note(comparison), int(15 * (width - left)), max_lines=4, placeholder=" …")
    head, foot = 0.75 + 0.19 * len(title), 0.5 + 0.16 * len(note)
    height = head + foot + lines * (CELL + GAP)
    figure = new_figure(width, height)
    area = {"left": left / width, "right": 1 - 0.12 / width, "top": 1 - head / height, "bottom": foot / height}
    axes = figure.subplots(
        lines, columns, squeeze=False, gridspec_kw={**area, "wspace": GAP / CELL, "hspace": GAP / CELL}
    )
    has_pairs = any(row.order == 2 for row in rows)
    limits = _limits(comparison, [row for row in rows if row.order == 2], limit)
    heading: dict[str, Any] = {"va": "top", "fontsize": 11, "color": INK, "linespacing": 1.25}
    figure.text(left / width, 1 - 0.14 / height, plain("\n".join(title)), **heading)
    for row, line in zip(rows, axes, strict=True):
        alone = _limits(comparison, [row]) if row.order == 1 else None
        _draw(comparison, row, line, alone or limits)
        name = plain(row.name + ("" if alone is None else end_of(np.array([max(alone)]))))
        line[0].annotate(name, (0, 0.5), (-7, 0), rotation=90, ha="right", fontsize=9.5, **BESIDE)
    _name(list(axes[0]), comparison)
    if has_pairs:
        shared = [e.unit != "relevance" for e in comparison.explanations]
        first = shared.index(True) if any(shared) else 0
        place = ((left + 0.12) / width, (foot - 0.22) / height, 1.8 / width, 0.1 / height)
        colour_bar(figure, place, limits[first], comparison.explanations[first].unit)
    figure.text(left / width, 0.1 / height, plain("\n".join(note)), fontsize=7.5, color=SOFT, linespacing=1.4)
    return list(axes.flat)


def _limits(comparison: Comparison, rows: list[Row], limit: float | None = None) -> list[float]:
    """Return the end of the scale of each explanation; all share it except those in "relevance"."""
    values_of = [
        np.concatenate([e.patch_values(row.words[k], order=row.order) for row in rows] or [np.zeros(1)])
        for k, e in enumerate(comparison.explanations)
    ]
    apart = [e.unit == "relevance" for e in comparison.explanations]
    together = [values for values, a in zip(values_of, apart, strict=True) if not a]
    shared = limit_of(np.concatenate(together or [np.zeros(1)]), limit)
    return [limit_of(values, None) if a else shared for values, a in zip(values_of, apart, strict=True)]


def _draw(comparison: Comparison, row: Row, axes: "Sequence[Axes]", limits: list[float]) -> "list[Axes]":
    for ax, explanation, words, limit in zip(axes, comparison.explanations, row.words, limits, strict=True):
        heatmap(explanation, words, ax=ax, order=row.order, limit=limit)
        if words == []:
            ax.annotate("no such word", (0.5, 0.5), (0, 0), **LABEL)
        elif not np.isfinite(explanation.patch_values(words, order=row.order)).any():
            ax.annotate("not estimated", (0.5, 0.5), (0, 0), **LABEL)
    return list(axes)


def _name(axes: "Sequence[Axes]", comparison: Comparison) -> None:
    """Write the label, the similarity and the fit of the surrogate above each column."""
    for ax, (label, e) in zip(axes, comparison, strict=True):
        fit = f"  ·  fit R² {e.provenance.r2:.3f}" if np.isfinite(e.provenance.r2) else ""
        fit += "  ·  separate scale" if e.unit == "relevance" and len(comparison) > 1 else ""
        facts = f"similarity {e.full_value:.{2 if abs(e.full_value) >= 1 else 3}f} {e.value_unit}{fit}"
        ax.set_title(plain(short(label, LONGEST)), fontsize=9.5, color=INK, loc="left", pad=18)
        ax.annotate(plain(facts), (0, 1), (0, 6), fontsize=7.5, **{**BESIDE, "va": "baseline", "color": SOFT})


def _note(comparison: Comparison) -> str:
    """Return the warnings to read before trusting the numbers."""
    notes = [f"{label}: {e.provenance.status}" for label, e in comparison if e.provenance.status != "ok"]
    return "   ".join(notes)
